//! A body that is refused goes on being read for a moment.
//!
//! If the server closed the connection at once, whoever is still sending would get a reset instead of the refusal: nginx answers that with
//! 502, and a browser reports a network error.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Error,
    body::{Body, BodyDataStream, Bytes, HttpBody as _},
};
use futures::{Stream, StreamExt as _};

/// How long it goes on.
const MOMENT: Duration = Duration::from_secs(5);

/// A body that is read for a [`MOMENT`] more if it is dropped before its end.
struct Lingering(Option<BodyDataStream>);

/// Makes a body linger.
pub(super) fn lingering(body: Body) -> Body {
    if body.is_end_stream() { body } else { Body::from_stream(Lingering(Some(body.into_data_stream()))) }
}

impl Stream for Lingering {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let next = body.poll_next_unpin(context);
        if let Poll::Ready(None | Some(Err(_))) = &next {
            self.0 = None;
        }
        next
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        // Outside a runtime nobody is connected any more.
        let (Some(mut rest), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        runtime
            .spawn(tokio::time::timeout(MOMENT, async move { while let Some(Ok(_)) = rest.next().await {} }));
    }
}
