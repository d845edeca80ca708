//! Polls: votes that are on their way, the same person's other devices, and polls that were refused.

use protocol::{NewPoll, Placement, Poll, Vote};

use super::*;
use crate::{RowPoll, SendState};

fn new(several: bool) -> NewPoll {
    let options = ["nine", "noon", "night"].map(str::to_owned).to_vec();
    NewPoll { options, several, ..NewPoll::default() }
}

/// A client that sees a poll, number 4, in which three others have voted.
fn with_poll(several: bool) -> Client {
    let mut client = at_three();
    let poll = Some(Poll::from(new(several)));
    client.receive(changed(4, Change::Message { message: Message { poll, ..message(OTHER, 4) } }), 0);
    client.receive(tally(5, [2, 1, 0], 3), 0);
    client.take_frames();
    client
}

fn counted(counts: [u32; 3], voters: u32) -> Poll {
    Poll { counts: counts.to_vec(), voters, ..Poll::default() }
}

fn tally(seq: i64, counts: [u32; 3], voters: u32) -> ServerFrame {
    changed(seq, Change::Poll { message: Seq(4), poll: counted(counts, voters) })
}

fn voted(rev: i64, choices: &[u8]) -> Vote {
    Vote { room: room(), message: Seq(4), choices: choices.to_vec(), rev: Seq(rev) }
}

fn vote(choices: &[u8]) -> Command {
    Command::Vote { room: room(), seq: Seq(4), choices: choices.to_vec() }
}

/// The person's own line tells a vote.
fn hear_own(client: &mut Client, choices: &[u8]) {
    let next = client.person_cursor().next().0;
    client.receive(told(Line::Person(id(ME)), next, Change::Vote { vote: voted(next, choices) }), 0);
}

/// The counts, how many people voted, the viewer's choices, and whether the server has yet to answer.
fn shown(client: &Client) -> (Vec<u32>, u32, Vec<u8>, bool) {
    let RowPoll { poll, choices, asked } = *row(client, 4).poll.unwrap();
    (poll.counts, poll.voters, choices, asked)
}

fn answer_vote(client: &mut Client, r#ref: u32, seq: i64, poll: Poll) {
    let change = Change::Poll { message: Seq(4), poll };
    let reply = Reply::Changed { line: Line::Room(room()), seq: Seq(seq), change };
    client.receive(ServerFrame::Reply { r#ref, reply }, 0);
}

#[test]
fn a_vote_is_shown_at_once_and_never_counted_twice() {
    let mut client = with_poll(false);
    assert_eq!(shown(&client), (vec![2, 1, 0], 3, vec![], false));
    let request = client.request(vote(&[1]));
    let mine = || (vec![2, 2, 0], 4, vec![1], true);
    assert_eq!(shown(&client), mine());
    // The server has counted it, and the answer is still on its way.
    client.receive(tally(6, [2, 2, 0], 4), 0);
    assert_eq!(shown(&client), mine());
    hear_own(&mut client, &[1]);
    assert_eq!(shown(&client), mine());
    answer_vote(&mut client, request, 6, Poll { vote: Some(voted(9, &[1])), ..counted([2, 2, 0], 4) });
    assert_eq!(shown(&client), (vec![2, 2, 0], 4, vec![1], false));
    // Another one goes on from there; a refused one is gone.
    let request = client.request(vote(&[]));
    assert_eq!(shown(&client), (vec![2, 1, 0], 3, vec![], true));
    let refusal = Refusal::new(ErrorCode::PollClosed);
    client.receive(ServerFrame::Refusal { r#ref: Some(request), refusal }, 0);
    assert_eq!(shown(&client), (vec![2, 2, 0], 4, vec![1], false));
}

#[test]
fn of_several_votes_on_their_way_the_last_one_is_shown() {
    let mut client = with_poll(true);
    let first = client.request(vote(&[0]));
    let second = client.request(vote(&[0, 2]));
    assert_eq!(shown(&client), (vec![3, 1, 1], 4, vec![0, 2], true));
    answer_vote(&mut client, first, 6, Poll { vote: Some(voted(1, &[0])), ..counted([3, 1, 0], 4) });
    assert_eq!(shown(&client), (vec![3, 1, 1], 4, vec![0, 2], true));
    answer_vote(&mut client, second, 7, Poll { vote: Some(voted(2, &[0, 2])), ..counted([3, 1, 1], 4) });
    // The events of both come late, and change nothing.
    client.receive(tally(6, [3, 1, 0], 4), 0);
    assert_eq!(shown(&client), (vec![3, 1, 1], 4, vec![0, 2], false));
}

#[test]
fn another_device_learns_the_vote_even_before_it_has_the_message() {
    let mut client = at_three();
    hear_own(&mut client, &[2]);
    let poll = Some(Poll::from(new(false)));
    client.receive(changed(4, Change::Message { message: Message { poll, ..message(OTHER, 4) } }), 0);
    assert_eq!(shown(&client), (vec![0, 0, 0], 0, vec![2], false));
    client.receive(tally(5, [0, 0, 1], 1), 0);
    assert_eq!(shown(&client), (vec![0, 0, 1], 1, vec![2], false));
    // An edit of the question leaves both.
    let poll = Some(Poll { rev: Seq(5), ..Poll { options: new(false).options, ..counted([0, 0, 1], 1) } });
    let edited = Message { rev: Seq(6), edits: 1, poll, ..message(OTHER, 4) };
    client.receive(changed(6, Change::Message { message: edited }), 0);
    assert_eq!(shown(&client), (vec![0, 0, 1], 1, vec![2], false));
    let deleted = Message { rev: Seq(7), deleted: true, body: String::new(), ..message(OTHER, 4) };
    client.receive(changed(7, Change::Message { message: deleted }), 0);
    assert_eq!(row(&client, 4).poll, None);
}

#[test]
fn a_poll_waits_in_the_outbox_is_kept_when_refused_and_is_sent_with_its_options() {
    let mut client = at_three();
    client.disconnected(0);
    let nonce = Nonce(Uuid::from_u128(9));
    let placed = (Placement::default(), Some(new(true)), Vec::new());
    client.place(room(), placed, nonce, "When?".to_owned(), 0).unwrap();
    let pending = |client: &Client| {
        let rows = rows(client, room(), protocol::Zone::default());
        let last = rows.into_iter().next_back().unwrap();
        if let RowKind::Message(last) = last.kind { last } else { panic!("{last:?}") }
    };
    let row = pending(&client);
    assert_eq!(row.sending, Some(SendState::Waiting));
    assert_eq!(row.poll.unwrap().poll, Poll::from(new(true)));
    let kept = serde_json::to_string(client.outbox().items()).unwrap();
    let kept: Vec<crate::Pending> = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept[0].poll, Some(new(true)));
    client.connected(0);
    answer(&mut client, 0, |c| matches!(c, Command::Hello { .. }), welcome(3, 1));
    let sent = client.take_frames().into_iter().find_map(|frame| {
        let Command::Send { poll, .. } = frame.command else { return None };
        Some((frame.r#ref, poll))
    });
    let (r#ref, poll) = sent.unwrap();
    assert_eq!(poll, Some(new(true)));
    let refusal = Refusal::new(ErrorCode::Forbidden);
    client.receive(ServerFrame::Refusal { r#ref: Some(r#ref), refusal }, 0);
    assert_eq!(client.take_back(nonce).unwrap().poll, Some(new(true)));
}
