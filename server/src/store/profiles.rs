//! Profiles.

use protocol::{DisplayName, Line, User, UserId};

use super::{
    Error, Store,
    lines::{ItemKind, take},
    retry_deadlocks,
    users::user_of,
};

impl Store {
    /// Renames a person and returns their new profile; `None` if they already have that name, which
    /// takes no number.
    ///
    /// # Errors
    /// [`Error::NoSuchUser`]; or when the database fails.
    pub async fn rename(&self, user: UserId, name: &DisplayName) -> Result<Option<User>, Error> {
        retry_deadlocks(Error::is_deadlock, || self.try_rename(user, name)).await
    }

    async fn try_rename(&self, user: UserId, name: &DisplayName) -> Result<Option<User>, Error> {
        let mut tx = self.pool().begin().await?;
        // The person's row is locked first, as in every change of an account.
        let known = sqlx::query_scalar!("select name from users where id = $1 for no key update", user.0)
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(Error::NoSuchUser)?;
        if known == name.as_str() {
            return Ok(None);
        }
        let rev = take(&mut tx, Line::Workspace, ItemKind::Profile, &user.to_string()).await?;
        let row = sqlx::query!(
            "update users set name = $2, rev = $3 where id = $1 returning id, handle, name, role, rev",
            user.0,
            name.as_str(),
            rev.0
        )
        .fetch_one(&mut *tx)
        .await?;
        // Lists of members are sorted by this copy of the name.
        sqlx::query!(
            "update members m set sort_name = lower($2)
             from (select room_id from members where user_id = $1 and active order by room_id for no key update) k
             where m.room_id = k.room_id and m.user_id = $1",
            user.0,
            name.as_str()
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some(user_of(row.id, row.handle, row.name, &row.role, row.rev)))
    }
}
