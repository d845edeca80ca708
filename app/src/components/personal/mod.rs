//! What only the viewer sees: the list of what they saved and scheduled, the threads that they follow, the
//! messages that they search, the dialogs that set a time, and the notice of a reminder
//! that has come. All of it comes with the chunk `personal` (see `later.rs`).

pub mod due;
pub mod list;
pub mod remind;
pub mod saved;
pub mod scheduled;
pub mod search;
pub mod send_later;
pub mod threads;
pub mod when;

use leptos::prelude::*;

use crate::{
    browser,
    state::{Chat, Dialog},
};

pub(crate) use self::{due::Due, search::Search};

/// The focused element is gone. On touch screens this does nothing, because focusing the composer
/// would open the on-screen keyboard.
fn back_to_composer(chat: Chat) {
    if !browser::is_touched() {
        request_animation_frame(move || chat.screen.compose());
    }
}

/// One of its dialogs.
pub(crate) fn dialog(dialog: Dialog) -> AnyView {
    if let Dialog::Later = dialog {
        view! { <list::Later/> }.into_any()
    } else if let Dialog::Threads(of) = dialog {
        view! { <threads::Threads of/> }.into_any()
    } else if let Dialog::Remind(room, seq) = dialog {
        view! { <remind::Remind room seq/> }.into_any()
    } else if let Dialog::SendLater(room) = dialog {
        view! { <send_later::SendLater room/> }.into_any()
    } else {
        ().into_any()
    }
}
