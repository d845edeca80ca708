//! The scroll position: what the person reads stays where it is while rows come and go.
//!
//! The page arrives as a reversed column: its origin is its *lower* end, so it begins at the newest message before any script has run.
//! In such a box every row moves when one is added, and is painted anew. So once the page is awake the column begins at its top, and
//! what the reversed one did by itself is done here: who is at the newest message follows it; further up, the first visible row is
//! remembered with its distance from the upper end of the rows. That distance changes only when something changes above it, whatever
//! the person does meanwhile; before it is painted, the box is scrolled by as much. The browser's own anchoring is off: two would
//! correct twice.
//!
//! All places are measured from the upper end of the rows, in fractions of a pixel: where rows do not fill the box, the upper edge of
//! the box is at a negative one.

use leptos::{html::Div, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, HtmlElement, ResizeObserver};

use crate::browser;

/// Nearer to the lower end than this counts as being there, in pixels.
const DOWN_PX: f64 = 40.0;
/// Further up than this, the way down is offered.
const FAR_PX: f64 = 240.0;

/// Where one timeline is scrolled to.
#[derive(Clone, Copy)]
pub(super) struct ScrollPosition {
    scroller: NodeRef<Div>,
    rows: NodeRef<Div>,
    /// One follows the newest message.
    down: StoredValue<bool>,
    /// The person asked for the newest message, which may still be on its way: follow whatever comes below.
    wished: StoredValue<bool>,
    /// The first visible row, and where its text is.
    anchor: StoredValue<Option<(String, f64)>>,
    /// Where the box was, and could be at most, when that was last looked at.
    was: StoredValue<Place>,
    /// The page is where it was drawn, and the person may have scrolled it since.
    as_drawn: StoredValue<bool>,
    /// Far enough from the newest message to offer the way there.
    pub(super) is_far: RwSignal<bool>,
}

/// Where the upper edge of the box is.
#[derive(Clone, Copy)]
struct Place {
    at: f64,
    /// The same, at the lower end.
    end: f64,
}

impl Place {
    fn of(scroller: &HtmlElement, rows: &HtmlElement) -> Self {
        let (scroller, rows) = (scroller.get_bounding_client_rect(), rows.get_bounding_client_rect());
        Self { at: scroller.top() - rows.top(), end: rows.height() - scroller.height() }
    }

    /// How far it is from the lower end.
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

    /// From now on the column begins at its top. What is seen stays where it is: nothing is painted in between.
    fn wake(self, scroller: &HtmlElement, rows: &HtmlElement) {
        let drawn = self.as_drawn.get_value().then(|| Place::of(scroller, rows));
        scroller.set_class_name("timeline awake");
        if let Some(drawn) = drawn {
            scroller.scroll_by_with_x_and_y(0.0, drawn.at - Place::of(scroller, rows).at);
            self.down.set_value(drawn.distance() < 1.0);
            self.look(scroller, rows);
        }
    }

    /// Goes to the line of unread messages, if what is unread does not fit on the screen. The script of `shell.rs` has done the
    /// same before the page was first painted.
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

    /// The unread messages begin elsewhere, and are fetched.
    pub(super) fn set_out(self) {
        self.as_drawn.set_value(false);
    }

    /// The person scrolled; or something else changed, and who follows the newest message goes on doing so.
    pub(super) fn moved(self, more_after: bool, settles: bool) {
        let Some((scroller, rows)) = self.elements() else { return };
        let (was, now) = (self.was.get_value(), Place::of(&scroller, &rows));
        // By the end that they knew: nobody is further up because something has come below.
        let follows = self.is_down() && was.end - now.at < DOWN_PX;
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

    /// Scrolls by as much as has been added or taken away above the remembered row.
    fn hold(self, scroller: &HtmlElement, rows: &HtmlElement, now: Place) {
        let Some((key, text_was)) = self.anchor.get_value() else { return };
        let Ok(Some(row)) = rows.query_selector(&format!(":scope > [data-key=\"{key}\"]")) else { return };
        let mut grown = place_of(&text_of(row), rows) - text_was;
        if grown.abs() < 0.5 {
            return;
        }
        // Where more has gone above than has come below, the browser has scrolled up already: no further than to the end.
        if now.distance() < 1.0 {
            grown += (self.was.get_value().at - now.at).max(0.0);
        }
        scroller.scroll_by_with_x_and_y(0.0, grown);
    }

    /// Calls `changed` whenever the rows or the box have another size: after layout, before painting.
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

    /// Down to the newest message.
    pub(super) fn go_down(self) {
        self.wished.set_value(true);
        self.down.set_value(true);
        let Some((scroller, rows)) = self.elements() else { return };
        to_end(&scroller, Place::of(&scroller, &rows));
        self.look(&scroller, &rows);
    }

    /// Something else than the newest message is to be seen.
    pub(super) fn leave_end(self) {
        self.wished.set_value(false);
        self.down.set_value(false);
        self.anchor.set_value(None);
    }

    /// Whether one follows the newest message.
    pub(super) fn is_down(self) -> bool {
        self.down.try_get_value().unwrap_or_default()
    }

    /// Two screens from the oldest row that is here.
    pub(super) fn is_near_top(self) -> bool {
        self.elements().is_some_and(|(scroller, rows)| {
            Place::of(&scroller, &rows).at < 2.0 * f64::from(scroller.client_height())
        })
    }

    /// A screen from the newest row that is here.
    pub(super) fn is_near_bottom(self) -> bool {
        self.elements().is_some_and(|(scroller, rows)| {
            Place::of(&scroller, &rows).distance() < f64::from(scroller.client_height())
        })
    }

    /// The number of the last message that is wholly on screen.
    pub(super) fn last_seen(self) -> Option<i64> {
        let (scroller, rows) = self.elements()?;
        let lower = scroller.get_bounding_client_rect().bottom() + 8.0;
        let children = rows.children();
        let end = first(children.length(), |n| {
            children.item(n).is_some_and(|row| row.get_bounding_client_rect().bottom() > lower)
        });
        let number = |row: Element| row.get_attribute("data-seq").or_else(|| row.get_attribute("data-seen"));
        (0..end).rev().filter_map(|n| number(children.item(n)?)?.parse().ok()).next()
    }

    /// Remembers where the box is, and the first row that is visible.
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

/// Where something in the rows begins.
fn place_of(what: &Element, rows: &HtmlElement) -> f64 {
    what.get_bounding_client_rect().top() - rows.get_bounding_client_rect().top()
}

/// The text of a row. Above it, the row loses its name when older rows come and it no longer begins a run; below it come reactions.
fn text_of(row: Element) -> Element {
    row.query_selector(".text").ok().flatten().unwrap_or(row)
}

/// The first of `count` for which `is` holds, when it holds for all after it; else `count`.
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
