//! Minutes with calls -> the totals of the last 1, 5, 30 and 120 minutes. Pure.
//!
//! A ring of running sums, one a minute: the total of any window is the difference of two of them. Source: the windows of
//! expectation-based scan statistics (Kulldorff 2001; Neill 2009), at four fixed lengths.
use serde::{Deserialize, Serialize};

use super::{LONGEST, PerWindow, SLOT, WINDOWS};

/// Minutes in the ring: a power of two above the longest window.
const RING: i32 = 128;

/// The recent calls of one series. Empty, it takes no memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Windows {
    /// The last minute.
    last: i32,
    /// Calls up to the end of each minute since the windows began; empty before that.
    sums: Vec<u64>,
    totals: PerWindow<u64>,
}

/// The place of a minute in the ring.
const fn place(minute: i32) -> usize {
    minute.rem_euclid(RING).cast_unsigned() as usize
}

impl Windows {
    /// Moves the windows so that `minute` is their last.
    pub(crate) fn slide(&mut self, minute: i32) {
        if self.sums.is_empty() || minute <= self.last {
            return;
        }
        if minute - self.last >= WINDOWS[LONGEST] {
            return self.clear();
        }
        let sum = self.sums[place(self.last)];
        for quiet in self.last + 1..=minute {
            self.sums[place(quiet)] = sum;
        }
        self.last = minute;
        self.totals = WINDOWS.map(|length| sum - self.sums[place(minute - length)]);
        if self.totals[LONGEST] == 0 {
            self.clear();
        }
    }

    /// Moves the windows to `minute` and counts its calls, one or more.
    pub(crate) fn count(&mut self, minute: i32, calls: u32) {
        self.slide(minute);
        if self.sums.is_empty() {
            self.sums = vec![0; RING.unsigned_abs() as usize];
            self.last = minute;
        }
        self.sums[place(minute)] += u64::from(calls);
        for total in &mut self.totals {
            *total += u64::from(calls);
        }
    }

    /// Calls in each window, as of the last slide or count.
    pub(crate) const fn totals(&self) -> &PerWindow<u64> {
        &self.totals
    }

    /// Forgets all calls: after an episode the windows begin anew.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The calls of a minute not older than the longest window.
    fn calls_at(&self, minute: i32) -> u64 {
        self.sums[place(minute)] - self.sums[place(minute - 1)]
    }

    /// The calls from `first` on and before `until`, of minutes not older than the longest window.
    pub(crate) fn calls_between(&self, first: i32, until: i32) -> u64 {
        let (before, last) = (first - 1, self.last.min(until - 1));
        if self.sums.is_empty() || last <= before {
            0
        } else {
            self.sums[place(last)] - self.sums[place(before)]
        }
    }

    /// The calls of each minute of a slot that began within the longest window.
    pub(crate) fn slot_minutes(&self, slot: i32) -> [u64; SLOT as usize] {
        let mut minutes = [0; SLOT as usize];
        if self.sums.is_empty() {
            return minutes;
        }
        for (calls, minute) in minutes.iter_mut().zip(slot * SLOT..=self.last) {
            if minute > self.last - WINDOWS[LONGEST] {
                *calls = self.calls_at(minute);
            }
        }
        minutes
    }

    /// Where calls began to be missing in the last `length` minutes, up to and with `last`: the first minute of the stretch
    /// that ends at `last` and has the largest sum of (`bar` - calls).
    pub(crate) fn silent_since(&self, last: i32, length: i32, bar: f64) -> i32 {
        let (mut sum, mut best, mut since) = (0.0, f64::NEG_INFINITY, last - length + 1);
        if self.sums.is_empty() {
            return since;
        }
        for minute in (last - length + 1..=last).rev() {
            sum += bar - self.calls_at(minute) as f64;
            if sum > best {
                (best, since) = (sum, minute);
            }
        }
        since
    }

    /// Where the last `length` minutes, up to and with `last`, changed most: the first minute of the stretch that ends at
    /// `last` and has the largest sum of (calls - `bar`), or `last` where there is none.
    pub(crate) fn onset(&self, last: i32, length: i32, bar: f64) -> i32 {
        let (mut sum, mut best, mut onset) = (0.0, f64::NEG_INFINITY, last);
        if self.sums.is_empty() {
            return onset;
        }
        for minute in (last - length + 1..=last).rev() {
            let calls = self.calls_at(minute);
            sum += calls as f64 - bar;
            if calls > 0 && sum > best {
                (best, onset) = (sum, minute);
            }
        }
        onset
    }

    /// Where that change was over: the last minute of the stretch that begins `length` minutes before the end of `last` and
    /// has the largest sum of (calls - `bar`), or `last` where there is none.
    pub(crate) fn offset(&self, last: i32, length: i32, bar: f64) -> i32 {
        let (mut sum, mut best, mut offset) = (0.0, f64::NEG_INFINITY, last);
        if self.sums.is_empty() {
            return offset;
        }
        for minute in last - length + 1..=last {
            let calls = self.calls_at(minute);
            sum += calls as f64 - bar;
            if calls > 0 && sum >= best {
                (best, offset) = (sum, minute);
            }
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn totals_are_the_sums_of_the_last_minutes(calls in proptest::collection::vec((1_i32..40, 1_u32..=u32::MAX), 1..200)) {
            let (mut windows, mut minute, mut all) = (Windows::default(), 0, Vec::new());
            for (gap, calls) in calls {
                minute += gap;
                windows.count(minute, calls);
                all.push((minute, calls));
                for (window, length) in WINDOWS.iter().enumerate() {
                    let naive: u64 =
                        all.iter().filter(|(at, _)| *at > minute - length).map(|(_, calls)| u64::from(*calls)).sum();
                    prop_assert_eq!(windows.totals()[window], naive);
                }
                let slot = minute.div_euclid(SLOT);
                let naive: u64 =
                    all.iter().filter(|(at, _)| at.div_euclid(SLOT) == slot).map(|(_, calls)| u64::from(*calls)).sum();
                prop_assert_eq!(windows.slot_minutes(slot).iter().sum::<u64>(), naive);
            }
        }
    }

    #[test]
    fn onset_is_where_the_calls_began_to_be_many() {
        let mut windows = Windows::default();
        for (minute, calls) in [(0, 1), (10, 1), (20, 9), (22, 9), (23, 9)] {
            windows.count(minute, calls);
        }
        assert_eq!(windows.onset(23, 30, 1.0), 20);
        assert_eq!(windows.onset(23, 1, 1.0), 23);
        assert_eq!(windows.offset(23, 30, 1.0), 23);
        assert_eq!(windows.silent_since(23, 10, 5.0), 14);
        assert_eq!(windows.silent_since(23, 2, 5.0), 23);
        windows.slide(40);
        assert_eq!(windows.silent_since(40, 30, 1.0), 24);
        windows.slide(142);
        assert_eq!(*windows.totals(), [0, 0, 0, 9]);
        windows.slide(143);
        assert_eq!(windows, Windows::default());
        assert_eq!(windows.silent_since(300, 30, 5.0), 271);
    }
}
