//! A log file -> its counted calls and its coverage: open, inflate, parse, classify, batch.
use std::fs::File;
use std::io;
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

use super::coverage::{Coverage, Skipped};
use super::inflate::{Buffers, Damage, Inflated};
use super::parse::{Findings, Memory, Reason, Sink, parse};
use super::walk::{Claim, LogFile, Place};
use crate::aggregate::{Attribution, Batch, HandOver};
use crate::classify::{Exclusion, KeyHints, Unusable, Verdict, classify};
use crate::cloudtrail::record::Record;
use crate::time::Minute;

/// Default of [`Options::max_inflated`]: 256 MiB, for each thread. AWS's files hold at most 50 MB. A file that is not
/// compressed costs no more memory than it has on disk, and may be larger.
pub const MAX_INFLATED: u64 = 256 << 20;

/// What is read, and how far.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Which event times count.
    pub range: TimeRange,
    /// How many bytes a file may inflate to; what is beyond is damage.
    pub max_inflated: u64,
    /// Whether the file's bytes are to be told by [`FileRead::raw`].
    pub tell_raw: bool,
}

/// Event times from `from` up to but without `to`; open where `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// First minute that counts.
    pub from: Option<Minute>,
    /// First minute that no longer counts.
    pub to: Option<Minute>,
}

impl TimeRange {
    /// Whether the minute is in the range.
    #[must_use]
    pub fn contains(self, minute: Minute) -> bool {
        self.from.is_none_or(|from| minute >= from) && self.to.is_none_or(|to| minute < to)
    }
}

/// What one thread keeps from file to file.
#[derive(Debug)]
pub struct Scratch {
    buffers: Buffers,
    memory: Memory,
    batch: Batch,
}

impl Scratch {
    /// For the first file. `attribution` says whether who called, and with what, is kept.
    #[must_use]
    pub fn new(attribution: Attribution) -> Self {
        Self { buffers: Buffers::default(), memory: Memory::default(), batch: Batch::new(attribution) }
    }
}

/// What a file brought.
#[derive(Debug)]
pub struct FileRead {
    /// Its calls.
    pub calls: HandOver,
    /// What was read of it, and what not.
    pub coverage: Coverage,
    /// What stands for its bytes as they lie; `None` where nobody asked, or it could not be opened.
    pub raw: Option<Raw>,
}

/// What stands for the bytes of a file as they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw {
    /// How many there are.
    pub length: u64,
    /// Their XXH3.
    pub digest: u128,
}

/// What stands for the bytes of a file.
///
/// # Errors
/// When it cannot be read.
pub fn raw_of(path: &Path) -> io::Result<Raw> {
    Told::new(File::open(path)?, true).raw().ok_or_else(|| io::Error::other("cannot be read to its end"))
}

/// An input, and what stands for the bytes that were taken from it.
struct Told<R> {
    input: R,
    length: u64,
    /// `None` where nobody asks.
    digest: Option<Xxh3>,
}

impl<R: io::Read> Told<R> {
    fn new(input: R, is_wanted: bool) -> Self {
        Self { input, length: 0, digest: is_wanted.then(Xxh3::new) }
    }

    /// Of all bytes, those too that were not taken; `None` where they cannot be read, or nobody asks.
    fn raw(&mut self) -> Option<Raw> {
        self.digest.as_ref()?;
        io::copy(self, &mut io::sink()).ok()?;
        Some(Raw { length: self.length, digest: self.digest.as_ref()?.digest128() })
    }
}

impl<R: io::Read> io::Read for Told<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        if let Some(digest) = &mut self.digest {
            self.length += read as u64;
            digest.update(buffer.get(..read).unwrap_or_default());
        }
        Ok(read)
    }
}

/// Reads one file. It never fails: what is wrong becomes a row of the coverage. Once `stop` says so, it returns soon,
/// with whatever it has: the caller then throws it away.
pub fn read_file(
    file: &LogFile,
    options: &Options,
    scratch: &mut Scratch,
    stop: &dyn Fn() -> bool,
) -> FileRead {
    let input = open(file).map_err(|error| format!("cannot open: {error}"));
    read_input(file, input, options, scratch, stop)
}

/// The same of a file whose bytes are `input`, or which cannot be read for that reason.
pub fn read_input(
    file: &LogFile,
    input: Result<impl io::Read, String>,
    options: &Options,
    scratch: &mut Scratch,
    stop: &dyn Fn() -> bool,
) -> FileRead {
    let hints = KeyHints { account: file.account.clone() };
    let mut counter = Counter {
        batch: &mut scratch.batch,
        coverage: Coverage::default(),
        hints: &hints,
        range: options.range,
        stop,
        raw: None,
    };
    let input = match input {
        Ok(input) => input,
        Err(why) => {
            counter.coverage.skipped.push(Skipped { what: file.name.clone(), why, records: 0 });
            return counter.into_read();
        }
    };
    let mut input = Told::new(input, options.tell_raw);
    let Inflated { bytes, seal, damage } = scratch.buffers.read(&mut input, options.max_inflated, stop);
    counter.raw = if matches!(damage, Some(Damage::Io(_))) { None } else { input.raw() };
    if let Some(kind) = archive(bytes) {
        let why = format!("a {kind} archive, not a log: unpack it first");
        counter.coverage.skipped.push(Skipped { what: file.name.clone(), why, records: 0 });
        return counter.into_read();
    }
    let findings = parse(bytes, seal, &mut scratch.memory, &mut counter);
    report(file, bytes.len(), damage, findings, &mut counter.coverage);
    counter.into_read()
}

/// What kind of archive it is: one that is stored uncompressed would half pass for the logs in it.
fn archive(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"PK\x03\x04") {
        Some("zip")
    } else if bytes.get(257..262) == Some(b"ustar") {
        Some("tar")
    } else {
        None
    }
}

fn open(file: &LogFile) -> io::Result<Box<dyn io::Read>> {
    Ok(match &file.place {
        Place::Stdin => Box::new(io::stdin().lock()),
        Place::Path(path) => Box::new(File::open(path)?),
        // They are fetched ahead, by whoever reads many.
        Place::Object(_) => return Err(io::Error::from(io::ErrorKind::Unsupported)),
    })
}

/// Turns what was found wrong with a file into rows.
fn report(
    file: &LogFile,
    inflated: usize,
    damage: Option<Damage>,
    findings: Findings,
    coverage: &mut Coverage,
) {
    let row = |why, records| Skipped { what: file.name.clone(), why, records };
    let Findings { is_log, mut flaws } = findings;
    if is_log {
        coverage.files += 1;
        coverage.bytes += inflated as u64;
    }
    if let Some(damage) = damage {
        // That the JSON ends early is then no news; what the reader wants to know is what still counts.
        let lost = flaws.extract_if(.., |flaw| matches!(flaw.reason, Reason::Truncated));
        let lost = lost.map(|flaw| flaw.records).sum();
        let why = match coverage.records {
            0 => format!("{damage}; no record could be read"),
            records => format!("{damage}; the {records} records before it count"),
        };
        coverage.skipped.push(row(why, lost));
    } else if !is_log && flaws.is_empty() {
        let rows = if file.claim == Claim::Nothing { &mut coverage.ignored } else { &mut coverage.skipped };
        rows.push(row("empty".to_owned(), 0));
    } else if coverage.records == 0 && flaws.is_empty() {
        coverage.ignored.push(row("holds no records".to_owned(), 0));
    }
    for flaw in flaws {
        let is_foreign = matches!(flaw.reason, Reason::Foreign);
        let harmless = !is_log
            && match file.claim {
                Claim::Log => false,
                Claim::Json => is_foreign,
                Claim::Nothing => true,
            };
        let rows = if harmless { &mut coverage.ignored } else { &mut coverage.skipped };
        // Of a file that is no log at all, nobody knows how many records it should have held.
        rows.push(row(flaw.to_string(), if is_log { flaw.records } else { 0 }));
    }
}

/// Classifies and counts the records of one file.
struct Counter<'c> {
    batch: &'c mut Batch,
    coverage: Coverage,
    hints: &'c KeyHints,
    range: TimeRange,
    stop: &'c dyn Fn() -> bool,
    raw: Option<Raw>,
}

impl Counter<'_> {
    fn into_read(self) -> FileRead {
        let calls = self.batch.hand_over();
        let coverage = Coverage { minutes: calls.span(), ..self.coverage };
        FileRead { calls, coverage, raw: self.raw }
    }

    fn exclude(&mut self, reason: Exclusion) {
        *self.coverage.excluded.entry(reason).or_default() += 1;
    }
}

impl Sink for Counter<'_> {
    fn record(&mut self, record: Record<'_>) -> Result<(), Unusable> {
        match classify(record, self.hints) {
            Verdict::Unusable(unusable) => return Err(unusable),
            Verdict::Excluded(reason) => self.exclude(reason),
            Verdict::Counted(observation) if self.range.contains(observation.minute) => {
                self.batch.observe(&observation);
            }
            Verdict::Counted(_) => self.exclude(Exclusion::OutsideTimeRange),
        }
        self.coverage.records += 1;
        Ok(())
    }

    fn clear(&mut self) {
        self.batch.clear();
        self.coverage = Coverage::default();
    }

    fn stopped(&self) -> bool {
        (self.stop)()
    }
}
