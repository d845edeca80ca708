//! Reading an object in pieces.

use std::{
    io::{self, SeekFrom},
    ops::Range,
    pin::Pin,
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

/// The size of the pieces of a file. `object_store` itself reads 8 kB at once, each on another thread.
const PIECE: u64 = 256 * 1024;

type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// An open object, or a part of it.
pub struct Content {
    range: Range<u64>,
    pieces: Pieces,
}

impl Content {
    pub(super) fn file(file: std::fs::File, range: Range<u64>) -> Self {
        Self { pieces: Box::pin(read(tokio::fs::File::from_std(file), range.clone())), range }
    }

    pub(super) fn stream(
        pieces: impl Stream<Item = object_store::Result<Bytes>> + Send + 'static,
        range: Range<u64>,
    ) -> Self {
        Self { range, pieces: Box::pin(pieces.map_err(io::Error::other)) }
    }

    /// Which bytes of the object these are.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// The bytes, in pieces.
    #[must_use]
    pub fn pieces(self) -> Pieces {
        self.pieces
    }
}

fn read(file: tokio::fs::File, range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let begin = async move {
        let mut file = file;
        file.seek(SeekFrom::Start(range.start)).await?;
        Ok::<_, io::Error>(stream::try_unfold((file, range.end - range.start), async |(mut file, left)| {
            if left == 0 {
                return Ok(None);
            }
            let mut piece = Vec::with_capacity(usize::try_from(left.min(PIECE)).unwrap_or_default());
            let read = (&mut file).take(left.min(PIECE)).read_buf(&mut piece).await? as u64;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(Some((Bytes::from(piece), (file, left - read))))
        }))
    };
    stream::once(begin).try_flatten().boxed()
}
