//! Threads: what counts as new, the part of a long thread that is here, and what a restored database does to an open one.

use protocol::{Following, InThread, Placement, Replies, Thread, ThreadAuthor, limits::PAGE_MESSAGES};

use super::*;
use crate::timeline::TIMELINE_ENTRIES_MAX;

/// Where the root stands; the reply with the place `nth` has the number `ROOT + nth`.
const ROOT: i64 = 4;

fn reply(author: u128, nth: u32) -> Message {
    Message { thread: Some(InThread(Seq(ROOT), nth)), ..message(author, ROOT + i64::from(nth)) }
}

fn comes(client: &mut Client, message: Message) {
    client.receive(changed(message.seq.0, Change::Message { message }), 10);
}

/// Before which places the client asks for replies.
fn asked(client: &mut Client) -> Vec<(u32, Option<u32>)> {
    let frames = client.take_frames().into_iter();
    let before = |frame: ClientFrame| {
        if let Command::Thread { before, .. } = frame.command { Some((frame.r#ref, before)) } else { None }
    };
    frames.filter_map(before).collect()
}

/// A server's answer from a thread of `count` replies.
fn serve(client: &mut Client, count: u32) -> Vec<Option<u32>> {
    let asked = asked(client);
    for (r#ref, before) in &asked {
        let end = before.unwrap_or(u32::MAX).min(count + 1);
        let first = end.saturating_sub(PAGE_MESSAGES as u32).max(1);
        let messages = (first..end).map(|nth| reply(OTHER, nth)).collect();
        let last = Seq(ROOT + i64::from(count));
        let replies = Some(Replies { count, last, at: 0, authors: vec![ThreadAuthor(id(OTHER), last)] });
        let root = Message { replies, ..message(OTHER, ROOT) };
        let thread = Box::new(Thread { room: room(), root, unread: 0, following: false });
        let reply = Reply::Thread { thread, messages, more: first > 1, people: Vec::new() };
        client.receive(ServerFrame::Reply { r#ref: *r#ref, reply }, 20);
    }
    asked.into_iter().map(|(_, before)| before).collect()
}

/// The places that are here.
fn places(client: &Client) -> Vec<u32> {
    let thread = client.room(room()).unwrap().thread.as_ref().unwrap();
    thread.replies().filter_map(|reply| reply.thread).map(|thread| thread.1).collect()
}

/// The open room shows some messages of a thread of `count` replies, as after a jump.
fn around(count: u32, shown: impl Iterator<Item = u32>) -> Client {
    let mut client = Client::default();
    client.connected(0);
    let head = ROOT + i64::from(count);
    answer(&mut client, 0, |command| matches!(command, Command::Hello { .. }), welcome(head, 1));
    client.focus(Some(room()), 0);
    let messages = shown.map(|nth| reply(OTHER, nth)).collect();
    let reply = Reply::View { view: Box::new(view(messages, head)) };
    answer(&mut client, 0, |command| matches!(command, Command::Open { .. }), reply);
    client.take_frames();
    client
}

#[test]
fn ones_own_reply_is_not_new_while_others_are() {
    let mut client = at_three();
    comes(&mut client, message(OTHER, ROOT));
    comes(&mut client, reply(ME, 1));
    let following = Following { room: room(), root: Seq(ROOT), last: Seq(ROOT), on: true, rev: Seq(2) };
    client.receive(told(Line::Person(id(ME)), 2, Change::Following { following }), 20);
    // Nothing has been read yet.
    client.focus(Some(room()), 20);
    assert_eq!(client.room(room()).unwrap().summary.unread, 1);
    assert_eq!(client.new_threads(), 0);
    assert!(!row(&client, ROOT).thread.unwrap().is_new);
    comes(&mut client, message(OTHER, 6));
    comes(&mut client, Message { seq: Seq(7), rev: Seq(7), ..reply(ME, 2) });
    let lines = |client: &Client| {
        let rows = rows(client, room(), protocol::Zone::default()).into_iter();
        let line = |row: crate::Row| {
            if let RowKind::Replies(line) = row.kind { Some((line.count, line.is_new)) } else { None }
        };
        rows.filter_map(line).collect::<Vec<_>>()
    };
    assert_eq!(lines(&client), [(1, false)]);
    comes(&mut client, Message { seq: Seq(8), rev: Seq(8), ..reply(OTHER, 3) });
    assert_eq!(lines(&client), [(2, true)]);
    assert_eq!(client.new_threads(), 1);
    assert!(row(&client, ROOT).thread.unwrap().is_new);
    client.saw(room(), Seq(8), 30);
    assert_eq!(client.new_threads(), 0);
}

#[test]
fn a_thread_opens_around_a_reply_with_one_question_and_goes_on_in_both_directions() {
    let mut client = around(500, 95..106);
    client.open_thread_at(room(), Some(Seq(ROOT)), Some(Seq(ROOT + 100)), 10);
    assert_eq!(serve(&mut client, 500), [Some(125)]);
    assert!(places(&client).into_iter().eq(75..125));
    // What is shown is not asked for.
    client.go_to_reply(room(), Seq(ROOT + 105), 20);
    assert_eq!(asked(&mut client), []);
    // A new reply is beyond the window, and an edit of what is before it, too.
    comes(&mut client, reply(OTHER, 501));
    assert!(places(&client).into_iter().eq(75..125));
    client.load_replies(room(), Direction::After);
    client.load_replies(room(), Direction::After);
    assert_eq!(serve(&mut client, 501), [Some(175)]);
    assert!(places(&client).into_iter().eq(75..175));
    client.load_replies(room(), Direction::Before);
    assert_eq!(serve(&mut client, 501), [Some(75)]);
    assert!(places(&client).into_iter().eq(25..175));
    let state = |client: &Client| {
        let thread = client.room(room()).unwrap().thread.as_ref().unwrap();
        (thread.more_before(), thread.more_after())
    };
    assert_eq!(state(&client), (true, true));
    for _ in 0..10 {
        client.load_replies(room(), Direction::After);
        serve(&mut client, 501);
    }
    // It stays bounded: the other end is dropped.
    assert_eq!(places(&client).len(), TIMELINE_ENTRIES_MAX);
    assert_eq!((places(&client).last(), state(&client)), (Some(&501), (true, false)));
    comes(&mut client, Message { rev: Seq(506), ..reply(OTHER, 502) });
    assert_eq!(places(&client).len(), TIMELINE_ENTRIES_MAX);
    for _ in 0..10 {
        client.load_replies(room(), Direction::Before);
        serve(&mut client, 502);
    }
    assert_eq!((places(&client).first(), state(&client)), (Some(&1), (false, true)));
    assert_eq!(places(&client).len(), TIMELINE_ENTRIES_MAX);
}

#[test]
fn whoever_writes_far_from_the_end_of_a_thread_goes_there() {
    let mut client = around(120, 8..13);
    client.open_thread(room(), Some(Seq(ROOT)), 10);
    client.go_to_reply(room(), Seq(ROOT + 10), 10);
    // It had asked for the newest ones already.
    assert_eq!(serve(&mut client, 120), [None]);
    assert_eq!(serve(&mut client, 120), [Some(35)]);
    assert!(places(&client).into_iter().eq(1..35));
    let nonce = Nonce(Uuid::from_u128(9));
    client
        .place(room(), (Placement::in_thread(Seq(ROOT)), None, Vec::new()), nonce, "the end".to_owned(), 20)
        .unwrap();
    assert_eq!(serve(&mut client, 120), [None]);
    assert!(places(&client).into_iter().eq(71..121));
    let (_, rows) = crate::thread_rows(&client, room(), protocol::Zone::default());
    let Some(RowKind::Message(last)) = rows.last().map(|row| &row.kind) else { panic!("no row") };
    assert_eq!(&*last.body, "the end");
}

#[test]
fn a_restored_database_makes_an_open_thread_come_again() {
    let mut client = around(3, 1..4);
    client.open_thread(room(), Some(Seq(ROOT)), 10);
    serve(&mut client, 3);
    client.disconnected(20);
    client.connected(30);
    answer(&mut client, 30, |command| matches!(command, Command::Hello { .. }), welcome(ROOT + 2, 2));
    client.tick(40);
    assert_eq!(serve(&mut client, 2), [None]);
    assert_eq!(places(&client), [1, 2]);
    // A closed one stays closed.
    client.open_thread(room(), None, 50);
    client.disconnected(60);
    client.connected(70);
    answer(&mut client, 70, |command| matches!(command, Command::Hello { .. }), welcome(ROOT + 2, 3));
    client.tick(80);
    assert!(client.room(room()).unwrap().thread.is_none());
}

#[test]
fn of_many_threads_the_quietest_is_forgotten() {
    let mut client = at_three();
    let mut seq = 3;
    let mut say = |client: &mut Client, thread: Option<InThread>| {
        seq += 1;
        let message = Message { thread, ..message(OTHER, seq) };
        comes(client, message);
        seq
    };
    let roots: Vec<i64> = (0..130).map(|_| say(&mut client, None)).collect();
    for root in &roots[..128] {
        say(&mut client, Some(InThread(Seq(*root), 1)));
    }
    // The first one is heard of again; then there is one too many.
    let last = say(&mut client, Some(InThread(Seq(roots[0]), 2)));
    say(&mut client, Some(InThread(Seq(roots[128]), 1)));
    let state = client.room(room()).unwrap();
    assert_eq!(state.told_of(Seq(roots[0])).map(|replies| replies.last.0), Some(last));
    assert!(state.told_of(Seq(roots[1])).is_none());
}
