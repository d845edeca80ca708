//! Changing messages: edits, deletions, reactions; and many sends in one transaction.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use protocol::{
    Change, ClientFrame, Command, ErrorCode, Message, Nonce, Reaction, Refusal, Reply, RoomId, RoomKind, Seq,
    ServerFrame, UserReaction,
    limits::{EMOJIS_MAX, REACTIONS_MAX},
};
use server::{
    node::Tuning,
    store::messages::{Inserted, NewMessage},
};
use sqlx::PgPool;
use tokio_tungstenite::tungstenite;
use uuid::Uuid;

use crate::cluster::{Cluster, ORIGIN, SOON, said, shown};

fn edit(room: RoomId, seq: Seq, edits: u32, body: &str) -> Command {
    Command::Edit { room, seq, edits, body: body.to_owned() }
}

fn react(room: RoomId, seq: Seq, emoji: &str, on: bool) -> Command {
    Command::React { room, seq, emoji: emoji.to_owned(), on }
}

fn message(answer: Result<Reply, Refusal>) -> Message {
    match answer {
        Ok(Reply::Changed { change: Change::Message { message }, .. }) => message,
        other => panic!("{other:?}"),
    }
}

/// The number of a reaction's change.
fn reacted(answer: Result<Reply, Refusal>) -> Seq {
    match answer {
        Ok(Reply::Changed { change: Change::Reaction { .. }, seq, .. }) => seq,
        other => panic!("{other:?}"),
    }
}

fn code(answer: Result<Reply, Refusal>) -> ErrorCode {
    answer.expect_err("refused").code
}

fn newest(client: &client::Client, room: RoomId) -> Message {
    (**client.room(room).unwrap().timeline.as_ref().unwrap().last().unwrap()).clone()
}

#[sqlx::test(migrations = "../migrations")]
async fn an_edit_reaches_everyone_and_a_repeat_changes_nothing(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    ana.opens(room).await;
    bea.opens(room).await;
    let seq = said(&ana, room, "helo").await;
    let first = message(ana.asks(edit(room, seq, 0, "hello")).await);
    assert_eq!((first.body.as_str(), first.edits, first.rev), ("hello", 1, seq.next()));
    bea.sees(room, ["hello"]).await;
    ana.sees(room, ["hello"]).await;
    // A repeat after a lost reply.
    assert_eq!(message(ana.asks(edit(room, seq, 0, "hello")).await), first);
    // Another device that has not seen the first edit does not overwrite it.
    assert_eq!(code(ana.asks(edit(room, seq, 0, "hullo")).await), ErrorCode::EditedMeanwhile);
    assert_eq!(message(ana.asks(edit(room, seq, 1, "hello!")).await).edits, 2);
    assert_eq!(code(bea.asks(edit(room, seq, 2, "mine")).await), ErrorCode::Forbidden);
    assert_eq!(code(ana.asks(edit(room, seq, 2, " ")).await), ErrorCode::TextEmpty);
    assert_eq!(code(ana.asks(edit(room, Seq(99), 0, "x")).await), ErrorCode::MessageUnknown);
    let cem = cluster.person("cem", 1).await;
    assert_eq!(code(cem.asks(edit(room, seq, 2, "x")).await), ErrorCode::RoomUnknown);
    bea.sees(room, ["hello!"]).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_deleted_is_gone_for_everyone_and_keeps_its_number(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    bea.opens(room).await;
    let by_bea = said(&bea, room, "a secret").await;
    let by_ana = said(&ana, room, "mine").await;
    reacted(bea.asks(react(room, by_bea, "👍", true)).await);
    assert_eq!(code(bea.asks(Command::Delete { room, seq: by_ana }).await), ErrorCode::Forbidden);
    // The owner of the room may delete it.
    let gone = message(ana.asks(Command::Delete { room, seq: by_bea }).await);
    assert_eq!((gone.body.as_str(), gone.deleted, gone.reactions.len()), ("", true, 0));
    assert_eq!(message(bea.asks(Command::Delete { room, seq: by_bea }).await), gone);
    bea.sees(room, ["", "mine"]).await;
    assert_eq!(cluster.stored(room).await, [(by_bea.0, String::new()), (by_ana.0, "mine".to_owned())]);
    assert_eq!(code(bea.asks(edit(room, by_bea, 0, "back")).await), ErrorCode::MessageDeleted);
    assert_eq!(code(bea.asks(react(room, by_bea, "👍", true)).await), ErrorCode::MessageDeleted);
}

#[sqlx::test(migrations = "../migrations")]
async fn reactions_are_kept_in_their_order_and_are_bounded(pool: PgPool) {
    let cluster = Cluster::start(pool.clone(), 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    bea.opens(room).await;
    let seq = said(&ana, room, "lunch?").await;
    let mut numbers = Vec::new();
    for (person, emoji, on) in
        [(&ana, "👍", true), (&bea, "🎉", true), (&bea, "👍", true), (&bea, "👍", true), (&ana, "👍", false)]
    {
        numbers.push(reacted(person.asks(react(room, seq, emoji, on)).await).0 - seq.0);
    }
    assert_eq!(numbers, [1, 2, 3, 3, 4], "what is so already takes no number");
    let reaction = |emoji: &str, number: i64| Reaction {
        emoji: emoji.to_owned(),
        users: vec![UserReaction(bea.id(), Seq(seq.0 + number))],
    };
    // The oldest reaction comes first.
    let expected = [reaction("🎉", 2), reaction("👍", 3)];
    bea.until("the reactions", |client| newest(client, room).reactions == expected).await;
    assert_eq!(code(ana.asks(react(room, seq, "yes", true)).await), ErrorCode::EmojiInvalid);
    for number in 2..EMOJIS_MAX {
        let emoji = char::from_u32(0x1F400 + u32::try_from(number).unwrap()).unwrap().to_string();
        reacted(ana.asks(react(room, seq, &emoji, true)).await);
    }
    assert_eq!(code(ana.asks(react(room, seq, "🥜", true)).await), ErrorCode::ReactionsFull);
    // The most people that a message can have reactions from.
    let users: Vec<(Uuid, usize)> = (0..REACTIONS_MAX).map(|number| (Uuid::new_v4(), number)).collect();
    sqlx::query("update messages set reactions = $1 where room_id = $2 and seq = $3")
        .bind(sqlx::types::Json(serde_json::json!([{ "emoji": "👍", "users": users }])))
        .bind(room.0)
        .bind(seq.0)
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(code(ana.asks(react(room, seq, "👍", true)).await), ErrorCode::ReactionsFull);
}

/// Changes made while away arrive in their current state, and new messages are counted once.
#[sqlx::test(migrations = "../migrations")]
async fn changes_made_while_away_arrive_on_return(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    bea.opens(room).await;
    let old = said(&ana, room, "old").await;
    let doomed = said(&ana, room, "doomed").await;
    bea.sees(room, ["old", "doomed"]).await;
    bea.reads(room);
    bea.cut().await;
    let missed = said(&ana, room, "missed").await;
    said(&ana, room, "younger").await;
    for (seq, body) in [(old, "old, edited"), (missed, "missed, edited")] {
        message(ana.asks(edit(room, seq, 0, body)).await);
    }
    message(ana.asks(Command::Delete { room, seq: doomed }).await);
    bea.goes_to(cluster.node(1)).await;
    bea.sees(room, ["old, edited", "", "missed, edited", "younger"]).await;
    assert_eq!(bea.with(|client| client.room(room).unwrap().summary.unread), 2);
}

/// The same through a node's own repair: messages that were never published, and have since
/// changed.
#[sqlx::test(migrations = "../migrations")]
async fn a_hole_in_which_messages_changed_is_filled_and_counted_right(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    bea.opens(room).await;
    let store = &cluster.node(1).node.store;
    let author = ana.with(|client| client.me().cloned().unwrap());
    let new = ["one", "two"]
        .map(|body| NewMessage::plain(room, author.clone(), Nonce(Uuid::new_v4()), body.to_owned()));
    let stored = store.insert_messages(&new).await.unwrap();
    let Inserted::New(first) = &stored.inserted[0] else { panic!("{stored:?}") };
    let edited = |_: &_, message: &Message| {
        Ok::<_, server::store::Error>(Some(Message { body: "one!".to_owned(), edits: 1, ..message.clone() }))
    };
    store.change_message(author.id, (room, first.seq), (&[], false), edited).await.unwrap();
    ana.says(room, "three").await;
    bea.sees(room, ["one!", "two", "three"]).await;
    assert_eq!(bea.with(|client| client.room(room).unwrap().summary.unread), 3);
    assert_eq!(bea.heard(room).len(), 3, "each is news once");
}

/// A nonce belongs to one text: another text with the same nonce is refused, not ignored. A repeat
/// finds its message even if the message was edited meanwhile.
#[sqlx::test(migrations = "../migrations")]
async fn another_text_with_the_same_nonce_is_refused(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let room = ana.makes(RoomKind::Group, "crew").await;
    let nonce = Nonce(Uuid::new_v4());
    let send = |body: &str| Command::say(room, nonce, body);
    let sent = async |body: &str| match ana.asks(send(body)).await {
        Ok(Reply::Sent { message, .. }) => message,
        other => panic!("{other:?} is not sent"),
    };
    let first = sent("one").await;
    assert_eq!(sent("one\n").await, first);
    assert_eq!(ana.asks(send("two")).await.unwrap_err().code, ErrorCode::NonceTaken);
    ana.asks(Command::Edit { room, seq: first.seq, edits: 0, body: "one!".to_owned() }).await.unwrap();
    assert_eq!(sent("one").await.body, "one!");
    assert_eq!(cluster.stored(room).await.len(), 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_batch_takes_numbers_only_for_what_is_new(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let bea = cluster.person("bea", 1).await;
    let both = cluster.group("both", [&ana, &bea]).await;
    let only_ana = ana.makes(RoomKind::Group, "ana's").await;
    let store = &cluster.node(1).node.store;
    let (a, b) = [&ana, &bea].map(|person| person.with(|client| client.me().cloned().unwrap())).into();
    let new = |author: &protocol::User, room, nonce: u128, body: &str| {
        NewMessage::plain(room, author.clone(), Nonce(Uuid::from_u128(nonce)), body.to_owned())
    };
    let head = Seq(cluster.node(1).node.store.heads(&[protocol::Line::Room(both)]).await.unwrap()[0].head.0);
    let unknown = RoomId(Uuid::from_u128(404));
    let batch = [
        new(&a, both, 1, "first"),
        new(&b, both, 1, "another's nonce may be the same"),
        new(&a, both, 1, "a repeat in the same batch"),
        new(&b, only_ana, 2, "not a member"),
        new(&a, only_ana, 3, "elsewhere"),
        new(&a, unknown, 4, "nowhere"),
        new(&a, both, 5, "last"),
    ];
    let stored = store.insert_messages(&batch).await.unwrap();
    let seqs: Vec<Option<(bool, i64)>> = stored
        .inserted
        .iter()
        .map(|one| match one {
            Inserted::New(message) => Some((true, message.seq.0)),
            Inserted::Known(message) => Some((false, message.seq.0)),
            Inserted::NotAMember | Inserted::Refused(_) => None,
        })
        .collect();
    let next = |n| head.0 + n;
    let expected = [
        Some((true, next(1))),
        Some((true, next(2))),
        Some((false, next(1))),
        None,
        Some((true, 3)),
        None,
        Some((true, next(3))),
    ];
    assert_eq!(seqs, expected);
    // The whole batch once more: nothing is new.
    let again = store.insert_messages(&batch).await.unwrap();
    assert!(again.inserted.iter().all(|one| !matches!(one, Inserted::New(_))));
    assert!(matches!(&again.inserted[2], Inserted::Known(message) if message.body == "first"));
    assert_eq!(cluster.stored(both).await.len(), 3);
    ana.opens(both).await;
    assert_eq!(ana.with(|client| shown(client, both)).len(), 3);
}

/// A program that writes faster than it is answered: its sends are stored in order, in fewer
/// transactions than there are messages, and any later commands wait for them.
#[sqlx::test(migrations = "../migrations")]
async fn sends_may_follow_each_other_before_they_are_answered(pool: PgPool) {
    const COUNT: usize = 200;
    let cluster = Cluster::start(pool.clone(), 1).await;
    let ana = cluster.person("ana", 1).await;
    let room = cluster.group("log", [&ana]).await;
    let mut socket = cluster.node(1).socket(&ana.cookie, ORIGIN).await.unwrap();
    let mut frames = vec![Command::Hello { version: protocol::VERSION }];
    let send = |number: usize| Command::say(room, Nonce(Uuid::from_u128(number as u128)), number.to_string());
    frames.extend((0..COUNT).map(send));
    frames.push(Command::FindUsers { query: String::new() });
    for (at, command) in frames.into_iter().enumerate() {
        let frame = ClientFrame { r#ref: u32::try_from(at).unwrap(), command };
        socket.feed(tungstenite::Message::text(frame.encode())).await.unwrap();
    }
    socket.flush().await.unwrap();
    let mut answered = Vec::new();
    while answered.len() < COUNT + 2 {
        let frame = tokio::time::timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap();
        if let ServerFrame::Reply { r#ref, .. } = ServerFrame::decode(frame.to_text().unwrap()).unwrap() {
            answered.push(r#ref as usize);
        }
    }
    assert!(answered.into_iter().eq(0..COUNT + 2), "answers come in the order of the questions");
    let stored = cluster.stored(room).await;
    assert!(stored.iter().map(|(_, body)| body.clone()).eq((0..COUNT).map(|number| number.to_string())));
    let (transactions,): (i64,) =
        sqlx::query_as("select count(distinct xmin::text) from messages where room_id = $1")
            .bind(room.0)
            .fetch_one(&pool)
            .await
            .unwrap();
    assert!(transactions < COUNT as i64, "{transactions} transactions");
}

/// A server stores a message and dies before publishing it. The author's browser sends it again to
/// another server, which publishes it at once: nobody waits for a head check (which is off here).
#[sqlx::test(migrations = "../migrations")]
async fn a_repeat_tells_what_a_dead_server_did_not(pool: PgPool) {
    let tuning = Tuning { head_check: Duration::from_secs(3_600), ..Tuning::default() };
    let cluster = Cluster::start_tuned(pool, 2, tuning).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    bea.opens(room).await;
    let stored = cluster.unheard(&ana, room, "last words").await;
    let again = Command::say(room, stored.nonce, "last words");
    assert!(matches!(ana.asks(again).await, Ok(Reply::Sent { message, .. }) if message.seq == stored.seq));
    bea.sees(room, ["last words"]).await;
}
