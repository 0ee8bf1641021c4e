//! What earlier runs have read, as far as it decides where to look for more.
use crate::cloudtrail::dated_folder::DatedFolder;
use crate::time::Day;

/// What earlier runs have read.
pub trait Before {
    /// Whether the last run has listed all that is new below a folder of a bucket, `s3://bucket/…`.
    fn has_listed(&self, folder: &str) -> bool;

    /// Whether all of a dated folder was read.
    fn has_all_of(&self, folder: &DatedFolder<'_>) -> bool;

    /// From which day of delivery on a bucket may hold something new of an account and region; `None` where nothing of
    /// them was read.
    fn resume(&self, account: &str, region: &str) -> Option<Day>;

    /// Whether there can have been an earlier run.
    fn goes_on(&self) -> bool;
}

/// No run went before.
#[derive(Debug, Clone, Copy)]
pub struct Anew;

impl Before for Anew {
    fn has_listed(&self, _: &str) -> bool {
        false
    }

    fn has_all_of(&self, _: &DatedFolder<'_>) -> bool {
        false
    }

    fn resume(&self, _: &str, _: &str) -> Option<Day> {
        None
    }

    fn goes_on(&self) -> bool {
        false
    }
}
