//! The WebSocket: who may open one, and the life of each connection.
//!
//! A browser cannot read the status of a failed upgrade. So what the user must know (no session,
//! too many connections) is sent on the open socket, as a refusal and a close code. Only foreign
//! pages are turned away before that.

mod connection;
mod dispatch;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message as Frame, WebSocket},
    },
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::any,
};
use protocol::{CloseCode, ErrorCode, Refusal, ServerFrame, limits};

use self::connection::{Connection, State as ConnectionState};
use crate::{
    chat::Context,
    entry::{guard::ClientAddress, rejection::Rejection, viewer},
    hub::Owner,
    site::Site,
};

/// The read buffer of each socket. Every idle connection would hold the default of 128 KiB. Frames
/// are nearly always shorter than this, and longer ones are read in parts.
const READ_BUFFER_BYTES: usize = 1_024;
/// The write buffer. It delays nothing, because every batch is flushed.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;
/// A socket that cannot send this much has failed.
const WRITE_BUFFER_BYTES_MAX: usize = 16 * 1024 * 1024;
// The largest answer must fit: a full page of the longest messages, each with every possible
// reaction. A character takes at most six bytes of JSON (an escaped one, or a backslash before four
// bytes), and 64 bytes hold a reaction: a person's id and the number of the change.
const _: () = assert!(
    limits::CHANGES_MAX
        * (limits::BODY_CHARS_MAX * 6
            + limits::REACTIONS_MAX * 64
            + limits::EMOJIS_MAX * (limits::EMOJI_CHARS_MAX * 4 + 40)
            + 1_024)
        < WRITE_BUFFER_BYTES_MAX
);
/// Reads frames somewhat larger than allowed, so that they can be refused properly.
const FRAME_BYTES_READ_MAX: usize = 2 * limits::FRAME_BYTES_MAX;

/// The name of a socket request in the log.
const UPGRADE: &str = "a socket's session";

/// The socket's route.
pub fn routes() -> Router<Site> {
    Router::new().route("/socket", any(upgrade))
}

async fn upgrade(
    State(site): State<Site>,
    address: ClientAddress,
    headers: HeaderMap,
    socket: WebSocketUpgrade,
) -> Response {
    // In its own task, so that a browser that goes away does not cancel a query.
    let checked = {
        let site = site.clone();
        let node = Arc::clone(&site.node);
        node.within_timeout(UPGRADE, async move { check(&site, address, &headers).await }).await
    };
    let checked = checked.unwrap_or_else(|unfinished| {
        unfinished.log(UPGRADE);
        Err(ErrorCode::Internal.into())
    });
    let viewer = match checked {
        Ok(viewer) => viewer,
        Err(refusal) => return Rejection(refusal).into_response(),
    };
    let socket = socket
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(FRAME_BYTES_READ_MAX)
        .max_frame_size(FRAME_BYTES_READ_MAX);
    let Some(viewer) = viewer else {
        return socket
            .on_upgrade(|socket| turn_away(socket, ErrorCode::NotSignedIn, CloseCode::SessionEnded));
    };
    let Some(permit) = site.connection_limit.acquire(viewer.user.id, address.0) else {
        return socket.on_upgrade(|socket| {
            turn_away(socket, ErrorCode::TooManyConnections, CloseCode::TooManyConnections)
        });
    };
    socket.on_upgrade(async move |socket| {
        let owner = Owner { user: viewer.user.id, session: viewer.session };
        let (id, outbox) = site.node.connect(owner);
        let cx = Context { node: Arc::clone(&site.node), viewer };
        tracing::debug!(user.id = %owner.user, "a connection opened");
        let accounts = Arc::clone(&site.accounts);
        let connection = Connection { cx, accounts, id, socket, outbox, state: ConnectionState::default() };
        // Boxed, or the task would hold the connection twice for its whole life: once as it was
        // passed in.
        let reason = Box::pin(connection.run()).await;
        tracing::debug!(user.id = %owner.user, reason, "a connection ended");
        drop(permit);
    })
}

/// Refuses what can be refused before the socket opens. Otherwise returns its owner.
async fn check(
    site: &Site,
    address: ClientAddress,
    headers: &HeaderMap,
) -> Result<Option<crate::account::Viewer>, Refusal> {
    site.guard.check_origin(headers)?;
    if site.node.is_leaving() {
        return Err(ErrorCode::Leaving.into());
    }
    site.rate_limits.check_socket(address.0)?;
    viewer::find(&site.accounts, &site.guard, headers).await.map_err(|e| {
        tracing::error!(error = %e, "could not ask for a session");
        ErrorCode::Internal.into()
    })
}

/// Sends the refusal and closes.
async fn turn_away(mut socket: WebSocket, code: ErrorCode, close: CloseCode) {
    let refusal = ServerFrame::Refusal { r#ref: None, refusal: code.into() }.encode();
    let goodbye = async {
        socket.send(Frame::Text(refusal.into())).await?;
        socket
            .send(Frame::Close(Some(CloseFrame { code: close as u16, reason: code.text().into() })))
            .await?;
        // The browser's own close means that it has read ours.
        while let Some(Ok(_)) = socket.recv().await {}
        Ok::<(), axum::Error>(())
    };
    if !matches!(tokio::time::timeout(Duration::from_secs(2), goodbye).await, Ok(Ok(()))) {
        tracing::debug!("a browser did not wait to be told why it was turned away");
    }
}
