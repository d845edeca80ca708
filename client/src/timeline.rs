//! The part of a room's messages that is on the screen or near it.

use std::sync::Arc;

use protocol::{Direction, Message, Poll, Replies, Seq, UserId};

use crate::sorted::SortedMap;

/// How many messages are kept while the user follows the newest ones. Older ones are fetched again
/// when needed.
pub const TIMELINE_ENTRIES_MAX: usize = 300;

/// A window on a room's messages, in the order of their numbers and without gaps: everything
/// between two of its messages is in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    messages: SortedMap<Seq, Arc<Message>>,
    more_before: bool,
    more_after: bool,
}

impl Timeline {
    /// A window with the newest page of a room.
    #[must_use]
    pub fn newest(messages: Vec<Message>, more_before: bool) -> Self {
        let mut window = Self { messages: SortedMap::new(), more_before, more_after: false };
        window.messages.extend(messages.into_iter().map(|m| (m.seq, Arc::new(m))));
        window
    }

    /// The messages, oldest first.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &Arc<Message>> {
        self.messages.values()
    }

    /// The number of messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Whether this message is in the window.
    #[must_use]
    pub fn has(&self, seq: Seq) -> bool {
        self.messages.get(&seq).is_some()
    }

    /// A message in the window.
    #[must_use]
    pub fn get(&self, seq: Seq) -> Option<&Arc<Message>> {
        self.messages.get(&seq)
    }

    /// The first message in the window.
    #[must_use]
    pub fn first(&self) -> Option<&Arc<Message>> {
        self.messages.values().next()
    }

    /// The last message in the window.
    #[must_use]
    pub fn last(&self) -> Option<&Arc<Message>> {
        self.messages.values().next_back()
    }

    /// Whether the room has messages older than the window.
    #[must_use]
    pub fn more_before(&self) -> bool {
        self.more_before
    }

    /// Whether the room has messages newer than the window. If so, new messages do not appear in
    /// it.
    #[must_use]
    pub fn more_after(&self) -> bool {
        self.more_after
    }

    /// Applies a new or changed message. Ignores older states, and messages outside the window.
    /// Returns whether anything changed.
    pub fn put(&mut self, message: Message) -> bool {
        !self.is_outside(message.seq) && self.insert(message)
    }

    /// Puts a message into the window, if it is newer than what is there. What is known of the thread below it and of its poll is
    /// joined. Says whether anything changed.
    fn insert(&mut self, mut message: Message) -> bool {
        if let Some(known) = self.messages.get(&message.seq) {
            if known.rev >= message.rev {
                let seq = message.seq;
                let changed = message.poll.is_some_and(|poll| self.put_poll(seq, &poll));
                return message.replies.is_some_and(|replies| self.put_replies(seq, &replies)) || changed;
            }
            if let Some(replies) = &known.replies {
                message.put_replies(replies);
            }
            if let Some(poll) = &known.poll {
                message.put_poll(poll);
            }
        }
        self.messages.insert(message.seq, Arc::new(message));
        true
    }

    /// What is known of the thread below a message. Says whether anything changed.
    pub fn put_replies(&mut self, root: Seq, replies: &Replies) -> bool {
        let root = self.messages.get_mut(&root);
        root.is_some_and(|root| Arc::make_mut(root).put_replies(replies))
    }

    /// What is known of the poll of a message. Says whether anything changed.
    pub fn put_poll(&mut self, message: Seq, poll: &Poll) -> bool {
        let known = self.messages.get_mut(&message);
        known.is_some_and(|known| Arc::make_mut(known).put_poll(poll))
    }

    /// Somebody reacted to a message of the window, or took it back. Says whether anything changed.
    pub fn react(&mut self, message: Seq, emoji: &str, user: UserId, on: bool, rev: Seq) -> bool {
        let known = self.messages.get_mut(&message);
        known.is_some_and(|known| Arc::make_mut(known).react(emoji, user, on, rev))
    }

    /// Shows this page, with the known facts about its ends. If the window and the page overlap,
    /// the rest of the window stays; otherwise it is dropped, because there may be a gap between
    /// them.
    pub fn show(&mut self, page: Vec<Message>, (more_before, more_after): (bool, bool)) {
        let (Some(from), Some(to)) = (page.first().map(|m| m.seq), page.last().map(|m| m.seq)) else {
            return;
        };
        match (self.first().map(|m| m.seq), self.last().map(|m| m.seq)) {
            (Some(first), Some(last)) if from <= last && first <= to => {
                if from < first {
                    self.more_before = more_before;
                }
                if to > last {
                    self.more_after = more_after;
                }
            }
            _ => {
                self.messages.clear();
                (self.more_before, self.more_after) = (more_before, more_after);
            }
        }
        for message in page {
            self.insert(message);
        }
    }

    fn is_outside(&self, seq: Seq) -> bool {
        if self.has(seq) {
            return false;
        }
        let before = self.more_before && self.first().is_none_or(|first| seq < first.seq);
        let after = self.more_after && self.last().is_none_or(|last| seq > last.seq);
        before || after
    }

    /// Adds a page of history that was requested from `seq`. Drops a page that no longer fits the
    /// window's end, because it would leave a gap. Returns whether anything changed.
    pub fn extend(&mut self, direction: Direction, seq: Seq, page: Vec<Message>, more: bool) -> bool {
        let end = match direction {
            Direction::Before => self.first(),
            Direction::After => self.last(),
        };
        if end.is_some_and(|message| message.seq != seq) {
            return false;
        }
        match direction {
            Direction::Before => self.more_before = more,
            Direction::After => self.more_after = more,
        }
        for message in page {
            self.insert(message);
        }
        self.trim_far_end(direction);
        true
    }

    /// After adding a page at one end, trims the other end.
    fn trim_far_end(&mut self, grown: Direction) {
        if self.messages.len() <= TIMELINE_ENTRIES_MAX {
            return;
        }
        match grown {
            Direction::Before => {
                self.messages.keep_first(TIMELINE_ENTRIES_MAX);
                self.more_after = true;
            }
            Direction::After => {
                self.messages.keep_last(TIMELINE_ENTRIES_MAX);
                self.more_before = true;
            }
        }
    }

    /// The user is at the newest message: drops messages far above. Returns whether there were any.
    pub fn trim_above(&mut self) -> bool {
        let before = self.messages.len();
        self.trim_far_end(Direction::After);
        before != self.messages.len()
    }
}
