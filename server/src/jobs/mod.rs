//! Deferred jobs: takes those that are due, and runs them.
//!
//! Every node polls for due jobs on its own: when the next job that it knows of is due, when one
//! was planned here, and otherwise every few seconds. The query reads one row of an index. Nodes
//! that poll at the same moment skip the jobs that others are taking. See [`crate::store::jobs`]
//! for the table and its laws.
//!
//! Law: a job runs at least once, so its action must be safe to repeat. A job that fails is retried
//! at growing intervals, and finally waits for an administrator: nothing is lost silently.
//!
//! Links are looked up in a lane of their own: the servers of others may take seconds to answer, and a reminder must not wait behind them.
//!
//! What a job does is up to [`crate::chat`]. [`indexing`] is no job of the table: it has cursors of its own.

mod indexing;

use std::{sync::Arc, time::Duration};

use protocol::{Nonce, RoomId, Seq, UserId};

use crate::{
    chat::{self, retry_deadlocks, saved, scheduled},
    node::Node,
    previews::{self, Previews},
    store::{
        self,
        jobs::{Job, JobKind},
    },
};

/// The number of jobs that one node runs at once: each needs a database connection for some
/// milliseconds.
const AT_ONCE: usize = 4;
/// How often a job is started before it is given up, over some twenty minutes.
const TRIES_MAX: u32 = 12;
/// The longest wait before a retry.
const RETRY_MAX: Duration = Duration::from_secs(300);
/// The pause while other nodes are taking the due jobs.
const TAKEN_PAUSE: Duration = Duration::from_millis(200);
/// How many characters of a job's error are stored.
const ERROR_CHARS: usize = 300;

/// Starts running jobs, until the node leaves.
pub fn start(node: &Arc<Node>) {
    node.run_until_leaving(run(node.clone(), Lane::Prompt));
    indexing::start(node);
}

/// Starts looking links up, until the node leaves.
pub fn start_previews(node: &Arc<Node>, previews: Arc<Previews>) {
    node.run_until_leaving(run(node.clone(), Lane::Previews(previews)));
}

/// Jobs that wait for one another.
#[derive(Clone)]
enum Lane {
    /// Those that are over in milliseconds.
    Prompt,
    /// Those that wait for the servers of others.
    Previews(Arc<Previews>),
}

impl Lane {
    fn kinds(&self) -> &'static [JobKind] {
        match self {
            Self::Prompt => &[JobKind::Remind, JobKind::Send],
            Self::Previews(_) => &[JobKind::Preview],
        }
    }

    async fn until_made(&self, node: &Node, pause: Duration) {
        match self {
            Self::Prompt => node.until_jobs_made(pause).await,
            Self::Previews(_) => node.until_previews_wanted(pause).await,
        }
    }
}

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Chat(#[from] chat::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Previews(#[from] previews::Error),
}

async fn run(node: Arc<Node>, lane: Lane) {
    loop {
        let pause = match next(&node, &lane).await {
            Some(wait) if wait.is_zero() => match claim(&node, &lane).await {
                Some(jobs) if jobs.is_empty() => TAKEN_PAUSE,
                Some(jobs) => {
                    futures::future::join_all(jobs.into_iter().map(|job| attempt(&node, &lane, job))).await;
                    continue;
                }
                None => node.tuning().jobs_check,
            },
            Some(wait) => wait.min(node.tuning().jobs_check),
            None => node.tuning().jobs_check,
        };
        lane.until_made(&node, pause).await;
    }
}

/// The time until the next job is due.
async fn next(node: &Node, lane: &Lane) -> Option<Duration> {
    let (store, kinds) = (node.store.clone(), lane.kinds());
    let asked = async move { store.next_job_in(kinds).await };
    logged(node.within_timeout("when the next job is due", asked).await).flatten()
}

async fn claim(node: &Node, lane: &Lane) -> Option<Vec<Job>> {
    let (store, kinds, lease) = (node.store.clone(), lane.kinds(), node.tuning().job_lease);
    let claimed = async move { store.claim_jobs(kinds, AT_ONCE, lease).await };
    logged(node.within_timeout("taking jobs", claimed).await)
}

fn logged<T>(asked: Result<Result<T, store::Error>, crate::node::Unfinished>) -> Option<T> {
    match asked {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::warn!(%error, "jobs could not be asked for");
            None
        }
        Err(unfinished) => {
            unfinished.log("asking for jobs");
            None
        }
    }
}

/// Runs one job, and records the result. A job that is not done within half of its lease is left
/// alone: it may still finish, and otherwise it returns when the lease ends.
async fn attempt(node: &Arc<Node>, lane: &Lane, job: Job) {
    if matches!(lane, Lane::Prompt) {
        node.metrics.job_late_seconds.observe(job.late.as_secs_f64());
    }
    let (doing, taken, lane) = (node.clone(), job.clone(), lane.clone());
    let within = node.tuning().job_lease / 2;
    let done = node.within(within, "a job", async move { perform(&doing, &lane, &taken).await }).await;
    let error = match done {
        Ok(Ok(())) => {
            node.metrics.job_done(job.kind.as_str());
            return;
        }
        Ok(Err(error)) => error.to_string(),
        Err(crate::node::Unfinished::Late) => return,
        Err(crate::node::Unfinished::Panicked(panic)) => panic.to_string(),
    };
    node.metrics.job_failed(job.kind.as_str());
    tracing::warn!(job.id = %job.id, job.kind = job.kind.as_str(), tries = job.tries, %error, "a job failed");
    let (noting, error) = (node.clone(), error.chars().take(ERROR_CHARS).collect::<String>());
    let noted = async move { note(&noting, &job, &error).await };
    match node.within_timeout("what became of a job", noted).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "what became of a job was not noted"),
        Err(unfinished) => unfinished.log("what became of a job"),
    }
}

async fn perform(node: &Arc<Node>, lane: &Lane, job: &Job) -> Result<(), Error> {
    if node.sabotage().forget_jobs {
        return Ok(node.store.finish_job(job).await?);
    }
    let is_deadlock = |error: &chat::Error| matches!(error, chat::Error::Store(error) if error.is_deadlock());
    match (job.kind, job.kind_key()) {
        (JobKind::Remind, Some(Key::Message(room, seq))) => {
            Ok(retry_deadlocks(is_deadlock, || saved::tell_due(node, job.user, (room, seq), job)).await?)
        }
        (JobKind::Send, Some(Key::Nonce(nonce))) => {
            Ok(scheduled::send_due(node, job.user, nonce, job).await?)
        }
        (JobKind::Preview, Some(Key::Message(room, seq))) => match lane {
            Lane::Previews(pages) => Ok(chat::previews::look_up(node, pages, (room, seq), job).await?),
            Lane::Prompt => Ok(()),
        },
        (JobKind::Remind | JobKind::Send | JobKind::Preview, _) => {
            tracing::error!(job.id = %job.id, "a job has a key that cannot be read");
            Ok(node.store.finish_job(job).await?)
        }
    }
}

/// Schedules a retry, or gives the job up.
async fn note(node: &Node, job: &Job, error: &str) -> Result<(), Error> {
    if job.tries < TRIES_MAX {
        let after = retry_after(node.tuning().job_retry, job.tries);
        return Ok(node.store.retry_job(job, after, error).await?);
    }
    node.metrics.job_given_up(job.kind.as_str());
    tracing::error!(job.id = %job.id, job.kind = job.kind.as_str(), error, "a job was given up");
    node.store.bury_job(job, error).await?;
    match (job.kind, job.kind_key()) {
        (JobKind::Send, Some(Key::Nonce(nonce))) => Ok(scheduled::give_up(node, job.user, nonce).await?),
        (JobKind::Remind | JobKind::Send | JobKind::Preview, _) => Ok(()),
    }
}

/// Doubles each time, with jitter to spread jobs that failed together.
fn retry_after(first: Duration, tries: u32) -> Duration {
    let doubled = first.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(RETRY_MAX);
    doubled.mul_f64(rand::random_range(0.75..1.25))
}

/// The subject of a job.
enum Key {
    Message(RoomId, Seq),
    Nonce(Nonce),
}

impl Job {
    /// The key without the person.
    fn kind_key(&self) -> Option<Key> {
        let (user, rest) = self.key.split_once('/')?;
        if user.parse::<UserId>().ok()? != self.user {
            return None;
        }
        match self.kind {
            JobKind::Send => rest.parse().ok().map(Key::Nonce),
            JobKind::Remind | JobKind::Preview => {
                let (room, seq) = rest.split_once('/')?;
                Some(Key::Message(room.parse().ok()?, Seq(seq.parse().ok()?)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_waits_longer_each_time_and_not_for_ever() {
        let first = Duration::from_secs(2);
        for tries in 1..40 {
            let wait = retry_after(first, tries).as_secs_f64();
            let exact = f64::powi(2.0, tries.min(20).cast_signed()).min(300.0);
            assert!((exact * 0.74..exact * 1.26).contains(&wait), "{tries}: {wait}");
        }
    }
}
