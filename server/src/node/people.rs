//! Who people are, in memory: frames carry the people whom they name.
//!
//! Every node follows the workspace's line, so it hears of every profile that changes and forgets what it knew of the person.
//! Between the commit and that news it may still tell the old profile. Clients put this right: of two profiles the one with
//! the higher number is the newer, and clients follow the workspace's line as well.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use protocol::{Change, Message, RoomSummary, RoomView, Thread, User, UserId};

use super::Node;
use crate::store;

/// People who are remembered, at most. Beyond that, all are forgotten and looked up again.
const REMEMBERED_MAX: usize = 20_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct People(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    people: HashMap<UserId, User>,
    /// How many times somebody was forgotten.
    forgotten: u64,
}

impl People {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what is newer than what is known. What the database was asked for before somebody was forgotten (`forgotten` is
    /// the count from before the question) may be old, and is not kept.
    fn remember(&self, people: &[User], forgotten: u64) {
        let mut known = self.lock();
        if known.forgotten != forgotten {
            return;
        }
        if known.people.len() + people.len() > REMEMBERED_MAX {
            known.people.clear();
        }
        for user in people {
            let kept = known.people.entry(user.id).or_insert_with(|| user.clone());
            if kept.rev < user.rev {
                *kept = user.clone();
            }
        }
    }

    pub(super) fn forget(&self, user: UserId) {
        let mut known = self.lock();
        known.people.remove(&user);
        known.forgotten += 1;
    }

    pub(super) fn forget_all(&self) {
        let mut known = self.lock();
        known.people.clear();
        known.forgotten += 1;
    }
}

/// Something that names people.
pub trait Names {
    /// Adds the people whom it names.
    fn name(&self, people: &mut BTreeSet<UserId>);
}

impl Names for Message {
    fn name(&self, people: &mut BTreeSet<UserId>) {
        people.insert(self.author);
        people.extend(self.mentions.iter().filter_map(|mention| mention.1));
        people.extend(self.replies.iter().flat_map(|replies| &replies.authors).map(|author| author.0));
    }
}

impl Names for Thread {
    fn name(&self, people: &mut BTreeSet<UserId>) {
        self.root.name(people);
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
        people.extend(self.quoted.iter().map(|quoted| quoted.author));
    }
}

impl Names for Change {
    fn name(&self, people: &mut BTreeSet<UserId>) {
        match self {
            Self::Message { message } => message.name(people),
            Self::Member { member, .. } => people.extend([member.user]),
            Self::Pin { pin } => people.extend([pin.by]),
            Self::Membership { summary: Some(summary), .. } => summary.name(people),
            // A reaction goes to many and is shown as an emoji only; a profile's change carries the person itself. What is saved
            // names a message, whose author comes with its text.
            Self::Reaction { .. }
            | Self::Room { .. }
            | Self::Membership { summary: None, .. }
            | Self::Sessions {}
            | Self::Saved { .. }
            | Self::Scheduled { .. }
            | Self::Following { .. }
            | Self::Profile { .. }
            | Self::Unknown => {}
        }
    }
}

impl Node {
    /// The people whom these things name.
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

    /// The profiles of those of these people whom this node knows without asking.
    pub(super) fn people_at_hand(&self, users: impl Iterator<Item = UserId>) -> Vec<User> {
        let mut users = users.peekable();
        if users.peek().is_none() {
            return Vec::new();
        }
        let known = self.people.lock();
        users.filter_map(|user| known.people.get(&user).cloned()).collect()
    }

    /// The profiles of those of these people who exist.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn people(&self, users: BTreeSet<UserId>) -> Result<Vec<User>, store::Error> {
        let (mut found, mut missing) = (Vec::with_capacity(users.len()), Vec::new());
        let forgotten = {
            let known = self.people.lock();
            for user in users {
                match known.people.get(&user) {
                    Some(user) => found.push(user.clone()),
                    None => missing.push(user),
                }
            }
            known.forgotten
        };
        if !missing.is_empty() {
            let fetched = self.store.people(&missing).await?;
            // While the workspace's line is not followed, this node does not hear of a changed profile.
            if self.position(protocol::Line::Workspace).is_some() {
                self.people.remember(&fetched, forgotten);
            }
            found.extend(fetched);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn who_changed_while_the_database_was_asked_is_not_remembered() {
        let ana = User { handle: "ana".to_owned(), ..User::unknown(UserId(Uuid::from_u128(1))) };
        let people = People::default();
        let before = people.lock().forgotten;
        people.forget(ana.id);
        people.remember(std::slice::from_ref(&ana), before);
        assert_eq!(people.lock().people.get(&ana.id), None);
        let before = people.lock().forgotten;
        people.remember(std::slice::from_ref(&ana), before);
        assert_eq!(people.lock().people.get(&ana.id), Some(&ana));
    }
}
