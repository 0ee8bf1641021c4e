//! What a scan found, and what earlier ones had -> the report of the run, as files.
use std::collections::BTreeMap;

use super::scan::{Named, Scanned};
use crate::emit::{KEPT_FILE, Output, PAGE_FILE};
use crate::explanation::ModelId;
use crate::finding::{Event, Finding, findings};
use crate::report::html::html;
use crate::report::kept::Kept;
use crate::report::model::{Covered, Ignored, JudgedBy, JudgedFrom, Skipped, Span, WarmingUp};
use crate::report::{FORMAT, Made, Report, noticed, report};
use crate::summary::{Coverage, WentOn};
use crate::time::{MINUTES_PER_DAY, Minute};

/// Days of earlier insights that a report of a run with a state shows.
const DAYS: i32 = 35;

/// What earlier runs have published.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// `insights.jsonl`.
    pub lines: Vec<u8>,
    /// [`KEPT_FILE`].
    pub kept: Option<Vec<u8>>,
}

/// The files of a run's report. What cannot be read of what was before is passed over: the run itself is not the worse for it.
#[must_use]
pub fn outputs(scanned: &Scanned, before: &Before) -> Vec<Output> {
    let (report, kept) = of_run(scanned, before);
    vec![
        Output { path: PAGE_FILE.into(), bytes: html(&report) },
        Output { path: KEPT_FILE.into(), bytes: kept.write() },
    ]
}

/// The report of a run, and what is kept of it. Of a run that went on from a state it is about what that run judged; insights
/// of the 35 days before are there for comparison.
fn of_run(scanned: &Scanned, before: &Before) -> (Report, Kept) {
    let Scanned { insights, graphs, named, summary, .. } = scanned;
    let mut coverage = covered(&summary.coverage, named);
    let mut events: Vec<Event> = insights.iter().map(Event::from).collect();
    let judged_from = coverage.judged_from.iter().map(|it| it.from).min();
    let (mut span, mut known_from) = (coverage.calls, judged_from);
    let mut graphs = graphs.clone();
    if let Some(WentOn { judged_from: from, judged_until, .. }) = summary.coverage.went_on {
        // What cannot be read is passed over: the run itself is not the worse for it.
        let kept = before.kept.as_deref().and_then(|kept| Kept::read(kept).ok());
        known_from = kept.as_ref().map_or(from.or(judged_from), |kept| kept.known_from);
        let first = from.or(coverage.calls.map(|calls| calls.from)).unwrap_or(judged_until);
        span = (first < judged_until).then_some(Span { from: first, to: judged_until });
        if let (None, Some(kept)) = (span, &kept) {
            // Nothing was judged: the report stays that of the last run that did.
            (span, coverage) = (kept.span, kept.coverage.clone());
        }
        let lines = before.lines.split(|byte| *byte == b'\n').filter_map(|line| Event::of_line(line).ok());
        // What is told now counts, wherever it was told before, too.
        events = lines.chain(events).collect();
        let since = judged_until.plus(-DAYS * MINUTES_PER_DAY);
        let drawn = kept.into_iter().flat_map(|kept| kept.graphs).filter(|graph| graph.to > since);
        graphs = drawn.chain(graphs).collect();
    }
    let mut findings = findings(events);
    if let (Some(span), Some(_)) = (span, &summary.coverage.went_on) {
        leave(&mut findings, span, shown_from(span));
    }
    let made = Made {
        findings,
        span,
        known_from,
        coverage: Some(coverage.clone()),
        graphs,
        model: Some(judged_by(&summary.model)),
        ..Made::default()
    };
    let report = report(made);
    let kept = Kept {
        format: FORMAT,
        span,
        known_from,
        coverage,
        model: judged_by(&summary.model),
        graphs: report.graphs.clone(),
    };
    (report, kept)
}

/// Leaves the findings that a report of `span` shows: from `since` on, and none that was noticed after it.
pub(super) fn leave(findings: &mut Vec<Finding>, span: Span, since: Minute) {
    findings.retain(|finding| finding.known_until() > since && noticed(finding) < span.to);
}

/// From when on a report of `span` shows what came before it, for comparison: as much time, or some weeks.
pub(super) fn shown_from(span: Span) -> Minute {
    let as_much = span.from.plus(-span.to.since(span.from));
    as_much.min(span.to.plus(-DAYS * MINUTES_PER_DAY))
}

pub(super) fn judged_by(model: &ModelId) -> JudgedBy {
    let ModelId { name, digest, sensitivity } = model;
    JudgedBy { name: name.to_string(), digest: digest.to_string(), sensitivity: *sensitivity }
}

pub(super) fn covered(coverage: &Coverage, named: &Named) -> Covered {
    let Coverage { input, counted, late, duplicates, excluded, excluded_files, series, .. } = coverage;
    let filled = |map: &BTreeMap<String, u64>| map.clone();
    Covered {
        accounts: named.accounts.iter().cloned().collect(),
        regions: named.regions.iter().cloned().collect(),
        files: Some(input.files),
        records: Some(input.records),
        counted: Some(*counted),
        late: Some(*late),
        duplicates: Some(*duplicates),
        excluded: filled(excluded),
        excluded_files: filled(excluded_files),
        series: *series,
        calls: coverage.minutes.map(|minutes| Span { from: minutes.from, to: minutes.to.plus(1) }),
        judged_from: (coverage.judged_from.iter())
            .map(|it| JudgedFrom { account: it.account.clone(), from: it.from })
            .collect(),
        warming_up: (coverage.warming_up.iter())
            .map(|it| WarmingUp { account: it.account.clone(), days: it.days, needed: it.needed })
            .collect(),
        skipped: (coverage.skipped.iter())
            .map(|it| Skipped { what: it.what.clone(), why: it.why.clone(), records: it.records })
            .collect(),
        ignored: (coverage.ignored.iter())
            .map(|it| Ignored { what: it.what.clone(), why: it.why.clone() })
            .collect(),
    }
}
