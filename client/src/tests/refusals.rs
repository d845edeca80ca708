//! Temporary refusals.

use std::collections::BTreeSet;

use super::*;

/// A greeted client in this many rooms, all of which have moved while it was away.
fn behind_in(rooms: u128) -> Client {
    let mut client = Client::default();
    let summaries = |head: i64| -> Vec<RoomSummary> {
        let numbered = |n| {
            let mut summary = summary(head);
            summary.room.id = RoomId(Uuid::from_u128(10_000 + n));
            summary
        };
        (0..rooms).map(numbered).collect()
    };
    let welcome = |head| welcome_with(summaries(head), 1);
    client.connected(0);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), welcome(3));
    for summary in summaries(3) {
        let mut view = view(vec![message(OTHER, 3)], 3);
        view.summary = summary.clone();
        client.focus(Some(summary.room.id), 0);
        answer(
            &mut client,
            0,
            |command| matches!(command, Command::Open { .. }),
            Reply::View { view: Box::new(view) },
        );
    }
    client.disconnected(1);
    client.connected(1);
    answer(&mut client, 1, |command| matches!(command, Command::Hello { .. }), welcome(4));
    client
}

fn slow_down(client: &mut Client, r#ref: u32, retry_ms: u32, now: i64) {
    let refusal = Refusal::new(ErrorCode::SlowDown).retry_ms(retry_ms);
    client.receive(ServerFrame::Refusal { r#ref: Some(r#ref), refusal }, now);
}

/// The server answers ten catch-ups at once, and ten per second after that. In the end everything
/// is caught up, and the client has asked less than five times as often as it was answered.
#[test]
fn a_client_that_is_too_fast_for_its_budget_does_not_hammer() {
    const ROOMS: u128 = 200;
    let mut client = behind_in(ROOMS);
    let (mut budget, mut asked, mut answered) = (10_i64, 0, BTreeSet::new());
    let mut now = 1;
    while answered.len() < ROOMS as usize {
        for frame in client.take_frames() {
            let Command::CatchUp { line, .. } = frame.command else { continue };
            asked += 1;
            if budget > 0 {
                budget -= 1;
                answered.insert(line);
                let (changes, people) = (Vec::new(), Vec::new());
                let reply = Reply::Changes { line, changes, through: Seq(4), more: false, people };
                client.receive(ServerFrame::Reply { r#ref: frame.r#ref, reply }, now);
            } else {
                slow_down(&mut client, frame.r#ref, 100, now);
            }
        }
        now += 100;
        budget += 1;
        client.tick(now);
        assert!(now < 60_000, "{} of {ROOMS}", answered.len());
    }
    assert!(asked < 5 * ROOMS, "{asked} questions for {ROOMS} answers");
}

/// After the server has said «later», the client requests nothing on its own until then.
#[test]
fn one_refusal_speaks_for_all_rooms() {
    let mut client = behind_in(40);
    let frames = client.take_frames();
    let catch_ups = frames.iter().filter(|frame| matches!(frame.command, Command::CatchUp { .. }));
    for frame in catch_ups {
        slow_down(&mut client, frame.r#ref, 3_000, 10);
    }
    drop(client.take_frames());
    client.tick(3_009);
    assert!(!client.take_frames().iter().any(|frame| matches!(frame.command, Command::CatchUp { .. })));
    client.tick(3_010);
    let again = client.take_frames();
    let again = again.iter().filter(|frame| matches!(frame.command, Command::CatchUp { .. })).count();
    assert_eq!(
        again, 30,
        "with the members of the open room, and what the viewer saved, 32 are on their way"
    );
}

#[test]
fn marks_that_were_refused_for_now_are_sent_again_and_not_lost() {
    let mut client = at_three();
    drop(client.take_frames());
    client.receive(said(OTHER, 4), 5_000);
    let marks = |client: &mut Client| -> Vec<(u32, Command)> {
        let frames = client.take_frames().into_iter();
        let is_mark = |command: &Command| matches!(command, Command::Delivered { .. } | Command::Read { .. });
        frames.filter(|frame| is_mark(&frame.command)).map(|frame| (frame.r#ref, frame.command)).collect()
    };
    let first = marks(&mut client);
    assert_eq!(first.len(), 1, "{first:?}");
    slow_down(&mut client, first[0].0, 2_500, 5_000);
    client.tick(7_499);
    assert!(marks(&mut client).is_empty());
    client.tick(7_500);
    let again = marks(&mut client);
    assert_eq!(again.iter().map(|(_, command)| command).collect::<Vec<_>>(), [&first[0].1]);
}

#[test]
fn a_page_that_was_refused_for_now_is_asked_for_again_once() {
    let mut client = after_a_long_absence(100);
    drop(client.take_frames());
    let pages = |client: &mut Client| -> Vec<u32> {
        let frames = client.take_frames().into_iter();
        frames.filter(|f| matches!(f.command, Command::History { .. })).map(|f| f.r#ref).collect()
    };
    client.load_more(room(), Direction::Before);
    let first = pages(&mut client);
    assert_eq!(first.len(), 1);
    slow_down(&mut client, first[0], 2_000, 100_000);
    assert!(client.is_loading(room(), Direction::Before), "the interface shows that it comes");
    client.load_more(room(), Direction::Before);
    client.tick(101_999);
    assert!(pages(&mut client).is_empty());
    client.tick(102_000);
    assert_eq!(pages(&mut client).len(), 1);
}

#[test]
fn a_request_that_came_too_fast_waits_by_itself_but_not_for_ever() {
    let mut client = at_three();
    drop(client.take_frames());
    let request = client.request(react("👍", true));
    for at in [1_000, 2_000, 3_000] {
        let frames = client.take_frames();
        assert_eq!(frames.iter().map(|frame| frame.r#ref).collect::<Vec<_>>(), [request], "{at}");
        slow_down(&mut client, request, 400, at);
        client.tick(at + 399);
        assert!(client.take_frames().is_empty() && client.take_answers().is_empty());
        client.tick(at + 400);
    }
    drop(client.take_frames());
    slow_down(&mut client, request, 400, 4_000);
    let answers = client.take_answers();
    assert!(
        matches!(&answers[..], [answer] if answer.request == request && answer.result.is_err()),
        "{answers:?}"
    );
    // If the wait is long, the user is told.
    let request = client.request(react("👍", true));
    drop(client.take_frames());
    slow_down(&mut client, request, 30_000, 5_000);
    assert_eq!(client.take_answers().len(), 1);
}

/// The server works on a `hello` for up to ten seconds. A client that gives up sooner would repeat
/// the most expensive question for nothing.
#[test]
fn a_welcome_is_waited_for_longer_than_the_server_works_on_it_and_longer_each_time() {
    let server_ms = i64::from(protocol::limits::COMMAND_MS);
    let mut client = Client::default();
    let mut now = 0;
    for wait_ms in [20_000, 40_000, 80_000, 80_000] {
        client.connected(now);
        assert!(!client.is_dead(now + server_ms + 5_000));
        assert!(!client.is_dead(now + wait_ms));
        now += wait_ms + 1;
        assert!(client.is_dead(now));
        client.disconnected(now);
    }
    // A socket that merely broke says nothing about the server's speed.
    client.connected(now);
    client.disconnected(now + 1);
    client.connected(now);
    answer(&mut client, now, |command| matches!(command, Command::Hello { .. }), welcome(3, 1));
    client.disconnected(now);
    client.connected(now);
    assert!(client.is_dead(now + 20_001), "after a welcome it begins anew");
}

#[test]
fn who_was_not_greeted_comes_back_when_the_server_said() {
    let mut client = Client::default();
    client.connected(0);
    let r#ref = client.take_frames()[0].r#ref;
    let refusal = Refusal::new(ErrorCode::Busy).retry_ms(2_000);
    client.receive(ServerFrame::Refusal { r#ref: Some(r#ref), refusal }, 10);
    client.disconnected(20);
    assert_eq!(client.retry_ms(), 2_000);
    client.connected(3_000);
    assert_eq!(client.retry_ms(), 0);
}

#[test]
fn many_marks_go_some_at_a_time_and_all_of_them_go() {
    let rooms: Vec<RoomId> = (0..200).map(|n| RoomId(Uuid::from_u128(10_000 + n))).collect();
    let known = |room: &RoomId| RoomSummary { room: Room { id: *room, ..summary(3).room }, ..summary(3) };
    let mut client = Client::default();
    client.connected(0);
    let reply = welcome_with(rooms.iter().map(known).collect(), 1);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), reply);
    for room in &rooms {
        client.receive(told(Line::Room(*room), 4, Change::Message { message: message(OTHER, 4) }), 0);
    }
    let mut delivered = BTreeSet::new();
    for expected in [64, 128, 192, 200] {
        let mut frames = client.take_frames();
        frames.retain(|frame| frame.command != Command::Personal {});
        for frame in &frames {
            let Command::Delivered { room, seq: Seq(4) } = frame.command else { panic!("{frame:?}") };
            assert!(delivered.insert(room), "once");
        }
        assert_eq!(delivered.len(), expected);
        for frame in frames {
            client.receive(ServerFrame::Reply { r#ref: frame.r#ref, reply: Reply::Done {} }, 0);
        }
    }
    assert_eq!(client.take_frames(), []);
}

/// The list uses the same budget as everything else that a client requests on its own.
#[test]
fn a_page_of_the_list_that_came_too_fast_waits_as_long_as_the_server_says() {
    let mut client = Client::default();
    client.connected(0);
    let Reply::Welcome { me, node, epoch, ping_ms, person, workspace, rooms, people, .. } = welcome(3, 1)
    else {
        unreachable!()
    };
    let reply = Reply::Welcome { me, node, epoch, ping_ms, person, workspace, rooms, more: true, people };
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), reply);
    let pages = |client: &mut Client| -> Vec<u32> {
        let frames = client.take_frames().into_iter();
        frames.filter(|f| matches!(f.command, Command::ListRooms { .. })).map(|f| f.r#ref).collect()
    };
    let first = pages(&mut client);
    assert_eq!(first.len(), 1);
    slow_down(&mut client, first[0], 4_000, 0);
    client.tick(3_999);
    assert_eq!(pages(&mut client), [0_u32; 0]);
    client.tick(4_000);
    client.tick(4_001);
    assert_eq!(pages(&mut client).len(), 1);
}

/// Another thread was opened before the server said that the first one is not there.
#[test]
fn a_thread_that_is_not_there_says_nothing_about_the_next_one() {
    let mut client = at_three();
    client.open_thread(room(), Some(Seq(9)), 10);
    let frames = client.take_frames();
    client.open_thread(room(), Some(Seq(2)), 20);
    let refusal = Refusal::new(ErrorCode::MessageUnknown);
    client.receive(ServerFrame::Refusal { r#ref: Some(frames[0].r#ref), refusal }, 30);
    let asked = client.take_frames();
    let is_asked = |frame: &ClientFrame| matches!(frame.command, Command::Thread { root: Seq(2), .. });
    assert!(asked.iter().any(is_asked), "{asked:?}");
}
