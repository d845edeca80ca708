//! Who someone is.

use protocol::{SessionId, User};

/// The person on whose behalf code runs.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// Who.
    pub user: User,
    /// By which session.
    pub session: SessionId,
    /// Whether they look after this place.
    pub admin: bool,
}
