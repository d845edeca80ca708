//! The connections of this node, and the lines that each one follows.
//!
//! [`Hub`] answers one question: *who here follows this line?* It knows nothing of other nodes
//! ([`crate::broker`]) or of permissions ([`crate::chat::access`]).
//!
//! Law, checked by [`Inner::check_invariants`] in debug builds whenever the lock is released:
//! - a connection follows a line exactly if the line lists the connection;
//! - a line without followers is not in the map.
//!
//! The lock is held for map operations only, never across an await. Next: [`Outbox::push`], then
//! the connection's write loop.

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
use crate::{broker::Line, metrics::Outboxes};

/// One connection of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

/// The owner of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The person.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
}

#[derive(Debug)]
struct OpenConnection {
    owner: Owner,
    outbox: Arc<Outbox>,
    lines: BTreeSet<Line>,
}

/// A snapshot of a connection.
#[derive(Clone, Debug)]
pub struct Connected {
    /// Its owner.
    pub owner: Owner,
    /// Where to write to it.
    pub outbox: Arc<Outbox>,
}

#[derive(Debug, Default)]
struct Inner {
    connections: HashMap<ConnectionId, OpenConnection>,
    lines: HashMap<Line, HashMap<ConnectionId, Arc<Outbox>>>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Hub {
    inner: Mutex<Inner>,
    last_id: AtomicU64,
    counters: Outboxes,
}

impl Hub {
    /// Adds a connection, which follows nothing yet.
    pub fn connect(&self, owner: Owner) -> (ConnectionId, Arc<Outbox>) {
        let id = ConnectionId(self.last_id.fetch_add(1, Ordering::Relaxed));
        let outbox = Arc::new(Outbox::new(self.counters.clone()));
        let open = OpenConnection { owner, outbox: outbox.clone(), lines: BTreeSet::new() };
        self.lock().connections.insert(id, open);
        (id, outbox)
    }

    /// The counters of its outboxes.
    #[must_use]
    pub fn counters(&self) -> &Outboxes {
        &self.counters
    }

    /// Removes a connection. Returns the lines that nobody here follows any more.
    pub fn disconnect(&self, id: ConnectionId) -> BTreeSet<Line> {
        let mut inner = self.lock();
        let Some(open) = inner.connections.remove(&id) else { return BTreeSet::new() };
        open.lines.into_iter().filter(|line| inner.unlist(*line, id)).collect()
    }

    /// Makes a connection follow lines. Returns those that it did not follow before; none if the
    /// connection is already gone.
    pub fn follow(&self, id: ConnectionId, lines: &BTreeSet<Line>) -> BTreeSet<Line> {
        let mut inner = self.lock();
        let Some(open) = inner.connections.get_mut(&id) else { return BTreeSet::new() };
        let new: BTreeSet<Line> = lines.difference(&open.lines).copied().collect();
        open.lines.extend(lines);
        let outbox = open.outbox.clone();
        for line in &new {
            inner.lines.entry(*line).or_default().insert(id, outbox.clone());
        }
        inner.check_invariants();
        new
    }

    /// Makes a connection stop following a line. Returns whether nobody here follows it any more.
    pub fn unfollow(&self, id: ConnectionId, line: Line) -> bool {
        let mut inner = self.lock();
        if let Some(open) = inner.connections.get_mut(&id) {
            open.lines.remove(&line);
        }
        let last = inner.unlist(line, id);
        inner.check_invariants();
        last
    }

    /// Whether a connection follows a line.
    #[must_use]
    pub fn follows(&self, id: ConnectionId, line: Line) -> bool {
        self.lock().connections.get(&id).is_some_and(|open| open.lines.contains(&line))
    }

    /// Where to write to a connection.
    #[must_use]
    pub fn outbox(&self, id: ConnectionId) -> Option<Arc<Outbox>> {
        self.lock().connections.get(&id).map(|open| open.outbox.clone())
    }

    /// Whether a connection is still here.
    #[must_use]
    pub fn contains(&self, id: ConnectionId) -> bool {
        self.lock().connections.contains_key(&id)
    }

    /// Whether anyone here follows a line.
    #[must_use]
    pub fn is_followed(&self, line: Line) -> bool {
        self.lock().lines.contains_key(&line)
    }

    /// Delivers one frame, the same bytes, to everyone here who follows a line.
    pub fn deliver(&self, line: Line, frame: &Utf8Bytes, weight: Weight) {
        if let Some(followers) = self.lock().lines.get(&line) {
            for outbox in followers.values() {
                outbox.push(frame.clone(), weight);
            }
        }
    }

    /// The connections of a person, each with its owner and its outbox.
    #[must_use]
    pub fn of_user(&self, user: UserId) -> Vec<(ConnectionId, Owner, Arc<Outbox>)> {
        let inner = self.lock();
        let Some(followers) = inner.lines.get(&Line::Person(user)) else { return Vec::new() };
        let open = |id: &ConnectionId| inner.connections.get(id).map(|e| (*id, e.owner, e.outbox.clone()));
        followers.keys().filter_map(open).collect()
    }

    /// The people with a connection here that follows a line.
    #[must_use]
    pub fn users_on(&self, line: Line) -> BTreeSet<UserId> {
        let inner = self.lock();
        let Some(followers) = inner.lines.get(&line) else { return BTreeSet::new() };
        followers.keys().filter_map(|id| inner.connections.get(id)).map(|open| open.owner.user).collect()
    }

    /// Every connection.
    #[must_use]
    pub fn all(&self) -> Vec<Connected> {
        let inner = self.lock();
        let connected = |open: &OpenConnection| Connected { owner: open.owner, outbox: open.outbox.clone() };
        inner.connections.values().map(connected).collect()
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
        self.lock().lines.get(&Line::Person(user)).map_or(0, HashMap::len)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn unlist(&mut self, line: Line, id: ConnectionId) -> bool {
        let Some(followers) = self.lines.get_mut(&line) else { return false };
        followers.remove(&id);
        let last = followers.is_empty();
        if last {
            self.lines.remove(&line);
        }
        last
    }

    /// The module's law. Expensive: only in debug builds, and only while the hub is small, as in
    /// tests.
    fn check_invariants(&self) {
        if cfg!(debug_assertions) && self.connections.len() <= 64 {
            for (line, followers) in &self.lines {
                debug_assert!(!followers.is_empty(), "{line} is listed without followers");
                for id in followers.keys() {
                    debug_assert!(self.connections.get(id).is_some_and(|open| open.lines.contains(line)));
                }
            }
            for (id, open) in &self.connections {
                for line in &open.lines {
                    debug_assert!(self.lines.get(line).is_some_and(|followers| followers.contains_key(id)));
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

    fn line(n: u128) -> Line {
        Line::Room(RoomId(Uuid::from_u128(n)))
    }

    #[test]
    fn who_follows_is_told_and_who_left_is_not() {
        let hub = Hub::default();
        let (ana, ana_reads) = hub.connect(owner(1));
        let (bea, bea_reads) = hub.connect(owner(2));
        assert_eq!(hub.follow(ana, &BTreeSet::from([line(1)])).len(), 1);
        assert_eq!(hub.follow(ana, &BTreeSet::from([line(1), line(2)])), BTreeSet::from([line(2)]));
        hub.follow(bea, &BTreeSet::from([line(1)]));
        assert_eq!(hub.users_on(line(1)), BTreeSet::from([owner(1).user, owner(2).user]));
        assert_eq!(hub.users_on(line(2)), BTreeSet::from([owner(1).user]));
        hub.deliver(line(1), &Utf8Bytes::from_static("one"), Weight::Durable);
        assert!(!hub.unfollow(ana, line(1)));
        hub.deliver(line(1), &Utf8Bytes::from_static("two"), Weight::Durable);
        assert_eq!(ana_reads.take(9), ["one"]);
        assert_eq!(bea_reads.take(9), ["one", "two"]);
        assert!(hub.unfollow(bea, line(1)));
        assert_eq!(hub.disconnect(ana), BTreeSet::from([line(2)]));
        assert!(!hub.is_followed(line(2)));
    }

    #[test]
    fn a_connection_that_is_gone_follows_nothing() {
        let hub = Hub::default();
        let (ana, _) = hub.connect(owner(1));
        hub.disconnect(ana);
        hub.follow(ana, &BTreeSet::from([line(1)]));
        assert!(!hub.is_followed(line(1)));
    }
}
