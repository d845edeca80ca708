//! What one scripted client has written, got acknowledged, and shown, in the order in which it happened.
//!
//! The client's own window of messages is sorted by number and trimmed, so it cannot say what was shown when: this log
//! can.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use protocol::{Millis, Nonce, RoomId, Seq};

use crate::violation::Violation;

/// The first word of each text: its author, and its number among that author's messages. It identifies a message
/// even if it was stored twice under two nonces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

impl Token {
    /// The `count`-th message of this person.
    #[must_use]
    pub fn new(person: usize, count: u32) -> Self {
        Self((person as u64) << 32 | u64::from(count))
    }

    /// The same for one that is scheduled. It comes later than what is written after it.
    #[must_use]
    pub fn scheduled(person: usize, count: u32) -> Self {
        Self(Self::new(person, count).0 | Self::SCHEDULED)
    }

    const SCHEDULED: u64 = 1 << 63;

    /// Whether it was scheduled.
    #[must_use]
    pub fn is_scheduled(self) -> bool {
        self.0 & Self::SCHEDULED != 0
    }

    /// Its number among its author's messages.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0 as u32
    }

    /// The token of a message, by its text.
    #[must_use]
    pub fn of(body: &str) -> Option<Self> {
        u64::from_str_radix(body.split_whitespace().next()?.strip_prefix('#')?, 16).ok().map(Self)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:x}", self.0)
    }
}

/// A message that the person wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where.
    pub room: RoomId,
    /// Which.
    pub token: Token,
    /// When, in milliseconds since the test began.
    pub at: Millis,
}

/// A message that the server has acknowledged: the client no longer keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// The number that the server gave it.
    pub seq: Option<Seq>,
    /// When.
    pub at: Millis,
}

/// What became visible in one room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A message.
    Message {
        /// Its number.
        seq: Seq,
        /// Which; `None` for one that is not of this test, or deleted.
        token: Option<Token>,
        /// When.
        at: Millis,
    },
    /// A message that was changed while this client was away: in the order of changes it came after younger ones.
    Late {
        /// Its number.
        seq: Seq,
        /// Which.
        token: Option<Token>,
    },
    /// The room was fetched afresh: the window begins anew, and what lies before `from` is history.
    Afresh {
        /// The first number of the window.
        from: Seq,
        /// Everything up to here is in it.
        through: Seq,
    },
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Whose.
    pub name: String,
    /// What was written, by nonce.
    pub written: HashMap<Nonce, Written>,
    /// What of it was acknowledged.
    pub acknowledged: HashMap<Nonce, Acknowledged>,
    /// What was shown, room by room, in the order of showing.
    pub shown: HashMap<RoomId, Vec<Shown>>,
    /// Holes that a server repaired for its clients: which server, room, and after which number.
    pub repaired: BTreeSet<(String, RoomId, Seq)>,
    /// Answers to this client's own requests for what it had missed.
    pub caught_up: u32,
    /// Edits, deletions and reactions that were asked for.
    pub changes: u32,
    /// Messages that were scheduled: a server has them, and will send them.
    pub scheduled: u32,
    /// Joinings and leavings that were asked for.
    pub moves: u32,
    /// People removed, banned and let back in, roles, policies and archivings that were done.
    pub governed: u32,
    /// How often the connection ended.
    pub connections_lost: u32,
    /// Violations that were seen at once.
    pub violations: Vec<Violation>,
}

impl Log {
    /// An empty one for the same person.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_its_text() {
        let token = Token::new(199, 70_000);
        assert_eq!(Token::of(&format!("{token} and some words")), Some(token));
        assert_eq!(token.count(), 70_000);
        let later = Token::scheduled(199, 70_000);
        assert_eq!(Token::of(&format!("{later} and some words")), Some(later));
        assert!(later.is_scheduled() && !token.is_scheduled() && later.count() == 70_000);
        assert_eq!(Token::of("hello"), None);
        assert_eq!(Token::of(""), None);
    }
}
