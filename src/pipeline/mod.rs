//! The one place where the stages meet: sources -> counts -> episodes -> insights. Threads live here.
pub mod again;
pub mod count;
pub mod explain;
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
pub mod trial;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use anyhow::Context as _;

use crate::metrics::Stages;

/// A request to stop that long work looks at often enough to stop within a second.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicU8>);

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
        let before = self.0.compare_exchange(RUNNING, CANCELLED, Ordering::SeqCst, Ordering::SeqCst);
        before != Err(COMMITTED)
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

/// Does the work of a stage, within a span of the log, and notes how many wall-clock seconds it took: for metrics, never
/// for results.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a run takes is a fact about the run, not about the logs"
)]
pub fn stage<T>(name: &'static str, stages: &mut Stages, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = tracing::info_span!("stage", name).in_scope(work);
    *stages.entry(name).or_default() += began.elapsed().as_secs_f64();
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

/// Who watches a long run.
pub trait Progress: Send + Sync {
    /// Reading begins, with this many files.
    fn begin(&self, files: u64);
    /// A file was read.
    fn advance(&self);
    /// Reading is over, well or not.
    fn finish(&self);
}
