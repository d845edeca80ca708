//! A server that behaves as badly as servers may, and names that resolve to what an attacker wants.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Instant,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::AbortOnDropHandle;

use super::*;

const WANTED: Wanted =
    Wanted { media: &["text/html"], bytes_max: 10_000, is_cut: true, within: Duration::from_secs(3) };
const WHOLE: Wanted = Wanted { is_cut: false, ..WANTED };

/// A server on this machine that answers every request with the same bytes, and remembers the requests.
struct Server {
    addr: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    async fn says(answer: impl Into<String>) -> Self {
        Self::starts(answer.into().into_bytes(), None).await
    }

    /// Begins with these bytes, then repeats others until nobody listens any more.
    async fn starts(first: Vec<u8>, then: Option<(Vec<u8>, Duration)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, heard) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let noted = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (first, then, noted) = (first.clone(), then.clone(), Arc::clone(&noted));
                tokio::spawn(async move { answer(stream, &first, then, &noted).await });
            }
        });
        Self { addr, heard, _task: AbortOnDropHandle::new(task) }
    }

    fn url(&self) -> Url {
        format!("http://{}/page", self.addr).parse().unwrap()
    }

    fn requests(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn exception(&self) -> Exception {
        self.addr.to_string().parse().unwrap()
    }

    /// A client that may reach this server.
    fn client(&self) -> Outgoing {
        Outgoing::new(vec![self.exception()]).unwrap()
    }
}

async fn answer(
    mut stream: TcpStream,
    first: &[u8],
    then: Option<(Vec<u8>, Duration)>,
    noted: &Mutex<Vec<String>>,
) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    noted.lock().unwrap().push(String::from_utf8_lossy(&request).to_lowercase());
    if stream.write_all(first).await.is_err() {
        return;
    }
    while let Some((piece, pause)) = &then {
        if stream.write_all(piece).await.is_err() {
            return;
        }
        tokio::time::sleep(*pause).await;
    }
}

fn page(headers: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn html(body: &str) -> String {
    page("Content-Type: Text/HTML; charset=utf-8\r\nSet-Cookie: a=b\r\n", body)
}

/// Names that resolve to each of these answers in turn, and how often they were asked.
fn names(answers: &[&[&str]]) -> (Lookup, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let rest: VecDeque<Vec<IpAddr>> =
        answers.iter().map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
    let (rest, noted) = (Mutex::new(rest), Arc::clone(&asked));
    let lookup: Lookup = Arc::new(move |name| {
        noted.lock().unwrap().push(name);
        let answer = rest.lock().unwrap().pop_front();
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    });
    (lookup, asked)
}

#[tokio::test]
async fn a_page_is_fetched_without_cookies_and_uncompressed() {
    let server = Server::says(html("<title>Tides</title>")).await;
    let client = server.client();
    for _ in 0..2 {
        let fetched = client.get(server.url(), WANTED).await.unwrap();
        assert_eq!(fetched.body, "<title>Tides</title>");
        assert_eq!(fetched.content_type, "Text/HTML; charset=utf-8");
        assert_eq!(fetched.url, server.url());
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert!(request.contains("accept-encoding: identity\r\n"), "{request}");
        assert!(request.contains("roost/"), "{request}");
        for never in ["cookie", "authorization", "referer"] {
            assert!(!request.contains(never), "{request}");
        }
    }
}

#[tokio::test]
async fn what_is_not_public_is_refused_before_a_connection() {
    let server = Server::says(html("secret")).await;
    let client = Outgoing::new(Vec::new()).unwrap();
    for host in [
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0",
        "169.254.169.254",
        "localhost",
    ] {
        let url = format!("http://{host}/").parse().unwrap();
        let refused = client.get(url, WANTED).await;
        assert!(matches!(refused, Err(Error::NotPublic)), "{host}: {refused:?}");
    }
    for wrong in [
        "ftp://tides.example/",
        "file:///etc/passwd",
        "http://tides.example:8080/",
        "http://tides.example:22/",
        "https://ana:secret@tides.example/",
        "https://ana@tides.example/",
        &format!("https://tides.example/{}", "x".repeat(URL_BYTES_MAX)),
    ] {
        let refused = client.get(wrong.parse().unwrap(), WANTED).await;
        assert!(matches!(refused, Err(Error::Address(_))), "{wrong}: {refused:?}");
    }
    let refused = client.get(server.url(), WANTED).await;
    assert!(matches!(refused, Err(Error::Address(_))), "its port: {refused:?}");
    assert_eq!(server.requests(), [""; 0]);
}

/// The first answer is good, the next one is not. The request goes where the first one said, and nobody asks again.
#[tokio::test]
async fn a_name_is_resolved_once_and_the_connection_goes_to_what_was_checked() {
    let server = Server::says(html("public")).await;
    let url: Url = format!("http://rebound.example:{}/", server.addr.port()).parse().unwrap();
    let (lookup, asked) = names(&[&["10.0.0.1", "127.0.0.1", "::1"], &["127.0.0.2"]]);
    let client = Outgoing::with_lookup(vec![server.exception()], lookup).unwrap();
    assert_eq!(client.get(url.clone(), WANTED).await.unwrap().body, "public");
    assert_eq!(*asked.lock().unwrap(), ["rebound.example"]);
    // The next request resolves anew, and is refused: there is no connection left that would spare it that.
    assert!(matches!(client.get(url, WANTED).await, Err(Error::NotPublic)));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_name_that_resolves_to_this_machine_or_its_neighbours_is_refused() {
    let server = Server::says(html("secret")).await;
    for answer in [
        &["127.0.0.1"][..],
        &["::1"],
        &["10.0.0.1", "192.168.0.1"],
        &["::ffff:127.0.0.1"],
        &["fd00::1"],
        &["100.64.0.1"],
        &[],
    ] {
        let (lookup, _) = names(&[answer]);
        // Its port is allowed, its address is not.
        let other = format!("127.0.0.3:{}", server.addr.port()).parse().unwrap();
        let client = Outgoing::with_lookup(vec![other], lookup).unwrap();
        let url = format!("http://inside.example:{}/", server.addr.port()).parse().unwrap();
        let refused = client.get(url, WANTED).await;
        assert!(matches!(refused, Err(Error::NotPublic)), "{answer:?}: {refused:?}");
    }
    assert_eq!(server.requests(), [""; 0]);
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn a_redirect_is_checked_like_the_first_address() {
    let secret = Server::says(html("secret")).await;
    for (to, is_private) in [
        ("http://127.0.0.1/".to_owned(), false),
        ("http://169.254.169.254/latest/meta-data/".to_owned(), true),
        ("http://[::1]/".to_owned(), true),
        ("http://inside.example/".to_owned(), true),
        ("//10.0.0.1/".to_owned(), true),
        (secret.url().to_string(), false),
        ("file:///etc/passwd".to_owned(), false),
        ("http://a:b@tides.example/".to_owned(), false),
    ] {
        let server = Server::says(redirect(&to)).await;
        let (lookup, _) = names(&[&["10.0.0.1"]]);
        // Only this one port of the machine is allowed; port 80 has no server.
        let client = Outgoing::with_lookup(vec![server.exception()], lookup).unwrap();
        let refused = client.get(server.url(), WANTED).await.unwrap_err();
        assert_eq!(matches!(refused, Error::NotPublic), is_private, "{to}: {refused}");
        assert_eq!(server.requests().len(), 1, "{to}");
    }
    assert_eq!(secret.requests(), [""; 0]);
}

#[tokio::test]
async fn redirects_are_followed_but_not_for_ever() {
    let page = Server::says(html("here")).await;
    let server = Server::says(redirect(page.url().as_str())).await;
    let client = Outgoing::new(vec![server.exception(), page.exception()]).unwrap();
    let fetched = client.get(server.url(), WANTED).await.unwrap();
    assert_eq!((fetched.url, &*fetched.body), (page.url(), b"here".as_slice()));
    let circle = Server::says(redirect("/page")).await;
    assert!(matches!(circle.client().get(circle.url(), WANTED).await, Err(Error::Redirects)));
    assert_eq!(circle.requests().len(), REDIRECTS_MAX + 1);
}

#[tokio::test]
async fn an_endless_body_is_cut_or_refused_and_a_slow_one_given_up() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n".to_vec();
    let endless = Server::starts(head.clone(), Some((vec![b'x'; 4_000], Duration::ZERO))).await;
    assert_eq!(endless.client().get(endless.url(), WANTED).await.unwrap().body.len(), WANTED.bytes_max);
    assert!(matches!(endless.client().get(endless.url(), WHOLE).await, Err(Error::TooLarge)));
    let announced =
        Server::says("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 10001\r\n\r\n").await;
    assert!(matches!(announced.client().get(announced.url(), WHOLE).await, Err(Error::TooLarge)));

    let soon = Wanted { within: Duration::from_millis(300), ..WANTED };
    // A byte now and then does not extend the time, and neither does a head that never ends.
    let slow = Server::starts(head, Some((vec![b'x'], Duration::from_millis(50)))).await;
    let silent = Server::starts(
        b"HTTP/1.1 200 OK\r\n".to_vec(),
        Some((b"A: b\r\n".to_vec(), Duration::from_millis(50))),
    )
    .await;
    for server in [slow, silent] {
        let began = Instant::now();
        assert!(matches!(server.client().get(server.url(), soon).await, Err(Error::Late)));
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn other_answers_are_none() {
    let failed = |answer: String| async move {
        let server = Server::says(answer).await;
        server.client().get(server.url(), WANTED).await.unwrap_err()
    };
    for media in [
        "",
        "Content-Type: application/pdf\r\n",
        "Content-Type: text/htmlx\r\n",
        "Content-Type: image/svg+xml\r\n",
    ] {
        assert!(matches!(failed(page(media, "x")).await, Error::Media), "{media}");
    }
    // 10 MB of zeros in 10 kB: refused unread.
    let bomb = page("Content-Type: text/html\r\nContent-Encoding: gzip\r\n", &"\u{1f}".repeat(10_000));
    assert!(matches!(failed(bomb).await, Error::Compressed));
    for status in ["404 Not Found", "500 Oh", "204 No Content"] {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let error = failed(answer).await;
        assert!(matches!(error, Error::Status(_) | Error::Media), "{status}: {error}");
    }
    assert!(matches!(
        failed("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".to_owned()).await,
        Error::Status(302)
    ));
    assert!(matches!(failed("not http\r\n\r\n".to_owned()).await, Error::Unreachable(_)));
    let error = failed("not http\r\n\r\n".to_owned()).await.to_string();
    assert!(!error.contains("127.0.0.1"), "an address is what a person wrote: {error}");
}
