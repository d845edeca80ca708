//! What a browser gets by plain requests: pages, forms, files, health.
//!
//! A page is a [`protocol::Page`], made per request and drawn by Leptos ([`page`]). A form is a plain POST which works
//! before wasm is there ([`forms`]): done, it answers 303; refused, its page is drawn again with the refusal beside it.
//! Who asks, and whether they may ask from there, is settled before any of it ([`viewer`], [`guard`]).
//!
//! Law:
//! - every request that changes something has been asked for its origin: [`guard`] stands before all routes;
//! - a handler runs to its end even when the browser goes away: [`detached`] gives it a task of its own, because a
//!   database future must not be dropped half-way; nobody is kept waiting for longer than a statement may take;
//! - HTML is never cached; a file is cached for ever only when its name has a hash.

mod cookies;
mod files;
mod forms;
pub mod guard;
mod headers;
mod health;
pub mod metrics;
mod page;
pub mod viewer;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef, Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use leptos::config::LeptosOptions;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

pub use crate::entry::limits::Limits;
use crate::{
    account::Accounts,
    config::Config,
    entry::door::Door,
    node::{Node, Unfinished},
    socket,
};
pub use guard::Guard;

/// A form, at most: the longest message that can be typed is refused with words, not with a broken page.
const FORM_BYTES_MAX: usize = 256 * 1024;

/// What every handler may use.
#[derive(Clone, FromRef)]
pub struct Site {
    /// This server.
    pub node: Arc<Node>,
    /// Every setting.
    pub config: Arc<Config>,
    /// Where the built front end lies.
    pub leptos_options: LeptosOptions,
    /// Who someone is.
    pub accounts: Arc<Accounts>,
    /// Which pages may use this place, and from where someone comes.
    pub guard: Arc<Guard>,
    /// How often someone may try.
    pub limits: Arc<Limits>,
    /// How many sockets someone may have.
    pub door: Arc<Door>,
    /// Cancelled when the server begins to leave.
    pub leaving: CancellationToken,
}

impl Site {
    /// The site of a node.
    #[must_use]
    pub fn new(node: Arc<Node>, config: Arc<Config>, leptos_options: LeptosOptions) -> Self {
        Self {
            accounts: Arc::new(Accounts::new(Arc::clone(&node), Arc::clone(&config))),
            guard: Arc::new(Guard::new(&config)),
            limits: Arc::new(Limits::new(&config)),
            door: Arc::new(Door::new(config.connections_per_user, config.connections_per_address)),
            leaving: CancellationToken::new(),
            node,
            config,
            leptos_options,
        }
    }
}

/// Every route of the server.
pub fn router(site: Site) -> Router {
    // Leptos wants to know by which runtime it may start tasks. An error means that it knows already.
    drop(any_spawner::Executor::init_tokio());
    let requests = Router::new()
        .merge(page::routes())
        .merge(forms::routes())
        .merge(health::routes())
        .merge(files::routes(&site.leptos_options))
        .fallback(page::not_found)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn_with_state(site.clone(), detached));
    // The socket stands beside them: it lasts, and its handler is a task of its own already.
    requests
        .merge(socket::routes())
        .layer(from_fn_with_state(site.clone(), guard::check_request))
        .layer(from_fn_with_state(site.clone(), headers::add))
        .layer(CatchPanicLayer::new())
        .with_state(site)
}

/// Lets a handler run to its end, also when the browser goes away or is told that it takes too long.
async fn detached(State(site): State<Site>, request: Request, next: Next) -> Response {
    to_its_end(&site, next.run(request)).await
}

/// Waits for an answer as long as one does: what takes longer is left to itself, and the browser is told to come back.
async fn to_its_end(site: &Site, answer: impl Future<Output = Response> + Send + 'static) -> Response {
    match site.node.within_patience("a request", answer).await {
        Ok(response) => response,
        Err(Unfinished::Late) => page::failed(&Late),
        // A panic goes on to the layer that answers for it.
        Err(Unfinished::Panicked(e)) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
        Err(Unfinished::Panicked(_)) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// A request has not come to its end in time.
#[derive(Debug, thiserror::Error)]
#[error("a request takes too long")]
struct Late;

/// The address of the other end of the connection, as [`axum::serve()`] is told to give it.
pub type Peer = axum::extract::ConnectInfo<SocketAddr>;
