//! Files: from the first byte of an upload to the last reader.
//!
//! An upload comes in parts, to any server ([`receive`]). When it is complete, it becomes a file ([`finish`]), which a message can then
//! refer to. What nobody needs is deleted ([`collect`]). The bytes are in [`crate::blobs`], everything else in Postgres.
//! `docs/files.md` tells the whole.

mod checksum;
mod collect;
mod faces;
mod finish;
pub mod media;
mod permits;
mod receive;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use bytes::Bytes;
use protocol::{ErrorCode, File, FileId, LinkPicture, PictureSize, Refusal, UserId};
use uuid::Uuid;

pub use self::{
    checksum::Checksum,
    media::shown_inline,
    permits::Permit,
    receive::{Arrival, Received},
};
use crate::{
    blobs::{self, Blobs, Content},
    config::SpaceLimits,
    node::{Node, Unfinished},
    pictures::{Copy, Pictures},
    store::{
        self,
        blobs::ReadableFile,
        uploads::{NewUpload, Space, Upload},
    },
};

/// The retry time after a refusal for lack of room, in milliseconds.
const RETRY_MS: u32 = 2_000;

/// Why something with a file did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is the sender's to fix, or to retry.
    #[error("{0}")]
    Refused(Refusal),
    /// No such upload or file for this person.
    #[error("there is no such upload")]
    Unknown,
    /// The bytes do not begin where the stored ones end, or somebody else was quicker.
    #[error("the upload does not end there")]
    OffsetWrong,
    /// The bytes are not those of the checksum.
    #[error("the checksum is wrong")]
    ChecksumWrong,
    /// More bytes than the upload has announced.
    #[error("the upload is longer than announced")]
    TooLong,
    /// The bytes stopped coming. What came before is stored.
    #[error("the body stopped")]
    Interrupted,
    /// The database failed.
    #[error("the database failed: {0}")]
    Store(store::Error),
    /// The database has not answered in time.
    #[error("the database has not answered")]
    Late,
    /// The store of bytes failed.
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        let store::Error::Refused(code) = error else { return Self::Store(error) };
        Self::Refused(match code.retry() {
            protocol::Retry::Never => code.into(),
            protocol::Retry::Later => Refusal::new(code).retry_ms(RETRY_MS),
        })
    }
}

/// The files of the workspace, as one node sees them.
pub struct Files {
    node: Arc<Node>,
    blobs: Blobs,
    pictures: Pictures,
    limits: SpaceLimits,
    permits: Arc<permits::Permits>,
    /// Held while an upload becomes a file here, so that a server does not do it twice at once.
    finishing: Mutex<HashMap<FileId, Weak<tokio::sync::Mutex<()>>>>,
}

/// The state of someone's own upload.
#[derive(Clone, Debug)]
pub enum State {
    /// Not all bytes are there.
    Incomplete(Upload),
    /// It is a file.
    Complete(File),
}

impl State {
    /// How many bytes there are, or will be.
    fn length(&self) -> u64 {
        match self {
            Self::Incomplete(upload) => upload.length,
            Self::Complete(file) => file.size,
        }
    }
}

impl Files {
    /// Starts to serve files, and to collect those that nobody needs, until the node leaves.
    #[must_use]
    pub fn start(node: Arc<Node>, blobs: Blobs, limits: SpaceLimits) -> Arc<Self> {
        let files = Arc::new(Self {
            node,
            blobs,
            limits,
            pictures: Pictures::default(),
            permits: Arc::default(),
            finishing: Mutex::default(),
        });
        files.node.run_until_leaving(collect::run(Arc::clone(&files)));
        files
    }

    /// The size of the largest file, in bytes.
    #[must_use]
    pub fn file_bytes_max(&self) -> u64 {
        self.limits.file
    }

    /// The limits of space.
    #[must_use]
    pub fn limits(&self) -> &SpaceLimits {
        &self.limits
    }

    /// Runs work on the database to its end, but waits only as long as it may take.
    async fn ask<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl Future<Output = Result<T, store::Error>> + Send + 'static,
    ) -> Result<T, Error> {
        match self.node.within_timeout(what, work).await {
            Ok(done) => Ok(done?),
            Err(unfinished @ (Unfinished::Late | Unfinished::Panicked(_))) => {
                unfinished.log(what);
                Err(Error::Late)
            }
        }
    }

    /// Begins an upload of so many bytes. One without bytes is a file at once. With an id that the browser has chosen, a repeat
    /// finds what the first one began.
    ///
    /// # Errors
    /// [`ErrorCode::UploadInvalid`] for an id of something else; [`ErrorCode::FileTooLarge`], [`ErrorCode::SpaceUsed`], [`ErrorCode::WorkspaceSpaceUsed`], [`ErrorCode::SlowDown`].
    pub async fn create(
        self: &Arc<Self>,
        owner: UserId,
        id: Option<FileId>,
        name: &str,
        length: u64,
    ) -> Result<(FileId, State), Error> {
        if length > self.limits.file {
            let max_mb = usize::try_from(self.limits.file / 1_000_000).unwrap_or(usize::MAX);
            return Err(Error::Refused(Refusal::new(ErrorCode::FileTooLarge).max(max_mb)));
        }
        if let Some(known) = self.begun(owner, id, length).await? {
            return Ok(known);
        }
        let given = id;
        // Ids in the order of time: their index stays compact.
        let id = id.unwrap_or_else(|| FileId(Uuid::now_v7()));
        let new = NewUpload { id, owner, name: protocol::file_name(name), length };
        let space = Space { person: self.limits.person, workspace: self.limits.workspace };
        let store = self.node.store.clone();
        let created = self.ask("a new upload", async move { store.create_upload(&new, space).await });
        match created.await {
            Ok(()) => {}
            // Another tab was quicker.
            Err(Error::Refused(taken)) if taken.code == ErrorCode::UploadInvalid => {
                return self.begun(owner, given, length).await?.ok_or(Error::Refused(taken));
            }
            Err(error) => return Err(error),
        }
        let state = match length {
            0 => State::Complete(self.finish(id, owner).await?),
            _ => State::Incomplete(Upload { name: protocol::file_name(name), length, received: 0 }),
        };
        Ok((id, state))
    }

    /// The upload that this person has begun under an id, if there is one.
    async fn begun(
        self: &Arc<Self>,
        owner: UserId,
        id: Option<FileId>,
        length: u64,
    ) -> Result<Option<(FileId, State)>, Error> {
        let Some(id) = id else { return Ok(None) };
        match self.state(id, owner).await {
            Ok(state) if state.length() == length => Ok(Some((id, state))),
            Ok(_) => Err(Error::Refused(Refusal::new(ErrorCode::UploadInvalid).detail("id"))),
            Err(Error::Unknown) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The state of someone's own upload. One that is complete becomes a file now, if it is none yet.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub async fn state(self: &Arc<Self>, id: FileId, owner: UserId) -> Result<State, Error> {
        match self.own_upload(id, owner).await? {
            Some(upload) if upload.received < upload.length => Ok(State::Incomplete(upload)),
            Some(_) => Ok(State::Complete(self.finish(id, owner).await?)),
            None => self.own_file(id, owner).await?.map(State::Complete).ok_or(Error::Unknown),
        }
    }

    async fn own_upload(self: &Arc<Self>, id: FileId, owner: UserId) -> Result<Option<Upload>, Error> {
        let store = self.node.store.clone();
        self.ask("an upload", async move { store.upload(id, owner).await }).await
    }

    async fn own_file(&self, id: FileId, owner: UserId) -> Result<Option<File>, Error> {
        let store = self.node.store.clone();
        self.ask("a file", async move { store.own_file(id, owner).await }).await
    }

    /// Gives up someone's own upload, or their own file if they have not sent it.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub async fn delete(&self, id: FileId, owner: UserId) -> Result<(), Error> {
        let store = self.node.store.clone();
        let deleted = self.ask("giving up an upload", async move {
            Ok(store.delete_upload(id, owner).await? || store.delete_own_file(id, owner).await?)
        });
        if deleted.await? { Ok(()) } else { Err(Error::Unknown) }
    }

    /// A file that someone may read now.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is none, or they may not read it; deliberately the same.
    pub async fn readable(&self, id: FileId, reader: UserId) -> Result<ReadableFile, Error> {
        let store = self.node.store.clone();
        let found = self.ask("a file", async move { store.readable_file(id, reader).await });
        found.await?.ok_or(Error::Unknown)
    }

    /// The bytes of an object.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read(&self, object: Uuid, range: Option<std::ops::Range<u64>>) -> Result<Content, Error> {
        Ok(self.blobs.read(object, range).await?)
    }

    /// Draws a small copy of a picture from elsewhere, and stores it; `None` if it is none, or cannot be drawn. Something must refer to
    /// the copy within an hour, or it is deleted.
    ///
    /// # Errors
    /// When the database or the store fails.
    pub async fn store_copy(&self, picture: Bytes) -> Result<Option<LinkPicture>, Error> {
        let Some(Copy { width, height, webp }) = self.pictures.copy(picture).await else { return Ok(None) };
        let id = FileId(Uuid::now_v7());
        self.announce(vec![id.0]).await?;
        self.blobs.put(id.0, webp.into()).await?;
        Ok(Some(LinkPicture { id, width, height }))
    }

    /// Whether someone may see the picture of a link now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_readable_picture(&self, picture: FileId, reader: UserId) -> Result<bool, Error> {
        let store = self.node.store.clone();
        self.ask("a picture", async move { store.is_readable_picture(picture.0, reader).await }).await
    }

    /// Where nginx finds an object, if it is to send it itself.
    #[must_use]
    pub fn accel_path(&self, object: Uuid) -> Option<String> {
        self.blobs.accel_path(object)
    }

    /// The permission to send bytes; at most a few at once for one person, and for all.
    ///
    /// # Errors
    /// [`ErrorCode::SlowDown`], [`ErrorCode::Busy`].
    pub fn permit(&self, owner: UserId) -> Result<Permit, Refusal> {
        self.permits.take(owner).map_err(|code| Refusal::new(code).retry_ms(RETRY_MS))
    }

    /// The lock under which an upload becomes a file.
    fn finishing(&self, id: FileId) -> Arc<tokio::sync::Mutex<()>> {
        let mut all = self.finishing.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = all.get(&id).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        all.insert(id, Arc::downgrade(&lock));
        lock
    }
}

impl ReadableFile {
    /// The copy of this size; `None` if the original is to be shown.
    #[must_use]
    pub fn copy(&self, size: PictureSize) -> Option<Uuid> {
        match size {
            PictureSize::Small => self.small,
            PictureSize::Large => self.large,
        }
    }
}
