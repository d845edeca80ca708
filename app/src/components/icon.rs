//! Icons, from the sprite `icons.svg`. The document has it (see `shell.rs`), so that none is blank when the page is first painted, and
//! none is in the wasm.

use leptos::prelude::*;

/// A picture beside words, or on a button that has a name. Never read aloud.
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
