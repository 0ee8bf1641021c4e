//! What a scan found, and what earlier ones had -> the report of the run, as files.
use std::collections::{BTreeMap, BTreeSet};

use memchr::{memchr, memmem};

use super::scan::{Named, Scanned};
use crate::cloudtrail::insight::State;
use crate::emit::{KEPT_FILE, Output, PAGE_FILE};
use crate::explanation::ModelId;
use crate::finding::{Event, Finding, findings};
use crate::report::html::html;
use crate::report::kept::Kept;
use crate::report::model::{Covered, Ignored, JudgedBy, JudgedFrom, Skipped, Span, WarmingUp};
use crate::report::spans::joined;
use crate::report::{FORMAT, Made, Report, report};
use crate::summary::{Coverage, Summary, WentOn};
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

/// The files of a run's report. What cannot be read of what was before is passed over: then less is known to have been judged.
#[must_use]
pub fn outputs(scanned: &Scanned, before: &Before) -> Vec<Output> {
    let (report, kept) = of_run(scanned, before);
    vec![
        Output { path: PAGE_FILE.into(), bytes: html(&report) },
        Output { path: KEPT_FILE.into(), bytes: kept.write() },
    ]
}

/// Whether the report of an earlier run, where there is one, is still the right one: this run judged nothing.
#[must_use]
pub fn stays(summary: &Summary, is_there: bool) -> bool {
    let judged_nothing = (summary.coverage.went_on.as_ref())
        .is_some_and(|it| it.judged_from.is_some_and(|from| from >= it.judged_until));
    judged_nothing && is_there
}

/// The report of a run, and what is kept of it. Of a run that went on from a state it is about what that run judged; insights
/// of the 35 days before are there for comparison.
fn of_run(scanned: &Scanned, before: &Before) -> (Report, Kept) {
    let Scanned { insights, graphs, named, summary, .. } = scanned;
    let mut coverage = covered(&summary.coverage, named);
    let mut events: Vec<Event> = insights.iter().map(Event::from).collect();
    let mut judged: Vec<Span> = judged_now(scanned).into_iter().collect();
    let mut span = about(scanned, judged.first().copied());
    let mut graphs = graphs.clone();
    if let Some(WentOn { judged_until, .. }) = summary.coverage.went_on {
        let kept = before.kept.as_deref().and_then(|kept| Kept::read(kept).ok());
        judged.extend(kept.iter().flat_map(|kept| &kept.judged));
        if let (None, Some(kept)) = (span, &kept) {
            // Nothing was judged: the report stays that of the last run that did.
            (span, coverage) = (kept.span, kept.coverage.clone());
        }
        // What is told now counts, wherever it was told before, too.
        let mut all = since(&before.lines, span.map(shown_from));
        all.append(&mut events);
        events = all;
        let since = judged_until.plus(-DAYS * MINUTES_PER_DAY);
        let drawn = kept.into_iter().flat_map(|kept| kept.graphs).filter(|graph| graph.to > since);
        graphs = drawn.chain(graphs).collect();
    }
    let judged = joined(judged);
    let mut findings = findings(events);
    let went_on = summary.coverage.went_on.as_ref();
    // What is open is so up to here, whatever is known of the runs between.
    let until = went_on.map(|it| it.judged_until).or(judged.last().map(|span| span.to));
    go_on(&mut findings, |_| until);
    if let (Some(span), Some(went_on)) = (span, went_on) {
        leave(&mut findings, span, shown_from(span));
        let is_told =
            |it: &&Finding| it.end.is_none() && (it.known_until() > span.from || it.noticed() >= span.from);
        coverage.open_elsewhere = went_on.open.saturating_sub(findings.iter().filter(is_told).count() as u64);
    }
    let made = Made {
        findings,
        span,
        judged: Some(judged.clone()),
        coverage: Some(coverage.clone()),
        graphs,
        model: Some(judged_by(&summary.model)),
        ..Made::default()
    };
    let report = report(made);
    let kept = Kept {
        format: FORMAT,
        span,
        judged,
        coverage,
        model: judged_by(&summary.model),
        graphs: report.graphs.clone(),
    };
    (report, kept)
}

/// The time that this run judged, and told of: from when on there was history enough, and not before what somebody asked for.
fn judged_now(Scanned { summary, .. }: &Scanned) -> Option<Span> {
    let coverage = &summary.coverage;
    let since = coverage.judged_from.iter().map(|it| it.from).min()?;
    let (before, until) = match &coverage.went_on {
        Some(went_on) => (went_on.judged_from, went_on.judged_until),
        None => (None, coverage.minutes.map(|minutes| minutes.to.plus(1))?),
    };
    let from = [before, coverage.reported_from].into_iter().flatten().fold(since, Minute::max);
    (from < until).then_some(Span { from, to: until })
}

/// The time that the report of this run is about: what it judged, and whatever else it tells of for the first time; where it
/// could judge nothing, what it read. `None` where that was nothing, either.
fn about(Scanned { summary, insights, .. }: &Scanned, judged: Option<Span>) -> Option<Span> {
    let coverage = &summary.coverage;
    let read = coverage.minutes.map(|minutes| Span { from: minutes.from, to: minutes.to.plus(1) });
    let is_new =
        coverage.went_on.as_ref().is_none_or(|it| it.judged_from.is_none_or(|from| from < it.judged_until));
    let read = match &coverage.went_on {
        Some(WentOn { judged_from, judged_until, .. }) => {
            let from = judged_from.or(read.map(|read| read.from)).unwrap_or(*judged_until);
            is_new.then_some(Span { from, to: *judged_until })
        }
        None => read,
    };
    let span = judged.or(read.filter(|read| read.from < read.to))?;
    let starts = insights.iter().filter(|insight| insight.state == State::Start);
    let first = starts.map(|insight| insight.explanation.detected_at.plus(-1)).min();
    Some(Span { from: first.map_or(span.from, |first| first.min(span.from)), ..span })
}

/// Lets what is open go on up to where it was judged last. Between, nobody may have looked; but had it ended by then, its End
/// would be there.
pub(super) fn go_on(findings: &mut [Finding], judged_until: impl Fn(&Finding) -> Option<Minute>) {
    for finding in findings.iter_mut().filter(|finding| finding.end.is_none()) {
        finding.open_until = judged_until(finding);
    }
}

/// The events of `lines` of insights that were known to go on after `from`, or have not ended: of all, where it is `None`. Most
/// lines of a DEST of some years are older, and are not parsed for that.
fn since(lines: &[u8], from: Option<Minute>) -> Vec<Event> {
    let from = from.map(|from| from.to_string());
    let is_recent = |line: &[u8]| {
        let times =
            [b"\"eventTime\":\"".as_slice(), b"\"detected_at\":\""].map(|name| text_after(line, name));
        // Quotes within texts are escaped: what is found is a name of the line itself. Times sort as texts.
        let is_after =
            |time: Option<&[u8]>| time.is_none_or(|time| time > from.as_deref().unwrap_or("").as_bytes());
        times.into_iter().any(is_after)
    };
    let all = || lines.split(|byte| *byte == b'\n');
    let ended: BTreeSet<&str> =
        all().filter(|line| state(line) == Some(State::End.name())).filter_map(id).collect();
    // What has not ended goes on, however old it is.
    let is_open = |line: &[u8]| {
        state(line) == Some(State::Start.name()) && !id(line).is_some_and(|id| ended.contains(id))
    };
    let is_shown = |line: &[u8]| is_recent(line) || is_open(line);
    let mut read = Vec::new();
    let mut starts_missing = BTreeSet::new();
    for line in all().filter(|line| is_shown(line)) {
        let Ok(event) = Event::of_line(line) else { continue };
        let id = event.record.shared_event_id.clone();
        if event.state() == State::End {
            starts_missing.insert(id);
        }
        read.push(event);
    }
    let seen: BTreeSet<&String> = (read.iter())
        .filter(|event| event.state() == State::Start)
        .map(|event| &event.record.shared_event_id)
        .collect();
    starts_missing.retain(|id| !seen.contains(id));
    if starts_missing.is_empty() {
        return read;
    }
    let is_missing = |line: &&[u8]| id(line).is_some_and(|id| starts_missing.contains(id));
    let older = all().filter(|line| !is_shown(line)).filter(is_missing);
    older.filter_map(|line| Event::of_line(line).ok()).chain(read).collect()
}

/// Which half a line is of, `Start` or `End`.
fn state(line: &[u8]) -> Option<&str> {
    str::from_utf8(text_after(line, b"\"state\":\"")?).ok()
}

/// The id that the Start and the End of an insight share.
fn id(line: &[u8]) -> Option<&str> {
    str::from_utf8(text_after(line, b"\"sharedEventID\":\"")?).ok()
}

/// The text after a name and its opening quote.
fn text_after<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = line.get(memmem::find(line, name)? + name.len()..)?;
    rest.get(..memchr(b'"', rest)?)
}

/// Leaves the findings that a report of `span` shows: from `since` on, and none that began after it.
pub(super) fn leave(findings: &mut Vec<Finding>, span: Span, since: Minute) {
    findings.retain(|finding| finding.known_until() > since && finding.from() < span.to);
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
        reported_from: coverage.reported_from,
        open_elsewhere: 0,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Attribution;
    use crate::emit::lines;
    use crate::insight::tests::{PEAK, at, call, counts, model, opening};
    use crate::insight::{Closing, end_of, start_of};

    #[test]
    fn of_earlier_lines_only_what_can_be_shown_is_parsed_and_no_start_is_lost() {
        let counts = counts(
            Attribution::Kept,
            &[(call("2026-01-31T23:58:00Z", "ec2.amazonaws.com", "RunInstances"), 12)],
        );
        let opening = opening(&counts, None, "2026-01-31T23:58:00Z", "2026-02-01T00:00:00Z");
        let closing = Closing {
            end: at("2026-02-09T23:59:00Z"),
            closed_at: at("2026-02-10T00:15:00Z"),
            peak: crate::detect::Peak { at: at("2026-02-01T00:00:00Z"), ..PEAK },
        };
        let [start, end] =
            [start_of(&counts, &opening, &model()), end_of(&counts, &opening, closing, &model())];
        let (both, open) = (lines(&[&start, &end]), lines(&[&start]));
        let check = |lines: &[u8], from: Option<&str>, want: usize| {
            assert_eq!(since(lines, from.map(at)).len(), want, "{from:?}");
        };
        check(&both, None, 2);
        check(&both, Some("2026-01-31T00:00:00Z"), 2);
        // The Start is older, its insight is not.
        check(&both, Some("2026-02-05T00:00:00Z"), 2);
        check(&open, Some("2026-01-31T23:59:00Z"), 1);
        // It goes on: only what has ended can be left out.
        check(&open, Some("2026-02-05T00:00:00Z"), 1);
        check(&both, Some("2026-02-11T00:00:00Z"), 0);
        check(b"{}\nnothing of ours\n", None, 0);
    }
}
