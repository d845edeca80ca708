//! The WebAssembly that wakes the page up.

use app::{App, address::Address};
use leptos::{
    mount::hydrate_from,
    prelude::{document, provide_context},
};
use wasm_bindgen::JsCast;

/// Called by the page's script once the module has been loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        app::browser::stop();
    }));
    let Some(page) = app::browser::page_of_document() else {
        leptos::logging::error!("the page carries no description of itself: it stays as the server drew it");
        return;
    };
    app::browser::go_to_drawn_path();
    let root = document().get_element_by_id("app").and_then(|root| root.dyn_into().ok());
    let root = root.expect("the server draws the app into an element of its own");
    hydrate_from(root, move || {
        provide_context(page);
        provide_context(Address::new(app::browser::path()));
        leptos::view! { <App/> }
    })
    .forget();
}
