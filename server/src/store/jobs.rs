//! Deferred jobs: their table.
//!
//! Law:
//! - one thing has one job: planning it again moves it, and revives it if it was dead;
//! - whoever takes a job holds it until its lease ends. Then another server may take it, so a job
//!   may run more than once;
//! - only the taker of a job ends it, and only if nobody has planned or taken it since (`version`).
//!
//! All times are the database's. For what jobs do, see `crate::jobs`.

use std::time::Duration;

use protocol::{Millis, UserId};
use uuid::Uuid;

use super::{Error, Store};

/// The kind of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Remind someone of a message. Key: `user/room/seq`.
    Remind,
    /// Send a scheduled message. Key: `user/nonce`.
    Send,
    /// Look up the links of a message. Key: `user/room/seq`, the user being its author.
    Preview,
}

impl JobKind {
    const ALL: [Self; 3] = [Self::Remind, Self::Send, Self::Preview];

    /// The value in the column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Remind => "remind",
            Self::Send => "send",
            Self::Preview => "preview",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    fn names(kinds: &[Self]) -> Vec<String> {
        kinds.iter().map(|kind| kind.as_str().to_owned()).collect()
    }
}

/// A job that this server has taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// What is to be done …
    pub kind: JobKind,
    /// … and with what.
    pub key: String,
    /// For whom.
    pub user: UserId,
    /// How often it has been started, including now.
    pub tries: u32,
    /// How long after its due time it was taken.
    pub late: Duration,
    version: i64,
}

/// A job that failed too often, as shown to administrators.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadJob {
    /// Its id.
    pub id: Uuid,
    /// The kind, as in the column: a newer server may know more kinds.
    pub kind: String,
    /// The handle of the person.
    pub handle: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it was given up.
    pub dead_at: Millis,
    /// The error of the last attempt, in English.
    pub error: String,
}

/// Plans a job, or moves it.
pub(super) async fn plan(
    tx: &mut sqlx::PgTransaction<'_>,
    (kind, key): (JobKind, &str),
    user: UserId,
    at: Millis,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into jobs (kind, key, user_id, due_at)
         values ($1, $2, $3, 'epoch'::timestamptz + $4::bigint * interval '1 millisecond')
         on conflict (kind, key) do update
         set due_at = excluded.due_at, tries = 0, version = jobs.version + 1, dead_at = null, error = ''",
        kind.as_str(),
        key,
        user.0,
        at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Plans jobs that are due now, or moves them. The keys are different.
pub(super) async fn plan_now(
    tx: &mut sqlx::PgTransaction<'_>,
    kind: JobKind,
    keys: &[String],
    users: &[Uuid],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into jobs (kind, key, user_id, due_at)
         select $1, key, user_id, now() from unnest($2::text[], $3::uuid[]) as k (key, user_id) order by key
         on conflict (kind, key) do update
         set due_at = excluded.due_at, tries = 0, version = jobs.version + 1, dead_at = null, error = ''",
        kind.as_str(),
        keys,
        users
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes a job: there is nothing more to do.
pub(super) async fn drop_job(
    tx: &mut sqlx::PgTransaction<'_>,
    (kind, key): (JobKind, &str),
) -> Result<(), Error> {
    sqlx::query!("delete from jobs where kind = $1 and key = $2", kind.as_str(), key)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Deletes a job in the transaction that did it, unless it was planned or taken again meanwhile.
pub(super) async fn finish(tx: &mut sqlx::PgTransaction<'_>, job: &Job) -> Result<(), Error> {
    sqlx::query!("delete from jobs where id = $1 and version = $2", job.id, job.version)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl Store {
    /// The time until the next job of these kinds is due; zero if one is due already. `None` if none is planned.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_job_in(&self, kinds: &[JobKind]) -> Result<Option<Duration>, Error> {
        let next = sqlx::query_scalar!(
            r#"select (extract(epoch from due_at - now()) * 1000)::bigint as "ms!" from jobs
             where dead_at is null and kind = any($1) order by due_at limit 1"#,
            &JobKind::names(kinds)
        )
        .fetch_optional(&self.pool())
        .await?;
        Ok(next.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or_default())))
    }

    /// Takes due jobs of these kinds, the most overdue first, until the lease ends. Skips jobs that another server
    /// is just taking.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_jobs(
        &self,
        kinds: &[JobKind],
        limit: usize,
        lease: Duration,
    ) -> Result<Vec<Job>, Error> {
        let lease_ms = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
        let rows = sqlx::query!(
            r#"with due as (
                select id, due_at from jobs where dead_at is null and due_at <= now() and kind = any($3)
                order by due_at limit $1 for update skip locked
             )
             update jobs j
             set due_at = now() + $2::bigint * interval '1 millisecond', tries = j.tries + 1, version = j.version + 1
             from due where j.id = due.id
             returning j.id, j.kind, j.key, j.user_id, j.tries, j.version,
                (extract(epoch from now() - due.due_at) * 1000)::bigint as "late_ms!""#,
            limit as i64,
            lease_ms,
            &JobKind::names(kinds)
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                Some(Job {
                    id: row.id,
                    kind: JobKind::parse(&row.kind)?,
                    key: row.key,
                    user: UserId(row.user_id),
                    tries: u32::try_from(row.tries).unwrap_or(u32::MAX),
                    late: Duration::from_millis(u64::try_from(row.late_ms).unwrap_or_default()),
                    version: row.version,
                })
            })
            .collect())
    }

    /// Deletes a job that needs no action.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_job(&self, job: &Job) -> Result<(), Error> {
        let mut tx = self.pool().begin().await?;
        finish(&mut tx, job).await?;
        Ok(tx.commit().await?)
    }

    /// Records a failure of a job, which is retried after this time.
    ///
    /// # Errors
    /// When the database fails. The job then returns when its lease ends.
    pub async fn retry_job(&self, job: &Job, after: Duration, error: &str) -> Result<(), Error> {
        let after_ms = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        sqlx::query!(
            "update jobs set due_at = now() + $3::bigint * interval '1 millisecond', version = version + 1, error = $4
             where id = $1 and version = $2",
            job.id,
            job.version,
            after_ms,
            error
        )
        .execute(&self.pool())
        .await?;
        Ok(())
    }

    /// Records that a job failed too often: it waits for an administrator.
    ///
    /// # Errors
    /// When the database fails. The job then returns when its lease ends.
    pub async fn bury_job(&self, job: &Job, error: &str) -> Result<(), Error> {
        sqlx::query!(
            "update jobs set dead_at = now(), version = version + 1, error = $3 where id = $1 and version = $2",
            job.id,
            job.version,
            error
        )
        .execute(&self.pool())
        .await?;
        Ok(())
    }

    /// At most `limit` of the jobs that failed too often, the latest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_dead_jobs(&self, limit: usize) -> Result<Vec<DeadJob>, Error> {
        let rows = sqlx::query!(
            r#"select j.id, j.kind, u.handle, j.tries, j.error,
                (extract(epoch from j.dead_at) * 1000)::bigint as "dead_at!"
             from jobs j join users u on u.id = j.user_id
             where j.dead_at is not null order by j.dead_at desc, j.id limit $1"#,
            limit as i64
        )
        .fetch_all(&self.pool())
        .await?;
        let dead = |tries| u32::try_from(tries).unwrap_or_default();
        Ok(rows
            .into_iter()
            .map(|row| DeadJob {
                id: row.id,
                kind: row.kind,
                handle: row.handle,
                tries: dead(row.tries),
                dead_at: row.dead_at,
                error: row.error,
            })
            .collect())
    }

    /// Retries a dead job at once. Does nothing if it is no longer dead.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revive_job(&self, id: Uuid) -> Result<(), Error> {
        sqlx::query!(
            "update jobs set dead_at = null, due_at = now(), tries = 0, version = version + 1
             where id = $1 and dead_at is not null",
            id
        )
        .execute(&self.pool())
        .await?;
        Ok(())
    }

    /// Deletes a dead job. Does nothing if it is no longer dead.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_dead_job(&self, id: Uuid) -> Result<(), Error> {
        sqlx::query!("delete from jobs where id = $1 and dead_at is not null", id)
            .execute(&self.pool())
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;
    use crate::store::testing::person;

    const LEASE: Duration = Duration::from_secs(60);

    async fn planned(store: &Store, user: UserId, key: &str, at: Millis) {
        let mut tx = store.pool().begin().await.unwrap();
        plan(&mut tx, (JobKind::Remind, key), user, at).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn now(store: &Store) -> Millis {
        sqlx::query_scalar("select (extract(epoch from now()) * 1000)::bigint")
            .fetch_one(&store.pool())
            .await
            .unwrap()
    }

    async fn taken(store: &Store) -> Vec<String> {
        store.claim_jobs(&JobKind::ALL, 10, LEASE).await.unwrap().into_iter().map(|job| job.key).collect()
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn what_is_due_is_taken_once_the_longest_due_first(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana", &[1; 32]).await;
        assert_eq!(store.next_job_in(&JobKind::ALL).await.unwrap(), None);
        let now = now(&store).await;
        for (key, at) in [("late", now - 1_000), ("later", now + 90_000), ("latest", now - 60_000)] {
            planned(&store, ana, key, at).await;
        }
        assert_eq!(store.next_job_in(&JobKind::ALL).await.unwrap(), Some(Duration::ZERO));
        assert_eq!(taken(&store).await, ["latest", "late"]);
        assert_eq!(taken(&store).await, [""; 0], "until their lease ends");
        let next = store.next_job_in(&JobKind::ALL).await.unwrap().unwrap();
        assert!(next > Duration::from_secs(50) && next <= LEASE, "{next:?}: the leases end");
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn a_job_whose_server_dies_comes_back_and_one_that_was_moved_is_not_ended(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana", &[1; 32]).await;
        planned(&store, ana, "one", 0).await;
        let lost = store.claim_jobs(&JobKind::ALL, 10, Duration::ZERO).await.unwrap().pop().unwrap();
        let again = store.claim_jobs(&JobKind::ALL, 10, LEASE).await.unwrap().pop().unwrap();
        assert_eq!((lost.tries, again.tries), (1, 2));
        // The first one turns out to be still running.
        store.finish_job(&lost).await.unwrap();
        store.retry_job(&lost, Duration::ZERO, "late").await.unwrap();
        assert_eq!(taken(&store).await, [""; 0]);
        // It was moved while it was running.
        planned(&store, ana, "one", 0).await;
        store.finish_job(&again).await.unwrap();
        let moved = store.claim_jobs(&JobKind::ALL, 10, LEASE).await.unwrap().pop().unwrap();
        assert_eq!(moved.tries, 1);
        store.finish_job(&moved).await.unwrap();
        assert_eq!(store.next_job_in(&JobKind::ALL).await.unwrap(), None);
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn the_dead_are_listed_and_come_back_when_they_are_told_to(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana", &[1; 32]).await;
        for key in ["one", "two"] {
            planned(&store, ana, key, 0).await;
        }
        for job in store.claim_jobs(&JobKind::ALL, 10, LEASE).await.unwrap() {
            store.bury_job(&job, "it broke").await.unwrap();
        }
        assert_eq!(store.next_job_in(&JobKind::ALL).await.unwrap(), None);
        let dead = store.list_dead_jobs(10).await.unwrap();
        assert_eq!(dead.len(), 2);
        assert_eq!((dead[0].handle.as_str(), dead[0].tries, dead[0].error.as_str()), ("ana", 1, "it broke"));
        assert_eq!(store.list_dead_jobs(1).await.unwrap().len(), 1);
        store.delete_dead_job(dead[0].id).await.unwrap();
        store.revive_job(dead[1].id).await.unwrap();
        store.delete_dead_job(dead[1].id).await.unwrap();
        let [again] = &store.claim_jobs(&JobKind::ALL, 10, LEASE).await.unwrap()[..] else {
            panic!("one came back")
        };
        assert_eq!((again.id, again.tries), (dead[1].id, 1));
    }

    /// Jobs of a kind that only a newer server knows are left to it.
    #[sqlx::test(migrations = "../migrations")]
    async fn unknown_kinds_are_left_alone(pool: PgPool) {
        let store = Store::over(pool.clone());
        let ana = person(&store, "ana", &[1; 32]).await;
        sqlx::query("insert into jobs (kind, key, user_id, due_at) values ('dance', '', $1, now())")
            .bind(ana.0)
            .execute(&pool)
            .await
            .unwrap();
        assert_eq!(store.next_job_in(&JobKind::ALL).await.unwrap(), None);
        assert_eq!(taken(&store).await, [""; 0]);
    }
}
