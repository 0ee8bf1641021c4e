//! What was read, what was not, and why: mergeable, so that every file can have its own. Pure.
use std::collections::BTreeMap;

use crate::classify::Exclusion;
use crate::time::Minute;

/// What became of everything that was found. Nothing that could be read is dropped uncounted:
/// `records` = calls counted + duplicates + the sum of `excluded`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Log files of which at least a part was understood.
    pub files: u64,
    /// Files that an earlier run has read, and that were not read again.
    pub known_files: u64,
    /// Folders of days, months or years that earlier runs have read, and that were not looked into again.
    pub known_folders: u64,
    /// Files that were left for the next run.
    pub left_files: u64,
    /// Their size as JSON text, inflated, in bytes.
    pub bytes: u64,
    /// JSON objects that were read as records, duplicates and excluded ones included; skipped ones are not in it.
    pub records: u64,
    /// First and last minute of those that count, duplicates included.
    pub minutes: Option<(Minute, Minute)>,
    /// Records that are fine but count nowhere.
    pub excluded: BTreeMap<Exclusion, u64>,
    /// Files that were recognised by their name as something else and not opened, by
    /// [`crate::cloudtrail::object_key::FileKind::name`].
    pub excluded_files: BTreeMap<&'static str, u64>,
    /// Damage: what could not be read although it should have been. Any row means that the result is incomplete.
    pub skipped: Vec<Skipped>,
    /// Files that are not logs, or hold no records. No harm done.
    pub ignored: Vec<Skipped>,
}

/// Something that was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Which file or folder, from the folder that holds all SOURCEs; control characters and foreign bytes are escaped.
    pub what: String,
    /// Why, with line and column (1-based, in bytes) where that makes sense; the first of `records` where there are more.
    pub why: String,
    /// How many records were lost by it, as far as that can be known; 0 where all records count nevertheless.
    pub records: u64,
}

impl Coverage {
    /// Adds what another file or folder brought.
    pub fn merge(&mut self, other: Self) {
        self.files += other.files;
        self.known_files += other.known_files;
        self.known_folders += other.known_folders;
        self.left_files += other.left_files;
        self.bytes += other.bytes;
        self.records += other.records;
        self.minutes = match (self.minutes, other.minutes) {
            (Some((from, to)), Some((first, last))) => Some((from.min(first), to.max(last))),
            (one, other) => one.or(other),
        };
        for (reason, records) in other.excluded {
            *self.excluded.entry(reason).or_default() += records;
        }
        for (kind, files) in other.excluded_files {
            *self.excluded_files.entry(kind).or_default() += files;
        }
        self.skipped.extend(other.skipped);
        self.ignored.extend(other.ignored);
    }

    /// Sorts the rows by name; those of one file stay in the file's order. To be called after the last
    /// [`Coverage::merge`], so that the result does not depend on the order of merging.
    pub fn settle(&mut self) {
        self.skipped.sort_by(|a, b| a.what.cmp(&b.what));
        self.ignored.sort_by(|a, b| a.what.cmp(&b.what));
    }
}
