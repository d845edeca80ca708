//! One page, one file.

use protocol::Page;

/// The title of a page when it arrives; later the room that is open changes it.
#[must_use]
pub fn title_of(page: &Page, _path: &str) -> String {
    if page.place.is_empty() { "Roost".to_owned() } else { page.place.clone() }
}
