//! Fixtures for tests of the store.

use protocol::{DisplayName, Handle, UserId};
use sqlx::PgPool;
use uuid::Uuid;

use super::{ACQUIRE_TIMEOUT, Admission, NewSession, NewUser, Store};

/// A stand-in for a password hash.
pub(super) const HASH: &str = "$argon2id$";

/// A session to sign in with.
pub(super) fn session(token_hash: &[u8]) -> NewSession<'_> {
    NewSession { token_hash, device: "Test", lifetime_s: 60.0 }
}

/// Someone who has not signed up.
pub(super) fn new_user(handle: &str) -> NewUser {
    NewUser {
        id: UserId(Uuid::now_v7()),
        handle: Handle::parse(handle).unwrap(),
        name: DisplayName::parse(handle).unwrap(),
        password_hash: HASH.to_owned(),
    }
}

/// Someone who has signed up, with a session.
pub(super) async fn person(store: &Store, handle: &str, token_hash: &[u8]) -> UserId {
    let user = new_user(handle);
    store.sign_up(&user, Admission::Open, &session(token_hash)).await.unwrap();
    user.id
}

/// Waits until this many transactions wait for a lock of this database, for tests of concurrency.
pub(super) async fn wait_for_a_lock(pool: &PgPool, count: i64) {
    let waiting = "select count(*) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock'";
    let wait = async {
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(pool).await.unwrap() < count {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(ACQUIRE_TIMEOUT, wait).await.expect("nobody waits for a lock");
}
