//! The actions on a message. A bar at the row that the pointer or focus is on (`timeline/pointing.rs`), drawn over it so that
//! nothing moves, has the most used ones, and its menu «More» all of them ([`Act`]). On touch screens a sheet offers the same:
//! `message_sheet.rs`.
//!
//! All of it comes with the chunk `tools` (see `later.rs`).

use client::{MessageRow, RowKind};
use leptos::{html::Div, prelude::*};
use protocol::{Rights, RoomId, Seq};
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use super::icon::Icon;
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{effect, handler, key_handler, live};
use crate::{
    browser,
    state::{Chat, Desk, Dialog, ThreadView, use_chat},
};

/// The quick reactions, in lines of [`EMOJI_LINE`]. Reactions with other emoji are shown, too.
pub(super) const EMOJI: [&str; 12] = ["👍", "❤️", "😂", "😮", "😢", "🙏", "🎉", "👏", "🔥", "👀", "✅", "👎"];
/// How many are in a line; must match the style sheet.
const EMOJI_LINE: isize = 6;

/// The gap between the menu and its button or the edge of the screen, in pixels.
const GAP_PX: f64 = 4.0;

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

/// An action on a message. The menu and the sheet offer the same ones, in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Reply,
    Thread,
    Edit,
    Forward,
    Copy,
    CopyLink,
    /// Save it, or, if it is saved, unsave it.
    Save(bool),
    Remind,
    MarkUnread,
    History,
    /// Pin it, or, if it is pinned, unpin it.
    Pin(bool),
    ClosePoll,
    RemovePreviews,
    Delete,
}

impl Act {
    /// What the viewer may do with a message, in order. Tracks their rights.
    pub(super) fn offered(chat: Chat, room: RoomId, message: &MessageRow, may: May) -> Vec<Self> {
        let is_in_open_thread = message.seq.is_some_and(|seq| untrack(|| chat.is_in_open_thread(room, seq)));
        let is_open_poll = message.poll.as_ref().is_some_and(|shown| !shown.poll.closed);
        let all = [
            (may.reply(), Self::Reply),
            (may.reply() && !is_in_open_thread, Self::Thread),
            (may.edit(), Self::Edit),
            (true, Self::Forward),
            (!text_of(message).is_empty(), Self::Copy),
            (true, Self::CopyLink),
            (true, Self::Save(message.saved)),
            (true, Self::Remind),
            (!message.own, Self::MarkUnread),
            (message.edited, Self::History),
            (may.pin(), Self::Pin(message.pinned)),
            (may.delete() && is_open_poll, Self::ClosePoll),
            (may.delete() && !message.previews.is_empty(), Self::RemovePreviews),
            (may.delete(), Self::Delete),
        ];
        all.into_iter().filter(|(is_offered, _)| *is_offered).map(|(_, act)| act).collect()
    }

    /// Its icon, which also names it, and its label.
    pub(super) fn face(self, chat: Chat) -> (&'static str, &'static str) {
        let words = chat.words;
        match self {
            Self::Reply => ("reply", words.reply()),
            Self::Thread => ("thread", words.reply_in_thread()),
            Self::Edit => ("edit", words.edit()),
            Self::Forward => ("forward", words.forward()),
            Self::Copy => ("copy", words.copy_text()),
            Self::CopyLink => ("link", words.copy_message_link()),
            Self::Save(false) => ("save", words.save_for_later()),
            Self::Save(true) => ("unsave", words.unsave()),
            Self::Remind => ("remind", words.remind_me()),
            Self::MarkUnread => ("unread", words.mark_unread()),
            Self::History => ("history", words.edit_history()),
            Self::Pin(false) => ("pin", words.pin()),
            Self::Pin(true) => ("unpin", words.unpin()),
            Self::ClosePoll => ("close-poll", words.close_poll()),
            Self::RemovePreviews => ("close", words.remove_previews()),
            Self::Delete => ("delete", words.delete()),
        }
    }

    /// Whether it destroys something.
    pub(super) fn is_loss(self) -> bool {
        self == Self::Delete
    }

    /// Does it. What offered it has closed by then, and the row has focus, to which a dialog returns it.
    pub(super) fn run(self, chat: Chat, room: RoomId, seq: Seq) {
        let ask = |dialog| chat.screen.dialog.set(Some(dialog));
        match self {
            Self::Reply => chat.begin_reply(room, seq),
            Self::Thread => chat.open_thread(seq),
            Self::Edit => chat.begin_edit(room, seq),
            Self::Forward => ask(Dialog::Forward(room, seq)),
            Self::Copy => {
                if let Some(message) = untrack(|| shown(chat, seq)) {
                    chat.copy(room, seq, text_of(&message));
                }
            }
            Self::CopyLink => chat.copy_link(room, seq),
            Self::Save(is_saved) => chat.save_message(room, seq, !is_saved),
            Self::Remind => ask(Dialog::Remind(room, seq)),
            Self::MarkUnread => chat.mark_unread(room, seq),
            Self::History => ask(Dialog::EditHistory(room, seq)),
            Self::Pin(is_pinned) => chat.pin(room, seq, !is_pinned),
            Self::ClosePoll => ask(Dialog::ClosePoll(room, seq)),
            Self::RemovePreviews => {
                let shown = untrack(|| shown(chat, seq)).map(|message| message.previews).unwrap_or_default();
                chat.remove_previews(room, seq, shown.into_iter().map(|preview| preview.url).collect());
            }
            Self::Delete => ask(Dialog::Delete(room, seq)),
        }
    }
}

/// What is copied: the text, and below it what the message forwards.
pub(super) fn text_of(message: &MessageRow) -> String {
    let forwarded = message.forward.iter().map(|forward| &*forward.body);
    let parts: Vec<&str> =
        [&*message.body].into_iter().chain(forwarded).filter(|text| !text.is_empty()).collect();
    parts.join("\n\n")
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
    live(move || bar(chat, room, seq, &message, may)).into_any()
}

fn bar(chat: Chat, room: RoomId, seq: Seq, message: &MessageRow, may: May) -> AnyView {
    let words = chat.words;
    // Which of the two stands open beside the bar, if one does.
    let opens = move |more: bool| chat.screen.picking.get() == Some(seq) && chat.screen.is_more.get() == more;
    let toggle = move |more: bool, first: &'static str| {
        if untrack(|| opens(more)) {
            chat.screen.picking.set(None);
        } else {
            chat.screen.is_more.set(more);
            chat.screen.picking.set(Some(seq));
            request_animation_frame(move || browser::focus_first(first));
        }
    };
    let pick = move |_| toggle(false, ".emojis button");
    let more = move |_| toggle(true, ".message-menu [role=menuitem]");
    let tool = |act: &'static str, label: &'static str, press: Box<dyn FnMut(web_sys::MouseEvent)>| {
        view! {
            <button
                type="button"
                class="message-tool"
                data-act=act
                aria-label=label
                title=label
                aria-haspopup=(act == "more").then_some("menu")
                aria-expanded=live(move || match act {
                    "react" | "more" => Some(if opens(act == "more") { "true" } else { "false" }),
                    _ => None,
                })
                on:click=press
            >
                <Icon name=act/>
            </button>
        }
        .into_any()
    };
    let acts = Act::offered(chat, room, message, may);
    let most_used = |act: &&Act| matches!(act, Act::Reply | Act::Thread | Act::Edit);
    let most_used = acts.iter().filter(most_used).map(|act| {
        let (act, (name, label)) = (*act, act.face(chat));
        tool(name, label, handler(move |_| chosen(chat, room, seq, act)))
    });
    let most_used: Vec<AnyView> = most_used.collect();
    let message = message.clone();
    let beside = move || {
        opens(false)
            .then(|| emojis(chat, room, seq, &message))
            .or_else(|| opens(true).then(|| menu(chat, room, seq, &acts)))
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
                {most_used}
                {tool("more", words.more_actions(), handler(more))}
                {live(beside)}
            </div>
        </div>
    }
    .into_any()
}

fn chosen(chat: Chat, room: RoomId, seq: Seq, act: Act) {
    // A dialog returns focus to what has it now, and the tools will be gone by then.
    browser::focus_row(seq);
    chat.screen.let_go();
    act.run(chat, room, seq);
}

/// All actions, beside the bar. It stands above the page, because a row contains what it draws.
fn menu(chat: Chat, room: RoomId, seq: Seq, acts: &[Act]) -> AnyView {
    let (veil, card) = (NodeRef::<Div>::new(), NodeRef::<Div>::new());
    effect(move || {
        if let (Some(veil), Some(card)) = (veil.get(), card.get()) {
            drop(veil.set_attribute("popover", "manual"));
            drop(veil.show_popover());
            move_beside(&card);
        }
    });
    let item = |act: &Act| {
        let (act, (name, label)) = (*act, act.face(chat));
        view! {
            <button
                type="button"
                role="menuitem"
                tabindex="-1"
                class:loss=act.is_loss()
                data-act=format!("menu {name}")
                on:click=handler(move |_| chosen(chat, room, seq, act))
            >
                <Icon name=name/>
                {label}
            </button>
        }
        .into_any()
    };
    let outside = move |click: web_sys::MouseEvent| {
        if click.target() == click.current_target() {
            back(chat, seq, "more");
        }
    };
    view! {
        <div class="message-menu" node_ref=veil on:click=handler(outside)>
            <div class="menu-card menu-items" role="menu" aria-label=chat.words.message_actions() node_ref=card>
                {acts.iter().map(item).collect::<Vec<_>>()}
            </div>
        </div>
    }
    .into_any()
}

/// Places the menu below its button, or above it where there is more space.
fn move_beside(card: &web_sys::HtmlElement) {
    let button = card.closest(".message-tools").ok().flatten();
    let button = button.and_then(|tools| tools.query_selector("[data-act=more]").ok().flatten());
    let Some(button) = button.map(|button| button.get_bounding_client_rect()) else { return };
    let size = card.get_bounding_client_rect();
    let view =
        |length: Result<wasm_bindgen::JsValue, _>| length.ok().and_then(|v| v.as_f64()).unwrap_or_default();
    let (width, height) = (view(window().inner_width()), view(window().inner_height()));
    let below = button.bottom() + GAP_PX;
    let above = button.top() - GAP_PX - size.height();
    let last = (height - GAP_PX - size.height()).max(GAP_PX);
    let top = if below <= last || above < GAP_PX { below.min(last) } else { above };
    let right = (width - button.right()).max(GAP_PX);
    // Whole pixels, as in `member_menu.rs`.
    drop(card.style().set_property("top", &format!("{}px", top as i32)));
    drop(card.style().set_property("right", &format!("{}px", right as i32)));
}

/// Closes what stands open beside the bar, and returns focus to its button.
fn back(chat: Chat, seq: Seq, act: &str) {
    chat.screen.reached.set(Some(seq));
    chat.screen.picking.set(None);
    browser::focus_first(&format!(".message-tools [data-act={act}]"));
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
    let is_in = |what: &str| target.closest(what).is_ok_and(|found| found.is_some());
    let (is_emoji, is_menu) = (is_in(".emojis"), is_in(".message-menu"));
    match key.key().as_str() {
        "Escape" if is_emoji => back(chat, seq, "react"),
        "Escape" | "Tab" if is_menu => back(chat, seq, "more"),
        "ArrowDown" if is_menu => walk(&target, 1),
        "ArrowUp" if is_menu => walk(&target, -1),
        "Home" if is_menu => walk(&target, 0),
        "End" if is_menu => walk(&target, isize::MAX),
        "ArrowRight" | "ArrowLeft" if is_menu => {}
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

/// Focuses the menu's item `by` places away, wrapping around; 0 is the first, and the largest number the last.
fn walk(item: &Element, by: isize) {
    let Some(items) = item.parent_element().map(|menu| menu.children()) else { return };
    let count = items.length().cast_signed() as isize;
    let here = (0..items.length()).find(|n| items.item(*n).as_ref() == Some(item)).unwrap_or(0);
    let there = match by {
        0 => 0,
        isize::MAX => count - 1,
        _ => (here.cast_signed() as isize + by).rem_euclid(count.max(1)),
    };
    if let Some(item) = u32::try_from(there).ok().and_then(|n| items.item(n)) {
        browser::focus(&item);
    }
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
