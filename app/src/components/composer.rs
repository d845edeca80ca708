//! The composer. A plain form before the page wakes up; afterwards it sends without a reload. It
//! also edits the viewer's own messages; the text that was being written is set aside meanwhile.
//! The writing aids come in a chunk: `writing.rs`.
//!
//! Law: it never loses a word. The draft of each room and every edit is stored at each keystroke.
//! Text typed before the page woke up stays, refused text stays, and nothing is cut at the limit.

use client::EditState;
use leptos::{html::Textarea, prelude::*};
use protocol::{ErrorCode, FormName, Page, Refusal, Seq, limits};
use uuid::Uuid;
use web_sys::HtmlTextAreaElement;

use super::{field::RefusedForm, icon::Icon};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{effect, handler, key_handler, live};
use crate::{
    browser, later,
    state::{Desk, Dialog, path_of, use_chat},
};

/// From this length on, the remaining characters are shown.
const COUNTED_FROM: usize = limits::BODY_CHARS_MAX - 300;

/// The composer of a room, or of a thread of it.
#[component]
pub fn Composer(
    /// Where it writes.
    desk: Desk,
) -> impl IntoView {
    let Desk { room, thread } = desk;
    let chat = use_chat();
    let words = chat.words;
    let field = NodeRef::<Textarea>::new();
    let length = RwSignal::new(0_usize);
    let refusal = RwSignal::new(None::<Refusal>);
    // A form that was posted before the page woke belongs to this page's room only, and only until
    // it wakes.
    let posted = use_context::<Page>()
        .filter(|page| page.room().is_some_and(|view| view.summary.room.id == room) && !browser::is_awake());
    let refused = posted.map(|page| RefusedForm::of(&page, FormName::Send)).unwrap_or_default();
    let is_here = refused.value("thread") == thread.map(|root| root.to_string()).unwrap_or_default();
    let refused = if is_here { refused } else { RefusedForm::default() };
    let refused_text = refused.value("body");
    let was_in_room = !refused.value("in_room").is_empty();
    let name = move || chat.summary(room).map(|s| chat.name_of(&s.read())).unwrap_or_default();

    let edited = move || chat.edit_at(desk).map(|edit| edit.seq);
    let is_editing = Memo::new(move |_| edited().is_some());
    let has_strip = Memo::new(move |_| chat.screen.has_strip(desk) && !is_editing.get());
    // Whether a reply in a thread is also shown in the room.
    let also = chat.screen.also_in_room;
    let in_room = move || also.get() == Some(desk);

    let measured = move |field: &HtmlTextAreaElement, text: &str| {
        length.set(text.chars().count());
        refusal.set(None);
        browser::fit_height(field);
    };
    // The draft that this tab last read or wrote.
    let known_draft = StoredValue::new(String::new());
    let keep_draft = move |text: &str| {
        known_draft.set_value(text.to_owned());
        chat.keep_draft(desk, text);
    };
    let changed = move |field: &HtmlTextAreaElement| {
        let text = field.value();
        match is_editing.get_untracked() {
            true => chat.keep_edit(room, &text),
            false => keep_draft(&text),
        }
        measured(field, &text);
    };
    let put = move |field: &HtmlTextAreaElement, text: &str| {
        // Setting even the same value would cost a layout.
        if field.value() != text {
            field.set_value(text);
        }
        measured(field, text);
    };
    let send = move || {
        let Some(field) = field.get_untracked() else { return };
        let typed = field.value();
        let Some(text) = chat.screen.ready_text(desk, typed.clone()) else { return };
        if is_editing.get_untracked() {
            if text != typed {
                put(&field, &text);
                chat.keep_edit(room, &text);
            }
            chat.save_edit(room);
            return;
        }
        let has_files = untrack(|| chat.has_attached(desk));
        if typed.trim().is_empty() && !has_files {
            return;
        }
        // A reaction was sent instead of the text.
        let sent = match text.trim().is_empty() && !typed.trim().is_empty() {
            true => Ok(()),
            false => chat.send(desk, untrack(in_room), &text),
        };
        match sent {
            Ok(()) => {
                put(&field, "");
                keep_draft("");
                match thread {
                    Some(_) => {
                        also.set(None);
                        chat.screen.newest_reply();
                    }
                    None => chat.screen.newest(),
                }
            }
            Err(why) => refusal.set(Some(why)),
        }
        drop(field.focus());
    };

    // The server does not draw the writing aids.
    let awake = RwSignal::new(false);
    // Keeps both the text typed before the page woke up and the draft of an earlier visit.
    let first_text = refused_text.clone();
    effect(move || {
        let Some(field) = field.get() else { return };
        let typed = field.value();
        let text = joined(joined(chat.draft(desk), &first_text), &typed);
        put(&field, &text);
        keep_draft(&text);
        if thread.is_none() {
            chat.resume_edit(room);
        }
        if was_in_room {
            also.set(Some(desk));
        }
        awake.set(true);
        // The label of Enter on an on-screen keyboard.
        drop(field.set_attribute("enterkeyhint", if browser::is_touched() { "enter" } else { "send" }));
        if browser::wants_keyboard() && thread.is_none() {
            drop(field.focus());
        }
    });
    let put_draft = move |field: &HtmlTextAreaElement| {
        let draft = chat.draft(desk);
        put(field, &draft);
        known_draft.set_value(draft);
    };
    // An edit begins or ends. Meanwhile the draft is only in the browser's storage.
    let mut was = None::<Seq>;
    effect(move || {
        let now = edited();
        let Some(field) = field.get_untracked() else { return };
        if std::mem::replace(&mut was, now) != now {
            match untrack(|| chat.edit_at(desk)) {
                Some(edit) => put(&field, &edit.text),
                None => put_draft(&field),
            }
        }
    });
    // Another tab or device has changed the same draft, or has sent it; or a text is put back into the
    // composer. Text here that differs is kept: both tabs have written.
    let drafted_elsewhere = move || {
        let Some(field) = field.get_untracked().filter(|_| !is_editing.get_untracked()) else { return };
        let known = known_draft.get_value();
        if chat.draft(desk) != known && field.value() == known {
            put_draft(&field);
        }
    };
    effect(move || {
        chat.track_drafts();
        drafted_elsewhere();
    });
    effect(move || {
        // A page restored from the browser's back/forward cache has missed events.
        for event in ["storage", "pageshow"] {
            let handle = window_event_listener_untyped(event, move |_| drafted_elsewhere());
            on_cleanup(move || handle.remove());
        }
        on_cleanup(move || chat.hold_drafts(false));
    });
    let compose = if thread.is_some() { chat.screen.compose_reply } else { chat.screen.compose };
    // A composer that comes with its thread is asked before it is there.
    let mut composed = if thread.is_some() { 0 } else { compose.get_untracked() };
    effect(move || {
        let asked = compose.get();
        if std::mem::replace(&mut composed, asked) != asked
            && asked != 0
            && let Some(field) = field.get_untracked()
        {
            drop(field.focus());
            if thread.is_some() {
                // The next thread that opens does not take the keyboard.
                compose.set(0);
            }
        }
    });

    let pressed = move |key: web_sys::KeyboardEvent| {
        let is_plain = !(key.shift_key() || key.alt_key() || key.ctrl_key() || key.meta_key());
        if sends(&key) {
            key.prevent_default();
            send();
        } else if key.key() == "Escape" && is_editing.get_untracked() {
            key.stop_propagation();
            chat.step_back(room);
        } else if key.key() == "Escape" && has_strip.get_untracked() {
            key.stop_propagation();
            chat.screen.replying.set(None);
            chat.screen.outsiders_of.set(None);
        } else if key.key() == "ArrowUp" && is_plain && !is_editing.get_untracked() {
            let is_empty = field.get_untracked().is_some_and(|field| field.value().is_empty());
            if is_empty && chat.edit_newest(desk) {
                key.prevent_default();
            }
        } else if key.key() == "Escape"
            && let Some(field) = field.get_untracked()
        {
            drop(field.blur());
        }
    };
    let edit_refusal = move || {
        let edit = chat.edit_at(desk)?;
        let is_deleted = chat.message(room, edit.seq).is_some_and(|message| message.deleted);
        match edit.state {
            // No longer relevant; the bar says what has happened since.
            EditState::Refused(why) if is_deleted && why.code == ErrorCode::EditedMeanwhile => None,
            EditState::Refused(why) => Some(words.refusal(&why)),
            EditState::Unfinished => Some(words.edit_unfinished().to_owned()),
            EditState::Writing | EditState::Saving(_) => None,
        }
    };
    let refused_now = move || edit_refusal().or_else(|| refusal.get().map(|why| words.refusal(&why)));
    let note = move || match (refused_now(), length.get()) {
        (Some(why), _) => Some((true, why)),
        (None, n) if n > limits::BODY_CHARS_MAX => Some((true, words.characters_over(left(n).abs()))),
        (None, n) if n > COUNTED_FROM => Some((false, words.characters_left(left(n)))),
        (None, _) => None,
    };
    let has_files = Memo::new(move |_| chat.has_attached(desk) && !is_editing.get());
    let prompt = move || match thread {
        Some(_) => words.reply_here().to_owned(),
        None => words.message_to(&name()),
    };
    let note_id = if thread.is_some() { "reply-note" } else { "composer-note" };
    let act = move || if is_editing.get() { words.save() } else { words.send() };
    view! {
        <form
            class="composer"
            id=if thread.is_some() { "reply" } else { "composer" }
            method="post"
            action=format!("{}/messages", path_of(room))
            on:submit=handler(move |submit: web_sys::SubmitEvent| {
                submit.prevent_default();
                send();
            })
        >
            <input type="hidden" name="nonce" value=Uuid::new_v4().to_string()/>
            // By the time this is sent, the cookie may belong to someone else.
            <input type="hidden" name="author" value=chat.me.to_string()/>
            {thread.map(|root| view! { <input type="hidden" name="thread" value=root.to_string()/> }.into_any())}
            {refused.words("").or_else(|| refused.words("body")).map(|why| {
                view! {
                    <div class="no-script form-error" role="alert">
                        {why}
                        <p class="your-words">{refused_text}</p>
                    </div>
                }.into_any()
            })}
            {live(move || is_editing.get().then(|| later::editing_bar(room)))}
            {live(move || has_strip.get().then(|| later::strips(desk)))}
            <div class="composer-box">
                {live(move || has_files.get().then(|| later::attached(desk)))}
                {live(move || awake.get().then(|| later::writing(desk, field)))}
                <textarea
                    name="body"
                    rows="1"
                    dir="auto"
                    aria-label=live(move || match is_editing.get() {
                        true => words.edit_message().to_owned(),
                        false => prompt(),
                    })
                    readonly=live(move || chat.edit_at(desk).is_some_and(|edit| edit.is_saving()))
                    placeholder=live(prompt)
                    title=words.composer_hint()
                    autocomplete="off"
                    aria-describedby=note_id
                    aria-invalid=live(move || (length.get() > limits::BODY_CHARS_MAX).then_some("true"))
                    node_ref=field
                    on:input:target=move |input| changed(&input.target())
                    // Another text would take the characters from the input method.
                    on:compositionstart=handler(move |_| chat.hold_drafts(true))
                    on:compositionend=handler(move |_| chat.hold_drafts(false))
                    on:keydown=key_handler(pressed)
                ></textarea>
                <label class="composer-tool scripted" title=words.attach_files()>
                    <input
                        type="file"
                        multiple
                        class="sr-only"
                        aria-label=words.attach_files()
                        disabled=live(move || is_editing.get())
                        on:change:target=move |change| {
                            let input = change.target();
                            if let Some(files) = input.files() {
                                chat.attach(desk, &files);
                            }
                            // The same file can be picked again.
                            input.set_value("");
                            if let Some(field) = field.get_untracked() {
                                drop(field.focus());
                            }
                        }
                    />
                    <Icon name="plus"/>
                </label>
                <button
                    type="button"
                    class="composer-tool scripted"
                    aria-label=words.formatting()
                    title=words.formatting()
                    aria-expanded=live(move || chat.screen.formatting.get().to_string())
                    // Focus stays in the field.
                    on:pointerdown=handler(|pointer: web_sys::PointerEvent| pointer.prevent_default())
                    on:click=handler(move |_| chat.screen.formatting.update(|on| *on = !*on))
                >
                    "Aa"
                </button>
                <button
                    type="button"
                    class="composer-tool scripted"
                    aria-label=words.emoji()
                    title=words.emoji()
                    on:click=handler(move |_| chat.screen.dialog.set(Some(Dialog::Emoji(desk, None))))
                >
                    <Icon name="smile"/>
                </button>
                // A scheduled message is no reply, and in no thread.
                {live(move || (length.get() > 0 && thread.is_none() && !is_editing.get() && !has_strip.get()).then(|| view! {
                    <button
                        type="button"
                        class="icon-button send-later"
                        aria-label=words.schedule_message()
                        title=words.schedule_message()
                        on:click=handler(move |_| chat.screen.dialog.set(Some(Dialog::SendLater(room))))
                    >
                        <Icon name="clock"/>
                    </button>
                }.into_any()))}
                <button
                    type="submit"
                    class="send"
                    aria-label=live(act)
                    title=live(act)
                    data-ready=live(move || (length.get() > 0 || has_files.get()).then_some("true"))
                >
                    {live(move || view! { <Icon name=if is_editing.get() { "check" } else { "send" }/> }.into_any())}
                </button>
            </div>
            {thread.map(|_| view! {
                <label class="composer-also">
                    <input
                        type="checkbox"
                        name="in_room"
                        value="1"
                        checked=was_in_room
                        prop:checked=live(in_room)
                        on:change:target=move |change| {
                            also.set(change.target().checked().then_some(desk));
                        }
                    />
                    {words.also_in_room()}
                </label>
            }.into_any())}
            <p class="composer-note" id=note_id role="status">
                {live(move || note().map(|(bad, text)| view! { <span class:bad=bad>{text}</span> }.into_any()))}
            </p>
            <p class="no-script composer-script">{words.needs_script()}</p>
        </form>
    }
}

/// Whether this key sends. On touch screens, Enter begins a new line.
pub(crate) fn sends(key: &web_sys::KeyboardEvent) -> bool {
    let is_meant = key.ctrl_key() || key.meta_key() || !browser::is_touched();
    key.key() == "Enter" && !key.shift_key() && !key.alt_key() && is_meant
}

/// Whether a text contains `part`. The standard library's search is faster, but large.
fn has_text(text: &str, part: &str) -> bool {
    part.is_empty() || text.as_bytes().windows(part.len()).any(|some| some == part.as_bytes())
}

fn left(length: usize) -> i64 {
    limits::BODY_CHARS_MAX as i64 - length as i64
}

/// Both texts, or only one if it contains the other.
fn joined(kept: String, typed: &str) -> String {
    let has = |text: &str, part: &str| has_text(text, part.trim());
    if has(&kept, typed) {
        kept
    } else if has(typed, &kept) {
        typed.to_owned()
    } else {
        format!("{kept}\n{typed}")
    }
}
