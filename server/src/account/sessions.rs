//! Signed-in browsers: identifying requests, and the list shown to the account's owner.

use protocol::{ErrorCode, SessionId, SessionView};

use super::{Accounts, Error, Token, Viewer};
use crate::store::{Ended, Renewed};

impl Accounts {
    /// The viewer of a session, unless it has ended. Every request calls this. At most once a
    /// minute it records the use in the database, which extends the session.
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
        Ok(Some(Viewer { user: live.user, session: live.id }))
    }

    /// Extends a session after activity over a socket, at most once a minute.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_alive(&self, session: SessionId) -> Result<(), Error> {
        let lifetime_s = self.config.session_lifetime().as_secs_f64();
        self.node.store.touch_session(session, lifetime_s).await?;
        Ok(())
    }

    /// The viewer's sessions, the most recently used first.
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

    /// Ends one of the viewer's sessions, in any browser. It may have ended already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(&self, viewer: &Viewer, session: SessionId) -> Result<(), Error> {
        if let Some(seq) = self.node.store.delete_session(viewer.user.id, session).await? {
            tracing::info!(user.id = %viewer.user.id, session.id = %session, "session ended");
            self.node.tell_sessions_ended(viewer.user.id, seq);
        }
        Ok(())
    }

    /// Ends every other session of the viewer. The current one gets a new id and a new token, which
    /// is returned, so that a copied cookie no longer works.
    ///
    /// # Errors
    /// [`ErrorCode::NotSignedIn`] when the asking session ends meanwhile.
    pub async fn end_other_sessions(&self, viewer: &Viewer) -> Result<Token, Error> {
        let token = Token::generate();
        let renewed = self.node.store.renew_session(viewer.user.id, viewer.session, &token.hash()).await?;
        let renewed = renewed.ok_or_else(|| Error::refused("", ErrorCode::NotSignedIn))?;
        tracing::info!(user.id = %viewer.user.id, sessions = ended_count(&renewed.ended), "other sessions ended");
        self.tell_renewed(viewer, renewed);
        Ok(token)
    }

    /// Closes the sockets of the ended sessions, and those under the current session's former id.
    pub(super) fn tell_renewed(&self, viewer: &Viewer, renewed: Renewed) {
        // First, so that the browser with the new cookie reconnects instead of being signed out
        // with the others.
        self.node.renew_session(viewer.user.id, viewer.session);
        if let Some(ended) = renewed.ended {
            self.node.tell_sessions_ended(viewer.user.id, ended.seq);
        }
    }
}

/// How many sessions ended, for the log.
pub(super) fn ended_count(ended: &Option<Ended>) -> usize {
    ended.as_ref().map_or(0, |ended| ended.sessions.len())
}
