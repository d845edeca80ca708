//! The state shared by every request and socket of a server.

use std::sync::Arc;

use axum::{
    extract::{FromRef, FromRequestParts},
    http::request::Parts,
};
use leptos::config::LeptosOptions;
use tokio_util::sync::CancellationToken;

use crate::{
    account::Accounts,
    config::Config,
    entry::{
        connection_limit::ConnectionLimit,
        guard::{ClientAddress, Guard},
        rate_limits::RateLimits,
    },
    files::Files,
    node::Node,
};

/// The state of every handler.
#[derive(Clone, FromRef)]
pub struct Site {
    /// This server.
    pub node: Arc<Node>,
    /// Files, and their uploads.
    pub files: Arc<Files>,
    /// Every setting.
    pub config: Arc<Config>,
    /// Where the built front end is.
    pub leptos_options: LeptosOptions,
    /// Accounts, sessions and invitations.
    pub accounts: Arc<Accounts>,
    /// Which pages may use the workspace, and where a request comes from.
    pub guard: Arc<Guard>,
    /// How often someone may try.
    pub rate_limits: Arc<RateLimits>,
    /// How many sockets someone may have open.
    pub connection_limit: Arc<ConnectionLimit>,
    /// Cancelled when shutdown begins.
    pub leaving: CancellationToken,
}

impl Site {
    /// The site of a node.
    #[must_use]
    pub fn new(
        node: Arc<Node>,
        files: Arc<Files>,
        config: Arc<Config>,
        leptos_options: LeptosOptions,
    ) -> Self {
        Self {
            accounts: Arc::new(Accounts::new(Arc::clone(&node), Arc::clone(&config))),
            guard: Arc::new(Guard::new(&config)),
            rate_limits: Arc::new(RateLimits::new(&config)),
            connection_limit: Arc::new(ConnectionLimit::new(
                config.connections_per_user,
                config.connections_per_address,
            )),
            leaving: CancellationToken::new(),
            node,
            files,
            config,
            leptos_options,
        }
    }
}

impl FromRequestParts<Site> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&site.guard, &parts.headers, &parts.extensions))
    }
}
