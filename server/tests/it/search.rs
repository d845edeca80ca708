//! Search over two servers: what is sent is found within two seconds, what is deleted is not, and nobody finds what they may not read.

use std::time::{Duration, Instant};

use protocol::{
    Command, ErrorCode, FoundAfter, Handle, Hit, Nonce, Piece, Placement, Reply, RoomId, RoomKind, RoomTitle,
    Seq, UserId, WorkspaceRole, limits::FOUND_PAGE,
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

/// Waits until a text is found. Fails if that takes too long.
async fn until_found(person: &Person, text: &str) {
    let began = Instant::now();
    while found(person, &format!("\"{text}\"")).await.is_empty() {
        assert!(began.elapsed() < WITHIN, "«{text}» is not found in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Gives a room so many messages that are older than the index.
async fn fill_with_old(cluster: &Cluster, room: RoomId, author: &Person, count: i64) {
    let mut tx = cluster.pool.begin().await.unwrap();
    sqlx::query(
        "with line as (
            update lines set head = head + $3, messages = messages + $3 where id = $1
            returning head - $3 as head, messages - $3 as messages
         )
         insert into messages (room_id, seq, rev_seq, ordinal, id, author_id, nonce, body, sent_at)
         select $1, l.head + n, l.head + n, l.messages + n, gen_random_uuid(), $2, gen_random_uuid(), 'old ' || n,
            now() - interval '1 year' + n * interval '1 second'
         from line l, generate_series(1, $3) n",
    )
    .bind(room.0)
    .bind(author.id().0)
    .bind(count)
    .execute(&mut *tx)
    .await
    .unwrap();
    sqlx::query("delete from search_cursors where room_id = $1")
        .bind(room.0)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// How many numbers of a room are still to be indexed, below those that are.
async fn back(cluster: &Cluster, room: RoomId) -> Option<i64> {
    let back = sqlx::query_scalar("select back from search_cursors where room_id = $1").bind(room.0);
    back.fetch_optional(&cluster.pool).await.unwrap()
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

/// A silent room and a busy one have more old messages than a server indexes in the time of the test.
#[sqlx::test(migrations = "../migrations")]
async fn new_messages_and_old_ones_do_not_wait_for_each_other(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let silent = ana.makes(RoomKind::Group, "silent").await;
    let busy = ana.makes(RoomKind::Group, "busy").await;
    let (bea, room) = (cluster.person("bea", 1).await, ana.makes(RoomKind::Group, "harbour").await);
    ana.asks(Command::Invite { room, users: vec![bea.id()] }).await.unwrap();
    bea.until("the room is there", |client| client.room(room).is_some()).await;
    assert!(silent < busy && busy < room, "the order in which rooms are indexed");
    const OLD: i64 = 20_000;
    for room in [silent, busy] {
        fill_with_old(&cluster, room, &ana, OLD).await;
    }
    let traffic = async {
        loop {
            said(&ana, busy, "busy").await;
            said(&ana, room, "traffic").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let looking = async {
        let began = Instant::now();
        let mut before = OLD;
        for n in 0..4 {
            let text = format!("fresh {n}");
            said(&bea, room, &text).await;
            until_found(&bea, &text).await;
            // The backlog moves on, too.
            loop {
                let back = back(&cluster, silent).await.unwrap_or(OLD);
                if back < before || back == 0 {
                    before = back;
                    break;
                }
                assert!(began.elapsed() < WITHIN * 10, "old messages wait for new ones");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    tokio::select! {
        () = traffic => {}
        () = looking => {}
    }
}

/// During an upgrade, older servers leave alone what newer ones have indexed by newer rules.
#[sqlx::test(migrations = "../migrations")]
async fn cursors_of_newer_rules_are_left_to_newer_servers(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, _, room) = cluster.ana_and_bea().await;
    indexed(&cluster).await;
    let newer = server::search::RULES + 1;
    sqlx::query("update search_cursors set rules = $1, back = through")
        .bind(newer)
        .execute(&cluster.pool)
        .await
        .unwrap();
    said(&ana, room, "left to others").await;
    let store = &cluster.node(1).node.store;
    let swept = store.sweep_index(Uuid::nil(), 1_000, server::search::RULES).await.unwrap();
    assert_eq!(swept.behind, []);
    let own = store.index(&[room], 1_000, server::search::RULES, server::chat::search::vector).await.unwrap();
    assert_eq!(own, server::store::search::Indexed::default(), "nothing is left to this server");
    assert!(store.sweep_index(Uuid::nil(), 1_000, newer).await.unwrap().behind.contains(&room));
    let newer = store.index(&[room], 1_000, newer, server::chat::search::vector).await.unwrap();
    assert!(newer.messages > 0 && newer.left.is_empty(), "{newer:?}");
}

#[sqlx::test(migrations = "../migrations")]
async fn mentions_of_groups_are_found_by_their_people_and_by_their_name(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let store = &cluster.node(1).node.store;
    let group = async |handle: &str, people: &[UserId]| {
        let title = RoomTitle::parse(&format!("The {handle}")).unwrap();
        let group = store.create_group(ana.id(), &Handle::parse(handle).unwrap(), &title).await.unwrap().id;
        store.add_to_group(ana.id(), group, people).await.unwrap();
    };
    group("design", &[bea.id()]).await;
    group("docks", &[ana.id(), bea.id()]).await;
    for text in
        ["pump one, @design", "pump two, @docks", "pump three, @bea", "pump four, @everyone", "pump five"]
    {
        said(&ana, room, text).await;
    }
    indexed(&cluster).await;
    let (one, two, three) = ("pump one, @design", "pump two, @docks", "pump three, @bea");
    let (four, five) = ("pump four, @everyone", "pump five");
    assert_eq!(found(&bea, "mentions:me").await, [four, three, two, one]);
    assert_eq!(found(&bea, "mentions:@bea").await, [four, three, two, one], "her own name");
    assert_eq!(found(&bea, "pump -mentions:me").await, [five]);
    assert_eq!(found(&ana, "mentions:me").await, [four, two]);
    assert_eq!(found(&ana, "mentions:design").await, [one], "she is not in it");
    assert_eq!(found(&ana, "mentions:@Design mentions:docks").await, [two, one]);
    assert_eq!(found(&ana, "mentions:bea").await, [four, three], "not the groups of another person");
    assert_eq!(refused(&ana, "from:design").await, ErrorCode::UserUnknown, "a group writes nothing");
    assert_eq!(refused(&ana, "mentions:nobody").await, ErrorCode::UserUnknown);
    store.set_workspace_role(ana.id(), bea.id(), WorkspaceRole::Guest).await.unwrap();
    assert_eq!(refused(&bea, "mentions:design").await, ErrorCode::UserUnknown, "guests see no groups");
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_forwarded_and_what_a_poll_offers_are_found(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let first = said(&ana, room, "The halyard is frayed").await;
    let forward = Placement { forward: Some((room, first)), ..Placement::default() };
    ana.asks(forward.send(room, Nonce(Uuid::new_v4()), "Please look")).await.unwrap();
    let poll =
        protocol::NewPoll { options: vec!["Genoa".to_owned(), "Spinnaker".to_owned()], ..Default::default() };
    let poll = Placement::default().send_with(room, Nonce(Uuid::new_v4()), "Which sail?", poll);
    ana.asks(poll).await.unwrap();
    indexed(&cluster).await;
    assert_eq!(found(&bea, "halyard").await, ["Please look", "The halyard is frayed"]);
    assert_eq!(found(&bea, "spinnaker").await, ["Which sail?"]);
    // The words around the hit are those of the copy.
    let (hits, ..) = page(&bea, search("halyard look", None, None)).await.unwrap();
    let context: String = hits[0].context.iter().map(|piece| piece.0.as_str()).collect();
    assert!(context.contains("halyard"), "{context}");
    assert_eq!(found(&bea, "\"look the halyard\"").await, [""; 0], "a phrase in two texts");
    assert_eq!(found(&bea, "\"genoa spinnaker\"").await, [""; 0]);
    // What a comment leaves open ends with it.
    let linked = said(&ana, room, "See [the chart](https://chart.example.com)").await;
    let forward = Placement { forward: Some((room, linked)), ..Placement::default() };
    let open = "Open:\n```\ncode";
    ana.asks(forward.send(room, Nonce(Uuid::new_v4()), open)).await.unwrap();
    indexed(&cluster).await;
    assert_eq!(found(&bea, "has:link code").await, [open]);
    assert_eq!(found(&bea, "\"the chart\" code").await, [open]);
}
