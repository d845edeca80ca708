//! One node: the only meeting point of store, hub and broker.

use protocol::{Epoch, SessionId, UserId};

use crate::{clock::Clock, store::Store};

/// One running server process.
pub struct Node {
    /// What people see and logs say: which node this is.
    pub name: String,
    /// The database's life.
    pub epoch: Epoch,
    /// Postgres.
    pub store: Store,
    /// The time.
    pub clock: Clock,
}

impl Node {
    /// Tells every node that a session is over (`None`: all sessions of this person), so that its sockets close.
    pub async fn end_session(&self, user: UserId, session: Option<SessionId>) {
        todo!("{user} {session:?}")
    }
}
