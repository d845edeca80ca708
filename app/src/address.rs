//! The address of the page: which route it is, and going to another without a new page.
//!
//! A router of our own, because the app has eight addresses: `leptos_router` would be a twentieth of the download, and
//! draws a new page one turn later than it could.
//!
//! The browser's way back closes what is open before it leaves a room: the panel beside a room is part of the address
//! ([`Panel`]), and what lies over the page, such as a dialog, has an entry of its own in the browser's history, with the same
//! address ([`Address::cover`]). What is closed on the page takes its entry back, so that none is left to stumble over. That
//! takes the browser a moment; meanwhile the page is ahead of the history, which follows when it arrives (`settle`).

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
    /// What a path names. A query makes no difference.
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

    /// Whether the app goes there without a new page.
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

/// The list of rooms, of which only the unread ones are shown.
pub(crate) const UNREAD_LIST: &str = "/?list=unread";

/// What stands beside a room. One at a time, in the address: `/r/{room}?panel=details`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    /// What the room is, and who is in it.
    Details,
    /// The thread below this message.
    Thread(Seq),
}

impl Panel {
    /// The panel of this name. Others are ignored.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        if name == "details" {
            return Some(Self::Details);
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
        }
    }

    /// Its name, as the address has it.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Details => "details".to_owned(),
            Self::Thread(root) => format!("thread-{root}"),
        }
    }

    /// The panel that a path asks for.
    #[must_use]
    pub fn in_path(path: &str) -> Option<Self> {
        Self::of(&parameter(path, "panel")).filter(|_| matches!(Route::of(path), Route::Room(_)))
    }

    /// The address of a page with this panel.
    #[must_use]
    pub fn beside(self, path: &str) -> String {
        format!("{}?panel={}", without_query(path), self.name())
    }
}

/// What an entry of the browser's history is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    /// A page.
    Page,
    /// The same page as the entry below, and a panel.
    Panel,
    /// The same as the entry below, and something that lies over it.
    Cover,
}

/// What is kept with an entry of the browser's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    layer: Layer,
    /// How many entries below it the list of rooms is; 0 when it is not known.
    list: i32,
}

impl Entry {
    /// The one that the browser is at.
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

    /// An entry on top of this one, which has the address `path`.
    fn above(self, path: &str, layer: Layer) -> Self {
        let list = match self.list {
            _ if Route::of(path) == Route::Lobby => 1,
            0 => 0,
            n => n + 1,
        };
        Self { layer, list }
    }
}

/// The browser is told that it has arrived. It always is; this is only against a page that would wait for ever.
const ARRIVES_WITHIN: std::time::Duration = std::time::Duration::from_secs(1);

/// The address of the page.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    path: RwSignal<String>,
    /// Something lies over the page.
    covered: StoredValue<bool>,
    /// The browser is on its way back.
    moving: StoredValue<Option<TimeoutHandle>>,
    /// The list of rooms was last shown at [`UNREAD_LIST`].
    was_unread: StoredValue<bool>,
}

impl Address {
    /// The path and query that the server draws.
    #[must_use]
    pub fn new(path: String) -> Self {
        let was_unread = StoredValue::new(path == UNREAD_LIST);
        let (covered, moving) = (StoredValue::new(false), StoredValue::new(None));
        Self { path: RwSignal::new(path), covered, moving, was_unread }
    }

    /// What it names. Tracks.
    #[must_use]
    pub fn route(self) -> Route {
        self.path.with(|path| Route::of(path))
    }

    /// The panel that is open. Tracks.
    #[must_use]
    pub fn panel(self) -> Option<Panel> {
        self.path.with(|path| Panel::in_path(path))
    }

    /// The message that is named. Tracks.
    #[must_use]
    pub fn message(self) -> Option<Seq> {
        self.path.with(|path| message_in(path))
    }

    /// Whether only unread rooms are to be shown in the list. Tracks.
    #[must_use]
    pub fn is_unread_list(self) -> bool {
        self.path.with(|path| path == UNREAD_LIST)
    }

    /// Path and query, as they are now.
    #[must_use]
    pub fn path(self) -> String {
        self.path.get_untracked()
    }

    /// A parameter of the query; empty when it is not there.
    #[must_use]
    pub fn query(self, name: &str) -> String {
        self.path.with_untracked(|path| parameter(path, name))
    }

    /// Goes to an address inside the app.
    pub fn go(self, path: String) {
        self.show(path);
        self.settle();
    }

    /// Opens a panel beside the room, with an entry of its own in the history.
    pub fn open(self, panel: Panel) {
        self.go(panel.beside(&self.path()));
    }

    /// Closes the panel: back, if it was opened on this page.
    pub fn close_panel(self) {
        if untrack(|| self.panel()).is_some() {
            self.go(without_query(&self.path()).to_owned());
        }
    }

    /// To the list of rooms, this one or the one that was there last: back, if one has come from there; else it takes the
    /// place of this page.
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

    /// Tells whether something lies over the page: then the way back closes that first.
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

    /// So many entries back.
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
            // What lay over the page has led there.
            (Layer::Cover, _) => {
                browser::replace_path(&wanted, &Entry { layer: Layer::Page, ..entry }.note())
            }
            // The page was loaded with the panel, or another panel takes its place. Nor is the list less or more of itself a step.
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
            // Also where one has come to it by the way forward, or by loading the page anew: nothing is there any more.
            (false, true) => self.travel(1),
            (true, true) | (false, false) => {}
        }
    }

    /// The browser has gone to another entry.
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

    /// From here on links inside the app, and the browser's own way back, need no new page. `uncover` closes what lies over it.
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

/// Where a click leads to, when that is inside the app, and when it is a plain one: with Ctrl the browser opens a tab. And
/// whether it leads back up to the list: its attribute `data-up`, which is `list` where the link says to which one.
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

/// A parameter of a path's query; empty when it is not there.
fn parameter(path: &str, name: &str) -> String {
    let (_, query) = path.split_once('?').unwrap_or_default();
    let values = query.split('&').filter_map(|pair| pair.split_once('='));
    values.filter(|(key, _)| *key == name).map(|(_, value)| decoded(value)).next().unwrap_or_default()
}

fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or_default()
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
