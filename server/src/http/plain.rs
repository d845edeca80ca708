//! Settings and administration: routes and data. `app::plain` draws the pages.

use app::plain::{
    AboutMe, Content, Done, GroupView, PeopleView, Plain, Section, SpaceView, group_path, people_path,
};
use axum::{
    Router,
    extract::{Query, State, rejection::QueryRejection},
    http::Uri,
    response::{IntoResponse as _, Redirect},
    routing::{MethodRouter, get},
};
use protocol::{InvitationView, JobView, PersonView, WorkspaceRole};

use super::{
    address::path_safe,
    page::{self, Failure, Route},
    viewer::Visit,
};
use crate::{
    account::{self, Viewer},
    entry::cookies::Cookie,
    site::Site,
    store::{self, profiles::Profile},
};

/// A requested page of the settings or of the administration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    section: Section,
    /// The address at which it is drawn, without `done`.
    pub(super) path: String,
    /// Whether a phone shows the list of pages instead.
    is_index: bool,
    wanted: Wanted,
}

/// The query parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub(super) struct Wanted {
    /// The old name of `q`, from when the list of accounts was part of `/settings`.
    #[serde(default)]
    people: String,
    /// The search in names and handles.
    #[serde(default)]
    q: String,
    /// The person after whom the list begins.
    #[serde(default)]
    after: String,
    /// What was just done.
    #[serde(default)]
    done: String,
}

impl Asked {
    /// A page without parameters, for a viewer with this role.
    pub(super) fn page(section: Section, role: WorkspaceRole) -> Self {
        Self { section, path: section.path(role).to_owned(), is_index: false, wanted: Wanted::default() }
    }

    /// A page of the list of all accounts.
    pub(super) fn people(query: &str, after: &str) -> Self {
        let wanted = Wanted { q: query.to_owned(), after: after.to_owned(), ..Wanted::default() };
        Self { section: Section::People, path: people_path(query, after), is_index: false, wanted }
    }

    /// The page of a group.
    pub(super) fn group(id: &str, after: &str) -> Self {
        let wanted = Wanted { after: after.to_owned(), ..Wanted::default() };
        Self { section: Section::Groups, path: group_path(id, after), is_index: false, wanted }
    }

    /// The group whose page this is, as written in its address.
    fn of_group(&self) -> Option<&str> {
        let path = self.path.split('?').next().unwrap_or_default();
        path.strip_prefix("/admin/groups/")
    }

    /// The page that an address asks for.
    fn at(section: Section, is_index: bool, path: &str, wanted: Wanted) -> Self {
        let path = match section {
            Section::People => people_path(&wanted.q, &wanted.after),
            Section::Profile
            | Section::Appearance
            | Section::Account
            | Section::Invitations
            | Section::Workspace
            | Section::Groups
            | Section::Jobs => path.to_owned(),
        };
        Self { section, path, is_index, wanted }
    }
}

pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/settings", show(Section::Profile, true))
        .route("/settings/profile", show(Section::Profile, false))
        .route("/settings/appearance", show(Section::Appearance, false))
        .route("/settings/account", show(Section::Account, false))
        .route("/settings/invitations", show(Section::Invitations, false))
        .route("/admin", show(Section::Workspace, true))
        .route("/admin/workspace", show(Section::Workspace, false))
        .route("/admin/people", show(Section::People, false))
        .route("/admin/groups", show(Section::Groups, false))
        .route("/admin/groups/{id}", show(Section::Groups, false))
        .route("/admin/invitations", show(Section::Invitations, false))
        .route("/admin/jobs", show(Section::Jobs, false))
}

/// Signed-out visitors are asked to sign in, and return here.
fn show(section: Section, is_index: bool) -> MethodRouter<Site> {
    get(
        move |State(site): State<Site>,
              visit: Visit,
              uri: Uri,
              wanted: Result<Query<Wanted>, QueryRejection>| async move {
            let wanted = wanted.map(|Query(wanted)| wanted).unwrap_or_default();
            let asked = Asked::at(section, is_index, uri.path(), wanted);
            let Some(viewer) = &visit.viewer else {
                return page::to_sign_in(&site, &asked.path).await;
            };
            let is_admin = viewer.user.role.is_admin();
            // The list of accounts used to be there.
            if is_admin && is_index && !asked.wanted.people.is_empty() {
                return Redirect::to(&people_path(&asked.wanted.people, "")).into_response();
            }
            if is_admin && asked.path == "/settings/invitations" {
                return Redirect::to("/admin/invitations").into_response();
            }
            page::draw(&site, &visit, Route::Plain(asked), None).await
        },
    )
}

/// Fetches the page's own data, beyond what all pages have.
pub(super) async fn fill(
    site: &Site,
    visit: &Visit,
    viewer: &Viewer,
    asked: &Asked,
) -> Result<Plain, Failure> {
    let is_admin = viewer.user.role.is_admin();
    let may_see = is_admin || !asked.path.starts_with("/admin");
    let content = match asked.section {
        Section::Workspace | Section::People | Section::Groups | Section::Invitations | Section::Jobs
            if !may_see =>
        {
            Content::Refused
        }
        Section::Profile => Content::Profile(about(site, viewer).await?),
        Section::Appearance => Content::Nothing,
        Section::Workspace => Content::Workspace(space(site).await?),
        Section::Account => Content::Sessions(site.accounts.list_sessions(viewer).await?),
        Section::Invitations => Content::Invitations(own_invitations(site, visit, viewer).await?),
        Section::People => Content::People(everyone(site, visit, viewer, &asked.wanted).await?),
        Section::Groups => groups(site, viewer, asked).await?,
        Section::Jobs => Content::Jobs(dead_jobs(site).await?),
    };
    let has_invitations = is_admin || !site.accounts.list_invitations(viewer).await?.is_empty();
    Ok(Plain {
        section: asked.section,
        // Phones show the refusal, too.
        is_index: asked.is_index && content != Content::Refused,
        path: asked.path.clone(),
        has_invitations,
        done: Done::parse(&asked.wanted.done),
        content,
    })
}

async fn about(site: &Site, viewer: &Viewer) -> Result<AboutMe, Failure> {
    let known = site.node.store.profile(viewer.user.id).await?;
    let about = |known: Profile| AboutMe { title: known.title, pronouns: known.pronouns, zone: known.zone };
    Ok(known.map(about).unwrap_or_default())
}

/// All groups, also instead of one that does not exist, or no longer.
async fn groups(site: &Site, viewer: &Viewer, asked: &Asked) -> Result<Content, Failure> {
    let after = asked.wanted.after.parse().ok();
    if let Some(id) = asked.of_group().and_then(|id| id.parse().ok())
        && let Some(page) = site.accounts.group(viewer, id, after).await?
    {
        let after = after.map(|after| after.to_string()).unwrap_or_default();
        let next = page.next.map(|next| next.to_string());
        return Ok(Content::Group(GroupView { group: page.group, after, people: page.people, next }));
    }
    Ok(Content::Groups(site.accounts.list_groups(viewer).await?))
}

/// How many people with many files are shown.
const LARGEST_SHOWN: i64 = 5;

async fn space(site: &Site) -> Result<SpaceView, Failure> {
    let used = site.node.store.space_used(LARGEST_SHOWN).await?;
    let limits = site.files.limits();
    Ok(SpaceView {
        all: used.all,
        stored: used.stored,
        workspace_max: limits.workspace,
        person_max: limits.person,
        file_max: limits.file,
        people: used.people,
    })
}

/// How many jobs that failed too often are shown at once.
const JOBS_SHOWN: usize = 100;

async fn dead_jobs(site: &Site) -> Result<Vec<JobView>, Failure> {
    let dead = site.node.store.list_dead_jobs(JOBS_SHOWN).await?.into_iter();
    Ok(dead
        .map(|job| JobView {
            id: job.id,
            kind: job.kind,
            handle: job.handle,
            tries: job.tries,
            tried_at: job.dead_at,
            error: job.error,
        })
        .collect())
}

async fn own_invitations(
    site: &Site,
    visit: &Visit,
    viewer: &Viewer,
) -> Result<Vec<InvitationView>, Failure> {
    let mut invitations = site.accounts.list_invitations(viewer).await?;
    show_invitation_link(site, visit, &mut invitations);
    Ok(invitations)
}

async fn everyone(
    site: &Site,
    visit: &Visit,
    viewer: &Viewer,
    wanted: &Wanted,
) -> Result<PeopleView, Failure> {
    let after = wanted.after.parse().ok();
    let page = site.accounts.list_people(viewer, &wanted.q, after).await?;
    let mut people = page.people;
    show_password_link(site, visit, &mut people).await?;
    let after = after.map(|after| after.to_string()).unwrap_or_default();
    let next = page.next.map(|next| next.to_string());
    Ok(PeopleView { query: wanted.q.clone(), after, people, next })
}

/// The subject of the new link, and its secret. Only the browser that created it knows the secret,
/// from a cookie, for ten minutes.
fn new_link<'a>(site: &Site, visit: &'a Visit) -> Option<(&'a str, &'a str)> {
    Cookie::Link.read(&visit.headers, site.guard.is_https())?.split_once('.')
}

pub(super) fn show_invitation_link(site: &Site, visit: &Visit, invitations: &mut [InvitationView]) {
    let Some((id, token)) = new_link(site, visit) else { return };
    for invitation in invitations {
        if invitation.id.to_string() == id {
            invitation.link = Some(format!("{}/invite/{}", site.config.public_url(), path_safe(token)));
        }
    }
}

/// Only while the link is valid: it may have been used or replaced since.
async fn show_password_link(
    site: &Site,
    visit: &Visit,
    accounts: &mut [PersonView],
) -> Result<(), store::Error> {
    let Some((id, token)) = new_link(site, visit) else { return Ok(()) };
    for person in accounts {
        if person.user.id.to_string() == id {
            person.link = match site.accounts.check_password_link(token).await {
                Ok(_) => Some(format!("{}/new-password/{}", site.config.public_url(), path_safe(token))),
                Err(account::Error::Refused { .. }) => None,
                Err(account::Error::Store(e)) => return Err(e),
            };
        }
    }
    Ok(())
}
