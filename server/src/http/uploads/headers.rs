//! The headers of tus: parsed strictly, because they come from anywhere.

use axum::http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use protocol::{ErrorCode, FileId, Refusal};

use crate::files::Checksum;

/// The type of the bytes of an upload.
const BYTES: &str = "application/offset+octet-stream";
/// The keys under which browsers send the name of a file.
const NAME_KEYS: [&str; 2] = ["filename", "name"];
/// The key of the id that our own browser chooses.
const ID_KEY: &str = "id";

/// A header that is missing or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong(&'static str);

impl From<Wrong> for Refusal {
    fn from(wrong: Wrong) -> Self {
        Self::new(ErrorCode::UploadInvalid).detail(wrong.0)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Wrong> {
    headers.get(name).map(|value| value.to_str().map_err(|_| Wrong(name))).transpose()
}

fn number(headers: &HeaderMap, name: &'static str) -> Result<u64, Wrong> {
    text(headers, name)?.and_then(count).ok_or(Wrong(name))
}

/// A number of bytes: digits only, and not more than Postgres can store.
fn count(text: &str) -> Option<u64> {
    let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = if is_plain { text.parse().ok()? } else { return None };
    i64::try_from(number).is_ok().then_some(number)
}

/// How long an upload will be. It must be known from the beginning, and an upload cannot be put together from others.
///
/// # Errors
/// [`Wrong`] if the header is missing or no such number, or if there is `Upload-Concat`.
pub fn length(headers: &HeaderMap) -> Result<u64, Wrong> {
    if headers.contains_key("upload-concat") {
        return Err(Wrong("Upload-Concat"));
    }
    number(headers, "upload-length").map_err(|_| Wrong("Upload-Length"))
}

/// Where bytes belong.
///
/// # Errors
/// [`Wrong`] if the header is missing or no such number.
pub fn offset(headers: &HeaderMap) -> Result<u64, Wrong> {
    number(headers, "upload-offset").map_err(|_| Wrong("Upload-Offset"))
}

/// Whether the body has bytes of an upload.
///
/// # Errors
/// [`Wrong`] if the header is missing or another type.
pub fn has_bytes(headers: &HeaderMap) -> Result<(), Wrong> {
    if headers.get(CONTENT_TYPE).is_some_and(|value| value == BYTES) {
        Ok(())
    } else {
        Err(Wrong("Content-Type"))
    }
}

/// `sha1` or `sha256`, a space, and the sum in base64.
///
/// # Errors
/// [`Wrong`] if the header is not of this form.
pub fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Wrong> {
    let wrong = Wrong("Upload-Checksum");
    let Some(given) = text(headers, "upload-checksum").map_err(|_| wrong)? else { return Ok(None) };
    let (method, sum) = given.split_once(' ').ok_or(wrong)?;
    let sum = STANDARD.decode(sum).map_err(|_| wrong)?;
    Checksum::new(method, sum).map(Some).ok_or(wrong)
}

/// What a browser says of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Its name.
    pub name: Option<String>,
    /// The id that the browser has chosen, so that a repeated creation is recognised. This key is ours; other clients do without.
    pub id: Option<FileId>,
}

/// Reads pairs of a key and a value in base64: `filename cm9vc3QucG5n,is_confidential`.
///
/// # Errors
/// [`Wrong`] if the header is not of this form.
pub fn metadata(headers: &HeaderMap) -> Result<Metadata, Wrong> {
    let wrong = Wrong("Upload-Metadata");
    let mut metadata = Metadata::default();
    let Some(given) = text(headers, "upload-metadata").map_err(|_| wrong)? else { return Ok(metadata) };
    for pair in given.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong);
        }
        let value = STANDARD.decode(value.trim()).map_err(|_| wrong)?;
        if metadata.name.is_none() && NAME_KEYS.contains(&key) {
            metadata.name = Some(String::from_utf8(value).map_err(|_| wrong)?);
        } else if key == ID_KEY {
            let id = std::str::from_utf8(&value).ok().and_then(|id| id.parse().ok());
            metadata.id = Some(id.ok_or(wrong)?);
        }
    }
    Ok(metadata)
}

/// The header that [`metadata`] reads.
#[must_use]
pub fn name_metadata(name: &str) -> HeaderValue {
    HeaderValue::try_from(format!("filename {}", STANDARD.encode(name))).expect("base64 is visible ASCII")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())])
    }

    #[test]
    fn numbers_are_plain() {
        for (text, number) in [("0", Some(0)), ("5000000000", Some(5_000_000_000)), ("007", Some(7))] {
            assert_eq!(count(text), number);
        }
        for wrong in
            ["", "-1", "+1", "1.5", " 1", "1e3", "0x10", "９", "9223372036854775808", "99999999999999999999"]
        {
            assert_eq!(count(wrong), None, "{wrong:?}");
        }
        assert_eq!(length(&HeaderMap::new()), Err(Wrong("Upload-Length")));
        assert_eq!(offset(&with("upload-offset", "x")), Err(Wrong("Upload-Offset")));
        assert_eq!(length(&with("upload-concat", "partial")), Err(Wrong("Upload-Concat")));
    }

    #[test]
    fn a_name_is_found_among_other_metadata() {
        let name =
            |text| metadata(&with("upload-metadata", text)).map(|metadata| metadata.name.unwrap_or_default());
        assert_eq!(name("filename cm9vc3QucG5n"), Ok("roost.png".into()));
        assert_eq!(name("filetype aW1hZ2UvcG5n, name cm9vc3QucG5n,is_confidential"), Ok("roost.png".into()));
        assert_eq!(name(""), Ok(String::new()));
        assert_eq!(name("filename"), Ok(String::new()));
        for wrong in ["filename ***", "filename /w==", "filename cm9vc3QucG5n x", "a\tb c"] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(metadata(&HeaderMap::new()), Ok(Metadata::default()));
        let id = "0192f0c1-0000-7000-8000-0000000000f1";
        let given = format!("id {}", STANDARD.encode(id));
        let read = metadata(&with("upload-metadata", &given)).unwrap();
        assert_eq!(read.id.map(|id| id.to_string()).as_deref(), Some(id));
        assert!(metadata(&with("upload-metadata", "id MQ==")).is_err());
        let header = name_metadata("会议.pdf");
        assert_eq!(name(header.to_str().unwrap()), Ok("会议.pdf".into()));
    }

    #[test]
    fn a_checksum_has_a_known_method_and_its_length() {
        let checksum = |text| checksum(&with("upload-checksum", text));
        assert!(checksum("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=").unwrap().is_some());
        assert!(checksum("sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=").unwrap().is_some());
        for wrong in [
            "sha1",
            "sha1 ",
            "sha1 ***",
            "md5 XrY7u+Ae7tCTyyK7j1rNww==",
            "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
        ] {
            assert!(checksum(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_them_panic(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
            for name in ["upload-metadata", "upload-checksum", "upload-offset", "upload-length"] {
                let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.clone())]);
                drop((metadata(&headers), checksum(&headers).is_ok(), offset(&headers), length(&headers)));
            }
        }

        #[test]
        fn every_name_comes_back(name in ".{0,60}") {
            let headers = HeaderMap::from_iter([("upload-metadata".parse().unwrap(), name_metadata(&name))]);
            prop_assert_eq!(metadata(&headers), Ok(Metadata { name: Some(name), id: None }));
        }
    }
}
