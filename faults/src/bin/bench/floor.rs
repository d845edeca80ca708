//! What the machine can do without Roost: Redis and Postgres alone, used as Roost uses them.

use std::time::{Duration, Instant};

use faults::cluster::Fallible;
use sqlx::PgPool;
use uuid::Uuid;

/// Rows in one transaction, as in a full lane.
const BATCH: usize = 256;
/// Publications per round trip, as in the broker.
const PIPELINE: usize = 128;

/// Publications per second of 300 bytes each, to one channel without a subscriber.
///
/// # Errors
/// The error of Redis.
pub(crate) async fn publishes_per_s(url: &str, lasts: Duration) -> Fallible<f64> {
    let mut connection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    let payload = "x".repeat(300);
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < lasts {
        let mut pipeline = redis::pipe();
        for _ in 0..PIPELINE {
            pipeline.publish("floor", &payload).ignore();
        }
        pipeline.query_async::<()>(&mut connection).await?;
        count += PIPELINE;
    }
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

/// Rows per second inserted into a table like `messages`, in batches, over this many connections.
///
/// # Errors
/// The error of Postgres.
pub(crate) async fn inserts_per_s(pool: &PgPool, connections: usize, lasts: Duration) -> Fallible<f64> {
    sqlx::query("create table if not exists floor (like messages including all)").execute(pool).await?;
    let began = Instant::now();
    let one = async |room: Uuid| -> Fallible<usize> {
        let (author, body) = (Uuid::new_v4(), "x".repeat(80));
        let mut seq = 0;
        while began.elapsed() < lasts {
            let seqs: Vec<i64> = (seq..).take(BATCH).collect();
            seq += BATCH as i64;
            let ids: Vec<Uuid> = seqs.iter().map(|_| Uuid::now_v7()).collect();
            sqlx::query(
                "insert into floor (room_id, seq, rev_seq, ordinal, id, author_id, nonce, body)
                 select $1, seq, seq, seq, id, $2, gen_random_uuid(), $3
                 from unnest($4::bigint[], $5::uuid[]) as k (seq, id)",
            )
            .bind(room)
            .bind(author)
            .bind(&body)
            .bind(&seqs)
            .bind(&ids)
            .execute(pool)
            .await?;
        }
        Ok(usize::try_from(seq)?)
    };
    let all = futures::future::try_join_all((0..connections).map(|_| one(Uuid::new_v4()))).await?;
    let rate = all.into_iter().sum::<usize>() as f64 / began.elapsed().as_secs_f64();
    sqlx::query("drop table floor").execute(pool).await?;
    Ok(rate)
}
