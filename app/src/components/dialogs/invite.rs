//! Add people to a room.

use leptos::prelude::*;
use protocol::{Command, Refusal, Reply, RoomId, User, UserId, limits};

use super::{
    DialogFrame,
    picker::{Choice, Picker, Picture, find_users, person},
    room_form::Why,
};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{handler, list, list_item, live};
use crate::{components::icon::Icon, state::use_chat};

/// Finds people; those already chosen are shown above the list.
#[component]
pub fn InviteDialog(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let query = RwSignal::new(String::new());
    let failed = RwSignal::new(None::<Refusal>);
    let taken = RwSignal::new(Vec::<User>::new());
    let not_added = RwSignal::new(Vec::<String>::new());
    let people = find_users(query);
    let choices = Memo::new(move |_| {
        let inside = |user: &User| {
            chat.with_room(room, |state| state.members.get(&user.id).is_some_and(|member| member.active))
                .unwrap_or_default()
        };
        let line = |user: User| {
            let chosen = taken.with(|taken| taken.iter().any(|other| other.id == user.id));
            let joined = inside(&user);
            let note = if joined { words.joined().to_owned() } else { String::new() };
            Choice { note, ..person(user, chosen && !joined) }
        };
        people.get().into_iter().filter(|user| !chat.is_me(user.id)).map(line).collect::<Vec<_>>()
    });
    let pick = Callback::new(move |choice: Choice| {
        if let Picture::Person(user) = choice.picture
            && choice.note.is_empty()
        {
            toggle(taken, user);
        }
    });
    let invite = move |_| {
        let users = taken.with_untracked(|taken| taken.iter().map(|user| user.id).collect());
        chat.ask(Command::Invite { room, users }, move |result| match result {
            Ok(Reply::Invited { full, banned }) if !full.is_empty() || !banned.is_empty() => {
                // The others have been added. These stay, to show who has not.
                taken.update(|taken| {
                    taken.retain(|user| full.contains(&user.id) || banned.contains(&user.id));
                });
                not_added.set(taken.with_untracked(|taken| {
                    let names = |of: &[UserId]| {
                        let of: Vec<&User> = taken.iter().filter(|user| of.contains(&user.id)).collect();
                        words.names(&of.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), 0)
                    };
                    let said = [
                        (!banned.is_empty()).then(|| words.not_added_banned(&names(&banned))),
                        (!full.is_empty()).then(|| words.not_added(&names(&full))),
                    ];
                    said.into_iter().flatten().collect()
                }));
            }
            Ok(_) => chat.screen.dialog.set(None),
            Err(why) => failed.set(Some(why)),
        });
    };
    let name = chat.summary(room).map(|s| chat.name_of(&s.read_untracked())).unwrap_or_default();
    view! {
        <DialogFrame title=words.invite_to(&name)>
            <div class="taken" data-empty=live(move || taken.with(Vec::is_empty).then_some("true"))>
                {list(move || {
                    let draw = |user: User| list_item(user.id.0, move || chosen(taken, user));
                    taken.get().into_iter().map(draw).collect()
                })}
            </div>
            <Picker
                label=words.find_people()
                choices=choices.into()
                query
                none=Signal::derive(move || words.nobody_found())
                pick
            />
            <Why failed/>
            {live(move || {
                let said = |said: String| view! { <p class="form-error" role="alert">{said}</p> }.into_any();
                not_added.get().into_iter().map(said).collect::<Vec<_>>()
            })}
            <footer class="dialog-foot">
                <button
                    type="button"
                    class="button primary"
                    disabled=live(move || taken.with(Vec::is_empty))
                    on:click=handler(invite)
                >
                    {live(move || words.invite_count(taken.with(Vec::len)))}
                </button>
            </footer>
        </DialogFrame>
    }
}

/// A chosen person; clicking removes them.
fn chosen(taken: RwSignal<Vec<User>>, user: User) -> AnyView {
    let label = use_chat().words.remove_named(&user.name);
    let name = user.name.clone();
    view! {
        <button type="button" class="chip" aria-label=label on:click=handler(move |_| toggle(taken, user.clone()))>
            {name}
            <Icon name="close"/>
        </button>
    }
    .into_any()
}

fn toggle(taken: RwSignal<Vec<User>>, user: User) {
    taken.update(|taken| {
        let before = taken.len();
        taken.retain(|other| other.id != user.id);
        if taken.len() == before && before < limits::INVITE_MAX {
            taken.push(user);
        }
    });
}
