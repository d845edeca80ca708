//! What is asked of the browser itself, each thing in one place. Nothing here runs on the server.

use leptos::prelude::{document, window};
use protocol::{Millis, Page};
use wasm_bindgen::JsCast;

/// The page as the server drew it, from the script element that carries it.
#[must_use]
pub fn page_of_document() -> Option<Page> {
    let text = document().get_element_by_id("page")?.text_content()?;
    serde_json::from_str(&text).ok()
}

/// A refused form is drawn under the form's address, not under the address that it was posted to: go there before
/// anything looks at the address.
pub fn go_to_drawn_path() {
    let drawn = document().get_element_by_id("page").and_then(|script| script.get_attribute("data-path"));
    let Some(drawn) = drawn.filter(|drawn| drawn.starts_with('/') && *drawn != path()) else { return };
    if let Ok(history) = window().history() {
        // Without it the page still works; a reload would only post the form again.
        drop(history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&drawn)));
    }
}

/// The path and query of the address.
#[must_use]
pub fn path() -> String {
    let location = window().location();
    location.pathname().unwrap_or_default() + &location.search().unwrap_or_default()
}

/// Now, in milliseconds since 1970 UTC, by this machine's clock.
#[must_use]
pub fn now() -> Millis {
    js_sys::Date::now() as Millis
}

/// Minutes between here and UTC, east positive.
#[must_use]
pub fn utc_offset_minutes() -> i32 {
    -(js_sys::Date::new_0().get_timezone_offset() as i32)
}

/// Writes a cookie that the server reads when it draws the next page. The document's own property is the only way,
/// and `web-sys` has it on `HtmlDocument`.
pub fn set_cookie(name: &str, value: &str) {
    let cookie = format!("{name}={value}; Path=/; SameSite=Lax; Max-Age=31536000");
    // A browser that refuses cookies shows UTC: no more is lost.
    drop(js_sys::Reflect::set(document().unchecked_ref(), &"cookie".into(), &cookie.into()));
}
