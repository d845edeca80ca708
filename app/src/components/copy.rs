//! A text to copy: selected by a click, copied by a button.

use leptos::{html::Input, prelude::*};

use super::icon::Icon;
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{handler, live};
use crate::{browser, words::use_words};

/// A read-only field with its button.
#[component]
pub fn CopyField(
    /// The text.
    text: String,
    /// What it is.
    label: &'static str,
) -> impl IntoView {
    let words = use_words();
    let field = NodeRef::<Input>::new();
    let note = RwSignal::new(None::<&'static str>);
    let copied = text.clone();
    let copy = move |_| {
        if let Some(field) = field.get_untracked() {
            field.select();
        }
        browser::copy(copied.clone(), move |done| {
            note.set(Some(if done { words.copied() } else { words.no_clipboard() }));
        });
    };
    view! {
        <div class="copy">
            <input
                type="text"
                class="input"
                readonly
                aria-label=label
                value=text
                node_ref=field
                on:focus:target=|focus| focus.target().select()
            />
            <button type="button" class="button scripted" on:click=handler(copy)>
                <Icon name="copy"/>
                {words.copy_link()}
            </button>
            <p class="copy-note" role="status">{live(move || note.get())}</p>
        </div>
    }
}
