//! What a command returns.

use serde::{Deserialize, Serialize};

use crate::{
    Change, ChannelListing, Epoch, Marks, Member, Message, RoomId, RoomSummary, RoomView, Seq, User,
};

/// The one answer to a command that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply {
    /// To `hello`: who one is, and the state of every room one is in.
    Welcome {
        /// The viewer.
        me: User,
        /// The name of the server that answers.
        node: String,
        /// The database's life. Another one than before: forget all positions.
        epoch: Epoch,
        /// How often to `ping`, in milliseconds; a silent connection is closed after three times that.
        ping_ms: u32,
        /// Every room that the viewer is in.
        rooms: Vec<RoomSummary>,
    },
    /// To `ping`.
    Pong {},
    /// It happened, and there is nothing more to say.
    Done {},
    /// To `open`; and to `catch_up` by someone who is far behind: forget the room and begin here.
    View {
        /// The room.
        view: Box<RoomView>,
    },
    /// To `catch_up`: in the order of their numbers. A thing that changed five times comes once.
    Changes {
        /// Which room.
        room: RoomId,
        /// The changes, each with its number.
        changes: Vec<(Seq, Change)>,
        /// The new position of the browser.
        through: Seq,
        /// Ask again from `through`: there is more.
        more: bool,
    },
    /// To `history`: oldest first.
    Page {
        /// Which room.
        room: RoomId,
        /// At most 50 messages.
        messages: Vec<Message>,
        /// Whether there are more in the direction that was asked for.
        more: bool,
    },
    /// To `send`: it is committed.
    Sent {
        /// Which room.
        room: RoomId,
        /// The message as it is stored: the first one's, when the nonce was known already.
        message: Message,
    },
    /// To `edit`, `delete` and `react`: it is committed, or was so before.
    Changed {
        /// Which room.
        room: RoomId,
        /// The message as it is now.
        message: Message,
    },
    /// To `start_direct`, `create_room` and `join`.
    Room {
        /// The room in the viewer's list.
        summary: Box<RoomSummary>,
    },
    /// To `find_users`.
    Users {
        /// At most 30.
        users: Vec<User>,
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
        /// At most 200, owners first.
        members: Vec<Member>,
        /// Everyone's marks, in a small room.
        marks: Vec<Marks>,
    },
    /// From a newer server. Never sent.
    #[serde(other)]
    Unknown,
}
