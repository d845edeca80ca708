//! Unanswered commands («questions»), and the frames that carry them.
//!
//! Law: apart from sends, marks and the user's requests, a question is not repeated while it is
//! open ([`Asks::is_asked`]).

use protocol::{Command, Direction, Line, Millis, Nonce, RoomId};

use crate::sorted::SortedMap;

/// The most unanswered user requests.
const REQUESTS_MAX: usize = 64;
/// How often a request that was too fast is retried automatically …
const REQUEST_TRIES_MAX: u32 = 3;
/// … unless the wait is longer than this. Then the user is told.
const REQUEST_WAIT_MS_MAX: i64 = 10_000;
/// State questions that were refused temporarily are retried while fewer than this are in flight.
const STATE_AT_ONCE: usize = 32;

/// Why a command was sent, and so what its answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    Hello,
    Ping,
    Marks,
    Send(Nonce),
    CatchUp(Line),
    Open(RoomId),
    Unread(RoomId),
    Around(RoomId),
    Quoted(RoomId),
    Members(RoomId),
    /// A page of the open thread.
    Thread(RoomId),
    History(RoomId, Direction),
    /// A page of the list of rooms, or a comparison of some rooms.
    Rooms,
    People,
    /// The viewer's saved and scheduled messages.
    Personal,
    Request,
}

impl Purpose {
    /// The room whose state is requested.
    fn room(self) -> Option<RoomId> {
        match self {
            Self::CatchUp(line) => line.room(),
            Self::Open(room)
            | Self::Unread(room)
            | Self::Around(room)
            | Self::Quoted(room)
            | Self::Members(room)
            | Self::Thread(room)
            | Self::History(room, _) => Some(room),
            Self::Hello
            | Self::Ping
            | Self::Marks
            | Self::Send(_)
            | Self::Rooms
            | Self::People
            | Self::Personal
            | Self::Request => None,
        }
    }

    fn is_asked_once(self) -> bool {
        !matches!(self, Self::Marks | Self::Send(_) | Self::Request)
    }

    /// Whether this is a part of the state that this client requests on its own.
    fn is_state(self) -> bool {
        matches!(
            self,
            Self::CatchUp(_)
                | Self::Open(_)
                | Self::Members(_)
                | Self::Quoted(_)
                | Self::Thread(_)
                | Self::Rooms
                | Self::People
                | Self::Personal
        )
    }
}

/// A request that was refused because it came too fast.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Again {
    /// When it is retried; `None` while it is in flight.
    at: Option<Millis>,
    tries: u32,
}

/// The open questions.
#[derive(Clone, Debug)]
pub(crate) struct Asks {
    open: SortedMap<u32, (Purpose, Command)>,
    once: SortedMap<Purpose, ()>,
    /// Questions that a server refused temporarily, with the time to retry.
    refused: SortedMap<Purpose, Millis>,
    /// No state is requested automatically before this time.
    not_before: Millis,
    requests: usize,
    again: SortedMap<u32, Again>,
    next_ref: u32,
    frames: Vec<u32>,
}

impl Default for Asks {
    fn default() -> Self {
        Self {
            open: SortedMap::new(),
            once: SortedMap::new(),
            refused: SortedMap::new(),
            not_before: 0,
            requests: 0,
            again: SortedMap::new(),
            next_ref: 1,
            frames: Vec::new(),
        }
    }
}

impl Asks {
    pub(crate) fn new_ref(&mut self) -> u32 {
        let r#ref = self.next_ref;
        self.next_ref = self.next_ref.wrapping_add(1).max(1);
        r#ref
    }

    /// Records a question and queues its frame.
    pub(crate) fn ask(&mut self, purpose: Purpose, command: Command) -> u32 {
        let r#ref = self.keep(purpose, command);
        self.frames.push(r#ref);
        r#ref
    }

    /// Records a question until there is a connection: see [`Self::ask_again`].
    pub(crate) fn keep(&mut self, purpose: Purpose, command: Command) -> u32 {
        let r#ref = self.new_ref();
        if purpose.is_asked_once() {
            self.once.insert(purpose, ());
        }
        self.requests += usize::from(purpose == Purpose::Request);
        self.open.insert(r#ref, (purpose, command));
        r#ref
    }

    /// The question that an answer belongs to. It is then no longer open.
    pub(crate) fn take(&mut self, r#ref: u32) -> Option<(Purpose, Command)> {
        let (purpose, command) = self.open.remove(&r#ref)?;
        self.once.remove(&purpose);
        self.again.remove(&r#ref);
        self.requests -= usize::from(purpose == Purpose::Request);
        Some((purpose, command))
    }

    pub(crate) fn is_asked(&self, purpose: Purpose) -> bool {
        self.once.contains_key(&purpose)
    }

    /// Whether a room is being opened.
    pub(crate) fn is_opening(&self) -> bool {
        self.once.keys().any(|purpose| matches!(purpose, Purpose::Open(_)))
    }

    /// Whether it was refused temporarily and will be retried.
    pub(crate) fn is_refused(&self, purpose: Purpose) -> bool {
        self.refused.contains_key(&purpose)
    }

    /// Whether it is neither open nor waiting for a retry.
    pub(crate) fn may_ask(&self, purpose: Purpose) -> bool {
        !self.is_asked(purpose) && !self.is_refused(purpose)
    }

    /// How many marks are in flight.
    pub(crate) fn marks(&self) -> usize {
        self.open.values().filter(|(purpose, _)| *purpose == Purpose::Marks).count()
    }

    /// Whether the user may make no more requests until some are answered.
    pub(crate) fn is_full(&self) -> bool {
        self.requests >= REQUESTS_MAX
    }

    /// The user's requests, in order.
    pub(crate) fn requests(&self) -> impl Iterator<Item = (u32, &Command)> {
        let is_request = |(_, (purpose, _)): &(&u32, &(Purpose, Command))| *purpose == Purpose::Request;
        self.open.iter().filter(is_request).map(|(r#ref, (_, command))| (*r#ref, command))
    }

    /// Schedules a retry at this time.
    pub(crate) fn refuse(&mut self, purpose: Purpose, again_at: Millis) {
        self.refused.insert(purpose, again_at);
    }

    /// A server refused a state question because the person's budget is empty. All such questions
    /// share one budget, so this client requests no more state on its own before this time.
    pub(crate) fn rest(&mut self, until: Millis) {
        self.not_before = self.not_before.max(until);
    }

    /// See [`Self::rest`].
    pub(crate) fn is_resting(&self, now: Millis) -> bool {
        now < self.not_before
    }

    /// The temporarily refused questions that may be retried now.
    pub(crate) fn take_due(&mut self, now: Millis) -> Vec<Purpose> {
        let on_their_way = self.once.keys().filter(|purpose| purpose.is_state()).count();
        let mut free = if self.is_resting(now) { 0 } else { STATE_AT_ONCE.saturating_sub(on_their_way) };
        let mut due = Vec::new();
        self.refused.retain(|purpose, at| {
            let is_due = *at <= now && (!purpose.is_state() || free > 0);
            if is_due {
                free -= usize::from(purpose.is_state());
                due.push(*purpose);
            }
            !is_due
        });
        due
    }

    /// A request came too fast: it stays open and is retried automatically. Returns false if
    /// retries have not helped so far, or if the wait would be too long.
    pub(crate) fn ask_later(&mut self, request: u32, wait_ms: i64, now: Millis) -> bool {
        if self.open.get(&request).is_none_or(|(purpose, _)| *purpose != Purpose::Request) {
            return false;
        }
        let again = self.again.get_or_insert(request, Again { at: None, tries: 0 });
        again.tries += 1;
        again.at = Some(now + wait_ms);
        again.tries <= REQUEST_TRIES_MAX && wait_ms <= REQUEST_WAIT_MS_MAX
    }

    /// Retries the requests that came too fast and have waited long enough.
    pub(crate) fn ask_waiting(&mut self, now: Millis) {
        for (request, again) in self.again.iter_mut() {
            if again.at.is_some_and(|at| at <= now) && self.open.contains_key(request) {
                again.at = None;
                self.frames.push(*request);
            }
        }
    }

    /// The viewer has left this room: drops all questions about it, and ignores answers in flight.
    pub(crate) fn forget_room(&mut self, room: RoomId) {
        let stays = |purpose: &Purpose| purpose.room() != Some(room);
        self.open.retain(|_, (purpose, _)| stays(purpose));
        self.once.retain(|purpose, ()| stays(purpose));
        self.refused.retain(|purpose, _| stays(purpose));
    }

    /// For a new socket: drops frames that were not written to the old one.
    pub(crate) fn clear_frames(&mut self) {
        self.frames.clear();
    }

    /// The connection is lost. The user's requests stay; the other questions are returned.
    pub(crate) fn disconnected(&mut self) -> Vec<(Purpose, Command)> {
        self.frames.clear();
        self.once.clear();
        self.refused.clear();
        self.again.clear();
        self.not_before = 0;
        let mut lost = Vec::new();
        for (r#ref, (purpose, command)) in std::mem::take(&mut self.open) {
            if purpose == Purpose::Request {
                self.open.insert(r#ref, (purpose, command));
            } else {
                lost.push((purpose, command));
            }
        }
        lost
    }

    /// Repeats the user's requests that were not answered on the last connection.
    pub(crate) fn ask_again(&mut self) {
        let is_new = |r#ref: &u32| !self.frames.contains(r#ref);
        let again: Vec<u32> = self.requests().map(|(r#ref, _)| r#ref).filter(is_new).collect();
        self.frames.extend(again);
    }

    /// The frames to send, in order, as `frame` makes them. What is no longer asked is not sent.
    pub(crate) fn take_frames<T>(&mut self, frame: impl Fn(u32, &Command) -> T) -> Vec<T> {
        let due = std::mem::take(&mut self.frames).into_iter();
        due.filter_map(|r#ref| self.open.get(&r#ref).map(|(_, command)| frame(r#ref, command))).collect()
    }
}
