//! The open room: its rows, and the loaded part of its messages.

use client::{Client, Link, RoomState};
use leptos::prelude::*;
use protocol::{Direction, InThread, Message, RoomId, Seq, UserId};

use super::{Chat, link_of, set};
use crate::{address::Panel, browser, text::plain};

/// The state of the open room's loaded messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Its messages are loaded.
    pub loaded: bool,
    /// There are older messages that are not loaded.
    pub more_before: bool,
    /// There are newer messages that are not loaded.
    pub more_after: bool,
    /// Older ones are loading.
    pub loading_before: bool,
    /// The first unread message is above the loaded ones.
    pub unread_above: bool,
}

impl Chat {
    /// Opens a room on the screen, or none.
    pub fn enter(self, room: Option<RoomId>) {
        if self.room.get_untracked() == room {
            return;
        }
        if let Some(before) = self.room.get_untracked() {
            self.tell(|client, now| client.open_thread(before, None, now));
        }
        self.room.set(room);
        self.screen.read_by.set(None);
        self.screen.let_go();
        self.tell(|client, now| match room {
            Some(room) => client.enter(room, now),
            None => client.focus(None, now),
        });
        if room.is_none() {
            self.rows.set(Vec::new());
            self.draw_thread();
        }
    }

    /// Prefetches a room that the user may open next.
    pub fn look_ahead(self, room: RoomId) {
        self.tell(|client, now| client.look_ahead(room, now));
    }

    /// The user is back at the page: marks what arrived meanwhile as unread.
    pub fn come_back(self) {
        let room = self.room.get_untracked();
        if room.is_some_and(|room| self.summary(room).is_some_and(|s| s.read_untracked().unread > 0)) {
            self.tell(|client, now| client.focus(room, now));
        }
    }

    /// Reads the members and marks of a room. Tracks their changes.
    pub fn with_room<T>(self, room: RoomId, look: impl FnOnce(&RoomState) -> T) -> Option<T> {
        self.members.track();
        self.client.with_value(|client| client.room(room).map(look))
    }

    /// Loads older or newer messages of the open room.
    pub fn load_more(self, direction: Direction) {
        if let Some(room) = self.room.get_untracked() {
            self.tell(|client, _| client.load_more(room, direction));
            self.draw_window();
        }
    }

    /// Drops rows far above while the user is at the newest message.
    pub fn trim(self) {
        if let Some(room) = self.room.get_untracked() {
            self.tell(|client, _| client.trim(room));
        }
    }

    /// Reloads the timeline at the newest messages.
    pub fn jump_to_newest(self) {
        if let Some(room) = self.room.get_untracked() {
            self.tell(|client, _| client.jump_to_newest(room));
        }
    }

    /// Reloads the timeline at the first unread message, which is above the window.
    pub fn jump_to_unread(self) {
        if let Some(room) = self.room.get_untracked() {
            self.tell(|client, _| client.jump_to_unread(room));
        }
    }

    /// Shows a message from anywhere in the history of any room.
    pub fn show_message(self, room: RoomId, seq: Seq) {
        self.screen.dialog.set(None);
        if self.room.get_untracked() != Some(room) {
            // The room's page calls this again.
            return self.go(link_of(room, seq));
        }
        self.screen.target.set(Some((room, seq)));
        // What the open thread shows is not looked for in the room.
        let is_shown = self.client.with_value(|client| client.room(room)?.shown(seq).map(|_| ())).is_some();
        if !is_shown {
            self.tell(|client, _| {
                client.jump_to(room, seq);
            });
        }
        request_animation_frame(move || self.show_target());
    }

    /// Shows the requested message once it is loaded. Says so if it is not in the room.
    pub fn show_target(self) {
        let Some(Some((room, seq))) = self.screen.target.try_get_untracked() else { return };
        if self.room.get_untracked() != Some(room) {
            return;
        }
        let thread = self.client.with_value(|client| {
            let message = client.room(room)?.shown(seq)?;
            message.thread.filter(|_| !message.is_in_room())
        });
        if browser::point_at_row(seq) {
            self.screen.target.set(None);
        } else if let Some(InThread(root, _)) = thread
            && self.window.get_untracked().loaded
        {
            // The room tells of it only in a line. Its thread is opened there.
            if untrack(|| self.open_root(room)) != Some(root) {
                self.open_panel(Panel::Thread(root));
            } else {
                self.tell(|client, now| client.go_to_reply(room, seq, now));
            }
        } else if self.client.with_value(|client| client.link() == Link::Live && !client.is_jumping(room))
            && self.window.get_untracked().loaded
        {
            let is_here =
                self.client.with_value(|client| client.room(room)?.shown(seq).map(|_| ())).is_some();
            if !is_here {
                self.screen.target.set(None);
                self.tell_all(self.words.message_not_here().to_owned(), None);
            }
        }
    }

    /// Who wrote a message of a room, or of the thread beside it.
    #[must_use]
    pub fn author_of(self, room: RoomId, seq: Seq) -> Option<UserId> {
        self.client.with_value(|client| Some(client.room(room)?.shown(seq)?.author))
    }

    /// The message that another one in the open room replies to, with its author and text. Tracks
    /// the rows.
    #[must_use]
    pub fn quoted(self, room: RoomId, seq: Seq) -> Option<Message> {
        self.rows.track();
        self.client.with_value(|client| client.room(room)?.quote(seq).cloned())
    }

    /// The user has seen everything in the open room up to `seq`.
    pub fn saw(self, seq: Seq) {
        if let Some(room) = self.room.get_untracked() {
            self.tell(|client, now| client.saw(room, seq, now));
        }
    }

    pub(super) fn draw_rows(self) {
        let Some(room) = self.room.get_untracked() else { return };
        let zone = self.clock.get_untracked().zone;
        set(self.rows, self.client.with_value(|client| client::rows(client, room, zone)));
        self.draw_thread();
        self.draw_window();
    }

    pub(super) fn draw_window(self) {
        set(self.window, self.client.with_value(window));
    }

    pub(super) fn announce(self, room: RoomId, message: &Message) {
        let Some(summary) = self.summary(room) else { return };
        let name = untrack(|| self.name_of(&summary.read_untracked()));
        let author = untrack(|| self.user(message.author));
        let text = plain(&client::shown_text(message), 160);
        self.say_aloud(self.words.announce(&author.name, &name, &text));
    }
}

/// The state of the room that the client is focused on.
pub(super) fn window(client: &Client) -> Window {
    let Some(room) = client.focused() else { return Window::default() };
    let Some(state) = client.room(room) else { return Window::default() };
    let Some(timeline) = &state.timeline else { return Window::default() };
    Window {
        loaded: true,
        more_before: timeline.more_before(),
        more_after: timeline.more_after(),
        loading_before: client.is_loading(room, Direction::Before),
        unread_above: state.unread_above().is_some(),
    }
}
