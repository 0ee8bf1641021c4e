//! The sorted cells of one day <-> three to four bytes a cell, on a shelf. Pure.
use std::borrow::Cow;
use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::Cell;
use super::shelf::{InMemory, Place, Shelf};
use crate::names::{ApiId, CallId, TextId};
use crate::time::Minute;

/// What a cell says besides what was called when: error code, identity, agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Who {
    error: TextId,
    identity: TextId,
    agent: TextId,
}

/// What the packed days share: all combinations of error, identity and agent, each with a small number, and the shelf.
#[derive(Debug)]
pub(super) struct Store {
    whos: Vec<Who>,
    /// Places in `whos`.
    numbers: HashTable<u32>,
    pub(super) shelf: Box<dyn Shelf>,
}

impl Default for Store {
    fn default() -> Self {
        Self::on(Box::new(InMemory::default()))
    }
}

impl Store {
    pub(super) fn on(shelf: Box<dyn Shelf>) -> Self {
        Self { whos: Vec::new(), numbers: HashTable::new(), shelf }
    }

    fn number(&mut self, who: Who) -> u32 {
        let Self { whos, numbers, .. } = self;
        let same = |number: &u32| whos[*number as usize] == who;
        if let Some(&number) = numbers.find(FxBuildHasher.hash_one(who), same) {
            return number;
        }
        let number = u32::try_from(whos.len()).expect("fewer than 2^32 combinations");
        whos.push(who);
        let hash = |number: &u32| FxBuildHasher.hash_one(whos[*number as usize]);
        numbers.insert_unique(FxBuildHasher.hash_one(who), number, hash);
        number
    }
}

/// The cells of one day, sorted and each once. A call's cells stand together: for each the minutes since the one before,
/// its [`Who`] and, unless it is one, the number of calls, as variable-length numbers.
#[derive(Debug, Default)]
pub(super) struct Packed {
    /// Each call, and where its cells begin in the piece.
    runs: Vec<(CallId, u32)>,
    place: Place,
    /// Length of the piece.
    length: u32,
    start: Minute,
}

impl Packed {
    /// Packs cells of the day that starts at `start`; they are sorted by call and minute.
    pub(super) fn new(start: Minute, cells: &[Cell], store: &mut Store) -> Self {
        let (mut runs, mut bytes) = (Vec::new(), Vec::with_capacity(4 * cells.len()));
        for run in cells.chunk_by(|a, b| a.call == b.call) {
            runs.push((run[0].call, length(&bytes)));
            let mut last = start;
            for &Cell { minute, error, identity, agent, calls, .. } in run {
                let since = minute.since(last).cast_unsigned();
                last = minute;
                put(&mut bytes, since << 1 | u32::from(calls != 1));
                put(&mut bytes, store.number(Who { error, identity, agent }));
                if calls != 1 {
                    put(&mut bytes, calls);
                }
            }
        }
        runs.shrink_to_fit();
        Self { runs, place: store.shelf.put(&bytes), length: length(&bytes), start }
    }

    /// Whether there are no cells.
    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All cells, in order.
    pub(super) fn cells<'p>(&'p self, store: &'p Store) -> Cells<'p> {
        self.unpack(0..self.runs.len(), store)
    }

    /// The cells of an API, in order.
    pub(super) fn of_api<'p>(&'p self, api: ApiId, store: &'p Store) -> Cells<'p> {
        let from = self.runs.partition_point(|(call, _)| call.api() < api);
        let calls = self.runs[from..].iter().take_while(|(call, _)| call.api() == api).count();
        self.unpack(from..from + calls, store)
    }

    fn unpack<'p>(&'p self, runs: Range<usize>, store: &'p Store) -> Cells<'p> {
        let (from, to) = (self.starts_at(runs.start), self.starts_at(runs.end));
        let bytes = if from == to { None } else { store.shelf.get(self.place, from, to - from) };
        let (bytes, runs) = bytes.map_or((Cow::Borrowed(&[][..]), 0..0), |bytes| (bytes, runs));
        Cells { packed: self, store, bytes, from, at: 0, end: 0, runs, last: self.start }
    }

    fn starts_at(&self, run: usize) -> usize {
        self.runs.get(run).map_or(self.length, |(_, at)| *at) as usize
    }
}

/// Cells on their way out.
#[derive(Debug)]
pub(super) struct Cells<'p> {
    packed: &'p Packed,
    store: &'p Store,
    /// The piece from byte `from` on.
    bytes: Cow<'p, [u8]>,
    from: usize,
    /// The next byte, and where its run ends.
    at: usize,
    end: usize,
    /// The runs after the present one.
    runs: Range<usize>,
    /// The minute of the cell before.
    last: Minute,
}

impl Iterator for Cells<'_> {
    type Item = Cell;

    fn next(&mut self) -> Option<Cell> {
        if self.at == self.end {
            let run = self.runs.next()?;
            self.end = self.packed.starts_at(run + 1) - self.from;
            self.last = self.packed.start;
        }
        let (call, _) = self.packed.runs[self.runs.start - 1];
        let mut bytes = &self.bytes[self.at..];
        let head = get(&mut bytes);
        self.last = self.last.plus((head >> 1).cast_signed());
        let Who { error, identity, agent } = self.store.whos[get(&mut bytes) as usize];
        let calls = if head & 1 == 1 { get(&mut bytes) } else { 1 };
        self.at = self.bytes.len() - bytes.len();
        Some(Cell { call, minute: self.last, error, identity, agent, calls })
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a day packs to less than 4 GiB")
}

/// Seven bits a byte, the lowest first; the eighth says that there are more.
fn put(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// The next number.
fn get(bytes: &mut &[u8]) -> u32 {
    let mut number = 0;
    for shift in (0..32).step_by(7) {
        let Some((&byte, rest)) = bytes.split_first() else { break };
        *bytes = rest;
        number |= u32::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            break;
        }
    }
    number
}
