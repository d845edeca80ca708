//! The actions on a message for touch: a sheet at the bottom of the screen, opened by a long press
//! on the row.
//!
//! Meanwhile the row is marked, and the sheet repeats the beginning of the text, because it may
//! cover the row. It is a native `<dialog>`, which traps focus. A tap outside, a swipe down, Esc or
//! Back closes it.
//!
//! A long press selects no text here, so the sheet has «Copy text».

use std::time::Duration;

use leptos::{html, prelude::*};
use protocol::{RoomId, Seq};
use web_sys::PointerEvent;

use super::{
    icon::Icon,
    message_tools::{Act, EMOJI, May, is_mine, shown, text_of},
};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{effect, focus::give_back, handler, key_handler, listen, live};
use crate::{
    browser,
    state::{Chat, Desk, Dialog, use_chat},
    text::plain,
};

/// Enough of the text to identify the message.
const QUOTED_CHARS: usize = 200;
/// How far a finger must pull the sheet down to close it, in pixels.
const PULL_PX: i32 = 56;
/// How long the sheet says that the text is copied.
const COPIED_FOR: Duration = Duration::from_millis(700);

/// The sheet of one message.
#[component]
pub(crate) fn MessageSheet(
    /// The room.
    room: RoomId,
    /// The message.
    seq: Seq,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let node = NodeRef::<html::Dialog>::new();
    let message = Memo::new(move |_| shown(chat, seq));
    let Some(first) = message.get_untracked() else {
        chat.screen.sheet.set(None);
        return ().into_any();
    };
    let may = May::of(chat, room, first.own);
    let shut = move || shut(chat, node);
    effect(move || {
        let Some(dialog) = node.get() else { return };
        drop(dialog.show_modal());
        // The finger that opened the sheet is lifted over it, and a browser may turn that into a
        // click. A deliberate click begins inside the sheet.
        let is_meant = StoredValue::new(false);
        listen(dialog.clone().into(), "pointerdown", true, move |_: web_sys::Event| is_meant.set_value(true));
        listen(dialog.clone().into(), "click", true, move |click: web_sys::MouseEvent| {
            // Clicks by keyboard or screen reader have a `detail` of 0.
            if !is_meant.get_value() && click.detail() > 0 {
                click.prevent_default();
                click.stop_propagation();
            }
        });
        // Focuses the sheet itself: nothing in it is chosen yet.
        browser::focus(&dialog);
        on_cleanup(move || give_back(None, move || browser::focus_row(seq)));
    });
    // The message was deleted meanwhile, or is no longer loaded.
    effect(move || {
        if message.with(Option::is_none) {
            shut();
        }
    });
    let author = first.author.name.clone();
    let quote = move || {
        message.with(|message| {
            let message = message.as_ref()?;
            let text = text_of(message);
            // Without a text, its first file says which message this is.
            match message.files.first().filter(|_| text.is_empty()) {
                Some(file) => Some(file.name.clone()),
                None => Some(plain(&text, QUOTED_CHARS)),
            }
        })
    };
    let pull = Pull { from: StoredValue::new(None), node };
    view! {
        <dialog
            class="sheet"
            tabindex="-1"
            aria-label=words.message_actions()
            node_ref=node
            on:cancel=move |cancel: web_sys::Event| {
                cancel.prevent_default();
                shut();
            }
            on:keydown=key_handler(move |key| {
                if key.key() == "Escape" {
                    key.prevent_default();
                    key.stop_propagation();
                    shut();
                }
            })
            on:click=handler(move |click: web_sys::MouseEvent| {
                // The card covers the dialog's own box, so a click on the dialog itself is outside
                // the card.
                let on_itself = click.target() == click.current_target();
                if on_itself {
                    shut();
                }
            })
        >
            <div class="sheet-card">
                <div
                    class="sheet-head"
                    on:pointerdown=handler(move |pointer: PointerEvent| pull.begin(&pointer))
                    on:pointermove=handler(move |pointer: PointerEvent| pull.follow(&pointer))
                    on:pointerup=handler(move |pointer: PointerEvent| {
                        if pull.is_far(&pointer) { shut() } else { pull.let_go() }
                    })
                    on:pointercancel=handler(move |_| pull.let_go())
                >
                    <p class="sheet-quote">
                        <strong dir="auto">{author}</strong>
                        <span dir="auto" translate="yes">{live(quote)}</span>
                    </p>
                </div>
                {live(move || may.react().then(|| emojis(chat, room, seq, message, node)))}
                {acts(chat, room, seq, message, may, node)}
            </div>
        </dialog>
    }
    .into_any()
}

/// Closes the sheet at once: what follows may focus something outside, which an open dialog
/// prevents.
fn shut(chat: Chat, node: NodeRef<html::Dialog>) {
    if let Some(dialog) = node.get_untracked() {
        dialog.close();
    }
    chat.screen.sheet.set(None);
}

type Shown = Memo<Option<client::MessageRow>>;

fn emojis(chat: Chat, room: RoomId, seq: Seq, message: Shown, node: NodeRef<html::Dialog>) -> AnyView {
    let emoji = |emoji: &'static str| {
        let own = Memo::new(move |_| {
            message.with(|message| message.as_ref().is_some_and(|message| is_mine(chat, message, emoji)))
        });
        let choose = move |_| {
            let on = !own.get_untracked();
            shut(chat, node);
            chat.react(room, seq, emoji, on);
        };
        view! {
            <button type="button" aria-pressed=live(move || own.get().to_string()) on:click=handler(choose)>
                {emoji}
            </button>
        }
        .into_any()
    };
    let more = move |_| {
        shut(chat, node);
        chat.screen.dialog.set(Some(Dialog::Emoji(Desk::of(room), Some(seq))));
    };
    view! {
        <div class="sheet-emojis" tabindex="-1" role="group" aria-label=chat.words.react()>
            {EMOJI.map(emoji).into_iter().collect::<Vec<_>>()}
            <button type="button" class="sheet-more" aria-label=chat.words.more_emoji() on:click=handler(more)>
                <Icon name="plus"/>
            </button>
        </div>
    }
    .into_any()
}

fn acts(
    chat: Chat,
    room: RoomId,
    seq: Seq,
    message: Shown,
    may: May,
    node: NodeRef<html::Dialog>,
) -> AnyView {
    let words = chat.words;
    let shut = move || shut(chat, node);
    let copied = RwSignal::new(false);
    let copy = move || {
        let Some(text) = message.with_untracked(|message| message.as_ref().map(text_of)) else {
            return;
        };
        browser::copy(text, move |done| {
            if done {
                chat.say_aloud(words.copied().to_owned());
                copied.try_set(true);
                // By then, another sheet may be open.
                set_timeout(
                    move || {
                        if copied.try_get_untracked().is_some() {
                            shut()
                        }
                    },
                    COPIED_FOR,
                );
            } else {
                shut();
                chat.screen.tell(room, seq, words.no_clipboard().to_owned());
            }
        });
    };
    let item = move |act: Act| {
        let choose = move |_| match act {
            Act::Copy => copy(),
            Act::Reply
            | Act::Thread
            | Act::Edit
            | Act::Forward
            | Act::CopyLink
            | Act::Save(_)
            | Act::Remind
            | Act::MarkUnread
            | Act::History
            | Act::Pin(_)
            | Act::ClosePoll
            | Act::RemovePreviews
            | Act::Delete => {
                shut();
                act.run(chat, room, seq);
            }
        };
        let face = move || {
            let (icon, label) = match act == Act::Copy && copied.get() {
                true => ("check", words.copied()),
                false => act.face(chat),
            };
            view! { <Icon name=icon/> {label} }.into_any()
        };
        view! { <button type="button" class:loss=act.is_loss() on:click=handler(choose)>{live(face)}</button> }
            .into_any()
    };
    // Drawn anew only if something else is offered, so that focus stays where it is.
    let offered = Memo::new(move |_| {
        message.with(|message| message.as_ref().map(|message| Act::offered(chat, room, message, may)))
    });
    let items = move || offered.get().unwrap_or_default().into_iter().map(item).collect::<Vec<_>>();
    view! { <div class="menu-items">{live(items)}</div> }.into_any()
}

/// Lets a finger pull the sheet down by its head.
#[derive(Clone, Copy)]
struct Pull {
    from: StoredValue<Option<i32>>,
    node: NodeRef<html::Dialog>,
}

impl Pull {
    fn begin(self, pointer: &PointerEvent) {
        self.from.set_value(Some(pointer.client_y()));
    }

    fn way(self, pointer: &PointerEvent) -> i32 {
        self.from.get_value().map_or(0, |from| (pointer.client_y() - from).max(0))
    }

    fn follow(self, pointer: &PointerEvent) {
        if self.from.get_value().is_some() {
            self.put(&format!("translateY({}px)", self.way(pointer)));
        }
    }

    fn is_far(self, pointer: &PointerEvent) -> bool {
        self.way(pointer) > PULL_PX
    }

    fn let_go(self) {
        self.from.set_value(None);
        self.put("");
    }

    fn put(self, transform: &str) {
        if let Some(dialog) = self.node.get_untracked() {
            let dialog: &web_sys::HtmlElement = &dialog;
            drop(dialog.style().set_property("transform", transform));
        }
    }
}
