//! Lets administrators retry or delete jobs that failed too often.

use app::plain::{self, Section};
use axum::{extract::State, response::Response};
use protocol::ErrorCode;
use uuid::Uuid;

use super::{About, Done, Fault, done_at, signed_in, small};
use crate::{http::viewer::Visit, site::Site};

pub(super) async fn retry(State(site): State<Site>, About { visit, id, .. }: About) -> Response {
    small(try_retry(&site, &visit, &id).await)
}

async fn try_retry(site: &Site, visit: &Visit, id: &str) -> Result<Done, Fault> {
    if let Some(id) = allowed(visit, id)? {
        site.node.store.revive_job(id).await?;
        site.node.wake_jobs();
    }
    Ok(done_at(Section::Jobs, visit, plain::Done::JobRetried))
}

pub(super) async fn delete(State(site): State<Site>, About { visit, id, .. }: About) -> Response {
    small(try_delete(&site, &visit, &id).await)
}

async fn try_delete(site: &Site, visit: &Visit, id: &str) -> Result<Done, Fault> {
    if let Some(id) = allowed(visit, id)? {
        site.node.store.delete_dead_job(id).await?;
    }
    Ok(done_at(Section::Jobs, visit, plain::Done::JobDeleted))
}

/// The job's id, if the viewer is an administrator; `None` if `id` is not valid.
fn allowed(visit: &Visit, id: &str) -> Result<Option<Uuid>, Fault> {
    if !signed_in(visit)?.user.role.is_admin() {
        return Err(Fault::refused("", ErrorCode::Forbidden));
    }
    Ok(id.parse().ok())
}
