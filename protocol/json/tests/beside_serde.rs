//! Both readers agree on any text.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;
use roost_json::{Error, FromJson, Value};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value as Theirs};

fn same(ours: &Value, theirs: &Theirs) -> bool {
    match (ours, theirs) {
        (Value::Null, Theirs::Null) => true,
        (Value::Bool(a), Theirs::Bool(b)) => a == b,
        (Value::Int(a), Theirs::Number(b)) => Some(*a) == b.as_i64(),
        // serde_json reads "-0" as a float.
        (Value::OtherNumber, Theirs::Number(b)) => b.as_i64().is_none(),
        (Value::String(a), Theirs::String(b)) => a == b,
        (Value::Array(a), Theirs::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Theirs::Object(b)) => {
            let mut a = a.clone();
            b.iter().all(|(name, b)| a.take(name).is_some_and(|a| same(&a, b))) && a == Default::default()
        }
        _ => false,
    }
}

fn any_json() -> impl Strategy<Value = Theirs> {
    let leaf = prop_oneof![
        Just(Theirs::Null),
        any::<bool>().prop_map(Theirs::Bool),
        any::<i64>().prop_map(|n| Theirs::Number(n.into())),
        any::<u64>().prop_map(|n| Theirs::Number(n.into())),
        (-1e300..1e300).prop_map(|n: f64| Number::from_f64(n).map_or(Theirs::Null, Theirs::Number)),
        any::<String>().prop_map(Theirs::String),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Theirs::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|fields| Theirs::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_serde_writes_is_read(json in any_json()) {
        let ours = roost_json::parse(&json.to_string()).unwrap();
        prop_assert!(same(&ours, &json), "{ours:?}");
        let ours = roost_json::parse(&serde_json::to_string_pretty(&json).unwrap()).unwrap();
        prop_assert!(same(&ours, &json), "{ours:?}");
    }

    /// Almost JSON: accepted by both, or by neither.
    #[test]
    fn what_is_wrong_is_wrong(text in r#"[\[\]{}:,"a01 \\/unltr\t\u{1}fse.E+\-é🙂D8C]{0,20}"#) {
        let theirs: Result<Theirs, _> = serde_json::from_str(&text);
        let is_too_large = theirs.as_ref().is_err_and(|e| e.to_string().contains("out of range"));
        prop_assume!(!is_too_large);
        prop_assert_eq!(roost_json::parse(&text).is_ok(), theirs.is_ok(), "{:?}", theirs);
    }

    #[test]
    fn escapes_are_read(units in prop::collection::vec(any::<u16>(), 0..6)) {
        let text: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
        let text = format!("\"{text}\"");
        let theirs: Result<String, _> = serde_json::from_str(&text);
        prop_assert_eq!(roost_json::from_str::<String>(&text).ok(), theirs.ok());
    }
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, FromJson)]
#[serde(try_from = "u16", into = "u16")]
struct Even(u16);

impl TryFrom<u16> for Even {
    type Error = &'static str;

    fn try_from(n: u16) -> Result<Self, &'static str> {
        if n % 2 == 0 { Ok(Self(n)) } else { Err("odd") }
    }
}

impl From<Even> for u16 {
    fn from(Even(n): Even) -> Self {
        n
    }
}

impl Clone for Even {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize, FromJson)]
#[serde(rename_all = "snake_case")]
enum Plain {
    One,
    TwoWords,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, FromJson)]
#[serde(transparent)]
struct Wrapped(i64);

#[derive(Debug, PartialEq, Serialize, Deserialize, FromJson)]
struct Pair(i64, String);

fn seven() -> u8 {
    7
}

#[derive(Debug, PartialEq, Serialize, Deserialize, FromJson)]
struct Fields {
    r#ref: u32,
    #[serde(rename = "to")]
    other: Wrapped,
    maybe: Option<Box<Plain>>,
    #[serde(default)]
    list: Vec<(String, bool)>,
    #[serde(default = "seven")]
    made: u8,
    pair: Option<Pair>,
    #[serde(skip)]
    skipped: u8,
    #[serde(default)]
    even: Even,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, FromJson)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Tagged {
    HasFields {
        n: i64,
    },
    Empty {},
    Inner(Fields),
    #[serde(other)]
    Unknown,
}

#[track_caller]
fn agree<T: FromJson + for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug>(text: &str) -> Option<T> {
    let theirs: Option<T> = serde_json::from_str(text).ok();
    assert_eq!(roost_json::from_str::<T>(text).ok(), theirs, "{text}");
    theirs
}

#[test]
fn types_are_read_as_serde_reads_them() {
    for text in [
        r#"{"type":"has_fields","n":3,"more":[1]}"#,
        r#"{"n":3,"type":"has_fields"}"#,
        r#"{"type":"empty"}"#,
        r#"{"type":"from_the_future","n":{}}"#,
        r#"{"type":"inner","ref":1,"to":2,"maybe":"two_words","list":[["a",true]],"made":1,"even":4,"pair":[1,"a"]}"#,
        r#"{"type":"inner","ref":1,"to":-2}"#,
        r#"{"type":"inner","ref":1,"to":-2,"maybe":null}"#,
    ] {
        assert!(agree::<Tagged>(text).is_some(), "{text}");
    }
    for text in [
        "null",
        r#"{"n":3}"#,
        r#"{"type":"has_fields"}"#,
        r#"{"type":"has_fields","n":"3"}"#,
        r#"{"type":"has_fields","n":3.5}"#,
        r#"{"type":"inner","ref":1}"#,
        r#"{"type":"inner","ref":1,"to":2,"list":null}"#,
        r#"{"type":"inner","ref":1,"to":2,"list":[["a"]]}"#,
        r#"{"type":"inner","ref":-1,"to":2}"#,
        r#"{"type":"inner","ref":4294967296,"to":2}"#,
        r#"{"type":"inner","ref":1,"to":2,"maybe":"three"}"#,
        r#"{"type":"inner","ref":1,"to":2,"even":5}"#,
        r#"{"type":"inner","ref":1,"to":2,"pair":[1]}"#,
        r#"{"type":"inner","ref":1,"to":2,"pair":[1,"a","b"]}"#,
    ] {
        assert!(agree::<Tagged>(text).is_none(), "{text}");
    }
}

#[test]
fn what_is_too_deep_is_refused() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(roost_json::parse(&nested(roost_json::DEPTH_MAX)).is_ok());
    assert_eq!(roost_json::parse(&nested(roost_json::DEPTH_MAX + 1)), Err(Error("fewer levels")));
    assert!(roost_json::parse(&"[".repeat(1_000_000)).is_err());
}
