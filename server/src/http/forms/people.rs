//! What an administrator does with others' accounts.

use axum::{
    extract::{Path, State},
    response::Response,
};
use protocol::{ErrorCode, UserId};

use super::{Done, Fault, Fields, signed_in, small};
use crate::http::{Site, page::path_safe, viewer::Visit};

pub(super) async fn suspend(
    State(site): State<Site>,
    visit: Visit,
    Path(id): Path<String>,
    fields: Fields,
) -> Response {
    small(try_suspend(&site, &visit, &id, &fields).await)
}

async fn try_suspend(site: &Site, visit: &Visit, id: &str, fields: &Fields) -> Result<Done, Fault> {
    site.accounts.suspend(signed_in(visit)?, person(id)?).await?;
    Ok(back(fields))
}

pub(super) async fn let_in_again(
    State(site): State<Site>,
    visit: Visit,
    Path(id): Path<String>,
    fields: Fields,
) -> Response {
    small(try_let_in_again(&site, &visit, &id, &fields).await)
}

async fn try_let_in_again(site: &Site, visit: &Visit, id: &str, fields: &Fields) -> Result<Done, Fault> {
    site.accounts.let_in_again(signed_in(visit)?, person(id)?).await?;
    Ok(back(fields))
}

fn person(id: &str) -> Result<UserId, Fault> {
    id.parse().map_err(|_| Fault::refused("", ErrorCode::UserUnknown))
}

/// To the list, as it was looked for.
fn back(fields: &Fields) -> Done {
    match fields.get("people") {
        "" => Done::to("/settings#set-people"),
        query => Done::to(format!("/settings?people={}#set-people", path_safe(query))),
    }
}
