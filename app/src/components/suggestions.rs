//! Completion of `@`, `#` and `:` in the composer.
//!
//! Focus stays in the field. This component sees the keys before the field does: the arrows choose,
//! Enter and Tab take, Esc closes.

use std::sync::Arc;

use leptos::{html, prelude::*};
use protocol::{Command, RoomId, RoomKind, User, limits::GROUP_OPEN_MAX};
use uuid::Uuid;
use web_sys::{HtmlTextAreaElement, KeyboardEvent};

use super::{
    avatar::{Avatar, RoomPicture},
    icon::Icon,
};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{effect, for_input_method, handler, listen, live};
use crate::{
    browser,
    emoji::{self, Habits},
    state::{Chat, use_chat},
    text::lower,
    typing::Replacement,
};

/// The most suggestions shown at once.
const SHOWN_MAX: usize = 7;

/// A person, a group of people, a channel, or an emoji.
#[derive(Clone, PartialEq)]
struct Suggestion {
    /// Whose picture is shown; nil for an emoji, which is its own picture, and for several people.
    id: Uuid,
    /// The text that is inserted: `@ana`.
    name: String,
    title: String,
    /// Secondary text.
    detail: String,
    /// Lower is a better match.
    rank: usize,
}

/// The list above the composer of a room; nothing if no name matches.
#[component]
pub(crate) fn Suggestions(
    room: RoomId,
    field: NodeRef<html::Textarea>,
    /// The name that is being typed.
    word: RwSignal<Option<String>>,
    /// Whether the emoji are loaded.
    emoji_known: RwSignal<bool>,
) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let groups_known = RwSignal::new(false);
    let found = Memo::new(move |_| {
        emoji_known.track();
        groups_known.track();
        word.with(|word| suggestions(chat, room, word.as_deref().unwrap_or_default()))
    });
    // Asked for once for each composer, unless it fails. From then on their changes come as events.
    let asked = StoredValue::new(false);
    effect(move || {
        let is_at = word.with(|word| word.as_ref().is_some_and(|word| word.starts_with('@')));
        if is_at && !asked.get_value() && !untrack(|| chat.is_guest().get()) {
            asked.set_value(true);
            chat.ask(Command::Groups {}, move |result| match result {
                Ok(_) => drop(groups_known.try_set(true)),
                Err(_) => drop(asked.try_set_value(false)),
            });
        }
    });
    let active = RwSignal::new(0_usize);
    effect(move || {
        word.track();
        active.set(0);
    });
    let take = move |index: usize| {
        let Some(name) = found.with_untracked(|all| all.get(index).map(|one| one.name.clone())) else {
            return;
        };
        let typed = word.get_untracked().unwrap_or_default();
        if let Some(field) = field.get_untracked() {
            replace_word(&field, typed.len(), &name);
        }
        if typed.starts_with(':') {
            Habits::of(chat).used(chat, &name);
        }
        word.set(None);
    };
    let pressed = move |key: &KeyboardEvent| -> bool {
        let count = found.with_untracked(Vec::len);
        if count == 0 || for_input_method(key) || key.ctrl_key() || key.meta_key() || key.alt_key() {
            return false;
        }
        let at = active.get_untracked().min(count - 1);
        match key.key().as_str() {
            // The name is already complete, so the composer gets the key.
            "Enter"
                if found.with_untracked(|all| all.get(at).map(|one| one.name.clone()))
                    == word.get_untracked() =>
            {
                word.set(None);
                return false;
            }
            "ArrowDown" => active.update(|at| *at = (*at + 1) % count),
            "ArrowUp" => active.update(|at| *at = (*at + count - 1) % count),
            "Enter" | "Tab" if !key.shift_key() => take(at),
            "Escape" => word.set(None),
            _ => return false,
        }
        true
    };
    effect(move || {
        let form = field.get().and_then(|field| field.closest("form").ok().flatten());
        let Some(form) = form else { return };
        listen(form, "keydown", true, move |key: KeyboardEvent| {
            if pressed(&key) {
                key.prevent_default();
                key.stop_propagation();
            }
        });
    });
    // The ARIA attributes of the field.
    effect(move || {
        let Some(field) = field.get() else { return };
        let shown = found.with(Vec::len);
        let tell = |name: &str, value: Option<String>| match value {
            Some(value) => drop(field.set_attribute(name, &value)),
            None => drop(field.remove_attribute(name)),
        };
        tell("aria-controls", (shown > 0).then(|| LIST.to_owned()));
        tell("aria-activedescendant", (shown > 0).then(|| format!("{LIST}-{}", active.get())));
    });
    on_cleanup(move || {
        if let Some(field) = field.get_untracked() {
            for name in ["aria-controls", "aria-activedescendant"] {
                drop(field.remove_attribute(name));
            }
        }
    });
    let line = move |(index, one): (usize, Suggestion)| {
        let picture = picture(chat, &one);
        view! {
            <li
                id=format!("{LIST}-{index}")
                class="suggestion"
                role="option"
                aria-selected=live(move || (active.get() == index).to_string())
                on:pointerdown=handler(move |pointer: web_sys::PointerEvent| pointer.prevent_default())
                on:click=handler(move |_| take(index))
            >
                {picture}
                <span class="suggestion-title" dir="auto">{one.title}</span>
                <span class="suggestion-name">{one.detail}</span>
            </li>
        }
        .into_any()
    };
    live(move || {
        let all = found.get();
        (!all.is_empty()).then(|| {
            view! {
                <ul class="suggestions" id=LIST role="listbox" aria-label=words.suggestions()>
                    {all.into_iter().enumerate().map(line).collect::<Vec<_>>()}
                </ul>
            }
            .into_any()
        })
    })
}

/// The id of the list.
const LIST: &str = "suggestions";

/// Replaces the word before the cursor with a name, followed by a space.
fn replace_word(field: &HtmlTextAreaElement, len: usize, name: &str) {
    let (text, selected) = browser::selected(field);
    let Some(start) = selected.end.checked_sub(len) else { return };
    let has_space = text.get(selected.end..).is_some_and(|rest| rest.starts_with(' '));
    let with = if has_space { name.to_owned() } else { format!("{name} ") };
    let end = with.len() + usize::from(has_space);
    browser::replace(field, &text, &Replacement { range: start..selected.end, with, select: end..end });
}

fn picture(chat: Chat, one: &Suggestion) -> AnyView {
    if one.id.is_nil() {
        if one.name.starts_with('@') {
            return view! { <span class="avatar sign"><Icon name="group"/></span> }.into_any();
        }
        return view! { <span class="suggestion-emoji" aria-hidden="true">{one.name.clone()}</span> }
            .into_any();
    }
    match chat.summary(RoomId(one.id)) {
        Some(summary) => view! { <RoomPicture summary=summary.read_untracked().clone()/> }.into_any(),
        None => {
            let user = untrack(|| chat.user(protocol::UserId(one.id)));
            view! { <Avatar user=(*user).clone()/> }.into_any()
        }
    }
}

/// The suggestions for a word, the best first.
fn suggestions(chat: Chat, room: RoomId, word: &str) -> Vec<Suggestion> {
    let Some(query) = word.get(1..) else { return Vec::new() };
    let query = lower(query);
    let mut found = match word.as_bytes().first() {
        Some(b'@') => people(chat, room, &query),
        Some(b'#') => channels(chat, &query),
        Some(b':') => emojis(chat, &query),
        _ => Vec::new(),
    };
    client::sort_by(&mut found, |a, b| (a.rank, &a.title).cmp(&(b.rank, &b.title)));
    found.truncate(SHOWN_MAX);
    found
}

/// The other members, then the groups.
fn people(chat: Chat, room: RoomId, query: &str) -> Vec<Suggestion> {
    let members =
        chat.with_room(room, |state| state.active_members().map(|member| member.user).collect::<Vec<_>>());
    let others = members.unwrap_or_default().into_iter().filter(|user| !chat.is_me(*user));
    let suggestion = |user| {
        let user = chat.user(user);
        let ranks = [&user.name, &user.handle, &user.pinyin].map(|name| rank(name, query));
        let rank = ranks.into_iter().flatten().min()?;
        let name = format!("@{}", user.handle);
        Some(Suggestion { id: user.id.0, detail: name.clone(), name, title: user.name.clone(), rank })
    };
    let may_mention_all = untrack(|| chat.rights(room)).mention;
    let group = |group: Arc<User>| {
        let count = group.group.filter(|count| may_mention_all || *count <= GROUP_OPEN_MAX)?;
        let rank = [&group.name, &group.handle, &group.pinyin]
            .into_iter()
            .filter_map(|name| rank(name, query))
            .min()?;
        let name = format!("@{}", group.handle);
        Some(Suggestion {
            id: Uuid::nil(),
            detail: format!("{name} · {}", chat.words.group_of_people(count as usize)),
            name,
            title: group.name.clone(),
            // Below the people, above everyone.
            rank: rank + GROUP_RANK,
        })
    };
    let groups = chat.groups().into_iter().filter_map(group);
    let everyone = may_mention_all.then(|| rank(EVERYONE, query)).flatten();
    let everyone = everyone.map(|rank| Suggestion {
        id: Uuid::nil(),
        name: format!("@{EVERYONE}"),
        detail: format!("@{EVERYONE}"),
        title: chat.words.mention_everyone().to_owned(),
        rank: rank + EVERYONE_RANK,
    });
    others.filter_map(suggestion).chain(groups).chain(everyone).collect()
}

/// Mentions all members.
const EVERYONE: &str = "everyone";
/// Greater than any rank of a person.
const GROUP_RANK: usize = 3;
/// Greater than any rank of a group.
const EVERYONE_RANK: usize = 6;

/// Only channels whose name is one word: others cannot be mentioned.
fn channels(chat: Chat, query: &str) -> Vec<Suggestion> {
    let rooms = chat.order.get();
    let suggestion = |room: RoomId| {
        let summary = chat.summary(room)?;
        let about = &summary.read().room;
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        if about.kind != RoomKind::Channel || !about.title.chars().all(is_word) {
            return None;
        }
        let rank = rank(&about.title, query).or_else(|| rank(&about.pinyin, query))?;
        let name = format!("#{}", about.title);
        Some(Suggestion { id: room.0, detail: name.clone(), name, title: String::new(), rank })
    };
    rooms.into_iter().filter_map(suggestion).collect()
}

/// The matching emoji, best first, in the skin tone that the user has chosen.
fn emojis(chat: Chat, query: &str) -> Vec<Suggestion> {
    let Some(known) = emoji::known() else { return Vec::new() };
    let tone = Habits::of(chat).tone;
    let found = known.search(&browser::folded(query), SHOWN_MAX).into_iter().enumerate();
    let suggestion = |(rank, entry): (usize, &emoji::Entry)| Suggestion {
        id: Uuid::nil(),
        name: entry.in_tone(tone),
        title: entry.name.to_owned(),
        detail: format!(":{}:", entry.short()),
        rank,
    };
    found.map(suggestion).collect()
}

/// How well a name matches: 0 if it begins with the query, 1 if one of its words does, 2 if the
/// query occurs elsewhere.
fn rank(name: &str, query: &str) -> Option<usize> {
    let name = lower(name);
    if name.starts_with(query) {
        return Some(0);
    }
    let begins = |at: usize| {
        name.get(..at).and_then(|before| before.chars().next_back()).is_some_and(|c| !c.is_alphanumeric())
    };
    name.match_indices(query).map(|(at, _)| if begins(at) { 1 } else { 2 }).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_so_comes_first() {
        let ranks = ["Ana Benítez", "Bo Ana", "Susana", "Bo"].map(|name| rank(name, "ana"));
        assert_eq!(ranks, [Some(0), Some(1), Some(2), None]);
        assert_eq!(rank("王小明", "小"), Some(2));
        assert_eq!(
            ["wang", "wxm", "xiaom"].map(|q| rank("wangxiaoming wxm", q)),
            [Some(0), Some(1), Some(2)]
        );
        assert_eq!(rank("Ana", ""), Some(0));
    }
}
