//! The newest changes of a followed line, in memory: a client that was away for a moment catches up without Postgres.
//!
//! A ring holds the very frames that were handed to the hub, the same bytes, and looks into them only when someone asks.
//!
//! Law: what a ring holds is without a hole, from its beginning up to the node's position. It is a copy of what
//! Postgres says of those numbers, so it may be forgotten at any time; and the database still decides who may read
//! it.

use std::collections::{HashMap, HashSet, VecDeque};

use axum::extract::ws::Utf8Bytes;
use protocol::{
    Change, Event, Nonce, RoomId, Seq, ServerFrame, User, UserId,
    limits::{BEHIND_MAX, CHANGES_MAX},
};

use super::Node;
use crate::broker::Line;

/// Changes in one ring, at most …
const CHANGES_KEPT: usize = 128;
/// … and bytes of frames.
const BYTES_KEPT: usize = 128 * 1024;
/// Bytes of all rings of a node: when the head check finds more, it drops those of the lines that have been quiet for
/// longest.
pub(super) const ALL_BYTES_MAX: usize = 64 * 1024 * 1024;

// One answer has room for a whole ring.
const _: () = assert!(CHANGES_KEPT <= CHANGES_MAX);

/// One frame, and the numbers that it is about: those after `after`, up to `through`.
#[derive(Clone, Debug)]
struct KeptFrame {
    after: Seq,
    through: Seq,
    changes: usize,
    frame: Utf8Bytes,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ring {
    frames: VecDeque<KeptFrame>,
    changes: usize,
    bytes: usize,
}

impl Ring {
    /// Keeps a frame of so many changes. One that does not follow what is there begins a new ring.
    pub(super) fn push(&mut self, (after, through): (Seq, Seq), changes: usize, frame: &Utf8Bytes) {
        if self.frames.back().is_some_and(|last| last.through != after) {
            self.forget();
        }
        self.changes += changes;
        self.bytes += frame.len();
        self.frames.push_back(KeptFrame { after, through, changes, frame: frame.clone() });
        while self.changes > CHANGES_KEPT || self.bytes > BYTES_KEPT {
            let Some(oldest) = self.frames.pop_front() else { break };
            self.changes -= oldest.changes;
            self.bytes -= oldest.frame.len();
        }
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it reaches back to `after`, and has something newer.
    fn reaches(&self, after: Seq) -> bool {
        let ends = self.frames.front().zip(self.frames.back());
        ends.is_some_and(|(first, last)| first.after <= after && after < last.through)
    }

    /// The frames that tell of what comes after `after`, and the number they end with, where it reaches there.
    fn since(&self, after: Seq) -> Option<(Vec<Utf8Bytes>, Seq)> {
        let last = self.frames.back().filter(|_| self.reaches(after))?;
        let newer = self.frames.iter().filter(|kept| kept.through > after);
        Some((newer.map(|kept| kept.frame.clone()).collect(), last.through))
    }
}

/// What a node remembers of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Recent {
    /// Each thing that changed, in its latest state.
    pub changes: Vec<(Seq, Change)>,
    /// The people whom they name.
    pub people: Vec<User>,
    /// Up to this number, nothing is missing.
    pub through: Seq,
}

impl Node {
    /// How far this node is on a line that it follows: never further than the line itself.
    #[must_use]
    pub fn position(&self, line: Line) -> Option<Seq> {
        self.follows.with(line, |position| position.last).flatten()
    }

    /// Whether it is worth asking for a line's head: whether [`Self::recent_changes`] may have an answer for it.
    #[must_use]
    pub fn remembers(&self, line: Line, after: Seq) -> bool {
        let remembers =
            self.follows.with(line, |position| position.last == Some(after) || position.ring.reaches(after));
        if remembers != Some(true) {
            self.metrics.ring_misses.inc();
        }
        remembers == Some(true)
    }

    /// Everything that changed on a line after `after`, from this node's memory, and the number up to which
    /// nothing is missing. As from the database, a thing that changed more than once comes once. `None` when the
    /// database must be asked: the ring does not reach back so far, or this node has a hole, or has not yet heard
    /// of `head`.
    ///
    /// The caller checks whether someone may read it; the same query returns the head.
    #[must_use]
    pub fn recent_changes(&self, line: Line, after: Seq, head: Seq) -> Option<Recent> {
        if after == head {
            // Nothing has changed, which does not count as a hit of the ring.
            return Some(Recent { changes: Vec::new(), people: Vec::new(), through: head });
        }
        let recent = self.follows.with(line, |position| {
            let is_sure = !position.repairing && position.held.is_empty();
            let (frames, through) = position.ring.since(after).filter(|_| is_sure)?;
            (Some(through) == position.last && through >= head).then_some((frames, through))
        });
        let recent = recent.flatten().and_then(|(frames, through)| {
            let is_near = through.0 - after.0 <= BEHIND_MAX;
            let (changes, people) = newest(&frames, after).filter(|_| is_near)?;
            Some(Recent { changes, people, through })
        });
        if recent.is_some() {
            self.metrics.ring_hits.inc()
        } else {
            self.metrics.ring_misses.inc()
        };
        recent
    }
}

/// What identifies a thing on a line.
#[derive(PartialEq, Eq, Hash)]
enum Thing {
    Message(Seq),
    Reaction(Seq, UserId, String),
    Pin(Seq),
    Member(UserId),
    Room,
    Membership(RoomId),
    Sessions,
    Saved(RoomId, Seq),
    Scheduled(Nonce),
    Following(RoomId, Seq),
    Profile(UserId),
}

impl Thing {
    /// The thing that a change is about; `None` for a change that only a newer server knows, which this one could not pass
    /// on whole.
    fn of(change: &Change) -> Option<Self> {
        Some(match change {
            Change::Message { message } => Self::Message(message.seq),
            Change::Reaction { message, emoji, user, .. } => Self::Reaction(*message, *user, emoji.clone()),
            Change::Pin { pin } => Self::Pin(pin.message),
            Change::Member { member, .. } => Self::Member(member.user),
            Change::Room { .. } => Self::Room,
            Change::Membership { room, .. } => Self::Membership(*room),
            Change::Sessions {} => Self::Sessions,
            Change::Saved { saved } => Self::Saved(saved.room, saved.message),
            Change::Scheduled { scheduled } => Self::Scheduled(scheduled.nonce),
            Change::Following { following } => Self::Following(following.room, following.root),
            Change::Profile { user } => Self::Profile(user.id),
            Change::Unknown => return None,
        })
    }
}

/// Changes with their numbers, and the people whom they name.
type Newest = (Vec<(Seq, Change)>, Vec<User>);

/// The changes in these frames with numbers after `after`, each thing once in its latest state, and the people whom they
/// name; `None` when a frame cannot be read.
fn newest(frames: &[Utf8Bytes], after: Seq) -> Option<Newest> {
    let (mut all, mut people) = (Vec::new(), HashMap::<UserId, User>::new());
    for frame in frames {
        let named = match ServerFrame::decode(frame).ok()? {
            ServerFrame::Event { event: Event::Change { seq, change, people, .. } } => {
                all.push((seq, change));
                people
            }
            ServerFrame::Event { event: Event::Changes { changes, people, .. } } => {
                all.extend(changes);
                people
            }
            ServerFrame::Event { .. } | ServerFrame::Reply { .. } | ServerFrame::Refusal { .. } => {
                return None;
            }
        };
        for user in named {
            if people.get(&user.id).is_none_or(|known| known.rev < user.rev) {
                people.insert(user.id, user);
            }
        }
    }
    all.retain(|(seq, _)| *seq > after);
    let mut seen = HashSet::new();
    let mut newest = Vec::with_capacity(all.len());
    for (seq, change) in all.into_iter().rev() {
        if seen.insert(Thing::of(&change)?) {
            newest.push((seq, change));
        }
    }
    newest.reverse();
    Some((newest, people.into_values().collect()))
}

#[cfg(test)]
mod tests {
    use protocol::{Room, RoomKind};
    use uuid::Uuid;

    use super::*;

    fn titled(seq: i64, title: &str) -> Change {
        let id = RoomId(Uuid::nil());
        let room = Room { title: title.to_owned(), rev: Seq(seq), ..Room::new(id, RoomKind::Group) };
        Change::Room { room }
    }

    fn frame(event: Event) -> Utf8Bytes {
        ServerFrame::Event { event }.encode().into()
    }

    fn change(seq: i64, title: &str) -> Utf8Bytes {
        let (line, change) = (Line::Room(RoomId(Uuid::nil())), titled(seq, title));
        frame(Event::Change { line, seq: Seq(seq), change, people: Vec::new() })
    }

    fn push(ring: &mut Ring, seq: i64) {
        ring.push((Seq(seq - 1), Seq(seq)), 1, &change(seq, ""));
    }

    /// How many frames there are since a number, and up to where.
    fn since(ring: &Ring, after: i64) -> Option<(usize, i64)> {
        ring.since(Seq(after)).map(|(frames, through)| (frames.len(), through.0))
    }

    #[test]
    fn a_ring_answers_from_its_beginning_and_not_from_before() {
        let mut ring = Ring::default();
        assert_eq!(since(&ring, 0), None);
        for seq in 11..=13 {
            push(&mut ring, seq);
        }
        assert_eq!(
            [9, 10, 12, 13, 14].map(|after| since(&ring, after)),
            [None, Some((3, 13)), Some((1, 13)), None, None]
        );
    }

    #[test]
    fn a_ring_without_a_hole_or_none() {
        let mut ring = Ring::default();
        push(&mut ring, 1);
        push(&mut ring, 2);
        push(&mut ring, 4);
        assert_eq!([0, 2, 3].map(|after| since(&ring, after)), [None, None, Some((1, 4))]);
    }

    #[test]
    fn a_ring_is_bounded_by_changes_and_by_bytes() {
        let mut ring = Ring::default();
        for seq in 1..=CHANGES_KEPT as i64 + 5 {
            push(&mut ring, seq);
        }
        let last = CHANGES_KEPT as i64 + 5;
        assert_eq!((since(&ring, 4), since(&ring, 5)), (None, Some((CHANGES_KEPT, last))));
        let large = Utf8Bytes::from("x".repeat(BYTES_KEPT - 300));
        ring.push((Seq(last), Seq(last + 1)), 1, &large);
        assert!(ring.bytes() <= BYTES_KEPT && since(&ring, last).is_some());
        ring.push((Seq(last + 1), Seq(last + 2)), 1, &Utf8Bytes::from("x".repeat(BYTES_KEPT + 1)));
        assert_eq!((since(&ring, last + 1), ring.bytes(), ring.changes), (None, 0, 0));
    }

    #[test]
    fn a_thing_that_changed_often_is_told_once_and_repaired_changes_count_too() {
        let line = Line::Room(RoomId(Uuid::nil()));
        let repaired = vec![(Seq(3), titled(3, "three")), (Seq(5), titled(5, "five"))];
        let repaired =
            Event::Changes { line, after: Seq(1), changes: repaired, through: Seq(5), people: Vec::new() };
        let frames = [change(1, "one"), frame(repaired)];
        assert_eq!(newest(&frames, Seq(0)), Some((vec![(Seq(5), titled(5, "five"))], Vec::new())));
        let unknown = r#"{"event":{"type":"change","line":"workspace","seq":6,"change":{"type":"poll"}}}"#;
        assert_eq!(newest(&[change(1, "one"), Utf8Bytes::from_static(unknown)], Seq(0)), None);
    }
}
