//! What people do in rooms.

pub mod error;
pub mod messages;
pub mod rooms;

use std::sync::Arc;

use crate::{account::Viewer, node::Node};
pub use error::Error;

/// For whom, and on which node, a command runs.
#[derive(Clone)]
pub struct Context {
    /// The node.
    pub node: Arc<Node>,
    /// The person.
    pub viewer: Viewer,
}
