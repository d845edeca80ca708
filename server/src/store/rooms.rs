//! Rooms: creating, listing, renaming.

use protocol::{
    ChannelListing, File, Line, Marks, Message, MessageId, Nonce, Policy, Poll, Role, Room, RoomId, RoomKind,
    RoomSummary, RoomsAfter, Seq, UserId, WorkspaceRole, limits,
};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    Error, Store, like_pattern,
    lines::{ItemKind, begin, take},
    members::{count_rooms, insert_member, role_text},
    messages::in_thread,
    pinyin,
    users::{find_workspace_role, workspace_role_of},
};

/// The most messages after a read mark that are examined for the unread count, which leaves out the
/// viewer's own and deleted ones. A person who is further behind gets the largest count that is
/// ever shown.
const UNREAD_LOOKED_AT_MAX: i64 = 300;

const _: () = assert!(UNREAD_LOOKED_AT_MAX > limits::UNREAD_MAX as i64);

/// A room as read under its lock: the basis of all permission checks.
#[derive(Clone, Debug)]
pub struct Locked {
    /// The room's properties.
    pub room: Room,
    /// Its last number.
    pub head: Seq,
    /// The requester's role in it; `None` if they are not in it.
    pub role: Option<Role>,
    /// Their role in the workspace.
    pub workspace: WorkspaceRole,
    /// Whether they are banned from the room.
    pub banned: bool,
}

pub(super) fn kind_of(text: &str) -> RoomKind {
    match text {
        "direct" => RoomKind::Direct,
        "group" => RoomKind::Group,
        "channel" => RoomKind::Channel,
        other => unreachable!("a check of the table forbids the kind {other}"),
    }
}

fn kind_text(kind: RoomKind) -> &'static str {
    match kind {
        RoomKind::Direct => "direct",
        RoomKind::Group => "group",
        RoomKind::Channel => "channel",
    }
}

pub(super) fn role_of(text: &str) -> Role {
    match text {
        "owner" => Role::Owner,
        "moderator" => Role::Moderator,
        "member" => Role::Member,
        other => unreachable!("a check of the table forbids the role {other}"),
    }
}

/// The properties of a room, from a row that has the columns of `rooms r`.
macro_rules! room_of {
    ($row:expr) => {
        protocol::Room {
            id: protocol::RoomId($row.id),
            kind: super::rooms::kind_of(&$row.kind),
            pinyin: super::pinyin::spell(&$row.title),
            title: $row.title,
            topic: $row.topic,
            policy: protocol::Policy {
                post: super::rooms::role_of(&$row.post_role),
                invite: super::rooms::role_of(&$row.invite_role),
                pin: super::rooms::role_of(&$row.pin_role),
                mention: super::rooms::role_of(&$row.mention_role),
            },
            archived: $row.archived,
            deleted: $row.deleted,
            rev: protocol::Seq($row.rev_seq),
        }
    };
}
pub(super) use room_of;

/// One room in one person's list, as the query returns it.
struct SummaryRow {
    id: Uuid,
    kind: String,
    title: String,
    topic: String,
    post_role: String,
    invite_role: String,
    pin_role: String,
    mention_role: String,
    archived: bool,
    deleted: bool,
    rev_seq: i64,
    head: i64,
    member_count: i32,
    active_at: i64,
    role: String,
    delivered_seq: i64,
    read_seq: i64,
    unread_after: Option<i64>,
    unread_rev: i64,
    peer_id: Option<Uuid>,
    last_id: Option<Uuid>,
    last_seq: Option<i64>,
    last_rev: Option<i64>,
    last_author: Option<Uuid>,
    last_nonce: Option<Uuid>,
    last_body: Option<String>,
    last_at: Option<i64>,
    last_edits: Option<i32>,
    last_deleted: bool,
    unread: i64,
    mentions: i64,
    last_reply_to: Option<i64>,
    last_root: Option<i64>,
    last_nth: Option<i32>,
    last_in_room: Option<bool>,
    last_is_poll: bool,
    last_file: Option<Json<File>>,
    /// Of the first row, where they were asked for: all rooms of the person, and their heads.
    all_rooms: Option<Vec<Uuid>>,
    all_heads: Option<Vec<i64>>,
}

impl SummaryRow {
    fn last(&self) -> Option<Message> {
        Some(Message {
            id: MessageId(self.last_id?),
            seq: Seq(self.last_seq?),
            rev: Seq(self.last_rev?),
            author: UserId(self.last_author?),
            nonce: Nonce(self.last_nonce?),
            body: self.last_body.clone()?,
            sent_at: self.last_at?,
            edits: u32::try_from(self.last_edits?).unwrap_or_default(),
            deleted: self.last_deleted,
            reply_to: self.last_reply_to.map(Seq),
            thread: in_thread(self.last_root, self.last_nth),
            in_room: self.last_in_room?,
            // The list does without: see `Message::preview`.
            reactions: Vec::new(),
            mentions: Vec::new(),
            replies: None,
            poll: self.last_is_poll.then(Poll::default),
            forward: None,
            files: self.last_file.iter().map(|file| file.0.preview()).collect(),
            previews: Vec::new(),
        })
    }

    fn into_summary(self, viewer: UserId) -> RoomSummary {
        RoomSummary {
            head: Seq(self.head),
            role: role_of(&self.role),
            members: u32::try_from(self.member_count).unwrap_or_default(),
            peer: self.peer_id.map(UserId),
            last: self.last(),
            active_at: self.active_at,
            marks: Marks { user: viewer, delivered: Seq(self.delivered_seq), read: Seq(self.read_seq) },
            unread_after: self.unread_after.map(Seq),
            unread_rev: Seq(self.unread_rev),
            unread: u32::try_from(self.unread).unwrap_or(u32::MAX).min(limits::UNREAD_MAX),
            mentions: u32::try_from(self.mentions).unwrap_or(u32::MAX).min(limits::UNREAD_MAX),
            room: room_of!(self),
        }
    }
}

/// A title without invisible characters: two channels may not differ by these alone.
fn visible(title: &str) -> String {
    title.chars().filter(|c| !protocol::shows_nothing(*c)).collect()
}

/// Which rooms of a person's list to return.
#[derive(Clone, Copy, Debug)]
pub enum Listed<'a> {
    /// The first page: the most recently active rooms.
    First,
    /// The page after this room.
    After(RoomsAfter),
    /// Those of these rooms that are in the list.
    These(&'a [RoomId]),
}

impl Store {
    /// A page of someone's rooms, the most recently active first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_rooms(
        &self,
        viewer: UserId,
        listed: Listed<'_>,
        limit: usize,
    ) -> Result<Vec<RoomSummary>, Error> {
        let rows = self.summary_rows(viewer, listed, limit, false).await?;
        Ok(rows.into_iter().map(|row| row.into_summary(viewer)).collect())
    }

    /// The first page, and the heads of all of someone's rooms, in one snapshot.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn first_rooms_and_heads(
        &self,
        viewer: UserId,
        limit: usize,
    ) -> Result<(Vec<RoomSummary>, Vec<(RoomId, Seq)>), Error> {
        let mut rows = self.summary_rows(viewer, Listed::First, limit, true).await?;
        let all = rows.first_mut().and_then(|row| row.all_rooms.take().zip(row.all_heads.take()));
        let (rooms, heads) = all.unwrap_or_default();
        let heads = rooms.into_iter().map(RoomId).zip(heads.into_iter().map(Seq)).collect();
        Ok((rows.into_iter().map(|row| row.into_summary(viewer)).collect(), heads))
    }

    async fn summary_rows(
        &self,
        viewer: UserId,
        listed: Listed<'_>,
        limit: usize,
        with_heads: bool,
    ) -> Result<Vec<SummaryRow>, Error> {
        let these: Option<Vec<Uuid>> = match listed {
            Listed::These(rooms) => Some(rooms.iter().map(|room| room.0).collect()),
            Listed::First | Listed::After(_) => None,
        };
        let after = match listed {
            Listed::After(after) => Some(after),
            Listed::First | Listed::These(_) => None,
        };
        // One statement is one snapshot: head, count and last message are consistent. First it
        // finds the page, from two narrow rows per room (`materialized` keeps the planner from
        // mixing this with the rest, and `offset 0` from reading all lines for someone with many
        // rooms), then it looks up those rooms. Every look-up is bounded: it ends at its first row
        // or at a limit, whatever the planner assumes. All rooms and heads come with one row of the
        // page, because one row for each would take longer to read than to find.
        let rows = sqlx::query_as!(
            SummaryRow,
            r#"with mine as materialized (
                select m.room_id, m.role, m.delivered_seq, m.read_seq, m.unread_after, m.unread_rev,
                    least(m.read_seq, m.unread_after) as seen, least(m.read_ordinal, m.unread_ordinal) as seen_ordinal,
                    l.head, l.messages,
                    (extract(epoch from greatest(l.active_at, m.joined_at)) * 1000)::bigint as active_at
                from members m
                cross join lateral (select * from lines where id = m.room_id offset 0) l
                where m.user_id = $1 and m.active and ($2::uuid[] is null or m.room_id = any($2))
             ), groups_in as materialized (
                select coalesce(array_agg(group_id), '{}') as ids from group_members where user_id = $1
             ), everything as materialized (
                select array_agg(room_id) as rooms, array_agg(head) as heads from mine
             ), page as (
                select * from mine m
                where $3::bigint is null or (m.active_at, m.room_id) < ($3, $4)
                order by m.active_at desc, m.room_id desc limit $5
             )
             select r.id, r.kind, r.title, r.topic, r.post_role, r.invite_role, r.pin_role, r.mention_role,
                r.archived_at is not null as "archived!", r.deleted_at is not null as "deleted!", r.rev_seq,
                p.head as "head!", r.member_count,
                p.active_at as "active_at!", p.role as "role!", p.delivered_seq as "delivered_seq!",
                p.read_seq as "read_seq!", p.unread_after, p.unread_rev as "unread_rev!",
                case when r.direct_low = $1 then r.direct_high else r.direct_low end as peer_id,
                last.id as "last_id?", last.seq as "last_seq?", last.rev_seq as "last_rev?",
                last.author_id as "last_author?", last.nonce as "last_nonce?", 
                left(case when last.body = '' then coalesce(last.forward ->> 'body', '') else last.body end, $6) as "last_body?",
                (extract(epoch from last.sent_at) * 1000)::bigint as "last_at?",
                last.edits as "last_edits?", last.deleted_at is not null as "last_deleted!",
                last.reply_to as "last_reply_to?", last.thread_root as "last_root?", last.thread_nth as "last_nth?",
                last.in_room as "last_in_room?", last.poll is not null as "last_is_poll!",
                coalesce(last.files, case when last.body = '' then last.forward -> 'files' end) -> 0
                    as "last_file?: Json<File>",
                case
                    when p.messages = p.seen_ordinal then 0
                    when p.messages - p.seen_ordinal > $7 then $7
                    else (select count(*) from (
                        select x.author_id, x.deleted_at from messages x
                        where x.room_id = p.room_id and x.seq > p.seen order by x.seq limit $7) x
                        where x.author_id <> $1 and x.deleted_at is null)
                end as "unread!",
                case when p.messages = p.seen_ordinal then 0 else (
                    select count(distinct x.seq) from (
                        (select seq, by_id from mentions x
                            where x.room_id = p.room_id and x.user_id = $1 and x.seq > p.seen order by x.seq limit $7)
                        union all
                        (select seq, by_id from mentions x
                            where x.room_id = p.room_id and x.user_id = $9 and x.seq > p.seen order by x.seq limit $7)
                        union all
                        (select x.seq, x.by_id from unnest((select ids from groups_in)) as g (id)
                            cross join lateral (select seq, by_id from mentions x
                                where x.room_id = p.room_id and x.user_id = g.id and x.seq > p.seen
                                order by x.seq limit $7) x)
                    ) x where x.by_id <> $1)
                end as "mentions!",
                case when $8 and row_number() over newest = 1 then (select rooms from everything) end as "all_rooms?",
                case when $8 and row_number() over newest = 1 then (select heads from everything) end as "all_heads?"
             from page p
             join rooms r on r.id = p.room_id
             left join lateral (
                select * from messages x where x.room_id = p.room_id order by x.seq desc limit 1
             ) last on true
             window newest as (order by p.active_at desc, p.room_id desc)
             order by p.active_at desc, p.room_id desc"#,
            viewer.0,
            these.as_deref(),
            after.map(|after| after.active_at),
            after.map(|after| after.room.0),
            limit as i64,
            limits::PREVIEW_CHARS as i32,
            UNREAD_LOOKED_AT_MAX,
            with_heads,
            super::mentions::EVERYONE
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows)
    }

    /// Those of these rooms that someone is in and whose head differs from the known one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rooms_that_differ(
        &self,
        viewer: UserId,
        known: &[(RoomId, Seq)],
    ) -> Result<Vec<RoomId>, Error> {
        let rooms: Vec<Uuid> = known.iter().map(|(room, _)| room.0).collect();
        let heads: Vec<i64> = known.iter().map(|(_, head)| head.0).collect();
        let rooms = sqlx::query_scalar!(
            "select m.room_id from unnest($2::uuid[], $3::bigint[]) as k (room_id, head)
             join members m on m.room_id = k.room_id and m.user_id = $1 and m.active
             join lines l on l.id = k.room_id and l.head <> k.head",
            viewer.0,
            &rooms,
            &heads
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rooms.into_iter().map(RoomId).collect())
    }

    /// Creates a group or channel, or finds the one that this person created with this nonce. Its
    /// properties are change 1, the creator's membership is change 2. Also returns the number of
    /// that membership on the creator's own line, if the room is new.
    ///
    /// # Errors
    /// Those of `allowed`, which gets the creator's role in the workspace; [`Error::RoomsFull`],
    /// [`Error::TitleTaken`], [`Error::NoSuchUser`]; or when the database fails.
    pub async fn create_room<E: From<Error>>(
        &self,
        by: UserId,
        nonce: Nonce,
        kind: RoomKind,
        (title, topic): (&str, &str),
        allowed: impl FnOnce(WorkspaceRole) -> Result<(), E>,
    ) -> Result<(RoomId, Option<Seq>), E> {
        let id = Uuid::now_v7();
        let (room, policy) = (RoomId(id), Policy::of_new(kind));
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let made = sqlx::query_scalar!(
            "insert into rooms (id, kind, title, title_key, topic, rev_seq, member_count, created_by, nonce,
                pin_role, mention_role, pinyin)
             values ($1, $2, $3, case when $2 = 'channel' then lower(normalize($9, nfkc)) end, $4, 1, 1, $5, $6, $7, $8, $10)
             on conflict (created_by, nonce) do nothing returning id",
            id,
            kind_text(kind),
            title,
            topic,
            by.0,
            nonce.0,
            role_text(policy.pin),
            role_text(policy.mention),
            visible(title),
            pinyin::spell(title)
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(titled)?;
        if made.is_none() {
            tx.rollback().await.map_err(Error::from)?;
            let known = sqlx::query_scalar!(
                "select id from rooms where created_by = $1 and nonce = $2",
                by.0,
                nonce.0
            )
            .fetch_one(&self.pool())
            .await
            .map_err(Error::from)?;
            return Ok((RoomId(known), None));
        }
        // After the lock on their account, which this takes.
        if count_rooms(&mut tx, by).await? >= limits::ROOMS_PER_USER_MAX {
            return Err(Error::RoomsFull.into());
        }
        let role = find_workspace_role(&mut *tx, by).await.map_err(Error::from)?.ok_or(Error::NoSuchUser)?;
        allowed(role)?;
        begin(&mut tx, Line::Room(room)).await?;
        take(&mut tx, Line::Room(room), ItemKind::Room, "").await?;
        let membership = begin_membership(&mut tx, room, by, Role::Owner).await?;
        tx.commit().await.map_err(Error::from)?;
        Ok((room, Some(membership)))
    }

    /// The direct room of two people. If it is new, also the numbers of the memberships on their
    /// own lines.
    ///
    /// # Errors
    /// [`Error::RoomsFull`] if either is already in the most rooms allowed, [`Error::NoSuchUser`];
    /// or when the database fails.
    pub async fn direct_room(
        &self,
        by: UserId,
        other: UserId,
    ) -> Result<(RoomId, Vec<(UserId, Seq)>), Error> {
        let (low, high) = if by < other { (by, other) } else { (other, by) };
        let id = Uuid::now_v7();
        let room = RoomId(id);
        let mut tx = self.pool().begin().await?;
        let made = sqlx::query_scalar!(
            "insert into rooms (id, kind, rev_seq, member_count, direct_low, direct_high, created_by, nonce)
             values ($1, 'direct', 1, 2, $2, $3, $4, $1)
             on conflict (direct_low, direct_high) do nothing returning id",
            id,
            low.0,
            high.0,
            by.0
        )
        .fetch_optional(&mut *tx)
        .await?;
        if made.is_none() {
            tx.rollback().await?;
            let known = sqlx::query_scalar!(
                "select id from rooms where direct_low = $1 and direct_high = $2",
                low.0,
                high.0
            )
            .fetch_one(&self.pool())
            .await?;
            return Ok((RoomId(known), Vec::new()));
        }
        begin(&mut tx, Line::Room(room)).await?;
        take(&mut tx, Line::Room(room), ItemKind::Room, "").await?;
        let mut memberships = Vec::new();
        for user in [low, high] {
            if count_rooms(&mut tx, user).await? >= limits::ROOMS_PER_USER_MAX {
                return Err(Error::RoomsFull);
            }
            memberships.push((user, begin_membership(&mut tx, room, user, Role::Member).await?));
        }
        tx.commit().await?;
        Ok((room, memberships))
    }

    /// Channels with `query` in their title, its pinyin or their topic, the largest first, and archived ones last.
    /// Guests find none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_channels(&self, viewer: UserId, query: &str) -> Result<Vec<ChannelListing>, Error> {
        let rows = sqlx::query!(
            r#"select r.id, r.kind, r.title, r.topic, r.post_role, r.invite_role, r.pin_role, r.mention_role,
                r.archived_at is not null as "archived!", r.deleted_at is not null as "deleted!", r.rev_seq,
                r.member_count, exists (
                    select from members m where m.room_id = r.id and m.user_id = $1 and m.active
                ) as "joined!"
             from rooms r
             where r.kind = 'channel' and r.deleted_at is null
                and ($2 = '%%' or r.title ilike $2 or r.topic ilike $2 or r.pinyin like lower($2))
                and exists (select from users where id = $1 and role <> 'guest')
             order by (r.archived_at is not null), r.member_count desc, r.id limit $3"#,
            viewer.0,
            like_pattern(query),
            limits::FOUND_MAX as i64
        )
        .fetch_all(&self.pool())
        .await?;
        let listing = rows.into_iter().map(|row| ChannelListing {
            members: u32::try_from(row.member_count).unwrap_or_default(),
            joined: row.joined,
            room: room_of!(row),
        });
        Ok(listing.collect())
    }

    /// A room, and someone's roles in it, as [`Locked`]; nothing stays locked.
    ///
    /// # Errors
    /// [`Error::NoSuchRoom`], [`Error::NoSuchUser`]; or when the database fails.
    pub async fn look_at(&self, room: RoomId, by: UserId) -> Result<Locked, Error> {
        let mut tx = self.pool().begin().await?;
        let locked = lock_room(&mut tx, room, by).await?;
        tx.rollback().await?;
        Ok(locked)
    }

    /// Renames a room and sets its topic, if `allowed` agrees under the lock. `None` if nothing
    /// changes, which takes no number.
    ///
    /// # Errors
    /// Those of `allowed`; [`Error::NoSuchRoom`], [`Error::NoSuchUser`], [`Error::TitleTaken`]; or
    /// when the database fails.
    pub async fn set_room<E: From<Error>>(
        &self,
        by: UserId,
        room: RoomId,
        (title, topic): (&str, &str),
        allowed: impl FnOnce(&Locked) -> Result<(), E>,
    ) -> Result<Option<Room>, E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let locked = lock_room(&mut tx, room, by).await?;
        allowed(&locked)?;
        if locked.room.title == title && locked.room.topic == topic {
            return Ok(None);
        }
        let rev = take(&mut tx, Line::Room(room), ItemKind::Room, "").await?;
        let pinyin = pinyin::spell(title);
        sqlx::query!(
            "update rooms set title = $2, topic = $3, rev_seq = $4, pinyin = $6,
                title_key = case when kind = 'channel' then lower(normalize($5, nfkc)) end
             where id = $1",
            room.0,
            title,
            topic,
            rev.0,
            visible(title),
            pinyin
        )
        .execute(&mut *tx)
        .await
        .map_err(titled)?;
        tx.commit().await.map_err(Error::from)?;
        Ok(Some(Room { title: title.to_owned(), pinyin, topic: topic.to_owned(), rev, ..locked.room }))
    }

    /// Changes a room's policy, and archives or unarchives it: `change` decides both from the state
    /// under the lock. Returns the room, and whether anything changed.
    ///
    /// # Errors
    /// Those of `change`; [`Error::NoSuchRoom`]; or when the database fails.
    pub async fn set_policy_and_archived<E: From<Error>>(
        &self,
        by: UserId,
        room: RoomId,
        change: impl FnOnce(&Locked) -> Result<(Policy, bool), E>,
    ) -> Result<(Room, bool), E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let locked = lock_room(&mut tx, room, by).await?;
        let (policy, archived) = change(&locked)?;
        if locked.room.policy == policy && locked.room.archived == archived {
            return Ok((locked.room, false));
        }
        let rev = take(&mut tx, Line::Room(room), ItemKind::Room, "").await?;
        sqlx::query!(
            "update rooms set post_role = $2, invite_role = $3, pin_role = $4, mention_role = $5,
                archived_at = case when $6 then coalesce(archived_at, now()) end, rev_seq = $7
             where id = $1",
            room.0,
            role_text(policy.post),
            role_text(policy.invite),
            role_text(policy.pin),
            role_text(policy.mention),
            archived,
            rev.0
        )
        .execute(&mut *tx)
        .await
        .map_err(Error::from)?;
        restrict(&mut tx, room, archived || policy.post != Role::Member).await?;
        tx.commit().await.map_err(Error::from)?;
        Ok((Room { policy, archived, rev, ..locked.room }, true))
    }
}

/// Records, in the row that every message locks, whether the right to post must be checked.
async fn restrict(tx: &mut sqlx::PgTransaction<'_>, room: RoomId, restricted: bool) -> Result<(), Error> {
    sqlx::query!("update lines set restricted = $2 where id = $1", room.0, restricted)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Converts the error of a statement that sets a channel's title.
fn titled(e: sqlx::Error) -> Error {
    match e.as_database_error().and_then(|e| e.constraint()) {
        Some("rooms_title") => Error::TitleTaken,
        Some(_) | None => e.into(),
    }
}

/// Makes someone a member of a new room; returns the number on their own line.
async fn begin_membership(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    user: UserId,
    role: Role,
) -> Result<Seq, Error> {
    let rev = take(tx, Line::Room(room), ItemKind::Member, &user.to_string()).await?;
    insert_member(tx, room, user, role, rev).await?;
    take(tx, Line::Person(user), ItemKind::Membership, &room.to_string()).await
}

/// Locks the row of the room's line, so that nobody else changes anything in the room until the end
/// of the transaction. Rooms that do not exist or were deleted look like rooms that the person is
/// not in.
pub(super) async fn lock_room(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    by: UserId,
) -> Result<Locked, Error> {
    let head = sqlx::query_scalar!(
        "select head from lines where id = $1 and kind = 'room' for no key update",
        room.0
    )
    .fetch_optional(&mut **tx)
    .await?
    .ok_or(Error::NoSuchRoom)?;
    // Queried after the lock was taken, in a separate statement, so that it sees what the lock
    // waited for.
    let row = sqlx::query!(
        r#"select r.id, r.kind, r.title, r.topic, r.post_role, r.invite_role, r.pin_role, r.mention_role,
            r.archived_at is not null as "archived!", r.deleted_at is not null as "deleted!", r.rev_seq,
            case when m.active then m.role end as role, m.banned_at is not null as "banned!", u.role as workspace
         from rooms r
         join users u on u.id = $2
         left join members m on m.room_id = r.id and m.user_id = u.id
         where r.id = $1"#,
        room.0,
        by.0
    )
    .fetch_optional(&mut **tx)
    .await?
    .ok_or(Error::NoSuchUser)?;
    if row.deleted {
        return Err(Error::NoSuchRoom);
    }
    Ok(Locked {
        head: Seq(head),
        role: row.role.as_deref().map(role_of),
        workspace: workspace_role_of(&row.workspace),
        banned: row.banned,
        room: room_of!(row),
    })
}

#[cfg(test)]
mod tests {
    use sqlx::{PgPool, postgres::PgPoolOptions};

    use super::*;
    use crate::store::testing::person;

    async fn group(store: &Store, by: UserId, title: &str) -> RoomId {
        let nonce = Nonce(Uuid::new_v4());
        store.create_room::<Error>(by, nonce, RoomKind::Group, (title, ""), |_| Ok(())).await.unwrap().0
    }

    /// Adds messages to a room without publishing them.
    async fn fill(pool: &PgPool, room: RoomId, author: UserId, count: i64) {
        sqlx::query(
            "insert into messages (room_id, seq, rev_seq, ordinal, id, author_id, nonce, body)
             select l.id, l.head + n, l.head + n, l.messages + n, gen_random_uuid(), $2, gen_random_uuid(), 'ahoy'
             from lines l, generate_series(1, $3) as n where l.id = $1",
        )
        .bind(room.0)
        .bind(author.0)
        .bind(count)
        .execute(pool)
        .await
        .unwrap();
        sqlx::query("update lines set head = head + $2, messages = messages + $2 where id = $1")
            .bind(room.0)
            .bind(count)
            .execute(pool)
            .await
            .unwrap();
    }

    /// One room has nearly all messages, so the planner's statistics cover only that one. No room's
    /// count may read the whole table: with a million messages in it, all pages failed.
    #[sqlx::test(migrations = "../migrations")]
    async fn unread_counts_read_no_more_whatever_the_planner_believes(pool: PgPool) {
        // A single connection, whose read statistics are checked.
        let one =
            PgPoolOptions::new().max_connections(1).connect_with((*pool.connect_options()).clone()).await;
        let one = one.unwrap();
        let store = Store::over(one.clone());
        let ana = person(&store, "ana", &[1; 32]).await;
        let bea = person(&store, "bea", &[2; 32]).await;
        for number in 0..15 {
            group(&store, ana, &number.to_string()).await;
        }
        let flooded = group(&store, ana, "flooded").await;
        store.add_members::<Error>(ana, flooded, (&[bea], 99), |_| Ok(())).await.unwrap();
        fill(&pool, flooded, bea, 60_000).await;
        sqlx::query("analyze").execute(&pool).await.unwrap();

        // Sequential scans of the table, and its rows that were read by an index.
        let read = async || -> (i64, i64) {
            sqlx::query("select pg_stat_force_next_flush()").execute(&one).await.unwrap();
            sqlx::query_as(
                "select seq_scan, coalesce(idx_tup_fetch, 0) from pg_stat_user_tables where relname = 'messages'",
            )
            .fetch_one(&one)
            .await
            .unwrap()
        };
        let before = read().await;
        let rooms = store.list_rooms(ana, Listed::First, 50).await.unwrap();
        let after = read().await;
        assert_eq!(rooms.len(), 16);
        let unread = |title: &str| rooms.iter().find(|room| room.room.title == title).map(|room| room.unread);
        assert_eq!((unread("flooded"), unread("7")), (Some(limits::UNREAD_MAX), Some(0)));
        assert_eq!(after.0, before.0, "the table was scanned");
        assert!(after.1 - before.1 <= 16, "{} rows were read for 16 rooms", after.1 - before.1);
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn ones_own_and_deleted_messages_are_not_unread_and_the_bound_is_kept(pool: PgPool) {
        let store = Store::over(pool.clone());
        let ana = person(&store, "ana", &[1; 32]).await;
        let bea = person(&store, "bea", &[2; 32]).await;
        let room = group(&store, ana, "crew").await;
        store.add_members::<Error>(ana, room, (&[bea], 99), |_| Ok(())).await.unwrap();
        let unread = async || store.list_rooms(ana, Listed::These(&[room]), 1).await.unwrap()[0].unread;
        assert_eq!(unread().await, 0);
        fill(&pool, room, ana, 5).await;
        assert_eq!(unread().await, 0);
        fill(&pool, room, bea, 7).await;
        assert_eq!(unread().await, 7);
        sqlx::query(
            "update messages set body = '', deleted_at = now() where author_id = $1 and ordinal % 2 = 0",
        )
        .bind(bea.0)
        .execute(&pool)
        .await
        .unwrap();
        assert_eq!(unread().await, 3);
        fill(&pool, room, bea, UNREAD_LOOKED_AT_MAX + 1).await;
        assert_eq!(unread().await, limits::UNREAD_MAX);
    }

    /// Nobody's list can be filled up by others: a person in too many rooms is skipped and
    /// reported, and the rest are added.
    #[sqlx::test(migrations = "../migrations")]
    async fn who_is_in_too_many_rooms_is_named_and_keeps_nobody_out(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana", &[1; 32]).await;
        let bea = person(&store, "bea", &[2; 32]).await;
        let cem = person(&store, "cem", &[3; 32]).await;
        for title in ["one", "two"] {
            let room = group(&store, ana, title).await;
            let added = store.add_members::<Error>(ana, room, (&[bea], 2), |_| Ok(())).await.unwrap();
            assert_eq!((added.changes.len(), added.full), (1, vec![]));
        }
        let room = group(&store, ana, "three").await;
        let added = store.add_members::<Error>(ana, room, (&[bea, cem], 2), |_| Ok(())).await.unwrap();
        let came: Vec<UserId> = added.changes.iter().map(|change| change.member.user).collect();
        assert_eq!((came, added.full), (vec![cem], vec![bea]));
        assert!(store.memberships_among(bea, &[room]).await.unwrap().is_empty());
    }

    /// A room that everyone has left belongs to the first one who joins it.
    #[sqlx::test(migrations = "../migrations")]
    async fn whoever_joins_an_empty_room_owns_it(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana", &[1; 32]).await;
        let bea = person(&store, "bea", &[2; 32]).await;
        let room = group(&store, ana, "harbour").await;
        store.remove_member::<Error>(ana, (room, ana), false, |_, _| Ok(())).await.unwrap();
        store.add_members::<Error>(bea, room, (&[bea], 99), |_| Ok(())).await.unwrap();
        assert_eq!(store.role(room, bea).await.unwrap(), Some(Role::Owner));
    }

    /// Channels with the same title, from before titles were unique: the oldest keeps it. The first
    /// account owns the workspace.
    #[sqlx::test(migrations = false)]
    async fn a_database_from_before_roles_gets_them(pool: PgPool) {
        const ROLES: i64 = 9;
        let all = sqlx::migrate!("../migrations");
        let mut connection = pool.acquire().await.unwrap();
        for migration in all.iter().filter(|migration| migration.version < ROLES) {
            sqlx::raw_sql(migration.sql.clone()).execute(&mut *connection).await.unwrap();
        }
        sqlx::raw_sql(
            "insert into users (id, handle, name, password_hash, admin, created_at)
             select gen_random_uuid(), handle, handle, '', handle <> 'cem', now() + n * interval '1 s'
             from unnest(array['ana', 'bea', 'cem']) with ordinality as k (handle, n);
             insert into rooms (id, kind, title, created_by, nonce)
             select gen_random_uuid(), kind, title, (select id from users limit 1), gen_random_uuid()
             from (values ('channel', 'Quay'), ('channel', 'QUAY'), ('channel', 'Quay 2'), ('group', 'Quay')) k (kind, title)",
        )
        .execute(&mut *connection)
        .await
        .unwrap();
        for migration in all.iter().filter(|migration| migration.version >= ROLES) {
            sqlx::raw_sql(migration.sql.clone()).execute(&mut *connection).await.unwrap();
        }
        let people: Vec<(String, String)> =
            sqlx::query_as("select handle, role from users order by handle").fetch_all(&pool).await.unwrap();
        let role = |at: usize| people[at].1.as_str();
        assert_eq!([role(0), role(1), role(2)], ["owner", "admin", "member"]);
        let titles: Vec<String> = sqlx::query_scalar("select title from rooms where kind = 'channel'")
            .fetch_all(&pool)
            .await
            .unwrap();
        let different: std::collections::BTreeSet<String> =
            titles.iter().map(|title| title.to_lowercase()).collect();
        assert_eq!((titles.len(), different.len()), (3, 3), "{titles:?}");
        let kept = titles.iter().filter(|title| ["Quay", "QUAY"].contains(&title.as_str())).count();
        assert_eq!(kept, 1, "{titles:?}");
    }
}
