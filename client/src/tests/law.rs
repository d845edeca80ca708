//! Law 6: old state plus events in any order, with loss and repetition, and then catching up,
//! equals a fresh fetch. Tested for all three lines and everything on them.
#![expect(clippy::wildcard_enum_match_arm, reason = "what the model does not make is a fault of the model")]

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    Draft, Following, Forward, InGroup, InThread, LinkPreview, Mention, NewPoll, Pin, Poll, Replies, Saved,
    Scheduled, Thread, Unread, Vote,
};

use super::*;

/// The database's content of the three lines. Each change is kept as it was published.
#[derive(Clone, Debug, Default)]
struct Truth {
    room: Vec<Change>,
    person: Vec<Change>,
    workspace: Vec<Change>,
    /// How many numbers after [`BEFORE`] the viewer has read, from the beginning.
    read: i64,
}

/// The room's head before the changes that are made here. Up to it the room is empty.
const BEFORE: i64 = 3;
const EMOJI: [&str; 2] = ["👍", "🎉"];

/// The state of a room after some change.
#[derive(Clone, Debug, Default)]
struct RoomAt {
    messages: Vec<Message>,
    reactions: BTreeMap<(Seq, usize, u128), (Seq, bool)>,
    pins: BTreeMap<Seq, Pin>,
    polls: BTreeMap<Seq, Seq>,
    members: BTreeMap<UserId, Member>,
    room: Option<Room>,
}

impl RoomAt {
    fn active(&self) -> Vec<Member> {
        self.members.values().filter(|member| member.active).cloned().collect()
    }
}

/// A group of people. Its id is none of a person.
fn group(n: usize) -> UserId {
    id(700 + n as u128)
}

fn other_room(n: usize) -> RoomId {
    RoomId(Uuid::from_u128(500 + n as u128))
}

impl Truth {
    /// Makes the changes that a list of numbers encodes.
    fn of(read: i64, steps: &[(usize, usize, usize)]) -> Self {
        let mut truth = Self { read, ..Self::default() };
        for (what, which, how) in steps {
            match what {
                0..=9 | 13 | 14 => truth.in_room(*what, *which, *how),
                10 => {
                    let room = other_room(which % 4);
                    let is_in = truth.memberships(truth.person.len()).contains(&room);
                    let summary = summary(3);
                    let summary = RoomSummary { room: Room { id: room, ..summary.room.clone() }, ..summary };
                    let summary = (!is_in).then(|| Box::new(summary));
                    truth.person.push(Change::Membership { room, summary });
                }
                15 => truth.saves(*which, *how),
                16 => truth.schedules(*which, *how),
                17 => truth.follows(*which, *how),
                18 => truth.marks_unread(*which, *how),
                19 => truth.votes(*which, *how),
                20 => truth.regroups(*which, *how),
                23 => truth.drafts(*which, *how),
                21 => {
                    let rev = truth.workspace.len() as i64 + 1;
                    let (name, members) = (format!("Group {rev}"), Some(*how as u32));
                    let group = User { id: group(which % 2), name, group: members, rev: Seq(rev), ..user(0) };
                    truth.workspace.push(Change::Profile { user: group });
                }
                _ => {
                    let rev = truth.workspace.len() as i64 + 1;
                    let user =
                        User { name: format!("Name {rev}"), rev: Seq(rev), ..user(ME + *which as u128 % 3) };
                    truth.workspace.push(Change::Profile { user });
                }
            }
        }
        truth
    }

    fn saves(&mut self, which: usize, how: usize) {
        let rev = Seq(self.person.len() as i64 + 1);
        let (room, message) = (other_room(which % 2), Seq(which as i64 / 2 % 3 + 1));
        let (remind_at, due) = [(None, false), (Some(rev.0), false), (Some(5), true)][how % 3];
        let on = !how.is_multiple_of(4);
        let saved = Saved { room, message, at: rev.0, remind_at, due, on, rev };
        self.person.push(Change::Saved { saved });
    }

    fn schedules(&mut self, which: usize, how: usize) {
        let rev = Seq(self.person.len() as i64 + 1);
        let (nonce, on) = (Nonce(Uuid::from_u128(900 + which as u128 % 3)), !how.is_multiple_of(4));
        let failed = how.is_multiple_of(5).then_some(ErrorCode::Forbidden);
        let body = if on { format!("at {rev}") } else { String::new() };
        let scheduled = Scheduled { nonce, room: room(), body, at: rev.0, failed, on, rev };
        self.person.push(Change::Scheduled { scheduled });
    }

    fn follows(&mut self, which: usize, how: usize) {
        let rev = Seq(self.person.len() as i64 + 1);
        let root = Seq(BEFORE + 1 + which as i64 % 3);
        let (room, last, on) = (room(), self.last_reply(root), !how.is_multiple_of(4));
        self.person.push(Change::Following { following: Following { room, root, last, on, rev } });
    }

    fn drafts(&mut self, which: usize, how: usize) {
        let rev = Seq(self.person.len() as i64 + 1);
        let thread = Some(Seq(BEFORE + 1)).filter(|_| which.is_multiple_of(2));
        let body = if how.is_multiple_of(4) { String::new() } else { format!("writing {how}") };
        self.person.push(Change::Draft { draft: Draft { room: room(), thread, body, rev } });
    }

    fn regroups(&mut self, which: usize, how: usize) {
        let rev = Seq(self.person.len() as i64 + 1);
        let in_group = InGroup { group: group(which % 2), on: !how.is_multiple_of(3), rev };
        self.person.push(Change::InGroup { in_group });
    }

    /// The groups that the viewer is in after some change.
    fn groups(&self, through: usize) -> BTreeMap<UserId, InGroup> {
        let mut groups = BTreeMap::new();
        for change in &self.person[..through] {
            if let Change::InGroup { in_group } = change {
                groups.insert(in_group.group, *in_group);
            }
        }
        groups.retain(|_, in_group| in_group.on);
        groups
    }

    fn marks_unread(&mut self, which: usize, how: usize) {
        let rev = Seq(self.person.len() as i64 + 1);
        let after = Seq(BEFORE + which as i64 % (self.room.len() as i64 + 1));
        let after = Some(after).filter(|_| !how.is_multiple_of(4));
        self.person.push(Change::Unread { unread: Unread { room: room(), after, rev } });
    }

    /// What is marked unread after some change.
    fn unread(&self, through: usize) -> Unread {
        let marked = self.person[..through].iter().rev().find_map(|change| match change {
            Change::Unread { unread } => Some(*unread),
            _ => None,
        });
        marked.unwrap_or(Unread { room: room(), after: None, rev: Seq::ZERO })
    }

    /// The viewer or somebody else votes in a poll, or it is closed.
    fn votes(&mut self, which: usize, how: usize) {
        let polls = self.room_at(self.head()).messages.into_iter().filter(|message| message.poll.is_some());
        let polls: Vec<Message> = polls.collect();
        let Some(target) = polls.get(which % polls.len().max(1)) else { return };
        let (message, number) = (target.seq, self.head() as u32);
        let counts = vec![number, how as u32];
        let poll = Poll { counts, voters: number, closed: how.is_multiple_of(7), ..Poll::default() };
        self.room.push(Change::Poll { message, poll });
        if how.is_multiple_of(2) {
            let rev = Seq(self.person.len() as i64 + 1);
            let choices = [vec![], vec![0], vec![1]][how % 3].clone();
            self.person.push(Change::Vote { vote: Vote { room: room(), message, choices, rev } });
        }
    }

    /// As the viewer is told of them in a page: with their own votes.
    fn with_votes(&self, mut messages: Vec<Message>) -> Vec<Message> {
        for change in &self.person {
            if let Change::Vote { vote } = change
                && let Some(message) = messages.iter_mut().find(|message| message.seq == vote.message)
            {
                message.put_poll(&Poll::of_vote(vote.clone()));
            }
        }
        messages
    }

    /// The last reply that somebody else wrote.
    fn last_reply(&self, root: Seq) -> Seq {
        let at = self.room_at(self.head());
        let root_message = at.messages.into_iter().find(|message| message.seq == root);
        let replies = root_message.and_then(|message| message.replies);
        replies.and_then(|replies| replies.last_by_others(id(ME))).unwrap_or(root)
    }

    /// The threads that are followed or were, as they are now.
    fn followed(&self) -> Vec<Following> {
        let mut all = BTreeMap::new();
        for change in &self.person {
            if let Change::Following { following } = change {
                let last = self.last_reply(following.root);
                all.insert(following.root, Following { last, ..following.clone() });
            }
        }
        all.into_values().collect()
    }

    /// The first message of the room: its thread is opened.
    fn root(&self) -> Option<Seq> {
        self.room.iter().find_map(|change| change.message()).map(|message| message.seq)
    }

    /// What is saved, scheduled and being written after some change.
    fn personal(&self, through: usize) -> (Vec<Saved>, Vec<Scheduled>, Vec<Draft>) {
        let (mut all_saved, mut all_scheduled) = (BTreeMap::new(), BTreeMap::new());
        let mut drafts = BTreeMap::new();
        for change in &self.person[..through] {
            match change {
                Change::Saved { saved } => {
                    all_saved.insert((saved.room, saved.message), saved.clone());
                }
                Change::Scheduled { scheduled } => {
                    all_scheduled.insert(scheduled.nonce, scheduled.clone());
                }
                Change::Draft { draft } => {
                    drafts.insert(draft.thread, draft.clone());
                }
                _ => {}
            }
        }
        let mut saved: Vec<Saved> = all_saved.into_values().filter(|saved| saved.on).collect();
        saved.sort_by_key(|saved| std::cmp::Reverse(saved.at));
        let mut scheduled: Vec<Scheduled> = all_scheduled.into_values().filter(|one| one.on).collect();
        scheduled.sort_by_key(|one| one.at);
        (saved, scheduled, drafts.into_values().filter(|draft| !draft.body.is_empty()).collect())
    }

    fn in_room(&mut self, what: usize, which: usize, how: usize) {
        let now = self.room_at(self.head());
        let seq = self.head() + 1;
        let target = now.messages.get(which % now.messages.len().max(1)).filter(|target| !target.deleted);
        // Some mention the viewer, some everyone, some a third person or a group; an edit may remove that.
        let mentions = match (what + how) % 6 {
            0 => vec![Mention("user-1".to_owned(), Some(id(ME)))],
            1 => vec![Mention("everyone".to_owned(), None), Mention("user-1".to_owned(), Some(id(ME)))],
            2 => vec![Mention("user-3".to_owned(), Some(id(ME + 2)))],
            3 => vec![Mention("group".to_owned(), Some(group(which % 2)))],
            _ => Vec::new(),
        };
        let reply_to = target.filter(|_| how.is_multiple_of(3)).map(|target| target.seq);
        let author = if which.is_multiple_of(4) { ME } else { OTHER };
        let is_root = |message: &&Message| message.thread.is_none();
        let root = now.messages.iter().filter(is_root).nth(which % 3).filter(|_| how.is_multiple_of(2));
        let nth = root.and_then(|root| root.replies.as_ref()).map_or(0, |replies| replies.count) + 1;
        let thread = root.map(|root| InThread(root.seq, nth));
        let in_room = thread.is_some() && how.is_multiple_of(4);
        let options = vec!["one".to_owned(), "two".to_owned()];
        let new = NewPoll { options, several: how.is_multiple_of(2), ..NewPoll::default() };
        let poll = which.is_multiple_of(3).then(|| Poll::from(new));
        // Some forward a message, with or without a comment.
        let forward = (how % 7 == 3).then(|| {
            let (room, body) = (other_room(which), format!("from elsewhere {which}"));
            Box::new(Forward {
                room,
                seq: Seq(1),
                author: Some(id(ME + which as u128 % 3)),
                body,
                files: Vec::new(),
            })
        });
        let comment = |message: Message| match forward.is_some() && which.is_multiple_of(2) {
            true => Message { body: String::new(), ..message },
            false => message,
        };
        let say = || Change::Message {
            message: Message {
                poll: poll.clone(),
                mentions: mentions.clone(),
                reply_to,
                thread,
                in_room,
                forward: forward.clone(),
                ..comment(message(author, seq))
            },
        };
        let change = match (what, target) {
            // What its links lead to becomes known, or is removed: a change of the message, and no edit.
            (4, Some(target)) if how.is_multiple_of(2) => {
                let preview = |n: usize| LinkPreview {
                    url: format!("https://{n}.example"),
                    title: format!("page {n} at {seq}"),
                    text: String::new(),
                    site: String::new(),
                    picture: None,
                };
                let previews = (0..how % 4).map(preview).collect();
                Change::Message { message: Message { rev: Seq(seq), previews, ..target.clone() } }
            }
            (3 | 4, Some(target)) => {
                let (edits, body) = (target.edits + 1, format!("edited at {seq}"));
                let mentions = mentions.clone();
                Change::Message {
                    message: Message {
                        rev: Seq(seq),
                        edits,
                        body,
                        mentions,
                        previews: Vec::new(),
                        ..target.clone()
                    },
                }
            }
            (5, Some(target)) => {
                let gone = Message {
                    rev: Seq(seq),
                    deleted: true,
                    body: String::new(),
                    forward: None,
                    previews: Vec::new(),
                    ..target.clone()
                };
                let (reactions, mentions, poll) = (Vec::new(), Vec::new(), None);
                Change::Message { message: Message { reactions, mentions, poll, ..gone } }
            }
            (6..=8, Some(target)) => {
                let (emoji, user) = (how % 2, ME + how as u128 / 2 % 3);
                let on = now.reactions.get(&(target.seq, emoji, user)).is_none_or(|known| !known.1);
                let emoji = EMOJI[emoji].to_owned();
                Change::Reaction { message: target.seq, emoji, user: id(user), on }
            }
            (9, Some(target)) => {
                let on = now.pins.get(&target.seq).is_none_or(|pin| !pin.on);
                Change::Pin { pin: Pin { message: target.seq, by: id(OTHER), at: seq, on, rev: Seq(seq) } }
            }
            (13, _) => {
                let user = id(ME + which as u128 % 3);
                let is_in = user == id(ME) || !how.is_multiple_of(3);
                let role = [Role::Member, Role::Moderator, Role::Owner, Role::Member][how % 4];
                let (active, banned) = (is_in, !is_in && how.is_multiple_of(2));
                let member = Member { user, role, active, banned, rev: Seq(seq) };
                let mut after = now.members.clone();
                after.insert(user, member.clone());
                let members = after.values().filter(|member| member.active).count() as u32;
                let marks = Marks { user, delivered: Seq::ZERO, read: Seq::ZERO };
                Change::Member { member, members, marks }
            }
            (14, _) => {
                let policy = Policy { post: [Role::Member, Role::Owner][how % 2], ..Policy::default() };
                let (title, archived) = (format!("crew {seq}"), how.is_multiple_of(3));
                let room = Room { title, archived, policy, rev: Seq(seq), ..summary(0).room };
                Change::Room { room }
            }
            _ => say(),
        };
        self.room.push(change);
    }

    fn head(&self) -> i64 {
        BEFORE + self.room.len() as i64
    }

    fn room_at(&self, through: i64) -> RoomAt {
        let members = view(Vec::new(), 0).members;
        let members = members.into_iter().map(|member| (member.user, member)).collect();
        let mut at = RoomAt { members, ..RoomAt::default() };
        for (seq, change) in (BEFORE + 1..=through).zip(&self.room) {
            match change {
                Change::Message { message } => {
                    let born = message.seq;
                    if message.deleted {
                        at.reactions.retain(|(message, _, _), _| *message != born);
                        at.pins.remove(&born);
                        at.polls.remove(&born);
                    }
                    match at.messages.iter_mut().find(|known| known.seq == born) {
                        Some(known) => {
                            let replies = known.replies.take();
                            *known = message.clone();
                            if let Some(replies) = replies {
                                known.put_replies(&replies);
                            }
                        }
                        None => {
                            at.messages.push(message.clone());
                            if let Some((root, replies)) = Replies::of(message) {
                                let root = at.messages.iter_mut().find(|known| known.seq == root).unwrap();
                                root.put_replies(&replies);
                            }
                        }
                    }
                }
                Change::Reaction { message, emoji, user, on } => {
                    let known = at.messages.iter_mut().find(|known| known.seq == *message).unwrap();
                    assert!(known.react(emoji, *user, *on, Seq(seq)), "each change changes something");
                    let which = EMOJI.iter().position(|known| known == emoji).unwrap();
                    at.reactions.insert((*message, which, user.0.as_u128()), (Seq(seq), *on));
                }
                Change::Pin { pin } => drop(at.pins.insert(pin.message, pin.clone())),
                Change::Poll { message, poll } => {
                    let known = at.messages.iter_mut().find(|known| known.seq == *message).unwrap();
                    assert!(
                        known.put_poll(&Poll { rev: Seq(seq), ..poll.clone() }),
                        "each change changes something"
                    );
                    at.polls.insert(*message, Seq(seq));
                }
                Change::Member { member, .. } => drop(at.members.insert(member.user, member.clone())),
                Change::Room { room } => at.room = Some(room.clone()),
                other => panic!("{other:?} on a room's line"),
            }
        }
        at
    }

    fn memberships(&self, through: usize) -> BTreeSet<RoomId> {
        let mut rooms = BTreeSet::new();
        for change in &self.person[..through] {
            match change {
                Change::Membership { room, summary: Some(_) } => rooms.insert(*room),
                Change::Membership { room, summary: None } => rooms.remove(room),
                Change::Saved { .. }
                | Change::Scheduled { .. }
                | Change::Following { .. }
                | Change::Unread { .. }
                | Change::Draft { .. }
                | Change::Vote { .. }
                | Change::InGroup { .. } => false,
                other => panic!("{other:?} on a person's line"),
            };
        }
        rooms
    }

    /// The change with this number, as it was published.
    fn event(&self, line: Line, seq: i64) -> Change {
        let (changes, first) = match line {
            Line::Room(_) => (&self.room, BEFORE + 1),
            Line::Person(_) => (&self.person, 1),
            Line::Workspace => (&self.workspace, 1),
        };
        changes[usize::try_from(seq - first).unwrap()].clone()
    }

    fn head_of(&self, line: Line) -> i64 {
        match line {
            Line::Room(_) => self.head(),
            Line::Person(_) => self.person.len() as i64,
            Line::Workspace => self.workspace.len() as i64,
        }
    }

    /// The database's answer to "everything after" at the time of `through`: each thing once, in
    /// its state at that time.
    fn since(&self, line: Line, after: i64, through: i64) -> Vec<(Seq, Change)> {
        let mut things = BTreeMap::new();
        if let Line::Room(_) = line {
            let at = self.room_at(through);
            let members = at.active().len() as u32;
            for (message, rev) in at.polls {
                let known = at.messages.iter().find(|known| known.seq == message).unwrap();
                let poll = known.poll.as_ref().unwrap().tally();
                things.insert(rev, Change::Poll { message, poll });
            }
            for message in at.messages {
                things.insert(message.rev, Change::Message { message });
            }
            for ((message, emoji, user), (rev, on)) in at.reactions {
                let (emoji, user) = (EMOJI[emoji].to_owned(), id(user));
                things.insert(rev, Change::Reaction { message, emoji, user, on });
            }
            for member in at.members.into_values().filter(|member| member.rev > Seq(BEFORE)) {
                let marks = Marks { user: member.user, delivered: Seq::ZERO, read: Seq::ZERO };
                things.insert(member.rev, Change::Member { member, members, marks });
            }
            if let Some(room) = at.room {
                things.insert(room.rev, Change::Room { room });
            }
            for pin in at.pins.into_values() {
                things.insert(pin.rev, Change::Pin { pin });
            }
        } else {
            let mut last = BTreeMap::new();
            for seq in 1..=through {
                let change = self.event(line, seq);
                let key = match &change {
                    Change::Membership { room, .. } => room.0,
                    Change::Profile { user } => user.id.0,
                    Change::Saved { saved } => {
                        Uuid::from_u128(saved.room.0.as_u128() * 1_000 + saved.message.0 as u128)
                    }
                    Change::Scheduled { scheduled } => scheduled.nonce.0,
                    Change::Following { following } => Uuid::from_u128(7_000 + following.root.0 as u128),
                    Change::Unread { .. } => Uuid::from_u128(8_000),
                    Change::Draft { draft } => {
                        Uuid::from_u128(6_000 + draft.thread.map_or(0, |root| root.0) as u128)
                    }
                    Change::Vote { vote } => Uuid::from_u128(9_000 + vote.message.0 as u128),
                    Change::InGroup { in_group } => in_group.group.0,
                    other => panic!("{other:?} on this line"),
                };
                last.insert(key, (Seq(seq), change));
            }
            things.extend(last.into_values());
        }
        things.into_iter().filter(|(rev, _)| *rev > Seq(after)).collect()
    }

    /// The room's entry after some change, for a viewer who is in the groups that they are in, and has marked it unread, after a change
    /// of their own line.
    fn summary(&self, through: i64, person: usize) -> RoomSummary {
        let groups: Vec<UserId> = self.groups(person).into_keys().collect();
        let at = self.room_at(through);
        let (members, role) = (at.active().len() as u32, at.members[&id(ME)].role);
        let (room, messages) = (at.room.unwrap_or_else(|| summary(0).room), at.messages);
        // The viewer's own messages move the mark only if nothing above them is unread, so the
        // count stays the same.
        let read = Seq(BEFORE + self.read);
        let unread = self.unread(person);
        let seen = unread.after.map_or(read, |after| after.min(read));
        let is_unread = |m: &&Message| m.seq > seen && !m.deleted && m.author != id(ME);
        RoomSummary {
            marks: Marks { user: id(ME), delivered: read, read },
            unread_after: unread.after,
            unread_rev: unread.rev,
            unread: messages.iter().filter(is_unread).count() as u32,
            mentions: messages.iter().filter(is_unread).filter(|m| m.mentions(id(ME), &groups)).count()
                as u32,
            active_at: messages.iter().map(|m| m.sent_at).max().unwrap_or(0),
            last: messages.last().map(Message::preview),
            members,
            role,
            room,
            ..summary(through)
        }
    }

    fn people(&self) -> Vec<User> {
        let mut people: BTreeMap<UserId, User> = (ME..ME + 3).map(|n| (id(n), user(n))).collect();
        for change in &self.workspace {
            if let Change::Profile { user } = change {
                people.insert(user.id, user.clone());
            }
        }
        people.into_values().collect()
    }

    fn answer(&self, command: &Command) -> Reply {
        let people = self.people();
        match command {
            Command::Hello { .. } => {
                let Reply::Welcome { me, node, epoch, ping_ms, .. } = welcome(0, 1) else { unreachable!() };
                let (person, workspace) = (Seq(self.person.len() as i64), Seq(self.workspace.len() as i64));
                let (rooms, more) = (vec![self.summary(self.head(), self.person.len())], true);
                Reply::Welcome {
                    me,
                    node,
                    epoch,
                    ping_ms,
                    person,
                    workspace,
                    rooms,
                    more,
                    people: Vec::new(),
                }
            }
            Command::Personal {} => {
                let (saved, scheduled, drafts) = self.personal(self.person.len());
                let saved = saved.into_iter().map(|saved| (saved.rev, Change::Saved { saved }));
                let scheduled = scheduled.into_iter();
                let scheduled = scheduled.map(|scheduled| (scheduled.rev, Change::Scheduled { scheduled }));
                let drafts = drafts.into_iter().map(|draft| (draft.rev, Change::Draft { draft }));
                let followed = self.followed().into_iter().filter(|following| following.on);
                let followed = followed.map(|following| (following.rev, Change::Following { following }));
                let in_groups = self.groups(self.person.len()).into_values();
                let in_groups = in_groups.map(|in_group| (in_group.rev, Change::InGroup { in_group }));
                Reply::Changes {
                    line: Line::Person(id(ME)),
                    changes: saved.chain(scheduled).chain(drafts).chain(followed).chain(in_groups).collect(),
                    through: Seq(self.person.len() as i64),
                    more: false,
                    people: Vec::new(),
                }
            }
            Command::ListRooms { .. } => {
                let rooms = self.memberships(self.person.len()).into_iter();
                let rooms = rooms
                    .map(|room| RoomSummary { room: Room { id: room, ..summary(3).room }, ..summary(3) });
                Reply::Rooms { rooms: rooms.collect(), more: false, people }
            }
            Command::CompareRooms { known } => {
                let is_asked = known.iter().any(|(of, _)| *of == room());
                let rooms = is_asked.then(|| self.summary(self.head(), self.person.len()));
                Reply::Rooms { rooms: rooms.into_iter().collect(), more: false, people }
            }
            // Nothing happens in the other rooms.
            Command::CatchUp { line, after } if line.room().is_some_and(|other| other != room()) => {
                let (line, through) = (*line, *after);
                Reply::Changes { line, changes: Vec::new(), through, more: false, people: Vec::new() }
            }
            Command::CatchUp { line, after } => {
                // Like the server: a few at a time, each in its current state.
                let mut changes = self.since(*line, after.0, self.head_of(*line));
                let more = changes.len() > 5;
                changes.truncate(5);
                let last = changes.last().map_or(*after, |(seq, _)| *seq);
                let through = if more { last } else { Seq(self.head_of(*line)).max(*after) };
                Reply::Changes { line: *line, changes, through, more, people: Vec::new() }
            }
            Command::Open { .. } => {
                let at = self.room_at(self.head());
                let members = at.active();
                let pins = at.pins.into_values().filter(|pin| pin.on).collect();
                let summary = self.summary(self.head(), self.person.len());
                let view = RoomView {
                    summary,
                    members,
                    pins,
                    people,
                    ..view(self.with_votes(at.messages), self.head())
                };
                Reply::View { view: Box::new(view) }
            }
            Command::Members { room, .. } => {
                let members = self.room_at(self.head()).active();
                Reply::Members { room: *room, members, marks: Vec::new(), people, more: false }
            }
            Command::Previews { seqs, .. } => {
                let messages = self.room_at(self.head()).messages.into_iter();
                let messages = messages.filter(|m| seqs.contains(&m.seq)).map(|m| m.preview()).collect();
                Reply::Previews { room: room(), messages, people: Vec::new() }
            }
            Command::Thread { root, before, .. } => {
                let at = self.room_at(self.head());
                let is_reply = |message: &&Message| {
                    message
                        .thread
                        .is_some_and(|thread| thread.0 == *root && before.is_none_or(|nth| thread.1 < nth))
                };
                let messages = self.with_votes(at.messages);
                let mut page: Vec<Message> = messages.iter().filter(is_reply).cloned().collect();
                let more = page.len() > 4;
                page.drain(..page.len().saturating_sub(4));
                let root = messages.iter().find(|message| message.seq == *root).unwrap().clone();
                let thread = Box::new(Thread { room: room(), root, unread: 0, following: false });
                Reply::Thread { thread, messages: page, more, people }
            }
            Command::People { users } => {
                Reply::Users { users: people.into_iter().filter(|user| users.contains(&user.id)).collect() }
            }
            Command::Delivered { .. } | Command::Read { .. } => Reply::Done {},
            other => panic!("nobody asked {other:?}"),
        }
    }

    /// Answers everything, until the client asks nothing more.
    fn serve(&self, client: &mut Client, mut now: i64) {
        for _ in 0..500 {
            let frames = client.take_frames();
            if frames.is_empty() {
                return;
            }
            for frame in frames {
                now += 600;
                let reply = self.answer(&frame.command);
                client.receive(ServerFrame::Reply { r#ref: frame.r#ref, reply }, now);
            }
        }
        panic!("it asks for ever");
    }

    fn connect(&self, client: &mut Client, now: i64) {
        client.disconnected(now);
        client.connected(now);
        client.focus(Some(room()), now);
        self.serve(client, now);
    }
}

/// Everything that is shown, from all three lines.
#[derive(Debug, PartialEq)]
struct Shown {
    summary: RoomSummary,
    messages: Vec<Message>,
    quotes: Vec<Option<(Seq, String)>>,
    followed: Vec<Following>,
    pins: Vec<Pin>,
    members: Vec<Member>,
    rooms: Vec<RoomId>,
    names: Vec<Option<String>>,
    groups: Vec<UserId>,
    saved: Vec<Saved>,
    scheduled: Vec<Scheduled>,
    drafts: Vec<Draft>,
    cursors: [Seq; 3],
}

fn everything(client: &Client) -> Shown {
    let state = client.room(room()).unwrap();
    Shown {
        // Whether writing moves the writer's read mark depends on what was unread at that moment,
        // not on the changes.
        summary: RoomSummary { marks: summary(0).marks, ..state.summary.clone() },
        messages: state.timeline.iter().flat_map(|t| t.messages()).map(|m| (**m).clone()).collect(),
        quotes: state
            .timeline
            .iter()
            .flat_map(|t| t.messages())
            .filter_map(|m| m.reply_to)
            .map(|seq| state.quote(seq).map(|quoted| (quoted.seq, quoted.body.clone())))
            .collect(),
        followed: {
            let mut followed: Vec<Following> = client.personal().followed().cloned().collect();
            followed.sort_by_key(|one| one.root);
            followed
        },
        pins: state.pins().into_iter().cloned().collect(),
        members: state.active_members().cloned().collect(),
        rooms: client.order(),
        names: (ME..ME + 3).map(|n| client.user(id(n)).map(|user| user.name.clone())).collect(),
        groups: {
            let mut groups = client.personal().groups().unwrap_or_default();
            groups.sort_unstable();
            groups
        },
        saved: client.personal().saved().into_iter().cloned().collect(),
        scheduled: client.personal().scheduled().into_iter().cloned().collect(),
        drafts: {
            let drafts = client.personal().drafts().iter().filter(|draft| !draft.body.is_empty());
            let mut drafts: Vec<Draft> = drafts.cloned().collect();
            drafts.sort_by_key(|draft| draft.thread);
            drafts
        },
        cursors: [state.cursor(), client.person_cursor(), client.workspace_cursor()],
    }
}

/// The thread that is open: its root, its replies, and whether there are others.
fn thread(client: &Client) -> Option<(Option<Message>, Vec<Message>, bool)> {
    let open = client.room(room()).unwrap().thread.as_ref()?;
    let root = open.root_message().map(|root| (**root).clone());
    Some((
        root,
        open.replies().map(|reply| (**reply).clone()).collect(),
        open.more_before() || open.more_after(),
    ))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_order_repetition_and_loss_then_catching_up_are_a_fresh_fetch(
        steps in prop::collection::vec((0_usize..23, 0_usize..40, 0_usize..12), 1..70),
        read in 0_i64..30,
        opens in 0_usize..40,
        deliveries in prop::collection::vec((0_usize..6, 0_i64..60, 0_i64..60, 0_usize..5), 0..120),
        ahead in any::<bool>(),
    ) {
        let truth = Truth::of(read, &steps);
        let mut client = Client::default();
        Truth { read, ..Truth::default() }.connect(&mut client, 0);
        let mut now = 1_000;
        for (nth, (line, one, other, how)) in deliveries.into_iter().enumerate() {
            // The page of the thread is read when the database is ahead of the client.
            if nth >= opens
                && let Some(root) = truth.root()
                && client.room(room()).unwrap().message(root).is_some()
            {
                // At its end, or at one of its replies.
                let reply = client.room(room()).unwrap().timeline.as_ref().and_then(|window| {
                    let reply = window.messages().find(|message| message.thread.is_some())?;
                    Some(reply.seq).filter(|_| ahead)
                });
                client.open_thread_at(room(), Some(root), reply, now);
                let asked = client.take_frames().into_iter();
                for frame in asked.filter(|frame| matches!(frame.command, Command::Thread { .. })) {
                    let reply = truth.answer(&frame.command);
                    client.receive(ServerFrame::Reply { r#ref: frame.r#ref, reply }, now);
                }
            }
            let line = match line {
                0 => Line::Person(id(ME)),
                1 => Line::Workspace,
                _ => Line::Room(room()),
            };
            let first = if line.room().is_some() { BEFORE } else { 0 };
            let count = truth.head_of(line) - first;
            if count == 0 {
                continue;
            }
            now += 7;
            let (after, through) = (first + one.min(other) % count, first + 1 + one.max(other) % count);
            let change = truth.event(line, through);
            if how == 0 && after < through {
                let changes = truth.since(line, after, through);
                let (after, through) = (Seq(after), Seq(through));
                let event = Event::Changes { line, after, changes, through, people: Vec::new() };
                client.receive(ServerFrame::Event { event }, now);
            } else if how == 1 && ahead {
                // The answer to a command arrives before its event, and before others.
                let request = client.request(Command::Pin { room: room(), seq: Seq(1), on: true });
                let reply = Reply::Changed { line, seq: Seq(through), change };
                client.receive(ServerFrame::Reply { r#ref: request, reply }, now);
            } else {
                let event = Event::Change { line, seq: Seq(through), change, people: Vec::new() };
                client.receive(ServerFrame::Event { event }, now);
            }
            let state = client.room(room()).unwrap();
            if !ahead {
                // The shown state is always the database's at the client's position.
                let at = truth.room_at(state.cursor().0);
                let shown = everything(&client);
                let mut messages = shown.messages;
                // The viewer's votes are told on another line.
                messages.iter_mut().filter_map(|message| message.poll.as_mut()).for_each(|poll| poll.vote = None);
                prop_assert_eq!(&messages, &at.messages);
                prop_assert_eq!(shown.summary.unread, truth.summary(state.cursor().0, client.person_cursor().0 as usize).unread);
                if !state.is_miscounted() {
                    let at = truth.summary(state.cursor().0, client.person_cursor().0 as usize);
                    prop_assert_eq!(shown.summary.mentions, at.mentions);
                }
                prop_assert_eq!(&shown.members, &at.active());
                prop_assert_eq!((shown.summary.members, shown.summary.role), {
                    let at = truth.summary(state.cursor().0, client.person_cursor().0 as usize);
                    (at.members, at.role)
                });
                prop_assert_eq!(&shown.summary.room, &truth.summary(state.cursor().0, client.person_cursor().0 as usize).room);
                prop_assert_eq!(shown.pins.len(), at.pins.values().filter(|pin| pin.on).count());
                let personal = truth.personal(client.person_cursor().0 as usize);
                prop_assert_eq!((shown.saved, shown.scheduled, shown.drafts), personal);
            }
        }
        truth.connect(&mut client, now + 10_000);
        let mut fresh = Client::default();
        truth.connect(&mut fresh, 0);
        for client in [&mut client, &mut fresh] {
            client.open_thread(room(), truth.root(), now);
            truth.serve(client, now);
            // All of it, page by page.
            for direction in [Direction::After, Direction::Before] {
                for _ in 0..20 {
                    client.load_replies(room(), direction);
                    truth.serve(client, now);
                }
            }
        }
        prop_assert_eq!(thread(&client), thread(&fresh));
        prop_assert!(client.has_whole_list());
        prop_assert_eq!(everything(&client), everything(&fresh));
        // The fresh one equals the database.
        let all = truth.with_votes(truth.room_at(truth.head()).messages);
        prop_assert_eq!(&everything(&fresh).messages, &all);
        let shown = everything(&fresh);
        prop_assert_eq!((shown.saved, shown.scheduled, shown.drafts), truth.personal(truth.person.len()));
        let followed: Vec<Following> = truth.followed().into_iter().filter(|one| one.on).collect();
        prop_assert_eq!(shown.followed, followed);
        prop_assert_eq!(shown.groups, truth.groups(truth.person.len()).into_keys().collect::<Vec<_>>());
        if let (Some(root), Some(open)) = (truth.root(), &fresh.room(room()).unwrap().thread) {
            let is_reply = |message: &&Message| message.thread.is_some_and(|thread| thread.0 == root);
            prop_assert!(open.replies().map(|reply| &**reply).eq(all.iter().filter(is_reply)));
        }
        let mut rooms = truth.memberships(truth.person.len());
        rooms.insert(room());
        prop_assert_eq!(everything(&fresh).rooms.into_iter().collect::<BTreeSet<_>>(), rooms);
    }
}
