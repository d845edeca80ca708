//! One room, as far as this client knows it.

use protocol::{
    Change, Direction, Marks, Member, Message, Millis, RoomSummary, RoomView, Seq, UserId,
    limits::MARKS_MEMBERS_MAX, limits::UNREAD_MAX,
};

use crate::{sorted::SortedMap, timeline::Timeline};

/// Changes that wait for the ones before them. More than this, and catching up is quicker.
const HELD_MAX: usize = 256;
/// Changed messages outside the window that are remembered. Pages that are on their way are read within seconds.
const CHANGED_OUTSIDE_MAX: usize = 128;

/// What became of a numbered change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was the next one.
    Yes,
    /// It was known already.
    Known,
    /// Some before it are missing: it is held.
    Held,
}

/// How far one's own message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tick {
    /// It is committed.
    Sent,
    /// A device of everyone else has confirmed it.
    Delivered,
    /// Everyone else has seen it.
    Read,
}

/// A room: its line in the list, and, once opened, its window of messages, its members and their marks.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomState {
    /// Its line in the list.
    pub summary: RoomSummary,
    /// The window of messages; `None` until the room has been opened.
    pub timeline: Option<Timeline>,
    /// The members that are known, once opened.
    pub members: SortedMap<UserId, Member>,
    /// The marks that are known, once opened.
    pub marks: SortedMap<UserId, Marks>,
    /// Where the line of unread messages is drawn: set when the room is entered.
    pub unread_after: Option<Seq>,
    /// All changes up to here are in this state.
    cursor: Seq,
    /// What came too early, with the time of the first hole.
    held: SortedMap<Seq, Change>,
    held_since: Option<Millis>,
    /// The unread count already knows of everything up to here.
    counted_through: Seq,
    /// Changed messages outside the window, as they are now: a page of history that was read before the change may still be
    /// on its way.
    changed_outside: SortedMap<Seq, Message>,
    /// Marks of others may have been told while this client was away.
    stale: bool,
}

impl RoomState {
    /// A room that is only a line in the list.
    #[must_use]
    pub fn listed(summary: RoomSummary) -> Self {
        let head = summary.head;
        let mut marks = SortedMap::new();
        marks.insert(summary.marks.user, summary.marks);
        Self {
            summary,
            timeline: None,
            members: SortedMap::new(),
            marks,
            unread_after: None,
            cursor: head,
            held: SortedMap::new(),
            held_since: None,
            counted_through: head,
            changed_outside: SortedMap::new(),
            stale: false,
        }
    }

    /// A room as it was opened.
    #[must_use]
    pub fn opened(view: RoomView) -> Self {
        let mut room = Self::listed(view.summary.clone());
        room.open(view);
        room
    }

    /// Begins from a fresh view.
    pub fn open(&mut self, view: RoomView) {
        let own = self.summary.marks;
        self.timeline = Some(Timeline::newest(view.messages, view.more_before));
        // Not `collect`: that sorts, and a sort for each type is a tenth of the browser's download.
        self.members.clear();
        self.members.extend(view.members.into_iter().map(|member| (member.user.id, member)));
        self.marks.clear();
        self.marks.extend(view.marks.into_iter().map(|marks| (marks.user, marks)));
        self.summary = view.summary;
        self.cursor = view.through;
        self.counted_through = view.through;
        self.changed_outside.clear();
        self.stale = false;
        self.put_marks(own);
        self.held.retain(|seq, _| *seq > view.through);
        self.drain();
    }

    /// Takes the list's newer word for it (after a reconnect). The window stays where it is and catches up.
    pub fn relist(&mut self, summary: RoomSummary) {
        if summary.head < self.cursor {
            // It was read before what is known here happened.
            self.put_marks(summary.marks);
            return;
        }
        if self.timeline.is_none() {
            self.cursor = self.cursor.max(summary.head);
        }
        self.counted_through = summary.head;
        let own = self.summary.marks;
        self.summary = summary;
        self.put_marks(self.summary.marks);
        self.put_marks(own);
        self.held.retain(|seq, _| *seq > self.cursor);
        self.drain();
    }

    /// A message, while it is in the window.
    #[must_use]
    pub fn message(&self, seq: Seq) -> Option<&Message> {
        Some(self.timeline.as_ref()?.get(seq)?)
    }

    /// The viewer's newest message that has a text, while the window reaches down to the newest of all.
    pub(crate) fn newest_own(&self) -> Option<Seq> {
        let timeline = self.timeline.as_ref().filter(|timeline| !timeline.more_after())?;
        let me = self.summary.marks.user;
        timeline.messages().rev().find(|m| m.author.id == me && !m.deleted).map(|m| m.seq)
    }

    /// Where the unread messages begin, when that is above the window.
    #[must_use]
    pub fn unread_above(&self) -> Option<Seq> {
        let timeline = self.timeline.as_ref()?;
        let is_above = |after: &Seq| {
            timeline.more_before() && timeline.first().is_none_or(|first| first.seq > after.next())
        };
        self.unread_after.filter(is_above)
    }

    /// The page that begins where the unread messages do. It takes the window's place, or makes it longer.
    pub fn begin_at_unread(&mut self, page: Vec<Message>, more: bool) {
        // Between the read mark and the first message there may be other changes: the line is drawn at the message.
        self.unread_after = page.first().map(|first| Seq(first.seq.0 - 1));
        let more = more || self.is_newer_than(&page);
        let page = self.as_known(page);
        if let Some(timeline) = &mut self.timeline {
            timeline.begin_at(page, more);
        }
    }

    /// A page of history that was asked for from `seq`, at one end of the window.
    pub fn extend(&mut self, direction: Direction, seq: Seq, page: Vec<Message>, more: bool) {
        let passed = self.unread_above().is_none();
        let more = more || (direction == Direction::After && self.is_newer_than(&page));
        let page = self.as_known(page);
        if let Some(timeline) = &mut self.timeline {
            timeline.extend(direction, seq, page, more);
        }
        self.forget_passed(passed);
    }

    /// The page, with the messages that have changed since it was read.
    fn as_known(&self, mut page: Vec<Message>) -> Vec<Message> {
        for message in &mut page {
            if let Some(known) =
                self.changed_outside.get(&message.seq).filter(|known| known.rev > message.rev)
            {
                *message = known.clone();
            }
        }
        page
    }

    /// A message was said that is newer than this page: its event overtook the page, and was not put into a window that
    /// did not reach so far.
    fn is_newer_than(&self, page: &[Message]) -> bool {
        let newest = self.summary.last.as_ref().map(|newest| newest.seq);
        page.last().is_some_and(|last| newest > Some(last.seq))
    }

    /// What is far above the newest message may go. Says whether anything went.
    pub fn trim(&mut self) -> bool {
        let passed = self.unread_above().is_none();
        let trimmed = self.timeline.as_mut().is_some_and(Timeline::trim_above);
        self.forget_passed(passed);
        trimmed
    }

    /// The line of unread messages was in the window and has left it upwards: the person is past it.
    fn forget_passed(&mut self, passed: bool) {
        if passed && self.unread_above().is_some() {
            self.unread_after = None;
        }
    }

    /// All changes up to here are in this state.
    #[must_use]
    pub fn cursor(&self) -> Seq {
        self.cursor
    }

    /// Since when a hole has been waiting to be filled.
    #[must_use]
    pub fn held_since(&self) -> Option<Millis> {
        self.held_since
    }

    /// Too much is held: do not wait for the hole to fill by itself.
    #[must_use]
    pub fn is_flooded(&self) -> bool {
        self.held.len() >= HELD_MAX
    }

    /// A numbered change came, live. `now` is when, by any clock that does not go back.
    pub fn apply(&mut self, seq: Seq, change: Change, now: Millis) -> Applied {
        self.summary.head = self.summary.head.max(seq);
        if seq <= self.cursor {
            return Applied::Known;
        }
        if seq > self.cursor.next() {
            if self.held.len() < HELD_MAX {
                self.held.insert(seq, change);
            }
            self.held_since.get_or_insert(now);
            return Applied::Held;
        }
        self.advance(seq, change, self.counted_through);
        self.drain();
        Applied::Yes
    }

    /// The answer to «everything after my position»: what is between two of its numbers needs no telling.
    pub fn catch_up(&mut self, changes: Vec<(Seq, Change)>, through: Seq) {
        // In the order of their last changes, a message may come after younger ones: new is what was not known before.
        let counted = self.counted_through;
        for (seq, change) in changes {
            if seq > self.cursor {
                self.advance(seq, change, counted);
            }
        }
        self.cursor = self.cursor.max(through);
        self.summary.head = self.summary.head.max(through);
        let cursor = self.cursor;
        self.held.retain(|seq, _| *seq > cursor);
        self.drain();
        // Only now does the window know as much as the count that came with `welcome`, which may have been made before
        // this device's last read mark arrived.
        self.recount();
    }

    /// What a server missed and fetched again, told to everyone. Where this client is not so far yet, it is a hole:
    /// the client asks for itself.
    pub fn repaired(
        &mut self,
        after: Seq,
        changes: Vec<(Seq, Change)>,
        through: Seq,
        now: Millis,
    ) -> Applied {
        self.summary.head = self.summary.head.max(through);
        if through <= self.cursor {
            return Applied::Known;
        }
        if after > self.cursor {
            self.held_since.get_or_insert(now);
            return Applied::Held;
        }
        self.catch_up(changes, through);
        Applied::Yes
    }

    fn drain(&mut self) {
        while let Some(change) = self.held.remove(&self.cursor.next()) {
            let seq = self.cursor.next();
            self.advance(seq, change, self.counted_through);
        }
        // Nothing held is no hole, unless the head is known to be further on.
        if self.held.is_empty() && self.cursor >= self.summary.head {
            self.held_since = None;
        }
    }

    /// `counted`: the unread count knows of every message up to here.
    fn advance(&mut self, seq: Seq, change: Change, counted: Seq) {
        self.cursor = seq;
        self.summary.head = self.summary.head.max(seq);
        match change {
            Change::Message { message } => self.put_message(message, counted),
            Change::Member { member, members, marks } => {
                self.put_member(member, members);
                self.put_marks(marks);
            }
            Change::Room { room } => {
                if room.rev > self.summary.room.rev {
                    self.summary.room = room;
                }
            }
            Change::Unknown => {}
        }
    }

    fn put_message(&mut self, message: Message, counted: Seq) {
        let is_theirs = message.author.id != self.summary.marks.user && message.seq > self.summary.marks.read;
        if is_theirs && message.seq > counted && !message.deleted {
            self.summary.unread = (self.summary.unread + 1).min(UNREAD_MAX);
        }
        // It was counted, and deleted after the counting.
        let lost = is_theirs && message.deleted && (message.seq..message.rev).contains(&counted);
        // At its bound the count says «at least».
        if lost && self.summary.unread < UNREAD_MAX {
            self.summary.unread = self.summary.unread.saturating_sub(1);
        }
        self.counted_through = self.counted_through.max(message.seq);
        self.summary.active_at = self.summary.active_at.max(message.sent_at);
        self.put_last(&message);
        let Some(timeline) = &mut self.timeline else { return };
        // Changed while this client caught up, it was not in what was fetched, and comes only now, after younger ones.
        let late = message.seq <= counted && !timeline.has(message.seq);
        let changed = (message.rev != message.seq).then(|| message.clone());
        let is_new = timeline.put(message);
        if let Some(changed) = changed.filter(|changed| !is_new && !timeline.has(changed.seq)) {
            self.changed_outside.insert(changed.seq, changed);
            self.changed_outside.keep_last(CHANGED_OUTSIDE_MAX);
        }
        if lost || (late && is_new) {
            self.recount();
        }
    }

    fn put_last(&mut self, message: &Message) {
        if self.summary.last.as_ref().is_none_or(|last| (message.seq, message.rev) > (last.seq, last.rev)) {
            self.summary.last = Some(message.preview());
        }
    }

    /// A message as the answer to a command brought it, ahead of its event. Says whether anything changed.
    pub fn answered(&mut self, message: Message) -> bool {
        if self.summary.last.as_ref().is_some_and(|last| last.seq == message.seq) {
            self.put_last(&message);
        }
        self.timeline.as_mut().is_some_and(|timeline| timeline.put(message))
    }

    fn put_member(&mut self, member: Member, members: u32) {
        self.summary.members = members;
        if member.user.id == self.summary.marks.user {
            self.summary.role = member.role;
        }
        self.put_listed(member);
    }

    /// A member, from a list or from a change: an older word changes nothing.
    pub fn put_listed(&mut self, member: Member) {
        if self.members.get(&member.user.id).is_none_or(|known| known.rev < member.rev) {
            self.members.insert(member.user.id, member);
        }
    }

    /// Whether marks of others may have been told that this client has not heard: they pass, and it was away. Never of a
    /// room that is only a line in the list, or so large that marks are not told.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// See [`Self::is_stale`].
    pub fn set_stale(&mut self, stale: bool) {
        self.stale = stale && self.timeline.is_some() && self.summary.members as usize <= MARKS_MEMBERS_MAX;
    }

    /// Someone's marks. They only grow. Says whether anything changed.
    pub fn put_marks(&mut self, marks: Marks) -> bool {
        let known = self.marks.get_or_insert(marks.user, Marks { read: Seq(-1), ..marks });
        let grown = Marks {
            delivered: known.delivered.max(marks.delivered),
            read: known.read.max(marks.read),
            ..marks
        };
        let changed = *known != grown;
        *known = grown;
        if marks.user == self.summary.marks.user && self.summary.marks != grown {
            let read_on = grown.read > self.summary.marks.read;
            self.summary.marks = grown;
            if read_on {
                self.recount();
            }
        }
        changed
    }

    /// After one's own read mark grew: what is left unread, as far as the window can tell.
    fn recount(&mut self) {
        let read = self.summary.marks.read;
        if self.summary.last.as_ref().is_none_or(|last| last.seq <= read) {
            self.summary.unread = 0;
            return;
        }
        let Some(timeline) = &self.timeline else { return };
        // A window that is still catching up knows less than the count that came with `welcome`.
        let covers = self.cursor >= self.counted_through
            && !timeline.more_after()
            && (!timeline.more_before() || timeline.first().is_some_and(|first| first.seq <= read.next()));
        if covers {
            let own = self.summary.marks.user;
            let unread = timeline.messages().rev().take_while(|m| m.seq > read);
            let unread = unread.filter(|m| m.author.id != own && !m.deleted);
            self.summary.unread = u32::try_from(unread.count()).unwrap_or(UNREAD_MAX).min(UNREAD_MAX);
        }
    }

    /// The members who are in the room now.
    pub fn active_members(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| member.active)
    }

    /// How far a message of one's own has come. In a large room no more is told than that it is committed.
    #[must_use]
    pub fn tick(&self, seq: Seq) -> Tick {
        if self.summary.members as usize > MARKS_MEMBERS_MAX {
            return Tick::Sent;
        }
        let others = || {
            self.active_members().filter(|m| m.user.id != self.summary.marks.user).map(|m| self.marks_of(m))
        };
        if others().next().is_none() {
            return Tick::Sent;
        }
        if others().all(|marks| marks.read >= seq) {
            Tick::Read
        } else if others().all(|marks| marks.delivered >= seq) {
            Tick::Delivered
        } else {
            Tick::Sent
        }
    }

    /// Who else has seen a message, and how many others there are.
    #[must_use]
    pub fn read_by(&self, seq: Seq) -> (Vec<&Member>, usize) {
        let others: Vec<_> = self.active_members().filter(|m| m.user.id != self.summary.marks.user).collect();
        let count = others.len();
        (others.into_iter().filter(|m| self.marks_of(m).read >= seq).collect(), count)
    }

    fn marks_of(&self, member: &Member) -> Marks {
        let none = Marks { user: member.user.id, delivered: Seq::ZERO, read: Seq::ZERO };
        self.marks.get(&member.user.id).copied().unwrap_or(none)
    }
}
