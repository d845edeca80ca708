//! Signing up.

use protocol::{DisplayName, ErrorCode, Handle, UserId};
use uuid::Uuid;

use super::{Accounts, Error, Token, password::NewPassword};
use crate::{
    config::SignUpMode,
    store::{Admission, NewUser, SignUpRefused},
};

/// The sign-up form.
#[derive(Clone, Copy, Debug)]
pub struct SignUp<'a> {
    /// As it was typed.
    pub handle: &'a str,
    /// As it was typed.
    pub name: &'a str,
    /// As it was typed.
    pub password: &'a str,
    /// The secret of the invitation; empty without one.
    pub invitation: &'a str,
    /// The browser's name, from [`device_of`](super::device_of).
    pub device: &'a str,
}

impl Accounts {
    /// Creates an account and begins its first session; returns the session's token for the
    /// browser.
    ///
    /// Refuses as much as possible before hashing the password. The transaction that creates the
    /// account checks again.
    ///
    /// # Errors
    /// [`ErrorCode::SignUpClosed`], [`ErrorCode::InvitationInvalid`], [`ErrorCode::HandleInvalid`],
    /// [`ErrorCode::HandleTaken`], [`ErrorCode::TextEmpty`] and the like for the name,
    /// [`ErrorCode::PasswordTooShort`], [`ErrorCode::PasswordTooLong`], [`ErrorCode::Busy`].
    pub async fn sign_up(&self, form: SignUp<'_>) -> Result<Token, Error> {
        let invitation = Token::parse(form.invitation).map(|token| token.hash());
        let (first, invitation) = self.check_entry(invitation).await?;
        let handle = Handle::parse(form.handle).map_err(|refusal| Error::refused("handle", refusal))?;
        let name = DisplayName::parse(form.name).map_err(|refusal| Error::refused("name", refusal))?;
        let password =
            NewPassword::parse(form.password).map_err(|refusal| Error::refused("password", refusal))?;
        if handle.is_reserved() || self.node.store.is_handle_taken(&handle).await? {
            return Err(Error::refused("handle", ErrorCode::HandleTaken));
        }
        let password_hash = self.hasher.hash(password).await?;
        let user = NewUser { id: UserId(Uuid::now_v7()), handle, name, password_hash };
        let token = Token::generate();
        let admission = self.admission(invitation.as_ref());
        let is_first =
            self.node.store.sign_up(&user, admission, &self.new_session(&token.hash(), form.device)).await?;
        debug_assert!(first || !is_first, "there is one first account");
        tracing::info!(user.id = %user.id, first = is_first, "signed up");
        Ok(token)
    }

    /// Whether a newcomer may sign up at all. Returns whether they are the first person, and their
    /// invitation. Ignores an invalid invitation if none is needed.
    async fn check_entry(&self, invitation: Option<[u8; 32]>) -> Result<(bool, Option<[u8; 32]>), Error> {
        let who = self.who_may_sign_up().await?;
        let invitation = match invitation {
            Some(hash) if self.node.store.is_invitation_good(&hash).await? => Some(hash),
            Some(_) | None => None,
        };
        match who {
            protocol::WhoMaySignUp::First => Ok((true, invitation)),
            protocol::WhoMaySignUp::Open => Ok((false, invitation)),
            protocol::WhoMaySignUp::Closed => Err(Error::refused("", ErrorCode::SignUpClosed)),
            protocol::WhoMaySignUp::Invite if invitation.is_some() => Ok((false, invitation)),
            protocol::WhoMaySignUp::Invite => Err(Error::refused("invitation", ErrorCode::InvitationInvalid)),
        }
    }

    fn admission<'a>(&self, invitation: Option<&'a [u8; 32]>) -> Admission<'a> {
        match (self.config.sign_up, invitation) {
            // Counts a use even if sign-up is open, because only the link itself limits sign-ups by
            // that link.
            (SignUpMode::Open | SignUpMode::Invite, Some(hash)) => Admission::Invitation(hash),
            (SignUpMode::Open, None) => Admission::Open,
            // The first person needs no invitation. If two sign up at once, the second one does.
            (SignUpMode::Invite, None) => Admission::Invitation(&[]),
            (SignUpMode::Closed, _) => Admission::Closed,
        }
    }
}

impl From<SignUpRefused> for Error {
    fn from(refused: SignUpRefused) -> Self {
        match refused {
            SignUpRefused::HandleTaken => Self::refused("handle", ErrorCode::HandleTaken),
            SignUpRefused::InvitationInvalid => Self::refused("invitation", ErrorCode::InvitationInvalid),
            SignUpRefused::Closed => Self::refused("", ErrorCode::SignUpClosed),
            SignUpRefused::Store(e) => Self::Store(e),
        }
    }
}
