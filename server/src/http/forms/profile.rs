//! Changes the viewer's profile.

use std::sync::Arc;

use app::plain::{self, Section};
use axum::{extract::State, response::Response};
use protocol::FormName;

use super::{Done, Fault, Fields, FormPage, by_author, done_at, signed_in};
use crate::{chat, http::viewer::Visit, site::Site};

pub(super) async fn change(State(site): State<Site>, visit: Visit, fields: Fields) -> Response {
    let visit = by_author(visit, &fields);
    let tried = try_change(&site, &visit, &fields).await;
    FormPage::own(FormName::Profile, Section::Profile, &visit).answer(&site, &visit, fields, tried).await
}

async fn try_change(site: &Site, visit: &Visit, fields: &Fields) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    let cx = chat::Context { node: Arc::clone(&site.node), viewer: viewer.clone() };
    match chat::profile::rename(&cx, fields.get("name")).await {
        Ok(()) => Ok(done_at(Section::Profile, visit, plain::Done::Name)),
        Err(chat::Error::Refused(refusal)) => Err(Fault::refused("name", refusal)),
        Err(e) => Err(e.into()),
    }
}
