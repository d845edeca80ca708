//! Settings that contain a password.

use std::fmt;

/// Each server keeps two connections to each of them.
const REDIS_MAX: usize = 64;

/// A setting that contains a password, and is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// A [`Secret`] that may be empty. (clap uses `Option` for something else.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OptionalSecret(pub(super) Option<Secret>);

impl Secret {
    /// Parses an address that begins with one of `schemes`.
    pub(super) fn parse(text: &str, schemes: &[&str]) -> Result<Self, String> {
        if schemes.iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("it begins with {}", schemes[0]))
        }
    }

    /// Parses addresses that begin with one of `schemes`, separated by commas; may be empty.
    pub(super) fn parse_list(text: &str, schemes: &[&str]) -> Result<OptionalSecret, String> {
        if text.is_empty() {
            return Ok(OptionalSecret(None));
        }
        let parts: Vec<&str> = text.split(',').collect();
        if parts.len() > REDIS_MAX {
            return Err(format!("at most {REDIS_MAX}"));
        }
        for (at, part) in parts.iter().enumerate() {
            let number = |e| if parts.len() == 1 { e } else { format!("number {}: {e}", at + 1) };
            Self::parse(part.trim(), schemes).map_err(number)?;
        }
        Ok(OptionalSecret(Some(Self(text.to_owned()))))
    }

    /// Takes any text; may be empty.
    #[expect(clippy::unnecessary_wraps, reason = "clap wants a parser that can fail")]
    pub(super) fn parse_any(text: &str) -> Result<OptionalSecret, String> {
        Ok(OptionalSecret((!text.is_empty()).then(|| Self(text.to_owned()))))
    }

    /// The secret itself, for connecting.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
