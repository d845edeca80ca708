//! Votes in a poll without script. Each option of a poll submits all choices that pressing it leads to.

use std::sync::Arc;

use app::address::Panel;
use axum::{
    extract::{Path, State},
    response::Response,
};
use protocol::{Command, ErrorCode, FormName, RoomId, Seq};

use super::{Done, Fault, Fields, FormPage, by_author, signed_in};
use crate::{
    chat,
    http::{page::Route, viewer::Visit},
    site::Site,
};

pub(super) async fn vote(
    State(site): State<Site>,
    visit: Visit,
    Path((room, seq)): Path<(String, i64)>,
    fields: Fields,
) -> Response {
    // If another person has signed in since, the vote is not theirs.
    let visit = by_author(visit, &fields);
    let tried = try_vote(&site, &visit, &room, Seq(seq), &fields).await;
    let route = room.parse().map_or_else(|_| Route::Lobby("/".to_owned()), Route::Room);
    // The composer shows why it was refused.
    FormPage { form: FormName::Send, route }.answer(&site, &visit, fields, tried).await
}

async fn try_vote(site: &Site, visit: &Visit, room: &str, seq: Seq, fields: &Fields) -> Result<Done, Fault> {
    let viewer = signed_in(visit)?;
    let room: RoomId = room.parse().map_err(|_| Fault::refused("", ErrorCode::RoomUnknown))?;
    let choices = fields.get("choices").split(',').filter(|choice| !choice.is_empty());
    let choices: Vec<u8> = choices
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| Fault::refused("", ErrorCode::MalformedCommand))?;
    let cx = chat::Context { node: Arc::clone(&site.node), viewer: viewer.clone() };
    let command = Command::Vote { room, seq, choices: choices.clone() };
    site.node.charge(viewer.user.id, &command)?;
    chat::polls::vote(&cx, room, seq, choices).await?;
    let message = site.node.store.messages_of(room, &[seq]).await?.pop();
    let link = format!("/r/{room}/m/{seq}");
    Ok(Done::to(match message.and_then(|message| message.thread) {
        Some(thread) => Panel::Thread(thread.0).beside(&link),
        None => link,
    }))
}
