//! Failed requests: the log says why, the browser learns only that it failed.

use axum::{
    http::header::{CACHE_CONTROL, RETRY_AFTER},
    response::{IntoResponse as _, Response},
};
use protocol::{ErrorCode, Refusal};

use crate::entry::rejection::status_of;

/// Logs why a request failed, and returns the refusal for the browser.
pub(super) fn failure(e: &dyn std::error::Error) -> Refusal {
    tracing::error!(error = %e, "a request failed");
    Refusal::new(ErrorCode::Internal).retry_ms(2_000)
}

/// A plain text response, because a page needs the database.
pub(super) fn failed(e: &dyn std::error::Error) -> Response {
    let refusal = failure(e);
    let headers = [(CACHE_CONTROL, "no-store"), (RETRY_AFTER, "2")];
    (status_of(refusal.code), headers, format!("{refusal}\n")).into_response()
}
