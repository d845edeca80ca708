//! Everything that needs the browser's own API, each in one place. Nothing here runs on the server.

use std::{ops::Range, time::Duration};

use leptos::prelude::{document, set_timeout, window};
use protocol::{Millis, Page, Seq};
use wasm_bindgen::JsCast;

use crate::{carried, typing::Replacement, words::Words};

/// The origin of this page: `https://chat.example`.
#[must_use]
pub fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// The page as the server drew it, read from the script element that carries it.
#[must_use]
pub fn page_of_document() -> Option<Page> {
    let text = document().get_element_by_id("page")?.text_content()?;
    carried::from_json(&text)
}

/// The words that the page carries.
#[must_use]
pub fn words_of_document() -> Words {
    let text = document().get_element_by_id("words").and_then(|script| script.text_content());
    Words::from_text(text.unwrap_or_default().leak())
}

/// Where the emoji of the page's language are; `None` if this build has none.
#[must_use]
pub(crate) fn emoji_address() -> Option<String> {
    document().get_element_by_id("words")?.get_attribute("data-emoji")
}

/// Fetches one of our files as text; `None` if the network is down. The status is not checked: a
/// missing file yields the text of the error response.
pub(crate) async fn fetch_text(address: &str) -> Option<String> {
    let answer = wasm_bindgen_futures::JsFuture::from(window().fetch_with_str(address)).await.ok()?;
    let answer: web_sys::Response = answer.dyn_into().ok()?;
    wasm_bindgen_futures::JsFuture::from(answer.text().ok()?).await.ok()?.as_string()
}

/// Lower case without accents, as in the emoji file.
#[must_use]
pub(crate) fn folded(text: &str) -> String {
    let parted = js_sys::JsString::from(text).to_lower_case().normalize("NFD");
    let bare: String = String::from(parted).chars().filter(|c| !matches!(c, '\u{300}'..='\u{36F}')).collect();
    js_sys::JsString::from(bare).normalize("NFC").into()
}

/// A refused form is drawn under the form's address, not the address it was posted to. This
/// restores the former before anything looks at the address.
pub fn go_to_drawn_path() {
    let drawn = document().get_element_by_id("page").and_then(|script| script.get_attribute("data-path"));
    let Some(drawn) = drawn.filter(|drawn| drawn.starts_with('/') && *drawn != path()) else { return };
    if let Ok(history) = window().history() {
        // If this fails the page still works; a reload would just post the form again.
        drop(history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&drawn)));
    }
}

/// Pushes a new address onto the browser's history, with a note.
pub fn push_path(path: &str, note: &str) {
    if let Ok(history) = window().history() {
        // Browsers refuse this only after about a hundred navigations in a few seconds.
        drop(history.push_state_with_url(&note.into(), "", Some(path)));
    }
}

/// Replaces the current address in the history.
pub fn replace_path(path: &str, note: &str) {
    if let Ok(history) = window().history() {
        drop(history.replace_state_with_url(&note.into(), "", Some(path)));
    }
}

/// The note of the current history entry; empty if there is none.
#[must_use]
pub fn history_note() -> String {
    let note = window().history().and_then(|history| history.state());
    note.ok().and_then(|note| note.as_string()).unwrap_or_default()
}

/// Goes back in the browser's history. A `popstate` event follows on arrival.
pub fn go_back(entries: i32) {
    if let Ok(history) = window().history() {
        drop(history.go_with_delta(-entries));
    }
}

/// The path and query of the address.
#[must_use]
pub fn path() -> String {
    let location = window().location();
    location.pathname().unwrap_or_default() + &location.search().unwrap_or_default()
}

/// The current time in milliseconds since 1970 UTC, by this machine's clock. Use it only for
/// display: the clock can be set, even backwards.
#[must_use]
pub fn now() -> Millis {
    js_sys::Date::now() as Millis
}

/// The current time by a monotonic clock, for measuring. It equalled [`now`] when the page was
/// loaded, and may stop while the machine sleeps.
#[must_use]
pub fn steady() -> Millis {
    let performance = window().performance();
    performance.map_or_else(now, |clock| (clock.time_origin() + clock.now()) as Millis)
}

/// Parses the value of a date-time field, such as `2026-11-30T09:00`, in the browser's time zone.
#[must_use]
pub fn parse_local_time(text: &str) -> Option<Millis> {
    let at = js_sys::Date::parse(text);
    // The length rules out a date without a time, which would count as UTC.
    (at.is_finite() && text.len() >= 16).then_some(at as Millis)
}

/// The browser's UTC offset at a time, in minutes east.
#[must_use]
pub fn utc_offset_minutes(at: Millis) -> i32 {
    -(js_sys::Date::new(&(at as f64).into()).get_timezone_offset() as i32)
}

/// The name of the browser's time zone, such as `Europe/Berlin`. `None` if the system has none.
#[must_use]
pub fn zone_name() -> Option<String> {
    let format = js_sys::Intl::DateTimeFormat::new(&js_sys::Array::new(), &js_sys::Object::new());
    js_sys::Reflect::get(&format.resolved_options(), &"timeZone".into()).ok()?.as_string()
}

/// The UTC offset of a time zone at a time, in minutes east. `None` if the browser does not know the
/// zone.
#[must_use]
pub fn utc_offset_in(zone: &str, at: Millis) -> Option<i32> {
    let date = js_sys::Date::new(&(at as f64).into());
    let options = js_sys::Object::new();
    js_sys::Reflect::set(&options, &"timeZone".into(), &zone.into()).ok()?;
    // Called by its name, because it throws for an unknown zone. In Swedish it has the form
    // `2026-11-30 09:05:00`.
    let format = js_sys::Reflect::get(&date, &"toLocaleString".into()).ok()?;
    let format = format.dyn_into::<js_sys::Function>().ok()?;
    let there = format.call2(&date, &"sv".into(), &options).ok()?.as_string()?;
    let there = js_sys::Date::parse(&format!("{}Z", there.replace(' ', "T")));
    there.is_finite().then(|| (there as Millis - at + 30_000).div_euclid(60_000) as i32)
}

/// Writes a cookie that the server reads when it draws the next page. `document.cookie` is the only
/// way, and `web-sys` has it only on `HtmlDocument`.
pub fn set_cookie(name: &str, value: &str) {
    let cookie = format!("{name}={value}; Path=/; SameSite=Lax; Max-Age=31536000");
    // A browser that refuses cookies just shows UTC.
    drop(js_sys::Reflect::set(document().unchecked_ref(), &"cookie".into(), &cookie.into()));
}

/// The name of the event that asks to connect at once.
pub const CONNECT_NOW: &str = "roost:connect";

/// Asks to connect at once.
pub fn connect_now() {
    if let Ok(event) = web_sys::Event::new(CONNECT_NOW) {
        drop(window().dispatch_event(&event));
    }
}

/// Whether the page is hidden.
#[must_use]
pub fn is_hidden() -> bool {
    document().visibility_state() == web_sys::VisibilityState::Hidden
}

/// Whether the browser reports that it is offline. It may be wrong: a server on this machine is
/// still reachable.
#[must_use]
pub fn is_offline() -> bool {
    !window().navigator().on_line()
}

/// Whether the page is visible and has focus.
#[must_use]
pub fn is_looked_at() -> bool {
    !is_hidden() && document().has_focus().unwrap_or(true)
}

/// Whether the screen is as narrow as a phone's, where one pane covers the others: see `style/_frame.scss`.
#[must_use]
pub fn is_phone() -> bool {
    matches_media("(max-width: 719.98px)")
}

/// The address of the socket.
#[must_use]
pub fn socket_address() -> String {
    let location = window().location();
    let scheme = if location.protocol().is_ok_and(|p| p == "https:") { "wss" } else { "ws" };
    format!("{scheme}://{}/socket", location.host().unwrap_or_default())
}

/// The session has ended: goes to the sign-in page, which leads back here.
pub fn leave_for_sign_in() {
    let next = js_sys::encode_uri_component(&path());
    drop(window().location().assign(&format!("/sign-in?next={next}")));
}

/// Goes to a page outside the app. It replaces the history entry of whatever covers this page.
pub fn leave_for(path: &str) {
    drop(window().location().replace(path));
}

/// Dispatches an event with details at the window.
pub(crate) fn dispatch(name: &str, detail: &wasm_bindgen::JsValue) {
    let about = web_sys::CustomEventInit::new();
    about.set_detail(detail);
    if let Ok(event) = web_sys::CustomEvent::new_with_event_init_dict(name, &about) {
        drop(window().dispatch_event(&event));
    }
}

/// Focuses something below an element, once it is drawn.
pub(crate) fn focus_soon(below: &web_sys::Element, what: &'static str) {
    let below = below.clone();
    leptos::prelude::request_animation_frame(move || {
        let found = below.query_selector(what).ok().flatten();
        if let Some(found) = found.and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok()) {
            drop(found.focus());
        }
    });
}

/// Leaves a note for the page that this tab loads next.
pub fn leave_word(name: &str, word: &str) {
    if let Ok(Some(storage)) = window().session_storage() {
        // If this fails, the next page just says less.
        drop(storage.set_item(name, word));
    }
}

/// Takes the note that the previous page left.
#[must_use]
pub fn take_word(name: &str) -> Option<String> {
    let storage = window().session_storage().ok()??;
    let word = storage.get_item(name).ok()?;
    drop(storage.remove_item(name));
    word
}

/// Reloads the page.
pub fn reload() {
    drop(window().location().reload());
}

/// Sets an attribute of `<html>`, for tests and style sheets. Does nothing once the page is broken.
pub fn set_root_attribute(name: &str, value: &str) {
    if let Some(root) = document().document_element().filter(|root| !root.has_attribute(BROKEN)) {
        drop(root.set_attribute(name, value));
    }
}

/// The attribute of `<html>` that says why the page does not work. `shell.rs` also sets it, and has
/// the texts for it.
const BROKEN: &str = "data-broken";

/// Marks the page as broken after a panic, so that nothing claims that it still works.
pub fn stop() {
    break_off("stopped");
}

/// Marks the page as broken because a required file did not load.
pub fn stay_unloaded() {
    break_off("unloaded");
}

fn break_off(why: &str) {
    let Some(root) = document().document_element() else { return };
    for sign_of_life in ["data-hydrated", "data-link"] {
        drop(root.remove_attribute(sign_of_life));
    }
    drop(root.set_attribute(BROKEN, why));
}

/// Whether the page is broken.
#[must_use]
pub fn is_stopped() -> bool {
    document().document_element().is_some_and(|root| root.has_attribute(BROKEN))
}

/// Makes a field as high as its text; the style sheet limits the height. Browsers with
/// `field-sizing` do this themselves, without a layout for each keystroke.
pub fn fit_height(field: &web_sys::HtmlTextAreaElement) {
    if web_sys::css::supports("field-sizing: content").unwrap_or_default() {
        return;
    }
    let style = field.style();
    // Keeps the height of its box meanwhile, so that what is above does not scroll.
    let around = field.parent_element().and_then(|around| around.dyn_into::<web_sys::HtmlElement>().ok());
    let keep = |height: &str| {
        if let Some(around) = &around {
            drop(around.style().set_property("min-height", height));
        }
    };
    keep(&format!("{}px", around.as_ref().map_or(0, web_sys::HtmlElement::offset_height)));
    drop(style.set_property("height", "auto"));
    drop(style.set_property("height", &format!("{}px", field.scroll_height())));
    keep("");
}

/// The text of a field and its selection, in bytes.
#[must_use]
pub(crate) fn selected(field: &web_sys::HtmlTextAreaElement) -> (String, Range<usize>) {
    let text = field.value();
    let at = |units: Result<Option<u32>, _>| bytes_at(&text, units.ok().flatten().unwrap_or(u32::MAX));
    let range = at(field.selection_start())..at(field.selection_end());
    (text, range)
}

/// Changes the text of a field as if it were typed: undo works, and an `input` event fires.
pub(crate) fn replace(field: &web_sys::HtmlTextAreaElement, text: &str, change: &Replacement) {
    let Replacement { range, with, select } = change;
    let select_units = |from: u32, to: u32| drop(field.set_selection_range(from, to));
    let start = units_in(text, range.start);
    select_units(start, units_in(text, range.end));
    let typed = |document: web_sys::HtmlDocument| match with.is_empty() {
        true => document.exec_command("delete"),
        false => document.exec_command_with_show_ui_and_value("insertText", false, with),
    };
    let is_done = document().dyn_into().ok().and_then(|document| typed(document).ok());
    if is_done != Some(true) {
        drop(field.set_range_text(with));
        if let Ok(event) = web_sys::Event::new("input") {
            drop(field.dispatch_event(&event));
        }
    }
    select_units(start + units_in(with, select.start), start + units_in(with, select.end));
}

/// Fires an event on an element, for our scripts outside the wasm.
pub(crate) fn announce(element: &web_sys::Element, what: &str) {
    let about = web_sys::EventInit::new();
    about.set_bubbles(true);
    if let Ok(event) = web_sys::Event::new_with_event_init_dict(what, &about) {
        drop(element.dispatch_event(&event));
    }
}

/// Converts an offset in UTF-16 code units, as browsers count, to bytes.
fn bytes_at(text: &str, units: u32) -> usize {
    let mut left = units as usize;
    let before = text.chars().take_while(|c| {
        let fits = left >= c.len_utf16();
        left = left.saturating_sub(c.len_utf16());
        fits
    });
    before.map(char::len_utf8).sum()
}

fn units_in(text: &str, bytes: usize) -> u32 {
    text.get(..bytes).map_or(0, |before| before.encode_utf16().count() as u32)
}

/// Whether this element has focus.
#[must_use]
pub(crate) fn has_keyboard(element: &web_sys::Element) -> bool {
    document().active_element().as_ref() == Some(element)
}

/// The attribute of `<html>` that shows the composer's formatting tools; `shell.rs` sets it before
/// the first paint.
const FORMATTING: &str = "data-formatting";
/// The key under which the browser remembers it.
const FORMATTING_KEPT: &str = "roost:formatting";

/// Whether this browser last had the composer's formatting tools shown.
#[must_use]
pub(crate) fn has_formatting() -> bool {
    document().document_element().is_some_and(|root| root.has_attribute(FORMATTING))
}

/// Remembers whether the composer's formatting tools are shown.
pub(crate) fn keep_formatting(on: bool) {
    let Some(root) = document().document_element() else { return };
    drop(if on { root.set_attribute(FORMATTING, "") } else { root.remove_attribute(FORMATTING) });
    if let Ok(Some(storage)) = window().local_storage() {
        // Without storage, it is forgotten with the page.
        drop(if on { storage.set_item(FORMATTING_KEPT, "1") } else { storage.remove_item(FORMATTING_KEPT) });
    }
}

/// The width of the window, in pixels.
#[must_use]
pub(crate) fn width_px() -> f64 {
    document().document_element().map_or(0.0, |root| f64::from(root.client_width()))
}

/// The height of the window, in pixels.
#[must_use]
pub fn height_px() -> usize {
    window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or_default() as usize
}

/// Scrolls a message of the open room into view.
pub fn show_row(seq: Seq) {
    if let Some(row) = row(seq) {
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::Nearest);
        row.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

/// How long a message stays marked after jumping to it.
const POINTED_FOR: Duration = Duration::from_millis(2_000);

/// Scrolls a message of the open room to the middle of the screen, marks it for a moment and
/// focuses it. Returns whether it is there.
pub fn point_at_row(seq: Seq) -> bool {
    let Some(found) = row(seq) else { return false };
    let options = web_sys::ScrollIntoViewOptions::new();
    options.set_block(web_sys::ScrollLogicalPosition::Center);
    found.scroll_into_view_with_scroll_into_view_options(&options);
    focus(&found);
    drop(found.set_attribute("data-found", ""));
    set_timeout(move || drop(found.remove_attribute("data-found")), POINTED_FOR);
    true
}

/// Focuses a message of the open room.
pub fn focus_row(seq: Seq) {
    if let Some(row) = row(seq) {
        focus(&row);
    }
}

/// A message may stand in the room and in a thread beside it: then it is the one where the pointer or the keyboard is.
fn row(seq: Seq) -> Option<web_sys::Element> {
    let row = format!("[data-seq=\"{}\"]", seq.0);
    let find = |what: &str| document().query_selector(what).ok().flatten();
    find(&format!(":is(.thread:hover, .thread:focus-within) {row}")).or_else(|| find(&row))
}

/// Whether a panel lies over the room: see `style/_frame.scss`.
#[must_use]
pub fn has_overlay_panel() -> bool {
    matches_media("(max-width: 1099.98px)")
}

/// Focuses an element without scrolling.
pub fn focus(element: &web_sys::Element) {
    let options = web_sys::FocusOptions::new();
    options.set_prevent_scroll(true);
    if let Some(element) = element.dyn_ref::<web_sys::HtmlElement>() {
        drop(element.focus_with_options(&options));
    }
}

/// Whether this is a Mac, according to the document.
#[must_use]
pub fn is_mac() -> bool {
    document().document_element().is_some_and(|root| root.has_attribute("data-mac"))
}

/// Focuses the first element that matches this selector and can have focus. One that is not displayed cannot: a message that stands in
/// its room and in a thread has its tools twice.
pub fn focus_first(what: &str) {
    let Ok(found) = document().query_selector_all(what) else { return };
    for element in (0..found.length()).filter_map(|n| found.item(n)?.dyn_into::<web_sys::Element>().ok()) {
        focus(&element);
        if document().active_element().as_ref() == Some(&element) {
            return;
        }
    }
}

/// The distance from the top of the timeline to the top of a message, in pixels.
#[must_use]
pub fn space_above(seq: Seq) -> f64 {
    let top = |element: &web_sys::Element| element.get_bounding_client_rect().top();
    let space = |row: web_sys::Element| Some(top(&row) - top(&row.closest("[role=log]").ok()??));
    row(seq).and_then(space).unwrap_or_default()
}

/// Whether the page has woken up and responds. Always false on the server.
#[must_use]
pub fn is_awake() -> bool {
    !cfg!(feature = "ssr")
        && document().document_element().is_some_and(|root| root.has_attribute("data-hydrated"))
}

/// Whether anything in the document matches a selector.
#[must_use]
pub fn is_there(what: &str) -> bool {
    document().query_selector(what).is_ok_and(|found| found.is_some())
}

/// Whether a dialog is in the document.
#[must_use]
pub fn has_dialog() -> bool {
    is_there("dialog")
}

/// Whether nothing has focus.
#[must_use]
pub fn is_nothing_focused() -> bool {
    document().active_element().is_none_or(|active| active.tag_name() == "BODY")
}

/// Whether a page that opens may focus its field: nothing else has focus, and no on-screen keyboard
/// would cover half of the screen.
#[must_use]
pub fn wants_keyboard() -> bool {
    let free = document()
        .active_element()
        .is_none_or(|active| active.tag_name() == "BODY" || active.tag_name() == "A");
    free && matches_media("(hover: hover) and (pointer: fine)")
}

/// Whether the main input is a touch screen: its keyboard has no Shift+Enter, and a send button is
/// within reach of the thumb.
#[must_use]
pub fn is_touched() -> bool {
    matches_media("(hover: none) and (pointer: coarse)")
}

/// Whether a media query holds.
fn matches_media(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|list| list.matches())
}

/// Copies a text to the clipboard. `done` receives whether that was allowed.
pub fn copy(text: String, done: impl FnOnce(bool) + 'static) {
    leptos::task::spawn_local(async move {
        let clipboard = window().navigator().clipboard();
        // Without HTTPS there is no clipboard.
        let copied = match clipboard.is_undefined() {
            true => false,
            false => wasm_bindgen_futures::JsFuture::from(clipboard.write_text(&text)).await.is_ok(),
        };
        done(copied);
    });
}

/// Whether a control has focus, so that a key belongs to it.
#[must_use]
pub fn is_typing() -> bool {
    document().active_element().is_some_and(|active| {
        matches!(active.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT" | "BUTTON")
    })
}
