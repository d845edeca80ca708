//! Lists that redraw only the changed items. All items have one type, because Leptos compiles a
//! copy of its code for every type, and each copy is a hundredth of the download.

use std::hash::{DefaultHasher, Hash, Hasher};

use leptos::prelude::*;

/// One item: its key, and how to draw it.
pub(crate) struct ListItem {
    key: u64,
    draw: Box<dyn FnOnce() -> AnyView + Send>,
}

/// Makes an item, which is redrawn when its key changes.
pub(crate) fn list_item(key: impl Hash, draw: impl FnOnce() -> AnyView + Send + 'static) -> ListItem {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    ListItem { key: hasher.finish(), draw: Box::new(draw) }
}

/// Draws the items, and again whenever the signals that `items` reads change.
pub(crate) fn list(items: impl Fn() -> Vec<ListItem> + Send + 'static) -> AnyView {
    let each: Box<dyn Fn() -> Vec<ListItem> + Send> = Box::new(items);
    view! {
        <For each key=|item| item.key let(item)>
            {(item.draw)()}
        </For>
    }
    .into_any()
}
