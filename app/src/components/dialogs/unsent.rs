//! Unsent texts in a room that the user is no longer in. Not a dialog: it is part of the page that
//! says so.

use leptos::prelude::*;
use protocol::RoomId;

use crate::components::attributes::AriaAttributes;
use crate::components::{effect, handler};
use crate::{
    browser,
    state::{Unsent, use_chat},
};

/// Each text, with buttons to copy it and to discard it.
#[component]
pub fn UnsentTexts(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let unsent = RwSignal::new(Vec::new());
    effect(move || unsent.set(chat.unsent(room)));
    let line = move |Unsent { desk, nonce, text }: Unsent| {
        let copied = text.clone();
        let copy = move |_| {
            browser::copy(copied.clone(), move |done| {
                chat.say_aloud(if done { words.copied() } else { words.no_clipboard() }.to_owned());
            });
        };
        let discard = move |_| match nonce {
            Some(nonce) => drop(chat.take_back(nonce)),
            None => chat.forget_draft(desk),
        };
        view! {
            <li>
                <p class="your-words">{text}</p>
                <button type="button" class="button" on:click=handler(copy)>{words.copy_text()}</button>
                <button type="button" class="button loss" on:click=handler(discard)>{words.discard()}</button>
            </li>
        }
        .into_any()
    };
    view! {
        <section class="unsent" aria-label=words.not_sent()>
            <h2>{words.unsent_here()}</h2>
            <ul>{move || unsent.get().into_iter().map(line).collect::<Vec<_>>()}</ul>
        </section>
    }
}
