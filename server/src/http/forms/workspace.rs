//! Renames the workspace.

use app::plain::{self, Section};
use axum::{extract::State, response::Response};
use protocol::{ErrorCode, FormName, RoomTitle};

use super::{Done, Fault, Fields, FormPage, by_author, done_at, signed_in};
use crate::{http::viewer::Visit, site::Site};

pub(super) async fn rename(State(site): State<Site>, visit: Visit, fields: Fields) -> Response {
    let visit = by_author(visit, &fields);
    let tried = try_rename(&site, &visit, &fields).await;
    FormPage::own(FormName::Workspace, Section::Workspace, &visit).answer(&site, &visit, fields, tried).await
}

async fn try_rename(site: &Site, visit: &Visit, fields: &Fields) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    if !viewer.user.role.is_admin() {
        return Err(Fault::refused("", ErrorCode::Forbidden));
    }
    let name = RoomTitle::parse(fields.get("place")).map_err(|refusal| Fault::refused("place", refusal))?;
    site.node.charge_rename(viewer.user.id)?;
    site.node.store.rename_workspace(name.as_str()).await?;
    tracing::info!(by.id = %viewer.user.id, "renamed the workspace");
    Ok(done_at(Section::Workspace, visit, plain::Done::Workspace))
}
