//! The headers of uploads (tus): they are read or refused, and what is written comes back. One header per line.
#![no_main]

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use server::http::uploads::headers::{checksum, has_bytes, length, metadata, name_metadata, offset};

const NAMES: [&str; 6] =
    ["upload-length", "upload-offset", "upload-checksum", "upload-metadata", "upload-concat", "content-type"];

fuzz_target!(|bytes: &[u8]| {
    let mut headers = HeaderMap::new();
    for (name, value) in NAMES.iter().zip(bytes.split(|byte| *byte == b'\n')) {
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_bytes(value)) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    for number in [length(&headers), offset(&headers)].into_iter().flatten() {
        assert!(i64::try_from(number).is_ok(), "Postgres cannot store {number}");
    }
    let (_, _) = (checksum(&headers), has_bytes(&headers));
    if let Ok(found) = metadata(&headers)
        && let Some(name) = found.name
    {
        headers.insert("upload-metadata", name_metadata(&name));
        assert_eq!(metadata(&headers).map(|again| again.name), Ok(Some(name)));
    }
});
