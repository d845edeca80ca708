//! Roles and rights: moderation and removal, and that everyone hears of it on every server.

use protocol::{
    Command, ErrorCode, Line, Nonce, Placement, Policy, Reply, Role, RoomId, RoomKind, Seq, UserId,
    WorkspaceRole,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::cluster::{Cluster, Person, said};

/// An admin, who is not in the room, and three people on two servers in one room owned by ana.
struct Crew {
    cluster: Cluster,
    admin: Person,
    ana: Person,
    bea: Person,
    cem: Person,
    room: RoomId,
}

impl Crew {
    async fn start(pool: PgPool, kind: RoomKind) -> Self {
        let cluster = Cluster::start(pool, 2).await;
        let admin = cluster.person("admin", 1).await;
        let (ana, bea, cem) =
            (cluster.person("ana", 1).await, cluster.person("bea", 2).await, cluster.person("cem", 2).await);
        let room = ana.makes(kind, "Harbour").await;
        ana.asks(Command::Invite { room, users: vec![bea.id(), cem.id()] }).await.unwrap();
        for person in [&ana, &bea, &cem] {
            person.until("in the room", |client| client.room(room).is_some()).await;
            person.opens(room).await;
        }
        Self { cluster, admin, ana, bea, cem, room }
    }

    /// The admin gives someone a role in the workspace, through the administration form.
    async fn gives(&self, who: UserId, role: WorkspaceRole) {
        let path = format!("/admin/people/{who}/role");
        self.cluster.node(1).post(&path, &self.admin.cookie, format!("role={}", role.as_str())).await;
    }
}

fn send(room: RoomId, body: &str) -> Command {
    Command::say(room, Nonce(Uuid::new_v4()), body)
}

fn set_policy(room: RoomId, Policy { post, invite, pin, mention }: Policy) -> Command {
    Command::SetPolicy { room, post, invite, pin, mention }
}

async fn code(person: &Person, command: Command) -> ErrorCode {
    person.asks(command.clone()).await.expect_err(&format!("{command:?}")).code
}

fn role_of(client: &client::Client, room: RoomId) -> Option<Role> {
    client.room(room).map(|state| state.summary.role)
}

#[sqlx::test(migrations = "../migrations")]
async fn a_moderator_keeps_order_and_an_owner_decides(pool: PgPool) {
    let Crew { cluster, ana, bea, cem, room, .. } = Crew::start(pool, RoomKind::Group).await;
    let spam = said(&cem, room, "spam").await;
    let delete = Command::Delete { room, seq: spam };
    let remove = |user| Command::Remove { room, user, ban: false };
    let role = |user, role| Command::SetRole { room, user, role };
    assert_eq!(code(&bea, delete.clone()).await, ErrorCode::Forbidden);
    assert_eq!(code(&bea, remove(cem.id())).await, ErrorCode::Forbidden);
    assert_eq!(code(&bea, role(bea.id(), Role::Owner)).await, ErrorCode::Forbidden);

    ana.asks(role(bea.id(), Role::Moderator)).await.unwrap();
    ana.asks(role(bea.id(), Role::Moderator)).await.unwrap();
    bea.until("she is moderator", |client| role_of(client, room) == Some(Role::Moderator)).await;
    bea.asks(delete).await.unwrap();
    assert_eq!(code(&bea, role(cem.id(), Role::Moderator)).await, ErrorCode::Forbidden);
    assert_eq!(code(&bea, remove(ana.id())).await, ErrorCode::Forbidden);
    assert_eq!(code(&bea, Command::Archive { room, on: true }).await, ErrorCode::Forbidden);
    assert_eq!(code(&bea, Command::DeleteRoom { room }).await, ErrorCode::Forbidden);

    // A removed person receives nothing more, on their server and on others.
    let phone = cem.second_device();
    phone.goes_to(cluster.node(1)).await;
    bea.asks(remove(cem.id())).await.unwrap();
    for device in [&cem, &phone] {
        device.until("it is gone", |client| client.room(room).is_none()).await;
    }
    let heard = cem.heard(room).len();
    ana.says(room, "not for cem").await;
    bea.sees(room, ["", "not for cem"]).await;
    assert_eq!(code(&cem, Command::Open { room }).await, ErrorCode::RoomUnknown);
    assert_eq!(code(&cem, send(room, "let me in")).await, ErrorCode::RoomUnknown);
    assert_eq!(
        code(&cem, Command::CatchUp { line: Line::Room(room), after: Seq::ZERO }).await,
        ErrorCode::RoomUnknown
    );
    assert_eq!(cem.heard(room).len(), heard);
    bea.asks(remove(cem.id())).await.unwrap();
    ana.until("two are left", |client| client.room(room).unwrap().summary.members == 2).await;
    // Removing does not ban.
    bea.asks(Command::Invite { room, users: vec![cem.id()] }).await.unwrap();
    cem.until("he is back", |client| client.room(room).is_some()).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_room_keeps_an_owner_and_is_handed_over(pool: PgPool) {
    let Crew { cluster: _cluster, ana, bea, room, .. } = Crew::start(pool, RoomKind::Group).await;
    let role = |user, role| Command::SetRole { room, user, role };
    assert_eq!(code(&ana, role(ana.id(), Role::Member)).await, ErrorCode::LastOwner);
    ana.asks(role(bea.id(), Role::Owner)).await.unwrap();
    bea.until("she owns it", |client| role_of(client, room) == Some(Role::Owner)).await;
    // Owners cannot remove each other.
    assert_eq!(code(&ana, Command::Remove { room, user: bea.id(), ban: true }).await, ErrorCode::Forbidden);
    ana.asks(role(ana.id(), Role::Member)).await.unwrap();
    ana.until("she does not", |client| role_of(client, room) == Some(Role::Member)).await;
    assert_eq!(code(&ana, role(bea.id(), Role::Member)).await, ErrorCode::Forbidden);
    assert_eq!(code(&ana, role(UserId(Uuid::nil()), Role::Member)).await, ErrorCode::UserUnknown);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_banned_person_comes_back_only_when_they_are_let_in(pool: PgPool) {
    let Crew { cluster: _cluster, ana, bea, cem, room, .. } = Crew::start(pool, RoomKind::Channel).await;
    let ban = Command::Remove { room, user: cem.id(), ban: true };
    ana.asks(ban.clone()).await.unwrap();
    ana.asks(ban).await.unwrap();
    cem.until("it is gone", |client| client.room(room).is_none()).await;
    assert_eq!(code(&cem, Command::Join { room }).await, ErrorCode::Banned);
    let invite = Command::Invite { room, users: vec![cem.id()] };
    let Ok(Reply::Invited { full, banned }) = bea.asks(invite.clone()).await else { panic!("not invited") };
    assert_eq!((full, banned), (vec![], vec![cem.id()]));

    let listed = async |person: &Person| match person.asks(Command::Banned { room }).await {
        Ok(Reply::Users { users }) => Ok(users.into_iter().map(|user| user.handle).collect::<Vec<_>>()),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.code),
    };
    assert_eq!(listed(&ana).await, Ok(vec!["cem".to_owned()]));
    assert_eq!(listed(&bea).await, Err(ErrorCode::Forbidden));
    assert_eq!(listed(&cem).await, Err(ErrorCode::RoomUnknown));
    assert_eq!(code(&bea, Command::Unban { room, user: cem.id() }).await, ErrorCode::Forbidden);
    for _ in 0..2 {
        ana.asks(Command::Unban { room, user: cem.id() }).await.unwrap();
    }
    assert_eq!(listed(&ana).await, Ok(vec![]));
    assert_eq!(cem.gets_room(Command::Join { room }).await, room);

    // Someone who was never there can be banned as well.
    bea.asks(Command::Leave { room }).await.unwrap();
    ana.asks(Command::Remove { room, user: bea.id(), ban: true }).await.unwrap();
    assert_eq!(code(&bea, Command::Join { room }).await, ErrorCode::Banned);
    let nobody = Command::Remove { room, user: UserId(Uuid::nil()), ban: true };
    assert_eq!(code(&ana, nobody).await, ErrorCode::UserUnknown);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_policy_holds_for_every_message_also_within_one_batch(pool: PgPool) {
    let Crew { cluster, ana, bea, cem, room, .. } = Crew::start(pool, RoomKind::Channel).await;
    let announcements = Policy { post: Role::Moderator, invite: Role::Owner, ..Policy::default() };
    assert_eq!(code(&bea, set_policy(room, announcements)).await, ErrorCode::Forbidden);
    let known = Command::say(room, Nonce(Uuid::new_v4()), "before");
    let Ok(Reply::Sent { message: before, .. }) = bea.asks(known.clone()).await else { panic!("not sent") };
    for _ in 0..2 {
        ana.asks(set_policy(room, announcements)).await.unwrap();
    }
    let policy = |client: &client::Client| client.room(room).map(|state| state.summary.room.policy);
    for person in [&bea, &cem] {
        person.until("it is known", |client| policy(client) == Some(announcements)).await;
    }
    // Two people send at once through one server: the refusal of one does not affect the other.
    ana.asks(Command::SetRole { room, user: cem.id(), role: Role::Moderator }).await.unwrap();
    let (refused, seq) = tokio::join!(bea.asks(send(room, "me too")), said(&cem, room, "tide at nine"));
    assert_eq!(refused.unwrap_err().code, ErrorCode::Forbidden);
    // What was stored before is acknowledged again: a repeat is safe whatever the author's current
    // rights.
    bea.asks(known).await.unwrap();
    let edit = Command::Edit { room, seq: before.seq, edits: 0, body: "or so".to_owned() };
    assert_eq!(code(&bea, edit).await, ErrorCode::Forbidden);
    let texts: Vec<String> = cluster.stored(room).await.into_iter().map(|(_, body)| body).collect();
    assert_eq!(texts, ["before", "tide at nine"]);
    assert_eq!(code(&bea, Command::Invite { room, users: vec![cem.id()] }).await, ErrorCode::Forbidden);
    let react = Command::React { room, seq, emoji: "👍".to_owned(), on: true };
    bea.asks(react).await.unwrap();
    bea.asks(Command::Pin { room, seq, on: true }).await.unwrap();

    ana.asks(set_policy(room, Policy::default())).await.unwrap();
    bea.asks(send(room, "now")).await.unwrap();
}

#[sqlx::test(migrations = "../migrations")]
async fn in_an_archived_room_nothing_is_said_until_it_is_opened_again(pool: PgPool) {
    let Crew { cluster: _cluster, ana, bea, room, .. } = Crew::start(pool, RoomKind::Channel).await;
    let seq = said(&bea, room, "last words").await;
    assert_eq!(code(&bea, Command::Archive { room, on: true }).await, ErrorCode::Forbidden);
    for _ in 0..2 {
        ana.asks(Command::Archive { room, on: true }).await.unwrap();
    }
    bea.until("it is archived", |client| client.room(room).unwrap().summary.room.archived).await;
    let archived = ErrorCode::RoomArchived;
    assert_eq!(code(&bea, send(room, "more")).await, archived);
    assert_eq!(code(&ana, send(room, "more")).await, archived);
    assert_eq!(code(&bea, Command::Edit { room, seq, edits: 0, body: "others".to_owned() }).await, archived);
    let react = Command::React { room, seq, emoji: "👍".to_owned(), on: true };
    assert_eq!(code(&bea, react).await, archived);
    assert_eq!(code(&ana, Command::Pin { room, seq, on: true }).await, archived);
    let set = |title: &str| Command::SetRoom { room, title: title.to_owned(), topic: String::new() };
    assert_eq!(code(&ana, set("Old harbour")).await, archived);
    // It can be read, cleaned up, and joined by those who want to read it.
    bea.asks(Command::Delete { room, seq }).await.unwrap();
    bea.asks(Command::Leave { room }).await.unwrap();
    assert_eq!(bea.gets_room(Command::Join { room }).await, room);
    ana.asks(Command::Archive { room, on: false }).await.unwrap();
    bea.asks(send(room, "and on")).await.unwrap();
}

#[sqlx::test(migrations = "../migrations")]
async fn a_deleted_room_is_gone_for_everyone_and_its_text_is_erased(pool: PgPool) {
    let Crew { cluster, ana, bea, cem, room, .. } = Crew::start(pool, RoomKind::Channel).await;
    let seq = said(&bea, room, "a secret").await;
    let react = Command::React { room, seq, emoji: "👍".to_owned(), on: true };
    bea.asks(react).await.unwrap();
    let edit = Command::Edit { room, seq, edits: 0, body: "a better secret".to_owned() };
    bea.asks(edit).await.unwrap();
    let reply = Placement::in_thread(seq).send(room, Nonce(Uuid::new_v4()), "another secret");
    bea.sends(reply).await.unwrap();
    cem.cut().await;
    ana.asks(Command::DeleteRoom { room }).await.unwrap();
    for person in [&ana, &bea] {
        person.until("it is gone", |client| client.room(room).is_none()).await;
    }
    // Someone who was away hears of it on return.
    cem.goes_to(cluster.node(2)).await;
    cem.until("it is gone", |client| client.room(room).is_none()).await;
    ana.asks(Command::DeleteRoom { room }).await.unwrap();
    for command in [
        Command::Open { room },
        Command::Join { room },
        send(room, "hello"),
        Command::Versions { room, seq },
        Command::CatchUp { line: Line::Room(room), after: Seq::ZERO },
        Command::SetRoom { room, title: "again".to_owned(), topic: String::new() },
        Command::Archive { room, on: true },
    ] {
        assert_eq!(code(&bea, command).await, ErrorCode::RoomUnknown);
    }
    let Ok(Reply::Channels { channels }) = bea.asks(Command::FindChannels { query: String::new() }).await
    else {
        panic!("no channels")
    };
    assert_eq!(channels, []);
    // Its title is free again.
    bea.makes(RoomKind::Channel, "Harbour").await;

    let erased = async || -> (i64, i64, bool) {
        sqlx::query_as(
            "select (select count(*) from messages where room_id = $1)
                + (select count(*) from versions where room_id = $1)
                + (select count(*) from threads where room_id = $1)
                + (select count(*) from thread_replies where room_id = $1),
                (select count(*) from items where line_id = $1 and kind <> 'room'), erased_at is not null from rooms where id = $1",
        )
        .bind(room.0)
        .fetch_one(&cluster.pool)
        .await
        .unwrap()
    };
    let wait = async {
        while erased().await != (0, 0, true) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::cluster::SOON, wait).await.expect("its text is erased");
}

#[sqlx::test(migrations = "../migrations")]
async fn of_two_channels_with_one_title_there_is_only_one(pool: PgPool) {
    let Crew { cluster: _cluster, ana, bea, room, .. } = Crew::start(pool, RoomKind::Channel).await;
    let create = |kind, title: &str| Command::CreateRoom {
        nonce: Nonce(Uuid::new_v4()),
        kind,
        title: title.to_owned(),
        topic: String::new(),
    };
    for title in ["Harbour", "harbour", "HARBOUR", " Harbour  ", "Ｈａｒｂｏｕｒ"] {
        assert_eq!(code(&bea, create(RoomKind::Channel, title)).await, ErrorCode::TitleTaken, "{title}");
    }
    // Invisible characters make no difference.
    bea.gets_room(create(RoomKind::Channel, "ميناء")).await;
    assert_eq!(code(&bea, create(RoomKind::Channel, "ميناء\u{200F}")).await, ErrorCode::TitleTaken);
    // A group is private, so its title must not be revealed.
    bea.asks(create(RoomKind::Group, "Harbour")).await.unwrap();
    let other = bea.gets_room(create(RoomKind::Channel, "Port")).await;
    let set = |room, title: &str| Command::SetRoom { room, title: title.to_owned(), topic: String::new() };
    assert_eq!(code(&bea, set(other, "harbour")).await, ErrorCode::TitleTaken);
    ana.asks(set(room, "harbour")).await.unwrap();
    ana.asks(set(room, "Quay")).await.unwrap();
    bea.asks(set(other, "Harbour")).await.unwrap();
    // Creating with the same nonce returns the same room.
    let again = create(RoomKind::Channel, "Pier");
    assert_eq!(bea.gets_room(again.clone()).await, bea.gets_room(again).await);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_guest_sees_only_the_rooms_and_people_that_they_share(pool: PgPool) {
    let crew = Crew::start(pool, RoomKind::Channel).await;
    let Crew { cluster, ana, bea, cem, room, .. } = &crew;
    let dan = cluster.person("dan", 1).await;
    let other = dan.makes(RoomKind::Channel, "Elsewhere").await;
    crew.gives(cem.id(), WorkspaceRole::Guest).await;
    let guest = cem.id();
    let is_guest =
        |client: &client::Client| client.user(guest).is_some_and(|user| user.role == WorkspaceRole::Guest);
    for person in [ana, bea, cem] {
        person.until("cem is a guest", is_guest).await;
    }
    let find = async |command: Command| match cem.asks(command).await {
        Ok(Reply::Users { users }) => users.into_iter().map(|user| user.handle).collect::<Vec<_>>(),
        Ok(Reply::Channels { channels }) => {
            channels.into_iter().map(|channel| channel.room.title).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(find(Command::FindUsers { query: String::new() }).await, ["ana", "bea", "cem"]);
    assert_eq!(find(Command::FindChannels { query: String::new() }).await, [""; 0]);
    assert_eq!(code(cem, Command::Join { room: other }).await, ErrorCode::RoomUnknown);
    assert_eq!(code(cem, Command::StartDirect { user: dan.id() }).await, ErrorCode::UserUnknown);
    assert_eq!(code(cem, Command::Profile { user: dan.id() }).await, ErrorCode::UserUnknown);
    for known in [ana.id(), cem.id()] {
        cem.asks(Command::Profile { user: known }).await.unwrap();
    }
    dan.asks(Command::Profile { user: cem.id() }).await.unwrap();
    assert_eq!(code(cem, Command::Invite { room: *room, users: vec![dan.id()] }).await, ErrorCode::Forbidden);
    let create = Command::CreateRoom {
        nonce: Nonce(Uuid::new_v4()),
        kind: RoomKind::Group,
        title: "mine".to_owned(),
        topic: String::new(),
    };
    assert_eq!(code(cem, create).await, ErrorCode::Forbidden);
    cem.asks(send(*room, "hello")).await.unwrap();
    cem.asks(Command::StartDirect { user: ana.id() }).await.unwrap();
    let invited = cluster.node(1).is_refused("/invitations", &cem.cookie, "").await;
    assert_eq!(invited, axum::http::StatusCode::FORBIDDEN, "a newcomer would be more than a guest");

    // A guest owns nothing: when an owner becomes a guest, the room gets another owner at once.
    crew.gives(ana.id(), WorkspaceRole::Guest).await;
    bea.until("bea owns it", |client| role_of(client, *room) == Some(Role::Owner)).await;
    assert_eq!(code(ana, Command::Archive { room: *room, on: true }).await, ErrorCode::Forbidden);
    // When only guests are left, nobody owns it, until one of them gets a higher role or someone
    // joins.
    bea.asks(Command::Leave { room: *room }).await.unwrap();
    crew.gives(cem.id(), WorkspaceRole::Member).await;
    cem.until("cem owns it", |client| role_of(client, *room) == Some(Role::Owner)).await;
    crew.gives(cem.id(), WorkspaceRole::Guest).await;
    dan.asks(Command::Join { room: *room }).await.unwrap();
    dan.until("dan owns it", |client| role_of(client, *room) == Some(Role::Owner)).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn admins_count_as_owners_where_they_are_and_the_workspace_keeps_an_owner(pool: PgPool) {
    let crew = Crew::start(pool, RoomKind::Group).await;
    let Crew { cluster, admin, ana, bea, cem, room } = &crew;
    let room = *room;
    // In rooms that they are not in, they see nothing.
    assert_eq!(code(admin, Command::Open { room }).await, ErrorCode::RoomUnknown);
    crew.gives(bea.id(), WorkspaceRole::Admin).await;
    crew.gives(cem.id(), WorkspaceRole::Moderator).await;
    let who = bea.id();
    let is_admin =
        |client: &client::Client| client.user(who).is_some_and(|user| user.role == WorkspaceRole::Admin);
    for person in [ana, bea, cem] {
        person.until("bea is admin", is_admin).await;
    }
    let last = Command::SetRole { room, user: ana.id(), role: Role::Member };
    assert_eq!(code(bea, last).await, ErrorCode::LastOwner);
    bea.asks(Command::SetRole { room, user: bea.id(), role: Role::Owner }).await.unwrap();
    bea.asks(Command::SetRole { room, user: ana.id(), role: Role::Member }).await.unwrap();
    assert_eq!(code(cem, Command::Remove { room, user: bea.id(), ban: false }).await, ErrorCode::Forbidden);
    cem.asks(Command::Remove { room, user: ana.id(), ban: false }).await.unwrap();

    // Bea, an admin, has no power over the owner, and cannot give a role as high as her own.
    let stored = async |who: &Person| -> (String, bool) {
        sqlx::query_as("select role, suspended_at is not null from users where id = $1")
            .bind(who.id().0)
            .fetch_one(&cluster.pool)
            .await
            .unwrap()
    };
    let refused = async |who: &Person, path: String, body: &str| {
        cluster.node(1).is_refused(&path, &who.cookie, body).await.as_u16()
    };
    let path = |who: &Person, what: &str| format!("/admin/people/{}/{what}", who.id());
    assert_eq!(refused(bea, path(admin, "suspend"), "").await, 403);
    assert_eq!(refused(bea, path(admin, "role"), "role=member").await, 403);
    assert_eq!(refused(bea, path(cem, "role"), "role=admin").await, 403);
    assert_eq!(refused(bea, path(bea, "role"), "role=owner").await, 403);
    // The last owner remains one.
    assert_eq!(refused(admin, path(admin, "role"), "role=member").await, 409);
    assert_eq!(refused(admin, path(bea, "role"), "role=king").await, 400);
    assert_eq!(stored(admin).await, ("owner".to_owned(), false));
    assert_eq!(stored(cem).await.0, "moderator");
    assert_eq!(stored(bea).await.0, "admin");
    crew.gives(bea.id(), WorkspaceRole::Owner).await;
    crew.gives(admin.id(), WorkspaceRole::Member).await;
    assert_eq!((stored(admin).await.0, stored(bea).await.0), ("member".to_owned(), "owner".to_owned()));
}
