//! A room: its head, its timeline, the composer, and on demand its details.

use leptos::prelude::*;
use protocol::{RoomId, RoomKind};

use crate::components::{handler, live};
use crate::{
    components::{
        avatar::RoomPicture, composer::Composer, connection_bar::ConnectionBar, icon::Icon,
        timeline::Timeline,
    },
    later,
    state::{Dialog, use_chat},
};

/// The page of `/r/{room}`.
#[component]
pub fn RoomPage(
    /// Which room the address names.
    room: RoomId,
) -> impl IntoView {
    let chat = use_chat();
    let is_in = Memo::new(move |_| chat.is_in(room));
    live(move || {
        let is_in = is_in.get();
        // Before anything of the room is drawn: its rows must be the room's own.
        untrack(|| chat.enter(is_in.then_some(room)));
        match is_in {
            true => view! { <Room room/> }.into_any(),
            false => view! { <Gone/> }.into_any(),
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
                <Composer room/>
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
    let [name, topic, count] = [(); 3].map(|()| summary.clone());
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
                <h1>{live(move || chat.name_of(&name.read()))}</h1>
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
                {(kind != RoomKind::Direct).then(|| view! {
                    <button
                        type="button"
                        class="tool"
                        aria-label=words.invite_people()
                        title=words.invite_people()
                        on:click=handler(move |_| chat.screen.dialog.set(Some(Dialog::Invite(room))))
                    >
                        <Icon name="invite"/>
                    </button>
                }.into_any())}
            </div>
        </header>
    }
    .into_any()
}

/// The address names no room that one is in.
#[component]
fn Gone() -> impl IntoView {
    let words = use_chat().words;
    view! {
        <div class="lobby">
            <h1>{words.room_gone()}</h1>
            <p>{words.room_gone_lead()}</p>
            <a class="button" href="/">{words.to_rooms()}</a>
        </div>
    }
}
