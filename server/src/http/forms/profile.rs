//! Changes the profile that everybody sees.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use protocol::FormName;

use super::{Done, Fault, Fields, FormPage, signed_in};
use crate::{
    chat,
    http::{page::Route, viewer::Visit},
    site::Site,
};

pub(super) async fn change(State(site): State<Site>, visit: Visit, fields: Fields) -> Response {
    let tried = try_change(&site, &visit, &fields).await;
    FormPage { form: FormName::Profile, route: Route::Settings }.answer(&site, &visit, fields, tried).await
}

async fn try_change(site: &Site, visit: &Visit, fields: &Fields) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    let cx = chat::Context { node: Arc::clone(&site.node), viewer: viewer.clone() };
    match chat::profile::rename(&cx, fields.get("name")).await {
        Ok(()) => Ok(Done::to("/settings?done=profile")),
        Err(chat::Error::Refused(refusal)) => Err(Fault::refused("name", refusal)),
        Err(e) => Err(e.into()),
    }
}
