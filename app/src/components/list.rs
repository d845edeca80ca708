//! Lists of which only the changed items are drawn again. There is one type of item for all, because Leptos makes a
//! copy of its code for every type, and each copy is a hundredth of the browser's download.

use std::hash::{DefaultHasher, Hash, Hasher};

use leptos::prelude::*;

/// One item: the key that it is recognised by, and how it is drawn when it is new.
pub(crate) struct ListItem {
    key: u64,
    draw: Box<dyn FnOnce() -> AnyView + Send>,
}

/// Makes an item, which is drawn again when its key changes.
pub(crate) fn list_item(key: impl Hash, draw: impl FnOnce() -> AnyView + Send + 'static) -> ListItem {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    ListItem { key: hasher.finish(), draw: Box::new(draw) }
}

/// Draws the items, and again whenever what they read changes.
pub(crate) fn list(items: impl Fn() -> Vec<ListItem> + Send + 'static) -> AnyView {
    let each: Box<dyn Fn() -> Vec<ListItem> + Send> = Box::new(items);
    view! {
        <For each key=|item| item.key let(item)>
            {(item.draw)()}
        </For>
    }
    .into_any()
}
