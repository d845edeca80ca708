//! A room's policy, its archiving and its deletion. Each choice is sent at once, because it can be
//! changed again at any time.

use leptos::prelude::*;
use protocol::{Command, Policy, Refusal, Role, RoomId};

use super::{DialogFrame, room_form::Why};
use crate::components::attributes::GlobalAttributes;
use crate::components::{effect, handler, live};
use crate::state::{Dialog, use_chat};

/// One thing that a policy decides.
#[derive(Clone, Copy)]
enum Part {
    Post,
    Invite,
    Pin,
}

impl Part {
    fn role_in(self, policy: &mut Policy) -> &mut Role {
        match self {
            Self::Post => &mut policy.post,
            Self::Invite => &mut policy.invite,
            Self::Pin => &mut policy.pin,
        }
    }
}

/// The choices, the archive, and the button that deletes the room.
#[component]
pub fn RoomSettings(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let Some(summary) = chat.summary(room) else { return ().into_any() };
    let failed = RwSignal::new(None::<Refusal>);
    // The user's choices. While an answer is pending, they are ahead of the room's own policy.
    let wanted = RwSignal::new(summary.read_untracked().room.policy);
    let unanswered = RwSignal::new(0_u32);
    let now = summary.clone();
    effect(move || {
        let policy = now.read().room.policy;
        if unanswered.get() == 0 {
            wanted.set(policy);
        }
    });
    let choose = move |part: Part, role: Role| {
        wanted.update(|policy| *part.role_in(policy) = role);
        unanswered.update(|n| *n += 1);
        failed.set(None);
        let Policy { post, invite, pin, mention } = wanted.get_untracked();
        let command = Command::SetPolicy { room, post, invite, pin, mention };
        chat.ask(command, move |result| {
            match result {
                Ok(_) => chat.say_aloud(words.edit_saved().to_owned()),
                Err(why) => failed.set(Some(why)),
            }
            unanswered.update(|n| *n = n.saturating_sub(1));
        });
    };
    let row = move |part: Part, id: &'static str, label: &'static str| {
        let option = move |role: Role, name: &'static str| {
            let is_chosen = move || *part.role_in(&mut wanted.get()) == role;
            view! { <option value=value_of(role) prop:selected=is_chosen>{name}</option> }.into_any()
        };
        view! {
            <div class="choice-row">
                <label for=id>{label}</label>
                <select
                    id=id
                    class="input"
                    on:change=handler(move |changed: web_sys::Event| {
                        choose(part, role_of(&event_target_value(&changed)));
                    })
                >
                    {option(Role::Member, words.everyone())}
                    {option(Role::Moderator, words.from_moderator())}
                    {option(Role::Owner, words.from_owner())}
                </select>
            </div>
        }
        .into_any()
    };
    let is_archived = Memo::new(move |_| summary.read().room.archived);
    let archive = move |_| {
        failed.set(None);
        let command = Command::Archive { room, on: !is_archived.get_untracked() };
        chat.ask(command, move |result| {
            if let Err(why) = result {
                failed.set(Some(why));
            }
        });
    };
    view! {
        <DialogFrame title=words.room_settings()>
            <div class="dialog-body">
                <Why failed/>
                {row(Part::Post, "policy-post", words.who_posts())}
                {row(Part::Invite, "policy-invite", words.who_invites())}
                {row(Part::Pin, "policy-pin", words.who_pins())}
                <div class="act-row">
                    <div>
                        <strong>{live(move || if is_archived.get() { words.archived_room() } else { words.archive_room() })}</strong>
                        <p>{live(move || if is_archived.get() { words.unarchive_hint() } else { words.archive_hint() })}</p>
                    </div>
                    <button type="button" class="button" on:click=handler(archive)>
                        {live(move || if is_archived.get() { words.unarchive() } else { words.archive() })}
                    </button>
                </div>
                <div class="act-row">
                    <div>
                        <strong>{words.delete_room()}</strong>
                        <p>{words.delete_room_hint()}</p>
                    </div>
                    <button
                        type="button"
                        class="button loss"
                        on:click=handler(move |_| chat.screen.dialog.set(Some(Dialog::DeleteRoom(room))))
                    >
                        {words.delete_room_act()}
                    </button>
                </div>
            </div>
        </DialogFrame>
    }
    .into_any()
}

fn value_of(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Moderator => "moderator",
        Role::Owner => "owner",
    }
}

fn role_of(value: &str) -> Role {
    match value {
        "owner" => Role::Owner,
        "moderator" => Role::Moderator,
        _ => Role::Member,
    }
}
