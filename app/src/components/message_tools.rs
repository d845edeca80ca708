//! The actions on a message: react, reply, copy, save, pin, edit, delete. A bar at the row that the
//! pointer or focus is on (`timeline/pointing.rs`), drawn over it so that nothing moves. On touch
//! screens a sheet offers the same: `message_sheet.rs`.
//!
//! All of it comes with the chunk `tools` (see `later.rs`).

use client::{MessageRow, RowKind};
use leptos::prelude::*;
use protocol::{Rights, RoomId, Seq};
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use super::icon::Icon;
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{handler, key_handler, live};
use crate::{
    browser,
    state::{Chat, Desk, Dialog, ThreadView, use_chat},
};

/// The quick reactions, in lines of [`EMOJI_LINE`]. Reactions with other emoji are shown, too.
pub(super) const EMOJI: [&str; 12] = ["👍", "❤️", "😂", "😮", "😢", "🙏", "🎉", "👏", "🔥", "👀", "✅", "👎"];
/// How many are in a line; must match the style sheet.
const EMOJI_LINE: isize = 6;

/// The space that the quick reactions need above a message, in pixels.
const EMOJI_SPACE_PX: f64 = 160.0;

/// A message of the open room as shown, with the viewer's pending changes; `None` if no action
/// applies to it. Tracks the rows.
pub(super) fn shown(chat: Chat, seq: Seq) -> Option<MessageRow> {
    let find = |rows: &Vec<client::Row>| {
        rows.iter().find_map(|row| match &row.kind {
            RowKind::Message(message) if message.seq == Some(seq) => Some(message.clone()),
            RowKind::Message(_)
            | RowKind::Day(_)
            | RowKind::Unread
            | RowKind::Beginning
            | RowKind::Replies(_) => None,
        })
    };
    let ThreadView { root, rows, .. } = chat.thread();
    let there = find(&rows).or_else(|| find(&root.into_iter().collect()));
    chat.rows
        .with(find)
        .or(there)
        .filter(|message| !message.deleted && !message.deleting && message.sending.is_none())
}

/// Whether the viewer has reacted with this emoji.
pub(super) fn is_mine(chat: Chat, message: &MessageRow, emoji: &str) -> bool {
    let mut reactions = message.reactions.iter();
    reactions.any(|reaction| reaction.emoji == emoji && reaction.users.iter().any(|user| chat.is_me(*user)))
}

/// What the viewer may do with a message. Each right updates only when it changes.
#[derive(Clone, Copy)]
pub(super) struct May {
    own: bool,
    posts: Memo<bool>,
    reacts: Memo<bool>,
    pins: Memo<bool>,
    moderates: Memo<bool>,
}

impl May {
    pub(super) fn of(chat: Chat, room: RoomId, own: bool) -> Self {
        let may = |right: fn(Rights) -> bool| chat.may(room, right);
        Self {
            own,
            posts: may(|rights| rights.post),
            reacts: may(|rights| rights.react),
            pins: may(|rights| rights.pin),
            moderates: may(|rights| rights.moderate),
        }
    }

    pub(super) fn react(self) -> bool {
        self.reacts.get()
    }

    pub(super) fn pin(self) -> bool {
        self.pins.get()
    }

    pub(super) fn reply(self) -> bool {
        self.posts.get()
    }

    pub(super) fn edit(self) -> bool {
        self.own && self.posts.get()
    }

    pub(super) fn delete(self) -> bool {
        self.own || self.moderates.get()
    }
}

/// The icon and label of the button that pins or unpins.
pub(super) fn pin_tool(chat: Chat, is_pinned: bool) -> (&'static str, &'static str) {
    if is_pinned { ("unpin", chat.words.unpin()) } else { ("pin", chat.words.pin()) }
}

/// The icon and label of the button that saves or unsaves.
pub(super) fn save_tool(chat: Chat, is_saved: bool) -> (&'static str, &'static str) {
    if is_saved { ("unsave", chat.words.unsave()) } else { ("save", chat.words.save_for_later()) }
}

/// The tools of one message.
#[component]
pub(crate) fn Tools(
    /// The room.
    room: RoomId,
    /// The message. Its row is redrawn when it changes, and the tools with it.
    seq: Seq,
) -> impl IntoView {
    let chat = use_chat();
    let Some(message) = untrack(|| shown(chat, seq)) else { return ().into_any() };
    let may = May::of(chat, room, message.own);
    live(move || offered(chat, room, seq, &message, may)).into_any()
}

fn offered(chat: Chat, room: RoomId, seq: Seq, message: &MessageRow, may: May) -> AnyView {
    let words = chat.words;
    let pick = move |_| match chat.screen.picking.get_untracked() {
        Some(picked) if picked == seq => chat.screen.picking.set(None),
        _ => {
            chat.screen.picking.set(Some(seq));
            request_animation_frame(move || browser::focus_first(".emojis button"));
        }
    };
    let body = message.body.clone();
    let copy = move |_| {
        chat.screen.let_go();
        chat.copy(room, seq, body.to_string());
    };
    let copy_link = move |_| {
        chat.screen.let_go();
        chat.copy_link(room, seq);
    };
    let reply = move |_| chat.begin_reply(room, seq);
    let is_in_open_thread = untrack(|| chat.is_in_open_thread(room, seq));
    let thread = move |_| {
        chat.screen.let_go();
        chat.open_thread(seq);
    };
    let edit = move |_| chat.begin_edit(room, seq);
    let is_pinned = message.pinned;
    let pin = move |_| {
        browser::focus_row(seq);
        chat.screen.let_go();
        chat.pin(room, seq, !is_pinned);
    };
    let (pin_act, pin_label) = pin_tool(chat, is_pinned);
    let is_saved = message.saved;
    let save = move |_| {
        browser::focus_row(seq);
        chat.screen.let_go();
        chat.save_message(room, seq, !is_saved);
    };
    let (save_act, save_label) = save_tool(chat, is_saved);
    let remind = move |_| {
        browser::focus_row(seq);
        chat.screen.let_go();
        chat.screen.dialog.set(Some(Dialog::Remind(room, seq)));
    };
    let is_open_poll = message.poll.as_ref().is_some_and(|shown| !shown.poll.closed);
    let close_poll = move |_| {
        browser::focus_row(seq);
        chat.screen.let_go();
        chat.screen.dialog.set(Some(Dialog::ClosePoll(room, seq)));
    };
    let delete = move |_| {
        // The dialog returns focus to what had it, and the tools will be gone by then.
        browser::focus_row(seq);
        chat.screen.let_go();
        chat.screen.dialog.set(Some(Dialog::Delete(room, seq)));
    };
    let tool = |act: &'static str, label: &'static str, press: Box<dyn FnMut(web_sys::MouseEvent)>| {
        view! {
            <button
                type="button"
                class="message-tool"
                data-act=act
                aria-label=label
                title=label
                aria-expanded=live(move || {
                    (act == "react").then(|| if chat.screen.picking.get() == Some(seq) { "true" } else { "false" })
                })
                on:click=press
            >
                <Icon name=act/>
            </button>
        }
        .into_any()
    };
    let message = message.clone();
    let emojis = move || {
        let is_picking = chat.screen.picking.get() == Some(seq);
        is_picking.then(|| emojis(chat, room, seq, &message))
    };
    view! {
        <div class="message-tools-place">
            <div
                class="message-tools"
                role="toolbar"
                aria-label=words.message_actions()
                on:keydown=key_handler(move |key| pressed(chat, seq, &key))
            >
                {may.react().then(|| tool("react", words.react(), handler(pick)))}
                {may.reply().then(|| tool("reply", words.reply(), handler(reply)))}
                {(may.reply() && !is_in_open_thread).then(|| tool("thread", words.reply_in_thread(), handler(thread)))}
                {tool("copy", words.copy_text(), handler(copy))}
                {tool("link", words.copy_message_link(), handler(copy_link))}
                {tool(save_act, save_label, handler(save))}
                {tool("remind", words.remind_me(), handler(remind))}
                {may.pin().then(|| tool(pin_act, pin_label, handler(pin)))}
                {may.edit().then(|| tool("edit", words.edit(), handler(edit)))}
                {(is_open_poll && may.delete()).then(|| tool("close-poll", words.close_poll(), handler(close_poll)))}
                {may.delete().then(|| tool("delete", words.delete(), handler(delete)))}
                {live(emojis)}
            </div>
        </div>
    }
    .into_any()
}

/// The quick reactions. Choosing one of the viewer's own removes it.
fn emojis(chat: Chat, room: RoomId, seq: Seq, message: &MessageRow) -> AnyView {
    let below = browser::space_above(seq) < EMOJI_SPACE_PX;
    let emoji = |emoji: &'static str| {
        let own = is_mine(chat, message, emoji);
        let choose = move |_| {
            chat.screen.let_go();
            browser::focus_row(seq);
            chat.react(room, seq, emoji, !own);
        };
        view! {
            <button
                type="button"
                data-act=format!("emoji {emoji}")
                aria-pressed=own.to_string()
                on:click=handler(choose)
            >
                {emoji}
            </button>
        }
        .into_any()
    };
    view! {
        <div class="emojis" class:below=below role="group" aria-label=chat.words.react()>
            {EMOJI.map(emoji).into_iter().collect::<Vec<_>>()}
            <button
                type="button"
                class="emojis-more"
                data-act="emoji-more"
                on:click=handler(move |_| chat.screen.dialog.set(Some(Dialog::Emoji(Desk::of(room), Some(seq)))))
            >
                {chat.words.more_emoji()}
            </button>
        </div>
    }
    .into_any()
}

/// Handles a key at a tool or a quick reaction. Other keys are left to the row: see
/// `timeline/pointing.rs`.
fn pressed(chat: Chat, seq: Seq, key: &KeyboardEvent) {
    let has_modifier = key.ctrl_key() || key.meta_key() || key.alt_key() || key.shift_key();
    let target = key.target().and_then(|target| target.dyn_into::<Element>().ok());
    let Some(target) = target.filter(|_| !has_modifier) else { return };
    let is_emoji = target.closest(".emojis").is_ok_and(|found| found.is_some());
    match key.key().as_str() {
        "Escape" if is_emoji => {
            chat.screen.reached.set(Some(seq));
            chat.screen.picking.set(None);
            browser::focus_first(".message-tools [data-act=react]");
        }
        "Escape" => browser::focus_row(seq),
        "ArrowRight" => step(&target, 1),
        "ArrowLeft" => step(&target, -1),
        "ArrowDown" if is_emoji => step(&target, EMOJI_LINE),
        "ArrowUp" if is_emoji => step(&target, -EMOJI_LINE),
        _ => return,
    }
    key.prevent_default();
    key.stop_propagation();
}

/// Focuses the button `by` places away, if there is one.
fn step(button: &Element, by: isize) {
    let go =
        |from: &Element| if by > 0 { from.next_element_sibling() } else { from.previous_element_sibling() };
    // Elements that the style sheet hides cannot be focused.
    let is_shown = |button: &Element| button.client_width() > 0;
    let ahead = || std::iter::successors(go(button), go).filter(is_shown);
    // Below the lines there is another one with a single button.
    let further = ahead().nth(by.unsigned_abs() - 1).or_else(|| ahead().last().filter(|_| by > 1));
    if let Some(found) = further {
        browser::focus(&found);
    }
}
