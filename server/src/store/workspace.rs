//! The workspace itself: one row (of the table `installation`).

use protocol::{Epoch, RoomId};
use uuid::Uuid;

use super::{Error, Store};

/// The workspace.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Never changes: the channels in Redis are named after it.
    pub id: Uuid,
    /// The epoch of the database.
    pub epoch: Epoch,
    /// Its name; empty until the first person has named it.
    pub name: String,
    /// The channel that newcomers join.
    pub first_channel: Option<RoomId>,
}

impl Store {
    /// The workspace.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn workspace(&self) -> Result<Workspace, Error> {
        let row = sqlx::query!("select id, epoch, place, first_channel from installation")
            .fetch_one(&self.pool())
            .await?;
        Ok(Workspace {
            id: row.id,
            epoch: Epoch(row.epoch),
            name: row.place,
            first_channel: row.first_channel.map(RoomId),
        })
    }

    /// Sets the workspace's name and first channel, once. Returns false if it already had a name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_up(&self, name: &str, first_channel: RoomId) -> Result<bool, Error> {
        let done = sqlx::query!(
            "update installation set place = $1, first_channel = $2 where place = ''",
            name,
            first_channel.0
        )
        .execute(&self.pool())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Renames the workspace. Pages show the new name when they are next loaded.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rename_workspace(&self, name: &str) -> Result<(), Error> {
        sqlx::query!("update installation set place = $1 where place <> ''", name)
            .execute(&self.pool())
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;
    use uuid::Uuid;

    use super::*;

    #[sqlx::test(migrations = "../migrations")]
    async fn a_workspace_is_set_up_once_and_can_be_renamed(pool: PgPool) {
        let store = Store::over(pool);
        let (first, second) = (RoomId(Uuid::now_v7()), RoomId(Uuid::now_v7()));
        assert_eq!(store.workspace().await.unwrap().name, "");
        assert!(store.set_up("Harbour", first).await.unwrap());
        assert!(!store.set_up("Lighthouse", second).await.unwrap());
        let workspace = store.workspace().await.unwrap();
        assert_eq!((workspace.name.as_str(), workspace.first_channel), ("Harbour", Some(first)));
        store.rename_workspace("Lighthouse").await.unwrap();
        assert_eq!(store.workspace().await.unwrap().name, "Lighthouse");
    }
}
