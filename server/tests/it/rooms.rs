//! Rooms: membership, events, and rights.

use std::time::Duration;

use client::RoomState;
use protocol::{
    Change, Command, ErrorCode, Line, NewPoll, Nonce, Placement, Reply, Role, RoomId, RoomKind, Seq,
    SessionId, UserId, limits,
};
use server::{
    hub::Owner,
    node::{Sabotage, Tuning},
    store,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::cluster::{Cluster, Person, SOON};

fn titles(person: &Person) -> Vec<String> {
    person.with(|client| client.list().into_iter().map(|summary| summary.room.title).collect())
}

#[sqlx::test(migrations = "../migrations")]
async fn a_channel_is_found_joined_and_left_and_everyone_is_told(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let ana = cluster.person("ana", 1).await;
    let bea = cluster.person("bea", 2).await;
    let room = ana.makes(RoomKind::Channel, "Harbour 港口").await;
    ana.opens(room).await;
    let Ok(Reply::Channels { channels }) = bea.asks(Command::FindChannels { query: "港".to_owned() }).await
    else {
        panic!("no channels");
    };
    assert_eq!((channels.len(), channels[0].joined, channels[0].members), (1, false, 1));
    assert_eq!(bea.gets_room(Command::Join { room }).await, room);
    assert_eq!(bea.gets_room(Command::Join { room }).await, room, "joining twice is joining once");
    ana.until("bea is there", |client| client.room(room).unwrap().summary.members == 2).await;
    ana.says(room, "welcome").await;
    bea.opens(room).await;
    bea.sees(room, ["welcome"]).await;

    bea.asks(Command::Leave { room }).await.unwrap();
    bea.until("it is gone", |client| client.room(room).is_none()).await;
    ana.until("bea is gone", |client| client.room(room).unwrap().summary.members == 1).await;
    ana.says(room, "she does not hear this").await;
    bea.asks(Command::Leave { room }).await.unwrap();
    assert_eq!(bea.with(|client| client.unread()), 0);
    let refusal = bea.asks(Command::Open { room }).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::RoomUnknown);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_group_is_private_and_one_is_invited(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let ana = cluster.person("ana", 1).await;
    let bea = cluster.person("bea", 2).await;
    let cem = cluster.person("cem", 2).await;
    let room = cluster.group("crew", [&ana, &bea]).await;
    for command in [
        Command::Join { room },
        Command::Open { room },
        Command::Members { room, query: String::new(), after: None },
        Command::Invite { room, users: vec![cem.id()] },
        Command::SetRoom { room, title: "mine".to_owned(), topic: String::new() },
        Command::CatchUp { line: Line::Room(room), after: protocol::Seq::ZERO },
        Command::say(room, Nonce(Uuid::new_v4()), "hello"),
    ] {
        let refusal = cem.asks(command.clone()).await.unwrap_err();
        assert_eq!(refusal.code, ErrorCode::RoomUnknown, "{command:?}");
    }
    let Ok(Reply::Channels { channels }) = cem.asks(Command::FindChannels { query: String::new() }).await
    else {
        panic!("no channels");
    };
    assert_eq!(channels, []);
    // A member who is not an owner may invite and set the topic, but not the title.
    bea.asks(Command::Invite { room, users: vec![cem.id(), ana.id()] }).await.unwrap();
    cem.until("cem is in", |client| client.room(room).is_some()).await;
    let set = |title: &str| Command::SetRoom { room, title: title.to_owned(), topic: "who sails".to_owned() };
    assert_eq!(bea.asks(set("boat")).await.unwrap_err().code, ErrorCode::Forbidden);
    bea.asks(set("crew")).await.unwrap();
    ana.asks(set("boat")).await.unwrap();
    for person in [&ana, &bea, &cem] {
        person.until("it is renamed", |client| client.room(room).unwrap().summary.room.title == "boat").await;
        assert_eq!(person.with(|client| client.room(room).unwrap().summary.room.topic.clone()), "who sails");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn the_last_owner_who_leaves_hands_the_room_on(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    ana.asks(Command::Leave { room }).await.unwrap();
    bea.until("she owns it", |client| client.room(room).unwrap().summary.role == Role::Owner).await;
}

/// When the last owner is suspended, the longest-standing member who can act becomes owner, and
/// everyone in the room is told.
#[sqlx::test(migrations = "../migrations")]
async fn the_last_owner_who_is_suspended_hands_the_room_on_to_who_can_act(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let admin = cluster.person("admin", 1).await;
    let (ana, bea) = (cluster.person("ana", 1).await, cluster.person("bea", 1).await);
    let (cem, dan) = (cluster.person("cem", 2).await, cluster.person("dan", 2).await);
    let room = cluster.group("crew", [&ana, &bea]).await;
    // Cem joins before dan.
    for late in [&cem, &dan] {
        ana.asks(Command::Invite { room, users: vec![late.id()] }).await.unwrap();
        late.until("in", |client| client.room(room).is_some()).await;
    }
    let alone = bea.makes(RoomKind::Group, "bea's").await;
    let talk = ana.talks_with(cem.id()).await;
    let people = [&ana, &bea, &cem, &dan].map(|person| (person.id(), person.handle.clone()));
    let act = async |who: UserId, what: &str| {
        let path = format!("/admin/people/{who}/{what}");
        cluster.node(1).post(&path, &admin.cookie, String::new()).await;
    };
    let owners = async |room: protocol::RoomId| -> Vec<String> {
        let rows: Vec<uuid::Uuid> = sqlx::query_scalar(
            "select user_id from members where room_id = $1 and active and role = 'owner' order by user_id",
        )
        .bind(room.0)
        .fetch_all(&cluster.pool)
        .await
        .unwrap();
        rows.iter().map(|id| people.iter().find(|(known, _)| known.0 == *id).unwrap().1.clone()).collect()
    };
    // Bea would be next, but she is suspended first, which changes nothing.
    act(bea.id(), "suspend").await;
    assert_eq!(owners(room).await, ["ana"]);
    act(ana.id(), "suspend").await;
    cem.until("cem owns it", |client| client.room(room).unwrap().summary.role == Role::Owner).await;
    let owns = |client: &client::Client| {
        let room = client.room(room).unwrap();
        room.members.values().any(|member| member.role == Role::Owner && member.user == cem.id())
    };
    dan.opens(room).await;
    dan.until("dan knows", owns).await;
    assert_eq!(owners(room).await, ["ana", "cem"], "ana keeps her part for the day she is let in again");
    // Bea's room has nobody else, and a direct room has no owner.
    assert_eq!(owners(alone).await, ["bea"]);
    assert_eq!(owners(talk).await, Vec::<String>::new());
    // Suspending her once more changes nothing.
    let head = cem.with(|client| client.room(room).unwrap().cursor());
    act(ana.id(), "suspend").await;
    cem.says(room, "Aye.").await;
    assert_eq!(cluster.stored(room).await.last().unwrap().0, head.next().0);
    // When cem leaves while ana is suspended, the next who can act follows, and not bea.
    cem.asks(Command::Leave { room }).await.unwrap();
    dan.until("dan owns it", |client| client.room(room).unwrap().summary.role == Role::Owner).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_repeated_creation_is_one_room_and_bad_titles_are_refused_by_number(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let nonce = Nonce(Uuid::new_v4());
    let create = |title: &str, kind| Command::CreateRoom {
        nonce,
        kind,
        title: title.to_owned(),
        topic: String::new(),
    };
    let first = ana.gets_room(create("crew", RoomKind::Group)).await;
    assert_eq!(ana.gets_room(create("other", RoomKind::Group)).await, first);
    assert_eq!(titles(&ana), ["crew"]);
    let long = "长".repeat(limits::TITLE_CHARS_MAX + 1);
    for (title, kind, code) in [
        (" ", RoomKind::Group, ErrorCode::TextEmpty),
        (long.as_str(), RoomKind::Channel, ErrorCode::TextTooLong),
        ("a\u{7}b", RoomKind::Group, ErrorCode::TextInvalid),
        ("two", RoomKind::Direct, ErrorCode::DirectRoom),
    ] {
        assert_eq!(ana.asks(create(title, kind)).await.unwrap_err().code, code);
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn people_are_found_by_a_part_of_their_name_and_wildcards_mean_themselves(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    cluster.person("bea_1", 1).await;
    let find = async |query: &str| match ana.asks(Command::FindUsers { query: query.to_owned() }).await {
        Ok(Reply::Users { users }) => users.into_iter().map(|user| user.handle).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(find("EA").await, ["bea_1"]);
    assert_eq!(find("@bea").await, ["bea_1"]);
    assert_eq!(find("%").await, [""; 0]);
    assert_eq!(find("a_").await, ["bea_1"]);
    assert_eq!(find("").await, ["ana", "bea_1"]);
}

/// The number of the poll below.
const POLL: Seq = Seq(29);

/// Zulip's law: for every command, old state + events = a fresh fetch.
#[sqlx::test(migrations = "../migrations")]
async fn old_state_and_events_are_a_fresh_fetch(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let ana = cluster.person("ana", 1).await;
    let bea = cluster.person("bea", 2).await;
    let cem = cluster.person("cem", 2).await;
    let room = cluster.group("crew", [&ana, &bea]).await;
    let watcher = bea.second_device();
    watcher.goes_to(cluster.node(1)).await;
    watcher.opens(room).await;
    let set = |title: &str| Command::SetRoom { room, title: title.to_owned(), topic: "t".to_owned() };
    let send = |body: &str| Command::say(room, Nonce(Uuid::new_v4()), body);
    let react = |seq, emoji: &str, on| Command::React { room, seq: Seq(seq), emoji: emoji.to_owned(), on };
    let poll = || {
        let options = vec!["nine".to_owned(), "noon".to_owned()];
        let poll = NewPoll { options, several: false, anonymous: false };
        Placement::default().send_with(room, Nonce(Uuid::new_v4()), "When?", poll)
    };
    let choose = |choice| Command::Vote { room, seq: POLL, choices: vec![choice] };
    let direct = || Command::StartDirect { user: bea.id() };
    let channel = |title: &str| Command::CreateRoom {
        nonce: Nonce(Uuid::new_v4()),
        kind: RoomKind::Channel,
        title: title.to_owned(),
        topic: String::new(),
    };
    let last = std::cell::RefCell::new(String::new());
    let steps: Vec<(&Person, Command)> = vec![
        (&ana, send("one")),
        (&bea, send("my own")),
        (&ana, set("boat")),
        (&ana, Command::Invite { room, users: vec![cem.id()] }),
        (&cem, send("hello from cem 👋")),
        (&cem, Command::Leave { room }),
        (&ana, Command::Invite { room, users: vec![cem.id()] }),
        // Changes of the group's first message, number 4.
        (&ana, Command::Edit { room, seq: Seq(4), edits: 0, body: "one, edited".to_owned() }),
        (&bea, react(4, "👍", true)),
        (&cem, react(4, "👍", true)),
        (&cem, react(4, "🎉", true)),
        (&bea, react(4, "👍", false)),
        (&cem, Command::Edit { room, seq: Seq(8), edits: 0, body: "the newest, edited".to_owned() }),
        (&ana, Command::Delete { room, seq: Seq(8) }),
        (&ana, Command::SetRole { room, user: bea.id(), role: Role::Moderator }),
        (
            &ana,
            Command::SetPolicy {
                room,
                post: Role::Moderator,
                invite: Role::Member,
                pin: Role::Owner,
                mention: Role::Owner,
            },
        ),
        (&bea, Command::Remove { room, user: cem.id(), ban: true }),
        (&bea, Command::Unban { room, user: cem.id() }),
        (&ana, Command::Archive { room, on: true }),
        (&ana, Command::Archive { room, on: false }),
        (&ana, Command::SetRole { room, user: bea.id(), role: Role::Owner }),
        (&bea, Command::Invite { room, users: vec![cem.id()] }),
        (&ana, Placement::forwarding(room, Seq(4)).send(room, Nonce(Uuid::new_v4()), "")),
        (&bea, Placement::forwarding(room, Seq(4)).send(room, Nonce(Uuid::new_v4()), "a comment, @ana")),
        (&bea, Command::Read { room, seq: Seq(9) }),
        (&bea, Command::MarkUnread { room, seq: Seq(4) }),
        (&ana, send("beyond the mark")),
        (&bea, Command::ReadOn { room, rev: Seq(i64::MAX) }),
        (&bea, Command::MarkUnread { room, seq: Seq(5) }),
        (&ana, poll()),
        (&bea, choose(1)),
        (&cem, choose(0)),
        (&bea, choose(0)),
        (&ana, Command::ClosePoll { room, seq: POLL }),
        (&cem, direct()),
        (&bea, channel("bea's")),
        (&ana, Command::Leave { room }),
        (&bea, send(&"long ".repeat(100))),
    ];
    for (person, command) in steps {
        person.asks(command.clone()).await.unwrap();
        // Marks take a moment to arrive, so this compares until they match.
        let same = async {
            while let Err(difference) = compare(&cluster, &watcher, room).await {
                *last.borrow_mut() = difference;
            }
        };
        let in_time = tokio::time::timeout(SOON, same).await;
        assert!(in_time.is_ok(), "after {command:?}: {}", last.borrow());
    }
}

/// Compares the watcher's state, built from events, with a fresh fetch.
async fn compare(cluster: &Cluster, watcher: &Person, room: RoomId) -> Result<(), String> {
    let fresh = watcher.second_device();
    fresh.goes_to(cluster.node(2)).await;
    fresh.opens(room).await;
    let look = |client: &client::Client| (view(client.room(room).unwrap()), client.list());
    let (expected, found) = (fresh.with(look), watcher.with(look));
    if expected == found { Ok(()) } else { Err(format!("{found:?}\ninstead of\n{expected:?}")) }
}

/// What a person can see of a room.
fn view(state: &RoomState) -> String {
    let timeline = state.timeline.as_ref().expect("opened");
    let members: Vec<_> = state.active_members().collect();
    let marks: Vec<_> = members.iter().map(|member| state.marks.get(&member.user)).collect();
    format!("{:?} {:?} {members:?} {marks:?} {:?}", state.summary, timeline, state.cursor())
}

#[sqlx::test(migrations = "../migrations")]
async fn unread_counts_follow_what_is_written_and_read_on_any_device(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let ana = cluster.person("ana", 1).await;
    let bea = cluster.person("bea", 2).await;
    let phone = bea.second_device();
    phone.goes_to(cluster.node(1)).await;
    let room: RoomId = cluster.group("crew", [&ana, &bea]).await;
    let unread = |client: &client::Client| client.room(room).map(|state| state.summary.unread);
    for number in 1..=3 {
        ana.says(room, &number.to_string()).await;
    }
    bea.until("3 are unread", |client| unread(client) == Some(3)).await;
    phone.until("3 are unread there", |client| unread(client) == Some(3)).await;
    bea.opens(room).await;
    bea.reads(room);
    bea.until("none is unread", |client| unread(client) == Some(0)).await;
    phone.until("none is unread there", |client| unread(client) == Some(0)).await;
    // Own and deleted messages are not unread, whether the device counts by itself or asks the
    // server.
    bea.says(room, "my own").await;
    ana.says(room, "4").await;
    bea.until("it is unread", |client| unread(client) == Some(1)).await;
    bea.says(room, "my own again").await;
    ana.says(room, "5").await;
    for device in [&bea, &phone] {
        device.until("two are unread", |client| unread(client) == Some(2)).await;
    }
    let fresh = bea.second_device();
    fresh.goes_to(cluster.node(2)).await;
    assert_eq!(fresh.with(unread), Some(2));
    let last = ana.with(|client| client.room(room).unwrap().summary.last.as_ref().unwrap().seq);
    ana.asks(Command::Delete { room, seq: last }).await.unwrap();
    for device in [&bea, &phone, &fresh] {
        device.until("one is unread", |client| unread(client) == Some(1)).await;
    }
}

/// The broadcast of an invitation arrives after the person has left again: they must not receive
/// what is not for them.
#[sqlx::test(migrations = "../migrations")]
async fn a_joining_that_is_no_longer_true_lets_nobody_listen(pool: PgPool) {
    // The session check would find it too, later.
    let session_check = std::time::Duration::from_secs(3_600);
    let tuning = server::node::Tuning { session_check, ..server::node::Tuning::default() };
    let cluster = Cluster::start_tuned(pool, 2, tuning).await;
    let ana = cluster.person("ana", 1).await;
    let bea = cluster.person("bea", 2).await;
    let room = cluster.group("crew", [&ana]).await;
    let summary = ana.with(|client| client.room(room).unwrap().summary.clone());
    // Published as the next change of her own line.
    let (node, line) = (&cluster.node(1).node, Line::Person(bea.id()));
    let next = node.store.heads(&[line]).await.unwrap()[0].head.next();
    let change = Change::Membership { room, summary: Some(Box::new(summary)) };
    node.publish_change(line, next, change, Vec::new());
    let followed = |text: &str| {
        let metrics = cluster.node(2).node.metrics_text();
        metrics.contains(&format!("roost_lines_followed {text}\n"))
    };
    let until = async |count: &str| {
        let so = async {
            while !followed(count) {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(SOON, so).await.is_ok(), "{count}");
    };
    // Her node follows the room, besides her own line and the workspace's, checks the membership,
    // and stops following it.
    until("3").await;
    until("2").await;
    // Her client has received the change, asked for the room, and been refused.
    let refused = |client: &client::Client| client.person_cursor() >= next && client.room(room).is_none();
    bea.until("she does not get the room", refused).await;
}

/// An answer that says "left" may be overtaken by a new join. The connection must then not be told
/// that it has left: it would no longer follow the room, and receive nothing until it reconnected.
#[sqlx::test(migrations = "../migrations")]
async fn a_leaving_that_is_no_longer_true_is_not_told(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let bea = cluster.person("bea", 1).await;
    let room = cluster.group("crew", [&ana, &bea]).await;
    let node = &cluster.node(1).node;
    let owner = Owner { user: bea.id(), session: SessionId(Uuid::now_v7()) };
    let (connection, _outbox) = node.connect(owner);
    node.admit(connection, bea.id(), &[room]).await.unwrap();
    assert!(node.is_following(connection, room));
    let dismissed = node.dismiss(connection, bea.id(), &[room]).await;
    assert!(matches!(dismissed, Err(store::Error::NotReady)), "{dismissed:?}");

    node.admit(connection, bea.id(), &[room]).await.unwrap();
    bea.asks(Command::Leave { room }).await.unwrap();
    node.dismiss(connection, bea.id(), &[room]).await.unwrap();
    assert!(!node.is_following(connection, room));
}

/// Joining a channel makes the requesting connection follow it, even if no broadcast comes back.
/// The fault test found connections that received nothing for twenty seconds while Redis was down.
#[sqlx::test(migrations = "../migrations")]
async fn who_joins_hears_the_room_although_no_word_of_it_comes_back(pool: PgPool) {
    let tuning = Tuning {
        session_check: Duration::from_secs(600),
        sabotage: Sabotage { drop_share: 1.0, ..Sabotage::default() },
        ..Cluster::tuning()
    };
    let cluster = Cluster::start_tuned(pool, 2, tuning).await;
    let ana = cluster.person("ana", 1).await;
    let bea = cluster.person("bea", 2).await;
    let channel = ana.makes(RoomKind::Channel, "harbour").await;
    bea.asks(Command::Join { room: channel }).await.unwrap();
    ana.opens(channel).await;
    bea.opens(channel).await;
    ana.says(channel, "one").await;
    bea.sees(channel, ["one"]).await;
    bea.says(channel, "two").await;
    ana.sees(channel, ["one", "two"]).await;
    // Leaving alone also removes it.
    bea.asks(Command::Leave { room: channel }).await.unwrap();
    bea.until("the room is gone", |client| client.room(channel).is_none()).await;
    assert_eq!(bea.closes(), [0_u16; 0], "no check had to send her to resume");
}

/// Bea changes her name. The new name appears everywhere without a reload: on open pages, and for
/// people who were away.
#[sqlx::test(migrations = "../migrations")]
async fn who_is_renamed_is_renamed_everywhere_live_and_after_catching_up(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    ana.opens(room).await;
    bea.says(room, "hello").await;
    ana.sees(room, ["hello"]).await;
    let her = bea.id();
    let called = |client: &client::Client, name: &str| {
        let rows = client::rows(client, room, protocol::Zone::default());
        let author = rows.iter().find_map(|row| match &row.kind {
            client::RowKind::Message(message) => Some(message.author.name.clone()),
            client::RowKind::Beginning
            | client::RowKind::Day(_)
            | client::RowKind::Unread
            | client::RowKind::Replies(_) => None,
        });
        author.as_deref() == Some(name) && client.user(her).is_some_and(|user| user.name == name)
    };
    cluster.node(2).post("/profile", &bea.cookie, "name=Bea+%E7%8E%8B".to_owned()).await;
    ana.until("she has another name", |client| called(client, "Bea 王")).await;
    assert_eq!(bea.with(|client| client.user(her).map(|user| user.handle.clone())), Some("bea".to_owned()));

    ana.cut().await;
    cluster.node(1).post("/profile", &bea.cookie, "name=Beatrix".to_owned()).await;
    ana.goes_to(cluster.node(2)).await;
    ana.until("and another one", |client| called(client, "Beatrix")).await;
    // A device that connects only now sees the same name.
    let phone = ana.second_device();
    phone.goes_to(cluster.node(1)).await;
    phone.opens(room).await;
    phone.until("that name", |client| called(client, "Beatrix")).await;
    // Setting the same name again changes nothing.
    let head = async || cluster.node(1).node.store.heads(&[Line::Workspace]).await.unwrap()[0].head;
    let before = head().await;
    cluster.node(1).post("/profile", &bea.cookie, "name=Beatrix".to_owned()).await;
    assert_eq!(head().await, before);
}

/// Pins are stored, published to everyone, and can be removed. Deleting a message removes its pin.
/// In a channel, plain members may not pin.
#[sqlx::test(migrations = "../migrations")]
async fn messages_are_pinned_and_everybody_sees_it(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    ana.opens(room).await;
    for text in ["one", "two"] {
        bea.says(room, text).await;
    }
    ana.sees(room, ["one", "two"]).await;
    let [first, second] = [4, 5].map(Seq);
    let pin = |seq, on| Command::Pin { room, seq, on };
    let pinned = |client: &client::Client| {
        client.room(room).unwrap().pins().iter().map(|pin| pin.message).collect::<Vec<_>>()
    };
    for (seq, on) in [(first, true), (second, true), (second, true)] {
        bea.asks(pin(seq, on)).await.unwrap();
    }
    ana.until("both are pinned, the last one first", |client| pinned(client) == [second, first]).await;
    let texts = async |person: &Person| match person.asks(Command::Pinned { room }).await {
        Ok(Reply::Pinned { messages, .. }) => {
            messages.into_iter().map(|message| message.body).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(texts(&ana).await, ["two", "one"]);
    ana.asks(pin(first, false)).await.unwrap();
    bea.asks(Command::Delete { room, seq: second }).await.unwrap();
    bea.opens(room).await;
    for person in [&ana, &bea] {
        person.until("nothing is pinned", |client| pinned(client).is_empty()).await;
        assert_eq!(texts(person).await, [""; 0]);
    }
    assert_eq!(ana.asks(pin(second, true)).await.unwrap_err().code, ErrorCode::MessageDeleted);
    assert_eq!(ana.asks(pin(Seq(99), true)).await.unwrap_err().code, ErrorCode::MessageUnknown);
    let channel = ana.makes(RoomKind::Channel, "square").await;
    bea.gets_room(Command::Join { room: channel }).await;
    ana.says(channel, "read this").await;
    let pin = Command::Pin { room: channel, seq: Seq(4), on: true };
    assert_eq!(bea.asks(pin.clone()).await.unwrap_err().code, ErrorCode::Forbidden);
    ana.asks(pin).await.unwrap();
}

/// Someone is in the maximum number of rooms, all with the longest titles: `welcome` stays within
/// its limit, and the list becomes complete.
#[sqlx::test(migrations = "../migrations")]
async fn two_thousand_rooms_come_page_by_page_and_nobody_is_sent_away(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    ana.cut().await;
    sqlx::query(
        "with made as (
            insert into rooms (id, kind, title, topic, rev_seq, member_count, created_by, nonce)
            select gen_random_uuid(), 'group', repeat('长', 80), repeat('题', 250), 1, 1, $1, gen_random_uuid()
            from generate_series(1, $2) returning id
         ), began as (
            insert into lines (id, kind, head, messages) select id, 'room', 3, 1 from made
         ), joined as (
            insert into members (room_id, user_id, role, rev_seq, delivered_seq, read_seq, sort_name)
            select id, $1, 'owner', 2, 2, 2, 'ana' from made
         )
         insert into messages (room_id, seq, rev_seq, ordinal, id, author_id, nonce, body)
         select id, 3, 3, 1, gen_random_uuid(), $1, gen_random_uuid(), repeat('话', 4000) from made",
    )
    .bind(ana.id().0)
    .bind(limits::ROOMS_PER_USER_MAX as i32)
    .execute(&cluster.pool)
    .await
    .unwrap();
    let mut socket = cluster.node(1).socket(&ana.cookie, crate::cluster::ORIGIN).await.unwrap();
    let hello = format!(r#"{{"ref":1,"command":{{"type":"hello","version":{}}}}}"#, protocol::VERSION);
    futures::SinkExt::send(&mut socket, tokio_tungstenite::tungstenite::Message::text(hello)).await.unwrap();
    let welcome = futures::StreamExt::next(&mut socket).await.unwrap().unwrap().into_text().unwrap();
    assert!(welcome.starts_with(r#"{"ref":1,"reply":{"type":"welcome""#), "{}", &welcome[..200]);
    assert!(welcome.len() <= 64 * 1024, "{} bytes", welcome.len());
    // A new device, because her own line did not publish these rooms.
    let ana = ana.second_device();
    ana.goes_to(cluster.node(1)).await;
    let whole = |client: &client::Client| {
        client.has_whole_list() && client.order().len() == limits::ROOMS_PER_USER_MAX
    };
    ana.until("the whole list", whole).await;
    let one_more = Command::CreateRoom {
        nonce: Nonce(Uuid::new_v4()),
        kind: RoomKind::Group,
        title: "one more".to_owned(),
        topic: String::new(),
    };
    assert_eq!(ana.asks(one_more).await.unwrap_err().code, ErrorCode::RoomsFull);
    // The server does not keep looking for these rooms, and does not close her connection because
    // of them.
    ana.asks(Command::Ping {}).await.unwrap();
    assert!(
        ana.closes().iter().all(|code| *code != protocol::CloseCode::Resume as u16),
        "{:?}",
        ana.closes()
    );
}
