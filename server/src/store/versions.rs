//! The earlier texts of edited messages.
//!
//! An edit keeps the text that it replaces, in its own transaction. The database itself erases them when
//! the message is deleted or erased: see `migrations/0017_versions.sql`.

use protocol::{Message, Millis, RoomId, Seq, Version, limits};

use super::{Error, Store};

/// Earlier texts that are kept besides the first one. The current text is in the message's row.
const NEWEST_KEPT: u32 = limits::VERSIONS_MAX as u32 - 2;

struct VersionRow {
    edits: i32,
    body: String,
    at: Option<Millis>,
    deleted: bool,
}

impl From<VersionRow> for Version {
    fn from(row: VersionRow) -> Self {
        Self { edits: u32::try_from(row.edits).unwrap_or_default(), body: row.body, at: row.at }
    }
}

impl Store {
    /// The texts that a message has had, oldest first, and the current one. `None` if there is no such
    /// message; empty if it is deleted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn versions(&self, room: RoomId, seq: Seq) -> Result<Option<Vec<Version>>, Error> {
        // One statement, so that no edit comes in between.
        let rows = sqlx::query_as!(
            VersionRow,
            r#"select v.edits as "edits!", v.body as "body!", (extract(epoch from v.written_at) * 1000)::bigint as "at?",
                false as "deleted!"
             from versions v where v.room_id = $1 and v.seq = $2
             union all
             select m.edits, m.body, (extract(epoch from
                    case when m.edits = 0 then m.sent_at else (
                        select v.replaced_at from versions v
                        where v.room_id = $1 and v.seq = $2 and v.edits = m.edits - 1) end) * 1000)::bigint,
                m.deleted_at is not null
             from messages m where m.room_id = $1 and m.seq = $2
             order by 1"#,
            room.0,
            seq.0
        )
        .fetch_all(&self.pool())
        .await?;
        let Some(current) = rows.last() else { return Ok(None) };
        Ok(Some(match current.deleted {
            true => Vec::new(),
            false => rows.into_iter().map(Version::from).collect(),
        }))
    }
}

/// Keeps the text that an edit is about to replace, under the room's lock.
pub(super) async fn keep(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    before: &Message,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into versions (room_id, seq, edits, body, written_at)
         select m.room_id, m.seq, m.edits, m.body, case when m.edits = 0 then m.sent_at else (
            select v.replaced_at from versions v
            where v.room_id = $1 and v.seq = $2 and v.edits = m.edits - 1) end
         from messages m where m.room_id = $1 and m.seq = $2",
        room.0,
        before.seq.0
    )
    .execute(&mut **tx)
    .await?;
    let Some(until) = before.edits.checked_sub(NEWEST_KEPT) else { return Ok(()) };
    sqlx::query!(
        "delete from versions where room_id = $1 and seq = $2 and edits <= $3 and edits > (
            select min(edits) from versions where room_id = $1 and seq = $2)",
        room.0,
        before.seq.0,
        i32::try_from(until).unwrap_or(i32::MAX)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
