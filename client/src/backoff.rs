//! The wait before reconnecting.

/// The longest wait starts at this many milliseconds …
const BASE_MS: u32 = 500;
/// … and grows up to this.
const CAP_MS: u32 = 20_000;

/// Exponential backoff with full jitter: the wait is uniform between zero and a bound that doubles.
/// When a server dies, its clients then reconnect spread out, not in waves (Brooker, «Exponential
/// Backoff And Jitter», 2015).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    tries: u32,
}

impl Backoff {
    /// The wait before the next attempt, in milliseconds. `random` is uniform in 0..1.
    pub fn next_ms(&mut self, random: f64) -> u32 {
        let bound = BASE_MS.saturating_mul(1 << self.tries.min(16)).min(CAP_MS);
        self.tries = self.tries.saturating_add(1);
        (f64::from(bound) * random.clamp(0.0, 1.0)) as u32
    }

    /// The wait if a server has said how long to wait: that time plus the random wait, so that
    /// clients that were told the same time do not all reconnect at once.
    pub fn next_after_ms(&mut self, told_ms: u32, random: f64) -> u32 {
        told_ms.saturating_add(self.next_ms(random))
    }

    /// A connection was opened: the next wait is short again.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// How many attempts have failed in a row.
    #[must_use]
    pub fn tries(&self) -> u32 {
        self.tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_from_half_a_second_to_twenty() {
        let mut backoff = Backoff::default();
        let bounds: Vec<u32> = (0..8).map(|_| backoff.next_ms(1.0)).collect();
        assert_eq!(bounds, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]);
        backoff.reset();
        assert_eq!(backoff.next_ms(0.5), 250);
    }

    #[test]
    fn who_is_told_to_wait_again_and_again_waits_longer_each_time() {
        let mut backoff = Backoff::default();
        let waits: Vec<u32> = (0..4).map(|_| backoff.next_after_ms(2_000, 1.0)).collect();
        assert_eq!(waits, [2_500, 3_000, 4_000, 6_000]);
        assert_eq!(Backoff::default().next_after_ms(2_000, 0.0), 2_000);
    }
}
