//! Sends on their way to the database, many in one transaction.
//!
//! Each room belongs to one of a few lanes, each with its own task and a bounded queue. A lane
//! writes whatever is queued at once. Under low load, a message is written alone and without delay.
//! While one flush runs, the next sends queue up, so that batches grow with the load, without a
//! timer.
//!
//! Law: every send that a lane accepts is answered once. A closing socket does not cancel the
//! write, because the future belongs to the lane and not to the connection. A full lane refuses
//! with a retry time; nothing waits without bound.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use protocol::{Change, ErrorCode, Following, Refusal, RoomId, UserId};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::Node;
use crate::{
    broker::Line,
    store::messages::{Inserted, NewMessage, Stored},
};

/// The most lanes of one node; at most one per processor. Each holds one database connection while
/// it writes. More lanes would only make smaller batches, and so more transactions: see
/// docs/decisions/server.md.
const LANES_MAX: usize = 4;
/// The most sends that wait in one lane.
const LANE_MAX: usize = 1_024;
/// The most sends in one transaction.
const BATCH_MAX: usize = 256;
/// The retry time for a send that finds its lane full, in milliseconds, …
const FULL_RETRY_MS: u32 = 500;
/// … and for one that could not be stored.
const FAILED_RETRY_MS: u32 = 1_000;

struct Item {
    new: NewMessage,
    answer: oneshot::Sender<Inserted>,
}

/// See the module.
pub struct Writer {
    lanes: Vec<mpsc::Sender<Item>>,
    /// How long a sender waits, for the previous flush and their own.
    answer_timeout: Duration,
    closing: CancellationToken,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

/// The pending answer to a message that a lane has accepted.
#[derive(Debug)]
pub struct Written {
    answer: oneshot::Receiver<Inserted>,
    /// Counted from when the lane accepted it, not from when the wait begins. A connection waits
    /// for its answers one after another, so behind a hanging flush its tenth send would otherwise
    /// be refused after ten times the timeout.
    until: Instant,
}

impl Written {
    /// Waits for the commit.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] when the database failed (the log says how) or did not answer: then
    /// either nothing was stored, or a repeat will find it.
    pub async fn answer(self) -> Result<Inserted, Refusal> {
        match tokio::time::timeout_at(self.until, self.answer).await {
            Ok(Ok(inserted)) => Ok(inserted),
            Ok(Err(_)) | Err(_) => Err(Refusal::new(ErrorCode::Internal).retry_ms(FAILED_RETRY_MS)),
        }
    }
}

/// The receiving ends of the lanes.
pub(super) struct Queues(Vec<mpsc::Receiver<Item>>);

impl Writer {
    /// `timeout` is the timeout of a flush.
    pub(super) fn new(timeout: Duration) -> (Self, Queues) {
        let lanes =
            std::thread::available_parallelism().map_or(1, |processors| processors.get().min(LANES_MAX));
        let (lanes, queues) = (0..lanes).map(|_| mpsc::channel(LANE_MAX)).unzip();
        (Self { lanes, answer_timeout: 2 * timeout, closing: CancellationToken::new() }, Queues(queues))
    }

    /// Appends a message to the lane of its room, so that one author's messages are stored in the
    /// order in which they were sent. The answer comes with the commit; from then on the message is
    /// on its way to everyone. Dropping the answer is harmless: the lane writes what it has
    /// accepted. Next: the lane.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when the lane is full: then nothing was accepted.
    pub fn write(&self, new: NewMessage) -> Result<Written, Refusal> {
        let (answer, answered) = oneshot::channel();
        let lane = &self.lanes[lane_of(new.room, self.lanes.len())];
        if lane.try_send(Item { new, answer }).is_err() {
            return Err(Refusal::new(ErrorCode::Busy).retry_ms(FULL_RETRY_MS));
        }
        Ok(Written { answer: answered, until: Instant::now() + self.answer_timeout })
    }

    /// How many sends wait, in all lanes.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lanes.iter().map(|lane| lane.max_capacity() - lane.capacity()).sum()
    }

    /// Accepts nothing more, and ends when the queues have been written.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }
}

fn lane_of(room: RoomId, lanes: usize) -> usize {
    let mut hash = DefaultHasher::new();
    room.hash(&mut hash);
    (hash.finish() % lanes as u64) as usize
}

/// Starts the lanes. They outlive the node's other tasks: [`Writer::close`] ends them.
pub(super) fn start(node: &Arc<Node>, queues: Queues) {
    for queue in queues.0 {
        node.tasks.spawn(run(node.clone(), queue));
    }
}

async fn run(node: Arc<Node>, mut queue: mpsc::Receiver<Item>) {
    loop {
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            taken = queue.recv_many(&mut batch, BATCH_MAX) => {
                if taken == 0 {
                    return;
                }
            }
            () = node.writer.closing.cancelled() => {
                queue.close();
                continue;
            }
        }
        node.attempt("a flush", flush(node.clone(), batch)).await;
    }
}

/// Writes a batch, publishes it and answers each item; a dropped answer means failure. One bad item
/// does not fail the others: a batch that fails is retried one by one.
async fn flush(node: Arc<Node>, batch: Vec<Item>) {
    let (new, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|item| (item.new, item.answer)).unzip();
    match node.store.insert_messages(&new).await {
        Ok(Stored { inserted, followed, links }) => {
            for ((new, answer), inserted) in new.iter().zip(answers).zip(inserted) {
                done(&node, new, inserted, answer);
            }
            tell_followers(&node, followed);
            if links {
                node.wake_previews();
            }
        }
        // The database itself is down or too slow: retrying each message would only make it slower.
        Err(error) if new.len() == 1 || error.is_passing() || error.is_slow() => {
            tracing::warn!(%error, sends = new.len(), "sends could not be stored");
        }
        Err(error) => {
            tracing::warn!(%error, sends = new.len(), "sends could not be stored together");
            one_by_one(&node, new, answers).await;
        }
    }
}

/// Stores each message separately. Refuses messages that have had no turn by the time a flush
/// should be over. Otherwise a large batch of messages that all wait for a lock would delay its
/// answers, and hold a connection, for minutes.
async fn one_by_one(node: &Node, new: Vec<NewMessage>, answers: Vec<oneshot::Sender<Inserted>>) {
    let until = Instant::now() + node.tuning.database_timeout;
    // Waits once for a long lock, not once for each message.
    let mut stuck = HashSet::new();
    for (new, answer) in new.iter().zip(answers) {
        if Instant::now() >= until {
            tracing::warn!("gave up before every send of a failed batch was tried alone");
            return;
        }
        if stuck.contains(&new.room) {
            continue;
        }
        match node.store.insert_messages(std::slice::from_ref(new)).await {
            Ok(Stored { mut inserted, followed, links }) => {
                if let Some(inserted) = inserted.pop() {
                    done(node, new, inserted, answer);
                }
                tell_followers(node, followed);
                if links {
                    node.wake_previews();
                }
            }
            Err(error) if error.is_passing() || error.is_slow() => {
                tracing::warn!(%error, "sends could not be stored");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, room.id = %new.room, "a send could not be stored");
                if error.is_locked() {
                    stuck.insert(new.room);
                }
            }
        }
    }
}

/// The outcome is final, so it does not matter whether anyone still waits for the answer.
fn done(node: &Node, new: &NewMessage, inserted: Inserted, answer: oneshot::Sender<Inserted>) {
    let (room, author) = (new.room, &new.author);
    // A repeat is published as well, if the message is unchanged: the node that stored it first may
    // have died before publishing it. Clients that already have the message drop the old number.
    if let Inserted::New(message) | Inserted::Known(message) = &inserted
        && message.rev == message.seq
    {
        let change = Change::Message { message: message.clone() };
        // Browsers that do not know a person named here fetch them.
        let mentioned = message.mentions.iter().filter_map(|mention| mention.1);
        let named = mentioned.chain(message.forward.iter().filter_map(|forward| forward.author));
        let mut people = node.people_at_hand(named.filter(|user| *user != author.id).chain([author.id]));
        // This profile is from when the connection opened. An older one than browsers know does no harm.
        if people.last().is_none_or(|last| last.id != author.id) {
            people.push(author.clone());
        }
        node.publish_change(Line::Room(room), message.seq, change, people);
    }
    if answer.send(inserted).is_err() {
        tracing::debug!("whoever sent a message has not waited for the answer");
    }
}

/// Tells the devices of people who follow a thread from now on.
fn tell_followers(node: &Node, followed: Vec<(UserId, Following)>) {
    for (user, following) in followed {
        let rev = following.rev;
        node.publish_change(Line::Person(user), rev, Change::Following { following }, Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Nonce, User};
    use uuid::Uuid;

    use super::*;

    fn message(n: u128) -> NewMessage {
        let author = User::unknown(UserId(Uuid::from_u128(1)));
        let (room, nonce) = (RoomId(Uuid::from_u128(n)), Nonce(Uuid::from_u128(n)));
        NewMessage::plain(room, author, nonce, format!("message {n}"))
    }

    /// Nobody serves the lanes, as if every flush hung.
    #[tokio::test(start_paused = true)]
    async fn sends_that_wait_behind_one_another_are_all_refused_at_the_same_time() {
        let flush = Duration::from_secs(15);
        let (writer, queues) = Writer::new(flush);
        let began = Instant::now();
        let written: Vec<Written> = (0..10).map(|n| writer.write(message(n)).unwrap()).collect();
        for written in written {
            let refusal = written.answer().await.unwrap_err();
            assert_eq!((refusal.code, refusal.retry_ms), (ErrorCode::Internal, Some(FAILED_RETRY_MS)));
            assert_eq!(began.elapsed(), 2 * flush);
        }
        drop(queues);
    }
}
