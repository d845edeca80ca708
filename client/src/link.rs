//! The connection: whether there is one, and whether the other end still responds.

use protocol::{Millis, limits};

/// A connection whose ping is not answered within this time is dead.
const PONG_TIMEOUT_MS: i64 = limits::PONG_MS as i64;
/// The same if something already suggests that the connection is dead.
const CHECKED_PONG_TIMEOUT_MS: i64 = limits::PONG_DOUBTED_MS as i64;
/// The same for a `hello`. The time doubles after each timeout, up to the maximum below.
const WELCOME_TIMEOUT_MS: i64 = limits::WELCOME_MS as i64;
const WELCOME_TIMEOUT_MS_MAX: i64 = limits::WELCOME_MS_MAX as i64;
/// The ping interval until a server has set it.
const PING_MS: i64 = limits::PING_MS as i64;

/// The state of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Not connected.
    Away {
        /// Since when.
        since: Millis,
    },
    /// Connected, but the server has not sent `welcome` yet.
    Greeting,
    /// Connected, and events flow.
    Live,
}

/// The connection and its deadlines.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) link: Link,
    pub(crate) ping_ms: i64,
    last_heard: Millis,
    pinged_at: Option<Millis>,
    pong_timeout_ms: i64,
    welcome_timeout_ms: i64,
}

impl Connection {
    pub(crate) fn away(since: Millis) -> Self {
        Self {
            link: Link::Away { since },
            ping_ms: PING_MS,
            last_heard: 0,
            pinged_at: None,
            pong_timeout_ms: PONG_TIMEOUT_MS,
            welcome_timeout_ms: WELCOME_TIMEOUT_MS,
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.link == Link::Live
    }

    /// A socket is open.
    pub(crate) fn opened(&mut self, now: Millis) {
        let Self { ping_ms, welcome_timeout_ms, .. } = *self;
        *self =
            Self { link: Link::Greeting, ping_ms, welcome_timeout_ms, last_heard: now, ..Self::away(now) };
    }

    /// The server has sent `welcome`.
    pub(crate) fn greeted(&mut self) {
        self.link = Link::Live;
        self.welcome_timeout_ms = WELCOME_TIMEOUT_MS;
    }

    /// The socket is gone.
    pub(crate) fn lost(&mut self, now: Millis) {
        if self.link == Link::Greeting && self.is_dead(now) {
            self.welcome_timeout_ms = (2 * self.welcome_timeout_ms).min(WELCOME_TIMEOUT_MS_MAX);
        }
        if !matches!(self.link, Link::Away { .. }) {
            self.link = Link::Away { since: now };
        }
    }

    /// A frame arrived.
    pub(crate) fn heard(&mut self, now: Millis) {
        self.last_heard = now;
    }

    /// The answer to a ping arrived.
    pub(crate) fn ponged(&mut self) {
        self.pinged_at = None;
    }

    /// Time passed. Returns whether to ping.
    pub(crate) fn is_ping_due(&mut self, now: Millis) -> bool {
        let due = self.is_live() && self.pinged_at.is_none() && now - self.last_heard >= self.ping_ms;
        if due {
            self.pinged_at = Some(now);
            self.pong_timeout_ms = PONG_TIMEOUT_MS;
        }
        due
    }

    /// The connection may be dead: shortens the wait for the next answer. Returns whether to ping.
    pub(crate) fn check(&mut self, now: Millis) -> bool {
        if !self.is_live() {
            return false;
        }
        self.pong_timeout_ms = CHECKED_PONG_TIMEOUT_MS;
        let due = self.pinged_at.is_none();
        self.pinged_at.get_or_insert(now);
        due
    }

    /// Whether a ping is unanswered.
    pub(crate) fn awaits_pong(&self) -> bool {
        self.pinged_at.is_some()
    }

    /// Whether the other end has not responded for too long.
    pub(crate) fn is_dead(&self, now: Millis) -> bool {
        match self.link {
            Link::Away { .. } => false,
            Link::Greeting => now - self.last_heard > self.welcome_timeout_ms,
            Link::Live => {
                self.pinged_at.is_some_and(|at| now - at.max(self.last_heard) > self.pong_timeout_ms)
            }
        }
    }
}
