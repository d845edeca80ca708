//! How many connections this node greets at once.
//!
//! A greeting (the answer to `hello`) asks the database for everything that a person has. When a thousand browsers come back
//! together, a few are greeted at a time, so that sends still find a connection to the database, and the others wait in line.
//! A connection that waits too long is refused with a time to come back: its browser waits longer each time, instead of
//! asking a slow database the same again.
//!
//! Law: a turn lasts until the greeting has really ended, even when its connection is long gone or was told that it takes too
//! long, because the database is still at work on it.

use std::{sync::Arc, time::Duration};

use protocol::{ErrorCode, Refusal, limits::HELLO_TURN_MS};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Node;

/// A browser that was not greeted in time comes back after this many milliseconds and a random wait of its own.
const RETRY_MS: u32 = 2_000;

/// See the module.
#[derive(Debug)]
pub struct Turns {
    free: Arc<Semaphore>,
    wait: Duration,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "it is held, and gives its place back")] OwnedSemaphorePermit);

impl Turns {
    /// At most half of the database's connections greet at once. Nobody waits longer than half of a command's timeout.
    pub(super) fn new(connections: u32, command: Duration) -> Self {
        let free = Arc::new(Semaphore::new((connections as usize / 2).max(1)));
        Self { free, wait: Duration::from_millis(HELLO_TURN_MS.into()).min(command / 2) }
    }

    async fn wait(&self) -> Result<Turn, Refusal> {
        match tokio::time::timeout(self.wait, Arc::clone(&self.free).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Turn(permit)),
            Ok(Err(_)) | Err(_) => Err(Refusal::new(ErrorCode::Busy).retry_ms(RETRY_MS)),
        }
    }
}

impl Node {
    /// Waits for a turn to be greeted.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when the turn does not come in time.
    pub async fn greeting_turn(&self) -> Result<Turn, Refusal> {
        self.turns.wait().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn half_of_the_connections_greet_and_the_next_one_waits_for_a_while() {
        let turns = Turns::new(4, Duration::from_secs(10));
        let (first, _second) = (turns.wait().await.unwrap(), turns.wait().await.unwrap());
        let refusal = turns.wait().await.unwrap_err();
        assert_eq!((refusal.code, refusal.retry_ms), (ErrorCode::Busy, Some(RETRY_MS)));
        let (third, ()) = tokio::join!(turns.wait(), async { drop(first) });
        third.unwrap();
    }

    #[tokio::test]
    async fn one_connection_greets_one() {
        Turns::new(1, Duration::from_secs(10)).wait().await.unwrap();
    }
}
