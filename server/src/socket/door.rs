//! How many sockets one person, and one address, has open on this node.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use protocol::UserId;

/// See the module.
#[derive(Debug)]
pub struct Door {
    users: Arc<Count<UserId>>,
    addresses: Arc<Count<IpAddr>>,
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
    _address: Place<IpAddr>,
}

impl Door {
    /// So many sockets for one person, and so many for one address.
    #[must_use]
    pub fn new(per_user: u32, per_address: u32) -> Self {
        let (users, addresses) = (Count::new(per_user), Count::new(per_address));
        Self { users: Arc::new(users), addresses: Arc::new(addresses) }
    }

    /// One more socket; `None` when there are too many.
    #[must_use]
    pub fn enter(&self, user: UserId, address: IpAddr) -> Option<Ticket> {
        let user = Count::enter(&self.users, user)?;
        let address = Count::enter(&self.addresses, address)?;
        Some(Ticket { _user: user, _address: address })
    }
}

impl<K: Eq + Hash + Copy> Count<K> {
    fn new(most: u32) -> Self {
        Self { most, open: Mutex::default() }
    }

    fn enter(this: &Arc<Self>, key: K) -> Option<Place<K>> {
        let mut open = this.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(key).or_insert(0);
        if *count >= this.most {
            return None;
        }
        *count += 1;
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
}
