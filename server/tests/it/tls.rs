//! Redis behind TLS, with a private certificate authority.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use uuid::Uuid;

use crate::{
    cluster::SOON,
    leaving::ask,
    redis::{Redis, free_addr, rest},
};

/// A folder with two authorities, and a certificate by the first of them for the address 127.0.0.1.
struct Certificates(PathBuf);

impl Certificates {
    fn make() -> Self {
        let folder = std::env::temp_dir().join(format!("roost-tls-{}", Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let certificates = Self(folder);
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        for authority in ["own", "other"] {
            certificates.openssl(&format!(
                "req -x509 {key} -keyout {authority}.key -out {authority}.pem -days 2 -subj /CN={authority}"
            ));
        }
        std::fs::write(certificates.0.join("names"), "subjectAltName=IP:127.0.0.1").unwrap();
        certificates.openssl(&format!("req {key} -keyout redis.key -out redis.csr -subj /CN=redis"));
        certificates.openssl(
            "x509 -req -in redis.csr -CA own.pem -CAkey own.key -CAcreateserial -out redis.pem -days 2 -extfile names",
        );
        certificates
    }

    fn openssl(&self, args: &str) {
        let output = Command::new("openssl").args(args.split(' ')).current_dir(&self.0).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn path(&self, file: &str) -> String {
        self.0.join(file).to_str().unwrap().to_owned()
    }

    fn redis(&self, addr: SocketAddr) -> Redis {
        let (port, own) = (addr.port().to_string(), self.path("own.pem"));
        let (certificate, key) = (self.path("redis.pem"), self.path("redis.key"));
        let tls = ["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no", "--requirepass", "hush"];
        let files = ["--tls-ca-cert-file", &own, "--tls-cert-file", &certificate, "--tls-key-file", &key];
        Redis::start(addr, &[&tls[..], &files[..]].concat())
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Starts the program with no other settings.
fn server(addr: SocketAddr, redis_url: &str, trusted: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_server"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env_clear()
        .env(
            "DATABASE_URL",
            std::env::var("DATABASE_URL").expect("tests need DATABASE_URL: see scripts/services"),
        )
        .env("REDIS_URL", redis_url)
        .env("SSL_CERT_FILE", trusted)
        .args([format!("--addr={addr}"), "--log=warn".to_owned()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until the process exits, or kills it if it takes too long.
fn ended(mut child: Child) -> Output {
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > SOON {
            child.kill().unwrap();
        }
        rest();
    }
    child.wait_with_output().unwrap()
}

async fn says(addr: SocketAddr, expected: &str) {
    let said = async {
        while ask(addr, "/health/ready").await.is_none_or(|(_, body)| !body.contains(expected)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, said).await.unwrap_or_else(|_| panic!("never {expected}"));
}

#[tokio::test]
async fn news_go_by_tls_and_come_back_after_redis_was_away() {
    let certificates = Certificates::make();
    let (redis_addr, addr) = (free_addr(), free_addr());
    let redis = certificates.redis(redis_addr);
    let url = format!("rediss://:hush@{redis_addr}/0");
    let mut child = server(addr, &url, Path::new(&certificates.path("own.pem")));
    // Up means that published messages have come back.
    says(addr, "\"degraded\":false").await;
    drop(redis);
    says(addr, "\"degraded\":true").await;
    let _redis = certificates.redis(redis_addr);
    says(addr, "\"degraded\":false").await;
    child.kill().unwrap();
    let log = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    assert!(!log.contains("hush"), "{log}");
}

/// A server that is not TLS, and answers whatever it receives.
fn speaks_without_tls() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            stream.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        }
    });
    addr
}

/// Someone will renew it at the other end, so it must not prevent startup.
#[tokio::test]
async fn a_certificate_that_has_expired_keeps_no_server_from_starting() {
    let certificates = Certificates::make();
    certificates.openssl("x509 -req -in redis.csr -CA own.pem -CAkey own.key -CAcreateserial -out redis.pem -days 0 -extfile names");
    // It is valid until the end of this second.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let (redis_addr, addr) = (free_addr(), free_addr());
    let _redis = certificates.redis(redis_addr);
    let url = format!("rediss://:hush@{redis_addr}/0");
    let mut child = server(addr, &url, Path::new(&certificates.path("own.pem")));
    says(addr, "\"degraded\":true").await;
    child.kill().unwrap();
    let log = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    assert!(log.contains("WARN REDIS_URL") && log.contains("xpired"), "{log}");
}

/// A server that cannot be authenticated gets neither password nor events.
#[test]
fn a_redis_whose_certificate_is_not_trusted_is_refused() {
    let certificates = Certificates::make();
    let addr = free_addr();
    let _redis = certificates.redis(addr);
    let plain_addr = speaks_without_tls();
    let (own, other) = (certificates.path("own.pem"), certificates.path("other.pem"));
    let (none, empty) = (certificates.path("none.pem"), certificates.path("names"));
    for (url, trusted, said) in [
        (format!("rediss://:hush@{addr}"), &other, "invalid peer certificate"),
        (format!("rediss://:hush@localhost:{}", addr.port()), &own, "invalid peer certificate"),
        (format!("rediss://:hush@{plain_addr}"), &own, "InvalidContentType"),
        (format!("rediss://:hush@{addr}#insecure"), &own, "#insecure is not supported"),
        (format!("rediss://:hush@{addr}"), &none, "the certificates to trust cannot be read"),
        (format!("rediss://:hush@{addr}"), &empty, "no certificates to trust"),
    ] {
        let output = ended(server(free_addr(), &url, Path::new(trusted)));
        let log = String::from_utf8(output.stderr).unwrap();
        let line = log.lines().find(|line| line.starts_with("roost: REDIS_URL (--redis-url): Redis"));
        assert!(line.is_some_and(|line| line.contains(said)), "{said}: {log}");
        assert_eq!(output.status.code(), Some(1), "{log}");
        assert!(!log.contains("hush"), "{log}");
    }
}
