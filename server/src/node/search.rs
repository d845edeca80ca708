//! What this node does for search: it remembers the rooms with new words, and limits concurrent searches.
//!
//! The rooms are only a hint for [`crate::jobs`], so that new words are indexed at once. If this node ends first, or there are too
//! many rooms, the cursors of the index still find them (`store/search.rs`).

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use protocol::{ErrorCode, Refusal, RoomId};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::Node;

/// Rooms that are remembered.
const ROOMS_MAX: usize = 10_000;
/// How long a search waits for others.
const WAIT: Duration = Duration::from_secs(2);
/// The retry time of a search that waited too long, in milliseconds.
const RETRY_MS: u32 = 2_000;

/// The rooms with new words.
#[derive(Debug, Default)]
pub struct NewWords {
    rooms: Mutex<HashSet<RoomId>>,
    added: Notify,
}

impl NewWords {
    pub(super) fn add(&self, room: RoomId) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() < ROOMS_MAX && rooms.insert(room) {
            drop(rooms);
            self.added.notify_one();
        }
    }

    /// Waits until there are some, but at most for `pause`, and takes them.
    pub async fn take(&self, pause: Duration) -> HashSet<RoomId> {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.added.notified() => {}
        }
        std::mem::take(&mut *self.rooms.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Limits concurrent searches: each may occupy the database for two seconds.
#[derive(Debug)]
pub struct SearchLimit(Arc<Semaphore>);

/// The permission to search, until it is dropped.
#[derive(Debug)]
pub struct SearchPermit(
    #[expect(dead_code, reason = "it is held, and frees its slot when dropped")] OwnedSemaphorePermit,
);

impl SearchLimit {
    /// At most a quarter of the database connections search.
    pub(super) fn new(connections: u32) -> Self {
        Self(Arc::new(Semaphore::new((connections as usize / 4).max(1))))
    }
}

impl Node {
    /// Waits until a search may begin.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when too many others take too long.
    pub async fn search_permit(&self) -> Result<SearchPermit, Refusal> {
        match tokio::time::timeout(WAIT, Arc::clone(&self.searches.0).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(SearchPermit(permit)),
            Ok(Err(_)) | Err(_) => Err(Refusal::new(ErrorCode::Busy).retry_ms(RETRY_MS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rooms_are_taken_once_and_at_once() {
        let (new, room) = (NewWords::default(), RoomId(uuid::Uuid::from_u128(1)));
        new.add(room);
        new.add(room);
        let began = tokio::time::Instant::now();
        assert_eq!(new.take(Duration::from_secs(60)).await.len(), 1);
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(new.take(Duration::from_secs(1)).await.len(), 0);
    }
}
