//! Signals around the client.
