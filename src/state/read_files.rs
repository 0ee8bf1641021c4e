//! Files that were read -> whether a file is one of them, by the day of delivery; and bytes, and back. Pure.
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::StateError;
use crate::time::{Day, Minute};

/// Between the fields of a line. It cannot stand in a JSON text, as which names are written.
const SEPARATOR: char = '\t';

/// A file that was read. One that AWS named is known by its name, another object by its place and version as well as by its
/// bytes, and all else by its bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadFile {
    /// When its name says that it was delivered.
    pub delivered: Option<Minute>,
    /// As [`LogFile::known_as`](crate::source::walk::LogFile::known_as); empty where nothing but its bytes tells.
    pub name: String,
    /// Length as it lies, bytes.
    pub length: u64,
    /// XXH3 of its bytes as they lie.
    pub digest: u128,
}

/// The files of one day of delivery, or those without one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// By name, length and digest; sorted.
    files: BTreeSet<(String, u64, u128)>,
}

impl Part {
    /// Whether a file of that name and length was read.
    pub fn has(&self, name: &str, length: u64) -> bool {
        self.files.range((name.to_owned(), length, 0)..=(name.to_owned(), length, u128::MAX)).next().is_some()
    }

    /// The digests of all of them.
    pub fn digests(&self) -> impl Iterator<Item = u128> {
        self.files.iter().map(|(_, _, digest)| *digest)
    }

    /// Adds a file.
    pub fn add(&mut self, file: ReadFile) {
        self.files.insert((file.name, file.length, file.digest));
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::new();
        for (name, length, digest) in &self.files {
            let name = serde_json::to_string(name).expect("a text can be written as JSON");
            writeln!(text, "{name}{SEPARATOR}{length}{SEPARATOR}{digest:032x}")
                .expect("a text can be written to");
        }
        zstd::bulk::compress(text.as_bytes(), 1).expect("memory can be written to")
    }

    /// From bytes.
    ///
    /// # Errors
    /// When they are not what [`Part::to_bytes`] gives.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let damaged = |why: &str| StateError::Damaged { path: "read".into(), why: why.to_owned() };
        let text = zstd::stream::decode_all(bytes).map_err(|error| damaged(&error.to_string()))?;
        let text = String::from_utf8(text).map_err(|_| damaged("not text"))?;
        let mut part = Self::default();
        for line in text.lines() {
            let mut fields = line.split(SEPARATOR);
            let mut next = || fields.next().ok_or_else(|| damaged("a line is too short"));
            let name = serde_json::from_str(next()?).map_err(|_| damaged("a name is no JSON"))?;
            let length = next()?.parse().map_err(|_| damaged("a length is no number"))?;
            let digest = u128::from_str_radix(next()?, 16).map_err(|_| damaged("a digest is no number"))?;
            part.add(ReadFile { delivered: None, name, length, digest });
        }
        Ok(part)
    }
}

/// The name of the part that a file belongs to.
pub fn part_of(delivered: Option<Minute>) -> String {
    delivered.map_or_else(|| "unnamed".to_owned(), |minute| day_name(minute.day()))
}

/// A day as it stands in a checkpoint.
pub fn day_name(day: Day) -> String {
    day.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_name_and_length_after_a_round_trip() {
        let mut part = Part::default();
        for (name, length, digest) in [("a.json.gz", 7, 3), ("b\t\"\n.gz", 8, u128::MAX), ("", 9, 4)] {
            part.add(ReadFile { delivered: None, name: name.to_owned(), length, digest });
        }
        let back = Part::from_bytes(&part.to_bytes()).expect("what was written");
        assert_eq!(back, part);
        for (name, length, want) in
            [("a.json.gz", 7, true), ("a.json.gz", 8, false), ("b\t\"\n.gz", 8, true), ("c", 7, false)]
        {
            assert_eq!(back.has(name, length), want, "{name:?} {length}");
        }
        assert_eq!(back.digests().collect::<Vec<_>>(), [4, 3, u128::MAX]);
        for damage in [&b"no zstd"[..], &zstd::bulk::compress(b"\"a\"\t1\n", 1).expect("compresses")] {
            assert!(Part::from_bytes(damage).is_err());
        }
    }

    #[test]
    fn a_file_belongs_to_the_day_of_its_delivery() {
        let minute = Minute::parse("2026-01-31T23:59:00Z");
        assert_eq!((part_of(minute).as_str(), part_of(None).as_str()), ("2026-01-31", "unnamed"));
    }
}
