//! What was asked of a server and is not answered yet, and the frames that ask.
//!
//! Law: everything but sends, marks and the person's requests is asked once at a time ([`Asks::is_asked`]).

use protocol::{ClientFrame, Command, Direction, Line, Millis, Nonce, RoomId};

use crate::sorted::SortedMap;

/// Requests of the person that wait for an answer, at most.
const REQUESTS_MAX: usize = 64;

/// Why a command was sent: what its answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    Hello,
    Ping,
    Marks,
    Send(Nonce),
    CatchUp(Line),
    Open(RoomId),
    Unread(RoomId),
    Members(RoomId),
    History(RoomId, Direction),
    /// A page of the list of rooms, or some rooms of it compared.
    Rooms,
    People,
    Request,
}

impl Purpose {
    /// The room of which a state is asked for.
    fn room(self) -> Option<RoomId> {
        match self {
            Self::CatchUp(line) => line.room(),
            Self::Open(room) | Self::Unread(room) | Self::Members(room) | Self::History(room, _) => {
                Some(room)
            }
            Self::Hello
            | Self::Ping
            | Self::Marks
            | Self::Send(_)
            | Self::Rooms
            | Self::People
            | Self::Request => None,
        }
    }

    fn is_asked_once(self) -> bool {
        !matches!(self, Self::Marks | Self::Send(_) | Self::Request)
    }
}

/// The questions without an answer.
#[derive(Clone, Debug)]
pub(crate) struct Asks {
    open: SortedMap<u32, (Purpose, Command)>,
    once: SortedMap<Purpose, ()>,
    /// What a server refused for now, with the time to ask again.
    refused: SortedMap<Purpose, Millis>,
    requests: usize,
    next_ref: u32,
    frames: Vec<ClientFrame>,
}

impl Default for Asks {
    fn default() -> Self {
        Self {
            open: SortedMap::new(),
            once: SortedMap::new(),
            refused: SortedMap::new(),
            requests: 0,
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

    /// Keeps a question and hands its frame to the socket.
    pub(crate) fn ask(&mut self, purpose: Purpose, command: Command) -> u32 {
        let r#ref = self.keep(purpose, command.clone());
        self.frames.push(ClientFrame { r#ref, command });
        r#ref
    }

    /// Keeps a question until there is a connection: see [`Self::ask_again`].
    pub(crate) fn keep(&mut self, purpose: Purpose, command: Command) -> u32 {
        let r#ref = self.new_ref();
        if purpose.is_asked_once() {
            self.once.insert(purpose, ());
        }
        self.requests += usize::from(purpose == Purpose::Request);
        self.open.insert(r#ref, (purpose, command));
        r#ref
    }

    /// The question of an answer; it is open no longer.
    pub(crate) fn take(&mut self, r#ref: u32) -> Option<(Purpose, Command)> {
        let (purpose, command) = self.open.remove(&r#ref)?;
        self.once.remove(&purpose);
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

    /// Not asked, and not refused for now.
    pub(crate) fn may_ask(&self, purpose: Purpose) -> bool {
        !self.is_asked(purpose) && !self.refused.contains_key(&purpose)
    }

    /// As many requests of the person are open as may be.
    pub(crate) fn is_full(&self) -> bool {
        self.requests >= REQUESTS_MAX
    }

    /// The person's requests, in the order of asking.
    pub(crate) fn requests(&self) -> impl Iterator<Item = (u32, &Command)> {
        let is_request = |(_, (purpose, _)): &(&u32, &(Purpose, Command))| *purpose == Purpose::Request;
        self.open.iter().filter(is_request).map(|(r#ref, (_, command))| (*r#ref, command))
    }

    /// To be asked again at this time.
    pub(crate) fn refuse(&mut self, purpose: Purpose, again_at: Millis) {
        self.refused.insert(purpose, again_at);
    }

    /// What was refused for now and may be asked again.
    pub(crate) fn take_due(&mut self, now: Millis) -> Vec<Purpose> {
        let due = |(_, at): &(&Purpose, &Millis)| **at <= now;
        let due: Vec<Purpose> = self.refused.iter().filter(due).map(|(purpose, _)| *purpose).collect();
        for purpose in &due {
            self.refused.remove(purpose);
        }
        due
    }

    /// One is no longer in this room: nothing of it is asked again, and what is on its way is not taken over.
    pub(crate) fn forget_room(&mut self, room: RoomId) {
        let stays = |purpose: &Purpose| purpose.room() != Some(room);
        self.open.retain(|_, (purpose, _)| stays(purpose));
        self.once.retain(|purpose, ()| stays(purpose));
        self.refused.retain(|purpose, _| stays(purpose));
    }

    /// A new socket: what was not written to the old one is not written to this one.
    pub(crate) fn clear_frames(&mut self) {
        self.frames.clear();
    }

    /// The connection is gone. The person's requests stay; the other questions are handed back.
    pub(crate) fn disconnected(&mut self) -> Vec<(Purpose, Command)> {
        self.frames.clear();
        self.once.clear();
        self.refused.clear();
        let mut lost = Vec::new();
        self.open.retain(|_, (purpose, command)| {
            let stays = *purpose == Purpose::Request;
            if !stays {
                lost.push((*purpose, command.clone()));
            }
            stays
        });
        lost
    }

    /// Asks the person's requests again that the last connection did not answer.
    pub(crate) fn ask_again(&mut self) {
        let is_new = |r#ref: u32| !self.frames.iter().any(|frame| frame.r#ref == r#ref);
        let again: Vec<ClientFrame> = self
            .requests()
            .filter(|(r#ref, _)| is_new(*r#ref))
            .map(|(r#ref, command)| ClientFrame { r#ref, command: command.clone() })
            .collect();
        self.frames.extend(again);
    }

    /// The frames to send, in order.
    pub(crate) fn take_frames(&mut self) -> Vec<ClientFrame> {
        std::mem::take(&mut self.frames)
    }
}
