//! A client's position on a line of numbered changes: the same code for rooms, people and the
//! workspace.
//!
//! Law: changes are applied in the order of their numbers, each at most once. A change that arrives
//! too early is held until the gap before it is filled: by itself within [`HOLE_MS`], or by
//! catching up.
//!
//! This module only handles numbers; the owner of the line ([`OnLine`]) knows what a change does.
//! The functions take the owner as `dyn`, so that the browser downloads only one copy of them.

use protocol::{Change, Millis, Seq};

use crate::sorted::SortedMap;

/// How long a gap may take to fill by itself (two servers may publish out of order) before this
/// client requests it.
pub(crate) const HOLE_MS: i64 = 500;
/// How many changes may be held. Beyond this, catching up is faster.
const HELD_MAX: usize = 256;

/// What happened to a numbered change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was the next one, and was applied.
    Yes,
    /// It was already known.
    Known,
    /// Some before it are missing, so it is held.
    Held,
}

/// A client's position on a line, and the held changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LineState {
    cursor: Seq,
    head: Seq,
    held: SortedMap<Seq, Change>,
    held_since: Option<Millis>,
}

impl LineState {
    /// A line on which all changes up to here are known, and no later ones.
    #[must_use]
    pub(crate) fn at(cursor: Seq) -> Self {
        Self { cursor, head: cursor, ..Self::default() }
    }

    /// All changes up to here are applied.
    #[must_use]
    pub fn cursor(&self) -> Seq {
        self.cursor
    }

    /// The highest known number.
    #[must_use]
    pub fn head(&self) -> Seq {
        self.head
    }

    /// Whether changes are missing.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.cursor < self.head
    }

    /// Since when there has been a gap.
    #[must_use]
    pub fn held_since(&self) -> Option<Millis> {
        self.held_since
    }

    /// Whether to request what is missing: the gap did not fill by itself, or too much is held.
    #[must_use]
    pub(crate) fn needs_catch_up(&self, now: Millis) -> bool {
        self.held.len() >= HELD_MAX || self.held_since.is_some_and(|since| now - since >= HOLE_MS)
    }

    /// The line is known to reach at least this number.
    pub(crate) fn raise_head(&mut self, head: Seq) {
        self.head = self.head.max(head);
    }
}

/// The owner of a line.
pub(crate) trait OnLine {
    /// Its line.
    fn line(&mut self) -> &mut LineState;
    /// Applies the next change of the line.
    fn put(&mut self, seq: Seq, change: Change);
    /// The following changes belong together: one live change, or everything after a position.
    fn begin(&mut self) {}
    /// All changes up to the line's cursor have been applied.
    fn caught_up(&mut self) {}
}

/// Handles a live numbered change. `now` is by any monotonic clock.
pub(crate) fn apply(on: &mut dyn OnLine, seq: Seq, change: Change, now: Millis) -> Applied {
    let line = on.line();
    line.raise_head(seq);
    if seq <= line.cursor {
        return Applied::Known;
    }
    if seq > line.cursor.next() {
        if line.held.len() < HELD_MAX {
            line.held.insert(seq, change);
        }
        line.held_since.get_or_insert(now);
        return Applied::Held;
    }
    line.cursor = seq;
    on.begin();
    on.put(seq, change);
    drain(on);
    Applied::Yes
}

/// Handles the answer to "everything after my position". A missing number was superseded by a later
/// change.
pub(crate) fn catch_up(on: &mut dyn OnLine, changes: Vec<(Seq, Change)>, through: Seq) {
    on.begin();
    for (seq, change) in changes {
        let line = on.line();
        if seq > line.cursor {
            line.cursor = seq;
            on.put(seq, change);
        }
    }
    let line = on.line();
    move_to(line, line.cursor.max(through), through);
    drain(on);
    on.caught_up();
}

/// Handles changes that a server had missed, fetched, and sent to all its clients. If this client
/// has not reached `after`, it has a gap before them and catches up itself.
pub(crate) fn repaired(
    on: &mut dyn OnLine,
    after: Seq,
    changes: Vec<(Seq, Change)>,
    through: Seq,
    now: Millis,
) -> Applied {
    let line = on.line();
    line.raise_head(through);
    if through <= line.cursor {
        return Applied::Known;
    }
    if after > line.cursor {
        line.held_since.get_or_insert(now);
        return Applied::Held;
    }
    catch_up(on, changes, through);
    Applied::Yes
}

/// A fresh state was fetched. It contains everything up to `cursor`; the line reaches to `head`.
pub(crate) fn restart(on: &mut dyn OnLine, cursor: Seq, head: Seq) {
    let line = on.line();
    line.head = cursor;
    move_to(line, cursor, head);
    drain(on);
}

fn move_to(line: &mut LineState, cursor: Seq, head: Seq) {
    line.cursor = cursor;
    line.raise_head(cursor.max(head));
    line.held.retain(|seq, _| *seq > cursor);
}

fn drain(on: &mut dyn OnLine) {
    loop {
        let line = on.line();
        let next = line.cursor.next();
        let Some(change) = line.held.remove(&next) else { break };
        line.cursor = next;
        line.raise_head(next);
        on.begin();
        on.put(next, change);
    }
    // If nothing is held, there is no gap, unless the head is known to be further on.
    let line = on.line();
    if line.held.is_empty() && line.cursor >= line.head {
        line.held_since = None;
    }
}

/// A line whose changes are only put in order here. The client then applies them to everything they
/// concern.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Feed {
    /// Whether a server has said where to begin.
    pub(crate) begun: bool,
    line: LineState,
    ready: Vec<Change>,
}

impl Feed {
    pub(crate) fn at(cursor: Seq) -> Self {
        Self { begun: true, line: LineState::at(cursor), ready: Vec::new() }
    }

    pub(crate) fn state(&self) -> &LineState {
        &self.line
    }

    /// The changes that have been put in order since the last call.
    pub(crate) fn take_ready(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.ready)
    }
}

impl OnLine for Feed {
    fn line(&mut self) -> &mut LineState {
        &mut self.line
    }

    fn put(&mut self, _: Seq, change: Change) {
        self.ready.push(change);
    }
}
