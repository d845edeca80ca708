//! Signed-in browsers.

use protocol::{Line, Millis, Seq, SessionId, User, UserId};
use sqlx::{PgConnection, PgTransaction};
use uuid::Uuid;

use super::{
    Error, Store,
    lines::{self, ItemKind},
    users::user_of,
};

/// A session to be created.
#[derive(Clone, Copy, Debug)]
pub struct NewSession<'a> {
    /// SHA-256 of the token.
    pub token_hash: &'a [u8],
    /// The browser's name, shortened to at most 80 characters.
    pub device: &'a str,
    /// How long it lives without activity, in seconds.
    pub lifetime_s: f64,
}

/// A valid session, and its owner.
#[derive(Clone, Debug)]
pub struct LiveSession {
    /// Its id.
    pub id: SessionId,
    /// Its owner.
    pub user: User,
    /// Whether it was last seen more than a minute ago.
    pub stale: bool,
}

/// A session in its owner's list.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The browser's name.
    pub device: String,
    /// When it signed in.
    pub created_at: Millis,
    /// When it was last seen, to the minute.
    pub seen_at: Millis,
}

/// The result of keeping only the current browser signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// The new id of the current session. Whatever was opened under the old one must close.
    pub session: SessionId,
    /// The ended sessions of other browsers; `None` if there were none.
    pub ended: Option<Ended>,
}

/// Sessions of one person that ended together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Their ids; at least one.
    pub sessions: Vec<SessionId>,
    /// The number of this change on the person's line.
    pub seq: Seq,
}

/// The most sessions that a list shows.
const SESSIONS_LISTED_MAX: i64 = 100;

/// Adds a session. For [`Store::insert_session`] and for the transaction of a sign-up.
///
/// Locks the person's row against changes, and reads it after any change in progress. So a session
/// begins before a suspension or a new password, which then ends it, or not at all.
pub(super) async fn insert(
    connection: &mut PgConnection,
    user: UserId,
    password_hash: &str,
    session: &NewSession<'_>,
) -> Result<Option<SessionId>, sqlx::Error> {
    let id = Uuid::now_v7();
    let done = sqlx::query!(
        "insert into sessions (id, user_id, token_hash, device, expires_at)
         select $1::uuid, id, $3::bytea, $4::text, now() + make_interval(secs => $5)
         from users where id = $2 and password_hash = $6 and suspended_at is null
         for share",
        id,
        user.0,
        session.token_hash,
        session.device,
        session.lifetime_s,
        password_hash
    )
    .execute(connection)
    .await?;
    Ok((done.rows_affected() == 1).then_some(SessionId(id)))
}

/// Takes a number on a person's line for ended sessions. Part of the transaction that ends them, so
/// that every server learns of it even if this one dies right after the commit.
pub(super) async fn note_ended(tx: &mut PgTransaction<'_>, user: UserId) -> Result<Seq, Error> {
    lines::take(tx, Line::Person(user), ItemKind::Sessions, "").await
}

/// Ends all sessions of a person except `kept`. Returns them; `None` if there were no others.
pub(super) async fn delete_others(
    tx: &mut PgTransaction<'_>,
    user: UserId,
    kept: SessionId,
) -> Result<Option<Ended>, Error> {
    let ended = sqlx::query_scalar!(
        "delete from sessions where user_id = $1 and id <> $2 returning id",
        user.0,
        kept.0
    )
    .fetch_all(&mut **tx)
    .await?;
    if ended.is_empty() {
        return Ok(None);
    }
    let seq = note_ended(tx, user).await?;
    Ok(Some(Ended { sessions: ended.into_iter().map(SessionId).collect(), seq }))
}

/// Gives the current session a new id and a new token, and ends all others of its person. Sockets
/// are known by the session's id, so with the new id, a socket opened with a copied cookie no
/// longer has a session. `None` if the current session has ended.
pub(super) async fn renew(
    tx: &mut PgTransaction<'_>,
    user: UserId,
    asking: SessionId,
    token_hash: &[u8],
) -> Result<Option<Renewed>, Error> {
    let session = SessionId(Uuid::now_v7());
    let done = sqlx::query!(
        "update sessions set id = $3, token_hash = $4, seen_at = now()
         where id = $1 and user_id = $2 and expires_at > now()",
        asking.0,
        user.0,
        session.0,
        token_hash
    )
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    let ended = delete_others(tx, user, session).await?;
    Ok(Some(Renewed { session, ended }))
}

impl Store {
    /// Adds a session for someone whose password has been verified against this hash. `None` if the
    /// hash has changed, or the person is suspended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_session(
        &self,
        user: UserId,
        password_hash: &str,
        session: &NewSession<'_>,
    ) -> Result<Option<SessionId>, Error> {
        let mut connection = self.pool().acquire().await?;
        Ok(insert(&mut connection, user, password_hash, session).await?)
    }

    /// The session with this token, unless it has ended or its person is suspended. Every request
    /// calls this.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_session(&self, token_hash: &[u8]) -> Result<Option<LiveSession>, Error> {
        let row = sqlx::query!(
            r#"select s.id, u.id as user_id, u.handle, u.name, u.role, u.rev, u.picture,
                      s.seen_at < now() - interval '1 minute' as "stale!"
               from sessions s join users u on u.id = s.user_id
               where s.token_hash = $1 and s.expires_at > now() and u.suspended_at is null"#,
            token_hash
        )
        .fetch_optional(&self.pool())
        .await?;
        Ok(row.map(|row| LiveSession {
            id: SessionId(row.id),
            user: user_of(row.user_id, row.handle, row.name, &row.role, row.rev, row.picture),
            stale: row.stale,
        }))
    }

    /// Records that a session was seen, so that it lives for `lifetime_s` seconds from now. At most
    /// once a minute, even with concurrent requests.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn touch_session(&self, id: SessionId, lifetime_s: f64) -> Result<(), Error> {
        sqlx::query!(
            "update sessions set seen_at = now(), expires_at = now() + make_interval(secs => $2)
             where id = $1 and seen_at < now() - interval '1 minute' and expires_at > now()",
            id.0,
            lifetime_s
        )
        .execute(&self.pool())
        .await?;
        Ok(())
    }

    /// A person's sessions, the most recently seen first; at most 100.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_sessions(&self, user: UserId) -> Result<Vec<Session>, Error> {
        let rows = sqlx::query!(
            r#"select id, device,
                      (extract(epoch from created_at) * 1000)::bigint as "created_at!",
                      (extract(epoch from seen_at) * 1000)::bigint as "seen_at!"
               from sessions where user_id = $1 and expires_at > now()
               order by sessions.seen_at desc, id limit $2"#,
            user.0,
            SESSIONS_LISTED_MAX
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| Session {
                id: SessionId(row.id),
                device: row.device,
                created_at: row.created_at,
                seen_at: row.seen_at,
            })
            .collect())
    }

    /// Which of these sessions are still valid; a suspended person has none. For sockets, which are
    /// checked every half minute.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sessions_alive(&self, sessions: &[SessionId]) -> Result<Vec<SessionId>, Error> {
        let ids: Vec<Uuid> = sessions.iter().map(|session| session.0).collect();
        let alive = sqlx::query_scalar!(
            // Each separately: see `Store::heads`.
            r#"select s.id as "id!" from unnest($1::uuid[]) as k (id)
             cross join lateral (
                select id, user_id from sessions where id = k.id and expires_at > now() offset 0) s
             cross join lateral (select suspended_at from users where id = s.user_id offset 0) u
             where u.suspended_at is null"#,
            &ids
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(alive.into_iter().map(SessionId).collect())
    }

    /// Ends one session of a person. Returns the number of this change on the person's line; `None`
    /// if there was no such session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_session(&self, user: UserId, id: SessionId) -> Result<Option<Seq>, Error> {
        let mut tx = self.pool().begin().await?;
        let done = sqlx::query!("delete from sessions where id = $1 and user_id = $2", id.0, user.0)
            .execute(&mut *tx)
            .await?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        let seq = note_ended(&mut tx, user).await?;
        tx.commit().await?;
        Ok(Some(seq))
    }

    /// Keeps a person signed in only in the current browser: see [`Renewed`]. `None` if its session
    /// has ended, in which case nothing was changed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew_session(
        &self,
        user: UserId,
        asking: SessionId,
        token_hash: &[u8],
    ) -> Result<Option<Renewed>, Error> {
        let mut tx = self.pool().begin().await?;
        let renewed = renew(&mut tx, user, asking, token_hash).await?;
        tx.commit().await?;
        Ok(renewed)
    }

    /// Deletes expired sessions and password links, and invitations that ended a month ago.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_accounts(&self) -> Result<u64, Error> {
        let sessions =
            sqlx::query!("delete from sessions where expires_at < now()").execute(&self.pool()).await?;
        let invitations =
            sqlx::query!("delete from invitations where expires_at < now() - interval '30 days'")
                .execute(&self.pool())
                .await?;
        let links =
            sqlx::query!("delete from password_links where expires_at < now()").execute(&self.pool()).await?;
        Ok(sessions.rows_affected() + invitations.rows_affected() + links.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use protocol::{DisplayName, Handle, WorkspaceRole};
    use sqlx::PgPool;

    use super::*;
    use crate::store::{Admission, NewUser};

    async fn person(store: &Store, handle: &str, token_hash: &[u8]) -> UserId {
        let user = NewUser {
            id: UserId(Uuid::now_v7()),
            handle: Handle::parse(handle).unwrap(),
            name: DisplayName::parse(handle).unwrap(),
            password_hash: "$argon2id$".to_owned(),
        };
        let session = NewSession { token_hash, device: "Test", lifetime_s: 60.0 };
        store.sign_up(&user, Admission::Open, &session).await.unwrap();
        user.id
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn a_session_is_found_by_its_token_until_it_expires(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana", &[1; 32]).await;
        let expired = NewSession { token_hash: &[2; 32], device: "Old", lifetime_s: -1.0 };
        let expired = store.insert_session(ana, "$argon2id$", &expired).await.unwrap().unwrap();
        let live = store.find_session(&[1; 32]).await.unwrap().unwrap();
        assert_eq!((live.user.id, live.user.role, live.stale), (ana, WorkspaceRole::Owner, false));
        assert!(store.find_session(&[2; 32]).await.unwrap().is_none());
        assert!(store.find_session(&[3; 32]).await.unwrap().is_none());
        assert_eq!(store.sessions_alive(&[expired, live.id]).await.unwrap(), [live.id]);
        assert_eq!(store.list_sessions(ana).await.unwrap().len(), 1);
        assert_eq!(store.sweep_accounts().await.unwrap(), 1);
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn nobody_ends_the_session_of_another(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana", &[1; 32]).await;
        let bea = person(&store, "bea", &[2; 32]).await;
        let session = store.find_session(&[1; 32]).await.unwrap().unwrap().id;
        assert_eq!(store.delete_session(bea, session).await.unwrap(), None);
        assert!(store.delete_session(ana, session).await.unwrap().is_some());
        assert!(store.find_session(&[1; 32]).await.unwrap().is_none());
    }

    /// A server may die at any moment: an end without a number would never be announced.
    #[sqlx::test(migrations = "../migrations")]
    async fn a_session_ends_together_with_its_number_or_not_at_all(pool: PgPool) {
        let store = Store::over(pool.clone());
        let ana = person(&store, "ana", &[1; 32]).await;
        let other = NewSession { token_hash: &[2; 32], device: "Other", lifetime_s: 60.0 };
        let other = store.insert_session(ana, "$argon2id$", &other).await.unwrap().unwrap();
        let head = async || store.heads(&[Line::Person(ana)]).await.unwrap()[0].head;
        let before = head().await;
        let seq = store.delete_session(ana, other).await.unwrap();
        assert_eq!((seq, head().await), (Some(Seq(before.0 + 1)), Seq(before.0 + 1)));

        let other = NewSession { token_hash: &[3; 32], device: "Another", lifetime_s: 60.0 };
        let other = store.insert_session(ana, "$argon2id$", &other).await.unwrap().unwrap();
        let asking = store.find_session(&[1; 32]).await.unwrap().unwrap().id;
        sqlx::query("alter table items rename to items_gone").execute(&pool).await.unwrap();
        assert!(store.delete_session(ana, other).await.is_err());
        assert!(store.renew_session(ana, asking, &[4; 32]).await.is_err());
        assert_eq!(store.sessions_alive(&[asking, other]).await.unwrap().len(), 2);
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn all_but_the_asking_session_can_be_ended_and_that_one_is_another_from_then_on(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana", &[1; 32]).await;
        let bea = person(&store, "bea", &[9; 32]).await;
        let other = NewSession { token_hash: &[2; 32], device: "Other", lifetime_s: 60.0 };
        let other = store.insert_session(ana, "$argon2id$", &other).await.unwrap().unwrap();
        let current = store.find_session(&[1; 32]).await.unwrap().unwrap().id;
        let renewed = store.renew_session(ana, current, &[3; 32]).await.unwrap().unwrap();
        let ended = renewed.ended.unwrap();
        assert_eq!(ended.sessions, [other]);
        assert_eq!(ended.seq, store.heads(&[Line::Person(ana)]).await.unwrap()[0].head);
        assert_ne!(renewed.session, current);
        assert!(store.find_session(&[1; 32]).await.unwrap().is_none(), "a copied cookie is worth nothing");
        assert_eq!(store.find_session(&[3; 32]).await.unwrap().unwrap().id, renewed.session);
        assert_eq!(
            store.sessions_alive(&[current, other, renewed.session]).await.unwrap(),
            [renewed.session]
        );
        assert_eq!(store.list_sessions(ana).await.unwrap().len(), 1);
        assert_eq!(store.renew_session(ana, current, &[4; 32]).await.unwrap(), None);
        assert_eq!(store.renew_session(bea, renewed.session, &[4; 32]).await.unwrap(), None);
        assert_eq!(store.list_sessions(bea).await.unwrap().len(), 1);
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn a_session_that_is_used_lives_on(pool: PgPool) {
        let store = Store::over(pool.clone());
        person(&store, "ana", &[1; 32]).await;
        sqlx::query("update sessions set seen_at = now() - interval '2 minutes'")
            .execute(&pool)
            .await
            .unwrap();
        let live = store.find_session(&[1; 32]).await.unwrap().unwrap();
        assert!(live.stale);
        store.touch_session(live.id, 3_600.0).await.unwrap();
        assert!(!store.find_session(&[1; 32]).await.unwrap().unwrap().stale);
        let left: bool =
            sqlx::query_scalar("select expires_at > now() + interval '50 minutes' from sessions")
                .fetch_one(&pool)
                .await
                .unwrap();
        assert!(left);
    }
}
