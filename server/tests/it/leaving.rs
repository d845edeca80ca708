//! A whole server process: how it reports its state, and how it leaves.

use std::{
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{SinkExt, StreamExt};
use leptos::config::LeptosOptions;
use protocol::{CloseCode, Event, Nonce, Reply, RoomId, ServerFrame};
use server::{
    blobs::Blobs,
    broker::Broker,
    config::{Config, FileStore},
    files::Files,
    http,
    node::{Node, Tuning},
    store::Store,
};
use sqlx::PgPool;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{self, Message};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::{
    cluster::{Cluster, ORIGIN, SOON, Socket, open},
    redis::free_addr,
    site::Folder,
};

const DRAIN_S: u64 = 8;

/// The server process, killed when the test ends.
struct Server {
    child: Child,
    addr: SocketAddr,
    metrics: SocketAddr,
}

impl Server {
    async fn start(pool: &PgPool) -> Self {
        let (addr, metrics) = (free_addr(), free_addr());
        let database = std::env::var("DATABASE_URL").expect("tests need DATABASE_URL: see scripts/services");
        let name = pool.connect_options().get_database().unwrap().to_owned();
        let child = Command::new(env!("CARGO_BIN_EXE_server"))
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .env("DATABASE_URL", format!("{}/{name}", database.rsplit_once('/').unwrap().0))
            .args([format!("--addr={addr}"), format!("--metrics-addr={metrics}")])
            .args([format!("--public-url={ORIGIN}"), format!("--drain-s={DRAIN_S}")])
            .args(["--sends-per-s=1000", "--sends-burst=1000", "--log=warn"])
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let server = Self { child, addr, metrics };
        let begin = Instant::now();
        while ask(addr, "/health/ready").await.is_none_or(|(status, _)| status != 200) {
            assert!(begin.elapsed() < SOON, "the server did not become ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }

    fn is_told_to_stop(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    async fn ends(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begin.elapsed() < SOON, "the server did not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Status and body; `None` if nobody listens.
pub async fn ask(addr: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(addr).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

async fn greeted(addr: SocketAddr, cookie: &str) -> Socket {
    let mut socket = open(addr, cookie, ORIGIN).await.unwrap();
    socket.send(Message::text(r#"{"ref":1,"command":{"type":"hello","version":2}}"#)).await.unwrap();
    // It follows lines before it is greeted, so events may come first.
    while !socket.next().await.unwrap().unwrap().into_text().unwrap().contains(r#""type":"welcome""#) {}
    socket
}

/// What a browser that keeps writing has seen by the time its socket ends.
#[derive(Debug, Default)]
struct Seen {
    acknowledged: Vec<Nonce>,
    come_back: Option<u32>,
    close: Option<u16>,
}

/// Writes again as soon as it is answered, until it is sent away.
async fn keeps_writing(mut socket: Socket, room: RoomId) -> Seen {
    let mut seen = Seen::default();
    let mut nonce = Nonce(Uuid::new_v4());
    loop {
        let send = protocol::Command::say(room, nonce, "under load");
        let frame = protocol::ClientFrame { r#ref: 2, command: send };
        // It may be closing already; remaining frames are read below.
        drop(socket.send(Message::text(frame.encode())).await);
        loop {
            match tokio::time::timeout(SOON, socket.next()).await.expect("in time") {
                Some(Ok(Message::Text(text))) => match ServerFrame::decode(&text).unwrap() {
                    ServerFrame::Reply { reply: Reply::Sent { message, .. }, .. } => {
                        seen.acknowledged.push(message.nonce);
                        nonce = Nonce(Uuid::new_v4());
                        break;
                    }
                    ServerFrame::Event { event: Event::ComeBack { after_ms } } => {
                        seen.come_back = Some(after_ms);
                    }
                    ServerFrame::Reply { .. } | ServerFrame::Refusal { .. } | ServerFrame::Event { .. } => {}
                },
                Some(Ok(Message::Close(close))) => {
                    seen.close = close.map(|close| u16::from(close.code));
                    return seen;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return seen,
            }
        }
    }
}

/// Twelve people write as fast as they are answered, and one does not read, when the server is told
/// to stop.
#[sqlx::test(migrations = "../migrations")]
async fn a_server_that_is_told_to_stop_under_load_sends_everyone_away_and_ends_in_time(pool: PgPool) {
    let mut server = Server::start(&pool).await;
    // Another server on the same database and Redis, for the forms.
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let room = cluster.group("harbour", [&ana]).await;
    let mut writers = Vec::new();
    for _ in 0..12 {
        let socket = greeted(server.addr, &ana.cookie).await;
        writers.push(tokio::spawn(keeps_writing(socket, room)));
    }
    let idle = greeted(server.addr, &ana.cookie).await;
    let sent = async {
        while cluster.stored(room).await.len() < 100 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, sent).await.expect("the load is on");
    let (status, text) = ask(server.metrics, "/metrics").await.unwrap();
    assert_eq!(status, 200);
    assert!(text.contains("roost_connections 13\n"), "{text}");
    assert_eq!(ask(server.addr, "/metrics").await.unwrap().0, 404, "not where everybody can ask");

    server.is_told_to_stop();
    let begin = Instant::now();
    let (status, body) = loop {
        // The one that does not read delays the shutdown for a moment, and until then it keeps
        // listening.
        let (status, body) = ask(server.addr, "/health/ready").await.expect("it still answers");
        if status != 200 {
            break (status, body);
        }
    };
    assert_eq!(status, 503, "{body}");
    assert!(body.contains(r#""leaving":true"#) && body.contains("this server is leaving"), "{body}");
    let refused = open(server.addr, &ana.cookie, ORIGIN).await;
    assert!(
        matches!(&refused, Err(tungstenite::Error::Http(answer)) if answer.status() == 503),
        "no new socket: {refused:?}"
    );

    let mut acknowledged = Vec::new();
    for writer in writers {
        let seen = writer.await.unwrap();
        assert!(seen.come_back.is_some_and(|ms| u64::from(ms) < DRAIN_S * 1_000 / 2), "{seen:?}");
        assert_eq!(seen.close, Some(CloseCode::Leaving as u16), "{seen:?}");
        acknowledged.extend(seen.acknowledged);
    }
    assert_eq!(server.ends().await.code(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(DRAIN_S + 2), "{:?}", begin.elapsed());
    drop(idle);

    let nonces: Vec<Uuid> =
        sqlx::query_scalar("select nonce from messages where room_id = $1 order by nonce")
            .bind(room.0)
            .fetch_all(&cluster.pool)
            .await
            .unwrap();
    for nonce in &acknowledged {
        assert!(nonces.binary_search(&nonce.0).is_ok(), "{nonce:?} was acknowledged and is not stored");
    }
    // The last ones may not have been published: clients on other servers still get them.
    let whole = nonces.len() as i64;
    ana.until("told of all", |client| client.room(room).unwrap().summary.head.0 >= whole).await;
}

/// Without Redis a server keeps serving, and says so; `degraded` does not mean «not ready».
#[sqlx::test(migrations = "../migrations")]
async fn without_redis_a_server_is_ready_and_degraded(pool: PgPool) {
    let url = std::env::var("REDIS_URL").expect("REDIS_URL names the Redis to test with");
    let store = Store::over(pool);
    let workspace = store.workspace().await.unwrap();
    let options = || LeptosOptions::builder().output_name("roost").site_root("no-such-folder").build();
    let args = ["server", "--database-url=postgres://unused/unused"].map(std::ffi::OsString::from);
    let config = Arc::new(Config::parse_args(args).unwrap());
    let folder = Folder::new();
    let ready = async |urls: String| {
        let broker = Broker::redis(&urls, &format!("roost:{}", workspace.id)).unwrap();
        let node =
            Node::start("node".to_owned(), (store.clone(), workspace.epoch), broker, Tuning::default());
        let blobs = Blobs::open(&FileStore::Folder(folder.0.clone(), None)).await.unwrap();
        let files = Files::start(Arc::clone(&node), blobs, config.space_limits());
        let app = http::router(http::Site::new(Arc::clone(&node), files, Arc::clone(&config), options()));
        let begin = Instant::now();
        loop {
            let request = axum::http::Request::get("/health/ready").body(axum::body::Body::empty()).unwrap();
            let answer = app.clone().oneshot(request).await.unwrap();
            let status = answer.status().as_u16();
            let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            // A link needs a moment to come up; one that never does is down from the beginning.
            if urls.contains("127.0.0.1:1") || body["broker"] == true {
                return (status, body);
            }
            assert!(begin.elapsed() < SOON, "{body}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (status, body) = ready(url.clone()).await;
    assert_eq!((status, &body["degraded"], body.get("reason")), (200, &false.into(), None));
    let (status, body) = ready(format!("redis://:hush@127.0.0.1:1,{url}")).await;
    assert_eq!((status, &body["ready"], &body["degraded"]), (200, &true.into(), &true.into()));
    let reason = body["reason"].as_str().unwrap();
    assert!(reason.starts_with("Redis 1 of 2 carries no news"), "{reason}");
    assert!(!reason.contains("127.0.0.1") && !reason.contains("hush"), "{reason}");
}
