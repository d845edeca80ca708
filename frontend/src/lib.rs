//! The WebAssembly that wakes the page up.

use app::{App, address::Address};
use leptos::{mount::hydrate_body, prelude::provide_context};

/// Called by the page's script once the module has been loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    let Some(page) = app::browser::page_of_document() else {
        leptos::logging::error!("the page carries no description of itself: it stays as the server drew it");
        return;
    };
    app::browser::go_to_drawn_path();
    hydrate_body(move || {
        provide_context(page);
        provide_context(Address::new(app::browser::path()));
        leptos::view! { <App/> }
    });
}
