//! Plural rules.
//!
//! Only integers are counted here, and never millions, so the category that French, Spanish and
//! Portuguese have for millions is left out.

/// The index of the form for `n`, among those in `forms.rs`. An unknown rule has one form.
pub(super) fn form(rule: &str, n: u64) -> usize {
    let (ten, hundred) = (n % 10, n % 100);
    match rule {
        // English, German, Spanish, Italian, Dutch, Swedish …
        "one" => usize::from(n != 1),
        // French, Brazilian Portuguese.
        "zero-one" => usize::from(n > 1),
        // Czech, Slovak.
        "czech" => match n {
            1 => 0,
            2..=4 => 1,
            _ => 2,
        },
        "polish" => match (n, ten, hundred) {
            (1, ..) => 0,
            (_, 2..=4, 0..=11 | 15..) => 1,
            _ => 2,
        },
        // Russian, Ukrainian.
        "russian" => match (ten, hundred) {
            (1, 0..=10 | 12..) => 0,
            (2..=4, 0..=11 | 15..) => 1,
            _ => 2,
        },
        "arabic" => match (n, hundred) {
            (0, _) => 0,
            (1, _) => 1,
            (2, _) => 2,
            (_, 3..=10) => 3,
            (_, 11..) => 4,
            _ => 5,
        },
        // Chinese, Japanese, Korean, Vietnamese …: `none`.
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::form;
    use crate::words::forms;

    #[test]
    fn each_number_has_its_form() {
        let named = |rule: &str, n: u64| forms::of(rule).unwrap()[form(rule, n)];
        for (rule, wanted) in [
            ("none", [(0, "other"), (1, "other"), (5, "other")].as_slice()),
            ("one", &[(0, "other"), (1, "one"), (2, "other"), (21, "other")]),
            ("zero-one", &[(0, "one"), (1, "one"), (2, "other")]),
            ("czech", &[(1, "one"), (3, "few"), (5, "other"), (0, "other"), (22, "other")]),
            ("polish", &[(1, "one"), (3, "few"), (5, "many"), (13, "many"), (21, "many"), (23, "few")]),
            (
                "russian",
                &[(1, "one"), (21, "one"), (11, "many"), (3, "few"), (13, "many"), (5, "many"), (0, "many")],
            ),
            (
                "arabic",
                &[(0, "zero"), (2, "two"), (103, "few"), (11, "many"), (100, "other"), (102, "other")],
            ),
        ] {
            for (n, category) in wanted {
                assert_eq!(named(rule, *n), *category, "{rule}: {n}");
            }
            assert!((0..2_000).all(|n| form(rule, n) < forms::of(rule).unwrap().len()), "{rule}");
        }
    }
}
