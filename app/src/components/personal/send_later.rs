//! The dialog that schedules the text of the composer.

use leptos::prelude::*;
use protocol::{Body, Millis, Nonce, Refusal, RoomId};
use uuid::Uuid;

use super::{
    back_to_composer,
    when::{Offer, Times, monday, tomorrow},
};
use crate::components::attributes::GlobalAttributes;
use crate::{
    components::dialogs::{DialogFrame, room_form::Why},
    state::{Desk, use_chat},
    text::plain,
};

/// Enough of the text to recognise it.
const SHOWN_CHARS: usize = 160;

/// Schedules the text of a room's composer. The text stays there until a server has it.
#[component]
pub(super) fn SendLater(room: RoomId) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let clock = chat.clock.get_untracked();
    let failed = RwSignal::new(None::<Refusal>);
    let text = chat.draft(Desk::of(room));
    // One for all tries: what was scheduled by a try whose answer was lost is not scheduled twice.
    let nonce = Nonce(Uuid::new_v4());
    let done = move |why: Option<Refusal>| match why {
        // Another dialog may be open by then.
        None if failed.try_get_untracked().is_some() => {
            chat.screen.dialog.set(None);
            back_to_composer(chat);
        }
        None => {}
        Some(why) => drop(failed.try_set(Some(why))),
    };
    let body = text.clone();
    let choose = Callback::new(move |at: Millis| match Body::parse(&body) {
        Ok(_) => chat.schedule((room, nonce), body.clone(), at, done),
        Err(why) => failed.set(Some(why)),
    });
    let mut offers = vec![Offer { name: words.tomorrow_morning(), at: tomorrow(clock) }];
    offers.extend(monday(clock).map(|at| Offer { name: words.monday_morning(), at }));
    let to = untrack(|| chat.room_name(room)).unwrap_or_default();
    view! {
        <DialogFrame title=words.send_later()>
            <div class="dialog-body">
                <blockquote class="dialog-quote">
                    <strong dir="auto">{to}</strong>
                    <p dir="auto">{plain(&text, SHOWN_CHARS)}</p>
                </blockquote>
                <Times offers first=None act=words.schedule() choose/>
                <Why failed/>
            </div>
        </DialogFrame>
    }
}
