//! Starting the program: errors are printed in one line that names the setting.

use std::{
    net::TcpListener,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use sqlx::{PgPool, migrate::Migrate};

use crate::{
    cluster::SOON,
    late::until,
    leaving::ask,
    redis::{Redis, free_addr, rest},
};

/// Runs the server with only these settings, until it exits.
fn server(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_server"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).env_clear();
    command.args(args).envs(env.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, begin) = (command.spawn().unwrap(), Instant::now());
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > SOON {
            child.kill().unwrap();
        }
        rest();
    }
    child.wait_with_output().unwrap()
}

/// The single line of a failed start.
#[track_caller]
fn complaint(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("roost: ")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    lines[0].to_owned()
}

fn database() -> String {
    std::env::var("DATABASE_URL").expect("tests need DATABASE_URL: see scripts/services")
}

#[test]
fn help_lists_every_setting_with_its_variable() {
    let output = server(&["--help"], &[]);
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for setting in [
        "DATABASE_URL",
        "REDIS_URL",
        "ROOST_ADDR",
        "ROOST_METRICS_ADDR",
        "ROOST_PUBLIC_URL",
        "ROOST_EXTRA_ORIGINS",
        "ROOST_NODE_NAME",
        "ROOST_TRUSTED_PROXIES",
        "ROOST_SIGN_UP",
        "ROOST_DB_POOL",
        "ROOST_WAIT_S",
        "ROOST_SESSION_DAYS",
        "ROOST_SENDS_PER_S",
        "ROOST_SENDS_BURST",
        "ROOST_BUDGET_FACTOR",
        "ROOST_SIGN_INS_PER_MIN",
        "ROOST_CONNECTIONS_PER_USER",
        "ROOST_CONNECTIONS_PER_ADDRESS",
        "ROOST_HASHES_AT_ONCE",
        "ROOST_FILES",
        "ROOST_S3_ENDPOINT",
        "ROOST_S3_SECRET_KEY",
        "ROOST_FILE_MB_MAX",
        "ROOST_ACCEL_PREFIX",
        "ROOST_DRAIN_S",
        "ROOST_LOG",
        "--migrate-only",
        "[default: 16]",
    ] {
        assert!(help.contains(setting), "{setting} is not in the help");
    }
}

#[test]
fn a_missing_database_is_named() {
    let line = complaint(&server(&[], &[]));
    assert!(
        line.starts_with("roost: DATABASE_URL (--database-url): is missing; expected postgres://"),
        "{line}"
    );
}

#[test]
fn a_wrong_setting_from_the_environment_is_named() {
    let env = [("DATABASE_URL", "postgres://x/x"), ("ROOST_DB_POOL", "lots")];
    let line = complaint(&server(&[], &env));
    assert!(
        line.starts_with("roost: ROOST_DB_POOL (--db-pool): \"lots\" is wrong; expected CONNECTIONS"),
        "{line}"
    );
}

#[test]
fn a_database_that_cannot_be_reached_is_named_without_its_password() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("postgres://roost:hush@{free}/roost");
    let output = server(&["--wait-s=3"], &[("DATABASE_URL", &url)]);
    let line = complaint(&output);
    assert!(line.starts_with("roost: DATABASE_URL (--database-url): "), "{line}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("trying again"), "that it waits is said: {text}");
    assert!(!text.contains("hush"), "{text}");
}

#[test]
fn a_database_that_does_not_exist_is_not_waited_for() {
    let url = format!("{}/no_such_database", database().rsplit_once('/').unwrap().0);
    let line = complaint(&server(&["--wait-s=600"], &[("DATABASE_URL", &url)]));
    assert!(line.contains("no_such_database"), "{line}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let line = complaint(&server(&["--addr", &addr], &[("DATABASE_URL", &database())]));
    assert!(line.starts_with(&format!("roost: ROOST_ADDR (--addr): cannot listen on {addr}")), "{line}");
}

#[test]
fn a_folder_for_files_that_cannot_be_written_is_named() {
    // A file is where the folder should be; the next is a bucket at an address where nobody is.
    for args in [
        &["--files=Cargo.toml/files"][..],
        &[
            "--files=s3://roost",
            "--s3-endpoint=http://127.0.0.1:1",
            "--s3-access-key=a",
            "--s3-secret-key=hush",
        ],
    ] {
        let line = complaint(&server(args, &[("DATABASE_URL", &database())]));
        assert!(line.starts_with("roost: ROOST_FILES (--files): "), "{line}");
        assert!(!line.contains("hush"), "{line}");
    }
}

#[test]
fn a_port_for_metrics_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let args = ["--addr=127.0.0.1:0", "--metrics-addr", &addr];
    let line = complaint(&server(&args, &[("DATABASE_URL", &database())]));
    assert!(
        line.starts_with(&format!("roost: ROOST_METRICS_ADDR (--metrics-addr): cannot listen on {addr}")),
        "{line}"
    );
}

/// Redis refuses this server, which does not resolve by itself.
#[test]
fn a_redis_that_refuses_is_named_without_its_password() {
    let addr = free_addr();
    let port = addr.port().to_string();
    let weak = ["--user", "weak", "on", ">hush", "resetchannels", "-@all", "+@connection", "+subscribe"];
    let _redis = Redis::start(addr, &[&["--port", &port, "--requirepass", "hush"], &weak[..]].concat());
    for (what, said) in
        [("", "NOAUTH"), (":hushed@", "WRONGPASS"), ("nobody:hush@", "WRONGPASS"), ("weak:hush@", "NOPERM")]
    {
        let url = format!("redis://{what}{addr}/0");
        let output = server(&["--addr=127.0.0.1:0"], &[("DATABASE_URL", &database()), ("REDIS_URL", &url)]);
        let line = complaint(&output);
        let expected = format!("roost: REDIS_URL (--redis-url): Redis ({addr}) cannot be used as it is (");
        assert!(line.starts_with(&expected) && line.to_uppercase().contains(said), "{said}: {line}");
        assert!(!String::from_utf8(output.stderr).unwrap().contains("hush"), "{said}");
    }
    // Of several, the one that refuses is named, even if another is unreachable.
    let urls = format!("redis://{},redis://:hush@{addr}/99", free_addr());
    let output = server(&["--addr=127.0.0.1:0"], &[("DATABASE_URL", &database()), ("REDIS_URL", &urls)]);
    let line = complaint(&output);
    let expected = format!("roost: REDIS_URL (--redis-url): Redis 2 of 2 ({addr}) cannot be used as it is (");
    assert!(line.starts_with(&expected) && line.contains("database"), "{line}");
}

/// Restarting a server while a Redis is down works: it starts, reports the problem, and needs no
/// other restart.
#[sqlx::test(migrations = "../migrations")]
async fn a_server_starts_without_redis_and_is_whole_when_it_comes(pool: PgPool) {
    let good = std::env::var("REDIS_URL").expect("tests need REDIS_URL: see scripts/services");
    let (addr, away) = (free_addr(), free_addr());
    let name = pool.connect_options().get_database().unwrap().to_owned();
    let begin = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_server"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env_clear()
        .env("DATABASE_URL", format!("{}/{name}", database().rsplit_once('/').unwrap().0))
        .env("REDIS_URL", format!("{good},redis://:hush@{away}/0"))
        .args([format!("--addr={addr}"), "--log=warn".to_owned()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ready = async |expected: &[&str]| {
        loop {
            assert!(begin.elapsed() < 2 * SOON, "{expected:?}");
            match ask(addr, "/health/ready").await {
                Some((200, body)) if expected.iter().all(|part| body.contains(part)) => return,
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    ready(&["\"degraded\":true", "Redis 2 of 2 carries no news"]).await;
    let port = away.port().to_string();
    let _redis = Redis::start(away, &["--port", &port, "--requirepass", "hush"]);
    ready(&["\"degraded\":false", "\"broker\":true"]).await;
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{log}");
    let line = log.lines().find(|line| line.contains("REDIS_URL")).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("WARN") && line.contains(&format!("Redis 2 of 2 ({away})")), "{line}");
    assert!(!log.contains("hush"), "{log}");
}

/// If the database crashes or fails over while a server starts, the server keeps waiting.
#[sqlx::test(migrations = "../migrations")]
async fn a_database_that_goes_away_during_the_start_is_waited_for(pool: PgPool) {
    let mut other = pool.acquire().await.unwrap();
    // Another server migrates, so the one under test waits in the middle of its start.
    Migrate::lock(&mut *other).await.unwrap();
    let addr = free_addr();
    let name = pool.connect_options().get_database().unwrap().to_owned();
    let mut child = Command::new(env!("CARGO_BIN_EXE_server"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env_clear()
        .env("DATABASE_URL", format!("{}/{name}", database().rsplit_once('/').unwrap().0))
        .args([format!("--addr={addr}"), "--log=warn".to_owned()])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
        and application_name = 'roost' and wait_event_type = 'Lock'";
    for _ in 0..3 {
        until("the start is cut off", async || {
            !sqlx::query_scalar::<_, bool>(cut).fetch_all(&pool).await.unwrap().is_empty()
        })
        .await;
    }
    Migrate::unlock(&mut *other).await.unwrap();
    until("it is ready", async || ask(addr, "/health/ready").await.is_some_and(|(status, _)| status == 200))
        .await;
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_missing_leptos_toml_is_named() {
    let args = ["--leptos-toml=no-such.toml"];
    let line = complaint(&server(&args, &[("DATABASE_URL", "postgres://x/x")]));
    assert!(
        line.starts_with("roost: ROOST_LEPTOS_TOML (--leptos-toml): no-such.toml cannot be read"),
        "{line}"
    );
}
