//! Deletes a room, after the user has typed its name, because that cannot be undone.

use leptos::{html::Input, prelude::*};
use protocol::{Command, Refusal, RoomId};

use super::{DialogFrame, room_form::Why};
use crate::components::attributes::GlobalAttributes;
use crate::components::{effect, handler, live};
use crate::state::use_chat;

/// Says what is lost, and deletes the room.
#[component]
pub fn DeleteRoom(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let Some(summary) = chat.summary(room) else { return ().into_any() };
    let now = summary.read_untracked().clone();
    let field = NodeRef::<Input>::new();
    let failed = RwSignal::new(None::<Refusal>);
    let matches = RwSignal::new(false);
    effect(move || {
        if let Some(field) = field.get() {
            drop(field.focus());
        }
    });
    let title = plain(&now.room.title);
    let typed = move |text: String| matches.set(plain(text.trim_start().trim_start_matches('#')) == title);
    let delete = move |submit: web_sys::SubmitEvent| {
        submit.prevent_default();
        if matches.get_untracked() {
            chat.quit(room, Command::DeleteRoom { room }, failed);
        }
    };
    view! {
        <DialogFrame title=words.delete_named(&untrack(|| chat.name_of(&now)))>
            <form class="dialog-form" on:submit=handler(delete)>
                <p class="dialog-loss">{words.delete_room_warning()}</p>
                <div class="field">
                    <label for="delete-room">{words.type_name(&now.room.title)}</label>
                    <input
                        id="delete-room"
                        type="text"
                        dir="auto"
                        autocomplete="off"
                        autocapitalize="none"
                        spellcheck="false"
                        node_ref=field
                        on:input:target=move |input| typed(input.target().value())
                    />
                </div>
                <Why failed/>
                <footer class="dialog-foot">
                    <button type="button" class="button" on:click=handler(move |_| chat.screen.dialog.set(None))>
                        {words.cancel()}
                    </button>
                    <button type="submit" class="button danger" disabled=live(move || !matches.get())>
                        {words.delete_room_act()}
                    </button>
                </footer>
            </form>
        </DialogFrame>
    }
    .into_any()
}

/// Pages collapse runs of spaces, so one space matches several.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
