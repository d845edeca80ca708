//! What the browser shows.
//!
//! [`App`] is drawn twice: by the server, into the page's HTML, and by the browser, which wakes that HTML up. Both
//! draw it from one value, [`protocol::Page`]; so nothing moves when the page wakes.
//!
//! - [`pages`]: one page, one file. Most are forms that work without script.
//! - [`components`]: what pages are made of.
//! - [`state`]: [`Chat`](state::Chat), signals around the machine of the crate `client`. Components read signals
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

#[cfg(feature = "ssr")]
pub use shell::shell;

use leptos::prelude::*;
use leptos_router::components::Router;
use protocol::Page;

/// Everything inside `<body>`. The [`Page`] comes from context, on both sides.
#[component]
pub fn App() -> impl IntoView {
    let Some(page) = use_context::<Page>() else { return ().into_any() };
    Effect::new(|| {
        if let Some(root) = document().document_element() {
            drop(root.set_attribute("data-hydrated", "true"));
        }
    });
    let form = page.form.as_ref().map(|form| form.refusal.to_string());
    view! {
        <Router>
            <main>
                <h1>{page.place.clone()}</h1>
                {form.map(|text| view! { <p role="alert">{text}</p> })}
            </main>
        </Router>
    }
    .into_any()
}
