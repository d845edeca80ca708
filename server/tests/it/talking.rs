//! People talk across nodes: messages are stored, arrive once and in order, and marks follow.

use std::time::Duration;

use client::Tick;
use protocol::{Command, Direction, ErrorCode, Marks, Nonce, Reply, RoomId, RoomKind, Seq};
use server::{node::Tuning, store::marks::Raise};
use sqlx::PgPool;
use uuid::Uuid;

use crate::cluster::{Cluster, Person, shown};

/// The number of the newest message that someone sees; their own may appear before its event.
fn newest(person: &Person, room: RoomId) -> Seq {
    person.with(|client| client.room(room).unwrap().timeline.as_ref().unwrap().last().unwrap().seq)
}

/// The basic scenario.
#[sqlx::test(migrations = "../migrations")]
async fn user_1_on_server_2_talks_with_user_2_on_server_1(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let one = cluster.person("one", 2).await;
    let two = cluster.person("two", 1).await;
    let room = one.talks_with(two.id()).await;
    two.until("the room is there", |client| client.room(room).is_some()).await;
    one.opens(room).await;
    two.opens(room).await;

    one.says(room, "Are you there?").await;
    two.sees(room, ["Are you there?"]).await;
    two.says(room, "在的 👋").await;
    one.sees(room, ["Are you there?", "在的 👋"]).await;
    for number in 1..=20 {
        one.writes(room, &format!("{number}"));
    }
    let mut all = vec!["Are you there?".to_owned(), "在的 👋".to_owned()];
    all.extend((1..=20).map(|number: i32| number.to_string()));
    one.sees(room, &all).await;
    two.sees(room, &all).await;

    // Delivered before being looked at, then read; and stored in the database.
    let last = Seq(cluster.stored(room).await.last().unwrap().0);
    one.until("delivered", |client| client.room(room).unwrap().tick(last) == Tick::Delivered).await;
    let (delivered, read) = cluster.marks(room, two.id()).await;
    assert_eq!((delivered, read < last.0), (last.0, true));
    two.reads(room);
    one.until("read", |client| client.room(room).unwrap().tick(last) == Tick::Read).await;
    assert_eq!(cluster.marks(room, two.id()).await, (last.0, last.0));
    assert_eq!(cluster.stored(room).await.into_iter().map(|(_, body)| body).collect::<Vec<_>>(), all);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_repeated_nonce_is_one_message_also_at_once_and_on_two_servers(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let ana = cluster.person("ana", 1).await;
    let elsewhere = ana.second_device();
    elsewhere.goes_to(cluster.node(2)).await;
    let room = cluster.group("harbour", [&ana]).await;
    let nonce = Nonce(Uuid::new_v4());
    let send = |body: &str| Command::say(room, nonce, body);
    let (first, second) = tokio::join!(ana.asks(send("once")), elsewhere.asks(send("once")));
    let third = ana.asks(send("something else")).await;
    let message = |reply| match reply {
        Ok(Reply::Sent { message, .. }) => message,
        other => panic!("{other:?}"),
    };
    let first = message(first);
    assert_eq!(message(second), first);
    // Another text is not a repeat: it is refused, not lost silently.
    assert_eq!(third.unwrap_err().code, ErrorCode::NonceTaken);
    ana.opens(room).await;
    ana.says(room, "after").await;
    ana.sees(room, ["once", "after"]).await;
    // No number was wasted.
    assert_eq!(cluster.stored(room).await, [(3, "once".to_owned()), (4, "after".to_owned())]);
}

/// A message that is stored but never published: the next one reveals the gap, and it is filled.
#[sqlx::test(migrations = "../migrations")]
async fn a_hole_is_noticed_and_filled_in_order(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    ana.opens(room).await;
    bea.opens(room).await;
    ana.says(room, "one").await;
    for text in ["two", "three"] {
        cluster.unheard(&ana, room, text).await;
    }
    ana.says(room, "four").await;
    bea.sees(room, ["one", "two", "three", "four"]).await;
    ana.sees(room, ["one", "two", "three", "four"]).await;
}

/// Losing the last message leaves no gap: the head check finds it.
#[sqlx::test(migrations = "../migrations")]
async fn a_lost_last_message_is_found(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    bea.opens(room).await;
    ana.says(room, "one").await;
    cluster.unheard(&ana, room, "two").await;
    bea.sees(room, ["one", "two"]).await;
}

/// A mark that is stored but was not published, as when its server died in between: it is found,
/// and published once.
#[sqlx::test(migrations = "../migrations")]
async fn a_lost_mark_is_found(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    ana.opens(room).await;
    ana.says(room, "one").await;
    let last = newest(&ana, room);
    ana.until("delivered", |client| client.room(room).unwrap().tick(last) == Tick::Delivered).await;
    let marks = Marks { user: bea.id(), delivered: last, read: last };
    cluster.node(2).node.store.raise_marks(&[Raise { room, marks }]).await.unwrap();
    ana.until("read", |client| client.room(room).unwrap().tick(last) == Tick::Read).await;
    let finds = |number| {
        let text = cluster.node(number).node.metrics_text();
        text.lines().find_map(|line| line.strip_prefix("roost_marks_check_finds_total ")?.parse::<u32>().ok())
    };
    let all = || (finds(1).unwrap(), finds(2).unwrap());
    while all().1 == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Each mark is published once, however often the check runs: the counts stop growing.
    assert!(all().0 > 0);
    let ends = async {
        let mut found = (0, 0);
        while all() != found {
            found = all();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(crate::cluster::SOON, ends).await.expect("a mark is told again and again");
}

/// What others read while one was away is known on return, although no message was sent.
#[sqlx::test(migrations = "../migrations")]
async fn what_was_read_while_away_is_known_on_return(pool: PgPool) {
    // The check would find it as well.
    let tuning = Tuning { marks_check: Duration::from_secs(600), ..Cluster::tuning() };
    let cluster = Cluster::start_tuned(pool, 2, tuning).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    ana.opens(room).await;
    bea.opens(room).await;
    ana.says(room, "one").await;
    let last = newest(&ana, room);
    ana.until("delivered", |client| client.room(room).unwrap().tick(last) == Tick::Delivered).await;
    ana.cut().await;
    bea.sees(room, ["one"]).await;
    bea.reads(room);
    let read = async || cluster.marks(room, bea.id()).await.1 == last.0;
    while !read().await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ana.goes_to(cluster.node(2)).await;
    ana.until("read", |client| client.room(room).unwrap().tick(last) == Tick::Read).await;
}

/// Bea loses her connection while Ana writes, and reconnects to another server. She has everything,
/// once, in order.
#[sqlx::test(migrations = "../migrations")]
async fn what_is_said_while_away_arrives_on_return_to_another_server(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    ana.opens(room).await;
    bea.opens(room).await;
    ana.says(room, "one").await;
    bea.sees(room, ["one"]).await;

    bea.cut().await;
    ana.says(room, "two").await;
    bea.writes(room, "mine, while away");
    ana.says(room, "three").await;
    bea.goes_to(cluster.node(1)).await;

    bea.sees(room, ["one", "two", "three", "mine, while away"]).await;
    ana.sees(room, ["one", "two", "three", "mine, while away"]).await;
    assert_eq!(bea.with(|client| client.room(room).unwrap().summary.unread), 3);
}

/// A server leaves and closes its connections; what was not acknowledged is sent again elsewhere,
/// once.
#[sqlx::test(migrations = "../migrations")]
async fn a_server_that_leaves_sends_everyone_away_and_loses_nothing(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    ana.opens(room).await;
    bea.opens(room).await;
    ana.says(room, "one").await;
    cluster.node(1).node.leave(std::time::Duration::from_millis(50), crate::cluster::SOON).await;
    assert_eq!(ana.closes(), [protocol::CloseCode::Leaving as u16]);
    ana.writes(room, "two");
    ana.goes_to(cluster.node(2)).await;
    bea.sees(room, ["one", "two"]).await;
    ana.sees(room, ["one", "two"]).await;
}

/// 20 people write 50 messages each at once into one room, across three servers.
#[sqlx::test(migrations = "../migrations")]
async fn a_storm_in_one_room_is_stored_once_without_a_hole_and_seen_in_one_order(pool: PgPool) {
    const PEOPLE: usize = 20;
    const EACH: usize = 50;
    let cluster = Cluster::start(pool, 3).await;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(cluster.person(&format!("person-{number}"), number % 3 + 1).await);
    }
    let room = people[0].makes(RoomKind::Channel, "square").await;
    for person in &people[1..] {
        person.gets_room(Command::Join { room }).await;
    }
    let begin = Seq(1 + PEOPLE as i64);
    for person in &people {
        person.opens(room).await;
        person.until("everyone is there", |client| client.room(room).unwrap().cursor() == begin).await;
    }
    for number in 0..EACH {
        for person in &people {
            person.writes(room, &format!("{} {number}", person.handle));
        }
    }
    let end = Seq(begin.0 + (PEOPLE * EACH) as i64);
    for person in &people {
        let whole = |client: &client::Client| {
            client.room(room).unwrap().cursor() == end && client.outbox().items().is_empty()
        };
        person.until("it is all there", whole).await;
    }

    let stored = cluster.stored(room).await;
    assert_eq!(stored.len(), PEOPLE * EACH);
    assert!(stored.iter().map(|(seq, _)| *seq).eq(begin.0 + 1..=end.0), "the numbers have no hole");
    for person in &people {
        // Each person's own messages are in the order of writing …
        let own = stored.iter().filter(|(_, body)| body.split(' ').next() == Some(&person.handle));
        let own: Vec<&str> = own.map(|(_, body)| body.rsplit(' ').next().unwrap()).collect();
        assert!(own.iter().enumerate().all(|(at, number)| *number == at.to_string()), "{own:?}");
        // … and everyone saw the same order, each message once.
        let heard = person.heard(room);
        assert_eq!(heard.len(), PEOPLE * EACH - EACH, "{}", person.handle);
        assert!(heard.windows(2).all(|pair| pair[0] < pair[1]), "{}", person.handle);
        let texts: Vec<&String> = stored.iter().map(|(_, body)| body).collect();
        let window = person.with(|client| shown(client, room));
        assert!(texts.ends_with(&window.iter().collect::<Vec<_>>()), "{}", person.handle);
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn the_whole_history_is_read_page_by_page(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let room = cluster.group("diary", [&ana]).await;
    for number in 0..180 {
        cluster.unheard(&ana, room, &number.to_string()).await;
    }
    ana.opens(room).await;
    for pages in 2..=4 {
        ana.acts(|client, _| client.load_more(room, Direction::Before));
        let expected = 180_usize.min(pages * 50);
        ana.until("a page came", |client| shown(client, room).len() == expected).await;
    }
    ana.sees(room, (0..180).map(|number: i32| number.to_string())).await;
    assert!(ana.with(|client| !client.room(room).unwrap().timeline.as_ref().unwrap().more_before()));
}

#[sqlx::test(migrations = "../migrations")]
async fn two_who_start_a_direct_room_at_once_share_it(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let ana = cluster.person("ana", 1).await;
    let bea = cluster.person("bea", 2).await;
    let (from_ana, from_bea) = tokio::join!(ana.talks_with(bea.id()), bea.talks_with(ana.id()));
    assert_eq!(from_ana, from_bea);
    let refusal = ana.asks(Command::StartDirect { user: ana.id() }).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::UserUnknown);
}
