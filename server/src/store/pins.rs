//! Pinned messages.

use protocol::{Line, Message, Millis, Pin, RoomId, Seq, UserId, limits};
use sqlx::types::Json;

use super::{
    Error, Store,
    lines::{ItemKind, take},
    messages::{lock_message, select_messages},
    rooms::Locked,
};

struct PinRow {
    seq: i64,
    by_id: uuid::Uuid,
    at: Millis,
    pinned: bool,
    rev: i64,
}

impl From<PinRow> for Pin {
    fn from(row: PinRow) -> Self {
        Self { message: Seq(row.seq), by: UserId(row.by_id), at: row.at, on: row.pinned, rev: Seq(row.rev) }
    }
}

impl Store {
    /// Pins or unpins a message, if `allowed` agrees under the lock. Returns the current pin and
    /// whether it changed; `None` if there was no pin to remove.
    ///
    /// # Errors
    /// Those of `allowed`; [`Error::NoSuchRoom`] for someone who is not in the room,
    /// [`Error::NoSuchMessage`], [`Error::PinsFull`]; or when the database fails.
    pub async fn pin<E: From<Error>>(
        &self,
        by: UserId,
        (room, seq): (RoomId, Seq),
        on: bool,
        allowed: impl FnOnce(&Locked, &Message) -> Result<(), E>,
    ) -> Result<Option<(Pin, bool)>, E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let (locked, message) = lock_message(&mut tx, by, room, seq).await?;
        allowed(&locked, &message)?;
        let known = self.pins_of(&mut tx, room, &[seq.0]).await?.pop();
        match &known {
            Some(known) if known.on == on => return Ok(Some((known.clone(), false))),
            None if !on => return Ok(None),
            Some(_) | None => {}
        }
        if on && count_pins(&mut tx, room).await? >= limits::PINS_MAX as i64 {
            return Err(Error::PinsFull.into());
        }
        let rev = take(&mut tx, Line::Room(room), ItemKind::Pin, &seq.to_string()).await?;
        let pin = sqlx::query_as!(
            PinRow,
            r#"insert into pins (room_id, seq, by_id, pinned, rev) values ($1, $2, $3, $4, $5)
             on conflict (room_id, seq) do update
             set by_id = excluded.by_id, at = now(), pinned = excluded.pinned, rev = excluded.rev
             returning seq, by_id, (extract(epoch from at) * 1000)::bigint as "at!", pinned, rev"#,
            room.0,
            seq.0,
            by.0,
            on,
            rev.0
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(Error::from)?;
        tx.commit().await.map_err(Error::from)?;
        Ok(Some((pin.into(), true)))
    }

    /// The pins of a room, the last pinned first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_pins(&self, room: RoomId) -> Result<Vec<Pin>, Error> {
        let rows = sqlx::query_as!(
            PinRow,
            r#"select seq, by_id, (extract(epoch from at) * 1000)::bigint as "at!", pinned, rev
             from pins p where room_id = $1 and pinned and not exists (
                select from messages m where m.room_id = p.room_id and m.seq = p.seq and m.deleted_at is not null)
             order by rev desc limit $2"#,
            room.0,
            limits::PINS_MAX as i64
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows.into_iter().map(Pin::from).collect())
    }

    /// The pinned messages of a room, the last pinned first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_pinned(&self, room: RoomId) -> Result<Vec<Message>, Error> {
        let rows = select_messages!(
            "join pins p on p.room_id = m.room_id and p.seq = m.seq and p.pinned where m.room_id = $1 and m.deleted_at is null order by p.rev desc limit $2",
            room.0,
            limits::PINS_MAX as i64
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows.into_iter().map(Message::from).collect())
    }

    /// The pins of these messages, including removed ones.
    pub(super) async fn pins_of(
        &self,
        connection: &mut sqlx::PgConnection,
        room: RoomId,
        seqs: &[i64],
    ) -> Result<Vec<Pin>, Error> {
        let rows = sqlx::query_as!(
            PinRow,
            r#"select seq, by_id, (extract(epoch from at) * 1000)::bigint as "at!", pinned, rev
             from pins where room_id = $1 and seq = any($2)"#,
            room.0,
            seqs
        )
        .fetch_all(connection)
        .await?;
        Ok(rows.into_iter().map(Pin::from).collect())
    }
}

async fn count_pins(tx: &mut sqlx::PgTransaction<'_>, room: RoomId) -> Result<i64, Error> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from pins p where room_id = $1 and pinned and not exists (
            select from messages m where m.room_id = p.room_id and m.seq = p.seq and m.deleted_at is not null)"#,
        room.0
    );
    Ok(count.fetch_one(&mut **tx).await?)
}
