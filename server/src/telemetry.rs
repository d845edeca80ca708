//! Logging: one line per event on standard error, or JSON.
//!
//! Law: never a body, a token, a password, or a person's address.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::Config;

/// Starts logging. Later calls (in tests) have no effect.
pub fn start(config: &Config) {
    // Notices of Postgres (such as an already existing table) are useless; the setting can still
    // enable them.
    let filter = EnvFilter::new(format!("sqlx::postgres::notice=warn,{}", config.log));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if config.log_json {
        log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    } else {
        log.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
    };
    // Already started, by an earlier test.
    drop(started);
}
