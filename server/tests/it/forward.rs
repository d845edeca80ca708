//! Forwarded messages: who may forward what, what the readers learn, and that the copy stays as it was.

use protocol::{
    Command, ErrorCode, Forward, Message, NewPoll, Nonce, Placement, Refusal, Role, RoomId, RoomKind, Seq,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::cluster::{Cluster, Person, said};

fn forward(from: (RoomId, Seq), to: RoomId, comment: &str) -> Command {
    Placement::forwarding(from.0, from.1).send(to, Nonce(Uuid::new_v4()), comment)
}

async fn forwarded(person: &Person, from: (RoomId, Seq), to: RoomId, comment: &str) -> Message {
    person.sends(forward(from, to, comment)).await.unwrap()
}

fn code(answer: Result<Message, Refusal>) -> ErrorCode {
    answer.expect_err("refused").code
}

fn copy(message: &Message) -> &Forward {
    message.forward.as_deref().expect("it forwards something")
}

/// The message as somebody sees it who has opened its room.
fn seen(person: &Person, room: RoomId, seq: Seq) -> Option<Message> {
    person.with(|client| client.room(room)?.message(seq).cloned())
}

#[sqlx::test(migrations = "../migrations")]
async fn the_copy_stays_as_it_was_on_every_server(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, crew) = cluster.ana_and_bea().await;
    let channel = ana.makes(RoomKind::Channel, "tides").await;
    bea.gets_room(Command::Join { room: channel }).await;
    let original = said(&ana, channel, "High water at **nine**.").await;
    bea.opens(crew).await;

    let send = forward((channel, original), crew, "For tomorrow, @bea:");
    let sent = ana.sends(send.clone()).await.unwrap();
    assert_eq!(sent.body, "For tomorrow, @bea:");
    let expected = Forward {
        room: channel,
        seq: original,
        author: Some(ana.id()),
        body: "High water at **nine**.".to_owned(),
        files: Vec::new(),
    };
    assert_eq!(copy(&sent), &expected);
    bea.until("it is there", |client| client.room(crew).and_then(|room| room.message(sent.seq)).is_some())
        .await;
    assert_eq!(seen(&bea, crew, sent.seq), Some(sent.clone()));

    // A repeat returns it, even when the original is gone by then; another text or no forward is another message.
    let edit = Command::Edit { room: channel, seq: original, edits: 0, body: "At ten.".to_owned() };
    ana.asks(edit).await.unwrap();
    ana.asks(Command::Delete { room: channel, seq: original }).await.unwrap();
    assert_eq!(ana.sends(send.clone()).await.unwrap(), sent);
    let Command::Send { nonce, .. } = send else { unreachable!() };
    let other = Command::say(crew, nonce, "For tomorrow, @bea:");
    assert_eq!(code(ana.sends(other).await), ErrorCode::NonceTaken);
    let fresh = bea.second_device();
    fresh.goes_to(cluster.node(1)).await;
    fresh.opens(crew).await;
    assert_eq!(copy(&seen(&fresh, crew, sent.seq).unwrap()), &expected);
    assert_eq!(code(bea.sends(forward((channel, original), crew, "")).await), ErrorCode::MessageDeleted);

    // Its author changes the comment, and deletes the copy with it.
    let edit = Command::Edit { room: crew, seq: sent.seq, edits: 0, body: "For today:".to_owned() };
    ana.asks(edit).await.unwrap();
    fresh
        .until("the comment has changed", |client| {
            let message = client.room(crew).and_then(|room| room.message(sent.seq));
            message.is_some_and(|message| message.body == "For today:" && message.forward.is_some())
        })
        .await;
    ana.asks(Command::Delete { room: crew, seq: sent.seq }).await.unwrap();
    fresh
        .until("it is deleted", |client| {
            let message = client.room(crew).and_then(|room| room.message(sent.seq));
            message.is_some_and(|message| message.deleted && message.forward.is_none())
        })
        .await;
    let left: i64 = sqlx::query_scalar("select count(*) from messages where forward is not null")
        .fetch_one(&cluster.pool)
        .await
        .unwrap();
    assert_eq!(left, 0, "nothing of it is stored");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_list_shows_its_text_and_a_forward_of_it_passes_the_original_on(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, crew) = cluster.ana_and_bea().await;
    let channel = ana.makes(RoomKind::Channel, "tides").await;
    let original = said(&ana, channel, &"High water. ".repeat(40)).await;
    let first = forwarded(&ana, (channel, original), crew, "  ").await;
    assert_eq!(first.body, "");
    let last = |person: &Person| {
        person.with(|client| client.room(crew).unwrap().summary.last.as_ref().map(|last| last.body.clone()))
    };
    bea.until("it is listed", |client| {
        client.room(crew).unwrap().summary.last.as_ref().is_some_and(|last| last.seq == first.seq)
    })
    .await;
    let fresh = bea.second_device();
    fresh.goes_to(cluster.node(2)).await;
    assert_eq!(last(&bea), last(&fresh), "live and fresh agree");
    assert_eq!(last(&bea), Some(first.preview().body));

    // Bea is not in the channel, and passes on what Ana forwarded.
    let direct = bea.talks_with(ana.id()).await;
    let second = forwarded(&bea, (crew, first.seq), direct, "Look:").await;
    assert_eq!(copy(&second), copy(&first));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_private_place_keeps_its_secrets(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, crew) = cluster.ana_and_bea().await;
    let cem = cluster.person("cem", 1).await;
    let direct = ana.talks_with(bea.id()).await;
    let open = ana.makes(RoomKind::Channel, "tides").await;
    cem.gets_room(Command::Join { room: open }).await;
    bea.gets_room(Command::Join { room: open }).await;
    cem.opens(open).await;

    let author = async |who: &Person, from: &Person, room| {
        let seq = said(from, room, "a word").await;
        copy(&forwarded(who, (room, seq), open, "").await).author
    };
    assert_eq!(author(&ana, &bea, crew).await, None, "of a group");
    assert_eq!(author(&ana, &bea, direct).await, None, "of a direct room");
    assert_eq!(author(&ana, &ana, direct).await, Some(ana.id()), "of one's own");
    assert_eq!(author(&bea, &cem, open).await, Some(cem.id()), "of a channel");

    // A stranger cannot forward from a room, nor tell it from one that does not exist.
    let secret = said(&bea, crew, "a secret").await;
    for from in [(crew, secret), (crew, Seq(999)), (direct, Seq(4)), (RoomId(Uuid::new_v4()), secret)] {
        assert_eq!(code(cem.sends(forward(from, open, "")).await), ErrorCode::MessageUnknown);
    }
    // The same goes for someone who has left.
    let (room, of_channel) = (open, said(&ana, open, "for members").await);
    cem.asks(Command::Leave { room }).await.unwrap();
    let mine = cem.makes(RoomKind::Group, "mine").await;
    assert_eq!(code(cem.sends(forward((open, of_channel), mine, "")).await), ErrorCode::MessageUnknown);
}

/// Whoever passes a forward on says no more than they could say of the original.
#[sqlx::test(migrations = "../migrations")]
async fn a_name_that_was_told_in_private_is_not_passed_on(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, crew) = cluster.ana_and_bea().await;
    let direct = ana.talks_with(bea.id()).await;
    let yard = cluster.group("yard", [&ana, &bea]).await;
    let open = ana.makes(RoomKind::Channel, "tides").await;
    bea.gets_room(Command::Join { room: open }).await;

    for from in [direct, yard] {
        let words = said(&ana, from, "my own words").await;
        let first = forwarded(&ana, (from, words), crew, "").await;
        assert_eq!(copy(&first).author, Some(ana.id()));
        let second = forwarded(&bea, (crew, first.seq), open, "").await;
        assert_eq!(copy(&second), &Forward { author: None, ..copy(&first).clone() });
        // Ana may say so herself, and what Bea has left out stays out.
        assert_eq!(copy(&forwarded(&ana, (crew, first.seq), open, "").await), copy(&first));
        assert_eq!(copy(&forwarded(&ana, (open, second.seq), crew, "").await).author, None);
    }
    // Who wrote in a channel is no secret, unless nobody can see it there any more.
    let words = said(&ana, open, "for everyone").await;
    let first = forwarded(&ana, (open, words), crew, "").await;
    let elsewhere = ana.makes(RoomKind::Channel, "news").await;
    bea.gets_room(Command::Join { room: elsewhere }).await;
    let author = async || copy(&forwarded(&bea, (crew, first.seq), elsewhere, "").await).author;
    assert_eq!(author().await, Some(ana.id()));
    ana.asks(Command::DeleteRoom { room: open }).await.unwrap();
    assert_eq!(author().await, None);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_poll_needs_its_question_also_with_a_forward(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, _, crew) = cluster.ana_and_bea().await;
    let seq = said(&ana, crew, "a word").await;
    let with_poll = |text: &str| {
        let mut send = forward((crew, seq), crew, text);
        let Command::Send { poll, .. } = &mut send else { unreachable!() };
        let options = ["nine", "noon"].map(str::to_owned).to_vec();
        *poll = Some(NewPoll { options, several: false, anonymous: false });
        send
    };
    assert_eq!(code(ana.sends(with_poll(" ")).await), ErrorCode::TextEmpty);
    let sent = ana.sends(with_poll("When?")).await.unwrap();
    assert!(sent.poll.is_some() && sent.forward.is_some());
}

#[sqlx::test(migrations = "../migrations")]
async fn the_rights_of_the_other_room_are_its_own(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, bea, crew) = cluster.ana_and_bea().await;
    let seq = said(&bea, crew, "a word").await;
    let channel = ana.makes(RoomKind::Channel, "news").await;
    let to = |room| forward((crew, seq), room, "");
    assert_eq!(code(bea.sends(to(channel)).await), ErrorCode::RoomUnknown, "not a member");
    bea.gets_room(Command::Join { room: channel }).await;
    let (post, invite, pin, mention) = (Role::Owner, Role::Member, Role::Member, Role::Owner);
    ana.asks(Command::SetPolicy { room: channel, post, invite, pin, mention }).await.unwrap();
    assert_eq!(code(bea.sends(to(channel)).await), ErrorCode::Forbidden, "announcements only");
    ana.sends(to(channel)).await.unwrap();
    ana.asks(Command::Archive { room: channel, on: true }).await.unwrap();
    assert_eq!(code(ana.sends(to(channel)).await), ErrorCode::RoomArchived);
    // What is said in an archived room can still be forwarded from it.
    let archived = ana.with(|client| client.room(channel).unwrap().summary.last.clone().unwrap().seq);
    forwarded(&ana, (channel, archived), crew, "").await;
}
