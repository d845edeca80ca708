//! What one scripted client wrote, had acknowledged, and showed, in chronological order.
//!
//! The client's own window of messages is sorted by number and trimmed, so it does not record what was
//! shown when. This log does.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use protocol::{FileId, Millis, Nonce, RoomId, Seq};

use crate::violation::Violation;

/// The first word of each text: its author, and its number among that author's messages. It identifies a
/// message even if it was stored twice under two nonces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

impl Token {
    /// The `count`-th message of this person.
    #[must_use]
    pub fn new(person: usize, count: u32) -> Self {
        Self((person as u64) << 32 | u64::from(count))
    }

    /// The same for a message that may be stored after messages that are written later: one that is scheduled, or waits for its file.
    #[must_use]
    pub fn scheduled(person: usize, count: u32) -> Self {
        Self(Self::new(person, count).0 | Self::SCHEDULED)
    }

    const SCHEDULED: u64 = 1 << 63;

    /// Whether it may be stored later than it was written.
    #[must_use]
    pub fn is_scheduled(self) -> bool {
        self.0 & Self::SCHEDULED != 0
    }

    /// Its number among its author's messages.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0 as u32
    }

    /// The token of a message, from its text.
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
    /// Its file.
    pub file: Option<FileId>,
}

/// A message that the server has acknowledged, so the client no longer keeps it.
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
        /// Which one; `None` if it is not part of this test, or deleted.
        token: Option<Token>,
        /// When.
        at: Millis,
    },
    /// A message that changed while this client was away: in the order of changes it came after younger
    /// messages.
    Late {
        /// Its number.
        seq: Seq,
        /// Which.
        token: Option<Token>,
    },
    /// The room was fetched again: the window starts over, and everything before `from` is history.
    Afresh {
        /// The first number of the window.
        from: Seq,
        /// The window contains everything up to here.
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
    /// The acknowledged messages, by nonce.
    pub acknowledged: HashMap<Nonce, Acknowledged>,
    /// What was shown, by room, in the order of showing.
    pub shown: HashMap<RoomId, Vec<Shown>>,
    /// Gaps that a server repaired for its clients: the server, the room, and the number before the gap.
    pub repaired: BTreeSet<(String, RoomId, Seq)>,
    /// Replies to this client's own catch-up requests.
    pub caught_up: u32,
    /// Edits, deletions and reactions requested.
    pub changes: u32,
    /// Scheduled messages that a server has stored and will send.
    pub scheduled: u32,
    /// Joins and leaves requested.
    pub moves: u32,
    /// Removals, bans, unbans, roles, policies and archivings that succeeded.
    pub governed: u32,
    /// How often the connection ended.
    pub connections_lost: u32,
    /// Violations noticed at once.
    pub violations: Vec<Violation>,
}

impl Log {
    /// An empty log for the same person.
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
