//! The name of a step of writing -> nothing; in builds for tests, a kill at the step that the test named.
//!
//! A crash can come between any two changes of what is on disk. Each stands behind a call of [`step`], so that a test can
//! kill the process before every one of them in turn.

/// Counts the steps of this process; where the environment's `TRAILPULSE_TEST_KILL_AT` is the number of this one, the
/// process is killed, as a power cut would.
#[cfg(debug_assertions)]
#[expect(clippy::disallowed_methods, reason = "a test's hook, which no release has")]
pub fn step(what: &str) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static STEPS: AtomicU64 = AtomicU64::new(0);
    let number = STEPS.fetch_add(1, Ordering::SeqCst) + 1;
    if std::env::var("TRAILPULSE_TEST_KILL_AT").is_ok_and(|at| at == number.to_string()) {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "killed at step {number}: {what}");
        let _ = std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
        std::process::abort();
    }
}

/// Does nothing.
#[cfg(not(debug_assertions))]
pub const fn step(_: &str) {}
