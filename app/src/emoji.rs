//! The emoji of the page's language: their names, and search.
//!
//! `scripts/frontend.mjs` generates a file of them for each language. No page waits for it: the
//! first use fetches it ([`load`]), and from then on it is [`known`] for the lifetime of the page.

use std::cell::Cell;

use crate::{browser, state::Chat};

/// An emoji.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its characters.
    pub(crate) sign: &'static str,
    /// The same in the first skin tone; empty if it has no skin tones.
    toned: &'static str,
    /// Its name in the page's language.
    pub(crate) name: &'static str,
    /// Its short names, typed between colons, such as `+1 thumbsup`.
    shorts: &'static str,
    /// Search keywords, in lower case: `good,hand,like`.
    words: &'static str,
    /// The number of its group.
    pub(crate) group: usize,
}

/// All emoji, in Unicode's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Emojis {
    /// The texts of the picker: the search, no results, recently used, and the skin tones.
    pub(crate) says: [&'static str; 4],
    /// The names of the skin tones; the first is none.
    pub(crate) tones: Vec<&'static str>,
    /// The names of the groups.
    pub(crate) groups: Vec<&'static str>,
    pub(crate) all: Vec<Entry>,
}

/// The skin tone modifiers of Unicode. In the file, the first one stands for all.
const TONES: [&str; 5] = ["\u{1F3FB}", "\u{1F3FC}", "\u{1F3FD}", "\u{1F3FE}", "\u{1F3FF}"];

impl Entry {
    /// Its characters in a skin tone: 1 is the lightest, 0 is none.
    pub(crate) fn in_tone(&self, tone: usize) -> String {
        match tone.checked_sub(1).and_then(|tone| TONES.get(tone)) {
            Some(tone) if !self.toned.is_empty() => self.toned.replace(TONES[0], tone),
            Some(_) | None => self.sign.to_owned(),
        }
    }

    /// Its most common short name.
    pub(crate) fn short(&self) -> &'static str {
        self.shorts.split(' ').next().unwrap_or_default()
    }

    /// How well it matches a word in lower case without accents. Lower is better.
    fn rank(&self, word: &str) -> Option<usize> {
        let begins = |text: &str| text.split(' ').any(|part| part.starts_with(word));
        let is_name = |text: &str| text.split([' ', '_', '-']).any(|part| part.starts_with(word));
        let name = crate::text::lower(self.name);
        let words = || self.words.split(',');
        if name == word || self.shorts.split(' ').any(|short| short == word) {
            Some(0)
        } else if name.starts_with(word) || begins(self.shorts) {
            Some(1)
        } else if words().any(|found| found == word) {
            Some(2)
        } else if is_name(&name) || is_name(self.shorts) {
            Some(3)
        } else if words().any(begins) {
            Some(4)
        } else if name.contains(word) || self.words.contains(word) {
            Some(5)
        } else {
            None
        }
    }
}

impl Emojis {
    /// Parses an emoji file; `None` if it is not one.
    pub(crate) fn read(text: &'static str) -> Option<Self> {
        let mut emojis = Self::default();
        for line in text.lines() {
            // The licence of the names.
            if line.starts_with("//") || line.is_empty() {
                continue;
            }
            if let Some(words) = line.strip_prefix('@') {
                if emojis.says[0].is_empty() {
                    let mut says = words.split('\t');
                    emojis.says = [(); 4].map(|()| says.next().unwrap_or_default());
                } else {
                    emojis.tones = words.split('\t').collect();
                }
            } else if let Some(group) = line.strip_prefix('#').filter(|_| !line.contains('\t')) {
                emojis.groups.push(group);
            } else {
                let mut parts = line.split('\t');
                let mut part = || parts.next();
                emojis.all.push(Entry {
                    sign: part()?,
                    toned: part()?,
                    name: part()?,
                    shorts: part()?,
                    words: part()?,
                    group: emojis.groups.len().checked_sub(1)?,
                });
            }
        }
        (!emojis.all.is_empty()).then_some(emojis)
    }

    /// The emoji with this short name.
    pub(crate) fn named(&self, short: &str) -> Option<&Entry> {
        let short = short.to_ascii_lowercase();
        self.all.iter().find(|entry| entry.shorts.split(' ').any(|known| known == short))
    }

    /// The emoji with these characters, in any skin tone.
    pub(crate) fn of(&self, sign: &str) -> Option<&Entry> {
        let bare: String = sign.chars().filter(|c| !is_shade(*c)).collect();
        let is_same = |known: &str| known.chars().filter(|c| !is_shade(*c)).eq(bare.chars());
        self.all.iter().find(|entry| is_same(entry.sign))
    }

    /// The emoji that match a query, best first. The query must be folded as the file is.
    pub(crate) fn search(&self, query: &str, max: usize) -> Vec<&Entry> {
        let words: Vec<&str> = query.split([' ', '_']).filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Vec::new();
        }
        let whole = [query.trim()];
        let rank = |entry: &Entry| {
            let of = |words: &[&str]| {
                words.iter().map(|word| entry.rank(word)).max_by_key(|rank| rank.unwrap_or(usize::MAX))
            };
            // Either each word matches, or all of them together as one.
            let each =
                words.iter().all(|word| entry.rank(word).is_some()).then(|| of(&words)).flatten().flatten();
            let one = of(&whole).flatten();
            match (each, one) {
                (Some(each), Some(one)) => Some(each.min(one)),
                (each, one) => each.or(one),
            }
        };
        let mut found: Vec<(usize, &Entry)> =
            self.all.iter().filter_map(|entry| Some((rank(entry)?, entry))).collect();
        client::sort_by(&mut found, |(a, _), (b, _)| a.cmp(b));
        found.into_iter().map(|(_, entry)| entry).take(max).collect()
    }

    /// Replaces short names between colons with emoji. Names in code and unknown names stay.
    pub(crate) fn in_text(&self, text: &str, tone: usize) -> String {
        let mut changed = String::new();
        let mut done = 0;
        for name in short_names(text) {
            // The name is a slice of `text`.
            let from = (name.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize).wrapping_sub(1);
            let (Some(before), Some(entry)) = (text.get(done..from), self.named(name)) else { continue };
            changed.push_str(before);
            changed.push_str(&entry.in_tone(tone));
            done = from + name.len() + 2;
        }
        changed.push_str(text.get(done..).unwrap_or_default());
        changed
    }
}

/// The short names between colons in a message, in order, as the parser finds them: none in code.
fn short_names(text: &str) -> Vec<&str> {
    fn walk<'a>(nodes: markup::Nodes<'_, 'a>, names: &mut Vec<&'a str>) {
        for node in nodes {
            if let markup::Kind::Emoji(name) = node.kind {
                names.push(name);
            }
            walk(node.children, names);
        }
    }
    let document = markup::parse(text);
    let mut names = Vec::new();
    walk(document.blocks(), &mut names);
    names
}

/// A skin tone, or the emoji variation selector.
fn is_shade(c: char) -> bool {
    matches!(c, '\u{1F3FB}'..='\u{1F3FF}' | '\u{FE0F}')
}

/// A message that consists of `+` and one emoji: it is not sent, but added to the last message as a
/// reaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plus {
    /// Any other message.
    Text,
    /// By its short name.
    Named(String),
    /// By its characters.
    Sign(String),
}

impl Plus {
    pub(crate) fn of(text: &str) -> Self {
        let Some(rest) = text.trim().strip_prefix('+') else { return Self::Text };
        if let Some(name) = rest.strip_prefix(':').and_then(|name| name.strip_suffix(':')) {
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+');
            return match !name.is_empty() && name.chars().all(is_name) {
                true => Self::Named(name.to_owned()),
                false => Self::Text,
            };
        }
        match crate::text::pictures(rest) {
            Some(1) => Self::Sign(rest.to_owned()),
            Some(_) | None => Self::Text,
        }
    }
}

/// The user's emoji preferences, stored in this browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Habits {
    /// The skin tone, from 1; 0 is none.
    pub(crate) tone: usize,
    /// The recently used emoji, latest first.
    pub(crate) recent: Vec<String>,
}

/// The key under which they are stored.
const KEPT_AS: &str = "emoji";
/// The most recently used emoji to keep.
const RECENT_MAX: usize = 24;

impl Habits {
    pub(crate) fn of(chat: Chat) -> Self {
        Self::read(&chat.habit(KEPT_AS))
    }

    /// Records that an emoji was chosen.
    pub(crate) fn used(mut self, chat: Chat, sign: &str) {
        self.remember(sign);
        self.keep(chat);
    }

    pub(crate) fn keep(&self, chat: Chat) {
        chat.keep_habit(KEPT_AS, &self.text());
    }

    fn remember(&mut self, sign: &str) {
        self.recent.retain(|known| known != sign);
        self.recent.insert(0, sign.to_owned());
        self.recent.truncate(RECENT_MAX);
    }

    /// `2 👍🏼 🎉`
    fn text(&self) -> String {
        format!("{} {}", self.tone, self.recent.join(" "))
    }

    fn read(text: &str) -> Self {
        let mut parts = text.split_whitespace();
        let tone = parts.next().and_then(|tone| tone.parse().ok()).filter(|tone| *tone <= TONES.len());
        // Anything else in the stored text is not offered.
        let recent = parts.filter(|sign| crate::text::pictures(sign) == Some(1)).take(RECENT_MAX);
        Self { tone: tone.unwrap_or_default(), recent: recent.map(ToOwned::to_owned).collect() }
    }
}

thread_local! {
    /// The emoji of this page.
    static KNOWN: Cell<Option<&'static Emojis>> = const { Cell::new(None) };
}

/// The emoji, if they have been loaded.
pub(crate) fn known() -> Option<&'static Emojis> {
    KNOWN.get()
}

/// Loads the emoji, unless they are loaded already. `None` if that fails now.
pub(crate) async fn load() -> Option<&'static Emojis> {
    if let Some(known) = known() {
        return Some(known);
    }
    let text = browser::fetch_text(&browser::emoji_address()?).await?;
    // Another task may have loaded them meanwhile.
    if known().is_none() {
        KNOWN.set(Some(Box::leak(Box::new(Emojis::read(text.leak())?))));
    }
    known()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "//emojibase-data\n//MIT\n@Suchen\tNichts\tZuletzt\tHautton\n@Standard\thell\tb\tc\td\tdunkel\n\
#Smileys\n😄\t\tgrinsendes Gesicht\tsmile\tlachen,happy,joy\n😺\t\tgrinsende Katze\tsmiley_cat\tkatze,cat,smile\n\
#Menschen\n👍\t👍🏻\tDaumen hoch\t+1 thumbsup\tgut,good,thumbs up\n🧑‍🤝‍🧑\t🧑🏻‍🤝‍🧑🏻\tMenschen\tpeople_holding_hands\tpaar,couple\n\
#️⃣\t\tTaste\thash\traute,hash\n\
#Symbole\n❤️\t\trotes Herz\theart\tliebe,love,coracao\n";

    fn signs(query: &str) -> Vec<&'static str> {
        let emojis: &'static Emojis = Box::leak(Box::new(Emojis::read(FILE).unwrap()));
        emojis.search(query, 9).into_iter().map(|entry| entry.sign).collect()
    }

    #[test]
    fn a_file_is_read() {
        let emojis = Emojis::read(FILE).unwrap();
        assert_eq!(emojis.says, ["Suchen", "Nichts", "Zuletzt", "Hautton"]);
        assert_eq!(emojis.tones.len(), 6);
        assert_eq!(emojis.groups, ["Smileys", "Menschen", "Symbole"]);
        assert_eq!(emojis.all.len(), 6);
        assert_eq!(emojis.all[4].sign, "#️⃣");
        for broken in ["", "404", "#Smileys\n😄\tx", "😄\t\tx\tx\tx"] {
            assert_eq!(Emojis::read(broken), None, "{broken}");
        }
    }

    #[test]
    fn one_is_found_in_both_languages() {
        assert_eq!(signs("grinsend"), ["😄", "😺"]);
        assert_eq!(signs("smile"), ["😄", "😺"]);
        assert_eq!(signs("daumen"), ["👍"]);
        assert_eq!(signs("thumbs up"), ["👍"]);
        assert_eq!(signs("holding hands"), ["🧑‍🤝‍🧑"]);
        assert_eq!(signs("+1"), ["👍"]);
        assert_eq!(signs("coracao"), ["❤️"]);
        assert_eq!(signs("anzug"), [""; 0]);
        assert_eq!(signs(" "), [""; 0]);
    }

    #[test]
    fn a_skin_tone_is_put_on_where_there_is_skin() {
        let emojis = Emojis::read(FILE).unwrap();
        let thumb = emojis.named("THUMBSUP").unwrap();
        assert_eq!([0, 1, 5, 6].map(|tone| thumb.in_tone(tone)), ["👍", "👍🏻", "👍🏿", "👍"]);
        assert_eq!(emojis.named("people_holding_hands").unwrap().in_tone(3), "🧑🏽‍🤝‍🧑🏽");
        assert_eq!(emojis.named("heart").unwrap().in_tone(3), "❤️");
        assert_eq!(emojis.of("👍🏽"), Some(thumb));
        assert_eq!(emojis.of("❤").map(Entry::short), Some("heart"));
    }

    #[test]
    fn short_names_become_emoji_but_not_in_code() {
        let emojis = Emojis::read(FILE).unwrap();
        let sent = |text| emojis.in_text(text, 2);
        assert_eq!(sent("ok :smile: and :+1:!"), "ok 😄 and 👍🏼!");
        assert_eq!(sent(":smile::heart:"), "😄❤️");
        assert_eq!(sent("**:heart:** 好:heart:"), "**❤️** 好❤️");
        for same in
            [":nobody:", "`:smile:` a", "```\n:smile:\n```", "a:smile:", "10:smile", "", "std::smile::x"]
        {
            assert_eq!(sent(same), same);
        }
        assert_eq!(sent("```\n:smile:\n```\n> :smile:"), "```\n:smile:\n```\n> 😄");
    }

    #[test]
    fn what_was_used_last_comes_first() {
        let mut habits = Habits::default();
        for sign in ["👍🏼", "🎉", "👍🏼", "❤️"] {
            habits.remember(sign);
        }
        habits.tone = 2;
        assert_eq!(habits.recent, ["❤️", "👍🏼", "🎉"]);
        assert_eq!(Habits::read(&habits.text()), habits);
        for n in 0..30 {
            habits.remember(&format!("{n}"));
        }
        assert_eq!(habits.recent.len(), RECENT_MAX);
        assert_eq!(Habits::read("9 <b> 👍 👍👍"), Habits { tone: 0, recent: vec!["👍".to_owned()] });
        assert_eq!(Habits::read(""), Habits::default());
    }

    #[test]
    fn a_plus_before_one_emoji_reacts() {
        assert_eq!(Plus::of("+:smile:"), Plus::Named("smile".to_owned()));
        assert_eq!(Plus::of(" +:+1: "), Plus::Named("+1".to_owned()));
        assert_eq!(Plus::of("+😄"), Plus::Sign("😄".to_owned()));
        for text in ["+", "+1", "+: :", "+::", "+:a b:", "+😄😄", "+😄 yes", "😄", "+:smile: yes", "2+:x:"]
        {
            assert_eq!(Plus::of(text), Plus::Text, "{text}");
        }
    }
}
