//! Signed-in browsers: who asks, and the list that its owner sees.

use protocol::{SessionId, SessionView};

use super::{Accounts, Error, Token, Viewer};

impl Accounts {
    /// Whose session this is, unless it has ended. Every request asks; at most once a minute the answer is noted, which
    /// lets the session live on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_viewer(&self, token: &Token) -> Result<Option<Viewer>, Error> {
        let Some(live) = self.node.store.find_session(&token.hash()).await? else {
            return Ok(None);
        };
        if live.stale {
            let lifetime_s = self.config.session_lifetime().as_secs_f64();
            self.node.store.touch_session(live.id, lifetime_s).await?;
        }
        Ok(Some(Viewer { user: live.user, session: live.id, admin: live.admin }))
    }

    /// The viewer's sessions, the last seen first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_sessions(&self, viewer: &Viewer) -> Result<Vec<SessionView>, Error> {
        let sessions = self.node.store.list_sessions(viewer.user.id).await?;
        let view = |session: crate::store::Session| SessionView {
            id: session.id,
            device: session.device,
            created_at: session.created_at,
            seen_at: session.seen_at,
            current: session.id == viewer.session,
        };
        Ok(sessions.into_iter().map(view).collect())
    }

    /// Ends a session of the viewer, wherever it is. One that has ended already is no fault.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(&self, viewer: &Viewer, session: SessionId) -> Result<(), Error> {
        if self.node.store.delete_session(viewer.user.id, session).await? {
            tracing::info!(user.id = %viewer.user.id, session.id = %session, "session ended");
            self.node.end_sessions(viewer.user.id).await;
        }
        Ok(())
    }

    /// Ends every session of the viewer but the one that asks.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_other_sessions(&self, viewer: &Viewer) -> Result<(), Error> {
        let ended = self.node.store.delete_other_sessions(viewer.user.id, viewer.session).await?;
        tracing::info!(user.id = %viewer.user.id, sessions = ended.len(), "other sessions ended");
        self.node.end_sessions(viewer.user.id).await;
        Ok(())
    }
}
