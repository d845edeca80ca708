//! Sessions and invitations.

use app::plain::{self, Section};
use axum::{extract::State, response::Response};
use protocol::FormName;

use super::{
    About, Done, Fault, Fields, FormPage, account::session_cookie, by_author, done_at, signed_in, small,
};
use crate::{account::Viewer, entry::cookies::Cookie, http::viewer::Visit, site::Site};

pub(super) async fn end_session(State(site): State<Site>, About { visit, id, .. }: About) -> Response {
    small(try_end_session(&site, &visit, &id).await)
}

async fn try_end_session(site: &Site, visit: &Visit, id: &str) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    if let Ok(id) = id.parse() {
        site.accounts.end_session(viewer, id).await?;
    }
    Ok(done_at(Section::Account, visit, plain::Done::Device))
}

pub(super) async fn end_other_sessions(State(site): State<Site>, visit: Visit, fields: Fields) -> Response {
    let visit = by_author(visit, &fields);
    small(try_end_other_sessions(&site, &visit).await)
}

async fn try_end_other_sessions(site: &Site, visit: &Visit) -> Result<Done, Fault> {
    let token = site.accounts.end_other_sessions(signed_in(visit)?).await?;
    Ok(done_at(Section::Account, visit, plain::Done::Devices).with(session_cookie(site, &token)))
}

pub(super) async fn invite(State(site): State<Site>, visit: Visit, fields: Fields) -> Response {
    let visit = by_author(visit, &fields);
    let tried = try_invite(&site, &visit).await;
    FormPage::own(FormName::Invite, Section::Invitations, &visit).answer(&site, &visit, fields, tried).await
}

async fn try_invite(site: &Site, visit: &Visit) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    site.rate_limits.check_sign_up(visit.address.0)?;
    make_link(site, viewer, done_at(Section::Invitations, visit, plain::Done::Link)).await
}

/// Creates a link. Only this browser sees it, on the page of `done`.
pub(super) async fn make_link(site: &Site, viewer: &Viewer, done: Done) -> Result<Done, Fault> {
    let (id, token) = site.accounts.invite(viewer).await?;
    let cookie = format!("{id}.{}", token.reveal());
    Ok(done.with(Cookie::Link.write(&cookie, site.guard.is_https())))
}

pub(super) async fn revoke_invitation(State(site): State<Site>, About { visit, id, .. }: About) -> Response {
    small(try_revoke(&site, &visit, &id).await)
}

async fn try_revoke(site: &Site, visit: &Visit, id: &str) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    if let Ok(id) = id.parse() {
        site.accounts.revoke_invitation(viewer, id).await?;
    }
    Ok(done_at(Section::Invitations, visit, plain::Done::Revoked))
}
