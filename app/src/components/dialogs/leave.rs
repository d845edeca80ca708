//! Asks for confirmation before leaving a room, because the user may not be able to rejoin on their
//! own.

use leptos::prelude::*;
use protocol::{Command, Refusal, Role, RoomId, RoomKind};

use super::{DialogFrame, room_form::Why, ways_out};
use crate::state::use_chat;

/// Says what is lost, and leaves the room.
#[component]
pub fn LeaveRoom(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let Some(summary) = chat.summary(room) else { return ().into_any() };
    let now = summary.read_untracked().clone();
    let failed = RwSignal::new(None::<Refusal>);
    let leave = move |_| chat.quit(room, Command::Leave { room }, failed);
    let owners = untrack(|| {
        chat.with_room(room, |state| {
            state.active_members().filter(|member| member.role == Role::Owner).count()
        })
    });
    let is_last_owner = now.role == Role::Owner && owners == Some(1) && now.members > 1;
    let hint = match now.room.kind {
        RoomKind::Channel => words.leave_hint(),
        RoomKind::Group | RoomKind::Direct => words.leave_group_hint(),
    };
    view! {
        <DialogFrame title=words.leave_named(&chat.name_of(&now))>
            <p class="dialog-text">{hint}</p>
            {is_last_owner.then(|| view! { <p class="dialog-text">{words.leave_owner_hint()}</p> }.into_any())}
            <Why failed/>
            {ways_out(chat, words.leave(), leave)}
        </DialogFrame>
    }
    .into_any()
}
