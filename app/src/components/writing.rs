//! The composer's writing aids: formatting tools and shortcuts, list continuation, completion of
//! names and emoji, and conversion of pasted text. All of it comes with the chunk `writing` (see
//! `later.rs`); writing and sending work without it.
//!
//! It sees the field's keys before the composer does, and handles those that it knows. It never
//! touches an input method's keys.

use std::{ops::Range, sync::Arc};

use client::{Row, RowKind};
use leptos::{html, prelude::*};
use protocol::{RoomId, Seq};
use web_sys::{ClipboardEvent, Event, HtmlTextAreaElement, KeyboardEvent};

use super::{
    composer::sends,
    icon::Icon,
    suggestions::Suggestions,
    toolbar::{style_of, toolbar},
};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{effect, for_input_method, handler, listen, live};
use crate::{
    browser,
    emoji::{self, Habits, Plus},
    later,
    state::{Chat, Desk, use_chat},
    typing::{self, Replacement, Style},
};

/// Plain text with more lines than this may be code, so making it a code block is offered.
const PLAIN_LINES_MAX: usize = 20;
/// Longer text is pasted by the browser alone, in bytes. It is too long to send.
const PASTED_BYTES_MAX: usize = 256 * 1024;

/// A temporary strip above the text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Strip {
    /// Why something was not sent.
    Told(String),
    /// Many lines were pasted: these.
    Lines(String),
}

/// The writing aids of one composer.
#[derive(Clone, Copy)]
struct Help {
    chat: Chat,
    desk: Desk,
    room: RoomId,
    field: NodeRef<html::Textarea>,
    /// The name that is being typed, including its `@`, `#` or `:`.
    word: RwSignal<Option<String>>,
    emoji_known: RwSignal<bool>,
    strip: RwSignal<Option<Strip>>,
    /// The shortcut for pasting without formatting was pressed last.
    is_plain: StoredValue<bool>,
}

/// Placed in the composer's box, above the text.
#[component]
pub(crate) fn Writing(desk: Desk, field: NodeRef<html::Textarea>) -> impl IntoView {
    let chat = use_chat();
    let room = desk.room;
    let screen = chat.screen;
    let help = Help {
        chat,
        desk,
        room,
        field,
        word: RwSignal::new(None),
        emoji_known: RwSignal::new(emoji::known().is_some()),
        strip: RwSignal::new(None),
        is_plain: StoredValue::new(false),
    };
    if browser::has_formatting() {
        screen.formatting.set(true);
    }
    effect(move || browser::keep_formatting(screen.formatting.get()));
    effect(move || help.listen());
    effect(move || later::hear_of_files(chat));
    help.fetch_emoji();
    screen.make_ready(desk, Arc::new(move |text| help.ready(text)));
    let press = move |style| {
        help.style(style);
    };
    let is_completing = Memo::new(move |_| help.word.with(Option::is_some));
    view! {
        {live(move || screen.formatting.get().then(|| toolbar(desk, press)))}
        {live(move || help.strip.get().map(|strip| help.draw(strip)))}
        {live(move || is_completing.get().then(|| {
            view! { <Suggestions room field word=help.word emoji_known=help.emoji_known/> }.into_any()
        }))}
    }
}

impl Help {
    fn listen(self) {
        let Some(field) = self.field.get() else { return };
        let Some(place) = field.parent_element() else { return };
        let own = field.clone();
        let is_field = move |event: &Event| event.target().as_ref() == Some(own.as_ref());
        let meant = is_field.clone();
        listen(place.clone(), "keydown", true, move |key: KeyboardEvent| {
            if !for_input_method(&key) && meant(&key) && self.pressed(&key) {
                key.prevent_default();
                key.stop_propagation();
            }
        });
        listen(place.clone(), "input", false, move |input: Event| {
            if is_field(&input) {
                self.forget_strip();
                self.complete();
            }
        });
        // Names are offered while typing, not when the cursor just passes.
        for leaves in ["click", "focusout"] {
            listen(place.clone(), leaves, false, move |_: Event| {
                if self.word.with_untracked(Option::is_some) {
                    self.word.set(None);
                }
            });
        }
        listen(place, "paste", false, move |paste: ClipboardEvent| self.pasted(&paste));
        // The user may have started typing before this was loaded.
        if browser::has_keyboard(&field) {
            self.complete();
        }
    }

    /// The field, unless it is read-only now.
    fn writable(self) -> Option<HtmlTextAreaElement> {
        self.field.get_untracked().filter(|field| !field.read_only())
    }

    /// Changes the text, if there is something to change.
    fn change(self, make: impl FnOnce(&str, Range<usize>) -> Option<Replacement>) -> bool {
        let Some(field) = self.writable() else { return false };
        let (text, selected) = browser::selected(&field);
        let Some(change) = make(&text, selected) else { return false };
        // A tool may have focus. Only edits in the focused field can be undone.
        drop(field.focus());
        browser::replace(&field, &text, &change);
        true
    }

    fn style(self, style: Style) -> bool {
        self.change(|text, selected| Some(typing::styled(text, selected, style)))
    }

    /// The text has changed: the strip above may be about something that is gone.
    fn forget_strip(self) {
        let Some(field) = self.field.get_untracked() else { return };
        let is_gone = self.strip.with_untracked(|strip| match strip {
            Some(Strip::Told(_)) => true,
            Some(Strip::Lines(lines)) => !field.value().contains(lines),
            None => false,
        });
        if is_gone {
            self.strip.set(None);
        }
    }

    /// Handles a key at the field. Returns whether it was used.
    fn pressed(self, key: &KeyboardEvent) -> bool {
        let is_held = key.ctrl_key() || key.meta_key();
        self.is_plain.set_value(is_held && key.shift_key() && key.key().eq_ignore_ascii_case("v"));
        if let Some(style) = style_of(key) {
            return self.style(style);
        }
        let is_held = key.ctrl_key() || key.meta_key() || key.alt_key();
        key.key() == "Enter"
            && !sends(key)
            && !is_held
            && self.change(|text, selected| {
                selected.is_empty().then(|| typing::new_line(text, selected.end)).flatten()
            })
    }

    fn complete(self) {
        let Some(field) = self.field.get_untracked() else { return };
        let (text, selected) = browser::selected(&field);
        let word =
            typing::name_at(&text, selected.end).filter(|_| selected.is_empty()).map(ToOwned::to_owned);
        if self.word.with_untracked(|now| *now != word) {
            self.word.set(word);
        }
    }

    /// Loads the emoji when the first emoji name is typed.
    fn fetch_emoji(self) {
        let is_coming = StoredValue::new(false);
        effect(move || {
            let is_wanted = self.word.with(|word| word.as_ref().is_some_and(|word| word.starts_with(':')));
            if !is_wanted || is_coming.get_value() || self.emoji_known.get_untracked() {
                return;
            }
            is_coming.set_value(true);
            leptos::task::spawn_local(async move {
                let known = emoji::load().await;
                is_coming.try_set_value(false);
                self.emoji_known.try_set(known.is_some());
            });
        });
    }

    /// The text as it is to be sent: see [`Screen::ready_text`](crate::state::Screen::ready_text).
    fn ready(self, text: String) -> Option<String> {
        self.strip.try_set(None);
        let is_edit = untrack(|| self.chat.edit_at(self.desk)).is_some();
        let plus = if is_edit { Plus::Text } else { Plus::of(&text) };
        if plus != Plus::Text {
            return self.react(&plus, &text);
        }
        let known = emoji::known().filter(|_| text.contains(':'));
        Some(known.map_or_else(|| text.clone(), |known| known.in_text(&text, Habits::of(self.chat).tone)))
    }

    /// Reacts to the last message instead of sending. On success the text is cleared; otherwise it
    /// stays.
    fn react(self, plus: &Plus, text: &str) -> Option<String> {
        let (chat, words) = (self.chat, self.chat.words);
        let tell = |why: String| {
            self.strip.try_set(Some(Strip::Told(why)));
            None
        };
        let Some(seq) = self.last_message().filter(|_| untrack(|| chat.rights(self.room)).react) else {
            return tell(words.nothing_to_react().to_owned());
        };
        let sign = match (plus, emoji::known()) {
            (Plus::Text, _) => return Some(text.to_owned()),
            (Plus::Sign(sign), _) => sign.clone(),
            (Plus::Named(name), Some(known)) => match known.named(name) {
                Some(entry) => entry.in_tone(Habits::of(chat).tone),
                None => return tell(words.emoji_unknown(name)),
            },
            (Plus::Named(_), None) => {
                self.react_later(plus.clone(), text.to_owned());
                return None;
            }
        };
        chat.react(self.room, seq, &sign, true);
        chat.say_aloud(words.reacted(&sign));
        Habits::of(chat).used(chat, &sign);
        Some(String::new())
    }

    /// The same, once the emoji names are loaded.
    fn react_later(self, plus: Plus, text: String) {
        leptos::task::spawn_local(async move {
            let known = emoji::load().await;
            let Some(field) = self.field.try_get_untracked().flatten() else { return };
            if field.value() != text {
                return;
            }
            if known.is_none() {
                let why = self.chat.words.part_not_loaded().to_owned();
                self.strip.try_set(Some(Strip::Told(why)));
            } else if self.react(&plus, &text).is_some() {
                let all = Replacement { range: 0..text.len(), with: String::new(), select: 0..0 };
                browser::replace(&field, &text, &all);
            }
        });
    }

    /// The newest message of the room, or of the thread, that one can react to.
    fn last_message(self) -> Option<Seq> {
        let last = |rows: &Vec<Row>| {
            rows.iter().rev().find_map(|row| match &row.kind {
                RowKind::Message(message) if !message.deleted && !message.deleting => message.seq,
                RowKind::Message(_)
                | RowKind::Day(_)
                | RowKind::Unread
                | RowKind::Beginning
                | RowKind::Replies(_) => None,
            })
        };
        if let Some(root) = self.desk.thread {
            return last(&untrack(|| self.chat.thread()).rows).or(Some(root));
        }
        if self.chat.window.get_untracked().more_after {
            let summary = self.chat.summary(self.room)?;
            return summary.read_untracked().last.as_ref().filter(|last| !last.deleted).map(|last| last.seq);
        }
        self.chat.rows.with_untracked(last)
    }

    /// Pasted text keeps its formatting, as Markdown. Text without formatting is pasted by the
    /// browser, unless it may be offered as code.
    fn pasted(self, paste: &ClipboardEvent) {
        let is_plain = self.is_plain.try_update_value(std::mem::take).unwrap_or_default();
        let Some(data) = paste.clipboard_data() else { return };
        let of = |kind: &str| data.get_data(kind).unwrap_or_default();
        let plain = of("text/plain").replace("\r\n", "\n");
        // Office programs put a picture of the text beside it.
        if let Some(files) = data.files().filter(|files| files.length() > 0 && plain.is_empty()) {
            paste.prevent_default();
            self.chat.attach(self.desk, &files);
            return;
        }
        if self.change(|own, selected| typing::link(own, selected, &plain)) {
            paste.prevent_default();
            return;
        }
        let Some(field) = self.writable() else { return };
        let (own, selected) = browser::selected(&field);
        if plain.len() > PASTED_BYTES_MAX || typing::is_in_code(&own, selected.start) {
            return;
        }
        let language = typing::language_of(&of("vscode-editor-data"));
        let formed = if is_plain { None } else { markup::from_html(&of("text/html"), &language) };
        let is_long = formed.is_none() && plain.trim_end().lines().count() > PLAIN_LINES_MAX;
        let Some(text) = formed.or_else(|| is_long.then(|| plain.clone())) else { return };
        paste.prevent_default();
        let end = text.len();
        self.change(|_, range| Some(Replacement { range, with: text, select: end..end }));
        if is_long {
            self.strip.set(Some(Strip::Lines(plain.trim_end().to_owned())));
        }
    }

    /// Makes a code block of the pasted lines.
    fn make_code(self, lines: &str) {
        self.change(|own, selected| {
            // At the place where they were pasted, not where the same lines occur further up.
            let before = own.get(..selected.end).and_then(|before| before.rfind(lines));
            let start = before.or_else(|| own.find(lines))?;
            let change = typing::styled(own, start..start + lines.len(), Style::CodeBlock);
            // Selects nothing, so that further typing does not overwrite it.
            let end = change.with.len();
            Some(Replacement { select: end..end, ..change })
        });
        self.strip.set(None);
    }

    /// Makes an attached file of the pasted lines.
    fn make_file(self, lines: &str) {
        let parts = js_sys::Array::of1(&format!("{lines}\n").into());
        let about = web_sys::FilePropertyBag::new();
        about.set_type("text/plain");
        let Ok(file) = web_sys::File::new_with_str_sequence_and_options(&parts, "pasted.txt", &about) else {
            return;
        };
        self.change(|own, selected| {
            let before = own.get(..selected.end).and_then(|before| before.rfind(lines));
            let start = before.or_else(|| own.find(lines))?;
            Some(Replacement { range: start..start + lines.len(), with: String::new(), select: 0..0 })
        });
        self.chat.attach(self.desk, &js_sys::Array::of1(&file));
        self.strip.set(None);
    }

    fn draw(self, strip: Strip) -> AnyView {
        let words = self.chat.words;
        let close = move |_| {
            self.strip.set(None);
            match self.desk.thread {
                Some(_) => self.chat.screen.compose_reply(),
                None => self.chat.screen.compose(),
            }
        };
        let said = match strip {
            Strip::Told(why) => view! { <span role="alert">{why}</span> }.into_any(),
            Strip::Lines(lines) => {
                let (count, again) = (lines.lines().count(), lines.clone());
                view! {
                    <span role="status">{words.pasted_lines(count)}</span>
                    <button type="button" class="writing-act" on:click=handler(move |_| self.make_code(&lines))>
                        {words.make_code_block()}
                    </button>
                    <button type="button" class="writing-act" on:click=handler(move |_| self.make_file(&again))>
                        {words.attach_as_file()}
                    </button>
                }
                .into_any()
            }
        };
        view! {
            <div class="writing-strip">
                {said}
                <button
                    type="button"
                    class="icon-button"
                    aria-label=words.close()
                    title=words.close()
                    on:click=handler(close)
                >
                    <Icon name="close"/>
                </button>
            </div>
        }
        .into_any()
    }
}
