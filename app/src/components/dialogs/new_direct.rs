//! Start a direct conversation.

use leptos::prelude::*;
use protocol::{Command, Refusal, UserId};

use super::{
    DialogFrame,
    picker::{Choice, Picker, find_users, person},
};
use crate::{components::dialogs::room_form::Why, state::use_chat};

/// Finds a person, and opens the direct room with them.
#[component]
pub fn NewDirect() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let query = RwSignal::new(String::new());
    let failed = RwSignal::new(None::<Refusal>);
    let people = find_users(query);
    let choices = Memo::new(move |_| {
        let others = people.get().into_iter().filter(|user| !chat.is_me(user.id));
        others.map(|user| person(user, false)).collect::<Vec<_>>()
    });
    let pick = Callback::new(move |choice: Choice| {
        chat.ask_and_go(Command::StartDirect { user: UserId(choice.id) }, failed);
    });
    view! {
        <DialogFrame title=words.new_message()>
            <Picker
                label=words.find_people()
                choices=choices.into()
                query
                none=Signal::derive(move || words.nobody_found())
                pick
            />
            <Why failed/>
        </DialogFrame>
    }
}
