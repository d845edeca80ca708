//! Thin bars: one while the connection is lost (after two seconds), and one for notices about the
//! page itself.

use leptos::prelude::*;
use web_sys::MouseEvent;

use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{handler, live};
use crate::{
    browser,
    state::{Obstacle, path_of, use_chat},
};

/// Says that the page is disconnected, what that means for unsent messages, and what the user can
/// do.
#[component]
pub fn ConnectionBar() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let reload = move || vec![(words.reload(), handler(|_| browser::reload()))];
    let shown = move || match (chat.obstacle.get(), chat.away.get()) {
        (Some(Obstacle::NewVersion), _) => Some(bar(words.new_version().into_any(), reload())),
        (Some(Obstacle::SomeoneElse), _) => Some(bar(words.someone_else().into_any(), reload())),
        (Some(Obstacle::TooMany), _) => Some(bar(words.too_many_connections().into_any(), Vec::new())),
        (None, true) => {
            let then = live(move || match chat.waiting.get() {
                0 => words.reconnecting().to_owned(),
                n => words.waiting_count(n),
            });
            let said = view! { {words.no_connection()} " " {then} }.into_any();
            Some(bar(said, vec![(words.connect_now(), handler(|_| browser::connect_now()))]))
        }
        (None, false) => None,
    };
    view! { <div class="connection" role="status" aria-live="polite">{live(shown)}</div> }
}

/// A notice about the page itself, or about a part of it that did not load, until the user closes
/// it.
#[component]
pub fn Notice() -> impl IntoView {
    let chat = use_chat();
    let (words, screen) = (chat.words, chat.screen);
    let shown = move || match (screen.missed.get(), chat.notice.get()) {
        (Some(missed), _) => {
            let again = (words.try_again(), handler(move |_| chat.try_again(missed)));
            let close = (words.close(), handler(move |_| screen.missed.set(None)));
            Some(bar(words.part_not_loaded().into_any(), vec![again, close]))
        }
        (None, Some(text)) => {
            let mut acts = Vec::new();
            if let Some(room) = chat.notice_room.get_untracked() {
                let show = move |_| {
                    chat.notice.set(None);
                    chat.go(path_of(room));
                };
                acts.push((words.show(), handler(show)));
            }
            acts.push((words.close(), handler(move |_| chat.notice.set(None))));
            Some(bar(text.into_any(), acts))
        }
        (None, None) => None,
    };
    view! { <div class="notice" role="status" aria-live="polite">{live(shown)}</div> }
}

/// A button's label, and what it does.
pub(crate) type Act = (&'static str, Box<dyn FnMut(MouseEvent)>);

/// A thin bar with a text and buttons.
pub(crate) fn bar(said: AnyView, acts: Vec<Act>) -> AnyView {
    let button = |(name, act)| view! { <button type="button" on:click=act>{name}</button> }.into_any();
    let acts = acts.into_iter().map(button).collect_view();
    view! { <div class="connection-bar"><span>{said}</span> {acts}</div> }.into_any()
}
