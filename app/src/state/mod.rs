//! [`Chat`]: signals around the one [`Client`] of this page.
//!
//! The client is a machine without a browser (see the crate `client`): it decides, this shows. Every verb tells the
//! client what happened and then [settles](Chat::settle): frames go to the socket, answers to who asked, and only the
//! signals of what changed are written. So a new message mounts one row, and a mark moves one tick.
//!
//! Law: no component keeps a copy of what the client knows, and none sees a socket.

mod changes;
mod screen;
mod storage;

use std::{collections::BTreeSet, sync::Arc};

use client::{Client, Edit, Link, RoomState, Row, SendState, SortedMap};
use futures::channel::mpsc;
use leptos::prelude::*;
use protocol::{
    ClientFrame, Command, Direction, Millis, Nonce, Page, Refusal, Reply, Rights, RoomId, RoomKind,
    RoomSummary, Seq, ServerFrame, User, UserId, WorkspaceRole, Zone,
};
use uuid::Uuid;

pub use self::screen::{Dialog, MemberAct, Missed, Screen};
use crate::{
    address::{Address, Place, use_address},
    browser, socket,
    words::{Clock, Words, use_words},
};

/// How long one is away before the page says so.
const AWAY_SHOWN_MS: i64 = 2_000;
/// If this machine's clock gains this much on the steady one between two ticks, it was set, or the machine slept.
const SLEPT_MS: i64 = 2_000;
/// The note that a page leaves for the next one in its tab when the tab changes over to someone else.
const CHANGED_OVER: &str = "roost:changed-over";
/// What it says when something was still to be sent.
const LEFT: &str = "left";
/// Frames that wait for the socket to open or to take more, at most.
pub(crate) const FRAMES_MAX: usize = 256;

/// Called with the answer to a command.
type Then = Box<dyn FnOnce(Result<Reply, Refusal>) + Send + Sync>;

/// Why the page does not connect, and what would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The servers speak another version: reload.
    NewVersion,
    /// The account or the address has too many connections.
    TooMany,
    /// Someone else signed in from another tab: this page belongs to its former person.
    SomeoneElse,
}

/// Something that was written into a room that the person is no longer in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// By which it is taken back; `None` for a draft.
    pub nonce: Option<Nonce>,
    /// The text.
    pub text: String,
}

/// What is on screen of the open room, beside its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Its messages are here.
    pub loaded: bool,
    /// There are older messages than those.
    pub more_before: bool,
    /// There are newer messages than those.
    pub more_after: bool,
    /// Older ones are on their way.
    pub loading_before: bool,
    /// What is unread begins above those.
    pub unread_above: bool,
}

/// Everything that a component reads, and every verb that it calls.
#[derive(Clone, Copy)]
pub struct Chat {
    client: StoredValue<Client>,
    asked: StoredValue<Vec<(u32, Then)>>,
    line: StoredValue<Option<mpsc::Sender<ClientFrame>>>,
    saved: StoredValue<storage::Saved>,
    summaries: StoredValue<SortedMap<RoomId, ArcRwSignal<RoomSummary>>>,
    away_since: StoredValue<Option<Millis>>,
    signing_out: StoredValue<bool>,
    /// The room that the person has asked to leave or to delete: when it is gone, the page leaves it, too.
    quitting: RwSignal<Option<RoomId>>,
    /// How many messages were last known to be [stranded](Client::stranded).
    stranded: RwSignal<usize>,
    /// Written whenever the outbox changes; read through [`Chat::unsent`].
    outbox_news: RwSignal<u32>,
    /// The page was reloaded to change over to someone else, and has not been live since.
    just_changed_over: StoredValue<bool>,
    /// By how much this machine's clock is ahead of the steady one.
    clock_ahead: StoredValue<Millis>,
    /// Messages that are being edited, one a room at most; read through [`Chat::edit_of`].
    edits: StoredValue<Vec<Edit>>,
    /// Written whenever one begins, ends, or is answered.
    edits_news: RwSignal<u32>,
    /// The language.
    pub words: Words,
    /// Dialogs and panels.
    pub screen: Screen,
    /// The viewer; [`Chat::user`] knows their current name.
    pub me: UserId,
    /// The rooms, the last active first.
    pub order: RwSignal<Vec<RoomId>>,
    /// Unread messages in all rooms.
    pub unread: RwSignal<u32>,
    /// The connection.
    pub link: RwSignal<Link>,
    /// Away for long enough to say so.
    pub away: RwSignal<bool>,
    /// Why the page does not connect.
    pub obstacle: RwSignal<Option<Obstacle>>,
    /// A notice about the page itself, until the person closes it.
    pub notice: RwSignal<Option<String>>,
    /// The room where there is more about the notice to see. Set before the notice.
    pub notice_room: RwSignal<Option<RoomId>>,
    /// The name of the server that answers.
    pub node: RwSignal<String>,
    /// How many messages wait to be sent.
    pub waiting: RwSignal<usize>,
    /// The room that is open.
    pub room: RwSignal<Option<RoomId>>,
    /// Its timeline.
    pub rows: RwSignal<Vec<Row>>,
    /// How far that reaches.
    pub window: RwSignal<Window>,
    /// Written whenever members, marks or pins of the open room change; read through [`Chat::with_room`].
    members: RwSignal<u32>,
    /// Written whenever somebody's name or role changes; read through [`Chat::user`].
    names: RwSignal<u32>,
    /// What to tell who listens to the page.
    pub announced: RwSignal<String>,
    /// Where and when one looks from.
    pub clock: RwSignal<Clock>,
    address: Address,
}

/// The chat of this page. Only below a signed-in frame.
#[must_use]
pub fn use_chat() -> Chat {
    expect_context::<Chat>()
}

impl Chat {
    /// Begins with what the page was filled with: the same on both sides.
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
            line: StoredValue::new(None),
            saved: StoredValue::new(storage::Saved::of(me.id)),
            summaries: StoredValue::new(summaries),
            away_since: StoredValue::new(None),
            signing_out: StoredValue::new(false),
            quitting: RwSignal::new(None),
            stranded: RwSignal::new(0),
            outbox_news: RwSignal::new(0),
            just_changed_over: StoredValue::new(false),
            clock_ahead: StoredValue::new(0),
            edits: StoredValue::new(Vec::new()),
            edits_news: RwSignal::new(0),
            words: use_words(),
            screen: Screen::default(),
            me: me.id,
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
            window: RwSignal::new(window(&client)),
            members: RwSignal::new(0),
            names: RwSignal::new(0),
            announced: RwSignal::new(String::new()),
            clock: RwSignal::new(clock),
            address: use_address(),
            client: StoredValue::new(client),
        }
    }

    /// The browser's half begins: its own clock, what an earlier page had not sent, and the connection.
    pub fn wake(self) {
        if browser::is_stopped() {
            return;
        }
        self.look_at_clock();
        self.away_since.set_value(Some(browser::steady()));
        self.clock_ahead.set_value(browser::now() - browser::steady());
        if let Some(left) = browser::take_word(CHANGED_OVER) {
            self.just_changed_over.set_value(true);
            let me = untrack(|| self.user(self.me));
            self.tell_all(self.words.changed_over(&me.name, left == LEFT), None);
        }
        let kept = self.saved.with_value(storage::Saved::load);
        self.tell(|client, now| client.adopt(kept, now));
        leptos::task::spawn_local(socket::keep_connected(self));
    }

    // ── what components read ─────────────────────────────────────────────────────────────────────────────────

    /// A room's line in the list, while one is in it.
    #[must_use]
    pub fn summary(self, room: RoomId) -> Option<ArcRwSignal<RoomSummary>> {
        self.summaries.with_value(|all| all.get(&room).cloned())
    }

    /// Whether one is in this room. Tracks the list.
    #[must_use]
    pub fn is_in(self, room: RoomId) -> bool {
        self.order.with(|order| order.contains(&room))
    }

    /// What the viewer may do in a room. Tracks the room's entry in the list and the viewer's profile, which change
    /// more often than rights do: see [`Chat::may`].
    #[must_use]
    pub fn rights(self, room: RoomId) -> Rights {
        let workspace = self.role();
        let rights = |summary: ArcRwSignal<RoomSummary>| {
            let summary = summary.read();
            Rights::of(&summary.room, summary.role, workspace)
        };
        self.summary(room).map(rights).unwrap_or_default()
    }

    /// The same, told only when they change. Not for the first part of the wasm, in which it would be a type of its own:
    /// there see [`Chat::may`].
    #[must_use]
    pub fn rights_in(self, room: RoomId) -> Memo<Rights> {
        Memo::new(move |_| self.rights(room))
    }

    /// Whether the viewer has a right in a room, told only when that changes.
    #[must_use]
    pub fn may(self, room: RoomId, right: fn(Rights) -> bool) -> Memo<bool> {
        Memo::new(move |_| right(self.rights(room)))
    }

    /// What the viewer is in the workspace. Tracks changed profiles.
    #[must_use]
    pub fn role(self) -> WorkspaceRole {
        self.user(self.me).role
    }

    /// Whether the viewer is a guest: they cannot make rooms, nor find any.
    #[must_use]
    pub fn is_guest(self) -> Memo<bool> {
        Memo::new(move |_| self.role() == WorkspaceRole::Guest)
    }

    /// What somebody without a room can do.
    #[must_use]
    pub fn no_rooms_hint(self) -> &'static str {
        match self.role() {
            WorkspaceRole::Guest => self.words.no_rooms_for_guests(),
            WorkspaceRole::Member
            | WorkspaceRole::Moderator
            | WorkspaceRole::Admin
            | WorkspaceRole::Owner => self.words.no_rooms_hint(),
        }
    }

    /// Looks at members and marks of a room. Tracks their changes.
    pub fn with_room<T>(self, room: RoomId, look: impl FnOnce(&RoomState) -> T) -> Option<T> {
        self.members.track();
        self.client.with_value(|client| client.room(room).map(look))
    }

    /// Somebody's profile, as far as a server has told. Tracks changed names.
    #[must_use]
    pub fn user(self, user: UserId) -> Arc<User> {
        self.names.track();
        let known = self.client.with_value(|client| client.people().get(user).cloned());
        known.unwrap_or_else(|| Arc::new(User::unknown(user)))
    }

    /// What the room is called. Tracks changed names of people.
    #[must_use]
    pub fn name_of(self, summary: &RoomSummary) -> String {
        match (summary.room.kind, summary.peer) {
            (RoomKind::Direct, peer) => self.user(peer.unwrap_or(self.me)).name.clone(),
            (RoomKind::Group | RoomKind::Channel, _) => {
                self.words.named(summary.room.kind, &summary.room.title)
            }
        }
    }

    /// Whether this person is the viewer.
    #[must_use]
    pub fn is_me(self, user: UserId) -> bool {
        self.me == user
    }

    // ── what people do ───────────────────────────────────────────────────────────────────────────────────────

    /// Opens a room on the screen, or none.
    pub fn enter(self, room: Option<RoomId>) {
        if self.room.get_untracked() == room {
            return;
        }
        self.room.set(room);
        self.screen.read_by.set(None);
        self.screen.let_go();
        self.tell(|client, now| client.focus(room, now));
        if room.is_none() {
            self.rows.set(Vec::new());
        }
    }

    /// The person is back at the page: what came meanwhile is marked as unread.
    pub fn come_back(self) {
        let room = self.room.get_untracked();
        if room.is_some_and(|room| self.summary(room).is_some_and(|s| s.read_untracked().unread > 0)) {
            self.tell(|client, now| client.focus(room, now));
        }
    }

    /// Goes to an address inside the app, without a reload.
    pub fn go(self, path: String) {
        self.address.go(path);
    }

    /// Writes into a room.
    ///
    /// # Errors
    /// The refusal to show beside the text, which stays where it is.
    pub fn send(self, room: RoomId, body: &str) -> Result<(), Refusal> {
        let body = protocol::Body::parse(body)?.into_string();
        if self.window.get_untracked().more_after {
            self.jump_to_newest();
        }
        let mut sent = Ok(());
        self.tell(|client, now| sent = client.send(room, Nonce(Uuid::new_v4()), body, now));
        sent
    }

    /// Tries a refused message again.
    pub fn retry(self, nonce: Nonce) {
        self.tell(|client, now| client.retry(nonce, now));
    }

    /// Takes a refused message back, with its text.
    pub fn take_back(self, nonce: Nonce) -> Option<String> {
        let mut taken = None;
        self.tell(|client, _| taken = client.take_back(nonce));
        taken.map(|pending| pending.body)
    }

    /// Takes a refused message back into the composer, unless another text is being edited there.
    pub fn edit_refused(self, nonce: Nonce) {
        let is_free = self.room.get_untracked().is_none_or(|room| self.leave_edit(room));
        if !is_free {
            self.screen.compose();
        } else if let Some(text) = self.take_back(nonce) {
            self.screen.into_composer.set(Some(text));
        }
    }

    /// Asks for older or newer messages of the open room.
    pub fn load_more(self, direction: Direction) {
        if let Some(room) = self.room.get_untracked() {
            self.tell(|client, _| client.load_more(room, direction));
            self.draw_window();
        }
    }

    /// Forgets what is far above, while one looks at the newest.
    pub fn trim(self) {
        if let Some(room) = self.room.get_untracked() {
            self.tell(|client, _| client.trim(room));
        }
    }

    /// Begins at the newest messages again.
    pub fn jump_to_newest(self) {
        if let Some(room) = self.room.get_untracked() {
            self.tell(|client, _| client.jump_to_newest(room));
        }
    }

    /// Begins where the unread messages do, which is above the window.
    pub fn jump_to_unread(self) {
        if let Some(room) = self.room.get_untracked() {
            self.tell(|client, _| client.jump_to_unread(room));
        }
    }

    /// The person has seen everything of the open room up to here.
    pub fn saw(self, seq: Seq) {
        if let Some(room) = self.room.get_untracked() {
            self.tell(|client, now| client.saw(room, seq, now));
        }
    }

    /// Asks the server something; `then` gets the answer, once, however often the connection is lost meanwhile. The
    /// number is that of the request.
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

    /// Asks for a room, and goes there; `failed` hears why not.
    pub fn ask_and_go(self, command: Command, failed: RwSignal<Option<Refusal>>) {
        self.ask(command, move |result| match result {
            Ok(Reply::Room { summary, .. }) => {
                self.screen.dialog.set(None);
                self.go(path_of(summary.room.id));
            }
            Ok(_) => self.screen.dialog.set(None),
            Err(refusal) => failed.set(Some(refusal)),
        });
    }

    /// Leaves a room or deletes it; `failed` hears why not. The page that shows it is left as soon as it is gone, which a
    /// server may tell before it answers.
    pub fn quit(self, room: RoomId, command: Command, failed: RwSignal<Option<Refusal>>) {
        self.quitting.set(Some(room));
        self.ask(command, move |result| match result {
            Ok(_) => self.gone(room),
            Err(why) => {
                self.quitting.set(None);
                failed.set(Some(why));
            }
        });
    }

    /// A room is no longer here.
    fn gone(self, room: RoomId) {
        self.screen.close_of(room);
        if self.quitting.get_untracked() == Some(room) {
            self.quitting.set(None);
            if untrack(|| self.address.place()) == Place::Room(room) {
                self.screen.details.set(false);
                self.go("/".to_owned());
            }
        }
    }

    /// Tells something about the page itself.
    pub fn tell_all(self, text: String, room: Option<RoomId>) {
        self.notice_room.set(room);
        self.notice.set(Some(text));
    }

    /// What was written into a room and has not been sent, for somebody who is no longer in it. Tracks the outbox.
    #[must_use]
    pub fn unsent(self, room: RoomId) -> Vec<Unsent> {
        self.outbox_news.track();
        let mut unsent: Vec<Unsent> = self.client.with_value(|client| {
            let of = |item: &client::Pending| Unsent { nonce: Some(item.nonce), text: item.body.clone() };
            client.outbox().of(room).map(of).collect()
        });
        let draft = self.draft(room);
        if !draft.trim().is_empty() {
            unsent.push(Unsent { nonce: None, text: draft });
        }
        unsent
    }

    /// Fetches one of this place's pages, for what no command tells.
    pub fn fetch(self, path: &'static str, then: impl FnOnce(Page) + 'static) {
        leptos::task::spawn_local(async move {
            let page = browser::fetch_page(path).await;
            // By now the browser's cookie may be someone else's, whose data does not belong on this page.
            let own =
                page.filter(|page| page.viewer.as_ref().is_some_and(|viewer| self.is_me(viewer.user.id)));
            if let Some(page) = own {
                then(page);
            }
        });
    }

    /// The text that was being written in a room.
    #[must_use]
    pub fn draft(self, room: RoomId) -> String {
        self.saved.with_value(|saved| saved.draft(room))
    }

    /// Keeps it.
    pub fn keep_draft(self, room: RoomId, text: &str) {
        self.saved.update_value(|saved| saved.keep_draft(room, text));
    }

    /// Gives up the draft of a room that one is no longer in: see [`Chat::unsent`].
    pub fn forget_draft(self, room: RoomId) {
        self.keep_draft(room, "");
        self.outbox_news.update(|n| *n = n.wrapping_add(1));
    }

    /// Signing out: nothing of what was written stays in this browser.
    pub fn forget_everything(self) {
        self.signing_out.set_value(true);
        self.saved.update_value(storage::Saved::clear);
    }

    /// Before the page goes: stores again what is not acknowledged, because another tab may have cleared it by signing out. The
    /// sender's next page sends it.
    pub(crate) fn keep_unsent(self) {
        self.client.with_value(|client| {
            self.saved.update_value(|saved| saved.keep_outbox_again(client.outbox()));
        });
        self.keep_saving();
    }

    /// This browser's cookie is someone else's: reloads the page as theirs. Only once: if that does not help, the person
    /// decides.
    pub(crate) fn change_over(self) {
        self.keep_unsent();
        if !self.just_changed_over.get_value() {
            let left = self.waiting.get_untracked() > 0;
            browser::leave_word(CHANGED_OVER, if left { LEFT } else { "" });
            browser::reload();
        }
    }

    /// Whether the person is on their way out: the form leads them, and the end of the socket is no news.
    pub(crate) fn is_signing_out(self) -> bool {
        self.signing_out.get_value()
    }

    /// The address of the next room in the list, or the one before; of unread ones only, if so wished.
    #[must_use]
    pub fn neighbour(self, forward: bool, unread_only: bool) -> Option<RoomId> {
        let order = self.order.get_untracked();
        let here = self.room.get_untracked().and_then(|room| order.iter().position(|id| *id == room));
        let count = order.len();
        let start = here.unwrap_or(if forward { count.saturating_sub(1) } else { 0 });
        (1..=count).map(|step| order[if forward { start + step } else { start + count - step } % count]).find(
            |id| {
                Some(*id) != self.room.get_untracked()
                    && (!unread_only || self.summary(*id).is_some_and(|s| s.read_untracked().unread > 0))
            },
        )
    }

    // ── what the socket tells ────────────────────────────────────────────────────────────────────────────────

    /// A connection is being opened: frames go there from now on.
    pub(crate) fn connected(self, line: mpsc::Sender<ClientFrame>) {
        self.line.set_value(Some(line));
        self.tell(Client::connected);
    }

    /// The connection is gone.
    pub(crate) fn disconnected(self) {
        self.line.set_value(None);
        self.tell(Client::disconnected);
    }

    /// A frame came.
    pub(crate) fn receive(self, frame: ServerFrame) {
        self.tell(|client, now| client.receive(frame, now));
    }

    /// Time passed.
    pub(crate) fn tick(self) {
        let (now, steady) = (browser::now(), browser::steady());
        if self.link.get_untracked() == Link::Live {
            self.tell(Client::tick);
        }
        let away = self.away_since.get_value().is_some_and(|since| steady - since >= AWAY_SHOWN_MS);
        set(self.away, away);
        // The machine may have slept, which the steady clock need not count: then the connection may be dead.
        if now - steady - self.clock_ahead.get_value() > SLEPT_MS {
            self.check_connection();
        }
        self.clock_ahead.set_value(now - steady);
        if now.div_euclid(60_000) != self.clock.get_untracked().now.div_euclid(60_000) {
            self.look_at_clock();
        }
    }

    /// Something suggests that the connection may be dead: pings at once.
    pub(crate) fn check_connection(self) {
        self.tell(Client::check_connection);
    }

    /// Nothing comes from the other end any more.
    pub(crate) fn is_dead(self) -> bool {
        self.client.with_value(|client| client.is_dead(browser::steady()))
    }

    /// How long the server asked this page to wait before it connects again.
    pub(crate) fn retry_ms(self) -> u32 {
        self.client.with_value(Client::retry_ms)
    }

    /// Whether the server would not greet this version.
    pub(crate) fn is_outdated(self) -> bool {
        self.client.with_value(|client| {
            client.refused_hello().is_some_and(|r| r.code == protocol::ErrorCode::VersionUnsupported)
        })
    }

    /// Whether the connection is someone else's: see [`Client::stranger`].
    pub(crate) fn is_strangers(self) -> bool {
        self.client.with_value(|client| client.stranger().is_some())
    }

    // ── inside ───────────────────────────────────────────────────────────────────────────────────────────────

    fn tell(self, what: impl FnOnce(&mut Client, Millis)) {
        self.client.update_value(|client| what(client, browser::steady()));
        self.settle();
    }

    /// Hands on whatever the client has for others, and writes the signals of what changed.
    fn settle(self) {
        let mut frames = Vec::new();
        let mut answers = Vec::new();
        let mut touched = client::Touched::default();
        self.client.update_value(|client| {
            frames = client.take_frames();
            answers = client.take_answers();
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
        if touched.list {
            self.draw_list(&touched.rooms);
        }
        if let Some(room) = self.room.get_untracked() {
            if touched.names || touched.timelines.contains(&room) {
                self.draw_rows();
            }
            if touched.members.contains(&room) {
                self.members.update(|n| *n = n.wrapping_add(1));
            }
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

    /// A full line means that the other end takes nothing: the connection is given up and resumes.
    fn hand_over(self, frames: Vec<ClientFrame>) {
        self.line.update_value(|line| {
            let full = line
                .as_mut()
                .is_some_and(|line| frames.into_iter().any(|frame| line.try_send(frame).is_err()));
            if full {
                *line = None;
            }
        });
    }

    fn draw_link(self) {
        let (link, node, awaits_pong) =
            self.client.with_value(|client| (client.link(), client.node().to_owned(), client.awaits_pong()));
        // A socket outlives its network by some seconds. Where the browser says that the network is gone, the server must
        // answer, or the person is told.
        let reached = link == Link::Live && !(awaits_pong && browser::is_offline());
        if reached {
            self.away_since.set_value(None);
            set(self.away, false);
            set(self.obstacle, None);
            self.just_changed_over.set_value(false);
        } else {
            self.away_since.update_value(|since| {
                since.get_or_insert_with(browser::steady);
            });
        }
        set(self.link, link);
        set(self.node, node);
    }

    /// Updates the order of the list, and only the lines that changed: a message changes one line of thousands.
    fn draw_list(self, rooms: &BTreeSet<RoomId>) {
        let (order, unread) = self.client.with_value(|client| (client.order(), client.unread()));
        for room in rooms {
            let summary =
                self.client.with_value(|client| client.room(*room).map(|room| room.summary.clone()));
            self.summaries.update_value(|all| match (all.get(room), summary) {
                (Some(known), Some(summary)) if *known.read_untracked() != summary => known.set(summary),
                (Some(_), Some(_)) | (None, None) => {}
                (None, Some(summary)) => drop(all.insert(*room, ArcRwSignal::new(summary))),
                (Some(_), None) => drop(all.remove(room)),
            });
            if self.summary(*room).is_none() {
                self.gone(*room);
            }
        }
        set(self.order, order);
        set(self.unread, unread);
    }

    /// What was written into a room, and refused because the person is no longer in it, is on no timeline: says so, once, and
    /// where the texts are.
    fn tell_stranded(self) {
        let (count, room) = self
            .client
            .with_value(|client| (client.stranded().count(), client.stranded().last().map(|item| item.room)));
        let before = self.stranded.get_untracked();
        self.stranded.set(count);
        let is_shown = room.is_some_and(|room| untrack(|| self.address.place()) == Place::Room(room));
        if count > before && !is_shown {
            self.tell_all(self.words.stranded(count), room);
        }
    }

    /// Goes by the browser's clock and zone, either of which may have been set meanwhile. The next page is drawn for that zone.
    fn look_at_clock(self) {
        let (now, known) = (browser::now(), self.clock.get_untracked().zone);
        let zone = Zone::probe(now, browser::utc_offset_minutes);
        self.clock.set(Clock { now, zone });
        if let Some(name) = browser::zone_name() {
            browser::set_cookie("tz", &name);
        }
        if zone != known {
            self.draw_rows();
        }
    }

    fn draw_rows(self) {
        let Some(room) = self.room.get_untracked() else { return };
        let zone = self.clock.get_untracked().zone;
        set(self.rows, self.client.with_value(|client| client::rows(client, room, zone)));
        self.draw_window();
    }

    fn draw_window(self) {
        set(self.window, self.client.with_value(window));
    }

    fn announce(self, room: RoomId, message: &protocol::Message) {
        let Some(summary) = self.summary(room) else { return };
        let name = untrack(|| self.name_of(&summary.read_untracked()));
        let author = untrack(|| self.user(message.author));
        let text: String = message.body.chars().take(160).collect();
        self.announced.set(self.words.announce(&author.name, &name, &text));
    }
}

/// Writes a signal only if that changes it.
fn set<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|known| *known != value) {
        signal.set(value);
    }
}

fn window(client: &Client) -> Window {
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

/// Where a room is found.
#[must_use]
pub fn path_of(room: RoomId) -> String {
    format!("/r/{room}")
}

/// Whether a message of one's own waits, moves, or was refused.
#[must_use]
pub fn is_refused(state: Option<&SendState>) -> bool {
    matches!(state, Some(SendState::Refused(_)))
}
