//! Search over two servers: what is sent is found within two seconds, what is deleted is not, and nobody finds what they may not read.

use std::time::{Duration, Instant};

use protocol::{
    Command, ErrorCode, FoundAfter, Hit, Nonce, Piece, Placement, Reply, RoomId, RoomKind, Seq,
    limits::FOUND_PAGE,
};

use sqlx::PgPool;
use uuid::Uuid;

use crate::cluster::{Cluster, Person, said};

/// What is sent and edited is found within this time.
const WITHIN: Duration = Duration::from_secs(2);

fn search(query: &str, room: Option<RoomId>, after: Option<FoundAfter>) -> Command {
    Command::Search { query: query.to_owned(), room, zone: "Europe/Berlin".to_owned(), after }
}

async fn page(person: &Person, command: Command) -> Result<(Vec<Hit>, bool, Option<u32>), ErrorCode> {
    match person.asks(command).await {
        Ok(Reply::Found { hits, more, count, .. }) => Ok((hits, more, count)),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.code),
    }
}

/// The texts that a query finds, newest first.
async fn found(person: &Person, query: &str) -> Vec<String> {
    let (hits, ..) = page(person, search(query, None, None)).await.unwrap();
    hits.into_iter().map(|hit| hit.message.body).collect()
}

async fn refused(person: &Person, query: &str) -> ErrorCode {
    page(person, search(query, None, None)).await.unwrap_err()
}

/// Waits until every room is in the index. Fails if that takes too long.
async fn indexed(cluster: &Cluster) {
    let behind = "select count(*) from lines l left join search_cursors c on c.room_id = l.id
        where l.kind = 'room' and (c.room_id is null or l.head > c.through or c.back > 0)";
    let began = Instant::now();
    while sqlx::query_scalar::<_, i64>(behind).fetch_one(&cluster.pool).await.unwrap() > 0 {
        assert!(began.elapsed() < WITHIN * 5, "the index does not catch up");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many messages of a room are in the index.
async fn in_index(cluster: &Cluster, room: RoomId) -> i64 {
    let count = sqlx::query_scalar("select count(*) from search where room_id = $1").bind(room.0);
    count.fetch_one(&cluster.pool).await.unwrap()
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_sent_edited_and_deleted_is_found_as_it_is(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let began = Instant::now();
    let rope = said(&ana, room, "The **long** rope broke").await;
    while found(&bea, "rope").await.is_empty() {
        assert!(began.elapsed() < WITHIN, "not found in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(found(&bea, "ROP \"long rope\"").await, ["The **long** rope broke"]);
    assert_eq!(found(&bea, "rope -broke").await, [""; 0]);

    let edit = Command::Edit { room, seq: rope, edits: 0, body: "The short chain broke".to_owned() };
    ana.asks(edit).await.unwrap();
    let began = Instant::now();
    while found(&bea, "chain").await.is_empty() {
        assert!(began.elapsed() < WITHIN, "the edit is not found in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(found(&bea, "rope").await, [""; 0], "the earlier text");

    ana.asks(Command::Delete { room, seq: rope }).await.unwrap();
    assert_eq!(in_index(&cluster, room).await, 0, "in the transaction that deletes it");
    assert_eq!(found(&bea, "chain").await, [""; 0]);
    indexed(&cluster).await;
    assert_eq!(in_index(&cluster, room).await, 0, "and it does not come back");
}

#[sqlx::test(migrations = "../migrations")]
async fn words_of_all_languages_and_programs_are_found(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let texts = [
        "release 回滚了,明天再发布",
        "第1版",
        "`drain_queue()` calls drainOther2",
        "see [the board](https://grafana.example.com/d/pumps?x=1)",
        "Crème BRÛLÉE",
        "Ёлка",
        "東京タワー",
        "한국어를 배웁니다",
        "สวัสดีครับ",
    ];
    for text in texts {
        said(&ana, room, text).await;
    }
    indexed(&cluster).await;
    for (query, expected) in [
        ("回", texts[0]),
        ("回滚", texts[0]),
        ("release 回滚", texts[0]),
        ("\"release 回滚\"", texts[0]),
        ("明天再发布", texts[0]),
        ("布", texts[0]),
        ("\"第1版\"", texts[1]),
        ("drain_queue", texts[2]),
        ("queue", texts[2]),
        ("other", texts[2]),
        ("drainoth", texts[2]),
        ("grafana", texts[3]),
        ("grafana.example.com/d", texts[3]),
        ("creme brulee", texts[4]),
        ("елка", texts[5]),
        ("タワー", texts[6]),
        ("京", texts[6]),
        ("한국", texts[7]),
        ("สวัสดี", texts[8]),
    ] {
        assert_eq!(found(&bea, query).await, [expected], "{query}");
    }
    for query in ["滚回", "\"回滚 release\"", "发了", "\"第版\"", "queue_drain", "rain"] {
        assert_eq!(found(&bea, query).await, [""; 0], "{query}");
    }
    let (hits, ..) = page(&bea, search("发布", None, None)).await.unwrap();
    let piece = |text: &str, hit| Piece(text.to_owned(), hit);
    assert_eq!(hits[0].context, [piece("release 回滚了,明天再", false), piece("发布", true)]);
}

#[sqlx::test(migrations = "../migrations")]
async fn nobody_finds_what_they_may_not_read_now(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let eve = cluster.person("eve", 2).await;
    let private = ana.makes(RoomKind::Group, "private").await;
    let channel = ana.makes(RoomKind::Channel, "open").await;
    said(&ana, room, "secret one").await;
    said(&ana, private, "secret two").await;
    said(&ana, channel, "secret three").await;
    indexed(&cluster).await;
    assert_eq!(found(&ana, "secret").await, ["secret three", "secret two", "secret one"]);
    assert_eq!(found(&bea, "secret").await, ["secret one"]);
    assert_eq!(found(&eve, "secret").await, [""; 0], "also not in a channel that she has not joined");
    assert_eq!(page(&eve, search("secret", Some(room), None)).await.unwrap_err(), ErrorCode::RoomUnknown);
    assert_eq!(refused(&eve, "secret in:private").await, ErrorCode::RoomUnknown);

    ana.asks(Command::Remove { room, user: bea.id(), ban: false }).await.unwrap();
    assert_eq!(found(&bea, "secret").await, [""; 0], "who was removed");
    assert_eq!(page(&bea, search("secret", Some(room), None)).await.unwrap_err(), ErrorCode::RoomUnknown);
    eve.asks(Command::Join { room: channel }).await.unwrap();
    assert_eq!(found(&eve, "secret").await, ["secret three"]);

    ana.asks(Command::DeleteRoom { room: private }).await.unwrap();
    assert_eq!(found(&ana, "secret").await, ["secret three", "secret one"]);
    let began = Instant::now();
    while in_index(&cluster, private).await > 0 {
        assert!(began.elapsed() < WITHIN * 5, "the words of a deleted room are not erased");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn filters_are_words(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let other = cluster.group("Night shift", [&ana, &bea]).await;
    let direct = ana.talks_with(bea.id()).await;
    let root = said(&ana, room, "pump one").await;
    said(&bea, room, "pump two https://example.com").await;
    said(&bea, other, "pump three, @ana").await;
    said(&ana, direct, "pump four").await;
    let reply = Placement::in_thread(root).send(room, Nonce(Uuid::new_v4()), "pump five");
    bea.sends(reply).await.unwrap();
    ana.asks(Command::Pin { room, seq: root, on: true }).await.unwrap();
    ana.asks(Command::Save { room: other, seq: Seq(0), on: true }).await.unwrap_err();
    indexed(&cluster).await;
    let (hits, ..) = page(&ana, search("three", None, None)).await.unwrap();
    ana.asks(Command::Save { room: other, seq: hits[0].message.seq, on: true }).await.unwrap();
    let cases: [(&str, &[&str]); 20] = [
        ("pump", &["five", "four", "three", "two", "one"]),
        ("pump from:bea", &["five", "three", "two"]),
        ("from:me", &["four", "one"]),
        ("pump -from:bea", &["four", "one"]),
        ("from:ana from:bea pump", &["five", "four", "three", "two", "one"]),
        ("in:#harbour pump", &["five", "two", "one"]),
        ("in:\"night SHIFT\"", &["three"]),
        ("in:@bea", &["four"]),
        ("pump -in:harbour", &["four", "three"]),
        ("in:harbour in:@bea from:me", &["four", "one"]),
        ("has:link", &["two"]),
        ("pump -has:link from:bea", &["five", "three"]),
        ("is:pinned", &["one"]),
        ("is:pinned three", &[]),
        ("is:saved pump", &["three"]),
        ("is:saved is:pinned", &[]),
        ("is:thread", &["five"]),
        ("mentions:me", &["three"]),
        ("pump before:2020-01-01", &[]),
        ("after:2020-01-01 before:2999-12-31 one", &["one"]),
    ];
    for (query, expected) in cases {
        let texts = found(&ana, query).await;
        assert_eq!(texts.len(), expected.len(), "{query}: {texts:?}");
        assert!(texts.iter().zip(expected).all(|(text, word)| text.contains(word)), "{query}: {texts:?}");
    }
    assert_eq!(found(&bea, "is:saved pump").await, [""; 0], "saved by another person");
    assert_eq!(found(&bea, "mentions:me").await, [""; 0]);
    assert_eq!(found(&bea, "mentions:ana").await, ["pump three, @ana"]);
    let (hits, ..) = page(&ana, search("pump", Some(other), None)).await.unwrap();
    assert_eq!(hits.len(), 1, "in one room");
    assert_eq!(refused(&ana, "form:bea pump").await, ErrorCode::FilterUnknown);
    assert_eq!(refused(&ana, "pump before:soon").await, ErrorCode::DateInvalid);
    assert_eq!(refused(&ana, "from:nobody").await, ErrorCode::UserUnknown);
    assert_eq!(refused(&ana, "in:nowhere").await, ErrorCode::RoomUnknown);
    assert_eq!(refused(&ana, "-pump").await, ErrorCode::TextEmpty);
}

#[sqlx::test(migrations = "../migrations")]
async fn pages_contain_each_hit_once(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, _, room) = cluster.ana_and_bea().await;
    let other = ana.makes(RoomKind::Group, "other").await;
    for n in 0..70 {
        said(&ana, if n % 3 == 0 { other } else { room }, &format!("wave {n}")).await;
    }
    indexed(&cluster).await;
    for (query, total) in [("wave", 70), ("wave in:other", 24), ("wave 69", 1), ("nothing", 0)] {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let (hits, more, count) = page(&ana, search(query, None, after)).await.unwrap();
            assert_eq!(count, after.is_none().then_some(total), "{query}");
            assert_eq!(more, all.len() + hits.len() < total as usize, "{query}");
            assert!(hits.len() == FOUND_PAGE || !more);
            let place =
                |hit: &Hit| FoundAfter { at: hit.message.sent_at, room: hit.room, seq: hit.message.seq };
            after = hits.last().map(place);
            all.extend(hits.into_iter().map(|hit| hit.message.body));
            if !more {
                break;
            }
        }
        assert_eq!(all.len(), total as usize);
        assert!(query != "wave" || all[0] == "wave 69" && all[69] == "wave 0", "{all:?}");
    }
}

/// Rooms that are older than the index, and what a server left behind that died, are indexed by any server, once.
#[sqlx::test(migrations = "../migrations")]
async fn what_was_left_behind_is_indexed(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, _, room) = cluster.ana_and_bea().await;
    cluster.unheard(&ana, room, "nobody was told of the anchor").await;
    let began = Instant::now();
    while found(&ana, "anchor").await.is_empty() {
        assert!(began.elapsed() < WITHIN, "not found in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // As after an upgrade: longer than one step.
    for n in 0..700 {
        cluster.unheard(&ana, room, &format!("old {n}")).await;
    }
    indexed(&cluster).await;
    let all = in_index(&cluster, room).await;
    sqlx::raw_sql("truncate search, search_cursors").execute(&cluster.pool).await.unwrap();
    let second = crate::cluster::Running::start(&cluster.pool, 2, Cluster::tuning()).await;
    indexed(&cluster).await;
    assert_eq!(in_index(&cluster, room).await, all);
    // As after an upgrade with other rules.
    sqlx::raw_sql("delete from search; update search_cursors set rules = 0")
        .execute(&cluster.pool)
        .await
        .unwrap();
    let began = Instant::now();
    while in_index(&cluster, room).await < all {
        assert!(began.elapsed() < WITHIN * 5, "not indexed again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(second);
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_forwarded_and_what_a_poll_offers_are_found(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let first = said(&ana, room, "The halyard is frayed").await;
    let forward = Placement { forward: Some((room, first)), ..Placement::default() };
    ana.asks(forward.send(room, Nonce(Uuid::new_v4()), "Please look")).await.unwrap();
    let Command::Send { room, nonce, body, reply_to, thread, in_room, forward, .. } =
        Placement::default().send(room, Nonce(Uuid::new_v4()), "Which sail?")
    else {
        unreachable!()
    };
    let poll =
        protocol::NewPoll { options: vec!["Genoa".to_owned(), "Spinnaker".to_owned()], ..Default::default() };
    let poll = Command::Send { room, nonce, body, reply_to, thread, in_room, forward, poll: Some(poll) };
    ana.asks(poll).await.unwrap();
    indexed(&cluster).await;
    assert_eq!(found(&bea, "halyard").await, ["Please look", "The halyard is frayed"]);
    assert_eq!(found(&bea, "spinnaker").await, ["Which sail?"]);
    // The words around the hit are those of the copy.
    let (hits, ..) = page(&bea, search("halyard look", None, None)).await.unwrap();
    let context: String = hits[0].context.iter().map(|piece| piece.0.as_str()).collect();
    assert!(context.contains("halyard"), "{context}");
}
