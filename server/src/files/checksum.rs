//! The checksum that comes with bytes.

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// A checksum that is expected, and what has been summed up so far.
#[derive(Clone, Debug)]
pub struct Checksum {
    expected: Vec<u8>,
    sum: Sum,
}

#[derive(Clone, Debug)]
enum Sum {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Checksum {
    /// The known methods, by the names that tus has for them.
    pub const METHODS: &[&str] = &["sha1", "sha256"];

    /// A checksum by this method; `None` if the method is not known, or the sum has a wrong length.
    #[must_use]
    pub fn new(method: &str, expected: Vec<u8>) -> Option<Self> {
        let (sum, length) = match method {
            "sha1" => (Sum::Sha1(Sha1::new()), 20),
            "sha256" => (Sum::Sha256(Sha256::new()), 32),
            _ => return None,
        };
        (expected.len() == length).then_some(Self { expected, sum })
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        match &mut self.sum {
            Sum::Sha1(sum) => sum.update(bytes),
            Sum::Sha256(sum) => sum.update(bytes),
        }
    }

    pub(super) fn matches(self) -> bool {
        match self.sum {
            Sum::Sha1(sum) => sum.finalize()[..] == self.expected,
            Sum::Sha256(sum) => sum.finalize()[..] == self.expected,
        }
    }
}
