//! How often someone may try: a bucket that fills again, for each address or account.
//!
//! Each node counts for itself: behind N nodes one may try N times as often. These limits keep guessing expensive; they
//! need not be exact.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use protocol::{ErrorCode, Handle, Refusal};

use crate::config::Config;

/// How often buckets that are full again are forgotten.
const SWEEP: Duration = Duration::from_secs(60);

/// The buckets.
pub struct Limits {
    sign_ins: PerMinute<IpAddr>,
    accounts: PerMinute<String>,
    sign_ups: PerMinute<IpAddr>,
    sockets: PerMinute<IpAddr>,
}

impl Limits {
    /// As the settings say.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            sign_ins: PerMinute::new(config.sign_ins_per_min),
            accounts: PerMinute::new(config.sign_ins_per_account_per_min),
            sign_ups: PerMinute::new(config.sign_ups_per_min),
            sockets: PerMinute::new(config.sockets_per_min),
        }
    }

    /// Counts a sign-in, for the address and for the account.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`].
    pub fn check_sign_in(&self, address: IpAddr, handle: &str) -> Result<(), Refusal> {
        self.sign_ins.check(&network(address))?;
        match Handle::parse(handle) {
            Ok(handle) => self.accounts.check(&handle.into_string()),
            // Nobody's account: the address has been counted.
            Err(_) => Ok(()),
        }
    }

    /// Counts a sign-up, or the look at an invitation.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`].
    pub fn check_sign_up(&self, address: IpAddr) -> Result<(), Refusal> {
        self.sign_ups.check(&network(address))
    }

    /// Counts a socket that is opened.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`].
    pub fn check_socket(&self, address: IpAddr) -> Result<(), Refusal> {
        self.sockets.check(&network(address))
    }

    /// Forgets full buckets again and again. Ends when it is dropped.
    pub async fn sweep(&self) {
        let mut ticks = tokio::time::interval(SWEEP);
        loop {
            ticks.tick().await;
            self.sign_ins.sweep();
            self.accounts.sweep();
            self.sign_ups.sweep();
            self.sockets.sweep();
        }
    }
}

/// Someone with IPv6 has a whole /64 to come from: it is counted as one address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// A bucket for each key, which holds a minute's worth.
struct PerMinute<K: Hash + Eq + Clone>(DefaultKeyedRateLimiter<K>);

impl<K: Hash + Eq + Clone> PerMinute<K> {
    fn new(tries: u32) -> Self {
        Self(RateLimiter::keyed(Quota::per_minute(NonZeroU32::new(tries).unwrap_or(NonZeroU32::MIN))))
    }

    fn check(&self, key: &K) -> Result<(), Refusal> {
        self.0.check_key(key).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            // Rounded up: who waits as long as they were told is not refused again.
            let retry_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).saturating_add(1);
            Refusal::new(ErrorCode::SlowDown).retry_ms(retry_ms)
        })
    }

    fn sweep(&self) {
        self.0.retain_recent();
        self.0.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_a_minutes_worth_for_each_key() {
        let bucket = PerMinute::new(3);
        for _ in 0..3 {
            bucket.check(&"ana").unwrap();
        }
        let refusal = bucket.check(&"ana").unwrap_err();
        assert_eq!(refusal.code, ErrorCode::SlowDown);
        assert!((1..=20_001).contains(&refusal.retry_ms.unwrap()), "{refusal:?}");
        bucket.check(&"bea").unwrap();
    }

    #[test]
    fn an_address_is_its_network() {
        let network = |text: &str| super::network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
    }
}
