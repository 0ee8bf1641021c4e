//! The one place where the stages meet: sources -> counts -> episodes -> insights. Threads live here.
pub mod again;
pub mod count;
pub mod explain;
pub mod follow;
mod find;
mod graphs;
mod in_order;
pub mod night;
pub mod published;
pub mod read_files;
pub mod report;
pub mod interrupt;
pub mod judge;
pub mod scan;
mod spill;
mod table;
pub mod trial;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Instant;

use anyhow::Context as _;
use tracing::field::Empty;

use crate::metrics::Stages;

/// A request to stop that long work looks at often enough to stop within a second.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicU8>, Stop);

/// Whether a stop was asked for at any time, even where that came too late for what was going on.
pub type Stop = Arc<AtomicBool>;

const RUNNING: u8 = 0;
const CANCELLED: u8 = 1;
const COMMITTED: u8 = 2;

/// The run was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

impl Cancel {
    /// Asks for a stop. `false` where it is too late: the work has [committed](Self::commit) itself to finish.
    pub fn cancel(&self) -> bool {
        self.1.store(true, Ordering::SeqCst);
        let before = self.0.compare_exchange(RUNNING, CANCELLED, Ordering::SeqCst, Ordering::SeqCst);
        before != Err(COMMITTED)
    }

    /// What tells work that follows a [commitment](Self::commit), and that may be left to a later run, that a stop was asked for.
    #[must_use]
    pub fn stop(&self) -> Stop {
        Arc::clone(&self.1)
    }

    /// What was [committed](Self::commit) to is done, and something else begins.
    ///
    /// # Errors
    /// When a stop was asked for meanwhile.
    pub fn begin_again(&self) -> Result<(), Interrupted> {
        let _ = self.0.compare_exchange(COMMITTED, RUNNING, Ordering::SeqCst, Ordering::SeqCst);
        if self.1.load(Ordering::SeqCst) { Err(Interrupted) } else { self.check() }
    }

    /// From here on a stop comes too late: what follows is short, and must not be torn.
    ///
    /// # Errors
    /// When a stop was asked for before.
    pub fn commit(&self) -> Result<(), Interrupted> {
        match self.0.compare_exchange(RUNNING, COMMITTED, Ordering::SeqCst, Ordering::SeqCst) {
            Err(CANCELLED) => Err(Interrupted),
            _ => Ok(()),
        }
    }

    /// Whether a stop was asked for.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) == CANCELLED
    }

    /// For use with `?`.
    ///
    /// # Errors
    /// When a stop was asked for.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.is_cancelled() { Err(Interrupted) } else { Ok(()) }
    }
}

/// Does the work of a stage, within a span of the log, and notes how many wall-clock seconds it took: for metrics and the log,
/// never for results. What the span tells beside that, the work notes with [`note`].
#[expect(
    clippy::disallowed_methods,
    reason = "how long a run takes is a fact about the run, not about the logs"
)]
pub fn stage<T>(name: &'static str, stages: &mut Stages, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let span = tracing::info_span!(
        "stage",
        stage = name,
        what = Empty,
        files = Empty,
        bytes = Empty,
        records = Empty,
        skipped = Empty,
        series = Empty,
        insights = Empty,
        seconds = Empty
    );
    let done = span.in_scope(work);
    let seconds = began.elapsed().as_secs_f64();
    span.record("seconds", seconds);
    *stages.entry(name).or_default() += seconds;
    done
}

/// Does work that reads and computes, off the threads on which requests are waited for.
///
/// # Errors
/// Those of the work.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("the work failed")?
}

/// Notes something in the span of the stage that is going on.
pub fn note(field: &str, value: impl tracing::Value) {
    tracing::Span::current().record(field, value);
}

/// Who watches a long run.
pub trait Progress: Send + Sync {
    /// Reading begins, with this many files.
    fn begin(&self, files: u64);
    /// A file was read.
    fn advance(&self);
    /// Reading is over, well or not.
    fn finish(&self);
}
