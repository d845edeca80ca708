//! A request that failed: the log learns why, the browser that it happened.

use axum::{
    http::header::{CACHE_CONTROL, RETRY_AFTER},
    response::{IntoResponse as _, Response},
};
use protocol::{ErrorCode, Refusal};

use crate::entry::refused::status_of;

/// Writes down why something failed, once, and gives what the browser is told.
pub(super) fn failure(e: &dyn std::error::Error) -> Refusal {
    tracing::error!(error = %e, "a request failed");
    Refusal::new(ErrorCode::Internal).retry_ms(2_000)
}

/// There is no page without the database: a line of text.
pub(super) fn failed(e: &dyn std::error::Error) -> Response {
    let refusal = failure(e);
    let headers = [(CACHE_CONTROL, "no-store"), (RETRY_AFTER, "2")];
    (status_of(refusal.code), headers, format!("{refusal}\n")).into_response()
}
