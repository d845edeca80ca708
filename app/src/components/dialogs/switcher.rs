//! The search for everything: rooms, people, channels to join, and actions.

use std::time::Duration;

use leptos::prelude::*;
use protocol::{ChannelListing, Command, Refusal, Reply, Room, RoomId, RoomKind, User, UserId};
use uuid::Uuid;

use super::{
    DialogFrame,
    picker::{Choice, Picker, Picture, person},
    room_form::Why,
};
use crate::{
    address::searched_path,
    components::{effect, handler, icon::Icon, live, room_list::is_match},
    state::{Chat, Dialog, path_of, use_chat},
    text::lower,
};

/// Rooms shown while the query is empty, few enough that the actions below them are visible.
const ROOMS_AT_FIRST: usize = 5;
/// The most rooms that a search shows.
const ROOMS_MAX: usize = 30;
/// The most people, and the most channels, that a search shows.
const OTHERS_MAX: usize = 10;
/// The server is asked after typing has paused for this long.
const TYPING_PAUSE: Duration = Duration::from_millis(150);

/// A global action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Opens a dialog.
    Open(Dialog),
    /// Goes to a settings page.
    Page(&'static str),
}

/// What the server has found, and for which queries.
#[derive(Clone, Default)]
struct Found {
    people: Vec<User>,
    people_for: Option<String>,
    channels: Vec<ChannelListing>,
    channels_for: Option<String>,
}

/// The palette that Ctrl+K opens.
#[component]
pub fn Switcher() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let query = RwSignal::new(String::new());
    let failed = RwSignal::new(None::<Refusal>);
    let found = find(chat, query, failed);
    let choices = Memo::new(move |_| {
        let plain = plain_query(&query.get());
        let mut choices = rooms(chat, &plain, ROOMS_AT_FIRST);
        if !plain.is_empty() {
            found.with(|found| {
                let asked = query.with(|query| query.trim().to_owned());
                choices.extend(people(chat, found, &plain, &asked));
                choices.extend(channels(chat, found, &plain, &asked));
            });
        }
        choices.extend(actions(chat, &plain));
        choices
    });
    let pick = Callback::new(move |choice: Choice| {
        failed.set(None);
        match choice.picture {
            Picture::Person(user) => chat.ask_and_go(Command::StartDirect { user: user.id }, failed),
            Picture::Channel => chat.ask_and_go(Command::Join { room: RoomId(choice.id) }, failed),
            Picture::Room(_) => {
                chat.screen.dialog.set(None);
                chat.go(path_of(RoomId(choice.id)));
            }
            Picture::Action(_, Action::Open(dialog)) => chat.screen.dialog.set(Some(dialog)),
            Picture::Action(_, Action::Page(path)) => chat.leave_for(path),
        }
    });
    let none = Signal::derive(move || {
        let asked = query.with(|query| query.trim().to_owned());
        match found.with(|found| is_answered(chat, found, &asked)) {
            true => words.nothing_found(),
            // The reason is shown below.
            false if failed.with(Option::is_some) => "",
            false => words.loading(),
        }
    });
    view! {
        <DialogFrame title=words.go_anywhere() palette=true>
            <Picker label=words.go_anywhere_hint() choices=choices.into() query none pick/>
            <Why failed/>
            {live(move || messages(chat, &query.get()))}
        </DialogFrame>
    }
}

/// The way to the search for messages. It is beside a room: the open one, or the most recent.
fn messages(chat: Chat, query: &str) -> Option<AnyView> {
    let room = chat.room.get().or_else(|| chat.order.with(|order| order.first().copied()))?;
    let (name, path) = (query.trim(), searched_path(&path_of(room), query));
    let name = match name.is_empty() {
        true => chat.words.search_messages().to_owned(),
        false => chat.words.search_messages_for(name),
    };
    let go = move |_| {
        chat.screen.dialog.set(None);
        chat.go(path.clone());
    };
    let button = view! {
        <button type="button" class="palette-messages" on:click=handler(go)>
            <Icon name="search"/>
            <span dir="auto">{name}</span>
        </button>
    };
    Some(button.into_any())
}

/// The query, normalised for comparison with names.
pub(super) fn plain_query(query: &str) -> String {
    lower(query.trim().trim_start_matches(['#', '@']))
}

/// Asks the server for people and channels. Only the answer to the last query counts; until it
/// arrives, earlier results that still match stay.
fn find(chat: Chat, query: RwSignal<String>, failed: RwSignal<Option<Refusal>>) -> RwSignal<Found> {
    let found = RwSignal::new(Found::default());
    let is_guest = untrack(|| chat.is_guest().get());
    let is_last = move |asked: &str| query.try_get_untracked().is_some_and(|now| now.trim() == asked);
    let ask = move |asked: String| {
        let plain = asked.trim_start_matches(['#', '@']).to_owned();
        let people_for = asked.clone();
        chat.ask(Command::FindUsers { query: plain.clone() }, move |result| match result {
            _ if !is_last(&people_for) => {}
            Ok(Reply::Users { users }) => found.update(|found| {
                found.people = users;
                found.people_for = Some(people_for);
            }),
            Ok(_) => {}
            Err(refusal) => failed.set(Some(refusal)),
        });
        if is_guest {
            return;
        }
        chat.ask(Command::FindChannels { query: plain }, move |result| match result {
            _ if !is_last(&asked) => {}
            Ok(Reply::Channels { channels }) => found.update(|found| {
                found.channels = channels;
                found.channels_for = Some(asked);
            }),
            Ok(_) => {}
            Err(refusal) => failed.set(Some(refusal)),
        });
    };
    effect(move || {
        let asked = query.with(|query| query.trim().to_owned());
        failed.set(None);
        if !asked.trim_start_matches(['#', '@']).is_empty() {
            set_timeout(
                move || {
                    if is_last(&asked) {
                        ask(asked);
                    }
                },
                TYPING_PAUSE,
            );
        }
    });
    found
}

fn is_answered(chat: Chat, found: &Found, asked: &str) -> bool {
    let is_it = |answered: &Option<String>| answered.as_deref() == Some(asked);
    is_it(&found.people_for) && (untrack(|| chat.is_guest().get()) || is_it(&found.channels_for))
}

/// The rooms that match; of an empty query, so many.
pub(super) fn rooms(chat: Chat, query: &str, at_first: usize) -> Vec<Choice> {
    let mut found = Vec::new();
    for room in chat.order.get() {
        let Some(summary) = chat.summary(room) else { continue };
        if !is_match(chat, &summary.read(), query) {
            continue;
        }
        let summary = summary.get();
        found.push(Choice {
            id: room.0,
            group: chat.words.rooms(),
            title: chat.name_of(&summary),
            detail: match (summary.room.kind, summary.peer) {
                (RoomKind::Direct, Some(peer)) => format!("@{}", chat.user(peer).handle),
                _ => summary.room.topic.clone(),
            },
            tag: if summary.room.archived { chat.words.archived() } else { "" },
            note: if summary.unread > 0 { chat.words.badge(summary.unread) } else { String::new() },
            chosen: false,
            picture: Picture::Room(Box::new(summary)),
        });
    }
    // With an empty query, rooms with unread messages come first, then the most recent ones.
    let comes_first = |choice: &Choice| match query.is_empty() {
        true => !choice.note.is_empty(),
        false => lower(choice.title.trim_start_matches('#')).starts_with(query),
    };
    let (mut found, others): (Vec<_>, Vec<_>) = found.into_iter().partition(comes_first);
    found.extend(others);
    found.truncate(if query.is_empty() { at_first } else { ROOMS_MAX });
    found
}

/// People whose direct room is not already listed.
fn people(chat: Chat, found: &Found, query: &str, asked: &str) -> Vec<Choice> {
    let is_fresh = found.people_for.as_deref() == Some(asked);
    let matches = |user: &User| {
        lower(&user.name).contains(query) || user.handle.contains(query) || user.pinyin.contains(query)
    };
    let is_new =
        |user: &&User| !chat.is_me(user.id) && !has_direct_with(chat, user.id) && (is_fresh || matches(user));
    let choice = |user: &User| Choice { group: chat.words.accounts(), ..person(user.clone(), false) };
    found.people.iter().filter(is_new).take(OTHERS_MAX).map(choice).collect()
}

/// Channels that the viewer is not in.
fn channels(chat: Chat, found: &Found, query: &str, asked: &str) -> Vec<Choice> {
    let words = chat.words;
    let is_fresh = found.channels_for.as_deref() == Some(asked);
    let is_new = |listing: &&ChannelListing| {
        !chat.is_in(listing.room.id) && (is_fresh || is_titled(&listing.room, query))
    };
    let choice = |listing: &ChannelListing| Choice {
        id: listing.room.id.0,
        group: words.other_channels(),
        picture: Picture::Channel,
        title: words.named(RoomKind::Channel, &listing.room.title),
        detail: match listing.room.topic.is_empty() {
            true => words.members_count(listing.members),
            false => format!("{} · {}", words.members_count(listing.members), listing.room.topic),
        },
        tag: if listing.room.archived { words.archived() } else { "" },
        note: words.join().to_owned(),
        chosen: false,
    };
    found.channels.iter().filter(is_new).take(OTHERS_MAX).map(choice).collect()
}

fn is_titled(room: &Room, query: &str) -> bool {
    lower(&room.title).contains(query) || room.pinyin.contains(query)
}

/// The actions. The settings pages are found only by name.
fn actions(chat: Chat, query: &str) -> Vec<Choice> {
    let words = chat.words;
    let is_guest = chat.is_guest().get();
    let is_admin = chat.role().is_admin();
    let open = |dialog, icon, name, offered| (Action::Open(dialog), icon, name, offered, true);
    let page = |path, name, offered| (Action::Page(path), "settings", name, offered, false);
    let all = [
        open(Dialog::NewDirect, "person", words.new_message(), true),
        open(Dialog::NewRoom, "plus", words.new_room(), !is_guest),
        open(Dialog::Browse, "hash", words.browse_channels(), !is_guest),
        open(Dialog::Later, "save", words.later(), true),
        (Action::Page("/settings"), "settings", words.settings(), true, true),
        page("/settings/profile", words.profile(), true),
        page("/settings/appearance", words.appearance(), true),
        page("/settings/account", words.account(), true),
        page("/settings/account#set-sessions", words.sessions(), true),
        page("/admin", words.administration(), is_admin),
        page("/admin/people", words.accounts(), is_admin),
        page("/admin/invitations", words.invitations(), is_admin),
        open(Dialog::Shortcuts, "more", words.keyboard_shortcuts(), true),
    ];
    all.into_iter()
        .enumerate()
        .filter(|(_, (_, _, name, offered, at_first))| {
            *offered && (*at_first || !query.is_empty()) && lower(name).contains(query)
        })
        .map(|(n, (action, icon, name, _, at_first))| Choice {
            id: Uuid::from_u128(n as u128),
            group: words.actions(),
            picture: Picture::Action(icon, action),
            title: name.to_owned(),
            detail: match action {
                _ if at_first => String::new(),
                Action::Page(path) if path.starts_with("/admin/") => words.administration().to_owned(),
                Action::Page(_) | Action::Open(_) => words.settings().to_owned(),
            },
            tag: "",
            note: String::new(),
            chosen: false,
        })
        .collect()
}

/// Whether the viewer has a direct room with this person.
pub(super) fn has_direct_with(chat: Chat, user: UserId) -> bool {
    let is_it = |room: &RoomId| chat.summary(*room).is_some_and(|s| s.read_untracked().peer == Some(user));
    chat.order.with(|order| order.iter().any(is_it))
}
