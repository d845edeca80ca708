//! What a client of Roost knows and decides, without a browser.
//!
//! [`Client`] is a machine without input or output of its own: it is told what happened (a connection opened, a
//! frame came, time passed, the person wrote something) and says which frames to send and what has changed on the
//! screen. The browser's face, the integration tests and the load generator run this same code; only the socket
//! and the clock around it differ.
//!
//! Law: live events and catch-up go through the one function [`RoomState::apply`], and
//! old state + events = a fresh fetch.
//!
//! No Leptos, no web-sys, no clock and no randomness in here: those are arguments.
#![warn(missing_docs)]

mod backoff;
mod edit;
mod machine;
mod outbox;
mod room;
mod rows;
mod sorted;
#[cfg(test)]
mod tests;
mod timeline;

pub use crate::{
    backoff::Backoff,
    edit::{Edit, EditState},
    machine::{Answer, Client, Link, Touched},
    outbox::{Outbox, Pending, SendState},
    room::{Applied, RoomState, Tick},
    rows::{Date, MessageRow, Row, RowKey, RowKind, RowReaction, date_of, minute_of_day, rows, weekday_of},
    sorted::SortedMap,
    timeline::{TIMELINE_ENTRIES_MAX, Timeline},
};
