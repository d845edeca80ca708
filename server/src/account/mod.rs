//! Identity: accounts, sessions, invitations.
//!
//! [`Accounts`] does what the forms ask for, without knowing about forms; there is one file per
//! subject. A refusal names the field at fault ([`Error::Refused`]).
//!
//! Law:
//! - a secret is in the browser only; the database has its hash ([`Token`]);
//! - a session that ends closes its sockets, on every node ([`Node::tell_sessions_ended`]);
//! - a suspended person has no session and can begin none, even concurrently: the store checks for
//!   suspension wherever it looks up or creates a session;
//! - only someone who could sign up with a handle, or who has an account and could take it, can find out
//!   whether it is taken.

mod device;
mod groups;
mod invitations;
mod new_password;
mod password;
mod people;
mod sessions;
mod sign_in;
mod sign_up;
mod token;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use protocol::{ErrorCode, Refusal, SessionId, User};

use crate::{
    config::{Config, SignUpMode},
    node::Node,
    store,
};
pub use device::device_of;
pub use groups::GroupPage;
pub use new_password::{ChangePassword, SetPassword};
pub use password::Hasher;
pub use sign_in::SignIn;
pub use sign_up::SignUp;
pub use token::Token;

/// The person that code acts for.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The person.
    pub user: User,
    /// Their session.
    pub session: SessionId,
}

/// The accounts of the workspace, as used by one node.
pub struct Accounts {
    node: Arc<Node>,
    config: Arc<Config>,
    hasher: Hasher,
    /// Whether anyone has an account. Once true, it stays true, because accounts are never deleted.
    has_users: AtomicBool,
}

/// Why an action failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user can fix it.
    #[error("refused: {refusal}")]
    Refused {
        /// The field at fault; empty for the form as a whole.
        field: &'static str,
        /// Why.
        refusal: Refusal,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    fn refused(field: &'static str, refusal: impl Into<Refusal>) -> Self {
        Self::Refused { field, refusal: refusal.into() }
    }
}

impl From<password::Busy> for Error {
    fn from(busy: password::Busy) -> Self {
        Self::refused("", Refusal::new(ErrorCode::Busy).retry_ms(busy.retry_ms()))
    }
}

/// The name of the sweep in the log.
const SWEEP: &str = "the sweep";

impl Accounts {
    /// The accounts in the node's database.
    #[must_use]
    pub fn new(node: Arc<Node>, config: Arc<Config>) -> Self {
        let hasher = Hasher::new(config.hashes_at_once);
        Self { node, config, hasher, has_users: AtomicBool::new(false) }
    }

    /// Who may sign up now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn who_may_sign_up(&self) -> Result<protocol::WhoMaySignUp, Error> {
        if !self.has_users.load(Ordering::Relaxed) {
            if !self.node.store.has_users().await? {
                return Ok(protocol::WhoMaySignUp::First);
            }
            self.has_users.store(true, Ordering::Relaxed);
        }
        Ok(match self.config.sign_up {
            SignUpMode::Open => protocol::WhoMaySignUp::Open,
            SignUpMode::Invite => protocol::WhoMaySignUp::Invite,
            SignUpMode::Closed => protocol::WhoMaySignUp::Closed,
        })
    }

    /// Deletes expired data periodically, until dropped. Every node does so; only the first one
    /// finds something.
    pub async fn sweep(&self, every: Duration) {
        let mut ticks = tokio::time::interval(every);
        loop {
            ticks.tick().await;
            let store = self.node.store.clone();
            let sweep = async move { store.sweep_accounts().await };
            match self.node.within_timeout(SWEEP, sweep).await {
                Ok(Ok(_)) => {}
                Ok(Err(e)) => tracing::warn!(error = %e, "what has expired was not deleted"),
                Err(unfinished) => unfinished.log(SWEEP),
            }
        }
    }
}
