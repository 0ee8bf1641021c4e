//! What is wrong with a file's text, and where -> each reason once, with its first place and its number of records.
use std::fmt;

use crate::classify::Unusable;

/// A place in a file's text. Both count from 1, columns in bytes, as editors do for ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// What can be wrong.
#[derive(Debug, Clone)]
pub enum Reason {
    /// The JSON is broken, or a field has the wrong type; in words that do not repeat the input.
    Json(String),
    /// A wrapped record is broken, likewise.
    Wrapped(String),
    /// A record that cannot be counted.
    Unusable(Unusable),
    /// The text ends inside a document.
    Truncated,
    /// Bytes that are not UTF-8 were replaced by U+FFFD.
    InvalidUtf8,
    /// Escapes that are half a character were replaced by U+FFFD.
    LoneSurrogate,
    /// A comma is missing or stands before nothing; no record is lost by that.
    Comma(&'static str),
    /// NUL bytes outside of the JSON.
    Nuls,
    /// Something outside of the JSON that is not JSON.
    NotJson,
    /// UTF-16 is not read.
    Utf16,
    /// Sound JSON that holds no records of CloudTrail.
    Foreign,
    /// So much is wrong that looking for more would take too long.
    GivenUp,
}

impl Reason {
    /// Whether the two count as one reason: places apart, and the odd times that records claim.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Json(a), Self::Json(b)) | (Self::Wrapped(a), Self::Wrapped(b)) => a == b,
            (Self::Unusable(Unusable::Missing(a)), Self::Unusable(Unusable::Missing(b)))
            | (Self::Comma(a), Self::Comma(b)) => a == b,
            (Self::Unusable(a), Self::Unusable(b)) => std::mem::discriminant(a) == std::mem::discriminant(b),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(words) => out.write_str(words),
            Self::Wrapped(words) => write!(out, "in a record that is wrapped as text: {words}"),
            Self::Unusable(unusable) => write!(out, "{unusable}"),
            Self::Truncated => out.write_str("JSON ends early"),
            Self::InvalidUtf8 => out.write_str("invalid UTF-8, replaced"),
            Self::LoneSurrogate => out.write_str("half a surrogate pair, replaced; the record counts"),
            Self::Comma(which) => write!(out, "{which}; the records around it count"),
            Self::Nuls => out.write_str("NUL bytes outside of the JSON"),
            Self::NotJson => out.write_str("not JSON"),
            Self::Utf16 => out.write_str("UTF-16, not UTF-8"),
            Self::Foreign => out.write_str("JSON, but no CloudTrail records"),
            Self::GivenUp => out.write_str("too much damage: the rest was not read"),
        }
    }
}

/// One reason, wherever it applies in a file.
#[derive(Debug, Clone)]
pub struct Flaw {
    /// What is wrong.
    pub reason: Reason,
    /// Where first.
    pub first: Place,
    /// How often.
    pub times: u64,
    /// How many records are lost by it.
    pub records: u64,
}

impl fmt::Display for Flaw {
    /// The reason and its first place.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.first;
        let first = if self.times > 1 { "first at " } else { "" };
        write!(out, "{} ({first}line {line} column {column})", self.reason)
    }
}

/// Collects the flaws of one text.
#[derive(Debug)]
pub(super) struct Flaws<'t> {
    text: &'t [u8],
    /// Offset up to which lines were counted, the line there, and where that line starts.
    known: (usize, usize, usize),
    rows: Vec<Flaw>,
}

impl<'t> Flaws<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, known: (0, 1, 0), rows: Vec::new() }
    }

    pub(super) fn into_rows(self) -> Vec<Flaw> {
        self.rows
    }

    /// Adds a flaw at offset `at` by which `records` records are lost.
    pub(super) fn add(&mut self, reason: Reason, at: usize, records: u64) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.reason.is_like(&reason)) {
            row.times += 1;
            row.records += records;
            return;
        }
        let first = self.place(at.min(self.text.len()));
        self.rows.push(Flaw { reason, first, times: 1, records });
    }

    /// The place of an offset; linear over all calls as long as the offsets grow.
    fn place(&mut self, at: usize) -> Place {
        let (mut from, mut line, mut start) = self.known;
        if at < from {
            (from, line, start) = (0, 1, 0);
        }
        let passed = &self.text[from..at];
        if let Some(newline) = passed.iter().rposition(|byte| *byte == b'\n') {
            line += passed.split(|byte| *byte == b'\n').count() - 1;
            start = from + newline + 1;
        }
        self.known = (at, line, start);
        Place { line, column: at - start + 1 }
    }
}
