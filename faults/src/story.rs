//! Plays one scenario: people talk, a fault begins and ends, all clients recover, and everything is
//! compared.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use protocol::{CloseCode, Millis, Nonce, RoomId, Seq, UserId};
use rand::{Rng as _, rngs::StdRng};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::{
    busy::Busy,
    checker::{self, Verdict},
    cluster::{self, Address, Cluster, Fallible, NETWORKS, SERVERS},
    crowd::Crowd,
    files, fresh,
    log::Log,
    person::{Orders, Person, Socket, greeted},
    proxy::Weather,
    removed,
    report::Outcome,
    scenario::{Expected, Extra, Fault, Scenario},
    schedule::{self, Planned, Schedule},
    stalled,
    stored::{self, Truth},
    violation::{Kind, Violation},
};

/// Messages per second of all people together.
const SENDS_PER_S: f64 = 70.0;
/// Random connection losses per person and minute, besides the scenario's fault.
const CUTS_PER_MIN: f64 = 1.0;
/// How long people talk before the fault begins …
const BEFORE: Duration = Duration::from_secs(2);
/// … and, at least, after it has ended.
const AFTER: Duration = Duration::from_secs(2);
/// Recovered clients become quiet within this time once nobody writes.
const QUIET_WITHIN: Duration = Duration::from_secs(40);
/// A note names people who have not recovered after this time.
const SLOW: Duration = Duration::from_secs(6);
/// When everything is quiet, search finds everything within this time: two seconds, and a comparison of all lines with the index.
const SEARCHABLE_WITHIN: Duration = Duration::from_secs(4);
/// How often to check whether everyone has recovered.
const LOOK: Duration = Duration::from_millis(100);
/// Marks are written once a second.
const MARKS: Duration = Duration::from_millis(2_500);
/// Lost marks are found within this time: servers look for them every 15 s.
const MARKS_WITHIN: Duration = Duration::from_secs(25);
/// The same for a person's own read mark in a large room, where it is written once in ten seconds.
const LARGE_MARKS_WITHIN: Duration = Duration::from_secs(15);
/// A longer wait for marks is noted.
const MARKS_SLOW: Duration = Duration::from_secs(1);
/// How long people go on talking after the database has gone back and everyone has recovered.
const LIFE_AFTER: Duration = Duration::from_secs(5);
/// A message stored before the database went back may still be acknowledged up to this much later, in
/// milliseconds.
const ANSWERED_WITHIN: Millis = 2_000;
/// States compared with a fresh fetch at a time.
const COMPARED_AT_ONCE: usize = 16;
/// How often a storm drops all connections, after the first time.
const WAVES: usize = 3;
/// Everyone reconnects within this time after each drop.
const STORM_WITHIN: Duration = Duration::from_secs(30);
/// How many people sign out in the scenarios about sessions.
const SIGNED_OUT: usize = 5;
/// A server's memory may grow by this much in a storm, because allocators keep some.
const MEMORY_SLACK_KB: i64 = 16 * 1024;

/// Everything that a run uses.
pub struct Stage {
    cluster: Cluster,
    people: Vec<Arc<Person>>,
    index: BTreeMap<UserId, usize>,
    channels: Vec<RoomId>,
    orders: watch::Sender<Orders>,
    /// The start of everybody's clock.
    began: Instant,
    seed: u64,
    rng: StdRng,
    /// The period in which the database was one that has since been replaced.
    gone: Option<(Millis, Millis)>,
    reload: bool,
    /// Objects that only a replaced database knew.
    orphans: BTreeSet<Uuid>,
    _lives: Vec<AbortOnDropHandle<()>>,
}

impl Stage {
    /// Starts the cluster and all clients.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn set(root: &Path, seed: u64) -> Fallible<Self> {
        let cluster = Cluster::start(root).await?;
        let mut rng = schedule::generator(seed, "people");
        let accounts = stored::people(&cluster.pool, &mut rng).await?;
        let (orders, began) = (watch::Sender::new(Orders::QUIET), Instant::now());
        let index = accounts.iter().enumerate().map(|(index, account)| (account.user, index)).collect();
        let mut people = Vec::new();
        let channels = accounts.first().map(|account| account.channels.clone()).unwrap_or_default();
        for (index, account) in accounts.into_iter().enumerate() {
            people.push(Arc::new(Person::new(index, account, cluster.address(index), began)));
        }
        let live = |person: &Arc<Person>| {
            AbortOnDropHandle::new(tokio::spawn(Arc::clone(person).live(seed, orders.subscribe())))
        };
        let lives = people.iter().map(live).collect();
        let mut stage = Self {
            cluster,
            people,
            index,
            channels,
            orders,
            began,
            seed,
            rng,
            gone: None,
            reload: false,
            orphans: BTreeSet::new(),
            _lives: lives,
        };
        stage.until_quiet(Duration::from_secs(60)).await.map_err(|late| few(&late))?;
        Ok(stage)
    }

    /// Where the report belongs.
    #[must_use]
    pub fn report_file(&self) -> std::path::PathBuf {
        self.cluster.report_file()
    }

    /// Plays a scenario with this schedule and returns the outcome. With `marks_settled` it waits until all
    /// own read marks are stored, also in the large channel, and compares them too. That takes some
    /// seconds, so only one scenario per run does it.
    ///
    /// # Errors
    /// When the test setup fails: a server does not start, or the database does not answer.
    pub async fn play(
        &mut self,
        scenario: &Scenario,
        schedule: &Schedule,
        marks_settled: bool,
    ) -> Fallible<Outcome> {
        self.rng = schedule::generator(self.seed, scenario.name);
        self.prepare(scenario).await?;
        let mut bases = self.new_logs().await?;
        let lost_redis = self.cluster.logged("the connection to Redis is lost");
        let mut marks = MarksWatch::start(&self.cluster.pool);
        let mut notes = Vec::new();
        let mut found = Vec::new();

        let busy = scenario.busy.then(Busy::start);
        self.talk(scenario);
        tokio::time::sleep(BEFORE).await;
        self.break_and_mend(scenario, schedule, &mut notes, &mut found).await?;
        let (p50, mut max) = self.until_whole(scenario, &mut notes, &mut found).await;
        drop(busy);
        let went_back = self.gone.is_some();
        if let Some(gone) = self.gone.take() {
            max = max.max(self.until_no_phantoms(scenario, gone, &mut found).await);
            self.hush(scenario, &mut found).await;
            found.extend(self.check_life_before(gone, &bases, &mut notes).await?);
            // The marks went back, too.
            marks.stop().await;
            marks = MarksWatch::start(&self.cluster.pool);
            bases = self.new_logs().await?;
            self.talk(scenario);
            tokio::time::sleep(LIFE_AFTER).await;
        }
        self.hush(scenario, &mut found).await;
        tokio::time::sleep(MARKS).await;
        found.extend(marks.stop().await);
        if scenario.expected == Expected::Whole {
            let (took, wrong) = self.compare_marks().await;
            if took > MARKS_SLOW {
                notes.push(format!("lost marks were found after {:.1} s more", took.as_secs_f64()));
            }
            found.extend(wrong);
            found.extend(self.compare_with_fresh(marks_settled).await);
            found.extend(self.until_searchable(&bases).await?);
        }

        let logs: Vec<_> = self.people.iter().map(|person| person.new_log()).collect();
        let stored = stored::since(&self.cluster.pool, &bases, &self.index).await?;
        for (room, seq) in stored::miscounted_polls(&self.cluster.pool).await? {
            let detail = "a poll whose counts are not those of its votes";
            found.push(Violation::new(Kind::Unexpected, "the database", room, seq, detail));
        }
        found.extend(self.check_files(&logs, &bases, went_back).await?);
        let mut verdict: Verdict = checker::check(&logs, &stored);
        verdict.violations.extend(found);
        let lost_redis = self.cluster.logged("the connection to Redis is lost") - lost_redis;
        if lost_redis > 0 {
            notes.push(format!("servers lost Redis {lost_redis} times"));
        }
        let mut outcome = Outcome::new(scenario, &verdict);
        let repaired: BTreeSet<_> = logs.iter().flat_map(|log| &log.repaired).collect();
        outcome.repaired = repaired.len();
        outcome.connections_lost = logs.iter().map(|log| log.connections_lost).sum();
        (outcome.whole_p50_s, outcome.whole_max_s) = (p50.as_secs_f64(), max.as_secs_f64());
        outcome.notes = notes;
        self.reload = !verdict.violations.is_empty();
        Ok(outcome)
    }

    /// Starts the servers that the scenario needs, and resets all clients if the last scenario spoiled
    /// their state.
    async fn prepare(&mut self, scenario: &Scenario) -> Fallible<()> {
        if self.cluster.sabotage != scenario.sabotage {
            self.cluster.sabotage = scenario.sabotage.to_owned();
            for at in 0..SERVERS {
                self.cluster.kill_server(at).await?;
                self.cluster.start_server(at).await?;
            }
        }
        if std::mem::take(&mut self.reload) {
            self.orders.send_modify(|orders| orders.reloads += 1);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let quiet = self.until_quiet(Duration::from_secs(60)).await;
        Ok(quiet.map_err(|late| format!("before {}: {}", scenario.name, few(&late)))?)
    }

    /// Everybody starts a new log. Returns the rooms' numbers at which the logs start.
    async fn new_logs(&self) -> Fallible<BTreeMap<RoomId, Seq>> {
        let bases = stored::heads(&self.cluster.pool).await?;
        for person in &self.people {
            person.new_log();
        }
        Ok(bases)
    }

    /// Stops all writing, and waits until everything is quiet.
    async fn hush(&mut self, scenario: &Scenario, found: &mut Vec<Violation>) {
        self.orders.send_modify(|orders| *orders = Orders { reloads: orders.reloads, ..Orders::QUIET });
        let timeout = if scenario.expected == Expected::Whole { QUIET_WITHIN } else { scenario.whole_within };
        if let Err(late) = self.until_quiet(timeout).await {
            let late = late.into_iter().take(5);
            found.extend(late.map(|detail| Violation::at_large(Kind::Late, "not quiet in time", detail)));
        }
    }

    fn now(&self) -> Millis {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn talk(&self, scenario: &Scenario) {
        let sends_per_s = SENDS_PER_S / self.people.len() as f64;
        self.orders.send_modify(|orders| {
            *orders = Orders {
                sends_per_s,
                long_share: scenario.long_share,
                cuts_per_min: CUTS_PER_MIN,
                deaf_share: 0.0,
                roam: true,
                reloads: orders.reloads,
            };
        });
    }

    async fn break_and_mend(
        &mut self,
        scenario: &Scenario,
        schedule: &Schedule,
        notes: &mut Vec<String>,
        found: &mut Vec<Violation>,
    ) -> Fallible<()> {
        match scenario.extra {
            Extra::Nothing => self.perform(schedule).await,
            Extra::Mix => {
                notes.push(format!("{} {schedule}", schedule::DRAWN));
                self.perform(schedule).await
            }
            Extra::ReconnectStorm { clients } => self.storm(clients, notes, found).await,
            Extra::ReadersStalled => {
                let (note, wrong) = stalled::readers(&self.cluster).await?;
                notes.push(note);
                found.extend(wrong);
                Ok(())
            }
            Extra::PeopleRemoved { without_redis, within } => {
                let (note, wrong) = removed::people(&self.cluster, without_redis, within).await?;
                notes.push(note);
                found.extend(wrong);
                Ok(())
            }
            Extra::SessionsEnd { without_redis, within } => {
                self.end_sessions(without_redis, within, notes, found).await
            }
        }
    }

    /// Runs the faults of a schedule. On a busy machine a fault may be late, and so may the next fault that
    /// breaks the same thing.
    async fn perform(&mut self, schedule: &Schedule) -> Fallible<()> {
        let began = Instant::now();
        let mut to_begin = schedule.0.clone();
        let mut under_way: Vec<(Planned, Instant)> = Vec::new();
        while !to_begin.is_empty() || !under_way.is_empty() {
            let over = |(one, since): &mut (Planned, Instant)| since.elapsed() >= one.hold;
            for (one, _) in under_way.extract_if(.., over).collect::<Vec<_>>() {
                self.end(one).await?;
            }
            if let Some(index) = to_begin.iter().position(|next| {
                let is_free = |(one, _): &(Planned, Instant)| one.fault.breaks() != next.fault.breaks();
                next.at <= began.elapsed() && under_way.iter().all(is_free)
            }) {
                let next = to_begin.remove(index);
                self.begin(next).await?;
                under_way.push((next, Instant::now()));
                continue;
            }
            for (one, _) in &under_way {
                self.go_on(*one).await;
            }
            if !to_begin.is_empty() || !under_way.is_empty() {
                tokio::time::sleep(LOOK).await;
            }
        }
        // Not earlier: in a mix, a server may be started while Redis or Postgres is down.
        for at in 0..SERVERS {
            self.cluster.until_ready(at).await?;
        }
        Ok(())
    }

    async fn begin(&mut self, Planned { fault, target, .. }: Planned) -> Fallible<()> {
        let cluster = &mut self.cluster;
        match fault {
            Fault::Nothing | Fault::RedisCutsListeners | Fault::PostgresCutsConnections => {}
            Fault::ServerKilled => cluster.kill_server(target).await?,
            Fault::ServerLeaves => cluster.signal(target, "TERM")?,
            Fault::ServerHangs => cluster.signal(target, "STOP")?,
            Fault::ServersRestart => {
                for at in 0..SERVERS {
                    cluster.signal(at, "TERM")?;
                    cluster.until_gone(at).await?;
                    cluster.start_server(at).await?;
                }
            }
            Fault::RedisGone => cluster.services("redis-stop").await?,
            Fault::RedisEmpty => {
                cluster.services("redis-stop").await?;
                cluster.services("redis-start").await?;
            }
            Fault::RedisHangs => cluster.signal_redis("STOP")?,
            Fault::RedisImpatient => {
                let words = ["CONFIG", "SET", "client-output-buffer-limit", "pubsub 1kb 1kb 1"];
                cluster.ask_redis(&words).await?;
            }
            Fault::RedisGoneForOne => cluster.servers[target].redis.set(Weather::Gone),
            Fault::RedisSilentForOne => cluster.servers[target].redis.set(Weather::Silent),
            Fault::PostgresCrashes => cluster.services("postgres-crash").await?,
            Fault::PostgresHangs => cluster.services("postgres-freeze").await?,
            Fault::DatabaseGoesBack => {
                let from = self.now();
                self.cluster.services("postgres-copy").await?;
                self.gone = Some((from, Millis::MAX));
            }
            Fault::PostgresGoneForOne => cluster.servers[target].postgres.set(Weather::Gone),
            Fault::PostgresSilentForOne => cluster.servers[target].postgres.set(Weather::Silent),
            Fault::SocketsTorn => self.weather(0..NETWORKS, Weather::Tearing(150)),
            Fault::ReadersSlow => self.weather(0..1, Weather::Slow(2_000)),
            Fault::NetworksGone => self.weather(0..NETWORKS / 2, Weather::Gone),
            Fault::NetworksSilent => self.weather(0..NETWORKS / 2, Weather::Silent),
            Fault::BalancerReloads => cluster.reload_balancer().await?,
            Fault::RepliesUnheard => self.orders.send_modify(|orders| orders.deaf_share = 0.5),
        }
        Ok(())
    }

    /// Repeated about once per second while a fault lasts.
    async fn go_on(&mut self, Planned { fault, .. }: Planned) {
        if !self.rng.random_bool(0.1) {
            return;
        }
        if fault == Fault::RedisCutsListeners {
            // In a mix, Redis may be down.
            drop(self.cluster.ask_redis(&["CLIENT", "KILL", "TYPE", "pubsub"]).await);
        }
        if fault == Fault::PostgresCutsConnections {
            let all =
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'roost'";
            drop(sqlx::query(all).execute(&self.cluster.pool).await);
        }
    }

    async fn end(&mut self, Planned { fault, target, .. }: Planned) -> Fallible<()> {
        let cluster = &mut self.cluster;
        match fault {
            Fault::Nothing
            | Fault::RedisCutsListeners
            | Fault::PostgresCutsConnections
            | Fault::PostgresCrashes
            | Fault::RedisEmpty
            | Fault::ServersRestart => {}
            Fault::ServerKilled => cluster.launch_server(target)?,
            Fault::ServerLeaves => {
                cluster.until_gone(target).await?;
                cluster.launch_server(target)?;
            }
            Fault::ServerHangs => cluster.signal(target, "CONT")?,
            Fault::RedisGone => cluster.services("redis-start").await?,
            Fault::RedisHangs => cluster.signal_redis("CONT")?,
            Fault::RedisImpatient => {
                let usual = ["CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60"];
                cluster.ask_redis(&usual).await?;
            }
            Fault::RedisGoneForOne | Fault::RedisSilentForOne => {
                cluster.servers[target].redis.set(Weather::Fair)
            }
            Fault::PostgresHangs => cluster.services("postgres-thaw").await?,
            Fault::DatabaseGoesBack => {
                self.cluster.services("postgres-go-back").await?;
                let until = self.now() + ANSWERED_WITHIN;
                self.gone = self.gone.map(|(from, _)| (from, until));
            }
            Fault::PostgresGoneForOne | Fault::PostgresSilentForOne => {
                cluster.servers[target].postgres.set(Weather::Fair);
            }
            Fault::SocketsTorn | Fault::ReadersSlow | Fault::NetworksGone | Fault::NetworksSilent => {
                self.weather(0..NETWORKS, Weather::Fair);
            }
            Fault::BalancerReloads => cluster.reload_balancer().await?,
            Fault::RepliesUnheard => self.orders.send_modify(|orders| orders.deaf_share = 0.0),
        }
        Ok(())
    }

    fn weather(&self, networks: std::ops::Range<usize>, weather: Weather) {
        self.cluster.networks[networks].iter().for_each(|network| network.set(weather));
    }

    /// How long it takes until each client has everything that existed at the fault's end, and everything
    /// pending at that time is acknowledged: the median and the maximum. People go on talking meanwhile.
    async fn until_whole(
        &self,
        scenario: &Scenario,
        notes: &mut Vec<String>,
        found: &mut Vec<Violation>,
    ) -> (Duration, Duration) {
        let mended = Instant::now();
        self.orders.send_modify(|orders| {
            orders.cuts_per_min = 0.0;
            orders.roam = false;
        });
        let mut truth = loop {
            match stored::truth(&self.cluster.pool, &self.channels).await {
                Ok(truth) => break truth,
                Err(_) if mended.elapsed() < scenario.whole_within => tokio::time::sleep(LOOK).await,
                Err(e) => {
                    found.push(Violation::at_large(Kind::Late, "the database", e.to_string()));
                    return (mended.elapsed(), mended.elapsed());
                }
            }
        };
        let mut waiting: Vec<(&Arc<Person>, HashSet<Nonce>)> =
            self.people.iter().map(|person| (person, person.waiting().into_iter().collect())).collect();
        let mut times = Vec::new();
        let mut said = false;
        while !waiting.is_empty() && mended.elapsed() < scenario.whole_within {
            // Pending joins and leaves take effect.
            if let Ok(memberships) = stored::memberships(&self.cluster.pool, &self.channels).await {
                truth.memberships = memberships;
            }
            waiting.retain(|(person, nonces)| !person.has_all(&truth, nonces));
            times.resize(self.people.len() - waiting.len(), mended.elapsed());
            if let Some((person, _)) = waiting.first().filter(|_| !said && mended.elapsed() > SLOW) {
                said = true;
                let missing = person.what_is_missing(&truth);
                notes.push(format!(
                    "after {SLOW:?}, {} are not whole; {}: {missing}",
                    waiting.len(),
                    person.name
                ));
            }
            tokio::time::sleep(LOOK).await;
        }
        for (person, _) in waiting.iter().take(5) {
            let detail =
                format!("not whole after {:?}: {}", mended.elapsed(), person.what_is_missing(&truth));
            found.push(Violation::at_large(Kind::Late, &person.name, detail));
        }
        times.resize(self.people.len(), mended.elapsed());
        tokio::time::sleep(AFTER.saturating_sub(mended.elapsed())).await;
        (times[times.len() / 2], times[times.len() - 1])
    }

    /// Waits until every message on a screen is in the database, and returns how long that took after the
    /// database went back. People go on talking meanwhile.
    async fn until_no_phantoms(
        &self,
        scenario: &Scenario,
        (_, until): (Millis, Millis),
        found: &mut Vec<Violation>,
    ) -> Duration {
        let went_back = until - ANSWERED_WITHIN;
        loop {
            let phantoms = self.phantoms().await;
            let took = Duration::from_millis((self.now() - went_back).unsigned_abs());
            match phantoms {
                Ok(phantoms) if phantoms.is_empty() => return took,
                Ok(phantoms) if took > scenario.whole_within => {
                    found.extend(phantoms);
                    return took;
                }
                Err(e) if took > scenario.whole_within => {
                    found.push(Violation::at_large(Kind::Late, "the database", e.to_string()));
                    return took;
                }
                Ok(_) | Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    async fn phantoms(&self) -> Result<Vec<Violation>, sqlx::Error> {
        // Screens first: whatever they show was committed earlier.
        let screens: Vec<_> =
            self.people.iter().map(|person| (person.name.as_str(), person.screen())).collect();
        let stored = stored::nonces(&self.cluster.pool).await?;
        Ok(screens.iter().flat_map(|(name, screen)| checker::phantoms(name, screen, &stored)).collect())
    }

    /// Checks the logs up to the point where the database had gone back and everyone had recovered. The
    /// database assigned the same numbers to different messages before and after, so what was shown cannot
    /// be checked by number. Instead this checks that no acknowledged message is missing, except those that
    /// went with the database, and that no screen shows a phantom.
    async fn check_life_before(
        &self,
        gone: (Millis, Millis),
        bases: &BTreeMap<RoomId, Seq>,
        notes: &mut Vec<String>,
    ) -> Fallible<Vec<Violation>> {
        let logs: Vec<_> = self.people.iter().map(|person| person.new_log()).collect();
        let stored = stored::since(&self.cluster.pool, bases, &self.index).await?;
        let (gone_with_it, mut found) = checker::check_life_before(&logs, &stored, gone);
        notes.push(format!(
            "{gone_with_it} of {} acknowledged messages came after the copy and went with the database",
            logs.iter().map(|log| log.acknowledged.len()).sum::<usize>()
        ));
        found.extend(self.phantoms().await?);
        Ok(found)
    }

    /// Waits until search finds every message, and no deleted one.
    async fn until_searchable(&self, bases: &BTreeMap<RoomId, Seq>) -> Fallible<Vec<Violation>> {
        let began = Instant::now();
        loop {
            let wrong = stored::unsearchable(&self.cluster.pool, bases).await?;
            if wrong.is_empty() {
                return Ok(Vec::new());
            }
            if began.elapsed() > SEARCHABLE_WITHIN {
                let detail = format!("{} messages are not found as they are", wrong.len());
                let one = |(room, seq): &(RoomId, Seq)| {
                    Violation::new(Kind::Lost, "search", *room, *seq, detail.clone())
                };
                return Ok(wrong.iter().take(5).map(one).collect());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until everyone is connected and up to date, and nothing is pending.
    async fn until_quiet(&mut self, timeout: Duration) -> Result<(), Vec<String>> {
        let began = Instant::now();
        let mut last = Truth::default();
        loop {
            let truth = stored::truth(&self.cluster.pool, &self.channels).await.unwrap_or_default();
            let calm =
                |person: &Arc<Person>| person.waiting().is_empty() && person.has_all(&truth, &HashSet::new());
            let restless: Vec<_> = self.people.iter().filter(|person| !calm(person)).collect();
            if restless.is_empty() && truth == last && truth.jobs == 0 {
                return Ok(());
            }
            if began.elapsed() > timeout {
                let say =
                    |person: &&Arc<Person>| format!("{}: {}", person.name, person.what_is_missing(&truth));
                return Err(restless.iter().map(say).collect());
            }
            last = truth;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// State built from events must equal a fresh fetch. With `marks_settled` this includes own read marks.
    /// In the large channel these are stored at most once in ten seconds, so clients that differ are
    /// compared again until then.
    async fn compare_with_fresh(&self, marks_settled: bool) -> Vec<Violation> {
        let compare = |person: Arc<Person>| {
            let address = self.cluster.address(person.index);
            async move {
                let found = match fresh::fetch(&address, &person.cookie, &person.rooms_now()).await {
                    Ok(fresh) => fresh::differences(&person, &fresh, marks_settled),
                    Err(e) => vec![Violation::at_large(Kind::Unexpected, &person.name, e)],
                };
                (person, found)
            }
        };
        let (began, mut people) = (Instant::now(), self.people.clone());
        loop {
            let comparing =
                futures::stream::iter(people.into_iter().map(compare)).buffer_unordered(COMPARED_AT_ONCE);
            let differing: Vec<(Arc<Person>, Vec<Violation>)> =
                comparing.filter(|(_, found)| std::future::ready(!found.is_empty())).collect().await;
            if differing.is_empty() || !marks_settled || began.elapsed() > LARGE_MARKS_WITHIN {
                return differing.into_iter().flat_map(|(_, found)| found).collect();
            }
            people = differing.into_iter().map(|(person, _)| person).collect();
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Every file that was acknowledged is stored, is read by the members of its room and by nobody else, and the folder has what the
    /// database refers to and nothing else. Objects that only a replaced database knew stay for ever, as `docs/files.md` says.
    async fn check_files(
        &mut self,
        logs: &[Log],
        bases: &BTreeMap<RoomId, Seq>,
        went_back: bool,
    ) -> Fallible<Vec<Violation>> {
        let stored = files::stored(&self.cluster.pool, bases).await?;
        let mut found = Vec::new();
        for (person, log) in self.people.iter().zip(logs) {
            found.extend(files::check_acknowledged(person.user, log, &stored));
        }
        let reader =
            |person: &Arc<Person>| (person.user, self.cluster.address(person.index), person.cookie.clone());
        let readers: Vec<_> = self.people.iter().map(reader).collect();
        found.extend(files::check_readable(stored.into_values().collect(), &readers).await);
        let folder = self.cluster.files_folder();
        let (missing, unknown) = files::compare_folder(&self.cluster.pool, &folder).await?;
        for object in missing {
            let detail = format!("the object {object} is not in the folder");
            found.push(Violation::at_large(Kind::Lost, "the store of files", detail));
        }
        if went_back {
            self.orphans.extend(unknown);
        } else if let Some(object) = unknown.iter().find(|object| !self.orphans.contains(object)) {
            let detail = format!("{} objects that nobody will delete, such as {object}", unknown.len());
            found.push(Violation::at_large(Kind::Unexpected, "the store of files", detail));
        }
        Ok(found)
    }

    /// Everybody must know the others' marks, in the rooms that report them. Returns the remaining
    /// differences, and how long it took.
    async fn compare_marks(&self) -> (Duration, Vec<Violation>) {
        let began = Instant::now();
        loop {
            let mut stale = false;
            for person in &self.people {
                stale |= person.looks_into_stale_rooms();
            }
            let stored = stored::marks(&self.cluster.pool).await.unwrap_or_default();
            let mut found = Vec::new();
            for person in &self.people {
                found.extend(person.marks_that_differ(&stored));
            }
            if (found.is_empty() && !stale) || began.elapsed() > MARKS_WITHIN {
                return (began.elapsed(), found);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Drops the connections of very many clients at once, repeatedly; all reconnect at once.
    async fn storm(
        &self,
        clients: usize,
        notes: &mut Vec<String>,
        found: &mut Vec<Violation>,
    ) -> Fallible<()> {
        let addresses: Vec<Address> = (0..NETWORKS).map(|network| self.cluster.address(network)).collect();
        let crowd = Crowd::gather(&self.cluster.pool, &addresses, clients).await?;
        let came = match crowd.until(true, STORM_WITHIN).await {
            Ok(came) => came,
            Err(here) => return Err(format!("only {here} of {clients} more clients could connect").into()),
        };
        let (mut before, mut took) = (Vec::new(), Vec::new());
        for wave in 0..=WAVES {
            self.weather(0..NETWORKS, Weather::Gone);
            if let Err(here) = crowd.until(false, Duration::from_secs(5)).await {
                return Err(format!("{here} clients have not lost their connection").into());
            }
            self.weather(0..NETWORKS, Weather::Fair);
            match crowd.until(true, STORM_WITHIN).await {
                Ok(back) => took.push(format!("{:.1}", back.as_secs_f64())),
                Err(here) => {
                    let detail = format!("only {here} of {clients} clients are back after {STORM_WITHIN:?}");
                    found.push(Violation::at_large(Kind::Late, "the crowd", detail));
                }
            }
            // By now, lines are no longer followed just because their last follower left a moment ago.
            tokio::time::sleep(Duration::from_secs(3)).await;
            // The first wave is a warm-up: servers may keep the memory they need for it.
            if wave == 0 {
                before = self.cluster.resident_kb()?;
            }
        }
        let after = self.cluster.resident_kb()?;
        notes.push(format!(
            "{clients} more clients, connected in {:.1} s; after each of {} losses of all connections at once, all were back \
             after {} s; memory of the servers with all of them connected: {before:?} kB, after the storm {after:?} kB",
            came.as_secs_f64(),
            WAVES + 1,
            took.join(", ")
        ));
        for (at, (before, after)) in before.iter().zip(&after).enumerate() {
            if *after > before + before / 5 + MEMORY_SLACK_KB {
                let detail = format!("{after} kB after the storm, {before} kB before");
                found.push(Violation::at_large(Kind::Unexpected, &format!("server {}", at + 1), detail));
            }
        }
        let rooms = crowd.rooms().to_vec();
        drop(crowd);
        // Nobody follows the rooms any more.
        tokio::time::sleep(Duration::from_secs(2)).await;
        stored::remove_rooms(&self.cluster.pool, &rooms).await
    }

    /// Some people with a socket on each server sign out on one of them.
    async fn end_sessions(
        &mut self,
        without_redis: bool,
        within: Duration,
        notes: &mut Vec<String>,
        found: &mut Vec<Violation>,
    ) -> Fallible<()> {
        let origin = self.cluster.address(0).origin;
        let addrs: Vec<_> = self.cluster.servers.iter().map(|server| server.addr).collect();
        let mut accounts = Vec::new();
        for _ in 0..SIGNED_OUT {
            let name = format!("s{:08x}", self.rng.random::<u32>());
            accounts.push(stored::person(&self.cluster.pool, &name).await?);
        }
        let mut sockets = Vec::new();
        for account in &accounts {
            for addr in &addrs {
                sockets.push(
                    greeted(&Address { addr: *addr, origin: origin.clone() }, &account.cookie, None).await?,
                );
            }
        }
        if without_redis {
            self.cluster.services("redis-stop").await?;
        }
        let began = Instant::now();
        for account in &accounts {
            let headers = [("Origin", origin.as_str()), ("Cookie", account.cookie.as_str())];
            let answer = cluster::request(addrs[0], "POST /sign-out HTTP/1.1", &headers).await?;
            if !answer.starts_with("HTTP/1.1 303") {
                return Err(format!("signing out: {}", answer.lines().next().unwrap_or_default()).into());
            }
        }
        let mut slowest = Duration::ZERO;
        for (at, mut socket) in sockets.into_iter().enumerate() {
            let closed =
                tokio::time::timeout(within.saturating_sub(began.elapsed()), until_closed(&mut socket)).await;
            slowest = slowest.max(began.elapsed());
            if closed != Ok(Some(CloseCode::SessionEnded as u16)) {
                let (who, server) = (&accounts[at / SERVERS].name, at % SERVERS + 1);
                let detail = format!("the socket on server {server} was not closed as ended: {closed:?}");
                found.push(Violation::at_large(Kind::Late, who, detail));
            }
        }
        notes.push(format!(
            "the last socket of an ended session was closed after {:.2} s",
            slowest.as_secs_f64()
        ));
        if without_redis {
            self.cluster.services("redis-start").await?;
        }
        Ok(())
    }
}

/// Late clients, in readable words.
fn few(late: &[String]) -> String {
    format!("{} are not whole: {}", late.len(), late.iter().take(5).cloned().collect::<Vec<_>>().join("; "))
}

/// Watches all marks: they only grow, and read ≤ delivered ≤ head.
struct MarksWatch {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<Vec<Violation>>,
}

impl MarksWatch {
    fn start(pool: &sqlx::PgPool) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let pool = pool.clone();
        let task = tokio::spawn(async move {
            let mut known: BTreeMap<(RoomId, UserId), (Seq, Seq, Seq)> = BTreeMap::new();
            let mut found = Vec::new();
            loop {
                let last_look = *stopped.borrow();
                // While the database is down there is nothing to see.
                for (key, marks) in stored::marks(&pool).await.unwrap_or_default() {
                    let (delivered, read, head) = marks;
                    let (delivered_before, read_before, _) = known.insert(key, marks).unwrap_or_default();
                    if delivered < delivered_before
                        || read < read_before
                        || read > delivered
                        || delivered > head
                    {
                        let detail = format!(
                            "delivered {delivered} (was {delivered_before}), read {read} (was {read_before}), head {head}"
                        );
                        found.push(Violation::new(Kind::Marks, &key.1.to_string(), key.0, head, detail));
                    }
                }
                if last_look {
                    return found;
                }
                drop(tokio::time::timeout(Duration::from_secs(1), stopped.changed()).await);
            }
        });
        Self { stop, task }
    }

    async fn stop(self) -> Vec<Violation> {
        self.stop.send_replace(true);
        self.task.await.unwrap_or_default()
    }
}

async fn until_closed(socket: &mut Socket) -> Option<u16> {
    while let Some(Ok(message)) = socket.next().await {
        if let tungstenite::Message::Close(close) = message {
            return close.map(|close| close.code.into());
        }
    }
    None
}
