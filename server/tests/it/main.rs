//! Black-box tests of a node.
#![expect(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test's helpers are read by this test alone, and may panic"
)]

mod accounts;
mod budget;
mod changes;
mod cluster;
mod drafts;
mod faces;
mod files;
mod files_refused;
mod forward;
mod greeting;
mod groups;
mod late;
mod leaving;
mod mentions;
mod personal;
mod polls;
mod previews;
mod profiles;
#[path = "../../src/broker/proxy.rs"]
mod proxy;
mod read_only;
mod redis;
mod rights;
mod ring;
mod rooms;
mod search;
mod site;
mod skew;
mod sockets;
mod start;
mod talking;
mod threads;
mod tls;
mod tus;
mod unread;
mod versions;
