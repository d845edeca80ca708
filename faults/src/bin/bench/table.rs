//! The results: printed as they arrive, and written as JSON.

use std::{path::Path, time::Duration};

use faults::cluster::Fallible;
use serde::Serialize;

/// One figure.
#[derive(Debug, Serialize)]
struct Figure {
    measure: String,
    what: String,
    value: f64,
    unit: String,
    note: String,
}

/// See the module.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Table {
    lines: Vec<Figure>,
}

impl Table {
    /// Records a figure, and prints it.
    pub(crate) fn add(&mut self, measure: &str, what: &str, (value, unit): (f64, &str), note: String) {
        let digits = if value >= 100.0 { 0 } else { 2 };
        println!("  {what:<46} {value:>12.digits$} {unit:<8} {note}");
        let figure =
            Figure { measure: measure.to_owned(), what: what.to_owned(), value, unit: unit.to_owned(), note };
        self.lines.push(figure);
    }

    /// Records the quantiles of times.
    pub(crate) fn times(
        &mut self,
        measure: &str,
        what: &str,
        times: &mut [Duration],
        shares: &[(f64, &str)],
    ) {
        times.sort_unstable();
        let count = times.len();
        for (share, name) in shares {
            let Some(last) = count.checked_sub(1) else { return };
            let value = times[(last as f64 * share) as usize].as_secs_f64() * 1_000.0;
            self.add(measure, &format!("{what}, {name}"), (value, "ms"), format!("of {count}"));
        }
    }

    /// Writes everything to a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write(&self, file: &Path) -> Fallible<()> {
        std::fs::write(file, serde_json::to_string_pretty(self)?)?;
        println!("\n{} figures, also in {}", self.lines.len(), file.display());
        Ok(())
    }
}

/// The quantiles that most times are reported by.
pub(crate) const QUANTILES: &[(f64, &str)] = &[(0.5, "p50"), (0.99, "p99"), (0.999, "p999")];
