//! A room: its header, its timeline, the composer, and on demand its details.

use leptos::prelude::*;
use protocol::{Command, RoomId, RoomKind};

use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{effect, handler, live};
use crate::{
    address::{Panel, use_address},
    components::{
        avatar::RoomPicture,
        composer::Composer,
        connection_bar::ConnectionBar,
        icon::Icon,
        timeline::{Timeline, pointing::Pointing},
    },
    later,
    state::{Chat, Desk, Dialog, path_of, use_chat},
};

/// The page of `/r/{room}`.
#[component]
pub fn RoomPage(
    /// The room that the address names.
    room: RoomId,
) -> impl IntoView {
    let chat = use_chat();
    let is_in = Memo::new(move |_| chat.is_in(room));
    let mut was_in = false;
    // A link to a message shows it, even if the room is already open.
    let address = use_address();
    let mut was = (None, None);
    effect(move || {
        let now = (address.message(), chat.panel());
        let (message, panel) = std::mem::replace(&mut was, now);
        let only_panel = message == now.0 && panel != now.1;
        // A panel that opens or closes is no new request: the thread that shows the message would open again.
        if let Some(seq) = now.0.filter(|_| is_in.get() && !only_panel) {
            chat.show_message(room, seq);
        }
    });
    live(move || {
        let is_in = is_in.get();
        // Before anything of the room is drawn, so that its rows are the room's own.
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
    // For the rows of the room, and those of the thread beside it.
    let pointing = Pointing::new();
    provide_context(pointing);
    effect(move || pointing.listen());
    effect(move || chat.keep_thread(room, chat.open_root(room)));
    // Another query is another address, but the same panel.
    let panel = Memo::new(move |_| chat.panel());
    view! {
        <div
            class="pane"
            data-panel=live(move || chat.panel().map(Panel::kind))
            data-archived=live(move || {
                chat.summary(room).and_then(|summary| summary.read().room.archived.then_some("true"))
            })
        >
            <section class="pane-main">
                <Head room/>
                <Timeline room/>
                <ConnectionBar/>
                <Writing room/>
            </section>
            {live(move || panel.get().map(|panel| beside(chat, panel, room)))}
        </div>
    }
}

fn beside(chat: Chat, panel: Panel, room: RoomId) -> AnyView {
    view! {
        <div class="veil" on:click=handler(move |_| chat.close_panel())></div>
        {later::panel(panel, room)}
    }
    .into_any()
}

#[component]
fn Head(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let Some(summary) = chat.summary(room) else { return ().into_any() };
    let now = summary.read_untracked().clone();
    let kind = now.room.kind;
    let [name, topic, count] = [(); 3].map(|()| summary.clone());
    let may_invite = chat.may(room, |rights| rights.invite);
    let about = move || match (kind, topic.read().peer) {
        (RoomKind::Direct, Some(peer)) => format!("@{}", chat.user(peer).handle),
        _ => topic.read().room.topic.clone(),
    };
    view! {
        <header class="pane-head">
            <a class="back icon-button" href="/" data-up aria-label=words.back() title=words.back()>
                <Icon name="back"/>
            </a>
            <RoomPicture summary=now/>
            <div class="pane-title">
                <div class="pane-name">
                    <h1 dir="auto">{live(move || chat.name_of(&name.read()))}</h1>
                    <span class="tag">{words.archived()}</span>
                </div>
                <p class="pane-topic" dir="auto">{live(about)}</p>
            </div>
            <div class="pane-tools">
                <a class="tool" href=Panel::Search.beside(&path_of(room)) aria-label=words.search_messages() title=words.search_messages()>
                    <Icon name="search"/>
                </a>
                <a class="tool no-script" href=Panel::Details.beside(&path_of(room)) aria-label=words.details() title=words.details()>
                    <Icon name="group"/>
                </a>
                <button
                    type="button"
                    class="tool scripted"
                    aria-label=words.details()
                    title=words.details()
                    aria-expanded=live(move || (chat.panel() == Some(Panel::Details)).to_string())
                    on:click=handler(move |_| chat.toggle_panel(Panel::Details))
                >
                    <Icon name="group"/>
                    {(kind != RoomKind::Direct).then(|| view! {
                        <span class="tool-count">{live(move || count.read().members.to_string())}</span>
                    }.into_any())}
                </button>
                {live(move || may_invite.get().then(|| view! {
                    <button
                        type="button"
                        class="tool scripted"
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

/// The composer, or one line that says why there is none. Drafts and edits are kept until the
/// composer is back.
#[component]
fn Writing(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let may_post = chat.may(room, |rights| rights.post);
    live(move || match may_post.get() {
        true => view! { <Composer desk=Desk::of(room)/> }.into_any(),
        false => view! { <div class="no-composer">{live(move || why_not(chat, room))}</div> }.into_any(),
    })
}

fn why_not(chat: Chat, room: RoomId) -> Option<AnyView> {
    let words = chat.words;
    let summary = chat.summary(room)?;
    let (archived, least) = {
        let summary = summary.read();
        (summary.room.archived, summary.room.policy.post)
    };
    if !archived {
        return Some(view! { <p>{words.post_from(least)}</p> }.into_any());
    }
    let unarchive = move |_| {
        chat.ask(Command::Archive { room, on: false }, move |result| {
            if let Err(why) = result {
                chat.tell_all(words.refusal(&why), None);
            }
        });
    };
    let act = chat.rights(room).manage.then(|| {
        view! {
            <button type="button" class="button scripted" on:click=handler(unarchive)>{words.unarchive()}</button>
        }
        .into_any()
    });
    Some(view! { <p>{words.room_archived()}</p> {act} }.into_any())
}

/// The address names a room that the user is not in, or no longer. Unsent text is not lost.
#[component]
fn Gone(room: RoomId, was_in: bool) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let (title, lead) = match was_in {
        true => (words.room_left(), words.room_left_lead()),
        false => (words.room_gone(), words.room_gone_lead()),
    };
    // Only the browser knows.
    let has_unsent = RwSignal::new(false);
    effect(move || {
        has_unsent.set(chat.has_unsent(room));
        if was_in {
            chat.say_aloud(title.to_owned());
        }
    });
    view! {
        <div class="lobby">
            <h1>{title}</h1>
            <p>{lead}</p>
            <a class="button" href="/">{words.back_to_rooms()}</a>
            {live(move || has_unsent.get().then(|| later::unsent(room)))}
        </div>
    }
}
