//! Groups of people across servers: mentions that count for whoever is in the group and in the room.

use axum::http::StatusCode;
use protocol::{
    Change, Command, ErrorCode, Following, Line, Mention, Message, Nonce, Placement, Reply, RoomId, RoomKind,
    Seq, User, UserId, WorkspaceRole, limits,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::cluster::{Cluster, Person};

/// Makes a group as an administrator does, on the page of this node. The first person of a cluster is one.
async fn make(cluster: &Cluster, node: usize, admin: &Person, handle: &str) -> UserId {
    let form = format!("handle={handle}&title=The+{handle}");
    cluster.node(node).post("/admin/groups", &admin.cookie, form).await;
    group(admin, handle).await.expect("the group was made").id
}

async fn group(person: &Person, handle: &str) -> Option<User> {
    let Ok(Reply::Users { users }) = person.asks(Command::Groups {}).await else { panic!("no groups") };
    users.into_iter().find(|group| group.handle == handle)
}

async fn change(cluster: &Cluster, admin: &Person, group: UserId, what: &str, form: &str) {
    cluster.node(1).post(&format!("/admin/groups/{group}{what}"), &admin.cookie, form.to_owned()).await;
}

async fn sends(person: &Person, room: RoomId, text: &str, thread: Option<Seq>) -> Message {
    let placement = Placement { thread, ..Placement::default() };
    person.sends(placement.send(room, Nonce(Uuid::new_v4()), text)).await.unwrap()
}

fn names(message: &Message) -> Vec<&str> {
    message.mentions.iter().map(|mention| mention.0.as_str()).collect()
}

/// Mentions in the client's state, and in a fresh summary.
async fn mentions(person: &Person, room: RoomId) -> [u32; 2] {
    let known = person.with(|client| client.room(room).unwrap().summary.mentions);
    let compare = Command::CompareRooms { known: vec![(room, Seq(0))] };
    let Ok(Reply::Rooms { rooms, .. }) = person.asks(compare).await else { panic!("no answer") };
    [known, rooms[0].mentions]
}

async fn counts(person: &Person, room: RoomId, count: u32) {
    person.until("it counts", |client| client.room(room).unwrap().summary.mentions == count).await;
    assert_eq!(mentions(person, room).await, [count; 2]);
}

fn is_in(client: &client::Client, group: UserId) -> bool {
    client.is_meant(group)
}

#[sqlx::test(migrations = "../migrations")]
async fn a_mention_counts_for_who_is_in_the_group_and_in_the_room(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea) = (cluster.person("ana", 1).await, cluster.person("bea", 2).await);
    let (cem, dora) = (cluster.person("cem", 2).await, cluster.person("dora", 1).await);
    let room = cluster.group("crew", [&ana, &bea, &cem]).await;
    let design = make(&cluster, 2, &ana, "design").await;
    change(&cluster, &ana, design, "/add", "people=bea%2C+%40dora+").await;
    bea.until("she is in it", |client| is_in(client, design)).await;
    dora.until("she is in it", |client| is_in(client, design)).await;

    let message = sends(&ana, room, "@Design, @bea: the rope?", None).await;
    assert_eq!(
        message.mentions,
        [Mention("design".to_owned(), Some(design)), Mention("bea".to_owned(), Some(bea.id())),]
    );
    sends(&ana, room, "@design again", None).await;
    counts(&bea, room, 2).await;
    cem.until("it has come", |client| client.room(room).unwrap().summary.unread == 2).await;
    assert_eq!(mentions(&cem, room).await, [0, 0], "he is not in the group");
    assert!(
        dora.with(|client| client.room(room).is_none()),
        "she is not in the room, and hears nothing of it"
    );
    let refused = dora.asks(Command::Open { room }).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::RoomUnknown);

    // A device that comes only now has the same, and knows the group from the page of messages.
    let phone = bea.second_device();
    phone.goes_to(cluster.node(1)).await;
    phone.opens(room).await;
    counts(&phone, room, 2).await;
    phone
        .until("its title is known", |client| {
            client.user(design).is_some_and(|group| group.name == "The design")
        })
        .await;

    // The mention no longer counts for someone who leaves the group, and counts for someone who joins later.
    change(&cluster, &ana, design, "/remove", &format!("user={}", bea.id())).await;
    change(&cluster, &ana, design, "/add", "people=cem").await;
    counts(&bea, room, 1).await;
    counts(&phone, room, 1).await;
    counts(&cem, room, 2).await;

    // An edit keeps the group, a deletion of the message takes the mention away.
    let edit = Command::Edit { room, seq: message.seq, edits: 0, body: "@design, the long rope?".to_owned() };
    let Ok(Reply::Changed { change: edited, .. }) = ana.asks(edit).await else { panic!("not edited") };
    assert_eq!(edited.message().unwrap().mentions, [Mention("design".to_owned(), Some(design))]);
    counts(&bea, room, 0).await;
    counts(&cem, room, 2).await;
    ana.asks(Command::Delete { room, seq: message.seq }).await.unwrap();
    counts(&cem, room, 1).await;
    // What was written while away counts all the same.
    cem.cut().await;
    sends(&ana, room, "@design, still there?", None).await;
    cem.goes_to(cluster.node(1)).await;
    counts(&cem, room, 2).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_new_title_is_told_live_and_later_and_a_deleted_group_means_nobody(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let design = make(&cluster, 1, &ana, "design").await;
    change(&cluster, &ana, design, "/add", "people=bea").await;
    bea.opens(room).await;
    sends(&ana, room, "@design, look", None).await;
    let called = |title: &'static str| {
        move |client: &client::Client| client.user(design).is_some_and(|group| group.name == title)
    };
    bea.until("its title is known", called("The design")).await;
    change(&cluster, &ana, design, "", "handle=art&title=Art").await;
    bea.until("its new title", called("Art")).await;
    bea.cut().await;
    change(&cluster, &ana, design, "", "handle=art&title=Fine+art").await;
    bea.goes_to(cluster.node(1)).await;
    bea.until("what was missed", called("Fine art")).await;
    // The message means the same group; the old handle means nobody.
    let Ok(Reply::Page { messages, people, .. }) =
        bea.asks(Command::History { room, direction: protocol::Direction::After, seq: Seq(0) }).await
    else {
        panic!("no page")
    };
    assert_eq!(messages[0].mentions, [Mention("design".to_owned(), Some(design))]);
    assert!(people.iter().any(|one| one.id == design && one.group == Some(1)), "{people:?}");
    assert_eq!(names(&sends(&ana, room, "@design and @art", None).await), ["art"]);
    counts(&bea, room, 2).await;

    let after = cluster.node(1).node.store.heads(&[Line::Workspace]).await.unwrap()[0].head;
    change(&cluster, &ana, design, "/delete", "").await;
    bea.until("it is gone", called("")).await;
    counts(&bea, room, 0).await;
    assert_eq!(group(&bea, "art").await, None);
    assert_eq!(names(&sends(&ana, room, "@art?", None).await), [""; 0]);
    assert_eq!(
        bea.asks(Command::Group { group: design, after: None }).await.unwrap_err().code,
        ErrorCode::GroupUnknown
    );
    // The same from memory and from the database.
    let line = Line::Workspace;
    for number in [1, 2] {
        let phone = bea.second_device();
        phone.goes_to(cluster.node(number)).await;
        let Ok(Reply::Changes { changes, .. }) = phone.asks(Command::CatchUp { line, after }).await else {
            panic!("no changes")
        };
        let [(_, Change::Profile { user })] = &changes[..] else { panic!("{changes:?}") };
        assert_eq!((user.id, user.group, user.name.as_str()), (design, Some(0), ""));
    }
    // The handle is free.
    cluster.person("art", 2).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn large_groups_are_mentioned_by_who_may_mention_everyone(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, bea) = (cluster.person("ana", 1).await, cluster.person("bea", 1).await);
    let room = ana.makes(RoomKind::Channel, "harbour").await;
    bea.asks(Command::Join { room }).await.unwrap();
    let design = make(&cluster, 1, &ana, "design").await;
    assert_eq!(names(&sends(&bea, room, "@design", None).await), ["design"], "it is small");
    sqlx::query("update groups set members = $1")
        .bind(limits::GROUP_OPEN_MAX as i32 + 1)
        .execute(&cluster.pool)
        .await
        .unwrap();
    assert_eq!(names(&sends(&bea, room, "@design, @everyone and @ana", None).await), ["ana"]);
    assert_eq!(names(&sends(&ana, room, "@design", None).await), ["design"]);
    // Many groups in one message would reach too many.
    for number in 0..limits::GROUP_MENTIONS_MAX {
        make(&cluster, 1, &ana, &format!("g{number}")).await;
    }
    let many: String = (0..limits::GROUP_MENTIONS_MAX).map(|number| format!("@g{number} ")).collect();
    let all = sends(&ana, room, &format!("{many} @design"), None).await;
    assert_eq!(all.mentions.len(), limits::GROUP_MENTIONS_MAX);
    assert_eq!(cluster.node(1).node.store.delete_group(ana.id(), design).await.unwrap().told, []);
}

/// Groups of 20, 20 and 20 people are as large as one of 60, in one text or by one edit after the other.
#[sqlx::test(migrations = "../migrations")]
async fn groups_that_are_large_together_are_mentioned_by_who_may_mention_everyone(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, bea, cem) =
        (cluster.person("ana", 1).await, cluster.person("bea", 1).await, cluster.person("cem", 1).await);
    let room = ana.makes(RoomKind::Channel, "harbour").await;
    for person in [&bea, &cem] {
        person.gets_room(Command::Join { room }).await;
    }
    let whole = make(&cluster, 1, &ana, "whole").await;
    change(&cluster, &ana, whole, "/add", "people=cem").await;
    for (handle, people) in [("whole", limits::GROUP_OPEN_MAX), ("one", 20), ("two", 20), ("three", 20)] {
        if handle != "whole" {
            make(&cluster, 1, &ana, handle).await;
        }
        sqlx::query("update groups set members = $2 where handle = $1")
            .bind(handle)
            .bind(people as i32)
            .execute(&cluster.pool)
            .await
            .unwrap();
    }
    assert_eq!(names(&sends(&bea, room, "@whole", None).await), ["whole"]);
    assert_eq!(names(&sends(&bea, room, "@whole @one @two", None).await), ["one", "two"], "smallest first");
    let message = sends(&bea, room, "@one @two @three @ana", None).await;
    assert_eq!(names(&message), ["one", "two", "ana"]);
    let all = sends(&ana, room, "@whole @one @two @three", None).await;
    assert_eq!(all.mentions.len(), 4, "she may mention everyone");

    // What an edit keeps takes its place before what it adds.
    let edit = async |edits, body: &str| {
        let edit = Command::Edit { room, seq: message.seq, edits, body: body.to_owned() };
        let Ok(Reply::Changed { change, .. }) = bea.asks(edit).await else { panic!("not edited") };
        names(change.message().unwrap()).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(edit(0, "@three @one @two").await, ["one", "two"]);
    assert_eq!(edit(1, "@three @one").await, ["one", "three"]);
    assert_eq!(edit(2, "@two @three @one @ana").await, ["one", "three", "ana"]);
    assert_eq!(edit(3, "@whole").await, ["whole"]);

    // Ana may mention them all, but nobody follows the thread because of the last one.
    let root = sends(&ana, room, "the rope", None).await.seq;
    sends(&ana, room, "@one @whole, and @bea", Some(root)).await;
    bea.until("she follows it", |client| client.personal().follows(room, root) == Some(true)).await;
    let followed = async || cluster.node(1).node.store.list_followed(cem.id()).await.unwrap();
    assert_eq!(followed().await, Vec::<Following>::new());
    sends(&ana, room, "@whole", Some(root)).await;
    assert_eq!(followed().await.len(), 1, "a reply of its own");
}

#[sqlx::test(migrations = "../migrations")]
async fn who_is_in_a_mentioned_group_and_in_the_room_follows_the_thread(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let cem = cluster.person("cem", 1).await;
    let design = make(&cluster, 1, &ana, "design").await;
    change(&cluster, &ana, design, "/add", "people=bea+cem").await;
    let root = sends(&ana, room, "the rope", None).await.seq;
    sends(&ana, room, "@design and @bea, look", Some(root)).await;
    bea.until("she follows it", |client| client.personal().follows(room, root) == Some(true)).await;
    let followed = cluster.node(1).node.store.list_followed(cem.id()).await.unwrap();
    assert_eq!(followed, Vec::<Following>::new(), "he is not in the room");
}

#[sqlx::test(migrations = "../migrations")]
async fn guests_are_not_told_who_is_in_a_group_and_only_administrators_change_them(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let design = make(&cluster, 1, &ana, "design").await;
    change(&cluster, &ana, design, "/add", "people=ana+bea").await;
    let path = format!("/admin/groups/{design}");
    for (path, form) in [
        ("/admin/groups".to_owned(), "handle=art&title=Art"),
        (path.clone(), "handle=art&title=Art"),
        (format!("{path}/add"), "people=bea"),
        (format!("{path}/remove"), "user=bea"),
        (format!("{path}/delete"), ""),
    ] {
        let status = cluster.node(1).is_refused(&path, &bea.cookie, form).await;
        assert!([StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&status), "{path}: {status}");
    }
    for (form, status) in [
        ("handle=bea&title=Art", StatusCode::CONFLICT),
        ("handle=everyone&title=Art", StatusCode::CONFLICT),
        ("handle=design&title=Art", StatusCode::CONFLICT),
        ("handle=a&title=Art", StatusCode::UNPROCESSABLE_ENTITY),
        ("handle=art&title=", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(cluster.node(1).is_refused("/admin/groups", &ana.cookie, form).await, status, "{form}");
    }
    let add = format!("{path}/add");
    for (form, status) in [
        ("people=bea+nobody", StatusCode::NOT_FOUND),
        ("people=+", StatusCode::UNPROCESSABLE_ENTITY),
        ("people=a!", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(cluster.node(1).is_refused(&add, &ana.cookie, form).await, status, "{form}");
    }

    let Ok(Reply::Profile { groups, .. }) = ana.asks(Command::Profile { user: bea.id() }).await else {
        panic!()
    };
    assert_eq!(groups.iter().map(|group| group.id).collect::<Vec<_>>(), [design]);
    let Ok(Reply::Users { users }) = bea.asks(Command::Group { group: design, after: None }).await else {
        panic!()
    };
    assert_eq!(users.len(), 2);
    let store = &cluster.node(1).node.store;
    store.set_workspace_role(ana.id(), bea.id(), WorkspaceRole::Guest).await.unwrap();
    for command in [Command::Groups {}, Command::Group { group: design, after: None }] {
        assert_eq!(bea.asks(command).await.unwrap_err().code, ErrorCode::Forbidden);
    }
    let Ok(Reply::Profile { groups, .. }) = bea.asks(Command::Profile { user: ana.id() }).await else {
        panic!()
    };
    assert_eq!(groups, []);
    assert_eq!(names(&sends(&bea, room, "@design", None).await), [""; 0]);
    // What everybody hears on the workspace's line is no secret.
    change(&cluster, &ana, design, "", "handle=design&title=Art").await;
    bea.until("she hears the title", |client| client.user(design).is_some_and(|group| group.name == "Art"))
        .await;
}

/// Nothing is asked of the database that a message without mentions does not need, and a mention of a group
/// needs no more than one of a person.
#[sqlx::test(migrations = "../migrations")]
async fn a_group_costs_one_row_however_large_it_is(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let design = make(&cluster, 1, &ana, "design").await;
    change(&cluster, &ana, design, "/add", "people=ana+bea").await;
    sends(&ana, room, "@design", None).await;
    let rows: Vec<Uuid> =
        sqlx::query_scalar("select user_id from mentions").fetch_all(&cluster.pool).await.unwrap();
    assert_eq!(rows, [design.0]);
    counts(&bea, room, 1).await;
}
