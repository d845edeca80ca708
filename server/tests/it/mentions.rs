//! Mentions and replies across servers: name resolution, counts, and quotes.

use client::RowKind;
use protocol::{
    Command, ErrorCode, Mention, Message, Nonce, Placement, Reply, RoomId, RoomKind, Seq, limits,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::cluster::{Cluster, Person};

async fn sends(
    person: &Person,
    room: RoomId,
    text: &str,
    reply_to: Option<Seq>,
) -> Result<Message, ErrorCode> {
    let (nonce, body) = (Nonce(Uuid::new_v4()), text.to_owned());
    let sent = person.sends(Placement { reply_to, ..Placement::default() }.send(room, nonce, body)).await;
    sent.map_err(|refusal| refusal.code)
}

/// The names that a message mentions, without ids.
fn names(message: &Message) -> Vec<&str> {
    message.mentions.iter().map(|mention| mention.0.as_str()).collect()
}

/// A room's unread messages, and how many of them mention the person: in the client's state, and in
/// a fresh summary.
async fn counts(person: &Person, room: RoomId) -> [(u32, u32); 2] {
    let known = person.with(|client| {
        let summary = &client.room(room).unwrap().summary;
        (summary.unread, summary.mentions)
    });
    let compare = Command::CompareRooms { known: vec![(room, Seq(0))] };
    let Ok(Reply::Rooms { rooms, .. }) = person.asks(compare).await else { panic!("no answer") };
    [known, (rooms[0].unread, rooms[0].mentions)]
}

#[sqlx::test(migrations = "../migrations")]
async fn a_mention_is_a_person_counted_apart_and_only_in_the_room(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea) = (cluster.person("ana", 1).await, cluster.person("bea", 2).await);
    let dora = cluster.person("dora", 1).await;
    let room = cluster.group("crew", [&ana, &bea]).await;
    bea.until("the room is there", |client| client.room(room).is_some()).await;
    let message =
        sends(&ana, room, "@Bea and @dora, see `@ana` and a@bea.example. @nobody", None).await.unwrap();
    let expected = [Mention("bea".to_owned(), Some(bea.id())), Mention("dora".to_owned(), Some(dora.id()))];
    assert_eq!(message.mentions, expected);
    sends(&ana, room, "nobody is meant", None).await.unwrap();
    bea.until("both are there", |client| client.room(room).unwrap().summary.unread == 2).await;
    assert_eq!(counts(&bea, room).await, [(2, 1); 2]);
    // Everyone, once each, except the author.
    let to_all = sends(&bea, room, "@everyone @here @ana", None).await.unwrap();
    assert_eq!(names(&to_all), ["ana", "everyone"]);
    ana.until("it has come", |client| client.room(room).unwrap().summary.mentions == 1).await;
    assert_eq!(counts(&ana, room).await[1], (1, 1));
    assert_eq!(counts(&bea, room).await[1].1, 1);
    // An edit removes one and adds another; deleting removes all.
    let edit = |edits, body: &str| Command::Edit { room, seq: message.seq, edits, body: body.to_owned() };
    let edited = ana.asks(edit(0, "only @ana")).await.unwrap();
    let Reply::Changed { change, .. } = edited else { panic!("{edited:?}") };
    assert_eq!(names(change.message().unwrap()), ["ana"]);
    bea.until("taken back", |client| client.room(room).unwrap().summary.mentions == 0).await;
    assert_eq!(counts(&bea, room).await, [(2, 0); 2]);
    ana.asks(edit(1, "and @bea again")).await.unwrap();
    bea.until("again", |client| client.room(room).unwrap().summary.mentions == 1).await;
    assert_eq!(counts(&bea, room).await, [(2, 1); 2]);
    ana.asks(Command::Delete { room, seq: message.seq }).await.unwrap();
    bea.until("deleted", |client| client.room(room).unwrap().summary.mentions == 0).await;
    assert_eq!(counts(&bea, room).await, [(1, 0); 2]);
    // Someone who joins later has nothing to count, and someone who was never there is not told.
    assert!(dora.with(|client| client.room(room).is_none()));
    ana.asks(Command::Invite { room, users: vec![dora.id()] }).await.unwrap();
    dora.until("invited", |client| client.room(room).is_some()).await;
    assert_eq!(counts(&dora, room).await[1], (0, 0));
}

#[sqlx::test(migrations = "../migrations")]
async fn only_who_may_mention_everyone_does(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, bea) = (cluster.person("ana", 1).await, cluster.person("bea", 1).await);
    let room = ana.makes(RoomKind::Channel, "harbour").await;
    bea.asks(Command::Join { room }).await.unwrap();
    // In a channel, moderators may.
    assert_eq!(names(&sends(&bea, room, "@everyone, listen", None).await.unwrap()), [""; 0]);
    assert_eq!(names(&sends(&ana, room, "@here, listen", None).await.unwrap()), ["here"]);
    let many = |count: usize| (0..count).map(|n| format!("@name-{n} ")).collect::<String>();
    assert!(sends(&ana, room, &many(limits::MENTIONS_MAX), None).await.is_ok());
    let refused = sends(&ana, room, &many(limits::MENTIONS_MAX + 1), None).await;
    assert_eq!(refused.unwrap_err(), ErrorCode::MentionsTooMany);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_reply_shows_what_it_replies_to_as_it_is_now(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea) = (cluster.person("ana", 1).await, cluster.person("bea", 2).await);
    let room = cluster.group("crew", [&ana, &bea]).await;
    let first = sends(&ana, room, "who moved the long rope?", None).await.unwrap();
    for number in 0..60 {
        sends(&ana, room, &format!("{number}"), None).await.unwrap();
    }
    // A reaction's number is not a message, and missing messages cannot be replied to.
    let react = Command::React { room, seq: first.seq, emoji: "👍".to_owned(), on: true };
    let Ok(Reply::Changed { seq: reaction, .. }) = bea.asks(react).await else { panic!("no reaction") };
    for wrong in [reaction, Seq(9_999), Seq(0), Seq(-1)] {
        let refused = sends(&bea, room, "hm", Some(wrong)).await;
        assert_eq!(refused.unwrap_err(), ErrorCode::MessageUnknown, "{wrong}");
    }
    bea.opens(room).await;
    let reply = sends(&bea, room, "I did", Some(first.seq)).await.unwrap();
    assert_eq!(reply.reply_to, Some(first.seq));
    let quote = |client: &client::Client| {
        let rows = client::rows(client, room, protocol::Zone::default());
        rows.into_iter().rev().find_map(|row| match row.kind {
            RowKind::Message(message) => message.quote,
            RowKind::Beginning | RowKind::Day(_) | RowKind::Unread | RowKind::Replies(_) => None,
        })
    };
    let says = |text: &'static str| {
        move |client: &client::Client| quote(client).is_some_and(|quote| &*quote.body == text)
    };
    bea.until("the quote is here", says("who moved the long rope?")).await;
    ana.opens(room).await;
    // A view includes the messages that its messages quote.
    ana.until("the quote is here", says("who moved the long rope?")).await;
    let body = "who moved the rope?".to_owned();
    ana.asks(Command::Edit { room, seq: first.seq, edits: 0, body }).await.unwrap();
    bea.until("edited", says("who moved the rope?")).await;
    // Changes made while away are not missed.
    bea.cut().await;
    ana.asks(Command::Delete { room, seq: first.seq }).await.unwrap();
    bea.goes_to(cluster.node(1)).await;
    bea.until("deleted", |client| quote(client).is_some_and(|quote| quote.deleted)).await;
    // It may have been deleted meanwhile: it still counts as a message.
    assert!(sends(&bea, room, "it was I", Some(first.seq)).await.is_ok());
}

#[sqlx::test(migrations = "../migrations")]
async fn a_message_comes_with_those_around_it_and_nobody_else_gets_them(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, bea) = (cluster.person("ana", 1).await, cluster.person("bea", 1).await);
    let room = cluster.group("crew", [&ana]).await;
    let mut seqs = Vec::new();
    for number in 0..80 {
        seqs.push(sends(&ana, room, &format!("{number}"), None).await.unwrap().seq);
    }
    let around = async |seq: Seq| match ana.asks(Command::Around { room, seq }).await {
        Ok(Reply::Around { messages, more_before, more_after, .. }) => {
            let texts: Vec<usize> = messages.iter().map(|message| message.body.parse().unwrap()).collect();
            assert!(texts.is_sorted());
            (texts.first().copied(), texts.len(), more_before, more_after)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(around(seqs[40]).await, (Some(15), 50, true, true));
    assert_eq!(around(seqs[0]).await, (Some(0), 25, false, true));
    assert_eq!(around(seqs[10]).await, (Some(0), 35, false, true));
    assert_eq!(around(seqs[79]).await, (Some(54), 26, true, false));
    assert_eq!(around(Seq(9_999)).await, (Some(55), 25, true, false));
    for command in [Command::Around { room, seq: seqs[40] }, Command::Previews { room, seqs: vec![seqs[40]] }]
    {
        assert_eq!(bea.asks(command).await.unwrap_err().code, ErrorCode::RoomUnknown);
    }
    let many = Command::Previews { room, seqs: vec![seqs[1]; limits::PREVIEWS_MAX + 1] };
    assert_eq!(ana.asks(many).await.unwrap_err().code, ErrorCode::MalformedCommand);
}
