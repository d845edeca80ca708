//! Keeps every CPU busy, to simulate other load.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Spinning threads per CPU.
const PER_PROCESSOR: usize = 2;
/// The threads end after this time, whatever happens to the rest of the program.
const AT_MOST: Duration = Duration::from_secs(300);
/// Iterations between two checks of the clock.
const ITERATIONS: u32 = 100_000;

/// Threads that spin until this is dropped.
#[derive(Debug)]
pub struct Busy {
    done: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Busy {
    /// Starts to spin.
    #[must_use]
    pub fn start() -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let spin = |done: Arc<AtomicBool>| {
            let until = Instant::now() + AT_MOST;
            while !done.load(Ordering::Relaxed) && Instant::now() < until {
                for iteration in 0..ITERATIONS {
                    std::hint::black_box(iteration);
                }
            }
        };
        let start = |_| {
            let done = Arc::clone(&done);
            std::thread::spawn(move || spin(done))
        };
        let threads = (0..processors * PER_PROCESSOR).map(start).collect();
        Self { done, threads }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // It cannot panic, and ends within a millisecond.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threads_end_with_their_owner() {
        let busy = Busy::start();
        let done = Arc::clone(&busy.done);
        assert!(Arc::strong_count(&done) > 2);
        drop(busy);
        assert_eq!(Arc::strong_count(&done), 1);
    }
}
