//! Changes a password, or sets one by a link.

use app::plain::{self, Section};
use axum::{extract::State, response::Response};
use protocol::FormName;

use super::{
    Done, Fault, Fields, FormPage,
    account::{device, end_former, is_wrong_guess, session_cookie},
    by_author, done_at, signed_in,
};
use crate::{
    account::{ChangePassword, SetPassword},
    http::{page::Route, viewer::Visit},
    site::Site,
};

pub(super) async fn change(State(site): State<Site>, visit: Visit, fields: Fields) -> Response {
    let visit = by_author(visit, &fields);
    let tried = try_change(&site, &visit, &fields).await;
    FormPage::own(FormName::ChangePassword, Section::Account, &visit)
        .answer(&site, &visit, fields, tried)
        .await
}

async fn try_change(site: &Site, visit: &Visit, fields: &Fields) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    // Guessing in a session that someone left open must not be faster than on the sign-in page.
    let attempt = site.rate_limits.try_sign_in(visit.address.0, &viewer.user.handle)?;
    let form = ChangePassword { current: fields.get("current"), password: fields.get("password") };
    let changed = site.accounts.change_password(viewer, form).await;
    if !is_wrong_guess(&changed) {
        attempt.give_back();
    }
    let token = changed?;
    Ok(done_at(Section::Account, visit, plain::Done::Password).with(session_cookie(site, &token)))
}

pub(super) async fn set(State(site): State<Site>, visit: Visit, fields: Fields) -> Response {
    let tried = try_set(&site, &visit, &fields).await;
    FormPage { form: FormName::NewPassword, route: Route::NewPassword(String::new()) }
        .answer(&site, &visit, fields, tried)
        .await
}

async fn try_set(site: &Site, visit: &Visit, fields: &Fields) -> Result<Done, Fault> {
    // A valid link works once; attempts with invalid ones are counted.
    if site.accounts.find_password_link(fields.get("link")).await?.is_none() {
        site.rate_limits.check_sign_up(visit.address.0)?;
    }
    let form = SetPassword {
        link: fields.get("link"),
        password: fields.get("password"),
        device: &device(&visit.headers),
    };
    let token = site.accounts.set_password(form).await?;
    end_former(site, visit).await?;
    Ok(Done::to("/").with(session_cookie(site, &token)))
}
