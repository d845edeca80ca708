//! The notice of a due reminder, or of a scheduled message that could not be sent. It stays above
//! everything, on every device, until it is closed or handled. A closed one stays in the list.

use client::SortedMap;
use leptos::prelude::*;
use protocol::{Refusal, Saved};

use super::{
    back_to_composer,
    saved::{Texts, fetch},
};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::{
    components::{effect, handler, icon::Icon, live},
    state::{Dialog, use_chat},
    text::plain,
};

/// How much of a message is shown, in characters.
const SHOWN_CHARS: usize = 140;

/// The notice.
#[component]
pub(crate) fn Due() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let (texts, failed): (Texts, _) = (RwSignal::new(SortedMap::new()), RwSignal::new(None::<Refusal>));
    let due = Memo::new(move |_| {
        chat.with_personal(|personal| personal.due().into_iter().cloned().collect::<Vec<Saved>>())
    });
    let unsent = Memo::new(move |_| {
        chat.with_personal(|personal| personal.scheduled().iter().any(|one| one.failed.is_some()))
    });
    effect(move || {
        if let Some(first) = due.with(|due| due.first().map(|first| (first.room, first.message))) {
            fetch(chat, texts, &[first], failed);
        }
    });
    let text = move || {
        let (first, more) = due.with(|due| (due.first().cloned(), due.len().saturating_sub(1)));
        let Some(first) = first else { return unsent.get().then(|| words.scheduled_failed().to_owned()) };
        let fetched = texts.with(|texts| texts.get(&(first.room, first.message)).cloned());
        let message = chat.message(first.room, first.message).or(fetched.flatten());
        let said = message.filter(|message| !message.deleted).map(|message| {
            let author = chat.user(message.author);
            words.said(&author.name, &plain(&client::shown_text(&message), SHOWN_CHARS))
        });
        let said = said.or_else(|| chat.room_name(first.room)).unwrap_or_default();
        match more {
            0 => Some(said),
            more => Some(format!("{said} · {}", words.reminders_more(more))),
        }
    };
    let title = move || if due.with(Vec::is_empty) { words.scheduled() } else { words.reminder() };
    let show = move |_| {
        let first = due.with_untracked(|due| due.first().map(|first| (first.room, first.message)));
        chat.close_reminder();
        match first.filter(|(room, _)| untrack(|| chat.is_in(*room))) {
            Some((room, seq)) => chat.show_message(room, seq),
            None => chat.screen.dialog.set(Some(Dialog::Later)),
        }
    };
    let done = move |_| {
        if let Some(first) = due.with_untracked(|due| due.first().cloned()) {
            chat.save_message(first.room, first.message, false);
            back_to_composer(chat);
        }
    };
    let again = move |_| {
        if let Some(first) = due.with_untracked(|due| due.first().cloned()) {
            chat.screen.dialog.set(Some(Dialog::Remind(first.room, first.message)));
        }
    };
    let is_due = move || !due.with(Vec::is_empty);
    view! {
        <section class="due-notice" role="alert" aria-label=live(title)>
            <Icon name="remind"/>
            <div class="due-words">
                <strong>{live(title)}</strong>
                <p dir="auto">{live(text)}</p>
            </div>
            <div class="due-acts">
                <button type="button" class="button primary" on:click=handler(show)>{words.show()}</button>
                {live(move || is_due().then(|| view! {
                    <button type="button" class="button" on:click=handler(done)>{words.mark_done()}</button>
                    <button type="button" class="button" on:click=handler(again)>{words.remind_me()}</button>
                }.into_any()))}
            </div>
            <button
                type="button"
                class="icon-button"
                aria-label=words.close()
                title=words.close()
                on:click=handler(move |_| {
                    chat.close_reminder();
                    back_to_composer(chat);
                })
            >
                <Icon name="close"/>
            </button>
        </section>
    }
}
