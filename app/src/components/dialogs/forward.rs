//! Forward a message to a room or a person.

use leptos::{html::Input, prelude::*};
use protocol::{Command, ErrorCode, Refusal, Reply, RoomId, Seq, UserId};

use super::{
    DialogFrame,
    picker::{Choice, Picker, Picture, find_users, person},
    room_form::Why,
    switcher::{has_direct_with, plain_query, rooms},
    ways_on,
};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{effect, handler, icon::Icon, key_handler, live};
use crate::{
    state::{Chat, use_chat},
    text::plain,
};

/// Enough of the text to identify the message.
const SHOWN_CHARS: usize = 160;
/// The most rooms that are listed.
const ROOMS_MAX: usize = 30;

/// Finds where it goes; then takes a comment, which may stay empty.
#[component]
pub fn ForwardMessage(room: RoomId, seq: Seq) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let query = RwSignal::new(String::new());
    let comment = RwSignal::new(String::new());
    let failed = RwSignal::new(None::<Refusal>);
    let target = RwSignal::new(None::<Choice>);
    let people = find_users(query);
    let choices = Memo::new(move |_| {
        let asked = plain_query(&query.get());
        let mut choices: Vec<Choice> = rooms(chat, &asked, ROOMS_MAX)
            .into_iter()
            .map(|room| Choice { note: String::new(), ..room })
            .collect();
        let others =
            people.get().into_iter().filter(|user| !chat.is_me(user.id) && !has_direct_with(chat, user.id));
        choices.extend(others.map(|user| Choice { group: words.accounts(), ..person(user, false) }));
        choices
    });
    let pick = Callback::new(move |choice: Choice| {
        let refused = match &choice.picture {
            Picture::Room(summary) if untrack(|| chat.rights_in(summary.room.id).get().post) => None,
            Picture::Room(summary) if summary.room.archived => Some(ErrorCode::RoomArchived),
            Picture::Room(_) => Some(ErrorCode::Forbidden),
            Picture::Person(_) | Picture::Channel | Picture::Action(..) => None,
        };
        failed.set(refused.map(Refusal::from));
        if refused.is_none() {
            target.set(Some(choice));
        }
    });
    let message = untrack(|| chat.message(room, seq)).map(|message| {
        let author = untrack(|| chat.user(message.author));
        view! {
            <blockquote class="dialog-quote">
                <strong dir="auto">{author.name.clone()}</strong>
                <p dir="auto">{plain(&client::shown_text(&message), SHOWN_CHARS)}</p>
            </blockquote>
        }
        .into_any()
    });
    let step = move || match target.get() {
        None => view! {
            <Picker
                label=words.forward_hint()
                choices=choices.into()
                query
                none=Signal::derive(move || words.nothing_found())
                pick
            />
        }
        .into_any(),
        Some(choice) => last_step(chat, (room, seq), choice, target, comment, failed),
    };
    view! {
        <DialogFrame title=words.forward_message()>
            {message}
            {live(step)}
            <Why failed/>
        </DialogFrame>
    }
}

/// The chosen place, which can be changed; the comment; and the button that forwards.
fn last_step(
    chat: Chat,
    from: (RoomId, Seq),
    choice: Choice,
    target: RwSignal<Option<Choice>>,
    comment: RwSignal<String>,
    failed: RwSignal<Option<Refusal>>,
) -> AnyView {
    let words = chat.words;
    let input = NodeRef::<Input>::new();
    effect(move || {
        if let Some(input) = input.get() {
            drop(input.focus());
        }
    });
    let title = choice.title.clone();
    // The direct room with a person may still have to be created.
    let is_asked = StoredValue::new(false);
    let forward = move || {
        let (text, title) = (comment.get_untracked(), choice.title.clone());
        let send = move |to: RoomId| match chat.forward(to, from, &text) {
            Ok(()) => {
                chat.screen.dialog.set(None);
                chat.tell_all(words.forwarded_to(&title), Some(to));
            }
            Err(why) => drop(failed.try_set(Some(why))),
        };
        match choice.picture {
            Picture::Room(_) => send(RoomId(choice.id)),
            Picture::Person(_) if !is_asked.get_value() => {
                is_asked.set_value(true);
                let user = UserId(choice.id);
                chat.ask(Command::StartDirect { user }, move |result| {
                    // Whoever has closed the dialog meanwhile does not forward.
                    if is_asked.try_set_value(false).is_some() {
                        return;
                    }
                    match result {
                        Ok(Reply::Room { summary, .. }) => send(summary.room.id),
                        Ok(_) => {}
                        Err(why) => drop(failed.try_set(Some(why))),
                    }
                });
            }
            Picture::Person(_) | Picture::Channel | Picture::Action(..) => {}
        }
    };
    let by_key = forward.clone();
    view! {
        <div class="taken">
            <button
                type="button"
                class="chip"
                aria-label=words.remove_named(&title)
                on:click=handler(move |_| {
                    failed.set(None);
                    target.set(None);
                })
            >
                {title.clone()}
                <Icon name="close"/>
            </button>
        </div>
        <div class="dialog-body">
            <input
                type="text"
                dir="auto"
                aria-label=words.forward_comment()
                placeholder=words.forward_comment()
                autocomplete="off"
                prop:value=comment.get_untracked()
                node_ref=input
                on:input:target=move |typed| comment.set(typed.target().value())
                on:keydown=key_handler(move |key| {
                    if key.key() == "Enter" {
                        key.prevent_default();
                        by_key();
                    }
                })
            />
        </div>
        {ways_on(chat, words.forward(), move |_| forward())}
    }
    .into_any()
}
