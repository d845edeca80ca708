//! Rooms that a person marks unread: for them alone, on all of their devices.

use client::Client;
use protocol::{Change, Command, ErrorCode, Line, Reply, RoomId, Seq, Unread};
use sqlx::PgPool;

use crate::cluster::{Cluster, Person, said};

fn unread(client: &Client, room: RoomId) -> u32 {
    client.room(room).unwrap().summary.unread
}

async fn marks(person: &Person, command: Command) -> Unread {
    match person.asks(command).await {
        Ok(Reply::Changed { line: Line::Person(_), change: Change::Unread { unread }, .. }) => unread,
        other => panic!("{other:?}"),
    }
}

/// What a fresh device counts.
async fn fresh(cluster: &Cluster, person: &Person, room: RoomId) -> (u32, u32) {
    let device = person.second_device();
    device.goes_to(cluster.node(2)).await;
    device.with(|client| {
        let summary = &client.room(room).unwrap().summary;
        (summary.unread, summary.mentions)
    })
}

#[sqlx::test(migrations = "../migrations")]
async fn a_room_is_unread_again_on_every_device_and_the_ticks_of_others_stay(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let phone = bea.second_device();
    phone.goes_to(cluster.node(1)).await;
    ana.opens(room).await;
    bea.opens(room).await;
    let one = said(&ana, room, "one").await;
    let two = said(&ana, room, "two, @bea").await;
    let three = said(&ana, room, "three").await;
    bea.sees(room, ["one", "two, @bea", "three"]).await;
    bea.reads(room);
    let has_read = |client: &Client| {
        client.room(room).unwrap().marks.get(&bea.id()).is_some_and(|marks| marks.read >= three)
    };
    ana.until("bea has read", has_read).await;
    phone.until("none is unread there", |client| unread(client, room) == 0).await;

    // Bea has it on the screen: it stays unread while she looks at it.
    let marked = marks(&bea, Command::MarkUnread { room, seq: two }).await;
    for device in [&bea, &phone] {
        device.until("two are unread", |client| unread(client, room) == 2).await;
    }
    assert_eq!(marked.after, Some(one));
    assert_eq!(marks(&bea, Command::MarkUnread { room, seq: two }).await, marked, "a repeat changes nothing");
    bea.reads(room);
    assert_eq!(bea.with(|client| unread(client, room)), 2);
    assert_eq!(bea.with(|client| client.room(room).unwrap().unread_after), Some(one), "the line moves there");
    assert_eq!(fresh(&cluster, &bea, room).await, (2, 1));
    assert!(ana.with(has_read), "nobody else learns of it");
    assert_eq!(cluster.marks(room, bea.id()).await.1, three.0);

    // What comes now is unread, too, although she sees it, which Ana learns.
    let four = said(&ana, room, "four").await;
    bea.sees(room, ["one", "two, @bea", "three", "four"]).await;
    bea.reads(room);
    phone.until("three are unread", |client| unread(client, room) == 3).await;
    let has_read = |client: &Client| {
        client.room(room).unwrap().marks.get(&bea.id()).is_some_and(|marks| marks.read >= four)
    };
    ana.until("bea has read that", has_read).await;
    assert_eq!(fresh(&cluster, &bea, room).await, (3, 1));

    // Opened again, on another device, it begins there, and reading ends it everywhere.
    phone.opens(room).await;
    assert_eq!(phone.with(|client| client.room(room).unwrap().unread_after), Some(one));
    phone.reads(room);
    for device in [&bea, &phone] {
        device.until("none is unread", |client| unread(client, room) == 0).await;
    }
    assert_eq!(fresh(&cluster, &bea, room).await, (0, 0));

    // A mark that is newer than what the reader knew stays.
    let again = marks(&bea, Command::MarkUnread { room, seq: three }).await;
    let told = marks(&bea, Command::ReadOn { room, rev: marked.rev }).await;
    assert_eq!(told, again);
    // Writing ends it, too.
    bea.until("two are unread", |client| unread(client, room) == 2).await;
    bea.says(room, "my own").await;
    for device in [&bea, &phone] {
        device.until("none is unread", |client| unread(client, room) == 0).await;
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_device_that_was_away_learns_of_it_and_leaving_ends_it(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let one = said(&ana, room, "one").await;
    let phone = bea.second_device();
    phone.goes_to(cluster.node(1)).await;
    bea.opens(room).await;
    bea.sees(room, ["one"]).await;
    bea.reads(room);
    phone.until("none is unread there", |client| unread(client, room) == 0).await;
    phone.cut().await;
    marks(&bea, Command::MarkUnread { room, seq: one }).await;
    phone.goes_to(cluster.node(2)).await;
    phone.until("one is unread there", |client| unread(client, room) == 1).await;

    bea.asks(Command::Leave { room }).await.unwrap();
    ana.asks(Command::Invite { room, users: vec![bea.id()] }).await.unwrap();
    let is_read = |client: &Client| client.room(room).is_some_and(|state| state.summary.unread == 0);
    for device in [&bea, &phone] {
        device.until("back, and nothing is unread", is_read).await;
    }
    assert_eq!(fresh(&cluster, &bea, room).await, (0, 0));
}

#[sqlx::test(migrations = "../migrations")]
async fn only_messages_of_ones_own_rooms_can_be_marked(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let cem = cluster.person("cem", 1).await;
    let one = said(&ana, room, "one").await;
    let refused = async |person: &Person, command| person.asks(command).await.expect_err("refused").code;
    let mark = Command::MarkUnread { room, seq: one };
    assert_eq!(refused(&cem, mark.clone()).await, ErrorCode::RoomUnknown);
    assert_eq!(refused(&cem, Command::ReadOn { room, rev: Seq(1) }).await, ErrorCode::RoomUnknown);
    let nowhere = Command::MarkUnread { room, seq: Seq(99) };
    assert_eq!(refused(&bea, nowhere).await, ErrorCode::MessageUnknown);
    assert_eq!(bea.asks(Command::ReadOn { room, rev: Seq(1) }).await, Ok(Reply::Done {}), "never marked");
    ana.asks(Command::Delete { room, seq: one }).await.unwrap();
    assert_eq!(refused(&bea, mark).await, ErrorCode::MessageDeleted);
}
