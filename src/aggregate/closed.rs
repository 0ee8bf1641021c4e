//! Events of closed days -> whether one is among them, by eight bytes each on a shelf. Pure.
use super::shelf::{Place, Shelf};
use crate::time::Day;

/// Events to a page: what is read to look for one.
const PAGE: usize = 1024;
const BYTES: usize = size_of::<u64>();

/// The short fingerprints of all events of closed days.
#[derive(Debug, Default)]
pub(super) struct Closed {
    runs: Vec<Run>,
}

/// Those that were closed together, sorted.
#[derive(Debug)]
struct Run {
    /// They are all from before this day, and were delivered before it.
    before: Day,
    events: usize,
    /// The first event of each page, and where the page lies.
    pages: Vec<(u64, Place)>,
}

impl Closed {
    /// Adds events, all from before the day `before` and delivered before it; no earlier ones may follow.
    pub(super) fn add(&mut self, before: Day, mut events: Vec<u64>, shelf: &mut dyn Shelf) {
        events.sort_unstable();
        let mut bytes = Vec::with_capacity(PAGE * BYTES);
        let page = |page: &[u64]| {
            bytes.clear();
            bytes.extend(page.iter().flat_map(|event| event.to_le_bytes()));
            (page[0], shelf.put(&bytes))
        };
        let pages = events.chunks(PAGE).map(page).collect();
        self.runs.push(Run { before, events: events.len(), pages });
    }

    /// Whether an event of the day `day` is among them. What was delivered before that day cannot hold it.
    pub(super) fn has(&self, day: Day, event: u64, shelf: &dyn Shelf) -> bool {
        self.runs.iter().rev().take_while(|run| run.before > day).any(|run| run.has(event, shelf))
    }
}

impl Run {
    fn has(&self, event: u64, shelf: &dyn Shelf) -> bool {
        let after = self.pages.partition_point(|(first, _)| *first <= event);
        let Some(page) = after.checked_sub(1) else { return false };
        let events = PAGE.min(self.events - page * PAGE);
        let Some(bytes) = shelf.get(self.pages[page].1, 0, events * BYTES) else { return false };
        let (events, _) = bytes.as_chunks::<BYTES>();
        events.binary_search_by_key(&event, |bytes| u64::from_le_bytes(*bytes)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::shelf::InMemory;
    use super::*;

    #[test]
    fn events_are_found_from_their_day_on() {
        let (mut closed, mut shelf) = (Closed::default(), InMemory::default());
        let day = |number| Day::default().plus(number);
        closed.add(day(3), (0..5_000).map(|event| event * 7).rev().collect(), &mut shelf);
        closed.add(day(4), Vec::new(), &mut shelf);
        closed.add(day(5), vec![9, 11], &mut shelf);
        for (of, event, want) in [
            (2, 0, true),
            (2, 7 * 4_999, true),
            (2, 7 * 1_024, true),
            (2, 7 * 1_023, true),
            (2, 7 * 5_000, false),
            (2, 8, false),
            (2, 9, true),
            (4, 11, true),
            // Not looked for where it cannot be.
            (3, 7, false),
            (5, 11, false),
        ] {
            assert_eq!(closed.has(day(of), event, &shelf), want, "event {event} of day {of}");
        }
    }
}
