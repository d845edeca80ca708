//! Events from servers.

use protocol::{
    Change, Draft, Event, Following, InGroup, Line, Message, Millis, Poll, RoomId, RoomSummary, Saved,
    Scheduled, Seq, Unread, limits::MARKS_MEMBERS_MAX,
};

use super::Client;
use crate::{
    line::{self, Applied},
    room::RoomState,
};

impl Client {
    pub(super) fn happened(&mut self, event: Event, now: Millis) {
        match event {
            Event::Change { line, seq, change, people } => {
                self.meet(people);
                self.changed(line, seq, change, now);
            }
            Event::Changes { line, after, changes, through, people } => {
                self.meet(people);
                self.repaired(line, after, changes, through, now);
            }
            Event::Marks { room, marks } => {
                if self.rooms.get_mut(&room).is_some_and(|state| state.put_marks(marks)) {
                    self.touched.members.insert(room);
                    if self.me.as_ref().is_some_and(|me| me.id == marks.user) {
                        self.touch_room(room);
                    }
                }
            }
            Event::ComeBack { .. } | Event::Unknown => {}
        }
    }

    fn changed(&mut self, line: Line, seq: Seq, change: Change, now: Millis) {
        self.want_named(&change);
        if let Line::Room(room) = line {
            self.changed_in(room, seq, change, now);
            return;
        }
        let Some(on) = self.on_line(line) else { return };
        match line::apply(on, seq, change, now) {
            Applied::Yes => self.apply_ready(),
            Applied::Held => drop(self.holes.insert(line, ())),
            Applied::Known => {}
        }
    }

    fn changed_in(&mut self, room: RoomId, seq: Seq, change: Change, now: Millis) {
        let Some(state) = self.rooms.get_mut(&room) else {
            self.heard_of(room);
            return;
        };
        let me = state.summary.marks.user;
        let said = change.message();
        let news = said.filter(|message| message.author != me && message.seq == seq).cloned();
        if let Some(own) = said.filter(|message| message.author == me) {
            // The event may overtake the reply. From here on the message is a stored one.
            self.touched.outbox |= self.outbox.acknowledge(own.nonce);
        }
        match state.apply(seq, change, now) {
            Applied::Yes => self.has_news(room, news.into_iter().collect()),
            Applied::Held => drop(self.holes.insert(Line::Room(room), ())),
            Applied::Known => {}
        }
    }

    fn repaired(&mut self, line: Line, after: Seq, changes: Vec<(Seq, Change)>, through: Seq, now: Millis) {
        for (_, change) in &changes {
            self.want_named(change);
        }
        let Line::Room(room) = line else {
            let Some(on) = self.on_line(line) else { return };
            match line::repaired(on, after, changes, through, now) {
                Applied::Yes => self.apply_ready(),
                Applied::Held => drop(self.holes.insert(line, ())),
                Applied::Known => {}
            }
            return;
        };
        let Some(state) = self.rooms.get_mut(&room) else {
            self.heard_of(room);
            return;
        };
        let me = state.summary.marks.user;
        let cursor = state.cursor();
        // A message that has changed since it was sent is still new if its `seq` is after our
        // position.
        let is_news = |m: &&Message| m.author != me && m.seq > cursor && !m.deleted;
        let said = changes.iter().filter_map(|(_, change)| change.message());
        let news: Vec<Message> = said.filter(is_news).cloned().collect();
        match state.repaired(after, changes, through, now) {
            Applied::Yes => self.has_news(room, news),
            Applied::Held => drop(self.holes.insert(line, ())),
            Applied::Known => {}
        }
    }

    /// A room has changed by an event.
    fn has_news(&mut self, room: RoomId, news: Vec<Message>) {
        // This device has received it, even if the room has not been opened.
        if !news.is_empty() {
            self.deliver(room);
        }
        self.touched.news.extend(news.into_iter().map(|message| (room, message)));
        self.after_change(room);
    }

    /// An event arrived for a room that is not in the list. It may have moved to the front while
    /// the list was being fetched.
    fn heard_of(&mut self, room: RoomId) {
        if self.connection.is_live() && !self.list.has_left(room) {
            self.list.compare(room, true);
        }
    }

    /// Confirms that this device has everything in the room up to the cursor, if there is a message
    /// to confirm. Does nothing in a large room, where nobody is told.
    fn deliver(&mut self, room: RoomId) {
        if let Some(state) = self.rooms.get(&room)
            && state.summary.members as usize <= MARKS_MEMBERS_MAX
            && state.summary.last.as_ref().is_some_and(|last| last.seq > state.summary.marks.delivered)
        {
            self.marks.delivered(room, state.cursor());
        }
    }

    /// The same, only for a room that has been opened.
    pub(super) fn confirm(&mut self, room: RoomId) {
        if self.rooms.get(&room).is_some_and(|state| state.timeline.is_some()) {
            self.deliver(room);
        }
    }

    pub(super) fn after_change(&mut self, room: RoomId) {
        if let Some(read) = self.rooms.get_mut(&room).and_then(RoomState::take_read_by_writing) {
            self.marks.read(room, read);
        }
        let heard = self.rooms.get_mut(&room).map(RoomState::take_heard).unwrap_or_default();
        for (root, reply) in heard {
            self.touched.personal |= self.personal.heard(room, root, reply);
        }
        if self.rooms.get(&room).is_some_and(|state| state.summary.room.deleted) {
            // The end of the membership follows. Applying this first would show a room without a
            // name.
            self.left(room);
            return;
        }
        self.confirm(room);
        self.touch_room(room);
        self.touched.timelines.insert(room);
        self.touched.members.insert(room);
    }

    /// Applies the changes of the person's own line and the workspace's, which are in order now.
    pub(super) fn apply_ready(&mut self) {
        let mut ready = self.person.take_ready();
        ready.append(&mut self.workspace.take_ready());
        for change in ready {
            match change {
                Change::Membership { room, summary: Some(summary) } => {
                    debug_assert_eq!(room, summary.room.id);
                    self.joined(*summary);
                }
                Change::Membership { room, summary: None } => self.left(room),
                Change::Profile { user } => self.meet(vec![user]),
                Change::Saved { saved: Saved { rev, .. } }
                | Change::Scheduled { scheduled: Scheduled { rev, .. } }
                | Change::Following { following: Following { rev, .. } }
                | Change::InGroup { in_group: InGroup { rev, .. } }
                | Change::Draft { draft: Draft { rev, .. } } => {
                    self.put_personal(rev, change);
                }
                Change::Unread { unread } => self.put_unread(unread),
                Change::Vote { vote } => {
                    if let Some(state) = self.rooms.get_mut(&vote.room) {
                        let room = vote.room;
                        state.put_poll(vote.message, Poll::of_vote(vote));
                        self.touched.timelines.insert(room);
                    }
                }
                // An older server told it: it may have been one of those.
                Change::Unknown => self.personal.ask_again(),
                Change::Sessions {}
                | Change::Message { .. }
                | Change::Reaction { .. }
                | Change::Pin { .. }
                | Change::Poll { .. }
                | Change::Member { .. }
                | Change::Room { .. } => {}
            }
        }
    }

    /// The lines of people and rooms know no common order: a reply may have come before the change that says that its thread is
    /// followed, and is not in it.
    pub(super) fn raise_last(&self, change: &mut Change) {
        if let Change::Following { following } = change {
            let known = self.rooms.get(&following.room).and_then(|state| state.last_reply(following.root));
            following.last = known.map_or(following.last, |last| last.max(following.last));
        }
    }

    /// Something that the viewer saved or scheduled, from their line or from the answer to a command.
    pub(super) fn put_personal(&mut self, seq: Seq, mut change: Change) {
        self.raise_last(&mut change);
        if self.personal.put(seq, change) {
            self.touch_personal();
            self.regroup();
        }
    }

    /// A room that the viewer marked unread, or in which they have read on.
    pub(super) fn put_unread(&mut self, unread: Unread) {
        let room = unread.room;
        let Some(state) = self.rooms.get_mut(&room) else {
            // A page of the list that was read before may still be on its way.
            self.heard_of(room);
            return;
        };
        if state.put_unread(unread) {
            self.touch_room(room);
            self.touched.timelines.insert(room);
            // It may hide or show what is new in threads.
            self.touched.personal = true;
        }
    }

    /// The viewer may be in other groups than before: mentions of those count.
    pub(super) fn regroup(&mut self) {
        let Some(groups) = self.personal.groups() else { return };
        if self.groups.as_deref() == Some(&groups) {
            return;
        }
        self.groups = Some(groups.into());
        let rooms: Vec<RoomId> = self.rooms.keys().copied().collect();
        for room in rooms {
            if self.rooms.get_mut(&room).is_some_and(|state| state.regroup(&self.groups)) {
                self.touch_room(room);
            }
        }
        self.touched.timelines.extend(self.focused);
    }

    /// The viewer is in a room.
    pub(super) fn joined(&mut self, summary: RoomSummary) {
        let room = summary.room.id;
        self.leaving.retain(|id| *id != room);
        self.list.joined(room);
        self.relist(summary);
        let is_shown = self.focused == Some(room) && self.rooms[&room].timeline.is_none();
        if is_shown {
            self.ask_open(room);
        } else if self.connection.is_live() {
            // Changes after the summary was made and before the server followed the room have no
            // event.
            self.ask_catch_up(Line::Room(room));
        }
    }

    /// The viewer has left a room: drops everything that is known of it.
    pub(super) fn left(&mut self, room: RoomId) {
        self.rooms.remove(&room);
        self.marks.forget(room);
        self.ahead.retain(|id| *id != room);
        self.leaving.retain(|id| *id != room);
        self.holes.remove(&Line::Room(room));
        self.asks.forget_room(room);
        self.list.left(room);
        self.touched.list = true;
        self.touched.rooms.insert(room);
        self.touched.timelines.insert(room);
        self.touched.members.insert(room);
    }

    /// Applies a room's entry in the list.
    pub(super) fn relist(&mut self, summary: RoomSummary) {
        let room = summary.room.id;
        for user in summary.peer.iter().chain(summary.last.iter().map(|last| &last.author)) {
            self.people.want(*user);
        }
        match self.rooms.get_mut(&room) {
            Some(state) => {
                // Marks that were in flight when the connection was lost must be sent again.
                self.marks.send_again(room, state.summary.marks, summary.marks);
                // A room that is only a line in the list does not catch up, so its threads may have replies that nobody told.
                let missed = state.timeline.is_none() && summary.head > state.cursor();
                if missed && self.personal.followed().any(|thread| thread.room == room) {
                    self.personal.ask_again();
                }
                state.relist(summary);
            }
            None => {
                self.insert_room(room, RoomState::listed(summary).in_groups(&self.groups));
            }
        }
        self.touch_room(room);
    }

    /// Requests the unknown people that a change refers to.
    pub(super) fn want_named(&mut self, change: &Change) {
        match change {
            Change::Message { message } => self.want_of(message),
            Change::Reaction { user, .. } => self.people.want(*user),
            Change::Pin { pin } => self.people.want(pin.by),
            Change::Member { member, .. } => self.people.want(member.user),
            Change::Poll { .. }
            | Change::Vote { .. }
            | Change::Room { .. }
            | Change::Membership { .. }
            | Change::Sessions {}
            | Change::Saved { .. }
            | Change::Scheduled { .. }
            | Change::Following { .. }
            | Change::Unread { .. }
            | Change::Draft { .. }
            | Change::InGroup { .. }
            | Change::Profile { .. }
            | Change::Unknown => {}
        }
    }

    /// The same for a message.
    pub(super) fn want_of(&mut self, message: &Message) {
        self.people.want(message.author);
        message.replies.iter().flat_map(|replies| &replies.authors).for_each(|one| self.people.want(one.0));
        message.mentions.iter().filter_map(|mention| mention.1).for_each(|user| self.people.want(user));
        message.forward.iter().filter_map(|forward| forward.author).for_each(|user| self.people.want(user));
        for user in message.reactions.iter().flat_map(|reaction| &reaction.users) {
            self.people.want(user.0);
        }
    }

    /// The same for everything in a room's window.
    pub(super) fn want_shown(&mut self, room: RoomId) {
        let mut named = Vec::new();
        if let Some(state) = self.rooms.get(&room) {
            state.named(&mut |user| named.push(user));
        }
        for user in named {
            self.people.want(user);
        }
    }
}
