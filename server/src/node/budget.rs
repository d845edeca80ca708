//! The price of each command, and how much one person may spend on this node.
//!
//! Every command takes tokens from one of its person's buckets ([`Bucket`]). A command that changes
//! something for a whole room also takes some from the room's bucket ([`RoomBucket`]). Buckets
//! refill over time. If too few tokens are left, the command is refused with
//! [`ErrorCode::SlowDown`] and the time to wait; it then costs nothing beyond being read. (If only
//! the room's bucket has too few, the person's tokens are still spent.)
//!
//! [`price`] and the two tables of allowances below it are the whole policy: one row per command,
//! with its reason. Other limits are elsewhere: garbage (`socket::connection`), sockets
//! (`entry::connection_limit`), addresses (`entry::rate_limits`), concurrent greetings
//! ([`greetings`](super::greetings)).
//!
//! Law: an honest client is never refused in ordinary use, even when it reconnects with hundreds of
//! rooms and several tabs; a hostile one costs others no more than its buckets allow. The tests
//! below check both.
//!
//! Each node counts for itself: behind N nodes one person has N budgets. Full buckets are
//! discarded, so memory holds only the people who did something within the last minutes.

use std::{hash::Hash, num::NonZeroU32};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};
use protocol::{Command, ErrorCode, Refusal, RoomId, Seq, UserId, limits};

use super::{Node, Tuning};
use crate::broker::Line;

/// The buckets of each person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bucket {
    /// Messages, edits, deletions, reactions, pins, votes, and changes that only their person sees.
    /// The only bucket with its own settings (`ROOST_SENDS_PER_S`, `ROOST_SENDS_BURST`).
    Sends,
    /// Delivered and read marks.
    Marks,
    /// Commands that only read, except searches for messages.
    Questions,
    /// Searches for messages.
    Searches,
    /// Greetings.
    Hellos,
    /// Groups and channels created or deleted.
    NewRooms,
    /// Direct rooms started or reopened.
    DirectRooms,
    /// Rooms joined or left.
    Joins,
    /// People added to or removed from rooms and user groups, and roles given.
    Invites,
    /// Titles, topics and policies of rooms, user groups, and the person's own profile.
    Titles,
    /// Frames that cost nothing beyond being read: pings of both kinds, and commands refused
    /// because a bucket was empty. If this bucket is empty, the connection is closed.
    Free,
}

/// Buckets shared by all members of a room, for changes that everyone in the room receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoomBucket {
    /// Members who join, leave or are added.
    Members,
    /// Titles.
    Titles,
}

/// The price of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Price {
    bucket: Bucket,
    tokens: u32,
    room: Option<(RoomBucket, RoomId)>,
}

/// How fast a bucket refills, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Allowance {
    per_min: u32,
    burst: u32,
}

const fn price_of(bucket: Bucket, tokens: u32) -> Option<Price> {
    Some(Price { bucket, tokens, room: None })
}

const fn with_room(bucket: Bucket, tokens: u32, room: (RoomBucket, RoomId)) -> Option<Price> {
    Some(Price { bucket, tokens, room: Some(room) })
}

/// One row per command. `head` returns a line's last number, if this node follows the line. One
/// token of [`Bucket::Questions`] pays for the cheapest query: one index lookup of a membership and
/// some rows, about a fifth of a millisecond of database time.
fn price(command: &Command, head: impl Fn(Line) -> Option<Seq>) -> Option<Price> {
    match command {
        // Answered by the connection itself, out of turn: see [`Node::charge_free`].
        Command::Ping {} => None,
        // The most expensive query, up to 2 MB. Each connection sends it once.
        Command::Hello { .. } => price_of(Bucket::Hellos, 1),
        // Mostly from memory. If it is too far behind, it is answered like `open`.
        Command::CatchUp { line, after } if is_near(*after, head(*line)) => price_of(Bucket::Questions, 1),
        // The room, 50 messages, 200 sorted members, and their marks.
        Command::Open { .. } | Command::CatchUp { .. } => price_of(Bucket::Questions, 8),
        // A membership, and 50 messages.
        Command::History { .. } | Command::Around { .. } | Command::Previews { .. } => {
            price_of(Bucket::Questions, 2)
        }
        // Up to thousands of index entries and messages: some milliseconds, at most some hundred.
        Command::Search { .. } => price_of(Bucket::Searches, 1),
        // A membership, and up to a hundred texts.
        Command::Versions { .. } => price_of(Bucket::Questions, 2),
        // The room, and its sorted members.
        Command::Members { .. } => price_of(Bucket::Questions, 6),
        // A page of messages, and what is new in the thread.
        Command::Thread { .. } => price_of(Bucket::Questions, 4),
        // Sorts all threads that the person follows, or all of a room.
        Command::Threads { .. } => price_of(Bucket::Questions, 8),
        // A hundred rooms, each with its last message.
        Command::ListRooms { .. } => price_of(Bucket::Questions, 8),
        // The heads of a hundred rooms, and those that differ.
        Command::CompareRooms { .. } => price_of(Bucket::Questions, 4),
        // A membership, a message, and a search among the votes in its poll: at most as many as a room has members.
        Command::Voters { .. } => price_of(Bucket::Questions, 4),
        // A membership and some messages.
        Command::Pinned { .. } => price_of(Bucket::Questions, 2),
        // A hundred people, mostly from memory.
        Command::People { .. } => price_of(Bucket::Questions, 2),
        // One person, and for a guest whether they share a room.
        Command::Profile { .. } => price_of(Bucket::Questions, 2),
        // Up to 200 rows.
        Command::Groups {} => price_of(Bucket::Questions, 4),
        // Sorts up to a thousand people.
        Command::Group { .. } => price_of(Bucket::Questions, 4),
        // A search that reads every name.
        Command::FindUsers { .. } => price_of(Bucket::Questions, 6),
        // A search that reads every title, and counts members.
        Command::FindChannels { .. } => price_of(Bucket::Questions, 6),
        // Written in batches; published to the room.
        Command::Send { .. } => price_of(Bucket::Sends, 1),
        // One transaction under the room's lock; published to the room.
        Command::Edit { .. }
        | Command::Delete { .. }
        | Command::React { .. }
        | Command::Pin { .. }
        | Command::RemovePreviews { .. } => price_of(Bucket::Sends, 1),
        // The same under the lock of the person's own line, too; published to the room.
        Command::Vote { .. } | Command::ClosePoll { .. } => price_of(Bucket::Sends, 1),
        // Merged and written in batches; published to small rooms.
        Command::Delivered { .. } | Command::Read { .. } => price_of(Bucket::Marks, 1),
        // Permanent, and appears in two people's lists.
        Command::StartDirect { .. } => price_of(Bucket::DirectRooms, 1),
        // Permanent; a channel appears in everyone's search.
        Command::CreateRoom { .. } => price_of(Bucket::NewRooms, 1),
        // A transaction under the room's lock; published to all members. Leaving costs as much, to
        // bound loops of joining and leaving.
        Command::Join { room } | Command::Leave { room } => {
            with_room(Bucket::Joins, 1, (RoomBucket::Members, *room))
        }
        // The same for each person.
        Command::Invite { room, users } => {
            let people = users.len().clamp(1, limits::INVITE_MAX) as u32;
            with_room(Bucket::Invites, people, (RoomBucket::Members, *room))
        }
        // A membership, and up to a hundred people.
        Command::Banned { .. } => price_of(Bucket::Questions, 2),
        // Like leaving, but for another person. The room's bucket is not charged: members could
        // empty it to avoid being removed, and there are few moderators.
        Command::Remove { .. } | Command::Unban { .. } | Command::SetRole { .. } => {
            price_of(Bucket::Invites, 1)
        }
        // A statement over all members, each of whom is told. Costs as much as creating a room, to
        // bound loops of creating and deleting.
        Command::DeleteRoom { .. } => price_of(Bucket::NewRooms, 1),
        // One transaction under the lock of the person's own line; published to nobody else.
        Command::Save { .. }
        | Command::Follow { .. }
        | Command::MarkUnread { .. }
        | Command::ReadOn { .. }
        | Command::Draft { .. }
        | Command::Remind { .. }
        | Command::Schedule { .. }
        | Command::Reschedule { .. }
        | Command::Unschedule { .. } => price_of(Bucket::Sends, 1),
        // What the person has saved and scheduled, the threads that they follow, and their groups: some
        // hundred rows at most, usually a handful. Each page sends it once.
        Command::Personal {} => price_of(Bucket::Questions, 4),
        // A transaction under the room's lock; published to all members. Only owners may.
        Command::SetPolicy { .. } | Command::Archive { .. } => price_of(Bucket::Titles, 1),
        // The same, but any member may.
        Command::SetRoom { room, .. } => with_room(Bucket::Titles, 1, (RoomBucket::Titles, *room)),
    }
}

/// Whether this node expects to answer a catch-up with changes.
fn is_near(after: Seq, head: Option<Seq>) -> bool {
    after >= Seq::ZERO && head.is_some_and(|head| head.0.saturating_sub(after.0) <= limits::BEHIND_MAX)
}

impl Bucket {
    /// One row per bucket.
    const fn allowance(self) -> Allowance {
        match self {
            // Not used: the settings decide.
            Self::Sends => Allowance { per_min: 5 * 60, burst: 30 },
            // A person in 40 rooms that are all active; five tabs that confirm 200 rooms each on
            // reconnecting.
            Self::Marks => Allowance { per_min: 40 * 60, burst: 1_200 },
            // Five tabs that reconnect to 200 rooms and open 20 of them each; then four searches
            // per second, each for people and for channels.
            Self::Questions => Allowance { per_min: 50 * 60, burst: 2_000 },
            // Someone who types, with a search at every pause, and looks through the pages.
            Self::Searches => Allowance { per_min: 60, burst: 60 },
            // Five tabs through several broken connections.
            Self::Hellos => Allowance { per_min: 30, burst: 30 },
            // Someone sets up a workspace.
            Self::NewRooms => Allowance { per_min: 6, burst: 20 },
            // Someone clicks through a list of people.
            Self::DirectRooms => Allowance { per_min: 30, burst: 40 },
            // A newcomer joins every channel.
            Self::Joins => Allowance { per_min: 20, burst: 50 },
            // Someone adds a whole department.
            Self::Invites => Allowance { per_min: 60, burst: 300 },
            // Someone tries out names.
            Self::Titles => Allowance { per_min: 6, burst: 10 },
            // Five tabs that reconnect to 500 rooms, and are refused the queries beyond their
            // budget.
            Self::Free => Allowance { per_min: 20 * 60, burst: 1_000 },
        }
    }
}

impl RoomBucket {
    /// One row per bucket. Nobody can empty a room's bucket alone: a person's allowance is smaller.
    const fn allowance(self) -> Allowance {
        match self {
            // A new channel that everyone is asked to join.
            Self::Members => Allowance { per_min: 20 * 60, burst: 1_000 },
            // Members who cannot agree on a name.
            Self::Titles => Allowance { per_min: 20, burst: 30 },
        }
    }
}

// One person's burst must leave something for the others, and each command must fit into its
// bucket.
const _: () = assert!(
    Bucket::Titles.allowance().burst * 2 < RoomBucket::Titles.allowance().burst
        && Bucket::Titles.allowance().per_min * 2 < RoomBucket::Titles.allowance().per_min
        && (Bucket::Joins.allowance().burst + Bucket::Invites.allowance().burst) * 2
            < RoomBucket::Members.allowance().burst
        && (Bucket::Joins.allowance().per_min + Bucket::Invites.allowance().per_min) * 2
            < RoomBucket::Members.allowance().per_min
        && limits::INVITE_MAX as u32 <= Bucket::Invites.allowance().burst
);

/// The buckets of everyone who was recently active. See the module.
#[derive(Debug)]
pub struct Budgets {
    sends: Buckets<UserId>,
    marks: Buckets<UserId>,
    questions: Buckets<UserId>,
    searches: Buckets<UserId>,
    hellos: Buckets<UserId>,
    new_rooms: Buckets<UserId>,
    direct_rooms: Buckets<UserId>,
    joins: Buckets<UserId>,
    invites: Buckets<UserId>,
    titles: Buckets<UserId>,
    free: Buckets<UserId>,
    room_members: Buckets<RoomId>,
    room_titles: Buckets<RoomId>,
}

impl Budgets {
    /// Creates buckets with the allowances of the tables; for sends, those of the settings.
    #[must_use]
    pub fn new(tuning: &Tuning) -> Self {
        let factor = tuning.budget_factor.get();
        let person = |bucket: Bucket| Buckets::new(bucket.allowance(), factor);
        let room = |bucket: RoomBucket| Buckets::new(bucket.allowance(), factor);
        Self {
            sends: Buckets(RateLimiter::keyed(
                Quota::per_second(tuning.sends_per_s).allow_burst(tuning.sends_burst),
            )),
            marks: person(Bucket::Marks),
            questions: person(Bucket::Questions),
            searches: person(Bucket::Searches),
            hellos: person(Bucket::Hellos),
            new_rooms: person(Bucket::NewRooms),
            direct_rooms: person(Bucket::DirectRooms),
            joins: person(Bucket::Joins),
            invites: person(Bucket::Invites),
            titles: person(Bucket::Titles),
            free: person(Bucket::Free),
            room_members: room(RoomBucket::Members),
            room_titles: room(RoomBucket::Titles),
        }
    }

    /// Takes the price of a command.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`] with the time to wait.
    fn take(&self, user: UserId, price: Price) -> Result<(), Refusal> {
        self.of_person(price.bucket).take(&user, price.tokens)?;
        match price.room {
            Some((RoomBucket::Members, room)) => self.room_members.take(&room, price.tokens),
            Some((RoomBucket::Titles, room)) => self.room_titles.take(&room, price.tokens),
            None => Ok(()),
        }
    }

    fn of_person(&self, bucket: Bucket) -> &Buckets<UserId> {
        match bucket {
            Bucket::Sends => &self.sends,
            Bucket::Marks => &self.marks,
            Bucket::Questions => &self.questions,
            Bucket::Searches => &self.searches,
            Bucket::Hellos => &self.hellos,
            Bucket::NewRooms => &self.new_rooms,
            Bucket::DirectRooms => &self.direct_rooms,
            Bucket::Joins => &self.joins,
            Bucket::Invites => &self.invites,
            Bucket::Titles => &self.titles,
            Bucket::Free => &self.free,
        }
    }

    /// Discards full buckets. Call it periodically.
    pub fn forget_rested(&self) {
        for buckets in [
            &self.sends,
            &self.marks,
            &self.questions,
            &self.searches,
            &self.hellos,
            &self.new_rooms,
            &self.direct_rooms,
            &self.joins,
            &self.invites,
            &self.titles,
            &self.free,
        ] {
            buckets.forget_rested();
        }
        self.room_members.forget_rested();
        self.room_titles.forget_rested();
    }
}

impl Node {
    /// Charges a person for a command.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`] with the time to wait.
    pub fn charge(&self, user: UserId, command: &Command) -> Result<(), Refusal> {
        price(command, |line| self.position(line)).map_or(Ok(()), |price| self.budgets.take(user, price))
    }

    /// Charges a person for a message sent by a form.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`] with the time to wait.
    pub fn charge_send(&self, user: UserId) -> Result<(), Refusal> {
        self.budgets.sends.take(&user, 1)
    }

    /// Charges a person for a search by a page.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`] with the time to wait.
    pub fn charge_search(&self, user: UserId) -> Result<(), Refusal> {
        self.budgets.searches.take(&user, 1)
    }

    /// Charges a person for changing something that everyone sees: their profile, the workspace's
    /// name, a user group, or someone's role.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`] with the time to wait.
    pub fn charge_rename(&self, user: UserId) -> Result<(), Refusal> {
        self.budgets.titles.take(&user, 1)
    }

    /// Charges an administrator for adding people to a group or removing them: each of them is told, as by an
    /// invitation to a room.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`] with the time to wait.
    pub fn charge_regroup(&self, user: UserId, people: u32) -> Result<(), Refusal> {
        self.budgets.invites.take(&user, people)
    }

    /// Charges a person for a frame that costs nothing beyond being read. It counts per person, not
    /// per connection, so that reconnecting does not renew the budget.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`]: the connection is to be closed.
    pub fn charge_free(&self, user: UserId) -> Result<(), Refusal> {
        self.budgets.free.take(&user, 1)
    }
}

/// One bucket per key.
#[derive(Debug)]
struct Buckets<K: Hash + Eq + Clone>(DefaultKeyedRateLimiter<K>);

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(Allowance { per_min, burst }: Allowance, factor: u32) -> Self {
        let times = |number: u32| NonZeroU32::new(number.saturating_mul(factor)).unwrap_or(NonZeroU32::MIN);
        Self(RateLimiter::keyed(Quota::per_minute(times(per_min)).allow_burst(times(burst))))
    }

    fn take(&self, key: &K, tokens: u32) -> Result<(), Refusal> {
        let tokens = NonZeroU32::new(tokens).unwrap_or(NonZeroU32::MIN);
        match self.0.check_key_n(key, tokens) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(governor::clock::DefaultClock::default().now());
                // Rounded up, so that a client that waits this long is not refused again.
                let retry_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).saturating_add(1);
                Err(Refusal::new(ErrorCode::SlowDown).retry_ms(retry_ms))
            }
            // No row of the table asks for more than its bucket holds.
            Err(_) => Err(Refusal::new(ErrorCode::SlowDown).max(1)),
        }
    }

    fn forget_rested(&self) {
        self.0.retain_recent();
        self.0.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Direction, Nonce, Role, RoomKind};
    use uuid::Uuid;

    use super::*;

    const ANA: UserId = UserId(Uuid::from_u128(1));
    const BEA: UserId = UserId(Uuid::from_u128(2));

    fn room(n: u128) -> RoomId {
        RoomId(Uuid::from_u128(n))
    }

    fn budgets() -> Budgets {
        Budgets::new(&Tuning::default())
    }

    /// With the room's head at 10.
    fn ask(budgets: &Budgets, user: UserId, command: &Command) -> Result<(), Refusal> {
        price(command, |_| Some(Seq(10))).map_or(Ok(()), |price| budgets.take(user, price))
    }

    fn set_room(n: u128) -> Command {
        Command::SetRoom { room: room(n), title: "a".to_owned(), topic: String::new() }
    }

    /// One of each command.
    fn all() -> Vec<Command> {
        let (room, seq, text) = (room(1), Seq(1), String::new);
        vec![
            Command::Hello { version: 1 },
            Command::Ping {},
            Command::Open { room },
            Command::CatchUp { line: Line::Room(room), after: seq },
            Command::ListRooms { after: None },
            Command::CompareRooms { known: vec![(room, seq)] },
            Command::Pin { room, seq, on: true },
            Command::Pinned { room },
            Command::Versions { room, seq },
            Command::People { users: vec![BEA] },
            Command::Profile { user: BEA },
            Command::Groups {},
            Command::Group { group: BEA, after: None },
            Command::History { room, direction: Direction::Before, seq },
            Command::Around { room, seq },
            Command::Previews { room, seqs: vec![seq] },
            Command::say(room, Nonce(Uuid::nil()), text()),
            Command::Edit { room, seq, edits: 0, body: text() },
            Command::Delete { room, seq },
            Command::React { room, seq, emoji: text(), on: true },
            Command::Vote { room, seq, choices: vec![0] },
            Command::ClosePoll { room, seq },
            Command::Voters { room, seq, option: 0, after: None },
            Command::RemovePreviews { room, seq, urls: vec![text()] },
            Command::Delivered { room, seq },
            Command::Read { room, seq },
            Command::MarkUnread { room, seq },
            Command::ReadOn { room, rev: seq },
            Command::Draft { room, thread: None, base: seq, body: text() },
            Command::FindUsers { query: text() },
            Command::StartDirect { user: BEA },
            Command::CreateRoom {
                nonce: Nonce(Uuid::nil()),
                kind: RoomKind::Group,
                title: text(),
                topic: text(),
            },
            Command::FindChannels { query: text() },
            Command::Join { room },
            Command::Leave { room },
            Command::Invite { room, users: vec![BEA; 50] },
            Command::SetRoom { room, title: text(), topic: text() },
            Command::SetRole { room, user: BEA, role: Role::Moderator },
            Command::Remove { room, user: BEA, ban: true },
            Command::Unban { room, user: BEA },
            Command::Banned { room },
            Command::SetPolicy {
                room,
                post: Role::Owner,
                invite: Role::Member,
                pin: Role::Member,
                mention: Role::Member,
            },
            Command::Archive { room, on: true },
            Command::DeleteRoom { room },
            Command::Members { room, query: text(), after: None },
            Command::Thread { room, root: seq, before: None },
            Command::Threads { room: None, after: None },
            Command::Follow { room, root: seq, on: true },
            Command::Search { query: text(), room: None, zone: text(), after: None },
            Command::Save { room, seq, on: true },
            Command::Remind { room, seq, at: None },
            Command::Personal {},
            Command::Schedule { room, nonce: Nonce(Uuid::nil()), body: text(), at: 0 },
            Command::Reschedule { nonce: Nonce(Uuid::nil()), rev: seq, body: text(), at: 0 },
            Command::Unschedule { nonce: Nonce(Uuid::nil()) },
        ]
    }

    /// A client that loops any command is soon told to wait, and for how long; nobody else is
    /// affected.
    #[test]
    fn a_loop_of_any_command_is_stopped_and_only_its_person_waits() {
        assert_eq!(all().len(), Command::NAMES.len(), "one of each");
        for command in all().iter().filter(|command| !matches!(command, Command::Ping {})) {
            let budgets = budgets();
            let refusal = (0..3_000).find_map(|_| ask(&budgets, ANA, command).err());
            let refusal = refusal.unwrap_or_else(|| panic!("{} is never refused", command.name()));
            assert_eq!(refusal.code, ErrorCode::SlowDown, "{}", command.name());
            assert!(
                refusal.retry_ms.is_some_and(|ms| (1..=60_000).contains(&ms)),
                "{}: {refusal:?}",
                command.name()
            );
            ask(&budgets, BEA, command).unwrap_or_else(|e| panic!("{}: {e}", command.name()));
        }
    }

    /// One person's five tabs lose their server and reconnect at once, each to 200 rooms.
    #[test]
    fn five_tabs_that_come_back_to_two_hundred_rooms_are_all_answered() {
        let budgets = budgets();
        for tab in 0..5 {
            let answered = |command: Command| {
                ask(&budgets, ANA, &command).unwrap_or_else(|e| panic!("tab {tab}, {}: {e}", command.name()));
            };
            answered(Command::Hello { version: 1 });
            (0..200).for_each(|n| answered(Command::CatchUp { line: Line::Room(room(n)), after: Seq(3) }));
            (0..20).for_each(|n| answered(Command::Open { room: room(n) }));
            (0..200).for_each(|n| answered(Command::Delivered { room: room(n), seq: Seq(10) }));
            answered(Command::Members { room: room(1), query: String::new(), after: None });
        }
    }

    #[test]
    fn ordinary_work_is_not_refused() {
        let budgets = budgets();
        let answered = |command: Command| ask(&budgets, ANA, &command).unwrap();
        // Typing a name letter by letter; scrolling a history to its beginning.
        (0..60).for_each(|_| answered(Command::FindUsers { query: "bea".to_owned() }));
        let query = "rope".to_owned();
        let search = Command::Search { query, room: None, zone: String::new(), after: None };
        (0..40).for_each(|_| answered(search.clone()));
        (0..200).for_each(|seq| {
            answered(Command::History { room: room(1), direction: Direction::Before, seq: Seq(seq) });
        });
        // The first day: ten channels with a department each, and a direct room with everyone.
        for n in 0..10 {
            let (nonce, title) = (Nonce(Uuid::from_u128(n)), "channel".to_owned());
            answered(Command::CreateRoom { nonce, kind: RoomKind::Channel, title, topic: String::new() });
            answered(Command::Invite { room: room(n), users: vec![BEA; 30] });
            answered(set_room(n));
        }
        (0..30).for_each(|n| answered(Command::Join { room: room(n) }));
        (0..30).for_each(|n| answered(Command::StartDirect { user: UserId(Uuid::from_u128(n)) }));
    }

    #[test]
    fn a_catch_up_that_is_answered_like_an_open_costs_as_much() {
        let tokens = |after: i64, head: Option<i64>| {
            let command = Command::CatchUp { line: Line::Room(room(1)), after: Seq(after) };
            price(&command, |_| head.map(Seq)).unwrap().tokens
        };
        let open = price(&Command::Open { room: room(1) }, |_| None).unwrap().tokens;
        assert_eq!((tokens(0, Some(1_000)), tokens(5, Some(3))), (1, 1));
        assert_eq!(tokens(0, Some(1_001)), open);
        assert_eq!(tokens(-1, Some(10)), open);
        assert_eq!(tokens(i64::MIN, Some(10)), open);
        assert_eq!(tokens(0, None), open, "a room that nobody here follows");
    }

    /// A room is protected from many people together, not only from each of them.
    #[test]
    fn a_room_has_a_budget_of_its_own() {
        let budgets = budgets();
        let refused = (0..100).find(|n| ask(&budgets, UserId(Uuid::from_u128(*n)), &set_room(1)).is_err());
        assert_eq!(refused, Some(u128::from(RoomBucket::Titles.allowance().burst)));
        ask(&budgets, ANA, &set_room(2)).unwrap();
    }

    #[test]
    fn sends_are_as_the_settings_say() {
        let burst = NonZeroU32::new(3).unwrap();
        let budgets =
            Budgets::new(&Tuning { sends_per_s: NonZeroU32::MIN, sends_burst: burst, ..Tuning::default() });
        let delete = Command::Delete { room: room(1), seq: Seq(1) };
        for _ in 0..3 {
            ask(&budgets, ANA, &delete).unwrap();
        }
        let refusal = ask(&budgets, ANA, &delete).unwrap_err();
        assert!(refusal.retry_ms.is_some_and(|ms| ms <= 1_001), "{refusal:?}");
    }

    #[test]
    fn who_has_rested_is_forgotten() {
        let budgets = budgets();
        for n in 0..1_000 {
            ask(&budgets, UserId(Uuid::from_u128(n)), &Command::Read { room: room(1), seq: Seq(1) }).unwrap();
        }
        assert!(budgets.marks.0.len() > 100);
        // Each took one token, which refills within 25 ms.
        let began = std::time::Instant::now();
        while !budgets.marks.0.is_empty() {
            assert!(began.elapsed() < std::time::Duration::from_secs(20), "{}", budgets.marks.0.len());
            budgets.forget_rested();
            std::thread::yield_now();
        }
    }
}
