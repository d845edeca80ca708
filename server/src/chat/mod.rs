//! Commands in rooms.
//!
//! Each function runs for a viewer on a node, and returns the reply to the requester; others learn
//! of it through what it publishes. It knows no sockets and no HTTP. [`access`] decides who may do
//! what, from the *current* state in the store.

pub mod access;
pub mod drafts;
mod error;
pub mod groups;
pub mod messages;
pub mod pins;
pub mod polls;
pub mod previews;
pub mod profile;
pub mod reading;
pub mod rights;
pub mod rooms;
pub mod saved;
pub mod scheduled;
pub mod search;
pub mod threads;

use std::{collections::BTreeSet, sync::Arc};

use protocol::{Epoch, ErrorCode, Reply, RoomId, RoomSummary, limits::WELCOME_ROOMS_BYTES_MAX};

pub use crate::store::retry_deadlocks;
pub use error::Error;

use crate::{
    account::Viewer,
    broker::Line,
    hub::ConnectionId,
    node::{GreetingPermit, Node},
};

/// How often a person's list is read for one greeting. A second read is rare, and more are needed
/// only if the person joins or leaves rooms at the same time.
const LISTS_MAX: usize = 5;

/// The viewer and the node for which a command runs.
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

/// Greets a connection. It receives the current state, and everything that happens afterwards as
/// events. Events may repeat part of the state, but nothing is missing. The rooms are followed from
/// the heads that were read with the list. The connection need not wait until their broadcasts are
/// known to arrive, which takes long for thousands of rooms.
///
/// # Errors
/// [`ErrorCode::Busy`] when too many connections are being greeted; or when the database fails. The
/// connection must then be closed, because it may miss something.
pub async fn hello(cx: &Context, connection: ConnectionId, ping_ms: u32) -> Result<Reply, Error> {
    let permit = cx.node.greeting_permit().await?;
    // A connection that closed while waiting needs no answer.
    if !cx.node.is_connected(connection) {
        return Err(ErrorCode::Busy.into());
    }
    let me = cx.viewer.user.id;
    let epoch = cx.node.epoch();
    // The person's own line first: from here on, a new room is not missed.
    cx.node.follow(connection, &BTreeSet::from([Line::Person(me), Line::Workspace])).await?;
    let rooms::FirstRooms { person, workspace, mut rooms, mut more, mut people } =
        follow_rooms(cx, connection, epoch, permit).await?;
    if cut(&mut rooms) {
        more = true;
        people = cx.node.people_of(&rooms).await?;
    }
    let me = cx.node.people(BTreeSet::from([me])).await?.pop().ok_or(ErrorCode::NotSignedIn)?;
    Ok(Reply::Welcome {
        me,
        node: cx.node.name.clone(),
        epoch,
        ping_ms,
        person,
        workspace,
        rooms,
        more,
        people,
    })
}

/// Reads the list, and follows its rooms from the heads that were read. Repeats both if the list
/// turns out to be older than what this node has already delivered, because the connection has
/// missed that.
async fn follow_rooms(
    cx: &Context,
    connection: ConnectionId,
    epoch: Epoch,
    permit: GreetingPermit,
) -> Result<rooms::FirstRooms, Error> {
    let me = cx.viewer.user.id;
    for _ in 0..LISTS_MAX {
        let position = cx.node.position(Line::Person(me));
        let (listed, heads) = rooms::first_and_heads(cx).await?;
        // The heads are from an earlier epoch: see `Node::adopt`.
        let Some(position) = position.filter(|_| cx.node.epoch() == epoch) else { break };
        let Some(following) = cx.node.follow_from(connection, (me, position), &heads) else { continue };
        if !following.is_ahead() {
            cx.node.get_ready_aside(connection, following, permit);
            return Ok(listed);
        }
        cx.node.get_ready(following).await?;
    }
    Err(ErrorCode::Busy.into())
}

/// Keeps as many rooms as fit into `welcome`. Returns whether any were cut off.
fn cut(rooms: &mut Vec<RoomSummary>) -> bool {
    let mut bytes = 0;
    let fits = |summary: &RoomSummary| {
        bytes += serde_json::to_string(summary).map_or(0, |text| text.len());
        bytes <= WELCOME_ROOMS_BYTES_MAX
    };
    let count = rooms.iter().map(fits).take_while(|fits| *fits).count();
    let was_cut = count < rooms.len();
    rooms.truncate(count);
    was_cut
}
