//! Threads: replies that have a place and a number, what the root shows, who follows, and who may read, over several servers.

use client::{Client, RowKind};
use protocol::{
    Change, Command, Direction, ErrorCode, Following, InThread, Line, Message, Nonce, Placement, Reply,
    RoomId, RoomKind, Seq, Thread, ThreadsAfter,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::cluster::{Cluster, Person, said};

async fn replies(person: &Person, room: RoomId, root: Seq, text: &str) -> Result<Message, ErrorCode> {
    let sent = person.sends(Placement::in_thread(root).send(room, Nonce(Uuid::new_v4()), text)).await;
    sent.map_err(|refusal| refusal.code)
}

async fn thread(
    person: &Person,
    room: RoomId,
    root: Seq,
    before: Option<u32>,
) -> Result<(Thread, Vec<Message>, bool), ErrorCode> {
    match person.asks(Command::Thread { room, root, before }).await {
        Ok(Reply::Thread { thread, messages, more, .. }) => Ok((*thread, messages, more)),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.code),
    }
}

async fn listed(person: &Person, room: Option<RoomId>) -> Vec<(RoomId, Seq, u32, bool)> {
    match person.asks(Command::Threads { room, after: None }).await {
        Ok(Reply::Threads { threads, more: false, .. }) => {
            threads.into_iter().map(|one| (one.room, one.root.seq, one.unread, one.following)).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// The threads that a client knows its person to follow: their roots, and the numbers of their last replies.
fn followed(client: &Client) -> Vec<(Seq, Seq)> {
    client.personal().followed().map(|one| (one.root, one.last)).collect()
}

/// What the open thread of a client shows: texts in order.
fn shown(client: &Client, room: RoomId) -> Vec<String> {
    let (_, rows) = client::thread_rows(client, room, protocol::Zone::default());
    let text = |row: client::Row| {
        if let RowKind::Message(message) = row.kind { Some(message.body.to_string()) } else { None }
    };
    rows.into_iter().filter_map(text).collect()
}

fn count(client: &Client, room: RoomId, root: Seq) -> u32 {
    let message = client.room(room).and_then(|state| state.shown(root));
    message.and_then(|message| message.replies.as_ref()).map_or(0, |replies| replies.count)
}

#[sqlx::test(migrations = "../migrations")]
async fn replies_have_places_without_gaps_and_the_root_knows_them(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let root = said(&ana, room, "who moved the long rope?").await;
    said(&ana, room, "and the short one").await;
    for person in [&ana, &bea] {
        person.opens(room).await;
        person.acts(|client, now| client.open_thread(room, Some(root), now));
    }
    // Both at once, over both servers, and each sent twice.
    for n in 0..10_u128 {
        let nonce = Nonce(Uuid::from_u128(n + 1));
        let by = |name: &str| Placement::in_thread(root).send(room, nonce, format!("{name} {n}"));
        let (by_ana, by_bea) = (by("ana"), by("bea"));
        let (a, b) = tokio::join!(ana.sends(by_ana.clone()), bea.sends(by_bea.clone()));
        assert_eq!(ana.sends(by_ana).await, a);
        assert_eq!(bea.sends(by_bea).await, b);
    }
    let (found, messages, more) = thread(&ana, room, root, None).await.unwrap();
    assert!(!more && found.following);
    let places: Vec<InThread> = messages.iter().filter_map(|message| message.thread).collect();
    assert_eq!(places, (1..=20).map(|nth| InThread(root, nth)).collect::<Vec<_>>());
    assert!(messages.windows(2).all(|pair| pair[0].seq < pair[1].seq), "places and numbers have one order");
    let replies = found.root.replies.unwrap();
    assert_eq!((replies.count, replies.last), (20, messages[19].seq));
    assert_eq!(replies.at, messages[19].sent_at);
    assert_eq!(replies.authors.len(), 2);
    let texts: Vec<String> = messages.iter().map(|message| message.body.clone()).collect();
    for person in [&ana, &bea] {
        person.until("all replies are shown", |client| shown(client, room) == texts).await;
        person.until("the root counts them", |client| count(client, room, root) == 20).await;
    }
    // A fresh view says the same as what was told.
    let told = bea.with(|client| client.room(room).unwrap().shown(root).cloned());
    let fresh = bea.second_device();
    fresh.goes_to(cluster.node(1)).await;
    fresh.opens(room).await;
    assert_eq!(fresh.with(|client| client.room(room).unwrap().message(root).cloned()), told);
    // In the room, they are one line.
    let rows = ana.with(|client| client::rows(client, room, protocol::Zone::default()));
    let lines: Vec<u32> = rows
        .iter()
        .filter_map(|row| if let RowKind::Replies(line) = &row.kind { Some(line.count) } else { None })
        .collect();
    assert_eq!(lines, [20]);
}

#[sqlx::test(migrations = "../migrations")]
async fn long_threads_come_in_pages_and_catch_up(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let root = said(&ana, room, "a long story").await;
    bea.opens(room).await;
    bea.acts(|client, now| client.open_thread(room, Some(root), now));
    bea.until("it is loaded", |client| {
        client.room(room).unwrap().thread.as_ref().is_some_and(client::ThreadState::is_loaded)
    })
    .await;
    for n in 1..=60 {
        replies(&ana, room, root, &format!("reply {n}")).await.unwrap();
    }
    bea.until("all came", |client| shown(client, room).len() == 60).await;
    // Away, while others go on and change what was there.
    bea.cut().await;
    let first = thread(&ana, room, root, Some(2)).await.unwrap().1.remove(0);
    let edit = Command::Edit { room, seq: first.seq, edits: 0, body: "reply one".to_owned() };
    ana.asks(edit).await.unwrap();
    replies(&ana, room, root, "reply 61").await.unwrap();
    bea.goes_to(cluster.node(1)).await;
    bea.until("it has caught up", |client| {
        let shown = shown(client, room);
        shown.first().is_some_and(|text| text == "reply one")
            && shown.last().is_some_and(|text| text == "reply 61")
    })
    .await;
    // Page by page, from the end.
    let fresh = bea.second_device();
    fresh.goes_to(cluster.node(2)).await;
    fresh.opens(room).await;
    fresh.acts(|client, now| client.open_thread(room, Some(root), now));
    fresh.until("the newest page", |client| shown(client, room).len() == 50).await;
    fresh.acts(|client, _| client.load_replies(room, Direction::Before));
    fresh.until("the rest", |client| shown(client, room).len() == 61).await;
    assert_eq!(fresh.with(|client| shown(client, room)), bea.with(|client| shown(client, room)));
}

#[sqlx::test(migrations = "../migrations")]
async fn people_follow_the_threads_that_concern_them(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea) = (cluster.person("ana", 1).await, cluster.person("bea", 2).await);
    let (cem, dora) = (cluster.person("cem", 1).await, cluster.person("dora", 2).await);
    let room = cluster.group("crew", [&ana, &bea, &cem]).await;
    for person in [&bea, &cem] {
        person.until("the room is there", |client| client.room(room).is_some()).await;
    }
    let root = said(&ana, room, "who moved the long rope?").await;
    let first = replies(&bea, room, root, "@cem and @dora, was it you?").await.unwrap();
    // Who wrote the root, who replied, and who was mentioned and is in the room. Nobody else has replied to Bea.
    for (person, last) in [(&ana, first.seq), (&bea, root), (&cem, first.seq)] {
        person.until("it is followed", |client| followed(client) == [(root, last)]).await;
    }
    assert!(dora.with(|client| followed(client).is_empty()));
    assert_eq!(listed(&cem, None).await, [(room, root, 1, true)]);
    assert_eq!(listed(&bea, None).await, [(room, root, 0, true)], "one's own reply is not new");
    cem.until("it has news", |client| client.new_threads() == 1).await;
    // Whoever stops is not made to follow again, on no device.
    let other = cem.second_device();
    other.goes_to(cluster.node(2)).await;
    let stop = Command::Follow { room, root, on: false };
    let Ok(Reply::Changed { line: Line::Person(_), change: Change::Following { following }, .. }) =
        cem.asks(stop.clone()).await
    else {
        panic!("no change")
    };
    assert_eq!(following, Following { last: first.seq, on: false, ..following.clone() });
    other.until("stopped", |client| followed(client).is_empty()).await;
    let again = replies(&ana, room, root, "@cem?").await.unwrap();
    bea.until("the last reply is known", |client| followed(client) == [(root, again.seq)]).await;
    assert!(cem.with(|client| followed(client).is_empty()));
    assert_eq!(listed(&cem, None).await, []);
    assert_eq!(listed(&cem, Some(room)).await, [(room, root, 2, false)], "it is in the room's list");
    cem.asks(Command::Follow { room, root, on: true }).await.unwrap();
    other.until("followed again", |client| followed(client) == [(root, again.seq)]).await;
    // A person's line says so to whoever was away.
    other.cut().await;
    cem.asks(stop).await.unwrap();
    other.goes_to(cluster.node(1)).await;
    other.until("stopped again", |client| followed(client).is_empty()).await;
    // What was read is not new.
    bea.opens(room).await;
    bea.reads(room);
    bea.until("nothing is new", |client| client.new_threads() == 0).await;
}

/// The room's unread messages do not make one's own reply new, on no device, told or fetched.
#[sqlx::test(migrations = "../migrations")]
async fn ones_own_reply_is_not_new(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let root = said(&ana, room, "who moved the long rope?").await;
    said(&ana, room, "and the short one").await;
    bea.until("both are unread", |client| client.unread() == 2).await;
    replies(&bea, room, root, "I did").await.unwrap();
    let other = bea.second_device();
    other.goes_to(cluster.node(2)).await;
    for device in [&bea, &other] {
        device.until("it is followed", |client| followed(client) == [(root, root)]).await;
        assert_eq!(device.with(|client| (client.new_threads(), client.unread())), (0, 2));
    }
    // An answer is, and stays the last one of others.
    let answer = replies(&ana, room, root, "thank you").await.unwrap();
    replies(&bea, room, root, "gladly").await.unwrap();
    let fresh = bea.second_device();
    fresh.goes_to(cluster.node(1)).await;
    for device in [&bea, &other, &fresh] {
        device.until("it has news", |client| followed(client) == [(root, answer.seq)]).await;
        assert_eq!(device.with(client::Client::new_threads), 1);
    }
    // Stopping and beginning again says the same.
    for on in [false, true] {
        bea.asks(Command::Follow { room, root, on }).await.unwrap();
    }
    other.until("followed again", |client| followed(client) == [(root, answer.seq)]).await;
}

/// A page is read in several steps. Whoever is removed between them is told the same as a stranger.
#[sqlx::test(migrations = "../migrations")]
async fn a_page_whose_reader_is_removed_meanwhile_is_no_failure(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, bea) = (cluster.person("ana", 1).await, cluster.person("bea", 1).await);
    let room = cluster.group("crew", [&ana, &bea]).await;
    let root = said(&ana, room, "between us").await;
    let reply = replies(&ana, room, root, "a secret").await.unwrap().seq;
    let path = format!("/r/{room}/m/{reply}?panel=thread-{root}");
    let (node, path) = (cluster.node(1), path.as_str());
    let removed_and_back = async {
        for _ in 0..20 {
            ana.asks(Command::Remove { room, user: bea.id(), ban: false }).await.unwrap();
            ana.asks(Command::Invite { room, users: vec![bea.id()] }).await.unwrap();
        }
    };
    let reads = async {
        for _ in 0..40 {
            let (status, _, html) = node.get(path, &bea.cookie).await;
            assert!([200, 404].contains(&status.as_u16()), "{status}");
            assert!(status == 404 || html.contains("a secret"));
        }
    };
    tokio::join!(removed_and_back, reads);
}

/// A link to an old reply draws the thread around it, without a further question.
#[sqlx::test(migrations = "../migrations")]
async fn a_page_at_an_old_reply_has_the_thread_around_it(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, _, room) = cluster.ana_and_bea().await;
    let root = said(&ana, room, "a long story").await;
    for n in 1..=120 {
        replies(&ana, room, root, &format!("part {n}.")).await.unwrap();
    }
    let path = format!("/r/{room}/m/{}?panel=thread-{root}", root.0 + 60);
    let (status, _, html) = cluster.node(1).get(&path, &ana.cookie).await;
    assert_eq!(status, 200);
    // The page's own data, with which it is drawn.
    let thread = html.rsplit("\"thread\":{\"thread\":").next().unwrap();
    let thread = thread.split("\"around\":60").next().unwrap();
    let has = |nth: u32| thread.contains(&format!("part {nth}."));
    assert_eq!([34, 35, 60, 84, 85].map(has), [false, true, true, true, false]);
}

#[sqlx::test(migrations = "../migrations")]
async fn only_members_read_and_only_roots_have_threads(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, dora) =
        (cluster.person("ana", 1).await, cluster.person("bea", 2).await, cluster.person("dora", 2).await);
    let room = cluster.group("crew", [&ana, &bea]).await;
    bea.until("the room is there", |client| client.room(room).is_some()).await;
    let root = said(&ana, room, "between us").await;
    let reply = replies(&bea, room, root, "a secret").await.unwrap();
    // A stranger, and then somebody who was removed.
    let refused = async |person: &Person| {
        assert_eq!(thread(person, room, root, None).await.unwrap_err(), ErrorCode::RoomUnknown);
        assert_eq!(replies(person, room, root, "hm").await.unwrap_err(), ErrorCode::RoomUnknown);
        for command in [
            Command::Threads { room: Some(room), after: None },
            Command::Follow { room, root: Seq(root.0 + 100), on: true },
        ] {
            assert_eq!(person.asks(command).await.unwrap_err().code, ErrorCode::RoomUnknown);
        }
        assert_eq!(listed(person, None).await, []);
    };
    refused(&dora).await;
    bea.until("it is followed", |client| followed(client).len() == 1).await;
    ana.asks(Command::Remove { room, user: bea.id(), ban: false }).await.unwrap();
    bea.until("she is out", |client| client.room(room).is_none()).await;
    refused(&bea).await;
    // A reply has no thread of its own, and neither has what is no message.
    for wrong in [reply.seq, Seq(1), Seq(999), Seq(-1)] {
        assert_eq!(replies(&ana, room, wrong, "hm").await.unwrap_err(), ErrorCode::MessageUnknown, "{wrong}");
        assert_eq!(thread(&ana, room, wrong, None).await.unwrap_err(), ErrorCode::MessageUnknown, "{wrong}");
        let follow = Command::Follow { room, root: wrong, on: true };
        assert_eq!(ana.asks(follow).await.unwrap_err().code, ErrorCode::MessageUnknown, "{wrong}");
    }
    assert_eq!(ana.asks(Command::Follow { room, root: Seq(999), on: false }).await, Ok(Reply::Done {}));
    // The thread outlives its root, and a deleted reply keeps its place.
    for seq in [root, reply.seq] {
        ana.asks(Command::Delete { room, seq }).await.unwrap();
    }
    assert_eq!(replies(&ana, room, root, "still here").await.unwrap().thread, Some(InThread(root, 2)));
    let (found, messages, _) = thread(&ana, room, root, None).await.unwrap();
    assert!(found.root.deleted && messages[0].deleted && messages[0].body.is_empty());
    assert_eq!(found.root.replies.map(|replies| replies.count), Some(2));
    // Also shown in the room, or not.
    let also = Placement { in_room: true, ..Placement::in_thread(root) };
    let also = ana.sends(also.send(room, Nonce(Uuid::new_v4()), "for all")).await.unwrap();
    assert!(also.in_room && also.is_in_room());
    let nowhere = Placement { in_room: true, ..Placement::default() };
    assert!(!ana.sends(nowhere.send(room, Nonce(Uuid::new_v4()), "plain")).await.unwrap().in_room);
    assert_eq!(cluster.node(1).get(&format!("/r/{room}?panel=thread-{root}"), &ana.cookie).await.0, 200);
    assert!(ana.makes(RoomKind::Group, "other").await != room);
}

/// Page by page, each thread comes once, also while several have a reply at the same moment.
#[sqlx::test(migrations = "../migrations")]
async fn long_lists_of_threads_come_in_pages(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let room = ana.makes(RoomKind::Channel, "pier").await;
    let mut roots = Vec::new();
    for n in 0..65 {
        let root = said(&ana, room, &format!("root {n}")).await;
        replies(&ana, room, root, "reply").await.unwrap();
        roots.push(root);
    }
    // Three at once share their time.
    sqlx::query("update threads set last_at = (select max(last_at) from threads) where root = any($1)")
        .bind(roots[30..=33].iter().map(|root| root.0).collect::<Vec<_>>())
        .execute(&cluster.pool)
        .await
        .unwrap();
    for of in [None, Some(room)] {
        let (mut after, mut found, mut pages) = (None, Vec::new(), 0);
        loop {
            let page = ana.asks(Command::Threads { room: of, after }).await;
            let Ok(Reply::Threads { threads, more, .. }) = page else { panic!("{page:?}") };
            let last = threads.last().unwrap();
            let at = last.root.replies.as_ref().unwrap().at;
            after = Some(ThreadsAfter { at, room, root: last.root.seq });
            found.extend(
                threads.iter().map(|thread| (thread.root.replies.as_ref().unwrap().at, thread.root.seq)),
            );
            pages += 1;
            if !more {
                break;
            }
        }
        assert_eq!(pages, 3);
        assert!(found.windows(2).all(|pair| pair[0] > pair[1]), "the newest first");
        let mut seqs: Vec<Seq> = found.into_iter().map(|(_, seq)| seq).collect();
        seqs.sort_unstable();
        assert_eq!(seqs, roots);
    }
}
