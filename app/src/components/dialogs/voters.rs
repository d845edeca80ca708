//! Who chose what in a poll that is not anonymous. The people of each option come in pages, and follow the votes while the dialog is open.

use std::time::Duration;

use leptos::prelude::*;
use protocol::{Command, Poll, Refusal, Reply, RoomId, Seq, User, limits::VOTERS_PAGE};

use super::{DialogFrame, room_form::Why};
use crate::components::attributes::GlobalAttributes;
use crate::components::{avatar::Avatar, effect, handler, live};
use crate::state::{Chat, use_chat};

/// While people vote, the names are requested at most once in this time. All ten options fit into a person's budget for queries.
const REFRESH_AFTER: Duration = Duration::from_secs(1);

/// The options, each with the people who chose it.
#[component]
pub fn Voters(room: RoomId, seq: Seq) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let failed = RwSignal::new(None::<Refusal>);
    // `None` while the message is not loaded, and once it is deleted.
    let poll = Memo::new(move |_| chat.message(room, seq).and_then(|message| message.poll));
    let options = poll.with_untracked(|poll| poll.clone().unwrap_or_default().options);
    let options: Vec<AnyView> = (0..)
        .zip(options)
        .map(|(place, text)| option(chat, (room, seq, place), text, poll, failed))
        .collect();
    view! {
        <DialogFrame title=words.show_votes()>
            <div class="dialog-body voters" tabindex="0">
                <Why failed/>
                {options}
            </div>
        </DialogFrame>
    }
}

fn option(
    chat: Chat,
    (room, seq, place): (RoomId, Seq, u8),
    text: String,
    poll: Memo<Option<Poll>>,
    failed: RwSignal<Option<Refusal>>,
) -> AnyView {
    let words = chat.words;
    let people = RwSignal::new(Vec::<User>::new());
    let more = RwSignal::new(false);
    let is_loaded = RwSignal::new(false);
    // The answer to an older question must not replace that to a newer one.
    let asked = StoredValue::new(0_u32);
    let ask = move |first: bool| {
        let after = people.with_untracked(|people| people.last().map(|last| last.id)).filter(|_| !first);
        let Some(mine) = asked.try_update_value(|n| {
            *n += 1;
            *n
        }) else {
            return;
        };
        let command = Command::Voters { room, seq, option: place, after };
        chat.ask(command, move |result| {
            if asked.try_get_value() != Some(mine) {
                return;
            }
            match result {
                Ok(Reply::Users { users }) => {
                    more.try_set(users.len() >= VOTERS_PAGE);
                    people.try_update(|people| {
                        if first {
                            people.clear();
                        }
                        people.extend(users);
                    });
                    is_loaded.try_set(true);
                    failed.try_set(None);
                }
                Ok(_) => {}
                Err(why) => drop(failed.try_set(Some(why))),
            }
        });
    };
    let count = Memo::new(move |_| {
        poll.with(|poll| poll.as_ref()?.counts.get(usize::from(place)).copied()).unwrap_or_default()
    });
    let is_due = StoredValue::new(false);
    let refresh = move || {
        if is_due.try_get_value() == Some(true) {
            is_due.set_value(false);
            ask(true);
        }
    };
    effect(move || {
        count.track();
        // Whoever reads further pages is not thrown back to the first one.
        let is_long = people.with_untracked(Vec::len) > VOTERS_PAGE;
        match asked.get_value() {
            0 => ask(true),
            _ if is_due.get_value() || is_long => {}
            _ => {
                is_due.set_value(true);
                set_timeout(refresh, REFRESH_AFTER);
            }
        }
    });
    let person = |user: User| {
        let (name, handle) = (user.name.clone(), format!("@{}", user.handle));
        view! {
            <li class="voter">
                <Avatar user/>
                <strong dir="auto">{name}</strong>
                <span>{handle}</span>
            </li>
        }
        .into_any()
    };
    let listed = move || people.get().into_iter().map(person).collect::<Vec<_>>();
    let none = move || {
        let is_none = is_loaded.get() && people.with(Vec::is_empty);
        is_none.then(|| view! { <p class="dialog-none">{words.nobody_chose()}</p> }.into_any())
    };
    let next = move || {
        more.get().then(|| {
            let press = handler(move |_| ask(false));
            view! { <button type="button" class="button" on:click=press>{words.show_more()}</button> }
                .into_any()
        })
    };
    view! {
        <section class="voters-option">
            <h3>
                <span dir="auto" translate="yes">{text}</span>
                <span class="voters-count">{live(move || words.votes_count(count.get()))}</span>
            </h3>
            {live(none)}
            <ul>{live(listed)}</ul>
            {live(next)}
        </section>
    }
    .into_any()
}
