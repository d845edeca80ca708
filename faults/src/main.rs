//! `faults [--short] [--list]`: plays the scenarios, prints a line for each, writes `.data/faults/report.json`, and fails
//! when anything was lost, doubled or reordered. `SEED=…` repeats a run's choices; `ONLY=name,name` chooses.

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use faults::{
    place::Fallible,
    report::Report,
    scenario::{self, Scenario},
    story::Stage,
};

/// A run that takes longer hangs.
const WITHIN: Duration = Duration::from_secs(25 * 60);
/// The same for the short run.
const SHORT_WITHIN: Duration = Duration::from_secs(5 * 60);

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let short = args.iter().any(|arg| arg == "--short");
    if args.iter().any(|arg| arg == "--list") {
        scenario::ALL.iter().for_each(|scenario| println!("{}", scenario.name));
        return ExitCode::SUCCESS;
    }
    let chosen = match choose(short) {
        Ok(chosen) => chosen,
        Err(e) => return fail(&e),
    };
    let seed = std::env::var("SEED").ok().filter(|seed| !seed.is_empty());
    let seed = match seed.map(|seed| seed.parse()).transpose() {
        Ok(seed) => seed.unwrap_or_else(|| rand::random_range(1..1_000_000)),
        Err(_) => return fail("SEED is a number"),
    };
    println!("faults: SEED={seed}");
    // Whatever ends first, the stage is dropped with it, and ends what it has started.
    tokio::select! {
        done = tokio::time::timeout(if short { SHORT_WITHIN } else { WITHIN }, play(&chosen, seed)) => match done {
            Ok(Ok(true)) => ExitCode::SUCCESS,
            Ok(Ok(false)) => ExitCode::FAILURE,
            Ok(Err(e)) => fail(&format!("the scene failed: {e}")),
            Err(_) => fail("it took too long"),
        },
        () = server::told_to_stop() => fail("stopped"),
    }
}

fn fail(text: &str) -> ExitCode {
    eprintln!("faults: {text}");
    ExitCode::FAILURE
}

/// The scenarios of `ONLY`, or of the short run, or all.
fn choose(short: bool) -> Result<Vec<Scenario>, String> {
    let only = std::env::var("ONLY").unwrap_or_default();
    let names: Vec<&str> = only.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if let Some(unknown) = names.iter().find(|name| !scenario::ALL.iter().any(|one| one.name == **name)) {
        return Err(format!("there is no scenario {unknown}; faults --list names them"));
    }
    let wanted = |one: &&Scenario| {
        if names.is_empty() { !short || one.short } else { names.contains(&one.name) }
    };
    Ok(scenario::ALL.iter().filter(wanted).copied().collect())
}

/// Plays them one after the other. Says whether all passed.
async fn play(chosen: &[Scenario], seed: u64) -> Fallible<bool> {
    let began = Instant::now();
    let mut stage = Stage::set(Path::new("."), seed).await?;
    println!("faults: everyone is there after {:.1} s", began.elapsed().as_secs_f64());
    let mut outcomes = Vec::new();
    for scenario in chosen {
        let outcome = stage.play(scenario).await.map_err(|e| format!("{}: {e}", scenario.name))?;
        outcome.print();
        outcomes.push(outcome);
    }
    let report = Report::new(seed, outcomes, began.elapsed().as_secs_f64());
    report.write(&stage.report_file())?;
    drop(stage);
    println!("{}", report.summary);
    Ok(report.passed)
}
