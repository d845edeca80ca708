//! Limits how many sockets a person, and an address, may have open on this node. As in all limits,
//! addresses are counted by [`Network`], and by the site around it with a larger limit.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use protocol::UserId;

use super::network::{Network, SITE_TIMES};

/// See the module.
#[derive(Debug)]
pub struct ConnectionLimit {
    users: Arc<Count<UserId>>,
    networks: Arc<Count<Network>>,
    sites: Arc<Count<Network>>,
}

#[derive(Debug)]
struct Count<K: Eq + Hash> {
    most: u32,
    open: Mutex<HashMap<K, u32>>,
}

/// One slot of a count, released on drop.
#[derive(Debug)]
struct Slot<K: Eq + Hash + Copy> {
    count: Arc<Count<K>>,
    key: K,
}

/// The permission to have one more socket open, while it is held.
#[derive(Debug)]
pub struct ConnectionPermit {
    _user: Slot<UserId>,
    _network: Slot<Network>,
    _site: Option<Slot<Network>>,
}

impl ConnectionLimit {
    /// Creates a limit per person and per address.
    #[must_use]
    pub fn new(per_user: u32, per_address: u32) -> Self {
        let per_site = per_address.saturating_mul(SITE_TIMES);
        let count = |most| Arc::new(Count::new(most));
        Self { users: Arc::new(Count::new(per_user)), networks: count(per_address), sites: count(per_site) }
    }

    /// Takes a slot for one more socket; `None` if there are too many.
    #[must_use]
    pub fn acquire(&self, user: UserId, address: IpAddr) -> Option<ConnectionPermit> {
        let user = Count::acquire(&self.users, user)?;
        let network = Count::acquire(&self.networks, Network::of(address))?;
        let site = match Network::site_of(address) {
            Some(site) => Some(Count::acquire(&self.sites, site)?),
            None => None,
        };
        Some(ConnectionPermit { _user: user, _network: network, _site: site })
    }
}

impl<K: Eq + Hash + Copy> Count<K> {
    fn new(most: u32) -> Self {
        Self { most, open: Mutex::default() }
    }

    fn acquire(this: &Arc<Self>, key: K) -> Option<Slot<K>> {
        let mut open = this.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.get(&key).copied().unwrap_or_default();
        if count >= this.most {
            return None;
        }
        open.insert(key, count + 1);
        Some(Slot { count: Arc::clone(this), key })
    }
}

impl<K: Eq + Hash + Copy> Drop for Slot<K> {
    fn drop(&mut self) {
        let mut open = self.count.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_person_and_each_address_has_so_many_and_gets_them_back() {
        let limit = ConnectionLimit::new(2, 3);
        let (ana, bea) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let first = limit.acquire(ana, here).unwrap();
        let _second = limit.acquire(ana, here).unwrap();
        assert!(limit.acquire(ana, there).is_none(), "a third socket of one person");
        let _third = limit.acquire(bea, here).unwrap();
        assert!(limit.acquire(bea, here).is_none(), "a fourth socket of one address");
        drop(first);
        assert!(limit.acquire(bea, here).is_some());
        assert!(limit.acquire(ana, there).is_some(), "what was refused has taken no slot");
    }

    #[test]
    fn the_addresses_of_one_64_are_one_and_a_48_is_bounded_too() {
        let limit = ConnectionLimit::new(1_000, 2);
        let mut permits = Vec::new();
        for n in 0..200 {
            let host = IpAddr::from([0x2001, 0xdb8, 1, 1, 0, 0, 0, n]);
            permits.extend(limit.acquire(UserId(Uuid::from_u128(n.into())), host));
        }
        assert_eq!(permits.len(), 2, "of one /64");
        for n in 0..200 {
            let host = IpAddr::from([0x2001, 0xdb8, 1, n, 0, 0, 0, 1]);
            permits.extend(limit.acquire(UserId(Uuid::from_u128(n.into())), host));
        }
        assert_eq!(permits.len(), 2 * SITE_TIMES as usize, "of one /48");
        permits.clear();
        assert!(
            limit.networks.open.lock().unwrap().is_empty() && limit.sites.open.lock().unwrap().is_empty()
        );
    }
}
