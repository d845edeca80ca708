//! Buckets of attempts that refill over time, and to which an attempt can be given back.
//!
//! `governor` does not offer that, and a limit on *failed* attempts needs it. An attempt is taken
//! before the password is hashed, because otherwise many could run at once before the first one
//! fails. It is given back if it does not fail.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use protocol::{ErrorCode, Refusal};

const MINUTE: Duration = Duration::from_secs(60);

/// A bucket per key, which holds a minute's worth.
pub(super) struct Tries<K> {
    per_min: u32,
    /// When each bucket will be full again. Full buckets need no entry.
    full_at: Mutex<HashMap<K, Instant>>,
}

/// An attempt that has been taken. It counts unless it is given back.
#[must_use]
pub(super) struct Taken<'a, K: Hash + Eq + Clone> {
    tries: &'a Tries<K>,
    key: K,
}

impl<K: Hash + Eq + Clone> Tries<K> {
    /// Allows `per_min` attempts per minute for each key.
    pub(super) fn new(per_min: u32) -> Self {
        Self { per_min: per_min.max(1), full_at: Mutex::default() }
    }

    /// Takes an attempt.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`], with the time until the next one.
    pub(super) fn take(&self, key: K) -> Result<Taken<'_, K>, Refusal> {
        self.take_at(key, Instant::now())
    }

    fn take_at(&self, key: K, now: Instant) -> Result<Taken<'_, K>, Refusal> {
        let mut full_at = self.lock();
        let before = full_at.get(&key).copied().unwrap_or(now).max(now);
        let after = before + self.interval();
        let too_early = after.saturating_duration_since(now).saturating_sub(MINUTE);
        if !too_early.is_zero() {
            // Rounded up, so that a client that waits this long is not refused again.
            let retry_ms = u32::try_from(too_early.as_millis()).unwrap_or(u32::MAX).saturating_add(1);
            return Err(Refusal::new(ErrorCode::SlowDown).retry_ms(retry_ms));
        }
        full_at.insert(key.clone(), after);
        Ok(Taken { tries: self, key })
    }

    /// Discards full buckets.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        let mut full_at = self.lock();
        full_at.retain(|_, full_at| *full_at > now);
        full_at.shrink_to_fit();
    }

    /// How long one attempt takes to refill. A whole bucket never takes longer than a minute.
    fn interval(&self) -> Duration {
        MINUTE / self.per_min
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Instant>> {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Clone> Taken<'_, K> {
    /// The attempt does not count.
    pub(super) fn give_back(self) {
        let mut full_at = self.tries.lock();
        if let Some(full_at) = full_at.get_mut(&self.key) {
            *full_at -= self.tries.interval();
        }
    }

    /// The attempt counts.
    pub(super) fn keep(self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_a_minutes_worth_for_each_key() {
        let tries = Tries::new(3);
        for _ in 0..3 {
            tries.take("ana").unwrap().keep();
        }
        let Err(refusal) = tries.take("ana") else { panic!("a fourth") };
        assert_eq!(refusal.code, ErrorCode::SlowDown);
        assert!((1..=20_001).contains(&refusal.retry_ms.unwrap()), "{refusal:?}");
        tries.take("bea").unwrap().keep();
    }

    #[test]
    fn whoever_waits_as_long_as_they_were_told_may_try_again() {
        let (tries, now) = (Tries::new(7), Instant::now());
        for _ in 0..7 {
            tries.take_at((), now).unwrap().keep();
        }
        let Err(refusal) = tries.take_at((), now) else { panic!("an eighth") };
        let later = now + Duration::from_millis(refusal.retry_ms.unwrap().into());
        tries.take_at((), later).unwrap().keep();
        assert!(tries.take_at((), later).is_err(), "one came back, not two");
    }

    #[test]
    fn what_is_given_back_was_never_taken() {
        let tries = Tries::new(2);
        for _ in 0..10 {
            tries.take(()).unwrap().give_back();
        }
        tries.take(()).unwrap().keep();
        let last = tries.take(()).unwrap();
        assert!(tries.take(()).is_err(), "while a try is under way it counts");
        last.give_back();
        tries.take(()).unwrap().keep();
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let tries = Tries::new(2);
        tries.take("ana").unwrap().give_back();
        tries.take("bea").unwrap().keep();
        tries.sweep();
        assert_eq!(tries.lock().keys().collect::<Vec<_>>(), [&"bea"]);
    }
}
