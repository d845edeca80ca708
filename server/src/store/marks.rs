//! Members' marks: raises them, and finds those that were not published.

use std::time::Duration;

use protocol::{Marks, RoomId, Seq, UserId, limits};
use uuid::Uuid;

use super::{Error, Store};

/// The most large rooms in which people's own marks are checked.
const LARGE_ROOMS_MAX: i64 = 5_000;

/// Marks to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raise {
    /// Which room.
    pub room: RoomId,
    /// Whose marks, and their values.
    pub marks: Marks,
}

/// Marks that were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised {
    /// Which room.
    pub room: RoomId,
    /// Their current values.
    pub marks: Marks,
    /// The number of members: in a large room, nobody else is told.
    pub members: u32,
}

struct RaisedRow {
    room_id: Uuid,
    user_id: Uuid,
    delivered_seq: i64,
    read_seq: i64,
    member_count: i32,
}

impl From<RaisedRow> for Raised {
    fn from(row: RaisedRow) -> Self {
        let marks =
            Marks { user: UserId(row.user_id), delivered: Seq(row.delivered_seq), read: Seq(row.read_seq) };
        Self {
            room: RoomId(row.room_id),
            marks,
            members: u32::try_from(row.member_count).unwrap_or_default(),
        }
    }
}

impl Store {
    /// Raises marks, never beyond the room's last number and never down. Returns only those that
    /// changed. In a room of more than [`limits::MARKS_MEMBERS_MAX`] members only the read mark
    /// counts, because nobody is told of deliveries.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn raise_marks(&self, raises: &[Raise]) -> Result<Vec<Raised>, Error> {
        let rooms: Vec<Uuid> = raises.iter().map(|raise| raise.room.0).collect();
        let users: Vec<Uuid> = raises.iter().map(|raise| raise.marks.user.0).collect();
        let delivered: Vec<i64> = raises.iter().map(|raise| raise.marks.delivered.0).collect();
        let read: Vec<i64> = raises.iter().map(|raise| raise.marks.read.0).collect();
        let rows = sqlx::query_as!(
            RaisedRow,
            r#"with asked as (
                select k.room_id, k.user_id, least(k.read, l.head) as read,
                    least(greatest(case when r.member_count <= $5 then k.delivered else 0 end, k.read), l.head)
                        as delivered, r.member_count
                from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])
                    as k (room_id, user_id, delivered, read)
                join lines l on l.id = k.room_id
                join rooms r on r.id = k.room_id
             )
             update members m set delivered_seq = greatest(m.delivered_seq, a.delivered),
                read_seq = greatest(m.read_seq, a.read), marked_at = now(),
                read_ordinal = case when m.read_seq >= a.read then m.read_ordinal else coalesce((
                    select x.ordinal from messages x where x.room_id = m.room_id and x.seq <= a.read
                    order by x.seq desc limit 1), 0) end
             from asked a
             where m.room_id = a.room_id and m.user_id = a.user_id and m.active
                and (m.delivered_seq < a.delivered or m.read_seq < a.read)
             returning m.room_id, m.user_id, m.delivered_seq, m.read_seq, a.member_count as "member_count!""#,
            &rooms,
            &users,
            &delivered,
            &read,
            limits::MARKS_MEMBERS_MAX as i32
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows.into_iter().map(Raised::from).collect())
    }

    /// The marks in these rooms that advanced within this time. Only for rooms of at most
    /// `members_max` members.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn marks_of_rooms(
        &self,
        rooms: &[RoomId],
        members_max: usize,
        within: Duration,
    ) -> Result<Vec<Raised>, Error> {
        let rooms: Vec<Uuid> = rooms.iter().map(|room| room.0).collect();
        let rows = sqlx::query_as!(
            RaisedRow,
            // Each room separately: see `Store::heads`.
            r#"select m.room_id as "room_id!", m.user_id as "user_id!", m.delivered_seq as "delivered_seq!",
                m.read_seq as "read_seq!", r.member_count as "member_count!"
             from unnest($1::uuid[]) as k (id)
             cross join lateral (select id, member_count from rooms where id = k.id offset 0) r
             cross join lateral (select * from members where room_id = r.id and active offset 0) m
             where r.member_count <= $2 and m.marked_at > now() - make_interval(secs => $3)"#,
            &rooms,
            members_max as i32,
            within.as_secs_f64()
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows.into_iter().map(Raised::from).collect())
    }

    /// The rooms of more than [`limits::MARKS_MEMBERS_MAX`] members, in the order of their ids; at
    /// most some thousand.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn large_rooms(&self) -> Result<Vec<RoomId>, Error> {
        // The number is a literal, so that the planner can use the index on just these rooms.
        const { assert!(limits::MARKS_MEMBERS_MAX == 100) };
        let rooms = sqlx::query_scalar!(
            "select id from rooms where member_count > 100 order by id limit $1",
            LARGE_ROOMS_MAX
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rooms.into_iter().map(RoomId).collect())
    }

    /// The marks of these members that advanced within this time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn marks_of_members(
        &self,
        members: &[(RoomId, UserId)],
        within: Duration,
    ) -> Result<Vec<(RoomId, Marks)>, Error> {
        let rooms: Vec<Uuid> = members.iter().map(|(room, _)| room.0).collect();
        let users: Vec<Uuid> = members.iter().map(|(_, user)| user.0).collect();
        let rows = sqlx::query!(
            r#"select m.room_id as "room_id!", m.user_id as "user_id!", m.delivered_seq as "delivered_seq!",
                m.read_seq as "read_seq!"
             from unnest($1::uuid[], $2::uuid[]) as k (room_id, user_id)
             cross join lateral (
                select * from members where room_id = k.room_id and user_id = k.user_id and active offset 0) m
             where m.marked_at > now() - make_interval(secs => $3)"#,
            &rooms,
            &users,
            within.as_secs_f64()
        )
        .fetch_all(&self.pool())
        .await?;
        let marks =
            |user, delivered, read| Marks { user: UserId(user), delivered: Seq(delivered), read: Seq(read) };
        Ok(rows
            .into_iter()
            .map(|row| (RoomId(row.room_id), marks(row.user_id, row.delivered_seq, row.read_seq)))
            .collect())
    }
}
