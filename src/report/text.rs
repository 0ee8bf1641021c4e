//! A report -> lines for a terminal, or for a mail; no text of the logs can move a cursor. Pure.
use std::fmt::Write as _;

use super::Report;
use super::model::{Incident, Insight, Totals};
use super::verdict::{headline, lead};
use super::words::{
    average, covered_in_words, known, minutes, note, open_and_so_on, skipped_in_words, span_in_words,
    time_in_words,
};
use crate::words::{clock, fitted, printable};

/// Columns of one text of the logs.
const COLUMNS: usize = 100;

/// The whole report, but for the graphs and the records.
#[must_use]
pub fn text(report: &Report) -> Vec<u8> {
    let mut out = String::new();
    write(&mut out, report).expect("memory can be written to");
    out.into_bytes()
}

fn write(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "{}", printable(&report.title))?;
    if let Some(span) = report.span {
        writeln!(out, "{}", span_in_words(span, report.previous))?;
    }
    if let Some(coverage) = &report.coverage {
        match report.coverage_of {
            Some(span) => writeln!(out, "\nCOVERED BY THE LAST RUN, {}", time_in_words(span))?,
            None => writeln!(out, "\nCOVERED")?,
        }
        for line in covered_in_words(coverage) {
            writeln!(out, "  {}", printable(&line))?;
        }
    }
    for it in &report.unread {
        writeln!(out, "  {}", printable(&skipped_in_words(it)))?;
    }
    for notice in &report.notices {
        writeln!(out, "\nNOTICE: {}", printable(notice))?;
    }
    totals(out, &report.totals)?;
    let (now, earlier) = report.now_and_earlier();
    writeln!(out, "\n{}: {}", headline(report), lead(report))?;
    if !now.is_empty() {
        writeln!(out, "\nWHAT MATTERS FIRST\n({})", report.order)?;
    }
    for (place, incident) in now.iter().enumerate() {
        let note = note(incident);
        writeln!(
            out,
            "\n{}. {}  {}  {:.1} points{note}\n   {}",
            place + 1,
            clock(incident.from),
            incident.severity,
            incident.importance.score,
            printable(&incident.sentence)
        )?;
        for index in &incident.insights {
            insight(out, &report.insights[*index])?;
        }
    }
    if !earlier.is_empty() {
        writeln!(out, "\nEARLIER, BEFORE THIS REPORT'S TIME")?;
    }
    for incident in earlier {
        let Incident { from, severity, sentence, .. } = incident;
        writeln!(out, "  {}  {severity:<8}  {}{}", clock(*from), printable(sentence), note(incident))?;
    }
    Ok(())
}

fn totals(out: &mut String, totals: &Totals) -> std::fmt::Result {
    writeln!(out, "\n{:<40} {:>9} {:>9}", "INSIGHTS", "NOW", "BEFORE")?;
    let mut row = |name: &str, now: Option<u64>, was: Option<u64>| {
        writeln!(out, "{:<40} {:>9} {:>9}", fitted(name, 40), known(now), known(was))
    };
    row("all", totals.insights.now, totals.insights.before)?;
    let tables = [&totals.by_severity, &totals.by_type, &totals.by_account, &totals.by_service];
    for total in tables.into_iter().flatten() {
        row(&total.name, Some(total.now), total.before)?;
    }
    writeln!(out, "{}", open_and_so_on(totals))
}

fn insight(out: &mut String, insight: &Insight) -> std::fmt::Result {
    let place = format!("{}/{}", insight.series.account, insight.series.region);
    writeln!(
        out,
        "   - {}  {}  {}  {} a minute, usually {}  {}",
        clock(insight.from),
        fitted(&insight.name, COLUMNS),
        fitted(&place, COLUMNS),
        average(insight.insight_average),
        average(insight.baseline_average),
        insight.until.map_or_else(|| "open".to_owned(), |_| minutes(insight.duration)),
    )?;
    if let Some(why) = &insight.why {
        writeln!(out, "     {}", printable(&why.text))?;
    }
    if let Some(by) = &insight.muted_by {
        let because = printable(insight.muted_because.as_deref().unwrap_or_default());
        writeln!(out, "     muted by {}: {because}", fitted(by, COLUMNS))?;
    }
    Ok(())
}
