//! Every setting: its flag, environment variable, unit, default and validation.
//!
//! [`Config::load`] reads them once, at startup. If one is invalid, [`Error`] names it, and says
//! what is wrong and what is expected. Secrets are never printed: see [`Secret`].

mod error;
mod files;
mod origin;
mod secret;

use std::{
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    time::Duration,
};

use clap::{Parser, ValueEnum};
use leptos::config::{LeptosOptions, get_configuration};

use self::secret::OptionalSecret;
pub use self::{
    error::Error,
    files::{Bucket, FileStore, Place, SpaceLimits},
    origin::Origin,
    secret::Secret,
};

use crate::outgoing::Exception;

/// The default listen address.
const ADDR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3000);

/// One node of Roost, a self-hosted team chat.
#[derive(Clone, Debug, Parser)]
#[command(name = "server", version, after_help = "A flag goes before its environment variable.")]
pub struct Config {
    /// Postgres, which stores everything
    #[arg(long, env, hide_env_values = true, value_name = "postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    #[arg(value_parser = |text: &str| Secret::parse(text, &["postgres://", "postgresql://"]))]
    pub database_url: Secret,

    /// Redis, which carries events between servers; a single server needs none; rediss:// for TLS.
    /// Several, separated by commas, share the load: use the same list in the same order on every
    /// server
    #[arg(
        long,
        env,
        hide_env_values = true,
        value_name = "redis://:PASSWORD@HOST:PORT/0,…",
        default_value = ""
    )]
    #[arg(value_parser = |text: &str| Secret::parse_list(text, &["redis://", "rediss://", "unix://", "redis+unix://"]))]
    redis_url: OptionalSecret,

    /// Listen address [default: `site-addr` in Leptos.toml, or else 127.0.0.1:3000]
    #[arg(long, env = "ROOST_ADDR", value_name = "ADDRESS:PORT")]
    addr: Option<SocketAddr>,

    /// Listen address for Prometheus metrics, at /metrics; off if not set. Keep it off the public
    /// network
    #[arg(long, env = "ROOST_METRICS_ADDR", value_name = "ADDRESS:PORT")]
    pub metrics_addr: Option<SocketAddr>,

    /// Public address of this workspace: scheme and host, without a path [default: http://localhost
    /// and the port]
    #[arg(long, env = "ROOST_PUBLIC_URL", value_name = "https://HOST")]
    public_url: Option<Origin>,

    /// Additional allowed origins, separated by commas
    #[arg(long, env = "ROOST_EXTRA_ORIGINS", value_name = "https://HOST,…", value_delimiter = ',')]
    pub extra_origins: Vec<Origin>,

    /// This server's name, in the UI and in logs [default: the host name and a random suffix]
    #[arg(long, env = "ROOST_NODE_NAME", value_name = "NAME", value_parser = node_name)]
    #[arg(default_value_t = default_node_name(), hide_default_value = true)]
    pub node_name: String,

    /// Number of proxies in front that append to X-Forwarded-For
    #[arg(long, env = "ROOST_TRUSTED_PROXIES", value_name = "PROXIES", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=10))]
    pub trusted_proxies: u8,

    /// Who may sign up, after the first person
    #[arg(long, env = "ROOST_SIGN_UP", value_name = "WHO", value_enum, default_value_t = SignUpMode::Invite)]
    pub sign_up: SignUpMode,

    /// Maximum number of Postgres connections
    #[arg(long, env = "ROOST_DB_POOL", value_name = "CONNECTIONS", default_value_t = 16)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub db_pool: u32,

    /// How long to wait for Postgres at startup
    #[arg(long, env = "ROOST_WAIT_S", value_name = "SECONDS", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=3600))]
    wait_s: u32,

    /// How long a browser stays signed in without activity
    #[arg(long, env = "ROOST_SESSION_DAYS", value_name = "DAYS", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=400))]
    session_days: u32,

    /// How long an invitation link is valid
    #[arg(long, env = "ROOST_INVITATION_DAYS", value_name = "DAYS", default_value_t = 7)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=365))]
    invitation_days: u32,

    /// People who can use one invitation link
    #[arg(long, env = "ROOST_INVITATION_USES", value_name = "PEOPLE", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub invitation_uses: u16,

    /// Sustained messages per second per person
    #[arg(long, env = "ROOST_SENDS_PER_S", value_name = "MESSAGES/S", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub sends_per_s: u32,

    /// Burst size of the same limit
    #[arg(long, env = "ROOST_SENDS_BURST", value_name = "MESSAGES", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub sends_burst: u32,

    /// Multiplier for each person's budget of all other commands: queries, marks, new rooms
    #[arg(long, env = "ROOST_BUDGET_FACTOR", value_name = "TIMES", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub budget_factor: u32,

    /// Failed sign-ins per minute from one address
    #[arg(long, env = "ROOST_SIGN_INS_PER_MIN", value_name = "TRIES/MIN", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub sign_ins_per_min: u32,

    /// Failed sign-ins per minute for one account from one address
    #[arg(long, env = "ROOST_SIGN_INS_PER_ACCOUNT_PER_MIN", value_name = "TRIES/MIN", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub sign_ins_per_account_per_min: u32,

    /// Sign-ups without an invitation, and attempts with an invalid link, per minute from one
    /// address
    #[arg(long, env = "ROOST_SIGN_UPS_PER_MIN", value_name = "TRIES/MIN", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub sign_ups_per_min: u32,

    /// Passwords hashed concurrently: each takes 19 MiB and some hundredths of a second of CPU time
    #[arg(long, env = "ROOST_HASHES_AT_ONCE", value_name = "PASSWORDS", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    pub hashes_at_once: u16,

    /// Open sockets per person on this server
    #[arg(long, env = "ROOST_CONNECTIONS_PER_USER", value_name = "SOCKETS", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections_per_user: u32,

    /// Open sockets per address on this server
    #[arg(long, env = "ROOST_CONNECTIONS_PER_ADDRESS", value_name = "SOCKETS", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections_per_address: u32,

    /// New sockets per minute per address
    #[arg(long, env = "ROOST_SOCKETS_PER_MIN", value_name = "SOCKETS/MIN", default_value_t = 1_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub sockets_per_min: u32,

    /// Where files are stored: a folder that all servers of this machine share, or a bucket of S3. Back it up with
    /// the database
    #[arg(
        long,
        env = "ROOST_FILES",
        value_name = "FOLDER|s3://BUCKET/PREFIX",
        default_value = ".data/files"
    )]
    #[arg(value_parser = files::place)]
    files: Place,

    /// The address of S3, if it is not Amazon's; with http:// everything travels unencrypted
    #[arg(long, env = "ROOST_S3_ENDPOINT", value_name = "https://HOST:PORT", default_value = "")]
    #[arg(value_parser = files::endpoint)]
    s3_endpoint: String,

    /// The region of the bucket
    #[arg(long, env = "ROOST_S3_REGION", value_name = "REGION", default_value = "us-east-1")]
    s3_region: String,

    /// The name of the key for S3. Without keys, those of the machine's role are used
    #[arg(long, env = "ROOST_S3_ACCESS_KEY", value_name = "NAME", default_value = "")]
    s3_access_key: String,

    /// The key for S3
    #[arg(long, env = "ROOST_S3_SECRET_KEY", hide_env_values = true, value_name = "KEY", default_value = "")]
    #[arg(value_parser = Secret::parse_any)]
    s3_secret_key: OptionalSecret,

    /// Put the bucket into the path instead of the host name, as most S3 servers other than Amazon's want
    #[arg(long, env = "ROOST_S3_PATH_STYLE", value_name = "true|false", default_value_t = true)]
    #[arg(num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    s3_path_style: bool,

    /// Let nginx send the files of a folder: the path of an internal location whose alias is that folder
    #[arg(long, env = "ROOST_ACCEL_PREFIX", value_name = "/PATH/", default_value = "")]
    #[arg(value_parser = files::accel_prefix)]
    accel_prefix: String,

    /// The largest file, in MB (of 1,000,000 bytes)
    #[arg(long, env = "ROOST_FILE_MB_MAX", value_name = "MB", default_value_t = 1_024)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub file_mb_max: u32,

    /// The space for the files of one person, in MB; 0: no limit
    #[arg(long, env = "ROOST_PERSON_FILES_MB_MAX", value_name = "MB", default_value_t = 0)]
    person_files_mb_max: u32,

    /// The space for all files, in MB; 0: no limit
    #[arg(long, env = "ROOST_WORKSPACE_FILES_MB_MAX", value_name = "MB", default_value_t = 0)]
    workspace_files_mb_max: u32,

    /// Show what the links of messages lead to: servers fetch the linked pages. If off, they fetch nothing
    #[arg(long, env = "ROOST_LINK_PREVIEWS", value_name = "true|false", default_value_t = true)]
    #[arg(num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub link_previews: bool,

    /// Addresses that servers may fetch pages from although they are not on the public internet; with a port if it
    /// is neither 80 nor 443. Everybody who can write messages can then read what these addresses answer
    #[arg(long, env = "ROOST_OUTGOING_ALLOW", value_name = "IP[:PORT],…", value_delimiter = ',')]
    pub outgoing_allow: Vec<Exception>,

    /// How long to wait for work in progress at shutdown
    #[arg(long, env = "ROOST_DRAIN_S", value_name = "SECONDS", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=3600))]
    drain_s: u32,

    /// Log level: error, warn, info, debug or trace, optionally per module
    /// (info,server::broker=debug)
    #[arg(long, env = "ROOST_LOG", value_name = "FILTER", default_value = "info", value_parser = log_filter)]
    pub log: String,

    /// Log one JSON object per line
    #[arg(long, env = "ROOST_LOG_JSON", value_name = "true|false", default_value_t = false)]
    #[arg(num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub log_json: bool,

    /// The file that says where the built front end is
    #[arg(long, env = "ROOST_LEPTOS_TOML", value_name = "FILE", default_value = "Leptos.toml")]
    leptos_toml: String,

    /// Migrate the database and exit
    #[arg(long)]
    pub migrate_only: bool,
}

/// Who may sign up, after the first person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SignUpMode {
    /// Everyone.
    Open,
    /// Anyone with an invitation link.
    Invite,
    /// Nobody.
    Closed,
}

impl Config {
    /// Reads the arguments, the environment and `Leptos.toml`.
    ///
    /// # Errors
    /// The first invalid setting; or the text that was asked for.
    pub fn load(args: impl IntoIterator<Item = OsString>) -> Result<(Self, LeptosOptions), Error> {
        let mut config = Self::parse_args(args)?;
        let options = leptos_options(&config.leptos_toml)?;
        config.addr = Some(config.addr.unwrap_or(options.site_addr));
        Ok((config, options))
    }

    /// Reads only the arguments and the environment.
    ///
    /// # Errors
    /// The first invalid setting; or the text that was asked for.
    pub fn parse_args(args: impl IntoIterator<Item = OsString>) -> Result<Self, Error> {
        let config = Self::try_parse_from(args).map_err(|e| error::one_line(&e))?;
        files::check(&config)?;
        Ok(config)
    }

    /// The address of Redis, unless this server runs alone; several are separated by commas.
    #[must_use]
    pub fn redis_url(&self) -> Option<&Secret> {
        self.redis_url.0.as_ref()
    }

    /// Makes the server run alone, or with others over this Redis.
    pub fn set_redis_url(&mut self, url: Option<Secret>) {
        self.redis_url = OptionalSecret(url);
    }

    /// The listen address.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr.unwrap_or(ADDR)
    }

    /// Sets the actual listen address: the port may have been 0.
    pub fn set_addr(&mut self, addr: SocketAddr) {
        self.addr = Some(addr);
    }

    /// The public address of the workspace.
    #[must_use]
    pub fn public_url(&self) -> Origin {
        self.public_url.clone().unwrap_or_else(|| self.loopback("localhost"))
    }

    /// The origins whose pages may use the workspace. Without a public address, this machine under
    /// each of its names.
    #[must_use]
    pub fn origins(&self) -> Vec<Origin> {
        let own = match &self.public_url {
            Some(url) => vec![url.clone()],
            None => ["localhost", "127.0.0.1", "[::1]"].map(|host| self.loopback(host)).to_vec(),
        };
        own.into_iter().chain(self.extra_origins.iter().cloned()).collect()
    }

    fn loopback(&self, host: &str) -> Origin {
        Origin::new("http", host, Some(self.addr().port()))
    }

    /// How long to wait for Postgres at startup.
    #[must_use]
    pub fn wait(&self) -> Duration {
        Duration::from_secs(self.wait_s.into())
    }

    /// How long to wait for work in progress at shutdown.
    #[must_use]
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_s.into())
    }

    /// How long a session lives without activity.
    #[must_use]
    pub fn session_lifetime(&self) -> Duration {
        Duration::from_secs(u64::from(self.session_days) * 86_400)
    }

    /// How long an invitation link is valid.
    #[must_use]
    pub fn invitation_lifetime(&self) -> Duration {
        Duration::from_secs(u64::from(self.invitation_days) * 86_400)
    }
}

fn leptos_options(file: &str) -> Result<LeptosOptions, Error> {
    let setting = "ROOST_LEPTOS_TOML (--leptos-toml)";
    let read = get_configuration(Some(file)).map_err(|e| {
        let fault = e.to_string().replace('\n', " ");
        Error::new(
            setting,
            format!("{file} cannot be read ({fault}); expected the project's Leptos.toml, by default in the current folder"),
        )
    })?;
    Ok(read.leptos_options)
}

fn log_filter(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(e) => Err(e.to_string()),
    }
}

const NODE_NAME_CHARS: RangeInclusive<usize> = 1..=64;

fn node_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if NODE_NAME_CHARS.contains(&text.len()) && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("1 to 64 letters, digits, dots, dashes or underscores".to_owned())
    }
}

/// The host name, and a suffix that distinguishes two servers on one host.
fn default_node_name() -> String {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host: String =
        host.trim().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(32).collect();
    let host = if host.is_empty() { "node" } else { &host };
    format!("{host}-{:04x}", rand::random::<u16>())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    const DATABASE: &str = "--database-url=postgres://roost:hush@localhost/roost";

    fn parse(args: &[&str]) -> Result<Config, Error> {
        Config::parse_args(["server", DATABASE].iter().chain(args).map(OsString::from))
    }

    fn fault(args: &[&str]) -> String {
        parse(args).unwrap_err().to_string()
    }

    #[test]
    fn the_command_is_sound() {
        Config::command().debug_assert();
    }

    #[test]
    fn every_setting_has_a_line_of_help_and_says_its_variable() {
        for arg in Config::command().get_arguments().filter(|arg| !arg.is_positional()) {
            let name = arg.get_long().unwrap_or_default();
            assert!(arg.get_help().is_some(), "{name}");
            let plain = ["help", "version", "migrate-only"].contains(&name);
            assert!(plain || arg.get_env().is_some(), "{name}");
        }
    }

    #[test]
    fn a_fault_names_the_setting_and_what_is_expected_in_one_line() {
        for (arg, words) in [
            ("--sends-per-s=many", ["ROOST_SENDS_PER_S (--sends-per-s)", "\"many\"", "MESSAGES/S"]),
            ("--sends-per-s=0", ["ROOST_SENDS_PER_S (--sends-per-s)", "\"0\"", "1..=100000"]),
            ("--sign-up=sometimes", ["ROOST_SIGN_UP (--sign-up)", "\"sometimes\"", "open, invite, closed"]),
            (
                "--public-url=chat.example",
                ["ROOST_PUBLIC_URL (--public-url)", "\"chat.example\"", "https://HOST"],
            ),
            ("--addr=3000", ["ROOST_ADDR (--addr)", "\"3000\"", "ADDRESS:PORT"]),
            (
                "--outgoing-allow=10.0.0.0/8",
                ["ROOST_OUTGOING_ALLOW (--outgoing-allow)", "\"10.0.0.0/8\"", "IP[:PORT]"],
            ),
            ("--log=loud=quiet=x", ["ROOST_LOG (--log)", "\"loud=quiet=x\"", "FILTER"]),
            ("--node-name=a b", ["ROOST_NODE_NAME (--node-name)", "\"a b\"", "1 to 64"]),
            ("--colour=red", ["arguments", "--colour", "--help"]),
        ] {
            let fault = fault(&[arg]);
            assert!(!fault.contains('\n'), "{fault}");
            for word in words {
                assert!(fault.contains(word), "{fault:?} does not say {word:?}");
            }
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let fault = fault(&["--redis-url=http://:hush@localhost"]);
        assert!(fault.starts_with("REDIS_URL (--redis-url)") && fault.contains("redis://"), "{fault}");
        assert!(!fault.contains("hush"), "{fault}");
        assert!(!format!("{:?}", parse(&[]).unwrap()).contains("hush"));
    }

    #[test]
    fn an_empty_redis_url_is_none() {
        assert_eq!(parse(&["--redis-url="]).unwrap().redis_url(), None);
    }

    #[test]
    fn several_redis_are_a_list_and_a_wrong_one_is_numbered() {
        let list = "redis://:hush@one:6379/0, unix:///run/redis.sock";
        let config = parse(&[&format!("--redis-url={list}")]).unwrap();
        assert_eq!(config.redis_url().map(Secret::expose), Some(list));
        for wrong in ["redis://:hush@one,http://two", "redis://:hush@one,"] {
            let fault = fault(&[&format!("--redis-url={wrong}")]);
            assert!(fault.contains("number 2: it begins with redis://"), "{fault}");
            assert!(!fault.contains("hush"), "{fault}");
        }
    }

    #[test]
    fn without_a_public_address_this_machine_is_meant_by_each_of_its_names() {
        let config = parse(&["--addr=0.0.0.0:4000"]).unwrap();
        let origins: Vec<_> = config.origins().iter().map(ToString::to_string).collect();
        assert_eq!(origins, ["http://localhost:4000", "http://127.0.0.1:4000", "http://[::1]:4000"]);
        let config =
            parse(&["--public-url=https://chat.example", "--extra-origins=https://a.b,https://c.d"]).unwrap();
        let origins: Vec<_> = config.origins().iter().map(ToString::to_string).collect();
        assert_eq!(origins, ["https://chat.example", "https://a.b", "https://c.d"]);
    }
}
