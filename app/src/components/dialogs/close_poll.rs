//! Asks for confirmation before closing a poll, because that cannot be undone.

use leptos::prelude::*;
use protocol::{RoomId, Seq};

use super::{DialogFrame, ways_on};
use crate::components::attributes::GlobalAttributes;
use crate::{state::use_chat, text::plain};

/// Enough of the question to identify the poll.
const SHOWN_CHARS: usize = 240;

/// Shows the question, and closes the poll.
#[component]
pub fn ClosePoll(room: RoomId, seq: Seq) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let question = untrack(|| chat.message(room, seq)).map(|message| plain(&message.body, SHOWN_CHARS));
    let close = move |_| {
        chat.screen.dialog.set(None);
        chat.close_poll(room, seq);
    };
    view! {
        <DialogFrame title=words.close_poll()>
            <blockquote class="dialog-quote">
                <p dir="auto">{question}</p>
            </blockquote>
            <p class="dialog-text">{words.close_poll_hint()}</p>
            {ways_on(chat, words.close_poll(), close)}
        </DialogFrame>
    }
}
