//! What a scan found, and what earlier ones had -> the report of the run, as files.
use std::collections::BTreeMap;

use super::scan::{Named, Scanned};
use crate::emit::Output;
use crate::explanation::ModelId;
use crate::finding::{Event, findings};
use crate::report::html::html;
use crate::report::kept::Kept;
use crate::report::model::{Covered, Ignored, JudgedBy, JudgedFrom, Skipped, Span, WarmingUp};
use crate::report::{FORMAT, Made, Report, report};
use crate::summary::Coverage;

/// Where the page goes, below DEST.
pub const PAGE_FILE: &str = "report/index.html";
/// Where goes what is needed to make it again.
pub const KEPT_FILE: &str = "report/report.json.gz";

/// The report of a run.
#[must_use]
pub fn of_run(scanned: &Scanned) -> (Report, Kept) {
    let coverage = covered(&scanned.summary.coverage, &scanned.named);
    let model = scanned.summary.model.clone();
    let span = coverage.calls;
    let kept = Kept {
        format: FORMAT,
        span,
        known_from: span.map(|span| span.from),
        coverage: coverage.clone(),
        model: judged_by(&model),
        graphs: scanned.graphs.clone(),
    };
    let made = Made {
        findings: findings(scanned.insights.iter().map(Event::from).collect()),
        span,
        known_from: span.map(|span| span.from),
        coverage: Some(coverage),
        graphs: scanned.graphs.clone(),
        model: Some(model),
    };
    (report(made), kept)
}

/// The files of a run's report.
#[must_use]
pub fn outputs(scanned: &Scanned) -> Vec<Output> {
    let (report, kept) = of_run(scanned);
    vec![
        Output { path: PAGE_FILE.into(), bytes: html(&report) },
        Output { path: KEPT_FILE.into(), bytes: kept.write() },
    ]
}

fn judged_by(model: &ModelId) -> JudgedBy {
    let ModelId { name, digest, sensitivity } = model;
    JudgedBy { name: name.to_string(), digest: digest.to_string(), sensitivity: *sensitivity }
}

fn covered(coverage: &Coverage, named: &Named) -> Covered {
    let Coverage { input, counted, late, duplicates, excluded, excluded_files, series, .. } = coverage;
    let filled = |map: &BTreeMap<String, u64>| map.clone();
    Covered {
        accounts: named.accounts.iter().cloned().collect(),
        regions: named.regions.iter().cloned().collect(),
        files: input.files,
        records: input.records,
        counted: *counted,
        late: *late,
        duplicates: *duplicates,
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
