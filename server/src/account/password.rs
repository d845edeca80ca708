//! Passwords: Argon2id, away from the runtime's threads, and few at once.
//!
//! Hashing is slow and large on purpose, so it is what an attacker would ask for: [`Hasher`] runs a few at a time, lets
//! a few wait, and turns the rest away. A handle that nobody has costs as much as one with a wrong password, so that
//! time does not tell them apart.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::SaltString,
};
use protocol::Password;
use rand::{TryRngCore as _, rngs::OsRng};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// OWASP's first choice for Argon2id: 19 MiB …
const MEMORY_KIB: u32 = 19 * 1024;
/// … twice …
const PASSES: u32 = 2;
/// … on one thread.
const THREADS: u32 = 1;
/// For each that runs, so many may wait: about a second of work.
const WAITING_PER_RUNNING: usize = 16;
/// When to come back after being turned away.
const BUSY_RETRY: Duration = Duration::from_secs(2);

/// What a password is compared with when nobody has the handle. Made as the real ones are, so that it costs the same.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash(b"nobody has this handle"));

/// Hashes and checks passwords, a bounded number at once.
#[derive(Clone, Debug)]
pub struct Hasher {
    running: Arc<Semaphore>,
    /// Running and waiting.
    inside: Arc<Semaphore>,
}

/// So many wait already that another one is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords wait to be hashed")]
pub struct Busy;

impl Busy {
    /// When to try again, in milliseconds.
    #[must_use]
    pub fn retry_ms(self) -> u32 {
        u32::try_from(BUSY_RETRY.as_millis()).unwrap_or(u32::MAX)
    }
}

/// Held while a password is in work; its end lets the next one in.
struct Turn {
    _running: OwnedSemaphorePermit,
    _inside: OwnedSemaphorePermit,
}

impl Hasher {
    /// Runs `at_once` at a time.
    #[must_use]
    pub fn new(at_once: u16) -> Self {
        let at_once = usize::from(at_once);
        Self {
            running: Arc::new(Semaphore::new(at_once)),
            inside: Arc::new(Semaphore::new(at_once * (1 + WAITING_PER_RUNNING))),
        }
    }

    /// The password's hash, as a PHC string with parameters and salt.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn hash(&self, password: Password) -> Result<String, Busy> {
        self.run(move || hash(password.as_bytes())).await
    }

    /// Whether the password is the one of this hash. `None`, nobody's hash, takes as long and is false.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn verify(&self, password: Password, hash: Option<String>) -> Result<bool, Busy> {
        self.run(move || {
            let known = hash.is_some();
            let matches = verify(password.as_bytes(), hash.as_deref().unwrap_or(NOBODY.as_str()));
            known && matches
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let inside = Arc::clone(&self.inside).try_acquire_owned().map_err(|_| Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Busy)?;
        let turn = Turn { _running: running, _inside: inside };
        // The turn goes along: should the asking browser go away, the thread is still busy until its work is done.
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        done.await.map_err(|_| Busy)
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, THREADS, None).expect("the parameters are Argon2's own");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &[u8]) -> String {
    let mut salt = [0; 16];
    OsRng.try_fill_bytes(&mut salt).expect("without randomness no salt can be made");
    let salt = SaltString::encode_b64(&salt).expect("sixteen bytes are a salt");
    argon2().hash_password(password, &salt).expect("length and salt are within Argon2's bounds").to_string()
}

fn verify(password: &[u8], hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| argon2().verify_password(password, &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_no_other() {
        let hasher = Hasher::new(1);
        let hash = hasher.hash(password("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify(password("correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify(password("wrong donkeys"), Some(hash)).await.unwrap());
        assert!(!hasher.verify(password("nobody has this handle"), None).await.unwrap());
    }

    #[tokio::test]
    async fn what_does_not_fit_into_the_queue_is_turned_away() {
        let hasher = Hasher::new(1);
        // Nobody is done before everyone has asked.
        let asked = Arc::new(std::sync::Barrier::new(2));
        let work = || {
            let asked = Arc::clone(&asked);
            move || {
                asked.wait();
            }
        };
        let first = hasher.run(work());
        let others = (0..WAITING_PER_RUNNING + 3).map(|_| hasher.run(|| ()));
        let (first, results, ()) = tokio::join!(first, join_all(others), async {
            asked.wait();
        });
        first.unwrap();
        assert_eq!(results.iter().filter(|result| result.is_err()).count(), 3);
    }
}
