//! The plural rules by name, each with the CLDR categories that it needs, in the order in which
//! `plural.rs` numbers them. Only for the build script and the tests: a page carries just the
//! forms.

/// The forms of a rule.
pub(crate) fn of(rule: &str) -> Option<&'static [&'static str]> {
    let forms: &[&str] = match rule {
        "none" => &["other"],
        "one" | "zero-one" => &["one", "other"],
        "czech" => &["one", "few", "other"],
        "polish" | "russian" => &["one", "few", "many"],
        "arabic" => &["zero", "one", "two", "few", "many", "other"],
        _ => return None,
    };
    Some(forms)
}
