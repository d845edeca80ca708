//! Replies, mentions, and jumping to a message that is far above.

use protocol::{Forward, InThread, Mention, Placement, Thread};

use super::*;

/// The text that a reply quotes; `None` while it is unknown.
fn quoted(client: &Client, reply: i64) -> Option<String> {
    let quote = row(client, reply).quote.expect("it is a reply");
    quote.author.map(|author| format!("{}: {}", author.name, quote.body))
}

fn reply_to(seq: i64, to: i64) -> ServerFrame {
    let message = Message { reply_to: Some(Seq(to)), ..message(OTHER, seq) };
    changed(seq, Change::Message { message })
}

fn quotes(messages: Vec<Message>) -> Reply {
    Reply::Previews { room: room(), messages, people: Vec::new() }
}

fn is_quoted(command: &Command) -> bool {
    matches!(command, Command::Previews { .. })
}

#[test]
fn what_is_replied_to_far_above_is_asked_for_once_and_kept_up_to_date() {
    let mut client = after_a_long_absence(120);
    client.receive(reply_to(121, 5), 10);
    client.receive(reply_to(122, 6), 11);
    client.receive(reply_to(123, 121), 12);
    assert_eq!(quoted(&client, 123).as_deref(), Some("User 2: message 121"), "it is in the window");
    assert_eq!(quoted(&client, 121), None);
    answer(&mut client, 30, is_quoted, quotes(vec![message(ME, 5)]));
    // 6 no longer exists.
    answer(&mut client, 31, is_quoted, quotes(Vec::new()));
    assert_eq!((quoted(&client, 121).as_deref(), quoted(&client, 122)), (Some("User 1: message 5"), None));
    client.tick(40);
    assert!(!client.take_frames().iter().any(|frame| is_quoted(&frame.command)), "nothing is asked twice");
    let before = rows(&client, room(), protocol::Zone::default());
    let edited = Message { rev: Seq(124), edits: 1, body: "edited".to_owned(), ..message(ME, 5) };
    client.receive(changed(124, Change::Message { message: edited }), 50);
    assert_eq!(quoted(&client, 121).as_deref(), Some("User 1: edited"));
    let after = rows(&client, room(), protocol::Zone::default());
    assert!(before.iter().zip(&after).any(|(old, new)| old.stamp() != new.stamp()), "it is drawn anew");
    let deleted = Message { rev: Seq(125), deleted: true, body: String::new(), ..message(ME, 5) };
    client.receive(changed(125, Change::Message { message: deleted }), 60);
    assert!(row(&client, 121).quote.is_some_and(|quote| quote.deleted));
}

/// While servers are replaced one by one, a page may connect to an older one.
#[test]
fn a_server_that_does_not_know_the_question_is_not_asked_all_the_time() {
    let mut client = after_a_long_absence(120);
    client.receive(reply_to(121, 5), 10);
    let refs = |client: &mut Client| {
        let frames = client.take_frames().into_iter();
        frames.filter(|frame| is_quoted(&frame.command)).map(|frame| frame.r#ref).collect::<Vec<_>>()
    };
    let asked = refs(&mut client);
    assert_eq!(asked.len(), 1);
    let refusal = Refusal::new(ErrorCode::UnknownCommand);
    client.receive(ServerFrame::Refusal { r#ref: Some(asked[0]), refusal }, 20);
    client.tick(1_000);
    assert_eq!(refs(&mut client), [0_u32; 0]);
    client.tick(31_000);
    assert_eq!(refs(&mut client).len(), 1);
}

#[test]
fn a_reply_that_waits_shows_what_it_replies_to_and_is_sent_as_one() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 0);
    let nonce = Nonce(Uuid::from_u128(9));
    client
        .place(
            room(),
            (Placement { reply_to: Some(Seq(4)), ..Placement::default() }, None, Vec::new()),
            nonce,
            "yes".to_owned(),
            10,
        )
        .unwrap();
    let rows = rows(&client, room(), protocol::Zone::default());
    let Some(RowKind::Message(waiting)) = rows.last().map(|row| row.kind.clone()) else { panic!("no row") };
    assert_eq!(waiting.quote.map(|quote| quote.body.to_string()).as_deref(), Some("message 4"));
    let sent = client.take_frames().pop().unwrap().command;
    assert!(matches!(sent, Command::Send { reply_to: Some(Seq(4)), .. }));
}

/// The text is the original's as it is here; the server's copy replaces it.
#[test]
fn a_forward_that_waits_shows_what_it_forwards_and_is_sent_without_a_text() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 0);
    let nonce = Nonce(Uuid::from_u128(9));
    client
        .place(room(), (Placement::forwarding(room(), Seq(4)), None, Vec::new()), nonce, String::new(), 10)
        .unwrap();
    let last =
        |client: &Client| match rows(client, room(), protocol::Zone::default()).pop().map(|row| row.kind) {
            Some(RowKind::Message(row)) => {
                (row.body.to_string(), row.forward.map(|forward| forward.body.to_string()))
            }
            other => panic!("{other:?}"),
        };
    assert_eq!(last(&client), (String::new(), Some("message 4".to_owned())));
    let sent = client.take_frames().pop().unwrap().command;
    assert!(
        matches!(&sent, Command::Send { forward, body, .. } if *forward == Some((room(), Seq(4))) && body.is_empty())
    );
    // It is sent again on the next connection, and kept over a reload.
    client.disconnected(20);
    let kept = serde_json::to_string(client.outbox().items()).unwrap();
    let again: Vec<crate::Pending> = roost_json::from_str(&kept).unwrap();
    assert_eq!(again[0].forward, Some((room(), Seq(4))));

    let forward = Some(Box::new(Forward {
        room: room(),
        seq: Seq(4),
        author: None,
        body: "as it was".to_owned(),
        files: Vec::new(),
    }));
    let stored = Message { nonce, body: String::new(), forward, ..message(ME, 5) };
    client.receive(changed(5, Change::Message { message: stored }), 30);
    assert_eq!(last(&client), (String::new(), Some("as it was".to_owned())));
    let preview = client.room(room()).unwrap().summary.last.clone().unwrap();
    assert_eq!((preview.body.as_str(), preview.forward), ("as it was", None));
}

#[test]
fn a_message_far_above_comes_with_those_around_it() {
    let mut client = after_a_long_absence(120);
    assert!(client.jump_to(room(), Seq(100)), "it is there");
    assert!(!client.jump_to(room(), Seq(20)));
    assert!(client.is_jumping(room()));
    let messages = (1..=45).map(|seq| message(OTHER, seq)).collect();
    let (more_before, more_after) = (false, true);
    let reply = Reply::Around { room: room(), messages, more_before, more_after, people: Vec::new() };
    answer(&mut client, 10, |command| matches!(command, Command::Around { .. }), reply);
    assert!(!client.is_jumping(room()));
    assert!(shown(&client).into_iter().eq(1..=45));
    let timeline = client.room(room()).unwrap().timeline.as_ref().unwrap();
    assert!(timeline.more_after() && !timeline.more_before());
}

#[test]
fn mentions_are_counted_apart_until_they_are_read_deleted_or_taken_back() {
    let mut client = at_three();
    let to_me = || vec![Mention("user-1".to_owned(), Some(id(ME)))];
    let say = |client: &mut Client, seq: i64, rev: i64, mentions, deleted| {
        let message = Message { rev: Seq(rev), mentions, deleted, ..message(OTHER, seq) };
        client.receive(changed(rev, Change::Message { message }), rev);
        let summary = &client.room(room()).unwrap().summary;
        (summary.unread, summary.mentions)
    };
    assert_eq!(say(&mut client, 4, 4, to_me(), false), (1, 1));
    assert_eq!(say(&mut client, 5, 5, Vec::new(), false), (2, 1));
    assert_eq!(say(&mut client, 6, 6, vec![Mention("everyone".to_owned(), None)], false), (3, 2));
    assert_eq!(say(&mut client, 5, 7, to_me(), false), (3, 3), "an edit mentions the viewer");
    assert_eq!(say(&mut client, 6, 8, Vec::new(), false), (3, 2), "an edit takes it back");
    assert_eq!(say(&mut client, 5, 9, Vec::new(), true), (2, 1));
    client.saw(room(), Seq(4), 10);
    let summary = &client.room(room()).unwrap().summary;
    assert_eq!((summary.unread, summary.mentions), (1, 0));
}

/// A reply that is written while the thread is fetched comes before a page that does not have it.
#[test]
fn a_reply_that_overtakes_the_page_of_its_thread_stays() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 0);
    client.open_thread(room(), Some(Seq(4)), 5);
    let reply = Message { thread: Some(InThread(Seq(4), 1)), ..message(OTHER, 5) };
    client.receive(changed(5, Change::Message { message: reply }), 10);
    let thread = Box::new(Thread { room: room(), root: message(OTHER, 4), unread: 0, following: false });
    let page = Reply::Thread { thread, messages: Vec::new(), more: false, people: Vec::new() };
    answer(&mut client, 20, |command| matches!(command, Command::Thread { .. }), page);
    let open = client.room(room()).unwrap().thread.as_ref().unwrap();
    assert_eq!(open.replies().map(|reply| reply.seq.0).collect::<Vec<_>>(), [5]);
    let root = open.root_message().unwrap();
    assert_eq!(
        root.replies.as_ref().map(|replies| replies.count),
        Some(1),
        "the page is older than the reply"
    );
}

#[test]
fn a_thread_shows_where_its_unread_replies_begin() {
    let mut client = at_three();
    client.receive(said(OTHER, 4), 0);
    let reply = |seq, nth| Message { thread: Some(InThread(Seq(4), nth)), ..message(OTHER, seq) };
    for (seq, nth) in [(5, 1), (6, 2)] {
        client.receive(changed(seq, Change::Message { message: reply(seq, nth) }), seq);
    }
    client.saw(room(), Seq(5), 10);
    // The person comes back to the page.
    client.focus(Some(room()), 20);
    client.open_thread(room(), Some(Seq(4)), 20);
    let thread = Box::new(Thread { room: room(), root: message(OTHER, 4), unread: 1, following: false });
    let messages = vec![reply(5, 1), reply(6, 2)];
    let page = Reply::Thread { thread, messages, more: false, people: Vec::new() };
    answer(&mut client, 30, |command| matches!(command, Command::Thread { .. }), page);
    let (_, rows) = crate::thread_rows(&client, room(), protocol::Zone::default());
    let seqs: Vec<Option<i64>> = rows
        .into_iter()
        .filter_map(|row| match row.kind {
            RowKind::Message(message) => Some(message.seq.map(|seq| seq.0)),
            RowKind::Unread => Some(None),
            RowKind::Beginning | RowKind::Day(_) | RowKind::Replies(_) => None,
        })
        .collect();
    assert_eq!(seqs, [Some(5), None, Some(6)]);
}
