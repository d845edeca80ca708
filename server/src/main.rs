//! Reads the settings, starts logging, and runs one node until it is told to stop.

use std::process::ExitCode;

use server::config::{self, Config};

fn main() -> ExitCode {
    let (config, options) = match Config::load(std::env::args_os()) {
        Ok(loaded) => loaded,
        Err(config::Error::Help(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(e @ config::Error::Setting { .. }) => return fail(&e),
    };
    server::telemetry::start(&config);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return fail(&e),
    };
    match runtime.block_on(server::run(config, options, server::told_to_stop())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(&e),
    }
}

fn fail(e: &dyn std::error::Error) -> ExitCode {
    eprintln!("roost: {}", e.to_string().replace('\n', " "));
    ExitCode::FAILURE
}
