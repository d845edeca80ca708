//! Dialogs, as native `<dialog>` elements, which trap focus and return it.

pub mod banned;
pub mod browse;
pub mod close_poll;
pub mod delete;
pub mod delete_room;
pub mod edit_history;
pub mod emoji;
pub mod forward;
pub mod group;
pub mod invite;
pub mod leave;
pub mod member;
pub mod new_direct;
pub mod new_poll;
pub mod new_room;
pub mod picker;
pub mod profile;
pub mod room_form;
pub mod room_settings;
pub mod shortcuts;
pub mod switcher;
pub mod unsent;
pub mod voters;

use leptos::{html, prelude::*};

use super::icon::Icon;
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::focus::{give_back, keyboard_now};
use crate::components::{effect, handler, key_handler, live};
use crate::later;
use crate::state::{Chat, Dialog, use_chat};

/// The open dialog, if any.
#[component]
pub fn Dialogs() -> impl IntoView {
    let chat = use_chat();
    live(move || chat.screen.dialog.get().map(later::dialog))
}

/// A dialog, which comes in a chunk: see [`later`].
pub(crate) fn dialog(dialog: Dialog) -> AnyView {
    match dialog {
        Dialog::Switcher => view! { <switcher::Switcher/> }.into_any(),
        Dialog::NewDirect => view! { <new_direct::NewDirect/> }.into_any(),
        Dialog::NewRoom => view! { <new_room::NewRoom/> }.into_any(),
        Dialog::Browse => view! { <browse::Browse/> }.into_any(),
        Dialog::Invite(room) => view! { <invite::InviteDialog room/> }.into_any(),
        Dialog::EditRoom(room) => view! { <room_form::EditRoom room/> }.into_any(),
        Dialog::Forward(room, seq) => view! { <forward::ForwardMessage room seq/> }.into_any(),
        Dialog::Unsent(room) => view! { <unsent::UnsentTexts room/> }.into_any(),
        Dialog::RoomSettings(_)
        | Dialog::DeleteRoom(_)
        | Dialog::Leave(_)
        | Dialog::Member(..)
        | Dialog::Banned(_)
        | Dialog::Later
        | Dialog::Threads(_)
        | Dialog::Remind(..)
        | Dialog::SendLater(_)
        | Dialog::Emoji(..)
        | Dialog::Shortcuts
        | Dialog::EditHistory(..)
        | Dialog::Profile(_)
        | Dialog::NewPoll(..)
        | Dialog::Voters(..)
        | Dialog::ClosePoll(..)
        | Dialog::Viewer(..)
        | Dialog::Delete(..) => ().into_any(),
    }
}

/// A dialog for writing, or one that fits beside them. They come with the emoji.
pub(crate) fn typing_dialog(dialog: Dialog) -> AnyView {
    if let Dialog::Emoji(desk, seq) = dialog {
        view! { <emoji::EmojiDialog desk seq/> }.into_any()
    } else if let Dialog::Shortcuts = dialog {
        view! { <shortcuts::Shortcuts/> }.into_any()
    } else if let Dialog::EditHistory(room, seq) = dialog {
        view! { <edit_history::EditHistory room seq/> }.into_any()
    } else if let Dialog::Profile(user) = dialog {
        match untrack(|| use_chat().user(user)).group {
            Some(_) => view! { <group::GroupCard group=user/> }.into_any(),
            None => view! { <profile::ProfileCard user/> }.into_any(),
        }
    } else {
        ().into_any()
    }
}

/// A dialog about a room as a whole, or a poll, which comes with the room's details.
pub(crate) fn administration_dialog(dialog: Dialog) -> AnyView {
    if let Dialog::RoomSettings(room) = dialog {
        view! { <room_settings::RoomSettings room/> }.into_any()
    } else if let Dialog::DeleteRoom(room) = dialog {
        view! { <delete_room::DeleteRoom room/> }.into_any()
    } else if let Dialog::Leave(room) = dialog {
        view! { <leave::LeaveRoom room/> }.into_any()
    } else if let Dialog::NewPoll(desk, refused) = dialog {
        view! { <new_poll::NewPollDialog desk refused/> }.into_any()
    } else if let Dialog::Voters(room, seq) = dialog {
        view! { <voters::Voters room seq/> }.into_any()
    } else if let Dialog::ClosePoll(room, seq) = dialog {
        view! { <close_poll::ClosePoll room seq/> }.into_any()
    } else {
        ().into_any()
    }
}

/// A dialog about a message or members, which comes with the tools.
pub(crate) fn member_dialog(dialog: Dialog) -> AnyView {
    if let Dialog::Member(room, user, act) = dialog {
        view! { <member::MemberDialog room user act/> }.into_any()
    } else if let Dialog::Banned(room) = dialog {
        view! { <banned::Banned room/> }.into_any()
    } else if let Dialog::Delete(room, seq) = dialog {
        view! { <delete::DeleteMessage room seq/> }.into_any()
    } else {
        ().into_any()
    }
}

/// The frame of a dialog: title, close button, and content.
#[component]
pub(crate) fn DialogFrame(
    /// The title.
    #[prop(into)]
    title: String,
    /// Whether it is a `palette`: placed high, without a head.
    #[prop(optional)]
    palette: bool,
    /// Whether it is placed `beside` its opener, or as a sheet on a phone; also without a head.
    #[prop(optional)]
    beside: bool,
    /// The content.
    children: Children,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let node = NodeRef::<html::Dialog>::new();
    effect(move || {
        let Some(dialog) = node.get() else { return };
        let before = StoredValue::new_local(keyboard_now());
        drop(dialog.show_modal());
        on_cleanup(move || give_back(before.try_get_value().flatten(), || ()));
    });
    let close = move || chat.screen.dialog.set(None);
    let label = title.clone();
    view! {
        <dialog
            class="dialog"
            class:palette=palette
            class:beside=beside
            aria-label=label
            node_ref=node
            on:cancel=move |cancel: web_sys::Event| {
                // Esc. The browser would hide the dialog now and notify us a moment later; a key
                // pressed in between would be lost.
                cancel.prevent_default();
                close();
            }
            on:close=move |_| close()
            // Otherwise a search field with text would swallow the first Esc.
            on:keydown=key_handler(move |key| {
                if key.key() == "Escape" {
                    key.prevent_default();
                    key.stop_propagation();
                    close();
                }
            })
            on:click=handler(move |click: web_sys::MouseEvent| {
                // The card covers the dialog's own box, so a click on the dialog itself is outside
                // the card.
                let on_itself = click.target() == click.current_target();
                if on_itself {
                    close();
                }
            })
        >
            <div class="dialog-card">
                {(!palette && !beside).then(|| view! {
                    <header class="dialog-head">
                        <h2>{title}</h2>
                        <button
                            type="button"
                            class="icon-button"
                            aria-label=words.close()
                            title=words.close()
                            on:click=handler(move |_| close())
                        >
                            <Icon name="close"/>
                        </button>
                    </header>
                }.into_any())}
                {children()}
            </div>
        </dialog>
    }
}

/// The two buttons of a question about something that cannot be undone: Cancel, which has focus,
/// and the action.
fn ways_out(chat: Chat, act: &'static str, on_act: impl FnMut(web_sys::MouseEvent) + 'static) -> AnyView {
    ways(chat, act, "button loss", handler(on_act))
}

/// The same for an action that loses nothing.
fn ways_on(chat: Chat, act: &'static str, on_act: impl FnMut(web_sys::MouseEvent) + 'static) -> AnyView {
    ways(chat, act, "button primary", handler(on_act))
}

fn ways(
    chat: Chat,
    act: &'static str,
    class: &'static str,
    on_act: Box<dyn FnMut(web_sys::MouseEvent)>,
) -> AnyView {
    view! {
        <footer class="dialog-foot">
            <button type="button" class="button" autofocus on:click=handler(move |_| chat.screen.dialog.set(None))>
                {chat.words.cancel()}
            </button>
            <button type="button" class=class on:click=on_act>
                {act}
            </button>
        </footer>
    }
    .into_any()
}
