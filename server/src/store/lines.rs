//! Lines, and the things on them that change.
//!
//! A line is a sequence of numbered changes with one owner ([`Line`]). Messages get a number on
//! creation. Everything that changes later is an *item*: one row per thing, with the number of its
//! last change. Only [`take`] and [`take_each`] assign numbers to items. [`super::changes`] lists
//! what changed after a number.
//!
//! Law: a transaction that changes several lines locks rooms before people and people before the
//! workspace, each in the order of their ids, to avoid deadlocks. The row of an account is locked
//! after rooms, and before its person's line. Memberships come after the lines of people, in the
//! order of (room, person). To lock the lines of everyone in a room, read who they are without a
//! lock: the room's lock keeps them. There is one exception: the search for a new owner locks that
//! account at the end. If a deadlock happens after all, Postgres aborts one of the transactions,
//! and it is retried ([`Error::is_deadlock`]).

use std::collections::HashMap;

use protocol::{Epoch, Line, Seq};
use uuid::Uuid;

use super::{Error, Store};

/// The kinds of things that change on lines. A new kind needs a variant here, a loader in
/// [`super::changes`], and a [`Change`](protocol::Change).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemKind {
    /// On a room's line: a message whose text changed. Key: its `seq`.
    Message,
    /// On a room's line: a reaction. Key: `seq/user/emoji`.
    Reaction,
    /// On a room's line: a pin. Key: the message's `seq`.
    Pin,
    /// On a room's line: the counts of a poll. Key: the message's `seq`.
    Poll,
    /// On a room's line: a membership. Key: the person's id.
    Member,
    /// On a room's line: the room's properties. Key: empty.
    Room,
    /// On a person's line: a membership. Key: the room's id.
    Membership,
    /// On a person's line: that sessions have ended. Key: empty.
    Sessions,
    /// On a person's line: a saved message. Key: `room/seq`.
    Saved,
    /// On a person's line: a scheduled message. Key: its nonce.
    Scheduled,
    /// On a person's line: a thread that they follow or followed. Key: `room/root`.
    Following,
    /// On a person's line: a room that they marked unread. Key: the room's id.
    Unread,
    /// On a person's line: what they are writing. Key: `room/root`; the root is 0 in the room itself.
    Draft,
    /// On a person's line: a vote in a poll. Key: `room/seq`.
    Vote,
    /// On a person's line: that they are in a group, or were. Key: the group's id.
    InGroup,
    /// On the workspace's line: a profile. Key: the person's id.
    Profile,
    /// On the workspace's line: a group of people. Key: its id.
    Group,
}

impl ItemKind {
    const ALL: [Self; 17] = [
        Self::Message,
        Self::Reaction,
        Self::Pin,
        Self::Poll,
        Self::Member,
        Self::Room,
        Self::Membership,
        Self::Sessions,
        Self::Saved,
        Self::Scheduled,
        Self::Following,
        Self::Unread,
        Self::Draft,
        Self::Vote,
        Self::InGroup,
        Self::Profile,
        Self::Group,
    ];

    /// The value in the column.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Reaction => "reaction",
            Self::Pin => "pin",
            Self::Poll => "poll",
            Self::Member => "member",
            Self::Room => "room",
            Self::Membership => "membership",
            Self::Sessions => "sessions",
            Self::Saved => "saved",
            Self::Scheduled => "scheduled",
            Self::Following => "following",
            Self::Unread => "unread",
            Self::Draft => "draft",
            Self::Vote => "vote",
            Self::InGroup => "in_group",
            Self::Profile => "profile",
            Self::Group => "group",
        }
    }

    /// `None` for a kind that a newer server wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The last number of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which line.
    pub line: Line,
    /// Its last number.
    pub head: Seq,
}

/// What a database reports of its history. If that contradicts an earlier report, it was restored,
/// or a replica took over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The epoch stored in the database.
    pub epoch: Epoch,
    /// Counts the failovers and restores of this database; `None` while it is a replica.
    pub timeline: Option<String>,
    /// How much WAL it has written, in bytes; never decreases.
    pub written: i64,
}

impl History {
    /// Whether this cannot have followed `before`, which means that the database went back.
    #[must_use]
    pub fn contradicts(&self, before: &Self) -> bool {
        let another_timeline =
            self.timeline.is_some() && before.timeline.is_some() && self.timeline != before.timeline;
        self.epoch == before.epoch && (another_timeline || self.written < before.written)
    }
}

/// Takes the line's next number for a thing that has changed. Locks the line's row until the end of
/// the transaction.
pub(super) async fn take(
    tx: &mut sqlx::PgTransaction<'_>,
    line: Line,
    kind: ItemKind,
    key: &str,
) -> Result<Seq, Error> {
    let rev = sqlx::query_scalar!(
        "with moved as (update lines set head = head + 1 where id = $1 returning id, head)
         insert into items (line_id, kind, key, rev) select id, $2, $3, head from moved
         on conflict (line_id, kind, key) do update set rev = excluded.rev
         returning rev",
        line.id(),
        kind.as_str(),
        key
    )
    .fetch_optional(&mut **tx)
    .await?
    .ok_or(Error::NoSuchRoom)?;
    Ok(Seq(rev))
}

/// The same for one thing on each of several lines of one kind, locked in the order of their ids.
/// Returns the number on each.
pub(super) async fn take_each(
    tx: &mut sqlx::PgTransaction<'_>,
    lines: &[Uuid],
    kind: ItemKind,
    key: &str,
) -> Result<Vec<(Uuid, Seq)>, Error> {
    let rows = sqlx::query!(
        r#"with locked as (
            select id from lines where id = any($1) order by id for no key update
         ), moved as (
            update lines l set head = l.head + 1 from locked where l.id = locked.id returning l.id, l.head
         )
         insert into items (line_id, kind, key, rev) select id, $2, $3, head from moved
         on conflict (line_id, kind, key) do update set rev = excluded.rev
         returning line_id, rev"#,
        lines,
        kind.as_str(),
        key
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.line_id, Seq(row.rev))).collect())
}

/// Creates a line.
pub(super) async fn begin(tx: &mut sqlx::PgTransaction<'_>, line: Line) -> Result<(), Error> {
    let kind = match line {
        Line::Room(_) => "room",
        Line::Person(_) => "person",
        Line::Workspace => "workspace",
    };
    sqlx::query!("insert into lines (id, kind) values ($1, $2)", line.id(), kind).execute(&mut **tx).await?;
    Ok(())
}

impl Store {
    /// The last numbers of some lines.
    ///
    /// Here and below, each line is looked up separately. `offset 0` makes the planner do so: for
    /// very many lines it would otherwise read the whole table.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn heads(&self, lines: &[Line]) -> Result<Vec<Head>, Error> {
        let by_id: HashMap<Uuid, Line> = lines.iter().map(|line| (line.id(), *line)).collect();
        let ids: Vec<Uuid> = by_id.keys().copied().collect();
        let rows = sqlx::query!(
            r#"select l.id as "id!", l.head as "head!" from unnest($1::uuid[]) as k (id)
             cross join lateral (select id, head from lines where id = k.id offset 0) l"#,
            &ids
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows.into_iter().map(|row| Head { line: by_id[&row.id], head: Seq(row.head) }).collect())
    }

    /// Those of these lines whose head differs from the known one: it is ahead, or, in a database
    /// that went back, behind.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn heads_that_differ(&self, known: &[Head]) -> Result<Vec<Head>, Error> {
        let by_id: HashMap<Uuid, Line> = known.iter().map(|head| (head.line.id(), head.line)).collect();
        let ids: Vec<Uuid> = known.iter().map(|head| head.line.id()).collect();
        let seqs: Vec<i64> = known.iter().map(|head| head.head.0).collect();
        let rows = sqlx::query!(
            r#"select l.id as "id!", l.head as "head!" from unnest($1::uuid[], $2::bigint[]) as k (id, head)
             cross join lateral (select id, head from lines where id = k.id offset 0) l
             where l.head <> k.head"#,
            &ids,
            &seqs
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows.into_iter().map(|row| Head { line: by_id[&row.id], head: Seq(row.head) }).collect())
    }

    /// The history that the database reports.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn history(&self) -> Result<History, Error> {
        // The first eight digits of a WAL segment's name are the timeline; a replica writes no
        // segment. Counts only what has been flushed: a crash may lose what has only been inserted,
        // and that is no restore.
        let row = sqlx::query!(
            r#"select epoch,
                case when pg_is_in_recovery() then null
                     else left(pg_walfile_name(pg_current_wal_lsn()), 8) end as timeline,
                (case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                     else pg_current_wal_flush_lsn() end - '0/0'::pg_lsn)::bigint as "written!"
             from installation"#
        )
        .fetch_one(&self.pool())
        .await?;
        Ok(History { epoch: Epoch(row.epoch), timeline: row.timeline, written: row.written })
    }

    /// Begins a new epoch, unless another node has already done so: all known numbers become void.
    /// Returns the current epoch.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew_epoch(&self, known: Epoch) -> Result<Epoch, Error> {
        sqlx::query!("update installation set epoch = gen_random_uuid() where epoch = $1", known.0)
            .execute(&self.pool())
            .await?;
        Ok(self.workspace().await?.epoch)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protocol::{RoomId, SessionId, UserId};
    use sqlx::{
        PgPool,
        postgres::{PgConnectOptions, PgPoolOptions},
    };

    use super::*;
    use crate::store::testing::person;

    /// Rows read by sequential scans, as counted by the pool's only connection.
    async fn rows_scanned(pool: &PgPool) -> i64 {
        sqlx::query("select pg_stat_force_next_flush()").execute(pool).await.unwrap();
        sqlx::query_scalar("select coalesce(sum(seq_tup_read), 0)::bigint from pg_stat_user_tables")
            .fetch_one(pool)
            .await
            .unwrap()
    }

    /// Every table holds some thousand rows, and a third are requested at once: on its own, the
    /// planner would read the whole table.
    #[sqlx::test(migrations = "../migrations")]
    async fn periodic_checks_read_what_they_ask_for_and_no_table_whole(
        options: PgPoolOptions,
        connect: PgConnectOptions,
    ) {
        let pool = options.max_connections(1).connect_with(connect).await.unwrap();
        let store = Store::over(pool.clone());
        person(&store, "ana", &[1; 32]).await;
        sqlx::raw_sql(
            "insert into users (id, handle, name, password_hash)
             select gen_random_uuid(), 'u' || n, 'U', '' from generate_series(1, 2999) n;
             insert into sessions (id, user_id, token_hash, device, expires_at)
             select gen_random_uuid(), id, sha256(id::text::bytea), '', now() + interval '1 day' from users;
             insert into rooms (id, kind, created_by, nonce, member_count)
             select gen_random_uuid(), 'channel', id, id, 2 from users;
             update rooms set member_count = 101 where id in (select id from rooms order by id limit 5);
             insert into lines (id, kind, head) select id, 'room', 1 from rooms;
             insert into members (room_id, user_id, role, rev_seq, marked_at)
             select r.id, u.id, 'member', 1, now() from rooms r, (select id from users order by id limit 2) u;",
        )
        .execute(&pool)
        .await
        .unwrap();
        sqlx::raw_sql("analyze").execute(&pool).await.unwrap();
        let ids = async |what: &'static str| sqlx::query_scalar(what).fetch_all(&pool).await.unwrap();
        let rooms: Vec<Uuid> = ids("select id from rooms order by id limit 1000").await;
        let sessions: Vec<Uuid> = ids("select id from sessions limit 1000").await;
        let user = UserId(ids("select user_id from members limit 1").await[0]);
        let lines: Vec<Line> = rooms.iter().map(|room| Line::Room(RoomId(*room))).collect();
        let rooms: Vec<RoomId> = rooms.into_iter().map(RoomId).collect();
        let sessions: Vec<SessionId> = sessions.into_iter().map(SessionId).collect();
        let within = Duration::from_secs(600);
        let before = rows_scanned(&pool).await;

        let heads = store.heads(&lines).await.unwrap();
        assert_eq!(heads.len(), 1_000);
        assert_eq!(store.heads_that_differ(&heads).await.unwrap(), []);
        let behind: Vec<Head> = heads.iter().map(|head| Head { head: Seq(0), ..*head }).collect();
        assert_eq!(store.heads_that_differ(&behind).await.unwrap().len(), 1_000);
        assert_eq!(store.sessions_alive(&sessions).await.unwrap().len(), 1_000);
        assert_eq!(
            store.marks_of_rooms(&rooms, 100, within).await.unwrap().len(),
            2 * 995,
            "not of large ones"
        );
        let large = store.large_rooms().await.unwrap();
        assert_eq!(large, rooms[..5], "the large ones");
        let own: Vec<(RoomId, UserId)> = large.iter().map(|room| (*room, user)).collect();
        assert_eq!(store.marks_of_members(&own, within).await.unwrap().len(), 5);
        assert_eq!(store.marks_of_members(&own, Duration::ZERO).await.unwrap(), []);

        assert_eq!(rows_scanned(&pool).await, before);
    }

    fn history(epoch: u128, timeline: &str, written: i64) -> History {
        History { epoch: Epoch(Uuid::from_u128(epoch)), timeline: Some(timeline.to_owned()), written }
    }

    #[test]
    fn a_database_that_went_back_contradicts_what_was_known() {
        let before = history(1, "00000001", 1_000);
        assert!(!history(1, "00000001", 1_000).contradicts(&before));
        assert!(!history(1, "00000001", 2_000).contradicts(&before));
        assert!(history(1, "00000001", 999).contradicts(&before), "restored from a copy");
        assert!(history(1, "00000002", 2_000).contradicts(&before), "another server took over");
        assert!(!history(2, "00000001", 10).contradicts(&before), "somebody has begun a new epoch already");
        let replica = History { timeline: None, ..before.clone() };
        assert!(!replica.contradicts(&before));
    }

    #[test]
    fn every_kind_is_read_as_it_is_written() {
        for kind in ItemKind::ALL {
            assert_eq!(ItemKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(ItemKind::parse("riddle"), None);
    }
}
