//! A complete upload becomes a file.
//!
//! Any server may do this at any time, also twice: only one transaction makes the file. Whoever comes later finds it.

use std::sync::Arc;

use bytes::Bytes;
use protocol::{File, FileId, UserId};
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Error, Files, media};
use crate::{
    pictures::{self, Drawn},
    store::uploads::{Finished, NewBlob, NewPicture, Part},
};

/// As much of the beginning as decides what it is.
const HEAD: usize = 8 * 1024;
/// How often it is tried again because the same content was collected in this moment.
const TRIES: usize = 3;

/// The bytes of an upload, in one object.
struct Whole {
    object: Uuid,
    hash: [u8; 32],
    size: u64,
    head: Bytes,
    /// All bytes, if this may be a picture.
    picture: Option<Bytes>,
}

impl Files {
    /// Runs to its end on its own task: whoever waits for a large file may lose patience, and finds it when they ask again.
    pub(super) async fn finish(self: &Arc<Self>, id: FileId, owner: UserId) -> Result<File, Error> {
        let (files, (done, result)) = (Arc::clone(self), oneshot::channel());
        self.node.run_aside(async move {
            let file = files.finish_here(id, owner).await;
            // There may be nobody left who waits.
            drop(done.send(file));
        });
        result.await.unwrap_or(Err(Error::Interrupted))
    }

    async fn finish_here(&self, id: FileId, owner: UserId) -> Result<File, Error> {
        let lock = self.finishing(id);
        let _alone = lock.lock().await;
        for _ in 0..TRIES {
            if let Some(file) = self.own_file(id, owner).await? {
                return Ok(file);
            }
            match self.try_to_finish(id, owner).await {
                Ok(true) => {}
                Ok(false) => return Err(Error::Unknown),
                // Another server has finished it, and its parts are gone.
                Err(Error::Blobs(error)) if error.is_missing() => {}
                Err(error) => return Err(error),
            }
        }
        self.own_file(id, owner).await?.ok_or(Error::Late)
    }

    /// False if there is no such complete upload, and no such file.
    async fn try_to_finish(&self, id: FileId, owner: UserId) -> Result<bool, Error> {
        let store = self.node.store.clone();
        let parts = self.ask("the parts of an upload", async move { store.upload_parts(id).await }).await?;
        let whole = self.put_together(&parts).await?;
        let hash = whole.hash;
        let finish = async |content: Option<NewBlob>| {
            let store = self.node.store.clone();
            let work = async move { store.finish_upload((id, owner), &hash, content.as_ref()).await };
            self.ask("the end of an upload", work).await
        };
        let store = self.node.store.clone();
        let is_stored = self.ask("known content", async move { store.has_blob(&hash).await }).await?;
        let mut finished = if is_stored { finish(None).await? } else { Finished::NoContent };
        if finished == Finished::NoContent {
            finished = finish(Some(self.describe(whole).await?)).await?;
        }
        match finished {
            Finished::Stored | Finished::NoContent => {
                self.node.metrics.files_finished.inc();
                Ok(true)
            }
            Finished::NoUpload => Ok(self.own_file(id, owner).await?.is_some()),
        }
    }

    /// Reads all parts once, and writes them into one object, unless there is only one.
    async fn put_together(&self, parts: &[Part]) -> Result<Whole, Error> {
        let size: u64 = parts.iter().map(|part| part.size).sum();
        if let [only] = parts {
            let bytes = self.blobs.get(only.object).await?;
            let (hasher, bytes) = hashed(Sha256::new(), bytes).await?;
            let head = bytes.slice(..bytes.len().min(HEAD));
            let picture = pictures::is_known(&head).then_some(bytes);
            return Ok(Whole { object: only.object, hash: hasher.finalize().into(), size, head, picture });
        }
        let object = Uuid::new_v4();
        self.announce(vec![object]).await?;
        if parts.is_empty() {
            self.blobs.put(object, Bytes::new()).await?;
            return Ok(Whole {
                object,
                hash: Sha256::digest([]).into(),
                size,
                head: Bytes::new(),
                picture: None,
            });
        }
        let mut writing = self.blobs.write(object).await?;
        let (mut hasher, mut head, mut picture) = (Sha256::new(), Bytes::new(), None);
        for (number, part) in parts.iter().enumerate() {
            let step = async {
                let bytes = self.blobs.get(part.object).await?;
                let (next, bytes) = hashed(std::mem::take(&mut hasher), bytes).await?;
                hasher = next;
                writing.add(bytes.clone()).await?;
                Ok::<_, Error>(bytes)
            };
            let bytes = match step.await {
                Ok(bytes) => bytes,
                Err(error) => {
                    writing.abort().await;
                    return Err(error);
                }
            };
            if number == 0 {
                head = bytes.slice(..bytes.len().min(HEAD));
                picture = (size <= pictures::BYTES_MAX && pictures::is_known(&head)).then(Vec::new);
            }
            if let Some(picture) = &mut picture {
                picture.extend_from_slice(&bytes);
            }
        }
        writing.finish().await?;
        let picture = picture.map(Bytes::from);
        Ok(Whole { object, hash: hasher.finalize().into(), size, head, picture })
    }

    /// Finds out what it is, and draws the copies of a picture.
    async fn describe(&self, whole: Whole) -> Result<NewBlob, Error> {
        let Whole { object, hash, size, head, picture } = whole;
        let picture = match picture {
            Some(bytes) => match self.pictures.draw(bytes).await {
                Some(drawn) => {
                    self.node.metrics.pictures_drawn.inc();
                    Some(self.store_copies(drawn).await?)
                }
                None => {
                    self.node.metrics.pictures_refused.inc();
                    None
                }
            },
            None => None,
        };
        let (media, excerpt) = (media::sniff(&head).to_owned(), media::excerpt(&head));
        Ok(NewBlob { hash, object, size, media, picture, excerpt })
    }

    async fn store_copies(&self, drawn: Drawn) -> Result<NewPicture, Error> {
        let Drawn { width, height, blur, small, large } = drawn;
        let named = |copy: Option<Vec<u8>>| copy.map(|copy| (Uuid::new_v4(), Bytes::from(copy)));
        let (small, large) = (named(small), named(large));
        let objects: Vec<Uuid> = [&small, &large].into_iter().flatten().map(|(object, _)| *object).collect();
        self.announce(objects).await?;
        for (object, bytes) in [&small, &large].into_iter().flatten() {
            self.blobs.put(*object, bytes.clone()).await?;
        }
        let object = |copy: Option<(Uuid, Bytes)>| copy.map(|(object, _)| object);
        Ok(NewPicture { width, height, blur, small: object(small), large: object(large) })
    }
}

/// Adds bytes to a hash on another thread: a part takes some milliseconds.
async fn hashed(mut hasher: Sha256, bytes: Bytes) -> Result<(Sha256, Bytes), Error> {
    let work = tokio::task::spawn_blocking(move || {
        hasher.update(&bytes);
        (hasher, bytes)
    });
    work.await.map_err(|_| Error::Interrupted)
}
