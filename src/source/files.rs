//! Log files one after the other -> a list in the order of reading, at some 70 bytes a file: AWS writes hundreds of
//! thousands of them.
use std::cmp::Reverse;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::walk::{Claim, LogFile, Place, STDIN, shown};
use crate::cloudtrail::object_key::ObjectKey;
use crate::s3::{Location, Stamp, Wanted};
use crate::time::Minute;

/// Log files, in an order that depends on neither the file system nor the order in which they were added: those whose
/// names tell no time of delivery, then the others by that time.
#[derive(Debug, Default)]
pub struct LogFiles {
    /// The folder above all SOURCEs, from the root: its name may be one that AWS gave.
    above: PathBuf,
    folders: Vec<Folder>,
    /// What tells the files' names from the first one of their folder.
    names: String,
    files: Vec<Filed>,
}

/// Where files lie.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    /// The same from the folder above all SOURCEs.
    from_above: PathBuf,
    /// The name of the first file that was added: those of the others begin much the same.
    first: String,
}

/// One file.
#[derive(Debug, Clone, Copy)]
struct Filed {
    delivered: Option<Minute>,
    /// `None` for standard input.
    folder: Option<u32>,
    /// Where the rest of its name begins and ends in `names`.
    rest: (u32, u32),
    /// How many bytes of the folder's first name stand before the rest.
    shared: u16,
    claim: Claim,
    /// Of an object.
    stamp: Stamp,
}

impl LogFiles {
    /// None yet, of SOURCEs below `above`.
    pub(super) fn below(above: PathBuf) -> Self {
        Self { above, ..Self::default() }
    }

    /// Adds standard input.
    pub(super) fn add_stdin(&mut self) {
        self.files.push(Filed {
            delivered: None,
            folder: None,
            rest: (0, 0),
            shared: 0,
            claim: Claim::Log,
            stamp: Stamp::default(),
        });
    }

    /// Adds a file, or an object with its stamp; `from_above` is its path from the folder above all SOURCEs.
    pub(super) fn add(
        &mut self,
        (path, from_above): (&Path, &Path),
        delivered: Option<Minute>,
        claim: Claim,
        stamp: Stamp,
    ) {
        // A name that is no text is kept with its folder, as a folder without names in it.
        let name = path.file_name().and_then(OsStr::to_str);
        let [folder, from_above] = match name {
            Some(_) => [path, from_above].map(|path| path.parent().unwrap_or(Path::new(""))),
            None => [path, from_above],
        };
        let name = name.unwrap_or_default();
        // Compared as they are written: cheaper than part by part.
        let is_same = |one: &Path, other: &Path| one.as_os_str() == other.as_os_str();
        let is_in = |last: &Folder| is_same(&last.path, folder) && is_same(&last.from_above, from_above);
        if !self.folders.last().is_some_and(is_in) {
            let (path, from_above, first) = (folder.to_owned(), from_above.to_owned(), name.to_owned());
            self.folders.push(Folder { path, from_above, first });
        }
        let shared = self.folders.last().map_or(0, |folder| shared(&folder.first, name));
        let start = self.names.len();
        self.names.push_str(name.get(usize::from(shared)..).unwrap_or_default());
        let place = |place: usize| u32::try_from(place).expect("less than 4 GiB of names");
        self.files.push(Filed {
            delivered,
            folder: Some(place(self.folders.len() - 1)),
            rest: (place(start), place(self.names.len())),
            shared,
            claim,
            stamp,
        });
    }

    /// Brings the files into their order. Of those that have a path in common, as `met_before` tells, that stays which
    /// promises most.
    pub(super) fn settle(&mut self, mut met_before: impl FnMut(&Path) -> bool) {
        let mut files = std::mem::take(&mut self.files);
        files.sort_by_key(|file| file.delivered);
        for together in files.chunk_by_mut(|one, other| one.delivered == other.delivered) {
            together.sort_by_cached_key(|file| {
                (self.in_folder(file, |folder| &folder.from_above), Reverse(file.claim), self.path(file))
            });
        }
        files.retain(|file| !met_before(&self.path(file).unwrap_or_else(|| STDIN.into())));
        files.shrink_to_fit();
        self.names.shrink_to_fit();
        self.files = files;
    }

    fn name(&self, file: &Filed) -> String {
        let first = file.folder.map_or("", |folder| &self.folders[folder as usize].first);
        let (start, end) = file.rest;
        let parts = [first.get(..usize::from(file.shared)), self.names.get(start as usize..end as usize)];
        parts.into_iter().flatten().collect()
    }

    /// `None` for standard input.
    fn path(&self, file: &Filed) -> Option<PathBuf> {
        self.in_folder(file, |folder| &folder.path)
    }

    fn in_folder(&self, file: &Filed, path: impl Fn(&Folder) -> &PathBuf) -> Option<PathBuf> {
        let folder = path(&self.folders[file.folder? as usize]);
        let name = self.name(file);
        // Joined with nothing, it would end in a slash.
        Some(if name.is_empty() { folder.clone() } else { folder.join(name) })
    }

    /// Leaves out the files that `keep` does not want, and gives their number.
    pub fn retain(&mut self, mut keep: impl FnMut(&LogFile) -> bool) -> u64 {
        let kept: Vec<bool> = self.iter().map(|file| keep(&file)).collect();
        let before = self.files.len();
        let mut kept = kept.into_iter();
        self.files.retain(|_| kept.next().unwrap_or(true));
        (before - self.files.len()) as u64
    }

    /// How many files there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The file with that number.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<LogFile> {
        let file = self.files.get(number)?;
        let Filed { delivered, claim, stamp, .. } = *file;
        let paths = self.path(file).zip(self.in_folder(file, |folder| &folder.from_above));
        let Some((path, from_above)) = paths else {
            let name = "standard input".to_owned();
            return Some(LogFile { place: Place::Stdin, name, account: None, delivered, claim });
        };
        let account = ObjectKey::parse(&self.above.join(&from_above).to_string_lossy()).account;
        let place = match Location::of(&path) {
            Some(location) => Place::Object(Wanted { location, stamp }),
            None => Place::Path(path),
        };
        Some(LogFile { place, name: shown(&from_above), account, delivered, claim })
    }

    /// All files, in order.
    pub fn iter(&self) -> impl Iterator<Item = LogFile> {
        (0..self.len()).filter_map(|number| self.get(number))
    }
}

/// How many bytes two names have in common at their beginning, in whole letters.
fn shared(one: &str, other: &str) -> u16 {
    let same = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let shared = (0..=same.min(usize::from(u16::MAX))).rev().find(|&end| other.is_char_boundary(end));
    shared.unwrap_or_default() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_as_they_were_added_in_their_order() {
        let mut files = LogFiles::default();
        let odd = PathBuf::from(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"t/a/\xFF.json"));
        let paths = ["t/b/x_2é.json", "t/b/x_2è.json", "t/b/x_1.json", "t/a/x_1.json", "x", "t/b/x_10.json"];
        for (number, path) in paths.iter().map(Path::new).chain([odd.as_path()]).enumerate() {
            let delivered = (number == 4).then(|| Minute::from_epoch(29_000_000));
            let from_above = path.strip_prefix("t").unwrap_or(path);
            files.add((path, from_above), delivered, Claim::Json, Stamp::default());
            // A second time, and promising more.
            let claim = if number == 2 { Claim::Log } else { Claim::Json };
            files.add((path, from_above), delivered, claim, Stamp::default());
        }
        files.add_stdin();
        let mut met = std::collections::BTreeSet::new();
        files.settle(|path| !met.insert(path.to_owned()));
        let got: Vec<(String, bool)> =
            files.iter().map(|file| (file.name, file.claim == Claim::Log)).collect();
        let want = [
            ("standard input", true),
            ("a/x_1.json", false),
            ("a/\\xFF.json", false),
            ("b/x_1.json", true),
            ("b/x_10.json", false),
            ("b/x_2è.json", false),
            ("b/x_2é.json", false),
            ("x", false),
        ];
        assert_eq!(got, want.map(|(shown, is_log)| (shown.to_owned(), is_log)));
    }
}
