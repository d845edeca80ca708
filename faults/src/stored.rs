//! What the test writes into the database, and what it reads from it afterwards.
//!
//! People, their sessions and their rooms are written directly into the tables. Signing up 200 people would
//! take longer than a scenario, because each password is hashed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use protocol::{Nonce, RoomId, Seq, UserId};
use rand::{Rng as _, rngs::StdRng, seq::SliceRandom as _};
use server::{account::Token as SessionToken, store::Store};
use sqlx::{PgPool, Row as _};
use uuid::Uuid;

use crate::{
    checker::{StoredMessage, StoredRoom},
    cluster::Fallible,
    log::Token,
};

/// Number of people …
pub const PEOPLE: usize = 200;
/// … and rooms: one channel with everyone, channels that people join and leave, groups, and direct rooms.
pub const ROOMS: usize = 40;
const OPEN_CHANNELS: usize = 4;
const GROUPS: usize = 16;

/// A person in the database.
#[derive(Clone, Debug)]
pub struct Account {
    /// Their handle.
    pub name: String,
    /// Their id.
    pub user: UserId,
    /// The cookie of their session.
    pub cookie: String,
    /// The rooms that they never leave; the channel with everyone comes first.
    pub rooms: Vec<RoomId>,
    /// The channels that they join and leave.
    pub channels: Vec<RoomId>,
}

/// Writes people and rooms into an empty database.
///
/// # Errors
/// When the database fails.
pub async fn people(pool: &PgPool, rng: &mut StdRng) -> Fallible<Vec<Account>> {
    sqlx::query("update installation set place = 'The fault test'").execute(pool).await?;
    let mut accounts = Vec::new();
    for index in 0..PEOPLE {
        accounts.push(person(pool, &format!("p{index:03}")).await?);
    }
    group(pool, &accounts).await?;
    note_numbers(pool).await?;
    let everyone: Vec<usize> = (0..PEOPLE).collect();
    let id = room(pool, "channel", &everyone, &accounts).await?;
    accounts.iter_mut().for_each(|account| account.rooms.push(id));
    for at in 0..OPEN_CHANNELS {
        let some: Vec<usize> = everyone.iter().copied().filter(|person| person % 5 == at).collect();
        let id = room(pool, "channel", &some, &accounts).await?;
        accounts.iter_mut().for_each(|account| account.channels.push(id));
    }
    // Dealt like cards, so that nearly everybody is in some other room besides the channel.
    let mut deck = Vec::new();
    for number in 0..ROOMS - 1 - OPEN_CHANNELS {
        let size = if number < GROUPS { rng.random_range(11..=14) } else { 2 };
        if deck.len() < size {
            deck.clone_from(&everyone);
            deck.shuffle(rng);
        }
        let mut some = deck.split_off(deck.len() - size);
        some.sort_unstable();
        let id = room(pool, if size == 2 { "direct" } else { "group" }, &some, &accounts).await?;
        some.into_iter().for_each(|person| accounts[person].rooms.push(id));
    }
    Ok(accounts)
}

/// A group of people, small enough to be mentioned by everyone.
async fn group(pool: &PgPool, accounts: &[Account]) -> Fallible<()> {
    let members: Vec<Uuid> = accounts.iter().step_by(5).map(|account| account.user.0).collect();
    sqlx::query(
        "with made as (
            insert into groups (id, handle, title, members, rev) values (gen_random_uuid(), $1, 'Deckhands', $2, 0)
            returning id
         )
         insert into group_members (group_id, user_id, rev) select made.id, k.id, 0 from made, unnest($3::uuid[]) as k (id)",
    )
    .bind(crate::person::GROUP)
    .bind(i32::try_from(members.len())?)
    .bind(&members)
    .execute(pool)
    .await?;
    Ok(())
}

/// Makes the database record each number that a change takes. A row keeps only its last number, so without
/// this a number without a change would look like one that a later change of the same thing replaced.
async fn note_numbers(pool: &PgPool) -> Fallible<()> {
    sqlx::raw_sql(
        "create table numbers_taken (line_id uuid not null, seq bigint not null);
         create index on numbers_taken (line_id, seq);
         create function note_message() returns trigger language plpgsql as $$
         begin
            insert into numbers_taken values (new.room_id, new.seq);
            return null;
         end $$;
         create function note_item() returns trigger language plpgsql as $$
         begin
            insert into numbers_taken values (new.line_id, new.rev);
            return null;
         end $$;
         create trigger note_number after insert on messages for each row execute function note_message();
         create trigger note_number after insert or update of rev on items for each row execute function note_item();",
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Writes one person and a session into the database.
///
/// # Errors
/// When the database fails.
pub async fn person(pool: &PgPool, name: &str) -> Fallible<Account> {
    let (user, token) = (Uuid::now_v7(), SessionToken::generate());
    sqlx::query(
        "with line as (insert into lines (id, kind) values ($1, 'person'))
         insert into users (id, handle, name, password_hash) values ($1, $2, $2, 'none')",
    )
    .bind(user)
    .bind(name)
    .execute(pool)
    .await?;
    sqlx::query(
        "insert into sessions (id, user_id, token_hash, device, expires_at)
         values ($1, $2, $3, 'the fault test', now() + interval '1 day')",
    )
    .bind(Uuid::now_v7())
    .bind(user)
    .bind(token.hash().as_slice())
    .execute(pool)
    .await?;
    let cookie = format!("roost={}", token.reveal());
    Ok(Account { name: name.to_owned(), user: UserId(user), cookie, rooms: Vec::new(), channels: Vec::new() })
}

/// Writes a room into the database. Change 1 is the room's own properties; then its members joined one by
/// one.
///
/// # Errors
/// When the database fails.
pub async fn room(pool: &PgPool, kind: &str, members: &[usize], accounts: &[Account]) -> Fallible<RoomId> {
    let id = Uuid::now_v7();
    let ids: Vec<Uuid> = members.iter().map(|member| accounts[*member].user.0).collect();
    let (low, high) = (ids.iter().min(), ids.iter().max());
    let head = 1 + i64::try_from(members.len())?;
    sqlx::query(
        "with line as (insert into lines (id, kind, head) values ($1, 'room', $3))
         insert into rooms (id, kind, title, title_key, rev_seq, member_count, created_by, nonce, direct_low, direct_high,
             pin_role, mention_role)
         values ($1, $2, case $2 when 'direct' then '' else 'Room ' || $1::uuid::text end,
             case $2 when 'channel' then 'room ' || $1::uuid::text end, 1, $3 - 1, $4, $5,
             case $2 when 'direct' then $6 end, case $2 when 'direct' then $7 end,
             case $2 when 'channel' then 'moderator' else 'member' end,
             case $2 when 'channel' then 'moderator' else 'member' end)",
    )
    .bind(id)
    .bind(kind)
    .bind(head)
    .bind(ids[0])
    .bind(Uuid::new_v4())
    .bind(low)
    .bind(high)
    .execute(pool)
    .await?;
    sqlx::query(
        "insert into members (room_id, user_id, role, rev_seq, delivered_seq, read_seq)
         select $1, k.id, case when k.place = 1 and $4 <> 'direct' then 'owner' else 'member' end, k.place + 1, $3, $3
         from unnest($2::uuid[]) with ordinality as k (id, place)",
    )
    .bind(id)
    .bind(&ids)
    .bind(head)
    .bind(kind)
    .execute(pool)
    .await?;
    Ok(RoomId(id))
}

/// A session with its cookie.
#[derive(Clone, Debug)]
pub struct Someone {
    /// Its person.
    pub user: UserId,
    /// The cookie.
    pub cookie: String,
}

/// Writes many people into the database at once.
///
/// # Errors
/// When the database fails.
pub async fn crowd(pool: &PgPool, count: usize) -> Fallible<Vec<Someone>> {
    let (mut ids, mut handles, mut hashes, mut people) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..count {
        let (id, token) = (Uuid::now_v7(), SessionToken::generate());
        handles.push(format!("m{}", &Uuid::new_v4().simple().to_string()[..20]));
        hashes.push(token.hash().to_vec());
        people.push(Someone { user: UserId(id), cookie: format!("roost={}", token.reveal()) });
        ids.push(id);
    }
    sqlx::query(
        "with lines as (insert into lines (id, kind) select id, 'person' from unnest($1::uuid[]) as k (id))
         insert into users (id, handle, name, password_hash)
         select id, handle, handle, 'none' from unnest($1::uuid[], $2::text[]) as k (id, handle)",
    )
    .bind(&ids)
    .bind(&handles)
    .execute(pool)
    .await?;
    sqlx::query(
        "insert into sessions (id, user_id, token_hash, device, expires_at)
         select gen_random_uuid(), id, hash, 'a crowd', now() + interval '1 day'
         from unnest($1::uuid[], $2::bytea[]) as k (id, hash)",
    )
    .bind(&ids)
    .bind(&hashes)
    .execute(pool)
    .await?;
    Ok(people)
}

/// Writes many groups into the database at once, each with these members.
///
/// # Errors
/// When the database fails.
pub async fn groups(pool: &PgPool, members: &[Vec<UserId>]) -> Fallible<Vec<RoomId>> {
    let ids: Vec<Uuid> = members.iter().map(|_| Uuid::now_v7()).collect();
    let counts: Vec<i32> = members.iter().map(|people| people.len() as i32).collect();
    let makers: Vec<Uuid> = members.iter().map(|people| people[0].0).collect();
    sqlx::query(
        "with lines as (
            insert into lines (id, kind, head)
            select id, 'room', members + 1 from unnest($1::uuid[], $2::int[]) as k (id, members)
         )
         insert into rooms (id, kind, title, rev_seq, member_count, created_by, nonce)
         select id, 'group', 'Room', 1, members, maker, id
         from unnest($1::uuid[], $2::int[], $3::uuid[]) as k (id, members, maker)",
    )
    .bind(&ids)
    .bind(&counts)
    .bind(&makers)
    .execute(pool)
    .await?;
    let (mut rooms, mut users, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for (room, people) in ids.iter().zip(members) {
        for (index, user) in people.iter().enumerate() {
            rooms.push(*room);
            users.push(user.0);
            numbers.push(index as i64 + 2);
        }
    }
    sqlx::query(
        "insert into members (room_id, user_id, role, rev_seq)
         select room, person, 'member', place
         from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as k (room, person, place)",
    )
    .bind(&rooms)
    .bind(&users)
    .bind(&numbers)
    .execute(pool)
    .await?;
    sqlx::query("analyze users, sessions, rooms, members, lines").execute(pool).await?;
    Ok(ids.into_iter().map(RoomId).collect())
}

/// Removes rooms.
///
/// # Errors
/// When the database fails.
pub async fn remove_rooms(pool: &PgPool, rooms: &[RoomId]) -> Fallible<()> {
    let ids: Vec<Uuid> = rooms.iter().map(|room| room.0).collect();
    sqlx::query("delete from lines where id = any($1)").bind(&ids).execute(pool).await?;
    sqlx::query("delete from rooms where id = any($1)").bind(ids).execute(pool).await?;
    Ok(())
}

/// Who is in these rooms.
///
/// # Errors
/// When the database fails.
pub async fn memberships(
    pool: &PgPool,
    rooms: &[RoomId],
) -> Result<BTreeMap<UserId, BTreeSet<RoomId>>, sqlx::Error> {
    let ids: Vec<Uuid> = rooms.iter().map(|room| room.0).collect();
    let rows: Vec<(Uuid, Uuid)> =
        sqlx::query_as("select user_id, room_id from members where room_id = any($1) and active")
            .bind(ids)
            .fetch_all(pool)
            .await?;
    let mut memberships: BTreeMap<UserId, BTreeSet<RoomId>> = BTreeMap::new();
    for (user, room) in rows {
        memberships.entry(UserId(user)).or_default().insert(RoomId(room));
    }
    Ok(memberships)
}

/// The last number of each room.
///
/// # Errors
/// When the database fails.
pub async fn heads(pool: &PgPool) -> Result<BTreeMap<RoomId, Seq>, sqlx::Error> {
    let rows: Vec<(Uuid, i64)> =
        sqlx::query_as("select id, head from lines where kind = 'room'").fetch_all(pool).await?;
    Ok(rows.into_iter().map(|(id, head)| (RoomId(id), Seq(head))).collect())
}

/// What everyone should have: the rooms' last numbers, and the members of each channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// The last number of each room.
    pub heads: BTreeMap<RoomId, Seq>,
    /// Who is in which of the channels.
    pub memberships: BTreeMap<UserId, BTreeSet<RoomId>>,
    /// The last number of each person's own line.
    pub persons: BTreeMap<UserId, Seq>,
    /// Reminders and scheduled messages that are not due yet or in progress.
    pub jobs: i64,
}

impl Truth {
    /// Whether someone is in a channel.
    #[must_use]
    pub fn is_in(&self, user: UserId, channel: RoomId) -> bool {
        self.memberships.get(&user).is_some_and(|rooms| rooms.contains(&channel))
    }
}

/// The current truth, with the memberships of these channels.
///
/// # Errors
/// When the database fails.
pub async fn truth(pool: &PgPool, channels: &[RoomId]) -> Result<Truth, sqlx::Error> {
    let persons: Vec<(Uuid, i64)> =
        sqlx::query_as("select id, head from lines where kind = 'person'").fetch_all(pool).await?;
    Ok(Truth {
        heads: heads(pool).await?,
        memberships: memberships(pool, channels).await?,
        persons: persons.into_iter().map(|(user, head)| (UserId(user), Seq(head))).collect(),
        jobs: sqlx::query_scalar("select count(*) from jobs").fetch_one(pool).await?,
    })
}

/// Marks, by room and person: delivered, read, the room's last number.
pub type StoredMarks = BTreeMap<(RoomId, UserId), (Seq, Seq, Seq)>;

/// What the rooms contain after these numbers. `index` maps people to indexes in the list of logs.
///
/// # Errors
/// When the database fails.
pub async fn since(
    pool: &PgPool,
    bases: &BTreeMap<RoomId, Seq>,
    index: &BTreeMap<UserId, usize>,
) -> Fallible<BTreeMap<RoomId, StoredRoom>> {
    let mut rooms = BTreeMap::new();
    for (id, head) in heads(pool).await? {
        let base = bases.get(&id).copied().unwrap_or_default();
        let mut room = StoredRoom { base, head, ..StoredRoom::default() };
        let messages = sqlx::query(
            "select seq, author_id, nonce, body from messages where room_id = $1 and seq > $2 order by seq",
        );
        for row in messages.bind(id.0).bind(base.0).fetch_all(pool).await? {
            let (author, nonce) = (UserId(row.get(1)), Nonce(row.get(2)));
            let token = Token::of(row.get::<&str, _>(3));
            room.messages.insert(Seq(row.get(0)), StoredMessage { author, nonce, token });
        }
        let numbers: Vec<(i64, i64)> = sqlx::query_as(
            "select seq, count(*) from numbers_taken where line_id = $1 and seq > $2 group by seq",
        )
        .bind(id.0)
        .bind(base.0)
        .fetch_all(pool)
        .await?;
        room.numbers = numbers.into_iter().map(|(seq, count)| (Seq(seq), count)).collect();
        let members: Vec<(Uuid,)> =
            sqlx::query_as("select user_id from members where room_id = $1 and active")
                .bind(id.0)
                .fetch_all(pool)
                .await?;
        room.members = members.iter().filter_map(|(user,)| index.get(&UserId(*user)).copied()).collect();
        rooms.insert(id, room);
    }
    Ok(rooms)
}

/// Polls whose counts are not those of their votes.
///
/// # Errors
/// When the database fails.
pub async fn miscounted_polls(pool: &PgPool) -> Result<Vec<(RoomId, Seq)>, sqlx::Error> {
    let rows: Vec<(Uuid, i64)> = sqlx::query_as(
        "select m.room_id, m.seq from messages m
         where m.poll is not null and (
            coalesce((m.poll ->> 'voters')::bigint, 0) <> (
                select count(*) from votes v where v.room_id = m.room_id and v.seq = m.seq and v.choices <> '{}')
            or exists (
                select from jsonb_array_elements_text(m.poll -> 'counts') with ordinality as c (count, place)
                where c.count::bigint <> (
                    select count(*) from votes v
                    where v.room_id = m.room_id and v.seq = m.seq and (c.place - 1)::smallint = any(v.choices))))",
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|(room, seq)| (RoomId(room), Seq(seq))).collect())
}

/// Where the index of words differs from the messages after these numbers: a message that would not be found, with its words or with its
/// author, and one that would be found although it is deleted.
///
/// # Errors
/// When the database fails.
pub async fn unsearchable(pool: &PgPool, bases: &BTreeMap<RoomId, Seq>) -> Fallible<Vec<(RoomId, Seq)>> {
    const CHUNK: usize = 2_000;
    let (rooms, above): (Vec<Uuid>, Vec<i64>) = bases.iter().map(|(room, seq)| (room.0, seq.0)).unzip();
    let rooms: Vec<(Uuid, Vec<i64>)> = sqlx::query_as(
        "select m.room_id, array_agg(m.seq order by m.seq) from unnest($1::uuid[], $2::bigint[]) as k (room, above)
         join messages m on m.room_id = k.room and m.seq > k.above and m.deleted_at is null group by m.room_id",
    )
    .bind(&rooms)
    .bind(&above)
    .fetch_all(pool)
    .await?;
    let store = Store::over(pool.clone());
    let mut wrong = Vec::new();
    for (room, chunk) in rooms.iter().flat_map(|(room, seqs)| seqs.chunks(CHUNK).map(|chunk| (*room, chunk)))
    {
        let seqs: Vec<Seq> = chunk.iter().copied().map(Seq).collect();
        let messages = store.messages_of(RoomId(room), &seqs).await?;
        let rooms = vec![room; messages.len()];
        let seqs: Vec<i64> = messages.iter().map(|message| message.seq.0).collect();
        let words: Vec<String> =
            messages.iter().map(|message| server::chat::search::vector(RoomId(room), message)).collect();
        let rows: Vec<(Uuid, i64)> = sqlx::query_as(
            "select k.room, k.seq from unnest($1::uuid[], $2::bigint[], $3::text[]) as k (room, seq, words)
             join messages m on m.room_id = k.room and m.seq = k.seq and m.deleted_at is null
             left join search s on s.room_id = k.room and s.seq = k.seq
             where s.words is distinct from k.words::tsvector",
        )
        .bind(&rooms)
        .bind(&seqs)
        .bind(&words)
        .fetch_all(pool)
        .await?;
        wrong.extend(rows);
    }
    let gone: Vec<(Uuid, i64)> = sqlx::query_as(
        "select s.room_id, s.seq from search s left join messages m on m.room_id = s.room_id and m.seq = s.seq
         where m.seq is null or m.deleted_at is not null",
    )
    .fetch_all(pool)
    .await?;
    Ok(wrong.into_iter().chain(gone).map(|(room, seq)| (RoomId(room), Seq(seq))).collect())
}

/// The nonces of all messages, by room and number.
///
/// # Errors
/// When the database fails.
pub async fn nonces(pool: &PgPool) -> Result<HashMap<(RoomId, Seq), Nonce>, sqlx::Error> {
    let rows: Vec<(Uuid, i64, Uuid)> =
        sqlx::query_as("select room_id, seq, nonce from messages").fetch_all(pool).await?;
    Ok(rows.into_iter().map(|(room, seq, nonce)| ((RoomId(room), Seq(seq)), Nonce(nonce))).collect())
}

/// Everyone's marks: room, person → delivered, read, the room's head.
///
/// # Errors
/// When the database fails.
pub async fn marks(pool: &PgPool) -> Result<StoredMarks, sqlx::Error> {
    let rows: Vec<(Uuid, Uuid, i64, i64, i64)> = sqlx::query_as(
        "select m.room_id, m.user_id, m.delivered_seq, m.read_seq, l.head
         from members m join lines l on l.id = m.room_id where m.active",
    )
    .fetch_all(pool)
    .await?;
    let marks = rows.into_iter().map(|(room, user, delivered, read, head)| {
        ((RoomId(room), UserId(user)), (Seq(delivered), Seq(read), Seq(head)))
    });
    Ok(marks.collect())
}
