//! Sign in, sign up, sign out.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, header::USER_AGENT},
    response::Response,
};
use protocol::{ErrorCode, FormName};

use super::{Done, Fault, Fields, FormPage, small};
use crate::{
    account::{self, SignIn, SignUp, Token, device_of},
    chat,
    entry::cookies::Cookie,
    http::{address::safe_next, page::Route, viewer::Visit},
    site::Site,
};

pub(super) async fn sign_in(State(site): State<Site>, visit: Visit, fields: Fields) -> Response {
    let tried = try_sign_in(&site, &visit, &fields).await;
    FormPage { form: FormName::SignIn, route: Route::SignIn }.answer(&site, &visit, fields, tried).await
}

async fn try_sign_in(site: &Site, visit: &Visit, fields: &Fields) -> Result<Done, Fault> {
    let attempt = site.rate_limits.try_sign_in(visit.address.0, fields.get("handle"))?;
    let form = SignIn {
        handle: fields.get("handle"),
        password: fields.get("password"),
        device: &device(&visit.headers),
    };
    let signed_in = site.accounts.sign_in(form).await;
    if !is_wrong_guess(&signed_in) {
        attempt.give_back();
    }
    let token = signed_in?;
    end_former(site, visit).await?;
    Ok(Done::to(safe_next(fields.get("next"))).with(session_cookie(site, &token)))
}

/// Whether a password was compared and was wrong. Nothing else counts as a guess.
pub(super) fn is_wrong_guess<T>(tried: &Result<T, account::Error>) -> bool {
    matches!(tried, Err(account::Error::Refused { refusal, .. })
        if [ErrorCode::CredentialsWrong, ErrorCode::PasswordWrong].contains(&refusal.code))
}

pub(super) async fn sign_up(State(site): State<Site>, visit: Visit, fields: Fields) -> Response {
    let tried = try_sign_up(&site, &visit, &fields).await;
    FormPage { form: FormName::SignUp, route: Route::SignUp }.answer(&site, &visit, fields, tried).await
}

async fn try_sign_up(site: &Site, visit: &Visit, fields: &Fields) -> Result<Done, Fault> {
    // A valid link limits its own uses, regardless of the address.
    let invited = match site.accounts.find_invitation(fields.get("invitation")).await? {
        Some(link) => Some(site.rate_limits.try_invited(link.hash())?),
        None => {
            site.rate_limits.check_sign_up(visit.address.0)?;
            None
        }
    };
    let form = SignUp {
        handle: fields.get("handle"),
        name: fields.get("name"),
        password: fields.get("password"),
        invitation: fields.get("invitation"),
        device: &device(&visit.headers),
    };
    let token = site.accounts.sign_up(form).await?;
    if let Some(attempt) = invited {
        attempt.give_back();
    }
    end_former(site, visit).await?;
    let to = arrive(site, &token, fields).await;
    Ok(Done::to(to).with(session_cookie(site, &token)))
}

/// Adds a newcomer to the first channel, and returns where to go. The account already exists, so a
/// failure here must not refuse the form.
async fn arrive(site: &Site, token: &Token, fields: &Fields) -> String {
    let next = safe_next(fields.get("next")).to_owned();
    match join_first_channel(site, token).await {
        Ok(Some(room)) if next == "/" => room,
        Ok(_) => next,
        Err(e) => {
            tracing::error!(error = %e, "a newcomer did not get into the first channel");
            next
        }
    }
}

async fn join_first_channel(site: &Site, token: &Token) -> Result<Option<String>, chat::Error> {
    let workspace = site.node.store.workspace().await?;
    let viewer = match site.accounts.find_viewer(token).await {
        Ok(viewer) => viewer,
        Err(account::Error::Store(e)) => return Err(e.into()),
        Err(account::Error::Refused { refusal, .. }) => return Err(chat::Error::Refused(refusal)),
    };
    let (Some(viewer), Some(room)) = (viewer, workspace.first_channel) else { return Ok(None) };
    let cx = chat::Context { node: Arc::clone(&site.node), viewer };
    match chat::rooms::join(&cx, room).await {
        Ok(_) => Ok(Some(format!("/r/{room}"))),
        // It has been deleted.
        Err(chat::Error::Refused(refusal)) if refusal.code == ErrorCode::RoomUnknown => Ok(None),
        Err(e) => Err(e),
    }
}

pub(super) async fn sign_out(State(site): State<Site>, visit: Visit) -> Response {
    small(try_sign_out(&site, &visit).await)
}

async fn try_sign_out(site: &Site, visit: &Visit) -> Result<Done, Fault> {
    end_former(site, visit).await?;
    let https = site.guard.is_https();
    Ok(Done::to("/sign-in").with(Cookie::Session.clear(https)).with(Cookie::Link.clear(https)))
}

/// Ends the session that the browser had before.
pub(super) async fn end_former(site: &Site, visit: &Visit) -> Result<(), Fault> {
    match &visit.viewer {
        Some(viewer) => Ok(site.accounts.sign_out(viewer).await?),
        None => Ok(()),
    }
}

pub(super) fn session_cookie(site: &Site, token: &Token) -> axum::http::HeaderValue {
    Cookie::Session.write(&token.reveal(), site.guard.is_https())
}

pub(super) fn device(headers: &HeaderMap) -> String {
    device_of(headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default())
}
