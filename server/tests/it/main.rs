//! What a node does, seen from outside.

mod accounts;
mod cluster;
mod rooms;
mod site;
mod sockets;
mod start;
mod talking;
