//! A summary and its insights -> a text that a person reads in ten seconds.
use std::cmp::Reverse;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::table::{place, table};
use super::{Coverage, JudgedFrom, Minutes, Skipped, Summary, WarmingUp, WentOn, latest};
use crate::config::Unmatched;
use crate::insight::Insight;
use crate::report::much_is_late;
use crate::severity::Severity;
use crate::time::{MINUTES_PER_DAY, Minute};
use crate::words::{clock, columns_of, count, counted, fitted, printable};

/// Rows of the table of insights.
const INSIGHTS_SHOWN: usize = 40;
/// Sentences below the table.
const REASONS_SHOWN: usize = 5;
/// Accounts that are named as warming up.
const ACCOUNTS_SHOWN: usize = 5;
/// Rows of the list of what was skipped.
const SKIPPED_SHOWN: usize = 10;
/// Rules without effect that are named, and columns of each.
const RULES_SHOWN: usize = 10;
const RULE_COLUMNS: usize = 160;

/// How the text should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns of the terminal.
    pub columns: usize,
    /// Whether severities are coloured.
    pub colour: Colour,
}

/// Whether to write escape sequences for colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// None at all.
    #[default]
    Off,
    /// Severities have theirs.
    On,
}

/// Writes the text: what was read, what was not, and a table of the insights in order of time. Of more than 40, the
/// 40 most severe.
///
/// # Errors
/// `out` cannot be written to.
pub fn write(out: &mut dyn Write, summary: &Summary, insights: &[Insight], look: Look) -> io::Result<()> {
    write_coverage(out, &summary.coverage, look)?;
    without_match(out, &summary.rules_without_match)?;
    let mut shown = latest(insights);
    shown.retain(|insight| insight.alerts());
    let mut heading = headline(summary);
    if shown.len() > INSIGHTS_SHOWN {
        shown.sort_by(|one, other| {
            let (why, others) = (&one.explanation, &other.explanation);
            Reverse(why.severity)
                .cmp(&Reverse(others.severity))
                .then_with(|| why.log10_probability.total_cmp(&others.log10_probability))
        });
        shown.truncate(INSIGHTS_SHOWN);
        shown.sort_by_key(|insight| (insight.start, &insight.series));
        write!(heading, ", the {INSIGHTS_SHOWN} most severe here, all in insights.jsonl")
            .expect("a text can be written to");
    }
    writeln!(out, "\n{heading}")?;
    if shown.is_empty() {
        return Ok(());
    }
    table(out, &shown, look)?;
    reasons(out, &shown)
}

/// Rules that are likely a slip of the pen: what they should mute alerts, and nobody would know why.
fn without_match(out: &mut dyn Write, rules: &[Unmatched]) -> io::Result<()> {
    for Unmatched { rule, why } in rules.iter().take(RULES_SHOWN) {
        let (rule, why) = (fitted(rule, RULE_COLUMNS), fitted(why, RULE_COLUMNS));
        writeln!(out, "RULE WITHOUT EFFECT: {rule}: {why}")?;
    }
    match rules.len().saturating_sub(RULES_SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "RULE WITHOUT EFFECT: {} more, see summary.json", count(more as u64)),
    }
}

/// The sentences of the most severe, which say why.
fn reasons(out: &mut dyn Write, insights: &[&Insight]) -> io::Result<()> {
    let mut worst: Vec<&Insight> = insights.to_vec();
    worst.sort_by(|one, other| {
        let (why, others) = (&one.explanation, &other.explanation);
        let by_severity = Reverse(why.severity).cmp(&Reverse(others.severity));
        by_severity.then_with(|| why.log10_probability.total_cmp(&others.log10_probability))
    });
    writeln!(out, "\nWhy the most severe were flagged (all: explanation.text in insights.jsonl):")?;
    for insight in worst.into_iter().take(REASONS_SHOWN) {
        writeln!(
            out,
            "  {} {}: {}",
            clock(insight.start),
            place(insight),
            printable(&insight.explanation.text)
        )?;
    }
    Ok(())
}

/// Writes what was read, and what could not be.
///
/// # Errors
/// `out` cannot be written to.
pub fn write_coverage(out: &mut dyn Write, read: &Coverage, look: Look) -> io::Result<()> {
    let (files, records) = (counted(read.input.files, "file"), counted(read.input.records, "record"));
    match read.minutes {
        Some(Minutes { from, to }) if read.input.records > 0 => {
            writeln!(out, "Read {files}, {records}, {} to {} UTC", clock(from), clock(to))?;
        }
        _ => writeln!(out, "Read {files}, {records}")?,
    }
    let mut parts =
        vec![format!("Counted {} in {} series", counted(read.counted, "call"), count(read.series))];
    if read.duplicates > 0 {
        parts.push(counted(read.duplicates, "duplicate"));
    }
    for (verb, reasons) in [("excluded", &read.excluded), ("not read as logs:", &read.excluded_files)] {
        let reasons: Vec<String> = reasons
            .iter()
            .map(|(reason, number)| format!("{} {}", count(*number), printable(reason).replace('_', " ")))
            .collect();
        if !reasons.is_empty() {
            parts.push(format!("{verb} {}", reasons.join(", ")));
        }
    }
    writeln!(out, "{}", parts.join("; "))?;
    went_on(out, read)?;
    if !read.ignored.is_empty() {
        writeln!(out, "Left alone: {}, see summary.json", counted(read.ignored.len() as u64, "other file"))?;
    }
    if let Some(from) = read.reported_from {
        writeln!(out, "Insights before {} are left out; what came before is only learned from", clock(from))?;
    }
    let told_until = read.went_on.as_ref().and_then(|went_on| went_on.judged_from);
    let news = |account: &&JudgedFrom| told_until.is_none_or(|until| account.from >= until);
    judged_from(out, &read.judged_from.iter().filter(news).collect::<Vec<_>>())?;
    warming_up(out, &read.warming_up)?;
    skipped(out, &read.skipped, look)
}

/// How far a run went on from its state, and what that left aside.
fn went_on(out: &mut dyn Write, read: &Coverage) -> io::Result<()> {
    let Some(WentOn { judged_from, judged_until: until, open, model_before, rescored }) = &read.went_on
    else {
        return Ok(());
    };
    let before = match (read.known_files, read.known_folders) {
        (0, 0) => String::new(),
        (files, 0) => format!("; {} read before", counted(files, "file")),
        (files, folders) => {
            format!("; {} and {} read before", counted(files, "file"), counted(folders, "old folder"))
        }
    };
    let to = clock(*until);
    let judged = match judged_from {
        Some(from) if from == until => "Nothing new has settled".to_owned(),
        Some(from) => format!("Judged what has settled, {} to {to} UTC", clock(*from)),
        None if *rescored => format!("Judged again all that is kept and has settled, to {to} UTC"),
        None if *until == Minute::default() => "A new state: nothing to judge yet".to_owned(),
        None => format!("A new state: judged what has settled, to {to} UTC"),
    };
    let waits = |files| format!("; {} left for the next run (see below)", counted(files, "file"));
    let left = Some(read.left_files).filter(|files| *files > 0).map(waits).unwrap_or_default();
    writeln!(out, "{judged}{before}; {} open{left}", counted(*open, "insight"))?;
    if let Some(before) = model_before {
        writeln!(
            out,
            "MODEL CHANGED: the run before judged with {}, or with another sensitivity or overrides; what was learned goes on \
             (--rescore judges the kept history again)",
            printable(before)
        )?;
    }
    if read.late > 0 {
        writeln!(
            out,
            "Late: {} came after their minute had settled: they are history, but not judged (--rescore judges all again)",
            counted(read.late, "call")
        )?;
        if much_is_late(read.late, read.counted) {
            let advice = "Where it is always so, a larger --settle waits longer";
            writeln!(out, "MUCH IS LATE: what is found depends on it. {advice}")?;
        }
    }
    Ok(())
}

/// Since when all were judged, and which accounts only since later.
fn judged_from(out: &mut dyn Write, accounts: &[&JudgedFrom]) -> io::Result<()> {
    let Some(first) = accounts.iter().map(|account| account.from).min() else { return Ok(()) };
    writeln!(out, "Judged from {} on: before, there was too little history", clock(first))?;
    let later: Vec<&&JudgedFrom> =
        accounts.iter().filter(|account| account.from.since(first) > MINUTES_PER_DAY).collect();
    for JudgedFrom { account, from } in later.iter().take(ACCOUNTS_SHOWN) {
        writeln!(out, "Account {} only from {} on", printable(account), clock(*from))?;
    }
    match later.len().saturating_sub(ACCOUNTS_SHOWN) {
        0 => Ok(()),
        more => {
            writeln!(out, "{} more only from later on, see summary.json", counted(more as u64, "account"))
        }
    }
}

/// That nothing was found says nothing where nothing could be judged yet.
fn warming_up(out: &mut dyn Write, accounts: &[WarmingUp]) -> io::Result<()> {
    for WarmingUp { account, days, needed } in accounts.iter().take(ACCOUNTS_SHOWN) {
        let account = printable(account);
        writeln!(
            out,
            "NOT JUDGED: account {account} has {days} of the {needed} days of history that are needed"
        )?;
    }
    match accounts.len().saturating_sub(ACCOUNTS_SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "NOT JUDGED: {} more, see summary.json", counted(more as u64, "account")),
    }
}

fn skipped(out: &mut dyn Write, skipped: &[Skipped], look: Look) -> io::Result<()> {
    if skipped.is_empty() {
        return Ok(());
    }
    writeln!(out, "Skipped {}:", count(skipped.len() as u64))?;
    for Skipped { what, why, records } in skipped.iter().take(SKIPPED_SHOWN) {
        let lost = if *records > 0 { format!(" ({})", counted(*records, "record")) } else { String::new() };
        let why = format!("{why}{lost}");
        // The reason matters more than the whole path, of which the end says most.
        let columns = look.columns.saturating_sub(4);
        let for_what = columns.saturating_sub(columns_of(&printable(&why)).min(columns * 2 / 3));
        let what = fitted_end(what, for_what);
        let why = fitted(&why, columns.saturating_sub(columns_of(&what)));
        writeln!(out, "  {what}: {why}")?;
    }
    match skipped.len().saturating_sub(SKIPPED_SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  and {} more, see summary.json", count(more as u64)),
    }
}

fn headline(summary: &Summary) -> String {
    let mut besides = match summary.insights_ended {
        0 => String::new(),
        ended => format!("; {} of an earlier run ended", count(ended)),
    };
    if summary.insights_muted > 0 {
        write!(besides, "; {} muted, see insights.jsonl", count(summary.insights_muted))
            .expect("a text can be written to");
    }
    if let Some(told_twice) = summary.insights_told_twice.filter(|number| *number > 0) {
        write!(besides, "; {} of sums that others tell already", count(told_twice))
            .expect("a text can be written to");
    }
    if summary.insights == 0 {
        if summary.coverage.minutes.is_none() && summary.coverage.went_on.is_none() {
            return "NOTHING TO JUDGE: no call was counted".to_owned();
        }
        let judged = if summary.coverage.warming_up.is_empty() { "" } else { " in what could be judged" };
        let new = if summary.coverage.went_on.is_some() { "new " } else { "" };
        return format!("No {new}insights{judged}{besides}");
    }
    let severities: Vec<String> = Severity::ALL
        .iter()
        .rev()
        .filter_map(|severity| {
            let number = summary.insights_by_severity.get(severity.name())?;
            Some(format!("{} {severity}", count(*number)))
        })
        .collect();
    let mut headline = format!("{}: {}", counted(summary.insights, "insight"), severities.join(", "));
    if summary.insights_open > 0 {
        write!(headline, "; {} still open", count(summary.insights_open)).expect("a text can be written to");
    }
    headline + &besides
}

/// The end of a text that is too long: `…/us-east-1/2026/01/31/file.json.gz`.
fn fitted_end(text: &str, columns: usize) -> String {
    let text = printable(text);
    if columns_of(&text) <= columns {
        return text.into_owned();
    }
    let mut from = text.len();
    let mut width = 1;
    for (index, char) in text.char_indices().rev() {
        width += columns_of(char.encode_utf8(&mut [0; 4]));
        if width > columns {
            break;
        }
        from = index;
    }
    format!("…{}", text.get(from..).unwrap_or_default())
}
