//! One row of the timeline: a message, a day, or the line of unread messages. A row is replaced
//! when it changes; only its tick and the overlay of `message_tools.rs` update in place.

use std::sync::Arc;

use client::{
    MessageRow as Message, RepliesRow, RowForward, RowKey, RowQuote, RowReaction, RowThread, SendState, Tick,
};
use leptos::prelude::*;
use protocol::{Nonce, Refusal, RoomId, Seq, User, UserId};

use super::{avatar::Avatar, files::files, formatted::formatted, icon::Icon, poll::poll, previews::previews};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{handler, live};
use crate::{
    address::Panel,
    browser, later,
    state::{Chat, Dialog, link_of, path_of, use_chat},
    text::{has_marks, is_pictures_only, isolated, plain},
};

/// The most of a quoted message that fits on a line.
const QUOTED_CHARS: usize = 120;
/// How many names of the people who reacted are shown; the others are only counted.
const NAMES_MAX: usize = 12;

/// The key under which a row is found again after the list has changed.
#[must_use]
pub fn key_text(key: RowKey) -> String {
    match key {
        RowKey::Beginning => "beginning".to_owned(),
        RowKey::Day(day) => format!("day-{day}"),
        RowKey::Unread => "unread".to_owned(),
        RowKey::Message(id) => id.simple().to_string(),
        RowKey::Replies(first) => format!("replies-{first}"),
    }
}

/// A message.
#[component]
pub fn MessageRow(
    /// The room.
    room: RoomId,
    /// The row's key.
    key: RowKey,
    /// The message.
    message: Message,
) -> impl IntoView {
    let chat = use_chat();
    let time = format!("{:02}:{:02}", message.minute / 60, message.minute % 60);
    let (iso, moment) =
        (client::iso_of(message.at), chat.words.moment(message.at, chat.clock.get_untracked()));
    let label = chat.words.message_by(&message.author.name, &time);
    let refused = match &message.sending {
        Some(SendState::Refused(refusal)) => Some((message.nonce, refusal.clone())),
        Some(SendState::Waiting | SendState::OnItsWay) | None => None,
    };
    let is_pending = message.deleting || (message.sending.is_some() && refused.is_none());
    let gutter = match message.first_of_run {
        true => view! { <Avatar user=(*message.author).clone()/> }.into_any(),
        false => {
            view! { <time class="row-time" datetime=iso.clone() title=moment.clone()>{time.clone()}</time> }
                .into_any()
        }
    };
    let byline = message.first_of_run.then(|| {
        view! {
            <div class="byline">
                <span class="author" dir="auto">{message.author.name.clone()}</span>
                {message.namesake.then(|| view! { <span class="author-handle">{format!("@{}", message.author.handle)}</span> }.into_any())}
                <time class="row-time" datetime=iso title=moment>{time}</time>
            </div>
        }
        .into_any()
    });
    let state = match (&message.sending, message.seq) {
        (Some(state), _) => view! { <Pending state=state.clone()/> }.into_any(),
        (None, _) if message.deleting => {
            view! { <Mark icon="clock" label=chat.words.deleting()/> }.into_any()
        }
        (None, Some(seq)) if message.last_own => view! { <Ticks room seq/> }.into_any(),
        (None, _) => ().into_any(),
    };
    let words = chat.words;
    let said = match message.deleted {
        true => view! { <em class="deleted">{words.message_deleted()}</em> }.into_any(),
        false => formatted(chat, (room, message.seq), &message.body, &message.mentions),
    };
    let forward = message.forward.as_ref().map(|forward| forwarded(chat, (room, message.seq), forward));
    // A comment stands above what it is about; without one, only the marks are left, and stand below.
    let (above, below) = if message.body.is_empty() { (forward, None) } else { (None, forward) };
    let can_edit = message.forward.is_none();
    let quote = message.quote.clone().map(|quote| quote_line(chat, room, &quote));
    let in_thread = message.in_thread.clone().map(|root| in_thread_line(chat, room, &root));
    let thread =
        message.seq.zip(message.thread.clone()).map(|(seq, thread)| thread_line(chat, room, seq, &thread));
    let is_to_me = !message.own && message.mentions.iter().any(|one| one.to_me);
    let edited = message.seq.filter(|_| message.edited && !message.deleted).map(|seq| {
        let open = move |_| chat.screen.dialog.set(Some(Dialog::EditHistory(room, seq)));
        view! {
            <button type="button" class="edited" data-act="edited" title=words.edit_history() on:click=handler(open)>
                {words.edited()}
            </button>
        }
        .into_any()
    });
    let pinned = message.pinned.then(|| view! { <Mark icon="pin" label=words.pinned()/> }.into_any());
    let saved = message.saved.then(|| view! { <Mark icon="save" label=words.message_saved()/> }.into_any());
    let reactions = message.seq.filter(|_| !message.reactions.is_empty()).map(|seq| {
        let reactions = message.reactions.clone();
        view! { <Reactions room seq reactions/> }.into_any()
    });
    let shown_files = files(chat, room, &message.files, message.seq.is_some());
    let held = (message.sending == Some(SendState::Waiting) && !message.files.is_empty()).then(|| {
        let (nonce, ids) = (message.nonce, message.files.iter().map(|file| file.id).collect::<Vec<_>>());
        live(move || chat.is_uploading(&ids).then(|| cancel_upload(chat, nonce)))
    });
    let asked = message.poll.as_ref().map(|shown| poll(chat, (room, message.seq), shown, message.own));
    let linked = previews(chat, (room, message.seq), &message.previews, message.own && !message.deleting);
    let is_offered = !message.deleted && !message.deleting && message.sending.is_none();
    let offered = message.seq.filter(|_| is_offered).map(|seq| {
        let has_tools = Memo::new(move |_| chat.screen.has_tools(seq));
        live(move || has_tools.get().then(|| later::tools(room, seq)))
    });
    let is_marked = move || {
        let sheet = chat.screen.sheet.get().map(|(_, seq)| seq);
        message.seq.is_some() && [chat.edited(), sheet].contains(&message.seq)
    };
    view! {
        <article
            class="row"
            class:first=message.first_of_run
            class:pending=is_pending
            class:pictures=is_pictures_only(&message.body)
            class:to-me=is_to_me
            class:marks=has_marks(&message.body)
            class:marked=live(is_marked)
            aria-label=label
            tabindex="-1"
            data-key=key_text(key)
            data-seq=message.seq.map(|seq| seq.0)
            data-seen=message.thread.as_ref().and_then(|thread| thread.told).map(|told| told.0)
            data-tools=(is_offered && message.seq.is_some()).then_some("")
        >
            <div class="gutter">{gutter}</div>
            <div class="row-body">
                {byline} {in_thread} {quote} {above}
                <div class="text" dir="auto" translate="yes">{said} {edited} {pinned} {saved} {state}</div>
                {below}
                {shown_files}
                {held}
                {asked}
                {linked}
                {reactions}
                {thread}
                {refused.map(|(nonce, refusal)| view! { <RefusedMessage nonce refusal can_edit/> }.into_any())}
                {message.seq.map(|seq| live(move || notice(chat, room, seq)))}
            </div>
            {offered}
        </article>
    }
    .into_any()
}

/// Takes a message that waits for its files back into the composer.
fn cancel_upload(chat: Chat, nonce: Nonce) -> AnyView {
    let back = handler(move |_| chat.edit_refused(nonce));
    view! { <button type="button" class="cancel-upload" data-act="cancel" on:click=back>{chat.words.cancel()}</button> }
        .into_any()
}

/// What a quoted message says, in one line.
fn quoted(chat: Chat, quote: &RowQuote) -> String {
    match (&quote.author, quote.deleted) {
        (Some(_), false) => plain(&quote.body, QUOTED_CHARS),
        (Some(_), true) => chat.words.message_deleted().to_owned(),
        (None, _) => chat.words.quoted_gone().to_owned(),
    }
}

/// A link to a thread, which works without script too.
fn to_thread(chat: Chat, room: RoomId, root: Seq, class: &'static str, inside: Vec<AnyView>) -> AnyView {
    let go = move |click: web_sys::MouseEvent| {
        if !(click.ctrl_key() || click.meta_key() || click.shift_key()) {
            click.prevent_default();
            chat.open_panel(Panel::Thread(root));
        }
    };
    let href = Panel::Thread(root).beside(&path_of(room));
    view! { <a class=class href=href data-act="thread" on:click=handler(go)>{inside}</a> }.into_any()
}

/// A part of such a link. One kind of element for all: each other one would be code of its own.
fn part(class: &'static str, inside: AnyView) -> AnyView {
    view! { <span class=class>{inside} " "</span> }.into_any()
}

/// A run of replies in a thread, as one line that leads there.
pub(crate) fn replies_line(chat: Chat, room: RoomId, key: String, replies: &RepliesRow) -> AnyView {
    let words = chat.words;
    let names: Vec<String> = replies.authors.iter().take(2).map(|author| isolated(&author.name)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let names = words.names(&names, replies.authors.len() - names.len());
    let said = words.replied_to(&names, &isolated(&quoted(chat, &replies.root)));
    let (class, count) = match replies.is_new {
        true => ("replies-link new", words.replies_new(replies.count)),
        false => ("replies-link", words.replies_count(replies.count)),
    };
    let icon = view! { <Icon name="thread"/> }.into_any();
    let inside = vec![icon, part("replies-said", said.into_any()), part("replies-count", count.into_any())];
    view! {
        <div class="replies" data-key=key data-seen=replies.last.0>
            {to_thread(chat, room, replies.root.seq, class, inside)}
        </div>
    }
    .into_any()
}

/// Above a reply that is also shown in the room: which thread it is in.
fn in_thread_line(chat: Chat, room: RoomId, root: &RowQuote) -> AnyView {
    let said = chat.words.in_thread(&isolated(&quoted(chat, root)));
    let inside = vec![view! { <Icon name="thread"/> }.into_any(), part("", said.into_any())];
    to_thread(chat, room, root.seq, "quote in-thread", inside)
}

/// Below a root: who replied, how often, and when last.
fn thread_line(chat: Chat, room: RoomId, root: Seq, thread: &RowThread) -> AnyView {
    let words = chat.words;
    let at = thread.at;
    let face = |author: &Arc<User>| view! { <Avatar user=(**author).clone()/> }.into_any();
    let faces: Vec<AnyView> = thread.authors.iter().map(face).collect();
    let last = live(move || words.last_reply(&words.when(at, chat.clock.get())));
    let mut inside = vec![
        part("thread-faces", faces.into_any()),
        part("thread-count", words.replies_count(thread.count).into_any()),
        part("thread-last", last.into_any()),
    ];
    if thread.is_new {
        inside.push(part("thread-new", words.new_replies().into_any()));
    }
    to_thread(chat, room, root, "thread-line", inside)
}

/// A message from another place: where it was, with a link for those who are there, who wrote it, if that may be said, and its text.
fn forwarded(chat: Chat, message: (RoomId, Option<Seq>), forward: &RowForward) -> AnyView {
    let (words, room, seq) = (chat.words, forward.room, forward.seq);
    let author = forward.author.as_ref().map(|author| isolated(&author.name));
    let head = live(move || {
        let name = chat.room_name(room);
        let is_direct = || chat.summary(room).is_some_and(|summary| summary.read().peer.is_some());
        let said = name.as_deref().filter(|_| !is_direct()).map(|name| words.forwarded_from(&isolated(name)));
        let mut said = said.unwrap_or_else(|| words.forwarded().to_owned());
        if let Some(author) = &author {
            said = format!("{said} · {author}");
        }
        let inside = vec![view! { <Icon name="forward"/> }.into_any(), part("", said.into_any())];
        match name {
            Some(_) => {
                view! { <a class="quote" href=link_of(room, seq) data-act="forward">{inside}</a> }.into_any()
            }
            None => view! { <span class="quote">{inside}</span> }.into_any(),
        }
    });
    let body = formatted(chat, message, &forward.body, &[]);
    let shown_files = files(chat, message.0, &forward.files, message.1.is_some());
    view! { <div class="forwarded">{head} <div class="text" dir="auto" translate="yes">{body}</div> {shown_files}</div> }
        .into_any()
}

/// The message to which another one replies, in one line, which leads to it.
fn quote_line(chat: Chat, room: RoomId, quote: &RowQuote) -> AnyView {
    let seq = quote.seq;
    let said = quoted(chat, quote);
    let author = quote.author.as_ref().map(|author| author.name.clone());
    let label = author.as_deref().map(|name| format!("{}: {said}", chat.words.in_reply_to(name)));
    let go = move |click: web_sys::MouseEvent| {
        if !(click.ctrl_key() || click.meta_key() || click.shift_key()) {
            click.prevent_default();
            chat.show_message(room, seq);
        }
    };
    view! {
        <a class="quote" href=link_of(room, seq) aria-label=label data-act="quote" on:click=handler(go)>
            <Icon name="reply"/>
            <strong dir="auto">{author}</strong>
            <span dir="auto" translate="yes">{said}</span>
        </a>
    }
    .into_any()
}

/// The reactions to a message. Each is a button that adds or removes the viewer's own.
#[component]
fn Reactions(room: RoomId, seq: Seq, reactions: Vec<RowReaction>) -> impl IntoView {
    let chat = use_chat();
    let chip = |RowReaction { emoji, users, asked }: RowReaction| {
        let own = users.iter().any(|user| chat.is_me(*user));
        let count = users.len();
        let label = chat.words.reaction(count, &emoji);
        let shown = emoji.clone();
        let who = move || names(chat, &users);
        let pressed = emoji.clone();
        let toggle = move |_| chat.react(room, seq, &pressed, !own);
        view! {
            <button
                type="button"
                class="reaction"
                class:pending=asked
                data-act=emoji.clone()
                aria-pressed=own.to_string()
                aria-label=label
                aria-description=live(who)
                on:click=handler(toggle)
            >
                <span aria-hidden="true" class="emoji">{shown}</span>
                <span aria-hidden="true" class="count">{count}</span>
            </button>
        }
        .into_any()
    };
    view! { <div class="reactions">{reactions.into_iter().map(chip).collect::<Vec<_>>()}</div> }
}

/// The notice beside a message: why an action on it failed.
fn notice(chat: Chat, room: RoomId, seq: Seq) -> Option<AnyView> {
    chat.screen.told(room, seq).map(|text| {
        let close = move |_| {
            browser::focus_row(seq);
            chat.screen.notice.set(None);
        };
        let label = chat.words.close();
        view! {
            <div class="row-notice">
                <span role="alert">{text}</span>
                <button type="button" data-act="close" aria-label=label title=label on:click=handler(close)>
                    <Icon name="close"/>
                </button>
            </div>
        }
        .into_any()
    })
}

/// The state of a message that is not stored yet.
#[component]
fn Pending(state: SendState) -> impl IntoView {
    let words = use_chat().words;
    let (icon, label) = match state {
        SendState::Waiting => ("clock", words.waiting()),
        SendState::OnItsWay => ("clock", words.sending()),
        SendState::Refused(_) => ("warning", words.not_sent()),
    };
    view! { <Mark icon label/> }
}

/// A small icon beside the text, with a label for screen readers.
#[component]
fn Mark(icon: &'static str, label: &'static str) -> impl IntoView {
    view! {
        <span class="tick" role="img" aria-label=label title=label>
            <Icon name=icon/>
        </span>
    }
}

/// The tick of the viewer's last message: a button, if it can show who has read it.
#[component]
fn Ticks(room: RoomId, seq: Seq) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let tick = move || chat.with_room(room, |state| state.tick(seq)).unwrap_or(Tick::Sent);
    let mark = move || {
        let (icon, label) = match tick() {
            Tick::Sent => ("check", words.sent()),
            Tick::Delivered => ("checks", words.delivered()),
            Tick::Read => ("checks", words.read()),
        };
        view! {
            <span class="tick" class:read=icon == "checks" && label == words.read() role="img" aria-label=label title=label>
                <Icon name=icon/>
            </span>
        }
        .into_any()
    };
    let open = move || chat.screen.read_by.get() == Some(seq);
    let toggle = move |_| {
        chat.screen.read_by.update(|shown| *shown = if *shown == Some(seq) { None } else { Some(seq) });
    };
    view! {
        <button type="button" class="ticks" data-act="ticks" aria-expanded=live(move || open().to_string()) on:click=handler(toggle)>
            {live(mark)}
        </button>
        {live(move || open().then(|| view! { <span class="read-by" dir="auto" role="status">{readers(chat, room, seq)}</span> }.into_any()))}
    }
}

fn readers(chat: Chat, room: RoomId, seq: Seq) -> String {
    let read = chat.with_room(room, |state| {
        let (readers, others) = state.read_by(seq);
        (readers.iter().map(|member| member.user).collect::<Vec<UserId>>(), others)
    });
    let Some((readers, others)) = read else { return String::new() };
    let readers: Vec<_> = readers.into_iter().map(|user| chat.user(user)).collect();
    let names: Vec<&str> = readers.iter().map(|user| user.name.as_str()).collect();
    chat.words.read_by(&names, others)
}

/// The names of up to [`NAMES_MAX`] people, and how many more there are.
pub(crate) fn names(chat: Chat, users: &[UserId]) -> String {
    let named: Vec<_> = users.iter().take(NAMES_MAX).map(|user| chat.user(*user)).collect();
    let names: Vec<&str> =
        named.iter().map(|user| user.name.as_str()).filter(|name| !name.is_empty()).collect();
    chat.words.names(&names, users.len() - names.len())
}

/// Why a message was refused for good, and what the viewer can do.
#[component]
fn RefusedMessage(nonce: Nonce, refusal: Refusal, can_edit: bool) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let again = move |_| {
        chat.retry(nonce);
        chat.screen.compose();
    };
    let edit = move |_| chat.edit_refused(nonce);
    let delete = move |_| {
        drop(chat.take_back(nonce));
        chat.screen.compose();
    };
    view! {
        <div class="refused" role="alert">
            <strong>{words.not_sent_because()}</strong>
            " "
            {words.refusal(&refusal)}
            <div class="refused-actions">
                <button type="button" on:click=handler(again)>{words.try_again()}</button>
                {can_edit.then(|| view! { <button type="button" on:click=handler(edit)>{words.edit()}</button> }.into_any())}
                <button type="button" on:click=handler(delete)>{words.delete()}</button>
            </div>
        </div>
    }
}
