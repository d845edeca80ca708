//! Drafts: the same on all devices of their person, and nobody else's.

use client::{Client, LocalDraft};
use protocol::{
    Change, Command, Draft, ErrorCode, Line, Refusal, Reply, RoomId, Seq,
    limits::{BODY_CHARS_MAX, DRAFTS_MAX},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::cluster::{Cluster, Person, said};

fn write(room: RoomId, base: Seq, body: &str) -> Command {
    Command::Draft { room, thread: None, base, body: body.to_owned() }
}

async fn kept(person: &Person, command: Command) -> Draft {
    match person.asks(command).await {
        Ok(Reply::Changed { line: Line::Person(_), seq, change: Change::Draft { draft } }) => {
            assert_eq!(seq, draft.rev);
            draft
        }
        other => panic!("{other:?}"),
    }
}

fn code(answer: Result<Reply, Refusal>) -> ErrorCode {
    answer.expect_err("refused").code
}

fn texts(client: &Client) -> Vec<&str> {
    let mut texts: Vec<&str> = client.personal().drafts().iter().map(|draft| draft.body.as_str()).collect();
    texts.retain(|text| !text.is_empty());
    texts.sort_unstable();
    texts
}

#[sqlx::test(migrations = "../migrations")]
async fn what_one_writes_is_on_all_devices_and_nobody_elses(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let phone = ana.second_device();
    phone.goes_to(cluster.node(2)).await;
    phone.until("its data is there", |client| client.personal().is_known()).await;
    let root = said(&bea, room, "High water?").await;

    let first = kept(&ana, write(room, Seq::ZERO, "  at nine\n")).await;
    assert_eq!(first.body, "  at nine\n", "as typed");
    assert_eq!(kept(&ana, write(room, Seq::ZERO, "  at nine\n")).await, first, "a repeat takes no number");
    let thread = Command::Draft { room, thread: Some(root), base: Seq::ZERO, body: "or ten".to_owned() };
    assert_eq!(kept(&ana, thread).await.thread, Some(root));
    for device in [&ana, &phone] {
        device.until("both", |client| texts(client) == ["  at nine\n", "or ten"]).await;
    }
    assert!(bea.with(|client| client.personal().drafts().is_empty()));

    // While away: it catches up. A fresh device gets the same.
    phone.cut().await;
    let second = kept(&ana, write(room, first.rev, "at nine, I think")).await;
    phone.goes_to(cluster.node(1)).await;
    let fresh = ana.second_device();
    fresh.goes_to(cluster.node(2)).await;
    for device in [&phone, &fresh] {
        device.until("the newest", |client| texts(client) == ["at nine, I think", "or ten"]).await;
    }

    // Sent: it is gone everywhere. A blank text clears, too.
    let sent = kept(&phone, write(room, second.rev, " \n")).await;
    assert_eq!((sent.body.as_str(), sent.rev > second.rev), ("", true));
    for device in [&ana, &phone, &fresh] {
        device.until("it is gone", |client| texts(client) == ["or ten"]).await;
    }
    let later = ana.second_device();
    later.goes_to(cluster.node(1)).await;
    later.until("it is gone", |client| texts(client) == ["or ten"]).await;
    assert!(bea.with(|client| client.personal().drafts().is_empty()));
}

/// As two browsers do it: each with what it has written itself and heard.
#[sqlx::test(migrations = "../migrations")]
async fn where_two_devices_have_written_both_texts_stay(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, _, room) = cluster.ana_and_bea().await;
    let phone = ana.second_device();
    phone.goes_to(cluster.node(2)).await;
    let epoch = ana.with(Client::epoch);
    assert!(epoch.is_some());
    let store = async |device: &Person, local: &mut LocalDraft| {
        while let Some(body) = local.untold() {
            let stored = kept(device, write(room, local.base(epoch), &body)).await;
            local.hear(&stored.body, stored.rev, epoch);
        }
    };
    let (mut here, mut there) = (LocalDraft::default(), LocalDraft::default());
    here.text = "from the laptop".to_owned();
    there.text = "from the phone".to_owned();
    store(&ana, &mut here).await;
    store(&phone, &mut there).await;
    assert_eq!(there.text, "from the laptop\nfrom the phone");
    for device in [&ana, &phone] {
        device.until("both", |client| texts(client) == [there.text.as_str()]).await;
    }
    // The first one is still writing, and hears of it now.
    here.text.push_str(", too");
    store(&ana, &mut here).await;
    assert_eq!(here.text, "from the laptop\nfrom the phone\nfrom the laptop, too");
    // Sent from there, while this one writes on: that stays.
    let all = kept(&phone, write(room, here.base(epoch), "")).await;
    here.text.push('!');
    store(&ana, &mut here).await;
    assert!(here.base(epoch) > all.rev);
    phone.until("what was added", |client| texts(client) == [here.text.as_str()]).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_cannot_be_a_draft_is_refused(pool: PgPool) {
    let cluster = Cluster::start(pool.clone(), 1).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    assert_eq!(ana.asks(write(room, Seq::ZERO, "")).await.unwrap(), Reply::Done {}, "there was none");
    let long = "長".repeat(BODY_CHARS_MAX + 1);
    assert_eq!(code(ana.asks(write(room, Seq::ZERO, &long)).await), ErrorCode::TextTooLong);
    assert_eq!(kept(&ana, write(room, Seq::ZERO, &long[3..])).await.body.chars().count(), BODY_CHARS_MAX);
    let nowhere = RoomId(Uuid::nil());
    assert_eq!(code(ana.asks(write(nowhere, Seq::ZERO, "text")).await), ErrorCode::RoomUnknown);
    let no_root = Command::Draft { room, thread: Some(Seq(99)), base: Seq::ZERO, body: "text".to_owned() };
    assert_eq!(code(ana.asks(no_root).await), ErrorCode::MessageUnknown);

    // Who has left can discard what they were writing, and no more.
    let draft = kept(&bea, write(room, Seq::ZERO, "in haste")).await;
    bea.asks(Command::Leave { room }).await.unwrap();
    assert_eq!(code(bea.asks(write(room, draft.rev, "in hast")).await), ErrorCode::RoomUnknown);
    assert_eq!(kept(&bea, write(room, draft.rev, "")).await.body, "");

    // As many as allowed; one more only once another is gone.
    sqlx::query(
        "insert into drafts (user_id, room_id, root, body, rev)
         select $1, $2, n, 'old', 0 from generate_series(1, $3) n",
    )
    .bind(ana.id().0)
    .bind(room.0)
    .bind(DRAFTS_MAX as i64 - 1)
    .execute(&pool)
    .await
    .unwrap();
    let root = said(&ana, room, "the root").await;
    assert!(root.0 < DRAFTS_MAX as i64);
    let elsewhere = cluster.group("yard", [&ana]).await;
    assert_eq!(code(ana.asks(write(elsewhere, Seq::ZERO, "text")).await), ErrorCode::DraftsFull);
    let thread = Command::Draft { room, thread: Some(root), base: Seq::ZERO, body: String::new() };
    kept(&ana, thread).await;
    kept(&ana, write(elsewhere, Seq::ZERO, "text")).await;
}
