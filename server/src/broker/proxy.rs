//! For tests: a proxy between a node and Redis that can stall. Open connections stay open and new
//! ones are accepted, but no data passes, so neither end notices anything.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

pub(super) struct Proxy {
    /// The address of Redis through this proxy.
    pub(super) url: String,
    flows: watch::Sender<bool>,
    _task: AbortOnDropHandle<()>,
}

impl Proxy {
    pub(super) async fn start(url: &str) -> Self {
        let (before, host) = url.rsplit_once('@').map_or(("redis://", url), |(before, host)| (before, host));
        let (target, path) = host.split_once('/').unwrap_or((host, ""));
        let target: SocketAddr = target.parse().expect("the Redis of the tests has a plain address");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{before}@{}/{path}", listener.local_addr().unwrap());
        let flows = watch::Sender::new(true);
        let task = tokio::spawn(accept(listener, target, flows.subscribe()));
        Self { url, flows, _task: AbortOnDropHandle::new(task) }
    }

    pub(super) fn stall(&self) {
        self.flows.send_replace(false);
    }

    /// Lets new connections through. Stalled ones stay stalled.
    pub(super) fn flow(&self) {
        self.flows.send_replace(true);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, flows: watch::Receiver<bool>) {
    let mut pairs = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let upstream = TcpStream::connect(target).await.unwrap();
        let ((client_read, client_write), (upstream_read, upstream_write)) =
            (client.into_split(), upstream.into_split());
        pairs.spawn(carry(client_read, upstream_write, flows.clone()));
        pairs.spawn(carry(upstream_read, client_write, flows.clone()));
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut flows: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        tokio::select! {
            biased;
            () = async { drop(flows.wait_for(|flows| !flows).await) } => break,
            read = from.read(&mut buffer) => match read {
                Ok(count @ 1..) if to.write_all(&buffer[..count]).await.is_ok() => {}
                Ok(_) | Err(_) => return,
            },
        }
    }
    // Stalled forever: both ends stay open and learn nothing.
    std::future::pending().await
}
