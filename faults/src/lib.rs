//! Counts lost, doubled and reordered messages while everything around Roost breaks.
//!
//! Scripted clients ([`person`]: a real WebSocket, the very state of the browser's) talk through three servers behind
//! nginx, over a real Postgres and Redis, through TCP proxies that can cut, stall and slow ([`proxy`]). A [`scenario`]
//! breaks one thing while they talk, or several; afterwards everyone must be whole again, and [`checker`] compares what
//! each client has shown with what the database holds. The checker itself is tested by servers that do something wrong
//! on purpose: then it must find it.
//!
//! `make faults` runs everything; `SEED=…` repeats a run's choices, `ONLY=name,name` chooses scenarios, and `SCHEDULE=file`
//! plays a mix with the faults that another run has printed ([`schedule`]).
#![warn(missing_docs)]

pub mod busy;
pub mod checker;
pub mod cluster;
pub mod crowd;
pub mod fresh;
pub mod log;
pub mod person;
pub mod proxy;
pub mod removed;
pub mod report;
pub mod scenario;
pub mod schedule;
pub mod stalled;
pub mod stored;
pub mod story;
pub mod violation;
