//! The files of a state <-> files below a folder, each written aside and given its name when it is whole.
#![expect(
    clippy::disallowed_methods,
    reason = "reads back files of its own, whose lengths the checkpoint tells"
)]
use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::StateError;
use super::checkpoint::FOLDERS;
use super::vault::{LOCK, Place};
use crate::folders::Made;
use crate::step::step;

/// Where files are written until they are complete.
const STAGING: &str = ".trailpulse-staging";

/// A folder.
#[derive(Debug)]
pub(super) struct InFolder {
    path: PathBuf,
    /// Held for its lock, which ends with the process at the latest.
    lock: Option<File>,
    /// Folders that were made for it.
    made: Made,
}

impl InFolder {
    /// That folder, which need not be there yet.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), lock: None, made: Made::default() }
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
}

impl Place for InFolder {
    fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&mut self) -> Result<(), StateError> {
        self.made = at(&self.path, Made::all(&self.path))?;
        self.lock = Some(lock(&self.path)?);
        Ok(())
    }

    fn prepare(&self) -> Result<(), StateError> {
        let staging = self.path.join(STAGING);
        step("remove what an earlier run was writing");
        if let Some(removed) = if_there(fs::remove_dir_all(&staging)) {
            at(&staging, removed)?;
        }
        step("make a folder to write in");
        at(&staging, fs::create_dir(&staging))?;
        let probe = staging.join("probe");
        at(&self.path, fs::write(&probe, "probe").and_then(|()| fs::remove_file(&probe)))
    }

    fn leave(&mut self, last: &mut dyn FnMut(&dyn Place) -> bool) {
        let is_gone = last(self);
        step("remove the folder to write in");
        let _ = fs::remove_dir_all(self.path.join(STAGING));
        if is_gone {
            for folder in FOLDERS {
                let _ = fs::remove_dir(self.path.join(folder));
            }
            step("remove the lock");
            let _ = fs::remove_file(self.path.join(LOCK));
        }
        // Folders that were made and hold nothing go with it.
        self.made = Made::default();
        self.lock = None;
    }

    fn names(&self) -> Result<Vec<String>, StateError> {
        let Some(entries) = if_there(fs::read_dir(&self.path)) else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in at(&self.path, entries)? {
            let entry = at(&self.path, entry)?;
            let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
            if !path.is_dir() {
                names.push(name);
            } else if fs::read_dir(&path).map_or(true, |mut below| below.next().is_some()) {
                // As in a bucket, a folder is there as long as something is in it.
                names.push(name + "/");
            }
        }
        Ok(names)
    }

    fn all(&self) -> Result<Vec<String>, StateError> {
        let mut names = Vec::new();
        // Into others nobody may be let.
        let is_ours = |entry: &DirEntry| {
            entry.depth() != 1
                || !entry.file_type().is_dir()
                || FOLDERS.iter().any(|folder| entry.file_name() == *folder)
        };
        for entry in WalkDir::new(&self.path).into_iter().filter_entry(is_ours) {
            let entry = at(&self.path, entry.map_err(io::Error::from))?;
            if let (true, Ok(name)) = (entry.file_type().is_file(), entry.path().strip_prefix(&self.path)) {
                names.push(name.to_string_lossy().replace('\\', "/"));
            }
        }
        Ok(names)
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        let path = self.path.join(name);
        if_there(fs::read(&path)).map(|read| at(&path, read)).transpose()
    }

    fn size(&self, name: &str) -> Result<Option<u64>, StateError> {
        let path = self.path.join(name);
        Ok(if_there(path.metadata()).map(|there| at(&path, there)).transpose()?.map(|there| there.len()))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let (staged, path) = (self.stage(bytes)?, self.path.join(name));
        if let Some(folder) = path.parent() {
            at(folder, fs::create_dir_all(folder))?;
        }
        step("rename a file of the state");
        at(&path, fs::rename(&staged, &path))
    }

    fn settle(&self, names: &BTreeSet<&str>) -> Result<(), StateError> {
        let folders: BTreeSet<PathBuf> =
            names.iter().filter_map(|name| Some(self.path.join(name).parent()?.to_owned())).collect();
        step("sync the state's folders");
        folders.iter().chain([&self.path]).try_for_each(|folder| sync(folder))
    }

    fn create(&self, what: &str, name: &str, bytes: &[u8]) -> Result<bool, StateError> {
        let (staged, next) = (self.stage(bytes)?, self.path.join(name));
        step(&format!("create {what}"));
        // Unlike renaming, linking fails where there is one already.
        match fs::hard_link(&staged, &next) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            // Not every file system has links; the lock keeps others out.
            Err(_) => at(&next, fs::rename(&staged, &next))?,
            // Or writing the next file would write into this one.
            Ok(()) => at(&staged, fs::remove_file(&staged))?,
        }
        step(&format!("sync {what}"));
        sync(&self.path)?;
        Ok(true)
    }

    fn remove(&self, name: &str) -> Result<(), StateError> {
        let path = self.path.join(name);
        if_there(fs::remove_file(&path)).map_or(Ok(()), |removed| at(&path, removed))
    }
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

fn sync(path: &Path) -> Result<(), StateError> {
    if cfg!(unix) { at(path, File::open(path).and_then(|opened| opened.sync_all())) } else { Ok(()) }
}

/// `None` where there is no such file.
fn if_there<T>(result: io::Result<T>) -> Option<io::Result<T>> {
    let is_missing = result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    Some(result).filter(|_| !is_missing)
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, StateError> {
    result.map_err(|source| StateError::Io { path: path.to_owned(), source })
}
