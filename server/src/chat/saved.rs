//! Saved messages and their reminders.
//!
//! Only the person's own devices are told. Rights are checked when a message is saved, and again
//! whenever its text is read.

use protocol::{Change, Line, Millis, Reply, RoomId, Seq, UserId};

use super::{Context, Error};
use crate::{
    node::Node,
    store::{jobs::Job, saved::Keep},
};

/// Saves or unsaves a message.
///
/// # Errors
/// `RoomUnknown`, `MessageUnknown`, `MessageDeleted`, `SavedFull`; or when the database fails.
pub async fn save(cx: &Context, room: RoomId, seq: Seq, on: bool) -> Result<Reply, Error> {
    keep(cx, room, seq, if on { Keep::Save } else { Keep::Drop }).await
}

/// Sets or removes a reminder.
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

/// Everything that the viewer has saved and scheduled, the threads with the newest replies that they follow, their
/// drafts, and the groups that they are in.
///
/// # Errors
/// When the database fails.
pub async fn personal(cx: &Context) -> Result<Reply, Error> {
    let (me, store) = (cx.viewer.user.id, &cx.node.store);
    // Reads the number first: changes in between are sent once more.
    let head = store.heads(&[Line::Person(me)]).await?.first().map(|head| head.head);
    let through = head.unwrap_or(Seq::ZERO);
    let mut changes: Vec<(Seq, Change)> = Vec::new();
    changes.extend(store.list_saved(me).await?.into_iter().map(|saved| (saved.rev, Change::Saved { saved })));
    let scheduled = store.list_scheduled(me).await?.into_iter();
    changes.extend(scheduled.map(|scheduled| (scheduled.rev, Change::Scheduled { scheduled })));
    let followed = store.list_followed(me).await?.into_iter();
    changes.extend(followed.map(|following| (following.rev, Change::Following { following })));
    let drafts = store.list_drafts(me).await?.into_iter();
    changes.extend(drafts.map(|draft| (draft.rev, Change::Draft { draft })));
    let in_groups = store.list_in_groups(me).await?.into_iter();
    changes.extend(in_groups.map(|in_group| (in_group.rev, Change::InGroup { in_group })));
    changes.sort_unstable_by_key(|(rev, _)| *rev);
    Ok(Reply::Changes { line: Line::Person(me), changes, through, more: false, people: Vec::new() })
}

/// A reminder is due: tells the person's devices.
///
/// # Errors
/// When the database fails.
pub async fn tell_due(node: &Node, user: UserId, (room, seq): (RoomId, Seq), job: &Job) -> Result<(), Error> {
    if let Some(saved) = node.store.remind(user, (room, seq), job).await? {
        node.publish_change(Line::Person(user), saved.rev, Change::Saved { saved }, Vec::new());
    }
    Ok(())
}
