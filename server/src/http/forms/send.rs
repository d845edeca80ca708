//! Sends a message without script.

use std::sync::Arc;

use app::address::Panel;
use axum::{
    extract::{Path, State},
    response::Response,
};
use protocol::{Attached, Body, ErrorCode, FormName, Nonce, Placement, Reply, RoomId, Seq};
use uuid::Uuid;

use super::{Done, Fault, Fields, FormPage, by_author, signed_in};
use crate::{
    chat,
    http::{page::Route, viewer::Visit},
    site::Site,
};

pub(super) async fn send(
    State(site): State<Site>,
    visit: Visit,
    Path(room): Path<String>,
    fields: Fields,
) -> Response {
    // If another person has signed in since, the text is not theirs, and its author's session has
    // ended.
    let visit = by_author(visit, &fields);
    let tried = try_send(&site, &visit, &room, &fields).await;
    let route = room.parse().map_or_else(|_| Route::Lobby("/".to_owned()), Route::Room);
    let route = match (route, thread_of(&fields)) {
        (Route::Room(room), Some(root)) => Route::RoomWith(room, Panel::Thread(root)),
        (route, _) => route,
    };
    FormPage { form: FormName::Send, route }.answer(&site, &visit, fields, tried).await
}

async fn try_send(site: &Site, visit: &Visit, room: &str, fields: &Fields) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    let room: RoomId = room.parse().map_err(|_| Fault::refused("", ErrorCode::RoomUnknown))?;
    let cx = chat::Context { node: Arc::clone(&site.node), viewer: viewer.clone() };
    site.node.charge_send(viewer.user.id)?;
    // The page's nonce makes a second click harmless; without one, each submission is a new
    // message.
    let nonce = fields.get("nonce").parse().unwrap_or_else(|_| Nonce(Uuid::new_v4()));
    let body = Body::parse(fields.get("body")).map_err(|refusal| blame_body(refusal.into()))?.into_string();
    let thread = thread_of(fields);
    let placement = Placement { thread, in_room: !fields.get("in_room").is_empty(), ..Placement::default() };
    let said = chat::messages::send(&cx, room, nonce, &body, placement, Attached::default())
        .map_err(|e| blame_body(e.into()))?;
    let reply = chat::messages::sent(room, said).await.map_err(|e| blame_body(e.into()))?;
    // The user went back and submitted the form again with another text; or the first message has
    // since been edited. Redraws the form with a new nonce.
    if let Reply::Sent { message, .. } = reply
        && message.body != body
    {
        return Err(Fault::refused("body", ErrorCode::NonceTaken));
    }
    let room = format!("/r/{room}");
    Ok(Done::to(thread.map_or_else(
        || format!("{room}#end"),
        |root| format!("{}#thread-end", Panel::Thread(root).beside(&room)),
    )))
}

/// The thread in which the form writes.
fn thread_of(fields: &Fields) -> Option<Seq> {
    fields.get("thread").parse().ok().map(Seq)
}

/// Refusals of a text are shown beside it.
fn blame_body(fault: Fault) -> Fault {
    match fault {
        Fault::Refused { refusal, .. }
            if (2_000..3_000).contains(&u16::from(refusal.code)) || refusal.code == ErrorCode::NonceTaken =>
        {
            Fault::Refused { field: "body", refusal }
        }
        fault @ (Fault::Refused { .. } | Fault::Failed(_)) => fault,
    }
}
