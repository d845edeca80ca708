//! Groups of people, such as `@design`: made by administrators, mentioned by everyone.
//!
//! A group has a handle like a person and travels as a profile, so a new title is shown wherever the
//! group is mentioned, live and later. Who is in it is told to each of them, on their own line.
//!
//! Every change locks the workspace's row first, so changes of groups happen one after another.

use protocol::{
    ErrorCode, Handle, InGroup, Line, RoomTitle, Seq, User, UserId, WorkspaceRole,
    limits::{GROUP_MEMBERS_MAX, GROUP_PAGE, GROUPS_MAX, GROUPS_SHOWN},
};
use uuid::Uuid;

use super::{
    Error, Store,
    lines::{ItemKind, take, take_each},
    people::acting_role,
    pinyin,
    profiles::taken_or_failed,
    retry_deadlocks,
    users::user_of,
};

/// A changed group, and whose membership has changed with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupChange {
    /// The group, as a profile.
    pub group: User,
    /// For each person who was added or removed, their membership now.
    pub told: Vec<(UserId, InGroup)>,
}

/// The columns of a group. A deleted one has neither handle nor title.
struct GroupRow {
    id: Uuid,
    handle: Option<String>,
    title: String,
    members: i32,
    rev: i64,
}

impl From<GroupRow> for User {
    fn from(row: GroupRow) -> Self {
        Self {
            id: UserId(row.id),
            handle: row.handle.unwrap_or_default(),
            pinyin: pinyin::spell(&row.title),
            name: row.title,
            role: WorkspaceRole::default(),
            group: Some(u32::try_from(row.members).unwrap_or_default()),
            picture: None,
            rev: Seq(row.rev),
        }
    }
}

impl Store {
    /// All groups, by title.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_groups(&self) -> Result<Vec<User>, Error> {
        let rows = sqlx::query_as!(
            GroupRow,
            "select id, handle, title, members, rev from groups where handle is not null
             order by lower(title), id limit $1",
            GROUPS_MAX as i64
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows.into_iter().map(User::from).collect())
    }

    /// The groups that a person is in, by title; at most [`GROUPS_SHOWN`]. Guests see none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn groups_of(&self, viewer: UserId, user: UserId) -> Result<Vec<User>, Error> {
        let rows = sqlx::query_as!(
            GroupRow,
            "select g.id, g.handle, g.title, g.members, g.rev from group_members m join groups g on g.id = m.group_id
             where m.user_id = $1 and exists (select from users where id = $3 and role <> 'guest')
             order by lower(g.title), g.id limit $2",
            user.0,
            GROUPS_SHOWN as i64,
            viewer.0
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows.into_iter().map(User::from).collect())
    }

    /// In which groups a person is, for their own devices.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_in_groups(&self, user: UserId) -> Result<Vec<InGroup>, Error> {
        let rows = sqlx::query!("select group_id, rev from group_members where user_id = $1", user.0)
            .fetch_all(&self.pool())
            .await?;
        let own = |group, rev| InGroup { group: UserId(group), on: true, rev: Seq(rev) };
        Ok(rows.into_iter().map(|row| own(row.group_id, row.rev)).collect())
    }

    /// Those of these groups that a person is in.
    pub(super) async fn in_groups_of(&self, user: UserId, groups: &[Uuid]) -> Result<Vec<Uuid>, Error> {
        let found = sqlx::query_scalar!(
            "select group_id from group_members where user_id = $1 and group_id = any($2)",
            user.0,
            groups
        );
        Ok(found.fetch_all(&self.pool()).await?)
    }

    /// A group; `None` if there is none, or no longer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn group(&self, group: UserId) -> Result<Option<User>, Error> {
        let row = sqlx::query_as!(
            GroupRow,
            "select id, handle, title, members, rev from groups where id = $1 and handle is not null",
            group.0
        )
        .fetch_optional(&self.pool())
        .await?;
        Ok(row.map(User::from))
    }

    /// These groups, also deleted ones; those that never were are left out.
    pub(super) async fn find_groups(&self, groups: &[Uuid]) -> Result<Vec<User>, Error> {
        let rows = sqlx::query_as!(
            GroupRow,
            "select id, handle, title, members, rev from groups where id = any($1)",
            groups
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows.into_iter().map(User::from).collect())
    }

    /// A page of the people in a group, by name, after one of them: at most [`GROUP_PAGE`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_group(&self, group: UserId, after: Option<UserId>) -> Result<Vec<User>, Error> {
        // A group is small enough to be sorted each time.
        let rows = sqlx::query!(
            "select u.id, u.handle, u.name, u.role, u.rev, u.picture from group_members m join users u on u.id = m.user_id
             where m.group_id = $1
                and ($2::uuid is null or (lower(u.name), u.id) > (select lower(a.name), a.id from users a where a.id = $2))
             order by lower(u.name), u.id limit $3",
            group.0,
            after.map(|after| after.0),
            GROUP_PAGE as i64
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| user_of(row.id, row.handle, row.name, &row.role, row.rev, row.picture))
            .collect())
    }

    /// Makes a group.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`], [`ErrorCode::HandleTaken`], [`ErrorCode::GroupsFull`]; or when the database
    /// fails.
    pub async fn create_group(&self, by: UserId, handle: &Handle, title: &RoomTitle) -> Result<User, Error> {
        let mut tx = self.pool().begin().await?;
        begin(&mut tx, by).await?;
        if handle.is_reserved() {
            return Err(Error::Refused(ErrorCode::HandleTaken));
        }
        let count =
            sqlx::query_scalar!(r#"select count(*) as "count!" from groups where handle is not null"#)
                .fetch_one(&mut *tx)
                .await?;
        if count >= GROUPS_MAX as i64 {
            return Err(Error::Refused(ErrorCode::GroupsFull));
        }
        let id = Uuid::now_v7();
        let rev = take(&mut tx, Line::Workspace, ItemKind::Group, &id.to_string()).await?;
        let row = sqlx::query_as!(
            GroupRow,
            "insert into groups (id, handle, title, rev) values ($1, $2, $3, $4)
             returning id, handle, title, members, rev",
            id,
            handle.as_str(),
            title.as_str(),
            rev.0
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(taken_or_failed)?;
        tx.commit().await?;
        Ok(row.into())
    }

    /// Changes the handle and the title of a group; `None` if they are the same as before, which takes no
    /// number.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`], [`ErrorCode::GroupUnknown`], [`ErrorCode::HandleTaken`]; or when the database
    /// fails.
    pub async fn rename_group(
        &self,
        by: UserId,
        group: UserId,
        (handle, title): (&Handle, &RoomTitle),
    ) -> Result<Option<User>, Error> {
        let mut tx = self.pool().begin().await?;
        begin(&mut tx, by).await?;
        let known = find(&mut tx, group).await?;
        if known.handle == handle.as_str() && known.name == title.as_str() {
            return Ok(None);
        }
        if known.handle != handle.as_str() && handle.is_reserved() {
            return Err(Error::Refused(ErrorCode::HandleTaken));
        }
        let rev = take(&mut tx, Line::Workspace, ItemKind::Group, &group.to_string()).await?;
        sqlx::query!(
            "update groups set handle = $2, title = $3, rev = $4 where id = $1",
            group.0,
            handle.as_str(),
            title.as_str(),
            rev.0
        )
        .execute(&mut *tx)
        .await
        .map_err(taken_or_failed)?;
        tx.commit().await?;
        let (handle, title) = (handle.as_str().to_owned(), title.as_str().to_owned());
        Ok(Some(User { rev, handle, pinyin: pinyin::spell(&title), name: title, ..known }))
    }

    /// Adds people to a group. Whoever is in it already stays; `None` if all are.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`], [`ErrorCode::GroupUnknown`], [`ErrorCode::GroupFull`], [`ErrorCode::UserUnknown`]
    /// for people who do not exist; or when the database fails. Then nobody was added.
    pub async fn add_to_group(
        &self,
        by: UserId,
        group: UserId,
        people: &[UserId],
    ) -> Result<Option<GroupChange>, Error> {
        retry_deadlocks(Error::is_deadlock, || self.try_add_to_group(by, group, people)).await
    }

    async fn try_add_to_group(
        &self,
        by: UserId,
        group: UserId,
        people: &[UserId],
    ) -> Result<Option<GroupChange>, Error> {
        let people: Vec<Uuid> = people.iter().map(|user| user.0).collect();
        let mut tx = self.pool().begin().await?;
        begin(&mut tx, by).await?;
        let known = find(&mut tx, group).await?;
        let rows = sqlx::query!(
            r#"select u.id, m.user_id is not null as "inside!" from users u
             left join group_members m on m.group_id = $1 and m.user_id = u.id where u.id = any($2)"#,
            group.0,
            &people
        )
        .fetch_all(&mut *tx)
        .await?;
        if people.iter().any(|user| !rows.iter().any(|row| row.id == *user)) {
            return Err(Error::Refused(ErrorCode::UserUnknown));
        }
        let new: Vec<Uuid> = rows.iter().filter(|row| !row.inside).map(|row| row.id).collect();
        if new.is_empty() {
            return Ok(None);
        }
        if known.group.unwrap_or_default() as usize + new.len() > GROUP_MEMBERS_MAX {
            return Err(Error::Refused(ErrorCode::GroupFull));
        }
        let numbers = take_each(&mut tx, &new, ItemKind::InGroup, &group.to_string()).await?;
        let (users, revs): (Vec<Uuid>, Vec<i64>) = numbers.iter().map(|(user, rev)| (*user, rev.0)).unzip();
        sqlx::query!(
            "insert into group_members (group_id, user_id, rev)
             select $1, user_id, rev from unnest($2::uuid[], $3::bigint[]) as k (user_id, rev)",
            group.0,
            &users,
            &revs
        )
        .execute(&mut *tx)
        .await?;
        let change = counted(&mut tx, known, (numbers, true)).await?;
        tx.commit().await?;
        Ok(Some(change))
    }

    /// Removes someone from a group; `None` if they are not in it.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`], [`ErrorCode::GroupUnknown`]; or when the database fails.
    pub async fn remove_from_group(
        &self,
        by: UserId,
        group: UserId,
        user: UserId,
    ) -> Result<Option<GroupChange>, Error> {
        retry_deadlocks(Error::is_deadlock, || self.try_remove_from_group(by, group, user)).await
    }

    async fn try_remove_from_group(
        &self,
        by: UserId,
        group: UserId,
        user: UserId,
    ) -> Result<Option<GroupChange>, Error> {
        let mut tx = self.pool().begin().await?;
        begin(&mut tx, by).await?;
        let known = find(&mut tx, group).await?;
        let removed =
            sqlx::query!("delete from group_members where group_id = $1 and user_id = $2", group.0, user.0)
                .execute(&mut *tx)
                .await?;
        if removed.rows_affected() == 0 {
            return Ok(None);
        }
        let numbers = take_each(&mut tx, &[user.0], ItemKind::InGroup, &group.to_string()).await?;
        let change = counted(&mut tx, known, (numbers, false)).await?;
        tx.commit().await?;
        Ok(Some(change))
    }

    /// Deletes a group. Its handle is free at once. Messages that mention it keep their text.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`], [`ErrorCode::GroupUnknown`]; or when the database fails.
    pub async fn delete_group(&self, by: UserId, group: UserId) -> Result<GroupChange, Error> {
        retry_deadlocks(Error::is_deadlock, || self.try_delete_group(by, group)).await
    }

    async fn try_delete_group(&self, by: UserId, group: UserId) -> Result<GroupChange, Error> {
        let mut tx = self.pool().begin().await?;
        begin(&mut tx, by).await?;
        let known = find(&mut tx, group).await?;
        let members =
            sqlx::query_scalar!("delete from group_members where group_id = $1 returning user_id", group.0)
                .fetch_all(&mut *tx)
                .await?;
        let numbers = take_each(&mut tx, &members, ItemKind::InGroup, &group.to_string()).await?;
        sqlx::query!("update groups set handle = null, title = '' where id = $1", group.0)
            .execute(&mut *tx)
            .await?;
        let gone = User { handle: String::new(), name: String::new(), pinyin: String::new(), ..known };
        let change = counted(&mut tx, gone, (numbers, false)).await?;
        tx.commit().await?;
        Ok(change)
    }

    /// The people with these handles.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_handles(&self, handles: &[String]) -> Result<Vec<User>, Error> {
        let rows = sqlx::query!(
            "select id, handle, name, role, rev, picture from users where handle = any($1)",
            handles
        )
        .fetch_all(&self.pool())
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| user_of(row.id, row.handle, row.name, &row.role, row.rev, row.picture))
            .collect())
    }
}

/// Locks all groups, for an administrator.
async fn begin(tx: &mut sqlx::PgTransaction<'_>, by: UserId) -> Result<(), Error> {
    sqlx::query!("select epoch from installation for update").fetch_one(&mut **tx).await?;
    let is_admin = acting_role(tx, by).await?.is_some_and(WorkspaceRole::is_admin);
    if is_admin { Ok(()) } else { Err(Error::Refused(ErrorCode::Forbidden)) }
}

async fn find(tx: &mut sqlx::PgTransaction<'_>, group: UserId) -> Result<User, Error> {
    let row = sqlx::query_as!(
        GroupRow,
        "select id, handle, title, members, rev from groups where id = $1 and handle is not null",
        group.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(User::from).ok_or(Error::Refused(ErrorCode::GroupUnknown))
}

/// Counts who was added or removed, and takes the group's next number. Everyone's own line comes before the
/// workspace's: the law in `lines.rs`.
async fn counted(
    tx: &mut sqlx::PgTransaction<'_>,
    known: User,
    (numbers, on): (Vec<(Uuid, Seq)>, bool),
) -> Result<GroupChange, Error> {
    let rev = take(tx, Line::Workspace, ItemKind::Group, &known.id.to_string()).await?;
    let members = sqlx::query_scalar!(
        "update groups set rev = $2, members = (select count(*) from group_members where group_id = $1)
         where id = $1 returning members",
        known.id.0,
        rev.0
    )
    .fetch_one(&mut **tx)
    .await?;
    let told = |(user, rev)| (UserId(user), InGroup { group: known.id, on, rev });
    let told = numbers.into_iter().map(told).collect();
    Ok(GroupChange {
        group: User { rev, group: Some(u32::try_from(members).unwrap_or_default()), ..known },
        told,
    })
}

#[cfg(test)]
mod tests {
    use futures::future::join;
    use sqlx::PgPool;

    use super::*;
    use crate::store::{
        PeopleRefused, SignUpRefused,
        profiles::ProfileChange,
        testing::{new_user, person, session},
    };

    fn named(handle: &str) -> (Handle, RoomTitle) {
        (Handle::parse(handle).unwrap(), RoomTitle::parse(&format!("The {handle}")).unwrap())
    }

    async fn made(store: &Store, by: UserId, handle: &str) -> Result<User, Error> {
        let (handle, title) = named(handle);
        store.create_group(by, &handle, &title).await
    }

    fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorCode {
        match result {
            Err(Error::Refused(code)) => code,
            other => panic!("{other:?}"),
        }
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn a_group_is_made_changed_and_deleted(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana", &[1; 32]).await;
        let bea = person(&store, "bea", &[2; 32]).await;
        let cem = person(&store, "cem", &[3; 32]).await;
        let group = made(&store, ana, "design").await.unwrap();
        assert_eq!(
            (group.handle.as_str(), group.name.as_str(), group.group),
            ("design", "The design", Some(0))
        );
        assert_eq!(store.list_groups().await.unwrap(), std::slice::from_ref(&group));

        let added = store.add_to_group(ana, group.id, &[bea, cem]).await.unwrap().unwrap();
        assert_eq!((added.group.group, added.told.len(), added.group.rev), (Some(2), 2, group.rev.next()));
        assert_eq!(
            store.add_to_group(ana, group.id, &[bea]).await.unwrap(),
            None,
            "a repeat takes no number"
        );
        let nobody = UserId(Uuid::now_v7());
        assert_eq!(code(store.add_to_group(ana, group.id, &[nobody]).await), ErrorCode::UserUnknown);
        let handles = |users: Vec<User>| users.into_iter().map(|user| user.handle).collect::<Vec<_>>();
        assert_eq!(handles(store.list_group(group.id, None).await.unwrap()), ["bea", "cem"]);
        assert_eq!(handles(store.list_group(group.id, Some(bea)).await.unwrap()), ["cem"]);
        assert_eq!(handles(store.groups_of(ana, bea).await.unwrap()), ["design"]);
        assert_eq!(store.list_in_groups(bea).await.unwrap().len(), 1);

        let (handle, title) = named("art");
        let renamed = store.rename_group(ana, group.id, (&handle, &title)).await.unwrap().unwrap();
        assert_eq!((renamed.handle.as_str(), renamed.group), ("art", Some(2)));
        assert_eq!(store.rename_group(ana, group.id, (&handle, &title)).await.unwrap(), None);
        let removed = store.remove_from_group(ana, group.id, cem).await.unwrap().unwrap();
        assert_eq!((removed.group.group, removed.told[0].1.on), (Some(1), false));
        assert_eq!(store.remove_from_group(ana, group.id, cem).await.unwrap(), None);

        let gone = store.delete_group(ana, group.id).await.unwrap();
        assert_eq!(
            (gone.group.handle.as_str(), gone.group.name.as_str(), gone.group.group),
            ("", "", Some(0))
        );
        assert_eq!((gone.told.len(), gone.told[0].0), (1, bea));
        assert_eq!(store.list_groups().await.unwrap(), []);
        assert_eq!(store.group(group.id).await.unwrap(), None);
        assert_eq!(
            store.people(&[ana, group.id]).await.unwrap()[1],
            gone.group,
            "known, so that all forget it"
        );
        assert_eq!(code(store.delete_group(ana, group.id).await), ErrorCode::GroupUnknown);
        made(&store, ana, "art").await.unwrap();
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn only_administrators_change_groups(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana", &[1; 32]).await;
        let bea = person(&store, "bea", &[2; 32]).await;
        let group = made(&store, ana, "design").await.unwrap().id;
        let (handle, title) = named("art");
        assert_eq!(code(made(&store, bea, "art").await), ErrorCode::Forbidden);
        assert_eq!(code(store.rename_group(bea, group, (&handle, &title)).await), ErrorCode::Forbidden);
        assert_eq!(code(store.add_to_group(bea, group, &[bea]).await), ErrorCode::Forbidden);
        assert_eq!(code(store.remove_from_group(bea, group, bea).await), ErrorCode::Forbidden);
        assert_eq!(code(store.delete_group(bea, group).await), ErrorCode::Forbidden);
        let may = store.set_workspace_role(ana, bea, WorkspaceRole::Admin).await;
        may.map_err(|e: PeopleRefused| e.to_string()).unwrap();
        made(&store, bea, "art").await.unwrap();
    }

    /// People and groups share their handles, also when both want one at once.
    #[sqlx::test(migrations = "../migrations")]
    async fn nobody_and_no_group_have_the_same_handle(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana", &[1; 32]).await;
        for taken in ["ana", "here", "everyone"] {
            assert_eq!(code(made(&store, ana, taken).await), ErrorCode::HandleTaken, "{taken}");
        }
        made(&store, ana, "design").await.unwrap();
        assert_eq!(code(made(&store, ana, "design").await), ErrorCode::HandleTaken);
        assert!(store.is_handle_taken(&Handle::parse("design").unwrap()).await.unwrap());
        let change = |handle: &str| ProfileChange {
            handle: Some(Handle::parse(handle).unwrap()),
            ..ProfileChange::default()
        };
        assert_eq!(code(store.change_profile(ana, &change("design")).await), ErrorCode::HandleTaken);
        for round in 0..5_u8 {
            let handle = format!("wanted{round}");
            let user = new_user(&handle);
            let hash = [round + 10; 32];
            let session = session(&hash);
            let sign_up = store.sign_up(&user, crate::store::Admission::Open, &session);
            match join(sign_up, made(&store, ana, &handle)).await {
                (Ok(_), Err(Error::Refused(ErrorCode::HandleTaken)))
                | (Err(SignUpRefused::HandleTaken), Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn groups_and_their_people_are_bounded(pool: PgPool) {
        let store = Store::over(pool.clone());
        let ana = person(&store, "ana", &[1; 32]).await;
        let group = made(&store, ana, "design").await.unwrap().id;
        sqlx::query(
            "insert into groups (id, handle, title, rev)
             select gen_random_uuid(), 'g' || n, 'G ' || n, 0 from generate_series(1, $1) n",
        )
        .bind(GROUPS_MAX as i32 - 1)
        .execute(&pool)
        .await
        .unwrap();
        assert_eq!(code(made(&store, ana, "one-more").await), ErrorCode::GroupsFull);
        sqlx::query(
            "with people as (
                insert into users (id, handle, name, password_hash)
                select gen_random_uuid(), 'p' || n, 'P ' || n, '' from generate_series(1, $2) n returning id
             ), begun as (insert into lines (id, kind) select id, 'person' from people)
             insert into group_members (group_id, user_id, rev) select $1, id, 0 from people",
        )
        .bind(group.0)
        .bind(GROUP_MEMBERS_MAX as i32)
        .execute(&pool)
        .await
        .unwrap();
        sqlx::query("update groups set members = $2 where id = $1")
            .bind(group.0)
            .bind(GROUP_MEMBERS_MAX as i32)
            .execute(&pool)
            .await
            .unwrap();
        assert_eq!(code(store.add_to_group(ana, group, &[ana]).await), ErrorCode::GroupFull);
        let deleted = store.delete_group(ana, group).await.unwrap();
        assert_eq!(deleted.told.len(), GROUP_MEMBERS_MAX);
    }
}
