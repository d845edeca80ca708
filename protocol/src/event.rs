//! What a server tells, unasked.

use serde::{Deserialize, Serialize};

use crate::{Line, Marks, Member, Message, Pin, Room, RoomId, RoomSummary, Seq, User, UserId, model};

/// A numbered change of a line: the whole new state of one thing on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Change {
    /// On a room's line: a message is new, or its text has changed.
    Message {
        /// As it is now.
        message: Message,
    },
    /// On a room's line: somebody reacted to a message, or took it back.
    Reaction {
        /// Which message. Short on the wire: it is told to many.
        #[serde(rename = "to")]
        message: Seq,
        /// Which emoji.
        emoji: String,
        /// Who.
        user: UserId,
        /// Whether it is there now.
        #[serde(default = "model::yes", skip_serializing_if = "model::is_true")]
        on: bool,
    },
    /// On a room's line: a message was pinned, or a pin taken away.
    Pin {
        /// As it is now.
        pin: Pin,
    },
    /// On a room's line: a membership is new, or has changed.
    Member {
        /// As it is now.
        member: Member,
        /// How many members the room has now.
        members: u32,
        /// How far they are: who has just come begins at the room's end.
        marks: Marks,
    },
    /// On a room's line: its own properties have changed.
    Room {
        /// As they are now.
        room: Room,
    },
    /// On a person's line: they are in a room now, or no longer.
    Membership {
        /// Which room.
        room: RoomId,
        /// The room in their list, as it was when this was told; `None` when they are no longer in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        summary: Option<Box<RoomSummary>>,
    },
    /// On a person's line: some of their sessions have ended. Which of a server's connections must be closed is asked in
    /// the database; a browser has nothing to do.
    Sessions {},
    /// On the workspace's line: a profile has changed.
    Profile {
        /// As it is now.
        user: User,
    },
    /// From a newer server: counted, not understood.
    #[serde(other)]
    Unknown,
}

/// What a server tells. `change` is durable: it has a number, and a hole in the numbers is asked for again.
/// The others pass: whoever misses one learns the same from the next `welcome`, `view` or `members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Something on a line has changed. Audience: the line's.
    Change {
        /// Which line.
        line: Line,
        /// The number of this change.
        seq: Seq,
        /// What changed.
        change: Change,
        /// The people whom the change names; a reaction's are left out, since it is told to many.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<User>,
    },
    /// What a server missed and has fetched again: the same as a `changes` reply. Audience: the line's.
    Changes {
        /// Which line.
        line: Line,
        /// The number after which this begins: to a browser that is not so far yet it is a hole.
        after: Seq,
        /// The changes, each with its number; what is between two numbers was overtaken by a later one.
        changes: Vec<(Seq, Change)>,
        /// The new position.
        through: Seq,
        /// The people whom the changes name.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<User>,
    },
    /// A member's marks have grown. Audience: the members of a small room; in a large one only the member's
    /// own other devices.
    Marks {
        /// Which room.
        room: RoomId,
        /// As they are now.
        marks: Marks,
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
