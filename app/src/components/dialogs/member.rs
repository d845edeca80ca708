//! Actions on a member that need confirmation: removing, banning, making an owner, stepping down.

use leptos::prelude::*;
use protocol::{Command, Refusal, Role, RoomId, RoomKind, UserId};

use super::{DialogFrame, room_form::Why, ways_on, ways_out};
use crate::{
    browser,
    state::{MemberAct, use_chat},
};

/// Names the person and the room, explains the consequences, and acts.
#[component]
pub fn MemberDialog(room: RoomId, user: UserId, act: MemberAct) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let Some(summary) = chat.summary(room) else { return ().into_any() };
    let now = summary.read_untracked().clone();
    let (person, room_name) = (untrack(|| chat.user(user)), untrack(|| chat.name_of(&now)));
    let failed = RwSignal::new(None::<Refusal>);
    let name = person.name.as_str();
    let (title, hint, told) = match act {
        MemberAct::Remove => {
            let hint = match now.room.kind {
                RoomKind::Channel => words.remove_hint(),
                RoomKind::Group | RoomKind::Direct => words.remove_group_hint(),
            };
            (words.remove_from(name, &room_name), hint, words.was_removed(name))
        }
        MemberAct::Ban => (words.ban_from(name, &room_name), words.ban_hint(), words.was_banned(name)),
        MemberAct::MakeOwner => (
            words.make_owner_of(name, &room_name),
            words.make_owner_hint(),
            words.role_given(name, Role::Owner),
        ),
        MemberAct::StepDown => {
            let title = words.step_down_in(now.role, &room_name);
            (title, words.step_down_hint(), words.role_given(name, Role::Member))
        }
    };
    let command = match act {
        MemberAct::Remove => Command::Remove { room, user, ban: false },
        MemberAct::Ban => Command::Remove { room, user, ban: true },
        MemberAct::MakeOwner => Command::SetRole { room, user, role: Role::Owner },
        MemberAct::StepDown => Command::SetRole { room, user, role: Role::Member },
    };
    let go = move |_| {
        let told = told.clone();
        chat.ask(command.clone(), move |result| match result {
            Ok(_) => {
                chat.screen.dialog.set(None);
                chat.say_aloud(told);
                // The menu's button may be gone together with the person.
                request_animation_frame(|| {
                    request_animation_frame(|| {
                        if browser::is_nothing_focused() {
                            browser::focus_first(".details .members button");
                        }
                    });
                });
            }
            Err(why) => failed.set(Some(why)),
        });
    };
    view! {
        <DialogFrame title>
            <p class="dialog-text">{hint}</p>
            <Why failed/>
            {match act {
                MemberAct::Remove => ways_out(chat, words.remove(), go),
                MemberAct::Ban => ways_out(chat, words.ban(), go),
                MemberAct::MakeOwner => ways_on(chat, words.make_owner_now(), go),
                MemberAct::StepDown => ways_out(chat, words.step_down(), go),
            }}
        </DialogFrame>
    }
    .into_any()
}
