//! Asks for confirmation before deleting a message, because that cannot be undone.

use leptos::prelude::*;
use protocol::{RoomId, Seq};

use super::{DialogFrame, ways_out};
use crate::components::attributes::GlobalAttributes;
use crate::{state::use_chat, text::plain};

/// Enough of the text to identify the message.
const SHOWN_CHARS: usize = 240;

/// Shows the message, and deletes it.
#[component]
pub fn DeleteMessage(room: RoomId, seq: Seq) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let message = untrack(|| chat.message(room, seq)).map(|message| {
        let author = untrack(|| chat.user(message.author));
        let text = plain(&client::shown_text(&message), SHOWN_CHARS);
        view! {
            <blockquote class="dialog-quote">
                <strong dir="auto">{author.name.clone()}</strong>
                <p>{text}</p>
            </blockquote>
        }
        .into_any()
    });
    let delete = move |_| {
        chat.screen.dialog.set(None);
        chat.delete(room, seq);
    };
    view! {
        <DialogFrame title=words.delete_message()>
            {message}
            <p class="dialog-text">{words.delete_hint()}</p>
            {ways_out(chat, words.delete(), delete)}
        </DialogFrame>
    }
}
