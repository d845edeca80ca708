//! A room: its head, its timeline, the composer, and on demand its details.

use leptos::prelude::*;
use protocol::{Command, Role, RoomId, RoomKind};

use crate::components::{effect, handler, live};
use crate::{
    browser,
    components::{
        avatar::RoomPicture, composer::Composer, connection_bar::ConnectionBar, icon::Icon,
        timeline::Timeline,
    },
    later,
    state::{Chat, Dialog, Unsent, use_chat},
};

/// The page of `/r/{room}`.
#[component]
pub fn RoomPage(
    /// Which room the address names.
    room: RoomId,
) -> impl IntoView {
    let chat = use_chat();
    let is_in = Memo::new(move |_| chat.is_in(room));
    let mut was_in = false;
    live(move || {
        let is_in = is_in.get();
        // Before anything of the room is drawn: its rows must be the room's own.
        untrack(|| chat.enter(is_in.then_some(room)));
        let was_in = std::mem::replace(&mut was_in, is_in);
        match is_in {
            true => view! { <Room room/> }.into_any(),
            false => view! { <Gone room was_in/> }.into_any(),
        }
    })
}

#[component]
fn Room(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let details = chat.screen.details;
    view! {
        <div class="pane" data-details=live(move || details.get().then_some("true"))>
            <section class="pane-main">
                <Head room/>
                <Timeline room/>
                <ConnectionBar/>
                <Writing room/>
            </section>
            {live(move || details.get().then(|| view! {
                <div class="veil" on:click=handler(move |_| details.set(false))></div>
                {later::details(room)}
            }.into_any()))}
        </div>
    }
}

#[component]
fn Head(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let Some(summary) = chat.summary(room) else { return ().into_any() };
    let now = summary.read_untracked().clone();
    let kind = now.room.kind;
    let [name, topic, count, archived] = [(); 4].map(|()| summary.clone());
    let rights = chat.rights_in(room);
    let about = move || match (kind, topic.read().peer) {
        (RoomKind::Direct, Some(peer)) => format!("@{}", chat.user(peer).handle),
        _ => topic.read().room.topic.clone(),
    };
    view! {
        <header class="pane-head">
            <a class="back icon-button" href="/" aria-label=words.back() title=words.back()>
                <Icon name="back"/>
            </a>
            <RoomPicture summary=now/>
            <div class="pane-title">
                <div class="pane-name">
                    <h1>{live(move || chat.name_of(&name.read()))}</h1>
                    {live(move || archived.read().room.archived.then(|| view! { <span class="tag">{words.archived()}</span> }.into_any()))}
                </div>
                <p class="pane-topic">{live(about)}</p>
            </div>
            <div class="pane-tools scripted">
                <button
                    type="button"
                    class="tool"
                    aria-label=words.details()
                    title=words.details()
                    aria-expanded=live(move || chat.screen.details.get().to_string())
                    on:click=handler(move |_| chat.screen.details.update(|open| *open = !*open))
                >
                    <Icon name="group"/>
                    {(kind != RoomKind::Direct).then(|| view! {
                        <span class="tool-count">{live(move || count.read().members.to_string())}</span>
                    }.into_any())}
                </button>
                {live(move || rights.get().invite.then(|| view! {
                    <button
                        type="button"
                        class="tool"
                        aria-label=words.invite_people()
                        title=words.invite_people()
                        on:click=handler(move |_| chat.screen.dialog.set(Some(Dialog::Invite(room))))
                    >
                        <Icon name="invite"/>
                    </button>
                }.into_any()))}
            </div>
        </header>
    }
    .into_any()
}

/// Who may write in a room now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum May {
    /// The viewer.
    Write,
    /// Only those with this role or a higher one.
    WriteFrom(Role),
    /// Nobody: the room is archived. Whether the viewer may open it again.
    Read(bool),
}

fn may_write(chat: Chat, room: RoomId) -> May {
    let (rights, summary) = (chat.rights(room), chat.summary(room));
    if rights.post {
        return May::Write;
    }
    match summary {
        Some(summary) if summary.read().room.archived => May::Read(rights.manage),
        Some(summary) => May::WriteFrom(summary.read().room.policy.post),
        None => May::Write,
    }
}

/// The composer, or one line that says why there is none. What was being written or edited is kept, and is there again when
/// the composer is.
#[component]
fn Writing(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let may = Memo::new(move |_| may_write(chat, room));
    let unarchive = move |_| {
        chat.ask(Command::Archive { room, on: false }, move |result| {
            if let Err(why) = result {
                chat.tell_all(words.refusal(&why), None);
            }
        });
    };
    live(move || {
        let (said, act) = match may.get() {
            May::Write => return view! { <Composer room/> }.into_any(),
            May::WriteFrom(least) => (words.post_from(least), None),
            May::Read(manage) => (
                words.room_archived(),
                manage.then(|| {
                    view! {
                        <button type="button" class="button scripted" on:click=handler(unarchive)>
                            {words.unarchive()}
                        </button>
                    }
                    .into_any()
                }),
            ),
        };
        view! { <div class="no-composer"><p>{said}</p> {act}</div> }.into_any()
    })
}

/// The address names no room that one is in: no longer, or never. What one had written and not sent is not lost.
#[component]
fn Gone(room: RoomId, was_in: bool) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let (title, lead) = match was_in {
        true => (words.room_left(), words.room_left_lead()),
        false => (words.room_gone(), words.room_gone_lead()),
    };
    effect(move || {
        if was_in {
            chat.announced.set(words.room_left().to_owned());
        }
    });
    // Only the browser knows.
    let unsent = RwSignal::new(Vec::new());
    effect(move || unsent.set(chat.unsent(room)));
    let line = move |Unsent { nonce, text }: Unsent| {
        let copied = text.clone();
        let copy = move |_| {
            browser::copy(copied.clone(), move |done| {
                chat.announced.set(if done { words.copied() } else { words.no_clipboard() }.to_owned());
            });
        };
        let discard = move |_| {
            match nonce {
                Some(nonce) => drop(chat.take_back(nonce)),
                None => chat.keep_draft(room, ""),
            }
            unsent.set(chat.unsent(room));
        };
        view! {
            <li>
                <p class="your-words">{text}</p>
                <button type="button" class="button" on:click=handler(copy)>{words.copy_text()}</button>
                <button type="button" class="button loss" on:click=handler(discard)>{words.discard()}</button>
            </li>
        }
        .into_any()
    };
    view! {
        <div class="lobby">
            <h1>{title}</h1>
            <p>{lead}</p>
            <a class="button" href="/">{words.to_rooms()}</a>
            {live(move || unsent.with(|unsent| !unsent.is_empty()).then(|| view! {
                <section class="unsent" aria-label=words.not_sent()>
                    <h2>{words.unsent_here()}</h2>
                    <ul>{unsent.get().into_iter().map(line).collect::<Vec<_>>()}</ul>
                </section>
            }.into_any()))}
        </div>
    }
}
