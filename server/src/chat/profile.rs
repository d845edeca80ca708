//! Profiles: what people say about themselves.

use protocol::{Change, ErrorCode, Reply, User, UserId};

use super::{Context, Error};
use crate::{
    broker::Line,
    node::Node,
    store::profiles::{Profile, ProfileChange},
};

/// A person's profile, as the card shows it. Guests see only people with whom they share a room.
///
/// # Errors
/// [`ErrorCode::UserUnknown`], also for those whom the viewer may not meet; or when the database fails.
pub async fn show(cx: &Context, user: UserId) -> Result<Reply, Error> {
    let (me, store) = (cx.viewer.user.id, &cx.node.store);
    if user != me && !store.may_meet(me, user).await? {
        return Err(ErrorCode::UserUnknown.into());
    }
    let Profile { user, title, pronouns, zone } = store.profile(user).await?.ok_or(ErrorCode::UserUnknown)?;
    let groups = store.groups_of(me, user.id).await?;
    Ok(Reply::Profile { user, title, pronouns, zone, groups })
}

/// Changes the viewer's own profile. It costs as much as a room's title, even if the handle is then
/// refused: this bounds how many handles one can try.
///
/// # Errors
/// [`ErrorCode::HandleTaken`], [`ErrorCode::SlowDown`]; or when the database fails.
pub async fn change(cx: &Context, change: &ProfileChange) -> Result<(), Error> {
    cx.node.charge_rename(cx.viewer.user.id)?;
    if let Some(user) = cx.node.store.change_profile(cx.viewer.user.id, change).await? {
        tell(&cx.node, user);
    }
    Ok(())
}

/// Publishes a changed profile to everyone.
pub fn tell(node: &Node, user: User) {
    node.publish_change(Line::Workspace, user.rev, Change::Profile { user }, Vec::new());
}
