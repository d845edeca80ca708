//! Rooms that people marked unread: items on the person's line, kept with the membership.
//!
//! Law: nothing here changes a mark that others see. Leaving a room removes the person's own mark there.

use protocol::{ErrorCode, Line, RoomId, Seq, Unread, UserId};
use uuid::Uuid;

use super::{
    Error, Store,
    lines::{ItemKind, take},
    saved::lock_person,
};

impl Store {
    /// From this message on, the room counts as unread for a person. Returns the state, and whether it changed.
    ///
    /// # Errors
    /// [`Error::NoSuchRoom`], [`Error::NoSuchMessage`], [`ErrorCode::MessageDeleted`]; or when the database fails.
    pub async fn mark_unread(&self, by: UserId, room: RoomId, seq: Seq) -> Result<(Unread, bool), Error> {
        let mut tx = self.pool().begin().await?;
        lock_person(&mut tx, by).await?;
        let found = sqlx::query!(
            r#"select m.unread_after, m.unread_rev, x.ordinal as "ordinal?", x.deleted_at is not null as "deleted!"
             from members m left join messages x on x.room_id = m.room_id and x.seq = $3
             where m.room_id = $1 and m.user_id = $2 and m.active"#,
            room.0,
            by.0,
            seq.0
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NoSuchRoom)?;
        let ordinal = found.ordinal.ok_or(Error::NoSuchMessage)?;
        let after = Seq(seq.0 - 1);
        if found.unread_after == Some(after.0) {
            return Ok((Unread { room, after: Some(after), rev: Seq(found.unread_rev) }, false));
        }
        if found.deleted {
            return Err(Error::Refused(ErrorCode::MessageDeleted));
        }
        let unread = write(&mut tx, by, room, Some((after, ordinal - 1))).await?;
        tx.commit().await?;
        Ok((unread, true))
    }

    /// The person has read on in a room that they marked unread with change number `rev`. A later mark stays. Returns the state, and
    /// whether it changed; `None` if they never marked it.
    ///
    /// # Errors
    /// [`Error::NoSuchRoom`]; or when the database fails.
    pub async fn read_on(&self, by: UserId, room: RoomId, rev: Seq) -> Result<Option<(Unread, bool)>, Error> {
        let mut tx = self.pool().begin().await?;
        lock_person(&mut tx, by).await?;
        let found = sqlx::query!(
            "select unread_after, unread_rev from members where room_id = $1 and user_id = $2 and active",
            room.0,
            by.0
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NoSuchRoom)?;
        if found.unread_rev == 0 {
            return Ok(None);
        }
        if found.unread_after.is_none() || found.unread_rev > rev.0 {
            let after = found.unread_after.map(Seq);
            return Ok(Some((Unread { room, after, rev: Seq(found.unread_rev) }, false)));
        }
        let unread = write(&mut tx, by, room, None).await?;
        tx.commit().await?;
        Ok(Some((unread, true)))
    }

    /// What a person has marked in these rooms, including what they have read since.
    pub(super) async fn unread_of(&self, user: UserId, rooms: &[Uuid]) -> Result<Vec<Unread>, Error> {
        let rows = sqlx::query!(
            "select room_id, unread_after, unread_rev from members where user_id = $1 and room_id = any($2)",
            user.0,
            rooms
        )
        .fetch_all(&self.pool())
        .await?;
        let unread = rows.into_iter().map(|row| Unread {
            room: RoomId(row.room_id),
            after: row.unread_after.map(Seq),
            rev: Seq(row.unread_rev),
        });
        Ok(unread.collect())
    }
}

/// Writes the number after which a room counts as unread, with the ordinal there.
async fn write(
    tx: &mut sqlx::PgTransaction<'_>,
    by: UserId,
    room: RoomId,
    after: Option<(Seq, i64)>,
) -> Result<Unread, Error> {
    let rev = take(tx, Line::Person(by), ItemKind::Unread, &room.to_string()).await?;
    let written = sqlx::query!(
        "update members set unread_after = $3, unread_ordinal = $4, unread_rev = $5
         where room_id = $1 and user_id = $2 and active",
        room.0,
        by.0,
        after.map(|(after, _)| after.0),
        after.map(|(_, ordinal)| ordinal),
        rev.0
    )
    .execute(&mut **tx)
    .await?;
    if written.rows_affected() == 0 {
        return Err(Error::NoSuchRoom);
    }
    Ok(Unread { room, after: after.map(|(after, _)| after), rev })
}
