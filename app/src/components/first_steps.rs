//! Suggestions at the beginning of the timeline, in a room without messages and in a new workspace.
//!
//! The first person gets three steps in the first channel: invite people, add a topic, say hello.
//! Each is ticked off automatically. The steps disappear when all are done, when that person hides
//! them, or when the workspace has a few people. Every other empty room has only unobtrusive
//! buttons to invite people and to add a topic. This comes with the chunk `tools` (see `later.rs`),
//! and is loaded before the page wakes if the server has drawn it.

use leptos::prelude::*;
use protocol::{RoomId, RoomKind};
use web_sys::MouseEvent;

use super::icon::Icon;
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::{
    browser,
    components::{handler, live},
    state::{Chat, Dialog, use_chat},
};

/// With this many people, nobody needs the steps any more.
const PEOPLE_MAX: u32 = 5;
/// The cookie that says that the steps are hidden.
const COOKIE: &str = "steps";

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Done {
    invited: bool,
    topic: bool,
    hello: bool,
}

/// The steps, or the buttons.
#[component]
pub(crate) fn FirstSteps(
    /// The room.
    room: RoomId,
) -> impl IntoView {
    let chat = use_chat();
    let Some(summary) = chat.summary(room) else { return ().into_any() };
    // A memo, so that it updates only on a change, not with each message.
    let done = Memo::new(move |_| {
        let summary = summary.read();
        let done = Done {
            invited: summary.members > 1,
            topic: !summary.room.topic.is_empty(),
            hello: summary.last.is_some(),
        };
        let are_wanted = chat.first_steps.get() == Some(room) && summary.members <= PEOPLE_MAX;
        (done, are_wanted && done != Done { invited: true, topic: true, hello: true })
    });
    live(move || match done.get() {
        (done, true) => steps(chat, room, done),
        (done, false) => ways(chat, room, done),
    })
    .into_any()
}

fn steps(chat: Chat, room: RoomId, done: Done) -> AnyView {
    let words = chat.words;
    let hide = move |_| {
        browser::set_cookie(COOKIE, "hidden");
        chat.first_steps.set(None);
        // The focused element is gone. On touch screens, focusing the composer would open the
        // on-screen keyboard.
        browser::focus_first(if browser::is_touched() { "[role=log]" } else { ".composer textarea" });
    };
    let topic = move |_| chat.screen.dialog.set(Some(Dialog::EditRoom(room)));
    let hello = move |click: MouseEvent| {
        click.prevent_default();
        chat.screen.compose();
    };
    let invite = view! { <a href="/admin/invitations" rel="external">{words.invite_people()}</a> };
    let topic = view! {
        <button type="button" class="scripted" on:click=handler(topic)>{words.add_topic()}</button>
        <span class="no-script">{words.add_topic()}</span>
    };
    let hello = view! { <a href="#composer" on:click=handler(hello)>{words.say_hello()}</a> };
    view! {
        <section class="steps" aria-labelledby="steps">
            <header>
                <h3 id="steps">{words.first_steps()}</h3>
                <button
                    type="button"
                    class="icon-button scripted"
                    aria-label=words.hide_steps()
                    title=words.hide_steps()
                    on:click=handler(hide)
                >
                    <Icon name="close"/>
                </button>
            </header>
            <ol>
                {step(chat, done.invited, words.invite_people(), words.invite_people_hint(), invite.into_any())}
                {step(chat, done.topic, words.add_topic(), words.add_topic_hint(), topic.into_any())}
                {step(chat, done.hello, words.say_hello(), words.say_hello_hint(), hello.into_any())}
            </ol>
        </section>
    }
    .into_any()
}

/// One step: `act` while it is open, only its name afterwards.
fn step(chat: Chat, is_done: bool, name: &'static str, hint: &'static str, act: AnyView) -> AnyView {
    let (sign, act) = match is_done {
        true => {
            let sign = view! {
                <span class="step-sign" role="img" aria-label=chat.words.step_done()>
                    <Icon name="check"/>
                </span>
            };
            (sign.into_any(), view! { <span>{name}</span> }.into_any())
        }
        false => (view! { <span class="step-sign"></span> }.into_any(), act),
    };
    view! {
        <li class:done=is_done>
            {sign}
            <div>
                {act}
                <p>{hint}</p>
            </div>
        </li>
    }
    .into_any()
}

/// The buttons in an empty room.
fn ways(chat: Chat, room: RoomId, done: Done) -> AnyView {
    let words = chat.words;
    let rights = chat.rights_in(room);
    let is_direct =
        chat.summary(room).is_none_or(|summary| summary.read_untracked().room.kind == RoomKind::Direct);
    let way = move |icon: &'static str, name: &'static str, dialog: Dialog| {
        let open = move |_| chat.screen.dialog.set(Some(dialog));
        view! {
            <button type="button" class="button" on:click=handler(open)>
                <Icon name=icon/>
                {name}
            </button>
        }
        .into_any()
    };
    live(move || {
        let rights = rights.get();
        let is_offered = !done.hello && !is_direct;
        let invite =
            (is_offered && rights.invite).then(|| way("invite", words.add_people(), Dialog::Invite(room)));
        let topic = (is_offered && rights.set_topic && !done.topic)
            .then(|| way("edit", words.add_topic(), Dialog::EditRoom(room)));
        let any = invite.is_some() || topic.is_some();
        any.then(|| view! { <div class="ways scripted">{invite} {topic}</div> }.into_any())
    })
    .into_any()
}
