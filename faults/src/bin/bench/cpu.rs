//! CPU time of processes, from `/proc/PID/stat`, in hundredths of a second: the unit of Linux on every
//! machine that Roost supports (`sysconf(_SC_CLK_TCK)` would need unsafe code).

use std::{collections::BTreeMap, time::Duration};

/// One tick of the kernel's accounting.
const TICK: Duration = Duration::from_millis(10);

/// CPU time by name, since the processes started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts(BTreeMap<String, Duration>);

impl Accounts {
    /// Adds the processes of one name.
    pub(crate) fn add(&mut self, name: &str, pids: &[u32]) {
        let spent: Duration = pids.iter().filter_map(|pid| spent(*pid)).sum();
        *self.0.entry(name.to_owned()).or_default() += spent;
    }

    /// The time spent since an earlier reading.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let spent = |(name, now): (&String, &Duration)| {
            (name.clone(), now.saturating_sub(before.0.get(name).copied().unwrap_or_default()))
        };
        Self(self.0.iter().map(spent).collect())
    }

    /// The time spent by one name.
    pub(crate) fn time_of(&self, name: &str) -> Duration {
        self.0.get(name).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<String> =
            self.0.iter().map(|(name, spent)| format!("{name} {:.2} s", spent.as_secs_f64())).collect();
        f.write_str(&parts.join(", "))
    }
}

fn spent(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets, which may contain spaces.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u32>().ok();
    Some(TICK * (ticks(11)? + ticks(12)?))
}

/// The processes whose parent is this one.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pid = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let is_child = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        rest.split_whitespace().nth(1) == Some(parent.to_string().as_str())
    };
    entries.filter_map(|entry| pid(entry.ok()?)).filter(is_child).collect()
}
