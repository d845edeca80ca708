//! Admission: from which page, from which address, how often, with how many sockets at once, and as
//! whom.
//!
//! Pages, forms and sockets call this before they do any work. It does not depend on them.
//!
//! - [`guard`]: which pages may use the workspace, and where a request comes from;
//! - [`network`]: which addresses a limit counts as one;
//! - [`rate_limits`]: how often someone may try;
//! - [`connection_limit`]: how many sockets someone may have open;
//! - [`viewer`]: whose session a request carries;
//! - [`rejection`]: how a refusal is answered.

pub mod connection_limit;
pub(crate) mod cookies;
pub mod guard;
pub mod network;
pub mod rate_limits;
pub mod rejection;
mod tries;
pub mod viewer;
