//! Events from a server.

use roost_json::FromJson;
use serde::{Deserialize, Serialize};

use crate::{
    Draft, Following, InGroup, Line, Marks, Member, Message, Pin, Poll, Room, RoomId, RoomSummary, Saved,
    Scheduled, Seq, Unread, User, UserId, Vote, model,
};

/// A numbered change of a line, with the complete new state of one thing on it.
#[expect(clippy::large_enum_variant, reason = "most changes are messages")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Change {
    /// On a room's line: a message was sent, edited or deleted.
    Message {
        /// Its current state.
        message: Message,
    },
    /// On a room's line: someone added or removed a reaction.
    Reaction {
        /// Which message. The field has a short name in JSON because reactions are sent to many.
        #[serde(rename = "to")]
        message: Seq,
        /// Which emoji.
        emoji: String,
        /// Who.
        user: UserId,
        /// Whether the reaction exists now.
        #[serde(default = "model::yes", skip_serializing_if = "model::is_true")]
        on: bool,
    },
    /// On a room's line: a message was pinned or unpinned.
    Pin {
        /// Its current state.
        pin: Pin,
    },
    /// On a room's line: somebody voted in a poll, or it was closed.
    Poll {
        /// Which message. The field has a short name in JSON because votes are sent to many.
        #[serde(rename = "to")]
        message: Seq,
        /// The counts as they are now, without the options. The answer to `vote` also has the viewer's own vote.
        poll: Poll,
    },
    /// On a room's line: a membership was created or changed.
    Member {
        /// Its current state.
        member: Member,
        /// The current number of members.
        members: u32,
        /// Their marks. A new member's marks are at the room's end.
        marks: Marks,
    },
    /// On a room's line: its properties have changed.
    Room {
        /// Their current state.
        room: Room,
    },
    /// On a person's line: they joined or left a room.
    Membership {
        /// Which room.
        room: RoomId,
        /// The room's entry in their list at the time of the event. `None` if they are no longer in
        /// the room.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        summary: Option<Box<RoomSummary>>,
    },
    /// On a person's line: some of their sessions have ended. Servers query the database for the
    /// connections to close; browsers do nothing.
    Sessions {},
    /// On a person's line: a message was saved or unsaved, or its reminder was changed or is due.
    Saved {
        /// Its current state.
        saved: Saved,
    },
    /// On a person's line: a scheduled message was created, changed, refused, sent or deleted.
    Scheduled {
        /// Its current state.
        scheduled: Scheduled,
    },
    /// On a person's line: they follow a thread, or no longer.
    Following {
        /// As it is now.
        following: Following,
    },
    /// On a person's line: they marked a room unread, or have read on since.
    Unread {
        /// As it is now.
        unread: Unread,
    },
    /// On a person's line: they wrote on a draft, or it is gone because they sent or discarded it.
    Draft {
        /// As it is now.
        draft: Draft,
    },
    /// On a person's line: they voted in a poll, or took their vote back.
    Vote {
        /// As it is now.
        vote: Vote,
    },
    /// On a person's line: they were added to a group, or removed from it.
    InGroup {
        /// As it is now.
        in_group: InGroup,
    },
    /// On the workspace's line: the profile of a person or of a group has changed.
    Profile {
        /// Its current state.
        user: User,
    },
    /// From a newer server: takes up its number, but is otherwise ignored.
    #[serde(other)]
    Unknown,
}

impl Change {
    /// The current message, if this change is about one: sent, edited or deleted.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        if let Self::Message { message } = self { Some(message) } else { None }
    }
}

/// An event. `change` and `changes` are durable: changes are numbered, and a browser requests those
/// that it misses. The others are not numbered: a browser that misses one gets the same information
/// from the next `welcome`, `view` or `members`.
#[expect(clippy::large_enum_variant, reason = "nearly every event is a change")]
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
        /// The people that the change refers to. A reaction leaves out its user, because it is sent
        /// to many.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<User>,
    },
    /// Changes that a server had missed and has fetched: the same as a `changes` reply. Audience:
    /// the line's.
    Changes {
        /// Which line.
        line: Line,
        /// The number after which these changes begin. A browser that has not reached it has a gap
        /// before them.
        after: Seq,
        /// The changes, each with its number. A missing number was superseded by a later change.
        changes: Vec<(Seq, Change)>,
        /// The new position.
        through: Seq,
        /// The people that the changes refer to, except the users of reactions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<User>,
    },
    /// A member's marks have advanced. Audience: the members of a small room; in a large one only
    /// the member's own other devices.
    Marks {
        /// Which room.
        room: RoomId,
        /// Their current state.
        marks: Marks,
    },
    /// The server is leaving. Audience: everyone on it.
    ComeBack {
        /// Reconnect after this many milliseconds; each connection gets a different delay.
        after_ms: u32,
    },
    /// From a newer server: ignored.
    #[serde(other)]
    Unknown,
}
