//! The navigation: rooms in sections, the most recently active first, and links to everything else.

use std::time::Duration;

use leptos::prelude::*;
use protocol::{ListSection, RoomId, RoomKind, RoomSummary};

use super::{
    avatar::{Avatar, RoomPicture},
    icon::Icon,
};
use crate::address::{Route, use_address};
use crate::browser;
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{effect, handler, key_handler, list, list_item, live};
use crate::state::{Chat, Dialog, Place, Sign, path_of, use_chat};
use crate::text::{isolated, lower, plain};
use client::shown_text;

/// The most of a message that a list line shows.
const PREVIEW_CHARS: usize = 120;
/// How many lines are drawn at first …
const LINES_AT_FIRST: usize = 100;
/// … and how many are added when scrolling nears the end.
const LINES_MORE: usize = 100;
/// How near, in pixels.
const NEAR_PX: i32 = 800;
/// Resting on a room this long usually means opening it. Passing over it does not.
const RESTS: Duration = Duration::from_millis(80);
/// Matches while the pointer is over the list …
const POINTER_IN_LIST: &str = ".rooms-list:hover";
/// … and while focus is in it.
const KEYBOARD_IN_LIST: &str = ".rooms-list :focus-visible";

/// The navigation: on a phone the first page, otherwise the left pane.
#[component]
pub fn RoomList(
    /// The name of the workspace.
    workspace: String,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let me = move || chat.user(chat.me);
    let address = use_address();
    let limit = RwSignal::new(LINES_AT_FIRST);
    let pointed = StoredValue::new(None);
    follow(chat);
    view! {
        <nav class="rooms" aria-label=words.rooms()>
            <header class="rooms-head">
                <a class="place" href="/">{workspace}</a>
                <LaterButton/>
                <NewMenu/>
            </header>
            <button
                type="button"
                class="rooms-search"
                on:click=handler(move |_| chat.screen.dialog.set(Some(Dialog::Switcher)))
            >
                <Icon name="search"/>
                {words.search()}
                <Keys/>
            </button>
            <ThreadsButton/>
            <div
                class="rooms-list"
                on:scroll=handler(move |scrolled: web_sys::Event| grow(limit, &scrolled))
                on:pointerenter=handler(move |pointer: web_sys::PointerEvent| {
                    // Touches do not hover.
                    chat.screen.pointing_at_list.set(pointer.pointer_type() == "mouse");
                })
                on:pointerleave=handler(move |_| {
                    chat.screen.pointing_at_list.set(false);
                    pointed.set_value(None);
                })
                on:pointerover=handler(move |pointer: web_sys::PointerEvent| meant(chat, pointed, &pointer))
                on:focusin=handler(move |_| chat.screen.keyboard_in_list.set(browser::is_there(KEYBOARD_IN_LIST)))
                on:focusout=handler(move |_| chat.screen.keyboard_in_list.set(false))
            >
                {ListSection::ALL.map(|section| section_view(chat, section, limit)).into_iter().collect_view()}
            </div>
            {live(move || chat.order.with(Vec::is_empty).then(|| {
                none(chat.words.no_rooms_yet(), chat.no_rooms_hint(), "rooms-none")
            }))}
            {live(move || (address.is_unread_list() && !chat.order.with(Vec::is_empty)).then(|| {
                none(words.caught_up(), words.caught_up_hint(), "rooms-none caught-up")
            }))}
            <footer class="rooms-foot">
                <a class="me" href="/settings" on:click=handler(move |click: web_sys::MouseEvent| if chat.stays_offline() { click.prevent_default() })>
                    {live(move || view! { <Avatar user=(*me()).clone()/> }.into_any())}
                    <span class="me-words">
                        <span class="me-name" dir="auto">{live(move || me().name.clone())}</span>
                        <ConnectionWord/>
                    </span>
                    <span class="me-settings">
                        <Icon name="settings"/>
                        <span class="sr-only">{words.settings()}</span>
                    </span>
                </a>
            </footer>
        </nav>
    }
}

/// Rearranges the list when another room is opened, and when it is no longer held.
fn follow(chat: Chat) {
    let screen = chat.screen;
    effect(move || {
        chat.room.track();
        // When the list is hidden or a line removed, no event reports the loss of pointer or focus.
        request_animation_frame(move || {
            if screen.pointing_at_list.get_untracked() && !browser::is_there(POINTER_IN_LIST) {
                screen.pointing_at_list.set(false);
            }
            if screen.keyboard_in_list.get_untracked() && !browser::is_there(KEYBOARD_IN_LIST) {
                screen.keyboard_in_list.set(false);
            }
        });
    });
    effect(move || {
        chat.room.track();
        screen.pointing_at_list.track();
        screen.keyboard_in_list.track();
        chat.arrange();
    });
}

/// The pointer or a finger is on something in the list. If it stays on a room for a while, that
/// room is fetched before it is opened.
fn meant(chat: Chat, pointed: StoredValue<Option<RoomId>>, pointer: &web_sys::PointerEvent) {
    let room = room_at(pointer);
    pointed.set_value(room);
    if let Some(room) = room {
        let look = move || {
            if pointed.try_get_value().flatten() == Some(room) {
                chat.look_ahead(room);
            }
        };
        set_timeout(look, RESTS);
    }
}

/// The room whose line an event is on.
fn room_at(event: &web_sys::Event) -> Option<RoomId> {
    use wasm_bindgen::JsCast;
    let line = event.target()?.dyn_into::<web_sys::Element>().ok()?.closest("a").ok()??;
    match Route::of(&line.get_attribute("href")?) {
        Route::Room(room) => Some(room),
        Route::Lobby | Route::SignIn | Route::SignUp | Route::NewPassword | Route::SetUp | Route::Nowhere => {
            None
        }
    }
}

/// The way to the threads that one follows, and how many of them have news.
#[component]
fn ThreadsButton() -> impl IntoView {
    let chat = use_chat();
    let count = move || u32::try_from(chat.new_threads.get()).unwrap_or(u32::MAX);
    view! {
        <button
            type="button"
            class="rooms-threads scripted"
            data-unread=live(move || (count() > 0).then_some("true"))
            on:click=handler(move |_| chat.screen.dialog.set(Some(Dialog::Threads(None))))
        >
            <Icon name="thread"/>
            {chat.words.threads()}
            {live(move || (count() > 0).then(|| view! {
                <span class="badge" role="img" aria-label=chat.words.threads_new(count())>{chat.words.badge(count())}</span>
            }.into_any()))}
        </button>
    }
}

/// The keys that open the search. The style sheet shows those of this keyboard: the server does not know it.
#[component]
fn Keys() -> impl IntoView {
    view! {
        <kbd class="rooms-key" aria-hidden="true">
            <span class="not-mac">"Ctrl K"</span>
            <span class="mac">"⌘ K"</span>
        </kbd>
    }
}

/// A section of the list under its heading. Collapsed, it shows only the open room.
fn section_view(chat: Chat, section: ListSection, limit: RwSignal<usize>) -> AnyView {
    let (id, title) = match section {
        ListSection::Unread => ("rooms-unread", chat.words.unread_rooms()),
        ListSection::Channels => ("rooms-channels", chat.words.channels()),
        ListSection::Direct => ("rooms-direct", chat.words.direct_messages()),
    };
    let rooms = Memo::new(move |_| {
        let in_it = |places: &Vec<Place>| -> Vec<RoomId> {
            places.iter().filter(|(one, _)| *one == section).map(|(_, room)| *room).collect()
        };
        chat.places.with(in_it)
    });
    let address = use_address();
    // The list of unread rooms ignores collapsing.
    let is_folded = move || !address.is_unread_list() && chat.folded.with(|folded| folded.contains(&section));
    // Unread rooms hidden in this section: while the pointer holds the list, a room with new
    // messages does not move out.
    let is_unread = move |room: &RoomId| {
        chat.room.get() != Some(*room) && chat.summary(*room).is_some_and(|s| s.read().unread > 0)
    };
    let hidden = move || match is_folded() {
        true => rooms.with(|rooms| rooms.iter().filter(|room| is_unread(room)).count() as u32),
        false => 0,
    };
    view! {
        <div class="rooms-section" role="group" aria-labelledby=id hidden=live(move || rooms.with(Vec::is_empty))>
            <h2 class="rooms-heading">
                <button
                    type="button"
                    id=id
                    aria-expanded=live(move || (!is_folded()).to_string())
                    on:click=handler(move |_| chat.fold(section))
                >
                    <Icon name="chevron"/>
                    {title}
                    {live(move || Some(hidden()).filter(|n| *n > 0).map(|n| view! {
                        <span class="badge">{chat.words.badge(n)}</span>
                    }.into_any()))}
                </button>
            </h2>
            <ul>
                {list(move || {
                    let draw = |room: RoomId| list_item(room.0, move || view! { <RoomLine room/> }.into_any());
                    let open = if is_folded() { Some(chat.room.get()) } else { None };
                    let is_shown = |room: &RoomId| open.is_none_or(|open| open == Some(*room));
                    rooms.get().into_iter().filter(is_shown).take(limit.get()).map(draw).collect()
                })}
            </ul>
        </div>
    }
    .into_any()
}

/// Draws more lines when scrolling nears the end: a person may be in thousands of rooms.
fn grow(limit: RwSignal<usize>, scrolled: &web_sys::Event) {
    use wasm_bindgen::JsCast;
    let Some(list) = scrolled.target().and_then(|list| list.dyn_into::<web_sys::Element>().ok()) else {
        return;
    };
    if list.scroll_top() + list.client_height() + NEAR_PX > list.scroll_height() {
        limit.update(|limit| *limit += LINES_MORE);
    }
}

/// One room: picture, name, time, last message, and unread count.
#[component]
fn RoomLine(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let Some(summary) = chat.summary(room) else { return ().into_any() };
    let picture = summary.read_untracked().clone();
    let [name, time, preview, unread, archived] = [(); 5].map(|()| summary.clone());
    let [badge, mentions] = [(); 2].map(|()| summary.clone());
    // The draft is in the browser's storage: read once for everything that shows it.
    let draft = Memo::new(move |_| chat.draft_shown(room));
    view! {
        <li>
            <a
                class="room"
                href=path_of(room)
                aria-current=live(move || (chat.room.get() == Some(room)).then_some("page"))
                data-unread=live(move || (unread.read().unread > 0).then_some("true"))
            >
                <RoomPicture summary=picture/>
                <span class="room-words">
                    <span class="room-line">
                        <span class="room-name" dir="auto">{live(move || chat.name_of(&name.read()))}</span>
                        " "
                        {live(move || archived.read().room.archived.then(|| view! {
                            <span class="room-sign" role="img" aria-label=chat.words.archived() title=chat.words.archived()>
                                <Icon name="archive"/>
                            </span>
                        }.into_any()))}
                        <span class="room-time">
                            {live(move || chat.words.when(time.read().active_at, chat.clock.get()))}
                        </span>
                    </span>
                    " "
                    <span class="room-line">
                        <span class="room-preview">
                            {live(move || draft.with(Option::is_some).then(|| view! {
                                <span class="room-draft">{chat.words.draft()}</span>
                            }.into_any()))}
                            {live(move || match draft.get() {
                                Some(draft) => format!(" {}", isolated(&one_line(&draft))),
                                None => preview_of(chat, &preview.read()),
                            })}
                        </span>
                        " "
                        {live(move || draft.with(Option::is_some).then(|| view! {
                            <span class="room-sign only-compact" aria-hidden="true"><Icon name="edit"/></span>
                        }.into_any()))}
                        {live(move || chat.sign_of(room).map(|sign| sign_view(chat, sign)))}
                        " "
                        {live(move || {
                            let n = mentions.read().mentions;
                            (n > 0).then(|| view! {
                                <span class="badge mention" role="img" aria-label=chat.words.mentions_count(n, &chat.words.badge(n))>
                                    {format!("@{}", chat.words.badge(n))}
                                </span>
                            }.into_any())
                        })}
                        " "
                        {live(move || {
                            let n = badge.read().unread;
                            (n > 0)
                                .then(|| {
                                    view! {
                                        <span class="badge" role="img" aria-label=chat.words.unread(n)>
                                            {chat.words.badge(n)}
                                        </span>
                                    }.into_any()
                                })
                        })}
                    </span>
                </span>
            </a>
        </li>
    }
    .into_any()
}

/// The button that opens the saved and scheduled messages. A dot says that some of them need
/// attention.
#[component]
fn LaterButton() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let label = move || match chat.personal_waiting.get() {
        0 => words.later().to_owned(),
        n => words.later_waiting(&n.to_string()),
    };
    view! {
        <button
            type="button"
            class="icon-button later scripted"
            aria-label=live(label)
            title=live(label)
            data-waiting=live(move || (chat.personal_waiting.get() > 0).then_some("true"))
            on:click=handler(move |_| chat.screen.dialog.set(Some(Dialog::Later)))
        >
            <Icon name="save"/>
        </button>
    }
}

/// The menu of ways to add a room to the list. A native disclosure, so it opens without script too.
#[component]
fn NewMenu() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let menu = NodeRef::<leptos::html::Details>::new();
    let starting = chat.screen.starting;
    let close = move || {
        if let Some(menu) = menu.get_untracked() {
            drop(menu.remove_attribute("open"));
        }
        starting.set(false);
    };
    // Moves focus to the button: the focused item disappears, and could not get focus back.
    let give_up = move || {
        close();
        browser::focus_first("details.menu summary");
    };
    let open = move |dialog| {
        give_up();
        chat.screen.dialog.set(Some(dialog));
    };
    // The browser opens and closes the menu by itself; Back does so through the signal.
    effect(move || {
        if !starting.get()
            && let Some(menu) = menu.get()
        {
            drop(menu.remove_attribute("open"));
        }
    });
    view! {
        <details
            class="menu"
            node_ref=menu
            on:toggle=handler(move |_| starting.set(menu.get_untracked().is_some_and(|menu| menu.open())))
            on:focusout=handler(move |left| if is_left(menu, &left) { close() })
            on:keydown=key_handler(move |key| if key.key() == "Escape" { give_up() })
        >
            <summary class="icon-button" aria-label=words.start_something() title=words.start_something()>
                <Icon name="compose"/>
            </summary>
            <div class="menu-card">
                <button type="button" on:click=handler(move |_| open(Dialog::NewDirect))>
                    <Icon name="person"/>
                    {words.new_message()}
                </button>
                <button
                    type="button"
                    class="for-members"
                    on:click=handler(move |_| open(Dialog::Browse))
                >
                    <Icon name="hash"/>
                    {words.browse_channels()}
                </button>
                <button
                    type="button"
                    class="for-members"
                    on:click=handler(move |_| open(Dialog::NewRoom))
                >
                    <Icon name="plus"/>
                    {words.new_room()}
                </button>
            </div>
        </details>
    }
}

/// Whether focus, or the pointer by a click, has left a menu.
fn is_left(menu: NodeRef<leptos::html::Details>, left: &web_sys::FocusEvent) -> bool {
    use wasm_bindgen::JsCast;
    let to = left.related_target().and_then(|to| to.dyn_into::<web_sys::Node>().ok());
    menu.get_untracked().is_some_and(|menu| !menu.contains(to.as_ref()))
}

/// The placeholder of an empty list, with a hint.
fn none(title: &'static str, hint: &'static str, class: &'static str) -> AnyView {
    view! {
        <p class=class>
            <strong>{title}</strong>
            <br/>
            {hint}
        </p>
    }
    .into_any()
}

/// The state of the connection in one word, and the server that answers.
#[component]
fn ConnectionWord() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let text = move || match chat.link.get() {
        client::Link::Live => words.on_server(&chat.node.get()),
        client::Link::Greeting | client::Link::Away { .. } if chat.away.get() => {
            words.not_connected().to_owned()
        }
        client::Link::Greeting | client::Link::Away { .. } => words.on_server(&chat.node.get()),
    };
    view! {
        <span class="me-link" data-away=live(move || chat.away.get().then_some("true"))>
            {live(text)}
        </span>
    }
}

/// Whether a room's name, or its person's handle, contains a query in lower case.
pub(crate) fn is_match(chat: Chat, summary: &RoomSummary, query: &str) -> bool {
    lower(&chat.name_of(summary)).contains(query)
        || summary.room.pinyin.contains(query)
        || summary.peer.is_some_and(|peer| {
            let peer = chat.user(peer);
            peer.handle.contains(query) || peer.pinyin.contains(query)
        })
}

/// The beginning of a text on one line.
fn one_line(text: &str) -> String {
    plain(text, PREVIEW_CHARS).chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect()
}

/// The state of something that the user wrote into a room.
fn sign_view(chat: Chat, sign: Sign) -> AnyView {
    let (icon, what, name) = match sign {
        Sign::Failed => ("warning", "failed", chat.words.not_sent()),
        Sign::Waiting => ("clock", "waiting", chat.words.waiting()),
    };
    view! {
        <span class="room-sign" data-sign=what role="img" aria-label=name title=name>
            <Icon name=icon/>
        </span>
    }
    .into_any()
}

fn preview_of(chat: Chat, summary: &RoomSummary) -> String {
    let Some(last) = &summary.last else { return chat.words.no_messages().to_owned() };
    if last.deleted {
        return chat.words.message_deleted().to_owned();
    }
    let text = one_line(&shown_text(last));
    match (chat.is_me(last.author), summary.room.kind) {
        (true, _) => chat.words.said(chat.words.you(), &isolated(&text)),
        (false, RoomKind::Direct) => isolated(&text),
        (false, RoomKind::Group | RoomKind::Channel) => {
            chat.words.said(&isolated(&chat.user(last.author).name), &isolated(&text))
        }
    }
}
