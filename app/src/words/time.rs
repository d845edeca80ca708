//! Dates and times. Computed by plain arithmetic (see `client::date_of`) rather than `Intl`, so
//! that the server and the browser draw the same text.

use client::{Date, date_of, day_before, day_number, minute_of_day, weekday_of};
use protocol::{Millis, Zone};

use super::{
    DATE, DATE_OF_YEAR, DAY, DAY_OF_YEAR, MOMENT, MONTHS, MONTHS_SHORT, WEEKDAYS, WEEKDAYS_SHORT, Words,
    filled,
};

/// The current time and time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The time.
    pub now: Millis,
    /// The zone.
    pub zone: Zone,
}

impl Clock {
    /// The date of a time in this zone.
    #[must_use]
    pub fn date(self, at: Millis) -> Date {
        date_of(at, self.zone)
    }

    /// How many days ago a time was; 0 is today.
    #[must_use]
    pub fn days_ago(self, at: Millis) -> i64 {
        day_number(self.now, self.zone) - day_number(at, self.zone)
    }
}

impl Words {
    /// `14:05`.
    #[must_use]
    pub fn time(self, at: Millis, clock: Clock) -> String {
        let minute = minute_of_day(at, clock.zone);
        format!("{:02}:{:02}", minute / 60, minute % 60)
    }

    /// A day, as a divider shows it.
    #[must_use]
    pub fn day(self, date: Date, clock: Clock) -> String {
        if date == clock.date(clock.now) {
            return self.today().to_owned();
        }
        // Not 24 hours ago: days on which the clocks change are longer or shorter.
        if date == day_before(clock.date(clock.now)) {
            return self.yesterday().to_owned();
        }
        self.dated(if is_this_year(date, clock) { DAY } else { DAY_OF_YEAR }, date)
    }

    /// The shortest useful form: a time, a weekday, or a date. For lists.
    #[must_use]
    pub fn when(self, at: Millis, clock: Clock) -> String {
        let date = clock.date(at);
        match clock.days_ago(at) {
            ..=0 => self.time(at, clock),
            1 => self.yesterday().to_owned(),
            2..=6 => self.part(WEEKDAYS_SHORT, weekday(date)).to_owned(),
            _ => self.short_date(date, clock),
        }
    }

    /// A moment in full, for tooltips and settings.
    #[must_use]
    pub fn moment(self, at: Millis, clock: Clock) -> String {
        let (date, time) = (self.short_date(clock.date(at), clock), self.time(at, clock));
        filled(self.line(MOMENT), &["", "", "", "", "", "", &date, &time])
    }

    fn short_date(self, date: Date, clock: Clock) -> String {
        self.dated(if is_this_year(date, clock) { DATE } else { DATE_OF_YEAR }, date)
    }

    /// The placeholders are those of `OF_DATES` in the build script.
    fn dated(self, pattern: usize, date: Date) -> String {
        let month = usize::from(date.month.clamp(1, 12)) - 1;
        filled(
            self.line(pattern),
            &[
                &date.day.to_string(),
                self.part(MONTHS, month),
                self.part(MONTHS_SHORT, month),
                &date.month.to_string(),
                &date.year.to_string(),
                self.part(WEEKDAYS, weekday(date)),
            ],
        )
    }
}

fn is_this_year(date: Date, clock: Clock) -> bool {
    date.year == clock.date(clock.now).year
}

fn weekday(date: Date) -> usize {
    usize::from(weekday_of(date)) % 7
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::check::words;

    // Tuesday, 24 November 2026, 04:30 UTC: 12:30 in Shanghai.
    const CLOCK: Clock = Clock { now: 1_795_494_600_000, zone: Zone::fixed(480) };
    const DAY: Millis = 86_400_000;

    #[test]
    fn a_list_says_when_as_shortly_as_it_can() {
        let [en, zh] = [words("en"), words("zh-CN")];
        let when = |words: Words, days: i64| words.when(CLOCK.now - days * DAY, CLOCK);
        assert_eq!(
            [when(en, 0), when(en, 1), when(en, 3), when(en, 20)],
            ["12:30", "Yesterday", "Sat", "4 Nov"]
        );
        assert_eq!(
            [when(zh, 1), when(zh, 3), when(zh, 20), when(zh, 400)],
            ["昨天", "周六", "11月4日", "2025/10/20"]
        );
        let [de, pt] = [words("de"), words("pt-BR")];
        assert_eq!([when(de, 1), when(de, 3), when(de, 20)], ["Gestern", "Sa", "4. Nov."]);
        assert_eq!([when(pt, 20), when(pt, 400)], ["4 de nov.", "20 de out. de 2025"]);
        assert_eq!(de.moment(CLOCK.now, CLOCK), "24. Nov., 12:30");
        assert_eq!(en.moment(CLOCK.now, CLOCK), "24 Nov 12:30");
    }

    #[test]
    fn a_divider_names_the_day() {
        let [en, zh] = [words("en"), words("zh-CN")];
        let day = |words: Words, days: i64| words.day(CLOCK.date(CLOCK.now - days * DAY), CLOCK);
        assert_eq!([day(en, 0), day(en, 1), day(en, 2)], ["Today", "Yesterday", "Sunday, 22 November"]);
        assert_eq!([day(zh, 2), day(zh, 400)], ["11月22日 星期日", "2025年10月20日"]);
        let [fr, ja, es] = [words("fr"), words("ja"), words("es")];
        assert_eq!([day(fr, 2), day(fr, 400)], ["dimanche 22 novembre", "20 octobre 2025"]);
        assert_eq!([day(ja, 0), day(ja, 2)], ["今日", "11月22日 日曜日"]);
        assert_eq!([day(es, 2), day(es, 400)], ["domingo, 22 de noviembre", "20 de octubre de 2025"]);
    }
}
