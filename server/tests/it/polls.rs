//! Polls over several servers: who votes, who is told what, and that nobody learns who voted in an anonymous one.

use client::{Client, RowKind, RowPoll};
use protocol::{
    Change, Command, ErrorCode, Line, Message, NewPoll, Nonce, Page, PageContent, Pane, Placement, Poll,
    Reply, Role, RoomId, RoomKind, Seq, UserId, Vote, Zone,
    limits::{PAGE_MESSAGES, VOTERS_PAGE},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::cluster::{Cluster, Person};

fn new() -> NewPoll {
    let options = ["nine", "noon", "night"].map(str::to_owned).to_vec();
    NewPoll { options, several: false, anonymous: false }
}

fn send(room: RoomId, nonce: Nonce, poll: &NewPoll) -> Command {
    Placement::default().send_with(room, nonce, "When do we sail?", poll.clone())
}

/// Sends a poll.
async fn asks(person: &Person, room: RoomId, poll: NewPoll) -> Message {
    person.sends(send(room, Nonce(Uuid::new_v4()), &poll)).await.unwrap()
}

fn vote(room: RoomId, seq: Seq, choices: &[u8]) -> Command {
    Command::Vote { room, seq, choices: choices.to_vec() }
}

/// The poll in the answer to a command.
fn changed(answer: Result<Reply, protocol::Refusal>) -> (Seq, Poll) {
    match answer {
        Ok(Reply::Changed { line: Line::Room(_), seq, change: Change::Poll { poll, .. } }) => (seq, poll),
        other => panic!("{other:?}"),
    }
}

/// The counts and the viewer's choices, as drawn.
fn drawn(client: &Client, room: RoomId, seq: Seq) -> Option<(Vec<u32>, Vec<u8>, bool)> {
    let rows = client::rows(client, room, Zone::default());
    let poll = rows.into_iter().find_map(|row| match row.kind {
        RowKind::Message(message) if message.seq == Some(seq) => message.poll,
        RowKind::Message(_)
        | RowKind::Beginning
        | RowKind::Day(_)
        | RowKind::Unread
        | RowKind::Replies(_) => None,
    });
    let RowPoll { poll, choices, .. } = *poll?;
    Some((poll.counts, choices, poll.closed))
}

async fn voters(person: &Person, room: RoomId, seq: Seq, option: u8) -> Result<Vec<UserId>, ErrorCode> {
    match person.asks(Command::Voters { room, seq, option, after: None }).await {
        Ok(Reply::Users { users }) => Ok(users.into_iter().map(|user| user.id).collect()),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.code),
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn votes_are_seen_on_every_server_and_every_device(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let phone = bea.second_device();
    phone.goes_to(cluster.node(1)).await;
    for person in [&ana, &bea, &phone] {
        person.opens(room).await;
    }
    let seq = asks(&ana, room, new()).await.seq;
    let all = [&ana, &bea, &phone];
    for person in all {
        person.until("the poll is there", |client| drawn(client, room, seq).is_some()).await;
    }
    let (rev, poll) = changed(bea.asks(vote(room, seq, &[1])).await);
    assert_eq!((poll.counts, poll.voters), (vec![0, 1, 0], 1));
    assert_eq!(poll.vote.map(|vote| vote.choices), Some(vec![1]));
    // A repeat changes nothing, and takes no number.
    assert_eq!(changed(bea.asks(vote(room, seq, &[1])).await).0, rev);
    let sees = |choices: &'static [u8], counts: [u32; 3]| {
        move |client: &Client| drawn(client, room, seq) == Some((counts.to_vec(), choices.to_vec(), false))
    };
    ana.until("she sees it, and did not vote", sees(&[], [0, 1, 0])).await;
    phone.until("her phone knows", sees(&[1], [0, 1, 0])).await;
    changed(ana.asks(vote(room, seq, &[1])).await);
    changed(bea.asks(vote(room, seq, &[2])).await);
    bea.until("both", sees(&[2], [0, 1, 1])).await;
    phone.until("both", sees(&[2], [0, 1, 1])).await;
    ana.until("both", sees(&[1], [0, 1, 1])).await;
    assert_eq!(voters(&ana, room, seq, 2).await, Ok(vec![bea.id()]));
    // Taken back; a device that was away learns it.
    phone.cut().await;
    changed(bea.asks(vote(room, seq, &[])).await);
    phone.goes_to(cluster.node(2)).await;
    phone.until("it is taken back", sees(&[], [0, 1, 0])).await;
    // And a page has the viewer's own vote.
    let fresh = ana.second_device();
    fresh.goes_to(cluster.node(2)).await;
    fresh.opens(room).await;
    fresh.until("hers is there", sees(&[1], [0, 1, 0])).await;
    for command in [
        Command::History { room, direction: protocol::Direction::Before, seq: seq.next() },
        Command::Around { room, seq },
    ] {
        let (Ok(Reply::Page { messages, .. }) | Ok(Reply::Around { messages, .. })) = ana.asks(command).await
        else {
            panic!("no page");
        };
        let poll = messages.into_iter().find(|message| message.seq == seq).unwrap().poll.unwrap();
        assert_eq!(poll.vote.map(|vote: Vote| vote.choices), Some(vec![1]));
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_poll_is_stored_once_with_its_message(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, _, room) = cluster.ana_and_bea().await;
    let nonce = Nonce(Uuid::new_v4());
    let first = ana.sends(send(room, nonce, &new())).await.unwrap();
    assert_eq!(first.poll, Some(new().into()));
    changed(ana.asks(vote(room, first.seq, &[0])).await);
    let again = ana.sends(send(room, nonce, &new())).await.unwrap();
    assert_eq!((again.seq, again.poll.unwrap().counts), (first.seq, vec![1, 0, 0]));
    let other = NewPoll { anonymous: true, ..new() };
    let refused = ana.sends(send(room, nonce, &other)).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NonceTaken);
    let plain = Command::say(room, nonce, "When do we sail?");
    assert_eq!(ana.sends(plain).await.unwrap_err().code, ErrorCode::NonceTaken);
    let options = |options: &[&str]| NewPoll {
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        ..new()
    };
    for (poll, code) in [
        (options(&["one"]), ErrorCode::PollInvalid),
        (options(&["one", "one "]), ErrorCode::PollInvalid),
        (options(&["one", " "]), ErrorCode::TextEmpty),
    ] {
        let refused = ana.sends(send(room, Nonce(Uuid::new_v4()), &poll)).await.unwrap_err();
        assert_eq!(refused.code, code);
    }
    assert_eq!(cluster.stored(room).await.len(), 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn only_what_a_poll_has_can_be_chosen_until_it_is_closed(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let refused = async |person: &Person, command| person.asks(command).await.unwrap_err().code;
    let seq = asks(&ana, room, new()).await.seq;
    for choices in [&[0, 1][..], &[3], &[255]] {
        assert_eq!(refused(&bea, vote(room, seq, choices)).await, ErrorCode::MalformedCommand, "{choices:?}");
    }
    let several = asks(&ana, room, NewPoll { several: true, ..new() }).await.seq;
    let (_, poll) = changed(bea.asks(vote(room, several, &[2, 0, 2])).await);
    assert_eq!((poll.counts, poll.vote.unwrap().choices), (vec![1, 0, 1], vec![0, 2]));
    let plain = crate::cluster::said(&ana, room, "no poll").await;
    assert_eq!(refused(&bea, vote(room, plain, &[0])).await, ErrorCode::MessageUnknown);
    assert_eq!(refused(&bea, vote(room, Seq(999), &[0])).await, ErrorCode::MessageUnknown);
    assert_eq!(refused(&ana, Command::ClosePoll { room, seq: plain }).await, ErrorCode::MessageUnknown);

    changed(bea.asks(vote(room, seq, &[1])).await);
    assert_eq!(refused(&bea, Command::ClosePoll { room, seq }).await, ErrorCode::Forbidden, "not her poll");
    let (rev, poll) = changed(ana.asks(Command::ClosePoll { room, seq }).await);
    assert!(poll.closed && poll.counts == [0, 1, 0]);
    assert_eq!(changed(ana.asks(Command::ClosePoll { room, seq }).await).0, rev, "a repeat");
    assert_eq!(refused(&bea, vote(room, seq, &[2])).await, ErrorCode::PollClosed);
    assert_eq!(refused(&bea, vote(room, seq, &[])).await, ErrorCode::PollClosed);
    // The repeat of a vote that was in time.
    assert_eq!(changed(bea.asks(vote(room, seq, &[1])).await).1.counts, [0, 1, 0]);
    assert_eq!(voters(&bea, room, seq, 1).await, Ok(vec![bea.id()]), "the result stays");
}

#[sqlx::test(migrations = "../migrations")]
async fn guests_vote_moderators_close_and_an_archived_room_refuses(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let ana = cluster.person("ana", 1).await;
    let (bea, cem) = (cluster.person("bea", 2).await, cluster.person("cem", 2).await);
    let room = ana.makes(RoomKind::Channel, "harbour").await;
    for person in [&bea, &cem] {
        person.gets_room(Command::Join { room }).await;
    }
    sqlx::query("update users set role = 'guest' where id = $1")
        .bind(cem.id().0)
        .execute(&cluster.pool)
        .await
        .unwrap();
    let policy = |post| Command::SetPolicy {
        room,
        post,
        invite: Role::Member,
        pin: Role::Moderator,
        mention: Role::Moderator,
    };
    let seq = asks(&bea, room, new()).await.seq;
    // Whoever may not post may still vote, as with reactions.
    ana.asks(policy(Role::Moderator)).await.unwrap();
    let refused = bea.sends(send(room, Nonce(Uuid::new_v4()), &new())).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
    for person in [&bea, &cem] {
        changed(person.asks(vote(room, seq, &[0])).await);
    }
    ana.asks(Command::Archive { room, on: true }).await.unwrap();
    assert_eq!(bea.asks(vote(room, seq, &[1])).await.unwrap_err().code, ErrorCode::RoomArchived);
    assert_eq!(cem.asks(Command::ClosePoll { room, seq }).await.unwrap_err().code, ErrorCode::Forbidden);
    // Ana owns the channel, and whoever may delete the message may close its poll.
    assert!(changed(ana.asks(Command::ClosePoll { room, seq }).await).1.closed);
}

/// A page that is drawn at the first unread message, or at a message, shows what its reader has chosen.
#[sqlx::test(migrations = "../migrations")]
async fn a_page_has_the_readers_own_vote(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let seq = asks(&ana, room, new()).await.seq;
    changed(bea.asks(vote(room, seq, &[1])).await);
    changed(ana.asks(vote(room, seq, &[2])).await);
    // More than a page, so the view itself begins below the poll.
    for n in 0..=PAGE_MESSAGES {
        ana.says(room, &format!("word {n}")).await;
    }
    // Only a browser whose script has run, and knows its time zone, is shown the first unread message.
    let cookies = format!("{}; tz=UTC", bea.cookie);
    for path in [format!("/r/{room}"), format!("/r/{room}/m/{seq}")] {
        let (status, _, html) = cluster.node(1).get(&path, &cookies).await;
        assert_eq!(status, 200);
        // The page's own data, with which it is drawn.
        let (_, data) = html.split_once("id=\"page\"").unwrap();
        let data = data.split_once('>').unwrap().1.split_once("</script>").unwrap().0;
        let page: Page = serde_json::from_str(data).unwrap();
        let PageContent::SignedIn(page) = page.content else { panic!("{path}: not signed in") };
        let (Some(shown), Pane::Room(view)) = (page.shown, page.pane) else { panic!("{path}: no messages") };
        assert!(view.messages.iter().all(|message| message.seq != seq), "{path}");
        let poll = shown.messages.into_iter().find(|message| message.seq == seq).unwrap().poll.unwrap();
        assert_eq!(
            (poll.counts, poll.vote.map(|vote| vote.choices)),
            (vec![0, 1, 1], Some(vec![1])),
            "{path}"
        );
    }
}

/// Neither the voters nor anything else of a poll reaches those who are not in its room.
#[sqlx::test(migrations = "../migrations")]
async fn strangers_and_removed_members_get_nothing(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea) = (cluster.person("ana", 1).await, cluster.person("bea", 2).await);
    let dora = cluster.person("dora", 2).await;
    let room = cluster.group("crew", [&ana, &bea]).await;
    bea.until("the room is there", |client| client.room(room).is_some()).await;
    let seq = asks(&ana, room, new()).await.seq;
    changed(bea.asks(vote(room, seq, &[1])).await);
    ana.asks(Command::Remove { room, user: bea.id(), ban: false }).await.unwrap();
    bea.until("she is out", |client| client.room(room).is_none()).await;
    let heard = |person: &Person| person.heard(room).len();
    let before = [heard(&bea), heard(&dora)];
    for person in [&bea, &dora] {
        for command in [
            vote(room, seq, &[0]),
            vote(room, seq, &[1]),
            vote(room, seq, &[]),
            Command::ClosePoll { room, seq },
            Command::Voters { room, seq, option: 1, after: None },
            Command::Previews { room, seqs: vec![seq] },
        ] {
            let refused = person.asks(command.clone()).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::RoomUnknown, "{command:?}");
        }
    }
    let (_, poll) = changed(ana.asks(vote(room, seq, &[1])).await);
    assert_eq!(poll.counts, [0, 2, 0], "the vote of whoever left stays");
    changed(ana.asks(Command::ClosePoll { room, seq }).await);
    // An answer after that: what was published before is here.
    for person in [&bea, &dora] {
        person.asks(Command::FindUsers { query: "ana".to_owned() }).await.unwrap();
    }
    assert_eq!([heard(&bea), heard(&dora)], before);
    assert_eq!(voters(&ana, room, seq, 1).await.unwrap().len(), 2);
}

#[sqlx::test(migrations = "../migrations")]
async fn nobody_learns_who_voted_in_an_anonymous_poll(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    ana.opens(room).await;
    let seq = asks(&ana, room, NewPoll { anonymous: true, ..new() }).await.seq;
    changed(bea.asks(vote(room, seq, &[1])).await);
    ana.until("it counts", |client| {
        drawn(client, room, seq).is_some_and(|(counts, choices, _)| counts == [0, 1, 0] && choices.is_empty())
    })
    .await;
    // Not even its author, nor Bea herself.
    for person in [&ana, &bea] {
        for option in 0..3 {
            assert_eq!(voters(person, room, seq, option).await, Err(ErrorCode::Forbidden));
        }
    }
    // Everything that Ana is told about the poll.
    let mut polls: Vec<Poll> = Vec::new();
    if let Ok(Reply::Changes { changes, .. }) =
        ana.asks(Command::CatchUp { line: Line::Room(room), after: Seq(seq.0 - 1) }).await
    {
        polls.extend(changes.into_iter().filter_map(|(_, change)| {
            if let Change::Poll { poll, .. } = change { Some(poll) } else { None }
        }));
    }
    if let Ok(Reply::Around { messages, .. }) = ana.asks(Command::Around { room, seq }).await {
        polls.extend(messages.into_iter().filter_map(|message| message.poll));
    }
    if let Ok(Reply::Thread { thread, .. }) =
        ana.asks(Command::Thread { room, root: seq, before: None }).await
    {
        polls.extend(thread.root.poll);
    }
    assert_eq!(polls.len(), 3, "{polls:?}");
    let named = bea.id().to_string();
    assert!(polls.iter().all(|poll| !serde_json::to_string(poll).unwrap().contains(&named)), "{polls:?}");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_deleted_message_leaves_nothing_of_its_poll(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let left = async || -> (i64, i64) {
        sqlx::query_as(
            "select (select count(*) from votes), (select count(*) from messages where poll is not null)",
        )
        .fetch_one(&cluster.pool)
        .await
        .unwrap()
    };
    let (first, second) = (asks(&ana, room, new()).await.seq, asks(&ana, room, new()).await.seq);
    for seq in [first, second] {
        changed(bea.asks(vote(room, seq, &[1])).await);
        changed(ana.asks(vote(room, seq, &[2])).await);
    }
    assert_eq!(left().await, (4, 2));
    bea.opens(room).await;
    ana.asks(Command::Delete { room, seq: first }).await.unwrap();
    bea.until("it is gone", |client| {
        client
            .room(room)
            .unwrap()
            .message(first)
            .is_some_and(|message| message.deleted && message.poll.is_none())
    })
    .await;
    assert_eq!(left().await, (2, 1));
    assert_eq!(bea.asks(vote(room, first, &[0])).await.unwrap_err().code, ErrorCode::MessageDeleted);
    assert_eq!(voters(&bea, room, first, 1).await, Err(ErrorCode::MessageDeleted));
    // As a server does that knows no polls.
    sqlx::query("update messages set deleted_at = now(), body = '', reactions = '[]' where seq = $1")
        .bind(second.0)
        .execute(&cluster.pool)
        .await
        .unwrap();
    assert_eq!(left().await, (0, 0));
}

/// A page holds a hundred; the next one goes on after the last of them.
#[sqlx::test(migrations = "../migrations")]
async fn the_voters_of_a_large_poll_come_in_pages(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let room = cluster.group("crew", [&ana]).await;
    let seq = asks(&ana, room, new()).await.seq;
    sqlx::raw_sql(
        "insert into users (id, handle, name, password_hash)
         select gen_random_uuid(), 'u' || n, 'U', '' from generate_series(1, 130) n",
    )
    .execute(&cluster.pool)
    .await
    .unwrap();
    sqlx::query(
        "insert into votes (room_id, seq, user_id, choices, rev)
         select $1, $2, id, '{1}', 1 from users where handle like 'u%'",
    )
    .bind(room.0)
    .bind(seq.0)
    .execute(&cluster.pool)
    .await
    .unwrap();
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let command = Command::Voters { room, seq, option: 1, after };
        let Ok(Reply::Users { users }) = ana.asks(command).await else { panic!("no people") };
        all.extend(users.iter().map(|user| user.id));
        if users.len() < VOTERS_PAGE {
            break;
        }
        after = users.last().map(|user| user.id);
    }
    let once: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!((all.len(), once.len()), (130, 130));
    assert_eq!(voters(&ana, room, seq, 0).await, Ok(Vec::new()));
}
