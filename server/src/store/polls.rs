//! Polls: votes, and who voted.
//!
//! A poll is a part of its message's row: see `migrations/0019_polls.sql`. A vote changes two things in one transaction: the poll, on
//! the room's line, and the person's vote, on their own line.
//!
//! Law: under the room's lock, the counts of a poll are those of its votes.

use protocol::{Line, Message, Poll, RoomId, Seq, UserId, Vote, limits::VOTERS_PAGE};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    Error, Store,
    lines::{ItemKind, take},
    messages::lock_message,
    rooms::Locked,
};

struct VoteRow {
    room_id: Uuid,
    seq: i64,
    choices: Vec<i16>,
    rev: i64,
}

impl From<VoteRow> for Vote {
    fn from(row: VoteRow) -> Self {
        let choices = row.choices.into_iter().filter_map(|choice| u8::try_from(choice).ok()).collect();
        Self { room: RoomId(row.room_id), message: Seq(row.seq), choices, rev: Seq(row.rev) }
    }
}

impl Store {
    /// Replaces someone's choices, which are in order and without duplicates, if `allowed` agrees under the lock. Returns the poll
    /// as it is now, with their vote, and whether it changed.
    ///
    /// # Errors
    /// Those of `allowed`; [`Error::NoSuchRoom`] for someone who is not in the room, [`Error::NoSuchMessage`], also for a message
    /// without a poll; or when the database fails.
    pub async fn vote<E: From<Error>>(
        &self,
        by: UserId,
        (room, seq): (RoomId, Seq),
        choices: &[u8],
        allowed: impl FnOnce(&Locked, &Message) -> Result<(), E>,
    ) -> Result<(Poll, bool), E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let (locked, message) = lock_message(&mut tx, by, room, seq).await?;
        let known = votes_of(&mut tx, by, &[(room.0, seq.0)]).await?.pop();
        let before = known.as_ref().map(|vote| vote.choices.clone()).unwrap_or_default();
        if let Some(poll) = message.poll.clone().filter(|_| before == choices) {
            // A repeat gets its answer, even if the poll has been closed since.
            return Ok((Poll { vote: known, ..poll }, false));
        }
        allowed(&locked, &message)?;
        let mut poll = message.poll.ok_or(Error::NoSuchMessage)?;
        poll.recount(&before, choices);
        poll.rev = take(&mut tx, Line::Room(room), ItemKind::Poll, &seq.to_string()).await?;
        write_poll(&mut tx, (room, seq), &poll).await?;
        let rev = take(&mut tx, Line::Person(by), ItemKind::Vote, &format!("{room}/{seq}")).await?;
        sqlx::query!(
            "insert into votes (room_id, seq, user_id, choices, rev) values ($1, $2, $3, $4, $5)
             on conflict (room_id, seq, user_id) do update set choices = excluded.choices, rev = excluded.rev",
            room.0,
            seq.0,
            by.0,
            &choices.iter().map(|choice| i16::from(*choice)).collect::<Vec<_>>(),
            rev.0
        )
        .execute(&mut *tx)
        .await
        .map_err(Error::from)?;
        tx.commit().await.map_err(Error::from)?;
        let vote = Some(Vote { room, message: seq, choices: choices.to_vec(), rev });
        Ok((Poll { vote, ..poll }, true))
    }

    /// Closes a poll, if `allowed` agrees under the lock. Returns it as it is now, and whether it was open.
    ///
    /// # Errors
    /// As for [`Store::vote`].
    pub async fn close_poll<E: From<Error>>(
        &self,
        by: UserId,
        (room, seq): (RoomId, Seq),
        allowed: impl FnOnce(&Locked, &Message) -> Result<(), E>,
    ) -> Result<(Poll, bool), E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let (locked, message) = lock_message(&mut tx, by, room, seq).await?;
        allowed(&locked, &message)?;
        let mut poll = message.poll.ok_or(Error::NoSuchMessage)?;
        if poll.closed {
            return Ok((poll, false));
        }
        poll.closed = true;
        poll.rev = take(&mut tx, Line::Room(room), ItemKind::Poll, &seq.to_string()).await?;
        write_poll(&mut tx, (room, seq), &poll).await?;
        tx.commit().await.map_err(Error::from)?;
        Ok((poll, true))
    }

    /// Who chose an option: those after a person, in the order of their ids, at most [`VOTERS_PAGE`]. The caller knows that the poll
    /// is not anonymous.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn voters(
        &self,
        (room, seq): (RoomId, Seq),
        option: u8,
        after: Option<UserId>,
    ) -> Result<Vec<UserId>, Error> {
        let users = sqlx::query_scalar!(
            "select user_id from votes
             where room_id = $1 and seq = $2 and user_id > $4 and $3 = any(choices) order by user_id limit $5",
            room.0,
            seq.0,
            i16::from(option),
            after.map_or(Uuid::nil(), |after| after.0),
            VOTERS_PAGE as i64
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(users.into_iter().map(UserId).collect())
    }

    /// Someone's votes in these polls of a room, as far as they ever voted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn votes(&self, user: UserId, room: RoomId, seqs: &[Seq]) -> Result<Vec<Vote>, Error> {
        let keys: Vec<(Uuid, i64)> = seqs.iter().map(|seq| (room.0, seq.0)).collect();
        let mut connection = self.pool().acquire().await?;
        votes_of(&mut connection, user, &keys).await
    }
}

/// Someone's votes in these polls, including those that were taken back.
pub(super) async fn votes_of(
    connection: &mut sqlx::PgConnection,
    user: UserId,
    keys: &[(Uuid, i64)],
) -> Result<Vec<Vote>, Error> {
    let (rooms, seqs): (Vec<Uuid>, Vec<i64>) = keys.iter().copied().unzip();
    let rows = sqlx::query_as!(
        VoteRow,
        "select v.room_id, v.seq, v.choices, v.rev from unnest($2::uuid[], $3::bigint[]) as k (room, seq)
         join votes v on v.room_id = k.room and v.seq = k.seq and v.user_id = $1",
        user.0,
        &rooms,
        &seqs
    );
    Ok(rows.fetch_all(connection).await?.into_iter().map(Vote::from).collect())
}

async fn write_poll(
    tx: &mut sqlx::PgTransaction<'_>,
    (room, seq): (RoomId, Seq),
    poll: &Poll,
) -> Result<(), Error> {
    sqlx::query!(
        "update messages set poll = $3 where room_id = $1 and seq = $2",
        room.0,
        seq.0,
        Json(poll) as _
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
