//! The texts that an edited message has had, the newest first, and what each edit changed.
//!
//! The texts are shown as they were typed. If the message is edited or deleted meanwhile, the dialog follows.

use client::{Fate, diff};
use leptos::prelude::*;
use protocol::{Command, ErrorCode, Refusal, Reply, RoomId, Seq, Version};

use super::{DialogFrame, room_form::Why};
use crate::components::attributes::GlobalAttributes;
use crate::components::{effect, live};
use crate::state::{Chat, use_chat};

/// The history of one message.
#[component]
pub fn EditHistory(room: RoomId, seq: Seq) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let versions = RwSignal::new(Vec::<Version>::new());
    let failed = RwSignal::new(None::<Refusal>);
    // `None` while the message is not loaded.
    let now = Memo::new(move |_| chat.message(room, seq).map(|message| (message.edits, message.deleted)));
    let is_deleted = move || now.try_get_untracked().flatten().is_some_and(|(_, deleted)| deleted);
    let put = move |result: Result<Vec<Version>, Refusal>| {
        failed.try_set(result.as_ref().err().cloned());
        versions.try_set(result.unwrap_or_default());
    };
    effect(move || {
        now.track();
        if is_deleted() {
            put(Err(ErrorCode::MessageDeleted.into()));
            return;
        }
        chat.ask(Command::Versions { room, seq }, move |result| match result {
            // An answer from before the deletion.
            _ if is_deleted() => {}
            Ok(Reply::Versions { versions, .. }) => put(Ok(versions)),
            Ok(_) => {}
            Err(why) => put(Err(why)),
        });
    });
    let is_loaded = Memo::new(move |_| versions.with(|versions| !versions.is_empty()));
    let coming = move || {
        let is_coming = !is_loaded.get() && failed.with(Option::is_none);
        is_coming.then(|| view! { <p class="dialog-none" role="status">{words.loading()}</p> }.into_any())
    };
    view! {
        <DialogFrame title=words.edit_history()>
            <Why failed/>
            {live(coming)}
            {live(move || is_loaded.get().then(|| view! {
                <ol class="versions" tabindex="0">{live(move || versions.with(|versions| lines(chat, versions)))}</ol>
            }.into_any()))}
        </DialogFrame>
    }
}

/// The versions, and where some are missing.
fn lines(chat: Chat, versions: &[Version]) -> Vec<AnyView> {
    let mut lines = Vec::new();
    for (place, version) in versions.iter().enumerate().rev() {
        let before = place.checked_sub(1).and_then(|place| versions.get(place));
        lines.push(line(chat, version, before, place + 1 == versions.len()));
        let missing = version.edits - before.map_or(0, |before| before.edits + 1).min(version.edits);
        if missing > 0 {
            let told = chat.words.versions_not_kept(missing);
            lines.push(view! { <li class="version-gap">{told}</li> }.into_any());
        }
    }
    lines
}

/// One version, and what changed in it.
fn line(chat: Chat, version: &Version, before: Option<&Version>, is_current: bool) -> AnyView {
    let words = chat.words;
    let name = match version.edits {
        0 => words.version_first().to_owned(),
        edits => words.version_edit(&edits.to_string()),
    };
    let time =
        version.at.map(|at| view! { <time datetime=client::iso_of(at)>{chat.moment(at)}</time> }.into_any());
    let parts = match before {
        Some(before) => diff(&before.body, &version.body),
        None => vec![(Fate::Kept, version.body.clone())],
    };
    // A direction of its own, so that it does not decide that of the text.
    let told = |what| view! { <span class="sr-only" dir="auto">{what} " "</span> }.into_any();
    let part = |(fate, text): (Fate, String)| match fate {
        Fate::Kept => text.into_any(),
        Fate::Removed => view! { <del>{told(words.text_removed())}{text}</del> }.into_any(),
        Fate::Added => view! { <ins>{told(words.text_added())}{text}</ins> }.into_any(),
    };
    view! {
        <li class="version">
            <p class="version-head">
                <strong>{name}</strong>
                {time}
                {is_current.then(|| view! { <span class="version-current">{words.version_current()}</span> }.into_any())}
            </p>
            <p class="version-text" dir="auto" translate="yes">{parts.into_iter().map(part).collect::<Vec<_>>()}</p>
        </li>
    }
    .into_any()
}
