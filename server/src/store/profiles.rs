//! Profiles: what people say about themselves, and how they change it.

use protocol::{
    DisplayName, ErrorCode, Handle, Line, PersonTitle, PictureId, Pronouns, User, UserId, ZoneName,
};

use super::{
    Error, Store,
    blobs::READERS_WITHIN_S,
    lines::{ItemKind, take},
    pinyin, retry_deadlocks,
    uploads::{adopt, doom},
    users::user_of,
};

/// A profile, with what only the profile card shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The person.
    pub user: User,
    /// What they do; may be empty.
    pub title: String,
    /// Their pronouns; may be empty.
    pub pronouns: String,
    /// The name of their time zone; may be empty.
    pub zone: String,
}

/// What a person changes about themselves; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// The display name.
    pub name: Option<DisplayName>,
    /// The handle.
    pub handle: Option<Handle>,
    /// What they do.
    pub title: Option<PersonTitle>,
    /// Their pronouns.
    pub pronouns: Option<Pronouns>,
    /// Their time zone.
    pub zone: Option<ZoneName>,
}

impl ProfileChange {
    /// The profile after this change.
    fn applied_to(&self, before: &Profile) -> Profile {
        let chosen = |new: Option<&str>, old: &String| new.map_or_else(|| old.clone(), str::to_owned);
        let Profile { user, title, pronouns, zone } = before;
        Profile {
            user: User {
                pinyin: self
                    .name
                    .as_ref()
                    .map_or_else(|| user.pinyin.clone(), |name| pinyin::spell(name.as_str())),
                name: chosen(self.name.as_ref().map(DisplayName::as_str), &user.name),
                handle: chosen(self.handle.as_ref().map(Handle::as_str), &user.handle),
                ..user.clone()
            },
            title: chosen(self.title.as_ref().map(PersonTitle::as_str), title),
            pronouns: chosen(self.pronouns.as_ref().map(Pronouns::as_str), pronouns),
            zone: chosen(self.zone.as_ref().map(ZoneName::as_str), zone),
        }
    }
}

impl Store {
    /// A person's profile; `None` if there is no such person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile(&self, user: UserId) -> Result<Option<Profile>, Error> {
        let row = sqlx::query!(
            "select id, handle, name, role, rev, picture, title, pronouns, zone from users where id = $1",
            user.0
        )
        .fetch_optional(&self.pool())
        .await?;
        Ok(row.map(|row| Profile {
            user: user_of(row.id, row.handle, row.name, &row.role, row.rev, row.picture),
            title: row.title,
            pronouns: row.pronouns,
            zone: row.zone,
        }))
    }

    /// Changes a person's profile and returns it; `None` if it is the same as before, which takes no
    /// number. A handle that they give up is free at once. Messages that mention it keep the person,
    /// because they have the person's id.
    ///
    /// # Errors
    /// [`ErrorCode::HandleTaken`], also for a handle with a meaning of its own; [`Error::NoSuchUser`];
    /// or when the database fails.
    pub async fn change_profile(&self, user: UserId, change: &ProfileChange) -> Result<Option<User>, Error> {
        retry_deadlocks(Error::is_deadlock, || self.try_change_profile(user, change)).await
    }

    async fn try_change_profile(&self, user: UserId, change: &ProfileChange) -> Result<Option<User>, Error> {
        let mut tx = self.pool().begin().await?;
        // The person's row is locked first, as in every change of an account.
        let row = sqlx::query!(
            "select id, handle, name, role, rev, picture, title, pronouns, zone from users where id = $1
             for no key update",
            user.0
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NoSuchUser)?;
        let before = Profile {
            user: user_of(row.id, row.handle, row.name, &row.role, row.rev, row.picture),
            title: row.title,
            pronouns: row.pronouns,
            zone: row.zone,
        };
        let after = change.applied_to(&before);
        if after == before {
            return Ok(None);
        }
        let has_new_handle = after.user.handle != before.user.handle;
        if has_new_handle && change.handle.as_ref().is_some_and(Handle::is_reserved) {
            return Err(Error::Refused(ErrorCode::HandleTaken));
        }
        if has_new_handle {
            // A handle is a key of the table, so to change it takes a stronger lock, which waits for
            // messages and memberships of this person that are being written. It must not wait while
            // the workspace's line is locked.
            sqlx::query!("select from users where id = $1 for update", user.0).execute(&mut *tx).await?;
        }
        let rev = take(&mut tx, Line::Workspace, ItemKind::Profile, &user.to_string()).await?;
        sqlx::query!(
            "update users set handle = $2, name = $3, title = $4, pronouns = $5, zone = $6, rev = $7, pinyin = $8
             where id = $1",
            user.0,
            after.user.handle,
            after.user.name,
            after.title,
            after.pronouns,
            after.zone,
            rev.0,
            after.user.pinyin
        )
        .execute(&mut *tx)
        .await
        .map_err(taken_or_failed)?;
        if has_new_handle || after.user.name != before.user.name {
            // Lists of members are sorted and searched by these copies.
            sqlx::query!(
                "update members m set sort_name = lower($2), handle = $3, pinyin = $4
                 from (select room_id from members where user_id = $1 and active order by room_id for no key update) k
                 where m.room_id = k.room_id and m.user_id = $1",
                user.0,
                after.user.name,
                after.user.handle,
                after.user.pinyin
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(Some(User { rev, ..after.user }))
    }
}

impl Store {
    /// Sets a person's picture to an announced object, or removes it, and returns their profile; `None` if they had none before
    /// either.
    ///
    /// # Errors
    /// [`Error::NoSuchUser`]; [`ErrorCode::Busy`] if the object was announced so long ago that it is being deleted; or when the
    /// database fails.
    pub async fn set_picture(&self, user: UserId, picture: Option<PictureId>) -> Result<Option<User>, Error> {
        retry_deadlocks(Error::is_deadlock, || self.try_set_picture(user, picture)).await
    }

    async fn try_set_picture(&self, user: UserId, picture: Option<PictureId>) -> Result<Option<User>, Error> {
        let mut tx = self.pool().begin().await?;
        let old = sqlx::query_scalar!("select picture from users where id = $1 for no key update", user.0)
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(Error::NoSuchUser)?;
        let new = picture.map(|picture| picture.0);
        if new == old {
            return Ok(None);
        }
        if !adopt(&mut tx, new.as_slice()).await? {
            return Err(Error::Refused(ErrorCode::Busy));
        }
        doom(&mut tx, old.as_slice(), READERS_WITHIN_S).await?;
        let rev = take(&mut tx, Line::Workspace, ItemKind::Profile, &user.to_string()).await?;
        let row = sqlx::query!(
            "update users set picture = $2, rev = $3 where id = $1 returning id, handle, name, role, rev, picture",
            user.0,
            new,
            rev.0
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some(user_of(row.id, row.handle, row.name, &row.role, row.rev, row.picture)))
    }

    /// Whether this is somebody's picture now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_picture(&self, picture: PictureId) -> Result<bool, Error> {
        let is_one = sqlx::query_scalar!(
            r#"select exists (select from users where picture = $1) as "exists!""#,
            picture.0
        );
        Ok(is_one.fetch_one(&self.pool()).await?)
    }
}

/// Tells a taken handle, of a person or of a group, from a failure of the database.
pub(super) fn taken_or_failed(e: sqlx::Error) -> Error {
    match e.as_database_error().and_then(|e| e.constraint()) {
        Some("users_handle_key" | "groups_handle_key") => Error::Refused(ErrorCode::HandleTaken),
        Some(_) | None => e.into(),
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join;
    use protocol::{Nonce, Role, RoomKind, Seq};
    use sqlx::PgPool;
    use uuid::Uuid;

    use super::*;
    use crate::store::{members::insert_member, testing};

    fn handle(text: &str) -> ProfileChange {
        ProfileChange { handle: Some(Handle::parse(text).unwrap()), ..ProfileChange::default() }
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn of_two_who_want_a_handle_at_once_one_gets_it(pool: PgPool) {
        let store = Store::over(pool);
        let ana = testing::person(&store, "ana", &[1; 32]).await;
        let bea = testing::person(&store, "bea", &[2; 32]).await;
        for round in 0..5 {
            let wanted = handle(&format!("harbour{round}"));
            let both = join(store.change_profile(ana, &wanted), store.change_profile(bea, &wanted)).await;
            let (got, refused) = match both {
                (Ok(got), Err(refused)) | (Err(refused), Ok(got)) => (got, refused),
                other => panic!("{other:?}"),
            };
            assert_eq!(got.unwrap().handle, format!("harbour{round}"));
            assert!(matches!(refused, Error::Refused(ErrorCode::HandleTaken)), "{refused:?}");
        }
    }

    /// A person becomes a member while their handle changes: the membership has the new one.
    #[sqlx::test(migrations = "../migrations")]
    async fn a_membership_that_begins_meanwhile_has_the_new_handle(pool: PgPool) {
        let store = Store::over(pool.clone());
        let ana = testing::person(&store, "ana", &[1; 32]).await;
        let bea = testing::person(&store, "bea", &[2; 32]).await;
        let nonce = Nonce(Uuid::now_v7());
        let may = |_| Ok::<(), Error>(());
        let (room, _) = store.create_room(bea, nonce, RoomKind::Channel, ("Harbour", ""), may).await.unwrap();
        let mut changes = pool.begin().await.unwrap();
        sqlx::query("update users set handle = 'anna' where id = $1")
            .bind(ana.0)
            .execute(&mut *changes)
            .await
            .unwrap();
        let joins = async {
            let mut tx = pool.begin().await.unwrap();
            insert_member(&mut tx, room, ana, Role::Member, Seq(2)).await.unwrap();
            tx.commit().await.unwrap();
        };
        let commits = async {
            testing::wait_for_a_lock(&pool, 1).await;
            changes.commit().await.unwrap();
        };
        join(joins, commits).await;
        let copied: Vec<String> = sqlx::query_scalar("select handle from members where user_id = $1")
            .bind(ana.0)
            .fetch_all(&pool)
            .await
            .unwrap();
        assert_eq!(copied, ["anna"]);
    }
}
