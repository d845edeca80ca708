//! Marks on their way to the database: at most one write per second and member, many members in one
//! statement.
//!
//! A member's first mark is written within a tenth of a second; marks within the following second
//! are merged into the next write. Marks only grow, so merging loses nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use protocol::{
    RoomId, UserId,
    limits::{MARKS_MEMBERS_MAX, ROOMS_PER_USER_MAX},
};
use tokio::time::Instant;
use uuid::Uuid;

use super::Node;
use crate::{
    broker::Line,
    store::marks::{Raise, Raised},
};

/// How often due marks are collected.
const TICK: Duration = Duration::from_millis(100);
/// In a large room, a member's marks are written this many times less often.
const LARGE_TIMES: u32 = 10;
/// Marks in one statement.
const BATCH: usize = 500;
/// The most members with pending marks. Further ones are refused, and the browser sends them again.
const WAITING_MAX: usize = 100_000;
/// The same for one person, so that nobody takes the others' slots.
const WAITING_PER_USER_MAX: usize = ROOMS_PER_USER_MAX;

#[derive(Debug)]
struct Slot {
    raise: Option<Raise>,
    written: Option<Instant>,
    /// The room is so large that nobody else is told, so its members' marks are written less often.
    large: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct PendingMarks(Mutex<Slots>);

/// Law: `of_user` counts the slots of each person who has any.
#[derive(Debug, Default)]
struct Slots {
    slots: HashMap<(RoomId, UserId), Slot>,
    of_user: HashMap<UserId, usize>,
}

impl Slots {
    /// Makes sure that there is a slot for a member's marks. Returns whether there is one.
    fn admit(&mut self, member: (RoomId, UserId)) -> bool {
        if self.slots.contains_key(&member) {
            return true;
        }
        let count = self.of_user.get(&member.1).copied().unwrap_or(0);
        if self.slots.len() >= WAITING_MAX || count >= WAITING_PER_USER_MAX {
            return false;
        }
        self.of_user.insert(member.1, count + 1);
        self.slots.insert(member, Slot { raise: None, written: None, large: false });
        true
    }
}

impl PendingMarks {
    /// Queues marks. Returns whether they were accepted.
    #[must_use]
    pub fn raise(&self, raise: Raise) -> bool {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let member = (raise.room, raise.marks.user);
        if !slots.admit(member) {
            return false;
        }
        let Some(slot) = slots.slots.get_mut(&member) else { return false };
        let waiting = slot.raise.get_or_insert(raise);
        waiting.marks.delivered = waiting.marks.delivered.max(raise.marks.delivered);
        waiting.marks.read = waiting.marks.read.max(raise.marks.read);
        true
    }

    /// Takes the due marks, and drops idle slots with nothing to write.
    fn due(&self, every: Duration, now: Instant) -> Vec<Raise> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Slots { slots, of_user } = &mut *slots;
        let mut due = Vec::new();
        slots.retain(|(_, user), slot| {
            let every = if slot.large { every * LARGE_TIMES } else { every };
            let rested = slot.written.is_none_or(|at| now.duration_since(at) >= every);
            if rested && let Some(raise) = slot.raise.take() {
                slot.written = Some(now);
                due.push(raise);
                return true;
            }
            let keep = slot.raise.is_some() || !rested;
            if !keep && let Some(count) = of_user.get_mut(user) {
                *count -= 1;
                if *count == 0 {
                    of_user.remove(user);
                }
            }
            keep
        });
        // Always in the same order, so that two nodes that write the same rows do not deadlock.
        due.sort_by_key(|raise| (raise.room, raise.marks.user));
        due
    }

    /// Records how many members the room has.
    fn sized(&self, room: RoomId, user: UserId, members: u32) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.slots.get_mut(&(room, user)) {
            slot.large = members as usize > MARKS_MEMBERS_MAX;
        }
    }

    /// Writes all pending marks at once, before the node leaves.
    pub(super) async fn write(&self, node: &Node) {
        write(node, self.due(Duration::ZERO, Instant::now())).await;
    }
}

/// Writes due marks periodically.
pub(super) async fn run(node: Arc<Node>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let due = node.marks.due(node.tuning.marks, Instant::now());
        if !due.is_empty() {
            let writer = node.clone();
            node.attempt("the writing of marks", async move { write(&writer, due).await }).await;
        }
    }
}

async fn write(node: &Node, due: Vec<Raise>) {
    for batch in due.chunks(BATCH) {
        match node.store.raise_marks(batch).await {
            Ok(raised) => raised.into_iter().for_each(|raised| publish(node, raised)),
            Err(e) => {
                tracing::warn!(error = %e, "could not write marks; trying again");
                for raise in batch {
                    if !node.marks.raise(*raise) {
                        tracing::warn!("too many marks wait");
                        return;
                    }
                }
            }
        }
    }
}

/// Publishes to a small room; in a large one, only to the member's own devices.
fn publish(node: &Node, Raised { room, marks, members }: Raised) {
    node.marks.sized(room, marks.user, members);
    node.publish_marks(line(room, marks, members), room, marks);
}

/// The line on which marks are published.
pub(super) fn line(room: RoomId, marks: protocol::Marks, members: u32) -> Line {
    if members as usize <= MARKS_MEMBERS_MAX { Line::Room(room) } else { Line::Person(marks.user) }
}

/// The subject of marks on a line: see [`Kind::Marks`](crate::broker::Kind::Marks).
pub(super) fn subject(line: Line, room: RoomId, marks: protocol::Marks) -> Uuid {
    match line {
        Line::Room(_) => marks.user.0,
        Line::Person(_) | Line::Workspace => room.0,
    }
}

/// Both marks as one number: see [`Kind::Marks`](crate::broker::Kind::Marks).
pub(super) fn progress(marks: protocol::Marks) -> i64 {
    marks.delivered.0 + marks.read.0
}

#[cfg(test)]
mod tests {
    use protocol::Seq;

    use super::*;

    fn raise(room: u128, user: u128) -> Raise {
        let marks = protocol::Marks { user: UserId(Uuid::from_u128(user)), delivered: Seq(1), read: Seq(1) };
        Raise { room: RoomId(Uuid::from_u128(room)), marks }
    }

    #[test]
    fn one_person_takes_only_so_many_slots_and_gets_them_back() {
        let marks = PendingMarks::default();
        for room in 0..WAITING_PER_USER_MAX as u128 {
            assert!(marks.raise(raise(room, 1)));
        }
        assert!(!marks.raise(raise(1_000_000, 1)), "one more room");
        assert!(marks.raise(raise(0, 1)), "a room that waits already");
        assert!(marks.raise(raise(0, 2)), "somebody else");
        let now = Instant::now();
        assert_eq!(marks.due(Duration::ZERO, now).len(), WAITING_PER_USER_MAX + 1);
        assert!(marks.due(Duration::ZERO, now).is_empty());
        assert!(marks.raise(raise(1_000_000, 1)), "the others have been written and have rested");
        let slots = marks.0.lock().unwrap();
        assert_eq!((slots.slots.len(), slots.of_user.len()), (1, 1));
    }
}
