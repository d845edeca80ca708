//! Moderating and managing a room: roles, removing and banning, policy, archiving, deleting.

use protocol::{Change, Policy, Reply, Role, RoomId, UserId};

use super::{Context, Error, access, rooms};
use crate::{
    broker::Line,
    store::{members::Target, rooms::Locked},
};

/// Changes a member's role.
///
/// # Errors
/// `RoomUnknown`, `DirectRoom`, `Forbidden`, `UserUnknown` for someone who is not in the room,
/// `LastOwner`; or when the database fails.
pub async fn set_role(cx: &Context, room: RoomId, user: UserId, role: Role) -> Result<Reply, Error> {
    let me = cx.viewer.user.id;
    let allowed = |locked: &Locked, target: &Target| Ok(access::check_role(me, locked, target, role)?);
    let (changed, is_new) = cx.node.store.set_role::<Error>(me, (room, user), role, allowed).await?;
    if is_new {
        rooms::tell_members(&cx.node, room, std::slice::from_ref(&changed)).await?;
    }
    let seq = changed.member.rev;
    let change = Change::Member { member: changed.member, members: changed.members, marks: changed.marks };
    Ok(Reply::Changed { line: Line::Room(room), seq, change })
}

/// Removes someone from a room; with `ban` they cannot come back.
///
/// # Errors
/// `RoomUnknown`, `DirectRoom`, `Forbidden`, `UserUnknown`; or when the database fails.
pub async fn remove(cx: &Context, room: RoomId, user: UserId, ban: bool) -> Result<Reply, Error> {
    let allowed = |locked: &Locked, target: &Target| Ok(access::check_remove(locked, target)?);
    let by = cx.viewer.user.id;
    let changes = cx.node.store.remove_member::<Error>(by, (room, user), ban, allowed).await?;
    rooms::tell_members(&cx.node, room, &changes).await?;
    Ok(Reply::Done {})
}

/// Lifts a ban.
///
/// # Errors
/// `RoomUnknown`, `DirectRoom`, `Forbidden`; or when the database fails.
pub async fn unban(cx: &Context, room: RoomId, user: UserId) -> Result<Reply, Error> {
    let allowed = |locked: &Locked| Ok(access::check_moderate(locked)?);
    let change = cx.node.store.unban::<Error>(cx.viewer.user.id, (room, user), allowed).await?;
    rooms::tell_members(&cx.node, room, change.as_slice()).await?;
    Ok(Reply::Done {})
}

/// The people who are banned from a room.
///
/// # Errors
/// `RoomUnknown`, `DirectRoom`, `Forbidden`; or when the database fails.
pub async fn banned(cx: &Context, room: RoomId) -> Result<Reply, Error> {
    let locked = cx.node.store.look_at(room, cx.viewer.user.id).await?;
    access::check_moderate(&locked)?;
    Ok(Reply::Users { users: cx.node.store.list_banned(room).await? })
}

/// Sets a room's policy.
///
/// # Errors
/// `RoomUnknown`, `DirectRoom`, `Forbidden`; or when the database fails.
pub async fn set_policy(cx: &Context, room: RoomId, policy: Policy) -> Result<Reply, Error> {
    set_policy_and_archived(cx, room, |locked| (policy, locked.room.archived)).await
}

/// Archives or unarchives a room.
///
/// # Errors
/// `RoomUnknown`, `DirectRoom`, `Forbidden`; or when the database fails.
pub async fn archive(cx: &Context, room: RoomId, on: bool) -> Result<Reply, Error> {
    set_policy_and_archived(cx, room, |locked| (locked.room.policy, on)).await
}

async fn set_policy_and_archived(
    cx: &Context,
    room: RoomId,
    change: impl FnOnce(&Locked) -> (Policy, bool),
) -> Result<Reply, Error> {
    let decide = |locked: &Locked| {
        access::check_manage(locked)?;
        Ok(change(locked))
    };
    let (changed, is_new) =
        cx.node.store.set_policy_and_archived::<Error>(cx.viewer.user.id, room, decide).await?;
    let (line, seq, change) = (Line::Room(room), changed.rev, Change::Room { room: changed });
    if is_new {
        cx.node.publish_change(line, seq, change.clone(), Vec::new());
    }
    Ok(Reply::Changed { line, seq, change })
}

/// Deletes a room: everyone is removed at once, and its messages are erased from the database step
/// by step.
///
/// # Errors
/// `RoomUnknown`, `DirectRoom`, `Forbidden`; or when the database fails.
pub async fn delete(cx: &Context, room: RoomId) -> Result<Reply, Error> {
    let allowed = |locked: &Locked| Ok(access::check_manage(locked)?);
    let deleted = cx.node.store.delete_room::<Error>(cx.viewer.user.id, room, allowed).await?;
    if let Some(deleted) = deleted {
        tracing::info!(room.id = %room, by.id = %cx.viewer.user.id, members = deleted.left.len(), "deleted a room");
        let rev = deleted.room.rev;
        cx.node.publish_change(Line::Room(room), rev, Change::Room { room: deleted.room }, Vec::new());
        for (user, seq) in deleted.left {
            let change = Change::Membership { room, summary: None };
            cx.node.publish_change(Line::Person(user), seq, change, Vec::new());
        }
        cx.node.erase_soon();
    }
    Ok(Reply::Done {})
}
