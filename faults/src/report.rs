//! The report: a line per scenario, a summary line, and the same as JSON.

use std::path::Path;

use serde::Serialize;

use crate::{
    checker::Verdict,
    scenario::{Expected, Scenario},
    violation::Kind,
};

/// Violations printed per scenario.
const PRINTED_MAX: usize = 12;

/// The outcome of one scenario.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// Whether the outcome is the expected one.
    pub passed: bool,
    /// Whether the scenario tests the checker, with defective servers.
    pub tests_checker: bool,
    /// Messages written.
    pub sends: usize,
    /// Messages acknowledged.
    pub acknowledged: usize,
    /// Edits, deletions and reactions requested …
    pub changes: usize,
    /// Messages that were scheduled.
    pub scheduled: usize,
    /// … and joins and leaves.
    pub moves: usize,
    /// Actions of moderators and owners: removals, bans, unbans, roles, policies, archiving.
    pub governed: usize,
    /// Missing messages.
    pub lost: usize,
    /// Duplicate messages.
    pub doubled: usize,
    /// Messages that are out of numeric order.
    pub reordered: usize,
    /// Other violations: gaps in the numbers, marks, differences from a fresh fetch, lateness.
    pub other: usize,
    /// Gaps that servers repaired for their clients.
    pub repaired: usize,
    /// Client connections that ended.
    pub connections_lost: u32,
    /// Messages that a client only has as history, because it was too far behind.
    pub left_to_history: usize,
    /// The longest time from writing a message to showing it to the last member.
    pub worst_delay_s: f64,
    /// Time from the end of the fault until half of the clients had recovered …
    pub whole_p50_s: f64,
    /// … and all of them.
    pub whole_max_s: f64,
    /// Other findings.
    pub notes: Vec<String>,
    /// The first violations, as text.
    pub violations: Vec<String>,
}

impl Outcome {
    /// Converts the checker's result.
    #[must_use]
    pub fn new(scenario: &Scenario, verdict: &Verdict) -> Self {
        let count = |kind| verdict.count(kind);
        let (lost, doubled, reordered) = (count(Kind::Lost), count(Kind::Doubled), count(Kind::Reordered));
        let passed = match scenario.expected {
            Expected::Whole => verdict.violations.is_empty(),
            Expected::Lost => lost > 0,
            Expected::Doubled => doubled > 0,
            Expected::Phantom => count(Kind::Phantom) > 0,
        };
        Self {
            name: scenario.name.to_owned(),
            passed,
            tests_checker: scenario.expected != Expected::Whole,
            sends: verdict.sends,
            acknowledged: verdict.acknowledged,
            changes: verdict.changes,
            scheduled: verdict.scheduled,
            moves: verdict.moves,
            governed: verdict.governed,
            lost,
            doubled,
            reordered,
            other: verdict.violations.len() - lost - doubled - reordered,
            repaired: 0,
            connections_lost: 0,
            left_to_history: verdict.left_to_history,
            worst_delay_s: verdict.worst_delay_ms as f64 / 1_000.0,
            whole_p50_s: 0.0,
            whole_max_s: 0.0,
            notes: Vec::new(),
            violations: verdict.violations.iter().take(PRINTED_MAX).map(ToString::to_string).collect(),
        }
    }

    /// Prints its line and violations.
    pub fn print(&self) {
        let mark = if self.passed { "ok  " } else { "FAIL" };
        let Self {
            name,
            sends,
            acknowledged,
            changes,
            scheduled,
            moves,
            governed,
            lost,
            doubled,
            reordered,
            other,
            repaired,
            ..
        } = self;
        println!(
            "{mark} {name:<27} {sends:>5} sent {acknowledged:>5} acknowledged {scheduled:>3} of them scheduled {changes:>4} changed {moves:>3} joined or left {governed:>3} governed: {lost} lost {doubled} doubled {reordered} \
             reordered {other} other; {repaired:>4} holes repaired, {} connections lost; worst delay {:.1} s; whole \
             after {:.1} s (p50) {:.1} s (all)",
            self.connections_lost, self.worst_delay_s, self.whole_p50_s, self.whole_max_s
        );
        for note in &self.notes {
            println!("       {note}");
        }
        if !self.passed {
            for violation in &self.violations {
                println!("       {violation}");
            }
        } else if self.tests_checker {
            println!("       as it must: {}", self.violations.first().map_or("", String::as_str));
        }
    }
}

/// The outcome of all scenarios.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The seed of this run's choices.
    pub seed: u64,
    /// The summary line.
    pub summary: String,
    /// Whether everything passed.
    pub passed: bool,
    /// How long it took.
    pub took_s: f64,
    /// Each scenario.
    pub scenarios: Vec<Outcome>,
}

impl Report {
    /// Sums up. Scenarios that test the checker count, but their violations do not.
    #[must_use]
    pub fn new(seed: u64, scenarios: Vec<Outcome>, took_s: f64) -> Self {
        let real = || scenarios.iter().filter(|outcome| !outcome.tests_checker);
        let sum = |of: fn(&Outcome) -> usize| real().map(of).sum::<usize>();
        let worst = real().map(|outcome| outcome.whole_max_s).fold(0.0, f64::max);
        let mut summary = format!(
            "faults: {} scenarios, {} messages, {} lost, {} doubled, {} reordered, worst recovery {worst:.1} s",
            scenarios.len(),
            sum(|outcome| outcome.acknowledged),
            sum(|outcome| outcome.lost),
            sum(|outcome| outcome.doubled),
            sum(|outcome| outcome.reordered),
        );
        let passed = scenarios.iter().all(|outcome| outcome.passed);
        if !passed {
            let failed: Vec<&str> = scenarios
                .iter()
                .filter(|outcome| !outcome.passed)
                .map(|outcome| outcome.name.as_str())
                .collect();
            summary.push_str(&format!("; FAILED: {} (SEED={seed})", failed.join(", ")));
        }
        Self { seed, summary, passed, took_s, scenarios }
    }

    /// Writes it to a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, file: &Path) -> std::io::Result<()> {
        std::fs::write(file, serde_json::to_string_pretty(self)? + "\n")
    }
}
