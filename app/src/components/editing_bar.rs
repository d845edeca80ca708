//! The bar above the composer while a message is edited: the current message, and the state of the
//! edit. It comes with the chunk `tools` (see `later.rs`).

use client::{EditState, Link};
use leptos::prelude::*;
use protocol::{ErrorCode, RoomId};

use super::icon::Icon;
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{handler, live};
use crate::state::{Chat, use_chat};

/// How the message has changed since the edit began.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Same,
    Edited,
    Deleted,
}

/// The bar of a room's edit.
#[component]
pub(crate) fn EditingBar(
    /// Which room.
    room: RoomId,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let keep = move |_| chat.keep_as_new(room);
    let stop = move |_| {
        chat.step_back(room);
        chat.screen.compose();
    };
    let now = move || {
        let text = chat.message(room, chat.edit_of(room)?.seq)?.body;
        (!text.is_empty()).then(|| view! { <p class="editing-now">{text}</p> }.into_any())
    };
    let keep = move || {
        let button = || {
            view! {
                <button type="button" class="editing-keep" on:click=handler(keep)>
                    {words.send_as_new()}
                </button>
            }
        };
        (meanwhile(chat, room) == Meanwhile::Deleted).then(|| button().into_any())
    };
    view! {
        <div class="editing-bar" class:loud=live(move || meanwhile(chat, room) != Meanwhile::Same)>
            <Icon name="edit"/>
            <div class="editing-words">
                <p class="editing-title" role="status">{live(move || title(chat, room))}</p>
                {live(now)}
                {live(keep)}
            </div>
            <button
                type="button"
                class="icon-button"
                aria-label=words.stop_editing()
                title=words.stop_editing()
                on:click=handler(stop)
            >
                <Icon name="close"/>
            </button>
        </div>
    }
}

fn meanwhile(chat: Chat, room: RoomId) -> Meanwhile {
    let edit = chat.edit_of(room);
    let Some(edit) = edit else { return Meanwhile::Same };
    let Some(message) = chat.message(room, edit.seq) else { return Meanwhile::Same };
    let is_refused = matches!(&edit.state, EditState::Refused(why) if why.code == ErrorCode::EditedMeanwhile);
    if message.deleted {
        Meanwhile::Deleted
    } else if is_refused || (!edit.is_saving() && edit.is_overtaken(&message)) {
        Meanwhile::Edited
    } else {
        Meanwhile::Same
    }
}

fn title(chat: Chat, room: RoomId) -> &'static str {
    let words = chat.words;
    match meanwhile(chat, room) {
        Meanwhile::Deleted => words.deleted_elsewhere(),
        Meanwhile::Edited => words.edited_elsewhere(),
        Meanwhile::Same if !chat.edit_of(room).is_some_and(|edit| edit.is_saving()) => {
            words.editing_message()
        }
        Meanwhile::Same if chat.link.get() == Link::Live => words.saving(),
        Meanwhile::Same => words.saving_away(),
    }
}
