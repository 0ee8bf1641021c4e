//! What labels say, whatever their format: anomalies, where they can be seen, and what may look like one. Pure.
use std::collections::BTreeMap;

use super::{Alarm, Type};
use crate::time::{MINUTES_PER_DAY, Minute};

/// An alarm that began within a label may be detected so many minutes after its end.
const LATE: i32 = 240;

/// All that labels say.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// End of the warm-up: earlier alarms do not count.
    pub(super) judged_from: Minute,
    /// End of the data.
    pub(super) end: Minute,
    /// What should be found, in the order of the labels; what shows in several series after the rest.
    pub(super) anomalies: Vec<Anomaly>,
    /// The labels of each API, in their order.
    pub(super) labels: BTreeMap<Place, Vec<Label>>,
    /// Why a false alarm may have come about.
    pub(super) excuses: BTreeMap<Place, Vec<Excuse>>,
    /// Which APIs there are.
    pub(super) watched: Watched,
}

/// The APIs that were judged.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Watched {
    /// These, with their families; alarms on others are set apart.
    Listed(BTreeMap<Place, String>),
    /// Whatever has calls.
    All,
}

/// An API as labels name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// 12 digits.
    pub account: String,
    /// Such as `eu-west-1`.
    pub region: String,
    /// Such as `ec2.amazonaws.com`.
    pub event_source: String,
    /// Such as `RunInstances`.
    pub event_name: String,
}

/// Something that should be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    /// As the labels call it.
    pub id: String,
    /// What it is, such as `ramp`.
    pub kind: String,
    /// Family of its series, where it has only one.
    pub family: Option<String>,
    /// Its first minute, in any series.
    pub start: Minute,
    /// In how many series it can be seen.
    pub(super) shows: Shows,
}

/// In how many series an anomaly can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// In one: a second alarm is a repetition.
    Once,
    /// In several: each may raise an alarm.
    InSeveral,
}

/// A stretch of one API's minutes in which an alarm is no false alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    /// First minute.
    pub(super) start: Minute,
    /// First minute after it.
    pub(super) end: Minute,
    /// Which alarms are right.
    pub(super) asks: Asks,
}

/// Which alarms a label makes right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asks {
    /// Those of this type (any where `None`), which find the anomaly of this index.
    For(Option<Wanted>, usize),
    /// None, but none is wrong either.
    Nothing,
}

/// The type of alarm that finds an anomaly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Of a call rate.
    Rate,
    /// Of an error rate, whatever the code.
    Error,
    /// Of the rate of this error code.
    Code(String),
}

/// A stretch of minutes in which something usual looks unusual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Excuse {
    pub(super) start: Minute,
    pub(super) end: Minute,
    pub(super) why: String,
}

impl Truth {
    /// Days in which alarms count.
    pub(super) fn days(&self) -> f64 {
        f64::from(self.end.since(self.judged_from)) / f64::from(MINUTES_PER_DAY)
    }

    /// The labels that an alarm answers.
    pub(super) fn answered(&self, alarm: &Alarm) -> Vec<&Label> {
        let labels = self.labels.get(&alarm.place).map(Vec::as_slice).unwrap_or_default();
        let at = alarm.detected_at;
        let within = |label: &&Label| (label.start..label.end.plus(label.grace())).contains(&at);
        let answered: Vec<&Label> = labels.iter().filter(within).collect();
        if !answered.is_empty() {
            return answered;
        }
        let late =
            |label: &&Label| (label.start..label.end).contains(&alarm.start) && at.since(label.end) <= LATE;
        labels.iter().filter(late).collect()
    }
}

impl Label {
    /// Minutes after its end in which an alarm still answers it: a window has to fill.
    fn grace(&self) -> i32 {
        self.end.since(self.start).clamp(30, 120)
    }

    /// The anomaly that an alarm of this type finds here.
    pub(super) fn finds(&self, kind: &Type) -> Option<usize> {
        match &self.asks {
            Asks::For(wanted, anomaly) => {
                wanted.as_ref().is_none_or(|wanted| wanted.is(kind)).then_some(*anomaly)
            }
            Asks::Nothing => None,
        }
    }
}

impl Wanted {
    fn is(&self, kind: &Type) -> bool {
        match (self, kind) {
            (Self::Rate, Type::Rate) | (Self::Error, Type::Error { .. }) => true,
            (Self::Code(wanted), Type::Error { code }) => wanted == code,
            _ => false,
        }
    }
}
