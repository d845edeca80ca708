//! Whether the database accepts writes.
//!
//! A database that has failed over, or was set read-only, answers but refuses writes (`25006`). A
//! connection keeps the mode in which it was opened, so connections from that time keep refusing
//! after the database accepts writes again. Law: a connection older than the last refusal is not
//! reused.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::PgConnection;

/// The code of `read_only_sql_transaction`.
pub(super) const READ_ONLY: &str = "25006";
/// The pool measures a connection's age from slightly after [`ask`] first ran on it.
const SLACK: Duration = Duration::from_secs(1);

/// When the database last refused. One for the process, not one per [`Store`](super::Store),
/// because an error does not know its connection, and a process has one database. (Tests with
/// several in one process reopen some connections needlessly.)
static REFUSED: Mutex<Option<Instant>> = Mutex::new(None);

/// Records that the database has refused a write.
pub(super) fn refused() {
    *REFUSED.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
}

/// Whether a connection of this age may be one of those that refuse.
pub(super) fn is_stale(age: Duration) -> bool {
    let refused = *REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    refused.is_some_and(|refused| age + SLACK >= refused.elapsed())
}

/// Checks whether a connection accepts writes, and records a refusal.
pub(super) async fn ask(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let read_only: bool = sqlx::query_scalar("select current_setting('transaction_read_only')::boolean")
        .fetch_one(connection)
        .await?;
    if read_only {
        refused();
    }
    Ok(!read_only)
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use crate::store::{
        Store,
        testing::{person, session},
    };

    /// The connection was opened while the database accepted writes, and suddenly refuses.
    #[sqlx::test(migrations = "../migrations")]
    async fn a_connection_that_refuses_to_write_is_not_used_again(pool: PgPool) {
        let store = Store::open((*pool.connect_options()).clone(), 1);
        let ana = person(&store, "ana", &[1; 32]).await;
        assert!(store.is_writable().await.unwrap());
        sqlx::query("set default_transaction_read_only = on").execute(&store.pool()).await.unwrap();
        let sign_in = async |token: u8| {
            store.insert_session(ana, crate::store::testing::HASH, &session(&[token; 32])).await
        };
        let error = sign_in(2).await.unwrap_err();
        assert!(error.is_passing(), "{error}");
        assert!(sign_in(3).await.unwrap().is_some());
        assert!(store.is_writable().await.unwrap());
        store.close().await;
    }
}
