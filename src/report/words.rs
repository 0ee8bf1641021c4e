//! Parts of a report -> sentences that its text and its Markdown share; texts of the logs are in them as they are. Pure.
use std::collections::BTreeMap;

use super::model::{Covered, Incident, Skipped, Span, Totals};
use crate::time::Minute;
use crate::words::{clock, count, counted, duration, figure};

/// Rows of a list that are named; more are counted.
const NAMED: usize = 20;

/// `2026-01-05 00:00 to 2026-02-09 00:00 UTC, compared with …`.
pub(super) fn span_in_words(span: Span, previous: Option<Span>) -> String {
    let compared = previous.map_or_else(
        || "as much time before was not judged".to_owned(),
        |previous| format!("compared with {}", time_in_words(previous)),
    );
    format!("{} UTC; {compared}", time_in_words(span))
}

/// `2026-01-05 00:00 to 2026-02-09 00:00`.
pub(super) fn time_in_words(Span { from, to }: Span) -> String {
    format!("{} to {}", clock(from), clock(to))
}

/// A number, where it is known.
pub(super) fn known(number: Option<u64>) -> String {
    number.map_or_else(|| "not known".to_owned(), count)
}

/// What is to be known of an incident beside its sentence, in brackets.
pub(super) const fn note(incident: &Incident) -> &'static str {
    match (incident.silent, incident.going_on) {
        (true, _) => " (muted, or told by others)",
        (false, true) => " (noticed before, or only after, but going on in this time)",
        (false, false) => "",
    }
}

/// What else the totals say.
pub(super) fn open_and_so_on(totals: &Totals) -> String {
    let Totals { from_before, ended, noticed_later, open, muted, told_twice, .. } = totals;
    [
        (*open, "open"),
        (*muted, "muted"),
        (*told_twice, "told by others already"),
        (*from_before, "from before"),
        (*ended, "of these ended"),
        (*noticed_later, "noticed only later"),
    ]
    .map(|(number, what)| format!("{} {what}", count(number)))
    .join(", ")
}

/// Calls a minute, where that is known.
pub(super) fn average(calls: Option<f64>) -> String {
    calls.map_or_else(|| "not known".to_owned(), figure)
}

/// How long, where that is known.
pub(super) fn minutes(minutes: Option<i32>) -> String {
    minutes.map_or_else(|| "not known".to_owned(), duration)
}

/// What was covered, a sentence a line.
pub(super) fn covered_in_words(coverage: &Covered) -> Vec<String> {
    let Covered { accounts, regions, files, records, counted: calls, duplicates, late, .. } = coverage;
    let (accounts, regions) = (accounts.len() as u64, regions.len() as u64);
    let place = format!("{} in {}", counted(accounts, "account"), counted(regions, "region"));
    let series = format!("{} series", count(coverage.series));
    let mut lines = Vec::new();
    if let (Some(files), Some(records)) = (files, records) {
        let (files, records) = (counted(*files, "file"), counted(*records, "record"));
        lines.push(format!("{place}: {files}, {records} in {series}"));
    } else {
        lines.push(format!("{place}: {series}; how many files and records is not known"));
    }
    if let (Some(calls), Some(duplicates), Some(late)) = (calls, duplicates, late) {
        lines.push(format!(
            "{} counted, {} duplicates, {} too late to be judged",
            count(*calls),
            count(*duplicates),
            count(*late)
        ));
    }
    if let Some(Span { from, to }) = coverage.calls {
        lines.push(format!("calls from {} to {}", clock(from), clock(to)));
    }
    let reasons = |rows: &BTreeMap<String, u64>| {
        let rows: Vec<String> = rows
            .iter()
            .map(|(reason, number)| format!("{} {}", count(*number), reason.replace('_', " ")))
            .collect();
        rows.join(", ")
    };
    if !coverage.excluded.is_empty() {
        lines.push(format!("excluded: {}", reasons(&coverage.excluded)));
    }
    if !coverage.excluded_files.is_empty() {
        lines.push(format!("not read as logs: {}", reasons(&coverage.excluded_files)));
    }
    lines.extend(judged_from(coverage));
    lines.extend(open_elsewhere(coverage));
    lines.extend(
        coverage.reported_from.map(|from| format!("insights before {} were left out: --from", clock(from))),
    );
    for one in &coverage.warming_up {
        lines.push(format!("account {} is not judged yet: {} of {} days", one.account, one.days, one.needed));
    }
    listed(&mut lines, &coverage.skipped, skipped_in_words);
    listed(&mut lines, &coverage.ignored, |it| format!("left aside: {}: {}", it.what, it.why));
    lines
}

/// What is open, but nowhere in the report.
pub(super) fn open_elsewhere(coverage: &Covered) -> Option<String> {
    let open = coverage.open_elsewhere;
    (open > 0)
        .then(|| format!("{} of earlier runs, not in these results, still open", counted(open, "insight")))
}

/// What could not be read, and why.
pub(super) fn skipped_in_words(it: &Skipped) -> String {
    let records =
        if it.records > 0 { format!(" ({} lost)", counted(it.records, "record")) } else { String::new() };
    format!("skipped: {}: {}{records}", it.what, it.why)
}

fn listed<T>(lines: &mut Vec<String>, rows: &[T], line: impl Fn(&T) -> String) {
    lines.extend(rows.iter().take(NAMED).map(line));
    if rows.len() > NAMED {
        lines.push(format!("and {} more", count((rows.len() - NAMED) as u64)));
    }
}

/// `00:17`, of a day that is said already.
fn hour(minute: Minute) -> String {
    clock(minute).split(' ').next_back().unwrap_or_default().to_owned()
}

fn judged_from(coverage: &Covered) -> Option<String> {
    let times = || coverage.judged_from.iter().map(|it| it.from);
    let (first, last): (Minute, Minute) = (times().min()?, times().max()?);
    let later = if first == last {
        String::new()
    } else {
        format!(
            " (the last account from {} on)",
            if first.day() == last.day() { hour(last) } else { clock(last) }
        )
    };
    Some(format!("judged from {} on{later}: before, there was too little history", clock(first)))
}
