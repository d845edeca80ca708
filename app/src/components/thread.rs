//! A thread beside its room: the root, the replies below it, and a composer of its own. It comes with the chunk `tools` (see
//! `later.rs`).
//!
//! It begins at its newest reply and stays there while the person does, or at the reply that a link names. Others are asked for when an
//! end comes near; the browser keeps the place meanwhile (`overflow-anchor`).

use client::Row;
use leptos::{
    html::{Div, H2},
    prelude::*,
};
use protocol::{Direction, RoomId, Seq};

use super::{
    close_panel::close_panel,
    composer::Composer,
    icon::Icon,
    timeline::{draw, pointing::Pointing},
};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::focus::take_keyboard;
use crate::components::{effect, handler, key_handler, list, list_item, live};
use crate::state::{Chat, Desk, ThreadView, use_chat};

/// So near to an end counts as there, in pixels.
const NEAR_PX: i32 = 120;
/// From here on, further replies are asked for.
const FURTHER_PX: i32 = 600;

/// The panel of a thread.
#[component]
pub(crate) fn Thread(
    /// Where.
    room: RoomId,
    /// The number of its root.
    root: Seq,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let pointing = expect_context::<Pointing>();
    let view = Memo::new(move |_| chat.thread());
    let heading = NodeRef::<H2>::new();
    let (scroller, drawn) = (NodeRef::<Div>::new(), NodeRef::<Div>::new());
    // Whether the person is at the newest reply.
    let is_down = StoredValue::new(true);
    let go_down = move || {
        if let Some(scroller) = scroller.try_get_untracked().flatten() {
            scroller.set_scroll_top(scroller.scroll_height());
        }
    };
    let moved = move || {
        let Some(scroller) = scroller.get_untracked() else { return };
        let below = scroller.scroll_height() - scroller.scroll_top() - scroller.client_height();
        is_down.set_value(below < NEAR_PX);
        if scroller.scroll_top() < FURTHER_PX {
            chat.load_replies(Direction::Before);
        }
        if below < FURTHER_PX {
            chat.load_replies(Direction::After);
        }
    };
    effect(move || take_keyboard(heading));
    let mut is_first = true;
    effect(move || {
        view.track();
        let is_first = std::mem::take(&mut is_first);
        request_animation_frame(move || {
            let rows = drawn.try_get_untracked().flatten();
            // The room may have led to a reply already that the page began with.
            let is_led =
                is_first && rows.is_some_and(|rows| rows.contains(document().active_element().as_deref()));
            let goes_elsewhere = is_led || chat.screen.target.try_get_untracked().flatten().is_some();
            match is_down.try_get_value() {
                // What is scrolled to is told by an event, later.
                Some(true) if goes_elsewhere => is_down.set_value(false),
                Some(true) => go_down(),
                Some(false) | None => {}
            }
            chat.show_target();
        });
        pointing.restore(drawn);
    });
    let mut gone = chat.screen.newest_reply.get_untracked();
    effect(move || {
        let newest = chat.screen.newest_reply.get();
        if std::mem::replace(&mut gone, newest) != newest {
            is_down.set_value(true);
            go_down();
        }
    });
    let may_post = chat.may(room, |rights| rights.post);
    // Drawn anew only by what it says, or it would lose focus with each reply.
    let followed = Memo::new(move |_| view.with(|thread| (thread.following, thread.root.is_some())));
    let rows = move || {
        let row = |row: Row| list_item((row.key, row.stamp()), move || draw(room, row));
        view.with(|thread| thread.root.iter().chain(&thread.rows).cloned().map(row).collect())
    };
    view! {
        <aside class="details thread" aria-label=words.thread()>
            <header class="pane-head">
                <div class="pane-title">
                    <h2 tabindex="-1" node_ref=heading>{words.thread()}</h2>
                    <p class="pane-topic" dir="auto">{live(move || chat.room_name(room))}</p>
                </div>
                {follow(chat, (room, root), followed)}
                {close_panel(chat, room)}
            </header>
            <div
                class="thread-box"
                role="log"
                aria-label=words.thread()
                aria-live="off"
                tabindex="0"
                node_ref=scroller
                on:scroll=move |_| moved()
                on:keydown=key_handler(move |key| pointing.pressed(&key))
            >
                <div class="rows" node_ref=drawn>
                    {list(rows)}
                    {live(move || view.with(|thread| state(chat, thread)))}
                </div>
                <div id="thread-end"></div>
            </div>
            {live(move || may_post.get().then(|| {
                view! { <Composer desk=Desk { room, thread: Some(root) }/> }.into_any()
            }))}
        </aside>
    }
}

/// What is said below the rows, as long as there are no replies.
fn state(chat: Chat, thread: &ThreadView) -> Option<AnyView> {
    let words = chat.words;
    let is_empty = thread.rows.is_empty();
    let said = match (thread.missing, thread.loaded) {
        (true, _) => words.message_not_here(),
        (false, false) if is_empty => words.loading(),
        (false, true) if is_empty && thread.count == 0 => words.no_replies_hint(),
        (false, _) => return None,
    };
    Some(view! { <p class="thread-state" role="status" data-key="state">{said}</p> }.into_any())
}

/// Follows the thread, or no longer.
fn follow(chat: Chat, (room, root): (RoomId, Seq), followed: Memo<(bool, bool)>) -> AnyView {
    let words = chat.words;
    let following = move || followed.get().0;
    let label = move || if following() { words.thread_unfollow() } else { words.thread_follow() };
    view! {
        <button
            type="button"
            class="icon-button thread-follow scripted"
            aria-label=live(label)
            title=live(label)
            aria-pressed=live(move || following().to_string())
            disabled=live(move || !followed.get().1)
            on:click=handler(move |_| chat.follow(room, root, !followed.get_untracked().0))
        >
            {live(move || view! { <Icon name=if following() { "followed" } else { "follow" }/> }.into_any())}
        </button>
    }
    .into_any()
}
