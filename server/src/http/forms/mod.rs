//! Forms: plain POSTs that work before the wasm is loaded.
//!
//! A handler returns `Ok` with a redirect target (303), or a [`Fault`]. A fault redraws the form's
//! page with the refusal and all input except passwords. [`FormPage::of`] and the structs beside
//! the handlers define the forms, their fields and where they lead.

mod account;
mod groups;
mod jobs;
mod password;
mod people;
pub(super) mod picture;
mod preferences;
mod profile;
mod send;
mod set_up;
mod settings;
mod vote;
mod workspace;

use std::collections::BTreeMap;

use app::plain::Section;
use axum::{
    Form, Router,
    extract::{FromRequest, FromRequestParts as _, Path, Request},
    http::{HeaderValue, StatusCode, header::SET_COOKIE},
    response::{IntoResponse, Redirect, Response},
    routing::post,
};
use protocol::{ErrorCode, FormName, FormState, Refusal};

use super::{
    failure::failure,
    page::{self, Route},
    plain::Asked,
    viewer::Visit,
};
use crate::{account as accounts, chat, entry::rejection::status_of, site::Site, store};

pub(super) fn routes() -> Router<Site> {
    let people = ["/admin/people", "/settings/people"].into_iter().fold(Router::new(), |router, people| {
        // Pages of earlier versions post to the second path: an upgrade replaces one server after
        // another.
        router
            .route(&format!("{people}/{{id}}/new-password"), post(people::make_password_link))
            .route(&format!("{people}/{{id}}/suspend"), post(people::suspend))
            .route(&format!("{people}/{{id}}/let-in"), post(people::let_in_again))
            .route(&format!("{people}/{{id}}/role"), post(people::set_role))
    });
    Router::new()
        .merge(people)
        .route("/sign-in", post(account::sign_in))
        .route("/sign-up", post(account::sign_up))
        .route("/sign-out", post(account::sign_out))
        .route("/set-up", post(set_up::set_up))
        .route("/settings/sessions/{id}/end", post(settings::end_session))
        .route("/settings/sessions/end-others", post(settings::end_other_sessions))
        .route("/settings/password", post(password::change))
        .route("/new-password", post(password::set))
        .route("/admin/workspace", post(workspace::rename))
        .route("/admin/groups", post(groups::make))
        .route("/admin/groups/{id}", post(groups::rename))
        .route("/admin/groups/{id}/add", post(groups::add))
        .route("/admin/groups/{id}/remove", post(groups::remove))
        .route("/admin/groups/{id}/delete", post(groups::delete))
        .route("/admin/jobs/{id}/retry", post(jobs::retry))
        .route("/admin/jobs/{id}/delete", post(jobs::delete))
        .route("/invitations", post(settings::invite))
        .route("/invitations/{id}/revoke", post(settings::revoke_invitation))
        .route("/preferences", post(preferences::set))
        .route("/profile", post(profile::change))
        .route("/r/{room}/messages", post(send::send))
        .route("/r/{room}/polls/{seq}", post(vote::vote))
}

/// The submitted values, by field name.
#[derive(Clone, Default)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// A field; empty if it is missing.
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A field, if the form has it.
    fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Everything that may be shown again.
    fn without_passwords(mut self) -> BTreeMap<String, String> {
        for password in ["password", "current"] {
            self.0.remove(password);
        }
        self.0
    }
}

impl FromRequest<Site> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Site) -> Result<Self, Self::Rejection> {
        // A form must arrive within the time that its answer may take.
        let form = Form::<BTreeMap<String, String>>::from_request(request, site);
        let Ok(form) = tokio::time::timeout(site.node.tuning().database_timeout, form).await else {
            return Err((StatusCode::REQUEST_TIMEOUT, "the form took too long to arrive\n").into_response());
        };
        form.map(|Form(fields)| Self(fields)).map_err(IntoResponse::into_response)
    }
}

/// A form about one thing, whose id is in the address. Its author is settled: see [`by_author`].
pub(super) struct About {
    visit: Visit,
    id: String,
    fields: Fields,
}

impl FromRequest<Site> for About {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Site) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = request.into_parts();
        let visit = Visit::from_request_parts(&mut parts, site).await.map_err(IntoResponse::into_response)?;
        let id = Path::from_request_parts(&mut parts, site).await;
        let Path(id) = id.map_err(IntoResponse::into_response)?;
        let fields = Fields::from_request(Request::from_parts(parts, body), site).await?;
        Ok(Self { visit: by_author(visit, &fields), id, fields })
    }
}

/// Why a form failed.
pub(super) enum Fault {
    /// The user can fix it.
    Refused {
        /// The field at fault; empty for the form as a whole.
        field: &'static str,
        /// Why.
        refusal: Refusal,
    },
    /// An internal failure, already logged.
    Failed(Refusal),
}

impl Fault {
    fn refused(field: &'static str, refusal: impl Into<Refusal>) -> Self {
        Self::Refused { field, refusal: refusal.into() }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::refused("", refusal)
    }
}

impl From<store::Error> for Fault {
    fn from(e: store::Error) -> Self {
        Self::Failed(failure(&e))
    }
}

impl From<accounts::Error> for Fault {
    fn from(e: accounts::Error) -> Self {
        match e {
            accounts::Error::Refused { field, refusal } => Self::Refused { field, refusal },
            accounts::Error::Store(e) => Self::Failed(failure(&e)),
        }
    }
}

impl From<chat::Error> for Fault {
    fn from(e: chat::Error) -> Self {
        match e {
            chat::Error::Refused(refusal) => Self::refused("", refusal),
            chat::Error::Store(e) => Self::Failed(failure(&e)),
        }
    }
}

/// A form, and the page on which it is redrawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FormPage {
    pub(super) form: FormName,
    pub(super) route: Route,
}

impl FormPage {
    /// The form behind a POST to this path; `None` for small ones without typed input.
    fn of(path: &str, visit: &Visit) -> Option<Self> {
        let own = |section| plain_page(section, visit);
        let (form, route) = match path {
            "/sign-in" => (FormName::SignIn, Route::SignIn),
            "/sign-up" => (FormName::SignUp, Route::SignUp),
            "/set-up" => (FormName::SetUp, Route::SetUp),
            "/new-password" => (FormName::NewPassword, Route::NewPassword(String::new())),
            "/profile" => (FormName::Profile, own(Section::Profile)),
            "/profile/picture" => (FormName::Picture, own(Section::Profile)),
            "/settings/password" => (FormName::ChangePassword, own(Section::Account)),
            "/invitations" => (FormName::Invite, own(Section::Invitations)),
            "/admin/workspace" => (FormName::Workspace, own(Section::Workspace)),
            "/admin/groups" => (FormName::MakeGroup, own(Section::Groups)),
            _ => {
                let room = path.strip_prefix("/r/")?.strip_suffix("/messages")?;
                (FormName::Send, Route::Room(room.parse().ok()?))
            }
        };
        Some(Self { form, route })
    }

    /// A form of the settings, on its page.
    fn own(form: FormName, section: Section, visit: &Visit) -> Self {
        Self { form, route: plain_page(section, visit) }
    }

    /// Answers a form: redirects on success, redraws the form otherwise.
    async fn answer(
        self,
        site: &Site,
        visit: &Visit,
        fields: Fields,
        tried: Result<Done, Fault>,
    ) -> Response {
        match tried {
            Ok(done) => done.into_response(),
            Err(fault) => self.redraw(site, visit, fields, fault).await,
        }
    }

    /// Redraws the form. Visitors whose session has ended are asked to sign in, and see what they
    /// wrote.
    async fn redraw(self, site: &Site, visit: &Visit, fields: Fields, fault: Fault) -> Response {
        let (field, refusal) = match fault {
            Fault::Refused { field, refusal } => (field, refusal),
            Fault::Failed(refusal) => ("", refusal),
        };
        tracing::debug!(form = ?self.form, refusal.code = u16::from(refusal.code), "refused a form");
        let mut values = fields.without_passwords();
        let (form, route) = match self.route {
            Route::SignUp => {
                let token = values.get("invitation").filter(|token| accounts::Token::parse(token).is_some());
                (self.form, token.map_or(Route::SignUp, |token| Route::Invited(token.clone())))
            }
            Route::NewPassword(_) => {
                let token = values.get("link").filter(|token| accounts::Token::parse(token).is_some());
                (self.form, Route::NewPassword(token.cloned().unwrap_or_default()))
            }
            route @ (Route::Room(_) | Route::Plain(_) | Route::SetUp | Route::Lobby(_))
                if visit.viewer.is_none() =>
            {
                values.entry("next".to_owned()).or_insert_with(|| route.path());
                (FormName::SignIn, Route::SignIn)
            }
            route @ (Route::SignIn
            | Route::SignInAt(_)
            | Route::Invited(_)
            | Route::Room(_)
            | Route::Message(..)
            | Route::RoomWith(..)
            | Route::Searching(..)
            | Route::Plain(_)
            | Route::SetUp
            | Route::Lobby(_)
            | Route::Nowhere(_)) => (self.form, route),
        };
        let state =
            FormState { form, refusal, field: field.to_owned(), values: values.into_iter().collect() };
        page::draw(site, visit, route, Some(state)).await
    }
}

/// Refuses a form before it reaches its handler: redraws its page if it has typed input.
pub(super) async fn refuse(site: Site, request: Request, refusal: Refusal) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(visit) = Visit::from_request_parts(&mut parts, &site).await else { return plain(&refusal) };
    let Some(page) = FormPage::of(parts.uri.path(), &visit) else { return plain(&refusal) };
    match Fields::from_request(Request::from_parts(parts, body), &site).await {
        Ok(fields) => Box::pin(page.redraw(&site, &visit, fields, refusal.into())).await,
        Err(_) => plain(&refusal),
    }
}

/// A refusal as plain text.
fn plain(refusal: &Refusal) -> Response {
    (status_of(refusal.code), format!("{refusal}\n")).into_response()
}

/// Where to go after a form succeeded.
struct Done {
    to: String,
    cookies: Vec<HeaderValue>,
}

impl Done {
    fn to(path: impl Into<String>) -> Self {
        Self { to: path.into(), cookies: Vec::new() }
    }

    fn with(mut self, cookie: HeaderValue) -> Self {
        self.cookies.push(cookie);
        self
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        let mut response = Redirect::to(&self.to).into_response();
        for cookie in self.cookies {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}

/// A page of the settings, at its address for the visitor.
fn plain_page(section: Section, visit: &Visit) -> Route {
    let role = visit.viewer.as_ref().map(|viewer| viewer.user.role).unwrap_or_default();
    Route::Plain(Asked::page(section, role))
}

/// The same visit, but signed out if the form's page was drawn for someone else: another person may
/// have signed in since, from another tab of this browser.
fn by_author(mut visit: Visit, fields: &Fields) -> Visit {
    let author = fields.get("author");
    visit.viewer = visit.viewer.filter(|viewer| author.is_empty() || author == viewer.user.id.to_string());
    visit
}

/// The redirect target of a settings form: its page says what was done.
fn done_at(section: Section, visit: &Visit, done: app::plain::Done) -> Done {
    let role = visit.viewer.as_ref().map(|viewer| viewer.user.role).unwrap_or_default();
    Done::to(format!("{}?done={}", section.path(role), done.as_str()))
}

/// The viewer of a form that requires one.
fn signed_in(visit: &Visit) -> Result<&accounts::Viewer, Fault> {
    visit.viewer.as_ref().ok_or_else(|| Fault::refused("", ErrorCode::NotSignedIn))
}

/// For small forms, which are not redrawn: without a session, redirects to the sign-in page.
fn small(result: Result<Done, Fault>) -> Response {
    match result {
        Ok(done) => done.into_response(),
        Err(Fault::Refused { refusal, .. }) if refusal.code == ErrorCode::NotSignedIn => {
            Redirect::to("/sign-in").into_response()
        }
        Err(Fault::Refused { refusal, .. } | Fault::Failed(refusal)) => plain(&refusal),
    }
}
