//! Find a channel and join it.

use leptos::prelude::*;
use protocol::{ChannelListing, Command, Refusal, Reply, RoomId};

use super::{
    DialogFrame,
    picker::{Choice, Picker, Picture},
};
use crate::components::{effect, handler};
use crate::{
    components::dialogs::room_form::Why,
    state::{Dialog, path_of, use_chat},
};

/// The channels of the workspace.
#[component]
pub fn Browse() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let query = RwSignal::new(String::new());
    let failed = RwSignal::new(None::<Refusal>);
    let found = RwSignal::new(Vec::<ChannelListing>::new());
    effect(move || {
        let asked = query.get();
        chat.ask(
            Command::FindChannels { query: asked.trim().trim_start_matches('#').to_owned() },
            move |result| {
                if let Ok(Reply::Channels { channels }) = result
                    && query.try_get_untracked().is_some_and(|now| now == asked)
                {
                    found.set(channels);
                }
            },
        );
    });
    let choices = Memo::new(move |_| {
        let choice = |listing: ChannelListing| Choice {
            id: listing.room.id.0,
            group: "",
            picture: Picture::Channel,
            title: listing.room.title,
            detail: match listing.room.topic.is_empty() {
                true => words.members_count(listing.members),
                false => format!("{} · {}", words.members_count(listing.members), listing.room.topic),
            },
            tag: if listing.room.archived { words.archived() } else { "" },
            note: if listing.joined { words.joined().to_owned() } else { words.join().to_owned() },
            chosen: false,
        };
        // Archived channels come last, as in the server's list.
        found.get().into_iter().map(choice).collect::<Vec<_>>()
    });
    let pick = Callback::new(move |choice: Choice| {
        let room = RoomId(choice.id);
        if chat.is_in(room) {
            chat.screen.dialog.set(None);
            chat.go(path_of(room));
        } else {
            chat.ask_and_go(Command::Join { room }, failed);
        }
    });
    let none = Signal::derive(move || match query.with(|query| query.trim().is_empty()) {
        true => words.no_channels_yet(),
        false => words.no_channel_found(),
    });
    view! {
        <DialogFrame title=words.browse_channels()>
            <Picker label=words.find_channels() choices=choices.into() query none pick/>
            <Why failed/>
            <footer class="dialog-foot">
                <button type="button" class="button" on:click=handler(move |_| chat.screen.dialog.set(Some(Dialog::NewRoom)))>
                    {words.new_room()}
                </button>
            </footer>
        </DialogFrame>
    }
}
