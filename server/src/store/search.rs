//! The index of words, and finding messages by it. See `migrations/0024_search.sql` for the tables.
//!
//! Law: the index follows each room's line by a cursor. A step reads the head of a line, indexes what is between the cursor and that head,
//! and moves the cursor, in one transaction. Numbers have no gaps and become visible in order, so nothing is skipped: not by a crash, and
//! not by servers that work side by side, because they skip each other's locked cursors. What is deleted leaves the index in the
//! transaction that deletes it. If a step has read the text just before, it writes the words after that; but the deletion is a change
//! behind the cursor, so the next step removes them. Until then nobody sees them, because hits are read from `messages`.
//!
//! A deleted room is locked while it is erased. A step holds a lock on the row of each room that it indexes, so that the two never meet.
//!
//! Law: hits are only in rooms that the viewer is in, asked in the statement that finds them and again in the one that reads them.

use std::collections::{BTreeMap, HashMap};

use protocol::{
    FoundAfter, Message, Millis, RoomId, UserId,
    limits::{FOUND_COUNT_MAX, FOUND_PAGE},
};
use sqlx::types::Json;
use uuid::Uuid;

use super::{Error, Store, lines::ItemKind, messages::select_messages};

/// The newest messages at which a search looks before it uses the index.
const NEWEST: i64 = 4_000;
/// The database aborts each statement of a search after this many milliseconds. A search has at most four that look for something:
/// the newest hits, those in the index, the messages of a page, and the count.
const TIMEOUT_MS: u32 = 2_000;

/// What a step of indexing has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// How many messages.
    pub messages: usize,
    /// Rooms with something left to do, because they have more than fits into a step, or another server is working on them.
    pub left: Vec<RoomId>,
}

/// A part of all lines, compared with their cursors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Rooms with something to do.
    pub behind: Vec<RoomId>,
    /// The last line of this part; `None` after the last part.
    pub through: Option<Uuid>,
}

/// What is searched for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The words and tags, as a `tsquery`; `None` if only the times are asked.
    pub words: Option<String>,
    /// The same together with the tags of the rooms, if there are not too many of them: then no other room costs anything.
    pub words_in_rooms: Option<String>,
    /// Only in these rooms.
    pub rooms: Option<Vec<RoomId>>,
    /// Not in these rooms.
    pub not_rooms: Vec<RoomId>,
    /// Sent at this time or later.
    pub since: Option<Millis>,
    /// Sent earlier than this.
    pub until: Option<Millis>,
    /// Only pinned messages.
    pub pinned: bool,
    /// Only messages that the viewer has saved.
    pub saved: bool,
    /// After this hit.
    pub after: Option<FoundAfter>,
}

/// A page of hits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Newest first.
    pub messages: Vec<(RoomId, Message)>,
    /// Whether there are more.
    pub more: bool,
    /// How many there are after [`Wanted::after`], up to [`FOUND_COUNT_MAX`]; also so many if counting them would take too long.
    pub count: u32,
}

/// The place of a message in the order of hits.
struct Place {
    room_id: Uuid,
    seq: i64,
}

/// A cursor under its lock.
struct Cursor {
    room: Uuid,
    through: i64,
    back: i64,
}

/// A range of numbers of a line: above the first, up to the second.
struct Window {
    room: Uuid,
    above: i64,
    to: i64,
}

impl Store {
    /// Compares the cursors with at most `lines` lines after the line `after`. Cursors of newer rules are left to newer servers.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_index(&self, after: Uuid, lines: i64, rules: i32) -> Result<Swept, Error> {
        let row = sqlx::query!(
            r#"with part as materialized (select id, kind, head from lines where id > $1 order by id limit $2)
             select
                (select id from part order by id desc limit 1) as through,
                coalesce((select array_agg(p.id) from part p left join search_cursors c on c.room_id = p.id
                    where p.kind = 'room' and (c.room_id is null or c.rules < $3
                        or c.rules = $3 and (p.head > c.through or c.back > 0))),
                    '{}') as "behind!""#,
            after,
            lines,
            rules
        )
        .fetch_one(&self.pool())
        .await?;
        Ok(Swept { behind: row.behind.into_iter().map(RoomId).collect(), through: row.through })
    }

    /// Indexes what is missing of these rooms, at most `numbers` numbers of their lines: first what is new in any of them, then what is
    /// older. `words` makes the `tsvector` of a message. Cursors of newer rules are left to newer servers.
    ///
    /// # Errors
    /// When the database fails. Then nothing was done.
    pub async fn index(
        &self,
        rooms: &[RoomId],
        numbers: i64,
        rules: i32,
        words: impl Fn(RoomId, &Message) -> String + Send,
    ) -> Result<Indexed, Error> {
        let ids: Vec<Uuid> = rooms.iter().map(|room| room.0).collect();
        let mut tx = self.pool().begin().await?;
        begin_cursors(&mut tx, &ids, rules).await?;
        let behind = sqlx::query_scalar!(
            "select c.room_id from search_cursors c join lines l on l.id = c.room_id
             where c.room_id = any($1) and c.rules <= $2 and (l.head > c.through or c.back > 0)",
            &ids,
            rules
        )
        .fetch_all(&mut *tx)
        .await?;
        if behind.is_empty() {
            tx.commit().await?;
            return Ok(Indexed::default());
        }
        let (moved, windows) = lock_cursors(&mut tx, &behind, numbers, rules).await?;
        let messages = unindexed(&mut tx, &windows).await?;
        let (mut live, mut gone) = (Vec::new(), Vec::new());
        for ((room, seq), message) in messages {
            if message.deleted {
                gone.push((room, seq));
            } else {
                live.push((room, seq, message.sent_at, words(RoomId(room), &message)));
            }
        }
        write_words(&mut tx, &live).await?;
        erase_words(&mut tx, &gone).await?;
        write_cursors(&mut tx, &moved).await?;
        tx.commit().await?;
        let done = |room: &Uuid| moved.get(room).is_some_and(|(cursor, head)| cursor.is_done(*head));
        let left = behind.into_iter().filter(|room| !done(room)).map(RoomId).collect();
        Ok(Indexed { messages: live.len(), left })
    }

    /// The rooms in which someone is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rooms_of(&self, user: UserId) -> Result<Vec<RoomId>, Error> {
        let rows = sqlx::query_scalar!("select room_id from members where user_id = $1 and active", user.0);
        Ok(rows.fetch_all(&self.pool()).await?.into_iter().map(RoomId).collect())
    }

    /// The rooms of someone that have this title in any case, or, of direct rooms, whose other person has this handle. (`#` and `@`
    /// before them are ignored.)
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rooms_named(&self, user: UserId, name: &str) -> Result<Vec<RoomId>, Error> {
        let rows = sqlx::query_scalar!(
            "select r.id from members m join rooms r on r.id = m.room_id
             where m.user_id = $1 and m.active and (
                (r.kind <> 'direct' and lower(normalize(r.title, nfkc)) in (lower(normalize($2, nfkc)), lower(normalize(ltrim($2, '#'), nfkc))))
                or (r.kind = 'direct' and exists (select from members o
                    where o.room_id = r.id and o.user_id <> $1 and o.handle = lower(ltrim($2, '@')))))",
            user.0,
            name
        );
        Ok(rows.fetch_all(&self.pool()).await?.into_iter().map(RoomId).collect())
    }

    /// The person with a handle. A guest finds only people with whom they share a room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user_named(&self, viewer: UserId, handle: &str) -> Result<Option<UserId>, Error> {
        let row = sqlx::query_scalar!(
            "select u.id from users u where u.handle = $2 and (
                u.id = $1 or exists (select from users where id = $1 and role <> 'guest')
                or exists (select from members own join members m on m.room_id = own.room_id
                    where own.user_id = $1 and own.active and m.user_id = u.id and m.active))",
            viewer.0,
            handle
        );
        Ok(row.fetch_optional(&self.pool()).await?.map(UserId))
    }

    /// The group with a handle. Guests find none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn group_named(&self, viewer: UserId, handle: &str) -> Result<Option<UserId>, Error> {
        let row = sqlx::query_scalar!(
            "select id from groups where handle = $2 and exists (select from users where id = $1 and role <> 'guest')",
            viewer.0,
            handle
        );
        Ok(row.fetch_optional(&self.pool()).await?.map(UserId))
    }

    /// Finds messages in the rooms that the viewer is in.
    ///
    /// # Errors
    /// When the database fails; one that [is slow](Error::is_slow) if finding or reading them would take too long.
    pub async fn find_messages(&self, viewer: UserId, wanted: &Wanted) -> Result<Found, Error> {
        let mut tx = self.pool().begin().await?;
        // A plan fits the words and times for which it was made, and compiling it would take longer than running it.
        sqlx::query!(
            "select set_config('statement_timeout', $1, true) as timeout, set_config('jit', 'off', true) as jit,
                set_config('enable_seqscan', 'off', true) as seqscan,
                set_config('plan_cache_mode', 'force_custom_plan', true) as plans",
            TIMEOUT_MS.to_string()
        )
        .fetch_one(&mut *tx)
        .await?;
        let (places, is_all) = if wanted.pinned || wanted.saved {
            (find_marked(&mut tx, viewer, wanted).await?, true)
        } else {
            find_by_words(&mut tx, viewer, wanted).await?
        };
        let more = places.len() > FOUND_PAGE;
        let messages = read(&mut tx, viewer, &places[..places.len().min(FOUND_PAGE)]).await?;
        // Last, because it may fail alone: then the page is answered with «more than».
        let count = if is_all || wanted.after.is_some() {
            places.len()
        } else {
            match count(&mut tx, viewer, wanted).await {
                Err(error) if error.is_slow() => FOUND_COUNT_MAX as usize,
                count => count?,
            }
        };
        // Nothing was written, so it does not matter that a slow count has aborted the transaction.
        tx.rollback().await?;
        Ok(Found { messages, more, count: u32::try_from(count).unwrap_or(FOUND_COUNT_MAX) })
    }
}

impl Cursor {
    fn is_done(&self, head: i64) -> bool {
        self.through >= head && self.back == 0
    }

    /// Moves towards the head by at most `numbers`. Returns what is to be indexed.
    fn forward(&mut self, head: i64, numbers: &mut i64) -> Option<Window> {
        let above = self.through;
        let to = head.min(above.saturating_add(*numbers));
        if to <= above {
            return None;
        }
        *numbers -= to - above;
        self.through = to;
        Some(Window { room: self.room, above, to })
    }

    /// Moves backwards by at most `numbers`. Returns what is to be indexed.
    fn backward(&mut self, numbers: &mut i64) -> Option<Window> {
        let to = self.back;
        let above = (to - *numbers).max(0);
        if above >= to {
            return None;
        }
        *numbers -= to - above;
        self.back = above;
        Some(Window { room: self.room, above, to })
    }
}

/// Creates the cursors of rooms that have none, and begins again where the rules are older.
async fn begin_cursors(tx: &mut sqlx::PgTransaction<'_>, rooms: &[Uuid], rules: i32) -> Result<(), Error> {
    sqlx::query!(
        "insert into search_cursors as c (room_id, through, back, rules)
         select l.id, l.head, l.head, $2 from lines l left join search_cursors k on k.room_id = l.id
         where l.id = any($1) and l.kind = 'room' and (k.room_id is null or k.rules < $2)
         order by l.id
         on conflict (room_id) do update
         set through = greatest(c.through, excluded.through), back = greatest(c.through, excluded.through), rules = excluded.rules
         where c.rules < excluded.rules",
        rooms,
        rules
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Locks the cursors that no other server has locked, and moves them: first all of them to the heads of their lines, those with the least
/// to do before the others, so that a busy or old room delays new messages of no other; then backwards with what is left of `numbers`.
/// Returns them with the heads of their lines, and what is to be indexed.
async fn lock_cursors(
    tx: &mut sqlx::PgTransaction<'_>,
    rooms: &[Uuid],
    mut numbers: i64,
    rules: i32,
) -> Result<(HashMap<Uuid, (Cursor, i64)>, Vec<Window>), Error> {
    // The statement sees everything up to the heads that it reads, and so do those after it.
    let rows = sqlx::query!(
        r#"select c.room_id, c.through, c.back, l.head, r.deleted_at is not null as "deleted!"
         from search_cursors c join lines l on l.id = c.room_id join rooms r on r.id = c.room_id
         where c.room_id = any($1) and c.rules <= $2 and (l.head > c.through or c.back > 0)
         order by l.head - c.through, c.room_id
         for no key update of c skip locked
         for key share of r skip locked"#,
        rooms,
        rules
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut windows = Vec::new();
    let mut moved = Vec::new();
    for row in rows {
        let mut cursor = Cursor { room: row.room_id, through: row.through, back: row.back };
        if row.deleted {
            cursor = Cursor { through: row.head, back: 0, ..cursor };
        }
        windows.extend(cursor.forward(row.head, &mut numbers));
        moved.push((cursor, row.head));
    }
    windows.extend(moved.iter_mut().filter_map(|(cursor, _)| cursor.backward(&mut numbers)));
    Ok((moved.into_iter().map(|(cursor, head)| (cursor.room, (cursor, head))).collect(), windows))
}

/// The messages that were sent in these windows, or changed in them, by room and number.
async fn unindexed(
    tx: &mut sqlx::PgTransaction<'_>,
    windows: &[Window],
) -> Result<BTreeMap<(Uuid, i64), Message>, Error> {
    let rooms: Vec<Uuid> = windows.iter().map(|window| window.room).collect();
    let above: Vec<i64> = windows.iter().map(|window| window.above).collect();
    let to: Vec<i64> = windows.iter().map(|window| window.to).collect();
    let changed = sqlx::query!(
        r#"select i.line_id, i.key from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as k (room, above, upto)
         join items i on i.line_id = k.room and i.rev > k.above and i.rev <= k.upto
         where i.kind = $4"#,
        &rooms,
        &above,
        &to,
        ItemKind::Message.as_str()
    )
    .fetch_all(&mut **tx)
    .await?;
    let changed = changed.into_iter().filter_map(|row| Some((row.line_id, row.key.parse::<i64>().ok()?)));
    let (of_rooms, seqs): (Vec<Uuid>, Vec<i64>) = changed.unzip();
    let mut rows = select_messages!(
        "join unnest($1::uuid[], $2::bigint[], $3::bigint[]) as k (room, above, upto)
            on m.room_id = k.room and m.seq > k.above and m.seq <= k.upto",
        &rooms,
        &above,
        &to
    )
    .fetch_all(&mut **tx)
    .await?;
    if !seqs.is_empty() {
        let changed = select_messages!(
            "join unnest($1::uuid[], $2::bigint[]) as k (room, seq) on m.room_id = k.room and m.seq = k.seq",
            &of_rooms,
            &seqs
        );
        rows.extend(changed.fetch_all(&mut **tx).await?);
    }
    Ok(rows.into_iter().map(|row| ((row.room_id, row.seq), Message::from(row))).collect())
}

async fn write_words(
    tx: &mut sqlx::PgTransaction<'_>,
    messages: &[(Uuid, i64, Millis, String)],
) -> Result<(), Error> {
    if messages.is_empty() {
        return Ok(());
    }
    let rooms: Vec<Uuid> = messages.iter().map(|message| message.0).collect();
    let seqs: Vec<i64> = messages.iter().map(|message| message.1).collect();
    let times: Vec<Millis> = messages.iter().map(|message| message.2).collect();
    let words: Vec<String> = messages.iter().map(|message| message.3.clone()).collect();
    sqlx::query!(
        "insert into search as s (room_id, seq, at, words)
         select room, seq, 'epoch'::timestamptz + at * interval '1 millisecond', words::tsvector
         from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[]) as k (room, seq, at, words)
         on conflict (room_id, seq) do update set words = excluded.words where s.words <> excluded.words",
        &rooms,
        &seqs,
        &times,
        &words
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn erase_words(tx: &mut sqlx::PgTransaction<'_>, messages: &[(Uuid, i64)]) -> Result<(), Error> {
    if messages.is_empty() {
        return Ok(());
    }
    let (rooms, seqs): (Vec<Uuid>, Vec<i64>) = messages.iter().copied().unzip();
    sqlx::query!(
        "delete from search s using unnest($1::uuid[], $2::bigint[]) as k (room, seq)
         where s.room_id = k.room and s.seq = k.seq",
        &rooms,
        &seqs
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn write_cursors(
    tx: &mut sqlx::PgTransaction<'_>,
    moved: &HashMap<Uuid, (Cursor, i64)>,
) -> Result<(), Error> {
    let rooms: Vec<Uuid> = moved.keys().copied().collect();
    let through: Vec<i64> = moved.values().map(|(cursor, _)| cursor.through).collect();
    let back: Vec<i64> = moved.values().map(|(cursor, _)| cursor.back).collect();
    sqlx::query!(
        "update search_cursors c set through = k.through, back = k.back
         from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as k (room, through, back) where c.room_id = k.room",
        &rooms,
        &through,
        &back
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Looks at the newest messages, which suffices for common words, and only then into the index: a word that is rare among them is rare
/// enough to sort all of its hits. Returns more places than a page, if there are more, and whether these are all, up to
/// [`FOUND_COUNT_MAX`].
async fn find_by_words(
    tx: &mut sqlx::PgTransaction<'_>,
    viewer: UserId,
    wanted: &Wanted,
) -> Result<(Vec<Place>, bool), Error> {
    let (newest, is_all) = find_newest(tx, viewer, wanted).await?;
    if is_all || newest.len() >= FOUND_COUNT_MAX as usize {
        return Ok((newest, true));
    }
    if newest.len() > FOUND_PAGE {
        return Ok((newest, false));
    }
    Ok((find_in_index(tx, viewer, wanted).await?, true))
}

/// The words to look up in the index.
fn looked_up(wanted: &Wanted) -> Option<&str> {
    wanted.words_in_rooms.as_deref().or(wanted.words.as_deref())
}

fn ids(rooms: &[RoomId]) -> Vec<Uuid> {
    rooms.iter().map(|room| room.0).collect()
}

/// The hits among the newest messages, and whether these were all messages.
async fn find_newest(
    tx: &mut sqlx::PgTransaction<'_>,
    viewer: UserId,
    wanted: &Wanted,
) -> Result<(Vec<Place>, bool), Error> {
    let rooms = wanted.rooms.as_deref().map(ids);
    let rows = sqlx::query!(
        r#"with newest as materialized (
            select s.room_id, s.seq, s.at, $5::text is null or s.words @@ $5::text::tsquery as hit from search s
            where ($1::bigint is null or s.at >= 'epoch'::timestamptz + $1 * interval '1 millisecond')
                and s.at < coalesce('epoch'::timestamptz + $2::bigint * interval '1 millisecond', 'infinity')
                and s.at <= coalesce('epoch'::timestamptz + $3::bigint * interval '1 millisecond', 'infinity')
                and ($3::bigint is null or (s.at, s.room_id, s.seq)
                    < ('epoch'::timestamptz + $3 * interval '1 millisecond', $4::uuid, $6::bigint))
            order by s.at desc, s.room_id desc, s.seq desc limit $7
         )
         select n.looked as "looked!", h.room_id as "room_id?", h.seq as "seq?"
         from (select count(*) as looked from newest) n left join (
            select room_id, seq, at from newest s
            where s.hit
                and s.room_id in (select room_id from members where user_id = $8 and active)
                and ($9::uuid[] is null or s.room_id = any($9)) and s.room_id <> all($10::uuid[])
            order by s.at desc, s.room_id desc, s.seq desc limit $11) h on true
         order by h.at desc, h.room_id desc, h.seq desc"#,
        wanted.since,
        wanted.until,
        wanted.after.map(|after| after.at),
        wanted.after.map(|after| after.room.0),
        wanted.words,
        wanted.after.map(|after| after.seq.0),
        NEWEST,
        viewer.0,
        rooms.as_deref(),
        &ids(&wanted.not_rooms),
        i64::from(FOUND_COUNT_MAX)
    )
    .fetch_all(&mut **tx)
    .await?;
    let is_all = rows.first().is_none_or(|row| row.looked < NEWEST);
    let place = |room_id: Option<Uuid>, seq: Option<i64>| Some(Place { room_id: room_id?, seq: seq? });
    Ok((rows.into_iter().filter_map(|row| place(row.room_id, row.seq)).collect(), is_all))
}

/// The newest hits in the index.
async fn find_in_index(
    tx: &mut sqlx::PgTransaction<'_>,
    viewer: UserId,
    wanted: &Wanted,
) -> Result<Vec<Place>, Error> {
    let rooms = wanted.rooms.as_deref().map(ids);
    // Materialized, so that Postgres uses the index of words and does not go through all messages by their time.
    let rows = sqlx::query_as!(
        Place,
        r#"with hits as materialized (
            select s.room_id, s.seq, s.at from search s
            where ($1::text is null or s.words @@ $1::text::tsquery)
                and ($2::bigint is null or s.at >= 'epoch'::timestamptz + $2 * interval '1 millisecond')
                and ($3::bigint is null or s.at < 'epoch'::timestamptz + $3 * interval '1 millisecond')
                and ($4::bigint is null or (s.at, s.room_id, s.seq)
                    < ('epoch'::timestamptz + $4 * interval '1 millisecond', $5::uuid, $6::bigint))
         )
         select s.room_id, s.seq from hits s
         where s.room_id in (select room_id from members where user_id = $7 and active)
            and ($8::uuid[] is null or s.room_id = any($8)) and s.room_id <> all($9::uuid[])
         order by s.at desc, s.room_id desc, s.seq desc limit $10"#,
        looked_up(wanted),
        wanted.since,
        wanted.until,
        wanted.after.map(|after| after.at),
        wanted.after.map(|after| after.room.0),
        wanted.after.map(|after| after.seq.0),
        viewer.0,
        rooms.as_deref(),
        &ids(&wanted.not_rooms),
        i64::from(FOUND_COUNT_MAX)
    );
    Ok(rows.fetch_all(&mut **tx).await?)
}

/// How many hits there are in the index, up to [`FOUND_COUNT_MAX`].
async fn count(tx: &mut sqlx::PgTransaction<'_>, viewer: UserId, wanted: &Wanted) -> Result<usize, Error> {
    let rooms = wanted.rooms.as_deref().map(ids);
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
            select from search s
            where ($1::text is null or s.words @@ $1::text::tsquery)
                and ($2::bigint is null or s.at >= 'epoch'::timestamptz + $2 * interval '1 millisecond')
                and ($3::bigint is null or s.at < 'epoch'::timestamptz + $3 * interval '1 millisecond')
                and s.room_id in (select room_id from members where user_id = $4 and active)
                and ($5::uuid[] is null or s.room_id = any($5)) and s.room_id <> all($6::uuid[])
            limit $7) x"#,
        looked_up(wanted),
        wanted.since,
        wanted.until,
        viewer.0,
        rooms.as_deref(),
        &ids(&wanted.not_rooms),
        i64::from(FOUND_COUNT_MAX)
    );
    Ok(usize::try_from(count.fetch_one(&mut **tx).await?).unwrap_or_default())
}

/// Hits among pinned or saved messages, of which there are few.
async fn find_marked(
    tx: &mut sqlx::PgTransaction<'_>,
    viewer: UserId,
    wanted: &Wanted,
) -> Result<Vec<Place>, Error> {
    let rooms = wanted.rooms.as_deref().map(ids);
    let rows = sqlx::query_as!(
        Place,
        r#"with marked as materialized (
            select sv.room_id, sv.seq from saved sv where $10 and sv.user_id = $7 and sv.saved
            union all
            select p.room_id, p.seq from members m join pins p on p.room_id = m.room_id and p.pinned
            where not $10 and m.user_id = $7 and m.active and ($8::uuid[] is null or m.room_id = any($8))
         ), hits as materialized (
            select s.room_id, s.seq, s.at from marked k
            cross join lateral (select * from search where room_id = k.room_id and seq = k.seq offset 0) s
            where ($1::text is null or s.words @@ $1::text::tsquery)
                and ($2::bigint is null or s.at >= 'epoch'::timestamptz + $2 * interval '1 millisecond')
                and ($3::bigint is null or s.at < 'epoch'::timestamptz + $3 * interval '1 millisecond')
                and ($4::bigint is null or (s.at, s.room_id, s.seq)
                    < ('epoch'::timestamptz + $4 * interval '1 millisecond', $5::uuid, $6::bigint))
                and (not $11 or exists (select from pins p where p.room_id = s.room_id and p.seq = s.seq and p.pinned))
         )
         select s.room_id, s.seq from hits s
         where s.room_id in (select room_id from members where user_id = $7 and active)
            and ($8::uuid[] is null or s.room_id = any($8)) and s.room_id <> all($9::uuid[])
         order by s.at desc, s.room_id desc, s.seq desc limit $12"#,
        wanted.words,
        wanted.since,
        wanted.until,
        wanted.after.map(|after| after.at),
        wanted.after.map(|after| after.room.0),
        wanted.after.map(|after| after.seq.0),
        viewer.0,
        rooms.as_deref(),
        &ids(&wanted.not_rooms),
        wanted.saved,
        wanted.pinned,
        i64::from(FOUND_COUNT_MAX)
    );
    Ok(rows.fetch_all(&mut **tx).await?)
}

/// The messages at these places, in their order, if the viewer may still read them.
async fn read(
    tx: &mut sqlx::PgTransaction<'_>,
    viewer: UserId,
    places: &[Place],
) -> Result<Vec<(RoomId, Message)>, Error> {
    let rooms: Vec<Uuid> = places.iter().map(|place| place.room_id).collect();
    let seqs: Vec<i64> = places.iter().map(|place| place.seq).collect();
    let rows = select_messages!(
        "join unnest($1::uuid[], $2::bigint[]) with ordinality as k (room, seq, place) on m.room_id = k.room and m.seq = k.seq
         join members mb on mb.room_id = m.room_id and mb.user_id = $3 and mb.active
         where m.deleted_at is null order by k.place",
        &rooms,
        &seqs,
        viewer.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (RoomId(row.room_id), Message::from(row))).collect())
}
