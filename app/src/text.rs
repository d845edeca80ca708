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
    fn pictures_have_letters() {
        let all = ["Ana Benítez", "安娜", "王 小明", "bea", "jean-luc", "ნინო ბერიძე", ""].map(initials);
        assert_eq!(all, ["AB", "安", "王", "B", "JL", "ნბ", "?"]);
        assert!(is_pictures_only("👍") && is_pictures_only("🎉 🎉") && is_pictures_only("👩‍🚀"));
        assert!(!is_pictures_only("ok 👍") && !is_pictures_only("") && !is_pictures_only("7"));
    }
}
