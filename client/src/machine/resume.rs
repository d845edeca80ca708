//! How a connection begins: compares `welcome` with the known state.

use std::{cmp::Reverse, collections::VecDeque};

use protocol::{Command, Epoch, ErrorCode, Line, RoomId, RoomSummary, RoomView, Seq, User};

use super::{Answer, Client};
use crate::{
    line::{Feed, OnLine},
    list::List,
    people::People,
    personal::Personal,
    room::RoomState,
    sorted::{SortedSet, sort_by},
};

/// The most rooms that wait to be prefetched, one after the other: the unread ones after
/// connecting, and those that the user may open next.
pub(super) const AHEAD_MAX: usize = 20;

/// The content of `welcome`.
pub(super) struct Welcome {
    pub(super) me: User,
    pub(super) node: String,
    pub(super) epoch: Epoch,
    pub(super) person: Seq,
    pub(super) workspace: Seq,
    pub(super) rooms: Vec<RoomSummary>,
    pub(super) more: bool,
    pub(super) people: Vec<User>,
}

impl Client {
    pub(super) fn welcomed(&mut self, welcome: Welcome) {
        let Welcome { me, node, epoch, person, workspace, rooms, more, people } = welcome;
        if self.me.as_ref().is_some_and(|known| known.id != me.id) {
            // This is someone else. They must not send what was written here, and this page must
            // not show their data, so it never goes live.
            self.stranger = Some(me);
            self.touched.link = true;
            return;
        }
        if self.epoch.replace(epoch).is_some_and(|known| known != epoch) {
            self.begin_again();
        }
        self.meet(vec![me.clone()]);
        self.me = self.user(me.id).cloned().or(Some(me));
        self.meet(people);
        self.node = node;
        self.connection.greeted();
        self.refused_hello = None;
        self.follow_workspace(workspace);
        let is_listed =
            self.list.is_complete() && self.person.begun && self.person.state().cursor() <= person;
        if is_listed {
            self.person.line().raise_head(person);
            self.compare_others(&rooms);
        } else {
            if self.person.state().cursor() > person {
                // These numbers may be reused.
                self.personal = Personal::default();
                self.touch_personal();
                self.rooms.iter_mut().for_each(|(_, room)| room.summary.unread_rev = Seq::ZERO);
            }
            self.personal.ask_again();
            // The whole list is fetched, and with it every membership up to this number.
            self.person = Feed::at(person);
            self.list.begin(&rooms, more);
            if self.list.is_complete() {
                self.check_unnamed();
            }
        }
        for summary in rooms {
            self.relist(summary);
        }
        self.resume();
        self.asks.ask_again();
        self.touched.list = true;
        self.touched.link = true;
        self.touched.timelines.extend(self.focused);
        self.touched.members.extend(self.focused);
    }

    /// The database was restored, so numbers may have been reused. A command that refers to an old
    /// number might hit another message.
    fn begin_again(&mut self) {
        self.touched.rooms.extend(self.rooms.keys().copied());
        self.rooms.clear();
        self.marks.clear();
        self.holes.clear();
        self.people = People::default();
        self.personal = Personal::default();
        self.groups = None;
        self.touch_personal();
        (self.person, self.workspace) = (Feed::default(), Feed::default());
        self.list = List::default();
        let open: Vec<u32> = self.asks.requests().map(|(request, _)| request).collect();
        for request in open {
            self.asks.take(request);
            self.answers.push(Answer { request, result: Err(ErrorCode::Internal.into()) });
        }
    }

    fn follow_workspace(&mut self, head: Seq) {
        if !self.workspace.begun || head < self.workspace.state().cursor() {
            if self.workspace.begun {
                self.people.forget_revs();
            }
            self.workspace = Feed::at(head);
        } else {
            self.workspace.line().raise_head(head);
        }
    }

    /// Asks which of the rooms that are not in `welcome` have moved since this client last heard of
    /// them. (The viewer's own line says which of them they have left.)
    fn compare_others(&mut self, named: &[RoomSummary]) {
        let mut here = SortedSet::default();
        here.extend(named.iter().map(|summary| summary.room.id));
        for (room, state) in self.rooms.iter().filter(|(room, _)| !here.contains(room)) {
            // The person may have read an unread room on another device, which does not move its
            // head.
            self.list.compare(*room, state.summary.unread > 0);
        }
    }

    /// First the visible room, then the lines that moved, then prefetches the unread rooms, because
    /// a message counts as delivered to this device only once it is here.
    fn resume(&mut self) {
        for (_, state) in self.rooms.iter_mut() {
            state.set_stale(true);
        }
        if let Some(focused) = self.focused.filter(|id| self.rooms.contains_key(id)) {
            match self.rooms[&focused].timeline {
                None => self.ask_open(focused),
                Some(_) => self.catch_up_if_behind(Line::Room(focused)),
            }
        }
        let mut lines: Vec<Line> = self.me.iter().map(|me| Line::Person(me.id)).collect();
        lines.push(Line::Workspace);
        let opened = self.rooms.iter().filter(|(_, room)| room.timeline.is_some());
        lines.extend(opened.map(|(id, _)| Line::Room(*id)));
        for line in lines {
            self.catch_up_if_behind(line);
        }
        let mut unread: Vec<(Reverse<i64>, RoomId)> = self
            .rooms
            .iter()
            .filter(|(id, room)| {
                room.timeline.is_none() && room.summary.unread > 0 && Some(**id) != self.focused
            })
            .map(|(id, room)| (Reverse(room.summary.active_at), *id))
            .collect();
        sort_by(&mut unread, Ord::cmp);
        self.ahead = unread.into_iter().take(AHEAD_MAX).map(|(_, room)| room).collect::<VecDeque<_>>();
        let here: Vec<RoomId> = self.rooms.keys().copied().collect();
        for room in here {
            self.confirm(room);
        }
    }

    pub(super) fn catch_up_if_behind(&mut self, line: Line) {
        if self.on_line(line).is_some_and(|on| on.line().is_behind()) {
            self.ask_catch_up(line);
        }
    }

    /// A part of the list arrived: a page, or compared rooms.
    pub(super) fn listed(&mut self, command: &Command, rooms: Vec<RoomSummary>, more: bool) {
        if let Command::CompareRooms { known } = command {
            for room in self.list.missing(known, &rooms) {
                self.left(room);
            }
        } else if self.list.page(&rooms, more) {
            self.check_unnamed();
        }
        for summary in rooms {
            let room = summary.room.id;
            if self.list.has_left(room) {
                continue;
            }
            self.relist(summary);
            if self.focused == Some(room) && self.rooms[&room].timeline.is_none() {
                self.ask_open(room);
            } else if self.rooms[&room].timeline.is_some() {
                self.catch_up_if_behind(Line::Room(room));
            }
        }
    }

    /// The list is complete: asks about known rooms that are not in it. Those that the viewer has
    /// left are dropped.
    fn check_unnamed(&mut self) {
        let rooms = self.rooms.keys().copied();
        let unnamed: Vec<RoomId> = rooms.filter(|room| !self.list.has_named(*room)).collect();
        for room in unnamed {
            self.list.compare(room, true);
        }
    }

    pub(super) fn opened(&mut self, mut view: RoomView) {
        let room = view.summary.room.id;
        let head = self.rooms.get(&room).map(|state| state.summary.head);
        self.meet(std::mem::take(&mut view.people));
        match self.rooms.get_mut(&room) {
            Some(state) => state.open(view),
            None => self.insert_room(room, RoomState::opened(view).in_groups(&self.groups)),
        }
        self.want_shown(room);
        // The answer may lack changes made after the server read it.
        if head.is_some_and(|head| head > self.rooms[&room].cursor()) {
            self.ask_catch_up(Line::Room(room));
        }
        self.after_change(room);
    }
}
