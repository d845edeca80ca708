//! A silent database: connections look open but carry nothing. Nobody is kept waiting, and hanging
//! work does not get in the way once the network is back.

use std::{net::SocketAddr, time::Duration};

use axum::http::StatusCode;
use futures::SinkExt;
use protocol::{ClientFrame, CloseCode, Command, ErrorCode, Nonce, Refusal, RoomId, Seq, ServerFrame};
use server::{node::Tuning, store::messages::NewMessage};
use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::{self, Message};
use uuid::Uuid;

use crate::{
    cluster::{CONNECTIONS, Cluster, ORIGIN, Running, SOON},
    proxy::Proxy,
    sockets::{greeted, hears},
};

fn is_later(refusal: &Refusal) -> bool {
    refusal.code == ErrorCode::Internal && refusal.retry_ms.is_some()
}

/// Polls until a condition holds, when there is no event to wait for.
pub async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let reached = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, reached).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

/// How many statements of the node [behind] the proxy wait for a lock. The other node's do not count.
async fn waiting(pool: &PgPool) -> i64 {
    let asked = "select count(*) from pg_stat_activity
        where datname = current_database() and application_name = $1 and wait_event_type = 'Lock'";
    sqlx::query_scalar(asked).bind(BEHIND).fetch_one(pool).await.unwrap()
}

/// A form that never arrives completely is given up.
#[sqlx::test(migrations = "../migrations")]
async fn a_form_that_never_ends_is_given_up(pool: PgPool) {
    let tuning = Tuning { database_timeout: Duration::from_millis(500), ..Cluster::tuning() };
    let cluster = Cluster::start_tuned(pool, 1, tuning).await;
    let mut stream = tokio::net::TcpStream::connect(cluster.node(1).addr).await.unwrap();
    let head = format!(
        "POST /sign-in HTTP/1.1\r\nhost: x\r\norigin: {ORIGIN}\r\ncontent-length: 100\r\n\
         content-type: application/x-www-form-urlencoded\r\n\r\nhandle=ana"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await.expect("it is closed");
    drop(closed);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") || answer.starts_with("HTTP/1.1 503"), "{answer}");
}

/// The name of that node's connections.
const BEHIND: &str = "behind";

/// The database as one node reaches it, through a proxy.
fn behind(proxy: &Proxy, pool: &PgPool) -> PgConnectOptions {
    let by: SocketAddr = proxy.url.rsplit_once('@').unwrap().1.split_once('/').unwrap().0.parse().unwrap();
    (*pool.connect_options()).clone().host(&by.ip().to_string()).port(by.port()).application_name(BEHIND)
}

/// The transactions that store one connection's sends never end. All sends are refused together,
/// not one after the other with a timeout each, which would take minutes.
#[sqlx::test(migrations = "../migrations")]
async fn sends_that_the_database_never_ends_are_refused_together(pool: PgPool) {
    const SENDS: u32 = 30;
    let proxy = Proxy::start(&std::env::var("DATABASE_URL").unwrap()).await;
    // A node that has just started also waits some seconds for Redis before it greets anyone.
    let tuning = Tuning { database_timeout: Duration::from_secs(4), ..Cluster::tuning() };
    let node = Running::start_over(behind(&proxy, &pool), 1, tuning).await;
    // Hashing a password may take longer than this timeout, so people sign up on another node.
    let other = Running::start(&pool, 2, Cluster::tuning()).await;
    let cluster = Cluster { pool: pool.clone(), nodes: vec![node, other] };
    let ana = cluster.person("ana", 2).await;
    let room = cluster.group("harbour", [&ana]).await;
    let mut socket = greeted(&cluster, &ana.cookie).await;

    let mut lock = pool.begin().await.unwrap();
    sqlx::query("lock table lines in access exclusive mode").execute(&mut *lock).await.unwrap();
    for number in 1..=SENDS {
        let nonce = Nonce(Uuid::from_u128(number.into()));
        let command = Command::say(room, nonce, format!("number {number}"));
        socket.send(Message::text(ClientFrame { r#ref: number, command }.encode())).await.unwrap();
    }
    let flushes = "select count(*) from pg_stat_activity where datname = current_database()
        and wait_event_type = 'Lock' and query like '%for no key update%'";
    until("the first send waits in one transaction, and the others in the next", async || {
        sqlx::query_scalar::<_, i64>(flushes).fetch_one(&pool).await.unwrap() == 2
    })
    .await;
    proxy.stall();
    lock.rollback().await.unwrap();

    let refusals = async {
        let mut refused = Vec::new();
        while refused.len() < SENDS as usize {
            match hears(&mut socket).await.unwrap() {
                ServerFrame::Refusal { r#ref, refusal } => {
                    assert!(is_later(&refusal), "{refusal:?}");
                    refused.extend(r#ref);
                }
                reply @ ServerFrame::Reply { .. } => panic!("{reply:?}"),
                ServerFrame::Event { .. } => {}
            }
        }
        assert!(refused.into_iter().eq(1..=SENDS), "in the order of the questions");
    };
    tokio::time::timeout(SOON, refusals).await.expect("refused in time");
}

/// A batch fails because of locked rooms, and so does each of its sends when retried alone. The
/// retries stop when the timeout of a flush is over, and do not wait for a lock once for each send.
#[sqlx::test(migrations = "../migrations")]
async fn a_batch_that_is_stored_one_by_one_does_not_take_for_ever(pool: PgPool) {
    // So many that waiting for each would take longer than this test allows, even in several lanes.
    const ROOMS: i32 = 200;
    let database = (*pool.connect_options()).clone().options([("lock_timeout", "1s")]);
    let tuning = Tuning { database_timeout: Duration::from_secs(2), ..Cluster::tuning() };
    let node = Running::start_over(database, 1, tuning).await;
    let cluster =
        Cluster { pool: pool.clone(), nodes: vec![node, Running::start(&pool, 2, Cluster::tuning()).await] };
    let ana = cluster.person("ana", 2).await;
    let author = ana.with(|client| client.me().cloned().expect("greeted"));
    let rooms: Vec<Uuid> = sqlx::query_scalar(
        "with made as (
            insert into rooms (id, kind, title, rev_seq, member_count, created_by, nonce)
            select gen_random_uuid(), 'group', 'Room', 1, 0, $1, gen_random_uuid() from generate_series(1, $2)
            returning id
         )
         insert into lines (id, kind, head) select id, 'room', 1 from made returning id",
    )
    .bind(author.id.0)
    .bind(ROOMS)
    .fetch_all(&pool)
    .await
    .unwrap();

    let mut lock = pool.begin().await.unwrap();
    sqlx::query("select from lines where kind = 'room' for update").execute(&mut *lock).await.unwrap();
    let node = &cluster.node(1).node;
    let send = |room: &Uuid| {
        let nonce = Nonce(Uuid::new_v4());
        let new = NewMessage::plain(RoomId(*room), author.clone(), nonce, "hello".to_owned());
        node.writer.write(new).unwrap()
    };
    for written in rooms.iter().map(send).collect::<Vec<_>>() {
        assert!(is_later(&written.answer().await.unwrap_err()));
    }
    // A server that leaves waits for all work that is still running.
    let leaving = async {
        node.leave(Duration::from_millis(1), SOON).await;
        node.end().await;
    };
    tokio::time::timeout(SOON, leaving).await.expect("nothing is tried any more");
    lock.rollback().await.unwrap();
}

/// Every connection of a server is in the middle of a query when the network drops the answers.
/// Requests are told to retry, and once the network is back everything works, though none of the
/// old connections ever ends.
#[sqlx::test(migrations = "../migrations")]
async fn what_the_network_swallows_keeps_nobody_waiting_and_is_in_nobodys_way(pool: PgPool) {
    let proxy = Proxy::start(&std::env::var("DATABASE_URL").unwrap()).await;
    let tuning = Tuning {
        head_check: Duration::from_millis(300),
        linger: Duration::from_millis(50),
        database_timeout: Duration::from_millis(500),
        ..Tuning::default()
    };
    let node = Running::start_over(behind(&proxy, &pool), 1, tuning).await;
    // Hashing a password may take longer than this timeout, so people sign up on another node.
    let other = Running::start(&pool, 2, Cluster::tuning()).await;
    let cluster = Cluster { pool: pool.clone(), nodes: vec![node, other] };
    let node = cluster.node(1);
    let ana = cluster.person("ana", 2).await;
    let room = cluster.group("harbour", [&ana]).await;
    let bea = cluster.person("bea", 2).await;
    cluster.group("quay", [&bea]).await;
    for person in [&ana, &bea] {
        person.cut().await;
        person.goes_to(node).await;
    }
    bea.cut().await;
    until("nobody follows bea's room", async || {
        node.node.metrics_text().contains("\nroost_lines_followed 3\n")
    })
    .await;
    let mut greeting = node.socket(&bea.cookie, ORIGIN).await.unwrap();

    // Requests for rooms or sessions wait, among them the first follower of bea's room.
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("lock table rooms, sessions in access exclusive mode").execute(&mut *lock).await.unwrap();
    greeting.send(Message::text(r#"{"ref":1,"command":{"type":"hello","version":2}}"#)).await.unwrap();
    let asked = async { tokio::join!(node.get("/", &ana.cookie), node.socket(&ana.cookie, ORIGIN)) };
    let ((status, again, text), upgrade) = tokio::time::timeout(SOON, asked).await.expect("answered in time");
    assert_eq!((status, again.as_deref()), (StatusCode::SERVICE_UNAVAILABLE, Some("2")), "{text}");
    match upgrade {
        Err(tungstenite::Error::Http(answer)) => assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE),
        other => panic!("{other:?}"),
    }
    let catch_up = || Command::CatchUp { line: protocol::Line::Room(room), after: Seq(1) };
    until("every connection waits", async || {
        let refusal = ana.asks(catch_up()).await.unwrap_err();
        assert!(is_later(&refusal), "{refusal:?}");
        waiting(&pool).await == i64::from(CONNECTIONS)
    })
    .await;
    proxy.stall();
    lock.rollback().await.unwrap();
    until("every statement has ended", async || waiting(&pool).await == 0).await;

    let refusal = ana.asks(catch_up()).await.unwrap_err();
    assert!(is_later(&refusal), "{refusal:?}");
    let told = hears(&mut greeting).await;
    assert!(
        matches!(&told, Ok(ServerFrame::Refusal { r#ref: Some(1), refusal }) if is_later(refusal)),
        "{told:?}"
    );
    assert_eq!(hears(&mut greeting).await, Err(CloseCode::Resume as u16));
    let (status, _, text) = node.get("/health/ready", "").await;
    assert!(status == StatusCode::SERVICE_UNAVAILABLE && text.contains("\"postgres\":false"), "{text}");

    proxy.flow();
    until("ana is answered", async || ana.asks(catch_up()).await.is_ok()).await;
    // Whoever waited for the room first has given up, and blocks nobody.
    bea.goes_to(node).await;
    ana.says(room, "still here").await;
    assert_eq!(node.get("/health/ready", "").await.0, StatusCode::OK);
}
