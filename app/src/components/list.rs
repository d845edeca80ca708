//! Lists of which only the lines that changed are drawn anew. One kind for all: Leptos makes a copy of its code for
//! every type of line, and each copy is a hundredth of the browser's download.

use std::hash::{DefaultHasher, Hash, Hasher};

use leptos::prelude::*;

/// A line: by what it is recognised, and how it is drawn when it is new.
pub(crate) struct Line {
    key: u64,
    draw: Box<dyn FnOnce() -> AnyView + Send>,
}

/// The line is drawn anew when its key is another one.
pub(crate) fn line(key: impl Hash, draw: impl FnOnce() -> AnyView + Send + 'static) -> Line {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    Line { key: hasher.finish(), draw: Box::new(draw) }
}

/// Draws the lines, again whenever what they read changes.
pub(crate) fn list(lines: impl Fn() -> Vec<Line> + Send + 'static) -> AnyView {
    let each: Box<dyn Fn() -> Vec<Line> + Send> = Box::new(lines);
    view! {
        <For each key=|line| line.key let(line)>
            {(line.draw)()}
        </For>
    }
    .into_any()
}
