//! Settings: display name, password, appearance, invitations, sessions, people, and which server answers. Plain forms.

use leptos::prelude::*;
use protocol::{
    Density, FormName, InvitationView, Language, Page, PersonView, SessionView, SettingsView, Theme, VERSION,
    WorkspaceRole, limits,
};

use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{effect, handler, live};
use crate::{
    address::use_address,
    browser,
    components::{
        avatar::Avatar,
        copy::CopyField,
        field::{Field, FormError, RefusedForm, account_of},
        icon::Icon,
    },
    pages::door::language_buttons,
    state::{Dialog, use_chat},
    words::Words,
};

/// What only the server's own page carries. It is fetched when the person comes here from inside the app.
#[derive(Clone, Debug, Default, PartialEq)]
struct Kept {
    view: SettingsView,
    may_invite: bool,
}

impl From<&Page> for Kept {
    fn from(page: &Page) -> Self {
        let view = page.settings().cloned().unwrap_or_default();
        let is_admin = page.signed_in().is_some_and(|signed_in| signed_in.viewer.role.is_admin());
        Self { may_invite: is_admin || !view.invitations.is_empty(), view }
    }
}

/// The page.
#[component]
pub fn Settings() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let page = expect_context::<Page>();
    let refused = RefusedForm::of(&page, FormName::Invite);
    let kept = RwSignal::new(Kept::from(&page));
    effect(move || {
        if kept.with_untracked(|kept| kept.view.sessions.is_empty()) {
            chat.fetch("/settings", move |page| drop(kept.try_set(Kept::from(&page))));
        }
    });
    let people_refused = RefusedForm::of(&page, FormName::People);
    let is_admin = page.settings().is_some_and(|view| view.accounts.is_some());
    view! {
        <div class="settings">
            <header class="pane-head">
                <a class="back icon-button" href="/" aria-label=words.back() title=words.back()>
                    <Icon name="back"/>
                </a>
                <div class="pane-title">
                    <h1>{words.settings()}</h1>
                </div>
            </header>
            <div class="settings-body">
                // Who is no administrator any more has no list to show it above.
                {(!is_admin).then(|| why_refused(&people_refused))}
                <Profile refused=RefusedForm::of(&page, FormName::Profile)/>
                <Account refused=RefusedForm::of(&page, FormName::ChangePassword)/>
                <Appearance language=page.language theme=page.theme density=page.density/>
                {live(move || kept.with(|kept| kept.may_invite).then(|| view! {
                    <Invitations list=kept.with(|kept| kept.view.invitations.clone()) refused=refused.clone()/>
                }.into_any()))}
                {live(move || view! { <Sessions list=kept.with(|kept| kept.view.sessions.clone())/> }.into_any())}
                {live(move || {
                    let refused = people_refused.clone();
                    kept.with(|kept| kept.view.accounts.clone()).map(|people| view! { <People people refused/> }.into_any())
                })}
                <Connection/>
            </div>
        </div>
    }
}

/// A part of the page, with its heading and a line below it. These four are functions over views of one type, for the
/// download: each shape of a view is code.
fn section(id: &'static str, title: &'static str, below: &'static str, body: AnyView) -> AnyView {
    view! {
        <section class="setting" aria-labelledby=id>
            <h2 id=id>{title}</h2>
            {(!below.is_empty()).then(|| hint(below.to_owned()))}
            {body}
        </section>
    }
    .into_any()
}

/// One line of a list: what it is, and what one may do with it.
fn item(picture: AnyView, words: AnyView, act: AnyView) -> AnyView {
    view! { <li class="setting-item">{picture}<div class="setting-item-words">{words}</div>{act}</li> }
        .into_any()
}

/// A form of one button, with what stands before it.
fn post(action: String, before: AnyView, class: &'static str, button: String) -> AnyView {
    view! {
        <form method="post" action=action>
            {before}
            <button type="submit" class=class>{button}</button>
        </form>
    }
    .into_any()
}

fn hint(text: String) -> AnyView {
    view! { <p class="setting-hint">{text}</p> }.into_any()
}

/// The display name. Everybody sees a change at once, wherever the name is shown.
#[component]
fn Profile(refused: RefusedForm) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let name = untrack(|| chat.user(chat.me).name.clone());
    let saved = use_address().query("done") == "profile";
    let body = view! {
        {saved.then(|| view! { <p class="form-done" role="status">{words.profile_saved()}</p> }.into_any())}
        <form class="setting-form" method="post" action="/profile">
            <FormError refused=refused.clone()/>
            <Field
                name="name"
                label=words.display_name()
                autocomplete="name"
                hint=words.display_name_hint()
                value=name
                refused
            />
            <button type="submit" class="button">{words.save()}</button>
        </form>
    };
    section("set-profile", words.profile(), "", body.into_any())
}

#[component]
fn Account(refused: RefusedForm) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let me = untrack(|| chat.user(chat.me));
    let open = refused.is_some();
    let changed = use_address().query("done") == "password";
    let facts = if me.role == WorkspaceRole::Member {
        words.signed_in_as(&me.handle)
    } else {
        format!("{} · {}", words.signed_in_as(&me.handle), words.workspace_role(me.role))
    };
    let body = view! {
            <div class="setting-person">
                {live(move || view! { <Avatar user=(*chat.user(chat.me)).clone()/> }.into_any())}
                <div>
                    <strong dir="auto">{live(move || chat.user(chat.me).name.clone())}</strong>
                    {hint(facts)}
                </div>
                // What was written and not sent stays in no browser that one has signed out of.
                <form method="post" action="/sign-out" on:submit=handler(move |_| chat.forget_everything())>
                    <button type="submit" class="button">{words.sign_out()}</button>
                </form>
            </div>
            {changed.then(|| view! { <p class="form-done" role="status">{words.password_changed()}</p> }.into_any())}
            <details class="ask" open=open>
                <summary class="button">{words.change_password()}</summary>
                <form class="ask-body" method="post" action="/settings/password">
                    <FormError refused=refused.clone()/>
                    {account_of(me.handle.clone())}
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
                    {hint(words.change_password_hint().to_owned())}
                    <button type="submit" class="button primary">{words.change_password()}</button>
                </form>
            </details>
    };
    section("set-account", words.account(), "", body.into_any())
}

#[component]
fn Appearance(language: Language, theme: Theme, density: Density) -> impl IntoView {
    let words = use_chat().words;
    let theme = match theme {
        Theme::System => "system",
        Theme::Light => "light",
        Theme::Dark => "dark",
    };
    let density = match density {
        Density::Comfortable => "comfortable",
        Density::Compact => "compact",
    };
    let colours =
        [("system", words.theme_system()), ("light", words.theme_light()), ("dark", words.theme_dark())];
    let densities = [("comfortable", words.density_comfortable()), ("compact", words.density_compact())];
    let body = view! {
            {segments("theme", "data-theme", words.theme(), theme, &colours)}
            {segments("density", "data-density", words.density(), density, &densities)}
            <form class="setting-row" method="post" action="/preferences">
                <input type="hidden" name="next" value="/settings"/>
                <span id="set-language">{words.language()}</span>
                <div class="languages" role="group" aria-labelledby="set-language">
                    {language_buttons(words, language)}
                </div>
            </form>
    };
    section("set-appearance", words.appearance(), "", body.into_any())
}

/// One of a few values of a preference, which the style sheet reads from an attribute of the document.
fn segments(
    name: &'static str,
    attribute: &'static str,
    title: &'static str,
    now: &'static str,
    values: &[(&'static str, &'static str)],
) -> AnyView {
    let shown = RwSignal::new(now);
    let button = |(value, said): &(&'static str, &'static str)| {
        let (value, said) = (*value, *said);
        view! {
            <button
                type="submit"
                name=name
                value=value
                aria-pressed=live(move || (shown.get() == value).to_string())
                on:click=handler(move |_| {
                    // Seen at once; the form then keeps it.
                    browser::set_root_attribute(attribute, value);
                    shown.set(value);
                })
            >
                {said}
            </button>
        }
        .into_any()
    };
    let id = format!("set-{name}");
    view! {
        <form class="setting-row" method="post" action="/preferences">
            <input type="hidden" name="next" value="/settings"/>
            <span id=id.clone()>{title}</span>
            <div class="segments" role="group" aria-labelledby=id>{values.iter().map(button).collect_view()}</div>
        </form>
    }
    .into_any()
}

#[component]
fn Invitations(list: Vec<InvitationView>, refused: RefusedForm) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let none = list.is_empty();
    let line = move |invitation: InvitationView| {
        let clock = chat.clock.get_untracked();
        let facts = format!(
            "{} · {}",
            words.uses_left(invitation.uses_left),
            words.expires_at(&words.moment(invitation.expires_at, clock))
        );
        let what = match invitation.link {
            Some(link) => view! { <CopyField text=link label=words.copy_link()/> }.into_any(),
            None => view! { <strong>{words.moment(invitation.created_at, clock)}</strong> }.into_any(),
        };
        let action = format!("/invitations/{}/revoke", invitation.id);
        let revoke = post(action, ().into_any(), "button loss", words.revoke().to_owned());
        item(().into_any(), (what, hint(facts)).into_any(), revoke)
    };
    let body = view! {
            <FormError refused/>
            <ul class="setting-list">{list.into_iter().map(line).collect_view()}</ul>
            {none.then(|| view! { <p class="setting-none">{words.no_invitations()}</p> }.into_any())}
            <form method="post" action="/invitations">
                <button type="submit" class="button">
                    <Icon name="plus"/>
                    {words.new_invitation()}
                </button>
            </form>
    };
    section("set-invitations", words.invitations(), words.invitations_hint(), body.into_any())
}

/// Why a form of the list of people was refused. It has the keyboard, so that the page begins there.
fn why_refused(refused: &RefusedForm) -> Option<AnyView> {
    let words = refused.words("").or_else(|| refused.words("role"))?;
    Some(view! { <p class="form-error" role="alert" tabindex="-1" autofocus>{words}</p> }.into_any())
}

/// For administrators. What changes someone's account is not done by the first click: a disclosure, which opens without
/// script, says what it means, and its button names the person.
#[component]
fn People(people: Vec<PersonView>, refused: RefusedForm) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let (me, own_role) = (chat.me, untrack(|| chat.role()));
    let query = use_address().query("people");
    let (none, more) = (people.is_empty(), people.len() > limits::FOUND_MAX);
    let searched = more || !query.is_empty();
    let line = |person: PersonView| {
        let PersonView { user, suspended, link } = person;
        let (role, is_me) = (user.role, user.id == me);
        let may_give =
            move |next: &WorkspaceRole| if is_me { *next <= role } else { own_role.may_give(role, *next) };
        // Their own role is among the choices.
        let roles: Vec<_> =
            WorkspaceRole::ALL.into_iter().filter(|next| *next == role || may_give(next)).collect();
        let (gives, manages) = (roles.len() > 1, !is_me && own_role.may_manage(role));
        let made = link.is_some();
        // Each form brings the list back as it was looked for.
        let form = |what: &str, below: &'static str, class: &'static str, button: String| {
            let before = view! {
                <input type="hidden" name="people" value=query.clone()/>
                {(!below.is_empty()).then(|| hint(below.to_owned()))}
            };
            post(format!("/settings/people/{}/{what}", user.id), before.into_any(), class, button)
        };
        let role_form = || {
            let before = view! {
                <input type="hidden" name="people" value=query.clone()/>
                {role_choice(words, user.id.to_string(), role, roles)}
                {is_me.then(|| hint(words.own_role_hint().to_owned()))}
            };
            let action = format!("/settings/people/{}/role", user.id);
            post(action, before.into_any(), "button", words.change_role().to_owned())
        };
        let link_form = || match link {
            Some(link) => view! {
                {hint(words.new_password_link_made().to_owned())}
                <CopyField text=link label=words.new_password_link()/>
            }
            .into_any(),
            None => form(
                "new-password",
                words.new_password_link_hint(),
                "button",
                words.new_password_link().to_owned(),
            ),
        };
        let act = match suspended {
            true => manages.then(|| form("let-in", "", "button", words.reinstate().to_owned())),
            false => (gives || manages).then(|| {
                view! {
                    <details class="ask" open=made>
                        <summary class="button">{words.manage()}</summary>
                        <div class="ask-body">
                            {gives.then(role_form)}
                            {manages.then(link_form)}
                            {manages.then(|| {
                                form("suspend", words.suspend_hint(), "button loss", words.suspend_named(&user.name))
                            })}
                        </div>
                    </details>
                }
                .into_any()
            }),
        };
        let tag = match (suspended, role) {
            (true, _) => Some(("tag off", words.suspended())),
            (false, WorkspaceRole::Member) => None,
            (false, WorkspaceRole::Guest | WorkspaceRole::Moderator) => {
                Some(("tag plain", words.workspace_role(role)))
            }
            (false, WorkspaceRole::Admin | WorkspaceRole::Owner) => Some(("tag", words.workspace_role(role))),
        };
        let facts = view! {
            <strong dir="auto">{user.name.clone()}</strong>
            <p class="setting-hint">
                {format!("@{}", user.handle)}
                {tag.map(|(class, text)| view! { " " <span class=class>{text}</span> }.into_any())}
            </p>
        };
        item(view! { <Avatar user/> }.into_any(), facts.into_any(), act.into_any())
    };
    let lines = people.into_iter().take(limits::FOUND_MAX).map(line).collect_view();
    let note = match (none, more) {
        (true, _) => Some(words.nobody_found()),
        (false, true) => Some(words.accounts_more()),
        (false, false) => None,
    };
    let body = view! {
            {why_refused(&refused)}
            {searched.then(|| view! {
                <form class="setting-search" method="get" action="/settings#set-people">
                    <input type="search" class="input" name="people" value=query aria-label=words.find_people() placeholder=words.find_people()/>
                    <button type="submit" class="button">{words.search()}</button>
                </form>
            }.into_any())}
            <ul class="setting-list">{lines}</ul>
            {note.map(|note| view! { <p class="setting-none">{note}</p> }.into_any())}
    };
    section("set-people", words.accounts(), words.accounts_hint(), body.into_any())
}

/// The roles to choose from, and what each one means.
fn role_choice(words: Words, user: String, now: WorkspaceRole, roles: Vec<WorkspaceRole>) -> AnyView {
    let id = format!("role-{user}");
    let option = |role: &WorkspaceRole| {
        view! {
            <option value=role.as_str() selected=*role == now>{words.workspace_role(*role)}</option>
        }
        .into_any()
    };
    let options: Vec<_> = roles.iter().map(option).collect();
    let meaning = |role: WorkspaceRole| {
        view! {
            <dt>{words.workspace_role(role)}</dt>
            <dd>{words.workspace_role_hint(role)}</dd>
        }
        .into_any()
    };
    view! {
        <div class="field">
            <label for=id.clone()>{words.role()}</label>
            <select class="input" id=id name="role">{options}</select>
        </div>
        <dl class="roles">{roles.into_iter().map(meaning).collect::<Vec<_>>()}</dl>
    }
    .into_any()
}

#[component]
fn Sessions(list: Vec<SessionView>) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let others = list.iter().any(|session| !session.current);
    let line = move |session: SessionView| {
        let clock = chat.clock.get_untracked();
        let facts = format!(
            "{} · {}",
            words.seen_at(&words.moment(session.seen_at, clock)),
            words.signed_in_at(&words.moment(session.created_at, clock))
        );
        let what = view! {
            <strong>{words.device(&session.device)}</strong>
            {session.current.then(|| view! { " " <span class="tag">{words.this_device()}</span> }.into_any())}
            {hint(facts)}
        };
        let act = match session.current {
            true => ().into_any(),
            false => post(
                format!("/settings/sessions/{}/end", session.id),
                ().into_any(),
                "button loss",
                words.end().to_owned(),
            ),
        };
        item(().into_any(), what.into_any(), act)
    };
    let end_others = || {
        let (action, button) = ("/settings/sessions/end-others", words.end_others());
        post(action.to_owned(), ().into_any(), "button loss", button.to_owned())
    };
    let body = view! {
        <ul class="setting-list">{list.into_iter().map(line).collect_view()}</ul>
        {others.then(end_others)}
    };
    section("set-sessions", words.sessions(), words.sessions_hint(), body.into_any())
}

/// Which server answers, and how: the page says so to people and to tests.
#[component]
fn Connection() -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let state = move || match chat.link.get() {
        client::Link::Live => words.connected(),
        client::Link::Greeting => words.connecting(),
        client::Link::Away { .. } => words.not_connected(),
    };
    let body = view! {
            <dl class="facts">
                <dt>{words.server()}</dt>
                <dd>{live(move || chat.node.get())}</dd>
                <dt>{words.state()}</dt>
                <dd>{state}</dd>
                <dt>{words.protocol_version()}</dt>
                <dd>{VERSION}</dd>
            </dl>
            <button type="button" class="button scripted" on:click=handler(move |_| chat.screen.dialog.set(Some(Dialog::Shortcuts)))>
                {words.keyboard_shortcuts()}
            </button>
    };
    section("set-connection", words.connection(), "", body.into_any())
}
