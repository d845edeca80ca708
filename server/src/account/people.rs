//! What an administrator sees of the accounts, and does with them.

use protocol::{ErrorCode, PersonView, UserId};

use super::{Accounts, Error, Viewer};
use crate::store::PeopleRefused;

impl Accounts {
    /// The accounts with `query` in their handle or name, for an administrator; one more than are shown, where there are so
    /// many.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`].
    pub async fn list_people(&self, viewer: &Viewer, query: &str) -> Result<Vec<PersonView>, Error> {
        if !viewer.admin {
            return Err(Error::refused("", ErrorCode::Forbidden));
        }
        Ok(self.node.store.list_people(query).await?)
    }

    /// Suspends a person: their sessions end, their sockets close on every node, and they cannot sign in. Nobody suspends
    /// themselves, so there is always an administrator left.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`], [`ErrorCode::UserUnknown`].
    pub async fn suspend(&self, viewer: &Viewer, user: UserId) -> Result<(), Error> {
        self.node.store.suspend(viewer.user.id, user).await?;
        tracing::info!(user.id = %user, by.id = %viewer.user.id, "suspended");
        self.node.end_sessions(user).await;
        Ok(())
    }

    /// Lets a suspended person sign in again.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`], [`ErrorCode::UserUnknown`].
    pub async fn let_in_again(&self, viewer: &Viewer, user: UserId) -> Result<(), Error> {
        self.node.store.let_in_again(viewer.user.id, user).await?;
        tracing::info!(user.id = %user, by.id = %viewer.user.id, "let in again");
        Ok(())
    }
}

impl From<PeopleRefused> for Error {
    fn from(refused: PeopleRefused) -> Self {
        match refused {
            PeopleRefused::Forbidden => Self::refused("", ErrorCode::Forbidden),
            PeopleRefused::NoSuchUser => Self::refused("", ErrorCode::UserUnknown),
            PeopleRefused::Store(e) => Self::Store(e),
        }
    }
}
