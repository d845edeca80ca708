//! Pictures of people and rooms: letters on one of twenty-four colours, the same on every screen.

use leptos::prelude::*;
use protocol::{RoomKind, RoomSummary, User};
use uuid::Uuid;

use super::icon::Icon;
use crate::components::attributes::AriaAttributes;
use crate::{components::live, state::use_chat, text::initials};

/// A person's picture, over their initials, which show until it is loaded. Hidden from screen readers, because the name is
/// beside it.
#[component]
pub fn Avatar(
    /// Whose.
    user: User,
) -> impl IntoView {
    let picture = user.picture.map(|id| {
        view! { <img src=format!("/pictures/{id}") alt="" width="36" height="36" loading="lazy" draggable="false"/> }
    });
    view! { <span class=class_of(user.id.0) aria-hidden="true">{initials(&user.name)}{picture}</span> }
}

/// A room's picture: the other person of a direct room, or a symbol.
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

/// The colour derives from the id, so nobody chooses it and it never changes.
fn class_of(id: Uuid) -> String {
    // FNV-1a: ids created within one second differ only in a few bits.
    let mix = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let sum = id.as_bytes().iter().fold(0x811c_9dc5, mix) >> 7;
    // People can tell about twelve hues apart, which is too few for a team, so each hue has a pale
    // and a strong variant.
    let strong = if sum / 12 % 2 == 1 { " strong" } else { "" };
    format!("avatar hue-{}{strong}", sum % 12)
}
