//! Creates an account: the first one of a workspace, by open sign-up, or by an invitation link.

use leptos::prelude::*;
use protocol::{FormName, Page, PageContent, WhoMaySignUp};

use super::door::{Door, PasswordField};
use crate::components::attributes::GlobalAttributes;
use crate::{
    address::use_address,
    components::field::{Field, FormError, RefusedForm},
    words::use_words,
};

/// The page, also of `/invite/{token}`.
#[component]
pub fn SignUp() -> impl IntoView {
    let page = expect_context::<Page>();
    let words = use_words();
    let refused = RefusedForm::of(&page, FormName::SignUp);
    let void = refused.words("invitation");
    // Leaves a void invitation out of the form: with open sign-up, none is needed.
    let token = match page.content {
        PageContent::Invited { token } => Some(token).filter(|_| void.is_none()),
        PageContent::SignedOut | PageContent::NewPassword { .. } | PageContent::SignedIn(_) => None,
    };
    let closed = match (page.sign_up, token.is_some()) {
        (WhoMaySignUp::Closed, _) => Some(words.sign_up_closed()),
        // The refusal says what to do.
        (WhoMaySignUp::Invite, false) if void.is_some() => Some(""),
        (WhoMaySignUp::Invite, false) => Some(words.sign_up_needs_invitation()),
        (WhoMaySignUp::Invite | WhoMaySignUp::Open | WhoMaySignUp::First, _) => None,
    };
    let void = void.map(|why| match page.sign_up {
        WhoMaySignUp::Open | WhoMaySignUp::First => ("form-note", words.invitation_not_needed().to_owned()),
        WhoMaySignUp::Invite | WhoMaySignUp::Closed => ("form-error", why),
    });
    let next = use_address().query("next");
    let (title, lead) = match (page.sign_up, token.is_some()) {
        (WhoMaySignUp::First, _) => (words.first_account(), words.first_account_lead()),
        (WhoMaySignUp::Invite, false) if void.is_some() => (words.link_void(), ""),
        (_, true) => (words.sign_up_by_invitation(), ""),
        (WhoMaySignUp::Open | WhoMaySignUp::Invite | WhoMaySignUp::Closed, false) => (words.sign_up(), ""),
    };
    view! {
        <Door title=title.to_owned() lead=lead>
            {void.map(|(class, why)| view! { <p class=class role="alert">{why}</p> }.into_any())}
            {match closed {
                Some(why) => view! {
                    <FormError refused/>
                    {(!why.is_empty()).then(|| view! { <p class="door-closed">{why}</p> }.into_any())}
                }
                .into_any(),
                None => view! {
                    <form class="door-form" method="post" action="/sign-up">
                        <FormError refused=refused.clone()/>
                        <input type="hidden" name="next" value=next/>
                        {token.map(|token| view! { <input type="hidden" name="invitation" value=token/> }.into_any())}
                        <Field
                            name="name"
                            label=words.display_name()
                            autocomplete="name"
                            hint=words.display_name_hint()
                            refused=refused.clone()
                            first=true
                        />
                        <Field
                            name="handle"
                            label=words.handle()
                            autocomplete="username"
                            hint=words.handle_hint()
                            refused=refused.clone()
                        />
                        <PasswordField autocomplete="new-password" hint=words.password_hint() refused/>
                        <button type="submit" class="button primary">{words.sign_up()}</button>
                    </form>
                }
                .into_any(),
            }}
            {(page.sign_up != WhoMaySignUp::First).then(|| view! {
                <p class="door-other">
                    {words.have_account()} " " <a href="/sign-in" rel="external">{words.sign_in()}</a>
                </p>
            }.into_any())}
        </Door>
    }
}
