//! The WebSocket: upgrade, and the life of each connection.

mod connection;
mod dispatch;
