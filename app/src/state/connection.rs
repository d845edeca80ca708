//! The connection as the page sees it: what the socket reports, and what prevents connecting.

use client::{Client, Link};
use futures::channel::mpsc;
use leptos::prelude::*;
use protocol::{ServerFrame, Zone};

use super::{Chat, set, storage};
use crate::{browser, socket, words::Clock};

/// How long the page is disconnected before it says so.
const AWAY_SHOWN_MS: i64 = 2_000;
/// If this machine's clock gains this much on the monotonic one between two ticks, it was set, or
/// the machine slept.
const SLEPT_MS: i64 = 2_000;
/// The note that a page leaves for the next one in its tab when another user takes over.
const CHANGED_OVER: &str = "roost:changed-over";
/// The value of that note if something was still unsent.
const LEFT: &str = "left";

/// Why the page does not connect, and what would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The servers speak another version: reload.
    NewVersion,
    /// The account or the address has too many connections.
    TooMany,
    /// Someone else signed in from another tab, so this page belongs to its former user.
    SomeoneElse,
}

impl Chat {
    /// Starts the browser's half: its own clock, what an earlier page did not send, and the
    /// connection.
    pub fn wake(self) {
        if browser::is_stopped() {
            return;
        }
        self.look_at_clock();
        self.away_since.set_value(Some(browser::steady()));
        self.clock_ahead.set_value(browser::now() - browser::steady());
        if let Some(left) = browser::take_word(CHANGED_OVER) {
            self.just_changed_over.set_value(true);
            let me = untrack(|| self.user(self.me));
            self.tell_all(self.words.changed_over(&me.name, left == LEFT), None);
        }
        let kept = self.saved.with_value(storage::Saved::load);
        self.tell(|client, now| client.adopt(kept, now));
        self.follow_drafts();
        leptos::task::spawn_local(socket::keep_connected(self));
    }

    /// A connection is being opened. Frames go there from now on.
    pub(crate) fn connected(self, outgoing: mpsc::Sender<String>) {
        self.outgoing.set_value(Some(outgoing));
        self.tell(Client::connected);
    }

    /// The connection is gone.
    pub(crate) fn disconnected(self) {
        self.outgoing.set_value(None);
        self.tell(Client::disconnected);
    }

    /// A frame arrived.
    pub(crate) fn receive(self, frame: ServerFrame) {
        self.tell(|client, now| client.receive(frame, now));
    }

    /// Time passed.
    pub(crate) fn tick(self) {
        let (now, steady) = (browser::now(), browser::steady());
        if self.link.get_untracked() == Link::Live {
            self.tell(Client::tick);
        }
        let away = self.away_since.get_value().is_some_and(|since| steady - since >= AWAY_SHOWN_MS);
        set(self.away, away);
        // The machine may have slept, which the monotonic clock may not count. The connection may
        // then be dead.
        if now - steady - self.clock_ahead.get_value() > SLEPT_MS {
            self.check_connection();
        }
        self.clock_ahead.set_value(now - steady);
        if now.div_euclid(60_000) != self.clock.get_untracked().now.div_euclid(60_000) {
            self.look_at_clock();
        }
    }

    /// Takes over the browser's clock and time zone, which may have changed. The server draws the
    /// next page for that zone.
    fn look_at_clock(self) {
        let (now, known) = (browser::now(), self.clock.get_untracked().zone);
        let zone = Zone::probe(now, browser::utc_offset_minutes);
        self.clock.set(Clock { now, zone });
        if let Some(name) = browser::zone_name() {
            browser::set_cookie("tz", &name);
        }
        if zone != known {
            self.draw_rows();
        }
    }

    /// The connection may be dead: pings at once.
    pub(crate) fn check_connection(self) {
        self.tell(Client::check_connection);
    }

    /// Whether nothing has been received for too long.
    pub(crate) fn is_dead(self) -> bool {
        self.client.with_value(|client| client.is_dead(browser::steady()))
    }

    /// How long the server asked this page to wait before reconnecting.
    pub(crate) fn retry_ms(self) -> u32 {
        self.client.with_value(Client::retry_ms)
    }

    /// Whether the server refused this version.
    pub(crate) fn is_outdated(self) -> bool {
        self.client.with_value(|client| {
            client.refused_hello().is_some_and(|r| r.code == protocol::ErrorCode::VersionUnsupported)
        })
    }

    /// Whether the connection is someone else's: see [`Client::stranger`].
    pub(crate) fn is_strangers(self) -> bool {
        self.client.with_value(|client| client.stranger().is_some())
    }

    /// This browser's cookie belongs to someone else: reloads the page as theirs. Only once; if
    /// that does not help, the user decides.
    pub(crate) fn change_over(self) {
        self.keep_unsent();
        if !self.just_changed_over.get_value() {
            let left = self.waiting.get_untracked() > 0;
            browser::leave_word(CHANGED_OVER, if left { LEFT } else { "" });
            browser::reload();
        }
    }

    /// Before the page unloads: stores unacknowledged messages again, because another tab may have
    /// cleared them by signing out. The sender's next page sends them.
    pub(crate) fn keep_unsent(self) {
        self.client.with_value(|client| {
            self.saved.update_value(|saved| saved.keep_outbox_again(client.outbox()));
        });
        self.keep_saving();
    }

    /// Passes frames to the socket. A full queue means that the other end accepts nothing: drops
    /// the connection, which then resumes.
    pub(super) fn hand_over(self, frames: Vec<String>) {
        self.outgoing.update_value(|outgoing| {
            let full = outgoing
                .as_mut()
                .is_some_and(|queue| frames.into_iter().any(|frame| queue.try_send(frame).is_err()));
            if full {
                *outgoing = None;
            }
        });
    }

    pub(super) fn draw_link(self) {
        let (link, node, awaits_pong) =
            self.client.with_value(|client| (client.link(), client.node().to_owned(), client.awaits_pong()));
        // A socket outlives its network by some seconds. If the browser says that it is offline,
        // the server must answer, or the user is told.
        let reached = link == Link::Live && !(awaits_pong && browser::is_offline());
        if reached {
            self.away_since.set_value(None);
            set(self.away, false);
            set(self.obstacle, None);
            self.just_changed_over.set_value(false);
        } else {
            self.away_since.update_value(|since| {
                since.get_or_insert_with(browser::steady);
            });
        }
        if reached && self.link.get_untracked() != link {
            self.screen.tools_lost.set(false);
            self.store_drafts_again();
        }
        set(self.link, link);
        set(self.node, node);
    }
}
