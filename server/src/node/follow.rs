//! Which topics this node follows, and how far it is in each room.
//!
//! The first follower of a topic: hub → broker → its confirmation → the room's head → ready. Whoever comes while that is
//! under way waits for it. The other order would lose what was said in between. A topic is left a moment after its last
//! follower has gone.

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
    broker::Topic,
    hub::ConnectionId,
    store::{self, rooms::Head},
};

/// How far this node is in a room that it follows.
#[derive(Debug, Default)]
pub(super) struct Position {
    /// Everything up to here has been handed to the hub; `None` until the head has been read.
    pub(super) last: Option<Seq>,
    /// What came too early.
    pub(super) held: BTreeMap<Seq, Utf8Bytes>,
    /// Someone is at it.
    pub(super) repairing: bool,
    /// The newest changes, up to `last`.
    pub(super) ring: Ring,
    /// How far the marks are that this node has told: of whom, in a room; in which room, of a person. See
    /// [`Kind::Marks`](crate::broker::Kind::Marks). Only of rooms so small that all are told, so there are few.
    pub(super) marks: HashMap<Uuid, i64>,
    /// A change that this node has published, and when: until it comes back.
    pub(super) timed: Option<(Seq, Instant)>,
}

#[derive(Debug)]
struct Follow {
    /// True once the topic is confirmed and the position known; closed without it, when that failed.
    ready: watch::Receiver<bool>,
    position: Position,
}

/// The topics that this node follows.
#[derive(Debug, Default)]
pub(super) struct Follows(Mutex<HashMap<Topic, Follow>>);

impl Follows {
    fn lock(&self) -> MutexGuard<'_, HashMap<Topic, Follow>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The position of a room, for work without waiting.
    pub(super) fn with<T>(&self, room: RoomId, work: impl FnOnce(&mut Position) -> T) -> Option<T> {
        self.with_topic(Topic::Room(room), work)
    }

    /// The same of any topic.
    pub(super) fn with_topic<T>(&self, topic: Topic, work: impl FnOnce(&mut Position) -> T) -> Option<T> {
        self.lock().get_mut(&topic).map(|follow| work(&mut follow.position))
    }

    /// Everything that is followed.
    pub(super) fn topics(&self) -> Vec<Topic> {
        self.lock().keys().copied().collect()
    }

    /// How many topics there are.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Forgets all rings, when they are too large together.
    pub(super) fn bound_rings(&self) {
        let mut follows = self.lock();
        let bytes: usize = follows.values().map(|follow| follow.position.ring.bytes()).sum();
        if bytes > ALL_BYTES_MAX {
            follows.values_mut().for_each(|follow| follow.position.ring.forget());
        }
    }

    /// Every room whose position is known.
    pub(super) fn heads(&self) -> Vec<Head> {
        let follows = self.lock();
        let head = |(topic, follow): (&Topic, &Follow)| match topic {
            Topic::Room(room) => follow.position.last.map(|head| Head { room: *room, head }),
            Topic::User(_) => None,
        };
        follows.iter().filter_map(head).collect()
    }
}

impl Node {
    /// A connection follows topics from now on; when this returns, nothing that is committed from here on is missed.
    ///
    /// # Errors
    /// When the database fails. Then the connection follows the topics, but must not be answered: it may miss something.
    pub async fn follow(
        self: &Arc<Self>,
        connection: ConnectionId,
        topics: &BTreeSet<Topic>,
    ) -> Result<(), store::Error> {
        self.hub.follow(connection, topics);
        let (news, mut others, ready) = self.enlist(topics);
        if !news.is_empty() {
            self.broker.subscribe(&news).await;
            if let Err(e) = self.read_positions(&news).await {
                self.delist(&news);
                return Err(e);
            }
            ready.send_replace(true);
            // Whoever asked may have gone meanwhile, and its going passed over what was not ready.
            self.leave_later(news.into_iter().filter(|topic| !self.hub.is_followed(*topic)).collect());
        }
        for other in &mut others {
            if other.wait_for(|ready| *ready).await.is_err() {
                return Err(store::Error::NotReady);
            }
        }
        Ok(())
    }

    /// Which topics are new to this node, and what to wait for with the others.
    fn enlist(
        &self,
        topics: &BTreeSet<Topic>,
    ) -> (BTreeSet<Topic>, Vec<watch::Receiver<bool>>, watch::Sender<bool>) {
        let (ready, receiver) = watch::channel(false);
        let (mut news, mut others) = (BTreeSet::new(), Vec::new());
        let mut follows = self.follows.lock();
        for topic in topics {
            match follows.get(topic) {
                Some(follow) if *follow.ready.borrow() => {}
                Some(follow) => others.push(follow.ready.clone()),
                None => {
                    let follow = Follow { ready: receiver.clone(), position: Position::default() };
                    follows.insert(*topic, follow);
                    news.insert(*topic);
                }
            }
        }
        (news, others, ready)
    }

    fn delist(&self, topics: &BTreeSet<Topic>) {
        let mut follows = self.follows.lock();
        follows.retain(|topic, _| !topics.contains(topic));
        self.broker.unsubscribe(topics);
    }

    async fn read_positions(&self, topics: &BTreeSet<Topic>) -> Result<(), store::Error> {
        let room = |topic: &Topic| match topic {
            Topic::Room(room) => Some(*room),
            Topic::User(_) => None,
        };
        let rooms: Vec<RoomId> = topics.iter().filter_map(room).collect();
        if rooms.is_empty() {
            return Ok(());
        }
        // Not for ever: whoever follows the same topics waits for this.
        let store = self.store.clone();
        let heads = self.round("the heads of new rooms", async move { store.heads(&rooms).await }).await;
        for head in heads.ok_or(store::Error::NotReady)?? {
            self.begin_at(head);
        }
        Ok(())
    }

    /// Whether a connection follows a room.
    #[must_use]
    pub fn is_following(&self, connection: ConnectionId, room: RoomId) -> bool {
        self.hub.follows(connection, Topic::Room(room))
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

    /// A connection follows a topic no longer.
    pub fn unfollow(self: &Arc<Self>, connection: ConnectionId, topic: Topic) {
        if self.hub.unfollow(connection, topic) {
            self.leave_later(BTreeSet::from([topic]));
        }
    }

    fn leave_later(self: &Arc<Self>, topics: BTreeSet<Topic>) {
        if topics.is_empty() || self.is_leaving() {
            return;
        }
        let node = self.clone();
        self.spawn(async move {
            tokio::time::sleep(node.tuning.linger).await;
            // Asked under the lock under which a new follower is enlisted: it comes before, and is seen, or after,
            // and finds the topic new.
            let mut follows = node.follows.lock();
            let left: BTreeSet<Topic> = topics
                .into_iter()
                .filter(|topic| !node.hub.is_followed(*topic))
                .filter(|topic| follows.get(topic).is_some_and(|follow| *follow.ready.borrow()))
                .collect();
            follows.retain(|topic, _| !left.contains(topic));
            node.broker.unsubscribe(&left);
        });
    }
}
