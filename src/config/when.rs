//! `from`, `to` and `days` -> the minutes in which a rule holds, UTC. Pure.
use std::fmt;

use crate::time::{MINUTES_PER_DAY, Minute};

/// When a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At any time.
    Always,
    /// From the first minute up to but without the second.
    Between(Option<Minute>, Option<Minute>),
    /// Every week.
    Weekly(Weekly),
}

/// The same minutes on some days of every week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekly {
    /// Monday first.
    pub days: [Held; 7],
    /// Minute of the day from which it holds.
    pub from: i32,
    /// Minute of the day up to which it holds; where that is not after `from`, on the day after.
    pub to: i32,
}

/// Whether a rule holds on a day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// The days of the week as they are written, Monday first.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl When {
    /// Whether it holds in `minute`.
    #[must_use]
    pub fn holds(self, minute: Minute) -> bool {
        match self {
            Self::Always => true,
            Self::Between(from, to) => {
                from.is_none_or(|from| minute >= from) && to.is_none_or(|to| minute < to)
            }
            Self::Weekly(weekly) => weekly.holds(minute),
        }
    }
}

impl Weekly {
    fn holds(self, minute: Minute) -> bool {
        let on = |day: crate::time::Day| {
            // The epoch was a Thursday.
            let day = usize::try_from((day.epoch() + 3).rem_euclid(7)).expect("a remainder is not negative");
            self.days[day] == Held::Yes
        };
        let (day, of_day) = (minute.day(), minute.of_day());
        if self.from < self.to {
            on(day) && (self.from..self.to).contains(&of_day)
        } else {
            (on(day) && of_day >= self.from) || (on(day.plus(-1)) && of_day < self.to)
        }
    }
}

/// Monday is 0: the number of a day such as `mon`, `Monday` or `monday`.
pub(super) fn weekday(text: &str) -> Option<usize> {
    let text = text.to_ascii_lowercase();
    let names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    (0..7).find(|&day| text == DAYS[day] || text == names[day])
}

/// The minute of the day that `02:30` (or `02:30:00`) is; `24:00` is the end of the day.
pub(super) fn of_day(text: &str) -> Option<i32> {
    let text = text.strip_suffix(":00").filter(|rest| rest.len() == 5).unwrap_or(text);
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| -> Option<i32> {
        (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| digits.parse().ok())?
    };
    let minutes = 60 * number(hour)? + number(minute).filter(|minute| *minute < 60)?;
    (minutes <= MINUTES_PER_DAY).then_some(minutes)
}

/// The minute of `2026-01-31`, `2026-01-31T18:00` (both UTC) or an RFC 3339 time.
#[must_use]
pub fn instant(text: &str) -> Option<Minute> {
    let padded = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => text.to_owned(),
    };
    Minute::parse(&padded)
}

impl fmt::Display for When {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => out.write_str("always"),
            Self::Between(from, to) => {
                let part = |word: &str, at: &Option<Minute>| at.map(|at| format!("{word} {at}"));
                let parts: Vec<String> = [part("from", from), part("to", to)].into_iter().flatten().collect();
                out.write_str(&parts.join(" "))
            }
            Self::Weekly(Weekly { days, from, to }) => {
                let held: Vec<&str> =
                    (0..7).filter(|&day| days[day] == Held::Yes).map(|day| DAYS[day]).collect();
                let held = if held.len() == 7 { "daily".to_owned() } else { held.join(", ") };
                let clock = |minutes: i32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
                write!(out, "{held} {} to {} UTC", clock(*from), clock(*to))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weekly(days: &[usize], from: &str, to: &str) -> When {
        let held = std::array::from_fn(|day| if days.contains(&day) { Held::Yes } else { Held::No });
        let minute = |text| of_day(text).expect("a time of day");
        When::Weekly(Weekly { days: held, from: minute(from), to: minute(to) })
    }

    #[test]
    fn windows_hold_from_the_first_minute_up_to_the_last() {
        // 2026-01-05 was a Monday.
        let check = |when: When, cases: &[(&str, bool)]| {
            for (at, want) in cases {
                assert_eq!(when.holds(instant(at).expect("a time")), *want, "{when} {at}");
            }
        };
        check(When::Always, &[("2026-01-05", true)]);
        let between = |from, to| When::Between(instant(from), instant(to));
        check(
            between("2026-01-05", "2026-01-06T12:00"),
            &[
                ("2026-01-04T23:59", false),
                ("2026-01-05", true),
                ("2026-01-06T11:59", true),
                ("2026-01-06T12:00", false),
            ],
        );
        check(between("", "2026-01-06"), &[("2020-01-01", true), ("2026-01-06", false)]);
        check(
            weekly(&[0], "02:00", "04:00"),
            &[
                ("2026-01-05T01:59", false),
                ("2026-01-05T02:00", true),
                ("2026-01-05T04:00", false),
                ("2026-01-06T03:00", false),
            ],
        );
        check(
            weekly(&[0], "23:00", "01:00"),
            &[
                ("2026-01-05T00:30", false),
                ("2026-01-05T23:00", true),
                ("2026-01-06T00:59", true),
                ("2026-01-06T23:30", false),
            ],
        );
        check(weekly(&[6], "00:00", "24:00"), &[("2026-01-04T23:59", true), ("2026-01-05T00:00", false)]);
    }

    #[test]
    fn times_of_day_and_days() {
        for (text, want) in [
            ("00:00", Some(0)),
            ("02:30", Some(150)),
            ("02:30:00", Some(150)),
            ("24:00", Some(1440)),
            ("24:01", None),
            ("2:30", None),
            ("02:60", None),
            ("+2:30", None),
            ("noon", None),
        ] {
            assert_eq!(of_day(text), want, "{text}");
        }
        assert_eq!((weekday("Mon"), weekday("sunday"), weekday("m")), (Some(0), Some(6), None));
    }
}
