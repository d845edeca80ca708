//! A room's name and topic, for creating and changing a room.

use leptos::{html::Input, prelude::*};
use protocol::{Command, ErrorCode, Refusal, Reply, RoomId, limits};

use super::DialogFrame;
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{effect, handler, live};
use crate::{state::use_chat, words::Words};

/// Why an action failed, shown where the user is looking.
#[component]
pub fn Why(failed: RwSignal<Option<Refusal>>) -> impl IntoView {
    let words = use_chat().words;
    live(move || {
        failed
            .get()
            .map(|why| view! { <p class="form-error" role="alert">{said(words, &why)}</p> }.into_any())
    })
}

fn said(words: Words, why: &Refusal) -> String {
    // Of the two fields, only the name is required.
    let is_unnamed = why.code == ErrorCode::TextEmpty;
    if is_unnamed { words.title_empty().to_owned() } else { words.refusal(why) }
}

/// Which of the two fields was refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Culprit {
    Title,
    Topic,
}

fn culprit(why: &Refusal, title: &str) -> Option<Culprit> {
    let of_title = [ErrorCode::TextEmpty, ErrorCode::TitleTaken, ErrorCode::ScriptsMixed];
    let of_either = [ErrorCode::TextTooLong, ErrorCode::TextInvalid];
    if of_title.contains(&why.code) {
        return Some(Culprit::Title);
    }
    let is_title = protocol::RoomTitle::parse(title).is_err();
    of_either.contains(&why.code).then_some(if is_title { Culprit::Title } else { Culprit::Topic })
}

/// The two fields, each with its own error, and below them any error that belongs to neither.
#[component]
pub fn RoomFields(
    title: NodeRef<Input>,
    topic: NodeRef<Input>,
    /// Why the form was refused.
    failed: RwSignal<Option<Refusal>>,
    #[prop(optional, into)] first_title: String,
    #[prop(optional, into)] first_topic: String,
    /// Whether the title is read-only: only owners may rename.
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
    let blamed = move || failed.get().and_then(|why| culprit(&why, &text_of(title)));
    effect(move || {
        let field = match blamed() {
            Some(Culprit::Title) => title,
            Some(Culprit::Topic) => topic,
            None => return,
        };
        if let Some(input) = field.get_untracked() {
            drop(input.focus());
        }
    });
    let is_bad = move |field| move || (blamed() == Some(field)).then_some("true");
    let error = move |field, id: &'static str| {
        live(move || {
            failed.get().filter(|_| blamed() == Some(field)).map(|why| {
                view! { <p class="field-error" id=id role="alert">{said(words, &why)}</p> }.into_any()
            })
        })
    };
    view! {
        <div class="field" data-invalid=live(is_bad(Culprit::Title))>
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
                aria-invalid=live(is_bad(Culprit::Title))
                aria-describedby="room-title-error"
            />
            {error(Culprit::Title, "room-title-error")}
        </div>
        <div class="field" data-invalid=live(is_bad(Culprit::Topic))>
            <label for="room-topic">{words.topic()}</label>
            <input
                id="room-topic"
                type="text"
                dir="auto"
                autocomplete="off"
                value=first_topic
                node_ref=topic
                aria-invalid=live(is_bad(Culprit::Topic))
                aria-describedby="room-topic-error room-topic-hint"
            />
            {error(Culprit::Topic, "room-topic-error")}
            <p class="field-hint" id="room-topic-hint">{words.topic_hint()}</p>
        </div>
        {live(move || {
            failed.get().filter(|_| blamed().is_none()).map(|why| {
                view! { <p class="form-error" role="alert">{said(words, &why)}</p> }.into_any()
            })
        })}
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
                    failed
                    fixed_title=!untrack(|| chat.rights(room)).manage
                />
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
