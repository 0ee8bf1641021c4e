//! STATE: what one run hands on to the next <-> files. The checkpoint is written last, and is all or nothing.
mod checkpoint;
mod events;
mod holder;
mod in_bucket;
mod in_folder;
mod learned;
mod read_files;
mod vault;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

pub use checkpoint::{Account, Checkpoint, FORMAT, Model, day_of};
use in_bucket::InBucket;
use in_folder::InFolder;
pub use learned::{Learned, Open, renumber};
pub use read_files::{Part, ReadFile, day_name, part_of};
pub use vault::Filed;
use vault::{Place, Vault};

use crate::aggregate::{Attribution, Fingerprint};
use crate::s3::{Buckets, Location, S3Error};
use crate::store::parquet_table;
use crate::store::table::TableRead;
use crate::time::{Day, Minute};

/// Why a state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file system said no.
    #[error("cannot use {} as the state", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another run has it.
    #[error(
        "the state {} is in use by {}; wait for it to end, or stop it",
        path.display(),
        holder.as_deref().unwrap_or("another run")
    )]
    Busy {
        /// STATE.
        path: PathBuf,
        /// What is known of it.
        holder: Option<String>,
    },
    /// A bucket cannot be read or written.
    #[error(transparent)]
    S3(#[from] S3Error),
    /// Somebody else's.
    #[error("{} is not empty and holds no state; name a folder that is empty or does not exist yet", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// Nothing there.
    #[error("there is no state in {}; scan --state makes one", path.display())]
    NoState {
        /// STATE.
        path: PathBuf,
    },
    /// Written by another program, or a later one.
    #[error(
        "the state is of format {found}, this program knows format {known}; use the program that wrote it, or begin a new state in another folder"
    )]
    Format {
        /// The state's.
        found: u32,
        /// This program's.
        known: u32,
    },
    /// Not as it was written.
    #[error("the state is damaged: {}: {why}; restore it from a copy, or begin a new state in another folder", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// A state that is open.
#[derive(Debug)]
pub struct State {
    vault: Vault,
    checkpoint: Checkpoint,
    is_new: bool,
}

/// What a run leaves behind, beside what it did not change.
#[derive(Debug, Default)]
pub struct Kept {
    /// What judged.
    pub model: Model,
    /// The newest delivery that was read.
    pub newest_delivery: Option<Minute>,
    /// Minutes before this one have been judged.
    pub judged_until: Option<Minute>,
    /// What is known of each account.
    pub accounts: BTreeMap<String, Account>,
    /// SOURCEs in buckets of which everything was listed.
    pub listed: BTreeSet<String>,
    /// Of those that could not be listed to their end this time: up to which day all was.
    pub unlisted: BTreeMap<String, String>,
    /// The days whose calls have changed, as counts tables.
    pub days: BTreeMap<Day, Vec<u8>>,
    /// Days before this one are forgotten.
    pub keep_from: Option<Day>,
    /// What the detectors have learned, and what is open.
    pub learned: Vec<Learned>,
    /// Event ids, sorted.
    pub events: Vec<(Day, Fingerprint)>,
    /// The parts of the list of read files that have changed.
    pub read: BTreeMap<String, Part>,
}

impl State {
    /// Opens a state for a run, or begins one. No other run can open it until it is dropped.
    ///
    /// # Errors
    /// When it cannot be written, belongs to a running run, or cannot be read.
    pub fn open(path: &Path, buckets: &Buckets) -> Result<Self, StateError> {
        Self::of(Vault::open(place(path, buckets)?)?)
    }

    /// Opens a state to look at it.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn read_only(path: &Path, buckets: &Buckets) -> Result<Self, StateError> {
        Self::of(Vault::read_only(place(path, buckets)?)?)
    }

    fn of(vault: Vault) -> Result<Self, StateError> {
        let bytes = vault.checkpoint()?;
        let checkpoint = bytes.as_deref().map(Checkpoint::from_bytes).transpose()?;
        Ok(Self { vault, is_new: checkpoint.is_none(), checkpoint: checkpoint.unwrap_or_default() })
    }

    /// Whether no run has ended with it yet.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.vault.path()
    }

    /// What the last run left.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// What stands for the whole state: the same for the same logs and models, however many runs read them.
    #[must_use]
    pub fn digest(&self) -> String {
        self.checkpoint.digest()
    }

    /// What the detectors have learned, and what is open.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn learned(&self) -> Result<Vec<Learned>, StateError> {
        self.checkpoint
            .learned
            .as_ref()
            .map_or_else(|| Ok(Vec::new()), |file| learned::from_bytes(&self.vault.get(file)?))
    }

    /// The events that a copy is known by.
    ///
    /// # Errors
    /// When a file is damaged.
    pub fn events(&self) -> Result<Vec<(Day, Fingerprint)>, StateError> {
        let mut all = Vec::new();
        for (day, file) in &self.checkpoint.events {
            let Some(day) = checkpoint::day_of(day) else { continue };
            all.extend(events::from_bytes(day, &self.vault.get(file)?)?);
        }
        Ok(all)
    }

    /// The calls of a day; `None` where none are kept.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn day(&self, day: Day) -> Result<Option<TableRead>, StateError> {
        let Some(file) = self.checkpoint.days.get(&day_name(day)) else { return Ok(None) };
        let bytes = self.vault.get(file)?;
        let table = parquet_table::from_bytes(bytes, Attribution::Kept);
        let damaged = |why| StateError::Damaged { path: file.path.clone().into(), why };
        table.map(Some).map_err(damaged)
    }

    /// A part of the list of files that were read.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn read_part(&self, name: &str) -> Result<Part, StateError> {
        self.checkpoint
            .read
            .get(name)
            .map_or_else(|| Ok(Part::default()), |file| Part::from_bytes(&self.vault.get(file)?))
    }

    /// Names of all parts of the list of files that were read.
    pub fn read_parts(&self) -> impl Iterator<Item = &str> {
        self.checkpoint.read.keys().map(String::as_str)
    }

    /// Reads every file, and says how many bytes they have.
    ///
    /// # Errors
    /// With the first one that is damaged.
    pub fn verify(&self) -> Result<u64, StateError> {
        self.checkpoint.files().map(|file| Ok(self.vault.get(file)?.len() as u64)).sum()
    }

    /// What was told to whom, as [`State::save_ledger`] wrote it; `None` where nothing ever was.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn ledger(&self) -> Result<Option<Vec<u8>>, StateError> {
        self.vault.ledger()
    }

    /// Writes what was told to whom. It is no part of the checkpoint, nor of its digest: who was told does not change what is
    /// found.
    ///
    /// # Errors
    /// When the disk is full, or some such. Then the one before is as it was.
    pub fn save_ledger(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        self.vault.put_ledger(bytes)
    }

    /// Writes what a run leaves behind: files first, then the checkpoint.
    ///
    /// # Errors
    /// When the disk is full, or some such. Then the state is as it was.
    pub fn save(&mut self, mut kept: Kept) -> Result<(), StateError> {
        let put = |vault: &Vault, folder: &str, name: &str, ending: &str, bytes: &[u8]| {
            vault.put(&format!("{folder}/{name}"), ending, bytes)
        };
        let mut next = Checkpoint {
            format: FORMAT,
            model: kept.model,
            newest_delivery: kept.newest_delivery,
            judged_until: kept.judged_until,
            accounts: kept.accounts,
            listed: kept.listed,
            unlisted: kept.unlisted,
            days: self.checkpoint.days.clone(),
            learned: Some(self.vault.put("learned", "bin", &learned::to_bytes(&mut kept.learned))?),
            events: BTreeMap::new(),
            read: self.checkpoint.read.clone(),
            sha256: String::new(),
        };
        for (day, bytes) in &kept.days {
            next.days.insert(day_name(*day), put(&self.vault, "days", &day_name(*day), "parquet", bytes)?);
        }
        next.days.retain(|day, _| kept.keep_from.is_none_or(|from| day_name(from) <= *day));
        for (day, bytes) in events::to_bytes(&kept.events) {
            next.events.insert(day_name(day), put(&self.vault, "events", &day_name(day), "bin", &bytes)?);
        }
        for (name, part) in &kept.read {
            next.read.insert(name.clone(), put(&self.vault, "read", name, "zst", &part.to_bytes())?);
        }
        self.vault.commit(&next.to_bytes(), &next.paths())?;
        self.checkpoint = next;
        self.is_new = false;
        Ok(())
    }
}

/// Where the files of a state lie.
fn place(path: &Path, buckets: &Buckets) -> Result<Box<dyn Place>, StateError> {
    Ok(match Location::of(path) {
        Some(location) => Box::new(InBucket::new(location, buckets)?),
        None => Box::new(InFolder::new(path)),
    })
}
