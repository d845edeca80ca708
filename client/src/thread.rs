//! The thread that is open beside a room.
//!
//! A thread's replies have places without gaps, so the window is a run of places that ends at the newest one. Older pages are put
//! before it. New replies and changes come with the room's line: see [`RoomState`](crate::RoomState).

use std::sync::Arc;

use protocol::{InThread, Message, Poll, Replies, Seq, Thread, UserId};

use crate::sorted::SortedMap;

/// A thread: its root, and the newest of its replies.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadState {
    root: Seq,
    root_message: Option<Arc<Message>>,
    /// By their numbers, which have the order of their places.
    replies: SortedMap<Seq, Arc<Message>>,
    is_loaded: bool,
    is_missing: bool,
    more_before: bool,
    /// Whether the viewer followed it when it was fetched.
    following: bool,
}

impl ThreadState {
    /// One that has yet to be fetched.
    #[must_use]
    pub(crate) fn new(root: Seq) -> Self {
        let replies = SortedMap::new();
        Self {
            root,
            root_message: None,
            replies,
            is_loaded: false,
            is_missing: false,
            more_before: false,
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

    /// Whether the newest replies have been fetched.
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
        self.more_before
    }

    /// Whether the viewer followed it when it was fetched. The person's line knows what has changed since.
    #[must_use]
    pub(crate) fn was_followed(&self) -> bool {
        self.following
    }

    /// A message that is here: the root or a reply.
    #[must_use]
    pub fn message(&self, seq: Seq) -> Option<&Arc<Message>> {
        self.root_message.iter().chain(self.replies.values()).find(|message| message.seq == seq)
    }

    /// The place of the first reply that is here.
    pub(crate) fn first(&self) -> Option<u32> {
        place(self.replies.values().next()?)
    }

    /// There is no such message.
    pub(crate) fn set_missing(&mut self) {
        (self.is_missing, self.is_loaded) = (true, true);
    }

    /// What is here may lack something: it is fetched anew, and shown until then.
    pub(crate) fn ask_again(&mut self) {
        self.is_loaded = false;
    }

    /// A page came: the newest one, or the one before a place. `known` makes of each message what this client knows of it.
    pub(crate) fn came(
        &mut self,
        before: Option<u32>,
        thread: Thread,
        page: Vec<Message>,
        more: bool,
        known: impl Fn(Message) -> Message,
    ) {
        // Whatever is here besides an empty page came after it.
        let first = page.first().map_or(Seq::ZERO, |message| message.seq);
        if before.is_none() {
            // What has come since the question stays. Before the page there may be a gap.
            self.replies.retain(|seq, _| *seq >= first);
            (self.following, self.is_loaded) = (thread.following, true);
        } else if self.first() != page.last().and_then(place).map(|last| last + 1) {
            // The window has changed meanwhile.
            return;
        }
        self.more_before = more;
        for message in page {
            self.put_reply(known(message));
        }
        self.put_root(known(thread.root));
    }

    /// A message of the room is new or has changed. Says whether it belongs here, and is news.
    pub(crate) fn put(&mut self, message: &Message) -> bool {
        if message.seq == self.root {
            return self.put_root(message.clone());
        }
        let Some(InThread(root, nth)) = message.thread else { return false };
        let fits = root == self.root && self.first().is_none_or(|first| nth >= first);
        if !fits || self.replies.get(&message.seq).is_some_and(|known| known.rev >= message.rev) {
            return false;
        }
        self.put_reply(message.clone());
        true
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
        let mut here = self.root_message.iter_mut().chain(self.replies.iter_mut().map(|(_, reply)| reply));
        here.find(|message| message.seq == seq).map(Arc::make_mut)
    }
}

/// The place of a reply in its thread.
fn place(message: &Message) -> Option<u32> {
    message.thread.map(|thread| thread.1)
}
