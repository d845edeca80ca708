//! Text that has been looked at: whoever holds one of these need not check it.
//!
//! Commands and forms carry plain strings, and the server parses them here, so that each fault gets its own
//! numbered refusal. The interface uses the same functions to speak up before anything is sent.

use crate::{ErrorCode, Refusal, limits};

macro_rules! parsed_text {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, owned.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }
    )*};
}

parsed_text! {
    /// What a message says: 1 to 4,000 characters, no white space at its ends (but for the first line's indent).
    Body;
    /// The name by which a person signs in and is mentioned: 2 to 32 of `a-z 0-9 . _ -`, lower case.
    Handle;
    /// The name that others see: one line of 1 to 64 characters.
    DisplayName;
    /// A room's title: one line of 1 to 80 characters.
    RoomTitle;
    /// A room's topic: one line of up to 250 characters; may be empty.
    RoomTopic;
    /// One emoji, as a reaction: 1 to 16 characters, of which at least one is outside ASCII, and none is a letter of it,
    /// white space or a control character. Which sequences are pictures depends on the reader's fonts, so no table is asked.
    Emoji;
}

/// A password that is long enough, and not so long that hashing it is an attack. Never printed.
pub struct Password(String);

impl Body {
    /// Trims and checks.
    ///
    /// # Errors
    /// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`] (control characters
    /// other than tab and line feed).
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.replace("\r\n", "\n");
        // Only whole blank lines go from the front: the first line may be indented code.
        let start = text.len() - text.trim_start().len();
        let start = text[..start].rfind('\n').map_or(0, |line_end| line_end + 1);
        let text = text[start..].trim_end();
        check(text, limits::BODY_CHARS_MAX, |c| c.is_control() && c != '\n' && c != '\t')?;
        Ok(Self(text.to_owned()))
    }
}

impl Handle {
    /// Lower-cases and checks. A leading `@` is forgiven.
    ///
    /// # Errors
    /// [`ErrorCode::HandleInvalid`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let handle = text.trim().trim_start_matches('@').to_ascii_lowercase();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        let good = (limits::HANDLE_CHARS_MIN..=limits::HANDLE_CHARS_MAX).contains(&handle.len())
            && handle.starts_with(|c: char| c.is_ascii_alphanumeric())
            && handle.chars().all(allowed);
        if good { Ok(Self(handle)) } else { Err(ErrorCode::HandleInvalid.into()) }
    }
}

impl DisplayName {
    /// Folds white space and checks.
    ///
    /// # Errors
    /// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        one_line(text, limits::NAME_CHARS_MAX).map(Self)
    }
}

impl RoomTitle {
    /// Folds white space and checks.
    ///
    /// # Errors
    /// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        one_line(text, limits::TITLE_CHARS_MAX).map(Self)
    }
}

impl RoomTopic {
    /// Folds white space and checks; nothing at all is a topic too.
    ///
    /// # Errors
    /// [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.trim().is_empty() {
            return Ok(Self(String::new()));
        }
        one_line(text, limits::TOPIC_CHARS_MAX).map(Self)
    }
}

impl Emoji {
    /// Trims and checks.
    ///
    /// # Errors
    /// [`ErrorCode::EmojiInvalid`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        let chars = text.chars().count();
        let good = (1..=limits::EMOJI_CHARS_MAX).contains(&chars)
            && text.chars().any(|c| !c.is_ascii() && !is_invisible(c))
            && !text.chars().any(|c| c.is_ascii_alphabetic() || c.is_whitespace() || c.is_control());
        if good { Ok(Self(text.to_owned())) } else { Err(ErrorCode::EmojiInvalid.into()) }
    }
}

impl Password {
    /// Checks the length, in characters. Nothing is trimmed: a password is what was typed.
    ///
    /// # Errors
    /// [`ErrorCode::PasswordTooShort`], [`ErrorCode::PasswordTooLong`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let chars = text.chars().count();
        if chars < limits::PASSWORD_CHARS_MIN {
            return Err(Refusal::new(ErrorCode::PasswordTooShort).max(limits::PASSWORD_CHARS_MIN));
        }
        if chars > limits::PASSWORD_CHARS_MAX {
            return Err(Refusal::new(ErrorCode::PasswordTooLong).max(limits::PASSWORD_CHARS_MAX));
        }
        Ok(Self(text.to_owned()))
    }

    /// The bytes to hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

fn one_line(text: &str, chars_max: usize) -> Result<String, Refusal> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    check(&text, chars_max, char::is_control)?;
    Ok(text)
}

fn check(text: &str, chars_max: usize, forbidden: impl Fn(char) -> bool) -> Result<(), Refusal> {
    if text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c)).is_empty() {
        return Err(ErrorCode::TextEmpty.into());
    }
    let chars = text.chars().count();
    if chars > chars_max {
        return Err(Refusal::new(ErrorCode::TextTooLong)
            .max(chars_max)
            .detail(format!("{chars} characters")));
    }
    if let Some(bad) = text.chars().find(|c| forbidden(*c)) {
        return Err(Refusal::new(ErrorCode::TextInvalid).detail(format!("U+{:04X}", u32::from(bad))));
    }
    Ok(())
}

/// Zero-width characters. A text of these alone would show nothing.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' | '\u{00AD}' | '\u{3164}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T>(parsed: Result<T, Refusal>) -> Option<ErrorCode> {
        parsed.err().map(|refusal| refusal.code)
    }

    #[test]
    fn a_body_keeps_the_indent_of_its_first_line_and_loses_blank_lines() {
        let body = Body::parse("\n \n    let x = 1;\r\n    y\n\n").unwrap();
        assert_eq!(body.as_str(), "    let x = 1;\n    y");
    }

    #[test]
    fn a_body_is_counted_in_characters_not_bytes() {
        assert!(Body::parse(&"鸟".repeat(limits::BODY_CHARS_MAX)).is_ok());
        let refusal = Body::parse(&"鸟".repeat(limits::BODY_CHARS_MAX + 1)).unwrap_err();
        assert_eq!((refusal.code, refusal.max), (ErrorCode::TextTooLong, Some(4_000)));
    }

    #[test]
    fn what_shows_nothing_is_empty() {
        for text in ["", "  \n\t ", "\u{200B}", "\u{3000}\u{FEFF}"] {
            assert_eq!(code(Body::parse(text)), Some(ErrorCode::TextEmpty), "{text:?}");
        }
    }

    #[test]
    fn control_characters_are_named() {
        let refusal = Body::parse("a\0b").unwrap_err();
        assert_eq!((refusal.code, refusal.detail.as_str()), (ErrorCode::TextInvalid, "U+0000"));
        assert!(Body::parse("tab\tand\nline").is_ok());
    }

    #[test]
    fn handles_are_lower_case_ascii() {
        assert_eq!(Handle::parse(" @Ana.B-2_ ").unwrap().as_str(), "ana.b-2_");
        for text in ["a", "-ana", "ana b", "安娜", &"a".repeat(33)] {
            assert_eq!(code(Handle::parse(text)), Some(ErrorCode::HandleInvalid), "{text:?}");
        }
    }

    #[test]
    fn a_topic_may_be_empty_and_a_title_may_not() {
        assert_eq!(RoomTopic::parse("  ").unwrap().as_str(), "");
        assert_eq!(code(RoomTitle::parse("  ")), Some(ErrorCode::TextEmpty));
        assert_eq!(RoomTitle::parse("  Harbour \n watch ").unwrap().as_str(), "Harbour watch");
    }

    #[test]
    fn an_emoji_is_short_and_is_a_picture_as_far_as_one_can_tell() {
        for text in ["👍", " 🎉 ", "1️⃣", "👨‍👩‍👧‍👦", "❤️", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"]
        {
            assert_eq!(Emoji::parse(text).unwrap().as_str(), text.trim());
        }
        for text in ["", "1", "ok", "👍 👍", "a👍", "\u{200B}", &"👍".repeat(17)] {
            assert_eq!(code(Emoji::parse(text)), Some(ErrorCode::EmojiInvalid), "{text:?}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        let password = Password::parse("correct horse").unwrap();
        assert!(!format!("{password:?}").contains("horse"));
        assert_eq!(code(Password::parse("short")), Some(ErrorCode::PasswordTooShort));
    }
}
