//! Invitation links.

use protocol::{InvitationId, Millis, UserId};
use uuid::Uuid;

use super::{Error, Store};

/// A valid link.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Which.
    pub id: InvitationId,
    /// When it was created.
    pub created_at: Millis,
    /// When it expires.
    pub expires_at: Millis,
    /// How many more people can use it.
    pub uses_left: i32,
}

/// The most links that a list shows.
const INVITATIONS_LISTED_MAX: i64 = 100;

impl Store {
    /// Adds a link for `uses` people, valid for `lifetime_s` seconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_invitation(
        &self,
        by: UserId,
        token_hash: &[u8],
        lifetime_s: f64,
        uses: i32,
    ) -> Result<InvitationId, Error> {
        let id = Uuid::now_v7();
        sqlx::query!(
            "insert into invitations (id, token_hash, created_by, expires_at, uses_left)
             values ($1, $2, $3, now() + make_interval(secs => $4), $5)",
            id,
            token_hash,
            by.0,
            lifetime_s,
            uses
        )
        .execute(&self.pool())
        .await?;
        Ok(InvitationId(id))
    }

    /// Whether the link with this secret is valid; it is not while its creator is suspended or a
    /// guest. Only a hint: [`Store::sign_up`] decides.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_invitation_good(&self, token_hash: &[u8]) -> Result<bool, Error> {
        let good = sqlx::query_scalar!(
            r#"select exists (select from invitations
                              where token_hash = $1 and uses_left > 0
                                and expires_at > now() and revoked_at is null
                                and exists (select from users
                                            where id = created_by and suspended_at is null
                                                and role <> 'guest')) as "exists!""#,
            token_hash
        );
        Ok(good.fetch_one(&self.pool()).await?)
    }

    /// The valid links that a person created, the newest first; at most 100.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_invitations(&self, by: UserId) -> Result<Vec<Invitation>, Error> {
        let rows = sqlx::query!(
            r#"select id, uses_left,
                      (extract(epoch from created_at) * 1000)::bigint as "created_at!",
                      (extract(epoch from expires_at) * 1000)::bigint as "expires_at!"
               from invitations
               where created_by = $1 and uses_left > 0 and expires_at > now() and revoked_at is null
               order by id desc limit $2"#,
            by.0,
            INVITATIONS_LISTED_MAX
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| Invitation {
                id: InvitationId(row.id),
                created_at: row.created_at,
                expires_at: row.expires_at,
                uses_left: row.uses_left,
            })
            .collect())
    }

    /// Revokes a person's link. Returns false if there was none to revoke.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_invitation(&self, by: UserId, id: InvitationId) -> Result<bool, Error> {
        let done = sqlx::query!(
            "update invitations set revoked_at = now()
             where id = $1 and created_by = $2 and revoked_at is null",
            id.0,
            by.0
        )
        .execute(&self.pool())
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

#[cfg(test)]
mod tests {
    use protocol::{DisplayName, Handle};
    use sqlx::PgPool;

    use super::*;
    use crate::store::{Admission, NewSession, NewUser};

    #[sqlx::test(migrations = "../migrations")]
    async fn a_link_ends_by_time_by_use_and_by_its_maker(pool: PgPool) {
        let store = Store::over(pool);
        let ana = NewUser {
            id: UserId(Uuid::now_v7()),
            handle: Handle::parse("ana").unwrap(),
            name: DisplayName::parse("Ana").unwrap(),
            password_hash: "$argon2id$".to_owned(),
        };
        let session = NewSession { token_hash: &[1; 32], device: "Test", lifetime_s: 60.0 };
        store.sign_up(&ana, Admission::Open, &session).await.unwrap();

        store.insert_invitation(ana.id, &[2; 32], -1.0, 1).await.unwrap();
        store.insert_invitation(ana.id, &[3; 32], 60.0, 0).await.unwrap();
        let good = store.insert_invitation(ana.id, &[4; 32], 60.0, 5).await.unwrap();
        assert!(!store.is_invitation_good(&[2; 32]).await.unwrap());
        assert!(!store.is_invitation_good(&[3; 32]).await.unwrap());
        assert!(store.is_invitation_good(&[4; 32]).await.unwrap());
        let listed = store.list_invitations(ana.id).await.unwrap();
        assert_eq!(listed.iter().map(|i| (i.id, i.uses_left)).collect::<Vec<_>>(), [(good, 5)]);

        assert!(!store.revoke_invitation(UserId(Uuid::now_v7()), good).await.unwrap());
        assert!(store.revoke_invitation(ana.id, good).await.unwrap());
        assert!(!store.is_invitation_good(&[4; 32]).await.unwrap());
    }
}
