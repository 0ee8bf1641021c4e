//! The files of a state <-> objects below a prefix, by the protocol of a folder: files first, then the next checkpoint,
//! created only if there is none of that number. A lease keeps a second run from beginning.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StateError;
use super::checkpoint::is_named_by_us;
use super::holder;
use super::vault::{Filed, LOCK, Vault, is_checkpoint, ledger_name, ledger_number, name_of, number_of};
use crate::s3::{Bucket, Buckets, Cause, Condition, Lease, Listing, Location, S3Error, Visit};
use crate::step::step;

/// The last line of the lock as long as there is no checkpoint.
const FIRST: &str = "no run has ended here yet";

/// The objects below a prefix.
#[derive(Debug)]
pub(super) struct InBucket {
    bucket: Arc<Bucket>,
    at: Location,
    /// The same as it is shown.
    path: PathBuf,
    /// Number of the newest checkpoint; 0 where there is none.
    generation: u64,
    /// `None` for a reader.
    lease: Option<Lease>,
}

impl InBucket {
    /// Takes the lease, which also tells whether anything can be written there.
    ///
    /// # Errors
    /// When another run has it, what is there is no state, or nothing can be written.
    pub(super) fn open(at: Location, buckets: &Buckets) -> Result<Self, StateError> {
        let mut vault = Self::at(at, buckets)?;
        let is_first = vault.refuse_foreign()? == 0;
        let lock = vault.at.join(LOCK).key;
        let text = if is_first { format!("{}\n{FIRST}", holder::text()) } else { holder::text() };
        let lease = vault.bucket.lease(&lock, &text, &holder::has_died)?;
        vault.lease = Some(lease.map_err(|text| StateError::Busy {
            path: vault.path.clone(),
            holder: Some(format!(
                "{} (if that has died, it is free ten minutes later)",
                holder::shown(&text)
            )),
        })?);
        vault.generation = newest(&vault.names()?);
        Ok(vault)
    }

    /// Opens a state for reading only, without its lease.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn read_only(at: Location, buckets: &Buckets) -> Result<Self, StateError> {
        let mut vault = Self::at(at, buckets)?;
        vault.generation = newest(&vault.names()?);
        if vault.generation == 0 {
            return Err(StateError::NoState { path: vault.path.clone() });
        }
        Ok(vault)
    }

    fn at(at: Location, buckets: &Buckets) -> Result<Self, StateError> {
        let bucket = buckets.get(&at.bucket)?;
        Ok(Self { bucket, path: at.to_string().into(), at, generation: 0, lease: None })
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

    /// What stands directly in STATE; folders end in `/`.
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

    /// A new state begins below an empty prefix: without its checkpoint, what is there is lost or somebody else's.
    /// Says the number of the newest checkpoint; 0 where there is none.
    fn refuse_foreign(&self) -> Result<u64, StateError> {
        let names = self.names()?;
        if newest(&names) > 0 {
            return Ok(newest(&names));
        }
        let mut names = names.iter().filter(|name| *name != LOCK && ledger_number(name).is_none());
        let path = || self.path.clone();
        if names.clone().any(|name| !is_named_by_us(name)) {
            return Err(StateError::Foreign { path: path() });
        }
        // A first run that was cut off before its checkpoint leaves its lock behind; it has read nothing for good.
        let was_cut_off = || -> Result<bool, StateError> {
            let lock = self.bucket.get(&self.at.join(LOCK).key)?;
            Ok(lock.is_some_and(|lock| lock.bytes.ends_with(FIRST.as_bytes())))
        };
        if names.next().is_some() && !was_cut_off()? {
            return Err(StateError::Damaged { path: path(), why: "its checkpoint is missing".to_owned() });
        }
        Ok(0)
    }

    /// Numbers of the ledgers that are there, in order.
    fn ledgers(&self) -> Result<Vec<u64>, StateError> {
        let mut numbers: Vec<u64> = self.names()?.iter().filter_map(|name| ledger_number(name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, StateError> {
        let there = self.bucket.get(&self.at.join(name).key)?;
        let damaged = || StateError::Damaged { path: self.path.join(name), why: "it is missing".to_owned() };
        Ok(there.ok_or_else(damaged)?.bytes.into())
    }

    /// Removes what no checkpoint names any more. That it cannot be removed harms nobody: the next run tries again.
    fn remove_all_but(&self, files: &BTreeSet<&str>) {
        let newest = name_of(self.generation);
        for name in self.list(&mut |_| Visit::All).unwrap_or_default() {
            let is_ours = is_checkpoint(&name) || is_named_by_us(&name);
            if is_ours && name != newest && !files.contains(&*name) {
                step("remove a file that is no longer needed");
                let _ = self.bucket.remove(&self.at.join(&name).key);
            }
        }
    }
}

impl Vault for InBucket {
    fn path(&self) -> &Path {
        &self.path
    }

    fn checkpoint(&self) -> Result<Option<Vec<u8>>, StateError> {
        if self.generation == 0 { Ok(None) } else { self.read(&name_of(self.generation)).map(Some) }
    }

    fn get(&self, file: &Filed) -> Result<Vec<u8>, StateError> {
        file.checked(self.path.join(&file.path), self.read(&file.path)?)
    }

    fn put(&self, name: &str, ending: &str, bytes: &[u8]) -> Result<Filed, StateError> {
        let file = Filed::of(name, ending, bytes);
        let key = self.at.join(&file.path).key;
        if self.bucket.head(&key)?.is_none_or(|stored| stored.size != file.bytes) {
            step("write a file of the state");
            self.bucket.put(&key, bytes.to_vec().into(), Condition::None)?;
        }
        Ok(file)
    }

    fn commit(&mut self, checkpoint: &[u8], files: &BTreeSet<&str>) -> Result<(), StateError> {
        let key = self.at.join(&name_of(self.generation + 1)).key;
        step("create the checkpoint");
        match self.bucket.put(&key, checkpoint.to_vec().into(), Condition::IsNew) {
            Err(S3Error { cause: Cause::Changed, .. }) => {
                return Err(StateError::Busy { path: self.path.clone(), holder: None });
            }
            put => put?,
        }
        self.generation += 1;
        self.remove_all_but(files);
        Ok(())
    }

    fn ledger(&self) -> Result<Option<Vec<u8>>, StateError> {
        self.ledgers()?.pop().map(|newest| self.read(&ledger_name(newest))).transpose()
    }

    fn put_ledger(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let earlier = self.ledgers()?;
        let next = ledger_name(earlier.last().copied().unwrap_or(0) + 1);
        step("create the ledger");
        match self.bucket.put(&self.at.join(&next).key, bytes.to_vec().into(), Condition::IsNew) {
            Err(S3Error { cause: Cause::Changed, .. }) => {
                return Err(StateError::Busy { path: self.path.clone(), holder: None });
            }
            put => put?,
        }
        for number in earlier {
            let _ = self.bucket.remove(&self.at.join(&ledger_name(number)).key);
        }
        Ok(())
    }
}

impl Drop for InBucket {
    fn drop(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        lease.give_back(|| {
            // A run that failed before it had anything to keep leaves nothing behind; but somebody else may have taken over.
            if self.generation == 0 && self.names().is_ok_and(|names| newest(&names) == 0) {
                self.remove_all_but(&BTreeSet::new());
            }
        });
    }
}

fn newest(names: &[String]) -> u64 {
    names.iter().filter_map(|name| number_of(name)).max().unwrap_or(0)
}
