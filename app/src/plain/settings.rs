//! The viewer's own settings: profile, appearance, account.

use leptos::prelude::*;
use protocol::{Density, FormName, SessionView, Theme, WorkspaceRole};

use super::{AboutMe, Cx, Done, hint, item, only, section};
use crate::{
    components::{
        avatar::Avatar,
        field::{Field, FormError, RefusedForm, account_of},
    },
    pages::door::language_buttons,
    words::Words,
};

/// Time zones to choose from without script: for each offset the places that most people know. With
/// script, `script.js` offers all that the browser knows.
const ZONES: [&str; 54] = [
    "Pacific/Honolulu",
    "America/Anchorage",
    "America/Los_Angeles",
    "America/Phoenix",
    "America/Denver",
    "America/Mexico_City",
    "America/Chicago",
    "America/Bogota",
    "America/Lima",
    "America/New_York",
    "America/Toronto",
    "America/Caracas",
    "America/Halifax",
    "America/Santiago",
    "America/St_Johns",
    "America/Argentina/Buenos_Aires",
    "America/Sao_Paulo",
    "Atlantic/Azores",
    "UTC",
    "Africa/Lagos",
    "Europe/Lisbon",
    "Europe/London",
    "Europe/Amsterdam",
    "Europe/Berlin",
    "Europe/Madrid",
    "Europe/Paris",
    "Europe/Rome",
    "Europe/Stockholm",
    "Europe/Warsaw",
    "Europe/Zurich",
    "Africa/Cairo",
    "Africa/Johannesburg",
    "Europe/Athens",
    "Europe/Helsinki",
    "Africa/Nairobi",
    "Europe/Istanbul",
    "Europe/Moscow",
    "Asia/Tehran",
    "Asia/Dubai",
    "Asia/Karachi",
    "Asia/Kolkata",
    "Asia/Dhaka",
    "Asia/Bangkok",
    "Asia/Jakarta",
    "Asia/Hong_Kong",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Taipei",
    "Australia/Perth",
    "Asia/Seoul",
    "Asia/Tokyo",
    "Australia/Adelaide",
    "Australia/Sydney",
    "Pacific/Auckland",
];

/// What others see of the viewer. A change of name or handle appears everywhere at once.
pub(super) fn profile(cx: &Cx, about: &AboutMe) -> AnyView {
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
        {picture(cx)}
        <form class="setting-form" method="post" action="/profile">
            {cx.author()}
            <FormError refused=refused.clone()/>
            <Field
                name="name"
                label=words.display_name()
                autocomplete="name"
                hint=words.display_name_hint()
                value=me.name
                refused=refused.clone()
            />
            <Field
                name="handle"
                label=words.handle()
                autocomplete="username"
                hint=words.change_handle_hint()
                value=me.handle
                refused=refused.clone()
            />
            <Field
                name="title"
                label=words.person_title()
                autocomplete="organization-title"
                hint=words.person_title_hint()
                value=about.title.clone()
                may_be_empty=true
                refused=refused.clone()
            />
            <Field
                name="pronouns"
                label=words.pronouns()
                value=about.pronouns.clone()
                may_be_empty=true
                refused=refused.clone()
            />
            {zone_choice(words, &about.zone, &refused)}
            <button type="submit" class="button primary">{words.save()}</button>
        </form>
    };
    only(words.profile(), "", body)
}

/// The form for the viewer's picture. With script, a dialog lets them choose a square of it: see `crop.js`.
fn picture(cx: &Cx) -> AnyView {
    let words = cx.words;
    let refused = cx.refused(FormName::Picture);
    let why = refused.words("picture");
    let described = if why.is_some() { "field-picture-error" } else { "field-picture-hint" };
    let has_one = cx.me.picture.is_some();
    let choose = if has_one { words.change_picture() } else { words.add_picture() };
    view! {
        <form
            class="setting-picture"
            method="post"
            action="/profile/picture"
            enctype="multipart/form-data"
            data-crop
        >
            {cx.author()}
            <FormError refused/>
            <div data-plain>
                <label for="field-picture">{words.picture()}</label>
                <input
                    type="file"
                    id="field-picture"
                    name="picture"
                    accept="image/png,image/jpeg,image/webp,image/gif"
                    aria-describedby=described
                />
                <button type="submit" class="button">{words.save_picture()}</button>
            </div>
            <div class="setting-picture-actions">
                <button type="button" class="button scripted" hidden aria-describedby=described>{choose}</button>
                {has_one.then(|| view! {
                    <button type="submit" class="button loss" name="remove" value="1">
                        {words.remove_picture()}
                    </button>
                })}
            </div>
            {match why {
                Some(why) => view! { <p class="field-error" id="field-picture-error">{why}</p> }.into_any(),
                None => view! { <p class="field-hint" id="field-picture-hint">{words.picture_hint()}</p> }.into_any(),
            }}
        </form>
        <dialog class="dialog crop" aria-labelledby="crop-title">
            <form method="dialog" class="dialog-card">
                <div class="dialog-head"><h2 id="crop-title">{words.crop_picture()}</h2></div>
                <div class="crop-body">
                    <canvas tabindex="0" role="img" aria-label=words.crop_hint()></canvas>
                    <label>
                        <span>{words.zoom()}</span>
                        <input type="range" min="0" max="100" step="1" value="0"/>
                    </label>
                    <p class="field-hint">{words.crop_hint()}</p>
                </div>
                <div class="dialog-foot">
                    <button class="button" value="">{words.cancel()}</button>
                    <button class="button primary" value="save">{words.save_picture()}</button>
                </div>
            </form>
        </dialog>
    }
    .into_any()
}

/// The time zone, if one wants others to know it.
fn zone_choice(words: Words, known: &str, refused: &RefusedForm) -> AnyView {
    let now = if refused.is_some() { refused.value("zone") } else { known.to_owned() };
    let is_listed = now.is_empty() || ZONES.contains(&now.as_str());
    let own = (!is_listed).then(|| now.clone());
    let option = |zone: String| {
        let (is_now, shown) = (zone == now, zone.replace('_', " "));
        view! { <option value=zone selected=is_now>{shown}</option> }.into_any()
    };
    let options: Vec<_> = own.into_iter().chain(ZONES.map(str::to_owned)).map(option).collect();
    let why = refused.words("zone");
    let described = if why.is_some() { "field-zone-error" } else { "field-zone-hint" };
    view! {
        <div class="field">
            <label for="field-zone">{words.time_zone()}</label>
            <select
                class="input"
                id="field-zone"
                name="zone"
                aria-describedby=described
                data-zones=words.this_device()
            >
                <option value="">{words.time_zone_none()}</option>
                {options}
            </select>
            {match why {
                Some(why) => view! { <p class="field-error" id="field-zone-error">{why}</p> }.into_any(),
                None => view! { <p class="field-hint" id="field-zone-hint">{words.time_zone_hint()}</p> }.into_any(),
            }}
        </div>
    }
    .into_any()
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
    let previews = if page.previews_hidden { "hidden" } else { "shown" };
    let choices = [("shown", words.previews_shown()), ("hidden", words.previews_hidden())];
    let body = view! {
        {segments(Done::Theme, words.theme(), theme, &themes, done)}
        {segments(Done::Density, words.density(), density, &densities, done)}
        {segments(Done::Previews, words.link_previews(), previews, &choices, done)}
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
