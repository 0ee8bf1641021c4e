//! A report -> Markdown (GitHub's), in which no text of the logs is markup. Pure.
use std::fmt::Write as _;

use super::Report;
use super::model::{Covered, Incident, Insight, Span, Total};
use super::verdict::{headline, lead};
use super::words::{
    average, covered_in_words, known, minutes, note, open_and_so_on, skipped_in_words, span_in_words,
    time_in_words,
};
use crate::words::{clock, figure, fitted, printable};

/// Columns of one value in a table.
const COLUMNS: usize = 200;

/// The whole report, but for the graphs and the records.
#[must_use]
pub fn markdown(report: &Report) -> Vec<u8> {
    let mut out = String::new();
    write(&mut out, report).expect("memory can be written to");
    out.into_bytes()
}

fn write(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "# {}\n", text(&report.title))?;
    if let Some(span) = report.span {
        writeln!(out, "{}\n", text(&span_in_words(span, report.previous)))?;
    }
    if let Some(coverage) = &report.coverage {
        covered(out, coverage, report.coverage_of)?;
    }
    for it in &report.unread {
        writeln!(out, "- {}", text(&skipped_in_words(it)))?;
    }
    for notice in &report.notices {
        writeln!(out, "\n**Notice:** {}\n", text(notice))?;
    }
    totals(out, report)?;
    incidents(out, report)?;
    let (now, of_before) = report.now_and_earlier();
    for incident in now {
        for index in &incident.insights {
            insight(out, &report.insights[*index])?;
        }
    }
    earlier(out, of_before)?;
    let models: Vec<String> = (report.models.iter())
        .map(|model| {
            format!("{} ({}), sensitivity {}", text(&model.name), text(&model.digest), model.sensitivity)
        })
        .collect();
    writeln!(out, "---\n\ntrailpulse {}; judged by {}", text(&report.version), or_nobody(&models))
}

fn or_nobody(models: &[String]) -> String {
    if models.is_empty() { "AWS".to_owned() } else { models.join("; ") }
}

fn covered(out: &mut String, coverage: &Covered, of: Option<Span>) -> std::fmt::Result {
    match of {
        Some(span) => writeln!(out, "## What the last run covered, {}\n", text(&time_in_words(span)))?,
        None => writeln!(out, "## What was covered\n")?,
    }
    for line in covered_in_words(coverage) {
        writeln!(out, "- {}", text(&line))?;
    }
    writeln!(out)
}

fn totals(out: &mut String, report: &Report) -> std::fmt::Result {
    let totals = &report.totals;
    writeln!(out, "## How many\n\n| | now | before |\n|---|--:|--:|")?;
    let mut row = |name: &str, now: Option<u64>, was: Option<u64>| {
        writeln!(out, "| {name} | {} | {} |", known(now), known(was))
    };
    row("**insights**", totals.insights.now, totals.insights.before)?;
    for (of, rows) in [
        ("severity", &totals.by_severity),
        ("type", &totals.by_type),
        ("account", &totals.by_account),
        ("service", &totals.by_service),
    ] {
        for Total { name, now, before } in rows {
            row(&format!("{of} {}", cell(name)), Some(*now), *before)?;
        }
    }
    writeln!(out, "\n{}.\n", open_and_so_on(totals))
}

fn incidents(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "## What matters first\n")?;
    let (now, _) = report.now_and_earlier();
    writeln!(out, "{}: {}\n", text(&headline(report)), text(&lead(report)))?;
    if now.is_empty() {
        return Ok(());
    }
    writeln!(out, "Order: {}.\n", text(&report.order))?;
    writeln!(
        out,
        "| # | when (UTC) | severity | score | what happened | insights |\n|--:|---|---|--:|---|--:|"
    )?;
    for (place, incident) in now.iter().enumerate() {
        let Incident { severity, sentence, from, insights, importance, .. } = incident;
        let note = note(incident);
        writeln!(
            out,
            "| {} | {} | {severity} | {:.1} | {}{note} | {} |",
            place + 1,
            clock(*from),
            importance.score,
            text(sentence),
            insights.len()
        )?;
    }
    writeln!(out)
}

/// What is there for comparison, a line each.
fn earlier(out: &mut String, incidents: &[Incident]) -> std::fmt::Result {
    if incidents.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Earlier, before this report's time\n")?;
    for incident in incidents {
        let Incident { from, severity, sentence, .. } = incident;
        writeln!(out, "- {} {severity}: {}{}", clock(*from), text(sentence), note(incident))?;
    }
    writeln!(out)
}

fn insight(out: &mut String, insight: &Insight) -> std::fmt::Result {
    let series = &insight.series;
    writeln!(out, "## {}. {} {}\n", insight.incident + 1, insight.severity, text(&insight.name))?;
    writeln!(out, "| | |\n|---|---|")?;
    let mut row = |name: &str, value: &str| writeln!(out, "| {name} | {value} |");
    row("account", &cell(&series.account))?;
    row("region", &cell(&series.region))?;
    if let Some(kind) = &series.roll_up {
        row("sum over", &cell(kind))?;
    }
    row("who", &insight.principal.as_deref().map_or_else(|| "nobody is named".to_owned(), cell))?;
    row("from", &clock(insight.from))?;
    row("until", &insight.until.map_or_else(|| "open".to_owned(), clock))?;
    row("lasted", &minutes(insight.duration))?;
    row("calls a minute", &average(insight.insight_average))?;
    row("in the week before", &average(insight.baseline_average))?;
    let change =
        insight.rate_change.map_or_else(|| from_what(insight).to_owned(), |it| format!("{} %", figure(it)));
    row("rate change", &change)?;
    if let (Some(by), because) = (&insight.muted_by, &insight.muted_because) {
        row("muted by", &format!("{}: {}", cell(by), text(because.as_deref().unwrap_or_default())))?;
    }
    if !insight.told_by.is_empty() {
        row("told by", &cell(&insight.told_by.join(" ")))?;
    }
    row("id", &cell(&insight.id))?;
    if let Some(why) = &insight.why {
        writeln!(out, "\n{}.", text(&why.text))?;
    }
    for attribution in &insight.attributions {
        let title = text(&attribution.title);
        writeln!(out, "\n| {title} | unusual | week before | share added |\n|---|--:|--:|--:|")?;
        for row in &attribution.rows {
            let rate = |rate: Option<f64>| rate.map(figure).unwrap_or_default();
            let added = row.added.map(|it| format!("{it:.0} %")).unwrap_or_default();
            let (value, now, before) = (cell(&row.value), rate(row.insight), rate(row.baseline));
            writeln!(out, "| {value} | {now} | {before} | {added} |")?;
        }
    }
    writeln!(out)
}

/// What stands for a change of rate that is no number.
const fn from_what(insight: &Insight) -> &'static str {
    if insight.baseline_average.is_some() { "from nothing" } else { "not known" }
}

/// A value in a table: as code where nothing in it can end that, else as text.
fn cell(value: &str) -> String {
    let value = fitted(value, COLUMNS);
    if value.is_empty() || value.starts_with(' ') || value.ends_with(' ') || value.contains(['`', '|', '\\'])
    {
        return text(&value);
    }
    format!("`{value}`")
}

/// A text in which nothing is markup, a link, HTML or the end of a cell.
fn text(text: &str) -> String {
    let text = printable(text);
    let mut safe = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let is_markup = match char {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '&' | '~' | '#' | '@' | '!' | '$'
            | '^' | '{' | '}' => true,
            // Addresses become links by themselves.
            ':' => chars.peek() == Some(&'/'),
            '.' => {
                safe.len() >= 3
                    && safe.get(safe.len() - 3..).is_some_and(|end| end.eq_ignore_ascii_case("www"))
            }
            _ => false,
        };
        if is_markup {
            write!(safe, "&#{};", u32::from(char)).expect("memory can be written to");
        } else {
            safe.push(char);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        let check = |of: &str, want: &str| assert_eq!(text(of), want, "{of:?}");
        check("role/ci-deploy called ec2 RunInstances", "role/ci-deploy called ec2 RunInstances");
        check("a|b", "a&#124;b");
        check("[x](http://e)", "&#91;x&#93;(http&#58;//e)");
        check("<script>", "&#60;script&#62;");
        check("**b** `c`", "&#42;&#42;b&#42;&#42; &#96;c&#96;");
        check("www.example.com", "www&#46;example.com");
        check("line\nbreak", "line\u{fffd}break");
        check("&lt;", "&#38;lt;");
    }

    #[test]
    fn values_are_code_where_nothing_ends_it() {
        let check = |of: &str, want: &str| assert_eq!(cell(of), want, "{of:?}");
        check("user/*a*", "`user/*a*`");
        check("a`b", "a&#96;b");
        check("a|b", "a&#124;b");
        check("", "");
    }
}
