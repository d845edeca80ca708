//! What a browser gets by plain requests: pages, forms, files, health.
//!
//! A page is a [`protocol::Page`], made per request and drawn by Leptos ([`page`]); those of [`plain`] never wake up. A form is a plain POST which works
//! before wasm is there ([`forms`]): done, it answers 303; refused, its page is drawn again with the refusal beside it.
//! Who asks, and whether they may ask from there, is settled before any of it ([`entry`](crate::entry)).
//!
//! Law:
//! - every request that changes something has been asked for its origin: [`check_origin`] stands before all routes;
//! - a handler runs to its end even when the browser goes away: [`detached`] gives it a task of its own, because a
//!   database future must not be dropped half-way; nobody is kept waiting for longer than a statement may take;
//! - HTML is never cached; a file is cached for ever only when its name has a hash.

mod address;
mod failure;
mod files;
mod forms;
mod headers;
mod health;
pub mod metrics;
mod page;
mod plain;
mod viewer;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{Method, StatusCode},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use tower_http::catch_panic::CatchPanicLayer;

use self::failure::failed;
pub use crate::site::Site;
use crate::{node::Unfinished, socket};

/// A form, at most: the longest message that can be typed is refused with words, not with a broken page.
const FORM_BYTES_MAX: usize = 256 * 1024;

/// Every route of the server.
pub fn router(site: Site) -> Router {
    // Leptos must know the runtime on which it may start tasks. An error means that it knows it already.
    drop(any_spawner::Executor::init_tokio());
    let requests = Router::new()
        .merge(page::routes())
        .merge(forms::routes())
        .merge(health::routes())
        .merge(files::routes(&site.leptos_options))
        .fallback(page::not_found)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn_with_state(site.clone(), detached));
    // The socket is outside of these layers: it stays open, and its handler already has a task of its own.
    requests
        .merge(socket::routes())
        .layer(from_fn_with_state(site.clone(), check_origin))
        .layer(from_fn_with_state(site.clone(), headers::add))
        .layer(CatchPanicLayer::new())
        .with_state(site)
}

/// Refuses what comes from a foreign page, before any route sees it.
async fn check_origin(State(site): State<Site>, request: Request, next: Next) -> Response {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    if reads {
        return next.run(request).await;
    }
    match site.guard.check_origin(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            // For the administrator: usually the public address in the settings is not the one that people use.
            tracing::warn!(origin = %refusal.detail, "refused a form from a foreign origin; is ROOST_PUBLIC_URL right?");
            to_its_end(&site.clone(), forms::refuse(site, request, refusal)).await
        }
    }
}

/// Lets a handler run to its end, even if the browser goes away or is told that it takes too long.
async fn detached(State(site): State<Site>, request: Request, next: Next) -> Response {
    to_its_end(&site, next.run(request)).await
}

/// Waits for an answer up to the database timeout, without cancelling the work. After that the browser is told to
/// come back.
async fn to_its_end(site: &Site, answer: impl Future<Output = Response> + Send + 'static) -> Response {
    match site.node.within_timeout("a request", answer).await {
        Ok(response) => response,
        Err(Unfinished::Late) => failed(&Late),
        // A panic goes on to the layer that answers for it.
        Err(Unfinished::Panicked(e)) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
        Err(Unfinished::Panicked(_)) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// A request has not ended in time.
#[derive(Debug, thiserror::Error)]
#[error("a request takes too long")]
struct Late;
