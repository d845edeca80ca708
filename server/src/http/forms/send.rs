//! Writes a message without script.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use protocol::{ErrorCode, FormName, Nonce, RoomId};
use uuid::Uuid;

use super::{Done, Fault, Fields, Target, signed_in};
use crate::{
    chat,
    http::{Site, page::Place, viewer::Visit},
};

pub(super) async fn send(
    State(site): State<Site>,
    mut visit: Visit,
    Path(room): Path<String>,
    fields: Fields,
) -> Response {
    // In another tab somebody may have signed in as someone else since the page was drawn. What was written on it is not
    // theirs: for its author this is a session that has ended.
    let author = fields.get("author");
    visit.viewer = visit.viewer.filter(|viewer| author.is_empty() || author == viewer.user.id.to_string());
    match try_send(&site, &visit, &room, &fields).await {
        Ok(done) => done.into_response(),
        Err(fault) => {
            let place = room.parse().map_or(Place::Lobby, Place::Room);
            Target { form: FormName::Send, place }.redraw(&site, &visit, fields, fault).await
        }
    }
}

async fn try_send(site: &Site, visit: &Visit, room: &str, fields: &Fields) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    let room: RoomId = room.parse().map_err(|_| Fault::refused("", ErrorCode::RoomUnknown))?;
    let cx = chat::Context { node: Arc::clone(&site.node), viewer: viewer.clone() };
    // The page's own nonce makes a second click harmless; without one it is a new message each time.
    let nonce = fields.get("nonce").parse().unwrap_or_else(|_| Nonce(Uuid::new_v4()));
    let written =
        chat::messages::send(&cx, room, nonce, fields.get("body")).map_err(|e| blame_body(e.into()))?;
    chat::messages::sent(room, written).await.map_err(|e| blame_body(e.into()))?;
    Ok(Done::to(format!("/r/{room}#end")))
}

/// What is wrong with a text is said next to it.
fn blame_body(fault: Fault) -> Fault {
    match fault {
        Fault::Refused { refusal, .. } if (2_000..3_000).contains(&u16::from(refusal.code)) => {
            Fault::Refused { field: "body", refusal }
        }
        fault @ (Fault::Refused { .. } | Fault::Failed(_)) => fault,
    }
}
