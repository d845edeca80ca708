//! A database that answers but refuses writes, as after a failover: the server says so, and
//! recovers fully when writes work again.

use axum::http::StatusCode;
use futures::future::join_all;
use protocol::{Command, ErrorCode, Nonce};
use sqlx::{ConnectOptions as _, Connection as _, PgPool};
use uuid::Uuid;

use crate::{
    cluster::{CONNECTIONS, Cluster},
    late::until,
};

#[sqlx::test(migrations = "../migrations")]
async fn when_a_read_only_database_writes_again_every_send_succeeds_at_once(pool: PgPool) {
    // Opened before the database becomes read-only, so this connection can still write.
    let mut operator = pool.connect_options().connect().await.unwrap();
    let cluster = Cluster::start(pool, 1).await;
    let node = cluster.node(1);
    let ana = cluster.person("ana", 1).await;
    let room = cluster.group("crew", [&ana]).await;
    ana.says(room, "one").await;
    let ready = async || node.get("/health/ready", "").await;
    assert_eq!(ready().await.0, StatusCode::OK);

    let database: String =
        sqlx::query_scalar("select current_database()").fetch_one(&mut operator).await.unwrap();
    let alter = |what: &str| format!("alter database \"{database}\" {what} default_transaction_read_only");
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("{} = on", alter("set"))))
        .execute(&mut operator)
        .await
        .unwrap();
    // As in a failover, every connection ends, and new ones reach a read-only database.
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()";
    sqlx::query(end).execute(&mut operator).await.unwrap();
    until("the server says so", async || {
        let (status, _, text) = ready().await;
        status == StatusCode::SERVICE_UNAVAILABLE && text.contains("read-only")
    })
    .await;
    let send = || {
        let nonce = Nonce(Uuid::new_v4());
        ana.asks(Command::say(room, nonce, "two"))
    };
    assert_eq!(send().await.unwrap_err().code, ErrorCode::Internal);
    // Reading still works, on every connection that the server has.
    let pages = join_all((0..4 * CONNECTIONS).map(|_| node.get("/health/ready", ""))).await;
    assert!(pages.iter().all(|(status, ..)| *status == StatusCode::SERVICE_UNAVAILABLE));
    let path = format!("/r/{room}");
    assert_eq!(node.get(&path, &ana.cookie).await.0, StatusCode::OK);

    sqlx::raw_sql(sqlx::AssertSqlSafe(alter("reset"))).execute(&mut operator).await.unwrap();
    for number in 0..3 * CONNECTIONS {
        send().await.unwrap_or_else(|refusal| panic!("send {number} after it writes again: {refusal:?}"));
    }
    let (status, _, text) = ready().await;
    assert_eq!(status, StatusCode::OK, "{text}");
    operator.close().await.unwrap();
}
