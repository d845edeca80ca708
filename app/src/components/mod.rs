//! What pages are made of. Each component reads signals of [`Chat`](crate::state::Chat) and calls its verbs.

pub mod avatar;
pub mod composer;
pub mod connection_bar;
pub mod copy;
pub mod details;
pub mod dialogs;
pub mod field;
pub mod icon;
pub mod keyboard;
pub mod message_row;
pub mod room_list;
pub mod timeline;

/// A handler in a box. Leptos makes a copy of its code for every type of handler, and every closure is a type of its
/// own; boxed they are one.
pub(crate) fn handler<E: 'static>(act: impl FnMut(E) + 'static) -> Box<dyn FnMut(E)> {
    Box::new(act)
}
