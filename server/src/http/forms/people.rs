//! Lets administrators manage other people's accounts.

use app::plain::{Done, people_path};
use axum::{extract::State, response::Response};
use protocol::{ErrorCode, FormName, UserId, WorkspaceRole};

use super::{About, Fault, Fields, FormPage, signed_in, small};
use crate::{
    entry::cookies::Cookie,
    http::{page::Route, plain::Asked, viewer::Visit},
    site::Site,
};

pub(super) async fn suspend(State(site): State<Site>, About { visit, id, fields }: About) -> Response {
    let tried = try_suspend(&site, &visit, &id, &fields).await;
    answer(&site, &visit, fields, tried).await
}

async fn try_suspend(site: &Site, visit: &Visit, id: &str, fields: &Fields) -> Result<super::Done, Fault> {
    site.accounts.suspend(signed_in(visit)?, person(id)?).await?;
    Ok(back(fields, Done::Suspended))
}

pub(super) async fn let_in_again(State(site): State<Site>, About { visit, id, fields }: About) -> Response {
    let tried = try_let_in_again(&site, &visit, &id, &fields).await;
    answer(&site, &visit, fields, tried).await
}

async fn try_let_in_again(
    site: &Site,
    visit: &Visit,
    id: &str,
    fields: &Fields,
) -> Result<super::Done, Fault> {
    site.accounts.let_in_again(signed_in(visit)?, person(id)?).await?;
    Ok(back(fields, Done::Reinstated))
}

pub(super) async fn set_role(State(site): State<Site>, About { visit, id, fields }: About) -> Response {
    let tried = try_set_role(&site, &visit, &id, &fields).await;
    answer(&site, &visit, fields, tried).await
}

async fn try_set_role(site: &Site, visit: &Visit, id: &str, fields: &Fields) -> Result<super::Done, Fault> {
    let role = WorkspaceRole::parse(fields.get("role"))
        .ok_or_else(|| Fault::refused("role", ErrorCode::MalformedCommand))?;
    site.accounts.set_role(signed_in(visit)?, person(id)?, role).await?;
    Ok(back(fields, Done::Role))
}

pub(super) async fn make_password_link(
    State(site): State<Site>,
    About { visit, id, fields }: About,
) -> Response {
    let tried = try_make_password_link(&site, &visit, &id, &fields).await;
    answer(&site, &visit, fields, tried).await
}

/// Only this browser sees the link, beside the person.
async fn try_make_password_link(
    site: &Site,
    visit: &Visit,
    id: &str,
    fields: &Fields,
) -> Result<super::Done, Fault> {
    let user = person(id)?;
    let token = site.accounts.make_password_link(signed_in(visit)?, user).await?;
    let cookie = format!("{user}.{}", token.reveal());
    Ok(back(fields, Done::Link).with(Cookie::Link.write(&cookie, site.guard.is_https())))
}

fn person(id: &str) -> Result<UserId, Fault> {
    id.parse().map_err(|_| Fault::refused("", ErrorCode::UserUnknown))
}

/// Redraws a refused form with the same page of the list. There is no typed input that signing in
/// could lose.
async fn answer(site: &Site, visit: &Visit, fields: Fields, tried: Result<super::Done, Fault>) -> Response {
    if visit.viewer.is_none() {
        return small(tried);
    }
    let route = Route::Plain(Asked::people(fields.get("q"), fields.get("after")));
    FormPage { form: FormName::People, route }.answer(site, visit, fields, tried).await
}

/// Back to the same page of the list, which says what was done.
fn back(fields: &Fields, done: Done) -> super::Done {
    let path = people_path(fields.get("q"), fields.get("after"));
    let and = if path.contains('?') { '&' } else { '?' };
    super::Done::to(format!("{path}{and}done={}", done.as_str()))
}
