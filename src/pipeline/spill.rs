//! What counts lay aside -> memory at first, then a temporary file that has no name, and back.
use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::sync::OnceLock;

use crate::aggregate::{InMemory, Place, Shelf};

/// How many bytes stay in memory: those of some 700,000 records. Smaller runs need no disk.
pub(super) const IN_MEMORY: u64 = 8 << 20;
/// In a [`Place`]: it is in the file.
const IN_FILE: u64 = 1 << 63;

/// A shelf that takes little memory. Its file has no name, so nothing can be left behind, however a run ends.
#[derive(Debug)]
pub(super) struct Spill {
    memory: InMemory,
    /// How many bytes may still stay in memory.
    room: u64,
    file: Option<File>,
    /// Length of the file.
    end: u64,
    failure: OnceLock<String>,
}

impl Spill {
    pub(super) fn new(in_memory: u64) -> Self {
        let memory = InMemory::default();
        Self { memory, room: in_memory, file: None, end: 0, failure: OnceLock::new() }
    }

    fn put_in_file(&mut self, piece: &[u8]) -> io::Result<u64> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        io::Write::write_all(file, piece)?;
        let at = self.end;
        self.end += piece.len() as u64;
        Ok(at)
    }

    fn fail(&self, action: &str, error: &io::Error) {
        // The first failure says most.
        let _ = self.failure.set(format!(
            "cannot {action} a temporary file in {} (TMPDIR names another folder): {error}",
            std::env::temp_dir().display()
        ));
    }
}

impl Shelf for Spill {
    fn put(&mut self, piece: &[u8]) -> Place {
        if let Some(room) = self.room.checked_sub(piece.len() as u64) {
            self.room = room;
            return self.memory.put(piece);
        }
        // From now on all goes to the file.
        self.room = 0;
        if self.failure.get().is_some() {
            return Place(IN_FILE);
        }
        let at = self.put_in_file(piece).unwrap_or_else(|error| {
            self.fail("write", &error);
            0
        });
        Place(IN_FILE | at)
    }

    fn get(&self, place: Place, from: usize, length: usize) -> Option<Cow<'_, [u8]>> {
        let Place(at) = place;
        if at & IN_FILE == 0 {
            return self.memory.get(place, from, length);
        }
        if self.failure.get().is_some() {
            return None;
        }
        let mut bytes = vec![0; length];
        match read_at(self.file.as_ref()?, (at & !IN_FILE) + from as u64, &mut bytes) {
            Ok(()) => Some(Cow::Owned(bytes)),
            Err(error) => {
                self.fail("read", &error);
                None
            }
        }
    }

    fn failure(&self) -> Option<String> {
        self.failure.get().cloned()
    }
}

#[cfg(unix)]
fn read_at(file: &File, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, mut at: u64, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                at += read as u64;
                bytes = &mut bytes[read..];
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_put_wherever_it_lies() {
        for in_memory in [0, 10, 1_000] {
            let mut spill = Spill::new(in_memory);
            let pieces: Vec<Vec<u8>> = (0..20).map(|number| vec![number; usize::from(number)]).collect();
            let places: Vec<Place> = pieces.iter().map(|piece| spill.put(piece)).collect();
            for (piece, place) in pieces.iter().zip(places) {
                assert_eq!(spill.get(place, 0, piece.len()).as_deref(), Some(&piece[..]));
                let half = piece.len() / 2;
                assert_eq!(spill.get(place, half, piece.len() - half).as_deref(), Some(&piece[half..]));
            }
            assert_eq!((spill.failure(), spill.file.is_some()), (None, in_memory < 1_000));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_a_failure_that_is_told() {
        let mut spill = Spill::new(4);
        let kept = spill.put(&[7; 4]);
        spill.file = Some(File::options().read(true).write(true).open("/dev/full").expect("Linux has it"));
        let lost = spill.put(&[1; 100]);
        assert!(spill.failure().is_some_and(|why| why.starts_with("cannot write a temporary file in ")));
        assert_eq!(spill.get(lost, 0, 100), None);
        assert_eq!(spill.get(kept, 0, 4).as_deref(), Some(&[7; 4][..]));
    }
}
