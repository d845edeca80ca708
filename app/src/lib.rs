//! The user interface.
//!
//! [`App`] is drawn twice: by the server, into the page's HTML, and by the browser, which wakes
//! (hydrates) that HTML. Both draw from one value, [`protocol::Page`], so nothing moves when the
//! page wakes.
//!
//! - [`pages`]: one file per page. Most are forms that work without script.
//! - [`components`]: the building blocks of pages.
//! - [`state`]: [`Chat`], signals around the state machine of the crate `client`. Components read
//!   signals and call its methods; they never see a socket.
//! - [`socket`]: opens the WebSocket and keeps it open.
//! - [`later`]: the parts whose code comes after the first download.
//! - `plain`: settings and administration, drawn by the server alone.
//! - [`words`]: every sentence, in every language.
#![recursion_limit = "256"]

#[cfg(not(any(erase_components, doc, doctest)))]
compile_error!(
    "build with `--cfg erase_components`, as .cargo/config.toml says (RUSTFLAGS overrides that file)"
);

pub mod address;
pub mod browser;
pub mod components;
pub mod later;
pub mod pages;
pub mod socket;
pub mod state;
pub mod words;

mod carried;
mod emoji;
#[cfg(feature = "ssr")]
pub mod plain;
#[cfg(feature = "ssr")]
mod shell;
mod text;
mod typing;

#[cfg(feature = "ssr")]
pub use shell::{DrawnPath, shell};

use leptos::prelude::*;
use protocol::{Page, User};

use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::{
    address::{Address, Route, use_address},
    components::{
        connection_bar::Notice, dialogs::Dialogs, effect, keyboard::Keyboard, list, list_item, live,
        room_list::RoomList, tab_bar::TabBar,
    },
    pages::{document_title, lobby::Lobby, not_found::NotFound, room::RoomPage},
    state::{Chat, use_chat},
};

/// Everything inside `<body>`. The [`Page`] and the [`Address`] come from context, on both sides.
#[component]
pub fn App() -> impl IntoView {
    let (Some(page), Some(address)) = (use_context::<Page>(), use_context::<Address>()) else {
        return ().into_any();
    };
    // The last of all effects: from here on the page responds.
    effect(|| request_animation_frame(|| browser::set_root_attribute("data-hydrated", "true")));
    // The set-up is drawn outside the app, although its user is signed in.
    let set_up = page.workspace_name.is_empty() || address.route() == Route::SetUp;
    match page.signed_in().filter(|_| !set_up).map(|signed_in| signed_in.viewer.clone()) {
        Some(me) => view! { <Inside workspace=page.workspace_name me/> }.into_any(),
        None => view! { <Outside/> }.into_any(),
    }
}

/// The pages outside the app, such as sign-in. The browser loads each of them anew.
#[component]
fn Outside() -> impl IntoView {
    match use_address().route() {
        route @ (Route::SignIn | Route::SignUp | Route::NewPassword | Route::SetUp) => later::door(route),
        Route::Lobby | Route::Room(_) | Route::Nowhere => {
            view! { <main class="door"><NotFound/></main> }.into_any()
        }
    }
}

/// The navigation, and the page that is open beside it.
#[component]
fn Inside(workspace: String, me: User) -> impl IntoView {
    let page = expect_context::<Page>();
    let address = use_address();
    let chat = Chat::new(&page, me);
    provide_context(chat);
    effect(move || {
        address.follow(move || chat.screen.uncover());
        chat.wake();
    });
    effect(move || address.cover(chat.screen.is_covered()));
    let here = Memo::new(move |_| address.route());
    let is_guest = chat.is_guest();
    let title_workspace = workspace.clone();
    view! {
        <div
            class="frame"
            data-pane=live(move || match here.get() {
                Route::Lobby => "list",
                Route::Room(_) | Route::SignIn | Route::SignUp | Route::NewPassword | Route::SetUp | Route::Nowhere => "main",
            })
            data-list=live(move || address.is_unread_list().then_some("unread"))
            data-guest=live(move || is_guest.get().then_some("true"))
        >
            <RoomList workspace/>
            <main class="main">
                {live(move || match here.get() {
                    Route::Lobby => view! { <Lobby/> }.into_any(),
                    Route::Room(room) => view! { <RoomPage room/> }.into_any(),
                    Route::SignIn | Route::SignUp | Route::NewPassword | Route::SetUp | Route::Nowhere => {
                        view! { <NotFound/> }.into_any()
                    }
                })}
            </main>
            <TabBar/>
            <Dialogs/>
            {live(move || chat.screen.sheet.get().map(|(room, seq)| later::sheet(room, seq)))}
            {live(move || chat.screen.reactors.get().map(|(seq, emoji)| later::reactors(seq, emoji)))}
            <Notice/>
            {live(move || chat.has_reminder.get().then(later::due))}
            // Each announcement is its own element, so that a repeated one is read again.
            <div class="sr-only" role="status" aria-live="polite" aria-atomic="false" aria-relevant="additions">
                {list(move || {
                    let item = |(number, text): (u32, String)| list_item(number, move || view! { <p>{text}</p> }.into_any());
                    chat.announced.get().into_iter().map(item).collect()
                })}
            </div>
        </div>
        <Keyboard/>
        <Document workspace=title_workspace/>
    }
    .into_any()
}

/// The delay before the title of a visible page is updated.
const TITLE_AFTER: std::time::Duration = std::time::Duration::from_millis(200);

/// Updates the document's title and attributes.
#[component]
fn Document(workspace: String) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let wanted = StoredValue::new(String::new());
    effect(move || {
        let room = chat.room.get();
        let here = room.and_then(|room| chat.summary(room)).map(|summary| chat.name_of(&summary.read()));
        wanted.set_value(document_title(words, here.as_deref(), &workspace, chat.unread.get()));
        let write = move || {
            wanted.try_with_value(|title| {
                if document().title() != *title {
                    document().set_title(title);
                }
            });
        };
        // Messages read on arrival count as unread only briefly, and browsers are slow to change a
        // title.
        match browser::is_hidden() {
            true => write(),
            false => set_timeout(write, TITLE_AFTER),
        }
    });
    effect(move || {
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
}
