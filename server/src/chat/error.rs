//! Why a chat command did not happen.

use protocol::Refusal;

use crate::store;

/// A refusal is the viewer's to mend and is told in full; a failure is ours: the browser learns only that it
/// happened, the log learns why.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The viewer's to mend.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}
