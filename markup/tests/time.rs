//! Measures the slowest sources. Prints the figures:
//!
//! `cargo test --release -p markup --test time -- --ignored --nocapture`

use std::time::{Duration, Instant};

#[path = "../src/tests/nests.rs"]
mod nests;

#[test]
#[ignore = "a measurement, for a release build"]
fn no_source_takes_long() {
    let mut times: Vec<(Duration, &str)> = Vec::new();
    for (name, source) in nests::nests(4_000) {
        let parses = (0..50).map(|_| {
            let begin = Instant::now();
            std::hint::black_box(markup::parse(std::hint::black_box(&source)));
            begin.elapsed()
        });
        times.push((parses.min().unwrap_or_default(), name));
    }
    times.sort_by(|a, b| b.cmp(a));
    for (time, name) in times.iter().take(12) {
        println!("{:>7.1} µs  {name:?}", time.as_secs_f64() * 1e6);
    }
    assert!(times.iter().all(|(time, _)| *time < Duration::from_micros(500)));
}
