//! Account management for administrators.

use protocol::{ErrorCode, UserId, WorkspaceRole};

use super::{Accounts, Error, Viewer};
use crate::{
    chat,
    store::{PeoplePage, PeopleRefused},
};

impl Accounts {
    /// A page of the list of accounts, for an administrator: accounts after `after` with `query` in
    /// their handle or name.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`].
    pub async fn list_people(
        &self,
        viewer: &Viewer,
        query: &str,
        after: Option<UserId>,
    ) -> Result<PeoplePage, Error> {
        if !viewer.user.role.is_admin() {
            return Err(Error::refused("", ErrorCode::Forbidden));
        }
        Ok(self.node.store.list_people(query, after).await?)
    }

    /// Suspends a person: their sessions end, their sockets close on every node, and they cannot
    /// sign in. Rooms of which they were the last owner get another one. Nobody can suspend
    /// themselves, so an administrator always remains.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`], [`ErrorCode::UserUnknown`].
    pub async fn suspend(&self, viewer: &Viewer, user: UserId) -> Result<(), Error> {
        let seq = self.node.store.suspend(viewer.user.id, user).await?;
        tracing::info!(user.id = %user, by.id = %viewer.user.id, "suspended");
        self.node.tell_sessions_ended(user, seq);
        self.pass_rooms_on(user).await
    }

    /// Lets a suspended person sign in again.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`], [`ErrorCode::UserUnknown`].
    pub async fn let_in_again(&self, viewer: &Viewer, user: UserId) -> Result<(), Error> {
        self.node.store.let_in_again(viewer.user.id, user).await?;
        tracing::info!(user.id = %user, by.id = %viewer.user.id, "let in again");
        self.pass_rooms_on(user).await
    }

    /// Changes a person's role in the workspace. Rooms without an owner who can act get one: those
    /// owned by someone who becomes a guest, and those with only guests when one of them becomes
    /// more.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`], [`ErrorCode::UserUnknown`], [`ErrorCode::LastOwner`],
    /// [`ErrorCode::SlowDown`].
    pub async fn set_role(&self, viewer: &Viewer, user: UserId, role: WorkspaceRole) -> Result<(), Error> {
        self.node.charge_rename(viewer.user.id).map_err(|refusal| Error::refused("", refusal))?;
        if let Some(profile) = self.node.store.set_workspace_role(viewer.user.id, user, role).await? {
            tracing::info!(user.id = %user, by.id = %viewer.user.id, role = role.as_str(), "has another role");
            chat::profile::tell(&self.node, profile);
        }
        // Even if nothing changed, because an earlier attempt may have failed halfway.
        self.pass_rooms_on(user).await
    }

    /// Gives an owner to each of a person's rooms that has none who can act, and publishes it. If
    /// it fails halfway, the administrator sees the failure and may repeat it.
    async fn pass_rooms_on(&self, user: UserId) -> Result<(), Error> {
        for (room, change) in self.node.store.pass_rooms_on(user).await? {
            match chat::rooms::tell_members(&self.node, room, &[change]).await {
                Ok(()) => {}
                Err(chat::Error::Store(e)) => return Err(e.into()),
                Err(chat::Error::Refused(refusal)) => return Err(Error::Refused { field: "", refusal }),
            }
        }
        Ok(())
    }
}

impl From<PeopleRefused> for Error {
    fn from(refused: PeopleRefused) -> Self {
        match refused {
            PeopleRefused::Forbidden => Self::refused("", ErrorCode::Forbidden),
            PeopleRefused::LastOwner => Self::refused("", ErrorCode::LastOwner),
            PeopleRefused::NoSuchUser => Self::refused("", ErrorCode::UserUnknown),
            PeopleRefused::Store(e) => Self::Store(e),
        }
    }
}
