//! The connections of this node, and the topics each one follows.
//!
//! [`Hub`] answers one question: *who here follows this topic?* It knows nothing of other nodes
//! ([`crate::broker`]) nor of who may follow what ([`crate::chat::access`]).
//!
//! Law, checked by [`Inner::check_invariants`] in debug builds whenever the lock is let go:
//! - a connection follows a topic exactly when the topic lists the connection;
//! - a topic without followers is not in the map.
//!
//! The lock is held for map work only, never across an await. Next station: [`Outbox::push`], then the connection's
//! write loop.

pub mod outbox;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::extract::ws::Utf8Bytes;
use protocol::{SessionId, UserId};

pub use self::outbox::{Close, Outbox, Weight};
use crate::{broker::Topic, metrics::Outboxes};

/// One connection of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

/// Whose a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The person.
    pub user: UserId,
    /// By which session.
    pub session: SessionId,
}

#[derive(Debug)]
struct Entry {
    owner: Owner,
    outbox: Arc<Outbox>,
    topics: BTreeSet<Topic>,
    greeted: bool,
}

/// A connection as it is just now.
#[derive(Clone, Debug)]
pub struct Connected {
    /// Which.
    pub id: ConnectionId,
    /// Whose.
    pub owner: Owner,
    /// Where to write to it.
    pub outbox: Arc<Outbox>,
    /// What it follows.
    pub topics: BTreeSet<Topic>,
    /// Whether it follows everything that it is to follow; before, it is being greeted.
    pub greeted: bool,
}

#[derive(Debug, Default)]
struct Inner {
    connections: HashMap<ConnectionId, Entry>,
    topics: HashMap<Topic, HashMap<ConnectionId, Arc<Outbox>>>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Hub {
    inner: Mutex<Inner>,
    last_id: AtomicU64,
    counters: Outboxes,
}

impl Hub {
    /// A new connection, which follows nothing yet.
    pub fn connect(&self, owner: Owner) -> (ConnectionId, Arc<Outbox>) {
        let id = ConnectionId(self.last_id.fetch_add(1, Ordering::Relaxed));
        let outbox = Arc::new(Outbox::new(self.counters.clone()));
        let entry = Entry { owner, outbox: outbox.clone(), topics: BTreeSet::new(), greeted: false };
        self.lock().connections.insert(id, entry);
        (id, outbox)
    }

    /// What its outboxes count.
    #[must_use]
    pub fn counters(&self) -> &Outboxes {
        &self.counters
    }

    /// A connection is gone. Returns the topics that nobody here follows any more.
    pub fn disconnect(&self, id: ConnectionId) -> BTreeSet<Topic> {
        let mut inner = self.lock();
        let Some(entry) = inner.connections.remove(&id) else { return BTreeSet::new() };
        entry.topics.into_iter().filter(|topic| inner.unlist(*topic, id)).collect()
    }

    /// A connection follows topics from now on. One that is gone already follows nothing.
    pub fn follow(&self, id: ConnectionId, topics: &BTreeSet<Topic>) {
        let mut inner = self.lock();
        let Some(entry) = inner.connections.get_mut(&id) else { return };
        entry.topics.extend(topics);
        let outbox = entry.outbox.clone();
        for topic in topics {
            inner.topics.entry(*topic).or_default().insert(id, outbox.clone());
        }
        inner.check_invariants();
    }

    /// A connection follows a topic no longer. Says whether nobody here does any more.
    pub fn unfollow(&self, id: ConnectionId, topic: Topic) -> bool {
        let mut inner = self.lock();
        if let Some(entry) = inner.connections.get_mut(&id) {
            entry.topics.remove(&topic);
        }
        let last = inner.unlist(topic, id);
        inner.check_invariants();
        last
    }

    /// Whether this connection follows a topic.
    #[must_use]
    pub fn follows(&self, id: ConnectionId, topic: Topic) -> bool {
        self.lock().connections.get(&id).is_some_and(|entry| entry.topics.contains(&topic))
    }

    /// Whether there is this connection.
    #[must_use]
    pub fn contains(&self, id: ConnectionId) -> bool {
        self.lock().connections.contains_key(&id)
    }

    /// Whether anyone here follows a topic.
    #[must_use]
    pub fn is_followed(&self, topic: Topic) -> bool {
        self.lock().topics.contains_key(&topic)
    }

    /// Hands one frame, the same bytes, to everyone here who follows a topic.
    pub fn deliver(&self, topic: Topic, frame: &Utf8Bytes, weight: Weight) {
        if let Some(followers) = self.lock().topics.get(&topic) {
            for outbox in followers.values() {
                outbox.push(frame.clone(), weight);
            }
        }
    }

    /// The connections of a person, with what each one follows.
    #[must_use]
    pub fn of_user(&self, user: UserId) -> Vec<(ConnectionId, Owner, Arc<Outbox>)> {
        let inner = self.lock();
        let Some(followers) = inner.topics.get(&Topic::User(user)) else { return Vec::new() };
        let entry = |id: &ConnectionId| inner.connections.get(id).map(|e| (*id, e.owner, e.outbox.clone()));
        followers.keys().filter_map(entry).collect()
    }

    /// A connection follows everything that it is to follow, and has been greeted.
    pub fn greeted(&self, id: ConnectionId) {
        if let Some(entry) = self.lock().connections.get_mut(&id) {
            entry.greeted = true;
        }
    }

    /// Every connection.
    #[must_use]
    pub fn all(&self) -> Vec<Connected> {
        let inner = self.lock();
        let connected = |(id, entry): (&ConnectionId, &Entry)| Connected {
            id: *id,
            owner: entry.owner,
            outbox: entry.outbox.clone(),
            topics: entry.topics.clone(),
            greeted: entry.greeted,
        };
        inner.connections.iter().map(connected).collect()
    }

    /// How many connections there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().connections.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many connections a person has here.
    #[must_use]
    pub fn count_of(&self, user: UserId) -> usize {
        self.lock().topics.get(&Topic::User(user)).map_or(0, HashMap::len)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn unlist(&mut self, topic: Topic, id: ConnectionId) -> bool {
        let Some(followers) = self.topics.get_mut(&topic) else { return false };
        followers.remove(&id);
        let last = followers.is_empty();
        if last {
            self.topics.remove(&topic);
        }
        last
    }

    /// The module's law. Costly: debug builds only, and only while the hub is small, as it is in tests.
    fn check_invariants(&self) {
        if cfg!(debug_assertions) && self.connections.len() <= 64 {
            for (topic, followers) in &self.topics {
                debug_assert!(!followers.is_empty(), "{topic} is listed without followers");
                for id in followers.keys() {
                    debug_assert!(self.connections.get(id).is_some_and(|entry| entry.topics.contains(topic)));
                }
            }
            for (id, entry) in &self.connections {
                for topic in &entry.topics {
                    debug_assert!(self.topics.get(topic).is_some_and(|followers| followers.contains_key(id)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::RoomId;
    use uuid::Uuid;

    use super::*;

    fn owner(n: u128) -> Owner {
        Owner { user: UserId(Uuid::from_u128(n)), session: SessionId(Uuid::from_u128(n)) }
    }

    fn topic(n: u128) -> Topic {
        Topic::Room(RoomId(Uuid::from_u128(n)))
    }

    #[test]
    fn who_follows_is_told_and_who_left_is_not() {
        let hub = Hub::default();
        let (ana, ana_reads) = hub.connect(owner(1));
        let (bea, bea_reads) = hub.connect(owner(2));
        hub.follow(ana, &BTreeSet::from([topic(1), topic(2)]));
        hub.follow(bea, &BTreeSet::from([topic(1)]));
        hub.deliver(topic(1), &Utf8Bytes::from_static("one"), Weight::Durable);
        assert!(!hub.unfollow(ana, topic(1)));
        hub.deliver(topic(1), &Utf8Bytes::from_static("two"), Weight::Durable);
        assert_eq!(ana_reads.take(9), ["one"]);
        assert_eq!(bea_reads.take(9), ["one", "two"]);
        assert!(hub.unfollow(bea, topic(1)));
        assert_eq!(hub.disconnect(ana), BTreeSet::from([topic(2)]));
        assert!(!hub.is_followed(topic(2)));
    }

    #[test]
    fn a_connection_that_is_gone_follows_nothing() {
        let hub = Hub::default();
        let (ana, _) = hub.connect(owner(1));
        hub.disconnect(ana);
        hub.follow(ana, &BTreeSet::from([topic(1)]));
        assert!(!hub.is_followed(topic(1)));
    }
}
