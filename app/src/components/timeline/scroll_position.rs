//! The scroll position: what the person reads stays where it is while rows come and go.
//!
//! The scrolling box is a reversed column: its origin is its *lower* end. So the page arrives at the newest message
//! before any script has run, and stays there while things grow, and what is loaded above moves nothing. Further up,
//! the first visible row is remembered with its distance from the lower end of the rows. That distance changes only
//! when something changes below it, whatever the person does meanwhile; before it is painted, the box is scrolled by
//! as much. The browser's own anchoring is off: two would correct twice.

use leptos::{html::Div, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, HtmlElement, ResizeObserver};

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
    /// The first visible row and its distance from the lower end of the rows.
    anchor: StoredValue<Option<(String, f64)>>,
    /// Far enough from the newest message to offer the way there.
    pub(super) is_far: RwSignal<bool>,
}

impl ScrollPosition {
    pub(super) fn new(scroller: NodeRef<Div>, rows: NodeRef<Div>) -> Self {
        Self {
            scroller,
            rows,
            down: StoredValue::new(true),
            wished: StoredValue::new(false),
            anchor: StoredValue::new(None),
            is_far: RwSignal::new(false),
        }
    }

    /// Goes to the line of unread messages, if what is unread does not fit on the screen. The script of `shell.rs` has done the
    /// same before the page was first painted; the person may have scrolled since.
    pub(super) fn begin(self) {
        let Some((scroller, rows)) = self.elements() else { return };
        if let Ok(Some(line)) = rows.query_selector(":scope > [data-key=unread]") {
            let above = line.get_bounding_client_rect().top() - scroller.get_bounding_client_rect().top();
            if above < 0.0 {
                let third = f64::from(scroller.client_height()) / 4.0;
                scroller.set_scroll_top(scroller.scroll_top() + (above - third) as i32);
            }
        }
        if scroller.scroll_top() != 0 {
            self.down.set_value(false);
            self.remember(&scroller, &rows);
        }
    }

    /// The person scrolled, or something else moved.
    pub(super) fn moved(self, more_after: bool) {
        let Some((scroller, rows)) = self.elements() else { return };
        if !self.is_down() {
            self.hold(&scroller, &rows);
        }
        let distance = distance(&scroller);
        let at_end = distance < DOWN_PX;
        if !at_end || !more_after {
            self.wished.set_value(false);
        }
        self.down.set_value(at_end && (!more_after || self.wished.get_value()));
        let far = distance > FAR_PX;
        if self.is_far.get_untracked() != far {
            self.is_far.set(far);
        }
        self.remember(&scroller, &rows);
    }

    /// Something changed: who follows the newest message goes on doing so.
    pub(super) fn keep(self) {
        let Some((scroller, _)) = self.elements() else { return };
        if self.is_down() && scroller.scroll_top() != 0 {
            scroller.set_scroll_top(0);
        }
    }

    /// Scrolls by as much as has been added or taken away below the remembered row.
    fn hold(self, scroller: &HtmlElement, rows: &HtmlElement) {
        let Some((key, was)) = self.anchor.get_value() else { return };
        let Ok(Some(row)) = rows.query_selector(&format!(":scope > [data-key=\"{key}\"]")) else { return };
        let grown = above_end(&row, rows) - was;
        if grown.abs() >= 0.5 {
            scroller.set_scroll_top(scroller.scroll_top() - grown.round() as i32);
        }
    }

    /// Calls `changed` whenever the rows or the box have another size: after layout, before painting.
    pub(super) fn watch(self, changed: impl Fn() + 'static) {
        let Some((scroller, rows)) = self.elements() else { return };
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
        self.keep();
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
        let Some((scroller, _)) = self.elements() else { return false };
        let screen = f64::from(scroller.client_height());
        f64::from(scroller.scroll_height()) - screen - distance(&scroller) < 2.0 * screen
    }

    /// A screen from the newest row that is here.
    pub(super) fn is_near_bottom(self) -> bool {
        let Some((scroller, _)) = self.elements() else { return false };
        distance(&scroller) < f64::from(scroller.client_height())
    }

    /// The number of the last message that is wholly on screen.
    pub(super) fn last_seen(self) -> Option<i64> {
        let (scroller, rows) = self.elements()?;
        let lower = scroller.get_bounding_client_rect().bottom() + 8.0;
        let children = rows.children();
        let end = first(children.length(), |n| {
            children.item(n).is_some_and(|row| row.get_bounding_client_rect().bottom() > lower)
        });
        (0..end).rev().filter_map(|n| children.item(n)?.get_attribute("data-seq")?.parse().ok()).next()
    }

    /// Remembers the first row that is wholly visible.
    fn remember(self, scroller: &HtmlElement, rows: &HtmlElement) {
        let upper = scroller.get_bounding_client_rect().top();
        let children = rows.children();
        let from = first(children.length(), |n| {
            children.item(n).is_some_and(|row| row.get_bounding_client_rect().bottom() > upper)
        });
        // The day's divider is sticky, and the space for older messages comes and goes: neither can be an anchor.
        let is_anchor = |row: &Element| row.has_attribute("data-seq");
        let row = (from..children.length()).filter_map(|n| children.item(n)).find(is_anchor);
        let anchor = row.and_then(|row| Some((row.get_attribute("data-key")?, above_end(&row, rows))));
        self.anchor.set_value(anchor);
    }

    fn elements(self) -> Option<(HtmlElement, HtmlElement)> {
        let scroller = self.scroller.try_get_untracked()??;
        let rows = self.rows.try_get_untracked()??;
        Some((scroller.into(), rows.into()))
    }
}

/// The distance from the lower end. The origin is there, and upwards is negative.
fn distance(scroller: &HtmlElement) -> f64 {
    f64::from(scroller.scroll_top()).abs()
}

/// How far a row's lower edge is above the lower end of all rows. (Its upper edge moves when older rows come and it no
/// longer begins a run.)
fn above_end(row: &Element, rows: &HtmlElement) -> f64 {
    rows.get_bounding_client_rect().bottom() - row.get_bounding_client_rect().bottom()
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
