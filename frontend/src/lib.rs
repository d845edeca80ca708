//! The WebAssembly that hydrates the page.

use app::{App, address::Address, browser, later};
use leptos::{
    mount::hydrate_from,
    prelude::{document, provide_context},
};
use protocol::Page;
use wasm_bindgen::JsCast;

/// Called by the page's script once the module has been loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        browser::stop();
    }));
    let Some(page) = browser::page_of_document() else {
        leptos::logging::error!("the page carries no description of itself: it stays as the server drew it");
        return;
    };
    browser::go_to_drawn_path();
    let parts = later::begins_with(&browser::path(), &page);
    if parts.is_empty() {
        return wake(page);
    }
    // Chunks whose content the server rendered must load before hydration. Leptos has no executor of its own before
    // that.
    wasm_bindgen_futures::spawn_local(async move {
        match later::preload(parts).await {
            Ok(()) => wake(page),
            Err(_) => browser::stay_unloaded(),
        }
    });
}

fn wake(page: Page) {
    let is_inside = page.signed_in().is_some();
    let words = browser::words_of_document();
    let root = document().get_element_by_id("app").and_then(|root| root.dyn_into().ok());
    let root = root.expect("the server draws the app into an element of its own");
    hydrate_from(root, move || {
        provide_context(page);
        provide_context(words);
        provide_context(Address::new(browser::path()));
        leptos::view! { <App/> }
    })
    .forget();
    if is_inside {
        later::preload_when_idle();
    }
}
