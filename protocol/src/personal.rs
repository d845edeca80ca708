//! What only one person sees: the messages that they saved for later, the ones that they scheduled, the threads that they
//! follow, the rooms that they marked unread, what they are writing, and the groups that they are in.

use roost_json::FromJson;
use serde::{Deserialize, Serialize};

use crate::{ErrorCode, Millis, Nonce, RoomId, Seq, UserId, model};

/// A saved message, possibly with a reminder. It only refers to the message; the text comes by
/// `previews`, for those who may read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Saved {
    /// The room of the message.
    pub room: RoomId,
    /// The message.
    pub message: Seq,
    /// When it was saved.
    pub at: Millis,
    /// When to remind the person of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_at: Option<Millis>,
    /// Whether the reminder is due. It stays due until the reminder is moved or removed, or the
    /// message is unsaved.
    #[serde(default, skip_serializing_if = "model::is_false")]
    pub due: bool,
    /// False once it is unsaved.
    #[serde(default = "model::yes", skip_serializing_if = "model::is_true")]
    pub on: bool,
    /// The number of the change, on the person's line.
    pub rev: Seq,
}

/// A scheduled message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Scheduled {
    /// Created when it was scheduled. The message is sent with it, so it is sent only once,
    /// whatever fails.
    pub nonce: Nonce,
    /// Its room.
    pub room: RoomId,
    /// The text; empty once it is sent or deleted.
    pub body: String,
    /// When to send it.
    pub at: Millis,
    /// Why it was not sent. It then waits for its author, who may change or reschedule it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<ErrorCode>,
    /// False once it has been sent or deleted.
    #[serde(default = "model::yes", skip_serializing_if = "model::is_true")]
    pub on: bool,
    /// The number of the change, on the person's line.
    pub rev: Seq,
}

/// Whether somebody follows a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Following {
    /// Where the thread is.
    pub room: RoomId,
    /// The number of its root.
    pub root: Seq,
    /// The number of the last reply by somebody else when this was told; that of the root if there was none.
    pub last: Seq,
    /// False once the person no longer follows it.
    #[serde(default = "model::yes", skip_serializing_if = "model::is_true")]
    pub on: bool,
    /// The number of the change, on the person's line.
    pub rev: Seq,
}

/// Whether somebody marked a room unread. It changes what they count as unread, and no mark that others see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Unread {
    /// Which room.
    pub room: RoomId,
    /// Messages after this number count as unread. Left out once the person has read on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
    /// The number of the change, on the person's line.
    pub rev: Seq,
}

/// What somebody is writing in a room or in a thread, and has not sent yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Draft {
    /// Which room.
    pub room: RoomId,
    /// The root of the thread. Left out for the room itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<Seq>,
    /// The text as typed. Left out once it was sent or discarded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// The number of the change, on the person's line.
    pub rev: Seq,
}

/// Whether somebody is in a group of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct InGroup {
    /// Which group.
    pub group: UserId,
    /// False once they are no longer in it.
    #[serde(default = "model::yes", skip_serializing_if = "model::is_true")]
    pub on: bool,
    /// The number of the change, on the person's line.
    pub rev: Seq,
}
