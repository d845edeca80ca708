//! Receives the bytes of an upload.
//!
//! They are cut into parts. Each part is stored, then recorded, so that an interrupted body loses at most what was in memory, and
//! usually nothing: what came is stored when the body ends, however it ends. With a checksum it is the other way round: nothing is
//! recorded before everything has come and been checked.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use protocol::{ErrorCode, File, FileId, Refusal, UserId};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Checksum, Error, Files, Permit, RETRY_MS};
use crate::store::uploads::Part;

/// The largest part, in bytes. Each body holds up to one in memory.
const PART_MAX: usize = 4 * 1024 * 1024;
/// How long a body may send nothing.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Bytes of an upload that are about to come.
pub struct Arrival {
    /// The upload.
    pub id: FileId,
    /// Whose it is.
    pub owner: UserId,
    /// Where the bytes belong.
    pub start: u64,
    /// What they must add up to.
    pub checksum: Option<Checksum>,
    /// Held while they come.
    pub permit: Permit,
}

/// How far an upload has come.
#[derive(Clone, Debug)]
pub struct Received {
    /// The bytes that are stored.
    pub offset: u64,
    /// The file, if that is all.
    pub file: Option<File>,
}

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Complete,
    /// The connection broke, or nothing came for too long.
    Broken,
    /// This server is leaving.
    Leaving,
}

impl Files {
    /// Receives bytes, and stores them. Runs to its end on its own task: it does not stop when the browser goes away, but when the body
    /// does.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::OffsetWrong`], [`Error::ChecksumWrong`], [`Error::TooLong`], [`Error::Interrupted`].
    pub async fn receive<E: Send + 'static>(
        self: &Arc<Self>,
        arrival: Arrival,
        body: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        leaving: CancellationToken,
    ) -> Result<Received, Error> {
        let (files, (done, result)) = (Arc::clone(self), tokio::sync::oneshot::channel());
        self.node.run_aside(async move {
            let received = files.receive_here(arrival, body, leaving).await;
            // Whoever has gone away asks again how far it has come.
            drop(done.send(received));
        });
        result.await.unwrap_or(Err(Error::Interrupted))
    }

    async fn receive_here<E: Send>(
        self: &Arc<Self>,
        arrival: Arrival,
        mut body: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
        leaving: CancellationToken,
    ) -> Result<Received, Error> {
        let Arrival { id, owner, start, checksum, permit } = arrival;
        let Some(upload) = self.own_upload(id, owner).await? else {
            let is_file = self.own_file(id, owner).await?.is_some();
            return Err(if is_file { Error::OffsetWrong } else { Error::Unknown });
        };
        if upload.received != start {
            return Err(Error::OffsetWrong);
        }
        let mut parts = Parts {
            files: self,
            id,
            owner,
            offset: start,
            length: upload.length,
            buffer: Vec::new(),
            checksum,
            unrecorded: Vec::new(),
        };
        let end = loop {
            let next = tokio::select! {
                next = tokio::time::timeout(SILENCE_MAX, body.next()) => next,
                () = leaving.cancelled() => break End::Leaving,
            };
            match next {
                Ok(Some(Ok(bytes))) => parts.add(&bytes).await?,
                Ok(None) => break End::Complete,
                Ok(Some(Err(_))) | Err(_) => break End::Broken,
            }
        };
        let offset = parts.end(end).await?;
        drop(permit);
        match end {
            _ if offset == upload.length => {
                Ok(Received { offset, file: Some(self.finish(id, owner).await?) })
            }
            End::Complete => Ok(Received { offset, file: None }),
            End::Broken => Err(Error::Interrupted),
            End::Leaving => Err(Error::Refused(Refusal::new(ErrorCode::Leaving).retry_ms(RETRY_MS))),
        }
    }

    async fn store_part(&self, bytes: Vec<u8>) -> Result<Part, Error> {
        let part = Part { object: Uuid::new_v4(), size: bytes.len() as u64 };
        self.announce(vec![part.object]).await?;
        self.blobs.put(part.object, bytes.into()).await?;
        Ok(part)
    }

    /// Before objects are stored.
    pub(super) async fn announce(&self, objects: Vec<Uuid>) -> Result<(), Error> {
        let store = self.node.store.clone();
        self.ask("new objects", async move { store.announce_objects(&objects).await }).await
    }
}

/// The parts of one body.
struct Parts<'a> {
    files: &'a Files,
    id: FileId,
    owner: UserId,
    /// The end of what is recorded.
    offset: u64,
    /// How long the upload will be.
    length: u64,
    buffer: Vec<u8>,
    checksum: Option<Checksum>,
    /// Stored, and to be recorded once the checksum is known to be right.
    unrecorded: Vec<Part>,
}

impl Parts<'_> {
    async fn add(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        let waiting: u64 = self.unrecorded.iter().map(|part| part.size).sum();
        if self.offset + waiting + (self.buffer.len() + bytes.len()) as u64 > self.length {
            return Err(Error::TooLong);
        }
        if let Some(checksum) = &mut self.checksum {
            checksum.add(bytes);
        }
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PART_MAX - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == PART_MAX {
                self.flush().await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.unrecorded.push(self.files.store_part(std::mem::take(&mut self.buffer)).await?);
        if self.checksum.is_some() { Ok(()) } else { self.record().await }
    }

    async fn record(&mut self) -> Result<(), Error> {
        let parts = std::mem::take(&mut self.unrecorded);
        if parts.is_empty() {
            return Ok(());
        }
        let size: u64 = parts.iter().map(|part| part.size).sum();
        let (store, of, start) = (self.files.node.store.clone(), (self.id, self.owner), self.offset);
        let recorded =
            self.files.ask("a part of an upload", async move { store.add_parts(of, start, &parts).await });
        if !recorded.await? {
            return Err(Error::OffsetWrong);
        }
        self.offset += size;
        self.files.node.metrics.upload_bytes.inc_by(size);
        Ok(())
    }

    /// Stores what is left. Returns the end of what is recorded.
    async fn end(mut self, end: End) -> Result<u64, Error> {
        if self.checksum.is_some() && end != End::Complete {
            return Ok(self.offset);
        }
        self.flush().await?;
        if let Some(checksum) = self.checksum.take() {
            if !checksum.matches() {
                return Err(Error::ChecksumWrong);
            }
            self.record().await?;
        }
        Ok(self.offset)
    }
}
