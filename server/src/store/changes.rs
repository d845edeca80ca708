//! What changed on a line: for clients that were away, and for nodes that missed something.
//!
//! [`Store::list_changes`] finds which things changed; [`Store::load`] has one loader per kind,
//! which fetches the current state of some keys.

use std::collections::{BTreeMap, HashMap};

use protocol::{
    Change, Draft, File, Following, Forward, InGroup, Line, LinkPreview, Mention, Message, MessageId, Nonce,
    Poll, Reaction, RoomId, Seq, ThreadAuthor, UserId, limits::BEHIND_MAX,
};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    Error, Store,
    lines::ItemKind,
    members::{MemberChange, members_now},
    messages::{in_thread, select_messages},
    polls::votes_of,
    rooms::{Listed, room_of},
    threads::replies_of,
};

/// What changed on a line after some number.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// The line's last number.
    pub head: Seq,
    /// Sorted by the number of each thing's last change.
    pub list: Vec<(Seq, Change)>,
    /// `list` is complete up to this number.
    pub through: Seq,
}

/// A new message, or a changed item; the columns of the other kind are empty. A line without
/// changes yields one row with only its head.
struct Row {
    head: i64,
    number: Option<i64>,
    kind: Option<String>,
    key: Option<String>,
    id: Option<Uuid>,
    rev_seq: Option<i64>,
    author_id: Option<Uuid>,
    nonce: Option<Uuid>,
    body: Option<String>,
    sent_at: Option<i64>,
    edits: Option<i32>,
    deleted: Option<bool>,
    reactions: Option<Json<Vec<Reaction>>>,
    mentions: Option<Json<Vec<Mention>>>,
    reply_to: Option<i64>,
    thread_root: Option<i64>,
    thread_nth: Option<i32>,
    in_room: Option<bool>,
    forward: Option<Json<Box<Forward>>>,
    replies: Option<i32>,
    last_seq: Option<i64>,
    last_at: Option<i64>,
    authors: Option<Json<Vec<ThreadAuthor>>>,
    poll: Option<Json<Poll>>,
    files: Option<Json<Vec<File>>>,
    previews: Option<Json<Vec<LinkPreview>>>,
}

impl Row {
    fn into_message(self) -> Option<Message> {
        Some(Message {
            id: MessageId(self.id?),
            seq: Seq(self.number?),
            rev: Seq(self.rev_seq?),
            author: UserId(self.author_id?),
            nonce: Nonce(self.nonce?),
            body: self.body?,
            sent_at: self.sent_at?,
            edits: u32::try_from(self.edits?).unwrap_or_default(),
            deleted: self.deleted?,
            reactions: self.reactions?.0,
            mentions: self.mentions?.0,
            reply_to: self.reply_to.map(Seq),
            thread: in_thread(self.thread_root, self.thread_nth),
            in_room: self.in_room?,
            replies: replies_of(self.replies, self.last_seq, self.last_at, self.authors),
            poll: self.poll.map(|poll| poll.0),
            forward: self.forward.map(|forward| forward.0),
            files: self.files.map(|files| files.0).unwrap_or_default(),
            previews: self.previews.map(|previews| previews.0).unwrap_or_default(),
        })
    }
}

impl Store {
    /// What changed on a line after `after`: at most `limit` things, and nothing beyond the next
    /// [`BEHIND_MAX`] numbers. A thing that changed repeatedly is included once, at the number of
    /// its last change. `None` if there is no such line, or if `viewer` is not in its room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_changes(
        &self,
        line: Line,
        viewer: Option<UserId>,
        after: Seq,
        limit: usize,
    ) -> Result<Option<Changes>, Error> {
        let end = Seq(after.0.saturating_add(BEHIND_MAX));
        // One round trip for messages, which change most, in one snapshot with the list of other
        // changed things. Postgres keeps one plan for it, which halves its cost: a range that is
        // bounded on both sides lets the planner expect few rows.
        let rows = sqlx::query_as!(
            Row,
            r#"select l.head, c.number as "number?", c.kind as "kind?", c.key as "key?", c.id as "id?",
                c.rev_seq as "rev_seq?", c.author_id as "author_id?", c.nonce as "nonce?", c.body as "body?",
                c.sent_at as "sent_at?", c.edits as "edits?", c.deleted as "deleted?",
                c.reactions as "reactions?: Json<Vec<Reaction>>",
                c.mentions as "mentions?: Json<Vec<Mention>>", c.reply_to as "reply_to?",
                c.thread_root as "thread_root?", c.thread_nth as "thread_nth?", c.in_room as "in_room?",
                c.forward as "forward?: Json<Box<Forward>>", c.replies as "replies?", c.last_seq as "last_seq?",
                c.last_at as "last_at?", c.authors as "authors?: Json<Vec<ThreadAuthor>>", c.poll as "poll?: Json<Poll>",
                c.files as "files?: Json<Vec<File>>", c.previews as "previews?: Json<Vec<LinkPreview>>"
             from lines l
             left join lateral (
                (select m.seq as number, null::text as kind, null::text as key, m.id, m.rev_seq, m.author_id, m.nonce,
                    m.body, (extract(epoch from m.sent_at) * 1000)::bigint as sent_at, m.edits,
                    m.deleted_at is not null as deleted, m.reactions, m.mentions, m.reply_to, m.thread_root,
                    m.thread_nth, m.in_room, m.forward, t.replies, t.last_seq,
                    (extract(epoch from t.last_at) * 1000)::bigint as last_at, t.authors, m.poll, m.files, m.previews
                 from messages m left join threads t on t.room_id = m.room_id and t.root = m.seq
                 where m.room_id = l.id and m.seq > $3 and m.seq <= $4 and m.rev_seq <= $4 order by m.seq limit $5)
                union all
                (select i.rev, i.kind, i.key, null, null, null, null, null, null, null, null, null, null, null,
                    null, null, null, null, null, null, null, null, null, null, null
                 from items i
                 where i.line_id = l.id and i.rev > $3 and i.rev <= $4 order by i.rev limit $5)
             ) c on true
             where l.id = $1 and ($2::uuid is null or exists (
                select from members x where x.room_id = $1 and x.user_id = $2 and x.active
             ))"#,
            line.id(),
            viewer.filter(|_| line.room().is_some()).map(|viewer| viewer.0),
            after.0,
            end.0,
            limit as i64
        )
        .fetch_all(&self.pool())
        .await?;
        let Some(head) = rows.first().map(|row| Seq(row.head)) else { return Ok(None) };
        let (mut born, mut items) = (BTreeMap::new(), Vec::new());
        for mut row in rows {
            match (row.number, row.kind.take(), row.key.take()) {
                (Some(number), Some(kind), Some(key)) => items.push((Seq(number), kind, key)),
                _ => born.extend(row.into_message().map(|message| (message.seq, message))),
            }
        }
        // A list that reached its limit says nothing about what comes after its last number.
        let born_end = born.last_key_value().map(|(seq, _)| *seq).filter(|_| born.len() == limit);
        let items_end = items.iter().map(|(number, ..)| *number).max().filter(|_| items.len() == limit);
        let (mut list, mut missing) = (Vec::with_capacity(born.len() + items.len()), HashMap::new());
        for (number, kind, key) in items {
            let message = if kind == ItemKind::Message.as_str() {
                key.parse().ok().and_then(|seq| born.remove(&Seq(seq)))
            } else {
                None
            };
            match (message, ItemKind::parse(&kind)) {
                (Some(message), _) => list.push((number, Change::Message { message })),
                (None, Some(kind)) => missing.entry(kind).or_insert_with(Vec::new).push((number, key)),
                (None, None) => list.push((number, Change::Unknown)),
            }
        }
        // A message that changed again is listed at its last change only.
        born.retain(|_, message| message.rev == message.seq);
        list.extend(born.into_iter().map(|(number, message)| (number, Change::Message { message })));
        // What is cut off need not be loaded, but the cut is known only once all numbers are
        // sorted.
        let numbers = list.iter().map(|(number, _)| *number);
        let mut numbers: Vec<Seq> =
            numbers.chain(missing.values().flatten().map(|(number, _)| *number)).collect();
        numbers.sort_unstable();
        let full = numbers.get(limit.saturating_sub(1)).copied();
        let last = [full, born_end, items_end].into_iter().flatten().min();
        for (kind, mut keys) in missing {
            keys.retain(|(number, _)| last.is_none_or(|last| *number <= last));
            if !keys.is_empty() {
                list.extend(self.load(line, kind, &keys).await?);
            }
        }
        list.retain(|(number, _)| last.is_none_or(|last| *number <= last));
        list.sort_by_key(|(number, _)| *number);
        // A truncated list ends where it was cut.
        Ok(Some(Changes { head, list, through: last.unwrap_or_else(|| head.min(end)) }))
    }

    /// The current state of the things of one kind with these keys, each at the number that came
    /// with its key.
    async fn load(
        &self,
        line: Line,
        kind: ItemKind,
        keys: &[(Seq, String)],
    ) -> Result<Vec<(Seq, Change)>, Error> {
        match (kind, line) {
            (ItemKind::Message, Line::Room(room)) => self.load_messages(room, keys).await,
            (ItemKind::Reaction, Line::Room(room)) => self.load_reactions(room, keys).await,
            (ItemKind::Pin, Line::Room(room)) => self.load_pins(room, keys).await,
            (ItemKind::Poll, Line::Room(room)) => self.load_polls(room, keys).await,
            (ItemKind::Member, Line::Room(room)) => self.load_members(room, keys).await,
            (ItemKind::Room, Line::Room(room)) => self.load_room(room, keys).await,
            (ItemKind::Membership, Line::Person(user)) => self.load_memberships(user, keys).await,
            (ItemKind::Sessions, Line::Person(_)) => {
                Ok(keys.iter().map(|(number, _)| (*number, Change::Sessions {})).collect())
            }
            (ItemKind::Saved, Line::Person(user)) => self.load_saved(user, keys).await,
            (ItemKind::Scheduled, Line::Person(user)) => self.load_scheduled(user, keys).await,
            (ItemKind::Following, Line::Person(user)) => self.load_followed(user, keys).await,
            (ItemKind::Unread, Line::Person(user)) => self.load_unread(user, keys).await,
            (ItemKind::Draft, Line::Person(user)) => self.load_drafts(user, keys).await,
            (ItemKind::Vote, Line::Person(user)) => self.load_votes(user, keys).await,
            (ItemKind::InGroup, Line::Person(user)) => self.load_in_groups(user, keys).await,
            (ItemKind::Profile, Line::Workspace) => self.load_profiles(keys).await,
            (ItemKind::Group, Line::Workspace) => self.load_groups(keys).await,
            (
                ItemKind::Message
                | ItemKind::Reaction
                | ItemKind::Pin
                | ItemKind::Poll
                | ItemKind::Member
                | ItemKind::Room
                | ItemKind::Membership
                | ItemKind::Sessions
                | ItemKind::Saved
                | ItemKind::Scheduled
                | ItemKind::Following
                | ItemKind::Unread
                | ItemKind::Draft
                | ItemKind::Vote
                | ItemKind::InGroup
                | ItemKind::Profile
                | ItemKind::Group,
                _,
            ) => {
                tracing::error!(%line, ?kind, "a thing stands on a line where it does not belong");
                Ok(Vec::new())
            }
        }
    }

    async fn load_messages(&self, room: RoomId, keys: &[(Seq, String)]) -> Result<Vec<(Seq, Change)>, Error> {
        let seqs: HashMap<i64, Seq> = parsed(keys);
        let wanted: Vec<i64> = seqs.keys().copied().collect();
        let rows = select_messages!("where m.room_id = $1 and m.seq = any($2)", room.0, &wanted)
            .fetch_all(&self.pool())
            .await?;
        Ok(rows.into_iter().map(|row| (seqs[&row.seq], Change::Message { message: row.into() })).collect())
    }

    async fn load_reactions(
        &self,
        room: RoomId,
        keys: &[(Seq, String)],
    ) -> Result<Vec<(Seq, Change)>, Error> {
        let asked: Vec<(Seq, Seq, UserId, &str)> = keys
            .iter()
            .filter_map(|(number, key)| {
                let (message, rest) = key.split_once('/')?;
                let (user, emoji) = rest.split_once('/')?;
                Some((*number, Seq(message.parse().ok()?), user.parse().ok()?, emoji))
            })
            .collect();
        let wanted: Vec<i64> = asked.iter().map(|(_, message, ..)| message.0).collect();
        let rows = sqlx::query!(
            r#"select seq, reactions as "reactions: Json<Vec<Reaction>>" from messages
             where room_id = $1 and seq = any($2)"#,
            room.0,
            &wanted
        )
        .fetch_all(&self.pool())
        .await?;
        let reactions: HashMap<Seq, Vec<Reaction>> =
            rows.into_iter().map(|row| (Seq(row.seq), row.reactions.0)).collect();
        let is_there = |message: Seq, user: UserId, emoji: &str| {
            let there = reactions.get(&message).and_then(|all| all.iter().find(|one| one.emoji == emoji));
            there.is_some_and(|reaction| reaction.users.iter().any(|one| one.0 == user))
        };
        let change = |(number, message, user, emoji): (Seq, Seq, UserId, &str)| {
            let on = is_there(message, user, emoji);
            (number, Change::Reaction { message, emoji: emoji.to_owned(), user, on })
        };
        Ok(asked.into_iter().map(change).collect())
    }

    async fn load_pins(&self, room: RoomId, keys: &[(Seq, String)]) -> Result<Vec<(Seq, Change)>, Error> {
        let seqs: HashMap<i64, Seq> = parsed(keys);
        let wanted: Vec<i64> = seqs.keys().copied().collect();
        let mut connection = self.pool().acquire().await?;
        let pins = self.pins_of(&mut connection, room, &wanted).await?;
        Ok(pins.into_iter().map(|pin| (seqs[&pin.message.0], Change::Pin { pin })).collect())
    }

    async fn load_polls(&self, room: RoomId, keys: &[(Seq, String)]) -> Result<Vec<(Seq, Change)>, Error> {
        let seqs: HashMap<i64, Seq> = parsed(keys);
        let wanted: Vec<i64> = seqs.keys().copied().collect();
        let rows = sqlx::query!(
            r#"select seq, poll as "poll: Json<Poll>" from messages where room_id = $1 and seq = any($2)"#,
            room.0,
            &wanted
        )
        .fetch_all(&self.pool())
        .await?;
        // That of a deleted message is empty.
        let tally = |poll: Option<Json<Poll>>| poll.map(|poll| poll.0.tally()).unwrap_or_default();
        let change = |seq: i64, poll| (seqs[&seq], Change::Poll { message: Seq(seq), poll: tally(poll) });
        Ok(rows.into_iter().map(|row| change(row.seq, row.poll)).collect())
    }

    async fn load_members(&self, room: RoomId, keys: &[(Seq, String)]) -> Result<Vec<(Seq, Change)>, Error> {
        let users: HashMap<Uuid, Seq> = parsed(keys);
        let wanted: Vec<Uuid> = users.keys().copied().collect();
        let changes = members_now(&self.pool(), room, &wanted).await?.into_iter().map(|change| {
            let MemberChange { member, marks, members, membership: _ } = change;
            (users[&member.user.0], Change::Member { member, members, marks })
        });
        Ok(changes.collect())
    }

    async fn load_room(&self, room: RoomId, keys: &[(Seq, String)]) -> Result<Vec<(Seq, Change)>, Error> {
        let row = sqlx::query!(
            r#"select r.id, r.kind, r.title, r.topic, r.post_role, r.invite_role, r.pin_role, r.mention_role,
                r.archived_at is not null as "archived!", r.deleted_at is not null as "deleted!", r.rev_seq
             from rooms r where r.id = $1"#,
            room.0
        )
        .fetch_optional(&self.pool())
        .await?;
        let (Some(row), Some((number, _))) = (row, keys.last()) else { return Ok(Vec::new()) };
        Ok(vec![(*number, Change::Room { room: room_of!(row) })])
    }

    async fn load_memberships(
        &self,
        user: UserId,
        keys: &[(Seq, String)],
    ) -> Result<Vec<(Seq, Change)>, Error> {
        let rooms: HashMap<Uuid, Seq> = parsed(keys);
        let wanted: Vec<RoomId> = rooms.keys().copied().map(RoomId).collect();
        let listed = self.list_rooms(user, Listed::These(&wanted), wanted.len()).await?;
        let mut summaries: HashMap<RoomId, _> =
            listed.into_iter().map(|summary| (summary.room.id, Box::new(summary))).collect();
        let change = |room: RoomId| Change::Membership { room, summary: summaries.remove(&room) };
        let changes: Vec<Change> = wanted.iter().copied().map(change).collect();
        Ok(wanted.iter().map(|room| rooms[&room.0]).zip(changes).collect())
    }

    async fn load_saved(&self, user: UserId, keys: &[(Seq, String)]) -> Result<Vec<(Seq, Change)>, Error> {
        let asked = parsed_messages(keys);
        let wanted: Vec<(Uuid, i64)> = asked.keys().copied().collect();
        let saved = self.saved_of(user, &wanted).await?.into_iter();
        Ok(saved.map(|saved| (asked[&(saved.room.0, saved.message.0)], Change::Saved { saved })).collect())
    }

    async fn load_followed(&self, user: UserId, keys: &[(Seq, String)]) -> Result<Vec<(Seq, Change)>, Error> {
        let asked = parsed_messages(keys);
        let wanted: Vec<(Uuid, i64)> = asked.keys().copied().collect();
        let mut connection = self.pool().acquire().await?;
        let followed = self.followings_of(&mut connection, user, &wanted).await?.into_iter();
        let change = |following: Following| {
            (asked[&(following.room.0, following.root.0)], Change::Following { following })
        };
        Ok(followed.map(change).collect())
    }

    async fn load_votes(&self, user: UserId, keys: &[(Seq, String)]) -> Result<Vec<(Seq, Change)>, Error> {
        let asked = parsed_messages(keys);
        let wanted: Vec<(Uuid, i64)> = asked.keys().copied().collect();
        let mut connection = self.pool().acquire().await?;
        let votes = votes_of(&mut connection, user, &wanted).await?.into_iter();
        Ok(votes.map(|vote| (asked[&(vote.room.0, vote.message.0)], Change::Vote { vote })).collect())
    }

    async fn load_scheduled(
        &self,
        user: UserId,
        keys: &[(Seq, String)],
    ) -> Result<Vec<(Seq, Change)>, Error> {
        let asked: HashMap<Uuid, Seq> = parsed(keys);
        let wanted: Vec<Uuid> = asked.keys().copied().collect();
        let scheduled = self.scheduled_of(user, &wanted).await?.into_iter();
        Ok(scheduled.map(|scheduled| (asked[&scheduled.nonce.0], Change::Scheduled { scheduled })).collect())
    }

    async fn load_unread(&self, user: UserId, keys: &[(Seq, String)]) -> Result<Vec<(Seq, Change)>, Error> {
        let rooms: HashMap<Uuid, Seq> = parsed(keys);
        let wanted: Vec<Uuid> = rooms.keys().copied().collect();
        let unread = self.unread_of(user, &wanted).await?.into_iter();
        Ok(unread.map(|unread| (rooms[&unread.room.0], Change::Unread { unread })).collect())
    }

    async fn load_drafts(&self, user: UserId, keys: &[(Seq, String)]) -> Result<Vec<(Seq, Change)>, Error> {
        let asked = parsed_messages(keys);
        let wanted: Vec<(Uuid, i64)> = asked.keys().copied().collect();
        let drafts = self.drafts_of(user, &wanted).await?.into_iter();
        let number = |draft: &Draft| asked[&(draft.room.0, draft.thread.map_or(0, |root| root.0))];
        Ok(drafts.map(|draft| (number(&draft), Change::Draft { draft })).collect())
    }

    async fn load_in_groups(
        &self,
        user: UserId,
        keys: &[(Seq, String)],
    ) -> Result<Vec<(Seq, Change)>, Error> {
        let groups: HashMap<Uuid, Seq> = parsed(keys);
        let wanted: Vec<Uuid> = groups.keys().copied().collect();
        let inside = self.in_groups_of(user, &wanted).await?;
        let change = |(group, rev): (Uuid, Seq)| {
            let in_group = InGroup { group: UserId(group), on: inside.contains(&group), rev };
            (rev, Change::InGroup { in_group })
        };
        Ok(groups.into_iter().map(change).collect())
    }

    async fn load_groups(&self, keys: &[(Seq, String)]) -> Result<Vec<(Seq, Change)>, Error> {
        let groups: HashMap<Uuid, Seq> = parsed(keys);
        let wanted: Vec<Uuid> = groups.keys().copied().collect();
        let found = self.find_groups(&wanted).await?.into_iter();
        Ok(found.map(|user| (groups[&user.id.0], Change::Profile { user })).collect())
    }

    async fn load_profiles(&self, keys: &[(Seq, String)]) -> Result<Vec<(Seq, Change)>, Error> {
        let users: HashMap<Uuid, Seq> = parsed(keys);
        let wanted: Vec<UserId> = users.keys().copied().map(UserId).collect();
        let people = self.people(&wanted).await?;
        Ok(people.into_iter().map(|user| (users[&user.id.0], Change::Profile { user })).collect())
    }
}

/// Keys that name a message of a room, each with the number at which its thing changed.
fn parsed_messages(keys: &[(Seq, String)]) -> HashMap<(Uuid, i64), Seq> {
    let parse = |(number, key): &(Seq, String)| {
        let (room, message) = key.split_once('/')?;
        Some(((room.parse().ok()?, message.parse().ok()?), *number))
    };
    keys.iter().filter_map(parse).collect()
}

/// Keys that are numbers or ids, each with the number at which its thing changed.
fn parsed<K: std::str::FromStr + Eq + std::hash::Hash>(keys: &[(Seq, String)]) -> HashMap<K, Seq> {
    keys.iter().filter_map(|(number, key)| Some((key.parse().ok()?, *number))).collect()
}

#[cfg(test)]
mod tests {
    use protocol::{Marks, Member, NewPoll, Role, RoomKind, User, limits::CHANGES_MAX};
    use sqlx::PgPool;

    use super::*;
    use crate::store::messages::NewMessage;

    async fn person(store: &Store, handle: &str) -> User {
        let id = Uuid::new_v4();
        sqlx::query(
            "with line as (insert into lines (id, kind) values ($1, 'person'))
             insert into users (id, handle, name, password_hash) values ($1, $2, $2, 'x')",
        )
        .bind(id)
        .bind(handle)
        .execute(&store.pool())
        .await
        .unwrap();
        crate::store::users::user_of(id, handle.to_owned(), handle.to_owned(), "member", 0, None)
    }

    async fn channel(store: &Store, by: &User) -> RoomId {
        let nonce = Nonce(Uuid::new_v4());
        store
            .create_room::<Error>(by.id, nonce, RoomKind::Channel, ("harbour", "ships"), |_| Ok(()))
            .await
            .unwrap()
            .0
    }

    async fn say(store: &Store, room: RoomId, author: &User, texts: impl IntoIterator<Item = String>) {
        let new = texts
            .into_iter()
            .map(|body| NewMessage::plain(room, author.clone(), Nonce(Uuid::new_v4()), body));
        store.insert_messages(&new.collect::<Vec<_>>()).await.unwrap();
    }

    /// A readable form of the changes: each number, and the thing's current state.
    fn told(changes: &Changes, people: &[&User]) -> Vec<(i64, String)> {
        let name =
            |id: UserId| people.iter().find(|user| user.id == id).map_or("?", |user| user.handle.as_str());
        let text = |change: &Change| match change {
            Change::Message { message } => format!("{}: {}", name(message.author), message.body),
            Change::Member { member, members, .. } => {
                let how = if member.active { "in" } else { "out" };
                format!("{} is {how}, of {members}", name(member.user))
            }
            Change::Room { room } => format!("{} / {}", room.title, room.topic),
            Change::Reaction { message, emoji, user, on } => {
                format!("{} {emoji} {} {message}", name(*user), if *on { "to" } else { "off" })
            }
            Change::Pin { pin } => format!("{} pins {}: {}", name(pin.by), pin.message, pin.on),
            Change::Poll { message, poll } => format!("poll {message}: {:?} {}", poll.counts, poll.closed),
            Change::Vote { vote } => format!("votes in {}: {:?}", vote.message, vote.choices),
            Change::Membership { room: _, summary } => format!("in a room: {}", summary.is_some()),
            Change::Sessions {} => "sessions".to_owned(),
            Change::Saved { saved } => format!("saves {}: {}", saved.message, saved.on),
            Change::Following { following } => format!("follows {}: {}", following.root, following.on),
            Change::Unread { unread } => format!("unread after: {:?}", unread.after),
            Change::Draft { draft } => format!("writes: {}", draft.body),
            Change::Scheduled { scheduled } => format!("schedules {}: {}", scheduled.nonce, scheduled.on),
            Change::InGroup { in_group } => format!("in a group: {}", in_group.on),
            Change::Profile { user } => format!("{} is called {}", user.handle, user.name),
            Change::Unknown => "?".to_owned(),
        };
        changes.list.iter().map(|(rev, change)| (rev.0, text(change))).collect()
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn every_kind_of_change_comes_once_in_the_order_of_the_last_change(pool: PgPool) {
        let store = Store::over(pool);
        let (ana, bea) = (person(&store, "ana").await, person(&store, "bea").await);
        let room = channel(&store, &ana).await;
        let whom = (&[bea.id][..], 9);
        store.add_members::<Error>(ana.id, room, whom, |_| Ok(())).await.unwrap();
        say(&store, room, &bea, ["one".to_owned(), "two".to_owned()]).await;
        store.set_room::<Error>(ana.id, room, ("quay", "boats"), |_| Ok(())).await.unwrap();
        let mend =
            |message: &Message| Message { body: "one, mended".to_owned(), edits: 1, ..message.clone() };
        let mended = store
            .change_message::<Error>(bea.id, (room, Seq(4)), (&[], false), |_, old| Ok(Some(mend(old))))
            .await;
        let (said, thumb) = ((room, Seq(5)), ("👍", true));
        store.react::<Error>(ana.id, said, thumb, |_, _| Ok(())).await.unwrap();
        store.react::<Error>(bea.id, said, thumb, |_, _| Ok(())).await.unwrap();
        store.react::<Error>(bea.id, said, ("👍", false), |_, _| Ok(())).await.unwrap();
        store.pin::<Error>(ana.id, said, true, |_, _| Ok(())).await.unwrap();
        let new = NewPoll { options: vec!["a".to_owned(), "b".to_owned()], ..NewPoll::default() };
        let asked = NewMessage::plain(room, ana.clone(), Nonce(Uuid::new_v4()), "which?".to_owned());
        store.insert_messages(&[NewMessage { attached: new.into(), ..asked }]).await.unwrap();
        for (by, choices) in [(&ana, &[0][..]), (&bea, &[1]), (&bea, &[])] {
            store.vote::<Error>(by.id, (room, Seq(12)), choices, |_, _| Ok(())).await.unwrap();
        }
        store.remove_member::<Error>(bea.id, (room, bea.id), false, |_, _| Ok(())).await.unwrap();

        let all = [
            (2, "ana is in, of 1".to_owned()),
            (5, "bea: two".to_owned()),
            (6, "quay / boats".to_owned()),
            (7, "bea: one, mended".to_owned()),
            (8, "ana 👍 to 5".to_owned()),
            (10, "bea 👍 off 5".to_owned()),
            (11, "ana pins 5: true".to_owned()),
            (12, "ana: which?".to_owned()),
            (15, "poll 12: [1, 0] false".to_owned()),
            (16, "bea is out, of 1".to_owned()),
        ];
        let told = |changes: &Changes| told(changes, &[&ana, &bea]);
        let since = async |viewer: Option<&User>, after, limit| {
            store
                .list_changes(Line::Room(room), viewer.map(|viewer| viewer.id), Seq(after), limit)
                .await
                .unwrap()
        };
        for after in 0..=16 {
            let found = since(Some(&ana), after, 100).await.unwrap();
            let expected: Vec<_> = all.iter().filter(|(rev, _)| *rev > after).cloned().collect();
            assert_eq!((told(&found), found.head, found.through), (expected, Seq(16), Seq(16)), "{after}");
            assert_eq!(since(None, after, 100).await, Some(found), "a node is told the same");
        }
        // The same page by page, for any page size.
        for limit in 1..=12 {
            let (mut pages, mut after) = (Vec::new(), Seq::ZERO);
            loop {
                let page = since(None, after.0, limit).await.unwrap();
                assert!(page.list.len() <= limit && page.through > after, "{page:?}");
                pages.extend(told(&page));
                after = page.through;
                if after == page.head {
                    break;
                }
            }
            assert_eq!(pages, all, "{limit} at a time");
        }
        // Every part of a thing is included.
        let found = since(None, 0, 100).await.unwrap();
        let (message, _) = mended.unwrap();
        assert_eq!(found.list[3].1, Change::Message { message });
        let member = Member { user: bea.id, role: Role::Member, active: false, banned: false, rev: Seq(16) };
        let marks = Marks { user: bea.id, delivered: Seq(3), read: Seq(3) };
        assert_eq!(found.list[9].1, Change::Member { member, members: 1, marks });

        // A vote is on the voter's own line, also after they took it back.
        let own =
            store.list_changes(Line::Person(bea.id), Some(bea.id), Seq::ZERO, 100).await.unwrap().unwrap();
        assert!(told(&own).iter().any(|(_, text)| text == "votes in 12: []"), "{own:?}");

        assert_eq!(since(Some(&bea), 0, 100).await, None, "who has left is told nothing");
        assert_eq!(
            store.list_changes(Line::Room(RoomId(Uuid::max())), None, Seq::ZERO, 100).await.unwrap(),
            None
        );
    }

    /// At most [`BEHIND_MAX`] numbers at a time, without gaps.
    #[sqlx::test(migrations = "../migrations")]
    async fn a_long_way_is_gone_in_steps_and_nothing_is_skipped(pool: PgPool) {
        let store = Store::over(pool.clone());
        let ana = person(&store, "ana").await;
        let room = channel(&store, &ana).await;
        say(&store, room, &ana, (3..1_500).map(|seq| seq.to_string())).await;
        // Few of the first 1,200 numbers are left: the others have moved on, as by an edit.
        sqlx::query("update messages set rev_seq = seq + 1500 where seq > 10 and seq <= 1200")
            .execute(&pool)
            .await
            .unwrap();
        sqlx::query(
            "insert into items (line_id, kind, key, rev)
             select room_id, 'message', seq::text, rev_seq from messages where rev_seq <> seq",
        )
        .execute(&pool)
        .await
        .unwrap();
        sqlx::query("update lines set head = 2700 where kind = 'room'").execute(&pool).await.unwrap();
        let (mut revs, mut after) = (Vec::new(), Seq::ZERO);
        while after < Seq(2_700) {
            let step = store.list_changes(Line::Room(room), None, after, CHANGES_MAX).await.unwrap().unwrap();
            assert!(step.through > after && step.through.0 - after.0 <= BEHIND_MAX, "{:?}", step.through);
            assert!(step.list.iter().all(|(rev, _)| after < *rev && *rev <= step.through));
            revs.extend(step.list.into_iter().map(|(rev, _)| rev.0));
            after = step.through;
        }
        let expected: Vec<i64> = (1..=10).chain(1_201..1_500).chain(1_511..=2_700).collect();
        assert_eq!(revs, expected);
    }

    /// Impossible numbers are not an error.
    #[sqlx::test(migrations = "../migrations")]
    async fn the_largest_number_is_only_one_that_nothing_comes_after(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana").await;
        let room = channel(&store, &ana).await;
        let found = store.list_changes(Line::Room(room), None, Seq(i64::MAX), 1).await.unwrap().unwrap();
        assert_eq!((found.head, found.list.len()), (Seq(2), 0));
    }
}
