//! Which lines this node follows, and its position on each.
//!
//! For the first follower of a line: hub → broker → its confirmation → the line's head → ready.
//! Further followers wait until it is ready. Any other order would lose what was published in
//! between. A line is left a moment after its last follower has gone, except for the workspace's
//! line, which is always followed.
//!
//! A person's rooms may begin at heads that were read earlier ([`Node::follow_from`]): hub → broker
//! → its confirmation → check whether the head has moved → ready. Changes in between are repaired
//! like any gap, so nobody needs to wait until the rooms are ready.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::extract::ws::Utf8Bytes;
use protocol::{CloseCode, RoomId, Seq, UserId};
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

use super::{
    GreetingPermit, Node,
    ring::{ALL_BYTES_MAX, Ring},
};
use crate::{
    broker::{Effect, Line},
    hub::ConnectionId,
    store::{self, lines::Head},
};

/// This node's position on a line that it follows.
#[derive(Debug, Default)]
pub(super) struct Position {
    /// Everything up to here has been delivered to the hub, or precedes following; `None` until the
    /// head has been read.
    pub(super) last: Option<Seq>,
    /// Frames that arrived too early.
    pub(super) held: BTreeMap<Seq, (Effect, Utf8Bytes)>,
    /// When `last` last moved, for the head check.
    pub(super) moved: Option<Instant>,
    /// A repair is in progress.
    pub(super) repairing: bool,
    /// The newest changes, up to `last`.
    pub(super) ring: Ring,
    /// The progress of the marks that this node has delivered, by subject: the member on a room's
    /// line, the room on a person's line. See [`Kind::Marks`](crate::broker::Kind::Marks). Bounded,
    /// because only small rooms deliver all marks.
    pub(super) marks: HashMap<Uuid, i64>,
    /// A change that this node has published, and when; kept until it comes back.
    pub(super) timed: Option<(Seq, Instant)>,
}

#[derive(Debug)]
struct Follow {
    /// Becomes true once the line is confirmed and the position is current; closes while still
    /// false if that failed. `None` once it is ready, to save memory: a channel takes half a
    /// kilobyte, and there are as many lines as connections.
    until_ready: Option<watch::Receiver<bool>>,
    position: Position,
}

/// Lines that someone has begun to follow, until they are ready: see [`Node::get_ready`].
#[derive(Debug)]
pub struct Following {
    /// Those that are new to this node.
    news: BTreeSet<Line>,
    /// Where the new ones began, if that was known.
    known: Vec<Head>,
    /// Signals that the other lines are ready.
    others: Vec<watch::Receiver<bool>>,
    /// Signals that the new ones are ready.
    ready: watch::Sender<bool>,
    /// On one of the other lines, which the connection has not followed before, this node may have
    /// delivered a change beyond the known head.
    is_ahead: bool,
}

impl Following {
    /// Whether a change beyond the known heads may have been delivered before the connection
    /// followed its line. The known heads are then too old.
    #[must_use]
    pub fn is_ahead(&self) -> bool {
        self.is_ahead
    }
}

/// The lines that this node follows.
#[derive(Debug, Default)]
pub(super) struct Follows(Mutex<HashMap<Line, Follow>>);

impl Follows {
    fn lock(&self) -> MutexGuard<'_, HashMap<Line, Follow>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accesses the position of a line, under the lock: `work` must not block.
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

    /// If all rings together are too large, drops those of the lines that have been quiet longest.
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

    /// The heads of all lines with a known position, in the order of the lines, and when each one
    /// last moved.
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

    /// Forgets every line, because every number is void. Returns the lines, which must be followed
    /// anew.
    pub(super) fn clear(&self) -> BTreeSet<Line> {
        self.lock().drain().map(|(line, _)| line).collect()
    }
}

/// Registers lines as followed, the new ones from their heads if known.
fn register(
    follows: &mut HashMap<Line, Follow>,
    lines: impl IntoIterator<Item = (Line, Option<Seq>)>,
) -> Following {
    let (ready, receiver) = watch::channel(false);
    let (mut news, mut known, mut others) = (BTreeSet::new(), Vec::new(), Vec::new());
    let mut is_ahead = false;
    for (line, head) in lines {
        match follows.get(&line) {
            Some(follow) => {
                others.extend(follow.until_ready.clone());
                // If it has no position yet, it may begin beyond the head.
                is_ahead |= head.is_some_and(|head| follow.position.last.is_none_or(|last| last > head));
            }
            None => {
                let position = Position { last: head, ..Position::default() };
                follows.insert(line, Follow { until_ready: Some(receiver.clone()), position });
                known.extend(head.map(|head| Head { line, head }));
                news.insert(line);
            }
        }
    }
    Following { news, known, others, ready, is_ahead }
}

/// Follows the workspace's line for the node itself; retries until it succeeds.
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
    /// Makes a connection follow lines. Once this returns, the connection misses nothing that is
    /// committed from then on.
    ///
    /// # Errors
    /// When the database fails. The connection then follows the lines but may miss something, so it
    /// must not be answered.
    pub async fn follow(
        self: &Arc<Self>,
        connection: ConnectionId,
        lines: &BTreeSet<Line>,
    ) -> Result<(), store::Error> {
        self.hub.follow(connection, lines);
        self.follow_lines(lines).await
    }

    /// Makes a connection follow its person's rooms from known heads: it receives everything after
    /// them, unless the result [is ahead](Following::is_ahead). Changes committed before the rooms
    /// are ready may arrive late, by a repair.
    ///
    /// `None` if the person's line is no longer at `position`, which was read before the rooms and
    /// heads: the person may have left one of the rooms, and this connection has not been told.
    pub fn follow_from(
        self: &Arc<Self>,
        connection: ConnectionId,
        (person, position): (UserId, Seq),
        heads: &[(RoomId, Seq)],
    ) -> Option<Following> {
        // Changes of a person's line are applied under this lock: either this sees the change, or
        // the change finds the rooms followed.
        let mut follows = self.follows.lock();
        if follows.get(&Line::Person(person))?.position.last != Some(position) {
            return None;
        }
        // The hub first: the connection receives everything that is delivered from here on.
        let new = self.hub.follow(connection, &heads.iter().map(|(room, _)| Line::Room(*room)).collect());
        let lines = heads.iter().map(|(room, head)| (Line::Room(*room), Some(*head)));
        Some(register(&mut follows, lines.filter(|(line, _)| new.contains(line))))
    }

    /// Waits in the background until lines are ready. If that fails, possibly because another
    /// follower of them failed, the connection must reconnect, because it may miss something.
    pub fn get_ready_aside(
        self: &Arc<Self>,
        connection: ConnectionId,
        following: Following,
        permit: GreetingPermit,
    ) {
        let node = self.clone();
        self.spawn(async move {
            let _permit = permit;
            if node.get_ready(following).await.is_err()
                && let Some(outbox) = node.hub.outbox(connection)
            {
                outbox.close(CloseCode::Resume, "its rooms could not be followed");
            }
        });
    }

    async fn follow_lines(self: &Arc<Self>, lines: &BTreeSet<Line>) -> Result<(), store::Error> {
        let following = register(&mut self.follows.lock(), lines.iter().map(|line| (*line, None)));
        self.get_ready(following).await
    }

    /// Waits until lines are ready: from then on, their broadcasts arrive by themselves.
    ///
    /// # Errors
    /// When a line has no position, because the database fails. A connection that follows it may
    /// then miss something.
    pub async fn get_ready(self: &Arc<Self>, following: Following) -> Result<(), store::Error> {
        let Following { news, known, mut others, ready, .. } = following;
        if !news.is_empty() {
            self.broker.subscribe(&news).await;
            if !known.is_empty() {
                self.compare_positions(known).await;
            } else if let Err(e) = self.read_positions(&news).await {
                self.unregister(&news);
                return Err(e);
            }
            self.make_ready(&news);
            ready.send_replace(true);
            // The connection may have closed before these lines were ready, and so they were not
            // left then.
            self.leave_later(news.into_iter().filter(|line| !self.hub.is_followed(*line)).collect());
        }
        for other in &mut others {
            if other.wait_for(|ready| *ready).await.is_err() {
                return Err(store::Error::NotReady);
            }
        }
        Ok(())
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
        // With a timeout, because other followers of the same lines wait for this.
        let store = self.store.clone();
        let heads = self.attempt("the heads of new lines", async move { store.heads(&lines).await }).await;
        for head in heads.ok_or(store::Error::NotReady)?? {
            self.begin_at(head);
        }
        Ok(())
    }

    /// Repairs those new lines that have moved beyond the heads at which they began.
    async fn compare_positions(self: &Arc<Self>, known: Vec<Head>) {
        let store = self.store.clone();
        let differ = async move { store.heads_that_differ(&known).await };
        match self.attempt("whether new lines have moved", differ).await {
            Some(Ok(differ)) => {
                for Head { line, head } in differ {
                    self.repair_up_to(line, head);
                }
            }
            // The head check compares the same.
            Some(Err(e)) => {
                tracing::warn!(error = %e, "could not ask whether new lines have moved");
                self.check_heads.notify_one();
            }
            None => self.check_heads.notify_one(),
        }
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

    /// Removes a connection.
    pub fn disconnect(self: &Arc<Self>, connection: ConnectionId) {
        let orphans = self.hub.disconnect(connection);
        self.leave_later(orphans);
    }

    /// Makes a connection stop following a line.
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
            // Checked under the lock under which followers are registered: a new follower comes
            // either before this, and is seen, or after it, and finds the line new.
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
