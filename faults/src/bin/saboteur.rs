//! The server with deliberate defects, as `FAULTS_SABOTAGE` says: for example, `drop=0.01,delay_ms=200`.
//!
//! It is a program of this crate, not an example of the server's crate: examples are compiled with the
//! server's test dependencies, which would build everything a second time.

use std::{process::ExitCode, time::Duration};

use server::{config::Config, node::Sabotage};

fn main() -> ExitCode {
    let (config, options) = match Config::load(std::env::args_os()) {
        Ok(loaded) => loaded,
        Err(e) => return fail(&e.to_string()),
    };
    let sabotage = match parse(&std::env::var("FAULTS_SABOTAGE").unwrap_or_default()) {
        Ok(sabotage) => sabotage,
        Err(e) => return fail(&e),
    };
    server::telemetry::start(&config);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return fail(&e.to_string()),
    };
    match runtime.block_on(server::run_sabotaged(config, options, sabotage, server::told_to_stop())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(&e.to_string()),
    }
}

fn fail(text: &str) -> ExitCode {
    eprintln!("saboteur: {text}");
    ExitCode::FAILURE
}

fn parse(text: &str) -> Result<Sabotage, String> {
    let mut sabotage = Sabotage::default();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or(format!("{pair} is not KEY=VALUE"))?;
        let number: f64 = value.parse().map_err(|e| format!("{pair}: {e}"))?;
        match key {
            "drop" => sabotage.drop_share = number,
            "delay_ms" => sabotage.delay_max = Duration::from_secs_f64(number / 1_000.0),
            "repeat" => sabotage.repeat_share = number,
            "double" => sabotage.double_share = number,
            "no_repair" => sabotage.no_repair = number != 0.0,
            "forget_nonces" => sabotage.forget_nonces = number != 0.0,
            "forget_jobs" => sabotage.forget_jobs = number != 0.0,
            "clock_ms" => sabotage.clock_offset_ms = number as i64,
            _ => return Err(format!("there is no sabotage called {key}")),
        }
    }
    Ok(sabotage)
}
