//! Previews of links over several servers, with pages from a server on this machine.

use std::{
    collections::BTreeMap,
    io::Cursor,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use image::{ImageFormat, RgbImage};
use protocol::{
    Change, Command, ErrorCode, LinkPreview, Message, Nonce, Placement, Reply, RoomId, RoomKind, Seq,
};
use sqlx::PgPool;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::{
    cluster::{Cluster, Person, Running, SOON, said},
    tus::{Browser, header},
};

/// Pages on this machine, and how often each was asked for.
#[derive(Clone)]
struct Web {
    addr: SocketAddr,
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
    _server: Arc<AbortOnDropHandle<()>>,
}

type Asked = Arc<Mutex<BTreeMap<String, usize>>>;

impl Web {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, asked) = (listener.local_addr().unwrap(), Asked::default());
        let app = Router::new().fallback(answer).with_state(Arc::clone(&asked));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { addr, asked, _server: Arc::new(AbortOnDropHandle::new(server)) }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    fn asked(&self, path: &str) -> usize {
        self.asked.lock().unwrap().get(path).copied().unwrap_or_default()
    }

    /// Two servers that may fetch these pages.
    async fn cluster(&self, pool: PgPool) -> Cluster {
        let settings = ["--link-previews=true".to_owned(), format!("--outgoing-allow={}", self.addr)];
        start(pool, &settings).await
    }
}

async fn start(pool: PgPool, settings: &[String]) -> Cluster {
    let mut nodes = Vec::new();
    for number in 1..=2 {
        let database = (*pool.connect_options()).clone();
        nodes.push(Running::start_with(database, number, Cluster::tuning(), settings).await);
    }
    Cluster { pool, nodes }
}

async fn answer(State(asked): State<Asked>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    *asked.lock().unwrap().entry(path.clone()).or_default() += 1;
    let page = |body: &str| ([(CONTENT_TYPE, "text/html; charset=utf-8")], body.to_owned()).into_response();
    match path.as_str() {
        "/tides" => page(
            "<title>Tides</title><meta property=og:description content='High water\n at nine'>
             <meta property=og:site_name content=Harbour><meta property=og:image content=sail.png>",
        ),
        "/sail.png" => {
            let mut png = Cursor::new(Vec::new());
            RgbImage::from_pixel(1_440, 720, image::Rgb([200, 30, 30]))
                .write_to(&mut png, ImageFormat::Png)
                .unwrap();
            ([(CONTENT_TYPE, "image/png")], png.into_inner()).into_response()
        }
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            page("<title>Slow</title>")
        }
        "/untitled" => page("<p>nothing to say"),
        "/inside" => {
            page("<title>Inside</title><meta property=og:image content='http://127.0.0.1/secret.png'>")
        }
        "/broken" => StatusCode::NOT_FOUND.into_response(),
        path => page(&format!("<title>Page {path}</title>")),
    }
}

fn seen(person: &Person, room: RoomId, seq: Seq) -> Option<Message> {
    person.with(|client| client.room(room)?.message(seq).cloned())
}

fn titles(message: &Message) -> Vec<&str> {
    message.previews.iter().map(|preview| preview.title.as_str()).collect()
}

/// Waits until somebody sees these titles below a message.
async fn sees(person: &Person, room: RoomId, seq: Seq, expected: &[&str]) -> Message {
    let is_so = |client: &client::Client| {
        client
            .room(room)
            .and_then(|room| room.message(seq))
            .is_some_and(|message| titles(message) == expected)
    };
    person.until(&format!("{expected:?}"), is_so).await;
    seen(person, room, seq).unwrap()
}

/// Waits until no link is left to look up.
async fn looked_up(cluster: &Cluster) {
    let wait = async {
        loop {
            let open: i64 = sqlx::query_scalar("select count(*) from jobs where kind = 'preview'")
                .fetch_one(&cluster.pool)
                .await
                .unwrap();
            if open == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, wait).await.expect("the jobs are done");
}

/// A message of a room, as the database has it now.
async fn stored(person: &Person, room: RoomId, seq: Seq) -> Message {
    match person.asks(Command::Around { room, seq }).await {
        Ok(Reply::Around { messages, .. }) => {
            messages.into_iter().find(|message| message.seq == seq).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn edit(room: RoomId, seq: Seq, edits: u32, body: &str) -> Command {
    Command::Edit { room, seq, edits, body: body.to_owned() }
}

fn remove(room: RoomId, seq: Seq, url: &str) -> Command {
    Command::RemovePreviews { room, seq, urls: vec![url.to_owned()] }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_preview_comes_later_to_every_server_and_is_fetched_once(pool: PgPool) {
    let web = Web::start().await;
    let cluster = web.cluster(pool).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let cem = cluster.person("cem", 1).await;
    ana.opens(room).await;
    bea.opens(room).await;
    let link = web.url("/tides");
    let seq = said(&ana, room, &format!("See {link} and `{}`", web.url("/code"))).await;
    let message = sees(&bea, room, seq, &["Tides"]).await;
    sees(&ana, room, seq, &["Tides"]).await;
    let LinkPreview { url, title, text, site, picture } = message.previews[0].clone();
    assert_eq!((url, &*title, &*text, &*site), (link.clone(), "Tides", "High water at nine", "Harbour"));
    // It is no edit, and nothing new to read.
    assert_eq!((message.edits, message.seq), (0, seq));
    assert!(message.rev > message.seq);
    assert_eq!(bea.with(|client| client.room(room).unwrap().summary.unread), 1);

    // The picture is our own copy, for the members of the room.
    let picture = picture.expect("it has a picture");
    assert_eq!((picture.width, picture.height), (720, 360));
    for (person, node) in [(&ana, 2), (&bea, 1)] {
        let response = Browser::of(person, cluster.node(node)).get(&picture.address()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "content-type"), "image/webp");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert_eq!(header(&response, "vary"), "Cookie");
        let copy = image::load_from_memory(&response.bytes().await.unwrap()).unwrap();
        assert_eq!((copy.width(), copy.height()), (720, 360));
    }
    assert_eq!(Browser::of(&cem, cluster.node(1)).reads(&picture.address()).await, None);

    // Whoever links to it again, on whichever server, causes no request.
    let mut last = seq;
    for (n, person) in [&ana, &bea, &ana, &bea].into_iter().enumerate() {
        last = said(person, room, &format!("{n}: {link}#part-{n}")).await;
    }
    sees(&ana, room, last, &["Tides"]).await;
    looked_up(&cluster).await;
    assert_eq!((web.asked("/tides"), web.asked("/sail.png"), web.asked("/code")), (1, 1, 0));

    // A device that was away, and one that is new, see the same.
    let phone = bea.second_device();
    phone.goes_to(cluster.node(1)).await;
    phone.opens(room).await;
    assert_eq!(sees(&phone, room, seq, &["Tides"]).await.previews, message.previews);
    phone.cut().await;
    let away = said(&ana, room, &web.url("/away")).await;
    sees(&bea, room, away, &["Page /away"]).await;
    phone.goes_to(cluster.node(2)).await;
    sees(&phone, room, away, &["Page /away"]).await;

    // Deleting every message that shows it ends the right to see it.
    let all: Vec<i64> =
        sqlx::query_scalar("select seq from shown_pictures").fetch_all(&cluster.pool).await.unwrap();
    assert_eq!(all.len(), 5);
    for shown in all {
        let author = if seen(&ana, room, Seq(shown)).unwrap().author == ana.id() { &ana } else { &bea };
        author.asks(Command::Delete { room, seq: Seq(shown) }).await.unwrap();
    }
    assert_eq!(Browser::of(&ana, cluster.node(1)).reads(&picture.address()).await, None);
    assert!(stored(&bea, room, seq).await.previews.is_empty());
}

#[sqlx::test(migrations = "../migrations")]
async fn many_servers_and_people_wait_for_one_fetch(pool: PgPool) {
    let web = Web::start().await;
    let cluster = web.cluster(pool).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    bea.opens(room).await;
    let link = web.url("/slow");
    let mut all = Vec::new();
    for n in 0..6 {
        all.push(said(if n % 2 == 0 { &ana } else { &bea }, room, &link).await);
    }
    for seq in all {
        sees(&bea, room, seq, &["Slow"]).await;
    }
    assert_eq!(web.asked("/slow"), 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn the_first_three_links_count_and_edits_and_removals_are_kept(pool: PgPool) {
    let web = Web::start().await;
    let cluster = web.cluster(pool).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    ana.opens(room).await;
    bea.opens(room).await;
    let [a, b, c, d] = ["/a", "/b", "/c", "/d"].map(|path| web.url(path));
    let seq = said(&ana, room, &format!("{a} [again]({a}) {b} ||{}|| {c} {d}", web.url("/secret"))).await;
    sees(&bea, room, seq, &["Page /a", "Page /b", "Page /c"]).await;
    looked_up(&cluster).await;
    assert_eq!((web.asked("/d"), web.asked("/secret")), (0, 0));

    // Only its author removes one, or a moderator. It does not come back.
    assert_eq!(bea.asks(remove(room, seq, &b)).await.unwrap_err().code, ErrorCode::Forbidden);
    let removed = ana.asks(remove(room, seq, &b)).await.unwrap();
    let Reply::Changed { seq: rev, change: Change::Message { message }, .. } = removed else {
        panic!("{removed:?}")
    };
    assert_eq!((titles(&message), message.edits), (vec!["Page /a", "Page /c"], 0));
    sees(&bea, room, seq, &["Page /a", "Page /c"]).await;
    let again = ana.asks(remove(room, seq, &b)).await.unwrap();
    assert!(matches!(again, Reply::Changed { seq, .. } if seq == rev), "a repeat takes no number");
    let many = Command::RemovePreviews { room, seq, urls: vec![a.clone(); 4] };
    assert_eq!(ana.asks(many).await.unwrap_err().code, ErrorCode::MalformedCommand);

    // What is no longer in the text goes with the edit, what is new comes after it.
    let edited = ana.asks(edit(room, seq, 0, &format!("{b} {c} {d}"))).await.unwrap();
    let Reply::Changed { change: Change::Message { message }, .. } = edited else { panic!("{edited:?}") };
    assert_eq!(titles(&message), ["Page /c"]);
    let now = sees(&bea, room, seq, &["Page /c", "Page /d"]).await;
    assert_eq!(now.edits, 1);
    ana.asks(edit(room, seq, 1, "no links")).await.unwrap();
    sees(&bea, room, seq, &[]).await;

    ana.asks(Command::Delete { room, seq }).await.unwrap();
    assert_eq!(ana.asks(remove(room, seq, &c)).await.unwrap_err().code, ErrorCode::MessageDeleted);
    looked_up(&cluster).await;
    assert_eq!([&a, &b, &c, &d].map(|url| web.asked(&url[url.len() - 2..])), [1; 4]);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_job_that_runs_again_changes_nothing_and_failures_are_remembered(pool: PgPool) {
    let web = Web::start().await;
    let cluster = web.cluster(pool).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    bea.opens(room).await;
    let seq = said(&ana, room, &web.url("/tides")).await;
    let before = sees(&bea, room, seq, &["Tides"]).await;
    looked_up(&cluster).await;
    sqlx::query("insert into jobs (kind, key, user_id, due_at) values ('preview', $1, $2, now())")
        .bind(format!("{}/{room}/{seq}", ana.id()))
        .bind(ana.id().0)
        .execute(&cluster.pool)
        .await
        .unwrap();
    looked_up(&cluster).await;
    assert_eq!(stored(&bea, room, seq).await.rev, before.rev);

    for path in ["/broken", "/untitled"] {
        for _ in 0..2 {
            let seq = said(&ana, room, &web.url(path)).await;
            looked_up(&cluster).await;
            let now = stored(&bea, room, seq).await;
            assert_eq!((now.previews, now.rev), (Vec::new(), seq));
        }
        assert_eq!(web.asked(path), 1, "{path}");
    }
    // A picture inside of our network is left out, and the rest shown.
    let seq = said(&ana, room, &web.url("/inside")).await;
    assert_eq!(sees(&bea, room, seq, &["Inside"]).await.previews[0].picture, None);
    let dead: i64 = sqlx::query_scalar("select count(*) from jobs").fetch_one(&cluster.pool).await.unwrap();
    assert_eq!(dead, 0);
}

#[sqlx::test(migrations = "../migrations")]
async fn nothing_is_fetched_where_it_is_off_or_not_public(pool: PgPool) {
    let web = Web::start().await;
    let cluster = Cluster::start(pool.clone(), 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let link = web.url("/tides");
    let seq = said(&ana, room, &link).await;
    ana.asks(edit(room, seq, 0, &format!("{link} "))).await.unwrap();
    let planned: i64 = sqlx::query_scalar("select count(*) from jobs").fetch_one(&pool).await.unwrap();
    assert_eq!(planned, 0, "off: nothing is even planned");

    // Two more servers of the same workspace, where it is on, but this machine is none of the internet.
    let open = start(pool, &["--link-previews=true".to_owned()]).await;
    let node = open.node(1);
    bea.goes_to(node).await;
    let seq = said(&bea, room, &format!("{link} http://localhost/ http://[::ffff:127.0.0.1]/")).await;
    looked_up(&open).await;
    assert!(stored(&ana, room, seq).await.previews.is_empty());
    assert_eq!(web.asked("/tides"), 0);
    let refused = "roost_link_pages_total{result=\"refused\"} 3\n";
    let metrics: Vec<String> = open.nodes.iter().map(|running| running.node.metrics_text()).collect();
    assert!(metrics.iter().any(|text| text.contains(refused)), "{metrics:?}");
}

#[sqlx::test(migrations = "../migrations")]
async fn scheduled_and_forwarded_messages_have_previews_too(pool: PgPool) {
    let web = Web::start().await;
    let cluster = web.cluster(pool).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    bea.opens(room).await;
    let now: i64 = sqlx::query_scalar("select (extract(epoch from now()) * 1000)::bigint")
        .fetch_one(&cluster.pool)
        .await
        .unwrap();
    let (nonce, body, at) = (Nonce(Uuid::new_v4()), web.url("/tides"), now + 300);
    ana.asks(Command::Schedule { room, nonce, body, at }).await.unwrap();
    let sent = async {
        loop {
            let seq: Option<i64> = sqlx::query_scalar("select seq from messages where nonce = $1")
                .bind(nonce.0)
                .fetch_optional(&cluster.pool)
                .await
                .unwrap();
            if let Some(seq) = seq {
                return Seq(seq);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let seq = tokio::time::timeout(SOON, sent).await.expect("it is sent");
    let original = sees(&bea, room, seq, &["Tides"]).await;

    let other = bea.makes(RoomKind::Group, "other").await;
    bea.opens(other).await;
    let forward = Placement::forwarding(room, seq).send(other, Nonce(Uuid::new_v4()), "look");
    let copy = bea.sends(forward).await.unwrap();
    let copied = sees(&bea, other, copy.seq, &["Tides"]).await;
    assert_eq!(copied.previews, original.previews);
    // Its picture has readers of its own.
    ana.asks(Command::Delete { room, seq }).await.unwrap();
    let picture = copied.previews[0].picture.unwrap().address();
    assert!(Browser::of(&bea, cluster.node(1)).reads(&picture).await.is_some());
    assert_eq!(Browser::of(&ana, cluster.node(1)).reads(&picture).await, None);
    assert_eq!(web.asked("/tides"), 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn pages_are_forgotten_and_pictures_go_with_their_last_message(pool: PgPool) {
    let web = Web::start().await;
    let cluster = web.cluster(pool).await;
    let (ana, _, room) = cluster.ana_and_bea().await;
    ana.opens(room).await;
    let seq = said(&ana, room, &web.url("/tides")).await;
    sees(&ana, room, seq, &["Tides"]).await;
    let old = "update pages set expires_at = now() - interval '2 days'";
    let aged = "update page_pictures set created_at = now() - interval '2 hours'";
    for query in [old, aged] {
        sqlx::query(query).execute(&cluster.pool).await.unwrap();
    }
    let count = async |of: &str| -> i64 {
        let query = sqlx::AssertSqlSafe(format!("select count(*) from {of}"));
        sqlx::query_scalar(query).fetch_one(&cluster.pool).await.unwrap()
    };
    let until = async |of: &str, expected: i64| {
        let wait = async {
            while count(of).await != expected {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, wait).await.unwrap_or_else(|_| panic!("{of} never {expected}"));
    };
    until("pages", 0).await;
    // The message still shows it; a link to the page has it fetched again.
    assert_eq!(count("page_pictures").await, 1);
    let again = said(&ana, room, &web.url("/tides")).await;
    sees(&ana, room, again, &["Tides"]).await;
    assert_eq!((web.asked("/tides"), count("page_pictures").await), (2, 2));
    sqlx::query(aged).execute(&cluster.pool).await.unwrap();
    ana.asks(Command::Delete { room, seq }).await.unwrap();
    until("page_pictures", 1).await;
    until("doomed_objects", 1).await;
}
