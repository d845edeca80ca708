//! Signing in and out.

use protocol::{ErrorCode, Handle};

use super::{Accounts, Error, Token, Viewer, password::Typed};
use crate::store::NewSession;

/// What someone typed to sign in.
#[derive(Clone, Copy, Debug)]
pub struct SignIn<'a> {
    /// As it was typed.
    pub handle: &'a str,
    /// As it was typed.
    pub password: &'a str,
    /// What the browser calls itself, from [`device_of`](super::device_of).
    pub device: &'a str,
}

impl Accounts {
    /// Begins a session: its token goes to the browser.
    ///
    /// # Errors
    /// [`ErrorCode::CredentialsWrong`], whether it is the handle or the password; [`ErrorCode::AccountSuspended`],
    /// only to somebody who knows the password; [`ErrorCode::Busy`].
    pub async fn sign_in(&self, form: SignIn<'_>) -> Result<Token, Error> {
        let wrong = || Error::refused("", ErrorCode::CredentialsWrong);
        // A text that cannot be a handle or a password costs no hash. Being quicker tells nothing here, because
        // nobody can have such an account.
        let handle = Handle::parse(form.handle).map_err(|_| wrong())?;
        let password = Typed::parse(form.password).ok_or_else(wrong)?;
        let credentials = self.node.store.find_credentials(&handle).await?;
        let hash = credentials.as_ref().map(|credentials| credentials.password_hash.clone());
        let matches = self.hasher.verify(password, hash).await?;
        let Some(credentials) = credentials.filter(|_| matches) else {
            return Err(wrong());
        };
        if credentials.suspended {
            return Err(Error::refused("", ErrorCode::AccountSuspended));
        }
        let token = Token::generate();
        let hash = token.hash();
        let session = self.new_session(&hash, form.device);
        let begun =
            self.node.store.insert_session(credentials.user, &credentials.password_hash, &session).await?;
        if begun.is_none() {
            // The account was suspended, or got another password, while the old one was compared. The next try is
            // told which.
            return Err(wrong());
        }
        tracing::info!(user.id = %credentials.user, "signed in");
        Ok(token)
    }

    /// Ends the viewer's own session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_out(&self, viewer: &Viewer) -> Result<(), Error> {
        self.end_session(viewer, viewer.session).await
    }

    pub(super) fn new_session<'a>(&self, token_hash: &'a [u8; 32], device: &'a str) -> NewSession<'a> {
        NewSession { token_hash, device, lifetime_s: self.config.session_lifetime().as_secs_f64() }
    }
}
