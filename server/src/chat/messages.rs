//! Messages: said, read again, caught up on.

use protocol::{
    Body, Change, Direction, ErrorCode, Message, Nonce, Reply, RoomId, Seq,
    limits::{BEHIND_MAX, CHANGES_MAX},
};

use super::{Context, Error, rooms};
use crate::store::messages::Inserted;

/// Says something: stored, then told to everyone, then acknowledged. A nonce that is known gets the first message back,
/// and nobody is told again.
///
/// # Errors
/// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`], [`ErrorCode::SlowDown`],
/// [`ErrorCode::RoomUnknown`]; or when the database fails: then nothing was stored, or the repeat will find it.
pub async fn send(cx: &Context, room: RoomId, nonce: Nonce, body: &str) -> Result<Message, Error> {
    let body = Body::parse(body)?;
    cx.node.limits.check_send(cx.viewer.user.id)?;
    match cx.node.store.insert_message(&cx.viewer.user, room, nonce, body.as_str()).await? {
        Inserted::New(message) => {
            let change = Change::Message { message: message.clone() };
            cx.node.publish_change(room, message.seq, message.sent_at, change);
            Ok(message)
        }
        Inserted::Known(message) => Ok(message),
        Inserted::NotAMember => Err(ErrorCode::RoomUnknown.into()),
    }
}

/// A page of messages.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; or when the database fails.
pub async fn history(cx: &Context, room: RoomId, direction: Direction, seq: Seq) -> Result<Reply, Error> {
    cx.check_member(room).await?;
    let (messages, more) = cx.node.store.list_messages(room, direction, seq, Seq(i64::MAX)).await?;
    Ok(Reply::Page { room, messages, more })
}

/// Everything that changed after `after`, from this node's memory where that reaches so far back; or the room as one
/// opens it, for who is far behind.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; or when the database fails.
pub async fn catch_up(cx: &Context, room: RoomId, after: Seq) -> Result<Reply, Error> {
    let head = cx.node.store.head_for(room, cx.viewer.user.id).await?.ok_or(ErrorCode::RoomUnknown)?;
    if let Some((changes, through)) = cx.node.recent_changes(room, after, head) {
        return Ok(Reply::Changes { room, changes, through, more: false });
    }
    if after < Seq::ZERO || after > head || head.0 - after.0 > BEHIND_MAX {
        return Ok(Reply::View { view: Box::new(rooms::view(cx, room).await?) });
    }
    let changes = cx.node.store.list_changes(room, after, head, CHANGES_MAX).await?;
    let more = changes.len() == CHANGES_MAX;
    let through = changes.last().map_or(head, |(last, _)| if more { *last } else { head });
    let changes = changes.into_iter().map(|(seq, changed)| (seq, changed.into())).collect();
    Ok(Reply::Changes { room, changes, through, more })
}
