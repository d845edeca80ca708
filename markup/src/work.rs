//! Counts the steps of a parse, for the test that they grow linearly with the source.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts one iteration of a loop.
#[inline(always)]
pub(crate) fn step() {
    #[cfg(test)]
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

/// The steps of this thread since the last call.
#[cfg(test)]
pub(crate) fn take_steps() -> usize {
    STEPS.with(|steps| steps.replace(0))
}
