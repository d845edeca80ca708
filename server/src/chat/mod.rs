//! What people do in rooms.
//!
//! Each function runs for a viewer on a node, and returns what the asker is told; others learn of it by what it
//! publishes. It sees no socket and no HTTP. [`access`] decides who may do what, from what the store finds *now*.

pub mod access;
pub mod error;
pub mod messages;
pub mod pins;
pub mod profile;
pub mod reading;
pub mod rights;
pub mod rooms;

use std::{collections::BTreeSet, sync::Arc};

use protocol::{ErrorCode, Event, Reply, RoomId, RoomSummary, limits::WELCOME_ROOMS_BYTES_MAX};

pub use crate::store::retry_deadlocks;
pub use error::Error;

use crate::{
    account::Viewer,
    broker::Line,
    hub::ConnectionId,
    node::{GreetingPermit, Node},
    store::lines::Head,
};

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

/// A connection that has its answer to `hello` and does not follow its rooms yet: see [`follow_rooms`].
#[derive(Debug)]
pub struct Greeted {
    /// How far each of the viewer's rooms was before the list in the answer was read.
    rooms: Vec<Head>,
    /// Held until the rooms are followed.
    permit: GreetingPermit,
}

/// Greets a connection. First it follows the viewer's own line and the workspace's, *then* the state is read. So what happens on
/// these in between comes as an event: perhaps twice, but it is never lost.
///
/// The rooms may be two thousand, and to follow them all takes longer than everything else. So the answer does not wait for that:
/// it is sent first, and [`follow_rooms`] does the rest before the connection's next command runs.
///
/// # Errors
/// [`ErrorCode::Busy`] when too many connections are being greeted; or when the database fails. Then the connection must be
/// closed: it may miss something.
pub async fn hello(cx: &Context, connection: ConnectionId, ping_ms: u32) -> Result<(Reply, Greeted), Error> {
    let permit = cx.node.greeting_permit().await?;
    // A connection that closed while it waited needs no answer.
    if !cx.node.is_connected(connection) {
        return Err(ErrorCode::Busy.into());
    }
    let me = cx.viewer.user.id;
    let epoch = cx.node.epoch();
    // The person's own line first: from here on a new room is not missed.
    cx.node.follow(connection, &BTreeSet::from([Line::Person(me), Line::Workspace])).await?;
    let heads = cx.node.store.room_heads(me).await?;
    let rooms::FirstRooms { person, workspace, mut rooms, mut more, mut people } = rooms::first(cx).await?;
    if cut(&mut rooms) {
        more = true;
        people = cx.node.people_of(&rooms).await?;
    }
    let me = cx.node.people(BTreeSet::from([me])).await?.pop().ok_or(ErrorCode::NotSignedIn)?;
    let node = cx.node.name.clone();
    let welcome = Reply::Welcome { me, node, epoch, ping_ms, person, workspace, rooms, more, people };
    Ok((welcome, Greeted { rooms: heads, permit }))
}

/// Lets a greeted connection follow its rooms. Returns what happened in them since their heads were read and may have been told
/// before the connection followed them.
///
/// # Errors
/// When the database fails. Then the connection must be closed: it may miss something.
pub async fn follow_rooms(
    cx: &Context,
    connection: ConnectionId,
    greeted: Greeted,
) -> Result<Vec<Event>, Error> {
    let Greeted { rooms, permit } = greeted;
    let me = cx.viewer.user.id;
    cx.node.follow(connection, &rooms.iter().map(|room| room.line).collect()).await?;
    // Rooms that were left meanwhile: the connection did not follow them yet, so there was nothing to unfollow.
    let inside: BTreeSet<RoomId> = cx.node.store.memberships(me).await?.into_iter().collect();
    let (inside, left): (Vec<Head>, Vec<Head>) =
        rooms.into_iter().partition(|room| room.line.room().is_some_and(|room| inside.contains(&room)));
    let left: Vec<RoomId> = left.iter().filter_map(|room| room.line.room()).collect();
    cx.node.dismiss(connection, me, &left).await?;
    let mut missed = Vec::new();
    for Head { line, head: after } in inside {
        let Some(position) = cx.node.position(line).filter(|position| *position > after) else { continue };
        missed.push(match messages::catch_up(cx, line, after).await {
            Ok(Reply::Changes { line, changes, through, people, .. }) => {
                Event::Changes { line, after, changes, through, people }
            }
            // It is far behind already. By this number the browser sees that, and catches up.
            Ok(_) => {
                let (changes, people) = (Vec::new(), Vec::new());
                Event::Changes { line, after: position, changes, through: position, people }
            }
            // Left since: the person's line tells.
            Err(Error::Refused(_)) => continue,
            Err(error) => return Err(error),
        });
    }
    drop(permit);
    Ok(missed)
}

/// Keeps as many rooms as fit into `welcome`, and returns whether any were cut off.
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
