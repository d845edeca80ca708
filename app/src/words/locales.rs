//! All languages, for the server only.

use std::sync::LazyLock;

use protocol::Language;

use super::Words;

include!(concat!(env!("OUT_DIR"), "/words_locales.rs"));

static ALL: LazyLock<Vec<(Language, Words)>> = LazyLock::new(|| {
    let known = |(tag, text): (&str, &'static str)| Some((Language::parse(tag)?, Words::from_text(text)));
    LOCALES.into_iter().filter_map(known).collect()
});

impl Words {
    /// The words of a language, falling back to the default language.
    #[must_use]
    pub fn of(language: Language) -> Self {
        let words =
            |wanted: Language| ALL.iter().find(|(known, _)| *known == wanted).map(|(_, words)| *words);
        words(language).or_else(|| words(Language::default())).unwrap_or_default()
    }
}

/// The language for a tag (`pt`, `zh-Hant-TW`): an exact match, a less specific one, or one with
/// the same primary subtag.
#[must_use]
pub fn language_for(tag: &str) -> Option<Language> {
    let known = || ALL.iter().map(|(language, _)| *language);
    let mut wanted = tag.trim();
    loop {
        if let Some(language) = known().find(|known| known.as_str().eq_ignore_ascii_case(wanted)) {
            return Some(language);
        }
        match wanted.rsplit_once('-') {
            Some((less, _)) => wanted = less,
            None => break,
        }
    }
    let first = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    known().find(|known| first(known.as_str()) == first(wanted))
}

#[cfg(test)]
mod tests {
    use super::language_for;

    #[test]
    fn a_tag_finds_the_nearest_language() {
        let found = |tag: &str| language_for(tag).map(|language| language.as_str().to_owned());
        for (tag, wanted) in [
            ("en", "en"),
            ("EN-us", "en"),
            ("de-CH-1996", "de"),
            ("pt", "pt-BR"),
            ("pt-PT", "pt-BR"),
            ("zh", "zh-CN"),
            ("zh-Hant-TW", "zh-CN"),
            (" fr ", "fr"),
        ] {
            assert_eq!(found(tag).as_deref(), Some(wanted), "{tag}");
        }
        for unknown in ["", "*", "klingon", "é", "-", "e"] {
            assert_eq!(found(unknown), None, "{unknown}");
        }
    }
}
