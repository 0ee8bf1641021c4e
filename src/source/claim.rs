//! A file's name, and its first bytes where that says nothing -> what it promises to be, or what becomes of it.
use std::ffi::OsStr;
use std::io;
use std::path::Path;

use super::inflate::GZIP_MAGIC;
use super::walk::Fate;
use crate::cloudtrail::object_key::{FileKind, ObjectKey};
use crate::emit::{KEPT_FILE, LINES_FILE, PAGE_FILE, SUMMARY_FILE};

/// The file by which a run holds a state.
const STATE_LOCK: &str = "lock";

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

/// What a file promises, or what becomes of it where it is no log.
pub(super) fn claim_of(
    path: &Path,
    key: &ObjectKey,
    claim: Option<Claim>,
    first_bytes: &dyn Fn() -> io::Result<Vec<u8>>,
) -> Result<Claim, Fate> {
    let by_name = claim_of_name(path);
    let is_data = claim.is_some() || by_name.is_some();
    match key.kind {
        FileKind::CloudTrail | FileKind::Unknown => {}
        kind if is_data => return Err(Fate::Excluded(kind.name())),
        _ => {}
    }
    if claim.is_none() && !key.named_by_aws && is_own_output(path) {
        return Err(Fate::Ignored("named like what a scan writes"));
    }
    let by_aws = key.named_by_aws.then_some(Claim::Log);
    match claim.or(by_aws).or(by_name) {
        Some(claim) => Ok(claim),
        None if is_table(path) => Err(Fate::Ignored("a table; name it itself to read it")),
        None => match first_bytes().map(|first| is_gzip_or_json(&first)) {
            Ok(true) => Ok(Claim::Nothing),
            Ok(false) => Err(Fate::Ignored("not JSON by its name and first bytes")),
            Err(error) => Err(Fate::Skipped(format!("cannot open: {error}"))),
        },
    }
}

/// Whether a file is named as what a scan writes to DEST or STATE. Where one lies in a SOURCE, what is read must not depend on
/// what the run before wrote.
fn is_own_output(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let is_numbered = |begin: &str| {
        let number = name.strip_prefix(begin).and_then(|rest| rest.strip_suffix(".json"));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_filed = || {
        let digest =
            name.strip_suffix(".bin").and_then(|stem| stem.rsplit_once('.')).map(|(_, digest)| digest);
        digest.is_some_and(|digest| digest.len() == 16 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    [LINES_FILE, SUMMARY_FILE, STATE_LOCK].contains(&name)
        || path.ends_with(PAGE_FILE)
        || path.ends_with(KEPT_FILE)
        || is_numbered("checkpoint-")
        || is_numbered("ledger-")
        || is_filed()
}

/// Whether the name is that of a counts table.
pub(super) fn is_table(path: &Path) -> bool {
    let name = lower_name(path);
    name.ends_with(b".parquet") || name.ends_with(b".csv") || name.ends_with(b".csv.gz")
}

/// What a file's ending promises; `None` where it says nothing.
pub(super) fn claim_of_name(path: &Path) -> Option<Claim> {
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

/// Whether bytes begin as gzip or JSON does.
fn is_gzip_or_json(first: &[u8]) -> bool {
    let text = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(first).trim_ascii_start();
    first.starts_with(&GZIP_MAGIC) || text.starts_with(b"{") || text.starts_with(b"[")
}
