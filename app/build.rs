//! Generates one method per sentence from `locales/*.json`, and the text that a page carries for
//! each language.
//!
//! The keys are those of `en.json`. A language that lacks a key falls back to English;
//! `words/check.rs` then fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::Value;

#[path = "src/words/forms.rs"]
mod forms;

/// A locale's facts about itself and its dates, in this order, before the sentences. `words/mod.rs`
/// relies on the order.
const HEAD: [&str; 12] = [
    "/lang",
    "/plurals",
    "/separator",
    "/dates/months",
    "/dates/months_short",
    "/dates/weekdays",
    "/dates/weekdays_short",
    "/dates/day",
    "/dates/day_of_year",
    "/dates/date",
    "/dates/date_of_year",
    "/dates/moment",
];
/// The groups used only by pages outside the app and by server-drawn pages. Pages inside the app do
/// not carry them, so they come last. `words/check.rs` fails if the app uses one of them.
const OUTSIDE: [&str; 3] = ["doors", "set_up", "settings"];
const OF_DATES: [&str; 8] =
    ["day", "month", "month_short", "month_number", "year", "weekday", "date", "time"];

/// Keyed by whether the group is in [`OUTSIDE`], then by the sentence's key.
type Sentences = BTreeMap<(bool, String), Value>;

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../locales");
    println!("cargo:rerun-if-changed={}", folder.display());
    println!("cargo:rerun-if-changed=src/words/forms.rs");
    let locales: BTreeMap<String, Value> = fs::read_dir(&folder)
        .expect("the folder `locales` is there")
        .filter_map(|entry| {
            let path = entry.expect("the folder `locales` can be read").path();
            let tag = path.file_name()?.to_str()?.strip_suffix(".json")?.to_owned();
            let text = fs::read_to_string(&path).expect("a locale can be read");
            let locale = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            Some((tag, locale))
        })
        .collect();
    let english = sentences(locales.get("en").expect("`en.json` is there"));
    let to = std::env::var("OUT_DIR").expect("cargo names a folder");
    let write =
        |name: &str, code: String| fs::write(Path::new(&to).join(name), code).expect("it can be written");
    write("words_methods.rs", methods(&english));
    write("words_locales.rs", texts(&locales, &english));
}

/// Apart from [`OUTSIDE`], groups only help people who read the file.
fn sentences(locale: &Value) -> Sentences {
    let groups = locale["sentences"].as_object().into_iter().flatten();
    let all = groups.flat_map(|(group, keys)| {
        let is_outside = OUTSIDE.contains(&group.as_str());
        let keys = keys.as_object().into_iter().flatten();
        keys.map(move |(key, sentence)| ((is_outside, key.clone()), sentence.clone()))
    });
    all.collect()
}

/// The placeholders of a sentence, in the order of the method's arguments: the number first, the
/// others sorted by name, so that rewording a sentence does not change the signature.
fn placeholders(sentence: &Value) -> Vec<String> {
    let forms = sentence.as_object();
    let texts = forms.map_or_else(|| vec![sentence], |forms| forms.values().collect());
    let mut names = BTreeSet::new();
    for text in texts.iter().filter_map(|text| text.as_str()) {
        names.extend(text.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0.to_owned())));
    }
    let number = forms.map(|_| "n".to_owned());
    names.remove("n");
    number.into_iter().chain(names).collect()
}

fn methods(english: &Sentences) -> String {
    let inside = english.keys().filter(|(is_outside, _)| !is_outside).count();
    let mut code = format!(
        "/// How many sentences the app says.\n#[cfg(feature = \"ssr\")]\nconst INSIDE: usize = {inside};\nimpl Words {{\n"
    );
    for (at, ((_, key), sentence)) in english.iter().enumerate() {
        let is_counted = sentence.is_object();
        let shown = if is_counted { &sentence["other"] } else { sentence };
        let names = placeholders(sentence);
        let others = names.iter().skip(usize::from(is_counted)).cloned().collect::<Vec<_>>();
        let arguments: String = others.iter().map(|name| format!(", {name}: &str")).collect();
        let with = others.join(", ");
        let (arguments, returned, body) = match (is_counted, others.is_empty()) {
            (true, _) => (
                format!(", n: impl TryInto<u64>{arguments}"),
                "String",
                format!("self.counted({at}, n.try_into().unwrap_or(u64::MAX), &[{with}])"),
            ),
            (false, true) => (String::new(), "&'static str", format!("self.sentence({at})")),
            (false, false) => (arguments, "String", format!("filled(self.sentence({at}), &[{with}])")),
        };
        code += &format!(
            "    #[doc = {shown}]\n    #[must_use]\n    pub fn {key}(self{arguments}) -> {returned} {{ {body} }}\n"
        );
    }
    code + "}\n"
}

/// `LOCALES`: the tag and text of each language. The lines are the head, all languages by their own
/// names, then the sentences, those of the app first. Tabs separate plural forms and list entries.
fn texts(locales: &BTreeMap<String, Value>, english: &Sentences) -> String {
    let mut names: Vec<String> = locales
        .iter()
        .map(|(tag, locale)| format!("{} {tag} {}", text(&locale["lang"], &[]), text(&locale["name"], &[])))
        .collect();
    names.sort_by_key(|name| {
        name.split_once(' ').and_then(|(_, name)| Some(name.split_once(' ')?.1.to_owned()))
    });
    let names = names.join("\t");
    let mut code = format!("static LOCALES: [(&str, &str); {}] = [\n", locales.len());
    for (tag, locale) in locales {
        let own = sentences(locale);
        let of_dates = OF_DATES.map(str::to_owned);
        let head = HEAD.map(|at| text(locale.pointer(at).unwrap_or(&Value::Null), &of_dates));
        let rule = head[1].as_str();
        let forms =
            forms::of(rule).unwrap_or_else(|| panic!("locales/{tag}.json: no rule `{rule}` for plurals"));
        let lines = english.iter().map(|(key, in_english)| {
            let names = placeholders(in_english);
            let of_english = forms::of("one").unwrap_or_default();
            match own.get(key) {
                Some(sentence) => line(sentence, &names, forms),
                None => line(in_english, &names, of_english),
            }
        });
        let lines: Vec<String> = head.iter().cloned().chain([names.clone()]).chain(lines).collect();
        code += &format!("    ({tag:?}, {:?}),\n", lines.join("\n"));
    }
    code + "];\n"
}

fn line(sentence: &Value, names: &[String], forms: &[&str]) -> String {
    match sentence.is_object() {
        true => forms.iter().map(|form| text(&sentence[form], names)).collect::<Vec<_>>().join("\t"),
        false => text(sentence, names),
    }
}

/// Replaces each placeholder's name with its number. Drops anything that could end the line or the
/// script element that carries it.
fn text(value: &Value, names: &[String]) -> String {
    if let Some(list) = value.as_array() {
        return list.iter().map(|part| text(part, names)).collect::<Vec<_>>().join("\t");
    }
    let mut text = value.as_str().unwrap_or_default().replace(|c: char| c.is_control() || c == '<', "");
    for (at, name) in names.iter().enumerate() {
        text = text.replace(&format!("{{{name}}}"), &format!("{{{at}}}"));
    }
    text
}
