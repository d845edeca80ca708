//! Global keyboard shortcuts.

use leptos::{ev, prelude::*};

use crate::{
    address::Panel,
    browser,
    components::{effect, focus::step_in_menu, for_input_method},
    state::{Chat, Dialog, path_of, use_chat},
};

/// Listens on the window.
#[component]
pub fn Keyboard() -> impl IntoView {
    let chat = use_chat();
    effect(move || {
        let handle = window_event_listener(ev::keydown, move |key| pressed(chat, &key));
        on_cleanup(move || handle.remove());
    });
}

fn pressed(chat: Chat, key: &web_sys::KeyboardEvent) {
    if for_input_method(key) {
        return;
    }
    let command = key.ctrl_key() || key.meta_key();
    let dialog = chat.screen.dialog.get_untracked();
    match key.key().as_str() {
        "k" | "K" if command && !key.alt_key() => {
            key.prevent_default();
            chat.screen.dialog.set(if dialog == Some(Dialog::Switcher) {
                None
            } else {
                Some(Dialog::Switcher)
            });
        }
        "ArrowDown" | "ArrowUp" if key.alt_key() && !command && dialog.is_none() => {
            key.prevent_default();
            if let Some(room) = chat.neighbour(key.key() == "ArrowDown", key.shift_key()) {
                chat.go(path_of(room));
            }
        }
        arrow @ ("ArrowDown" | "ArrowUp")
            if !key.alt_key() && !command && dialog.is_none() && step_in_menu(arrow == "ArrowDown") =>
        {
            key.prevent_default();
        }
        "." if command && dialog.is_none() => {
            key.prevent_default();
            if chat.room.get_untracked().is_some() {
                chat.toggle_panel(Panel::Details);
            }
        }
        // Pressed again, it is the browser's own search.
        "f" | "F"
            if command
                && !key.alt_key()
                && !key.shift_key()
                && dialog.is_none()
                && chat.room.get_untracked().is_some()
                && untrack(|| chat.panel()) != Some(Panel::Search) =>
        {
            key.prevent_default();
            chat.open_panel(Panel::Search);
        }
        "End" if command => {
            key.prevent_default();
            chat.screen.newest();
        }
        "Escape" if dialog.is_none() => step_back(chat),
        // Once the dialog has loaded, it handles Escape itself.
        "Escape" if !browser::has_dialog() => chat.screen.dialog.set(None),
        "?" if !command && dialog.is_none() && !browser::is_typing() => {
            key.prevent_default();
            chat.screen.dialog.set(Some(Dialog::Shortcuts));
        }
        // A letter typed with nothing focused goes into the composer, including this one: the
        // character arrives after the key event.
        letter
            if !command
                && !key.alt_key()
                && dialog.is_none()
                && is_letter(letter)
                && !browser::is_typing() =>
        {
            match chat.room.get_untracked().and_then(|room| untrack(|| chat.open_root(room))) {
                // The room's own composer is out of reach.
                Some(_) if browser::has_overlay_panel() => chat.screen.compose_reply(),
                _ => chat.screen.compose(),
            }
        }
        _ => {}
    }
}

/// Closes what is open, the latest first.
fn step_back(chat: Chat) {
    if let Some(seq) = chat.screen.picking.get_untracked() {
        // Focus is lost when the menu is drawn anew, because the viewer may do something else.
        chat.screen.picking.set(None);
        browser::focus_row(seq);
        return;
    }
    // Once its code has loaded, it handles Escape itself.
    if chat.screen.sheet.get_untracked().is_some() {
        chat.screen.sheet.set(None);
    } else if chat.screen.read_by.get_untracked().is_some() && browser::is_there(".read-by") {
        chat.screen.read_by.set(None);
    } else {
        chat.close_panel();
    }
}

/// Keys that produce a character; the names of other keys are longer.
fn is_letter(key: &str) -> bool {
    key.chars().count() == 1 && key != " "
}
