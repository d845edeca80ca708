//! What is refused, and what is harmless: wrong uploads, too many of them, and files that are not what they seem.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};
use protocol::{ErrorCode, File, PictureSize};
use reqwest::{Method, StatusCode};
use sqlx::PgPool;
use tokio::io::AsyncReadExt as _;

use crate::{
    cluster::{Cluster, ORIGIN, Running},
    tus::{BYTES, Browser, file_of, header, noise, refusal, sends},
};

async fn cluster_with(pool: PgPool, settings: &[&str]) -> Cluster {
    let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
    let database = (*pool.connect_options()).clone();
    let node = Running::start_with(database, 1, Cluster::tuning(), &settings).await;
    Cluster { pool, nodes: vec![node] }
}

#[sqlx::test(migrations = "../migrations")]
async fn the_server_says_what_it_can_and_speaks_no_other_version(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let browser = Browser::of(&ana, cluster.node(1));
    let options = browser.ask(Method::OPTIONS, "/uploads").send().await.unwrap();
    assert_eq!(options.status(), StatusCode::NO_CONTENT);
    for (name, value) in [
        ("tus-resumable", "1.0.0"),
        ("tus-version", "1.0.0"),
        ("tus-extension", "creation,creation-with-upload,termination,checksum"),
        ("tus-max-size", "1024000000"),
        ("tus-checksum-algorithm", "sha1,sha256"),
    ] {
        assert_eq!(header(&options, name), value);
    }
    let path = browser.begins("a", 10).await;
    for version in [None, Some("0.2.0")] {
        let request = browser.ask(Method::HEAD, &path);
        let request =
            version.into_iter().fold(request, |request, version| request.header("tus-resumable", version));
        let asked = request.send().await.unwrap();
        assert_eq!((asked.status().as_u16(), header(&asked, "tus-version")), (412, "1.0.0"));
    }
    // Foreign pages, and people who are not signed in.
    let foreign = browser.tus(Method::POST, "/uploads").header("upload-length", 1);
    let mut foreign = foreign.build().unwrap();
    foreign.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    let (status, refused) = refusal(reqwest::Client::new().execute(foreign).await.unwrap()).await;
    assert_eq!((status, refused.code), (403, ErrorCode::OriginForeign));
    let nobody = reqwest::Client::new()
        .post(format!("http://{}/uploads", cluster.node(1).addr))
        .header("origin", ORIGIN)
        .header("tus-resumable", "1.0.0")
        .header("upload-length", 1);
    let (status, refused) = refusal(nobody.send().await.unwrap()).await;
    assert_eq!((status, refused.code), (401, ErrorCode::NotSignedIn));
    let get = browser.tus(Method::GET, &path).send().await.unwrap();
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[sqlx::test(migrations = "../migrations")]
async fn wrong_bytes_are_refused_and_change_nothing(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, _) = cluster.ana_and_bea().await;
    let (browser, foreign) = (Browser::of(&ana, cluster.node(1)), Browser::of(&bea, cluster.node(2)));
    let path = browser.begins("a.bin", 100).await;
    let bytes = noise(60);
    let answer = async |request: reqwest::RequestBuilder| {
        let (status, refused) = refusal(request.send().await.unwrap()).await;
        (status, refused.code, refused.detail)
    };
    let invalid = |status, detail: &str| (status, ErrorCode::UploadInvalid, detail.to_owned());
    let unknown = (404, ErrorCode::FileUnknown, String::new());
    assert_eq!(answer(browser.patch(&path, 7, &bytes)).await, invalid(409, "Upload-Offset"));
    assert_eq!(answer(browser.patch(&path, 0, &noise(101))).await, invalid(413, "Upload-Length"));
    let plain =
        browser.tus(Method::PATCH, &path).header("upload-offset", 0).header("content-type", "text/plain");
    assert_eq!(answer(plain.body("x")).await, invalid(415, "Content-Type"));
    let unplaced = browser.tus(Method::PATCH, &path).header("content-type", BYTES);
    assert_eq!(answer(unplaced.body("x")).await, invalid(422, "Upload-Offset"));
    let unmeasured = browser.tus(Method::POST, "/uploads").header("upload-defer-length", 1);
    assert_eq!(answer(unmeasured).await, invalid(422, "Upload-Length"));
    let named = browser
        .tus(Method::POST, "/uploads")
        .header("upload-length", 1)
        .header("upload-metadata", "filename *");
    assert_eq!(answer(named).await, invalid(422, "Upload-Metadata"));
    // Other people's uploads do not exist.
    assert_eq!(answer(foreign.patch(&path, 0, &bytes)).await, unknown);
    assert_eq!(answer(foreign.tus(Method::DELETE, &path)).await, unknown);
    assert_eq!(answer(browser.tus(Method::DELETE, "/uploads/x")).await, unknown);
    assert_eq!(foreign.head(&path).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(browser.offset(&path).await, 0);

    // With a wrong checksum nothing is stored.
    let sum = "sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=";
    let hello = browser.patch(&path, 0, b"hello worlx").header("upload-checksum", sum);
    assert_eq!(answer(hello).await, invalid(460, "Upload-Checksum"));
    assert_eq!(browser.offset(&path).await, 0);
    let unknown_sum = browser.patch(&path, 0, b"x").header("upload-checksum", "crc32 AAAA");
    assert_eq!(answer(unknown_sum).await, invalid(422, "Upload-Checksum"));
    let hello = browser.patch(&path, 0, b"hello world").header("upload-checksum", sum).send().await.unwrap();
    assert_eq!((hello.status(), header(&hello, "upload-offset")), (StatusCode::NO_CONTENT, "11"));
    let more = browser
        .patch(&path, 11, b"hello world")
        .header("upload-checksum", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=");
    assert_eq!(header(&more.send().await.unwrap(), "upload-offset"), "22");

    // Given up: also by the method in a header.
    let given_up =
        browser.tus(Method::POST, &path).header("x-http-method-override", "DELETE").send().await.unwrap();
    assert_eq!(given_up.status(), StatusCode::NO_CONTENT);
    assert_eq!(answer(browser.patch(&path, 22, b"x")).await, unknown);

    // Bytes that come with the creation; and a file without any.
    let whole =
        browser.tus(Method::POST, "/uploads").header("upload-length", 5).header("content-type", BYTES);
    let whole = whole.body("hello").send().await.unwrap();
    assert_eq!((whole.status(), header(&whole, "upload-offset")), (StatusCode::CREATED, "5"));
    assert_eq!(file_of(&whole).unwrap().media, "text/plain");
    let empty = browser.create("empty.txt", 0).await;
    assert_eq!((empty.status(), header(&empty, "upload-offset")), (StatusCode::CREATED, "0"));
    assert_eq!(file_of(&empty).unwrap().size, 0);
}

#[sqlx::test(migrations = "../migrations")]
async fn of_two_writers_at_one_place_one_wins(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, _bea, crew) = cluster.ana_and_bea().await;
    let browsers = [Browser::of(&ana, cluster.node(1)), Browser::of(&ana, cluster.node(2))];
    for _ in 0..5 {
        let path = browsers[0].begins("a.bin", 500_000).await;
        let contents = [vec![1; 500_000], vec![2; 500_000]];
        let both = [0, 1].map(|n| browsers[n].patch(&path, 0, &contents[n]).send());
        let both = futures::future::join_all(both).await;
        let statuses: Vec<u16> = both.iter().map(|done| done.as_ref().unwrap().status().as_u16()).collect();
        let winner = statuses.iter().position(|status| *status == 204).expect("one wins");
        assert_eq!(statuses[1 - winner], 409, "{statuses:?}");
        let file = file_of(both[winner].as_ref().unwrap()).unwrap();
        sends(&ana, crew, &[&file]).await;
        assert!(browsers[0].reads(&file.address(None)).await.is_some_and(|read| read == contents[winner]));
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn the_space_cannot_be_exceeded_by_being_quick(pool: PgPool) {
    let settings = ["--file-mb-max=2", "--person-files-mb-max=5", "--workspace-files-mb-max=8"];
    let cluster = cluster_with(pool, &settings).await;
    let (ana, bea) = (cluster.person("ana", 1).await, cluster.person("bea", 1).await);
    let [ana_at, bea_at] = [&ana, &bea].map(|person| Browser::of(person, cluster.node(1)));
    let (status, refused) = refusal(ana_at.create("a", 2_000_001).await).await;
    assert_eq!((status, refused.code, refused.max), (413, ErrorCode::FileTooLarge, Some(2)));
    let creations = async |browser: &Browser| {
        let all = futures::future::join_all((0..20).map(|_| browser.create("a", 1_000_000))).await;
        let (created, refused): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|done| done.status() == StatusCode::CREATED);
        let mut codes = Vec::new();
        for response in refused {
            codes.push(refusal(response).await);
        }
        (created, codes)
    };
    let (created, refused) = creations(&ana_at).await;
    assert_eq!(created.len(), 5);
    assert!(
        refused.iter().all(|(status, refused)| (*status, refused.code) == (409, ErrorCode::SpaceUsed)),
        "{refused:?}"
    );
    let (others, refused) = creations(&bea_at).await;
    assert_eq!(others.len(), 3);
    let is_full = |(status, code): (u16, ErrorCode)| (status, code) == (507, ErrorCode::WorkspaceSpaceUsed);
    assert!(refused.iter().all(|(status, refused)| is_full((*status, refused.code))), "{refused:?}");
    // A file takes what its upload took; giving one up makes room.
    let path = header(&created[0], "location");
    let done = ana_at.patch(path, 0, &noise(1_000_000)).send().await.unwrap();
    assert!(file_of(&done).is_some());
    assert_eq!(refusal(ana_at.create("a", 1).await).await.1.code, ErrorCode::SpaceUsed);
    ana_at.tus(Method::DELETE, path).send().await.unwrap();
    assert_eq!(ana_at.create("a", 1_000_000).await.status(), StatusCode::CREATED);
}

fn written(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// What is sent to readers as passive pictures and texts, and what is only offered to be saved.
#[sqlx::test(migrations = "../migrations")]
async fn what_could_run_is_never_shown_inline(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, _bea, crew) = cluster.ana_and_bea().await;
    let browser = Browser::of(&ana, cluster.node(1));
    let png = written(RgbImage::new(1_200, 900), ImageFormat::Png);
    let mut bomb = png.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    let gif = written(RgbImage::new(300, 200), ImageFormat::Gif);
    let thin = written(GrayImage::new(1, 50_000), ImageFormat::Png);
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    for (name, bytes, media, is_inline, is_picture) in [
        ("a.html", &png[..], "image/png", true, true),
        ("cut.png", &png[..png.len() / 2], "image/png", true, false),
        ("bomb.png", &bomb, "image/png", true, false),
        ("cut.gif", &gif[..40], "image/gif", true, false),
        ("thin.png", &thin, "image/png", true, true),
        ("vector.svg", svg, "image/svg+xml", false, false),
        ("vector.png", svg, "image/svg+xml", false, false),
        ("page.png", b"<!doctype html><script>alert(1)</script>", "text/html", false, false),
        ("feed.txt", b"<?xml version='1.0'?><x/>", "text/xml", false, false),
        ("paper.pdf", b"%PDF-1.7\n", "application/pdf", false, false),
        ("notes.exe", "Wörter".as_bytes(), "text/plain", true, false),
    ] {
        let file = browser.uploads(name, bytes).await;
        assert_eq!((file.media.as_str(), file.is_picture()), (media, is_picture), "{name}");
        sends(&ana, crew, &[&file]).await;
        for size in [None, Some(PictureSize::Small)] {
            let got = browser.get(&file.address(size)).await;
            let copied = size.is_some() && is_picture;
            let expected = if copied { "image/webp" } else { media };
            assert!(header(&got, "content-type").starts_with(expected), "{name}: {got:?}");
            let shown = header(&got, "content-disposition").starts_with("inline; ");
            assert_eq!(shown, is_inline, "{name}");
            assert_eq!(header(&got, "x-content-type-options"), "nosniff");
            assert!(header(&got, "content-security-policy").starts_with("sandbox; "));
        }
        let saved = browser.get(&format!("{}?download", file.address(None))).await;
        assert!(header(&saved, "content-disposition").starts_with("attachment; "));
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_photo_is_shown_without_its_place(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, _bea, crew) = cluster.ana_and_bea().await;
    let browser = Browser::of(&ana, cluster.node(1));
    let jpeg = written(RgbImage::from_pixel(3_000, 1_500, image::Rgb([200, 30, 30])), ImageFormat::Jpeg);
    // Orientation 6, and a description in which is a place.
    let secret = b"59.3293 N 18.0686 E\0";
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0".to_vec();
    exif.extend([
        0x0e, 0x01, 2, 0, 20, 0, 0, 0, 38, 0, 0, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,
    ]);
    exif.extend(secret);
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let photo = [&jpeg[..2], &[0xff, 0xe1], &length[..], &exif, &jpeg[2..]].concat();
    let has_place = |bytes: &[u8]| bytes.windows(7).any(|part| part == b"59.3293");
    assert!(has_place(&photo));

    let file: File = browser.uploads("IMG_1.jpg", &photo).await;
    let picture = file.picture.clone().unwrap();
    assert_eq!((picture.width, picture.height), (1_500, 3_000));
    assert!(!picture.blur.is_empty());
    sends(&ana, crew, &[&file]).await;
    for (size, width, height) in [(PictureSize::Small, 360, 720), (PictureSize::Large, 1_024, 2_048)] {
        let response = browser.get(&file.address(Some(size))).await;
        assert!(header(&response, "content-disposition").contains("IMG_1.jpg.webp"));
        let copy = response.bytes().await.unwrap();
        assert!(!has_place(&copy));
        let copy = image::load_from_memory(&copy).unwrap();
        assert_eq!((copy.width(), copy.height()), (width, height));
    }
    assert_eq!(browser.reads(&file.address(None)).await, Some(photo), "the original is as it was");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_person_sends_a_few_bodies_at_once(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let browser = Browser::of(&ana, cluster.node(1));
    let mut held = Vec::new();
    for _ in 0..6 {
        let path = browser.begins("a", 100).await;
        let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
        sender.send(Ok(vec![1; 10])).await.unwrap();
        let body =
            futures::stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
        let request = browser.patch(&path, 0, &[]).body(reqwest::Body::wrap_stream(Box::pin(body)));
        held.push((path, sender, tokio::spawn(request.send())));
    }
    let path = browser.begins("b", 100).await;
    let refused = loop {
        let response = browser.patch(&path, 0, b"").send().await.unwrap();
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            break response;
        }
    };
    assert_eq!(header(&refused, "retry-after"), "2");
    assert_eq!(refusal(refused).await.1.code, ErrorCode::SlowDown);
    for (path, sender, request) in held {
        drop(sender);
        assert_eq!(request.await.unwrap().unwrap().status(), StatusCode::NO_CONTENT);
        assert_eq!(browser.offset(&path).await, 10);
    }
    assert_eq!(browser.patch(&path, 0, b"x").send().await.unwrap().status(), StatusCode::NO_CONTENT);
}

#[sqlx::test(migrations = "../migrations")]
async fn nginx_is_told_where_the_bytes_are(pool: PgPool) {
    let cluster = cluster_with(pool, &["--accel-prefix=/roost-files/"]).await;
    let ana = cluster.person("ana", 1).await;
    let room = cluster.group("mine", [&ana]).await;
    let browser = Browser::of(&ana, cluster.node(1));
    let file = browser.uploads("a.png", &written(RgbImage::new(1_200, 900), ImageFormat::Png)).await;
    let unsent = browser.get(&file.address(None)).await;
    assert_eq!((unsent.status(), unsent.headers().get("x-accel-redirect")), (StatusCode::NOT_FOUND, None));
    sends(&ana, room, &[&file]).await;
    let (object, small): (uuid::Uuid, uuid::Uuid) =
        sqlx::query_as("select object, small from blobs").fetch_one(&cluster.pool).await.unwrap();
    for (size, object) in [(None, object), (Some(PictureSize::Small), small)] {
        let response = browser.get(&file.address(size)).await;
        let path = format!("/roost-files/{}/{object}", &object.to_string()[..2]);
        assert_eq!(
            (response.status(), header(&response, "x-accel-redirect")),
            (StatusCode::OK, path.as_str())
        );
        assert!(header(&response, "content-disposition").starts_with("inline; "));
        assert_eq!(response.bytes().await.unwrap(), "");
    }
}

/// A server that closed at once would reset the connection while the body is still coming.
#[sqlx::test(migrations = "../migrations")]
async fn who_is_refused_while_sending_still_gets_the_answer(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let browser = Browser::of(&ana, cluster.node(1));
    let bytes = noise(20_000_000);
    let path = browser.begins("a.bin", bytes.len()).await;
    for path in [&path, "/uploads/none"] {
        let mut stream = browser.sends_bare(path, (7, bytes.len()), &bytes).await;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        let status = if path == "/uploads/none" { "404" } else { "409" };
        assert_eq!(std::str::from_utf8(&answer).unwrap(), format!("HTTP/1.1 {status}"));
    }
}
