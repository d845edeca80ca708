//! What can be wrong, in words: for whom, where, and how.

use std::fmt;

use protocol::{RoomId, Seq};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A message is not where it must be.
    Lost,
    /// A message is there twice.
    Doubled,
    /// A message stands, or appeared, in another place than its number says.
    Reordered,
    /// A number of a room belongs to no change.
    Hole,
    /// A mark went back, or lies beyond what it may.
    Marks,
    /// What a client has is not what a fresh fetch gives.
    Differs,
    /// A message is on a screen that the database does not hold.
    Phantom,
    /// It took too long.
    Late,
    /// A send was refused for good, or something else went otherwise than it should.
    Unexpected,
}

/// One thing that is wrong: for whom, where, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What.
    pub kind: Kind,
    /// Whose client saw it.
    pub who: String,
    /// In which room.
    pub room: Option<RoomId>,
    /// At which number.
    pub seq: Option<Seq>,
    /// In words.
    pub detail: String,
}

impl Violation {
    /// Something wrong in a room.
    #[must_use]
    pub fn new(kind: Kind, who: &str, room: RoomId, seq: Seq, detail: impl Into<String>) -> Self {
        Self { kind, who: who.to_owned(), room: Some(room), seq: Some(seq), detail: detail.into() }
    }

    /// Something wrong that has no place.
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
