//! The building blocks of pages. Each component reads signals of [`Chat`](crate::state::Chat) and
//! calls its methods.

pub mod attached;
pub(crate) mod attributes;
pub mod avatar;
mod close_panel;
pub mod composer;
pub mod connection_bar;
pub mod copy;
pub mod details;
pub mod dialogs;
pub mod editing_bar;
pub mod field;
mod files;
pub mod first_steps;
mod focus;
mod formatted;
pub mod icon;
pub mod keyboard;
mod list;
pub mod member_menu;
pub mod message_row;
pub mod message_sheet;
pub mod message_tools;
pub mod personal;
mod poll;
mod previews;
pub mod reactors;
pub mod room_list;
pub mod strips;
pub mod suggestions;
pub mod tab_bar;
pub mod thread;
pub mod timeline;
pub mod toolbar;
pub mod viewer;
pub mod writing;

pub(crate) use self::list::{list, list_item};

use leptos::prelude::{Effect, StoredValue, WithValue, on_cleanup};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::KeyboardEvent;

/// A part of a view, or an attribute, that is redrawn when the signals it reads change. Boxed for
/// the same reason as a [`handler`].
pub(crate) fn live<T>(draw: impl FnMut() -> T + Send + 'static) -> Box<dyn FnMut() -> T + Send> {
    Box::new(draw)
}

/// Runs `run` in the browser whenever the signals it reads change. Boxed for the same reason.
pub(crate) fn effect(run: impl FnMut() + 'static) {
    fn begin(mut run: Box<dyn FnMut()>) {
        Effect::new(move |_| run());
    }
    begin(Box::new(run));
}

/// Listens on an element until the current view is cleaned up. `early` listens in the capture
/// phase.
pub(crate) fn listen<E: JsCast>(
    to: web_sys::Element,
    name: &'static str,
    early: bool,
    act: impl Fn(E) + 'static,
) {
    fn begin(to: web_sys::Element, name: &'static str, early: bool, act: Box<dyn Fn(web_sys::Event)>) {
        let heard = Closure::<dyn Fn(web_sys::Event)>::new(act);
        let listener: &js_sys::Function = heard.as_ref().unchecked_ref();
        drop(to.add_event_listener_with_callback_and_bool(name, listener, early));
        let kept = StoredValue::new_local((to, heard));
        on_cleanup(move || {
            kept.try_with_value(|(to, heard)| {
                let listener: &js_sys::Function = heard.as_ref().unchecked_ref();
                drop(to.remove_event_listener_with_callback_and_bool(name, listener, early));
            });
        });
    }
    begin(to, name, early, Box::new(move |event| act(event.unchecked_into())));
}

/// A key handler that ignores keys which are [`for_input_method`].
pub(crate) fn key_handler(mut act: impl FnMut(KeyboardEvent) + 'static) -> Box<dyn FnMut(KeyboardEvent)> {
    Box::new(move |key| {
        if !for_input_method(&key) {
            act(key);
        }
    })
}

/// Whether an input method needs this key: during composition, Enter picks a word and Escape
/// cancels. Safari reports that only by the key code.
pub(crate) fn for_input_method(key: &KeyboardEvent) -> bool {
    key.is_composing() || key.key_code() == 229
}

/// A boxed handler. Leptos compiles a copy of its code for every handler type, and every closure is
/// its own type; boxed, they share one.
pub(crate) fn handler<E: 'static>(act: impl FnMut(E) + 'static) -> Box<dyn FnMut(E)> {
    Box::new(act)
}
