//! The bytes of files: objects in a folder, or in a bucket of S3.
//!
//! An object has a random name, is written once, and never changes. Which objects there are, and what they contain, is in Postgres
//! ([`crate::store::uploads`]): this module never lists them.

mod body;

use std::{io, ops::Range, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetResult, GetResultPayload, ObjectStore, ObjectStoreExt as _,
    RetryConfig, WriteMultipart, aws::AmazonS3Builder, local::LocalFileSystem, path::Path,
};
use uuid::Uuid;

pub use self::body::Content;
use crate::config::{Bucket, FileStore};

/// The size of the pieces of a large object on its way to S3. With at most 10,000 pieces an object has up to 80 GB.
const PIECE: usize = 8 * 1024 * 1024;
/// Pieces on their way at once, for each object.
const PIECES_AT_ONCE: usize = 2;
/// How long S3 may take for one request.
const S3_WITHIN: Duration = Duration::from_secs(60);
/// How long a failed request to S3 is retried.
const S3_RETRIES_WITHIN: Duration = Duration::from_secs(20);

/// Why an object could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed: it is away, or full.
    #[error("the store of files failed: {0}")]
    Store(#[from] object_store::Error),
    /// The store cannot be used with these settings.
    #[error("{0}")]
    Setting(String),
}

impl Error {
    /// Whether the object does not exist.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Store(object_store::Error::NotFound { .. }))
    }

    /// Whether there is no space left on the disk.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            }
            next = error.source();
        }
        false
    }
}

/// The store of objects.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    /// Comes before the names of all objects.
    prefix: Path,
    /// The folder, if it is one, and nginx's path for it.
    folder: Option<(PathBuf, Option<String>)>,
}

impl Blobs {
    /// Opens the store, and tests it by writing and deleting an object.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn open(place: &FileStore) -> Result<Self, Error> {
        let blobs = match place {
            FileStore::Folder(folder, accel) => Self::in_folder(folder.clone(), accel.clone())?,
            FileStore::Bucket(bucket) => Self::in_bucket(bucket)?,
        };
        let probe = Uuid::new_v4();
        blobs.put(probe, Bytes::from_static(b"roost")).await?;
        blobs.delete(probe).await?;
        Ok(blobs)
    }

    fn in_folder(folder: PathBuf, accel: Option<String>) -> Result<Self, Error> {
        let unusable = |e| Error::Setting(format!("the folder {} cannot be used: {e}", folder.display()));
        std::fs::create_dir_all(&folder).map_err(unusable)?;
        let folder = folder.canonicalize().map_err(unusable)?;
        // What the database refers to must survive a power cut, as the database itself does.
        let store = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
        Ok(Self { store: Arc::new(store), prefix: Path::default(), folder: Some((folder, accel)) })
    }

    fn in_bucket(bucket: &Bucket) -> Result<Self, Error> {
        // The same as for Postgres and Redis. An error means that it has been chosen already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: 5,
            retry_timeout: S3_RETRIES_WITHIN,
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&bucket.name)
            .with_region(&bucket.region)
            .with_virtual_hosted_style_request(!bucket.path_style)
            .with_retry(retry)
            .with_client_options(ClientOptions::new().with_timeout(S3_WITHIN))
            .with_allow_http(bucket.endpoint.starts_with("http://"));
        if !bucket.endpoint.is_empty() {
            builder = builder.with_endpoint(&bucket.endpoint);
        }
        if let Some((name, key)) = &bucket.keys {
            builder = builder.with_access_key_id(name).with_secret_access_key(key.expose());
        }
        let prefix = Path::from(bucket.prefix.as_str());
        Ok(Self { store: Arc::new(builder.build()?), prefix, folder: None })
    }

    /// The name of an object: spread over 256 folders.
    fn path(&self, object: Uuid) -> Path {
        let (folder, name) = names(object);
        self.prefix.clone().join(folder.as_str()).join(name.as_str())
    }

    /// Where nginx finds an object, if it is to send it itself.
    #[must_use]
    pub fn accel_path(&self, object: Uuid) -> Option<String> {
        let (_, prefix) = self.folder.as_ref()?;
        let (folder, name) = names(object);
        Some(format!("{}{folder}/{name}", prefix.as_ref()?))
    }

    /// Stores a small object.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put(&self, object: Uuid, bytes: Bytes) -> Result<(), Error> {
        self.store.put(&self.path(object), bytes.into()).await?;
        Ok(())
    }

    /// The bytes of a small object.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn get(&self, object: Uuid) -> Result<Bytes, Error> {
        Ok(self.store.get(&self.path(object)).await?.bytes().await?)
    }

    /// Opens an object, or a part of it, to be read in pieces.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read(&self, object: Uuid, range: Option<Range<u64>>) -> Result<Content, Error> {
        let options = GetOptions { range: range.map(Into::into), ..GetOptions::default() };
        let found: GetResult = self.store.get_opts(&self.path(object), options).await?;
        let range = found.range.clone();
        match found.payload {
            GetResultPayload::File(file, _) => Ok(Content::file(file, range)),
            GetResultPayload::Stream(pieces) => Ok(Content::stream(pieces, range)),
        }
    }

    /// Begins to write an object of any size.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn write(&self, object: Uuid) -> Result<Writing, Error> {
        let upload = self.store.put_multipart(&self.path(object)).await?;
        Ok(Writing(WriteMultipart::new_with_chunk_size(upload, PIECE)))
    }

    /// Deletes an object. One that does not exist is deleted already.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete(&self, object: Uuid) -> Result<(), Error> {
        match self.store.delete(&self.path(object)).await.map_err(Error::from) {
            Err(error) if !error.is_missing() => return Err(error),
            Ok(()) | Err(_) => {}
        }
        if let Some((folder, _)) = &self.folder {
            // What `object_store` leaves behind if the server is killed while it writes the object.
            let (in_folder, name) = names(object);
            match tokio::fs::remove_file(folder.join(in_folder).join(format!("{name}#1"))).await {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(error = %e, "a half-written object was not deleted");
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

/// The folder of an object, and its name.
fn names(object: Uuid) -> (String, String) {
    let name = object.to_string();
    (name[..2].to_owned(), name)
}

/// An object that is being written. It exists once it is finished.
#[derive(Debug)]
pub struct Writing(WriteMultipart);

impl Writing {
    /// Adds bytes. Waits if too many are on their way.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.0.wait_for_capacity(PIECES_AT_ONCE).await?;
        self.0.put(bytes);
        Ok(())
    }

    /// Ends the object.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn finish(self) -> Result<(), Error> {
        self.0.finish().await?;
        Ok(())
    }

    /// Gives it up, and frees its space.
    pub async fn abort(self) {
        if let Err(error) = self.0.abort().await {
            tracing::warn!(%error, "a half-written object was not given up");
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn objects_are_written_read_and_deleted() {
        let folder = std::env::temp_dir().join(format!("roost-blobs-{}", Uuid::new_v4()));
        let blobs = Blobs::open(&FileStore::Folder(folder.clone(), Some("/x/".into()))).await.unwrap();
        let (small, large) = (Uuid::new_v4(), Uuid::new_v4());
        blobs.put(small, Bytes::from_static(b"hello")).await.unwrap();
        assert_eq!(blobs.get(small).await.unwrap(), "hello");

        let mut writing = blobs.write(large).await.unwrap();
        let piece = Bytes::from(vec![7; 3_000_000]);
        for _ in 0..4 {
            writing.add(piece.clone()).await.unwrap();
        }
        assert!(blobs.get(large).await.unwrap_err().is_missing(), "it does not exist yet");
        writing.finish().await.unwrap();
        let content = blobs.read(large, Some(2_999_999..9_000_000)).await.unwrap();
        assert_eq!(content.range(), 2_999_999..9_000_000);
        let read: Vec<_> = content.pieces().collect().await;
        assert_eq!(read.into_iter().map(|piece| piece.unwrap().len()).sum::<usize>(), 6_000_001);

        let path = blobs.accel_path(small).unwrap();
        assert!(folder.join(path.strip_prefix("/x/").unwrap()).exists(), "{path}");
        for object in [small, large, large] {
            blobs.delete(object).await.unwrap();
            assert!(blobs.read(object, None).await.is_err_and(|error| error.is_missing()));
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let failed = |kind: io::ErrorKind| {
            let source = Box::new(io::Error::from(kind));
            Error::Store(object_store::Error::Generic { store: "a folder", source })
        };
        assert!(failed(io::ErrorKind::StorageFull).is_full());
        assert!(!failed(io::ErrorKind::PermissionDenied).is_full());
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_told() {
        let file = std::env::temp_dir().join(format!("roost-blobs-{}", Uuid::new_v4()));
        std::fs::write(&file, b"not a folder").unwrap();
        let error = Blobs::open(&FileStore::Folder(file.join("files"), None)).await.unwrap_err();
        assert!(error.to_string().contains("cannot be used"), "{error}");
        std::fs::remove_file(file).unwrap();
    }
}
