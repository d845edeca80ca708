//! The page's address: which route it names, and navigation without loading a new page.
//!
//! This is our own router because the app has only eight addresses. `leptos_router` would be a
//! twentieth of the download, and would draw a new page one turn of the event loop later than
//! necessary.
//!
//! The browser's Back button closes what is open before it leaves a room. The panel beside a room
//! is part of the address ([`Panel`]). Anything that covers the page, such as a dialog, gets its
//! own history entry with the same address ([`Address::cover`]). Closing something on the page also
//! removes its entry, so that no stale entry is left. Going back in the history takes the browser a
//! moment; until it arrives, the page is ahead of the history, and then the history catches up
//! (`settle`).

use leptos::prelude::*;
use protocol::{RoomId, Seq};
use wasm_bindgen::JsCast;

use crate::browser;

/// What an address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/`
    Lobby,
    /// `/r/{room}`, and `/r/{room}/m/{seq}`: see [`message_in`]
    Room(RoomId),
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
    /// What a path names. The query is ignored.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        match (parts.next(), parts.next(), parts.next()) {
            (None, None, None) => Self::Lobby,
            (Some("r"), Some(room), None) => room.parse().map_or(Self::Nowhere, Self::Room),
            (Some("r"), Some(room), Some("m")) if message_in(path).is_some() => {
                room.parse().map_or(Self::Nowhere, Self::Room)
            }
            (Some("sign-in"), None, None) => Self::SignIn,
            (Some("sign-up"), None, None) | (Some("invite"), Some(_), None) => Self::SignUp,
            (Some("new-password"), _, None) => Self::NewPassword,
            (Some("set-up"), None, None) => Self::SetUp,
            _ => Self::Nowhere,
        }
    }

    /// Whether the app navigates there without loading a new page.
    fn is_inside(self) -> bool {
        matches!(self, Self::Lobby | Self::Room(_))
    }
}

/// The message that a path names: `/r/{room}/m/{seq}`.
#[must_use]
pub fn message_in(path: &str) -> Option<Seq> {
    let mut parts = without_query(path).split('/').filter(|part| !part.is_empty());
    match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("r"), Some(_), Some("m"), Some(seq), None) => seq.parse().ok().filter(|seq| *seq > 0).map(Seq),
        _ => None,
    }
}

/// The list of rooms, showing only the unread ones.
pub(crate) const UNREAD_LIST: &str = "/?list=unread";

/// The panel beside a room. Only one is open at a time, and it is in the address:
/// `/r/{room}?panel=details`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    /// Facts about the room, and its members.
    Details,
    /// The thread below this message.
    Thread(Seq),
    /// Searching messages. The query is in the address, too: see [`searched_path`].
    Search,
}

impl Panel {
    /// The panel with this name, if there is one.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "details" => return Some(Self::Details),
            "search" => return Some(Self::Search),
            _ => {}
        }
        let root = name.strip_prefix("thread-")?.parse().ok()?;
        (root > 0).then_some(Self::Thread(Seq(root)))
    }

    /// Its kind, as the style sheet has it.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Details => "details",
            Self::Thread(_) => "thread",
            Self::Search => "search",
        }
    }

    /// Its name, as the address has it.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Details => "details".to_owned(),
            Self::Thread(root) => format!("thread-{root}"),
            Self::Search => "search".to_owned(),
        }
    }

    /// The panel that a path names.
    #[must_use]
    pub fn in_path(path: &str) -> Option<Self> {
        Self::of(&parameter(path, "panel")).filter(|_| matches!(Route::of(path), Route::Room(_)))
    }

    /// The address of a page with this panel open.
    #[must_use]
    pub fn beside(self, path: &str) -> String {
        format!("{}?panel={}", without_query(path), self.name())
    }
}

/// The address of a page with the search open, and what is searched for.
#[must_use]
pub fn searched_path(path: &str, query: &str) -> String {
    let mut path = Panel::Search.beside(path);
    let query = query.trim();
    if !query.is_empty() {
        path.push_str("&q=");
    }
    for byte in query.bytes() {
        if byte.is_ascii_alphanumeric() {
            path.push(char::from(byte));
            continue;
        }
        path.push('%');
        for digit in [byte >> 4, byte & 15] {
            path.push(char::from_digit(digit.into(), 16).unwrap_or('0').to_ascii_uppercase());
        }
    }
    path
}

/// What is searched for at this address.
#[must_use]
pub fn searched_in(path: &str) -> String {
    parameter(path, "q")
}

/// The kind of an entry in the browser's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    /// A page.
    Page,
    /// The same page as the entry below, with a panel.
    Panel,
    /// The same as the entry below, with something covering it.
    Cover,
}

/// The data stored with an entry of the browser's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    layer: Layer,
    /// How many entries below this one the list of rooms is; 0 if unknown.
    list: i32,
}

impl Entry {
    /// The current entry.
    fn here() -> Self {
        Self::of(&browser::history_note())
    }

    fn of(note: &str) -> Self {
        let (layer, list) = note.split_once(' ').unwrap_or_default();
        let layer = match layer {
            "panel" => Layer::Panel,
            "cover" => Layer::Cover,
            _ => Layer::Page,
        };
        Self { layer, list: list.parse().unwrap_or_default() }
    }

    fn note(self) -> String {
        let layer = match self.layer {
            Layer::Page => "page",
            Layer::Panel => "panel",
            Layer::Cover => "cover",
        };
        format!("{layer} {}", self.list)
    }

    /// An entry on top of this one, with the address `path`.
    fn above(self, path: &str, layer: Layer) -> Self {
        let list = match self.list {
            _ if Route::of(path) == Route::Lobby => 1,
            0 => 0,
            n => n + 1,
        };
        Self { layer, list }
    }
}

/// How long to wait for the browser's `popstate`. It always comes; this only keeps the page from
/// waiting forever.
const ARRIVES_WITHIN: std::time::Duration = std::time::Duration::from_secs(1);

/// The address of the page.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    path: RwSignal<String>,
    /// Whether something covers the page.
    covered: StoredValue<bool>,
    /// The browser is going back in its history.
    moving: StoredValue<Option<TimeoutHandle>>,
    /// The list of rooms was last shown at [`UNREAD_LIST`].
    was_unread: StoredValue<bool>,
}

impl Address {
    /// `path` is the path and query that the server draws.
    #[must_use]
    pub fn new(path: String) -> Self {
        let was_unread = StoredValue::new(path == UNREAD_LIST);
        let (covered, moving) = (StoredValue::new(false), StoredValue::new(None));
        Self { path: RwSignal::new(path), covered, moving, was_unread }
    }

    /// The current route. Tracks.
    #[must_use]
    pub fn route(self) -> Route {
        self.path.with(|path| Route::of(path))
    }

    /// The panel that is open. Tracks.
    #[must_use]
    pub fn panel(self) -> Option<Panel> {
        self.path.with(|path| Panel::in_path(path))
    }

    /// The message that the address names. Tracks.
    #[must_use]
    pub fn message(self) -> Option<Seq> {
        self.path.with(|path| message_in(path))
    }

    /// Whether the list shows only unread rooms. Tracks.
    #[must_use]
    pub fn is_unread_list(self) -> bool {
        self.path.with(|path| path == UNREAD_LIST)
    }

    /// The current path and query.
    #[must_use]
    pub fn path(self) -> String {
        self.path.get_untracked()
    }

    /// What is searched for in the panel; empty if nothing is. Tracks.
    #[must_use]
    pub fn searched(self) -> String {
        self.path.with(|path| searched_in(path))
    }

    /// A parameter of the query; empty if absent.
    #[must_use]
    pub fn query(self, name: &str) -> String {
        self.path.with_untracked(|path| parameter(path, name))
    }

    /// Goes to an address inside the app.
    pub fn go(self, path: String) {
        self.show(path);
        self.settle();
    }

    /// Opens a panel beside the room, with its own history entry.
    pub fn open(self, panel: Panel) {
        self.go(panel.beside(&self.path()));
    }

    /// Closes the panel. Goes back if the panel was opened on this page.
    pub fn close_panel(self) {
        if untrack(|| self.panel()).is_some() {
            self.go(without_query(&self.path()).to_owned());
        }
    }

    /// Goes up to `list`, or else to the list that was shown last. Goes back if the user came from
    /// there; otherwise replaces this page.
    fn up(self, list: Option<String>) {
        let was = if self.was_unread.get_value() { UNREAD_LIST } else { "/" };
        let list = list.as_deref().unwrap_or(was);
        if untrack(|| self.route()) == Route::Lobby {
            return self.go(list.to_owned());
        }
        let entry = Entry::here();
        self.show(list.to_owned());
        match entry.list {
            _ if self.is_moving() => {}
            0 => browser::replace_path(list, &Entry { layer: Layer::Page, list: 0 }.note()),
            n => self.travel(n),
        }
    }

    /// Sets whether something covers the page. If so, Back closes that first.
    pub fn cover(self, covered: bool) {
        self.covered.set_value(covered);
        if !self.is_moving() {
            self.settle_cover();
        }
    }

    fn show(self, path: String) {
        if Route::of(&path) == Route::Lobby {
            self.was_unread.set_value(path == UNREAD_LIST);
        }
        if self.path.with_untracked(|here| *here != path) {
            self.path.set(path);
        }
    }

    fn is_moving(self) -> bool {
        self.moving.with_value(Option::is_some)
    }

    /// Goes back this many entries.
    fn travel(self, entries: i32) {
        let arrived = move || {
            self.moving.set_value(None);
            self.settle();
        };
        self.moving.set_value(set_timeout_with_handle(arrived, ARRIVES_WITHIN).ok());
        browser::go_back(entries);
    }

    /// Makes the history agree with the page.
    fn settle(self) {
        let (here, wanted) = (browser::path(), self.path());
        if self.is_moving() || here == wanted {
            return;
        }
        let entry = Entry::here();
        let is_same_page = without_query(&here) == without_query(&wanted);
        let panels = (Panel::in_path(&here).is_some(), Panel::in_path(&wanted).is_some());
        match (entry.layer, panels) {
            (Layer::Panel, (true, false)) if is_same_page => self.travel(1),
            // The navigation came from what covered the page.
            (Layer::Cover, _) => {
                browser::replace_path(&wanted, &Entry { layer: Layer::Page, ..entry }.note())
            }
            // The page was loaded with the panel, another panel replaces it, or the list is
            // filtered or not. None of these is a new history entry.
            (_, (true, _)) | (Layer::Page, (false, false)) if is_same_page => {
                browser::replace_path(&wanted, &entry.note())
            }
            _ => {
                let layer = if is_same_page && panels.1 { Layer::Panel } else { Layer::Page };
                browser::push_path(&wanted, &entry.above(&here, layer).note());
            }
        }
    }

    fn settle_cover(self) {
        let entry = Entry::here();
        match (self.covered.get_value(), entry.layer == Layer::Cover) {
            (true, false) => {
                let path = self.path();
                browser::push_path(&path, &entry.above(&path, Layer::Cover).note());
            }
            // Also when the user went forward or reloaded: nothing is open there any more.
            (false, true) => self.travel(1),
            (true, true) | (false, false) => {}
        }
    }

    /// Called when the browser has gone to another entry.
    fn arrived(self, uncover: impl Fn()) {
        match self.moving.try_update_value(Option::take).flatten() {
            Some(timeout) => {
                timeout.clear();
                self.settle();
            }
            None => {
                if self.covered.get_value() && Entry::here().layer != Layer::Cover {
                    self.covered.set_value(false);
                    uncover();
                }
                self.show(browser::path());
            }
        }
        if !self.is_moving() {
            self.settle_cover();
        }
    }

    /// From now on, links inside the app and Back need no new page. `uncover` closes what covers
    /// the page.
    pub fn follow(self, uncover: impl Fn() + 'static) {
        let clicks = window_event_listener(leptos::ev::click, move |click| {
            let Some((path, up)) = followed(&click) else { return };
            click.prevent_default();
            match up.as_deref() {
                None => self.go(path),
                Some("list") => self.up(Some(path)),
                Some(_) => self.up(None),
            }
        });
        let back = window_event_listener(leptos::ev::popstate, move |_| self.arrived(&uncover));
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

/// Where a click leads, if that is inside the app and the click is a plain one (with Ctrl, the
/// browser opens a tab). Also returns the link's `data-up` attribute: whether it leads up to the
/// list, and `list` if the link itself says to which one.
fn followed(click: &web_sys::MouseEvent) -> Option<(String, Option<String>)> {
    let plain = click.button() == 0
        && !click.default_prevented()
        && !(click.ctrl_key() || click.meta_key() || click.shift_key() || click.alt_key());
    let target: web_sys::Element = click.target().filter(|_| plain)?.dyn_into().ok()?;
    let link = target.closest("a[href]").ok()??;
    let path = link.get_attribute("href")?;
    let ours = !link.has_attribute("target") && link.get_attribute("rel").is_none();
    (ours && path.starts_with('/') && Route::of(&path).is_inside())
        .then(|| (path, link.get_attribute("data-up")))
}

/// A parameter of a path's query; empty if absent.
fn parameter(path: &str, name: &str) -> String {
    let (_, query) = path.split_once('?').unwrap_or_default();
    let values = query.split('&').filter_map(|pair| pair.split_once('='));
    values.filter(|(key, _)| *key == name).map(|(_, value)| decoded(value)).next().unwrap_or_default()
}

fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or_default()
}

/// Decodes `%2F` and `+`.
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
        let message = format!("/r/{room}/m/12");
        assert_eq!(
            (Route::of(&message), message_in(&message)),
            (Route::Room(room.parse().unwrap()), Some(Seq(12)))
        );
        assert_eq!(message_in(&format!("{message}?panel=details")), Some(Seq(12)));
        assert_eq!(message_in(&format!("/r/{room}")), None);
        let wrong = ["/m/", "/m/x", "/m/-1", "/m/1/2", "/x/1"].map(|end| format!("/r/{room}{end}"));
        for path in ["/r/abc", "/r", "/settings", "/admin", "/nothing"]
            .into_iter()
            .chain(wrong.iter().map(String::as_str))
        {
            assert_eq!(Route::of(path), Route::Nowhere, "{path}");
        }
    }

    #[test]
    fn only_rooms_have_panels_and_only_known_ones() {
        let room = "/r/0198c6f1-7d6b-7a30-8f5c-2b1f0d9c4e11";
        let path = Panel::Details.beside(room);
        assert_eq!(Panel::in_path(&path), Some(Panel::Details));
        assert_eq!(Panel::Details.beside(&path), path);
        for path in [room.to_owned(), format!("{room}?panel=nothing"), "/settings?panel=details".to_owned()] {
            assert_eq!(Panel::in_path(&path), None, "{path}");
        }
    }

    #[test]
    fn a_search_is_in_the_address() {
        let room = "/r/0198c6f1-7d6b-7a30-8f5c-2b1f0d9c4e11";
        let query = "from:ana \"回滚 & co\" -x=1?#+%";
        let path = searched_path(room, query);
        assert_eq!((Panel::in_path(&path), searched_in(&path).as_str()), (Some(Panel::Search), query));
        assert_eq!(searched_path(&path, "y"), format!("{room}?panel=search&q=y"));
        assert_eq!(searched_path(room, " "), Panel::Search.beside(room));
    }

    #[test]
    fn an_entry_knows_how_far_below_the_list_is() {
        let loaded = Entry::of("");
        assert_eq!(loaded, Entry { layer: Layer::Page, list: 0 });
        let room = loaded.above("/", Layer::Page);
        let panel = room.above("/r/x", Layer::Panel);
        assert_eq!((room.list, panel.list), (1, 2));
        assert_eq!(Entry::of(&panel.note()), panel);
        assert_eq!(loaded.above("/r/x", Layer::Cover), Entry { layer: Layer::Cover, list: 0 });
    }

    #[test]
    fn a_query_is_read_as_it_was_meant() {
        assert_eq!(decoded("%2Fr%2F1%3Fa+b%"), "/r/1?a b%");
        assert_eq!(decoded("%E5%AE%89%zz"), "安%zz");
    }
}
