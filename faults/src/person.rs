//! One scripted client: the browser's state machine ([`client::Client`]) behind a real WebSocket, with
//! actions drawn from a seed. It opens, keeps and reopens its socket as `app/src/socket` does.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use client::{Backoff, Client, Link, RowKind};
use futures::{SinkExt as _, StreamExt as _};
use protocol::{
    Change, ClientFrame, CloseCode, Command, ErrorCode, Event, File, FileId, Line, Message, Millis, NewPoll,
    Nonce, Placement, Reply, Rights, Role, RoomId, Seq, ServerFrame, UserId, VERSION, WorkspaceRole,
    limits::MARKS_MEMBERS_MAX,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use server::clock::Clock;
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::{mpsc, watch},
    task::JoinSet,
    time::Interval,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, client::IntoClientRequest as _},
};
use uuid::Uuid;

use crate::{
    checker::Screen,
    cluster::{Address, Fallible},
    files,
    log::{Acknowledged, Log, Shown, Token, Written},
    stored::{Account, StoredMarks, Truth},
    violation::{Kind, Violation},
};

/// How often the client is ticked, as on a visible page.
const TICK: Duration = Duration::from_millis(250);
/// Frames queued for the socket, at most, as in the browser.
const FRAMES_MAX: usize = 256;
/// Messages per room that are remembered as having been on screen.
const PRESENT_MAX: usize = 1_500;
/// The share of messages that have a file.
const FILE_SHARE: f64 = 0.04;
/// How long a person may still receive events of a room after leaving it. If the broadcast about leaving
/// was lost, the session check finds it (two rounds of 20 s, and as long again if a server hangs).
const TOLD_AFTER_LEAVING: Millis = 60_000;
/// Violations that one client records; the rest are dropped.
const VIOLATIONS_MAX: usize = 20;

/// Read buffer per socket. tungstenite's default of 128 KiB each would exceed the memory of all servers.
const READ_BUFFER_BYTES: usize = 8 * 1024;

/// A client's socket.
pub type Socket = WebSocketStream<TcpStream>;

/// Orders for everyone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Orders {
    /// Messages per second per person; 0 means silence.
    pub sends_per_s: f64,
    /// The share of long messages.
    pub long_share: f64,
    /// Random connection losses per person and minute, besides the scenario's fault.
    pub cuts_per_min: f64,
    /// The share of sends after which the connection is dropped before the reply is read.
    pub deaf_share: f64,
    /// Whether people join and leave channels.
    pub roam: bool,
    /// How often everyone was told to discard their state, like a page reload.
    pub reloads: u32,
}

impl Orders {
    /// Silence.
    pub const QUIET: Self = Self {
        sends_per_s: 0.0,
        long_share: 0.02,
        cuts_per_min: 0.0,
        deaf_share: 0.0,
        roam: false,
        reloads: 0,
    };
}

/// See the module.
pub struct Person {
    /// Their index in the list of logs.
    pub index: usize,
    /// Their handle.
    pub name: String,
    /// Their id.
    pub user: UserId,
    /// The cookie of their session.
    pub cookie: String,
    /// The rooms that they never leave.
    pub rooms: Vec<RoomId>,
    /// The channels that they join and leave.
    pub channels: Vec<RoomId>,
    address: Address,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    client: Client,
    log: Log,
    /// Messages written so far: the next token.
    count: u32,
    /// The last number of each room that this connection received.
    wire: HashMap<RoomId, Seq>,
    /// Own messages that are shown before the ones above them, because their reply came first.
    ahead: HashSet<(RoomId, Seq)>,
    /// The newest messages of each room that were on screen.
    present: HashMap<RoomId, BTreeSet<Seq>>,
    /// Changes that wait for their answers, with their rooms.
    changing: HashMap<u32, RoomId>,
    /// Those of them that need moderator or owner rights.
    governing: HashSet<u32>,
    /// Messages being scheduled, with the time they are due.
    scheduling: HashMap<u32, (Nonce, Written)>,
    /// Channels being joined or left.
    moving: HashMap<u32, RoomId>,
    /// Channels that were left, and when.
    left: HashMap<RoomId, Millis>,
    /// The channels that the person joins and leaves.
    channels: Vec<RoomId>,
    /// The uploads under way, and their files.
    uploads: JoinSet<File>,
    uploading: HashSet<FileId>,
    /// When the client learned that the database had been replaced by an older one.
    renewed: Option<Millis>,
}

/// Why a connection ended.
enum End {
    Lost,
    ComeBack(Duration),
    SessionEnded,
}

/// State that outlives a connection.
struct Life {
    rng: StdRng,
    backoff: Backoff,
    ticks: Interval,
    orders: watch::Receiver<Orders>,
    reloads: u32,
}

impl Person {
    /// A person who has not started yet.
    #[must_use]
    pub fn new(index: usize, account: Account, address: Address, began: Instant) -> Self {
        let Account { name, user, cookie, rooms, channels } = account;
        let state = State { log: Log::of(&name), channels: channels.clone(), ..State::default() };
        Self { index, name, user, cookie, rooms, channels, address, began, state: Mutex::new(state) }
    }

    fn now(&self) -> Millis {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the client's state.
    pub fn with<T>(&self, look: impl FnOnce(&Client) -> T) -> T {
        look(&self.state().client)
    }

    /// Starts a new log and returns the old one, after a last check of what the interface would draw.
    pub fn new_log(&self) -> Log {
        let mut state = self.state();
        for room in state.rooms_now(&self.rooms) {
            state.check_rows(room);
        }
        std::mem::replace(&mut state.log, Log::of(&self.name))
    }

    /// Whether this client has everything up to these heads, and none of these messages is pending.
    #[must_use]
    pub fn has_all(&self, truth: &Truth, waiting: &HashSet<Nonce>) -> bool {
        let state = self.state();
        let reached = |id: &RoomId| {
            let room = state.client.room(*id)?;
            Some(room.timeline.is_some() && room.cursor() >= *truth.heads.get(id)?)
        };
        let is_right = |channel: &RoomId| match truth.is_in(self.user, *channel) {
            true => reached(channel) == Some(true),
            false => state.client.room(*channel).is_none(),
        };
        state.client.link() == Link::Live
            && self.rooms.iter().all(|room| reached(room) == Some(true))
            && self.channels.iter().all(is_right)
            && state.moving.is_empty()
            && state.scheduling.is_empty()
            && truth.persons.get(&self.user).is_none_or(|head| state.client.person_cursor() >= *head)
            && !state.client.outbox().items().iter().any(|item| waiting.contains(&item.nonce))
    }

    /// The stored messages on this client's screen, room by room.
    #[must_use]
    pub fn screen(&self) -> Screen {
        let state = self.state();
        let mut screen = Screen::new();
        for id in state.rooms_now(&self.rooms) {
            let timeline = state.client.room(id).and_then(|room| room.timeline.as_ref());
            let messages = timeline.into_iter().flat_map(client::Timeline::messages);
            screen.extend(messages.map(|message| (id, message.seq, message.nonce)));
        }
        screen
    }

    /// The rooms that this client is in now.
    #[must_use]
    pub fn rooms_now(&self) -> Vec<RoomId> {
        self.state().rooms_now(&self.rooms)
    }

    /// Opens each room whose marks may be stale, like someone who goes through their rooms. Returns whether
    /// there was one.
    pub fn looks_into_stale_rooms(&self) -> bool {
        let now = self.now();
        let mut state = self.state();
        let rooms = state.rooms_now(&self.rooms);
        let stale: Vec<RoomId> = rooms
            .into_iter()
            .filter(|room| state.client.room(*room).is_some_and(client::RoomState::is_stale))
            .collect();
        stale.iter().for_each(|room| state.client.focus(Some(*room), now));
        !stale.is_empty()
    }

    /// Where this client's marks of others differ from the stored ones.
    #[must_use]
    pub fn marks_that_differ(&self, stored: &StoredMarks) -> Vec<Violation> {
        let state = self.state();
        let mut found = Vec::new();
        for id in state.rooms_now(&self.rooms) {
            let Some(room) = state.client.room(id) else { continue };
            if room.summary.members as usize > MARKS_MEMBERS_MAX {
                continue;
            }
            for member in room.active_members() {
                let Some((delivered, read, head)) = stored.get(&(id, member.user)) else { continue };
                let known = room.marks.get(&member.user).map(|marks| (marks.delivered, marks.read));
                if known != Some((*delivered, *read)) {
                    let name = state.client.user(member.user).map_or("?", |user| user.handle.as_str());
                    let detail = format!(
                        "{name} (a member by {}) is at {known:?} instead of {delivered} delivered, {read} read; stale: {}, at {:?} by {}",
                        member.rev,
                        room.is_stale(),
                        room.cursor(),
                        state.client.node()
                    );
                    found.push(Violation::new(Kind::Marks, &self.name, id, *head, detail));
                }
            }
        }
        found
    }

    /// What is not yet acknowledged.
    #[must_use]
    pub fn waiting(&self) -> Vec<Nonce> {
        self.state().client.outbox().items().iter().map(|item| item.nonce).collect()
    }

    /// What this client still lacks, in words.
    #[must_use]
    pub fn what_is_missing(&self, truth: &Truth) -> String {
        let state = self.state();
        let (link, node) = (state.client.link(), state.client.node());
        let behind: Vec<String> = self
            .rooms
            .iter()
            .filter_map(|id| {
                let cursor = state.client.room(*id).map_or(-1, |room| room.cursor().0);
                let head = truth.heads.get(id)?.0;
                (cursor < head).then(|| format!("{id} at {cursor} of {head}"))
            })
            .collect();
        let wrong: Vec<String> = self
            .channels
            .iter()
            .filter_map(|id| {
                let (known, is_in) = (state.client.room(*id), truth.is_in(self.user, *id));
                let cursor = known.map(client::RoomState::cursor);
                let behind = is_in && cursor < truth.heads.get(id).copied();
                (behind || known.is_some() != is_in).then(|| format!("{id} at {cursor:?}, a member: {is_in}"))
            })
            .collect();
        let unsent = state.client.outbox().items().first();
        let unsent = unsent.map(|item| format!("{:?} in {}", item.state, item.room));
        format!(
            "{link:?} at {node:?}, {} wait to be sent ({unsent:?}), behind: {behind:?}, channels: {wrong:?}, {} moves, {} to be scheduled, own line at {} of {:?}, {} jobs",
            state.client.outbox().waiting(),
            state.moving.len(),
            state.scheduling.len(),
            state.client.person_cursor(),
            truth.persons.get(&self.user),
            truth.jobs
        )
    }

    /// Runs until the session ends or the task is dropped.
    pub async fn live(self: Arc<Self>, seed: u64, orders: watch::Receiver<Orders>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let reloads = orders.borrow().reloads;
        let rng = StdRng::seed_from_u64(seed ^ (self.index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut life = Life { rng, backoff: Backoff::default(), ticks, orders, reloads };
        loop {
            let end = self.converse(&mut life).await;
            let now = self.now();
            let told_ms = {
                let mut state = self.state();
                state.client.disconnected(now);
                state.log.connections_lost += 1;
                state.client.retry_ms()
            };
            let wait = match end {
                End::Lost => {
                    Duration::from_millis(life.backoff.next_after_ms(told_ms, life.rng.random()).into())
                }
                End::ComeBack(after) => after,
                End::SessionEnded => return,
            };
            self.rest(wait, &mut life).await;
        }
    }

    /// Waits, while the person keeps writing.
    async fn rest(&self, wait: Duration, life: &mut Life) {
        let until = tokio::time::sleep(wait);
        tokio::pin!(until);
        loop {
            tokio::select! {
                () = &mut until => return,
                _ = life.ticks.tick() => drop(self.passes(life)),
            }
        }
    }

    /// One connection, from opening to end.
    async fn converse(&self, life: &mut Life) -> End {
        {
            let now = self.now();
            let mut state = self.state();
            state.wire.clear();
            state.client.connected(now);
        }
        let opening = open(self.address.addr, &self.address.origin, &self.cookie);
        tokio::pin!(opening);
        let socket = loop {
            tokio::select! {
                opened = &mut opening => match opened {
                    Ok(socket) => break socket,
                    Err(_) => return End::Lost,
                },
                _ = life.ticks.tick() => if self.passes(life) { return End::Lost },
            }
        };
        let (mut sink, mut frames) = socket.split();
        let (line, mut outgoing) = mpsc::channel::<ClientFrame>(FRAMES_MAX);
        let write = async move {
            while let Some(frame) = outgoing.recv().await {
                if sink.send(tungstenite::Message::text(frame.encode())).await.is_err() {
                    break;
                }
            }
        };
        tokio::pin!(write);
        loop {
            match self.hand_over(&line, life) {
                Handed::Over => {}
                Handed::Full => return End::Lost,
                Handed::AndGone => {
                    // The send goes out, and nobody reads its reply.
                    let linger = Duration::from_millis(life.rng.random_range(1..40));
                    drop(tokio::time::timeout(linger, &mut write).await);
                    return End::Lost;
                }
            }
            tokio::select! {
                message = frames.next() => match message {
                    Some(Ok(tungstenite::Message::Text(text))) => {
                        if let Some(end) = self.hear(&text, life) {
                            return end;
                        }
                    }
                    Some(Ok(tungstenite::Message::Close(close))) => return meaning(close.as_ref()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return End::Lost,
                },
                () = &mut write => return End::Lost,
                _ = life.ticks.tick() => if self.passes(life) { return End::Lost },
            }
        }
    }

    fn hand_over(&self, line: &mpsc::Sender<ClientFrame>, life: &mut Life) -> Handed {
        let frames = self.state().client.take_frames();
        let mut gone = false;
        let deaf_share = life.orders.borrow().deaf_share;
        for frame in frames {
            let is_send = matches!(frame.command, Command::Send { .. });
            gone |= is_send && deaf_share > 0.0 && life.rng.random_bool(deaf_share);
            if line.try_send(frame).is_err() {
                return Handed::Full;
            }
        }
        if gone { Handed::AndGone } else { Handed::Over }
    }

    /// Handles a tick. Returns whether to drop the connection.
    fn passes(&self, life: &mut Life) -> bool {
        let now = self.now();
        let orders = *life.orders.borrow();
        let mut state = self.state();
        if life.reloads != orders.reloads {
            life.reloads = orders.reloads;
            let (count, log, channels) = (state.count, Log::of(&self.name), self.channels.clone());
            *state = State { count, log, channels, ..State::default() };
            return true;
        }
        state.client.tick(now);
        self.attends_to_uploads(&mut state, now);
        if state.client.is_dead(now) {
            return true;
        }
        let ticks_per_s = 1.0 / TICK.as_secs_f64();
        let happens =
            |rng: &mut StdRng, per_s: f64| per_s > 0.0 && rng.random_bool((per_s / ticks_per_s).min(1.0));
        if happens(&mut life.rng, orders.sends_per_s / 5.0) {
            self.changes(&mut state, &mut life.rng);
        }
        if orders.roam && happens(&mut life.rng, orders.sends_per_s / 3.0) {
            self.governs(&mut state, &mut life.rng);
        }
        if orders.roam && happens(&mut life.rng, orders.sends_per_s / 12.0) {
            self.roams(&mut state, &mut life.rng);
        }
        if happens(&mut life.rng, orders.sends_per_s / 8.0) {
            self.schedules(&mut state, &mut life.rng, now);
        }
        if happens(&mut life.rng, orders.sends_per_s) {
            self.writes(&mut state, &mut life.rng, orders.long_share, now);
        }
        self.looks(&mut state, &mut life.rng, orders.sends_per_s > 0.0, now);
        happens(&mut life.rng, orders.cuts_per_min / 60.0)
    }

    fn writes(&self, state: &mut State, rng: &mut StdRng, long_share: f64, now: Millis) {
        // The first room is the channel: one message in eight goes there.
        let others = self.rooms.len() - 1;
        let at = if others == 0 || rng.random_bool(0.125) { 0 } else { rng.random_range(1..=others) };
        let mut room = self.rooms[at];
        // Some go to a channel that the person has joined.
        let stays = |channel: &&RoomId| state.client.room(**channel).is_some() && !state.is_moving(**channel);
        if let Some(channel) = self.channels.choose(rng).filter(stays)
            && rng.random_bool(0.3)
        {
            room = *channel;
        }
        let token = Token::new(self.index, state.count + 1);
        let nonce = Nonce(Uuid::from_u64_pair(rng.random(), rng.random()));
        let body = text(token, rng, long_share) + &mention(&state.client, room, rng);
        let timeline = state.client.room(room).and_then(|room| room.timeline.as_ref());
        let newest = timeline.into_iter().flat_map(|timeline| timeline.messages().rev().take(12));
        // Even to one that is being deleted: it is still a message.
        let newest: Vec<(Seq, Seq)> = newest
            .map(|message| (message.seq, message.thread.map_or(message.seq, |thread| thread.0)))
            .collect();
        let reply_to = newest.choose(rng).map(|(seq, _)| *seq).filter(|_| rng.random_bool(0.15));
        // One message in five goes into a thread, and some of those are also shown in the room.
        let thread = newest.choose(rng).map(|(_, root)| *root).filter(|_| rng.random_bool(0.2));
        // One in twenty forwards a message of a room that the person never leaves.
        let source = self.rooms[rng.random_range(0..self.rooms.len())];
        let timeline = state.client.room(source).and_then(|room| room.timeline.as_ref());
        let there = timeline.into_iter().flat_map(|timeline| timeline.messages().rev().take(12));
        let there: Vec<Seq> = there.filter(|message| !message.deleted).map(|message| message.seq).collect();
        let forward = there.choose(rng).map(|seq| (source, *seq)).filter(|_| rng.random_bool(0.05));
        let placement = Placement { reply_to, thread, in_room: rng.random_bool(0.25), forward };
        let poll = rng.random_bool(0.08).then(|| poll(rng)).filter(|_| forward.is_none());
        let is_plain = poll.is_none() && forward.is_none();
        let file = (is_plain && rng.random_bool(FILE_SHARE)).then(|| {
            // Now and then one of more than one part.
            let size = if rng.random_bool(0.05) { 5_000_000 } else { rng.random_range(1..60_000) };
            files::local(FileId(Uuid::from_u64_pair(rng.random(), rng.random())), size)
        });
        // Later messages do not wait for its file.
        let late = Token::scheduled(self.index, state.count + 1);
        let (token, body) = match file {
            Some(_) => (late, body.replacen(&token.to_string(), &late.to_string(), 1)),
            None => (token, body),
        };
        let attached = file.iter().cloned().collect();
        // A full outbox tells the person, who keeps the text: nothing was sent.
        if state.client.place(room, (placement, poll, attached), nonce, body, now).is_ok() {
            state.count += 1;
            let id = file.as_ref().map(|file| file.id);
            state.log.written.insert(nonce, Written { room, token, at: now, file: id });
            if let Some(file) = file {
                self.uploads(state, &file);
            }
        }
    }

    /// Uploads a file, beside everything else.
    fn uploads(&self, state: &mut State, file: &File) {
        let size = usize::try_from(file.size).unwrap_or_default();
        let upload = files::upload(self.address.clone(), self.cookie.clone(), file.id, size);
        state.uploading.insert(file.id);
        state.uploads.spawn(upload);
    }

    /// Hands over what has been uploaded. What the servers have lost with their newest transactions is uploaded again.
    fn attends_to_uploads(&self, state: &mut State, now: Millis) {
        while let Some(Ok(file)) = state.uploads.try_join_next() {
            state.uploading.remove(&file.id);
            state.client.uploaded(&file, now);
        }
        let outbox = state.client.outbox();
        let waiting = outbox.items().iter().flat_map(|item| &item.files);
        let lost = waiting.filter(|file| outbox.waits_for(file.id) && !state.uploading.contains(&file.id));
        for file in lost.cloned().collect::<Vec<_>>() {
            self.uploads(state, &file);
        }
    }

    /// Schedules a message for some seconds later, in a room that the person never leaves. It must arrive
    /// exactly once, whatever breaks.
    fn schedules(&self, state: &mut State, rng: &mut StdRng, now: Millis) {
        let room = self.rooms[rng.random_range(0..self.rooms.len())];
        state.count += 1;
        let token = Token::scheduled(self.index, state.count);
        let nonce = Nonce(Uuid::from_u64_pair(rng.random(), rng.random()));
        let after = rng.random_range(1_000..6_000);
        let (body, at) = (text(token, rng, 0.0), Clock::default().now() + after);
        let request = state.client.request(Command::Schedule { room, nonce, body, at });
        state.scheduling.insert(request, (nonce, Written { room, token, at: now + after, file: None }));
    }

    /// Edits, deletes, pins, saves, marks unread from, votes in, reacts to or sets a reminder for one of the newest messages on
    /// screen; or writes on a draft of its room.
    fn changes(&self, state: &mut State, rng: &mut StdRng) {
        const EMOJIS: [&str; 4] = ["👍", "🎉", "👀", "⚓\u{FE0F}"];
        let rooms = state.rooms_now(&self.rooms);
        let room = rooms[rng.random_range(0..rooms.len())];
        let timeline = state.client.room(room).and_then(|room| room.timeline.as_ref());
        let newest = timeline.into_iter().flat_map(|timeline| timeline.messages().rev().take(12));
        let newest: Vec<_> = newest.filter(|message| !message.deleted).cloned().collect();
        let Some(message) = newest.choose(rng) else { return };
        let (seq, own) = (message.seq, message.author == self.user);
        let may_pin = state.client.room(room).is_some_and(|room| {
            let summary = &room.summary;
            Rights::of(&summary.room, summary.role, WorkspaceRole::Member).pin
        });
        let command = match (Token::of(&message.body), rng.random_range(0..20)) {
            _ if message.poll.is_some() && rng.random_bool(0.6) => vote(room, message, rng),
            (_, 9) if message.poll.is_some() && own => Command::ClosePoll { room, seq },
            (Some(_), 0) if own => Command::Delete { room, seq },
            (Some(token), _) if own => {
                let body = text(token, rng, 0.0) + &mention(&state.client, room, rng);
                Command::Edit { room, seq, edits: message.edits, body }
            }
            (_, 1..5) if may_pin => Command::Pin { room, seq, on: rng.random_bool(0.5) },
            (_, 5..8) => Command::Save { room, seq, on: rng.random_bool(0.7) },
            (_, 8) => {
                let at = Clock::default().now() + rng.random_range(500..5_000);
                Command::Remind { room, seq, at: rng.random_bool(0.8).then_some(at) }
            }
            (_, 9 | 10) => Command::MarkUnread { room, seq },
            (_, 11 | 12) => draft(&state.client, room, rng),
            _ => {
                let emoji = EMOJIS[rng.random_range(0..EMOJIS.len())].to_owned();
                Command::React { room, seq, emoji, on: rng.random_bool(0.75) }
            }
        };
        state.log.changes += 1;
        let request = state.client.request(command);
        state.changing.insert(request, room);
    }

    /// Moderates a channel: removes, bans and unbans people, assigns roles, decides who may post, archives
    /// and unarchives the channel.
    fn governs(&self, state: &mut State, rng: &mut StdRng) {
        let governed = |channel: &&RoomId| {
            let role = state.client.room(**channel).map(|room| room.summary.role);
            role.is_some_and(|role| role > Role::Member) && !state.is_moving(**channel)
        };
        let governed: Vec<RoomId> = self.channels.iter().filter(governed).copied().collect();
        let Some(channel) = governed.choose(rng).copied() else { return };
        let Some(room) = state.client.room(channel) else { return };
        let (role, archived) = (room.summary.role, room.summary.room.archived);
        let is_owner = role == Role::Owner;
        let others = |banned| {
            let members = room.members.values().filter(move |member| member.user != self.user);
            members.filter(move |member| if banned { member.banned } else { member.active })
        };
        let (others, banned): (Vec<UserId>, Vec<UserId>) = (
            others(false).filter(|member| member.role < role).map(|member| member.user).collect(),
            others(true).map(|member| member.user).collect(),
        );
        let command = match (rng.random_range(0..10), others.choose(rng), banned.choose(rng)) {
            // Only briefly, because nobody can write meanwhile.
            (0..7, ..) if archived && is_owner => Command::Archive { room: channel, on: false },
            (0, ..) if is_owner => Command::Archive { room: channel, on: true },
            (1 | 2, ..) if is_owner => {
                let post = if rng.random_bool(0.3) { Role::Moderator } else { Role::Member };
                Command::SetPolicy {
                    room: channel,
                    post,
                    invite: Role::Member,
                    pin: Role::Moderator,
                    mention: Role::Moderator,
                }
            }
            (3 | 4, Some(other), _) if is_owner => {
                let role = [Role::Member, Role::Moderator, Role::Moderator, Role::Owner];
                Command::SetRole { room: channel, user: *other, role: role[rng.random_range(0..role.len())] }
            }
            (_, _, Some(banned)) if rng.random_bool(0.6) => Command::Unban { room: channel, user: *banned },
            (_, Some(other), _) => Command::Remove { room: channel, user: *other, ban: rng.random_bool(0.4) },
            _ => return,
        };
        let request = state.client.request(command);
        state.changing.insert(request, channel);
        state.governing.insert(request);
    }

    /// Leaves or joins a channel, so rarely that about a quarter of all people are in each.
    fn roams(&self, state: &mut State, rng: &mut StdRng) {
        let Some(channel) = self.channels.choose(rng).copied() else { return };
        let is_writing = state.client.outbox().items().iter().any(|item| item.room == channel);
        if state.is_moving(channel) || is_writing {
            return;
        }
        let command = match state.client.room(channel) {
            Some(_) => Command::Leave { room: channel },
            None if rng.random_bool(0.3) => {
                // From now on the person may receive events of the room, even before the answer.
                state.left.remove(&channel);
                Command::Join { room: channel }
            }
            None => return,
        };
        state.log.moves += 1;
        let request = state.client.request(command);
        state.moving.insert(request, channel);
    }

    /// Opens closed rooms, reads, trims, and checks what the interface would draw. In silence nothing is
    /// read, so that the stored marks settle.
    fn looks(&self, state: &mut State, rng: &mut StdRng, reads: bool, now: Millis) {
        let rooms = state.rooms_now(&self.rooms);
        if state.client.link() == Link::Live {
            for room in &rooms {
                if state.client.room(*room).is_some_and(|room| room.timeline.is_none()) {
                    state.client.focus(Some(*room), now);
                }
            }
        }
        let room = rooms[rng.random_range(0..rooms.len())];
        match rng.random_range(0..40) {
            0..4 if reads => {
                let seq = state.client.room(room).map_or(Seq::ZERO, client::RoomState::cursor);
                state.client.saw(room, seq, now);
            }
            4 => state.client.focus(Some(room), now),
            5..20 => state.client.trim(room),
            20 => state.check_rows(room),
            _ => {}
        }
    }

    fn hear(&self, text: &str, life: &mut Life) -> Option<End> {
        let frame = ServerFrame::decode(text).ok()?;
        let end = match &frame {
            ServerFrame::Event { event: Event::ComeBack { after_ms } } => {
                Some(End::ComeBack(Duration::from_millis((*after_ms).into())))
            }
            ServerFrame::Event { .. } | ServerFrame::Reply { .. } | ServerFrame::Refusal { .. } => None,
        };
        let now = self.now();
        let mut state = self.state();
        state.receive(frame, self.user, now);
        if state.client.link() == Link::Live {
            life.backoff.reset();
        }
        end
    }
}

enum Handed {
    Over,
    Full,
    AndGone,
}

/// A room's state before and after a frame.
#[derive(Clone, Copy, Default)]
struct Position {
    cursor: Seq,
    shown: Option<usize>,
}

impl State {
    /// The rooms that the person never leaves, plus the channels they have joined.
    fn rooms_now(&self, rooms: &[RoomId]) -> Vec<RoomId> {
        let here = self.channels.iter().filter(|channel| self.client.room(**channel).is_some());
        rooms.iter().chain(here).copied().collect()
    }

    fn is_moving(&self, channel: RoomId) -> bool {
        self.moving.values().any(|moving| *moving == channel)
    }

    fn receive(&mut self, frame: ServerFrame, me: UserId, now: Millis) {
        let room = room_of(&frame);
        let before = room.map(|room| self.position(room)).unwrap_or_default();
        let afresh = matches!(&frame, ServerFrame::Reply { reply: Reply::View { .. }, .. });
        let own = self.note(&frame, me, now);
        let waiting = self.client.outbox().items().len();
        let here = |client: &Client, channel: &RoomId| client.room(*channel).is_some();
        let channels: Vec<(RoomId, bool)> =
            self.channels.iter().map(|channel| (*channel, here(&self.client, channel))).collect();
        let epoch = self.client.epoch();
        self.client.receive(frame, now);
        if epoch.is_some() && epoch != self.client.epoch() {
            self.renewed = Some(now);
        }
        for (channel, was_here) in channels {
            match (was_here, here(&self.client, &channel)) {
                // Removed by somebody else, or left on another device.
                (true, false) => {
                    self.left.insert(channel, now);
                }
                (false, true) => {
                    self.left.remove(&channel);
                }
                (true, true) | (false, false) => {}
            }
        }
        let is_refusal = self.client.outbox().items().iter().any(is_refused);
        if self.client.outbox().items().len() != waiting || is_refusal {
            self.note_acknowledged(&own, now);
        }
        if let Some(room) = room {
            self.note_shown(room, before, afresh, now);
        }
        drop(self.client.take_touched());
        for answer in self.client.take_answers() {
            if self.governing.remove(&answer.request) && answer.result.is_ok() {
                self.log.governed += 1;
            }
            if let Some((nonce, written)) = self.scheduling.remove(&answer.request) {
                if answer.result.is_ok() {
                    self.log.scheduled += 1;
                    self.log.written.insert(nonce, written);
                    self.log.acknowledged.insert(nonce, Acknowledged { seq: None, at: now });
                }
            } else if let Some(channel) = self.moving.remove(&answer.request) {
                // Any other answer: they are in, or it failed and they may try again.
                if let Ok(Reply::Done {}) = answer.result {
                    self.left.insert(channel, now);
                }
            } else if let Some(room) = self.changing.remove(&answer.request)
                && answer.result.is_err_and(|refusal| is_of_rights(refusal.code))
                && !self.channels.contains(&room)
            {
                let name = self.log.name.clone();
                self.violates(Violation::new(Kind::Unexpected, &name, room, Seq::ZERO, "refused as unknown"));
            }
        }
    }

    fn position(&self, room: RoomId) -> Position {
        let Some(state) = self.client.room(room) else { return Position::default() };
        Position { cursor: state.cursor(), shown: state.timeline.as_ref().map(client::Timeline::len) }
    }

    /// Checks a frame's content and order. Returns the person's own messages in it.
    fn note(&mut self, frame: &ServerFrame, me: UserId, now: Millis) -> Vec<(Nonce, Seq)> {
        let of_change = |change: &Change| {
            let own = change.message().filter(|message| message.author == me);
            own.map(|message| (message.nonce, message.seq))
        };
        match frame {
            ServerFrame::Event { event: Event::Change { line, seq, change, .. } } => {
                if let Line::Room(room) = line {
                    self.note_told(*room, Seq(seq.0 - 1), *seq, now);
                }
                of_change(change).into_iter().collect()
            }
            ServerFrame::Event { event: Event::Changes { line, after, changes, through, .. } } => {
                if let Line::Room(room) = line {
                    self.note_told(*room, *after, *through, now);
                    let node = self.client.node().to_owned();
                    self.log.repaired.insert((node, *room, *after));
                }
                changes.iter().filter_map(|(_, change)| of_change(change)).collect()
            }
            ServerFrame::Reply { reply: Reply::Changes { .. }, .. } => {
                self.log.caught_up += 1;
                Vec::new()
            }
            ServerFrame::Reply { reply: Reply::Sent { message, .. }, .. } => {
                vec![(message.nonce, message.seq)]
            }
            ServerFrame::Refusal { refusal, .. } => {
                // Somebody else, or another command of this client, came first. (An unknown room is checked
                // where the room is known.)
                let too_late = [
                    ErrorCode::EditedMeanwhile,
                    ErrorCode::MessageDeleted,
                    ErrorCode::ReactionsFull,
                    ErrorCode::PinsFull,
                    ErrorCode::PollClosed,
                    ErrorCode::SavedFull,
                    ErrorCode::ScheduledFull,
                    ErrorCode::DraftsFull,
                ];
                // Sends have their own check.
                let is_unknown = refusal.code == ErrorCode::MessageUnknown && self.renewed.is_some();
                let is_too_late =
                    is_unknown || too_late.contains(&refusal.code) || is_of_rights(refusal.code);
                if refusal.code.retry() == protocol::Retry::Never && !is_too_late {
                    let detail = format!("refused: {refusal:?}");
                    self.violates(Violation::at_large(Kind::Unexpected, &self.log.name, detail));
                }
                Vec::new()
            }
            ServerFrame::Event { .. } | ServerFrame::Reply { .. } => Vec::new(),
        }
    }

    /// A server sends the changes of a room in numeric order without gaps, as long as the connection lasts
    /// and the person is in the room. Soon after the person leaves, it sends no more.
    fn note_told(&mut self, room: RoomId, after: Seq, through: Seq, now: Millis) {
        if let Some(since) = self.left.get(&room).map(|left| now - left)
            && since > TOLD_AFTER_LEAVING
        {
            let detail = format!("told {since} ms after leaving, by {}", self.client.node());
            let name = self.log.name.clone();
            self.violates(Violation::new(Kind::Unexpected, &name, room, through, detail));
        }
        let Some(last) = self.wire.insert(room, through) else { return };
        let name = self.log.name.clone();
        if through <= last {
            let detail = format!("told after number {last} by {}", self.client.node());
            self.violates(Violation::new(Kind::Reordered, &name, room, through, detail));
        } else if after > last && !self.channels.contains(&room) {
            let detail = format!("told right after number {last} by {}", self.client.node());
            self.violates(Violation::new(Kind::Hole, &name, room, through, detail));
        }
    }

    fn note_acknowledged(&mut self, own: &[(Nonce, Seq)], now: Millis) {
        let refused = self.client.outbox().items().iter().filter_map(|item| match &item.state {
            client::SendState::Refused(refusal) => {
                let is_deleted = item.forward.is_some() && refusal.code == ErrorCode::MessageDeleted;
                let is_gone = is_deleted || self.went_with_the_database(item.nonce, refusal.code);
                Some((item.nonce, item.room, refusal.clone(), is_gone))
            }
            client::SendState::Waiting | client::SendState::OnItsWay => None,
        });
        for (nonce, room, refusal, is_gone) in refused.collect::<Vec<_>>() {
            if is_gone || (is_of_rights(refusal.code) && self.channels.contains(&room)) {
                // The person has been removed meanwhile, or may no longer post, or what they forward has been deleted, or
                // what they reply to went with the database. They see that, and take the message back.
                self.client.take_back(nonce);
                self.log.written.remove(&nonce);
                continue;
            }
            let detail = format!("a send was refused: {refusal:?}");
            let name = self.log.name.clone();
            self.violates(Violation::new(Kind::Unexpected, &name, room, Seq::ZERO, detail));
        }
        let here: HashSet<Nonce> = self.client.outbox().items().iter().map(|item| item.nonce).collect();
        let gone: Vec<Nonce> = self
            .log
            .written
            .keys()
            .filter(|nonce| !here.contains(nonce) && !self.log.acknowledged.contains_key(nonce))
            .copied()
            .collect();
        for nonce in gone {
            let seq = own.iter().find(|(known, _)| *known == nonce).map(|(_, seq)| *seq);
            self.log.acknowledged.insert(nonce, Acknowledged { seq, at: now });
        }
    }

    /// Whether a message refers to one that was only in a database that has since been replaced: it waited for its file meanwhile.
    fn went_with_the_database(&self, nonce: Nonce, code: ErrorCode) -> bool {
        let written = self.log.written.get(&nonce).map(|written| written.at);
        code == ErrorCode::MessageUnknown
            && written.is_some_and(|at| self.renewed.is_some_and(|renewed| at <= renewed))
    }

    fn note_shown(&mut self, room: RoomId, before: Position, afresh: bool, now: Millis) {
        let Some(state) = self.client.room(room) else { return };
        let (cursor, Some(timeline)) = (state.cursor(), &state.timeline) else { return };
        let was_open = before.shown.is_some();
        let from = timeline.first().map_or(cursor.next(), |message| message.seq);
        let began = if afresh || !was_open { Seq(from.0 - 1) } else { before.cursor };
        let mut news: Vec<(Seq, Option<Token>)> = timeline
            .messages()
            .rev()
            .take_while(|message| message.seq > began)
            .filter(|message| message.seq <= cursor)
            .map(|message| (message.seq, Token::of(&message.body)))
            .collect();
        news.reverse();
        let len = timeline.len();
        let shown = self.log.shown.entry(room).or_default();
        if afresh || !was_open {
            shown.push(Shown::Afresh { from, through: cursor });
            self.ahead.retain(|(other, _)| *other != room);
        }
        shown.extend(news.iter().map(|(seq, token)| Shown::Message { seq: *seq, token: *token, at: now }));
        let present = self.present.entry(room).or_default();
        present.extend(news.iter().map(|(seq, _)| *seq));
        while present.len() > PRESENT_MAX {
            present.pop_first();
        }
        if let (Some(len_before), false) = (before.shown, afresh) {
            let passed = news.iter().filter(|(seq, _)| self.ahead.remove(&(room, *seq))).count();
            let expected = len_before + news.len() - passed;
            if len != expected {
                self.check_position(room, before.cursor, len, expected);
            }
        }
    }

    /// New messages must appear at the end, with two exceptions: an own message whose reply came before the
    /// messages above it, and a message that was changed while this client was catching up, because a
    /// changed thing is sent once, with its last change.
    fn check_position(&mut self, room: RoomId, began: Seq, len: usize, expected: usize) {
        let Some(state) = self.client.room(room) else { return };
        let cursor = state.cursor();
        let present = self.present.get(&room);
        let is_new = |seq: &Seq| present.is_none_or(|present| !present.contains(seq));
        let (mut below, mut late) = (Vec::new(), Vec::new());
        for message in state.timeline.iter().flat_map(|timeline| timeline.messages()) {
            if message.seq > cursor && !self.ahead.contains(&(room, message.seq)) {
                below.push(message.seq);
            }
            let changed = message.rev > message.seq && message.rev > began && message.rev <= cursor;
            if message.seq <= began && changed && is_new(&message.seq) {
                late.push((message.seq, Token::of(&message.body)));
            }
        }
        if len == expected + below.len() + late.len() {
            self.ahead.extend(below.into_iter().map(|seq| (room, seq)));
            self.present.entry(room).or_default().extend(late.iter().map(|(seq, _)| *seq));
            let shown = self.log.shown.entry(room).or_default();
            shown.extend(late.into_iter().map(|(seq, token)| Shown::Late { seq, token }));
        } else {
            let detail = format!("{len} messages on the screen instead of {expected}");
            let name = self.log.name.clone();
            self.violates(Violation::new(Kind::Reordered, &name, room, cursor, detail));
        }
    }

    /// The interface must draw each message once, in numeric order.
    fn check_rows(&mut self, room: RoomId) {
        let (mut keys, mut tokens, mut last) = (HashSet::new(), HashSet::new(), Seq::ZERO);
        let mut wrong = Vec::new();
        for row in client::rows(&self.client, room, protocol::Zone::default()) {
            let again = !keys.insert(row.key);
            let RowKind::Message(message) = row.kind else { continue };
            let seq = message.seq.unwrap_or(last);
            if again || Token::of(&message.body).is_some_and(|token| !tokens.insert(token)) {
                wrong.push((Kind::Doubled, seq, "stands on the screen twice"));
            }
            if seq < last {
                wrong.push((Kind::Reordered, seq, "stands below a later one"));
            }
            last = seq;
        }
        let name = self.log.name.clone();
        for (kind, seq, detail) in wrong {
            self.violates(Violation::new(kind, &name, room, seq, detail));
        }
    }

    fn violates(&mut self, violation: Violation) {
        if self.log.violations.len() < VIOLATIONS_MAX {
            self.log.violations.push(violation);
        }
    }
}

/// Whether a command was refused because of somebody else's decision about members or rights. This happens
/// only in the channels that people join and leave.
fn is_of_rights(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::RoomUnknown
            | ErrorCode::Forbidden
            | ErrorCode::RoomArchived
            | ErrorCode::Banned
            | ErrorCode::UserUnknown
            | ErrorCode::LastOwner
    )
}

fn is_refused(item: &client::Pending) -> bool {
    matches!(item.state, client::SendState::Refused(_))
}

fn room_of(frame: &ServerFrame) -> Option<RoomId> {
    match frame {
        ServerFrame::Event { event: Event::Change { line, .. } | Event::Changes { line, .. } }
        | ServerFrame::Reply { reply: Reply::Changes { line, .. } | Reply::Changed { line, .. }, .. } => {
            line.room()
        }
        ServerFrame::Reply { reply: Reply::Sent { room, .. }, .. } => Some(*room),
        ServerFrame::Reply { reply: Reply::View { view }, .. } => Some(view.summary.room.id),
        ServerFrame::Event { .. } | ServerFrame::Reply { .. } | ServerFrame::Refusal { .. } => None,
    }
}

fn meaning(close: Option<&tungstenite::protocol::CloseFrame>) -> End {
    let Some(close) = close else { return End::Lost };
    match CloseCode::from_number(close.code.into()) {
        Some(CloseCode::SessionEnded) => End::SessionEnded,
        Some(CloseCode::Leaving) => {
            End::ComeBack(Duration::from_millis(close.reason.trim().parse().unwrap_or(1_000)))
        }
        Some(
            CloseCode::VersionUnsupported
            | CloseCode::TooManyConnections
            | CloseCode::Resume
            | CloseCode::TooMuchGarbage
            | CloseCode::TooManyFrames,
        )
        | None => End::Lost,
    }
}

/// Opens a socket like a browser.
///
/// # Errors
/// When the connection or the upgrade fails.
pub async fn open(addr: SocketAddr, origin: &str, cookie: &str) -> Result<Socket, String> {
    open_with(addr, origin, cookie, None).await
}

async fn open_with(
    addr: SocketAddr,
    origin: &str,
    cookie: &str,
    receive_buffer: Option<u32>,
) -> Result<Socket, String> {
    let explain = |e: &dyn std::fmt::Display| e.to_string();
    let host = origin.split("//").nth(1).unwrap_or_default();
    let mut request = format!("ws://{host}/socket").into_client_request().map_err(|e| explain(&e))?;
    for (name, value) in [("origin", origin), ("cookie", cookie)] {
        request.headers_mut().insert(name, value.parse().map_err(|e| explain(&e))?);
    }
    let near = TcpSocket::new_v4().map_err(|e| explain(&e))?;
    if let Some(bytes) = receive_buffer {
        near.set_recv_buffer_size(bytes).map_err(|e| explain(&e))?;
    }
    let stream = near.connect(addr).await.map_err(|e| explain(&e))?;
    stream.set_nodelay(true).map_err(|e| explain(&e))?;
    upgrade(request, stream).await.map_err(|e| explain(&e))
}

/// The handshake over an existing connection. The read buffer is small, because there are thousands of
/// sockets.
async fn upgrade(
    request: tungstenite::handshake::client::Request,
    stream: TcpStream,
) -> Result<Socket, tungstenite::Error> {
    let config = tungstenite::protocol::WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
    let (socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
    Ok(socket)
}

/// A bare socket after `welcome`. `receive_buffer` limits the kernel's receive buffer to that many bytes.
///
/// # Errors
/// When `welcome` does not arrive within ten seconds.
pub async fn greeted(address: &Address, cookie: &str, receive_buffer: Option<u32>) -> Fallible<Socket> {
    let greet = async {
        let mut socket = open_with(address.addr, &address.origin, cookie, receive_buffer).await?;
        let hello = ClientFrame { r#ref: 1, command: Command::Hello { version: VERSION } };
        socket.send(tungstenite::Message::text(hello.encode())).await?;
        match socket.next().await {
            Some(Ok(tungstenite::Message::Text(text))) if text.contains("welcome") => Ok(socket),
            other => Err(format!("not welcome: {other:?}").into()),
        }
    };
    tokio::time::timeout(Duration::from_secs(10), greet).await?
}

/// A poll with two to four options.
fn poll(rng: &mut StdRng) -> NewPoll {
    let options = (1..=rng.random_range(2..5)).map(|n| format!("Option {n}")).collect();
    NewPoll { options, several: rng.random_bool(0.5), anonymous: rng.random_bool(0.5) }
}

/// A vote in the poll of a message; now and then one that is taken back.
fn vote(room: RoomId, message: &Message, rng: &mut StdRng) -> Command {
    let poll = message.poll.as_ref().expect("the message has a poll");
    let mut choices: Vec<u8> = (0..).zip(&poll.options).map(|(place, _)| place).collect();
    choices.retain(|_| rng.random_bool(0.4));
    choices.truncate(if poll.several { choices.len() } else { 1 });
    Command::Vote { room, seq: message.seq, choices }
}

/// Writes on the draft of a room, or clears it; now and then from a state that is no longer current.
fn draft(client: &Client, room: RoomId, rng: &mut StdRng) -> Command {
    let known = client.personal().drafts().iter().find(|draft| draft.room == room && draft.thread.is_none());
    let base = known.map(|draft| draft.rev).filter(|_| rng.random_bool(0.8)).unwrap_or_default();
    let body =
        if rng.random_bool(0.3) { String::new() } else { format!("writing {}", rng.random_range(0..99)) };
    Command::Draft { room, thread: None, base, body }
}

/// A group of people that the story makes, with a fifth of them in it.
pub const GROUP: &str = "deckhands";

/// Sometimes mentions a member of the room, everyone, or a group of people.
fn mention(client: &Client, room: RoomId, rng: &mut StdRng) -> String {
    let members: Vec<UserId> = client
        .room(room)
        .map(|room| room.active_members().map(|member| member.user).collect())
        .unwrap_or_default();
    let handle = members.choose(rng).and_then(|user| client.user(*user)).map(|user| user.handle.clone());
    match (rng.random_range(0..16), handle) {
        (0, _) => " @everyone".to_owned(),
        (1 | 2, Some(handle)) => format!(" @{handle}"),
        (3, _) => format!(" @{GROUP}"),
        _ => String::new(),
    }
}

/// A text that starts with its token, and is sometimes long, so that frames have all sizes.
fn text(token: Token, rng: &mut StdRng, long_share: f64) -> String {
    const WORDS: [&str; 12] = [
        "tide",
        "harbour",
        "boat",
        "noon",
        "rope",
        "明天见",
        "watch",
        "the",
        "of",
        "and",
        "👋",
        "lunch\nat one",
    ];
    let words =
        if rng.random_bool(long_share) { rng.random_range(200..420) } else { rng.random_range(1..14) };
    let mut text = token.to_string();
    for _ in 0..words {
        text.push(' ');
        text.push_str(WORDS[rng.random_range(0..WORDS.len())]);
    }
    text
}
