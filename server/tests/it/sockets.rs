//! Invalid input on sockets: each error has its code, and a connection that sends nothing else is
//! closed.

use futures::{SinkExt, StreamExt};
use protocol::{CloseCode, Command, ErrorCode, Refusal, Reply, ServerFrame, limits};
use sqlx::PgPool;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::cluster::{Cluster, ORIGIN, SOON, Socket};

/// The next message from the server: a frame, or the code with which it closes.
pub async fn hears(socket: &mut Socket) -> Result<ServerFrame, u16> {
    let next = tokio::time::timeout(SOON, socket.next()).await.expect("in time");
    match next {
        Some(Ok(Message::Text(text))) => Ok(ServerFrame::decode(&text).unwrap()),
        Some(Ok(Message::Close(Some(close)))) => Err(u16::from(close.code)),
        other => panic!("{other:?} is neither a frame nor a close"),
    }
}

async fn is_refused(socket: &mut Socket, message: Message) -> (Option<u32>, Refusal) {
    socket.send(message).await.unwrap();
    match hears(socket).await {
        Ok(ServerFrame::Refusal { r#ref, refusal }) => (r#ref, refusal),
        other => panic!("{other:?} is no refusal"),
    }
}

pub async fn greeted(cluster: &Cluster, cookie: &str) -> Socket {
    let mut socket = cluster.node(1).socket(cookie, ORIGIN).await.unwrap();
    socket.send(Message::text(r#"{"ref":1,"command":{"type":"hello","version":2}}"#)).await.unwrap();
    let welcome = hears(&mut socket).await;
    assert!(
        matches!(welcome, Ok(ServerFrame::Reply { r#ref: 1, reply: Reply::Welcome { .. } })),
        "{welcome:?}"
    );
    socket
}

#[sqlx::test(migrations = "../migrations")]
async fn each_fault_has_its_own_number_and_the_connection_goes_on(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let cookie = cluster.node(1).sign_up("ana").await;
    let long = "鸟".repeat(limits::BODY_CHARS_MAX + 1);
    let room = r#""room":"0192f0c1-0000-7000-8000-0000000000d1""#;
    let nonce = r#""nonce":"3d0f2c52-0000-4000-8000-000000000006""#;
    let send = |body: &str| {
        let body = serde_json::to_string(body).unwrap();
        format!(r#"{{"ref":5,"command":{{"type":"send",{room},{nonce},"body":{body}}}}}"#)
    };
    let large = format!(r#"{{"ref":5,"command":{{"type":"ping"}}}}{}"#, " ".repeat(limits::FRAME_BYTES_MAX));
    for (text, r#ref, code) in [
        ("nonsense".to_owned(), None, ErrorCode::MalformedFrame),
        (r#"{"ref":5,"command":{"type":"fly"}}"#.to_owned(), Some(5), ErrorCode::UnknownCommand),
        (r#"{"ref":5,"command":{"type":"open"}}"#.to_owned(), Some(5), ErrorCode::MalformedCommand),
        (large, None, ErrorCode::FrameTooLarge),
        (send("  \n "), Some(5), ErrorCode::TextEmpty),
        (send(&long), Some(5), ErrorCode::TextTooLong),
        // Pasted text is cleaned, until nothing is left.
        (send("\u{0}\u{1b}"), Some(5), ErrorCode::TextEmpty),
        (send("hello"), Some(5), ErrorCode::RoomUnknown),
    ] {
        let mut socket = greeted(&cluster, &cookie).await;
        let (found, refusal) = is_refused(&mut socket, Message::text(text)).await;
        assert_eq!((found, refusal.code), (r#ref, code));
        if code == ErrorCode::TextTooLong {
            assert_eq!(refusal.max, Some(4_000));
        }
        socket.send(Message::text(r#"{"ref":9,"command":{"type":"ping"}}"#)).await.unwrap();
        assert_eq!(hears(&mut socket).await, Ok(ServerFrame::Reply { r#ref: 9, reply: Reply::Pong {} }));
        socket.close(None).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    }
    let mut socket = greeted(&cluster, &cookie).await;
    let (_, refusal) = is_refused(&mut socket, Message::binary(vec![1, 2, 3])).await;
    assert_eq!(refusal.code, ErrorCode::NotUtf8);
}

#[sqlx::test(migrations = "../migrations")]
async fn text_that_is_not_utf8_and_frames_that_are_far_too_large_end_the_connection_with_words(pool: PgPool) {
    use tungstenite::protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    };
    let cluster = Cluster::start(pool, 1).await;
    let cookie = cluster.node(1).sign_up("ana").await;
    let mut socket = greeted(&cluster, &cookie).await;
    let broken = Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    let (_, refusal) = is_refused(&mut socket, Message::Frame(broken)).await;
    assert_eq!(refusal.code, ErrorCode::NotUtf8);
    let mut socket = greeted(&cluster, &cookie).await;
    let (_, refusal) = is_refused(&mut socket, Message::text("x".repeat(300_000))).await;
    assert_eq!((refusal.code, refusal.max), (ErrorCode::FrameTooLarge, Some(65_536)));
}

#[sqlx::test(migrations = "../migrations")]
async fn who_keeps_sending_garbage_is_shown_the_door(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let cookie = cluster.node(1).sign_up("ana").await;
    let mut socket = greeted(&cluster, &cookie).await;
    for _ in 0..10 {
        is_refused(&mut socket, Message::text("{")).await;
    }
    let last = hears(&mut socket).await;
    assert!(
        matches!(&last, Ok(ServerFrame::Refusal { refusal, .. }) if refusal.code == ErrorCode::TooMuchGarbage),
        "{last:?}"
    );
    assert_eq!(hears(&mut socket).await, Err(CloseCode::TooMuchGarbage as u16));
}

#[sqlx::test(migrations = "../migrations")]
async fn the_first_word_is_hello_in_the_right_version(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let cookie = cluster.node(1).sign_up("ana").await;
    let mut socket = cluster.node(1).socket(&cookie, ORIGIN).await.unwrap();
    let (r#ref, refusal) =
        is_refused(&mut socket, Message::text(r#"{"ref":3,"command":{"type":"ping"}}"#)).await;
    assert_eq!((r#ref, refusal.code), (Some(3), ErrorCode::HelloMissing));
    let hello = r#"{"ref":4,"command":{"type":"hello","version":999}}"#;
    let (r#ref, refusal) = is_refused(&mut socket, Message::text(hello)).await;
    assert_eq!((r#ref, refusal.code), (Some(4), ErrorCode::VersionUnsupported));
    assert_eq!(hears(&mut socket).await, Err(CloseCode::VersionUnsupported as u16));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_foreign_page_is_turned_away_before_the_socket_opens(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let cookie = cluster.node(1).sign_up("ana").await;
    for origin in ["http://evil.example", "http://localhost:3001", "https://localhost:3000", "null", ""] {
        let Err(tungstenite::Error::Http(response)) = cluster.node(1).socket(&cookie, origin).await else {
            panic!("{origin} got in");
        };
        assert_eq!(response.status(), 403, "{origin}");
        let body = String::from_utf8(response.into_body().unwrap()).unwrap();
        assert!(body.contains(r#""code":1007"#), "{body}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn without_a_session_one_is_told_so_and_the_socket_closes(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    for cookie in ["", "roost=nonsense", "roost=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let mut socket = cluster.node(1).socket(cookie, ORIGIN).await.unwrap();
        let first = hears(&mut socket).await;
        assert!(
            matches!(&first, Ok(ServerFrame::Refusal { r#ref: None, refusal }) if refusal.code == ErrorCode::NotSignedIn),
            "{first:?}"
        );
        assert_eq!(hears(&mut socket).await, Err(CloseCode::SessionEnded as u16));
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn one_person_has_only_so_many_sockets(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let cookie = cluster.node(1).sign_up("ana").await;
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(greeted(&cluster, &cookie).await);
    }
    let mut socket = cluster.node(1).socket(&cookie, ORIGIN).await.unwrap();
    let first = hears(&mut socket).await;
    assert!(
        matches!(&first, Ok(ServerFrame::Refusal { refusal, .. }) if refusal.code == ErrorCode::TooManyConnections),
        "{first:?}"
    );
    assert_eq!(hears(&mut socket).await, Err(CloseCode::TooManyConnections as u16));
}

/// Signing out closes the sockets of that session, on every server, and no others.
#[sqlx::test(migrations = "../migrations")]
async fn a_session_that_ends_closes_its_sockets_everywhere(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let ana = cluster.person("ana", 1).await;
    let tab = ana.second_device();
    tab.goes_to(cluster.node(2)).await;
    let bea = cluster.person("bea", 2).await;
    let again = cluster
        .node(1)
        .post("/sign-in", "", "handle=ana&password=correct+horse+battery".to_owned())
        .await
        .expect("a second session");
    let mut other_session = greeted(&cluster, &again).await;

    cluster.node(1).post("/sign-out", &ana.cookie, String::new()).await;
    for device in [&ana, &tab] {
        device.until("sent away", |client| matches!(client.link(), client::Link::Away { .. })).await;
        assert_eq!(device.closes(), [CloseCode::SessionEnded as u16]);
    }
    answers(&mut other_session).await;
    assert_eq!(bea.asks(Command::Ping {}).await, Ok(Reply::Pong {}));
}

/// A node that checks its sessions so rarely, even after its broker link comes up, that only a
/// broadcast can be the reason.
fn seldom() -> server::node::Tuning {
    let long = std::time::Duration::from_secs(3_600);
    server::node::Tuning { session_check: long, head_check_down: long, ..Cluster::tuning() }
}

async fn is_sent_away(device: &crate::cluster::Person) {
    device.until("sent away", |client| matches!(client.link(), client::Link::Away { .. })).await;
    assert_eq!(device.closes(), [CloseCode::SessionEnded as u16]);
}

async fn answers(socket: &mut Socket) {
    socket.send(Message::text(r#"{"ref":2,"command":{"type":"ping"}}"#)).await.unwrap();
    loop {
        match hears(socket).await {
            // The end of sessions is an event on the person's line.
            Ok(ServerFrame::Event { .. }) => {}
            answer => return assert_eq!(answer, Ok(ServerFrame::Reply { r#ref: 2, reply: Reply::Pong {} })),
        }
    }
}

/// A new password closes every socket of the person on every server: those of other sessions for
/// good, and those of the current session so that its browser reconnects with the new cookie. A
/// copy of the old cookie no longer works.
#[sqlx::test(migrations = "../migrations")]
async fn after_a_new_password_only_the_browser_that_asked_comes_back(pool: PgPool) {
    let cluster = Cluster::start_tuned(pool, 2, seldom()).await;
    let ana = cluster.person("ana", 1).await;
    let tab = ana.second_device();
    tab.goes_to(cluster.node(2)).await;
    let bea = cluster.person("bea", 2).await;
    let sign_in = "handle=ana&password=correct+horse+battery".to_owned();
    let phone = cluster.node(2).post("/sign-in", "", sign_in).await.expect("a second session");
    let mut here = greeted(&cluster, &phone).await;
    let mut there = cluster.node(2).socket(&phone, ORIGIN).await.unwrap();
    there.send(Message::text(r#"{"ref":1,"command":{"type":"hello","version":2}}"#)).await.unwrap();
    hears(&mut there).await.unwrap();

    let body = "current=correct+horse+battery&password=battery+staple+horse".to_owned();
    let renewed = cluster.node(1).post("/settings/password", &phone, body).await.expect("another token");
    for device in [&ana, &tab] {
        is_sent_away(device).await;
    }
    assert_ne!(renewed, phone);
    for socket in [&mut here, &mut there] {
        comes_back_later(socket).await;
    }
    is_not_let_in(&cluster, &phone).await;
    greeted(&cluster, &renewed).await;
    assert_eq!(bea.asks(Command::Ping {}).await, Ok(Reply::Pong {}));
}

/// Activity on a socket extends the session, as page requests do. A socket that is merely open does
/// not.
#[sqlx::test(migrations = "../migrations")]
async fn who_does_something_is_not_signed_out_in_the_middle_of_it(pool: PgPool) {
    let tuning = server::node::Tuning { keep_alive: std::time::Duration::ZERO, ..Cluster::tuning() };
    let cluster = Cluster::start_tuned(pool, 1, tuning).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let near_the_end =
        "update sessions set seen_at = now() - interval '1 hour', expires_at = now() + interval '1 hour'";
    sqlx::query(near_the_end).execute(&cluster.pool).await.unwrap();
    // Bea's browser only acts by itself: it pings, catches up, and confirms ana's message.
    for command in
        [Command::Ping {}, Command::CatchUp { line: protocol::Line::Room(room), after: protocol::Seq::ZERO }]
    {
        bea.asks(command).await.unwrap();
    }
    ana.says(room, "I am still writing.").await;
    let heard = |client: &client::Client| client.room(room).is_some_and(|room| room.summary.unread == 1);
    bea.until("it has arrived", heard).await;
    let renewed = async || -> Vec<String> {
        sqlx::query_scalar(
            "select handle from sessions s join users u on u.id = s.user_id
             where expires_at > now() + interval '29 days'",
        )
        .fetch_all(&cluster.pool)
        .await
        .unwrap()
    };
    crate::late::until("ana's session lives on", async || !renewed().await.is_empty()).await;
    let end = "update sessions set expires_at = now() where expires_at < now() + interval '1 day'";
    sqlx::query(end).execute(&cluster.pool).await.unwrap();
    is_sent_away(&bea).await;
    ana.says(room, "And now I am done.").await;
    assert_eq!(renewed().await, ["ana"]);
    assert_eq!(ana.closes(), Vec::<u16>::new());
}

/// Ending all other sessions also closes a socket that was opened with a copied cookie.
#[sqlx::test(migrations = "../migrations")]
async fn ending_all_others_ends_who_has_copied_the_cookie(pool: PgPool) {
    let cluster = Cluster::start_tuned(pool, 2, seldom()).await;
    let ana = cluster.node(1).sign_up("ana").await;
    let mut thief = greeted(&cluster, &ana).await;
    let renewed = cluster.node(2).post("/settings/sessions/end-others", &ana, String::new()).await;
    comes_back_later(&mut thief).await;
    is_not_let_in(&cluster, &ana).await;
    greeted(&cluster, &renewed.expect("another token")).await;
}

/// The socket closes and says when to reconnect.
async fn comes_back_later(socket: &mut Socket) {
    let next = tokio::time::timeout(SOON, socket.next()).await.expect("in time");
    match next {
        Some(Ok(Message::Close(Some(close)))) => {
            assert_eq!(u16::from(close.code), CloseCode::Leaving as u16);
            assert!((1_000..=5_000).contains(&close.reason.parse::<u32>().unwrap()), "{close:?}");
        }
        other => panic!("{other:?} is no close"),
    }
}

async fn is_not_let_in(cluster: &Cluster, cookie: &str) {
    let mut socket = cluster.node(2).socket(cookie, ORIGIN).await.unwrap();
    let told = hears(&mut socket).await;
    assert!(
        matches!(&told, Ok(ServerFrame::Refusal { refusal, .. }) if refusal.code == ErrorCode::NotSignedIn),
        "{told:?}"
    );
    assert_eq!(hears(&mut socket).await, Err(CloseCode::SessionEnded as u16));
}

/// Suspending someone closes all their sockets, on every server, and nobody else's.
#[sqlx::test(migrations = "../migrations")]
async fn suspending_someone_closes_their_sockets_everywhere(pool: PgPool) {
    let cluster = Cluster::start_tuned(pool, 2, seldom()).await;
    let ana = cluster.person("ana", 1).await;
    let bea = cluster.person("bea", 1).await;
    let tab = bea.second_device();
    tab.goes_to(cluster.node(2)).await;
    let sign_in = || "handle=bea&password=correct+horse+battery".to_owned();
    let phone = cluster.node(1).post("/sign-in", "", sign_in()).await.expect("a second session");
    let mut phone = greeted(&cluster, &phone).await;
    let room = cluster.group("crew", [&ana, &bea]).await;
    bea.says(room, "I was here.").await;

    let path = |what: &str| format!("/admin/people/{}/{what}", bea.id());
    cluster.node(2).post(&path("suspend"), &ana.cookie, String::new()).await;
    for device in [&bea, &tab] {
        is_sent_away(device).await;
    }
    let closed = async {
        loop {
            if let Err(code) = hears(&mut phone).await {
                return code;
            }
        }
    };
    assert_eq!(closed.await, CloseCode::SessionEnded as u16);
    let mut socket = cluster.node(2).socket(&bea.cookie, ORIGIN).await.unwrap();
    assert!(matches!(hears(&mut socket).await, Ok(ServerFrame::Refusal { .. })));
    assert_eq!(hears(&mut socket).await, Err(CloseCode::SessionEnded as u16));

    // Their messages stay, and they stay a member of the room.
    ana.opens(room).await;
    ana.sees(room, ["I was here."]).await;
    cluster.node(1).post(&path("let-in"), &ana.cookie, String::new()).await;
    let again = cluster.node(2).post("/sign-in", "", sign_in()).await.expect("a session again");
    let mut socket = cluster.node(1).socket(&again, ORIGIN).await.unwrap();
    socket.send(Message::text(r#"{"ref":1,"command":{"type":"hello","version":2}}"#)).await.unwrap();
    match hears(&mut socket).await {
        Ok(ServerFrame::Reply { reply: Reply::Welcome { rooms, .. }, .. }) => {
            assert_eq!(rooms.iter().map(|summary| summary.room.id).collect::<Vec<_>>(), [room]);
        }
        other => panic!("{other:?} is no welcome"),
    }
}

/// If the broadcast of a suspension is lost, the session check finds it, even if a session is left
/// over.
#[sqlx::test(migrations = "../migrations")]
async fn a_suspension_that_was_not_heard_is_found(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let ana = cluster.person("ana", 1).await;
    let bea = cluster.person("bea", 2).await;
    sqlx::query("update users set suspended_at = now() where handle = 'bea'")
        .execute(&cluster.pool)
        .await
        .unwrap();
    is_sent_away(&bea).await;
    assert_eq!(ana.asks(Command::Ping {}).await, Ok(Reply::Pong {}));
}

/// If the broadcast is lost, the session check finds it.
#[sqlx::test(migrations = "../migrations")]
async fn a_session_that_ended_unheard_is_found(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    sqlx::query("delete from sessions").execute(&cluster.pool).await.unwrap();
    ana.until("sent away", |client| matches!(client.link(), client::Link::Away { .. })).await;
    assert_eq!(ana.closes(), [CloseCode::SessionEnded as u16]);
}

/// A browser that reloads while being greeted leaves no line followed forever.
#[sqlx::test(migrations = "../migrations")]
async fn what_a_connection_that_is_gone_asked_to_follow_is_left_again(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let room = cluster.group("crew", [&ana]).await;
    let node = std::sync::Arc::clone(&cluster.node(1).node);
    let followed = |text: &str| node.metrics_text().contains(&format!("roost_lines_followed {text}\n"));
    let until = async |count: &str| {
        let so = async {
            while !followed(count) {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        assert!(tokio::time::timeout(SOON, so).await.is_ok(), "{}", node.metrics_text());
    };
    // Her own line, her room's, and the workspace's.
    until("3").await;
    ana.cut().await;
    let owner = server::hub::Owner { user: ana.id(), session: protocol::SessionId(uuid::Uuid::new_v4()) };
    let (gone, _) = node.connect(owner);
    node.disconnect(gone);
    node.follow(gone, &[server::broker::Line::Room(room)].into()).await.unwrap();
    until("1").await;
}

/// Events that occur while a connection is greeted are sent after the greeting, which may not
/// include them.
#[sqlx::test(migrations = "../migrations")]
async fn nothing_is_told_before_welcome(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let me = ana.id();
    ana.cut().await;
    let node = std::sync::Arc::clone(&cluster.node(1).node);
    let room = protocol::RoomId(uuid::Uuid::new_v4());
    let marks = protocol::Marks { user: me, delivered: protocol::Seq(1), read: protocol::Seq(1) };
    let event = protocol::Event::Marks { room, marks };
    let _news = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            node.publish_passing(server::broker::Line::Person(me), event.clone());
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }));
    let hello = format!(r#"{{"ref":1,"command":{{"type":"hello","version":{}}}}}"#, protocol::VERSION);
    let mut told = 0;
    for _ in 0..20 {
        let mut socket = cluster.node(1).socket(&ana.cookie, ORIGIN).await.unwrap();
        socket.send(Message::text(hello.clone())).await.unwrap();
        let first = hears(&mut socket).await;
        assert!(
            matches!(first, Ok(ServerFrame::Reply { r#ref: 1, reply: Reply::Welcome { .. } })),
            "{first:?}"
        );
        told += u32::from(matches!(hears(&mut socket).await, Ok(ServerFrame::Event { .. })));
        socket.close(None).await.unwrap();
    }
    assert_eq!(told, 20, "and then all of it is");
}
