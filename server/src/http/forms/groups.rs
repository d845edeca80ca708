//! Lets administrators make and change groups of people.

use app::plain::{Done, Section, group_path};
use axum::{extract::State, response::Response};
use protocol::{ErrorCode, FormName, UserId};

use super::{About, Fault, Fields, FormPage, by_author, done_at, signed_in, small};
use crate::{
    http::{page::Route, plain::Asked, viewer::Visit},
    site::Site,
};

pub(super) async fn make(State(site): State<Site>, visit: Visit, fields: Fields) -> Response {
    let visit = by_author(visit, &fields);
    let tried = try_make(&site, &visit, &fields).await;
    FormPage::own(FormName::MakeGroup, Section::Groups, &visit).answer(&site, &visit, fields, tried).await
}

async fn try_make(site: &Site, visit: &Visit, fields: &Fields) -> Result<super::Done, Fault> {
    let viewer = signed_in(visit)?;
    let group = site.accounts.make_group(viewer, fields.get("handle"), fields.get("title")).await?;
    Ok(at(group.id, "", Done::GroupMade))
}

pub(super) async fn rename(State(site): State<Site>, About { visit, id, fields }: About) -> Response {
    let tried = try_rename(&site, &visit, &id, &fields).await;
    answer(&site, &visit, (FormName::Group, &id), fields, tried).await
}

async fn try_rename(site: &Site, visit: &Visit, id: &str, fields: &Fields) -> Result<super::Done, Fault> {
    let (viewer, group) = (signed_in(visit)?, group(id)?);
    site.accounts.rename_group(viewer, group, fields.get("handle"), fields.get("title")).await?;
    Ok(at(group, "", Done::GroupSaved))
}

pub(super) async fn add(State(site): State<Site>, About { visit, id, fields }: About) -> Response {
    let tried = try_add(&site, &visit, &id, &fields).await;
    answer(&site, &visit, (FormName::GroupPeople, &id), fields, tried).await
}

async fn try_add(site: &Site, visit: &Visit, id: &str, fields: &Fields) -> Result<super::Done, Fault> {
    let (viewer, group) = (signed_in(visit)?, group(id)?);
    site.accounts.add_to_group(viewer, group, fields.get("people")).await?;
    Ok(at(group, "", Done::GroupAdded))
}

pub(super) async fn remove(State(site): State<Site>, About { visit, id, fields }: About) -> Response {
    let tried = try_remove(&site, &visit, &id, &fields).await;
    answer(&site, &visit, (FormName::GroupPeople, &id), fields, tried).await
}

async fn try_remove(site: &Site, visit: &Visit, id: &str, fields: &Fields) -> Result<super::Done, Fault> {
    let (viewer, group) = (signed_in(visit)?, group(id)?);
    let user = fields.get("user").parse().map_err(|_| Fault::refused("", ErrorCode::UserUnknown))?;
    site.accounts.remove_from_group(viewer, group, user).await?;
    Ok(at(group, fields.get("after"), Done::GroupRemoved))
}

pub(super) async fn delete(State(site): State<Site>, About { visit, id, fields }: About) -> Response {
    let tried = try_delete(&site, &visit, &id).await;
    answer(&site, &visit, (FormName::Group, &id), fields, tried).await
}

async fn try_delete(site: &Site, visit: &Visit, id: &str) -> Result<super::Done, Fault> {
    site.accounts.delete_group(signed_in(visit)?, group(id)?).await?;
    Ok(done_at(Section::Groups, visit, Done::GroupDeleted))
}

fn group(id: &str) -> Result<UserId, Fault> {
    id.parse().map_err(|_| Fault::refused("", ErrorCode::GroupUnknown))
}

/// Redraws a refused form on the page of its group.
async fn answer(
    site: &Site,
    visit: &Visit,
    (form, id): (FormName, &str),
    fields: Fields,
    tried: Result<super::Done, Fault>,
) -> Response {
    if visit.viewer.is_none() {
        return small(tried);
    }
    let route = Route::Plain(Asked::group(id, fields.get("after")));
    FormPage { form, route }.answer(site, visit, fields, tried).await
}

/// The page of a group, which says what was done.
fn at(group: UserId, after: &str, done: Done) -> super::Done {
    let path = group_path(&group.to_string(), after.parse::<UserId>().map_or("", |_| after));
    let and = if path.contains('?') { '&' } else { '?' };
    super::Done::to(format!("{path}{and}done={}", done.as_str()))
}
