//! What is true and what was alarmed -> for each anomaly whether it was found, for each alarm whether it was right. Pure.
use std::collections::BTreeMap;

use super::truth::{Excuse, Label, Shows, Watched};
use super::{Alarm, Anomaly, Truth};
use crate::time::Minute;

/// A false alarm has an excuse when it comes this long before it begins, or after it ends, minutes.
const EXCUSED: (i32, i32) = (5, 120);

/// How one set of alarms compares with its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// Every anomaly, in the order of the labels.
    pub outcomes: Vec<Outcome>,
    /// Alarms that belong to nothing, in order of time.
    pub false_alarms: Vec<FalseAlarm>,
    /// Alarms on anomalies that were found already.
    pub repeats: u64,
    /// Alarms that are neither right nor wrong.
    pub ignored: u64,
    /// Alarms on APIs that the labels do not know.
    pub unknown: u64,
    /// Series times days after the warm-up; `None` where the number of series is not known.
    pub series_days: Option<f64>,
    /// The same by family, where there are families.
    pub family_days: BTreeMap<String, f64>,
}

/// An anomaly, and how it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What should have been found.
    pub anomaly: Anomaly,
    /// `None` where it was missed.
    pub hit: Option<Hit>,
}

/// How an anomaly was found. All in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// From its first minute to the first alarm.
    pub delay: i32,
    /// Between its start and the start that the alarm gives.
    pub start_error: i32,
    /// Between its end and the end that the alarm gives; a change of level has no end.
    pub end_error: Option<i32>,
}

/// An alarm that belongs to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FalseAlarm {
    /// The alarm.
    pub alarm: Alarm,
    /// Family of its series, where there are families.
    pub family: Option<String>,
    /// What the labels know about this time that is usual but looks unusual.
    pub cause: Option<String>,
}

/// A kind of anomaly whose end is no end: afterwards the new level is the usual one.
const WITHOUT_END: &str = "level_shift";
/// A family of series without calls: nothing was judged there.
const SILENT: &str = "silent";

/// Compares alarms with the truth. `judged` is the number of series, for labels that do not list them.
#[must_use]
pub fn score(truth: &Truth, alarms: &[Alarm], judged: Option<u64>) -> Score {
    let mut score = Score::new(truth, judged);
    let mut alarms: Vec<&Alarm> = alarms.iter().collect();
    alarms.sort_by_key(|alarm| {
        (alarm.detected_at, alarm.start, alarm.place.account.as_str(), alarm.place.event_name.as_str())
    });
    for alarm in alarms {
        let family = match &truth.watched {
            Watched::All => None,
            Watched::Listed(families) => {
                let Some(family) = families.get(&alarm.place) else {
                    score.unknown += 1;
                    continue;
                };
                Some(family)
            }
        };
        if (truth.judged_from..=truth.end).contains(&alarm.detected_at) {
            score.judge(truth, alarm, family);
        }
    }
    score
}

impl Score {
    fn new(truth: &Truth, judged: Option<u64>) -> Self {
        let outcome = |anomaly: &Anomaly| Outcome { anomaly: anomaly.clone(), hit: None };
        let mut family_days = BTreeMap::new();
        let series_days = match &truth.watched {
            Watched::All => judged.map(|series| series as f64 * truth.days()),
            Watched::Listed(families) => {
                for family in families.values() {
                    *family_days.entry(family.clone()).or_default() += truth.days();
                }
                let judged = families.values().filter(|family| *family != SILENT).count();
                Some(judged as f64 * truth.days())
            }
        };
        Self {
            outcomes: truth.anomalies.iter().map(outcome).collect(),
            false_alarms: Vec::new(),
            repeats: 0,
            ignored: 0,
            unknown: 0,
            series_days,
            family_days,
        }
    }

    fn judge(&mut self, truth: &Truth, alarm: &Alarm, family: Option<&String>) {
        let answered = truth.answered(alarm);
        if answered.is_empty() {
            let excuses = truth.excuses.get(&alarm.place).map(Vec::as_slice).unwrap_or_default();
            self.false_alarms.push(FalseAlarm {
                alarm: alarm.clone(),
                family: family.cloned(),
                cause: excuses
                    .iter()
                    .find(|excuse| excuse.covers(alarm.detected_at))
                    .map(|excuse| excuse.why.clone()),
            });
            return;
        }
        let found = answered.iter().filter_map(|label| Some((*label, label.finds(&alarm.kind)?)));
        // Of several labels the one that began last; of those the first.
        let newest =
            found.reduce(|newest, other| if other.0.start > newest.0.start { other } else { newest });
        match newest {
            Some((label, anomaly)) => self.hit(label, anomaly, alarm),
            None => self.ignored += 1,
        }
    }

    fn hit(&mut self, label: &Label, anomaly: usize, alarm: &Alarm) {
        let Outcome { anomaly, hit } = &mut self.outcomes[anomaly];
        // Alarms come in order of time: the first decides.
        if hit.is_some() {
            self.repeats += u64::from(anomaly.shows == Shows::Once);
            return;
        }
        let ends = anomaly.kind != WITHOUT_END;
        *hit = Some(Hit {
            delay: alarm.detected_at.since(anomaly.start),
            start_error: alarm.start.since(label.start).abs(),
            end_error: ends.then(|| alarm.end.since(label.end).abs()),
        });
    }
}

impl Excuse {
    fn covers(&self, at: Minute) -> bool {
        (self.start.plus(-EXCUSED.0)..=self.end.plus(EXCUSED.1)).contains(&at)
    }
}
