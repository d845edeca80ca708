//! What the links of a message lead to: a card for each, below the text. All of it comes from our own server.

use leptos::prelude::*;
use protocol::{LinkPreview, RoomId, Seq};

use super::icon::Icon;
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::handler;
use crate::{browser, state::Chat};

/// The cards. Its author can remove each, with a button in its corner; the message's menu removes all.
pub(crate) fn previews(
    chat: Chat,
    (room, seq): (RoomId, Option<Seq>),
    shown: &[LinkPreview],
    own: bool,
) -> Option<AnyView> {
    let seq = seq.filter(|_| !shown.is_empty())?;
    let card = |preview: &LinkPreview| {
        let LinkPreview { url, title, text, site, picture } = preview.clone();
        let remove = own.then(|| {
            let label = chat.words.remove_preview(&title);
            let url = url.clone();
            let press = move |_| {
                // The button goes with its card.
                browser::focus_row(seq);
                chat.remove_previews(room, seq, vec![url.clone()]);
            };
            view! {
                <button
                    type="button"
                    class="preview-remove scripted"
                    aria-label=label.clone()
                    title=label
                    data-act="unlink"
                    on:click=handler(press)
                >
                    <Icon name="close"/>
                </button>
            }
            .into_any()
        });
        // The space is known before the picture is loaded. It says nothing that the title does not.
        let picture = picture.map(|picture| {
            let (width, height) = (picture.width.to_string(), picture.height.to_string());
            view! { <img src=picture.address() width=width height=height alt="" loading="lazy" decoding="async"/> }
                .into_any()
        });
        view! {
            <div class="preview" translate="yes">
                <span class="preview-site" dir="auto">{site}</span>
                <a class="preview-title" href=url rel="noopener noreferrer nofollow" target="_blank" dir="auto">{title}</a>
                {(!text.is_empty()).then(|| view! { <span class="preview-text" dir="auto">{text}</span> }.into_any())}
                {picture}
                {remove}
            </div>
        }
        .into_any()
    };
    let cards: Vec<AnyView> = shown.iter().map(card).collect();
    Some(view! { <div class="previews">{cards}</div> }.into_any())
}
