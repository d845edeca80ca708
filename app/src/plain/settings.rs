//! The viewer's own settings: profile, appearance, account.

use leptos::prelude::*;
use protocol::{Density, FormName, SessionView, Theme, WorkspaceRole};

use super::{Cx, Done, hint, item, only, section};
use crate::{
    components::{
        avatar::Avatar,
        field::{Field, FormError, account_of},
    },
    pages::door::language_buttons,
};

/// The display name. A change appears everywhere at once.
pub(super) fn profile(cx: &Cx) -> AnyView {
    let (words, me) = (cx.words, cx.me.clone());
    let refused = cx.refused(FormName::Profile);
    let facts = if me.role == WorkspaceRole::Member {
        format!("@{}", me.handle)
    } else {
        format!("@{} · {}", me.handle, words.workspace_role(me.role))
    };
    let body = view! {
        <div class="setting-person">
            <Avatar user=me.clone()/>
            <div>
                <strong dir="auto">{me.name.clone()}</strong>
                {hint(facts)}
            </div>
        </div>
        <form class="setting-form" method="post" action="/profile">
            {cx.author()}
            <FormError refused=refused.clone()/>
            <Field
                name="name"
                label=words.display_name()
                autocomplete="name"
                hint=words.display_name_hint()
                value=me.name
                refused
            />
            <button type="submit" class="button primary">{words.save()}</button>
        </form>
    };
    only(words.profile(), "", body)
}

/// Preferences of this browser, not of the account.
pub(super) fn appearance(cx: &Cx, done: Option<Done>) -> AnyView {
    let (words, page) = (cx.words, &cx.page);
    let theme = match page.theme {
        Theme::System => "system",
        Theme::Light => "light",
        Theme::Dark => "dark",
    };
    let density = match page.density {
        Density::Comfortable => "comfortable",
        Density::Compact => "compact",
    };
    let themes =
        [("system", words.theme_system()), ("light", words.theme_light()), ("dark", words.theme_dark())];
    let densities = [("comfortable", words.density_comfortable()), ("compact", words.density_compact())];
    let body = view! {
        {segments(Done::Theme, words.theme(), theme, &themes, done)}
        {segments(Done::Density, words.density(), density, &densities, done)}
        <form class="setting-row" method="post" action="/preferences">
            <input type="hidden" name="next" value=back_to(Done::Language)/>
            <span id="set-language">{words.language()}</span>
            <div class="languages" role="group" aria-labelledby="set-language">
                {language_buttons(words, page.language, done == Some(Done::Language))}
            </div>
        </form>
    };
    only(words.appearance(), "", body)
}

fn back_to(done: Done) -> String {
    format!("/settings/appearance?done={}", done.as_str())
}

/// One choice among a few values of a preference. The one just chosen gets focus again.
fn segments(
    what: Done,
    title: &'static str,
    now: &'static str,
    values: &[(&'static str, &'static str)],
    done: Option<Done>,
) -> AnyView {
    let button = |(value, said): &(&'static str, &'static str)| {
        let is_now = *value == now;
        view! {
            <button
                type="submit"
                name=what.as_str()
                value=*value
                aria-pressed=is_now.to_string()
                autofocus=is_now && done == Some(what)
            >
                {*said}
            </button>
        }
        .into_any()
    };
    let id = format!("set-{}", what.as_str());
    view! {
        <form class="setting-row" method="post" action="/preferences">
            <input type="hidden" name="next" value=back_to(what)/>
            <span id=id.clone()>{title}</span>
            <div class="segments" role="group" aria-labelledby=id>{values.iter().map(button).collect_view()}</div>
        </form>
    }
    .into_any()
}

/// Password and signed-in devices.
pub(super) fn account(cx: &Cx, sessions: &[SessionView]) -> AnyView {
    view! {
        {password(cx)}
        {devices(cx, sessions)}
    }
    .into_any()
}

fn password(cx: &Cx) -> AnyView {
    let words = cx.words;
    let refused = cx.refused(FormName::ChangePassword);
    let body = view! {
        <form class="setting-form" method="post" action="/settings/password">
            {cx.author()}
            <FormError refused=refused.clone()/>
            {account_of(cx.me.handle.clone())}
            <Field
                name="current"
                label=words.current_password()
                kind="password"
                autocomplete="current-password"
                refused=refused.clone()
            />
            <Field
                name="password"
                label=words.new_password()
                kind="password"
                autocomplete="new-password"
                hint=words.password_hint()
                refused
            />
            <button type="submit" class="button">{words.change_password()}</button>
        </form>
    };
    section("set-password", words.password(), words.change_password_hint(), body)
}

fn devices(cx: &Cx, list: &[SessionView]) -> AnyView {
    let words = cx.words;
    let others = list.iter().any(|session| !session.current);
    let line = |session: &SessionView| {
        let (device, id) = (words.device(&session.device), format!("session-{}", session.id));
        let facts = format!(
            "{} · {}",
            words.seen_at(&words.moment(session.seen_at, cx.clock)),
            words.signed_in_at(&words.moment(session.created_at, cx.clock))
        );
        let what = view! {
            <strong id=id.clone()>{device}</strong>
            {session.current.then(|| view! { " " <span class="tag">{words.this_device()}</span> })}
            {hint(facts)}
        };
        let act = (!session.current).then(|| {
            let action = format!("/settings/sessions/{}/end", session.id);
            cx.post(action, (), "button loss", words.end().to_owned(), Some(id))
        });
        item((), what, act)
    };
    let end_others = || {
        let action = "/settings/sessions/end-others".to_owned();
        cx.post(action, (), "button loss", words.end_others().to_owned(), None)
    };
    let lines: Vec<_> = list.iter().map(line).collect();
    let body = view! {
        <ul class="setting-list">{lines}</ul>
        {others.then(end_others)}
    };
    section("set-sessions", words.sessions(), words.sessions_hint(), body)
}
