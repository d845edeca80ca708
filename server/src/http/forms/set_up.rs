//! The first person names the workspace and creates its first channel.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use protocol::{ErrorCode, FormName, Nonce, RoomKind, RoomTitle};

use super::{Done, Fault, Fields, FormPage, settings, signed_in};
use crate::{
    chat,
    http::{failure::failure, page::Route, viewer::Visit},
    site::Site,
};

pub(super) async fn set_up(State(site): State<Site>, visit: Visit, fields: Fields) -> Response {
    let tried = try_set_up(&site, &visit, &fields).await;
    FormPage { form: FormName::SetUp, route: Route::SetUp }.answer(&site, &visit, fields, tried).await
}

async fn try_set_up(site: &Site, visit: &Visit, fields: &Fields) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    if !viewer.user.role.is_admin() {
        return Err(Fault::refused("", ErrorCode::Forbidden));
    }
    let name = RoomTitle::parse(fields.get("place")).map_err(|refusal| Fault::refused("place", refusal))?;
    let channel =
        RoomTitle::parse(fields.get("channel")).map_err(|refusal| Fault::refused("channel", refusal))?;
    let workspace = site.node.store.workspace().await.map_err(|e| Fault::Failed(failure(&e)))?;
    if !workspace.name.is_empty() {
        return Ok(Done::to("/"));
    }
    let cx = chat::Context { node: Arc::clone(&site.node), viewer: viewer.clone() };
    // The nonce is always the same, so a second click does not create a second channel.
    let nonce = Nonce(workspace.epoch.0);
    let room = chat::rooms::create(&cx, nonce, RoomKind::Channel, channel.as_str(), "").await?;
    let named = site.node.store.set_up(name.as_str(), room.room.id).await;
    named.map_err(|e| Fault::Failed(failure(&e)))?;
    match settings::make_link(site, viewer, Done::to("/set-up")).await {
        // Invitations are not possible.
        Err(Fault::Refused { refusal, .. }) if refusal.code == ErrorCode::SignUpClosed => Ok(Done::to("/")),
        made => made,
    }
}
