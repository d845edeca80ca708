//! The connection: whether there is one, and whether the other end still answers.

use protocol::Millis;

/// A ping that is not answered for so long means that the connection is dead.
const PONG_WITHIN_MS: i64 = 10_000;
/// The same, when something suggests that it is dead: a person who comes back is not kept waiting for long.
const CHECKED_PONG_WITHIN_MS: i64 = 4_000;
/// How often to ping until a server has said so.
const PING_MS: i64 = 25_000;

/// What is known of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// No connection since this time.
    Away {
        /// When it was lost.
        since: Millis,
    },
    /// Connected; the server has not said `welcome` yet.
    Greeting,
    /// Events flow.
    Live,
}

/// The connection and its deadlines.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) link: Link,
    pub(crate) ping_ms: i64,
    last_heard: Millis,
    pinged_at: Option<Millis>,
    pong_within_ms: i64,
}

impl Connection {
    pub(crate) fn away(since: Millis) -> Self {
        Self {
            link: Link::Away { since },
            ping_ms: PING_MS,
            last_heard: 0,
            pinged_at: None,
            pong_within_ms: PONG_WITHIN_MS,
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.link == Link::Live
    }

    /// A socket is open.
    pub(crate) fn opened(&mut self, now: Millis) {
        *self = Self { link: Link::Greeting, ping_ms: self.ping_ms, last_heard: now, ..Self::away(now) };
    }

    /// The socket is gone.
    pub(crate) fn lost(&mut self, now: Millis) {
        if !matches!(self.link, Link::Away { .. }) {
            self.link = Link::Away { since: now };
        }
    }

    /// A frame came.
    pub(crate) fn heard(&mut self, now: Millis) {
        self.last_heard = now;
    }

    /// The answer to a ping came.
    pub(crate) fn ponged(&mut self) {
        self.pinged_at = None;
    }

    /// Time passed. Says whether to ping.
    pub(crate) fn is_ping_due(&mut self, now: Millis) -> bool {
        let due = self.is_live() && self.pinged_at.is_none() && now - self.last_heard >= self.ping_ms;
        if due {
            self.pinged_at = Some(now);
            self.pong_within_ms = PONG_WITHIN_MS;
        }
        due
    }

    /// The connection may be dead: the next answer is waited for less long. Says whether to ping.
    pub(crate) fn check(&mut self, now: Millis) -> bool {
        if !self.is_live() {
            return false;
        }
        self.pong_within_ms = CHECKED_PONG_WITHIN_MS;
        let due = self.pinged_at.is_none();
        self.pinged_at.get_or_insert(now);
        due
    }

    /// The other end has not answered for too long.
    pub(crate) fn is_dead(&self, now: Millis) -> bool {
        match self.link {
            Link::Away { .. } => false,
            Link::Greeting => now - self.last_heard > PONG_WITHIN_MS,
            Link::Live => {
                self.pinged_at.is_some_and(|at| now - at.max(self.last_heard) > self.pong_within_ms)
            }
        }
    }
}
