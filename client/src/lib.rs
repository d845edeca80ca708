//! The state and logic of a Roost client, independent of a browser.
//!
//! [`Client`] is a state machine without I/O: it is told what happened (a connection opened, a
//! frame arrived, time passed, the user wrote something) and returns which frames to send and what
//! has changed on the screen. The browser's interface, the integration tests and the load generator
//! share this code; only the socket and the clock around it differ.
//!
//! Law: rooms, people and the workspace are lines of numbered changes. Live events and catch-up
//! both go through the module `line`, and old state + events = a fresh fetch.
//!
//! No Leptos, no web-sys, no clock and no randomness in here: those are arguments.
#![warn(missing_docs)]

mod asks;
mod backoff;
mod diff;
mod drafts;
mod edit;
mod line;
mod link;
mod list;
mod machine;
mod marks;
mod outbox;
mod people;
mod personal;
mod room;
mod rows;
mod sorted;
#[cfg(test)]
mod tests;
mod thread;
mod timeline;

pub use crate::{
    backoff::Backoff,
    diff::{Fate, diff},
    drafts::LocalDraft,
    edit::{Edit, EditState},
    line::{Applied, LineState},
    link::Link,
    machine::{Answer, Client, Touched},
    outbox::{Outbox, Pending, SendState},
    people::People,
    personal::Personal,
    room::{RoomState, Tick},
    rows::{
        Date, MessageRow, RepliesRow, Row, RowForward, RowKey, RowKind, RowMention, RowPoll, RowQuote,
        RowReaction, RowThread, date_of, day_before, day_number, iso_of, minute_of_day, rows, shown_text,
        thread_rows, weekday_of,
    },
    sorted::{SortedMap, SortedSet, sort_by},
    thread::ThreadState,
    timeline::{TIMELINE_ENTRIES_MAX, Timeline},
};
