//! The panel beside the timeline: facts about a room, its members, and what the viewer may change.

use std::{cmp::Reverse, sync::Arc};

use client::sort_by;
use leptos::{html::H2, prelude::*};
use protocol::{
    Command, Member, Message, Refusal, Reply, Role, RoomId, RoomKind, Seq, User, UserId, WorkspaceRole,
    limits, rights::effective,
};

use super::{
    avatar::{Avatar, RoomPicture},
    close_panel::close_panel,
    dialogs::room_form::Why,
    icon::Icon,
    member_menu::{MemberMenu, MoreButton},
    personal::search::in_room,
    timeline::pointing::offer_members,
};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::focus::take_keyboard;
use crate::components::{effect, handler, list, list_item, live};
use crate::{
    address::searched_path,
    browser,
    state::{Chat, Dialog, path_of, use_chat},
    text::{lower, plain},
};

/// How much of a pinned message is shown, in characters.
const PINNED_CHARS: usize = 240;

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
    let [name, topic] = [(); 2].map(|()| summary.clone());
    let rights = chat.rights_in(room);
    let about = move || match (kind, topic.read().peer) {
        (RoomKind::Direct, Some(peer)) => format!("@{}", chat.user(peer).handle),
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
    // A search, so they are found by name, too.
    let files = move |_| {
        let here = untrack(|| in_room(chat, room)).unwrap_or_default();
        chat.go(searched_path(&path_of(room), &format!("{here} has:file")));
    };
    let heading = NodeRef::<H2>::new();
    effect(move || take_keyboard(heading));
    view! {
        <aside class="details" aria-label=words.details()>
            <header class="pane-head">
                <h2 tabindex="-1" node_ref=heading>{words.details()}</h2>
                {close_panel(chat, room)}
            </header>
            <div class="details-body">
                <div class="details-room">
                    <RoomPicture summary=now/>
                    <h3>{live(move || chat.name_of(&name.read()))}</h3>
                    <p class="details-kind">{kind_name}</p>
                    <p class="details-topic" dir="auto">{live(about)}</p>
                </div>
                <div class="details-actions scripted">
                    {action("thread", words.threads(), "", open(Dialog::Threads(Some(room))))}
                    {action("file", words.files(), "", files)}
                    {(kind != RoomKind::Direct).then(|| view! {
                        {live(move || {
                            let rights = rights.get();
                            let act = |is_offered: bool, icon, name: &'static str, dialog| {
                                is_offered.then(|| action(icon, name, "", open(dialog)))
                            };
                            [
                                act(rights.invite, "invite", words.invite_people(), Dialog::Invite(room)),
                                act(rights.set_topic, "edit", words.edit_room(), Dialog::EditRoom(room)),
                                act(rights.manage, "settings", words.room_settings(), Dialog::RoomSettings(room)),
                                act(rights.moderate, "ban", words.banned_people(), Dialog::Banned(room)),
                            ]
                            .into_iter()
                            .collect::<Vec<_>>()
                        })}
                        {action("leave", words.leave_room(), "loss", open(Dialog::Leave(room)))}
                    }.into_any())}
                </div>
                <Pinned room/>
                <Members room/>
            </div>
        </aside>
    }
    .into_any()
}

/// A line with an icon that performs an action.
fn action(
    icon: &'static str,
    name: &'static str,
    class: &'static str,
    press: impl FnMut(web_sys::MouseEvent) + 'static,
) -> AnyView {
    view! {
        <button type="button" class=class on:click=handler(press)>
            <Icon name=icon/>
            {name}
        </button>
    }
    .into_any()
}

/// The room's members. In a large room, only those that the search reaches.
#[component]
fn Members(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let query = RwSignal::new(String::new());
    let count = move || chat.summary(room).map_or(0, |summary| summary.read().members);
    let rights = chat.rights_in(room);
    // Whose menu is open, and why an action chosen there failed.
    let (menu, failed) = (chat.screen.menu, RwSignal::new(None::<Refusal>));
    on_cleanup(move || menu.set(None));
    // How many are shown for this query, and where the next page begins.
    let limit = RwSignal::new(limits::MEMBERS_LISTED_MAX);
    let next = RwSignal::new(None::<UserId>);
    let found = move || members(chat, room, &query.get(), limit.get());
    let fetch = move |asked: String, after: Option<UserId>| {
        let command = Command::Members { room, query: asked.trim().to_owned(), after };
        chat.ask(command, move |result| {
            if let Ok(Reply::Members { members, more, .. }) = result
                && query.try_get_untracked().is_some_and(|now| now == asked)
            {
                next.set(members.last().filter(|_| more).map(|last| last.user));
            }
        });
    };
    effect(move || fetch(String::new(), None));
    effect(move || {
        // The lines are drawn by then.
        if !found().is_empty() {
            request_animation_frame(offer_members);
        }
    });
    let search = move |text: String| {
        query.set(text.clone());
        if count() as usize > limits::MEMBERS_LISTED_MAX {
            limit.set(limits::MEMBERS_LISTED_MAX);
            next.set(None);
            fetch(text, None);
        }
    };
    let more = move |_| {
        limit.update(|limit| *limit += limits::MEMBERS_LISTED_MAX);
        fetch(query.get_untracked(), next.get_untracked());
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
            <Why failed/>
            <ul>
                {list(move || {
                    let moderates = rights.get().moderate;
                    let draw = |(member, user): (Member, Arc<User>)| {
                        let key = (user.id.0, member.rev.0, user.rev.0, user.name.clone(), moderates);
                        list_item(key, move || view! { <MemberLine member user moderates menu/> }.into_any())
                    };
                    found().into_iter().map(draw).collect()
                })}
            </ul>
            {live(move || found().is_empty().then(|| view! { <p class="members-none">{words.nobody_found()}</p> }.into_any()))}
            {live(move || next.get().is_some().then(|| view! {
                <button type="button" class="button" on:click=handler(more)>{words.show_more()}</button>
            }.into_any()))}
            <MemberMenu room open=menu failed/>
        </section>
    }
}

#[component]
fn MemberLine(
    member: Member,
    user: Arc<User>,
    moderates: bool,
    menu: RwSignal<Option<UserId>>,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let is_me = chat.is_me(user.id);
    let write = move |_| {
        chat.ask_and_go(Command::StartDirect { user: member.user }, RwSignal::new(None));
    };
    view! {
        <li class="person" data-who=user.id.to_string()>
            <Avatar user=(*user).clone()/>
            <span class="person-words">
                <span class="person-name" dir="auto">{user.name.clone()}</span>
                <span class="person-handle">
                    "@" {user.handle.clone()}
                    {is_me.then(|| view! { <span class="person-me">{words.you()}</span> }.into_any())}
                </span>
            </span>
            {tag_of(chat, &member, &user).map(|tag| view! { <span class="tag">{tag}</span> }.into_any())}
            {if is_me && member.role == Role::Member {
                view! { <span class="person-free"></span> }.into_any()
            } else if is_me || moderates {
                view! { <MoreButton user=user.id name=user.name.clone() menu/> }.into_any()
            } else {
                view! {
                    <button
                        type="button"
                        class="icon-button"
                        aria-label=words.message_to(&user.name)
                        title=words.message_to(&user.name)
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

/// The tag beside a member whose role in the workspace or the room stands out.
fn tag_of(chat: Chat, member: &Member, user: &User) -> Option<&'static str> {
    let words = chat.words;
    match (user.role, effective(member.role, user.role)) {
        (WorkspaceRole::Guest, _) => Some(words.guest()),
        (WorkspaceRole::Admin | WorkspaceRole::Owner, _) if member.role < Role::Owner => {
            Some(words.administrator())
        }
        (_, Role::Owner) => Some(words.owner()),
        (_, Role::Moderator) => Some(words.moderator()),
        (_, Role::Member) => None,
    }
}

/// In the server's order: owners, moderators, then everyone else, by name.
fn members(chat: Chat, room: RoomId, query: &str, limit: usize) -> Vec<(Member, Arc<User>)> {
    let query = lower(query.trim().trim_start_matches('@'));
    let all = chat.with_room(room, |state| state.active_members().cloned().collect::<Vec<Member>>());
    let named = all.unwrap_or_default().into_iter().map(|member| (chat.user(member.user), member));
    let mut found: Vec<(Reverse<Role>, String, Member, Arc<User>)> = named
        .map(|(user, member)| (Reverse(member.role), lower(&user.name), member, user))
        .filter(|(_, name, _, user)| {
            [name, &user.handle, &user.pinyin].iter().any(|name| name.contains(&query))
        })
        .collect();
    sort_by(&mut found, |a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    found.truncate(limit);
    found.into_iter().map(|(_, _, member, user)| (member, user)).collect()
}

/// The room's pinned messages, the last pinned first. Fetched when the panel opens and when a pin
/// arrives, because most of them are not in the window.
#[component]
fn Pinned(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let rights = chat.rights_in(room);
    let pins = Memo::new(move |_| {
        let pins = |state: &client::RoomState| state.pins().iter().map(|pin| pin.message).collect::<Vec<_>>();
        chat.with_room(room, pins).unwrap_or_default()
    });
    // Only once for each view and set of pins: a message that was deleted meanwhile never arrives.
    let asked = StoredValue::new((0, Vec::new()));
    effect(move || {
        let pins = pins.get();
        let missing = |state: &client::RoomState| {
            pins.iter().any(|pin| !state.pinned.contains_key(pin)).then_some(state.views)
        };
        let Some(views) = chat.with_room(room, missing).flatten() else { return };
        let wanted = (views, pins);
        if asked.with_value(|asked| *asked != wanted) {
            asked.set_value(wanted);
            chat.ask(Command::Pinned { room }, |_| ());
        }
    });
    view! {
        <section class="pinned" aria-label=words.pinned_messages()>
            <h3>
                {words.pinned_messages()} " "
                <span class="count">{live(move || pins.with(|pins| (!pins.is_empty()).then(|| pins.len().to_string())))}</span>
            </h3>
            <ul>
                {list(move || {
                    let draw = |message: Message| {
                        let (here, author) = (chat.message(room, message.seq).is_some(), chat.user(message.author));
                        list_item((message.seq, message.rev, here, author.name.clone()), move || {
                            view! { <PinnedLine message author here/> }.into_any()
                        })
                    };
                    pins.get().into_iter().filter_map(|pin| pinned(chat, room, pin)).map(draw).collect()
                })}
            </ul>
            {live(move || pins.with(Vec::is_empty).then(|| {
                let hint = if rights.get().pin { words.no_pins_hint() } else { words.no_pins() };
                view! { <p class="members-none">{hint}</p> }.into_any()
            }))}
        </section>
    }
}

/// A pinned message: from the window if it is there, otherwise as it was fetched.
fn pinned(chat: Chat, room: RoomId, seq: Seq) -> Option<Message> {
    let fetched = chat.with_room(room, |state| state.pinned.get(&seq).cloned());
    chat.message(room, seq).or(fetched.flatten())
}

/// One pinned message. If it is in the window, a click scrolls to it.
#[component]
fn PinnedLine(message: Message, author: Arc<User>, here: bool) -> impl IntoView {
    let chat = use_chat();
    let seq = message.seq;
    let time = move || chat.words.when(message.sent_at, chat.clock.get());
    let text = plain(&client::shown_text(&message), PINNED_CHARS);
    let go = move |_| {
        // On a narrow screen the panel covers the timeline (`style/_frame.scss`).
        if browser::has_overlay_panel() {
            chat.close_panel();
        }
        request_animation_frame(move || {
            browser::show_row(seq);
            browser::focus_row(seq);
        });
    };
    let words = view! {
        <span class="pinned-by">
            <strong dir="auto">{author.name.clone()}</strong>
            " "
            <time>{live(time)}</time>
        </span>
        <span class="pinned-text" dir="auto">{text}</span>
    }
    .into_any();
    match here {
        true => {
            view! { <li><button type="button" class="pinned-line" on:click=handler(go)>{words}</button></li> }
                .into_any()
        }
        false => view! { <li><div class="pinned-line">{words}</div></li> }.into_any(),
    }
}
