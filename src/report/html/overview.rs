//! A report -> the texts of its page's overview, safe to show. Pure.
use std::collections::BTreeMap;

use crate::report::Report;
use crate::report::model::{Covered, Incident, Insight, Skipped, Span, Total};
use crate::report::verdict::{headline, lead, nothing};
use crate::words::{clock, count, counted, figure, printable};

/// Incidents that are seen at once; the others are behind a fold.
const INCIDENTS: usize = 8;
/// Rows of a table of numbers that are seen at once.
const ROWS: usize = 6;
/// Files, or accounts, that are named; more are counted, files by the reason why they were not read.
const NAMED: usize = 200;
/// Reasons that are named of those that are counted.
const REASONS: usize = 20;

/// What the overview says.
#[derive(Debug)]
pub(super) struct Overview<'a> {
    pub(super) title: String,
    pub(super) span: Option<String>,
    pub(super) headline: String,
    pub(super) lead: String,
    pub(super) severities: Vec<(&'a str, u64)>,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) covered: Vec<(String, String)>,
    pub(super) skipped: Vec<(String, String, String)>,
    pub(super) skipped_head: String,
    /// What makes all of it less certain.
    pub(super) warming_up: Option<String>,
    /// Those of the report's own period, the most important first.
    pub(super) incidents: Vec<Line<'a>>,
    /// Those behind a fold.
    pub(super) more_incidents: Vec<Line<'a>>,
    /// Where there is no incident.
    pub(super) nothing: &'static str,
    pub(super) compared: String,
    pub(super) tables: Vec<Table>,
    pub(super) filters: [(&'static str, &'static str); 7],
    pub(super) columns: [(&'static str, &'static str, &'static str); 9],
    pub(super) keys: Vec<(Vec<&'static str>, &'static str)>,
}

/// An incident.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) id: &'a str,
    pub(super) severity: &'a str,
    pub(super) sentence: String,
    pub(super) leading: &'a str,
    pub(super) when: String,
    pub(super) number: usize,
    pub(super) points: String,
    pub(super) going_on: bool,
}

/// Numbers of insights, now and before.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) title: &'static str,
    /// What of the list a name narrows.
    pub(super) filter: &'static str,
    pub(super) rows: Vec<Row>,
    pub(super) more: Vec<Row>,
}

/// A row of such a table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) filter: Option<String>,
    pub(super) now: String,
    pub(super) before: Option<String>,
    pub(super) change: String,
}

impl<'a> Overview<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let covered = report.coverage.as_ref();
        let totals = &report.totals;
        let severities = totals.by_severity.iter().filter(|it| it.now > 0);
        let incidents = report.incidents.iter().filter(|it| !it.silent && !it.earlier);
        let mut incidents: Vec<Line<'_>> = incidents.map(|it| line(it, &report.insights)).collect();
        let more_incidents = incidents.split_off(incidents.len().min(INCIDENTS));
        let all_skipped = covered.iter().flat_map(|it| &it.skipped).chain(&report.unread);
        let all_skipped: Vec<&Skipped> = all_skipped.collect();
        Self {
            title: report.title.clone(),
            span: report.span.map(days),
            headline: headline(report),
            lead: lead(report),
            severities: severities.map(|it| (it.name.as_str(), it.now)).collect(),
            facts: facts(report),
            covered: covered.map(everything).unwrap_or_default(),
            skipped_head: skipped_head(all_skipped.len() as u64),
            skipped: skipped(&all_skipped),
            warming_up: notice(report),
            incidents,
            more_incidents,
            nothing: nothing(report),
            compared: report.previous.map_or_else(
                || "the period before was not judged".to_owned(),
                |previous| format!("before: {}", days(previous)),
            ),
            tables: tables(report),
            filters: [
                ("severity", "Severity"),
                ("type", "Type"),
                ("account", "Account"),
                ("region", "Region"),
                ("service", "Service"),
                ("name", "Name"),
                ("identity", "Identity"),
            ],
            columns: [
                ("severity", "Severity", ""),
                ("when", "When (UTC)", ""),
                ("what", "What", ""),
                ("rate", "A minute", " number"),
                ("usual", "Usual", " number"),
                ("change", "Change", " number"),
                ("lasted", "Lasted", " number"),
                ("where", "Where", ""),
                ("who", "Who", ""),
            ],
            keys: keys(),
        }
    }
}

fn keys() -> Vec<(Vec<&'static str>, &'static str)> {
    vec![
        (vec!["j", "k"], "next and previous insight; in the list, arrows too"),
        (vec!["Enter"], "open the insight that is marked"),
        (vec!["Esc"], "back to the list, out of a field"),
        (vec!["/"], "search"),
        (vec!["\u{2190}", "\u{2192}"], "in a graph: read values; with Shift, move"),
        (vec!["+", "-", "0"], "in a graph: zoom in, out, back"),
        (vec!["Ctrl", "wheel"], "over a graph: zoom; drag for a stretch, double-click for all"),
        (vec!["?"], "this help"),
    ]
}

/// `2026-01-12 00:00 to 2026-02-09 00:00`.
fn days(span: Span) -> String {
    format!("{} to {}", clock(span.from), clock(span.to))
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(span) = report.span {
        facts.push(("Period (UTC)", days(span)));
    }
    if let Some(span) = report.coverage_of {
        facts.push(("Below, what the last run covered", days(span)));
    }
    if let Some(covered) = &report.coverage {
        let few = |names: &[String], thing| match names {
            [] => "none".to_owned(),
            names if names.len() <= 3 => printable(&names.join(", ")).into_owned(),
            names => counted(names.len() as u64, thing),
        };
        facts.push(("Accounts", few(&covered.accounts, "account")));
        facts.push(("Regions", few(&covered.regions, "region")));
        facts.extend(covered.files.map(|files| ("Log files", count(files))));
        facts.extend(covered.records.map(|records| ("Records read", count(records))));
        facts.push(("Series watched", count(covered.series)));
        if let Some(first) = covered.judged_from.iter().map(|it| it.from).min() {
            facts.push(("Judged from", clock(first)));
        }
        if covered.open_elsewhere > 0 {
            facts.push(("Open, but not in these results", count(covered.open_elsewhere)));
        }
        facts.extend(covered.reported_from.map(|from| ("Insights left out before", clock(from))));
        facts.push(("Could not be read", count((covered.skipped.len() + report.unread.len()) as u64)));
    }
    let models: Vec<String> = report
        .models
        .iter()
        .map(|it| format!("{}, sensitivity {}", it.name, figure(it.sensitivity)))
        .collect();
    if !models.is_empty() {
        facts.push(("Model", printable(&models.join("; ")).into_owned()));
    }
    facts
}

/// What was read, in full: so that nobody has to ask what was not.
fn everything(covered: &Covered) -> Vec<(String, String)> {
    let list = |names: &[String]| printable(&names.join(", ")).into_owned();
    let by = |numbers: &BTreeMap<String, u64>| {
        let parts: Vec<String> = numbers
            .iter()
            .map(|(name, number)| format!("{} {}", count(*number), name.replace('_', " ")))
            .collect();
        printable(&parts.join(", ")).into_owned()
    };
    let number = |number: Option<u64>| number.map(count).unwrap_or_default();
    let mut rows = vec![
        ("Accounts".to_owned(), list(&covered.accounts)),
        ("Regions".to_owned(), list(&covered.regions)),
        ("Calls from, to".to_owned(), covered.calls.map(days).unwrap_or_default()),
        ("Records counted".to_owned(), number(covered.counted)),
        ("Counted before".to_owned(), number(covered.duplicates)),
        ("Too late to be judged".to_owned(), number(covered.late)),
        ("Records that count nowhere".to_owned(), by(&covered.excluded)),
        ("Files that are no logs".to_owned(), by(&covered.excluded_files)),
    ];
    for judged in covered.judged_from.iter().take(NAMED) {
        rows.push((format!("Account {} judged from", printable(&judged.account)), clock(judged.from)));
    }
    rows.extend(and_more(&covered.judged_from).map(|more| ("Accounts judged".to_owned(), more)));
    for ignored in covered.ignored.iter().take(NAMED) {
        rows.push((
            "Left aside".to_owned(),
            printable(&format!("{}: {}", ignored.what, ignored.why)).into_owned(),
        ));
    }
    rows.extend(and_more(&covered.ignored).map(|more| ("Left aside".to_owned(), more)));
    rows.retain(|(_, value)| !value.is_empty() && value != "0");
    rows
}

/// What there is beyond the rows that are named.
fn and_more<T>(all: &[T]) -> Option<String> {
    let more = all.len().saturating_sub(NAMED);
    (more > 0).then(|| format!("and {} more", count(more as u64)))
}

/// What, why, and the records that were lost: the first one by one, the others by reason.
fn skipped(all: &[&Skipped]) -> Vec<(String, String, String)> {
    let text = |text: &str| printable(text).into_owned();
    let lost = |records| if records == 0 { "not known".to_owned() } else { count(records) };
    let (named, others) = all.split_at(all.len().min(NAMED));
    let mut by_reason = BTreeMap::<&str, (u64, u64)>::new();
    for Skipped { why, records, .. } in others {
        let (number, sum) = by_reason.entry(why).or_default();
        (*number, *sum) = (*number + 1, sum.saturating_add(*records));
    }
    let mut by_reason: Vec<(&str, (u64, u64))> = by_reason.into_iter().collect();
    by_reason.sort_by_key(|(_, (number, _))| std::cmp::Reverse(*number));
    if by_reason.len() > REASONS {
        let rest = by_reason.split_off(REASONS).into_iter().map(|(_, numbers)| numbers);
        let (number, sum) = rest.fold((0, 0_u64), |all, one| (all.0 + one.0, all.1.saturating_add(one.1)));
        by_reason.push(("other reasons", (number, sum)));
    }
    let named = named.iter().map(|it| (text(&it.what), text(&it.why), lost(it.records)));
    let more = |number| format!("and {} more", count(number));
    let counted = by_reason.into_iter().map(|(why, (number, sum))| (more(number), text(why), lost(sum)));
    named.chain(counted).collect()
}

/// A file, or a line or a record of one, each.
fn skipped_head(number: u64) -> String {
    if number == 1 {
        "A file, or a part of one, is skipped.".to_owned()
    } else {
        format!("{} files, or parts of files, are skipped.", count(number))
    }
}

fn notice(report: &Report) -> Option<String> {
    let notices = report.notices.iter().map(|notice| printable(notice).into_owned() + ".");
    let all: Vec<String> = notices.chain(report.coverage.as_ref().and_then(warming_up)).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

fn warming_up(covered: &Covered) -> Option<String> {
    let one = covered.warming_up.first()?;
    let accounts: Vec<&str> = covered.warming_up.iter().map(|it| it.account.as_str()).collect();
    Some(format!(
        "Too little history yet to judge {}: {} days are needed. Nothing can be found there until then.",
        printable(&accounts.join(", ")),
        figure(one.needed)
    ))
}

fn line<'a>(incident: &'a Incident, insights: &'a [Insight]) -> Line<'a> {
    let until = incident.until.map_or_else(
        || "still open".to_owned(),
        |until| {
            let text = clock(until);
            // Of the same day, the hour says it.
            let same = incident.from.day() == until.day();
            format!("to {}", if same { text.split(' ').nth(1).unwrap_or_default() } else { &text })
        },
    );
    Line {
        id: &incident.id,
        severity: &incident.severity,
        sentence: printable(&incident.sentence).into_owned(),
        leading: insights.get(incident.leading).map_or("", |leading| &leading.id),
        when: format!("{} {until}", clock(incident.from)),
        number: incident.insights.len(),
        points: format!("{} points", figure(incident.importance.score)),
        going_on: incident.going_on,
    }
}

fn tables(report: &Report) -> Vec<Table> {
    let totals = &report.totals;
    let mut all = vec![
        ("By type", "type", &totals.by_type),
        ("By account", "account", &totals.by_account),
        ("By service", "service", &totals.by_service),
    ];
    // The numbers of now stand in the headline already.
    if report.previous.is_some() {
        all.push(("By severity", "severity", &totals.by_severity));
    }
    let table = |(title, filter, totals): (_, _, &Vec<Total>)| {
        let mut rows: Vec<Row> = totals.iter().map(row).collect();
        let more = rows.split_off(rows.len().min(ROWS));
        Table { title, filter, rows, more }
    };
    all.into_iter().map(table).filter(|table| !table.rows.is_empty()).collect()
}

fn row(total: &Total) -> Row {
    let Total { name, now, before } = total;
    let shown = match name.as_str() {
        "ApiCallRateInsight" => "call rate".to_owned(),
        "ApiErrorRateInsight" => "error rate".to_owned(),
        name => printable(name).into_owned(),
    };
    Row {
        name: shown,
        filter: (*now > 0).then(|| name.clone()),
        now: count(*now),
        before: before.map(count),
        change: change(*now, *before),
    }
}

/// `+3`, `−2`, `=`.
fn change(now: u64, before: Option<u64>) -> String {
    match before {
        None => String::new(),
        Some(before) if now > before => format!("+{}", count(now - before)),
        Some(before) if now < before => format!("\u{2212}{}", count(before - now)),
        Some(_) => "=".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_that_were_skipped_some_are_named_and_all_are_counted() {
        let file = |number: u64| Skipped {
            what: format!("{number}.json.gz"),
            why: if number % 100 == 99 { format!("at {number}") } else { "it is cut off".to_owned() },
            records: number % 2,
        };
        let files: Vec<Skipped> = (0..20_000).map(file).collect();
        let rows = skipped(&files.iter().collect::<Vec<_>>());
        assert_eq!(rows.len(), NAMED + REASONS + 1);
        assert_eq!(rows[0], ("0.json.gz".to_owned(), "it is cut off".to_owned(), "not known".to_owned()));
        let told = |row: &(String, String, String)| [row.0.clone(), row.1.clone(), row.2.clone()];
        assert_eq!(told(&rows[NAMED]), ["and 19,602 more", "it is cut off", "9,702"]);
        assert_eq!(told(&rows[NAMED + REASONS]), ["and 179 more", "other reasons", "179"]);
        assert_eq!(skipped(&[&files[1]]).len(), 1);

        let ignored =
            |number: u64| crate::report::model::Ignored { what: number.to_string(), why: String::new() };
        let covered = Covered { ignored: (0..20_000).map(ignored).collect(), ..Covered::default() };
        let rows = everything(&covered);
        assert_eq!(rows.len(), NAMED + 1);
        assert_eq!(rows[NAMED], ("Left aside".to_owned(), "and 19,800 more".to_owned()));
    }
}
