//! Profiles, pins, and others' reactions.

use protocol::{Pin, Reaction, UserReaction};

use protocol::WorkspaceRole;

use super::*;

fn renamed(n: u128, name: &str, rev: i64) -> User {
    User { name: name.to_owned(), rev: Seq(rev), ..user(n) }
}

fn profile(seq: i64, user: User) -> ServerFrame {
    let change = Change::Profile { user };
    let people = Vec::new();
    ServerFrame::Event { event: Event::Change { line: Line::Workspace, seq: Seq(seq), change, people } }
}

fn reacted(seq: i64, message: i64, user: u128, on: bool) -> ServerFrame {
    let change = Change::Reaction { message: Seq(message), emoji: "👍".to_owned(), user: id(user), on };
    let people = Vec::new();
    ServerFrame::Event { event: Event::Change { line: Line::Room(room()), seq: Seq(seq), change, people } }
}

fn pin(message: i64, on: bool, rev: i64) -> Pin {
    Pin { message: Seq(message), by: id(OTHER), at: 0, on, rev: Seq(rev) }
}

fn name(client: &Client, n: u128) -> String {
    client.user(id(n)).unwrap().name.clone()
}

#[test]
fn a_new_name_is_everywhere_and_an_older_profile_changes_nothing() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 0);
    let stamp = |client: &Client| rows(client, room(), protocol::Zone::default()).last().unwrap().stamp();
    let before = stamp(&client);
    client.take_touched();
    client.receive(profile(1, renamed(OTHER, "Bea", 1)), 10);
    assert!(client.take_touched().names);
    assert_eq!(row(&client, 4).author.name, "Bea");
    assert_ne!(stamp(&client), before, "the row is drawn anew");
    // Its frame was made before the change.
    client.receive(said(OTHER, 5), 20);
    assert_eq!(name(&client, OTHER), "Bea");
    assert!(!client.take_touched().names);
    client.receive(profile(2, renamed(ME, "Ana", 2)), 30);
    assert_eq!(client.me().unwrap().name, "Ana");
}

/// What the page offers depends on it, so it is redrawn.
#[test]
fn a_new_role_in_the_workspace_is_news() {
    let mut client = at_three();
    client.receive(profile(1, renamed(ME, "Me", 1)), 10);
    client.take_touched();
    let guest = User { role: WorkspaceRole::Guest, ..renamed(ME, "Me", 2) };
    client.receive(profile(2, guest), 11);
    assert!(client.take_touched().names);
    assert_eq!(client.me().map(|me| me.role), Some(WorkspaceRole::Guest));
}

#[test]
fn a_new_picture_is_everywhere() {
    let mut client = at_three();
    client.receive(profile(1, renamed(OTHER, "Bea", 1)), 10);
    client.receive(said(OTHER, 4), 0);
    let stamp = |client: &Client| rows(client, room(), protocol::Zone::default()).last().unwrap().stamp();
    let before = stamp(&client);
    client.take_touched();
    let picture = Some(protocol::PictureId(uuid::Uuid::from_u128(7)));
    client.receive(profile(2, User { picture, ..renamed(OTHER, "Bea", 2) }), 11);
    assert!(client.take_touched().names);
    assert_ne!(stamp(&client), before, "the row is drawn anew");
}

#[test]
fn a_hole_in_the_workspaces_line_is_asked_for() {
    let mut client = at_three();
    client.receive(profile(2, renamed(OTHER, "Bea", 2)), 10);
    assert_eq!(name(&client, OTHER), "User 2");
    client.tick(600);
    let is_asked = |command: &Command| *command == Command::CatchUp { line: Line::Workspace, after: Seq(0) };
    let changes = vec![(Seq(1), Change::Profile { user: renamed(ME, "Ana", 1) })];
    let (line, through) = (Line::Workspace, Seq(1));
    let reply = Reply::Changes { line, changes, through, more: false, people: Vec::new() };
    answer(&mut client, 700, is_asked, reply);
    assert_eq!((name(&client, ME), name(&client, OTHER)), ("Ana".to_owned(), "Bea".to_owned()));
}

#[test]
fn somebody_unknown_is_asked_for_once_with_the_others() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 0);
    let asked = |client: &mut Client| {
        let frames = client.take_frames().into_iter();
        let people = frames.filter_map(|frame| {
            if let Command::People { users } = frame.command { Some((frame.r#ref, users)) } else { None }
        });
        people.collect::<Vec<_>>()
    };
    client.receive(reacted(5, 4, 30, true), 10);
    client.receive(reacted(6, 4, 31, true), 20);
    client.receive(reacted(7, 4, 32, true), 20);
    let first = asked(&mut client);
    assert_eq!(first.iter().map(|(_, users)| users.clone()).collect::<Vec<_>>(), [vec![id(30)]]);
    let reply = Reply::Users { users: vec![user(30)] };
    client.take_touched();
    client.receive(ServerFrame::Reply { r#ref: first[0].0, reply }, 30);
    assert!(client.take_touched().names);
    let second = asked(&mut client);
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].1, [id(31), id(32)]);
    // Nobody knows 32.
    let reply = Reply::Users { users: vec![user(31)] };
    client.receive(ServerFrame::Reply { r#ref: second[0].0, reply }, 40);
    client.receive(reacted(8, 4, 32, false), 50);
    client.tick(60_000);
    assert_eq!(asked(&mut client), []);
    assert_eq!(row(&client, 4).reactions[0].users, [id(30), id(31)]);
}

/// The answer to a catch-up leaves out the user of a reaction, as its event does.
#[test]
fn somebody_unknown_who_reacted_while_one_was_away_is_asked_for() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 0);
    client.disconnected(1);
    client.connected(1);
    answer(&mut client, 1, |command| matches!(command, Command::Hello { .. }), welcome(5, 1));
    let change = Change::Reaction { message: Seq(4), emoji: "👍".to_owned(), user: id(30), on: true };
    let catch_up = Command::CatchUp { line: Line::Room(room()), after: Seq(4) };
    answer(&mut client, 1, |command| *command == catch_up, caught_up(vec![(Seq(5), change)], 5));
    let people = Command::People { users: vec![id(30)] };
    assert!(client.take_frames().iter().any(|frame| frame.command == people));
}

#[test]
fn those_whom_nothing_names_are_forgotten() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 0);
    let crowd = (100..4_200).map(user).collect();
    let request = client.request(Command::FindUsers { query: String::new() });
    client.receive(ServerFrame::Reply { r#ref: request, reply: Reply::Users { users: crowd } }, 0);
    assert!(client.user(id(101)).is_none());
    assert_eq!((name(&client, ME), name(&client, OTHER)), ("User 1".to_owned(), "User 2".to_owned()));
}

#[test]
fn a_page_that_was_read_before_a_reaction_does_not_bring_the_old_state_back() {
    let mut client = after_a_long_absence(120);
    client.load_more(room(), Direction::Before);
    client.receive(reacted(121, 60, OTHER, true), 10);
    client.receive(reacted(122, 61, OTHER, true), 10);
    client.receive(reacted(123, 61, OTHER, false), 10);
    answer(&mut client, 20, |command| matches!(command, Command::History { .. }), page(21..=70, true));
    let expected = [Reaction { emoji: "👍".to_owned(), users: vec![UserReaction(id(OTHER), Seq(121))] }];
    let state = client.room(room()).unwrap();
    assert_eq!(state.message(Seq(60)).unwrap().reactions, expected);
    assert_eq!(state.message(Seq(61)).unwrap().reactions, []);
}

#[test]
fn what_is_pinned_is_known_by_event_and_by_answer_and_ends_with_the_message() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 0);
    client.receive(said(OTHER, 5), 0);
    let pinned = |client: &Client| {
        let state = client.room(room()).unwrap();
        state.pins().iter().map(|pin| pin.message.0).collect::<Vec<_>>()
    };
    client.receive(changed(6, Change::Pin { pin: pin(4, true, 6) }), 0);
    client.request(Command::Pin { room: room(), seq: Seq(5), on: true });
    let (line, change) = (Line::Room(room()), Change::Pin { pin: pin(5, true, 7) });
    answer(
        &mut client,
        0,
        |c| matches!(c, Command::Pin { .. }),
        Reply::Changed { line, seq: Seq(7), change: change.clone() },
    );
    assert_eq!(pinned(&client), [5, 4], "the last pinned first");
    assert!(row(&client, 5).pinned);
    client.receive(changed(7, change), 0);
    client.receive(changed(8, Change::Pin { pin: pin(4, false, 8) }), 0);
    assert_eq!(pinned(&client), [5]);
    let deleted = Message { rev: Seq(9), deleted: true, body: String::new(), ..message(OTHER, 5) };
    client.receive(changed(9, Change::Message { message: deleted }), 0);
    assert_eq!(pinned(&client), [0_i64; 0]);
}

#[test]
fn the_texts_of_what_is_pinned_stay_up_to_date() {
    let mut client = after_a_long_absence(120);
    client.receive(changed(121, Change::Pin { pin: pin(10, true, 121) }), 0);
    client.request(Command::Pinned { room: room() });
    let (messages, people) = (vec![message(OTHER, 10)], vec![user(OTHER)]);
    let reply = Reply::Pinned { room: room(), messages, people };
    answer(&mut client, 0, |command| matches!(command, Command::Pinned { .. }), reply);
    let edited = Message { rev: Seq(122), edits: 1, body: "edited".to_owned(), ..message(OTHER, 10) };
    client.receive(changed(122, Change::Message { message: edited }), 10);
    assert_eq!(client.room(room()).unwrap().pinned[&Seq(10)].body, "edited");
    let mut afresh = client.room(room()).unwrap().clone();
    let views = afresh.views;
    afresh.open(view(vec![message(OTHER, 300)], 300));
    assert!(afresh.pinned.is_empty(), "it may have changed again, unseen");
    assert_eq!(afresh.views, views + 1, "so that it is fetched again");
    client.receive(changed(123, Change::Pin { pin: pin(10, false, 123) }), 20);
    assert!(client.room(room()).unwrap().pinned.is_empty());
}

#[test]
fn ones_own_message_moves_ones_own_read_mark_unless_something_above_is_unread() {
    let mut client = at_three();
    let reads = |client: &mut Client, now| {
        client.tick(now);
        let frames = client.take_frames().into_iter();
        let read = |frame: ClientFrame| {
            if let Command::Read { seq, .. } = frame.command { Some(seq) } else { None }
        };
        frames.filter_map(read).collect::<Vec<_>>()
    };
    client.receive(said(ME, 4), 0);
    assert_eq!((client.unread(), reads(&mut client, 2_000)), (0, vec![Seq(4)]), "the server is told");
    // Messages written offline may arrive after messages that the user has not seen.
    client.receive(said(OTHER, 5), 3_000);
    client.receive(said(ME, 6), 3_000);
    assert_eq!((client.unread(), reads(&mut client, 5_000)), (1, vec![]));
    assert_eq!(client.room(room()).unwrap().summary.marks.read, Seq(4));
}

#[test]
fn a_message_that_is_deleted_before_it_was_read_is_not_counted() {
    // Also in a room that has not been opened.
    for opened in [true, false] {
        let mut client = if opened { at_three() } else { listed() };
        for seq in 4..=6 {
            client.receive(said(OTHER, seq), 0);
        }
        let deleted = |seq, rev| {
            let gone = Message { rev: Seq(rev), deleted: true, body: String::new(), ..message(OTHER, seq) };
            changed(rev, Change::Message { message: gone })
        };
        client.receive(deleted(5, 7), 10);
        assert_eq!(client.unread(), 2);
        client.receive(deleted(5, 7), 10);
        client.receive(deleted(2, 8), 10);
        assert_eq!(client.unread(), 2, "2 had been read");
    }
}

#[test]
fn nobody_is_told_in_a_large_room_what_has_been_delivered() {
    let mut client = Client::default();
    client.connected(0);
    let large = RoomSummary { members: 101, ..summary(3) };
    answer(&mut client, 0, |c| matches!(c, Command::Hello { .. }), welcome_with(vec![large], 1));
    client.receive(said(OTHER, 4), 0);
    client.tick(5_000);
    let tells = |frame: &ClientFrame| matches!(frame.command, Command::Delivered { .. });
    assert!(!client.take_frames().iter().any(tells));
}

fn listed() -> Client {
    let mut client = Client::default();
    client.connected(0);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), welcome(3, 1));
    client
}

fn group(name: &str, rev: i64) -> User {
    User { name: name.to_owned(), group: Some(2), rev: Seq(rev), ..user(900) }
}

fn in_group(seq: i64, on: bool) -> ServerFrame {
    let in_group = protocol::InGroup { group: id(900), on, rev: Seq(seq) };
    told(Line::Person(id(ME)), seq, Change::InGroup { in_group })
}

fn to_group(seq: i64) -> ServerFrame {
    let mentions = vec![protocol::Mention("design".to_owned(), Some(id(900)))];
    changed(seq, Change::Message { message: Message { mentions, ..message(OTHER, seq) } })
}

fn personal() -> Reply {
    let (line, through) = (Line::Person(id(ME)), Seq(1));
    Reply::Changes { line, changes: Vec::new(), through, more: false, people: Vec::new() }
}

/// A mention counts for the groups that the viewer is in now, also one that came before they were added.
#[test]
fn a_group_means_who_is_in_it_now() {
    let mut client = Client::default();
    client.connected(0);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), welcome(3, 1));
    client.focus(Some(room()), 0);
    let frames = client.take_frames();
    let number = |is: fn(&Command) -> bool| frames.iter().find(|frame| is(&frame.command)).unwrap().r#ref;
    let reply = Reply::View { view: Box::new(view(Vec::new(), 3)) };
    let r#ref = number(|command| matches!(command, Command::Open { .. }));
    client.receive(ServerFrame::Reply { r#ref, reply }, 0);
    client.receive(to_group(4), 0);
    assert!(client.room(room()).unwrap().is_miscounted(), "only the server knows");
    let r#ref = number(|command| matches!(command, Command::Personal {}));
    client.receive(ServerFrame::Reply { r#ref, reply: personal() }, 1_000);
    let mentions = |client: &Client| client.room(room()).unwrap().summary.mentions;
    assert_eq!((mentions(&client), client.room(room()).unwrap().is_miscounted()), (0, false));
    assert!(!row(&client, 4).mentions[0].to_me);
    client.receive(in_group(2, true), 1_100);
    assert_eq!(mentions(&client), 1);
    assert!(row(&client, 4).mentions[0].to_me && client.is_meant(id(900)));
    client.receive(to_group(5), 1_200);
    assert_eq!(mentions(&client), 2);
    client.receive(in_group(3, false), 1_300);
    assert_eq!(mentions(&client), 0);
    assert!(!row(&client, 4).mentions[0].to_me);
}

/// Where the window does not suffice, the server is asked.
#[test]
fn counts_of_rooms_that_are_only_listed_are_asked_for_after_another_group() {
    let mut client = Client::default();
    client.connected(0);
    let (last, marks) = (Some(message(OTHER, 3)), Marks { read: Seq(0), ..summary(3).marks });
    let listed = RoomSummary { unread: 3, mentions: 1, last, marks, ..summary(3) };
    let welcome = welcome_with(vec![listed], 1);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), welcome);
    answer(&mut client, 0, |command| matches!(command, Command::Personal {}), personal());
    assert!(!client.room(room()).unwrap().is_miscounted(), "the count came from the server");
    client.receive(in_group(2, true), 1_100);
    assert!(client.room(room()).unwrap().is_miscounted());
    assert_eq!(client.room(room()).unwrap().summary.mentions, 1, "as long as nothing better is known");
}

#[test]
fn a_new_title_of_a_group_is_news_and_a_deleted_one_has_no_name() {
    let mut client = at_three();
    let event = profile(1, group("Design", 1));
    client.receive(event, 0);
    client.receive(to_group(4), 1);
    let shown = |client: &Client| row(client, 4).mentions[0].user.clone().unwrap().name.clone();
    assert_eq!((shown(&client), client.people().groups().count()), ("Design".to_owned(), 1));
    client.take_touched();
    client.receive(profile(2, group("Art", 2)), 2);
    assert!(client.take_touched().names);
    assert_eq!(shown(&client), "Art");
    client.receive(profile(3, User { handle: String::new(), ..group("", 3) }), 3);
    assert_eq!((shown(&client), client.people().groups().count()), (String::new(), 0));
}
