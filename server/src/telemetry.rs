//! What the server says about itself: one line an event on standard error, or JSON.
//!
//! Law: never a body, a token, a password, or an address of a person.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::Config;

/// Starts the log. Later calls (in tests) change nothing.
pub fn start(config: &Config) {
    // What Postgres remarks (a table that is there already) is of no use to anyone; the setting may still ask for it.
    let filter = EnvFilter::new(format!("sqlx::postgres::notice=warn,{}", config.log));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if config.log_json {
        log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    } else {
        log.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
    };
    // There is one already: a test has called before.
    drop(started);
}
