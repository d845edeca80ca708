//! The threads that one follows, or all threads of a room: the one with the newest reply first.

use leptos::prelude::*;
use protocol::{Command, Message, Refusal, Reply, RoomId, Thread, ThreadsAfter};

use super::list::nothing;
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::{
    address::Panel,
    components::{
        avatar::Avatar,
        dialogs::{DialogFrame, room_form::Why},
        handler, list, list_item, live,
    },
    state::{Chat, path_of, use_chat},
    text::plain,
};

/// Characters of a root that are shown.
const SHOWN_CHARS: usize = 140;

/// The dialog.
#[component]
pub(super) fn Threads(
    /// All threads of this room; `None` for those that one follows.
    of: Option<RoomId>,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let threads = RwSignal::new(Vec::<Thread>::new());
    let (loaded, more) = (RwSignal::new(false), RwSignal::new(false));
    let failed = RwSignal::new(None::<Refusal>);
    let asking = RwSignal::new(false);
    let fetch = move |after: Option<ThreadsAfter>| {
        // A second press would append the same page twice.
        if asking.get_untracked() {
            return;
        }
        asking.set(true);
        failed.set(None);
        chat.ask(Command::Threads { room: of, after }, move |result| {
            asking.try_set(false);
            match result {
                Ok(Reply::Threads { threads: page, more: has_more, .. }) => {
                    threads.try_update(|threads| threads.extend(page));
                    more.try_set(has_more);
                    loaded.try_set(true);
                }
                Ok(_) => {}
                Err(why) => drop(failed.try_set(Some(why))),
            }
        });
    };
    fetch(None);
    let next = move |_| {
        let after = threads.with_untracked(|threads| {
            let last = threads.last()?;
            let at = last.root.replies.as_ref()?.at;
            Some(ThreadsAfter { at, room: last.room, root: last.root.seq })
        });
        fetch(after);
    };
    let title = untrack(|| match of.and_then(|room| chat.room_name(room)) {
        Some(name) => words.threads_of(&name),
        None => words.threads().to_owned(),
    });
    let none = move || {
        let (title, hint) = match of {
            Some(_) => (words.no_threads(), words.no_room_threads_hint()),
            None => (words.no_threads(), words.no_threads_hint()),
        };
        nothing(title, hint)
    };
    view! {
        <DialogFrame title=title>
            <div class="later-list threads-list">
                <Why failed/>
                {live(move || (!loaded.get() && failed.with(Option::is_none)).then(|| {
                    view! { <p class="coming" role="status">{words.loading()}</p> }.into_any()
                }))}
                {live(move || (loaded.get() && threads.with(Vec::is_empty)).then(none))}
                <ul>
                    {list(move || {
                        let draw = |thread: Thread| {
                            let author = chat.user(thread.root.author).name.clone();
                            let key = (thread.room.0, thread.root.seq.0, author);
                            list_item(key, move || line(chat, &thread, of.is_none()))
                        };
                        threads.get().into_iter().map(draw).collect()
                    })}
                </ul>
                {live(move || more.get().then(|| view! {
                    <button type="button" class="button later-more" on:click=handler(next)>{words.show_more()}</button>
                }.into_any()))}
            </div>
        </DialogFrame>
    }
}

/// One thread: who began it, where, what it says, and what is new in it.
fn line(chat: Chat, thread: &Thread, with_room: bool) -> AnyView {
    let words = chat.words;
    let Thread { room, root, unread, .. } = thread.clone();
    let author = untrack(|| chat.user(root.author));
    let place = untrack(|| chat.room_name(room)).filter(|name| with_room && *name != author.name);
    let said = match root.deleted {
        true => words.message_deleted().to_owned(),
        false => plain(&client::shown_text(&root), SHOWN_CHARS),
    };
    let (seq, address) = (root.seq, Panel::Thread(root.seq).beside(&path_of(room)));
    let go = move |_| {
        chat.screen.dialog.set(None);
        if chat.room.get_untracked() == Some(room) {
            chat.open_panel(Panel::Thread(seq));
        } else {
            chat.go(address.clone());
        }
    };
    let faces = faces(chat, &root);
    let told = root.replies.as_ref().map(|replies| {
        let (count, at) = (replies.count, replies.at);
        view! {
            <span class="thread-line">
                {faces}
                <span class="thread-count">{words.replies_count(count)}</span>
                " "
                <span class="thread-last">{live(move || words.last_reply(&words.when(at, chat.clock.get())))}</span>
                {(unread > 0).then(|| view! { <span class="badge">{words.replies_new(unread)}</span> }.into_any())}
            </span>
        }
        .into_any()
    });
    view! {
        <li class="later-line">
            <button type="button" class="later-main" on:click=handler(go)>
                <span class="later-by">
                    <strong dir="auto">{author.name.clone()}</strong>
                    {place.map(|place| view! { <span class="later-room" dir="auto">{place}</span> }.into_any())}
                </span>
                <span class="later-text" class:faint=root.deleted dir="auto" translate="yes">{said}</span>
                {told}
            </button>
        </li>
    }
    .into_any()
}

/// Who replied last.
fn faces(chat: Chat, root: &Message) -> AnyView {
    let authors = root.replies.iter().flat_map(|replies| &replies.authors);
    let face = |user| view! { <Avatar user=(*untrack(|| chat.user(user))).clone()/> }.into_any();
    let faces: Vec<AnyView> = authors.map(|author| face(author.0)).collect();
    view! { <span class="thread-faces" aria-hidden="true">{faces}</span> }.into_any()
}
