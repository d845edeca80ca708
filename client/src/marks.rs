//! The viewer's own marks on their way to the server: what this device has received, and what the
//! user has read.

use protocol::{Command, Marks, Millis, RoomId, Seq};

use crate::sorted::SortedMap;

/// The shortest interval between marks of one room.
const MARKS_EVERY_MS: i64 = 1_000;
/// The most marks in flight.
const MARKS_AT_ONCE: usize = 64;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Waiting {
    delivered: Option<Seq>,
    read: Option<Seq>,
    sent_at: Option<Millis>,
}

/// The marks that are still to be sent, by room.
#[derive(Clone, Debug, Default)]
pub(crate) struct MarksQueue {
    waiting: SortedMap<RoomId, Waiting>,
    /// Nothing is sent before this time.
    not_before: Millis,
}

impl MarksQueue {
    fn waiting_in(&mut self, room: RoomId) -> &mut Waiting {
        self.waiting.get_or_insert(room, Waiting::default())
    }

    /// This device has everything up to here.
    pub(crate) fn delivered(&mut self, room: RoomId, seq: Seq) {
        let waiting = self.waiting_in(room);
        waiting.delivered = waiting.delivered.max(Some(seq));
    }

    /// The user has read everything up to here.
    pub(crate) fn read(&mut self, room: RoomId, seq: Seq) {
        let waiting = self.waiting_in(room);
        waiting.read = waiting.read.max(Some(seq));
    }

    /// Resends the viewer's own marks that are ahead of the server's.
    pub(crate) fn send_again(&mut self, room: RoomId, own: Marks, theirs: Marks) {
        if own.read > theirs.read {
            self.read(room, own.read);
        }
        if own.delivered > theirs.delivered {
            self.delivered(room, own.delivered);
        }
    }

    /// Restores a command that was not answered before the connection was lost.
    pub(crate) fn unanswered(&mut self, command: &Command) {
        if let Command::Read { room, seq } = command {
            self.read(*room, *seq);
        } else if let Command::Delivered { room, seq } = command {
            self.delivered(*room, *seq);
        }
    }

    pub(crate) fn forget(&mut self, room: RoomId) {
        self.waiting.remove(&room);
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// A server refused marks temporarily.
    pub(crate) fn rest(&mut self, until: Millis) {
        self.not_before = self.not_before.max(until);
    }

    /// The connection is lost, and with it the wait that its server requested.
    pub(crate) fn disconnected(&mut self) {
        self.not_before = 0;
    }

    /// What may be sent now, with this many already in flight. It then counts as sent.
    pub(crate) fn due(&mut self, on_their_way: usize, now: Millis) -> Vec<Command> {
        let mut due = Vec::new();
        if now < self.not_before {
            return due;
        }
        self.waiting.retain(|room, waiting| {
            // The others follow when some of these are answered.
            if on_their_way + due.len() >= MARKS_AT_ONCE {
                return true;
            }
            let rested = waiting.sent_at.is_none_or(|at| now - at >= MARKS_EVERY_MS);
            let (delivered, read) = (waiting.delivered, waiting.read);
            if !rested || (delivered.is_none() && read.is_none()) {
                // Drops idle rooms with nothing to send.
                return !rested;
            }
            *waiting = Waiting { sent_at: Some(now), ..Waiting::default() };
            due.extend(read.map(|seq| Command::Read { room: *room, seq }));
            // A read message counts as delivered.
            let delivered = delivered.filter(|delivered| Some(*delivered) > read);
            due.extend(delivered.map(|seq| Command::Delivered { room: *room, seq }));
            true
        });
        due
    }
}
