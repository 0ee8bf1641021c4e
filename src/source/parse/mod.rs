//! A file's bytes -> its records into a sink, and what was wrong with the rest.
//!
//! Three paths, each slower and more patient than the one before. [`fast()`] jumps through one of AWS's own files, if a
//! checksum vouches for it; [`strict()`] understands all sound files; whatever is odd makes them [`Unsure`]. Then the
//! sink forgets, and the next path reads the same bytes again; [`careful()`], the last one, isolates the damage and names
//! it. On sound files all give the same records.
mod careful;
mod fast;
mod find;
mod flaws;
mod keys;
mod kind;
mod masks;
mod strict;
#[cfg(test)]
mod tests;
mod text;

use crate::classify::Unusable;
use crate::cloudtrail::record::Record;

pub use careful::careful;
pub use fast::{Memory, fast};
pub use flaws::{Flaw, Place, Reason};
pub use strict::{Unsure, strict};

/// Where records go.
pub trait Sink {
    /// Takes a record.
    ///
    /// # Errors
    /// Says why it is of no use.
    fn record(&mut self, record: Record<'_>) -> Result<(), Unusable>;

    /// Forgets all records so far.
    fn clear(&mut self);

    /// Whether to end early: nobody waits for the result any more.
    fn stopped(&self) -> bool;
}

/// What the careful path found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Whether any container of records, or any record, was there.
    pub is_log: bool,
    /// What was wrong, each reason once, in order of first appearance.
    pub flaws: Vec<Flaw>,
}

/// What is known of a text before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// A checksum says that it is as it was written.
    Checksum,
    /// Nothing.
    None,
}

/// Reads all records of `bytes`.
pub fn parse(bytes: &[u8], seal: Seal, memory: &mut Memory, sink: &mut impl Sink) -> Findings {
    let sound = Findings { is_log: true, flaws: Vec::new() };
    if seal == Seal::Checksum {
        if fast(bytes, memory, sink).is_ok() {
            return sound;
        }
        sink.clear();
    }
    if strict(bytes, sink).is_ok() {
        return sound;
    }
    sink.clear();
    careful(bytes, sink)
}

/// The bytes without a byte order mark.
fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}
