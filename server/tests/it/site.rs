//! A node's pages and forms without a socket: a [`House`] on its own database, and [`Browser`]s
//! that visit it.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use leptos::config::LeptosOptions;
use protocol::{ErrorCode, FormState, Page};
use server::{
    blobs::Blobs,
    config::{Config, FileStore},
    files::Files,
    http,
    store::Store,
};
use sqlx::PgPool;
use tower::ServiceExt as _;

/// The origin of a house without a public URL.
pub const ORIGIN: &str = "http://localhost:3000";
pub const PASSWORD: &str = "correct horse battery";

/// One node on a test's database.
pub struct House {
    app: Router,
    _files: Folder,
}

impl House {
    /// Creates one with these settings.
    pub async fn new(pool: PgPool, settings: &[&str]) -> Self {
        Self::with_site(pool, settings, Path::new("no-such-folder")).await
    }

    /// The same with a built front end.
    pub async fn with_site(pool: PgPool, settings: &[&str], site_root: &Path) -> Self {
        let args = ["server", "--database-url=postgres://unused/unused", "--addr=127.0.0.1:3000"];
        let args = args.iter().chain(settings).map(OsString::from);
        let mut config = Config::parse_args(args).unwrap();
        config.set_redis_url(None);
        let folder = Folder::new();
        let blobs = Blobs::open(&FileStore::Folder(folder.0.clone(), None)).await.unwrap();
        let config = Arc::new(config);
        let node =
            server::start_node(&config, Store::over(pool), server::node::Sabotage::default()).await.unwrap();
        let options =
            LeptosOptions::builder().output_name("roost").site_root(site_root.to_str().unwrap()).build();
        let files = Files::start(Arc::clone(&node), blobs, config.space_limits());
        Self { app: http::router(http::Site::new(node, files, config, options)), _files: folder }
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body: bytes.to_vec() }
    }

    /// A new browser without cookies.
    pub fn browser(&self) -> Browser<'_> {
        Browser { house: self, cookies: RefCell::default(), origin: ORIGIN, address: None }
    }

    /// The same, at an address that a proxy reports.
    pub fn browser_at(&self, address: &'static str) -> Browser<'_> {
        Browser { address: Some(address), ..self.browser() }
    }

    /// A browser in which someone has just signed up.
    pub async fn newcomer(&self, handle: &str) -> Browser<'_> {
        let browser = self.browser();
        let answer = browser.sign_up(handle).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        browser
    }
}

/// A browser: it keeps cookies, and sends the origin of its forms.
pub struct Browser<'a> {
    house: &'a House,
    pub cookies: RefCell<BTreeMap<String, String>>,
    pub origin: &'static str,
    /// The address that a proxy reports for it.
    pub address: Option<&'static str>,
}

impl Browser<'_> {
    pub async fn visit(&self, path: &str) -> Answer {
        self.ask(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    /// Posts a form from a page of the house, or from `self.origin`.
    pub async fn fill(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let request = self
            .request(Method::POST, path)
            .header(header::ORIGIN, self.origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body.join("&")));
        self.ask(request.unwrap()).await
    }

    pub async fn sign_up(&self, handle: &str) -> Answer {
        self.fill("/sign-up", &[("handle", handle), ("name", handle), ("password", PASSWORD)]).await
    }

    pub async fn sign_in(&self, handle: &str, password: &str) -> Answer {
        self.fill("/sign-in", &[("handle", handle), ("password", password)]).await
    }

    pub fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder().method(method).uri(path).header(header::COOKIE, cookies.join("; "));
        match self.address {
            Some(address) => request.header("x-forwarded-for", address),
            None => request,
        }
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let answer = self.house.ask(request).await;
        for cookie in answer.set_cookies() {
            let (pair, attributes) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.borrow_mut().remove(name);
            } else {
                self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body of the page: what people see. The head also has the page's data and every sentence
    /// of its language.
    #[track_caller]
    pub fn drawn(&self) -> String {
        let html = self.text();
        let (_, body) = html.split_once("<body").unwrap_or_else(|| panic!("no page: {html}"));
        body.to_owned()
    }

    /// A header; empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn set_cookies(&self) -> Vec<&str> {
        self.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// The target of a redirect (303).
    #[track_caller]
    pub fn leads_to(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text());
        self.header("location")
    }

    /// The page's data, parsed from the HTML.
    #[track_caller]
    pub fn page(&self) -> Page {
        let html = self.text();
        let (_, rest) = html.split_once("id=\"page\"").unwrap_or_else(|| panic!("no page in {html}"));
        let (_, rest) = rest.split_once('>').unwrap();
        let (json, _) = rest.split_once("</script>").unwrap();
        serde_json::from_str(json).unwrap()
    }

    /// The lines of the list on a settings page.
    fn lines(&self) -> Vec<String> {
        let html = self.drawn();
        let lines = html.split("<li class=\"setting-item\">").skip(1);
        lines.map(|line| line.split("</li>").next().unwrap_or_default().to_owned()).collect()
    }

    /// The signed-in devices of `/settings/account`: for each, the form that signs it out; `None`
    /// for the current one.
    pub fn sessions(&self) -> Vec<Option<String>> {
        let form = |line: &String| between(line, "action=\"", "\"").map(str::to_owned);
        self.lines().iter().map(form).collect()
    }

    /// The links of `/admin/invitations`: for each, the form that revokes it, and the link if this
    /// browser may see it.
    pub fn invitations(&self) -> Vec<(String, Option<String>)> {
        let one = |line: &String| {
            let form = between(line, "action=\"", "\"").expect("each link can be revoked");
            (form.to_owned(), shown_link(line))
        };
        self.lines().iter().map(one).collect()
    }

    /// The accounts of `/admin/people`.
    pub fn people(&self) -> Vec<ListedPerson> {
        let one = |line: &String| ListedPerson {
            id: between(line, "id=\"person-", "\"").expect("each account has an id").to_owned(),
            handle: between(line, ">@", "<").unwrap_or_default().to_owned(),
            role: between(line, "class=\"tag", "</span>")
                .and_then(|tag| between(tag, ">", "<"))
                .unwrap_or("Member")
                .to_owned(),
            link: shown_link(line),
        };
        self.lines().iter().map(one).collect()
    }

    /// The code of the refusal of a settings form.
    pub fn refused(&self) -> Option<ErrorCode> {
        between(&self.drawn(), "data-refused=\"", "\"")?.parse::<u16>().ok()?.try_into().ok()
    }

    /// Asserts why a settings form was refused: at a field, or, if `field` is empty, for the form
    /// as a whole.
    #[track_caller]
    pub fn assert_says(&self, status: StatusCode, field: &str, words: &str) {
        let html = self.drawn();
        let at = match field {
            "" => "role=\"alert\"".to_owned(),
            field => format!("id=\"field-{field}-error\""),
        };
        let said = between(&html, &at, "</p>").and_then(|rest| between(rest, ">", "<"));
        assert_eq!((self.status, said), (status, Some(words)), "{html}");
    }

    /// The refused form.
    #[track_caller]
    pub fn form(&self) -> FormState {
        self.page().form.unwrap_or_else(|| panic!("no form was refused: {} {}", self.status, self.text()))
    }

    #[track_caller]
    pub fn assert_refused(&self, status: StatusCode, code: ErrorCode, field: &str) {
        let form = self.form();
        assert_eq!((self.status, form.refusal.code, form.field.as_str()), (status, code, field));
    }
}

/// An entry in the list of all accounts.
#[derive(Debug)]
pub struct ListedPerson {
    pub id: String,
    pub handle: String,
    /// `Suspended` for suspended people.
    pub role: String,
    /// The password link, if this browser may see it.
    pub link: Option<String>,
}

/// The text between the first `from` and the next `to`.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    Some(text.split_once(from)?.1.split_once(to)?.0)
}

fn shown_link(line: &str) -> Option<String> {
    between(line, "class=\"copy\"", "</div>")
        .and_then(|copy| between(copy, "value=\"", "\""))
        .map(str::to_owned)
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// A folder that is deleted when the test ends.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("roost-test-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn write(&self, name: &str, content: &[u8]) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder left behind in /tmp is harmless.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
