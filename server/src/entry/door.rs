//! How many sockets one person, and one address, has open on this node. Addresses are counted as in all limits: by
//! [`Network`], and by the site around it with a larger bound.

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
pub struct Door {
    users: Arc<Count<UserId>>,
    networks: Arc<Count<Network>>,
    sites: Arc<Count<Network>>,
}

#[derive(Debug)]
struct Count<K: Eq + Hash> {
    most: u32,
    open: Mutex<HashMap<K, u32>>,
}

/// One place in a count, given back when it is dropped.
#[derive(Debug)]
struct Place<K: Eq + Hash + Copy> {
    count: Arc<Count<K>>,
    key: K,
}

/// The right to have one more socket, while it is held.
#[derive(Debug)]
pub struct Ticket {
    _user: Place<UserId>,
    _network: Place<Network>,
    _site: Option<Place<Network>>,
}

impl Door {
    /// So many sockets for one person, and so many for one address.
    #[must_use]
    pub fn new(per_user: u32, per_address: u32) -> Self {
        let per_site = per_address.saturating_mul(SITE_TIMES);
        let count = |most| Arc::new(Count::new(most));
        Self { users: Arc::new(Count::new(per_user)), networks: count(per_address), sites: count(per_site) }
    }

    /// One more socket; `None` when there are too many.
    #[must_use]
    pub fn enter(&self, user: UserId, address: IpAddr) -> Option<Ticket> {
        let user = Count::enter(&self.users, user)?;
        let network = Count::enter(&self.networks, Network::of(address))?;
        let site = match Network::site_of(address) {
            Some(site) => Some(Count::enter(&self.sites, site)?),
            None => None,
        };
        Some(Ticket { _user: user, _network: network, _site: site })
    }
}

impl<K: Eq + Hash + Copy> Count<K> {
    fn new(most: u32) -> Self {
        Self { most, open: Mutex::default() }
    }

    fn enter(this: &Arc<Self>, key: K) -> Option<Place<K>> {
        let mut open = this.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.get(&key).copied().unwrap_or_default();
        if count >= this.most {
            return None;
        }
        open.insert(key, count + 1);
        Some(Place { count: Arc::clone(this), key })
    }
}

impl<K: Eq + Hash + Copy> Drop for Place<K> {
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
        let door = Door::new(2, 3);
        let (ana, bea) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let first = door.enter(ana, here).unwrap();
        let _second = door.enter(ana, here).unwrap();
        assert!(door.enter(ana, there).is_none(), "a third socket of one person");
        let _third = door.enter(bea, here).unwrap();
        assert!(door.enter(bea, here).is_none(), "a fourth socket of one address");
        drop(first);
        assert!(door.enter(bea, here).is_some());
        assert!(door.enter(ana, there).is_some(), "what was refused has taken no place");
    }

    #[test]
    fn the_addresses_of_one_64_are_one_and_a_48_is_bounded_too() {
        let door = Door::new(1_000, 2);
        let mut tickets = Vec::new();
        for n in 0..200 {
            let host = IpAddr::from([0x2001, 0xdb8, 1, 1, 0, 0, 0, n]);
            tickets.extend(door.enter(UserId(Uuid::from_u128(n.into())), host));
        }
        assert_eq!(tickets.len(), 2, "of one /64");
        for n in 0..200 {
            let host = IpAddr::from([0x2001, 0xdb8, 1, n, 0, 0, 0, 1]);
            tickets.extend(door.enter(UserId(Uuid::from_u128(n.into())), host));
        }
        assert_eq!(tickets.len(), 2 * SITE_TIMES as usize, "of one /48");
        tickets.clear();
        assert!(door.networks.open.lock().unwrap().is_empty() && door.sites.open.lock().unwrap().is_empty());
    }
}
