//! Messages.

use protocol::{Message, Nonce, RoomId};

use super::{Context, Error};

/// Says something.
pub async fn send(_cx: &Context, _room: RoomId, _nonce: Nonce, _body: &str) -> Result<Message, Error> {
    todo!()
}
