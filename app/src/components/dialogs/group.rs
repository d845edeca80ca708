//! The card of a group of people: its title, its handle, and who is in it. It stands where the card of a
//! person does.

use leptos::prelude::*;
use protocol::{Command, ErrorCode, Refusal, Reply, User, UserId, limits::GROUP_PAGE};

use super::{
    DialogFrame,
    profile::{Place, acts, desk_of},
};
use crate::components::{avatar::Avatar, effect, focus::keyboard_now, handler, icon::Icon, live};
use crate::state::{Chat, Dialog, use_chat};

/// The card.
#[component]
pub fn GroupCard(
    /// Which group.
    group: UserId,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let opener = keyboard_now();
    let desk = desk_of(chat, opener.as_ref());
    let people = RwSignal::new(None::<Vec<User>>);
    let has_more = RwSignal::new(false);
    let failed = RwSignal::new(None::<Refusal>);
    let ask = move || {
        failed.set(None);
        let after = people.with_untracked(|known| known.iter().flatten().next_back().map(|last| last.id));
        chat.ask(Command::Group { group, after }, move |result| match result {
            Ok(Reply::Users { users }) => {
                has_more.try_set(users.len() == GROUP_PAGE);
                people.try_update(|known| known.get_or_insert_default().extend(users));
            }
            Ok(_) => drop(failed.try_set(Some(ErrorCode::Internal.into()))),
            Err(why) => drop(failed.try_set(Some(why))),
        });
    };
    effect(ask);
    let drawn = Signal::derive(move || {
        people.with(|known| known.as_ref().map_or(0, |known| known.len() + 1))
            + usize::from(failed.with(Option::is_some))
    });
    let again = move |label: &'static str| {
        view! { <button type="button" class="button" on:click=handler(move |_| ask())>{label}</button> }
            .into_any()
    };
    view! {
        <DialogFrame title=untrack(|| chat.user(group)).name.clone() beside=true>
            <div class="profile">
                <Place opener drawn/>
                {live(move || head(chat, group))}
                {live(move || people.get().map(|known| known.into_iter().map(|one| line(chat, &one)).collect::<Vec<_>>()).map(|lines| {
                    view! { <ul class="profile-people" aria-label=words.user_group_people()>{lines}</ul> }.into_any()
                }))}
                {live(move || match (failed.get(), people.with(Option::is_some)) {
                    (Some(why), _) => view! {
                        <div class="profile-failed" role="alert">
                            <p>{words.refusal(&why)}</p>
                            {again(words.try_again())}
                        </div>
                    }.into_any(),
                    (None, false) => view! { <p class="profile-coming" role="status">{words.loading()}</p> }.into_any(),
                    (None, true) if has_more.get() => again(words.show_more()),
                    (None, true) if people.with(|known| known.iter().flatten().next().is_none()) => {
                        view! { <p class="profile-coming">{words.user_group_nobody()}</p> }.into_any()
                    }
                    (None, true) => ().into_any(),
                })}
                {acts(chat, group, desk)}
            </div>
        </DialogFrame>
    }
}

/// Title and handle, as everyone knows them.
fn head(chat: Chat, group: UserId) -> AnyView {
    let (words, group) = (chat.words, chat.user(group));
    if group.name.is_empty() {
        return view! { <p role="status">{words.refused_group_unknown()}</p> }.into_any();
    }
    let count = words.group_of_people(group.group.unwrap_or_default() as usize);
    view! {
        <header class="profile-head">
            <span class="avatar sign"><Icon name="group"/></span>
            <div class="profile-who">
                <h2 dir="auto">{group.name.clone()}</h2>
                <p class="profile-handle">{format!("@{} · {count}", group.handle)}</p>
            </div>
        </header>
    }
    .into_any()
}

/// Someone in the group, whose own card opens instead.
fn line(chat: Chat, person: &User) -> AnyView {
    let id = person.id;
    let open = move |_| chat.screen.dialog.set(Some(Dialog::Profile(id)));
    view! {
        <li>
            <button type="button" class="profile-person" on:click=handler(open)>
                <Avatar user=person.clone()/>
                <span dir="auto">{person.name.clone()}</span>
                <span class="profile-apart">{format!("@{}", person.handle)}</span>
            </button>
        </li>
    }
    .into_any()
}
