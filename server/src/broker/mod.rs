//! Between nodes: what one publishes on a line, all nodes that follow the line receive.
//!
//! The broker is an accelerator, never the truth: it may lose, and it says so where it can ([`Signal::Lost`]). It knows
//! nothing of connections ([`crate::hub`]) nor of the database; [`crate::node`] reads its signals and repairs.
//!
//! Law: what a node publishes on one line reaches each follower in that order, or not at all; this node's own
//! publications come back by the same road. One conformance suite holds both kinds to it.

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

/// Signals that wait for the node, at most. More, and the rest is lost and said to be lost.
const SIGNALS_MAX: usize = 16_384;

/// What a broadcast asks of a node. The browser's part of it is the ready frame; the node looks no further than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A numbered change of a line.
    Change(Seq, Effect),
    /// Something that is not numbered: whoever misses it hears the same later.
    Passing,
    /// Someone's marks have grown. They pass as well; by this the node knows what its browsers have been told, and finds
    /// what was lost.
    Marks {
        /// Whose marks, on a room's line; in which room, on a person's line.
        subject: Uuid,
        /// Both marks together. As both only grow, more is newer.
        progress: i64,
    },
    /// This session of the person goes on under another id: connections that were opened under this one close, and
    /// browsers with the new cookie come back. It passes: where it is lost, the connections close because that session has
    /// ended.
    SessionRenewed(SessionId),
}

/// What a change means to the node itself, besides telling its browsers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// The person is in a new room: their connections follow it from now on.
    Joined(RoomId),
    /// The person has left a room: their connections no longer follow it.
    Left(RoomId),
    /// Sessions of this person have ended. The database knows which.
    Sessions,
    /// A profile has changed: what the node remembers of the person is out of date.
    Profile(UserId),
}

impl Effect {
    /// What a change means to a node.
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
            | Change::Member { .. }
            | Change::Room { .. }
            | Change::Saved { .. }
            | Change::Scheduled { .. }
            | Change::Following { .. }
            | Change::Unknown => Self::None,
        }
    }
}

/// What travels between nodes: a small header and the ready frame, encoded once, at its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broadcast {
    /// To whom.
    pub line: Line,
    /// Of which database's life: another one's is not ours.
    pub epoch: Epoch,
    /// What it asks of the node.
    pub kind: Kind,
    /// The frame for the browsers; empty when there is nothing to tell them.
    pub frame: String,
}

/// The version of the header. A node passes over what it cannot read; numbers and the head check repair.
const VERSION: u8 = 2;
/// version, kind, epoch, number, id.
const HEADER_BYTES: usize = 1 + 1 + 16 + 8 + 16;

impl Broadcast {
    /// As bytes. The line is not in them: it is the address.
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

    /// From bytes; `None` for what this version cannot read.
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

/// What a broker tells its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Something was published on a line that is followed.
    Broadcast(Broadcast),
    /// Something may have been missed: look at the database.
    Lost,
}

/// How the broker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It carries.
    Up,
    /// It does not: the database is asked instead, every second.
    Down,
}

/// Between nodes: through Redis, or, for a node alone and for tests, within the process.
#[derive(Debug)]
pub enum Broker {
    /// Within the process.
    Memory(memory::Memory),
    /// Through one Redis, or several.
    Redis(redis::Redis),
}

impl Broker {
    /// A broker within the process; nodes that share a [`Bus`] hear each other.
    #[must_use]
    pub fn memory(bus: &Bus) -> (Self, mpsc::Receiver<Signal>) {
        let (memory, signals) = memory::Memory::join(bus);
        (Self::Memory(memory), signals)
    }

    /// A broker through the Redis at each of `urls`, separated by commas: the lines are spread over them. Its channels
    /// begin with `prefix`, so that several workspaces can share one. Connects in the background, for as long as it takes,
    /// again and again.
    ///
    /// # Errors
    /// When one of `urls` is not the address of a Redis.
    pub fn redis(urls: &str, prefix: &str) -> Result<(Self, mpsc::Receiver<Signal>), RedisError> {
        let (redis, signals) = redis::Redis::start(urls, prefix)?;
        Ok((Self::Redis(redis), signals))
    }

    /// Hands a broadcast over, in order; it travels on its own. Says whether it was taken: a full queue is told, and
    /// then nothing was sent.
    #[must_use]
    pub fn publish(&self, broadcast: Broadcast) -> bool {
        match self {
            Self::Memory(memory) => memory.publish(&broadcast),
            Self::Redis(redis) => redis.publish(broadcast),
        }
    }

    /// Follows exactly these lines from now on, beside those that are followed already; returns when the broker has
    /// confirmed it, or is known to be down.
    pub async fn subscribe(&self, lines: &BTreeSet<Line>) {
        match self {
            Self::Memory(memory) => memory.subscribe(lines),
            Self::Redis(redis) => redis.subscribe(lines).await,
        }
    }

    /// Follows these no longer.
    pub fn unsubscribe(&self, lines: &BTreeSet<Line>) {
        match self {
            Self::Memory(memory) => memory.unsubscribe(lines),
            Self::Redis(redis) => redis.unsubscribe(lines),
        }
    }

    /// How it is: down when any part of it is.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Memory(_) => Status::Up,
            Self::Redis(redis) => redis.status(),
        }
    }

    /// Each Redis, and how it is; nothing for a broker within the process.
    #[must_use]
    pub fn states(&self) -> Vec<(Name, Status)> {
        match self {
            Self::Memory(_) => Vec::new(),
            Self::Redis(redis) => redis.states().map(|(name, status)| (name.clone(), status)).collect(),
        }
    }

    /// Waits until each Redis has been tried once, some seconds at most; those that do not carry, and why not.
    pub async fn tried(&self) -> Vec<(Name, Trouble)> {
        match self {
            Self::Memory(_) => Vec::new(),
            Self::Redis(redis) => redis.tried().await,
        }
    }

    /// What it counts.
    #[must_use]
    pub fn counters(&self) -> metrics::Bus {
        match self {
            Self::Memory(_) => metrics::Bus::default(),
            Self::Redis(redis) => redis.counters().clone(),
        }
    }

    /// The first Redis that is down, where there is one.
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
