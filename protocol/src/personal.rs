//! What only one person sees: the messages that they saved for later, the ones that they scheduled, and the threads that they
//! follow.

use roost_json::FromJson;
use serde::{Deserialize, Serialize};

use crate::{ErrorCode, Millis, Nonce, RoomId, Seq, model};

/// A message that somebody saved for later, perhaps with a reminder. It names the message; the text comes by
/// `previews`, to those who may read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Saved {
    /// Where the message is.
    pub room: RoomId,
    /// Which one.
    pub message: Seq,
    /// When it was saved.
    pub at: Millis,
    /// When to remind the person of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_at: Option<Millis>,
    /// Whether that time has come. It stays so until the reminder is moved or taken away, or the message is no longer saved.
    #[serde(default, skip_serializing_if = "model::is_false")]
    pub due: bool,
    /// False once it is no longer saved.
    #[serde(default = "model::yes", skip_serializing_if = "model::is_true")]
    pub on: bool,
    /// The number of the change, on the person's line.
    pub rev: Seq,
}

/// A message that is to be sent later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Scheduled {
    /// Made when it was scheduled. The message is sent with it, so it is sent once whatever fails.
    pub nonce: Nonce,
    /// Where to.
    pub room: RoomId,
    /// The text; empty once it is gone.
    pub body: String,
    /// When to send it.
    pub at: Millis,
    /// Why it was not sent. It waits for its author, who may change it or send it at another time.
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
    /// The number of the last reply when this was told.
    pub last: Seq,
    /// False once the person no longer follows it.
    #[serde(default = "model::yes", skip_serializing_if = "model::is_true")]
    pub on: bool,
    /// The number of the change, on the person's line.
    pub rev: Seq,
}
