//! One node: the only place where store, hub and broker meet.
//!
//! Every event reaches the browsers by one path, even on the node that caused it: store →
//! [`Node::publish`] → broker → [`deliver`] → hub → outbox. Redis may lose broadcasts. This node
//! notices by the sequence numbers of each line that it follows ([`follow`]), by the head check
//! ([`check`]) and by a lost link, and repairs from Postgres, once for all its browsers.
//!
//! Law: events are delivered to the hub in the order of their line's numbers, without gaps, from
//! the moment when a connection that follows the line is answered.

mod budget;
mod check;
mod deliver;
mod follow;
mod greetings;
mod marks;
mod people;
mod ring;
mod sabotage;
mod search;
mod spelling;
mod writer;

use std::{
    num::NonZeroU32,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use protocol::{Change, CloseCode, Epoch, Event, RoomId, Seq, ServerFrame, SessionId, User, UserId, limits};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    broker::{Broadcast, Broker, Effect, Kind, Line, Signal, Status},
    clock::Clock,
    hub::{Connected, ConnectionId, Hub, Outbox, Owner, Weight},
    metrics::{Metrics, Now},
    store::Store,
};
pub use budget::Budgets;
pub use follow::Following;
pub use greetings::{GreetingLimit, GreetingPermit};
pub use marks::PendingMarks;
pub use people::Names;
pub use ring::Recent;
pub use sabotage::Sabotage;
pub use search::{NewWords, SearchLimit, SearchPermit};
pub use writer::{Writer, Written};

/// Concurrent repairs that query the database. More would take connections from sends.
const REPAIRS_AT_ONCE: usize = 4;
/// The longest time that the last write of marks may delay shutdown.
const LAST_MARKS_WITHIN: Duration = Duration::from_secs(2);

/// The timeout of checking whether the database is available.
const PING_WITHIN: Duration = Duration::from_secs(5);

/// Why work on the database has not finished in time.
#[derive(Debug)]
pub enum Unfinished {
    /// It takes too long. It may still finish.
    Late,
    /// It panicked.
    Panicked(tokio::task::JoinError),
}

/// The state of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// It answers and accepts writes.
    Writes,
    /// It answers but accepts no writes: it has failed over, or someone has set it read-only.
    ReadsOnly,
    /// It does not answer.
    Away,
}

impl Unfinished {
    /// Logs it, unless it has been logged already.
    pub fn log(&self, what: &'static str) {
        match self {
            Self::Late => {}
            Self::Panicked(panic) => tracing::error!(error = %panic, what, "panicked"),
        }
    }
}

/// Parameters of a node that tests and settings can change.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// How often the followed lines' heads are compared with the database.
    pub head_check: Duration,
    /// The same while the broker is down.
    pub head_check_down: Duration,
    /// How often this node looks for marks that advanced unnoticed. While the broker is down,
    /// `head_check` applies instead.
    pub marks_check: Duration,
    /// How often the sessions of all connections are compared with the database.
    pub session_check: Duration,
    /// How long a line is followed after its last follower has gone: reloading a page reconnects at
    /// once.
    pub linger: Duration,
    /// How long a gap may wait to fill by itself: two nodes may publish in reverse order.
    pub hole: Duration,
    /// The least interval between writes of one member's marks.
    pub marks: Duration,
    /// The least interval between recording a session's use over a socket. (The database writes it
    /// at most once a minute.)
    pub keep_alive: Duration,
    /// The timeout of everything that queries the database: a command, a page, a flush, a check.
    /// The database's own timeout ends every statement sooner, unless it has become unreachable and
    /// the connection has not noticed. Browsers wait longer: see [`limits::COMMAND_MS`].
    pub database_timeout: Duration,
    /// How often this node polls for jobs, unless it knows of an earlier one.
    pub jobs_check: Duration,
    /// How often this node compares a part of all lines with the index of words.
    pub index_check: Duration,
    /// How often this node looks for files that nobody needs.
    pub files_check: Duration,
    /// Whether the links of messages are looked up.
    pub link_previews: bool,
    /// How long a job belongs to the node that has taken it: longer than sending a message can
    /// take.
    pub job_lease: Duration,
    /// The first retry delay of a failed job.
    pub job_retry: Duration,
    /// The sustained rate of messages per person and second …
    pub sends_per_s: NonZeroU32,
    /// … and the burst.
    pub sends_burst: NonZeroU32,
    /// Multiplies all other budgets of [`budget`].
    pub budget_factor: NonZeroU32,
    /// Test only: deliberate faults.
    pub sabotage: Sabotage,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            head_check: Duration::from_secs(5),
            head_check_down: Duration::from_secs(1),
            marks_check: Duration::from_secs(15),
            session_check: Duration::from_secs(20),
            linger: Duration::from_secs(1),
            hole: Duration::from_millis(50),
            marks: Duration::from_secs(1),
            keep_alive: Duration::from_secs(60),
            database_timeout: Duration::from_millis(limits::COMMAND_MS as u64),
            jobs_check: Duration::from_secs(5),
            index_check: Duration::from_secs(1),
            files_check: Duration::from_secs(60),
            link_previews: false,
            job_lease: Duration::from_secs(30),
            job_retry: Duration::from_secs(2),
            sends_per_s: const { NonZeroU32::new(5).expect("not zero") },
            sends_burst: const { NonZeroU32::new(30).expect("not zero") },
            budget_factor: NonZeroU32::MIN,
            sabotage: Sabotage::default(),
        }
    }
}

/// One running server process.
pub struct Node {
    /// The node's name, in the UI and in logs.
    pub name: String,
    /// Postgres.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Messages on their way into the database.
    pub writer: Writer,
    /// Marks on their way into the database.
    pub marks: PendingMarks,
    /// The remaining budgets.
    pub budgets: Budgets,
    /// Limits concurrent greetings.
    pub greetings: GreetingLimit,
    /// Limits concurrent searches.
    pub searches: SearchLimit,
    /// The rooms with words that are not in the index yet.
    pub new_words: NewWords,
    /// This node's metrics.
    pub metrics: Metrics,
    hub: Hub,
    broker: Broker,
    /// The epoch of the database. When it changes: see [`check`].
    epoch: RwLock<Epoch>,
    follows: follow::Follows,
    people: people::People,
    tuning: Tuning,
    /// Test only: published broadcasts take this detour, which corrupts some.
    detour: Option<mpsc::Sender<Broadcast>>,
    tasks: TaskTracker,
    leaving: CancellationToken,
    /// Notified when something may have been missed: for the head check …
    check_heads: tokio::sync::Notify,
    /// … for the marks check …
    check_marks: tokio::sync::Notify,
    /// … and for the session check.
    check_sessions: tokio::sync::Notify,
    /// Notified when a room has been deleted, so that it is erased soon.
    erase: tokio::sync::Notify,
    /// Notified when a job has been planned, so that it is not late.
    jobs: tokio::sync::Notify,
    /// The same for links that are to be looked up.
    previews: tokio::sync::Notify,
    /// Limits concurrent repairs.
    repairs: tokio::sync::Semaphore,
}

impl Node {
    /// Starts a node on a migrated database.
    #[must_use]
    pub fn start(
        name: String,
        (store, epoch): (Store, Epoch),
        (broker, signals): (Broker, mpsc::Receiver<Signal>),
        tuning: Tuning,
    ) -> Arc<Self> {
        let hub = Hub::default();
        let (detour, spoilt) = tuning.sabotage.detour();
        let (writer, queues) = Writer::new(tuning.database_timeout);
        let greetings = GreetingLimit::new(store.connections_max(), tuning.database_timeout);
        let searches = SearchLimit::new(store.connections_max());
        let node = Arc::new(Self {
            metrics: Metrics::new(&broker.counters(), hub.counters()),
            name,
            epoch: RwLock::new(epoch),
            people: people::People::default(),
            store,
            clock: Clock::default(),
            writer,
            marks: PendingMarks::default(),
            budgets: Budgets::new(&tuning),
            greetings,
            searches,
            new_words: NewWords::default(),
            hub,
            broker,
            follows: follow::Follows::default(),
            tuning,
            detour,
            tasks: TaskTracker::new(),
            leaving: CancellationToken::new(),
            check_heads: tokio::sync::Notify::new(),
            check_marks: tokio::sync::Notify::new(),
            check_sessions: tokio::sync::Notify::new(),
            erase: tokio::sync::Notify::new(),
            jobs: tokio::sync::Notify::new(),
            previews: tokio::sync::Notify::new(),
            repairs: tokio::sync::Semaphore::new(REPAIRS_AT_ONCE),
        });
        node.spawn(deliver::run(node.clone(), signals));
        node.spawn(check::heads(node.clone()));
        node.spawn(follow::workspace(node.clone()));
        node.spawn(check::marks(node.clone()));
        node.spawn(check::sessions(node.clone()));
        node.spawn(check::erasing(node.clone()));
        node.spawn(spelling::names(node.clone()));
        node.spawn(marks::run(node.clone()));
        if let Some(spoilt) = spoilt {
            node.spawn(sabotage::run(node.clone(), spoilt));
        }
        node.clock.set_offset_ms(node.tuning.sabotage.clock_offset_ms);
        writer::start(&node, queues);
        node
    }

    /// Spawns a task of this node. It is cancelled when the node leaves, and [`Node::end`] waits
    /// for it.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let leaving = self.leaving.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = task => {}
                () = leaving.cancelled() => {}
            }
        });
    }

    /// Test only: deliberate faults.
    #[must_use]
    pub fn sabotage(&self) -> &Sabotage {
        &self.tuning.sabotage
    }

    /// Runs work on the database with the timeout [`Tuning::database_timeout`], without cancelling
    /// the work: a database future that is dropped halfway may return its connection in the middle
    /// of a transaction.
    ///
    /// # Errors
    /// [`Unfinished::Late`], which is logged here; [`Unfinished::Panicked`], which is not.
    pub async fn within_timeout<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Unfinished> {
        self.within(self.tuning.database_timeout, what, work).await
    }

    /// The same with another timeout.
    ///
    /// # Errors
    /// As for [`Self::within_timeout`].
    pub async fn within<T: Send + 'static>(
        &self,
        timeout: Duration,
        what: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Unfinished> {
        match tokio::time::timeout(timeout, self.tasks.spawn(work)).await {
            Ok(done) => done.map_err(Unfinished::Panicked),
            Err(_) => {
                tracing::warn!(what, "the database has not answered in time");
                Err(Unfinished::Late)
            }
        }
    }

    /// One attempt of recurring work. If it hangs or panics, the node goes on, and the next attempt
    /// takes another connection.
    async fn attempt<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let done = self.within_timeout(what, work).await;
        done.inspect_err(|unfinished| unfinished.log(what)).ok()
    }

    /// The current state of the database.
    pub async fn database(&self) -> Database {
        let store = self.store.clone();
        // Shorter than the timeout of the request that asks.
        let timeout = PING_WITHIN.min(self.tuning.database_timeout / 2);
        match self.within(timeout, "whether it is there", async move { store.is_writable().await }).await {
            Ok(Ok(true)) => Database::Writes,
            Ok(Ok(false)) => Database::ReadsOnly,
            Ok(Err(_)) | Err(_) => Database::Away,
        }
    }

    /// The node's parameters.
    #[must_use]
    pub fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// Spawns database work that nobody waits for, except [`Node::end`].
    pub fn run_aside(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Spawns a loop of a higher layer, which is cancelled when the node leaves. It must run
    /// database work by [`Self::within`], because its own futures are dropped then.
    pub fn run_until_leaving(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn(task);
    }

    /// The first Redis that is down, if any.
    #[must_use]
    pub fn bus_down(&self) -> Option<crate::broker::Name> {
        self.broker.first_down()
    }

    /// This node's metrics in Prometheus' text format.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        let (database_used, database_idle) = self.store.connections();
        self.metrics.text(&Now {
            connections: self.hub.len(),
            lines: self.follows.len(),
            bus_up: self.broker.states().iter().map(|(_, status)| *status == Status::Up).collect(),
            lane_depth: self.writer.waiting(),
            database_used,
            database_idle,
        })
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.hub.len()
    }

    /// How many connections a person has here.
    #[must_use]
    pub fn connections_of(&self, user: UserId) -> usize {
        self.hub.count_of(user)
    }

    /// Adds a connection, and returns the queue of frames for it.
    #[must_use]
    pub fn connect(&self, owner: Owner) -> (ConnectionId, Arc<Outbox>) {
        self.hub.connect(owner)
    }

    /// The epoch of the database.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        *self.epoch.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes a committed, numbered change to the followers of a line, with the people it refers
    /// to. Next: the broker, and from there [`deliver`] on every node.
    pub fn publish_change(&self, line: Line, seq: Seq, change: Change, people: Vec<User>) {
        if let (Line::Room(room), Change::Message { .. }) = (line, &change) {
            self.new_words.add(room);
        }
        let effect = Effect::of(&change);
        let event = Event::Change { line, seq, change, people };
        // Times only one change at a time per line. That suffices for measuring, and needs no
        // bound.
        self.follows.with(line, |position| {
            // A repeat has been delivered already, so it would never be measured.
            if position.last.is_none_or(|last| seq > last) {
                position.timed.get_or_insert((seq, Instant::now()));
            }
        });
        self.publish(line, Kind::Change(seq, effect), Some(event));
    }

    /// Publishes an unnumbered event.
    pub fn publish_passing(&self, line: Line, event: Event) {
        self.publish(line, Kind::Passing, Some(event));
    }

    /// Publishes someone's marks in a room.
    fn publish_marks(&self, line: Line, room: RoomId, marks: protocol::Marks) {
        let kind =
            Kind::Marks { subject: marks::subject(line, room, marks), progress: marks::progress(marks) };
        self.publish(line, kind, Some(Event::Marks { room, marks }));
    }

    /// Something may have been missed, or committed without being published: triggers all checks.
    pub fn check_soon(&self) {
        self.check_heads.notify_one();
        self.check_marks.notify_one();
        self.check_sessions.notify_one();
    }

    /// Erases deleted rooms soon.
    pub fn erase_soon(&self) {
        self.erase.notify_one();
    }

    /// A job has been planned, and may be the next one.
    pub fn wake_jobs(&self) {
        self.jobs.notify_one();
    }

    /// Waits until a job is planned here, but at most for `pause`.
    pub async fn until_jobs_made(&self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.jobs.notified() => {}
        }
    }

    /// Links are to be looked up.
    pub fn wake_previews(&self) {
        self.previews.notify_one();
    }

    /// Waits until links are to be looked up here, but at most for `pause`.
    pub async fn until_previews_wanted(&self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.previews.notified() => {}
        }
    }

    /// Tells every node that sessions of this person have ended, so that their sockets close. The
    /// database knows which ones; `seq` is the number of this change on the person's line.
    pub fn tell_sessions_ended(&self, user: UserId, seq: Seq) {
        self.publish_change(Line::Person(user), seq, Change::Sessions {}, Vec::new());
    }

    /// Tells every node that a session goes on under another id: sockets under the former id close,
    /// and are told to reconnect once the new cookie has arrived. A browser that has only the old
    /// cookie is then signed out.
    pub fn renew_session(&self, user: UserId, former: SessionId) {
        self.publish(Line::Person(user), Kind::SessionRenewed(former), None);
    }

    /// Encodes the frame once for everyone.
    fn publish(&self, line: Line, kind: Kind, event: Option<Event>) {
        let frame = event.map_or_else(String::new, |event| ServerFrame::Event { event }.encode());
        let broadcast = Broadcast { line, epoch: self.epoch(), kind, frame };
        let taken = match &self.detour {
            None => self.broker.publish(broadcast),
            Some(detour) => detour.try_send(broadcast).is_ok(),
        };
        if !taken {
            self.metrics.publish_refused.inc();
            // The other nodes find it by their head check; this one does not wait for that.
            tracing::warn!(%line, "the queue to the broker is full");
            self.check_soon();
        }
    }

    /// Whether this node accepts no more connections.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.leaving.is_cancelled()
    }

    /// Leaves: writes the pending marks, tells each connection to reconnect after its own delay of
    /// up to `spread`, and waits until all are gone, at most `within`.
    pub async fn leave(self: &Arc<Self>, spread: Duration, within: Duration) {
        let node = self.clone();
        let last = async move { node.marks.write(&node).await };
        if let Err(unfinished) = self.within(LAST_MARKS_WITHIN, "the last marks", last).await {
            unfinished.log("the last marks");
        }
        self.leaving.cancel();
        let gone = async {
            // Repeated for those who connected just before. For the others this changes nothing.
            while !self.hub.is_empty() {
                self.send_away(spread);
                for _ in 0..25 {
                    if self.hub.is_empty() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };
        if tokio::time::timeout(within, gone).await.is_err() {
            tracing::warn!(connections = self.hub.len(), "left before every connection had gone");
        }
    }

    /// Ends the node. Call it after [`Node::leave`], when no request is in progress and so nobody
    /// can send any more. The lanes are still written out.
    pub async fn end(&self) {
        self.writer.close();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn send_away(&self, spread: Duration) {
        let spread_ms = u32::try_from(spread.as_millis()).unwrap_or(u32::MAX).max(1);
        for Connected { outbox, .. } in self.hub.all() {
            let after_ms = rand::random_range(0..spread_ms);
            outbox.push(
                ServerFrame::Event { event: Event::ComeBack { after_ms } }.encode().into(),
                Weight::Durable,
            );
            outbox.finish(CloseCode::Leaving, after_ms.to_string());
        }
    }
}
