//! DEST, a folder or a bucket -> one way to publish there.
use std::path::Path;

use super::bucket::InBucket;
use super::{Destination, DestinationError, Earlier, LINES_FILE, Output, Told, destination};
use crate::s3::{Buckets, Location};

/// Where results go. Dropped without [`Target::publish`], it is left as it was.
#[derive(Debug)]
pub enum Target {
    /// A folder.
    Folder(Destination),
    /// A prefix of a bucket.
    Bucket(InBucket),
}

impl Target {
    /// Tries to write there, so that what cannot work fails before the work.
    ///
    /// # Errors
    /// When nothing can be written there, another run does, or files with our names are not ours.
    pub fn open(path: &Path, earlier: Earlier, buckets: &Buckets) -> Result<Self, DestinationError> {
        Ok(match Location::of(path) {
            Some(location) => Self::Bucket(InBucket::open(location, earlier, buckets)?),
            None => Self::Folder(Destination::open(path, earlier)?),
        })
    }

    /// Makes sure that a report can be written, and says whether an earlier run kept something of its own.
    ///
    /// # Errors
    /// When none can be written, or files with our names are not ours.
    pub fn report_before(&self) -> Result<bool, DestinationError> {
        match self {
            Self::Folder(folder) => folder.report_before(),
            Self::Bucket(bucket) => bucket.report_before(),
        }
    }

    /// What earlier runs have told.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn told(&self) -> Result<Told, DestinationError> {
        match self {
            Self::Folder(folder) => folder.told(),
            Self::Bucket(bucket) => bucket.told(),
        }
    }

    /// A file that an earlier run published; `None` where there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn published(&self, name: &str) -> Result<Option<Vec<u8>>, DestinationError> {
        match self {
            Self::Folder(folder) => folder.published(name),
            Self::Bucket(bucket) => bucket.published(name),
        }
    }

    /// Takes a file that is to be published.
    ///
    /// # Errors
    /// The disk is full, or some such.
    pub fn stage(&mut self, output: Output) -> Result<(), DestinationError> {
        match self {
            Self::Folder(folder) => folder.stage(&output),
            Self::Bucket(bucket) => {
                bucket.stage(output);
                Ok(())
            }
        }
    }

    /// Publishes all of it, `summary.json` last.
    ///
    /// # Errors
    /// When something cannot be written. The next run repairs it.
    pub fn publish(self) -> Result<(), DestinationError> {
        match self {
            Self::Folder(folder) => folder.publish(),
            Self::Bucket(bucket) => bucket.publish(),
        }
    }
}

/// `insights.jsonl` as it stands at DEST, whether a run is writing there or not.
///
/// # Errors
/// It is not there, or cannot be read.
pub fn published_lines(path: &Path, buckets: &Buckets) -> Result<Vec<u8>, DestinationError> {
    match Location::of(path) {
        None => destination::lines(path),
        Some(location) => {
            let key = location.join(LINES_FILE).key;
            let stored = buckets.get(&location.bucket)?.get(&key)?;
            Ok(stored.map(|stored| stored.bytes.into()).unwrap_or_default())
        }
    }
}
