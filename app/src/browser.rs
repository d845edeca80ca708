//! What is asked of the browser itself, each thing in one place. Nothing here runs on the server.

use std::{ops::Range, time::Duration};

use leptos::prelude::{document, set_timeout, window};
use protocol::{Millis, Page, Seq};
use wasm_bindgen::JsCast;

use crate::{carried, typing::Replacement, words::Words};

/// Where this page comes from: `https://chat.example`.
#[must_use]
pub fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// The page as the server drew it, from the script element that carries it.
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

/// Where the emoji of the page's language are; `None` where this build has none.
#[must_use]
pub(crate) fn emoji_address() -> Option<String> {
    document().get_element_by_id("words")?.get_attribute("data-emoji")
}

/// Fetches a file of ours as text; `None` where there is no network. Where it is gone, the text is another.
pub(crate) async fn fetch_text(address: &str) -> Option<String> {
    let answer = wasm_bindgen_futures::JsFuture::from(window().fetch_with_str(address)).await.ok()?;
    let answer: web_sys::Response = answer.dyn_into().ok()?;
    wasm_bindgen_futures::JsFuture::from(answer.text().ok()?).await.ok()?.as_string()
}

/// Small letters without accents, as the file of emoji has them.
#[must_use]
pub(crate) fn folded(text: &str) -> String {
    let parted = js_sys::JsString::from(text.to_lowercase()).normalize("NFD");
    let bare: String = String::from(parted).chars().filter(|c| !matches!(c, '\u{300}'..='\u{36F}')).collect();
    js_sys::JsString::from(bare).normalize("NFC").into()
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

/// Puts a new address into the browser's history, with a note.
pub fn push_path(path: &str, note: &str) {
    if let Ok(history) = window().history() {
        // Refused only to who goes a hundred times in a few seconds.
        drop(history.push_state_with_url(&note.into(), "", Some(path)));
    }
}

/// Puts an address in the place of the present one.
pub fn replace_path(path: &str, note: &str) {
    if let Ok(history) = window().history() {
        drop(history.replace_state_with_url(&note.into(), "", Some(path)));
    }
}

/// The note of the present entry of the browser's history; empty where there is none.
#[must_use]
pub fn history_note() -> String {
    let note = window().history().and_then(|history| history.state());
    note.ok().and_then(|note| note.as_string()).unwrap_or_default()
}

/// Goes back in the browser's history. It tells by `popstate` when it has arrived.
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

/// Now, in milliseconds since 1970 UTC, by this machine's clock: only for showing, because the clock may be set, also back.
#[must_use]
pub fn now() -> Millis {
    js_sys::Date::now() as Millis
}

/// Now, by a clock that nobody sets: for measuring. It was equal to [`now`] when the page was loaded, and may stand still
/// while the machine sleeps.
#[must_use]
pub fn steady() -> Millis {
    let performance = window().performance();
    performance.map_or_else(now, |clock| (clock.time_origin() + clock.now()) as Millis)
}

/// A time that a field of the browser names, such as `2026-11-30T09:00`, in the browser's zone.
#[must_use]
pub fn parse_local_time(text: &str) -> Option<Millis> {
    let at = js_sys::Date::parse(text);
    // The form of the field is long enough: a shorter one would be a date alone, which counts as UTC.
    (at.is_finite() && text.len() >= 16).then_some(at as Millis)
}

/// How many minutes east of UTC the browser's zone is at a time.
#[must_use]
pub fn utc_offset_minutes(at: Millis) -> i32 {
    -(js_sys::Date::new(&(at as f64).into()).get_timezone_offset() as i32)
}

/// The name of the browser's zone, such as `Europe/Berlin`. `None` where the system has none.
#[must_use]
pub fn zone_name() -> Option<String> {
    let format = js_sys::Intl::DateTimeFormat::new(&js_sys::Array::new(), &js_sys::Object::new());
    js_sys::Reflect::get(&format.resolved_options(), &"timeZone".into()).ok()?.as_string()
}

/// Writes a cookie that the server reads when it draws the next page. The document's own property is the only way,
/// and `web-sys` has it on `HtmlDocument`.
pub fn set_cookie(name: &str, value: &str) {
    let cookie = format!("{name}={value}; Path=/; SameSite=Lax; Max-Age=31536000");
    // A browser that refuses cookies shows UTC: no more is lost.
    drop(js_sys::Reflect::set(document().unchecked_ref(), &"cookie".into(), &cookie.into()));
}

/// The name of the event by which a person asks to connect at once.
pub const CONNECT_NOW: &str = "roost:connect";

/// Asks to connect at once.
pub fn connect_now() {
    if let Ok(event) = web_sys::Event::new(CONNECT_NOW) {
        drop(window().dispatch_event(&event));
    }
}

/// Whether nobody can see the page.
#[must_use]
pub fn is_hidden() -> bool {
    document().visibility_state() == web_sys::VisibilityState::Hidden
}

/// Whether the browser says that it has no network. It may be wrong: a server on this machine is still reached.
#[must_use]
pub fn is_offline() -> bool {
    !window().navigator().on_line()
}

/// Whether someone looks at the page: it is in front and has the keyboard.
#[must_use]
pub fn is_looked_at() -> bool {
    !is_hidden() && document().has_focus().unwrap_or(true)
}

/// Where the socket is.
#[must_use]
pub fn socket_address() -> String {
    let location = window().location();
    let scheme = if location.protocol().is_ok_and(|p| p == "https:") { "wss" } else { "ws" };
    format!("{scheme}://{}/socket", location.host().unwrap_or_default())
}

/// The session has ended: to the sign-in page, and back here afterwards.
pub fn leave_for_sign_in() {
    let next = js_sys::encode_uri_component(&path());
    drop(window().location().assign(&format!("/sign-in?next={next}")));
}

/// Goes to a page outside the app. It takes the place of what lies over this one, which has an entry of its own in the history.
pub fn leave_for(path: &str) {
    drop(window().location().replace(path));
}

/// Leaves a note for the page that this tab loads next.
pub fn leave_word(name: &str, word: &str) {
    if let Ok(Some(storage)) = window().session_storage() {
        // If it fails, the next page only says less.
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

/// Loads the page anew.
pub fn reload() {
    drop(window().location().reload());
}

/// Sets an attribute of `<html>`, where tests and style sheets read it. Does nothing once the page is broken.
pub fn set_root_attribute(name: &str, value: &str) {
    if let Some(root) = document().document_element().filter(|root| !root.has_attribute(BROKEN)) {
        drop(root.set_attribute(name, value));
    }
}

/// The attribute of `<html>` that says why the page does not work. `shell.rs` sets it as well, and has the words for it.
const BROKEN: &str = "data-broken";

/// Marks the page as broken after a panic: nothing may claim any more that it works.
pub fn stop() {
    break_off("stopped");
}

/// Marks the page as broken because a file that it needs did not load.
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

/// Makes a field as high as its text; the style sheet says from where on it scrolls. Browsers that know `field-sizing` do it by
/// themselves, without a layout for each stroke.
pub fn fit_height(field: &web_sys::HtmlTextAreaElement) {
    if web_sys::css::supports("field-sizing: content").unwrap_or_default() {
        return;
    }
    let style = field.style();
    // Its box keeps its height meanwhile: what stands above it would be scrolled.
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

/// The text of a field, and what is selected in it, in bytes.
#[must_use]
pub(crate) fn selected(field: &web_sys::HtmlTextAreaElement) -> (String, Range<usize>) {
    let text = field.value();
    let at = |units: Result<Option<u32>, _>| bytes_at(&text, units.ok().flatten().unwrap_or(u32::MAX));
    let range = at(field.selection_start())..at(field.selection_end());
    (text, range)
}

/// Changes the text of a field as if that were typed: the browser can take it back, and says that there was input.
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

/// Fires an event on an element, for scripts of ours outside the wasm.
pub(crate) fn announce(element: &web_sys::Element, what: &str) {
    let about = web_sys::EventInit::new();
    about.set_bubbles(true);
    if let Ok(event) = web_sys::Event::new_with_event_init_dict(what, &about) {
        drop(element.dispatch_event(&event));
    }
}

/// Browsers count a text in units of UTF-16.
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

/// Whether this element has the keyboard.
#[must_use]
pub(crate) fn has_keyboard(element: &web_sys::Element) -> bool {
    document().active_element().as_ref() == Some(element)
}

/// The attribute of `<html>` that says that the composer shows its tools; `shell.rs` sets it before the first paint.
const FORMATTING: &str = "data-formatting";
/// Where that is kept.
const FORMATTING_KEPT: &str = "roost:formatting";

/// Whether the tools of the composer were shown when this browser had the page last.
#[must_use]
pub(crate) fn has_formatting() -> bool {
    document().document_element().is_some_and(|root| root.has_attribute(FORMATTING))
}

/// Keeps whether the tools of the composer are shown.
pub(crate) fn keep_formatting(on: bool) {
    let Some(root) = document().document_element() else { return };
    drop(if on { root.set_attribute(FORMATTING, "") } else { root.remove_attribute(FORMATTING) });
    if let Ok(Some(storage)) = window().local_storage() {
        // A browser that keeps nothing forgets it with the page.
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

/// Brings a message of the open room on screen.
pub fn show_row(seq: Seq) {
    if let Some(row) = row(seq) {
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::Nearest);
        row.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

/// How long a message that was gone to is marked.
const POINTED_FOR: Duration = Duration::from_millis(2_000);

/// Brings a message of the open room to the middle of the screen, marks it for a moment and gives it the keyboard. Returns whether it
/// is there.
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

/// Gives the keyboard to a message of the open room.
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

/// Gives the keyboard to an element, which stays where it is.
pub fn focus(element: &web_sys::Element) {
    let options = web_sys::FocusOptions::new();
    options.set_prevent_scroll(true);
    if let Some(element) = element.dyn_ref::<web_sys::HtmlElement>() {
        drop(element.focus_with_options(&options));
    }
}

/// Whether this is a Mac: the document says so from the beginning.
#[must_use]
pub fn is_mac() -> bool {
    document().document_element().is_some_and(|root| root.has_attribute("data-mac"))
}

/// Gives the keyboard to the first element of this kind.
pub fn focus_first(what: &str) {
    if let Ok(Some(element)) = document().query_selector(what) {
        focus(&element);
    }
}

/// How far below the upper edge of its timeline a message begins, in pixels.
#[must_use]
pub fn space_above(seq: Seq) -> f64 {
    let top = |element: &web_sys::Element| element.get_bounding_client_rect().top();
    let space = |row: web_sys::Element| Some(top(&row) - top(&row.closest("[role=log]").ok()??));
    row(seq).and_then(space).unwrap_or_default()
}

/// Whether the page answers already, and is not just waking up. On the server no page does.
#[must_use]
pub fn is_awake() -> bool {
    !cfg!(feature = "ssr")
        && document().document_element().is_some_and(|root| root.has_attribute("data-hydrated"))
}

/// Whether the document has something that a selector matches.
#[must_use]
pub fn is_there(what: &str) -> bool {
    document().query_selector(what).is_ok_and(|found| found.is_some())
}

/// Whether a dialog is drawn.
#[must_use]
pub fn has_dialog() -> bool {
    is_there("dialog")
}

/// Whether nothing has the keyboard.
#[must_use]
pub fn is_nothing_focused() -> bool {
    document().active_element().is_none_or(|active| active.tag_name() == "BODY")
}

/// Whether a page that opens may take the keyboard: nothing else has it, and none would cover half of the screen.
#[must_use]
pub fn wants_keyboard() -> bool {
    let free = document()
        .active_element()
        .is_none_or(|active| active.tag_name() == "BODY" || active.tag_name() == "A");
    free && matches_media("(hover: hover) and (pointer: fine)")
}

/// Whether one types on glass: its keyboard has no Shift+Enter, and a button to send is within a thumb's reach.
#[must_use]
pub fn is_touched() -> bool {
    matches_media("(hover: none) and (pointer: coarse)")
}

/// Whether a media query holds.
#[must_use]
pub fn matches_media(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|list| list.matches())
}

/// Puts a text on the clipboard. `done` hears whether that was allowed.
pub fn copy(text: String, done: impl FnOnce(bool) + 'static) {
    leptos::task::spawn_local(async move {
        let clipboard = window().navigator().clipboard();
        // A page that was not loaded by https has no clipboard at all.
        let copied = match clipboard.is_undefined() {
            true => false,
            false => wasm_bindgen_futures::JsFuture::from(clipboard.write_text(&text)).await.is_ok(),
        };
        done(copied);
    });
}

/// Whether the keyboard focus is on a control, so that a key belongs to it.
#[must_use]
pub fn is_typing() -> bool {
    document().active_element().is_some_and(|active| {
        matches!(active.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT" | "BUTTON")
    })
}
