//! The files of messages, and the pictures of their links, for those who may read the message now.
//!
//! Law: nothing that could run is ever shown inside a page or as one. Only passive types are sent inline; everything else is to be
//! saved. All of it has `nosniff`, and a policy under which a document from here could do nothing.
//!
//! Caching: the content under an address never changes, but who may read it does. So only the browser's own cache may keep it, for an
//! hour (`immutable` saves the revalidation on a reload within it); then it asks again, and gets 304 if it may still read it.
//! `Vary: Cookie` keeps the next person on the same computer from what the last one has seen.

mod range;

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{
            ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
            CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
        },
    },
    response::{IntoResponse as _, Response},
    routing::get,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::{ErrorCode, FileId, PictureSize};
use serde::Deserialize;
use uuid::Uuid;

use self::range::Wanted;
use super::failure::failed;
use crate::{
    account::Viewer,
    entry::{rejection::Rejection, viewer},
    files::{Error, shown_inline},
    site::Site,
    store::blobs::ReadableFile,
};

const ACCEL: HeaderName = HeaderName::from_static("x-accel-redirect");
const POLICY: HeaderValue = HeaderValue::from_static(
    "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'",
);
const CACHE: HeaderValue = HeaderValue::from_static("private, max-age=3600, immutable");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What RFC 8187 allows unencoded.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn routes() -> Router<Site> {
    // Also answers HEAD.
    Router::new().route("/files/{id}", get(file)).route("/previews/{id}", get(preview))
}

#[derive(Debug, Deserialize)]
struct Options {
    size: Option<String>,
    download: Option<String>,
}

/// What is sent: the file, or one of the copies of a picture.
struct Chosen {
    object: Uuid,
    media: String,
    name: String,
    etag: String,
    /// `None` for a copy: its size is known once it is open.
    size: Option<u64>,
    is_inline: bool,
}

impl Chosen {
    fn of(file: ReadableFile, options: &Options) -> Self {
        let hash: String = file.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let sizes = [PictureSize::Small, PictureSize::Large];
        let size = sizes.into_iter().find(|size| options.size.as_deref() == Some(size.word()));
        let copy = size.and_then(|size| Some((size, file.copy(size)?)));
        match copy {
            Some((size, object)) => Self {
                object,
                media: "image/webp".to_owned(),
                name: format!("{}.webp", file.name),
                etag: format!("\"{hash}-{}\"", size.word()),
                size: None,
                is_inline: true,
            },
            None => Self {
                object: file.object,
                is_inline: options.download.is_none() && shown_inline(&file.media),
                media: file.media,
                name: file.name,
                etag: format!("\"{hash}\""),
                size: Some(file.size),
            },
        }
    }

    /// The headers of every response with it, also of 304.
    fn headers(&self) -> HeaderMap {
        let media = if self.media == "text/plain" { "text/plain; charset=utf-8" } else { &self.media };
        let value = |text: &str| HeaderValue::from_str(text).ok();
        let headers = [
            (CONTENT_TYPE, value(media)),
            (CONTENT_DISPOSITION, value(&disposition(&self.name, self.is_inline))),
            (ETAG, value(&self.etag)),
            (CACHE_CONTROL, Some(CACHE)),
            (VARY, value("Cookie")),
            (CONTENT_SECURITY_POLICY, Some(POLICY)),
            (ACCEPT_RANGES, self.size.and_then(|_| value("bytes"))),
        ];
        headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    fn is_known(&self, headers: &HeaderMap) -> bool {
        let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
        known
            .split(',')
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| tag == self.etag || tag == "*")
    }
}

/// `inline` or `attachment`, with the name for old programs and for all others (RFC 6266).
fn disposition(name: &str, is_inline: bool) -> String {
    let kind = if is_inline { "inline" } else { "attachment" };
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._- ()".contains(c) { c } else { '_' })
        .collect();
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(name, NAME))
}

async fn file(
    State(site): State<Site>,
    Path(id): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
) -> Response {
    match find(&site, &id, &headers).await {
        Ok(file) => send(&site, &Chosen::of(file, &options), &headers).await,
        Err(response) => response,
    }
}

/// The picture of a link: our own copy.
async fn preview(State(site): State<Site>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    match find_preview(&site, &id, &headers).await {
        Ok(id) => {
            let (media, etag) = ("image/webp".to_owned(), format!("\"{id}\""));
            let name = "preview.webp".to_owned();
            let chosen = Chosen { object: id.0, media, name, etag, size: None, is_inline: true };
            send(&site, &chosen, &headers).await
        }
        Err(response) => response,
    }
}

async fn find_preview(site: &Site, id: &str, headers: &HeaderMap) -> Result<FileId, Response> {
    let reader = reader(site, headers).await?;
    let (Some(reader), Ok(id)) = (reader, id.parse::<FileId>()) else { return Err(unknown()) };
    match site.files.is_readable_picture(id, reader.user.id).await {
        Ok(true) => Ok(id),
        Ok(false) => Err(unknown()),
        Err(error) => Err(failed(&error)),
    }
}

async fn find(site: &Site, id: &str, headers: &HeaderMap) -> Result<ReadableFile, Response> {
    let reader = reader(site, headers).await?;
    let (Some(reader), Ok(id)) = (reader, id.parse::<FileId>()) else { return Err(unknown()) };
    match site.files.readable(id, reader.user.id).await {
        Ok(file) => Ok(file),
        Err(Error::Unknown) => Err(unknown()),
        Err(error) => Err(failed(&error)),
    }
}

async fn reader(site: &Site, headers: &HeaderMap) -> Result<Option<Viewer>, Response> {
    let (accounts, guard, headers) = (site.accounts.clone(), site.guard.clone(), headers.clone());
    let found = async move { viewer::find(&accounts, &guard, &headers).await };
    match site.node.within_timeout("who reads a file", found).await {
        Ok(found) => found.map_err(|error| failed(&error)),
        Err(unfinished) => {
            unfinished.log("who reads a file");
            Err(failed(&Error::Late))
        }
    }
}

async fn send(site: &Site, chosen: &Chosen, request: &HeaderMap) -> Response {
    let mut headers = chosen.headers();
    if chosen.is_known(request) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    if let Some(path) = site.files.accel_path(chosen.object).and_then(|path| HeaderValue::try_from(path).ok())
    {
        headers.insert(ACCEL, path);
        return headers.into_response();
    }
    let wanted = match chosen.size {
        Some(size) => range::wanted(request, size, &chosen.etag),
        None => Wanted::Whole,
    };
    let range = match (wanted, chosen.size) {
        (Wanted::Impossible, size) => {
            let size = size.unwrap_or_default();
            let all = HeaderValue::try_from(format!("bytes */{size}")).expect("digits are visible ASCII");
            return uncached((StatusCode::RANGE_NOT_SATISFIABLE, [(CONTENT_RANGE, all)]).into_response());
        }
        (Wanted::Part(range), Some(size)) => Some((range, size)),
        (Wanted::Part(_) | Wanted::Whole, _) => None,
    };
    let content = match site.files.read(chosen.object, range.as_ref().map(|(range, _)| range.clone())).await {
        Ok(content) => content,
        // After a restore the database may refer to what is not there.
        Err(Error::Blobs(missing)) if missing.is_missing() => {
            tracing::error!(error = %missing, "the bytes of a file are gone");
            return unknown();
        }
        Err(error) => return failed(&error),
    };
    let sent = content.range();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(sent.end - sent.start));
    let status = match range {
        Some((range, size)) => {
            let part = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            headers.insert(CONTENT_RANGE, HeaderValue::try_from(part).expect("digits are visible ASCII"));
            StatusCode::PARTIAL_CONTENT
        }
        None => StatusCode::OK,
    };
    (status, headers, Body::from_stream(content.pieces())).into_response()
}

fn unknown() -> Response {
    uncached(Rejection(ErrorCode::FileUnknown.into()).into_response())
}

fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_header() {
        assert_eq!(disposition("a.png", true), "inline; filename=\"a.png\"; filename*=UTF-8''a.png");
        assert_eq!(
            disposition("会 \"x\";\r\n.pdf", false),
            "attachment; filename=\"_ _x____.pdf\"; filename*=UTF-8''%E4%BC%9A%20%22x%22%3B%0D%0A.pdf"
        );
    }
}
