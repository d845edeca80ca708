//! A search field with a list, for touch, pointer and keyboard: arrows choose, Enter takes.

use leptos::{html::Input, prelude::*};
use protocol::{RoomSummary, User};
use uuid::Uuid;

use super::switcher::Action;
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{
    avatar::{Avatar, RoomPicture},
    icon::Icon,
};
use crate::components::{effect, handler, key_handler, list, list_item, live};
use crate::state::use_chat;

/// The picture before a choice.
#[derive(Clone, Debug, PartialEq)]
pub enum Picture {
    Person(User),
    Room(Box<RoomSummary>),
    Channel,
    /// An action, and its icon.
    Action(&'static str, Action),
}

/// One entry of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub id: Uuid,
    /// Its heading; empty if there are none.
    pub group: &'static str,
    pub picture: Picture,
    pub title: String,
    pub detail: String,
    /// Shown before `note`: what it is, if that is unusual.
    pub tag: &'static str,
    /// Shown at the end: a word or a count.
    pub note: String,
    /// It is already chosen.
    pub chosen: bool,
}

impl Choice {
    /// Identifies it within the list.
    fn key(&self) -> (&'static str, Uuid) {
        (self.group, self.id)
    }
}

/// The search field and its list.
#[component]
pub fn Picker(
    label: &'static str,
    choices: Signal<Vec<Choice>>,
    query: RwSignal<String>,
    /// Shown when nothing is found.
    #[prop(into)]
    none: Signal<&'static str>,
    pick: Callback<Choice>,
) -> impl IntoView {
    // Identified by key, not by position: new entries may appear before it while the user is about
    // to press Enter.
    let active = RwSignal::new(None::<(&'static str, Uuid)>);
    let input = NodeRef::<Input>::new();
    effect(move || {
        if let Some(input) = input.get() {
            drop(input.focus());
        }
    });
    let current = move || {
        let active = active.get();
        choices.with(|all| all.iter().position(|choice| Some(choice.key()) == active)).unwrap_or_default()
    };
    // Until an arrow key chooses, it is the entry that was first when the query was typed.
    effect(move || {
        let first = choices.with(|all| all.first().map(Choice::key));
        if active.get().is_none() && first.is_some() {
            active.set(first);
        }
    });
    let step = move |by: usize| {
        let count = choices.with_untracked(Vec::len);
        if count > 0 {
            let next = (untrack(current) + by) % count;
            active.set(choices.with_untracked(|all| all.get(next).map(Choice::key)));
            reveal(next);
        }
    };
    let pressed = move |key: web_sys::KeyboardEvent| {
        match key.key().as_str() {
            "ArrowDown" => step(1),
            "ArrowUp" => step(choices.with_untracked(Vec::len).saturating_sub(1)),
            "Enter" => {
                if let Some(choice) = choices.with_untracked(|all| all.get(untrack(current)).cloned()) {
                    pick.run(choice);
                }
            }
            _ => return,
        }
        key.prevent_default();
    };
    view! {
        <div class="picker">
            <div class="picker-find">
                <Icon name="search"/>
                <input
                    type="search"
                    role="combobox"
                    aria-label=label
                    dir="auto"
                    placeholder=label
                    aria-expanded="true"
                    aria-controls="picker-list"
                    aria-activedescendant=live(move || choices.with(|all| !all.is_empty()).then(|| format!("choice-{}", current())))
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    node_ref=input
                    on:input:target=move |typed| {
                        query.set(typed.target().value());
                        active.set(None);
                    }
                    on:keydown=key_handler(pressed)
                />
            </div>
            <ul class="picker-list" id="picker-list" role="listbox" aria-label=label>
                {list(move || {
                    let mut lines = Vec::new();
                    let mut group = "";
                    for (n, choice) in choices.get().into_iter().enumerate() {
                        if choice.group != group {
                            group = choice.group;
                            // Hidden from screen readers: each option names its own group.
                            let heading = move || {
                                view! { <li class="choice-group" role="presentation" aria-hidden="true">{group}</li> }.into_any()
                            };
                            lines.push(list_item(group, heading));
                        }
                        let key = (n, choice.id, choice.chosen, choice.note.clone(), choice.detail.clone());
                        lines.push(list_item(key, move || {
                            let is_active = Signal::derive(move || current() == n);
                            view! { <ChoiceLine n choice is_active pick/> }.into_any()
                        }));
                    }
                    lines
                })}
            </ul>
            {live(move || choices.with(Vec::is_empty).then(|| view! { <p class="picker-none">{none.get()}</p> }.into_any()))}
        </div>
    }
}

#[component]
fn ChoiceLine(n: usize, choice: Choice, is_active: Signal<bool>, pick: Callback<Choice>) -> impl IntoView {
    let picture = match choice.picture.clone() {
        Picture::Person(user) => view! { <Avatar user/> }.into_any(),
        Picture::Room(summary) => view! { <RoomPicture summary=*summary/> }.into_any(),
        Picture::Action(icon, _) => view! { <span class="avatar sign"><Icon name=icon/></span> }.into_any(),
        Picture::Channel => view! { <span class="avatar sign"><Icon name="hash"/></span> }.into_any(),
    };
    let taken = choice.clone();
    view! {
        <li
            class="choice"
            id=format!("choice-{n}")
            role="option"
            aria-description=(!choice.group.is_empty()).then_some(choice.group)
            aria-selected=live(move || is_active.get().to_string())
            data-chosen=choice.chosen.then_some("true")
            on:click=handler(move |_| pick.run(taken.clone()))
        >
            {picture}
            <span class="choice-words">
                <span class="choice-title" dir="auto">{choice.title}</span>
                " "
                <span class="choice-detail" dir="auto">{choice.detail}</span>
            </span>
            {(!choice.tag.is_empty()).then(|| view! { <span class="tag plain">{choice.tag}</span> }.into_any())}
            {(!choice.note.is_empty()).then(|| view! { <span class="tag">{choice.note}</span> }.into_any())}
            {choice.chosen.then(|| view! { <Icon name="check"/> }.into_any())}
        </li>
    }
}

fn reveal(n: usize) {
    request_animation_frame(move || {
        if let Some(line) = document().get_element_by_id(&format!("choice-{n}")) {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            line.scroll_into_view_with_scroll_into_view_options(&options);
        }
    });
}

/// The people that the server finds for the query. Only the answer to the last query counts.
pub fn find_users(query: RwSignal<String>) -> RwSignal<Vec<User>> {
    let chat = use_chat();
    let found = RwSignal::new(Vec::new());
    effect(move || {
        let asked = query.get();
        chat.ask(
            protocol::Command::FindUsers { query: asked.trim().trim_start_matches('@').to_owned() },
            move |result| {
                if let Ok(protocol::Reply::Users { users }) = result
                    && query.try_get_untracked().is_some_and(|now| now == asked)
                {
                    found.set(users);
                }
            },
        );
    });
    found
}

/// A person as a choice.
pub fn person(user: User, chosen: bool) -> Choice {
    Choice {
        id: user.id.0,
        group: "",
        title: user.name.clone(),
        detail: format!("@{}", user.handle),
        tag: "",
        note: String::new(),
        chosen,
        picture: Picture::Person(user),
    }
}
