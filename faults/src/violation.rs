//! A violation that the test can find: who saw it, in which room, and the details.

use std::fmt;

use protocol::{RoomId, Seq};

/// The kind of a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A message is missing.
    Lost,
    /// A message appears twice.
    Doubled,
    /// A message is, or was, out of numeric order.
    Reordered,
    /// A number of a room belongs to no change.
    Hole,
    /// A mark decreased, or exceeds its limit.
    Marks,
    /// A client's state differs from a fresh fetch.
    Differs,
    /// A screen shows a message that is not in the database.
    Phantom,
    /// It took too long.
    Late,
    /// A send was refused for good, or something else went wrong.
    Unexpected,
}

/// A violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What is wrong.
    pub kind: Kind,
    /// The person whose client saw it.
    pub who: String,
    /// The room, if there is one.
    pub room: Option<RoomId>,
    /// The number, if there is one.
    pub seq: Option<Seq>,
    /// The details, in words.
    pub detail: String,
}

impl Violation {
    /// A violation in a room.
    #[must_use]
    pub fn new(kind: Kind, who: &str, room: RoomId, seq: Seq, detail: impl Into<String>) -> Self {
        Self { kind, who: who.to_owned(), room: Some(room), seq: Some(seq), detail: detail.into() }
    }

    /// A violation that belongs to no room.
    #[must_use]
    pub fn at_large(kind: Kind, who: &str, detail: impl Into<String>) -> Self {
        Self { kind, who: who.to_owned(), room: None, seq: None, detail: detail.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.who)?;
        if let Some(room) = self.room {
            write!(f, ", room {room}")?;
        }
        if let Some(seq) = self.seq {
            write!(f, ", number {seq}")?;
        }
        write!(f, ": {}", self.detail)
    }
}
