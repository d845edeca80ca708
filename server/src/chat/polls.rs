//! Polls: voting, closing, and who voted. A poll is sent with its message: see [`super::messages::send`].
//!
//! Law: nothing that leaves this module tells who voted in an anonymous poll. What goes to the room has only counts, and a vote goes
//! only to the voter's own devices.

use std::collections::{BTreeSet, HashMap};

use protocol::{Change, ErrorCode, Line, Message, Poll, Refusal, Reply, RoomId, Seq, Vote};

use super::{Context, Error, access};
use crate::store::rooms::Locked;

/// Replaces the viewer's choices in a poll; no choices take the vote back.
///
/// # Errors
/// [`ErrorCode::MalformedCommand`] for choices that the poll does not have; [`ErrorCode::RoomUnknown`], [`ErrorCode::MessageUnknown`],
/// [`ErrorCode::MessageDeleted`], [`ErrorCode::RoomArchived`], [`ErrorCode::PollClosed`]; or when the database fails.
pub async fn vote(cx: &Context, room: RoomId, seq: Seq, mut choices: Vec<u8>) -> Result<Reply, Error> {
    let me = cx.viewer.user.id;
    choices.sort_unstable();
    choices.dedup();
    let allowed = |locked: &Locked, message: &Message| -> Result<(), Error> {
        access::check_vote(locked, message)?;
        message.poll.as_ref().map_or(Ok(()), |poll| check_choices(poll, &choices))
    };
    let (poll, is_new) = cx.node.store.vote::<Error>(me, (room, seq), &choices, allowed).await?;
    if is_new {
        // First their own devices, so that they seldom see their vote counted and not marked.
        if let Some(vote) = poll.vote.clone() {
            let rev = vote.rev;
            cx.node.publish_change(Line::Person(me), rev, Change::Vote { vote }, Vec::new());
        }
        tell(cx, room, seq, &poll);
    }
    Ok(changed(room, seq, &poll))
}

/// Closes a poll for good.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::MessageUnknown`], [`ErrorCode::MessageDeleted`], [`ErrorCode::Forbidden`]; or when the
/// database fails.
pub async fn close(cx: &Context, room: RoomId, seq: Seq) -> Result<Reply, Error> {
    let me = cx.viewer.user.id;
    let allowed = |locked: &Locked, message: &Message| {
        access::check_close_poll(me, locked, message).map_err(Error::from)
    };
    let (poll, is_new) = cx.node.store.close_poll::<Error>(me, (room, seq), allowed).await?;
    if is_new {
        tell(cx, room, seq, &poll);
    }
    Ok(changed(room, seq, &poll))
}

/// Who chose an option of a poll that is not anonymous.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::MessageUnknown`], [`ErrorCode::MessageDeleted`], [`ErrorCode::Forbidden`] for an anonymous
/// poll; or when the database fails.
pub async fn voters(
    cx: &Context,
    (room, seq): (RoomId, Seq),
    option: u8,
    after: Option<protocol::UserId>,
) -> Result<Reply, Error> {
    cx.check_member(room).await?;
    let message = cx.node.store.messages_of(room, &[seq]).await?.pop().ok_or(ErrorCode::MessageUnknown)?;
    access::check_voters(&message)?;
    let voters = cx.node.store.voters((room, seq), option, after).await?;
    let people = cx.node.people(voters.iter().copied().collect::<BTreeSet<_>>()).await?;
    let mut people: HashMap<_, _> = people.into_iter().map(|user| (user.id, user)).collect();
    Ok(Reply::Users { users: voters.iter().filter_map(|user| people.remove(user)).collect() })
}

/// Adds the viewer's own votes to the polls among these messages of a room. Nothing is asked if there are none.
///
/// # Errors
/// When the database fails.
pub async fn add_own_votes<'a>(
    cx: &Context,
    room: RoomId,
    messages: impl IntoIterator<Item = &'a mut Message>,
) -> Result<(), Error> {
    let mut polls: HashMap<Seq, &mut Poll> = messages
        .into_iter()
        .filter_map(|message| message.poll.as_mut().map(|poll| (message.seq, poll)))
        .collect();
    if polls.is_empty() {
        return Ok(());
    }
    let seqs: Vec<Seq> = polls.keys().copied().collect();
    for vote in cx.node.store.votes(cx.viewer.user.id, room, &seqs).await? {
        if let Some(poll) = polls.get_mut(&vote.message) {
            poll.vote = Some(vote);
        }
    }
    Ok(())
}

fn check_choices(poll: &Poll, choices: &[u8]) -> Result<(), Error> {
    let is_there = |choice: &u8| usize::from(*choice) < poll.options.len();
    if choices.iter().all(is_there) && (poll.several || choices.len() <= 1) {
        return Ok(());
    }
    let options = if poll.several { "several" } else { "one" };
    let detail = format!("{choices:?}, of {} options of which one may choose {options}", poll.options.len());
    Err(Refusal::new(ErrorCode::MalformedCommand).detail(detail).into())
}

/// Tells the room.
fn tell(cx: &Context, room: RoomId, seq: Seq, poll: &Poll) {
    let change = Change::Poll { message: seq, poll: poll.tally() };
    cx.node.publish_change(Line::Room(room), poll.rev, change, Vec::new());
}

/// The answer, with the viewer's own vote if it is known here.
fn changed(room: RoomId, seq: Seq, poll: &Poll) -> Reply {
    let vote: Option<Vote> = poll.vote.clone();
    let change = Change::Poll { message: seq, poll: Poll { vote, ..poll.tally() } };
    Reply::Changed { line: Line::Room(room), seq: poll.rev, change }
}
