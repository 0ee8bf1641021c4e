//! What is remembered about a series -> what is usual for it. Pure; every module holds one idea.
//!
//! Minutes are epoch minutes; a slot is half an hour, counted from the epoch.
pub(crate) mod accepted;
pub(crate) mod bound;
pub(crate) mod dispersion;
pub(crate) mod maxima;
pub(crate) mod seasonal;
pub(crate) mod share;
pub(crate) mod windows;

use crate::time::{MINUTES_PER_DAY, MINUTES_PER_WEEK};

/// Lengths of the windows whose totals are judged, minutes, ascending. The first three divide a slot.
pub(crate) const WINDOWS: [i32; 4] = [1, 5, 30, 120];
/// Index of the window of one slot, by which levels are judged.
pub(crate) const SLOT_WINDOW: usize = 2;
/// Index of the longest window.
pub(crate) const LONGEST: usize = WINDOWS.len() - 1;
/// One number for each window length.
pub(crate) type PerWindow<T> = [T; WINDOWS.len()];

/// Minutes in a slot.
pub(crate) const SLOT: i32 = 30;
/// Slots in a day.
pub(crate) const DAY_SLOTS: i32 = MINUTES_PER_DAY / SLOT;
/// Slots in a week.
pub(crate) const WEEK_SLOTS: i32 = MINUTES_PER_WEEK / SLOT;
/// Slots in the longest window.
pub(crate) const LONGEST_SLOTS: i32 = WINDOWS[LONGEST] / SLOT;

/// Minutes of a window, for cutting slices: at most one slot.
pub(crate) fn chunk(window: usize) -> usize {
    WINDOWS[window].min(SLOT).unsigned_abs() as usize
}

/// The slot that holds `minute`.
pub(crate) const fn slot_of(minute: i32) -> i32 {
    minute.div_euclid(SLOT)
}

/// The day that holds `minute`.
pub(crate) const fn day_of(minute: i32) -> i32 {
    minute.div_euclid(MINUTES_PER_DAY)
}

/// Slot of the day of `slot`, 0..48.
pub(crate) const fn slot_of_day(slot: i32) -> usize {
    slot.rem_euclid(DAY_SLOTS).cast_unsigned() as usize
}

/// Slot of the week of `slot`, 0..336, counted from Thursday (the epoch was one).
pub(crate) const fn slot_of_week(slot: i32) -> usize {
    slot.rem_euclid(WEEK_SLOTS).cast_unsigned() as usize
}
