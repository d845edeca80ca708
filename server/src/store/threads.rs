//! Threads: replies below a message, and who follows them.
//!
//! A reply is a message of the room. Its place in the thread is counted under the room's lock, like its number, so the places have no
//! gaps. The row of a thread says what its root shows. Whoever follows a thread has an item for it on their own line.
//!
//! Law: nobody follows a thread of a room that they were not in at that moment. Whether they may read it is asked each time.

use std::collections::{BTreeMap, HashMap, HashSet};

use protocol::{
    Following, InThread, Line, Message, Millis, Replies, RoomId, Seq, Thread, ThreadAuthor, ThreadsAfter,
    UserId,
    limits::{FOLLOWED_MAX, GROUP_OPEN_MAX, PAGE_MESSAGES, THREADS_PAGE, UNREAD_MAX},
};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    Error, Store,
    lines::{ItemKind, take, take_each},
    messages::{NewMessage, select_messages},
    saved::lock_person,
};

/// A page of a thread.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadPage {
    /// The thread, with its whole root.
    pub thread: Thread,
    /// Oldest first.
    pub messages: Vec<Message>,
    /// Whether there are older ones.
    pub more: bool,
}

/// Which threads are asked for.
#[derive(Clone, Copy, Debug)]
pub enum ThreadsOf {
    /// Those that the viewer follows, in the rooms that they are in.
    Followed,
    /// All threads of a room.
    Room(RoomId),
}

/// The threads in which a flush writes, under the locks of their rooms.
#[derive(Default)]
pub(super) struct Threads(BTreeMap<(RoomId, Seq), Root>);

struct Root {
    author: UserId,
    replies: Option<Replies>,
    /// The replies of this flush: place, number and author.
    new: Vec<(u32, Seq, UserId)>,
}

/// A reply that is new, and the people and groups that it mentions: they follow its thread from now on.
pub(super) struct NewReply<'a> {
    pub(super) room: RoomId,
    pub(super) message: &'a Message,
    pub(super) mentioned: &'a [Uuid],
}

impl Threads {
    /// Reads the roots that these messages name. A message that is in a thread itself is no root.
    pub(super) async fn find(tx: &mut sqlx::PgTransaction<'_>, new: &[NewMessage]) -> Result<Self, Error> {
        let asked = || new.iter().filter_map(|item| Some((item.room, item.placement.thread?)));
        let (rooms, roots): (Vec<Uuid>, Vec<i64>) = asked().map(|(room, root)| (room.0, root.0)).unzip();
        if rooms.is_empty() {
            return Ok(Self::default());
        }
        let rows = sqlx::query!(
            r#"select m.room_id, m.seq, m.author_id, t.replies as "replies?", t.last_seq as "last_seq?",
                (extract(epoch from t.last_at) * 1000)::bigint as "last_at?",
                t.authors as "authors?: Json<Vec<ThreadAuthor>>"
             from unnest($1::uuid[], $2::bigint[]) as k (room, root)
             join messages m on m.room_id = k.room and m.seq = k.root
             left join threads t on t.room_id = m.room_id and t.root = m.seq
             where m.thread_root is null"#,
            &rooms,
            &roots
        )
        .fetch_all(&mut **tx)
        .await?;
        let roots = rows.into_iter().map(|row| {
            let replies = replies_of(row.replies, row.last_seq, row.last_at, row.authors);
            let root = Root { author: UserId(row.author_id), replies, new: Vec::new() };
            ((RoomId(row.room_id), Seq(row.seq)), root)
        });
        Ok(Self(roots.collect()))
    }

    /// Whether a message may have a thread.
    pub(super) fn has_root(&self, room: RoomId, root: Seq) -> bool {
        self.0.contains_key(&(room, root))
    }

    /// Gives a new message its place in a thread.
    pub(super) fn place(
        &mut self,
        (room, root): (RoomId, Seq),
        author: UserId,
        seq: Seq,
    ) -> Option<InThread> {
        let known = self.0.get_mut(&(room, root))?;
        let count = known.replies.as_ref().map_or(0, |replies| replies.count) + 1;
        let reply = Replies { count, last: seq, at: 0, authors: vec![ThreadAuthor(author, seq)] };
        match &mut known.replies {
            Some(replies) => drop(replies.merge(&reply)),
            None => known.replies = Some(reply),
        }
        known.new.push((count, seq, author));
        Some(InThread(root, count))
    }

    /// Writes what has been placed.
    pub(super) async fn write(&self, tx: &mut sqlx::PgTransaction<'_>) -> Result<(), Error> {
        let (mut rooms, mut roots, mut counts, mut lasts, mut authors) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut in_rooms, mut of_roots, mut places, mut seqs, mut by) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for ((room, root), Root { replies, new, .. }) in &self.0 {
            let Some(replies) = replies.as_ref().filter(|_| !new.is_empty()) else { continue };
            rooms.push(room.0);
            roots.push(root.0);
            counts.push(i32::try_from(replies.count).unwrap_or(i32::MAX));
            lasts.push(replies.last.0);
            authors.push(Json(&replies.authors));
            for (nth, seq, author) in new {
                in_rooms.push(room.0);
                of_roots.push(root.0);
                places.push(i32::try_from(*nth).unwrap_or(i32::MAX));
                seqs.push(seq.0);
                by.push(author.0);
            }
        }
        if rooms.is_empty() {
            return Ok(());
        }
        // The time is that of the messages: both are the transaction's.
        sqlx::query!(
            "with placed as (
                insert into thread_replies (room_id, root, nth, seq, author_id)
                select * from unnest($6::uuid[], $7::bigint[], $8::int[], $9::bigint[], $10::uuid[])
             )
             insert into threads (room_id, root, replies, last_seq, last_at, authors)
             select room, root, replies, last, now(), authors
             from unnest($1::uuid[], $2::bigint[], $3::int[], $4::bigint[], $5::jsonb[])
                as k (room, root, replies, last, authors)
             on conflict (room_id, root) do update
             set replies = excluded.replies, last_seq = excluded.last_seq, last_at = excluded.last_at,
                authors = excluded.authors",
            &rooms,
            &roots,
            &counts,
            &lasts,
            &authors as _,
            &in_rooms,
            &of_roots,
            &places,
            &seqs,
            &by
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// Makes people follow the threads of new replies: their authors, the people whom they mention, also by a group, and the author of
    /// the root. Who has followed or stopped following a thread before stays as they are. Returns who follows what from now on.
    pub(super) async fn follow(
        &self,
        tx: &mut sqlx::PgTransaction<'_>,
        new: &[NewReply<'_>],
    ) -> Result<Vec<(UserId, Following)>, Error> {
        let (mut places, mut rooms, mut roots, mut users) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut asked = HashSet::new();
        for (NewReply { room, message, mentioned }, place) in new.iter().zip(0_i32..) {
            let Some(InThread(root, nth)) = message.thread else { continue };
            let of_root = self.0.get(&(*room, root)).filter(|_| nth == 1).map(|root| root.author.0);
            let mentioned = mentioned.iter().copied().filter(|user| *user != super::mentions::EVERYONE);
            for user in mentioned.chain([message.author.0]).chain(of_root) {
                if asked.insert((*room, root, user)) {
                    places.push(place);
                    rooms.push(room.0);
                    roots.push(root.0);
                    users.push(user);
                }
            }
        }
        let asked = Asked { places, rooms, roots, users };
        let first = missing_followers(tx, &asked).await?;
        if first.is_empty() {
            return Ok(Vec::new());
        }
        // All lines at once and in order, before any of them moves: the law in `lines.rs`. Then nobody else changes what they follow.
        let mut lines: Vec<Uuid> = first.iter().map(|(user, _)| user.0).collect();
        lines.sort_unstable();
        lines.dedup();
        sqlx::query!(
            "select id from lines where id = any($1) and kind = 'person' order by id for no key update",
            &lines
        )
        .fetch_all(&mut **tx)
        .await?;
        let mut by_thread: BTreeMap<(RoomId, Seq), Vec<Uuid>> = BTreeMap::new();
        for (user, thread) in missing_followers(tx, &asked).await? {
            by_thread.entry(thread).or_default().push(user.0);
        }
        let mut followed = Vec::new();
        for ((room, root), users) in by_thread {
            let numbers = take_each(tx, &users, ItemKind::Following, &format!("{room}/{root}")).await?;
            let (users, revs): (Vec<Uuid>, Vec<i64>) =
                numbers.iter().map(|(user, rev)| (*user, rev.0)).unzip();
            sqlx::query!(
                "insert into followed_threads (user_id, room_id, root, following, rev)
                 select user_id, $2, $3, true, rev from unnest($1::uuid[], $4::bigint[]) as k (user_id, rev)",
                &users,
                room.0,
                root.0,
                &revs
            )
            .execute(&mut **tx)
            .await?;
            let replies = self.0.get(&(room, root)).and_then(|root| root.replies.as_ref());
            followed.extend(numbers.into_iter().map(|(user, rev)| {
                let user = UserId(user);
                let last = replies.and_then(|replies| replies.last_by_others(user)).unwrap_or(root);
                (user, Following { room, root, last, on: true, rev })
            }));
        }
        Ok(followed)
    }
}

/// The people and groups who are to follow the threads of new replies, column by column.
struct Asked {
    /// Which of the replies.
    places: Vec<i32>,
    rooms: Vec<Uuid>,
    roots: Vec<i64>,
    users: Vec<Uuid>,
}

/// Those of these people, and of the people in these groups, who are in the room and have never followed the
/// thread, with the thread. Of the groups of a reply, those count that have at most [`GROUP_OPEN_MAX`] people
/// together, from the smallest on.
async fn missing_followers(
    tx: &mut sqlx::PgTransaction<'_>,
    asked: &Asked,
) -> Result<Vec<(UserId, (RoomId, Seq))>, Error> {
    let rows = sqlx::query!(
        r#"select distinct k.room as "room!", k.root as "root!", m.user_id as "user!"
         from (
            select a.room, a.root, a.id, sum(g.members) over (partition by a.place order by g.members, a.id) as people
            from unnest($1::uuid[], $2::bigint[], $3::uuid[], $5::int[]) as a (room, root, id, place)
            left join groups g on g.id = a.id
         ) k
         cross join lateral (
            select k.id as user_id
            union all
            select x.user_id from group_members x where x.group_id = k.id and k.people <= $4
         ) p
         join members m on m.room_id = k.room and m.user_id = p.user_id and m.active
         left join followed_threads f on f.user_id = m.user_id and f.room_id = k.room and f.root = k.root
         where f.user_id is null"#,
        &asked.rooms,
        &asked.roots,
        &asked.users,
        i64::from(GROUP_OPEN_MAX),
        &asked.places
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (UserId(row.user), (RoomId(row.room), Seq(row.root)))).collect())
}

/// What a root shows, of the columns of its thread; `None` if it has none.
pub(super) fn replies_of(
    count: Option<i32>,
    last: Option<i64>,
    at: Option<Millis>,
    authors: Option<Json<Vec<ThreadAuthor>>>,
) -> Option<Replies> {
    Some(Replies {
        count: u32::try_from(count?).unwrap_or_default(),
        last: Seq(last?),
        at: at?,
        authors: authors?.0,
    })
}

struct FollowingRow {
    room_id: Uuid,
    root: i64,
    following: bool,
    rev: i64,
    last: i64,
}

/// A thread in a list, of a viewer.
struct ListedRow {
    room_id: Uuid,
    root: i64,
    following: bool,
    unread: i64,
}

impl From<FollowingRow> for Following {
    fn from(row: FollowingRow) -> Self {
        let (room, root, last) = (RoomId(row.room_id), Seq(row.root), Seq(row.last));
        Self { room, root, last, on: row.following, rev: Seq(row.rev) }
    }
}

impl Store {
    /// A thread, with the page of its replies before a place, or the newest. `None` if there is no such message, or if it is in a
    /// thread itself. For a viewer who is in the room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn thread(
        &self,
        viewer: UserId,
        (room, root): (RoomId, Seq),
        before: Option<u32>,
    ) -> Result<Option<ThreadPage>, Error> {
        let limit = PAGE_MESSAGES + 1;
        let before = before.and_then(|before| i32::try_from(before).ok()).unwrap_or(i32::MAX);
        // The replies first: what is written in between is in the root's count, and comes as an event.
        let rows = select_messages!(
            "join thread_replies p on p.room_id = m.room_id and p.seq = m.seq
             where p.room_id = $1 and p.root = $2 and p.nth < $3 order by p.nth desc limit $4",
            room.0,
            root.0,
            before,
            limit as i64
        )
        .fetch_all(&self.pool())
        .await?;
        let more = rows.len() == limit;
        let mut messages: Vec<Message> = rows.into_iter().take(PAGE_MESSAGES).map(Message::from).collect();
        messages.reverse();
        let root = self.messages_of(room, &[root]).await?.pop().filter(|root| root.thread.is_none());
        let Some(root) = root else { return Ok(None) };
        let row = sqlx::query!(
            r#"select coalesce((select following from followed_threads
                    where user_id = $1 and room_id = $2 and root = $3), false) as "following!",
                (select count(*) from (select seq, author_id from thread_replies
                    where room_id = $2 and root = $3 order by nth desc limit $4) x
                    where x.author_id <> $1 and x.seq > coalesce((select least(read_seq, unread_after) from members
                        where room_id = $2 and user_id = $1), 0)) as "unread!""#,
            viewer.0,
            room.0,
            root.seq.0,
            i64::from(UNREAD_MAX)
        )
        .fetch_one(&self.pool())
        .await?;
        let unread = u32::try_from(row.unread).unwrap_or(UNREAD_MAX);
        let thread = Thread { room, root, unread, following: row.following };
        Ok(Some(ThreadPage { thread, messages, more }))
    }

    /// A page of threads, the one with the newest reply first, and whether there are more. For a room, the viewer is in it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_threads(
        &self,
        viewer: UserId,
        of: ThreadsOf,
        after: Option<ThreadsAfter>,
    ) -> Result<(Vec<Thread>, bool), Error> {
        let limit = THREADS_PAGE + 1;
        let (at, after_root) = (after.map(|after| after.at), after.map(|after| after.root.0));
        let rows = match of {
            // A person follows some hundreds of them, over all their rooms.
            ThreadsOf::Followed => {
                sqlx::query_as!(
                    ListedRow,
                    r#"select t.room_id, t.root, true as "following!",
                        case when t.last_seq <= least(m.read_seq, m.unread_after) then 0 else (
                            select count(*) from (select seq, author_id from thread_replies p
                                where p.room_id = t.room_id and p.root = t.root order by p.nth desc limit $6) x
                            where x.seq > least(m.read_seq, m.unread_after) and x.author_id <> $1)
                        end as "unread!"
                     from followed_threads f
                     join threads t on t.room_id = f.room_id and t.root = f.root
                     join members m on m.room_id = f.room_id and m.user_id = $1 and m.active
                     where f.user_id = $1 and f.following and ($2::bigint is null
                        or (t.last_at, t.room_id, t.root)
                            < ('epoch'::timestamptz + $2 * interval '1 millisecond', $3::uuid, $4::bigint))
                     order by t.last_at desc, t.room_id desc, t.root desc limit $5"#,
                    viewer.0,
                    at,
                    after.map(|after| after.room.0),
                    after_root,
                    limit as i64,
                    i64::from(UNREAD_MAX)
                )
                .fetch_all(&self.pool())
                .await?
            }
            // A room may have any number: a page is a range of the index.
            ThreadsOf::Room(room) => {
                sqlx::query_as!(
                    ListedRow,
                    r#"select t.room_id, t.root, coalesce(f.following, false) as "following!",
                        case when t.last_seq <= least(m.read_seq, m.unread_after) then 0 else (
                            select count(*) from (select seq, author_id from thread_replies p
                                where p.room_id = t.room_id and p.root = t.root order by p.nth desc limit $6) x
                            where x.seq > least(m.read_seq, m.unread_after) and x.author_id <> $1)
                        end as "unread!"
                     from threads t
                     join members m on m.room_id = t.room_id and m.user_id = $1 and m.active
                     left join followed_threads f on f.user_id = $1 and f.room_id = t.room_id and f.root = t.root
                     where t.room_id = $2 and ($3::bigint is null
                        or (t.last_at, t.root) < ('epoch'::timestamptz + $3 * interval '1 millisecond', $4::bigint))
                     order by t.last_at desc, t.root desc limit $5"#,
                    viewer.0,
                    room.0,
                    at,
                    after_root,
                    limit as i64,
                    i64::from(UNREAD_MAX)
                )
                .fetch_all(&self.pool())
                .await?
            }
        };
        let more = rows.len() == limit;
        let (rooms, seqs): (Vec<Uuid>, Vec<i64>) =
            rows.iter().take(THREADS_PAGE).map(|row| (row.room_id, row.root)).unzip();
        let roots = select_messages!(
            "join unnest($1::uuid[], $2::bigint[]) as k (room, root) on m.room_id = k.room and m.seq = k.root",
            &rooms,
            &seqs
        )
        .fetch_all(&self.pool())
        .await?;
        let mut roots: HashMap<(Uuid, i64), Message> =
            roots.into_iter().map(|row| ((row.room_id, row.seq), row.into())).collect();
        let threads = rows.into_iter().filter_map(|row| {
            let root = roots.remove(&(row.room_id, row.root))?;
            let replies = root.replies.clone();
            Some(Thread {
                room: RoomId(row.room_id),
                root: Message { replies, ..root.preview() },
                unread: u32::try_from(row.unread).unwrap_or(UNREAD_MAX),
                following: row.following,
            })
        });
        Ok((threads.collect(), more))
    }

    /// Makes somebody follow a thread, or no longer. Returns it as it is now and whether it changed; `None` when they never followed
    /// it and still do not.
    ///
    /// # Errors
    /// [`Error::NoSuchRoom`], [`Error::NoSuchMessage`]; or when the database fails.
    pub async fn follow(
        &self,
        by: UserId,
        (room, root): (RoomId, Seq),
        on: bool,
    ) -> Result<Option<(Following, bool)>, Error> {
        let mut tx = self.pool().begin().await?;
        lock_person(&mut tx, by).await?;
        let known = self.followings_of(&mut tx, by, &[(room.0, root.0)]).await?.pop();
        match known {
            Some(known) if known.on == on => return Ok(Some((known, false))),
            None if !on => return Ok(None),
            Some(_) | None => {}
        }
        let found = sqlx::query!(
            r#"select
                exists (select from members where room_id = $1 and user_id = $2 and active) as "member!",
                exists (select from messages where room_id = $1 and seq = $3 and thread_root is null) as "root!",
                coalesce((select max((a ->> 1)::bigint) from threads t, jsonb_array_elements(t.authors) a
                    where t.room_id = $1 and t.root = $3 and (a ->> 0)::uuid <> $2), $3) as "last!""#,
            room.0,
            by.0,
            root.0
        )
        .fetch_one(&mut *tx)
        .await?;
        if on && !found.member {
            return Err(Error::NoSuchRoom);
        }
        if on && !found.root {
            return Err(Error::NoSuchMessage);
        }
        let rev = take(&mut tx, Line::Person(by), ItemKind::Following, &format!("{room}/{root}")).await?;
        sqlx::query!(
            "insert into followed_threads (user_id, room_id, root, following, rev) values ($1, $2, $3, $4, $5)
             on conflict (user_id, room_id, root) do update set following = excluded.following, rev = excluded.rev",
            by.0,
            room.0,
            root.0,
            on,
            rev.0
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some((Following { room, root, last: Seq(found.last), on, rev }, true)))
    }

    /// The threads with the newest replies that a person follows: at most [`FOLLOWED_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_followed(&self, user: UserId) -> Result<Vec<Following>, Error> {
        let rows = sqlx::query_as!(
            FollowingRow,
            r#"select f.room_id, f.root, f.following, f.rev,
                coalesce((select max((a ->> 1)::bigint) from jsonb_array_elements(t.authors) a
                    where (a ->> 0)::uuid <> $1), f.root) as "last!"
             from followed_threads f
             join threads t on t.room_id = f.room_id and t.root = f.root
             join members m on m.room_id = f.room_id and m.user_id = f.user_id and m.active
             where f.user_id = $1 and f.following order by t.last_at desc limit $2"#,
            user.0,
            FOLLOWED_MAX as i64
        );
        Ok(rows.fetch_all(&self.pool()).await?.into_iter().map(Following::from).collect())
    }

    /// Whether a person follows these threads, as far as they ever did.
    pub(super) async fn followings_of(
        &self,
        connection: &mut sqlx::PgConnection,
        user: UserId,
        keys: &[(Uuid, i64)],
    ) -> Result<Vec<Following>, Error> {
        let (rooms, roots): (Vec<Uuid>, Vec<i64>) = keys.iter().copied().unzip();
        let rows = sqlx::query_as!(
            FollowingRow,
            r#"select f.room_id, f.root, f.following, f.rev,
                coalesce((select max((a ->> 1)::bigint) from jsonb_array_elements(t.authors) a
                    where (a ->> 0)::uuid <> $1), f.root) as "last!"
             from unnest($2::uuid[], $3::bigint[]) as k (room, root)
             join followed_threads f on f.user_id = $1 and f.room_id = k.room and f.root = k.root
             left join threads t on t.room_id = f.room_id and t.root = f.root"#,
            user.0,
            &rooms,
            &roots
        );
        Ok(rows.fetch_all(connection).await?.into_iter().map(Following::from).collect())
    }
}
