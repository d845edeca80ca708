//! Limits how many connections this node greets at once.
//!
//! A greeting (the answer to `hello`) queries everything that a person has. When a thousand
//! browsers reconnect together, a few are greeted at a time, so that sends still get database
//! connections, and the others wait in line. A connection that waits too long is refused with a
//! retry time. Its browser then waits longer each time, instead of repeating the query to a slow
//! database.
//!
//! Law: a permit is held until the greeting has really ended, even if its connection is gone or was
//! told that it takes too long, because the database is still working on it.

use std::{sync::Arc, time::Duration};

use protocol::{ErrorCode, Refusal, limits::HELLO_WAIT_MS};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Node;

/// The retry time for a browser that was not greeted, in milliseconds. It adds a random wait of its
/// own.
const RETRY_MS: u32 = 2_000;

/// See the module.
#[derive(Debug)]
pub struct GreetingLimit {
    free: Arc<Semaphore>,
    wait: Duration,
}

/// The permission to greet one connection, until it is dropped.
#[derive(Debug)]
pub struct GreetingPermit(
    #[expect(dead_code, reason = "it is held, and frees its slot when dropped")] OwnedSemaphorePermit,
);

impl GreetingLimit {
    /// At most half of the database connections greet at once. Nobody waits longer than half of a
    /// command's timeout.
    pub(super) fn new(connections: u32, command: Duration) -> Self {
        let free = Arc::new(Semaphore::new((connections as usize / 2).max(1)));
        Self { free, wait: Duration::from_millis(HELLO_WAIT_MS.into()).min(command / 2) }
    }

    async fn acquire(&self) -> Result<GreetingPermit, Refusal> {
        match tokio::time::timeout(self.wait, Arc::clone(&self.free).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(GreetingPermit(permit)),
            Ok(Err(_)) | Err(_) => Err(Refusal::new(ErrorCode::Busy).retry_ms(RETRY_MS)),
        }
    }
}

impl Node {
    /// Waits until a connection may be greeted.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when no permit becomes free in time.
    pub async fn greeting_permit(&self) -> Result<GreetingPermit, Refusal> {
        self.greetings.acquire().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn half_of_the_connections_greet_and_the_next_one_waits_for_a_while() {
        let limit = GreetingLimit::new(4, Duration::from_secs(10));
        let (first, _second) = (limit.acquire().await.unwrap(), limit.acquire().await.unwrap());
        let refusal = limit.acquire().await.unwrap_err();
        assert_eq!((refusal.code, refusal.retry_ms), (ErrorCode::Busy, Some(RETRY_MS)));
        let (third, ()) = tokio::join!(limit.acquire(), async { drop(first) });
        third.unwrap();
    }

    #[tokio::test]
    async fn one_connection_greets_one() {
        GreetingLimit::new(1, Duration::from_secs(10)).acquire().await.unwrap();
    }
}
