//! Messages: said, changed, read again, caught up on.

use protocol::{
    Body, Change, Direction, Emoji, ErrorCode, Message, Nonce, Reaction, Reply, Role, RoomId, Seq, UserId,
    limits::{BEHIND_MAX, CHANGES_MAX, EMOJIS_MAX, REACTIONS_MAX},
};

use super::{Context, Error, access, rooms};
use crate::{
    node::Written,
    store::{
        changes::Changes,
        messages::{Inserted, NewMessage},
        rooms::Locked,
    },
};

/// Says something: it stands in its lane when this returns, so that what one connection says is stored in the order of its
/// saying (unless a flush takes so long that its lane goes on without it); [`sent`] waits for the rest. A nonce that is known gets the first message back, and takes no number. Next
/// station: [`Writer::write`](crate::node::Writer::write).
///
/// # Errors
/// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`], [`ErrorCode::Busy`]: then nothing was
/// taken.
pub fn send(cx: &Context, room: RoomId, nonce: Nonce, body: &str) -> Result<Written, Error> {
    let body = Body::parse(body)?.into_string();
    let nonce = cx.node.sabotage().nonce(nonce);
    Ok(cx.node.writer.write(NewMessage { room, author: cx.viewer.user.clone(), nonce, body })?)
}

/// What has become of a send: stored, then told to everyone, then acknowledged.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; or when the database fails: then nothing was stored, or the repeat will find it.
pub async fn sent(room: RoomId, written: Written) -> Result<Reply, Error> {
    match written.answer().await? {
        Inserted::New(message) | Inserted::Known(message) => Ok(Reply::Sent { room, message }),
        Inserted::NotAMember => Err(ErrorCode::RoomUnknown.into()),
    }
}

/// Gives a message of the viewer's another text.
///
/// # Errors
/// The text's, as in [`send`]; [`ErrorCode::RoomUnknown`], [`ErrorCode::MessageUnknown`], [`ErrorCode::Forbidden`],
/// [`ErrorCode::MessageDeleted`], [`ErrorCode::EditedMeanwhile`]; or when the database fails.
pub async fn edit(cx: &Context, room: RoomId, seq: Seq, edits: u32, body: &str) -> Result<Reply, Error> {
    let body = Body::parse(body)?.into_string();
    change(cx, room, seq, |by, _, message| {
        access::check_edit(by, message)?;
        if message.body == body {
            return Ok(None);
        }
        if message.edits != edits {
            return Err(ErrorCode::EditedMeanwhile.into());
        }
        Ok(Some(Message { body, edits: edits + 1, ..message.clone() }))
    })
    .await
}

/// Deletes a message: its place stays, its text and its reactions go.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::MessageUnknown`], [`ErrorCode::Forbidden`]; or when the database fails.
pub async fn delete(cx: &Context, room: RoomId, seq: Seq) -> Result<Reply, Error> {
    change(cx, room, seq, |by, role, message| {
        access::check_delete(by, role, message)?;
        let gone =
            || Message { body: String::new(), deleted: true, reactions: Vec::new(), ..message.clone() };
        Ok((!message.deleted).then(gone))
    })
    .await
}

/// Puts the viewer's emoji under a message, or takes it back.
///
/// # Errors
/// [`ErrorCode::EmojiInvalid`], [`ErrorCode::RoomUnknown`], [`ErrorCode::MessageUnknown`], [`ErrorCode::MessageDeleted`],
/// [`ErrorCode::ReactionsFull`]; or when the database fails.
pub async fn react(cx: &Context, room: RoomId, seq: Seq, emoji: &str, on: bool) -> Result<Reply, Error> {
    let emoji = Emoji::parse(emoji)?;
    change(cx, room, seq, |by, _, message| {
        access::check_react(message)?;
        let reactions = if on {
            with_reaction(&message.reactions, emoji.as_str(), by)?
        } else {
            without_reaction(&message.reactions, emoji.as_str(), by)
        };
        Ok(reactions.map(|reactions| Message { reactions, ..message.clone() }))
    })
    .await
}

/// The reactions with one more; `None` when it is there already.
fn with_reaction(
    reactions: &[Reaction],
    emoji: &str,
    by: UserId,
) -> Result<Option<Vec<Reaction>>, ErrorCode> {
    let count: usize = reactions.iter().map(|reaction| reaction.users.len()).sum();
    let place = reactions.iter().position(|reaction| reaction.emoji == emoji);
    if place.is_some_and(|place| reactions[place].users.contains(&by)) {
        return Ok(None);
    }
    if count >= REACTIONS_MAX || (place.is_none() && reactions.len() >= EMOJIS_MAX) {
        return Err(ErrorCode::ReactionsFull);
    }
    let mut reactions = reactions.to_vec();
    match place {
        Some(place) => reactions[place].users.push(by),
        None => reactions.push(Reaction { emoji: emoji.to_owned(), users: vec![by] }),
    }
    Ok(Some(reactions))
}

/// The reactions without one; `None` when it is not there.
fn without_reaction(reactions: &[Reaction], emoji: &str, by: UserId) -> Option<Vec<Reaction>> {
    let mut left = reactions.to_vec();
    let reaction =
        left.iter_mut().find(|reaction| reaction.emoji == emoji && reaction.users.contains(&by))?;
    reaction.users.retain(|user| *user != by);
    left.retain(|reaction| !reaction.users.is_empty());
    Some(left)
}

/// One change of one message: decided under the room's lock, stored, told to everyone.
async fn change(
    cx: &Context,
    room: RoomId,
    seq: Seq,
    decide: impl FnOnce(UserId, Option<Role>, &Message) -> Result<Option<Message>, Error>,
) -> Result<Reply, Error> {
    let by = cx.viewer.user.id;
    let decide = |locked: &Locked, message: &Message| decide(by, locked.role, message);
    let (message, changed) = cx.node.store.change_message::<Error>(by, room, seq, decide).await?;
    if let Some(at) = changed {
        cx.node.publish_change(room, message.rev, at, Change::Message { message: message.clone() });
    }
    Ok(Reply::Changed { room, message })
}

/// A page of messages.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; or when the database fails.
pub async fn history(cx: &Context, room: RoomId, direction: Direction, seq: Seq) -> Result<Reply, Error> {
    cx.check_member(room).await?;
    let (messages, more) = cx.node.store.list_messages(room, direction, seq, Seq(i64::MAX)).await?;
    Ok(Reply::Page { room, messages, more })
}

/// Everything that changed after `after`, from this node's memory where that reaches so far back; or the room as one
/// opens it, for who is far behind.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; or when the database fails.
pub async fn catch_up(cx: &Context, room: RoomId, after: Seq) -> Result<Reply, Error> {
    if after < Seq::ZERO || cx.node.position(room).is_some_and(|position| is_far(after, position)) {
        return Ok(Reply::View { view: Box::new(rooms::view(cx, room).await?) });
    }
    let me = cx.viewer.user.id;
    if cx.node.remembers(room, after) {
        let head = cx.node.store.head_for(room, me).await?.ok_or(ErrorCode::RoomUnknown)?;
        if let Some((changes, through)) = cx.node.recent_changes(room, after, head) {
            return Ok(Reply::Changes { room, changes, through, more: false });
        }
    }
    let found = cx.node.store.list_changes(room, Some(me), after, CHANGES_MAX).await?;
    let Changes { head, list, through } = found.ok_or(ErrorCode::RoomUnknown)?;
    if after > head || is_far(after, head) {
        return Ok(Reply::View { view: Box::new(rooms::view(cx, room).await?) });
    }
    let changes = list.into_iter().map(|(seq, changed)| (seq, changed.into())).collect();
    Ok(Reply::Changes { room, changes, through, more: through < head })
}

fn is_far(after: Seq, head: Seq) -> bool {
    head.0.saturating_sub(after.0) > BEHIND_MAX
}
