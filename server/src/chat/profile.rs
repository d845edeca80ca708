//! Profiles, which are visible to everyone.

use protocol::{Change, DisplayName, User};

use super::{Context, Error};
use crate::{broker::Line, node::Node};

/// Changes the viewer's display name.
///
/// # Errors
/// `TextEmpty`, `TextTooLong`, `TextInvalid`, `ScriptsMixed`; or when the database fails.
pub async fn rename(cx: &Context, name: &str) -> Result<(), Error> {
    let name = DisplayName::parse(name)?;
    cx.node.charge_rename(cx.viewer.user.id)?;
    if let Some(user) = cx.node.store.rename(cx.viewer.user.id, &name).await? {
        tell(&cx.node, user);
    }
    Ok(())
}

/// Publishes a changed profile to everyone.
pub fn tell(node: &Node, user: User) {
    node.publish_change(Line::Workspace, user.rev, Change::Profile { user }, Vec::new());
}
