//! `bench`: what Roost can do on this machine, beside what the machine itself can do, in one table. `make bench` runs it;
//! `ONLY=name,name` chooses. The same as JSON: `.data/bench/report.json`. The measure `large` makes a
//! large workspace, which takes about 7 GB of disk and ten minutes, so it runs only when it is named: `ONLY=large`.
//!
//! Everything runs on one machine and shares its cores: Postgres, Redis, the servers, and the clients that are measured
//! with. So what a figure costs is told in CPU time of each process, from the system's own accounts, and the floor
//! (Redis and Postgres alone, in the same run) says what the machine could give at all.
//!
//! The clients are bare sockets that look at a frame no longer than they must: the browser's state machine, which the
//! fault test runs, would cost more than the servers that are measured. Only the measure `nginx` goes through nginx.

mod cpu;
mod fleet;
mod floor;
mod large;
mod measures;
mod scene;
mod stock;
mod table;

use std::{path::Path, process::ExitCode, time::Duration};

use faults::cluster::Fallible;
use measures::Measure;
use scene::Scene;
use table::Table;

/// A run that takes longer hangs.
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
    // Whatever ends first, the scene is dropped with it, and ends what it has started.
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
