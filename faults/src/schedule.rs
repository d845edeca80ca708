//! Which fault happens when: drawn from a seed, or parsed from a printed schedule.

use std::{fmt, time::Duration};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde::{
    Deserialize as _,
    de::value::{Error, StrDeserializer},
};

use crate::scenario::{Extra, Fault, Scenario, Thing};

/// One fault of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The fault.
    pub fault: Fault,
    /// The server or network that it hits.
    pub target: usize,
    /// When it begins, relative to the start of the schedule.
    pub at: Duration,
    /// How long it lasts.
    pub hold: Duration,
}

/// Faults, sorted by their start.
///
/// Its text is `FROM-UNTIL FAULT TARGET`, in seconds, separated by commas or newlines: `0.5-1.2
/// BalancerReloads 1, …`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule(pub Vec<Planned>);

/// The random numbers of a scenario. They depend only on the seed and the name, not on earlier scenarios.
#[must_use]
pub fn generator(seed: u64, scenario: &str) -> StdRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    for (at, byte) in scenario.bytes().enumerate() {
        bytes[8 + at % 24] ^= byte;
    }
    StdRng::from_seed(bytes)
}

impl Schedule {
    /// The faults of this scenario.
    #[must_use]
    pub fn of(scenario: &Scenario, seed: u64, targets: usize) -> Self {
        let mut rng = generator(seed, scenario.name);
        if scenario.extra == Extra::Mix {
            return draw(&mut rng, scenario.hold, targets);
        }
        let target = rng.random_range(0..targets);
        Self(vec![Planned { fault: scenario.fault, target, at: Duration::ZERO, hold: scenario.hold }])
    }

    /// Parses the text that [`Self`] prints. It may begin with «drawn:», as in a report.
    ///
    /// # Errors
    /// The invalid entry, and why it is invalid.
    pub fn parse(text: &str, targets: usize) -> Result<Self, String> {
        let text = text.trim();
        let entries = text.strip_prefix(DRAWN).unwrap_or(text).split([',', '\n']).map(str::trim);
        let mut planned = Vec::new();
        for entry in entries.filter(|entry| !entry.is_empty()) {
            planned.push(parse_one(entry, targets).map_err(|e| format!("«{entry}»: {e}"))?);
        }
        planned.sort_by_key(|one: &Planned| one.at);
        if planned.is_empty() { Err("there is nothing in it".to_owned()) } else { Ok(Self(planned)) }
    }
}

/// Printed before a schedule in a report.
pub const DRAWN: &str = "drawn:";

fn parse_one(entry: &str, targets: usize) -> Result<Planned, String> {
    let form = || "it must be FROM-UNTIL FAULT TARGET, such as 0.5-1.2 BalancerReloads 1".to_owned();
    let words: Vec<&str> = entry.split_whitespace().collect();
    let [times, fault, target] = words[..] else { return Err(form()) };
    let (from, until) = times.split_once('-').ok_or_else(form)?;
    let (at, until) = (parse_time(from)?, parse_time(until)?);
    let hold = until.checked_sub(at).ok_or("it ends before it begins")?;
    let fault = Fault::deserialize(StrDeserializer::<Error>::new(fault)).map_err(|e| e.to_string())?;
    let target = target.parse().ok().filter(|target| *target < targets);
    let target = target.ok_or_else(|| format!("the target is a number below {targets}"))?;
    Ok(Planned { fault, target, at, hold })
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| format!("{text} is not a number of seconds"))?;
    let time = Duration::try_from_secs_f64(seconds).map_err(|e| format!("{text} s: {e}"))?;
    Ok(Duration::from_millis(time.as_micros().div_ceil(1_000).try_into().unwrap_or(u64::MAX)))
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, until) = (self.at.as_secs_f64(), (self.at + self.hold).as_secs_f64());
        write!(f, "{at:?}-{until:?} {:?} {}", self.fault, self.target)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, one) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { ", " };
            write!(f, "{between}{one}")?;
        }
        Ok(())
    }
}

/// The faults of a mix. Two faults never break the same thing at once. All times are multiples of 0.1 s, as
/// printed.
fn draw(rng: &mut StdRng, hold: Duration, targets: usize) -> Schedule {
    let tenths = |count: u64| Duration::from_millis(100 * count);
    let mut planned = Vec::new();
    for thing in [Thing::Servers, Thing::Redis, Thing::Postgres, Thing::Networks] {
        let mut order: Vec<Fault> =
            Fault::MIXED.iter().copied().filter(|fault| fault.breaks() == thing).collect();
        order.shuffle(rng);
        let mut at = tenths(rng.random_range(0..40));
        for fault in order.iter().cycle() {
            let length = tenths(rng.random_range(5..50));
            if at + length > hold {
                break;
            }
            planned.push(Planned { fault: *fault, target: rng.random_range(0..targets), at, hold: length });
            at += length + tenths(rng.random_range(30..90));
        }
    }
    planned.sort_by_key(|one| one.at);
    Schedule(planned)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::scenario::ALL;

    fn scenario(name: &str) -> &'static Scenario {
        ALL.iter().find(|one| one.name == name).unwrap()
    }

    #[test]
    fn a_seed_gives_each_scenario_a_schedule_of_its_own_and_always_the_same() {
        let mixes: Vec<&Scenario> = ALL.iter().filter(|one| one.extra == Extra::Mix).collect();
        let mut drawn = BTreeSet::new();
        for seed in [7, 8] {
            for mix in &mixes {
                let schedule = Schedule::of(mix, seed, 3);
                assert_eq!(schedule, Schedule::of(mix, seed, 3));
                assert!(schedule.0.len() > 10 && schedule.0.iter().all(|one| one.at + one.hold <= mix.hold));
                drawn.insert(schedule.to_string());
            }
        }
        assert_eq!(drawn.len(), 2 * mixes.len());
        let first = |name: &str| generator(7, name).random::<u64>();
        assert_eq!(ALL.iter().map(|one| first(one.name)).collect::<BTreeSet<_>>().len(), ALL.len());
    }

    #[test]
    fn what_is_drawn_never_breaks_one_thing_twice_at_a_time() {
        for seed in 0..50 {
            let Schedule(planned) = Schedule::of(scenario("mix-with-bad-bus"), seed, 3);
            for (index, one) in planned.iter().enumerate() {
                let same = |other: &&Planned| other.fault.breaks() == one.fault.breaks();
                assert!(planned[index + 1..].iter().filter(same).all(|other| other.at >= one.at + one.hold));
            }
        }
    }

    #[test]
    fn what_is_printed_is_read_again() {
        for seed in 0..50 {
            for scenario in ALL {
                let schedule = Schedule::of(scenario, seed, 3);
                assert_eq!(Schedule::parse(&schedule.to_string(), 3), Ok(schedule.clone()));
                let reported = format!("  {DRAWN} {}\n", schedule.to_string().replace(", ", ",\n"));
                assert_eq!(Schedule::parse(&reported, 3), Ok(schedule));
            }
        }
    }

    #[test]
    fn a_schedule_that_is_wrong_is_refused_in_words() {
        let refused = |text: &str| Schedule::parse(text, 3).unwrap_err();
        for (text, word) in [
            ("", "nothing"),
            ("1.0-2.0 RedisGone", "FROM-UNTIL FAULT TARGET"),
            ("1.0 RedisGone 1", "FROM-UNTIL FAULT TARGET"),
            ("1.0-x RedisGone 1", "x is not a number of seconds"),
            ("1.0-inf RedisGone 1", "inf s"),
            ("2.0-1.0 RedisGone 1", "ends before it begins"),
            ("1.0-2.0 RedisBent 1", "unknown variant `RedisBent`, expected one of `Nothing`"),
            ("1.0-2.0 RedisGone 3", "below 3"),
        ] {
            assert!(refused(text).contains(word), "{text}: {}", refused(text));
        }
        assert!(refused("1.0-2.0 RedisGone 1, oh").starts_with("«oh»"));
    }
}
