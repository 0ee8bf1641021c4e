//! Files that were found, and those that earlier runs have read -> those that are new.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::cloudtrail::dated_folder::DatedFolder;
use crate::cloudtrail::object_key::ObjectKey;
use crate::source::before::Before;
use crate::source::files::LogFiles;
use crate::source::read::raw_of;
use crate::source::walk::{LogFile, Place, Table};
use crate::state::{Part, ReadFile, State, StateError, day_name, day_of, part_of};
use crate::time::{Day, MINUTES_PER_DAY, Minute};

/// Days of delivery before the newest that are looked into again. AWS retries a delivery for 30 days.
pub(super) const LOOK_BACK_DAYS: i32 = 35;
/// Days before the newest file of an account and region from which a bucket is listed again. Keys tell when AWS wrote them, so
/// this is for those that another copy brings late.
const OVERLAP_DAYS: i32 = 2;
/// For so many minutes of delivery, and by one run at least, nothing is read that came after a file which may be readable the
/// next time. Then that is given up: an object that is never readable must not blind anybody.
const HELD: i32 = 2 * MINUTES_PER_DAY;
/// Before all that is ever delivered.
const NEVER: Minute = Minute::from_epoch(i32::MIN);

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
    /// Names of files that this run could not read.
    missed: Vec<String>,
    /// What else is not read by this run.
    waiting: Waiting,
    /// What could be listed.
    listing: Listed,
    /// Whether buckets are listed as far back as folders are walked.
    relist: bool,
    /// Digests of the files without AWS's names.
    unnamed: FxHashSet<u128>,
    /// Digests of all files, where there are new ones that only those tell.
    all: Option<FxHashSet<u128>>,
}

/// What comes after a file that may be readable the next time is left for the next run: read before it, late calls and copies
/// would be told otherwise than in their order. So a run that misses a file ends as if the logs had been cut there.
#[derive(Debug, Default)]
struct Waiting {
    /// What was delivered from this minute on is waited for, and all that no earlier run has missed; `None` where everything is.
    since: Option<Minute>,
    /// Whether nothing is waited for.
    is_off: bool,
    /// What was delivered after this minute is left.
    held: Option<Minute>,
    /// Whether that has begun.
    leaves: bool,
    /// Files that came before.
    taken: usize,
}

/// What of the SOURCEs could be listed.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// SOURCEs in buckets of which everything was.
    pub listed: BTreeSet<String>,
    /// Those of which earlier runs have listed everything, and this one has not.
    pub unlisted: BTreeSet<String>,
    /// Whether there may be more, for a reason that may pass.
    pub may_be_more: bool,
}

/// What a run did to the list.
#[derive(Debug, Default)]
pub struct Changed {
    /// The parts that are different now.
    pub parts: BTreeMap<String, Part>,
    /// The files that were read.
    pub read: Vec<ReadFile>,
    /// The names of those that were not.
    pub missed: Vec<String>,
    /// Whether there may be more of those.
    pub may_be_more: bool,
    /// SOURCEs in buckets of which everything was listed, by this run or those before.
    pub listed: BTreeSet<String>,
    /// Of those that this run could not list to their end: up to which day all was.
    pub unlisted: BTreeMap<String, String>,
}

impl ReadFiles {
    /// Those that earlier runs have read. A run that judges to the end `waits` for nothing.
    ///
    /// # Errors
    /// When the list is damaged.
    pub fn of(state: Arc<State>, relist: bool, waits: bool) -> Result<Self, StateError> {
        let unnamed = state.read_part(&part_of(None))?.digests().collect();
        Ok(Self {
            state,
            parts: BTreeMap::new(),
            new: Vec::new(),
            missed: Vec::new(),
            waiting: Waiting { is_off: !waits, ..Waiting::default() },
            listing: Listed::default(),
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

    /// Takes note of what could be listed, and of how long anything among `logs`, which are in the order of delivery, is
    /// waited for. Where something was not listed, that is what came since the last run.
    pub fn begin(&mut self, logs: &LogFiles, listing: Listed) {
        let before = self.state.checkpoint().newest_delivery;
        // One name with a wrong time in the future must not end all waiting.
        let last_but_one = logs.len().checked_sub(2).and_then(|number| logs.get(number)?.delivered);
        self.waiting.since = before.max(last_but_one).map(|newest| newest.plus(-HELD));
        if listing.may_be_more && !self.waiting.is_off {
            // As long as nothing was judged, nothing says from when on there should be more: all waits.
            let is_first = before.is_none() && self.state.checkpoint().judged_until.is_none();
            let nothing = is_first.then_some(NEVER);
            // Nor is a SOURCE given up that could be listed the last time, however long ago that was.
            let is_new = self.state.checkpoint().unlisted.is_empty() && !listing.unlisted.is_empty();
            let since = self.waiting.since.filter(|_| !is_new);
            self.waiting.held = before.max(before.and(since)).or(nothing);
        }
        self.listing = listing;
    }

    /// Whether the next file, in the order of delivery, is left for the next run, as all after it then are.
    pub fn leaves(&mut self, delivered: Option<Minute>, is_missed: bool) -> bool {
        let Waiting { held, leaves, taken, .. } = &mut self.waiting;
        // As long as nothing can be read, each is tried, and named.
        *leaves |= !is_missed && held.is_some_and(|held| delivered.unwrap_or_default() > held);
        *taken += usize::from(!*leaves);
        *leaves
    }

    /// Whether anything is waited for.
    pub const fn waits(&self) -> bool {
        self.waiting.held.is_some()
    }

    /// How many of `all` files are left for the next run.
    pub const fn left(&self, all: usize) -> usize {
        all.saturating_sub(self.waiting.taken)
    }

    /// Notes a file that could not be read: the next run has to find it. Gives what follows from that, for its row.
    pub fn miss(&mut self, file: &LogFile, may_pass: bool) -> Option<&'static str> {
        let (Some(name), Some(delivered)) = (file.known_as(), file.delivered) else { return None };
        let is_known = self.was_missed(&name, delivered.day());
        self.missed.push(name);
        let Waiting { since, is_off, held, .. } = &mut self.waiting;
        if !may_pass || *is_off {
            return None;
        }
        // In a run that comes after a week, what is old is not yet what nobody can read.
        if is_known && since.is_some_and(|since| delivered < since) {
            return Some("; it is too old to be waited for: when it is read, its calls are late");
        }
        // What earlier runs have read is no longer waited with.
        let from = self.state.checkpoint().newest_delivery.max(Some(delivered));
        let is_first = held.is_none_or(|held| Some(held) > from);
        *held = if is_first { from } else { *held };
        is_first.then_some("; what was delivered after it is left for the next run")
    }

    /// Whether an earlier run may have missed a file: of each region, the day of the oldest is kept.
    fn was_missed(&self, name: &str, day: Day) -> bool {
        let ObjectKey { account: Some(account), region: Some(region), .. } = ObjectKey::parse(name) else {
            // Nobody keeps those.
            return true;
        };
        let known = self.state.checkpoint().accounts.get(&account);
        let oldest = known.and_then(|account| day_of(account.missed.get(&region)?));
        oldest.is_some_and(|oldest| oldest <= day)
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
        let mut listed = self.listing.listed.clone();
        let mut unlisted = BTreeMap::new();
        for source in &self.listing.unlisted {
            let newest = self.state.checkpoint().newest_delivery.map(Minute::day);
            if let Some(day) = self.unlisted_since(source).or(newest) {
                listed.insert(source.clone());
                unlisted.insert(source.clone(), day_name(day));
            }
        }
        let Self { new: read, missed, listing: Listed { may_be_more, .. }, .. } = self;
        Ok(Changed { parts: changed, read, missed, may_be_more, listed, unlisted })
    }

    /// The day up to which all was listed below a folder, where the last run could not list all; `None` where it could.
    fn unlisted_since(&self, folder: &str) -> Option<Day> {
        let unlisted = self.state.checkpoint().unlisted.iter();
        unlisted.filter(|(source, _)| is_below(folder, source)).filter_map(|(_, day)| day_of(day)).min()
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
        self.state.checkpoint().listed.iter().any(|source| is_below(folder, source))
    }

    /// Whether a folder is so old that nothing is delivered there any more, and its account and region were read from
    /// before its days on.
    fn has_all_of(&self, path: &str, folder: &DatedFolder<'_>) -> bool {
        let known = self.state.checkpoint();
        let since = known.accounts.get(folder.account).and_then(|account| account.regions.get(folder.region));
        let is_old =
            known.newest_delivery.is_some_and(|newest| folder.last < newest.day().plus(-LOOK_BACK_DAYS));
        let is_listed = self.unlisted_since(path).is_none_or(|day| folder.last < day.plus(-OVERLAP_DAYS));
        is_old && is_listed && since.is_some_and(|since| *since <= day_name(folder.first))
    }

    fn resume(&self, path: &str, account: &str, region: &str) -> Option<Day> {
        let known = self.state.checkpoint();
        let account = known.accounts.get(account)?;
        let newest = day_of(account.newest.get(region)?)?;
        // Other SOURCEs of the same account and region may have gone on.
        let newest = self.unlisted_since(path).map_or(newest, |day| day.min(newest));
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

    fn waits_for_unlisted(&self) -> bool {
        !self.waiting.is_off && self.state.checkpoint().newest_delivery.is_some()
    }
}

/// Whether a folder is a SOURCE, or lies below it.
fn is_below(folder: &str, source: &str) -> bool {
    folder.strip_prefix(source).is_some_and(|below| below.is_empty() || below.starts_with('/'))
}
