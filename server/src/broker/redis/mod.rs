//! The broker through Redis: one, or several independent ones.
//!
//! Each line belongs to one of them, by its position in the setting, so every server must have the
//! same list in the same order. Jump consistent hashing (Lamping and Veach, 2014) of the line's
//! SHA-256 yields the position: with one more Redis at the end of the list, one line in n + 1 moves
//! to the new one, and no others move. Positions are used rather than addresses, because two
//! servers may reach the same Redis by different names.
//!
//! Servers that disagree on the list miss each other's broadcasts on the lines that moved, and find
//! the changes by the head check. So a list can be changed one server at a time.

mod link;

use std::collections::BTreeSet;

use futures::future::join_all;
use redis::{Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, io::tcp::TcpSettings};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use self::link::{Link, PROBING, Probing};
pub use self::link::{Name, Trouble};
use super::{Broadcast, Line, SIGNALS_MAX, Signal, Status};
use crate::metrics::Bus;

/// The setting is not the address of a Redis.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RedisError(String);

/// See the module.
#[derive(Debug)]
pub struct Redis {
    /// Never empty.
    links: Vec<Link>,
    counters: Bus,
}

impl Redis {
    pub(super) fn start(urls: &str, prefix: &str) -> Result<(Self, mpsc::Receiver<Signal>), RedisError> {
        Self::start_probing(urls, prefix, PROBING)
    }

    fn start_probing(
        urls: &str,
        prefix: &str,
        probing: Probing,
    ) -> Result<(Self, mpsc::Receiver<Signal>), RedisError> {
        // One queue for all links. It preserves the order within each Redis, but not between them.
        let (signals, receiver) = mpsc::channel(SIGNALS_MAX);
        let urls: Vec<&str> = urls.split(',').map(str::trim).collect();
        let mut clients = Vec::with_capacity(urls.len());
        for (at, url) in urls.iter().enumerate() {
            clients.push(open(url, at + 1, urls.len())?);
        }
        let counters = Bus::default();
        let link = |(name, client): (Name, Client)| {
            let counters = counters.link(name.number);
            Link::start(name, client, prefix, (signals.clone(), counters, probing))
        };
        Ok((Self { links: clients.into_iter().map(link).collect(), counters }, receiver))
    }

    pub(super) fn publish(&self, broadcast: Broadcast) -> bool {
        self.links[self.index_of(&broadcast.line)].publish(broadcast)
    }

    pub(super) async fn subscribe(&self, lines: &BTreeSet<Line>) {
        let shares = self.share(lines);
        let shares = self.links.iter().zip(&shares).filter(|(_, share)| !share.is_empty());
        join_all(shares.map(|(link, share)| link.subscribe(share))).await;
    }

    pub(super) fn unsubscribe(&self, lines: &BTreeSet<Line>) {
        for (link, share) in self.links.iter().zip(self.share(lines)) {
            if !share.is_empty() {
                link.unsubscribe(&share);
            }
        }
    }

    /// Down if any of them is. All lines are then checked every second, which costs one more query
    /// but avoids a second kind of head check.
    pub(super) fn status(&self) -> Status {
        if self.links.iter().all(|link| link.status() == Status::Up) { Status::Up } else { Status::Down }
    }

    pub(super) fn states(&self) -> impl Iterator<Item = (&Name, Status)> {
        self.links.iter().map(|link| (link.name(), link.status()))
    }

    pub(super) async fn tried(&self) -> Vec<(Name, Trouble)> {
        let tried = join_all(self.links.iter().map(Link::tried)).await;
        let troubled = self.links.iter().zip(tried);
        troubled.filter_map(|(link, trouble)| Some((link.name().clone(), trouble?))).collect()
    }

    pub(super) fn counters(&self) -> &Bus {
        &self.counters
    }

    fn index_of(&self, line: &Line) -> usize {
        index_of(line, self.links.len())
    }

    /// The lines, grouped by their link.
    fn share(&self, lines: &BTreeSet<Line>) -> Vec<BTreeSet<Line>> {
        let mut shares = vec![BTreeSet::new(); self.links.len()];
        for line in lines {
            shares[self.index_of(line)].insert(*line);
        }
        shares
    }
}

/// Which of `count` carries a line, from 0. It is the same on every server of any version. Never
/// change it, or during an upgrade half the servers would publish where nobody listens.
fn index_of(line: &Line, count: usize) -> usize {
    if count == 1 {
        return 0;
    }
    let hash = Sha256::digest(line.to_string());
    let (head, _) = hash.split_first_chunk::<8>().expect("SHA-256 has 32 bytes");
    let mut key = u64::from_be_bytes(*head);
    let (mut index, mut next) = (0, 0_i64);
    while next < count as i64 {
        index = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        next = ((index + 1) as f64 * ((1_i64 << 31) as f64 / ((key >> 33) + 1) as f64)) as i64;
    }
    index as usize
}

fn open(url: &str, number: usize, of: usize) -> Result<(Name, Client), RedisError> {
    let explain = |e: redis::RedisError| {
        let name = Name { number, of, address: String::new() };
        RedisError(format!("{}: {e}", name.short()))
    };
    let info = url.into_connection_info().map_err(explain)?;
    let name = Name { number, of, address: info.addr().to_string() };
    if let ConnectionAddr::TcpTls { insecure, .. } = info.addr() {
        check_trust(*insecure).map_err(|fault| RedisError(format!("{}: {fault}", name.short())))?;
    }
    // RESP3 is needed for pushes beside replies; no delay, because a message must not wait for the
    // next one.
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let info = info.set_redis_settings(settings).set_tcp_settings(TcpSettings::default().set_nodelay(true));
    Ok((name, Client::open(info).map_err(explain)?))
}

/// Checks that TLS certificates can be verified. They are checked against the system's roots, or
/// those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name. Each connection reads these again; errors
/// are better reported at startup.
fn check_trust(insecure: bool) -> Result<(), String> {
    if insecure {
        return Err("#insecure is not supported: the certificate is always checked".to_owned());
    }
    let trusted = rustls_native_certs::load_native_certs();
    match trusted.errors.first() {
        Some(e) => Err(format!("the certificates to trust cannot be read ({e}): see SSL_CERT_FILE")),
        None if trusted.certs.is_empty() => Err(
            "there are no certificates to trust: install ca-certificates, or name a file of them in SSL_CERT_FILE"
                .to_owned(),
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protocol::{Epoch, RoomId, UserId};
    use uuid::Uuid;

    use super::*;
    use crate::broker::{Kind, proxy::Proxy};

    const SOON: Duration = Duration::from_secs(20);

    fn url() -> String {
        std::env::var("REDIS_URL").expect("REDIS_URL names the Redis to test with: see `make services`")
    }

    async fn until(redis: &Redis, status: Status) {
        let reached = async {
            while redis.status() != status {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, reached).await.unwrap_or_else(|_| panic!("{status:?} in time"));
    }

    fn note(line: Line, text: &str) -> Broadcast {
        Broadcast { line, epoch: Epoch(Uuid::nil()), kind: Kind::Passing, frame: text.to_owned() }
    }

    /// Collects the notes that arrive until this one.
    async fn heard_until(signals: &mut mpsc::Receiver<Signal>, last: &str) -> (Vec<String>, bool) {
        let (mut notes, mut lost) = (Vec::new(), false);
        while notes.last().is_none_or(|note| note != last) {
            match tokio::time::timeout(SOON, signals.recv()).await.expect("in time").expect("open") {
                Signal::Broadcast(broadcast) => notes.push(broadcast.frame),
                Signal::Lost => lost = true,
            }
        }
        (notes, lost)
    }

    /// The connections stay open but deliver nothing, and neither end notices.
    #[tokio::test]
    async fn a_stalled_redis_is_noticed_by_a_quiet_node_and_found_again() {
        let probing = Probing { quiet: Duration::from_millis(100), echo: Duration::from_millis(500) };
        let proxy = Proxy::start(&url()).await;
        let prefix = format!("test-{}", Uuid::new_v4());
        let (redis, mut signals) = Redis::start_probing(&proxy.url, &prefix, probing).unwrap();
        until(&redis, Status::Up).await;
        let line = Line::Room(RoomId(Uuid::new_v4()));
        redis.subscribe(&BTreeSet::from([line])).await;
        assert!(redis.publish(note(line, "one")));
        heard_until(&mut signals, "one").await;

        proxy.stall();
        // Nothing is published or received: only a probe can detect it.
        until(&redis, Status::Down).await;
        assert!(redis.publish(note(line, "into the void")));
        proxy.flow();
        until(&redis, Status::Up).await;

        assert!(redis.publish(note(line, "two")));
        let (_, lost) = heard_until(&mut signals, "two").await;
        assert!(lost, "the node must look for what it missed");
    }

    /// An idle bus: the probes return, and the connection stays the same.
    #[tokio::test]
    async fn a_quiet_bus_that_carries_is_left_in_peace() {
        let probing = Probing { quiet: Duration::from_millis(20), echo: SOON };
        let (redis, _signals) =
            Redis::start_probing(&url(), &format!("test-{}", Uuid::new_v4()), probing).unwrap();
        let probed = async {
            while redis.links[0].probes() < 10 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, probed).await.expect("ten probes in time");
        assert_eq!((redis.status(), redis.links[0].ended()), (Status::Up, 0));
    }

    /// The other end accepts nothing more, so that even writes do not finish.
    #[tokio::test]
    async fn publishing_that_hangs_is_given_up_and_nothing_hangs_for_ever() {
        let proxy = Proxy::start(&url()).await;
        // No probe can detect it: the publishing connection must do so itself.
        let probing = Probing { quiet: 10 * SOON, echo: SOON };
        let (redis, _signals) =
            Redis::start_probing(&proxy.url, &format!("test-{}", Uuid::new_v4()), probing).unwrap();
        until(&redis, Status::Up).await;
        proxy.stall();
        let line = Line::Room(RoomId(Uuid::new_v4()));
        // Larger than the socket buffers: the write itself hangs.
        let large = "x".repeat(1_000_000);
        for _ in 0..16 {
            assert!(redis.publish(note(line, &large)));
        }
        until(&redis, Status::Down).await;
        proxy.flow();
        // It also detects by itself that it can publish again.
        until(&redis, Status::Up).await;
    }

    fn rooms(count: u128) -> Vec<Line> {
        (0..count).map(|n| Line::Room(RoomId(Uuid::from_u128(n)))).collect()
    }

    /// As computed by another program, from the definition.
    #[test]
    fn a_line_belongs_to_the_same_redis_for_ever() {
        let lines = [
            Line::Room(RoomId(Uuid::from_u128(1))),
            Line::Room(RoomId(Uuid::from_u128(2))),
            Line::Person(UserId(Uuid::from_u128(1))),
            Line::Workspace,
        ];
        let indexes = |count| lines.map(|line| index_of(&line, count));
        assert_eq!(
            (indexes(1), indexes(2), indexes(3), indexes(8)),
            ([0, 0, 0, 0], [1, 0, 0, 1], [2, 0, 0, 1], [5, 0, 0, 1])
        );
    }

    #[test]
    fn one_more_redis_takes_its_share_and_moves_nothing_else() {
        const TOPICS: usize = 10_000;
        let lines = rooms(TOPICS as u128);
        for count in 1..10 {
            let moved = lines.iter().filter(|line| index_of(line, count) != index_of(line, count + 1));
            let moved: Vec<usize> = moved.map(|line| index_of(line, count + 1)).collect();
            assert!(moved.iter().all(|new| *new == count), "what moves, moves to the new one");
            let share = TOPICS / (count + 1);
            assert!(moved.len().abs_diff(share) < share / 5, "{} of {share} moved", moved.len());
        }
    }

    /// The second of two delivers nothing any more. The first one still delivers, and the node
    /// knows which one is down.
    #[tokio::test]
    async fn one_of_several_that_stalls_is_named_and_the_others_carry_on() {
        let probing = Probing { quiet: Duration::from_millis(100), echo: Duration::from_millis(500) };
        let proxy = Proxy::start(&url()).await;
        let prefix = format!("test-{}", Uuid::new_v4());
        let (redis, mut signals) =
            Redis::start_probing(&format!("{},{}", url(), proxy.url), &prefix, probing).unwrap();
        until(&redis, Status::Up).await;
        let lines = rooms(50);
        redis.subscribe(&lines.iter().copied().collect()).await;
        let of = |at| lines.iter().copied().filter(move |line| index_of(line, 2) == at);
        let (first, second) = (of(0).next().unwrap(), of(1).next().unwrap());

        proxy.stall();
        until(&redis, Status::Down).await;
        let states: Vec<_> = redis.states().map(|(name, status)| (name.number, name.of, status)).collect();
        assert_eq!(states, [(1, 2, Status::Up), (2, 2, Status::Down)]);
        assert!(redis.publish(note(second, "by the second")));
        assert!(redis.publish(note(first, "by the first")));
        assert_eq!(heard_until(&mut signals, "by the first").await.0, ["by the first"]);

        proxy.flow();
        until(&redis, Status::Up).await;
        assert!(redis.publish(note(second, "again")));
        heard_until(&mut signals, "again").await;
    }

    /// A temporary fault does not prevent startup, and is known after one attempt: connection
    /// refused, unknown host (a stopped container has no name), no answer, too many clients.
    #[tokio::test]
    async fn what_may_pass_is_no_refusal() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let silent = Proxy::start(&url()).await;
        silent.stall();
        let full = answering("-ERR max number of clients reached\r\n").await;
        let loading = answering("-LOADING Redis is loading the dataset in memory\r\n").await;
        for away in [
            format!("redis://{free}"),
            "redis://no-such-host.invalid".to_owned(),
            "unix:///no/such/redis.sock".to_owned(),
            silent.url.clone(),
            format!("redis://{full}"),
            format!("redis://{loading}"),
        ] {
            let (redis, _signals) = Redis::start(&away, "test").unwrap();
            let tried = tokio::time::timeout(SOON, redis.tried()).await.expect("in time");
            assert!(matches!(&tried[..], [(_, Trouble::Away(_))]), "{away}: {tried:?}");
        }
        let (redis, _signals) = Redis::start(&url(), "test").unwrap();
        assert_eq!(redis.tried().await, []);
    }

    #[tokio::test]
    async fn what_does_not_pass_is_a_refusal() {
        for answer in [
            "-NOAUTH HELLO must be called with the client already authenticated\r\n",
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
            "-NOPERM this user has no permissions to run the 'hello' command\r\n",
            "-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n",
            "-DENIED Redis is running in protected mode\r\n",
            "HTTP/1.1 400 Bad Request\r\n\r\n",
        ] {
            let addr = answering(answer).await;
            let (redis, _signals) = Redis::start(&format!("redis://:hush@{addr}"), "test").unwrap();
            let tried = tokio::time::timeout(SOON, redis.tried()).await.expect("in time");
            assert!(matches!(&tried[..], [(_, Trouble::Refuses(_))]), "{answer}: {tried:?}");
            assert!(!tried[0].1.to_string().contains("hush"), "{tried:?}");
        }
    }

    /// A server that sends the same answer to everyone, whatever the request.
    async fn answering(answer: &'static str) -> std::net::SocketAddr {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
                // Once per command, as Redis would.
                stream.write_all(answer.repeat(3).as_bytes()).await.unwrap();
                open.push(stream);
            }
        });
        addr
    }

    #[test]
    fn a_wrong_address_is_named_without_its_password() {
        let fault = Redis::start("redis://:hush@localhost,redis://:hush@localhost:port", "x").unwrap_err();
        assert!(fault.to_string().starts_with("Redis 2 of 2: "), "{fault}");
        assert!(!fault.to_string().contains("hush"), "{fault}");
    }
}
