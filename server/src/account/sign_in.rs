//! Signing in and out.

use protocol::{ErrorCode, Handle};

use super::{Accounts, Error, Token, Viewer, password::Typed};
use crate::store::NewSession;

/// The sign-in form.
#[derive(Clone, Copy, Debug)]
pub struct SignIn<'a> {
    /// As it was typed.
    pub handle: &'a str,
    /// As it was typed.
    pub password: &'a str,
    /// The browser's name, from [`device_of`](super::device_of).
    pub device: &'a str,
}

impl Accounts {
    /// Begins a session and returns its token for the browser.
    ///
    /// # Errors
    /// [`ErrorCode::CredentialsWrong`] for a wrong handle or a wrong password;
    /// [`ErrorCode::AccountSuspended`], only if the password is right; [`ErrorCode::Busy`].
    pub async fn sign_in(&self, form: SignIn<'_>) -> Result<Token, Error> {
        let wrong = || Error::refused("", ErrorCode::CredentialsWrong);
        // Avoids hashing a text that cannot be a handle or a password. The shorter time reveals
        // nothing, because no account can have them.
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
            // The account was suspended or its password changed while the old one was being
            // verified. The next attempt returns the specific refusal.
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
