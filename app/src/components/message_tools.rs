//! What one can do with a message: react, edit, pin, delete. Shown at the row that the pointer, the keyboard or a finger has
//! come to (`timeline/pointing.rs`); they lie over it and move nothing.

use std::sync::Arc;

use leptos::prelude::*;
use protocol::{Rights, RoomId, Seq};

use super::icon::Icon;
use crate::components::{handler, live};
use crate::{
    browser,
    state::{Chat, Dialog, use_chat},
};

/// The emoji to choose from, in lines of [`EMOJI_LINE`]. Whatever else the wire carries is shown, too.
const EMOJI: [&str; 12] = ["👍", "❤️", "😂", "😮", "😢", "🙏", "🎉", "👏", "🔥", "👀", "✅", "👎"];
/// How many stand in a line; the style sheet knows it too.
pub(super) const EMOJI_LINE: usize = 6;

/// The space that the emoji want above a message, in pixels.
const EMOJI_SPACE_PX: f64 = 160.0;

/// What of a message the tools need.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Where.
    pub room: RoomId,
    /// Which.
    pub seq: Seq,
    /// Written by the viewer.
    pub own: bool,
    /// Pinned to the room.
    pub pinned: bool,
    /// Its text.
    pub body: Arc<str>,
    /// The viewer's reactions.
    pub mine: Vec<String>,
}

/// The tools of one message.
#[component]
pub fn Tools(
    /// Which.
    subject: Subject,
) -> impl IntoView {
    let chat = use_chat();
    let may = |right: fn(Rights) -> bool| chat.may(subject.room, right);
    let (posts, reacts) = (may(|rights| rights.post), may(|rights| rights.react));
    let (pins, moderates) = (may(|rights| rights.pin), may(|rights| rights.moderate));
    live(move || offered(chat, subject.clone(), [posts.get(), reacts.get(), pins.get(), moderates.get()]))
}

/// `may` post, react, pin and moderate.
fn offered(chat: Chat, subject: Subject, may: [bool; 4]) -> AnyView {
    let words = chat.words;
    let Subject { room, seq, own, pinned, body, mine } = subject;
    let [posts, reacts, pins, moderates] = may;
    let (edits, deletes) = (own && posts, own || moderates);
    let few = !(reacts || pins || deletes);
    let pick = move |_| match chat.screen.picking.get_untracked() {
        Some(picked) if picked == seq => chat.screen.picking.set(None),
        _ => {
            chat.screen.picking.set(Some(seq));
            request_animation_frame(move || browser::focus_first(".emojis button"));
        }
    };
    let copy = move |_| {
        chat.screen.let_go();
        chat.copy(room, seq, body.to_string());
    };
    let edit = move |_| chat.begin_edit(room, seq);
    let pin = move |_| {
        browser::focus_row(seq);
        chat.screen.let_go();
        chat.pin(room, seq, !pinned);
    };
    let (pin_act, pin_label) = if pinned { ("unpin", words.unpin()) } else { ("pin", words.pin()) };
    let delete = move |_| {
        // The dialog gives the keyboard back to what had it, and the tools will be gone.
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
    view! {
        <div class="message-tools-place" class:few=few>
        <div class="message-tools" role="toolbar" aria-label=words.message_actions()>
            {reacts.then(|| tool("react", words.react(), handler(pick)))}
            {tool("copy", words.copy_text(), handler(copy))}
            {pins.then(|| tool(pin_act, pin_label, handler(pin)))}
            {edits.then(|| tool("edit", words.edit(), handler(edit)))}
            {deletes.then(|| tool("delete", words.delete(), handler(delete)))}
            {live(move || {
                let mine = mine.clone();
                (chat.screen.picking.get() == Some(seq)).then(|| view! { <Emojis room seq mine/> }.into_any())
            })}
        </div>
        </div>
    }
    .into_any()
}

/// The emoji to choose from. One's own is taken back by choosing it again.
#[component]
fn Emojis(room: RoomId, seq: Seq, mine: Vec<String>) -> impl IntoView {
    let chat = use_chat();
    let below = browser::space_above(seq) < EMOJI_SPACE_PX;
    let emoji = |emoji: &'static str| {
        let own = mine.iter().any(|mine| mine == emoji);
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
        </div>
    }
}
