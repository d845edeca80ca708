//! Delivered and read marks, and rooms that people mark unread for themselves.

use protocol::{Change, ErrorCode, Line, Marks, Refusal, Reply, RoomId, Seq, Unread};

use super::{Context, Error};
use crate::{hub::ConnectionId, store::marks::Raise};

/// When to retry marks that found no slot, in milliseconds.
const RETRY_MS: u32 = 1_000;

/// A device of the viewer has everything up to here.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::Busy`].
pub fn delivered(cx: &Context, connection: ConnectionId, room: RoomId, seq: Seq) -> Result<Reply, Error> {
    raise(cx, connection, (room, seq, Seq::ZERO))
}

/// The viewer has seen everything up to here.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::Busy`].
pub fn read(cx: &Context, connection: ConnectionId, room: RoomId, seq: Seq) -> Result<Reply, Error> {
    raise(cx, connection, (room, seq, seq))
}

/// From this message on, the room counts as unread for the viewer.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::MessageUnknown`], [`ErrorCode::MessageDeleted`]; or when the database fails.
pub async fn mark_unread(cx: &Context, room: RoomId, seq: Seq) -> Result<Reply, Error> {
    Ok(tell(cx, cx.node.store.mark_unread(cx.viewer.user.id, room, seq).await?))
}

/// The viewer has read on in a room that they marked unread.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; or when the database fails.
pub async fn read_on(cx: &Context, room: RoomId, rev: Seq) -> Result<Reply, Error> {
    let done = cx.node.store.read_on(cx.viewer.user.id, room, rev).await?;
    Ok(done.map_or(Reply::Done {}, |done| tell(cx, done)))
}

/// Only the person's own devices are told.
fn tell(cx: &Context, (unread, is_new): (Unread, bool)) -> Reply {
    let (line, seq, change) = (Line::Person(cx.viewer.user.id), unread.rev, Change::Unread { unread });
    if is_new {
        cx.node.publish_change(line, seq, change.clone(), Vec::new());
    }
    Reply::Changed { line, seq, change }
}

/// A connection follows its person's rooms, so any other room is refused without a query. The
/// statement that writes the marks checks again: marks of a person who has just left change
/// nothing, and neither do marks beyond the head.
fn raise(
    cx: &Context,
    connection: ConnectionId,
    (room, delivered, read): (RoomId, Seq, Seq),
) -> Result<Reply, Error> {
    if !cx.node.is_following(connection, room) {
        return Err(ErrorCode::RoomUnknown.into());
    }
    let marks = Marks { user: cx.viewer.user.id, delivered, read };
    if cx.node.marks.raise(Raise { room, marks }) {
        Ok(Reply::Done {})
    } else {
        Err(Refusal::new(ErrorCode::Busy).retry_ms(RETRY_MS).into())
    }
}
