//! The thread that is open beside a room.
//!
//! A thread's replies have places without gaps, so the window is a run of places. It usually ends at the newest one. A link to an old
//! reply moves it there; further pages are put before or after it. New replies and changes come with the room's line: see
//! [`RoomState`](crate::RoomState).

use std::sync::Arc;

use protocol::{InThread, Message, Poll, Replies, Seq, Thread, UserId, limits::PAGE_MESSAGES};

use crate::{sorted::SortedMap, timeline::TIMELINE_ENTRIES_MAX};

/// A page, counted in places.
const PAGE: u32 = PAGE_MESSAGES as u32;

/// A thread: its root, and a run of its replies.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadState {
    root: Seq,
    root_message: Option<Arc<Message>>,
    /// By their numbers, which have the order of their places.
    replies: SortedMap<Seq, Arc<Message>>,
    is_loaded: bool,
    is_missing: bool,
    more_after: bool,
    /// The place that the window is to be moved to; otherwise it begins at the newest one.
    towards: Option<u32>,
    /// Whether the viewer followed it when it was fetched.
    following: bool,
}

impl ThreadState {
    /// One that has yet to be fetched, around a place or at its newest replies.
    #[must_use]
    pub(crate) fn new(root: Seq, towards: Option<u32>) -> Self {
        let replies = SortedMap::new();
        Self {
            root,
            root_message: None,
            replies,
            is_loaded: false,
            is_missing: false,
            more_after: false,
            towards,
            following: false,
        }
    }

    /// The number of the root.
    #[must_use]
    pub fn root(&self) -> Seq {
        self.root
    }

    /// The root, once fetched.
    #[must_use]
    pub fn root_message(&self) -> Option<&Arc<Message>> {
        self.root_message.as_ref()
    }

    /// The replies that are here, oldest first.
    pub fn replies(&self) -> impl DoubleEndedIterator<Item = &Arc<Message>> {
        self.replies.values()
    }

    /// Whether the replies have been fetched with which it begins.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    /// Whether there is no such message.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.is_missing
    }

    /// Whether there are older replies than those that are here.
    #[must_use]
    pub fn more_before(&self) -> bool {
        self.first().is_some_and(|first| first > 1)
    }

    /// Whether there are newer replies than those that are here.
    #[must_use]
    pub fn more_after(&self) -> bool {
        self.more_after
    }

    /// Whether the viewer followed it when it was fetched. The person's line knows what has changed since.
    #[must_use]
    pub(crate) fn was_followed(&self) -> bool {
        self.following
    }

    /// A message that is here: the root or a reply.
    #[must_use]
    pub fn message(&self, seq: Seq) -> Option<&Arc<Message>> {
        self.root_message.as_ref().filter(|root| root.seq == seq).or_else(|| self.replies.get(&seq))
    }

    /// The place of the first reply that is here.
    pub(crate) fn first(&self) -> Option<u32> {
        place(self.replies.values().next()?)
    }

    /// The place of the last reply that is here; 0 if there is none.
    fn last(&self) -> u32 {
        self.replies.values().next_back().and_then(|last| place(last)).unwrap_or_default()
    }

    /// Before which place to ask for the replies with which it begins: half a page after the one that is wanted.
    pub(crate) fn begins_before(&self) -> Option<u32> {
        self.towards.map(|towards| towards + PAGE / 2)
    }

    /// Before which place to ask for the next page after those that are here.
    pub(crate) fn next_before(&self) -> u32 {
        self.last() + PAGE + 1
    }

    /// Moves the window to a place, unless that is in it. It is shown as it is until the page comes.
    pub(crate) fn go_to(&mut self, place: u32) {
        let is_here = self.is_loaded && (self.first().unwrap_or(u32::MAX)..=self.last()).contains(&place);
        if !is_here && self.towards != Some(place) {
            (self.towards, self.is_loaded) = (Some(place), false);
        }
    }

    /// Moves the window to the newest replies, unless they are in it.
    pub(crate) fn go_to_newest(&mut self) {
        if self.more_after || self.towards.is_some() {
            (self.towards, self.is_loaded) = (None, false);
        }
    }

    /// There is no such message.
    pub(crate) fn set_missing(&mut self) {
        (self.is_missing, self.is_loaded) = (true, true);
    }

    /// What is here may lack something: it is fetched anew, and shown until then.
    pub(crate) fn ask_again(&mut self) {
        self.is_loaded = false;
        if self.more_after && self.towards.is_none() {
            // The person is not at the newest ones.
            self.towards = Some(self.last().saturating_sub(PAGE / 2).max(1));
        }
    }

    /// A page came: the newest one, or the one before a place. `known` makes of each message what this client knows of it.
    pub(crate) fn came(
        &mut self,
        before: Option<u32>,
        thread: Thread,
        page: Vec<Message>,
        known: impl Fn(Message) -> Message,
    ) {
        // Whatever is here besides an empty page came after it.
        let [first, last] = [page.first(), page.last()];
        let [from, to] = [first, last].map(|end| end.and_then(place).unwrap_or_default());
        let [first, last] = [first, last].map(|end| end.map_or(Seq::ZERO, |message| message.seq));
        let is_older = self.first().is_some_and(|first| from < first);
        let begins = before == self.begins_before();
        if before.is_none() {
            // What has come since the question stays. Before the page there may be a gap.
            self.replies.retain(|seq, _| *seq >= first);
            self.more_after = false;
        } else if begins && !self.is_loaded {
            self.replies.retain(|seq, _| (first..=last).contains(seq));
        } else if is_older && Some(to + 1) < self.first() {
            // The window has changed meanwhile.
            return;
        } else if from > self.last() + 1 {
            // The window moves on. Between it and the page is a gap.
            self.replies.clear();
        }
        if begins {
            (self.following, self.is_loaded, self.towards) = (thread.following, true, None);
        }
        for message in page {
            self.put_reply(known(message));
        }
        self.put_root(known(thread.root));
        if before.is_some() && self.last() == to {
            self.more_after = self.count() > to;
        }
        if self.replies.len() > TIMELINE_ENTRIES_MAX {
            // The other end is fetched again when it is needed.
            match is_older {
                true => self.replies.keep_first(TIMELINE_ENTRIES_MAX),
                false => self.replies.keep_last(TIMELINE_ENTRIES_MAX),
            }
            self.more_after |= is_older;
        }
    }

    /// A message of the room is new or has changed. Says whether it belongs here, and is news.
    pub(crate) fn put(&mut self, message: &Message) -> bool {
        if message.seq == self.root {
            return self.put_root(message.clone());
        }
        let Some(InThread(root, nth)) = message.thread else { return false };
        let fits = root == self.root
            && self.first().is_none_or(|first| nth >= first)
            && !(self.more_after && nth > self.last() + 1);
        if !fits || self.replies.get(&message.seq).is_some_and(|known| known.rev >= message.rev) {
            return false;
        }
        self.put_reply(message.clone());
        if self.more_after {
            self.more_after = self.count() > self.last();
        } else {
            self.replies.keep_last(TIMELINE_ENTRIES_MAX);
        }
        true
    }

    /// How many replies there are, as far as it is known here.
    fn count(&self) -> u32 {
        let replies = self.root_message.as_ref().and_then(|root| root.replies.as_ref());
        replies.map_or(0, |replies| replies.count)
    }

    /// Puts a reply here, unless a newer state of it is. What is known of its poll is joined.
    fn put_reply(&mut self, mut message: Message) {
        if let Some(here) = self.replies.get_mut(&message.seq) {
            let poll = here.poll.clone().unwrap_or_default();
            if here.rev > message.rev {
                if let Some(poll) = &message.poll {
                    Arc::make_mut(here).put_poll(poll);
                }
                return;
            }
            message.put_poll(&poll);
        }
        self.replies.insert(message.seq, Arc::new(message));
    }

    fn put_root(&mut self, mut message: Message) -> bool {
        if let Some(known) = &self.root_message {
            if known.rev > message.rev {
                let changed = message.poll.is_some_and(|poll| self.put_poll(self.root, &poll));
                return message.replies.is_some_and(|replies| self.put_replies(&replies)) || changed;
            }
            if let Some(replies) = &known.replies {
                message.put_replies(replies);
            }
            if let Some(poll) = &known.poll {
                message.put_poll(poll);
            }
        }
        let changed = self.root_message.as_deref() != Some(&message);
        self.root_message = Some(Arc::new(message));
        changed
    }

    /// What is known of the thread below the root.
    pub(crate) fn put_replies(&mut self, replies: &Replies) -> bool {
        self.root_message.as_mut().is_some_and(|root| Arc::make_mut(root).put_replies(replies))
    }

    /// What is known of the poll of a message. Says whether anything changed.
    pub(crate) fn put_poll(&mut self, seq: Seq, poll: &Poll) -> bool {
        self.message_mut(seq).is_some_and(|message| message.put_poll(poll))
    }

    /// Somebody reacted to a message, or took it back. Says whether anything changed.
    pub(crate) fn react(&mut self, seq: Seq, emoji: &str, user: UserId, on: bool, rev: Seq) -> bool {
        self.message_mut(seq).is_some_and(|message| message.react(emoji, user, on, rev))
    }

    fn message_mut(&mut self, seq: Seq) -> Option<&mut Message> {
        let root = self.root_message.as_mut().filter(|root| root.seq == seq);
        root.or_else(|| self.replies.get_mut(&seq)).map(Arc::make_mut)
    }
}

/// The place of a reply in its thread.
fn place(message: &Message) -> Option<u32> {
    message.thread.map(|thread| thread.1)
}
