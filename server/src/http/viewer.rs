//! Who asks: cookie → [`Viewer`].

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
    response::Response,
};
use protocol::{ErrorCode, Refusal};

use super::{
    Site,
    cookies::Cookie,
    guard::{ClientAddress, Refused},
    headers::ScriptNonce,
    page,
};
use crate::account::{self, Token, Viewer};

/// Whose session the cookie of a request belongs to; `None` without one that is good.
///
/// # Errors
/// When the database fails.
pub async fn find(site: &Site, headers: &HeaderMap) -> Result<Option<Viewer>, account::Error> {
    let token = Cookie::Session.read(headers, site.guard.is_https()).and_then(Token::parse);
    match token {
        Some(token) => site.accounts.find_viewer(&token).await,
        None => Ok(None),
    }
}

/// The viewer of a request that makes no sense without one, such as the socket's.
#[derive(Clone, Debug)]
pub struct SignedIn(pub Viewer);

impl FromRequestParts<Site> for SignedIn {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Self::Rejection> {
        match find(site, &parts.headers).await {
            Ok(Some(viewer)) => Ok(Self(viewer)),
            Ok(None) => Err(Refused(ErrorCode::NotSignedIn.into())),
            Err(e) => Err(Refused(failure(&e))),
        }
    }
}

/// A request by a person, from a page: who, from where, and with which preferences.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// Who, where someone is signed in.
    pub(super) viewer: Option<Viewer>,
    /// For limits only.
    pub(super) address: ClientAddress,
    /// With the cookies.
    pub(super) headers: HeaderMap,
    /// The page's own scripts carry it.
    pub(super) nonce: String,
}

impl FromRequestParts<Site> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Self::Rejection> {
        let viewer = find(site, &parts.headers).await.map_err(|e| page::failed(&e))?;
        let nonce = parts.extensions.get().map(|ScriptNonce(nonce)| nonce.clone()).unwrap_or_default();
        let address = ClientAddress::of(&site.guard, &parts.headers, &parts.extensions);
        Ok(Self { viewer, address, headers: parts.headers.clone(), nonce })
    }
}

/// Writes down why something failed, once, and gives what the browser is told.
pub(super) fn failure(e: &dyn std::error::Error) -> Refusal {
    tracing::error!(error = %e, "a request failed");
    Refusal::new(ErrorCode::Internal).retry_ms(2_000)
}
