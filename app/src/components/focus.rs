//! Where the keyboard goes when something opens, and where it goes back to.

use leptos::{html::H2, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::{browser, state::use_chat};

/// A panel that has just opened takes the keyboard to its heading, and gives it back when it goes. Not one that the page was
/// loaded with: then one has not asked for it just now.
pub(crate) fn take_keyboard(heading: NodeRef<H2>) {
    let Some(heading) = heading.get() else { return };
    let (screen, before) = (use_chat().screen, StoredValue::new_local(keyboard_now()));
    if browser::is_awake() {
        browser::focus(&heading);
    }
    on_cleanup(move || {
        give_back(before.try_get_value().flatten(), move || {
            // The keyboard of a phone would cover half of the room.
            if browser::is_touched() {
                browser::focus_first(".pane-tools button");
            } else {
                screen.compose();
            }
        });
    });
}

/// What has the keyboard, as far as it can get it back: for something in a menu that is closed, the menu's button.
pub(crate) fn keyboard_now() -> Option<Element> {
    let active = document().active_element().filter(|active| active.tag_name() != "BODY")?;
    let menu = active.closest("details:not([open])").ok().flatten();
    menu.and_then(|menu| menu.query_selector("summary").ok().flatten()).or(Some(active))
}

/// The keyboard goes back to where it was, unless something has taken it meanwhile. What was there may be gone: then `or_else`.
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

/// An arrow in a menu goes from item to item, round and round; at its button it opens it. Says whether the keyboard is in one.
pub(crate) fn step_in_menu(forward: bool) -> bool {
    let Some(active) = document().active_element() else { return false };
    let Some(menu) = active.closest("details.menu").ok().flatten() else { return false };
    drop(menu.set_attribute("open", ""));
    let Ok(found) = menu.query_selector_all("button") else { return false };
    let items = (0..found.length()).filter_map(|n| found.item(n)?.dyn_into::<Element>().ok());
    // What the style sheet hides cannot take the keyboard.
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
