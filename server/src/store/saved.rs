//! Saved messages and their reminders: items on the person's line.
//!
//! Law: whoever saves a message is in its room at that moment. Whether they may read it later is
//! checked each time. A reminder has a [job](super::jobs) exactly while it is set and not yet due.

use protocol::{
    ErrorCode, Line, Millis, RoomId, Saved, Seq, UserId,
    limits::{AHEAD_MS_MAX, PASSED_MS_MAX, SAVED_MAX},
};
use uuid::Uuid;

use super::{
    Error, Store,
    jobs::{Job, JobKind, drop_job, finish, plan},
    lines::{ItemKind, take},
};

/// What to do with a saved message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Save it.
    Save,
    /// Unsave it.
    Drop,
    /// Set its reminder.
    Remind(Millis),
    /// Remove its reminder.
    ForgetReminder,
}

struct SavedRow {
    room_id: Uuid,
    seq: i64,
    at: Millis,
    remind_at: Option<Millis>,
    due: bool,
    saved: bool,
    rev: i64,
}

impl From<SavedRow> for Saved {
    fn from(row: SavedRow) -> Self {
        Self {
            room: RoomId(row.room_id),
            message: Seq(row.seq),
            at: row.at,
            remind_at: row.remind_at,
            due: row.due,
            on: row.saved,
            rev: Seq(row.rev),
        }
    }
}

/// The single list of columns: `select_saved!("where …", arguments …)`.
macro_rules! select_saved {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            SavedRow,
            r#"select s.room_id, s.seq, (extract(epoch from s.at) * 1000)::bigint as "at!",
                (extract(epoch from s.remind_at) * 1000)::bigint as remind_at, s.due, s.saved, s.rev
               from saved s "# + $rest
            $(, $argument)*
        )
    };
}

/// Locks a person's line. Returns the database's time.
pub(super) async fn lock_person(tx: &mut sqlx::PgTransaction<'_>, user: UserId) -> Result<Millis, Error> {
    let now = sqlx::query_scalar!(
        r#"select (extract(epoch from clock_timestamp()) * 1000)::bigint as "now!"
         from lines where id = $1 and kind = 'person' for no key update"#,
        user.0
    );
    now.fetch_optional(&mut **tx).await?.ok_or(Error::NoSuchUser)
}

/// Checks whether something may be planned for this time.
pub(super) fn check_time(at: Millis, now: Millis) -> Result<(), Error> {
    if (now - PASSED_MS_MAX..=now + AHEAD_MS_MAX).contains(&at) {
        Ok(())
    } else {
        Err(Error::Refused(ErrorCode::TimeInvalid))
    }
}

impl Store {
    /// Saves or unsaves a message, or changes its reminder. Returns its current state and whether
    /// it changed; `None` if it was never saved and still is not.
    ///
    /// # Errors
    /// [`Error::NoSuchRoom`], [`Error::NoSuchMessage`]; [`ErrorCode::MessageDeleted`],
    /// [`ErrorCode::SavedFull`], [`ErrorCode::TimeInvalid`]; or when the database fails.
    pub async fn keep_message(
        &self,
        by: UserId,
        (room, seq): (RoomId, Seq),
        keep: Keep,
    ) -> Result<Option<(Saved, bool)>, Error> {
        let mut tx = self.pool().begin().await?;
        let now = lock_person(&mut tx, by).await?;
        let known =
            select_saved!("where s.user_id = $1 and s.room_id = $2 and s.seq = $3", by.0, room.0, seq.0)
                .fetch_optional(&mut *tx)
                .await?
                .map(Saved::from);
        let wanted = match (&known, keep) {
            (None, Keep::Drop | Keep::ForgetReminder) => return Ok(None),
            (Some(known), _) if is_so(known, keep) => return Ok(Some((known.clone(), false))),
            (_, Keep::Drop) => (false, None),
            (_, Keep::Save | Keep::ForgetReminder) => (true, None),
            (_, Keep::Remind(at)) => {
                check_time(at, now)?;
                (true, Some(at))
            }
        };
        if wanted.0 && known.is_none_or(|known| !known.on) {
            check_new(&mut tx, by, (room, seq)).await?;
        }
        let key = format!("{room}/{seq}");
        let rev = take(&mut tx, Line::Person(by), ItemKind::Saved, &key).await?;
        let saved = write(&mut tx, by, (room, seq), wanted, rev).await?;
        let job = format!("{by}/{key}");
        match wanted.1 {
            Some(at) => plan(&mut tx, (JobKind::Remind, &job), by, at).await?,
            None => drop_job(&mut tx, (JobKind::Remind, &job)).await?,
        }
        tx.commit().await?;
        Ok(Some((saved, true)))
    }

    /// A reminder is due. Returns the item, unless it was already due or has been moved.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remind(
        &self,
        user: UserId,
        (room, seq): (RoomId, Seq),
        job: &Job,
    ) -> Result<Option<Saved>, Error> {
        let mut tx = self.pool().begin().await?;
        lock_person(&mut tx, user).await?;
        let due = sqlx::query_scalar!(
            r#"update saved set due = true
             where user_id = $1 and room_id = $2 and seq = $3 and saved and not due and remind_at <= clock_timestamp()
             returning remind_at is not null as "due!""#,
            user.0,
            room.0,
            seq.0
        )
        .fetch_optional(&mut *tx)
        .await?;
        let saved = match due {
            None => None,
            Some(_) => {
                let rev =
                    take(&mut tx, Line::Person(user), ItemKind::Saved, &format!("{room}/{seq}")).await?;
                sqlx::query!(
                    "update saved set rev = $4 where user_id = $1 and room_id = $2 and seq = $3",
                    user.0,
                    room.0,
                    seq.0,
                    rev.0
                )
                .execute(&mut *tx)
                .await?;
                let saved = select_saved!(
                    "where s.user_id = $1 and s.room_id = $2 and s.seq = $3",
                    user.0,
                    room.0,
                    seq.0
                );
                Some(saved.fetch_one(&mut *tx).await?.into())
            }
        };
        finish(&mut tx, job).await?;
        tx.commit().await?;
        Ok(saved)
    }

    /// A person's saved messages, the last saved first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_saved(&self, user: UserId) -> Result<Vec<Saved>, Error> {
        let rows = select_saved!(
            "where s.user_id = $1 and s.saved order by s.at desc, s.room_id, s.seq limit $2",
            user.0,
            SAVED_MAX as i64
        );
        Ok(rows.fetch_all(&self.pool()).await?.into_iter().map(Saved::from).collect())
    }

    /// These items of a person, including those that are no longer saved.
    pub(super) async fn saved_of(&self, user: UserId, keys: &[(Uuid, i64)]) -> Result<Vec<Saved>, Error> {
        let (rooms, seqs): (Vec<Uuid>, Vec<i64>) = keys.iter().copied().unzip();
        let rows = select_saved!(
            "join unnest($2::uuid[], $3::bigint[]) as k (room_id, seq) on k.room_id = s.room_id and k.seq = s.seq where s.user_id = $1",
            user.0,
            &rooms,
            &seqs
        );
        Ok(rows.fetch_all(&self.pool()).await?.into_iter().map(Saved::from).collect())
    }
}

/// Whether it is already in the requested state. Setting the same reminder again after it was due
/// is a repeated command.
fn is_so(known: &Saved, keep: Keep) -> bool {
    match keep {
        Keep::Save => known.on,
        Keep::Drop => !known.on,
        Keep::Remind(at) => known.on && known.remind_at == Some(at),
        Keep::ForgetReminder => !known.on || known.remind_at.is_none(),
    }
}

/// Checks whether another message may be saved, and this one.
async fn check_new(
    tx: &mut sqlx::PgTransaction<'_>,
    by: UserId,
    (room, seq): (RoomId, Seq),
) -> Result<(), Error> {
    let found = sqlx::query!(
        r#"select
            exists (select from members where room_id = $1 and user_id = $2 and active) as "member!",
            (select deleted_at is not null from messages where room_id = $1 and seq = $3) as deleted,
            (select count(*) from saved where user_id = $2 and saved) as "saved!""#,
        room.0,
        by.0,
        seq.0
    )
    .fetch_one(&mut **tx)
    .await?;
    match found.deleted {
        _ if !found.member => Err(Error::NoSuchRoom),
        None => Err(Error::NoSuchMessage),
        Some(true) => Err(Error::Refused(ErrorCode::MessageDeleted)),
        Some(false) if found.saved >= SAVED_MAX as i64 => Err(Error::Refused(ErrorCode::SavedFull)),
        Some(false) => Ok(()),
    }
}

async fn write(
    tx: &mut sqlx::PgTransaction<'_>,
    by: UserId,
    (room, seq): (RoomId, Seq),
    (saved, remind_at): (bool, Option<Millis>),
    rev: Seq,
) -> Result<Saved, Error> {
    // A message that is already saved keeps its place in the list.
    let row = sqlx::query_as!(
        SavedRow,
        r#"insert into saved as s (user_id, room_id, seq, saved, remind_at, rev)
         values ($1, $2, $3, $4, 'epoch'::timestamptz + $5::bigint * interval '1 millisecond', $6)
         on conflict (user_id, room_id, seq) do update
         set saved = excluded.saved, remind_at = excluded.remind_at, due = false, rev = excluded.rev,
            at = case when s.saved then s.at else now() end
         returning s.room_id, s.seq, (extract(epoch from s.at) * 1000)::bigint as "at!",
            (extract(epoch from s.remind_at) * 1000)::bigint as remind_at, s.due, s.saved, s.rev"#,
        by.0,
        room.0,
        seq.0,
        saved,
        remind_at,
        rev.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(row.into())
}

#[cfg(test)]
mod tests {
    use protocol::{Change, Nonce, RoomKind};
    use sqlx::PgPool;

    use super::*;
    use crate::store::{messages::NewMessage, testing::person};

    /// Someone in a room of their own, with three messages: numbers 3 to 5.
    async fn ana(store: &Store) -> (UserId, RoomId) {
        let ana = person(store, "ana", &[1; 32]).await;
        let nonce = Nonce(Uuid::new_v4());
        let made = store.create_room::<Error>(ana, nonce, RoomKind::Group, ("crew", ""), |_| Ok(())).await;
        let room = made.unwrap().0;
        let author = protocol::User::unknown(ana);
        let new = ["one", "two", "three"]
            .map(|body| NewMessage::plain(room, author.clone(), Nonce(Uuid::new_v4()), body.to_owned()));
        store.insert_messages(&new).await.unwrap();
        (ana, room)
    }

    async fn now(store: &Store) -> Millis {
        sqlx::query_scalar("select (extract(epoch from now()) * 1000)::bigint")
            .fetch_one(&store.pool())
            .await
            .unwrap()
    }

    /// Each thing on the person's line is included once, at its last number, in its current state;
    /// also page by page.
    #[sqlx::test(migrations = "../migrations")]
    async fn catching_up_tells_each_thing_once_as_it_is_now(pool: PgPool) {
        let store = Store::over(pool);
        let (ana, room) = ana(&store).await;
        let later = now(&store).await + 60_000;
        let keep =
            async |seq: i64, keep| store.keep_message(ana, (room, Seq(seq)), keep).await.unwrap().unwrap();
        let begin = store.heads(&[Line::Person(ana)]).await.unwrap()[0].head;
        keep(3, Keep::Save).await;
        keep(4, Keep::Remind(later)).await;
        let nonce = Nonce(Uuid::from_u128(7));
        let (planned, _) = store.schedule(ana, (room, nonce), "later", later).await.unwrap();
        keep(3, Keep::Drop).await;
        keep(5, Keep::Save).await;
        let (planned, _) = store.reschedule(ana, (nonce, planned.rev), "much later", later).await.unwrap();
        let (due, _) = keep(4, Keep::ForgetReminder).await;
        assert_eq!((due.on, due.remind_at), (true, None));

        let step = |rev: i64| Seq(begin.0 + rev);
        let told = |change: &Change| {
            if let Change::Saved { saved } = change {
                return (saved.message.0, saved.on, saved.rev);
            }
            let Change::Scheduled { scheduled } = change else { panic!("{change:?}") };
            (0, scheduled.body == "much later", scheduled.rev)
        };
        let all = [(3, false, step(4)), (5, true, step(5)), (0, true, planned.rev), (4, true, step(7))];
        for limit in 1..=5 {
            let (mut pages, mut after) = (Vec::new(), begin);
            loop {
                let page =
                    store.list_changes(Line::Person(ana), Some(ana), after, limit).await.unwrap().unwrap();
                assert!(page.list.iter().all(|(number, change)| *number == told(change).2));
                pages.extend(page.list.iter().map(|(_, change)| told(change)));
                after = page.through;
                if after == page.head {
                    break;
                }
            }
            assert_eq!(pages, all, "{limit} at a time");
        }
        assert_eq!(after_all(&store, ana).await, step(7), "what changes nothing takes no number");
        keep(5, Keep::Save).await;
        keep(4, Keep::ForgetReminder).await;
        keep(3, Keep::Drop).await;
        store.schedule(ana, (room, nonce), "later", later).await.unwrap();
        store.reschedule(ana, (nonce, Seq(0)), "much later", later).await.unwrap();
        assert_eq!(after_all(&store, ana).await, step(7));
    }

    async fn after_all(store: &Store, user: UserId) -> Seq {
        store.heads(&[Line::Person(user)]).await.unwrap()[0].head
    }

    /// A reminder that was moved while its job was taken is not due.
    #[sqlx::test(migrations = "../migrations")]
    async fn a_reminder_that_was_moved_meanwhile_does_not_come(pool: PgPool) {
        let store = Store::over(pool);
        let (ana, room) = ana(&store).await;
        let message = (room, Seq(3));
        let past = now(&store).await - 1_000;
        store.keep_message(ana, message, Keep::Remind(past)).await.unwrap();
        let job = store
            .claim_jobs(&[JobKind::Remind], 1, std::time::Duration::from_secs(60))
            .await
            .unwrap()
            .pop()
            .unwrap();
        store.keep_message(ana, message, Keep::Remind(past + 600_000)).await.unwrap();
        assert_eq!(store.remind(ana, message, &job).await.unwrap(), None);
        assert!(store.next_job_in(&[JobKind::Remind]).await.unwrap().is_some(), "its new job is still there");
        store.keep_message(ana, message, Keep::Remind(past)).await.unwrap();
        let job = store
            .claim_jobs(&[JobKind::Remind], 1, std::time::Duration::from_secs(60))
            .await
            .unwrap()
            .pop()
            .unwrap();
        let due = store.remind(ana, message, &job).await.unwrap().unwrap();
        assert!(due.due && due.on);
        assert_eq!(store.remind(ana, message, &job).await.unwrap(), None, "a repeat tells nothing");
        assert_eq!(store.next_job_in(&[JobKind::Remind]).await.unwrap(), None);
    }
}
