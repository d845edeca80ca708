//! Starting the program: what is wrong is said in one line that names the setting.

use std::{
    net::TcpListener,
    process::{Command, Output},
};

/// Runs the server with these settings and nothing else, until it ends by itself.
fn server(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_server"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).env_clear();
    command.args(args).envs(env.iter().copied()).output().unwrap()
}

/// The one line that a failed start ends with.
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
        "ROOST_SIGN_INS_PER_MIN",
        "ROOST_CONNECTIONS_PER_USER",
        "ROOST_CONNECTIONS_PER_ADDRESS",
        "ROOST_HASHES_AT_ONCE",
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

#[test]
fn of_several_redis_the_one_that_does_not_answer_is_named_without_its_password() {
    let good = std::env::var("REDIS_URL").expect("tests need REDIS_URL: see scripts/services");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let urls = format!("{good},redis://:hush@{free}/0");
    let env = [("DATABASE_URL", database()), ("REDIS_URL", urls)];
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let output = server(&["--addr=127.0.0.1:0", "--wait-s=3"], &env);
    let line = complaint(&output);
    let expected = format!("roost: REDIS_URL (--redis-url): Redis 2 of 2 ({free}) does not answer");
    assert!(line.starts_with(&expected), "{line}");
    assert!(!String::from_utf8(output.stderr).unwrap().contains("hush"));
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
