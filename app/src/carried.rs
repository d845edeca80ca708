//! How the page travels inside the document: as JSON in a script element.

use protocol::Page;
use serde::{Deserialize, Serialize};

/// The page under a tag, although there is only one kind: serde reads what is tagged by the same code as the frames of
/// the socket, and a second copy of that code for untagged text would be a tenth of the browser's download.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Carried {
    Page(Box<Page>),
}

/// JSON that cannot end the script element it is in, whatever people have written.
#[cfg(feature = "ssr")]
pub(crate) fn to_json(page: Page) -> String {
    serde_json::to_string(&Carried::Page(Box::new(page))).unwrap_or_default().replace('<', "\\u003c")
}

/// The page out of that JSON.
pub(crate) fn from_json(json: &str) -> Option<Page> {
    let Carried::Page(page) = serde_json::from_str(json).ok()?;
    Some(*page)
}
