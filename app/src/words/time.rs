//! Dates and times. Reckoned in plain arithmetic (see `client::date_of`), so that the server and the browser draw
//! the very same text; `Intl` has no part in it.

use client::{Date, date_of, minute_of_day, weekday_of};
use protocol::Millis;

use super::Words;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS_EN: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const WEEKDAYS_ZH: [&str; 7] = ["星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"];

/// Where and when one looks from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The time.
    pub now: Millis,
    /// The offset from UTC, east positive.
    pub utc_offset_minutes: i32,
}

impl Clock {
    /// The day of a time, as seen from here.
    #[must_use]
    pub fn date(self, at: Millis) -> Date {
        date_of(at, self.utc_offset_minutes)
    }

    /// How many days ago something was; 0 is today.
    #[must_use]
    pub fn days_ago(self, at: Millis) -> i64 {
        let day = |at: Millis| (at + i64::from(self.utc_offset_minutes) * 60_000).div_euclid(86_400_000);
        day(self.now) - day(at)
    }
}

impl Words {
    /// `14:05`.
    #[must_use]
    pub fn time(self, at: Millis, clock: Clock) -> String {
        let minute = minute_of_day(at, clock.utc_offset_minutes);
        format!("{:02}:{:02}", minute / 60, minute % 60)
    }

    /// A day, as a divider says it.
    #[must_use]
    pub fn day(self, date: Date, clock: Clock) -> String {
        if date == clock.date(clock.now) {
            return self.today().to_owned();
        }
        if date == clock.date(clock.now - 86_400_000) {
            return self.yesterday().to_owned();
        }
        let weekday = self.weekday(date);
        let month = month(date);
        let this_year = date.year == clock.date(clock.now).year;
        match this_year {
            true => self.pick(
                format!("{weekday}, {} {month}", date.day),
                format!("{}月{}日 {weekday}", date.month, date.day),
            ),
            false => self.pick(
                format!("{} {month} {}", date.day, date.year),
                format!("{}年{}月{}日", date.year, date.month, date.day),
            ),
        }
    }

    /// The shortest that says when: a time, a weekday, or a date. For lists.
    #[must_use]
    pub fn when(self, at: Millis, clock: Clock) -> String {
        let date = clock.date(at);
        match clock.days_ago(at) {
            ..=0 => self.time(at, clock),
            1 => self.yesterday().to_owned(),
            2..=6 => self.pick(self.weekday(date)[..3].to_owned(), self.weekday(date).replace("星期", "周")),
            _ => self.short_date(date, clock),
        }
    }

    /// A moment in full, for tooltips and settings.
    #[must_use]
    pub fn moment(self, at: Millis, clock: Clock) -> String {
        format!("{} {}", self.short_date(clock.date(at), clock), self.time(at, clock))
    }

    fn short_date(self, date: Date, clock: Clock) -> String {
        let month = &month(date)[..3];
        match date.year == clock.date(clock.now).year {
            true => self.pick(format!("{} {month}", date.day), format!("{}月{}日", date.month, date.day)),
            false => self.pick(
                format!("{} {month} {}", date.day, date.year),
                format!("{}/{}/{}", date.year, date.month, date.day),
            ),
        }
    }

    fn weekday(self, date: Date) -> &'static str {
        let names = self.pick(WEEKDAYS_EN, WEEKDAYS_ZH);
        names[usize::from(weekday_of(date)) % 7]
    }
}

fn month(date: Date) -> &'static str {
    MONTHS[usize::from(date.month.clamp(1, 12)) - 1]
}

#[cfg(test)]
mod tests {
    use protocol::Language;

    use super::*;

    // Tuesday, 24 November 2026, 04:30 UTC: in Shanghai it is half past noon.
    const CLOCK: Clock = Clock { now: 1_795_494_600_000, utc_offset_minutes: 480 };
    const DAY: Millis = 86_400_000;

    #[test]
    fn a_list_says_when_as_shortly_as_it_can() {
        let [en, zh] = [Words(Language::En), Words(Language::Zh)];
        let when = |words: Words, days: i64| words.when(CLOCK.now - days * DAY, CLOCK);
        assert_eq!(
            [when(en, 0), when(en, 1), when(en, 3), when(en, 20)],
            ["12:30", "Yesterday", "Sat", "4 Nov"]
        );
        assert_eq!(
            [when(zh, 1), when(zh, 3), when(zh, 20), when(zh, 400)],
            ["昨天", "周六", "11月4日", "2025/10/20"]
        );
    }

    #[test]
    fn a_divider_names_the_day() {
        let [en, zh] = [Words(Language::En), Words(Language::Zh)];
        let day = |words: Words, days: i64| words.day(CLOCK.date(CLOCK.now - days * DAY), CLOCK);
        assert_eq!([day(en, 0), day(en, 1), day(en, 2)], ["Today", "Yesterday", "Sunday, 22 November"]);
        assert_eq!([day(zh, 2), day(zh, 400)], ["11月22日 星期日", "2025年10月20日"]);
    }
}
