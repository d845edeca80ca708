//! The frame of pages outside the app: a card, with the language switch below.

use leptos::prelude::*;
use protocol::{Language, Page};

use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::words::{Choice, Words, use_words};

/// The frame.
#[component]
pub fn Door(
    /// The heading.
    title: String,
    /// One line below the heading.
    #[prop(into)]
    lead: String,
    /// The content.
    children: Children,
) -> impl IntoView {
    let page = expect_context::<Page>();
    let workspace =
        if page.workspace_name.is_empty() { "Roost".to_owned() } else { page.workspace_name.clone() };
    view! {
        <main class="door">
            <div class="door-card">
                <p class="door-place">
                    <img src="/favicon.svg" alt="" width="28" height="28"/>
                    <span>{workspace}</span>
                </p>
                <h1>{title}</h1>
                {(!lead.is_empty()).then(|| view! { <p class="door-lead">{lead}</p> }.into_any())}
                {children()}
            </div>
            <LanguageSwitch/>
        </main>
    }
}

/// The languages by their own names. Works without an account and without script.
#[component]
fn LanguageSwitch() -> impl IntoView {
    let page = expect_context::<Page>();
    let next = crate::address::use_address().path();
    view! {
        <form class="languages" method="post" action="/preferences">
            <input type="hidden" name="next" value=next/>
            {language_buttons(use_words(), page.language, false)}
        </form>
    }
}

/// One button per language, inside a form to `/preferences`. With `begins`, the current one gets
/// focus when the page loads.
pub(crate) fn language_buttons(words: Words, now: Language, begins: bool) -> Vec<AnyView> {
    words
        .languages()
        .map(|Choice { lang, tag, name }| {
            let is_now = tag == now.as_str();
            view! {
                <button
                    type="submit"
                    name="language"
                    value=tag
                    lang=lang
                    aria-pressed=is_now.to_string()
                    autofocus=is_now && begins
                >
                    {name}
                </button>
            }
            .into_any()
        })
        .collect()
}

/// A password field that can show the password once the page is awake.
#[component]
pub fn PasswordField(
    /// `current-password` or `new-password`.
    autocomplete: &'static str,
    /// A hint below the field.
    #[prop(optional)]
    hint: &'static str,
    /// The refused form.
    refused: crate::components::field::RefusedForm,
    /// Whether this field gets focus when the page loads.
    #[prop(optional)]
    first: bool,
) -> impl IntoView {
    use crate::components::field::Field;
    let words = use_words();
    view! { <Field name="password" label=words.password() kind="password" autocomplete=autocomplete hint=hint refused=refused first=first/> }
}
