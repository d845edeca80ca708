//! One Redis: a connection that subscribes, and one that publishes.
//!
//! The subscription loop is our own, because redis-rs' resubscription gives up after some seconds
//! of outage and swallows errors. A table holds the wanted subscriptions, and the loop establishes
//! them: it connects (forever, with jittered backoff), subscribes in chunks, waits for the
//! confirmations, and after every reconnect signals [`Signal::Lost`].
//!
//! An open connection may still deliver nothing: Redis is paused, the network dropped the other end
//! silently, or Redis answers but no longer pushes. Hence the probe: a message to a channel of this
//! node alone, which travels like any broadcast. When nothing at all has arrived for a while, the
//! link sends one; if that does not return either, the connection is considered dead, and the loop
//! reconnects. A new connection counts as up only once its first probe has returned. Any other
//! message proves the same, so a busy link sends no probes.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, ErrorKind, PushInfo, PushKind, RedisError, ServerErrorKind, Value,
    aio::MultiplexedConnection,
};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::Instant,
};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::{
    broker::{Broadcast, Line, Signal, Status},
    metrics::BusLink,
};

/// Channels in one SUBSCRIBE.
const CHUNK: usize = 512;
/// The most broadcasts that wait to be published.
const OUT_MAX: usize = 16_384;
/// Broadcasts published in one round trip.
const OUT_BATCH: usize = 128;
/// The timeout of connecting, of a write, and of a reply.
const WITHIN: Duration = Duration::from_secs(2);
/// How long to wait for a subscription to be confirmed.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(3);
/// The pause before publishing is retried after a failure, with a probe if nothing else is queued.
const AGAIN: Duration = Duration::from_secs(1);
/// How long startup waits for the first attempt: more than all its timeouts together.
const TRIED_WITHIN: Duration = Duration::from_secs(10);
const BACKOFF_MIN_MS: u64 = 100;
const BACKOFF_MAX_MS: u64 = 2_000;

/// When an idle bus is probed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probing {
    /// It is probed after this time of silence.
    pub(super) quiet: Duration,
    /// The probe must return within this time.
    pub(super) echo: Duration,
}

pub(super) const PROBING: Probing = Probing { quiet: Duration::from_secs(5), echo: Duration::from_secs(3) };

/// Identifies a Redis in messages to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Its position in the setting, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// Its address, without the password.
    pub address: String,
}

impl Name {
    /// The name without the address, for those who should not know it.
    #[must_use]
    pub fn short(&self) -> String {
        if self.of == 1 { "Redis".to_owned() } else { format!("Redis {} of {}", self.number, self.of) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.short(), self.address)
    }
}

/// Why a Redis does not deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is unreachable, or unavailable for now. This may resolve by itself.
    Away(String),
    /// It refuses us, or is not a Redis at all. Someone must change something, on either side.
    Refuses(String),
}

impl Trouble {
    fn of(error: &RedisError) -> Self {
        let (text, kind) = (error.to_string(), error.kind());
        let is_refusal = [
            ErrorKind::Parse,
            ErrorKind::AuthenticationFailed,
            ErrorKind::InvalidClientConfig,
            ErrorKind::RESP3NotSupported,
            ErrorKind::Server(ServerErrorKind::NoPerm),
        ]
        .contains(&kind)
            || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPROTO" | "DENIED"))
            // Errors without a kind of their own are recognised by their text. The temporary «max
            // number of clients» is a `ResponseError` too.
            || (kind == ErrorKind::Server(ServerErrorKind::ResponseError)
                && ["refused to switch database", "unknown command"].iter().any(|words| text.contains(words)))
            || is_certificate_wrong(&text);
        if is_refusal { Self::Refuses(text) } else { Self::Away(text) }
    }

    /// Whether it does not resolve by itself.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refuses(_))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(why) => write!(f, "carries nothing ({why})"),
            Self::Refuses(why) => write!(f, "cannot be used as it is ({why})"),
        }
    }
}

/// Whether TLS failed permanently, judging by the text of rustls's error, as nothing else of it is
/// left: the certificate is not trusted or is for another name, or the other end does not speak
/// TLS. An expired certificate will soon be renewed, and must not prevent startup.
fn is_certificate_wrong(text: &str) -> bool {
    let says = |words: &[&str]| words.iter().any(|words| text.contains(words));
    says(&["InvalidContentType"])
        || (says(&["invalid peer certificate"]) && !says(&["xpired", "not valid yet", "NotValidYet"]))
}

/// See the module.
#[derive(Debug)]
pub(super) struct Link {
    shared: Arc<Shared>,
    out: mpsc::Sender<Publication>,
    _listener: AbortOnDropHandle<()>,
    _publisher: AbortOnDropHandle<()>,
}

/// One message to publish.
#[derive(Debug)]
struct Publication {
    channel: String,
    payload: Vec<u8>,
}

#[derive(Debug)]
struct Shared {
    name: Name,
    prefix: String,
    /// The channel of this node's probes, which only this node follows.
    probe: String,
    probing: Probing,
    out: mpsc::Sender<Publication>,
    lines: Mutex<Lines>,
    /// Notified whenever `wanted` has changed.
    changed: Notify,
    /// Incremented when `confirmed` changes or the connection is lost.
    progress: watch::Sender<u64>,
    /// Published messages come back.
    up: AtomicBool,
    /// The last batch could not be published.
    mute: AtomicBool,
    /// Counts subscriber connections that ended or failed to open. The publishing connection is
    /// then useless, too.
    ended: AtomicU64,
    /// What is wrong, since it last delivered.
    trouble: Mutex<Option<Trouble>>,
    counters: BusLink,
    signals: mpsc::Sender<Signal>,
    /// The queue to the node was full.
    lost: AtomicBool,
}

/// The lines to follow, and what Redis must still be told. Both differences are kept, so that a
/// change costs only its own size, however many lines there are.
#[derive(Debug, Default)]
struct Lines {
    wanted: BTreeSet<Line>,
    confirmed: BTreeSet<Line>,
    /// Wanted and not confirmed, except those being subscribed right now.
    to_add: BTreeSet<Line>,
    /// Confirmed and not wanted.
    to_remove: BTreeSet<Line>,
}

impl Lines {
    fn want(&mut self, lines: &BTreeSet<Line>) {
        for line in lines {
            if self.wanted.insert(*line) && !self.to_remove.remove(line) {
                self.to_add.insert(*line);
            }
        }
    }

    fn leave(&mut self, lines: &BTreeSet<Line>) {
        for line in lines {
            if self.wanted.remove(line) && !self.to_add.remove(line) && self.confirmed.contains(line) {
                self.to_remove.insert(*line);
            }
        }
    }

    /// The next lines to subscribe to and to unsubscribe from. The latter no longer count as
    /// confirmed: a line that is wanted again meanwhile must be confirmed again.
    fn take(&mut self) -> (Vec<Line>, Vec<Line>) {
        let first =
            |set: &mut BTreeSet<Line>| -> Vec<Line> { (0..CHUNK).map_while(|_| set.pop_first()).collect() };
        let (add, remove) = (first(&mut self.to_add), first(&mut self.to_remove));
        for line in &remove {
            self.confirmed.remove(line);
        }
        (add, remove)
    }

    fn confirm(&mut self, lines: &[Line]) {
        for line in lines {
            self.confirmed.insert(*line);
            // It may have been dropped and wanted again meanwhile, or only dropped.
            self.to_add.remove(line);
            if !self.wanted.contains(line) {
                self.to_remove.insert(*line);
            }
        }
    }

    /// The connection is gone, along with every subscription.
    fn begin_again(&mut self) {
        self.confirmed.clear();
        self.to_remove.clear();
        self.to_add.clone_from(&self.wanted);
    }
}

/// The state of one subscriber connection.
#[derive(Debug, Default)]
struct Listener {
    /// The number of messages received, of any kind.
    heard: AtomicU64,
    /// Notified when a probe has returned.
    echo: Notify,
    /// Notified when the connection has ended.
    gone: Notify,
}

impl Link {
    pub(super) fn start(
        name: Name,
        client: Client,
        prefix: &str,
        (signals, counters, probing): (mpsc::Sender<Signal>, BusLink, Probing),
    ) -> Self {
        let (out, queue) = mpsc::channel(OUT_MAX);
        let shared = Arc::new(Shared {
            name,
            prefix: prefix.to_owned(),
            probe: format!("{prefix}:node:{}", Uuid::new_v4()),
            probing,
            out: out.clone(),
            lines: Mutex::default(),
            changed: Notify::new(),
            progress: watch::Sender::new(0),
            up: AtomicBool::new(false),
            mute: AtomicBool::new(false),
            ended: AtomicU64::new(0),
            trouble: Mutex::default(),
            counters,
            signals,
            lost: AtomicBool::new(false),
        });
        let listener = tokio::spawn(listen(shared.clone(), client.clone()));
        let publisher = tokio::spawn(publish(shared.clone(), client, queue));
        Self {
            shared,
            out,
            _listener: AbortOnDropHandle::new(listener),
            _publisher: AbortOnDropHandle::new(publisher),
        }
    }

    #[cfg(test)]
    pub(super) fn probes(&self) -> u64 {
        self.shared.counters.probes.get()
    }

    #[cfg(test)]
    pub(super) fn ended(&self) -> u64 {
        self.shared.ended.load(Ordering::Relaxed)
    }

    pub(super) fn name(&self) -> &Name {
        &self.shared.name
    }

    /// Waits for the end of the first attempt. Returns what is wrong, or `None` if it delivers.
    pub(super) async fn tried(&self) -> Option<Trouble> {
        let mut progress = self.shared.progress.subscribe();
        let tried = async {
            while self.status() == Status::Down && self.shared.ended.load(Ordering::Relaxed) == 0 {
                if progress.changed().await.is_err() {
                    return;
                }
            }
        };
        let is_late = tokio::time::timeout(TRIED_WITHIN, tried).await.is_err();
        match self.status() {
            Status::Up if !is_late => None,
            Status::Up | Status::Down => {
                let trouble = self.shared.trouble().clone();
                Some(trouble.unwrap_or_else(|| Trouble::Away("it does not answer".to_owned())))
            }
        }
    }

    pub(super) fn publish(&self, broadcast: Broadcast) -> bool {
        let publication =
            Publication { channel: self.shared.channel(&broadcast.line), payload: broadcast.encode() };
        self.out.try_send(publication).is_ok()
    }

    pub(super) async fn subscribe(&self, lines: &BTreeSet<Line>) {
        let mut progress = self.shared.progress.subscribe();
        self.shared.lines().want(lines);
        self.shared.changed.notify_one();
        let confirmed = async {
            // While the link is down, the database is queried every second, so there is nothing to
            // wait for.
            while self.status() == Status::Up && !lines.is_subset(&self.shared.lines().confirmed) {
                if progress.changed().await.is_err() {
                    return;
                }
            }
        };
        if tokio::time::timeout(CONFIRMED_WITHIN, confirmed).await.is_err() {
            let name = self.name();
            tracing::warn!(redis = %name, lines = lines.len(), "a subscription was not confirmed in time");
        }
    }

    pub(super) fn unsubscribe(&self, lines: &BTreeSet<Line>) {
        self.shared.lines().leave(lines);
        self.shared.changed.notify_one();
    }

    pub(super) fn status(&self) -> Status {
        let carries = self.shared.up.load(Ordering::Relaxed) && !self.shared.mute.load(Ordering::Relaxed);
        if carries { Status::Up } else { Status::Down }
    }
}

impl Shared {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records what is wrong. Refusals are sticky: later errors do not overwrite them, and they are
    /// logged once.
    fn troubled(&self, error: &RedisError) {
        let (new, mut trouble) = (Trouble::of(error), self.trouble());
        let was_refusal = trouble.as_ref().is_some_and(Trouble::is_refusal);
        if new.is_refusal() && !was_refusal {
            tracing::error!(redis = %self.name, error = %error, "Redis cannot be used as it is: is REDIS_URL right?");
        }
        if new.is_refusal() || !was_refusal {
            *trouble = Some(new);
        }
    }

    fn channel(&self, line: &Line) -> String {
        format!("{}:{line}", self.prefix)
    }

    fn line(&self, channel: &[u8]) -> Option<Line> {
        let text = std::str::from_utf8(channel).ok()?;
        text.strip_prefix(&self.prefix)?.strip_prefix(':')?.parse().ok()
    }

    fn moved(&self) {
        self.progress.send_modify(|count| *count += 1);
    }

    fn signal(&self, signal: Signal) {
        if self.signals.try_send(signal).is_err() {
            self.lost.store(true, Ordering::Relaxed);
            self.changed.notify_one();
        }
    }

    /// Handles a push. Runs inside the connection's own task, so it must not block.
    fn pushed(&self, listener: &Listener, push: PushInfo) {
        if push.kind == PushKind::Disconnection {
            listener.gone.notify_one();
        }
        if push.kind != PushKind::Message {
            return;
        }
        let [Value::BulkString(channel), Value::BulkString(payload)] = push.data.as_slice() else { return };
        listener.heard.fetch_add(1, Ordering::Relaxed);
        if channel == self.probe.as_bytes() {
            listener.echo.notify_one();
            return;
        }
        let Some(line) = self.line(channel) else { return };
        match Broadcast::decode(line, payload) {
            Some(broadcast) => self.signal(Signal::Broadcast(broadcast)),
            // During an upgrade there may be many, so only the first one is logged.
            None if self.counters.unreadable.inc() == 0 => {
                tracing::warn!(%line, "passed over a broadcast that this version cannot read; others are only counted");
            }
            None => {}
        }
    }

    /// Sends a probe. If the queue is full, the missing echo marks the link as dead.
    fn ask(&self) {
        self.counters.probes.inc();
        drop(self.out.try_send(Publication { channel: self.probe.clone(), payload: Vec::new() }));
    }
}

/// Reconnects forever, and keeps the wanted subscriptions.
async fn listen(shared: Arc<Shared>, client: Client) {
    let mut backoff_ms = BACKOFF_MIN_MS;
    loop {
        let listener = Arc::new(Listener::default());
        match connect(&shared, &client, &listener).await {
            Ok(mut connection) => {
                let outcome = keep(&shared, &mut connection, &listener, &mut backoff_ms).await;
                tracing::warn!(redis = %shared.name, error = %outcome, "the connection to Redis is lost");
                shared.troubled(&outcome);
            }
            Err(e) => {
                tracing::debug!(redis = %shared.name, error = %e, "Redis cannot be reached");
                shared.troubled(&e);
            }
        }
        if shared.up.swap(false, Ordering::Relaxed) {
            // The database is checked now, and then every second.
            shared.signal(Signal::Lost);
        }
        shared.ended.fetch_add(1, Ordering::Relaxed);
        shared.lines().begin_again();
        shared.moved();
        let jitter = rand::random_range(0..=backoff_ms);
        tokio::time::sleep(Duration::from_millis(backoff_ms / 2 + jitter / 2)).await;
        backoff_ms = (backoff_ms * 2).min(BACKOFF_MAX_MS);
    }
}

async fn connect(
    shared: &Arc<Shared>,
    client: &Client,
    listener: &Arc<Listener>,
) -> redis::RedisResult<MultiplexedConnection> {
    let (link, listener) = (shared.clone(), listener.clone());
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(WITHIN))
        .set_response_timeout(Some(WITHIN))
        .set_push_sender(move |push: PushInfo| {
            link.pushed(&listener, push);
            Ok::<(), std::convert::Infallible>(())
        });
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    connection.subscribe(&shared.probe).await?;
    Ok(connection)
}

/// Maintains the wanted subscriptions until the connection is gone or dead; returns what went
/// wrong.
async fn keep(
    shared: &Shared,
    connection: &mut MultiplexedConnection,
    listener: &Listener,
    backoff_ms: &mut u64,
) -> RedisError {
    let Probing { quiet, echo } = shared.probing;
    if let Err(e) = reconcile(shared, connection).await {
        return e;
    }
    // The first probe is sent at once.
    shared.ask();
    let (mut asked, mut heard, mut until) = (true, 0, Instant::now() + echo);
    loop {
        let is_late = tokio::select! {
            () = shared.changed.notified() => false,
            () = listener.gone.notified() => return (redis::ErrorKind::Io, "disconnected").into(),
            // Checks at once whether the count has grown.
            () = listener.echo.notified() => true,
            () = tokio::time::sleep_until(until) => true,
        };
        let mut carries = false;
        if is_late {
            let before = std::mem::replace(&mut heard, listener.heard.load(Ordering::Relaxed));
            let now = Instant::now();
            if heard > before {
                (asked, until) = (false, now + quiet);
                carries = true;
            } else if asked {
                shared.counters.probes_missed.inc();
                return (redis::ErrorKind::Io, "deaf: what is published does not come back").into();
            } else {
                shared.ask();
                (asked, until) = (true, now + echo);
            }
        }
        if let Err(e) = reconcile(shared, connection).await {
            return e;
        }
        if carries {
            // Not before all wanted lines have been confirmed.
            begin(shared, backoff_ms);
        }
        if shared.lost.swap(false, Ordering::Relaxed) {
            // If the queue is still full, `signal` sets this again.
            tokio::time::sleep(Duration::from_millis(10)).await;
            shared.signal(Signal::Lost);
        }
    }
}

/// A message has arrived, so Redis delivers. Logs it if it did not before.
fn begin(shared: &Shared, backoff_ms: &mut u64) {
    *backoff_ms = BACKOFF_MIN_MS;
    if !shared.up.swap(true, Ordering::Relaxed) {
        shared.counters.connects.inc();
        *shared.trouble() = None;
        shared.moved();
        tracing::info!(redis = %shared.name, "Redis carries");
        shared.signal(Signal::Lost);
    }
}

async fn reconcile(shared: &Shared, connection: &mut MultiplexedConnection) -> redis::RedisResult<()> {
    loop {
        let (add, remove) = shared.lines().take();
        if add.is_empty() && remove.is_empty() {
            return Ok(());
        }
        if !add.is_empty() {
            let channels: Vec<String> = add.iter().map(|line| shared.channel(line)).collect();
            connection.subscribe(channels).await?;
            shared.lines().confirm(&add);
        }
        if !remove.is_empty() {
            let channels: Vec<String> = remove.iter().map(|line| shared.channel(line)).collect();
            connection.unsubscribe(channels).await?;
        }
        shared.moved();
    }
}

/// Publishes the queue in order, in batches of one round trip. Broadcasts that cannot be published
/// are dropped: the other nodes detect that by sequence numbers and by the head check.
async fn publish(shared: Arc<Shared>, client: Client, mut queue: mpsc::Receiver<Publication>) {
    let mut connection: Option<MultiplexedConnection> = None;
    let mut ended = 0;
    let mut batch = Vec::with_capacity(OUT_BATCH);
    loop {
        let next = queue.recv_many(&mut batch, OUT_BATCH);
        let count = if shared.mute.load(Ordering::Relaxed) {
            // After a failure, retries without waiting for the next broadcast.
            match tokio::time::timeout(AGAIN, next).await {
                Ok(count) => count,
                Err(_) => {
                    shared.ask();
                    continue;
                }
            }
        } else {
            next.await
        };
        if count == 0 {
            return;
        }
        let mut pipeline = redis::pipe();
        let mut broadcasts = batch.len() as u64;
        for publication in batch.drain(..) {
            broadcasts -= u64::from(publication.channel == shared.probe);
            pipeline.publish(publication.channel, publication.payload).ignore();
        }
        let now_ended = shared.ended.load(Ordering::Relaxed);
        if std::mem::replace(&mut ended, now_ended) != now_ended {
            // The subscriber connection has ended, so this one probably has, too; only a write
            // would reveal it.
            connection = None;
        }
        // The client's own timeouts cover replies and connecting; this one also covers a write that
        // hangs.
        let published = tokio::time::timeout(2 * WITHIN, publish_batch(&client, &mut connection, &pipeline));
        let outcome = match published.await {
            Ok(outcome) => outcome,
            Err(_) => Err((redis::ErrorKind::Io, "writing takes too long").into()),
        };
        if let Err(e) = &outcome {
            tracing::debug!(redis = %shared.name, error = %e, "could not publish");
            shared.troubled(e);
            shared.counters.dropped.inc_by(broadcasts);
            connection = None;
        }
        let was_mute = shared.mute.swap(outcome.is_err(), Ordering::Relaxed);
        if was_mute != outcome.is_err() {
            // Nobody needs to wait for a confirmation now, and the dropped changes are looked up.
            shared.moved();
            shared.signal(Signal::Lost);
        }
    }
}

async fn publish_batch(
    client: &Client,
    connection: &mut Option<MultiplexedConnection>,
    pipeline: &redis::Pipeline,
) -> redis::RedisResult<()> {
    let open = match connection {
        Some(open) => open,
        None => {
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(WITHIN))
                .set_response_timeout(Some(WITHIN));
            connection.insert(client.get_multiplexed_async_connection_with_config(&config).await?)
        }
    };
    pipeline.query_async(open).await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::RoomId;

    use super::*;

    proptest! {
        /// Lines are added and dropped at any time, even between a subscription and its
        /// confirmation, and connections are lost.
        #[test]
        fn in_the_end_what_is_wanted_is_followed(steps in prop::collection::vec((0..5_u8, 0..6_u128), 0..60)) {
            let mut lines = Lines::default();
            // What Redis has been told, and what is in flight.
            let (mut told, mut under_way) = (BTreeSet::new(), None::<(Vec<Line>, Vec<Line>)>);
            let arrive = |lines: &mut Lines, told: &mut BTreeSet<Line>, (add, remove): (Vec<Line>, Vec<Line>)| {
                told.extend(&add);
                lines.confirm(&add);
                told.retain(|line| !remove.contains(line));
            };
            for (what, which) in steps {
                let one = BTreeSet::from([Line::Room(RoomId(Uuid::from_u128(which)))]);
                match (what, under_way.take()) {
                    (0, before) => { lines.want(&one); under_way = before; }
                    (1, before) => { lines.leave(&one); under_way = before; }
                    (2, _) => { lines.begin_again(); told.clear(); }
                    (_, None) => under_way = Some(lines.take()),
                    (_, Some(before)) => arrive(&mut lines, &mut told, before),
                }
                prop_assert!(lines.confirmed.is_subset(&told), "{lines:?}");
            }
            let rest = under_way.take();
            if let Some(rest) = rest {
                arrive(&mut lines, &mut told, rest);
            }
            loop {
                let next = lines.take();
                if next.0.is_empty() && next.1.is_empty() {
                    break;
                }
                arrive(&mut lines, &mut told, next);
            }
            prop_assert_eq!(&told, &lines.wanted);
            prop_assert_eq!(&lines.confirmed, &lines.wanted);
        }
    }
}
