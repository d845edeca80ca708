//! How far someone is: what their devices have confirmed, and what they have seen.

use protocol::{ErrorCode, Marks, Reply, RoomId, Seq};

use super::{Context, Error};
use crate::store::members::Raise;

/// A device of the viewer holds everything up to here.
///
/// # Errors
/// [`ErrorCode::Busy`].
pub fn delivered(cx: &Context, room: RoomId, seq: Seq) -> Result<Reply, Error> {
    raise(cx, room, seq, Seq::ZERO)
}

/// The viewer has seen everything up to here.
///
/// # Errors
/// [`ErrorCode::Busy`].
pub fn read(cx: &Context, room: RoomId, seq: Seq) -> Result<Reply, Error> {
    raise(cx, room, seq, seq)
}

/// Whether the viewer is in the room, and how far it goes, is asked where it is written: marks of others, or beyond the
/// head, raise nothing.
fn raise(cx: &Context, room: RoomId, delivered: Seq, read: Seq) -> Result<Reply, Error> {
    let marks = Marks { user: cx.viewer.user.id, delivered, read };
    if cx.node.marks.raise(Raise { room, marks }) { Ok(Reply::Done {}) } else { Err(ErrorCode::Busy.into()) }
}
