//! Paths of earlier results, or of AWS's own Insight files -> the events in them, and what was kept of the report.
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use flate2::read::MultiGzDecoder;
use walkdir::WalkDir;

use crate::cloudtrail::published::records;
use crate::emit::{KEPT_FILE, LINES_FILE};
use crate::finding::Event;
use crate::report::kept::Kept;
use crate::report::model::Skipped;
use crate::s3::{Buckets, Location};
use crate::words::printable;

/// Most bytes of a file that are read, inflated: AWS's have some kilobytes, a year's `insights.jsonl` some megabytes.
const MOST: u64 = 1 << 30;
/// What the names of AWS's Insight files and of their folders have.
const KIND: &str = "CloudTrail-Insight";

/// What was published.
#[derive(Debug, Default)]
pub struct Published {
    /// Starts and Ends, in the order of the paths and in that of the files.
    pub events: Vec<Event>,
    /// What is kept of reports.
    pub kept: Vec<Kept>,
    /// What could not be read.
    pub skipped: Vec<Skipped>,
    /// Paths of which nothing is kept: nobody can say what time they are about.
    pub of_unknown_time: usize,
}

/// Reads what was published at `path`: a folder or a prefix of a bucket that `scan` wrote, its `insights.jsonl`, a folder with
/// AWS's Insight files, or one of these.
///
/// # Errors
/// When nothing is there.
pub fn read(path: &Path, buckets: &Buckets, published: &mut Published) -> anyhow::Result<()> {
    let kept = published.kept.len();
    read_any(path, buckets, published)?;
    published.of_unknown_time += usize::from(published.kept.len() == kept);
    Ok(())
}

fn read_any(path: &Path, buckets: &Buckets, published: &mut Published) -> anyhow::Result<()> {
    if let Some(location) = Location::of(path) {
        return from_bucket(&location, buckets, published);
    }
    let shown = path.display();
    let about = std::fs::metadata(path).with_context(|| format!("cannot read {shown}"))?;
    if !about.is_dir() {
        let bytes = bytes_of(path).with_context(|| format!("cannot read {shown}"))?;
        published.file(&printable(&shown.to_string()), &bytes);
        return Ok(());
    }
    let lines = path.join(LINES_FILE);
    if lines.is_file() {
        let bytes = bytes_of(&lines).with_context(|| format!("cannot read {}", lines.display()))?;
        published.lines(LINES_FILE, &bytes);
        let kept = path.join(KEPT_FILE);
        match bytes_of(&kept) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => published.skip(KEPT_FILE, &error),
            Ok(bytes) => published.kept(&bytes),
        }
        return Ok(());
    }
    let files = insight_files(path, published);
    if files.is_empty() {
        bail!(
            "there is neither an {LINES_FILE} nor a {KIND} file in {shown}: name the folder that scan wrote (--out), or one \
             with AWS's Insight files"
        );
    }
    for file in files {
        let name = file.strip_prefix(path).unwrap_or(&file).display().to_string();
        match bytes_of(&file) {
            Ok(bytes) => published.file(&printable(&name), &bytes),
            Err(error) => published.skip(&printable(&name), &error),
        }
    }
    Ok(())
}

fn from_bucket(location: &Location, buckets: &Buckets, published: &mut Published) -> anyhow::Result<()> {
    let bucket = buckets.get(&location.bucket)?;
    let Some(lines) = bucket.get(&location.join(LINES_FILE).key)? else {
        bail!(
            "there is no {LINES_FILE} in {location}; AWS's Insight files have to be copied from the bucket first"
        );
    };
    published.lines(LINES_FILE, &lines.bytes);
    if let Some(kept) = bucket.get(&location.join(KEPT_FILE).key)? {
        published.kept(&kept.bytes);
    }
    Ok(())
}

/// AWS's Insight files below a folder, by name: those in a folder of the kind, or with the kind in their name.
fn insight_files(folder: &Path, published: &mut Published) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        match entry {
            Ok(entry) => {
                let name = entry.file_name().to_string_lossy();
                let is_json = name.ends_with(".json") || name.ends_with(".json.gz");
                let below = entry.path().iter().any(|part| part == KIND);
                if entry.file_type().is_file() && is_json && (below || name.contains(KIND)) {
                    files.push(entry.into_path());
                }
            }
            Err(error) => published.skip(&printable(&folder.display().to_string()), &error),
        }
    }
    files
}

/// The bytes of a file, inflated where they are deflated.
fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    // What is kept of a report is inflated where it is read.
    if bytes.starts_with(&[0x1f, 0x8b]) && !path.ends_with(KEPT_FILE) {
        let mut inflated = Vec::new();
        MultiGzDecoder::new(bytes.as_slice()).take(MOST).read_to_end(&mut inflated)?;
        return Ok(inflated);
    }
    Ok(bytes)
}

impl Published {
    fn skip(&mut self, what: &str, why: &impl ToString) {
        let why = printable(&why.to_string()).into_owned();
        self.skipped.push(Skipped { what: what.to_owned(), why, records: 0 });
    }

    /// A file whose name does not say what is in it.
    fn file(&mut self, name: &str, bytes: &[u8]) {
        match records(bytes) {
            Ok(records) => {
                for (place, record) in records.into_iter().enumerate() {
                    match Event::of_record(&record) {
                        Ok(event) => self.events.push(event),
                        Err(error) => self.skip(&format!("{name}, record {}", place + 1), &error),
                    }
                }
            }
            Err(_) if Path::new(name).extension().is_some_and(|end| end == "jsonl") => {
                self.lines(name, bytes);
            }
            Err(error) => self.skip(name, &error),
        }
    }

    fn lines(&mut self, name: &str, bytes: &[u8]) {
        let lines = bytes.split(|byte| *byte == b'\n').enumerate();
        for (place, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
            match Event::of_line(line) {
                Ok(event) => self.events.push(event),
                Err(error) => self.skip(&format!("{name}, line {}", place + 1), &error),
            }
        }
    }

    fn kept(&mut self, bytes: &[u8]) {
        match Kept::read(bytes) {
            Ok(kept) => self.kept.push(kept),
            Err(error) => self.skip(KEPT_FILE, &error),
        }
    }
}
