//! Search in a million messages (`SEARCH_MESSAGES`), a third of them Chinese: how long it takes to index them, how large the index is, and
//! how long typical searches take, next to `like '%…%'` over the same messages.
//!
//! The texts are pieces of our own documents in both languages, so words, phrases and characters have natural frequencies. Every
//! message may also contain a rare word: the number of a ticket.

use std::time::{Duration, Instant};

use faults::{cluster::Fallible, stored::Someone};
use protocol::{Command, RoomId};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{fleet::Wire, measures::users, scene::Scene, table::Table};

const NAME: &str = "search";
/// Rooms; the messages are distributed like 1, 1/2, 1/3, …
const ROOMS: usize = 2_000;
/// Who writes, in all rooms.
const AUTHORS: usize = 50;
/// Messages in one statement.
const CHUNK: usize = 5_000;
/// Searches of each kind.
const ASKED: usize = 40;
/// The same by `like`, which is slower.
const ASKED_LIKE: usize = 5;
/// The targets, in milliseconds.
const TARGETS: [(f64, &str, f64); 2] = [(0.5, "p50", 30.0), (0.99, "p99", 150.0)];

const ENGLISH: &[&str] = &[
    include_str!("../../../../README.md"),
    include_str!("../../../../ARCHITECTURE.md"),
    include_str!("../../../../CONTRIBUTING.md"),
    include_str!("../../../../docs/operating.md"),
    include_str!("../../../../docs/failures.md"),
    include_str!("../../../../docs/accounts.md"),
    include_str!("../../../../docs/decisions/browser.md"),
    include_str!("../../../../protocol/README.md"),
];
const CHINESE: &[&str] =
    &[include_str!("../../../../README.zh-CN.md"), include_str!("../../../../locales/zh-CN.json")];

/// The words and clauses of which messages are made.
struct Corpus {
    words: Vec<&'static str>,
    clauses: Vec<&'static str>,
}

impl Corpus {
    fn read() -> Self {
        let words = ENGLISH.iter().flat_map(|text| text.split_whitespace());
        let words = words
            .filter(|word| word.is_ascii() && word.len() < 30 && word.contains(|c: char| c.is_alphabetic()));
        let is_han = |c: char| ('\u{4E00}'..='\u{9FFF}').contains(&c);
        let clauses = CHINESE.iter().flat_map(|text| text.split(move |c: char| !is_han(c)));
        Self {
            words: words.collect(),
            clauses: clauses.filter(|clause| clause.chars().count() > 1).collect(),
        }
    }

    fn message(&self, random: &mut StdRng) -> String {
        // Most messages are short; some are long.
        let length = (12.0 * f64::exp(normal(random) * 0.9)).clamp(1.0, 300.0) as usize;
        let mut parts: Vec<&str> = Vec::new();
        let is_chinese = random.random_ratio(1, 3);
        if is_chinese {
            for _ in 0..length.div_ceil(4) {
                parts.push(self.clauses[random.random_range(0..self.clauses.len())]);
            }
        }
        if !is_chinese || random.random_ratio(1, 5) {
            let mut left = if is_chinese { 2 } else { length };
            while left > 0 {
                // A few words that stand together, so that there are phrases.
                let run = random.random_range(2..8_usize).min(left);
                let from = random.random_range(0..self.words.len() - run);
                parts.extend(&self.words[from..from + run]);
                left -= run;
            }
        }
        let mut text = parts.join(if is_chinese { "，" } else { " " });
        if random.random_ratio(1, 20) {
            text.push_str(&format!(" PUMP-{}", random.random_range(0..50_000)));
        }
        if random.random_ratio(1, 50) {
            text.push_str(&format!(" https://grafana.example.com/d/board-{}", random.random_range(0..5_000)));
        }
        text
    }

    fn word(&self, random: &mut StdRng, letters: usize) -> String {
        loop {
            let word = self.words[random.random_range(0..self.words.len())];
            let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
            if word.len() >= letters && word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
                return word;
            }
        }
    }

    fn characters(&self, random: &mut StdRng, count: usize) -> String {
        loop {
            let clause: Vec<char> =
                self.clauses[random.random_range(0..self.clauses.len())].chars().collect();
            if clause.len() >= count {
                let from = random.random_range(0..=clause.len() - count);
                return clause[from..from + count].iter().collect();
            }
        }
    }

    fn phrase(&self, random: &mut StdRng) -> String {
        let plain = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphabetic());
        loop {
            let from = random.random_range(0..self.words.len() - 1);
            let [one, two] = [self.words[from], self.words[from + 1]];
            if plain(one) && plain(two) {
                return format!("{one} {two}");
            }
        }
    }
}

/// About normally distributed.
fn normal(random: &mut StdRng) -> f64 {
    (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0
}

/// A kind of search.
struct Kind<'a> {
    what: &'static str,
    by: &'a Someone,
    query: Box<dyn Fn(&mut StdRng) -> String + 'a>,
    /// What `like` looks for to find about the same.
    like: fn(&str) -> String,
}

/// Runs the measurement.
///
/// # Errors
/// When something fails, so that there is no figure.
pub(crate) async fn search(scene: &Scene, table: &mut Table) -> Fallible<()> {
    let messages = match std::env::var("SEARCH_MESSAGES") {
        Ok(text) => text.replace('_', "").parse()?,
        Err(_) => 1_000_000,
    };
    let corpus = Corpus::read();
    let people = scene.people(AUTHORS + 2).await?;
    let rooms = fill(scene, &corpus, &people, messages).await?;
    index(scene, table, messages).await?;
    sizes(&scene.pool, table).await?;
    searches(scene, table, &corpus, &people, &rooms).await
}

/// Writes the messages. One person is in three rooms, all others in all.
async fn fill(scene: &Scene, corpus: &Corpus, people: &[Someone], messages: usize) -> Fallible<Vec<RoomId>> {
    let began = Instant::now();
    let users = users(people);
    let few = AUTHORS;
    let members = |room: usize| {
        let is_in = |person: usize| person != few || [4, 300, 1_500].contains(&room);
        (0..users.len()).filter(|person| is_in(*person)).map(|person| users[person]).collect::<Vec<_>>()
    };
    let rooms = scene.rooms(&(0..ROOMS).map(members).collect::<Vec<_>>()).await?;
    sqlx::raw_sql("alter table messages set (autovacuum_enabled = false)").execute(&scene.pool).await?;
    let mut random = StdRng::seed_from_u64(1);
    let weights: Vec<f64> = (1..=ROOMS)
        .scan(0.0, |sum, n| {
            *sum += 1.0 / n as f64;
            Some(*sum)
        })
        .collect();
    let mut heads: Vec<i64> = (0..ROOMS).map(|room| members(room).len() as i64 + 1).collect();
    let mut ordinals = vec![0_i64; ROOMS];
    let mut written = 0;
    while written < messages {
        let count = CHUNK.min(messages - written);
        let (mut ids, mut seqs, mut nths, mut authors, mut bodies, mut ages) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for n in 0..count {
            let at = random.random::<f64>() * weights[ROOMS - 1];
            let room = weights.partition_point(|weight| *weight < at);
            heads[room] += 1;
            ordinals[room] += 1;
            ids.push(rooms[room].0);
            seqs.push(heads[room]);
            nths.push(ordinals[room]);
            authors.push(users[random.random_range(0..AUTHORS)].0);
            bodies.push(corpus.message(&mut random));
            ages.push((messages - written - n) as i64 * 30);
        }
        sqlx::query(
            "insert into messages (room_id, seq, rev_seq, ordinal, id, author_id, nonce, body, sent_at)
             select room, seq, seq, nth, gen_random_uuid(), author, gen_random_uuid(), body, now() - age * interval '1 second'
             from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[], $5::text[], $6::bigint[])
                as k (room, seq, nth, author, body, age)",
        )
        .bind(&ids)
        .bind(&seqs)
        .bind(&nths)
        .bind(&authors)
        .bind(&bodies)
        .bind(&ages)
        .execute(&scene.pool)
        .await?;
        written += count;
    }
    let ids: Vec<Uuid> = rooms.iter().map(|room| room.0).collect();
    sqlx::query(
        "update lines l set head = k.head, messages = k.messages
         from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as k (id, head, messages) where l.id = k.id",
    )
    .bind(&ids)
    .bind(&heads)
    .bind(&ordinals)
    .execute(&scene.pool)
    .await?;
    sqlx::raw_sql("vacuum analyze messages").execute(&scene.pool).await?;
    println!("  {messages} messages in {ROOMS} rooms, made in {:.0} s", began.elapsed().as_secs_f64());
    Ok(rooms)
}

/// Waits until the servers have indexed everything, as after an upgrade.
async fn index(scene: &Scene, table: &mut Table, messages: usize) -> Fallible<()> {
    let (began, before) = (Instant::now(), scene.accounts());
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let indexed: i64 = sqlx::query_scalar(
            "select count(*) from lines l left join search_cursors c on c.room_id = l.id
             where l.kind = 'room' and (c.room_id is null or l.head > c.through or c.back > 0)",
        )
        .fetch_one(&scene.pool)
        .await?;
        if indexed == 0 {
            break;
        }
    }
    let took = began.elapsed();
    let spent = scene.accounts().since(&before);
    let note = format!("resting as long as working; CPU: {spent}");
    table.add(NAME, "indexed, two servers", (messages as f64 / took.as_secs_f64(), "/s"), note);
    sqlx::raw_sql("vacuum analyze search, search_cursors").execute(&scene.pool).await?;
    Ok(())
}

async fn sizes(pool: &PgPool, table: &mut Table) -> Fallible<()> {
    let (text, index, rows, others): (i64, i64, i64, i64) = sqlx::query_as(
        "select (select sum(octet_length(body))::bigint from messages), pg_relation_size('search_words'),
            pg_table_size('search'), pg_relation_size('search_pkey') + pg_relation_size('search_at')",
    )
    .fetch_one(pool)
    .await?;
    let mb = |bytes: i64| (bytes as f64 / 1e6, "MB");
    let of_text = |bytes: i64| format!("{:.2} times the texts", bytes as f64 / text as f64);
    table.add(NAME, "the texts", mb(text), String::new());
    table.add(NAME, "the index of words", mb(index), of_text(index));
    table.add(NAME, "the table of words", mb(rows), of_text(rows));
    table.add(NAME, "its other indexes", mb(others), of_text(others));
    Ok(())
}

async fn searches(
    scene: &Scene,
    table: &mut Table,
    corpus: &Corpus,
    people: &[Someone],
    rooms: &[RoomId],
) -> Fallible<()> {
    let (few, many) = (&people[AUTHORS], &people[AUTHORS + 1]);
    let handle: String = sqlx::query_scalar("select handle from users where id = $1")
        .bind(people[3].user.0)
        .fetch_one(&scene.pool)
        .await?;
    sqlx::query("update rooms set title = 'Seventh' where id = $1")
        .bind(rooms[6].0)
        .execute(&scene.pool)
        .await?;
    let same: fn(&str) -> String = str::to_owned;
    let unquoted: fn(&str) -> String = |query| query.replace('"', "");
    let first: fn(&str) -> String = |query| query.split(' ').next().unwrap_or_default().to_owned();
    let kind = |what, by, query: Box<dyn Fn(&mut StdRng) -> String>, like| Kind { what, by, query, like };
    let kinds = [
        kind("one Chinese character", many, Box::new(|random| corpus.characters(random, 1)), same),
        kind("a Chinese word", many, Box::new(|random| corpus.characters(random, 2)), same),
        kind("a common word", many, Box::new(|random| corpus.word(random, 3)), same),
        kind(
            "a rare word",
            many,
            Box::new(|random| format!("PUMP-{}", random.random_range(0..50_000))),
            same,
        ),
        kind(
            "the beginning of a word",
            many,
            Box::new(|random| corpus.word(random, 5)[..4].to_owned()),
            same,
        ),
        kind("a phrase", many, Box::new(|random| format!("\"{}\"", corpus.phrase(random))), unquoted),
        kind(
            "a word by one author",
            many,
            Box::new(|random| format!("{} from:{handle}", corpus.word(random, 4))),
            first,
        ),
        kind(
            "a word in one room",
            many,
            Box::new(|random| format!("{} in:seventh", corpus.word(random, 4))),
            first,
        ),
        kind(
            "nothing found",
            many,
            Box::new(|random| format!("zzy{}", random.random_range(0..1_000_000))),
            same,
        ),
        kind("a word, in three rooms", few, Box::new(|random| corpus.word(random, 4)), same),
    ];
    let mut random = StdRng::seed_from_u64(2);
    let mut all = Vec::new();
    for Kind { what, by, query, .. } in &kinds {
        let mut wire = Wire::open(scene.addrs[0], by).await?;
        let mut times = Vec::new();
        for _ in 0..ASKED {
            let command =
                Command::Search { query: query(&mut random), room: None, zone: String::new(), after: None };
            let began = Instant::now();
            wire.ask(command).await?;
            times.push(began.elapsed());
        }
        all.extend(times.iter().copied());
        table.times(NAME, what, &mut times, &[(0.5, "p50"), (0.99, "p99")]);
    }
    all.sort_unstable();
    for (share, name, most) in TARGETS {
        let ms = all[(all.len() as f64 * share) as usize].as_secs_f64() * 1e3;
        let verdict = if ms <= most { "met" } else { "MISSED" };
        table.add(NAME, &format!("all of them, {name}"), (ms, "ms"), format!("target {most} ms: {verdict}"));
    }
    for Kind { what, by, query, like } in &kinds {
        let mut times = Vec::new();
        for _ in 0..ASKED_LIKE {
            let pattern = format!("%{}%", like(&query(&mut random)));
            let began = Instant::now();
            sqlx::query(
                "select seq from messages m where body ilike $1
                    and room_id in (select room_id from members where user_id = $2 and active)
                 order by sent_at desc limit 20",
            )
            .bind(&pattern)
            .bind(by.user.0)
            .fetch_all(&scene.pool)
            .await?;
            times.push(began.elapsed());
        }
        table.times(NAME, &format!("like: {what}"), &mut times, &[(0.5, "p50"), (0.99, "p99")]);
    }
    Ok(())
}
