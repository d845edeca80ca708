//! Language and theme: kept in the browser, because they belong to the screen and not to the person.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};

use super::{Done, Fields};
use crate::{entry::cookies::Cookie, http::address::safe_next, site::Site};

/// An unknown value is ignored, because the person could do nothing about it.
pub(super) async fn set(State(site): State<Site>, fields: Fields) -> Response {
    let https = site.guard.is_https();
    let mut done = Done::to(safe_next(fields.get("next")));
    for (cookie, name, values) in [
        (Cookie::Language, "language", ["en", "zh"].as_slice()),
        (Cookie::Theme, "theme", ["system", "light", "dark"].as_slice()),
    ] {
        if values.contains(&fields.get(name)) {
            done = done.with(cookie.write(fields.get(name), https));
        }
    }
    done.into_response()
}
