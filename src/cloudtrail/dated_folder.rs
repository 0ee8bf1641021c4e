//! A folder's path in a trail's bucket -> whose logs lie in it, and of which days of delivery. Pure.
use chrono::{Datelike, NaiveDate};

use super::object_key::{is_account, is_organization, is_region};
use crate::time::Day;

/// A year's, month's or day's folder, `ACCOUNT/CloudTrail/REGION/YYYY[/MM[/DD]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedFolder<'a> {
    /// 12 digits.
    pub account: &'a str,
    /// Such as `eu-west-1`.
    pub region: &'a str,
    /// First day of delivery.
    pub first: Day,
    /// Last day of delivery.
    pub last: Day,
}

impl<'a> DatedFolder<'a> {
    /// Reads a path with `/`; `None` for all other folders.
    #[must_use]
    pub fn parse(path: &'a str) -> Option<Self> {
        let mut folders = path.rsplit('/');
        let mut dates = Vec::new();
        let region = loop {
            let folder = folders.next()?;
            match folder.parse::<u32>() {
                Ok(number) if dates.len() < 3 && folder.bytes().all(|byte| byte.is_ascii_digit()) => {
                    dates.push((folder.len(), number));
                }
                _ => break folder,
            }
        };
        dates.reverse();
        let (first, last) = span(&dates)?;
        let is_logs = is_region(region) && folders.next()? == "CloudTrail";
        let account = folders.next().filter(|account| is_logs && is_account(account))?;
        Some(Self { account, region, first, last })
    }
}

/// First and last day of `YYYY`, `YYYY/MM` or `YYYY/MM/DD`.
fn span(dates: &[(usize, u32)]) -> Option<(Day, Day)> {
    let (&(4, year), rest) = dates.split_first()? else { return None };
    let date = |month, day| NaiveDate::from_ymd_opt(year.cast_signed(), month, day);
    let (first, after) = match *rest {
        [] => (date(1, 1)?, NaiveDate::from_ymd_opt(year.cast_signed() + 1, 1, 1)?),
        [(2, month)] => {
            let first = date(month, 1)?;
            (first, first.checked_add_months(chrono::Months::new(1))?.with_day(1)?)
        }
        [(2, month), (2, day)] => (date(month, day)?, date(month, day)?.succ_opt()?),
        _ => return None,
    };
    Some((Day::from_date(first), Day::from_date(after).plus(-1)))
}

/// What a folder of a trail's bucket is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Level<'a> {
    /// Logs of one account and region, `ACCOUNT/CloudTrail/REGION`: in it they lie by day of delivery.
    Region {
        /// 12 digits.
        account: &'a str,
        /// Such as `eu-west-1`.
        region: &'a str,
    },
    /// Of those, the ones of a year, month or day.
    Dated(DatedFolder<'a>),
    /// Leads to logs: `AWSLogs`, an organization, an account, or its `CloudTrail`.
    Above,
    /// Stands beside an account's `CloudTrail`, such as `CloudTrail-Digest`.
    Beside,
    /// The name does not say.
    Unknown,
}

impl<'a> Level<'a> {
    /// Reads a path with `/`.
    #[must_use]
    pub fn of(path: &'a str) -> Self {
        if let Some(dated) = DatedFolder::parse(path) {
            return Self::Dated(dated);
        }
        let mut names = path.rsplit('/');
        let mut next = || names.next().unwrap_or_default();
        let (name, around, outer) = (next(), next(), next());
        let is_logs = |name: &str| name == "CloudTrail";
        if is_region(name) && is_logs(around) && is_account(outer) {
            return Self::Region { account: outer, region: name };
        }
        if is_account(around) && is_logs(name) {
            return Self::Above;
        }
        if is_account(around) && (outer == "AWSLogs" || is_organization(outer)) {
            return Self::Beside;
        }
        if name == "AWSLogs" || is_organization(name) || is_account(name) {
            Self::Above
        } else {
            Self::Unknown
        }
    }
}

/// The folder of a day, below that of a region.
#[must_use]
pub fn of_day(day: Day) -> String {
    day.date().format("%Y/%m/%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_of_a_folder_is_told_by_those_around_it() {
        let region = Level::Region { account: "123456789012", region: "eu-west-1" };
        for (path, want) in [
            ("s3://b/AWSLogs/123456789012/CloudTrail/eu-west-1", region.clone()),
            ("123456789012/CloudTrail/eu-west-1", region),
            ("s3://b", Level::Unknown),
            ("s3://b/AWSLogs", Level::Above),
            ("s3://b/AWSLogs/o-abcdefghij", Level::Above),
            ("s3://b/AWSLogs/o-abcdefghij/123456789012", Level::Above),
            ("s3://b/AWSLogs/o-abcdefghij/123456789012/CloudTrail", Level::Above),
            ("s3://b/AWSLogs/123456789012/CloudTrail-Digest", Level::Beside),
            ("s3://b/AWSLogs/123456789012/Config", Level::Beside),
            ("s3://b/123456789012/Config", Level::Unknown),
            ("s3://b/AWSLogs/123456789012/CloudTrail/nowhere", Level::Unknown),
        ] {
            assert_eq!(Level::of(path), want, "{path}");
        }
        let day = "s3://b/AWSLogs/123456789012/CloudTrail/eu-west-1/2026/01/31";
        let Level::Dated(dated) = Level::of(day) else { panic!("a day") };
        assert!(day.ends_with(&of_day(dated.first)), "{}", of_day(dated.first));
    }

    #[test]
    fn years_months_and_days_are_known_in_their_place() {
        let logs = "a/AWSLogs/o-abcdefghij/123456789012/CloudTrail/eu-west-1";
        for (path, want) in [
            (format!("{logs}/2026"), Some("2026-01-01 2026-12-31")),
            (format!("{logs}/2024/02"), Some("2024-02-01 2024-02-29")),
            (format!("{logs}/2025/12"), Some("2025-12-01 2025-12-31")),
            (format!("{logs}/2026/01/31"), Some("2026-01-31 2026-01-31")),
            (logs.to_owned(), None),
            (format!("{logs}/2026/13"), None),
            (format!("{logs}/2026/1/31"), None),
            (format!("{logs}/2026/01/31/12"), None),
            ("2026/01/31".to_owned(), None),
            ("123456789012/CloudTrail-Digest/eu-west-1/2026".to_owned(), None),
            ("12345678901/CloudTrail/eu-west-1/2026".to_owned(), None),
            ("123456789012/CloudTrail/europe/2026".to_owned(), None),
        ] {
            let got = DatedFolder::parse(&path).map(|folder| {
                assert_eq!((folder.account, folder.region), ("123456789012", "eu-west-1"));
                format!("{} {}", folder.first.date(), folder.last.date())
            });
            assert_eq!(got.as_deref(), want, "{path}");
        }
    }
}
