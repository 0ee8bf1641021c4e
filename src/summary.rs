//! What was read and which insights came of it -> `summary.json`, and a text that is read in ten seconds.
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::cloudtrail::insight::State;
use crate::config::Unmatched;
use crate::emit::{Output, SUMMARY_FILE};
use crate::explanation::ModelId;
use crate::insight::Insight;
use crate::time::Minute;

mod alerts;
mod table;
mod text;

pub use alerts::{FeedTold, write as write_alerts};
pub use text::{Colour, Look, write, write_coverage};

/// What became of the input. Every record is in exactly one of `counted`, `duplicates`, `excluded` and `skipped`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// How much was read.
    pub input: Input,
    /// Files that an earlier run with the same state has read.
    #[serde(skip_serializing_if = "is_zero")]
    pub known_files: u64,
    /// Folders of days, months or years that earlier runs have read, and that were not looked into again.
    #[serde(skip_serializing_if = "is_zero")]
    pub known_folders: u64,
    /// Files that were left for the next run, since one that was delivered before them could not be read or listed yet.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_files: u64,
    /// Records that were counted.
    pub counted: u64,
    /// Of those, calls that came after their minute had settled: they are history, but nothing was judged with them.
    #[serde(skip_serializing_if = "is_zero")]
    pub late: u64,
    /// Records of events that were counted before.
    pub duplicates: u64,
    /// Records that count nowhere, by reason.
    pub excluded: BTreeMap<String, u64>,
    /// Files that were not read for calls, by kind, such as digests.
    pub excluded_files: BTreeMap<String, u64>,
    /// What could not be read, in whole or in part.
    pub skipped: Vec<Skipped>,
    /// What was left aside although nothing is wrong with it, such as a file that is not a log.
    pub ignored: Vec<Ignored>,
    /// Series with calls.
    pub series: u64,
    /// First and last minute with calls.
    pub minutes: Option<Minutes>,
    /// From when on each account was judged.
    pub judged_from: Vec<JudgedFrom>,
    /// Accounts with too little history for anything to be judged: that nothing was found there says nothing.
    pub warming_up: Vec<WarmingUp>,
    /// Of a run that went on from a state: how far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub went_on: Option<WentOn>,
    /// `--from`: insights before it were left out.
    #[serde(
        serialize_with = "crate::time::text::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub reported_from: Option<Minute>,
}

/// How far a run went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WentOn {
    /// Minutes before this one had been judged by earlier runs; `None` for the first.
    #[serde(serialize_with = "crate::time::text::optional::serialize")]
    pub judged_from: Option<Minute>,
    /// Minutes before this one are judged now. What is newer has not settled.
    #[serde(serialize_with = "crate::time::text::serialize")]
    pub judged_until: Minute,
    /// Insights that have no end yet, of earlier runs too.
    pub open: u64,
    /// The model of the run before, where that was another, or its sensitivity or overrides were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_before: Option<String>,
    /// Whether all that is kept was judged again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rescored: bool,
}

/// An account, and the minute from which there was enough history to judge it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JudgedFrom {
    /// Which one.
    pub account: String,
    /// That nothing was found before says nothing.
    #[serde(serialize_with = "crate::time::text::serialize")]
    pub from: Minute,
}

/// An account that trailpulse has not watched for long enough.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WarmingUp {
    /// Which one.
    pub account: String,
    /// Days from its first call to its last.
    pub days: f64,
    /// Days that the model wants.
    pub needed: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How much was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Input {
    /// Log files, damaged ones included.
    pub files: u64,
    /// Their JSON, inflated, in bytes; a counts table's bytes as they lie.
    pub bytes: u64,
    /// Every readable record, duplicates and excluded ones included.
    pub records: u64,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its path from the folder that holds all SOURCEs, escaped.
    pub what: String,
    /// Why.
    pub why: String,
    /// Records that were lost, as far as that is known.
    pub records: u64,
}

/// Something that was left aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// Its path from the folder that holds all SOURCEs, escaped.
    pub what: String,
    /// Why.
    pub why: String,
}

/// First and last minute, both with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Minutes {
    /// The first.
    #[serde(serialize_with = "crate::time::text::serialize")]
    pub from: Minute,
    /// The last.
    #[serde(serialize_with = "crate::time::text::serialize")]
    pub to: Minute,
}

/// `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Version of the program.
    pub version: &'static str,
    /// Parameters of the detector.
    pub model: ModelId,
    /// How much was read, and what became of it.
    #[serde(flatten)]
    pub coverage: Coverage,
    /// Insights that this run tells of first and that are not muted, each counted once, whether it has ended or not.
    pub insights: u64,
    /// The same by type.
    pub insights_by_type: BTreeMap<&'static str, u64>,
    /// The same by severity.
    pub insights_by_severity: BTreeMap<&'static str, u64>,
    /// Those without an end yet.
    pub insights_open: u64,
    /// Insights that an earlier run told of and that have ended now; in none of the numbers above.
    #[serde(skip_serializing_if = "is_zero")]
    pub insights_ended: u64,
    /// Of `insights`, those of sums; absent where no sums were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insights_rolled_up: Option<u64>,
    /// Those of sums that only say what other insights say already, and that no rule mutes; in none of the numbers above,
    /// and absent where no sums were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insights_told_twice: Option<u64>,
    /// Those that a rule of the user's mutes; in none of the numbers above.
    pub insights_muted: u64,
    /// Records in the Insight tree, Starts and Ends.
    pub insight_records: u64,
    /// Rules of the user's that could hold in this time, and match nothing that was counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules_without_match: Vec<Unmatched>,
    /// What became of alerts, by feed; absent where nobody is alerted.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub alerts: BTreeMap<String, FeedTold>,
}

impl Summary {
    /// Sums up a run of program `version`.
    #[must_use]
    pub fn new(version: &'static str, model: ModelId, coverage: Coverage, insights: &[Insight]) -> Self {
        let (latest, silent): (Vec<&Insight>, Vec<&Insight>) =
            latest(insights).into_iter().partition(|insight| insight.alerts());
        let muted = silent.iter().filter(|insight| insight.explanation.muted_by.is_some()).count() as u64;
        let begun: BTreeSet<_> = insights
            .iter()
            .filter(|insight| insight.state == State::Start)
            .map(|insight| (insight.start, &insight.series))
            .collect();
        let (latest, ended): (Vec<&Insight>, Vec<&Insight>) =
            latest.into_iter().partition(|insight| begun.contains(&(insight.start, &insight.series)));
        let mut by_type = BTreeMap::new();
        let mut by_severity = BTreeMap::new();
        for insight in &latest {
            *by_type.entry(insight.series.kind.insight_type()).or_default() += 1;
            *by_severity.entry(insight.explanation.severity.name()).or_default() += 1;
        }
        Self {
            version,
            model,
            coverage,
            insights: latest.len() as u64,
            insights_by_type: by_type,
            insights_by_severity: by_severity,
            insights_open: latest.iter().filter(|insight| insight.state == State::Start).count() as u64,
            insights_ended: ended.len() as u64,
            insights_rolled_up: None,
            insights_muted: muted,
            insights_told_twice: None,
            insight_records: insights.iter().filter(|insight| insight.is_in_tree()).count() as u64,
            rules_without_match: Vec::new(),
            alerts: BTreeMap::new(),
        }
    }

    /// Says how many of `insights` are of sums, since sums were asked for.
    #[must_use]
    pub fn with_roll_ups(mut self, insights: &[Insight]) -> Self {
        let of_sums: Vec<&Insight> = latest(insights)
            .into_iter()
            .filter(|insight| insight.explanation.roll_up.is_some() && insight.explanation.muted_by.is_none())
            .collect();
        let told_twice = of_sums.iter().filter(|insight| !insight.alerts()).count() as u64;
        self.insights_rolled_up = Some(of_sums.len() as u64 - told_twice);
        self.insights_told_twice = Some(told_twice);
        self
    }

    /// As the file that is published last.
    #[must_use]
    pub fn output(&self) -> Output {
        let mut bytes = serde_json::to_vec_pretty(self).expect("texts and numbers can be written as JSON");
        bytes.push(b'\n');
        Output { path: SUMMARY_FILE.into(), bytes }
    }
}

/// Each insight once, with the last that is known of it: its End, or else its Start. In order of start.
fn latest(insights: &[Insight]) -> Vec<&Insight> {
    let mut latest = BTreeMap::<_, &Insight>::new();
    for insight in insights {
        let known = latest.entry((insight.start, &insight.series)).or_insert(insight);
        if insight.state > known.state {
            *known = insight;
        }
    }
    latest.into_values().collect()
}

#[cfg(test)]
mod tests;
