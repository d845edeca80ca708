//! A thin bar while the network is away: nothing on arrival, words after two seconds.

use leptos::prelude::*;

use crate::components::{handler, live};
use crate::{
    browser,
    state::{Obstacle, use_chat},
};

/// Says that the page is away, what that means for one's words, and what can be done.
#[component]
pub fn ConnectionBar() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let bar = move || {
        match (chat.obstacle.get(), chat.away.get()) {
        (Some(Obstacle::NewVersion), _) => Some(
            view! {
                <div class="connection-bar">
                    <span>{words.new_version()}</span>
                    <button type="button" on:click=handler(|_| browser::reload())>{words.reload()}</button>
                </div>
            }
            .into_any(),
        ),
        (Some(Obstacle::SomeoneElse), _) => Some(
            view! {
                <div class="connection-bar">
                    <span>{words.someone_else()}</span>
                    <button type="button" on:click=handler(|_| browser::reload())>{words.reload()}</button>
                </div>
            }
            .into_any(),
        ),
        (Some(Obstacle::TooMany), _) => Some(
            view! { <div class="connection-bar"><span>{words.too_many_connections()}</span></div> }
                .into_any(),
        ),
        (None, true) => Some(
            view! {
                <div class="connection-bar">
                    <span>
                        {words.no_connection()} " "
                        {live(move || match chat.waiting.get() {
                            0 => words.reconnecting().to_owned(),
                            n => words.waiting_count(n),
                        })}
                    </span>
                    <button type="button" on:click=handler(|_| browser::connect_now())>{words.connect_now()}</button>
                </div>
            }
            .into_any(),
        ),
        (None, false) => None,
    }
    };
    view! { <div class="connection" role="status" aria-live="polite">{bar}</div> }
}
