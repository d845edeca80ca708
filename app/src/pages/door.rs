//! The frame of the pages outside the app: a card on a quiet ground, and the language below.

use leptos::prelude::*;
use protocol::{Language, Page};

/// The frame.
#[component]
pub fn Door(
    /// The heading.
    title: String,
    /// One line below it.
    #[prop(into)]
    lead: String,
    /// What is inside.
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

/// The languages by their own names: it works before one has an account, and without script.
#[component]
fn LanguageSwitch() -> impl IntoView {
    let page = expect_context::<Page>();
    let next = crate::address::use_address().path();
    let language = |value: &'static str, name: &'static str, lang: &'static str, is: bool| {
        view! {
            <button type="submit" name="language" value=value lang=lang aria-pressed=is.to_string()>
                {name}
            </button>
        }
        .into_any()
    };
    view! {
        <form class="languages" method="post" action="/preferences">
            <input type="hidden" name="next" value=next/>
            {language("en", "English", "en", page.language == Language::En)}
            {language("zh", "中文", "zh-Hans", page.language == Language::Zh)}
        </form>
    }
}

/// A password with a way to see it, once the page is awake.
#[component]
pub fn PasswordField(
    /// `current-password` or `new-password`.
    autocomplete: &'static str,
    /// One line below.
    #[prop(optional)]
    hint: &'static str,
    /// The refused form.
    refused: crate::components::field::RefusedForm,
    /// Whether the page begins here.
    #[prop(optional)]
    first: bool,
) -> impl IntoView {
    use crate::components::field::Field;
    let words = crate::words::use_words();
    view! { <Field name="password" label=words.password() kind="password" autocomplete=autocomplete hint=hint refused=refused first=first/> }
}
