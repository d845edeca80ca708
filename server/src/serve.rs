//! Takes connections and serves requests on them. (`axum::serve` cannot be told to give up a connection that says nothing.)
//!
//! Law: a connection that does not use its place loses it. The first request comes within [`Times::first_request`]; after
//! an answer, the next one within [`Times::idle`]; and no more than [`CONNECTIONS_MAX`] are open at once. A WebSocket is
//! none of them any more: it has times and bounds of its own (`socket`).

use std::{convert::Infallible, future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// Connections that carry no WebSocket, at once. What comes beyond waits until one has gone.
const CONNECTIONS_MAX: usize = 8_192;
/// Before the next try, when there is nothing to accept with: most often too many files are open.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// How long a connection may keep its place without using it.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Until its first request has come, to the end of its head.
    pub first_request: Duration,
    /// Until the next one has. Longer than proxies keep a connection in reserve (nginx: 60 s), or else they would send a
    /// request into one that is just being closed.
    pub idle: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { first_request: Duration::from_secs(10), idle: Duration::from_secs(75) }
    }
}

/// Serves `app` until `stop`, and then until the requests that are under way have been answered.
pub async fn run(listener: TcpListener, app: Router, times: Times, stop: impl Future<Output = ()>) {
    let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut stop = pin!(stop);
    loop {
        let (stream, peer, place) = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stop => break,
        };
        let connection = Connection { peer, app: app.clone(), times, stopping: stopping.clone() };
        tasks.spawn(async move {
            connection.run(stream).await;
            drop(place);
        });
    }
    drop(listener);
    stopping.cancel();
    tasks.close();
    tasks.wait().await;
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let place = Arc::clone(places).acquire_owned().await.expect("the places are never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            // The other end has gone again.
            Err(e) if is_of_the_peer(&e) => {}
            Err(e) => {
                tracing::error!(error = %e, "no connection can be taken");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

fn is_of_the_peer(e: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&e.kind())
}

struct Connection {
    peer: SocketAddr,
    app: Router,
    times: Times,
    stopping: CancellationToken,
}

impl Connection {
    async fn run(self, stream: TcpStream) {
        // What is written leaves at once: a frame is small and someone waits for it.
        drop(stream.set_nodelay(true));
        let Self { peer, app, times, stopping } = self;
        let heard = CancellationToken::new();
        let service = service_fn(|request: Request<Incoming>| {
            heard.cancel();
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let app = app.clone();
            async move { Ok::<_, Infallible>(app.oneshot(request).await.unwrap_or_else(|never| match never {})) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(times.idle);
        let mut served = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
        let mut silence = pin!(tokio::time::sleep(times.first_request));
        let (mut waiting, mut leaving) = (true, false);
        loop {
            tokio::select! {
                done = &mut served => {
                    if let Err(e) = done {
                        tracing::debug!(error = %e, "a connection broke");
                    }
                    return;
                }
                () = &mut silence, if waiting => {
                    waiting = false;
                    if !heard.is_cancelled() {
                        tracing::debug!("a connection asked for nothing in time");
                        return;
                    }
                }
                () = stopping.cancelled(), if !leaving => {
                    leaving = true;
                    served.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        time::{Instant, timeout},
    };
    use tokio_util::task::AbortOnDropHandle;

    use super::*;

    const SOON: Duration = Duration::from_secs(20);
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    async fn start(times: Times) -> (SocketAddr, CancellationToken, AbortOnDropHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let app = Router::new()
            .route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()));
        let served = tokio::spawn(run(listener, app, times, stop.clone().cancelled_owned()));
        (addr, stop, AbortOnDropHandle::new(served))
    }

    fn times(first_request_ms: u64, idle_ms: u64) -> Times {
        let [first_request, idle] = [first_request_ms, idle_ms].map(Duration::from_millis);
        Times { first_request, idle }
    }

    /// Hears an answer to its end: it says who asked.
    async fn is_answered(stream: &mut TcpStream) {
        let (me, mut heard) = (stream.local_addr().unwrap().to_string(), String::new());
        while !heard.ends_with(&me) {
            let mut some = [0; 1_024];
            let read = timeout(SOON, stream.read(&mut some)).await.expect("an answer").unwrap();
            assert_ne!(read, 0, "closed: {heard}");
            heard.push_str(std::str::from_utf8(&some[..read]).unwrap());
        }
        assert!(heard.starts_with("HTTP/1.1 200 OK\r\n"), "{heard}");
    }

    /// Says something, and hears what comes until the server closes.
    async fn until_closed(addr: SocketAddr, said: &[u8]) -> (String, Duration) {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(said).await.unwrap();
        let mut heard = Vec::new();
        // A connection that is closed with something unread is reset: closed all the same.
        drop(timeout(SOON, stream.read_to_end(&mut heard)).await.expect("the server closes it"));
        (String::from_utf8(heard).unwrap(), begun.elapsed())
    }

    #[tokio::test]
    async fn who_asks_for_nothing_is_closed() {
        let (addr, _, _server) = start(times(200, 60_000)).await;
        let half = &REQUEST[..REQUEST.len() - 3];
        for said in [&b""[..], b"G", half] {
            let (heard, took) = until_closed(addr, said).await;
            assert_eq!(heard, "");
            assert!(took >= Duration::from_millis(200), "{took:?}");
        }
    }

    #[tokio::test]
    async fn who_drips_a_head_is_closed() {
        let (addr, _, _server) = start(times(300, 60_000)).await;
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let drip = async {
            stream.write_all(REQUEST.trim_ascii_end()).await.unwrap();
            let mut every = tokio::time::interval(Duration::from_millis(20));
            while stream.write_all(b"\r\nx: y").await.is_ok() {
                every.tick().await;
            }
        };
        timeout(SOON, drip).await.expect("the server closes it");
    }

    #[tokio::test]
    async fn who_has_been_answered_may_rest_for_a_while_and_is_then_closed() {
        let (addr, _, _server) = start(times(100, 3_000)).await;
        let mut stream = TcpStream::connect(addr).await.unwrap();
        for _ in 0..2 {
            stream.write_all(REQUEST).await.unwrap();
            is_answered(&mut stream).await;
            // Longer than the first request may take.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let (heard, took) = until_closed(addr, REQUEST).await;
        assert!(heard.starts_with("HTTP/1.1 200 OK") && heard.contains("127.0.0.1:"), "{heard}");
        assert!(took >= Duration::from_millis(3_000), "{took:?}");
        // And with half a head after it.
        let more = [REQUEST, b"GET / HT"].concat();
        assert!(until_closed(addr, &more).await.0.starts_with("HTTP/1.1 200 OK"));
    }

    #[tokio::test]
    async fn it_stops_when_what_is_under_way_is_done() {
        let (addr, stop, server) = start(times(60_000, 60_000)).await;
        let mut other = TcpStream::connect(addr).await.unwrap();
        other.write_all(REQUEST).await.unwrap();
        is_answered(&mut other).await;
        stop.cancel();
        timeout(SOON, server).await.expect("it stops").unwrap();
        assert!(TcpStream::connect(addr).await.is_err(), "nobody listens");
    }
}
