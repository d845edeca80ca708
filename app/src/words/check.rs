//! Checks that every language is complete and has nothing superfluous.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use protocol::{ErrorCode, Language, Refusal};
use serde_json::Value;

use super::{SENTENCES, Words, forms};

pub(super) fn words(tag: &str) -> Words {
    Words::of(Language::parse(tag).unwrap())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn locales() -> BTreeMap<String, Value> {
    let files = fs::read_dir(root().join("locales")).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            let tag = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let keys = text.matches("\": ").count();
            let locale: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(keys, count(&locale), "{tag}: a key is there twice");
            (tag, locale)
        })
        .collect()
}

fn count(value: &Value) -> usize {
    value.as_object().into_iter().flatten().map(|(_, field)| 1 + count(field)).sum()
}

/// `group.key`, and each form of the sentence.
fn sentences(locale: &Value) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for (group, keys) in locale["sentences"].as_object().unwrap() {
        for (key, sentence) in keys.as_object().unwrap() {
            let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{group}.{key}")).to_owned();
            let forms = match sentence.as_object() {
                Some(forms) => forms.iter().map(|(form, said)| (form.clone(), text(said))).collect(),
                None => BTreeMap::from([(String::new(), text(sentence))]),
            };
            all.insert(format!("{group}.{key}"), forms);
        }
    }
    all
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
}

#[test]
fn each_language_says_what_english_says() {
    let locales = locales();
    let english = sentences(&locales["en"]);
    for (tag, locale) in &locales {
        let own = sentences(locale);
        let missing: Vec<_> = english.keys().filter(|key| !own.contains_key(*key)).collect();
        let unknown: Vec<_> = own.keys().filter(|key| !english.contains_key(*key)).collect();
        assert!(missing.is_empty() && unknown.is_empty(), "{tag}: missing {missing:?}, unknown {unknown:?}");
        let needed: BTreeSet<_> =
            forms::of(locale["plurals"].as_str().unwrap()).unwrap().iter().copied().collect();
        for (key, said) in &own {
            let in_english = &english[key];
            if !in_english.contains_key("") {
                let have: BTreeSet<_> = said.keys().map(String::as_str).collect();
                assert_eq!(have, needed, "{tag}: the plural forms of {key}");
            } else {
                assert!(said.contains_key(""), "{tag}: {key} has plural forms, and has none in English");
            }
            let wanted = placeholders(in_english.values().next_back().unwrap());
            for text in said.values() {
                assert_eq!(placeholders(text), wanted, "{tag}: the placeholders of {key}");
                assert!(
                    !text.trim().is_empty() && text.trim() == text,
                    "{tag}: {key} is empty, or begins or ends with a space"
                );
                assert!(!text.contains(|c: char| c.is_control() || c == '<'), "{tag}: {key}");
            }
        }
    }
}

#[test]
fn each_language_has_its_name_and_dates() {
    for (tag, locale) in &locales() {
        for key in ["name", "lang", "plurals", "separator"] {
            assert!(locale[key].as_str().is_some_and(|text| !text.is_empty()), "{tag}: {key}");
        }
        assert!(!locale["lang"].as_str().unwrap().contains(' '), "{tag}: lang");
        assert!(Language::parse(tag).is_some(), "{tag}: the file's name is no tag of a language");
        // The texts of the emoji picker, which `scripts/frontend.mjs` puts into the emoji file.
        let emoji = &locale["emoji"];
        for key in ["search", "none", "recent", "tone"] {
            assert!(emoji[key].as_str().is_some_and(|text| !text.is_empty()), "{tag}: emoji.{key}");
        }
        assert_eq!(emoji["groups"].as_array().map(Vec::len), Some(9), "{tag}: emoji.groups");
        assert_eq!(emoji["tones"].as_array().map(Vec::len), Some(6), "{tag}: emoji.tones");
        let dates = &locale["dates"];
        for (list, wanted) in [("months", 12), ("months_short", 12), ("weekdays", 7), ("weekdays_short", 7)] {
            let parts = dates[list].as_array().unwrap();
            let full = parts.iter().filter(|part| part.as_str().is_some_and(|text| !text.is_empty()));
            assert_eq!(full.count(), wanted, "{tag}: {list}");
        }
        for (pattern, needed) in [
            ("day", ["day"].as_slice()),
            ("day_of_year", &["day", "year"]),
            ("date", &["day"]),
            ("date_of_year", &["day", "year"]),
            ("moment", &["date", "time"]),
        ] {
            let used = placeholders(dates[pattern].as_str().unwrap());
            assert!(needed.iter().all(|name| used.contains(name)), "{tag}: {pattern}");
            let known = ["day", "month", "month_short", "month_number", "year", "weekday", "date", "time"];
            assert!(used.iter().all(|name| known.contains(name)), "{tag}: {pattern}");
        }
    }
}

/// The code of a folder, file by file, without white space.
fn code(folder: &str) -> Vec<(String, String)> {
    fn read(folder: &Path, files: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, files);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path.display().to_string(), text.split_whitespace().collect()));
            }
        }
    }
    let mut files = Vec::new();
    read(&root().join(folder), &mut files);
    files
}

fn says(code: &str, key: &str) -> bool {
    ["words.", "words().", "self."].iter().any(|of| code.contains(&format!("{of}{key}(")))
}

#[test]
fn each_sentence_is_used() {
    let files: Vec<_> = ["app/src", "server/src"].into_iter().flat_map(code).collect();
    let locales = locales();
    let keys = sentences(&locales["en"]).into_keys();
    let unused: Vec<_> = keys
        .filter(|key| {
            let (_, key) = key.split_once('.').unwrap();
            !files.iter().any(|(_, code)| says(code, key))
        })
        .collect();
    assert!(unused.is_empty(), "nothing says these: {unused:?}");
}

/// See `OUTSIDE` in `app/build.rs`: pages inside the app do not carry these groups.
#[test]
fn the_app_says_nothing_of_the_pages_outside_it() {
    let is_outside = |path: &str| {
        let pages = ["door", "set_up", "sign_in", "sign_up", "new_password"];
        path.contains("/plain/") || pages.iter().any(|page| path.ends_with(&format!("/pages/{page}.rs")))
    };
    let files: Vec<_> = code("app/src").into_iter().filter(|(path, _)| !is_outside(path)).collect();
    let locales = locales();
    for key in sentences(&locales["en"]).into_keys() {
        let (group, key) = key.split_once('.').unwrap();
        if ["doors", "set_up", "settings"].contains(&group) {
            let by = files.iter().find(|(_, code)| says(code, key)).map(|(path, _)| path);
            assert_eq!(by, None, "{group}.{key} is said inside the app: it belongs to another group");
        }
    }
}

#[test]
fn no_key_is_in_two_groups() {
    let locales = locales();
    let keys = sentences(&locales["en"]);
    let alone: BTreeSet<_> = keys.keys().filter_map(|key| key.split_once('.')).map(|(_, key)| key).collect();
    assert_eq!(alone.len(), keys.len());
}

/// The browser parses exactly what the server has drawn with.
#[test]
fn both_sides_have_the_same_words() {
    for tag in locales().keys() {
        let server = words(tag);
        let browser = Words::from_text(server.text().leak());
        assert_eq!(browser, server, "{tag}");
        let inside = Words::from_text(server.text_inside().leak());
        assert!(server.0.starts_with(inside.0) && inside.0.len() < server.0.len(), "{tag}");
        assert_eq!(server.0.len(), SENTENCES + sentences(&locales()["en"]).len(), "{tag}");
        assert!(server.0.iter().all(|line| !line.is_empty()), "{tag}");
    }
}

#[test]
fn a_number_has_its_plural_and_a_name_its_place() {
    let [en, zh, fr] = [words("en"), words("zh-CN"), words("fr")];
    assert_eq!([en.members_count(1), en.members_count(2_usize)], ["1 member", "2 members"]);
    assert_eq!([zh.members_count(1), zh.members_count(2)], ["1 位成员", "2 位成员"]);
    assert_eq!([fr.uses_left(0), fr.uses_left(2)], ["0 utilisation restante", "2 utilisations restantes"]);
    assert_eq!(en.remove_from("Bea", "#harbour"), "Remove Bea from #harbour?");
    assert_eq!(words("ja").remove_from("Bea", "#harbour"), "Beaさんを #harbour から外しますか？");
    assert_eq!(en.names(&["Bea", "Cem"], 2), "Bea, Cem and 2 more");
    assert_eq!(en.read_by(&["Bea"], 3), "Read by Bea");
    assert_eq!(en.new_messages(400), "99+ new messages");
    assert_eq!(words("de").device("Firefox on Linux"), "Firefox unter Linux");
    assert_eq!(en.said("a {0} b", "{1}"), "a {0} b: {1}");
}

#[test]
fn a_refusal_says_what_is_allowed() {
    let said = |code| words("en").refusal(&Refusal::new(code).max(64));
    assert_eq!(said(ErrorCode::TextTooLong), "Use at most 64 characters.");
    assert_eq!(said(ErrorCode::PasswordTooShort), "Use at least 64 characters.");
    assert_eq!(said(ErrorCode::CredentialsWrong), "Wrong handle or password.");
}

#[test]
fn languages_call_themselves_by_their_own_names() {
    let names: Vec<_> = words("en").languages().map(|choice| choice.name).collect();
    assert!(
        ["Deutsch", "English", "Español", "Français", "Português (Brasil)", "日本語", "简体中文"]
            .iter()
            .all(|name| names.contains(name)),
        "{names:?}"
    );
    let chinese = words("ja").languages().find(|choice| choice.tag == "zh-CN").unwrap();
    assert_eq!((chinese.lang, chinese.name), ("zh-Hans", "简体中文"));
    assert_eq!(words("zh-CN").lang(), "zh-Hans");
}
