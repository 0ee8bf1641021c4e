//! Series as a test thinks of them -> a counts table that `scan` and `explain` read.
use std::fmt::Write;

/// 2026-01-05T00:00Z, a Monday.
const MONDAY: i64 = 1_767_571_200 / 60;

/// A counts table with callers.
pub(crate) struct Table(String);

/// Whose calls.
#[derive(Clone, Copy)]
pub(crate) struct Series<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) source: &'a str,
    pub(crate) name: &'a str,
    pub(crate) caller: &'a str,
    pub(crate) agent: &'a str,
    pub(crate) error: &'a str,
}

/// `ec2` `RunInstances` of a deployer in one account.
pub(crate) const RUN: Series<'_> = Series {
    account: "111122223333",
    region: "eu-west-1",
    source: "ec2.amazonaws.com",
    name: "RunInstances",
    caller: "arn:aws:sts::111122223333:assumed-role/deployer/i-0abc",
    agent: "terraform/1.9",
    error: "",
};

/// Minutes after the first Monday, as a time.
pub(crate) fn at(minutes: i64) -> String {
    let (days, of_day) = ((minutes).div_euclid(1440), minutes.rem_euclid(1440));
    let date = chrono::NaiveDate::from_ymd_opt(2026, 1, 5).expect("a date") + chrono::TimeDelta::days(days);
    assert_eq!(MONDAY % 1440, 0);
    format!("{date}T{:02}:{:02}:00Z", of_day / 60, of_day % 60)
}

impl Table {
    pub(crate) fn new() -> Self {
        Self(
            "minute,account,region,event_source,event_name,category,read_only,error_code,calls,user_identity_arn,user_agent\n"
                .to_owned(),
        )
    }

    /// `calls` in one minute, that change something.
    pub(crate) fn put(&mut self, series: Series<'_>, minute: i64, calls: u32) -> &mut Self {
        self.row(series, minute, (calls, false))
    }

    /// `calls` in one minute that only read.
    pub(crate) fn read(&mut self, series: Series<'_>, minute: i64, calls: u32) -> &mut Self {
        self.row(series, minute, (calls, true))
    }

    fn row(&mut self, series: Series<'_>, minute: i64, (calls, read_only): (u32, bool)) -> &mut Self {
        let Series { account, region, source, name, caller, agent, error } = series;
        let minute = at(minute);
        writeln!(
            self.0,
            "{minute},{account},{region},{source},{name},Management,{read_only},{error},{calls},{caller},{agent}"
        )
        .expect("memory");
        self
    }

    /// `calls` every ten minutes for `days` days.
    pub(crate) fn steady(&mut self, series: Series<'_>, days: i64, calls: u32) -> &mut Self {
        for minute in (0..days * 1440).step_by(10) {
            self.put(series, minute, calls);
        }
        self
    }

    /// `calls` in each of `length` minutes.
    pub(crate) fn burst(&mut self, series: Series<'_>, from: i64, length: i64, calls: u32) -> &mut Self {
        for minute in from..from + length {
            self.put(series, minute, calls);
        }
        self
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}
