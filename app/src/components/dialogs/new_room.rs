//! Create a group or a channel.

use leptos::{html::Input, prelude::*};
use protocol::{Command, Nonce, Refusal, RoomKind};
use uuid::Uuid;

use super::{
    DialogFrame,
    room_form::{RoomFields, text_of},
};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::handler;
use crate::{components::icon::Icon, state::use_chat};

/// The form. Its nonce is created once, so that submitting twice creates one room.
#[component]
pub fn NewRoom() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let nonce = Nonce(Uuid::new_v4());
    let (title, topic) = (NodeRef::<Input>::new(), NodeRef::<Input>::new());
    let kind = RwSignal::new(RoomKind::Channel);
    let failed = RwSignal::new(None::<Refusal>);
    let create = move |submit: web_sys::SubmitEvent| {
        submit.prevent_default();
        let (title, topic) = (text_of(title), text_of(topic));
        if let Err(why) = protocol::RoomTitle::parse(&title) {
            failed.set(Some(why));
            return;
        }
        chat.ask_and_go(Command::CreateRoom { nonce, kind: kind.get_untracked(), title, topic }, failed);
    };
    let choice = move |which: RoomKind, icon, name: &'static str, hint: &'static str| {
        view! {
            <label class="kind">
                <input
                    type="radio"
                    name="kind"
                    prop:checked=move || kind.get() == which
                    on:change=move |_| kind.set(which)
                />
                <Icon name=icon/>
                <span>
                    <strong>{name}</strong>
                    <span class="kind-hint">{hint}</span>
                </span>
            </label>
        }
        .into_any()
    };
    view! {
        <DialogFrame title=words.new_room()>
            <form class="dialog-form" on:submit=handler(create)>
                <div class="kinds" role="radiogroup" aria-label=words.new_room()>
                    {choice(RoomKind::Channel, "hash", words.channel(), words.channel_hint())}
                    {choice(RoomKind::Group, "group", words.group(), words.group_hint())}
                </div>
                <RoomFields title topic failed/>
                <footer class="dialog-foot">
                    <button type="button" class="button" on:click=handler(move |_| chat.screen.dialog.set(None))>
                        {words.cancel()}
                    </button>
                    <button type="submit" class="button primary">{words.create()}</button>
                </footer>
            </form>
        </DialogFrame>
    }
}
