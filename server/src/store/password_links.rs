//! Links that set a new password.

use protocol::{User, UserId};
use uuid::Uuid;

use super::{
    Ended, Error, NewSession, PeopleRefused, Store, people, sessions,
    users::{user_of, workspace_role_of},
};

/// An unexpired link, with its person and its creator, neither of whom is suspended.
struct Link {
    id: Uuid,
    handle: String,
    name: String,
    role: String,
    rev: i64,
    picture: Option<Uuid>,
    maker_role: String,
}

impl Link {
    /// Its person, if its creator would still be allowed to create it.
    fn into_user(self) -> Option<User> {
        let user = user_of(self.id, self.handle, self.name, &self.role, self.rev, self.picture);
        workspace_role_of(&self.maker_role).may_manage(user.role).then_some(user)
    }
}

/// Selects a [`Link`] by the hash of its secret.
macro_rules! select_link {
    ($lock:literal, $token_hash:expr) => {
        sqlx::query_as!(
            Link,
            "select u.id, u.handle, u.name, u.role, u.rev, u.picture, c.role as maker_role
             from password_links l join users u on u.id = l.user_id join users c on c.id = l.created_by
             where l.token_hash = $1 and l.expires_at > now() and u.suspended_at is null and c.suspended_at is null "
                + $lock,
            $token_hash
        )
    };
}

impl Store {
    /// Adds a link for a person, valid for `lifetime_s` seconds, replacing any earlier one. `by`
    /// must be an administrator with a higher role.
    ///
    /// # Errors
    /// See [`PeopleRefused`]. [`PeopleRefused::NoSuchUser`] also stands for a suspended person.
    pub async fn insert_password_link(
        &self,
        by: UserId,
        user: UserId,
        token_hash: &[u8],
        lifetime_s: f64,
    ) -> Result<(), PeopleRefused> {
        let mut tx = self.pool().begin().await?;
        sqlx::query!("select epoch from installation for update").fetch_one(&mut *tx).await?;
        // Setting the password means taking over the account, so only for people whom they may
        // manage. For their own account it would bypass the current password.
        if by == user || !people::may_manage(&mut tx, by, user).await? {
            return Err(PeopleRefused::Forbidden);
        }
        let done = sqlx::query!(
            "insert into password_links (user_id, token_hash, created_by, expires_at)
             select id, $2::bytea, $3::uuid, now() + make_interval(secs => $4)
             from users where id = $1 and suspended_at is null
             on conflict (user_id) do update
             set token_hash = excluded.token_hash, created_by = excluded.created_by,
                 created_at = now(), expires_at = excluded.expires_at",
            user.0,
            token_hash,
            by.0,
            lifetime_s
        )
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Err(PeopleRefused::NoSuchUser);
        }
        tx.commit().await?;
        Ok(())
    }

    /// The person whose password the link with this secret sets, while it is valid. Only a hint:
    /// [`Store::use_password_link`] decides.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_password_link(&self, token_hash: &[u8]) -> Result<Option<User>, Error> {
        let link = select_link!("", token_hash).fetch_optional(&self.pool()).await?;
        Ok(link.and_then(Link::into_user))
    }

    /// Uses up the link: sets its person's password, begins a new session, and ends all others.
    /// Returns the person, and the ended sessions; `None` if the link is not valid, in which case
    /// nothing was changed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_password_link(
        &self,
        token_hash: &[u8],
        password_hash: &str,
        session: &NewSession<'_>,
    ) -> Result<Option<(UserId, Option<Ended>)>, Error> {
        let mut tx = self.pool().begin().await?;
        // Locks the person's row first, like every change of an account: if two use the link at
        // once, the second one waits and then finds it gone.
        let link = select_link!("for no key update of u", token_hash).fetch_optional(&mut *tx).await?;
        let Some(user) = link.and_then(Link::into_user).map(|user| user.id) else { return Ok(None) };
        sqlx::query!("update users set password_hash = $2 where id = $1", user.0, password_hash)
            .execute(&mut *tx)
            .await?;
        let used = sqlx::query!(
            "delete from password_links where user_id = $1 and token_hash = $2 and expires_at > now()",
            user.0,
            token_hash
        )
        .execute(&mut *tx)
        .await?;
        let begun = sessions::insert(&mut tx, user, password_hash, session).await?;
        let (1, Some(begun)) = (used.rows_affected(), begun) else {
            tx.rollback().await?;
            return Ok(None);
        };
        let ended = sessions::delete_others(&mut tx, user, begun).await?;
        tx.commit().await?;
        Ok(Some((user, ended)))
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join;
    use sqlx::PgPool;

    use super::*;
    use crate::store::testing::{person, session, wait_for_a_lock};
    use protocol::WorkspaceRole;

    #[sqlx::test(migrations = "../migrations")]
    async fn a_link_is_good_once_until_it_expires_is_replaced_or_its_person_suspended(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana", &[1; 32]).await;
        let bea = person(&store, "bea", &[2; 32]).await;
        let make = async |token: u8, lifetime_s: f64| {
            store.insert_password_link(ana, bea, &[token; 32], lifetime_s).await.unwrap();
        };
        let is_good = async |token: u8| store.find_password_link(&[token; 32]).await.unwrap().is_some();
        make(3, -1.0).await;
        assert!(!is_good(3).await);
        make(4, 60.0).await;
        make(5, 60.0).await;
        assert!(!is_good(4).await && is_good(5).await);
        store.suspend(ana, bea).await.unwrap();
        assert!(!is_good(5).await);
        assert_eq!(store.use_password_link(&[5; 32], "new", &session(&[6; 32])).await.unwrap(), None);
        let refused = store.insert_password_link(ana, bea, &[7; 32], 60.0).await;
        assert!(matches!(refused, Err(PeopleRefused::NoSuchUser)));
        store.let_in_again(ana, bea).await.unwrap();
        assert!(is_good(5).await);
        let refused = store.insert_password_link(bea, ana, &[7; 32], 60.0).await;
        assert!(matches!(refused, Err(PeopleRefused::Forbidden)));
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn of_two_who_use_a_link_at_once_one_sets_the_password(pool: PgPool) {
        let store = Store::over(pool.clone());
        let ana = person(&store, "ana", &[1; 32]).await;
        let bea = person(&store, "bea", &[2; 32]).await;
        let old = store.find_session(&[2; 32]).await.unwrap().unwrap().id;
        store.insert_password_link(ana, bea, &[5; 32], 60.0).await.unwrap();
        let (left, right) = (session(&[6; 32]), session(&[7; 32]));
        // Both have found the link by the time the first may go on.
        let mut tx = pool.begin().await.unwrap();
        sqlx::query("select from users where handle = 'bea' for update").execute(&mut *tx).await.unwrap();
        let both = join(
            store.use_password_link(&[5; 32], "left", &left),
            store.use_password_link(&[5; 32], "right", &right),
        );
        let go = async {
            wait_for_a_lock(&pool, 2).await;
            tx.commit().await.unwrap();
        };
        let ((left, right), ()) = join(both, go).await;
        let (left, right) = (left.unwrap(), right.unwrap());
        let (won, password) = if left.is_some() { (left.clone(), "left") } else { (right.clone(), "right") };
        assert!(left.is_none() || right.is_none());
        let (user, ended) = won.unwrap();
        assert_eq!((user, ended.unwrap().sessions), (bea, vec![old]));
        assert_eq!(store.find_password_hash(bea).await.unwrap().as_deref(), Some(password));
        assert_eq!(store.list_sessions(bea).await.unwrap().len(), 1);
        assert_eq!(store.list_sessions(ana).await.unwrap().len(), 1);
    }

    /// Setting the password means taking over the account: a link that its creator may no longer
    /// create is worthless.
    #[sqlx::test(migrations = "../migrations")]
    async fn a_link_is_no_way_to_a_higher_role(pool: PgPool) {
        let store = Store::over(pool);
        let owner = person(&store, "owner", &[1; 32]).await;
        let ana = person(&store, "ana", &[2; 32]).await;
        let bea = person(&store, "bea", &[3; 32]).await;
        let give = async |who, role| store.set_workspace_role(owner, who, role).await.unwrap();
        give(ana, WorkspaceRole::Admin).await;
        for nobody in [ana, owner] {
            let refused = store.insert_password_link(ana, nobody, &[9; 32], 60.0).await;
            assert!(matches!(refused, Err(PeopleRefused::Forbidden)));
        }
        let own = store.insert_password_link(owner, owner, &[9; 32], 60.0).await;
        assert!(matches!(own, Err(PeopleRefused::Forbidden)), "a way around the current password");

        store.insert_password_link(ana, bea, &[7; 32], 60.0).await.unwrap();
        assert!(store.find_password_link(&[7; 32]).await.unwrap().is_some());
        give(bea, WorkspaceRole::Owner).await;
        assert!(store.find_password_link(&[7; 32]).await.unwrap().is_none());
        give(bea, WorkspaceRole::Member).await;
        assert!(store.find_password_link(&[7; 32]).await.unwrap().is_none(), "it is gone for good");

        store.insert_password_link(ana, bea, &[8; 32], 60.0).await.unwrap();
        give(ana, WorkspaceRole::Member).await;
        assert!(store.find_password_link(&[8; 32]).await.unwrap().is_none());
        let used = store.use_password_link(&[8; 32], "another", &session(&[4; 32])).await.unwrap();
        assert_eq!(used, None);
    }
}
