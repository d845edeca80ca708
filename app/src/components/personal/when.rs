//! A choice of times in the browser's time zone: a few common ones, and any other.

use client::{date_of, day_number, minute_of_day, weekday_of};
use leptos::{html::Input, prelude::*};
use protocol::{Millis, Zone};

use crate::components::attributes::GlobalAttributes;
use crate::components::{handler, live};
use crate::{browser, state::use_chat, words::Clock};

const MINUTE_MS: Millis = 60_000;
const DAY_MS: Millis = 24 * 60 * MINUTE_MS;
/// The minute of the day that counts as morning: nine o'clock.
const MORNING: Millis = 9 * 60;

/// A named time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name.
    pub name: &'static str,
    /// The time.
    pub at: Millis,
}

/// The moment at which a zone's clocks show this minute of this day since 1970. For a minute that
/// the clocks skip, the time after the gap.
fn at_local(day: i64, minute: Millis, zone: Zone) -> Millis {
    let local = day * DAY_MS + minute * MINUTE_MS;
    let offset = |at| Millis::from(zone.offset_minutes(at)) * MINUTE_MS;
    let near = local - offset(local);
    local - offset(near)
}

/// Tomorrow at nine.
pub(super) fn tomorrow(clock: Clock) -> Millis {
    at_local(day_number(clock.now, clock.zone) + 1, MORNING, clock.zone)
}

/// The next Monday at nine; `None` if that is tomorrow.
pub(super) fn monday(clock: Clock) -> Option<Millis> {
    let today = i64::from(weekday_of(date_of(clock.now, clock.zone)));
    // `weekday_of` counts from Sunday.
    let ahead = (8 - today) % 7;
    let ahead = if ahead == 0 { 7 } else { ahead };
    (ahead > 1).then(|| at_local(day_number(clock.now, clock.zone) + ahead, MORNING, clock.zone))
}

/// A time in the format of a date-time field.
pub(super) fn field_value(at: Millis, zone: Zone) -> String {
    let (date, minute) = (date_of(at, zone), minute_of_day(at, zone));
    format!("{:04}-{:02}-{:02}T{:02}:{:02}", date.year, date.month, date.day, minute / 60, minute % 60)
}

/// A list of times, and a field for any other.
#[component]
pub(super) fn Times(
    /// The named times.
    offers: Vec<Offer>,
    /// The initial value of the field.
    first: Option<Millis>,
    /// The label of the field's button.
    act: &'static str,
    /// Called with the chosen time.
    choose: Callback<Millis>,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let clock = chat.clock.get_untracked();
    let offer = |Offer { name, at }: Offer| {
        view! {
            <button type="button" class="time-offer" on:click=handler(move |_| choose.run(at))>
                <span>{name}</span>
                <span class="time-offer-when">{words.moment(at, clock)}</span>
            </button>
        }
        .into_any()
    };
    view! {
        <div class="time-offers">{offers.into_iter().map(offer).collect::<Vec<_>>()}</div>
        <OwnTime first=first.unwrap_or_else(|| tomorrow(clock)) act choose/>
    }
}

/// A field for any time.
#[component]
fn OwnTime(first: Millis, act: &'static str, choose: Callback<Millis>) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let zone = chat.clock.get_untracked().zone;
    let (field, wrong) = (NodeRef::<Input>::new(), RwSignal::new(None::<&'static str>));
    let submit = move |submit: web_sys::SubmitEvent| {
        submit.prevent_default();
        match chosen(field) {
            Ok(at) => choose.run(at),
            Err(Wrong::Empty) => wrong.set(Some(words.choose_time())),
            Err(Wrong::Past) => wrong.set(Some(words.refused_time())),
        }
    };
    view! {
        <form class="own-time" novalidate on:submit=handler(submit)>
            <div class="field" data-invalid=live(move || wrong.get().map(|_| "true"))>
                <label for="own-time">{words.own_time()}</label>
                <div class="own-time-row">
                    <TimeField id="own-time" first zone node=field/>
                    <button type="submit" class="button primary">{act}</button>
                </div>
                {live(move || wrong.get().map(|why| view! { <p class="field-error" role="alert">{why}</p> }.into_any()))}
            </div>
        </form>
    }
}

/// A native date-time field.
#[component]
pub(super) fn TimeField(id: &'static str, first: Millis, zone: Zone, node: NodeRef<Input>) -> impl IntoView {
    let now = use_chat().clock.get_untracked().now;
    view! {
        <input
            type="datetime-local"
            class="input"
            id=id
            min=field_value(now, zone)
            value=field_value(first, zone)
            node_ref=node
        />
    }
}

/// Why a field's value is no valid time.
pub(super) enum Wrong {
    Empty,
    Past,
}

/// The time in a field.
pub(super) fn chosen(field: NodeRef<Input>) -> Result<Millis, Wrong> {
    let text = field.get_untracked().map(|field| field.value()).unwrap_or_default();
    let at = browser::parse_local_time(&text).ok_or(Wrong::Empty)?;
    if at > browser::now() { Ok(at) } else { Err(Wrong::Past) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Berlin: summer time ends on 25 October 2026 at 01:00 UTC and begins on 28 March 2027 at
    /// 01:00 UTC.
    fn berlin() -> Zone {
        let summer =
            |at: Millis| at < 1_792_890_000_000 || (1_806_195_600_000..1_824_944_400_000).contains(&at);
        Zone::probe(1_795_494_600_000, move |at| if summer(at) { 120 } else { 60 })
    }

    fn clock(now: Millis) -> Clock {
        Clock { now, zone: berlin() }
    }

    #[test]
    fn nine_o_clock_is_nine_o_clock_also_when_the_clocks_change_in_the_night() {
        // Saturday, 24 October 2026, 20:00 in Berlin; the night is an hour longer.
        let before = 1_792_864_800_000;
        assert_eq!(field_value(before, berlin()), "2026-10-24T20:00");
        assert_eq!(field_value(tomorrow(clock(before)), berlin()), "2026-10-25T09:00");
        assert_eq!(tomorrow(clock(before)) - before, 14 * 60 * MINUTE_MS);
        // Saturday, 27 March 2027, 20:00; the night is an hour shorter.
        let before = 1_806_174_000_000;
        assert_eq!(field_value(before, berlin()), "2027-03-27T20:00");
        assert_eq!(tomorrow(clock(before)) - before, 12 * 60 * MINUTE_MS);
    }

    #[test]
    fn monday_is_the_next_one_unless_that_is_tomorrow() {
        // Sunday, 29 November 2026, noon in Berlin.
        let sunday = 1_795_950_000_000;
        let on = |days: i64| monday(clock(sunday + days * DAY_MS)).map(|at| field_value(at, berlin()));
        assert_eq!(on(0), None);
        assert_eq!(on(1).as_deref(), Some("2026-12-07T09:00"), "on a Monday the next one");
        for days in 2..=6 {
            assert_eq!(on(days).as_deref(), Some("2026-12-07T09:00"), "{days}");
        }
        assert_eq!(on(7), None);
    }
}
