//! Invitation links. Everyone but guests may invite, unless sign-up is closed. In that case
//! administrators cannot invite either, and existing links are void for the time being.

use protocol::{ErrorCode, InvitationId, InvitationView, WorkspaceRole};

use super::{Accounts, Error, Token, Viewer};
use crate::{config::SignUpMode, store};

impl Accounts {
    /// Whether links may be created and used.
    #[must_use]
    pub fn may_invite(&self) -> bool {
        match self.config.sign_up {
            SignUpMode::Open | SignUpMode::Invite => true,
            SignUpMode::Closed => false,
        }
    }

    /// Creates a link. Its secret is only in the returned token.
    ///
    /// # Errors
    /// [`ErrorCode::SignUpClosed`]; [`ErrorCode::Forbidden`] to a guest.
    pub async fn invite(&self, viewer: &Viewer) -> Result<(InvitationId, Token), Error> {
        if !self.may_invite() {
            return Err(Error::refused("", ErrorCode::SignUpClosed));
        }
        // A newcomer becomes a member, which is more than a guest.
        if self.node.store.workspace_role(viewer.user.id).await? == WorkspaceRole::Guest {
            return Err(Error::refused("", ErrorCode::Forbidden));
        }
        let token = Token::generate();
        let lifetime_s = self.config.invitation_lifetime().as_secs_f64();
        let uses = i32::from(self.config.invitation_uses);
        let by = viewer.user.id;
        let id = self.node.store.insert_invitation(by, &token.hash(), lifetime_s, uses).await?;
        Ok((id, token))
    }

    /// The viewer's valid links, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_invitations(&self, viewer: &Viewer) -> Result<Vec<InvitationView>, Error> {
        if !self.may_invite() {
            return Ok(Vec::new());
        }
        let invitations = self.node.store.list_invitations(viewer.user.id).await?;
        let view = |invitation: store::Invitation| InvitationView {
            id: invitation.id,
            link: None,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
            uses_left: u32::try_from(invitation.uses_left).unwrap_or_default(),
        };
        Ok(invitations.into_iter().map(view).collect())
    }

    /// Revokes one of the viewer's links. Does nothing if it is already void.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_invitation(&self, viewer: &Viewer, id: InvitationId) -> Result<(), Error> {
        self.node.store.revoke_invitation(viewer.user.id, id).await?;
        Ok(())
    }

    /// Checks that the link with this secret is valid.
    ///
    /// # Errors
    /// [`ErrorCode::SignUpClosed`], [`ErrorCode::InvitationInvalid`].
    pub async fn check_invitation(&self, secret: &str) -> Result<(), Error> {
        if !self.may_invite() {
            return Err(Error::refused("", ErrorCode::SignUpClosed));
        }
        match self.find_invitation(secret).await? {
            Some(_) => Ok(()),
            None => Err(Error::refused("invitation", ErrorCode::InvitationInvalid)),
        }
    }

    /// The token of a link, if the link is valid now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_invitation(&self, secret: &str) -> Result<Option<Token>, store::Error> {
        match Token::parse(secret).filter(|_| self.may_invite()) {
            Some(token) if self.node.store.is_invitation_good(&token.hash()).await? => Ok(Some(token)),
            Some(_) | None => Ok(None),
        }
    }
}
