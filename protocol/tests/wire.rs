//! The README is the specification: what it shows must be what the types say, and all of it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use protocol::{Change, ClientFrame, CloseCode, Command, ErrorCode, Event, Reply, ServerFrame, limits};
use serde_json::Value;

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
            Change::Member { .. } => "member",
            Change::Room { .. } => "room",
            Change::Unknown => panic!("a block shows an unknown change"),
        });
    };
    for frame in server_frames() {
        match frame {
            ServerFrame::Reply { reply, .. } => {
                replies.insert(match reply {
                    Reply::Welcome { .. } => "welcome",
                    Reply::Pong {} => "pong",
                    Reply::Done {} => "done",
                    Reply::View { .. } => "view",
                    Reply::Changes { changes, .. } => {
                        changes.iter().for_each(|(_, change)| note(change));
                        "changes"
                    }
                    Reply::Page { .. } => "page",
                    Reply::Sent { .. } => "sent",
                    Reply::Changed { .. } => "changed",
                    Reply::Room { .. } => "room",
                    Reply::Users { .. } => "users",
                    Reply::Channels { .. } => "channels",
                    Reply::Members { .. } => "members",
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
                    Event::Joined { .. } => "joined",
                    Event::Left { .. } => "left",
                    Event::ComeBack { .. } => "come_back",
                    Event::Unknown => panic!("a block shows an unknown event"),
                });
            }
            ServerFrame::Refusal { .. } => {}
        }
    }
    assert_eq!(replies.len(), 12, "{replies:?}");
    assert_eq!(events.len(), 6, "{events:?}");
    assert_eq!(changes.len(), 3, "{changes:?}");
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
    for number in 4_000..4_999 {
        let listed = README.contains(&format!("\n| {number} | "));
        let known = CloseCode::from_number(number).is_some();
        let refusal = ErrorCode::ALL.iter().any(|code| u16::from(*code) == number);
        assert_eq!(listed, known || refusal, "{number}");
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
