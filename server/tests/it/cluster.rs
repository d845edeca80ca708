//! Several nodes on one database and one Redis, and people who talk through real sockets with the
//! real client.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use client::{Client, Link, RowKind};
use futures::{SinkExt, StreamExt};
use leptos::config::LeptosOptions;
use protocol::{Command, Message, Nonce, Refusal, Reply, RoomId, RoomKind, Seq, ServerFrame, UserId};
use server::{
    blobs::Blobs,
    broker::Broker,
    config::Config,
    files::Files,
    http,
    node::{Node, Tuning},
    previews::Previews,
    serve::{self, Times},
    store::{
        Store,
        messages::{Inserted, NewMessage},
    },
};
use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::{
    net::TcpStream,
    sync::{Notify, watch},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, client::IntoClientRequest},
};
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt as _;
use uuid::Uuid;

/// The deadline of every wait.
pub const SOON: Duration = Duration::from_secs(20);
pub const ORIGIN: &str = "http://localhost:3000";
/// Database connections per node.
pub const CONNECTIONS: u32 = 4;
const PASSWORD: &str = "correct horse battery";

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A workspace with several nodes.
pub struct Cluster {
    pub pool: PgPool,
    pub nodes: Vec<Running>,
}

/// One of its nodes.
pub struct Running {
    pub node: Arc<Node>,
    pub addr: SocketAddr,
    pub app: Router,
    store: Store,
    /// Where its files are, if that is a folder. The nodes of a database share it.
    files: Option<PathBuf>,
    _server: AbortOnDropHandle<()>,
}

/// When a test ends, its database is dropped, and Postgres waits five seconds for remaining
/// connections.
impl Drop for Running {
    fn drop(&mut self) {
        let store = self.store.clone();
        tokio::spawn(async move { store.close().await });
        // A folder left behind in the target folder is harmless.
        drop(self.files.as_ref().map(std::fs::remove_dir_all));
    }
}

impl Cluster {
    /// Shortened times.
    pub fn tuning() -> Tuning {
        Tuning {
            head_check: Duration::from_millis(300),
            marks_check: Duration::from_millis(300),
            session_check: Duration::from_millis(500),
            linger: Duration::from_millis(50),
            marks: Duration::from_millis(100),
            jobs_check: Duration::from_millis(300),
            job_retry: Duration::from_millis(50),
            index_check: Duration::from_millis(300),
            files_check: Duration::from_millis(500),
            sends_per_s: std::num::NonZeroU32::new(10_000).unwrap(),
            sends_burst: std::num::NonZeroU32::new(10_000).unwrap(),
            budget_factor: std::num::NonZeroU32::new(1_000).unwrap(),
            ..Tuning::default()
        }
    }

    pub async fn start(pool: PgPool, nodes: usize) -> Self {
        Self::start_tuned(pool, nodes, Self::tuning()).await
    }

    pub async fn start_tuned(pool: PgPool, count: usize, tuning: Tuning) -> Self {
        let mut nodes = Vec::new();
        for number in 1..=count {
            nodes.push(Running::start(&pool, number, tuning.clone()).await);
        }
        Self { pool, nodes }
    }

    /// The node of this number, from 1.
    pub fn node(&self, number: usize) -> &Running {
        &self.nodes[number - 1]
    }

    /// A new person, connected to the node with this number.
    pub async fn person(&self, handle: &str, number: usize) -> Person {
        let cookie = self.node(number).sign_up(handle).await;
        let person = Person::new(handle, cookie);
        person.goes_to(self.node(number)).await;
        person
    }

    /// Ana on the first node, Bea on the last, and a group with both.
    pub async fn ana_and_bea(&self) -> (Person, Person, RoomId) {
        let (ana, bea) = (self.person("ana", 1).await, self.person("bea", self.nodes.len()).await);
        let room = self.group("harbour", [&ana, &bea]).await;
        (ana, bea, room)
    }

    /// A group of these people, created by the first of them.
    pub async fn group<const N: usize>(&self, title: &str, people: [&Person; N]) -> RoomId {
        let room = people[0].makes(RoomKind::Group, title).await;
        let others: Vec<UserId> = people[1..].iter().map(|person| person.id()).collect();
        if !others.is_empty() {
            people[0].asks(Command::Invite { room, users: others }).await.unwrap();
        }
        for person in people {
            person.until("the room is there", |client| client.room(room).is_some()).await;
        }
        room
    }

    /// Stores a message without publishing it.
    pub async fn unheard(&self, author: &Person, room: RoomId, text: &str) -> Message {
        let author = author.with(|client| client.me().cloned().expect("greeted"));
        let new = NewMessage::plain(room, author, Nonce(Uuid::new_v4()), text.to_owned());
        match self.node(1).node.store.insert_messages(&[new]).await.unwrap().inserted.pop() {
            Some(Inserted::New(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    /// The stored numbers and texts of a room's messages.
    pub async fn stored(&self, room: RoomId) -> Vec<(i64, String)> {
        sqlx::query_as("select seq, body from messages where room_id = $1 order by seq")
            .bind(room.0)
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// Someone's stored marks: delivered, read.
    pub async fn marks(&self, room: RoomId, user: UserId) -> (i64, i64) {
        sqlx::query_as("select delivered_seq, read_seq from members where room_id = $1 and user_id = $2")
            .bind(room.0)
            .bind(user.0)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }
}

impl Running {
    pub async fn start(pool: &PgPool, number: usize, tuning: Tuning) -> Self {
        Self::start_over((*pool.connect_options()).clone(), number, tuning).await
    }

    /// Each node has its own connections, as in production.
    pub async fn start_over(database: PgConnectOptions, number: usize, tuning: Tuning) -> Self {
        Self::start_with(database, number, tuning, &[]).await
    }

    /// The same with additional settings.
    pub async fn start_with(
        database: PgConnectOptions,
        number: usize,
        tuning: Tuning,
        settings: &[String],
    ) -> Self {
        // The database of a test has its own name.
        let name = format!("files-{}", database.get_database().expect("a database of its own"));
        let files = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let store = Store::open(database, CONNECTIONS);
        let workspace = store.workspace().await.unwrap();
        let url =
            std::env::var("REDIS_URL").expect("REDIS_URL names the Redis to test with: see `make services`");
        let broker = Broker::redis(&url, &format!("roost:{}", workspace.id)).unwrap();
        let args = [
            "server",
            "--database-url=postgres://unused/unused",
            "--addr=127.0.0.1:3000",
            "--sign-up=open",
            "--sign-ups-per-min=1000",
            "--sign-ins-per-min=1000",
            "--connections-per-user=5",
            "--sockets-per-min=100000",
            "--hashes-at-once=4",
        ];
        let folder = format!("--files={}", files.display());
        let in_folder = !settings.iter().any(|setting| setting.starts_with("--files="));
        let folder = in_folder.then_some(&folder);
        // No test reaches for the internet.
        let no_previews = "--link-previews=false".to_owned();
        let has_previews = settings.iter().any(|setting| setting.starts_with("--link-previews"));
        let added = folder.into_iter().chain((!has_previews).then_some(&no_previews));
        let args = args.iter().map(OsString::from).chain(settings.iter().chain(added).map(OsString::from));
        let config = Arc::new(Config::parse_args(args).unwrap());
        let tuning = Tuning { link_previews: config.link_previews, ..tuning };
        let node = Node::start(format!("node-{number}"), (store.clone(), workspace.epoch), broker, tuning);
        server::jobs::start(&node);
        let options = LeptosOptions::builder().output_name("roost").site_root("no-such-folder").build();
        let blobs = Blobs::open(&config.file_store()).await.unwrap();
        let service = Files::start(Arc::clone(&node), blobs, config.space_limits());
        Previews::start(&node, &service, &config);
        let app = http::router(http::Site::new(Arc::clone(&node), service, config, options));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let serve = serve::run(listener, app.clone(), Times::default(), std::future::pending());
        let server = tokio::spawn(serve);
        let files = in_folder.then_some(files);
        Self { node, addr, app, store, files, _server: AbortOnDropHandle::new(server) }
    }

    /// Creates an account through the form; returns the session's cookie.
    pub async fn sign_up(&self, handle: &str) -> String {
        let body = format!("handle={handle}&name={handle}&password={}", PASSWORD.replace(' ', "+"));
        let answer = self.post("/sign-up", "", body).await;
        answer.expect("a session")
    }

    /// Posts a form; returns the session's cookie if one is set.
    pub async fn post(&self, path: &str, cookie: &str, body: String) -> Option<String> {
        let answer = self.fill(path, cookie, body).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path}");
        let cookies = answer.headers().get_all(header::SET_COOKIE).iter();
        let session =
            cookies.map(|value| value.to_str().unwrap()).find(|value| value.starts_with("roost="))?;
        Some(session.split(';').next().unwrap().to_owned())
    }

    /// Posts a form that is refused; returns the status.
    pub async fn is_refused(&self, path: &str, cookie: &str, body: &str) -> StatusCode {
        self.fill(path, cookie, body.to_owned()).await.status()
    }

    async fn fill(&self, path: &str, cookie: &str, body: String) -> axum::response::Response {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::ORIGIN, ORIGIN)
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        self.app.clone().oneshot(request).await.unwrap()
    }

    /// Requests a page; returns the status, `Retry-After`, and the text.
    pub async fn get(&self, path: &str, cookie: &str) -> (StatusCode, Option<String>, String) {
        let request = Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
        let answer = self.app.clone().oneshot(request).await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let again = headers.get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
        let body = axum::body::to_bytes(answer.into_body(), 1 << 24).await.unwrap();
        (status, again, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Opens a bare socket.
    pub async fn socket(&self, cookie: &str, origin: &str) -> Result<Socket, tungstenite::Error> {
        open(self.addr, cookie, origin).await
    }
}

/// Opens a bare socket to any server.
pub async fn open(addr: SocketAddr, cookie: &str, origin: &str) -> Result<Socket, tungstenite::Error> {
    let mut request = format!("ws://{addr}/socket").into_client_request()?;
    request.headers_mut().insert("origin", origin.parse().unwrap());
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    Ok(tokio_tungstenite::connect_async(request).await?.0)
}

/// A person with one device, which runs the client's own state machine.
pub struct Person {
    pub handle: String,
    pub cookie: String,
    shared: Arc<Shared>,
    _device: AbortOnDropHandle<()>,
}

struct Shared {
    client: Mutex<Client>,
    began: Instant,
    /// Counts events, for those who wait for something.
    happened: watch::Sender<u64>,
    /// Notified when there may be something to send.
    wake: Notify,
    /// The address to connect to.
    target: watch::Sender<Option<SocketAddr>>,
    answers: Mutex<BTreeMap<u32, Result<Reply, Refusal>>>,
    closes: Mutex<Vec<u16>>,
    /// Why the last connection could not be opened.
    trouble: Mutex<String>,
    /// Others' messages, by room and number, in the order of their arrival.
    news: Mutex<Vec<(RoomId, Seq)>>,
}

impl Shared {
    fn now(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap()
    }

    fn client(&self) -> MutexGuard<'_, Client> {
        self.client.lock().unwrap()
    }

    fn happened(&self) {
        let mut client = self.client();
        for answer in client.take_answers() {
            self.answers.lock().unwrap().insert(answer.request, answer.result);
        }
        let touched = client.take_touched();
        drop(client);
        self.news.lock().unwrap().extend(touched.news.into_iter().map(|(room, message)| (room, message.seq)));
        self.happened.send_modify(|count| *count += 1);
    }
}

impl Person {
    fn new(handle: &str, cookie: String) -> Self {
        let shared = Arc::new(Shared {
            client: Mutex::default(),
            began: Instant::now(),
            happened: watch::Sender::new(0),
            wake: Notify::new(),
            target: watch::Sender::new(None),
            answers: Mutex::default(),
            closes: Mutex::default(),
            trouble: Mutex::default(),
            news: Mutex::default(),
        });
        let device = tokio::spawn(device(Arc::clone(&shared), cookie.clone()));
        Self { handle: handle.to_owned(), cookie, shared, _device: AbortOnDropHandle::new(device) }
    }

    /// A second device of the same person, not connected yet.
    pub fn second_device(&self) -> Self {
        Self::new(&self.handle, self.cookie.clone())
    }

    pub fn id(&self) -> UserId {
        self.with(|client| client.me().expect("greeted").id)
    }

    /// Reads the client's state.
    pub fn with<T>(&self, look: impl FnOnce(&Client) -> T) -> T {
        look(&self.shared.client())
    }

    /// Performs an action with the client.
    pub fn acts<T>(&self, act: impl FnOnce(&mut Client, i64) -> T) -> T {
        let now = self.shared.now();
        let done = act(&mut self.shared.client(), now);
        self.shared.happened();
        self.shared.wake.notify_one();
        done
    }

    /// Connects to a node, and waits for its `welcome`.
    pub async fn goes_to(&self, node: &Running) {
        self.shared.target.send_replace(Some(node.addr));
        let name = node.node.name.clone();
        self.until("greeted", |client| client.link() == Link::Live && client.node() == name).await;
    }

    /// Drops the connection without closing it properly.
    pub async fn cut(&self) {
        self.shared.target.send_replace(None);
        self.until("cut off", |client| matches!(client.link(), Link::Away { .. })).await;
    }

    /// Sends a command, and waits for the answer.
    pub async fn asks(&self, command: Command) -> Result<Reply, Refusal> {
        let request = self.acts(|client, _| client.request(command));
        self.until("answered", |_| self.shared.answers.lock().unwrap().contains_key(&request)).await;
        self.shared.answers.lock().unwrap().remove(&request).unwrap()
    }

    /// Sends a message, and returns it as stored.
    pub async fn sends(&self, send: Command) -> Result<Message, Refusal> {
        self.asks(send).await.map(|reply| {
            let Reply::Sent { message, .. } = reply else { panic!("{reply:?}") };
            message
        })
    }

    pub async fn makes(&self, kind: RoomKind, title: &str) -> RoomId {
        let nonce = Nonce(Uuid::new_v4());
        let command = Command::CreateRoom { nonce, kind, title: title.to_owned(), topic: String::new() };
        self.gets_room(command).await
    }

    pub async fn talks_with(&self, other: UserId) -> RoomId {
        self.gets_room(Command::StartDirect { user: other }).await
    }

    pub async fn gets_room(&self, command: Command) -> RoomId {
        match self.asks(command).await {
            Ok(Reply::Room { summary, .. }) => summary.room.id,
            other => panic!("{other:?} is no room"),
        }
    }

    /// Opens a room.
    pub async fn opens(&self, room: RoomId) {
        self.acts(|client, now| client.focus(Some(room), now));
        self.until("opened", |client| client.room(room).is_some_and(|room| room.timeline.is_some())).await;
    }

    /// Sends a message without waiting.
    pub fn writes(&self, room: RoomId, text: &str) {
        let nonce = Nonce(Uuid::new_v4());
        self.acts(|client, now| client.send(room, nonce, text.to_owned(), now)).unwrap();
    }

    /// Sends a message, and waits until it is acknowledged.
    pub async fn says(&self, room: RoomId, text: &str) {
        self.writes(room, text);
        self.until("acknowledged", |client| client.outbox().items().is_empty()).await;
    }

    /// Waits until an open room shows exactly these messages, in this order.
    pub async fn sees<T: AsRef<str>>(&self, room: RoomId, texts: impl IntoIterator<Item = T>) {
        let expected: Vec<String> = texts.into_iter().map(|text| text.as_ref().to_owned()).collect();
        let found = || self.with(|client| shown(client, room));
        if self.wait(|client| shown(client, room) == expected).await.is_err() {
            panic!("{} sees {:?} instead of {expected:?}", self.handle, found());
        }
    }

    /// Marks everything in a room as read.
    pub fn reads(&self, room: RoomId) {
        self.acts(|client, now| {
            let seq = client.room(room).map(client::RoomState::cursor).unwrap();
            client.saw(room, seq, now);
        });
    }

    pub async fn until(&self, what: &str, is_so: impl Fn(&Client) -> bool) {
        if self.wait(is_so).await.is_err() {
            let (link, node) = self.with(|client| (client.link(), client.node().to_owned()));
            let trouble = self.shared.trouble.lock().unwrap().clone();
            let closes = self.closes();
            panic!("{} waited in vain: {what}; {link:?} at {node:?} {closes:?} {trouble}", self.handle);
        }
    }

    async fn wait(&self, is_so: impl Fn(&Client) -> bool) -> Result<(), tokio::time::error::Elapsed> {
        let mut happened = self.shared.happened.subscribe();
        tokio::time::timeout(SOON, async {
            while !self.with(&is_so) {
                happened.changed().await.unwrap();
            }
        })
        .await
    }

    /// The codes with which servers closed this person's sockets.
    pub fn closes(&self) -> Vec<u16> {
        self.shared.closes.lock().unwrap().clone()
    }

    /// The numbers of others' messages in a room, in the order of their arrival.
    pub fn heard(&self, room: RoomId) -> Vec<Seq> {
        self.shared.news.lock().unwrap().iter().filter(|(r, _)| *r == room).map(|(_, seq)| *seq).collect()
    }
}

/// Sends a message, and returns its number.
pub async fn said(person: &Person, room: RoomId, text: &str) -> Seq {
    person.sends(Command::say(room, Nonce(Uuid::new_v4()), text)).await.unwrap().seq
}

/// The texts of an open room, including pending ones.
pub fn shown(client: &Client, room: RoomId) -> Vec<String> {
    let text = |row: client::Row| match row.kind {
        RowKind::Message(message) => Some(message.body.to_string()),
        RowKind::Beginning | RowKind::Day(_) | RowKind::Unread | RowKind::Replies(_) => None,
    };
    client::rows(client, room, protocol::Zone::default()).into_iter().filter_map(text).collect()
}

/// The device: connects to the current target, and transports frames.
async fn device(shared: Arc<Shared>, cookie: String) {
    let mut target = shared.target.subscribe();
    loop {
        let Some(addr) = *target.borrow_and_update() else {
            if target.changed().await.is_err() {
                return;
            }
            continue;
        };
        match open(addr, &cookie, ORIGIN).await {
            Ok(socket) => carry(&shared, socket, &mut target).await,
            Err(e) => {
                *shared.trouble.lock().unwrap() = e.to_string();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        let now = shared.now();
        shared.client().disconnected(now);
        shared.happened();
    }
}

async fn carry(shared: &Shared, mut socket: Socket, target: &mut watch::Receiver<Option<SocketAddr>>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    shared.client().connected(shared.now());
    loop {
        let frames = shared.client().take_frames();
        for frame in frames {
            if socket.send(tungstenite::Message::text(frame.encode())).await.is_err() {
                return;
            }
        }
        tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(tungstenite::Message::Text(text))) => {
                    let frame = ServerFrame::decode(&text).expect("a server says what can be read");
                    shared.client().receive(frame, shared.now());
                    shared.happened();
                }
                Some(Ok(tungstenite::Message::Close(close))) => {
                    let code = close.map_or(1005, |close| u16::from(close.code));
                    shared.closes.lock().unwrap().push(code);
                    if code == protocol::CloseCode::SessionEnded as u16 {
                        shared.target.send_replace(None);
                    }
                    return;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            _ = ticks.tick() => shared.client().tick(shared.now()),
            () = shared.wake.notified() => {}
            _ = target.changed() => return,
        }
    }
}
