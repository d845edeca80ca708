//! Pages: fetches what the address asks for, puts it into a [`Page`], and lets Leptos draw it
//! completely.
//!
//! The same value goes into the HTML and wakes the page in the browser, so that both draw the same.
//! All data is fetched before the first byte is sent, so a room can be read without script.

use std::sync::Arc;

use app::{
    DrawnPath,
    address::Panel,
    plain::{Content, Plain},
    words::language_for,
};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, Query, Request, State, rejection::QueryRejection},
    http::{
        HeaderValue, Method, StatusCode, Uri,
        header::{ACCEPT_LANGUAGE, CACHE_CONTROL},
    },
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use jiff::{Timestamp, tz::TimeZone};
use leptos::{nonce::Nonce, prelude::provide_context};
use protocol::{
    Density, ErrorCode, FormName, FormState, Language, ListSection, Millis, Page, PageContent, Pane, Reply,
    RoomId, RoomView, Seq, ShownHits, ShownPage, ShownThread, SignedIn, Theme, User, VERSION, WhoMaySignUp,
    WorkspaceRole, Zone, limits::PAGE_MESSAGES,
};
use tower_http::{CompressionLevel, compression::CompressionLayer};

use super::{
    address::{path_and_query, path_safe, safe_next},
    failure::failed,
    files,
    plain::{self, Asked},
    viewer::Visit,
};
use crate::{
    account::{self, Viewer},
    chat::{self, rooms::FirstRooms},
    entry::{cookies::Cookie, rejection::status_of},
    site::Site,
};

/// Most of a page is fifty messages of up to four thousand characters.
const HTML_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The compression level of brotli. A room of fifty messages takes one or two milliseconds, and
/// higher levels save little more.
const BROTLI_LEVEL: i32 = 5;

pub(super) fn routes() -> Router<Site> {
    let open = Router::new()
        .route("/", get(lobby))
        .route("/r/{room}", get(room))
        .route("/r/{room}/m/{seq}", get(message))
        .route("/sign-in", get(sign_in))
        .route("/sign-up", get(sign_up))
        .route("/set-up", get(set_up))
        .layer(CompressionLayer::new().quality(CompressionLevel::Precise(BROTLI_LEVEL)));
    // Not compressed: these pages have secret links beside text from the request. From the
    // compressed length of many responses, a foreign page could guess the links letter by letter
    // (BREACH).
    let secret = Router::new()
        .route("/invite/{token}", get(invited))
        .route("/new-password/{token}", get(new_password))
        .merge(plain::routes());
    open.merge(secret)
}

async fn lobby(State(site): State<Site>, visit: Visit, uri: Uri) -> Response {
    let Some(viewer) = &visit.viewer else { return to_sign_in(&site, "/").await };
    match site.node.store.workspace().await {
        Ok(workspace) if workspace.name.is_empty() && viewer.user.role.is_admin() => {
            Redirect::to("/set-up").into_response()
        }
        Ok(_) => draw(&site, &visit, Route::Lobby(path_and_query(&uri)), None).await,
        Err(e) => failed(&e),
    }
}

async fn room(State(site): State<Site>, visit: Visit, uri: Uri, Path(room): Path<String>) -> Response {
    let path = path_and_query(&uri);
    let panel = Panel::in_path(&path);
    if visit.viewer.is_none() {
        let next = match panel {
            Some(Panel::Search) => path,
            Some(panel) => panel.beside(&format!("/r/{room}")),
            None => format!("/r/{room}"),
        };
        return to_sign_in(&site, &next).await;
    }
    match (room.parse(), panel) {
        (Ok(room), Some(Panel::Search)) => {
            draw(&site, &visit, Route::Searching(room, None, path), None).await
        }
        (Ok(room), Some(panel)) => draw(&site, &visit, Route::RoomWith(room, panel), None).await,
        (Ok(room), None) => draw(&site, &visit, Route::Room(room), None).await,
        (Err(_), _) => draw(&site, &visit, Route::Nowhere(format!("/r/{}", path_safe(&room))), None).await,
    }
}

/// A room at one of its messages.
async fn message(State(site): State<Site>, visit: Visit, uri: Uri) -> Response {
    let path = path_and_query(&uri);
    if visit.viewer.is_none() {
        return to_sign_in(&site, &path).await;
    }
    let room =
        if let app::address::Route::Room(room) = app::address::Route::of(&path) { Some(room) } else { None };
    match room.zip(app::address::message_in(&path)) {
        Some((room, seq)) if Panel::in_path(&path) == Some(Panel::Search) => {
            draw(&site, &visit, Route::Searching(room, Some(seq), path), None).await
        }
        Some((room, seq)) => {
            draw(&site, &visit, Route::Message(room, seq, Panel::in_path(&path)), None).await
        }
        None => draw(&site, &visit, Route::Nowhere(path), None).await,
    }
}

/// The query of the sign-in page: where to go afterwards.
#[derive(serde::Deserialize)]
struct Afterwards {
    #[serde(default)]
    next: String,
}

/// Redirects a browser that is signed in, because another tab may have signed in meanwhile.
async fn sign_in(
    State(site): State<Site>,
    visit: Visit,
    uri: Uri,
    afterwards: Result<Query<Afterwards>, QueryRejection>,
) -> Response {
    match (&visit.viewer, site.accounts.who_may_sign_up().await) {
        (Some(_), _) => {
            let next = afterwards.map_or_else(|_| String::new(), |Query(Afterwards { next })| next);
            Redirect::to(safe_next(&next)).into_response()
        }
        (None, Ok(WhoMaySignUp::First)) => Redirect::to("/sign-up").into_response(),
        (None, Ok(WhoMaySignUp::Open | WhoMaySignUp::Invite | WhoMaySignUp::Closed)) => {
            draw(&site, &visit, Route::SignInAt(path_and_query(&uri)), None).await
        }
        (None, Err(e)) => failed(&e),
    }
}

async fn sign_up(State(site): State<Site>, visit: Visit) -> Response {
    if visit.viewer.is_some() {
        return Redirect::to("/").into_response();
    }
    draw(&site, &visit, Route::SignUp, None).await
}

async fn invited(State(site): State<Site>, visit: Visit, Path(token): Path<String>) -> Response {
    if visit.viewer.is_some() {
        return Redirect::to("/").into_response();
    }
    let checked = bounded(&site, &visit, site.accounts.check_invitation(&token).await);
    let route = Route::Invited(path_safe(&token));
    match checked {
        Ok(()) => draw(&site, &visit, route, None).await,
        Err(account::Error::Refused { field, refusal }) => {
            let form = FormState {
                form: FormName::SignUp,
                refusal,
                field: field.to_owned(),
                values: vec![("invitation".to_owned(), token)],
            };
            draw(&site, &visit, route, Some(form)).await
        }
        Err(account::Error::Store(e)) => failed(&e),
    }
}

/// Counts only attempts with invalid links: a whole class behind one address may open a valid one.
fn bounded<T>(site: &Site, visit: &Visit, checked: Result<T, account::Error>) -> Result<T, account::Error> {
    if let Err(account::Error::Refused { .. }) = &checked
        && let Err(refusal) = site.rate_limits.check_sign_up(visit.address.0)
    {
        return Err(account::Error::Refused { field: "", refusal });
    }
    checked
}

/// Also if someone is signed in: they may have forgotten their password, or someone else may be
/// using the browser.
async fn new_password(State(site): State<Site>, visit: Visit, Path(token): Path<String>) -> Response {
    let checked = bounded(&site, &visit, site.accounts.check_password_link(&token).await);
    let form = match checked {
        Ok(_) => None,
        Err(account::Error::Refused { field, refusal }) => Some(FormState {
            form: FormName::NewPassword,
            refusal,
            field: field.to_owned(),
            values: Vec::new(),
        }),
        Err(account::Error::Store(e)) => return failed(&e),
    };
    draw(&site, &visit, Route::NewPassword(path_safe(&token)), form).await
}

/// For administrators: first names the workspace, then shows the invitation link as long as this
/// browser has it.
async fn set_up(State(site): State<Site>, visit: Visit) -> Response {
    let Some(viewer) = &visit.viewer else { return to_sign_in(&site, "/set-up").await };
    let named = match site.node.store.workspace().await {
        Ok(workspace) => !workspace.name.is_empty(),
        Err(e) => return failed(&e),
    };
    let has_link = Cookie::Link.read(&visit.headers, site.guard.is_https()).is_some();
    if !viewer.user.role.is_admin() || (named && !has_link) {
        return Redirect::to("/").into_response();
    }
    draw(&site, &visit, Route::SetUp, None).await
}

/// A public file, or the not-found page.
pub(super) async fn not_found(State(site): State<Site>, visit: Visit, request: Request) -> Response {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return (StatusCode::NOT_FOUND, "there is no such form\n").into_response();
    }
    let path = path_and_query(request.uri());
    match files::public(&site.leptos_options, request).await {
        Some(file) => file,
        None => draw(&site, &visit, Route::Nowhere(path), None).await,
    }
}

pub(super) async fn to_sign_in(site: &Site, next: &str) -> Response {
    match site.accounts.who_may_sign_up().await {
        Ok(WhoMaySignUp::First) => Redirect::to("/sign-up").into_response(),
        Ok(WhoMaySignUp::Open | WhoMaySignUp::Invite | WhoMaySignUp::Closed) if next == "/" => {
            Redirect::to("/sign-in").into_response()
        }
        Ok(WhoMaySignUp::Open | WhoMaySignUp::Invite | WhoMaySignUp::Closed) => {
            Redirect::to(&format!("/sign-in?next={}", path_safe(next))).into_response()
        }
        Err(e) => failed(&e),
    }
}

/// Why a page cannot be drawn. Only the log says so.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The page to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// At this address, which says which rooms the list shows.
    Lobby(String),
    Room(RoomId),
    /// At one of its messages, perhaps with what stands beside it.
    Message(RoomId, Seq, Option<Panel>),
    /// With what stands beside it.
    RoomWith(RoomId, Panel),
    /// With the search beside it, perhaps at one of its messages, at this address, which says what is searched for.
    Searching(RoomId, Option<Seq>, String),
    SignIn,
    /// At this address, which says where to go afterwards.
    SignInAt(String),
    SignUp,
    /// By an invitation with this secret.
    Invited(String),
    /// By a link with this secret.
    NewPassword(String),
    /// The settings or the administration.
    Plain(Asked),
    SetUp,
    /// Unknown paths.
    Nowhere(String),
}

impl Route {
    /// The address at which Leptos draws it.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Room(room) => format!("/r/{room}"),
            Self::Message(room, seq, panel) => {
                let path = format!("/r/{room}/m/{seq}");
                panel.map_or(path.clone(), |panel| panel.beside(&path))
            }
            Self::RoomWith(room, panel) => panel.beside(&format!("/r/{room}")),
            Self::SignIn => "/sign-in".to_owned(),
            Self::SignUp => "/sign-up".to_owned(),
            Self::Invited(token) => format!("/invite/{token}"),
            Self::NewPassword(token) => format!("/new-password/{token}"),
            Self::Plain(asked) => asked.path.clone(),
            Self::SetUp => "/set-up".to_owned(),
            Self::Lobby(path) | Self::SignInAt(path) | Self::Nowhere(path) | Self::Searching(_, _, path) => {
                path.clone()
            }
        }
    }
}

/// Draws a page, with the refused form if there is one.
pub(super) async fn draw(site: &Site, visit: &Visit, route: Route, form: Option<FormState>) -> Response {
    let page = match fill(site, visit, &route, form).await {
        Ok(page) => page,
        Err(e) => return failed(&*e),
    };
    let retry_ms = page.form.as_ref().and_then(|form| form.refusal.retry_ms);
    let (status, mut response) = match (&route, &visit.viewer) {
        (Route::Plain(asked), Some(viewer)) => match plain::fill(site, visit, viewer, asked).await {
            Ok(plain) => (plain_status(&page, &plain), render_plain(site, visit, page, plain)),
            Err(e) => return failed(&*e),
        },
        _ => (status(&page, &route), render(site, visit, page, &route).await),
    };
    *response.status_mut() = status;
    if let Some(retry_ms) = retry_ms {
        response.headers_mut().insert("retry-after", HeaderValue::from(retry_ms.div_ceil(1_000)));
    }
    response
}

fn plain_status(page: &Page, plain: &Plain) -> StatusCode {
    match (&page.form, &plain.content) {
        (Some(form), _) => status_of(form.refusal.code),
        (None, Content::Refused) => StatusCode::FORBIDDEN,
        (
            None,
            Content::Nothing
            | Content::Profile(_)
            | Content::Sessions(_)
            | Content::Invitations(_)
            | Content::People(_)
            | Content::Groups(_)
            | Content::Group(_)
            | Content::Workspace(_)
            | Content::Jobs(_),
        ) => StatusCode::OK,
    }
}

fn status(page: &Page, route: &Route) -> StatusCode {
    if let Some(form) = &page.form {
        return status_of(form.refusal.code);
    }
    match route {
        Route::Room(_) | Route::Message(..) | Route::RoomWith(..) | Route::Searching(..)
            if page.room().is_none() =>
        {
            StatusCode::NOT_FOUND
        }
        Route::Nowhere(_) => StatusCode::NOT_FOUND,
        Route::Room(_)
        | Route::Message(..)
        | Route::RoomWith(..)
        | Route::Searching(..)
        | Route::Lobby(_)
        | Route::SignIn
        | Route::SignInAt(_)
        | Route::SignUp
        | Route::Invited(_)
        | Route::NewPassword(_)
        | Route::Plain(_)
        | Route::SetUp => StatusCode::OK,
    }
}

/// Fetches everything that the page shows initially.
async fn fill(site: &Site, visit: &Visit, route: &Route, form: Option<FormState>) -> Result<Page, Failure> {
    let workspace = site.node.store.workspace().await?;
    let https = site.guard.is_https();
    Ok(Page {
        version: VERSION,
        node: site.node.name.clone(),
        epoch: site.node.epoch(),
        workspace_name: workspace.name,
        sign_up: site.accounts.who_may_sign_up().await?,
        language: language(visit, https),
        theme: theme(visit, https),
        density: density(visit, https),
        previews_hidden: Cookie::Previews.read(&visit.headers, https) == Some("hidden"),
        folded: folded(visit, https),
        first_steps: first_steps(visit, https, workspace.first_channel),
        zone: zone(visit, https, site.node.clock.now()),
        now: site.node.clock.now(),
        form,
        content: content(site, visit, route).await?,
    })
}

async fn content(site: &Site, visit: &Visit, route: &Route) -> Result<PageContent, Failure> {
    match (route, &visit.viewer) {
        // This page is about the link, regardless of who is signed in.
        (Route::NewPassword(token), _) => {
            let user = match site.accounts.check_password_link(token).await {
                Ok(user) => Some(user),
                Err(account::Error::Refused { .. }) => None,
                Err(account::Error::Store(e)) => return Err(e.into()),
            };
            Ok(PageContent::NewPassword { token: token.clone(), user })
        }
        (_, Some(viewer)) => {
            Ok(PageContent::SignedIn(Box::new(signed_in(site, visit, viewer, route).await?)))
        }
        (Route::Invited(token), None) => Ok(PageContent::Invited { token: token.clone() }),
        (_, None) => Ok(PageContent::SignedOut),
    }
}

async fn signed_in(site: &Site, visit: &Visit, viewer: &Viewer, route: &Route) -> Result<SignedIn, Failure> {
    let cx = chat::Context { node: Arc::clone(&site.node), viewer: viewer.clone() };
    let with = |first: FirstRooms, pane| SignedIn {
        viewer: viewer.user.clone(),
        person: first.person,
        workspace: first.workspace,
        rooms: first.rooms,
        more_rooms: first.more,
        people: first.people,
        shown: None,
        thread: None,
        found: None,
        pane,
    };
    match route {
        Route::Room(room)
        | Route::Message(room, ..)
        | Route::RoomWith(room, _)
        | Route::Searching(room, ..) => {
            // Without script, a page at the first unread message would have no way to the newest
            // ones. Only scripts set the zone cookie.
            let has_script = Cookie::Zone.read(&visit.headers, site.guard.is_https()).is_some();
            let (first, opened) =
                futures::join!(chat::rooms::first(&cx), opened(&cx, *room, route, has_script));
            let first = first?;
            // Whoever is removed while it is read is told the same as a stranger.
            let opened = match opened {
                Ok(opened) => opened,
                Err(chat::Error::Refused(refusal)) if refusal.code == ErrorCode::RoomUnknown => {
                    return Ok(with(first, Pane::Empty));
                }
                Err(e) => return Err(e.into()),
            };
            let mut page = with(first, Pane::Room(Box::new(opened.view)));
            (page.shown, page.thread) = (opened.shown, opened.thread);
            page.people.extend(opened.people);
            if let Route::Searching(_, _, path) = route {
                search(&cx, visit, site.guard.is_https(), path, &mut page).await?;
            }
            Ok(page)
        }
        Route::SetUp => {
            let first = chat::rooms::first(&cx).await?;
            let mut invitations = site.accounts.list_invitations(viewer).await?;
            plain::show_invitation_link(site, visit, &mut invitations);
            let link = invitations.into_iter().find_map(|invitation| invitation.link);
            Ok(with(first, Pane::SetUp { link }))
        }
        Route::Lobby(_) | Route::Nowhere(_) => Ok(with(chat::rooms::first(&cx).await?, Pane::Empty)),
        // These pages have no list of rooms.
        Route::SignIn
        | Route::SignInAt(_)
        | Route::SignUp
        | Route::Invited(_)
        | Route::NewPassword(_)
        | Route::Plain(_) => Ok(with(FirstRooms::default(), Pane::Empty)),
    }
}

/// What a room's page shows.
struct Opened {
    view: RoomView,
    shown: Option<ShownPage>,
    thread: Option<ShownThread>,
    /// The people whom the last two name.
    people: Vec<User>,
}

async fn opened(
    cx: &chat::Context,
    room: RoomId,
    route: &Route,
    has_script: bool,
) -> Result<Opened, chat::Error> {
    let mut view = chat::rooms::view(cx, room).await?;
    let mut at = None;
    let shown = if let Route::Message(_, seq, _) | Route::Searching(_, Some(seq), _) = route {
        at = Some(*seq);
        Some(chat::rooms::around(cx, &mut view, *seq).await?)
    } else if has_script {
        chat::rooms::unread_above(cx, &mut view).await?
    } else {
        None
    };
    let (shown, mut people) = shown.map_or((None, Vec::new()), |(shown, people)| (Some(shown), people));
    let mut beside = None;
    if let Route::RoomWith(_, Panel::Thread(root)) | Route::Message(_, _, Some(Panel::Thread(root))) = route {
        // The thread is shown at the same message.
        let message = shown.iter().flat_map(|shown| &shown.messages).find(|message| Some(message.seq) == at);
        let place = message.and_then(|message| message.thread).filter(|place| place.0 == *root);
        if let Some((thread, named)) = thread(cx, room, *root, place.map(|place| place.1)).await? {
            beside = Some(thread);
            people.extend(named);
        }
    }
    Ok(Opened { view, shown, thread: beside, people })
}

/// What the search beside the room finds.
async fn search(
    cx: &chat::Context,
    visit: &Visit,
    https: bool,
    path: &str,
    page: &mut SignedIn,
) -> Result<(), Failure> {
    let query = app::address::searched_in(path);
    if query.trim().is_empty() {
        return Ok(());
    }
    let zone = Cookie::Zone.read(&visit.headers, https).unwrap_or_default();
    let found = match cx.node.charge_search(cx.viewer.user.id) {
        Ok(()) => chat::search::search(cx, &query, None, zone, None).await,
        Err(refusal) => Err(refusal.into()),
    };
    match found {
        Ok(Reply::Found { hits, more, count, people }) => {
            page.people.extend(people);
            page.found = Some(ShownHits { hits, more, count, refusal: None });
        }
        Ok(_) => {}
        Err(chat::Error::Refused(refusal)) => {
            page.found = Some(ShownHits { refusal: Some(refusal), ..ShownHits::default() });
        }
        Err(e) => return Err(e.into()),
    }
    Ok(())
}

/// The thread that is open beside the room, and the people whom it names; `None` if there is no such message.
async fn thread(
    cx: &chat::Context,
    room: RoomId,
    root: Seq,
    around: Option<u32>,
) -> Result<Option<(ShownThread, Vec<User>)>, chat::Error> {
    let before = around.map(|place| place.saturating_add(PAGE_MESSAGES as u32 / 2));
    match chat::threads::thread(cx, room, root, before).await {
        Ok(Reply::Thread { thread, messages, people, .. }) => {
            Ok(Some((ShownThread { thread: *thread, messages, around }, people)))
        }
        Ok(_) => Ok(None),
        Err(chat::Error::Refused(refusal)) if refusal.code == ErrorCode::MessageUnknown => Ok(None),
        Err(e) => Err(e),
    }
}

/// Draws the whole page: nothing in it comes later.
async fn render(site: &Site, visit: &Visit, page: Page, route: &Route) -> Response {
    let request = match Request::get(route.path()).body(Body::empty()) {
        Ok(request) => request,
        Err(e) => return failed(&e),
    };
    let (options, nonce) = (site.leptos_options.clone(), visit.nonce.clone());
    let path = DrawnPath(path_and_query(request.uri()));
    let render = leptos_axum::render_app_async_with_context(
        move || {
            provide_context(page.clone());
            provide_context(path.clone());
            provide_context(Nonce::from_value(nonce.clone()));
        },
        move || app::shell(options.clone()),
    );
    let (mut parts, body) = render(request).await.into_parts();
    match to_bytes(body, HTML_BYTES_MAX).await {
        Ok(html) => {
            parts.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Response::from_parts(parts, Body::from(html))
        }
        Err(e) => failed(&e),
    }
}

/// Draws a page that does not wake.
fn render_plain(site: &Site, visit: &Visit, page: Page, plain: Plain) -> Response {
    let nonce = Nonce::from_value(visit.nonce.clone());
    let html = app::plain::draw(page, plain, nonce, site.leptos_options.clone());
    ([(CACHE_CONTROL, "no-store")], Html(html)).into_response()
}

fn language(visit: &Visit, https: bool) -> Language {
    let chosen = Cookie::Language.read(&visit.headers, https).and_then(language_for);
    let accepted = || visit.headers.get(ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
    chosen.unwrap_or_else(|| accepted_language(accepted().unwrap_or_default()))
}

/// The available language with the highest preference; among equals, the first.
fn accepted_language(accepted: &str) -> Language {
    let mut best: Option<(f32, Language)> = None;
    for wanted in accepted.split(',') {
        let mut parts = wanted.split(';');
        let tag = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.trim().strip_prefix("q="));
        let weight: f32 = weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0));
        let is_better = weight > best.map_or(0.0, |(most, _)| most);
        if let Some(language) = language_for(tag).filter(|_| is_better) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language).unwrap_or_default()
}

fn theme(visit: &Visit, https: bool) -> Theme {
    match Cookie::Theme.read(&visit.headers, https) {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        Some(_) | None => Theme::System,
    }
}

fn density(visit: &Visit, https: bool) -> Density {
    match Cookie::Density.read(&visit.headers, https) {
        Some("compact") => Density::Compact,
        Some(_) | None => Density::Comfortable,
    }
}

fn folded(visit: &Visit, https: bool) -> Vec<ListSection> {
    let named = Cookie::Folded.read(&visit.headers, https).unwrap_or_default();
    let is_named = |section: &ListSection| named.split('.').any(|name| name == section.name());
    ListSection::ALL.into_iter().filter(is_named).collect()
}

/// The first channel, for the owner of the workspace. The app checks the number of people and which
/// steps are done.
fn first_steps(visit: &Visit, https: bool, first_channel: Option<RoomId>) -> Option<RoomId> {
    let is_owner = visit.viewer.as_ref().is_some_and(|viewer| viewer.user.role == WorkspaceRole::Owner);
    let is_hidden = Cookie::Steps.read(&visit.headers, https).is_some();
    first_channel.filter(|_| is_owner && !is_hidden)
}

/// The browser's time zone; UTC if it is not known yet or not valid.
fn zone(visit: &Visit, https: bool, now: Millis) -> Zone {
    Cookie::Zone.read(&visit.headers, https).and_then(|name| zone_of(name, now)).unwrap_or_default()
}

fn zone_of(name: &str, now: Millis) -> Option<Zone> {
    let zone = TimeZone::get(name).ok()?;
    Some(Zone::probe(now, |at| {
        let at = Timestamp::from_millisecond(at).unwrap_or_default();
        zone.to_offset(at).seconds() / 60
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_its_rules() {
        // 2026-11-24 04:30 UTC.
        let now = 1_795_494_600_000;
        let zone = zone_of("Europe/Berlin", now).unwrap();
        let (winter, summer) = (now, now - 120 * 86_400_000);
        assert_eq!((zone.offset_minutes(winter), zone.offset_minutes(summer)), (60, 120));
        // 2026-03-29 01:00 UTC.
        let change = 1_774_746_000_000;
        assert_eq!((zone.offset_minutes(change - 1), zone.offset_minutes(change)), (60, 120));
        assert_eq!(zone_of("Asia/Kolkata", now).unwrap(), Zone::probe(now, |_| 330));
        assert_eq!(zone_of("Nowhere/Land", now), None);
        assert_eq!(zone_of("../../etc/passwd", now), None);
    }

    #[test]
    fn the_language_that_is_wanted_most_is_taken() {
        for (accepted, language) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
            ("de-DE, de;q=0.9, EN-us;q=0.8, zh;q=0.5", "de"),
            ("nl, EN-us;q=0.8, zh;q=0.9", "zh-CN"),
            ("en;q=0, pt;q=0.1", "pt-BR"),
            ("zh-TW", "zh-CN"),
            ("fr;q=x, es; q=0.5", "es"),
            ("ja, de", "ja"),
            ("", "en"),
            ("nl", "en"),
            ("é", "en"),
            ("*", "en"),
            ("de;q=NaN", "en"),
        ] {
            assert_eq!(accepted_language(accepted).as_str(), language, "{accepted}");
        }
    }
}
