//! Accepts connections and serves requests on them. (`axum::serve` cannot drop a connection that
//! sends nothing.)
//!
//! Law: a connection that sends or accepts nothing is closed. The first request must arrive within
//! [`Times::first_request`], further ones within [`Times::idle`] after a response. A peer must
//! accept some of the written data within [`Times::untaken`]. At most [`CONNECTIONS_MAX`]
//! connections are open at once. A connection that has become a WebSocket no longer counts here:
//! `socket` has its own timeouts and limits.

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

/// The most connections at once, not counting WebSockets. Further ones wait until one of these
/// closes.
const CONNECTIONS_MAX: usize = 8_192;
/// The pause before accepting again after a failure, most often because too many files are open.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// How long a connection may stay open without a request.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The time for the head of its first request to arrive.
    pub first_request: Duration,
    /// The same for further requests. Longer than proxies keep an idle connection (nginx: 60 s);
    /// otherwise they would send a request into one that is just being closed.
    pub idle: Duration,
    /// How long a peer may accept none of the written data, even if it keeps acknowledging with a
    /// closed window. Linux enforces this (`TCP_USER_TIMEOUT`); elsewhere such a connection stays
    /// open.
    pub untaken: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let [first_request, idle, untaken] = [10, 75, 60].map(Duration::from_secs);
        Self { first_request, idle, untaken }
    }
}

/// Serves `app` until `stop`, and then until the requests in progress have been answered.
pub async fn run(listener: TcpListener, app: Router, times: Times, stop: impl Future<Output = ()>) {
    let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut stop = pin!(stop);
    loop {
        let (stream, peer, permit) = tokio::select! {
            accepted = accept(&listener, &permits) => accepted,
            () = &mut stop => break,
        };
        let connection = Connection { peer, app: app.clone(), times, stopping: stopping.clone() };
        tasks.spawn(async move {
            connection.run(stream).await;
            drop(permit);
        });
    }
    drop(listener);
    stopping.cancel();
    tasks.close();
    tasks.wait().await;
}

/// The next connection, once there is a permit for it.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let permit = Arc::clone(permits).acquire_owned().await.expect("the permits are never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, permit),
            // The peer has already gone.
            Err(e) if is_of_the_peer(&e) => {}
            Err(e) => {
                tracing::error!(error = %e, "could not accept a connection");
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
        // No delay: frames are small and someone waits for them.
        drop(stream.set_nodelay(true));
        give_up_when_untaken(&stream, self.times.untaken);
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
                        tracing::debug!("a connection sent no request in time");
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

#[cfg(target_os = "linux")]
fn give_up_when_untaken(stream: &TcpStream, untaken: Duration) {
    if let Err(e) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(untaken)) {
        tracing::debug!(error = %e, "a connection has no timeout for what its peer does not take");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_up_when_untaken(_: &TcpStream, _: Duration) {}

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

    fn app() -> Router {
        Router::new().route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()))
    }

    async fn start(app: Router, times: Times) -> (SocketAddr, CancellationToken, AbortOnDropHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let served = tokio::spawn(run(listener, app, times, stop.clone().cancelled_owned()));
        (addr, stop, AbortOnDropHandle::new(served))
    }

    fn times(first_request_ms: u64, idle_ms: u64) -> Times {
        let [first_request, idle] = [first_request_ms, idle_ms].map(Duration::from_millis);
        Times { first_request, idle, untaken: SOON }
    }

    /// Reads a response to its end, which is the client's own address.
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

    /// Sends `said`, and reads until the server closes.
    async fn until_closed(addr: SocketAddr, said: &[u8]) -> (String, Duration) {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(said).await.unwrap();
        let mut heard = Vec::new();
        // The server resets a connection with unread input; that counts as closed, too.
        drop(timeout(SOON, stream.read_to_end(&mut heard)).await.expect("the server closes it"));
        (String::from_utf8(heard).unwrap(), begun.elapsed())
    }

    #[tokio::test]
    async fn who_asks_for_nothing_is_closed() {
        let (addr, _, _server) = start(app(), times(200, 60_000)).await;
        let half = &REQUEST[..REQUEST.len() - 3];
        for said in [&b""[..], b"G", half] {
            let (heard, took) = until_closed(addr, said).await;
            assert_eq!(heard, "");
            assert!(took >= Duration::from_millis(200), "{took:?}");
        }
    }

    #[tokio::test]
    async fn who_drips_a_head_is_closed() {
        let (addr, _, _server) = start(app(), times(300, 60_000)).await;
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
        let (addr, _, _server) = start(app(), times(100, 3_000)).await;
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
        // Also with half a request head after it.
        let more = [REQUEST, b"GET / HT"].concat();
        assert!(until_closed(addr, &more).await.0.starts_with("HTTP/1.1 200 OK"));
    }

    #[tokio::test]
    async fn it_stops_when_what_is_under_way_is_done() {
        let (asked, go_on) = (CancellationToken::new(), CancellationToken::new());
        let slow = {
            let (asked, go_on) = (asked.clone(), go_on.clone());
            move |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move {
                asked.cancel();
                go_on.cancelled().await;
                peer.to_string()
            }
        };
        let (addr, stop, server) = start(app().route("/slow", get(slow)), times(60_000, 60_000)).await;
        let mut idle = TcpStream::connect(addr).await.unwrap();
        idle.write_all(REQUEST).await.unwrap();
        is_answered(&mut idle).await;
        let mut busy = TcpStream::connect(addr).await.unwrap();
        busy.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        timeout(SOON, asked.cancelled()).await.expect("it is under way");
        stop.cancel();
        let read = timeout(SOON, idle.read(&mut [0; 1])).await.expect("an idle connection is closed");
        assert_eq!(read.unwrap(), 0);
        go_on.cancel();
        is_answered(&mut busy).await;
        timeout(SOON, server).await.expect("it stops").unwrap();
        assert!(TcpStream::connect(addr).await.is_err(), "nobody listens");
    }

    /// Requests more than all buffers hold, and reads none of it.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_peer_that_never_reads_is_closed() {
        let large = Router::new().route("/", get(async || vec![0_u8; 64 << 20]));
        let impatient = Times { untaken: Duration::from_millis(300), ..times(5_000, 5_000) };
        let (addr, stop, served) = start(large, impatient).await;
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        // After that, the server waits for no connection and ends.
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.cancel();
        timeout(SOON, served).await.expect("the connection was given up").unwrap();
        drop(stream);
    }
}
