//! Is this server alive, and should it be sent anyone?

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde::Serialize;

use super::Site;
use crate::broker::Status;

/// What `/health/ready` says.
#[derive(Debug, Serialize)]
struct Readiness {
    /// Which server.
    node: String,
    /// Whether it should be sent anyone.
    ready: bool,
    /// Whether Postgres answers.
    postgres: bool,
    /// Whether news from other servers comes by the broker; without it they come from Postgres, every second.
    broker: bool,
    /// Whether the server is shutting down.
    leaving: bool,
}

pub(super) fn routes() -> Router<Site> {
    Router::new().route("/health/live", get(async || "alive\n")).route("/health/ready", get(ready))
}

/// Ready means: Postgres answers, and the server is not about to leave. Without Redis it serves on.
async fn ready(State(site): State<Site>) -> (StatusCode, Json<Readiness>) {
    let postgres = site.node.store.ping().await.is_ok();
    let broker = site.node.broker_status() == Status::Up;
    let leaving = site.leaving.is_cancelled();
    let ready = postgres && !leaving;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { node: site.node.name.clone(), ready, postgres, broker, leaving }))
}
