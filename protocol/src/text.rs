//! Validated text: holders of these types need not check it again.
//!
//! Commands and forms carry plain strings, and the server parses them here, so that each error has
//! its own numbered refusal. The interface uses the same functions to validate before sending.

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
    /// The text of a message: 1 to 4,000 characters, without leading blank lines and trailing white
    /// space (the first line keeps its indent), without control characters except tab and line
    /// feed.
    Body;
    /// The name by which a person signs in and is mentioned: 2 to 32 of `a-z 0-9 . _ -`, lower
    /// case.
    Handle;
    /// The display name: one line of 1 to 64 characters.
    DisplayName;
    /// What a person does, such as «Harbour master»: one line of up to 80 characters; may be empty.
    PersonTitle;
    /// A person's pronouns: one line of up to 40 characters; may be empty.
    Pronouns;
    /// The name of a time zone in the tz database, such as `Europe/Berlin`; empty for none. Only its
    /// form is checked, because browsers know the zones and servers need not.
    ZoneName;
    /// A room's title: one line of 1 to 80 characters.
    RoomTitle;
    /// A room's topic: one line of up to 250 characters; may be empty.
    RoomTopic;
    /// One emoji, for a reaction: 1 to 16 characters, at least one of them outside ASCII, and no
    /// ASCII letters, white space or control characters. Which sequences are pictures depends on
    /// the reader's fonts, so there is no table. Variation selectors are normalised, so that what
    /// looks alike is the same reaction.
    Emoji;
}

/// A password that is long enough, but not so long that hashing it is an attack. Never printed.
pub struct Password(String);

impl Body {
    /// Cleans, trims and validates. Artefacts of pasting are cleaned rather than refused: every
    /// kind of line break becomes a line feed, and other control characters are removed.
    ///
    /// # Errors
    /// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = without_controls(text);
        // Removes only whole blank lines from the front, because the first line may be indented
        // code.
        let start = text.len() - text.trim_start().len();
        let start =
            text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |line_end| line_end + 1);
        let text = text.get(start..).unwrap_or_default().trim_end();
        check(text, limits::BODY_CHARS_MAX)?;
        Ok(Self(text.to_owned()))
    }
}

impl Handle {
    /// Lower-cases and validates. Ignores a leading `@`.
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

    /// Whether `@handle` has a special meaning, so that no new account can take it.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        matches!(self.as_str(), "here" | "everyone")
    }
}

impl DisplayName {
    /// Collapses white space and validates.
    ///
    /// # Errors
    /// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`],
    /// [`ErrorCode::ScriptsMixed`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        name(text, limits::NAME_CHARS_MAX).map(Self)
    }
}

impl PersonTitle {
    /// Collapses white space and validates; a title may be empty.
    ///
    /// # Errors
    /// [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        one_line_or_none(text, limits::PERSON_TITLE_CHARS_MAX).map(Self)
    }
}

impl Pronouns {
    /// Collapses white space and validates; there need not be any.
    ///
    /// # Errors
    /// [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        one_line_or_none(text, limits::PRONOUNS_CHARS_MAX).map(Self)
    }
}

impl ZoneName {
    /// Trims and validates: up to three words between slashes, each of which begins with a letter.
    ///
    /// # Errors
    /// [`ErrorCode::TextTooLong`]; [`ErrorCode::MalformedCommand`], because pages offer only names of
    /// this form.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self(String::new()));
        }
        check(text, limits::ZONE_NAME_CHARS_MAX)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+');
        let is_word =
            |word: &str| word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.chars().all(allowed);
        let good = text.split('/').count() <= 3 && text.split('/').all(is_word);
        if good { Ok(Self(text.to_owned())) } else { Err(ErrorCode::MalformedCommand.into()) }
    }
}

impl RoomTitle {
    /// Collapses white space and validates.
    ///
    /// # Errors
    /// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`],
    /// [`ErrorCode::ScriptsMixed`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        name(text, limits::TITLE_CHARS_MAX).map(Self)
    }
}

impl RoomTopic {
    /// Collapses white space and validates; a topic may be empty.
    ///
    /// # Errors
    /// [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        one_line_or_none(text, limits::TOPIC_CHARS_MAX).map(Self)
    }
}

impl Emoji {
    /// Trims and validates.
    ///
    /// # Errors
    /// [`ErrorCode::EmojiInvalid`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = with_selectors(text.trim());
        let chars = text.chars().count();
        let good = (1..=limits::EMOJI_CHARS_MAX).contains(&chars)
            && text.chars().any(|c| !c.is_ascii() && !shows_nothing(c))
            && !text.chars().any(|c| c.is_ascii_alphabetic() || c.is_whitespace() || c.is_control());
        if good { Ok(Self(text)) } else { Err(ErrorCode::EmojiInvalid.into()) }
    }
}

impl Password {
    /// Checks the length in characters. Trims nothing: a password is exactly what was typed.
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

/// A character that is not allowed in a line. The refusal names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Forbidden {
    /// A control character, or one that changes the direction of what follows.
    Control(char),
    /// An invisible character, or white space other than a space.
    Invisible(char),
    /// More combining marks on one letter than any language uses: they would cover the lines above
    /// and below.
    TooManyMarks(char),
}

impl Forbidden {
    /// Finds the first one in a line.
    fn find(text: &str) -> Option<Self> {
        let (mut marks, mut last) = (0, None);
        text.chars().find_map(|c| {
            marks = if is_mark(c) { marks + 1 } else { 0 };
            let before = last.replace(c);
            match c {
                c if c.is_control() || turns_direction(c) => Some(Self::Control(c)),
                c if shows_nothing(c) && !joins(c, before) => Some(Self::Invisible(c)),
                c if marks > MARKS_MAX => Some(Self::TooManyMarks(c)),
                _ => None,
            }
        })
    }
}

impl From<Forbidden> for Refusal {
    fn from(forbidden: Forbidden) -> Self {
        let (Forbidden::Control(c) | Forbidden::Invisible(c) | Forbidden::TooManyMarks(c)) = forbidden;
        Self::new(ErrorCode::TextInvalid).detail(format!("U+{:04X}", u32::from(c)))
    }
}

/// Combining marks on one letter. Decomposed Vietnamese has two.
const MARKS_MAX: usize = 3;

/// Scripts whose letters look alike.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
}

impl Script {
    fn of(c: char) -> Option<Self> {
        match c {
            'a'..='z' | 'A'..='Z' | 'À'..='ɏ' if c.is_alphabetic() => Some(Self::Latin),
            // Symbols for units and mathematics are used with Latin letters: 5 µm, π.
            'µ' | 'π' | 'Ω' | 'Δ' | 'Σ' => None,
            'Ͱ'..='Ͽ' | 'ἀ'..='῾' => Some(Self::Greek),
            'Ѐ'..='ԯ' => Some(Self::Cyrillic),
            _ => None,
        }
    }
}

/// Whether a word mixes look-alike letters of several scripts, so that one name can be mistaken for
/// another.
fn mixes_scripts(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && !is_mark(c)).any(|word| {
        let mut scripts = word.chars().filter_map(Script::of);
        let first = scripts.next();
        scripts.any(|script| Some(script) != first)
    })
}

/// A name in one line.
fn name(text: &str, chars_max: usize) -> Result<String, Refusal> {
    let text = one_line(text, chars_max)?;
    if mixes_scripts(&text) { Err(ErrorCode::ScriptsMixed.into()) } else { Ok(text) }
}

/// A line that may be empty.
pub(crate) fn one_line_or_none(text: &str, chars_max: usize) -> Result<String, Refusal> {
    if text.trim().is_empty() { Ok(String::new()) } else { one_line(text, chars_max) }
}

pub(crate) fn one_line(text: &str, chars_max: usize) -> Result<String, Refusal> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    check(&text, chars_max)?;
    Forbidden::find(&text).map_or(Ok(text), |forbidden| Err(forbidden.into()))
}

fn check(text: &str, chars_max: usize) -> Result<(), Refusal> {
    if text.chars().all(|c| c.is_whitespace() || shows_nothing(c) || turns_direction(c)) {
        return Err(ErrorCode::TextEmpty.into());
    }
    let chars = text.chars().count();
    if chars > chars_max {
        return Err(Refusal::new(ErrorCode::TextTooLong)
            .max(chars_max)
            .detail(format!("{chars} characters")));
    }
    Ok(())
}

/// The text of a draft as both ends compare and store it: without control characters, and empty if it is blank.
///
/// # Errors
/// [`ErrorCode::TextTooLong`].
pub fn draft_text(text: &str) -> Result<String, Refusal> {
    if text.trim().is_empty() {
        return Ok(String::new());
    }
    let text = without_controls(text);
    check(&text, limits::BODY_CHARS_MAX)?;
    Ok(text)
}

/// Converts every line break to a line feed, and removes other control characters except tabs.
fn without_controls(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                clean.push('\n');
            }
            '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => clean.push('\n'),
            '\n' | '\t' => clean.push(c),
            c if c.is_control() => {}
            c => clean.push(c),
        }
    }
    clean
}

/// Adds the colour selector after each sign that is drawn monochrome without it, except before a
/// skin tone (Unicode Technical Standard 51). Beyond U+FFFF, all emoji in common use are coloured
/// without one.
fn with_selectors(text: &str) -> String {
    let mut signs = text.chars().filter(|c| !matches!(c, '\u{FE0E}' | '\u{FE0F}')).peekable();
    let mut with = String::with_capacity(text.len() + 3);
    while let Some(sign) = signs.next() {
        with.push(sign);
        let next = signs.peek().copied();
        let has_plain_form = match sign {
            '0'..='9' | '#' | '*' => next == Some('\u{20E3}'),
            '\u{A9}'
            | '\u{AE}'
            | '\u{203C}'..='\u{20CF}'
            | '\u{2100}'..='\u{2BFF}'
            | '\u{3030}'
            | '\u{303D}'
            | '\u{3297}'
            | '\u{3299}' => !is_coloured(sign),
            _ => false,
        };
        if has_plain_form && !matches!(next, Some('\u{1F3FB}'..='\u{1F3FF}')) {
            with.push('\u{FE0F}');
        }
    }
    with
}

/// Characters up to U+FFFF that are coloured without a selector: Unicode's Emoji_Presentation.
fn is_coloured(sign: char) -> bool {
    matches!(
        sign,
        '\u{231A}'..='\u{231B}' | '\u{23E9}'..='\u{23EC}' | '\u{23F0}' | '\u{23F3}' | '\u{25FD}'..='\u{25FE}' | '\u{2614}'..='\u{2615}'
            | '\u{2648}'..='\u{2653}' | '\u{267F}' | '\u{2693}' | '\u{26A1}' | '\u{26AA}'..='\u{26AB}' | '\u{26BD}'..='\u{26BE}'
            | '\u{26C4}'..='\u{26C5}' | '\u{26CE}' | '\u{26D4}' | '\u{26EA}' | '\u{26F2}'..='\u{26F3}' | '\u{26F5}' | '\u{26FA}'
            | '\u{26FD}' | '\u{2705}' | '\u{270A}'..='\u{270B}' | '\u{2728}' | '\u{274C}' | '\u{274E}' | '\u{2753}'..='\u{2755}'
            | '\u{2757}' | '\u{2795}'..='\u{2797}' | '\u{27B0}' | '\u{27BF}' | '\u{2B1B}'..='\u{2B1C}' | '\u{2B50}' | '\u{2B55}'
    )
}

/// Characters that change the direction of what follows. The directional marks (U+200E, U+200F,
/// U+061C) are harmless, and Arabic and Hebrew need them.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character is invisible: zero-width characters, fillers, and blanks that do not count
/// as white space. A text of only these would look empty. Unicode's Default_Ignorable_Code_Point,
/// and the Braille blank.
#[must_use]
pub fn shows_nothing(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2065}' | '\u{206A}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// Whether an invisible character shapes the one before it: in Persian, in Indian scripts, in
/// Mongolian, in emoji, in variants of Chinese characters. After any other letter it would only
/// create names that look the same.
fn joins(c: char, before: Option<char>) -> bool {
    let Some(before) = before else { return false };
    match c {
        // Joiners and directional marks: right-to-left, Indian and other scripts, emoji and their
        // parts.
        '\u{200C}'..='\u{200F}' | '\u{61C}' => {
            matches!(before, '\u{590}'..='\u{DFF}' | '\u{1780}'..='\u{18AF}' | '\u{2190}'..='\u{2BFF}' | '\u{FB1D}'..='\u{FEFC}'
                | '\u{10800}'..='\u{1FFFF}')
        }
        '\u{180B}'..='\u{180D}' => matches!(before, '\u{1800}'..='\u{18AF}'),
        // Characters that also have a monochrome form, digits of keycaps, and Chinese characters.
        '\u{FE00}'..='\u{FE0F}' => {
            matches!(before, '0'..='9' | '#' | '*' | '\u{A9}' | '\u{AE}' | '\u{203C}'..)
        }
        '\u{E0100}'..='\u{E01EF}' => {
            matches!(before, '\u{2E80}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
        }
        // The flag of a part of a country, such as Wales.
        '\u{E0020}'..='\u{E007F}' => before == '\u{1F3F4}' || matches!(before, '\u{E0020}'..='\u{E007E}'),
        _ => false,
    }
}

/// Combining marks that can be stacked on any letter.
fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
            | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}'
    )
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
        // The last one is a joiner, which needs something to join.
        for text in [
            "",
            "  \n\t ",
            "\u{200B}",
            "\u{3000}\u{FEFF}",
            "\u{2800}",
            "\u{115F}\u{FFA0}",
            "\u{34F}",
            "\u{202E}",
            "\0\u{1B}",
            "\u{200D}",
        ] {
            assert_eq!(code(Body::parse(text)), Some(ErrorCode::TextEmpty), "{text:?}");
            assert_ne!(code(DisplayName::parse(text)), None, "{text:?}");
        }
    }

    #[test]
    fn what_was_pasted_is_cleaned() {
        for (pasted, stored) in [
            ("a\0b\u{1B}[1m\u{7F}\u{9B}", "ab[1m"),
            (
                "one\rtwo\r\nthree\u{B}four\u{C}five\u{85}six\u{2028}seven",
                "one\ntwo\nthree\nfour\nfive\nsix\nseven",
            ),
            ("tab\tand\nline", "tab\tand\nline"),
        ] {
            assert_eq!(Body::parse(pasted).unwrap().as_str(), stored);
        }
    }

    #[test]
    fn a_name_that_could_be_taken_for_another_is_refused_by_its_character() {
        use Forbidden::{Control, Invisible, TooManyMarks};
        for (name, fault) in [
            ("Ana\0", Some(Control('\0'))),
            ("Ana \u{202E}ziuR", Some(Control('\u{202E}'))),
            ("Ana\u{2066}", Some(Control('\u{2066}'))),
            ("A\u{200B}na", Some(Invisible('\u{200B}'))),
            ("Ana\u{3164}", Some(Invisible('\u{3164}'))),
            ("\u{2800}Ana", Some(Invisible('\u{2800}'))),
            ("Ana\u{AD}", Some(Invisible('\u{AD}'))),
            ("Ana Ruiz\u{200E}", Some(Invisible('\u{200E}'))),
            ("Ana\u{200D}", Some(Invisible('\u{200D}'))),
            ("Ana\u{FE0F}", Some(Invisible('\u{FE0F}'))),
            ("Ana\u{E0061}", Some(Invisible('\u{E0061}'))),
            ("می\u{200C}خواهم", None),
            ("👩\u{200D}🔧 ❤\u{FE0F}\u{200D}🔥 7\u{FE0F}\u{20E3}", None),
            ("🏴\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}", None),
            ("葛\u{E0100}城", None),
            ("Z\u{300}\u{301}\u{302}\u{303}", Some(TooManyMarks('\u{303}'))),
            ("Ana Ruiz", None),
            ("Анна Smith", None),
            ("Νίκος (Nikos)", None),
            ("Nguyê\u{303}n Thi\u{323}\u{302}", None),
            ("می\u{200C}خواهم", None),
            ("क्\u{200D}ष", None),
            ("Ana 👩\u{200D}🚀 ❤\u{FE0F}", None),
            ("5µm, 10Ω", None),
            ("安娜Ana", None),
            ("שלום\u{200F}", None),
        ] {
            assert_eq!(Forbidden::find(name), fault, "{name:?}");
            assert_eq!(DisplayName::parse(name).is_ok(), fault.is_none(), "{name:?}");
        }
        let refusal = RoomTitle::parse("Ana \u{202E}ziuR").unwrap_err();
        assert_eq!((refusal.code, refusal.detail.as_str()), (ErrorCode::TextInvalid, "U+202E"));
        for name in ["Аna", "Pαul", "Ana Раul"] {
            assert_eq!(code(DisplayName::parse(name)), Some(ErrorCode::ScriptsMixed), "{name:?}");
            assert_eq!(code(RoomTitle::parse(name)), Some(ErrorCode::ScriptsMixed), "{name:?}");
        }
        // A topic is not a name, so scripts may be mixed.
        assert!(RoomTopic::parse("Кофе с VIPом").is_ok());
        assert_eq!(code(RoomTopic::parse("a\u{202E}b")), Some(ErrorCode::TextInvalid));
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
    fn a_title_and_pronouns_are_checked_like_names_but_may_be_empty_and_mix_scripts() {
        assert_eq!(PersonTitle::parse(" \u{3000} ").unwrap().as_str(), "");
        assert_eq!(PersonTitle::parse(" Harbour \n master ").unwrap().as_str(), "Harbour master");
        assert_eq!(PersonTitle::parse("Кофе-VIPов").unwrap().as_str(), "Кофе-VIPов");
        assert_eq!(Pronouns::parse("").unwrap().as_str(), "");
        assert_eq!(Pronouns::parse("she/her").unwrap().as_str(), "she/her");
        for text in ["a\u{202E}b", "a\0b", "a\u{200B}b"] {
            assert_eq!(code(PersonTitle::parse(text)), Some(ErrorCode::TextInvalid), "{text:?}");
            assert_eq!(code(Pronouns::parse(text)), Some(ErrorCode::TextInvalid), "{text:?}");
        }
        assert_eq!(code(PersonTitle::parse("\u{200B}")), Some(ErrorCode::TextEmpty));
        assert!(PersonTitle::parse(&"鸟".repeat(80)).is_ok() && Pronouns::parse(&"鸟".repeat(40)).is_ok());
        let refusal = PersonTitle::parse(&"鸟".repeat(81)).unwrap_err();
        assert_eq!((refusal.code, refusal.max), (ErrorCode::TextTooLong, Some(80)));
        assert_eq!(Pronouns::parse(&"鸟".repeat(41)).unwrap_err().max, Some(40));
    }

    #[test]
    fn a_time_zone_has_the_form_of_the_tz_database() {
        for name in [
            "",
            "UTC",
            "Europe/Berlin",
            "America/Argentina/Buenos_Aires",
            "Etc/GMT+5",
            "Asia/Ust-Nera",
            " Asia/Tokyo ",
        ] {
            assert_eq!(ZoneName::parse(name).unwrap().as_str(), name.trim());
        }
        for name in ["Europe/", "/Berlin", "Europe//Berlin", "+05:30", "a/b/c/d", "Europe/Köln", "<b>", "a b"]
        {
            assert_eq!(code(ZoneName::parse(name)), Some(ErrorCode::MalformedCommand), "{name:?}");
        }
        assert_eq!(code(ZoneName::parse(&"a".repeat(65))), Some(ErrorCode::TextTooLong));
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
    fn emoji_that_look_alike_are_the_same() {
        for (typed, stored) in [
            ("👍\u{FE0F}", "👍"),
            ("❤", "❤\u{FE0F}"),
            ("✅\u{FE0F}", "✅"),
            ("⭐", "⭐"),
            ("❤\u{FE0E}", "❤\u{FE0F}"),
            ("1\u{20E3}", "1\u{FE0F}\u{20E3}"),
            ("☝\u{FE0F}🏽", "☝🏽"),
            ("👨\u{200D}⚕", "👨\u{200D}⚕\u{FE0F}"),
        ] {
            assert_eq!(Emoji::parse(typed).unwrap().as_str(), stored);
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        let password = Password::parse("correct horse").unwrap();
        assert!(!format!("{password:?}").contains("horse"));
        assert_eq!(code(Password::parse("short")), Some(ErrorCode::PasswordTooShort));
    }
}
