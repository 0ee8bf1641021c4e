//! What was planted and what was written -> `labels.json`. Pure.
use serde::Serialize;

use super::Options;
use super::PlantedIncident;
use super::calendar::FIRST_DAY;
use super::incidents::calm_days;
use super::organization::Organization;
use super::plots::{PLOTS, Plot};
use crate::time::Minute;

/// Value of `format` in every file of labels.
pub(super) const FORMAT: &str = "trailpulse-labels/1";

/// The truth about a generated tree.
#[derive(Debug, Serialize)]
pub(super) struct Labels<'a> {
    format: &'static str,
    seed: u64,
    days: u32,
    start: String,
    end: String,
    organization: &'a str,
    accounts: Vec<AccountLabel<'a>>,
    /// Incidents that did not fit into the span, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    incidents: &'a [Incident],
    /// `None` until the last file is written.
    totals: Option<Totals>,
}

#[derive(Debug, Serialize)]
struct AccountLabel<'a> {
    id: &'a str,
    name: &'a str,
}

/// Something that went wrong, with every series in which it can be seen.
#[derive(Debug, Serialize)]
pub(super) struct Incident {
    id: String,
    kind: &'static str,
    text: &'static str,
    /// ARN of who did it.
    identity: String,
    /// The first member's series, with the time and the calls of the whole incident: made (or, for a silence, kept
    /// from being made), those in no member series included.
    #[serde(flatten)]
    lead: Member,
    members: Vec<Member>,
}

/// One series that leaves its usual range.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Member {
    #[serde(flatten)]
    series: Series,
    direction: Direction,
    #[serde(serialize_with = "crate::time::text::serialize")]
    start: Minute,
    /// First minute after it.
    #[serde(serialize_with = "crate::time::text::serialize")]
    end: Minute,
    /// Calls of the incident that count in this series.
    calls: u64,
}

/// What a member counts.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Series {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) event_source: String,
    pub(super) event_name: &'static str,
    pub(super) category: &'static str,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    pub(super) error_code: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Rate,
    Error,
}

/// Which way a series leaves its usual range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    Up,
    Down,
}

/// What the tree holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Log files, digests not counted.
    pub files: u64,
    /// Digest files.
    pub digests: u64,
    /// Distinct records, service events included.
    pub records: u64,
    /// Records that are delivered a second time.
    pub duplicates: u64,
    /// Records that are not calls (`AwsServiceEvent`).
    pub service_events: u64,
    /// Log files before compression, bytes.
    pub bytes_json: u64,
    /// Mean size of a record as compact JSON, bytes.
    pub mean_record_bytes: u64,
}

impl Incident {
    /// An incident of `calls` in all; `None` where it shows in no series.
    pub(super) fn new(
        id: String,
        plot: &Plot,
        identity: String,
        calls: u64,
        members: Vec<Member>,
    ) -> Option<Self> {
        let mut lead = members.first()?.clone();
        for member in &members {
            (lead.start, lead.end) = (lead.start.min(member.start), lead.end.max(member.end));
        }
        lead.calls = calls;
        Some(Self { id, kind: plot.kind, text: plot.text, identity, lead, members })
    }

    /// What people are told of it.
    pub(super) fn planted(&self) -> PlantedIncident {
        PlantedIncident { kind: self.kind, text: self.text, start: self.lead.start, end: self.lead.end }
    }
}

impl Member {
    pub(super) fn new(
        series: Series,
        direction: Direction,
        (start, end): (Minute, Minute),
        calls: usize,
    ) -> Self {
        Self { series, direction, start, end, calls: calls as u64 }
    }
}

impl<'a> Labels<'a> {
    /// The labels of a tree.
    pub(super) fn new(
        options: &Options,
        organization: &'a Organization,
        incidents: &'a [Incident],
        totals: Option<Totals>,
    ) -> Self {
        let accounts = &organization.accounts;
        Self {
            format: FORMAT,
            seed: options.seed,
            days: options.days,
            start: FIRST_DAY.start().to_string(),
            end: FIRST_DAY.plus(options.days.cast_signed()).start().to_string(),
            organization: &organization.id,
            accounts: accounts
                .iter()
                .map(|account| AccountLabel { id: &account.id, name: &account.name })
                .collect(),
            note: note(options.days, incidents.len()),
            incidents,
            totals,
        }
    }

    /// As JSON, indented, with a line break at the end.
    pub(super) fn json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("labels have string keys and finite numbers");
        text.push(b'\n');
        text
    }
}

fn note(days: u32, planted: usize) -> Option<String> {
    (planted < PLOTS.len()).then(|| {
        format!(
            "{planted} of the {} kinds of incident fit into {days} days, of which the first {} stay calm",
            PLOTS.len(),
            calm_days(days)
        )
    })
}
