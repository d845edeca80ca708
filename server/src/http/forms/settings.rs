//! Sessions and invitations.

use axum::{
    extract::{Path, State},
    response::Response,
};
use protocol::{ErrorCode, FormName};

use super::{Done, Fault, Fields, FormPage, account::session_cookie, signed_in, small};
use crate::{
    account::Viewer,
    entry::cookies::Cookie,
    http::{page::Route, viewer::Visit},
    site::Site,
};

pub(super) async fn end_session(State(site): State<Site>, visit: Visit, Path(id): Path<String>) -> Response {
    small(try_end_session(&site, &visit, &id).await)
}

async fn try_end_session(site: &Site, visit: &Visit, id: &str) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    if let Ok(id) = id.parse() {
        site.accounts.end_session(viewer, id).await?;
    }
    Ok(Done::to("/settings"))
}

pub(super) async fn end_other_sessions(State(site): State<Site>, visit: Visit) -> Response {
    small(try_end_other_sessions(&site, &visit).await)
}

async fn try_end_other_sessions(site: &Site, visit: &Visit) -> Result<Done, Fault> {
    let token = site.accounts.end_other_sessions(signed_in(visit)?).await?;
    Ok(Done::to("/settings").with(session_cookie(site, &token)))
}

pub(super) async fn invite(State(site): State<Site>, visit: Visit, fields: Fields) -> Response {
    let tried = try_invite(&site, &visit).await;
    FormPage { form: FormName::Invite, route: Route::Settings }.answer(&site, &visit, fields, tried).await
}

async fn try_invite(site: &Site, visit: &Visit) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    site.rate_limits.check_sign_up(visit.address.0)?;
    make_link(site, viewer, "/settings").await
}

/// Makes a link and lets this browser, and no other, see it at `to`. There is none while nobody can be invited.
pub(super) async fn make_link(site: &Site, viewer: &Viewer, to: &str) -> Result<Done, Fault> {
    match site.accounts.invite(viewer).await.map_err(Fault::from) {
        Ok((id, token)) => {
            let cookie = format!("{id}.{}", token.reveal());
            Ok(Done::to(to).with(Cookie::Link.write(&cookie, site.guard.is_https())))
        }
        Err(Fault::Refused { refusal, .. })
            if to != "/settings" && refusal.code == ErrorCode::SignUpClosed =>
        {
            Ok(Done::to("/"))
        }
        Err(fault) => Err(fault),
    }
}

pub(super) async fn revoke_invitation(
    State(site): State<Site>,
    visit: Visit,
    Path(id): Path<String>,
) -> Response {
    small(try_revoke(&site, &visit, &id).await)
}

async fn try_revoke(site: &Site, visit: &Visit, id: &str) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    if let Ok(id) = id.parse() {
        site.accounts.revoke_invitation(viewer, id).await?;
    }
    Ok(Done::to("/settings"))
}
