//! Who asks: cookie → [`Viewer`].

use axum::http::HeaderMap;

use super::{cookies::Cookie, guard::Guard};
use crate::account::{self, Accounts, Token, Viewer};

/// Whose session the cookie of a request belongs to; `None` without one that is good.
///
/// # Errors
/// When the database fails.
pub async fn find(
    accounts: &Accounts,
    guard: &Guard,
    headers: &HeaderMap,
) -> Result<Option<Viewer>, account::Error> {
    let token = Cookie::Session.read(headers, guard.is_https()).and_then(Token::parse);
    match token {
        Some(token) => accounts.find_viewer(&token).await,
        None => Ok(None),
    }
}
