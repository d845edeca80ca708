//! What a server tells, unasked.

use roost_json::FromJson;
use serde::{Deserialize, Serialize};

use crate::{
    Following, Line, Marks, Member, Message, Pin, Room, RoomId, RoomSummary, Saved, Scheduled, Seq, User,
    UserId, model,
};

/// A numbered change of a line: the whole new state of one thing on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Change {
    /// On a room's line: a message is new, was edited, or was deleted.
    Message {
        /// As it is now.
        message: Message,
    },
    /// On a room's line: somebody reacted to a message, or took a reaction back.
    Reaction {
        /// Which message. The name is short on the wire because reactions are told to many.
        #[serde(rename = "to")]
        message: Seq,
        /// Which emoji.
        emoji: String,
        /// Who.
        user: UserId,
        /// Whether the reaction is there now.
        #[serde(default = "model::yes", skip_serializing_if = "model::is_true")]
        on: bool,
    },
    /// On a room's line: a message was pinned or unpinned.
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
        /// Their marks. A new member's are at the room's end.
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
        /// The room in their list, as it was when this was told. `None` if they are no longer in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        summary: Option<Box<RoomSummary>>,
    },
    /// On a person's line: some of their sessions have ended. Servers ask the database which connections to close; a
    /// browser has nothing to do.
    Sessions {},
    /// On a person's line: they saved a message for later, its reminder has changed or come, or it is no longer saved.
    Saved {
        /// As it is now.
        saved: Saved,
    },
    /// On a person's line: a message that is to be sent later is new, has changed, was refused, or is gone: sent or deleted.
    Scheduled {
        /// As it is now.
        scheduled: Scheduled,
    },
    /// On a person's line: they follow a thread, or no longer.
    Following {
        /// As it is now.
        following: Following,
    },
    /// On the workspace's line: a profile has changed.
    Profile {
        /// As it is now.
        user: User,
    },
    /// From a newer server: counted, not understood.
    #[serde(other)]
    Unknown,
}

impl Change {
    /// The message as it is now, if this change is about one: new, edited or deleted.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        if let Self::Message { message } = self { Some(message) } else { None }
    }
}

/// What a server tells. `change` and `changes` are durable: changes have numbers, and a browser asks again for
/// those that it misses. The others are not numbered: a browser that misses one hears the same from the next
/// `welcome`, `view` or `members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
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
        /// The people whom the change names. A reaction leaves its user out, because it is told to many.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<User>,
    },
    /// Changes that a server had missed and has fetched: the same as a `changes` reply. Audience: the line's.
    Changes {
        /// Which line.
        line: Line,
        /// The number after which these changes begin. A browser that has not reached it has a hole before them.
        after: Seq,
        /// The changes, each with its number. A number that is left out was overtaken by a later change.
        changes: Vec<(Seq, Change)>,
        /// The new position.
        through: Seq,
        /// The people whom the changes name, except the users of reactions.
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
