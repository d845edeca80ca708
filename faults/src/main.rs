//! `faults [--short] [--list]`: plays the scenarios, prints a line for each, writes
//! `.data/faults/report.json`, and fails if anything was lost, duplicated or reordered. `SEED=…` repeats a
//! run's choices, `ONLY=name,name` selects scenarios, and `SCHEDULE=file` replays a mix with the schedule
//! that another run printed.

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use faults::{
    cluster::{Fallible, SERVERS},
    report::Report,
    scenario::{self, Expected, Extra, Scenario},
    schedule::{DRAWN, Schedule},
    story::Stage,
};

/// A run that takes longer is stuck.
const WITHIN: Duration = Duration::from_secs(35 * 60);
/// The same for the short run.
const SHORT_WITHIN: Duration = Duration::from_secs(5 * 60);
/// Where the schedules of the last mixes are kept.
const SCHEDULES: &str = ".data/faults";

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let short = args.iter().any(|arg| arg == "--short");
    if args.iter().any(|arg| arg == "--list") {
        for Scenario { name, .. } in scenario::ALL {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    }
    let seed = match setting("SEED").map(|seed| seed.parse()).transpose() {
        Ok(seed) => seed.unwrap_or_else(|| rand::random_range(1..1_000_000)),
        Err(_) => return fail("SEED is a number"),
    };
    let chosen = match choose(short).and_then(|chosen| planned(chosen, seed)) {
        Ok(chosen) => chosen,
        Err(e) => return fail(&e),
    };
    println!("faults: SEED={seed}");
    // Whichever ends first drops the stage, which stops everything that it started.
    tokio::select! {
        done = tokio::time::timeout(if short { SHORT_WITHIN } else { WITHIN }, play(&chosen, seed)) => match done {
            Ok(Ok(true)) => ExitCode::SUCCESS,
            Ok(Ok(false)) => ExitCode::FAILURE,
            Ok(Err(e)) => fail(&format!("the scene failed: {e}")),
            Err(_) => fail(&format!("it took too long; the schedules that it drew are in {SCHEDULES}")),
        },
        () = server::told_to_stop() => fail("stopped"),
    }
}

/// An environment variable, unless it is empty.
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn fail(text: &str) -> ExitCode {
    eprintln!("faults: {text}");
    ExitCode::FAILURE
}

/// The scenarios of `ONLY`, or of the short run, or all.
fn choose(short: bool) -> Result<Vec<Scenario>, String> {
    let only = setting("ONLY").unwrap_or_default();
    let names: Vec<&str> = only.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if let Some(unknown) = names.iter().find(|name| !scenario::ALL.iter().any(|one| one.name == **name)) {
        return Err(format!("there is no scenario {unknown}; faults --list names them"));
    }
    let mut chosen = Vec::new();
    for scenario in scenario::ALL {
        if !names.is_empty() {
            chosen.extend(names.contains(&scenario.name).then_some(*scenario));
        } else if !short || scenario.short {
            chosen.push(*scenario);
        }
    }
    Ok(chosen)
}

/// Each scenario with its schedule: from the file `SCHEDULE` for the selected mix, otherwise from the seed.
fn planned(chosen: Vec<Scenario>, seed: u64) -> Result<Vec<(Scenario, Schedule)>, String> {
    let mut given = None;
    if let Some(file) = setting("SCHEDULE") {
        if chosen.iter().filter(|scenario| scenario.extra == Extra::Mix).count() != 1 {
            return Err("SCHEDULE needs exactly one mix: choose it with ONLY".to_owned());
        }
        let text = std::fs::read_to_string(&file).map_err(|e| format!("SCHEDULE={file}: {e}"))?;
        given = Some(Schedule::parse(&text, SERVERS).map_err(|e| format!("SCHEDULE={file}: {e}"))?);
    }
    let schedule = |scenario: &Scenario| match &given {
        Some(given) if scenario.extra == Extra::Mix => given.clone(),
        Some(_) | None => Schedule::of(scenario, seed, SERVERS),
    };
    Ok(chosen.into_iter().map(|scenario| (scenario, schedule(&scenario))).collect())
}

/// Plays them one after the other. Returns whether all passed.
async fn play(chosen: &[(Scenario, Schedule)], seed: u64) -> Fallible<bool> {
    let began = Instant::now();
    let mut stage = Stage::set(Path::new("."), seed).await?;
    println!("faults: everyone is there after {:.1} s", began.elapsed().as_secs_f64());
    let mut outcomes = Vec::new();
    // Marks only grow, so comparing them once is enough: after the last scenario without an expected
    // violation.
    let settles = chosen.iter().rposition(|(scenario, _)| scenario.expected == Expected::Whole);
    for (at, (scenario, schedule)) in chosen.iter().enumerate() {
        let again = keep(scenario, schedule)?;
        let outcome = stage.play(scenario, schedule, settles == Some(at)).await.map_err(|e| {
            format!(
                "{}: {e}{}",
                scenario.name,
                again.as_deref().map_or_else(String::new, |a| format!("\n{a}"))
            )
        })?;
        outcome.print();
        if let Some(again) = again.filter(|_| !outcome.passed) {
            println!("       {again}");
        }
        outcomes.push(outcome);
    }
    let report = Report::new(seed, outcomes, began.elapsed().as_secs_f64());
    report.write(&stage.report_file())?;
    drop(stage);
    println!("{}", report.summary);
    Ok(report.passed)
}

/// Saves the schedule of a mix before playing it, so that even a killed run can be repeated. Returns the
/// command for that.
fn keep(scenario: &Scenario, schedule: &Schedule) -> Fallible<Option<String>> {
    if scenario.extra != Extra::Mix {
        return Ok(None);
    }
    let Scenario { name, .. } = scenario;
    let file = format!("{SCHEDULES}/{name}.schedule");
    std::fs::write(&file, format!("{DRAWN} {schedule}\n"))?;
    Ok(Some(format!("to repeat these faults: SCHEDULE={file} ONLY={name} make faults")))
}
