//! SOURCE arguments -> a sorted list of log files, each once, and what else was found.
use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;
use walkdir::WalkDir;

use super::before::{Anew, Before};
use super::bucket;
pub use super::claim::Claim;
use super::claim::{claim_of, claim_of_name, is_table};
use super::coverage::{Coverage, Skipped};
use super::files::LogFiles;
use super::may_pass::may_pass;
use crate::cloudtrail::dated_folder::DatedFolder;
use crate::cloudtrail::object_key::ObjectKey;
use crate::cloudtrail::organizations::Organizations;
use crate::s3::{Buckets, Location, S3Error, Stamp, Wanted, is_s3};
use crate::time::Minute;

/// The SOURCE that means standard input.
pub const STDIN: &str = "-";
/// How many bytes of a file without a telling name are looked at.
const SNIFFED: u64 = 512;

/// Everything that was found under the SOURCEs.
#[derive(Debug, Default)]
pub struct Found {
    /// Log files, each once.
    pub logs: LogFiles,
    /// Counts tables: only files that were named themselves.
    pub tables: Vec<Table>,
    /// In which organization each account was when, by the keys of the logs.
    pub organizations: Organizations,
    /// What was excluded, skipped or ignored on the way.
    pub coverage: Coverage,
    /// Whether a part of a folder or bucket could not be listed, for a reason that may pass.
    pub may_be_more: bool,
    /// SOURCEs in buckets of which everything was listed.
    pub listed: BTreeSet<String>,
    /// SOURCEs in buckets of which earlier runs have listed everything, and this one has not.
    pub unlisted: BTreeSet<String>,
}

/// A file to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// Where it is.
    pub place: Place,
    /// Its path from the deepest folder that holds all SOURCEs, safe to show.
    pub name: String,
    /// Account that its name or folders tell.
    pub account: Option<String>,
    /// When its name says that it was delivered.
    pub delivered: Option<Minute>,
    /// How sure it is that it is a log.
    pub claim: Claim,
}

impl LogFile {
    /// By what a state knows it again without its bytes: its name, where AWS gave it, and of another object its place and
    /// version. `None` where nothing tells.
    #[must_use]
    pub fn known_as(&self) -> Option<String> {
        let is_named = self.delivered.is_some();
        match &self.place {
            Place::Path(path) if is_named => Some(path.file_name()?.to_str()?.to_owned()),
            Place::Object(Wanted { location, .. }) if is_named => {
                location.key.rsplit('/').next().map(str::to_owned)
            }
            Place::Object(Wanted { location, stamp: Stamp { version: version @ 1.., .. } }) => {
                Some(format!("{location} {version:016x}"))
            }
            Place::Stdin | Place::Path(_) | Place::Object(_) => None,
        }
    }
}

/// A counts table to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Where it is.
    pub path: PathBuf,
    /// As [`LogFile::name`].
    pub name: String,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Standard input.
    Stdin,
    /// On disk.
    Path(PathBuf),
    /// In a bucket.
    Object(Wanted),
}

/// Why no list can be made.
#[derive(Debug, Error)]
pub enum WalkError {
    /// A SOURCE cannot be looked at.
    #[error("cannot open {path}; name a folder, a file, s3://bucket/prefix, or - for standard input")]
    Unreadable {
        /// As the user named it.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A bucket cannot be looked at.
    #[error(transparent)]
    S3(#[from] S3Error),
    /// A counts table in a bucket.
    #[error("cannot read {path}: counts tables are read from a disk; copy it there, with aws s3 cp")]
    TableInBucket {
        /// As the user named it.
        path: String,
    },
    /// Names of files would depend on where the folders lie.
    #[error(
        "cannot read folders and buckets in one run; copy the one to the other, or give each its own run"
    )]
    Mixed,
    /// Nowhere was a log file.
    #[error(
        "no CloudTrail log file in {sources}{besides}; expected names such as \
         AWSLogs/123456789012/CloudTrail/eu-west-1/2026/01/31/123456789012_CloudTrail_….json.gz, or any .json, .jsonl or .gz"
    )]
    NoLogs {
        /// As the user named them.
        sources: String,
        /// What was there instead.
        besides: String,
    },
}

/// Lists the log files under `sources`: folders, files, or [`STDIN`].
///
/// # Errors
/// Where a SOURCE does not exist, or none holds a log file or counts table.
pub fn walk(sources: &[PathBuf]) -> Result<Found, WalkError> {
    walk_new(sources, &Anew, &Buckets::default())
}

/// The same without the folders of which all was read `before`.
///
/// # Errors
/// As [`walk`].
pub fn walk_new(sources: &[PathBuf], before: &dyn Before, buckets: &Buckets) -> Result<Found, WalkError> {
    not_mixed(sources)?;
    let above = folder_above(sources);
    let mut walk = Walk {
        found: Found { logs: LogFiles::below(above.clone()), ..Found::default() },
        above,
        aside: Vec::new(),
        has_links: false,
        resumes: false,
        is_only_source: sources.len() == 1,
        before,
        buckets,
    };
    walk.sources(sources)?;
    let Walk { mut found, mut aside, has_links, resumes, .. } = walk;
    // Without links, one folder cannot hold a file twice.
    let can_meet_twice = has_links || sources.len() > 1;
    let mut met = HashSet::new();
    let mut met_before = |path: &Path| {
        // A file that has vanished meanwhile is kept: reading it will tell.
        let is_named = path == Path::new(STDIN) || is_s3(path);
        let real = || if is_named { Ok(path.to_owned()) } else { path.canonicalize() };
        // Keys are told apart by more than the parts of paths.
        can_meet_twice && real().is_ok_and(|real| !met.insert(real.into_os_string()))
    };
    found.logs.settle(&mut met_before);
    aside.sort_by(|one, other| one.name.cmp(&other.name));
    for Aside { path, name, fate } in aside {
        if met_before(&path) {
            continue;
        }
        let row = |why| Skipped { what: shown(&name), why, records: 0 };
        match fate {
            Fate::Table => found.tables.push(Table { path, name: shown(&name) }),
            Fate::Excluded(kind) => *found.coverage.excluded_files.entry(kind).or_default() += 1,
            Fate::Ignored(why) => found.coverage.ignored.push(row(why.to_owned())),
            Fate::Skipped(why) => found.coverage.skipped.push(row(why)),
        }
    }
    let Coverage { skipped, excluded_files, known_folders, .. } = &found.coverage;
    let has_known = *known_folders > 0 || resumes;
    let is_empty = found.logs.is_empty() && found.tables.is_empty() && !has_known;
    if is_empty && skipped.is_empty() && excluded_files.is_empty() {
        return Err(no_logs(sources, &found.coverage));
    }
    Ok(found)
}

/// Makes sure that not one SOURCE lies in a bucket and another on a disk.
///
/// # Errors
/// Where that is so.
pub fn not_mixed(sources: &[PathBuf]) -> Result<(), WalkError> {
    let mut files = sources.iter().filter(|source| *source != Path::new(STDIN));
    let in_buckets = files.clone().any(|source| is_s3(source));
    if in_buckets && files.any(|source| !is_s3(source)) { Err(WalkError::Mixed) } else { Ok(()) }
}

/// Looks whether a SOURCE is there and can be opened, without looking through it. Of standard input nothing is read.
///
/// # Errors
/// When it is not, or cannot.
pub fn reach(source: &Path, buckets: &Buckets) -> Result<(), WalkError> {
    if source == Path::new(STDIN) {
        return Ok(());
    }
    if let Some(location) = Location::of(source) {
        if is_table(source) {
            return Err(WalkError::TableInBucket { path: shown(source) });
        }
        return Ok(bucket::reach(&location, names_object(source), buckets)?);
    }
    let opened = if source.is_dir() { source.read_dir().map(drop) } else { File::open(source).map(drop) };
    opened.map_err(|cause| WalkError::Unreadable { path: shown(source), source: cause })
}

/// The deepest folder that holds all of `sources`: files are named from there, so that names depend neither on where
/// the logs lie nor on how the user spelled that.
fn folder_above(sources: &[PathBuf]) -> PathBuf {
    let mut above: Option<PathBuf> = None;
    for source in sources.iter().filter(|source| *source != Path::new(STDIN)) {
        let full = absolute(source);
        let is_folder = if is_s3(source) { !names_object(source) } else { source.is_dir() };
        let folder = if is_folder { full.as_path() } else { full.parent().unwrap_or(&full) };
        above = Some(match above {
            None => folder.to_owned(),
            Some(above) => above
                .components()
                .zip(folder.components())
                .take_while(|(a, b)| a == b)
                .map(|(a, _)| a)
                .collect(),
        });
    }
    above.unwrap_or_default()
}

fn absolute(path: &Path) -> PathBuf {
    if let Some(location) = Location::of(path) {
        return location.to_string().into();
    }
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn no_logs(sources: &[PathBuf], coverage: &Coverage) -> WalkError {
    let sources: Vec<String> = sources.iter().map(|path| shown(path)).collect();
    let besides = match coverage.ignored.len() {
        0 => String::new(),
        ignored => format!(" (other files: {ignored} not JSON by name or content)"),
    };
    WalkError::NoLogs { sources: sources.join(", "), besides }
}

/// A file that is no log, and what is to become of it.
struct Aside {
    path: PathBuf,
    /// From the folder above all SOURCEs.
    name: PathBuf,
    fate: Fate,
}

pub(super) enum Fate {
    Table,
    Excluded(&'static str),
    Ignored(&'static str),
    Skipped(String),
}

pub(super) struct Walk<'a> {
    /// The deepest folder that holds all SOURCEs, from the root.
    above: PathBuf,
    pub(super) found: Found,
    aside: Vec<Aside>,
    has_links: bool,
    /// Whether a part of a bucket was listed from where the last run ended, or a folder was left out since nothing of it is
    /// wanted: there is a log then.
    pub(super) resumes: bool,
    is_only_source: bool,
    pub(super) before: &'a dyn Before,
    pub(super) buckets: &'a Buckets,
}

impl Walk<'_> {
    /// Looks through all SOURCEs. Beside others, one in a bucket may fail for a reason that may pass.
    fn sources(&mut self, sources: &[PathBuf]) -> Result<(), WalkError> {
        let mut failed = Vec::new();
        for source in sources {
            match self.source(source) {
                Err(WalkError::S3(error)) if error.cause.may_pass() => failed.push(error),
                outcome => outcome?,
            }
        }
        if failed.len() == sources.len()
            && let Some(error) = failed.pop()
        {
            return Err(error.into());
        }
        for error in &failed {
            self.not_listed(error);
        }
        Ok(())
    }

    fn source(&mut self, source: &Path) -> Result<(), WalkError> {
        if source == Path::new(STDIN) {
            self.found.logs.add_stdin();
            return Ok(());
        }
        if let Some(location) = Location::of(source) {
            return if is_table(source) {
                Err(WalkError::TableInBucket { path: shown(source) })
            } else if names_object(source) {
                self.object(&location)
            } else {
                self.prefix(&location)
            };
        }
        let unreadable = |cause| WalkError::Unreadable { path: shown(source), source: cause };
        let name = self.name(source);
        if source.metadata().map_err(unreadable)?.is_dir() {
            // Looked at here, so that a mistyped or locked folder fails at once instead of looking empty.
            source.read_dir().map_err(unreadable)?;
            self.folder(source, &name);
        } else if is_table(source) {
            self.put_aside(source, name, Fate::Table);
        } else {
            self.file(source, name, Stamp::default(), Some(Claim::Log));
        }
        Ok(())
    }

    /// Walks a folder; `name` is its path from the folder above all SOURCEs.
    fn folder(&mut self, root: &Path, name: &Path) {
        let named = |path: &Path| match path.strip_prefix(root) {
            Ok(below) if !below.as_os_str().is_empty() => name.join(below),
            _ => name.to_owned(),
        };
        let mut entries = WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let waits = self.may_be_more(error.io_error().is_some_and(may_pass));
                    let path = error.path().unwrap_or(root);
                    let why = unreachable(&error, named) + waits;
                    self.put_aside(path, named(path), Fate::Skipped(why));
                    continue;
                }
            };
            self.has_links |= entry.path_is_symlink();
            let path = entry.path();
            if entry.file_type().is_file() {
                self.file(path, named(path), Stamp::default(), None);
            } else if entry.file_type().is_dir() {
                let folder = self.above.join(named(path));
                let folder = folder.to_str().and_then(DatedFolder::parse);
                let path = path.to_string_lossy();
                let is_outside = folder.as_ref().is_some_and(|folder| self.before.is_outside(folder));
                if is_outside {
                    self.resumes = true;
                    entries.skip_current_dir();
                } else if folder.is_some_and(|folder| self.before.has_all_of(&path, &folder)) {
                    self.found.coverage.known_folders += 1;
                    entries.skip_current_dir();
                }
            } else {
                self.put_aside(path, named(path), Fate::Ignored("neither a file nor a folder"));
            }
        }
    }

    /// Files a file under what its name says it is, or its first bytes where that says nothing. `claim` overrules such a
    /// name. `stamp` is that of an object.
    pub(super) fn file(&mut self, path: &Path, name: PathBuf, stamp: Stamp, claim: Option<Claim>) {
        // With the folders around the SOURCE, however the user spelled it.
        let key = ObjectKey::parse(&self.above.join(&name).to_string_lossy());
        match claim_of(path, &key, claim, &|| self.first_bytes(path, stamp.size)) {
            Err(fate) => self.put_aside(path, name, fate),
            Ok(claim) => {
                self.found.logs.add((path, &name), key.delivered, claim, stamp);
                if let Some(account) = key.account {
                    let organization = key.organization.as_deref();
                    self.found.organizations.add(&account, key.delivered, organization);
                }
            }
        }
    }

    /// Files an object that cannot be asked for, or a folder of them, whose path ends in `/`.
    pub(super) fn refused(&mut self, path: &str) {
        const WHY: &str = "cannot read: its key has an empty part, a part . or .., or a control character; copy it to another key";
        // As it is written: a path's parts would not tell.
        let name = self.above.to_str().and_then(|above| path.strip_prefix(above));
        let name = PathBuf::from(name.map_or(path, |name| name.strip_prefix('/').unwrap_or(name)));
        let key = ObjectKey::parse(path);
        let path = Path::new(path);
        let first_bytes = || Err(io::ErrorKind::Unsupported.into());
        let claimed = if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            Ok(Claim::Log)
        } else {
            claim_of(path, &key, None, &first_bytes)
        };
        let fate = match claimed {
            Ok(_) => Fate::Skipped(WHY.to_owned()),
            Err(Fate::Skipped(_)) => Fate::Ignored("not JSON by its name, and its key cannot be asked for"),
            Err(fate) => fate,
        };
        self.put_aside(path, name, fate);
    }

    /// As many bytes of a file as tell what it is.
    fn first_bytes(&self, path: &Path, size: u64) -> io::Result<Vec<u8>> {
        if let Some(location) = Location::of(path) {
            return self.first_of_object(&location, size.min(SNIFFED));
        }
        let mut first = Vec::new();
        File::open(path)?.take(SNIFFED).read_to_end(&mut first)?;
        Ok(first)
    }

    pub(super) fn put_aside(&mut self, path: &Path, name: PathBuf, fate: Fate) {
        if let (Fate::Excluded(kind), true) = (&fate, self.is_only_source) {
            // There can be as many digests as logs, and no two names for one.
            *self.found.coverage.excluded_files.entry(kind).or_default() += 1;
            return;
        }
        self.aside.push(Aside { path: path.to_owned(), name, fate });
    }

    /// Notes that something could not be listed. Gives what follows from that, for its row.
    pub(super) fn may_be_more(&mut self, may_pass: bool) -> &'static str {
        self.found.may_be_more |= may_pass;
        let waits = may_pass && self.before.waits_for_unlisted();
        if waits { "; what came since the last run waits for it" } else { "" }
    }

    /// A path from the folder above all SOURCEs.
    pub(super) fn name(&self, path: &Path) -> PathBuf {
        let path = absolute(path);
        path.strip_prefix(&self.above).unwrap_or(&path).to_owned()
    }
}

/// Why a folder or link cannot be followed.
fn unreachable(error: &walkdir::Error, named: impl Fn(&Path) -> PathBuf) -> String {
    match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => {
            let name = named(ancestor);
            let ancestor = if name.as_os_str().is_empty() { Path::new(".") } else { &name };
            format!("symbolic link leads back to {}", shown(ancestor))
        }
        (None, Some(cause)) => format!("cannot open: {cause}"),
        (None, None) => "cannot open".to_owned(),
    }
}

/// Whether a SOURCE in a bucket is one object, not what lies below a prefix.
fn names_object(source: &Path) -> bool {
    is_table(source) || claim_of_name(source).is_some()
}

/// A path as text that is safe on a terminal: whatever is not printable, or not UTF-8, is escaped.
#[must_use]
pub fn shown(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        let valid = chunk.valid();
        // As nearly all names are.
        if valid.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\') {
            text.push_str(valid);
        } else {
            for letter in valid.chars() {
                // Quotes need no escape here; all else that `Debug` would escape does.
                match letter {
                    '"' | '\'' => text.push(letter),
                    _ => text.extend(letter.escape_debug()),
                }
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02X}")));
    }
    text
}
