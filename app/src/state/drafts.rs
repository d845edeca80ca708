//! The user's own texts: messages being sent, refused messages, and drafts.

use client::{Link, SendState};
use leptos::{ev, prelude::*};
use protocol::{File, NewPoll, Nonce, Placement, Refusal, RoomId, Seq};
use uuid::Uuid;

use super::{Chat, Desk, Dialog, Upload};
use crate::{address::Route, later};

/// A text written in a room that the user is no longer in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// Where it was written.
    pub desk: Desk,
    /// The nonce by which it is taken back; `None` for a draft.
    pub nonce: Option<Nonce>,
    /// The text.
    pub text: String,
}

/// The state of the user's own messages, as the list shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// A message was refused.
    Failed,
    /// A message waits for the connection.
    Waiting,
}

impl Chat {
    /// From now on the list shows drafts, including those of other tabs.
    pub(super) fn follow_drafts(self) {
        self.tell_drafts();
        let handle = window_event_listener(ev::storage, move |_| self.tell_drafts());
        on_cleanup(move || handle.remove());
        // Whoever leaves this device may want to go on elsewhere.
        let handle =
            window_event_listener_untyped("visibilitychange", move |_| later::share_drafts(self, true));
        on_cleanup(move || handle.remove());
    }

    /// Something other than their composer has changed drafts: another tab or device, or scheduling.
    pub(super) fn tell_drafts(self) {
        self.drafts_news.try_update(|n| *n = n.wrapping_add(1).max(1));
    }

    /// Tracks changes to drafts by something other than the composer.
    pub fn track_drafts(self) {
        self.drafts_news.track();
    }

    /// The draft that the list shows for a room, except for the open one. Tracks.
    #[must_use]
    pub fn draft_shown(self, room: RoomId) -> Option<String> {
        // Reads all signals, so that all are tracked.
        self.outbox_news.track();
        let (awake, open) = (self.drafts_news.get() > 0, self.room.get() == Some(room));
        let draft = (awake && !open).then(|| self.draft(Desk::of(room)));
        draft.filter(|draft| !draft.trim().is_empty())
    }

    /// The sign that the list shows for a room. Tracks.
    #[must_use]
    pub fn sign_of(self, room: RoomId) -> Option<Sign> {
        self.outbox_news.track();
        let away = [self.link.get() != Link::Live, self.away.get()].contains(&true);
        let states: Vec<bool> = self.client.with_value(|client| {
            client.outbox().in_room(room).map(|item| is_refused(Some(&item.state))).collect()
        });
        match states.contains(&true) {
            true => Some(Sign::Failed),
            false => (away && !states.is_empty()).then_some(Sign::Waiting),
        }
    }

    /// Writes into a room, or into a thread of it; `in_room` also shows that in the room.
    ///
    /// # Errors
    /// The refusal to show beside the text, which stays where it is.
    pub fn send(self, desk: Desk, in_room: bool, body: &str) -> Result<(), Refusal> {
        let reply_to = untrack(|| self.screen.replying_at(desk));
        self.send_with(desk, (reply_to, in_room), body, None)
    }

    /// The same, as a reply to a message, and with a poll below the text; otherwise with the attached files.
    ///
    /// # Errors
    /// As for [`Chat::send`].
    pub fn send_with(
        self,
        desk: Desk,
        (reply_to, in_room): (Option<Seq>, bool),
        body: &str,
        poll: Option<NewPoll>,
    ) -> Result<(), Refusal> {
        // A poll has no files: those that are attached stay for the next message.
        let attached = if poll.is_none() { untrack(|| self.attached(desk)) } else { Vec::new() };
        if let Some(Upload::Failed(why)) =
            attached.iter().map(|file| &file.upload).find(|upload| matches!(upload, Upload::Failed(_)))
        {
            return Err(why.clone());
        }
        let files: Vec<File> = attached.into_iter().map(|local| local.file).collect();
        let body = match body.trim().is_empty() && !files.is_empty() {
            true => String::new(),
            false => protocol::Body::parse(body)?.into_string(),
        };
        let Desk { room, thread } = desk;
        if thread.is_none() && self.window.get_untracked().more_after {
            self.jump_to_newest();
        }
        let nonce = Nonce(Uuid::new_v4());
        let placement = Placement { reply_to, thread, in_room, forward: None };
        let (mut sent, is_poll) = (Ok(()), poll.is_some());
        self.tell(|client, now| sent = client.place(room, (placement, poll, files), nonce, body, now));
        if sent.is_ok() && !is_poll {
            self.let_go(desk);
        }
        if sent.is_ok() && reply_to.is_some() && untrack(|| self.screen.replying_at(desk)) == reply_to {
            self.screen.replying.set(None);
        }
        sent
    }

    /// Forwards a message to a room, with a comment, which may be empty.
    ///
    /// # Errors
    /// The refusal to show beside the comment.
    pub fn forward(self, to: RoomId, from: (RoomId, Seq), comment: &str) -> Result<(), Refusal> {
        let comment = comment.trim();
        let body =
            if comment.is_empty() { String::new() } else { protocol::Body::parse(comment)?.into_string() };
        let (placement, nonce) = (Placement::forwarding(from.0, from.1), Nonce(Uuid::new_v4()));
        let mut sent = Ok(());
        self.tell(|client, now| sent = client.place(to, (placement, None, Vec::new()), nonce, body, now));
        sent
    }

    /// Retries a refused message.
    pub fn retry(self, nonce: Nonce) {
        let files = self.pending(nonce).map(|pending| pending.files).unwrap_or_default();
        self.tell(|client, now| client.retry(nonce, now));
        self.upload_again(&files);
    }

    /// Takes a refused message back and returns its text.
    pub fn take_back(self, nonce: Nonce) -> Option<String> {
        self.take(nonce).map(|pending| pending.body)
    }

    fn take(self, nonce: Nonce) -> Option<client::Pending> {
        let mut taken = None;
        self.tell(|client, _| taken = client.take_back(nonce));
        taken
    }

    /// A message that is not stored yet.
    #[must_use]
    pub fn pending(self, nonce: Nonce) -> Option<client::Pending> {
        self.client
            .with_value(|client| client.outbox().items().iter().find(|item| item.nonce == nonce).cloned())
    }

    /// Takes a refused message back into the composer, unless another text is being edited there. One with a poll is opened in the
    /// dialog, and stays until it is sent from there.
    pub fn edit_refused(self, nonce: Nonce) {
        if let Some(pending) = self.pending(nonce).filter(|pending| pending.poll.is_some()) {
            let desk = Desk { room: pending.room, thread: pending.thread };
            self.screen.dialog.set(Some(Dialog::NewPoll(desk, Some(nonce))));
            return;
        }
        let is_free = self.room.get_untracked().is_none_or(|room| self.leave_edit(room));
        if !is_free {
            self.screen.compose();
        } else if let Some(pending) = self.take(nonce) {
            let desk = Desk { room: pending.room, thread: pending.thread };
            // First of all: the code of the thread may fail to load.
            self.put_back(desk, &pending.body);
            self.attach_again(desk, &pending.files);
            self.screen.replying.set(pending.reply_to.map(|seq| (desk, seq)));
            if pending.in_room {
                self.screen.also_in_room.set(Some(desk));
            }
            match desk.thread {
                Some(root) => self.open_thread(root),
                None => self.sit_down(desk),
            }
        }
    }

    /// Puts a text before what is being written.
    pub(super) fn put_back(self, desk: Desk, text: &str) {
        let written = self.draft(desk);
        match written.trim().is_empty() {
            true => self.keep_draft(desk, text),
            false => self.keep_draft(desk, &format!("{text}\n{written}")),
        }
        self.tell_drafts();
    }

    /// Whether there are unsent texts of a room that the user is no longer in. Tracks the outbox. The texts themselves come with
    /// the dialogs.
    #[must_use]
    pub fn has_unsent(self, room: RoomId) -> bool {
        self.outbox_news.track();
        self.client.with_value(|client| client.outbox().in_room(room).next().is_some())
            || self.saved.with_value(|saved| saved.has_draft_of(room))
    }

    /// The unsent texts of a room that the user is no longer in. Tracks the outbox.
    #[must_use]
    pub fn unsent(self, room: RoomId) -> Vec<Unsent> {
        self.outbox_news.track();
        let mut unsent: Vec<Unsent> = self.client.with_value(|client| {
            let of = |item: &client::Pending| {
                let options = item.poll.iter().flat_map(|poll| &poll.options);
                let text = options.fold(item.body.clone(), |text, option| text + "\n- " + option);
                let text = item.files.iter().fold(text, |text, file| text + "\n📎 " + &file.name);
                // Of what is forwarded, only the number is kept. Without a comment there would be nothing to see.
                let copied = item.forward.filter(|_| text.is_empty());
                let copied = copied.and_then(|(room, seq)| client.room(room)?.shown(seq));
                let text = copied.map_or(text, |message| message.text().to_owned());
                Unsent { desk: Desk { room, thread: item.thread }, nonce: Some(item.nonce), text }
            };
            client.outbox().in_room(room).map(of).collect()
        });
        let drafts = self.saved.with_value(|saved| saved.drafts_of(room)).into_iter();
        unsent.extend(drafts.map(|(desk, text)| Unsent { desk, nonce: None, text }));
        unsent
    }

    /// Messages refused because the user is no longer in their room are on no timeline: says once
    /// that they exist, and where.
    pub(super) fn tell_stranded(self) {
        let (count, room) = self
            .client
            .with_value(|client| (client.stranded().count(), client.stranded().last().map(|item| item.room)));
        let before = self.stranded.get_untracked();
        self.stranded.set(count);
        let is_shown = room.is_some_and(|room| untrack(|| self.address.route()) == Route::Room(room));
        if count > before && !is_shown {
            self.tell_all(self.words.stranded(count), room);
        }
    }

    /// The text that was being written in a room or a thread.
    #[must_use]
    pub fn draft(self, desk: Desk) -> String {
        self.saved.with_value(|saved| saved.draft(desk))
    }

    /// Keeps it.
    pub fn keep_draft(self, desk: Desk, text: &str) {
        self.saved.update_value(|saved| saved.keep_draft(desk, text));
        self.store_drafts_soon();
    }

    /// Clears the draft at a composer, if it still is this text.
    pub fn clear_draft(self, desk: Desk, text: &str) {
        if !text.trim().is_empty() && self.draft(desk) == text {
            self.keep_draft(desk, "");
            self.tell_drafts();
        }
    }

    /// Discards the draft of a room that the user is no longer in: see [`Chat::unsent`].
    pub fn forget_draft(self, desk: Desk) {
        self.keep_draft(desk, "");
        self.outbox_news.update(|n| *n = n.wrapping_add(1));
    }
}

/// Whether a message was refused.
#[must_use]
pub fn is_refused(state: Option<&SendState>) -> bool {
    matches!(state, Some(SendState::Refused(_)))
}
