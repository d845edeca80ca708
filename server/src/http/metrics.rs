//! `/metrics`, on its own listener, because only the operator should see it.

use std::sync::Arc;

use axum::{Router, extract::State, http::header, response::IntoResponse, routing::get};

use crate::{metrics::CONTENT_TYPE, node::Node};

/// The routes of that listener.
pub fn router(node: Arc<Node>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(node)
}

async fn metrics(State(node): State<Arc<Node>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], node.metrics_text())
}
