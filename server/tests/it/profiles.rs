//! Profiles across servers: what people say about themselves, and new handles.

use axum::http::StatusCode;
use client::RowKind;
use protocol::{Change, Command, ErrorCode, Event, Line, Mention, Reply, RoomId, Seq, ServerFrame, UserId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    cluster::{Cluster, Person, Running, SOON, said},
    late::until,
    sockets::{greeted, hears},
};

/// Title, pronouns and zone of somebody, as a person is told.
async fn profile(person: &Person, user: UserId) -> Result<[String; 3], ErrorCode> {
    match person.asks(Command::Profile { user }).await {
        Ok(Reply::Profile { user: told, title, pronouns, zone, .. }) => {
            assert_eq!(told.id, user);
            Ok([title, pronouns, zone])
        }
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.code),
    }
}

async fn head(cluster: &Cluster) -> Seq {
    cluster.node(1).node.store.heads(&[Line::Workspace]).await.unwrap()[0].head
}

fn is_called(client: &client::Client, user: UserId, handle: &str) -> bool {
    client.user(user).is_some_and(|user| user.handle == handle)
}

/// The handles that the room's rows show for their mentions.
fn mentioned(client: &client::Client, room: RoomId) -> Vec<String> {
    let rows = client::rows(client, room, protocol::Zone::default()).into_iter();
    let mentions = rows.flat_map(|row| match row.kind {
        RowKind::Message(message) => message.mentions,
        RowKind::Beginning | RowKind::Day(_) | RowKind::Unread | RowKind::Replies(_) => Vec::new(),
    });
    mentions.filter_map(|mention| Some(mention.user?.handle.clone())).collect()
}

fn mentions(reply: &Reply) -> Vec<Mention> {
    let Reply::Changed { change, .. } = reply else { panic!("{reply:?}") };
    change.message().unwrap().mentions.clone()
}

/// Bea gets another handle while Ana looks on from another server, and somebody new takes the old one.
/// What was written before means Bea.
#[sqlx::test(migrations = "../migrations")]
async fn a_new_handle_is_told_live_and_old_mentions_keep_their_person(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    ana.opens(room).await;
    let seq = said(&ana, room, "@bea, the rope?").await;
    ana.until("she is mentioned", |client| mentioned(client, room) == ["bea"]).await;

    cluster.node(2).post("/profile", &bea.cookie, "handle=%40Tris".to_owned()).await;
    let her = bea.id();
    ana.until("she has another handle", |client| is_called(client, her, "tris")).await;
    bea.until("she knows it", |client| client.me().unwrap().handle == "tris").await;
    ana.until("the mention shows it", |client| mentioned(client, room) == ["tris"]).await;

    // The old handle is free, on any server.
    let newcomer = cluster.person("bea", 1).await;
    assert_ne!(newcomer.id(), her);
    // A device that comes only now sees the same.
    let phone = ana.second_device();
    phone.goes_to(cluster.node(1)).await;
    phone.opens(room).await;
    phone.until("the mention is hers", |client| mentioned(client, room) == ["tris"]).await;
    // An edit keeps whom the name meant, and resolves the names that are new.
    let edit = |edits, body: &str| Command::Edit { room, seq, edits, body: body.to_owned() };
    let edited = ana.asks(edit(0, "@bea and @tris, the long rope?")).await.unwrap();
    let named = |name: &str, user| Mention(name.to_owned(), Some(user));
    assert_eq!(mentions(&edited), [named("bea", her), named("tris", her)]);
    bea.until("counted once", |client| client.room(room).unwrap().summary.mentions == 1).await;
    // Once the name has left the text, it means whoever has it now.
    ana.asks(edit(1, "the rope?")).await.unwrap();
    let again = ana.asks(edit(2, "@bea, the rope?")).await.unwrap();
    assert_eq!(mentions(&again), [named("bea", newcomer.id())]);

    // Members and people are found by the new handle.
    let members = Command::Members { room, query: "tris".to_owned(), after: None };
    let Ok(Reply::Members { members, .. }) = ana.asks(members).await else { panic!("no members") };
    assert_eq!(members.iter().map(|member| member.user).collect::<Vec<_>>(), [her]);
    let find = Command::FindUsers { query: "@tris".to_owned() };
    let Ok(Reply::Users { users }) = ana.asks(find).await else { panic!("nobody is found") };
    assert_eq!(users.iter().map(|user| user.id).collect::<Vec<_>>(), [her]);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_taken_handle_is_refused_and_changes_nothing(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, _) = cluster.ana_and_bea().await;
    let before = head(&cluster).await;
    for taken in ["ana", "%40ANA", "everyone", "here"] {
        let form = format!("name=Beatrix&handle={taken}&title=Harbour+master");
        let status = cluster.node(2).is_refused("/profile", &bea.cookie, &form).await;
        assert_eq!(status, StatusCode::CONFLICT, "{taken}");
    }
    let status = cluster.node(2).is_refused("/profile", &bea.cookie, "handle=b").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(head(&cluster).await, before);
    assert_eq!(profile(&ana, bea.id()).await, Ok([""; 3].map(str::to_owned)));
    // One's own is not taken.
    cluster.node(2).post("/profile", &bea.cookie, "handle=bea".to_owned()).await;
    assert_eq!(head(&cluster).await, before);
}

#[sqlx::test(migrations = "../migrations")]
async fn what_people_say_about_themselves_is_told_when_asked(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    ana.opens(room).await;
    let her = bea.id();
    assert_eq!(profile(&ana, her).await, Ok([""; 3].map(str::to_owned)));
    let before = head(&cluster).await;
    let full =
        "name=Bea+%E7%8E%8B&handle=bea&title=+Harbour++master+&pronouns=she%2Fher&zone=Europe%2FLisbon";
    cluster.node(2).post("/profile", &bea.cookie, full.to_owned()).await;
    assert_eq!(head(&cluster).await, before.next(), "one number for all of it");
    let known = ["Harbour master", "she/her", "Europe/Lisbon"].map(str::to_owned);
    assert_eq!(profile(&ana, her).await, Ok(known.clone()));
    ana.until("her name has come", |client| client.user(her).is_some_and(|user| user.name == "Bea 王")).await;

    // The same again changes nothing, and neither does what an older page leaves out.
    cluster.node(1).post("/profile", &bea.cookie, full.to_owned()).await;
    cluster.node(1).post("/profile", &bea.cookie, "name=Bea+%E7%8E%8B".to_owned()).await;
    assert_eq!(head(&cluster).await, before.next());
    assert_eq!(profile(&ana, her).await, Ok(known));
    for (wrong, status) in [
        (format!("title={}", "a".repeat(81)), StatusCode::UNPROCESSABLE_ENTITY),
        (format!("pronouns={}", "a".repeat(41)), StatusCode::UNPROCESSABLE_ENTITY),
        ("title=a%E2%80%AEb".to_owned(), StatusCode::UNPROCESSABLE_ENTITY),
        ("zone=%2Fetc%2Fpasswd".to_owned(), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(cluster.node(1).is_refused("/profile", &bea.cookie, &wrong).await, status, "{wrong}");
    }
    cluster.node(1).post("/profile", &bea.cookie, "title=&zone=".to_owned()).await;
    assert_eq!(profile(&bea, her).await, Ok(["", "she/her", ""].map(str::to_owned)));
    // A title alone makes the profile newer, too.
    ana.until("it is newer", |client| client.user(her).is_some_and(|user| user.rev == before.next().next()))
        .await;
    let nobody = UserId(Uuid::from_u128(7));
    assert_eq!(profile(&ana, nobody).await, Err(ErrorCode::UserUnknown));
}

/// A connection that stays open knows its person as they were when it opened. What they write carries
/// the new handle nevertheless, for browsers that do not know them.
#[sqlx::test(migrations = "../migrations")]
async fn what_someone_writes_carries_their_new_handle(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let mut socket = greeted(&cluster, &ana.cookie).await;
    cluster.node(1).post("/profile", &bea.cookie, "handle=tris".to_owned()).await;
    let carried = async {
        loop {
            // Her server fetches the profile a moment after the change is known.
            bea.says(room, "hello").await;
            let author = loop {
                if let Ok(ServerFrame::Event {
                    event: Event::Change { change: Change::Message { .. }, people, .. },
                }) = hears(&mut socket).await
                {
                    break people.into_iter().find(|user| user.id == bea.id());
                }
            };
            if author.unwrap().handle == "tris" {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, carried).await.expect("the new handle");
}

/// A name that an older server wrote is found by its pinyin, as soon as a server starts that can spell.
#[sqlx::test(migrations = "../migrations")]
async fn a_server_that_starts_spells_the_names_that_others_wrote(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, bea, _) = cluster.ana_and_bea().await;
    sqlx::query("update users set name = '王小明', pinyin = '' where id = $1")
        .bind(bea.id().0)
        .execute(&cluster.pool)
        .await
        .unwrap();
    let store = &cluster.node(1).node.store;
    assert_eq!(store.find_users(ana.id(), "wxm").await.unwrap(), []);
    let _started = Running::start(&cluster.pool, 2, Cluster::tuning()).await;
    until("it is spelled", async || store.find_users(ana.id(), "wxm").await.unwrap().len() == 1).await;
}
