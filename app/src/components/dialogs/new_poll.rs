//! Makes a poll: a question, two to ten options, and two switches.
//!
//! Law: nothing that was typed is lost. The form is kept until it is sent, and a refused poll stays in the outbox until it is sent from
//! here. The question begins with the text in the composer, which is cleared when the poll is sent.

use leptos::{
    html::{Input, Textarea},
    prelude::*,
};
use protocol::{
    ErrorCode, NewPoll, Nonce, Refusal,
    limits::{POLL_OPTION_CHARS_MAX, POLL_OPTIONS_MAX, POLL_OPTIONS_MIN},
};
use web_sys::KeyboardEvent;

use super::DialogFrame;
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{effect, handler, icon::Icon, key_handler, live};
use crate::{
    browser,
    state::{Chat, Desk, UnsentPoll, use_chat},
};

/// An option that is being typed. Its key stays the same while others are added and removed. Its text is not a
/// signal: a signal created while a key is handled would belong to the field that has the focus, and end with it.
#[derive(Clone)]
struct Typed {
    key: usize,
    text: String,
}

/// The form.
#[derive(Clone, Copy)]
struct Form {
    chat: Chat,
    desk: Desk,
    refused: Option<Nonce>,
    question: RwSignal<String>,
    options: RwSignal<Vec<Typed>>,
    several: RwSignal<bool>,
    anonymous: RwSignal<bool>,
    /// Why it was not sent, and the option at fault, by its key; `None` for the question, or for all.
    failed: RwSignal<Option<(Option<usize>, Refusal)>>,
    /// The text of the composer with which the question began.
    began: StoredValue<String>,
}

/// A new poll at a composer, or one that was refused.
#[component]
pub fn NewPollDialog(desk: Desk, refused: Option<Nonce>) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let form = Form::begin(chat, desk, refused);
    let question = NodeRef::<Textarea>::new();
    effect(move || {
        if let Some(field) = question.get() {
            field.set_value(&form.question.get_untracked());
            // Its height is known once the dialog is shown, and the dialog would take the keyboard back until then.
            request_animation_frame(move || {
                browser::fit_height(&field);
                drop(field.focus());
            });
        }
    });
    let submit = move |submit: web_sys::SubmitEvent| {
        submit.prevent_default();
        form.send();
    };
    let of_question = move || form.failed.get().filter(|(at, why)| at.is_none() && is_of_text(why));
    let of_all = move || form.failed.get().filter(|(at, why)| at.is_none() && !is_of_text(why));
    let is_full = move || form.options.with(Vec::len) >= POLL_OPTIONS_MAX;
    let add = move || {
        let button = || {
            let add = handler(move |_| form.add());
            view! {
                <button type="button" class="button poll-add" on:click=add>
                    <Icon name="plus"/>
                    {words.add_option()}
                </button>
            }
            .into_any()
        };
        (!is_full()).then(button)
    };
    let switch = move |on: RwSignal<bool>, name: &'static str, hint: &'static str| {
        view! {
            <label class="poll-switch">
                <input
                    type="checkbox"
                    prop:checked=live(move || on.get())
                    on:change=handler(move |_| {
                        on.update(|on| *on = !*on);
                        form.keep();
                    })
                />
                <span>
                    <strong>{name}</strong>
                    <span class="kind-hint">{hint}</span>
                </span>
            </label>
        }
        .into_any()
    };
    let options = move || {
        form.options
            .get()
            .into_iter()
            .enumerate()
            .map(|(at, typed)| form.option(at, typed))
            .collect::<Vec<_>>()
    };
    view! {
        <DialogFrame title=words.new_poll()>
            <form class="dialog-form poll-form" novalidate on:submit=handler(submit)>
                <div class="field" data-invalid=live(move || of_question().map(|_| "true"))>
                    <label for="poll-question">{words.poll_question()}</label>
                    <textarea
                        id="poll-question"
                        class="input"
                        rows="1"
                        dir="auto"
                        autocomplete="off"
                        aria-invalid=live(move || of_question().map(|_| "true"))
                        aria-describedby="poll-question-error"
                        node_ref=question
                        on:input:target=move |input| {
                            let field = input.target();
                            form.question.set(field.value());
                            browser::fit_height(&field);
                            form.keep();
                        }
                        on:keydown=key_handler(move |key| {
                            if is_enter(&key) {
                                key.prevent_default();
                                form.go_to(0);
                            }
                        })
                    ></textarea>
                    {live(move || of_question().map(|(_, why)| error(chat, "poll-question-error", &why)))}
                </div>
                <div class="poll-fields" role="group" aria-label=words.poll()>{live(options)}</div>
                {live(add)}
                {live(move || of_all().map(|(_, why)| error(chat, "poll-error", &why)))}
                <div class="poll-switches">
                    {switch(form.several, words.poll_several(), words.poll_several_hint())}
                    {switch(form.anonymous, words.poll_anonymous(), words.poll_anonymous_hint())}
                </div>
                <footer class="dialog-foot">
                    <button type="button" class="button" on:click=handler(move |_| chat.screen.dialog.set(None))>
                        {words.cancel()}
                    </button>
                    <button type="submit" class="button primary">{words.send()}</button>
                </footer>
            </form>
        </DialogFrame>
    }
}

fn error(chat: Chat, id: &'static str, why: &Refusal) -> AnyView {
    let said = chat.words.refusal(why);
    view! { <p class="field-error" id=id role="alert">{said}</p> }.into_any()
}

/// Whether a refusal is about one text.
fn is_of_text(why: &Refusal) -> bool {
    [ErrorCode::TextEmpty, ErrorCode::TextTooLong, ErrorCode::TextInvalid, ErrorCode::MentionsTooMany]
        .contains(&why.code)
}

fn is_enter(key: &KeyboardEvent) -> bool {
    key.key() == "Enter" && !(key.shift_key() || key.ctrl_key() || key.meta_key() || key.alt_key())
}

impl Form {
    /// With what was refused, what was not sent before, or the text in the composer.
    fn begin(chat: Chat, desk: Desk, refused: Option<Nonce>) -> Self {
        let of_refused = || {
            let pending = chat.pending(refused?)?;
            Some((String::new(), pending.body, pending.poll.unwrap_or_default()))
        };
        let of_before = || {
            let kept = chat.screen.new_polls.get_value().into_iter().find(|kept| kept.desk == desk);
            kept.filter(|_| refused.is_none()).map(|kept| (kept.began, kept.question, kept.poll))
        };
        let of_draft = || {
            let draft = chat.draft(desk);
            (draft.clone(), draft.trim().to_owned(), NewPoll::default())
        };
        let (began, question, poll) = of_refused().or_else(of_before).unwrap_or_else(of_draft);
        let mut texts = poll.options;
        texts.resize(texts.len().max(POLL_OPTIONS_MIN), String::new());
        let typed = |(key, text)| Typed { key, text };
        Self {
            chat,
            desk,
            refused,
            question: RwSignal::new(question),
            options: RwSignal::new(texts.into_iter().enumerate().map(typed).collect()),
            several: RwSignal::new(poll.several),
            anonymous: RwSignal::new(poll.anonymous),
            failed: RwSignal::new(None),
            began: StoredValue::new(began),
        }
    }

    /// One option: its field, and a button that removes it while there are more than two.
    fn option(self, at: usize, Typed { key, text }: Typed) -> AnyView {
        let words = self.chat.words;
        let id = format!("poll-option-{key}");
        let error_id = format!("{id}-error");
        let label = words.poll_option(&(at + 1).to_string());
        let blamed = move || self.failed.get().filter(|(of, _)| *of == Some(key));
        let remove_label = words.remove_option(&(at + 1).to_string());
        let is_removable = move || self.options.with(Vec::len) > POLL_OPTIONS_MIN;
        let remove = move || {
            is_removable().then(|| {
                let label = remove_label.clone();
                view! {
                    <button
                        type="button"
                        class="icon-button"
                        aria-label=label.clone()
                        title=label
                        on:click=handler(move |_| self.remove(key))
                    >
                        <Icon name="close"/>
                    </button>
                }
                .into_any()
            })
        };
        let field = NodeRef::<Input>::new();
        let (described, error_of) = (error_id.clone(), error_id);
        view! {
            <div class="field poll-field" data-invalid=live(move || blamed().map(|_| "true"))>
                <input
                    id=id
                    type="text"
                    dir="auto"
                    autocomplete="off"
                    maxlength=POLL_OPTION_CHARS_MAX * 2
                    placeholder=label.clone()
                    aria-label=label
                    aria-invalid=live(move || blamed().map(|_| "true"))
                    aria-describedby=described
                    enterkeyhint="next"
                    value=text
                    node_ref=field
                    on:input:target=move |input| {
                        self.put(key, input.target().value());
                        self.keep();
                    }
                    on:keydown=key_handler(move |key| self.pressed(at, &key))
                />
                {live(remove)}
                {live(move || blamed().map(|(_, why)| {
                    let (said, id) = (words.refusal(&why), error_of.clone());
                    view! { <p class="field-error" id=id role="alert">{said}</p> }.into_any()
                }))}
            </div>
        }
        .into_any()
    }

    /// Enter goes to the next option, and from the last one to a new one, unless that is empty. The arrows move between them.
    fn pressed(self, at: usize, key: &KeyboardEvent) {
        let last = self.options.with_untracked(Vec::len) - 1;
        let is_blank = || self.options.with_untracked(|all| all[at].text.trim().is_empty());
        match key.key().as_str() {
            "ArrowDown" if at < last => self.go_to(at + 1),
            "ArrowUp" if at > 0 => self.go_to(at - 1),
            "Enter" if is_enter(key) && at < last => self.go_to(at + 1),
            "Enter" if is_enter(key) && last + 1 < POLL_OPTIONS_MAX && !is_blank() => self.add(),
            // From an empty last one, Enter sends.
            _ => return,
        }
        key.prevent_default();
    }

    fn go_to(self, at: usize) {
        let key = self.options.with_untracked(|all| all.get(at).map(|typed| typed.key));
        if let Some(key) = key {
            request_animation_frame(move || browser::focus_first(&format!("#poll-option-{key}")));
        }
    }

    fn add(self) {
        self.options.update(|all| {
            let key = all.iter().map(|typed| typed.key + 1).max().unwrap_or_default();
            all.push(Typed { key, text: String::new() });
        });
        self.go_to(self.options.with_untracked(Vec::len) - 1);
        self.keep();
    }

    fn remove(self, key: usize) {
        let at = self.options.with_untracked(|all| all.iter().position(|typed| typed.key == key));
        self.options.update(|all| all.retain(|typed| typed.key != key));
        self.go_to(at.unwrap_or_default().min(self.options.with_untracked(Vec::len) - 1));
        self.keep();
    }

    /// What is typed in a field. The fields are not drawn anew.
    fn put(self, key: usize, text: String) {
        let mut all = self.options.write_untracked();
        if let Some(typed) = all.iter_mut().find(|typed| typed.key == key) {
            typed.text = text;
        }
    }

    /// The poll as it is in the form.
    fn typed(self) -> (String, NewPoll) {
        let options = self.options.with_untracked(|all| all.iter().map(|typed| typed.text.clone()).collect());
        let (several, anonymous) = (self.several.get_untracked(), self.anonymous.get_untracked());
        (self.question.get_untracked(), NewPoll { options, several, anonymous })
    }

    /// Keeps what is in the form. What was refused is kept in the outbox.
    fn keep(self) {
        self.failed.set(None);
        if self.refused.is_none() {
            let (desk, began, (question, poll)) = (self.desk, self.began.get_value(), self.typed());
            self.forget();
            let kept = UnsentPoll { desk, began, question, poll };
            self.chat.screen.new_polls.update_value(|all| all.push(kept));
        }
    }

    /// Keeps it no longer.
    fn forget(self) {
        self.chat.screen.new_polls.update_value(|all| all.retain(|kept| kept.desk != self.desk));
    }

    /// Why the poll cannot be sent, and which option is at fault. Empty options do not count.
    fn checked(self) -> Result<(String, NewPoll), (Option<usize>, Refusal)> {
        let (question, mut poll) = self.typed();
        let question = protocol::Body::parse(&question).map_err(|why| (None, why))?.into_string();
        let keys: Vec<usize> = self.options.with_untracked(|all| {
            let is_filled = |typed: &&Typed| !typed.text.trim().is_empty();
            all.iter().filter(is_filled).map(|typed| typed.key).collect()
        });
        poll.options.retain(|option| !option.trim().is_empty());
        // An option with one that is surely another, so that each is blamed for its own text.
        for (key, option) in keys.iter().zip(&poll.options) {
            let other = if option.trim() == "a" { "b" } else { "a" };
            let alone = NewPoll { options: vec![option.clone(), other.to_owned()], ..NewPoll::default() };
            alone.parse().map_err(|why| (Some(*key), why))?;
        }
        let poll = poll.parse().map_err(|why| (None, why))?;
        Ok((question, poll))
    }

    fn send(self) {
        let (chat, desk) = (self.chat, self.desk);
        let also = chat.screen.also_in_room;
        // What was refused goes where it was to go.
        let (reply_to, in_room) = match self.refused.and_then(|nonce| chat.pending(nonce)) {
            Some(pending) => (pending.reply_to, pending.in_room),
            None => (untrack(|| chat.screen.replying_at(desk)), also.get_untracked() == Some(desk)),
        };
        let sent = self.checked().and_then(|(question, poll)| {
            let sent = chat.send_with(desk, (reply_to, in_room), &question, Some(poll));
            sent.map_err(|why| (None, why)).map(|()| question)
        });
        let question = match sent {
            Ok(question) => question,
            Err((at, why)) => {
                let what = match at {
                    Some(key) => format!("#poll-option-{key}"),
                    None if is_of_text(&why) => "#poll-question".to_owned(),
                    None => ".poll-field:last-of-type input".to_owned(),
                };
                self.failed.set(Some((at, why)));
                browser::focus_first(&what);
                return;
            }
        };
        match self.refused {
            Some(nonce) => drop(chat.take_back(nonce)),
            None => {
                self.forget();
                if in_room {
                    also.set(None);
                }
                // The text in the composer became the question. Words that were added there meanwhile stay.
                let draft = chat.draft(desk);
                if draft == self.began.get_value() || draft.trim() == question {
                    chat.clear_draft(desk, &draft);
                }
            }
        }
        chat.screen.dialog.set(None);
        match desk.thread {
            Some(_) => chat.screen.newest_reply(),
            None => chat.screen.newest(),
        }
    }
}
