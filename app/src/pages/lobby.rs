//! The page without an open room: suggests what to do next. On a phone, the list of rooms takes its
//! place.

use leptos::prelude::*;

use crate::components::{handler, live};
use crate::{
    components::icon::Icon,
    state::{Dialog, use_chat},
};

/// The page.
#[component]
pub fn Lobby() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    chat.enter(None);
    let open = move |dialog| move |_| chat.screen.dialog.set(Some(dialog));
    view! {
        <div class="lobby">
            <img src="/favicon.svg" alt="" width="56" height="56"/>
            <h1>{live(move || if chat.order.with(Vec::is_empty) { words.no_rooms_yet() } else { words.lobby_title() })}</h1>
            <p>{live(move || if chat.order.with(Vec::is_empty) { chat.no_rooms_hint() } else { words.lobby_lead() })}</p>
            <div class="lobby-actions scripted">
                <button
                    type="button"
                    class="button primary for-members"
                    on:click=handler(open(Dialog::Browse))
                >
                    <Icon name="hash"/>
                    {words.browse_channels()}
                </button>
                <button type="button" class="button" on:click=handler(open(Dialog::NewDirect))>
                    <Icon name="person"/>
                    {words.new_message()}
                </button>
            </div>
            <p class="lobby-keys scripted">
                <kbd>
                    <span class="not-mac">"Ctrl K"</span>
                    <span class="mac">"⌘ K"</span>
                </kbd>
                {words.go_anywhere()}
                <kbd>"?"</kbd>
                {words.keyboard_shortcuts()}
            </p>
        </div>
    }
}
