//! Account management.

use protocol::{Line, PersonView, RoomId, Seq, User, UserId, WorkspaceRole, limits};
use uuid::Uuid;

use super::{
    Error, Store, like_pattern,
    lines::{ItemKind, take},
    members::{self, MemberChange},
    retry_deadlocks,
    rooms::lock_room,
    sessions,
    users::{find_workspace_role, user_of, workspace_role_of},
};

/// The most rooms of one person that get another owner in one call; more than anyone is in.
const ROOMS_PASSED_ON_MAX: i64 = 2 * limits::ROOMS_PER_USER_MAX as i64;

/// How many accounts a page of the list has.
const PEOPLE_SHOWN: usize = 50;
/// How many accounts one search reads: some ten milliseconds.
const PEOPLE_SEARCHED_MAX: i64 = 10_000;

/// A page of the list of accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeoplePage {
    /// The accounts.
    pub people: Vec<PersonView>,
    /// The account after which there may be more.
    pub next: Option<UserId>,
}

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum PeopleRefused {
    /// The requester's role is too low, or it is their own account.
    #[error("one may not do that")]
    Forbidden,
    /// Nobody else owns the workspace.
    #[error("there must be another owner first")]
    LastOwner,
    /// There is no such person.
    #[error("there is no such person")]
    NoSuchUser,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<sqlx::Error> for PeopleRefused {
    fn from(e: sqlx::Error) -> Self {
        Self::Store(e.into())
    }
}

impl Store {
    /// A page of the list of accounts with `query` in their handle, name or pinyin, suspended ones first,
    /// beginning after the account `after`. Reads at most [`PEOPLE_SEARCHED_MAX`] accounts, in the
    /// order of an index, and returns where to continue.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_people(&self, query: &str, after: Option<UserId>) -> Result<PeoplePage, Error> {
        let pool = self.pool();
        let after = after.map(|user| user.0);
        // If the account is gone, begins at the start.
        let from = sqlx::query!(
            r#"select suspended_at is null as "active!", lower(name) as "name!", id from users where id = $1"#,
            after
        )
        .fetch_optional(&pool)
        .await?;
        let (active, name, id) =
            from.map_or((false, String::new(), Uuid::nil()), |row| (row.active, row.name, row.id));
        let pattern = like_pattern(query);
        let is_search = pattern != "%%";
        let searched = if is_search { PEOPLE_SEARCHED_MAX } else { PEOPLE_SHOWN as i64 + 1 };
        let rows = sqlx::query!(
            r#"select id, handle, name, role, rev, picture, suspended_at is not null as "suspended!"
               from (select * from users where (suspended_at is null, lower(name), id) > ($2, $3, $4)
                     order by suspended_at is null, lower(name), id limit $5) searched
               where $1 = '%%' or handle ilike $1 or name ilike $1 or pinyin like lower($1)
               order by suspended_at is null, lower(name), id limit $6"#,
            pattern,
            active,
            name,
            id,
            searched,
            PEOPLE_SHOWN as i64 + 1
        )
        .fetch_all(&pool)
        .await?;
        let next = if rows.len() > PEOPLE_SHOWN {
            rows.get(PEOPLE_SHOWN - 1).map(|row| row.id)
        } else if is_search {
            let last_searched = sqlx::query_scalar!(
                "select id from users where (suspended_at is null, lower(name), id) > ($1, $2, $3)
                 order by suspended_at is null, lower(name), id offset $4 limit 1",
                active,
                name,
                id,
                searched - 1
            );
            last_searched.fetch_optional(&pool).await?
        } else {
            None
        };
        let people = rows.into_iter().take(PEOPLE_SHOWN).map(|row| PersonView {
            user: user_of(row.id, row.handle, row.name, &row.role, row.rev, row.picture),
            suspended: row.suspended,
            link: None,
        });
        Ok(PeoplePage { people: people.collect(), next: next.map(UserId) })
    }

    /// Suspends a person, which ends all their sessions. Someone already suspended stays so.
    /// Returns the number of that change on the person's line.
    ///
    /// `by` must be an administrator with a higher role, or another owner, so an owner always
    /// remains. If two owners suspend each other, only the first one succeeds, because both lock
    /// the workspace's row.
    ///
    /// # Errors
    /// See [`PeopleRefused`].
    pub async fn suspend(&self, by: UserId, user: UserId) -> Result<Seq, PeopleRefused> {
        let mut tx = self.pool().begin().await?;
        sqlx::query!("select epoch from installation for update").fetch_one(&mut *tx).await?;
        if by == user || !may_manage(&mut tx, by, user).await? {
            return Err(PeopleRefused::Forbidden);
        }
        // The person's row first, then the sessions: a sign-in in progress waits for this row.
        let done = sqlx::query!(
            "update users set suspended_at = coalesce(suspended_at, now()) where id = $1",
            user.0
        )
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Err(PeopleRefused::NoSuchUser);
        }
        sqlx::query!("delete from sessions where user_id = $1", user.0).execute(&mut *tx).await?;
        let seq = sessions::note_ended(&mut tx, user).await?;
        tx.commit().await?;
        Ok(seq)
    }

    /// Gives an owner to each of a person's rooms that has none who can act: after a suspension,
    /// its end, or a change of role. Each room has its own transaction under its lock alone, as
    /// when someone leaves, so that no room waits for another and the lock order is kept. Safe to
    /// repeat.
    ///
    /// # Errors
    /// When the database fails. The remaining rooms are then unchanged.
    pub async fn pass_rooms_on(&self, user: UserId) -> Result<Vec<(RoomId, MemberChange)>, Error> {
        let rooms = sqlx::query_scalar!(
            "select m.room_id from members m join rooms r on r.id = m.room_id
             where m.user_id = $1 and m.active and r.kind <> 'direct'
                and not exists (select from members o join users u on u.id = o.user_id
                                where o.room_id = m.room_id and o.active and o.role = 'owner'
                                    and u.suspended_at is null and u.role <> 'guest')
             order by m.room_id limit $2",
            user.0,
            ROOMS_PASSED_ON_MAX
        )
        .fetch_all(&self.pool())
        .await?;
        let mut changes = Vec::new();
        for room in rooms.into_iter().map(RoomId) {
            let passed = retry_deadlocks(Error::is_deadlock, || self.pass_on(room, user)).await?;
            changes.extend(passed.map(|change| (room, change)));
        }
        Ok(changes)
    }

    async fn pass_on(&self, room: RoomId, user: UserId) -> Result<Option<MemberChange>, Error> {
        let mut tx = self.pool().begin().await?;
        match lock_room(&mut tx, room, user).await {
            Ok(_) => {}
            // It was deleted meanwhile.
            Err(Error::NoSuchRoom) => return Ok(None),
            Err(e) => return Err(e),
        }
        let change = members::inherit(&mut tx, room).await?;
        tx.commit().await?;
        Ok(change)
    }

    /// Changes a person's role in the workspace, and returns their new profile; `None` if they
    /// already have that role. Everyone may lower their own role, as long as the workspace keeps an
    /// owner who can act.
    ///
    /// # Errors
    /// See [`PeopleRefused`].
    pub async fn set_workspace_role(
        &self,
        by: UserId,
        user: UserId,
        role: WorkspaceRole,
    ) -> Result<Option<User>, PeopleRefused> {
        let mut tx = self.pool().begin().await?;
        sqlx::query!("select epoch from installation for update").fetch_one(&mut *tx).await?;
        let acting = acting_role(&mut tx, by).await?.ok_or(PeopleRefused::Forbidden)?;
        // The person's row is locked first, as in every change of an account.
        let now = sqlx::query_scalar!("select role from users where id = $1 for no key update", user.0)
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(PeopleRefused::NoSuchUser)?;
        let now = workspace_role_of(&now);
        let allowed = if by == user { role <= now } else { acting.may_give(now, role) };
        if !allowed {
            return Err(PeopleRefused::Forbidden);
        }
        if now == role {
            return Ok(None);
        }
        let rev = take(&mut tx, Line::Workspace, ItemKind::Profile, &user.to_string()).await?;
        let row = sqlx::query!(
            "update users set role = $2, rev = $3 where id = $1 returning id, handle, name, role, rev, picture",
            user.0,
            role.as_str(),
            rev.0
        )
        .fetch_one(&mut *tx)
        .await?;
        // Its creator might not be allowed to create it for the new role.
        sqlx::query!("delete from password_links where user_id = $1", user.0).execute(&mut *tx).await?;
        let has_owner = sqlx::query_scalar!(
            r#"select exists (select from users where role = 'owner' and suspended_at is null) as "has!""#
        );
        if now == WorkspaceRole::Owner && !has_owner.fetch_one(&mut *tx).await? {
            return Err(PeopleRefused::LastOwner);
        }
        tx.commit().await?;
        Ok(Some(user_of(row.id, row.handle, row.name, &row.role, row.rev, row.picture)))
    }

    /// Lets a suspended person sign in again. Ended sessions stay ended. Does nothing if they are
    /// not suspended.
    ///
    /// # Errors
    /// See [`PeopleRefused`].
    pub async fn let_in_again(&self, by: UserId, user: UserId) -> Result<(), PeopleRefused> {
        let mut tx = self.pool().begin().await?;
        sqlx::query!("select epoch from installation for update").fetch_one(&mut *tx).await?;
        if !may_manage(&mut tx, by, user).await? {
            return Err(PeopleRefused::Forbidden);
        }
        let suspended = sqlx::query_scalar!(
            r#"select suspended_at is not null as "suspended!" from users where id = $1 for update"#,
            user.0
        )
        .fetch_optional(&mut *tx)
        .await?;
        if !suspended.ok_or(PeopleRefused::NoSuchUser)? {
            return Ok(());
        }
        sqlx::query!("update users set suspended_at = null where id = $1", user.0).execute(&mut *tx).await?;
        // A leftover session must not work again.
        sqlx::query!("delete from sessions where user_id = $1", user.0).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Whether someone may currently manage another person's account.
///
/// # Errors
/// [`PeopleRefused::NoSuchUser`]; or when the database fails.
pub(super) async fn may_manage(
    tx: &mut sqlx::PgTransaction<'_>,
    by: UserId,
    user: UserId,
) -> Result<bool, PeopleRefused> {
    let Some(by) = acting_role(tx, by).await?.filter(|role| role.is_admin()) else { return Ok(false) };
    let other = find_workspace_role(&mut **tx, user).await?.ok_or(PeopleRefused::NoSuchUser)?;
    Ok(by.may_manage(other))
}

/// Someone's role in the workspace, unless they are suspended.
pub(super) async fn acting_role(
    tx: &mut sqlx::PgTransaction<'_>,
    user: UserId,
) -> Result<Option<WorkspaceRole>, sqlx::Error> {
    let role = sqlx::query_scalar!("select role from users where id = $1 and suspended_at is null", user.0)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(role.map(|role| workspace_role_of(&role)))
}

#[cfg(test)]
mod tests {
    use futures::future::join;
    use sqlx::PgPool;
    use uuid::Uuid;

    use super::*;
    use crate::store::{
        Admission, PasswordChange,
        testing::{HASH, new_user, person, session, wait_for_a_lock},
    };

    #[sqlx::test(migrations = "../migrations")]
    async fn a_suspended_person_has_no_session_whatever_is_left_of_one(pool: PgPool) {
        let store = Store::over(pool.clone());
        let ana = person(&store, "ana", &[1; 32]).await;
        let bea = person(&store, "bea", &[2; 32]).await;
        let old = store.find_session(&[2; 32]).await.unwrap().unwrap().id;
        store.suspend(ana, bea).await.unwrap();
        assert!(store.find_session(&[2; 32]).await.unwrap().is_none());
        assert_eq!(store.insert_session(bea, HASH, &session(&[3; 32])).await.unwrap(), None);
        // One that an older server has created.
        sqlx::query(
            "insert into sessions (id, user_id, token_hash, device, expires_at)
             values ($1, $2, $3, '', now() + interval '1 day')",
        )
        .bind(old.0)
        .bind(bea.0)
        .bind(vec![4_u8; 32])
        .execute(&pool)
        .await
        .unwrap();
        assert!(store.find_session(&[4; 32]).await.unwrap().is_none());
        assert_eq!(store.sessions_alive(&[old]).await.unwrap(), []);

        store.let_in_again(ana, bea).await.unwrap();
        assert!(store.find_session(&[4; 32]).await.unwrap().is_none(), "what had ended does not come back");
        assert!(store.insert_session(bea, HASH, &session(&[3; 32])).await.unwrap().is_some());
        // It changes nothing for someone who is not suspended.
        store.let_in_again(ana, bea).await.unwrap();
        assert!(store.find_session(&[3; 32]).await.unwrap().is_some());
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn nobody_is_suspended_by_themselves_by_others_or_as_the_last_administrator(pool: PgPool) {
        let store = Store::over(pool.clone());
        let ana = person(&store, "ana", &[1; 32]).await;
        let bea = person(&store, "bea", &[2; 32]).await;
        let forbidden = |result: Result<Seq, _>| matches!(result, Err(PeopleRefused::Forbidden));
        assert!(forbidden(store.suspend(ana, ana).await));
        assert!(forbidden(store.suspend(bea, ana).await));
        assert!(matches!(store.let_in_again(bea, ana).await, Err(PeopleRefused::Forbidden)));
        let nobody = store.suspend(ana, UserId(Uuid::now_v7())).await;
        assert!(matches!(nobody, Err(PeopleRefused::NoSuchUser)));

        sqlx::query("update users set role = 'owner'").execute(&pool).await.unwrap();
        let (first, second) = join(store.suspend(ana, bea), store.suspend(bea, ana)).await;
        assert_eq!(usize::from(forbidden(first)) + usize::from(forbidden(second)), 1, "one of them is left");
    }

    /// A change of the account overtakes a sign-in that has already verified the password: the
    /// sign-in waits for it, and is then too late.
    #[sqlx::test(migrations = "../migrations")]
    async fn a_sign_in_under_way_survives_neither_a_suspension_nor_a_new_password(pool: PgPool) {
        let store = Store::over(pool.clone());
        person(&store, "ana", &[1; 32]).await;
        let bea = person(&store, "bea", &[2; 32]).await;
        for change in ["update users set suspended_at = now()", "update users set password_hash = 'another'"]
        {
            sqlx::query("update users set suspended_at = null").execute(&pool).await.unwrap();
            let mut tx = pool.begin().await.unwrap();
            sqlx::query(change).execute(&mut *tx).await.unwrap();
            let late = session(&[3; 32]);
            let sign_in = store.insert_session(bea, HASH, &late);
            let suspends = async {
                wait_for_a_lock(&pool, 1).await;
                sqlx::query("delete from sessions").execute(&mut *tx).await.unwrap();
                tx.commit().await.unwrap();
            };
            let (made, ()) = join(sign_in, suspends).await;
            assert_eq!(made.unwrap(), None, "{change}");
        }
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn only_a_live_session_that_knows_the_password_changes_it(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana", &[1; 32]).await;
        let asking = store.find_session(&[1; 32]).await.unwrap().unwrap().id;
        let other = store.insert_session(ana, HASH, &session(&[2; 32])).await.unwrap().unwrap();
        let new = PasswordChange {
            user: ana,
            before: HASH,
            password_hash: "another",
            session: asking,
            token_hash: &[3; 32],
        };
        let gone = protocol::SessionId(Uuid::now_v7());
        assert_eq!(store.change_password(PasswordChange { session: gone, ..new }).await.unwrap(), None);
        assert_eq!(store.change_password(PasswordChange { before: "guessed", ..new }).await.unwrap(), None);
        assert_eq!(store.find_password_hash(ana).await.unwrap().as_deref(), Some(HASH));
        assert!(store.find_session(&[2; 32]).await.unwrap().is_some());

        let renewed = store.change_password(new).await.unwrap().unwrap();
        assert_eq!(renewed.ended.unwrap().sessions, [other]);
        assert_ne!(renewed.session, asking, "what was opened with a copied cookie has no session any more");
        assert_eq!(store.find_password_hash(ana).await.unwrap().as_deref(), Some("another"));
        for ended in [[1; 32], [2; 32]] {
            assert!(store.find_session(&ended).await.unwrap().is_none());
        }
        assert_eq!(store.find_session(&[3; 32]).await.unwrap().unwrap().id, renewed.session);
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn while_one_is_suspended_ones_invitations_are_void_and_one_is_not_found(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana", &[1; 32]).await;
        let bea = person(&store, "bea", &[2; 32]).await;
        store.insert_invitation(bea, &[7; 32], 60.0, 1).await.unwrap();
        store.suspend(ana, bea).await.unwrap();
        assert!(!store.is_invitation_good(&[7; 32]).await.unwrap());
        assert_eq!(store.find_users(ana, "bea").await.unwrap(), []);
        let cem = new_user("cem");
        let admission = Admission::Invitation(&[7; 32]);
        assert!(store.sign_up(&cem, admission, &session(&[8; 32])).await.is_err());
        let listed = store.list_people("", None).await.unwrap();
        let listed: Vec<_> =
            listed.people.iter().map(|p| (p.user.handle.as_str(), p.user.role, p.suspended)).collect();
        assert_eq!(listed, [("bea", WorkspaceRole::Member, true), ("ana", WorkspaceRole::Owner, false)]);

        store.let_in_again(ana, bea).await.unwrap();
        assert_eq!(store.list_people("BE", None).await.unwrap().people.len(), 1);
        assert_eq!(store.find_users(ana, "bea").await.unwrap().len(), 1);
        store.sign_up(&cem, admission, &session(&[8; 32])).await.unwrap();
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn everyone_is_listed_once_part_by_part(pool: PgPool) {
        let store = Store::over(pool.clone());
        sqlx::query(
            "insert into users (id, handle, name, password_hash, suspended_at)
             select gen_random_uuid(), 'p' || n, 'Person ' || n % 7, '', case when n % 9 = 0 then now() end
             from generate_series(1, 120) n",
        )
        .execute(&pool)
        .await
        .unwrap();
        for (query, count) in [("", 120), ("@P1", 32), ("nobody", 0)] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = store.list_people(query, after).await.unwrap();
                assert!(page.people.len() <= PEOPLE_SHOWN);
                seen.extend(page.people);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let mut ids: Vec<_> = seen.iter().map(|person| person.user.id).collect();
            ids.dedup();
            assert_eq!((seen.len(), ids.len()), (count, count), "{query}");
            assert!(seen.is_sorted_by_key(|person| (!person.suspended, person.user.name.clone())));
        }
    }
}
