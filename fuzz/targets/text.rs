//! Text that people type: each parser accepts or refuses it, keeps its own limits, and accepts its own output
//! unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::{
    Body, DisplayName, Emoji, Handle, Password, PersonTitle, Pronouns, Refusal, RoomTitle, RoomTopic,
    ZoneName, limits,
};
use server::search::{Plain, context::context, query::Query, words};

fuzz_target!(|bytes: &[u8]| {
    // Mutations are seldom UTF-8, so convert them instead of wasting them.
    let text = &*String::from_utf8_lossy(bytes);
    check(text, |text| Body::parse(text).map(Body::into_string), 1..=limits::BODY_CHARS_MAX);
    check(text, |text| DisplayName::parse(text).map(DisplayName::into_string), 1..=limits::NAME_CHARS_MAX);
    check(text, |text| RoomTitle::parse(text).map(RoomTitle::into_string), 1..=limits::TITLE_CHARS_MAX);
    check(text, |text| RoomTopic::parse(text).map(RoomTopic::into_string), 0..=limits::TOPIC_CHARS_MAX);
    check(
        text,
        |text| PersonTitle::parse(text).map(PersonTitle::into_string),
        0..=limits::PERSON_TITLE_CHARS_MAX,
    );
    check(text, |text| Pronouns::parse(text).map(Pronouns::into_string), 0..=limits::PRONOUNS_CHARS_MAX);
    check(text, |text| ZoneName::parse(text).map(ZoneName::into_string), 0..=limits::ZONE_NAME_CHARS_MAX);
    check(text, |text| Emoji::parse(text).map(Emoji::into_string), 1..=limits::EMOJI_CHARS_MAX);
    check(
        text,
        |text| Handle::parse(text).map(Handle::into_string),
        limits::HANDLE_CHARS_MIN..=limits::HANDLE_CHARS_MAX,
    );
    check_search(text);
    if let Ok(password) = Password::parse(text) {
        assert_eq!(password.as_bytes(), text.as_bytes());
    }
});

/// The first line is a query, the rest a message.
fn check_search(text: &str) {
    let lexemes = words::lexemes(text);
    assert!(lexemes.len() <= words::LEXEMES_PER_CHAR * text.chars().count());
    assert!(lexemes.iter().all(|lexeme| text.get(lexeme.bytes.clone()).is_some()));
    let (query, body) = text.split_once('\n').unwrap_or((text, text));
    let terms = Query::parse(query).map(|query| query.all).unwrap_or_default();
    let pieces = context(&Plain::of(body), &terms);
    let chars: usize = pieces.iter().map(|piece| piece.0.chars().count()).sum();
    assert!(chars <= limits::CONTEXT_CHARS + 2);
}

fn check(
    text: &str,
    parse: impl Fn(&str) -> Result<String, Refusal>,
    chars: std::ops::RangeInclusive<usize>,
) {
    let Ok(parsed) = parse(text) else { return };
    assert!(chars.contains(&parsed.chars().count()), "{parsed:?} has another length than is allowed");
    let forbidden = |c: char| c.is_control() && c != '\n' && c != '\t';
    assert!(!parsed.contains(forbidden), "{parsed:?} has a control character");
    assert_eq!(parse(&parsed).as_deref(), Ok(parsed.as_str()), "it is not taken as it is");
}
