//! The address of the page: which route it is, and going to another without a new page.
//!
//! A router of our own, because the app has nine addresses: `leptos_router` would be a twentieth of the download, and
//! draws a new page one turn later than it could.

use leptos::prelude::*;
use protocol::RoomId;
use wasm_bindgen::JsCast;

use crate::browser;

/// What an address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/`
    Lobby,
    /// `/r/{room}`
    Room(RoomId),
    /// `/settings`
    Settings,
    /// `/sign-in`
    SignIn,
    /// `/sign-up` and `/invite/{token}`
    SignUp,
    /// `/new-password/{token}`
    NewPassword,
    /// `/set-up`
    SetUp,
    /// Anything else.
    Nowhere,
}

impl Route {
    /// What a path names. A query makes no difference.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        match (parts.next(), parts.next(), parts.next()) {
            (None, None, None) => Self::Lobby,
            (Some("r"), Some(room), None) => room.parse().map_or(Self::Nowhere, Self::Room),
            (Some("settings"), None, None) => Self::Settings,
            (Some("sign-in"), None, None) => Self::SignIn,
            (Some("sign-up"), None, None) | (Some("invite"), Some(_), None) => Self::SignUp,
            (Some("new-password"), _, None) => Self::NewPassword,
            (Some("set-up"), None, None) => Self::SetUp,
            _ => Self::Nowhere,
        }
    }

    /// Whether the app goes there without a new page.
    fn is_inside(self) -> bool {
        matches!(self, Self::Lobby | Self::Room(_) | Self::Settings)
    }
}

/// The address of the page.
#[derive(Clone, Copy, Debug)]
pub struct Address(RwSignal<String>);

impl Address {
    /// The path and query that the server draws.
    #[must_use]
    pub fn new(path: String) -> Self {
        Self(RwSignal::new(path))
    }

    /// What it names. Tracks.
    #[must_use]
    pub fn route(self) -> Route {
        self.0.with(|path| Route::of(path))
    }

    /// Path and query, as they are now.
    #[must_use]
    pub fn path(self) -> String {
        self.0.get_untracked()
    }

    /// A parameter of the query; empty when it is not there.
    #[must_use]
    pub fn query(self, name: &str) -> String {
        self.0.with_untracked(|path| {
            let (_, query) = path.split_once('?').unwrap_or_default();
            let values = query.split('&').filter_map(|pair| pair.split_once('='));
            values.filter(|(key, _)| *key == name).map(|(_, value)| decoded(value)).next().unwrap_or_default()
        })
    }

    /// Goes to an address inside the app.
    pub fn go(self, path: String) {
        if self.0.with_untracked(|here| *here == path) {
            return;
        }
        browser::push_path(&path);
        self.0.set(path);
    }

    /// From here on links inside the app, and the browser's own way back, need no new page.
    pub fn follow(self) {
        let clicks = window_event_listener(leptos::ev::click, move |click| {
            if let Some(path) = followed(&click) {
                click.prevent_default();
                self.go(path);
            }
        });
        let back = window_event_listener(leptos::ev::popstate, move |_| self.0.set(browser::path()));
        on_cleanup(move || {
            clicks.remove();
            back.remove();
        });
    }
}

/// The address of this page.
#[must_use]
pub fn use_address() -> Address {
    expect_context::<Address>()
}

/// Where a click leads to, when that is inside the app, and when it is a plain one: with Ctrl the browser opens a tab.
fn followed(click: &web_sys::MouseEvent) -> Option<String> {
    let plain = click.button() == 0
        && !click.default_prevented()
        && !(click.ctrl_key() || click.meta_key() || click.shift_key() || click.alt_key());
    let target: web_sys::Element = click.target().filter(|_| plain)?.dyn_into().ok()?;
    let link = target.closest("a[href]").ok()??;
    let path = link.get_attribute("href")?;
    let ours = !link.has_attribute("target") && link.get_attribute("rel").is_none();
    (ours && path.starts_with('/') && Route::of(&path).is_inside()).then_some(path)
}

/// `%2F` and `+` as they are meant.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let escape = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        rest = after;
        match escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => bytes.push(if *first == b'+' { b' ' } else { *first }),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_routes() {
        let room = "0198c6f1-7d6b-7a30-8f5c-2b1f0d9c4e11";
        assert_eq!(Route::of("/"), Route::Lobby);
        assert_eq!(Route::of(&format!("/r/{room}#end")), Route::Room(room.parse().unwrap()));
        assert_eq!(Route::of("/sign-in?next=%2Fsettings"), Route::SignIn);
        assert_eq!(Route::of("/invite/abc"), Route::SignUp);
        assert_eq!(Route::of("/new-password/abc"), Route::NewPassword);
        for path in ["/r/abc", "/r", "/settings/x", "/nothing"] {
            assert_eq!(Route::of(path), Route::Nowhere, "{path}");
        }
    }

    #[test]
    fn a_query_is_read_as_it_was_meant() {
        assert_eq!(decoded("%2Fr%2F1%3Fa+b%"), "/r/1?a b%");
        assert_eq!(decoded("%E5%AE%89%zz"), "安%zz");
    }
}
