//! What changed between two texts, word by word.
//!
//! What both begin and end with is set aside. The words between are compared by their longest common
//! subsequence, which takes the product of their numbers in time and memory. Beyond [`CELLS_MAX`], all of
//! them count as replaced.
//!
//! Law: the parts that are not added are the old text, those that are not removed the new one.

/// The most comparisons of two words: about 300 words against as many.
const CELLS_MAX: usize = 100_000;

/// What became of a part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in both texts.
    Kept,
    /// It is only in the old one.
    Removed,
    /// It is only in the new one.
    Added,
}

/// What changed between two texts: their parts in order. Of what was replaced, the removed part comes
/// first. No two parts in a row have the same fate, and none is empty.
#[must_use]
pub fn diff(old: &str, new: &str) -> Vec<(Fate, String)> {
    let (old, new) = (words(old), words(new));
    let before = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[before..], &new[before..]);
    let after = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_rest, end) = old_rest.split_at(old_rest.len() - after);
    let new_rest = &new_rest[..new_rest.len() - after];
    let mut parts = Parts::default();
    parts.keep(&old[..before]);
    for (removed, added, kept) in changes(old_rest, new_rest) {
        parts.replace(removed, added);
        parts.keep(kept);
    }
    parts.keep(end);
    parts.finish()
}

/// A change: the words that were removed, those that were added in their place, and the words after
/// them that stayed.
type Change<'a, 'b> = (&'b [&'a str], &'b [&'a str], &'b [&'a str]);

fn changes<'a, 'b>(old: &'b [&'a str], new: &'b [&'a str]) -> Vec<Change<'a, 'b>> {
    if old.len().saturating_mul(new.len()) > CELLS_MAX {
        return vec![(old, new, &[])];
    }
    let common = common_lengths(old, new);
    let at = |i: usize, j: usize| common[i * (new.len() + 1) + j];
    let (mut i, mut j) = (0, 0);
    let mut changes = Vec::new();
    while i < old.len() || j < new.len() {
        let (from_old, from_new) = (i, j);
        while i < old.len() && j < new.len() && old[i] != new[j] {
            if at(i + 1, j) >= at(i, j + 1) { i += 1 } else { j += 1 }
        }
        if i == old.len() || j == new.len() {
            (i, j) = (old.len(), new.len());
        }
        let kept = old[i..].iter().zip(&new[j..]).take_while(|(a, b)| a == b).count();
        changes.push((&old[from_old..i], &new[from_new..j], &old[i..i + kept]));
        (i, j) = (i + kept, j + kept);
    }
    changes
}

/// The length of the longest common subsequence of every two ends of the lists, row by row.
fn common_lengths(old: &[&str], new: &[&str]) -> Vec<u16> {
    let width = new.len() + 1;
    let mut lengths = vec![0; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i * width + j] = match old[i] == new[j] {
                true => lengths[(i + 1) * width + j + 1] + 1,
                false => lengths[(i + 1) * width + j].max(lengths[i * width + j + 1]),
            };
        }
    }
    lengths
}

/// What a character is to a reader.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Space,
    /// A sign, or a character of a script without spaces between words.
    Alone,
}

impl Kind {
    fn of(c: char) -> Self {
        // From here on: Chinese, Japanese, Korean, and emoji.
        const DENSE: char = '\u{2E80}';
        match c {
            _ if c.is_whitespace() => Self::Space,
            _ if c.is_alphanumeric() && c < DENSE => Self::Word,
            _ => Self::Alone,
        }
    }
}

/// Whether a character belongs to the one before it: accents, variants and skin tones.
fn is_joined(c: char) -> bool {
    matches!(c, JOINER | '\u{300}'..='\u{36F}' | '\u{FE00}'..='\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}')
}

/// Joins the emoji on both sides of it.
const JOINER: char = '\u{200D}';

/// The words of a text; spaces and signs are words of their own.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut from, mut last) = (0, None::<(char, Kind)>);
    for (at, c) in text.char_indices() {
        match last {
            Some((before, kind)) if before == JOINER || is_joined(c) => last = Some((c, kind)),
            Some((_, kind)) if kind == Kind::of(c) && kind != Kind::Alone => last = Some((c, kind)),
            Some(_) => {
                words.push(&text[from..at]);
                (from, last) = (at, Some((c, Kind::of(c))));
            }
            None => last = Some((c, Kind::of(c))),
        }
    }
    if from < text.len() {
        words.push(&text[from..]);
    }
    words
}

/// The parts, joined as they come. A change is held until it is known what follows it: spaces between two
/// changes belong to both, so that a rewritten sentence is shown as one.
#[derive(Default)]
struct Parts {
    done: Vec<(Fate, String)>,
    removed: String,
    added: String,
    /// Kept spaces after the change.
    spaces: String,
}

impl Parts {
    fn replace(&mut self, removed: &[&str], added: &[&str]) {
        if removed.is_empty() && added.is_empty() {
            return;
        }
        let spaces = std::mem::take(&mut self.spaces);
        self.removed.push_str(&spaces);
        self.added.push_str(&spaces);
        self.removed.extend(removed.iter().copied());
        self.added.extend(added.iter().copied());
    }

    fn keep(&mut self, words: &[&str]) {
        let kept = words.concat();
        let has_change = !(self.removed.is_empty() && self.added.is_empty());
        if has_change && kept.trim().is_empty() {
            self.spaces.push_str(&kept);
            return;
        }
        self.flush();
        match self.done.last_mut() {
            Some((Fate::Kept, text)) => text.push_str(&kept),
            _ => self.push(Fate::Kept, kept),
        }
    }

    fn flush(&mut self) {
        let [removed, added, spaces] =
            [&mut self.removed, &mut self.added, &mut self.spaces].map(std::mem::take);
        self.push(Fate::Removed, removed);
        self.push(Fate::Added, added);
        self.push(Fate::Kept, spaces);
    }

    fn push(&mut self, fate: Fate, text: String) {
        if !text.is_empty() {
            self.done.push((fate, text));
        }
    }

    fn finish(mut self) -> Vec<(Fate, String)> {
        self.flush();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `kept [-removed-] {+added+}`.
    fn shown(old: &str, new: &str) -> String {
        let show = |(fate, text): (Fate, String)| match fate {
            Fate::Kept => text,
            Fate::Removed => format!("[-{text}-]"),
            Fate::Added => format!("{{+{text}+}}"),
        };
        diff(old, new).into_iter().map(show).collect()
    }

    #[test]
    fn words_are_compared_as_a_reader_does() {
        for (old, new, wanted) in [
            ("", "", ""),
            ("same", "same", "same"),
            ("", "all new", "{+all new+}"),
            ("Lunch at nine.", "Lunch at ten.", "Lunch at [-nine-]{+ten+}."),
            ("Lunch at nine", "Lunch today at nine", "Lunch {+today +}at nine"),
            ("Lunch today at nine", "Lunch at nine", "Lunch [-today -]at nine"),
            ("a red boat", "a blue ship", "a [-red boat-]{+blue ship+}"),
            ("one\ntwo", "one\n\ntwo", "one[-\n-]{+\n\n+}two"),
            ("**long** rope", "*long* rope", "*[-*-]long[-*-]* rope"),
            ("航线周六出发", "航线周日出发", "航线周[-六-]{+日+}出发"),
            ("tea? 👩‍🍳", "tea? 👩‍🚀", "tea? [-👩‍🍳-]{+👩‍🚀+}"),
            ("the sea", "the sea and the sky", "the sea{+ and the sky+}"),
            ("a b c d", "x b y d", "[-a-]{+x+} b [-c-]{+y+} d"),
        ] {
            assert_eq!(shown(old, new), wanted, "{old:?} {new:?}");
        }
    }

    #[test]
    fn long_texts_are_replaced_as_a_whole_and_quickly() {
        let text = |word: &str| format!("begins {} ends", format!("{word} ").repeat(1_500));
        let parts = diff(&text("old"), &text("new"));
        let fates: Vec<Fate> = parts.iter().map(|(fate, _)| *fate).collect();
        assert_eq!(fates, [Fate::Kept, Fate::Removed, Fate::Added, Fate::Kept]);
        assert_eq!(parts[0].1, "begins ");
    }

    proptest! {
        #[test]
        fn both_texts_are_in_the_parts(old in "[ab \n船.é👍\u{200D}]{0,40}", new in "[ab \n船.é👍\u{200D}]{0,40}") {
            let parts = diff(&old, &new);
            let without = |unwanted: Fate| -> String {
                parts.iter().filter(|(fate, _)| *fate != unwanted).map(|(_, text)| text.as_str()).collect()
            };
            prop_assert_eq!(without(Fate::Added), old);
            prop_assert_eq!(without(Fate::Removed), new);
            prop_assert!(parts.iter().all(|(_, text)| !text.is_empty()));
            prop_assert!(parts.windows(2).all(|pair| pair[0].0 != pair[1].0));
        }
    }
}
