//! Profiles. Messages, members and reactions contain only ids; frames include the profiles.
//!
//! Law: of two profiles of one person, the one with the higher `rev` is newer and wins, no matter
//! how it arrived.

use std::sync::Arc;

use protocol::{Seq, User, UserId, limits::PEOPLE_MAX};

use crate::sorted::SortedMap;

/// Above this number of profiles, those that nothing here refers to are dropped.
const KEPT_MAX: usize = 4_000;

/// The profiles that this client knows, and those that it needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct People {
    known: SortedMap<UserId, Arc<User>>,
    /// Unknown people that something refers to: this client will request them.
    wanted: SortedMap<UserId, ()>,
    /// Requested on this connection, so that unknown ids are not requested again and again.
    asked: SortedMap<UserId, ()>,
    /// How many profiles remained after the last clean-up.
    needed: usize,
}

impl People {
    /// A profile.
    #[must_use]
    pub fn get(&self, user: UserId) -> Option<&Arc<User>> {
        self.known.get(&user)
    }

    /// The person with this handle, ignoring case.
    #[must_use]
    pub fn named(&self, handle: &str) -> Option<&Arc<User>> {
        self.known.iter().map(|(_, user)| user).find(|user| user.handle.eq_ignore_ascii_case(handle))
    }

    /// The known groups of people, without deleted ones.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<User>> {
        self.known.iter().map(|(_, user)| user).filter(|user| user.group.is_some() && !user.name.is_empty())
    }

    /// Applies a profile. Returns whether a name or a picture on the screen, or a role that rights depend on,
    /// may have changed.
    pub(crate) fn put(&mut self, user: User) -> bool {
        let was_wanted = self.wanted.remove(&user.id).is_some() | self.asked.remove(&user.id).is_some();
        match self.known.get_mut(&user.id) {
            Some(known) if known.rev >= user.rev => false,
            Some(known) => {
                let shown = |user: &User| {
                    (user.name.clone(), user.handle.clone(), user.role, user.group, user.picture)
                };
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

    /// Requests a person, unless they are known.
    pub(crate) fn want(&mut self, user: UserId) {
        if !self.known.contains_key(&user) && !self.asked.contains_key(&user) {
            self.wanted.insert(user, ());
        }
    }

    /// The next people to request.
    pub(crate) fn take_wanted(&mut self) -> Vec<UserId> {
        let due: Vec<UserId> = self.wanted.keys().take(PEOPLE_MAX).copied().collect();
        for user in &due {
            self.wanted.remove(user);
            self.asked.insert(*user, ());
        }
        due
    }

    /// Whether there are people to request.
    pub(crate) fn are_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Requests must be repeated: the connection is lost, or the server refused.
    pub(crate) fn ask_again(&mut self) {
        let asked = std::mem::take(&mut self.asked);
        self.wanted.extend(asked.iter().map(|(user, ())| (*user, ())));
    }

    /// The database went back: numbers may be reused, so any profile that arrives now is newer.
    pub(crate) fn forget_revs(&mut self) {
        for (_, user) in self.known.iter_mut() {
            Arc::make_mut(user).rev = Seq::ZERO;
        }
    }

    /// Whether so many profiles are known that unneeded ones should be dropped.
    pub(crate) fn is_crowded(&self) -> bool {
        self.known.len() > KEPT_MAX.max(2 * self.needed)
    }

    /// Keeps only these.
    pub(crate) fn keep(&mut self, needed: &SortedMap<UserId, ()>) {
        self.known.retain(|user, _| needed.contains_key(user));
        self.needed = self.known.len();
    }
}
