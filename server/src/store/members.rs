//! Who is in which room, and how far they are.

use std::time::Duration;

use protocol::{Marks, Member, Millis, Role, RoomId, Seq, User, UserId, limits};
use uuid::Uuid;

use super::{
    Error, Store, like_pattern,
    rooms::{Locked, lock_room, role_of},
};

/// A membership that changed, with the number of members after it.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberChange {
    /// As it is now; `rev` is the number of the change.
    pub member: Member,
    /// How many members the room has after it.
    pub members: u32,
    /// How far they are.
    pub marks: Marks,
    /// When.
    pub at: Millis,
}

/// Marks to write: how far someone is in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raise {
    /// Which room.
    pub room: RoomId,
    /// Whose marks, and how far.
    pub marks: Marks,
}

/// Marks as they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised {
    /// Which room.
    pub room: RoomId,
    /// As they are now.
    pub marks: Marks,
    /// How many members the room has: a large one is not told.
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

struct MemberRow {
    user_id: Uuid,
    handle: String,
    name: String,
    role: String,
    active: bool,
    rev_seq: i64,
    delivered_seq: i64,
    read_seq: i64,
}

impl MemberRow {
    fn marks(&self) -> Marks {
        Marks { user: UserId(self.user_id), delivered: Seq(self.delivered_seq), read: Seq(self.read_seq) }
    }

    fn into_member(self) -> Member {
        Member {
            user: User { id: UserId(self.user_id), handle: self.handle, name: self.name },
            role: role_of(&self.role),
            active: self.active,
            rev: Seq(self.rev_seq),
        }
    }
}

impl Store {
    /// What someone may do in a room; `None` when they are not in it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn role(&self, room: RoomId, user: UserId) -> Result<Option<Role>, Error> {
        let role = sqlx::query_scalar!(
            "select role from members where room_id = $1 and user_id = $2 and active",
            room.0,
            user.0
        )
        .fetch_optional(&self.pool())
        .await?;
        Ok(role.map(|role| role_of(&role)))
    }

    /// How far a room is, for who is in it; `None` for everyone else.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn head_for(&self, room: RoomId, user: UserId) -> Result<Option<Seq>, Error> {
        let head = sqlx::query_scalar!(
            "select r.head_seq from members m join rooms r on r.id = m.room_id where m.room_id = $1 and m.user_id = $2 and m.active",
            room.0,
            user.0
        )
        .fetch_optional(&self.pool())
        .await?;
        Ok(head.map(Seq))
    }

    /// Which rooms some people are in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn memberships(&self, users: &[UserId]) -> Result<Vec<(UserId, RoomId)>, Error> {
        let ids: Vec<Uuid> = users.iter().map(|user| user.0).collect();
        let rows =
            sqlx::query!("select user_id, room_id from members where user_id = any($1) and active", &ids)
                .fetch_all(&self.pool())
                .await?;
        Ok(rows.into_iter().map(|row| (UserId(row.user_id), RoomId(row.room_id))).collect())
    }

    /// The members of a room and their marks: owners first, then by name; those whose handle or name has `query`
    /// in it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_members(&self, room: RoomId, query: &str) -> Result<Vec<(Member, Marks)>, Error> {
        let rows = sqlx::query_as!(
            MemberRow,
            r#"select m.user_id, u.handle, u.name, m.role, m.active, m.rev_seq, m.delivered_seq, m.read_seq
             from members m join users u on u.id = m.user_id
             where m.room_id = $1 and m.active and ($2 = '%%' or u.handle ilike $2 or u.name ilike $2)
             order by m.role desc, lower(u.name), u.id limit $3"#,
            room.0,
            like_pattern(query),
            limits::MEMBERS_LISTED_MAX as i64
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.marks(), row))
            .map(|(marks, row)| (row.into_member(), marks))
            .collect())
    }

    /// Takes people into a room, if `allowed` says so of what the lock found. Those who are in stay as they are.
    /// Whoever comes begins at the room's end: what was said before is history, not unread.
    ///
    /// # Errors
    /// What `allowed` says; [`Error::NoSuchRoom`], [`Error::NoSuchUser`], [`Error::MembersFull`],
    /// [`Error::RoomsFull`]; or when the database fails. Then nobody was taken in.
    pub async fn add_members<E: From<Error>>(
        &self,
        by: UserId,
        room: RoomId,
        users: &[UserId],
        allowed: impl FnOnce(&Locked) -> Result<(), E>,
    ) -> Result<Vec<MemberChange>, E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let locked = lock_room(&mut tx, room, by).await?;
        allowed(&locked)?;
        let mut changes = Vec::new();
        for user in users {
            if let Some(change) = add_member(&mut tx, room, *user).await? {
                changes.push(change);
            }
        }
        tx.commit().await.map_err(Error::from)?;
        Ok(changes)
    }

    /// Lets someone leave. When the last owner leaves, whoever has been there longest becomes one: that is a
    /// change of its own.
    ///
    /// # Errors
    /// What `allowed` says; [`Error::NoSuchRoom`]; or when the database fails.
    pub async fn remove_member<E: From<Error>>(
        &self,
        room: RoomId,
        user: &User,
        allowed: impl FnOnce(&Locked) -> Result<(), E>,
    ) -> Result<Vec<MemberChange>, E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let locked = lock_room(&mut tx, room, user.id).await?;
        allowed(&locked)?;
        if locked.role.is_none() {
            return Ok(Vec::new());
        }
        let mut changes = vec![leave(&mut tx, room, user).await?];
        changes.extend(inherit(&mut tx, room).await?);
        tx.commit().await.map_err(Error::from)?;
        Ok(changes)
    }

    /// Raises marks, never above the room's last number and never down. What does not raise anything is not in
    /// the answer.
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
                select k.room_id, k.user_id, least(k.read, r.head_seq) as read,
                    least(greatest(k.delivered, k.read), r.head_seq) as delivered, r.member_count
                from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])
                    as k (room_id, user_id, delivered, read)
                join rooms r on r.id = k.room_id
             )
             update members m set delivered_seq = greatest(m.delivered_seq, a.delivered),
                read_seq = greatest(m.read_seq, a.read), marked_at = now()
             from asked a
             where m.room_id = a.room_id and m.user_id = a.user_id and m.active
                and (m.delivered_seq < a.delivered or m.read_seq < a.read)
             returning m.room_id, m.user_id, m.delivered_seq, m.read_seq, a.member_count as "member_count!""#,
            &rooms,
            &users,
            &delivered,
            &read
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows.into_iter().map(Raised::from).collect())
    }

    /// Marks in these rooms that have grown within a time until now: in rooms of at most `members_max` members.
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
            "select m.room_id, m.user_id, m.delivered_seq, m.read_seq, r.member_count
             from rooms r join members m on m.room_id = r.id
             where r.id = any($1) and r.member_count <= $2 and m.active
                and m.marked_at > now() - make_interval(secs => $3)",
            &rooms,
            members_max as i32,
            within.as_secs_f64()
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows.into_iter().map(Raised::from).collect())
    }

    /// The same of these people: in rooms of more than `members_max` members.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn marks_of_users(
        &self,
        users: &[UserId],
        members_max: usize,
        within: Duration,
    ) -> Result<Vec<Raised>, Error> {
        let users: Vec<Uuid> = users.iter().map(|user| user.0).collect();
        let rows = sqlx::query_as!(
            RaisedRow,
            "select m.room_id, m.user_id, m.delivered_seq, m.read_seq, r.member_count
             from members m join rooms r on r.id = m.room_id
             where m.user_id = any($1) and m.active and r.member_count > $2
                and m.marked_at > now() - make_interval(secs => $3)",
            &users,
            members_max as i32,
            within.as_secs_f64()
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows.into_iter().map(Raised::from).collect())
    }

    /// People whose handle or name has `query` in it, exact handles first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_users(&self, query: &str) -> Result<Vec<User>, Error> {
        let rows = sqlx::query!(
            "select id, handle, name from users
             where suspended_at is null and ($1 = '%%' or handle ilike $1 or name ilike $1)
             order by (handle = lower($2)) desc, lower(name), id limit $3",
            like_pattern(query),
            query.trim().trim_start_matches('@'),
            limits::FOUND_MAX as i64
        )
        .fetch_all(&self.pool())
        .await?;
        let user =
            rows.into_iter().map(|row| User { id: UserId(row.id), handle: row.handle, name: row.name });
        Ok(user.collect())
    }

    /// A person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user(&self, user: UserId) -> Result<Option<User>, Error> {
        let row = sqlx::query!("select handle, name from users where id = $1", user.0)
            .fetch_optional(&self.pool())
            .await?;
        Ok(row.map(|row| User { id: user, handle: row.handle, name: row.name }))
    }
}

async fn add_member(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    user: UserId,
) -> Result<Option<MemberChange>, Error> {
    let person = sqlx::query!(
        r#"select handle, name,
            (select count(*) from members m where m.user_id = u.id and m.active) as "rooms!",
            exists (
                select from members m where m.user_id = u.id and m.room_id = $2 and m.active
            ) as "inside!"
         from users u where id = $1"#,
        user.0,
        room.0
    )
    .fetch_optional(&mut **tx)
    .await?
    .ok_or(Error::NoSuchUser)?;
    if person.inside {
        return Ok(None);
    }
    if person.rooms >= limits::ROOMS_PER_USER_MAX as i64 {
        return Err(Error::RoomsFull);
    }
    let moved = sqlx::query!(
        r#"update rooms set head_seq = head_seq + 1, member_count = member_count + 1
         where id = $1
         returning head_seq, member_count, (extract(epoch from now()) * 1000)::bigint as "at!""#,
        room.0
    )
    .fetch_one(&mut **tx)
    .await?;
    let members = u32::try_from(moved.member_count).unwrap_or_default();
    if members as usize > limits::MEMBERS_MAX {
        return Err(Error::MembersFull);
    }
    sqlx::query!(
        "insert into members (room_id, user_id, role, rev_seq, delivered_seq, read_seq)
         values ($1, $2, 'member', $3, $3, $3)
         on conflict (room_id, user_id) do update
         set active = true, role = 'member', rev_seq = $3, delivered_seq = $3, read_seq = $3, joined_at = now()",
        room.0,
        user.0,
        moved.head_seq
    )
    .execute(&mut **tx)
    .await?;
    let member = Member {
        user: User { id: user, handle: person.handle, name: person.name },
        role: Role::Member,
        active: true,
        rev: Seq(moved.head_seq),
    };
    let marks = Marks { user, delivered: member.rev, read: member.rev };
    Ok(Some(MemberChange { member, members, marks, at: moved.at }))
}

async fn leave(tx: &mut sqlx::PgTransaction<'_>, room: RoomId, user: &User) -> Result<MemberChange, Error> {
    let moved = sqlx::query!(
        r#"update rooms set head_seq = head_seq + 1, member_count = member_count - 1
         where id = $1
         returning head_seq, member_count, (extract(epoch from now()) * 1000)::bigint as "at!""#,
        room.0
    )
    .fetch_one(&mut **tx)
    .await?;
    let row = sqlx::query!(
        "update members set active = false, role = 'member', rev_seq = $3 where room_id = $1 and user_id = $2
         returning delivered_seq, read_seq",
        room.0,
        user.id.0,
        moved.head_seq
    )
    .fetch_one(&mut **tx)
    .await?;
    let marks = Marks { user: user.id, delivered: Seq(row.delivered_seq), read: Seq(row.read_seq) };
    let member = Member { user: user.clone(), role: Role::Member, active: false, rev: Seq(moved.head_seq) };
    Ok(MemberChange {
        member,
        members: u32::try_from(moved.member_count).unwrap_or_default(),
        marks,
        at: moved.at,
    })
}

/// A room without an owner who can act gets one: whoever has been there longest and is not suspended. A suspended owner
/// stays one, for the day they are let in again.
pub(super) async fn inherit(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
) -> Result<Option<MemberChange>, Error> {
    let heir = sqlx::query!(
        "select m.user_id, u.handle, u.name from members m join users u on u.id = m.user_id
         where m.room_id = $1 and m.active
            and u.suspended_at is null
            and not exists (select from members o join users ou on ou.id = o.user_id
                            where o.room_id = $1 and o.active and o.role = 'owner' and ou.suspended_at is null)
         order by m.joined_at, m.user_id limit 1",
        room.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(heir) = heir else { return Ok(None) };
    let moved = sqlx::query!(
        r#"update rooms set head_seq = head_seq + 1 where id = $1
         returning head_seq, member_count, (extract(epoch from now()) * 1000)::bigint as "at!""#,
        room.0
    )
    .fetch_one(&mut **tx)
    .await?;
    let row = sqlx::query!(
        "update members set role = 'owner', rev_seq = $3 where room_id = $1 and user_id = $2
         returning delivered_seq, read_seq",
        room.0,
        heir.user_id,
        moved.head_seq
    )
    .fetch_one(&mut **tx)
    .await?;
    let marks =
        Marks { user: UserId(heir.user_id), delivered: Seq(row.delivered_seq), read: Seq(row.read_seq) };
    let user = User { id: UserId(heir.user_id), handle: heir.handle, name: heir.name };
    let member = Member { user, role: Role::Owner, active: true, rev: Seq(moved.head_seq) };
    Ok(Some(MemberChange {
        member,
        members: u32::try_from(moved.member_count).unwrap_or_default(),
        marks,
        at: moved.at,
    }))
}
