//! The only place that reads the system time.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use protocol::Millis;

/// The time, for display and for expiry. Nothing is ordered by it.
#[derive(Debug, Default)]
pub struct Clock {
    /// Milliseconds added to the machine's clock, to simulate a wrong clock in tests.
    offset_ms: AtomicI64,
}

impl Clock {
    /// Now, in milliseconds since 1970 UTC.
    #[must_use]
    pub fn now(&self) -> Millis {
        #[expect(clippy::disallowed_methods, reason = "only here")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis())
            .unwrap_or(i64::MAX)
            .saturating_add(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Makes this clock wrong by `offset_ms`.
    pub fn set_offset_ms(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }
}
