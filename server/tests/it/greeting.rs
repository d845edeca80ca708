//! A connection is greeted first, and follows its rooms after that. What happens in between is not lost.

use std::sync::Arc;

use protocol::{Change, Command, Event, Line, Reply, SessionId};
use server::{
    account::Viewer,
    chat::{self, Context},
    hub::Owner,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::cluster::{Cluster, SOON};

#[sqlx::test(migrations = "../migrations")]
async fn what_happens_between_the_greeting_and_following_is_told(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let quiet = cluster.group("attic", [&ana, &bea]).await;
    let left = cluster.group("cellar", [&ana, &bea]).await;
    let node = &cluster.node(1).node;
    let user = bea.with(|client| client.me().cloned()).unwrap();
    let session = SessionId(Uuid::new_v4());
    let (connection, _outbox) = node.connect(Owner { user: user.id, session });
    let cx = Context { node: Arc::clone(node), viewer: Viewer { user, session } };

    let (welcome, greeted) = chat::hello(&cx, connection, 25_000).await.unwrap();
    let Reply::Welcome { rooms, .. } = welcome else { panic!("{welcome:?}") };
    assert_eq!(rooms.len(), 3);
    let head = rooms.iter().find(|summary| summary.room.id == room).unwrap().head;
    assert!(!node.is_following(connection, room));

    ana.says(room, "in between").await;
    bea.asks(Command::Leave { room: left }).await.unwrap();
    let told = async {
        while node.position(Line::Room(room)).is_none_or(|position| position <= head) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, told).await.expect("the node tells what Ana said");

    let missed = chat::follow_rooms(&cx, connection, greeted).await.unwrap();
    let [Event::Changes { line, after, changes, through, .. }] = missed.as_slice() else {
        panic!("{missed:?}")
    };
    assert_eq!((*line, *after, *through), (Line::Room(room), head, head.next()));
    let [(seq, Change::Message { message })] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!((*seq, message.body.as_str()), (head.next(), "in between"));
    assert!(node.is_following(connection, room) && node.is_following(connection, quiet));
    assert!(!node.is_following(connection, left));
}
