//! A tooltip with the names of those who reacted with an emoji. Shown beside the reaction that the
//! pointer, focus or a long press is on (`timeline/pointing.rs`).

use leptos::{ev, html, prelude::*};
use protocol::Seq;
use web_sys::{Element, KeyboardEvent};

use super::message_row::names;
use crate::components::attributes::GlobalAttributes;
use crate::components::{effect, live};
use crate::{browser, state::use_chat};

/// The distance to keep from the window's edges, in pixels.
const EDGE_PX: f64 = 8.0;

/// The names of those who reacted with it.
#[component]
pub(crate) fn Reactors(seq: Seq, emoji: String) -> impl IntoView {
    let chat = use_chat();
    let node = NodeRef::<html::Div>::new();
    let shown = emoji.clone();
    let who = move || {
        let users = chat.rows.with(|rows| {
            rows.iter().find_map(|row| match &row.kind {
                client::RowKind::Message(message) if message.seq == Some(seq) => {
                    let mut reactions = message.reactions.iter();
                    reactions.find(|reaction| reaction.emoji == emoji).map(|reaction| reaction.users.clone())
                }
                client::RowKind::Message(_)
                | client::RowKind::Day(_)
                | client::RowKind::Unread
                | client::RowKind::Replies(_)
                | client::RowKind::Beginning => None,
            })
        });
        users.map(|users| names(chat, &users))
    };
    let close = move || {
        if chat.screen.reactors.with_untracked(Option::is_some) {
            chat.screen.reactors.set(None);
        }
    };
    let said = Memo::new(move |_| who());
    let place = shown.clone();
    effect(move || {
        // When someone else reacts, the row is replaced and the text has another size.
        if said.with(Option::is_none) {
            close();
            return;
        }
        let (place, node) = (place.clone(), node.get());
        request_animation_frame(move || {
            let what = format!("[data-seq=\"{}\"] .reaction[data-act=\"{place}\"]", seq.0);
            if let (Some(tip), Some(chip)) = (node, document().query_selector(&what).ok().flatten()) {
                put_beside(&tip, &chip);
            }
        });
    });
    effect(move || {
        let keys = window_event_listener(ev::keydown, move |key: KeyboardEvent| {
            if key.key() == "Escape" {
                close();
            }
        });
        let wheel = window_event_listener(ev::wheel, move |_| close());
        let touch = window_event_listener(ev::touchmove, move |_| close());
        on_cleanup(move || {
            keys.remove();
            wheel.remove();
            touch.remove();
        });
    });
    view! {
        <div class="reactors" role="tooltip" node_ref=node>
            <span class="emoji" aria-hidden="true">{shown}</span>
            <span dir="auto">{live(move || said.get())}</span>
        </div>
    }
}

/// Above the reaction, or below if there is no space.
fn put_beside(tip: &web_sys::HtmlElement, chip: &Element) {
    let (at, own) = (chip.get_bounding_client_rect(), tip.get_bounding_client_rect());
    let right = browser::width_px() - own.width() - EDGE_PX;
    let above = at.top() - own.height() - EDGE_PX;
    let top = if above > EDGE_PX { above } else { at.bottom() + EDGE_PX };
    let style = tip.style();
    // Whole numbers: the code that formats fractions is large.
    drop(style.set_property("left", &format!("{}px", at.left().min(right).max(EDGE_PX) as i32)));
    drop(style.set_property("top", &format!("{}px", top as i32)));
}
