//! What was published, and the calls that a state keeps -> a report of any time, made again.
use std::num::NonZeroUsize;

use super::count::whole;
use super::find::{Extent, find};
use super::graphs::{Flagged, Judged, graphs};
use super::judge::{Watched, series, spans};
use super::published::Published;
use super::report::{covered, judged_by, leave, shown_from};
use super::scan::{Looking, Named};
use super::{Cancel, Interrupted};
use crate::aggregate::Counts;
use crate::config::Models;
use crate::explanation::ModelId;
use crate::finding::{Event, Finding, findings};
use crate::report::kept::Kept;
use crate::report::model::{Covered, Graph, Skipped, Span};
use crate::report::{Made, Report, noticed, report};
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
/// When `cancel` was called.
pub fn again(again: Again, skipped: &[Skipped], cancel: &Cancel) -> anyhow::Result<Report> {
    let Again { published: Published { events, kept, .. }, counts, models, range, anew, jobs } = again;
    let mut made = of_kept(kept);
    let mut events = events;
    if let Some(mut counts) = counts {
        if anew {
            judge_again(&mut counts, &models, &mut made, &mut events, (jobs, cancel))?;
        } else {
            let findings = findings(events.clone());
            made.graphs.extend(graphs_of(&counts, &models, &findings, (jobs, cancel))?);
        }
        whole(&counts)?;
    }
    if !skipped.is_empty() {
        made.coverage.get_or_insert_default().skipped.extend_from_slice(skipped);
    }
    made.findings = findings(events);
    made.span = asked(range, made.span, &made.findings);
    if let Some(span) = made.span {
        let as_much = span.from.plus(-span.to.since(span.from));
        leave(&mut made.findings, span, if range.from.is_some() { as_much } else { shown_from(span) });
    }
    Ok(report(made))
}

/// All that is known but for the findings.
fn of_kept(kept: Vec<Kept>) -> Made {
    let mut made = Made::default();
    for Kept { span, known_from, coverage, model, graphs, .. } in kept {
        made.span = match (made.span, span) {
            (Some(one), Some(other)) => {
                Some(Span { from: one.from.min(other.from), to: one.to.max(other.to) })
            }
            (one, other) => one.or(other),
        };
        made.known_from = [made.known_from, known_from].into_iter().flatten().max();
        made.graphs.extend(graphs);
        // Of several folders, nobody can say what all of them covered.
        made.coverage = made.model.is_none().then_some(coverage);
        made.model = Some(model);
    }
    made
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
    let calls = Coverage { series: series(counts), ..Coverage::default() };
    made.graphs = found.graphs;
    made.span = span;
    made.known_from = span.map(|span| span.from.plus(models.base().warm_minutes()));
    made.model = Some(judged_by(&ModelId::of(models.base())));
    made.coverage = Some(Covered { calls: span, ..covered(&calls, &Named::of(counts)) });
    Ok(())
}

/// The span that was asked for; where only one end of it was, or none, the other is that of all that there is.
fn asked(Range { from, to }: Range, kept: Option<Span>, findings: &[Finding]) -> Option<Span> {
    let first = findings.iter().map(noticed).min();
    let last = findings.iter().map(|it| noticed(it).plus(1)).max();
    if let (None, None, Some(kept)) = (from, to, kept) {
        return Some(kept);
    }
    let from = from.or_else(|| kept.map(|kept| kept.from).into_iter().chain(first).min())?;
    let to = to.or_else(|| kept.map(|kept| kept.to).into_iter().chain(last).max())?;
    Some(Span { from, to: to.max(from) })
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
