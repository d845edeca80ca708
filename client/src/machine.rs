//! [`Client`]: what happened goes in, what to send and what changed comes out.

use std::collections::{BTreeSet, VecDeque};

use protocol::{
    ClientFrame, Command, Direction, Epoch, ErrorCode, Event, Marks, Millis, Nonce, Page, Refusal, Reply,
    Retry, RoomId, RoomSummary, Seq, ServerFrame, User, VERSION,
};

use crate::{
    outbox::{Outbox, Pending, SendState},
    room::{Applied, RoomState},
    sorted::SortedMap,
};

/// How long a hole may wait to fill by itself (two servers may publish in the other order) before it is asked for.
const HOLE_MS: i64 = 500;
/// Marks of one room are sent at most this often.
const MARKS_EVERY_MS: i64 = 1_000;
/// A ping that is not answered for so long means that the connection is dead.
const PONG_WITHIN_MS: i64 = 10_000;
/// The same, when something suggests that it is dead: a person who comes back is not kept waiting for long.
const DOUBTED_PONG_WITHIN_MS: i64 = 4_000;
/// Requests of the person that wait for an answer, at most.
const REQUESTS_MAX: usize = 64;
/// Wait before a room is asked for again that was refused for now, when the refusal names none.
const ROOM_RETRY_MS: i64 = 1_000;
/// How many unread rooms are fetched ahead after a connect, one after the other.
const AHEAD_MAX: usize = 20;

/// What is known of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// No connection since this time.
    Away {
        /// When it was lost.
        since: Millis,
    },
    /// Connected; the server has not said `welcome` yet.
    Greeting,
    /// Events flow.
    Live,
}

/// What has changed since it was last asked: the face redraws that and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// The list of rooms: order, titles, counts.
    pub list: bool,
    /// The connection, or who answers.
    pub link: bool,
    /// What is on its way.
    pub outbox: bool,
    /// Rooms whose messages changed.
    pub timelines: BTreeSet<RoomId>,
    /// Rooms whose members or marks changed.
    pub people: BTreeSet<RoomId>,
    /// Messages by others that just came, for announcing: room and author's name and text.
    pub news: Vec<(RoomId, protocol::Message)>,
}

/// The answer to a request of the person.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The number that [`Client::request`] gave.
    pub request: u32,
    /// What the server said.
    pub result: Result<Reply, Refusal>,
}

/// Why a command was sent: what its answer means.
#[derive(Clone, Debug, PartialEq)]
enum Purpose {
    Hello,
    Ping,
    Marks,
    Send(Nonce),
    CatchUp(RoomId),
    Open(RoomId),
    Unread(RoomId),
    Members(RoomId),
    History(RoomId, Direction, Seq),
    Request,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct MarksOut {
    delivered: Option<Seq>,
    read: Option<Seq>,
    sent_at: Option<Millis>,
}

/// A client of Roost. See the crate's documentation.
#[derive(Clone, Debug)]
pub struct Client {
    me: Option<User>,
    node: String,
    epoch: Option<Epoch>,
    link: Link,
    ping_ms: i64,
    last_heard: Millis,
    pinged_at: Option<Millis>,
    pong_within_ms: i64,
    rooms: SortedMap<RoomId, RoomState>,
    focused: Option<RoomId>,
    outbox: Outbox,
    marks_out: SortedMap<RoomId, MarksOut>,
    asked: SortedMap<u32, (Purpose, Command)>,
    next_ref: u32,
    ahead: VecDeque<RoomId>,
    /// Rooms that the person has asked to leave, and into which nobody has taken them since.
    leaving: Vec<RoomId>,
    /// Rooms of which a server refused for now to tell, with the time to ask again.
    refused_rooms: SortedMap<RoomId, (Millis, Purpose)>,
    frames: Vec<ClientFrame>,
    answers: Vec<Answer>,
    touched: Touched,
    refused_hello: Option<Refusal>,
    /// Who is signed in on this connection, when it is not [`Self::me`].
    stranger: Option<User>,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            me: None,
            node: String::new(),
            epoch: None,
            link: Link::Away { since: 0 },
            ping_ms: 25_000,
            last_heard: 0,
            pinged_at: None,
            pong_within_ms: PONG_WITHIN_MS,
            rooms: SortedMap::new(),
            focused: None,
            outbox: Outbox::default(),
            marks_out: SortedMap::new(),
            asked: SortedMap::new(),
            next_ref: 1,
            ahead: VecDeque::new(),
            leaving: Vec::new(),
            refused_rooms: SortedMap::new(),
            frames: Vec::new(),
            answers: Vec::new(),
            touched: Touched::default(),
            refused_hello: None,
            stranger: None,
        }
    }
}

impl Client {
    /// A client that begins with what the page was filled with.
    #[must_use]
    pub fn from_page(page: &Page) -> Self {
        let mut client = Self {
            me: page.viewer.as_ref().map(|viewer| viewer.user.clone()),
            node: page.node.clone(),
            epoch: Some(page.epoch),
            link: Link::Away { since: page.now },
            ..Self::default()
        };
        for summary in &page.rooms {
            client.rooms.insert(summary.room.id, RoomState::listed(summary.clone()));
        }
        if let Some(view) = &page.room {
            client.rooms.insert(view.summary.room.id, RoomState::opened((**view).clone()));
            client.focus(Some(view.summary.room.id), page.now);
        }
        client
    }

    // ── what the face reads ──────────────────────────────────────────────────────────────────────────────────

    /// The viewer, once known.
    #[must_use]
    pub fn me(&self) -> Option<&User> {
        self.me.as_ref()
    }

    /// The name of the server that answers.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The connection.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link
    }

    /// Why the server would not greet this client, if so: for example [`ErrorCode::VersionUnsupported`].
    #[must_use]
    pub fn refused_hello(&self) -> Option<&Refusal> {
        self.refused_hello.as_ref()
    }

    /// Who is signed in on this connection, when it is not the viewer: in another tab of the browser somebody has signed
    /// in as someone else. Nothing goes out on it, and nothing that comes is taken in. Drop it, and reload the page.
    #[must_use]
    pub fn stranger(&self) -> Option<&User> {
        self.stranger.as_ref()
    }

    /// A room.
    #[must_use]
    pub fn room(&self, room: RoomId) -> Option<&RoomState> {
        self.rooms.get(&room)
    }

    /// The rooms, the last active first.
    #[must_use]
    pub fn list(&self) -> Vec<RoomSummary> {
        let mut list: Vec<_> = self.rooms.values().map(|room| room.summary.clone()).collect();
        list.sort_unstable_by(|a, b| b.active_at.cmp(&a.active_at).then(a.room.id.cmp(&b.room.id)));
        list
    }

    /// All unread messages together.
    #[must_use]
    pub fn unread(&self) -> u32 {
        self.rooms.values().map(|room| room.summary.unread).sum()
    }

    /// What is on its way.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The viewer's newest message of a room, to be edited. Not while a newer one is on its way: that one is meant.
    #[must_use]
    pub fn newest_own(&self, room: RoomId) -> Option<Seq> {
        let is_last = self.outbox.of(room).next().is_none();
        self.rooms.get(&room).filter(|_| is_last)?.newest_own()
    }

    /// The room that is open.
    #[must_use]
    pub fn focused(&self) -> Option<RoomId> {
        self.focused
    }

    /// The frames to send, in order. Nothing is sent twice: take them only to hand them to an open socket.
    pub fn take_frames(&mut self) -> Vec<ClientFrame> {
        std::mem::take(&mut self.frames)
    }

    /// The answers to requests.
    pub fn take_answers(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.answers)
    }

    /// What has changed since the last call.
    pub fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

    // ── what happens ─────────────────────────────────────────────────────────────────────────────────────────

    /// A socket is open.
    pub fn connected(&mut self, now: Millis) {
        self.link = Link::Greeting;
        self.last_heard = now;
        self.pinged_at = None;
        self.pong_within_ms = PONG_WITHIN_MS;
        self.frames.clear();
        self.stranger = None;
        self.touched.link = true;
        self.ask(Purpose::Hello, Command::Hello { version: VERSION });
    }

    /// The socket is gone. What the person asked is kept and asked again; so is what was written.
    pub fn disconnected(&mut self, now: Millis) {
        if !matches!(self.link, Link::Away { .. }) {
            self.link = Link::Away { since: now };
        }
        self.frames.clear();
        self.outbox.disconnected();
        self.ahead.clear();
        self.refused_rooms.clear();
        self.asked.retain(|_, (purpose, _)| *purpose == Purpose::Request);
        self.touched.link = true;
        self.touched.outbox = true;
    }

    /// A frame came.
    pub fn receive(&mut self, frame: ServerFrame, now: Millis) {
        self.last_heard = now;
        if self.stranger.is_some() {
            return;
        }
        match frame {
            ServerFrame::Reply { r#ref, reply } => self.replied(r#ref, reply),
            ServerFrame::Refusal { r#ref: Some(r#ref), refusal } => self.refused(r#ref, refusal, now),
            ServerFrame::Refusal { r#ref: None, refusal } => {
                if self.link == Link::Greeting {
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
        if self.link != Link::Live {
            return;
        }
        if self.pinged_at.is_none() && now - self.last_heard >= self.ping_ms {
            self.ping(PONG_WITHIN_MS, now);
        }
        self.pump(now);
    }

    /// Something suggests that the connection may be dead: the browser says that it is offline, or that the person is
    /// back, perhaps after a sleep. It is asked at once, and given up sooner; one that lives answers and stays.
    pub fn doubt(&mut self, now: Millis) {
        if self.link != Link::Live {
            return;
        }
        if self.pinged_at.is_none() {
            self.ping(DOUBTED_PONG_WITHIN_MS, now);
        }
        self.pong_within_ms = DOUBTED_PONG_WITHIN_MS;
    }

    /// The other end has not answered for too long: drop the socket and connect again.
    #[must_use]
    pub fn is_dead(&self, now: Millis) -> bool {
        match self.link {
            Link::Away { .. } => false,
            Link::Greeting => now - self.last_heard > PONG_WITHIN_MS,
            Link::Live => {
                self.pinged_at.is_some_and(|at| now - at.max(self.last_heard) > self.pong_within_ms)
            }
        }
    }

    // ── what the person does ─────────────────────────────────────────────────────────────────────────────────

    /// Opens a room on the screen, or none. Draws the line of unread messages anew.
    pub fn focus(&mut self, room: Option<RoomId>, now: Millis) {
        self.focused = room;
        let Some(id) = room else { return };
        let Some(state) = self.rooms.get_mut(&id) else { return };
        state.unread_after = (state.summary.unread > 0).then_some(state.summary.marks.read);
        let stale = state.timeline.as_ref().is_none_or(crate::Timeline::more_after);
        self.touched.timelines.insert(id);
        self.touched.people.insert(id);
        if stale {
            self.ask_open(id);
        }
        self.pump(now);
    }

    /// Forgets the window and begins at the newest messages again.
    pub fn jump_to_newest(&mut self, room: RoomId) {
        self.ask_open(room);
    }

    /// Puts the window where the unread messages begin. Does nothing while they begin inside of it.
    pub fn jump_to_unread(&mut self, room: RoomId) {
        let Some(seq) = self.rooms.get(&room).and_then(RoomState::unread_above) else { return };
        let purpose = Purpose::Unread(room);
        if self.link == Link::Live && !self.is_asked(&purpose) {
            self.ask(purpose, Command::History { room, direction: Direction::After, seq });
        }
    }

    /// Asks for the page before or after the window, once.
    pub fn load_more(&mut self, room: RoomId, direction: Direction) {
        let Some(timeline) = self.rooms.get(&room).and_then(|state| state.timeline.as_ref()) else { return };
        let (end, more) = match direction {
            Direction::Before => (timeline.first(), timeline.more_before()),
            Direction::After => (timeline.last(), timeline.more_after()),
        };
        let Some(seq) = end.map(|message| message.seq).filter(|_| more) else { return };
        let purpose = Purpose::History(room, direction, seq);
        if self.link == Link::Live && !self.is_asked(&purpose) {
            self.ask(purpose, Command::History { room, direction, seq });
        }
    }

    /// The person looks at the newest message: the window need not reach far above it.
    pub fn trim(&mut self, room: RoomId) {
        if self.rooms.get_mut(&room).is_some_and(RoomState::trim) {
            self.touched.timelines.insert(room);
        }
    }

    /// Whether a page in this direction has been asked for.
    #[must_use]
    pub fn is_loading(&self, room: RoomId, direction: Direction) -> bool {
        self.asked
            .values()
            .any(|(purpose, _)| matches!(purpose, Purpose::History(r, d, _) if *r == room && *d == direction))
    }

    /// The person wrote something. It is shown at once and sent as soon as it can be.
    ///
    /// # Errors
    /// The refusal to show beside the composer, when too much is waiting.
    pub fn send(&mut self, room: RoomId, nonce: Nonce, body: String, now: Millis) -> Result<(), Refusal> {
        let pending = Pending { nonce, room, body, written_at: now, state: SendState::Waiting };
        self.outbox
            .push(pending)
            .map_err(|_| Refusal::new(ErrorCode::Busy).max(crate::outbox::OUTBOX_MAX))?;
        self.touched.outbox = true;
        self.touched.timelines.insert(room);
        self.pump(now);
        Ok(())
    }

    /// Takes over what an earlier page had not got acknowledged.
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

    /// Tries a refused message again.
    pub fn retry(&mut self, nonce: Nonce, now: Millis) {
        self.outbox.retry(nonce);
        self.touch_pending();
        self.pump(now);
    }

    /// Takes a refused message back, with its text.
    pub fn take_back(&mut self, nonce: Nonce) -> Option<Pending> {
        let taken = self.outbox.take(nonce);
        self.touch_pending();
        taken
    }

    /// The person has seen everything up to here.
    pub fn saw(&mut self, room: RoomId, seq: Seq, now: Millis) {
        let Some(state) = self.rooms.get_mut(&room) else { return };
        let me = state.summary.marks;
        if seq <= me.read || seq > state.cursor() {
            return;
        }
        state.put_marks(Marks { read: seq, delivered: me.delivered.max(seq), ..me });
        self.touched.list = true;
        let out = self.marks_out.get_or_insert(room, MarksOut::default());
        out.read = out.read.max(Some(seq));
        self.pump(now);
    }

    /// Asks the server something on the person's behalf; the answer comes by [`Self::take_answers`] under the
    /// number that is returned. Asked again after a lost connection, until it is answered.
    pub fn request(&mut self, command: Command) -> u32 {
        if let Command::Leave { room } = command {
            self.leaving.push(room);
        }
        let waiting = self.asked.values().filter(|(purpose, _)| *purpose == Purpose::Request).count();
        if waiting >= REQUESTS_MAX {
            let request = self.new_ref();
            self.answers.push(Answer { request, result: Err(ErrorCode::Busy.into()) });
            return request;
        }
        self.touch_wished(&command);
        if self.link == Link::Live {
            self.ask(Purpose::Request, command)
        } else {
            let request = self.new_ref();
            self.asked.insert(request, (Purpose::Request, command));
            request
        }
    }

    /// The person no longer waits for the answer. What was on its way may still be done.
    pub fn withdraw(&mut self, request: u32) {
        self.asked.remove(&request);
    }

    /// What the person wants changed in a room and is not answered yet, in the order of asking.
    pub fn wished(&self, room: RoomId) -> impl Iterator<Item = &Command> {
        let asked = self.asked.values().filter(|(purpose, _)| *purpose == Purpose::Request);
        asked.map(|(_, command)| command).filter(move |command| wish_of(command) == Some(room))
    }

    // ── inside ───────────────────────────────────────────────────────────────────────────────────────────────

    fn new_ref(&mut self) -> u32 {
        let r#ref = self.next_ref;
        self.next_ref = self.next_ref.wrapping_add(1).max(1);
        r#ref
    }

    fn ask(&mut self, purpose: Purpose, command: Command) -> u32 {
        let r#ref = self.new_ref();
        self.asked.insert(r#ref, (purpose, command.clone()));
        self.frames.push(ClientFrame { r#ref, command });
        r#ref
    }

    fn ping(&mut self, pong_within_ms: i64, now: Millis) {
        self.pinged_at = Some(now);
        self.pong_within_ms = pong_within_ms;
        self.ask(Purpose::Ping, Command::Ping {});
    }

    fn is_asked(&self, purpose: &Purpose) -> bool {
        self.asked.values().any(|(asked, _)| asked == purpose)
    }

    fn ask_open(&mut self, room: RoomId) {
        if self.link == Link::Live && !self.is_asked(&Purpose::Open(room)) {
            self.ask(Purpose::Open(room), Command::Open { room });
        }
    }

    fn ask_catch_up(&mut self, room: RoomId) {
        let Some(after) = self.rooms.get(&room).map(RoomState::cursor) else { return };
        if !self.is_asked(&Purpose::CatchUp(room)) && !self.is_asked(&Purpose::Open(room)) {
            self.ask(Purpose::CatchUp(room), Command::CatchUp { room, after });
        }
    }

    /// What is wished is shown at once, and no longer when it is refused.
    fn touch_wished(&mut self, command: &Command) {
        self.touched.timelines.extend(wish_of(command));
    }

    fn touch_pending(&mut self) {
        self.touched.outbox = true;
        self.touched.timelines.extend(self.focused);
    }

    /// Hands over whatever may be sent now.
    fn pump(&mut self, now: Millis) {
        if self.link != Link::Live {
            return;
        }
        for pending in self.outbox.due(now) {
            let Pending { nonce, room, body, .. } = pending;
            self.touched.outbox = true;
            self.ask(Purpose::Send(nonce), Command::Send { room, nonce, body });
        }
        self.pump_marks(now);
        self.pump_holes(now);
        self.pump_refused(now);
        self.pump_members();
        self.pump_ahead();
    }

    fn pump_marks(&mut self, now: Millis) {
        let mut due = Vec::new();
        for (room, out) in self.marks_out.iter_mut() {
            let rested = out.sent_at.is_none_or(|at| now - at >= MARKS_EVERY_MS);
            if rested && (out.delivered.is_some() || out.read.is_some()) {
                let (delivered, read) = (out.delivered.take(), out.read.take());
                out.sent_at = Some(now);
                // A read message has been delivered.
                match (read, delivered.filter(|delivered| Some(*delivered) > read)) {
                    (Some(seq), None) => due.push(Command::Read { room: *room, seq }),
                    (None, Some(seq)) => due.push(Command::Delivered { room: *room, seq }),
                    (Some(read), Some(seq)) => {
                        due.push(Command::Read { room: *room, seq: read });
                        due.push(Command::Delivered { room: *room, seq });
                    }
                    (None, None) => {}
                }
            }
        }
        for command in due {
            self.ask(Purpose::Marks, command);
        }
    }

    fn pump_holes(&mut self, now: Millis) {
        let holes: Vec<RoomId> = self
            .rooms
            .iter()
            .filter(|(id, _)| !self.refused_rooms.contains_key(*id))
            .filter(|(_, room)| {
                room.is_flooded() || room.held_since().is_some_and(|since| now - since >= HOLE_MS)
            })
            .map(|(id, _)| *id)
            .collect();
        for room in holes {
            self.ask_catch_up(room);
        }
    }

    fn pump_refused(&mut self, now: Millis) {
        let due = |(_, (at, _)): &(&RoomId, &(Millis, Purpose))| *at <= now;
        let due: Vec<RoomId> = self.refused_rooms.iter().filter(due).map(|(room, _)| *room).collect();
        for room in due {
            match self.refused_rooms.remove(&room) {
                Some((_, Purpose::Open(_))) => self.ask_open(room),
                // It is stale still, and asked for when it is on the screen.
                Some((_, Purpose::Members(_))) => {}
                Some(_) => self.ask_catch_up(room),
                None => {}
            }
        }
    }

    /// How far others are in the room on the screen is told in passing: what was told while this client was away is asked
    /// for.
    fn pump_members(&mut self) {
        let Some(room) = self.focused.filter(|room| !self.refused_rooms.contains_key(room)) else { return };
        if self.rooms.get(&room).is_some_and(|state| state.is_stale())
            && !self.is_asked(&Purpose::Members(room))
        {
            self.ask(Purpose::Members(room), Command::Members { room, query: String::new() });
        }
    }

    fn pump_ahead(&mut self) {
        let busy = self.asked.values().any(|(purpose, _)| matches!(purpose, Purpose::Open(_)));
        if !busy && let Some(room) = self.ahead.pop_front() {
            self.ask_open(room);
        }
    }

    fn replied(&mut self, r#ref: u32, reply: Reply) {
        let Some((purpose, command)) = self.asked.remove(&r#ref) else { return };
        match (purpose, reply) {
            (Purpose::Hello, Reply::Welcome { me, node, epoch, ping_ms, rooms }) => {
                self.ping_ms = i64::from(ping_ms);
                self.welcomed(me, node, epoch, rooms);
            }
            (Purpose::Ping, _) => self.pinged_at = None,
            (Purpose::Send(nonce), Reply::Sent { room, message }) => {
                self.outbox.acknowledge(nonce);
                if let Some(state) = self.rooms.get_mut(&room) {
                    state.answered(message);
                }
                self.touched.outbox = true;
                self.touched.timelines.insert(room);
            }
            (Purpose::History(room, direction, seq), Reply::Page { messages, more, .. }) => {
                if let Some(state) = self.rooms.get_mut(&room) {
                    state.extend(direction, seq, messages, more);
                }
                self.touched.timelines.insert(room);
            }
            (Purpose::Unread(room), Reply::Page { messages, more, .. }) => {
                if let Some(state) = self.rooms.get_mut(&room) {
                    state.begin_at_unread(messages, more);
                }
                self.touched.timelines.insert(room);
            }
            (Purpose::CatchUp(_), Reply::Changes { room, changes, through, more }) => {
                self.caught_up(room, changes, through, more);
            }
            (Purpose::CatchUp(_) | Purpose::Open(_), Reply::View { view }) => self.opened(*view),
            (Purpose::Members(room), reply @ Reply::Members { .. }) => {
                self.learn(&reply);
                if let Some(state) = self.rooms.get_mut(&room) {
                    state.set_stale(false);
                }
            }
            (Purpose::Request, reply) => {
                self.touch_wished(&command);
                // The event that says so passes, and may be lost.
                if let Command::Leave { room } = command
                    && self.leaving.contains(&room)
                {
                    self.left(room);
                }
                self.learn(&reply);
                self.answers.push(Answer { request: r#ref, result: Ok(reply) });
            }
            // An answer that does not fit its question comes from a server that is not one of ours.
            (
                Purpose::Hello
                | Purpose::Marks
                | Purpose::Send(_)
                | Purpose::CatchUp(_)
                | Purpose::Open(_)
                | Purpose::Unread(_)
                | Purpose::Members(_)
                | Purpose::History(..),
                _,
            ) => {}
        }
    }

    /// What a request's answer says of the state, before the asker sees it.
    fn learn(&mut self, reply: &Reply) {
        match reply {
            Reply::Room { summary } => self.joined((**summary).clone()),
            Reply::Changed { room, message } => {
                if let Some(state) = self.rooms.get_mut(room)
                    && state.answered(message.clone())
                {
                    self.touched.timelines.insert(*room);
                    self.touched.list = true;
                }
            }
            Reply::Members { room, members, marks } => {
                if let Some(state) = self.rooms.get_mut(room) {
                    for member in members {
                        state.put_listed(member.clone());
                    }
                    for marks in marks {
                        state.put_marks(*marks);
                    }
                    self.touched.people.insert(*room);
                }
            }
            Reply::Welcome { .. }
            | Reply::Pong {}
            | Reply::Done {}
            | Reply::View { .. }
            | Reply::Changes { .. }
            | Reply::Page { .. }
            | Reply::Sent { .. }
            | Reply::Users { .. }
            | Reply::Channels { .. }
            | Reply::Unknown => {}
        }
    }

    fn refused(&mut self, r#ref: u32, refusal: Refusal, now: Millis) {
        let Some((purpose, command)) = self.asked.remove(&r#ref) else { return };
        match purpose {
            Purpose::Hello => {
                self.refused_hello = Some(refusal);
                self.touched.link = true;
            }
            Purpose::Send(nonce) => {
                self.outbox.refuse(nonce, refusal, now);
                if let Command::Send { room, .. } = command {
                    self.touched.timelines.insert(room);
                }
                self.touched.outbox = true;
            }
            Purpose::CatchUp(room) | Purpose::Open(room) | Purpose::Members(room) => {
                match refusal.code.retry() {
                    // Else the room would stay behind until somebody says something there.
                    Retry::Later => {
                        let at = now + refusal.retry_ms.map_or(ROOM_RETRY_MS, i64::from);
                        self.refused_rooms.insert(room, (at, purpose));
                    }
                    // One is no longer in it.
                    Retry::Never if refusal.code == ErrorCode::RoomUnknown => self.left(room),
                    Retry::Never => {}
                }
            }
            Purpose::Unread(room) => {
                // The face waits for the line: it begins at the newest messages instead.
                if let Some(state) = self.rooms.get_mut(&room) {
                    state.unread_after = None;
                }
                self.touched.timelines.insert(room);
            }
            Purpose::Request => {
                self.touch_wished(&command);
                if let Command::Leave { room } = command {
                    self.leaving.retain(|id| *id != room);
                }
                self.answers.push(Answer { request: r#ref, result: Err(refusal) });
            }
            Purpose::Ping | Purpose::Marks | Purpose::History(..) => {}
        }
    }

    fn welcomed(&mut self, me: User, node: String, epoch: Epoch, rooms: Vec<RoomSummary>) {
        if self.me.as_ref().is_some_and(|known| known.id != me.id) {
            // What was written here is not theirs to send, and what they have is not for this page: it never goes live.
            self.stranger = Some(me);
            self.touched.link = true;
            return;
        }
        if self.epoch.replace(epoch).is_some_and(|known| known != epoch) {
            // The database was restored: numbers may have been given anew. What was asked of the old ones would be done to
            // others.
            self.rooms.clear();
            self.marks_out.clear();
            let failed =
                |request: &u32| Answer { request: *request, result: Err(ErrorCode::Internal.into()) };
            self.answers.extend(self.asked.keys().map(failed));
            self.asked.clear();
        }
        self.me = Some(me);
        self.node = node;
        self.link = Link::Live;
        self.refused_hello = None;
        let mut named = BTreeSet::new();
        named.extend(rooms.iter().map(|summary| summary.room.id));
        self.rooms.retain(|id, _| named.contains(id));
        for summary in rooms {
            self.relist(summary);
        }
        self.resume();
        self.ask_again();
        self.touched.list = true;
        self.touched.link = true;
        self.touched.timelines.extend(self.focused);
        self.touched.people.extend(self.focused);
    }

    fn relist(&mut self, summary: RoomSummary) {
        match self.rooms.get_mut(&summary.room.id) {
            Some(state) => {
                // Marks that were on their way when the connection was lost are sent again.
                let (own, theirs) = (state.summary.marks, summary.marks);
                if own.read > theirs.read || own.delivered > theirs.delivered {
                    let out = self.marks_out.get_or_insert(summary.room.id, MarksOut::default());
                    out.read = out.read.max(Some(own.read).filter(|read| *read > theirs.read));
                    out.delivered =
                        out.delivered.max(Some(own.delivered).filter(|seq| *seq > theirs.delivered));
                }
                state.relist(summary);
                state.set_stale(true);
            }
            None => {
                self.rooms.insert(summary.room.id, RoomState::listed(summary));
            }
        }
    }

    /// The visible room first, then the ones that moved, then the unread ones, fetched ahead: a message counts as
    /// delivered to this device only once it is here.
    fn resume(&mut self) {
        let mut behind: Vec<RoomId> = self
            .rooms
            .iter()
            .filter(|(_, room)| room.timeline.is_some() && room.cursor() < room.summary.head)
            .map(|(id, _)| *id)
            .collect();
        if let Some(first) = behind.iter().position(|id| Some(*id) == self.focused) {
            behind.swap(0, first);
        }
        if let Some(focused) = self.focused.filter(|id| self.rooms.contains_key(id))
            && self.rooms[&focused].timeline.is_none()
        {
            self.ask_open(focused);
        }
        for room in behind {
            self.ask_catch_up(room);
        }
        let mut unread: Vec<&RoomState> = self
            .rooms
            .values()
            .filter(|room| room.timeline.is_none() && room.summary.unread > 0)
            .filter(|room| Some(room.summary.room.id) != self.focused)
            .collect();
        unread.sort_unstable_by_key(|room| std::cmp::Reverse(room.summary.active_at));
        self.ahead = unread.into_iter().take(AHEAD_MAX).map(|room| room.summary.room.id).collect();
        let here: Vec<RoomId> = self.rooms.keys().copied().collect();
        for room in here {
            self.confirm(room);
        }
    }

    /// Asks again what the last connection did not answer.
    fn ask_again(&mut self) {
        for (r#ref, (purpose, command)) in self.asked.iter() {
            if *purpose == Purpose::Request && !self.frames.iter().any(|frame| frame.r#ref == *r#ref) {
                self.frames.push(ClientFrame { r#ref: *r#ref, command: command.clone() });
            }
        }
    }

    /// Confirms what this device holds of a room.
    fn confirm(&mut self, room: RoomId) {
        let Some(state) = self.rooms.get(&room) else { return };
        if state.timeline.is_some() && state.cursor() > state.summary.marks.delivered {
            let out = self.marks_out.get_or_insert(room, MarksOut::default());
            out.delivered = out.delivered.max(Some(state.cursor()));
        }
    }

    fn caught_up(&mut self, room: RoomId, changes: Vec<(Seq, protocol::Change)>, through: Seq, more: bool) {
        let Some(state) = self.rooms.get_mut(&room) else { return };
        state.catch_up(changes, through);
        let again = more || state.held_since().is_some();
        self.after_change(room);
        if again {
            self.ask_catch_up(room);
        }
    }

    fn opened(&mut self, view: protocol::RoomView) {
        let room = view.summary.room.id;
        let head = self.rooms.get(&room).map(|state| state.summary.head);
        match self.rooms.get_mut(&room) {
            Some(state) => state.open(view),
            None => {
                self.rooms.insert(room, RoomState::opened(view));
            }
        }
        let state = &self.rooms[&room];
        // What came between the server's reading and this answer may be missing from it.
        if head.is_some_and(|head| head > state.cursor()) {
            self.ask_catch_up(room);
        }
        self.after_change(room);
    }

    fn after_change(&mut self, room: RoomId) {
        self.confirm(room);
        self.touched.list = true;
        self.touched.timelines.insert(room);
        self.touched.people.insert(room);
    }

    fn happened(&mut self, event: Event, now: Millis) {
        match event {
            Event::Change { room, seq, change, .. } => self.changed(room, seq, change, now),
            Event::Changes { room, after, changes, through } => {
                self.repaired(room, after, changes, through, now)
            }
            Event::Marks { room, marks } => {
                if self.rooms.get_mut(&room).is_some_and(|state| state.put_marks(marks)) {
                    self.touched.people.insert(room);
                    self.touched.list |= self.me.as_ref().is_some_and(|me| me.id == marks.user);
                }
            }
            Event::Joined { summary } => self.joined(*summary),
            Event::Left { room } => self.left(room),
            Event::ComeBack { .. } | Event::Unknown => {}
        }
    }

    fn changed(&mut self, room: RoomId, seq: Seq, change: protocol::Change, now: Millis) {
        let Some(state) = self.rooms.get_mut(&room) else { return };
        let me = state.summary.marks.user;
        let news = match &change {
            protocol::Change::Message { message } if message.author.id != me && message.seq == seq => {
                Some(message.clone())
            }
            protocol::Change::Message { .. }
            | protocol::Change::Member { .. }
            | protocol::Change::Room { .. }
            | protocol::Change::Unknown => None,
        };
        if let protocol::Change::Message { message } = &change
            && message.author.id == me
        {
            // The event may overtake the reply: from here on the message is a stored one.
            self.touched.outbox |= self.outbox.acknowledge(message.nonce);
        }
        if state.apply(seq, change, now) == Applied::Yes {
            // A device holds what it was sent, also of rooms that have not been opened.
            if news.is_some() {
                let out = self.marks_out.get_or_insert(room, MarksOut::default());
                out.delivered = out.delivered.max(Some(state.cursor()));
            }
            self.touched.news.extend(news.map(|message| (room, message)));
            self.after_change(room);
        }
    }

    fn repaired(
        &mut self,
        room: RoomId,
        after: Seq,
        changes: Vec<(Seq, protocol::Change)>,
        through: Seq,
        now: Millis,
    ) {
        let Some(state) = self.rooms.get_mut(&room) else { return };
        let me = state.summary.marks.user;
        let cursor = state.cursor();
        let news: Vec<protocol::Message> = changes
            .iter()
            .filter(|(seq, _)| *seq > cursor)
            .filter_map(|(_, change)| match change {
                // It may have changed since: new is what was said after what is known here.
                protocol::Change::Message { message }
                    if message.author.id != me && message.seq > cursor && !message.deleted =>
                {
                    Some(message.clone())
                }
                protocol::Change::Message { .. }
                | protocol::Change::Member { .. }
                | protocol::Change::Room { .. }
                | protocol::Change::Unknown => None,
            })
            .collect();
        if state.repaired(after, changes, through, now) == Applied::Yes {
            if !news.is_empty() {
                let out = self.marks_out.get_or_insert(room, MarksOut::default());
                out.delivered = out.delivered.max(Some(state.cursor()));
            }
            self.touched.news.extend(news.into_iter().map(|message| (room, message)));
            self.after_change(room);
        }
    }

    fn joined(&mut self, summary: RoomSummary) {
        let room = summary.room.id;
        self.leaving.retain(|id| *id != room);
        self.relist(summary);
        self.touched.list = true;
        // What happened between the making of that summary and this node's following the room has no event.
        if self.link == Link::Live {
            self.ask_catch_up(room);
        }
    }

    fn left(&mut self, room: RoomId) {
        self.rooms.remove(&room);
        self.marks_out.remove(&room);
        self.ahead.retain(|id| *id != room);
        self.leaving.retain(|id| *id != room);
        self.refused_rooms.remove(&room);
        self.touched.list = true;
        self.touched.timelines.insert(room);
        self.touched.people.insert(room);
    }
}

/// The room in which this command changes how a message looks.
fn wish_of(command: &Command) -> Option<RoomId> {
    if let Command::React { room, .. } | Command::Delete { room, .. } = command { Some(*room) } else { None }
}
