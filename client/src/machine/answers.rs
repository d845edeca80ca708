//! Answers of servers, by the command that they answer.

use protocol::{
    Change, Command, ErrorCode, Line, Member, Message, Millis, Refusal, Reply, Retry, RoomId, Seq,
};

use super::{Answer, Client, resume::Welcome};
use crate::{asks::Purpose, line, thread::ThreadState};

/// The shortest wait before a temporarily refused question is retried: a budget that has only just
/// begun to refill would be empty again at once.
const RETRY_MS_MIN: i64 = 1_000;
/// The wait after a permanent refusal. This server may be too old or too new for the question; the
/// next one may not be.
const RETRY_OTHER_MS: i64 = 30_000;

impl Client {
    pub(super) fn replied(&mut self, r#ref: u32, reply: Reply) {
        let Some((purpose, command)) = self.asks.take(r#ref) else { return };
        match (purpose, reply) {
            (
                Purpose::Hello,
                Reply::Welcome { me, node, epoch, ping_ms, person, workspace, rooms, more, people },
            ) => {
                self.connection.ping_ms = i64::from(ping_ms);
                self.welcomed(Welcome { me, node, epoch, person, workspace, rooms, more, people });
            }
            (Purpose::Ping, _) => {
                self.connection.ponged();
                self.touched.link = true;
            }
            (Purpose::Send(nonce), Reply::Sent { room, message }) => {
                self.outbox.acknowledge(nonce);
                let seq = message.seq;
                if let Some(state) = self.rooms.get_mut(&room) {
                    let outsiders = state.outsiders(&message);
                    if !outsiders.is_empty() {
                        self.outsiders = Some((room, outsiders));
                    }
                    state.answered(seq, Change::Message { message });
                }
                self.touched.outbox = true;
                self.touched.timelines.insert(room);
            }
            (Purpose::History(..) | Purpose::Unread(_), Reply::Page { messages, more, people, .. }) => {
                self.meet(people);
                messages.iter().for_each(|message| self.want_of(message));
                self.came(purpose, &command, messages, more);
            }
            (Purpose::Around(_), Reply::Around { room, messages, more_before, more_after, people }) => {
                self.meet(people);
                messages.iter().for_each(|message| self.want_of(message));
                if let Some(state) = self.rooms.get_mut(&room) {
                    state.show_around(messages, more_before, more_after);
                }
                self.touched.timelines.insert(room);
            }
            (Purpose::Quoted(_), Reply::Previews { room, messages, people }) => {
                self.meet(people);
                messages.iter().for_each(|message| self.people.want(message.author));
                if let (Some(state), Command::Previews { seqs, .. }) = (self.rooms.get_mut(&room), &command) {
                    state.put_quoted(seqs, messages);
                }
                self.touched.timelines.insert(room);
            }
            (Purpose::Thread(room), Reply::Thread { thread, messages, people, .. }) => {
                self.meet(people);
                self.want_of(&thread.root);
                messages.iter().for_each(|message| self.want_of(message));
                if let (Some(state), Command::Thread { before, .. }) = (self.rooms.get_mut(&room), &command) {
                    state.put_thread(*before, *thread, messages);
                }
                self.touched.timelines.insert(room);
            }
            (Purpose::CatchUp(_), Reply::Changes { line, changes, through, more, people }) => {
                self.meet(people);
                self.caught_up(line, changes, through, more);
            }
            (Purpose::CatchUp(_) | Purpose::Open(_), Reply::View { view }) => self.opened(*view),
            (Purpose::Members(room), reply @ Reply::Members { .. }) => {
                self.take_over(&reply);
                if let Some(state) = self.rooms.get_mut(&room) {
                    state.set_stale(false);
                }
            }
            (Purpose::Rooms, Reply::Rooms { rooms, more, people }) => {
                self.meet(people);
                self.listed(&command, rooms, more);
            }
            (Purpose::People, Reply::Users { users }) => self.meet(users),
            (Purpose::Personal, Reply::Changes { mut changes, through, .. }) => {
                changes.iter_mut().for_each(|(_, change)| self.raise_last(change));
                self.personal.begin(through, changes);
                self.touch_personal();
                self.regroup();
            }
            (Purpose::Request, reply) => {
                self.end_wish(&command);
                // The event may arrive later.
                if let Command::Leave { room } = command
                    && self.leaving.contains(&room)
                {
                    self.left(room);
                }
                // Such a room never comes back.
                if let Command::DeleteRoom { room } = command {
                    self.left(room);
                }
                self.take_over(&reply);
                self.answers.push(Answer { request: r#ref, result: Ok(reply) });
            }
            // Our servers always answer with a reply that fits the command.
            (
                Purpose::Hello
                | Purpose::Marks
                | Purpose::Send(_)
                | Purpose::CatchUp(_)
                | Purpose::Open(_)
                | Purpose::Unread(_)
                | Purpose::Around(_)
                | Purpose::Quoted(_)
                | Purpose::Members(_)
                | Purpose::Thread(_)
                | Purpose::History(..)
                | Purpose::Rooms
                | Purpose::People
                | Purpose::Personal,
                _,
            ) => {}
        }
    }

    /// A page of history arrived.
    fn came(&mut self, purpose: Purpose, command: &Command, messages: Vec<Message>, more: bool) {
        let Command::History { room, direction, seq } = command else { return };
        if let Some(state) = self.rooms.get_mut(room) {
            if let Purpose::Unread(_) = purpose {
                state.begin_at_unread(messages, more);
            } else {
                state.extend(*direction, *seq, messages, more);
            }
        }
        self.touched.timelines.insert(*room);
    }

    fn caught_up(&mut self, line: Line, changes: Vec<(Seq, Change)>, through: Seq, more: bool) {
        for (_, change) in &changes {
            self.want_named(change);
        }
        let again = match line {
            Line::Room(room) => {
                let Some(state) = self.rooms.get_mut(&room) else { return };
                state.catch_up(changes, through);
                let again = state.line().held_since().is_some();
                self.after_change(room);
                again
            }
            Line::Person(_) | Line::Workspace => {
                let Some(on) = self.on_line(line) else { return };
                line::catch_up(on, changes, through);
                let again = on.line().held_since().is_some();
                self.apply_ready();
                again
            }
        };
        if again || more {
            self.ask_catch_up(line);
        }
    }

    /// Applies the state in a request's answer, before the caller sees it.
    fn take_over(&mut self, reply: &Reply) {
        match reply {
            Reply::Room { summary, people } => {
                self.meet(people.clone());
                self.joined((**summary).clone());
            }
            Reply::Changed { line: Line::Room(room), seq, change } => {
                if self.rooms.get_mut(room).is_some_and(|state| state.answered(*seq, change.clone())) {
                    self.touched.timelines.insert(*room);
                    self.touched.members.insert(*room);
                    self.touch_room(*room);
                }
            }
            Reply::Members { room, members, marks, people, .. } => {
                self.meet(people.clone());
                if let Some(state) = self.rooms.get_mut(room) {
                    members.iter().for_each(|member: &Member| state.put_listed(member.clone()));
                    for marks in marks {
                        state.put_marks(*marks);
                    }
                    self.touched.members.insert(*room);
                }
            }
            Reply::Pinned { room, messages, people } => {
                self.meet(people.clone());
                self.pinned(*room, messages);
            }
            Reply::Users { users } => self.meet(users.clone()),
            Reply::Profile { user, groups, .. } => self.meet(groups.iter().chain([user]).cloned().collect()),
            Reply::Previews { people, .. } | Reply::Threads { people, .. } | Reply::Found { people, .. } => {
                self.meet(people.clone());
            }
            Reply::Changed { change: Change::Unread { unread }, .. } => self.put_unread(*unread),
            Reply::Changed { line: Line::Person(_), seq, change } => self.put_personal(*seq, change.clone()),
            Reply::Changed { .. }
            | Reply::Welcome { .. }
            | Reply::Rooms { .. }
            | Reply::Pong {}
            | Reply::Done {}
            | Reply::Invited { .. }
            | Reply::View { .. }
            | Reply::Changes { .. }
            | Reply::Around { .. }
            | Reply::Thread { .. }
            | Reply::Page { .. }
            | Reply::Sent { .. }
            | Reply::Channels { .. }
            | Reply::Versions { .. }
            | Reply::Unknown => {}
        }
    }

    fn pinned(&mut self, room: RoomId, messages: &[Message]) {
        if let Some(state) = self.rooms.get_mut(&room) {
            state.pinned.clear();
            state.pinned.extend(messages.iter().map(|message| (message.seq, message.clone())));
            self.touched.members.insert(room);
        }
    }

    pub(super) fn refused(&mut self, r#ref: u32, refusal: Refusal, now: Millis) {
        let retry_ms = refusal.retry_ms.map_or(0, i64::from);
        if refusal.code == ErrorCode::SlowDown && self.asks.ask_later(r#ref, retry_ms, now) {
            return;
        }
        let Some((purpose, command)) = self.asks.take(r#ref) else { return };
        let is_for_now = refusal.code.retry() == Retry::Later;
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
            Purpose::CatchUp(_)
            | Purpose::Open(_)
            | Purpose::Members(_)
            | Purpose::Quoted(_)
            | Purpose::Thread(_)
            | Purpose::Rooms
            | Purpose::People
            | Purpose::Personal => {
                self.refused_state(purpose, &command, &refusal, now);
            }
            Purpose::Unread(room) => {
                // The interface waits for the line of unread messages; without it, it begins at the
                // newest ones.
                if let Some(state) = self.rooms.get_mut(&room) {
                    state.unread_after = None;
                }
                self.touched.timelines.insert(room);
            }
            // The interface stops waiting for it.
            Purpose::Around(room) => drop(self.touched.timelines.insert(room)),
            Purpose::Request => {
                self.end_wish(&command);
                if let Command::Leave { room } = command {
                    self.leaving.retain(|id| *id != room);
                }
                self.answers.push(Answer { request: r#ref, result: Err(refusal) });
            }
            Purpose::Marks if is_for_now => {
                // The server must still receive them.
                self.marks.rest(retry_at(&refusal, now));
                if let Command::Delivered { room, .. } | Command::Read { room, .. } = &command
                    && self.rooms.contains_key(room)
                {
                    self.marks.unanswered(&command);
                }
            }
            Purpose::History(..) if is_for_now => self.asks.refuse(purpose, retry_at(&refusal, now)),
            Purpose::Ping | Purpose::Marks | Purpose::History(..) => {}
        }
    }

    /// A state question was refused.
    fn refused_state(&mut self, purpose: Purpose, command: &Command, refusal: &Refusal, now: Millis) {
        let again_at = match refusal.code.retry() {
            // Otherwise the line would stay behind until its next change.
            Retry::Later => retry_at(refusal, now),
            Retry::Never => now + RETRY_OTHER_MS,
        };
        if refusal.code == ErrorCode::SlowDown {
            self.asks.rest(again_at);
        }
        let room = if let Purpose::CatchUp(line) = purpose {
            line.room()
        } else if let Purpose::Open(room)
        | Purpose::Members(room)
        | Purpose::Quoted(room)
        | Purpose::Thread(room) = purpose
        {
            Some(room)
        } else {
            // A partial list is useless, and so are partial names, so these are retried even if the
            // refusal is permanent.
            self.list.unanswered(command);
            self.people.ask_again();
            self.asks.refuse(purpose, again_at);
            return;
        };
        if let (Purpose::Thread(room), ErrorCode::MessageUnknown) = (purpose, refusal.code) {
            // Another thread may be open by now.
            let asked = |thread: &&mut ThreadState| matches!(command, Command::Thread { root, .. } if *root == thread.root());
            let thread = self.rooms.get_mut(&room).and_then(|state| state.thread.as_mut()).filter(asked);
            thread.into_iter().for_each(ThreadState::set_missing);
            self.touched.timelines.insert(room);
            return;
        }
        // These are asked for whenever they are missing. Without a wait, a server that does not know them would be asked all the time.
        let is_missed = matches!(purpose, Purpose::Members(_) | Purpose::Quoted(_) | Purpose::Thread(_));
        if let Some(room) = room.filter(|_| refusal.code == ErrorCode::RoomUnknown) {
            // The viewer is no longer in it.
            self.left(room);
        } else if is_missed || refusal.code.retry() == Retry::Later {
            self.asks.refuse(purpose, again_at);
        }
    }
}

/// When to retry what was refused temporarily.
fn retry_at(refusal: &Refusal, now: Millis) -> Millis {
    now + refusal.retry_ms.map_or(0, i64::from).max(RETRY_MS_MIN)
}
