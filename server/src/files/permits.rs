//! How many bodies of uploads come in at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use protocol::{ErrorCode, UserId};

/// For one person, on this server. A browser has six connections to a server.
const OF_PERSON: usize = 6;
/// For all, on this server: each has up to one part in memory.
const OF_ALL: usize = 48;

/// The bodies that are coming in, by person.
#[derive(Debug, Default)]
pub(super) struct Permits(Mutex<HashMap<UserId, usize>>);

/// The permission to send a body, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    of: Arc<Permits>,
    person: UserId,
}

impl Permits {
    pub(super) fn take(self: &Arc<Self>, person: UserId) -> Result<Permit, ErrorCode> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(&person).is_some_and(|own| *own >= OF_PERSON) {
            return Err(ErrorCode::SlowDown);
        }
        if all.values().sum::<usize>() >= OF_ALL {
            return Err(ErrorCode::Busy);
        }
        *all.entry(person).or_default() += 1;
        Ok(Permit { of: Arc::clone(self), person })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut all = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get_mut(&self.person) {
            *own -= 1;
            if *own == 0 {
                all.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_person_and_a_server_have_a_limit() {
        let permits = Arc::new(Permits::default());
        let person = |n| UserId(Uuid::from_u128(n));
        let mut own: Vec<_> = (0..OF_PERSON).map(|_| permits.take(person(0)).unwrap()).collect();
        assert_eq!(permits.take(person(0)).unwrap_err(), ErrorCode::SlowDown);
        own.pop();
        own.push(permits.take(person(0)).unwrap());
        let others: Vec<_> =
            (0..OF_ALL - OF_PERSON).map(|n| permits.take(person(1 + n as u128)).unwrap()).collect();
        assert_eq!(permits.take(person(999)).unwrap_err(), ErrorCode::Busy);
        drop((own, others));
        assert!(permits.0.lock().unwrap().is_empty());
    }
}
