//! Replies to commands.

use roost_json::FromJson;
use serde::{Deserialize, Serialize};

use crate::{
    Change, ChannelListing, Epoch, Hit, Line, Marks, Member, Message, RoomId, RoomSummary, RoomView, Seq,
    Thread, User, UserId, Version,
};

/// The single answer to a command that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply {
    /// To `hello`: the viewer, the heads of their own line and the workspace's, and the most
    /// recently active rooms. At most 64 kB, no matter how many rooms the viewer is in.
    Welcome {
        /// The viewer.
        me: User,
        /// The name of the server that answers.
        node: String,
        /// The epoch of the database. If it has changed, forget all positions.
        epoch: Epoch,
        /// How often to `ping`, in milliseconds; a connection is closed after three times that in
        /// silence.
        ping_ms: u32,
        /// The head of the viewer's own line: every membership up to it is in `rooms` or comes by
        /// `list_rooms`.
        person: Seq,
        /// The head of the workspace's line.
        workspace: Seq,
        /// The most recently active rooms: up to [`ROOMS_SHOWN`](crate::limits::ROOMS_SHOWN).
        rooms: Vec<RoomSummary>,
        /// Whether there are more: send `list_rooms` after the last one of these.
        more: bool,
        /// The people that the rooms refer to.
        people: Vec<User>,
    },
    /// To `list_rooms` and `compare_rooms`.
    Rooms {
        /// The most recently active first.
        rooms: Vec<RoomSummary>,
        /// Whether there are more after the last one.
        more: bool,
        /// The people they refer to.
        people: Vec<User>,
    },
    /// To `ping`.
    Pong {},
    /// Success, without further data.
    Done {},
    /// To `open`; and to `catch_up` from a client that is far behind: forget the room and begin
    /// here.
    View {
        /// The room.
        view: Box<RoomView>,
    },
    /// To `catch_up`: the changes in order, each changed thing once. To `personal`: everything that
    /// exists.
    Changes {
        /// Which line.
        line: Line,
        /// The changes, each with its number.
        changes: Vec<(Seq, Change)>,
        /// The new position of the browser.
        through: Seq,
        /// Whether there is more: ask again from `through`.
        more: bool,
        /// The people that the changes refer to, except the users of reactions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<User>,
    },
    /// To `history`: oldest first.
    Page {
        /// Which room.
        room: RoomId,
        /// At most 50 messages.
        messages: Vec<Message>,
        /// Whether there are more in the requested direction.
        more: bool,
        /// Their authors.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<User>,
    },
    /// To `around`: oldest first.
    Around {
        /// Which room.
        room: RoomId,
        /// At most 50 messages.
        messages: Vec<Message>,
        /// Whether there are older ones.
        more_before: bool,
        /// Whether there are newer ones.
        more_after: bool,
        /// The people they refer to.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<User>,
    },
    /// To `previews`.
    Previews {
        /// Which room.
        room: RoomId,
        /// Those of the messages that exist, in their current state, truncated: see
        /// [`Message::preview`].
        messages: Vec<Message>,
        /// Their authors.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<User>,
    },
    /// To `thread`.
    Thread {
        /// The thread, with its whole root.
        thread: Box<Thread>,
        /// At most 50 replies, oldest first.
        messages: Vec<Message>,
        /// Whether there are older ones.
        more: bool,
        /// The people whom they name.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<User>,
    },
    /// To `threads`: the one with the newest reply first.
    Threads {
        /// At most [`THREADS_PAGE`](crate::limits::THREADS_PAGE).
        threads: Vec<Thread>,
        /// Whether there are more after the last one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        more: bool,
        /// The people whom they name.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<User>,
    },
    /// To `send`: it is committed.
    Sent {
        /// Which room.
        room: RoomId,
        /// The message as stored; if the nonce was already known, the first one.
        message: Message,
    },
    /// To every command that changes one thing, such as `edit`, `react`, `pin` or `set_role`: it is
    /// committed, now or earlier. A new change also comes as an event.
    Changed {
        /// Which line.
        line: Line,
        /// The number of the change.
        seq: Seq,
        /// Its current state.
        change: Change,
    },
    /// To `start_direct`, `create_room` and `join`.
    Room {
        /// The room's entry in the viewer's list.
        summary: Box<RoomSummary>,
        /// The people that it refers to.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<User>,
    },
    /// To `invite`.
    Invited {
        /// Those who were not added because they are already in the most rooms that others may add
        /// a person to.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        full: Vec<UserId>,
        /// Those who were not added because they are banned from the room.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        banned: Vec<UserId>,
    },
    /// To `find_users`, `people`, `banned`, `voters`, `groups` and `group`.
    Users {
        /// At most 30 found, 100 banned or voters, 200 groups, 50 people of a group, or as many as were requested.
        users: Vec<User>,
    },
    /// To `profile`. What the person does not say is left out.
    Profile {
        /// Who, in the current state.
        user: User,
        /// What they do.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        title: String,
        /// Their pronouns.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pronouns: String,
        /// The name of their time zone in the tz database. The reader's browser knows its time.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        zone: String,
        /// The groups that they are in, by title: at most [`GROUPS_SHOWN`](crate::limits::GROUPS_SHOWN).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        groups: Vec<User>,
    },
    /// To `find_channels`.
    Channels {
        /// At most 30.
        channels: Vec<ChannelListing>,
    },
    /// To `members`.
    Members {
        /// Which room.
        room: RoomId,
        /// At most 200: owners first, then moderators.
        members: Vec<Member>,
        /// Everyone's marks, in a small room.
        marks: Vec<Marks>,
        /// Their profiles.
        people: Vec<User>,
        /// Whether there are more after the last one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        more: bool,
    },
    /// To `pinned`: the last pinned first.
    Pinned {
        /// Which room.
        room: RoomId,
        /// The pinned messages, in their current state.
        messages: Vec<Message>,
        /// Their authors.
        people: Vec<User>,
    },
    /// To `search`: newest first.
    Found {
        /// At most [`FOUND_PAGE`](crate::limits::FOUND_PAGE).
        hits: Vec<Hit>,
        /// Whether there are more after the last one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        more: bool,
        /// How many there are in all, on the first page: at most [`FOUND_COUNT_MAX`](crate::limits::FOUND_COUNT_MAX), which means «that
        /// many or more».
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
        /// Their authors.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<User>,
    },
    /// To `versions`.
    Versions {
        /// Which room.
        room: RoomId,
        /// Which message.
        seq: Seq,
        /// Oldest first, the current text last: at most
        /// [`VERSIONS_MAX`](crate::limits::VERSIONS_MAX).
        versions: Vec<Version>,
    },
    /// From a newer server. Never sent.
    #[serde(other)]
    Unknown,
}
