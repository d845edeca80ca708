//! Where one writes. A plain form before the page wakes up; afterwards a text goes to the room without a reload.
//!
//! Law: it never loses a word. The draft of each room is kept at every stroke, what was typed before the page woke up
//! stays, a refused text stays, and nothing is cut at the limit.

use leptos::{html::Textarea, prelude::*};
use protocol::{FormName, Page, Refusal, RoomId, limits};
use uuid::Uuid;
use web_sys::HtmlTextAreaElement;

use super::{field::Refused, icon::Icon};
use crate::components::handler;
use crate::{
    browser,
    state::{path_of, use_chat},
};

/// From here on, the characters that are left are counted down.
const COUNTED_FROM: usize = limits::BODY_CHARS_MAX - 300;

/// The composer of a room.
#[component]
pub fn Composer(
    /// Which room.
    room: RoomId,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let field = NodeRef::<Textarea>::new();
    let length = RwSignal::new(0_usize);
    let refusal = RwSignal::new(None::<Refusal>);
    let refused = use_context::<Page>().map(|page| Refused::of(&page, FormName::Send)).unwrap_or_default();
    let refused_text = refused.value("body");
    let name = move || chat.summary(room).map(|s| chat.name_of(&s.read())).unwrap_or_default();

    let changed = move |field: &HtmlTextAreaElement| {
        let text = field.value();
        length.set(text.chars().count());
        refusal.set(None);
        chat.keep_draft(room, &text);
        browser::fit_height(field);
    };
    let put = move |field: &HtmlTextAreaElement, text: &str| {
        field.set_value(text);
        changed(field);
    };
    let send = move || {
        let Some(field) = field.get_untracked() else { return };
        let text = field.value();
        if text.trim().is_empty() {
            return;
        }
        match chat.send(room, &text) {
            Ok(()) => {
                put(&field, "");
                chat.screen.newest();
            }
            Err(why) => refusal.set(Some(why)),
        }
        drop(field.focus());
    };

    // What was typed before the page woke up, and what was kept of an earlier visit: both stay.
    let first_text = refused_text.clone();
    Effect::new(move |_| {
        let Some(field) = field.get() else { return };
        let typed = field.value();
        let kept = if first_text.is_empty() { chat.draft(room) } else { first_text.clone() };
        let text = match (typed.trim().is_empty(), kept.is_empty() || typed.contains(kept.trim())) {
            (true, _) => kept,
            (false, true) => typed,
            (false, false) => format!("{kept}\n{typed}"),
        };
        put(&field, &text);
        // What the keyboard on glass writes on its Enter key.
        drop(field.set_attribute("enterkeyhint", if browser::is_touched() { "enter" } else { "send" }));
        if browser::wants_keyboard() {
            drop(field.focus());
        }
    });
    Effect::new(move |before: Option<u32>| {
        let asked = chat.screen.compose.get();
        if before.is_some_and(|before| before != asked)
            && let Some(field) = field.get_untracked()
        {
            drop(field.focus());
        }
        asked
    });
    Effect::new(move |_| {
        if let Some(text) = chat.screen.into_composer.get()
            && let Some(field) = field.get_untracked()
        {
            let typed = field.value();
            let text = if typed.trim().is_empty() { text } else { format!("{text}\n{typed}") };
            put(&field, &text);
            drop(field.focus());
            chat.screen.into_composer.set(None);
        }
    });

    let pressed = move |key: web_sys::KeyboardEvent| {
        // While an input method composes, Enter chooses a word; Safari tells so only by the key's number.
        if key.is_composing() || key.key_code() == 229 {
            return;
        }
        let meant = key.ctrl_key() || key.meta_key() || !browser::is_touched();
        if key.key() == "Enter" && !key.shift_key() && !key.alt_key() && meant {
            key.prevent_default();
            send();
        } else if key.key() == "Escape"
            && let Some(field) = field.get_untracked()
        {
            drop(field.blur());
        }
    };
    let note = move || match (refusal.get(), length.get()) {
        (Some(why), _) => Some((true, words.refusal(&why))),
        (None, n) if n > limits::BODY_CHARS_MAX => Some((true, words.characters_over(left(n).abs()))),
        (None, n) if n > COUNTED_FROM => Some((false, words.characters_left(left(n)))),
        (None, _) => None,
    };
    view! {
        <form
            class="composer"
            id="composer"
            method="post"
            action=format!("{}/messages", path_of(room))
            on:submit=handler(move |submit: web_sys::SubmitEvent| {
                submit.prevent_default();
                send();
            })
        >
            <input type="hidden" name="nonce" value=Uuid::new_v4().to_string()/>
            {refused.words("").or_else(|| refused.words("body")).map(|why| {
                view! {
                    <div class="no-script form-error" role="alert">
                        {why}
                        <p class="your-words">{refused_text}</p>
                    </div>
                }.into_any()
            })}
            <div class="composer-box">
                <textarea
                    name="body"
                    rows="1"
                    aria-label=move || words.message_to(&name())
                    placeholder=move || words.message_to(&name())
                    title=words.composer_hint()
                    autocomplete="off"
                    aria-describedby="composer-note"
                    aria-invalid=move || (length.get() > limits::BODY_CHARS_MAX).then_some("true")
                    node_ref=field
                    on:input:target=move |input| changed(&input.target())
                    on:keydown=handler(pressed)
                ></textarea>
                <button
                    type="submit"
                    class="send"
                    aria-label=words.send()
                    title=words.send()
                    data-ready=move || (length.get() > 0).then_some("true")
                >
                    <Icon name="send"/>
                </button>
            </div>
            <p class="composer-note" id="composer-note" role="status">
                {move || note().map(|(bad, text)| view! { <span class:bad=bad>{text}</span> }.into_any())}
            </p>
            <p class="no-script composer-script">{words.needs_script()}</p>
        </form>
    }
}

fn left(length: usize) -> i64 {
    limits::BODY_CHARS_MAX as i64 - length as i64
}
