//! Rooms: made, listed, renamed.

use protocol::{
    ChannelListing, Marks, Message, MessageId, Millis, Nonce, Role, Room, RoomId, RoomKind, RoomSummary, Seq,
    User, UserId, limits,
};
use uuid::Uuid;

use super::{Error, Store, like_pattern};

/// A room as its lock found it: what decides who may do what.
#[derive(Clone, Debug)]
pub struct Locked {
    /// The room's own properties.
    pub room: Room,
    /// Its last number.
    pub head: Seq,
    /// What the person who asks may do there; `None` when they are not in it.
    pub role: Option<Role>,
}

/// What of a room must be known to follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which room.
    pub room: RoomId,
    /// Its last number.
    pub head: Seq,
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
    if text == "owner" { Role::Owner } else { Role::Member }
}

/// The line of one room in one person's list, as the query returns it.
struct SummaryRow {
    id: Uuid,
    kind: String,
    title: String,
    topic: String,
    rev_seq: i64,
    head_seq: i64,
    member_count: i32,
    active_at: i64,
    role: String,
    delivered_seq: i64,
    read_seq: i64,
    peer_id: Option<Uuid>,
    peer_handle: Option<String>,
    peer_name: Option<String>,
    last_id: Option<Uuid>,
    last_seq: Option<i64>,
    last_rev: Option<i64>,
    last_nonce: Option<Uuid>,
    last_body: Option<String>,
    last_at: Option<i64>,
    last_edits: Option<i32>,
    last_deleted: bool,
    author_id: Option<Uuid>,
    author_handle: Option<String>,
    author_name: Option<String>,
    unread: i64,
}

fn user(id: Option<Uuid>, handle: Option<String>, name: Option<String>) -> Option<User> {
    Some(User { id: UserId(id?), handle: handle?, name: name? })
}

impl SummaryRow {
    fn into_summary(self, viewer: UserId) -> RoomSummary {
        let author = user(self.author_id, self.author_handle, self.author_name);
        let last = author.and_then(|author| {
            Some(Message {
                id: MessageId(self.last_id?),
                seq: Seq(self.last_seq?),
                rev: Seq(self.last_rev?),
                author,
                nonce: Nonce(self.last_nonce?),
                body: self.last_body?,
                sent_at: self.last_at?,
                edits: u32::try_from(self.last_edits?).unwrap_or_default(),
                deleted: self.last_deleted,
                // A line in the list does without: see `Message::preview`.
                reactions: Vec::new(),
            })
        });
        RoomSummary {
            room: Room {
                id: RoomId(self.id),
                kind: kind_of(&self.kind),
                title: self.title,
                topic: self.topic,
                rev: Seq(self.rev_seq),
            },
            head: Seq(self.head_seq),
            role: role_of(&self.role),
            members: u32::try_from(self.member_count).unwrap_or_default(),
            peer: user(self.peer_id, self.peer_handle, self.peer_name),
            last,
            active_at: self.active_at,
            marks: Marks { user: viewer, delivered: Seq(self.delivered_seq), read: Seq(self.read_seq) },
            unread: u32::try_from(self.unread).unwrap_or(limits::UNREAD_MAX),
        }
    }
}

impl Store {
    /// The rooms that someone is in, the last active first; or only `room`, where it is one of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_rooms(&self, viewer: UserId, room: Option<RoomId>) -> Result<Vec<RoomSummary>, Error> {
        // One statement is one snapshot: head, count and last message belong together.
        let rows = sqlx::query_as!(
            SummaryRow,
            r#"select r.id, r.kind, r.title, r.topic, r.rev_seq, r.head_seq, r.member_count,
                (extract(epoch from greatest(r.active_at, m.joined_at)) * 1000)::bigint as "active_at!",
                m.role, m.delivered_seq, m.read_seq,
                peer.id as "peer_id?", peer.handle as "peer_handle?", peer.name as "peer_name?",
                last.id as "last_id?", last.seq as "last_seq?", last.rev_seq as "last_rev?",
                last.nonce as "last_nonce?", left(last.body, $3) as "last_body?",
                (extract(epoch from last.sent_at) * 1000)::bigint as "last_at?",
                last.edits as "last_edits?", last.deleted_at is not null as "last_deleted!",
                author.id as "author_id?", author.handle as "author_handle?", author.name as "author_name?",
                (select count(*) from (
                    select 1 from messages x
                    where x.room_id = r.id and x.seq > m.read_seq and x.author_id <> m.user_id limit $4
                ) counted) as "unread!"
            from members m
            join rooms r on r.id = m.room_id
            left join users peer on peer.id =
                case when r.direct_low = m.user_id then r.direct_high else r.direct_low end
            left join lateral (
                select * from messages x where x.room_id = r.id order by x.seq desc limit 1
            ) last on true
            left join users author on author.id = last.author_id
            where m.user_id = $1 and m.active and ($2::uuid is null or m.room_id = $2)
            order by greatest(r.active_at, m.joined_at) desc, r.id
            limit $5"#,
            viewer.0,
            room.map(|room| room.0),
            limits::PREVIEW_CHARS as i32,
            i64::from(limits::UNREAD_MAX),
            limits::ROOMS_PER_USER_MAX as i64,
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows.into_iter().map(|row| row.into_summary(viewer)).collect())
    }

    /// The last numbers of some rooms.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<Head>, Error> {
        let ids: Vec<Uuid> = rooms.iter().map(|room| room.0).collect();
        let rows = sqlx::query!("select id, head_seq from rooms where id = any($1)", &ids)
            .fetch_all(&self.pool())
            .await?;
        Ok(rows.into_iter().map(|row| Head { room: RoomId(row.id), head: Seq(row.head_seq) }).collect())
    }

    /// Which of some rooms have gone beyond the number that is known of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn heads_beyond(&self, known: &[Head]) -> Result<Vec<Head>, Error> {
        let ids: Vec<Uuid> = known.iter().map(|head| head.room.0).collect();
        let seqs: Vec<i64> = known.iter().map(|head| head.head.0).collect();
        let rows = sqlx::query!(
            "select r.id, r.head_seq from unnest($1::uuid[], $2::bigint[]) as k (id, seq)
             join rooms r on r.id = k.id and r.head_seq > k.seq",
            &ids,
            &seqs
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows.into_iter().map(|row| Head { room: RoomId(row.id), head: Seq(row.head_seq) }).collect())
    }

    /// Makes a group or channel, or finds the one that this person made with this nonce. Its properties are
    /// change 1, the maker's membership is change 2.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_room(
        &self,
        by: UserId,
        nonce: Nonce,
        kind: RoomKind,
        (title, topic): (&str, &str),
    ) -> Result<RoomId, Error> {
        let id = Uuid::now_v7();
        let mut tx = self.pool().begin().await?;
        let made = sqlx::query_scalar!(
            "insert into rooms (id, kind, title, topic, rev_seq, head_seq, member_count, created_by, nonce)
             values ($1, $2, $3, $4, 1, 2, 1, $5, $6)
             on conflict (created_by, nonce) do nothing returning id",
            id,
            kind_text(kind),
            title,
            topic,
            by.0,
            nonce.0
        )
        .fetch_optional(&mut *tx)
        .await?;
        if made.is_some() {
            sqlx::query!(
                "insert into members (room_id, user_id, role, rev_seq) values ($1, $2, 'owner', 2)",
                id,
                by.0
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        if made.is_some() {
            return Ok(RoomId(id));
        }
        let known =
            sqlx::query_scalar!("select id from rooms where created_by = $1 and nonce = $2", by.0, nonce.0)
                .fetch_one(&self.pool())
                .await?;
        Ok(RoomId(known))
    }

    /// The direct room of two people, and whether it was made just now.
    ///
    /// # Errors
    /// When the database fails, or one of the two does not exist.
    pub async fn direct_room(&self, by: UserId, other: UserId) -> Result<(RoomId, bool), Error> {
        let (low, high) = if by.0 < other.0 { (by.0, other.0) } else { (other.0, by.0) };
        let id = Uuid::now_v7();
        let mut tx = self.pool().begin().await?;
        let made = sqlx::query_scalar!(
            "insert into rooms
                (id, kind, rev_seq, head_seq, member_count, direct_low, direct_high, created_by, nonce)
             values ($1, 'direct', 1, 3, 2, $2, $3, $4, $1)
             on conflict (direct_low, direct_high) do nothing returning id",
            id,
            low,
            high,
            by.0
        )
        .fetch_optional(&mut *tx)
        .await?;
        if made.is_some() {
            sqlx::query!(
                "insert into members (room_id, user_id, role, rev_seq)
                 values ($1, $2, 'member', 2), ($1, $3, 'member', 3)",
                id,
                low,
                high
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        if made.is_some() {
            return Ok((RoomId(id), true));
        }
        let known =
            sqlx::query_scalar!("select id from rooms where direct_low = $1 and direct_high = $2", low, high)
                .fetch_one(&self.pool())
                .await?;
        Ok((RoomId(known), false))
    }

    /// Channels whose title or topic has `query` in it, the largest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_channels(&self, viewer: UserId, query: &str) -> Result<Vec<ChannelListing>, Error> {
        let rows = sqlx::query!(
            r#"select r.id, r.title, r.topic, r.rev_seq, r.member_count,
                exists (
                    select from members m where m.room_id = r.id and m.user_id = $1 and m.active
                ) as "joined!"
             from rooms r
             where r.kind = 'channel' and ($2 = '%%' or r.title ilike $2 or r.topic ilike $2)
             order by r.member_count desc, r.id limit $3"#,
            viewer.0,
            like_pattern(query),
            limits::FOUND_MAX as i64
        )
        .fetch_all(&self.pool())
        .await?;
        let listing = rows.into_iter().map(|row| ChannelListing {
            room: Room {
                id: RoomId(row.id),
                kind: RoomKind::Channel,
                title: row.title,
                topic: row.topic,
                rev: Seq(row.rev_seq),
            },
            members: u32::try_from(row.member_count).unwrap_or_default(),
            joined: row.joined,
        });
        Ok(listing.collect())
    }

    /// Renames a room and sets its topic, if `allowed` says so of what the lock found. Nothing new takes no
    /// number: then there is no change to tell.
    ///
    /// # Errors
    /// What `allowed` says, or when the database fails.
    pub async fn set_room<E: From<Error>>(
        &self,
        by: UserId,
        room: RoomId,
        (title, topic): (&str, &str),
        allowed: impl FnOnce(&Locked) -> Result<(), E>,
    ) -> Result<Option<(Room, Millis)>, E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let locked = lock_room(&mut tx, room, by).await?;
        allowed(&locked)?;
        if locked.room.title == title && locked.room.topic == topic {
            return Ok(None);
        }
        let row = sqlx::query!(
            r#"update rooms set title = $2, topic = $3, head_seq = head_seq + 1, rev_seq = head_seq + 1
             where id = $1 returning rev_seq, (extract(epoch from now()) * 1000)::bigint as "at!""#,
            room.0,
            title,
            topic
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(Error::from)?;
        tx.commit().await.map_err(Error::from)?;
        let changed =
            Room { title: title.to_owned(), topic: topic.to_owned(), rev: Seq(row.rev_seq), ..locked.room };
        Ok(Some((changed, row.at)))
    }
}

/// Takes the room's row lock: from here to the end of the transaction nobody else changes anything in the room.
/// A room that does not exist is like one that the person is not in.
pub(super) async fn lock_room(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    by: UserId,
) -> Result<Locked, Error> {
    let row = sqlx::query!(
        "select kind, title, topic, rev_seq, head_seq from rooms where id = $1 for no key update",
        room.0
    )
    .fetch_optional(&mut **tx)
    .await?
    .ok_or(Error::NoSuchRoom)?;
    // Asked after the lock was taken, in a statement of its own: it sees what the lock waited for.
    let role = sqlx::query_scalar!(
        "select role from members where room_id = $1 and user_id = $2 and active",
        room.0,
        by.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(Locked {
        room: Room {
            id: room,
            kind: kind_of(&row.kind),
            title: row.title,
            topic: row.topic,
            rev: Seq(row.rev_seq),
        },
        head: Seq(row.head_seq),
        role: role.map(|role| role_of(&role)),
    })
}
