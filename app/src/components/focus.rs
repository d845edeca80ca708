//! Where focus goes when something opens, and where it returns.

use leptos::{html::H2, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::{browser, state::use_chat};

/// Moves focus to the heading of a panel that has just opened, and returns it when the panel
/// closes. Not for a panel that the page was loaded with, because the user has not just opened it.
pub(crate) fn take_keyboard(heading: NodeRef<H2>) {
    let Some(heading) = heading.get() else { return };
    let (screen, before) = (use_chat().screen, StoredValue::new_local(keyboard_now()));
    if browser::is_awake() {
        browser::focus(&heading);
    }
    on_cleanup(move || {
        give_back(before.try_get_value().flatten(), move || {
            // The on-screen keyboard would cover half of the room.
            if browser::is_touched() {
                browser::focus_first(".pane-tools button");
            } else {
                screen.compose();
            }
        });
    });
}

/// The focused element, as far as it can be focused again: for an item of a closed menu, the menu's
/// button.
pub(crate) fn keyboard_now() -> Option<Element> {
    let active = document().active_element().filter(|active| active.tag_name() != "BODY")?;
    let menu = active.closest("details:not([open])").ok().flatten();
    menu.and_then(|menu| menu.query_selector("summary").ok().flatten()).or(Some(active))
}

/// Returns focus to `before`, unless something else has taken it meanwhile. If `before` is gone,
/// calls `or_else`.
pub(crate) fn give_back(before: Option<Element>, or_else: impl FnOnce() + 'static) {
    request_animation_frame(move || {
        if !browser::is_nothing_focused() {
            return;
        }
        if let Some(before) = before.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
            drop(before.focus());
        }
        if browser::is_nothing_focused() {
            or_else();
        }
    });
}

/// Moves between a menu's items with the arrow keys, wrapping around; on its button, an arrow opens
/// the menu. Returns whether focus is in a menu.
pub(crate) fn step_in_menu(forward: bool) -> bool {
    let Some(active) = document().active_element() else { return false };
    let Some(menu) = active.closest("details.menu").ok().flatten() else { return false };
    drop(menu.set_attribute("open", ""));
    let Ok(found) = menu.query_selector_all("button") else { return false };
    let items = (0..found.length()).filter_map(|n| found.item(n)?.dyn_into::<Element>().ok());
    // Elements that the style sheet hides cannot be focused.
    let items: Vec<Element> = items.filter(|item| item.client_width() > 0).collect();
    let here = items.iter().position(|item| *item == active);
    let next = match (here, forward) {
        (Some(here), true) => (here + 1) % items.len(),
        (Some(0) | None, false) => items.len().saturating_sub(1),
        (Some(here), false) => here - 1,
        (None, true) => 0,
    };
    if let Some(item) = items.get(next) {
        browser::focus(item);
    }
    true
}
