//! The list of people banned from a room, and unbanning them.

use leptos::prelude::*;
use protocol::{Command, Refusal, Reply, RoomId, User};

use super::{DialogFrame, room_form::Why};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{avatar::Avatar, effect, handler, list, list_item, live};
use crate::state::use_chat;

/// The list. `None` until the server has answered.
#[component]
pub fn Banned(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let people = RwSignal::new(None::<Vec<User>>);
    let failed = RwSignal::new(None::<Refusal>);
    effect(move || {
        chat.ask(Command::Banned { room }, move |result| match result {
            Ok(Reply::Users { users }) => people.set(Some(users)),
            Ok(_) => {}
            Err(why) => failed.set(Some(why)),
        });
    });
    let let_in = move |user: &User| {
        let (user, told) = (user.id, words.is_unbanned(&user.name));
        chat.ask(Command::Unban { room, user }, move |result| match result {
            Ok(_) => {
                people.update(|people| people.iter_mut().for_each(|all| all.retain(|one| one.id != user)));
                chat.say_aloud(told);
            }
            Err(why) => failed.set(Some(why)),
        });
    };
    let draw = move |user: User| {
        let label = words.unban_named(&user.name);
        view! {
            <li class="person">
                <Avatar user=user.clone()/>
                <span class="person-words">
                    <span class="person-name" dir="auto">{user.name.clone()}</span>
                    <span class="person-handle">"@" {user.handle.clone()}</span>
                </span>
                <button type="button" class="button" aria-label=label on:click=handler(move |_| let_in(&user))>
                    {words.unban()}
                </button>
            </li>
        }
        .into_any()
    };
    view! {
        <DialogFrame title=words.banned_people()>
            <p class="dialog-text">{words.banned_hint()}</p>
            <Why failed/>
            <ul class="dialog-list">
                {list(move || {
                    let line_of = |user: User| list_item(user.id.0, move || draw(user));
                    people.get().unwrap_or_default().into_iter().map(line_of).collect()
                })}
            </ul>
            {live(move || people.with(|people| people.as_ref().is_some_and(Vec::is_empty)).then(|| {
                view! { <p class="dialog-none">{words.nobody_banned()}</p> }.into_any()
            }))}
        </DialogFrame>
    }
}
