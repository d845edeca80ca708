//! A connection is greeted before its rooms are ready on this server. Changes in between still
//! arrive, exactly once.

use std::{collections::BTreeSet, time::Duration};

use axum::extract::ws::Utf8Bytes;
use protocol::{Change, Command, Event, Line, Seq, ServerFrame, SessionId};
use server::{
    hub::{Outbox, Owner},
    node::Tuning,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::cluster::{Cluster, SOON};

/// Connections of this test belong to no stored session, so no session check may come in between.
async fn start(pool: PgPool) -> Cluster {
    let session_check = Duration::from_secs(600);
    Cluster::start_tuned(pool, 3, Tuning { session_check, ..Cluster::tuning() }).await
}

/// Reads frames until one has this number on a line; returns the messages in them.
async fn told(outbox: &Outbox, on: Line, until: Seq) -> Vec<(Seq, String)> {
    let mut told = Vec::new();
    let hear = async {
        while told.last().is_none_or(|(seq, _)| *seq < until) {
            outbox.ready().await;
            // It would be ready for ever.
            assert!(outbox.closing().is_none(), "the connection was closed");
            for frame in outbox.take(99) {
                told.extend(messages(&frame, on));
            }
        }
    };
    tokio::time::timeout(SOON, hear).await.expect("what happened is told");
    told
}

fn messages(frame: &Utf8Bytes, on: Line) -> Vec<(Seq, String)> {
    let ServerFrame::Event { event } = ServerFrame::decode(frame).unwrap() else { return Vec::new() };
    let changes = if let Event::Change { line, seq, change, .. } = event {
        if line == on { vec![(seq, change)] } else { Vec::new() }
    } else if let Event::Changes { line, changes, .. } = event {
        if line == on { changes } else { Vec::new() }
    } else {
        Vec::new()
    };
    let message = |(seq, change)| {
        if let Change::Message { message } = change { Some((seq, message.body)) } else { None }
    };
    changes.into_iter().filter_map(message).collect()
}

#[sqlx::test(migrations = "../migrations")]
async fn what_happens_until_the_rooms_are_ready_is_told_once(pool: PgPool) {
    // Nobody is on the second server.
    let cluster = start(pool).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let node = &cluster.node(2).node;
    let (user, line) = (bea.id(), Line::Room(room));
    let (_, heads) = node.store.first_rooms_and_heads(user, 51).await.unwrap();
    let [(listed, head)] = heads.as_slice() else { panic!("{heads:?}") };
    assert_eq!((*listed, node.position(line)), (room, None));

    // It is sent before this server follows the room, so no broadcast brings it.
    ana.says(room, "before").await;
    let (connection, outbox) = node.connect(Owner { user, session: SessionId(Uuid::new_v4()) });
    let (me, mine) = (Line::Person(user), BTreeSet::from([Line::Person(user)]));
    node.follow(connection, &mine).await.unwrap();
    let person = (user, node.position(me).unwrap());
    let following = node.follow_from(connection, person, &heads).unwrap();
    assert!(!following.is_ahead() && node.is_following(connection, room));
    assert_eq!(node.position(line), Some(*head));
    ana.says(room, "meanwhile").await;
    node.get_ready(following).await.unwrap();
    ana.says(room, "after").await;
    let last = Seq(head.0 + 3);
    let said = ["before", "meanwhile", "after"].map(str::to_owned);
    let all: Vec<_> = (head.0 + 1..).map(Seq).zip(said).collect();
    assert_eq!(told(&outbox, line, last).await, all);

    // By now it was delivered here to others, so heads from before it are too old.
    let newcomer = || node.connect(Owner { user, session: SessionId(Uuid::new_v4()) }).0;
    let is_ahead = |connection, heads: &[_]| {
        let person = (user, node.position(me).unwrap());
        node.follow_from(connection, person, heads).unwrap().is_ahead()
    };
    let late = newcomer();
    assert!(is_ahead(late, &heads));
    assert!(!is_ahead(newcomer(), &[(room, last)]));
    // It receives what is delivered after it follows the room, so there is no reason to read the
    // list again.
    assert!(!is_ahead(late, &heads));

    // The position of a line that is only just being followed is not known either.
    let other = cluster.group("attic", [&ana]).await;
    let lines = BTreeSet::from([Line::Room(other)]);
    let mut following = Box::pin(node.follow(connection, &lines));
    assert!(futures::poll!(&mut following).is_pending());
    assert!(is_ahead(newcomer(), &[(other, Seq(i64::MAX))]));
    following.await.unwrap();
    assert!(!is_ahead(newcomer(), &[(other, Seq(i64::MAX))]));
}

/// Someone is removed from a room after the list for their greeting was read, and this server has
/// already delivered that. The connection, which did not follow the room yet, must not follow it
/// now.
#[sqlx::test(migrations = "../migrations")]
async fn a_list_from_before_a_removal_is_not_followed(pool: PgPool) {
    let cluster = start(pool).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let node = &cluster.node(2).node;
    let (user, me) = (bea.id(), Line::Person(bea.id()));
    let (connection, outbox) = node.connect(Owner { user, session: SessionId(Uuid::new_v4()) });
    node.follow(connection, &BTreeSet::from([me])).await.unwrap();
    let position = node.position(me).unwrap();
    let (_, heads) = node.store.first_rooms_and_heads(user, 51).await.unwrap();
    assert_eq!(heads.iter().map(|(room, _)| *room).collect::<Vec<_>>(), [room]);

    ana.asks(Command::Remove { room, user, ban: false }).await.unwrap();
    tokio::time::timeout(SOON, outbox.ready()).await.expect("the removal is told");
    assert!(node.follow_from(connection, (user, position), &heads).is_none());
    assert!(!node.is_following(connection, room));

    // Read again, the list no longer has the room.
    let position = node.position(me).unwrap();
    let (_, heads) = node.store.first_rooms_and_heads(user, 51).await.unwrap();
    assert!(node.follow_from(connection, (user, position), &heads).is_some());
    assert!(heads.is_empty() && !node.is_following(connection, room));
}
