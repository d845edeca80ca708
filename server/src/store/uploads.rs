//! Uploads: their parts, and how they become files. See `migrations/0031_files.sql`.
//!
//! Law:
//! - an object is in `doomed_objects` before it is stored, and leaves it in the transaction that refers to it ([`adopt`]). So a server
//!   that is killed in between leaves nothing that is never deleted;
//! - a part is recorded only where the recorded ones end. Of two writers at the same place one wins;
//! - the space of a person is checked under the lock of their row, that of the workspace under the lock of its row.

use protocol::{ErrorCode, File, FileId, UserId};
use sqlx::PgTransaction;
use uuid::Uuid;

use super::{Error, Store};

/// Uploads of one person that are not complete.
const UPLOADS_MAX: i64 = 200;

/// A new upload.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// Its id, and that of its file.
    pub id: FileId,
    /// Who uploads it.
    pub owner: UserId,
    /// The name of the file.
    pub name: String,
    /// How many bytes there will be.
    pub length: u64,
}

/// How much space there may be, in bytes; `None`: no limit.
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// For one person.
    pub person: Option<u64>,
    /// For all.
    pub workspace: Option<u64>,
}

/// An upload that is not a file yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The name of the file.
    pub name: String,
    /// How many bytes there will be.
    pub length: u64,
    /// How many are stored.
    pub received: u64,
}

/// A stored part of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its bytes.
    pub object: Uuid,
    /// How many there are.
    pub size: u64,
}

/// The content of a complete upload.
#[derive(Clone, Debug)]
pub struct NewBlob {
    /// SHA-256.
    pub hash: [u8; 32],
    /// Its bytes.
    pub object: Uuid,
    /// How many there are.
    pub size: u64,
    /// The media type.
    pub media: String,
    /// What is known if it is a picture.
    pub picture: Option<NewPicture>,
    /// The first lines if it is a text: see [`File::excerpt`].
    pub excerpt: Option<String>,
}

/// A picture that has been drawn.
#[derive(Clone, Debug)]
pub struct NewPicture {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// The blurred copy.
    pub blur: Vec<u8>,
    /// The smaller copies.
    pub small: Option<Uuid>,
    /// The larger ones.
    pub large: Option<Uuid>,
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn unsigned(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or_default()
}

impl Store {
    /// Begins an upload, if there is space.
    ///
    /// # Errors
    /// [`ErrorCode::UploadInvalid`] if the id is taken; [`ErrorCode::SpaceUsed`], [`ErrorCode::WorkspaceSpaceUsed`]; [`ErrorCode::SlowDown`] if the person has too many unfinished
    /// ones; or when the database fails.
    pub async fn create_upload(&self, new: &NewUpload, space: Space) -> Result<(), Error> {
        let mut tx = self.pool().begin().await?;
        let owner = new.owner.0;
        sqlx::query!("select from users where id = $1 for no key update", owner)
            .fetch_optional(&mut *tx)
            .await?;
        let used = sqlx::query!(
            r#"select count(*) as "count!", coalesce(sum(length), 0)::bigint as "bytes!" from uploads where owner_id = $1"#,
            owner
        )
        .fetch_one(&mut *tx)
        .await?;
        if used.count >= UPLOADS_MAX {
            return Err(Error::Refused(ErrorCode::SlowDown));
        }
        let fits = |used: i64, max: u64| unsigned(used).saturating_add(new.length) <= max;
        if let Some(max) = space.person {
            let files = sqlx::query_scalar!(
                r#"select coalesce(sum(size), 0)::bigint as "bytes!" from files where owner_id = $1"#,
                owner
            );
            let files = files.fetch_one(&mut *tx).await?;
            if !fits(used.bytes.saturating_add(files), max) {
                return Err(Error::Refused(ErrorCode::SpaceUsed));
            }
        }
        if let Some(max) = space.workspace {
            sqlx::query!("select from installation for no key update").fetch_optional(&mut *tx).await?;
            // A new statement: it sees what others have committed while this one waited for the lock.
            let all = sqlx::query_scalar!(
                r#"select ((select coalesce(sum(size), 0) from files)
                         + (select coalesce(sum(length), 0) from uploads))::bigint as "bytes!""#
            );
            if !fits(all.fetch_one(&mut *tx).await?, max) {
                return Err(Error::Refused(ErrorCode::WorkspaceSpaceUsed));
            }
        }
        let created = sqlx::query!(
            "insert into uploads (id, owner_id, name, length)
             select $1, $2, $3, $4 where not exists (select from files where id = $1)
             on conflict do nothing",
            new.id.0,
            owner,
            new.name,
            signed(new.length)
        )
        .execute(&mut *tx)
        .await?;
        if created.rows_affected() == 0 {
            return Err(Error::Refused(ErrorCode::UploadInvalid));
        }
        tx.commit().await?;
        Ok(())
    }

    /// Someone's own upload that is not a file yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn upload(&self, id: FileId, owner: UserId) -> Result<Option<Upload>, Error> {
        let row = sqlx::query!(
            "select name, length, received from uploads where id = $1 and owner_id = $2",
            id.0,
            owner.0
        )
        .fetch_optional(&self.pool())
        .await?;
        Ok(row.map(|row| Upload {
            name: row.name,
            length: unsigned(row.length),
            received: unsigned(row.received),
        }))
    }

    /// Announces objects that will be stored. Within an hour something must refer to them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn announce_objects(&self, objects: &[Uuid]) -> Result<(), Error> {
        sqlx::query!(
            "insert into doomed_objects (object, after) select object, now() + interval '1 hour' from unnest($1::uuid[]) as object",
            objects
        )
        .execute(&self.pool())
        .await?;
        Ok(())
    }

    /// Records parts that begin at `start`, in their order. False if the upload does not end there, or is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_parts(
        &self,
        (id, owner): (FileId, UserId),
        start: u64,
        parts: &[Part],
    ) -> Result<bool, Error> {
        let mut tx = self.pool().begin().await?;
        let size: u64 = parts.iter().map(|part| part.size).sum();
        let grown = sqlx::query!(
            "update uploads set received = received + $4, active_at = now()
             where id = $1 and owner_id = $2 and received = $3 and received + $4 <= length",
            id.0,
            owner.0,
            signed(start),
            signed(size)
        )
        .execute(&mut *tx)
        .await?;
        let objects: Vec<Uuid> = parts.iter().map(|part| part.object).collect();
        if grown.rows_affected() == 0 || !adopt(&mut tx, &objects).await? {
            return Ok(false);
        }
        let mut place = start;
        let (mut starts, mut sizes) = (Vec::new(), Vec::new());
        for part in parts {
            starts.push(signed(place));
            sizes.push(signed(part.size));
            place += part.size;
        }
        sqlx::query!(
            "insert into upload_parts (upload_id, start, size, object)
             select $1, p.start, p.size, p.object from unnest($2::bigint[], $3::bigint[], $4::uuid[]) as p (start, size, object)",
            id.0,
            &starts,
            &sizes,
            &objects
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The parts of an upload, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn upload_parts(&self, id: FileId) -> Result<Vec<Part>, Error> {
        let rows =
            sqlx::query!("select object, size from upload_parts where upload_id = $1 order by start", id.0)
                .fetch_all(&self.pool())
                .await?;
        Ok(rows.into_iter().map(|row| Part { object: row.object, size: unsigned(row.size) }).collect())
    }

    /// What is known of stored content, if it is stored already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_blob(&self, hash: &[u8; 32]) -> Result<bool, Error> {
        let has =
            sqlx::query_scalar!(r#"select exists (select from blobs where hash = $1) as "has!""#, &hash[..]);
        Ok(has.fetch_one(&self.pool()).await?)
    }

    /// Makes a complete upload a file. `content` is `None` if the caller knows that its hash is stored; then the answer is
    /// [`Finished::Stored`] unless it is gone by now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_upload(
        &self,
        (id, owner): (FileId, UserId),
        hash: &[u8; 32],
        content: Option<&NewBlob>,
    ) -> Result<Finished, Error> {
        let mut tx = self.pool().begin().await?;
        let upload = sqlx::query!(
            "select name, length from uploads where id = $1 and owner_id = $2 and received = length for update",
            id.0,
            owner.0
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(upload) = upload else { return Ok(Finished::NoUpload) };
        let parts =
            sqlx::query_scalar!("delete from upload_parts where upload_id = $1 returning object", id.0)
                .fetch_all(&mut *tx)
                .await?;
        let used = match content {
            Some(content) => insert_blob(&mut tx, content).await?,
            None => Vec::new(),
        };
        // The lock keeps it from being collected as unused until the file refers to it.
        let blob = sqlx::query!("select from blobs where hash = $1 for key share", &hash[..]);
        if blob.fetch_optional(&mut *tx).await?.is_none() {
            return Ok(Finished::NoContent);
        }
        // The only part of an upload may have become the content itself.
        let (own, new): (Vec<Uuid>, Vec<Uuid>) = used.into_iter().partition(|object| parts.contains(object));
        if !adopt(&mut tx, &new).await? {
            return Ok(Finished::NoContent);
        }
        let left: Vec<Uuid> = parts.into_iter().filter(|part| !own.contains(part)).collect();
        doom(&mut tx, &left, 60.0).await?;
        sqlx::query!(
            "insert into files (id, owner_id, hash, name, size) values ($1, $2, $3, $4, $5)",
            id.0,
            owner.0,
            &hash[..],
            upload.name,
            upload.length
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!("delete from uploads where id = $1", id.0).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Finished::Stored)
    }

    /// Someone's own file.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn own_file(&self, id: FileId, owner: UserId) -> Result<Option<File>, Error> {
        let row = sqlx::query!(
            "select f.name, f.size, b.media, b.width, b.height, b.blur, b.excerpt
             from files f join blobs b on b.hash = f.hash where f.id = $1 and f.owner_id = $2",
            id.0,
            owner.0
        )
        .fetch_optional(&self.pool())
        .await?;
        Ok(row.map(|row| File {
            id,
            name: row.name,
            size: unsigned(row.size),
            media: row.media,
            alt: String::new(),
            picture: super::files::picture(row.width, row.height, row.blur.as_deref()),
            excerpt: row.excerpt.unwrap_or_default(),
        }))
    }

    /// Gives up someone's upload. False if there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_upload(&self, id: FileId, owner: UserId) -> Result<bool, Error> {
        let mut tx = self.pool().begin().await?;
        let upload =
            sqlx::query!("select from uploads where id = $1 and owner_id = $2 for update", id.0, owner.0);
        let found = upload.fetch_optional(&mut *tx).await?.is_some();
        if found {
            drop_uploads(&mut tx, &[id.0]).await?;
            tx.commit().await?;
        }
        Ok(found)
    }

    /// Gives up at most `count` uploads that have received nothing for some hours. Returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expire_uploads(&self, hours: f64, count: i64) -> Result<usize, Error> {
        let mut tx = self.pool().begin().await?;
        let old = sqlx::query_scalar!(
            "select id from uploads where active_at < now() - $1::float8 * interval '1 hour'
             order by active_at limit $2 for update skip locked",
            hours,
            count
        )
        .fetch_all(&mut *tx)
        .await?;
        if !old.is_empty() {
            drop_uploads(&mut tx, &old).await?;
            tx.commit().await?;
        }
        Ok(old.len())
    }
}

/// What became of a complete upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// It is a file.
    Stored,
    /// There is no such complete upload: it may be a file already.
    NoUpload,
    /// Its content is not stored (any more).
    NoContent,
}

/// Inserts content unless it is stored already. Returns the objects that it refers to now.
async fn insert_blob(tx: &mut PgTransaction<'_>, new: &NewBlob) -> Result<Vec<Uuid>, Error> {
    let picture = new.picture.as_ref();
    let pixels = |side: Option<u32>| side.and_then(|side| i32::try_from(side).ok());
    let (small, large) = (picture.and_then(|p| p.small), picture.and_then(|p| p.large));
    let inserted = sqlx::query!(
        "insert into blobs (hash, object, size, media, width, height, blur, small, large, excerpt)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (hash) do nothing",
        &new.hash[..],
        new.object,
        signed(new.size),
        new.media,
        pixels(picture.map(|p| p.width)),
        pixels(picture.map(|p| p.height)),
        picture.map(|p| p.blur.as_slice()),
        small,
        large,
        new.excerpt
    )
    .execute(&mut **tx)
    .await?;
    let objects = [Some(new.object), small, large].into_iter().flatten();
    Ok(if inserted.rows_affected() == 1 { objects.collect() } else { Vec::new() })
}

/// Takes announced objects into use. False if one of them is being deleted.
pub(super) async fn adopt(tx: &mut PgTransaction<'_>, objects: &[Uuid]) -> Result<bool, Error> {
    let adopted = sqlx::query!("delete from doomed_objects where object = any($1) and not deleting", objects)
        .execute(&mut **tx)
        .await?;
    Ok(adopted.rows_affected() == objects.len() as u64)
}

/// Has objects deleted that nothing refers to any more, after some seconds.
pub(super) async fn doom(tx: &mut PgTransaction<'_>, objects: &[Uuid], after_s: f64) -> Result<(), Error> {
    sqlx::query!(
        "insert into doomed_objects (object, after)
         select object, now() + $2::float8 * interval '1 second' from unnest($1::uuid[]) as object",
        objects,
        after_s
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes locked uploads.
async fn drop_uploads(tx: &mut PgTransaction<'_>, ids: &[Uuid]) -> Result<(), Error> {
    let parts =
        sqlx::query_scalar!("delete from upload_parts where upload_id = any($1) returning object", ids)
            .fetch_all(&mut **tx)
            .await?;
    doom(tx, &parts, 60.0).await?;
    sqlx::query!("delete from uploads where id = any($1)", ids).execute(&mut **tx).await?;
    Ok(())
}
