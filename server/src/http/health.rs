//! Health checks: whether this server is alive, and whether it should receive requests.

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde::Serialize;

use crate::{node::Database, site::Site};

/// The response of `/health/ready`.
#[derive(Debug, Serialize)]
struct Readiness {
    /// The name of the server.
    node: String,
    /// Whether it should receive requests.
    ready: bool,
    /// Whether Postgres answers and accepts writes.
    postgres: bool,
    /// Whether events from other servers arrive through the broker; otherwise they come from
    /// Postgres, every second.
    broker: bool,
    /// Whether the server is shutting down.
    leaving: bool,
    /// Whether it works, but with reduced quality.
    degraded: bool,
    /// Why it is not ready or is degraded, in words for operators; `None` if all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

pub(super) fn routes() -> Router<Site> {
    Router::new().route("/health/live", get(async || "alive\n")).route("/health/ready", get(ready))
}

/// Ready means that Postgres answers and accepts writes, and the server is not shutting down.
/// Without Redis it keeps serving, degraded.
async fn ready(State(site): State<Site>) -> (StatusCode, Json<Readiness>) {
    let database = site.node.database().await;
    let postgres = database == Database::Writes;
    // Which Redis, but not its address: anyone may ask.
    let bus_down = site.node.bus_down().map(|name| name.short());
    let leaving = site.leaving.is_cancelled();
    let ready = postgres && !leaving;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let degraded = ready && bus_down.is_some();
    let broker = bus_down.is_none();
    let reason = if leaving {
        Some("this server is leaving".to_owned())
    } else {
        match database {
            Database::Away => Some("Postgres does not answer".to_owned()),
            Database::ReadsOnly => Some("Postgres is read-only: nothing can be sent".to_owned()),
            Database::Writes => bus_down
                .map(|name| format!("{name} carries no news: they come by Postgres, about a second late")),
        }
    };
    let node = site.node.name.clone();
    (status, Json(Readiness { node, ready, postgres, broker, leaving, degraded, reason }))
}
