//! The client's state of one room.

use std::sync::Arc;

use protocol::{
    Change, Direction, Marks, Member, Message, Millis, Pin, Poll, Replies, RoomSummary, RoomView, Seq,
    Thread, Unread, UserId,
    limits::{MARKS_MEMBERS_MAX, PINS_MAX, PREVIEWS_MAX, UNREAD_MAX},
};

use crate::{
    line::{self, Applied, LineState, OnLine},
    sorted::SortedMap,
    thread::ThreadState,
    timeline::Timeline,
};

/// How many changes to messages are remembered, for pages that are on their way.
const CHANGED_KEPT_MAX: usize = 128;

/// Above this number of quoted messages, all are dropped, and requested again if they are shown.
const QUOTED_KEPT_MAX: usize = 1_000;

/// The groups that the viewer is in, shared by all rooms; `None` until they are known.
pub(crate) type Groups = Option<Arc<[UserId]>>;

/// The state of the viewer's own message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tick {
    /// It is committed.
    Sent,
    /// Confirmed by a device of everyone else.
    Delivered,
    /// Seen by everyone else.
    Read,
}

/// Someone's reaction to a message.
#[derive(Clone, Debug, PartialEq)]
struct Reacted {
    message: Seq,
    emoji: String,
    user: UserId,
    on: bool,
}

/// A room: its entry in the list, and, once opened, its window of messages, its members and their
/// marks.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomState {
    /// Its entry in the list.
    pub summary: RoomSummary,
    /// The window of messages; `None` until the room has been opened.
    pub timeline: Option<Timeline>,
    /// The known members, once opened.
    pub members: SortedMap<UserId, Member>,
    /// The known marks, once opened.
    pub marks: SortedMap<UserId, Marks>,
    /// Where the line of unread messages is drawn: set when the room is entered.
    pub unread_after: Option<Seq>,
    /// The viewer has marked the room unread since they entered it, so what they see of it does not count until they enter it again.
    pub(crate) is_kept_unread: bool,
    /// A page that came before the view that was requested with it, and whether there is more before and after it.
    pub(crate) early: Option<(Vec<Message>, (bool, bool))>,
    /// The pinned messages as last fetched, kept up to date since.
    pub pinned: SortedMap<Seq, Message>,
    /// How many fresh views it has begun from. Each one drops the pinned messages, because they may
    /// have changed unseen.
    pub views: u32,
    /// The thread that is open beside the room.
    pub thread: Option<ThreadState>,
    /// The messages outside the window to which messages of it reply or which are roots of their threads, kept up to date. `None`
    /// for one that is not there.
    quoted: SortedMap<Seq, Option<Message>>,
    line: LineState,
    /// The pins by message, including removed ones, so that an older state does not bring one back.
    pins: SortedMap<Seq, Pin>,
    /// The unread count includes everything up to here.
    counted_through: Seq,
    /// The same, as it was before the changes that are being applied together.
    counted: Seq,
    /// The unread count may be wrong, and only the server knows: it is asked.
    miscounted: bool,
    /// The messages that changed last, as they are now: a page that was read before the change may still be on its way.
    changed: SortedMap<Seq, Message>,
    /// The same for reactions, by the number of the change.
    reactions: SortedMap<Seq, Reacted>,
    /// The same for threads, by their roots.
    replies: Vec<(Seq, Replies)>,
    /// The same for polls, by their messages: the counts, and the viewer's own votes.
    polls: Vec<(Seq, Poll)>,
    /// Polls in which the viewer is voting, as they were before. The vote is drawn on top of that, so it is not counted twice when the
    /// server has counted it but not yet answered.
    voting: Vec<(Seq, Poll)>,
    /// Marks of others may have been told while this client was away.
    stale: bool,
    /// Live changes are being applied one by one in order, so everything sent earlier is here.
    live: bool,
    /// Replies by others that have come in threads: the root, and the number of the reply. Threads are followed on another line.
    heard: Vec<(Seq, Seq)>,
    /// The viewer's own message has moved their read mark up to here, and the server has not been told.
    read_by_writing: Option<Seq>,
    /// Mentions of these count for the viewer.
    groups: Groups,
}

impl RoomState {
    /// A room that is only an entry in the list.
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
            is_kept_unread: false,
            early: None,
            pinned: SortedMap::new(),
            views: 0,
            thread: None,
            quoted: SortedMap::new(),
            line: LineState::at(head),
            pins: SortedMap::new(),
            counted_through: head,
            counted: head,
            miscounted: false,
            changed: SortedMap::new(),
            reactions: SortedMap::new(),
            replies: Vec::new(),
            polls: Vec::new(),
            voting: Vec::new(),
            stale: false,
            live: false,
            heard: Vec::new(),
            read_by_writing: None,
            groups: None,
        }
    }

    /// The room of a viewer who is in these groups. The counts came from the server, which knows them.
    pub(crate) fn in_groups(self, groups: &Groups) -> Self {
        Self { groups: groups.clone(), ..self }
    }

    /// The viewer is in other groups, and mentions count by them, also earlier ones. Says whether the count
    /// may have changed.
    pub(crate) fn regroup(&mut self, groups: &Groups) -> bool {
        let was_known = self.groups.is_some();
        self.groups.clone_from(groups);
        let has_unread = self.summary.unread > 0;
        // Before they were known, the count was that of the server.
        if has_unread && !self.recount() && was_known {
            self.miscounted = true;
        }
        has_unread
    }

    /// Whether a message mentions the viewer; `None` if only the server knows, because it mentions somebody,
    /// and the viewer's groups are not known yet.
    fn mentions_me(&self, message: &Message) -> Option<bool> {
        let me = self.summary.marks.user;
        let sure = message.mentions(me, self.groups.as_deref().unwrap_or_default());
        (sure || self.groups.is_some() || message.mentions.is_empty()).then_some(sure)
    }

    /// A room from its view.
    #[must_use]
    pub fn opened(view: RoomView) -> Self {
        let mut room = Self::listed(view.summary.clone());
        room.open(view);
        room
    }

    /// Begins from a fresh view.
    pub fn open(&mut self, view: RoomView) {
        let (own, unread) = (self.summary.marks, self.unread_mark());
        for message in &view.messages {
            self.hear(Replies::of(message).iter().map(|(root, replies)| (*root, replies)));
            self.hear(message.replies.iter().map(|replies| (message.seq, replies)));
        }
        // Votes are told on the person's line, which may be ahead of this view. Counts come with the room's line.
        self.polls.retain_mut(|(_, poll)| {
            *poll = Poll { vote: poll.vote.take(), ..Poll::default() };
            poll.vote.is_some()
        });
        let messages = view.messages.into_iter().map(|message| self.with_poll(message)).collect();
        self.timeline = Some(Timeline::newest(messages, view.more_before));
        // Not `collect`, because that sorts, and a sort for each type is a tenth of the browser's
        // download.
        self.members.clear();
        self.members.extend(view.members.into_iter().map(|member| (member.user, member)));
        let known = std::mem::take(&mut self.marks);
        self.marks.extend(view.marks.into_iter().map(|marks| (marks.user, marks)));
        // Marks only grow and are not numbered: some may have arrived after the server read this
        // view and before the view arrived.
        for (user, known) in known.iter() {
            if let Some(marks) = self.marks.get_mut(user) {
                marks.delivered = marks.delivered.max(known.delivered);
                marks.read = marks.read.max(known.read);
            }
        }
        self.pins.clear();
        self.pins.extend(view.pins.into_iter().map(|pin| (pin.message, pin)));
        self.pinned.clear();
        self.quoted.clear();
        self.quoted.extend(view.quoted.into_iter().map(|message| (message.seq, Some(message))));
        self.views += 1;
        self.summary = view.summary;
        self.counted_through = view.through;
        self.miscounted = false;
        self.changed.clear();
        self.reactions.clear();
        self.replies.clear();
        if let Some(thread) = &mut self.thread {
            thread.ask_again();
        }
        self.stale = false;
        let head = self.summary.head;
        line::restart(self, view.through, head);
        self.put_marks(own);
        self.put_unread(unread);
        self.summary.head = self.line.head();
        if let Some((page, ends)) = self.early.take() {
            self.show(page, ends);
        }
    }

    /// Applies a newer summary from the list, after a reconnect. The window stays where it is and
    /// catches up.
    pub fn relist(&mut self, summary: RoomSummary) {
        if summary.head < self.cursor() {
            // It was read before something that is known here.
            self.put_marks(summary.marks);
            self.put_unread(unread_mark(&summary));
            return;
        }
        let (head, own, unread) = (summary.head, self.summary.marks, self.unread_mark());
        // Shows a mark that is newer, and keeps the count that came with it.
        self.put_unread(unread_mark(&summary));
        self.counted_through = head;
        self.miscounted = false;
        self.summary = summary;
        self.put_marks(self.summary.marks);
        self.put_marks(own);
        self.put_unread(unread);
        let cursor = if self.timeline.is_none() { head } else { self.cursor() };
        line::restart(self, cursor, head);
        self.summary.head = self.line.head();
    }

    /// A message, if it is in the window.
    #[must_use]
    pub fn message(&self, seq: Seq) -> Option<&Message> {
        Some(self.timeline.as_ref()?.get(seq)?)
    }

    /// A message, while it is in the window or in the open thread.
    #[must_use]
    pub fn shown(&self, seq: Seq) -> Option<&Message> {
        self.message(seq).or_else(|| self.thread.as_ref()?.message(seq).map(|message| &**message))
    }

    /// The viewer's newest message that has a text, while the window reaches down to the newest of all.
    pub(crate) fn newest_own(&self, thread: Option<Seq>) -> Option<Seq> {
        let me = self.summary.marks.user;
        let is_own = |message: &&Arc<Message>| message.author == me && !message.deleted;
        if let Some(root) = thread {
            let open = self.thread.as_ref().filter(|open| open.root() == root)?;
            return open.replies().rev().find(is_own).map(|message| message.seq);
        }
        let timeline = self.timeline.as_ref().filter(|timeline| !timeline.more_after())?;
        timeline.messages().rev().filter(|message| message.is_in_room()).find(is_own).map(|m| m.seq)
    }

    /// Where the unread messages begin, if that is above the window.
    #[must_use]
    pub fn unread_above(&self) -> Option<Seq> {
        let timeline = self.timeline.as_ref()?;
        let is_above = |after: &Seq| {
            timeline.more_before() && timeline.first().is_none_or(|first| first.seq > after.next())
        };
        self.unread_after.filter(is_above)
    }

    /// Applies the page that begins at the first unread message. It replaces the window, or extends
    /// it.
    pub fn begin_at_unread(&mut self, page: Vec<Message>, more: bool) {
        // There may be other changes between the read mark and the first message: the line is drawn
        // at the message.
        self.unread_after = page.first().map(|first| Seq(first.seq.0 - 1));
        self.show(page, (true, more));
    }

    /// Applies the page around a message.
    pub fn show_around(&mut self, page: Vec<Message>, more_before: bool, more_after: bool) {
        self.show(page, (more_before, more_after));
    }

    /// Shows this page, at once or when the room's view comes, which was requested at the same time.
    fn show(&mut self, page: Vec<Message>, (more_before, more_after): (bool, bool)) {
        if self.timeline.is_none() {
            self.early = Some((page, (more_before, more_after)));
            return;
        }
        let more_after = more_after || self.is_newer_than(&page);
        let page = self.as_known(page);
        if let Some(timeline) = &mut self.timeline {
            timeline.show(page, (more_before, more_after));
        }
    }

    /// The current state of a message that another one replies to, possibly truncated. `None` while
    /// it is unknown.
    #[must_use]
    pub fn quote(&self, seq: Seq) -> Option<&Message> {
        self.shown(seq).or_else(|| self.quoted.get(&seq)?.as_ref())
    }

    /// Unknown messages that messages in the window reply to: at most [`PREVIEWS_MAX`].
    #[must_use]
    pub(crate) fn missing_quotes(&self) -> Vec<Seq> {
        let mut missing = Vec::new();
        let Some(timeline) = &self.timeline else { return missing };
        let thread = self.thread.iter().flat_map(ThreadState::replies);
        let named = |message: &Arc<Message>| [message.reply_to, message.thread.map(|thread| thread.0)];
        for seq in timeline.messages().chain(thread).flat_map(named).flatten() {
            let is_known = self.shown(seq).is_some() || self.quoted.contains_key(&seq);
            if !is_known && missing.len() < PREVIEWS_MAX && !missing.contains(&seq) {
                missing.push(seq);
            }
        }
        missing
    }

    /// Applies requested quoted messages. Those that are missing do not exist.
    pub(crate) fn put_quoted(&mut self, asked: &[Seq], messages: Vec<Message>) {
        if self.quoted.len() > QUOTED_KEPT_MAX {
            self.quoted.clear();
        }
        for seq in asked {
            self.quoted.get_or_insert(*seq, None);
        }
        for message in messages {
            let known = self.quoted.get_or_insert(message.seq, None);
            // It may have changed after the server read it.
            let is_newer = self.changed.get(&message.seq).filter(|newer| newer.rev > message.rev);
            *known = Some(is_newer.map_or(message, Message::preview));
        }
    }

    /// Applies a page of history that was requested from `seq`, at one end of the window.
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
    fn as_known(&self, page: Vec<Message>) -> Vec<Message> {
        page.into_iter().map(|message| self.known(message)).collect()
    }

    /// A message that was fetched, with what has changed since it was read.
    fn known(&self, mut message: Message) -> Message {
        let seq = message.seq;
        let (replies, poll) = (message.replies.take(), message.poll.clone());
        if let Some(known) = self.changed.get(&seq).filter(|known| known.rev > message.rev) {
            message = known.clone();
        }
        for (rev, reacted) in self.reactions.iter().filter(|(_, reacted)| reacted.message == seq) {
            message.react(&reacted.emoji, reacted.user, reacted.on, *rev);
        }
        for replies in replies.iter().chain(self.told_of(seq)) {
            message.put_replies(replies);
        }
        if let Some(poll) = &poll {
            message.put_poll(poll);
        }
        self.with_poll(message)
    }

    /// A message, with what has become known of its poll.
    fn with_poll(&self, mut message: Message) -> Message {
        if message.poll.is_some()
            && let Some((_, poll)) = self.polls.iter().find(|(seq, _)| *seq == message.seq)
        {
            message.put_poll(poll);
        }
        message
    }

    /// What replies that came while this client was here say about their thread.
    pub(crate) fn told_of(&self, root: Seq) -> Option<&Replies> {
        self.replies.iter().find(|(known, _)| *known == root).map(|(_, replies)| replies)
    }

    /// The number of the last reply in a thread that somebody else wrote, as far as this client knows.
    pub(crate) fn last_reply(&self, root: Seq) -> Option<Seq> {
        let me = self.summary.marks.user;
        let told = self.told_of(root).or_else(|| self.shown(root)?.replies.as_ref());
        let is_reply = |message: &&Arc<Message>| {
            message.author != me && message.thread.is_some_and(|thread| thread.0 == root)
        };
        let shown = self.timeline.as_ref().and_then(|window| window.messages().rev().find(is_reply));
        told.and_then(|replies| replies.last_by_others(me)).max(shown.map(|reply| reply.seq))
    }

    /// Remembers the replies by others for [`Self::take_heard`].
    fn hear<'a>(&mut self, told: impl Iterator<Item = (Seq, &'a Replies)>) {
        let me = self.summary.marks.user;
        self.heard.extend(told.filter_map(|(root, replies)| Some((root, replies.last_by_others(me)?))));
    }

    /// Opens the thread below a message, or none, at a place or at its newest replies. Says whether it was not open before.
    pub(crate) fn open_thread(&mut self, root: Option<Seq>, towards: Option<u32>) -> bool {
        let is_new = self.thread.as_ref().map(ThreadState::root) != root;
        if is_new {
            self.thread = root.map(|root| ThreadState::new(root, towards));
        }
        is_new
    }

    /// The place of a reply in a thread, if the reply is known here.
    pub(crate) fn place_in(&self, root: Seq, reply: Seq) -> Option<u32> {
        self.shown(reply)?.thread.filter(|thread| thread.0 == root).map(|thread| thread.1)
    }

    /// A page of the open thread came.
    pub(crate) fn put_thread(&mut self, before: Option<u32>, thread: Thread, page: Vec<Message>) {
        let Some(mut open) = self.thread.take() else { return };
        if open.root() == thread.root.seq {
            // A message that the window has is as new as everything else here.
            let known = |message: Message| match self.message(message.seq) {
                Some(shown) if shown.rev >= message.rev => {
                    let mut shown = shown.clone();
                    if let Some(replies) = &message.replies {
                        shown.put_replies(replies);
                    }
                    if let Some(poll) = &message.poll {
                        shown.put_poll(poll);
                    }
                    shown
                }
                _ => self.known(message),
            };
            open.came(before, thread, page, known);
        }
        self.thread = Some(open);
    }

    /// Takes over what a message says about the thread that it is in. Says whether anything shown changed.
    fn put_in_thread(&mut self, message: &Message) -> bool {
        let mut changed = self.thread.as_mut().is_some_and(|thread| thread.put(message));
        if let Some((root, replies)) = Replies::of(message) {
            self.hear([(root, &replies)].into_iter());
            match self.replies.iter_mut().find(|(known, _)| *known == root) {
                Some((_, known)) => drop(known.merge(&replies)),
                None => self.replies.push((root, replies.clone())),
            }
            if self.replies.len() > CHANGED_KEPT_MAX {
                // The quietest thread: a page that lacks what came last in it has long arrived.
                let quietest = self.replies.iter().map(|(_, replies)| replies.last).min();
                self.replies.retain(|(_, replies)| Some(replies.last) != quietest);
            }
            changed |= self.timeline.as_mut().is_some_and(|timeline| timeline.put_replies(root, &replies));
            if let Some(thread) = self.thread.as_mut().filter(|thread| thread.root() == root) {
                changed |= thread.put_replies(&replies);
            }
        }
        changed
    }

    /// Whether there is a message newer than this page. Its event overtook the page, and was not
    /// put into the window, which did not reach down to it.
    fn is_newer_than(&self, page: &[Message]) -> bool {
        let newest = self.summary.last.as_ref().map(|newest| newest.seq);
        page.last().is_some_and(|last| newest > Some(last.seq))
    }

    /// Drops messages far above the newest one. Returns whether there were any.
    pub fn trim(&mut self) -> bool {
        let passed = self.unread_above().is_none();
        let trimmed = self.timeline.as_mut().is_some_and(Timeline::trim_above);
        self.forget_passed(passed);
        trimmed
    }

    /// The line of unread messages was in the window and is now above it: the user is past it.
    fn forget_passed(&mut self, passed: bool) {
        if passed && self.unread_above().is_some() {
            self.unread_after = None;
        }
    }

    /// This state includes all changes up to here.
    #[must_use]
    pub fn cursor(&self) -> Seq {
        self.line.cursor()
    }

    /// This client's position on the room's line.
    #[must_use]
    pub fn line(&self) -> &LineState {
        &self.line
    }

    /// Handles a live numbered change. `now` is by any monotonic clock.
    pub fn apply(&mut self, seq: Seq, change: Change, now: Millis) -> Applied {
        self.live = true;
        let applied = line::apply(self, seq, change, now);
        self.live = false;
        self.summary.head = self.line.head();
        applied
    }

    /// Handles the answer to "everything after my position". A missing number was superseded by a
    /// later change.
    pub fn catch_up(&mut self, changes: Vec<(Seq, Change)>, through: Seq) {
        line::catch_up(self, changes, through);
        self.summary.head = self.line.head();
    }

    /// Handles changes that a server had missed, fetched, and sent to all its clients.
    pub fn repaired(
        &mut self,
        after: Seq,
        changes: Vec<(Seq, Change)>,
        through: Seq,
        now: Millis,
    ) -> Applied {
        let applied = line::repaired(self, after, changes, through, now);
        self.summary.head = self.line.head();
        applied
    }

    fn put_message(&mut self, seq: Seq, message: Message) {
        let message = self.with_poll(message);
        let me = self.summary.marks.user;
        let (own, born, deleted) = (message.author == me, message.seq, message.deleted);
        let mut is_unsure = false;
        if !own && born > self.summary.seen() {
            let known = self.mentions_me(&message);
            let mentions = known == Some(true);
            if born > self.counted && !deleted {
                self.summary.unread = (self.summary.unread + 1).min(UNREAD_MAX);
                if mentions {
                    self.summary.mentions = (self.summary.mentions + 1).min(UNREAD_MAX);
                }
                self.miscounted |= known.is_none();
            } else if born <= self.counted && seq > self.counted {
                if deleted {
                    self.uncount();
                }
                // Whether it mentioned the viewer before cannot be read from the window, which may
                // already have the change.
                is_unsure = known != Some(false) || self.summary.mentions > 0;
            }
        }
        self.counted_through = self.counted_through.max(born);
        self.summary.active_at = self.summary.active_at.max(message.sent_at);
        self.put_last(&message);
        if deleted {
            self.pins.remove(&born);
            self.pinned.remove(&born);
        }
        if let Some(pinned) = self.pinned.get_mut(&born).filter(|pinned| pinned.rev < message.rev) {
            *pinned = message.clone();
        }
        if let Some(Some(quoted)) = self.quoted.get_mut(&born)
            && quoted.rev < message.rev
        {
            *quoted = message.preview();
        }
        self.put_in_thread(&message);
        if let Some(timeline) = &mut self.timeline {
            // It changed while this client caught up: it was not in the answer, and arrives only
            // now, after newer ones.
            let late = born <= self.counted && !timeline.has(born);
            if message.rev != born {
                self.changed.insert(born, message.clone());
                self.changed.keep_last(CHANGED_KEPT_MAX);
            }
            let put = timeline.put(message);
            if (put && late) || deleted {
                self.recount();
            }
        }
        if is_unsure && !self.recount() {
            self.miscounted = true;
        }
        if own && self.live && !self.line.is_behind() && self.summary.unread == 0 {
            // Nothing above it is unread, so it counts as read, too. The server is told as for any
            // other message.
            let known = self.summary.marks;
            self.read_by_writing = Some(born).filter(|born| *born > known.read);
            self.put_marks(Marks {
                user: me,
                delivered: known.delivered.max(born),
                read: known.read.max(born),
            });
        }
    }

    /// An unread message was deleted.
    fn uncount(&mut self) {
        if self.summary.unread < UNREAD_MAX {
            self.summary.unread = self.summary.unread.saturating_sub(1);
        } else {
            // There may be more unread messages than are counted.
            self.miscounted = true;
        }
    }

    /// The replies by others that have come in threads since the last call: the root, and the number of the reply.
    pub(crate) fn take_heard(&mut self) -> Vec<(Seq, Seq)> {
        std::mem::take(&mut self.heard)
    }

    /// The read mark that the server must be told because the person has written.
    pub(crate) fn take_read_by_writing(&mut self) -> Option<Seq> {
        self.read_by_writing.take()
    }

    /// Applies a reaction, from an event or from the answer to a command. Returns whether a message
    /// in the window changed.
    fn put_reaction(&mut self, rev: Seq, reacted: Reacted) -> bool {
        let Reacted { message, emoji, user, on } = &reacted;
        let mut changed =
            self.timeline.as_mut().is_some_and(|window| window.react(*message, emoji, *user, *on, rev));
        changed |= self.thread.as_mut().is_some_and(|thread| thread.react(*message, emoji, *user, *on, rev));
        self.reactions.insert(rev, reacted);
        self.reactions.keep_last(CHANGED_KEPT_MAX);
        changed
    }

    /// Applies what has become known of a poll: its counts, from the room's line or from the answer to a command, or the viewer's own
    /// vote, which may come before its message. Returns whether anything shown changed.
    pub(crate) fn put_poll(&mut self, message: Seq, poll: Poll) -> bool {
        let mut changed = self.timeline.as_mut().is_some_and(|window| window.put_poll(message, &poll));
        changed |= self.thread.as_mut().is_some_and(|thread| thread.put_poll(message, &poll));
        match self.polls.iter_mut().find(|(known, _)| *known == message) {
            Some((_, known)) => drop(known.merge(&poll)),
            None => self.polls.push((message, poll)),
        }
        if self.polls.len() > CHANGED_KEPT_MAX {
            self.polls.remove(0);
        }
        changed
    }

    /// The viewer votes: until the answer, their vote is shown on top of what was there before.
    pub(crate) fn begin_vote(&mut self, message: Seq) {
        let is_voting = self.voting.iter().any(|(known, _)| *known == message);
        let poll = self.shown(message).and_then(|message| message.poll.clone()).filter(|_| !is_voting);
        self.voting.extend(poll.map(|poll| (message, poll)));
    }

    /// All their votes in this poll have been answered.
    pub(crate) fn end_vote(&mut self, message: Seq) {
        self.voting.retain(|(known, _)| *known != message);
    }

    /// The poll in which the viewer is voting, as it was before.
    pub(crate) fn before_vote(&self, message: Seq) -> Option<&Poll> {
        self.voting.iter().find(|(known, _)| *known == message).map(|(_, poll)| poll)
    }

    /// Applies a pin, from an event or from the answer to a command. Returns whether anything
    /// changed.
    fn put_pin(&mut self, pin: Pin) -> bool {
        if self.pins.get(&pin.message).is_some_and(|known| known.rev >= pin.rev) {
            return false;
        }
        if !pin.on {
            self.pinned.remove(&pin.message);
        }
        self.pins.insert(pin.message, pin);
        if self.pins.len() > 2 * PINS_MAX {
            self.pins.retain(|_, pin| pin.on);
        }
        true
    }

    /// The pinned messages, the last pinned first.
    #[must_use]
    pub fn pins(&self) -> Vec<&Pin> {
        let mut pins: Vec<&Pin> = Vec::new();
        for pin in self.pins.values().filter(|pin| pin.on) {
            let index = pins.partition_point(|known| known.rev > pin.rev);
            pins.insert(index, pin);
        }
        pins
    }

    /// Whether a message is pinned.
    #[must_use]
    pub fn is_pinned(&self, message: Seq) -> bool {
        self.pins.get(&message).is_some_and(|pin| pin.on)
    }

    fn put_last(&mut self, message: &Message) {
        if self.summary.last.as_ref().is_none_or(|last| (message.seq, message.rev) > (last.seq, last.rev)) {
            self.summary.last = Some(message.preview());
        }
    }

    /// Applies a change from the answer to a command, which may arrive before its event. Returns
    /// whether anything changed.
    pub fn answered(&mut self, seq: Seq, change: Change) -> bool {
        // Of two states of a poll the newer one counts, and only this answer has the viewer's own vote.
        if let Change::Poll { message, poll } = change {
            return self.put_poll(message, Poll { rev: seq, ..poll });
        }
        // It is already known, and a later change may have superseded it.
        if seq <= self.cursor() {
            return false;
        }
        match change {
            Change::Message { message } => {
                if self.summary.last.as_ref().is_some_and(|last| last.seq == message.seq) {
                    self.put_last(&message);
                }
                let changed = self.put_in_thread(&message);
                self.timeline.as_mut().is_some_and(|timeline| timeline.put(message)) || changed
            }
            Change::Reaction { message, emoji, user, on } => {
                self.put_reaction(seq, Reacted { message, emoji, user, on })
            }
            Change::Pin { pin } => self.put_pin(pin),
            Change::Member { member, .. } => {
                self.put_role(&member);
                self.put_listed(member);
                true
            }
            Change::Room { room } => {
                let is_newer = room.rev > self.summary.room.rev;
                if is_newer {
                    self.summary.room = room;
                }
                is_newer
            }
            // That was above, and these belong to other lines.
            Change::Poll { .. }
            | Change::Vote { .. }
            | Change::Membership { .. }
            | Change::Sessions {}
            | Change::Saved { .. }
            | Change::Scheduled { .. }
            | Change::Following { .. }
            | Change::Unread { .. }
            | Change::Draft { .. }
            | Change::InGroup { .. }
            | Change::Profile { .. }
            | Change::Unknown => false,
        }
    }

    fn put_member(&mut self, member: Member, members: u32) {
        self.summary.members = members;
        self.put_role(&member);
        self.put_listed(member);
    }

    /// The viewer's own role.
    fn put_role(&mut self, member: &Member) {
        let is_newest = self.members.get(&member.user).is_none_or(|known| known.rev <= member.rev);
        if member.user == self.summary.marks.user && is_newest {
            self.summary.role = member.role;
        }
    }

    /// Applies a member, from a list or from a change. Ignores older states.
    pub fn put_listed(&mut self, member: Member) {
        if self.members.get(&member.user).is_none_or(|known| known.rev < member.rev) {
            self.members.insert(member.user, member);
        }
    }

    /// Whether this client may have missed marks of others while it was away, because marks are not
    /// numbered. Never true for a room that is only an entry in the list, or so large that marks
    /// are not published.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// See [`Self::is_stale`].
    pub fn set_stale(&mut self, stale: bool) {
        self.stale = stale && self.timeline.is_some() && self.summary.members as usize <= MARKS_MEMBERS_MAX;
    }

    /// Applies someone's marks, which only grow. Returns whether anything changed.
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
            if read_on && !self.recount() {
                self.miscounted = true;
            }
        }
        changed
    }

    fn unread_mark(&self) -> Unread {
        unread_mark(&self.summary)
    }

    /// The viewer has marked the room unread, or has read on since. Returns whether that was news.
    pub(crate) fn put_unread(&mut self, unread: Unread) -> bool {
        if unread.rev <= self.summary.unread_rev {
            return false;
        }
        (self.summary.unread_after, self.summary.unread_rev) = (unread.after, unread.rev);
        if unread.after.is_some() {
            self.is_kept_unread = true;
            if self.timeline.is_some() {
                self.unread_after = unread.after;
            }
        }
        if !self.recount() {
            self.miscounted = true;
        }
        true
    }

    /// Whether the viewer, who has seen everything up to here, has read past the place where they marked the room unread.
    pub(crate) fn reads_on(&self, seq: Seq) -> bool {
        !self.is_kept_unread && self.summary.unread_after.is_some_and(|after| seq > after)
    }

    /// Counts the remaining unread messages, if the window suffices for that. Returns whether it
    /// does.
    fn recount(&mut self) -> bool {
        let read = self.summary.seen();
        if self.summary.last.as_ref().is_none_or(|last| last.seq <= read) {
            (self.summary.unread, self.summary.mentions, self.miscounted) = (0, 0, false);
            return true;
        }
        let Some(timeline) = &self.timeline else { return false };
        // A window that is still catching up knows less than the count that came with the list.
        let covers = self.line.cursor() >= self.counted_through
            && !timeline.more_after()
            && (!timeline.more_before() || timeline.first().is_some_and(|first| first.seq <= read.next()));
        if covers {
            let own = self.summary.marks.user;
            let later = timeline.messages().rev().take_while(|m| m.seq > read);
            let (mut unread, mut mentions) = (0, 0);
            for message in later.filter(|m| m.author != own && !m.deleted) {
                unread += 1;
                let Some(is_mentioned) = self.mentions_me(message) else { return false };
                mentions += u32::from(is_mentioned);
            }
            self.summary.unread = unread.min(UNREAD_MAX);
            self.summary.mentions = mentions.min(UNREAD_MAX);
            self.miscounted = false;
        }
        covers
    }

    /// Whether the unread count may be wrong although the room is up to date, so that the server
    /// must be asked.
    #[must_use]
    pub fn is_miscounted(&self) -> bool {
        self.miscounted && !self.line.is_behind()
    }

    /// Calls `name` for everyone that this state refers to.
    pub(crate) fn named(&self, name: &mut dyn FnMut(UserId)) {
        self.summary.peer.iter().for_each(|user| name(*user));
        self.summary.last.iter().for_each(|last| name(last.author));
        let thread =
            self.thread.iter().flat_map(|open| open.root_message().into_iter().chain(open.replies()));
        for message in self.timeline.iter().flat_map(Timeline::messages).chain(thread) {
            name(message.author);
            message.replies.iter().flat_map(|replies| &replies.authors).for_each(|author| name(author.0));
            message.mentions.iter().filter_map(|mention| mention.1).for_each(&mut *name);
            message.forward.iter().filter_map(|forward| forward.author).for_each(&mut *name);
            message.reactions.iter().flat_map(|reaction| &reaction.users).for_each(|user| name(user.0));
        }
        self.pinned.values().for_each(|message| name(message.author));
        self.quoted.values().flatten().for_each(|message| name(message.author));
        self.pins.values().for_each(|pin| name(pin.by));
        self.members.keys().for_each(|user| name(*user));
    }

    /// The people mentioned in a message who are not in the room, and the groups, which nobody is asked to
    /// add; empty if not all members are known.
    pub(crate) fn outsiders(&self, message: &Message) -> Vec<UserId> {
        let active = self.active_members().count();
        if active < self.summary.members as usize || self.timeline.is_none() {
            return Vec::new();
        }
        let is_out = |user: &UserId| self.members.get(user).is_none_or(|member| !member.active);
        message.mentions.iter().filter_map(|mention| mention.1).filter(is_out).collect()
    }

    /// The current members.
    pub fn active_members(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| member.active)
    }

    /// The tick of the viewer's own message. In a large room it only says that the message is
    /// committed.
    #[must_use]
    pub fn tick(&self, seq: Seq) -> Tick {
        if self.summary.members as usize > MARKS_MEMBERS_MAX {
            return Tick::Sent;
        }
        let others =
            || self.active_members().filter(|m| m.user != self.summary.marks.user).map(|m| self.marks_of(m));
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
        let others: Vec<_> = self.active_members().filter(|m| m.user != self.summary.marks.user).collect();
        let count = others.len();
        (others.into_iter().filter(|m| self.marks_of(m).read >= seq).collect(), count)
    }

    fn marks_of(&self, member: &Member) -> Marks {
        let none = Marks { user: member.user, delivered: Seq::ZERO, read: Seq::ZERO };
        self.marks.get(&member.user).copied().unwrap_or(none)
    }
}

/// What a summary says of the viewer's own mark.
fn unread_mark(summary: &RoomSummary) -> Unread {
    Unread { room: summary.room.id, after: summary.unread_after, rev: summary.unread_rev }
}

impl OnLine for RoomState {
    fn line(&mut self) -> &mut LineState {
        &mut self.line
    }

    fn begin(&mut self) {
        // Changes arrive in the order of their numbers, so an edited message may arrive after newer
        // ones. A message is new if it was created after what was known before.
        self.counted = self.counted_through;
    }

    fn put(&mut self, seq: Seq, change: Change) {
        match change {
            Change::Message { message } => self.put_message(seq, message),
            Change::Reaction { message, emoji, user, on } => {
                self.put_reaction(seq, Reacted { message, emoji, user, on });
            }
            Change::Pin { pin } => {
                self.put_pin(pin);
            }
            Change::Poll { message, poll } => drop(self.put_poll(message, Poll { rev: seq, ..poll })),
            Change::Member { member, members, marks } => {
                self.put_member(member, members);
                self.put_marks(marks);
            }
            Change::Room { room } => {
                if room.rev > self.summary.room.rev {
                    self.summary.room = room;
                }
            }
            // These belong to other lines.
            Change::Vote { .. }
            | Change::Membership { .. }
            | Change::Sessions {}
            | Change::Saved { .. }
            | Change::Scheduled { .. }
            | Change::Following { .. }
            | Change::Unread { .. }
            | Change::Draft { .. }
            | Change::InGroup { .. }
            | Change::Profile { .. }
            | Change::Unknown => {}
        }
    }

    fn caught_up(&mut self) {
        // Now the window knows as much as the count that came with the list. That count may be
        // older than this device's last read mark.
        self.recount();
    }
}
