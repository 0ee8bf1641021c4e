//! When calls were delivered -> which of them are late, and what was known of them when. Pure.
use std::collections::BTreeMap;

use super::Cell;
use crate::names::ApiId;
use crate::time::Minute;

/// When a minute has settled: what comes for it later is late, whichever run reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settling {
    /// Minutes of delivery after which a minute has settled.
    pub settle: i32,
    /// The newest delivery so far.
    pub newest: Option<Minute>,
    /// Minutes before this one have been judged.
    pub judged_until: Option<Minute>,
}

impl Settling {
    /// Minutes before this one have settled.
    #[must_use]
    pub fn settled_until(&self) -> Option<Minute> {
        self.newest.map(|newest| newest.plus(-self.settle)).max(self.judged_until)
    }
}

/// Late calls, each with the newest delivery when it came.
#[derive(Debug, Default)]
pub(super) struct Late {
    by_api: BTreeMap<ApiId, Vec<(Minute, Cell)>>,
    calls: u64,
}

impl Late {
    pub(super) fn add(&mut self, arrived: Minute, cell: Cell) {
        self.calls += u64::from(cell.calls);
        self.by_api.entry(cell.call.api()).or_default().push((arrived, cell));
    }

    pub(super) const fn calls(&self) -> u64 {
        self.calls
    }

    /// Those of an API that had come by the delivery `by`.
    pub(super) fn of_api(&self, api: ApiId, by: Minute) -> impl Iterator<Item = Cell> {
        let all = self.by_api.get(&api).into_iter().flatten();
        all.filter(move |(arrived, _)| *arrived <= by).map(|(_, cell)| *cell)
    }

    /// All of them, by API.
    pub(super) fn all(&self) -> impl Iterator<Item = (Minute, Cell)> {
        self.by_api.values().flatten().copied()
    }

    /// Takes all of them out.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Cell> + use<> {
        std::mem::take(self).by_api.into_values().flatten().map(|(_, cell)| cell)
    }
}
