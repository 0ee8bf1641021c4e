//! Values that finish in any order -> a fold over them in the order of their numbers. Bounded memory.
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Folds numbered values strictly in order 0, 1, 2, …, whichever thread brings which when. One thread folds at a time,
/// and the others need not wait for it: they leave what they bring.
#[derive(Debug)]
pub(super) struct InOrder<State, Value> {
    state: Mutex<State>,
    queue: Mutex<Queue<Value>>,
    advanced: Condvar,
    /// How far ahead of the fold a value may be brought.
    window: usize,
}

#[derive(Debug)]
struct Queue<Value> {
    next: usize,
    waiting: BTreeMap<usize, Value>,
    /// Whether a thread folds: it will take what waits.
    is_folding: bool,
    /// Threads that wait for their turn.
    sleepers: usize,
    is_lost: bool,
}

/// Somebody panicked: the fold will never be complete.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lost;

/// Held by each thread that claims numbers: where one panics, the others need not wait for what it had claimed.
#[derive(Debug)]
pub(super) struct Claimant<'a, State, Value>(&'a InOrder<State, Value>);

impl<State, Value> Drop for Claimant<'_, State, Value> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.queue().is_lost = true;
            self.0.advanced.notify_all();
        }
    }
}

impl<State, Value> InOrder<State, Value> {
    pub(super) fn new(state: State, window: usize) -> Self {
        let (next, waiting) = (0, BTreeMap::new());
        let queue = Queue { next, waiting, is_folding: false, sleepers: 0, is_lost: false };
        Self { state: Mutex::new(state), queue: Mutex::new(queue), advanced: Condvar::new(), window }
    }

    pub(super) const fn claimant(&self) -> Claimant<'_, State, Value> {
        Claimant(self)
    }

    fn queue(&self) -> MutexGuard<'_, Queue<Value>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until value `number` is at most `window` ahead of the fold: numbers must be claimed in order, so the
    /// lowest unfinished one never waits.
    ///
    /// # Errors
    /// When a [`Claimant`] was dropped in a panic.
    pub(super) fn wait_for_turn(&self, number: usize) -> Result<(), Lost> {
        let mut queue = self.queue();
        while !queue.is_lost && number >= queue.next + self.window {
            queue.sleepers += 1;
            queue = self.advanced.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.sleepers -= 1;
        }
        if queue.is_lost { Err(Lost) } else { Ok(()) }
    }

    /// Brings value `number`; folds it, and those that waited for it, when its turn has come.
    pub(super) fn bring(&self, number: usize, value: Value, mut fold: impl FnMut(&mut State, Value)) {
        let mut queue = self.queue();
        queue.waiting.insert(number, value);
        if queue.is_folding || !queue.waiting.contains_key(&queue.next) {
            return;
        }
        queue.is_folding = true;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let next = queue.next;
            let Some(value) = queue.waiting.remove(&next) else { break };
            drop(queue);
            fold(&mut state, value);
            queue = self.queue();
            queue.next += 1;
            // Waking nobody would still be a system call.
            if queue.sleepers > 0 {
                self.advanced.notify_all();
            }
        }
        queue.is_folding = false;
    }

    pub(super) fn into_state(self) -> State {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner)
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
                        folded.wait_for_turn(number).expect("nobody panics");
                        // Uneven work, so that values really finish out of order.
                        std::thread::sleep(std::time::Duration::from_micros((number % 7) as u64 * 50));
                        folded.bring(number, number, Vec::push);
                    }
                });
            }
        });
        assert_eq!(folded.into_state(), (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn nobody_waits_for_a_thread_that_panicked() {
        let folded = &InOrder::<Vec<usize>, usize>::new(Vec::new(), 1);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let panics = scope.spawn(|| {
                let _claimant = folded.claimant();
                panic!("while it has claimed number 0");
            });
            let waits: Vec<_> =
                (1..4).map(|number| scope.spawn(move || folded.wait_for_turn(number))).collect();
            assert!(panics.join().is_err());
            waits.into_iter().map(|thread| thread.join().expect("it only waits")).collect()
        });
        assert_eq!(outcomes, [Err(Lost), Err(Lost), Err(Lost)]);
    }
}
