//! How the page travels inside the document: as JSON in a script element.

use protocol::Page;

/// JSON that cannot end the script element that contains it, whatever people have written.
#[cfg(feature = "ssr")]
pub(crate) fn to_json(page: Page) -> String {
    serde_json::to_string(&page).unwrap_or_default().replace('<', "\\u003c")
}

/// Parses that JSON.
pub(crate) fn from_json(json: &str) -> Option<Page> {
    roost_json::from_str(json).ok()
}
