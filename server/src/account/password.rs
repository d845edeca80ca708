//! Passwords: Argon2id, off the runtime's threads, with limited concurrency.
//!
//! Hashing is deliberately slow and uses much memory, so attackers would request it. [`Hasher`]
//! runs a few at a time, queues a few more, and refuses the rest. An unknown handle costs as much
//! as a wrong password, so that timing does not tell them apart.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::SaltString,
};
use protocol::{Password, Refusal};
use rand::{TryRngCore as _, rngs::OsRng};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization as _;

/// OWASP's first recommendation for Argon2id: 19 MiB of memory, …
const MEMORY_KIB: u32 = 19 * 1024;
/// … two passes, …
const PASSES: u32 = 2;
/// … and one thread.
const THREADS: u32 = 1;
/// How many may wait for each running one: about a second of work.
const WAITING_PER_RUNNING: usize = 16;
/// When to retry after being refused.
const BUSY_RETRY: Duration = Duration::from_secs(2);

/// The hash to compare with if nobody has the handle. Made like real ones, so that it costs the
/// same.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash(b"nobody has this handle"));

/// Hashes and checks passwords, with bounded concurrency.
#[derive(Clone, Debug)]
pub struct Hasher {
    running: Arc<Semaphore>,
    /// Running and waiting.
    inside: Arc<Semaphore>,
}

/// Too many are waiting already.
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

/// A new password, in the form that is hashed: RFC 8265's `OpaqueString`, but without its forbidden
/// characters.
///
/// One keyboard types `é` as one character, another as two, and a no-break space looks like any
/// other space. So passwords are normalised before hashing: every space becomes the plain one, and
/// the text is composed (NFC).
#[derive(Debug)]
pub struct NewPassword(Password);

/// A typed password: normalised, and also as typed if that differs, because older hashes are of
/// passwords that were not normalised.
#[derive(Debug)]
pub struct Typed(Vec<Password>);

impl NewPassword {
    /// Normalises and checks a text.
    ///
    /// # Errors
    /// [`ErrorCode::PasswordTooShort`](protocol::ErrorCode::PasswordTooShort),
    /// [`ErrorCode::PasswordTooLong`](protocol::ErrorCode::PasswordTooLong).
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        Password::parse(&normal(text)).map(Self)
    }
}

impl Typed {
    /// `None` for a text that cannot be a password, which avoids hashing it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let normal = normal(text);
        let as_typed = (normal != text).then(|| Password::parse(text));
        let passwords: Vec<_> =
            [Some(Password::parse(&normal)), as_typed].into_iter().flatten().flatten().collect();
        (!passwords.is_empty()).then_some(Self(passwords))
    }
}

fn normal(text: &str) -> String {
    // The spaces of Unicode (Zs), including the ASCII space.
    let is_space = |c: char| {
        matches!(
            c,
            ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
        )
    };
    text.chars().map(|c| if is_space(c) { ' ' } else { c }).nfc().collect()
}

/// Held while a password is hashed; dropping it admits the next one.
struct HashPermit {
    _running: OwnedSemaphorePermit,
    _inside: OwnedSemaphorePermit,
}

impl Hasher {
    /// Allows `at_once` concurrent hashes.
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
    pub async fn hash(&self, password: NewPassword) -> Result<String, Busy> {
        self.run(move || hash(password.0.as_bytes())).await
    }

    /// Whether the typed password matches this hash. `None` stands for an unknown account: it takes
    /// as long, and returns false.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn verify(&self, typed: Typed, hash: Option<String>) -> Result<bool, Busy> {
        self.run(move || {
            let known = hash.is_some();
            let hash = hash.as_deref().unwrap_or(NOBODY.as_str());
            // Tries both candidates if there are two, so that the time depends only on the input.
            let matches = typed.0.iter().filter(|password| verify(password.as_bytes(), hash)).count();
            known && matches > 0
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let inside = Arc::clone(&self.inside).try_acquire_owned().map_err(|_| Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Busy)?;
        let permit = HashPermit { _running: running, _inside: inside };
        // The permit moves along: the thread is busy until its work is done, even if the client has
        // gone.
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
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

    fn new(text: &str) -> NewPassword {
        NewPassword::parse(text).unwrap()
    }

    fn typed(text: &str) -> Typed {
        Typed::parse(text).unwrap()
    }

    /// The same text from different keyboards: composed or not, with a no-break space, with a wide
    /// one.
    const KEYBOARDS: [&str; 4] = [
        "caf\u{e9} cr\u{e8}me",
        "cafe\u{301} cre\u{300}me",
        "caf\u{e9}\u{a0}cr\u{e8}me",
        "cafe\u{301}\u{3000}cr\u{e8}me",
    ];

    #[tokio::test]
    async fn a_password_is_the_same_from_every_keyboard() {
        let hasher = Hasher::new(1);
        for set in KEYBOARDS {
            let hash = hasher.hash(new(set)).await.unwrap();
            for text in KEYBOARDS {
                assert!(hasher.verify(typed(text), Some(hash.clone())).await.unwrap(), "{set:?} {text:?}");
            }
            // Texts that only look similar stay different.
            for other in ["cafe creme", "CAF\u{c9} CR\u{c8}ME", "caf\u{e9}  cr\u{e8}me"] {
                assert!(!hasher.verify(typed(other), Some(hash.clone())).await.unwrap(), "{set:?} {other:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_password_that_was_hashed_as_it_was_typed_is_still_right() {
        let hasher = Hasher::new(1);
        for set in KEYBOARDS {
            let old = hash(set.as_bytes());
            assert!(hasher.verify(typed(set), Some(old)).await.unwrap(), "{set:?}");
        }
    }

    #[test]
    fn the_length_is_that_of_what_is_hashed() {
        // Six characters, four of which are decomposed into two.
        let text = "e\u{301}".repeat(4) + "ab";
        assert_eq!(text.chars().count(), 10);
        assert!(NewPassword::parse(&text).is_err());
        // It may have been set before normalisation.
        assert!(Typed::parse(&text).is_some());
        assert!(Typed::parse("short").is_none());
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_no_other() {
        let hasher = Hasher::new(1);
        let hash = hasher.hash(new("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify(typed("correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify(typed("wrong donkeys"), Some(hash)).await.unwrap());
        assert!(!hasher.verify(typed("nobody has this handle"), None).await.unwrap());
    }

    #[tokio::test]
    async fn what_does_not_fit_into_the_queue_is_turned_away() {
        let hasher = Hasher::new(1);
        // Neither finishes before both have asked.
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
