//! «Later»: the viewer's saved and scheduled messages.

use leptos::prelude::*;

use super::{saved::SavedList, scheduled::ScheduledList};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::{
    browser,
    components::{dialogs::DialogFrame, handler, key_handler, live},
    state::use_chat,
};

/// Which of the two lists is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tab {
    Saved,
    Scheduled,
}

/// Both lists, as tabs.
#[component]
pub(super) fn Later() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    // Begins with the list that needs attention, or else with the one that is not empty.
    let first = untrack(|| {
        chat.with_personal(|personal| {
            let failed = personal.scheduled().iter().any(|one| one.failed.is_some());
            let is_empty = personal.saved().is_empty() && !personal.scheduled().is_empty();
            match personal.due().is_empty() && (failed || is_empty) {
                true => Tab::Scheduled,
                false => Tab::Saved,
            }
        })
    });
    let tab = RwSignal::new(first);
    let switch = move |key: web_sys::KeyboardEvent| {
        let other = match (key.key().as_str(), tab.get_untracked()) {
            ("ArrowRight" | "ArrowLeft", Tab::Saved) => Tab::Scheduled,
            ("ArrowRight" | "ArrowLeft", Tab::Scheduled) => Tab::Saved,
            _ => return,
        };
        key.prevent_default();
        tab.set(other);
        request_animation_frame(keep_keyboard);
    };
    let count = move |of: Tab| {
        chat.with_personal(|personal| match of {
            Tab::Saved => personal.saved().len(),
            Tab::Scheduled => personal.scheduled().len(),
        })
    };
    let choice = move |of: Tab, name: &'static str| {
        let is_chosen = move || tab.get() == of;
        view! {
            <button
                type="button"
                role="tab"
                aria-selected=live(move || is_chosen().to_string())
                aria-controls="later-list"
                tabindex=live(move || if is_chosen() { "0" } else { "-1" })
                on:click=handler(move |_| tab.set(of))
            >
                {name}
                {live(move || Some(count(of)).filter(|n| *n > 0).map(|n| view! { " " <span class="count">{n}</span> }.into_any()))}
            </button>
        }
        .into_any()
    };
    let named = move || if tab.get() == Tab::Saved { words.saved() } else { words.scheduled() };
    view! {
        <DialogFrame title=words.later()>
            <div class="later-tabs" role="tablist" aria-label=words.later() on:keydown=key_handler(switch)>
                {choice(Tab::Saved, words.saved())}
                {choice(Tab::Scheduled, words.scheduled())}
            </div>
            <div class="later-list" id="later-list" role="tabpanel" aria-label=live(named)>
                {live(move || match tab.get() {
                    Tab::Saved => view! { <SavedList/> }.into_any(),
                    Tab::Scheduled => view! { <ScheduledList/> }.into_any(),
                })}
            </div>
        </DialogFrame>
    }
}

/// The focused line is going away: keeps focus in the dialog.
pub(super) fn keep_keyboard() {
    browser::focus_first(".later-tabs [aria-selected=true]");
}

/// The placeholder of an empty list, with a hint.
pub(super) fn nothing(title: &'static str, hint: &'static str) -> AnyView {
    view! {
        <div class="later-none">
            <strong>{title}</strong>
            <p>{hint}</p>
        </div>
    }
    .into_any()
}
