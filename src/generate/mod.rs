//! A seed -> a realistic organization's CloudTrail log tree, with planted incidents and the labels that tell them.
//!
//! Nothing here is read by the other modules; the tree is for demonstrations, tests and measurements. The same options
//! give the same bytes, on any number of threads: every record follows from the seed, its flow and its day.
mod actors;
mod calendar;
mod catalogue;
mod delivery;
mod digest;
mod incidents;
mod labels;
mod organization;
mod plots;
mod random;
mod record;
mod rhythm;
mod template;
#[cfg(test)]
mod tests;
mod tree;
mod workloads;

use std::fs;
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

pub use labels::Totals;

use crate::time::Minute;
use incidents::Plan;
use labels::{FORMAT, Incident, Labels};
use organization::Organization;
use tree::{CellDay, Forest, Scratch};

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Folder for the tree and `labels.json`; empty, absent, or made by an earlier run.
    pub out: PathBuf,
    /// Days of activity from 2026-01-05, 1 to 366.
    pub days: u32,
    /// Any number; another seed is another organization.
    pub seed: u64,
    /// AWS accounts, 1 to 100.
    pub accounts: usize,
    /// About how many distinct records; jobs with a fixed rhythm make their calls however few are asked for.
    pub records: u64,
    /// Minutes that quiet accounts and regions wait for their next log file at most, 5 to 60. AWS delivers every five
    /// minutes, which makes very many small files.
    pub wait: u32,
}

/// What was generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// Counts of what the tree holds.
    pub totals: Totals,
    /// Planted incidents, in order of time.
    pub incidents: Vec<PlantedIncident>,
    /// Where the truth about them is written.
    pub labels: PathBuf,
}

/// A planted incident, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlantedIncident {
    /// Such as `backup_silent`.
    pub kind: &'static str,
    /// What happens, in a sentence without a full stop.
    pub text: &'static str,
    /// First minute.
    pub start: Minute,
    /// First minute after it.
    pub end: Minute,
}

/// Why nothing, or not everything, could be generated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A number outside its range.
    #[error("{name} must be between {low} and {high}, got {got}")]
    OutOfRange {
        /// Which option.
        name: &'static str,
        /// Smallest allowed value.
        low: u64,
        /// Largest allowed value.
        high: u64,
        /// The value.
        got: u64,
    },
    /// The folder holds something else.
    #[error("{} is not empty and was not made by `trailpulse generate`", .path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// A file or folder could not be read or removed.
    #[error("cannot prepare {}", .path.display())]
    Prepare {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was asked to stop.
    #[error("stopped")]
    Stopped,
    /// A file or folder could not be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Name of the file with the truth, under the folder.
const LABELS: &str = "labels.json";
/// Days at the end that digest files cover.
const DIGEST_DAYS: u32 = 2;
/// About how many log files there should be at most, and how few records one should hold.
const MOST_FILES: f64 = 15_000.0;
const FEWEST_IN_A_FILE: f64 = 20.0;
/// More is a mistake rather than a demonstration.
const MOST_RECORDS: u64 = 200_000_000;
/// The busy flows are thinned down to this part of their usual size, and no further.
const LEAST_SCALE: f64 = 0.02;

/// Writes a log tree and its labels.
///
/// # Errors
/// Options out of range, a folder that holds something else, a disk that cannot be written to, or [`Error::Stopped`] soon
/// after `stop` says so: then the folder holds a part, which the next run replaces.
pub fn write(options: &Options, stop: &(dyn Fn() -> bool + Sync)) -> Result<Generated, Error> {
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    write_on(options, threads, stop)
}

fn write_on(
    options: &Options,
    threads: NonZeroUsize,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Generated, Error> {
    let (organization, plan) = imagine(options)?;
    prepare(&options.out)?;
    // Unfinished labels mark the folder as ours, and prove that it can be written to.
    write_labels(options, &organization, &plan, None)?;
    let forest = Forest {
        out: &options.out,
        organization: &organization,
        plan: &plan,
        slots: slots(&organization, &plan, options.wait),
        digests_from: tree::last_days(&organization, DIGEST_DAYS),
        stop,
    };
    let totals = grow(&forest, threads)?;
    write_labels(options, &organization, &plan, Some(totals))?;
    let incidents = plan.incidents.iter().map(Incident::planted).collect();
    Ok(Generated { totals, incidents, labels: options.out.join(LABELS) })
}

/// The organization, sized to the number of records, with its incidents.
fn imagine(options: &Options) -> Result<(Organization, Plan), Error> {
    let check = |name, got: u64, low, high| {
        let ok = (low..=high).contains(&got);
        if ok { Ok(()) } else { Err(Error::OutOfRange { name, low, high, got }) }
    };
    check("days", options.days.into(), 1, 366)?;
    check("accounts", options.accounts as u64, 1, 100)?;
    check("records", options.records, 1, MOST_RECORDS)?;
    check("wait", options.wait.into(), 5, 60)?;
    let mut organization = Organization::new(options);
    let (elastic, fixed) = organization.expected();
    let wanted = options.records as f64;
    organization.scale = ((wanted - fixed) / elastic).max(LEAST_SCALE);
    let plan = incidents::plant(&mut organization);
    let fixed = fixed + plan.calls.len() as f64;
    organization.scale = ((wanted - fixed) / elastic).max(LEAST_SCALE);
    Ok((organization, plan))
}

/// Makes sure that the folder is there and holds nothing but what an earlier run wrote, and removes that.
fn prepare(out: &Path) -> Result<(), Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Prepare { path, source }
    };
    fs::create_dir_all(out).map_err(|source| Error::Write { path: out.to_owned(), source })?;
    if fs::read_dir(out).map_err(failed(out))?.next().is_none() {
        return Ok(());
    }
    #[expect(clippy::disallowed_methods, reason = "reads back a file of its own")]
    let labels = fs::read(out.join(LABELS)).unwrap_or_default();
    let labels: serde_json::Value = serde_json::from_slice(&labels).unwrap_or_default();
    let ours = labels.get("format").and_then(serde_json::Value::as_str) == Some(FORMAT);
    let Some(organization) = labels.get("organization").and_then(serde_json::Value::as_str).filter(|_| ours)
    else {
        return Err(Error::NotOurs { path: out.to_owned() });
    };
    let old = out.join("AWSLogs").join(Path::new(organization).file_name().unwrap_or_default());
    match fs::remove_dir_all(&old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&old)(error)),
        _ => Ok(()),
    }
}

/// Beside and renamed: the labels are whole at any time.
fn write_labels(
    options: &Options,
    organization: &Organization,
    plan: &Plan,
    totals: Option<Totals>,
) -> Result<(), Error> {
    let path = options.out.join(LABELS);
    let text = Labels::new(options, organization, &plan.incidents, totals).json();
    let written = tempfile::NamedTempFile::new_in(&options.out).and_then(|mut file| {
        file.write_all(&text)?;
        file.persist(&path).map_err(|error| error.error)
    });
    written.map(drop).map_err(|source| Error::Write { path, source })
}

/// Minutes between the log files of each cell.
fn slots(organization: &Organization, plan: &Plan, most: u32) -> Vec<u32> {
    let days = f64::from(organization.days);
    let mut calls = Vec::new();
    let mut per_day = Vec::new();
    for cell in 0..organization.cells.len() {
        // The first day is a Monday: as busy as it gets.
        calls.clear();
        organization.calls(cell, 0, &mut calls);
        let planned = plan.calls.iter().filter(|call| organization.flows[call.flow].cell == cell).count();
        per_day.push(calls.len() as f64 + planned as f64 / days);
    }
    let wanted = (per_day.iter().sum::<f64>() * days / MOST_FILES).max(FEWEST_IN_A_FILE);
    per_day.into_iter().map(|records| delivery::slot(records, wanted, most)).collect()
}

/// Writes all log files, many days at a time, and then the digests.
fn grow(forest: &Forest<'_>, threads: NonZeroUsize) -> Result<Totals, Error> {
    let cells = forest.organization.cells.len();
    let days = tree::days_of_delivery(forest.organization) as usize;
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, CellDay)>, Error> {
        let (mut done, mut scratch) = (Vec::new(), Scratch::default());
        loop {
            let task = next.fetch_add(1, Ordering::Relaxed);
            if task >= cells * days {
                return Ok(done);
            }
            let written = forest.write_day(task % cells, (task / cells) as u32, &mut scratch);
            // A failure ends the others too.
            let written = written.inspect_err(|_| next.store(cells * days, Ordering::Relaxed))?;
            done.push((task, written));
        }
    };
    let done = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.get()).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker does not panic"))
            .collect::<Result<Vec<_>, _>>()
    })?;
    let mut done: Vec<(usize, CellDay)> = done.into_iter().flatten().collect();
    done.sort_unstable_by_key(|&(task, _)| task);
    let mut by_cell: Vec<CellDay> = (0..cells).map(|_| CellDay::default()).collect();
    for (task, written) in done {
        by_cell[task % cells].add(written);
    }
    let mut sum = CellDay::default();
    for (cell, written) in forest.organization.cells.iter().zip(by_cell) {
        sum.totals.digests += digest::write(forest, cell, &written.log_files)?;
        sum.add(written);
    }
    let delivered = sum.totals.records + sum.totals.duplicates;
    sum.totals.mean_record_bytes = sum.record_bytes / delivered.max(1);
    Ok(sum.totals)
}
