//! New passwords: changed by the owner, or set by a link if the old one is forgotten.

use protocol::{ErrorCode, User, UserId};

use super::{
    Accounts, Error, Token, Viewer,
    password::{self, Typed},
    sessions::ended_count,
};
use crate::store::{self, PasswordChange};

/// How long a password link is valid, in seconds.
const LINK_LIFETIME_S: f64 = 86_400.0;

/// The form that changes a password.
#[derive(Clone, Copy, Debug)]
pub struct ChangePassword<'a> {
    /// As it was typed.
    pub current: &'a str,
    /// As it was typed.
    pub password: &'a str,
}

/// The form that sets a password by a link.
#[derive(Clone, Copy, Debug)]
pub struct SetPassword<'a> {
    /// The secret of the link.
    pub link: &'a str,
    /// As it was typed.
    pub password: &'a str,
    /// The browser's name, from [`device_of`](super::device_of).
    pub device: &'a str,
}

impl Accounts {
    /// Creates a link by which a person may set a new password once, within a day. An administrator
    /// gives it to someone who has forgotten their password. It replaces any earlier one. Its
    /// secret is only in the returned token.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`], [`ErrorCode::UserUnknown`], which also stands for a suspended
    /// person.
    pub async fn make_password_link(&self, viewer: &Viewer, user: UserId) -> Result<Token, Error> {
        let token = Token::generate();
        self.node.store.insert_password_link(viewer.user.id, user, &token.hash(), LINK_LIFETIME_S).await?;
        tracing::info!(user.id = %user, by.id = %viewer.user.id, "made a link for a new password");
        Ok(token)
    }

    /// The person whose password the link with this secret sets.
    ///
    /// # Errors
    /// [`ErrorCode::PasswordLinkInvalid`].
    pub async fn check_password_link(&self, secret: &str) -> Result<User, Error> {
        self.find_password_link(secret).await?.ok_or_else(link_invalid)
    }

    /// The same, but `None` if the link is not valid.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_password_link(&self, secret: &str) -> Result<Option<User>, store::Error> {
        match Token::parse(secret) {
            Some(token) => self.node.store.find_password_link(&token.hash()).await,
            None => Ok(None),
        }
    }

    /// Sets a new password by a link, which is then used up. Ends every session of the person and
    /// begins one here.
    ///
    /// # Errors
    /// [`ErrorCode::PasswordLinkInvalid`], [`ErrorCode::PasswordTooShort`],
    /// [`ErrorCode::PasswordTooLong`], [`ErrorCode::Busy`].
    pub async fn set_password(&self, form: SetPassword<'_>) -> Result<Token, Error> {
        // Avoids hashing for a void link. The transaction checks again.
        self.check_password_link(form.link).await?;
        let link = Token::parse(form.link).ok_or_else(link_invalid)?;
        let password = password::NewPassword::parse(form.password)
            .map_err(|refusal| Error::refused("password", refusal))?;
        let password_hash = self.hasher.hash(password).await?;
        let token = Token::generate();
        let hash = token.hash();
        let session = self.new_session(&hash, form.device);
        let Some((user, ended)) =
            self.node.store.use_password_link(&link.hash(), &password_hash, &session).await?
        else {
            return Err(link_invalid());
        };
        tracing::info!(user.id = %user, sessions = ended_count(&ended), "password set by a link");
        if let Some(ended) = ended {
            self.node.tell_sessions_ended(user, ended.seq);
        }
        Ok(token)
    }

    /// Changes the viewer's password. All their other sessions end. This one gets a new id and a
    /// new token, which is returned, so that a stolen copy of the old cookie is worthless, and
    /// anything that was opened with it closes. The viewer's own browser reconnects by itself
    /// ([`Node::renew_session`](crate::node::Node::renew_session)).
    ///
    /// # Errors
    /// [`ErrorCode::PasswordWrong`], [`ErrorCode::PasswordTooShort`],
    /// [`ErrorCode::PasswordTooLong`], [`ErrorCode::Busy`]; [`ErrorCode::NotSignedIn`] when the
    /// session ends meanwhile.
    pub async fn change_password(&self, viewer: &Viewer, form: ChangePassword<'_>) -> Result<Token, Error> {
        let wrong = || Error::refused("current", ErrorCode::PasswordWrong);
        // Avoids hashing a text that cannot be a password.
        let current = Typed::parse(form.current).ok_or_else(wrong)?;
        let password = password::NewPassword::parse(form.password)
            .map_err(|refusal| Error::refused("password", refusal))?;
        let user = viewer.user.id;
        let before = self.node.store.find_password_hash(user).await?;
        if !self.hasher.verify(current, before.clone()).await? {
            return Err(wrong());
        }
        let password_hash = self.hasher.hash(password).await?;
        let token = Token::generate();
        let new = PasswordChange {
            user,
            before: before.as_deref().unwrap_or_default(),
            password_hash: &password_hash,
            session: viewer.session,
            token_hash: &token.hash(),
        };
        let Some(renewed) = self.node.store.change_password(new).await? else {
            return Err(Error::refused("", ErrorCode::NotSignedIn));
        };
        tracing::info!(user.id = %user, sessions = ended_count(&renewed.ended), "password changed");
        self.tell_renewed(viewer, renewed);
        Ok(token)
    }
}

fn link_invalid() -> Error {
    Error::refused("", ErrorCode::PasswordLinkInvalid)
}
