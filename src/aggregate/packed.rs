//! The sorted cells of one day <-> three to four bytes a cell. Pure.
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::Cell;
use crate::names::{ApiId, CallId, TextId};
use crate::time::Minute;

/// What a cell says besides what was called when: error code, identity, agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Who {
    error: TextId,
    identity: TextId,
    agent: TextId,
}

/// All such combinations, each with a small number.
#[derive(Debug, Default)]
pub(super) struct Whos {
    all: Vec<Who>,
    numbers: HashMap<Who, u32, FxBuildHasher>,
}

impl Whos {
    fn number(&mut self, who: Who) -> u32 {
        *self.numbers.entry(who).or_insert_with(|| {
            self.all.push(who);
            u32::try_from(self.all.len() - 1).expect("fewer than 2^32 combinations")
        })
    }
}

/// The cells of one day, sorted and each once. A call's cells stand together: for each the minutes since the one before,
/// its [`Who`] and, unless it is one, the number of calls, as variable-length numbers.
#[derive(Debug, Default)]
pub(super) struct Packed {
    /// Each call, and where its cells begin.
    runs: Vec<(CallId, u32)>,
    bytes: Vec<u8>,
    start: Minute,
}

impl Packed {
    /// Packs cells of the day that starts at `start`; they are sorted by call and minute.
    pub(super) fn new(start: Minute, cells: &[Cell], whos: &mut Whos) -> Self {
        let mut packed = Self { runs: Vec::new(), bytes: Vec::with_capacity(4 * cells.len()), start };
        for run in cells.chunk_by(|a, b| a.call == b.call) {
            let at = u32::try_from(packed.bytes.len()).expect("a day packs to less than 4 GiB");
            packed.runs.push((run[0].call, at));
            let mut last = start;
            for &Cell { minute, error, identity, agent, calls, .. } in run {
                let since = minute.since(last).cast_unsigned();
                last = minute;
                packed.put(since << 1 | u32::from(calls != 1));
                packed.put(whos.number(Who { error, identity, agent }));
                if calls != 1 {
                    packed.put(calls);
                }
            }
        }
        packed.bytes.shrink_to_fit();
        packed.runs.shrink_to_fit();
        packed
    }

    /// Seven bits a byte, the lowest first; the eighth says that there are more.
    fn put(&mut self, mut number: u32) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// All cells, in order.
    pub(super) fn cells<'p>(&'p self, whos: &'p Whos) -> impl Iterator<Item = Cell> + 'p {
        self.unpack(0, self.runs.len(), whos)
    }

    /// The cells of an API, in order.
    pub(super) fn of_api<'p>(&'p self, api: ApiId, whos: &'p Whos) -> impl Iterator<Item = Cell> + 'p {
        let from = self.runs.partition_point(|(call, _)| call.api() < api);
        let calls = self.runs[from..].iter().take_while(|(call, _)| call.api() == api).count();
        self.unpack(from, from + calls, whos)
    }

    fn unpack<'p>(&'p self, from: usize, to: usize, whos: &'p Whos) -> impl Iterator<Item = Cell> + 'p {
        (from..to).flat_map(move |run| {
            let (call, at) = self.runs[run];
            let end = self.runs.get(run + 1).map_or(self.bytes.len(), |(_, end)| *end as usize);
            let mut bytes = &self.bytes[at as usize..end];
            let mut minute = self.start;
            std::iter::from_fn(move || {
                let head = get(&mut bytes)?;
                minute = minute.plus((head >> 1).cast_signed());
                let Who { error, identity, agent } = whos.all[get(&mut bytes)? as usize];
                let calls = if head & 1 == 1 { get(&mut bytes)? } else { 1 };
                Some(Cell { call, minute, error, identity, agent, calls })
            })
        })
    }
}

/// The next number; `None` at the end.
fn get(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0;
    for shift in (0..32).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u32::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            break;
        }
    }
    Some(number)
}
