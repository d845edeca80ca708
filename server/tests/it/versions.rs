//! The earlier texts of edited messages: who reads them, how many are kept, and that deleting leaves nothing of them, over several
//! servers.

use protocol::{Command, ErrorCode, Reply, RoomId, Seq, Version, limits::VERSIONS_MAX};
use sqlx::PgPool;

use crate::cluster::{Cluster, Person, said};

fn edit(room: RoomId, seq: Seq, edits: u32, body: &str) -> Command {
    Command::Edit { room, seq, edits, body: body.to_owned() }
}

async fn versions(person: &Person, room: RoomId, seq: Seq) -> Result<Vec<Version>, ErrorCode> {
    match person.asks(Command::Versions { room, seq }).await {
        Ok(Reply::Versions { room: of, seq: number, versions }) => {
            assert_eq!((of, number), (room, seq));
            Ok(versions)
        }
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.code),
    }
}

/// The numbers of edits, and the texts.
fn texts(versions: &[Version]) -> Vec<(u32, &str)> {
    versions.iter().map(|version| (version.edits, version.body.as_str())).collect()
}

/// How many earlier texts are stored, and how many texts contain this one anywhere.
async fn stored(cluster: &Cluster, text: &str) -> (i64, i64) {
    sqlx::query_as(
        "select (select count(*) from versions), (select count(*) from versions v where v.body like $1)
            + (select count(*) from messages m where m.body like $1)",
    )
    .bind(format!("%{text}%"))
    .fetch_one(&cluster.pool)
    .await
    .unwrap()
}

/// What a server before migration 17 does.
async fn as_an_older_server(cluster: &Cluster, change: &str, room: RoomId, seq: Seq) {
    let query = format!("update messages set {change} where room_id = $1 and seq = $2");
    sqlx::query(sqlx::AssertSqlSafe(query)).bind(room.0).bind(seq.0).execute(&cluster.pool).await.unwrap();
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_edited_on_one_server_is_read_on_another_and_repeats_add_nothing(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, room) = cluster.ana_and_bea().await;
    let seq = said(&ana, room, "helo").await;
    let only = versions(&bea, room, seq).await.unwrap();
    assert_eq!(texts(&only), [(0, "helo")]);
    for _ in 0..2 {
        ana.asks(edit(room, seq, 0, "hello")).await.unwrap();
    }
    // A reaction and a refused edit are no edits.
    bea.asks(Command::React { room, seq, emoji: "👍".to_owned(), on: true }).await.unwrap();
    assert_eq!(ana.asks(edit(room, seq, 0, "hi")).await.unwrap_err().code, ErrorCode::EditedMeanwhile);
    ana.asks(edit(room, seq, 1, "hello, all")).await.unwrap();
    let found = versions(&bea, room, seq).await.unwrap();
    assert_eq!(texts(&found), [(0, "helo"), (1, "hello"), (2, "hello, all")]);
    assert_eq!(versions(&ana, room, seq).await.unwrap(), found);
    let times: Vec<i64> = found.iter().map(|version| version.at.unwrap()).collect();
    assert_eq!(Some(times[0]), only[0].at, "the first text is as old as the message");
    assert!(times.is_sorted());
    for wrong in [Seq(1), Seq(999), Seq(-1)] {
        assert_eq!(versions(&ana, room, wrong).await, Err(ErrorCode::MessageUnknown), "{wrong}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn only_members_read_and_a_deleted_message_has_no_earlier_text(pool: PgPool) {
    let cluster = Cluster::start(pool, 2).await;
    let (ana, bea, dora) =
        (cluster.person("ana", 1).await, cluster.person("bea", 2).await, cluster.person("dora", 2).await);
    let room = cluster.group("crew", [&ana, &bea]).await;
    bea.until("the room is there", |client| client.room(room).is_some()).await;
    let seq = said(&ana, room, "the first secret").await;
    ana.asks(edit(room, seq, 0, "the second secret")).await.unwrap();
    ana.asks(edit(room, seq, 1, "nothing")).await.unwrap();
    assert_eq!(versions(&bea, room, seq).await.unwrap().len(), 3);
    // A stranger, and then somebody who was removed.
    assert_eq!(versions(&dora, room, seq).await, Err(ErrorCode::RoomUnknown));
    ana.asks(Command::Remove { room, user: bea.id(), ban: false }).await.unwrap();
    bea.until("she is out", |client| client.room(room).is_none()).await;
    assert_eq!(versions(&bea, room, seq).await, Err(ErrorCode::RoomUnknown));
    // Archived, it can still be read.
    for on in [true, false] {
        ana.asks(Command::Archive { room, on }).await.unwrap();
        assert_eq!(versions(&ana, room, seq).await.unwrap().len(), 3);
    }
    // Another message keeps its own.
    let other = said(&ana, room, "one").await;
    ana.asks(edit(room, other, 0, "two")).await.unwrap();
    assert_eq!(stored(&cluster, "secret").await, (3, 2));
    for _ in 0..2 {
        ana.asks(Command::Delete { room, seq }).await.unwrap();
    }
    assert_eq!(stored(&cluster, "secret").await, (1, 0));
    assert_eq!(versions(&ana, room, seq).await, Err(ErrorCode::MessageDeleted));
    assert_eq!(ana.asks(edit(room, seq, 2, "again")).await.unwrap_err().code, ErrorCode::MessageDeleted);
    assert_eq!(stored(&cluster, "again").await, (1, 0));
    assert_eq!(texts(&versions(&ana, room, other).await.unwrap()), [(0, "one"), (1, "two")]);
}

#[sqlx::test(migrations = "../migrations")]
async fn the_first_text_and_the_newest_are_kept(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let room = cluster.group("crew", [&ana]).await;
    let seq = said(&ana, room, "text 0").await;
    let edits = VERSIONS_MAX as u32 + 5;
    for n in 0..edits {
        ana.asks(edit(room, seq, n, &format!("text {}", n + 1))).await.unwrap();
    }
    let found = versions(&ana, room, seq).await.unwrap();
    assert_eq!(found.len(), VERSIONS_MAX);
    let kept: Vec<u32> = found.iter().map(|version| version.edits).collect();
    let newest = edits - VERSIONS_MAX as u32 + 2;
    assert_eq!(kept, std::iter::once(0).chain(newest..=edits).collect::<Vec<_>>());
    assert!(found.iter().all(|version| version.body == format!("text {}", version.edits)));
    assert!(found.iter().all(|version| version.at.is_some()));
}

/// During an upgrade, servers before migration 17 edit and delete, too.
#[sqlx::test(migrations = "../migrations")]
async fn what_an_older_server_did_is_not_invented_and_not_left_behind(pool: PgPool) {
    let cluster = Cluster::start(pool, 1).await;
    let ana = cluster.person("ana", 1).await;
    let room = cluster.group("crew", [&ana]).await;
    let seq = said(&ana, room, "one").await;
    as_an_older_server(&cluster, "body = 'two', edits = 1", room, seq).await;
    let found = versions(&ana, room, seq).await.unwrap();
    assert_eq!(found, [Version { edits: 1, body: "two".to_owned(), at: None }]);
    ana.asks(edit(room, seq, 1, "three")).await.unwrap();
    ana.asks(edit(room, seq, 2, "four")).await.unwrap();
    as_an_older_server(&cluster, "body = 'five', edits = 4", room, seq).await;
    let found = versions(&ana, room, seq).await.unwrap();
    assert_eq!(texts(&found), [(1, "two"), (2, "three"), (4, "five")]);
    let is_timed: Vec<bool> = found.iter().map(|version| version.at.is_some()).collect();
    assert_eq!(is_timed, [false, true, false]);
    as_an_older_server(&cluster, "body = '', deleted_at = coalesce(deleted_at, now())", room, seq).await;
    assert_eq!(stored(&cluster, "t").await, (0, 0));
}
