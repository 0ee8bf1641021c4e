//! Files that were found, and those that earlier runs have read -> those that are new.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::cloudtrail::dated_folder::DatedFolder;
use crate::source::before::Before;
use crate::source::files::LogFiles;
use crate::source::read::raw_of;
use crate::source::walk::{LogFile, Place, Table};
use crate::state::{Part, ReadFile, State, StateError, day_name, day_of, part_of};
use crate::time::{Day, Minute};

/// Days of delivery before the newest that are looked into again. AWS retries a delivery for 30 days.
pub(super) const LOOK_BACK_DAYS: i32 = 35;
/// Days before the newest file of an account and region from which a bucket is listed again. Keys tell when AWS wrote them, so
/// this is for those that another copy brings late.
const OVERLAP_DAYS: i32 = 2;

/// The files that were read, by all runs so far. One that AWS named is known by its name and length, every other by its
/// bytes, whatever its name: so a copy of a log counts nothing, and a log that has grown is read again. An object that AWS did
/// not name is fetched for that once, and again when its version is another.
#[derive(Debug)]
pub struct ReadFiles {
    state: Arc<State>,
    /// Those parts that were needed.
    parts: BTreeMap<String, Part>,
    /// Files of this run.
    new: Vec<ReadFile>,
    /// Files that this run could not read.
    missed: Vec<Missed>,
    /// Whether there may be more that this run could not even list.
    pub(super) may_be_more: bool,
    /// SOURCEs in buckets of which everything was listed.
    pub(super) listed: BTreeSet<String>,
    /// Whether buckets are listed as far back as folders are walked.
    relist: bool,
    /// Digests of the files without AWS's names.
    unnamed: FxHashSet<u128>,
    /// Digests of all files, where there are new ones that only those tell.
    all: Option<FxHashSet<u128>>,
}

/// A file that was found and not read.
#[derive(Debug, Clone)]
pub struct Missed {
    /// Its name.
    pub name: String,
    /// When that says that it was delivered.
    pub delivered: Minute,
    /// Whether trying again may help.
    pub may_pass: bool,
}

/// What a run did to the list.
#[derive(Debug, Default)]
pub struct Changed {
    /// The parts that are different now.
    pub parts: BTreeMap<String, Part>,
    /// The files that were read.
    pub read: Vec<ReadFile>,
    /// Those that were not.
    pub missed: Vec<Missed>,
    /// Whether there may be more of those.
    pub may_be_more: bool,
    /// SOURCEs in buckets of which everything was listed.
    pub listed: BTreeSet<String>,
}

impl ReadFiles {
    /// Those that earlier runs have read.
    ///
    /// # Errors
    /// When the list is damaged.
    pub fn of(state: Arc<State>, relist: bool) -> Result<Self, StateError> {
        let unnamed = state.read_part(&part_of(None))?.digests().collect();
        Ok(Self {
            state,
            parts: BTreeMap::new(),
            new: Vec::new(),
            missed: Vec::new(),
            may_be_more: false,
            listed: BTreeSet::new(),
            relist,
            unnamed,
            all: None,
        })
    }

    /// Leaves out what was read before, and gives the number of files.
    ///
    /// # Errors
    /// When the list is damaged.
    pub fn leave_out(&mut self, logs: &mut LogFiles, tables: &mut Vec<Table>) -> Result<u64, StateError> {
        let mut failure = None;
        let mut or_new = |is_new: Result<bool, StateError>| {
            is_new.unwrap_or_else(|error| {
                failure.get_or_insert(error);
                true
            })
        };
        let known = logs.retain(|file| or_new(self.is_new(file)));
        let before = tables.len();
        tables.retain(|table| or_new(self.has_new_bytes(&table.path)));
        failure.map_or(Ok(()), Err)?;
        Ok(known + (before - tables.len()) as u64)
    }

    /// Notes a file that was read; `false` where it is a copy of one that was read before, so that nothing of it counts.
    pub fn add(&mut self, file: ReadFile) -> bool {
        let is_first = self.all.as_mut().is_none_or(|all| all.insert(file.digest));
        let is_new = if file.delivered.is_none() || file.name.is_empty() {
            self.unnamed.insert(file.digest);
            is_first
        } else {
            !self.unnamed.contains(&file.digest)
        };
        self.new.push(file);
        is_new
    }

    /// Notes a file that could not be read: the next run has to find it.
    pub fn miss(&mut self, file: &LogFile, may_pass: bool) {
        if let (Some(name), Some(delivered)) = (file.known_as(), file.delivered) {
            self.missed.push(Missed { name, delivered, may_pass });
        }
    }

    /// The first delivery from `since` on that this run missed and the next may have: nothing after it should be judged yet.
    pub fn first_missed(&self, since: Minute) -> Option<Minute> {
        let missed = self.missed.iter().filter(|missed| missed.may_pass).map(|missed| missed.delivered);
        let unlisted = self.state.checkpoint().newest_delivery.filter(|_| self.may_be_more);
        missed.chain(unlisted).filter(|missed| *missed >= since).min()
    }

    /// What has changed.
    ///
    /// # Errors
    /// When the list is damaged.
    pub fn into_changed(mut self) -> Result<Changed, StateError> {
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
        let Self { new: read, missed, may_be_more, listed, .. } = self;
        Ok(Changed { parts: changed, read, missed, may_be_more, listed })
    }

    /// The digests of all files.
    fn all(&mut self) -> Result<&FxHashSet<u128>, StateError> {
        let all = match self.all.take() {
            Some(all) => all,
            None => self.read_all()?,
        };
        Ok(self.all.insert(all))
    }

    fn read_all(&self) -> Result<FxHashSet<u128>, StateError> {
        let mut all = FxHashSet::default();
        for name in self.state.read_parts() {
            all.extend(self.state.read_part(name)?.digests());
        }
        Ok(all)
    }

    fn is_new(&mut self, file: &LogFile) -> Result<bool, StateError> {
        let Some(name) = file.known_as() else {
            return match &file.place {
                Place::Path(path) => self.has_new_bytes(path),
                // Their bytes tell when they are read.
                Place::Stdin | Place::Object(_) => self.all().map(|_| true),
            };
        };
        let part = part_of(file.delivered);
        if !self.parts.contains_key(&part) {
            let read = self.state.read_part(&part)?;
            self.parts.insert(part.clone(), read);
        }
        // What cannot be looked at is new: reading it will tell.
        let length = match &file.place {
            Place::Path(path) => path.metadata().map_or(u64::MAX, |file| file.len()),
            Place::Object(wanted) => wanted.stamp.size,
            Place::Stdin => u64::MAX,
        };
        let is_new = !self.parts.get(&part).is_some_and(|part| part.has(&name, length));
        if is_new && file.delivered.is_none() {
            // It may be a copy.
            self.all()?;
        }
        Ok(is_new)
    }

    /// What cannot be looked at is new, too.
    fn has_new_bytes(&mut self, path: &Path) -> Result<bool, StateError> {
        let all = self.all()?;
        Ok(raw_of(path).map_or(true, |raw| !all.contains(&raw.digest)))
    }
}

impl Before for ReadFiles {
    fn has_listed(&self, folder: &str) -> bool {
        let listed = self.state.checkpoint().listed.iter();
        let mut around = listed.filter_map(|source| folder.strip_prefix(source.as_str()));
        around.any(|below| below.is_empty() || below.starts_with('/'))
    }

    /// Whether a folder is so old that nothing is delivered there any more, and its account and region were read from
    /// before its days on.
    fn has_all_of(&self, folder: &DatedFolder<'_>) -> bool {
        let known = self.state.checkpoint();
        let since = known.accounts.get(folder.account).and_then(|account| account.regions.get(folder.region));
        let is_old =
            known.newest_delivery.is_some_and(|newest| folder.last < newest.day().plus(-LOOK_BACK_DAYS));
        is_old && since.is_some_and(|since| *since <= day_name(folder.first))
    }

    fn resume(&self, account: &str, region: &str) -> Option<Day> {
        let known = self.state.checkpoint();
        let account = known.accounts.get(account)?;
        let newest = day_of(account.newest.get(region)?)?;
        if self.relist {
            let last = known.newest_delivery.map_or(newest, Minute::day);
            return Some(last.min(newest).plus(-LOOK_BACK_DAYS));
        }
        let missed = account.missed.get(region).and_then(|day| day_of(day));
        Some(missed.unwrap_or(newest).min(newest.plus(-OVERLAP_DAYS)))
    }

    fn goes_on(&self) -> bool {
        !self.state.is_new()
    }
}
