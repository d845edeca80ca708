//! Publish/subscribe between nodes: all nodes that follow a line receive what is published on it.
//!
//! The broker is an accelerator, never the source of truth. It may lose broadcasts, and reports
//! that where it can ([`Signal::Lost`]). It knows nothing of connections ([`crate::hub`]) or the
//! database; [`crate::node`] reads its signals and repairs.
//!
//! Law: broadcasts of one node on one line reach each follower in order, or not at all. A node
//! receives its own broadcasts by the same path. One conformance suite checks both kinds of broker.

#[cfg(test)]
mod conformance;
mod memory;
#[cfg(test)]
mod proxy;
mod redis;

use std::collections::BTreeSet;

pub use protocol::Line;
use protocol::{Change, Epoch, RoomId, Seq, SessionId, UserId};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::metrics;

pub use self::{
    memory::Bus,
    redis::{Name, RedisError, Trouble},
};

/// The most signals that wait for the node. Further ones are lost, and reported as lost.
const SIGNALS_MAX: usize = 16_384;

/// What a broadcast means to a node. The rest is the encoded frame for browsers, which the node
/// does not inspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A numbered change of a line.
    Change(Seq, Effect),
    /// An unnumbered event: whoever misses it gets the same information later.
    Passing,
    /// Someone's marks have advanced. These are unnumbered as well; from this header the node knows
    /// which marks its browsers have received, and finds lost ones.
    Marks {
        /// The member, on a room's line; the room, on a person's line.
        subject: Uuid,
        /// Both marks combined. As both only grow, a larger value is newer.
        progress: i64,
    },
    /// A session goes on under another id: connections opened under this id close, and browsers
    /// with the new cookie reconnect. If this is lost, the connections close because that session
    /// has ended.
    SessionRenewed(SessionId),
}

/// What a change means to the node itself, besides passing it to browsers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// The person has joined a room: their connections follow it from now on.
    Joined(RoomId),
    /// The person has left a room: their connections no longer follow it.
    Left(RoomId),
    /// Sessions of this person have ended. The database knows which.
    Sessions,
    /// A profile has changed: the node's cached copy is stale.
    Profile(UserId),
}

impl Effect {
    /// The effect of a change on a node.
    #[must_use]
    pub fn of(change: &Change) -> Self {
        match change {
            Change::Membership { room, summary: Some(_) } => Self::Joined(*room),
            Change::Membership { room, summary: None } => Self::Left(*room),
            Change::Sessions {} => Self::Sessions,
            Change::Profile { user } => Self::Profile(user.id),
            Change::Message { .. }
            | Change::Reaction { .. }
            | Change::Pin { .. }
            | Change::Poll { .. }
            | Change::Vote { .. }
            | Change::Member { .. }
            | Change::Room { .. }
            | Change::Saved { .. }
            | Change::Scheduled { .. }
            | Change::Following { .. }
            | Change::Unread { .. }
            | Change::Draft { .. }
            | Change::InGroup { .. }
            | Change::Unknown => Self::None,
        }
    }
}

/// A message between nodes: a small header, and the frame, encoded once at its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broadcast {
    /// The line that it is published on.
    pub line: Line,
    /// The epoch of the sender's database. Broadcasts of another epoch are ignored.
    pub epoch: Epoch,
    /// What it means to the node.
    pub kind: Kind,
    /// The frame for the browsers; empty if there is none.
    pub frame: String,
}

/// The version of the header. A node skips headers that it cannot read; sequence numbers and the
/// head check repair the loss.
const VERSION: u8 = 2;
/// Version, kind, epoch, number, id.
const HEADER_BYTES: usize = 1 + 1 + 16 + 8 + 16;

impl Broadcast {
    /// Encodes it. The line is not included, because it is the address.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (kind, seq, id) = match self.kind {
            Kind::Change(seq, Effect::None) => (0, seq, Uuid::nil()),
            Kind::Passing => (1, Seq::ZERO, Uuid::nil()),
            Kind::Marks { subject, progress } => (2, Seq(progress), subject),
            Kind::Change(seq, Effect::Joined(room)) => (3, seq, room.0),
            Kind::Change(seq, Effect::Left(room)) => (4, seq, room.0),
            Kind::Change(seq, Effect::Sessions) => (5, seq, Uuid::nil()),
            Kind::Change(seq, Effect::Profile(user)) => (6, seq, user.0),
            Kind::SessionRenewed(session) => (7, Seq::ZERO, session.0),
        };
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.frame.len());
        bytes.extend([VERSION, kind]);
        bytes.extend(self.epoch.0.as_bytes());
        bytes.extend(seq.0.to_be_bytes());
        bytes.extend(id.as_bytes());
        bytes.extend(self.frame.as_bytes());
        bytes
    }

    /// Decodes it; `None` if this version cannot read it.
    #[must_use]
    pub fn decode(line: Line, bytes: &[u8]) -> Option<Self> {
        let (header, frame) = bytes.split_at_checked(HEADER_BYTES)?;
        let (&[version, kind], rest) = header.split_first_chunk::<2>()?;
        let (epoch, rest) = rest.split_first_chunk::<16>()?;
        let (seq, id) = rest.split_first_chunk::<8>()?;
        if version != VERSION {
            return None;
        }
        let id = Uuid::from_slice(id).ok()?;
        let number = i64::from_be_bytes(*seq);
        let kind = match kind {
            0 => Kind::Change(Seq(number), Effect::None),
            1 => Kind::Passing,
            2 => Kind::Marks { subject: id, progress: number },
            3 => Kind::Change(Seq(number), Effect::Joined(RoomId(id))),
            4 => Kind::Change(Seq(number), Effect::Left(RoomId(id))),
            5 => Kind::Change(Seq(number), Effect::Sessions),
            6 => Kind::Change(Seq(number), Effect::Profile(UserId(id))),
            7 => Kind::SessionRenewed(SessionId(id)),
            _ => return None,
        };
        let frame = std::str::from_utf8(frame).ok()?.to_owned();
        Some(Self { line, epoch: Epoch(Uuid::from_bytes(*epoch)), kind, frame })
    }
}

/// What a broker reports to its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// A broadcast on a followed line.
    Broadcast(Broadcast),
    /// Something may have been missed: check the database.
    Lost,
}

/// The state of the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It delivers.
    Up,
    /// It does not deliver: the database is queried every second instead.
    Down,
}

/// The broker: through Redis, or within the process for a single node and for tests.
#[derive(Debug)]
pub enum Broker {
    /// Within the process.
    Memory(memory::Memory),
    /// Through one Redis, or several.
    Redis(redis::Redis),
}

impl Broker {
    /// An in-process broker. Nodes that share a [`Bus`] receive each other's broadcasts.
    #[must_use]
    pub fn memory(bus: &Bus) -> (Self, mpsc::Receiver<Signal>) {
        let (memory, signals) = memory::Memory::join(bus);
        (Self::Memory(memory), signals)
    }

    /// A broker through the Redis at each of `urls`, separated by commas; the lines are spread over
    /// them. Channel names begin with `prefix`, so that several workspaces can share one Redis.
    /// Connects in the background, and retries forever.
    ///
    /// # Errors
    /// When one of `urls` is not the address of a Redis.
    pub fn redis(urls: &str, prefix: &str) -> Result<(Self, mpsc::Receiver<Signal>), RedisError> {
        let (redis, signals) = redis::Redis::start(urls, prefix)?;
        Ok((Self::Redis(redis), signals))
    }

    /// Enqueues a broadcast, in order. Returns whether it was accepted; if the queue is full,
    /// nothing is sent.
    #[must_use]
    pub fn publish(&self, broadcast: Broadcast) -> bool {
        match self {
            Self::Memory(memory) => memory.publish(&broadcast),
            Self::Redis(redis) => redis.publish(broadcast),
        }
    }

    /// Follows these lines too. Returns when the broker has confirmed it, or is known to be down.
    pub async fn subscribe(&self, lines: &BTreeSet<Line>) {
        match self {
            Self::Memory(memory) => memory.subscribe(lines),
            Self::Redis(redis) => redis.subscribe(lines).await,
        }
    }

    /// Stops following these lines.
    pub fn unsubscribe(&self, lines: &BTreeSet<Line>) {
        match self {
            Self::Memory(memory) => memory.unsubscribe(lines),
            Self::Redis(redis) => redis.unsubscribe(lines),
        }
    }

    /// The state of the broker: down if any part of it is.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Memory(_) => Status::Up,
            Self::Redis(redis) => redis.status(),
        }
    }

    /// The state of each Redis; empty for an in-process broker.
    #[must_use]
    pub fn states(&self) -> Vec<(Name, Status)> {
        match self {
            Self::Memory(_) => Vec::new(),
            Self::Redis(redis) => redis.states().map(|(name, status)| (name.clone(), status)).collect(),
        }
    }

    /// Waits until each Redis has been tried once, at most some seconds. Returns those that do not
    /// deliver, and why.
    pub async fn tried(&self) -> Vec<(Name, Trouble)> {
        match self {
            Self::Memory(_) => Vec::new(),
            Self::Redis(redis) => redis.tried().await,
        }
    }

    /// Its counters.
    #[must_use]
    pub fn counters(&self) -> metrics::Bus {
        match self {
            Self::Memory(_) => metrics::Bus::default(),
            Self::Redis(redis) => redis.counters().clone(),
        }
    }

    /// The first Redis that is down, if any.
    #[must_use]
    pub fn first_down(&self) -> Option<Name> {
        self.states().into_iter().find(|(_, status)| *status == Status::Down).map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broadcast_goes_there_and_back() {
        let line = Line::Room(RoomId(Uuid::from_u128(7)));
        for kind in [
            Kind::Change(Seq(42), Effect::None),
            Kind::Passing,
            Kind::Marks { subject: Uuid::from_u128(4), progress: 17 },
            Kind::Change(Seq(1), Effect::Joined(RoomId(Uuid::from_u128(1)))),
            Kind::Change(Seq(2), Effect::Left(RoomId(Uuid::from_u128(2)))),
            Kind::Change(Seq(3), Effect::Sessions),
            Kind::Change(Seq(4), Effect::Profile(UserId(Uuid::from_u128(3)))),
            Kind::SessionRenewed(SessionId(Uuid::from_u128(3))),
        ] {
            let sent =
                Broadcast { line, epoch: Epoch(Uuid::from_u128(9)), kind, frame: "{\"鸟\":1}".to_owned() };
            assert_eq!(Broadcast::decode(line, &sent.encode()), Some(sent));
        }
        assert_eq!(line.to_string().parse(), Ok(line));
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let line = Line::Person(UserId(Uuid::nil()));
        let good =
            Broadcast { line, epoch: Epoch(Uuid::nil()), kind: Kind::Passing, frame: String::new() }.encode();
        let newer = [&[VERSION + 1], &good[1..]].concat();
        let unknown = [&[VERSION, 99], &good[2..]].concat();
        let not_text = [&good[..], &[0xff]].concat();
        for bytes in [&[][..], &good[..good.len() - 1], &newer, &unknown, &not_text] {
            assert_eq!(Broadcast::decode(line, bytes), None);
        }
    }
}
