//! The README is the specification: its blocks must match the types, and be complete.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use protocol::{
    Change, ClientFrame, CloseCode, Command, ErrorCode, Event, InThread, Line, Message, MessageId, NewPoll,
    Nonce, Poll, Replies, Reply, RoomId, Seq, ServerFrame, UserId, Vote, limits,
};
use serde_json::Value;
use uuid::Uuid;

const README: &str = include_str!("../README.md");

/// The JSON blocks of one side: `client` or `server`.
fn blocks(side: &str) -> Vec<Value> {
    let fence = format!("```json {side}\n");
    let blocks = README.split(fence.as_str()).skip(1);
    let text = blocks.map(|rest| rest.split("```").next().expect("a block ends"));
    text.map(|text| serde_json::from_str(text).expect("a block is JSON")).collect()
}

fn client_frames() -> Vec<ClientFrame> {
    let decode = |block: Value| ClientFrame::decode(&block.to_string()).expect("a block is a client's frame");
    blocks("client").into_iter().map(decode).collect()
}

fn server_frames() -> Vec<ServerFrame> {
    let decode = |block: Value| ServerFrame::decode(&block.to_string()).expect("a block is a server's frame");
    blocks("server").into_iter().map(decode).collect()
}

fn same(encoded: String, block: &Value) {
    assert_eq!(&serde_json::from_str::<Value>(&encoded).unwrap(), block);
}

#[test]
fn every_block_decodes_and_encodes_the_same() {
    for (frame, block) in client_frames().iter().zip(blocks("client")) {
        same(frame.encode(), &block);
    }
    for (frame, block) in server_frames().iter().zip(blocks("server")) {
        same(frame.encode(), &block);
    }
}

/// What a feature adds to a message travels only with the messages that use it: these are the sizes from before mentions, replies and
/// threads.
#[test]
fn a_plain_message_has_not_grown() {
    let sent = client_frames().into_iter().find(|frame| frame.command.name() == "send").unwrap();
    assert_eq!(sent.encode().len(), 147);
    let first = |is: fn(&Value) -> bool| {
        let mut frames = server_frames().into_iter().zip(blocks("server"));
        frames.find(|(_, block)| is(block)).map(|(frame, _)| frame.encode().len())
    };
    assert_eq!(first(|block| block["reply"]["type"] == "sent"), Some(289));
    assert_eq!(first(|block| block["event"]["change"]["type"] == "message"), Some(413));
}

/// Browsers read with `roost_json`; other programs with readers of their own.
#[test]
fn both_readers_read_every_block_the_same() {
    for (frame, block) in server_frames().iter().zip(blocks("server")) {
        assert_eq!(&serde_json::from_value::<ServerFrame>(block).unwrap(), frame);
    }
}

#[test]
fn every_command_has_a_block() {
    let frames = client_frames();
    for (frame, block) in frames.iter().zip(blocks("client")) {
        assert_eq!(block["command"]["type"], frame.command.name());
    }
    let shown: BTreeSet<_> = frames.iter().map(|frame| frame.command.name()).collect();
    assert_eq!(shown, Command::NAMES.iter().copied().collect());
}

#[test]
fn every_reply_event_and_change_has_a_block() {
    let (mut replies, mut events, mut changes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut note = |change: &Change| {
        changes.insert(match change {
            Change::Message { .. } => "message",
            Change::Reaction { .. } => "reaction",
            Change::Pin { .. } => "pin",
            Change::Member { .. } => "member",
            Change::Room { .. } => "room",
            Change::Membership { .. } => "membership",
            Change::Sessions {} => "sessions",
            Change::Profile { .. } => "profile",
            Change::Saved { .. } => "saved",
            Change::Scheduled { .. } => "scheduled",
            Change::Following { .. } => "following",
            Change::Unread { .. } => "unread",
            Change::Draft { .. } => "draft",
            Change::Poll { .. } => "poll",
            Change::Vote { .. } => "vote",
            Change::InGroup { .. } => "in_group",
            Change::Unknown => panic!("a block shows an unknown change"),
        });
    };
    for frame in server_frames() {
        match frame {
            ServerFrame::Reply { reply, .. } => {
                replies.insert(match reply {
                    Reply::Welcome { .. } => "welcome",
                    Reply::Rooms { .. } => "rooms",
                    Reply::Pong {} => "pong",
                    Reply::Done {} => "done",
                    Reply::View { .. } => "view",
                    Reply::Changes { changes, .. } => {
                        changes.iter().for_each(|(_, change)| note(change));
                        "changes"
                    }
                    Reply::Page { .. } => "page",
                    Reply::Around { .. } => "around",
                    Reply::Previews { .. } => "previews",
                    Reply::Thread { .. } => "thread",
                    Reply::Threads { .. } => "threads",
                    Reply::Sent { .. } => "sent",
                    Reply::Changed { change, .. } => {
                        note(&change);
                        "changed"
                    }
                    Reply::Room { .. } => "room",
                    Reply::Invited { .. } => "invited",
                    Reply::Users { .. } => "users",
                    Reply::Profile { .. } => "profile",
                    Reply::Channels { .. } => "channels",
                    Reply::Members { .. } => "members",
                    Reply::Pinned { .. } => "pinned",
                    Reply::Versions { .. } => "versions",
                    Reply::Found { .. } => "found",
                    Reply::Unknown => panic!("a block shows an unknown reply"),
                });
            }
            ServerFrame::Event { event } => {
                events.insert(match event {
                    Event::Change { change, .. } => {
                        note(&change);
                        "change"
                    }
                    Event::Changes { changes, .. } => {
                        changes.iter().for_each(|(_, change)| note(change));
                        "changes"
                    }
                    Event::Marks { .. } => "marks",
                    Event::ComeBack { .. } => "come_back",
                    Event::Unknown => panic!("a block shows an unknown event"),
                });
            }
            ServerFrame::Refusal { .. } => {}
        }
    }
    assert_eq!(replies.len(), 22, "{replies:?}");
    assert_eq!(events.len(), 4, "{events:?}");
    assert_eq!(changes.len(), 16, "{changes:?}");
}

#[test]
fn every_refusal_and_close_code_is_in_the_tables() {
    for code in ErrorCode::ALL {
        let text = code.text();
        let row = format!("| {} | ", u16::from(*code));
        let line =
            README.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("{row} is missing"));
        assert!(text.starts_with("the frame is not JSON") || line.contains(text), "{line} is not {text:?}");
        assert_eq!(ErrorCode::try_from(u16::from(*code)), Ok(*code));
    }
    // Some refusals have the number of a close code.
    let (refusals, closing) = README.split_once("\n## Closing\n").expect("a table of close codes");
    for number in 4_000..5_000 {
        let row = format!("\n| {number} | ");
        let is_refusal = ErrorCode::ALL.iter().any(|code| u16::from(*code) == number);
        assert_eq!(refusals.contains(&row), is_refusal, "{number}");
        assert_eq!(closing.contains(&row), CloseCode::from_number(number).is_some(), "{number}");
    }
}

/// Commands and events show all three kinds of line.
#[test]
fn every_kind_of_line_is_in_the_blocks() {
    let kind = |line: &Line| match line {
        Line::Room(_) => "room",
        Line::Person(_) => "person",
        Line::Workspace => "workspace",
    };
    let all = BTreeSet::from(["room", "person", "workspace"]);
    let asked: BTreeSet<_> = client_frames()
        .iter()
        .filter_map(
            |frame| if let Command::CatchUp { line, .. } = &frame.command { Some(kind(line)) } else { None },
        )
        .collect();
    let told: BTreeSet<_> = server_frames()
        .iter()
        .filter_map(|frame| match frame {
            ServerFrame::Event { event: Event::Change { line, .. } } => Some(kind(line)),
            ServerFrame::Event { .. } | ServerFrame::Reply { .. } | ServerFrame::Refusal { .. } => None,
        })
        .collect();
    assert_eq!((asked, told), (all.clone(), all));
}

#[test]
fn a_line_that_is_none_is_refused() {
    for line in ["room", "room:", "room:7", "person:here", "workspace:1", "", "place"] {
        let text = format!(r#"{{"ref":1,"command":{{"type":"catch_up","line":"{line}","after":0}}}}"#);
        let (_, refusal) = ClientFrame::decode(&text).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::MalformedCommand, "{line}");
        assert!(refusal.detail.contains("room:<id>, person:<id> or workspace"), "{}", refusal.detail);
    }
}

/// Reactions are in the same order, no matter in which order they arrived, and an older one changes
/// nothing.
#[test]
fn reactions_are_ordered_by_their_numbers() {
    let [ana, bea] = [1, 2].map(|n| UserId(Uuid::from_u128(n)));
    let changes = [("👍", ana, true, 4), ("🎉", bea, true, 5), ("👍", bea, true, 6), ("🎉", ana, true, 8)];
    let none = Message {
        id: MessageId(Uuid::nil()),
        seq: Seq(3),
        rev: Seq(3),
        author: ana,
        nonce: Nonce(Uuid::nil()),
        body: "High water at nine.".to_owned(),
        sent_at: 0,
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
    };
    let (mut forwards, mut backwards) = (none.clone(), none.clone());
    for (emoji, user, on, rev) in changes {
        assert!(forwards.react(emoji, user, on, Seq(rev)));
    }
    for (emoji, user, on, rev) in changes.into_iter().rev() {
        assert!(backwards.react(emoji, user, on, Seq(rev)));
    }
    assert_eq!(forwards, backwards);
    assert!(!forwards.react("👍", bea, false, Seq(5)), "older");
    assert!(forwards.react("👍", ana, false, Seq(9)));
    let order: Vec<&str> = forwards.reactions.iter().map(|reaction| reaction.emoji.as_str()).collect();
    assert_eq!(order, ["🎉", "👍"], "the first thumb is Bea's now, which came later");
    assert!(!forwards.react("👍", ana, false, Seq(10)), "there is none");
    let mut deleted = Message { deleted: true, ..none };
    assert!(!deleted.react("👍", ana, true, Seq(4)));
}

fn reply(author: u128, seq: i64, nth: u32) -> Message {
    Message {
        id: MessageId(Uuid::nil()),
        seq: Seq(seq),
        rev: Seq(seq),
        author: UserId(Uuid::from_u128(author)),
        nonce: Nonce(Uuid::nil()),
        body: "Yes.".to_owned(),
        sent_at: seq * 1_000,
        edits: 0,
        deleted: false,
        reactions: Vec::new(),
        mentions: Vec::new(),
        reply_to: None,
        thread: Some(InThread(Seq(3), nth)),
        in_room: false,
        replies: None,
        poll: None,
        forward: None,
        files: Vec::new(),
        previews: Vec::new(),
    }
}

/// What a root says about its thread is the same, no matter in which order, how often, and in which groups the replies came.
#[test]
fn what_is_known_of_a_thread_joins_in_any_order() {
    let replies: Vec<Message> = [(1, 4), (2, 6), (3, 7), (4, 9), (2, 12), (5, 13)]
        .into_iter()
        .zip(1..)
        .map(|((by, seq), nth)| reply(by, seq, nth))
        .collect();
    let join = |order: &[usize]| {
        let mut all = Replies::of(&replies[order[0]]).unwrap().1;
        for index in order {
            all.merge(&Replies::of(&replies[*index]).unwrap().1);
        }
        all
    };
    let all = join(&[0, 1, 2, 3, 4, 5]);
    assert_eq!((all.count, all.last, all.at), (6, Seq(13), 13_000));
    let authors: Vec<(u128, i64)> = all.authors.iter().map(|one| (one.0.0.as_u128(), one.1.0)).collect();
    assert_eq!(authors, [(5, 13), (2, 12), (4, 9)], "those who replied last, once each");
    for order in [[5, 4, 3, 2, 1, 0], [4, 1, 5, 0, 3, 2], [2, 2, 0, 5, 1, 4]] {
        let mut joined = join(&order);
        let other = join(&[3, 0]);
        joined.merge(&other);
        assert_eq!(joined, all, "{order:?}");
        assert!(!joined.merge(&other), "nothing is new");
    }
}

/// What is known of a poll is the same, no matter in which order its counts and the viewer's votes came.
#[test]
fn what_is_known_of_a_poll_joins_in_any_order() {
    let new = NewPoll { options: vec!["At nine".to_owned(), "At noon".to_owned()], ..NewPoll::default() };
    let none = Poll::from(new);
    let tally = |rev, counts: [u32; 2]| Poll {
        counts: counts.to_vec(),
        voters: counts.iter().sum(),
        closed: rev > 9,
        rev: Seq(rev),
        ..Poll::default()
    };
    let vote = |rev, choices: &[u8]| {
        let room = RoomId(Uuid::nil());
        Poll::of_vote(Vote { room, message: Seq(3), choices: choices.to_vec(), rev: Seq(rev) })
    };
    let states = [tally(4, [1, 0]), vote(2, &[0]), tally(8, [0, 1]), vote(5, &[1]), tally(10, [0, 2])];
    let join = |order: &[usize]| {
        let mut all = none.clone();
        for index in order {
            all.merge(&states[*index]);
        }
        all
    };
    let all = join(&[0, 1, 2, 3, 4]);
    assert_eq!((all.options.len(), &*all.counts, all.voters, all.closed), (2, &[0, 2][..], 2, true));
    assert_eq!(all.vote.as_ref().map(|vote| &*vote.choices), Some(&[1][..]));
    for order in [[4, 3, 2, 1, 0], [1, 3, 0, 4, 2], [2, 2, 3, 4, 1]] {
        assert_eq!(join(&order), all, "{order:?}");
    }
    assert!(!all.clone().merge(&states[2]), "nothing is new");
}

/// Everyone in the room gets one for each vote.
#[test]
fn a_vote_costs_each_reader_less_than_200_bytes() {
    let poll = Poll { counts: vec![499; limits::POLL_OPTIONS_MAX], voters: 500, ..Poll::default() };
    let change = Change::Poll { message: Seq(12_345), poll };
    let line = Line::Room(RoomId(Uuid::nil()));
    let event = Event::Change { line, seq: Seq(12_846), change, people: Vec::new() };
    let frame = ServerFrame::Event { event }.encode();
    assert!(frame.len() <= 200, "{} bytes: {frame}", frame.len());
}

#[test]
fn the_options_of_a_poll_are_cleaned_and_refused_by_number() {
    let poll = |options: &[&str]| {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        NewPoll { options, ..NewPoll::default() }.parse()
    };
    assert_eq!(poll(&[" At  nine ", "👍"]).unwrap().options, ["At nine", "👍"]);
    let long = "长".repeat(limits::POLL_OPTION_CHARS_MAX + 1);
    let many: Vec<String> = (0..=limits::POLL_OPTIONS_MAX).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(poll(&many[1..]).is_ok());
    for (options, code) in [
        (&["one"][..], ErrorCode::PollInvalid),
        (&many, ErrorCode::PollInvalid),
        (&["one", " one "], ErrorCode::PollInvalid),
        (&["one", " "], ErrorCode::TextEmpty),
        (&["one", &long], ErrorCode::TextTooLong),
        (&["one", "a\u{7}b"], ErrorCode::TextInvalid),
    ] {
        assert_eq!(poll(options).unwrap_err().code, code, "{options:?}");
    }
}

#[test]
fn each_fault_of_a_frame_has_its_own_refusal() {
    let long = format!(
        r#"{{"ref":1,"command":{{"type":"find_users","query":"{}"}}}}"#,
        "a".repeat(limits::FRAME_BYTES_MAX)
    );
    let deep = format!(r#"{{"ref":1,"command":{}1{}}}"#, "[".repeat(300), "]".repeat(300));
    for (text, r#ref, code) in [
        ("", None, ErrorCode::MalformedFrame),
        ("hello", None, ErrorCode::MalformedFrame),
        ("[]", None, ErrorCode::MalformedFrame),
        (r#"{"ref":1}"#, None, ErrorCode::MalformedFrame),
        (r#"{"ref":-1,"command":{"type":"ping"}}"#, None, ErrorCode::MalformedFrame),
        (r#"{"ref":1,"command":{"type":"ping"},"more":1}"#, None, ErrorCode::MalformedFrame),
        (r#"{"ref":1,"command":{}}"#, Some(1), ErrorCode::MalformedCommand),
        (r#"{"ref":1,"command":"ping"}"#, Some(1), ErrorCode::MalformedCommand),
        (r#"{"ref":1,"command":{"type":"ping","more":1}}"#, Some(1), ErrorCode::MalformedCommand),
        (r#"{"ref":1,"command":{"type":"open","room":"here"}}"#, Some(1), ErrorCode::MalformedCommand),
        (r#"{"ref":1,"command":{"type":"open"}}"#, Some(1), ErrorCode::MalformedCommand),
        (r#"{"ref":1,"command":{"type":"fly"}}"#, Some(1), ErrorCode::UnknownCommand),
        (long.as_str(), None, ErrorCode::FrameTooLarge),
        (deep.as_str(), None, ErrorCode::MalformedFrame),
    ] {
        let (found_ref, refusal) = ClientFrame::decode(text).unwrap_err();
        assert_eq!((found_ref, refusal.code), (r#ref, code), "{}", text.get(..60).unwrap_or(text));
    }
}

#[test]
fn what_a_newer_server_says_is_passed_over() {
    for (text, expected) in [
        (r#"{"event":{"type":"waved","by":"ana"}}"#, ServerFrame::Event { event: Event::Unknown }),
        (
            r#"{"ref":3,"reply":{"type":"waved","by":"ana"}}"#,
            ServerFrame::Reply { r#ref: 3, reply: Reply::Unknown },
        ),
        (
            r#"{"event":{"type":"come_back","after_ms":5,"why":"x"}}"#,
            ServerFrame::Event { event: Event::ComeBack { after_ms: 5 } },
        ),
    ] {
        assert_eq!(ServerFrame::decode(text).unwrap(), expected);
    }
    let newer_codes = r#"[5999, 1999]"#;
    let codes: Vec<ErrorCode> = serde_json::from_str(newer_codes).unwrap();
    assert_eq!(codes, [ErrorCode::Internal, ErrorCode::Forbidden]);
}

/// Five hundred reactions to one message in a room of ten thousand are five million frames.
#[test]
fn a_reaction_is_told_in_less_than_200_bytes() {
    let room = protocol::RoomId(uuid::Uuid::max());
    let change = Change::Reaction {
        message: protocol::Seq(9_999_999),
        emoji: "👍🏽".to_owned(),
        user: protocol::UserId(uuid::Uuid::max()),
        on: true,
    };
    let event = Event::Change {
        line: protocol::Line::Room(room),
        seq: protocol::Seq(9_999_999),
        change,
        people: Vec::new(),
    };
    let frame = ServerFrame::Event { event }.encode();
    assert!(frame.len() < 200, "{} bytes: {frame}", frame.len());
}
