//! The client against a simulated server.

mod law;
mod lists;
mod people;
mod personal;
mod polls;
mod refusals;
mod replies;
mod threads;

use proptest::prelude::*;
use protocol::{
    Change, ClientFrame, Command, Direction, Epoch, ErrorCode, Event, Line, Marks, Member, Message,
    MessageId, Nonce, Policy, Refusal, Reply, Role, Room, RoomId, RoomKind, RoomSummary, RoomView, Seq,
    ServerFrame, User, UserId,
};
use uuid::Uuid;

use crate::{Client, Link, RowKind, Tick, rows};

fn id(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn user(n: u128) -> User {
    User { handle: format!("user-{n}"), name: format!("User {n}"), ..User::unknown(id(n)) }
}

const ME: u128 = 1;
const OTHER: u128 = 2;

fn room() -> RoomId {
    RoomId(Uuid::from_u128(77))
}

fn message(author: u128, seq: i64) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(1_000 + seq as u128)),
        seq: Seq(seq),
        rev: Seq(seq),
        author: id(author),
        nonce: Nonce(Uuid::from_u128(2_000 + seq as u128)),
        body: format!("message {seq}"),
        sent_at: seq * 1_000,
        edits: 0,
        deleted: false,
        reactions: Vec::new(),
        mentions: Vec::new(),
        reply_to: None,
        thread: None,
        in_room: false,
        replies: None,
        poll: None,
        forward: None,
        files: Vec::new(),
        previews: Vec::new(),
    }
}

fn said(author: u128, seq: i64) -> ServerFrame {
    changed(seq, Change::Message { message: message(author, seq) })
}

/// A change of the room, as an event.
fn changed(seq: i64, change: Change) -> ServerFrame {
    told(Line::Room(room()), seq, change)
}

fn told(line: Line, seq: i64, change: Change) -> ServerFrame {
    let people = vec![user(ME), user(OTHER)];
    ServerFrame::Event { event: Event::Change { line, seq: Seq(seq), change, people } }
}

/// Changes of the room that a server had missed and has fetched.
fn repaired(after: i64, changes: Vec<(Seq, Change)>, through: i64) -> ServerFrame {
    let (after, through, people) = (Seq(after), Seq(through), Vec::new());
    ServerFrame::Event { event: Event::Changes { line: Line::Room(room()), after, changes, through, people } }
}

/// The viewer joins or leaves a room.
fn membership(seq: i64, room: RoomId, summary: Option<RoomSummary>) -> ServerFrame {
    told(Line::Person(id(ME)), seq, Change::Membership { room, summary: summary.map(Box::new) })
}

/// The answer to a catch-up of the room.
fn caught_up(changes: Vec<(Seq, Change)>, through: i64) -> Reply {
    Reply::Changes {
        line: Line::Room(room()),
        changes,
        through: Seq(through),
        more: false,
        people: Vec::new(),
    }
}

fn summary(head: i64) -> RoomSummary {
    let marks = Marks { user: UserId(Uuid::from_u128(ME)), delivered: Seq(head), read: Seq(head) };
    RoomSummary {
        room: Room { title: "crew".to_owned(), rev: Seq(1), ..Room::new(room(), RoomKind::Group) },
        head: Seq(head),
        role: Role::Member,
        members: 2,
        peer: None,
        last: None,
        active_at: 0,
        marks,
        unread_after: None,
        unread_rev: Seq::ZERO,
        unread: 0,
        mentions: 0,
    }
}

fn view(messages: Vec<Message>, through: i64) -> RoomView {
    let member =
        |n| Member { user: id(n), role: Role::Member, active: true, banned: false, rev: Seq(n as i64 + 1) };
    RoomView {
        summary: summary(through),
        messages,
        more_before: false,
        members: vec![member(ME), member(OTHER)],
        marks: Vec::new(),
        pins: Vec::new(),
        quoted: Vec::new(),
        people: vec![user(ME), user(OTHER)],
        through: Seq(through),
    }
}

/// Answers the last command of this kind.
fn answer(client: &mut Client, now: i64, is: impl Fn(&Command) -> bool, reply: Reply) {
    let frames = client.take_frames();
    let frame =
        frames.iter().rfind(|frame| is(&frame.command)).unwrap_or_else(|| panic!("not in {frames:?}"));
    client.receive(ServerFrame::Reply { r#ref: frame.r#ref, reply }, now);
}

fn welcome(head: i64, epoch: u128) -> Reply {
    welcome_with(vec![summary(head)], epoch)
}

fn welcome_with(rooms: Vec<RoomSummary>, epoch: u128) -> Reply {
    Reply::Welcome {
        me: user(ME),
        node: "node-1".to_owned(),
        epoch: Epoch(Uuid::from_u128(epoch)),
        ping_ms: 25_000,
        person: Seq(1),
        workspace: Seq(0),
        rooms,
        more: false,
        people: vec![user(OTHER)],
    }
}

/// A client that has the room open, up to change 3.
fn at_three() -> Client {
    let mut client = Client::default();
    client.connected(0);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), welcome(3, 1));
    client.focus(Some(room()), 0);
    let reply = Reply::View { view: Box::new(view(Vec::new(), 3)) };
    answer(&mut client, 0, |command| matches!(command, Command::Open { .. }), reply);
    client.take_frames();
    client
}

fn shown(client: &Client) -> Vec<i64> {
    let seq = |row: crate::Row| match row.kind {
        RowKind::Message(message) => Some(message.seq.map_or(0, |seq| seq.0)),
        RowKind::Beginning | RowKind::Day(_) | RowKind::Unread | RowKind::Replies(_) => None,
    };
    rows(client, room(), protocol::Zone::default()).into_iter().filter_map(seq).collect()
}

#[test]
fn what_comes_in_the_wrong_order_is_shown_in_the_right_one() {
    let mut client = at_three();
    client.receive(said(OTHER, 5), 10);
    assert_eq!(shown(&client), [0_i64; 0]);
    client.receive(said(OTHER, 4), 20);
    client.receive(said(OTHER, 4), 21);
    assert_eq!(shown(&client), [4, 5]);
    client.tick(5_000);
    assert!(!client.take_frames().iter().any(|f| matches!(f.command, Command::CatchUp { .. })));
}

#[test]
fn a_hole_that_stays_is_asked_for_once() {
    let mut client = at_three();
    client.receive(said(OTHER, 6), 10);
    client.tick(400);
    assert_eq!(client.take_frames(), []);
    client.tick(600);
    client.tick(700);
    let frames = client.take_frames();
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].command, Command::CatchUp { line: Line::Room(room()), after: Seq(3) });
    let changes = [4, 5].map(|seq| (Seq(seq), Change::Message { message: message(OTHER, seq) })).to_vec();
    client.receive(ServerFrame::Reply { r#ref: frames[0].r#ref, reply: caught_up(changes, 5) }, 800);
    assert_eq!(shown(&client), [4, 5, 6]);
}

#[test]
fn a_message_is_pending_and_then_sent_whichever_of_event_and_reply_comes_first() {
    for event_first in [true, false] {
        let mut client = at_three();
        let nonce = Nonce(Uuid::from_u128(5));
        client.send(room(), nonce, "mine".to_owned(), 100).unwrap();
        let frames = client.take_frames();
        assert!(matches!(&frames[0].command, Command::Send { body, .. } if body == "mine"));
        let stored = Message { nonce, body: "mine".to_owned(), ..message(ME, 4) };
        let event = changed(4, Change::Message { message: stored.clone() });
        let reply = ServerFrame::Reply {
            r#ref: frames[0].r#ref,
            reply: Reply::Sent { room: room(), message: stored },
        };
        let (first, second) = if event_first { (event, reply) } else { (reply, event) };
        client.receive(first, 110);
        assert_eq!(shown(&client), [4]);
        client.receive(second, 120);
        assert_eq!(shown(&client), [4]);
        assert!(client.outbox().items().is_empty());
        assert_eq!(client.room(room()).unwrap().tick(Seq(4)), Tick::Sent);
        let marks = Marks { user: id(OTHER), delivered: Seq(4), read: Seq(3) };
        client.receive(ServerFrame::Event { event: Event::Marks { room: room(), marks } }, 130);
        assert_eq!(client.room(room()).unwrap().tick(Seq(4)), Tick::Delivered);
    }
}

#[test]
fn what_was_not_acknowledged_is_sent_again_with_the_same_nonce_and_requests_are_asked_again() {
    let mut client = at_three();
    let nonce = Nonce(Uuid::from_u128(5));
    client.send(room(), nonce, "mine".to_owned(), 0).unwrap();
    let request = client.request(Command::FindUsers { query: "b".to_owned() });
    client.take_frames();
    client.disconnected(50);
    assert_eq!(client.link(), Link::Away { since: 50 });
    client.send(room(), Nonce(Uuid::from_u128(6)), "second".to_owned(), 60).unwrap();
    assert_eq!(client.take_frames(), []);
    client.connected(100);
    answer(&mut client, 100, |command| matches!(command, Command::Hello { .. }), welcome(3, 1));
    let frames = client.take_frames();
    let sends: Vec<_> = frames.iter().filter(|f| matches!(f.command, Command::Send { .. })).collect();
    assert_eq!(sends.len(), 1, "one a room at a time");
    assert!(matches!(&sends[0].command, Command::Send { nonce: n, .. } if *n == nonce));
    assert!(frames.iter().any(|f| f.r#ref == request));
    client.receive(
        ServerFrame::Refusal { r#ref: Some(request), refusal: Refusal::new(ErrorCode::Internal) },
        110,
    );
    assert_eq!(client.take_answers().len(), 1);
}

/// The reactions to a message as its row shows them: emoji, people, and which are not answered yet.
fn reactions(client: &Client, seq: i64) -> (Vec<(String, Vec<u128>)>, Vec<String>) {
    let shown = row(client, seq).reactions;
    let users = |users: &[UserId]| users.iter().map(|user| user.0.as_u128()).collect();
    let all = shown.iter().map(|r| (r.emoji.clone(), users(&r.users))).collect();
    (all, shown.into_iter().filter(|r| r.asked).map(|r| r.emoji).collect())
}

fn row(client: &Client, seq: i64) -> crate::MessageRow {
    let rows = rows(client, room(), protocol::Zone::default()).into_iter();
    let messages = rows.filter_map(|row| if let RowKind::Message(m) = row.kind { Some(m) } else { None });
    messages.into_iter().find(|m| m.seq == Some(Seq(seq))).unwrap()
}

fn react(emoji: &str, on: bool) -> Command {
    Command::React { room: room(), seq: Seq(4), emoji: emoji.to_owned(), on }
}

#[test]
fn a_reaction_is_shown_at_once_outlives_the_connection_and_goes_when_it_is_refused() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 0);
    let is_react = |command: &Command| matches!(command, Command::React { .. });
    client.disconnected(0);
    client.request(react("👍", true));
    client.request(react("🎉", true));
    assert!(client.take_touched().timelines.contains(&room()));
    let both = || vec![("👍".to_owned(), vec![ME]), ("🎉".to_owned(), vec![ME])];
    let asked = || vec!["👍".to_owned(), "🎉".to_owned()];
    assert_eq!(reactions(&client, 4), (both(), asked()));

    client.connected(0);
    answer(&mut client, 0, |c| matches!(c, Command::Hello { .. }), welcome(4, 1));
    assert_eq!(reactions(&client, 4), (both(), asked()));
    let frames = client.take_frames();
    let refs: Vec<u32> = frames.iter().filter(|f| is_react(&f.command)).map(|f| f.r#ref).collect();
    let [first, second] = refs[..] else { panic!("not both in {frames:?}") };

    let stored = Change::Reaction { message: Seq(4), emoji: "👍".to_owned(), user: id(ME), on: true };
    let reply = Reply::Changed { line: Line::Room(room()), seq: Seq(5), change: stored };
    client.receive(ServerFrame::Reply { r#ref: first, reply }, 0);
    client.take_touched();
    let full = Refusal::new(ErrorCode::ReactionsFull);
    client.receive(ServerFrame::Refusal { r#ref: Some(second), refusal: full }, 0);
    assert!(client.take_touched().timelines.contains(&room()), "it goes from the screen");
    assert_eq!(reactions(&client, 4), (vec![("👍".to_owned(), vec![ME])], Vec::new()));
}

#[test]
fn a_wish_is_shown_as_the_server_will_store_it() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 0);
    client.receive(said(OTHER, 5), 0);
    for (emoji, on) in [("👍", true), ("👍", true), ("🎉", true), ("👍", false), ("❤️", false)] {
        client.request(react(emoji, on));
    }
    assert_eq!(reactions(&client, 4).0, [("🎉".to_owned(), vec![ME])]);
    let request = client.request(Command::Delete { room: room(), seq: Seq(4) });
    assert!(row(&client, 4).deleting && !row(&client, 5).deleting);
    client.withdraw(request);
    assert!(!row(&client, 4).deleting);
}

#[test]
fn the_newest_own_message_is_one_that_still_has_a_text() {
    let mut client = at_three();
    let newest = |client: &Client| client.newest_own(room(), None).map(|seq| seq.0);
    client.receive(said(ME, 4), 0);
    client.receive(said(OTHER, 5), 0);
    client.receive(said(ME, 6), 0);
    assert_eq!(newest(&client), Some(6));
    let deleted = Message { rev: Seq(7), deleted: true, body: String::new(), ..message(ME, 6) };
    client.receive(changed(7, Change::Message { message: deleted }), 0);
    assert_eq!(newest(&client), Some(4));
    client.send(room(), Nonce(Uuid::from_u128(9)), "on its way".to_owned(), 0).unwrap();
    assert_eq!(newest(&client), None, "the one before is not meant");
}

/// The `welcome` for the person who is signed in on the connection.
fn welcome_to(user_id: u128, head: i64) -> Reply {
    let mut theirs = summary(head);
    theirs.marks.user = id(user_id);
    let Reply::Welcome { node, epoch, ping_ms, person, workspace, rooms, more, people, .. } =
        welcome_with(vec![theirs], 1)
    else {
        unreachable!()
    };
    Reply::Welcome { me: user(user_id), node, epoch, ping_ms, person, workspace, rooms, more, people }
}

/// In another tab someone has signed out and in with another account: the connection is theirs.
#[test]
fn nothing_is_sent_on_a_connection_that_is_someone_elses() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 0);
    client.saw(room(), Seq(4), 5_000);
    client.disconnected(5_000);
    client.send(room(), Nonce(Uuid::from_u128(5)), "a secret".to_owned(), 5_000).unwrap();
    client.request(Command::Edit { room: room(), seq: Seq(2), edits: 0, body: "an edit".to_owned() });
    client.request(react("👍", true));
    client.connected(5_000);
    answer(&mut client, 5_000, |c| matches!(c, Command::Hello { .. }), welcome_to(OTHER, 4));

    assert_eq!(client.stranger(), Some(&user(OTHER)));
    assert_eq!(client.me(), Some(&user(ME)));
    assert!(client.take_touched().link, "the interface must hear of it");
    // Whatever happens on this connection, and whatever the user still does.
    let mut theirs = summary(9);
    theirs.marks.user = id(OTHER);
    theirs.room.title = "theirs".to_owned();
    let before = client.list();
    client.receive(membership(2, room(), Some(theirs)), 6_000);
    client.receive(said(OTHER, 5), 6_000);
    client.send(room(), Nonce(Uuid::from_u128(6)), "another".to_owned(), 6_000).unwrap();
    client.request(react("🎉", true));
    client.jump_to_newest(room());
    client.load_more(room(), Direction::Before);
    client.saw(room(), Seq(5), 6_000);
    client.check_connection(6_000);
    client.focus(Some(room()), 7_000);
    client.tick(60_000);
    assert_eq!(client.take_frames(), []);
    assert_eq!(client.list(), before, "what is theirs is not shown");
    assert_eq!(client.outbox().waiting(), 2, "what was written stays");

    // Its author signs in again.
    client.disconnected(61_000);
    client.connected(61_000);
    answer(&mut client, 61_000, |c| matches!(c, Command::Hello { .. }), welcome_to(ME, 4));
    assert_eq!((client.stranger(), client.link()), (None, Link::Live));
    let frames = client.take_frames();
    assert!(frames.iter().any(|f| matches!(&f.command, Command::Send { body, .. } if body == "a secret")));
    assert!(frames.iter().any(|f| matches!(f.command, Command::Edit { .. })));
}

/// The page was drawn for one person; when its socket is opened, the cookie is another's.
#[test]
fn what_an_earlier_page_had_kept_is_not_sent_as_someone_else() {
    let page = serde_json::json!({
        "version": protocol::VERSION, "node": "node-1", "epoch": Epoch(Uuid::from_u128(1)), "workspace_name": "Harbour",
        "sign_up": "open", "language": "en", "theme": "system", "zone": [[0, 0]], "now": 0,
        "content": {
            "type": "signed_in", "viewer": user(ME), "person": 0, "workspace": 0, "rooms": [summary(3)], "more_rooms": false,
            "people": [], "pane": { "type": "empty" },
        },
    });
    let mut client = Client::from_page(&serde_json::from_value(page).unwrap());
    let kept = crate::Pending {
        nonce: Nonce(Uuid::from_u128(5)),
        room: room(),
        body: "a secret".to_owned(),
        reply_to: None,
        thread: None,
        in_room: false,
        poll: None,
        forward: None,
        files: Vec::new(),
        written_at: 0,
        state: crate::SendState::Waiting,
        again: false,
    };
    client.adopt(vec![kept], 0);
    client.connected(0);
    answer(&mut client, 0, |c| matches!(c, Command::Hello { .. }), welcome_to(OTHER, 3));
    client.tick(1_000);
    assert_eq!(client.take_frames(), []);
    assert_eq!(client.stranger(), Some(&user(OTHER)));
}

#[test]
fn another_epoch_voids_what_is_known() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 1);
    client.disconnected(2);
    client.connected(3);
    answer(&mut client, 3, |command| matches!(command, Command::Hello { .. }), welcome(2, 9));
    assert!(client.room(room()).unwrap().timeline.is_none());
    assert!(client.take_frames().iter().any(|f| matches!(f.command, Command::Open { .. })));
}

#[test]
fn a_silent_server_is_pinged_and_then_given_up() {
    let mut client = at_three();
    client.tick(25_000);
    assert!(client.take_frames().iter().any(|f| f.command == Command::Ping {}));
    assert!(!client.is_dead(34_000));
    assert!(client.is_dead(35_001));
}

/// Others keep talking, so that the connection is never silent and never pinged.
#[test]
fn a_connection_that_leaves_a_send_unanswered_is_given_up_and_the_next_one_repeats_it() {
    let sends = |client: &mut Client| {
        let frames = client.take_frames().into_iter();
        let sends = frames.filter(|frame| matches!(frame.command, Command::Send { .. }));
        sends.map(|frame| frame.command).collect::<Vec<_>>()
    };
    let mut client = at_three();
    client.send(room(), Nonce(Uuid::from_u128(7)), "anyone?".to_owned(), 0).unwrap();
    let sent = sends(&mut client);
    assert_eq!(sent.len(), 1);
    for second in 1..=60 {
        let now = second * 1_000;
        client.receive(said(OTHER, 3 + second), now);
        client.tick(now);
        assert!(!client.is_dead(now), "after {second} s");
    }
    assert_eq!(sends(&mut client), []);
    assert!(client.is_dead(60_001));

    client.disconnected(60_001);
    client.connected(60_002);
    assert!(!client.is_dead(60_002));
    answer(&mut client, 60_003, |command| matches!(command, Command::Hello { .. }), welcome(63, 1));
    assert_eq!(sends(&mut client), sent, "the same nonce again");
}

#[test]
fn a_connection_that_may_be_dead_is_asked_at_once_and_given_up_sooner() {
    let pings = |client: &mut Client| {
        client
            .take_frames()
            .iter()
            .filter(|f| f.command == Command::Ping {})
            .map(|f| f.r#ref)
            .collect::<Vec<_>>()
    };
    let mut client = at_three();
    client.check_connection(1_000);
    client.check_connection(2_000);
    let asked = pings(&mut client);
    assert_eq!(asked.len(), 1, "one question is enough");
    assert!(!client.is_dead(5_000));
    assert!(client.is_dead(5_001));

    // It is alive: the next ping is an ordinary one.
    client.receive(ServerFrame::Reply { r#ref: asked[0], reply: Reply::Pong {} }, 4_000);
    client.tick(29_000);
    assert_eq!(pings(&mut client).len(), 1);
    assert!(!client.is_dead(39_000));
    // Checked while that one is in flight: its deadline becomes the shorter one.
    client.check_connection(30_000);
    assert_eq!(pings(&mut client), [0_u32; 0]);
    assert!(!client.is_dead(33_000));
    assert!(client.is_dead(33_001));

    // The next connection begins with the ordinary deadline; without a connection, there is nothing
    // to ping.
    client.disconnected(33_001);
    client.check_connection(33_002);
    assert_eq!(client.take_frames(), []);
    client.connected(34_000);
    client.check_connection(34_001);
    assert_eq!(pings(&mut client), [0_u32; 0]);
    assert!(!client.is_dead(44_000));
}

#[test]
fn marks_are_sent_at_most_once_a_second_and_never_beyond_what_is_here() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 1_000);
    let delivered = |client: &mut Client| {
        let frames = client.take_frames();
        frames
            .iter()
            .filter(|f| matches!(f.command, Command::Delivered { .. } | Command::Read { .. }))
            .count()
    };
    assert_eq!(delivered(&mut client), 1);
    client.receive(said(OTHER, 5), 1_100);
    client.saw(room(), Seq(99), 1_150);
    assert_eq!(client.unread(), 2);
    client.saw(room(), Seq(5), 1_200);
    assert_eq!((delivered(&mut client), client.unread()), (0, 0));
    client.tick(2_100);
    let frames = client.take_frames();
    assert_eq!(frames.last().map(|f| &f.command), Some(&Command::Read { room: room(), seq: Seq(5) }));
}

/// The fault test found this: a count that `welcome` computed with an older mark was kept.
#[test]
fn what_is_unread_is_counted_again_once_the_window_has_caught_up() {
    let mut client = at_three();
    for seq in 4..=6 {
        client.receive(said(OTHER, seq), 0);
    }
    client.saw(room(), Seq(6), 0);
    client.disconnected(0);
    client.connected(0);
    // The server knows no read mark beyond 3, and eight messages have been sent.
    let mut behind = summary(11);
    behind.marks = Marks { delivered: Seq(3), read: Seq(3), ..behind.marks };
    (behind.unread, behind.last) = (8, Some(message(OTHER, 11)));
    let reply = welcome_with(vec![behind], 1);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), reply);
    let changes = (7..=11).map(|seq| (Seq(seq), Change::Message { message: message(OTHER, seq) })).collect();
    answer(&mut client, 0, |command| matches!(command, Command::CatchUp { .. }), caught_up(changes, 11));
    assert_eq!(client.room(room()).unwrap().summary.unread, 5);
}

#[test]
fn a_page_that_was_read_before_a_change_does_not_bring_the_old_text_back() {
    let mut client = after_a_long_absence(120);
    client.load_more(room(), Direction::Before);
    // 60 is edited and 61 deleted while the page is in flight.
    let edited = Message { rev: Seq(121), edits: 1, body: "edited".to_owned(), ..message(OTHER, 60) };
    let deleted = Message { rev: Seq(122), deleted: true, body: String::new(), ..message(OTHER, 61) };
    for news in [&edited, &deleted] {
        let change = Change::Message { message: news.clone() };
        client.receive(changed(news.rev.0, change), 10);
    }
    answer(&mut client, 20, |command| matches!(command, Command::History { .. }), page(21..=70, true));
    let timeline = client.room(room()).unwrap().timeline.as_ref().unwrap();
    let found = |seq| timeline.messages().find(|message| message.seq == Seq(seq)).map(|m| (**m).clone());
    assert_eq!((found(60), found(61)), (Some(edited), Some(deleted)));
    assert_eq!(found(62), Some(message(OTHER, 62)));
}

#[test]
fn a_summary_that_is_older_than_what_is_known_changes_nothing_but_marks() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 10);
    let before = client.list();
    // Read before 4 was sent, and delivered after it.
    client.receive(membership(2, room(), Some(summary(3))), 20);
    assert_eq!(client.list(), before);
    assert_eq!(client.unread(), 1);
}

#[test]
fn after_a_restore_nothing_that_was_asked_before_is_asked_again() {
    let mut client = at_three();
    let request = client.request(Command::Delete { room: room(), seq: Seq(2) });
    client.take_frames();
    client.disconnected(10);
    client.connected(20);
    answer(&mut client, 20, |command| matches!(command, Command::Hello { .. }), welcome(2, 9));
    assert!(!client.take_frames().iter().any(|frame| matches!(frame.command, Command::Delete { .. })));
    let answers = client.take_answers();
    assert!(answers.iter().any(|answer| answer.request == request && answer.result.is_err()));
}

#[test]
fn marks_that_were_on_their_way_are_sent_again_after_a_reconnect() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 1_000);
    client.saw(room(), Seq(4), 2_500);
    client.take_frames();
    client.disconnected(2_600);
    client.connected(4_000);
    // The server knows only of 3, and counts 4 as unread.
    let mut behind = summary(4);
    behind.unread = 1;
    behind.marks = Marks { read: Seq(3), delivered: Seq(3), ..behind.marks };
    let reply = welcome_with(vec![behind], 1);
    answer(&mut client, 4_000, |command| matches!(command, Command::Hello { .. }), reply);
    let frames = client.take_frames();
    assert!(frames.iter().any(|f| f.command == Command::Read { room: room(), seq: Seq(4) }), "{frames:?}");
    assert_eq!(client.unread(), 0);
}

#[test]
fn what_others_have_read_while_one_was_away_is_asked_for_where_one_looks() {
    let mut client = at_three();
    let asks = |client: &mut Client| {
        let is = |frame: &protocol::ClientFrame| matches!(frame.command, Command::Members { .. });
        client.take_frames().into_iter().filter(is).map(|frame| frame.r#ref).collect::<Vec<_>>()
    };
    let again = |client: &mut Client, now| {
        client.disconnected(now);
        client.connected(now);
        answer(client, now, |command| matches!(command, Command::Hello { .. }), welcome(3, 1));
    };
    again(&mut client, 10);
    let asked = asks(&mut client);
    assert_eq!(asked.len(), 1);
    let refusal = Refusal::new(ErrorCode::Internal);
    client.receive(ServerFrame::Refusal { r#ref: Some(asked[0]), refusal }, 20);
    client.tick(900);
    assert_eq!(asks(&mut client), [0_u32; 0], "not at once");
    client.tick(1_100);
    client.tick(1_200);
    let asked = asks(&mut client);
    let marks = vec![Marks { user: id(OTHER), delivered: Seq(3), read: Seq(3) }];
    let members = view(Vec::new(), 3).members;
    let reply = Reply::Members { room: room(), members, marks, people: Vec::new(), more: false };
    client.receive(ServerFrame::Reply { r#ref: asked[0], reply }, 1_300);
    assert_eq!(client.room(room()).unwrap().tick(Seq(3)), Tick::Read);
    client.tick(3_000);
    assert_eq!(asks(&mut client), [0_u32; 0], "once");
    client.focus(None, 3_000);
    again(&mut client, 3_100);
    assert_eq!(asks(&mut client), [0_u32; 0], "nobody looks");
    client.focus(Some(room()), 3_200);
    assert_eq!(asks(&mut client).len(), 1);
}

/// The interface redraws the connection only when `touched` says so: when a ping begins to wait for
/// its answer, and when the answer arrives.
#[test]
fn a_ping_without_an_answer_is_shown_and_so_is_the_answer() {
    let mut client = at_three();
    client.take_touched();
    client.check_connection(10);
    assert!(client.take_touched().link && client.awaits_pong());
    answer(&mut client, 20, |command| matches!(command, Command::Ping {}), Reply::Pong {});
    assert!(client.take_touched().link && !client.awaits_pong());
}

/// The server read the view before someone read on, and the view arrived after that mark, which is
/// never sent again.
#[test]
fn a_view_does_not_take_back_marks_that_overtook_it() {
    let mut client = at_three();
    client.jump_to_newest(room());
    let marks = Marks { user: id(OTHER), delivered: Seq(3), read: Seq(3) };
    client.receive(ServerFrame::Event { event: Event::Marks { room: room(), marks } }, 20);
    let before = Marks { user: id(OTHER), delivered: Seq(2), read: Seq(1) };
    let view = RoomView { marks: vec![before], ..view(vec![message(ME, 3)], 3) };
    let reply = Reply::View { view: Box::new(view) };
    answer(&mut client, 30, |command| matches!(command, Command::Open { .. }), reply);
    assert_eq!(client.room(room()).unwrap().tick(Seq(3)), Tick::Read);
}

/// The event may be lost; and someone who has rejoined meanwhile stays.
#[test]
fn a_room_that_one_has_left_is_gone_by_the_answer_alone() {
    let leaves = |joined_meanwhile: bool| {
        let mut client = at_three();
        client.request(Command::Leave { room: room() });
        if joined_meanwhile {
            client.receive(membership(2, room(), Some(summary(4))), 10);
        }
        answer(&mut client, 20, |command| matches!(command, Command::Leave { .. }), Reply::Done {});
        client.room(room()).is_some()
    };
    assert!(!leaves(false));
    assert!(leaves(true));
}

/// The end of the membership is sent on another line, perhaps later.
#[test]
fn a_deleted_room_is_gone_at_once_and_what_was_written_into_it_stays() {
    let mut client = at_three();
    assert_eq!(client.send(room(), Nonce(Uuid::from_u128(9)), "too late".to_owned(), 11), Ok(()));
    let sent = client.take_frames().pop().unwrap();
    let deleted = Room { deleted: true, rev: Seq(4), ..Room::new(room(), RoomKind::Group) };
    client.receive(changed(4, Change::Room { room: deleted }), 13);
    assert!(client.room(room()).is_none());
    client.receive(membership(2, room(), None), 14);
    assert_eq!((client.list().len(), client.outbox().items().len()), (0, 1));
    let refusal = ErrorCode::RoomUnknown.into();
    client.receive(ServerFrame::Refusal { r#ref: Some(sent.r#ref), refusal }, 15);
    assert_eq!(client.stranded().map(|item| item.body.as_str()).collect::<Vec<_>>(), ["too late"]);
    // If they rejoin, they can retry.
    client.receive(membership(3, room(), Some(summary(5))), 16);
    assert_eq!(client.stranded().count(), 0);
}

#[test]
fn a_message_that_changed_before_it_came_is_counted_once_and_is_news() {
    let mut client = at_three();
    // 4 was sent, 5 was sent, 6 is an edit of 4.
    let edited = Message { rev: Seq(6), edits: 1, body: "edited".to_owned(), ..message(OTHER, 4) };
    let changes = vec![
        (Seq(5), Change::Message { message: message(OTHER, 5) }),
        (Seq(6), Change::Message { message: edited }),
    ];
    client.receive(repaired(3, changes, 6), 10);
    assert_eq!(shown(&client), [4, 5]);
    assert_eq!(client.unread(), 2);
    assert_eq!(client.take_touched().news.len(), 2);
    // A later edit is neither.
    let again = Message { rev: Seq(7), edits: 2, body: "again".to_owned(), ..message(OTHER, 4) };
    client.receive(changed(7, Change::Message { message: again }), 20);
    assert_eq!((client.unread(), client.take_touched().news.len()), (2, 0));
}

fn deleted(author: u128, seq: i64, rev: i64) -> Message {
    Message { rev: Seq(rev), deleted: true, body: String::new(), ..message(author, seq) }
}

fn change(message: Message) -> ServerFrame {
    changed(message.rev.0, Change::Message { message })
}

#[test]
fn a_message_that_is_deleted_before_it_was_seen_is_no_longer_counted() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 0);
    client.receive(said(OTHER, 5), 0);
    client.receive(said(ME, 6), 0);
    assert_eq!(client.unread(), 2);
    client.receive(change(deleted(OTHER, 4, 7)), 0);
    client.receive(change(deleted(OTHER, 4, 7)), 0);
    client.receive(change(deleted(ME, 6, 8)), 0);
    assert_eq!(client.unread(), 1);
    client.saw(room(), Seq(5), 0);
    client.receive(change(deleted(OTHER, 5, 9)), 0);
    assert_eq!(client.unread(), 0, "it had been seen");
}

#[test]
fn a_deletion_is_counted_in_a_room_that_is_only_a_line_in_the_list() {
    let mut client = Client::default();
    client.connected(0);
    let mut known = summary(6);
    known.marks = Marks { read: Seq(3), delivered: Seq(6), ..known.marks };
    // 4 and 5 are unread, and 6 was the deletion of another message.
    (known.unread, known.last) = (2, Some(message(OTHER, 5)));
    let reply = welcome_with(vec![known], 1);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), reply);
    client.receive(said(OTHER, 7), 0);
    client.receive(change(deleted(OTHER, 4, 8)), 0);
    assert_eq!(client.unread(), 2);
    client.receive(change(deleted(OTHER, 7, 9)), 0);
    client.receive(change(deleted(OTHER, 5, 10)), 0);
    assert_eq!(client.unread(), 0);
    client.receive(said(OTHER, 11), 0);
    assert_eq!(client.unread(), 1);
}

/// The count in `welcome` excludes what was deleted before; the catch-up includes that deletion
/// afterwards.
#[test]
fn a_deletion_that_the_count_knows_of_is_not_taken_off_again() {
    for is_open in [true, false] {
        let mut client = at_three();
        if !is_open {
            client = Client::default();
            client.connected(0);
            answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), welcome(3, 1));
        }
        client.receive(said(OTHER, 4), 0);
        client.receive(said(OTHER, 5), 0);
        client.disconnected(0);
        client.connected(0);
        // 4 was deleted meanwhile, and 7 was sent and deleted.
        let mut known = summary(8);
        known.marks = Marks { read: Seq(3), delivered: Seq(5), ..known.marks };
        (known.unread, known.last) = (1, Some(deleted(OTHER, 7, 8)));
        let reply = welcome_with(vec![known], 1);
        answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), reply);
        if is_open {
            let changes = [deleted(OTHER, 4, 6), deleted(OTHER, 7, 8)];
            let changes = changes.map(|m| (m.rev, Change::Message { message: m })).to_vec();
            answer(
                &mut client,
                0,
                |command| matches!(command, Command::CatchUp { .. }),
                caught_up(changes, 8),
            );
        }
        assert_eq!(client.unread(), 1, "open: {is_open}");
    }
}

/// The fault test found this: a room whose catch-up was refused because the database failed stayed
/// behind until someone wrote there.
#[test]
fn a_room_that_was_refused_for_now_is_asked_for_again() {
    let mut client = at_three();
    client.disconnected(0);
    client.connected(0);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), welcome(5, 1));
    let asks =
        |frame: &protocol::ClientFrame| matches!(frame.command, Command::CatchUp { after: Seq(3), .. });
    let frame = client.take_frames().into_iter().find(asks).expect("it is behind");
    let refusal = Refusal::new(ErrorCode::Internal);
    client.receive(ServerFrame::Refusal { r#ref: Some(frame.r#ref), refusal }, 100);
    client.tick(1_000);
    assert!(!client.take_frames().iter().any(asks), "not at once");
    client.tick(1_100);
    assert!(client.take_frames().iter().any(asks));
}

/// The fault test found this: a message that was changed during a catch-up arrives with that
/// change, and is unread too.
#[test]
fn a_message_that_comes_late_because_it_changed_is_counted() {
    let mut client = at_three();
    client.disconnected(0);
    client.connected(0);
    let mut behind = summary(5);
    behind.marks = Marks { read: Seq(3), delivered: Seq(3), ..behind.marks };
    (behind.unread, behind.last) = (2, Some(message(OTHER, 5)));
    let reply = welcome_with(vec![behind], 1);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), reply);
    // 4 has been edited meanwhile, as change 6: it is not among the changes up to 5.
    let changes = vec![(Seq(5), Change::Message { message: message(OTHER, 5) })];
    answer(&mut client, 0, |command| matches!(command, Command::CatchUp { .. }), caught_up(changes, 5));
    client.receive(said(OTHER, 7), 0);
    let edited = Message { rev: Seq(6), edits: 1, body: "edited".to_owned(), ..message(OTHER, 4) };
    client.receive(changed(6, Change::Message { message: edited }), 0);
    assert_eq!(shown(&client), [4, 5, 7]);
    assert_eq!(client.unread(), 3);
}

/// A client that has opened the room with 120 messages, all unread after `read`.
fn after_a_long_absence(read: i64) -> Client {
    let mut client = Client::default();
    client.connected(0);
    let marks = Marks { user: UserId(Uuid::from_u128(ME)), delivered: Seq(read), read: Seq(read) };
    let known = RoomSummary { marks, unread: 100, last: Some(message(OTHER, 120).preview()), ..summary(120) };
    let reply = welcome_with(vec![known.clone()], 1);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), reply);
    client.focus(Some(room()), 0);
    let messages = (71..=120).map(|seq| message(OTHER, seq)).collect();
    let view = RoomView { summary: known, more_before: true, ..view(messages, 120) };
    let reply = Reply::View { view: Box::new(view) };
    answer(&mut client, 0, |command| matches!(command, Command::Open { .. }), reply);
    client
}

fn page(seqs: std::ops::RangeInclusive<i64>, more: bool) -> Reply {
    let messages = seqs.map(|seq| message(OTHER, seq)).collect();
    Reply::Page { room: room(), messages, more, people: Vec::new() }
}

fn line(client: &Client) -> Option<usize> {
    rows(client, room(), protocol::Zone::default()).iter().position(|row| row.kind == RowKind::Unread)
}

#[test]
fn what_is_unread_above_the_window_is_reached_and_only_there_the_line_is_drawn() {
    let mut client = after_a_long_absence(10);
    assert_eq!(client.room(room()).unwrap().unread_above(), Some(Seq(10)));
    assert_eq!(line(&client), None, "message 71 is not the first unread one");
    client.jump_to_unread(room());
    client.jump_to_unread(room());
    let after = |command: &Command| {
        matches!(command, Command::History { direction: Direction::After, seq: Seq(10), .. })
    };
    // Number 11 was someone who joined.
    answer(&mut client, 0, after, page(12..=61, true));
    assert!(shown(&client).into_iter().eq(12..=61), "what does not touch would leave a hole");
    assert_eq!(line(&client), Some(1), "below the day");
    assert_eq!(client.room(room()).unwrap().unread_above(), None);
    client.jump_to_unread(room());
    assert_eq!(client.take_frames(), []);

    // The user was in another tab. The room stays where it is: everything below has not been seen
    // yet.
    client.focus(Some(room()), 0);
    assert_eq!(client.take_frames(), []);
    assert!(shown(&client).into_iter().eq(12..=61));

    // Reading on to the end: the window reaches the newest again, and follows it.
    client.load_more(room(), Direction::After);
    answer(&mut client, 0, |command| matches!(command, Command::History { .. }), page(62..=111, true));
    client.receive(said(OTHER, 121), 10);
    client.load_more(room(), Direction::After);
    // That answer was read before the message was stored, and arrived after its event.
    answer(&mut client, 20, |command| matches!(command, Command::History { .. }), page(112..=120, false));
    assert!(client.room(room()).unwrap().timeline.as_ref().unwrap().more_after(), "121 is still to come");
    client.load_more(room(), Direction::After);
    answer(&mut client, 30, |command| matches!(command, Command::History { .. }), page(121..=121, false));
    assert!(shown(&client).into_iter().eq(12..=121));
    client.receive(said(OTHER, 122), 40);
    assert!(shown(&client).into_iter().eq(12..=122));
}

/// Both are requested at once, and the server may answer them in any order.
#[test]
fn a_room_with_many_unread_messages_opens_there_in_one_round_trip() {
    for view_is_first in [true, false] {
        let mut client = Client::default();
        client.connected(0);
        let marks = Marks { user: UserId(Uuid::from_u128(ME)), delivered: Seq(10), read: Seq(10) };
        let known =
            RoomSummary { marks, unread: 100, last: Some(message(OTHER, 120).preview()), ..summary(120) };
        let reply = welcome_with(vec![known.clone()], 1);
        answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), reply);
        client.enter(room(), 0);
        let asked = client.take_frames();
        let of = |is: fn(&Command) -> bool| asked.iter().find(|frame| is(&frame.command)).unwrap().r#ref;
        let view = RoomView {
            summary: known,
            more_before: true,
            ..view((71..=120).map(|n| message(OTHER, n)).collect(), 120)
        };
        let view =
            (of(|command| matches!(command, Command::Open { .. })), Reply::View { view: Box::new(view) });
        let unread = of(|command| matches!(command, Command::History { seq: Seq(10), .. }));
        let page = (unread, page(11..=60, true));
        for (r#ref, reply) in if view_is_first { [view, page] } else { [page, view] } {
            client.receive(ServerFrame::Reply { r#ref, reply }, 10);
        }
        assert!(shown(&client).into_iter().eq(11..=60));
        assert_eq!(line(&client), Some(1));
        client.jump_to_unread(room());
        assert!(!client.take_frames().iter().any(|frame| matches!(frame.command, Command::History { .. })));
    }
}

/// The server draws the room at the first unread message, so nothing is fetched and nothing moves
/// when the page wakes.
#[test]
fn a_page_may_begin_where_the_unread_messages_do() {
    let known = RoomSummary {
        head: Seq(120),
        unread: 99,
        marks: Marks { user: id(ME), delivered: Seq(120), read: Seq(10) },
        last: Some(message(OTHER, 120)),
        ..summary(120)
    };
    let view = RoomView { summary: known.clone(), more_before: true, ..view(Vec::new(), 120) };
    let unread: Vec<Message> = (11..=60).map(|seq| message(OTHER, seq)).collect();
    let page = serde_json::json!({
        "version": protocol::VERSION, "node": "node-1", "epoch": Epoch(Uuid::from_u128(1)), "workspace_name": "Harbour",
        "sign_up": "open", "language": "en", "theme": "system", "zone": [[0, 0]], "now": 0,
        "content": {
            "type": "signed_in", "viewer": user(ME), "person": 0, "workspace": 0, "rooms": [known], "more_rooms": false,
            "people": [], "shown": { "messages": unread, "more_before": true, "more_after": true, "is_unread": true },
            "pane": { "type": "room", "summary": view.summary, "messages": [], "more_before": true, "members": view.members,
                "marks": view.marks, "people": view.people, "through": 120 },
        },
    });
    let mut client = Client::from_page(&roost_json::from_str(&page.to_string()).unwrap());
    assert_eq!(shown(&client), (11..=60).collect::<Vec<_>>());
    assert_eq!(line(&client), Some(1), "below the day");
    let state = client.room(room()).unwrap();
    assert_eq!(state.unread_above(), None);
    assert!(state.timeline.as_ref().unwrap().more_after());
    client.jump_to_unread(room());
    assert_eq!(client.take_frames(), []);
}

#[test]
fn a_page_of_unread_messages_that_touches_the_window_makes_it_longer() {
    let mut client = after_a_long_absence(40);
    client.jump_to_unread(room());
    client.receive(said(OTHER, 121), 10);
    answer(&mut client, 20, |command| matches!(command, Command::History { .. }), page(41..=90, true));
    assert!(shown(&client).into_iter().eq(41..=121));
    assert!(!client.room(room()).unwrap().timeline.as_ref().unwrap().more_after());
    assert_eq!(line(&client), Some(1));
}

#[test]
fn unread_messages_that_cannot_be_fetched_keep_nobody_waiting() {
    let mut client = after_a_long_absence(10);
    client.jump_to_unread(room());
    let asked = client.take_frames().pop().unwrap();
    assert!(matches!(asked.command, Command::History { .. }));
    let refusal = Refusal::new(ErrorCode::Busy);
    client.receive(ServerFrame::Refusal { r#ref: Some(asked.r#ref), refusal }, 10);
    assert_eq!(client.room(room()).unwrap().unread_above(), None);
    assert!(client.take_touched().timelines.contains(&room()));
}

proptest! {
    /// Any order, repetition and loss of events, and then catching up, gives the same timeline.
    #[test]
    fn any_order_repetition_and_loss_then_catch_up_gives_the_same(
        deliveries in prop::collection::vec((4_i64..40, any::<bool>()), 0..120)
    ) {
        let mut client = at_three();
        let mut now = 0;
        for (seq, by_me) in deliveries {
            now += 7;
            let author = if seq % 3 == 0 { ME } else { OTHER };
            if by_me {
                // A server's repair: from 4 up to here.
                let changes = (4..=seq)
                    .map(|s| (Seq(s), Change::Message { message: message(if s % 3 == 0 { ME } else { OTHER }, s) }))
                    .collect();
                client.receive(repaired(3, changes, seq), now);
            } else {
                client.receive(said(author, seq), now);
            }
            let rows = shown(&client);
            prop_assert!(rows.iter().copied().eq(4..4 + rows.len() as i64), "a prefix, always: {rows:?}");
        }
        let after = client.room(room()).unwrap().cursor();
        now += 1_000;
        client.disconnected(now);
        client.connected(now);
        answer(&mut client, now, |command| matches!(command, Command::Hello { .. }), welcome(39, 1));
        let frames = client.take_frames();
        if let Some(frame) = frames.iter().find(|f| matches!(f.command, Command::CatchUp { .. })) {
            let changes = (after.0 + 1..=39)
                .map(|s| (Seq(s), Change::Message { message: message(if s % 3 == 0 { ME } else { OTHER }, s) }))
                .collect();
            client.receive(ServerFrame::Reply { r#ref: frame.r#ref, reply: caught_up(changes, 39) }, now);
        }
        prop_assert!(shown(&client).into_iter().eq(4..=39));
        prop_assert_eq!(client.room(room()).unwrap().cursor(), Seq(39));
    }
}
