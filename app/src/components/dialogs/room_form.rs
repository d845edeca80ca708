//! A room's name and topic: to make one, and to change one.

use leptos::{html::Input, prelude::*};
use protocol::{Command, ErrorCode, Refusal, Reply, RoomId, limits};

use super::DialogFrame;
use crate::components::attributes::GlobalAttributes;
use crate::components::{effect, handler, live};
use crate::state::use_chat;

/// Why something did not happen, shown where the person is looking.
#[component]
pub fn Why(failed: RwSignal<Option<Refusal>>) -> impl IntoView {
    let words = use_chat().words;
    live(move || {
        failed.get().map(|why| {
            // Of the two fields, only the name is needed.
            let is_unnamed = why.code == ErrorCode::TextEmpty;
            let said = if is_unnamed { words.title_empty().to_owned() } else { words.refusal(&why) };
            view! { <p class="form-error" role="alert">{said}</p> }.into_any()
        })
    })
}

/// The two fields.
#[component]
pub fn RoomFields(
    title: NodeRef<Input>,
    topic: NodeRef<Input>,
    #[prop(optional, into)] first_title: String,
    #[prop(optional, into)] first_topic: String,
    /// Only owners rename.
    #[prop(optional)]
    fixed_title: bool,
) -> impl IntoView {
    let words = use_chat().words;
    effect(move || {
        let begin = if fixed_title { topic } else { title };
        if let Some(input) = begin.get() {
            drop(input.focus());
        }
    });
    view! {
        <div class="field">
            <label for="room-title">{words.title()}</label>
            <input
                id="room-title"
                type="text"
                dir="auto"
                autocomplete="off"
                maxlength=limits::TITLE_CHARS_MAX * 2
                disabled=fixed_title
                value=first_title
                node_ref=title
            />
        </div>
        <div class="field">
            <label for="room-topic">{words.topic()}</label>
            <input id="room-topic" type="text" dir="auto" autocomplete="off" value=first_topic node_ref=topic/>
            <p class="field-hint">{words.topic_hint()}</p>
        </div>
    }
}

/// The text of a field.
pub fn text_of(field: NodeRef<Input>) -> String {
    field.get_untracked().map(|input| input.value()).unwrap_or_default()
}

/// Changes a room.
#[component]
pub fn EditRoom(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let Some(summary) = chat.summary(room) else { return ().into_any() };
    let now = summary.read_untracked().clone();
    let (title, topic) = (NodeRef::<Input>::new(), NodeRef::<Input>::new());
    let failed = RwSignal::new(None::<Refusal>);
    let save = move |submit: web_sys::SubmitEvent| {
        submit.prevent_default();
        let command = Command::SetRoom { room, title: text_of(title), topic: text_of(topic) };
        chat.ask(command, move |result| match result {
            Ok(Reply::Done {} | _) => chat.screen.dialog.set(None),
            Err(why) => failed.set(Some(why)),
        });
    };
    view! {
        <DialogFrame title=words.edit_room()>
            <form class="dialog-form" on:submit=handler(save)>
                <RoomFields
                    title
                    topic
                    first_title=now.room.title
                    first_topic=now.room.topic
                    fixed_title=!untrack(|| chat.rights(room)).manage
                />
                <Why failed/>
                <footer class="dialog-foot">
                    <button type="button" class="button" on:click=handler(move |_| chat.screen.dialog.set(None))>
                        {words.cancel()}
                    </button>
                    <button type="submit" class="button primary">{words.save()}</button>
                </footer>
            </form>
        </DialogFrame>
    }
    .into_any()
}
