//! Why a chat command failed.

use protocol::{ErrorCode, Refusal};

use crate::store;

/// A *refusal* is for the viewer to fix, and the browser receives it in full. A *failure* is for
/// the operator to fix: the browser only learns that something failed, and the log says why.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The viewer can fix it.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The database failed.
    #[error(transparent)]
    Store(store::Error),
}

/// How long a browser waits before it retries after a failure.
const RETRY_MS: u32 = 1_000;

impl Error {
    /// The refusal to send to the browser.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::Store(_) => Refusal::new(ErrorCode::Internal).retry_ms(RETRY_MS),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        Self::Refused(code.into())
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NoSuchRoom => ErrorCode::RoomUnknown.into(),
            store::Error::NoSuchMessage => ErrorCode::MessageUnknown.into(),
            store::Error::NoSuchUser => ErrorCode::UserUnknown.into(),
            store::Error::MembersFull => ErrorCode::MembersFull.into(),
            store::Error::RoomsFull => ErrorCode::RoomsFull.into(),
            store::Error::PinsFull => ErrorCode::PinsFull.into(),
            store::Error::TitleTaken => ErrorCode::TitleTaken.into(),
            store::Error::LastOwner => ErrorCode::LastOwner.into(),
            store::Error::Refused(code) => code.into(),
            store::Error::NotReady | store::Error::Sqlx(_) | store::Error::Migrate(_) => Self::Store(error),
        }
    }
}
