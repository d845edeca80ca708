//! The thread that is open beside the room, and the threads that the viewer follows.

use client::Row;
use leptos::prelude::*;
use protocol::{Command, Direction, RoomId, Seq};

use super::{Chat, set};
use crate::address::Panel;

/// The open thread, as it is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ThreadView {
    /// Its root, once it is here.
    pub root: Option<Row>,
    /// Its replies, oldest first, with the days between them.
    pub rows: Vec<Row>,
    /// How many replies it has.
    pub count: u32,
    /// Its newest replies are here.
    pub loaded: bool,
    /// There is no such message.
    pub missing: bool,
    /// Whether the viewer follows it.
    pub following: bool,
}

impl Chat {
    /// The root of the thread that is open beside a room. Tracks the address.
    #[must_use]
    pub fn open_root(self, room: RoomId) -> Option<Seq> {
        match self.panel().filter(|_| self.room.get() == Some(room))? {
            Panel::Thread(root) => Some(root),
            Panel::Details | Panel::Search => None,
        }
    }

    /// Whether a message is shown in the open thread. Tracks the address.
    #[must_use]
    pub fn is_in_open_thread(self, room: RoomId, seq: Seq) -> bool {
        self.open_root(room) == Some(seq) || self.desk_of(room, seq).thread.is_some()
    }

    /// Opens the thread below a message of the open room, or the thread in which that message is, and sits down to write there.
    pub fn open_thread(self, seq: Seq) {
        let Some(room) = self.room.get_untracked() else { return };
        let thread = self.client.with_value(|client| client.room(room)?.shown(seq)?.thread);
        self.open_panel(Panel::Thread(thread.map_or(seq, |thread| thread.0)));
        self.screen.compose_reply();
    }

    /// The client keeps the thread that the address names, and no other.
    pub fn keep_thread(self, room: RoomId, root: Option<Seq>) {
        let reply = self.screen.target.get_untracked().filter(|(of, _)| *of == room).map(|(_, seq)| seq);
        self.tell(|client, now| client.open_thread_at(room, root, reply, now));
        self.draw_thread();
    }

    /// Asks for older or newer replies.
    pub fn load_replies(self, direction: Direction) {
        if let Some(room) = self.room.get_untracked() {
            self.tell(|client, _| client.load_replies(room, direction));
        }
    }

    /// Follows a thread, or no longer.
    pub fn follow(self, room: RoomId, root: Seq, on: bool) {
        self.ask(Command::Follow { room, root, on }, move |result| match result {
            Ok(_) => {
                let said = if on { self.words.thread_followed() } else { self.words.thread_unfollowed() };
                self.say_aloud(said.to_owned());
                self.draw_thread();
            }
            Err(why) => self.tell_all(self.words.refusal(&why), None),
        });
    }

    /// The thread that is open beside the room. Tracks its changes. Everything that it is made of comes with the chunk `tools`.
    #[must_use]
    pub fn thread(self) -> ThreadView {
        self.thread_news.track();
        let room = self.room.get();
        let zone = self.clock.get_untracked().zone;
        let view =
            |client: &client::Client| room.map(|room| thread_view(client, room, zone)).unwrap_or_default();
        self.client.with_value(view)
    }

    pub(super) fn draw_thread(self) {
        self.thread_news.update(|n| *n = n.wrapping_add(1));
    }

    pub(super) fn draw_new_threads(self) {
        set(self.new_threads, self.client.with_value(client::Client::new_threads));
    }
}

/// The thread that the client has open beside a room.
fn thread_view(client: &client::Client, room: RoomId, zone: protocol::Zone) -> ThreadView {
    let Some(thread) = client.room(room).and_then(|state| state.thread.as_ref()) else {
        return ThreadView::default();
    };
    let (root, rows) = client::thread_rows(client, room, zone);
    let replies = thread.root_message().and_then(|root| root.replies.as_ref());
    ThreadView {
        root,
        rows,
        count: replies.map_or(0, |replies| replies.count),
        loaded: thread.is_loaded(),
        missing: thread.is_missing(),
        following: client.follows_thread(room),
    }
}
