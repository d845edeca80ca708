//! Rate limits for attempts.
//!
//! **Signing in.** Only *failures* count: per account from one address, and per address. There is
//! no limit per account alone. Otherwise, anyone who knows a handle could lock its owner out, from
//! anywhere and for as long as they like. This way they lock out only themselves and those who
//! share their address. Three limits keep guessing slow: per account and address, per address, and
//! the number of passwords that a server hashes at once for everyone
//! ([`Hasher`](crate::account::Hasher)). A correct password costs no attempt, so a whole class can
//! sign in from one address.
//!
//! **Signing up.** A valid invitation link limits its own uses, so sign-ups by link do not count
//! per address: a whole class behind one address can use one link. Refused forms count per link, so
//! that nobody can use it to find out which handles are taken. All other sign-ups count per
//! address, even if they succeed.
//!
//! Each node counts for itself: behind N nodes, N times as many attempts are possible. These limits
//! keep guessing expensive; they need not be exact.

use std::{hash::Hash, net::IpAddr, time::Duration};

use protocol::{Handle, Refusal};

use super::{
    network::{Network, SITE_TIMES},
    tries::{Taken, Tries},
};
use crate::config::Config;

/// How often full buckets are discarded.
const SWEEP: Duration = Duration::from_secs(60);
/// Refused forms per minute for one invitation link: enough for a class that mistypes.
const REFUSED_BY_LINK_PER_MIN: u32 = 120;

/// The buckets.
pub struct RateLimits {
    sign_ins: PerAddress<()>,
    accounts: PerAddress<String>,
    sign_ups: PerAddress<()>,
    invited: Tries<[u8; 32]>,
    sockets: PerAddress<()>,
}

/// A sign-in attempt in progress. It counts as failed unless it is given back.
#[must_use]
pub struct SignInTry<'a> {
    address: Vec<Taken<'a, (Network, ())>>,
    account: Vec<Taken<'a, (Network, String)>>,
}

/// A sign-up in progress by a valid invitation link. It counts as refused unless it is given back.
#[must_use]
pub struct InvitedTry<'a>(Taken<'a, [u8; 32]>);

impl RateLimits {
    /// Creates the buckets from the settings.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            sign_ins: PerAddress::new(config.sign_ins_per_min),
            accounts: PerAddress::new(config.sign_ins_per_account_per_min),
            sign_ups: PerAddress::new(config.sign_ups_per_min),
            invited: Tries::new(REFUSED_BY_LINK_PER_MIN),
            sockets: PerAddress::new(config.sockets_per_min),
        }
    }

    /// Counts a sign-in attempt, for the address, and for the account from this address. Give it
    /// back if it does not fail.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`](protocol::ErrorCode::SlowDown).
    pub fn try_sign_in(&self, address: IpAddr, handle: &str) -> Result<SignInTry<'_>, Refusal> {
        let by_address = self.sign_ins.take(address, ())?;
        let by_account = match Handle::parse(handle) {
            Ok(handle) => self.accounts.take(address, handle.into_string()),
            // No account has such a handle. The address still counts.
            Err(_) => Ok(Vec::new()),
        };
        match by_account {
            Ok(account) => Ok(SignInTry { address: by_address, account }),
            // No password will be compared, so this does not count for the address.
            Err(refusal) => {
                by_address.into_iter().for_each(Taken::give_back);
                Err(refusal)
            }
        }
    }

    /// Counts a sign-up without an invitation, or an attempt with an invalid link.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`](protocol::ErrorCode::SlowDown).
    pub fn check_sign_up(&self, address: IpAddr) -> Result<(), Refusal> {
        self.sign_ups.take(address, ())?.into_iter().for_each(Taken::keep);
        Ok(())
    }

    /// Counts a sign-up by a valid invitation link with this hash. Give it back if it is not
    /// refused.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`](protocol::ErrorCode::SlowDown).
    pub fn try_invited(&self, link_hash: [u8; 32]) -> Result<InvitedTry<'_>, Refusal> {
        self.invited.take(link_hash).map(InvitedTry)
    }

    /// Counts the opening of a socket.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`](protocol::ErrorCode::SlowDown).
    pub fn check_socket(&self, address: IpAddr) -> Result<(), Refusal> {
        self.sockets.take(address, ())?.into_iter().for_each(Taken::keep);
        Ok(())
    }

    /// Discards full buckets periodically, until dropped.
    pub async fn sweep(&self) {
        let mut ticks = tokio::time::interval(SWEEP);
        loop {
            ticks.tick().await;
            self.sign_ins.sweep();
            self.accounts.sweep();
            self.sign_ups.sweep();
            self.invited.sweep();
            self.sockets.sweep();
        }
    }
}

impl SignInTry<'_> {
    /// The password was right, or was not compared.
    pub fn give_back(self) {
        self.address.into_iter().for_each(Taken::give_back);
        self.account.into_iter().for_each(Taken::give_back);
    }
}

impl InvitedTry<'_> {
    /// The sign-up succeeded.
    pub fn give_back(self) {
        self.0.give_back();
    }
}

/// Attempts by address: per network, and with a larger limit per site.
struct PerAddress<K> {
    networks: Tries<(Network, K)>,
    sites: Tries<(Network, K)>,
}

impl<K: Hash + Eq + Clone> PerAddress<K> {
    fn new(per_min: u32) -> Self {
        Self { networks: Tries::new(per_min), sites: Tries::new(per_min.saturating_mul(SITE_TIMES)) }
    }

    fn take(&self, address: IpAddr, key: K) -> Result<Vec<Taken<'_, (Network, K)>>, Refusal> {
        let network = self.networks.take((Network::of(address), key.clone()))?;
        let Some(site) = Network::site_of(address) else { return Ok(vec![network]) };
        match self.sites.take((site, key)) {
            Ok(site) => Ok(vec![network, site]),
            Err(refusal) => {
                network.give_back();
                Err(refusal)
            }
        }
    }

    fn sweep(&self) {
        self.networks.sweep();
        self.sites.sweep();
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn limits(settings: &[&str]) -> RateLimits {
        let args = ["server", "--database-url=postgres://localhost/x"].iter().chain(settings);
        RateLimits::new(&Config::parse_args(args.map(OsString::from)).unwrap())
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_64_is_one_address_and_a_48_is_bounded_too() {
        let limits = limits(&["--sign-ups-per-min=2"]);
        let mut let_in = 0;
        for subnet in 0..100 {
            for host in 1..=3 {
                let address = IpAddr::from([0x2001, 0xdb8, 1, subnet, 0, 0, 0, host]);
                let_in += u32::from(limits.check_sign_up(address).is_ok());
            }
        }
        assert_eq!(let_in, 2 * SITE_TIMES);
        limits.check_sign_up(address("2001:db8:2::1")).unwrap();
        limits.check_sign_up(address("192.0.2.1")).unwrap();
    }

    #[test]
    fn a_sign_in_that_is_refused_for_its_account_does_not_count_for_the_address() {
        let limits = limits(&["--sign-ins-per-min=3", "--sign-ins-per-account-per-min=1"]);
        let here = address("192.0.2.1");
        let _failed = limits.try_sign_in(here, "ana").unwrap();
        for _ in 0..5 {
            assert!(limits.try_sign_in(here, "@Ana").is_err());
        }
        let _failed = limits.try_sign_in(here, "bea").unwrap();
        let _failed = limits.try_sign_in(here, "cem").unwrap();
        assert!(limits.try_sign_in(here, "dan").is_err());
    }
}
