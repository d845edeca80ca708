//! Administration of groups of people, which everyone can mention.

use leptos::prelude::*;
use protocol::{FormName, User};

use super::{Cx, GroupView, hint, item, only, section};
use crate::components::{
    avatar::Avatar,
    field::{Field, FormError},
    icon::Icon,
};

/// The address of a group's page, with the people after one of them.
#[must_use]
pub fn group_path(group: &str, after: &str) -> String {
    match after {
        "" => format!("/admin/groups/{group}"),
        after => format!("/admin/groups/{group}?after={after}"),
    }
}

/// All groups, and a form for another one.
pub(super) fn groups(cx: &Cx, list: &[User]) -> AnyView {
    let words = cx.words;
    let line = |group: &User| {
        let (id, count) = (format!("group-{}", group.id), group.group.unwrap_or_default() as usize);
        let facts = view! {
            <strong id=id.clone() dir="auto">{group.name.clone()}</strong>
            {hint(format!("@{} · {}", group.handle, words.people_count(count)))}
        };
        let path = group_path(&group.id.to_string(), "");
        let open = view! { <a class="button" href=path aria-describedby=id>{words.manage()}</a> };
        item(view! { <span class="avatar sign"><Icon name="group"/></span> }, facts, open)
    };
    let lines: Vec<_> = list.iter().map(line).collect();
    let known = match lines.is_empty() {
        true => view! { <p class="setting-none">{words.no_user_groups()}</p> }.into_any(),
        false => view! { <ul class="setting-list">{lines}</ul> }.into_any(),
    };
    let form = view! {
        <form class="setting-form" method="post" action="/admin/groups">
            {cx.author()}
            {fields(cx, FormName::MakeGroup, None)}
            <button type="submit" class="button primary">{words.new_user_group()}</button>
        </form>
    };
    // A deleted group's page redraws its refused form here.
    let lost =
        [FormName::Group, FormName::GroupPeople].map(|form| view! { <FormError refused=cx.refused(form)/> });
    view! {
        {lost.into_iter().collect_view()}
        {only(words.user_groups(), words.user_groups_hint(), known)}
        {section("set-new-group", words.new_user_group(), "", form)}
    }
    .into_any()
}

/// One group: its name and handle, and who is in it.
pub(super) fn group(cx: &Cx, view: &GroupView) -> AnyView {
    let (words, group) = (cx.words, &view.group);
    let path = |what: &str| format!("/admin/groups/{}{what}", group.id);
    let rename = view! {
        <form class="setting-form" method="post" action=path("")>
            {cx.author()}
            {fields(cx, FormName::Group, Some(group))}
            <button type="submit" class="button primary">{words.save()}</button>
        </form>
    };
    let delete = view! {
        <details class="ask">
            <summary class="button">{words.delete_user_group()}</summary>
            <div class="ask-body">
                {cx.post(
                    path("/delete"),
                    hint(words.delete_user_group_hint().to_owned()),
                    "button loss",
                    words.delete_user_group().to_owned(),
                    None,
                )}
            </div>
        </details>
    };
    let title = format!(
        "{} · @{} · {}",
        group.name,
        group.handle,
        words.people_count(group.group.unwrap_or_default() as usize)
    );
    view! {
        <p class="setting-hint" dir="auto">{title}</p>
        <p><a class="button" href="/admin/groups">{words.all_user_groups()}</a></p>
        {only(words.user_group(), "", rename)}
        {section("set-people", words.user_group_people(), "", people(cx, view))}
        {only(words.delete_user_group(), "", delete)}
    }
    .into_any()
}

/// The fields of a group.
fn fields(cx: &Cx, form: FormName, known: Option<&User>) -> AnyView {
    let (words, refused) = (cx.words, cx.refused(form));
    let value = |of: fn(&User) -> &String| known.map(of).cloned().unwrap_or_default();
    view! {
        <FormError refused=refused.clone()/>
        <Field name="title" label=words.title() value=value(|group| &group.name) refused=refused.clone()/>
        <Field
            name="handle"
            label=words.handle()
            example="design"
            hint=words.user_group_handle_hint()
            value=value(|group| &group.handle)
            refused
        />
    }
    .into_any()
}

fn people(cx: &Cx, view: &GroupView) -> AnyView {
    let (words, group) = (cx.words, view.group.id);
    let refused = cx.refused(FormName::GroupPeople);
    let line = |person: &User| {
        let id = format!("person-{}", person.id);
        let facts = view! {
            <strong id=id.clone() dir="auto">{person.name.clone()}</strong>
            {hint(format!("@{}", person.handle))}
        };
        let user = person.id.to_string();
        let whom = view! {
            <input type="hidden" name="user" value=user/>
            <input type="hidden" name="after" value=view.after.clone()/>
        };
        let (action, button) = (format!("/admin/groups/{group}/remove"), words.remove().to_owned());
        item(
            view! { <Avatar user=person.clone()/> },
            facts,
            cx.post(action, whom, "button", button, Some(id)),
        )
    };
    let lines: Vec<_> = view.people.iter().map(line).collect();
    let known = match lines.is_empty() {
        true => view! { <p class="setting-none">{words.user_group_nobody()}</p> }.into_any(),
        false => view! { <ul class="setting-list">{lines}</ul> }.into_any(),
    };
    let id = group.to_string();
    let first = (!view.after.is_empty()).then(|| group_path(&id, ""));
    let next = view.next.as_ref().map(|after| group_path(&id, after));
    let pages = (first.is_some() || next.is_some()).then(|| {
        view! {
            <div class="setting-pages">
                {first.map(|path| view! { <a class="button" href=path>{words.first_page()}</a> })}
                {next.map(|path| view! { <a class="button" rel="next" href=path>{words.next_page()}</a> })}
            </div>
        }
    });
    view! {
        <form class="setting-form" method="post" action=format!("/admin/groups/{group}/add")>
            {cx.author()}
            <FormError refused=refused.clone()/>
            <Field
                name="people"
                label=words.handles()
                example="ana, bea"
                hint=words.handles_hint()
                refused
            />
            <button type="submit" class="button">{words.add_people()}</button>
        </form>
        {known}
        {pages}
    }
    .into_any()
}
