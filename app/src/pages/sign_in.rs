//! Sign-in. A plain form, so it works without script and with password managers.

use leptos::prelude::*;
use protocol::{FormName, Page, WhoMaySignUp};

use super::door::{Door, PasswordField};
use crate::components::attributes::AriaAttributes;
use crate::{
    address::use_address,
    components::field::{Field, FormError, RefusedForm},
    words::use_words,
};

/// The page.
#[component]
pub fn SignIn() -> impl IntoView {
    let page = expect_context::<Page>();
    let words = use_words();
    let refused = RefusedForm::of(&page, FormName::SignIn);
    let lost = page.form.as_ref().and_then(|form| form.value("body")).map(str::to_owned);
    let typed_next = refused.value("next");
    let next = if typed_next.is_empty() { use_address().query("next") } else { typed_next };
    let may_sign_up = matches!(page.sign_up, WhoMaySignUp::Open | WhoMaySignUp::First);
    let known = !refused.value("handle").is_empty();
    view! {
        <Door title=words.sign_in().to_owned() lead="">
            {lost.map(|text| view! {
                <section class="lost-words" aria-label=words.your_words()>
                    <p class="lost-words-hint">{words.your_words_hint()}</p>
                    <p class="your-words">{text}</p>
                </section>
            }.into_any())}
            <form class="door-form" method="post" action="/sign-in">
                <FormError refused=refused.clone()/>
                <input type="hidden" name="next" value=next/>
                <Field
                    name="handle"
                    label=words.handle()
                    autocomplete="username"
                    refused=refused.clone()
                    first=!known
                />
                <PasswordField autocomplete="current-password" refused=refused first=known/>
                <button type="submit" class="button primary">{words.sign_in()}</button>
            </form>
            {may_sign_up.then(|| view! {
                <p class="door-other">{words.new_here()} " " <a href="/sign-up" rel="external">{words.sign_up()}</a></p>
            }.into_any())}
        </Door>
    }
}
