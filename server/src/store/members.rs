//! Memberships: joining, leaving, roles and bans.
//!
//! Marks are in [`marks`](super::marks); lists of members and of people are in
//! [`directory`](super::directory).

use protocol::{Line, Marks, Member, Role, RoomId, Seq, UserId, WorkspaceRole, limits};
use uuid::Uuid;

use super::{
    Error, Store,
    lines::{ItemKind, take},
    rooms::{Locked, lock_room, role_of},
    users::workspace_role_of,
};

/// How often a new owner is searched for, because the one found may be suspended at that very
/// moment.
const HEIRS_TRIED: usize = 3;

/// A changed membership, and the number of members afterwards.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberChange {
    /// Its current state; `rev` is the number of the change on the room's line.
    pub member: Member,
    /// How many members the room has afterwards.
    pub members: u32,
    /// The member's marks.
    pub marks: Marks,
    /// The number of the change on the person's own line, if they joined or left.
    pub membership: Option<Seq>,
}

/// The result of adding people to a room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Added {
    /// Those who have joined.
    pub changes: Vec<MemberChange>,
    /// Those who are already in the most rooms allowed.
    pub full: Vec<UserId>,
    /// Those who are banned from the room.
    pub banned: Vec<UserId>,
}

/// The columns of a membership.
pub(super) struct MemberRow {
    pub(super) user_id: Uuid,
    pub(super) role: String,
    pub(super) active: bool,
    pub(super) banned: bool,
    pub(super) rev_seq: i64,
    pub(super) delivered_seq: i64,
    pub(super) read_seq: i64,
}

impl MemberRow {
    pub(super) fn marks(&self) -> Marks {
        Marks { user: UserId(self.user_id), delivered: Seq(self.delivered_seq), read: Seq(self.read_seq) }
    }

    pub(super) fn into_member(self) -> Member {
        Member {
            user: UserId(self.user_id),
            role: role_of(&self.role),
            active: self.active,
            banned: self.banned,
            rev: Seq(self.rev_seq),
        }
    }
}

impl Store {
    /// Someone's role in a room; `None` if they are not in it.
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

    /// The head of a room, for its members; `None` for everyone else.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn head_for(&self, room: RoomId, user: UserId) -> Result<Option<Seq>, Error> {
        let head = sqlx::query_scalar!(
            "select l.head from members m join lines l on l.id = m.room_id where m.room_id = $1 and m.user_id = $2 and m.active",
            room.0,
            user.0
        )
        .fetch_optional(&self.pool())
        .await?;
        Ok(head.map(Seq))
    }

    /// Which of these rooms someone is in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn memberships_among(&self, user: UserId, rooms: &[RoomId]) -> Result<Vec<RoomId>, Error> {
        let ids: Vec<Uuid> = rooms.iter().map(|room| room.0).collect();
        let inside = sqlx::query_scalar!(
            "select room_id from members where user_id = $1 and room_id = any($2) and active",
            user.0,
            &ids
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(inside.into_iter().map(RoomId).collect())
    }

    /// Adds people to a room, if `allowed` agrees under the lock. Skips those who are already in
    /// it, banned, or in `rooms_max` rooms. A new member's marks begin at the room's end: earlier
    /// messages are history, not unread. A room without an owner who can act gets one, as a
    /// separate change.
    ///
    /// # Errors
    /// Those of `allowed`; [`Error::NoSuchRoom`], [`Error::NoSuchUser`], [`Error::MembersFull`]; or
    /// when the database fails. Then nobody was added.
    pub async fn add_members<E: From<Error>>(
        &self,
        by: UserId,
        room: RoomId,
        (users, rooms_max): (&[UserId], usize),
        allowed: impl FnOnce(&Locked) -> Result<(), E>,
    ) -> Result<Added, E> {
        let mut users = users.to_vec();
        // The order in which their lines are locked.
        users.sort_unstable();
        users.dedup();
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let locked = lock_room(&mut tx, room, by).await?;
        allowed(&locked)?;
        let mut added = Added::default();
        for user in users {
            match add_member(&mut tx, room, user, rooms_max).await? {
                Adding::Added(change) => added.changes.push(change),
                Adding::Full => added.full.push(user),
                Adding::Banned => added.banned.push(user),
                Adding::Inside => {}
            }
        }
        if !added.changes.is_empty() {
            // If the room was empty, or nobody in it could act, it gets an owner again.
            added.changes.extend(inherit(&mut tx, room).await?);
        }
        tx.commit().await.map_err(Error::from)?;
        Ok(added)
    }

    /// Removes someone from a room, possibly on their own request; with `ban` they cannot come
    /// back. When the last owner leaves, the longest-standing member becomes one, as a separate
    /// change. If they have already left, only the ban changes.
    ///
    /// # Errors
    /// Those of `allowed`; [`Error::NoSuchRoom`], [`Error::NoSuchUser`]; or when the database
    /// fails.
    pub async fn remove_member<E: From<Error>>(
        &self,
        by: UserId,
        (room, user): (RoomId, UserId),
        ban: bool,
        allowed: impl FnOnce(&Locked, &Target) -> Result<(), E>,
    ) -> Result<Vec<MemberChange>, E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let locked = lock_room(&mut tx, room, by).await?;
        let target = find_target(&mut tx, room, user).await?.ok_or(Error::NoSuchUser)?;
        allowed(&locked, &target)?;
        let mut changes = Vec::new();
        if target.role.is_some() {
            changes.push(leave(&mut tx, room, user, ban).await?);
            changes.extend(inherit(&mut tx, room).await?);
        } else if ban && !target.banned {
            changes.push(set_banned(&mut tx, room, user, true).await?);
        }
        tx.commit().await.map_err(Error::from)?;
        Ok(changes)
    }

    /// Lifts a ban. `None` if there was none.
    ///
    /// # Errors
    /// Those of `allowed`; [`Error::NoSuchRoom`]; or when the database fails.
    pub async fn unban<E: From<Error>>(
        &self,
        by: UserId,
        (room, user): (RoomId, UserId),
        allowed: impl FnOnce(&Locked) -> Result<(), E>,
    ) -> Result<Option<MemberChange>, E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let locked = lock_room(&mut tx, room, by).await?;
        allowed(&locked)?;
        if !find_target(&mut tx, room, user).await?.is_some_and(|target| target.banned) {
            return Ok(None);
        }
        let change = set_banned(&mut tx, room, user, false).await?;
        tx.commit().await.map_err(Error::from)?;
        Ok(Some(change))
    }

    /// Changes a member's role. Returns the member, and whether anything changed.
    ///
    /// # Errors
    /// Those of `allowed`; [`Error::NoSuchRoom`]; [`Error::NoSuchUser`] for someone who is not in
    /// the room; [`Error::LastOwner`]; or when the database fails.
    pub async fn set_role<E: From<Error>>(
        &self,
        by: UserId,
        (room, user): (RoomId, UserId),
        role: Role,
        allowed: impl FnOnce(&Locked, &Target) -> Result<(), E>,
    ) -> Result<(MemberChange, bool), E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let locked = lock_room(&mut tx, room, by).await?;
        let target = find_target(&mut tx, room, user).await?.ok_or(Error::NoSuchUser)?;
        allowed(&locked, &target)?;
        // Checked after `allowed`, so that someone without permission cannot find out who is in the
        // room.
        let before = target.role.ok_or(Error::NoSuchUser)?;
        if before == role {
            return Ok((member_now(&mut tx, room, user).await?, false));
        }
        let rev = take(&mut tx, Line::Room(room), ItemKind::Member, &user.to_string()).await?;
        let member = Member { user, role, active: true, banned: false, rev };
        write_member(&mut tx, room, member).await?;
        if before == Role::Owner && !has_owner(&mut tx, room).await? {
            return Err(Error::LastOwner.into());
        }
        let change = member_now(&mut tx, room, user).await?;
        tx.commit().await.map_err(Error::from)?;
        Ok((change, true))
    }
}

/// The person affected by an action in a room, as read under the room's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Who.
    pub user: UserId,
    /// Their role in the room; `None` if they are not in it.
    pub role: Option<Role>,
    /// Their role in the workspace.
    pub workspace: WorkspaceRole,
    /// Whether they are banned from the room.
    pub banned: bool,
}

/// `None` if there is no such person.
async fn find_target(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    user: UserId,
) -> Result<Option<Target>, Error> {
    let row = sqlx::query!(
        r#"select u.role as workspace, case when m.active then m.role end as role,
            m.banned_at is not null as "banned!"
         from users u left join members m on m.room_id = $1 and m.user_id = u.id
         where u.id = $2"#,
        room.0,
        user.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Target {
        user,
        role: row.role.map(|role| role_of(&role)),
        workspace: workspace_role_of(&row.workspace),
        banned: row.banned,
    }))
}

/// The current state of a membership.
async fn member_now(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    user: UserId,
) -> Result<MemberChange, Error> {
    members_now(&mut **tx, room, &[user.0]).await?.pop().ok_or(Error::NoSuchUser)
}

/// The current memberships of these people, including ended ones.
pub(super) async fn members_now(
    executor: impl sqlx::PgExecutor<'_>,
    room: RoomId,
    users: &[Uuid],
) -> Result<Vec<MemberChange>, Error> {
    let rows = sqlx::query!(
        r#"select m.user_id, m.role, m.active, m.banned_at is not null as "banned!", m.rev_seq, m.delivered_seq,
                m.read_seq, r.member_count
             from members m join rooms r on r.id = m.room_id
             where m.room_id = $1 and m.user_id = any($2)"#,
        room.0,
        users
    )
    .fetch_all(executor)
    .await?;
    let change = rows.into_iter().map(|row| {
        let members = u32::try_from(row.member_count).unwrap_or_default();
        let row = MemberRow {
            user_id: row.user_id,
            role: row.role,
            active: row.active,
            banned: row.banned,
            rev_seq: row.rev_seq,
            delivered_seq: row.delivered_seq,
            read_seq: row.read_seq,
        };
        MemberChange { marks: row.marks(), member: row.into_member(), members, membership: None }
    });
    Ok(change.collect())
}

/// Whether a room has an owner who can act.
async fn has_owner(tx: &mut sqlx::PgTransaction<'_>, room: RoomId) -> Result<bool, Error> {
    let owner = sqlx::query_scalar!(
        "select m.user_id from members m join users u on u.id = m.user_id
         where m.room_id = $1 and m.active and m.role = 'owner' and u.suspended_at is null and u.role <> 'guest'
         limit 1 for share of u",
        room.0
    );
    Ok(owner.fetch_optional(&mut **tx).await?.is_some())
}

/// Bans someone who is not in the room, or lifts the ban.
async fn set_banned(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    user: UserId,
    banned: bool,
) -> Result<MemberChange, Error> {
    let rev = take(tx, Line::Room(room), ItemKind::Member, &user.to_string()).await?;
    // Someone who was never in the room has no row yet.
    sqlx::query!(
        "insert into members
            (room_id, user_id, role, active, banned_at, rev_seq, delivered_seq, read_seq, sort_name, handle,
                pinyin)
         select $1::uuid, u.id, 'member', false, case when $3 then now() end, $4::bigint, 0, 0, lower(u.name), u.handle,
                u.pinyin
         from users u where u.id = $2
         on conflict (room_id, user_id) do update
         set active = false, role = 'member', rev_seq = excluded.rev_seq,
            banned_at = case when $3 then coalesce(members.banned_at, now()) end",
        room.0,
        user.0,
        banned,
        rev.0
    )
    .execute(&mut **tx)
    .await?;
    member_now(tx, room, user).await
}

/// The result of adding someone to a room.
enum Adding {
    Added(MemberChange),
    /// They were already in it.
    Inside,
    /// They are already in the most rooms allowed.
    Full,
    /// They are banned from the room.
    Banned,
}

async fn add_member(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    user: UserId,
    rooms_max: usize,
) -> Result<Adding, Error> {
    match find_target(tx, room, user).await? {
        Some(target) if target.role.is_some() => return Ok(Adding::Inside),
        Some(target) if target.banned => return Ok(Adding::Banned),
        Some(_) => {}
        None => return Err(Error::NoSuchUser),
    }
    if count_rooms(tx, user).await? >= rooms_max {
        return Ok(Adding::Full);
    }
    let rev = take(tx, Line::Room(room), ItemKind::Member, &user.to_string()).await?;
    let members = count_member(tx, room, 1).await?;
    if members as usize > limits::MEMBERS_MAX {
        return Err(Error::MembersFull);
    }
    let role = Role::Member;
    insert_member(tx, room, user, role, rev).await?;
    let membership = take(tx, Line::Person(user), ItemKind::Membership, &room.to_string()).await?;
    let member = Member { user, role, active: true, banned: false, rev };
    let marks = Marks { user, delivered: rev, read: rev };
    Ok(Adding::Added(MemberChange { member, members, marks, membership: Some(membership) }))
}

/// How many rooms someone is in. First locks their profile, so that a membership does not copy a
/// name that is being changed; then their line, so that nobody adds them to another room meanwhile.
pub(super) async fn count_rooms(tx: &mut sqlx::PgTransaction<'_>, user: UserId) -> Result<usize, Error> {
    sqlx::query!("select id from users where id = $1 for share", user.0)
        .fetch_optional(&mut **tx)
        .await?
        .ok_or(Error::NoSuchUser)?;
    sqlx::query_scalar!("select head from lines where id = $1 and kind = 'person' for no key update", user.0)
        .fetch_optional(&mut **tx)
        .await?
        .ok_or(Error::NoSuchUser)?;
    let rooms = sqlx::query_scalar!(
        r#"select count(*) as "rooms!" from members where user_id = $1 and active"#,
        user.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(usize::try_from(rooms).unwrap_or(usize::MAX))
}

/// Makes someone a member of a room, with marks at its end. The lock waits for a change of their handle,
/// which is copied.
pub(super) async fn insert_member(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    user: UserId,
    role: Role,
    rev: Seq,
) -> Result<(), Error> {
    let done = sqlx::query!(
        "insert into members
            (room_id, user_id, role, rev_seq, delivered_seq, read_seq, read_ordinal, sort_name, handle, pinyin)
         select $1::uuid, u.id, $3::text, $4::bigint, $4, $4, l.messages, lower(u.name), u.handle, u.pinyin
         from users u, lines l where u.id = $2 and l.id = $1
         for key share of u
         on conflict (room_id, user_id) do update
         set active = true, banned_at = null, role = excluded.role, rev_seq = excluded.rev_seq,
            delivered_seq = excluded.delivered_seq, read_seq = excluded.read_seq,
            read_ordinal = excluded.read_ordinal, sort_name = excluded.sort_name, handle = excluded.handle,
            pinyin = excluded.pinyin, joined_at = now(), unread_after = null, unread_ordinal = null",
        room.0,
        user.0,
        role_text(role),
        rev.0
    )
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::NoSuchUser) }
}

pub(super) fn role_text(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Moderator => "moderator",
        Role::Member => "member",
    }
}

/// Adds `step` (1 or -1) to the member count; returns the new count.
async fn count_member(tx: &mut sqlx::PgTransaction<'_>, room: RoomId, step: i32) -> Result<u32, Error> {
    let members = sqlx::query_scalar!(
        "update rooms set member_count = member_count + $2 where id = $1 returning member_count",
        room.0,
        step
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(u32::try_from(members).unwrap_or_default())
}

async fn leave(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    user: UserId,
    banned: bool,
) -> Result<MemberChange, Error> {
    let rev = take(tx, Line::Room(room), ItemKind::Member, &user.to_string()).await?;
    let members = count_member(tx, room, -1).await?;
    let membership = take(tx, Line::Person(user), ItemKind::Membership, &room.to_string()).await?;
    let member = Member { user, role: Role::Member, active: false, banned, rev };
    let marks = write_member(tx, room, member.clone()).await?;
    Ok(MemberChange { member, members, marks, membership: Some(membership) })
}

/// Changes an existing membership, and returns its marks.
async fn write_member(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    member: Member,
) -> Result<Marks, Error> {
    let row = sqlx::query!(
        "update members set active = $3, role = $4, rev_seq = $5,
            banned_at = case when $6 then coalesce(banned_at, now()) end
         where room_id = $1 and user_id = $2
         returning delivered_seq, read_seq",
        room.0,
        member.user.0,
        member.active,
        role_text(member.role),
        member.rev.0,
        member.banned
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Marks { user: member.user, delivered: Seq(row.delivered_seq), read: Seq(row.read_seq) })
}

/// Gives a room without an owner who can act a new one: the longest-standing member. Suspended
/// people and guests do not count and cannot inherit. Locks the relevant accounts, so it waits for
/// a suspension in progress.
pub(super) async fn inherit(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
) -> Result<Option<MemberChange>, Error> {
    // If the one found turns out to be suspended, searches for the next one.
    for _ in 0..HEIRS_TRIED {
        if has_owner(tx, room).await? {
            return Ok(None);
        }
        let heir = sqlx::query_scalar!(
            "select m.user_id
             from members m join users u on u.id = m.user_id join rooms r on r.id = m.room_id
             where m.room_id = $1 and m.active and u.suspended_at is null and u.role <> 'guest' and r.kind <> 'direct'
             order by m.joined_at, m.user_id limit 1
             for share of u",
            room.0
        )
        .fetch_optional(&mut **tx)
        .await?;
        if let Some(user) = heir.map(UserId) {
            let rev = take(tx, Line::Room(room), ItemKind::Member, &user.to_string()).await?;
            let member = Member { user, role: Role::Owner, active: true, banned: false, rev };
            write_member(tx, room, member).await?;
            return Ok(Some(member_now(tx, room, user).await?));
        }
    }
    Ok(None)
}
