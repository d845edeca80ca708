//! What a server tells, unasked.

use serde::{Deserialize, Serialize};

use crate::{Marks, Member, Message, Millis, Room, RoomId, RoomSummary, Seq};

/// A numbered change of a room: the whole new state of one thing in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Change {
    /// A message is new, or has changed.
    Message {
        /// As it is now.
        message: Message,
    },
    /// A membership is new, or has changed.
    Member {
        /// As it is now.
        member: Member,
        /// How many members the room has now.
        members: u32,
        /// How far they are: who has just come begins at the room's end.
        marks: Marks,
    },
    /// The room's own properties have changed.
    Room {
        /// As they are now.
        room: Room,
    },
    /// From a newer server: counted, not understood.
    #[serde(other)]
    Unknown,
}

/// What a server tells. `change` is durable: it has a number, and a hole in the numbers is asked for again.
/// The others pass: whoever misses one learns the same from the next `welcome`, `view`
/// or `members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Something in a room has changed. Audience: its members.
    Change {
        /// Which room.
        room: RoomId,
        /// The number of this change.
        seq: Seq,
        /// When it was made.
        at: Millis,
        /// What changed.
        change: Change,
    },
    /// What a server missed and has fetched again: the same as a `changes` reply. Audience: the room's members.
    Changes {
        /// Which room.
        room: RoomId,
        /// The number after which this begins: to a browser that is not so far yet it is a hole.
        after: Seq,
        /// The changes, each with its number; what is between two numbers was overtaken by a later one.
        changes: Vec<(Seq, Change)>,
        /// The new position.
        through: Seq,
    },
    /// A member's marks have grown. Audience: the members of a small room; in a large one only the member's
    /// own other devices.
    Marks {
        /// Which room.
        room: RoomId,
        /// As they are now.
        marks: Marks,
    },
    /// The viewer is in a new room. Audience: the viewer.
    Joined {
        /// The room in the viewer's list.
        summary: Box<RoomSummary>,
    },
    /// The viewer is no longer in a room. Audience: the viewer.
    Left {
        /// Which room.
        room: RoomId,
    },
    /// The server is leaving. Audience: everyone on it.
    ComeBack {
        /// Connect again after this many milliseconds: each connection is told another number.
        after_ms: u32,
    },
    /// From a newer server: passed over.
    #[serde(other)]
    Unknown,
}
