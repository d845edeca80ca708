//! Saved and scheduled messages: when they are requested, and what is shown meanwhile.

use protocol::Saved;

use super::*;

fn saved(message: i64, rev: i64) -> Saved {
    let (room, remind_at) = (room(), None);
    Saved { room, message: Seq(message), at: message, remind_at, due: false, on: true, rev: Seq(rev) }
}

fn told_of(seq: i64, change: Change) -> ServerFrame {
    let line = Line::Person(id(ME));
    ServerFrame::Event { event: Event::Change { line, seq: Seq(seq), change, people: Vec::new() } }
}

fn is_personal(command: &Command) -> bool {
    matches!(command, Command::Personal {})
}

fn asked(client: &mut Client) -> usize {
    client.take_frames().iter().filter(|frame| is_personal(&frame.command)).count()
}

/// Connected, with one saved message; the person's line is at 1.
fn with_one() -> Client {
    let mut client = Client::default();
    client.connected(0);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), welcome(3, 1));
    let changes = vec![(Seq(1), Change::Saved { saved: saved(3, 1) })];
    let (line, through) = (Line::Person(id(ME)), Seq(1));
    let reply = Reply::Changes { line, changes, through, more: false, people: Vec::new() };
    answer(&mut client, 0, is_personal, reply);
    client.take_frames();
    client
}

fn shown(client: &Client) -> Vec<i64> {
    client.personal().saved().into_iter().map(|saved| saved.message.0).collect()
}

#[test]
fn it_is_asked_for_once_and_then_told_by_the_line() {
    let mut client = with_one();
    client.take_touched();
    client.receive(told_of(2, Change::Saved { saved: saved(2, 2) }), 10);
    assert_eq!(shown(&client), [3, 2]);
    assert!(client.take_touched().personal);
    client.disconnected(20);
    client.connected(30);
    let mut reply = welcome(3, 1);
    if let Reply::Welcome { person, .. } = &mut reply {
        *person = Seq(2);
    }
    answer(&mut client, 30, |command| matches!(command, Command::Hello { .. }), reply);
    client.tick(40);
    assert_eq!(asked(&mut client), 0, "the line is caught up on");
    assert_eq!(shown(&client), [3, 2]);
}

/// An answer arrives before its event, and before others.
#[test]
fn the_answer_to_a_command_is_shown_at_once_and_an_older_event_does_not_undo_it() {
    let mut client = with_one();
    let request = client.request(Command::Save { room: room(), seq: Seq(3), on: false });
    let gone = Saved { on: false, ..saved(3, 3) };
    let change = Change::Saved { saved: gone.clone() };
    let reply = Reply::Changed { line: Line::Person(id(ME)), seq: Seq(3), change: change.clone() };
    client.receive(ServerFrame::Reply { r#ref: request, reply }, 10);
    assert_eq!(shown(&client), [0_i64; 0]);
    client.receive(told_of(2, Change::Saved { saved: Saved { due: true, ..saved(3, 2) } }), 20);
    client.receive(told_of(3, change), 30);
    assert_eq!(shown(&client), [0_i64; 0]);
}

#[test]
fn what_an_older_server_could_not_tell_is_asked_for() {
    let mut client = with_one();
    client.receive(told_of(2, Change::Unknown), 10);
    assert_eq!(asked(&mut client), 1);
    assert_eq!(shown(&client), [3], "what is known is shown meanwhile");
}

#[test]
fn a_server_that_does_not_know_it_is_asked_again_later_and_not_at_once() {
    let mut client = Client::default();
    client.connected(0);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), welcome(3, 1));
    let frames = client.take_frames();
    let question = frames.iter().find(|frame| is_personal(&frame.command)).unwrap().r#ref;
    let refusal = Refusal::new(ErrorCode::UnknownCommand);
    client.receive(ServerFrame::Refusal { r#ref: Some(question), refusal }, 0);
    client.tick(5_000);
    assert_eq!(asked(&mut client), 0);
    client.tick(60_000);
    assert_eq!(asked(&mut client), 1);
}

#[test]
fn a_database_that_went_back_takes_it_along() {
    let mut client = with_one();
    client.disconnected(20);
    client.connected(30);
    answer(&mut client, 30, |command| matches!(command, Command::Hello { .. }), welcome(3, 2));
    assert_eq!(shown(&client), [0_i64; 0]);
    client.tick(40);
    assert_eq!(asked(&mut client), 1);
}
