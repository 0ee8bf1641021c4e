//! Scores of one or several sets -> the figures that are reported. Pure.
use std::collections::BTreeSet;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Outcome, Score, Type};

/// The figures of one set, or of several pooled: numbers are summed, medians and quantiles averaged over the sets.
/// What cannot be said, for want of anything to measure, is `None`. Names in JSON are those of the benchmark's scorer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Anomalies.
    pub required: u64,
    /// Those that were found.
    #[serde(rename = "tp")]
    pub found: u64,
    /// Alarms that belong to nothing.
    #[serde(rename = "fp")]
    pub false_alarms: u64,
    /// Alarms on anomalies that were found already.
    #[serde(rename = "dups")]
    pub repeats: u64,
    /// Alarms that are neither right nor wrong.
    pub ignored: u64,
    /// Alarms on APIs that the labels do not know.
    #[serde(rename = "unknown_series_rows")]
    pub unknown: u64,
    /// Found anomalies as a share of these and the false alarms; 0 where there are neither.
    pub precision: f64,
    /// Found anomalies as a share of all; 0 where there are none.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Precision where a repeated alarm counts as a false one.
    pub precision_strict: f64,
    /// False alarms by 1,000 series-days.
    pub fa_per_1000_series_days: Option<f64>,
    /// The same, of call rates.
    pub fa_rate: Option<f64>,
    /// The same, of error rates.
    pub fa_error: Option<f64>,
    /// Minutes from an anomaly's first minute to its alarm: the median.
    pub delay_median: Option<f64>,
    /// The same: within so many minutes, nine of ten found anomalies are told.
    pub delay_p90: Option<f64>,
    /// Minutes between true and told start, median.
    #[serde(rename = "start_err_median")]
    pub start_error: Option<f64>,
    /// Minutes between true and told end, median.
    #[serde(rename = "end_err_median")]
    pub end_error: Option<f64>,
    /// Series times days that were judged.
    pub series_days: Option<f64>,
    /// By kind of anomaly.
    pub by_kind: Rows<Kind>,
    /// By family of series, for anomalies that show in one series.
    pub by_family: Rows<Family>,
    /// False alarms by cause, most frequent first.
    #[serde(rename = "fp_cause")]
    pub causes: Rows<u64>,
}

/// Figures of one kind of anomaly.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kind {
    /// Anomalies.
    pub required: u64,
    /// The share that was found.
    pub recall: f64,
    /// As [`Figures::delay_median`].
    pub delay_median: Option<f64>,
}

/// Figures of one family of series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Family {
    /// Anomalies.
    pub required: u64,
    /// The share that was found; `None` where there are none.
    pub recall: Option<f64>,
    /// False alarms.
    #[serde(rename = "fp")]
    pub false_alarms: u64,
    /// As [`Figures::fa_per_1000_series_days`].
    pub fa_per_1000_series_days: Option<f64>,
}

/// Named rows in a fixed order; an object in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows<T>(pub Vec<(String, T)>);

impl<T: Serialize> Serialize for Rows<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, row) in &self.0 {
            map.serialize_entry(name, row)?;
        }
        map.end()
    }
}

impl Figures {
    /// The figures of these sets together.
    #[must_use]
    pub fn of(scores: &[Score]) -> Self {
        let sum = |count: fn(&Score) -> usize| scores.iter().map(|score| count(score) as u64).sum::<u64>();
        let required = sum(|score| score.outcomes.len());
        let found = sum(|score| score.outcomes.iter().filter(|outcome| outcome.hit.is_some()).count());
        let false_alarms = sum(|score| score.false_alarms.len());
        let repeats = sum(|score| score.repeats as usize);
        let series_days = scores.iter().map(|score| score.series_days).sum();
        let rate = sum(|score| score.false_alarms.iter().filter(|one| one.alarm.kind == Type::Rate).count());
        let (precision, recall) = (share(found, found + false_alarms), share(found, required));
        let hits =
            |score: &Score| score.outcomes.iter().filter_map(|outcome| outcome.hit).collect::<Vec<_>>();
        let over = |measure: &dyn Fn(&Score) -> Option<f64>| mean(scores.iter().filter_map(measure));
        Self {
            required,
            found,
            false_alarms,
            repeats,
            ignored: sum(|score| score.ignored as usize),
            unknown: sum(|score| score.unknown as usize),
            precision,
            recall,
            f1: 2.0 * precision * recall / (precision + recall).max(1e-12),
            precision_strict: share(found, found + false_alarms + repeats),
            fa_per_1000_series_days: by_thousand(false_alarms, series_days),
            fa_rate: by_thousand(rate, series_days),
            fa_error: by_thousand(false_alarms - rate, series_days),
            delay_median: over(&|score| quantile(hits(score).iter().map(|hit| hit.delay), 5)),
            delay_p90: over(&|score| quantile(hits(score).iter().map(|hit| hit.delay), 9)),
            start_error: over(&|score| quantile(hits(score).iter().map(|hit| hit.start_error), 5)),
            end_error: over(&|score| quantile(hits(score).iter().filter_map(|hit| hit.end_error), 5)),
            series_days,
            by_kind: by_kind(scores),
            by_family: by_family(scores),
            causes: causes(scores),
        }
    }
}

/// Kinds in the order of their names, but spikes by their size.
fn by_kind(scores: &[Score]) -> Rows<Kind> {
    let outcomes = || scores.iter().flat_map(|score| &score.outcomes);
    let kinds: BTreeSet<&str> = outcomes().map(|outcome| outcome.anomaly.kind.as_str()).collect();
    let mut rows = Vec::new();
    for kind in kinds {
        let (required, found) = tally(outcomes().filter(|outcome| outcome.anomaly.kind == kind));
        let delays = |score: &Score| {
            let of_kind = score.outcomes.iter().filter(|outcome| outcome.anomaly.kind == kind);
            quantile(of_kind.filter_map(|outcome| Some(outcome.hit?.delay)), 5)
        };
        let delay_median = mean(scores.iter().filter_map(delays));
        rows.push((kind.to_owned(), Kind { required, recall: share(found, required), delay_median }));
    }
    Rows(rows)
}

fn by_family(scores: &[Score]) -> Rows<Family> {
    let families: BTreeSet<&str> =
        scores.iter().flat_map(|score| score.family_days.keys()).map(String::as_str).collect();
    let mut rows = Vec::new();
    for family in families {
        let of_family = |of: Option<&String>| of.is_some_and(|of| of == family);
        let (required, found) = tally(
            scores
                .iter()
                .flat_map(|score| &score.outcomes)
                .filter(|outcome| of_family(outcome.anomaly.family.as_ref())),
        );
        let false_alarms = scores.iter().flat_map(|score| &score.false_alarms);
        let false_alarms = false_alarms.filter(|alarm| of_family(alarm.family.as_ref())).count() as u64;
        let days: f64 = scores.iter().filter_map(|score| score.family_days.get(family)).sum();
        let row = Family {
            required,
            recall: (required > 0).then(|| share(found, required)),
            false_alarms,
            fa_per_1000_series_days: by_thousand(false_alarms, Some(days)),
        };
        rows.push((family.to_owned(), row));
    }
    Rows(rows)
}

/// False alarms without an excuse are told by the family of their series.
fn causes(scores: &[Score]) -> Rows<u64> {
    let mut rows: Vec<(String, u64)> = Vec::new();
    for alarm in scores.iter().flat_map(|score| &score.false_alarms) {
        let cause = match (&alarm.cause, &alarm.family) {
            (Some(cause), _) => cause.clone(),
            (None, Some(family)) => format!("none({family})"),
            (None, None) => "none".to_owned(),
        };
        match rows.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, number)) => *number += 1,
            None => rows.push((cause, 1)),
        }
    }
    rows.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    Rows(rows)
}

/// How many there are, and how many of them were found.
fn tally<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> (u64, u64) {
    outcomes.fold((0, 0), |(all, found), outcome| (all + 1, found + u64::from(outcome.hit.is_some())))
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn by_thousand(false_alarms: u64, series_days: Option<f64>) -> Option<f64> {
    series_days.filter(|days| *days > 0.0).map(|days| 1000.0 * false_alarms as f64 / days)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, number) = values.fold((0.0, 0_u32), |(sum, number), value| (sum + value, number + 1));
    (number > 0).then(|| sum / f64::from(number))
}

/// The quantile of so many tenths by linear interpolation between the two values around it (type 7 of Hyndman and Fan,
/// as in numpy).
fn quantile(values: impl Iterator<Item = i32>, tenths: usize) -> Option<f64> {
    let mut values: Vec<i32> = values.collect();
    values.sort_unstable();
    let at = tenths * values.len().checked_sub(1)?;
    let (low, rest) = (at / 10, at % 10);
    let (low, high) = (values[low], values[low + usize::from(rest > 0)]);
    Some(f64::from(low) + f64::from(high - low) * (rest as f64 / 10.0))
}
