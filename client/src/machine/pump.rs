//! What is sent, and when.

use protocol::{Command, Line, Millis, RoomId};

use super::Client;
use crate::{asks::Purpose, line::OnLine, outbox::Pending, room::RoomState};

/// The shortest interval between requests for counts that only the server knows: the server's marks
/// lag by a second.
const COUNTS_EVERY_MS: i64 = 2_000;

impl Client {
    /// Sends a question, if there is a connection and the same question is not open.
    pub(super) fn ask_once(&mut self, purpose: Purpose, command: Command) {
        if self.connection.is_live() && !self.asks.is_asked(purpose) {
            self.asks.ask(purpose, command);
        }
    }

    pub(super) fn ask_open(&mut self, room: RoomId) {
        self.ask_once(Purpose::Open(room), Command::Open { room });
    }

    pub(super) fn ask_catch_up(&mut self, line: Line) {
        let is_opened = line.room().is_some_and(|room| self.asks.is_asked(Purpose::Open(room)));
        if let Some(after) = self.on_line(line).map(|on| on.line().cursor()).filter(|_| !is_opened) {
            self.ask_once(Purpose::CatchUp(line), Command::CatchUp { line, after });
        }
    }

    /// The owner of a line, if this client has it.
    pub(super) fn on_line(&mut self, line: Line) -> Option<&mut dyn OnLine> {
        match line {
            Line::Room(room) => self.rooms.get_mut(&room).map(|room| room as &mut dyn OnLine),
            Line::Person(user) => {
                let is_mine = self.me.as_ref().is_some_and(|me| me.id == user);
                is_mine.then_some(&mut self.person as &mut dyn OnLine)
            }
            Line::Workspace => Some(&mut self.workspace),
        }
    }

    /// Queues everything that may be sent now.
    pub(super) fn pump(&mut self, now: Millis) {
        if !self.connection.is_live() {
            return;
        }
        for pending in self.outbox.due(now) {
            self.touched.outbox = true;
            let files = pending.attachments();
            let Pending { nonce, room, body, reply_to, thread, in_room, forward, poll, .. } = pending;
            let send = Command::Send { room, nonce, body, reply_to, thread, in_room, forward, poll, files };
            self.asks.ask(Purpose::Send(nonce), send);
        }
        for command in self.marks.due(self.asks.marks(), now) {
            self.asks.ask(Purpose::Marks, command);
        }
        self.asks.ask_waiting(now);
        self.pump_refused(now);
        if self.asks.is_resting(now) {
            return;
        }
        self.pump_holes(now);
        self.pump_members();
        self.pump_thread();
        self.pump_quotes();
        self.pump_people();
        self.pump_personal();
        self.pump_list(now);
        self.pump_ahead();
    }

    fn pump_holes(&mut self, now: Millis) {
        let lines: Vec<Line> = self.holes.keys().copied().collect();
        for line in lines {
            let Some(on) = self.on_line(line) else {
                self.holes.remove(&line);
                continue;
            };
            let state = on.line();
            if state.held_since().is_none() {
                self.holes.remove(&line);
            } else if state.needs_catch_up(now) && self.asks.may_ask(Purpose::CatchUp(line)) {
                self.ask_catch_up(line);
            }
        }
    }

    /// Retries what a server refused temporarily.
    fn pump_refused(&mut self, now: Millis) {
        for purpose in self.asks.take_due(now) {
            match purpose {
                Purpose::Open(room) => self.ask_open(room),
                Purpose::CatchUp(line) => self.ask_catch_up(line),
                Purpose::History(room, direction) => self.load_more(room, direction),
                // `pump` requests these itself, if they are still needed.
                Purpose::Members(_)
                | Purpose::Quoted(_)
                | Purpose::Thread(_)
                | Purpose::Rooms
                | Purpose::People
                | Purpose::Personal => {}
                // These are never recorded as refused: other code decides when to send them again.
                Purpose::Hello
                | Purpose::Ping
                | Purpose::Marks
                | Purpose::Send(_)
                | Purpose::Unread(_)
                | Purpose::Around(_)
                | Purpose::Request => {}
            }
        }
    }

    /// Others' marks are not numbered, so this requests those missed while away, for the room on
    /// the screen.
    fn pump_members(&mut self) {
        let Some(room) = self.focused else { return };
        let purpose = Purpose::Members(room);
        if self.rooms.get(&room).is_some_and(RoomState::is_stale) && self.asks.may_ask(purpose) {
            self.asks.ask(purpose, Command::Members { room, query: String::new(), after: None });
        }
    }

    /// Asks for the thread that is open beside the room on the screen.
    fn pump_thread(&mut self) {
        let Some(room) = self.focused.filter(|room| self.asks.may_ask(Purpose::Thread(*room))) else {
            return;
        };
        let thread = self.rooms.get(&room).and_then(|state| state.thread.as_ref());
        if let Some(thread) = thread.filter(|thread| !thread.is_loaded()) {
            let (root, before) = (thread.root(), thread.begins_before());
            self.asks.ask(Purpose::Thread(room), Command::Thread { room, root, before });
        }
    }

    /// Asks for what is quoted in the room on the screen and not known.
    fn pump_quotes(&mut self) {
        let Some(room) = self.focused.filter(|room| self.asks.may_ask(Purpose::Quoted(*room))) else {
            return;
        };
        let seqs = self.rooms.get(&room).map(RoomState::missing_quotes).unwrap_or_default();
        if !seqs.is_empty() {
            self.asks.ask(Purpose::Quoted(room), Command::Previews { room, seqs });
        }
    }

    fn pump_people(&mut self) {
        if self.people.are_wanted() && self.asks.may_ask(Purpose::People) {
            let users = self.people.take_wanted();
            self.asks.ask(Purpose::People, Command::People { users });
        }
    }

    /// Requests the saved and scheduled messages, once, after the room on the screen.
    fn pump_personal(&mut self) {
        let is_opening = self.focused.is_some_and(|room| self.asks.is_asked(Purpose::Open(room)));
        if !self.personal.is_known() && !is_opening && self.asks.may_ask(Purpose::Personal) {
            self.asks.ask(Purpose::Personal, Command::Personal {});
        }
    }

    /// Requests the rest of the list after the room on the screen, one page at a time.
    fn pump_list(&mut self, now: Millis) {
        let waits = self.focused.is_some_and(|room| {
            self.asks.is_asked(Purpose::Open(room)) || self.asks.is_asked(Purpose::CatchUp(Line::Room(room)))
        });
        if waits || !self.asks.may_ask(Purpose::Rooms) {
            return;
        }
        let is_rested = self.counted_at.is_none_or(|at| now - at >= COUNTS_EVERY_MS);
        if is_rested && self.list.compare_miscounted() {
            self.counted_at = Some(now);
        }
        if let Some(command) = self.list.next(&self.rooms) {
            self.asks.ask(Purpose::Rooms, command);
        }
    }

    fn pump_ahead(&mut self) {
        while !self.asks.is_opening()
            && let Some(room) = self.ahead.pop_front()
        {
            // It may have been opened meanwhile.
            if self.rooms.get(&room).is_some_and(|state| state.timeline.is_none()) {
                self.ask_open(room);
            }
        }
    }
}
