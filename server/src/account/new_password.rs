//! Another password.

use protocol::{ErrorCode, Password};

use super::{Accounts, Error, Token, Viewer};
use crate::store::NewPassword;

/// What someone typed to change their password.
#[derive(Clone, Copy, Debug)]
pub struct ChangePassword<'a> {
    /// As it was typed.
    pub current: &'a str,
    /// As it was typed.
    pub password: &'a str,
}

impl Accounts {
    /// Gives the viewer another password. Every other session of theirs ends, and this one goes on with another token,
    /// the one that is returned: who has stolen the cookie comes in no more. The sockets of this session stay open.
    ///
    /// # Errors
    /// [`ErrorCode::PasswordWrong`], [`ErrorCode::PasswordTooShort`], [`ErrorCode::PasswordTooLong`],
    /// [`ErrorCode::Busy`]; [`ErrorCode::NotSignedIn`] when the session ends meanwhile.
    pub async fn change_password(&self, viewer: &Viewer, form: ChangePassword<'_>) -> Result<Token, Error> {
        let wrong = || Error::refused("current", ErrorCode::PasswordWrong);
        // What can be no password costs no hash.
        let current = Password::parse(form.current).map_err(|_| wrong())?;
        let password =
            Password::parse(form.password).map_err(|refusal| Error::refused("password", refusal))?;
        let user = viewer.user.id;
        let before = self.node.store.find_password_hash(user).await?;
        if !self.hasher.verify(current, before.clone()).await? {
            return Err(wrong());
        }
        let password_hash = self.hasher.hash(password).await?;
        let token = Token::generate();
        let new = NewPassword {
            user,
            before: before.as_deref().unwrap_or_default(),
            password_hash: &password_hash,
            session: viewer.session,
            token_hash: &token.hash(),
        };
        let Some(ended) = self.node.store.change_password(new).await? else {
            return Err(Error::refused("", ErrorCode::NotSignedIn));
        };
        tracing::info!(user.id = %user, sessions = ended.len(), "password changed");
        for session in ended {
            self.node.end_session(user, Some(session)).await;
        }
        Ok(token)
    }
}
