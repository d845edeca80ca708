//! [`Chat`]: signals around the one [`Client`] of this page.
//!
//! The client is a state machine without a browser (see the crate `client`): it decides, and this
//! module shows the result. Every method tells the client what happened and then
//! [settles](Chat::settle): frames go to the socket, answers go to their callers, and only the
//! signals of what changed are written. So a new message mounts one row, and a mark moves one tick.
//!
//! - [`rooms`]: the list of rooms, and what the viewer may do in them;
//! - [`open_room`]: the room on the screen;
//! - [`drafts`]: unsent texts; [`shared_drafts`] shares them with other devices;
//! - [`changes`]: editing, deleting, reacting, voting, pinning;
//! - [`files`]: files on their way;
//! - [`personal`]: saved messages, reminders, messages that are sent later;
//! - [`threads`]: the open thread, and those that the viewer follows;
//! - [`connection`]: what the socket tells;
//! - [`screen`]: dialogs and panels; [`storage`]: what the browser keeps.
//!
//! Law: no component keeps a copy of what the client knows, and none sees a socket.

mod arrange;
mod changes;
mod connection;
mod drafts;
mod files;
mod open_room;
mod personal;
mod rooms;
mod screen;
mod shared_drafts;
mod storage;
mod threads;

use std::{sync::Arc, time::Duration};

use client::{Client, Edit, Link, Row, SortedMap};
use futures::channel::mpsc;
use leptos::prelude::*;
use protocol::{Command, ListSection, Millis, Page, Refusal, Reply, RoomId, RoomSummary, User, UserId};

use self::shared_drafts::SharedDrafts;
pub use self::{
    arrange::Place,
    connection::Obstacle,
    drafts::{Sign, Unsent, is_refused},
    files::{LocalFile, Upload},
    open_room::Window,
    rooms::{link_of, path_of},
    screen::{Desk, Dialog, MemberAct, Missed, Screen, UnsentPoll},
    threads::ThreadView,
};
use crate::{
    address::{Address, use_address},
    browser,
    words::{Clock, Words, use_words},
};

/// The most frames that wait for the socket to open or to accept more.
pub(crate) const FRAMES_MAX: usize = 256;

/// Called with the answer to a command.
type Then = Box<dyn FnOnce(Result<Reply, Refusal>) + Send + Sync>;

/// Everything that a component reads, and every method that it calls.
#[derive(Clone, Copy)]
pub struct Chat {
    client: StoredValue<Client>,
    asked: StoredValue<Vec<(u32, Then)>>,
    outgoing: StoredValue<Option<mpsc::Sender<String>>>,
    saved: StoredValue<storage::Saved>,
    summaries: StoredValue<SortedMap<RoomId, ArcRwSignal<RoomSummary>>>,
    away_since: StoredValue<Option<Millis>>,
    /// The room that the user has asked to leave or to delete: when it is gone, the page leaves it,
    /// too.
    quitting: RwSignal<Option<RoomId>>,
    /// How many messages were last known to be [stranded](Client::stranded).
    stranded: RwSignal<usize>,
    /// Written whenever the outbox changes; read through [`Chat::unsent`].
    outbox_news: RwSignal<u32>,
    /// Written when the page wakes, and when a draft shown in the list may have changed; 0 before.
    drafts_news: RwSignal<u32>,
    shared_drafts: StoredValue<SharedDrafts>,
    /// Files on this device; read through [`Chat::attached`] and [`Chat::local_file`].
    files: RwSignal<Vec<LocalFile>>,
    /// Whether [`Chat::listen_to_uploads`] was called.
    pub(crate) hears_uploads: StoredValue<bool>,
    /// The page was reloaded because another user took over, and has not been live since.
    just_changed_over: StoredValue<bool>,
    /// How far this machine's clock is ahead of the monotonic one.
    clock_ahead: StoredValue<Millis>,
    /// The messages being edited, at most one per room; read through [`Chat::edit_of`].
    edits: StoredValue<Vec<Edit>>,
    /// Written whenever an edit begins, ends, or is answered.
    edits_news: RwSignal<u32>,
    /// Written whenever the viewer's saved or scheduled messages change; read through
    /// [`Chat::with_personal`].
    personal_news: RwSignal<u32>,
    /// How many of them need attention: due reminders, and messages that could not be sent.
    pub personal_waiting: RwSignal<usize>,
    /// Some of them came after the notice was last closed.
    pub has_reminder: RwSignal<bool>,
    /// The language.
    pub words: Words,
    /// Dialogs and panels.
    pub screen: Screen,
    /// The viewer; [`Chat::user`] knows their current name.
    pub me: UserId,
    /// The rooms, the most recently active first.
    pub order: RwSignal<Vec<RoomId>>,
    /// The rooms in the order of the list: see [`arrange`].
    pub places: RwSignal<Vec<Place>>,
    /// The collapsed sections of the list.
    pub folded: RwSignal<Vec<ListSection>>,
    /// The room that shows the first steps to the first person.
    pub first_steps: RwSignal<Option<RoomId>>,
    /// Unread messages in all rooms.
    pub unread: RwSignal<u32>,
    /// The state of the connection.
    pub link: RwSignal<Link>,
    /// Disconnected long enough to say so.
    pub away: RwSignal<bool>,
    /// Why the page does not connect.
    pub obstacle: RwSignal<Option<Obstacle>>,
    /// A notice about the page itself, until the user closes it.
    pub notice: RwSignal<Option<String>>,
    /// The room that the notice is about. Set before the notice.
    pub notice_room: RwSignal<Option<RoomId>>,
    /// The name of the connected server.
    pub node: RwSignal<String>,
    /// How many messages wait to be sent.
    pub waiting: RwSignal<usize>,
    /// The open room.
    pub room: RwSignal<Option<RoomId>>,
    /// Its timeline.
    pub rows: RwSignal<Vec<Row>>,
    /// Written whenever the thread changes that is open beside it; read through [`Chat::thread`].
    thread_news: RwSignal<u32>,
    /// How many of the threads that the viewer follows have replies that they have not seen.
    pub new_threads: RwSignal<usize>,
    /// Which part of the room's messages that is.
    pub window: RwSignal<Window>,
    /// Written whenever members, marks or pins of the open room change; read through
    /// [`Chat::with_room`].
    members: RwSignal<u32>,
    /// Written whenever someone's name or role changes; read through [`Chat::user`].
    names: RwSignal<u32>,
    /// The latest screen reader announcements, each with its own number: see [`Chat::say_aloud`].
    pub announced: RwSignal<Vec<(u32, String)>>,
    /// The time and the time zone to draw with.
    pub clock: RwSignal<Clock>,
    address: Address,
}

/// The chat of this page. Available only below a signed-in frame.
#[must_use]
pub fn use_chat() -> Chat {
    expect_context::<Chat>()
}

/// How long an announcement stays. A screen reader picks it up when it appears. It is then removed,
/// because its words may be deleted meanwhile. It stays up to twice as long if others follow it.
const ANNOUNCED_FOR: Duration = Duration::from_secs(3);

impl Chat {
    /// Begins with the content of the page: the same on both sides.
    #[must_use]
    pub fn new(page: &Page, me: User) -> Self {
        let client = Client::from_page(page);
        let clock = Clock { now: page.now, zone: page.zone };
        let list = client.list();
        let mut summaries = SortedMap::new();
        summaries.extend(list.iter().map(|summary| (summary.room.id, ArcRwSignal::new(summary.clone()))));
        let room = client.focused();
        let rows = room.map(|room| client::rows(&client, room, page.zone)).unwrap_or_default();
        Self {
            asked: StoredValue::default(),
            outgoing: StoredValue::new(None),
            saved: StoredValue::new(storage::Saved::of(me.id)),
            summaries: StoredValue::new(summaries),
            away_since: StoredValue::new(None),
            quitting: RwSignal::new(None),
            stranded: RwSignal::new(0),
            outbox_news: RwSignal::new(0),
            drafts_news: RwSignal::new(0),
            shared_drafts: StoredValue::new(SharedDrafts::default()),
            files: RwSignal::new(Vec::new()),
            hears_uploads: StoredValue::new(false),
            just_changed_over: StoredValue::new(false),
            clock_ahead: StoredValue::new(0),
            edits: StoredValue::new(Vec::new()),
            edits_news: RwSignal::new(0),
            personal_news: RwSignal::new(0),
            personal_waiting: RwSignal::new(0),
            has_reminder: RwSignal::new(false),
            words: use_words(),
            screen: Screen::default(),
            me: me.id,
            places: RwSignal::new(arrange::arrange(
                &[],
                &list.iter().map(rooms::entry).collect::<Vec<_>>(),
                room,
                false,
            )),
            folded: RwSignal::new(page.folded.clone()),
            first_steps: RwSignal::new(page.first_steps),
            order: RwSignal::new(list.iter().map(|summary| summary.room.id).collect()),
            unread: RwSignal::new(client.unread()),
            link: RwSignal::new(client.link()),
            away: RwSignal::new(false),
            obstacle: RwSignal::new(None),
            notice: RwSignal::new(None),
            notice_room: RwSignal::new(None),
            node: RwSignal::new(client.node().to_owned()),
            waiting: RwSignal::new(0),
            room: RwSignal::new(room),
            rows: RwSignal::new(rows),
            thread_news: RwSignal::new(0),
            new_threads: RwSignal::new(0),
            window: RwSignal::new(open_room::window(&client)),
            members: RwSignal::new(0),
            names: RwSignal::new(0),
            announced: RwSignal::default(),
            clock: RwSignal::new(clock),
            address: use_address(),
            client: StoredValue::new(client),
        }
    }

    /// A person's profile, or a nameless one until a server has sent it. Tracks changed names.
    #[must_use]
    pub fn user(self, user: UserId) -> Arc<User> {
        self.names.track();
        let known = self.client.with_value(|client| client.people().get(user).cloned());
        known.unwrap_or_else(|| Arc::new(User::unknown(user)))
    }

    /// The person with this handle, if their profile is known here. Tracks changed names.
    #[must_use]
    pub fn user_named(self, handle: &str) -> Option<Arc<User>> {
        self.names.track();
        self.client.with_value(|client| client.people().named(handle).cloned())
    }

    /// The groups of people that are known here. Tracks changed names.
    #[must_use]
    pub fn groups(self) -> Vec<Arc<User>> {
        self.names.track();
        self.client.with_value(|client| client.people().groups().cloned().collect())
    }

    /// Whether this person is the viewer.
    #[must_use]
    pub fn is_me(self, user: UserId) -> bool {
        self.me == user
    }

    /// A stored preference of this user in this browser, such as their recent emoji; empty if there
    /// is none.
    #[must_use]
    pub fn habit(self, name: &str) -> String {
        self.saved.with_value(|saved| saved.habit(name))
    }

    /// Stores a preference.
    pub fn keep_habit(self, name: &str, text: &str) {
        self.saved.with_value(|saved| saved.keep_habit(name, text));
    }

    /// The address of the page.
    #[must_use]
    pub fn address(self) -> Address {
        self.address
    }

    /// Goes to an address inside the app, without a reload.
    pub fn go(self, path: String) {
        self.address.go(path);
    }

    /// Goes to a page outside the app, from a dialog. Stays if there is no network, because both
    /// pages would be lost.
    pub fn leave_for(self, path: &str) {
        if !self.stays_offline() {
            browser::leave_for(path);
        }
    }

    /// If there is no network, says so and returns true.
    #[must_use]
    pub fn stays_offline(self) -> bool {
        let offline = browser::is_offline();
        if offline {
            self.screen.dialog.set(None);
            self.tell_all(self.words.no_connection().to_owned(), None);
        }
        offline
    }

    /// Sends a command. `then` gets the answer exactly once, however often the connection is lost
    /// meanwhile. Returns the number of the request.
    pub fn ask(
        self,
        command: Command,
        then: impl FnOnce(Result<Reply, Refusal>) + Send + Sync + 'static,
    ) -> u32 {
        let mut request = 0;
        self.client.update_value(|client| request = client.request(command));
        self.asked.update_value(|asked| asked.push((request, Box::new(then))));
        self.settle();
        request
    }

    /// Announces a text to screen readers, after what they are saying. Each one is read, even if
    /// the text is the same.
    pub fn say_aloud(self, text: String) {
        let before = self.announced.with_untracked(|told| told.last().map(|(last, _)| *last));
        let number = before.map_or(0, |last| last.wrapping_add(1));
        self.announced.update(|told| told.push((number, text)));
        if before.is_none() {
            self.forget_announced(number);
        }
    }

    /// Later removes announcements up to this one. Each removal costs a layout, so newer ones wait
    /// for the next.
    fn forget_announced(self, until: u32) {
        let forget = move || {
            let left = self.announced.try_update(|told| {
                let gone = told.iter().position(|(number, _)| *number == until).map_or(0, |at| at + 1);
                told.drain(..gone);
                told.last().map(|(last, _)| *last)
            });
            if let Some(Some(last)) = left {
                self.forget_announced(last);
            }
        };
        set_timeout(forget, ANNOUNCED_FOR);
    }

    /// Shows a notice about the page itself.
    pub fn tell_all(self, text: String, room: Option<RoomId>) {
        self.notice_room.set(room);
        self.notice.set(Some(text));
    }

    fn tell(self, what: impl FnOnce(&mut Client, Millis)) {
        self.client.update_value(|client| what(client, browser::steady()));
        self.settle();
    }

    /// Passes on what the client has for others, and writes the signals of what changed.
    fn settle(self) {
        let mut frames = Vec::new();
        let mut answers = Vec::new();
        let mut outsiders = None;
        let mut touched = client::Touched::default();
        self.client.update_value(|client| {
            frames = client.take_encoded_frames();
            answers = client.take_answers();
            outsiders = client.take_outsiders();
            touched = client.take_touched();
        });
        self.hand_over(frames);
        if touched.link {
            self.draw_link();
        }
        if touched.outbox {
            self.client.with_value(|client| {
                set(self.waiting, client.outbox().waiting());
                self.saved.update_value(|saved| saved.keep_outbox(client.outbox()));
            });
            self.outbox_news.update(|n| *n = n.wrapping_add(1));
            self.tell_stranded();
        }
        if touched.names {
            self.names.update(|n| *n = n.wrapping_add(1));
        }
        if touched.personal {
            self.draw_personal();
        }
        if touched.list {
            self.draw_list(&touched.rooms);
            self.draw_new_threads();
        }
        if let Some(room) = self.room.get_untracked() {
            if touched.names || touched.timelines.contains(&room) {
                self.draw_rows();
            }
            if touched.members.contains(&room) {
                self.members.update(|n| *n = n.wrapping_add(1));
            }
        }
        if let Some((room, outsiders)) = outsiders {
            self.screen.outsiders.set_value(outsiders);
            self.screen.outsiders_of.set(Some(room));
        }
        if let Some((room, message)) = touched.news.pop() {
            self.announce(room, &message);
        }
        for answer in answers {
            let mut then = None;
            self.asked.update_value(|asked| {
                let at = asked.iter().position(|(request, _)| *request == answer.request);
                then = at.map(|at| asked.swap_remove(at));
            });
            if let Some((_, then)) = then {
                then(answer.result);
            }
        }
    }
}

/// Writes a signal only if its value changes.
fn set<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|known| *known != value) {
        signal.set(value);
    }
}
