//! Messages that somebody saved for later, and their reminders.
//!
//! Only the person's own devices are told. Rights are asked when a message is saved, and again whenever its text is read.

use protocol::{Change, Line, Millis, Refusal, Reply, RoomId, Saved, Seq, UserId, limits::SAVED_PAGE};

use super::{Context, Error};
use crate::{
    node::Node,
    store::{jobs::Job, saved::Keep},
};

/// Saves a message, or no longer.
///
/// # Errors
/// `RoomUnknown`, `MessageUnknown`, `MessageDeleted`, `SavedFull`; or when the database fails.
pub async fn save(cx: &Context, room: RoomId, seq: Seq, on: bool) -> Result<Reply, Error> {
    keep(cx, room, seq, if on { Keep::Save } else { Keep::Drop }).await
}

/// Sets a reminder, or takes it away.
///
/// # Errors
/// As for [`save`], and `TimeInvalid`.
pub async fn remind(cx: &Context, room: RoomId, seq: Seq, at: Option<Millis>) -> Result<Reply, Error> {
    keep(cx, room, seq, at.map_or(Keep::ForgetReminder, Keep::Remind)).await
}

async fn keep(cx: &Context, room: RoomId, seq: Seq, keep: Keep) -> Result<Reply, Error> {
    let me = cx.viewer.user.id;
    let Some((saved, is_new)) = cx.node.store.keep_message(me, (room, seq), keep).await? else {
        return Ok(Reply::Done {});
    };
    let (rev, change) = (saved.rev, Change::Saved { saved });
    if is_new {
        cx.node.publish_change(Line::Person(me), rev, change.clone(), Vec::new());
        cx.node.wake_jobs();
    }
    Ok(Reply::Changed { line: Line::Person(me), seq: rev, change })
}

/// Everything that the viewer has saved and scheduled.
///
/// # Errors
/// When the database fails.
pub async fn personal(cx: &Context) -> Result<Reply, Error> {
    let (me, store) = (cx.viewer.user.id, &cx.node.store);
    // The number first: what changes in between is told once more.
    let head = store.heads(&[Line::Person(me)]).await?.first().map(|head| head.head);
    let through = head.unwrap_or(Seq::ZERO);
    let (saved, scheduled) = (store.list_saved(me).await?, store.list_scheduled(me).await?);
    Ok(Reply::Personal { through, saved, scheduled })
}

/// The texts of messages, as far as the viewer may read them.
///
/// # Errors
/// `MalformedCommand` when too many are asked for; or when the database fails.
pub async fn messages(cx: &Context, wanted: &[(RoomId, Seq)]) -> Result<Reply, Error> {
    if wanted.len() > SAVED_PAGE {
        return Err(Refusal::new(protocol::ErrorCode::MalformedCommand).max(SAVED_PAGE).into());
    }
    let messages = cx.node.store.saved_messages(cx.viewer.user.id, wanted).await?;
    let people = cx.node.people_of(messages.iter().map(|located| &located.message)).await?;
    Ok(Reply::SavedMessages { messages, people })
}

/// The time of a reminder has come: tells the person's devices.
///
/// # Errors
/// When the database fails.
pub async fn tell_due(
    node: &Node,
    user: UserId,
    (room, seq): (RoomId, Seq),
    job: &Job,
) -> Result<(), Error> {
    if let Some(saved) = node.store.remind(user, (room, seq), job).await? {
        tell(node, user, saved);
    }
    Ok(())
}

fn tell(node: &Node, user: UserId, saved: Saved) {
    node.publish_change(Line::Person(user), saved.rev, Change::Saved { saved }, Vec::new());
}
