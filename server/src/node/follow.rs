//! Which lines this node follows, and how far it is on each.
//!
//! For the first follower of a line: hub → broker → its confirmation → the line's head → ready. Others that come
//! meanwhile wait until it is ready. Any other order would lose what was published in between. A line is left a moment
//! after its last follower has gone, but the workspace's line is always followed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::extract::ws::Utf8Bytes;
use protocol::{RoomId, Seq};
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

use super::{
    Node,
    ring::{ALL_BYTES_MAX, Ring},
};
use crate::{
    broker::{Effect, Line},
    hub::ConnectionId,
    store::{self, lines::Head},
};

/// How far this node is on a line that it follows.
#[derive(Debug, Default)]
pub(super) struct Position {
    /// Everything up to here has been handed to the hub; `None` until the head has been read.
    pub(super) last: Option<Seq>,
    /// What came too early.
    pub(super) held: BTreeMap<Seq, (Effect, Utf8Bytes)>,
    /// When `last` last moved, for the head check.
    pub(super) moved: Option<Instant>,
    /// A repair is under way.
    pub(super) repairing: bool,
    /// The newest changes, up to `last`.
    pub(super) ring: Ring,
    /// The progress of the marks that this node has told, by their subject: on a room's line the member, on a
    /// person's line the room. See [`Kind::Marks`](crate::broker::Kind::Marks). Only of rooms so small that all are
    /// told, so there are few.
    pub(super) marks: HashMap<Uuid, i64>,
    /// A change that this node has published, and when: until it comes back.
    pub(super) timed: Option<(Seq, Instant)>,
}

#[derive(Debug)]
struct Follow {
    /// True once the line is confirmed and the position known; closed while still false when that failed. `None` once it is
    /// ready: there are as many lines as connections, and a channel takes half a kilobyte.
    until_ready: Option<watch::Receiver<bool>>,
    position: Position,
}

/// The lines that this node follows.
#[derive(Debug, Default)]
pub(super) struct Follows(Mutex<HashMap<Line, Follow>>);

impl Follows {
    fn lock(&self) -> MutexGuard<'_, HashMap<Line, Follow>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the position of a line, under the lock: it must not wait.
    pub(super) fn with<T>(&self, line: Line, work: impl FnOnce(&mut Position) -> T) -> Option<T> {
        self.lock().get_mut(&line).map(|follow| work(&mut follow.position))
    }

    /// Every line that is followed.
    pub(super) fn lines(&self) -> Vec<Line> {
        self.lock().keys().copied().collect()
    }

    /// How many lines there are.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// When all rings together are too large, forgets those of the lines that have been quiet for longest.
    pub(super) fn bound_rings(&self) {
        let mut follows = self.lock();
        let mut bytes: usize = follows.values().map(|follow| follow.position.ring.bytes()).sum();
        if bytes <= ALL_BYTES_MAX {
            return;
        }
        let mut kept: Vec<_> = follows.values_mut().map(|follow| &mut follow.position).collect();
        kept.sort_unstable_by_key(|position| position.moved);
        for position in kept {
            if bytes <= ALL_BYTES_MAX * 3 / 4 {
                break;
            }
            bytes -= position.ring.bytes();
            position.ring.forget();
        }
    }

    /// The heads of all lines whose position is known, in the order of the lines, and when each one moved last.
    pub(super) fn heads(&self) -> Vec<(Head, Option<Instant>)> {
        let follows = self.lock();
        let head = |(line, follow): (&Line, &Follow)| {
            let head = Head { line: *line, head: follow.position.last? };
            Some((head, follow.position.moved))
        };
        let mut heads: Vec<_> = follows.iter().filter_map(head).collect();
        drop(follows);
        heads.sort_unstable_by_key(|(head, _)| head.line);
        heads
    }

    /// Forgets every line, since every number is void. Returns the lines, which must be followed anew.
    pub(super) fn clear(&self) -> BTreeSet<Line> {
        self.lock().drain().map(|(line, _)| line).collect()
    }
}

/// Follows the workspace's line for the node itself, and tries again until it succeeds.
pub(super) async fn workspace(node: Arc<Node>) {
    loop {
        let followed = node.follow_lines(&BTreeSet::from([Line::Workspace])).await;
        match followed {
            Ok(()) => return,
            Err(e) => tracing::warn!(error = %e, "could not follow the workspace; trying again"),
        }
        tokio::time::sleep(node.tuning.head_check_down).await;
    }
}

impl Node {
    /// Lets a connection follow lines. Once this returns, the connection misses nothing that is committed from then on.
    ///
    /// # Errors
    /// When the database fails. Then the connection follows the lines but may miss something, so it must not be answered.
    pub async fn follow(
        self: &Arc<Self>,
        connection: ConnectionId,
        lines: &BTreeSet<Line>,
    ) -> Result<(), store::Error> {
        self.hub.follow(connection, lines);
        self.follow_lines(lines).await
    }

    async fn follow_lines(self: &Arc<Self>, lines: &BTreeSet<Line>) -> Result<(), store::Error> {
        let (news, mut others, ready) = self.register(lines);
        if !news.is_empty() {
            self.broker.subscribe(&news).await;
            if let Err(e) = self.read_positions(&news).await {
                self.unregister(&news);
                return Err(e);
            }
            self.make_ready(&news);
            ready.send_replace(true);
            // Whoever asked may have disconnected meanwhile, when these lines were not ready and so were not left.
            self.leave_later(news.into_iter().filter(|line| !self.hub.is_followed(*line)).collect());
        }
        for other in &mut others {
            if other.wait_for(|ready| *ready).await.is_err() {
                return Err(store::Error::NotReady);
            }
        }
        Ok(())
    }

    /// Notes that these lines are followed. Returns those that are new to this node, what to wait for with the others, and
    /// what makes the new ones ready.
    fn register(
        &self,
        lines: &BTreeSet<Line>,
    ) -> (BTreeSet<Line>, Vec<watch::Receiver<bool>>, watch::Sender<bool>) {
        let (ready, receiver) = watch::channel(false);
        let (mut news, mut others) = (BTreeSet::new(), Vec::new());
        let mut follows = self.follows.lock();
        for line in lines {
            match follows.get(line) {
                Some(follow) => others.extend(follow.until_ready.clone()),
                None => {
                    let follow =
                        Follow { until_ready: Some(receiver.clone()), position: Position::default() };
                    follows.insert(*line, follow);
                    news.insert(*line);
                }
            }
        }
        (news, others, ready)
    }

    fn make_ready(&self, lines: &BTreeSet<Line>) {
        let mut follows = self.follows.lock();
        for line in lines {
            if let Some(follow) = follows.get_mut(line) {
                follow.until_ready = None;
            }
        }
    }

    fn unregister(&self, lines: &BTreeSet<Line>) {
        let mut follows = self.follows.lock();
        for line in lines {
            follows.remove(line);
        }
        self.broker.unsubscribe(lines);
    }

    async fn read_positions(self: &Arc<Self>, lines: &BTreeSet<Line>) -> Result<(), store::Error> {
        let lines: Vec<Line> = lines.iter().copied().collect();
        // With a timeout: other followers of the same lines wait for this.
        let store = self.store.clone();
        let heads = self.attempt("the heads of new lines", async move { store.heads(&lines).await }).await;
        for head in heads.ok_or(store::Error::NotReady)?? {
            self.begin_at(head);
        }
        Ok(())
    }

    /// Whether a connection follows a room.
    #[must_use]
    pub fn is_following(&self, connection: ConnectionId, room: RoomId) -> bool {
        self.hub.follows(connection, Line::Room(room))
    }

    /// Whether a connection is still there.
    #[must_use]
    pub fn is_connected(&self, connection: ConnectionId) -> bool {
        self.hub.contains(connection)
    }

    /// A connection is gone.
    pub fn disconnect(self: &Arc<Self>, connection: ConnectionId) {
        let orphans = self.hub.disconnect(connection);
        self.leave_later(orphans);
    }

    /// A connection follows a line no longer.
    pub fn unfollow(self: &Arc<Self>, connection: ConnectionId, line: Line) {
        if self.hub.unfollow(connection, line) {
            self.leave_later(BTreeSet::from([line]));
        }
    }

    fn leave_later(self: &Arc<Self>, mut lines: BTreeSet<Line>) {
        lines.remove(&Line::Workspace);
        if lines.is_empty() || self.is_leaving() {
            return;
        }
        let node = self.clone();
        self.spawn(async move {
            tokio::time::sleep(node.tuning.linger).await;
            // Checked under the lock under which followers are registered: a new follower comes before this, and is
            // seen, or after it, and finds the line new.
            let mut follows = node.follows.lock();
            let left: BTreeSet<Line> = lines
                .into_iter()
                .filter(|line| !node.hub.is_followed(*line))
                .filter(|line| follows.get(line).is_some_and(|follow| follow.until_ready.is_none()))
                .collect();
            for line in &left {
                follows.remove(line);
            }
            node.broker.unsubscribe(&left);
        });
    }
}
