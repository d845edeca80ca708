//! A large workspace ([`stock`]): size and time of `hello` for a member of 2,000 rooms, the database load
//! of an idle server, and the cost of the crowded room. Each figure with a target shows whether it is met.

use std::{
    io::Write as _,
    process::{Command as Process, Stdio},
    time::{Duration, Instant},
};

use faults::{
    cluster::{Fallible, request},
    stored::Someone,
};
use protocol::{Command, Nonce, Reply, RoomId, RoomsAfter, Seq, ServerFrame, UserId, limits::ROOMS_SHOWN};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fleet::{self, Wire},
    scene::Scene,
    stock::{self, Sizes, Stock},
    table::Table,
};

const NAME: &str = "large";
/// Repetitions of each page load, `hello` or query, to get a distribution.
const ASKED: usize = 100;
/// Postgres reports the statistics of a connection at most ten seconds late.
const WRITTEN_DOWN: Duration = Duration::from_secs(11);
/// How long an idle server is observed. It must be shorter than the silence after which a server closes a
/// connection.
const IDLE: Duration = Duration::from_secs(60);
/// The median alone.
const MEDIAN: &[(f64, &str)] = &[(0.5, "p50")];

/// Runs all measurements.
///
/// # Errors
/// When something fails, so that there is no figure.
pub(crate) async fn large(scene: &Scene, table: &mut Table) -> Fallible<()> {
    let sizes = Sizes::from_env()?;
    let stock = stock::fill(scene, &sizes).await?;
    println!(
        "  {} messages; {} rooms, one with {} members; one person in {} rooms; {} connections of people in {} rooms each; made in {:.0} s",
        stock.messages,
        sizes.rooms + 2,
        sizes.members,
        sizes.rooms_most,
        sizes.connections,
        sizes.rooms_each,
        stock.took.as_secs_f64()
    );
    greetings(scene, table, &stock).await?;
    crowded_room(scene, table, &stock).await?;
    let wanted: Vec<_> = stock.connected.iter().map(|someone| (scene.addrs[0], someone)).collect();
    let began = Instant::now();
    let mut wires = fleet::open_all(&wanted).await?;
    let note = format!("{} connections", wires.len());
    table.add(NAME, "all connected", (began.elapsed().as_secs_f64(), "s"), note);
    idle(scene, table, &mut wires).await?;
    let mut crowd = wires.split_off(stock.crowd_from);
    messages(scene, table, (&mut crowd, stock.crowd)).await?;
    ping(&mut wires).await?;
    let last = marks(scene, table, (&mut crowd, stock.crowd)).await?;
    reactions(scene, table, (&mut crowd, stock.crowd, last)).await?;
    // Otherwise it would occupy the disk until the next measurement.
    drop((wires, crowd));
    sqlx::raw_sql("truncate messages").execute(&scene.pool).await?;
    Ok(())
}

/// Adds a figure with a target, and whether it is met.
fn judged(table: &mut Table, what: &str, (value, unit): (f64, &str), most: f64, note: &str) {
    let verdict = if value <= most { "met" } else { "MISSED" };
    let note = format!("target {most} {unit}: {verdict}{}{note}", if note.is_empty() { "" } else { "; " });
    table.add(NAME, what, (value, unit), note);
}

fn median_ms(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

/// The time that this many bytes take at 1 Mbit/s.
fn slow_line(bytes: usize) -> String {
    format!("{:.2} s at 1 Mbit/s", bytes as f64 * 8.0 / 1e6)
}

async fn greetings(scene: &Scene, table: &mut Table, stock: &Stock) -> Fallible<()> {
    let (addr, busiest) = (scene.addrs[0], &stock.busiest);
    let mut first = Vec::new();
    for _ in 0..8 {
        first.push(Wire::greeted(addr, busiest).await?.1.took);
        // By then the server no longer follows any of the rooms.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
    }
    let note = format!("of {}; the server follows none of the rooms yet", first.len());
    judged(table, "welcome, many rooms, p50", (median_ms(&mut first), "ms"), 20.0, &note);
    let (mut wire, greeting) = Wire::greeted(addr, busiest).await?;
    let mut times = greeted_again(scene, busiest).await?;
    let note = format!("of {}; the person has another connection", times.len());
    judged(table, "welcome, many rooms, followed, p50", (median_ms(&mut times), "ms"), 20.0, &note);
    let bytes = greeting.text.len();
    judged(table, "welcome, bytes", (bytes as f64, "bytes"), 64.0 * 1024.0, &slow_line(bytes));
    whole_list(table, &mut wire, &greeting.text).await?;
    html(scene, table, (busiest, stock.room)).await?;
    for (who, someone) in [("who wrote a tenth and read none", stock.writer()), ("anybody", stock.anybody())]
    {
        let _there = Wire::open(addr, someone).await?;
        let mut times = greeted_again(scene, someone).await?;
        table.times(NAME, &format!("welcome of {who}"), &mut times, MEDIAN);
    }
    Ok(())
}

/// The times of repeated `hello`s of a person who is already connected.
async fn greeted_again(scene: &Scene, someone: &Someone) -> Fallible<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..ASKED {
        times.push(Wire::greeted(scene.addrs[0], someone).await?.1.took);
    }
    Ok(times)
}

/// Fetches the rest of the room list after `welcome`.
async fn whole_list(table: &mut Table, wire: &mut Wire, greeting: &str) -> Fallible<()> {
    let ServerFrame::Reply { reply: Reply::Welcome { rooms, mut more, .. }, .. } =
        ServerFrame::decode(greeting)?
    else {
        return Err("not a greeting".into());
    };
    let began = Instant::now();
    let (mut listed, mut bytes, mut pages) = (rooms, 0, 0);
    while more {
        let after = listed.last().map(|last| RoomsAfter { active_at: last.active_at, room: last.room.id });
        let text = wire.answer(Command::ListRooms { after }).await?;
        let ServerFrame::Reply { reply: Reply::Rooms { rooms, more: further, .. }, .. } =
            ServerFrame::decode(&text)?
        else {
            return Err("not a list of rooms".into());
        };
        (bytes, pages, more) = (bytes + text.len(), pages + 1, further);
        listed.extend(rooms);
    }
    let took = began.elapsed().as_secs_f64() * 1e3;
    let note = format!("{} rooms in {pages} pages; {}", listed.len(), slow_line(bytes));
    table.add(NAME, "the rest of the list, bytes", (bytes as f64, "bytes"), note);
    table.add(NAME, "the rest of the list, one page after the other", (took, "ms"), String::new());
    Ok(())
}

/// A room's page, for a member of many rooms.
async fn html(scene: &Scene, table: &mut Table, (someone, room): (&Someone, RoomId)) -> Fallible<()> {
    let path = format!("GET /r/{room} HTTP/1.1");
    let (mut times, mut answer) = (Vec::new(), String::new());
    for _ in 0..ASKED {
        let began = Instant::now();
        answer = request(scene.addrs[0], &path, &[("Cookie", &someone.cookie)]).await?;
        times.push(began.elapsed());
    }
    let (head, html) = answer.split_once("\r\n\r\n").ok_or("not an answer")?;
    if !head.starts_with("HTTP/1.1 200") {
        return Err(head.lines().next().unwrap_or_default().into());
    }
    table.times(NAME, "the room as HTML, many rooms", &mut times, MEDIAN);
    table.add(
        NAME,
        "the room as HTML, raw",
        (html.len() as f64, "bytes"),
        format!("{ROOMS_SHOWN} rooms listed"),
    );
    // A proxy typically compresses responses with quality 4; 11 is the maximum.
    for quality in [4, 11] {
        let bytes = brotli(html, quality)?;
        let what = format!("the room as HTML, brotli, quality {quality}");
        judged(table, &what, (bytes as f64, "bytes"), 40.0 * 1024.0, &slow_line(bytes));
    }
    Ok(())
}

/// The compressed size of a text. Node compresses it, as it does the files of the front end.
fn brotli(text: &str, quality: u32) -> Fallible<usize> {
    let program = format!(
        "const zlib = require('zlib');
         const text = require('fs').readFileSync(0);
         const params = {{ [zlib.constants.BROTLI_PARAM_QUALITY]: {quality} }};
         process.stdout.write(String(zlib.brotliCompressSync(text, {{ params }}).length));"
    );
    let mut node =
        Process::new("node").args(["-e", &program]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    node.stdin.take().ok_or("no way to Node")?.write_all(text.as_bytes())?;
    Ok(String::from_utf8_lossy(&node.wait_with_output()?.stdout).parse()?)
}

/// Opens the crowded room, pages through its members, and searches them.
async fn crowded_room(scene: &Scene, table: &mut Table, stock: &Stock) -> Fallible<()> {
    let room = stock.crowd;
    let someone = &stock.connected[stock.crowd_from];
    let handle: String = sqlx::query_scalar("select left(handle, 5) from users where id = $1")
        .bind(someone.user.0)
        .fetch_one(&scene.pool)
        .await?;
    let middle: UserId = UserId(
        sqlx::query_scalar(
            "select user_id from members where room_id = $1 and active order by sort_name offset $2 limit 1",
        )
        .bind(room.0)
        .bind(stock.connected.len() as i64)
        .fetch_one(&scene.pool)
        .await?,
    );
    let mut wire = Wire::open(scene.addrs[0], someone).await?;
    let members = |query: &str, after| Command::Members { room, query: query.to_owned(), after };
    for (what, command) in [
        ("opening the crowded room", Command::Open { room }),
        ("its members, first page", members("", None)),
        ("its members, a page in the middle", members("", Some(middle))),
        ("its members, a search by handle", members(&handle, None)),
        ("its members, a search that finds none", members("nobody at all", None)),
    ] {
        // The first query warms the caches.
        let bytes = wire.answer(command.clone()).await?.len();
        tokio::time::sleep(WRITTEN_DOWN).await;
        let before = active_ms(&scene.pool).await?;
        let mut times = Vec::new();
        for _ in 0..ASKED {
            let began = Instant::now();
            wire.ask(command.clone()).await?;
            times.push(began.elapsed());
        }
        tokio::time::sleep(WRITTEN_DOWN).await;
        let each = (active_ms(&scene.pool).await? - before) / ASKED as f64;
        let note = format!("round trip p50 {:.1} ms; {bytes} bytes", median_ms(&mut times));
        judged(table, &format!("{what}, Postgres"), (each, "ms"), 10.0, &note);
    }
    Ok(())
}

/// The time that Postgres has spent on statements in this database so far.
async fn active_ms(pool: &PgPool) -> Fallible<f64> {
    Ok(sqlx::query_scalar("select active_time from pg_stat_database where datname = current_database()")
        .fetch_one(pool)
        .await?)
}

/// Rows read so far, by table.
async fn rows_read(pool: &PgPool) -> Fallible<Vec<(String, i64)>> {
    Ok(sqlx::query_as(
        "select relname::text, (seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint from pg_stat_user_tables order by relname",
    )
    .fetch_all(pool)
    .await?)
}

/// Index entries read so far, including those whose rows were not read.
async fn entries_read(pool: &PgPool) -> Fallible<i64> {
    Ok(sqlx::query_scalar("select coalesce(sum(idx_tup_read), 0)::bigint from pg_stat_user_indexes")
        .fetch_one(pool)
        .await?)
}

/// The load of the server and Postgres while nobody does anything.
async fn idle(scene: &Scene, table: &mut Table, wires: &mut [Wire]) -> Fallible<()> {
    tokio::time::sleep(WRITTEN_DOWN * 2).await;
    // A connection that is silent for too long is closed.
    ping(wires).await?;
    let (rows, entries) = (rows_read(&scene.pool).await?, entries_read(&scene.pool).await?);
    let accounts = scene.accounts();
    tokio::time::sleep(IDLE).await;
    let spent = scene.accounts().since(&accounts);
    let later = rows_read(&scene.pool).await?;
    let seconds = IDLE.as_secs_f64();
    let entries = (entries_read(&scene.pool).await? - entries) as f64 / seconds;
    ping(wires).await?;
    let by_table: Vec<(&str, f64)> = later
        .iter()
        .map(|(name, now)| {
            let before = rows.iter().find(|(known, _)| known == name).map_or(0, |(_, before)| *before);
            (name.as_str(), (now - before) as f64 / seconds)
        })
        .filter(|(_, rate)| *rate >= 1.0)
        .collect();
    let rate: f64 = by_table.iter().map(|(_, rate)| rate).sum();
    let tables: Vec<String> = by_table.iter().map(|(name, rate)| format!("{name} {rate:.0}")).collect();
    let note = format!("a second: {}; {entries:.0} index entries", tables.join(", "));
    judged(table, "idle: rows read in Postgres", (rate, "/s"), 2.0 * wires.len() as f64, &note);
    let share = |name| spent.time_of(name).as_secs_f64() / seconds * 100.0;
    let note = format!("Postgres {:.1} %, without pings", share("postgres"));
    judged(table, "idle: CPU of the server, of a core", (share("servers"), "%"), 2.0, &note);
    table.add(NAME, "resident memory of the server", (scene.resident()? as f64 / 1e6, "MB"), String::new());
    Ok(())
}

async fn ping(wires: &mut [Wire]) -> Fallible<()> {
    futures::future::try_join_all(wires.iter_mut().map(|wire| wire.ask(Command::Ping {}))).await?;
    Ok(())
}

/// Writes to members and publications in Redis so far.
struct Writes {
    members: i64,
    publications: u64,
}

impl Writes {
    async fn of(scene: &Scene) -> Fallible<Self> {
        tokio::time::sleep(WRITTEN_DOWN).await;
        let members =
            sqlx::query_scalar("select n_tup_upd from pg_stat_user_tables where relname = 'members'")
                .fetch_one(&scene.pool)
                .await?;
        let mut connection =
            redis::Client::open(scene.redis_url.as_str())?.get_multiplexed_async_connection().await?;
        let info: String = redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await?;
        let calls = info.lines().find_map(|line| line.strip_prefix("cmdstat_publish:calls="));
        let publications = calls.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0);
        Ok(Self { members, publications })
    }

    fn since(&self, before: &Self) -> (f64, f64) {
        ((self.members - before.members) as f64, (self.publications - before.publications) as f64)
    }
}

/// The cost of messages to the crowd. Nobody confirms or reads them here: see [`marks`].
async fn messages(scene: &Scene, table: &mut Table, (crowd, room): (&mut Vec<Wire>, RoomId)) -> Fallible<()> {
    const BURSTS: usize = 10;
    const IN_BURST: usize = 50;
    let mut sender = crowd.pop().ok_or("nobody is in the crowded room")?;
    fleet::burst(&mut sender, crowd, room, IN_BURST).await?;
    let before = Writes::of(scene).await?;
    ping(crowd).await?;
    let accounts = scene.accounts();
    let mut told = 0;
    for _ in 0..BURSTS {
        told += fleet::burst(&mut sender, crowd, room, IN_BURST).await?.0;
    }
    let spent = scene.accounts().since(&accounts);
    let (writes, publications) = Writes::of(scene).await?.since(&before);
    crowd.push(sender);
    ping(crowd).await?;
    let messages = (BURSTS * IN_BURST) as f64;
    let each = spent.time_of("servers").as_secs_f64() * 1e6 / told as f64;
    let note = format!("{told} deliveries to {} connections; CPU: {spent}", crowd.len());
    judged(table, "a message to the crowd: CPU of the server a delivery", (each, "µs"), 1.0, &note);
    let note = format!("{messages} messages");
    judged(table, "a message to the crowd: writes to members", (writes / messages, ""), 0.0, &note);
    // Probes are published too, about one a second.
    judged(table, "a message to the crowd: publications", (publications / messages, ""), 1.1, "with probes");
    Ok(())
}

/// The crowd confirms and reads a message every three seconds. Returns the last one.
async fn marks(scene: &Scene, table: &mut Table, (crowd, room): (&mut Vec<Wire>, RoomId)) -> Fallible<Seq> {
    const ROUNDS: usize = 7;
    const EVERY: Duration = Duration::from_secs(3);
    let before = Writes::of(scene).await?;
    ping(crowd).await?;
    let accounts = scene.accounts();
    let began = Instant::now();
    let mut last = Seq::ZERO;
    for round in 0..ROUNDS {
        let send = Command::say(room, Nonce(Uuid::new_v4()), format!("round {round}"));
        let (sender, others) = crowd.split_first_mut().ok_or("nobody is in the crowded room")?;
        let ServerFrame::Reply { reply: Reply::Sent { message, .. }, .. } =
            ServerFrame::decode(&sender.answer(send).await?)?
        else {
            return Err("not an acknowledgement".into());
        };
        last = message.seq;
        for wire in others {
            wire.tell([Command::Delivered { room, seq: last }, Command::Read { room, seq: last }]).await?;
        }
        tokio::time::sleep_until((began + EVERY * (round as u32 + 1)).into()).await;
    }
    let took = began.elapsed().as_secs_f64();
    let spent = scene.accounts().since(&accounts);
    let (writes, publications) = Writes::of(scene).await?.since(&before);
    ping(crowd).await?;
    let readers = (crowd.len() - 1) as f64;
    // The first mark is written at once, then one per started ten seconds.
    let most = 1.0 + (took / 10.0).ceil();
    let note = format!("{ROUNDS} messages read by {readers} in {took:.0} s; CPU: {spent}");
    judged(table, "reading: writes a member", (writes / readers, ""), most, &note);
    judged(
        table,
        "reading: publications a member",
        (publications / readers, ""),
        most,
        "to that person alone",
    );
    Ok(last)
}

/// Many people react to one message.
async fn reactions(
    scene: &Scene,
    table: &mut Table,
    (crowd, room, seq): (&mut Vec<Wire>, RoomId, Seq),
) -> Fallible<()> {
    const REACTIONS: usize = 500;
    let mut watcher = crowd.pop().ok_or("nobody is in the crowded room")?;
    let count = REACTIONS.min(crowd.len());
    let accounts = scene.accounts();
    let mut times = Vec::new();
    for at in 0..count {
        // Everyone reads what has arrived, so that no socket fills up.
        if at.is_multiple_of(20) {
            ping(crowd).await?;
        }
        let began = Instant::now();
        let react = Command::React { room, seq, emoji: "👍".to_owned(), on: true };
        crowd[at].ask(react).await?;
        times.push(began.elapsed());
    }
    let spent = scene.accounts().since(&accounts);
    let sizes = watcher.sizes_of("\"change\":{\"type\":\"reaction\"", count).await?;
    crowd.push(watcher);
    let each = sizes.iter().sum::<usize>() as f64 / count as f64;
    let note = format!("{count} reactions to one message; the largest {}", sizes.iter().max().unwrap_or(&0));
    judged(table, "a reaction, to each reader", (each, "bytes"), 200.0, &note);
    let tenth = (count / 10).max(1);
    let early = median_ms(&mut times[..tenth].to_vec());
    let late = median_ms(&mut times[count - tenth..].to_vec());
    let note = format!("the first tenth {early:.1} ms, the last tenth {late:.1} ms; CPU: {spent}");
    table.add(NAME, "a reaction to its answer, p50", (median_ms(&mut times), "ms"), note);
    Ok(())
}
