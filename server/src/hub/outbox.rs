//! The bounded queue to one browser.
//!
//! Law: nothing is silently skipped. When the queue is full, frames that may be dropped (marks,
//! typing) go first. If that is not enough, the connection is closed with a code that means
//! «resume», and the browser catches up by sequence numbers.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::extract::ws::Utf8Bytes;
use protocol::CloseCode;
use tokio::sync::Notify;

use crate::metrics::Outboxes;

/// The most frames that wait …
const FRAMES_MAX: usize = 1_024;
/// … and the most bytes.
const BYTES_MAX: usize = 1_048_576;

/// Whether a frame may be dropped if the reader is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Never dropped: the connection is closed instead.
    Durable,
    /// May be dropped: whoever misses it gets the same information later.
    Passing,
}

/// How a connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// Why.
    pub code: CloseCode,
    /// A text whose meaning depends on the code; mostly empty.
    pub reason: String,
}

#[derive(Debug, Default)]
struct Inner {
    frames: VecDeque<(Utf8Bytes, Weight)>,
    bytes: usize,
    close: Option<Close>,
    /// Set once no more frames are accepted; the connection ends when the queue has been sent.
    last: Option<Close>,
}

/// See the module. The hub holds one end, the connection the other.
#[derive(Debug, Default)]
pub struct Outbox {
    inner: Mutex<Inner>,
    /// Notified when the connection has something to do.
    bell: Notify,
    counters: Outboxes,
}

impl Outbox {
    /// An empty outbox with these counters.
    #[must_use]
    pub fn new(counters: Outboxes) -> Self {
        Self { counters, ..Self::default() }
    }

    /// Adds a frame for the browser.
    pub fn push(&self, frame: Utf8Bytes, weight: Weight) {
        let mut inner = self.lock();
        if inner.close.is_some() || inner.last.is_some() {
            return;
        }
        if inner.is_full(&frame) {
            if weight == Weight::Passing {
                return;
            }
            inner.drop_passing();
            if inner.is_full(&frame) {
                inner.end(Close { code: CloseCode::Resume, reason: "too slow".to_owned() });
                drop(inner);
                self.counters.slow.inc();
                self.bell.notify_one();
                return;
            }
        }
        inner.bytes += frame.len();
        inner.frames.push_back((frame, weight));
        self.counters.waiting(inner.frames.len());
        drop(inner);
        self.bell.notify_one();
    }

    /// Ends the connection and drops the queue. The first reason counts.
    pub fn close(&self, code: CloseCode, reason: impl Into<String>) {
        self.lock().end(Close { code, reason: reason.into() });
        self.bell.notify_one();
    }

    /// Ends the connection once the queue has been sent.
    pub fn finish(&self, code: CloseCode, reason: impl Into<String>) {
        self.lock().last.get_or_insert(Close { code, reason: reason.into() });
        self.bell.notify_one();
    }

    /// Waits until there is something to take, or the connection is to end.
    pub async fn ready(&self) {
        loop {
            {
                let inner = self.lock();
                if !inner.frames.is_empty() || inner.closing().is_some() {
                    return;
                }
            }
            self.bell.notified().await;
        }
    }

    /// Takes up to `most` frames, in order.
    #[must_use]
    pub fn take(&self, most: usize) -> Vec<Utf8Bytes> {
        let mut inner = self.lock();
        let count = most.min(inner.frames.len());
        let taken: Vec<Utf8Bytes> = inner.frames.drain(..count).map(|(frame, _)| frame).collect();
        inner.bytes -= taken.iter().map(|frame| frame.len()).sum::<usize>();
        if inner.frames.is_empty() && inner.frames.capacity() > 64 {
            // The burst is over, and an idle connection should not keep its memory.
            inner.frames = VecDeque::new();
        }
        taken
    }

    /// How the connection is to end, once that is decided.
    #[must_use]
    pub fn closing(&self) -> Option<Close> {
        self.lock().closing().cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn closing(&self) -> Option<&Close> {
        self.close.as_ref().or(self.last.as_ref().filter(|_| self.frames.is_empty()))
    }

    fn is_full(&self, next: &Utf8Bytes) -> bool {
        self.frames.len() >= FRAMES_MAX || self.bytes + next.len() > BYTES_MAX.max(next.len())
    }

    fn drop_passing(&mut self) {
        self.frames.retain(|(_, weight)| *weight == Weight::Durable);
        self.bytes = self.frames.iter().map(|(frame, _)| frame.len()).sum();
    }

    fn end(&mut self, close: Close) {
        self.frames = VecDeque::new();
        self.bytes = 0;
        self.close.get_or_insert(close);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_reader_loses_what_passes_first_and_is_then_told_to_resume() {
        let outbox = Outbox::default();
        outbox.push(Utf8Bytes::from_static("typing"), Weight::Passing);
        for _ in 1..FRAMES_MAX {
            outbox.push(Utf8Bytes::from_static("message"), Weight::Durable);
        }
        outbox.push(Utf8Bytes::from_static("typing"), Weight::Passing);
        assert_eq!(outbox.closing(), None);
        outbox.push(Utf8Bytes::from_static("message"), Weight::Durable);
        assert_eq!(outbox.closing(), None, "the passing one made room");
        outbox.push(Utf8Bytes::from_static("message"), Weight::Durable);
        assert_eq!(outbox.closing().map(|close| close.code), Some(CloseCode::Resume));
        assert_eq!(outbox.take(9), Vec::<Utf8Bytes>::new());
    }

    #[test]
    fn bytes_are_bounded_too_and_one_large_frame_still_passes() {
        let outbox = Outbox::default();
        outbox.push(Utf8Bytes::from("x".repeat(BYTES_MAX + 1)), Weight::Durable);
        assert_eq!(outbox.take(1).len(), 1);
        outbox.push(Utf8Bytes::from("x".repeat(BYTES_MAX - 1)), Weight::Durable);
        outbox.push(Utf8Bytes::from_static("xx"), Weight::Durable);
        assert!(outbox.closing().is_some());
    }

    #[tokio::test]
    async fn the_first_reason_to_close_stays() {
        let outbox = Outbox::default();
        outbox.close(CloseCode::SessionEnded, "");
        outbox.close(CloseCode::Leaving, "500");
        outbox.ready().await;
        assert_eq!(outbox.closing().map(|close| close.code), Some(CloseCode::SessionEnded));
    }
}
