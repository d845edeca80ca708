//! A client that was away briefly catches up from the node's memory, with the same result as from
//! Postgres.

use std::time::Duration;

use protocol::{Change, Command, ErrorCode, Line, NewPoll, Nonce, Placement, Reply, RoomId, Seq};
use server::node::Tuning;
use sqlx::PgPool;
use uuid::Uuid;

use crate::cluster::{Cluster, Person, Running, SOON};

fn send(room: RoomId, body: &str) -> Command {
    Command::say(room, Nonce(Uuid::new_v4()), body)
}

fn poll(room: RoomId) -> Command {
    let options = vec!["nine".to_owned(), "noon".to_owned()];
    let poll = NewPoll { options, several: false, anonymous: true };
    Placement::default().send_with(room, Nonce(Uuid::new_v4()), "When?", poll)
}

async fn caught_up(person: &Person, room: RoomId, after: i64) -> (Vec<(Seq, Change)>, Seq, bool) {
    match person.asks(Command::CatchUp { line: Line::Room(room), after: Seq(after) }).await {
        Ok(Reply::Changes { changes, through, more, .. }) => (changes, through, more),
        other => panic!("{other:?}"),
    }
}

/// Marks and the count of members are either from the time of the change or current. Both are
/// right, and the last one is the same.
fn settled(mut changes: Vec<(Seq, Change)>) -> Vec<(Seq, Change)> {
    let mut last = None;
    for (_, change) in changes.iter_mut().rev() {
        // Reactions are separate changes: a message may carry those from when it was sent, or the
        // current ones.
        if let Change::Message { message } = change {
            message.reactions.clear();
            // The same goes for the counts of its poll.
            message.poll = message.poll.take().map(|poll| poll.unvoted().into());
        }
        if let Change::Member { members, marks, .. } = change {
            last.get_or_insert(*members);
            *members = 0;
            (marks.delivered, marks.read) = (Seq::ZERO, Seq::ZERO);
        }
    }
    if let Some((_, Change::Member { members, .. })) =
        changes.iter_mut().rev().find(|(_, change)| matches!(change, Change::Member { .. }))
    {
        *members = last.unwrap_or_default();
    }
    changes
}

fn hits_and_misses(node: &Running) -> (u64, u64) {
    (node.node.metrics.ring_hits.get(), node.node.metrics.ring_misses.get())
}

/// Law 6, for the ring: from every position that it covers it returns what Postgres returns.
#[sqlx::test(migrations = "../migrations")]
async fn memory_tells_what_the_database_tells(pool: PgPool) {
    // No head check: one that runs between a commit and its broadcast repairs, and meanwhile memory
    // does not answer.
    let tuning = Tuning { head_check: Duration::from_secs(3_600), ..Tuning::default() };
    let cluster = Cluster::start_tuned(pool, 3, tuning).await;
    let ana = cluster.person("ana", 1).await;
    let bea = cluster.person("bea", 2).await;
    let cem = cluster.person("cem", 1).await;
    let room = cluster.group("crew", [&ana, &bea]).await;
    let set = |title: &str| Command::SetRoom { room, title: title.to_owned(), topic: String::new() };
    // As stored: the broadcast of bea's joining may still be on its way to ana.
    let begin = cluster.node(1).node.store.heads(&[Line::Room(room)]).await.unwrap()[0].head.0;
    for (person, command) in [
        (&ana, send(room, "one")),
        (&bea, send(room, "two")),
        (&ana, set("boat")),
        (&ana, Command::Invite { room, users: vec![cem.id()] }),
        (&cem, send(room, "three")),
        (&cem, Command::Leave { room }),
        (&ana, Placement::forwarding(room, Seq(begin + 1)).send(room, Nonce(Uuid::new_v4()), "")),
        (&ana, set("ship")),
        (&ana, Command::Edit { room, seq: Seq(begin + 1), edits: 0, body: "one, mended".to_owned() }),
        (&bea, Command::React { room, seq: Seq(begin + 1), emoji: "👍".to_owned(), on: true }),
        (&bea, Command::Delete { room, seq: Seq(begin + 2) }),
        (&ana, Command::Invite { room, users: vec![cem.id()] }),
        (&ana, send(room, "four")),
        (&ana, poll(room)),
        (&bea, Command::Vote { room, seq: Seq(begin + 14), choices: vec![1] }),
        (&ana, Command::Vote { room, seq: Seq(begin + 14), choices: vec![0] }),
        (&ana, Command::ClosePoll { room, seq: Seq(begin + 14) }),
    ] {
        person.asks(command).await.unwrap();
    }
    let end = begin + 17;
    for person in [&ana, &bea] {
        person.until("told of all", |client| client.room(room).unwrap().summary.head.0 == end).await;
    }
    // A gap that has filled itself, because broadcasts arrived in reverse order, is still being
    // repaired for a moment.
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Nobody has followed the room there until now: that node remembers nothing, and queries the
    // database.
    let phone = ana.second_device();
    phone.goes_to(cluster.node(3)).await;

    let before = [1, 2, 3].map(|number| hits_and_misses(cluster.node(number)));
    for after in begin..end {
        let (expected, through, more) = caught_up(&phone, room, after).await;
        let expected = settled(expected);
        assert_eq!((through.0, more), (end, false));
        for person in [&ana, &bea] {
            let (changes, through, more) = caught_up(person, room, after).await;
            assert_eq!((settled(changes), through.0, more), (expected.clone(), end, false), "after {after}");
        }
    }
    let asked = [1, 2, 3].map(|number| {
        let (now, before) = (hits_and_misses(cluster.node(number)), before[number - 1]);
        (now.0 - before.0, now.1 - before.1)
    });
    let each = (end - begin) as u64;
    // A node that is repairing a gap meanwhile queries Postgres, which is right as well.
    for (hits, misses) in &asked[..2] {
        assert_eq!((hits + misses, *hits > 0), (each, true), "from memory: {asked:?}");
    }
    assert_eq!(asked[2], (0, each), "from Postgres");

    // The ring does not answer for a number that does not exist yet; and no changes means none.
    assert_eq!(caught_up(&ana, room, end).await, (Vec::new(), Seq(end), false));
    let ahead = ana.asks(Command::CatchUp { line: Line::Room(room), after: Seq(end + 1) }).await;
    assert!(matches!(ahead, Ok(Reply::View { .. })), "{ahead:?}");
}

/// Being in memory gives nobody access: membership is checked in the database, each time.
#[sqlx::test(migrations = "../migrations")]
async fn memory_is_not_told_to_who_has_left(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    ana.says(room, "one").await;
    let after = cluster.stored(room).await[0].0 - 1;
    assert_eq!(caught_up(&bea, room, after).await.0.len(), 1);
    // Directly in the database, so that nobody is told.
    sqlx::query("update members set active = false where user_id = $1")
        .bind(bea.id().0)
        .execute(&cluster.pool)
        .await
        .unwrap();
    let refusal = bea.asks(Command::CatchUp { line: Line::Room(room), after: Seq(after) }).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::RoomUnknown);
}

/// Bea is away briefly, and reconnects to a node that remembers; once also after that node had to
/// repair.
#[sqlx::test(migrations = "../migrations")]
async fn who_was_away_for_a_moment_is_caught_up_from_memory(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    ana.opens(room).await;
    bea.opens(room).await;
    ana.says(room, "one").await;
    bea.sees(room, ["one"]).await;

    bea.cut().await;
    ana.says(room, "two").await;
    // Node 1 finds it by its head check and repairs.
    cluster.unheard(&ana, room, "unheard").await;
    ana.sees(room, ["one", "two", "unheard"]).await;
    assert!(cluster.node(1).node.metrics.holes_repaired.get() > 0);
    ana.says(room, "three").await;
    let (hits, misses) = hits_and_misses(cluster.node(1));
    bea.goes_to(cluster.node(1)).await;
    bea.sees(room, ["one", "two", "unheard", "three"]).await;
    assert_eq!(hits_and_misses(cluster.node(1)), (hits + 1, misses), "Postgres was not asked for it");
}

/// A node that has missed the last message holds nobody back: the database answers clients that
/// know of more.
#[sqlx::test(migrations = "../migrations")]
async fn a_node_that_is_behind_keeps_nobody_behind(pool: PgPool) {
    let tuning = server::node::Tuning {
        // Nothing but the browser notices.
        head_check: 10 * SOON,
        ..server::node::Tuning::default()
    };
    let cluster = Cluster::start_tuned(pool, 1, tuning).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    bea.opens(room).await;
    ana.says(room, "one").await;
    bea.sees(room, ["one"]).await;
    bea.cut().await;
    ana.says(room, "two").await;
    cluster.unheard(&ana, room, "three").await;
    bea.goes_to(cluster.node(1)).await;
    bea.sees(room, ["one", "two", "three"]).await;
}

/// Too much has changed to send change by change: the client gets the room as if it opened it,
/// whether the node knows its own position or must query the database.
#[sqlx::test(migrations = "../migrations")]
async fn who_is_far_behind_gets_the_room_afresh(pool: PgPool) {
    let tuning = Tuning { head_check: 10 * SOON, ..Tuning::default() };
    let cluster = Cluster::start_tuned(pool, 2, tuning).await;
    let ana = cluster.person("ana", 1).await;
    let room = cluster.group("crew", [&ana]).await;
    // Node 1 has followed the room from its beginning and has received nothing since.
    sqlx::query("update lines set head = head + $1 where kind = 'room'")
        .bind(protocol::limits::BEHIND_MAX + 10)
        .execute(&cluster.pool)
        .await
        .unwrap();
    let phone = ana.second_device();
    phone.goes_to(cluster.node(2)).await;
    for device in [&ana, &phone] {
        for after in [-1, 0, 11] {
            let told = device.asks(Command::CatchUp { line: Line::Room(room), after: Seq(after) }).await;
            assert!(matches!(told, Ok(Reply::View { .. })), "{after}: {told:?}");
        }
        let told = device.asks(Command::CatchUp { line: Line::Room(room), after: Seq(12) }).await;
        assert!(matches!(told, Ok(Reply::Changes { more: false, .. })), "{told:?}");
    }
}
