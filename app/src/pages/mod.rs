//! One file per page.

pub mod door;
pub mod lobby;
pub mod new_password;
pub mod not_found;
pub mod room;
pub mod set_up;
pub mod sign_in;
pub mod sign_up;

use protocol::{Page, RoomKind, RoomView, UserId};

use crate::words::Words;

/// The title of a page when it loads; afterwards it follows the open room.
#[must_use]
pub fn title_of(words: Words, page: &Page, path: &str) -> String {
    let workspace = if page.workspace_name.is_empty() { "Roost" } else { &page.workspace_name };
    let path = path.split('?').next().unwrap_or_default();
    let here = match (path, page.room()) {
        (_, Some(view)) => Some(match (view.summary.peer, view.summary.room.kind) {
            (Some(peer), RoomKind::Direct) => name_in(page, view, peer),
            (_, kind) => words.named(kind, &view.summary.room.title),
        }),
        ("/sign-in", None) => Some(words.sign_in().to_owned()),
        ("/sign-up", None) => Some(words.sign_up().to_owned()),
        (_, None) => None,
    };
    let rooms = page.signed_in().map(|signed_in| &signed_in.rooms);
    let unread: u32 = rooms.into_iter().flatten().map(|summary| summary.unread).sum();
    document_title(words, here.as_deref(), workspace, unread)
}

fn name_in(page: &Page, view: &RoomView, user: UserId) -> String {
    let others = page.signed_in().map(|signed_in| &signed_in.people);
    let mut people = view.people.iter().chain(others.into_iter().flatten());
    people.find(|known| known.id == user).map(|known| known.name.clone()).unwrap_or_default()
}

/// `(3) #harbour · Harbour Studio`.
#[must_use]
pub fn document_title(words: Words, here: Option<&str>, workspace: &str, unread: u32) -> String {
    let count = if unread > 0 { format!("({}) ", words.badge(unread)) } else { String::new() };
    match here {
        Some(here) => format!("{count}{here} · {workspace}"),
        None => format!("{count}{workspace}"),
    }
}
