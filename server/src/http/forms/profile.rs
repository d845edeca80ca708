//! Changes the viewer's profile.

use std::sync::Arc;

use app::plain::{self, Section};
use axum::{extract::State, response::Response};
use protocol::{DisplayName, ErrorCode, FormName, Handle, PersonTitle, Pronouns, Refusal, ZoneName};

use super::{Done, Fault, Fields, FormPage, by_author, done_at, signed_in};
use crate::{chat, http::viewer::Visit, site::Site, store::profiles::ProfileChange};

pub(super) async fn change(State(site): State<Site>, visit: Visit, fields: Fields) -> Response {
    let visit = by_author(visit, &fields);
    let tried = try_change(&site, &visit, &fields).await;
    FormPage::own(FormName::Profile, Section::Profile, &visit).answer(&site, &visit, fields, tried).await
}

async fn try_change(site: &Site, visit: &Visit, fields: &Fields) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    let cx = chat::Context { node: Arc::clone(&site.node), viewer: viewer.clone() };
    let change = ProfileChange {
        name: parsed(fields, "name", DisplayName::parse)?,
        handle: parsed(fields, "handle", Handle::parse)?,
        title: parsed(fields, "title", PersonTitle::parse)?,
        pronouns: parsed(fields, "pronouns", Pronouns::parse)?,
        zone: parsed(fields, "zone", ZoneName::parse)?,
    };
    match chat::profile::change(&cx, &change).await {
        Ok(()) => Ok(done_at(Section::Profile, visit, plain::Done::Name)),
        Err(chat::Error::Refused(refusal)) if refusal.code == ErrorCode::HandleTaken => {
            Err(Fault::refused("handle", refusal))
        }
        Err(e) => Err(e.into()),
    }
}

/// A field's value. A field that is missing changes nothing: a page of an earlier version has only the
/// name.
fn parsed<T>(
    fields: &Fields,
    name: &'static str,
    parse: fn(&str) -> Result<T, Refusal>,
) -> Result<Option<T>, Fault> {
    let parsed = fields.find(name).map(parse).transpose();
    parsed.map_err(|refusal| Fault::refused(name, refusal))
}
