//! The list of saved messages: due reminders first, then the most recently saved.
//!
//! The client knows which messages are saved. Their texts are fetched as they are shown, because a
//! message may have been edited or deleted, or may be unreadable by now.

use client::{SortedMap, sort_by};
use leptos::prelude::*;
use protocol::{Command, ErrorCode, Message, Refusal, Reply, RoomId, Saved, Seq, limits::PREVIEWS_MAX};

use super::list::{keep_keyboard, nothing};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::{
    components::{dialogs::room_form::Why, effect, handler, icon::Icon, list, list_item, live},
    state::{Chat, Dialog, use_chat},
    text::plain,
};

/// How much of a message is shown, in characters.
const SHOWN_CHARS: usize = 140;
/// How many messages are shown at first, and how many each step adds.
const SHOWN_AT_ONCE: usize = 30;

/// Texts by message; `None` if the viewer may not read it.
pub(super) type Texts = RwSignal<SortedMap<(RoomId, Seq), Option<Message>>>;

/// Fetches those texts that are not there yet.
pub(super) fn fetch(chat: Chat, texts: Texts, wanted: &[(RoomId, Seq)], failed: RwSignal<Option<Refusal>>) {
    let missing: Vec<(RoomId, Seq)> =
        texts.with_untracked(|texts| wanted.iter().copied().filter(|key| !texts.contains_key(key)).collect());
    let mut rooms: Vec<RoomId> = missing.iter().map(|(room, _)| *room).collect();
    sort_by(&mut rooms, Ord::cmp);
    rooms.dedup();
    for room in rooms {
        let seqs: Vec<Seq> = missing.iter().filter(|(of, _)| *of == room).map(|(_, seq)| *seq).collect();
        for part in seqs.chunks(PREVIEWS_MAX) {
            let seqs = part.to_vec();
            let command = Command::Previews { room, seqs: seqs.clone() };
            chat.ask(command, move |result| {
                let messages = match result {
                    Ok(Reply::Previews { messages, .. }) => messages,
                    Err(why) if why.code != ErrorCode::RoomUnknown => {
                        failed.try_set(Some(why));
                        return;
                    }
                    // The viewer is no longer in the room.
                    Ok(_) | Err(_) => Vec::new(),
                };
                texts.try_update(|texts| {
                    texts.extend(seqs.into_iter().map(|seq| ((room, seq), None)));
                    texts.extend(messages.into_iter().map(|it| ((room, it.seq), Some(it))));
                });
            });
        }
    }
}

/// The list.
#[component]
pub(super) fn SavedList() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let limit = RwSignal::new(SHOWN_AT_ONCE);
    let (texts, failed): (Texts, _) = (RwSignal::new(SortedMap::new()), RwSignal::new(None::<Refusal>));
    let all = Memo::new(move |_| {
        chat.with_personal(|personal| {
            let mut all: Vec<Saved> = personal.saved().into_iter().cloned().collect();
            sort_by(&mut all, |a, b| (b.due, b.at, b.message).cmp(&(a.due, a.at, a.message)));
            all
        })
    });
    let shown = move || all.with(|all| all.iter().take(limit.get()).cloned().collect::<Vec<_>>());
    effect(move || {
        let wanted: Vec<(RoomId, Seq)> = shown().iter().map(|one| (one.room, one.message)).collect();
        fetch(chat, texts, &wanted, failed);
    });
    let more = move |_| limit.update(|limit| *limit += SHOWN_AT_ONCE);
    view! {
        {live(move || all.with(Vec::is_empty).then(|| nothing(words.no_saved(), words.no_saved_hint())))}
        <Why failed/>
        <ul>
            {list(move || {
                let draw = |saved: Saved| {
                    let key = (saved.room, saved.message);
                    // The text on the screen, or else as it was fetched.
                    let text = chat.message(saved.room, saved.message).map(Some);
                    let text = text.or_else(|| texts.with(|texts| texts.get(&key).cloned()));
                    let name = chat.room_name(saved.room);
                    let state = text.as_ref().map(|text| text.as_ref().map(|text| (text.rev, chat.user(text.author).name.clone())));
                    list_item((key.0.0, key.1.0, saved.rev.0, name.clone(), state), move || {
                        view! { <SavedLine saved name text/> }.into_any()
                    })
                };
                shown().into_iter().map(draw).collect()
            })}
        </ul>
        {live(move || (all.with(Vec::len) > limit.get()).then(|| view! {
            <button type="button" class="button later-more" on:click=handler(more)>{words.show_more()}</button>
        }.into_any()))}
    }
}

/// One saved message. `text` is `None` until it has arrived, and `Some(None)` if the viewer may not
/// read it.
#[component]
fn SavedLine(saved: Saved, name: Option<String>, text: Option<Option<Message>>) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let (room, seq) = (saved.room, saved.message);
    let about = format!("saved-{room}-{seq}");
    let author = text.clone().flatten().map(|message| untrack(|| chat.user(message.author)).name.clone());
    // A direct room is named after its other person.
    let is_named = author.is_none() || author != name;
    let by = text.clone().flatten().map(|message| {
        let author = author.clone();
        let time = move || words.when(message.sent_at, chat.clock.get());
        view! { <strong dir="auto">{author}</strong> " " <time>{live(time)}</time> }.into_any()
    });
    let place = name.clone().unwrap_or_else(|| words.left_room().to_owned());
    let (said, is_there) = match text {
        None => (words.loading().to_owned(), false),
        Some(None) => (words.cannot_see().to_owned(), false),
        Some(Some(message)) if message.deleted => (words.message_deleted().to_owned(), false),
        Some(Some(message)) => (plain(&client::shown_text(&message), SHOWN_CHARS), true),
    };
    let remind_at = saved.remind_at;
    let due = saved.due;
    let reminder = remind_at.map(|at| {
        let told = move || {
            let time = words.moment(at, chat.clock.get());
            if due { words.reminder_due(&time) } else { words.reminder_at(&time) }
        };
        view! { <span class="later-time" class:due=due><Icon name="remind"/>{live(told)}</span> }.into_any()
    });
    let inside = view! {
        <span class="later-by">
            {by}
            {is_named.then(|| view! { <span class="later-room" dir="auto">{place}</span> }.into_any())}
        </span>
        <span class="later-text" class:faint=!is_there dir="auto" translate="yes">{said}</span>
        {reminder}
    }
    .into_any();
    let main = match is_there && name.is_some() {
        true => view! {
            <button type="button" class="later-main" id=about.clone() on:click=handler(move |_| chat.show_message(room, seq))>
                {inside}
            </button>
        }
        .into_any(),
        false => view! { <div class="later-main" id=about.clone()>{inside}</div> }.into_any(),
    };
    let done = move |_| {
        keep_keyboard();
        chat.save_message(room, seq, false);
    };
    let remind = move |_| chat.screen.dialog.set(Some(Dialog::Remind(room, seq)));
    view! {
        <li class="later-line">
            {main}
            <div class="later-acts">
                {is_there.then(|| tool("remind", words.remind_me(), about.clone(), handler(remind)))}
                {tool("check", words.mark_done(), about, handler(done))}
            </div>
        </li>
    }
}

/// A small button beside the line that it acts on.
pub(super) fn tool(
    icon: &'static str,
    name: &'static str,
    about: String,
    press: Box<dyn FnMut(web_sys::MouseEvent)>,
) -> AnyView {
    view! {
        <button type="button" class="icon-button" aria-label=name title=name aria-describedby=about on:click=press>
            <Icon name=icon/>
        </button>
    }
    .into_any()
}
