//! Counts lost, duplicated and reordered messages under fault injection.
//!
//! Scripted clients ([`person`]: a real WebSocket and the browser's state machine) talk through three
//! servers behind nginx, with a real Postgres and Redis, through TCP proxies that can cut, stall and
//! throttle connections ([`proxy`]). A [`scenario`] breaks one thing, or several, while they talk.
//! Afterwards everyone must recover, and [`checker`] compares what each client showed with the database.
//! Servers with deliberate defects test the checker, which must find them.
//!
//! `make faults` runs everything. `SEED=…` repeats a run's choices, `ONLY=name,name` selects scenarios, and
//! `SCHEDULE=file` replays a mix with the faults that another run printed ([`schedule`]).
#![warn(missing_docs)]

pub mod busy;
pub mod checker;
pub mod cluster;
pub mod crowd;
pub mod files;
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
