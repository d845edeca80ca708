//! Who people are. Messages, members and reactions name them by id; frames bring the profiles.
//!
//! Law: of two profiles of one person, the one with the higher `rev` is newer and stays, no matter how it came.

use std::sync::Arc;

use protocol::{Seq, User, UserId, limits::PEOPLE_MAX};

use crate::sorted::SortedMap;

/// Above this number of profiles, those of people whom nothing here names are dropped.
const KEPT_MAX: usize = 4_000;

/// The profiles that this client knows, and the ones that it needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct People {
    known: SortedMap<UserId, Arc<User>>,
    /// Named somewhere and not known: this client will ask for them.
    wanted: SortedMap<UserId, ()>,
    /// Asked for on this connection: an id that no server knows is not asked for again and again.
    asked: SortedMap<UserId, ()>,
    /// How many profiles were left when some were last dropped.
    needed: usize,
}

impl People {
    /// A profile.
    #[must_use]
    pub fn get(&self, user: UserId) -> Option<&Arc<User>> {
        self.known.get(&user)
    }

    /// The person with this handle, in any case of letters.
    #[must_use]
    pub fn named(&self, handle: &str) -> Option<&Arc<User>> {
        self.known.iter().map(|(_, user)| user).find(|user| user.handle.eq_ignore_ascii_case(handle))
    }

    /// Takes over a profile, from anywhere. Says whether a name on the screen may have changed, or a role, on which rights
    /// depend.
    pub(crate) fn put(&mut self, user: User) -> bool {
        let was_wanted = self.wanted.remove(&user.id).is_some() | self.asked.remove(&user.id).is_some();
        match self.known.get_mut(&user.id) {
            Some(known) if known.rev >= user.rev => false,
            Some(known) => {
                let shown = |user: &User| (user.name.clone(), user.handle.clone(), user.role);
                let is_news = shown(known) != shown(&user);
                *known = Arc::new(user);
                is_news
            }
            None => {
                self.known.insert(user.id, Arc::new(user));
                was_wanted
            }
        }
    }

    /// Somebody is named: asks who they are, unless that is known.
    pub(crate) fn want(&mut self, user: UserId) {
        if !self.known.contains_key(&user) && !self.asked.contains_key(&user) {
            self.wanted.insert(user, ());
        }
    }

    /// The next people to ask for.
    pub(crate) fn take_wanted(&mut self) -> Vec<UserId> {
        let due: Vec<UserId> = self.wanted.keys().take(PEOPLE_MAX).copied().collect();
        for user in &due {
            self.wanted.remove(user);
            self.asked.insert(*user, ());
        }
        due
    }

    /// Whether anybody is to be asked for.
    pub(crate) fn are_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Those who were asked for must be asked for again: the connection is gone, or the server refused.
    pub(crate) fn ask_again(&mut self) {
        let asked = std::mem::take(&mut self.asked);
        self.wanted.extend(asked.iter().map(|(user, ())| (*user, ())));
    }

    /// The database went back: numbers may be given again, so any profile that comes now is newer.
    pub(crate) fn forget_revs(&mut self) {
        for (_, user) in self.known.iter_mut() {
            Arc::make_mut(user).rev = Seq::ZERO;
        }
    }

    /// Whether so many profiles are known that those that nothing names should go.
    pub(crate) fn is_crowded(&self) -> bool {
        self.known.len() > KEPT_MAX.max(2 * self.needed)
    }

    /// Keeps only these.
    pub(crate) fn keep(&mut self, needed: &SortedMap<UserId, ()>) {
        self.known.retain(|user, _| needed.contains_key(user));
        self.needed = self.known.len();
    }
}
