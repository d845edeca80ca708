//! Changes a password.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use protocol::FormName;

use super::{Done, Fault, Fields, Target, account::session_cookie, signed_in};
use crate::{
    account::ChangePassword,
    http::{Site, page::Place, viewer::Visit},
};

pub(super) async fn change(State(site): State<Site>, visit: Visit, fields: Fields) -> Response {
    match try_change(&site, &visit, &fields).await {
        Ok(done) => done.into_response(),
        Err(fault) => {
            let target = Target { form: FormName::ChangePassword, place: Place::Settings };
            target.redraw(&site, &visit, fields, fault).await
        }
    }
}

async fn try_change(site: &Site, visit: &Visit, fields: &Fields) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    // Guessing at a session that somebody left open is no quicker than guessing at the door.
    site.limits.check_sign_in(visit.address.0, &viewer.user.handle)?;
    let form = ChangePassword { current: fields.get("current"), password: fields.get("password") };
    let token = site.accounts.change_password(viewer, form).await?;
    Ok(Done::to("/settings?done=password").with(session_cookie(site, &token)))
}
