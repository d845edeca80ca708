//! The character classes that markup distinguishes.

/// What is next to a delimiter. This decides whether it can open or close a style.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// White space, or an end of the line.
    Space,
    /// Punctuation other than Chinese, Japanese and Korean.
    Punctuation,
    CjkPunctuation,
    Cjk,
    /// Everything else, including emoji: CommonMark counts those as punctuation, and `**👍**ok` would not be bold.
    Letter,
}

impl Class {
    pub(crate) fn of(c: Option<char>) -> Self {
        match c {
            None => Self::Space,
            Some(c) if c.is_whitespace() => Self::Space,
            Some(c) if is_cjk_punctuation(c) => Self::CjkPunctuation,
            Some(c) if is_cjk(c) => Self::Cjk,
            Some(c) if is_punctuation(c) => Self::Punctuation,
            Some(_) => Self::Letter,
        }
    }

    /// Whether a delimiter here is inside a word.
    pub(crate) fn is_in_word(self) -> bool {
        matches!(self, Self::Letter | Self::Cjk)
    }
}

/// ASCII and general punctuation, and currency signs. Unicode's full tables would enlarge the browser's download for little
/// benefit.
fn is_punctuation(c: char) -> bool {
    match c {
        'ª' | 'µ' | 'º' => false,
        '\u{A1}'..='\u{BF}' | '×' | '÷' | '\u{2010}'..='\u{205E}' | '\u{20A0}'..='\u{20CF}' => true,
        c => c.is_ascii_punctuation(),
    }
}

fn is_cjk_punctuation(c: char) -> bool {
    match c {
        // Signs that are part of words: 々, 〆, 〇.
        '\u{3005}'..='\u{3007}' => false,
        '\u{3000}'..='\u{303F}' | '・' | '\u{FE10}'..='\u{FE1F}' | '\u{FE30}'..='\u{FE4F}' => true,
        '\u{FF01}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}' | '\u{FF3B}'..='\u{FF40}' => true,
        '\u{FF5B}'..='\u{FF65}' => true,
        _ => false,
    }
}

/// Chinese and Japanese, written without spaces between words, and Korean, whose particles follow a word without one.
fn is_cjk(c: char) -> bool {
    matches!(
        c,
        '\u{1100}'..='\u{11FF}' | '\u{2E80}'..='\u{A4CF}' | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}'
            | '\u{F900}'..='\u{FAFF}' | '\u{FF66}'..='\u{FFDC}' | '\u{20000}'..='\u{3FFFF}'
    )
}

/// A letter or digit of a script that puts spaces between words. A name cannot start or end next to one.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() && !is_cjk(c)
}

/// Invisible, or changes the text direction. An address must not contain characters that people cannot see.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{AD}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
        )
}
