//! SOURCE arguments -> a sorted list of log files, each once, and what else was found.
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;
use walkdir::WalkDir;

use super::coverage::{Coverage, Skipped};
use super::files::LogFiles;
use super::inflate::GZIP_MAGIC;
use crate::cloudtrail::object_key::{FileKind, ObjectKey};
use crate::emit::{LINES_FILE, SUMMARY_FILE};
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
    pub tables: Vec<PathBuf>,
    /// What was excluded, skipped or ignored on the way.
    pub coverage: Coverage,
}

/// A file to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// Where it is.
    pub place: Place,
    /// Account that its name or folders tell.
    pub account: Option<String>,
    /// When its name says that it was delivered.
    pub delivered: Option<Minute>,
    /// How sure it is that it is a log.
    pub claim: Claim,
}

impl LogFile {
    /// Its name as the user knows it, safe to show.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.place {
            Place::Stdin => "standard input".to_owned(),
            Place::Path(path) => shown(path),
        }
    }
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Standard input.
    Stdin,
    /// On disk.
    Path(PathBuf),
}

/// What a file's name promises, and so what counts as damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// Nothing: if it is not a log, it is ignored.
    Nothing,
    /// JSON: if it is broken, that is damage; if it is something else's JSON, it is ignored.
    Json,
    /// A log of CloudTrail, by AWS's name or because the user named the file: anything else is damage.
    Log,
}

/// Why no list can be made.
#[derive(Debug, Error)]
pub enum WalkError {
    /// A SOURCE cannot be looked at.
    #[error("cannot open {path}{}", if path.starts_with("s3://") { " (S3 is not read yet: copy it first, with aws s3 sync)" } else { "; name a folder, a file, or - for standard input" })]
    Unreadable {
        /// As the user named it.
        path: String,
        /// Why.
        source: io::Error,
    },
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
    let mut walk = Walk { found: Found::default(), has_links: false };
    for source in sources {
        walk.source(source)?;
    }
    let Walk { mut found, has_links } = walk;
    // Without links, one folder cannot hold a file twice.
    let can_meet_twice = has_links || sources.len() > 1;
    let mut met = HashSet::new();
    found.logs.settle(|path| {
        // A file that has vanished meanwhile is kept: reading it will tell.
        let real = || if path == Path::new(STDIN) { Ok(path.to_owned()) } else { path.canonicalize() };
        can_meet_twice && real().is_ok_and(|real| !met.insert(real))
    });
    let mut met = HashSet::new();
    found.tables.sort();
    found.tables.retain(|path| path.canonicalize().map_or(true, |path| met.insert(path)));
    if found.logs.is_empty() && found.tables.is_empty() && found.coverage.skipped.is_empty() {
        return Err(no_logs(sources, &found.coverage));
    }
    Ok(found)
}

fn no_logs(sources: &[PathBuf], coverage: &Coverage) -> WalkError {
    let sources: Vec<String> = sources.iter().map(|path| shown(path)).collect();
    let excluded = coverage.excluded_files.iter().map(|(kind, files)| format!("{files} {kind}"));
    let ignored = coverage.ignored.len();
    let besides: Vec<String> =
        excluded.chain((ignored > 0).then(|| format!("{ignored} not JSON by name or content"))).collect();
    let besides =
        if besides.is_empty() { String::new() } else { format!(" (other files: {})", besides.join(", ")) };
    WalkError::NoLogs { sources: sources.join(", "), besides }
}

struct Walk {
    found: Found,
    has_links: bool,
}

impl Walk {
    fn source(&mut self, source: &Path) -> Result<(), WalkError> {
        if source == Path::new(STDIN) {
            self.found.logs.add_stdin();
            return Ok(());
        }
        let unreadable = |cause| WalkError::Unreadable { path: shown(source), source: cause };
        if source.metadata().map_err(unreadable)?.is_dir() {
            // Looked at here, so that a mistyped or locked folder fails at once instead of looking empty.
            source.read_dir().map_err(unreadable)?;
            self.folder(source);
        } else if is_table(source) {
            self.found.tables.push(source.to_owned());
        } else {
            let relative = PathBuf::from(source.file_name().unwrap_or_default());
            self.file(source, &relative, Some(Claim::Log));
        }
        Ok(())
    }

    fn folder(&mut self, root: &Path) {
        for entry in WalkDir::new(root).follow_links(true).sort_by_file_name() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.found.coverage.skipped.push(unreachable(root, &error));
                    continue;
                }
            };
            self.has_links |= entry.path_is_symlink();
            if entry.file_type().is_dir() {
                continue;
            }
            let relative = entry.path().strip_prefix(root).unwrap_or(entry.path());
            if entry.file_type().is_file() {
                self.file(entry.path(), relative, None);
            } else {
                self.ignore(entry.path(), "neither a file nor a folder");
            }
        }
    }

    /// Files a file under what its name says it is. `claim` overrules a name that says nothing.
    fn file(&mut self, path: &Path, relative: &Path, claim: Option<Claim>) {
        let key = ObjectKey::parse(&path.to_string_lossy());
        let by_name = claim_of_name(path);
        let is_data = claim.is_some() || by_name.is_some();
        match key.kind {
            FileKind::CloudTrail | FileKind::Unknown => {}
            kind if is_data => {
                *self.found.coverage.excluded_files.entry(kind.name()).or_default() += 1;
                return;
            }
            _ => {}
        }
        let own_output = [LINES_FILE, SUMMARY_FILE].map(OsStr::new);
        if claim.is_none() && path.file_name().is_some_and(|name| own_output.contains(&name)) {
            return self.ignore(path, "named like what a scan writes");
        }
        let by_aws = key.named_by_aws.then_some(Claim::Log);
        let claim = match claim.or(by_aws).or(by_name) {
            Some(claim) => claim,
            None if is_table(path) => return self.ignore(path, "a table; name it itself to read it"),
            None => match sniff(path) {
                Ok(true) => Claim::Nothing,
                Ok(false) => return self.ignore(path, "not JSON by its name and first bytes"),
                Err(error) => return self.skip(path, format!("cannot open: {error}")),
            },
        };
        self.found.logs.add(path, relative, key.delivered, claim);
    }

    fn ignore(&mut self, path: &Path, why: &str) {
        self.found.coverage.ignored.push(Skipped { what: shown(path), why: why.to_owned(), records: 0 });
    }

    fn skip(&mut self, path: &Path, why: String) {
        self.found.coverage.skipped.push(Skipped { what: shown(path), why, records: 0 });
    }
}

/// A folder or link that cannot be followed.
fn unreachable(root: &Path, error: &walkdir::Error) -> Skipped {
    let why = match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => format!("symbolic link leads back to {}", shown(ancestor)),
        (None, Some(cause)) => format!("cannot open: {cause}"),
        (None, None) => "cannot open".to_owned(),
    };
    Skipped { what: shown(error.path().unwrap_or(root)), why, records: 0 }
}

/// Whether the name is that of a counts table.
fn is_table(path: &Path) -> bool {
    let name = lower_name(path);
    name.ends_with(b".parquet") || name.ends_with(b".csv") || name.ends_with(b".csv.gz")
}

/// What a file's ending promises; `None` where it says nothing.
fn claim_of_name(path: &Path) -> Option<Claim> {
    let name = lower_name(path);
    let (stem, is_gzip) = name.strip_suffix(b".gz").map_or((name.as_slice(), false), |stem| (stem, true));
    let ends = |ending: &str| stem.ends_with(ending.as_bytes());
    if ends(".json") || ends(".jsonl") || ends(".ndjson") {
        return Some(Claim::Json);
    }
    (ends(".log") || (is_gzip && !ends(".csv"))).then_some(Claim::Nothing)
}

fn lower_name(path: &Path) -> Vec<u8> {
    path.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default().to_ascii_lowercase()
}

/// Whether a file begins as gzip or JSON does.
fn sniff(path: &Path) -> io::Result<bool> {
    let mut first = Vec::new();
    File::open(path)?.take(SNIFFED).read_to_end(&mut first)?;
    let text = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&first).trim_ascii_start();
    Ok(first.starts_with(&GZIP_MAGIC) || text.starts_with(b"{") || text.starts_with(b"["))
}

/// A path as text that is safe on a terminal: whatever is not printable, or not UTF-8, is escaped.
#[must_use]
pub fn shown(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            // Quotes need no escape here; all else that `Debug` would escape does.
            match letter {
                '"' | '\'' => text.push(letter),
                _ => text.extend(letter.escape_debug()),
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02X}")));
    }
    text
}
