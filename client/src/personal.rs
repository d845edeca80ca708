//! What only the viewer sees: the messages that they saved for later, those that they scheduled, the threads that they follow,
//! the groups that they are in, and their drafts.
//!
//! The server sends all of it once (`personal`), as of some number of the viewer's own line; from
//! there on the changes of the line continue.
//!
//! Law: of two states of one thing the one with the higher `rev` wins, no matter how it arrived. A
//! deleted thing is remembered while an older state of it could still arrive.
//!
//! Lists instead of maps, because there are few of these things, and each kind of map adds a
//! kilobyte to the first download.

use protocol::{Change, Draft, Following, InGroup, RoomId, Saved, Scheduled, Seq, UserId};

use crate::sorted::sort_by;

/// The most deleted things that are remembered; the oldest are dropped.
const GONE_MAX: usize = 256;

/// The messages that the viewer saved and scheduled, and the threads that they follow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Personal {
    /// Everything up to this number is known; `None` until a server has sent it.
    through: Option<Seq>,
    /// The last changed last, including deleted ones.
    saved: Vec<Saved>,
    scheduled: Vec<Scheduled>,
    followed: Vec<Following>,
    groups: Vec<InGroup>,
    drafts: Vec<Draft>,
}

impl Personal {
    /// Whether a server has sent them.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.through.is_some()
    }

    /// The saved messages, the last saved first.
    #[must_use]
    pub fn saved(&self) -> Vec<&Saved> {
        let mut saved: Vec<&Saved> = self.saved.iter().filter(|saved| saved.on).collect();
        sort_by(&mut saved, |a, b| (b.at, b.room, b.message).cmp(&(a.at, a.room, a.message)));
        saved
    }

    /// The scheduled messages, the next one first.
    #[must_use]
    pub fn scheduled(&self) -> Vec<&Scheduled> {
        let mut scheduled: Vec<&Scheduled> = self.scheduled.iter().filter(|one| one.on).collect();
        sort_by(&mut scheduled, |a, b| (a.at, a.nonce).cmp(&(b.at, b.nonce)));
        scheduled
    }

    /// The saved message, if it is saved.
    #[must_use]
    pub fn saved_message(&self, room: RoomId, message: Seq) -> Option<&Saved> {
        self.saved.iter().find(|saved| saved.message == message && saved.room == room && saved.on)
    }

    /// The due reminders, the last one first.
    #[must_use]
    pub fn due(&self) -> Vec<&Saved> {
        let mut due: Vec<&Saved> = self.saved.iter().filter(|saved| saved.on && saved.due).collect();
        sort_by(&mut due, |a, b| (b.remind_at, b.rev).cmp(&(a.remind_at, a.rev)));
        due
    }

    /// How many things need attention (due reminders and scheduled messages that could not be
    /// sent), and the number of the latest such change.
    #[must_use]
    pub fn waiting(&self) -> (usize, Seq) {
        let (mut count, mut newest) = (0, Seq::ZERO);
        let mut wait = |waits: bool, rev: Seq| {
            if waits {
                count += 1;
                newest = newest.max(rev);
            }
        };
        self.saved.iter().for_each(|saved| wait(saved.on && saved.due, saved.rev));
        self.scheduled.iter().for_each(|one| wait(one.on && one.failed.is_some(), one.rev));
        (count, newest)
    }

    /// Whether the viewer follows a thread, if that is known here.
    #[must_use]
    pub fn follows(&self, room: RoomId, root: Seq) -> Option<bool> {
        self.followed.iter().find(|known| (known.room, known.root) == (room, root)).map(|known| known.on)
    }

    /// The threads that the viewer follows, as far as they are known here: those with the newest replies.
    pub fn followed(&self) -> impl Iterator<Item = &Following> {
        self.followed.iter().filter(|known| known.on)
    }

    /// The groups that the viewer is in; `None` until a server has sent them.
    #[must_use]
    pub fn groups(&self) -> Option<Vec<UserId>> {
        let groups = || self.groups.iter().filter(|known| known.on).map(|known| known.group).collect();
        self.through.map(|_| groups())
    }

    /// The known drafts, including those that are gone.
    #[must_use]
    pub fn drafts(&self) -> &[Draft] {
        &self.drafts
    }

    /// Everything up to this number was in the last complete state; `None` until a server has sent one.
    #[must_use]
    pub fn through(&self) -> Option<Seq> {
        self.through
    }

    /// A thread has a reply. Says whether the viewer follows it.
    pub(crate) fn heard(&mut self, room: RoomId, root: Seq, reply: Seq) -> bool {
        let known = self.followed.iter_mut().find(|known| (known.room, known.root) == (room, root));
        known.is_some_and(|known| {
            known.last = known.last.max(reply);
            known.on
        })
    }

    /// Some changes will not be told, so everything must be asked for. What is known is shown until it comes.
    pub(crate) fn ask_again(&mut self) {
        self.through = None;
    }

    /// Applies the complete state as of `through`. Known later changes stay.
    pub(crate) fn begin(&mut self, through: Seq, changes: Vec<(Seq, Change)>) {
        self.saved.retain(|known| known.rev > through);
        self.scheduled.retain(|known| known.rev > through);
        self.groups.retain(|known| known.rev > through);
        self.drafts.retain(|known| known.rev > through);
        let heard = std::mem::take(&mut self.followed);
        self.followed = heard.iter().filter(|known| known.rev > through).cloned().collect();
        self.through = None;
        for (seq, change) in changes {
            self.put(seq, change);
        }
        // A reply that came since is not in the answer.
        for Following { room, root, last, .. } in heard {
            self.heard(room, root, last);
        }
        self.through = Some(through);
    }

    /// Applies a change. A change that is already included in a fetched state has no effect.
    /// Returns whether anything changed.
    pub(crate) fn put(&mut self, seq: Seq, change: Change) -> bool {
        if self.through.is_some_and(|through| seq <= through) {
            return false;
        }
        match change {
            Change::Saved { saved } => {
                let is_it = |one: &Saved| (one.room, one.message) == (saved.room, saved.message);
                let known = self.saved.iter().position(is_it);
                put_newer(&mut self.saved, known, saved, |one| (one.rev, one.on))
            }
            Change::Scheduled { scheduled } => {
                let known = self.scheduled.iter().position(|one| one.nonce == scheduled.nonce);
                put_newer(&mut self.scheduled, known, scheduled, |one| (one.rev, one.on))
            }
            Change::Following { mut following } => {
                let is_it = |one: &Following| (one.room, one.root) == (following.room, following.root);
                let known = self.followed.iter().position(is_it);
                following.last = following.last.max(known.map_or(Seq::ZERO, |at| self.followed[at].last));
                put_newer(&mut self.followed, known, following, |one| (one.rev, one.on))
            }
            Change::InGroup { in_group } => {
                let known = self.groups.iter().position(|one| one.group == in_group.group);
                put_newer(&mut self.groups, known, in_group, |one| (one.rev, one.on))
            }
            Change::Draft { draft } => {
                let is_it = |one: &Draft| (one.room, one.thread) == (draft.room, draft.thread);
                let known = self.drafts.iter().position(is_it);
                put_newer(&mut self.drafts, known, draft, |one| (one.rev, !one.body.is_empty()))
            }
            // These belong to others.
            Change::Message { .. }
            | Change::Reaction { .. }
            | Change::Pin { .. }
            | Change::Poll { .. }
            | Change::Vote { .. }
            | Change::Member { .. }
            | Change::Room { .. }
            | Change::Membership { .. }
            | Change::Unread { .. }
            | Change::Sessions {}
            | Change::Profile { .. }
            | Change::Unknown => false,
        }
    }
}

/// Replaces an older state of the same thing, and drops the oldest of too many deleted ones.
/// `state` returns a state's number, and whether the thing exists. Returns whether anything
/// changed.
fn put_newer<T>(list: &mut Vec<T>, known: Option<usize>, new: T, state: impl Fn(&T) -> (Seq, bool)) -> bool {
    if let Some(at) = known {
        if state(&list[at]).0 >= state(&new).0 {
            return false;
        }
        list.remove(at);
    }
    list.push(new);
    if list.iter().filter(|one| !state(one).1).count() > GONE_MAX
        && let Some(oldest) = list.iter().position(|one| !state(one).1)
    {
        list.remove(oldest);
    }
    true
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn saved(message: i64, rev: i64, on: bool) -> Saved {
        let (room, remind_at) = (RoomId(Uuid::nil()), None);
        Saved { room, message: Seq(message), at: message, remind_at, due: false, on, rev: Seq(rev) }
    }

    fn put(personal: &mut Personal, saved: Saved) -> bool {
        personal.put(saved.rev, Change::Saved { saved })
    }

    fn shown(personal: &Personal) -> Vec<(i64, i64)> {
        personal.saved().into_iter().map(|saved| (saved.message.0, saved.rev.0)).collect()
    }

    #[test]
    fn a_fetched_state_keeps_what_changed_after_it_and_drops_what_it_does_not_have() {
        let mut personal = Personal::default();
        assert!(!personal.is_known());
        for (message, rev, on) in [(1, 1, true), (2, 2, true), (3, 9, true), (4, 8, false)] {
            put(&mut personal, saved(message, rev, on));
        }
        // Read at 7: one was unsaved unseen, two has changed, four was still there.
        let there = [saved(4, 3, true), saved(2, 6, true)].map(|saved| (saved.rev, Change::Saved { saved }));
        personal.begin(Seq(7), there.to_vec());
        assert_eq!(shown(&personal), [(3, 9), (2, 6)]);
        // Arrives late: it is included in the fetched state.
        assert!(!put(&mut personal, saved(1, 1, true)));
        assert!(put(&mut personal, saved(2, 10, false)));
        assert_eq!(shown(&personal), [(3, 9)]);
    }

    #[test]
    fn what_is_gone_is_forgotten_in_time() {
        let mut personal = Personal::default();
        for message in 1..=2 * GONE_MAX as i64 {
            put(&mut personal, saved(message, message, false));
        }
        assert_eq!(personal.saved.len(), GONE_MAX);
        put(&mut personal, saved(2 * GONE_MAX as i64, 1, true));
        assert_eq!(shown(&personal), [], "an older state of one that is remembered");
    }

    #[test]
    fn what_waits_is_counted() {
        let mut personal = Personal::default();
        assert_eq!(personal.waiting(), (0, Seq::ZERO));
        put(&mut personal, Saved { due: true, ..saved(1, 4, true) });
        put(&mut personal, Saved { due: true, ..saved(2, 3, true) });
        put(&mut personal, saved(3, 9, true));
        assert_eq!(personal.waiting(), (2, Seq(4)));
        put(&mut personal, saved(1, 10, false));
        assert_eq!(personal.waiting(), (1, Seq(3)));
    }
}
