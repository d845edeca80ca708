//! What the test can find wrong: who saw it, in which room, and how.

use std::fmt;

use protocol::{RoomId, Seq};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A message is not where it must be.
    Lost,
    /// A message is there twice.
    Doubled,
    /// A message is, or was, not where its number says.
    Reordered,
    /// A number of a room belongs to no change.
    Hole,
    /// A mark went back, or lies beyond what it may.
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

/// One thing that is wrong.
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
    /// Something wrong in a room.
    #[must_use]
    pub fn new(kind: Kind, who: &str, room: RoomId, seq: Seq, detail: impl Into<String>) -> Self {
        Self { kind, who: who.to_owned(), room: Some(room), seq: Some(seq), detail: detail.into() }
    }

    /// Something wrong that belongs to no room.
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
