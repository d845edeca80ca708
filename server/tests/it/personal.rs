//! Data of one person only: saved messages, reminders, scheduled messages; and the jobs behind
//! them.

use std::time::Duration;

use axum::http::StatusCode;
use client::Client;
use protocol::{
    Change, Command, ErrorCode, Line, Nonce, Refusal, Reply, RoomId, Saved, Scheduled, Seq,
    limits::{AHEAD_MS_MAX, PASSED_MS_MAX, SAVED_MAX, SCHEDULED_MAX},
};
use server::{
    node::Tuning,
    store::messages::{Inserted, NewMessage},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::cluster::{Cluster, Person, said};

fn code(answer: Result<Reply, Refusal>) -> ErrorCode {
    answer.expect_err("refused").code
}

fn save(room: RoomId, seq: Seq, on: bool) -> Command {
    Command::Save { room, seq, on }
}

async fn saved(person: &Person, command: Command) -> Saved {
    match person.asks(command).await {
        Ok(Reply::Changed { line: Line::Person(_), change: Change::Saved { saved }, .. }) => saved,
        other => panic!("{other:?}"),
    }
}

async fn scheduled(person: &Person, command: Command) -> Scheduled {
    match person.asks(command).await {
        Ok(Reply::Changed { line: Line::Person(_), change: Change::Scheduled { scheduled }, .. }) => {
            scheduled
        }
        other => panic!("{other:?}"),
    }
}

/// A client's saved messages: their numbers, and whether they are due.
fn kept(client: &Client) -> Vec<(i64, bool)> {
    client.personal().saved().into_iter().map(|saved| (saved.message.0, saved.due)).collect()
}

fn planned(client: &Client) -> Vec<String> {
    client.personal().scheduled().into_iter().map(|one| one.body.clone()).collect()
}

async fn now(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select (extract(epoch from clock_timestamp()) * 1000)::bigint")
        .fetch_one(pool)
        .await
        .unwrap()
}

async fn jobs(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from jobs").fetch_one(pool).await.unwrap()
}

/// A job is deleted a moment after its effect is visible.
async fn no_job_is_left(pool: &PgPool) {
    let gone = async {
        while jobs(pool).await != 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(crate::cluster::SOON, gone).await.expect("the job is done");
}

/// A fresh client gets the same as one that received everything.
async fn is_a_fresh_fetch(cluster: &Cluster, person: &Person) {
    let fresh = person.second_device();
    fresh.goes_to(cluster.node(1)).await;
    fresh.until("what is saved is known", |client| client.personal().is_known()).await;
    let of = |client: &Client| {
        let saved: Vec<Saved> = client.personal().saved().into_iter().cloned().collect();
        let scheduled: Vec<Scheduled> = client.personal().scheduled().into_iter().cloned().collect();
        (saved, scheduled)
    };
    let expected = fresh.with(of);
    person.until("it is the same", |client| of(client) == expected).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_saved_is_on_all_devices_and_nobody_elses(pool: PgPool) {
    let cluster = Cluster::start(pool.clone(), 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let phone = ana.second_device();
    phone.goes_to(cluster.node(2)).await;
    let first = said(&bea, room, "one").await;
    let second = said(&bea, room, "two").await;
    let once = saved(&ana, save(room, first, true)).await;
    assert_eq!(saved(&ana, save(room, first, true)).await, once, "a repeat takes no number");
    saved(&phone, save(room, second, true)).await;
    for device in [&ana, &phone] {
        device.until("both", |client| kept(client) == [(second.0, false), (first.0, false)]).await;
    }
    assert!(bea.with(|client| kept(client).is_empty()));
    assert_eq!(ana.asks(save(room, Seq(1), false)).await.unwrap(), Reply::Done {}, "it never was");
    assert_eq!(code(ana.asks(save(room, Seq(99), true)).await), ErrorCode::MessageUnknown);
    assert_eq!(code(ana.asks(save(RoomId(Uuid::nil()), first, true)).await), ErrorCode::RoomUnknown);

    // While away: it catches up on the change.
    phone.cut().await;
    saved(&ana, save(room, second, false)).await;
    phone.goes_to(cluster.node(1)).await;
    phone.until("one is gone", |client| kept(client) == [(first.0, false)]).await;
    is_a_fresh_fetch(&cluster, &phone).await;

    // The current text, and none for someone who may no longer read it.
    let wanted = || Command::Previews { room, seqs: vec![first, second] };
    bea.asks(Command::Edit { room, seq: first, edits: 0, body: "one, mended".to_owned() }).await.unwrap();
    let texts = |reply: Result<Reply, Refusal>| match reply {
        Ok(Reply::Previews { messages, people, .. }) => {
            assert_eq!(people.len(), 1, "the author, once");
            messages.into_iter().map(|message| message.body).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(texts(ana.asks(wanted()).await), ["one, mended", "two"]);
    let cem = cluster.person("cem", 1).await;
    assert_eq!(code(cem.asks(wanted()).await), ErrorCode::RoomUnknown);
    assert_eq!(code(cem.asks(save(room, first, true)).await), ErrorCode::RoomUnknown);
    bea.asks(Command::Leave { room }).await.unwrap();
    ana.asks(Command::Leave { room }).await.unwrap();
    assert_eq!(code(ana.asks(wanted()).await), ErrorCode::RoomUnknown);
    assert_eq!(ana.with(kept), [(first.0, false)], "that it was saved is still known");
    saved(&ana, save(room, first, false)).await;
    assert_eq!(code(ana.asks(save(room, first, true)).await), ErrorCode::RoomUnknown);
}

#[sqlx::test(migrations = "../migrations")]
async fn so_many_may_be_saved_and_scheduled_and_no_more(pool: PgPool) {
    let cluster = Cluster::start(pool.clone(), 1).await;
    let (ana, _bea, room) = cluster.ana_and_bea().await;
    let seq = said(&ana, room, "one too many").await;
    sqlx::query(
        "insert into saved (user_id, room_id, seq, saved, rev)
         select $1, $2, n + 1000, true, n + 1000 from generate_series(1, $3) n",
    )
    .bind(ana.id().0)
    .bind(room.0)
    .bind(i32::try_from(SAVED_MAX).unwrap())
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(code(ana.asks(save(room, seq, true)).await), ErrorCode::SavedFull);
    let later = now(&pool).await + 3_600_000;
    let remind = Command::Remind { room, seq, at: Some(later) };
    assert_eq!(code(ana.asks(remind).await), ErrorCode::SavedFull);
    let schedule = |n: usize, at: i64| Command::Schedule {
        room,
        nonce: Nonce(Uuid::from_u128(n as u128)),
        body: format!("message {n}"),
        at,
    };
    for n in 0..SCHEDULED_MAX {
        scheduled(&ana, schedule(n, later)).await;
    }
    assert_eq!(code(ana.asks(schedule(SCHEDULED_MAX, later)).await), ErrorCode::ScheduledFull);
    assert_eq!(scheduled(&ana, schedule(0, later)).await.body, "message 0", "a repeat is none more");
    scheduled(&ana, Command::Unschedule { nonce: Nonce(Uuid::from_u128(1)) }).await;
    scheduled(&ana, schedule(SCHEDULED_MAX, later)).await;
    // Neither in the distant past nor too far ahead.
    scheduled(&ana, Command::Unschedule { nonce: Nonce(Uuid::from_u128(2)) }).await;
    for at in [0, later - 3_600_000 - PASSED_MS_MAX - 60_000, later + AHEAD_MS_MAX] {
        assert_eq!(code(ana.asks(schedule(99, at)).await), ErrorCode::TimeInvalid, "{at}");
    }
    assert_eq!(jobs(&pool).await, SCHEDULED_MAX as i64 - 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_reminder_comes_to_all_devices_and_stays_until_it_is_done(pool: PgPool) {
    let cluster = Cluster::start(pool.clone(), 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let phone = ana.second_device();
    phone.goes_to(cluster.node(2)).await;
    let seq = said(&bea, room, "look at this").await;
    let at = now(&pool).await + 700;
    let remind = Command::Remind { room, seq, at: Some(at) };
    let set = saved(&ana, remind.clone()).await;
    assert_eq!((set.remind_at, set.due, set.on), (Some(at), false, true));
    for device in [&ana, &phone] {
        device.until("it is due", |client| kept(client) == [(seq.0, true)]).await;
    }
    assert!(now(&pool).await >= at, "not before its time");
    assert!(saved(&ana, remind).await.due, "a command that is repeated late sets no second reminder");
    no_job_is_left(&pool).await;
    is_a_fresh_fetch(&cluster, &phone).await;

    // Postponed, and then removed.
    let later = now(&pool).await + 600_000;
    assert!(!saved(&phone, Command::Remind { room, seq, at: Some(later) }).await.due);
    ana.until("it is moved", |client| kept(client) == [(seq.0, false)]).await;
    assert_eq!(jobs(&pool).await, 1);
    assert_eq!(saved(&ana, Command::Remind { room, seq, at: None }).await.remind_at, None);
    assert_eq!(jobs(&pool).await, 0);
    saved(&ana, Command::Remind { room, seq, at: Some(later) }).await;
    saved(&ana, save(room, seq, false)).await;
    assert_eq!(jobs(&pool).await, 0, "what is not saved any more has no reminder");
    phone.until("it is gone", |client| kept(client).is_empty()).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_scheduled_message_is_sent_once_at_its_time(pool: PgPool) {
    let cluster = Cluster::start(pool.clone(), 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let phone = ana.second_device();
    phone.goes_to(cluster.node(2)).await;
    bea.opens(room).await;
    let begin = now(&pool).await;
    let [one, two, three] = [1, 2, 3].map(|n| Nonce(Uuid::from_u128(n)));
    let schedule = |nonce, text: &str, after| Command::Schedule {
        room,
        nonce,
        body: text.to_owned(),
        at: begin + after,
    };
    let first = scheduled(&ana, schedule(one, "helo", 2_500)).await;
    scheduled(&ana, schedule(two, "never", 2_000)).await;
    scheduled(&ana, schedule(three, "second", 3_500)).await;
    phone.until("all are listed", |client| planned(client) == ["never", "helo", "second"]).await;
    assert!(bea.with(|client| planned(client).is_empty()));

    // Another device edits the first one and deletes the second.
    let mend = |rev| Command::Reschedule { nonce: one, rev, body: "hello".to_owned(), at: begin + 2_600 };
    let mended = scheduled(&phone, mend(first.rev)).await;
    assert_eq!(scheduled(&phone, mend(first.rev)).await, mended, "a repeat changes nothing");
    let other =
        Command::Reschedule { nonce: one, rev: first.rev, body: "hullo".to_owned(), at: begin + 60_000 };
    assert_eq!(code(ana.asks(other).await), ErrorCode::EditedMeanwhile);
    scheduled(&phone, Command::Unschedule { nonce: two }).await;
    scheduled(&phone, Command::Unschedule { nonce: two }).await;
    is_a_fresh_fetch(&cluster, &ana).await;

    bea.sees(room, ["hello"]).await;
    let sent = now(&pool).await;
    assert!(sent >= begin + 2_600 && sent < begin + 30_000, "{}", sent - begin);
    bea.sees(room, ["hello", "second"]).await;
    for device in [&ana, &phone] {
        device.until("nothing is left", |client| planned(client).is_empty()).await;
    }
    no_job_is_left(&pool).await;
    assert_eq!(code(ana.asks(mend(mended.rev)).await), ErrorCode::ScheduledSent);
    assert_eq!(code(ana.asks(Command::Unschedule { nonce: one }).await), ErrorCode::ScheduledSent);
    assert_eq!(code(ana.asks(mend_unknown()).await), ErrorCode::ScheduledUnknown);
    assert!(!scheduled(&ana, schedule(one, "helo", 2_500)).await.on, "a repeat after all sends nothing");
    let texts: Vec<String> = cluster.stored(room).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["hello", "second"]);
    // Nothing of them remains except the messages themselves.
    let bodies: String =
        sqlx::query_scalar("select string_agg(body, '') from scheduled").fetch_one(&pool).await.unwrap();
    assert_eq!(bodies, "");
}

fn mend_unknown() -> Command {
    Command::Reschedule { nonce: Nonce(Uuid::from_u128(77)), rev: Seq(1), body: "x".to_owned(), at: 0 }
}

#[sqlx::test(migrations = "../migrations")]
async fn what_may_not_be_sent_is_told_to_its_author_and_keeps_its_text(pool: PgPool) {
    let cluster = Cluster::start(pool.clone(), 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let schedule = |n: u128, at| Command::Schedule {
        room,
        nonce: Nonce(Uuid::from_u128(n)),
        body: format!("message {n}"),
        at,
    };
    let soon = now(&pool).await + 1_000;
    scheduled(&bea, schedule(1, soon)).await;
    scheduled(&ana, schedule(2, soon + 600_000)).await;
    ana.asks(Command::Remove { room, user: bea.id(), ban: false }).await.unwrap();
    let failed = |client: &Client| {
        let failed = client.personal().scheduled().into_iter();
        failed.filter_map(|one| Some((one.body.clone(), one.failed?))).collect::<Vec<_>>()
    };
    bea.until("it has failed", |client| failed(client) == [("message 1".to_owned(), ErrorCode::RoomUnknown)])
        .await;
    assert_eq!(cluster.stored(room).await, []);
    is_a_fresh_fetch(&cluster, &bea).await;
    // She is let in again, and reschedules it to now.
    ana.asks(Command::Invite { room, users: vec![bea.id()] }).await.unwrap();
    let rev = bea.with(|client| client.personal().scheduled()[0].rev);
    let at = now(&pool).await;
    let again =
        Command::Reschedule { nonce: Nonce(Uuid::from_u128(1)), rev, body: "message 1".to_owned(), at };
    scheduled(&bea, again).await;
    ana.opens(room).await;
    ana.sees(room, ["message 1"]).await;
    // An archived room accepts none, and a suspended person's messages are not sent.
    ana.asks(Command::Archive { room, on: true }).await.unwrap();
    let at = now(&pool).await;
    scheduled(&bea, schedule(3, at)).await;
    bea.until("archived", |client| failed(client) == [("message 3".to_owned(), ErrorCode::RoomArchived)])
        .await;
    ana.asks(Command::Archive { room, on: false }).await.unwrap();
    sqlx::query("update users set suspended_at = now() where id = $1")
        .bind(ana.id().0)
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("update scheduled set at = now() where user_id = $1")
        .bind(ana.id().0)
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("update jobs set due_at = now() where user_id = $1")
        .bind(ana.id().0)
        .execute(&pool)
        .await
        .unwrap();
    let state = async || {
        let state: (String, Option<i16>) =
            sqlx::query_as("select state, failed from scheduled where user_id = $1")
                .bind(ana.id().0)
                .fetch_one(&pool)
                .await
                .unwrap();
        state
    };
    let until = async {
        while state().await != ("failed".to_owned(), Some(4008)) {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(crate::cluster::SOON, until).await.expect("it is refused");
}

/// The server dies after the message is stored, but before that is recorded.
#[sqlx::test(migrations = "../migrations")]
async fn a_job_that_is_done_twice_sends_once(pool: PgPool) {
    let tuning = Tuning { job_lease: Duration::from_millis(600), ..Cluster::tuning() };
    let cluster = Cluster::start_tuned(pool.clone(), 2, tuning).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    bea.opens(room).await;
    let nonce = Nonce(Uuid::from_u128(5));
    let at = now(&pool).await + 3_600_000;
    let command = Command::Schedule { room, nonce, body: "once".to_owned(), at };
    scheduled(&ana, command).await;
    let author = ana.with(|client| client.me().cloned()).unwrap();
    let new = NewMessage::plain(room, author, nonce, "once".to_owned());
    let stored = cluster.node(1).node.store.insert_messages(&[new]).await.unwrap();
    assert!(matches!(stored.inserted[..], [Inserted::New(_)]));
    sqlx::query("update scheduled set state = 'sending', at = now()").execute(&pool).await.unwrap();
    // It was taken, and its lease expires.
    sqlx::query("update jobs set due_at = now() + interval '300 ms', tries = 1, version = version + 1")
        .execute(&pool)
        .await
        .unwrap();
    ana.until("it is noted", |client| planned(client).is_empty()).await;
    bea.sees(room, ["once"]).await;
    assert_eq!(cluster.stored(room).await.len(), 1);
    no_job_is_left(&pool).await;
}

/// All of them take due jobs at the same moment.
#[sqlx::test(migrations = "../migrations")]
async fn servers_share_what_is_due_and_do_nothing_twice(pool: PgPool) {
    let cluster = Cluster::start(pool.clone(), 3).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    bea.opens(room).await;
    let at = now(&pool).await + 2_500;
    for n in 0..40 {
        let nonce = Nonce(Uuid::from_u128(n));
        scheduled(&ana, Command::Schedule { room, nonce, body: format!("message {n}"), at }).await;
    }
    ana.until("all are sent", |client| planned(client).is_empty()).await;
    let mut texts: Vec<String> = cluster.stored(room).await.into_iter().map(|(_, text)| text).collect();
    texts.sort_unstable();
    let mut expected: Vec<String> = (0..40).map(|n| format!("message {n}")).collect();
    expected.sort_unstable();
    assert_eq!(texts, expected);
    let done = |text: String| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix("roost_jobs_done_total{kind=\"send\"} "));
        line.map_or(0, |count| count.parse().unwrap())
    };
    let texts: Vec<String> = cluster.nodes.iter().map(|running| running.node.metrics_text()).collect();
    assert!(!texts.iter().any(|text| text.contains("roost_jobs_failed_total{kind=\"send\"}")));
    assert_eq!(texts.into_iter().map(done).sum::<u64>(), 40);
    is_a_fresh_fetch(&cluster, &ana).await;
}

/// A job that keeps failing waits for an administrator, who cannot see the text.
#[sqlx::test(migrations = "../migrations")]
async fn the_dead_list_is_for_administrators(pool: PgPool) {
    let cluster = Cluster::start(pool.clone(), 1).await;
    // The first one to sign up owns the workspace.
    let (ana, bea, room) = cluster.ana_and_bea().await;
    bea.opens(room).await;
    let at = now(&pool).await + 1_500;
    let nonce = Nonce(Uuid::from_u128(5));
    let command = Command::Schedule { room, nonce, body: "secret text".to_owned(), at };
    scheduled(&bea, command).await;
    // Every attempt fails, and this is the last one.
    sqlx::raw_sql(
        "update jobs set tries = 11;
         create function fail() returns trigger language plpgsql as $$ begin raise exception 'broken'; end $$;
         create trigger fail before update on scheduled for each row when (new.state = 'sending') execute function fail();",
    )
    .execute(&pool)
    .await
    .unwrap();
    let dead = async || -> Option<Uuid> {
        sqlx::query_scalar("select id from jobs where dead_at is not null")
            .fetch_optional(&pool)
            .await
            .unwrap()
    };
    let found = async {
        loop {
            match dead().await {
                Some(id) => return id,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let id = tokio::time::timeout(crate::cluster::SOON, found).await.expect("it is given up");
    let node = cluster.node(1);
    let (status, _, page) = node.get("/admin/jobs", &ana.cookie).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Scheduled message by @bea") && page.contains("broken"), "{page}");
    assert!(!page.contains("secret text"));
    assert_eq!(node.get("/admin/jobs", &bea.cookie).await.0, StatusCode::FORBIDDEN);
    let retry = format!("/admin/jobs/{id}/retry");
    assert_eq!(node.is_refused(&retry, &bea.cookie, "").await, StatusCode::FORBIDDEN);
    assert_eq!(dead().await, Some(id));
    sqlx::raw_sql("drop trigger fail on scheduled").execute(&pool).await.unwrap();
    node.post(&retry, &ana.cookie, String::new()).await;
    bea.sees(room, ["secret text"]).await;
    no_job_is_left(&pool).await;
}
