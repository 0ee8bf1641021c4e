//! Files that were found, and those that earlier runs have read -> those that are new.
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::cloudtrail::dated_folder::DatedFolder;
use crate::source::files::LogFiles;
use crate::source::read::raw_of;
use crate::source::walk::{LogFile, Place, Table};
use crate::state::{Part, ReadFile, State, StateError, day_name, part_of};

/// Days of delivery before the newest that are looked into again. AWS retries a delivery for 30 days.
const LOOK_BACK_DAYS: i32 = 35;

/// The files that were read, by all runs so far. One that AWS named is known by its name and length, every other by its
/// bytes, whatever its name: so a copy of a log counts nothing, and a log that has grown is read again.
#[derive(Debug)]
pub struct ReadFiles {
    state: Arc<State>,
    /// Those parts that were needed.
    parts: BTreeMap<String, Part>,
    /// Files of this run.
    new: Vec<ReadFile>,
    /// Digests of the files without AWS's names.
    unnamed: FxHashSet<u128>,
    /// Digests of all files, where there are some without AWS's names.
    all: FxHashSet<u128>,
}

impl ReadFiles {
    /// Those that earlier runs have read.
    ///
    /// # Errors
    /// When the list is damaged.
    pub fn of(state: Arc<State>) -> Result<Self, StateError> {
        let unnamed = state.read_part(&part_of(None))?.digests().collect();
        Ok(Self { state, parts: BTreeMap::new(), new: Vec::new(), unnamed, all: FxHashSet::default() })
    }

    /// Leaves out what was read before, and gives the number of files.
    ///
    /// # Errors
    /// When the list is damaged.
    pub fn leave_out(&mut self, logs: &mut LogFiles, tables: &mut Vec<Table>) -> Result<u64, StateError> {
        let mut failure = None;
        if !tables.is_empty() || logs.iter().any(|file| file.delivered.is_none()) {
            self.read_all()?;
        }
        let known = logs.retain(|file| {
            self.is_new(file).unwrap_or_else(|error| {
                failure.get_or_insert(error);
                true
            })
        });
        failure.map_or(Ok(()), Err)?;
        let before = tables.len();
        tables.retain(|table| self.has_new_bytes(&table.path));
        Ok(known + (before - tables.len()) as u64)
    }

    /// Whether a folder is so old that nothing is delivered there any more, and its account and region were read from
    /// before its days on.
    pub fn has_all_of(&self, folder: &DatedFolder<'_>) -> bool {
        let known = self.state.checkpoint();
        let since = known.accounts.get(folder.account).and_then(|account| account.regions.get(folder.region));
        let is_old =
            known.newest_delivery.is_some_and(|newest| folder.last < newest.day().plus(-LOOK_BACK_DAYS));
        is_old && since.is_some_and(|since| *since <= day_name(folder.first))
    }

    /// Notes a file that was read; `false` where it is a copy of one that was read before, so that nothing of it counts.
    pub fn add(&mut self, file: ReadFile) -> bool {
        let is_new = if file.name.is_empty() {
            self.unnamed.insert(file.digest);
            self.all.insert(file.digest)
        } else {
            self.all.insert(file.digest);
            !self.unnamed.contains(&file.digest)
        };
        self.new.push(file);
        is_new
    }

    /// The parts of the list that have changed, and the files that did it.
    ///
    /// # Errors
    /// When the list is damaged.
    pub fn into_changed(mut self) -> Result<(BTreeMap<String, Part>, Vec<ReadFile>), StateError> {
        let mut changed = BTreeMap::new();
        for file in &self.new {
            let name = part_of(file.delivered);
            if !changed.contains_key(&name) {
                let part = self.parts.remove(&name).map_or_else(|| self.state.read_part(&name), Ok)?;
                changed.insert(name.clone(), part);
            }
            if let Some(part) = changed.get_mut(&name) {
                part.add(file.clone());
            }
        }
        Ok((changed, self.new))
    }

    fn read_all(&mut self) -> Result<(), StateError> {
        for name in self.state.read_parts() {
            self.all.extend(self.state.read_part(name)?.digests());
        }
        Ok(())
    }

    fn is_new(&mut self, file: &LogFile) -> Result<bool, StateError> {
        let Place::Path(path) = &file.place else { return Ok(true) };
        let (Some(name), Some(_)) = (file.own_name(), file.delivered) else {
            return Ok(self.has_new_bytes(path));
        };
        let part = part_of(file.delivered);
        if !self.parts.contains_key(&part) {
            let read = self.state.read_part(&part)?;
            self.parts.insert(part.clone(), read);
        }
        // What cannot be looked at is new: reading it will tell.
        let length = path.metadata().map_or(u64::MAX, |file| file.len());
        Ok(!self.parts.get(&part).is_some_and(|part| part.has(&name, length)))
    }

    fn has_new_bytes(&self, path: &Path) -> bool {
        let digest: io::Result<u128> = raw_of(path).map(|raw| raw.digest);
        digest.map_or(true, |digest| !self.all.contains(&digest))
    }
}
