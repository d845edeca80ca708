//! Postgres, through typed methods. Only this module knows SQL.

use sqlx::PgPool;

/// The database.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
}

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What sqlx says.
    #[error("the database failed: {0}")]
    Sqlx(#[from] sqlx::Error),
}
