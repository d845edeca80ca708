//! Plain HTTP requests: pages, forms, files, health.
//!
//! A page is a [`protocol::Page`], built per request and drawn by Leptos ([`page`]); those of
//! [`plain`] never wake. A form is a plain POST that works before the wasm is loaded ([`forms`]):
//! it answers 303 on success; if refused, its page is redrawn with the refusal. Identity and
//! permission are checked before all of it ([`entry`](crate::entry)).
//!
//! Law:
//! - the origin of every request that changes something is checked: [`check_origin`] runs before
//!   all routes;
//! - a handler runs to its end even if the browser goes away: [`detached`] gives it its own task,
//!   because a database future must not be dropped halfway; nobody waits longer than a statement
//!   may take;
//! - HTML is never cached; a file is cached forever only if its name has a hash.

mod address;
mod downloads;
mod failure;
mod files;
mod forms;
mod headers;
mod health;
mod lingering;
pub mod metrics;
mod page;
mod plain;
pub mod uploads;
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
use crate::{entry::rejection::Rejection, node::Unfinished, socket};

/// The largest form: even the longest message that can be typed gets a proper refusal, not a broken
/// page.
const FORM_BYTES_MAX: usize = 256 * 1024;

/// Every route of the server.
pub fn router(site: Site) -> Router {
    // Leptos needs to know the runtime on which it may spawn tasks. An error means that it already
    // does.
    drop(any_spawner::Executor::init_tokio());
    let requests = Router::new()
        .merge(page::routes())
        .merge(forms::routes())
        .merge(health::routes())
        .merge(files::routes(&site.leptos_options))
        .fallback(page::not_found)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn_with_state(site.clone(), detached));
    // These are outside these layers: a socket stays open, and the bytes of files come and go for as long as it takes. What they do with
    // the database runs on its own tasks.
    requests
        .merge(socket::routes())
        .merge(uploads::routes())
        .merge(downloads::routes())
        .merge(forms::picture::routes())
        .layer(from_fn_with_state(site.clone(), check_origin))
        .layer(from_fn_with_state(site.clone(), headers::add))
        .layer(CatchPanicLayer::new())
        .with_state(site)
}

/// Refuses requests from foreign pages, before any route sees them.
async fn check_origin(State(site): State<Site>, request: Request, next: Next) -> Response {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    if reads {
        return next.run(request).await;
    }
    match site.guard.check_origin(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            // For the operator: usually the public URL in the settings is not the one that people
            // use.
            tracing::warn!(origin = %refusal.detail, "refused a form from a foreign origin; is ROOST_PUBLIC_URL right?");
            if request.uri().path().starts_with("/uploads") {
                return Rejection(refusal).into_response();
            }
            to_its_end(&site.clone(), forms::refuse(site, request, refusal)).await
        }
    }
}

/// Lets a handler run to its end, even if the browser goes away or the response times out.
async fn detached(State(site): State<Site>, request: Request, next: Next) -> Response {
    to_its_end(&site, next.run(request)).await
}

/// Waits for a response up to the database timeout, without cancelling the work. After that, tells
/// the browser to retry.
async fn to_its_end(site: &Site, answer: impl Future<Output = Response> + Send + 'static) -> Response {
    match site.node.within_timeout("a request", answer).await {
        Ok(response) => response,
        Err(Unfinished::Late) => failed(&Late),
        // Passes a panic on to the layer that handles it.
        Err(Unfinished::Panicked(e)) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
        Err(Unfinished::Panicked(_)) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// A request did not finish in time.
#[derive(Debug, thiserror::Error)]
#[error("a request takes too long")]
struct Late;
