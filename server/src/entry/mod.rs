//! Who may come in: from which page, from which address, how often, with how many sockets at once, and as whom.
//!
//! Pages, forms and sockets ask here, each before it does any work. Nothing here knows of them.
//!
//! - [`guard`]: which pages may use this place, and where a request comes from;
//! - [`network`]: which addresses are one and the same to a limit;
//! - [`limits`]: how often someone may try;
//! - [`door`]: how many sockets someone may have open;
//! - [`viewer`]: whose session a request carries;
//! - [`refused`]: what is answered to who may not.

pub(crate) mod cookies;
pub mod door;
pub mod guard;
pub mod limits;
pub mod network;
pub mod refused;
mod tries;
pub mod viewer;
