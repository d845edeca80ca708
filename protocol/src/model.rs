//! People, rooms and messages, as a browser sees them.

use serde::{Deserialize, Serialize};

use crate::{MessageId, Nonce, RoomId, Seq, UserId};

/// Milliseconds since 1970-01-01 UTC. For showing only: nothing is ever ordered by it.
pub type Millis = i64;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// The name one signs in with, unique.
    pub handle: String,
    /// The name that is shown.
    pub name: String,
}

/// What kind of room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// Two people; there is one for each pair.
    Direct,
    /// Private: one is invited by a member.
    Group,
    /// Listed: anyone may join.
    Channel,
}

/// A room's own properties. The whole of it travels whenever one changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Which.
    pub id: RoomId,
    /// Direct, group or channel.
    pub kind: RoomKind,
    /// Empty for a direct room: it is called after the other person.
    pub title: String,
    /// One line of what it is about; may be empty.
    pub topic: String,
    /// The last change of these properties.
    pub rev: Seq,
}

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May rename the room.
    Owner,
    /// May write, invite and set the topic.
    Member,
}

/// One person's membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub user: User,
    /// What they may do.
    pub role: Role,
    /// False once they have left.
    pub active: bool,
    /// The last change of this membership.
    pub rev: Seq,
}

/// How far one member is. Marks only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// Whose.
    pub user: UserId,
    /// A device of theirs has confirmed everything up to here.
    pub delivered: Seq,
    /// They have seen everything up to here.
    pub read: Seq,
}

/// What a person wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// For links and moderation.
    pub id: MessageId,
    /// Its place in the room.
    pub seq: Seq,
    /// Its last change; equal to `seq` while nothing has changed.
    pub rev: Seq,
    /// Who wrote it.
    pub author: User,
    /// What the author's browser called it while it was on its way.
    pub nonce: Nonce,
    /// The text; empty once it has been deleted.
    pub body: String,
    /// When the server stored it.
    pub sent_at: Millis,
    /// How often its author has changed the text.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub edits: u32,
    /// Whether it has been deleted: then its place is kept, and neither text nor reactions are.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deleted: bool,
    /// The reactions to it, in the order in which each emoji came first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
}

/// One emoji under a message, and who chose it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// See [`Emoji`](crate::Emoji).
    pub emoji: String,
    /// Never empty, in the order in which they came. All reactions to one message are at most
    /// [`REACTIONS_MAX`](crate::limits::REACTIONS_MAX).
    pub users: Vec<UserId>,
}

// Serde wants a reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde's attribute asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde's attribute asks for")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Message {
    /// The message as a room's line in the list carries it: cut to
    /// [`PREVIEW_CHARS`](crate::limits::PREVIEW_CHARS), without reactions.
    #[must_use]
    pub fn preview(&self) -> Self {
        let body = self.body.chars().take(crate::limits::PREVIEW_CHARS).collect();
        Self { body, reactions: Vec::new(), ..self.clone() }
    }
}

/// A room in a person's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSummary {
    /// The room.
    pub room: Room,
    /// Its last number.
    pub head: Seq,
    /// What the viewer may do there.
    pub role: Role,
    /// How many members it has.
    pub members: u32,
    /// The other person of a direct room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<User>,
    /// The newest message, cut: see [`Message::preview`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Message>,
    /// When something was last said, or the viewer came: the list is sorted by it.
    pub active_at: Millis,
    /// The viewer's own marks.
    pub marks: Marks,
    /// Messages of others after the viewer's read mark, counted up to [`UNREAD_MAX`](crate::limits::UNREAD_MAX).
    pub unread: u32,
}

/// A room as one opens it: everything on the first screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomView {
    /// The room in the list.
    pub summary: RoomSummary,
    /// The newest page, oldest first.
    pub messages: Vec<Message>,
    /// Whether there are older ones.
    pub more_before: bool,
    /// Up to [`MEMBERS_LISTED_MAX`](crate::limits::MEMBERS_LISTED_MAX) active members.
    pub members: Vec<Member>,
    /// Everyone's marks, in a room of at most [`MARKS_MEMBERS_MAX`](crate::limits::MARKS_MEMBERS_MAX) members.
    pub marks: Vec<Marks>,
    /// All changes up to this number are in this view.
    pub through: Seq,
}

/// A channel in the list of channels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelListing {
    /// The channel.
    pub room: Room,
    /// How many members it has.
    pub members: u32,
    /// Whether the viewer is one.
    pub joined: bool,
}
