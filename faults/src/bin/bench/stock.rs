//! Creates the large workspace: ten million messages, written directly into the tables, with a realistic
//! distribution of members and read positions.

use std::time::{Duration, Instant};

use faults::{cluster::Fallible, stored::Someone};
use futures::{StreamExt as _, TryStreamExt as _};
use protocol::{RoomId, UserId};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

use crate::scene::Scene;

/// How many transactions write messages at the same time.
const WRITING: usize = 2;
/// About how many messages one transaction writes.
const CHUNK: usize = 250_000;
/// Rooms per person, for people who do not connect.
const ROOMS_OF_OTHERS: usize = 10;

/// The sizes. `LARGE_MESSAGES=200000` and the like make the workspace smaller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Messages in all rooms.
    pub(crate) messages: usize,
    /// Rooms, besides the crowded one and the writer's.
    pub(crate) rooms: usize,
    /// Members of the crowded room.
    pub(crate) members: usize,
    /// People who connect; half of them are in the crowded room.
    pub(crate) connections: usize,
    /// Rooms per connected person.
    pub(crate) rooms_each: usize,
    /// Rooms of the person who is in the most rooms.
    pub(crate) rooms_most: usize,
}

impl Sizes {
    /// The sizes from the environment, or the defaults.
    ///
    /// # Errors
    /// When a value is not a number, or the sizes do not fit together.
    pub(crate) fn from_env() -> Fallible<Self> {
        let size = |name: &str, usual: usize| match std::env::var(name) {
            Ok(text) => text.replace('_', "").parse().map_err(|e| format!("{name}={text}: {e}")),
            Err(_) => Ok(usual),
        };
        let sizes = Self {
            messages: size("LARGE_MESSAGES", 10_000_000)?,
            rooms: size("LARGE_ROOMS", 50_000)?,
            members: size("LARGE_MEMBERS", 10_000)?,
            connections: size("LARGE_CONNECTIONS", 2_000)?,
            rooms_each: size("LARGE_ROOMS_EACH", 200)?,
            rooms_most: size("LARGE_ROOMS_MOST", 2_000)?,
        };
        let fits = sizes.rooms >= sizes.rooms_most.max(sizes.rooms_each).max(ROOMS_OF_OTHERS)
            && sizes.rooms_each.min(sizes.rooms_most) > 0
            && sizes.members > sizes.connections
            && sizes.connections >= 4;
        if fits { Ok(sizes) } else { Err(format!("these sizes do not fit together: {sizes:?}").into()) }
    }

    /// Messages of the writer, in a direct room, who has never read any.
    pub(crate) fn of_writer(&self) -> usize {
        self.messages / 10
    }

    /// Messages in the crowded room.
    fn of_crowd(&self) -> usize {
        self.messages / 50
    }

    /// Messages in each other room.
    fn of_room(&self) -> usize {
        (self.messages - self.of_writer() - self.of_crowd()) / self.rooms
    }

    /// The index of the first person who is in the crowded room.
    fn crowd_from(&self) -> usize {
        self.connections - self.connections / 2
    }

    /// The number of people: the connected ones, the rest of the crowd, and the person who is in the most
    /// rooms.
    fn people(&self) -> usize {
        self.crowd_from() + self.members + 1
    }
}

/// What the database holds.
#[derive(Debug)]
pub(crate) struct Stock {
    /// The people who connect.
    pub(crate) connected: Vec<Someone>,
    /// The index of the first of these who is in the crowded room. All after that one are in it too.
    pub(crate) crowd_from: usize,
    /// The person who is in the most rooms.
    pub(crate) busiest: Someone,
    /// The crowded room.
    pub(crate) crowd: RoomId,
    /// A room of the busiest person.
    pub(crate) room: RoomId,
    /// How many messages there are.
    pub(crate) messages: i64,
    /// How long it took to fill the database.
    pub(crate) took: Duration,
}

impl Stock {
    /// A person who wrote a tenth of all messages and has never read any.
    pub(crate) fn writer(&self) -> &Someone {
        &self.connected[0]
    }

    /// An ordinary person.
    pub(crate) fn anybody(&self) -> &Someone {
        &self.connected[2]
    }
}

/// Fills an empty database.
///
/// # Errors
/// When the database fails.
pub(crate) async fn fill(scene: &Scene, sizes: &Sizes) -> Fallible<Stock> {
    let began = Instant::now();
    // These connections do not wait for the disk and check no foreign keys.
    let pool = PgPoolOptions::new()
        .max_connections(WRITING as u32)
        .after_connect(|connection, _| {
            Box::pin(async move {
                let settings = "set synchronous_commit = off; set session_replication_role = replica;
                    set maintenance_work_mem = '1GB'; set work_mem = '256MB'";
                sqlx::raw_sql(settings).execute(connection).await.map(drop)
            })
        })
        .connect_with(PgConnectOptions::clone(&scene.pool.connect_options()))
        .await?;
    // Autovacuum would disturb the measurements. The tables are vacuumed once at the end instead.
    sqlx::raw_sql(
        "alter table messages set (autovacuum_enabled = false);
         alter table members set (autovacuum_enabled = false);
         alter table lines set (autovacuum_enabled = false);
         alter table rooms set (autovacuum_enabled = false);
         alter table users set (autovacuum_enabled = false);
         alter table sessions set (autovacuum_enabled = false)",
    )
    .execute(&pool)
    .await?;
    let mut people = scene.people(sizes.people()).await?;
    let rooms = rooms(&pool, sizes, &people).await?;
    messages(&pool, sizes).await?;
    // As if they were in the index: indexing them would disturb the measurements.
    sqlx::raw_sql(
        "insert into search_cursors (room_id, through, back, rules) select id, head, 0, 1 from lines where kind = 'room'
         on conflict (room_id) do update set through = excluded.through, back = 0",
    )
    .execute(&pool)
    .await?;
    sqlx::raw_sql("drop table stock_people, stock_rooms, stock_members").execute(&pool).await?;
    for statement in ["vacuum (analyze)", "checkpoint"] {
        sqlx::raw_sql(statement).execute(&pool).await?;
    }
    let messages = sqlx::query_scalar("select sum(messages)::bigint from lines").fetch_one(&pool).await?;
    pool.close().await;
    let busiest = people.pop().ok_or("nobody")?;
    people.truncate(sizes.connections);
    Ok(Stock {
        connected: people,
        crowd_from: sizes.crowd_from(),
        busiest,
        crowd: rooms[sizes.rooms + 1],
        room: rooms[0],
        messages,
        took: began.elapsed(),
    })
}

/// Creates the rooms and their members. The rooms are numbered: the last two are the writer's and the
/// crowded one.
async fn rooms(pool: &PgPool, sizes: &Sizes, people: &[Someone]) -> Fallible<Vec<RoomId>> {
    let rooms: Vec<RoomId> = (0..sizes.rooms + 2).map(|_| RoomId(Uuid::now_v7())).collect();
    sqlx::raw_sql(
        "create unlogged table stock_people (n int primary key, id uuid not null);
         create unlogged table stock_members (room int not null, person int not null);
         create unlogged table stock_rooms (
            n int primary key, id uuid not null, members int not null default 0, messages int not null default 0)",
    )
    .execute(pool)
    .await?;
    let ids: Vec<Uuid> = crate::measures::users(people).iter().map(|UserId(id)| *id).collect();
    sqlx::query(
        "insert into stock_people select n - 1, id from unnest($1::uuid[]) with ordinality as k (id, n)",
    )
    .bind(&ids)
    .execute(pool)
    .await?;
    // Each person's rooms are spaced evenly, so that all rooms have about the same number of members.
    sqlx::query(
        "insert into stock_members
         select (p + k * ($1 / $2)) % $1, p from generate_series(0, $3 - 1) p, generate_series(0, $2 - 1) k
         union all select (p + k * ($1 / $7)) % $1, p from generate_series($3, $4 - 2) p, generate_series(0, $7 - 1) k
         union all select k * ($1 / $5), $4 - 1 from generate_series(0, $5 - 1) k
         union all values ($1, 0), ($1, 1)
         union all select $1 + 1, p from generate_series($6, $4 - 2) p",
    )
    .bind(sizes.rooms as i32)
    .bind(sizes.rooms_each as i32)
    .bind(sizes.connections as i32)
    .bind(people.len() as i32)
    .bind(sizes.rooms_most as i32)
    .bind(sizes.crowd_from() as i32)
    .bind(ROOMS_OF_OTHERS as i32)
    .execute(pool)
    .await?;
    let ids: Vec<Uuid> = rooms.iter().map(|room| room.0).collect();
    sqlx::query(
        "insert into stock_rooms
         select n - 1, id, coalesce(m.members, 0),
            case n - 1 when $2 then $3 when $2 + 1 then $4 else $5 end
         from unnest($1::uuid[]) with ordinality as k (id, n)
         left join (select room, count(*) as members from stock_members group by room) m on m.room = n - 1",
    )
    .bind(&ids)
    .bind(sizes.rooms as i32)
    .bind(sizes.of_writer() as i32)
    .bind(sizes.of_crowd() as i32)
    .bind(sizes.of_room() as i32)
    .execute(pool)
    .await?;
    // Of ten members, seven have read everything, two all but ten messages, and one nothing. Change 1 is
    // the room's own properties; then come its members, then the messages.
    sqlx::raw_sql(
        "analyze stock_people, stock_members, stock_rooms, users;
         insert into lines (id, kind, head, messages, active_at)
         select id, 'room', 1 + members + messages, messages, now() - n * interval '7 seconds' from stock_rooms;
         insert into rooms (id, kind, title, topic, rev_seq, member_count, created_by, nonce)
         select r.id, case when n % 3 = 0 or members > 100 then 'channel' else 'group' end,
            'A room of the workspace, ' || n, 'What it is about', 1, members, p.id, r.id
         from stock_rooms r, (select id from stock_people where n = 0) p;
         insert into members (room_id, user_id, role, rev_seq, delivered_seq, read_seq, read_ordinal, sort_name, marked_at)
         select r.id, p.id, case when k.place = 1 then 'owner' else 'member' end, 1 + k.place,
            1 + r.members + k.read, 1 + r.members + k.read, k.read, lower(u.name), now() - interval '1 day'
         from (
            select m.room, m.person, row_number() over (partition by m.room order by m.person) as place,
                case when (m.room + m.person) % 10 = 9 or m.room = (select max(n) - 1 from stock_rooms) then 0
                     when (m.room + m.person) % 10 >= 7 then greatest(r.messages - 10, 0)
                     else r.messages end as read
            from stock_members m join stock_rooms r on r.n = m.room
         ) k
         join stock_rooms r on r.n = k.room join stock_people p on p.n = k.person join users u on u.id = p.id",
    )
    .execute(pool)
    .await?;
    Ok(rooms)
}

/// Writes the messages. The indexes are built afterwards, because that is faster.
async fn messages(pool: &PgPool, sizes: &Sizes) -> Fallible<()> {
    sqlx::raw_sql(
        "alter table messages drop constraint messages_pkey, drop constraint messages_room_id_author_id_nonce_key",
    )
    .execute(pool)
    .await?;
    // For each chunk: the first and last room, and the first and last message of each.
    let mut chunks: Vec<[usize; 4]> = Vec::new();
    for (room, count) in [(sizes.rooms, sizes.of_writer()), (sizes.rooms + 1, sizes.of_crowd())] {
        let parts = (1..=count).step_by(CHUNK);
        chunks.extend(parts.map(|from| [room, room, from, count.min(from + CHUNK - 1)]));
    }
    let step = (CHUNK / sizes.of_room().max(1)).max(1);
    let parts = (0..sizes.rooms).step_by(step);
    chunks.extend(parts.map(|from| [from, sizes.rooms.min(from + step) - 1, 1, sizes.of_room()]));
    let writing = futures::stream::iter(chunks).map(|chunk| write(pool, sizes, chunk));
    writing.buffer_unordered(WRITING).try_collect::<Vec<()>>().await?;
    sqlx::raw_sql(
        "alter table messages add primary key (room_id, seq), add unique (room_id, author_id, nonce)",
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Writes one chunk. The members of a room are the authors in turn.
async fn write(pool: &PgPool, sizes: &Sizes, [from, to, first, last]: [usize; 4]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into messages (room_id, seq, rev_seq, ordinal, id, author_id, nonce, body, sent_at)
         select r.id, 1 + r.members + i, 1 + r.members + i, i, gen_random_uuid(), p.id, gen_random_uuid(),
            'A message of some length, such as people write: see you at the harbour at noon, ' || i,
            now() - (r.messages - i) * interval '1 minute'
         from stock_rooms r
         cross join generate_series($3::int, $4::int) i
         join stock_people p on p.n = case r.n when $5 then 0
            when $5 + 1 then $6 + i % $7
            else (r.n % $8 + (i % greatest($6 * 2 / $8, 1)) * $8) % ($6 * 2) end
         where r.n between $1 and $2",
    )
    .bind(from as i32)
    .bind(to as i32)
    .bind(first as i32)
    .bind(last as i32)
    .bind(sizes.rooms as i32)
    .bind(sizes.crowd_from() as i32)
    .bind(sizes.members as i32)
    .bind((sizes.rooms / sizes.rooms_each) as i32)
    .execute(pool)
    .await
    .map(drop)
}
