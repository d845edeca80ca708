//! Keeps the index of words current. See [`crate::store::search`] for the index and its laws.
//!
//! Every node indexes. It knows of new words from the changes that it publishes itself, and indexes them at once, many rooms in one
//! transaction. Every second it also compares a part of all lines with their cursors. This finds what another node left behind, rooms
//! that are older than the index, and everything once the rules have changed. New words come first, but every fourth step is one of the
//! backlog, whose rooms take turns: neither waits for the end of the other. After each step of the backlog the node rests as long as the
//! step took, because others need the database, too.

use std::{
    collections::BTreeSet,
    ops::Bound,
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::RoomId;
use uuid::Uuid;

use crate::{chat::search, node::Node, search::RULES};

/// Rooms in one transaction.
const ROOMS: usize = 50;
/// Numbers of lines in one transaction: about 50 ms of the database, once it is warm.
const NUMBERS: i64 = 500;
/// Lines that are compared with their cursors at once: about 5 ms.
const LINES: i64 = 5_000;
/// Rooms that are remembered as behind. The comparison pauses while there are more.
const BEHIND_MAX: usize = 10_000;
/// While there are new words all the time, one step in so many is of the backlog.
const BACKLOG_EVERY: u32 = 4;
/// New words are indexed together with those of this time.
const GATHER: Duration = Duration::from_millis(100);
/// The pause after a failure.
const FAILED_PAUSE: Duration = Duration::from_secs(1);

/// Starts indexing, until the node leaves.
pub(super) fn start(node: &Arc<Node>) {
    node.run_until_leaving(run(node.clone()));
}

async fn run(node: Arc<Node>) {
    let mut fresh: BTreeSet<RoomId> = BTreeSet::new();
    let mut behind: BTreeSet<RoomId> = BTreeSet::new();
    // After a failure, rooms are indexed one by one for a while, so that one bad room does not stop the others.
    let mut single = 0_usize;
    // Steps with new words since one of the backlog, and the last room that was in one.
    let (mut ahead, mut last) = (0_u32, RoomId(Uuid::nil()));
    // Nodes that start together begin at different places.
    let mut sweep = Sweep { after: Uuid::new_v4(), at: Instant::now() };
    loop {
        let is_idle = fresh.is_empty() && behind.is_empty();
        let pause = if is_idle { sweep.pause(&node) } else { Duration::ZERO };
        fresh.extend(node.new_words.take(pause).await);
        let is_fresh = !fresh.is_empty() && (behind.is_empty() || ahead + 1 < BACKLOG_EVERY);
        let count = if single > 0 { 1 } else { ROOMS };
        let rooms: Vec<RoomId> = if is_fresh {
            ahead = ahead.saturating_add(1);
            fresh.iter().take(count).copied().collect()
        } else {
            ahead = 0;
            let rooms = in_turn(&behind, last, count);
            last = rooms.last().copied().unwrap_or(last);
            rooms
        };
        single = single.saturating_sub(1);
        let began = Instant::now();
        if !rooms.is_empty() {
            for room in &rooms {
                fresh.remove(room);
                behind.remove(room);
            }
            match step(&node, &rooms).await {
                Some(left) => behind.extend(left),
                // The comparison finds them again.
                None => {
                    single = ROOMS;
                    tokio::time::sleep(FAILED_PAUSE).await;
                }
            }
        }
        if sweep.pause(&node).is_zero() && behind.len() < BEHIND_MAX {
            behind.extend(sweep.next(&node).await);
        }
        tokio::time::sleep(if is_fresh { GATHER } else { began.elapsed() }).await;
    }
}

/// The next rooms after the last one, and then from the first on.
fn in_turn(rooms: &BTreeSet<RoomId>, last: RoomId, count: usize) -> Vec<RoomId> {
    let next = rooms.range((Bound::Excluded(last), Bound::Unbounded));
    next.chain(rooms.range(..=last)).take(count).copied().collect()
}

/// One transaction. Returns the rooms with something left to do.
async fn step(node: &Arc<Node>, rooms: &[RoomId]) -> Option<Vec<RoomId>> {
    let (doing, rooms) = (node.clone(), rooms.to_vec());
    let work = async move { search::index(&doing, &rooms, NUMBERS).await };
    match node.within_timeout("indexing", work).await {
        Ok(Ok(indexed)) => {
            node.metrics.indexed.inc_by(indexed.messages as u64);
            Some(indexed.left)
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "messages were not indexed; this is tried again");
            None
        }
        Err(unfinished) => {
            unfinished.log("indexing");
            None
        }
    }
}

/// Where the comparison of all lines with their cursors is.
struct Sweep {
    after: Uuid,
    at: Instant,
}

impl Sweep {
    fn pause(&self, node: &Node) -> Duration {
        node.tuning().index_check.saturating_sub(self.at.elapsed())
    }

    async fn next(&mut self, node: &Arc<Node>) -> Vec<RoomId> {
        self.at = Instant::now();
        let (store, after) = (node.store.clone(), self.after);
        let asked = async move { store.sweep_index(after, LINES, RULES).await };
        match node.within_timeout("comparing the index", asked).await {
            Ok(Ok(swept)) => {
                self.after = swept.through.unwrap_or_default();
                swept.behind
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the index was not compared with the lines");
                Vec::new()
            }
            Err(unfinished) => {
                unfinished.log("comparing the index");
                Vec::new()
            }
        }
    }
}
