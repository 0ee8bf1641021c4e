//! What earlier runs have read, as far as it decides where to look for more.
use crate::cloudtrail::dated_folder::DatedFolder;
use crate::time::Day;

/// What earlier runs have read.
pub trait Before {
    /// Whether the last run has listed all that is new below a folder of a bucket, `s3://bucket/…`.
    fn has_listed(&self, folder: &str) -> bool;

    /// Whether all of a dated folder, which is that of `path`, was read.
    fn has_all_of(&self, path: &str, folder: &DatedFolder<'_>) -> bool;

    /// From which day of delivery on a bucket may hold something new of an account and region, in their folder `path`; `None`
    /// where nothing of them was read.
    fn resume(&self, path: &str, account: &str, region: &str) -> Option<Day>;

    /// Whether there can have been an earlier run.
    fn goes_on(&self) -> bool;

    /// Whether what is new waits for what cannot be listed now.
    fn waits_for_unlisted(&self) -> bool {
        false
    }

    /// Whether nothing that is wanted can lie in a dated folder.
    fn is_outside(&self, _: &DatedFolder<'_>) -> bool {
        false
    }
}

/// No run went before, and only calls of some days are wanted. Calls are in files that were delivered after them, within
/// [`DELIVERED_WITHIN`] days.
#[derive(Debug, Clone, Copy, Default)]
pub struct Within {
    /// The first day; `None` for all.
    pub from: Option<Day>,
    /// The last.
    pub to: Option<Day>,
}

/// For how many days AWS tries to deliver.
pub const DELIVERED_WITHIN: i32 = 30;

impl Within {
    /// Whether all days are wanted.
    #[must_use]
    pub const fn is_all(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

impl Before for Within {
    fn has_listed(&self, _: &str) -> bool {
        true
    }

    fn has_all_of(&self, _: &str, _: &DatedFolder<'_>) -> bool {
        false
    }

    fn resume(&self, _: &str, _: &str, _: &str) -> Option<Day> {
        self.from
    }

    fn goes_on(&self) -> bool {
        false
    }

    fn is_outside(&self, folder: &DatedFolder<'_>) -> bool {
        self.from.is_some_and(|from| folder.last < from)
            || self.to.is_some_and(|to| folder.first > to.plus(DELIVERED_WITHIN))
    }
}

/// No run went before.
#[derive(Debug, Clone, Copy)]
pub struct Anew;

impl Before for Anew {
    fn has_listed(&self, _: &str) -> bool {
        false
    }

    fn has_all_of(&self, _: &str, _: &DatedFolder<'_>) -> bool {
        false
    }

    fn resume(&self, _: &str, _: &str, _: &str) -> Option<Day> {
        None
    }

    fn goes_on(&self) -> bool {
        false
    }
}
