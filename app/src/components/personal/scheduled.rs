//! The list of scheduled messages, the next one first. Each can be edited, sent now, and deleted.

use leptos::{
    html::{Input, Textarea},
    prelude::*,
};
use protocol::{Body, Command, ErrorCode, Refusal, Scheduled};

use super::{
    list::{keep_keyboard, nothing},
    saved::tool,
    when::{TimeField, Wrong, chosen},
};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::{
    browser,
    components::{effect, handler, icon::Icon, key_handler, list, list_item, live},
    state::use_chat,
    text::plain,
};

/// How much of a message is shown, in characters.
const SHOWN_CHARS: usize = 400;

/// The state of one line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Nothing,
    Editing,
    Deleting,
}

/// The list.
#[component]
pub(super) fn ScheduledList() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let all = Memo::new(move |_| {
        chat.with_personal(|personal| {
            personal.scheduled().into_iter().map(|one| (one.nonce, one.failed.is_some())).collect::<Vec<_>>()
        })
    });
    view! {
        {live(move || all.with(Vec::is_empty).then(|| nothing(words.no_scheduled(), words.no_scheduled_hint())))}
        <ul>
            {list(move || {
                // Keyed by the nonce alone, so that a line that is being edited is not redrawn.
                let draw = |(nonce, _)| list_item(nonce, move || {
                    let now = Memo::new(move |_| chat.with_personal(|personal| {
                        personal.scheduled().into_iter().find(|one| one.nonce == nonce).cloned()
                    }));
                    view! { <ScheduledLine now/> }.into_any()
                });
                all.get().into_iter().map(draw).collect()
            })}
        </ul>
    }
}

#[component]
fn ScheduledLine(now: Memo<Option<Scheduled>>) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let doing = RwSignal::new(Doing::Nothing);
    let failed = RwSignal::new(None::<Refusal>);
    let draw = move || {
        let scheduled = now.get_untracked()?;
        Some(match doing.get() {
            Doing::Editing => view! { <Editor scheduled now doing failed/> }.into_any(),
            Doing::Nothing | Doing::Deleting => view! { <Shown now doing failed/> }.into_any(),
        })
    };
    let why = move || {
        let refused = now.get().and_then(|now| now.failed).filter(|_| doing.get() == Doing::Nothing);
        let refused =
            refused.map(|code| format!("{} {}", words.not_sent_because(), words.refusal(&code.into())));
        failed.get().map(|why| words.refusal(&why)).or(refused)
    };
    view! {
        <li class="later-line scheduled">
            {live(draw)}
            {live(move || why().map(|why| view! { <p class="later-error" role="alert">{why}</p> }.into_any()))}
        </li>
    }
}

#[component]
fn Shown(
    now: Memo<Option<Scheduled>>,
    doing: RwSignal<Doing>,
    failed: RwSignal<Option<Refusal>>,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let Some(first) = now.get_untracked() else { return ().into_any() };
    let about = format!("scheduled-{}", first.nonce);
    let room = move || chat.room_name(first.room).unwrap_or_else(|| words.left_room().to_owned());
    let text = move || now.get().map(|now| plain(&now.body, SHOWN_CHARS));
    let time = move || now.get().map(|now| words.sends_at(&words.moment(now.at, chat.clock.get())));
    let answered = move |result: Result<protocol::Reply, Refusal>| match result {
        Ok(_) => {}
        Err(why) => drop(failed.try_set(Some(why))),
    };
    let send = move |_| {
        keep_keyboard();
        failed.set(None);
        if let Some(Scheduled { nonce, rev, body, .. }) = now.get_untracked() {
            chat.ask(Command::Reschedule { nonce, rev, body, at: browser::now() }, answered);
        }
    };
    let edit = move |_| {
        failed.set(None);
        doing.set(Doing::Editing);
    };
    let delete = move |_| {
        keep_keyboard();
        failed.set(None);
        let Some(Scheduled { nonce, .. }) = now.get_untracked() else { return };
        chat.ask(Command::Unschedule { nonce }, move |result| {
            if result.is_ok() {
                chat.say_aloud(words.scheduled_deleted().to_owned());
            }
            answered(result);
        });
    };
    let ask = move |_| {
        doing.set(Doing::Deleting);
        request_animation_frame(|| browser::focus_first(".later-question .button"));
    };
    let question = move || {
        view! {
            <div class="later-question" role="group" aria-label=words.delete_scheduled()>
                <span>{words.delete_scheduled()}</span>
                <button type="button" class="button" on:click=handler(move |_| doing.set(Doing::Nothing))>{words.cancel()}</button>
                <button type="button" class="button loss" on:click=handler(delete)>{words.delete()}</button>
            </div>
        }
        .into_any()
    };
    view! {
        <div class="later-main" id=about.clone()>
            <span class="later-by"><strong dir="auto">{live(room)}</strong></span>
            <span class="later-text" dir="auto" translate="yes">{live(text)}</span>
            <span class="later-time"><Icon name="clock"/>{live(time)}</span>
        </div>
        <div class="later-acts">
            {tool("send", words.send_now(), about.clone(), handler(send))}
            {tool("edit", words.edit(), about.clone(), handler(edit))}
            {tool("delete", words.delete(), about, handler(ask))}
        </div>
        {live(move || (doing.get() == Doing::Deleting).then(question))}
    }
    .into_any()
}

/// Edits the text and the time. Changes made elsewhere meanwhile are shown, so that nothing is
/// overwritten unseen.
#[component]
fn Editor(
    scheduled: Scheduled,
    now: Memo<Option<Scheduled>>,
    doing: RwSignal<Doing>,
    failed: RwSignal<Option<Refusal>>,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let zone = chat.clock.get_untracked().zone;
    let (text, time) = (NodeRef::<Textarea>::new(), NodeRef::<Input>::new());
    let (nonce, first) = (scheduled.nonce, scheduled.rev);
    let seen = StoredValue::new(first);
    let wrong = RwSignal::new(None::<&'static str>);
    let body = scheduled.body.clone();
    effect(move || {
        let Some(field) = text.get() else { return };
        field.set_value(&body);
        browser::fit_height(&field);
        drop(field.focus());
    });
    let save = move || {
        let (Some(field), Ok(at)) = (
            text.get_untracked(),
            chosen(time).map_err(|why| {
                wrong.set(Some(match why {
                    Wrong::Empty => words.choose_time(),
                    Wrong::Past => words.refused_time(),
                }));
            }),
        ) else {
            return;
        };
        wrong.set(None);
        let body = field.value();
        if let Err(why) = Body::parse(&body) {
            failed.set(Some(why));
            return;
        }
        let rev = seen.get_value();
        chat.ask(Command::Reschedule { nonce, rev, body, at }, move |result| match result {
            Ok(_) => {
                failed.try_set(None);
                doing.try_set(Doing::Nothing);
            }
            Err(why) => {
                // The current version is shown, so saving again overwrites it knowingly.
                if why.code == ErrorCode::EditedMeanwhile
                    && let Some(Some(now)) = now.try_get_untracked()
                {
                    seen.try_set_value(now.rev);
                }
                failed.try_set(Some(why));
            }
        });
    };
    let stop = move || {
        failed.set(None);
        doing.set(Doing::Nothing);
    };
    let elsewhere = move || {
        let now = now.get()?;
        (now.rev != first).then(|| {
            view! {
                <p class="editing-now">
                    {words.edited_elsewhere()} " " <span dir="auto">{plain(&now.body, SHOWN_CHARS)}</span>
                    " · " {words.moment(now.at, chat.clock.get())}
                </p>
            }
            .into_any()
        })
    };
    let keys = move |key: web_sys::KeyboardEvent| {
        if key.key() == "Escape" {
            key.prevent_default();
            key.stop_propagation();
            stop();
        } else if key.key() == "Enter" && (key.ctrl_key() || key.meta_key()) {
            key.prevent_default();
            save();
        }
    };
    view! {
        <form
            class="later-edit"
            novalidate
            on:keydown=key_handler(keys)
            on:submit=handler(move |submit: web_sys::SubmitEvent| {
                submit.prevent_default();
                save();
            })
        >
            {live(elsewhere)}
            <textarea
                class="input"
                rows="3"
                dir="auto"
                aria-label=words.edit_message()
                node_ref=text
                on:input:target=move |input| browser::fit_height(&input.target())
            ></textarea>
            <div class="own-time-row">
                <label class="sr-only" for="scheduled-time">{words.time_to_send()}</label>
                <TimeField id="scheduled-time" first=scheduled.at zone node=time/>
                <button type="button" class="button" on:click=handler(move |_| stop())>{words.cancel()}</button>
                <button type="submit" class="button primary">{words.save()}</button>
            </div>
            {live(move || wrong.get().map(|why| view! { <p class="field-error" role="alert">{why}</p> }.into_any()))}
        </form>
    }
}
