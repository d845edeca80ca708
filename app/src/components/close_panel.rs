//! What closes the panel beside a room: a link before the page wakes, a button afterwards.

use leptos::prelude::*;
use protocol::RoomId;

use super::icon::Icon;
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::handler;
use crate::state::{Chat, path_of};

/// At the end of the head of a panel.
pub(super) fn close_panel(chat: Chat, room: RoomId) -> AnyView {
    let close = chat.words.close();
    view! {
        <a class="icon-button no-script" href=path_of(room) aria-label=close title=close>
            <Icon name="close"/>
        </a>
        <button
            type="button"
            class="icon-button scripted"
            aria-label=close
            title=close
            on:click=handler(move |_| chat.close_panel())
        >
            <Icon name="close"/>
        </button>
    }
    .into_any()
}
