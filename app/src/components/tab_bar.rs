//! The bar at the bottom of a phone's screen: rooms, unread, search, and the user's own settings.
//! It is shown below the list and the settings; an open room has the whole screen.
//!
//! These are plain links, which work without script; only the search is a button. The style sheet
//! shows the bar below 720 px.

use leptos::prelude::*;

use super::{avatar::Avatar, icon::Icon};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::{
    address::{Route, UNREAD_LIST, use_address},
    components::{handler, live},
    state::{Chat, Dialog, use_chat},
};

/// The navigation.
#[component]
pub fn TabBar() -> impl IntoView {
    let chat = use_chat();
    let (words, address) = (chat.words, use_address());
    let here = move |route, unread| address.route() == route && address.is_unread_list() == unread;
    let search = move |_| chat.screen.dialog.set(Some(Dialog::Switcher));
    let icon = |name| view! { <Icon name/> }.into_any();
    let me = live(move || view! { <Avatar user=(*chat.user(chat.me)).clone()/> }.into_any()).into_any();
    view! {
        <nav class="tabs" aria-label=words.main_menu()>
            {tab("/", icon("message"), words.rooms(), ().into_any(), live(move || here(Route::Lobby, false)))}
            {tab(UNREAD_LIST, icon("inbox"), words.unread_rooms(), count(chat), live(move || here(Route::Lobby, true)))}
            <button type="button" class="tab scripted" on:click=handler(search)>
                <Icon name="search"/>
                <span>{words.search()}</span>
            </button>
            {tab("/settings", me, words.you_tab(), settings(chat), Box::new(|| false))}
        </nav>
    }
    .into_any()
}

fn tab(
    path: &'static str,
    picture: AnyView,
    name: &'static str,
    more: AnyView,
    mut is_here: Box<dyn FnMut() -> bool + Send>,
) -> AnyView {
    let chat = use_chat();
    let up = (Route::of(path) == Route::Lobby).then_some("list");
    view! {
        <a
            class="tab"
            href=path
            data-up=up
            aria-current=live(move || is_here().then_some("page"))
            on:click=handler(move |click: web_sys::MouseEvent| if path == "/settings" && chat.stays_offline() { click.prevent_default() })
        >
            {picture}
            <span>{name}</span>
            " "
            {more}
        </a>
    }
    .into_any()
}

/// The number of unread messages in all rooms.
fn count(chat: Chat) -> AnyView {
    live(move || {
        let n = chat.unread.get();
        (n > 0).then(|| {
            view! {
                <span class="badge" role="img" aria-label=chat.words.unread(n)>
                    {chat.words.badge(n)}
                </span>
            }
            .into_any()
        })
    })
    .into_any()
}

/// A label for screen readers.
fn settings(chat: Chat) -> AnyView {
    view! { <span class="sr-only">{chat.words.settings()}</span> }.into_any()
}
