//! A cache of profiles: frames carry the people they refer to.
//!
//! Every node follows the workspace's line, so it hears of every changed profile and drops it from
//! the cache. Between the commit and that event it may still send the old profile. Clients correct
//! this: of two profiles the one with the higher number is newer, and clients follow the
//! workspace's line as well.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use protocol::{Change, Message, RoomSummary, RoomView, Thread, User, UserId};

use super::Node;
use crate::store;

/// The most cached people. Beyond that, all are dropped and fetched again.
const REMEMBERED_MAX: usize = 20_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct People(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    people: HashMap<UserId, User>,
    /// How many times a profile was dropped.
    forgotten: u64,
}

impl People {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Caches profiles that are newer than the cached ones. A profile that was fetched before
    /// another was dropped may be stale, and is not cached; `forgotten` is the count from before
    /// the query.
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

/// Something that refers to people.
pub trait Names {
    /// Adds the people it refers to.
    fn name(&self, people: &mut BTreeSet<UserId>);
}

impl Names for Message {
    fn name(&self, people: &mut BTreeSet<UserId>) {
        people.insert(self.author);
        people.extend(self.mentions.iter().filter_map(|mention| mention.1));
        people.extend(self.forward.iter().filter_map(|forward| forward.author));
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
            // A reaction goes to many and is shown only as an emoji; a vote names nobody; a profile's change carries the
            // person itself. A saved item refers to a message, whose author comes with its text. Browsers
            // know a group that is mentioned, and need no other.
            Self::Reaction { .. }
            | Self::Poll { .. }
            | Self::Vote { .. }
            | Self::Room { .. }
            | Self::Membership { summary: None, .. }
            | Self::Sessions {}
            | Self::Saved { .. }
            | Self::Scheduled { .. }
            | Self::Following { .. }
            | Self::Unread { .. }
            | Self::Draft { .. }
            | Self::InGroup { .. }
            | Self::Profile { .. }
            | Self::Unknown => {}
        }
    }
}

impl Node {
    /// The people that these things refer to.
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

    /// The cached profiles among these people.
    pub(super) fn people_at_hand(&self, users: impl Iterator<Item = UserId>) -> Vec<User> {
        let mut users = users.peekable();
        if users.peek().is_none() {
            return Vec::new();
        }
        let known = self.people.lock();
        users.filter_map(|user| known.people.get(&user).cloned()).collect()
    }

    /// The profiles of these people; those who do not exist are left out.
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
            // While the workspace's line is not followed, this node does not hear of changed
            // profiles.
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
