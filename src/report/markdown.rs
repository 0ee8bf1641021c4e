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
        writeln!(out, "\nWhy: {}.", text(&why.text))?;
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

/// A value in a table.
fn cell(value: &str) -> String {
    code(&fitted(value, COLUMNS))
}

/// A value as code. What would end that, or the cell that it is in, stands between two pieces of code.
fn code(value: &str) -> String {
    let mut safe = String::with_capacity(value.len() + 2);
    for piece in value.split_inclusive(['`', '|']) {
        let within = piece.trim_end_matches(['`', '|']);
        if !within.is_empty() {
            write!(safe, "`{within}`").expect("memory can be written to");
        }
        if let Some(end) = piece.strip_prefix(within).and_then(|end| end.chars().next()) {
            write!(safe, "&#{};", u32::from(end)).expect("memory can be written to");
        }
    }
    safe
}

/// A text, behind words of ours, in which nothing is markup, HTML, the end of a cell, or anything that GitHub makes a link of: words
/// that could be are code. Entities would not do: links and mentions are looked for where they are characters again.
fn text(text: &str) -> String {
    let text = printable(text);
    let words = text.split(' ').map(|word| {
        let rest = word.trim_start_matches('(');
        let kept = rest.trim_end_matches([',', ';', ':', '.', ')']);
        let (before, after) = (word.strip_suffix(rest), rest.strip_prefix(kept));
        match (before, after) {
            (Some(before), Some(after)) if is_markup(kept) => format!("{before}{}{after}", code(kept)),
            _ => word.to_owned(),
        }
    });
    words.collect::<Vec<String>>().join(" ")
}

/// Whether a word could be more than text.
fn is_markup(word: &str) -> bool {
    let is_sign = |char| "\\`*_[]<>|&~#@${}".contains(char);
    let is_scheme = || word.contains(':') && word.contains(|char: char| char.is_alphabetic());
    // Of GitHub's: an issue, a commit.
    let refers = |piece: &str| {
        let is_hex = |text: &str| text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex(piece) && !piece.bytes().all(|byte| byte.is_ascii_digit())
    };
    let lower = word.to_ascii_lowercase();
    word.contains(is_sign)
        || is_scheme()
        || ["www.", "gh-"].iter().any(|begin| lower.contains(begin))
        || word.split(|char: char| !char.is_alphanumeric()).any(refers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        let check = |of: &str, want: &str| assert_eq!(text(of), want, "{of:?}");
        check("role/ci-deploy called ec2 RunInstances", "role/ci-deploy called ec2 RunInstances");
        check("2026-01-20 21:50 (chance 1 in 10^75);", "2026-01-20 21:50 (chance 1 in 10^75);");
        check(
            "in account 111122223333, role/a_b.",
            "in account 111122223333, role/a_b.".replace("role/a_b", "`role/a_b`").as_str(),
        );
        check("a|b", "`a`&#124;`b`");
        check("[x](http://e)", "`[x](http://e`)");
        check("<script>", "`<script>`");
        check("**b** `c`", "`**b**` &#96;`c`&#96;");
        check("www.example.com WWW.example.com", "`www.example.com` `WWW.example.com`");
        check("line\nbreak", "line\u{fffd}break");
        check("&lt;", "`&lt`;");
        check("(a@example.com) xmpp:b :smile:", "(`a@example.com`) `xmpp:b` `:smile`:");
        check("x\u{3000}@org/team GH-12 deadbeef1", "`x\u{3000}@org/team` `GH-12` `deadbeef1`");
    }

    #[test]
    fn values_are_code_and_nothing_ends_it() {
        let check = |of: &str, want: &str| assert_eq!(cell(of), want, "{of:?}");
        check("user/*a*", "`user/*a*`");
        check("a`b", "`a`&#96;`b`");
        check("`@org/team`", "&#96;`@org/team`&#96;");
        check("a\\|b", "`a\\`&#124;`b`");
        check(" a ", "` a `");
        check("||", "&#124;&#124;");
        check("", "");
    }
}
