//! Small questions about texts and names.

/// The beginning of a message in plain words, for where there is no room for its formatting.
pub(crate) fn plain(body: &str, chars: usize) -> String {
    let text = markup::parse(body).plain_text(markup::Spoilers::Hidden);
    text.chars().take(chars).collect()
}

/// Nothing but up to three pictures: shown larger.
pub(crate) fn is_pictures_only(text: &str) -> bool {
    let is_picture = |c: char| matches!(c, '\u{1F300}'..='\u{1FAFF}' | '\u{2600}'..='\u{27BF}' | '\u{1F1E6}'..='\u{1F1FF}');
    let is_joiner = |c: char| matches!(c, '\u{200D}' | '\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}' | ' ');
    let pictures = text.chars().filter(|c| is_picture(*c) && !is_joiner(*c)).count();
    (1..=6).contains(&pictures)
        && text.chars().all(|c| is_picture(c) || is_joiner(c))
        && text.chars().count() <= 12
}

/// Whether it may have marks that stand above or below a letter, of which any number can be stacked. In the scripts of millions they
/// have blocks of their own; where letters and marks are mixed, everything counts.
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

/// The letters on a picture: the first one, or two in a name of Latin words; one sign of a Chinese name.
pub(crate) fn initials(name: &str) -> String {
    let mut words = name.split([' ', '-', '_', '.']).filter(|word| !word.is_empty());
    let first = words.next().and_then(|word| word.chars().next());
    let Some(first) = first else { return "?".to_owned() };
    let second = words.next_back().and_then(|word| word.chars().next());
    let latin = |c: char| (c as u32) < 0x2E80;
    // Georgian has capitals only for whole headlines, and few fonts have them.
    let capital =
        |c: char| if ('ა'..='ჿ').contains(&c) { c.to_string() } else { c.to_uppercase().collect() };
    match second {
        Some(second) if latin(first) && latin(second) => capital(first) + &capital(second),
        Some(_) | None => capital(first),
    }
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
        assert!(is_pictures_only("👍") && is_pictures_only("🎉 🎉") && is_pictures_only("👩‍🚀"));
        assert!(!is_pictures_only("ok 👍") && !is_pictures_only("") && !is_pictures_only("7"));
    }
}
