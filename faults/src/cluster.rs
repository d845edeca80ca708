//! The processes of the test: Postgres, Redis, nginx, three servers, and the proxies between them.
//!
//! Dropping the [`Cluster`] ends every process started here, by its pid: at the end, on Ctrl-C and on
//! panic. `scripts/faults` does so again in case the test itself is killed.

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::proxy::Proxy;

/// Number of servers.
pub const SERVERS: usize = 3;
/// Number of networks that the clients are spread over.
pub const NETWORKS: usize = 4;
/// A server that is not ready within this time has failed.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// An error of the test setup; there is no result then.
pub type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Where to connect to.
#[derive(Clone, Debug)]
pub struct Address {
    /// A server, or the proxy of a client's network.
    pub addr: SocketAddr,
    /// The origin of the pages.
    pub origin: String,
}

/// One server, with its own proxies to Postgres and Redis.
pub struct Server {
    /// Its number, from 1.
    pub number: usize,
    /// Where it listens.
    pub addr: SocketAddr,
    /// Where it serves its metrics.
    pub metrics: SocketAddr,
    /// Its proxy to Redis.
    pub redis: Proxy,
    /// Its proxy to Postgres.
    pub postgres: Proxy,
    child: Option<Child>,
}

/// See the module.
pub struct Cluster {
    /// The servers.
    pub servers: Vec<Server>,
    /// The clients' proxies to nginx.
    pub networks: Vec<Proxy>,
    /// Postgres, without a proxy.
    pub pool: PgPool,
    /// Redis, without a proxy.
    pub redis_url: String,
    /// The servers' deliberate defects; empty for the shipped server.
    pub sabotage: String,
    origin: String,
    database_url: String,
    folder: PathBuf,
    root: PathBuf,
    programs: PathBuf,
}

impl Cluster {
    /// Starts everything with an empty database.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn start(root: &Path) -> Fallible<Self> {
        let folder = root.join(".data/faults");
        std::fs::create_dir_all(&folder)?;
        script(root, "services", &["--faults", "fresh"])?;
        // The files of an earlier run, which the empty database does not know. There may be none.
        drop(std::fs::remove_dir_all(folder.join("files")));
        let services = script(root, "services", &["--faults", "env"])?;
        let (database_url, redis_url) = (named(&services, "DATABASE_URL")?, named(&services, "REDIS_URL")?);
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(2))
            .connect_lazy(&database_url)?;
        let mut servers = Vec::new();
        for number in 1..=SERVERS {
            servers.push(Server {
                number,
                addr: free_addr()?,
                metrics: free_addr()?,
                redis: Proxy::start(addr_in(&redis_url)?).await?,
                postgres: Proxy::start(addr_in(&database_url)?).await?,
                child: None,
            });
        }
        let balancer = free_addr()?;
        let mut networks = Vec::new();
        for _ in 0..NETWORKS {
            networks.push(Proxy::start(balancer).await?);
        }
        let programs = std::env::current_exe()?.parent().ok_or("no folder of programs")?.to_owned();
        let mut cluster = Self {
            servers,
            networks,
            pool,
            redis_url,
            sabotage: String::new(),
            origin: format!("http://localhost:{}", balancer.port()),
            database_url,
            folder,
            root: root.to_owned(),
            programs,
        };
        for at in 0..SERVERS {
            drop(std::fs::remove_file(cluster.folder.join(format!("node-{}.log", at + 1))));
            cluster.start_server(at).await?;
        }
        let mut args = vec![cluster.balancer_folder(), balancer.to_string()];
        args.extend(cluster.servers.iter().map(|server| server.addr.port().to_string()));
        let mut words = vec!["start"];
        words.extend(args.iter().map(String::as_str));
        script(root, "balancer", &words)?;
        Ok(cluster)
    }

    /// The address of the cluster for a client of this network.
    #[must_use]
    pub fn address(&self, network: usize) -> Address {
        Address { addr: self.networks[network % NETWORKS].addr(), origin: self.origin.clone() }
    }

    fn balancer_folder(&self) -> String {
        self.folder.join("balancer").display().to_string()
    }

    /// Starts a stopped server, and waits until it is ready.
    ///
    /// # Errors
    /// When it exits, or is not ready in time.
    pub async fn start_server(&mut self, at: usize) -> Fallible<()> {
        self.launch_server(at)?;
        self.until_ready(at).await
    }

    /// Starts a stopped server.
    ///
    /// # Errors
    /// When the program does not exist.
    pub fn launch_server(&mut self, at: usize) -> Fallible<()> {
        let log = self.folder.join(format!("node-{}.log", at + 1));
        let server = &self.servers[at];
        let program = if self.sabotage.is_empty() { "server" } else { "saboteur" };
        let through = |url: &str, proxy: &Proxy| -> Fallible<String> {
            Ok(url.replace(&addr_in(url)?.to_string(), &proxy.addr().to_string()))
        };
        // «2:clock_ms=…» applies to the second server only; the others have no defects.
        let sabotage = match self.sabotage.split_once(':') {
            Some((number, sabotage)) if number == server.number.to_string() => sabotage,
            Some(_) => "",
            None => self.sabotage.as_str(),
        };
        let address = (server.addr, self.origin.as_str());
        let mut command =
            server_command(&self.programs.join(program), &self.root, address, server.number, &log)?;
        command
            .env("DATABASE_URL", through(&self.database_url, &server.postgres)?)
            .env("REDIS_URL", through(&self.redis_url, &server.redis)?)
            .env("FAULTS_SABOTAGE", sabotage)
            .env("ROOST_FILES", self.files_folder())
            .env("ROOST_METRICS_ADDR", server.metrics.to_string())
            .env("ROOST_TRUSTED_PROXIES", "1");
        let child = command.spawn()?;
        std::fs::write(self.folder.join(format!("node-{}.pid", at + 1)), child.id().to_string())?;
        self.servers[at].child = Some(child);
        Ok(())
    }

    /// Waits until a launched server is ready.
    ///
    /// # Errors
    /// When it exits, or is not ready in time.
    pub async fn until_ready(&mut self, at: usize) -> Fallible<()> {
        let server = &mut self.servers[at];
        let child = server.child.as_mut().ok_or("the server was not launched")?;
        let log = self.folder.join(format!("node-{}.log", at + 1));
        until_ready(child, server.addr, &log).await
    }

    /// The process of a server, while it runs.
    #[must_use]
    pub fn pid(&self, at: usize) -> Option<u32> {
        self.servers[at].child.as_ref().map(Child::id)
    }

    /// Sends a signal to a server.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn signal(&self, at: usize, signal: &str) -> Fallible<()> {
        kill(self.pid(at).ok_or("the server does not run")?, signal)
    }

    /// Waits until a server has exited, at most 20 s.
    ///
    /// # Errors
    /// When it does not exit.
    pub async fn until_gone(&mut self, at: usize) -> Fallible<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while let Some(child) = &mut self.servers[at].child {
            if child.try_wait()?.is_some() {
                self.servers[at].child = None;
            } else if Instant::now() > deadline {
                return Err(format!("server {} does not end", at + 1).into());
            } else {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    /// Kills a server.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill_server(&mut self, at: usize) -> Fallible<()> {
        self.signal(at, "KILL")?;
        self.until_gone(at).await
    }

    /// Runs an action of `scripts/services --faults`, without blocking the clients.
    ///
    /// # Errors
    /// When it fails.
    pub async fn services(&self, action: &'static str) -> Fallible<()> {
        let root = self.root.clone();
        tokio::task::spawn_blocking(move || script(&root, "services", &["--faults", action])).await??;
        Ok(())
    }

    /// Makes nginx reload its configuration: new workers start, the old ones end within 5 s.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn reload_balancer(&self) -> Fallible<()> {
        let (root, folder) = (self.root.clone(), self.balancer_folder());
        tokio::task::spawn_blocking(move || script(&root, "balancer", &["reload", &folder])).await??;
        Ok(())
    }

    /// Sends a signal to Redis, to freeze or resume it.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal_redis(&self, signal: &str) -> Fallible<()> {
        kill(std::fs::read_to_string(self.folder.join("redis.pid"))?.trim().parse()?, signal)
    }

    /// Sends a command to Redis, not through a proxy.
    ///
    /// # Errors
    /// The error of Redis.
    pub async fn ask_redis(&self, words: &[&str]) -> Fallible<redis::Value> {
        let client = redis::Client::open(self.redis_url.as_str())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(*word);
        }
        Ok(command.query_async(&mut connection).await?)
    }

    /// The memory of each server, in kB.
    ///
    /// # Errors
    /// When one does not run.
    pub fn resident_kb(&self) -> Fallible<Vec<i64>> {
        let resident = |at: usize| resident_kb(self.pid(at).ok_or("the server does not run")?);
        (0..SERVERS).map(resident).collect()
    }

    /// The sum of this metric over all servers, since they started.
    ///
    /// # Errors
    /// When a server does not answer.
    pub async fn counted(&self, name: &str) -> Fallible<u64> {
        let mut sum = 0;
        for server in &self.servers {
            let text = request(server.metrics, "GET /metrics HTTP/1.1", &[]).await?;
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            sum += line.ok_or_else(|| format!("{name} is not counted"))?.trim().parse::<u64>()?;
        }
        Ok(sum)
    }

    /// How often the servers have logged this text.
    #[must_use]
    pub fn logged(&self, text: &str) -> usize {
        let read = |at: usize| std::fs::read_to_string(self.folder.join(format!("node-{at}.log")));
        (1..=SERVERS).filter_map(|at| read(at).ok()).map(|log| log.matches(text).count()).sum()
    }

    /// Where the servers keep files.
    #[must_use]
    pub fn files_folder(&self) -> PathBuf {
        self.folder.join("files")
    }

    /// Where the report is written.
    #[must_use]
    pub fn report_file(&self) -> PathBuf {
        self.folder.join("report.json")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for server in &mut self.servers {
            if let Some(child) = &mut server.child {
                drop(child.kill());
                drop(child.wait());
            }
            drop(std::fs::remove_file(self.folder.join(format!("node-{}.pid", server.number))));
        }
        for (name, args) in
            [("balancer", vec!["stop", &self.balancer_folder()]), ("services", vec!["--faults", "stop"])]
        {
            if let Err(e) = script(&self.root, name, &args) {
                eprintln!("faults: {e}");
            }
        }
    }
}

/// The command that starts a server, without its addresses of Postgres and Redis. It appends to its log.
///
/// # Errors
/// When the log cannot be opened.
pub fn server_command(
    program: &Path,
    root: &Path,
    (addr, origin): (SocketAddr, &str),
    number: usize,
    log: &Path,
) -> Fallible<Command> {
    let out = File::options().create(true).append(true).open(log)?;
    let mut command = Command::new(program);
    command
        .current_dir(root)
        .env("ROOST_ADDR", addr.to_string())
        .env("ROOST_NODE_NAME", format!("node-{number}"))
        .env("ROOST_PUBLIC_URL", origin)
        .env("ROOST_DRAIN_S", "3")
        .env("ROOST_LOG", std::env::var("ROOST_LOG").unwrap_or_else(|_| "info".to_owned()))
        .env("ROOST_LOG_JSON", "false");
    // All clients come from one address.
    for limit in [
        "SENDS_PER_S",
        "SENDS_BURST",
        "BUDGET_FACTOR",
        "CONNECTIONS_PER_USER",
        "CONNECTIONS_PER_ADDRESS",
        "SOCKETS_PER_MIN",
    ] {
        command.env(format!("ROOST_{limit}"), "100000");
    }
    // Ctrl-C goes to the test alone, which ends the others in order.
    command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).process_group(0);
    Ok(command)
}

/// Waits until a launched server is ready.
///
/// # Errors
/// When it exits, or is not ready in time.
pub async fn until_ready(child: &mut Child, addr: SocketAddr, log: &Path) -> Fallible<()> {
    let deadline = Instant::now() + READY_WITHIN;
    let log = log.display();
    loop {
        if !matches!(child.try_wait(), Ok(None)) {
            return Err(format!("a server ended while starting (its log: {log})").into());
        }
        let ready = request(addr, "GET /health/ready HTTP/1.1", &[]).await;
        if ready.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("a server is not ready (its log: {log})").into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The memory of a process, in kB.
///
/// # Errors
/// When it does not run.
pub fn resident_kb(pid: u32) -> Fallible<i64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}

/// Sends a signal to a process.
///
/// # Errors
/// When there is no such process.
pub fn kill(pid: u32, signal: &str) -> Fallible<()> {
    // The shell's own `kill`: signals need unsafe code, and not every machine has the program `kill`.
    let done =
        Command::new("bash").args(["-c", "kill -s \"$0\" \"$1\"", signal, &pid.to_string()]).status()?;
    if done.success() { Ok(()) } else { Err(format!("could not send {signal} to process {pid}").into()) }
}

/// A plain request on a new connection.
///
/// # Errors
/// When there is no answer within ten seconds.
pub async fn request(addr: SocketAddr, line: &str, headers: &[(&str, &str)]) -> io::Result<String> {
    request_with(addr, line, headers, "").await
}

/// Posts a form on a new connection.
///
/// # Errors
/// When there is no answer within ten seconds.
pub async fn post_form(
    addr: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    fields: &[(&str, &str)],
) -> io::Result<String> {
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let mut all = vec![("Content-Type", "application/x-www-form-urlencoded")];
    all.extend(headers);
    request_with(addr, &format!("POST {path} HTTP/1.1"), &all, &fields.join("&")).await
}

/// A request with a body on a new connection.
///
/// # Errors
/// When there is no answer within ten seconds.
pub async fn request_with(
    addr: SocketAddr,
    line: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<String> {
    let ask = async {
        let mut stream = TcpStream::connect(addr).await?;
        let length = body.len();
        let mut text =
            format!("{line}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.push_str(body);
        stream.write_all(text.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    tokio::time::timeout(Duration::from_secs(10), ask).await.map_err(io::Error::from)?
}

/// Runs a script of `scripts/`, and returns its output.
///
/// # Errors
/// When it fails; it has printed why.
pub fn script(root: &Path, name: &str, args: &[&str]) -> Fallible<String> {
    let done = Command::new(root.join("scripts").join(name))
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .process_group(0)
        .output()?;
    if !done.status.success() {
        return Err(format!("scripts/{name} {} failed", args.join(" ")).into());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// The value of `NAME=value` in a line for the shell.
///
/// # Errors
/// When it is missing.
pub fn named(text: &str, name: &str) -> Fallible<String> {
    let mut words = text.split_whitespace();
    let found = words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    Ok(found.ok_or(format!("{name} is missing"))?.to_owned())
}

/// The address in one of our URLs.
fn addr_in(url: &str) -> Fallible<SocketAddr> {
    let end = url.rsplit('@').next().unwrap_or_default();
    Ok(end.split('/').next().unwrap_or_default().parse()?)
}

/// An address with a free port below the kernel's ephemeral ports, because it is reused while servers come
/// and go. No port is returned twice.
///
/// # Errors
/// When none is found.
pub fn free_addr() -> Fallible<SocketAddr> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..100 {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, rand::random_range(20_000..32_000)));
        if TcpListener::bind(addr).is_ok() && given.insert(addr.port()) {
            return Ok(addr);
        }
    }
    Err("no free port".into())
}
