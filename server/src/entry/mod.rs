//! Who may come in: from which address, how often, and with how many sockets at once.
//!
//! Pages, forms and sockets ask here, each before it does any work. Nothing here knows of them.
//!
//! - [`network`]: which addresses are one and the same to a limit;
//! - [`limits`]: how often someone may try;
//! - [`door`]: how many sockets someone may have open.

pub mod door;
pub mod limits;
pub mod network;
mod tries;
