//! Icons, from the sprite `icons.svg`. It is part of the document (see `shell.rs`), so that no icon
//! is blank at the first paint and none is in the wasm.

use leptos::prelude::*;

/// An icon beside text, or on a labelled button. Hidden from screen readers.
#[component]
pub fn Icon(
    /// The symbol's name in the sprite.
    name: &'static str,
) -> impl IntoView {
    view! {
        <svg class="icon" aria-hidden="true" focusable="false">
            <use_ href=format!("#icon-{name}")></use_>
        </svg>
    }
}
