//! Go anywhere: rooms that one is in, then people.

use leptos::prelude::*;
use protocol::{Command, RoomId, RoomKind, UserId};

use super::{
    DialogFrame,
    picker::{Choice, Picker, Picture, find_users, person},
};
use crate::{
    components::room_list::is_match,
    state::{Chat, path_of, use_chat},
};

/// The palette of Ctrl K.
#[component]
pub fn Switcher() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let query = RwSignal::new(String::new());
    let people = find_users(query);
    let choices = Memo::new(move |_| {
        let mut choices = rooms(chat, &query.get());
        let known: Vec<_> = choices.iter().map(|choice| choice.id).collect();
        let wanted = !query.with(|query| query.trim().is_empty());
        let direct = |user: UserId| direct_with(chat, user).is_some_and(|room| known.contains(&room.0));
        let strangers =
            people.get().into_iter().filter(|user| wanted && !chat.is_me(user.id) && !direct(user.id));
        choices.extend(strangers.map(|user| person(user, false)));
        choices
    });
    let pick = Callback::new(move |choice: Choice| match choice.picture {
        Picture::Person(user) => chat.ask_and_go(Command::StartDirect { user: user.id }, RwSignal::new(None)),
        Picture::Room(_) | Picture::Channel => {
            chat.screen.dialog.set(None);
            chat.go(path_of(RoomId(choice.id)));
        }
    });
    view! {
        <DialogFrame title=words.go_anywhere() palette=true>
            <Picker
                label=words.go_anywhere_hint()
                choices=choices.into()
                query
                none=Signal::derive(move || words.no_room_found())
                pick
            />
        </DialogFrame>
    }
}

fn rooms(chat: Chat, query: &str) -> Vec<Choice> {
    let query = query.trim().trim_start_matches(['#', '@']).to_lowercase();
    let mut found = Vec::new();
    for room in chat.order.get() {
        let Some(summary) = chat.summary(room) else { continue };
        if !is_match(chat, &summary.read(), &query) {
            continue;
        }
        let summary = summary.get();
        found.push(Choice {
            id: room.0,
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
    // With nothing typed: where something waits comes first, and then where one was before.
    let comes_first = |choice: &Choice| match query.is_empty() {
        true => !choice.note.is_empty(),
        false => choice.title.trim_start_matches('#').to_lowercase().starts_with(&query),
    };
    let (mut found, others): (Vec<_>, Vec<_>) = found.into_iter().partition(comes_first);
    found.extend(others);
    found.truncate(50);
    found
}

fn direct_with(chat: Chat, user: UserId) -> Option<RoomId> {
    let is_it = |room: &RoomId| chat.summary(*room).is_some_and(|s| s.read_untracked().peer == Some(user));
    chat.order.get_untracked().into_iter().find(is_it)
}
