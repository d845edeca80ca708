//! Messages: sending, changing, reading, catching up.

use protocol::{
    Attached, Attachment, Body, Change, Direction, Emoji, ErrorCode, File, Message, Nonce, Placement, Poll,
    Refusal, Reply, RoomId, Seq, UserId,
    limits::{BEHIND_MAX, CHANGES_MAX, EMOJIS_MAX, MENTIONS_MAX, PREVIEWS_MAX, REACTIONS_MAX},
};

use super::{Context, Error, access, polls, previews, rooms};
use crate::{
    broker::Line,
    node::{Recent, Written},
    store::{
        changes::Changes,
        messages::{Around, Inserted, NewMessage},
        rooms::Locked,
    },
};

/// A sent message on its way into the database.
#[derive(Debug)]
pub struct Said {
    body: String,
    attached: Attached,
    forwards: bool,
    written: Written,
}

/// Sends a message. When this returns, the message has its slot in a lane, so that the messages of
/// one connection are stored in the order in which they were sent (unless a flush takes so long
/// that its lane moves on without it); [`sent`] waits for the answer. A known nonce returns the
/// first message, and uses no number. Next: [`Writer::write`](crate::node::Writer::write).
///
/// # Errors
/// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`], [`ErrorCode::MentionsTooMany`],
/// [`ErrorCode::Busy`]; those of [`Attached::parse`]. In these cases nothing was accepted.
pub fn send(
    cx: &Context,
    room: RoomId,
    nonce: Nonce,
    body: &str,
    placement: Placement,
    attached: Attached,
) -> Result<Said, Error> {
    let forwards = placement.forward.is_some();
    let attached = attached.parse()?;
    let may_be_empty = !attached.needs_text() || (forwards && attached.poll.is_none());
    let body = match body.trim().is_empty() && may_be_empty {
        true => String::new(),
        false => Body::parse(body)?.into_string(),
    };
    let nonce = cx.node.sabotage().nonce(nonce);
    let (author, names) = (cx.viewer.user.clone(), names(&body)?);
    let (attached_to, links) = (attached.clone(), cx.node.tuning().link_previews);
    let new = NewMessage {
        room,
        author,
        nonce,
        body: body.clone(),
        names,
        placement,
        attached: attached_to,
        links,
    };
    Ok(Said { body, attached, forwards, written: cx.node.writer.write(new)? })
}

/// The names that a text mentions, in lower case, without duplicates.
fn names(body: &str) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    // Parsing costs more than everything else here, and few messages mention anyone.
    if body.contains('@') {
        for name in markup::parse(body).mentions().map(|mention| mention.name().to_ascii_lowercase()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    if names.len() > MENTIONS_MAX {
        return Err(Refusal::new(ErrorCode::MentionsTooMany).max(MENTIONS_MAX).into());
    }
    Ok(names)
}

/// Waits until a send is stored and published, and acknowledges it.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; [`ErrorCode::Forbidden`] and [`ErrorCode::RoomArchived`] where the author may not post;
/// [`ErrorCode::MessageUnknown`] for a reply to a message that is not there, and for a thread whose root is not there or in a
/// thread itself; [`ErrorCode::MessageUnknown`] and [`ErrorCode::MessageDeleted`] for a message that cannot be forwarded; [`ErrorCode::FileUnknown`] for
/// files that are not complete, or not the author's;
/// [`ErrorCode::NonceTaken`] when a message with another text, another poll or other files has this nonce; or when the
/// database fails: then nothing was stored, or the repeat will find it.
pub async fn sent(room: RoomId, Said { body, attached, forwards, written }: Said) -> Result<Reply, Error> {
    match written.answer().await? {
        // A message that has since been edited or deleted no longer has its first text, but repeats
        // of its send must still succeed.
        Inserted::Known(first)
            if first.edits == 0
                && !first.deleted
                && (first.body != body
                    || first.forward.is_some() != forwards
                    || first.poll.as_ref().map(Poll::unvoted) != attached.poll
                    || !are_files(&first.files, &attached.files)) =>
        {
            Err(ErrorCode::NonceTaken.into())
        }
        Inserted::New(message) | Inserted::Known(message) => Ok(Reply::Sent { room, message }),
        Inserted::NotAMember => Err(ErrorCode::RoomUnknown.into()),
        Inserted::Refused(code) => Err(code.into()),
    }
}

/// Whether a message has these files.
fn are_files(files: &[File], sent: &[Attachment]) -> bool {
    files
        .iter()
        .map(|file| (file.id, file.alt.as_str()))
        .eq(sent.iter().map(|one| (one.id, one.alt.as_str())))
}

/// Edits one of the viewer's messages.
///
/// # Errors
/// Those of the text, as in [`send`]; [`ErrorCode::RoomUnknown`], [`ErrorCode::MessageUnknown`],
/// [`ErrorCode::Forbidden`], [`ErrorCode::MessageDeleted`], [`ErrorCode::EditedMeanwhile`]; or when
/// the database fails.
pub async fn edit(cx: &Context, room: RoomId, seq: Seq, edits: u32, body: &str) -> Result<Reply, Error> {
    // Whether it may be empty depends on its files.
    let body = if body.trim().is_empty() { String::new() } else { Body::parse(body)?.into_string() };
    change(cx, (room, seq), &names(&body)?, |by, locked, message| {
        access::check_edit(by, locked, message)?;
        if body.is_empty() && message.files.is_empty() {
            return Err(ErrorCode::TextEmpty.into());
        }
        if message.body == body {
            return Ok(None);
        }
        if message.edits != edits {
            return Err(ErrorCode::EditedMeanwhile.into());
        }
        let edited = Message { body, edits: edits + 1, ..message.clone() };
        let previews = previews::kept(&edited);
        Ok(Some(Message { previews, ..edited }))
    })
    .await
}

/// Deletes a message: its number stays, its texts and its reactions are removed.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::MessageUnknown`], [`ErrorCode::Forbidden`]; or when the
/// database fails.
pub async fn delete(cx: &Context, room: RoomId, seq: Seq) -> Result<Reply, Error> {
    change(cx, (room, seq), &[], |by, locked, message| {
        access::check_delete(by, locked, message)?;
        let gone = || Message {
            body: String::new(),
            deleted: true,
            reactions: Vec::new(),
            poll: None,
            forward: None,
            files: Vec::new(),
            previews: Vec::new(),
            ..message.clone()
        };
        Ok((!message.deleted).then(gone))
    })
    .await
}

/// Adds or removes the viewer's reaction.
///
/// # Errors
/// [`ErrorCode::EmojiInvalid`], [`ErrorCode::RoomUnknown`], [`ErrorCode::MessageUnknown`],
/// [`ErrorCode::MessageDeleted`], [`ErrorCode::ReactionsFull`]; or when the database fails.
pub async fn react(cx: &Context, room: RoomId, seq: Seq, emoji: &str, on: bool) -> Result<Reply, Error> {
    let emoji = Emoji::parse(emoji)?;
    let me = cx.viewer.user.id;
    let decide = |locked: &Locked, message: &Message| -> Result<(), Error> {
        access::check_react(locked, message)?;
        let count: usize = message.reactions.iter().map(|reaction| reaction.users.len()).sum();
        let is_known = message.reactions.iter().any(|reaction| reaction.emoji == emoji.as_str());
        let is_full = count >= REACTIONS_MAX || (!is_known && message.reactions.len() >= EMOJIS_MAX);
        if on && is_full { Err(ErrorCode::ReactionsFull.into()) } else { Ok(()) }
    };
    let (rev, is_new) = cx.node.store.react::<Error>(me, (room, seq), (emoji.as_str(), on), decide).await?;
    let change = Change::Reaction { message: seq, emoji: emoji.as_str().to_owned(), user: me, on };
    if is_new {
        cx.node.publish_change(Line::Room(room), rev, change.clone(), Vec::new());
    }
    Ok(Reply::Changed { line: Line::Room(room), seq: rev, change })
}

/// Changes one message, which then mentions these names: decides under the room's lock, stores the
/// change, and publishes it.
async fn change(
    cx: &Context,
    (room, seq): (RoomId, Seq),
    names: &[String],
    decide: impl FnOnce(UserId, &Locked, &Message) -> Result<Option<Message>, Error>,
) -> Result<Reply, Error> {
    let by = cx.viewer.user.id;
    let decide = |locked: &Locked, message: &Message| decide(by, locked, message);
    let links = cx.node.tuning().link_previews;
    let (message, is_new) =
        cx.node.store.change_message::<Error>(by, (room, seq), (names, links), decide).await?;
    let (rev, change) = (message.rev, Change::Message { message });
    if is_new {
        if links {
            cx.node.wake_previews();
        }
        // It is committed, so it is published even if its author's profile cannot be loaded.
        let people = cx.node.people_of([&change]).await.unwrap_or_default();
        cx.node.publish_change(Line::Room(room), rev, change.clone(), people);
    }
    Ok(Reply::Changed { line: Line::Room(room), seq: rev, change })
}

/// A page of messages.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; or when the database fails.
pub async fn history(cx: &Context, room: RoomId, direction: Direction, seq: Seq) -> Result<Reply, Error> {
    cx.check_member(room).await?;
    let (mut messages, more) = cx.node.store.list_messages(room, direction, seq, Seq(i64::MAX)).await?;
    polls::add_own_votes(cx, room, &mut messages).await?;
    let people = cx.node.people_of(&messages).await?;
    Ok(Reply::Page { room, messages, more, people })
}

/// The messages around one of them, in one answer.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; or when the database fails.
pub async fn around(cx: &Context, room: RoomId, seq: Seq) -> Result<Reply, Error> {
    cx.check_member(room).await?;
    let Around { mut messages, more_before, more_after } = cx.node.store.messages_around(room, seq).await?;
    polls::add_own_votes(cx, room, &mut messages).await?;
    let people = cx.node.people_of(&messages).await?;
    Ok(Reply::Around { room, messages, more_before, more_after, people })
}

/// Previews (truncated) of some messages of a room: those that others reply to, or that the viewer
/// has saved.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::MalformedCommand`] for too many; or when the database
/// fails.
pub async fn previews(cx: &Context, room: RoomId, seqs: &[Seq]) -> Result<Reply, Error> {
    if seqs.len() > PREVIEWS_MAX {
        return Err(super::rooms::wrong_count(seqs.len(), "messages", PREVIEWS_MAX));
    }
    cx.check_member(room).await?;
    let messages = cx.node.store.messages_of(room, seqs).await?;
    let messages: Vec<Message> = messages.iter().map(Message::preview).collect();
    let people = cx.node.people_of(&messages).await?;
    Ok(Reply::Previews { room, messages, people })
}

/// The texts that a message has had.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::MessageUnknown`], [`ErrorCode::MessageDeleted`]; or when the
/// database fails.
pub async fn versions(cx: &Context, room: RoomId, seq: Seq) -> Result<Reply, Error> {
    cx.check_member(room).await?;
    let versions = cx.node.store.versions(room, seq).await?.ok_or(ErrorCode::MessageUnknown)?;
    if versions.is_empty() {
        return Err(ErrorCode::MessageDeleted.into());
    }
    Ok(Reply::Versions { room, seq, versions })
}

/// Everything on a line that changed after `after`, from this node's memory if that reaches back
/// far enough. If a room is too far behind, the view that opening it returns.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; or when the database fails.
pub async fn catch_up(cx: &Context, line: Line, after: Seq) -> Result<Reply, Error> {
    let me = cx.viewer.user.id;
    let is_far_here =
        after < Seq::ZERO || cx.node.position(line).is_some_and(|position| is_far(after, position));
    match line {
        Line::Room(room) if is_far_here => return afresh(cx, room).await,
        Line::Person(user) if user != me => return Err(ErrorCode::RoomUnknown.into()),
        Line::Room(_) | Line::Person(_) | Line::Workspace => {}
    }
    if cx.node.remembers(line, after)
        && let Some(recent) = from_memory(cx, line, after).await?
    {
        let Recent { changes, people, through } = recent;
        return Ok(Reply::Changes { line, changes, through, more: false, people });
    }
    let found = cx.node.store.list_changes(line, Some(me), after, CHANGES_MAX).await?;
    let Changes { head, list: changes, through } = found.ok_or(ErrorCode::RoomUnknown)?;
    if let Line::Room(room) = line
        && (after > head || is_far(after, head))
    {
        return afresh(cx, room).await;
    }
    let people = cx.node.people_of(changes.iter().map(|(_, change)| change)).await?;
    Ok(Reply::Changes { line, changes, through, more: through < head, people })
}

async fn afresh(cx: &Context, room: RoomId) -> Result<Reply, Error> {
    Ok(Reply::View { view: Box::new(rooms::view(cx, room).await?) })
}

/// The changes in this node's memory, if the viewer may read them. For a room, one query returns
/// its head and the membership.
async fn from_memory(cx: &Context, line: Line, after: Seq) -> Result<Option<Recent>, Error> {
    let head = match line {
        Line::Room(room) => cx.node.store.head_for(room, cx.viewer.user.id).await?,
        Line::Person(_) | Line::Workspace => {
            cx.node.store.heads(&[line]).await?.first().map(|head| head.head)
        }
    };
    Ok(cx.node.recent_changes(line, after, head.ok_or(ErrorCode::RoomUnknown)?))
}

fn is_far(after: Seq, head: Seq) -> bool {
    head.0.saturating_sub(after.0) > BEHIND_MAX
}
