//! What only the viewer sees: the messages that they saved for later, and those that they scheduled.
//!
//! The server tells all of it once (`personal`), as it is at some number of the viewer's own line; from there on the changes of the
//! line tell the rest.
//!
//! Law: of two states of one thing the one with the higher `rev` counts, no matter how it came. A thing that is gone is remembered
//! while an older state of it could still come.

use protocol::{Nonce, RoomId, Saved, Scheduled, Seq};

use crate::sorted::{SortedMap, sort_by};

/// Things that are gone are forgotten beyond this number, those that went first.
const GONE_MAX: usize = 256;

/// The messages that the viewer saved and scheduled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Personal {
    /// Up to this number everything is known; `None` until a server has told it.
    through: Option<Seq>,
    saved: SortedMap<(RoomId, Seq), Saved>,
    scheduled: SortedMap<Nonce, Scheduled>,
}

impl Personal {
    /// Whether a server has told what there is.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.through.is_some()
    }

    /// What is saved, the last saved first.
    #[must_use]
    pub fn saved(&self) -> Vec<&Saved> {
        let mut saved: Vec<&Saved> = self.saved.values().filter(|saved| saved.on).collect();
        sort_by(&mut saved, |a, b| (b.at, b.room, b.message).cmp(&(a.at, a.room, a.message)));
        saved
    }

    /// What is scheduled, the next one first.
    #[must_use]
    pub fn scheduled(&self) -> Vec<&Scheduled> {
        let mut scheduled: Vec<&Scheduled> = self.scheduled.values().filter(|one| one.on).collect();
        sort_by(&mut scheduled, |a, b| (a.at, a.nonce).cmp(&(b.at, b.nonce)));
        scheduled
    }

    /// A message, if it is saved.
    #[must_use]
    pub fn saved_message(&self, room: RoomId, message: Seq) -> Option<&Saved> {
        self.saved.get(&(room, message)).filter(|saved| saved.on)
    }

    /// The reminders that have come and are not done, the last one first.
    #[must_use]
    pub fn due(&self) -> Vec<&Saved> {
        let mut due: Vec<&Saved> = self.saved.values().filter(|saved| saved.on && saved.due).collect();
        sort_by(&mut due, |a, b| (b.remind_at, b.rev).cmp(&(a.remind_at, a.rev)));
        due
    }

    /// How many reminders have come, and scheduled messages have failed: the viewer has to do something.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let due = self.saved.values().filter(|saved| saved.on && saved.due).count();
        due + self.scheduled.values().filter(|one| one.on && one.failed.is_some()).count()
    }

    /// The number of the last change that made something wait for the viewer: a reminder that has come, a message that was not sent.
    #[must_use]
    pub fn newest_waiting(&self) -> Option<Seq> {
        let due = self.saved.values().filter(|saved| saved.on && saved.due).map(|saved| saved.rev);
        let failed = self.scheduled.values().filter(|one| one.on && one.failed.is_some()).map(|one| one.rev);
        due.chain(failed).max()
    }

    /// Some changes will not be told, so everything must be asked for. What is known is shown until it comes.
    pub(crate) fn ask_again(&mut self) {
        self.through = None;
    }

    /// Everything as it is at `through`. What is known to have changed since stays.
    pub(crate) fn begin(&mut self, through: Seq, saved: Vec<Saved>, scheduled: Vec<Scheduled>) {
        self.saved.retain(|_, known| known.rev > through);
        self.scheduled.retain(|_, known| known.rev > through);
        self.through = Some(through);
        for saved in saved {
            self.put_saved(saved, None);
        }
        for scheduled in scheduled {
            self.put_scheduled(scheduled, None);
        }
    }

    /// A change. One that a fetched state already has in it, at `through` or before, changes nothing. Says whether anything changed.
    pub(crate) fn put_saved(&mut self, saved: Saved, seq: Option<Seq>) -> bool {
        let key = (saved.room, saved.message);
        if self.is_old(seq) || self.saved.get(&key).is_some_and(|known| known.rev >= saved.rev) {
            return false;
        }
        self.saved.insert(key, saved);
        forget_gone(&mut self.saved, |saved| (!saved.on).then_some(saved.rev));
        true
    }

    /// The same for a scheduled message.
    pub(crate) fn put_scheduled(&mut self, scheduled: Scheduled, seq: Option<Seq>) -> bool {
        let key = scheduled.nonce;
        if self.is_old(seq) || self.scheduled.get(&key).is_some_and(|known| known.rev >= scheduled.rev) {
            return false;
        }
        self.scheduled.insert(key, scheduled);
        forget_gone(&mut self.scheduled, |scheduled| (!scheduled.on).then_some(scheduled.rev));
        true
    }

    fn is_old(&self, seq: Option<Seq>) -> bool {
        seq.is_some_and(|seq| self.through.is_some_and(|through| seq <= through))
    }
}

fn forget_gone<K: Ord + Copy, T>(things: &mut SortedMap<K, T>, gone: impl Fn(&T) -> Option<Seq>) {
    let revs: Vec<Seq> = things.values().filter_map(&gone).collect();
    if revs.len() > GONE_MAX
        && let Some(oldest) = revs.into_iter().min()
    {
        things.retain(|_, thing| gone(thing) != Some(oldest));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn saved(message: i64, rev: i64, on: bool) -> Saved {
        let (room, remind_at) = (RoomId(Uuid::nil()), None);
        Saved { room, message: Seq(message), at: message, remind_at, due: false, on, rev: Seq(rev) }
    }

    fn shown(personal: &Personal) -> Vec<(i64, i64)> {
        personal.saved().into_iter().map(|saved| (saved.message.0, saved.rev.0)).collect()
    }

    #[test]
    fn a_fetched_state_keeps_what_changed_after_it_and_drops_what_it_does_not_have() {
        let mut personal = Personal::default();
        assert!(!personal.is_known());
        for (message, rev, on) in [(1, 1, true), (2, 2, true), (3, 9, true), (4, 8, false)] {
            personal.put_saved(saved(message, rev, on), Some(Seq(rev)));
        }
        // Read at 7: one was taken off the list unseen, two has changed, four was still there.
        personal.begin(Seq(7), vec![saved(2, 6, true), saved(4, 3, true)], Vec::new());
        assert_eq!(shown(&personal), [(3, 9), (2, 6)]);
        // Told late: it is in what was fetched.
        assert!(!personal.put_saved(saved(1, 1, true), Some(Seq(1))));
        assert!(personal.put_saved(saved(2, 10, false), Some(Seq(10))));
        assert_eq!(shown(&personal), [(3, 9)]);
    }

    #[test]
    fn what_is_gone_is_forgotten_in_time() {
        let mut personal = Personal::default();
        for message in 1..=2 * GONE_MAX as i64 {
            personal.put_saved(saved(message, message, false), Some(Seq(message)));
        }
        assert_eq!(personal.saved.len(), GONE_MAX);
    }
}
