//! Settings and administration: pages that the server alone draws.
//!
//! Nobody needs a socket, or what the page was a moment ago, to change a name or a role. So these are plain forms: no wasm, and
//! nothing to wake up. They work without script; [`SCRIPT`] only copies links, finds the way back to the room, and
//! forgets what was written when one signs out.
//!
//! - [`settings`]: one's own pages. [`admin`]: those of administrators.
//! - A wide screen shows the list of pages beside the page. A phone shows one of the two: the list at [`Plain::is_index`], which
//!   the style sheet decides, because the server does not know the screen.
//! - Each form says whose page it is on (`author`): the browser may be somebody else's by the time it is sent.

mod admin;
mod settings;

pub use self::admin::people_path;

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

/// A page of the settings or of the administration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// One's name.
    Profile,
    /// Theme, language, density.
    Appearance,
    /// Password and signed-in devices.
    Account,
    /// The invitation links that one has made. Part of the administration for administrators.
    Invitations,
    /// The workspace's name, and facts about it.
    Workspace,
    /// Everyone's accounts.
    People,
    /// Work that failed too often.
    Jobs,
}

impl Section {
    /// Its address, for somebody of this role.
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
            Self::People => "group",
            Self::Jobs => "clock",
        }
    }
}

/// What has just been done: the page says so, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// One's name was changed.
    Name,
    /// The theme was changed.
    Theme,
    /// The density was changed.
    Density,
    /// The language was changed.
    Language,
    /// One's password was changed.
    Password,
    /// Another device was signed out.
    Device,
    /// All other devices were signed out.
    Devices,
    /// A link was made, for newcomers or for a new password.
    Link,
    /// An invitation was revoked.
    Revoked,
    /// The workspace got another name.
    Workspace,
    /// Somebody has another role.
    Role,
    /// Somebody was suspended.
    Suspended,
    /// Somebody may sign in again.
    Reinstated,
    /// A job is tried again.
    JobRetried,
    /// A job was deleted.
    JobDeleted,
}

impl Done {
    const ALL: [Self; 15] = [
        Self::Name,
        Self::Theme,
        Self::Density,
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
    ];

    /// Its name in an address: `?done=name`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Theme => "theme",
            Self::Density => "density",
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
        }
    }

    /// `None` for a text that says nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.as_str() == text)
    }

    /// What the page says; nothing where one sees it.
    fn words(self, words: Words) -> Option<&'static str> {
        match self {
            Self::Theme | Self::Density | Self::Language | Self::Link => None,
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
        }
    }
}

/// What a page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// What everyone's [`Page`] has is enough.
    Nothing,
    /// The signed-in browsers.
    Sessions(Vec<SessionView>),
    /// The invitation links that are still good.
    Invitations(Vec<InvitationView>),
    /// A part of everyone's accounts.
    People(PeopleView),
    /// Work that failed too often.
    Jobs(Vec<JobView>),
    /// The page is for administrators, and the viewer is none.
    Refused,
}

/// A part of the list of everyone, the suspended ones first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleView {
    /// What is looked for in handles and names; empty for everyone.
    pub query: String,
    /// The person after whom this part begins; empty at the beginning.
    pub after: String,
    /// The accounts.
    pub people: Vec<PersonView>,
    /// The person after whom the next part begins, where there is more.
    pub next: Option<String>,
}

/// A page that the server alone draws. The rest is in the [`Page`], which it has in common with all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Which page.
    pub section: Section,
    /// Whether a phone shows the list of pages here, and not this one.
    pub is_index: bool,
    /// The path and query of the page itself, without what was just done.
    pub path: String,
    /// Whether the viewer has invitation links, or may make some.
    pub has_invitations: bool,
    /// What was just done.
    pub done: Option<Done>,
    /// What it shows.
    pub content: Content,
}

/// The whole document of a page of a signed-in person.
#[must_use]
pub fn draw(page: Page, plain: Plain, nonce: Nonce, options: LeptosOptions) -> String {
    // Nothing in it waits for anything, so it needs no executor, and none of the scripts that Leptos has for what comes later.
    Owner::new_root(None).with(|| {
        provide_context(nonce);
        let words = Words::of(page.language);
        provide_context(words);
        let Some(me) = page.signed_in().map(|signed_in| signed_in.viewer.clone()) else {
            return String::new();
        };
        let workspace = if page.workspace_name.is_empty() { "Roost" } else { &page.workspace_name };
        let title = escaped(&format!("{} · {workspace}", title_of(words, &plain)));
        let body = view! {
            <Frame page=page.clone() plain me/>
            <script nonce=use_nonce()>{SCRIPT}</script>
        };
        let style = view! { <HashedStylesheet options/> }.into_any();
        document(&page, words, title, style, body.into_any()).to_html()
    })
}

fn title_of(words: Words, plain: &Plain) -> String {
    match plain.content {
        Content::Refused => words.admins_only().to_owned(),
        Content::Nothing
        | Content::Sessions(_)
        | Content::Invitations(_)
        | Content::People(_)
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
        | Content::Sessions(_)
        | Content::Invitations(_)
        | Content::People(_)
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
                    // It has the keyboard, so that it is read first; from there one goes on where it happened.
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
        (Section::Profile, _) => settings::profile(cx),
        (Section::Appearance, _) => settings::appearance(cx, plain.done),
        (Section::Account, Content::Sessions(sessions)) => settings::account(cx, sessions),
        (Section::Invitations, Content::Invitations(list)) => admin::invitations(cx, list, plain.done),
        (Section::Workspace, _) => admin::workspace(cx),
        (Section::People, Content::People(people)) => admin::people(cx, people, plain.done),
        (Section::Jobs, Content::Jobs(jobs)) => admin::jobs(cx, jobs),
        (Section::Account | Section::Invitations | Section::People | Section::Jobs, _) => ().into_any(),
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
    let admins = [Section::Workspace, Section::People, Section::Invitations, Section::Jobs];
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

/// What every part of a page needs.
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

    /// Whose page a form is on.
    fn author(&self) -> AnyView {
        view! { <input type="hidden" name="author" value=self.me.id.to_string()/> }.into_any()
    }

    /// A form of one button, with what stands before it. Where several buttons have the same words, `about` is the element
    /// that says what each of them is about.
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

/// A part of a page, with its heading and a line below it.
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

/// The only part of a page: the page's own heading names it.
fn only(title: &'static str, below: &'static str, body: impl IntoView + 'static) -> AnyView {
    view! {
        <section class="setting" aria-label=title>
            {(!below.is_empty()).then(|| hint(below.to_owned()))}
            {body}
        </section>
    }
    .into_any()
}

/// One line of a list: what it is, and what one may do with it.
fn item(picture: impl IntoView, words: impl IntoView, act: impl IntoView) -> AnyView {
    view! { <li class="setting-item">{picture}<div class="setting-item-words">{words}</div>{act}</li> }
        .into_any()
}

fn hint(text: String) -> AnyView {
    view! { <p class="setting-hint">{text}</p> }.into_any()
}

/// A link to take along. The button is there only with script; without it, one copies the field's text.
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
