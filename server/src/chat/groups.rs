//! Groups of people, for those who mention them. Administrators change them: see [`crate::account`].

use protocol::{Change, Reply, UserId};

use super::{Context, Error, access, profile};
use crate::{broker::Line, node::Node, store::groups::GroupChange};

/// All groups: completion offers them.
///
/// # Errors
/// [`Forbidden`](protocol::ErrorCode::Forbidden) for guests; or when the database fails.
pub async fn list(cx: &Context) -> Result<Reply, Error> {
    check(cx).await?;
    Ok(Reply::Users { users: cx.node.store.list_groups().await? })
}

/// A page of the people in a group.
///
/// # Errors
/// [`GroupUnknown`](protocol::ErrorCode::GroupUnknown), and as for [`list`].
pub async fn members(cx: &Context, group: UserId, after: Option<UserId>) -> Result<Reply, Error> {
    check(cx).await?;
    let store = &cx.node.store;
    store.group(group).await?.ok_or(protocol::ErrorCode::GroupUnknown)?;
    Ok(Reply::Users { users: store.list_group(group, after).await? })
}

async fn check(cx: &Context) -> Result<(), Error> {
    Ok(access::check_groups(cx.node.store.workspace_role(cx.viewer.user.id).await?)?)
}

/// Publishes a changed group: to everyone, and to each person who was added or removed.
pub fn tell(node: &Node, change: GroupChange) {
    for (user, in_group) in change.told {
        node.publish_change(Line::Person(user), in_group.rev, Change::InGroup { in_group }, Vec::new());
    }
    profile::tell(node, change.group);
}
