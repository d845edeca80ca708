//! Small functions on texts and names.

/// The beginning of a message as plain text, for places without room for formatting.
pub(crate) fn plain(body: &str, chars: usize) -> String {
    let text = markup::parse(body).plain_text(markup::Spoilers::Hidden);
    text.chars().take(chars).collect()
}

/// A text in lower case, for comparisons. In a browser, the browser does it: Rust's tables would be 2 kB more to download. ASCII
/// stays here, because lists of thousands of names are compared at each key press.
pub(crate) fn lower(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else if cfg!(target_arch = "wasm32") {
        js_sys::JsString::from(text).to_lower_case().into()
    } else {
        text.to_lowercase()
    }
}

/// Whether a text is nothing but one to three emoji, which are shown larger.
pub(crate) fn is_pictures_only(text: &str) -> bool {
    pictures(text).is_some_and(|count| (1..=PICTURES_MAX).contains(&count))
}

/// The most emoji that are shown larger.
const PICTURES_MAX: usize = 3;

/// The number of emoji in a text of nothing but emoji and white space; `None` for other texts, or
/// if it is too long to check.
pub(crate) fn pictures(text: &str) -> Option<usize> {
    // A regional flag has up to seven characters, a family with skin tones eleven.
    const BYTES_MAX: usize = 200;
    if text.len() > BYTES_MAX {
        return None;
    }
    let (mut count, mut is_open, mut half_flag) = (0, false, false);
    let mut joins = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        // A character that also has a monochrome form is an emoji if this follows.
        let is_coloured = chars.peek() == Some(&'\u{FE0F}');
        let is_flag = matches!(c, '\u{1F1E6}'..='\u{1F1FF}');
        let is_part = matches!(c, '\u{200D}' | '\u{FE0F}' | '\u{20E3}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0020}'..='\u{E007F}');
        if is_flag && half_flag {
            half_flag = false;
        } else if is_part && is_open {
            joins = c == '\u{200D}';
            continue;
        } else if is_flag || is_picture(c) || is_coloured {
            count += usize::from(!joins);
            (is_open, half_flag) = (true, is_flag);
        } else if matches!(c, ' ' | '\n') {
            is_open = false;
        } else {
            return None;
        }
        joins = false;
    }
    Some(count)
}

/// Whether a character is an emoji by itself.
fn is_picture(c: char) -> bool {
    matches!(c,
        '\u{1F300}'..='\u{1F64F}' | '\u{1F680}'..='\u{1F6FF}' | '\u{1F7E0}'..='\u{1F7F0}' | '\u{1F900}'..='\u{1F9FF}'
        | '\u{1FA70}'..='\u{1FAFF}' | '\u{1F004}' | '\u{1F0CF}' | '\u{1F18E}' | '\u{1F191}'..='\u{1F251}'
        | '\u{2600}'..='\u{27BF}' | '\u{231A}' | '\u{231B}' | '\u{23E9}'..='\u{23F3}' | '\u{25FD}' | '\u{25FE}' | '\u{2B1B}'..='\u{2B55}')
}

/// Whether a text may contain combining marks, any number of which can be stacked on a letter.
/// Widely used scripts have separate blocks for them; in blocks that mix letters and marks, every
/// character counts.
pub(crate) fn has_marks(text: &str) -> bool {
    let is_mark = |c: char| {
        matches!(
            c,
            '\u{300}'..='\u{36F}'
                | '\u{483}'..='\u{489}'
                | '\u{591}'..='\u{1DFF}'
                | '\u{20D0}'..='\u{20FF}'
                | '\u{302A}'..='\u{302F}'
                | '\u{3099}'..='\u{309A}'
                | '\u{A66F}'..='\u{ABFF}'
                | '\u{FB1E}'
                | '\u{FE20}'..='\u{FE2F}'
                | '\u{10000}'..='\u{1EFFF}'
        )
    };
    text.chars().any(is_mark)
}

/// The letters on a picture: the first one, or two for a name of Latin words; one character of a
/// Chinese name.
pub(crate) fn initials(name: &str) -> String {
    let mut words = name.split([' ', '-', '_', '.']).filter(|word| !word.is_empty());
    let first = words.next().and_then(|word| word.chars().next());
    let Some(first) = first else { return "?".to_owned() };
    let second = words.next_back().and_then(|word| word.chars().next());
    let latin = |c: char| (c as u32) < 0x2E80;
    // Georgian uses capitals only in all-caps headlines, and few fonts have them.
    let capital =
        |c: char| if ('ა'..='ჿ').contains(&c) { c.to_string() } else { c.to_uppercase().collect() };
    match second {
        Some(second) if latin(first) && latin(second) => capital(first) + &capital(second),
        Some(_) | None => capital(first),
    }
}

/// Isolates the direction of a user's text within a line (U+2068 and U+2069), so that it does not
/// affect the rest.
#[must_use]
pub(crate) fn isolated(text: &str) -> String {
    format!("\u{2068}{text}\u{2069}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found() {
        let with = ["Z\u{335}\u{321}a\u{33F}lgo", "ก็็็็", "и\u{489}", "か\u{3099}\u{3099}", "a\u{20DD}", "𝅘𝅥"];
        let without =
            ["Ana Benítez", "Добрый день", "Καλημέρα", "船到了。", "かがガ", "한국어", "🚢 👩‍🚀 ❤️", "«x» → y"];
        assert_eq!(with.map(has_marks), [true; 6]);
        assert_eq!(without.map(has_marks), [false; 8]);
    }

    #[test]
    fn pictures_have_letters() {
        let all = ["Ana Benítez", "安娜", "王 小明", "bea", "jean-luc", "ნინო ბერიძე", ""].map(initials);
        assert_eq!(all, ["AB", "安", "王", "B", "JL", "ნბ", "?"]);
    }

    #[test]
    fn up_to_three_emoji_alone_are_large() {
        for (text, count) in [
            ("👍", 1),
            ("👍🏽", 1),
            ("👩‍🚀", 1),
            ("❤️", 1),
            ("🎉 🎉", 2),
            ("👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 3),
            ("🇩🇪🇫🇷", 2),
            ("1️⃣", 1),
            ("©️", 1),
            ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", 1),
            ("🧑🏻‍❤️‍💋‍🧑🏿", 1),
            ("⌚", 1),
            ("⭐", 1),
            ("😀😀😀😀", 4),
        ] {
            assert_eq!(pictures(text), Some(count), "{text}");
            assert_eq!(is_pictures_only(text), count <= 3, "{text}");
        }
        for text in ["ok 👍", "7", "©", "→", "\u{FE0F}", "👍.", ":smile:", "王"] {
            assert_eq!(pictures(text), None, "{text}");
        }
        assert!(!is_pictures_only("") && !is_pictures_only(" ") && !is_pictures_only(&"👍".repeat(100)));
    }
}
