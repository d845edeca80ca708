//! The viewer's own picture: a form with a file, and the pictures of everybody.
//!
//! The body may be megabytes, so it is not bound by the time of other forms. What it does then runs to its end, as everything does.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{
        DefaultBodyLimit, FromRequest as _, FromRequestParts as _, Multipart, Path, Request, State,
        multipart::MultipartError,
    },
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, VARY},
        request::Parts,
    },
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use protocol::{ErrorCode, FormName, PictureId, Refusal, limits::FACE_BYTES_MAX};

use super::{Done, Fault, Fields, FormPage, by_author, done_at, signed_in};
use crate::{
    chat,
    entry::{rejection::Rejection, viewer},
    files,
    http::{
        failure::{failed, failure},
        lingering::lingering,
        to_its_end,
        viewer::Visit,
    },
    node::Unfinished,
    site::Site,
};
use app::plain::{self, Section};

/// A picture must arrive within this time, as other bodies that are small.
const WITHIN: Duration = Duration::from_secs(60);
/// What a form has beside the picture: names, boundaries, the author.
const REST_BYTES_MAX: usize = 16 * 1024;
/// The bytes under an address never change; another picture has another address.
const FOREVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
const WEBP: HeaderValue = HeaderValue::from_static("image/webp");
const COOKIE: HeaderValue = HeaderValue::from_static("Cookie");

/// These are outside the layers of other requests.
pub(in crate::http) fn routes() -> Router<Site> {
    let largest = DefaultBodyLimit::max(FACE_BYTES_MAX + REST_BYTES_MAX);
    Router::new().route("/profile/picture", post(change).layer(largest)).route("/pictures/{id}", get(show))
}

/// A form as it came.
struct Submitted {
    fields: Fields,
    picture: Bytes,
}

async fn change(State(site): State<Site>, request: Request) -> Response {
    let (mut parts, body) = request.map(lingering).into_parts();
    let visit = match visit(&site, &mut parts).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let asked = site.clone();
    // Strangers, and people who send too many, are refused before their bytes are read.
    let submitted = match allowed(&site, &visit) {
        Ok(_permit) => read(&site, Request::from_parts(parts, body)).await,
        Err(fault) => Err(fault),
    };
    let answer = async move {
        let (visit, fields, tried) = match submitted {
            Ok(Submitted { fields, picture }) => {
                let visit = by_author(visit, &fields);
                let tried = try_change(&site, &visit, &fields, picture).await;
                (visit, fields, tried)
            }
            Err(fault) => (visit, Fields::default(), Err(fault)),
        };
        FormPage::own(FormName::Picture, Section::Profile, &visit).answer(&site, &visit, fields, tried).await
    };
    to_its_end(&asked, Box::pin(answer)).await
}

async fn visit(site: &Site, parts: &mut Parts) -> Result<Visit, Response> {
    let (mut parts, asked) = (parts.clone(), site.clone());
    let found = async move { Visit::from_request_parts(&mut parts, &asked).await };
    match site.node.within_timeout("who sends a picture", found).await {
        Ok(found) => found,
        Err(unfinished) => Err(late("who sends a picture", unfinished)),
    }
}

fn late(what: &'static str, unfinished: Unfinished) -> Response {
    unfinished.log(what);
    failed(&files::Error::Late)
}

fn allowed(site: &Site, visit: &Visit) -> Result<files::Permit, Fault> {
    let viewer = signed_in(visit)?;
    site.node.charge_rename(viewer.user.id)?;
    Ok(site.files.permit(viewer.user.id)?)
}

async fn read(site: &Site, request: Request) -> Result<Submitted, Fault> {
    let reading = async {
        let form = Multipart::from_request(request, site).await;
        let mut form = form.map_err(|_| Fault::refused("picture", ErrorCode::PictureInvalid))?;
        let mut submitted = Submitted { fields: Fields::default(), picture: Bytes::new() };
        while let Some(field) = form.next_field().await.map_err(unreadable)? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == "picture" {
                submitted.picture = field.bytes().await.map_err(unreadable)?;
            } else {
                submitted.fields.0.insert(name, field.text().await.map_err(unreadable)?);
            }
        }
        Ok(submitted)
    };
    let late = |_| Fault::refused("picture", ErrorCode::SlowDown);
    tokio::time::timeout(WITHIN, reading).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
}

fn unreadable(error: MultipartError) -> Fault {
    let refusal = if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Refusal::new(ErrorCode::FileTooLarge).max(FACE_BYTES_MAX / 1_000_000)
    } else {
        ErrorCode::PictureInvalid.into()
    };
    Fault::refused("picture", refusal)
}

async fn try_change(site: &Site, visit: &Visit, fields: &Fields, picture: Bytes) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    let changed = if fields.find("remove").is_some() {
        site.files.remove_face(viewer.user.id).await
    } else {
        site.files.set_face(viewer.user.id, picture).await
    };
    if let Some(user) = changed? {
        chat::profile::tell(&site.node, user);
    }
    Ok(done_at(Section::Profile, visit, plain::Done::Name))
}

impl From<files::Error> for Fault {
    fn from(error: files::Error) -> Self {
        let files::Error::Refused(refusal) = error else { return Self::Failed(failure(&error)) };
        Self::refused("picture", refusal)
    }
}

/// Somebody's picture, for everybody who is signed in: their profiles show it.
async fn show(State(site): State<Site>, Path(id): Path<String>, request: Request) -> Response {
    let (asked, headers) = (site.clone(), request.headers().clone());
    let viewer = async move { viewer::find(&asked.accounts, &asked.guard, &headers).await };
    let is_signed_in = match site.node.within_timeout("who sees a picture", viewer).await {
        Ok(Ok(viewer)) => viewer.is_some(),
        Ok(Err(error)) => return failed(&error),
        Err(unfinished) => return late("who sees a picture", unfinished),
    };
    let (true, Ok(id)) = (is_signed_in, id.parse::<PictureId>()) else { return unknown() };
    match site.files.face(id).await {
        Ok(content) => {
            let headers = [(CONTENT_TYPE, WEBP), (CACHE_CONTROL, FOREVER), (VARY, COOKIE)];
            (headers, Body::from_stream(content.pieces())).into_response()
        }
        Err(files::Error::Unknown) => unknown(),
        Err(files::Error::Blobs(missing)) if missing.is_missing() => {
            tracing::error!(error = %missing, "the bytes of a picture are gone");
            unknown()
        }
        Err(error) => failed(&error),
    }
}

fn unknown() -> Response {
    let mut response = Rejection(ErrorCode::FileUnknown.into()).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
