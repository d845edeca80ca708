//! Stored content: who may read it, and when nobody needs it any more.
//!
//! A file without attachments is unused, and is collected once it is old enough. The files of a workspace are looked at in the order of
//! their ids, some at a time ([`Store::sweep_files`]), so this costs the same however many there are, and sending a message costs
//! nothing for it. Content goes with its last file.

use protocol::{FileId, User, UserId};
use sqlx::PgTransaction;
use uuid::Uuid;

use super::{Error, Store, uploads::doom, users::user_of};

/// How long the objects of deleted content stay: whoever has begun to read them may finish.
pub(super) const READERS_WITHIN_S: f64 = 3_600.0;
/// How long a server has for deleting the objects that it has taken, before another one tries.
const DELETING_WITHIN_S: f64 = 600.0;

/// A file as its readers get it.
#[derive(Clone, Debug)]
pub struct ReadableFile {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its content.
    pub hash: Vec<u8>,
    /// Its media type.
    pub media: String,
    /// Whether it is a picture.
    pub is_picture: bool,
    /// Its bytes.
    pub object: Uuid,
    /// The smaller copies of a picture.
    pub small: Option<Uuid>,
    /// The larger ones.
    pub large: Option<Uuid>,
}

/// How much space files take, in bytes. Unfinished uploads count in full.
#[derive(Clone, Debug, Default)]
pub struct SpaceUsed {
    /// All of them.
    pub all: u64,
    /// The same, but content that several files have counts once.
    pub stored: u64,
    /// The people with the most, and how much each of them has.
    pub people: Vec<(User, u64)>,
}

/// Some files that were looked at.
#[derive(Clone, Debug, Default)]
pub struct Swept {
    /// The last of them; `None` if there are no more.
    pub through: Option<Uuid>,
    /// Those that are unused, and old enough.
    pub unused: Vec<Uuid>,
}

impl Store {
    /// A file that someone may read now: it is attached to a message of a room that they are in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn readable_file(&self, id: FileId, reader: UserId) -> Result<Option<ReadableFile>, Error> {
        let row = sqlx::query!(
            r#"select f.name, f.size, b.hash, b.media, b.object, b.small, b.large, b.width is not null as "is_picture!"
             from files f join blobs b on b.hash = f.hash
             where f.id = $1 and exists (
                select from attachments a
                join members m on m.room_id = a.room_id and m.user_id = $2 and m.active
                join rooms r on r.id = a.room_id and r.deleted_at is null
                where a.file_id = f.id)"#,
            id.0,
            reader.0
        )
        .fetch_optional(&self.pool())
        .await?;
        Ok(row.map(|row| ReadableFile {
            name: row.name,
            size: u64::try_from(row.size).unwrap_or_default(),
            hash: row.hash,
            media: row.media,
            is_picture: row.is_picture,
            object: row.object,
            small: row.small,
            large: row.large,
        }))
    }

    /// How much space is used, with at most `people` people.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn space_used(&self, people: i64) -> Result<SpaceUsed, Error> {
        let pool = self.pool();
        let sums = sqlx::query!(
            r#"select ((select coalesce(sum(size), 0) from files)
                     + (select coalesce(sum(length), 0) from uploads))::bigint as "all!",
                ((select coalesce(sum(size), 0) from blobs)
                     + (select coalesce(sum(length), 0) from uploads))::bigint as "stored!""#
        )
        .fetch_one(&pool)
        .await?;
        let rows = sqlx::query!(
            r#"select u.id, u.handle, u.name, u.role, u.rev, u.picture, s.bytes as "bytes!"
             from (select owner_id, sum(size)::bigint as bytes
                   from (select owner_id, size from files union all select owner_id, length from uploads) a
                   group by owner_id order by bytes desc, owner_id limit $1) s
             join users u on u.id = s.owner_id order by s.bytes desc, u.id"#,
            people
        )
        .fetch_all(&pool)
        .await?;
        let unsigned = |bytes| u64::try_from(bytes).unwrap_or_default();
        let person = |bytes, user| (user, unsigned(bytes));
        Ok(SpaceUsed {
            all: unsigned(sums.all),
            stored: unsigned(sums.stored),
            people: rows
                .into_iter()
                .map(|row| {
                    let user = user_of(row.id, row.handle, row.name, &row.role, row.rev, row.picture);
                    person(row.bytes, user)
                })
                .collect(),
        })
    }

    /// Looks at the next files after one, at most `count`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_files(&self, after: Uuid, hours: f64, count: i64) -> Result<Swept, Error> {
        let rows = sqlx::query!(
            r#"select f.id, f.is_old and not exists (select from attachments a where a.file_id = f.id) as "unused!"
             from (select id, created_at < now() - $2::float8 * interval '1 hour' as is_old
                   from files where id > $1 order by id limit $3) f
             order by f.id"#,
            after,
            hours,
            count
        )
        .fetch_all(&self.pool())
        .await?;
        let is_last = (rows.len() as i64) < count;
        Ok(Swept {
            through: if is_last { None } else { rows.last().map(|row| row.id) },
            unused: rows.into_iter().filter(|row| row.unused).map(|row| row.id).collect(),
        })
    }

    /// Deletes those of these files that have no attachment, and the content that was only theirs. Returns how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_unused_files(&self, ids: &[Uuid]) -> Result<usize, Error> {
        let mut tx = self.pool().begin().await?;
        let deleted = delete_unused(&mut tx, ids).await?;
        if deleted > 0 {
            tx.commit().await?;
        }
        Ok(deleted)
    }

    /// Deletes someone's own file that they have not sent. False if it is not theirs, or has been sent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_own_file(&self, id: FileId, owner: UserId) -> Result<bool, Error> {
        let mut tx = self.pool().begin().await?;
        let own = sqlx::query!("select from files where id = $1 and owner_id = $2", id.0, owner.0);
        let is_own = own.fetch_optional(&mut *tx).await?.is_some();
        let is_deleted = is_own && delete_unused(&mut tx, &[id.0]).await? > 0;
        if is_deleted {
            tx.commit().await?;
        }
        Ok(is_deleted)
    }

    /// Takes at most `count` objects whose time has come. From now on nothing can refer to them again. Another server may take the same
    /// if this one does not say within ten minutes that they are deleted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_doomed_objects(&self, count: i64) -> Result<Vec<Uuid>, Error> {
        let taken = sqlx::query_scalar!(
            "update doomed_objects set deleting = true, after = now() + $2::float8 * interval '1 second'
             where object in (select object from doomed_objects where after <= now() order by after limit $1 for update skip locked)
             returning object",
            count,
            DELETING_WITHIN_S
        );
        Ok(taken.fetch_all(&self.pool()).await?)
    }

    /// Forgets objects that have been deleted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_objects(&self, objects: &[Uuid]) -> Result<(), Error> {
        sqlx::query!("delete from doomed_objects where object = any($1)", objects)
            .execute(&self.pool())
            .await?;
        Ok(())
    }
}

/// Each step is a statement of its own: it sees what others have committed before it got its locks.
async fn delete_unused(tx: &mut PgTransaction<'_>, ids: &[Uuid]) -> Result<usize, Error> {
    // Whoever is sending one holds a lock on it, and is not waited for.
    let locked = sqlx::query_scalar!(
        "select id from files where id = any($1) order by id for update skip locked",
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let hashes = sqlx::query_scalar!(
        "delete from files f where f.id = any($1) and not exists (select from attachments a where a.file_id = f.id)
         returning f.hash",
        &locked
    )
    .fetch_all(&mut **tx)
    .await?;
    if hashes.is_empty() {
        return Ok(0);
    }
    sqlx::query!("select from blobs where hash = any($1) order by hash for update", &hashes)
        .execute(&mut **tx)
        .await?;
    let gone = sqlx::query!(
        "delete from blobs b where b.hash = any($1) and not exists (select from files f where f.hash = b.hash)
         returning object, small, large",
        &hashes
    )
    .fetch_all(&mut **tx)
    .await?;
    let objects: Vec<Uuid> =
        gone.into_iter().flat_map(|row| [Some(row.object), row.small, row.large]).flatten().collect();
    doom(tx, &objects, READERS_WITHIN_S).await?;
    Ok(hashes.len())
}
