//! Delivered and read marks.

use protocol::{ErrorCode, Marks, Refusal, Reply, RoomId, Seq};

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
