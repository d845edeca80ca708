//! Uploads by tus 1.0 (`tus.io/protocols/resumable-upload`): core, creation, creation-with-upload, termination and checksum.
//!
//! These routes have no limit of size and time of their own layers: a body may come for hours. Whatever touches the database runs to
//! its end on a task of its own ([`crate::files`]).
//!
//! A refusal has the same JSON as elsewhere (`{"refusal":{…}}`), with the status that tus prescribes.

pub mod headers;

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{CACHE_CONTROL, LOCATION, RETRY_AFTER},
    },
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
    routing::{any, options},
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use protocol::{ErrorCode, File, FileId, Refusal, UserId};

use self::headers::Wrong;
use super::{failure::failure, lingering::lingering};
use crate::{
    entry::{rejection::Rejection, viewer},
    files::{Arrival, Checksum, Error, Received, State as Upload},
    site::Site,
};

const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const VERSION: HeaderName = HeaderName::from_static("tus-version");
const EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const ALGORITHMS: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const METHOD: HeaderName = HeaderName::from_static("x-http-method-override");
/// The file that an upload has become: `protocol::File` as JSON, percent-encoded.
const FILE: HeaderName = HeaderName::from_static("roost-file");

const ONE: HeaderValue = HeaderValue::from_static("1.0.0");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What stays readable in a header. (All that is not ASCII is encoded anyway.)
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/uploads", options(capabilities).post(create))
        .route("/uploads/{id}", any(one))
        .layer(from_fn(speak_tus))
}

/// Refuses other versions, and adds what every response has.
async fn speak_tus(request: Request, next: Next) -> Response {
    let request = request.map(lingering);
    let is_known = request.method() == Method::OPTIONS || request.headers().get(RESUMABLE) == Some(&ONE);
    let mut response = if is_known {
        next.run(request).await
    } else {
        let refusal = Refusal::new(ErrorCode::VersionUnsupported).detail("Tus-Resumable: 1.0.0");
        let mut response = refused(StatusCode::PRECONDITION_FAILED, refusal);
        response.headers_mut().insert(VERSION, ONE);
        response
    };
    response.headers_mut().insert(RESUMABLE, ONE);
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

/// What this server can do.
async fn capabilities(State(site): State<Site>) -> Response {
    let headers = [
        (VERSION, ONE),
        (EXTENSION, HeaderValue::from_static("creation,creation-with-upload,termination,checksum")),
        (MAX_SIZE, HeaderValue::from(site.files.file_bytes_max())),
        (ALGORITHMS, HeaderValue::from_static("sha1,sha256")),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Creates an upload. Bytes may come with it.
async fn create(State(site): State<Site>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    answer(created(&site, &parts.headers, body).await)
}

async fn created(site: &Site, headers: &HeaderMap, body: Body) -> Result<Response, Failed> {
    let owner = signed_in(site, headers).await?;
    let length = headers::length(headers)?;
    let headers::Metadata { name, id } = headers::metadata(headers)?;
    let checksum = headers::checksum(headers)?;
    let (id, state) = site.files.create(owner, id, &name.unwrap_or_default(), length).await?;
    // After the creation there is an upload, even if its first bytes fail: the browser asks how far it has come.
    let has_bytes = headers::has_bytes(headers).is_ok() && length > 0;
    let received = match state {
        Upload::Complete(file) => Some(Received { offset: file.size, file: Some(file) }),
        Upload::Incomplete(upload) if has_bytes && upload.received == 0 => {
            receive(site, (id, owner), 0, checksum, body).await.ok()
        }
        Upload::Incomplete(upload) => Some(Received { offset: upload.received, file: None }),
    };
    let mut response = StatusCode::CREATED.into_response();
    let to = HeaderValue::try_from(format!("/uploads/{id}")).expect("an id is visible ASCII");
    response.headers_mut().insert(LOCATION, to);
    if let Some(received) = received {
        add_state(&mut response, &received);
    }
    Ok(response)
}

/// One upload. Where a proxy lets no other methods through, POST names the method in a header.
async fn one(State(site): State<Site>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let named = parts.headers.get(METHOD).and_then(|name| Method::from_bytes(name.as_bytes()).ok());
    let method = match named {
        Some(named) if parts.method == Method::POST => named,
        Some(_) | None => parts.method,
    };
    let id = id.parse().ok();
    match (method, id) {
        (Method::OPTIONS, _) => capabilities(State(site)).await,
        (Method::HEAD, Some(id)) => answer(look(&site, id, &parts.headers).await),
        (Method::PATCH, Some(id)) => answer(append(&site, id, &parts.headers, body).await),
        (Method::DELETE, Some(id)) => answer(delete(&site, id, &parts.headers).await),
        (Method::HEAD | Method::PATCH | Method::DELETE, None) => answer(Err(Error::Unknown.into())),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// How far an upload has come.
async fn look(site: &Site, id: FileId, headers: &HeaderMap) -> Result<Response, Failed> {
    let owner = signed_in(site, headers).await?;
    let mut response = StatusCode::OK.into_response();
    let (name, length, received) = match site.files.state(id, owner).await? {
        Upload::Incomplete(upload) => {
            (upload.name, upload.length, Received { offset: upload.received, file: None })
        }
        Upload::Complete(file) => {
            (file.name.clone(), file.size, Received { offset: file.size, file: Some(file) })
        }
    };
    add_state(&mut response, &received);
    response.headers_mut().insert(LENGTH, HeaderValue::from(length));
    response.headers_mut().insert(METADATA, headers::name_metadata(&name));
    Ok(response)
}

/// Adds bytes to an upload.
async fn append(site: &Site, id: FileId, headers: &HeaderMap, body: Body) -> Result<Response, Failed> {
    let owner = signed_in(site, headers).await?;
    headers::has_bytes(headers)
        .map_err(|wrong| Failed::Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, Refusal::from(wrong)))?;
    let (start, checksum) = (headers::offset(headers)?, headers::checksum(headers)?);
    let received = receive(site, (id, owner), start, checksum, body).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    add_state(&mut response, &received);
    Ok(response)
}

async fn receive(
    site: &Site,
    (id, owner): (FileId, UserId),
    start: u64,
    checksum: Option<Checksum>,
    body: Body,
) -> Result<Received, Failed> {
    let permit = site.files.permit(owner).map_err(|refusal| Failed::Error(Error::Refused(refusal)))?;
    let arrival = Arrival { id, owner, start, checksum, permit };
    Ok(site.files.receive(arrival, body.into_data_stream(), site.leaving.clone()).await?)
}

/// Gives an upload up.
async fn delete(site: &Site, id: FileId, headers: &HeaderMap) -> Result<Response, Failed> {
    let owner = signed_in(site, headers).await?;
    site.files.delete(id, owner).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn add_state(response: &mut Response, received: &Received) {
    response.headers_mut().insert(OFFSET, HeaderValue::from(received.offset));
    if let Some(value) = received.file.as_ref().and_then(file_header) {
        response.headers_mut().insert(FILE, value);
    }
}

fn file_header(file: &File) -> Option<HeaderValue> {
    let json = serde_json::to_string(file).ok()?;
    HeaderValue::try_from(utf8_percent_encode(&json, ENCODED).to_string()).ok()
}

/// Whose session a request carries.
async fn signed_in(site: &Site, headers: &HeaderMap) -> Result<UserId, Failed> {
    let (accounts, guard, headers) = (site.accounts.clone(), site.guard.clone(), headers.clone());
    let found = async move { viewer::find(&accounts, &guard, &headers).await };
    match site.node.within_timeout("whose upload it is", found).await {
        Ok(Ok(Some(viewer))) => Ok(viewer.user.id),
        Ok(Ok(None)) => Err(Error::Refused(ErrorCode::NotSignedIn.into()).into()),
        Ok(Err(error)) => Err(Failed::Refused(StatusCode::SERVICE_UNAVAILABLE, failure(&error))),
        Err(unfinished) => {
            unfinished.log("whose upload it is");
            Err(Error::Late.into())
        }
    }
}

/// Why there is no other response.
enum Failed {
    Error(Error),
    Refused(StatusCode, Refusal),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Wrong> for Failed {
    fn from(wrong: Wrong) -> Self {
        Self::Error(Error::Refused(wrong.into()))
    }
}

/// tus's status for a wrong checksum.
fn checksum_mismatch() -> StatusCode {
    StatusCode::from_u16(460).expect("within 100 to 999")
}

fn answer(done: Result<Response, Failed>) -> Response {
    let invalid = |detail: &str| Refusal::new(ErrorCode::UploadInvalid).detail(detail);
    match done {
        Ok(response) => response,
        Err(Failed::Refused(status, refusal)) => refused(status, refusal),
        Err(Failed::Error(error)) => match error {
            Error::Refused(refusal) => refused(crate::entry::rejection::status_of(refusal.code), refusal),
            Error::Unknown => refused(StatusCode::NOT_FOUND, ErrorCode::FileUnknown.into()),
            Error::OffsetWrong => refused(StatusCode::CONFLICT, invalid("Upload-Offset")),
            Error::ChecksumWrong => refused(checksum_mismatch(), invalid("Upload-Checksum")),
            Error::TooLong => refused(StatusCode::PAYLOAD_TOO_LARGE, invalid("Upload-Length")),
            Error::Interrupted => refused(StatusCode::REQUEST_TIMEOUT, invalid("the body stopped")),
            Error::Late => {
                refused(StatusCode::SERVICE_UNAVAILABLE, Refusal::new(ErrorCode::Busy).retry_ms(2_000))
            }
            Error::Blobs(full) if full.is_full() => {
                tracing::error!(error = %full, "the disk of ROOST_FILES is full");
                refused(StatusCode::INSUFFICIENT_STORAGE, ErrorCode::WorkspaceSpaceUsed.into())
            }
            Error::Store(_) | Error::Blobs(_) => refused(StatusCode::SERVICE_UNAVAILABLE, failure(&error)),
        },
    }
}

fn refused(status: StatusCode, refusal: Refusal) -> Response {
    let wait_s = refusal.retry_ms.map(|ms| ms.div_ceil(1_000));
    let mut response = Rejection(refusal).into_response();
    *response.status_mut() = status;
    if let Some(wait_s) = wait_s {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait_s));
    }
    response
}
