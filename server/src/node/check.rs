//! What is looked up from time to time, because the broker may lose what it carries: the heads of the followed rooms,
//! and the sessions and memberships of all connections.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use protocol::{CloseCode, RoomId, SessionId, UserId};

use super::Node;
use crate::{
    broker::{Status, Topic},
    store,
};

/// Rooms or people asked for in one query.
const CHUNK: usize = 1_000;

/// Compares the followed rooms with the database: it finds the lost last message of a room, which no hole ever shows.
pub(super) async fn heads(node: Arc<Node>) {
    loop {
        let pause = match node.broker.status() {
            Status::Up => node.tuning.head_check,
            Status::Down => node.tuning.head_check_down,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = node.doubt.notified() => {}
        }
        if let Err(e) = check_heads(&node).await {
            tracing::warn!(error = %e, "the head check failed");
        }
    }
}

async fn check_heads(node: &Arc<Node>) -> Result<(), store::Error> {
    for known in node.follows.heads().chunks(CHUNK) {
        for behind in node.store.heads_beyond(known).await? {
            let mine = node.follows.with(behind.room, |position| {
                let mine = position.last.is_some() && !position.repairing;
                position.repairing |= mine;
                mine
            });
            if mine == Some(true) {
                tracing::debug!(room.id = %behind.room, "the head check found a room behind");
                let node = node.clone();
                node.clone().spawn(async move { node.repair(behind.room).await });
            }
        }
    }
    Ok(())
}

/// Closes what has no session any more, and mends what follows a room that its person has left or does not follow one
/// that they have joined. Law 10: within 30 s, whatever the broker does.
pub(super) async fn sessions(node: Arc<Node>) {
    loop {
        tokio::time::sleep(node.tuning.session_check).await;
        node.limits.forget_rested();
        if let Err(e) = check_sessions(&node).await {
            tracing::warn!(error = %e, "the session check failed");
        }
    }
}

async fn check_sessions(node: &Arc<Node>) -> Result<(), store::Error> {
    let connections = node.hub.all();
    let sessions: Vec<SessionId> = connections.iter().map(|(_, owner, _, _)| owner.session).collect();
    let mut alive = HashSet::new();
    for chunk in sessions.chunks(CHUNK) {
        alive.extend(node.store.sessions_alive(chunk).await?);
    }
    node.close_sessions_but(&alive);
    let users: Vec<UserId> =
        connections.iter().map(|(_, owner, _, _)| owner.user).collect::<HashSet<_>>().into_iter().collect();
    let mut rooms: HashMap<UserId, BTreeSet<RoomId>> = HashMap::new();
    for chunk in users.chunks(CHUNK) {
        for (user, room) in node.store.memberships(chunk).await? {
            rooms.entry(user).or_default().insert(room);
        }
    }
    for (_, owner, outbox, topics) in connections {
        let followed: BTreeSet<RoomId> = topics
            .iter()
            .filter_map(|topic| match topic {
                Topic::Room(room) => Some(*room),
                Topic::User(_) => None,
            })
            .collect();
        // One that has not been greeted yet follows nothing. One whose rooms are others resumes: `welcome` tells all.
        let greeted = topics.contains(&Topic::User(owner.user));
        if greeted && followed != rooms.get(&owner.user).cloned().unwrap_or_default() {
            // Asked again before anything is closed: a join may have been on its way.
            if followed != memberships_now(node, owner.user).await? {
                outbox.close(CloseCode::Resume, "memberships have changed");
            }
        }
    }
    Ok(())
}

async fn memberships_now(node: &Arc<Node>, user: UserId) -> Result<BTreeSet<RoomId>, store::Error> {
    Ok(node.store.memberships(&[user]).await?.into_iter().map(|(_, room)| room).collect())
}
