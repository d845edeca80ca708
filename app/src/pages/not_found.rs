//! The page for unknown addresses.

use leptos::prelude::*;

use crate::words::use_words;

/// The page.
#[component]
pub fn NotFound() -> impl IntoView {
    let words = use_words();
    view! {
        <div class="lobby">
            <h1>{words.not_found()}</h1>
            <p>{words.not_found_lead()}</p>
            <a class="button" href="/" rel="external">{words.back_to_rooms()}</a>
        </div>
    }
}
