//! The broker through Redis: one connection that listens, one that publishes.
//!
//! The listening loop is ours, because redis-rs' own resubscription gives up after some seconds of outage and swallows
//! errors. What is wanted is a table; the loop makes it so: it connects (for ever, with jittered backoff), subscribes
//! in chunks, waits for the confirmations, and after every new connection says [`Signal::Lost`].

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind, Value,
    aio::MultiplexedConnection, io::tcp::TcpSettings,
};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use super::{Broadcast, SIGNALS_MAX, Signal, Status, Topic};

/// Topics in one SUBSCRIBE.
const CHUNK: usize = 512;
/// Broadcasts that wait to be published, at most.
const OUT_MAX: usize = 16_384;
/// Broadcasts published in one round trip.
const OUT_BATCH: usize = 128;
/// A connection or an answer that takes longer is none.
const WITHIN: Duration = Duration::from_secs(2);
/// Whoever asks to follow a topic waits no longer than this for the confirmation.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(3);
const BACKOFF_MIN_MS: u64 = 100;
const BACKOFF_MAX_MS: u64 = 2_000;

/// The address is not one of a Redis.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RedisError(String);

/// See the module.
#[derive(Debug)]
pub struct Redis {
    shared: Arc<Shared>,
    out: mpsc::Sender<Broadcast>,
    _listener: AbortOnDropHandle<()>,
    _publisher: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Shared {
    prefix: String,
    topics: Mutex<Topics>,
    /// Rung whenever `wanted` has changed.
    changed: Notify,
    /// Counts the times that `confirmed` has changed, or the connection was lost.
    progress: watch::Sender<u64>,
    up: AtomicBool,
    signals: mpsc::Sender<Signal>,
    /// The queue to the node was full.
    lost: AtomicBool,
}

#[derive(Debug, Default)]
struct Topics {
    wanted: BTreeSet<Topic>,
    confirmed: BTreeSet<Topic>,
}

impl Redis {
    pub(super) fn start(url: &str, prefix: &str) -> Result<(Self, mpsc::Receiver<Signal>), RedisError> {
        let client = open(url)?;
        let (signals, receiver) = mpsc::channel(SIGNALS_MAX);
        let (out, queue) = mpsc::channel(OUT_MAX);
        let shared = Arc::new(Shared {
            prefix: prefix.to_owned(),
            topics: Mutex::default(),
            changed: Notify::new(),
            progress: watch::Sender::new(0),
            up: AtomicBool::new(false),
            signals,
            lost: AtomicBool::new(false),
        });
        let listener = tokio::spawn(listen(shared.clone(), client.clone()));
        let publisher = tokio::spawn(publish(shared.clone(), client, queue));
        let redis = Self {
            shared,
            out,
            _listener: AbortOnDropHandle::new(listener),
            _publisher: AbortOnDropHandle::new(publisher),
        };
        Ok((redis, receiver))
    }

    pub(super) fn publish(&self, broadcast: Broadcast) -> bool {
        self.out.try_send(broadcast).is_ok()
    }

    pub(super) async fn subscribe(&self, topics: &BTreeSet<Topic>) {
        let mut progress = self.shared.progress.subscribe();
        self.shared.topics().wanted.extend(topics);
        self.shared.changed.notify_one();
        let confirmed = async {
            // Down is an answer too: then the database is asked every second, and nobody need wait.
            while self.status() == Status::Up && !topics.is_subset(&self.shared.topics().confirmed) {
                if progress.changed().await.is_err() {
                    return;
                }
            }
        };
        if tokio::time::timeout(CONFIRMED_WITHIN, confirmed).await.is_err() {
            tracing::warn!(topics = topics.len(), "Redis has not confirmed a subscription in time");
        }
    }

    pub(super) fn unsubscribe(&self, topics: &BTreeSet<Topic>) {
        self.shared.topics().wanted.retain(|topic| !topics.contains(topic));
        self.shared.changed.notify_one();
    }

    pub(super) fn status(&self) -> Status {
        if self.shared.up.load(Ordering::Relaxed) { Status::Up } else { Status::Down }
    }
}

fn open(url: &str) -> Result<Client, RedisError> {
    let explain = |e: redis::RedisError| RedisError(e.to_string());
    let info = url.into_connection_info().map_err(explain)?;
    // Push messages beside replies need RESP3; and a message must not wait for the one after it.
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let info = info.set_redis_settings(settings).set_tcp_settings(TcpSettings::default().set_nodelay(true));
    Client::open(info).map_err(explain)
}

impl Shared {
    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn channel(&self, topic: &Topic) -> String {
        format!("{}:{topic}", self.prefix)
    }

    fn topic(&self, channel: &[u8]) -> Option<Topic> {
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

    /// A push came. Runs inside the connection's own task: it must not wait.
    fn pushed(&self, push: PushInfo) {
        if push.kind != PushKind::Message {
            return;
        }
        let [Value::BulkString(channel), Value::BulkString(payload)] = push.data.as_slice() else { return };
        let Some(topic) = self.topic(channel) else { return };
        match Broadcast::decode(topic, payload) {
            Some(broadcast) => self.signal(Signal::Broadcast(broadcast)),
            None => tracing::warn!(%topic, "passed over a broadcast that this version cannot read"),
        }
    }
}

/// Connects again and again, and keeps the subscriptions as they are wanted.
async fn listen(shared: Arc<Shared>, client: Client) {
    let mut backoff_ms = BACKOFF_MIN_MS;
    loop {
        let gone = Arc::new(Notify::new());
        match connect(&shared, &client, &gone).await {
            Ok(mut connection) => {
                let outcome = keep(&shared, &mut connection, &gone, &mut backoff_ms).await;
                tracing::warn!(error = %outcome, "the connection to Redis is lost");
            }
            Err(e) => tracing::debug!(error = %e, "Redis cannot be reached"),
        }
        shared.up.store(false, Ordering::Relaxed);
        shared.topics().confirmed.clear();
        shared.moved();
        let jitter = rand::random_range(0..=backoff_ms);
        tokio::time::sleep(Duration::from_millis(backoff_ms / 2 + jitter / 2)).await;
        backoff_ms = (backoff_ms * 2).min(BACKOFF_MAX_MS);
    }
}

async fn connect(
    shared: &Arc<Shared>,
    client: &Client,
    gone: &Arc<Notify>,
) -> redis::RedisResult<MultiplexedConnection> {
    let (listener, bell) = (shared.clone(), gone.clone());
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(WITHIN))
        .set_response_timeout(Some(WITHIN))
        .set_push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                bell.notify_one();
            }
            listener.pushed(push);
            Ok::<(), std::convert::Infallible>(())
        });
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Makes the subscriptions what is wanted, until the connection is gone; returns what went wrong.
async fn keep(
    shared: &Shared,
    connection: &mut MultiplexedConnection,
    gone: &Notify,
    backoff_ms: &mut u64,
) -> redis::RedisError {
    let mut is_new = true;
    loop {
        if let Err(e) = reconcile(shared, connection).await {
            return e;
        }
        if is_new {
            is_new = false;
            *backoff_ms = BACKOFF_MIN_MS;
            shared.up.store(true, Ordering::Relaxed);
            shared.moved();
            tracing::info!("Redis carries");
            shared.signal(Signal::Lost);
        }
        if shared.lost.swap(false, Ordering::Relaxed) {
            // When the queue is still full, `signal` says so again.
            tokio::time::sleep(Duration::from_millis(10)).await;
            shared.signal(Signal::Lost);
        }
        tokio::select! {
            () = shared.changed.notified() => {}
            () = gone.notified() => return (redis::ErrorKind::Io, "disconnected").into(),
        }
    }
}

async fn reconcile(shared: &Shared, connection: &mut MultiplexedConnection) -> redis::RedisResult<()> {
    loop {
        let (add, remove) = {
            let topics = shared.topics();
            let add: Vec<Topic> = topics.wanted.difference(&topics.confirmed).take(CHUNK).copied().collect();
            let remove: Vec<Topic> =
                topics.confirmed.difference(&topics.wanted).take(CHUNK).copied().collect();
            (add, remove)
        };
        if add.is_empty() && remove.is_empty() {
            return Ok(());
        }
        if !add.is_empty() {
            let channels: Vec<String> = add.iter().map(|topic| shared.channel(topic)).collect();
            connection.subscribe(channels).await?;
            shared.topics().confirmed.extend(&add);
        }
        if !remove.is_empty() {
            // A topic that is wanted again meanwhile must not be taken for confirmed.
            shared.topics().confirmed.retain(|topic| !remove.contains(topic));
            let channels: Vec<String> = remove.iter().map(|topic| shared.channel(topic)).collect();
            connection.unsubscribe(channels).await?;
        }
        shared.moved();
    }
}

/// Publishes what is queued, in order, many in one round trip. What cannot be published is dropped: the other nodes
/// find it by their numbers and by the head check.
async fn publish(shared: Arc<Shared>, client: Client, mut queue: mpsc::Receiver<Broadcast>) {
    let mut connection: Option<MultiplexedConnection> = None;
    let mut batch = Vec::with_capacity(OUT_BATCH);
    while queue.recv_many(&mut batch, OUT_BATCH).await > 0 {
        let mut pipeline = redis::pipe();
        for broadcast in batch.drain(..) {
            pipeline.publish(shared.channel(&broadcast.topic), broadcast.encode()).ignore();
        }
        if let Err(e) = publish_batch(&client, &mut connection, &pipeline).await {
            tracing::debug!(error = %e, "could not publish");
            connection = None;
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
