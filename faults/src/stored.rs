//! What the test puts into the database, and what it finds there afterwards.
//!
//! People, their sessions and their rooms are written straight into the tables: to sign up 200 people would take longer
//! than a scenario, for each password is hashed.

use std::collections::BTreeMap;

use protocol::{Nonce, RoomId, Seq, UserId};
use rand::{Rng as _, rngs::StdRng, seq::SliceRandom as _};
use server::account::Token as SessionToken;
use sqlx::{PgPool, Row as _};
use uuid::Uuid;

use crate::{
    checker::{StoredMessage, StoredRoom},
    log::Token,
    place::Fallible,
};

/// How many people there are …
pub const PEOPLE: usize = 200;
/// … and rooms: one channel with everyone in it, groups, and rooms of two.
pub const ROOMS: usize = 40;
const GROUPS: usize = 18;

/// Someone who has been put into the database.
#[derive(Clone, Debug)]
pub struct Account {
    /// Their handle.
    pub name: String,
    /// Who they are.
    pub user: UserId,
    /// The cookie of their session.
    pub cookie: String,
    /// Where they are in; the channel first.
    pub rooms: Vec<RoomId>,
}

/// Puts people and rooms into an empty database.
///
/// # Errors
/// When the database fails.
pub async fn people(pool: &PgPool, rng: &mut StdRng) -> Fallible<Vec<Account>> {
    sqlx::query("update installation set place = 'The fault test'").execute(pool).await?;
    let mut accounts = Vec::new();
    for index in 0..PEOPLE {
        accounts.push(person(pool, &format!("p{index:03}")).await?);
    }
    let everyone: Vec<usize> = (0..PEOPLE).collect();
    room(pool, "channel", &everyone, &mut accounts).await?;
    // Dealt like cards, so that nearly everybody is in some room beside the channel.
    let mut deck = Vec::new();
    for number in 1..ROOMS {
        let size = if number <= GROUPS { rng.random_range(11..=14) } else { 2 };
        if deck.len() < size {
            deck.clone_from(&everyone);
            deck.shuffle(rng);
        }
        let mut some = deck.split_off(deck.len() - size);
        some.sort_unstable();
        room(pool, if size == 2 { "direct" } else { "group" }, &some, &mut accounts).await?;
    }
    Ok(accounts)
}

/// Puts one person and a session of theirs into the database.
///
/// # Errors
/// When the database fails.
pub async fn person(pool: &PgPool, name: &str) -> Fallible<Account> {
    let (user, token) = (Uuid::now_v7(), SessionToken::generate());
    sqlx::query("insert into users (id, handle, name, password_hash) values ($1, $2, $2, 'none')")
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
    Ok(Account { name: name.to_owned(), user: UserId(user), cookie, rooms: Vec::new() })
}

/// A room whose own properties are its change 1, and whose members came one after the other.
async fn room(pool: &PgPool, kind: &str, members: &[usize], accounts: &mut [Account]) -> Fallible<()> {
    let id = Uuid::now_v7();
    let ids: Vec<Uuid> = members.iter().map(|member| accounts[*member].user.0).collect();
    let (low, high) = (ids.iter().min(), ids.iter().max());
    let head = 1 + i64::try_from(members.len())?;
    sqlx::query(
        "insert into rooms (id, kind, title, rev_seq, head_seq, member_count, created_by, nonce, direct_low, direct_high)
         values ($1, $2, case $2 when 'direct' then '' else 'Room' end, 1, $3, $3 - 1, $4, $5,
             case $2 when 'direct' then $6 end, case $2 when 'direct' then $7 end)",
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
    for member in members {
        accounts[*member].rooms.push(RoomId(id));
    }
    Ok(())
}

/// The last number of each room.
///
/// # Errors
/// When the database fails.
pub async fn heads(pool: &PgPool) -> Result<BTreeMap<RoomId, Seq>, sqlx::Error> {
    let rows: Vec<(Uuid, i64)> = sqlx::query_as("select id, head_seq from rooms").fetch_all(pool).await?;
    Ok(rows.into_iter().map(|(id, head)| (RoomId(id), Seq(head))).collect())
}

/// What is in the rooms after these numbers. `index` gives the places of people in the list of logs.
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
            "select seq, rev_seq, author_id, nonce, body from messages
             where room_id = $1 and (seq > $2 or rev_seq > $2) order by seq",
        );
        for row in messages.bind(id.0).bind(base.0).fetch_all(pool).await? {
            let (seq, rev) = (Seq(row.get(0)), Seq(row.get(1)));
            if rev != seq {
                room.others.insert(rev);
            }
            if seq > base {
                let (author, nonce) = (UserId(row.get(2)), Nonce(row.get(3)));
                let token = Token::of(row.get::<&str, _>(4));
                room.messages.insert(seq, StoredMessage { author, nonce, token, rev });
            }
        }
        let others: Vec<(i64,)> = sqlx::query_as(
            "select rev_seq from members where room_id = $1 union all select rev_seq from rooms where id = $1",
        )
        .bind(id.0)
        .fetch_all(pool)
        .await?;
        room.others.extend(others.into_iter().map(|(rev,)| Seq(rev)));
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

/// Everyone's marks: room, person → delivered, read, the room's head.
///
/// # Errors
/// When the database fails.
pub async fn marks(pool: &PgPool) -> Result<BTreeMap<(RoomId, UserId), (Seq, Seq, Seq)>, sqlx::Error> {
    let rows: Vec<(Uuid, Uuid, i64, i64, i64)> = sqlx::query_as(
        "select m.room_id, m.user_id, m.delivered_seq, m.read_seq, r.head_seq
         from members m join rooms r on r.id = m.room_id",
    )
    .fetch_all(pool)
    .await?;
    let marks = rows.into_iter().map(|(room, user, delivered, read, head)| {
        ((RoomId(room), UserId(user)), (Seq(delivered), Seq(read), Seq(head)))
    });
    Ok(marks.collect())
}
