//! Observations -> calls by minute, API, error, identity and agent, each event once. Pure; merges in any order.
//!
//! Memory: once deliveries are two days past the end of a day, it is closed: its cells are packed, to three or four
//! bytes each, and of its events eight bytes each are kept; both are laid on a shelf, which the shell can put on disk.
//! What comes in for the day later still counts, in its own minute, and a copy that comes later is still known as one.
mod batch;
mod closed;
mod fingerprint;
mod late;
mod packed;
mod shelf;

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

pub use batch::{Batch, HandOver};
use closed::Closed;
pub use fingerprint::{Fingerprint, Salt};
use late::Late;
pub use late::Settling;
use packed::{Packed, Store};
pub use shelf::{InMemory, Place, Shelf};

use crate::names::{ApiId, ApiNames, CallId, Names, TextId};
use crate::series::Api;
use crate::time::{Day, MINUTES_PER_DAY, Minute};

/// How long after the end of a day it stays open, in minutes of delivery. AWS delivers within a quarter of an hour
/// nearly always, and a copy soon after.
pub const OPEN_AFTER_END: i32 = 2 * MINUTES_PER_DAY;

/// Cells of a day that need not be sorted yet: 1.5 MB.
const UNSORTED: usize = 1 << 16;

/// Calls of one minute that agree in everything that is counted. 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// API, read or write.
    pub call: CallId,
    /// When.
    pub minute: Minute,
    /// Error code, or empty.
    pub error: TextId,
    /// Who called.
    pub identity: TextId,
    /// With what.
    pub agent: TextId,
    /// How many.
    pub calls: u32,
}

impl Cell {
    /// All but the number: what makes two cells one.
    #[must_use]
    pub const fn key(&self) -> (CallId, Minute, TextId, TextId, TextId) {
        (self.call, self.minute, self.error, self.identity, self.agent)
    }

    /// Sorts as all fields in turn do, in fewer comparisons. (There are no minutes before 1970.)
    fn order(&self) -> [u64; 3] {
        let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        let minute = self.minute.epoch().cast_unsigned();
        [
            pair(self.call.number(), minute),
            pair(self.error.number(), self.identity.number()),
            pair(self.agent.number(), self.calls),
        ]
    }
}

/// Whether who called and with what is kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribution {
    /// Identity and agent are counted apart.
    Kept,
    /// Only numbers of calls.
    Dropped,
}

/// All counts, by day.
#[derive(Debug, Default)]
pub struct Counts {
    names: Names,
    store: Store,
    days: BTreeMap<Day, DayCounts>,
    /// By the number of the batch.
    translations: BTreeMap<usize, Translation>,
    /// The day of the deliveries.
    today: Day,
    /// Days before this one are closed.
    open_from: Day,
    /// Events, each with the day with which it is closed.
    seen: HashMap<Fingerprint, Day, FxBuildHasher>,
    /// Events of closed days.
    closed: Closed,
    counted: u64,
    duplicates: u64,
    /// When minutes settle; `None` where no call is late.
    settling: Option<Settling>,
    late: Late,
    /// Days with calls that were added.
    touched: BTreeSet<Day>,
    /// The first minute ever, where the days do not tell.
    first: Option<Minute>,
}

/// What a batch's numbers are in [`Counts::names`].
#[derive(Debug, Default)]
struct Translation {
    texts: Vec<TextId>,
    apis: Vec<ApiId>,
}

impl Translation {
    fn of(&self, cell: &Cell) -> Cell {
        let text = |text: TextId| self.texts[text.index()];
        Cell {
            call: CallId::new(self.apis[cell.call.api().index()], cell.call.access()),
            error: text(cell.error),
            identity: text(cell.identity),
            agent: text(cell.agent),
            ..*cell
        }
    }
}

impl Counts {
    /// No counts yet. What is closed is laid on `shelf`; whether that went well, [`Counts::failure`] tells.
    #[must_use]
    pub fn on(shelf: Box<dyn Shelf>) -> Self {
        Self { store: Store::on(shelf), ..Self::default() }
    }

    /// Goes on from where an earlier run ended: with its `events`, each with the day with which it is forgotten.
    /// From now on calls of minutes that have settled are late.
    #[must_use]
    pub fn resume(
        mut self,
        settling: Settling,
        events: impl IntoIterator<Item = (Day, Fingerprint)>,
    ) -> Self {
        self.seen = events.into_iter().map(|(forget, event)| (event, forget)).collect();
        self.today = settling.newest.map_or(self.today, Minute::day);
        self.open_from = settling.newest.map_or(self.open_from, |newest| newest.plus(-OPEN_AFTER_END).day());
        self.settling = Some(settling);
        self
    }

    /// Puts back what an earlier run had counted, as batch `number`.
    pub fn restore(&mut self, number: usize, brought: &HandOver) {
        let translation = self.translation(number, brought);
        for rows in brought.rows.chunk_by(|a, b| a.cell.minute.day() == b.cell.minute.day()) {
            let counts = self.days.entry(rows[0].cell.minute.day()).or_default();
            counts.fresh.extend(rows.iter().map(|row| translation.of(&row.cell)));
            counts.compact_sometimes();
        }
        self.translations.insert(number, translation);
    }

    /// The id of an API, new or known.
    pub fn api_id(&mut self, api: &Api) -> ApiId {
        let [account, region, event_source, event_name] =
            [&api.account, &api.region, &api.event_source, &api.event_name].map(|text| self.names.text(text));
        self.names.api(ApiNames { account, region, event_source, event_name, category: api.category })
    }

    /// The id of a text, new or known.
    pub fn text_id(&mut self, text: &str) -> TextId {
        self.names.text(text)
    }

    /// When minutes settle, after all that was added; `None` where no call is late.
    #[must_use]
    pub const fn settling(&self) -> Option<Settling> {
        self.settling
    }

    /// Adds late calls, as batch `number`, that came with the delivery `arrived`.
    pub fn add_late(&mut self, number: usize, brought: &HandOver, arrived: Minute) {
        let translation = self.translation(number, brought);
        brought.rows.iter().for_each(|row| self.late.add(arrived, translation.of(&row.cell)));
        self.translations.insert(number, translation);
    }

    /// Late calls, each with the newest delivery when it came.
    pub fn late_arrivals(&self) -> impl Iterator<Item = (Minute, Cell)> {
        self.late.all()
    }

    /// Calls that came after their minute had settled.
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.late.calls()
    }

    /// Days to which calls were added, late ones too.
    #[must_use]
    pub const fn touched(&self) -> &BTreeSet<Day> {
        &self.touched
    }

    /// The events that a copy is known by, in order, each with the day with which it is forgotten; of resumed counts.
    #[must_use]
    pub fn events(&self) -> Vec<(Day, Fingerprint)> {
        let mut events: Vec<_> = self.seen.iter().map(|(event, forget)| (*forget, *event)).collect();
        events.sort_unstable();
        events
    }

    /// Puts late calls to the others; until the next [`Counts::settle`], nothing can be read.
    pub fn take_in_late(&mut self) {
        for cell in self.late.take() {
            self.days.entry(cell.minute.day()).or_default().fresh.push(cell);
        }
    }

    /// Why these counts are not whole: something could not be laid on the shelf, or not be read back. To be asked
    /// before anything that was made of them is given out.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.store.shelf.failure()
    }

    /// Counts what batch `number` handed over; an event that was counted before is a duplicate.
    ///
    /// A batch's handovers must come in its own order.
    pub fn add(&mut self, number: usize, brought: &HandOver) {
        let translation = self.translation(number, brought);
        let settled_until = self.settling.and_then(|settling| settling.settled_until());
        let arrived = self.settling.and_then(|settling| settling.newest).unwrap_or_default();
        for rows in brought.rows.chunk_by(|a, b| a.cell.minute.day() == b.cell.minute.day()) {
            let day = rows[0].cell.minute.day();
            let counts = self.days.entry(day).or_default();
            self.touched.insert(day);
            // A latecomer is remembered as long as what is delivered with it.
            let forget = day.max(self.today);
            let is_closed = day < self.open_from;
            for batch::Row { cell, fingerprint } in rows {
                let is_copy = |fingerprint: Fingerprint| {
                    self.seen.insert(fingerprint, forget).is_some()
                        || is_closed && self.closed.has(day, fingerprint.short(), &*self.store.shelf)
                };
                if fingerprint.is_some_and(is_copy) {
                    self.duplicates += u64::from(cell.calls);
                    continue;
                }
                self.counted += u64::from(cell.calls);
                let cell = translation.of(cell);
                if settled_until.is_some_and(|settled| cell.minute < settled) {
                    self.late.add(arrived, cell);
                } else {
                    counts.fresh.push(cell);
                }
            }
            counts.compact_sometimes();
        }
        self.translations.insert(number, translation);
    }

    /// Takes note that all of what batch `number` handed over was counted before.
    pub fn add_copies(&mut self, number: usize, brought: &HandOver) {
        let translation = self.translation(number, brought);
        self.duplicates += brought.rows.iter().map(|row| u64::from(row.cell.calls)).sum::<u64>();
        self.translations.insert(number, translation);
    }

    /// What the names in `brought` and in what batch `number` handed over before are here.
    fn translation(&mut self, number: usize, brought: &HandOver) -> Translation {
        let mut translation = self.translations.remove(&number).unwrap_or_default();
        let Translation { texts, apis } = &mut translation;
        texts.extend(brought.texts.iter().map(|text| self.names.text(text)));
        for api in &brought.apis {
            let api = self.names.api(translate(api, texts));
            apis.push(api);
        }
        translation
    }

    /// Says that nothing more will come that was delivered before `delivered`: closes the days whose time is over.
    ///
    /// Events of closed days are known by 64 of their 128 bits: among ten million of them, the chance that a latecomer
    /// is taken for a copy of another event is below one in 10^12.
    ///
    /// Counts that were resumed forget them instead, so that it does not matter which run reads a file.
    pub fn close_before(&mut self, delivered: Minute) {
        if let Some(settling) = &mut self.settling {
            settling.newest = settling.newest.max(Some(delivered));
        }
        self.today = self.today.max(delivered.day());
        let open_from = delivered.plus(-OPEN_AFTER_END).day();
        if open_from <= self.open_from {
            return;
        }
        for (day, counts) in self.days.range_mut(self.open_from..open_from) {
            counts.pack(*day, &mut self.store);
        }
        let over = self.seen.extract_if(|_, forget| *forget < open_from);
        let over: Vec<u64> = over.map(|(fingerprint, _)| fingerprint.short()).collect();
        if self.settling.is_none() {
            self.closed.add(open_from, over, &mut *self.store.shelf);
        }
        self.open_from = open_from;
    }

    /// Sorts every day by API, minute, error, identity and agent, each combination once. To be called after the
    /// last [`Counts::add`] and before reading.
    pub fn settle(&mut self) {
        for (day, counts) in &mut self.days {
            counts.pack(*day, &mut self.store);
        }
        // Of which all calls were copies, or late.
        self.days.retain(|_, counts| !counts.packed.is_empty());
        if self.settling.is_none() {
            self.seen = HashMap::default();
        }
        self.closed = Closed::default();
        self.translations.clear();
    }

    /// Texts and APIs of the cells.
    #[must_use]
    pub const fn names(&self) -> &Names {
        &self.names
    }

    /// Calls counted.
    #[must_use]
    pub const fn counted(&self) -> u64 {
        self.counted
    }

    /// Records that were counted before.
    #[must_use]
    pub const fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Days with calls, in order, each with its cells.
    pub fn days(&self) -> impl Iterator<Item = (Day, impl Iterator<Item = Cell>)> {
        self.days.iter().map(|(&day, counts)| (day, counts.packed.cells(&self.store)))
    }

    /// First and last minute with calls; `None` where nothing was counted.
    #[must_use]
    pub fn span(&self) -> Option<(Minute, Minute)> {
        let minutes = |counts: &DayCounts| {
            let minutes = || counts.packed.cells(&self.store).map(|cell| cell.minute);
            (minutes().min(), minutes().max())
        };
        let first = minutes(self.days.first_key_value()?.1).0?;
        Some((first, minutes(self.days.last_key_value()?.1).1?))
    }

    /// The late cells of an API from `from` up to but without `to` that had come by the delivery `by`; in no order.
    pub fn late_cells(
        &self,
        api: ApiId,
        (from, to): (Minute, Minute),
        by: Minute,
    ) -> impl Iterator<Item = Cell> {
        self.late.of_api(api, by).filter(move |cell| (from..to).contains(&cell.minute))
    }

    /// The cells of one day, ordered.
    pub fn of_day(&self, day: Day) -> impl Iterator<Item = Cell> {
        self.days.get(&day).into_iter().flat_map(|counts| counts.packed.cells(&self.store))
    }

    /// The first minute with calls that was ever seen, kept or not; `None` where nothing was counted.
    #[must_use]
    pub fn first(&self) -> Option<Minute> {
        self.first.or_else(|| self.span().map(|(first, _)| first))
    }

    /// Says which minute [`Counts::first`] is.
    pub const fn set_first(&mut self, first: Minute) {
        self.first = Some(first);
    }

    /// The cells of an API, reads and writes, from `from` up to but without `to`; ordered within a day, days in order.
    pub fn cells(&self, api: ApiId, from: Minute, to: Minute) -> impl Iterator<Item = Cell> {
        self.days
            .range(from.day()..=to.day())
            .flat_map(move |(_, counts)| counts.packed.of_api(api, &self.store))
            .filter(move |cell| (from..to).contains(&cell.minute))
    }
}

fn translate(api: &ApiNames, texts: &[TextId]) -> ApiNames {
    ApiNames {
        account: texts[api.account.index()],
        region: texts[api.region.index()],
        event_source: texts[api.event_source.index()],
        event_name: texts[api.event_name.index()],
        category: api.category,
    }
}

/// The counts of one day.
#[derive(Debug, Default)]
struct DayCounts {
    /// Cells in order of arrival, the first `compacted` of them sorted and each once.
    fresh: Vec<Cell>,
    compacted: usize,
    /// All others.
    packed: Packed,
}

impl DayCounts {
    /// Compacting when the size has doubled keeps memory proportional to the distinct cells.
    fn compact_sometimes(&mut self) {
        if self.fresh.len() >= 2 * self.compacted + UNSORTED {
            self.compact();
        }
    }

    fn compact(&mut self) {
        self.fresh.sort_unstable_by_key(Cell::order);
        self.fresh.dedup_by(|next, kept| {
            // More calls than one cell can hold stay in several.
            let sum = kept.calls.checked_add(next.calls).filter(|_| next.key() == kept.key());
            kept.calls = sum.unwrap_or(kept.calls);
            sum.is_some()
        });
        self.compacted = self.fresh.len();
    }

    fn pack(&mut self, day: Day, store: &mut Store) {
        if self.fresh.is_empty() {
            return;
        }
        self.fresh.extend(self.packed.cells(store));
        self.compact();
        self.packed = Packed::new(day.start(), &self.fresh, store);
        (self.fresh, self.compacted) = (Vec::new(), 0);
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;
    use crate::classify::Observation;
    use crate::series::Category;

    /// An observation in numbers, each of which stands for one of few names.
    #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
    struct Seen {
        minute: i32,
        api: u8,
        read: bool,
        error: u8,
        who: u8,
        id: Option<u8>,
    }

    fn seen() -> impl Strategy<Value = Seen> {
        (0..4_000, 0..3_u8, any::<bool>(), 0..3_u8, 0..3_u8, prop::option::of(any::<u8>())).prop_map(
            |(minute, api, read, error, who, id)| match id {
                // The same event has the same content, wherever it is delivered.
                Some(id) => Seen {
                    minute: i32::from(id),
                    api: id % 3,
                    read: id % 2 == 0,
                    error: id % 5 % 3,
                    who: id % 7 % 3,
                    id: Some(id),
                },
                None => Seen { minute, api, read, error, who, id: None },
            },
        )
    }

    fn batch(seen: &[Seen], attribution: Attribution) -> Batch {
        let mut batch = Batch::new(attribution);
        for one in seen {
            batch.observe(&Observation {
                minute: Minute::from_epoch(29_000_000 + one.minute),
                account: "111122223333".into(),
                region: "eu-west-1".into(),
                event_source: "s".into(),
                event_name: one.api.to_string().into(),
                category: if one.api == 0 { Category::Data } else { Category::Management },
                read_only: one.read,
                error_code: (one.error > 0).then(|| one.error.to_string().into()),
                identity: one.who.to_string().into(),
                user_agent: Cow::Borrowed("agent"),
                event_id: one.id.map(|id| format!("event {id}").into()),
            });
        }
        batch
    }

    /// Everything that was counted, in words and in order of the words.
    fn words(counts: &mut Counts) -> Vec<String> {
        counts.settle();
        let names = counts.names();
        let cells = counts.days().flat_map(|(day, cells)| cells.map(move |cell| (day, cell)));
        let mut words: Vec<String> = cells
            .map(|(day, cell)| {
                assert_eq!(cell.minute.day(), day);
                let text = |id| names.text_of(id);
                let (who, agent, error) = (text(cell.identity), text(cell.agent), text(cell.error));
                let (api, access) = (names.api_of(cell.call.api()), cell.call.access());
                format!(
                    "{} {api} {} {access:?} {error} {who} {agent} = {}",
                    cell.minute, api.category, cell.calls
                )
            })
            .collect();
        words.sort();
        words
    }

    fn count(batches: &[&[Seen]]) -> Counts {
        let mut counts = Counts::default();
        for (number, seen) in batches.iter().enumerate() {
            counts.add(number, &batch(seen, Attribution::Kept).hand_over());
        }
        counts
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn batches_merge_in_any_order_and_cut(seen in prop::collection::vec(seen(), 0..300), cut in any::<prop::sample::Index>()) {
            let (a, b) = seen.split_at(if seen.is_empty() { 0 } else { cut.index(seen.len()) });
            let mut shuffled: Vec<Seen> = seen.clone();
            shuffled.sort();
            let mut whole = count(&[&seen]);
            let mut others = [count(&[a, b]), count(&[b, a]), count(&[&shuffled])];
            let want = words(&mut whole);
            for other in &mut others {
                prop_assert_eq!(words(other), want.clone());
                prop_assert_eq!((other.counted(), other.duplicates()), (whole.counted(), whole.duplicates()));
                prop_assert_eq!(other.span(), whole.span());
            }
            // The naive recount: an id once, everything else as often as it stands there.
            let ids: std::collections::BTreeSet<u8> = seen.iter().filter_map(|one| one.id).collect();
            let bare = seen.iter().filter(|one| one.id.is_none()).count();
            prop_assert_eq!(whole.counted(), (ids.len() + bare) as u64);
            prop_assert_eq!(whole.counted() + whole.duplicates(), seen.len() as u64);
            let calls: u64 = whole.days().flat_map(|(_, cells)| cells).map(|cell| u64::from(cell.calls)).sum();
            prop_assert_eq!(calls, whole.counted());
        }

        #[test]
        fn closing_days_changes_nothing_but_memory(
            seen in prop::collection::vec(seen(), 0..300),
            cut in 0..300_usize,
            delivered in prop::array::uniform2(0..20_000),
        ) {
            // Copies of one event come in one handover: before anything is closed again.
            let (with_id, bare): (Vec<Seen>, Vec<Seen>) = seen.iter().cloned().partition(|one| one.id.is_some());
            let (first, second) = bare.split_at(cut.min(bare.len()));
            let parts = [first, &with_id, second];
            let mut closed = Counts::default();
            for (number, part) in parts.iter().enumerate() {
                closed.add(number, &batch(part, Attribution::Kept).hand_over());
                if let Some(minutes) = delivered.get(number) {
                    closed.close_before(Minute::from_epoch(29_000_000 + minutes));
                }
            }
            let mut open = count(&parts);
            prop_assert_eq!(words(&mut closed), words(&mut open));
            prop_assert_eq!((closed.counted(), closed.duplicates()), (open.counted(), open.duplicates()));
        }

        #[test]
        fn cells_of_an_api_are_those_of_its_minutes(seen in prop::collection::vec(seen(), 1..200), from in 0..4_000, minutes in 0..3_000) {
            let mut counts = count(&[&seen]);
            counts.settle();
            let (from, to) = (Minute::from_epoch(29_000_000 + from), Minute::from_epoch(29_000_000 + from + minutes));
            for api in counts.names().api_ids() {
                let got: Vec<Cell> = counts.cells(api, from, to).collect();
                let want: Vec<Cell> = counts
                    .days()
                    .flat_map(|(_, cells)| cells)
                    .filter(|cell| cell.call.api() == api && (from..to).contains(&cell.minute))
                    .collect();
                prop_assert_eq!(got, want);
            }
        }
    }

    #[test]
    fn many_calls_of_few_kinds_stay_few_cells() {
        let seen = vec![Seen { minute: 1, api: 1, read: false, error: 0, who: 0, id: None }; 100_000];
        let mut counts = count(&[&seen[..50_000], &seen[50_000..]]);
        assert!(counts.days.values().all(|day| day.fresh.len() < 10_000), "cells are merged on the way");
        assert_eq!(words(&mut counts).len(), 1);
        assert_eq!(counts.counted(), 100_000);
    }

    #[test]
    fn copies_are_known_however_late_they_come() {
        let one = Seen { minute: 0, api: 1, read: false, error: 0, who: 0, id: Some(0) };
        let event = Minute::from_epoch(29_000_000).day();
        // Days after the event's on which copies are delivered; the first of them counts.
        let check = |delivered: &[i32]| {
            let mut counts = Counts::default();
            for (number, days) in delivered.iter().enumerate() {
                counts.close_before(event.plus(*days).start().plus(60));
                counts.add(number, &batch(std::slice::from_ref(&one), Attribution::Kept).hand_over());
            }
            assert_eq!(
                (counts.counted(), counts.duplicates()),
                (1, delivered.len() as u64 - 1),
                "{delivered:?}"
            );
        };
        check(&[0, 0, 1, 2]);
        check(&[0, 3]);
        check(&[0, 2, 4]);
        check(&[30, 31, 32, 40, 100]);
        check(&[0, 3, 3, 30, 31, 31]);
    }

    #[test]
    fn a_cleared_batch_leaves_nothing_behind() {
        let seen = [Seen { minute: 1, api: 1, read: false, error: 1, who: 1, id: Some(1) }];
        let mut batch = batch(&seen, Attribution::Kept);
        batch.clear();
        let mut counts = Counts::default();
        counts.add(0, &batch.hand_over());
        counts.settle();
        assert_eq!((counts.counted(), counts.duplicates(), counts.span()), (0, 0, None));
    }

    #[test]
    fn without_attribution_who_called_is_not_kept() {
        let one = |who| Seen { minute: 1, api: 1, read: false, error: 0, who, id: None };
        let mut counts = Counts::default();
        counts.add(0, &batch(&[one(1), one(2)], Attribution::Dropped).hand_over());
        assert_eq!(words(&mut counts).len(), 1);
        assert_eq!(counts.counted(), 2);
    }
}
