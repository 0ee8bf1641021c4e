//! Text and epoch seconds -> UTC minutes and days, and back. Pure.
pub(crate) mod text;

use std::fmt;

use chrono::{DateTime, NaiveDate};

/// Minutes in a day.
pub const MINUTES_PER_DAY: i32 = 1440;
/// Minutes in a week.
pub const MINUTES_PER_WEEK: i32 = 7 * MINUTES_PER_DAY;

/// CloudTrail was launched in November 2013; nothing recorded can be older.
const FIRST_YEAR: i32 = 2013;
/// Later than this is a damaged clock, not a log.
const LAST_YEAR: i32 = 2099;

/// A UTC minute, counted from 1970-01-01T00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Minute(i32);

/// A UTC day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(i32);

impl Minute {
    /// The minute that is `epoch_minutes` after 1970-01-01T00:00Z.
    #[must_use]
    pub const fn from_epoch(epoch_minutes: i32) -> Self {
        Self(epoch_minutes)
    }

    /// The minute that is `epoch_minutes` after 1970-01-01T00:00Z, where that is in the years 2013 to 2099.
    #[must_use]
    pub fn checked(epoch_minutes: i32) -> Option<Self> {
        let minute = Self(epoch_minutes);
        (FIRST_YEAR..=LAST_YEAR).contains(&chrono::Datelike::year(&minute.day().date())).then_some(minute)
    }

    /// Minutes since 1970-01-01T00:00Z.
    #[must_use]
    pub const fn epoch(self) -> i32 {
        self.0
    }

    /// The minute that holds an `eventTime` such as `2026-01-31T23:59:07Z`; `None` where the text is not an
    /// RFC 3339 time, or the year is outside 2013 to 2099.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_canonical(text.as_bytes()).or_else(|| Self::parse_rfc3339(text))
    }

    /// The form that AWS writes, `YYYY-MM-DDTHH:MM:SSZ`, without a general parser.
    fn parse_canonical(text: &[u8]) -> Option<Self> {
        let text: &[u8; 20] = text.try_into().ok()?;
        let shape = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
        if shape.iter().any(|&(at, byte)| text[at] != byte) {
            return None;
        }
        let number = |from: usize, to: usize| {
            text[from..to]
                .iter()
                .try_fold(0_i32, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i32::from(byte - b'0')))
        };
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        if !(FIRST_YEAR..=LAST_YEAR).contains(&year) || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let date = NaiveDate::from_ymd_opt(year, month.cast_unsigned(), day.cast_unsigned())?;
        Some(Self(days_since_epoch(date) * MINUTES_PER_DAY + hour * 60 + minute))
    }

    fn parse_rfc3339(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
        i32::try_from(time.timestamp().div_euclid(60)).ok().and_then(Self::checked)
    }

    /// The day this minute belongs to.
    #[must_use]
    pub const fn day(self) -> Day {
        Day(self.0.div_euclid(MINUTES_PER_DAY))
    }

    /// Minutes since 00:00 UTC of its day, 0..1440.
    #[must_use]
    pub const fn of_day(self) -> i32 {
        self.0.rem_euclid(MINUTES_PER_DAY)
    }

    /// The minute `minutes` later (or earlier, where negative).
    #[must_use]
    pub const fn plus(self, minutes: i32) -> Self {
        Self(self.0 + minutes)
    }

    /// Minutes from `earlier` to `self`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i32 {
        self.0 - earlier.0
    }

    /// `YYYYMMDDTHHmmZ`, as in the names of CloudTrail's files.
    #[must_use]
    pub fn compact(self) -> String {
        let (date, of_day) = (self.day().date(), self.of_day());
        format!("{}T{:02}{:02}Z", date.format("%Y%m%d"), of_day / 60, of_day % 60)
    }
}

impl fmt::Display for Minute {
    /// RFC 3339, as AWS writes it: `2026-01-31T23:59:00Z`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_day = self.of_day();
        write!(out, "{}T{:02}:{:02}:00Z", self.day(), of_day / 60, of_day % 60)
    }
}

impl Day {
    /// The day that is `epoch_days` after 1970-01-01.
    #[must_use]
    pub const fn from_epoch(epoch_days: i32) -> Self {
        Self(epoch_days)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn epoch(self) -> i32 {
        self.0
    }

    /// Its minute 00:00 UTC.
    #[must_use]
    pub const fn start(self) -> Minute {
        Minute(self.0 * MINUTES_PER_DAY)
    }

    /// The day `days` later (or earlier, where negative).
    #[must_use]
    pub const fn plus(self, days: i32) -> Self {
        Self(self.0 + days)
    }

    /// The day of a calendar date.
    #[must_use]
    pub fn from_date(date: NaiveDate) -> Self {
        Self(days_since_epoch(date))
    }

    /// As a calendar date.
    #[must_use]
    pub fn date(self) -> NaiveDate {
        NaiveDate::from_epoch_days(self.0).unwrap_or_default()
    }
}

impl fmt::Display for Day {
    /// `YYYY-MM-DD`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.date().format("%Y-%m-%d"))
    }
}

fn days_since_epoch(date: NaiveDate) -> i32 {
    date.to_epoch_days()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, want: Option<&str>) {
        assert_eq!(Minute::parse(text).map(|minute| minute.to_string()).as_deref(), want, "{text}");
    }

    #[test]
    fn event_times() {
        check("2026-01-31T23:59:07Z", Some("2026-01-31T23:59:00Z"));
        check("2024-02-29T00:00:00Z", Some("2024-02-29T00:00:00Z"));
        check("2026-01-31T23:59:07.123Z", Some("2026-01-31T23:59:00Z"));
        check("2026-01-31T23:59:07+02:00", Some("2026-01-31T21:59:00Z"));
        check("2023-02-29T00:00:00Z", None);
        check("2026-01-31T24:00:00Z", None);
        check("1970-01-01T00:00:00Z", None);
        check("9999-01-01T00:00:00Z", None);
        check("2026-01-31 23:59:07", None);
        check("2026-01-3éT23:59:0Z", None);
        check("", None);
    }

    #[test]
    fn compact_is_the_form_of_file_names() {
        let minute = Minute::parse("2026-01-05T03:04:59Z").expect("a valid time");
        assert_eq!(minute.compact(), "20260105T0304Z");
        assert_eq!((minute.of_day(), minute.day().to_string().as_str()), (184, "2026-01-05"));
    }

    proptest! {
        #[test]
        fn both_parsers_agree(epoch in 22_616_640_i32..68_374_080, second in 0..60) {
            let minute = Minute::from_epoch(epoch);
            let text = minute.to_string().replace(":00Z", &format!(":{second:02}Z"));
            prop_assert_eq!(Minute::parse_canonical(text.as_bytes()), Minute::parse_rfc3339(&text));
            prop_assert_eq!(Minute::parse(&text), Some(minute));
            prop_assert_eq!(minute.day().start().plus(minute.of_day()), minute);
        }
    }
}
