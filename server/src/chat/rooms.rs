//! Rooms: made, joined, left, renamed.

use protocol::{
    Change, Direction, ErrorCode, Nonce, Reply, RoomId, RoomKind, RoomSummary, RoomTitle, RoomTopic,
    RoomView, Seq, UserId,
    limits::{INVITE_MAX, MARKS_MEMBERS_MAX},
};

use super::{Context, Error, access};
use crate::store::{members::MemberChange, rooms::Locked};

/// Every room of the viewer, the last active first.
///
/// # Errors
/// When the database fails.
pub async fn list(cx: &Context) -> Result<Vec<RoomSummary>, Error> {
    Ok(cx.node.store.list_rooms(cx.viewer.user.id, None).await?)
}

/// A room as one opens it.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; or when the database fails.
pub async fn view(cx: &Context, room: RoomId) -> Result<RoomView, Error> {
    let summary = summary(cx, cx.viewer.user.id, room).await?;
    let through = summary.head;
    // What came after that number is not in the view: it will come as an event.
    let page = cx.node.store.list_messages(room, Direction::Before, through.next(), through);
    let (page, members) = tokio::join!(page, cx.node.store.list_members(room, ""));
    let ((messages, more_before), members) = (page?, members?);
    let small = summary.members as usize <= MARKS_MEMBERS_MAX;
    let (members, marks): (Vec<_>, Vec<_>) = members.into_iter().unzip();
    let marks = if small { marks } else { Vec::new() };
    Ok(RoomView { summary, messages, more_before, members, marks, through })
}

/// The direct room with a person, made if there is none.
///
/// # Errors
/// [`ErrorCode::UserUnknown`] (also of oneself); or when the database fails.
pub async fn start_direct(cx: &Context, user: UserId) -> Result<RoomSummary, Error> {
    let me = cx.viewer.user.id;
    if user == me || cx.node.store.user(user).await?.is_none() {
        return Err(ErrorCode::UserUnknown.into());
    }
    let (room, is_new) = cx.node.store.direct_room(me, user).await?;
    if is_new {
        tell_joined(cx, user, room).await?;
        tell_joined(cx, me, room).await?;
    }
    summary(cx, me, room).await
}

/// Makes a group or channel; the viewer owns it. A nonce that is known gets the first room back.
///
/// # Errors
/// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`]; [`ErrorCode::DirectRoom`] for
/// another kind; or when the database fails.
pub async fn create(
    cx: &Context,
    nonce: Nonce,
    kind: RoomKind,
    title: &str,
    topic: &str,
) -> Result<RoomSummary, Error> {
    let (title, topic) = (RoomTitle::parse(title)?, RoomTopic::parse(topic)?);
    if kind == RoomKind::Direct {
        return Err(ErrorCode::DirectRoom.into());
    }
    let me = cx.viewer.user.id;
    let room = cx.node.store.create_room(me, nonce, kind, (title.as_str(), topic.as_str())).await?;
    tell_joined(cx, me, room).await?;
    summary(cx, me, room).await
}

/// Joins a channel. Who is in already stays.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::RoomsFull`], [`ErrorCode::MembersFull`]; or when the database fails.
pub async fn join(cx: &Context, room: RoomId) -> Result<RoomSummary, Error> {
    let me = cx.viewer.user.id;
    let allowed = |locked: &Locked| Ok(access::check_join(&locked.room, locked.role)?);
    let changes = cx.node.store.add_members::<Error>(me, room, &[me], allowed).await?;
    tell_members(cx, room, &changes);
    if !changes.is_empty() {
        tell_joined(cx, me, room).await?;
    }
    summary(cx, me, room).await
}

/// Leaves a group or channel. Who is not in it has left already.
///
/// # Errors
/// [`ErrorCode::DirectRoom`], [`ErrorCode::RoomUnknown`]; or when the database fails.
pub async fn leave(cx: &Context, room: RoomId) -> Result<Reply, Error> {
    let allowed = |locked: &Locked| Ok(access::check_leave(&locked.room, locked.role)?);
    let changes = cx.node.store.remove_member::<Error>(room, &cx.viewer.user, allowed).await?;
    if !changes.is_empty() {
        cx.node.publish_left(cx.viewer.user.id, room);
    }
    tell_members(cx, room, &changes);
    Ok(Reply::Done {})
}

/// Takes people into a group or channel.
///
/// # Errors
/// [`ErrorCode::MalformedCommand`] for none or too many; [`ErrorCode::RoomUnknown`], [`ErrorCode::DirectRoom`],
/// [`ErrorCode::UserUnknown`], [`ErrorCode::RoomsFull`], [`ErrorCode::MembersFull`]; or when the database fails.
pub async fn invite(cx: &Context, room: RoomId, users: &[UserId]) -> Result<Reply, Error> {
    if users.is_empty() || users.len() > INVITE_MAX {
        let refusal = protocol::Refusal::new(ErrorCode::MalformedCommand).max(INVITE_MAX);
        return Err(refusal.detail(format!("{} people at once", users.len())).into());
    }
    let allowed = |locked: &Locked| Ok(access::check_invite(&locked.room, locked.role)?);
    let changes = cx.node.store.add_members::<Error>(cx.viewer.user.id, room, users, allowed).await?;
    tell_members(cx, room, &changes);
    for change in &changes {
        tell_joined(cx, change.member.user.id, room).await?;
    }
    Ok(Reply::Done {})
}

/// Renames a room and sets its topic.
///
/// # Errors
/// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`], [`ErrorCode::RoomUnknown`],
/// [`ErrorCode::DirectRoom`], [`ErrorCode::Forbidden`]; or when the database fails.
pub async fn set(cx: &Context, room: RoomId, title: &str, topic: &str) -> Result<Reply, Error> {
    let (title, topic) = (RoomTitle::parse(title)?, RoomTopic::parse(topic)?);
    let allowed = |locked: &Locked| Ok(access::check_set(&locked.room, locked.role, title.as_str())?);
    let texts = (title.as_str(), topic.as_str());
    if let Some((changed, at)) =
        cx.node.store.set_room::<Error>(cx.viewer.user.id, room, texts, allowed).await?
    {
        cx.node.publish_change(room, changed.rev, at, Change::Room { room: changed });
    }
    Ok(Reply::Done {})
}

/// The members of a room.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; or when the database fails.
pub async fn members(cx: &Context, room: RoomId, query: &str) -> Result<Reply, Error> {
    let summary = summary(cx, cx.viewer.user.id, room).await?;
    let (members, marks): (Vec<_>, Vec<_>) =
        cx.node.store.list_members(room, query).await?.into_iter().unzip();
    let marks = if summary.members as usize <= MARKS_MEMBERS_MAX { marks } else { Vec::new() };
    Ok(Reply::Members { room, members, marks })
}

/// People to talk with.
///
/// # Errors
/// When the database fails.
pub async fn find_users(cx: &Context, query: &str) -> Result<Reply, Error> {
    Ok(Reply::Users { users: cx.node.store.find_users(query).await? })
}

/// Channels to join.
///
/// # Errors
/// When the database fails.
pub async fn find_channels(cx: &Context, query: &str) -> Result<Reply, Error> {
    Ok(Reply::Channels { channels: cx.node.store.find_channels(cx.viewer.user.id, query).await? })
}

async fn summary(cx: &Context, of: UserId, room: RoomId) -> Result<RoomSummary, Error> {
    let found = cx.node.store.list_rooms(of, Some(room)).await?.pop();
    found.ok_or_else(|| ErrorCode::RoomUnknown.into())
}

/// Tells someone's devices of a new room. Who has left again meanwhile is not told.
async fn tell_joined(cx: &Context, user: UserId, room: RoomId) -> Result<(), Error> {
    match cx.node.store.list_rooms(user, Some(room)).await {
        Ok(mut summaries) => summaries.drain(..).for_each(|summary| cx.node.publish_joined(user, summary)),
        Err(e) => {
            // They are in, and nobody has said so.
            cx.node.doubt();
            return Err(e.into());
        }
    }
    Ok(())
}

fn tell_members(cx: &Context, room: RoomId, changes: &[MemberChange]) {
    for MemberChange { member, members, marks, at } in changes {
        let seq: Seq = member.rev;
        cx.node.publish_change(
            room,
            seq,
            *at,
            Change::Member { member: member.clone(), members: *members, marks: *marks },
        );
    }
}
