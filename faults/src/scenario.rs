//! The list of scenarios: what is broken, how, and for how long.

use std::time::Duration;

use serde::Deserialize;

/// What happens to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Fault {
    /// Nothing. Deliberate defects of the servers are part of the [`Scenario`].
    Nothing,
    /// One server is killed (`kill -9`), and restarted when the fault ends.
    ServerKilled,
    /// One server is told to shut down (SIGTERM), and restarted when the fault ends.
    ServerLeaves,
    /// One server is frozen (SIGSTOP) until the fault ends.
    ServerHangs,
    /// All servers are restarted, one after the other.
    ServersRestart,
    /// Redis is stopped.
    RedisGone,
    /// Redis is stopped and restarted at once, empty.
    RedisEmpty,
    /// Redis closes every listening connection, once per second.
    RedisCutsListeners,
    /// Redis is frozen.
    RedisHangs,
    /// Redis closes connections that do not read at once.
    RedisImpatient,
    /// Only one server cannot reach Redis.
    RedisGoneForOne,
    /// One server's connections to Redis stay open but carry nothing.
    RedisSilentForOne,
    /// Postgres closes the servers' connections, once per second.
    PostgresCutsConnections,
    /// Postgres is stopped in immediate mode, and recovers.
    PostgresCrashes,
    /// Postgres is frozen.
    PostgresHangs,
    /// A copy of the database is taken, and replaces the database at the end, as when a backup is restored.
    /// Everything written in between is gone.
    DatabaseGoesBack,
    /// Only one server cannot reach Postgres.
    PostgresGoneForOne,
    /// One server's connections to Postgres stay open but carry nothing.
    PostgresSilentForOne,
    /// Client connections break in the middle of a frame, again and again.
    SocketsTorn,
    /// A quarter of the clients reads only 2 kB per second.
    ReadersSlow,
    /// Half of the clients have no network.
    NetworksGone,
    /// Half of the clients have a network that silently drops everything.
    NetworksSilent,
    /// nginx reloads its configuration.
    BalancerReloads,
    /// After half of the sends, the client disconnects before the reply arrives.
    RepliesUnheard,
}

/// What a fault breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// Nothing.
    Nothing,
    /// The servers.
    Servers,
    /// Redis, or a server's connection to it.
    Redis,
    /// Postgres, or a server's connection to it.
    Postgres,
    /// The networks between clients and servers.
    Networks,
}

impl Fault {
    /// The faults that a mix consists of.
    pub const MIXED: [Self; 16] = [
        Self::ServerKilled,
        Self::ServerLeaves,
        Self::ServerHangs,
        Self::RedisGone,
        Self::RedisEmpty,
        Self::RedisCutsListeners,
        Self::RedisHangs,
        Self::RedisGoneForOne,
        Self::PostgresCutsConnections,
        Self::PostgresCrashes,
        Self::PostgresHangs,
        Self::SocketsTorn,
        Self::NetworksGone,
        Self::NetworksSilent,
        Self::BalancerReloads,
        Self::RepliesUnheard,
    ];

    /// What it breaks. One thing has at most one fault at a time; different things may be broken at once.
    #[must_use]
    pub const fn breaks(self) -> Thing {
        match self {
            Self::Nothing => Thing::Nothing,
            Self::ServerKilled | Self::ServerLeaves | Self::ServerHangs | Self::ServersRestart => {
                Thing::Servers
            }
            Self::RedisGone
            | Self::RedisEmpty
            | Self::RedisCutsListeners
            | Self::RedisHangs
            | Self::RedisImpatient
            | Self::RedisGoneForOne
            | Self::RedisSilentForOne => Thing::Redis,
            Self::PostgresCutsConnections
            | Self::PostgresCrashes
            | Self::PostgresHangs
            | Self::DatabaseGoesBack
            | Self::PostgresGoneForOne
            | Self::PostgresSilentForOne => Thing::Postgres,
            Self::SocketsTorn
            | Self::ReadersSlow
            | Self::NetworksGone
            | Self::NetworksSilent
            | Self::BalancerReloads
            | Self::RepliesUnheard => Thing::Networks,
        }
    }
}

/// What is checked besides the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// Nothing more.
    Nothing,
    /// Sessions that end are closed on all servers in time, with or without Redis.
    SessionsEnd {
        /// Whether Redis is down meanwhile.
        without_redis: bool,
        /// The time limit.
        within: Duration,
    },
    /// People who are removed from a room receive nothing more of it from any server after the time limit,
    /// with or without Redis.
    PeopleRemoved {
        /// Whether Redis is down meanwhile.
        without_redis: bool,
        /// The time limit.
        within: Duration,
    },
    /// This many more clients connect. Everyone loses the connection and reconnects at once, repeatedly.
    /// The servers' memory must return to its previous level.
    ReconnectStorm {
        /// How many.
        clients: usize,
    },
    /// Some clients do not read at all during a flood. The servers close them, and nobody else waits for
    /// them.
    ReadersStalled,
    /// Randomly drawn faults, several at a time.
    Mix,
}

/// The result that the checker must report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// No violations.
    Whole,
    /// Servers are sabotaged, and the checker must find lost messages.
    Lost,
    /// Servers are sabotaged, and the checker must find duplicates.
    Doubled,
    /// Servers are sabotaged, and the checker must find messages on screens that are not in the database.
    Phantom,
}

/// One scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scenario {
    /// Its name, for `ONLY=name`.
    pub name: &'static str,
    /// What is broken.
    pub fault: Fault,
    /// For how long.
    pub hold: Duration,
    /// The servers' deliberate defects, in the syntax of `saboteur`; empty for the shipped server.
    pub sabotage: &'static str,
    /// The share of long messages.
    pub long_share: f64,
    /// What is checked besides the messages.
    pub extra: Extra,
    /// The expected result.
    pub expected: Expected,
    /// Everyone must recover within this time after the end of the fault.
    pub whole_within: Duration,
    /// Whether every CPU is kept busy meanwhile.
    pub busy: bool,
    /// Part of the short run.
    pub short: bool,
}

const PLAIN: Scenario = Scenario {
    name: "",
    fault: Fault::Nothing,
    hold: Duration::from_secs(5),
    sabotage: "",
    long_share: 0.02,
    extra: Extra::Nothing,
    expected: Expected::Whole,
    whole_within: Duration::from_secs(45),
    busy: false,
    short: false,
};

const fn plain(name: &'static str, fault: Fault, hold_s: u64) -> Scenario {
    Scenario { name, fault, hold: Duration::from_secs(hold_s), ..PLAIN }
}

const fn sabotaged(name: &'static str, sabotage: &'static str, hold_s: u64) -> Scenario {
    Scenario { name, sabotage, hold: Duration::from_secs(hold_s), ..PLAIN }
}

const fn sessions(name: &'static str, without_redis: bool, within_s: u64) -> Scenario {
    let extra = Extra::SessionsEnd { without_redis, within: Duration::from_secs(within_s) };
    Scenario { name, extra, hold: Duration::ZERO, ..PLAIN }
}

const fn removed(name: &'static str, without_redis: bool, within_s: u64) -> Scenario {
    let extra = Extra::PeopleRemoved { without_redis, within: Duration::from_secs(within_s) };
    Scenario { name, extra, hold: Duration::ZERO, ..PLAIN }
}

const fn self_test(name: &'static str, fault: Fault, sabotage: &'static str, expected: Expected) -> Scenario {
    let (hold, whole_within) = (Duration::from_secs(5), Duration::from_secs(6));
    Scenario { name, fault, sabotage, expected, hold, whole_within, short: true, ..PLAIN }
}

/// All scenarios, in the order in which they run.
pub const ALL: &[Scenario] = &[
    plain("nothing", Fault::Nothing, 5),
    plain("server-killed", Fault::ServerKilled, 4),
    plain("server-leaves", Fault::ServerLeaves, 5),
    plain("server-hangs-20-s", Fault::ServerHangs, 20),
    plain("redis-gone-10-s", Fault::RedisGone, 10),
    plain("redis-gone-60-s", Fault::RedisGone, 60),
    plain("redis-empty", Fault::RedisEmpty, 4),
    plain("redis-cuts-listeners", Fault::RedisCutsListeners, 5),
    plain("redis-hangs-5-s", Fault::RedisHangs, 5),
    Scenario { long_share: 0.3, ..plain("redis-impatient", Fault::RedisImpatient, 8) },
    plain("redis-gone-for-one", Fault::RedisGoneForOne, 10),
    plain("redis-silent-for-one", Fault::RedisSilentForOne, 15),
    plain("postgres-cuts-connections", Fault::PostgresCutsConnections, 5),
    plain("postgres-crashes", Fault::PostgresCrashes, 5),
    plain("postgres-hangs-10-s", Fault::PostgresHangs, 10),
    plain("postgres-gone-for-one", Fault::PostgresGoneForOne, 10),
    plain("postgres-silent-for-one", Fault::PostgresSilentForOne, 20),
    plain("sockets-torn", Fault::SocketsTorn, 10),
    Scenario { long_share: 0.3, ..plain("readers-slow", Fault::ReadersSlow, 15) },
    Scenario { extra: Extra::ReadersStalled, ..plain("readers-stalled", Fault::Nothing, 0) },
    plain("networks-gone-1-s", Fault::NetworksGone, 1),
    plain("networks-gone-30-s", Fault::NetworksGone, 30),
    plain("networks-silent-45-s", Fault::NetworksSilent, 45),
    plain("nginx-reloads", Fault::BalancerReloads, 8),
    plain("servers-restart", Fault::ServersRestart, 0),
    plain("replies-unheard", Fault::RepliesUnheard, 10),
    sabotaged("publishes-dropped", "drop=0.01", 12),
    sabotaged("publishes-delayed", "delay_ms=400", 10),
    sabotaged("publishes-repeated", "repeat=0.5", 8),
    sabotaged("clock-wrong-on-one", "1:clock_ms=3600000", 6),
    sessions("sessions-end", false, 2),
    sessions("sessions-end-without-redis", true, 30),
    removed("people-removed", false, 1),
    removed("people-removed-without-redis", true, 10),
    Scenario {
        extra: Extra::ReconnectStorm { clients: 5_000 },
        ..plain("reconnect-storm", Fault::Nothing, 0)
    },
    Scenario { extra: Extra::Mix, short: true, ..plain("mix", Fault::Nothing, 45) },
    Scenario { extra: Extra::Mix, ..sabotaged("mix-with-bad-bus", "drop=0.02,delay_ms=150,repeat=0.05", 75) },
    Scenario { extra: Extra::Mix, busy: true, ..plain("mix-on-busy-processors", Fault::Nothing, 45) },
    plain("database-goes-back", Fault::DatabaseGoesBack, 8),
    self_test("checker-finds-lost", Fault::RedisCutsListeners, "drop=0.05,no_repair=1", Expected::Lost),
    self_test("checker-finds-renumbered", Fault::Nothing, "double=0.05", Expected::Lost),
    self_test("checker-finds-unsent", Fault::Nothing, "forget_jobs=1", Expected::Lost),
    self_test("checker-finds-doubled", Fault::RepliesUnheard, "forget_nonces=1", Expected::Doubled),
    Scenario {
        short: false,
        ..self_test("checker-finds-phantoms", Fault::DatabaseGoesBack, "no_repair=1", Expected::Phantom)
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = ALL.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), ALL.len());
    }
}
