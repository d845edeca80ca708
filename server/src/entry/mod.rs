//! Who may come in: from which page, from which address, how often, with how many sockets at once, and as whom.
//!
//! Pages, forms and sockets ask here before they do any work. Nothing here knows about them.
//!
//! - [`guard`]: which pages may use this place, and where a request comes from;
//! - [`network`]: which addresses a limit counts as one;
//! - [`limits`]: how often someone may try;
//! - [`door`]: how many sockets someone may have open;
//! - [`viewer`]: whose session a request carries;
//! - [`refused`]: how a refusal is answered.

pub(crate) mod cookies;
pub mod door;
pub mod guard;
pub mod limits;
pub mod network;
pub mod refused;
mod tries;
pub mod viewer;
