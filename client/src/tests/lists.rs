//! The list of rooms: in pages, compared after a reconnect, and by memberships.

use protocol::{RoomsAfter, limits::ROOMS_PAGE};

use super::*;

fn nth(n: u128) -> RoomId {
    RoomId(Uuid::from_u128(10_000 + n))
}

/// Room number `n`. A room with a higher number was last active earlier.
fn listed(n: u128, head: i64) -> RoomSummary {
    let known = summary(head);
    let active_at = 1_000_000 - n as i64;
    RoomSummary { room: Room { id: nth(n), ..known.room.clone() }, active_at, ..known }
}

fn hello(rooms: Vec<RoomSummary>, more: bool, person: i64) -> Reply {
    let Reply::Welcome { me, node, epoch, ping_ms, workspace, people, .. } = welcome(0, 1) else {
        unreachable!()
    };
    Reply::Welcome { me, node, epoch, ping_ms, person: Seq(person), workspace, rooms, more, people }
}

fn connect(client: &mut Client, reply: Reply) {
    client.disconnected(0);
    client.connected(0);
    answer(client, 0, |command| matches!(command, Command::Hello { .. }), reply);
}

/// The questions about rooms that are in flight.
fn asked(client: &mut Client) -> Vec<ClientFrame> {
    let is_asked = |frame: &ClientFrame| {
        matches!(frame.command, Command::ListRooms { .. } | Command::CompareRooms { .. })
    };
    client.take_frames().into_iter().filter(is_asked).collect()
}

fn tell(client: &mut Client, asked: &ClientFrame, rooms: Vec<RoomSummary>, more: bool) {
    let reply = Reply::Rooms { rooms, more, people: Vec::new() };
    client.receive(ServerFrame::Reply { r#ref: asked.r#ref, reply }, 0);
}

/// A client that has the whole list: rooms 0 to 9.
fn with_ten() -> Client {
    let mut client = Client::default();
    client.connected(0);
    let reply = hello((0..10).map(|n| listed(n, 3)).collect(), false, 1);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), reply);
    client.take_frames();
    client
}

fn ids(client: &Client) -> Vec<u128> {
    client.order().iter().map(|room| room.0.as_u128() - 10_000).collect()
}

#[test]
fn a_long_list_comes_one_page_after_the_other() {
    let mut client = Client::default();
    client.connected(0);
    let reply = hello((0..50).map(|n| listed(n, 3)).collect(), true, 1);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), reply);
    for from in [50, 150] {
        let pages = asked(&mut client);
        let after = RoomsAfter { active_at: 1_000_000 - from as i64 + 1, room: nth(from - 1) };
        assert_eq!(pages.len(), 1, "one at a time");
        assert_eq!(pages[0].command, Command::ListRooms { after: Some(after) });
        assert!(!client.has_whole_list());
        tell(&mut client, &pages[0], (from..from + 100).map(|n| listed(n, 3)).collect(), from == 50);
    }
    assert_eq!(asked(&mut client), []);
    assert!(client.has_whole_list() && ids(&client).into_iter().eq(0..250));
}

#[test]
fn the_list_waits_for_the_room_on_the_screen() {
    let mut client = Client::default();
    client.connected(0);
    client.focus(Some(nth(0)), 0);
    answer(&mut client, 0, |c| matches!(c, Command::Hello { .. }), hello(vec![listed(0, 3)], true, 1));
    let frames = client.take_frames();
    assert!(frames.iter().all(|frame| !matches!(frame.command, Command::ListRooms { .. })), "{frames:?}");
    let open = frames.iter().find(|frame| matches!(frame.command, Command::Open { .. })).unwrap();
    let opened = RoomView { summary: listed(0, 3), ..view(Vec::new(), 3) };
    client
        .receive(ServerFrame::Reply { r#ref: open.r#ref, reply: Reply::View { view: Box::new(opened) } }, 0);
    assert_eq!(asked(&mut client).len(), 1);
}

#[test]
fn what_happens_while_the_list_comes_counts_more_than_its_pages() {
    let mut client = Client::default();
    client.connected(0);
    let reply = hello((0..3).map(|n| listed(n, 3)).collect(), true, 1);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), reply);
    let page = asked(&mut client);
    // 4 is left, 9 is joined, and 6 moves to the front of the list, all after the page was read.
    client.receive(membership(2, nth(4), None), 0);
    client.receive(membership(3, nth(9), Some(listed(9, 1))), 0);
    client.receive(told(Line::Room(nth(6)), 4, Change::Message { message: message(OTHER, 4) }), 0);
    tell(&mut client, &page[0], vec![listed(3, 3), listed(4, 3), listed(5, 3)], false);
    let compared = asked(&mut client);
    assert_eq!(compared.len(), 1);
    assert_eq!(compared[0].command, Command::CompareRooms { known: vec![(nth(6), Seq(0))] });
    tell(&mut client, &compared[0], vec![listed(6, 4)], false);
    assert_eq!(ids(&client), [0, 1, 2, 3, 5, 6, 9]);
    assert_eq!(asked(&mut client), []);
}

#[test]
fn after_a_reconnect_only_what_may_differ_is_asked_for_and_nothing_is_dropped() {
    let mut client = with_ten();
    let mut unread = listed(7, 3);
    unread.unread = 2;
    client.receive(membership(2, nth(7), Some(unread)), 0);
    connect(&mut client, hello((0..2).map(|n| listed(n, 3)).collect(), true, 2));
    assert_eq!(ids(&client).len(), 10, "what welcome does not name stays");
    let compared = asked(&mut client);
    assert_eq!(compared.len(), 1, "and the list does not come again");
    // 7 is unread: it may have been read elsewhere, which does not move its head.
    let expected = (2..10).map(|n| (nth(n), Seq(if n == 7 { 0 } else { 3 }))).collect();
    assert_eq!(compared[0].command, Command::CompareRooms { known: expected });
    tell(&mut client, &compared[0], vec![listed(3, 8), listed(7, 3)], false);
    assert_eq!(client.room(nth(3)).unwrap().cursor(), Seq(8));
    assert_eq!((ids(&client).len(), client.unread()), (10, 0));
}

#[test]
fn many_rooms_are_compared_a_page_at_a_time_and_a_lost_question_is_asked_again() {
    let mut client = Client::default();
    client.connected(0);
    let reply = hello((0..250).map(|n| listed(n, 3)).collect(), false, 1);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), reply);
    client.take_frames();
    let mut seen = Vec::new();
    connect(&mut client, hello(Vec::new(), true, 1));
    for turn in 0..4 {
        let compared = asked(&mut client);
        assert_eq!(compared.len(), 1);
        if turn == 0 {
            connect(&mut client, hello(Vec::new(), true, 1));
            continue;
        }
        let Command::CompareRooms { known } = &compared[0].command else { panic!("{compared:?}") };
        assert!(known.len() <= ROOMS_PAGE);
        seen.extend(known.iter().map(|(room, _)| *room));
        tell(&mut client, &compared[0], Vec::new(), false);
    }
    assert_eq!((asked(&mut client), seen.len(), ids(&client).len()), (Vec::new(), 250, 250));
}

#[test]
fn memberships_that_were_missed_come_with_ones_own_line() {
    let mut client = with_ten();
    connect(&mut client, hello((0..2).map(|n| listed(n, 3)).collect(), true, 4));
    let is_mine =
        |command: &Command| *command == Command::CatchUp { line: Line::Person(id(ME)), after: Seq(1) };
    let joined = Change::Membership { room: nth(20), summary: Some(Box::new(listed(20, 5))) };
    let left = Change::Membership { room: nth(8), summary: None };
    let (line, changes) = (Line::Person(id(ME)), vec![(Seq(3), left), (Seq(4), joined)]);
    let reply = Reply::Changes { line, changes, through: Seq(4), more: false, people: Vec::new() };
    answer(&mut client, 0, is_mine, reply);
    assert_eq!(ids(&client), [0, 1, 2, 3, 4, 5, 6, 7, 9, 20]);
    assert_eq!(client.person_cursor(), Seq(4));
}

#[test]
fn where_ones_own_line_went_back_the_whole_list_is_fetched_and_what_is_not_in_it_goes() {
    let mut client = with_ten();
    client.receive(membership(2, nth(30), Some(listed(30, 2))), 0);
    client.take_frames();
    connect(&mut client, hello((0..2).map(|n| listed(n, 3)).collect(), true, 1));
    let page = asked(&mut client);
    assert!(matches!(page[0].command, Command::ListRooms { .. }));
    assert_eq!(ids(&client).len(), 11, "not before the list is whole");
    tell(&mut client, &page[0], (2..10).map(|n| listed(n, 3)).collect(), false);
    let compared = asked(&mut client);
    assert_eq!(compared[0].command, Command::CompareRooms { known: vec![(nth(30), Seq(0))] });
    tell(&mut client, &compared[0], Vec::new(), false);
    assert!(ids(&client).into_iter().eq(0..10));
    assert_eq!(client.person_cursor(), Seq(1));
}

#[test]
fn a_room_that_one_was_removed_from_is_gone_with_everything_that_was_known_of_it() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 0);
    client.receive(said(OTHER, 9), 0);
    client.take_frames();
    client.take_touched();
    client.receive(membership(2, room(), None), 10);
    let touched = client.take_touched();
    assert!(client.room(room()).is_none() && touched.list && touched.rooms.contains(&room()));
    client.tick(5_000);
    assert_eq!(client.take_frames(), [], "no marks, no holes");
    // When the viewer rejoins, the room is opened anew, because it is still on the screen.
    client.receive(membership(3, room(), Some(summary(12))), 6_000);
    assert!(client.take_frames().iter().any(|f| f.command == Command::Open { room: room() }));
}

/// The server read the view while the viewer was still in the room, and it arrives after the event
/// of their removal.
#[test]
fn what_was_asked_of_a_room_before_one_was_removed_does_not_bring_it_back() {
    let mut client = at_three();
    client.jump_to_newest(room());
    client.load_more(room(), Direction::Before);
    let asked = client.take_frames();
    client.receive(membership(2, room(), None), 10);
    for frame in asked {
        let view = Box::new(view(Vec::new(), 3));
        client.receive(ServerFrame::Reply { r#ref: frame.r#ref, reply: Reply::View { view } }, 20);
    }
    assert!(client.room(room()).is_none());
}

#[test]
fn what_another_device_read_of_a_room_that_is_not_open_is_asked_for_and_not_too_often() {
    let mut client = with_ten();
    for seq in 4..=9 {
        client.receive(told(Line::Room(nth(5)), seq, Change::Message { message: message(OTHER, seq) }), 0);
    }
    assert_eq!(client.unread(), 6);
    let read = |seq| {
        let marks = Marks { user: id(ME), delivered: Seq(9), read: Seq(seq) };
        ServerFrame::Event { event: Event::Marks { room: nth(5), marks } }
    };
    client.receive(read(6), 100);
    let compared = asked(&mut client);
    assert_eq!(compared.len(), 1);
    assert_eq!(compared[0].command, Command::CompareRooms { known: vec![(nth(5), Seq(0))] });
    let counted = |read, unread| {
        let marks = Marks { user: id(ME), delivered: Seq(9), read: Seq(read) };
        let last = Some(message(OTHER, 9).preview());
        RoomSummary { marks, unread, last, ..listed(5, 9) }
    };
    tell(&mut client, &compared[0], vec![counted(6, 3)], false);
    assert_eq!(client.unread(), 3);
    client.receive(read(7), 200);
    client.receive(read(8), 300);
    assert_eq!(asked(&mut client), [], "at most every two seconds");
    client.tick(2_200);
    let compared = asked(&mut client);
    tell(&mut client, &compared[0], vec![counted(8, 1)], false);
    assert_eq!(client.unread(), 1);
    client.receive(read(9), 3_000);
    client.tick(9_000);
    assert_eq!((client.unread(), asked(&mut client)), (0, Vec::new()), "all is read: no question is left");
}

#[test]
fn a_list_that_is_refused_is_asked_for_again_later() {
    let mut client = Client::default();
    client.connected(0);
    answer(&mut client, 0, |c| matches!(c, Command::Hello { .. }), hello(vec![listed(0, 3)], true, 1));
    for (code, at, again) in [(ErrorCode::Busy, 0, 1_000), (ErrorCode::UnknownCommand, 1_000, 31_000)] {
        let page = asked(&mut client);
        let refusal = Refusal::new(code);
        client.receive(ServerFrame::Refusal { r#ref: Some(page[0].r#ref), refusal }, at);
        client.tick(again - 1);
        assert_eq!(asked(&mut client), []);
        client.tick(again);
    }
    assert_eq!(asked(&mut client).len(), 1);
}

#[test]
fn rooms_that_may_be_opened_next_are_fetched_once_and_one_at_a_time() {
    let mut client = with_ten();
    let opens = |client: &mut Client| -> Vec<ClientFrame> {
        let is_open = |frame: &ClientFrame| matches!(frame.command, Command::Open { .. });
        client.take_frames().into_iter().filter(is_open).collect()
    };
    client.look_ahead(nth(1), 0);
    let mut asked = opens(&mut client);
    // The pointer moves on, and back.
    for n in [1, 2, 3, 2] {
        client.look_ahead(nth(n), 0);
    }
    assert_eq!(opens(&mut client), [], "the first one is on its way");
    for n in [1, 2, 3] {
        assert_eq!(
            asked.iter().map(|frame| &frame.command).collect::<Vec<_>>(),
            [&Command::Open { room: nth(n) }]
        );
        let view = Box::new(RoomView { summary: listed(n, 3), ..view(Vec::new(), 3) });
        client.receive(ServerFrame::Reply { r#ref: asked[0].r#ref, reply: Reply::View { view } }, 0);
        asked = opens(&mut client);
    }
    assert_eq!(asked, []);
    // Neither known rooms nor unknown ids are requested.
    client.look_ahead(nth(1), 0);
    client.focus(Some(nth(2)), 0);
    client.look_ahead(nth(99), 0);
    assert_eq!(opens(&mut client), []);
}
