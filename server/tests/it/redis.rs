//! A separate Redis for a test.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::cluster::SOON;

/// A local address where nobody listens.
pub fn free_addr() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Waits a moment for another process.
#[expect(clippy::disallowed_methods, reason = "whoever waits for a process here has no runtime to block")]
pub fn rest() {
    std::thread::sleep(Duration::from_millis(10));
}

/// A Redis process, killed when the test ends.
pub struct Redis(Child);

impl Redis {
    /// Starts one with these settings; returns once it listens at `addr`.
    pub fn start(addr: SocketAddr, settings: &[&str]) -> Self {
        let child = Command::new("redis-server")
            .args(["--bind", &addr.ip().to_string(), "--save", "", "--appendonly", "no"])
            .args(settings)
            .stdout(Stdio::null())
            .spawn()
            .expect("tests need redis-server");
        let redis = Self(child);
        let begin = Instant::now();
        while TcpStream::connect(addr).is_err() {
            assert!(begin.elapsed() < SOON, "Redis does not listen");
            rest();
        }
        redis
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
