//! The life of files: uploaded, sent, read by those who may, and collected; in a folder and in S3.

use std::time::Duration;

use protocol::{Command, File, FileId, Placement, RoomKind};
use reqwest::{Method, StatusCode};
use sqlx::PgPool;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::{
    cluster::{Cluster, Running, SOON},
    site::Folder,
    tus::{Browser, file_of, header, noise, sends, with_files},
};

async fn count(pool: &PgPool, of: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {of}")))
        .fetch_one(pool)
        .await
        .unwrap()
}

/// Waits for what another task of the server does.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// From the first byte, on one server, over the rest, on another, to the readers, and those who may not.
async fn whole_life(cluster: &Cluster) {
    let (ana, bea, crew) = cluster.ana_and_bea().await;
    let cem = cluster.person("cem", 1).await;
    let (one, two) = (Browser::of(&ana, cluster.node(1)), Browser::of(&ana, cluster.node(2)));
    let (bea_at, cem_at) = (Browser::of(&bea, cluster.node(1)), Browser::of(&cem, cluster.node(1)));
    let bytes = noise(9_000_000);

    let path = one.begins("../tides/June\u{202e}fdp.bin", bytes.len()).await;
    let begun = one.patch(&path, 0, &bytes[..5_000_000]).send().await.unwrap();
    assert_eq!((begun.status(), header(&begun, "upload-offset")), (StatusCode::NO_CONTENT, "5000000"));
    assert_eq!(file_of(&begun), None);
    let asked = two.head(&path).await;
    assert_eq!((header(&asked, "upload-offset"), header(&asked, "upload-length")), ("5000000", "9000000"));
    assert_eq!(header(&asked, "cache-control"), "no-store");
    let done = two.patch(&path, 5_000_000, &bytes[5_000_000..]).send().await.unwrap();
    let file = file_of(&done).unwrap();
    assert_eq!((file.name.as_str(), file.size), ("Junefdp.bin", 9_000_000));
    assert_eq!(format!("/uploads/{}", file.id), path);
    let asked = one.head(&path).await;
    assert_eq!((asked.status(), header(&asked, "upload-offset")), (StatusCode::OK, "9000000"));
    assert_eq!(file_of(&asked), Some(file.clone()));

    // Nobody reads it before it is sent, not even she. Somebody else cannot send it, nor ask for it.
    let address = file.address(None);
    for browser in [&one, &bea_at, &cem_at] {
        assert_eq!(browser.reads(&address).await, None);
    }
    assert!(bea.sends(with_files(crew, &[&file])).await.is_err());
    assert_eq!(bea_at.head(&path).await.status(), StatusCode::NOT_FOUND);
    let message = sends(&ana, crew, &[&file]).await;
    assert_eq!(message.files, std::slice::from_ref(&file));
    for browser in [&one, &two, &bea_at] {
        assert!(browser.reads(&address).await.is_some_and(|read| read == bytes));
    }
    assert_eq!(cem_at.reads(&address).await, None);
    let nobody = bea_at.get(&format!("/files/{}", Uuid::new_v4())).await;
    assert_eq!(nobody.status(), StatusCode::NOT_FOUND);
    assert_eq!(header(&nobody, "cache-control"), "no-store");

    let whole = bea_at.get(&address).await;
    assert_eq!(header(&whole, "content-length"), "9000000");
    assert_eq!(header(&whole, "content-type"), "application/octet-stream");
    assert!(header(&whole, "content-disposition").starts_with("attachment; filename=\"Junefdp.bin\""));
    assert!(header(&whole, "content-security-policy").starts_with("sandbox; default-src 'none'"));
    assert_eq!(header(&whole, "x-content-type-options"), "nosniff");
    assert_eq!(header(&whole, "cross-origin-resource-policy"), "same-origin");
    assert_eq!(header(&whole, "cache-control"), "private, max-age=3600, immutable");
    assert_eq!(header(&whole, "vary"), "Cookie");
    let etag = header(&whole, "etag").to_owned();
    let with = async |name: &str, value: &str| {
        bea_at.ask(Method::GET, &address).header(name, value).send().await.unwrap()
    };
    let part = with("range", "bytes=4000000-4999999").await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(&part, "content-range"), "bytes 4000000-4999999/9000000");
    assert_eq!(part.bytes().await.unwrap(), bytes[4_000_000..5_000_000]);
    let end = with("range", "bytes=-10").await;
    assert_eq!(end.bytes().await.unwrap(), bytes[bytes.len() - 10..]);
    let after = with("range", "bytes=9000000-").await;
    assert_eq!((after.status().as_u16(), header(&after, "content-range")), (416, "bytes */9000000"));
    let several = with("range", "bytes=0-1,5-6").await;
    assert_eq!((several.status(), header(&several, "content-length")), (StatusCode::OK, "9000000"));
    let known = with("if-none-match", &etag).await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(known.bytes().await.unwrap(), "");
    let head = bea_at.ask(Method::HEAD, &address).send().await.unwrap();
    assert_eq!((head.status(), header(&head, "content-length")), (StatusCode::OK, "9000000"));

    // Who is removed reads no more; who is in a room to which it was forwarded does. It is stored once.
    let other = bea.makes(RoomKind::Group, "other").await;
    bea.asks(Command::Invite { room: other, users: vec![cem.id()] }).await.unwrap();
    let forward = Placement::forwarding(crew, message.seq).send(other, protocol::Nonce(Uuid::new_v4()), "");
    bea.sends(forward).await.unwrap();
    assert!(cem_at.reads(&address).await.is_some_and(|read| read == bytes));
    ana.asks(Command::Remove { room: crew, user: bea.id(), ban: false }).await.unwrap();
    ana.asks(Command::Delete { room: crew, seq: message.seq }).await.unwrap();
    assert_eq!(one.reads(&address).await, None, "the message is deleted, and she is not in the other room");
    assert!(bea_at.reads(&address).await.is_some());
    assert_eq!(count(&cluster.pool, "blobs").await, 1);
    assert_eq!((count(&cluster.pool, "uploads").await, count(&cluster.pool, "upload_parts").await), (0, 0));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_file_lives_on_several_servers(pool: PgPool) {
    whole_life(&Cluster::start(pool, 2).await).await;
}

/// An S3 server in this process, with one bucket.
async fn s3() -> (Vec<String>, Folder, AbortOnDropHandle<()>) {
    let folder = Folder::new();
    std::fs::create_dir(folder.0.join("roost")).unwrap();
    let mut service = s3s::service::S3ServiceBuilder::new(s3s_fs::FileSystem::new(&folder.0).unwrap());
    service.set_auth(s3s::auth::SimpleAuth::from_single("me", "hush"));
    let service = service.build();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let serve = async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(hyper_util::rt::TokioIo::new(stream), service.clone());
            tokio::spawn(async move { drop(served.await) });
        }
    };
    let settings = [
        "--files=s3://roost/some/prefix".to_owned(),
        format!("--s3-endpoint=http://{addr}"),
        "--s3-access-key=me".to_owned(),
        "--s3-secret-key=hush".to_owned(),
    ];
    (settings.to_vec(), folder, AbortOnDropHandle::new(tokio::spawn(serve)))
}

#[sqlx::test(migrations = "../migrations")]
async fn a_file_lives_in_s3(pool: PgPool) {
    let (settings, folder, _server) = s3().await;
    let mut nodes = Vec::new();
    for number in 1..=2 {
        let database = (*pool.connect_options()).clone();
        nodes.push(Running::start_with(database, number, Cluster::tuning(), &settings).await);
    }
    let cluster = Cluster { pool, nodes };
    whole_life(&cluster).await;
    assert!(folder.0.join("roost/some/prefix").exists());
    let object: Uuid = sqlx::query_scalar("select object from blobs").fetch_one(&cluster.pool).await.unwrap();
    let path = folder.0.join(format!("roost/some/prefix/{}/{object}", &object.to_string()[..2]));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 9_000_000);
    collects_all(&cluster).await;
    assert!(!path.exists());
}

/// Deletes every message, and waits until nothing is left of their files.
async fn collects_all(cluster: &Cluster) {
    let pool = &cluster.pool;
    sqlx::query("update messages set deleted_at = now() where deleted_at is null")
        .execute(pool)
        .await
        .unwrap();
    sqlx::query("update files set created_at = now() - interval '25 hours'").execute(pool).await.unwrap();
    until("the files are gone", async || count(pool, "files").await == 0).await;
    assert_eq!(count(pool, "blobs").await, 0);
    assert!(count(pool, "doomed_objects").await > 0, "readers may still be reading");
    sqlx::query("update doomed_objects set after = now()").execute(pool).await.unwrap();
    until("the objects are gone", async || count(pool, "doomed_objects").await == 0).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_nobody_needs_is_deleted_and_nothing_else(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, _bea, crew) = cluster.ana_and_bea().await;
    let browser = Browser::of(&ana, cluster.node(1));
    let (kept, unsent) =
        (browser.uploads("a.txt", b"the same").await, browser.uploads("b.txt", b"the same").await);
    let alone = browser.uploads("c.bin", &noise(50_000)).await;
    let young = browser.uploads("d.bin", b"young").await;
    assert_eq!((count(&cluster.pool, "files").await, count(&cluster.pool, "blobs").await), (4, 3));
    sends(&ana, crew, &[&kept]).await;
    let (old, active) = (browser.begins("old.bin", 100).await, browser.begins("active.bin", 100).await);
    for path in [&old, &active] {
        browser.patch(path, 0, &[1; 10]).send().await.unwrap();
    }
    let age = async |table: &str, column: &str, id: Uuid| {
        let sql = format!("update {table} set {column} = now() - interval '25 hours' where id = $1");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).execute(&cluster.pool).await.unwrap();
    };
    for file in [&kept, &unsent, &alone] {
        age("files", "created_at", file.id.0).await;
    }
    let id: FileId = old.rsplit('/').next().unwrap().parse().unwrap();
    age("uploads", "active_at", id.0).await;
    until("they are gone", async || {
        count(&cluster.pool, "files").await == 2 && count(&cluster.pool, "uploads").await == 1
    })
    .await;
    assert_eq!(browser.head(&old).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(browser.offset(&active).await, 10);
    assert_eq!(count(&cluster.pool, "blobs").await, 2);
    assert!(browser.reads(&kept.address(None)).await.is_some());
    sends(&ana, crew, &[&young]).await;
    assert!(ana.sends(with_files(crew, &[&alone])).await.is_err());
    collects_all(&cluster).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_text_shows_its_first_lines(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, _, crew) = cluster.ana_and_bea().await;
    let browser = Browser::of(&ana, cluster.node(1));
    let lines: String = (1..=9).map(|n| format!("line {n}\n")).collect();
    let text = browser.uploads("log.txt", lines.as_bytes()).await;
    assert_eq!(text.excerpt, "line 1\nline 2\nline 3\nline 4\nline 5\nline 6");
    let page = browser.uploads("page.html", b"<script>alert(1)</script>\n").await;
    assert_eq!((page.media.as_str(), page.excerpt.as_str()), ("text/html", "<script>alert(1)</script>"));
    let noise = browser.uploads("noise.bin", &noise(2_000)).await;
    assert_eq!(noise.excerpt, "");
    let message = sends(&ana, crew, &[&text, &page, &noise]).await;
    let shown: Vec<&str> = message.files.iter().map(|file| file.excerpt.as_str()).collect();
    assert_eq!(shown, [text.excerpt.as_str(), &page.excerpt, ""]);
}

#[sqlx::test(migrations = "../migrations")]
async fn the_same_content_is_stored_once(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, crew) = cluster.ana_and_bea().await;
    let (ana_at, bea_at) = (Browser::of(&ana, cluster.node(1)), Browser::of(&bea, cluster.node(2)));
    let bytes = noise(6_000_000);
    let (first, second) = tokio::join!(ana_at.uploads("one.bin", &bytes), bea_at.uploads("two.bin", &bytes));
    assert_eq!((count(&cluster.pool, "files").await, count(&cluster.pool, "blobs").await), (2, 1));
    sends(&ana, crew, &[&first]).await;
    sends(&bea, crew, &[&second]).await;
    for file in [&first, &second] {
        assert!(ana_at.reads(&file.address(None)).await.is_some_and(|read| read == bytes));
    }
    // A reader of one has no right to the other: that is only what it is attached to.
    let cem = cluster.person("cem", 1).await;
    let room = ana.makes(RoomKind::Group, "two").await;
    ana.asks(Command::Invite { room, users: vec![cem.id()] }).await.unwrap();
    let third = ana_at.uploads("three.bin", &bytes).await;
    sends(&ana, room, &[&third]).await;
    let cem_at = Browser::of(&cem, cluster.node(1));
    assert_eq!(cem_at.reads(&first.address(None)).await, None);
    assert!(cem_at.reads(&third.address(None)).await.is_some());
    assert_eq!(count(&cluster.pool, "blobs").await, 1);
}

/// A server may end when everything has come and nothing is a file yet.
#[sqlx::test(migrations = "../migrations")]
async fn a_complete_upload_becomes_a_file_once_whoever_asks(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, _bea, crew) = cluster.ana_and_bea().await;
    let browsers = [Browser::of(&ana, cluster.node(1)), Browser::of(&ana, cluster.node(2))];
    let bytes = noise(9_000_000);
    let path = browsers[0].begins("a.bin", bytes.len() + 1).await;
    browsers[0].patch(&path, 0, &bytes).send().await.unwrap();
    sqlx::query("update uploads set length = received").execute(&cluster.pool).await.unwrap();
    let asked = (0..8).map(|n| browsers[n % 2].head(&path));
    let files: Vec<File> =
        futures::future::join_all(asked).await.iter().map(|asked| file_of(asked).expect("a file")).collect();
    assert!(files.iter().all(|file| *file == files[0] && file.size == 9_000_000));
    assert_eq!((count(&cluster.pool, "files").await, count(&cluster.pool, "blobs").await), (1, 1));
    sends(&ana, crew, &[&files[0]]).await;
    assert!(browsers[0].reads(&files[0].address(None)).await.is_some_and(|read| read == bytes));
    // What the others have written is deleted, and the file stays.
    sqlx::query("update doomed_objects set after = now()").execute(&cluster.pool).await.unwrap();
    until("the objects are gone", async || count(&cluster.pool, "doomed_objects").await == 0).await;
    assert!(browsers[1].reads(&files[0].address(None)).await.is_some_and(|read| read == bytes));
}

#[sqlx::test(migrations = "../migrations")]
async fn an_interrupted_body_keeps_what_came(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, _bea, _) = cluster.ana_and_bea().await;
    let (one, two) = (Browser::of(&ana, cluster.node(1)), Browser::of(&ana, cluster.node(2)));
    let bytes = noise(7_000_000);
    let path = one.begins("a.bin", bytes.len()).await;
    one.breaks_off(&path, bytes.len(), &bytes[..6_000_000]).await;
    until("it is stored", async || two.offset(&path).await == 6_000_000).await;
    let done = two.patch(&path, 6_000_000, &bytes[6_000_000..]).send().await.unwrap();
    let file = file_of(&done).unwrap();
    // She has not sent it, and gives it up.
    assert_eq!(two.tus(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(one.head(&path).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(one.reads(&file.address(None)).await, None);
    assert_eq!(count(&cluster.pool, "blobs").await, 0);
}

/// Content may be collected while somebody uploads the same.
#[sqlx::test(migrations = "../migrations")]
async fn content_that_comes_back_while_it_is_deleted_is_there(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, crew) = cluster.ana_and_bea().await;
    let (ana_at, bea_at) = (Browser::of(&ana, cluster.node(1)), Browser::of(&bea, cluster.node(2)));
    let store = &cluster.node(1).node.store;
    for round in 0..16 {
        // Of one part, and of two.
        let bytes = noise(if round % 2 == 0 { 20_000 } else { 4_500_000 });
        let old = ana_at.uploads("old.bin", &bytes).await;
        let delete = async {
            tokio::time::sleep(Duration::from_millis(round * 2)).await;
            store.delete_unused_files(&[old.id.0]).await.unwrap()
        };
        let (fresh, deleted) = tokio::join!(bea_at.uploads("fresh.bin", &bytes), delete);
        assert_eq!(deleted, 1);
        // Whatever is to be deleted is deleted now.
        sqlx::query("update doomed_objects set after = now()").execute(&cluster.pool).await.unwrap();
        let message = sends(&bea, crew, &[&fresh]).await;
        until("the objects are gone", async || count(&cluster.pool, "doomed_objects").await == 0).await;
        assert!(ana_at.reads(&fresh.address(None)).await.is_some_and(|read| read == bytes), "round {round}");
        bea.asks(Command::Delete { room: crew, seq: message.seq }).await.unwrap();
        assert_eq!(store.delete_unused_files(&[fresh.id.0]).await.unwrap(), 1);
    }
}
