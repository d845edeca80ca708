//! Opens the WebSocket.
