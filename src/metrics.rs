//! A run's summary and how long its stages took -> metrics in Prometheus' text format, for a node exporter's text files.
//!
//! All are gauges of the last run that published: a batch has no process that could be scraped. After a failed run the file
//! stays as it was, so an alert on the age of `trailpulse_last_success_timestamp_seconds` hears of it.
use std::collections::BTreeMap;

use prometheus::{Encoder, Gauge, GaugeVec, Opts, Registry, TextEncoder};

use crate::severity::Severity;
use crate::summary::{Coverage, FeedTold, Summary};
use crate::time::Minute;

/// Wall-clock seconds that each stage took, by its name.
pub type Stages = BTreeMap<&'static str, f64>;

/// The text of a run that `ended` so many seconds after 1970-01-01 UTC; each metric with its help.
#[must_use]
pub fn text(summary: &Summary, ended: f64, stages: &Stages) -> Vec<u8> {
    let metrics = Metrics(Registry::new());
    let covered = &summary.coverage;
    metrics.one("last_success_timestamp_seconds", "When a run last published, as Unix time.", ended);
    let stages = stages.iter().map(|(stage, seconds)| (*stage, *seconds));
    metrics.many("stage_duration_seconds", "How long each stage of the last run took.", "stage", stages);
    metrics.one("read_files", "Log files and counts tables that were read.", covered.input.files as f64);
    metrics.one("read_bytes", "Their size, inflated.", covered.input.bytes as f64);
    metrics.one("read_records", "Readable records in them.", covered.input.records as f64);
    metrics.one("counted_calls", "Records that count.", covered.counted as f64);
    metrics.one(
        "duplicate_records",
        "Records of events that were counted before.",
        covered.duplicates as f64,
    );
    metrics.one("late_calls", "Calls that came after their minute had settled.", covered.late as f64);
    metrics.one("known_files", "Files that an earlier run had read.", covered.known_files as f64);
    let excluded = covered.excluded.iter().map(|(reason, records)| (reason.as_str(), *records as f64));
    metrics.many("excluded_records", "Records that count nowhere.", "reason", excluded);
    let skipped = &covered.skipped;
    metrics.one("skipped", "What could not be read, in whole or in part.", skipped.len() as f64);
    let lost: u64 = skipped.iter().map(|row| row.records).sum();
    metrics.one("skipped_records", "Records that were lost by it, as far as that is known.", lost as f64);
    metrics.one("series", "Series with calls.", covered.series as f64);
    metrics.one(
        "accounts_warming_up",
        "Accounts with too little history to be judged.",
        covered.warming_up.len() as f64,
    );
    went_on(&metrics, covered, ended);
    // Those without insights too: what is not there cannot be alerted on.
    let severities = Severity::ALL.iter().map(|severity| {
        let found = summary.insights_by_severity.get(severity.name()).copied().unwrap_or_default();
        (severity.name(), found as f64)
    });
    metrics.many("insights", "New insights that no rule mutes.", "severity", severities);
    metrics.one("insights_open", "Those without an end yet.", summary.insights_open as f64);
    metrics.one(
        "insights_ended",
        "Insights of earlier runs that have ended now.",
        summary.insights_ended as f64,
    );
    metrics.one("insights_muted", "Insights that a rule mutes.", summary.insights_muted as f64);
    alerts(&metrics, summary);
    metrics.text()
}

/// How far a run went on, and by which model.
fn went_on(metrics: &Metrics, covered: &Coverage, ended: f64) {
    // A night that reads nothing new knows no better than until when earlier ones have judged.
    let judged_until = covered.went_on.as_ref().map(|went_on| went_on.judged_until);
    let judged_until = judged_until.filter(|until| *until > Minute::default());
    if let Some(newest) = covered.minutes.map(|minutes| minutes.to.plus(1)).max(judged_until) {
        let lag = ended - seconds(newest);
        metrics.one(
            "newest_record_age_seconds",
            "From the end of the last counted minute to the end of the run.",
            lag,
        );
    }
    if let Some(until) = judged_until {
        let until = seconds(until);
        metrics.one("judged_until_timestamp_seconds", "Minutes before this Unix time are judged.", until);
    }
    let changed = covered.went_on.as_ref().is_some_and(|went_on| went_on.model_before.is_some());
    metrics.one(
        "model_changed",
        "Whether the run before judged with another model, sensitivity or overrides.",
        f64::from(u8::from(changed)),
    );
}

/// What became of alerts, in events; nothing where nobody is alerted.
fn alerts(metrics: &Metrics, summary: &Summary) {
    type Number = fn(&FeedTold) -> u64;
    let numbers: [(&str, &str, Number); 5] = [
        ("alerts_delivered", "Events that the feed has taken from the last run.", |told| told.delivered),
        ("alerts_pending", "Events that later runs will send.", |told| told.pending),
        ("alerts_rejected", "Events that the feed will never take.", |told| told.rejected),
        ("alerts_given_up", "Events that could not be delivered for too long.", |told| told.given_up),
        ("alerts_held_back", "Events above the feed's cap.", |told| told.held_back),
    ];
    for (name, help, number) in numbers.into_iter().filter(|_| !summary.alerts.is_empty()) {
        let values = summary.alerts.iter().map(|(feed, told)| (feed.as_str(), number(told) as f64));
        metrics.many(name, help, "feed", values);
    }
}

fn seconds(minute: Minute) -> f64 {
    f64::from(minute.epoch()) * 60.0
}

struct Metrics(Registry);

impl Metrics {
    fn one(&self, name: &str, help: &str, value: f64) {
        let gauge = Gauge::with_opts(options(name, help)).expect("names are sound");
        gauge.set(value);
        self.0.register(Box::new(gauge)).expect("each name is used once");
    }

    fn many<'a>(&self, name: &str, help: &str, label: &str, values: impl Iterator<Item = (&'a str, f64)>) {
        let gauges = GaugeVec::new(options(name, help), &[label]).expect("names are sound");
        for (key, value) in values {
            gauges.with_label_values(&[key]).set(value);
        }
        self.0.register(Box::new(gauges)).expect("each name is used once");
    }

    fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.0.gather(), &mut text).expect("memory can be written to");
        text
    }
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("trailpulse")
}
