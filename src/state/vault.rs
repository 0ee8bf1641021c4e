//! Bytes -> files below STATE that are never changed, and a numbered checkpoint that names them; and back.
//!
//! A file is named by the digest of its bytes, so a new version never touches the old one. A run writes its files, then
//! creates the next checkpoint, which must not exist yet, then removes what that one does not name. Whatever is cut off
//! before the checkpoint leaves the state of the run before; whatever is cut off after it leaves files too many, which the
//! next run removes. A first run has no checkpoint to begin with: a mark says so before anything else is written, and goes
//! when the checkpoint has come. Where the files lie is a [`Place`] of a few primitives, a folder or a bucket.
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::StateError;
use super::checkpoint::is_named_by_us;
use crate::step::step;
use crate::words::hex;

/// Says who has the state.
pub(super) const LOCK: &str = "lock";
/// Begins the name of every checkpoint; its number follows.
const CHECKPOINT: &str = "checkpoint-";
/// Begins the name of every ledger of alerts; its number follows.
const LEDGER: &str = "ledger-";
/// Stands there from before the first file is written until there is a checkpoint.
const FIRST: &str = ".trailpulse-first-run";

/// A file of the state, as its checkpoint names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filed {
    /// Below STATE, with `/`.
    pub path: String,
    /// Length.
    pub bytes: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

impl Filed {
    /// Names bytes: `name`, their digest, `ending`.
    pub(super) fn of(name: &str, ending: &str, bytes: &[u8]) -> Self {
        let sha256 = sha256(bytes);
        let short = sha256.get(..16).unwrap_or(&sha256);
        Self { path: format!("{name}.{short}.{ending}"), bytes: bytes.len() as u64, sha256 }
    }

    /// The bytes that lay at `path`, if they are those that were written.
    ///
    /// # Errors
    /// When they are not.
    pub(super) fn checked(&self, path: PathBuf, bytes: Vec<u8>) -> Result<Vec<u8>, StateError> {
        if bytes.len() as u64 != self.bytes || sha256(&bytes) != self.sha256 {
            let why = "its bytes are not those that were written".to_owned();
            return Err(StateError::Damaged { path, why });
        }
        Ok(bytes)
    }
}

/// Where the files of a state lie. Names are below STATE, with `/`.
pub(super) trait Place: Debug + Send + Sync {
    /// Where that is.
    fn path(&self) -> &Path;

    /// Keeps other runs out until [`Place::leave`].
    ///
    /// # Errors
    /// When another run has it, or nothing can be written there.
    fn lock(&mut self) -> Result<(), StateError>;

    /// Makes ready to write, now that no other run can.
    ///
    /// # Errors
    /// When nothing can be written there.
    fn prepare(&self) -> Result<(), StateError>;

    /// Does `last`, and lets others in, but leaves all as it is where somebody has taken over meanwhile. `last` says whether
    /// nothing of the state is left; then the place itself goes too.
    fn leave(&mut self, last: &mut dyn FnMut(&dyn Place) -> bool);

    /// What stands directly there; folders that hold something end in `/`. Nothing where there is no such place.
    ///
    /// # Errors
    /// When it cannot be listed.
    fn names(&self) -> Result<Vec<String>, StateError>;

    /// All files that may be the state's, however deep.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn all(&self) -> Result<Vec<String>, StateError>;

    /// The bytes of a file; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StateError>;

    /// The length of a file; `None` where there is none.
    ///
    /// # Errors
    /// When nobody says.
    fn size(&self, name: &str) -> Result<Option<u64>, StateError>;

    /// Writes a file, whole or not at all, over what is there.
    ///
    /// # Errors
    /// When the disk is full, or some such.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StateError>;

    /// Makes sure that what was put under these names outlasts a power cut.
    ///
    /// # Errors
    /// When the disk says no.
    fn settle(&self, names: &BTreeSet<&str>) -> Result<(), StateError>;

    /// Writes a file that is not there yet, whole or not at all, to last; `what` it is. Says whether it was not there.
    ///
    /// # Errors
    /// When the disk is full, or some such.
    fn create(&self, what: &str, name: &str, bytes: &[u8]) -> Result<bool, StateError>;

    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn remove(&self, name: &str) -> Result<(), StateError>;
}

/// The files of a state.
#[derive(Debug)]
pub(super) struct Vault {
    place: Box<dyn Place>,
    /// Number of the newest checkpoint; 0 where there is none.
    generation: u64,
    /// Whether others are kept out.
    is_held: bool,
    /// Whether it began without a checkpoint, and has none yet.
    is_first: bool,
}

impl Vault {
    /// Takes a place for a run, and tries to write there.
    ///
    /// # Errors
    /// When another run has it, what is there is no state, or nothing can be written.
    pub(super) fn open(place: Box<dyn Place>) -> Result<Self, StateError> {
        let mut vault = Self { place, generation: 0, is_held: false, is_first: false };
        // Looked at before anything is written there, and again when nobody else can write.
        vault.look()?;
        vault.place.lock()?;
        vault.is_held = true;
        let (newest, is_marked) = vault.look()?;
        (vault.generation, vault.is_first) = (newest, newest == 0);
        vault.place.prepare()?;
        if vault.is_first && !is_marked {
            vault.create("the mark of a first run", FIRST, b"no run has ended here yet\n")?;
        } else if is_marked && !vault.is_first {
            remove_mark(&*vault.place)?;
        }
        Ok(vault)
    }

    /// Opens a place for reading only; others can write.
    ///
    /// # Errors
    /// When there is no state.
    pub(super) fn read_only(place: Box<dyn Place>) -> Result<Self, StateError> {
        let generation = newest(&place.names()?);
        if generation == 0 {
            return Err(StateError::NoState { path: place.path().to_owned() });
        }
        Ok(Self { place, generation, is_held: false, is_first: false })
    }

    /// Where that is.
    pub(super) fn path(&self) -> &Path {
        self.place.path()
    }

    /// The newest checkpoint; `None` where there is none yet.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn checkpoint(&self) -> Result<Option<Vec<u8>>, StateError> {
        if self.generation == 0 { Ok(None) } else { self.read(&name_of(self.generation)).map(Some) }
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// When it is not there, or not as it was written.
    pub(super) fn get(&self, file: &Filed) -> Result<Vec<u8>, StateError> {
        file.checked(self.path().join(&file.path), self.read(&file.path)?)
    }

    /// Writes a file, unless it is there already. `name` goes before its digest, `ending` after it.
    ///
    /// # Errors
    /// The disk is full, or some such.
    pub(super) fn put(&self, name: &str, ending: &str, bytes: &[u8]) -> Result<Filed, StateError> {
        let file = Filed::of(name, ending, bytes);
        if self.place.size(&file.path)? != Some(file.bytes) {
            self.place.put(&file.path, bytes)?;
        }
        Ok(file)
    }

    /// Writes the next checkpoint, which names `files`, and removes all others.
    ///
    /// # Errors
    /// When another run has written one meanwhile, or the disk is full. Then the state is as it was.
    pub(super) fn commit(&mut self, checkpoint: &[u8], files: &BTreeSet<&str>) -> Result<(), StateError> {
        // What the checkpoint will name has to be there before it.
        self.place.settle(files)?;
        self.create("the checkpoint", &name_of(self.generation + 1), checkpoint)?;
        self.generation += 1;
        if std::mem::take(&mut self.is_first) {
            // Where it stays, the next run takes it away.
            let _ = remove_mark(&*self.place);
        }
        remove_all_but(&*self.place, self.generation, files);
        Ok(())
    }

    /// The newest ledger of alerts; `None` where there is none yet.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn ledger(&self) -> Result<Option<Vec<u8>>, StateError> {
        self.ledgers()?.pop().map(|newest| self.read(&ledger_name(newest))).transpose()
    }

    /// Writes the next ledger, and removes those before it. It goes its own way, beside the checkpoint: it stays where a first
    /// run fails, and says nothing of whether there is a state.
    ///
    /// # Errors
    /// When another run has written one meanwhile, or the disk is full. Then the one before is as it was.
    pub(super) fn put_ledger(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let earlier = self.ledgers()?;
        let next = earlier.last().copied().unwrap_or(0) + 1;
        self.create("the ledger", &ledger_name(next), bytes)?;
        for number in earlier {
            step("remove a ledger that is no longer needed");
            let _ = self.place.remove(&ledger_name(number));
        }
        Ok(())
    }

    /// Numbers of the ledgers that are there, in order: one, unless a run was killed between writing one and removing the
    /// one before.
    fn ledgers(&self) -> Result<Vec<u64>, StateError> {
        let mut numbers: Vec<u64> =
            self.place.names()?.iter().filter_map(|name| ledger_number(name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, StateError> {
        let missing =
            || StateError::Damaged { path: self.path().join(name), why: "it is missing".to_owned() };
        self.place.get(name)?.ok_or_else(missing)
    }

    fn create(&self, what: &str, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let busy = || StateError::Busy { path: self.path().to_owned(), holder: None };
        if self.place.create(what, name, bytes)? { Ok(()) } else { Err(busy()) }
    }

    /// The number of the newest checkpoint, and whether the mark of a first run is there.
    ///
    /// # Errors
    /// A new state begins where nothing is: without its checkpoint, what is there is lost or somebody else's, but for what a
    /// first run left that was cut off. That has read nothing for good.
    fn look(&self) -> Result<(u64, bool), StateError> {
        let names = self.place.names()?;
        let (newest, is_marked) = (newest(&names), names.iter().any(|name| name == FIRST));
        if newest > 0 {
            return Ok((newest, is_marked));
        }
        // What file systems keep at their root, and hidden files, are nobody's state.
        let is_harmless = |name: &str| {
            name == LOCK
                || name.trim_end_matches('/') == "lost+found"
                || name.starts_with('.')
                || ledger_number(name).is_some()
        };
        let path = || self.path().to_owned();
        let (ours, others): (Vec<&String>, Vec<&String>) =
            names.iter().filter(|name| !is_harmless(name)).partition(|name| is_named_by_us(name));
        if !others.is_empty() {
            return Err(StateError::Foreign { path: path() });
        }
        if !ours.is_empty() && !is_marked {
            return Err(StateError::Damaged { path: path(), why: "its checkpoint is missing".to_owned() });
        }
        Ok((0, is_marked))
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        if self.is_held {
            let is_first = self.is_first;
            self.place.leave(&mut |place| is_first && clear(place));
        }
    }
}

/// Takes away what a first run has written that had nothing to keep in the end, and says whether nothing is left.
fn clear(place: &dyn Place) -> bool {
    // It may have a checkpoint after all: of somebody else, or one whose writing seemed to fail.
    place.names().is_ok_and(|names| newest(&names) == 0)
        && remove_all_but(place, 0, &BTreeSet::new())
        && remove_mark(place).is_ok()
}

/// Removes what no checkpoint names any more, and says whether that could be done. That it cannot harms nobody: the next run
/// tries again.
fn remove_all_but(place: &dyn Place, generation: u64, files: &BTreeSet<&str>) -> bool {
    let newest = name_of(generation);
    let Ok(all) = place.all() else { return false };
    let mut is_done = true;
    for name in all {
        let is_ours = number_of(&name).is_some() || is_named_by_us(&name);
        if is_ours && name != newest && !files.contains(&*name) {
            step("remove a file that is no longer needed");
            is_done &= place.remove(&name).is_ok();
        }
    }
    is_done
}

/// Where it goes, all that the first run wrote is gone, or named by a checkpoint.
fn remove_mark(place: &dyn Place) -> Result<(), StateError> {
    step("remove the mark of a first run");
    place.remove(FIRST)
}

fn newest(names: &[String]) -> u64 {
    names.iter().filter_map(|name| number_of(name)).max().unwrap_or(0)
}

fn name_of(generation: u64) -> String {
    format!("{CHECKPOINT}{generation:08}.json")
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix(CHECKPOINT)?.strip_suffix(".json")?.parse().ok()
}

fn ledger_name(number: u64) -> String {
    format!("{LEDGER}{number:08}.json")
}

fn ledger_number(name: &str) -> Option<u64> {
    name.strip_prefix(LEDGER)?.strip_suffix(".json")?.parse().ok()
}

/// SHA-256, hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
