//! Secrets held by a browser: a session's cookie, an invitation's link.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{TryRngCore as _, rngs::OsRng};
use sha2::{Digest as _, Sha256};

const TOKEN_BYTES: usize = 32;

/// 256 random bits. The database stores only their hash, which is useless to anyone who reads it.
/// Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; TOKEN_BYTES]);

impl Token {
    /// Creates a token with the operating system's generator.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = [0; TOKEN_BYTES];
        OsRng.try_fill_bytes(&mut bytes).expect("without randomness no secret can be made");
        Self(bytes)
    }

    /// Parses the result of [`Token::reveal`]; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The text for the browser: 43 characters of `A-Z a-z 0-9 _ -`.
    #[must_use]
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The hash for the database. A plain hash is enough, because the token is as random as a key.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_the_way_to_the_browser_and_back() {
        let token = Token::generate();
        assert_eq!(Token::parse(&token.reveal()), Some(token.clone()));
        assert_ne!(Token::generate(), token);
    }

    #[test]
    fn anything_else_is_no_token() {
        for text in ["", "abc", "=", &"a".repeat(44), &"é".repeat(43)] {
            assert_eq!(Token::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_token_is_never_printed() {
        let token = Token::generate();
        assert!(!format!("{token:?}").contains(&token.reveal()));
    }
}
