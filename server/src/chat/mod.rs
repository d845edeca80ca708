//! What people do in rooms.
//!
//! Each function runs for a viewer on a node, and returns what the asker is told; others learn of it by what it
//! publishes. It sees no socket and no HTTP. Who may do what is decided by [`access`], of what the store finds *now*.

pub mod access;
pub mod error;
pub mod messages;
pub mod reading;
pub mod rooms;

use std::{collections::BTreeSet, sync::Arc};

use protocol::{ErrorCode, Reply, RoomId};

pub use error::Error;

use crate::{account::Viewer, broker::Topic, hub::ConnectionId, node::Node};

/// For whom, and on which node, a command runs.
#[derive(Clone)]
pub struct Context {
    /// The node.
    pub node: Arc<Node>,
    /// The person.
    pub viewer: Viewer,
}

impl Context {
    /// # Errors
    /// [`ErrorCode::RoomUnknown`] when the viewer is not in the room; or when the database fails.
    pub async fn check_member(&self, room: RoomId) -> Result<(), Error> {
        match self.node.store.role(room, self.viewer.user.id).await? {
            Some(_) => Ok(()),
            None => Err(ErrorCode::RoomUnknown.into()),
        }
    }
}

/// Greets a connection: it follows everything that is the viewer's, *then* the state is read. What happens in between
/// comes as events, perhaps twice, never not at all.
///
/// # Errors
/// [`ErrorCode::Busy`] when too many are being greeted; or when the database fails. Then the connection must be closed: it
/// may miss something.
pub async fn hello(cx: &Context, connection: ConnectionId, ping_ms: u32) -> Result<Reply, Error> {
    let _turn = cx.node.greeting_turn().await?;
    // Who has gone while it waited is not worth the question.
    if !cx.node.is_connected(connection) {
        return Err(ErrorCode::Busy.into());
    }
    let me = cx.viewer.user.id;
    // The person's own topic first: from here on a new room is not missed.
    cx.node.follow(connection, &BTreeSet::from([Topic::User(me)])).await?;
    let rooms = cx.node.store.memberships(&[me]).await?;
    let topics: BTreeSet<Topic> = rooms.into_iter().map(|(_, room)| Topic::Room(room)).collect();
    cx.node.follow(connection, &topics).await?;
    let rooms = rooms::list(cx).await?;
    // A room that was left meanwhile: its leaving found nothing to leave.
    let listed: BTreeSet<Topic> = rooms.iter().map(|summary| Topic::Room(summary.room.id)).collect();
    for topic in topics.difference(&listed) {
        cx.node.unfollow(connection, *topic);
    }
    cx.node.greeted(connection);
    Ok(Reply::Welcome {
        me: cx.viewer.user.clone(),
        node: cx.node.name.clone(),
        epoch: cx.node.epoch,
        ping_ms,
        rooms,
    })
}
