//! Parses the slowest sources that we know, each of the length of a whole message, for `end2end/feel/markup.spec.ts`.
//!
//! Not part of the workspace's lints: exports without `wasm-bindgen` count as unsafe.

#[path = "../../src/tests/nests.rs"]
mod nests;

use std::cell::RefCell;

/// The most characters of a message (`protocol::limits::BODY_CHARS_MAX`).
const CHARS_MAX: usize = 4_000;
/// How many sources are mixtures of fragments of the others.
const MIXED: usize = 2_000;

thread_local! {
    static SOURCES: RefCell<Vec<String>> = RefCell::default();
}

/// Makes the sources. Returns how many there are.
#[unsafe(no_mangle)]
pub extern "C" fn prepare() -> usize {
    let of = |bytes| nests::nests(bytes).into_iter().map(|(_, source)| shortened(source));
    // A character has up to four bytes.
    let mut sources: Vec<String> = of(CHARS_MAX).chain(of(4 * CHARS_MAX)).collect();
    let fragments: Vec<String> = nests::nests(8).into_iter().map(|(name, _)| name.to_owned()).collect();
    sources.extend((0..MIXED).map(|seed| mixed(&fragments, seed as u64)));
    let count = sources.len();
    SOURCES.with(|all| all.replace(sources));
    count
}

/// Parses a source so many times. Returns the number of nodes.
#[unsafe(no_mangle)]
pub extern "C" fn parse(index: usize, times: usize) -> usize {
    SOURCES.with_borrow(|all| {
        (0..times).map(|_| markup::parse(&all[index]).node_count()).last().unwrap_or_default()
    })
}

/// The address of a source; its length is [`bytes`].
#[unsafe(no_mangle)]
pub extern "C" fn address(index: usize) -> *const u8 {
    SOURCES.with_borrow(|all| all[index].as_ptr())
}

/// The bytes of a source.
#[unsafe(no_mangle)]
pub extern "C" fn bytes(index: usize) -> usize {
    SOURCES.with_borrow(|all| all[index].len())
}

fn shortened(source: String) -> String {
    source.chars().take(CHARS_MAX).collect()
}

/// Up to five fragments in any order and number.
fn mixed(fragments: &[String], seed: u64) -> String {
    // Knuth's generator. Its lowest bits are poor.
    let mut state = seed;
    let mut below = |count: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % count
    };
    below(2);
    let chosen: Vec<&str> = (0..2 + below(4)).map(|_| fragments[below(fragments.len())].as_str()).collect();
    let repeats = [1, 1, 2, 50][below(4)];
    let mut source = String::new();
    while source.len() < 4 * CHARS_MAX {
        source.push_str(&chosen[below(chosen.len())].repeat(repeats));
    }
    shortened(source)
}
