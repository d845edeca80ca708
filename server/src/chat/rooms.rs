//! Rooms.

use protocol::{Nonce, RoomId, RoomKind, RoomSummary, RoomView};

use super::{Context, Error};

/// Every room of the viewer, the last active first.
pub async fn list(_cx: &Context) -> Result<Vec<RoomSummary>, Error> {
    todo!()
}

/// A room as one opens it.
pub async fn view(_cx: &Context, _room: RoomId) -> Result<RoomView, Error> {
    todo!()
}

/// Makes a group or channel; the viewer owns it.
pub async fn create(
    _cx: &Context,
    _nonce: Nonce,
    _kind: RoomKind,
    _title: &str,
    _topic: &str,
) -> Result<RoomSummary, Error> {
    todo!()
}

/// Joins a channel.
pub async fn join(_cx: &Context, _room: RoomId) -> Result<RoomSummary, Error> {
    todo!()
}
