//! The emoji picker, for reactions and for the composer. On a wide screen it opens beside its
//! opener; on a phone it is a sheet.
//!
//! Focus begins in the search, where Enter takes the first result. Arrow Down leads into the grid,
//! where the arrows, Home and End move between emoji, Enter takes one, and a letter continues the
//! search. All cells share one listener.

use leptos::{html, prelude::*};
use protocol::{Emoji, Seq};
use wasm_bindgen::JsCast;
use web_sys::{DomRect, Element, HtmlElement, KeyboardEvent};

use super::DialogFrame;
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::icon::Icon;
use crate::components::message_tools::{is_mine, shown};
use crate::components::{effect, focus::keyboard_now, for_input_method, handler, key_handler, listen, live};
use crate::{
    browser,
    emoji::{self, Emojis, Entry, Habits},
    state::{Chat, Desk, use_chat},
    typing::Replacement,
};

/// The most emoji that a search shows.
const FOUND_MAX: usize = 120;
/// The size of a cell for a pointer and for a finger, in pixels.
const CELL_PX: f64 = 36.0;
const CELL_TOUCH_PX: f64 = 44.0;
/// The width of the dialog's padding on both sides together, in pixels; must match the style sheet.
const SIDES_PX: f64 = 28.0;
/// Its size when it is not a sheet, in pixels.
const COLUMNS: usize = 9;
const HEIGHT_PX: f64 = 440.0;
const EDGE_PX: f64 = 8.0;

/// The symbol of each group, in order. The first group is the recently used emoji.
const SIGNS: [&str; 10] = ["🕘", "😀", "👋", "🐻", "🍔", "🚗", "⚽", "💡", "🔣", "🏁"];

/// Whether the emoji are loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coming {
    Loading,
    Lost,
    Here(&'static Emojis),
}

/// What all parts of the dialog share.
#[derive(Clone, Copy)]
struct Picker {
    chat: Chat,
    desk: Desk,
    seq: Option<Seq>,
    /// How many cells are in a row.
    columns: usize,
    habits: RwSignal<Habits>,
    query: RwSignal<String>,
    /// The emoji under the pointer or the focus.
    at: RwSignal<Option<(String, String)>>,
    /// The group that is in view.
    group: RwSignal<usize>,
    /// How many groups are drawn: one more in each frame.
    drawn: RwSignal<usize>,
}

/// The dialog.
#[component]
pub fn EmojiDialog(
    /// At which composer.
    desk: Desk,
    /// For which message; `None` for what is being written.
    seq: Option<Seq>,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let is_touched = browser::is_touched();
    let cell = if is_touched { CELL_TOUCH_PX } else { CELL_PX };
    let is_sheet = browser::is_phone();
    let columns = match is_sheet {
        // As many finger-sized cells as fit.
        true => ((browser::width_px() - SIDES_PX) / CELL_TOUCH_PX).floor().clamp(4.0, 14.0) as usize,
        false => COLUMNS,
    };
    let habits = Habits::of(chat);
    let first_group = usize::from(habits.recent.is_empty());
    let picker = Picker {
        chat,
        desk,
        seq,
        columns,
        habits: RwSignal::new(habits),
        query: RwSignal::new(String::new()),
        at: RwSignal::new(None),
        group: RwSignal::new(first_group),
        drawn: RwSignal::new(1),
    };
    let coming = RwSignal::new(emoji::known().map_or(Coming::Loading, Coming::Here));
    let fetch = move || {
        coming.set(Coming::Loading);
        leptos::task::spawn_local(async move {
            let known = emoji::load().await;
            coming.try_set(known.map_or(Coming::Lost, Coming::Here));
        });
    };
    if coming.get_untracked() == Coming::Loading {
        fetch();
    }
    let opener = if is_sheet { None } else { opener(desk, seq) };
    effect(move || {
        let Some(dialog) = dialog() else { return };
        let style = dialog.style();
        drop(style.set_property("--columns", &columns.to_string()));
        if !is_sheet {
            put_beside(&dialog, opener.as_ref(), columns as f64 * cell + SIDES_PX);
        }
    });
    let title = if seq.is_some() { words.react() } else { words.emoji() };
    view! {
        <DialogFrame title beside=true>
            {live(move || match coming.get() {
                Coming::Loading => view! { <p class="emoji-none" role="status">{words.loading()}</p> }.into_any(),
                Coming::Lost => view! {
                    <div class="emoji-none" role="alert">
                        <p>{words.part_not_loaded()}</p>
                        <button type="button" class="button" on:click=handler(move |_| fetch())>{words.try_again()}</button>
                    </div>
                }.into_any(),
                Coming::Here(emojis) => picker.body(emojis, title),
            })}
        </DialogFrame>
    }
}

fn dialog() -> Option<HtmlElement> {
    document().query_selector("dialog.beside").ok()??.dyn_into().ok()
}

/// Where what opened it is.
fn opener(desk: Desk, seq: Option<Seq>) -> Option<DomRect> {
    let element = match seq {
        Some(_) => keyboard_now(),
        None => document().query_selector(&format!("{} .composer-box", form_of(desk))).ok().flatten(),
    };
    element.map(|element| element.get_bounding_client_rect())
}

/// Above its opener, or below, or wherever there is space.
fn put_beside(dialog: &HtmlElement, opener: Option<&DomRect>, width: f64) {
    let (window_width, window_height) = (browser::width_px(), browser::height_px() as f64);
    let height = HEIGHT_PX.min(window_height - 2.0 * EDGE_PX);
    let (right, top, bottom) =
        opener.map_or((window_width, window_height, window_height), |at| (at.right(), at.top(), at.bottom()));
    let left = (right - width).min(window_width - width - EDGE_PX).max(EDGE_PX);
    let above = top - height - EDGE_PX;
    let below = bottom + EDGE_PX;
    let top = if above >= EDGE_PX { above } else { below.min(window_height - height - EDGE_PX) };
    for (name, value) in [("left", left), ("top", top), ("width", width), ("height", height)] {
        // Whole numbers: the code that formats fractions is large.
        drop(dialog.style().set_property(name, &format!("{}px", value as i32)));
    }
}

impl Picker {
    fn body(self, emojis: &'static Emojis, title: &'static str) -> AnyView {
        let search = NodeRef::<html::Input>::new();
        let list = NodeRef::<html::Div>::new();
        let [label, none, recent, _] = emojis.says;
        effect(move || {
            if let Some(search) = search.get() {
                // A phone's on-screen keyboard would cover half of it.
                if !browser::is_touched() {
                    drop(search.focus());
                }
            }
        });
        self.draw_groups(emojis.groups.len());
        let found = Memo::new(move |_| {
            let query = browser::folded(self.query.get().trim());
            let query = query.trim_matches(':');
            let list = || emojis.search(query, FOUND_MAX).into_iter().copied().collect::<Vec<_>>();
            (!query.is_empty()).then(list)
        });
        let is_none = move || found.with(|found| found.as_ref().is_some_and(Vec::is_empty));
        let grid = move || match found.get() {
            Some(found) => self.rows(&found, emojis),
            None => {
                let groups = std::iter::once(recent).chain(emojis.groups.iter().copied());
                groups
                    .enumerate()
                    .map(|(group, name)| self.group(group, name, emojis))
                    .collect::<Vec<_>>()
                    .into_any()
            }
        };
        let typed = move |key: KeyboardEvent| match key.key().as_str() {
            "ArrowDown" => {
                key.prevent_default();
                if let Some(list) = list.get_untracked() {
                    focus_cell(list.query_selector(CELL).ok().flatten());
                }
            }
            "Enter" => {
                key.prevent_default();
                let first =
                    found.with_untracked(|found| found.as_ref().and_then(|found| found.first().copied()));
                if let Some(first) = first {
                    self.choose(&first.in_tone(self.habits.with_untracked(|habits| habits.tone)));
                }
            }
            _ => {}
        };
        let pressed = move |key: KeyboardEvent| {
            if for_input_method(&key) {
                return;
            }
            if move_on(&key) {
                key.prevent_default();
            } else if matches!(key.key().as_str(), "Enter" | " ") {
                key.prevent_default();
                self.choose_at(&key);
            } else if let Some(search) = search.get_untracked().filter(|_| goes_on_searching(&key)) {
                // The character itself arrives after this key event.
                drop(search.focus());
            }
        };
        // One listener for all cells, of one type for all events.
        effect(move || {
            let Some(list) = list.get() else { return };
            let list: Element = (*list).clone().into();
            listen(list.clone(), "click", false, move |click: web_sys::Event| self.choose_at(&click));
            listen(list.clone(), "keydown", false, pressed);
            for looks in ["pointerover", "focusin"] {
                listen(list.clone(), looks, false, move |event: web_sys::Event| self.look_at(&event));
            }
            let scrolled = list.clone();
            listen(list, "scroll", false, move |_: web_sys::Event| self.follow(&scrolled));
        });
        view! {
            <div class="emoji-find">
                <Icon name="search"/>
                <input
                    type="search"
                    aria-label=label
                    placeholder=label
                    dir="auto"
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    enterkeyhint="done"
                    node_ref=search
                    on:input:target=move |typed| {
                        self.query.set(typed.target().value());
                        if let Some(list) = list.get_untracked() {
                            list.set_scroll_top(0);
                        }
                    }
                    on:keydown=key_handler(typed)
                />
                <button
                    type="button"
                    class="icon-button"
                    aria-label=self.chat.words.close()
                    title=self.chat.words.close()
                    on:click=handler(move |_| self.chat.screen.dialog.set(None))
                >
                    <Icon name="close"/>
                </button>
            </div>
            {live(move || self.query.with(|query| query.trim().is_empty()).then(|| self.groups(recent, emojis, list)))}
            <div
                class="emoji-list"
                role="grid"
                aria-label=title
                tabindex="0"
                hidden=live(is_none)
                node_ref=list
            >
                {live(grid)}
            </div>
            <p class="emoji-none" role="status" hidden=live(move || !is_none())>{live(move || is_none().then_some(none))}</p>
            {self.foot(emojis)}
        }
        .into_any()
    }

    /// Draws one more group in each frame, so that the first one appears at once.
    fn draw_groups(self, count: usize) {
        if self.drawn.try_get_untracked().is_some_and(|drawn| drawn <= count) {
            request_animation_frame(move || {
                self.drawn.try_update(|drawn| *drawn += 1);
                self.draw_groups(count);
            });
        }
    }

    /// The buttons that jump to the groups.
    fn groups(self, recent: &'static str, emojis: &'static Emojis, list: NodeRef<html::Div>) -> AnyView {
        let has_recent = Memo::new(move |_| self.habits.with(|habits| !habits.recent.is_empty()));
        let button = move |(group, name): (usize, &'static str)| {
            let go = move |_| {
                let section = list.get_untracked().and_then(|list| section(&list, group));
                if let Some(section) = section {
                    let options = web_sys::ScrollIntoViewOptions::new();
                    options.set_block(web_sys::ScrollLogicalPosition::Start);
                    section.scroll_into_view_with_scroll_into_view_options(&options);
                    self.group.set(group);
                }
            };
            view! {
                <button
                    type="button"
                    class="emoji-group"
                    tabindex=live(move || if self.group.get() == group { "0" } else { "-1" })
                    aria-label=name
                    title=name
                    aria-current=live(move || (self.group.get() == group).then_some("true"))
                    hidden=live(move || group == 0 && !has_recent.get())
                    on:click=handler(go)
                >
                    {SIGNS.get(group).copied()}
                </button>
            }
            .into_any()
        };
        let step = move |key: KeyboardEvent| {
            let forward = match key.key().as_str() {
                "ArrowRight" => true,
                "ArrowLeft" => false,
                _ => return,
            };
            let Some(active) = document().active_element() else { return };
            let next = |from: &Element| match forward {
                true => from.next_element_sibling(),
                false => from.previous_element_sibling(),
            };
            let next = std::iter::successors(next(&active), next).find(|button| button.client_width() > 0);
            if let Some(next) = next {
                key.prevent_default();
                browser::focus(&next);
            }
        };
        let names = std::iter::once(recent).chain(emojis.groups.iter().copied());
        view! {
            <div class="emoji-groups" role="toolbar" aria-label=self.chat.words.emoji() on:keydown=key_handler(step)>
                {names.enumerate().map(button).collect::<Vec<_>>()}
            </div>
        }
        .into_any()
    }

    /// A group with its name. The first is the recently used emoji.
    fn group(self, group: usize, name: &'static str, emojis: &'static Emojis) -> AnyView {
        let is_drawn = Memo::new(move |_| self.drawn.get() > group);
        let tone = Memo::new(move |_| self.habits.with(|habits| habits.tone));
        let rows = move || {
            tone.track();
            let in_group = |entry: &&Entry| group > 0 && entry.group == group - 1;
            let entries: Vec<Entry> = emojis.all.iter().filter(in_group).copied().collect();
            self.rows(&entries, emojis)
        };
        // Not redrawn when one is chosen, because the dialog closes then.
        let recent = self.habits.with_untracked(|habits| habits.recent.clone());
        if group == 0 && recent.is_empty() {
            return ().into_any();
        }
        let inside: AnyView = if group == 0 {
            let cells = recent.into_iter().map(|sign| {
                let name = emojis.of(&sign).map_or("", |entry| entry.name);
                (sign, name.to_owned())
            });
            self.lines(cells.collect())
        } else {
            live(move || is_drawn.get().then(rows)).into_any()
        };
        view! {
            <div class="emoji-section" role="rowgroup" aria-label=name data-group=group.to_string()>
                <div class="emoji-title" aria-hidden="true">{name}</div>
                {inside}
            </div>
        }
        .into_any()
    }

    fn rows(self, entries: &[Entry], emojis: &'static Emojis) -> AnyView {
        let tone = self.habits.with(|habits| habits.tone);
        let cell = |entry: &Entry| {
            let sign = entry.in_tone(tone);
            let in_tone = emojis.tones.get(tone).filter(|_| sign != entry.sign);
            let name =
                in_tone.map_or_else(|| entry.name.to_owned(), |tone| format!("{}, {tone}", entry.name));
            (sign, name)
        };
        self.lines(entries.iter().map(cell).collect())
    }

    fn lines(self, cells: Vec<(String, String)>) -> AnyView {
        let cell = |(sign, name): &(String, String)| {
            view! {
                <span role="gridcell" class="emoji-cell" tabindex="-1" aria-label=name.clone()>{sign.clone()}</span>
            }
            .into_any()
        };
        let line = |line: &[(String, String)]| {
            view! { <div role="row" class="emoji-line">{line.iter().map(cell).collect::<Vec<_>>()}</div> }
                .into_any()
        };
        cells.chunks(self.columns).map(line).collect::<Vec<_>>().into_any()
    }

    /// The name of the current emoji, and the skin tones.
    fn foot(self, emojis: &'static Emojis) -> AnyView {
        let label = emojis.says[3];
        let hand = emojis.all.iter().find(|entry| entry.sign == "👋");
        let tone = move |(tone, name): (usize, &'static str)| {
            let choose = move |_| {
                self.habits.update(|habits| habits.tone = tone);
                self.habits.with_untracked(|habits| habits.keep(self.chat));
            };
            let is_on = move || self.habits.with(|habits| habits.tone) == tone;
            view! {
                <button
                    type="button"
                    class="emoji-tone"
                    aria-label=name
                    title=name
                    aria-pressed=live(move || is_on().to_string())
                    on:click=handler(choose)
                >
                    {hand.map(|hand| hand.in_tone(tone))}
                </button>
            }
            .into_any()
        };
        let at = move || {
            self.at.get().map(|(sign, name)| {
                let short = emojis.of(&sign).map(Entry::short).filter(|short| !short.is_empty());
                view! {
                    <span class="emoji-large" aria-hidden="true">{sign}</span>
                    <span class="emoji-name">
                        <strong>{name}</strong>
                        {short.map(|short| format!(":{short}:"))}
                    </span>
                }
                .into_any()
            })
        };
        view! {
            <div class="emoji-foot">
                <div class="emoji-at" aria-hidden="true">{live(at)}</div>
                <div class="emoji-tones" role="group" aria-label=label>
                    {emojis.tones.iter().copied().enumerate().map(tone).collect::<Vec<_>>()}
                </div>
            </div>
        }
        .into_any()
    }

    /// Shows the name of the emoji that an event is on.
    fn look_at(self, event: &web_sys::Event) {
        let Some(cell) = cell_of(event) else { return };
        let at = Some((sign_of(&cell), cell.get_attribute("aria-label").unwrap_or_default()));
        if self.at.with_untracked(|now| *now != at) {
            self.at.set(at);
        }
    }

    /// Marks the group that is at the top.
    fn follow(self, list: &Element) {
        let top = list.get_bounding_client_rect().top() + 8.0;
        let begun = |group: &usize| {
            section(list, *group).is_some_and(|section| section.get_bounding_client_rect().top() <= top)
        };
        let group = (0..SIGNS.len()).rev().find(begun);
        if let Some(group) = group.filter(|group| *group != self.group.get_untracked()) {
            self.group.set(group);
        }
    }

    fn choose_at(self, event: &web_sys::Event) {
        if let Some(cell) = cell_of(event) {
            self.choose(&sign_of(&cell));
        }
    }

    fn choose(self, sign: &str) {
        let Self { chat, desk, seq, .. } = self;
        Habits::of(chat).used(chat, sign);
        let Some(seq) = seq else {
            chat.screen.dialog.set(None);
            let sign = sign.to_owned();
            // While the dialog is open, the field cannot have the keyboard.
            request_animation_frame(move || write(desk, &sign));
            return;
        };
        let stored = Emoji::parse(sign).map_or_else(|_| sign.to_owned(), Emoji::into_string);
        let own = untrack(|| shown(chat, seq)).is_some_and(|message| is_mine(chat, &message, &stored));
        chat.screen.dialog.set(None);
        chat.screen.let_go();
        chat.react(desk.room, seq, sign, !own);
        request_animation_frame(move || browser::focus_row(seq));
    }
}

/// Selects an emoji of the grid.
const CELL: &str = "[role=gridcell]";

fn cell_of(event: &web_sys::Event) -> Option<Element> {
    let target: Element = event.target()?.dyn_into().ok()?;
    target.closest(CELL).ok()?
}

fn sign_of(cell: &Element) -> String {
    cell.text_content().unwrap_or_default()
}

fn section(list: &Element, group: usize) -> Option<Element> {
    list.query_selector(&format!("[data-group=\"{group}\"]")).ok()?
}

/// The composer's form: see `composer.rs`.
fn form_of(desk: Desk) -> &'static str {
    if desk.thread.is_some() { "#reply" } else { "#composer" }
}

/// The field of a composer.
pub(super) fn field_of(desk: Desk) -> Option<web_sys::HtmlTextAreaElement> {
    let field = document().query_selector(&format!("{} textarea", form_of(desk))).ok().flatten();
    field.and_then(|field| field.dyn_into().ok())
}

/// Writes an emoji where the cursor of the composer is.
fn write(desk: Desk, sign: &str) {
    let Some(field) = field_of(desk) else { return };
    drop(field.focus());
    let (text, range) = browser::selected(&field);
    let end = sign.len();
    browser::replace(&field, &text, &Replacement { range, with: sign.to_owned(), select: end..end });
}

/// Whether a key produces text, so that it belongs to the search.
fn goes_on_searching(key: &KeyboardEvent) -> bool {
    let has_modifier = key.ctrl_key() || key.meta_key() || key.alt_key();
    !has_modifier && (key.key().chars().count() == 1 || key.key() == "Backspace")
}

fn focus_cell(cell: Option<Element>) {
    let Some(cell) = cell.and_then(|cell| cell.dyn_into::<HtmlElement>().ok()) else { return };
    drop(cell.focus());
}

/// Handles an arrow, Home or End in the grid. Returns whether the key was one.
fn move_on(key: &KeyboardEvent) -> bool {
    let Some(cell) = cell_of(key) else {
        // The grid itself has focus; the arrow leads into it.
        let grid = key.target().and_then(|target| target.dyn_into::<Element>().ok());
        let first =
            grid.filter(|_| key.key() == "ArrowDown").and_then(|grid| grid.query_selector(CELL).ok()?);
        let is_there = first.is_some();
        focus_cell(first);
        return is_there;
    };
    let Some(line) = cell.parent_element() else { return false };
    let place =
        std::iter::successors(cell.previous_element_sibling(), Element::previous_element_sibling).count();
    // The last cell, if the row is shorter.
    let at = |line: &Element, place: usize| {
        let first = line.query_selector(CELL).ok().flatten();
        std::iter::successors(first, Element::next_element_sibling).take(place.saturating_add(1)).last()
    };
    let to = match key.key().as_str() {
        "ArrowRight" => cell.next_element_sibling().or_else(|| at(&next_line(&line, true)?, 0)),
        "ArrowLeft" => cell.previous_element_sibling().or_else(|| at(&next_line(&line, false)?, usize::MAX)),
        "ArrowDown" => next_line(&line, true).and_then(|line| at(&line, place)),
        "ArrowUp" => match next_line(&line, false) {
            Some(line) => at(&line, place),
            None => {
                browser::focus_first(".emoji-find input");
                return true;
            }
        },
        "Home" if key.ctrl_key() => {
            cell.closest("[role=grid]").ok().flatten().and_then(|grid| grid.query_selector(CELL).ok()?)
        }
        "End" if key.ctrl_key() => cell.closest("[role=grid]").ok().flatten().and_then(|grid| {
            let cells = grid.query_selector_all(CELL).ok()?;
            cells.item(cells.length().saturating_sub(1))?.dyn_into().ok()
        }),
        "Home" => at(&line, 0),
        "End" => at(&line, usize::MAX),
        _ => return false,
    };
    focus_cell(to);
    true
}

/// The next or previous row, also in another group.
fn next_line(line: &Element, forward: bool) -> Option<Element> {
    let go =
        |from: &Element| if forward { from.next_element_sibling() } else { from.previous_element_sibling() };
    let is_line = |found: &Element| found.get_attribute("role").as_deref() == Some("row");
    if let Some(next) = go(line).filter(is_line) {
        return Some(next);
    }
    let group =
        line.parent_element().filter(|group| group.get_attribute("role").as_deref() == Some("rowgroup"))?;
    let which = if forward { ":scope > [role=row]" } else { ":scope > [role=row]:last-child" };
    std::iter::successors(go(&group), go).find_map(|group| group.query_selector(which).ok()?)
}
