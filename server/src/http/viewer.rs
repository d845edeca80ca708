//! Who requests a page, from where, and with which preferences.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
    response::Response,
};

use super::{failure::failed, headers::ScriptNonce};
use crate::{
    account::Viewer,
    entry::{guard::ClientAddress, viewer},
    site::Site,
};

/// A page request: who, from where, and with which preferences.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// The viewer, if signed in.
    pub(super) viewer: Option<Viewer>,
    /// Only for limits.
    pub(super) address: ClientAddress,
    /// Including the cookies.
    pub(super) headers: HeaderMap,
    /// The nonce of the page's own scripts.
    pub(super) nonce: String,
}

impl FromRequestParts<Site> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Self::Rejection> {
        let viewer =
            viewer::find(&site.accounts, &site.guard, &parts.headers).await.map_err(|e| failed(&e))?;
        let nonce = parts.extensions.get().map(|ScriptNonce(nonce)| nonce.clone()).unwrap_or_default();
        let address = ClientAddress::of(&site.guard, &parts.headers, &parts.extensions);
        Ok(Self { viewer, address, headers: parts.headers.clone(), nonce })
    }
}
