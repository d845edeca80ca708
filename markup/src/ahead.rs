//! What still comes: whether something that begins here is ended somewhere.
//!
//! Looking for the end from each begin would make the time quadratic, so the last ends are found once.

use crate::{
    cursor::FENCE_MIN,
    source::{Source, Span},
};

/// Where the last of each kind is; 0 when there is none, which is before every begin.
#[derive(Default)]
pub(crate) struct Ahead {
    /// Three backticks or more with nothing else on their line but marks of quotes.
    pub(crate) fence: usize,
    /// Three backticks or more at the end of a line.
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
