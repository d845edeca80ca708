//! Changing messages: editing, deleting, reacting, voting, pinning.
//!
//! The composer is the editor. Each room has at most one edit, which is stored like a draft. Its
//! text is discarded only when the server has it or the user cancels (`client::Edit`). Deletions
//! and reactions are shown at once (`client::rows`); if one is refused, a notice at the message
//! says so.

use client::{Edit, EditState};
use leptos::prelude::*;
use protocol::{Command, Emoji, Message, Refusal, Reply, RoomId, Seq};

use super::{Chat, Desk, Dialog, link_of};
use crate::{address::Panel, browser};

impl Chat {
    /// The edit of a room. Tracks its beginning, its end and its state, but not each keystroke.
    #[must_use]
    pub fn edit_of(self, room: RoomId) -> Option<Edit> {
        self.edits_news.track();
        self.edits.with_value(|edits| edits.iter().find(|edit| edit.room == room).cloned())
    }

    /// The message of the open room that is being edited.
    #[must_use]
    pub fn edited(self) -> Option<Seq> {
        let room = self.room.get()?;
        self.edits_news.track();
        self.edits.with_value(|edits| edits.iter().find(|edit| edit.room == room).map(|edit| edit.seq))
    }

    /// The composer for what one does with a message: that of the open thread for a reply in it.
    #[must_use]
    pub fn desk_of(self, room: RoomId, seq: Seq) -> Desk {
        let thread = self.client.with_value(|client| client.room(room)?.shown(seq)?.thread);
        self.desk_in(room, thread.map(|thread| thread.0))
    }

    /// The composer for a message of a thread: the thread's own while that is open.
    fn desk_in(self, room: RoomId, thread: Option<Seq>) -> Desk {
        let root = self.open_root(room);
        Desk { room, thread: thread.filter(|of| root == Some(*of)) }
    }

    /// The edit at a composer. Tracks as [`Chat::edit_of`] does, and the panel.
    #[must_use]
    pub fn edit_at(self, desk: Desk) -> Option<Edit> {
        let edit = self.edit_of(desk.room)?;
        (self.desk_in(desk.room, edit.thread) == desk).then_some(edit)
    }

    /// Gives the keyboard to a composer, which may lie under a panel.
    pub(super) fn sit_down(self, desk: Desk) {
        if desk.thread.is_some() {
            self.screen.compose_reply();
            return;
        }
        if browser::has_overlay_panel() {
            self.close_panel();
        }
        self.screen.compose();
    }

    /// A message as it is now, while it is loaded. Tracks the rows of the open room.
    #[must_use]
    pub fn message(self, room: RoomId, seq: Seq) -> Option<Message> {
        self.rows.track();
        self.thread_news.track();
        self.client.with_value(|client| client.room(room)?.shown(seq).cloned())
    }

    /// Begins to edit one of the viewer's messages. Does not discard another edit: that one must be
    /// finished first.
    pub fn begin_edit(self, room: RoomId, seq: Seq) {
        self.sit_down(untrack(|| self.desk_of(room, seq)));
        if untrack(|| self.edit_of(room)).is_some_and(|edit| edit.seq == seq) || !self.leave_edit(room) {
            return;
        }
        if let Some(message) = untrack(|| self.message(room, seq)) {
            self.put_edit(room, Some(Edit::of(room, &message)));
            browser::show_row(seq);
        }
    }

    /// Begins a reply to a message, unless an edit is in progress whose text would be lost.
    pub fn begin_reply(self, room: RoomId, seq: Seq) {
        self.screen.let_go();
        let desk = untrack(|| self.desk_of(room, seq));
        self.sit_down(desk);
        if self.leave_edit(room) {
            self.screen.replying.set(Some((desk, seq)));
        }
    }

    /// Begins to edit one's newest message of a room or a thread. Says whether there is one.
    #[must_use]
    pub fn edit_newest(self, desk: Desk) -> bool {
        let newest = self.client.with_value(|client| client.newest_own(desk.room, desk.thread));
        let room = desk.room;
        newest.inspect(|seq| self.begin_edit(room, *seq)).is_some()
    }

    /// Stores the text at each keystroke.
    pub fn keep_edit(self, room: RoomId, text: &str) {
        let Some(edit) = untrack(|| self.edit_of(room)) else { return };
        let is_news = edit.state != EditState::Writing;
        let edit = Edit { text: text.to_owned(), state: EditState::Writing, ..edit };
        self.saved.with_value(|saved| saved.keep_edit(room, Some(&edit)));
        if is_news {
            self.put_edit(room, Some(edit));
        } else {
            self.edits.update_value(|edits| replace(edits, room, Some(edit)));
        }
    }

    /// Saves the text. If it is blank, asks whether to delete the message.
    pub fn save_edit(self, room: RoomId) {
        let Some(mut edit) = untrack(|| self.edit_of(room)).filter(|edit| !edit.is_saving()) else { return };
        let (seq, now) = (edit.seq, untrack(|| self.message(room, edit.seq)));
        let is_there = now.as_ref().is_some_and(|now| !now.deleted);
        let has_files = now.as_ref().is_some_and(|now| !now.files.is_empty());
        if edit.text.trim().is_empty() && !has_files {
            self.screen.dialog.set(Some(Dialog::Delete(room, seq)));
            return;
        }
        if is_there && !edit.is_changed(now.as_ref()) {
            self.put_edit(room, None);
            return;
        }
        match edit.save(now.as_ref()) {
            Ok(command) => {
                let request = self.ask(command, move |result| self.edit_answered(room, result));
                // It may have been refused immediately.
                if self.asked.with_value(|asked| asked.iter().any(|(waiting, _)| *waiting == request)) {
                    self.put_edit(room, Some(Edit { state: EditState::Saving(request), ..edit }));
                }
            }
            Err(why) => self.put_edit(room, Some(Edit { state: EditState::Refused(why), ..edit })),
        }
    }

    fn edit_answered(self, room: RoomId, result: Result<Reply, Refusal>) {
        let edit = untrack(|| self.edit_of(room));
        match (result, edit) {
            (Ok(_), _) => {
                self.put_edit(room, None);
                self.say_aloud(self.words.edit_saved().to_owned());
            }
            (Err(why), Some(edit)) => {
                self.put_edit(room, Some(Edit { state: EditState::Refused(why), ..edit }));
            }
            (Err(_), None) => {}
        }
    }

    /// One step back: from saving to writing, or from writing to the original message.
    pub fn step_back(self, room: RoomId) {
        let Some(edit) = untrack(|| self.edit_of(room)) else { return };
        let EditState::Saving(request) = edit.state else {
            self.put_edit(room, None);
            return;
        };
        self.client.update_value(|client| client.withdraw(request));
        self.asked.update_value(|asked| asked.retain(|(waiting, _)| *waiting != request));
        self.put_edit(room, Some(Edit { state: EditState::Writing, ..edit }));
    }

    /// Stores again every edit that is being saved.
    pub(super) fn keep_saving(self) {
        self.edits.with_value(|edits| {
            for edit in edits.iter().filter(|edit| edit.is_saving()) {
                self.saved.with_value(|saved| saved.keep_edit(edit.room, Some(edit)));
            }
        });
    }

    /// Turns the text of an edit into a new message.
    pub fn keep_as_new(self, room: RoomId) {
        let Some(edit) = untrack(|| self.edit_of(room)) else { return };
        let desk = untrack(|| self.desk_in(room, edit.thread));
        self.put_edit(room, None);
        self.put_back(desk, &edit.text);
        self.sit_down(desk);
    }

    /// Resumes an edit that an earlier page did not save.
    pub fn resume_edit(self, room: RoomId) {
        if untrack(|| self.edit_of(room)).is_some() {
            return;
        }
        let Some(edit) = self.saved.with_value(|saved| saved.edit(room)) else { return };
        let now = untrack(|| self.message(room, edit.seq));
        let is_saved = now.is_some_and(|now| !now.deleted && !edit.is_changed(Some(&now)));
        self.put_edit(room, Some(edit).filter(|_| !is_saved));
    }

    /// Ends the room's edit if no text is lost; otherwise says that it must be finished first.
    /// Returns whether there is none now.
    pub(super) fn leave_edit(self, room: RoomId) -> bool {
        let Some(edit) = untrack(|| self.edit_of(room)) else { return true };
        let now = untrack(|| self.message(room, edit.seq));
        let is_kept = edit.is_saving() || edit.is_changed(now.as_ref());
        match is_kept {
            true if edit.is_saving() => {}
            true => self.put_edit(room, Some(Edit { state: EditState::Unfinished, ..edit })),
            false => self.put_edit(room, None),
        }
        !is_kept
    }

    fn put_edit(self, room: RoomId, edit: Option<Edit>) {
        self.saved.with_value(|saved| saved.keep_edit(room, edit.as_ref()));
        self.edits.update_value(|edits| replace(edits, room, edit));
        self.edits_news.update(|n| *n = n.wrapping_add(1));
    }

    /// Adds or removes the viewer's reaction.
    pub fn react(self, room: RoomId, seq: Seq, emoji: &str, on: bool) {
        self.screen.notice.set(None);
        // Normalised as the server stores it, so that the client recognises it. If it is no emoji,
        // the server refuses it.
        let emoji = Emoji::parse(emoji).map_or_else(|_| emoji.to_owned(), Emoji::into_string);
        self.ask(Command::React { room, seq, emoji, on }, move |result| self.changed(room, seq, result));
    }

    /// Pins a message to the room, or unpins it.
    pub fn pin(self, room: RoomId, seq: Seq, on: bool) {
        self.screen.notice.set(None);
        self.ask(Command::Pin { room, seq, on }, move |result| {
            if result.is_ok() {
                let told = if on { self.words.message_pinned() } else { self.words.message_unpinned() };
                self.say_aloud(told.to_owned());
            }
            self.changed(room, seq, result);
        });
    }

    /// Votes in a poll: these are all of the viewer's choices, in order.
    pub fn vote(self, room: RoomId, seq: Seq, choices: Vec<u8>) {
        self.screen.notice.set(None);
        self.ask(Command::Vote { room, seq, choices }, move |result| self.changed(room, seq, result));
    }

    /// Closes a poll.
    pub fn close_poll(self, room: RoomId, seq: Seq) {
        self.screen.notice.set(None);
        self.ask(Command::ClosePoll { room, seq }, move |result| {
            if result.is_ok() {
                self.say_aloud(self.words.poll_was_closed().to_owned());
            }
            self.changed(room, seq, result);
        });
    }

    /// Removes the previews of these links from a message.
    pub fn remove_previews(self, room: RoomId, seq: Seq, urls: Vec<String>) {
        self.screen.notice.set(None);
        self.ask(Command::RemovePreviews { room, seq, urls }, move |result| self.changed(room, seq, result));
    }

    /// Deletes a message. Ends an edit of it, unless text would be lost.
    pub fn delete(self, room: RoomId, seq: Seq) {
        self.screen.notice.set(None);
        if untrack(|| self.edit_of(room)).is_some_and(|edit| edit.seq == seq) {
            self.leave_edit(room);
        }
        self.ask(Command::Delete { room, seq }, move |result| {
            if result.is_ok() {
                self.say_aloud(self.words.message_deleted().to_owned());
            }
            self.changed(room, seq, result);
        });
    }

    fn changed(self, room: RoomId, seq: Seq, result: Result<Reply, Refusal>) {
        if let Err(why) = result {
            self.screen.tell(room, seq, self.words.refusal(&why));
        }
    }

    /// Copies the link of a message to the clipboard.
    pub fn copy_link(self, room: RoomId, seq: Seq) {
        let link = link_of(room, seq);
        let thread = self.client.with_value(|client| client.room(room)?.shown(seq)?.thread);
        let link = thread.map_or(link.clone(), |thread| Panel::Thread(thread.0).beside(&link));
        self.copy(room, seq, format!("{}{link}", browser::origin()));
    }

    /// Copies a message's text to the clipboard.
    pub fn copy(self, room: RoomId, seq: Seq, text: String) {
        browser::copy(text, move |done| match done {
            true => self.say_aloud(self.words.copied().to_owned()),
            false => self.screen.tell(room, seq, self.words.no_clipboard().to_owned()),
        });
    }
}

fn replace(edits: &mut Vec<Edit>, room: RoomId, edit: Option<Edit>) {
    edits.retain(|known| known.room != room);
    edits.extend(edit);
}
