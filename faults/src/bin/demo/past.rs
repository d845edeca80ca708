//! Moves what was just written into the past, so that the workspace looks lived in.
//!
//! Times are for display only: nothing on a line is ordered by them, so they can be written directly into
//! the tables. Data from before this run stays unchanged.

use faults::cluster::Fallible;
use protocol::{Millis, RoomId, Seq};
use sqlx::PgPool;

use crate::workspace::ScriptedMessage;

/// How long people are in a room before the first message.
const BEFORE: Millis = 30 * 60_000;

/// The time of Postgres, which all servers share.
///
/// # Errors
/// When the database fails.
pub(crate) async fn now(pool: &PgPool) -> Fallible<Millis> {
    let now = sqlx::query_scalar("select (extract(epoch from clock_timestamp()) * 1000)::bigint");
    Ok(now.fetch_one(pool).await?)
}

/// The times of a room's lines, if the last one was written at `end`.
pub(crate) fn times(lines: &[ScriptedMessage<'_>], end: Millis) -> Vec<Millis> {
    let mut at = end;
    let mut times: Vec<Millis> = Vec::with_capacity(lines.len());
    for (number, line) in lines.iter().enumerate().rev() {
        times.push(at);
        // A minute, and more for longer texts; slightly irregular, as with people.
        let usual = 1 + (number % 3) as i64 + (line.text.chars().count() / 90) as i64;
        let seconds = (number * 37 % 53) as i64;
        at -= line.pause.unwrap_or(usual) * 60_000 + seconds * 1_000;
    }
    times.reverse();
    times
}

/// Writes the times of these messages, and of the room accordingly.
///
/// # Errors
/// When the database fails.
pub(crate) async fn set(pool: &PgPool, room: RoomId, began: Millis, times: &[(Seq, Millis)]) -> Fallible<()> {
    let (seqs, at): (Vec<i64>, Vec<Millis>) = times.iter().map(|(seq, at)| (seq.0, *at)).unzip();
    let mut tx = pool.begin().await?;
    sqlx::query(
        "update messages m set sent_at = to_timestamp(k.at / 1000.0)
         from unnest($2::bigint[], $3::bigint[]) as k (seq, at) where m.room_id = $1 and m.seq = k.seq",
    )
    .bind(room.0)
    .bind(&seqs)
    .bind(&at)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "update pins p set at = m.sent_at + interval '3 minutes'
         from messages m where m.room_id = p.room_id and m.seq = p.seq and p.room_id = $1 and m.seq = any($2)",
    )
    .bind(room.0)
    .bind(&seqs)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "update threads t set last_at = m.sent_at from messages m
         where m.room_id = t.room_id and m.seq = t.last_seq and t.room_id = $1 and m.seq = any($2)",
    )
    .bind(room.0)
    .bind(&seqs)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "update lines set active_at = k.last from (select max(sent_at) as last from messages where room_id = $1) k
         where id = $1 and k.last is not null",
    )
    .bind(room.0)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "update members set joined_at = to_timestamp($3 / 1000.0)
         where room_id = $1 and joined_at >= to_timestamp($2 / 1000.0)",
    )
    .bind(room.0)
    .bind(began)
    .bind(at.iter().min().copied().unwrap_or(began) - BEFORE)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}
