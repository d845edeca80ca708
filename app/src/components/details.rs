//! What a room is, who is in it, and what one may change: the panel beside the timeline.

use leptos::prelude::*;
use protocol::{Command, Member, Role, RoomId, RoomKind, limits};

use super::{
    avatar::{Avatar, RoomPicture},
    icon::Icon,
};
use crate::components::{effect, handler, line, list, live};
use crate::state::{Chat, Dialog, use_chat};

/// The panel of a room.
#[component]
pub fn Details(
    /// Which room.
    room: RoomId,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let Some(summary) = chat.summary(room) else { return ().into_any() };
    let now = summary.read_untracked().clone();
    let kind = now.room.kind;
    let [name, topic, role] = [(); 3].map(|()| summary.clone());
    let about = move || match (kind, &topic.read().peer) {
        (RoomKind::Direct, Some(peer)) => format!("@{}", peer.handle),
        (RoomKind::Direct, None) => String::new(),
        (RoomKind::Group | RoomKind::Channel, _) if topic.read().room.topic.is_empty() => {
            words.no_topic().to_owned()
        }
        (RoomKind::Group | RoomKind::Channel, _) => topic.read().room.topic.clone(),
    };
    let kind_name = match kind {
        RoomKind::Direct => words.direct(),
        RoomKind::Group => words.group(),
        RoomKind::Channel => words.channel(),
    };
    let open = move |dialog| move |_| chat.screen.dialog.set(Some(dialog));
    effect(move || {
        chat.ask(Command::Members { room, query: String::new() }, |_| ());
    });
    view! {
        <aside class="details" aria-label=words.details()>
            <header class="pane-head">
                <h2>{words.details()}</h2>
                <button
                    type="button"
                    class="icon-button"
                    aria-label=words.close()
                    title=words.close()
                    on:click=handler(move |_| chat.screen.details.set(false))
                >
                    <Icon name="close"/>
                </button>
            </header>
            <div class="details-body">
                <div class="details-room">
                    <RoomPicture summary=now/>
                    <h3>{live(move || chat.name_of(&name.read()))}</h3>
                    <p class="details-kind">{kind_name}</p>
                    <p class="details-topic">{live(about)}</p>
                </div>
                {(kind != RoomKind::Direct).then(|| view! {
                    <div class="details-actions">
                        <button type="button" on:click=handler(open(Dialog::Invite(room)))>
                            <Icon name="invite"/>
                            {words.invite_people()}
                        </button>
                        <button type="button" on:click=handler(open(Dialog::EditRoom(room)))>
                            <Icon name="edit"/>
                            {words.edit_room()}
                        </button>
                        <button
                            type="button"
                            class="loss"
                            data-owner=live(move || (role.read().role == Role::Owner).then_some("true"))
                            on:click=handler(open(Dialog::Leave(room)))
                        >
                            <Icon name="leave"/>
                            {words.leave_room()}
                        </button>
                    </div>
                }.into_any())}
                <Members room/>
            </div>
        </aside>
    }
    .into_any()
}

/// Who is in the room; in a large one, as far as the search reaches.
#[component]
fn Members(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let query = RwSignal::new(String::new());
    let count = move || chat.summary(room).map_or(0, |summary| summary.read().members);
    let found = move || members(chat, room, &query.get());
    let search = move |text: String| {
        if count() as usize > limits::MEMBERS_LISTED_MAX && !text.trim().is_empty() {
            chat.ask(Command::Members { room, query: text.trim().to_owned() }, |_| ());
        }
        query.set(text);
    };
    view! {
        <section class="members" aria-label=words.members()>
            <h3>{words.members()} " " <span class="count">{count}</span></h3>
            {live(move || (count() > 8).then(|| view! {
                <input
                    type="search"
                    class="input"
                    aria-label=words.find_member()
                    placeholder=words.find_member()
                    autocomplete="off"
                    on:input:target=move |input| search(input.target().value())
                />
            }.into_any()))}
            <ul>
                {list(move || {
                    let draw = |member: Member| {
                        line((member.user.id.0, member.rev.0), move || view! { <MemberLine member/> }.into_any())
                    };
                    found().into_iter().map(draw).collect()
                })}
            </ul>
            {live(move || found().is_empty().then(|| view! { <p class="members-none">{words.nobody_found()}</p> }.into_any()))}
        </section>
    }
}

#[component]
fn MemberLine(member: Member) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let user = member.user.clone();
    let is_me = chat.is_me(user.id);
    let write = move |_| {
        chat.ask_and_go(Command::StartDirect { user: user.id }, RwSignal::new(None));
        chat.screen.details.set(false);
    };
    view! {
        <li class="person">
            <Avatar user=member.user.clone()/>
            <span class="person-words">
                <span class="person-name">{member.user.name.clone()}</span>
                <span class="person-handle">"@" {member.user.handle.clone()}</span>
            </span>
            {(member.role == Role::Owner).then(|| view! { <span class="tag">{words.owner()}</span> }.into_any())}
            {if is_me {
                view! { <span class="tag">{words.you()}</span> }.into_any()
            } else {
                view! {
                    <button
                        type="button"
                        class="icon-button"
                        aria-label=words.message_to(&member.user.name)
                        title=words.message_to(&member.user.name)
                        on:click=handler(write)
                    >
                        <Icon name="message"/>
                    </button>
                }
                .into_any()
            }}
        </li>
    }
}

fn members(chat: Chat, room: RoomId, query: &str) -> Vec<Member> {
    let query = query.trim().trim_start_matches('@').to_lowercase();
    let found = chat.with_room(room, |state| {
        let matches = |member: &&Member| {
            member.user.name.to_lowercase().contains(&query) || member.user.handle.contains(&query)
        };
        let mut found: Vec<Member> = state.active_members().filter(matches).cloned().collect();
        found.sort_unstable_by_key(|member| (member.role != Role::Owner, member.user.name.to_lowercase()));
        found.truncate(limits::MEMBERS_LISTED_MAX);
        found
    });
    found.unwrap_or_default()
}
