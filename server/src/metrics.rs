//! The metrics of a server, for Prometheus. `docs/operating.md` explains each one and when to
//! worry.
//!
//! Each node has its own registry, so that several nodes in one process (tests) do not mix; hence
//! this crate rather than one with a global recorder. Modules that know nothing of nodes have their
//! own group: [`Bus`] for the broker, [`Outboxes`] for the hub.
//!
//! Law: the values of every label come from a list in the code. No person, room, address or text is
//! ever a label.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, prometheus_text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the time buckets, in seconds: from a fast commit to the time after which a
/// client gives up.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// A Redis, by its position in the setting, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RedisLabel {
    redis: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CommandLabel {
    command: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabel {
    kind: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PageLabel {
    result: &'static str,
}

/// What became of a page that a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageResult {
    /// It was read.
    Fetched,
    /// It could not be read.
    Failed,
    /// This server does not go there.
    Refused,
    /// The person's messages have had too many pages fetched.
    Limited,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

/// The broker's counters, for each Redis.
#[derive(Clone, Debug, Default)]
pub struct Bus {
    connects: Family<RedisLabel, Counter>,
    probes: Family<RedisLabel, Counter>,
    probes_missed: Family<RedisLabel, Counter>,
    dropped: Family<RedisLabel, Counter>,
    unreadable: Family<RedisLabel, Counter>,
}

/// The broker's counters for one Redis.
#[derive(Clone, Debug)]
pub struct BusLink {
    /// Subscriber connections that came up; each subscribes to everything again.
    pub connects: Counter,
    /// Probes sent.
    pub probes: Counter,
    /// Probes that did not return.
    pub probes_missed: Counter,
    /// Broadcasts that were accepted and could not be published.
    pub dropped: Counter,
    /// Broadcasts that this version could not read.
    pub unreadable: Counter,
}

impl Bus {
    /// The counters of one Redis, by its position in the setting, from 1.
    #[must_use]
    pub fn link(&self, number: usize) -> BusLink {
        let label = RedisLabel { redis: u32::try_from(number).unwrap_or(u32::MAX) };
        BusLink {
            connects: self.connects.get_or_create_owned(&label),
            probes: self.probes.get_or_create_owned(&label),
            probes_missed: self.probes_missed.get_or_create_owned(&label),
            dropped: self.dropped.get_or_create_owned(&label),
            unreadable: self.unreadable.get_or_create_owned(&label),
        }
    }
}

/// The counters of all outboxes of a node together.
#[derive(Clone, Debug, Default)]
pub struct Outboxes {
    /// Connections closed because their reader was too slow.
    pub slow: Counter,
    /// The most frames that waited in one outbox since the last scrape.
    frames_max: Arc<AtomicUsize>,
}

impl Outboxes {
    /// Records how many frames wait in one outbox. Skips small values, to avoid contention on one
    /// atomic.
    pub fn waiting(&self, frames: usize) {
        const FEW: usize = 8;
        if frames > FEW {
            self.frames_max.fetch_max(frames, Ordering::Relaxed);
        }
    }
}

/// Gauges, sampled on each scrape.
#[derive(Clone, Debug)]
pub struct Now {
    /// Open sockets.
    pub connections: usize,
    /// Lines that this node follows.
    pub lines: usize,
    /// Whether each Redis delivers, in the order of the setting.
    pub bus_up: Vec<bool>,
    /// Sends that wait in the lanes.
    pub lane_depth: usize,
    /// Postgres connections in use …
    pub database_used: usize,
    /// … and idle.
    pub database_idle: usize,
}

/// See the module.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// From a send's arrival to writing its acknowledgement, in seconds.
    pub send_seconds: Histogram,
    /// From a change's publication to the hub of the same node, in seconds: the round trip through
    /// Redis.
    pub delivery_seconds: Histogram,
    /// Repairs that fetched missing changes, one query for the whole node.
    pub holes_repaired: Counter,
    /// Lines that the head check found behind.
    pub head_check_finds: Counter,
    /// How often this node found that the database had gone back.
    pub epochs_renewed: Counter,
    /// Marks found by the marks check that this node had not received.
    pub marks_check_finds: Counter,
    /// Broadcasts that were refused because the queue to the broker was full.
    pub publish_refused: Counter,
    /// Answers to `catch_up` from memory …
    pub ring_hits: Counter,
    /// … and from Postgres.
    pub ring_misses: Counter,
    /// How late jobs were taken, in seconds.
    pub job_late_seconds: Histogram,
    /// Uploads that became files.
    pub files_finished: Counter,
    /// Bytes of uploads that were stored.
    pub upload_bytes: Counter,
    /// Pictures of which copies were drawn …
    pub pictures_drawn: Counter,
    /// … and those that could not be decoded, or are too large.
    pub pictures_refused: Counter,
    /// Objects deleted from the store of files.
    pub objects_deleted: Counter,
    /// Rounds of collecting files that failed.
    pub collections_failed: Counter,
    /// Messages whose words were indexed.
    pub indexed: Counter,
    /// How long searches took in the database, in seconds.
    pub search_seconds: Histogram,
    jobs_done: Family<JobLabel, Counter>,
    jobs_failed: Family<JobLabel, Counter>,
    jobs_given_up: Family<JobLabel, Counter>,
    pages: Family<PageLabel, Counter>,
    commands: Family<CommandLabel, Counter>,
    refusals: Family<CodeLabel, Counter>,
    closes: Family<CodeLabel, Counter>,
    connections: Gauge,
    lines: Gauge,
    lane_depth: Gauge,
    bus_up: Family<RedisLabel, Gauge>,
    database: Family<StateLabel, Gauge>,
    outbox_frames_max: Gauge<i64>,
    outboxes: Outboxes,
}

impl Metrics {
    /// The metrics of a node with this broker and this hub.
    #[must_use]
    pub fn new(bus: &Bus, outboxes: &Outboxes) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("roost"),
            send_seconds: Histogram::new(SECONDS),
            delivery_seconds: Histogram::new(SECONDS),
            holes_repaired: Counter::default(),
            head_check_finds: Counter::default(),
            epochs_renewed: Counter::default(),
            marks_check_finds: Counter::default(),
            publish_refused: Counter::default(),
            ring_hits: Counter::default(),
            ring_misses: Counter::default(),
            lane_depth: Gauge::default(),
            job_late_seconds: Histogram::new(SECONDS),
            files_finished: Counter::default(),
            upload_bytes: Counter::default(),
            pictures_drawn: Counter::default(),
            pictures_refused: Counter::default(),
            objects_deleted: Counter::default(),
            collections_failed: Counter::default(),
            indexed: Counter::default(),
            search_seconds: Histogram::new(SECONDS),
            jobs_done: Family::default(),
            jobs_failed: Family::default(),
            jobs_given_up: Family::default(),
            pages: Family::default(),
            commands: Family::default(),
            refusals: Family::default(),
            closes: Family::default(),
            connections: Gauge::default(),
            lines: Gauge::default(),
            bus_up: Family::default(),
            database: Family::default(),
            outbox_frames_max: Gauge::default(),
            outboxes: outboxes.clone(),
        };
        metrics.register(bus);
        metrics
    }

    /// The names follow Prometheus' conventions: the encoder adds a counter's `_total`.
    fn register(&mut self, bus: &Bus) {
        let r = &mut self.registry;
        r.register("send_seconds", "From a send to its acknowledgement", self.send_seconds.clone());
        r.register(
            "delivery_seconds",
            "From a change's publication to the hub of the same node",
            self.delivery_seconds.clone(),
        );
        r.register("commands", "Commands, by their name", self.commands.clone());
        r.register("refusals", "Commands and frames refused, by the refusal's number", self.refusals.clone());
        r.register("connections", "Open sockets", self.connections.clone());
        r.register(
            "connections_closed",
            "Sockets that this server closed, by the close's number (4401: the session ended)",
            self.closes.clone(),
        );
        r.register("lines_followed", "Lines that this node follows", self.lines.clone());
        r.register(
            "slow_readers_closed",
            "Sockets closed because they read too slowly",
            self.outboxes.slow.clone(),
        );
        r.register(
            "outbox_frames_max",
            "The most frames that waited for one socket since the last scrape",
            self.outbox_frames_max.clone(),
        );
        r.register("lane_depth", "Sends that wait to be written, in all lanes", self.lane_depth.clone());
        r.register("ring_hits", "Catch-ups answered from memory", self.ring_hits.clone());
        r.register("ring_misses", "Catch-ups answered from Postgres", self.ring_misses.clone());
        r.register("holes_repaired", "Repairs of missed changes from Postgres", self.holes_repaired.clone());
        r.register(
            "epochs_renewed",
            "Times this node found that the database had gone back",
            self.epochs_renewed.clone(),
        );
        r.register(
            "head_check_finds",
            "Lines that the head check found behind",
            self.head_check_finds.clone(),
        );
        r.register(
            "marks_check_finds",
            "Marks found by looking, of which nothing had been heard",
            self.marks_check_finds.clone(),
        );
        r.register(
            "job_late_seconds",
            "How long after its time a job was taken",
            self.job_late_seconds.clone(),
        );
        r.register("files_finished", "Uploads that became files", self.files_finished.clone());
        r.register("upload_bytes", "Bytes of uploads that were stored", self.upload_bytes.clone());
        r.register("pictures_drawn", "Pictures of which copies were drawn", self.pictures_drawn.clone());
        r.register("pictures_refused", "Pictures that could not be decoded", self.pictures_refused.clone());
        r.register(
            "objects_deleted",
            "Objects deleted from the store of files",
            self.objects_deleted.clone(),
        );
        r.register(
            "collections_failed",
            "Rounds of collecting unused files that failed",
            self.collections_failed.clone(),
        );
        r.register("messages_indexed", "Messages whose words were indexed", self.indexed.clone());
        r.register("search_seconds", "How long searches took", self.search_seconds.clone());
        r.register("jobs_done", "Jobs done, by their kind", self.jobs_done.clone());
        r.register("link_pages", "Pages that links lead to, by what became of them", self.pages.clone());
        r.register("jobs_failed", "Tries of jobs that failed, by their kind", self.jobs_failed.clone());
        r.register(
            "jobs_given_up",
            "Jobs that wait for an administrator, by their kind",
            self.jobs_given_up.clone(),
        );
        r.register("database_connections", "Connections to Postgres, by their state", self.database.clone());
        r.register("bus_up", "Whether this Redis carries", self.bus_up.clone());
        r.register("bus_connects", "Connections to this Redis that began to carry", bus.connects.clone());
        r.register("bus_probes", "Echoes asked of a quiet Redis", bus.probes.clone());
        r.register("bus_probes_missed", "Echoes that did not come", bus.probes_missed.clone());
        r.register("bus_dropped", "Broadcasts that could not be published", bus.dropped.clone());
        r.register("bus_unreadable", "Broadcasts of another version, passed over", bus.unreadable.clone());
        r.register(
            "publish_refused",
            "Broadcasts refused because the queue to Redis was full",
            self.publish_refused.clone(),
        );
    }

    /// A command arrived.
    pub fn command(&self, name: &'static str) {
        self.commands.get_or_create(&CommandLabel { command: name }).inc();
    }

    /// A job of this kind was done.
    pub fn job_done(&self, kind: &'static str) {
        self.jobs_done.get_or_create(&JobLabel { kind }).inc();
    }

    /// A job of this kind failed, and will be retried.
    pub fn job_failed(&self, kind: &'static str) {
        self.jobs_failed.get_or_create(&JobLabel { kind }).inc();
    }

    /// A job of this kind failed too often.
    pub fn job_given_up(&self, kind: &'static str) {
        self.jobs_given_up.get_or_create(&JobLabel { kind }).inc();
    }

    /// A page that a link leads to was asked for.
    pub fn page_fetched(&self, result: PageResult) {
        let result = match result {
            PageResult::Fetched => "fetched",
            PageResult::Failed => "failed",
            PageResult::Refused => "refused",
            PageResult::Limited => "limited",
        };
        self.pages.get_or_create(&PageLabel { result }).inc();
    }

    /// A request was refused with this code.
    pub fn refused(&self, code: protocol::ErrorCode) {
        self.refusals.get_or_create(&CodeLabel { code: code.into() }).inc();
    }

    /// A socket was closed by this server.
    pub fn closed(&self, code: protocol::CloseCode) {
        self.closes.get_or_create(&CodeLabel { code: code as u16 }).inc();
    }

    /// All metrics in Prometheus' text format. Resets the outbox maximum, so only one Prometheus
    /// should scrape it.
    #[must_use]
    pub fn text(&self, now: &Now) -> String {
        let signed = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.connections.set(signed(now.connections));
        self.lines.set(signed(now.lines));
        self.lane_depth.set(signed(now.lane_depth));
        for (number, up) in (1..).zip(&now.bus_up) {
            self.bus_up.get_or_create(&RedisLabel { redis: number }).set(i64::from(*up));
        }
        let database = |state, count| self.database.get_or_create(&StateLabel { state }).set(signed(count));
        database("used", now.database_used);
        database("idle", now.database_idle);
        self.outbox_frames_max.set(signed(self.outboxes.frames_max.swap(0, Ordering::Relaxed)));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry).expect("a String takes everything");
        text
    }
}

#[cfg(test)]
mod tests {
    use protocol::{CloseCode, ErrorCode};

    use super::*;

    #[test]
    fn what_was_counted_is_told_once_with_bounded_labels() {
        let (bus, outboxes) = (Bus::default(), Outboxes::default());
        let metrics = Metrics::new(&bus, &outboxes);
        bus.link(2).probes_missed.inc();
        metrics.command("send");
        metrics.command("send");
        metrics.refused(ErrorCode::SlowDown);
        metrics.closed(CloseCode::SessionEnded);
        metrics.job_done("send");
        metrics.job_failed("send");
        metrics.job_given_up("remind");
        metrics.job_late_seconds.observe(0.3);
        metrics.page_fetched(PageResult::Refused);
        metrics.send_seconds.observe(0.02);
        outboxes.waiting(3);
        outboxes.waiting(700);
        outboxes.waiting(40);
        let now = Now {
            connections: 5,
            lines: 6,
            lane_depth: 7,
            bus_up: vec![true, false],
            database_used: 1,
            database_idle: 3,
        };
        let text = metrics.text(&now);
        for line in [
            "roost_commands_total{command=\"send\"} 2",
            "roost_refusals_total{code=\"5001\"} 1",
            "roost_connections_closed_total{code=\"4401\"} 1",
            "roost_bus_probes_missed_total{redis=\"2\"} 1",
            "roost_bus_up{redis=\"1\"} 1",
            "roost_bus_up{redis=\"2\"} 0",
            "roost_outbox_frames_max 700",
            "roost_connections 5",
            "roost_lines_followed 6",
            "roost_database_connections{state=\"idle\"} 3",
            "roost_send_seconds_bucket{le=\"0.01\"} 0",
            "roost_send_seconds_bucket{le=\"0.025\"} 1",
            "roost_lane_depth 7",
            "roost_jobs_done_total{kind=\"send\"} 1",
            "roost_link_pages_total{result=\"refused\"} 1",
            "roost_jobs_failed_total{kind=\"send\"} 1",
            "roost_jobs_given_up_total{kind=\"remind\"} 1",
            "roost_job_late_seconds_bucket{le=\"0.5\"} 1",
        ] {
            assert_eq!(
                text.lines().filter(|found| *found == line).count(),
                1,
                "{line} is not once in\n{text}"
            );
        }
        assert!(metrics.text(&now).contains("roost_outbox_frames_max 0\n"), "it is counted anew");
    }
}
