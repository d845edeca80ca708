//! Language, theme, density and previews of links: stored in the browser, because they belong to the screen and not to
//! the person.

use app::words::language_for;
use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};

use super::{Done, Fields};
use crate::{entry::cookies::Cookie, http::address::safe_next, site::Site};

/// Ignores unknown values, because the user could not do anything about them.
pub(super) async fn set(State(site): State<Site>, fields: Fields) -> Response {
    let https = site.guard.is_https();
    let mut done = Done::to(safe_next(fields.get("next")));
    if let Some(language) = language_for(fields.get("language")) {
        done = done.with(Cookie::Language.write(language.as_str(), https));
    }
    let theme = fields.get("theme");
    if ["system", "light", "dark"].contains(&theme) {
        done = done.with(Cookie::Theme.write(theme, https));
    }
    let density = fields.get("density");
    if ["comfortable", "compact"].contains(&density) {
        done = done.with(Cookie::Density.write(density, https));
    }
    let previews = fields.get("previews");
    if ["shown", "hidden"].contains(&previews) {
        done = done.with(Cookie::Previews.write(previews, https));
    }
    done.into_response()
}
