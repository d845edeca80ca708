//! People, and how accounts are created.

use protocol::{DisplayName, Handle, Line, PictureId, Seq, SessionId, User, UserId, WorkspaceRole};
use uuid::Uuid;

use super::{Error, NewSession, Renewed, Store, lines, pinyin, sessions};

/// What a sign-in is checked against.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The person.
    pub user: UserId,
    /// As a PHC string.
    pub password_hash: String,
    /// Whether the account is suspended.
    pub suspended: bool,
}

/// A new password, and the session that sets it.
#[derive(Clone, Copy, Debug)]
pub struct PasswordChange<'a> {
    /// The person.
    pub user: UserId,
    /// The hash of the old password, which has been verified.
    pub before: &'a str,
    /// As a PHC string.
    pub password_hash: &'a str,
    /// The current session. It goes on under a new id …
    pub session: SessionId,
    /// … with a new token, of which this is the SHA-256.
    pub token_hash: &'a [u8],
}

/// A new person.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// UUIDv7.
    pub id: UserId,
    /// The name for signing in.
    pub handle: Handle,
    /// The display name.
    pub name: DisplayName,
    /// As a PHC string.
    pub password_hash: String,
}

/// Why someone may sign up.
#[derive(Clone, Copy, Debug)]
pub enum Admission<'a> {
    /// Sign-up is open.
    Open,
    /// By the link with this hash of its secret; takes one of its uses.
    Invitation(&'a [u8]),
    /// Nobody may, except the first person.
    Closed,
}

/// Why an account was not created.
#[derive(Debug, thiserror::Error)]
pub enum SignUpRefused {
    /// Another account has the handle.
    #[error("the handle is taken")]
    HandleTaken,
    /// The invitation is unknown, used up, revoked or expired.
    #[error("the invitation is not valid")]
    InvitationInvalid,
    /// The workspace accepts no new people.
    #[error("sign-up is closed")]
    Closed,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<sqlx::Error> for SignUpRefused {
    fn from(e: sqlx::Error) -> Self {
        match e.as_database_error().and_then(|e| e.constraint()) {
            Some("users_handle_key") => Self::HandleTaken,
            Some(_) | None => Self::Store(e.into()),
        }
    }
}

/// A profile from its columns.
pub(super) fn user_of(
    id: Uuid,
    handle: String,
    name: String,
    role: &str,
    rev: i64,
    picture: Option<Uuid>,
) -> User {
    User {
        id: UserId(id),
        pinyin: pinyin::spell(&name),
        handle,
        name,
        role: workspace_role_of(role),
        group: None,
        picture: picture.map(PictureId),
        rev: Seq(rev),
    }
}

pub(super) fn workspace_role_of(text: &str) -> WorkspaceRole {
    WorkspaceRole::parse(text).unwrap_or_else(|| unreachable!("a check of the table forbids the role {text}"))
}

/// Someone's role in the workspace; `None` if there is no such person.
pub(super) async fn find_workspace_role(
    executor: impl sqlx::PgExecutor<'_>,
    user: UserId,
) -> Result<Option<WorkspaceRole>, sqlx::Error> {
    let role = sqlx::query_scalar!("select role from users where id = $1", user.0);
    Ok(role.fetch_optional(executor).await?.map(|role| workspace_role_of(&role)))
}

impl Store {
    /// Someone's current role in the workspace.
    ///
    /// # Errors
    /// [`Error::NoSuchUser`]; or when the database fails.
    pub async fn workspace_role(&self, user: UserId) -> Result<WorkspaceRole, Error> {
        find_workspace_role(&self.pool(), user).await?.ok_or(Error::NoSuchUser)
    }

    /// Whether anyone has an account.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_users(&self) -> Result<bool, Error> {
        Ok(sqlx::query_scalar!(r#"select exists (select from users) as "exists!""#)
            .fetch_one(&self.pool())
            .await?)
    }

    /// Whether a handle is taken. Only a hint: [`Store::sign_up`] decides.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_handle_taken(&self, handle: &Handle) -> Result<bool, Error> {
        let taken = sqlx::query_scalar!(
            r#"select exists (select from users where handle = $1)
                or exists (select from groups where handle = $1) as "exists!""#,
            handle.as_str()
        );
        Ok(taken.fetch_one(&self.pool()).await?)
    }

    /// Creates an account and its first session; returns whether it is the first one. The first
    /// account owns the workspace, and is created whatever `admission` says.
    ///
    /// A single transaction holds the workspace's row, so exactly one account is the first, and an
    /// invitation's last use goes to one person.
    ///
    /// # Errors
    /// See [`SignUpRefused`].
    pub async fn sign_up(
        &self,
        user: &NewUser,
        admission: Admission<'_>,
        session: &NewSession<'_>,
    ) -> Result<bool, SignUpRefused> {
        let mut tx = self.pool().begin().await?;
        sqlx::query!("select epoch from installation for update").fetch_one(&mut *tx).await?;
        let first = sqlx::query_scalar!(r#"select not exists (select from users) as "first!""#)
            .fetch_one(&mut *tx)
            .await?;
        if !first {
            admit(&mut tx, admission).await?;
        }
        sqlx::query!(
            "insert into users (id, handle, name, password_hash, role, pinyin) values ($1, $2, $3, $4, $5, $6)",
            user.id.0,
            user.handle.as_str(),
            user.name.as_str(),
            user.password_hash,
            if first { WorkspaceRole::Owner } else { WorkspaceRole::Member }.as_str(),
            pinyin::spell(user.name.as_str())
        )
        .execute(&mut *tx)
        .await?;
        lines::begin(&mut tx, Line::Person(user.id)).await?;
        sessions::insert(&mut tx, user.id, &user.password_hash, session).await?;
        tx.commit().await?;
        Ok(first)
    }

    /// What a sign-in with this handle is checked against.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_credentials(&self, handle: &Handle) -> Result<Option<Credentials>, Error> {
        let row = sqlx::query!(
            r#"select id, password_hash, suspended_at is not null as "suspended!"
               from users where handle = $1"#,
            handle.as_str()
        )
        .fetch_optional(&self.pool())
        .await?;
        Ok(row.map(|row| Credentials {
            user: UserId(row.id),
            password_hash: row.password_hash,
            suspended: row.suspended,
        }))
    }

    /// The hash of a person's password.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_password_hash(&self, user: UserId) -> Result<Option<String>, Error> {
        Ok(sqlx::query_scalar!("select password_hash from users where id = $1", user.0)
            .fetch_optional(&self.pool())
            .await?)
    }

    /// Changes a person's password, renews the current session, and ends all others. `None` if the
    /// current session has ended, or the password is no longer the verified one; in that case
    /// nothing was changed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_password(&self, new: PasswordChange<'_>) -> Result<Option<Renewed>, Error> {
        let mut tx = self.pool().begin().await?;
        // The person's row first, then the sessions: a sign-in in progress has either created its
        // session, which then ends here, or its password check now fails.
        let changed = sqlx::query!(
            "update users set password_hash = $2 where id = $1 and password_hash = $3 and suspended_at is null",
            new.user.0,
            new.password_hash,
            new.before
        )
        .execute(&mut *tx)
        .await?;
        let renewed = sessions::renew(&mut tx, new.user, new.session, new.token_hash).await?;
        let (1, Some(renewed)) = (changed.rows_affected(), renewed) else {
            tx.rollback().await?;
            return Ok(None);
        };
        sqlx::query!("delete from password_links where user_id = $1", new.user.0).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Some(renewed))
    }
}

/// Checks the admission of anyone but the first person.
async fn admit(tx: &mut sqlx::PgTransaction<'_>, admission: Admission<'_>) -> Result<(), SignUpRefused> {
    let token_hash = match admission {
        Admission::Open => return Ok(()),
        Admission::Closed => return Err(SignUpRefused::Closed),
        Admission::Invitation(token_hash) => token_hash,
    };
    let spent = sqlx::query!(
        "update invitations set uses_left = uses_left - 1
         where token_hash = $1 and uses_left > 0 and expires_at > now() and revoked_at is null
           and exists (select from users where id = created_by and suspended_at is null and role <> 'guest')",
        token_hash
    )
    .execute(&mut **tx)
    .await?;
    if spent.rows_affected() == 1 { Ok(()) } else { Err(SignUpRefused::InvitationInvalid) }
}

#[cfg(test)]
mod tests {
    use futures::future::join;
    use sqlx::PgPool;
    use uuid::Uuid;

    use super::*;

    fn person(handle: &str) -> NewUser {
        NewUser {
            id: UserId(Uuid::now_v7()),
            handle: Handle::parse(handle).unwrap(),
            name: DisplayName::parse(handle).unwrap(),
            password_hash: "$argon2id$".to_owned(),
        }
    }

    async fn sign_up(store: &Store, handle: &str, admission: Admission<'_>) -> Result<bool, SignUpRefused> {
        let hash = *Uuid::new_v4().as_bytes();
        let session = NewSession { token_hash: &[hash, hash].concat(), device: "Test", lifetime_s: 60.0 };
        store.sign_up(&person(handle), admission, &session).await
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn of_two_who_sign_up_first_at_once_one_is_the_administrator(pool: PgPool) {
        let store = Store::over(pool);
        for round in 0..5 {
            let (left, right) = (format!("ana{round}"), format!("bea{round}"));
            let (ana, bea) =
                join(sign_up(&store, &left, Admission::Open), sign_up(&store, &right, Admission::Open)).await;
            let admins = usize::from(ana.unwrap()) + usize::from(bea.unwrap());
            assert_eq!(admins, usize::from(round == 0));
        }
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn a_closed_workspace_takes_the_first_person_and_no_other(pool: PgPool) {
        let store = Store::over(pool);
        assert!(sign_up(&store, "ana", Admission::Closed).await.unwrap());
        assert!(matches!(sign_up(&store, "bea", Admission::Closed).await, Err(SignUpRefused::Closed)));
        assert!(store.find_credentials(&Handle::parse("bea").unwrap()).await.unwrap().is_none());
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn a_taken_handle_is_told_from_a_failure(pool: PgPool) {
        let store = Store::over(pool);
        sign_up(&store, "ana", Admission::Open).await.unwrap();
        assert!(matches!(sign_up(&store, "Ana", Admission::Open).await, Err(SignUpRefused::HandleTaken)));
        assert!(store.is_handle_taken(&Handle::parse("ana").unwrap()).await.unwrap());
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn the_last_use_of_an_invitation_goes_to_one_person(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person("ana");
        let session = NewSession { token_hash: &[1; 32], device: "Test", lifetime_s: 60.0 };
        store.sign_up(&ana, Admission::Open, &session).await.unwrap();
        let secret = [7_u8; 32];
        store.insert_invitation(ana.id, &secret, 60.0, 1).await.unwrap();
        let admission = Admission::Invitation(&secret);
        let (bea, cem) = join(sign_up(&store, "bea", admission), sign_up(&store, "cem", admission)).await;
        let came = [&bea, &cem].iter().filter(|result| result.is_ok()).count();
        assert_eq!(came, 1);
        assert!(matches!(bea.and(cem), Err(SignUpRefused::InvitationInvalid)));
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn a_refused_sign_up_does_not_spend_an_invitation(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person("ana");
        let session = NewSession { token_hash: &[1; 32], device: "Test", lifetime_s: 60.0 };
        store.sign_up(&ana, Admission::Open, &session).await.unwrap();
        let secret = [7_u8; 32];
        store.insert_invitation(ana.id, &secret, 60.0, 1).await.unwrap();
        let admission = Admission::Invitation(&secret);
        assert!(matches!(sign_up(&store, "ana", admission).await, Err(SignUpRefused::HandleTaken)));
        sign_up(&store, "bea", admission).await.unwrap();
    }
}
