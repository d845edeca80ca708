//! The measurements, each with its own servers.

use std::time::{Duration, Instant};

use faults::{
    cluster::{Fallible, request},
    stored::Someone,
};
use protocol::{Command, Direction, Line, RoomId, Seq, UserId};

use crate::{
    cpu::Accounts,
    fleet::{self, Load, Pace, Wire},
    floor, large,
    scene::Scene,
    search,
    table::{QUANTILES, Table},
};

/// How long each load lasts.
const LASTS: Duration = Duration::from_secs(10);

/// One measure.
pub(crate) struct Measure {
    /// The name for `ONLY=`.
    pub(crate) name: &'static str,
    /// The title.
    pub(crate) title: &'static str,
    /// How many servers it needs.
    pub(crate) servers: usize,
    /// Whether it runs only if `ONLY` names it, because it needs much disk space and time.
    pub(crate) only_named: bool,
    kind: Kind,
}

enum Kind {
    Floor,
    OneByOne,
    HotRoom,
    ManyRooms,
    Fanout,
    EndToEnd,
    Idle,
    Resume,
    History,
    Bus,
    Large,
    Search,
}

/// All measurements.
pub(crate) const ALL: &[Measure] = &[
    Measure {
        name: "floor",
        title: "The floor: Redis and Postgres alone",
        servers: 1,
        only_named: false,
        kind: Kind::Floor,
    },
    Measure {
        name: "nginx",
        title: "One message after the other, through nginx, from server to server",
        servers: 2,
        only_named: false,
        kind: Kind::OneByOne,
    },
    Measure { name: "hot", title: "One hot room", servers: 2, only_named: false, kind: Kind::HotRoom },
    Measure { name: "many", title: "1,000 rooms", servers: 2, only_named: false, kind: Kind::ManyRooms },
    Measure {
        name: "fanout",
        title: "A room of 1,000 connections, two servers",
        servers: 2,
        only_named: false,
        kind: Kind::Fanout,
    },
    Measure {
        name: "end-to-end",
        title: "500 messages a second, from server to server",
        servers: 2,
        only_named: false,
        kind: Kind::EndToEnd,
    },
    Measure {
        name: "idle",
        title: "10,000 idle connections",
        servers: 2,
        only_named: false,
        kind: Kind::Idle,
    },
    Measure {
        name: "resume",
        title: "2,000 clients come back, 100 messages in 20 rooms each",
        servers: 2,
        only_named: false,
        kind: Kind::Resume,
    },
    Measure {
        name: "history",
        title: "A page of history",
        servers: 1,
        only_named: false,
        kind: Kind::History,
    },
    Measure {
        name: "bus",
        title: "What Redis sends, for 2, 4 and 8 servers",
        servers: 8,
        only_named: false,
        kind: Kind::Bus,
    },
    Measure { name: "large", title: "A large workspace", servers: 1, only_named: true, kind: Kind::Large },
    Measure {
        name: "search",
        title: "Search in a million messages",
        servers: 2,
        only_named: true,
        kind: Kind::Search,
    },
];

impl Measure {
    /// Runs the measurement.
    ///
    /// # Errors
    /// When something fails, so that there is no figure.
    pub(crate) async fn run(&self, scene: &mut Scene, table: &mut Table) -> Fallible<()> {
        match self.kind {
            Kind::Floor => floor(scene, table).await,
            Kind::OneByOne => one_by_one(scene, table).await,
            Kind::HotRoom => hot_room(scene, table).await,
            Kind::ManyRooms => many_rooms(scene, table).await,
            Kind::Fanout => fanout(scene, table).await,
            Kind::EndToEnd => end_to_end(scene, table).await,
            Kind::Idle => idle(scene, table).await,
            Kind::Resume => resume(scene, table).await,
            Kind::History => history(scene, table).await,
            Kind::Bus => bus(scene, table).await,
            Kind::Large => large::large(scene, table).await,
            Kind::Search => search::search(scene, table).await,
        }
    }
}

async fn floor(scene: &Scene, table: &mut Table) -> Fallible<()> {
    let lasts = Duration::from_secs(4);
    let rate = floor::publishes_per_s(&scene.redis_url, lasts).await?;
    table.add("floor", "Redis: publish, 300 bytes, 128 a round trip", (rate, "/s"), String::new());
    for connections in [1, 4] {
        let rate = floor::inserts_per_s(&scene.pool, connections, lasts).await?;
        let what = format!("Postgres: rows, 256 a commit, {connections} connection(s)");
        table.add("floor", &what, (rate, "/s"), "durable".to_owned());
    }
    Ok(())
}

/// The latency between two people on an otherwise idle system: through nginx, from server to server.
async fn one_by_one(scene: &mut Scene, table: &mut Table) -> Fallible<()> {
    const MESSAGES: usize = 1_000;
    const PAGES: usize = 300;
    let each = scene.resident()? as f64 / scene.addrs.len() as f64;
    table.add("nginx", "resident memory of an idle server", (each / 1e6, "MB"), String::new());
    let addr = scene.balanced()?;
    let people = scene.people(2).await?;
    let room = scene.rooms(&[users(&people)]).await?[0];
    let mut one = Wire::open(addr, &people[0]).await?;
    let mut two = Wire::open(addr, &people[1]).await?;
    // nginx assigns connections to the servers in turn, so after some attempts the two are on different
    // ones.
    for _ in 0..20 {
        if one.node() != two.node() {
            break;
        }
        two = Wire::open(addr, &people[1]).await?;
    }
    if one.node() == two.node() {
        return Err("nginx has put both on one server".into());
    }
    let (mut acknowledged, mut shown) = (Vec::new(), Vec::new());
    for number in 0..MESSAGES {
        let (ack, told) = one.says_to(&mut two, room, format!("message {number}")).await?;
        acknowledged.push(ack);
        shown.push(told);
    }
    table.times("nginx", "send to acknowledgement", &mut acknowledged, QUANTILES);
    table.times("nginx", "send to the other's socket", &mut shown, QUANTILES);
    pages(table, "nginx", addr, (&people[0], room), PAGES).await
}

/// Room pages, each on a connection of its own.
async fn pages(
    table: &mut Table,
    measure: &str,
    addr: std::net::SocketAddr,
    (someone, room): (&Someone, RoomId),
    count: usize,
) -> Fallible<()> {
    let path = format!("GET /r/{room} HTTP/1.1");
    let mut times = Vec::new();
    for _ in 0..count {
        let began = Instant::now();
        let answer = request(addr, &path, &[("Cookie", &someone.cookie)]).await?;
        if !answer.starts_with("HTTP/1.1 200") {
            return Err(answer.lines().next().unwrap_or_default().into());
        }
        times.push(began.elapsed());
    }
    table.times(measure, "the room as HTML, filled", &mut times, QUANTILES);
    Ok(())
}

/// Assigns people to servers in turn.
fn spread<'a>(scene: &Scene, people: &'a [Someone]) -> Vec<(std::net::SocketAddr, &'a Someone)> {
    let at = |(index, someone)| (scene.addrs[index % scene.addrs.len()], someone);
    people.iter().enumerate().map(at).collect()
}

pub(crate) fn users(people: &[Someone]) -> Vec<UserId> {
    people.iter().map(|someone| someone.user).collect()
}

/// The figures common to all loads.
fn report(table: &mut Table, measure: &str, load: &mut Load, spent: &Accounts) -> Fallible<()> {
    if load.refused > 0 {
        return Err(format!("{} sends were refused", load.refused).into());
    }
    table.add(measure, "stored and acknowledged", (load.per_s(), "/s"), format!("CPU: {spent}"));
    let per_message = spent.time_of("servers").as_secs_f64() * 1e6 / load.acks.len() as f64;
    table.add(
        measure,
        "CPU of the servers a message",
        (per_message, "µs"),
        format!("{} events told", load.events),
    );
    table.times(measure, "send to acknowledgement", &mut load.acks, QUANTILES);
    Ok(())
}

async fn loaded(
    scene: &Scene,
    table: &mut Table,
    (measure, lasts): (&str, Duration),
    (wires, rooms): (&mut Vec<Wire>, &[Vec<RoomId>]),
    pace: impl Fn(usize) -> Pace,
) -> Fallible<Load> {
    let before = scene.accounts();
    let mut load = fleet::load(wires, rooms, pace, lasts).await?;
    let spent = scene.accounts().since(&before);
    report(table, measure, &mut load, &spent)?;
    Ok(load)
}

/// At full speed, then at a third of that rate.
async fn at_full_and_a_third(
    scene: &Scene,
    table: &mut Table,
    measure: &str,
    (wires, rooms, window): (&mut Vec<Wire>, &[Vec<RoomId>], usize),
) -> Fallible<()> {
    // Warms up connections, statements and caches.
    fleet::load(wires, rooms, |_| Pace::Window(window), Duration::from_secs(2)).await?;
    let full = loaded(scene, table, (measure, LASTS), (wires, rooms), |_| Pace::Window(window)).await?;
    let every = Duration::from_secs_f64(wires.len() as f64 / (full.per_s() / 3.0));
    let name = format!("{measure}, at a third");
    loaded(scene, table, (&name, LASTS), (wires, rooms), |_| Pace::Every(every)).await?;
    Ok(())
}

/// Few writers, each with many messages in flight. Every message goes to each of them, so more sockets
/// would measure deliveries rather than the room.
async fn hot_room(scene: &Scene, table: &mut Table) -> Fallible<()> {
    let people = scene.people(16).await?;
    let rooms = scene.rooms(&[users(&people)]).await?;
    let mut wires = fleet::open_all(&spread(scene, &people)).await?;
    at_full_and_a_third(scene, table, "hot", (&mut wires, &[rooms], 32)).await
}

async fn many_rooms(scene: &Scene, table: &mut Table) -> Fallible<()> {
    const PEOPLE: usize = 200;
    const ROOMS_EACH: usize = 5;
    let people = scene.people(PEOPLE).await?;
    // Each person shares a room with each of the next five: 1,000 rooms of two.
    let mut members = Vec::new();
    for (at, someone) in people.iter().enumerate() {
        for step in 1..=ROOMS_EACH {
            members.push(vec![someone.user, people[(at + step) % PEOPLE].user]);
        }
    }
    let ids = scene.rooms(&members).await?;
    let rooms: Vec<Vec<RoomId>> = ids.chunks(ROOMS_EACH).map(<[RoomId]>::to_vec).collect();
    let mut wires = fleet::open_all(&spread(scene, &people)).await?;
    at_full_and_a_third(scene, table, "many", (&mut wires, &rooms, 4)).await
}

async fn fanout(scene: &Scene, table: &mut Table) -> Fallible<()> {
    const EACH: usize = 20;
    const BURSTS: usize = 20;
    const IN_BURST: usize = 100;
    let people = scene.people(50).await?;
    let room = scene.rooms(&[users(&people)]).await?[0];
    let mut wanted = Vec::new();
    for (at, someone) in people.iter().enumerate() {
        for number in 0..EACH {
            wanted.push((scene.addrs[(at + number) % scene.addrs.len()], someone));
        }
    }
    let mut wires = fleet::open_all(&wanted).await?;
    let mut sender = Wire::open(scene.addrs[0], &people[0]).await?;
    fleet::burst(&mut sender, &mut wires, room, IN_BURST).await?;
    let before = scene.accounts();
    let (mut told, mut took) = (0, Duration::ZERO);
    for _ in 0..BURSTS {
        let (heard, time) = fleet::burst(&mut sender, &mut wires, room, IN_BURST).await?;
        (told, took) = (told + heard, took + time);
    }
    let spent = scene.accounts().since(&before);
    let note = format!("{told} in bursts of {IN_BURST} messages; CPU: {spent}");
    table.add("fanout", "deliveries", (told as f64 / took.as_secs_f64(), "/s"), note);
    let each = spent.time_of("servers").as_secs_f64() * 1e6 / told as f64;
    table.add("fanout", "CPU of the servers a delivery", (each, "µs"), String::new());
    Ok(())
}

async fn end_to_end(scene: &Scene, table: &mut Table) -> Fallible<()> {
    const PAIRS: usize = 100;
    const PER_S: f64 = 500.0;
    let people = scene.people(2 * PAIRS).await?;
    let members: Vec<Vec<UserId>> = people.chunks(2).map(users).collect();
    let ids = scene.rooms(&members).await?;
    let rooms: Vec<Vec<RoomId>> = ids.iter().flat_map(|id| [vec![*id], vec![*id]]).collect();
    let mut wires = fleet::open_all(&spread(scene, &people)).await?;
    let every = Duration::from_secs_f64(PAIRS as f64 / PER_S);
    let pace = |at: usize| if at.is_multiple_of(2) { Pace::Every(every) } else { Pace::Never };
    fleet::load(&mut wires, &rooms, pace, Duration::from_secs(2)).await?;
    let mut load = loaded(scene, table, ("end-to-end", LASTS), (&mut wires, &rooms), pace).await?;
    if load.shown.len() < load.acks.len() * 99 / 100 {
        return Err(format!("only {} of {} were heard in time", load.shown.len(), load.acks.len()).into());
    }
    table.times("end-to-end", "send to the other's socket", &mut load.shown, QUANTILES);
    Ok(())
}

async fn idle(scene: &Scene, table: &mut Table) -> Fallible<()> {
    const CONNECTIONS: usize = 10_000;
    const EACH: usize = 10;
    let people = scene.people(CONNECTIONS / EACH).await?;
    let members: Vec<Vec<UserId>> = people.chunks(10).map(users).collect();
    scene.rooms(&members).await?;
    let mut wanted = Vec::new();
    for (at, someone) in people.iter().enumerate() {
        for number in 0..EACH {
            wanted.push((scene.addrs[(at + number) % scene.addrs.len()], someone));
        }
    }
    let warm = fleet::open_all(&wanted[..200]).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = scene.resident()?;
    let began = Instant::now();
    let wires = fleet::open_all(&wanted[200..]).await?;
    let took = began.elapsed();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let each = (scene.resident()? - before) as f64 / wires.len() as f64;
    let note = format!("{} on two servers, opened in {:.1} s", wires.len() + warm.len(), took.as_secs_f64());
    table.add("idle", "resident memory a connection", (each / 1_000.0, "kB"), note);
    let accounts = scene.accounts();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let spent = scene.accounts().since(&accounts).time_of("servers").as_secs_f64() * 1e3 / 10.0;
    table.add("idle", "CPU of both servers meanwhile", (spent, "ms/s"), "of 1000 a core".to_owned());
    // Everyone loses the connection at once, and reconnects at once.
    let full = scene.resident()?;
    drop((warm, wires));
    let began = Instant::now();
    let back = fleet::open_all(&wanted).await?;
    let took = began.elapsed();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let share = scene.resident()? as f64 / full as f64;
    let note = format!("all {} came back in {:.1} s", back.len(), took.as_secs_f64());
    table.add("idle", "memory after the storm, of that before", (share * 100.0, "%"), note);
    Ok(())
}

async fn resume(scene: &Scene, table: &mut Table) -> Fallible<()> {
    const PEOPLE: usize = 2_000;
    const ROOMS: usize = 20;
    const MISSED: i64 = 5;
    let people = scene.people(PEOPLE).await?;
    let everyone = users(&people);
    // 100 rooms with 400 members each: each person is in 20.
    let members: Vec<Vec<UserId>> = (0..100)
        .map(|room| {
            everyone
                .iter()
                .enumerate()
                .filter(|(at, _)| (at + room).is_multiple_of(5))
                .map(|(_, u)| *u)
                .collect()
        })
        .collect();
    let ids = scene.rooms(&members).await?;
    let heads: Vec<Seq> = members.iter().map(|people| Seq(people.len() as i64 + 1)).collect();
    scene.messages(&ids, everyone[0], MISSED).await?;
    let before = scene.accounts();
    let began = Instant::now();
    let come_back = async |at: usize| -> Fallible<Duration> {
        let began = Instant::now();
        let mut wire = Wire::open(scene.addrs[at % scene.addrs.len()], &people[at]).await?;
        for (room, head) in ids
            .iter()
            .zip(&heads)
            .enumerate()
            .filter(|(room, _)| (at + room).is_multiple_of(5))
            .map(|(_, pair)| pair)
        {
            wire.ask(Command::CatchUp { line: Line::Room(*room), after: *head }).await?;
        }
        Ok(began.elapsed())
    };
    let lives = futures::future::try_join_all((0..PEOPLE).map(come_back));
    let mut times = lives.await?;
    let (took, spent) = (began.elapsed(), scene.accounts().since(&before));
    let note = format!("{PEOPLE} at the same moment, {ROOMS} rooms each; CPU: {spent}");
    table.add("resume", "until everyone was whole", (took.as_secs_f64(), "s"), note);
    let each = spent.time_of("servers").as_secs_f64() * 1e3 / PEOPLE as f64;
    table.add("resume", "CPU of the servers a client", (each, "ms"), String::new());
    table.times("resume", "connect until whole", &mut times, QUANTILES);
    Ok(())
}

async fn history(scene: &Scene, table: &mut Table) -> Fallible<()> {
    const PAGES: usize = 1_000;
    let people = scene.people(1).await?;
    let rooms = scene.rooms(&[users(&people)]).await?;
    scene.messages(&rooms, people[0].user, 5_000).await?;
    let mut wire = Wire::open(scene.addrs[0], &people[0]).await?;
    let mut times = Vec::new();
    let before = scene.accounts();
    for page in 0..PAGES {
        let seq = Seq(5_000 - (page as i64 * 37) % 4_900);
        let began = Instant::now();
        wire.ask(Command::History { room: rooms[0], direction: Direction::Before, seq }).await?;
        times.push(began.elapsed());
    }
    let spent = scene.accounts().since(&before);
    table.times("history", "50 messages over the socket", &mut times, QUANTILES);
    let each = spent.time_of("servers").as_secs_f64() * 1e6 / PAGES as f64;
    table.add("history", "CPU of the server a page", (each, "µs"), format!("CPU: {spent}"));
    pages(table, "history", scene.addrs[0], (&people[0], rooms[0]), 300).await
}

/// Rooms of two, with members on two different servers: what Redis sends per message must not grow with the
/// number of servers.
async fn bus(scene: &Scene, table: &mut Table) -> Fallible<()> {
    const PAIRS: usize = 100;
    for servers in [2, 4, 8] {
        let people = scene.people(2 * PAIRS).await?;
        let members: Vec<Vec<UserId>> = people.chunks(2).map(users).collect();
        let ids = scene.rooms(&members).await?;
        let rooms: Vec<Vec<RoomId>> = ids.iter().flat_map(|id| [vec![*id], vec![*id]]).collect();
        let at = |(index, someone)| (scene.addrs[index % servers], someone);
        let mut wires = fleet::open_all(&people.iter().enumerate().map(at).collect::<Vec<_>>()).await?;
        let before = sent_by_redis(&scene.redis_url).await?;
        let pace = |at: usize| {
            if at.is_multiple_of(2) { Pace::Every(Duration::from_millis(200)) } else { Pace::Never }
        };
        let load = fleet::load(&mut wires, &rooms, pace, Duration::from_secs(6)).await?;
        let sent = (sent_by_redis(&scene.redis_url).await? - before) as f64 / load.acks.len() as f64;
        let what = format!("Redis sends a message, {servers} servers");
        table.add("bus", &what, (sent, "bytes"), format!("{} messages, 2 readers each", load.acks.len()));
    }
    Ok(())
}

/// The bytes that Redis has sent so far.
async fn sent_by_redis(url: &str) -> Fallible<u64> {
    let mut connection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    let info: String = redis::cmd("INFO").arg("stats").query_async(&mut connection).await?;
    let line = info.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:"));
    Ok(line.ok_or("Redis does not say what it has sent")?.trim().parse()?)
}
