//! Servers of different versions side by side: they skip what they cannot read, and find it by
//! sequence numbers.

use protocol::RoomId;
use server::{
    broker::{Broadcast, Effect, Kind, Line},
    node::Tuning,
};
use sqlx::PgPool;

use crate::cluster::{Cluster, Person, SOON};

/// Stores a message and publishes it as a server of another version would: with `byte` at position
/// `at` of the header.
async fn told_otherwise(cluster: &Cluster, author: &Person, room: RoomId, text: &str, at: usize, byte: u8) {
    let node = &cluster.node(1).node;
    let message = cluster.unheard(author, room, text).await;
    let line = Line::Room(room);
    let broadcast = Broadcast {
        line,
        epoch: node.epoch(),
        kind: Kind::Change(message.seq, Effect::None),
        frame: "a frame of tomorrow".to_owned(),
    };
    let mut bytes = broadcast.encode();
    bytes[at] = byte;
    let url = std::env::var("REDIS_URL").expect("REDIS_URL names the Redis to test with");
    let mut redis = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let heard: u32 = redis::cmd("PUBLISH")
        .arg(format!("roost:{}:{line}", node.store.workspace().await.unwrap().id))
        .arg(bytes)
        .query_async(&mut redis)
        .await
        .unwrap();
    assert_eq!(heard, 2, "both servers follow the room");
}

#[sqlx::test(migrations = "../migrations")]
async fn what_a_newer_server_says_is_passed_over_and_found_by_its_number(pool: PgPool) {
    // No head check: sequence numbers alone must suffice.
    let tuning = Tuning { head_check: 10 * SOON, ..Tuning::default() };
    let cluster = Cluster::start_tuned(pool, 2, tuning).await;
    let ana = cluster.person("ana", 1).await;
    let bea = cluster.person("bea", 2).await;
    let room = cluster.group("harbour", [&ana, &bea]).await;
    bea.opens(room).await;
    ana.says(room, "one").await;
    bea.sees(room, ["one"]).await;

    told_otherwise(&cluster, &ana, room, "two, of another version", 0, 3).await;
    told_otherwise(&cluster, &ana, room, "three, of another kind", 1, 99).await;
    ana.says(room, "four").await;
    bea.sees(room, ["one", "two, of another version", "three, of another kind", "four"]).await;

    let metrics = cluster.node(2).node.metrics_text();
    assert!(metrics.contains("roost_bus_unreadable_total{redis=\"1\"} 2\n"), "{metrics}");
    assert!(metrics.contains("roost_holes_repaired_total 1\n"), "{metrics}");
}
