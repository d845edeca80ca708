//! The first person names the workspace and its first channel, and gets a link to invite others.

use leptos::prelude::*;
use protocol::{FormName, Page, Pane};

use super::door::Door;
use crate::{
    components::{
        copy::CopyField,
        field::{Field, FormError, RefusedForm},
    },
    state::path_of,
    words::use_words,
};

/// The page: first the form, then the link.
#[component]
pub fn SetUp() -> impl IntoView {
    let page = expect_context::<Page>();
    let words = use_words();
    let refused = RefusedForm::of(&page, FormName::SetUp);
    let first = page.signed_in().and_then(|signed_in| signed_in.rooms.first());
    let first = first.map_or_else(|| "/".to_owned(), |summary| path_of(summary.room.id));
    let link = match page.pane() {
        Some(Pane::SetUp { link }) => link.clone(),
        Some(Pane::Empty | Pane::Room(_)) | None => None,
    };
    if page.workspace_name.is_empty() {
        view! {
            <Door title=words.name_workspace().to_owned() lead=words.name_workspace_lead()>
                <form class="door-form" method="post" action="/set-up">
                    <FormError refused=refused.clone()/>
                    <Field
                        name="place"
                        label=words.workspace_name()
                        example=words.workspace_example()
                        autocomplete="organization"
                        refused=refused.clone()
                        first=true
                    />
                    <Field
                        name="channel"
                        label=words.first_channel()
                        example=words.first_channel_example()
                        hint=words.first_channel_hint()
                        refused
                    />
                    <button type="submit" class="button primary">{words.go_on()}</button>
                </form>
            </Door>
        }
        .into_any()
    } else {
        view! {
            <Door title=words.all_set().to_owned() lead=words.invite_lead()>
                {link.map(|link| view! { <CopyField text=link label=words.invitations()/> }.into_any())}
                <a class="button primary" href=first rel="external">{words.open_workspace(&page.workspace_name)}</a>
            </Door>
        }
        .into_any()
    }
}
