//! What is said above a composer: what one replies to, and whom one has mentioned who will not see it. It comes with the
//! chunk `tools` (see `later.rs`).

use leptos::prelude::*;
use protocol::{Command, Reply, RoomId, Seq, UserId};

use super::icon::Icon;
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{handler, live};
use crate::{
    state::{Chat, Desk, use_chat},
    text::plain,
};

/// How much of the message is shown.
const QUOTED_CHARS: usize = 200;

/// The strips of a composer.
#[component]
pub(crate) fn Strips(
    /// Which composer.
    desk: Desk,
) -> impl IntoView {
    let chat = use_chat();
    let replying = Memo::new(move |_| chat.screen.replying_at(desk));
    view! {
        // Drawn anew also for another message with outsiders.
        {live(move || chat.screen.has_outsiders(desk).then(|| outsiders(chat, desk.room)).flatten())}
        {live(move || replying.get().map(|seq| reply(chat, desk, seq)))}
    }
}

fn reply(chat: Chat, desk: Desk, seq: Seq) -> AnyView {
    let words = chat.words;
    let quoted = Memo::new(move |_| chat.quoted(desk.room, seq));
    let title = move || {
        let author = quoted.with(|quoted| quoted.as_ref().map(|message| message.author));
        author.map(|author| words.replying_to(&chat.user(author).name))
    };
    let said = move || {
        quoted.with(|quoted| match quoted {
            Some(message) if message.deleted => words.message_deleted().to_owned(),
            Some(message) => plain(&client::shown_text(message), QUOTED_CHARS),
            None => String::new(),
        })
    };
    let stop = move |_| {
        chat.screen.replying.set(None);
        match desk.thread {
            Some(_) => chat.screen.compose_reply(),
            None => chat.screen.compose(),
        }
    };
    view! {
        <div class="editing-bar">
            <Icon name="reply"/>
            <div class="editing-words">
                <p class="editing-title" role="status">{live(title)}</p>
                <p class="editing-now" dir="auto">{live(said)}</p>
            </div>
            {close(words.cancel_reply(), handler(stop))}
        </div>
    }
    .into_any()
}

/// Only people: a group is mentioned for those of it who are in the room.
fn outsiders(chat: Chat, room: RoomId) -> Option<AnyView> {
    let words = chat.words;
    let mut people = chat.screen.outsiders.get_value();
    people.retain(|user| {
        let user = chat.user(*user);
        user.group.is_none() && !user.name.is_empty()
    });
    if people.is_empty() {
        return None;
    }
    let asked = people.clone();
    let said = move || words.not_in_room(people.len(), &names_of(chat, &people));
    let may_invite = chat.may(room, |rights| rights.invite);
    let shut = move || chat.screen.outsiders_of.set(None);
    let invite = move |_| {
        shut();
        chat.screen.compose();
        chat.ask(Command::Invite { room, users: asked.clone() }, move |result| match result {
            Ok(Reply::Invited { full, banned }) => {
                for (users, is_banned) in [(banned, true), (full, false)] {
                    if !users.is_empty() {
                        let names = untrack(|| names_of(chat, &users));
                        let said =
                            if is_banned { words.not_added_banned(&names) } else { words.not_added(&names) };
                        chat.tell_all(said, None);
                    }
                }
            }
            Ok(_) => {}
            Err(why) => chat.tell_all(words.refusal(&why), None),
        });
    };
    let button = move || {
        let invite = invite.clone();
        view! { <button type="button" class="editing-keep" on:click=handler(invite)>{words.add_people()}</button> }
            .into_any()
    };
    let view = view! {
        <div class="editing-bar">
            <Icon name="invite"/>
            <div class="editing-words">
                <p class="editing-title" role="status">{live(said)}</p>
                {live(move || may_invite.get().then(button.clone()))}
            </div>
            {close(words.close(), handler(move |_| shut()))}
        </div>
    };
    Some(view.into_any())
}

fn names_of(chat: Chat, people: &[UserId]) -> String {
    let users: Vec<_> = people.iter().map(|user| chat.user(*user)).collect();
    let names: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
    chat.words.names(&names, 0)
}

fn close(label: &'static str, press: Box<dyn FnMut(web_sys::MouseEvent)>) -> AnyView {
    view! {
        <button type="button" class="icon-button" aria-label=label title=label on:click=press>
            <Icon name="close"/>
        </button>
    }
    .into_any()
}
