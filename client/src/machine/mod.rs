//! [`Client`]: takes what happened, and returns what to send and what changed.
//!
//! This file: what the interface reads, and the user's actions. `events`: events from servers.
//! `answers`: their answers. `resume`: how a connection begins. `pump`: what is sent, and when.

mod answers;
mod events;
mod pump;
mod resume;

use std::{cmp::Reverse, collections::VecDeque};

use protocol::{
    ClientFrame, Command, Direction, Epoch, ErrorCode, File, FileId, Following, Line, Marks, Message, Millis,
    NewPoll, Nonce, Page, Placement, Refusal, Reply, RoomId, RoomSummary, Seq, ServerFrame, ShownThread,
    SignedIn, User, UserId, VERSION, limits::PAGE_MESSAGES,
};

use crate::{
    asks::{Asks, Purpose},
    line::Feed,
    link::{Connection, Link},
    list::List,
    marks::MarksQueue,
    outbox::{Outbox, Pending, SendState},
    people::People,
    personal::Personal,
    room::{Groups, RoomState},
    sorted::{SortedMap, SortedSet, sort_by},
    thread::ThreadState,
};

/// What has changed since the last call: the interface redraws only that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// The list of rooms, or its order.
    pub list: bool,
    /// Rooms whose entry in the list changed: title, last message, count.
    pub rooms: SortedSet<RoomId>,
    /// The connection, or the connected server.
    pub link: bool,
    /// The outbox.
    pub outbox: bool,
    /// A name on the screen may have changed, or a role in the workspace: redraw everything that
    /// shows names, or that depends on a role.
    pub names: bool,
    /// Rooms whose messages changed.
    pub timelines: SortedSet<RoomId>,
    /// Rooms whose members, marks or pins changed.
    pub members: SortedSet<RoomId>,
    /// Saved or scheduled messages.
    pub personal: bool,
    /// New messages by others, to be announced.
    pub news: Vec<(RoomId, Message)>,
}

/// The answer to a request of the user.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The number that [`Client::request`] returned.
    pub request: u32,
    /// The result.
    pub result: Result<Reply, Refusal>,
}

/// A client of Roost. See the crate's documentation.
#[derive(Clone, Debug)]
pub struct Client {
    me: Option<User>,
    node: String,
    epoch: Option<Epoch>,
    connection: Connection,
    refused_hello: Option<Refusal>,
    /// Who is signed in on this connection, if not [`Self::me`].
    stranger: Option<User>,
    rooms: SortedMap<RoomId, RoomState>,
    /// The viewer's own line, and the workspace's.
    person: Feed,
    workspace: Feed,
    people: People,
    personal: Personal,
    /// The groups that the viewer is in; `None` until they are known.
    groups: Groups,
    list: List,
    /// Lines with a gap.
    holes: SortedMap<Line, ()>,
    /// When the server was last asked for a count that this client cannot determine.
    counted_at: Option<Millis>,
    focused: Option<RoomId>,
    ahead: VecDeque<RoomId>,
    /// The thread that is open beside a room, also while that room is not known.
    beside: Option<(RoomId, Seq)>,
    /// Rooms that the user has asked to leave, and that they have not rejoined since.
    leaving: Vec<RoomId>,
    outbox: Outbox,
    marks: MarksQueue,
    asks: Asks,
    answers: Vec<Answer>,
    outsiders: Option<(RoomId, Vec<UserId>)>,
    touched: Touched,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            me: None,
            node: String::new(),
            epoch: None,
            connection: Connection::away(0),
            refused_hello: None,
            stranger: None,
            rooms: SortedMap::new(),
            person: Feed::default(),
            workspace: Feed::default(),
            people: People::default(),
            personal: Personal::default(),
            groups: None,
            list: List::default(),
            holes: SortedMap::new(),
            counted_at: None,
            focused: None,
            ahead: VecDeque::new(),
            beside: None,
            leaving: Vec::new(),
            outbox: Outbox::default(),
            marks: MarksQueue::default(),
            asks: Asks::default(),
            answers: Vec::new(),
            outsiders: None,
            touched: Touched::default(),
        }
    }
}

impl Client {
    /// A client that begins with the content of the page.
    #[must_use]
    pub fn from_page(page: &Page) -> Self {
        let mut client = Self {
            node: page.node.clone(),
            epoch: Some(page.epoch),
            connection: Connection::away(page.now),
            ..Self::default()
        };
        // What a search has found is shown beside the room, and not kept.
        let Some(SignedIn {
            viewer,
            person,
            workspace,
            rooms,
            more_rooms,
            people,
            shown,
            thread,
            found: _,
            pane: _,
        }) = page.signed_in()
        else {
            return client;
        };
        client.me = Some(viewer.clone());
        client.person = Feed::at(*person);
        client.workspace = Feed::at(*workspace);
        client.list = List::of_page(!more_rooms);
        client.meet(people.clone());
        client.meet(vec![viewer.clone()]);
        for summary in rooms {
            client.relist(summary.clone());
        }
        if let Some(view) = page.room() {
            client.opened(view.clone());
            client.focus(Some(view.summary.room.id), page.now);
            if let (Some(page), Some(state)) = (shown, client.rooms.get_mut(&view.summary.room.id)) {
                let (messages, more) = (page.messages.clone(), page.more_after);
                match page.is_unread {
                    true => state.begin_at_unread(messages, more),
                    false => state.show_around(messages, page.more_before, more),
                }
            }
            if let (Some(shown), Some(state)) = (thread, client.rooms.get_mut(&view.summary.room.id)) {
                let ShownThread { thread, messages, around } = shown.clone();
                let root = thread.root.seq;
                state.open_thread(Some(root), around);
                let before = state.thread.as_ref().and_then(ThreadState::begins_before);
                state.put_thread(before, thread, messages);
                client.beside = Some((view.summary.room.id, root));
            }
        }
        client
    }

    // ── what the interface reads ─────────────────────────────────────────────────────────────────

    /// The viewer, once known.
    #[must_use]
    pub fn me(&self) -> Option<&User> {
        self.me.as_ref()
    }

    /// A person's profile, if a server has sent it.
    #[must_use]
    pub fn user(&self, user: UserId) -> Option<&User> {
        self.people.get(user).map(|user| &**user)
    }

    /// All known profiles.
    #[must_use]
    pub fn people(&self) -> &People {
        &self.people
    }

    /// The viewer's saved and scheduled messages.
    #[must_use]
    pub fn personal(&self) -> &Personal {
        &self.personal
    }

    /// Whether a mention of this person or group is meant for the viewer.
    #[must_use]
    pub fn is_meant(&self, user: UserId) -> bool {
        self.me.as_ref().is_some_and(|me| me.id == user)
            || self.groups.as_ref().is_some_and(|groups| groups.contains(&user))
    }

    /// The name of the connected server.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The state of the connection.
    #[must_use]
    pub fn link(&self) -> Link {
        self.connection.link
    }

    /// Why the server refused to greet this client, if it did: for example
    /// [`ErrorCode::VersionUnsupported`].
    #[must_use]
    pub fn refused_hello(&self) -> Option<&Refusal> {
        self.refused_hello.as_ref()
    }

    /// Who is signed in on this connection, if not the viewer: in another tab, someone has signed
    /// in with another account. Nothing is sent on this connection, and received frames are
    /// ignored. Drop it, and reload the page.
    #[must_use]
    pub fn stranger(&self) -> Option<&User> {
        self.stranger.as_ref()
    }

    /// How long the server asked this client to wait before it reconnects, in milliseconds. Add a
    /// random wait: [`Backoff::next_after_ms`](crate::Backoff::next_after_ms).
    #[must_use]
    pub fn retry_ms(&self) -> u32 {
        self.refused_hello.as_ref().and_then(|refusal| refusal.retry_ms).unwrap_or(0)
    }

    /// A room.
    #[must_use]
    pub fn room(&self, room: RoomId) -> Option<&RoomState> {
        self.rooms.get(&room)
    }

    /// The rooms, the most recently active first.
    #[must_use]
    pub fn order(&self) -> Vec<RoomId> {
        let mut order: Vec<_> =
            self.rooms.iter().map(|(id, room)| (Reverse(room.summary.active_at), *id)).collect();
        sort_by(&mut order, Ord::cmp);
        order.into_iter().map(|(_, room)| room).collect()
    }

    /// Their entries in the list, in the same order.
    #[must_use]
    pub fn list(&self) -> Vec<RoomSummary> {
        self.order().iter().map(|room| self.rooms[room].summary.clone()).collect()
    }

    /// Whether every room that the viewer is in is known here. If not, the rest is being fetched.
    #[must_use]
    pub fn has_whole_list(&self) -> bool {
        self.list.is_complete()
    }

    /// The history of the server's database, to which all numbers belong; `None` until a server has told it.
    #[must_use]
    pub fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// The position on the viewer's own line.
    #[must_use]
    pub fn person_cursor(&self) -> Seq {
        self.person.state().cursor()
    }

    /// The position on the workspace's line.
    #[must_use]
    pub fn workspace_cursor(&self) -> Seq {
        self.workspace.state().cursor()
    }

    /// The number of unread messages in all rooms.
    #[must_use]
    pub fn unread(&self) -> u32 {
        self.rooms.values().map(|room| room.summary.unread).sum()
    }

    /// The messages being sent.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Messages that were refused because the viewer is no longer in their room: no timeline shows
    /// them.
    pub fn stranded(&self) -> impl Iterator<Item = &Pending> {
        let is_stranded = |item: &&Pending| {
            let is_refused =
                matches!(&item.state, SendState::Refused(why) if why.code == ErrorCode::RoomUnknown);
            is_refused && !self.rooms.contains_key(&item.room)
        };
        self.outbox.items().iter().filter(is_stranded)
    }

    /// The viewer's newest message of a room, or of the thread that is open beside it, to be edited. `None` while a newer one is on its way, because the
    /// person means that one.
    #[must_use]
    pub fn newest_own(&self, room: RoomId, thread: Option<Seq>) -> Option<Seq> {
        let is_last = !self.outbox.in_room(room).any(|item| item.thread == thread);
        self.rooms.get(&room).filter(|_| is_last)?.newest_own(thread)
    }

    /// The open room.
    #[must_use]
    pub fn focused(&self) -> Option<RoomId> {
        self.focused
    }

    /// The frames to send, in order. Each is returned only once, so take them only to pass them to
    /// an open socket.
    pub fn take_frames(&mut self) -> Vec<ClientFrame> {
        self.asks.take_frames(|r#ref, command| ClientFrame { r#ref, command: command.clone() })
    }

    /// The same, encoded: a browser needs no copies of the commands, nor the code that makes them.
    pub fn take_encoded_frames(&mut self) -> Vec<String> {
        self.asks.take_frames(ClientFrame::encode_parts)
    }

    /// The answers to requests.
    pub fn take_answers(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.answers)
    }

    /// The people mentioned in the viewer's last message who are not in its room, as far as this
    /// client knows its members.
    pub fn take_outsiders(&mut self) -> Option<(RoomId, Vec<UserId>)> {
        self.outsiders.take()
    }

    /// What has changed since the last call.
    pub fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

    // ── events ───────────────────────────────────────────────────────────────────────────────────

    /// A socket is open.
    pub fn connected(&mut self, now: Millis) {
        self.connection.opened(now);
        self.refused_hello = None;
        self.stranger = None;
        self.asks.clear_frames();
        self.touched.link = true;
        self.asks.ask(Purpose::Hello, Command::Hello { version: VERSION });
    }

    /// The socket is gone. Requests and messages are kept, and sent again later.
    pub fn disconnected(&mut self, now: Millis) {
        self.connection.lost(now);
        self.outbox.disconnected();
        self.marks.disconnected();
        self.ahead.clear();
        for (_, command) in self.asks.disconnected() {
            self.marks.unanswered(&command);
            self.list.unanswered(&command);
        }
        self.people.ask_again();
        self.touched.link = true;
        self.touched.outbox = true;
    }

    /// A frame arrived.
    pub fn receive(&mut self, frame: ServerFrame, now: Millis) {
        self.connection.heard(now);
        if self.stranger.is_some() {
            return;
        }
        match frame {
            ServerFrame::Reply { r#ref, reply } => self.replied(r#ref, reply),
            ServerFrame::Refusal { r#ref: Some(r#ref), refusal } => self.refused(r#ref, refusal, now),
            ServerFrame::Refusal { r#ref: None, refusal } => {
                if self.connection.link == Link::Greeting {
                    self.refused_hello = Some(refusal);
                    self.touched.link = true;
                }
            }
            ServerFrame::Event { event } => self.happened(event, now),
        }
        self.pump(now);
    }

    /// Time passed. Call it a few times a second.
    pub fn tick(&mut self, now: Millis) {
        if self.connection.is_ping_due(now) {
            self.asks.ask(Purpose::Ping, Command::Ping {});
        }
        self.pump(now);
    }

    /// Something suggests that the connection may be dead: the browser reports that it is offline,
    /// or the user is back, perhaps after sleep. Pings at once and gives up sooner; a live
    /// connection answers and stays.
    pub fn check_connection(&mut self, now: Millis) {
        if self.connection.check(now) {
            self.asks.ask(Purpose::Ping, Command::Ping {});
        }
        self.touched.link = true;
    }

    /// Whether a ping is unanswered.
    #[must_use]
    pub fn awaits_pong(&self) -> bool {
        self.connection.awaits_pong()
    }

    /// The other end has not responded for too long: drop the socket and reconnect. An unanswered
    /// send counts even if events arrive. It is repeated on the next connection, which is harmless.
    #[must_use]
    pub fn is_dead(&self, now: Millis) -> bool {
        self.connection.is_dead(now) || (self.connection.is_live() && self.outbox.is_overdue(now))
    }

    // ── user actions ─────────────────────────────────────────────────────────────────────────────

    /// Opens a room on the screen, or none. Redraws the line of unread messages. A room that is
    /// reopened begins at its newest messages; one that is already on the screen stays where it is.
    pub fn focus(&mut self, room: Option<RoomId>, now: Millis) {
        let is_opened = std::mem::replace(&mut self.focused, room) != room;
        let Some(id) = room else { return };
        let Some(state) = self.rooms.get_mut(&id) else { return };
        state.unread_after = (state.summary.unread > 0).then_some(state.summary.seen());
        state.is_kept_unread &= !is_opened;
        state.early = None;
        let stale = state.timeline.as_ref().is_none_or(|timeline| is_opened && timeline.more_after());
        self.touched.timelines.insert(id);
        self.touched.members.insert(id);
        if stale {
            self.ask_open(id);
        }
        self.pump(now);
    }

    /// Opens a room on the screen at its first unread message. If the newest page cannot contain all of them, both pages are
    /// requested at once, so the user waits for one round trip.
    pub fn enter(&mut self, room: RoomId, now: Millis) {
        self.focus(Some(room), now);
        let Some(state) = self.rooms.get(&room) else { return };
        let is_far = state.summary.unread as usize > PAGE_MESSAGES && self.asks.is_asked(Purpose::Open(room));
        if let Some(read) = state.unread_after.filter(|_| is_far) {
            self.ask_unread(room, read);
        }
    }

    /// The user may open this room next: prefetches it. One room at a time, this one first.
    pub fn look_ahead(&mut self, room: RoomId, now: Millis) {
        self.ahead.retain(|id| *id != room);
        self.ahead.push_front(room);
        self.ahead.truncate(resume::AHEAD_MAX);
        self.pump(now);
    }

    /// Drops the window and begins at the newest messages again.
    pub fn jump_to_newest(&mut self, room: RoomId) {
        self.ask_open(room);
    }

    /// Moves the window to the first unread message. Does nothing if that is in the window.
    pub fn jump_to_unread(&mut self, room: RoomId) {
        if let Some(read) = self.rooms.get(&room).and_then(RoomState::unread_above) {
            self.ask_unread(room, read);
        }
    }

    fn ask_unread(&mut self, room: RoomId, read: Seq) {
        let command = Command::History { room, direction: Direction::After, seq: read };
        self.ask_once(Purpose::Unread(room), command);
    }

    /// Shows a message of the room: at once if it is in the window, otherwise when the messages
    /// around it have arrived. Returns whether it is already there.
    pub fn jump_to(&mut self, room: RoomId, seq: Seq) -> bool {
        let is_here = self.rooms.get(&room).is_some_and(|state| state.message(seq).is_some());
        if !is_here {
            self.ask_once(Purpose::Around(room), Command::Around { room, seq });
        }
        is_here
    }

    /// Whether the messages around a jump's target are being fetched.
    #[must_use]
    pub fn is_jumping(&self, room: RoomId) -> bool {
        self.asks.is_asked(Purpose::Around(room))
    }

    /// Requests the page before or after the window, once.
    pub fn load_more(&mut self, room: RoomId, direction: Direction) {
        let Some(timeline) = self.rooms.get(&room).and_then(|state| state.timeline.as_ref()) else { return };
        let (end, more) = match direction {
            Direction::Before => (timeline.first(), timeline.more_before()),
            Direction::After => (timeline.last(), timeline.more_after()),
        };
        let Some(seq) = end.map(|message| message.seq).filter(|_| more) else { return };
        let purpose = Purpose::History(room, direction);
        if !self.asks.is_refused(purpose) {
            self.ask_once(purpose, Command::History { room, direction, seq });
        }
    }

    /// Opens the thread below a message beside the room, or none.
    pub fn open_thread(&mut self, room: RoomId, root: Option<Seq>, now: Millis) {
        self.open_thread_at(room, root, None, now);
    }

    /// The same, at one of its replies, as far as its place is known here.
    pub fn open_thread_at(&mut self, room: RoomId, root: Option<Seq>, reply: Option<Seq>, now: Millis) {
        self.beside = root.map(|root| (room, root));
        let Some(state) = self.rooms.get_mut(&room) else { return };
        let towards = root.zip(reply).and_then(|(root, reply)| state.place_in(root, reply));
        if state.open_thread(root, towards) {
            self.touched.timelines.insert(room);
            self.pump(now);
        }
    }

    /// Moves the open thread to one of its replies, unless it shows that.
    pub fn go_to_reply(&mut self, room: RoomId, reply: Seq, now: Millis) {
        let Some(state) = self.rooms.get_mut(&room) else { return };
        let Some(root) = state.thread.as_ref().map(ThreadState::root) else { return };
        if let (Some(place), Some(thread)) = (state.place_in(root, reply), &mut state.thread) {
            thread.go_to(place);
            self.pump(now);
        }
    }

    /// Asks for the page before or after what is here of the open thread, once.
    pub fn load_replies(&mut self, room: RoomId, direction: Direction) {
        let thread = self.rooms.get(&room).and_then(|state| state.thread.as_ref());
        let Some(thread) = thread.filter(|thread| thread.is_loaded()) else { return };
        let (before, more) = match direction {
            Direction::Before => (thread.first(), thread.more_before()),
            Direction::After => (Some(thread.next_before()), thread.more_after()),
        };
        let root = thread.root();
        if more && self.asks.may_ask(Purpose::Thread(room)) {
            self.ask_once(Purpose::Thread(room), Command::Thread { room, root, before });
        }
    }

    /// Whether the viewer follows the thread that is open beside a room.
    #[must_use]
    pub fn follows_thread(&self, room: RoomId) -> bool {
        let thread = self.rooms.get(&room).and_then(|state| state.thread.as_ref());
        thread.is_some_and(|thread| {
            self.personal.follows(room, thread.root()).unwrap_or_else(|| thread.was_followed())
        })
    }

    /// How many of the followed threads have replies that the viewer has not seen.
    #[must_use]
    pub fn new_threads(&self) -> usize {
        // A thread without replies by others names its root, which may be unread.
        let is_new = |thread: &&Following| {
            let read = |state: &RoomState| state.summary.seen().max(thread.root);
            self.rooms.get(&thread.room).is_some_and(|state| thread.last > read(state))
        };
        self.personal.followed().filter(is_new).count()
    }

    /// The person looks at the newest message, so the window need not reach far above it.
    pub fn trim(&mut self, room: RoomId) {
        if self.rooms.get_mut(&room).is_some_and(RoomState::trim) {
            self.touched.timelines.insert(room);
        }
    }

    /// Whether a page in this direction has been requested.
    #[must_use]
    pub fn is_loading(&self, room: RoomId, direction: Direction) -> bool {
        !self.asks.may_ask(Purpose::History(room, direction))
    }

    /// The user wrote a message. It is shown at once and sent as soon as possible.
    ///
    /// # Errors
    /// The refusal to show beside the composer, if too many messages are waiting.
    pub fn send(&mut self, room: RoomId, nonce: Nonce, body: String, now: Millis) -> Result<(), Refusal> {
        self.place(room, (Placement::default(), None, Vec::new()), nonce, body, now)
    }

    /// The same, as a reply to a message of the room, or in a thread, and with a poll or files.
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub fn place(
        &mut self,
        room: RoomId,
        (placement, poll, files): (Placement, Option<NewPoll>, Vec<File>),
        nonce: Nonce,
        body: String,
        now: Millis,
    ) -> Result<(), Refusal> {
        let (Placement { reply_to, thread, in_room, forward }, state) = (placement, SendState::Waiting);
        let open = self.rooms.get_mut(&room).and_then(|state| state.thread.as_mut());
        if let Some(open) = open.filter(|open| Some(open.root()) == thread) {
            open.go_to_newest();
        }
        let pending = Pending {
            nonce,
            room,
            body,
            reply_to,
            thread,
            in_room,
            forward,
            poll,
            files,
            written_at: now,
            state,
            again: false,
        };
        self.outbox
            .push(pending)
            .map_err(|_| Refusal::new(ErrorCode::Busy).max(crate::outbox::OUTBOX_MAX))?;
        self.touched.outbox = true;
        self.touched.timelines.insert(room);
        self.read_on(room);
        self.pump(now);
        Ok(())
    }

    /// A server has a file: messages that waited for it are sent.
    pub fn uploaded(&mut self, file: &File, now: Millis) {
        let rooms = self.outbox.uploaded(file);
        self.touched.timelines.extend(rooms);
        self.pump(now);
    }

    /// A file cannot be uploaded, so the message that waits for it was not sent.
    pub fn refuse_file(&mut self, file: FileId, refusal: &Refusal) {
        let rooms = self.outbox.refuse_file(file, refusal);
        self.touched.outbox |= !rooms.is_empty();
        self.touched.timelines.extend(rooms);
    }

    /// Takes over the messages that an earlier page has sent without an acknowledgement.
    pub fn adopt(&mut self, pending: Vec<Pending>, now: Millis) {
        for item in pending {
            let room = item.room;
            if self.outbox.push(item).is_ok() {
                self.touched.timelines.insert(room);
                self.touched.outbox = true;
            }
        }
        self.pump(now);
    }

    /// Retries a refused message.
    pub fn retry(&mut self, nonce: Nonce, now: Millis) {
        self.outbox.retry(nonce);
        self.touch_pending();
        self.pump(now);
    }

    /// Takes a refused message back and returns it.
    pub fn take_back(&mut self, nonce: Nonce) -> Option<Pending> {
        let taken = self.outbox.take(nonce);
        self.touch_pending();
        taken
    }

    /// The user has seen everything up to here.
    pub fn saw(&mut self, room: RoomId, seq: Seq, now: Millis) {
        if self.rooms.get(&room).is_some_and(|state| state.reads_on(seq)) {
            self.read_on(room);
        }
        let Some(state) = self.rooms.get_mut(&room) else { return };
        let me = state.summary.marks;
        if seq <= me.read || seq > state.cursor() {
            return;
        }
        state.put_marks(Marks { read: seq, delivered: me.delivered.max(seq), ..me });
        self.marks.read(room, seq);
        self.touch_room(room);
        self.pump(now);
    }

    /// The viewer has read on, or written, in a room that they marked unread.
    fn read_on(&mut self, room: RoomId) {
        let Some(summary) = self.rooms.get(&room).map(|state| &state.summary) else { return };
        let read_on = Command::ReadOn { room, rev: summary.unread_rev };
        if summary.unread_after.is_some() && !self.asks.requests().any(|(_, command)| *command == read_on) {
            self.request(read_on);
        }
    }

    /// Sends a command on the user's behalf; [`Self::take_answers`] returns the answer under the
    /// returned number. Repeated after a lost connection, until it is answered.
    pub fn request(&mut self, command: Command) -> u32 {
        if let Command::Leave { room } = command {
            self.leaving.push(room);
        }
        if self.asks.is_full() {
            let request = self.asks.new_ref();
            self.answers.push(Answer { request, result: Err(ErrorCode::Busy.into()) });
            return request;
        }
        if let Command::Vote { room, seq, .. } = &command
            && let Some(state) = self.rooms.get_mut(room)
        {
            state.begin_vote(*seq);
        }
        self.touch_wished(&command);
        if self.connection.is_live() {
            self.asks.ask(Purpose::Request, command)
        } else {
            self.asks.keep(Purpose::Request, command)
        }
    }

    /// The user no longer waits for the answer. A command in flight may still be executed.
    pub fn withdraw(&mut self, request: u32) {
        self.asks.take(request);
    }

    /// Changes that the user has requested in a room and that are not answered yet, in order.
    pub fn wished(&self, room: RoomId) -> impl Iterator<Item = &Command> {
        self.asks.requests().map(|(_, command)| command).filter(move |command| wish_of(command) == Some(room))
    }

    // ── internal ─────────────────────────────────────────────────────────────────────────────────

    /// A room is new here. If the page shows a thread of it, that is fetched again.
    fn insert_room(&mut self, room: RoomId, mut state: RoomState) {
        if let Some((_, root)) = self.beside.filter(|(of, _)| *of == room) {
            state.open_thread(Some(root), None);
        }
        self.rooms.insert(room, state);
    }

    /// A requested change is shown at once, until it is refused.
    fn touch_wished(&mut self, command: &Command) {
        self.touched.timelines.extend(wish_of(command));
    }

    /// A request was answered or refused.
    fn end_wish(&mut self, command: &Command) {
        self.touch_wished(command);
        if let Command::Vote { room, seq, .. } = command {
            let is_more = |wish: &Command| matches!(wish, Command::Vote { seq: other, .. } if other == seq);
            if !self.wished(*room).any(is_more)
                && let Some(state) = self.rooms.get_mut(room)
            {
                state.end_vote(*seq);
            }
        }
    }

    fn touch_pending(&mut self) {
        self.touched.outbox = true;
        self.touched.timelines.extend(self.focused);
    }

    /// The room's entry in the list has changed, and perhaps its position there.
    fn touch_room(&mut self, room: RoomId) {
        self.touched.list = true;
        self.touched.rooms.insert(room);
        if self.rooms.get(&room).is_some_and(RoomState::is_miscounted) {
            self.list.miscounted(room);
        }
    }

    /// The viewer's saved or scheduled messages have changed, and with them the marks beside
    /// messages.
    fn touch_personal(&mut self) {
        self.touched.personal = true;
        self.touched.timelines.extend(self.focused);
    }

    /// Applies profiles.
    fn meet(&mut self, people: Vec<User>) {
        for user in people {
            if let Some(me) = self.me.as_mut().filter(|me| me.id == user.id && me.rev < user.rev) {
                me.clone_from(&user);
            }
            self.touched.names |= self.people.put(user);
        }
        if self.people.is_crowded() {
            self.forget_people();
        }
    }

    /// Drops the profiles of people that nothing here refers to.
    fn forget_people(&mut self) {
        let mut needed = SortedMap::new();
        let mut need = |user: UserId| {
            needed.insert(user, ());
        };
        self.me.iter().for_each(|me| need(me.id));
        for room in self.rooms.values() {
            room.named(&mut need);
        }
        self.people.keep(&needed);
    }
}

/// The room in which this command changes a message's appearance.
fn wish_of(command: &Command) -> Option<RoomId> {
    if let Command::React { room, .. }
    | Command::Delete { room, .. }
    | Command::Vote { room, .. }
    | Command::ClosePoll { room, .. } = command
    {
        Some(*room)
    } else {
        None
    }
}
