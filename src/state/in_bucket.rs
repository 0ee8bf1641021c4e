//! The files of a state <-> objects below a prefix. A lease keeps a second run from beginning.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StateError;
use super::holder;
use super::vault::{LOCK, Place};
use crate::s3::{Bucket, Buckets, Cause, Condition, Lease, Listing, Location, S3Error, Visit};
use crate::step::step;

/// A prefix.
#[derive(Debug)]
pub(super) struct InBucket {
    bucket: Arc<Bucket>,
    at: Location,
    /// The same as it is shown.
    path: PathBuf,
    /// Also tells whether anything can be written there.
    lease: Option<Lease>,
}

impl InBucket {
    /// The objects below that key. Nothing is sent yet.
    ///
    /// # Errors
    /// When the bucket cannot be connected to.
    pub(super) fn new(at: Location, buckets: &Buckets) -> Result<Self, StateError> {
        let bucket = buckets.get(&at.bucket)?;
        Ok(Self { bucket, path: at.to_string().into(), at, lease: None })
    }

    fn key(&self, name: &str) -> String {
        self.at.join(name).key
    }

    fn list(&self, visit: &mut dyn FnMut(&str) -> Visit) -> Result<Vec<String>, StateError> {
        let Listing { objects, refused, failed } = self.bucket.list(&self.at.key, visit);
        if let Some(failure) = failed.into_iter().next() {
            return Err(failure.into());
        }
        let keys = objects.into_iter().map(|object| object.key).chain(refused);
        Ok(keys.map(|key| self.below(&key)).collect())
    }

    /// A key from STATE.
    fn below(&self, key: &str) -> String {
        key.strip_prefix(&self.at.key).unwrap_or(key).trim_start_matches('/').to_owned()
    }
}

impl Place for InBucket {
    fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&mut self) -> Result<(), StateError> {
        let lease = self.bucket.lease(&self.key(LOCK), &holder::text(), &holder::has_died)?;
        self.lease = Some(lease.map_err(|text| StateError::Busy {
            path: self.path.clone(),
            holder: Some(format!(
                "{} (if that has died, it is free ten minutes later)",
                holder::shown(&text)
            )),
        })?);
        Ok(())
    }

    fn prepare(&self) -> Result<(), StateError> {
        Ok(())
    }

    fn leave(&mut self, last: &mut dyn FnMut(&dyn Place) -> bool) {
        if let Some(lease) = self.lease.take() {
            lease.give_back(|| {
                last(self);
            });
        }
    }

    fn names(&self) -> Result<Vec<String>, StateError> {
        let mut folders = Vec::new();
        let mut names = self.list(&mut |folder| {
            if folder == self.at.key {
                return Visit::Descend;
            }
            folders.push(self.below(folder) + "/");
            Visit::Skip
        })?;
        names.extend(folders);
        Ok(names)
    }

    fn all(&self) -> Result<Vec<String>, StateError> {
        self.list(&mut |_| Visit::All)
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.bucket.get(&self.key(name))?.map(|there| there.bytes.into()))
    }

    fn size(&self, name: &str) -> Result<Option<u64>, StateError> {
        Ok(self.bucket.head(&self.key(name))?.map(|there| there.size))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        step("write a file of the state");
        Ok(self.bucket.put(&self.key(name), bytes.to_vec().into(), Condition::None)?)
    }

    fn settle(&self, _: &BTreeSet<&str>) -> Result<(), StateError> {
        Ok(())
    }

    fn create(&self, what: &str, name: &str, bytes: &[u8]) -> Result<bool, StateError> {
        step(&format!("create {what}"));
        match self.bucket.put(&self.key(name), bytes.to_vec().into(), Condition::IsNew) {
            Err(S3Error { cause: Cause::Changed, .. }) => Ok(false),
            put => Ok(put.map(|()| true)?),
        }
    }

    fn remove(&self, name: &str) -> Result<(), StateError> {
        Ok(self.bucket.remove(&self.key(name))?)
    }
}
