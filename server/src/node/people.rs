//! Who people are, in memory: frames bring along the people whom they name.
//!
//! Every node follows the workspace's line, so it hears of every profile that changes and forgets what it knew of the person.
//! What it still tells wrongly, in the moment between a commit and its word, every client puts right by itself: of two profiles
//! the one with the higher number is the newer, and clients follow the workspace's line as well.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use protocol::{Change, Message, RoomSummary, RoomView, User, UserId};

use super::Node;
use crate::store;

/// People who are remembered, at most. With more, all are forgotten and remembered anew.
const REMEMBERED_MAX: usize = 20_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct People(Mutex<HashMap<UserId, User>>);

impl People {
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, User>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what is newer than what is known.
    fn remember(&self, people: &[User]) {
        let mut known = self.lock();
        if known.len() + people.len() > REMEMBERED_MAX {
            known.clear();
        }
        for user in people {
            let kept = known.entry(user.id).or_insert_with(|| user.clone());
            if kept.rev < user.rev {
                *kept = user.clone();
            }
        }
    }

    pub(super) fn forget(&self, user: UserId) {
        self.lock().remove(&user);
    }

    pub(super) fn forget_all(&self) {
        self.lock().clear();
    }
}

/// Notes whom something names.
pub trait Names {
    /// Adds them.
    fn name(&self, people: &mut BTreeSet<UserId>);
}

impl Names for Message {
    fn name(&self, people: &mut BTreeSet<UserId>) {
        people.insert(self.author);
    }
}

impl Names for RoomSummary {
    fn name(&self, people: &mut BTreeSet<UserId>) {
        people.extend(self.peer);
        people.extend(self.last.as_ref().map(|last| last.author));
    }
}

impl Names for RoomView {
    fn name(&self, people: &mut BTreeSet<UserId>) {
        self.summary.name(people);
        self.messages.iter().for_each(|message| message.name(people));
        people.extend(self.members.iter().map(|member| member.user));
        people.extend(self.pins.iter().map(|pin| pin.by));
    }
}

impl Names for Change {
    fn name(&self, people: &mut BTreeSet<UserId>) {
        match self {
            Self::Message { message } => message.name(people),
            Self::Member { member, .. } => people.extend([member.user]),
            Self::Pin { pin } => people.extend([pin.by]),
            Self::Membership { summary: Some(summary), .. } => summary.name(people),
            // A reaction is told to many and shown by its emoji; a profile is in its change.
            Self::Reaction { .. }
            | Self::Room { .. }
            | Self::Membership { summary: None, .. }
            | Self::Sessions {}
            | Self::Profile { .. }
            | Self::Unknown => {}
        }
    }
}

impl Node {
    /// Who these things name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn people_of<'a, T: Names + 'a>(
        &self,
        things: impl IntoIterator<Item = &'a T>,
    ) -> Result<Vec<User>, store::Error> {
        let mut named = BTreeSet::new();
        things.into_iter().for_each(|thing| thing.name(&mut named));
        self.people(named).await
    }

    /// These people, as far as they exist.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn people(&self, users: BTreeSet<UserId>) -> Result<Vec<User>, store::Error> {
        let (mut found, mut missing) = (Vec::with_capacity(users.len()), Vec::new());
        {
            let known = self.people.lock();
            for user in users {
                match known.get(&user) {
                    Some(user) => found.push(user.clone()),
                    None => missing.push(user),
                }
            }
        }
        if !missing.is_empty() {
            let fetched = self.store.people(&missing).await?;
            // While the workspace's line is not followed, nobody would tell that a profile has changed.
            if self.position(protocol::Line::Workspace).is_some() {
                self.people.remember(&fetched);
            }
            found.extend(fetched);
        }
        Ok(found)
    }
}
