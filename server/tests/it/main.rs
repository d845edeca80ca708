//! What a node does, seen from outside.
#![expect(unreachable_pub, reason = "a test's modules are read by this test alone")]

mod accounts;
mod cluster;
mod rooms;
mod site;
mod sockets;
mod start;
mod talking;
