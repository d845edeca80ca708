//! Pictures of people and rooms: letters on one of twenty-four colours, the same on every screen.

use leptos::prelude::*;
use protocol::{RoomKind, RoomSummary, User};
use uuid::Uuid;

use super::icon::Icon;
use crate::components::attributes::AriaAttributes;
use crate::{components::live, state::use_chat, text::initials};

/// A person's picture. The name stands beside it, so it is not read aloud.
#[component]
pub fn Avatar(
    /// Whose.
    user: User,
) -> impl IntoView {
    view! { <span class=class_of(user.id.0) aria-hidden="true">{initials(&user.name)}</span> }
}

/// A room's picture: the other person of a direct room, else a sign.
#[component]
pub fn RoomPicture(
    /// Which room.
    summary: RoomSummary,
) -> impl IntoView {
    match (summary.room.kind, summary.peer) {
        (RoomKind::Direct, Some(peer)) => {
            let chat = use_chat();
            live(move || view! { <Avatar user=(*chat.user(peer)).clone()/> }.into_any()).into_any()
        }
        (RoomKind::Channel, _) => view! { <span class="avatar sign"><Icon name="hash"/></span> }.into_any(),
        (RoomKind::Group | RoomKind::Direct, _) => {
            view! { <span class="avatar sign"><Icon name="group"/></span> }.into_any()
        }
    }
}

/// The colour is made of the id: nobody chooses it, and it never changes.
fn class_of(id: Uuid) -> String {
    // FNV-1a: ids that were made in one second differ in a few bits only.
    let mix = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let sum = id.as_bytes().iter().fold(0x811c_9dc5, mix) >> 7;
    // Twelve hues are as many as one tells apart, and too few for a team: each is there pale and strong.
    let strong = if sum / 12 % 2 == 1 { " strong" } else { "" };
    format!("avatar hue-{}{strong}", sum % 12)
}
