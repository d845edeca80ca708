//! Settings and administration: pages that only the server draws.
//!
//! Changing a name or a role needs no socket and no client state, so these are plain forms: no
//! wasm, and nothing to wake up. They work without script; [`SCRIPT`] only copies links, finds the
//! way back to the room, and clears stored texts on sign-out.
//!
//! - [`settings`]: the viewer's own pages. [`admin`] and [`groups`]: those of administrators.
//! - A wide screen shows the list of pages beside the page. A phone shows one of the two: the list
//!   at [`Plain::is_index`]. The style sheet decides, because the server does not know the screen.
//! - Each form names the account whose page it is on (`author`), because the browser may belong to
//!   someone else by the time it is sent.

mod admin;
mod groups;
mod settings;

pub use self::{admin::people_path, groups::group_path};

use leptos::{
    nonce::{Nonce, use_nonce},
    prelude::*,
};
use leptos_meta::HashedStylesheet;
use protocol::{FormName, InvitationView, JobView, Page, PersonView, SessionView, User, WorkspaceRole};

use crate::{
    components::{avatar::Avatar, field::RefusedForm, icon::Icon},
    shell::{document, escaped},
    words::{Clock, Words, use_words},
};

/// See `script.js`.
const SCRIPT: &str = include_str!("script.js");

/// The same with `crop.js`.
const PROFILE_SCRIPT: &str = concat!(include_str!("script.js"), include_str!("crop.js"));

/// A page of the settings or of the administration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The viewer's name, handle, and what they say about themselves.
    Profile,
    /// Theme, language, density.
    Appearance,
    /// Password and signed-in devices.
    Account,
    /// The viewer's invitation links. For administrators, part of the administration.
    Invitations,
    /// The workspace's name, and facts about it.
    Workspace,
    /// All accounts.
    People,
    /// Groups of people.
    Groups,
    /// Jobs that failed too often.
    Jobs,
}

impl Section {
    /// Its address, for a viewer with this role.
    #[must_use]
    pub fn path(self, role: WorkspaceRole) -> &'static str {
        match self {
            Self::Profile => "/settings/profile",
            Self::Appearance => "/settings/appearance",
            Self::Account => "/settings/account",
            Self::Invitations if role.is_admin() => "/admin/invitations",
            Self::Invitations => "/settings/invitations",
            Self::Workspace => "/admin/workspace",
            Self::People => "/admin/people",
            Self::Groups => "/admin/groups",
            Self::Jobs => "/admin/jobs",
        }
    }

    fn title(self, words: Words) -> &'static str {
        match self {
            Self::Profile => words.profile(),
            Self::Appearance => words.appearance(),
            Self::Account => words.account(),
            Self::Invitations => words.invitations(),
            Self::Workspace => words.workspace(),
            Self::People => words.accounts(),
            Self::Groups => words.user_groups(),
            Self::Jobs => words.jobs(),
        }
    }

    fn icon(self) -> &'static str {
        match self {
            Self::Profile => "person",
            Self::Appearance => "settings",
            Self::Account => "key",
            Self::Invitations => "invite",
            Self::Workspace => "shield",
            Self::People | Self::Groups => "group",
            Self::Jobs => "clock",
        }
    }
}

/// What was just done. The page confirms it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// The viewer's profile was changed.
    Name,
    /// The theme was changed.
    Theme,
    /// The density was changed.
    Density,
    /// Previews of links were shown or hidden.
    Previews,
    /// The language was changed.
    Language,
    /// The viewer's password was changed.
    Password,
    /// Another device was signed out.
    Device,
    /// All other devices were signed out.
    Devices,
    /// A link was created, for invitations or for a new password.
    Link,
    /// An invitation was revoked.
    Revoked,
    /// The workspace was renamed.
    Workspace,
    /// Someone's role was changed.
    Role,
    /// Someone was suspended.
    Suspended,
    /// Someone was reinstated.
    Reinstated,
    /// A job was retried.
    JobRetried,
    /// A job was deleted.
    JobDeleted,
    /// A group of people was made.
    GroupMade,
    /// A group has another name or handle.
    GroupSaved,
    /// People were added to a group.
    GroupAdded,
    /// Someone was removed from a group.
    GroupRemoved,
    /// A group was deleted.
    GroupDeleted,
}

impl Done {
    const ALL: [Self; 21] = [
        Self::Name,
        Self::Theme,
        Self::Density,
        Self::Previews,
        Self::Language,
        Self::Password,
        Self::Device,
        Self::Devices,
        Self::Link,
        Self::Revoked,
        Self::Workspace,
        Self::Role,
        Self::Suspended,
        Self::Reinstated,
        Self::JobRetried,
        Self::JobDeleted,
        Self::GroupMade,
        Self::GroupSaved,
        Self::GroupAdded,
        Self::GroupRemoved,
        Self::GroupDeleted,
    ];

    /// Its name in an address: `?done=name`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Theme => "theme",
            Self::Density => "density",
            Self::Previews => "previews",
            Self::Language => "language",
            Self::Password => "password",
            Self::Device => "device",
            Self::Devices => "devices",
            Self::Link => "link",
            Self::Revoked => "revoked",
            Self::Workspace => "workspace",
            Self::Role => "role",
            Self::Suspended => "suspended",
            Self::Reinstated => "reinstated",
            Self::JobRetried => "job-retried",
            Self::JobDeleted => "job-deleted",
            Self::GroupMade => "group-made",
            Self::GroupSaved => "group-saved",
            Self::GroupAdded => "group-added",
            Self::GroupRemoved => "group-removed",
            Self::GroupDeleted => "group-deleted",
        }
    }

    /// `None` for unknown texts.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.as_str() == text)
    }

    /// The confirmation; `None` if the result is visible anyway.
    fn words(self, words: Words) -> Option<&'static str> {
        match self {
            Self::Theme | Self::Density | Self::Previews | Self::Language | Self::Link => None,
            Self::Name => Some(words.profile_saved()),
            Self::Password => Some(words.password_changed()),
            Self::Device => Some(words.device_signed_out()),
            Self::Devices => Some(words.devices_signed_out()),
            Self::Revoked => Some(words.invitation_revoked()),
            Self::Workspace => Some(words.workspace_renamed()),
            Self::Role => Some(words.role_changed()),
            Self::Suspended => Some(words.account_suspended()),
            Self::Reinstated => Some(words.account_reinstated()),
            Self::JobRetried => Some(words.job_retried()),
            Self::JobDeleted => Some(words.job_deleted()),
            Self::GroupMade => Some(words.user_group_made()),
            Self::GroupSaved => Some(words.user_group_saved()),
            Self::GroupAdded => Some(words.user_group_added()),
            Self::GroupRemoved => Some(words.user_group_removed()),
            Self::GroupDeleted => Some(words.user_group_deleted()),
        }
    }
}

/// The content of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing beyond the common [`Page`].
    Nothing,
    /// What the viewer says about themselves.
    Profile(AboutMe),
    /// The signed-in browsers.
    Sessions(Vec<SessionView>),
    /// The invitation links that are still valid.
    Invitations(Vec<InvitationView>),
    /// A page of all accounts.
    People(PeopleView),
    /// All groups of people.
    Groups(Vec<User>),
    /// One of them.
    Group(GroupView),
    /// How much space files take.
    Workspace(SpaceView),
    /// Jobs that failed too often.
    Jobs(Vec<JobView>),
    /// The page is for administrators only, and the viewer is not one.
    Refused,
}

/// What the viewer says about themselves, beyond their name and handle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AboutMe {
    /// What they do.
    pub title: String,
    /// Their pronouns.
    pub pronouns: String,
    /// The name of their time zone.
    pub zone: String,
}

/// How much space files take, and may take, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpaceView {
    /// All files of the workspace, as the limit counts them …
    pub all: u64,
    /// … and without duplicates.
    pub stored: u64,
    /// The limit of the workspace; `None`: there is none.
    pub workspace_max: Option<u64>,
    /// The limit of one person.
    pub person_max: Option<u64>,
    /// The limit of one file.
    pub file_max: u64,
    /// The people with the most.
    pub people: Vec<(User, u64)>,
}

/// A page of the list of all accounts, suspended ones first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleView {
    /// The search in handles and names; empty for everyone.
    pub query: String,
    /// The person after whom this page begins; empty for the first page.
    pub after: String,
    /// The accounts.
    pub people: Vec<PersonView>,
    /// The person after whom the next page begins, if there is one.
    pub next: Option<String>,
}

/// A group of people, and a page of those who are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// The group.
    pub group: User,
    /// The person after whom this page begins; empty for the first page.
    pub after: String,
    /// The people, by name.
    pub people: Vec<User>,
    /// The person after whom the next page begins, if there is one.
    pub next: Option<String>,
}

/// A page that only the server draws. The rest is in the [`Page`], as for all other pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Which page.
    pub section: Section,
    /// Whether a phone shows the list of pages instead of this page.
    pub is_index: bool,
    /// The path and query of the page, without `done`.
    pub path: String,
    /// Whether the viewer has invitation links, or may create some.
    pub has_invitations: bool,
    /// What was just done.
    pub done: Option<Done>,
    /// Its content.
    pub content: Content,
}

/// The whole document of a signed-in viewer's page.
#[must_use]
pub fn draw(page: Page, plain: Plain, nonce: Nonce, options: LeptosOptions) -> String {
    // Drawing is synchronous, so it needs no executor and none of Leptos's streaming scripts.
    Owner::new_root(None).with(|| {
        provide_context(nonce);
        let words = Words::of(page.language);
        provide_context(words);
        let Some(me) = page.signed_in().map(|signed_in| signed_in.viewer.clone()) else {
            return String::new();
        };
        let workspace = if page.workspace_name.is_empty() { "Roost" } else { &page.workspace_name };
        let title = escaped(&format!("{} · {workspace}", title_of(words, &plain)));
        let script = if matches!(plain.content, Content::Profile(_)) { PROFILE_SCRIPT } else { SCRIPT };
        let body = view! {
            <Frame page=page.clone() plain me/>
            <script nonce=use_nonce()>{script}</script>
        };
        let style = view! { <HashedStylesheet options/> }.into_any();
        document(&page, words, title, style, body.into_any()).to_html()
    })
}

fn title_of(words: Words, plain: &Plain) -> String {
    match plain.content {
        Content::Refused => words.admins_only().to_owned(),
        Content::Nothing
        | Content::Profile(_)
        | Content::Sessions(_)
        | Content::Invitations(_)
        | Content::People(_)
        | Content::Groups(_)
        | Content::Group(_)
        | Content::Workspace(_)
        | Content::Jobs(_) => {
            let group =
                if plain.path.starts_with("/admin") { words.administration() } else { words.settings() };
            format!("{} · {group}", plain.section.title(words))
        }
    }
}

/// The list of pages, and the page.
#[component]
fn Frame(page: Page, plain: Plain, me: User) -> impl IntoView {
    let words = use_words();
    let refused = plain.content == Content::Refused;
    let id = me.id.to_string();
    let code = page.form.as_ref().map(|form| u16::from(form.refusal.code).to_string());
    let title = if refused { words.admins_only() } else { plain.section.title(words) };
    let cx = Cx { words, clock: Clock { now: page.now, zone: page.zone }, page, me: me.clone() };
    let said = plain.done.and_then(|done| done.words(words));
    let body = match &plain.content {
        Content::Refused => admin::refused(&cx),
        Content::Nothing
        | Content::Profile(_)
        | Content::Sessions(_)
        | Content::Invitations(_)
        | Content::People(_)
        | Content::Groups(_)
        | Content::Group(_)
        | Content::Workspace(_)
        | Content::Jobs(_) => section_body(&cx, &plain),
    };
    view! {
        <div
            class="plain-page"
            data-index=plain.is_index.to_string()
            data-path=plain.path.clone()
            data-me=id
            data-refused=code
        >
            <Nav plain=plain.clone() me refused/>
            <main class="main settings">
                <header class="pane-head">
                    <a class="back icon-button" href="/settings" aria-label=words.settings() title=words.settings()>
                        <Icon name="back"/>
                    </a>
                    <div class="pane-title"><h1>{title}</h1></div>
                </header>
                <div class="settings-body">
                    // It has focus, so that it is read first and the user continues from there.
                    {said.map(|said| view! {
                        <p class="form-done" role="status" tabindex="-1" autofocus>{said}</p>
                    })}
                    {body}
                </div>
            </main>
        </div>
    }
}

fn section_body(cx: &Cx, plain: &Plain) -> AnyView {
    match (plain.section, &plain.content) {
        (Section::Profile, Content::Profile(about)) => settings::profile(cx, about),
        (Section::Appearance, _) => settings::appearance(cx, plain.done),
        (Section::Account, Content::Sessions(sessions)) => settings::account(cx, sessions),
        (Section::Invitations, Content::Invitations(list)) => admin::invitations(cx, list, plain.done),
        (Section::Workspace, Content::Workspace(space)) => admin::workspace(cx, space),
        (Section::People, Content::People(people)) => admin::people(cx, people, plain.done),
        (Section::Groups, Content::Groups(list)) => groups::groups(cx, list),
        (Section::Groups, Content::Group(view)) => groups::group(cx, view),
        (Section::Jobs, Content::Jobs(jobs)) => admin::jobs(cx, jobs),
        (
            Section::Profile
            | Section::Account
            | Section::Invitations
            | Section::People
            | Section::Groups
            | Section::Workspace
            | Section::Jobs,
            _,
        ) => ().into_any(),
    }
}

#[component]
fn Nav(plain: Plain, me: User, refused: bool) -> impl IntoView {
    let words = use_words();
    let is_admin = me.role.is_admin();
    let link = |section: Section| {
        let current = (section == plain.section && !refused).then_some("page");
        view! {
            <li>
                <a href=section.path(me.role) aria-current=current>
                    <Icon name=section.icon()/>
                    <span>{section.title(words)}</span>
                    <Icon name="chevron"/>
                </a>
            </li>
        }
        .into_any()
    };
    let mut own = vec![Section::Profile, Section::Appearance, Section::Account];
    if plain.has_invitations && !is_admin {
        own.push(Section::Invitations);
    }
    let admins = [Section::Workspace, Section::People, Section::Groups, Section::Invitations, Section::Jobs];
    let own: Vec<_> = own.into_iter().map(link).collect();
    let admins: Vec<_> = admins.into_iter().map(link).collect();
    view! {
        <nav class="plain-nav" aria-label=words.settings()>
            <a class="plain-back" href="/" data-back>
                <Icon name="back"/>
                <span>{words.back_to_rooms()}</span>
            </a>
            <h1 class="plain-index-title">{words.settings()}</h1>
            <div class="plain-me">
                <Avatar user=me.clone()/>
                <div>
                    <strong dir="auto">{me.name.clone()}</strong>
                    <p class="setting-hint">{format!("@{}", me.handle)}</p>
                </div>
            </div>
            <h2 id="nav-own">{words.settings()}</h2>
            <ul aria-labelledby="nav-own">{own}</ul>
            {is_admin.then(|| view! {
                <h2 id="nav-admin">{words.administration()}</h2>
                <ul aria-labelledby="nav-admin">{admins}</ul>
            })}
            <form class="plain-out" method="post" action="/sign-out">
                <button type="submit">
                    <Icon name="leave"/>
                    <span>{words.sign_out()}</span>
                </button>
            </form>
        </nav>
    }
}

/// The context that every part of a page needs.
struct Cx {
    words: Words,
    clock: Clock,
    page: Page,
    me: User,
}

impl Cx {
    fn refused(&self, form: FormName) -> RefusedForm {
        RefusedForm::of(&self.page, form)
    }

    /// The hidden field that names the account whose page a form is on.
    fn author(&self) -> AnyView {
        view! { <input type="hidden" name="author" value=self.me.id.to_string()/> }.into_any()
    }

    /// A form with one button, after `before`. If several buttons have the same label, `about` is
    /// the id of the element that describes this one.
    fn post(
        &self,
        action: String,
        before: impl IntoView + 'static,
        class: &'static str,
        button: String,
        about: Option<String>,
    ) -> AnyView {
        view! {
            <form method="post" action=action>
                {self.author()}
                {before}
                <button type="submit" class=class aria-describedby=about>{button}</button>
            </form>
        }
        .into_any()
    }
}

/// A section of a page, with its heading and a line below.
fn section(
    id: &'static str,
    title: &'static str,
    below: &'static str,
    body: impl IntoView + 'static,
) -> AnyView {
    view! {
        <section class="setting" aria-labelledby=id>
            <h2 id=id>{title}</h2>
            {(!below.is_empty()).then(|| hint(below.to_owned()))}
            {body}
        </section>
    }
    .into_any()
}

/// A section that is alone on its page: the page's heading names it.
fn only(title: &'static str, below: &'static str, body: impl IntoView + 'static) -> AnyView {
    view! {
        <section class="setting" aria-label=title>
            {(!below.is_empty()).then(|| hint(below.to_owned()))}
            {body}
        </section>
    }
    .into_any()
}

/// One line of a list: what it is, and its actions.
fn item(picture: impl IntoView, words: impl IntoView, act: impl IntoView) -> AnyView {
    view! { <li class="setting-item">{picture}<div class="setting-item-words">{words}</div>{act}</li> }
        .into_any()
}

fn hint(text: String) -> AnyView {
    view! { <p class="setting-hint">{text}</p> }.into_any()
}

/// A link to copy. The button needs script; without it, users copy the field's text.
fn copy_field(words: Words, link: String, label: &'static str, begins: bool) -> AnyView {
    view! {
        <div class="copy">
            <input type="text" class="input" readonly aria-label=label value=link autofocus=begins/>
            <button
                type="button"
                class="button scripted"
                data-copied=words.copied()
                data-failed=words.no_clipboard()
            >
                <Icon name="copy"/>
                {words.copy_link()}
            </button>
            <p class="copy-note" role="status"></p>
        </div>
    }
    .into_any()
}
