//! What was published, and the calls that a state keeps -> a report of any time, made again.
use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use anyhow::bail;

use super::count::whole;
use super::find::{Extent, find};
use super::graphs::{Flagged, Judged, graphs};
use super::judge::{Watched, series, spans};
use super::published::Published;
use super::report::{covered, go_on, judged_by, leave, shown_from};
use super::scan::{Looking, Named, judged};
use super::{Cancel, Interrupted};
use crate::aggregate::Counts;
use crate::config::Models;
use crate::explanation::ModelId;
use crate::finding::{Event, Finding, findings};
use crate::report::kept::Kept;
use crate::report::model::{Covered, Graph, Skipped, Span};
use crate::report::spans::{in_both, joined};
use crate::report::{Made, Report, report};
use crate::roll_up::{RollUp, roll_up};
use crate::summary::Coverage;
use crate::time::Minute;

/// What a report is made again of.
#[derive(Debug)]
pub struct Again {
    /// What was published.
    pub published: Published,
    /// The calls that a state keeps.
    pub counts: Option<Counts>,
    /// What judges, where anything has to be judged for graphs.
    pub models: Models,
    /// The time that it is about.
    pub range: Range,
    /// Whether all of `counts` is to be judged, since nothing was published.
    pub anew: bool,
    /// Threads.
    pub jobs: NonZeroUsize,
}

/// The time that a report is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Range {
    /// The first minute.
    pub from: Option<Minute>,
    /// The minute after the last.
    pub to: Option<Minute>,
}

/// Makes a report again. Insights of as much time before are in it for comparison.
///
/// # Errors
/// When `cancel` was called, or nothing can be known of the time that was asked for.
pub fn again(again: Again, skipped: &[Skipped], cancel: &Cancel) -> anyhow::Result<Report> {
    let Again { published, counts, models, range, anew, jobs } = again;
    let Published { mut events, kept, of_unknown_time, .. } = published;
    let by_account = by_account(&kept);
    let mut made = of_kept(kept, &by_account);
    if let Some(mut counts) = counts {
        if anew {
            judge_again(&mut counts, &models, &mut made, &mut events, (jobs, cancel))?;
        } else {
            let findings = of_events(events.clone(), &made, &by_account);
            let drawn = graphs_of(&counts, &models, &findings, (jobs, cancel))?;
            // What was drawn when it was found counts more: it knew more of the time before.
            made.graphs.splice(..0, drawn);
        }
        whole(&counts)?;
    }
    made.unread.extend_from_slice(skipped);
    made.findings = of_events(events, &made, &by_account);
    if of_unknown_time > 0 {
        // What is kept of some inputs says nothing of the others.
        made = Made { judged: None, coverage: None, ..made };
    }
    let of_run = made.span;
    made.span = asked(range, (of_run, of_unknown_time), &made.findings)?;
    if made.span != of_run && made.coverage.is_some() {
        made.coverage_of = of_run;
    }
    if let Some(span) = made.span {
        let as_much = span.from.plus(-span.to.since(span.from));
        leave(&mut made.findings, span, if range.from.is_some() { as_much } else { shown_from(span) });
    }
    Ok(report(made))
}

/// When each account was judged.
type ByAccount = BTreeMap<String, Vec<Span>>;

/// When each account that any of `kept` names was judged; an empty list of those that were not.
fn by_account(kept: &[Kept]) -> ByAccount {
    let mut by_account = ByAccount::new();
    for Kept { judged, coverage, .. } in kept {
        for it in &coverage.judged_from {
            let since = judged.iter().map(|span| Span { from: span.from.max(it.from), ..*span });
            by_account.entry(it.account.clone()).or_default().extend(since);
        }
        for it in &coverage.warming_up {
            by_account.entry(it.account.clone()).or_default();
        }
    }
    by_account.into_iter().map(|(account, spans)| (account, joined(spans))).collect()
}

/// All that is known but for the findings.
fn of_kept(kept: Vec<Kept>, by_account: &ByAccount) -> Made {
    let mut made = Made::default();
    let is_one = kept.len() == 1;
    for Kept { span, judged, coverage, model, graphs, .. } in kept {
        made.span = hull(made.span, span);
        made.judged.get_or_insert_default().extend(judged);
        made.graphs.extend(graphs);
        // Of several folders, nobody can say what all of them covered.
        made.coverage = is_one.then_some(coverage);
        made.model = Some(model);
    }
    if !is_one {
        // Nor does a coverage say which account was not judged: what counts are the times in which all were.
        let in_all = by_account.values().cloned().reduce(|one, other| in_both(&one, &other));
        made.judged = made.judged.map(|judged| in_all.unwrap_or(judged));
    }
    made
}

/// The findings, those that are open as far as their account was judged.
fn of_events(events: Vec<Event>, made: &Made, by_account: &ByAccount) -> Vec<Finding> {
    let mut findings = findings(events);
    // Of sums over accounts, up to where any was.
    let all = by_account.values().flatten().chain(made.judged.iter().flatten());
    let all = joined(all.copied().collect());
    go_on(&mut findings, |finding| {
        let spans = by_account.get(&*finding.series().api.account).unwrap_or(&all);
        spans.last().map(|span| span.to)
    });
    findings
}

/// From the first minute of both to the last.
fn hull(one: Option<Span>, other: Option<Span>) -> Option<Span> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Span { from: one.from.min(other.from), to: one.to.max(other.to) }),
        (one, other) => one.or(other),
    }
}

/// Judges all of `counts`.
fn judge_again(
    counts: &mut Counts,
    models: &Models,
    made: &mut Made,
    events: &mut Vec<Event>,
    (jobs, cancel): (NonZeroUsize, &Cancel),
) -> anyhow::Result<()> {
    let looking = Looking { models: models.clone(), ..Looking::from(models.base().clone()) };
    let found = find(counts, &looking, Extent::whole(counts, jobs), None, cancel)?;
    events.extend(found.insights.iter().map(Event::from));
    let span = counts.span().map(|(from, to)| Span { from, to: to.plus(1) });
    let watched = spans(counts, Minute::default()..Extent::whole(counts, jobs).until);
    let (judged_from, warming_up) = judged(counts, watched, models.base());
    let first = judged_from.iter().map(|it| it.from).min();
    let calls = Coverage { series: series(counts), judged_from, warming_up, ..Coverage::default() };
    made.graphs = found.graphs;
    made.span = span;
    made.judged =
        Some(first.zip(span).map(|(from, Span { to, .. })| Span { from, to }).into_iter().collect());
    made.model = Some(judged_by(&ModelId::of(models.base())));
    made.coverage = Some(Covered {
        calls: span,
        // A state does not know how they came.
        files: None,
        records: None,
        counted: None,
        late: None,
        duplicates: None,
        ..covered(&calls, &Named::of(counts))
    });
    Ok(())
}

/// The span that was asked for; where only one end of it was, or none, the other is that of all that there is.
///
/// # Errors
/// When nothing can be known of it, since all that there is lies on the other side of its one end.
fn asked(
    Range { from, to }: Range,
    (kept, of_unknown_time): (Option<Span>, usize),
    findings: &[Finding],
) -> anyhow::Result<Option<Span>> {
    let first = findings.iter().map(Finding::noticed).min();
    let last = findings.iter().map(|it| it.noticed().plus(1)).max();
    if let (None, None, Some(kept), 0) = (from, to, kept, of_unknown_time) {
        return Ok(Some(kept));
    }
    let known = hull(kept, first.zip(last).map(|(from, to)| Span { from, to }));
    if let (Some(from), Some(to)) = (from, to) {
        return Ok(Some(Span { from, to }));
    }
    let Some(known) = known else { return Ok(None) };
    let span = Span { from: from.unwrap_or(known.from), to: to.unwrap_or(known.to) };
    if span.from >= span.to {
        let asked = from.map_or_else(|| format!("before {}", span.to), |from| format!("from {from} on"));
        bail!("nothing is known of the time {asked}: what there is goes from {} to {}", known.from, known.to);
    }
    Ok(Some(span))
}

/// The graphs of insights that were published before, as far as their calls are among `counts`.
///
/// # Errors
/// When `cancel` was called.
fn graphs_of(
    counts: &Counts,
    models: &Models,
    findings: &[Finding],
    (jobs, cancel): (NonZeroUsize, &Cancel),
) -> Result<Vec<Graph>, Interrupted> {
    let mut drawn = Vec::new();
    for kind in std::iter::once(None).chain(RollUp::ALL.map(Some)) {
        let of_kind =
            |finding: &&Finding| finding.latest().explanation.as_ref().and_then(|why| why.roll_up) == kind;
        let findings: Vec<&Finding> = findings.iter().filter(of_kind).collect();
        if findings.is_empty() {
            continue;
        }
        let sums = kind.map(|kind| roll_up(counts, kind));
        let counts = sums.as_ref().map_or(counts, |sums| &sums.counts);
        let flagged: Vec<Flagged> =
            findings.into_iter().filter_map(|finding| Flagged::published(counts, finding)).collect();
        let extent = Extent::whole(counts, jobs);
        let since = spans(counts, Minute::default()..extent.until);
        let since = since.into_iter().map(|(account, (first, _))| (account, first)).collect();
        let watched = if kind == Some(RollUp::Principal) { Watched::Together } else { Watched::Each };
        let models = models.assign(counts.names());
        let judged = Judged { counts, models: &models, watched: (&since, watched), extent };
        drawn.extend(graphs(&judged, &flagged, cancel)?);
    }
    Ok(drawn)
}
