//! Which message the user means, by pointer, keyboard, or touch.
//!
//! One listener on the window serves all rows and sets the screen's signals `hovered`, `reached`,
//! `picking` and `sheet`. Only the row that is meant has tools. With the keyboard, the arrows move
//! from row to row, Enter goes to a row's tools, which handle their own keys (`message_tools.rs`),
//! and Esc returns to the composer. A long press opens the sheet (`message_sheet.rs`). A tap means
//! nothing, because scrolling touches rows all the time.
//!
//! Names and pictures of people open their cards (`dialogs/profile.rs`), in rows and in the list of
//! members. The server draws names as plain text. Here they become buttons, so rows carry nothing for
//! it. Tab reaches only those of the row that has focus.
//!
//! Law: focus is never lost. A row that changes is replaced ([`client::Row::stamp`]), and any
//! focused element in it is gone; the same element of the new row then gets focus.

use std::time::Duration;

use leptos::{html::Div, prelude::*};
use protocol::{Seq, UserId};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, KeyboardEvent, PointerEvent};

use crate::{
    browser,
    state::{Chat, Dialog, Screen, use_chat},
};

/// How long a finger must rest on a message to open its sheet.
const PRESS: Duration = Duration::from_millis(450);
/// A finger that moves further than this scrolls, in pixels.
const STILL_PX: i32 = 10;

/// The names in rows that open cards. Nothing inside a link or a spoiler, which are buttons themselves.
const NAMES: &str = ":is(.author, span.mention[title]):not(:is(a, .spoiler) *)";
/// The same in the list of members.
const MEMBERS: &str = ".members .person-name";
/// A name that has become a button.
const OFFERED: &str = "[aria-haspopup=dialog]";

/// What points at the rows of a room: those of its timeline, and those of the thread beside it.
#[derive(Clone, Copy)]
pub(crate) struct Pointing {
    chat: Chat,
    /// The key of the row that last had focus; empty for none.
    held: StoredValue<String>,
    /// The focused element in that row; empty for the row itself.
    held_act: StoredValue<String>,
    /// Whether it is in the thread. A message may stand there and in the room.
    held_in_thread: StoredValue<bool>,
    /// Whether the last `pointerdown` was by touch.
    by_finger: StoredValue<bool>,
    /// A pending long press: its timer, and the position of the finger.
    press: StoredValue<Option<(TimeoutHandle, i32, i32)>>,
    /// The long press has happened, so lifting the finger means nothing more.
    was_long: StoredValue<bool>,
}

impl Pointing {
    pub(crate) fn new() -> Self {
        Self {
            chat: use_chat(),
            held: StoredValue::new(String::new()),
            held_act: StoredValue::new(String::new()),
            held_in_thread: StoredValue::new(false),
            by_finger: StoredValue::new(false),
            press: StoredValue::new(None),
            was_long: StoredValue::new(false),
        }
    }

    /// Listens to the window, for all rows at once.
    pub(crate) fn listen(self) {
        let handles = [
            "pointerover",
            "pointerdown",
            "pointermove",
            "pointerup",
            "pointercancel",
            "touchend",
            "contextmenu",
            "click",
            "keydown",
            "focusin",
            "focusout",
        ]
        .map(|name| window_event_listener_untyped(name, move |event| self.heard(&event)));
        on_cleanup(move || handles.into_iter().for_each(WindowListenerHandle::remove));
    }

    fn heard(self, event: &Event) {
        let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else {
            return;
        };
        match (event.type_().as_str(), event.dyn_ref::<PointerEvent>()) {
            ("pointerover", Some(pointer)) => self.over(&target, pointer),
            ("pointerdown", Some(pointer)) => self.down(&target, pointer),
            ("pointermove", Some(pointer)) => self.moved(pointer),
            ("pointerup" | "pointercancel", _) => self.lift(),
            // Otherwise a click would follow, on whatever is there by then.
            ("touchend", _) if self.was_long.get_value() && event.cancelable() => event.prevent_default(),
            ("contextmenu", _) => self.menu(&target, event),
            ("click", _) => drop(self.meet(&target)),
            ("keydown", _) => self.meet_by_key(&target, event),
            ("focusin", _) => self.focused(&target),
            ("focusout", _) => self.blurred(target),
            _ => {}
        }
    }

    // ── pointer and finger ───────────────────────────────────────────────────────────────────────

    fn over(self, target: &Element, event: &PointerEvent) {
        if event.pointer_type() != "touch" {
            self.look_at(target);
            let seq = row_of(target).and_then(|row| seq_of(&row));
            if self.chat.screen.hovered.get_untracked() != seq {
                self.chat.screen.hovered.set(seq);
            }
        }
    }

    fn down(self, target: &Element, event: &PointerEvent) {
        self.lift();
        self.was_long.set_value(false);
        self.by_finger.set_value(event.pointer_type() == "touch");
        let reaction = self.held_reaction(target);
        if reaction.is_none() {
            self.look_at(target);
        }
        let seq = self.tapped(target);
        if seq.is_none() && reaction.is_none() {
            return;
        }
        let reach = move || {
            let is_still = self.press.try_with_value(Option::is_some) == Some(true);
            let Some(room) = self.chat.room.get_untracked().filter(|_| is_still) else { return };
            self.was_long.set_value(true);
            if let Some(reaction) = &reaction {
                self.look_at(reaction);
            }
            let Some(seq) = seq else { return };
            // The sheet returns focus to the row. On touch screens, the on-screen keyboard is not
            // needed meanwhile.
            browser::focus_row(seq);
            self.chat.screen.sheet.set(Some((room, seq)));
        };
        // Browsers report moves once per frame. On a busy page this timer can fire before a move
        // that has already happened.
        let after_moves = move || request_animation_frame(reach);
        if let Ok(timer) = set_timeout_with_handle(after_moves, PRESS) {
            self.press.set_value(Some((timer, event.client_x(), event.client_y())));
        }
    }

    fn moved(self, event: &PointerEvent) {
        if let Some((_, x, y)) = self.press.get_value()
            && (event.client_x() - x).abs().max((event.client_y() - y).abs()) > STILL_PX
        {
            self.lift();
        }
    }

    /// The finger was lifted, or scrolls.
    fn lift(self) {
        if let Some((timer, ..)) = self.press.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    }

    /// We handle long presses, except on links, where the browser does.
    fn menu(self, target: &Element, event: &Event) {
        if self.tapped(target).is_some() || self.held_reaction(target).is_some() {
            event.prevent_default();
        }
    }

    /// Shows who added the reaction at `target`; hides that if it is not a reaction.
    fn look_at(self, target: &Element) {
        let chip = target.closest(".reaction").ok().flatten();
        let meant = chip.and_then(|chip| Some((seq_of(&row_of(&chip)?)?, chip.get_attribute("data-act")?)));
        let shown = self.chat.screen.reactors;
        if shown.with_untracked(|shown| *shown != meant) {
            shown.set(meant);
        }
    }

    /// The reaction that a finger is on.
    fn held_reaction(self, target: &Element) -> Option<Element> {
        target.closest(".reaction").ok().flatten().filter(|_| self.by_finger.get_value())
    }

    /// The message that a finger is on, if it has actions and the finger is not on a control in it.
    fn tapped(self, target: &Element) -> Option<Seq> {
        let is_control = target.closest("a, button").ok()?.is_some();
        let row = row_of(target).filter(|row| row.has_attribute("data-tools") && !is_control)?;
        seq_of(&row).filter(|_| self.by_finger.get_value())
    }

    // ── people ───────────────────────────────────────────────────────────────────────────────────

    /// Opens the card of the person whose name or picture this is. Returns whether it is one.
    fn meet(self, target: &Element) -> bool {
        let Some((name, user)) = self.named(target) else { return false };
        // The card stands beside the name, and gives focus back to it.
        browser::focus(&name);
        self.chat.screen.dialog.set(Some(Dialog::Profile(user)));
        true
    }

    fn meet_by_key(self, target: &Element, event: &Event) {
        let Some(key) = event.dyn_ref::<KeyboardEvent>() else { return };
        let has_modifier = key.ctrl_key() || key.meta_key() || key.alt_key() || key.shift_key();
        let is_press = matches!(key.key().as_str(), "Enter" | " ") && !has_modifier && !key.repeat();
        if is_press && target.matches(OFFERED).unwrap_or_default() && self.meet(target) {
            key.prevent_default();
        }
    }

    /// The name that a click is on, or whose picture it is on, and whose it is.
    fn named(self, target: &Element) -> Option<(Element, UserId)> {
        let closest = |what: &str| target.closest(what).ok().flatten();
        let within = |of: &Element, what: &str| of.query_selector(what).ok().flatten();
        if let Some(person) = closest(".members .person") {
            closest(&format!("{MEMBERS}, .members .avatar"))?;
            let user: UserId = person.get_attribute("data-who")?.parse().ok()?;
            return Some((within(&person, OFFERED)?, user));
        }
        let row = row_of(target)?;
        let name = match closest(".gutter > .avatar") {
            Some(_) => within(&row, ".author")?,
            None => closest(OFFERED)?,
        };
        let user = match (name.get_attribute("title"), seq_of(&row)) {
            (Some(handle), _) => untrack(|| self.chat.user_named(handle.trim_start_matches('@')))?.id,
            (None, Some(seq)) => self.chat.author_of(self.chat.room.get_untracked()?, seq)?,
            // It is not stored yet, so it is the viewer's.
            (None, None) => self.chat.me,
        };
        Some((name, user))
    }

    // ── keyboard ─────────────────────────────────────────────────────────────────────────────────

    fn focused(self, target: &Element) {
        if target.matches(":focus-visible").unwrap_or_default() {
            self.look_at(target);
        }
        let Some(row) = row_of(target) else { return };
        reach_names(&row);
        self.held.set_value(row.get_attribute("data-key").unwrap_or_default());
        self.held_act.set_value(target.get_attribute("data-act").unwrap_or_default());
        self.held_in_thread.set_value(is_in_thread(&row));
        if target.matches(":focus-visible").unwrap_or_default() {
            self.chat.screen.reached.set(seq_of(&row));
        }
    }

    /// Checks again once it is known where focus has gone: elsewhere, or nowhere because its row
    /// was replaced.
    fn blurred(self, left: Element) {
        request_animation_frame(move || {
            let active = document().active_element();
            let is_inside = |what| {
                active.as_ref().is_some_and(|active| active.closest(what).is_ok_and(|at| at.is_some()))
            };
            let is_lost = browser::is_nothing_focused() && !left.is_connected();
            if self.held.is_disposed() || is_lost || is_inside("dialog") {
                return;
            }
            let screen = self.chat.screen;
            let here = active.and_then(|active| seq_of(&row_of(&active)?));
            for signal in [screen.reached, screen.picking] {
                if signal.get_untracked().is_some_and(|seq| Some(seq) != here) {
                    signal.set(None);
                }
            }
            if here.is_none() {
                self.held.set_value(String::new());
            }
        });
    }

    /// Gives the keyboard back to what had it, where its row was replaced: at once, so that the next key arrives; or in the next frame,
    /// if it is drawn later. What is gone for good leaves it to its row. Also makes the names of new rows buttons.
    pub(crate) fn restore(self, drawn: NodeRef<Div>) {
        let restore = move |is_last| {
            if let Some(rows) = drawn.try_get_untracked().flatten() {
                self.give_back(&rows, is_last);
            }
        };
        queue_microtask(move || restore(false));
        request_animation_frame(move || restore(true));
    }

    fn give_back(self, rows: &Element, is_last: bool) {
        offer(rows, NAMES, "-1");
        let (key, act) = (self.held.get_value(), self.held_act.get_value());
        let is_here = is_in_thread(rows) == self.held_in_thread.get_value();
        if key.is_empty() || !is_here || !browser::is_nothing_focused() {
            return;
        }
        let find = |within: &Element, what: &str, name: &str| {
            within.query_selector(&format!("[{what}=\"{name}\"]")).ok().flatten()
        };
        let Some(row) = find(rows, "data-key", &key) else { return };
        if let Some(found) =
            find(&row, "data-act", &act).or_else(|| (is_last || act.is_empty()).then_some(row))
        {
            browser::focus(&found);
        }
    }

    /// A key, somewhere in the timeline.
    pub(crate) fn pressed(self, event: &KeyboardEvent) {
        let has_modifier = event.ctrl_key() || event.meta_key() || event.alt_key() || event.shift_key();
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let Some(target) = target.filter(|_| !has_modifier) else { return };
        let done = match row_of(&target) {
            Some(row) => self.pressed_in(&row, &target, &event.key()),
            None if event.key() == "ArrowUp" && target.get_attribute("role").as_deref() == Some("log") => {
                lowest_visible(&target).is_some_and(|row| go_to(&row))
            }
            None => false,
        };
        if done {
            event.prevent_default();
            event.stop_propagation();
        }
    }

    /// Handles a key at a row, or at an element in it. Returns whether it was used.
    fn pressed_in(self, row: &Element, target: &Element, key: &str) -> bool {
        let screen = self.chat.screen;
        if let Some(option) = option_beside(target, key) {
            return go_to(&option);
        }
        match key {
            // If its list of readers is open, Esc closes that first.
            "Escape" if !browser::is_there(".read-by") => {
                screen.reached.set(None);
                compose(screen, row);
                true
            }
            "Enter" if target == row => {
                // If their code did not load, this requests it again.
                screen.tools_lost.set(false);
                go_to_first(row, "[data-act=react]")
            }
            "r" if target == row && row.has_attribute("data-tools") => {
                if let Some((room, seq)) = self.chat.room.get_untracked().zip(seq_of(row)) {
                    self.chat.begin_reply(room, seq);
                }
                true
            }
            "t" if target == row && row.has_attribute("data-tools") => {
                if let Some(seq) = seq_of(row) {
                    screen.let_go();
                    self.chat.open_thread(seq);
                }
                true
            }
            "u" if target == row && row.has_attribute("data-tools") => {
                if let Some((room, seq)) = self.chat.room.get_untracked().zip(seq_of(row)) {
                    self.chat.mark_unread(room, seq);
                }
                true
            }
            "ArrowDown" => {
                match neighbour(row, true) {
                    Some(next) => drop(go_to(&next)),
                    None => compose(screen, row),
                }
                true
            }
            "ArrowUp" => {
                if let Some(before) = neighbour(row, false) {
                    go_to(&before);
                }
                true
            }
            _ => false,
        }
    }
}

/// Makes the names of the listed members buttons.
pub(crate) fn offer_members() {
    if let Some(page) = document().document_element() {
        offer(&page, MEMBERS, "0");
    }
}

/// Makes names buttons, unless they are.
fn offer(within: &Element, names: &str, tabindex: &str) {
    for name in all(within, &format!("{names}:not({OFFERED})")) {
        // The element is found by it after its row was replaced.
        let act = name.get_attribute("title").unwrap_or_else(|| "author".to_owned());
        let attributes =
            [("role", "button"), ("tabindex", tabindex), ("aria-haspopup", "dialog"), ("data-act", &act)];
        for (attribute, value) in attributes {
            drop(name.set_attribute(attribute, value));
        }
    }
}

/// Tab reaches the names of this row, and of no other.
fn reach_names(row: &Element) {
    let Some(page) = document().document_element() else { return };
    for name in all(&page, &format!("[role=log] {OFFERED}[tabindex=\"0\"]")) {
        drop(name.set_attribute("tabindex", "-1"));
    }
    for name in all(row, OFFERED) {
        drop(name.set_attribute("tabindex", "0"));
    }
}

fn all(within: &Element, what: &str) -> Vec<Element> {
    let Ok(found) = within.query_selector_all(what) else { return Vec::new() };
    (0..found.length()).filter_map(|n| found.item(n)?.dyn_into().ok()).collect()
}

fn is_in_thread(element: &Element) -> bool {
    element.closest(".thread").is_ok_and(|thread| thread.is_some())
}

/// To the composer below a row: that of the thread or of the room.
fn compose(screen: Screen, row: &Element) {
    match is_in_thread(row) {
        true => screen.compose_reply(),
        false => screen.compose(),
    }
}

fn row_of(target: &Element) -> Option<Element> {
    target.closest("[role=log] article").ok()?
}

fn seq_of(row: &Element) -> Option<Seq> {
    row.get_attribute("data-seq")?.parse().ok().map(Seq)
}

/// Focuses a row, and scrolls to it.
fn go_to(row: &Element) -> bool {
    row.dyn_ref::<web_sys::HtmlElement>().is_some_and(|row| row.focus().is_ok())
}

fn go_to_first(row: &Element, what: &str) -> bool {
    row.query_selector(what).ok().flatten().is_some_and(|found| go_to(&found))
}

/// The next or previous message.
fn neighbour(row: &Element, forward: bool) -> Option<Element> {
    let go =
        |from: &Element| if forward { from.next_element_sibling() } else { from.previous_element_sibling() };
    std::iter::successors(go(row), go).find(|row| row.tag_name() == "ARTICLE")
}

/// The option of a poll that the arrows lead to from another one.
fn option_beside(target: &Element, key: &str) -> Option<Element> {
    let beside = match key {
        "ArrowDown" | "ArrowRight" => target.next_element_sibling(),
        "ArrowUp" | "ArrowLeft" => target.previous_element_sibling(),
        _ => None,
    };
    let is_option = |one: &Element| one.class_list().contains("poll-option");
    beside.filter(|beside| is_option(target) && is_option(beside))
}

/// The lowest message that is visible.
fn lowest_visible(log: &Element) -> Option<Element> {
    let lower = log.get_bounding_client_rect().bottom();
    let last = log.query_selector("article:last-of-type").ok()??;
    let is_visible = |row: &Element| row.get_bounding_client_rect().top() < lower;
    std::iter::successors(Some(last), |row| neighbour(row, false)).find(is_visible)
}
