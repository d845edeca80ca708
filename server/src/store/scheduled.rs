//! Scheduled messages: items on their author's line.
//!
//! A message goes through states. It is *waiting* until a server begins *sending* it; from then on
//! it may be stored and can no longer be changed. Then it is *sent*, or has *failed* and waits for
//! its author. Or its author has *deleted* it before.
//!
//! Law: it has a [job](super::jobs) while it is waiting or sending, under the nonce with which it
//! is sent.

use protocol::{ErrorCode, Line, Millis, Nonce, RoomId, Scheduled, Seq, User, UserId, limits::SCHEDULED_MAX};
use uuid::Uuid;

use super::{
    Error, Store,
    jobs::{Job, JobKind, drop_job, finish, plan},
    lines::{ItemKind, take},
    saved::{check_time, lock_person},
    users::user_of,
};

/// The state of a scheduled message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Sending,
    Failed,
    Sent,
    Deleted,
}

impl State {
    fn parse(text: &str) -> Self {
        match text {
            "waiting" => Self::Waiting,
            "sending" => Self::Sending,
            "failed" => Self::Failed,
            "sent" => Self::Sent,
            _ => Self::Deleted,
        }
    }
}

/// A message that is due.
#[derive(Clone, Debug, PartialEq)]
pub struct DueMessage {
    /// Its author.
    pub author: User,
    /// Its room.
    pub room: RoomId,
    /// Its nonce.
    pub nonce: Nonce,
    /// Its text.
    pub body: String,
}

struct ScheduledRow {
    nonce: Uuid,
    room_id: Uuid,
    body: String,
    at: Millis,
    state: String,
    failed: Option<i16>,
    rev: i64,
}

impl ScheduledRow {
    fn state(&self) -> State {
        State::parse(&self.state)
    }
}

impl From<ScheduledRow> for Scheduled {
    fn from(row: ScheduledRow) -> Self {
        let failed = row.failed.and_then(|code| ErrorCode::try_from(u16::try_from(code).ok()?).ok());
        Self {
            on: !matches!(row.state(), State::Sent | State::Deleted),
            nonce: Nonce(row.nonce),
            room: RoomId(row.room_id),
            body: row.body,
            at: row.at,
            failed,
            rev: Seq(row.rev),
        }
    }
}

/// The single list of columns: `select_scheduled!("where …", arguments …)`.
macro_rules! select_scheduled {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            ScheduledRow,
            r#"select s.nonce, s.room_id, s.body, (extract(epoch from s.at) * 1000)::bigint as "at!", s.state, s.failed, s.rev
               from scheduled s "# + $rest
            $(, $argument)*
        )
    };
}

impl Store {
    /// Schedules a message. If there is already one with this nonce, leaves it unchanged. Returns
    /// its current state, and whether it is new.
    ///
    /// # Errors
    /// [`Error::NoSuchRoom`] for someone who is not in the room; [`ErrorCode::ScheduledFull`],
    /// [`ErrorCode::TimeInvalid`]; or when the database fails.
    pub async fn schedule(
        &self,
        by: UserId,
        (room, nonce): (RoomId, Nonce),
        body: &str,
        at: Millis,
    ) -> Result<(Scheduled, bool), Error> {
        let mut tx = self.pool().begin().await?;
        let now = lock_person(&mut tx, by).await?;
        if let Some(known) = find(&mut tx, by, nonce).await? {
            return Ok((known.into(), false));
        }
        check_time(at, now)?;
        let found = sqlx::query!(
            r#"select
                exists (select from members where room_id = $1 and user_id = $2 and active) as "member!",
                (select count(*) from scheduled where user_id = $2 and state in ('waiting', 'sending', 'failed')) as "open!""#,
            room.0,
            by.0
        )
        .fetch_one(&mut *tx)
        .await?;
        if !found.member {
            return Err(Error::NoSuchRoom);
        }
        if found.open >= SCHEDULED_MAX as i64 {
            return Err(Error::Refused(ErrorCode::ScheduledFull));
        }
        let rev = take_scheduled(&mut tx, by, nonce).await?;
        sqlx::query!(
            "insert into scheduled (user_id, nonce, room_id, body, at, rev)
             values ($1, $2, $3, $4, 'epoch'::timestamptz + $5::bigint * interval '1 millisecond', $6)",
            by.0,
            nonce.0,
            room.0,
            body,
            at,
            rev.0
        )
        .execute(&mut *tx)
        .await?;
        plan(&mut tx, (JobKind::Send, &job_key(by, nonce)), by, at).await?;
        tx.commit().await?;
        Ok((Scheduled { nonce, room, body: body.to_owned(), at, failed: None, on: true, rev }, true))
    }

    /// Changes the text and time of a scheduled message. Returns its current state, and whether it
    /// changed.
    ///
    /// # Errors
    /// [`ErrorCode::ScheduledUnknown`], [`ErrorCode::ScheduledSent`],
    /// [`ErrorCode::EditedMeanwhile`], [`ErrorCode::TimeInvalid`]; or when the database fails.
    pub async fn reschedule(
        &self,
        by: UserId,
        (nonce, seen): (Nonce, Seq),
        body: &str,
        at: Millis,
    ) -> Result<(Scheduled, bool), Error> {
        let mut tx = self.pool().begin().await?;
        let now = lock_person(&mut tx, by).await?;
        let row = find(&mut tx, by, nonce).await?.ok_or(Error::Refused(ErrorCode::ScheduledUnknown))?;
        match row.state() {
            State::Waiting if row.body == body && row.at == at => return Ok((row.into(), false)),
            State::Waiting | State::Failed if row.rev == seen.0 => {}
            State::Waiting | State::Failed => return Err(Error::Refused(ErrorCode::EditedMeanwhile)),
            State::Sending | State::Sent => return Err(Error::Refused(ErrorCode::ScheduledSent)),
            State::Deleted => return Err(Error::Refused(ErrorCode::ScheduledUnknown)),
        }
        check_time(at, now)?;
        let rev = take_scheduled(&mut tx, by, nonce).await?;
        sqlx::query!(
            "update scheduled set body = $3, at = 'epoch'::timestamptz + $4::bigint * interval '1 millisecond',
                state = 'waiting', failed = null, rev = $5
             where user_id = $1 and nonce = $2",
            by.0,
            nonce.0,
            body,
            at,
            rev.0
        )
        .execute(&mut *tx)
        .await?;
        plan(&mut tx, (JobKind::Send, &job_key(by, nonce)), by, at).await?;
        tx.commit().await?;
        let room = RoomId(row.room_id);
        Ok((Scheduled { nonce, room, body: body.to_owned(), at, failed: None, on: true, rev }, true))
    }

    /// Deletes a scheduled message. Returns its current state, and whether it changed.
    ///
    /// # Errors
    /// [`ErrorCode::ScheduledUnknown`], [`ErrorCode::ScheduledSent`]; or when the database fails.
    pub async fn unschedule(&self, by: UserId, nonce: Nonce) -> Result<(Scheduled, bool), Error> {
        let mut tx = self.pool().begin().await?;
        lock_person(&mut tx, by).await?;
        let row = find(&mut tx, by, nonce).await?.ok_or(Error::Refused(ErrorCode::ScheduledUnknown))?;
        match row.state() {
            State::Waiting | State::Failed => {}
            State::Sending | State::Sent => return Err(Error::Refused(ErrorCode::ScheduledSent)),
            State::Deleted => return Ok((row.into(), false)),
        }
        let gone = end(&mut tx, by, row, State::Deleted, None).await?;
        drop_job(&mut tx, (JobKind::Send, &job_key(by, nonce))).await?;
        tx.commit().await?;
        Ok((gone, true))
    }

    /// A person's unsent scheduled messages, the next one first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_scheduled(&self, user: UserId) -> Result<Vec<Scheduled>, Error> {
        let rows = select_scheduled!(
            "where s.user_id = $1 and s.state in ('waiting', 'sending', 'failed') order by s.at, s.nonce limit $2",
            user.0,
            SCHEDULED_MAX as i64
        );
        Ok(rows.fetch_all(&self.pool()).await?.into_iter().map(Scheduled::from).collect())
    }

    /// Begins sending a message, which can then no longer be changed. `None` if there is nothing to
    /// send: it was moved, deleted or sent, or has failed, meanwhile.
    ///
    /// # Errors
    /// [`ErrorCode::AccountSuspended`]; or when the database fails.
    pub async fn begin_sending(&self, user: UserId, nonce: Nonce) -> Result<Option<DueMessage>, Error> {
        let mut tx = self.pool().begin().await?;
        let now = lock_person(&mut tx, user).await?;
        let Some(row) = find(&mut tx, user, nonce).await? else { return Ok(None) };
        // A message that failed because of an internal error is retried when an administrator says
        // so.
        let is_ours = row.failed == Some(ErrorCode::Internal as i16);
        match row.state() {
            State::Waiting if row.at <= now => {}
            State::Sending => {}
            State::Failed if is_ours => {}
            State::Waiting | State::Failed | State::Sent | State::Deleted => return Ok(None),
        }
        sqlx::query!(
            "update scheduled set state = 'sending', failed = null where user_id = $1 and nonce = $2",
            user.0,
            nonce.0
        )
        .execute(&mut *tx)
        .await?;
        let author = sqlx::query!(
            r#"select id, handle, name, role, rev, picture, suspended_at is not null as "suspended!" from users where id = $1"#,
            user.0
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        if author.suspended {
            return Err(Error::Refused(ErrorCode::AccountSuspended));
        }
        Ok(Some(DueMessage {
            author: user_of(author.id, author.handle, author.name, &author.role, author.rev, author.picture),
            room: RoomId(row.room_id),
            nonce,
            body: row.body,
        }))
    }

    /// Records that a message was sent, or refused for this reason; without a job, it is given up.
    /// Returns its current state, unless another server has already recorded it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_sending(
        &self,
        user: UserId,
        nonce: Nonce,
        refused: Option<ErrorCode>,
        job: Option<&Job>,
    ) -> Result<Option<Scheduled>, Error> {
        let mut tx = self.pool().begin().await?;
        let now = lock_person(&mut tx, user).await?;
        // A message that is given up may not even have begun sending.
        let is_overdue = |row: &ScheduledRow| job.is_none() && row.state() == State::Waiting && row.at <= now;
        let row = find(&mut tx, user, nonce).await?;
        let row = row.filter(|row| row.state() == State::Sending || is_overdue(row));
        let ended = match row {
            Some(row) => {
                let state = if refused.is_some() { State::Failed } else { State::Sent };
                Some(end(&mut tx, user, row, state, refused).await?)
            }
            None => None,
        };
        if let Some(job) = job {
            finish(&mut tx, job).await?;
        }
        tx.commit().await?;
        Ok(ended)
    }

    /// These messages of a person, including those that are gone.
    pub(super) async fn scheduled_of(&self, user: UserId, nonces: &[Uuid]) -> Result<Vec<Scheduled>, Error> {
        let rows = select_scheduled!("where s.user_id = $1 and s.nonce = any($2)", user.0, nonces);
        Ok(rows.fetch_all(&self.pool()).await?.into_iter().map(Scheduled::from).collect())
    }
}

fn job_key(user: UserId, nonce: Nonce) -> String {
    format!("{user}/{nonce}")
}

async fn take_scheduled(tx: &mut sqlx::PgTransaction<'_>, user: UserId, nonce: Nonce) -> Result<Seq, Error> {
    take(tx, Line::Person(user), ItemKind::Scheduled, &nonce.to_string()).await
}

async fn find(
    tx: &mut sqlx::PgTransaction<'_>,
    user: UserId,
    nonce: Nonce,
) -> Result<Option<ScheduledRow>, Error> {
    let row = select_scheduled!("where s.user_id = $1 and s.nonce = $2", user.0, nonce.0);
    Ok(row.fetch_optional(&mut **tx).await?)
}

/// Puts a message into a final state. Only a failed one keeps its text.
async fn end(
    tx: &mut sqlx::PgTransaction<'_>,
    user: UserId,
    row: ScheduledRow,
    state: State,
    refused: Option<ErrorCode>,
) -> Result<Scheduled, Error> {
    let nonce = Nonce(row.nonce);
    let rev = take_scheduled(tx, user, nonce).await?;
    let (state, body) = match state {
        State::Failed => ("failed", row.body),
        State::Sent => ("sent", String::new()),
        State::Deleted | State::Waiting | State::Sending => ("deleted", String::new()),
    };
    let failed = refused.and_then(|code| i16::try_from(u16::from(code)).ok());
    sqlx::query!(
        "update scheduled set state = $3, body = $4, failed = $5, rev = $6 where user_id = $1 and nonce = $2",
        user.0,
        nonce.0,
        state,
        body,
        failed,
        rev.0
    )
    .execute(&mut **tx)
    .await?;
    let (room, at, on) = (RoomId(row.room_id), row.at, state == "failed");
    Ok(Scheduled { nonce, room, body, at, failed: refused, on, rev })
}
