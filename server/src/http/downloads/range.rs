//! Which part of a file a request wants (RFC 9110, section 14).

use std::ops::Range;

use axum::http::{
    HeaderMap,
    header::{IF_RANGE, RANGE},
};

/// What a request wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Everything; also what is answered to several ranges, and to what cannot be understood.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes after the end.
    Impossible,
}

pub(super) fn wanted(headers: &HeaderMap, size: u64, etag: &str) -> Wanted {
    // A part of another version would not fit to what the browser has.
    if headers.get(IF_RANGE).is_some_and(|version| version != etag) {
        return Wanted::Whole;
    }
    let given = headers.get(RANGE).and_then(|value| value.to_str().ok());
    given.and_then(|given| parse(given, size)).unwrap_or(Wanted::Whole)
}

fn parse(given: &str, size: u64) -> Option<Wanted> {
    let number = |text: &str| -> Option<u64> {
        (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse().unwrap_or(u64::MAX))
    };
    let (first, last) = given.strip_prefix("bytes=")?.split_once('-')?;
    if first.is_empty() {
        let count = number(last)?;
        return Some(if count == 0 || size == 0 {
            Wanted::Impossible
        } else {
            Wanted::Part(size.saturating_sub(count)..size)
        });
    }
    let first = number(first)?;
    let end = if last.is_empty() { size } else { number(last)?.saturating_add(1).min(size) };
    match first {
        _ if first >= size => Some(Wanted::Impossible),
        _ if first >= end => None,
        _ => Some(Wanted::Part(first..end)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_range_is_understood_and_several_are_the_whole() {
        for (given, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=10-19", Wanted::Part(10..20)),
            ("bytes=90-", Wanted::Part(90..100)),
            ("bytes=90-999", Wanted::Part(90..100)),
            ("bytes=0-99999999999999999999999", Wanted::Part(0..100)),
            ("bytes=-10", Wanted::Part(90..100)),
            ("bytes=-1000", Wanted::Part(0..100)),
            ("bytes=100-", Wanted::Impossible),
            ("bytes=-0", Wanted::Impossible),
            ("bytes=20-10", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
        ] {
            let headers = HeaderMap::from_iter([(RANGE, given.parse().unwrap())]);
            assert_eq!(wanted(&headers, 100, "\"x\""), expected, "{given}");
        }
        let mut headers = HeaderMap::from_iter([(RANGE, "bytes=0-0".parse().unwrap())]);
        headers.insert(IF_RANGE, "\"x\"".parse().unwrap());
        assert_eq!(wanted(&headers, 100, "\"x\""), Wanted::Part(0..1));
        assert_eq!(wanted(&headers, 100, "\"y\""), Wanted::Whole);
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_and_within_the_file(given in "bytes=[0-9,-]{0,24}", size in 0..200_u64) {
            if let Some(Wanted::Part(part)) = parse(&given, size) {
                prop_assert!(part.start < part.end && part.end <= size);
            }
        }
    }
}
