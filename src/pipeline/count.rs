//! SOURCE arguments -> all counts, and what was covered. Reads files on several threads, merges them in list order:
//! the order of delivery, so that days can be closed on the way.
use std::fs::File;
use std::io::Cursor;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, anyhow, bail};
use tracing::{info, warn};

use super::in_order::InOrder;
use super::read_files::{Listed, ReadFiles};
use super::spill::{IN_MEMORY, Spill};
use super::table::{CountedBefore, read_table};
use super::{Cancel, Progress, note};
use crate::aggregate::{Attribution, Counts};
use crate::cloudtrail::organizations::Organizations;
use crate::s3::{Buckets, Fetched, Prefetch, S3Error, Wanted};
use crate::source::before::{Anew, Before, Within};
use crate::source::coverage::Coverage;
use crate::source::files::LogFiles;
use crate::source::may_pass::may_pass;
use crate::source::read::{self, FileRead, Raw, Scratch, TimeRange, read_file, read_input};
use crate::source::walk::{Found, LogFile, Place, Table, shown, walk_new};
use crate::state::{ReadFile, State};
use crate::time::{MINUTES_PER_DAY, Minute};

/// What to read, and how.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Folders, files, `s3://` prefixes, counts tables, `-`.
    pub sources: Vec<PathBuf>,
    /// Which event times count.
    pub range: TimeRange,
    /// Whether identities and agents are kept apart.
    pub attribution: Attribution,
    /// Threads.
    pub jobs: NonZeroUsize,
    /// How buckets are reached.
    pub buckets: Buckets,
}

/// All that was read.
#[derive(Debug)]
pub struct Counted {
    /// The counts, settled.
    pub counts: Counts,
    /// What was read, skipped and ignored.
    pub coverage: Coverage,
    /// In which organization each account was when.
    pub organizations: Organizations,
    /// The files that were read, where an earlier run's were given.
    pub read: Option<ReadFiles>,
}

/// What reading begins with.
#[derive(Debug, Default)]
pub struct Beginning {
    /// Counts of earlier runs.
    pub counts: Counts,
    /// The files that earlier runs have read; `None` where none can be known.
    pub read: Option<ReadFiles>,
    /// What earlier runs left; `None` where none can have.
    pub state: Option<Arc<State>>,
}

impl Beginning {
    /// Of a run that no other went before.
    #[must_use]
    pub fn anew() -> Self {
        Self { counts: Counts::on(Box::new(Spill::new(IN_MEMORY))), read: None, state: None }
    }
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
    tokio::task::spawn_blocking(move || count_on(Beginning::anew(), &reading, &cancel, progress.as_ref()))
        .await
        .context("a reading thread failed")?
}

/// The same on top of what earlier runs have read and counted; blocks.
///
/// # Errors
/// As [`count`].
pub fn count_on(
    beginning: Beginning,
    reading: &Reading,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> anyhow::Result<Counted> {
    let Beginning { counts, read: mut known, state } = beginning;
    let sources: Vec<String> = reading.sources.iter().map(|source| shown(source)).collect();
    note("what", sources.join(" "));
    let TimeRange { from, to } = reading.range;
    let within = Within { from: from.map(Minute::day), to: to.map(|to| to.plus(-1).day()) };
    let before: &dyn Before = match &known {
        Some(known) => known,
        None if within.is_all() => &Anew,
        None => &within,
    };
    let Found { mut logs, mut tables, organizations, mut coverage, may_be_more, listed, unlisted } =
        walk_new(&reading.sources, before, &reading.buckets)?;
    if let Some(known) = &mut known {
        coverage.known_files = known.leave_out(&mut logs, &mut tables)?;
        known.begin(&logs, Listed { listed, unlisted, may_be_more });
    }
    if tables.len() > 1 || (!tables.is_empty() && !logs.is_empty()) {
        warn!("Counts tables are read beside other sources: a call that is in two of them counts twice.");
    }
    let counted_before = CountedBefore::of(state.as_deref(), &tables)?;
    let inputs = Arc::new(Inputs { tables, counted_before, logs });
    let bodies = prefetch(&inputs, &reading.buckets)?;
    progress.begin(inputs.len() as u64);
    let jobs = reading.jobs.get().min(inputs.len().max(1));
    let is_listed = known.is_some();
    let merged = InOrder::new((counts, coverage, known), AHEAD * jobs);
    let next = AtomicUsize::new(0);
    let run = Run { reading, cancel, progress, jobs, inputs: &inputs, bodies, is_listed, next, merged };
    let span = tracing::Span::current();
    let outcome: anyhow::Result<()> = std::thread::scope(|scope| {
        let (run, span) = (&run, &span);
        let work = |worker| move || span.in_scope(|| run.work(worker));
        let workers: Vec<_> = (0..jobs).map(|worker| scope.spawn(work(worker))).collect();
        let ended = workers.into_iter().map(|worker| {
            worker.join().unwrap_or_else(|_| Err(anyhow!("a reading thread panicked, which is a bug")))
        });
        // All are joined before the first failure is told.
        ended.collect::<Vec<_>>().into_iter().collect()
    });
    progress.finish();
    outcome?;
    let (mut counts, mut coverage, read) = run.merged.into_state();
    coverage.left_files = read.as_ref().map_or(0, |read| read.left(inputs.len()) as u64);
    counts.settle();
    whole(&counts)?;
    coverage.settle();
    note("files", coverage.files);
    note("bytes", coverage.bytes);
    note("records", coverage.records);
    note("skipped", coverage.skipped.len());
    info!(known_files = coverage.known_files, "Read all sources.");
    Ok(Counted { counts, coverage, organizations, read })
}

/// Whether nothing of the counts was lost on the way to a temporary file or back. To be asked once more before what was
/// made of them is given out.
///
/// # Errors
/// When something was lost; says why.
pub fn whole(counts: &Counts) -> anyhow::Result<()> {
    counts.failure().map_or(Ok(()), |why| Err(anyhow!(why)))
}

/// What all threads of one run share.
struct Run<'a> {
    reading: &'a Reading,
    cancel: &'a Cancel,
    progress: &'a dyn Progress,
    jobs: usize,
    inputs: &'a Inputs,
    /// Fetches what lies in buckets.
    bodies: Option<Prefetch>,
    /// Whether it is noted which files were read.
    is_listed: bool,
    /// The first input that no thread has claimed.
    next: AtomicUsize,
    merged: InOrder<Merged, Option<Brought>>,
}

/// What all inputs are merged into.
type Merged = (Counts, Coverage, Option<ReadFiles>);

impl Run<'_> {
    /// Reads inputs until none is left.
    fn work(&self, worker: usize) -> anyhow::Result<()> {
        let mut scratch = Scratch::new(self.reading.attribution);
        let _claimant = self.merged.claimant();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(input) = self.inputs.get(number) else { return Ok(()) };
            // Whoever panicked makes the run fail.
            let Ok(()) = self.merged.wait_for_turn(number) else { return Ok(()) };
            // A number that was claimed is always brought: others wait for it.
            let (read, failure) = match self.read(number, &input, &mut scratch) {
                Ok((read, may_pass)) => (
                    Some(Brought {
                        missed: if self.is_listed { input.missed(&read, may_pass) } else { None },
                        batch: input.batch(worker, self.jobs + number),
                        file: read.raw.map(|raw| input.as_read(raw)),
                        read,
                        delivered: input.delivered(),
                    }),
                    Ok(()),
                ),
                Err(error) => (None, Err(error)),
            };
            if failure.is_err() {
                self.start_no_more();
            }
            self.merged.bring(number, read, |state, read| {
                if let Some(read) = read {
                    self.merge(state, read);
                }
            });
            failure?;
            self.progress.advance();
        }
    }

    fn merge(&self, (counts, coverage, known): &mut Merged, brought: Brought) {
        let Brought { batch, delivered, file, mut read, missed } = brought;
        if known.as_mut().is_some_and(|known| known.leaves(delivered, missed.is_some())) {
            self.start_no_more();
            return;
        }
        if let Some(delivered) = self.believed(delivered, &read) {
            counts.close_before(delivered);
        }
        let is_copy = known.as_mut().zip(file).is_some_and(|(known, file)| !known.add(file));
        if is_copy {
            counts.add_copies(batch, &read.calls);
        } else {
            counts.add(batch, &read.calls);
        }
        if let Some((known, (file, may_pass))) = known.as_mut().zip(missed) {
            let so = known.miss(&file, may_pass);
            if let Some((row, so)) = read.coverage.skipped.last_mut().zip(so) {
                row.why.push_str(so);
            }
        }
        coverage.merge(read.coverage);
        if counts.failure().is_some() {
            self.start_no_more();
        }
    }

    /// When a file was delivered, as far as its name is believed: where a state goes on from it, a name with a wrong time in
    /// the future must not end everything, so it is no more than a day after the file's last record.
    fn believed(&self, delivered: Option<Minute>, read: &FileRead) -> Option<Minute> {
        if !self.is_listed {
            return delivered;
        }
        let (_, last) = read.coverage.minutes?;
        Some(delivered?.min(last.plus(MINUTES_PER_DAY)))
    }

    /// Reads an input; and where it could not be had, whether trying again may help.
    fn read(
        &self,
        number: usize,
        input: &Input<'_>,
        scratch: &mut Scratch,
    ) -> anyhow::Result<(FileRead, bool)> {
        let mut may_pass = false;
        let read = match input {
            Input::Log(file) => {
                let Self { reading, is_listed, .. } = self;
                let (range, max_inflated) = (reading.range, read::MAX_INFLATED);
                let options = read::Options { range, max_inflated, tell_raw: *is_listed };
                let stop = || self.cancel.is_cancelled();
                match (&file.place, &self.bodies) {
                    (Place::Object(_), Some(bodies)) => {
                        let Some(Fetched { body, .. }) = &bodies.take(number, &stop) else {
                            self.cancel.check()?;
                            bail!("objects are no longer fetched, which is a bug");
                        };
                        may_pass = body.as_ref().is_err_and(|error| error.cause.may_pass());
                        let body = body.as_ref().map(Cursor::new);
                        let body = body.map_err(|error| format!("cannot read: {}", error.cause.row()));
                        read_input(file, body, &options, scratch, &stop)
                    }
                    (place, _) => {
                        let read = read_file(file, &options, scratch, &stop);
                        may_pass = *is_listed && read.raw.is_none() && may_pass_on_disk(place);
                        read
                    }
                }
            }
            Input::Table(table) => {
                read_table(table, self.reading, self.inputs.counted_before.as_ref(), self.is_listed)?
            }
        };
        self.cancel.check()?;
        for skipped in &read.coverage.skipped {
            info!(what = skipped.what, why = skipped.why, records = skipped.records, "Skipped.");
        }
        Ok((read, may_pass))
    }

    /// The run is lost: nobody needs to start on another file.
    fn start_no_more(&self) {
        self.next.store(self.inputs.len(), Ordering::Relaxed);
    }
}

/// Whether a file that could not be read may be readable the next time: it is there, and nobody denies it.
fn may_pass_on_disk(place: &Place) -> bool {
    let Place::Path(path) = place else { return false };
    File::open(path).err().is_none_or(|error| may_pass(&error))
}

/// All that is to be read, in order.
struct Inputs {
    tables: Vec<Table>,
    /// What of them does not count; `None` where all does.
    counted_before: Option<CountedBefore>,
    logs: LogFiles,
}

impl Inputs {
    fn len(&self) -> usize {
        self.tables.len() + self.logs.len()
    }

    fn get(&self, number: usize) -> Option<Input<'_>> {
        match number.checked_sub(self.tables.len()) {
            Some(number) => self.logs.get(number).map(Input::Log),
            None => self.tables.get(number).map(Input::Table),
        }
    }
}

impl Inputs {
    /// The object with that number; `None` where it lies in no bucket.
    fn wanted(&self, number: usize) -> Option<Wanted> {
        match self.get(number)? {
            Input::Log(LogFile { place: Place::Object(wanted), .. }) => Some(wanted),
            _ => None,
        }
    }
}

/// Something to be read.
enum Input<'a> {
    Log(LogFile),
    Table(&'a Table),
}

/// Something that was read.
struct Brought {
    /// Which thread's batch, or which table's, the calls come from.
    batch: usize,
    /// When it was delivered; what comes after it was not delivered before. `None` where that is not known.
    delivered: Option<Minute>,
    /// By what it will be known; `None` where it was not read to its end, or nobody asks.
    file: Option<ReadFile>,
    /// What could not be read, and whether trying again may help.
    missed: Option<(LogFile, bool)>,
    read: FileRead,
}

impl Input<'_> {
    fn delivered(&self) -> Option<Minute> {
        match self {
            Self::Log(file) => file.delivered,
            Self::Table(_) => None,
        }
    }

    fn as_read(&self, Raw { length, digest }: Raw) -> ReadFile {
        let delivered = self.delivered();
        let name = match self {
            Self::Log(file) => file.known_as(),
            Self::Table(_) => None,
        };
        ReadFile { delivered, name: name.unwrap_or_default(), length, digest }
    }

    /// The file, if it could not be had.
    fn missed(&self, read: &FileRead, may_pass: bool) -> Option<(LogFile, bool)> {
        match self {
            Self::Log(file) if read.raw.is_none() => Some((file.clone(), may_pass)),
            _ => None,
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

/// Begins to fetch what lies in buckets; `None` where nothing does.
fn prefetch(inputs: &Arc<Inputs>, buckets: &Buckets) -> Result<Option<Prefetch>, S3Error> {
    // Folders and buckets are never read in one run, and standard input comes first.
    let last = inputs.len().checked_sub(1).and_then(|last| inputs.wanted(last));
    let Some(last) = last else { return Ok(None) };
    let bucket = buckets.get(&last.location.bucket)?;
    let shared = Arc::clone(inputs);
    let wanted = move |number| shared.wanted(number);
    Ok(Some(Prefetch::start(&bucket, buckets.clone(), inputs.len(), wanted)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A watcher that panics on a reading thread.
    struct Panics;

    impl Progress for Panics {
        fn begin(&self, _: u64) {}
        fn advance(&self) {
            panic!("as a bug would");
        }
        fn finish(&self) {}
    }

    #[test]
    fn a_reading_thread_that_panics_makes_the_run_fail() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for number in 0..100 {
            let path = folder.path().join(format!("{number}.json"));
            let mut file = std::fs::File::create(path).expect("writable");
            file.write_all(br#"{"Records":[]}"#).expect("writable");
        }
        for jobs in [1, 2, 4] {
            let reading = Reading {
                sources: vec![folder.path().to_owned()],
                range: TimeRange::default(),
                attribution: Attribution::Kept,
                jobs: NonZeroUsize::new(jobs).expect("not zero"),
                buckets: Buckets::default(),
            };
            let outcome = count_on(Beginning::anew(), &reading, &Cancel::default(), &Panics);
            let why = outcome.err().map(|error| error.to_string());
            assert_eq!(why.as_deref(), Some("a reading thread panicked, which is a bug"), "{jobs} threads");
        }
    }
}
