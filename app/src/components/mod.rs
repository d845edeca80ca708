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
