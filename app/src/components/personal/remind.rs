//! The dialog that sets a message's reminder.

use leptos::prelude::*;
use protocol::{Millis, Refusal, RoomId, Seq};

use super::when::{Offer, Times, monday, tomorrow};
use crate::components::attributes::GlobalAttributes;
use crate::{
    components::{
        dialogs::{DialogFrame, room_form::Why},
        handler,
    },
    state::use_chat,
    text::plain,
};

const MINUTE_MS: Millis = 60_000;
/// Enough of the text to identify the message.
const SHOWN_CHARS: usize = 160;

/// Sets, moves and removes the reminder of a message.
#[component]
pub(super) fn Remind(room: RoomId, seq: Seq) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let clock = chat.clock.get_untracked();
    let failed = RwSignal::new(None::<Refusal>);
    let known = untrack(|| chat.with_personal(|personal| personal.saved_message(room, seq).cloned()));
    let set = known.and_then(|known| known.remind_at);
    let done = move |why: Option<Refusal>| match why {
        // Another dialog may be open by then.
        None if failed.try_get_untracked().is_some() => chat.screen.dialog.set(None),
        None => {}
        Some(why) => drop(failed.try_set(Some(why))),
    };
    let choose = Callback::new(move |at: Millis| chat.remind((room, seq), Some(at), done));
    let mut offers = vec![
        Offer { name: words.in_20_minutes(), at: clock.now + 20 * MINUTE_MS },
        Offer { name: words.in_1_hour(), at: clock.now + 60 * MINUTE_MS },
        Offer { name: words.tomorrow_morning(), at: tomorrow(clock) },
    ];
    offers.extend(monday(clock).map(|at| Offer { name: words.monday_morning(), at }));
    let message = untrack(|| chat.message(room, seq)).filter(|message| !message.deleted).map(|message| {
        let author = untrack(|| chat.user(message.author));
        view! {
            <blockquote class="dialog-quote">
                <strong dir="auto">{author.name.clone()}</strong>
                <p dir="auto">{plain(&client::shown_text(&message), SHOWN_CHARS)}</p>
            </blockquote>
        }
        .into_any()
    });
    view! {
        <DialogFrame title=words.remind_me()>
            <div class="dialog-body">
                {message}
                <Times offers first=set act=words.set_reminder() choose/>
                <Why failed/>
            </div>
            {set.map(|_| view! {
                <footer class="dialog-foot">
                    <button
                        type="button"
                        class="button"
                        on:click=handler(move |_| chat.remind((room, seq), None, done))
                    >
                        {words.remove_reminder()}
                    </button>
                </footer>
            }.into_any())}
        </DialogFrame>
    }
}
