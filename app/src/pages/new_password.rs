//! Sets a new password, by a link from an administrator.

use leptos::prelude::*;
use protocol::{FormName, Page, PageContent};

use super::door::Door;
use crate::{
    components::field::{Field, FormError, RefusedForm, account_of},
    words::use_words,
};

/// The page.
#[component]
pub fn NewPassword() -> impl IntoView {
    let page = expect_context::<Page>();
    let words = use_words();
    let refused = RefusedForm::of(&page, FormName::NewPassword);
    match page.content {
        PageContent::NewPassword { token, user: Some(user) } => view! {
            <Door title=words.new_password().to_owned() lead=format!("{} · @{}", user.name, user.handle)>
                <form class="door-form" method="post" action="/new-password">
                    <FormError refused=refused.clone()/>
                    <input type="hidden" name="link" value=token/>
                    {account_of(user.handle)}
                    <Field
                        name="password"
                        label=words.new_password()
                        kind="password"
                        autocomplete="new-password"
                        hint=words.password_hint()
                        refused
                        first=true
                    />
                    <button type="submit" class="button primary">{words.set_password()}</button>
                </form>
            </Door>
        }
        .into_any(),
        PageContent::NewPassword { user: None, .. }
        | PageContent::SignedOut
        | PageContent::Invited { .. }
        | PageContent::SignedIn(_) => view! {
            <Door title=words.link_void().to_owned() lead="">
                <FormError refused/>
                <a class="button" href="/sign-in" rel="external">{words.sign_in()}</a>
            </Door>
        }
        .into_any(),
    }
}
