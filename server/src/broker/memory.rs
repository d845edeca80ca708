//! The in-process broker: for a single node, and for tests with several nodes.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use protocol::Line;
use tokio::sync::mpsc;

use super::{Broadcast, SIGNALS_MAX, Signal};

/// The bus that several nodes of one process share.
#[derive(Clone, Debug, Default)]
pub struct Bus {
    ends: Arc<Mutex<Vec<Arc<End>>>>,
}

/// One node's end of the bus.
#[derive(Debug)]
struct End {
    lines: Mutex<BTreeSet<Line>>,
    signals: mpsc::Sender<Signal>,
    /// The queue was full: the node must hear of that before anything else.
    lost: AtomicBool,
}

/// A node's end of a [`Bus`].
#[derive(Debug)]
pub struct Memory {
    bus: Bus,
    end: Arc<End>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    pub(super) fn join(bus: &Bus) -> (Self, mpsc::Receiver<Signal>) {
        let (signals, receiver) = mpsc::channel(SIGNALS_MAX);
        let end = Arc::new(End { lines: Mutex::default(), signals, lost: AtomicBool::new(false) });
        lock(&bus.ends).push(end.clone());
        (Self { bus: bus.clone(), end }, receiver)
    }

    pub(super) fn publish(&self, broadcast: &Broadcast) -> bool {
        // Holds the lock for the whole round, so that all ends see the same order.
        for end in lock(&self.bus.ends).iter() {
            if lock(&end.lines).contains(&broadcast.line) {
                end.push(broadcast);
            }
        }
        true
    }

    pub(super) fn subscribe(&self, lines: &BTreeSet<Line>) {
        lock(&self.end.lines).extend(lines);
    }

    pub(super) fn unsubscribe(&self, lines: &BTreeSet<Line>) {
        lock(&self.end.lines).retain(|line| !lines.contains(line));
    }
}

impl End {
    fn push(&self, broadcast: &Broadcast) {
        if self.lost.load(Ordering::Relaxed) && self.signals.try_send(Signal::Lost).is_ok() {
            self.lost.store(false, Ordering::Relaxed);
        }
        if self.signals.try_send(Signal::Broadcast(broadcast.clone())).is_err() {
            self.lost.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        lock(&self.bus.ends).retain(|end| !Arc::ptr_eq(end, &self.end));
    }
}
