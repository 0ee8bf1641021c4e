//! Values that finish in any order -> a fold over them in the order of their numbers. Bounded memory.
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};

/// Folds numbered values strictly in order 0, 1, 2, …, whichever thread brings which when.
#[derive(Debug)]
pub(super) struct InOrder<State, Value> {
    shared: Mutex<Shared<State, Value>>,
    advanced: Condvar,
    /// How far ahead of the fold a value may be brought.
    window: usize,
}

#[derive(Debug)]
struct Shared<State, Value> {
    state: State,
    next: usize,
    waiting: BTreeMap<usize, Value>,
    /// Threads that wait for their turn.
    sleepers: usize,
}

impl<State, Value> InOrder<State, Value> {
    pub(super) fn new(state: State, window: usize) -> Self {
        let shared = Mutex::new(Shared { state, next: 0, waiting: BTreeMap::new(), sleepers: 0 });
        Self { shared, advanced: Condvar::new(), window }
    }

    /// Waits until value `number` is at most `window` ahead of the fold: numbers must be claimed in order, so the
    /// lowest unfinished one never waits.
    pub(super) fn wait_for_turn(&self, number: usize) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        while number >= shared.next + self.window {
            shared.sleepers += 1;
            shared = self.advanced.wait(shared).unwrap_or_else(PoisonError::into_inner);
            shared.sleepers -= 1;
        }
    }

    /// Brings value `number`; folds it, and those that waited for it, when its turn has come.
    pub(super) fn bring(&self, number: usize, value: Value, mut fold: impl FnMut(&mut State, Value)) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.waiting.insert(number, value);
        let shared = &mut *shared;
        while let Some(value) = shared.waiting.remove(&shared.next) {
            fold(&mut shared.state, value);
            shared.next += 1;
        }
        // Waking nobody would still be a system call.
        if shared.sleepers > 0 {
            self.advanced.notify_all();
        }
    }

    pub(super) fn into_state(self) -> State {
        self.shared.into_inner().unwrap_or_else(PoisonError::into_inner).state
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn folds_in_order_whoever_is_first() {
        let folded = InOrder::new(Vec::new(), 2);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= 200 {
                            return;
                        }
                        folded.wait_for_turn(number);
                        // Uneven work, so that values really finish out of order.
                        std::thread::sleep(std::time::Duration::from_micros((number % 7) as u64 * 50));
                        folded.bring(number, number, Vec::push);
                    }
                });
            }
        });
        assert_eq!(folded.into_state(), (0..200).collect::<Vec<_>>());
    }
}
