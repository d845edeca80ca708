//! Waiting for a dependency that starts later than this server.

use std::{fmt::Display, time::Duration};

use tokio::time::{Instant, sleep};

/// The pause after the first attempt; each later one is twice as long …
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// … up to this. From then on the log says what is being waited for.
const PAUSE_MAX: Duration = Duration::from_millis(800);

/// Retries for at most `timeout`, while the error is one that may pass. Logs that it is waiting
/// unless it takes only a moment.
///
/// # Errors
/// That of the last attempt, or the first one that does not pass.
pub async fn until<T, E: Display>(
    setting: &str,
    timeout: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
    is_passing: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let deadline = Instant::now() + timeout;
    let mut pause = PAUSE_MIN;
    loop {
        let e = match attempt().await {
            Ok(done) => return Ok(done),
            Err(e) => e,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if !is_passing(&e) || left.is_zero() {
            return Err(e);
        }
        if pause == PAUSE_MAX {
            tracing::warn!("{setting}: {e}; trying again for {} s", left.as_secs().max(1));
        }
        sleep(pause.min(left)).await;
        pause = PAUSE_MAX.min(pause * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_comes_late_is_waited_for() {
        let mut tries = 0;
        let attempt = || {
            tries += 1;
            let result = if tries == 3 { Ok(()) } else { Err("refused") };
            async move { result }
        };
        assert_eq!(until("X", Duration::from_secs(5), attempt, |_| true).await, Ok(()));
        assert_eq!(tries, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_comes_is_given_up_and_what_never_passes_at_once() {
        let (began, mut tries) = (Instant::now(), 0);
        let mut attempt = || {
            tries += 1;
            async { Err::<(), _>("refused") }
        };
        assert_eq!(until("X", Duration::from_secs(5), &mut attempt, |_| true).await, Err("refused"));
        assert_eq!(began.elapsed(), Duration::from_secs(5));
        let before = tries;
        let mut attempt = || {
            tries += 1;
            async { Err::<(), _>("wrong password") }
        };
        assert_eq!(until("X", Duration::from_secs(5), &mut attempt, |_| false).await, Err("wrong password"));
        assert_eq!(tries, before + 1);
    }
}
