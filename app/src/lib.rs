//! What the browser shows.
//!
//! [`App`] is drawn twice: by the server, into the page's HTML, and by the browser, which wakes that HTML up. Both
//! draw it from one value, [`protocol::Page`]; so nothing moves when the page wakes.
//!
//! - [`pages`]: one page, one file. Most are forms that work without script.
//! - [`components`]: what pages are made of.
//! - [`state`]: [`Chat`], signals around the machine of the crate `client`. Components read signals
//!   and call its verbs; they never see a socket.
//! - [`socket`]: opens the WebSocket and keeps it open.
//! - [`words`]: every sentence, in every language.
#![recursion_limit = "256"]

pub mod browser;
pub mod components;
pub mod pages;
pub mod socket;
pub mod state;
pub mod words;

#[cfg(feature = "ssr")]
mod shell;
mod text;

#[cfg(feature = "ssr")]
pub use shell::shell;

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    components::{FlatRoutes, Route, Router},
    hooks::{use_location, use_navigate},
    path,
};
use protocol::{Page, User};

use crate::{
    components::{dialogs::Dialogs, keyboard::Keyboard, room_list::RoomList},
    pages::{
        document_title, lobby::Lobby, not_found::NotFound, room::RoomPage, set_up::SetUp, settings::Settings,
        sign_in::SignIn, sign_up::SignUp,
    },
    state::{Chat, use_chat},
};

/// Everything inside `<body>`. The [`Page`] comes from context, on both sides.
#[component]
pub fn App() -> impl IntoView {
    let Some(page) = use_context::<Page>() else { return ().into_any() };
    // Set last of all effects: from here on the page answers.
    Effect::new(|_| request_animation_frame(|| browser::set_root_attribute("data-hydrated", "true")));
    let place = page.place.clone();
    let viewer = page.viewer.map(|viewer| viewer.user);
    view! {
        <Router>
            {move || match viewer.clone() {
                Some(me) if !place.is_empty() && !is_set_up() => view! { <Inside place=place.clone() me/> }.into_any(),
                _ => view! { <Outside/> }.into_any(),
            }}
        </Router>
    }
    .into_any()
}

/// The set-up is a page before one is in, though one is signed in already. One leaves it by a new page.
fn is_set_up() -> bool {
    use_location().pathname.get_untracked() == "/set-up"
}

/// The pages before one is in. Between them the browser loads anew.
#[component]
fn Outside() -> impl IntoView {
    view! {
        <FlatRoutes fallback=NotFound>
            <Route path=path!("/sign-in") view=SignIn/>
            <Route path=path!("/sign-up") view=SignUp/>
            <Route path=path!("/invite/:token") view=SignUp/>
            <Route path=path!("/set-up") view=SetUp/>
        </FlatRoutes>
    }
    .into_any()
}

/// The rooms, and the page that is open beside them.
#[component]
fn Inside(place: String, me: User) -> impl IntoView {
    let page = expect_context::<Page>();
    let chat = Chat::new(&page, me);
    provide_context(chat);
    Effect::new(move |_| chat.wake());
    let location = use_location();
    let is_list = move || location.pathname.get() == "/";
    let title_place = place.clone();
    view! {
        <div class="frame" data-pane=move || if is_list() { "list" } else { "main" }>
            <RoomList place/>
            <main class="main">
                <FlatRoutes fallback=NotFound>
                    <Route path=path!("/") view=Lobby/>
                    <Route path=path!("/r/:room") view=RoomPage/>
                    <Route path=path!("/settings") view=Settings/>
                </FlatRoutes>
            </main>
            <Dialogs/>
            <div class="sr-only" role="status" aria-live="polite">{move || chat.announced.get()}</div>
        </div>
        <Keyboard/>
        <Document place=title_place/>
    }
    .into_any()
}

/// What is told outside the app: the document's title and attributes, and the address.
#[component]
fn Document(place: String) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let pathname = use_location().pathname;
    Effect::new(move |_| {
        let here = match chat.room.get() {
            Some(room) => chat.summary(room).map(|summary| chat.name_of(&summary.read())),
            None => (pathname.get() == "/settings").then(|| words.settings().to_owned()),
        };
        document().set_title(&document_title(words, here.as_deref(), &place, chat.unread.get()));
    });
    Effect::new(move |_| {
        browser::set_root_attribute("data-node", &chat.node.get());
        browser::set_root_attribute(
            "data-link",
            match chat.link.get() {
                client::Link::Live => "live",
                client::Link::Greeting => "greeting",
                client::Link::Away { .. } => "away",
            },
        );
    });
    let navigate = use_navigate();
    Effect::new(move |_| {
        if let Some(path) = chat.going.get() {
            navigate(&path, NavigateOptions::default());
        }
    });
}
