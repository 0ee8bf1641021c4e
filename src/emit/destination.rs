//! Files in memory -> files under DEST: all of them or none, instead of those of the run before, and nobody else's.
#![expect(clippy::disallowed_methods, reason = "reads back small files of its own")]
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde::de::IgnoredAny;
use thiserror::Error;
use walkdir::WalkDir;

use super::{KEPT_FILE, LINES_FILE, Output, PAGE_FILE, SUMMARY_FILE, Told, is_ours};
use crate::cloudtrail::insight::EventId;
use crate::folders::Made;
use crate::s3::S3Error;
use crate::step::step;

/// Where files lie until all are complete; in DEST, since only within one file system is renaming a single step.
const STAGING: &str = ".trailpulse-staging";

/// The folder of the Insight tree.
pub(super) const TREE: &str = "AWSLogs";
/// Written and removed again, to see whether that works.
pub(super) const PROBE: &str = ".trailpulse-probe";

/// What every page of ours says of itself.
const GENERATOR: &[u8] = b"<meta name=\"generator\" content=\"trailpulse ";
/// What stands before the id of a line.
const ID: &[u8] = b"\"eventID\":\"";
/// As many bytes of a file as usually tell whose it is.
pub(super) const FIRST: u64 = 64 << 10;
/// With what everything begins that is kept of a report.
const KEPT_FIRST: &[u8] = b"{\"format\":";
/// Most inflated bytes of what is kept of a report.
const MOST_KEPT: u64 = 1 << 30;

/// Why nothing could be published.
#[derive(Debug, Error)]
pub enum DestinationError {
    /// It cannot be made, written or renamed.
    #[error("cannot write to {}", path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not there, or cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another run has it.
    #[error("{} is being written by another run", path.display())]
    Busy {
        /// DEST.
        path: PathBuf,
    },
    /// A file with a name of ours that is not ours.
    #[error("{} was not written by trailpulse and would be overwritten", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A bucket cannot be read or written.
    #[error(transparent)]
    S3(#[from] S3Error),
}

/// What becomes of what earlier runs published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// It makes room.
    Replaced,
    /// It stays, and this run's comes after it.
    Kept,
}

/// A folder that will hold what is published. While it is open, no other run can open it; dropped without
/// [`Destination::publish`], it is left as it was.
#[derive(Debug)]
pub struct Destination {
    path: PathBuf,
    staging: PathBuf,
    /// Folders that were made for it.
    _made: Made,
    staged: Vec<String>,
    earlier: Earlier,
    /// Held for its lock, which ends with the process at the latest.
    _lock: Option<File>,
}

impl Destination {
    /// Makes the folder if need be and tries to write there, so that what cannot work fails before the work. What a
    /// killed run had staged is removed.
    ///
    /// # Errors
    /// The folder cannot be written to, belongs to a running run, or has a `summary.json` or `insights.jsonl` that
    /// trailpulse did not write.
    pub fn open(path: &Path, earlier: Earlier) -> Result<Self, DestinationError> {
        let made = at(path, Made::all(path))?;
        // Dropped, a destination removes what is staged: nobody has one who has not the lock.
        let lock = lock(path)?;
        let destination = Self {
            path: path.to_owned(),
            staging: path.join(STAGING),
            _made: made,
            staged: Vec::new(),
            earlier,
            _lock: lock,
        };
        for name in [SUMMARY_FILE, LINES_FILE] {
            refuse_foreign(&path.join(name), name)?;
        }
        probe(&path.join(TREE))?;
        remove_if_there(&destination.staging, |staging| fs::remove_dir_all(staging))?;
        at(path, fs::create_dir(&destination.staging))?;
        probe(&destination.staging)?;
        Ok(destination)
    }

    /// Makes sure that a report can be written, and says whether an earlier run kept something of its own: [`KEPT_FILE`].
    ///
    /// # Errors
    /// The report's folder cannot be written to, or holds a file with a name of ours that trailpulse did not write.
    pub fn report_before(&self) -> Result<bool, DestinationError> {
        if let Some(folder) = self.path.join(PAGE_FILE).parent() {
            probe(folder)?;
        }
        for name in [PAGE_FILE, KEPT_FILE] {
            refuse_foreign(&self.path.join(name), name)?;
        }
        Ok(self.path.join(KEPT_FILE).exists())
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What earlier runs have told.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn told(&self) -> Result<Told, DestinationError> {
        let lines = self.path.join(LINES_FILE);
        Ok(Told::of(&at(&lines, there(&lines))?))
    }

    /// A file that an earlier run published; `None` where there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn published(&self, name: &str) -> Result<Option<Vec<u8>>, DestinationError> {
        let path = self.path.join(name);
        Ok(Some(at(&path, there(&path))?).filter(|bytes| !bytes.is_empty()))
    }

    /// Writes a file where nobody looks yet.
    ///
    /// # Errors
    /// The disk is full, or some such.
    pub fn stage(&mut self, output: &Output) -> Result<(), DestinationError> {
        let path = self.staging.join(&output.path);
        step("stage an output");
        if output.path == LINES_FILE && self.earlier == Earlier::Kept {
            let lines = self.path.join(LINES_FILE);
            if output.bytes.is_empty() && lines.exists() {
                return Ok(());
            }
            let before = at(&lines, there(&lines))?;
            at(&path, write(&path, &with_lines(before, &output.bytes)))?;
        } else {
            at(&path, write(&path, &output.bytes))?;
        }
        self.staged.push(output.path.clone());
        Ok(())
    }

    /// Moves everything that was staged to its place and removes what earlier runs had published there.
    /// `summary.json` goes first and comes last: where it stands, all else is complete and on the disk.
    ///
    /// # Errors
    /// A file cannot be moved or removed. Then there is no `summary.json`, and the next run repairs the rest.
    pub fn publish(mut self) -> Result<(), DestinationError> {
        // Only now that all are written: the first one brings most of the others along.
        for name in &self.staged {
            step("sync an output");
            sync(&self.staging.join(name))?;
        }
        let summary = self.path.join(SUMMARY_FILE);
        let (last, first): (Vec<String>, Vec<String>) =
            std::mem::take(&mut self.staged).into_iter().partition(|name| name == SUMMARY_FILE);
        step("remove the summary");
        remove_if_there(&summary, |summary| fs::remove_file(summary))?;
        sync(&self.path)?;
        let mut changed = BTreeSet::new();
        for name in &first {
            self.move_in(name, &mut changed)?;
        }
        if self.earlier == Earlier::Replaced {
            self.remove_earlier(&first, &mut changed)?;
        }
        // Folders that were emptied are gone.
        changed.iter().filter(|folder| folder.exists()).try_for_each(|folder| sync(folder))?;
        for name in &last {
            self.move_in(name, &mut changed)?;
        }
        sync(&self.path)
    }

    /// Renames a staged file, and notes which folders list something else now.
    fn move_in(&self, name: &str, changed: &mut BTreeSet<PathBuf>) -> Result<(), DestinationError> {
        let to = self.path.join(name);
        let folder = to.parent().unwrap_or(&self.path);
        // A new folder is safe when the folder around it is.
        let fresh = folder.ancestors().take_while(|folder| !folder.exists()).filter_map(Path::parent);
        changed.extend(fresh.chain([folder]).map(Path::to_owned));
        at(folder, fs::create_dir_all(folder))?;
        step("rename an output");
        at(&to, fs::rename(self.staging.join(name), &to))
    }

    /// Removes what earlier runs had put into the Insight tree and this one did not, and folders that are empty then.
    fn remove_earlier(
        &self,
        kept: &[String],
        changed: &mut BTreeSet<PathBuf>,
    ) -> Result<(), DestinationError> {
        let kept: BTreeSet<PathBuf> = kept.iter().map(|name| self.path.join(name)).collect();
        let tree = self.insight_files().filter(|file| !kept.contains(file) && is_ours_on_disk(file));
        let reports = [PAGE_FILE, KEPT_FILE].into_iter().filter_map(|name| {
            let file = self.path.join(name);
            let is_ours = || fs::read(&file).is_ok_and(|bytes| is_like_ours(name, &bytes));
            (!kept.contains(&file) && is_ours()).then_some(file)
        });
        for file in tree.chain(reports) {
            at(&file, fs::remove_file(&file))?;
            // A folder that still holds something cannot be removed, and ends the climb.
            let folders = file.ancestors().skip(1).take_while(|folder| *folder != self.path);
            for folder in folders {
                if fs::remove_dir(folder).is_err() {
                    changed.insert(folder.to_owned());
                    break;
                }
            }
        }
        Ok(())
    }

    /// Files of the Insight tree, ours or not; of the logs of a bucket that share the folder nothing is listed.
    fn insight_files(&self) -> impl Iterator<Item = PathBuf> + use<> {
        WalkDir::new(self.path.join(TREE))
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| may_hold_insights(entry.path(), entry.depth()))
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .map(walkdir::DirEntry::into_path)
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        // Nothing can be done about what cannot be removed; the next run tries again.
        let _ = fs::remove_dir_all(&self.staging);
    }
}

/// `insights.jsonl` of a folder.
pub(super) fn lines(path: &Path) -> Result<Vec<u8>, DestinationError> {
    let lines = path.join(LINES_FILE);
    fs::read(&lines).map_err(|source| DestinationError::Read { path: lines, source })
}

/// A lock on the folder itself, so that no lock file stays behind; `None` where the file system has none.
fn lock(path: &Path) -> Result<Option<File>, DestinationError> {
    let Ok(folder) = File::open(path) else { return Ok(None) };
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(TryLockError::WouldBlock) => Err(DestinationError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Tries to write to a folder, where there is one.
fn probe(folder: &Path) -> Result<(), DestinationError> {
    match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(there) if !there.is_dir() => at(folder, Err(io::ErrorKind::NotADirectory.into())),
        there => {
            let file = folder.join(PROBE);
            at(folder, there.and_then(|_| fs::write(&file, "probe")).and_then(|()| fs::remove_file(&file)))
        }
    }
}

fn refuse_foreign(path: &Path, name: &str) -> Result<(), DestinationError> {
    let is_ours = || -> io::Result<bool> {
        let mut file = File::open(path)?;
        let mut bytes = Vec::new();
        (&mut file).take(FIRST).read_to_end(&mut bytes)?;
        if begins_like_ours(name, &bytes) {
            return Ok(true);
        }
        file.read_to_end(&mut bytes)?;
        Ok(is_like_ours(name, &bytes))
    };
    match is_ours() {
        Ok(true) => Ok(()),
        Ok(false) => Err(DestinationError::Foreign { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(DestinationError::Write { path: path.to_owned(), source }),
    }
}

/// Whether the first [`FIRST`] bytes of what stands under a name of ours are enough to see that it has the form that we write.
pub(super) fn begins_like_ours(name: &str, first: &[u8]) -> bool {
    let is_cut_off = first.len() as u64 >= FIRST;
    match name {
        PAGE_FILE => is_like_ours(name, first),
        KEPT_FILE if is_cut_off => {
            let mut begin = Vec::new();
            let read = MultiGzDecoder::new(first).take(KEPT_FIRST.len() as u64).read_to_end(&mut begin);
            read.is_ok() && begin == KEPT_FIRST
        }
        LINES_FILE if is_cut_off => first.contains(&b'\n') && is_like_ours(name, first),
        _ => false,
    }
}

/// Whether what stands under a name of ours has the form that we write.
pub(super) fn is_like_ours(name: &str, bytes: &[u8]) -> bool {
    /// What every summary of ours has.
    #[derive(Deserialize)]
    struct Summary {
        #[serde(rename = "version")]
        _version: IgnoredAny,
        #[serde(rename = "model")]
        _model: IgnoredAny,
        #[serde(rename = "counted")]
        _counted: IgnoredAny,
    }
    /// What every line of ours has.
    #[derive(Deserialize)]
    struct Line {
        #[serde(rename = "record")]
        _record: IgnoredAny,
        #[serde(rename = "explanation")]
        _explanation: IgnoredAny,
    }
    /// What is kept of every report of ours.
    #[derive(Deserialize)]
    struct Kept {
        #[serde(rename = "format")]
        _format: IgnoredAny,
        #[serde(rename = "coverage")]
        _coverage: IgnoredAny,
        #[serde(rename = "graphs")]
        _graphs: IgnoredAny,
    }
    match name {
        SUMMARY_FILE => serde_json::from_slice::<Summary>(bytes).is_ok(),
        PAGE_FILE => memchr::memmem::find(bytes, GENERATOR).is_some(),
        KEPT_FILE => {
            let json = BufReader::new(MultiGzDecoder::new(bytes).take(MOST_KEPT));
            serde_json::from_reader::<_, Kept>(json).is_ok()
        }
        _ => {
            let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            bytes.is_empty() || serde_json::from_slice::<Line>(first).is_ok()
        }
    }
}

/// Whether the last `depth` names of a path lead into an account's Insight tree, or towards one: an account's folder may
/// lie below its organization's.
fn may_hold_insights(path: &Path, depth: usize) -> bool {
    let mut names: Vec<_> = path.iter().rev().take(depth).collect();
    if names.last().is_some_and(|outermost| outermost.as_encoded_bytes().starts_with(b"o-")) {
        names.pop();
    }
    names.iter().rev().nth(1).is_none_or(|kind| *kind == "CloudTrail-Insight")
}

fn is_ours_on_disk(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Reading only what may be ours: AWS's names do not have our number.
    name.contains("_0000") && fs::read(path).is_ok_and(|bytes| is_ours(&name, &bytes))
}

/// The bytes of a file; none where there is no such file.
fn there(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        bytes => bytes,
    }
}

/// The lines of `before`, then those of `new` that are not there yet: a run that was cut off may have written some.
pub(super) fn with_lines(mut before: Vec<u8>, new: &[u8]) -> Vec<u8> {
    let lines =
        |bytes: &[u8]| bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let new: Vec<(Option<Vec<u8>>, Vec<u8>)> =
        lines(new).into_iter().map(|line| (id(&line).map(Cow::into_owned), line)).collect();
    let ids: BTreeSet<&[u8]> = new.iter().filter_map(|(id, _)| id.as_deref()).collect();
    let known: BTreeSet<Vec<u8>> = (before.split(|byte| *byte == b'\n'))
        .filter_map(id)
        .filter(|id| ids.contains(id.as_ref()))
        .map(Cow::into_owned)
        .collect();
    if before.last().is_some_and(|last| *last != b'\n') {
        before.push(b'\n');
    }
    for (id, line) in &new {
        if id.as_ref().is_none_or(|id| !known.contains(id)) {
            before.extend(line);
        }
    }
    before
}

/// The id of a line. As we write it, it stands near the beginning, and no text before it can hold its name: quotes within
/// texts are escaped. Whatever else wrote the line, it is JSON.
fn id(line: &[u8]) -> Option<Cow<'_, [u8]>> {
    let found = memchr::memmem::find(line, ID).and_then(|at| line.get(at + ID.len()..)).and_then(|rest| {
        let id = rest.get(..memchr::memchr(b'"', rest)?)?;
        (!id.contains(&b'\\')).then_some(id)
    });
    found.map(Cow::Borrowed).or_else(|| {
        let line: Id = serde_json::from_slice(line).ok()?;
        Some(Cow::Owned(line.record.event_id.into_bytes()))
    })
}

/// A line of `insights.jsonl`, as far as it matters here.
#[derive(Deserialize)]
struct Id {
    record: EventId,
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create_new(path)?.write_all(bytes)
}

/// Makes a file, or what a folder lists, outlast a power cut, where such can be opened for that.
fn sync(path: &Path) -> Result<(), DestinationError> {
    if cfg!(unix) { at(path, File::open(path).and_then(|opened| opened.sync_all())) } else { Ok(()) }
}

fn remove_if_there(path: &Path, remove: impl Fn(&Path) -> io::Result<()>) -> Result<(), DestinationError> {
    match remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => at(path, Err(error)),
        _ => Ok(()),
    }
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, DestinationError> {
    result.map_err(|source| DestinationError::Write { path: path.to_owned(), source })
}
