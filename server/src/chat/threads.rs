//! Threads: reading them, listing them, following them. Replies are sent like every message: see [`super::messages::send`].

use std::collections::BTreeSet;

use protocol::{Change, ErrorCode, Line, Reply, RoomId, Seq, ThreadsAfter};

use super::{Context, Error, polls};
use crate::{
    node::Names,
    store::threads::{ThreadPage, ThreadsOf},
};

/// A thread, with a page of its replies.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; [`ErrorCode::MessageUnknown`], also for a message that is in a thread itself; or when the database
/// fails.
pub async fn thread(cx: &Context, room: RoomId, root: Seq, before: Option<u32>) -> Result<Reply, Error> {
    cx.check_member(room).await?;
    let page = cx.node.store.thread(cx.viewer.user.id, (room, root), before).await?;
    let ThreadPage { mut thread, mut messages, more } = page.ok_or(ErrorCode::MessageUnknown)?;
    polls::add_own_votes(cx, room, messages.iter_mut().chain([&mut thread.root])).await?;
    let mut people = BTreeSet::new();
    thread.name(&mut people);
    messages.iter().for_each(|message| message.name(&mut people));
    let people = cx.node.people(people).await?;
    Ok(Reply::Thread { thread: Box::new(thread), messages, more, people })
}

/// A page of the threads that the viewer follows, or of all threads of a room.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; or when the database fails.
pub async fn list(cx: &Context, room: Option<RoomId>, after: Option<ThreadsAfter>) -> Result<Reply, Error> {
    let of = match room {
        Some(room) => {
            cx.check_member(room).await?;
            ThreadsOf::Room(room)
        }
        None => ThreadsOf::Followed,
    };
    let (threads, more) = cx.node.store.list_threads(cx.viewer.user.id, of, after).await?;
    let people = cx.node.people_of(&threads).await?;
    Ok(Reply::Threads { threads, more, people })
}

/// Follows a thread, or no longer. Only the viewer's own devices are told.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::MessageUnknown`]; or when the database fails.
pub async fn follow(cx: &Context, room: RoomId, root: Seq, on: bool) -> Result<Reply, Error> {
    let me = cx.viewer.user.id;
    let Some((following, is_new)) = cx.node.store.follow(me, (room, root), on).await? else {
        return Ok(Reply::Done {});
    };
    let (rev, change) = (following.rev, Change::Following { following });
    if is_new {
        cx.node.publish_change(Line::Person(me), rev, change.clone(), Vec::new());
    }
    Ok(Reply::Changed { line: Line::Person(me), seq: rev, change })
}
