//! Postgres, through typed methods. Only this module knows SQL.
//!
//! [`Store`] is a pool; its methods are split over files by subject. They return people, rooms and
//! messages as protocol types, never frames or events, and publish nothing: that is up to their
//! callers.
//!
//! Law: a future of this module is never dropped halfway (a cancelled `begin` leaves a connection
//! inside an open transaction), so work for a browser that may go away runs in its own task.

pub mod blobs;
pub mod changes;
pub mod deletion;
mod directory;
mod drafts;
pub mod files;
pub mod groups;
mod invitations;
pub mod jobs;
pub mod lines;
pub mod marks;
pub mod members;
mod mentions;
pub mod messages;
mod password_links;
mod people;
mod pins;
mod pinyin;
mod polls;
pub mod previews;
pub mod profiles;
pub mod rooms;
pub mod saved;
pub mod scheduled;
pub mod search;
mod sessions;
#[cfg(test)]
mod testing;
pub mod threads;
mod unread;
pub mod uploads;
mod users;
mod versions;
mod workspace;
mod writable;

use std::{
    str::FromStr,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use sqlx::{
    Connection as _, PgConnection, PgPool,
    migrate::MigrateError,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use tokio::time::Instant;

pub use invitations::Invitation;
pub use people::{PeoplePage, PeopleRefused};
pub use sessions::{Ended, LiveSession, NewSession, Renewed, Session};
pub use users::{Admission, Credentials, NewUser, PasswordChange, SignUpRefused};
pub use workspace::Workspace;

/// The longest wait for a connection of the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// The database aborts a statement after this many milliseconds, …
const STATEMENT_TIMEOUT_MS: u32 = protocol::limits::STATEMENT_MS;
/// … a wait for a lock, …
const LOCK_TIMEOUT_MS: u32 = 5_000;
/// … and an idle transaction, so that a hanging server does not hold a room's lock for long.
const IDLE_IN_TRANSACTION_TIMEOUT_MS: u32 = protocol::limits::STATEMENT_MS;
/// Over TCP, after this many seconds of silence, the database sends a keepalive. …
const KEEPALIVES_IDLE_S: u32 = 30;
/// … It repeats that at this interval, …
const KEEPALIVES_INTERVAL_S: u32 = 10;
/// … and closes the connection after this many without an answer, so that connections dropped by
/// the network are freed soon. (Our own end cannot do the same, because sqlx does not expose its
/// socket.)
const KEEPALIVES_COUNT: u32 = 3;

/// The database.
#[derive(Clone, Debug)]
pub struct Store {
    connections: Arc<RwLock<Connections>>,
}

/// The pool, and when a connection was last returned to it; `None` for a pool that was passed in.
#[derive(Debug)]
struct Connections {
    pool: PgPool,
    given_back: Option<Arc<Mutex<Instant>>>,
}

impl Connections {
    fn open(options: PgConnectOptions, count: u32) -> Self {
        let given_back = Arc::new(Mutex::new(Instant::now()));
        let last = Arc::clone(&given_back);
        let pool = PgPoolOptions::new()
            .max_connections(count)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(|connection, _| Box::pin(async move { writable::ask(connection).await.map(drop) }))
            .before_acquire(|_, meta| Box::pin(std::future::ready(Ok(!writable::is_stale(meta.age)))))
            .after_release(move |_, _| {
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                Box::pin(std::future::ready(Ok(true)))
            })
            .connect_lazy_with(options);
        Self { pool, given_back: Some(given_back) }
    }

    /// Whether every connection is in use, and none has been returned for this long.
    fn is_stuck(&self, silent: Duration) -> bool {
        let Some(given_back) = &self.given_back else { return false };
        let given_back = *given_back.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, idle) = (self.pool.size() as usize, self.pool.num_idle());
        let most = self.pool.options().get_max_connections() as usize;
        all.saturating_sub(idle) >= most && given_back.elapsed() >= silent
    }
}

/// Why a database operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An error of sqlx.
    #[error("the database failed: {0}")]
    Sqlx(#[source] sqlx::Error),
    /// A migration cannot be applied.
    #[error("the database cannot be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A line could not be followed or read in time: try again.
    #[error("a line is not ready")]
    NotReady,
    /// There is no such room.
    #[error("there is no such room")]
    NoSuchRoom,
    /// The room has no message with this number.
    #[error("there is no such message")]
    NoSuchMessage,
    /// There is no such person.
    #[error("there is no such person")]
    NoSuchUser,
    /// The room already has the most members allowed.
    #[error("the room is full")]
    MembersFull,
    /// The person is already in the most rooms allowed.
    #[error("too many rooms")]
    RoomsFull,
    /// The room already has the most pinned messages allowed.
    #[error("too many pinned messages")]
    PinsFull,
    /// Another channel has the title.
    #[error("another channel has this title")]
    TitleTaken,
    /// Nobody else owns the room.
    #[error("there must be another owner first")]
    LastOwner,
    /// What was found under the lock does not allow it.
    #[error("{}", .0.text())]
    Refused(protocol::ErrorCode),
}

impl From<sqlx::Error> for Error {
    fn from(e: sqlx::Error) -> Self {
        if e.as_database_error().and_then(|e| e.code()).is_some_and(|code| code == writable::READ_ONLY) {
            writable::refused();
        }
        Self::Sqlx(e)
    }
}

/// A pattern for `ilike` that finds `text` anywhere, with special characters escaped.
fn like_pattern(text: &str) -> String {
    let text = text.trim().trim_start_matches('@');
    let mut pattern = String::from("%");
    for c in text.chars().take(100) {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// How often a transaction is attempted that Postgres may abort because of a deadlock.
const TRIES: u32 = 3;

/// Runs a transaction, and repeats it up to [`TRIES`] times in all while `is_deadlock` says that
/// Postgres aborted it. The other party is usually the writing of marks, which locks the rows of
/// many people in its own order. An aborted transaction has had no effect, so it may simply be
/// repeated.
///
/// # Errors
/// Any other error at once; or that of the last attempt.
pub async fn retry_deadlocks<T, E, F: Future<Output = Result<T, E>>>(
    mut is_deadlock: impl FnMut(&E) -> bool,
    mut transaction: impl FnMut() -> F,
) -> Result<T, E> {
    for _ in 1..TRIES {
        match transaction().await {
            Err(error) if is_deadlock(&error) => {}
            done => return done,
        }
    }
    transaction().await
}

impl Error {
    /// Whether it waited too long for a lock.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.has_code("55P03")
    }

    /// Whether the database aborted this transaction because of a deadlock.
    #[must_use]
    pub fn is_deadlock(&self) -> bool {
        self.has_code("40P01")
    }

    /// Whether the database aborted it because it took too long. Lock waits time out sooner, so the
    /// database itself is too slow.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.has_code("57014")
    }

    fn has_code(&self, code: &str) -> bool {
        let Self::Sqlx(e) = self else { return false };
        e.as_database_error().and_then(|e| e.code()).is_some_and(|own| own == code)
    }

    /// Whether a retry may succeed in some seconds: Postgres is not up yet, is starting, or went
    /// away halfway. A wrong password, name or address is permanent.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        let (Self::Sqlx(e) | Self::Migrate(MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _))) =
            self
        else {
            return false;
        };
        match e.as_database_error().and_then(|e| e.code()) {
            // 57P01 and 57P02: terminated by an administrator or a crash; 57P03: starting up;
            // 53300: too many connections; 08…: connection failure.
            Some(code) => {
                ["57P01", "57P02", "57P03", "53300", writable::READ_ONLY].contains(&&*code)
                    || code.starts_with("08")
            }
            None => matches!(
                e,
                // A closed pool has been replaced, or the server is leaving.
                sqlx::Error::Io(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed
                    | sqlx::Error::Protocol(_)
            ),
        }
    }
}

impl Store {
    /// Connects, with at most `connections` at once, and tests the connection.
    ///
    /// # Errors
    /// The error of Postgres, never with the password in it; also validates the address.
    pub async fn connect(url: &str, connections: u32) -> Result<Self, Error> {
        let options = PgConnectOptions::from_str(url)?.application_name("roost").options([
            ("statement_timeout", STATEMENT_TIMEOUT_MS),
            ("lock_timeout", LOCK_TIMEOUT_MS),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT_MS),
            ("tcp_keepalives_idle", KEEPALIVES_IDLE_S),
            ("tcp_keepalives_interval", KEEPALIVES_INTERVAL_S),
            ("tcp_keepalives_count", KEEPALIVES_COUNT),
        ]);
        // A single connection first: the pool would retry on its own, and then report only a
        // timeout.
        let first = tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options)).await;
        first.map_err(|_| sqlx::Error::PoolTimedOut)??.close().await?;
        Ok(Self::open(options, connections))
    }

    /// Connects on first use.
    #[must_use]
    pub fn open(options: PgConnectOptions, connections: u32) -> Self {
        Self { connections: Arc::new(RwLock::new(Connections::open(options, connections))) }
    }

    /// Wraps an existing pool, such as a test's.
    #[must_use]
    pub fn over(pool: PgPool) -> Self {
        Self { connections: Arc::new(RwLock::new(Connections { pool, given_back: None })) }
    }

    fn pool(&self) -> PgPool {
        self.connections.read().unwrap_or_else(PoisonError::into_inner).pool.clone()
    }

    /// Replaces the pool if it is stuck: all its connections are in use, and none has been returned
    /// for this long. The database aborts each statement, and each idle transaction, within 8 s. So
    /// whoever waits longer waits for data that the network has lost, and holds a connection until
    /// the system gives it up, which may be never. Pending waits stay on the old pool. Returns
    /// whether it was stuck.
    #[must_use]
    pub fn renew_if_stuck(&self, silent: Duration) -> bool {
        let mut connections = self.connections.write().unwrap_or_else(PoisonError::into_inner);
        if !connections.is_stuck(silent) {
            return false;
        }
        let stuck = connections.pool.clone();
        let (options, count) = (stuck.connect_options(), stuck.options().get_max_connections());
        *connections = Connections::open(PgConnectOptions::clone(&options), count);
        drop(connections);
        // Connections that do come back are closed.
        tokio::spawn(async move { stuck.close().await });
        true
    }

    /// Applies the missing migrations. Servers that start together take turns.
    ///
    /// # Errors
    /// When one fails, or a newer version has migrated the database.
    pub async fn migrate(&self) -> Result<(), Error> {
        let mut connection = self.pool().acquire().await?;
        // Another server may be migrating, for an unlimited time.
        sqlx::raw_sql("set statement_timeout = 0; set lock_timeout = 0").execute(&mut *connection).await?;
        sqlx::migrate!("../migrations").run(&mut *connection).await?;
        // Its timeouts are off, so it must not return to the pool.
        drop(connection.detach());
        Ok(())
    }

    /// Whether the database accepts writes, rather than just answering.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn is_writable(&self) -> Result<bool, Error> {
        let mut connection = self.pool().acquire().await?;
        Ok(writable::ask(&mut connection).await?)
    }

    /// The most connections at once.
    #[must_use]
    pub fn connections_max(&self) -> u32 {
        self.pool().options().get_max_connections()
    }

    /// The connections in use, and the idle ones.
    #[must_use]
    pub fn connections(&self) -> (usize, usize) {
        let pool = self.pool();
        let (all, idle) = (pool.size() as usize, pool.num_idle());
        // Both change all the time, so the second may be larger than the first.
        (all.saturating_sub(idle), idle)
    }

    /// Closes every connection, on shutdown.
    pub async fn close(&self) {
        self.pool().close().await;
    }
}
