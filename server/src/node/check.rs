//! What is looked up from time to time, because the broker may lose what it carries: the heads of the followed rooms,
//! and the sessions and memberships of all connections.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use protocol::{CloseCode, Event, RoomId, ServerFrame, SessionId, UserId, limits::MARKS_MEMBERS_MAX};
use tokio::time::Instant;

use super::{Node, marks};
use crate::{
    broker::{Status, Topic},
    hub::{Connected, ConnectionId},
    store::{self, members::Raised},
};

/// Rooms or people asked for in one query.
const CHUNK: usize = 1_000;
/// Marks bear the time at which their writing began: the check looks back by this beyond the one before.
const MARKS_SLACK: Duration = Duration::from_secs(20);
/// The pool is stuck, and is replaced, when all its connections are in use and none has come back for so many times the
/// timeout of a command.
const STUCK_AFTER: u32 = 3;

/// Compares the followed rooms with the database: it finds the lost last message of a room, which no hole ever shows.
pub(super) async fn heads(node: Arc<Node>) {
    loop {
        let pause = match node.broker.status() {
            Status::Up => node.tuning.head_check,
            Status::Down => node.tuning.head_check_down,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // A moment later: whatever rings again and again is answered together.
            () = node.doubt.notified() => tokio::time::sleep(node.tuning.hole).await,
        }
        // The database ends each statement within one timeout: no statement finished within several means a stuck pool.
        if node.store.renew_if_stuck(STUCK_AFTER * node.tuning.patience) {
            tracing::warn!(
                "no connection to the database has come back in time: they are left, and new ones are opened"
            );
        }
        let checking = node.clone();
        let checked = node.round("the head check", async move { check_heads(&checking).await }).await;
        if let Some(Err(e)) = checked {
            tracing::warn!(error = %e, "the head check failed");
        }
    }
}

async fn check_heads(node: &Arc<Node>) -> Result<(), store::Error> {
    node.follows.bound_rings();
    if node.tuning.sabotage.no_repair {
        return Ok(());
    }
    for known in node.follows.heads().chunks(CHUNK) {
        for behind in node.store.heads_beyond(known).await? {
            let mine = node.follows.with(behind.room, |position| {
                let mine = position.last.is_some() && !position.repairing;
                position.repairing |= mine;
                mine
            });
            if mine == Some(true) {
                tracing::debug!(room.id = %behind.room, "the head check found a room behind");
                node.metrics.head_check_finds.inc();
                let node = node.clone();
                node.clone().spawn(async move { node.repair(behind.room).await });
            }
        }
    }
    Ok(())
}

/// Looks for marks that have grown and that nobody here was told of: what passes may be lost with the broker, or with the
/// server that wrote it. Someone who waits for a tick is not left waiting.
pub(super) async fn marks(node: Arc<Node>) {
    let mut asked = Instant::now();
    loop {
        let pause = match node.broker.status() {
            Status::Up => node.tuning.marks_check,
            Status::Down => node.tuning.head_check,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // What is on its way comes by itself.
            () = node.doubt_marks.notified() => tokio::time::sleep(node.tuning.head_check_down).await,
        }
        let (checking, began) = (node.clone(), Instant::now());
        let since = asked.elapsed() + MARKS_SLACK;
        let check = async move { check_marks(&checking, since).await };
        match node.round("the check of the marks", check).await {
            Some(Ok(())) => asked = began,
            Some(Err(e)) => tracing::warn!(error = %e, "the check of the marks failed"),
            None => {}
        }
    }
}

async fn check_marks(node: &Arc<Node>, since: Duration) -> Result<(), store::Error> {
    let (mut rooms, mut users) = (Vec::new(), Vec::new());
    for topic in node.follows.topics() {
        match topic {
            Topic::Room(room) => rooms.push(room),
            Topic::User(user) => users.push(user),
        }
    }
    let mut raised = Vec::new();
    for chunk in rooms.chunks(CHUNK) {
        raised.extend(node.store.marks_of_rooms(chunk, MARKS_MEMBERS_MAX, since).await?);
    }
    for chunk in users.chunks(CHUNK) {
        raised.extend(node.store.marks_of_users(chunk, MARKS_MEMBERS_MAX, since).await?);
    }
    for Raised { room, marks, members } in raised {
        let topic = marks::topic(room, marks, members);
        let event = Event::Marks { room, marks };
        let key = (marks::of(topic, room, marks), marks::far(marks));
        if node.deliver_marks(topic, key, &ServerFrame::Event { event }.encode().into()) {
            node.metrics.marks_check_finds.inc();
        }
    }
    Ok(())
}

/// Closes what has no session any more, and what follows a room that its person has left or does not follow one that
/// they have joined: it resumes, and `welcome` tells all. Law 10: sessions within 30 s, whatever the broker does; sooner
/// while it is down, and after something may have been missed.
pub(super) async fn sessions(node: Arc<Node>) {
    let mut suspects = Suspects::new();
    // What was missed is found at the second look.
    let mut looks_soon = 0_u32;
    let mut next = Instant::now() + node.tuning.session_check;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = node.doubt_sessions.notified() => {
                looks_soon = 2;
                next = next.min(Instant::now() + node.tuning.head_check_down);
                continue;
            }
        }
        looks_soon = looks_soon.saturating_sub(1);
        next = Instant::now()
            + match node.broker.status() {
                _ if looks_soon > 0 => node.tuning.head_check_down,
                Status::Up => node.tuning.session_check,
                Status::Down => node.tuning.session_check.min(node.tuning.head_check),
            };
        node.budgets.forget_rested();
        let (checking, before) = (node.clone(), std::mem::take(&mut suspects));
        let check = async move { check_sessions(&checking, &before).await };
        match node.round("the session check", check).await {
            Some(Ok(found)) => suspects = found,
            failed => {
                if let Some(Err(e)) = failed {
                    tracing::warn!(error = %e, "the session check failed");
                }
                looks_soon = 2;
                next = Instant::now() + node.tuning.session_check.min(node.tuning.head_check);
            }
        }
    }
}

/// Connections that follow other rooms than they should, with what they follow and should follow. A join or a leave may
/// be on its way: only who stands so at two checks in a row is sent to resume.
type Suspects = HashMap<ConnectionId, (BTreeSet<RoomId>, BTreeSet<RoomId>)>;

async fn check_sessions(node: &Arc<Node>, before: &Suspects) -> Result<Suspects, store::Error> {
    let connections = node.hub.all();
    let sessions: Vec<SessionId> = connections.iter().map(|connected| connected.owner.session).collect();
    let mut alive = HashSet::new();
    for chunk in sessions.chunks(CHUNK) {
        alive.extend(node.store.sessions_alive(chunk).await?);
    }
    for Connected { owner, outbox, .. } in &connections {
        if !alive.contains(&owner.session) {
            outbox.close(CloseCode::SessionEnded, "");
        }
    }
    let users: HashSet<UserId> = connections.iter().map(|connected| connected.owner.user).collect();
    let users: Vec<UserId> = users.into_iter().collect();
    let mut rooms: HashMap<UserId, BTreeSet<RoomId>> = HashMap::new();
    for chunk in users.chunks(CHUNK) {
        for (user, room) in node.store.memberships(chunk).await? {
            rooms.entry(user).or_default().insert(room);
        }
    }
    let mut suspects = Suspects::new();
    for Connected { id, owner, outbox, topics, .. } in connections.into_iter().filter(|one| one.greeted) {
        let followed = rooms_of(&topics);
        let expected = rooms.get(&owner.user).cloned().unwrap_or_default();
        if followed == expected {
            continue;
        }
        let pair = (followed, expected);
        if before.get(&id) == Some(&pair) {
            outbox.close(CloseCode::Resume, "memberships have changed");
        } else {
            suspects.insert(id, pair);
        }
    }
    Ok(suspects)
}

fn rooms_of(topics: &BTreeSet<Topic>) -> BTreeSet<RoomId> {
    let room = |topic: &Topic| match topic {
        Topic::Room(room) => Some(*room),
        Topic::User(_) => None,
    };
    topics.iter().filter_map(room).collect()
}
