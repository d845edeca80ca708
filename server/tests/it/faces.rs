//! The pictures of people: chosen on one server, seen on the other.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use protocol::{PictureId, UserId};
use reqwest::{Method, Response, StatusCode};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    cluster::{Cluster, Person, said},
    tus::{Browser, header, noise},
};

const BOUNDARY: &str = "a9f2b7";

/// A form as a browser sends it: fields, and a file.
fn form(fields: &[(&str, &str)], file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.into_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"picture\"; filename=\"me.png\"\r\n\
         content-type: image/png\r\n\r\n"
    );
    body.extend(head.into_bytes());
    body.extend(file);
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
    body
}

async fn posts(browser: &Browser, fields: &[(&str, &str)], file: &[u8]) -> Response {
    let request = browser.ask(Method::POST, "/profile/picture");
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    request.header("content-type", kind).body(form(fields, file)).send().await.unwrap()
}

/// Chooses a picture. The profile page that follows is the confirmation.
async fn chooses(browser: &Browser, file: &[u8]) {
    let answer = posts(browser, &[], file).await;
    assert_eq!((answer.status(), answer.url().path()), (StatusCode::OK, "/settings/profile"));
}

fn png(colour: [u8; 3], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_pixel(width, height, Rgb(colour)).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn picture_of(client: &client::Client, user: UserId) -> Option<PictureId> {
    client.user(user).and_then(|user| user.picture)
}

/// Waits until someone sees another picture of a person than this one; returns it.
async fn sees_another(person: &Person, user: UserId, old: Option<PictureId>) -> Option<PictureId> {
    person.until("another picture", |client| picture_of(client, user) != old).await;
    person.with(|client| picture_of(client, user))
}

#[sqlx::test(migrations = "../migrations")]
async fn a_picture_is_chosen_seen_replaced_and_removed(pool: PgPool) {
    let cluster = Cluster::start(pool.clone(), 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let (ana_at, bea_at) = (Browser::of(&ana, cluster.node(1)), Browser::of(&bea, cluster.node(2)));
    bea.opens(room).await;
    said(&ana, room, "good morning").await;
    bea.until("she is known", |client| client.user(ana.id()).is_some()).await;

    chooses(&ana_at, &png([200, 30, 30], 900, 400)).await;
    let red = sees_another(&bea, ana.id(), None).await.unwrap();
    let shown = bea_at.get(&format!("/pictures/{red}")).await;
    assert_eq!(header(&shown, "content-type"), "image/webp");
    assert_eq!(header(&shown, "cache-control"), "private, max-age=31536000, immutable");
    assert_eq!(header(&shown, "vary"), "Cookie");
    assert_eq!(header(&shown, "x-content-type-options"), "nosniff");
    let face = image::load_from_memory(&shown.bytes().await.unwrap()).unwrap().into_rgb8();
    assert_eq!((face.width(), face.height()), (256, 256));
    assert!(face.get_pixel(9, 250)[0] > 180 && face.get_pixel(9, 250)[2] < 60);

    // Strangers do not see it, and other objects are no pictures.
    let nobody = reqwest::get(format!("http://{}/pictures/{red}", cluster.node(2).addr)).await.unwrap();
    assert_eq!(nobody.status(), StatusCode::NOT_FOUND);
    let file = ana_at.uploads("a.png", &png([1, 2, 3], 10, 10)).await;
    let object: Uuid = sqlx::query_scalar("select object from blobs").fetch_one(&pool).await.unwrap();
    for other in [object, file.id.0, Uuid::new_v4()] {
        assert_eq!(bea_at.reads(&format!("/pictures/{other}")).await, None);
    }
    assert_eq!(bea_at.reads("/pictures/..%2Fme").await, None);

    // Whoever comes later is told, too.
    let cem = cluster.person("cem", 2).await;
    let cem_at = Browser::of(&cem, cluster.node(2));
    assert!(cem_at.get("/settings/profile").await.status().is_success());

    chooses(&ana_at, &png([30, 30, 200], 64, 64)).await;
    let blue = sees_another(&bea, ana.id(), Some(red)).await.unwrap();
    assert_eq!(bea_at.reads(&format!("/pictures/{red}")).await, None);
    assert!(bea_at.reads(&format!("/pictures/{blue}")).await.is_some());

    let removed = posts(&ana_at, &[("remove", "1")], b"").await;
    assert_eq!(removed.url().path(), "/settings/profile");
    assert_eq!(sees_another(&bea, ana.id(), Some(blue)).await, None);
    assert_eq!(bea_at.reads(&format!("/pictures/{blue}")).await, None);
    let doomed: Vec<Uuid> = sqlx::query_scalar("select object from doomed_objects where object = any($1)")
        .bind([red.0, blue.0])
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(doomed.len(), 2, "their bytes are deleted");
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_no_picture_is_refused_and_changes_nothing(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let bea = cluster.person("bea", 1).await;
    let browser = Browser::of(&ana, cluster.node(1));
    chooses(&browser, &png([9, 9, 9], 20, 20)).await;
    let page = browser.get("/settings/profile").await.text().await.unwrap();
    let picture = page.split("/pictures/").nth(1).unwrap()[..36].to_owned();

    let cannot = "This picture can’t be read.";
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    let mut cut = png([9, 9, 9], 300, 300);
    cut.truncate(120);
    for bad in [&b""[..], b"<html>", svg, &cut, &noise(50_000)] {
        let answer = posts(&browser, &[], bad).await;
        let text = answer.text().await.unwrap();
        assert!(text.contains(cannot), "{text}");
    }
    let large = posts(&browser, &[], &noise(10_100_000)).await.text().await.unwrap();
    assert!(large.contains("10 MB"), "{large}");
    // The page was drawn for somebody else: it is not her picture that changes.
    let foreign = posts(&browser, &[("author", &bea.id().to_string())], &png([1, 1, 1], 9, 9)).await;
    assert_eq!(foreign.url().path(), "/profile/picture");
    let page = browser.get("/settings/profile").await.text().await.unwrap();
    assert!(page.contains(&picture));
}
