//! A TCP proxy that simulates network faults: silence, low bandwidth, connections that break in the middle
//! of a frame, outages.
//!
//! There is one between each server and Redis, between each server and Postgres, and between each of the
//! clients' networks and nginx.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;

/// Bytes forwarded at once, at most.
const CHUNK_BYTES: usize = 16 * 1024;

/// The state of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weather {
    /// It works.
    Fair,
    /// Connections stay open but carry nothing, as with an unplugged cable.
    Silent,
    /// Connections break, and new ones are refused.
    Gone,
    /// It carries this many bytes per second per connection.
    Slow(u32),
    /// Once in this many chunks, a connection breaks in the middle of one.
    Tearing(u32),
}

/// See the module. Dropping it stops the proxy.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    weather: Arc<watch::Sender<Weather>>,
    _task: AbortOnDropHandle<()>,
}

impl Proxy {
    /// A proxy to `to`, on its own port.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start(to: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let weather = Arc::new(watch::Sender::new(Weather::Fair));
        let task = tokio::spawn(accept(listener, to, Arc::clone(&weather)));
        Ok(Self { addr, weather, _task: AbortOnDropHandle::new(task) })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Changes the state of the network, also for existing connections.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, weather: Arc<watch::Sender<Weather>>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        if *weather.borrow() == Weather::Gone {
            continue;
        }
        let weather = weather.subscribe();
        // Ends with either end, or with the proxy, which drops the sender of the network state.
        tokio::spawn(async move { drop(carry(client, to, weather).await) });
    }
}

/// Forwards one connection until it ends.
async fn carry(client: TcpStream, to: SocketAddr, weather: watch::Receiver<Weather>) -> io::Result<()> {
    let upstream = TcpStream::connect(to).await?;
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    let ((client_read, client_write), (upstream_read, upstream_write)) =
        (client.into_split(), upstream.into_split());
    let mut gone = weather.clone();
    tokio::select! {
        ended = pump(client_read, upstream_write, weather.clone()) => ended,
        ended = pump(upstream_read, client_write, weather) => ended,
        _ = gone.wait_for(|weather| *weather == Weather::Gone) => Ok(()),
    }
}

/// Forwards one direction until it breaks or ends.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        // Data read before the silence began waits too.
        let closed = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        let now = *weather.wait_for(|weather| *weather != Weather::Silent).await.map_err(closed)?;
        match now {
            Weather::Slow(bytes_per_s) => {
                let pause = read as f64 / f64::from(bytes_per_s.max(1));
                tokio::time::sleep(Duration::from_secs_f64(pause.min(1.0))).await;
            }
            Weather::Tearing(one_in) if read > 1 && rand::random_ratio(1, one_in.max(1)) => {
                to.write_all(&chunk[..read / 2]).await?;
                return Ok(());
            }
            Weather::Fair | Weather::Silent | Weather::Gone | Weather::Tearing(_) => {}
        }
        to.write_all(&chunk[..read]).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An echo server.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.into_split();
                    drop(tokio::io::copy(&mut read, &mut write).await);
                });
            }
        });
        addr
    }

    async fn says(stream: &mut TcpStream, text: &[u8]) -> io::Result<Vec<u8>> {
        stream.write_all(text).await?;
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn it_carries_falls_silent_carries_again_and_breaks() {
        let proxy = Proxy::start(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
        assert_eq!(says(&mut stream, b"one").await.unwrap(), b"one");
        proxy.set(Weather::Silent);
        let silence = tokio::time::timeout(Duration::from_millis(100), says(&mut stream, b"two")).await;
        assert!(silence.is_err());
        proxy.set(Weather::Fair);
        let mut answer = [0; 3];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"two", "what was on its way arrives late");
        proxy.set(Weather::Gone);
        assert_eq!(stream.read(&mut answer).await.unwrap_or(0), 0);
        let mut refused = TcpStream::connect(proxy.addr()).await.unwrap();
        assert!(says(&mut refused, b"three").await.is_err());
    }

    #[tokio::test]
    async fn a_torn_connection_has_carried_a_part_of_a_piece() {
        let proxy = Proxy::start(echo().await).await.unwrap();
        proxy.set(Weather::Tearing(1));
        let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
        assert!(says(&mut stream, b"one").await.is_err());
    }
}
