//! Bytes -> files below STATE that are never changed, and a numbered checkpoint that names them; and back.
//!
//! A file is named by the digest of its bytes, so a new version never touches the old one. A run writes its files, then
//! creates the next checkpoint, which must not exist yet, then removes what that one does not name. Whatever is cut off
//! before the checkpoint leaves the state of the run before; whatever is cut off after it leaves files too many, which the
//! next run removes. The same three steps work on an object store that can create without overwriting.
#![expect(
    clippy::disallowed_methods,
    reason = "reads back files of its own, whose lengths the checkpoint tells"
)]
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use super::StateError;
use super::checkpoint::{FOLDERS, is_named_by_us};
use crate::folders::Made;
use crate::step::step;
use crate::words::hex;

/// Holds the process id of the run that has the state.
pub(super) const LOCK: &str = "lock";
/// Begins the name of every checkpoint; its number follows.
const CHECKPOINT: &str = "checkpoint-";
/// Begins the name of every ledger of alerts; its number follows.
const LEDGER: &str = "ledger-";
/// Where files are written until they are complete.
const STAGING: &str = ".trailpulse-staging";
/// Stands below it as long as there is no checkpoint.
const FIRST: &str = "first";

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

/// Where the files of a state are kept: never changed, and named by a numbered checkpoint.
pub(super) trait Vault: Debug + Send + Sync {
    /// Where that is.
    fn path(&self) -> &Path;

    /// The newest checkpoint; `None` where there is none yet.
    ///
    /// # Errors
    /// When it cannot be read.
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, StateError>;

    /// The bytes of a file.
    ///
    /// # Errors
    /// When it is not there, or not as it was written.
    fn get(&self, file: &Filed) -> Result<Vec<u8>, StateError>;

    /// Writes a file, unless it is there already. `name` goes before its digest, `ending` after it.
    ///
    /// # Errors
    /// The disk is full, or some such.
    fn put(&self, name: &str, ending: &str, bytes: &[u8]) -> Result<Filed, StateError>;

    /// Writes the next checkpoint, which names `files`, and removes all others.
    ///
    /// # Errors
    /// When another run has written one meanwhile, or the disk is full. Then the state is as it was.
    fn commit(&mut self, checkpoint: &[u8], files: &BTreeSet<&str>) -> Result<(), StateError>;

    /// The newest ledger of alerts; `None` where there is none yet.
    ///
    /// # Errors
    /// When it cannot be read.
    fn ledger(&self) -> Result<Option<Vec<u8>>, StateError>;

    /// Writes the next ledger, and removes those before it. It goes its own way, beside the checkpoint.
    ///
    /// # Errors
    /// When another run has written one meanwhile, or the disk is full. Then the one before is as it was.
    fn put_ledger(&mut self, bytes: &[u8]) -> Result<(), StateError>;
}

/// The files below a folder.
#[derive(Debug)]
pub(super) struct InFolder {
    path: PathBuf,
    /// Number of the newest checkpoint; 0 where there is none.
    generation: u64,
    /// Held for its lock, which ends with the process at the latest. `None` for a reader.
    lock: Option<File>,
    /// Folders that were made for it.
    _made: Made,
}

impl InFolder {
    /// Makes the folder if need be, locks it, and tries to write there.
    ///
    /// # Errors
    /// When another run has it, or nothing can be written there.
    pub(super) fn open(path: &Path) -> Result<Self, StateError> {
        let made = at(path, Made::all(path))?;
        // Looked at before anything is written there, and again when nobody else can write.
        let mut vault = Self { path: path.to_owned(), generation: 0, lock: None, _made: made };
        vault.refuse_foreign()?;
        let lock = lock(path)?;
        vault.refuse_foreign()?;
        vault.generation = vault.newest()?;
        vault.lock = Some(lock);
        let staging = path.join(STAGING);
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => at(&staging, Err(error))?,
            _ => {}
        }
        at(&staging, fs::create_dir(&staging))?;
        if vault.generation == 0 {
            at(path, fs::write(staging.join(FIRST), "no run has ended here yet"))?;
        }
        let probe = staging.join("probe");
        at(path, fs::write(&probe, "probe").and_then(|()| fs::remove_file(&probe)))?;
        Ok(vault)
    }

    /// Opens a state for reading only, without its lock.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn read_only(path: &Path) -> Result<Self, StateError> {
        let mut vault = Self { path: path.to_owned(), generation: 0, lock: None, _made: Made::default() };
        vault.generation = vault.newest()?;
        if vault.generation == 0 {
            return Err(StateError::NoState { path: path.to_owned() });
        }
        Ok(vault)
    }

    fn stage(&self, bytes: &[u8]) -> Result<PathBuf, StateError> {
        let staged = self.path.join(STAGING).join("file");
        step("write a file of the state");
        let write = || {
            let mut file = File::create(&staged)?;
            file.write_all(bytes)?;
            step("sync a file of the state");
            file.sync_all()
        };
        at(&staged, write())?;
        Ok(staged)
    }

    /// Gives what was staged a name that no file has yet.
    fn create(&self, staged: &Path, next: &Path) -> Result<(), StateError> {
        // Unlike renaming, linking fails where there is one already.
        match fs::hard_link(staged, next) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(StateError::Busy { path: self.path.clone(), holder: None })
            }
            // Not every file system has links; the lock keeps others out.
            Err(_) => at(next, fs::rename(staged, next)),
            // Or writing the next file would write into this one.
            Ok(()) => at(staged, fs::remove_file(staged)),
        }
    }

    /// Numbers of the ledgers that are there, in order: one, unless a run was killed between writing one and removing the
    /// one before.
    fn ledgers(&self) -> Result<Vec<u64>, StateError> {
        let mut numbers = Vec::new();
        for entry in at(&self.path, fs::read_dir(&self.path))? {
            let name = at(&self.path, entry)?.file_name();
            numbers.extend(ledger_number(&name.to_string_lossy()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Removes what no checkpoint names any more. That it cannot be removed harms nobody: the next run tries again.
    fn remove_all_but(&self, files: &BTreeSet<&str>) {
        let newest = name_of(self.generation);
        for entry in WalkDir::new(&self.path).into_iter().filter_map(Result::ok) {
            let Ok(name) = entry.path().strip_prefix(&self.path) else { continue };
            let name = name.to_string_lossy().replace('\\', "/");
            let is_ours = is_checkpoint(&name) || is_named_by_us(&name);
            if entry.file_type().is_file() && is_ours && name != newest && !files.contains(&*name) {
                step("remove a file that is no longer needed");
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// A new state begins in an empty folder: without its checkpoint, what is there is lost or somebody else's.
    fn refuse_foreign(&self) -> Result<(), StateError> {
        if self.newest()? > 0 {
            return Ok(());
        }
        // A first run that was cut off before its checkpoint leaves this behind; it has read nothing for good.
        let was_cut_off = self.path.join(STAGING).join(FIRST).exists();
        for entry in at(&self.path, fs::read_dir(&self.path))? {
            let name = at(&self.path, entry)?.file_name();
            let name = name.to_string_lossy();
            let path = self.path.clone();
            let is_ours = [name.to_string(), format!("{name}/")].iter().any(|name| is_named_by_us(name));
            if is_ours && !was_cut_off {
                return Err(StateError::Damaged { path, why: "its checkpoint is missing".to_owned() });
            }
            // What file systems keep at their root, and hidden files, are nobody's state.
            let is_harmless = name == LOCK
                || name == "lost+found"
                || name.starts_with('.')
                || ledger_number(&name).is_some();
            if !is_ours && !is_harmless {
                return Err(StateError::Foreign { path });
            }
        }
        Ok(())
    }

    fn newest(&self) -> Result<u64, StateError> {
        let mut newest = 0;
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => at(&self.path, entries)?,
        };
        for entry in entries {
            let name = at(&self.path, entry)?.file_name();
            newest = newest.max(number_of(&name.to_string_lossy()).unwrap_or(0));
        }
        Ok(newest)
    }
}

impl Vault for InFolder {
    fn path(&self) -> &Path {
        &self.path
    }

    fn checkpoint(&self) -> Result<Option<Vec<u8>>, StateError> {
        if self.generation == 0 {
            return Ok(None);
        }
        let path = self.path.join(name_of(self.generation));
        Ok(Some(at(&path, fs::read(&path))?))
    }

    fn get(&self, file: &Filed) -> Result<Vec<u8>, StateError> {
        let path = self.path.join(&file.path);
        let bytes = at(&path, fs::read(&path))?;
        file.checked(path, bytes)
    }

    fn put(&self, name: &str, ending: &str, bytes: &[u8]) -> Result<Filed, StateError> {
        let file = Filed::of(name, ending, bytes);
        let path = self.path.join(&file.path);
        if path.metadata().is_ok_and(|there| there.len() == file.bytes) {
            return Ok(file);
        }
        let staged = self.stage(bytes)?;
        if let Some(folder) = path.parent() {
            at(folder, fs::create_dir_all(folder))?;
        }
        step("rename a file of the state");
        at(&path, fs::rename(&staged, &path))?;
        Ok(file)
    }

    fn commit(&mut self, checkpoint: &[u8], files: &BTreeSet<&str>) -> Result<(), StateError> {
        // What the checkpoint will name has to be there before it.
        let folders: BTreeSet<PathBuf> =
            files.iter().filter_map(|file| Some(self.path.join(file).parent()?.to_owned())).collect();
        step("sync the state's folders");
        folders.iter().chain([&self.path]).try_for_each(|folder| sync(folder))?;
        let staged = self.stage(checkpoint)?;
        let next = self.path.join(name_of(self.generation + 1));
        step("create the checkpoint");
        self.create(&staged, &next)?;
        step("sync the checkpoint");
        sync(&self.path)?;
        self.generation += 1;
        self.remove_all_but(files);
        Ok(())
    }

    fn ledger(&self) -> Result<Option<Vec<u8>>, StateError> {
        let Some(newest) = self.ledgers()?.pop() else { return Ok(None) };
        let path = self.path.join(ledger_name(newest));
        Ok(Some(at(&path, fs::read(&path))?))
    }

    fn put_ledger(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let earlier = self.ledgers()?;
        let staged = self.stage(bytes)?;
        step("create the ledger");
        let next = earlier.last().copied().unwrap_or(0) + 1;
        self.create(&staged, &self.path.join(ledger_name(next)))?;
        step("sync the ledger");
        sync(&self.path)?;
        for number in earlier {
            let _ = fs::remove_file(self.path.join(ledger_name(number)));
        }
        Ok(())
    }
}

impl Drop for InFolder {
    fn drop(&mut self) {
        if self.lock.is_none() {
            return;
        }
        if self.generation == 0 {
            // A run that failed before it had anything to keep leaves nothing behind.
            self.remove_all_but(&BTreeSet::new());
            for folder in FOLDERS {
                let _ = fs::remove_dir(self.path.join(folder));
            }
        }
        let _ = fs::remove_dir_all(self.path.join(STAGING));
        if self.generation == 0 {
            let _ = fs::remove_file(self.path.join(LOCK));
            let _ = fs::remove_dir(&self.path);
        }
    }
}

pub(super) fn name_of(generation: u64) -> String {
    format!("{CHECKPOINT}{generation:08}.json")
}

pub(super) fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix(CHECKPOINT)?.strip_suffix(".json")?.parse().ok()
}

pub(super) fn ledger_name(number: u64) -> String {
    format!("{LEDGER}{number:08}.json")
}

pub(super) fn ledger_number(name: &str) -> Option<u64> {
    name.strip_prefix(LEDGER)?.strip_suffix(".json")?.parse().ok()
}

pub(super) fn is_checkpoint(name: &str) -> bool {
    number_of(name).is_some()
}

/// A lock on a file that holds the process id of who has it. It ends with its process, however that ends.
fn lock(path: &Path) -> Result<File, StateError> {
    let file = path.join(LOCK);
    let mut opened =
        at(&file, File::options().read(true).write(true).create(true).truncate(false).open(&file))?;
    match opened.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = (&opened).take(20).read_to_string(&mut holder);
            let holder = holder.trim().parse().ok().map(|process: u32| format!("process {process}"));
            Err(StateError::Busy { path: path.to_owned(), holder })
        }
        // Where the file system has no locks, creating the checkpoint tells.
        Ok(()) | Err(TryLockError::Error(_)) => {
            let write = |opened: &mut File| {
                opened.set_len(0)?;
                opened.rewind()?;
                writeln!(opened, "{}", std::process::id())
            };
            at(&file, write(&mut opened))?;
            Ok(opened)
        }
    }
}

/// SHA-256, hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn sync(path: &Path) -> Result<(), StateError> {
    if cfg!(unix) { at(path, File::open(path).and_then(|opened| opened.sync_all())) } else { Ok(()) }
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, StateError> {
    result.map_err(|source| StateError::Io { path: path.to_owned(), source })
}
