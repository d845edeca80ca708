//! Pinned messages.

use protocol::{Change, Message, Reply, RoomId, Seq};

use super::{Context, Error, access};
use crate::{broker::Line, store::rooms::Locked};

/// Pins or unpins a message.
///
/// # Errors
/// `RoomUnknown`, `MessageUnknown`, `MessageDeleted`, `Forbidden`, `PinsFull`; or when the database
/// fails.
pub async fn pin(cx: &Context, room: RoomId, seq: Seq, on: bool) -> Result<Reply, Error> {
    let me = cx.viewer.user.id;
    let allowed =
        |locked: &Locked, message: &Message| access::check_pin(locked, message, on).map_err(Error::from);
    let Some((pin, is_new)) = cx.node.store.pin::<Error>(me, (room, seq), on, allowed).await? else {
        return Ok(Reply::Done {});
    };
    let (rev, change) = (pin.rev, Change::Pin { pin });
    if is_new {
        cx.node.publish_change(Line::Room(room), rev, change.clone(), vec![cx.viewer.user.clone()]);
    }
    Ok(Reply::Changed { line: Line::Room(room), seq: rev, change })
}

/// The pinned messages of a room.
///
/// # Errors
/// `RoomUnknown`; or when the database fails.
pub async fn pinned(cx: &Context, room: RoomId) -> Result<Reply, Error> {
    cx.check_member(room).await?;
    let messages = cx.node.store.list_pinned(room).await?;
    let people = cx.node.people_of(&messages).await?;
    Ok(Reply::Pinned { room, messages, people })
}
