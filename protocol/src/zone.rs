//! Time zones, reduced to what a chat needs.

use roost_json::FromJson;
use serde::{Deserialize, Serialize};

use crate::Millis;

const MINUTE_MS: Millis = 60_000;
const DAY_MS: Millis = 24 * 60 * MINUTE_MS;
/// Any change of an offset lasts longer than this, so none is missed: the shortest daylight saving
/// times last a month.
const STEP_MS: Millis = 14 * DAY_MS;
/// Changes are covered for this many years back …
const YEARS_BACK: Millis = 8;
/// … and ahead.
const YEARS_AHEAD: Millis = 2;
const YEAR_MS: Millis = 365 * DAY_MS;

/// The offsets from UTC of a time zone, and when each begins. So a message of last winter is shown
/// with its winter time, both on the server and in the browser, without sharing a time zone
/// database. Before the first covered change, the oldest offset applies.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, FromJson)]
#[serde(try_from = "Vec<(i32, i32)>", into = "Vec<(i32, i32)>")]
pub struct Zone {
    /// The minute since 1970 at which an offset begins, and the offset in minutes east of UTC. The
    /// first offset applies from the beginning.
    offsets: [(i32, i16); Self::OFFSETS_MAX],
    count: u8,
}

impl Zone {
    /// More changes than occur in [`YEARS_BACK`] and [`YEARS_AHEAD`]: no zone changes more than
    /// twice a year.
    const OFFSETS_MAX: usize = 32;

    /// A zone with a constant offset.
    #[must_use]
    pub const fn fixed(minutes: i16) -> Self {
        let mut offsets = [(0, 0); Self::OFFSETS_MAX];
        offsets[0].1 = minutes;
        Self { offsets, count: 1 }
    }

    /// The zone with these offsets, in minutes east of UTC, for some years around `now`. Calls
    /// `offset_at` about seven hundred times.
    #[must_use]
    pub fn probe(now: Millis, offset_at: impl Fn(Millis) -> i32) -> Self {
        let offset_at = |at| i16::try_from(offset_at(at)).unwrap_or_default();
        // The start is the same throughout a year, so that both sides find the same changes, and is
        // a whole minute.
        let begin = (now / YEAR_MS - YEARS_BACK) * YEAR_MS;
        let end = begin + (YEARS_BACK + YEARS_AHEAD + 1) * YEAR_MS;
        let mut zone = Self::fixed(offset_at(begin));
        let mut at = begin;
        while at < end && usize::from(zone.count) < Self::OFFSETS_MAX {
            let before = zone.offsets[usize::from(zone.count) - 1].1;
            let next = at + STEP_MS;
            if offset_at(next) != before {
                let change = first_minute(at, next, |at| offset_at(at) != before);
                zone.push(change, offset_at(change));
            }
            at = next;
        }
        zone
    }

    fn push(&mut self, from: Millis, offset: i16) {
        let minute = i32::try_from(from / MINUTE_MS).unwrap_or(i32::MAX);
        self.offsets[usize::from(self.count)] = (minute, offset);
        self.count += 1;
    }

    /// The offset in minutes east of UTC at a time.
    #[must_use]
    pub fn offset_minutes(&self, at: Millis) -> i32 {
        let minute = at.div_euclid(MINUTE_MS);
        let known = &self.offsets[..usize::from(self.count)];
        let held = known.iter().rev().find(|(from, _)| i64::from(*from) <= minute);
        held.or(known.first()).map_or(0, |(_, offset)| i32::from(*offset))
    }
}

/// The first minute of `(from, until]` at which `is` holds. It must then keep holding.
fn first_minute(mut from: Millis, mut until: Millis, is: impl Fn(Millis) -> bool) -> Millis {
    while until - from > MINUTE_MS {
        let middle = from + (until - from) / 2 / MINUTE_MS * MINUTE_MS;
        if is(middle) { until = middle } else { from = middle }
    }
    until
}

impl Default for Zone {
    /// UTC.
    fn default() -> Self {
        Self::fixed(0)
    }
}

impl std::fmt::Debug for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.offsets[..usize::from(self.count)]).finish()
    }
}

impl From<Zone> for Vec<(i32, i32)> {
    fn from(zone: Zone) -> Self {
        zone.offsets[..usize::from(zone.count)]
            .iter()
            .map(|(from, offset)| (*from, (*offset).into()))
            .collect()
    }
}

impl TryFrom<Vec<(i32, i32)>> for Zone {
    type Error = &'static str;

    fn try_from(known: Vec<(i32, i32)>) -> Result<Self, &'static str> {
        if known.is_empty() || known.len() > Self::OFFSETS_MAX {
            return Err("a zone has 1 to 32 offsets");
        }
        let mut zone = Self::fixed(0);
        for (slot, (from, offset)) in zone.offsets.iter_mut().zip(&known) {
            *slot = (*from, i16::try_from(*offset).map_err(|_| "an offset is less than a day")?);
        }
        zone.count = known.len() as u8;
        Ok(zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 2026-11-24 04:30 UTC.
    const NOW: Millis = 1_795_494_600_000;

    /// Roughly Central Europe: summer time from day 88 of a 365-day year, at one o'clock, to day
    /// 298.
    fn middle_of_europe(at: Millis) -> i32 {
        let in_year = at.rem_euclid(YEAR_MS);
        let summer = 88 * DAY_MS + 60 * MINUTE_MS..298 * DAY_MS + 60 * MINUTE_MS;
        if summer.contains(&in_year) { 120 } else { 60 }
    }

    #[test]
    fn a_zone_has_the_offset_of_each_time() {
        let zone = Zone::probe(NOW, middle_of_europe);
        let mut at = NOW - 7 * YEAR_MS;
        while at < NOW + 2 * YEAR_MS {
            assert_eq!(zone.offset_minutes(at), middle_of_europe(at), "{at}");
            at += 31 * 60 * MINUTE_MS;
        }
        let change = NOW / YEAR_MS * YEAR_MS + 88 * DAY_MS + 60 * MINUTE_MS;
        assert_eq!((zone.offset_minutes(change - 1), zone.offset_minutes(change)), (60, 120));
        assert_eq!(zone.offset_minutes(0), 60, "the oldest that is known");
        assert_eq!(Zone::probe(NOW, |_| -210), Zone { ..Zone::fixed(-210) });
    }

    #[test]
    fn a_zone_travels_whole() {
        let zone = Zone::probe(NOW, middle_of_europe);
        let json = serde_json::to_string(&zone).unwrap();
        assert!(json.len() < 500, "{} bytes", json.len());
        assert_eq!(serde_json::from_str::<Zone>(&json).unwrap(), zone);
        assert_eq!(roost_json::from_str::<Zone>(&json), Ok(zone));
        for wrong in ["[]", "[[0,99999]]", "null", &format!("[{}[0,0]]", "[0,0],".repeat(32))] {
            assert!(roost_json::from_str::<Zone>(wrong).is_err(), "{wrong}");
        }
    }
}
