//! The scroll position: the text being read stays in place while rows come and go.
//!
//! The page arrives as a reversed column. Its origin is its *lower* end, so it begins at the newest
//! message before any script has run. In such a box every row moves, and is repainted, when one is
//! added. So once the page is awake the column begins at its top, and this module does what the
//! reversed column did by itself. A user who is at the newest message follows it. Further up, the
//! first visible row is remembered with its distance from the top of the rows. That distance
//! changes only when something above it changes, whatever the user does meanwhile; before the next
//! paint, the box is scrolled by the difference. The browser's own scroll anchoring is off, because
//! two would correct twice.
//!
//! All positions are relative to the top of the rows, in fractional pixels. If the rows do not fill
//! the box, the top of the box is at a negative position.

use leptos::{html::Div, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, HtmlElement, ResizeObserver};

use crate::browser;

/// Closer to the lower end than this counts as being there, in pixels.
const DOWN_PX: f64 = 40.0;
/// Further up than this, the jump down is offered.
const FAR_PX: f64 = 240.0;

/// The scroll position of one timeline.
#[derive(Clone, Copy)]
pub(super) struct ScrollPosition {
    scroller: NodeRef<Div>,
    rows: NodeRef<Div>,
    /// Whether it follows the newest message.
    down: StoredValue<bool>,
    /// The user asked for the newest message, which may still be loading: follow whatever is added
    /// below.
    wished: StoredValue<bool>,
    /// The first visible row, and the position of its text.
    anchor: StoredValue<Option<(String, f64)>>,
    /// The position of the box when it was last checked.
    was: StoredValue<Place>,
    /// The page has not been scrolled since it was drawn, except perhaps by the user.
    as_drawn: StoredValue<bool>,
    /// Whether it is far enough from the newest message to offer a jump down.
    pub(super) is_far: RwSignal<bool>,
}

/// The position of the box.
#[derive(Clone, Copy)]
struct Place {
    at: f64,
    /// The position at the lower end.
    end: f64,
}

impl Place {
    fn of(scroller: &HtmlElement, rows: &HtmlElement) -> Self {
        let (scroller, rows) = (scroller.get_bounding_client_rect(), rows.get_bounding_client_rect());
        Self { at: scroller.top() - rows.top(), end: rows.height() - scroller.height() }
    }

    /// The distance from the lower end.
    fn distance(self) -> f64 {
        self.end - self.at
    }
}

impl ScrollPosition {
    pub(super) fn new(scroller: NodeRef<Div>, rows: NodeRef<Div>) -> Self {
        Self {
            scroller,
            rows,
            down: StoredValue::new(true),
            wished: StoredValue::new(false),
            anchor: StoredValue::new(None),
            was: StoredValue::new(Place { at: 0.0, end: 0.0 }),
            as_drawn: StoredValue::new(!browser::is_awake()),
            is_far: RwSignal::new(false),
        }
    }

    /// From now on the column begins at its top. The visible rows stay in place: nothing is painted
    /// in between.
    fn wake(self, scroller: &HtmlElement, rows: &HtmlElement) {
        let drawn = self.as_drawn.get_value().then(|| Place::of(scroller, rows));
        scroller.set_class_name("timeline awake");
        if let Some(drawn) = drawn {
            scroller.scroll_by_with_x_and_y(0.0, drawn.at - Place::of(scroller, rows).at);
            self.down.set_value(drawn.distance() < 1.0);
            self.look(scroller, rows);
        }
    }

    /// Scrolls to the line of unread messages, if they do not fit on the screen. The script in
    /// `shell.rs` has done the same before the first paint.
    pub(super) fn begin(self) {
        let as_drawn = self.as_drawn.try_update_value(std::mem::take) == Some(true);
        let Some((scroller, rows)) = self.elements() else { return };
        let Ok(Some(line)) = rows.query_selector(":scope > [data-key=unread]") else { return };
        let Place { at, end } = Place::of(&scroller, &rows);
        let line = place_of(&line, &rows);
        if !as_drawn && line < end {
            let third = f64::from(scroller.client_height()) / 4.0;
            scroller.scroll_by_with_x_and_y(0.0, line - third - at);
            self.down.set_value(false);
            self.look(&scroller, &rows);
        }
    }

    /// The unread messages begin elsewhere, and are being fetched.
    pub(super) fn set_out(self) {
        self.as_drawn.set_value(false);
    }

    /// The user scrolled; or something else changed, and the timeline keeps following the newest
    /// message.
    pub(super) fn moved(self, more_after: bool, settles: bool) {
        let Some((scroller, rows)) = self.elements() else { return };
        let (was, now) = (self.was.get_value(), Place::of(&scroller, &rows));
        // Measured against the previous end: content added below does not move the user up. Measured against the present end, too: when
        // the newest messages replace a longer window, the browser scrolls up to where they end.
        let follows = self.is_down() && (was.end - now.at).min(now.distance()) < DOWN_PX;
        let is_changed = (now.end - was.end).abs() >= 0.5;
        if !follows {
            self.hold(&scroller, &rows, now);
        } else if settles || is_changed {
            to_end(&scroller, now);
        }
        let distance = self.look(&scroller, &rows).distance();
        let at_end = distance < DOWN_PX;
        if !at_end || !more_after {
            self.wished.set_value(false);
        }
        self.down.set_value(at_end && (!more_after || self.wished.get_value()));
        let far = distance > FAR_PX;
        if self.is_far.get_untracked() != far {
            self.is_far.set(far);
        }
    }

    /// The rows are about to change: remembers where the user has scrolled to. If the rows become fewer, the browser may scroll
    /// up, and then nobody knows any more.
    pub(super) fn note(self) {
        if let Some((scroller, rows)) = self.elements() {
            let at = Place::of(&scroller, &rows).at;
            self.was.update_value(|was| was.at = at);
        }
    }

    /// Scrolls by the height that has been added or removed above the remembered row.
    fn hold(self, scroller: &HtmlElement, rows: &HtmlElement, now: Place) {
        let Some((key, text_was)) = self.anchor.get_value() else { return };
        let Ok(Some(row)) = rows.query_selector(&format!(":scope > [data-key=\"{key}\"]")) else { return };
        let mut grown = place_of(&text_of(row), rows) - text_was;
        if grown.abs() < 0.5 {
            return;
        }
        // If more was removed above than was added below, the browser has already scrolled up, but
        // no further than the end.
        if now.distance() < 1.0 {
            grown += (self.was.get_value().at - now.at).max(0.0);
        }
        scroller.scroll_by_with_x_and_y(0.0, grown);
    }

    /// Calls `changed` whenever the rows or the box are resized: after layout, before painting.
    pub(super) fn watch(self, changed: impl Fn() + 'static) {
        let Some((scroller, rows)) = self.elements() else { return };
        self.wake(&scroller, &rows);
        let callback = Closure::<dyn Fn()>::new(changed);
        let Ok(observer) = ResizeObserver::new(callback.as_ref().unchecked_ref()) else { return };
        observer.observe(&scroller);
        observer.observe(&rows);
        let kept = StoredValue::new_local((observer, callback));
        on_cleanup(move || {
            kept.try_with_value(|(observer, _)| observer.disconnect());
        });
    }

    /// Scrolls down to the newest message.
    pub(super) fn go_down(self) {
        self.wished.set_value(true);
        self.down.set_value(true);
        let Some((scroller, rows)) = self.elements() else { return };
        to_end(&scroller, Place::of(&scroller, &rows));
        self.look(&scroller, &rows);
    }

    /// Stops following, because something other than the newest message is to be shown.
    pub(super) fn leave_end(self) {
        self.wished.set_value(false);
        self.down.set_value(false);
        self.anchor.set_value(None);
    }

    /// Whether it follows the newest message.
    pub(super) fn is_down(self) -> bool {
        self.down.try_get_value().unwrap_or_default()
    }

    /// Whether the oldest loaded row is less than two screens away.
    pub(super) fn is_near_top(self) -> bool {
        self.elements().is_some_and(|(scroller, rows)| {
            Place::of(&scroller, &rows).at < 2.0 * f64::from(scroller.client_height())
        })
    }

    /// Whether the newest loaded row is less than a screen away.
    pub(super) fn is_near_bottom(self) -> bool {
        self.elements().is_some_and(|(scroller, rows)| {
            Place::of(&scroller, &rows).distance() < f64::from(scroller.client_height())
        })
    }

    /// The number of the last message that is fully visible.
    pub(super) fn last_seen(self) -> Option<i64> {
        let (scroller, rows) = self.elements()?;
        let lower = scroller.get_bounding_client_rect().bottom() + 8.0;
        let children = rows.children();
        let end = first(children.length(), |n| {
            children.item(n).is_some_and(|row| row.get_bounding_client_rect().bottom() > lower)
        });
        let number = |row: Element| row.get_attribute("data-seen").or_else(|| row.get_attribute("data-seq"));
        (0..end).rev().filter_map(|n| number(children.item(n)?)?.parse().ok()).next()
    }

    /// Remembers the position of the box, and the first visible row.
    fn look(self, scroller: &HtmlElement, rows: &HtmlElement) -> Place {
        let now = Place::of(scroller, rows);
        self.was.set_value(now);
        let upper = scroller.get_bounding_client_rect().top();
        let children = rows.children();
        let from = first(children.length(), |n| {
            children.item(n).is_some_and(|row| row.get_bounding_client_rect().bottom() > upper)
        });
        // The day's divider is sticky, and the space for older messages comes and goes: neither can be an anchor.
        let is_anchor = |row: &Element| row.has_attribute("data-seq") || row.has_attribute("data-seen");
        let row = (from..children.length()).filter_map(|n| children.item(n)).find(is_anchor);
        let anchor =
            row.and_then(|row| Some((row.get_attribute("data-key")?, place_of(&text_of(row), rows))));
        self.anchor.set_value(anchor);
        now
    }

    fn elements(self) -> Option<(HtmlElement, HtmlElement)> {
        let scroller = self.scroller.try_get_untracked()??;
        let rows = self.rows.try_get_untracked()??;
        Some((scroller.into(), rows.into()))
    }
}

/// Scrolls to the lower end.
fn to_end(scroller: &HtmlElement, now: Place) {
    if now.distance() >= 0.5 {
        scroller.set_scroll_top(scroller.scroll_height());
    }
}

/// The position of an element within the rows.
fn place_of(what: &Element, rows: &HtmlElement) -> f64 {
    what.get_bounding_client_rect().top() - rows.get_bounding_client_rect().top()
}

/// The text of a row. The name above it disappears when older rows arrive and the row no longer
/// begins a run; reactions are below it.
fn text_of(row: Element) -> Element {
    row.query_selector(".text").ok().flatten().unwrap_or(row)
}

/// Binary search: the first `n` below `count` for which `is` holds; `count` if there is none. If
/// `is` holds for `n`, it must hold for all after it.
fn first(count: u32, is: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if is(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}
