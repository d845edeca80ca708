//! The newest changes of a followed line, in memory: a client that was away briefly catches up
//! without Postgres.
//!
//! A ring holds the frames that were delivered to the hub, as the same bytes, and parses them only
//! on request.
//!
//! Law: a ring has no gaps, from its beginning up to the node's position. It is a copy of what is
//! in Postgres, so it may be dropped at any time; and the database still decides who may read it.

use std::collections::{HashMap, HashSet, VecDeque};

use axum::extract::ws::Utf8Bytes;
use protocol::{
    Change, Event, Nonce, RoomId, Seq, ServerFrame, User, UserId,
    limits::{BEHIND_MAX, CHANGES_MAX},
};

use super::Node;
use crate::broker::Line;

/// The most changes in one ring …
const CHANGES_KEPT: usize = 128;
/// … and the most bytes of frames.
const BYTES_KEPT: usize = 128 * 1024;
/// The most bytes of all rings of a node. Beyond that, the head check drops those of the lines that
/// have been quiet longest.
pub(super) const ALL_BYTES_MAX: usize = 64 * 1024 * 1024;

// A whole ring fits into one answer.
const _: () = assert!(CHANGES_KEPT <= CHANGES_MAX);

/// One frame, and the range of its numbers: those after `after`, up to `through`.
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
    /// Adds a frame with this number of changes. If it does not follow the last one, the ring
    /// begins anew.
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

    /// Whether it reaches back to `after` and has something newer.
    fn reaches(&self, after: Seq) -> bool {
        let ends = self.frames.front().zip(self.frames.back());
        ends.is_some_and(|(first, last)| first.after <= after && after < last.through)
    }

    /// The frames with changes after `after`, and the last number, if the ring reaches back that
    /// far.
    fn since(&self, after: Seq) -> Option<(Vec<Utf8Bytes>, Seq)> {
        let last = self.frames.back().filter(|_| self.reaches(after))?;
        let newer = self.frames.iter().filter(|kept| kept.through > after);
        Some((newer.map(|kept| kept.frame.clone()).collect(), last.through))
    }
}

/// The recent changes of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Recent {
    /// Each changed thing, in its latest state.
    pub changes: Vec<(Seq, Change)>,
    /// The people they refer to.
    pub people: Vec<User>,
    /// Nothing is missing up to this number.
    pub through: Seq,
}

impl Node {
    /// This node's position on a line that it follows; never beyond the line's head.
    #[must_use]
    pub fn position(&self, line: Line) -> Option<Seq> {
        self.follows.with(line, |position| position.last).flatten()
    }

    /// Whether [`Self::recent_changes`] may have an answer, so that querying the line's head is
    /// worthwhile.
    #[must_use]
    pub fn remembers(&self, line: Line, after: Seq) -> bool {
        let remembers =
            self.follows.with(line, |position| position.last == Some(after) || position.ring.reaches(after));
        if remembers != Some(true) {
            self.metrics.ring_misses.inc();
        }
        remembers == Some(true)
    }

    /// Everything that changed on a line after `after`, from this node's memory, and the number up
    /// to which it is complete. As from the database, a thing that changed repeatedly is included
    /// once. `None` if the database must be queried: the ring does not reach back that far, this
    /// node has a gap, or it has not yet received `head`.
    ///
    /// The caller checks whether someone may read it; the same query returns the head.
    #[must_use]
    pub fn recent_changes(&self, line: Line, after: Seq, head: Seq) -> Option<Recent> {
        if after == head {
            // Nothing has changed; this does not count as a hit.
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

/// Identifies a thing on a line.
#[derive(PartialEq, Eq, Hash)]
enum Thing {
    Message(Seq),
    Reaction(Seq, UserId, String),
    Pin(Seq),
    Poll(Seq),
    Member(UserId),
    Room,
    Membership(RoomId),
    Sessions,
    Saved(RoomId, Seq),
    Scheduled(Nonce),
    Following(RoomId, Seq),
    Unread(RoomId),
    Draft(RoomId, Option<Seq>),
    Vote(RoomId, Seq),
    InGroup(UserId),
    Profile(UserId),
}

impl Thing {
    /// The thing that a change is about; `None` for a change that only a newer server knows, which
    /// this one could not pass on completely.
    fn of(change: &Change) -> Option<Self> {
        Some(match change {
            Change::Message { message } => Self::Message(message.seq),
            Change::Reaction { message, emoji, user, .. } => Self::Reaction(*message, *user, emoji.clone()),
            Change::Pin { pin } => Self::Pin(pin.message),
            Change::Poll { message, .. } => Self::Poll(*message),
            Change::Member { member, .. } => Self::Member(member.user),
            Change::Room { .. } => Self::Room,
            Change::Membership { room, .. } => Self::Membership(*room),
            Change::Sessions {} => Self::Sessions,
            Change::Saved { saved } => Self::Saved(saved.room, saved.message),
            Change::Scheduled { scheduled } => Self::Scheduled(scheduled.nonce),
            Change::Following { following } => Self::Following(following.room, following.root),
            Change::Unread { unread } => Self::Unread(unread.room),
            Change::Draft { draft } => Self::Draft(draft.room, draft.thread),
            Change::Vote { vote } => Self::Vote(vote.room, vote.message),
            Change::InGroup { in_group } => Self::InGroup(in_group.group),
            Change::Profile { user } => Self::Profile(user.id),
            Change::Unknown => return None,
        })
    }
}

/// Changes with their numbers, and the people they refer to.
type Newest = (Vec<(Seq, Change)>, Vec<User>);

/// The changes in these frames with numbers after `after`, each thing once in its latest state, and
/// the people they refer to; `None` if a frame cannot be parsed.
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

    /// The number of frames since `after`, and the last number.
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
        let unknown = r#"{"event":{"type":"change","line":"workspace","seq":6,"change":{"type":"riddle"}}}"#;
        assert_eq!(newest(&[change(1, "one"), Utf8Bytes::from_static(unknown)], Seq(0)), None);
    }
}
