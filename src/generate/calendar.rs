//! A minute of the span -> weekday and time of day where people work; the days that are off. Pure.
use crate::time::{Day, MINUTES_PER_DAY};

/// The first day of every generated tree: Monday 2026-01-05.
pub(super) const FIRST_DAY: Day = Day::from_epoch(20_458);

/// 2026-01-19 and 2026-02-16 are holidays in the United States, counted from the first day.
const US_HOLIDAYS: [i32; 2] = [14, 42];

/// Where the people of a rhythm work. Winter time throughout: a shift of the clocks is not simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// New York, UTC-5.
    UsEast,
    /// Berlin, UTC+1.
    Berlin,
}

/// A local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Local {
    /// False at weekends and on holidays.
    pub(super) workday: bool,
    /// Minutes since local midnight, 0..1440.
    pub(super) of_day: i32,
}

impl Zone {
    const fn offset(self) -> i32 {
        match self {
            Self::UsEast => -300,
            Self::Berlin => 60,
        }
    }

    /// The local time at `minute` after the start of the first day.
    pub(super) fn local(self, minute: i32) -> Local {
        let local = minute + self.offset();
        let day = local.div_euclid(MINUTES_PER_DAY);
        let holiday = self == Self::UsEast && US_HOLIDAYS.contains(&day);
        Local { workday: day.rem_euclid(7) < 5 && !holiday, of_day: local.rem_euclid(MINUTES_PER_DAY) }
    }
}

/// True on Saturdays and Sundays (UTC); `day` counts from the first.
pub(super) const fn weekend(day: u32) -> bool {
    day % 7 >= 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times() {
        let check = |zone: Zone, day: i32, hour: i32, workday: bool, of_day: i32| {
            assert_eq!(
                zone.local(day * MINUTES_PER_DAY + hour * 60),
                Local { workday, of_day },
                "{zone:?} {day} {hour}"
            );
        };
        check(Zone::Berlin, 0, 8, true, 540);
        check(Zone::UsEast, 0, 3, false, 1320); // Sunday evening
        check(Zone::UsEast, 14, 15, false, 600);
        check(Zone::Berlin, 14, 15, true, 960);
        check(Zone::Berlin, 5, 12, false, 780);
        assert_eq!(FIRST_DAY.to_string(), "2026-01-05");
    }
}
