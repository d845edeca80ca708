//! Icons, from one sprite in `public/icons.svg`: none of them is in the wasm.

use leptos::prelude::*;

/// A picture beside words, or on a button that has a name. Never read aloud.
#[component]
pub fn Icon(
    /// The symbol's name in the sprite.
    name: &'static str,
) -> impl IntoView {
    view! {
        <svg class="icon" aria-hidden="true" focusable="false">
            <use_ href=format!("/icons.svg#{name}")></use_>
        </svg>
    }
}
