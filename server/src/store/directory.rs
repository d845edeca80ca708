//! Finding people: the members of a room, the people of the workspace, and who may talk to whom.

use protocol::{Marks, Member, RoomId, User, UserId, limits};
use uuid::Uuid;

use super::{Error, Store, like_pattern, members::MemberRow, users::user_of};

impl Store {
    /// A page of a room's members with their marks, and whether there are more: owners first, then
    /// moderators, each by name, starting after the member `after`, with `query` in their handle,
    /// name or pinyin.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_members(
        &self,
        room: RoomId,
        query: &str,
        after: Option<UserId>,
    ) -> Result<(Vec<(Member, Marks)>, bool), Error> {
        let limit = limits::MEMBERS_LISTED_MAX;
        // Two statements, so that the first keeps a plan that reads no more members than it shows.
        // A search must read everyone in the room, but no other table.
        let rows = if query.trim().is_empty() {
            sqlx::query_as!(
                MemberRow,
                r#"select m.user_id, m.role, m.active, false as "banned!", m.rev_seq, m.delivered_seq, m.read_seq
                 from members m
                 where m.room_id = $1 and m.active and ($2::uuid is null
                    or ((case m.role when 'owner' then 0 when 'moderator' then 1 else 2 end), m.sort_name, m.user_id) > (
                        select (case a.role when 'owner' then 0 when 'moderator' then 1 else 2 end), a.sort_name, a.user_id from members a
                        where a.room_id = $1 and a.user_id = $2))
                 order by (case m.role when 'owner' then 0 when 'moderator' then 1 else 2 end), m.sort_name, m.user_id limit $3"#,
                room.0,
                after.map(|after| after.0),
                limit as i64 + 1
            )
            .fetch_all(&self.pool())
            .await?
        } else {
            sqlx::query_as!(
                MemberRow,
                r#"select m.user_id, m.role, m.active, false as "banned!", m.rev_seq, m.delivered_seq, m.read_seq
                 from members m
                 where m.room_id = $1 and m.active and (m.handle like lower($2) or m.sort_name like lower($2) or m.pinyin like lower($2))
                    and ($3::uuid is null or ((case m.role when 'owner' then 0 when 'moderator' then 1 else 2 end), m.sort_name, m.user_id) > (
                        select (case a.role when 'owner' then 0 when 'moderator' then 1 else 2 end), a.sort_name, a.user_id from members a
                        where a.room_id = $1 and a.user_id = $3))
                 order by (case m.role when 'owner' then 0 when 'moderator' then 1 else 2 end), m.sort_name, m.user_id limit $4"#,
                room.0,
                like_pattern(query),
                after.map(|after| after.0),
                limit as i64 + 1
            )
            .fetch_all(&self.pool())
            .await?
        };
        let more = rows.len() > limit;
        let members = rows
            .into_iter()
            .take(limit)
            .map(|row| (row.marks(), row))
            .map(|(marks, row)| (row.into_member(), marks));
        Ok((members.collect(), more))
    }

    /// The people who are banned from a room, the last banned first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_banned(&self, room: RoomId) -> Result<Vec<User>, Error> {
        let rows = sqlx::query!(
            "select u.id, u.handle, u.name, u.role, u.rev, u.picture from members m join users u on u.id = m.user_id
             where m.room_id = $1 and m.banned_at is not null
             order by m.banned_at desc, u.id limit $2",
            room.0,
            limits::BANNED_LISTED_MAX as i64
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| user_of(row.id, row.handle, row.name, &row.role, row.rev, row.picture))
            .collect())
    }

    /// Whether someone may talk to another person, who must exist. Guests may only talk to people
    /// with whom they share a room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn may_meet(&self, viewer: UserId, other: UserId) -> Result<bool, Error> {
        let may = sqlx::query_scalar!(
            r#"select exists (select from users where id = $2)
                and (exists (select from users where id = $1 and role <> 'guest')
                    or exists (
                        select from members own join members m on m.room_id = own.room_id
                        where own.user_id = $1 and own.active and m.user_id = $2 and m.active)) as "may!""#,
            viewer.0,
            other.0
        );
        Ok(may.fetch_one(&self.pool()).await?)
    }

    /// People with `query` in their handle, name or pinyin, exact handles first. Guests find only people
    /// with whom they share a room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_users(&self, viewer: UserId, query: &str) -> Result<Vec<User>, Error> {
        let rows = sqlx::query!(
            "select id, handle, name, role, rev, picture from users u
             where suspended_at is null and ($1 = '%%' or handle ilike $1 or name ilike $1 or pinyin like lower($1))
                and (exists (select from users v where v.id = $4 and v.role <> 'guest')
                    or exists (
                        select from members own join members m on m.room_id = own.room_id
                        where own.user_id = $4 and own.active and m.user_id = u.id and m.active))
             order by (handle = lower($2)) desc, lower(name), id limit $3",
            like_pattern(query),
            query.trim().trim_start_matches('@'),
            limits::FOUND_MAX as i64,
            viewer.0
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| user_of(row.id, row.handle, row.name, &row.role, row.rev, row.picture))
            .collect())
    }

    /// The profiles of these people and groups; those that do not exist are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn people(&self, users: &[UserId]) -> Result<Vec<User>, Error> {
        let ids: Vec<Uuid> = users.iter().map(|user| user.0).collect();
        let rows =
            sqlx::query!("select id, handle, name, role, rev, picture from users where id = any($1)", &ids)
                .fetch_all(&self.pool())
                .await?;
        let person = rows
            .into_iter()
            .map(|row| user_of(row.id, row.handle, row.name, &row.role, row.rev, row.picture));
        let mut found: Vec<User> = person.collect();
        // Nearly always all of them are people.
        let others: Vec<Uuid> =
            ids.into_iter().filter(|id| !found.iter().any(|user| user.id.0 == *id)).collect();
        if !others.is_empty() {
            found.extend(self.find_groups(&others).await?);
        }
        Ok(found)
    }
}
