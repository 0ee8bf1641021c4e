//! Keys of logs, with their deliveries -> the organization below which an account's logs lay when. Pure.
use std::collections::BTreeMap;

use crate::time::{Day, Minute};

/// Of each account and day of delivery, the organization below which its logs lay; `None` where they lay below none. Where
/// they lay below several on one day, it is the last of those in the order of names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Organizations {
    by_account: BTreeMap<String, BTreeMap<Day, Option<String>>>,
}

impl Organizations {
    /// Takes note of a log's key. What tells no time of delivery is older than all that does.
    pub fn add(&mut self, account: &str, delivered: Option<Minute>, organization: Option<&str>) {
        self.add_day(account, delivered.unwrap_or_default().day(), organization);
    }

    /// The same by the day.
    pub fn add_day(&mut self, account: &str, day: Day, organization: Option<&str>) {
        if !self.by_account.contains_key(account) {
            self.by_account.insert(account.to_owned(), BTreeMap::new());
        }
        let Some(days) = self.by_account.get_mut(account) else { return };
        let known = days.entry(day).or_default();
        if known.as_deref() < organization {
            *known = organization.map(str::to_owned);
        }
    }

    /// Adds what others know.
    pub fn merge(&mut self, others: &Self) {
        for (account, days) in &others.by_account {
            for (day, organization) in days {
                self.add_day(account, *day, organization.as_deref());
            }
        }
    }

    /// The organization of an account at a minute: that of the last day before with a delivery, or else of the first one. The
    /// deliveries of that day are known when the minute has settled, whichever run tells of it.
    #[must_use]
    pub fn of(&self, account: &str, minute: Minute) -> Option<&str> {
        let days = self.by_account.get(account)?;
        let (_, organization) = days.range(..minute.day()).next_back().or_else(|| days.first_key_value())?;
        organization.as_deref()
    }

    /// All accounts, each with the days that matter for minutes from `day` on.
    pub fn since(&self, day: Day) -> impl Iterator<Item = (&str, impl Iterator<Item = (Day, Option<&str>)>)> {
        self.by_account.iter().map(move |(account, days)| {
            let from = days.range(..day).next_back().map_or(day, |(last, _)| *last);
            let days = days.range(from..).map(|(day, organization)| (*day, organization.as_deref()));
            (account.as_str(), days)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "111122223333";

    fn at(time: &str) -> Minute {
        Minute::parse(&format!("2026-01-{time}:00Z")).expect("a time")
    }

    /// What is known after these deliveries.
    fn known(deliveries: &[(&str, Option<&str>)]) -> Organizations {
        let mut known = Organizations::default();
        for (time, organization) in deliveries {
            known.add(ACCOUNT, Some(at(time)), *organization);
        }
        known
    }

    #[test]
    fn an_account_is_where_its_logs_lay_the_day_before() {
        let moves =
            [("10T12:00", None), ("13T09:00", None), ("13T10:00", Some("o-b")), ("20T00:00", Some("o-a"))];
        let known = known(&moves);
        for (time, want) in [
            ("01T00:00", None),
            ("13T23:59", None),
            ("14T00:00", Some("o-b")),
            ("20T23:59", Some("o-b")),
            ("21T00:00", Some("o-a")),
        ] {
            assert_eq!(known.of(ACCOUNT, at(time)), want, "{time}");
        }
        assert_eq!(known.of("444455556666", at("21T00:00")), None);
    }

    #[test]
    fn what_is_handed_on_says_the_same_of_all_that_comes_later() {
        let moves =
            [("10T12:00", Some("o-a")), ("13T09:00", None), ("13T10:00", Some("o-b")), ("15T00:00", None)];
        let whole = known(&moves);
        for cut in 0..moves.len() {
            let day = at(moves[cut].0).day();
            let mut handed_on = Organizations::default();
            for (account, days) in known(&moves[..cut]).since(day) {
                for (day, organization) in days {
                    handed_on.add_day(account, day, organization);
                }
            }
            handed_on.merge(&known(&moves[cut..]));
            for hours in 0..240 {
                let minute = day.start().plus(60 * hours);
                assert_eq!(handed_on.of(ACCOUNT, minute), whole.of(ACCOUNT, minute), "{cut} {minute}");
            }
        }
    }
}
