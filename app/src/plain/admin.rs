//! Administration: the workspace, accounts, and invitations.

use leptos::prelude::*;
use protocol::{FormName, InvitationView, JobView, PersonView, User, VERSION, WhoMaySignUp, WorkspaceRole};

use super::{Cx, Done, PeopleView, SpaceView, copy_field, hint, item, only, section};
use crate::{
    components::{
        avatar::Avatar,
        field::{Field, FormError, RefusedForm},
        icon::Icon,
    },
    words::Words,
};

/// Shown to everyone else.
pub(super) fn refused(cx: &Cx) -> AnyView {
    let words = cx.words;
    view! {
        <div class="setting">
            <p>{words.admins_only_lead()}</p>
            <a class="button" href="/" data-back>{words.back_to_rooms()}</a>
        </div>
    }
    .into_any()
}

pub(super) fn workspace(cx: &Cx, space: &SpaceView) -> AnyView {
    let (words, page) = (cx.words, &cx.page);
    let refused = cx.refused(FormName::Workspace);
    let form = view! {
        <form class="setting-form" method="post" action="/admin/workspace">
            {cx.author()}
            <FormError refused=refused.clone()/>
            <Field
                name="place"
                label=words.workspace_name()
                autocomplete="organization"
                hint=words.name_workspace_lead()
                value=page.workspace_name.clone()
                refused
            />
            <button type="submit" class="button primary">{words.save()}</button>
        </form>
    };
    let sign_up = match page.sign_up {
        WhoMaySignUp::Open | WhoMaySignUp::First => words.accounts_open(),
        WhoMaySignUp::Invite => words.accounts_by_invitation(),
        WhoMaySignUp::Closed => words.accounts_closed(),
    };
    let facts = view! {
        <dl class="facts">
            <dt>{words.new_accounts()}</dt>
            <dd>{sign_up}</dd>
            <dt>{words.server()}</dt>
            <dd>{page.node.clone()}</dd>
            <dt>{words.protocol_version()}</dt>
            <dd>{VERSION}</dd>
        </dl>
    };
    view! {
        {only(words.workspace(), "", form)}
        {files(cx, space)}
        {section("set-about", words.about_workspace(), "", facts)}
    }
    .into_any()
}

/// How much space files take, who has the most, and the limits that the operator has set.
fn files(cx: &Cx, space: &SpaceView) -> AnyView {
    let words = cx.words;
    let used = match space.workspace_max {
        Some(max) => words.space_of(&words.file_size(max), &words.file_size(space.all)),
        None => words.file_size(space.all),
    };
    let meter = space.workspace_max.map(|max| {
        // A meter of 0 to 1000 is exact enough, and has no numbers too large for HTML.
        let share = (u128::from(space.all) * 1_000 / u128::from(max.max(1))).min(1_000);
        view! { <meter min="0" max="1000" high="900" optimum="0" value=share.to_string() aria-label=words.space_used()></meter> }
    });
    let limit =
        |max: Option<u64>| max.map_or_else(|| words.no_limit().to_owned(), |max| words.file_size(max));
    let saved = (space.stored < space.all).then(|| {
        view! {
            <dt>{words.space_stored()}</dt>
            <dd>{words.file_size(space.stored)}</dd>
        }
    });
    let line = |(user, bytes): &(User, u64)| {
        let name =
            view! { <strong dir="auto">{user.name.clone()}</strong>{hint(format!("@{}", user.handle))} };
        item(view! { <Avatar user=user.clone()/> }, name, view! { <span>{words.file_size(*bytes)}</span> })
    };
    let people: Vec<_> = space.people.iter().map(line).collect();
    let most = (!people.is_empty()).then(|| {
        view! {
            <h3 id="set-most">{words.most_space()}</h3>
            <ul class="setting-list" aria-labelledby="set-most">{people}</ul>
        }
    });
    let body = view! {
        {meter}
        <dl class="facts">
            <dt>{words.space_used()}</dt>
            <dd>{used}</dd>
            {saved}
            <dt>{words.file_limit()}</dt>
            <dd>{words.file_size(space.file_max)}</dd>
            <dt>{words.person_limit()}</dt>
            <dd>{limit(space.person_max)}</dd>
            <dt>{words.workspace_limit()}</dt>
            <dd>{limit(space.workspace_max)}</dd>
        </dl>
        {most}
    };
    section("set-files", words.files(), words.files_limits_hint(), body)
}

pub(super) fn invitations(cx: &Cx, list: &[InvitationView], done: Option<Done>) -> AnyView {
    let words = cx.words;
    let refused = cx.refused(FormName::Invite);
    let line = |invitation: &InvitationView| {
        let id = format!("invitation-{}", invitation.id);
        let facts = format!(
            "{} · {}",
            words.uses_left(invitation.uses_left),
            words.expires_at(&words.moment(invitation.expires_at, cx.clock))
        );
        let what = match &invitation.link {
            Some(link) => copy_field(words, link.clone(), words.copy_link(), done == Some(Done::Link)),
            None => view! { <strong>{words.moment(invitation.created_at, cx.clock)}</strong> }.into_any(),
        };
        let action = format!("/invitations/{}/revoke", invitation.id);
        let revoke = cx.post(action, (), "button loss", words.revoke().to_owned(), Some(id.clone()));
        let facts = view! { <p class="setting-hint" id=id>{facts}</p> };
        item((), (what, facts), revoke)
    };
    let lines: Vec<_> = list.iter().map(line).collect();
    let body = view! {
        <FormError refused/>
        {match cx.page.sign_up {
            WhoMaySignUp::Closed => view! { <p class="form-note">{words.sign_up_closed()}</p> }.into_any(),
            WhoMaySignUp::First | WhoMaySignUp::Open | WhoMaySignUp::Invite => view! {
                <form method="post" action="/invitations">
                    {cx.author()}
                    <button type="submit" class="button primary">
                        <Icon name="plus"/>
                        {words.new_invitation()}
                    </button>
                </form>
            }
            .into_any(),
        }}
        {match lines.is_empty() {
            true => view! { <p class="setting-none">{words.no_invitations()}</p> }.into_any(),
            false => view! { <ul class="setting-list">{lines}</ul> }.into_any(),
        }}
    };
    only(words.invitations(), words.invitations_hint(), body)
}

/// Jobs that failed too often: what each was, for whom, and buttons to retry or delete it. Messages
/// are not shown.
pub(super) fn jobs(cx: &Cx, list: &[JobView]) -> AnyView {
    let words = cx.words;
    let line = |job: &JobView| {
        let id = format!("job-{}", job.id);
        let what = match job.kind.as_str() {
            "remind" => words.job_remind(&job.handle),
            "send" => words.job_send(&job.handle),
            "preview" => words.job_preview(&job.handle),
            kind => words.job_unknown(&job.handle, kind),
        };
        let facts = view! {
            <strong id=id.clone()>{what}</strong>
            {hint(words.job_tries(job.tries, &words.moment(job.tried_at, cx.clock)))}
            <p class="setting-hint" lang="en" translate="no"><code>{job.error.clone()}</code></p>
        };
        let path = |what: &str| format!("/admin/jobs/{}/{what}", job.id);
        let retry = cx.post(path("retry"), (), "button", words.try_again().to_owned(), Some(id.clone()));
        let delete = cx.post(path("delete"), (), "button loss", words.delete().to_owned(), Some(id));
        item((), facts, (retry, delete))
    };
    let lines: Vec<_> = list.iter().map(line).collect();
    let body = match lines.is_empty() {
        true => view! { <p class="setting-none">{words.no_jobs()}</p> }.into_any(),
        false => view! { <ul class="setting-list">{lines}</ul> }.into_any(),
    };
    only(words.jobs(), words.jobs_hint(), body)
}

/// Why a form of the account list was refused. It has focus, so that the page begins there.
fn why_refused(refused: &RefusedForm) -> Option<AnyView> {
    let words = refused.words("").or_else(|| refused.words("role"))?;
    Some(view! { <p class="form-error" role="alert" tabindex="-1" autofocus>{words}</p> }.into_any())
}

/// All accounts, one page at a time.
pub(super) fn people(cx: &Cx, view: &PeopleView, done: Option<Done>) -> AnyView {
    let words = cx.words;
    let lines: Vec<_> = view.people.iter().map(|person| person_line(cx, view, person, done)).collect();
    let is_searched = !view.query.is_empty();
    let none = lines.is_empty().then(|| view! { <p class="setting-none">{words.nobody_found()}</p> });
    let body = view! {
        {why_refused(&cx.refused(FormName::People))}
        <form class="setting-search" role="search" method="get" action="/admin/people">
            <input
                type="search"
                class="input"
                name="q"
                value=view.query.clone()
                aria-label=words.find_people()
                placeholder=words.find_people()
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
            />
            <button type="submit" class="button">{words.search()}</button>
            {is_searched.then(|| view! { <a class="button" href="/admin/people">{words.show_all()}</a> })}
        </form>
        <ul class="setting-list">{lines}</ul>
        {none}
        {pages(words, view)}
    };
    only(words.accounts(), "", body)
}

/// The links to the other pages of the list.
fn pages(words: Words, view: &PeopleView) -> Option<AnyView> {
    let next = view.next.as_deref().map(|after| people_path(&view.query, after));
    let first = (!view.after.is_empty()).then(|| people_path(&view.query, ""));
    if next.is_none() && first.is_none() {
        return None;
    }
    let links = view! {
        <div class="setting-pages">
            {first.map(|path| view! { <a class="button" href=path>{words.first_page()}</a> })}
            {next.map(|path| view! { <a class="button" rel="next" href=path>{words.next_page()}</a> })}
        </div>
    };
    Some(links.into_any())
}

/// The address of a page of the list.
#[must_use]
pub fn people_path(query: &str, after: &str) -> String {
    let parameters = [("q", query), ("after", after)].into_iter().filter(|(_, value)| !value.is_empty());
    let parameters: Vec<String> =
        parameters.map(|(name, value)| format!("{name}={}", in_query(value))).collect();
    match parameters.is_empty() {
        true => "/admin/people".to_owned(),
        false => format!("/admin/people?{}", parameters.join("&")),
    }
}

fn in_query(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

/// No single click changes an account: a disclosure, which opens without script, explains the
/// action, and its button names the person.
fn person_line(cx: &Cx, view: &PeopleView, person: &PersonView, done: Option<Done>) -> AnyView {
    let words = cx.words;
    let PersonView { user, suspended, link } = person;
    let (role, is_me, id) = (user.role, user.id == cx.me.id, format!("person-{}", user.id));
    let may_give =
        |next: &WorkspaceRole| if is_me { *next <= role } else { cx.me.role.may_give(role, *next) };
    // The current role is among the choices.
    let roles: Vec<_> =
        WorkspaceRole::ALL.into_iter().filter(|next| *next == role || may_give(next)).collect();
    let (gives, manages) = (roles.len() > 1, !is_me && cx.me.role.may_manage(role));
    // Each form returns to the same page of the list.
    let place = || {
        view! {
            <input type="hidden" name="q" value=view.query.clone()/>
            <input type="hidden" name="after" value=view.after.clone()/>
        }
    };
    let path = |what: &str| format!("/admin/people/{}/{what}", user.id);
    let form = |what: &str, below: &'static str, class: &'static str, button: String| {
        let before = (place(), (!below.is_empty()).then(|| hint(below.to_owned())));
        cx.post(path(what), before, class, button, Some(id.clone()))
    };
    let role_form = || {
        let choice = role_choice(words, user.id.to_string(), role, &roles);
        let warning = is_me.then(|| hint(words.own_role_hint().to_owned()));
        let button = words.change_role().to_owned();
        cx.post(path("role"), (place(), choice, warning), "button", button, Some(id.clone()))
    };
    let link_form = || match link {
        Some(link) => view! {
            {hint(words.new_password_link_made().to_owned())}
            {copy_field(words, link.clone(), words.new_password_link(), done == Some(Done::Link))}
        }
        .into_any(),
        None => {
            let button = words.new_password_link().to_owned();
            form("new-password", words.new_password_link_hint(), "button", button)
        }
    };
    let suspend_form =
        || form("suspend", words.suspend_hint(), "button loss", words.suspend_named(&user.name));
    let act = match suspended {
        true => manages.then(|| form("let-in", "", "button", words.reinstate().to_owned())),
        false => (gives || manages).then(|| {
            view! {
                <details class="ask" open=link.is_some()>
                    <summary class="button" aria-describedby=id.clone()>{words.manage()}</summary>
                    <div class="ask-body">
                        {gives.then(role_form)}
                        {manages.then(link_form)}
                        {manages.then(suspend_form)}
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
        <strong id=id.clone() dir="auto">{user.name.clone()}</strong>
        {tag.map(|(class, text)| view! { " " <span class=class>{text}</span> })}
        {hint(format!("@{}", user.handle))}
    };
    item(view! { <Avatar user=user.clone()/> }, facts, act)
}

/// The roles to choose from, with what each one means.
fn role_choice(words: Words, user: String, now: WorkspaceRole, roles: &[WorkspaceRole]) -> AnyView {
    let id = format!("role-{user}");
    let option = |role: &WorkspaceRole| {
        view! {
            <option value=role.as_str() selected=*role == now>{words.workspace_role(*role)}</option>
        }
        .into_any()
    };
    let meaning = |role: &WorkspaceRole| {
        view! {
            <dt>{words.workspace_role(*role)}</dt>
            <dd>{words.workspace_role_hint(*role)}</dd>
        }
        .into_any()
    };
    view! {
        <div class="field">
            <label for=id.clone()>{words.role()}</label>
            <select class="input" id=id name="role">{roles.iter().map(option).collect::<Vec<_>>()}</select>
        </div>
        <dl class="roles">{roles.iter().map(meaning).collect::<Vec<_>>()}</dl>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::people_path;

    #[test]
    fn a_part_of_the_list_has_an_address() {
        assert_eq!(people_path("", ""), "/admin/people");
        assert_eq!(people_path("b e&", ""), "/admin/people?q=b%20e%26");
        assert_eq!(people_path("安", "0192"), "/admin/people?q=%E5%AE%89&after=0192");
    }
}
