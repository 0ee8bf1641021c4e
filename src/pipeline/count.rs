//! SOURCE arguments -> all counts, and what was covered. Reads files on several threads, merges them in list order:
//! the order of delivery, so that days can be closed on the way.
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use tracing::info;

use super::in_order::InOrder;
use super::{Cancel, Progress};
use crate::aggregate::{Attribution, Counts};
use crate::classify::Exclusion;
use crate::source::coverage::{Coverage, Skipped};
use crate::source::read::{self, FileRead, Scratch, TimeRange, read_file};
use crate::source::walk::{Found, LogFile, Table, walk};
use crate::store::{csv_table, parquet_table};
use crate::time::Minute;

/// What to read, and how.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Folders, files, counts tables, `-`.
    pub sources: Vec<PathBuf>,
    /// Which event times count.
    pub range: TimeRange,
    /// Whether identities and agents are kept apart.
    pub attribution: Attribution,
    /// Threads.
    pub jobs: NonZeroUsize,
}

/// All that was read.
#[derive(Debug)]
pub struct Counted {
    /// The counts, settled.
    pub counts: Counts,
    /// What was read, skipped and ignored.
    pub coverage: Coverage,
    /// The organization of each account whose logs lie below one.
    pub organizations: BTreeMap<String, String>,
}

/// How many files may be read ahead of the slowest one, per thread.
const AHEAD: usize = 16;

/// Reads all sources.
///
/// # Errors
/// When a source does not exist or holds no log file, when a counts table is not one, or when `cancel` was called.
pub async fn count(
    reading: Reading,
    cancel: &Cancel,
    progress: Arc<dyn Progress>,
) -> anyhow::Result<Counted> {
    let cancel = cancel.clone();
    tokio::task::spawn_blocking(move || count_blocking(&reading, &cancel, progress.as_ref()))
        .await
        .context("a reading thread failed")?
}

fn count_blocking(reading: &Reading, cancel: &Cancel, progress: &dyn Progress) -> anyhow::Result<Counted> {
    let Found { logs, tables, organizations, coverage } = walk(&reading.sources)?;
    let inputs: Vec<Input<'_>> = tables.iter().map(Input::Table).chain(logs.iter().map(Input::Log)).collect();
    progress.begin(inputs.len() as u64);
    let jobs = reading.jobs.get().min(inputs.len().max(1));
    let merged = InOrder::new((Counts::default(), coverage), AHEAD * jobs);
    let next = AtomicUsize::new(0);
    let work = |worker: usize| -> anyhow::Result<()> {
        let mut scratch = Scratch::new(reading.attribution);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(input) = inputs.get(number) else { return Ok(()) };
            merged.wait_for_turn(number);
            // A number that was claimed is always brought: others wait for it.
            let (read, failure) = match read(input, reading, &mut scratch, cancel) {
                Ok(read) => (
                    Some(Brought {
                        batch: input.batch(worker, jobs + number),
                        read,
                        delivered: input.delivered(),
                    }),
                    Ok(()),
                ),
                Err(error) => (None, Err(error)),
            };
            merged.bring(number, read, |(counts, coverage), read| {
                let Some(Brought { batch, delivered, read }) = read else { return };
                if let Some(delivered) = delivered {
                    counts.close_before(delivered);
                }
                counts.add(batch, &read.calls);
                coverage.merge(read.coverage);
            });
            if failure.is_err() {
                // The run is lost: nobody needs to start on another file.
                next.store(inputs.len(), Ordering::Relaxed);
            }
            failure?;
            progress.advance();
        }
    };
    let outcome: anyhow::Result<()> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|worker| scope.spawn(move || work(worker))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a reading thread does not panic"))
    });
    progress.finish();
    outcome?;
    let (mut counts, mut coverage) = merged.into_state();
    counts.settle();
    coverage.settle();
    info!(
        files = coverage.files,
        records = coverage.records,
        skipped = coverage.skipped.len(),
        "Read all sources."
    );
    Ok(Counted { counts, coverage, organizations })
}

/// Something to be read.
enum Input<'a> {
    Log(&'a LogFile),
    Table(&'a Table),
}

/// Something that was read.
struct Brought {
    /// Which thread's batch, or which table's, the calls come from.
    batch: usize,
    /// When it was delivered; what comes after it was not delivered before. `None` where that is not known.
    delivered: Option<Minute>,
    read: FileRead,
}

impl Input<'_> {
    fn delivered(&self) -> Option<Minute> {
        match self {
            Self::Log(file) => file.delivered,
            Self::Table(_) => None,
        }
    }

    /// Files share their thread's batch, a table has its own.
    fn batch(&self, thread: usize, own: usize) -> usize {
        match self {
            Self::Log(_) => thread,
            Self::Table(_) => own,
        }
    }
}

fn read(
    input: &Input<'_>,
    reading: &Reading,
    scratch: &mut Scratch,
    cancel: &Cancel,
) -> anyhow::Result<FileRead> {
    let read = match input {
        Input::Log(file) => {
            let options = read::Options { range: reading.range, max_inflated: read::MAX_INFLATED };
            read_file(file, &options, scratch, &|| cancel.is_cancelled())
        }
        Input::Table(table) => read_table(table, reading)?,
    };
    cancel.check()?;
    for skipped in &read.coverage.skipped {
        info!(what = skipped.what, why = skipped.why, records = skipped.records, "Skipped.");
    }
    Ok(read)
}

/// A counts table as if its calls had been read from logs.
fn read_table(Table { path, name }: &Table, reading: &Reading) -> anyhow::Result<FileRead> {
    let is_parquet = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
    let read = if is_parquet { parquet_table::read } else { csv_table::read };
    let mut table = read(path, reading.attribution, &|minute| reading.range.contains(minute))?;
    let size = path.metadata().map_or(0, |metadata| metadata.len());
    let mut coverage = Coverage { files: 1, bytes: size, records: table.calls, ..Coverage::default() };
    if table.outside > 0 {
        coverage.excluded.insert(Exclusion::OutsideTimeRange, table.outside);
    }
    coverage.skipped = table
        .bad_rows
        .iter()
        .map(|bad| Skipped {
            what: name.clone(),
            why: format!("row {}: {}", bad.first, bad.why),
            records: bad.rows,
        })
        .collect();
    Ok(FileRead { calls: table.batch.hand_over(), coverage })
}
