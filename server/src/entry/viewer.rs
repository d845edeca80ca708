//! Identifies the requester: cookie → [`Viewer`].

use axum::http::HeaderMap;

use super::{cookies::Cookie, guard::Guard};
use crate::account::{self, Accounts, Token, Viewer};

/// The viewer whose session cookie a request carries; `None` without a valid one.
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
