//! Whether something that starts here ends somewhere later.
//!
//! Searching for the end from each start would take quadratic time, so the position of the last end is found once.

use crate::{
    cursor::FENCE_MIN,
    source::{Source, Span},
};

/// The position of the last end of each kind; 0 when there is none, which is never after a start.
#[derive(Default)]
pub(crate) struct Ahead {
    /// Three or more backticks, alone on their line except for quote marks.
    pub(crate) fence: usize,
    /// Three or more backticks at the end of a line.
    pub(crate) ticks: usize,
    /// `$$`
    pub(crate) dollars: usize,
}

impl Ahead {
    pub(crate) fn of(source: Source<'_>) -> Self {
        let mut ahead = Self::default();
        let end = source.0.len();
        let (mut at, mut is_bare) = (0, true);
        while at < end {
            let byte = source.byte(at);
            let rest = Span { from: at, to: end };
            let run = if matches!(byte, b'`' | b'$') { source.run(rest) } else { 1 };
            if byte == b'$' && run == 2 {
                ahead.dollars = at;
            }
            if byte == b'`' && run >= FENCE_MIN {
                let behind = source.trim_start(Span { from: at + run, ..rest }).from;
                if behind == end || source.byte(behind) == b'\n' {
                    ahead.ticks = at;
                    if is_bare {
                        ahead.fence = at;
                    }
                }
            }
            is_bare = byte == b'\n' || (is_bare && matches!(byte, b' ' | b'\t' | b'>'));
            at += run;
        }
        ahead
    }
}
