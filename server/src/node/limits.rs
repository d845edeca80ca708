//! How much one person may do at once, on this node.

use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};
use protocol::{ErrorCode, Refusal, UserId};

/// See the module.
#[derive(Debug)]
pub struct Limits {
    sends: DefaultKeyedRateLimiter<UserId>,
}

impl Limits {
    /// So many sends a second, and so many at once, for each person.
    #[must_use]
    pub fn new(sends_per_s: NonZeroU32, sends_burst: NonZeroU32) -> Self {
        Self { sends: RateLimiter::keyed(Quota::per_second(sends_per_s).allow_burst(sends_burst)) }
    }

    /// Counts a send.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`] with the time to wait.
    pub fn check_send(&self, user: UserId) -> Result<(), Refusal> {
        self.sends.check_key(&user).map_err(|not_until| {
            let wait = not_until.wait_time_from(governor::clock::DefaultClock::default().now());
            let retry_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1);
            Refusal::new(ErrorCode::SlowDown).retry_ms(retry_ms)
        })
    }

    /// Forgets who has rested. Call it from time to time.
    pub fn forget_rested(&self) {
        self.sends.retain_recent();
        self.sends.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_told_to_wait() {
        let limits = Limits::new(NonZeroU32::MIN, NonZeroU32::new(3).unwrap());
        let (ana, bea) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        for _ in 0..3 {
            limits.check_send(ana).unwrap();
        }
        let refusal = limits.check_send(ana).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::SlowDown);
        assert!(refusal.retry_ms.is_some_and(|ms| ms <= 1_000));
        limits.check_send(bea).unwrap();
    }
}
