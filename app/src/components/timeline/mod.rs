//! The timeline of the open room.
//!
//! Keyed by each row's key and [stamp](client::Row::stamp): a new message mounts one row, a changed
//! row is replaced. [`ScrollPosition`] keeps the reading position.

pub(crate) mod pointing;
mod scroll_position;

use std::time::Duration;

use client::{Row, RowKey, RowKind};
use leptos::{html::Div, prelude::*};
use protocol::{Direction, RoomId, RoomKind, Seq};

use self::{pointing::Pointing, scroll_position::ScrollPosition};
use super::{
    icon::Icon,
    message_row::{MessageRow, key_text, replies_line},
};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{effect, handler, key_handler, list, list_item, live};
use crate::{browser, later, state::use_chat};

/// The messages of a room, and the button that jumps to the newest.
#[component]
pub fn Timeline(
    /// Which room.
    room: RoomId,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let (scroller, drawn) = (NodeRef::<Div>::new(), NodeRef::<Div>::new());
    let position = ScrollPosition::new(scroller, drawn);
    let pointing = expect_context::<Pointing>();
    let name = move || chat.summary(room).map(|s| chat.name_of(&s.read_untracked())).unwrap_or_default();

    // A room opens at its first unread message; before that, nothing counts as seen.
    let begun = RwSignal::new(false);
    // When navigating to a room, one screen of rows is drawn at once, and the rest after it has
    // been painted. A loaded page has all rows from the beginning.
    let whole = RwSignal::new(!browser::is_awake());
    let is_covered = Memo::new(move |_| chat.panel().is_some());
    let look = move || {
        let unread = chat.summary(room).is_some_and(|s| s.read_untracked().unread > 0);
        if unread
            && begun.get_untracked()
            && browser::is_looked_at()
            && !(is_covered.get_untracked() && browser::is_phone())
            && let Some(seq) = position.last_seen()
        {
            chat.saw(Seq(seq));
        }
    };
    let moved = move |settles| {
        let window = chat.window.get_untracked();
        position.moved(window.more_after, settles);
        if window.more_before && whole.get_untracked() && position.is_near_top() {
            chat.load_more(Direction::Before);
        }
        if window.more_after && position.is_near_bottom() {
            chat.load_more(Direction::After);
        }
        look();
    };
    let settled = move || moved(true);

    effect(move || {
        let window = chat.window.get();
        begun.track();
        whole.track();
        chat.rows.track();
        // On a phone, a panel covers what nobody has seen yet.
        is_covered.track();
        // Nothing loads while disconnected, so this runs again on reconnecting.
        chat.link.track();
        request_animation_frame(move || {
            let Some(has_begun) = begun.try_get_untracked() else { return };
            if window.loaded && !whole.get_untracked() {
                let draw_rest = move || {
                    whole.try_set(true);
                };
                set_timeout(draw_rest, REST_AFTER);
            }
            if window.loaded && !has_begun {
                if window.unread_above {
                    position.set_out();
                    chat.jump_to_unread();
                } else {
                    begun.set(true);
                    position.begin();
                }
            }
            settled();
            chat.show_target();
        });
        pointing.restore(drawn);
    });
    effect(move || position.watch(settled));
    effect(move || {
        if chat.screen.target.get().is_some_and(|(of, _)| of == room) {
            position.leave_end();
        }
    });
    let mut gone = chat.screen.newest.get_untracked();
    effect(move || {
        let newest = chat.screen.newest.get();
        if std::mem::replace(&mut gone, newest) != newest {
            position.go_down();
        }
    });
    effect(move || {
        let handles = ["focus", "visibilitychange"].map(|event| {
            window_event_listener_untyped(event, move |_| {
                if !browser::is_hidden() {
                    chat.come_back();
                    look();
                }
            })
        });
        on_cleanup(move || handles.into_iter().for_each(WindowListenerHandle::remove));
    });
    let trim = move || {
        if position.is_down() && chat.rows.with_untracked(Vec::len) > client::TIMELINE_ENTRIES_MAX + 50 {
            chat.trim();
        }
    };
    effect(move || {
        chat.rows.track();
        trim();
    });

    view! {
        <div class="timeline-box">
            <div
                class="timeline"
                role="log"
                aria-label=live(move || words.messages_in(&name()))
                aria-live="off"
                aria-busy=live(move || (!chat.window.get().loaded).to_string())
                tabindex="0"
                node_ref=scroller
                on:scroll=move |_| moved(false)
                on:keydown=key_handler(move |key| pointing.pressed(&key))
            >
                <div class="rows" node_ref=drawn>
                    {live(move || {
                        let window = chat.window.get();
                        match (window.loaded, window.more_before) {
                            (false, _) => view! { <Skeleton/> }.into_any(),
                            (true, true) => view! { <Older/> }.into_any(),
                            (true, false) => ().into_any(),
                        }
                    })}
                    {list(move || {
                        let draw = |row: Row| list_item((row.key, row.stamp()), move || draw(room, row));
                        let mut rows = chat.rows.get();
                        position.note();
                        if !whole.get() {
                            rows.drain(..first_screen(&rows));
                        }
                        rows.into_iter().map(draw).collect()
                    })}
                </div>
            </div>
            <JumpUp begun/>
            <JumpDown room position/>
        </div>
    }
}

/// When navigating to a room, the rest of its rows follows this long after the first screen.
const REST_AFTER: Duration = Duration::from_millis(50);
/// Most rows are higher than this. If a screen of lower ones is not full, the rest fills it.
const LOW_ROW_PX: usize = 36;

/// The index of the first row to draw when navigating to a room: enough rows for a screen,
/// including the line of unread messages.
fn first_screen(rows: &[Row]) -> usize {
    let screen = browser::height_px() / LOW_ROW_PX;
    let unread = rows.iter().position(|row| row.key == RowKey::Unread).unwrap_or(rows.len());
    rows.len().min(unread).saturating_sub(screen)
}

/// Draws a row of a room or of a thread.
pub(crate) fn draw(room: RoomId, row: Row) -> AnyView {
    let chat = use_chat();
    let key = key_text(row.key);
    match row.kind {
        RowKind::Message(message) => view! { <MessageRow room key=row.key message/> }.into_any(),
        RowKind::Day(date) => view! {
            <div class="day" data-key=key role="separator">
                <span>{live(move || chat.words.day(date, chat.clock.get()))}</span>
            </div>
        }
        .into_any(),
        RowKind::Unread => view! {
            <div class="unread-line" data-key=key role="separator">
                <span>{chat.words.unread_line()}</span>
            </div>
        }
        .into_any(),
        RowKind::Beginning => view! { <Beginning room key/> }.into_any(),
        RowKind::Replies(replies) => replies_line(chat, room, key, &replies),
    }
}

/// The beginning of the room's history: what the room is for.
#[component]
fn Beginning(room: RoomId, key: String) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let Some(summary) = chat.summary(room) else { return ().into_any() };
    let now = summary.read_untracked().clone();
    let [of, named, next, topic] = [(); 4].map(|()| summary.clone());
    let goes_on = Memo::new(move |_| next.read().last.is_none() || chat.first_steps.get() == Some(room));
    let line = move || match of.read().room.kind {
        RoomKind::Direct => words.beginning_with(&chat.name_of(&of.read())),
        RoomKind::Group | RoomKind::Channel => words.beginning_of(&chat.name_of(&of.read())),
    };
    let nobody =
        move || (summary.read().last.is_none() && chat.rights(room).post).then(|| words.nobody_wrote());
    view! {
        <div class="beginning" data-key=key>
            <super::avatar::RoomPicture summary=now.clone()/>
            <h2>{live(move || chat.name_of(&named.read()))}</h2>
            <p>{live(line)} " " {live(nobody)}</p>
            <p class="beginning-topic" dir="auto">{live(move || topic.read().room.topic.clone())}</p>
            {live(move || goes_on.get().then(|| later::first_steps(room)))}
        </div>
    }
    .into_any()
}

/// The space above for older messages, always of the same height. Has text only while they load.
#[component]
fn Older() -> impl IntoView {
    let chat = use_chat();
    view! {
        <div class="older" data-key="older">
            {live(move || chat.window.get().loading_before.then(|| view! { <span>{chat.words.loading_older()}</span> }.into_any()))}
        </div>
    }
}

/// A placeholder for rows that are loading; the style sheet shows it after 300 ms.
#[component]
fn Skeleton() -> impl IntoView {
    let words = use_chat().words;
    let lines = ["wide", "short", "middle", "wide", "short", "middle"].map(|width| {
        view! {
            <div class="skeleton-row">
                <span class="skeleton-picture"></span>
                <span class=format!("skeleton-text {width}")></span>
            </div>
        }
        .into_any()
    });
    view! {
        <div class="skeleton" data-key="skeleton" role="status">
            <span class="sr-only">{words.loading()}</span>
            {lines.into_iter().collect_view()}
        </div>
    }
}

/// Jumps up to the first unread message, for users who went down before reading.
#[component]
fn JumpUp(begun: RwSignal<bool>) -> impl IntoView {
    let chat = use_chat();
    let is_shown = move || begun.get() && chat.window.get().unread_above;
    live(move || {
        is_shown().then(|| {
            view! {
                <button type="button" class="jump up" on:click=handler(move |_| begun.set(false))>
                    {chat.words.jump_to_unread()}
                    <Icon name="down"/>
                </button>
            }
            .into_any()
        })
    })
}

/// Jumps down to the newest message, and shows the number of unread messages.
#[component]
fn JumpDown(room: RoomId, position: ScrollPosition) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let unread = move || chat.summary(room).map_or(0, |summary| summary.read().unread);
    let is_shown = move || position.is_far.get() || chat.window.get().more_after;
    let jump = move |_| {
        if chat.window.get_untracked().more_after {
            chat.jump_to_newest();
        }
        position.go_down();
        chat.screen.compose();
    };
    live(move || {
        is_shown().then(|| {
            view! {
                <button type="button" class="jump" on:click=handler(jump)>
                    {live(move || match unread() {
                        0 => words.jump_to_newest().to_owned(),
                        n => words.new_messages(n),
                    })}
                    <Icon name="down"/>
                </button>
            }
            .into_any()
        })
    })
}
