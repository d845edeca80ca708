//! A new password: chosen by its owner, or set by a link when it has been forgotten.

use protocol::{ErrorCode, User, UserId};

use super::{
    Accounts, Error, Token, Viewer,
    password::{self, Typed},
    sessions::ended_count,
};
use crate::store::{self, PasswordChange};

/// How long a link for a new password is good, in seconds.
const LINK_LIFETIME_S: f64 = 86_400.0;

/// What someone typed to change their password.
#[derive(Clone, Copy, Debug)]
pub struct ChangePassword<'a> {
    /// As it was typed.
    pub current: &'a str,
    /// As it was typed.
    pub password: &'a str,
}

/// What someone typed at the end of a link.
#[derive(Clone, Copy, Debug)]
pub struct SetPassword<'a> {
    /// The secret of the link.
    pub link: &'a str,
    /// As it was typed.
    pub password: &'a str,
    /// What the browser calls itself, from [`device_of`](super::device_of).
    pub device: &'a str,
}

impl Accounts {
    /// Makes a link by which a person may set a new password, once, within a day: an administrator gives it to
    /// someone who has forgotten theirs. It replaces the one before. Only this answer knows its secret.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`], [`ErrorCode::UserUnknown`], also of a suspended person.
    pub async fn make_password_link(&self, viewer: &Viewer, user: UserId) -> Result<Token, Error> {
        let token = Token::generate();
        self.node.store.insert_password_link(viewer.user.id, user, &token.hash(), LINK_LIFETIME_S).await?;
        tracing::info!(user.id = %user, by.id = %viewer.user.id, "made a link for a new password");
        Ok(token)
    }

    /// Whose password a link with this secret is for.
    ///
    /// # Errors
    /// [`ErrorCode::PasswordLinkInvalid`].
    pub async fn check_password_link(&self, secret: &str) -> Result<User, Error> {
        self.find_password_link(secret).await?.ok_or_else(link_invalid)
    }

    /// The same; `None` when the link is not good.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_password_link(&self, secret: &str) -> Result<Option<User>, store::Error> {
        match Token::parse(secret) {
            Some(token) => self.node.store.find_password_link(&token.hash()).await,
            None => Ok(None),
        }
    }

    /// Sets a new password by a link, which is then used up. Every session of the person ends, and one begins here.
    ///
    /// # Errors
    /// [`ErrorCode::PasswordLinkInvalid`], [`ErrorCode::PasswordTooShort`], [`ErrorCode::PasswordTooLong`],
    /// [`ErrorCode::Busy`].
    pub async fn set_password(&self, form: SetPassword<'_>) -> Result<Token, Error> {
        // A link that is void costs no hash. What counts is decided once more, in the transaction.
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

    /// Gives the viewer another password. Every other session of theirs ends, and this one goes on with another id
    /// and another token, which is returned: a stolen copy of the old cookie is worth nothing, and whatever was
    /// opened with it closes. The viewer's own browser comes back by itself
    /// ([`Node::renew_session`](crate::node::Node::renew_session)).
    ///
    /// # Errors
    /// [`ErrorCode::PasswordWrong`], [`ErrorCode::PasswordTooShort`], [`ErrorCode::PasswordTooLong`],
    /// [`ErrorCode::Busy`]; [`ErrorCode::NotSignedIn`] when the session ends meanwhile.
    pub async fn change_password(&self, viewer: &Viewer, form: ChangePassword<'_>) -> Result<Token, Error> {
        let wrong = || Error::refused("current", ErrorCode::PasswordWrong);
        // A text that cannot be a password costs no hash.
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
