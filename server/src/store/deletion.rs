//! Deleted rooms: gone for everyone at once, then erased in the background.
//!
//! The deleting transaction removes everyone and clears the room's properties. Its messages are
//! then unreachable, because reading requires a membership. There may be millions of them, so they
//! are erased in steps ([`Store::erase_deleted`]), by any server. If it dies in between, another
//! one continues. The database erases the earlier texts of edited messages with them
//! (`migrations/0017_versions.sql`).
//!
//! The row of the room and its line with its head stay: a number is never reused. Memberships stay
//! too, so that a repeated deletion gets the same answer.

use protocol::{Line, Room, RoomId, Seq, UserId};
use uuid::Uuid;

use super::{
    Error, Store,
    lines::{ItemKind, take, take_each},
    rooms::{Locked, lock_room},
};

/// A deleted room, and who was in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Deleted {
    /// Its current state.
    pub room: Room,
    /// The people who were in it, with the numbers of this change on their own lines.
    pub left: Vec<(UserId, Seq)>,
}

impl Store {
    /// Deletes a room, if `allowed` agrees under the lock: everyone is removed, and its title and
    /// topic are empty. `None` if it was already deleted and `by` has a membership, ended or not.
    ///
    /// # Errors
    /// Those of `allowed`; [`Error::NoSuchRoom`]; or when the database fails.
    pub async fn delete_room<E: From<Error>>(
        &self,
        by: UserId,
        room: RoomId,
        allowed: impl FnOnce(&Locked) -> Result<(), E>,
    ) -> Result<Option<Deleted>, E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let locked = match lock_room(&mut tx, room, by).await {
            Err(Error::NoSuchRoom) if was_deleted_with(&mut tx, room, by).await? => return Ok(None),
            locked => locked?,
        };
        allowed(&locked)?;
        let rev = take(&mut tx, Line::Room(room), ItemKind::Room, "").await?;
        let left = empty(&mut tx, room, rev).await?;
        tx.commit().await.map_err(Error::from)?;
        let room = Room {
            title: String::new(),
            pinyin: String::new(),
            topic: String::new(),
            policy: protocol::Policy::default(),
            archived: false,
            deleted: true,
            rev,
            ..locked.room
        };
        Ok(Some(Deleted { room, left }))
    }

    /// Erases one step of what is left of a deleted room: at most `rows` messages, or, when there are none left, as many items,
    /// or, in the end, its pins, mentions and threads. Says whether there may be more to do.
    ///
    /// # Errors
    /// When the database fails. The next call may pick another room, so one that cannot be erased
    /// does not block the others.
    pub async fn erase_deleted(&self, rows: i64) -> Result<bool, Error> {
        let mut tx = self.pool().begin().await?;
        // Skips rooms that another server is erasing, because it has locked them.
        let room = sqlx::query_scalar!(
            "select id from rooms where deleted_at is not null and erased_at is null
             order by random() limit 1 for update skip locked"
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(room) = room else { return Ok(false) };
        // Skips what has been erased: until the next vacuum its index entries are still there.
        let messages = sqlx::query!(
            "with gone as (
                delete from messages where room_id = $1 and seq in (
                    select m.seq from messages m, rooms r
                    where r.id = $1 and m.room_id = $1 and m.seq > r.erased_seq order by m.seq limit $2)
                returning seq, thread_root, thread_nth
             ), places as (
                delete from thread_replies p using gone
                where p.room_id = $1 and p.root = gone.thread_root and p.nth = gone.thread_nth
             )
             update rooms set erased_seq = (select max(seq) from gone) where id = $1 and exists (select from gone)",
            room,
            rows
        )
        .execute(&mut *tx)
        .await?;
        if messages.rows_affected() == 0 && !erase_items(&mut tx, room, rows).await? {
            sqlx::query!("delete from pins where room_id = $1", room).execute(&mut *tx).await?;
            sqlx::query!("delete from mentions where room_id = $1", room).execute(&mut *tx).await?;
            sqlx::query!("delete from threads where room_id = $1", room).execute(&mut *tx).await?;
            sqlx::query!("update rooms set erased_at = now() where id = $1", room).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

async fn was_deleted_with(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    user: UserId,
) -> Result<bool, Error> {
    let was = sqlx::query_scalar!(
        r#"select exists (
            select from rooms r join members m on m.room_id = r.id
            where r.id = $1 and r.deleted_at is not null and m.user_id = $2) as "was!""#,
        room.0,
        user.0
    );
    Ok(was.fetch_one(&mut **tx).await?)
}

/// Clears a room's properties and removes everyone: up to 10,000 people, so without a loop. Returns
/// the numbers on their own lines, which are locked before the memberships: the law in `lines.rs`.
async fn empty(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    rev: Seq,
) -> Result<Vec<(UserId, Seq)>, Error> {
    sqlx::query!(
        "update rooms set title = '', pinyin = '', title_key = null, topic = '', post_role = 'member', invite_role = 'member',
            pin_role = 'member', mention_role = 'member', archived_at = null, deleted_at = now(), member_count = 0,
            rev_seq = $2
         where id = $1",
        room.0,
        rev.0
    )
    .execute(&mut **tx)
    .await?;
    let left = sqlx::query_scalar!("select user_id from members where room_id = $1 and active", room.0)
        .fetch_all(&mut **tx)
        .await?;
    let left = take_each(tx, &left, ItemKind::Membership, &room.to_string()).await?;
    sqlx::query!(
        "update members m set active = false
         from (select user_id from members where room_id = $1 and active order by user_id for no key update) k
         where m.room_id = $1 and m.user_id = k.user_id",
        room.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(left.into_iter().map(|(id, seq)| (UserId(id), seq)).collect())
}

/// Items are erased too, because the keys of reactions contain the emoji. Returns whether there
/// were any.
async fn erase_items(tx: &mut sqlx::PgTransaction<'_>, room: Uuid, rows: i64) -> Result<bool, Error> {
    let items = sqlx::query!(
        "with gone as (
            delete from items where line_id = $1 and rev in (
                select i.rev from items i, rooms r
                where r.id = $1 and i.line_id = $1 and i.rev > r.erased_rev and i.kind <> $3
                order by i.rev limit $2)
            returning rev)
         update rooms set erased_rev = (select max(rev) from gone) where id = $1 and exists (select from gone)",
        room,
        rows,
        ItemKind::Room.as_str()
    )
    .execute(&mut **tx)
    .await?;
    Ok(items.rows_affected() > 0)
}
