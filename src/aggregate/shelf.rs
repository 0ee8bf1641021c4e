//! What is seldom needed again -> a place outside of the counts, and back. Pure: the shell gives a place on disk.
use std::borrow::Cow;
use std::fmt;

/// Where a piece lies: made by the shelf, meant for nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place(pub u64);

/// Keeps pieces of bytes for as long as it lives.
///
/// It may fail, on a disk that is full say. Then it keeps nothing more and gives nothing more, and tells why: the counts
/// that lie on it are incomplete, and whoever gave it has to ask before a result is made of them.
pub trait Shelf: fmt::Debug + Send + Sync {
    /// Lays `piece` down.
    fn put(&mut self, piece: &[u8]) -> Place;

    /// The `length` bytes from byte `from` on of a piece; `None` once something failed.
    fn get(&self, place: Place, from: usize, length: usize) -> Option<Cow<'_, [u8]>>;

    /// What failed first.
    fn failure(&self) -> Option<String>;
}

/// A shelf in memory, which never fails.
#[derive(Debug, Default)]
pub struct InMemory(Vec<Box<[u8]>>);

impl Shelf for InMemory {
    fn put(&mut self, piece: &[u8]) -> Place {
        self.0.push(piece.into());
        Place(self.0.len() as u64 - 1)
    }

    fn get(&self, Place(number): Place, from: usize, length: usize) -> Option<Cow<'_, [u8]>> {
        self.0.get(usize::try_from(number).ok()?)?.get(from..from + length).map(Cow::Borrowed)
    }

    fn failure(&self) -> Option<String> {
        None
    }
}
