//! The part of the viewer's list of rooms that is still to be fetched.
//!
//! The list comes in pages, the most recently active rooms first. Meanwhile rooms are joined, left,
//! and move to its front, so a page may miss a room or include one that has been left. So events
//! since the request of a page take precedence over the page, and before a known room that no page
//! included is dropped, the server is asked about it.

use protocol::{Command, RoomId, RoomSummary, RoomsAfter, Seq, limits::ROOMS_PAGE};

use crate::{room::RoomState, sorted::SortedMap};

/// The part of the list that has been fetched.
#[derive(Clone, Debug, Default)]
pub(crate) struct List {
    /// Whether every membership up to the cursor of the viewer's own line is known.
    complete: bool,
    /// Where the next page begins.
    after: Option<RoomsAfter>,
    /// The rooms that this list has included so far.
    named: SortedMap<RoomId, ()>,
    /// Rooms to compare. `true`: request the summary even if the head is the same.
    to_compare: SortedMap<RoomId, bool>,
    /// Rooms whose unread count only the server knows.
    miscounted: SortedMap<RoomId, ()>,
    /// Joined and left since the last request.
    joined: SortedMap<RoomId, ()>,
    left: SortedMap<RoomId, ()>,
}

impl List {
    /// The list of the HTML page.
    pub(crate) fn of_page(complete: bool) -> Self {
        Self { complete, ..Self::default() }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Restarts the list, with its first rooms.
    pub(crate) fn begin(&mut self, rooms: &[RoomSummary], more: bool) {
        *self = Self::default();
        self.page(rooms, more);
    }

    /// Adds the next rooms of the list. Returns whether that was the last page.
    pub(crate) fn page(&mut self, rooms: &[RoomSummary], more: bool) -> bool {
        self.named.extend(rooms.iter().map(|summary| (summary.room.id, ())));
        let last = rooms.last().map(|last| RoomsAfter { active_at: last.active_at, room: last.room.id });
        // Otherwise an empty page would be requested again and again.
        self.complete = !more || last.is_none();
        self.after = last.filter(|_| !self.complete);
        self.complete
    }

    /// Whether this list has included the room, or the viewer has joined it since.
    pub(crate) fn has_named(&self, room: RoomId) -> bool {
        self.named.contains_key(&room)
    }

    /// Requests the room's summary: with `anew` in any case, otherwise only if its head differs.
    pub(crate) fn compare(&mut self, room: RoomId, anew: bool) {
        *self.to_compare.get_or_insert(room, false) |= anew;
    }

    /// Only the server knows how much is unread in the room.
    pub(crate) fn miscounted(&mut self, room: RoomId) {
        self.miscounted.insert(room, ());
    }

    /// Requests the counts that only the server knows. Returns whether there are any.
    pub(crate) fn compare_miscounted(&mut self) -> bool {
        let rooms = std::mem::take(&mut self.miscounted);
        for room in rooms.keys() {
            self.compare(*room, true);
        }
        !rooms.is_empty()
    }

    pub(crate) fn joined(&mut self, room: RoomId) {
        self.left.remove(&room);
        self.joined.insert(room, ());
        self.named.insert(room, ());
    }

    pub(crate) fn left(&mut self, room: RoomId) {
        self.joined.remove(&room);
        self.named.remove(&room);
        self.to_compare.remove(&room);
        self.miscounted.remove(&room);
        self.left.insert(room, ());
    }

    pub(crate) fn has_left(&self, room: RoomId) -> bool {
        self.left.contains_key(&room)
    }

    /// The next request, if any: first the known rooms that may be stale, then the rest of the
    /// list.
    pub(crate) fn next(&mut self, rooms: &SortedMap<RoomId, RoomState>) -> Option<Command> {
        let due: Vec<(RoomId, bool)> =
            self.to_compare.iter().take(ROOMS_PAGE).map(|(room, anew)| (*room, *anew)).collect();
        if due.is_empty() && self.complete {
            return None;
        }
        self.joined.clear();
        self.left.clear();
        if due.is_empty() {
            return Some(Command::ListRooms { after: self.after });
        }
        let mut known = Vec::new();
        for (room, anew) in due {
            self.to_compare.remove(&room);
            let cursor = rooms.get(&room).filter(|_| !anew).map_or(Seq::ZERO, RoomState::cursor);
            known.push((room, cursor));
        }
        Some(Command::CompareRooms { known })
    }

    /// The rooms that the viewer has left: those whose summary was requested in any case, that are
    /// not in the answer, and that have not been joined meanwhile.
    pub(crate) fn missing(&self, known: &[(RoomId, Seq)], rooms: &[RoomSummary]) -> Vec<RoomId> {
        let is_missing = |(room, seq): &&(RoomId, Seq)| {
            seq.is_zero()
                && !self.joined.contains_key(room)
                && !rooms.iter().any(|summary| summary.room.id == *room)
        };
        known.iter().filter(is_missing).map(|(room, _)| *room).collect()
    }

    /// Restores a request that was not answered.
    pub(crate) fn unanswered(&mut self, command: &Command) {
        if let Command::CompareRooms { known } = command {
            for (room, seq) in known {
                self.compare(*room, seq.is_zero());
            }
        }
    }
}
