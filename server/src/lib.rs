//! One node of Roost.

pub mod account;
pub mod broker;
pub mod chat;
pub mod clock;
pub mod config;
pub mod http;
pub mod hub;
pub mod node;
pub mod socket;
pub mod store;
