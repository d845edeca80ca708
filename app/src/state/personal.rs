//! What only the viewer sees: saved messages, reminders, and scheduled messages.
//!
//! The first download has only what every page needs: how much needs attention. The list, the
//! dialogs and the notice of a reminder come with the chunk `personal` (see `later.rs`), along with
//! what only they call.

use client::Personal;
use leptos::prelude::*;
use protocol::{Command, Millis, Nonce, Refusal, Reply, RoomId, Seq};

use super::{Chat, Desk, set};
use crate::later;

impl Chat {
    /// Reads the viewer's saved and scheduled messages. Tracks their changes.
    pub fn with_personal<T>(self, look: impl FnOnce(&Personal) -> T) -> T {
        self.personal_news.track();
        self.client.with_value(|client| look(client.personal()))
    }

    /// The viewer's saved or scheduled messages have changed.
    pub(super) fn draw_personal(self) {
        self.personal_news.update(|n| *n = n.wrapping_add(1));
        let ((waiting, newest), cursor) =
            self.client.with_value(|client| (client.personal().waiting(), client.person_cursor()));
        set(self.personal_waiting, waiting);
        self.draw_new_threads();
        later::share_drafts(self, false);
        // After a restore, numbers begin anew.
        let told = self.saved.with_value(|saved| saved.told()).min(cursor.0);
        set(self.has_reminder, newest.0 > told);
    }

    /// Closes the notice; the items stay in the list. Other tabs of this browser do not show it
    /// again either.
    pub fn close_reminder(self) {
        let (_, newest) = self.client.with_value(|client| client.personal().waiting());
        self.saved.with_value(|saved| saved.keep_told(newest.0));
        self.has_reminder.set(false);
    }

    /// Saves or unsaves a message.
    pub fn save_message(self, room: RoomId, seq: Seq, on: bool) {
        self.screen.notice.set(None);
        self.ask(Command::Save { room, seq, on }, move |result| match result {
            Ok(_) => {
                let said = if on { self.words.message_saved() } else { self.words.message_unsaved() };
                self.say_aloud(said.to_owned());
            }
            Err(why) => self.screen.tell(room, seq, self.words.refusal(&why)),
        });
    }

    /// Counts a room as unread again, from this message on.
    pub fn mark_unread(self, room: RoomId, seq: Seq) {
        self.screen.notice.set(None);
        self.ask(Command::MarkUnread { room, seq }, move |result| match result {
            Ok(_) => self.say_aloud(self.words.marked_unread().to_owned()),
            Err(why) => self.screen.tell(room, seq, self.words.refusal(&why)),
        });
    }

    /// Sets or removes a reminder. `then` receives the refusal, if any.
    pub fn remind(
        self,
        (room, seq): (RoomId, Seq),
        at: Option<Millis>,
        then: impl FnOnce(Option<Refusal>) + Send + Sync + 'static,
    ) {
        self.ask(Command::Remind { room, seq, at }, move |result| {
            if result.is_ok() {
                let said = match at {
                    Some(at) => self.words.reminder_set(&self.moment(at)),
                    None => self.words.reminder_removed().to_owned(),
                };
                self.say_aloud(said);
            }
            then(result.err());
        });
    }

    /// Schedules the text of a room's composer. The text leaves the composer once a server has it.
    /// `then` receives the refusal, if any.
    pub fn schedule(
        self,
        (room, nonce): (RoomId, Nonce),
        body: String,
        at: Millis,
        then: impl FnOnce(Option<Refusal>) + Send + Sync + 'static,
    ) {
        let sent = body.clone();
        self.ask(Command::Schedule { room, nonce, body, at }, move |result: Result<Reply, Refusal>| {
            if result.is_ok() {
                // Words that were added meanwhile stay.
                self.clear_draft(Desk::of(room), &sent);
                self.tell_all(self.words.message_scheduled(&self.moment(at)), None);
            }
            then(result.err());
        });
    }

    /// A time in full, for use in a sentence.
    #[must_use]
    pub fn moment(self, at: Millis) -> String {
        self.words.moment(at, self.clock.get_untracked())
    }

    /// The name of a room, while the viewer is in it. Tracks.
    #[must_use]
    pub fn room_name(self, room: RoomId) -> Option<String> {
        self.order.track();
        self.summary(room).map(|summary| self.name_of(&summary.read()))
    }
}
