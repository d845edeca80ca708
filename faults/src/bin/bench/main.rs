//! `bench`: prints a table of what Roost can do on this machine, next to what the machine itself can do.
//! `make bench` runs it; `ONLY=name,name` selects measurements. The same as JSON:
//! `.data/bench/report.json`. The measurement `large` creates a large workspace, which takes about 7 GB of
//! disk and ten minutes, so it runs only if it is named: `ONLY=large`. So does `search`, with 2 GB and ten
//! minutes.
//!
//! Everything runs on one machine and shares its cores: Postgres, Redis, the servers, and the benchmark's
//! clients. So costs are CPU time per process, from the kernel's accounting, and the floor (Redis and
//! Postgres alone, in the same run) shows what the machine can do at best.
//!
//! The clients are bare sockets that parse frames as little as possible: the browser's state machine, which
//! the fault test runs, would cost more than the servers. Only the measurement `nginx` goes through nginx.

mod cpu;
mod fleet;
mod floor;
mod large;
mod measures;
mod scene;
mod search;
mod stock;
mod table;

use std::{path::Path, process::ExitCode, time::Duration};

use faults::cluster::Fallible;
use measures::Measure;
use scene::Scene;
use table::Table;

/// A run that takes longer is stuck.
const WITHIN: Duration = Duration::from_secs(40 * 60);

#[tokio::main]
async fn main() -> ExitCode {
    let only = std::env::var("ONLY").unwrap_or_default();
    let names: Vec<&str> = only.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if let Some(unknown) = names.iter().find(|name| !measures::ALL.iter().any(|one| one.name == **name)) {
        let known: Vec<&str> = measures::ALL.iter().map(|one| one.name).collect();
        eprintln!("bench: there is no measure {unknown}; there are {}", known.join(", "));
        return ExitCode::FAILURE;
    }
    let is_chosen =
        |one: &&Measure| if names.is_empty() { !one.only_named } else { names.contains(&one.name) };
    let chosen = measures::ALL.iter().filter(is_chosen).collect();
    // Whatever ends first drops the scene, which stops everything that it started.
    tokio::select! {
        done = tokio::time::timeout(WITHIN, run(chosen)) => match done {
            Ok(Ok(())) => ExitCode::SUCCESS,
            Ok(Err(e)) => fail(&e.to_string()),
            Err(_) => fail("it took too long"),
        },
        () = server::told_to_stop() => fail("stopped"),
    }
}

fn fail(text: &str) -> ExitCode {
    eprintln!("bench: {text}");
    ExitCode::FAILURE
}

async fn run(chosen: Vec<&Measure>) -> Fallible<()> {
    let mut table = Table::default();
    for measure in chosen {
        println!("\n{}", measure.title);
        let mut scene = Scene::start(Path::new("."), measure.servers).await?;
        measure.run(&mut scene, &mut table).await.map_err(|e| format!("{}: {e}", measure.name))?;
    }
    table.write(Path::new(".data/bench/report.json"))?;
    Ok(())
}
