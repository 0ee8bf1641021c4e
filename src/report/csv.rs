//! A report -> its insights as CSV, a row each, that no spreadsheet runs. Pure.
use ::csv::Writer;

use super::Report;
use super::model::{Insight, Why};
use crate::time::Minute;
use crate::words::printable;

/// The columns. A report's parts that are no table, such as what was covered, are not in here.
const COLUMNS: [&str; 34] = [
    "incident",
    "score",
    "severity",
    "from",
    "until",
    "detected_at",
    "type",
    "direction",
    "account",
    "region",
    "service",
    "name",
    "category",
    "error_code",
    "roll_up",
    "principal",
    "insight_average",
    "baseline_average",
    "rate_change_percent",
    "duration_minutes",
    "baseline_minutes",
    "rule",
    "window_minutes",
    "observed",
    "expected",
    "bound",
    "improbability_log10",
    "largest_before",
    "muted_by",
    "told_by",
    "earlier",
    "going_on",
    "id",
    "why",
];

/// The rows, the most important incident first.
#[must_use]
pub fn csv(report: &Report) -> Vec<u8> {
    let mut rows = Writer::from_writer(Vec::new());
    rows.write_record(COLUMNS).expect("memory can be written to");
    for incident in &report.incidents {
        for index in &incident.insights {
            let row = row(&report.insights[*index]);
            rows.write_record(row.map(|cell| neutral(&cell))).expect("memory can be written to");
        }
    }
    rows.into_inner().expect("memory can be written to")
}

fn row(insight: &Insight) -> [String; COLUMNS.len()] {
    let series = &insight.series;
    let time = |minute: Option<Minute>| minute.map(|minute| minute.to_string()).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let why = insight.why.as_ref();
    let average = |number: Option<f64>| number.map(|it| it.to_string()).unwrap_or_default();
    let number = |of: fn(&Why) -> Option<f64>| why.and_then(of).map(|it| it.to_string()).unwrap_or_default();
    [
        (insight.incident + 1).to_string(),
        insight.importance.score.to_string(),
        insight.severity.clone(),
        insight.from.to_string(),
        time(insight.until),
        time(insight.detected_at),
        insight.kind.clone(),
        insight.direction.clone(),
        series.account.clone(),
        series.region.clone(),
        series.service.clone(),
        series.name.clone(),
        series.category.clone(),
        text(&series.error_code),
        text(&series.roll_up),
        text(&insight.principal),
        average(insight.insight_average),
        average(insight.baseline_average),
        average(insight.rate_change),
        insight.duration.map(|it| it.to_string()).unwrap_or_default(),
        insight.baseline_duration.map(|it| it.to_string()).unwrap_or_default(),
        why.map(|why| why.rule.clone()).unwrap_or_default(),
        number(|why| Some(f64::from(why.window_minutes))),
        number(|why| Some(why.observed)),
        number(|why| Some(why.expected)),
        number(|why| Some(why.bound)),
        // A number with a minus in front would look like a formula.
        number(|why| Some(-why.log10_probability + 0.0)),
        number(|why| why.largest_before),
        text(&insight.muted_by),
        insight.told_by.join(" "),
        insight.earlier.to_string(),
        insight.going_on.to_string(),
        insight.id.clone(),
        why.map(|why| why.text.clone()).unwrap_or_default(),
    ]
}

/// Spreadsheets take for a formula what begins like one, CWE-1236: an apostrophe in front makes it a text. So it is after a
/// semicolon, at which some of them end a cell. What moves a terminal's cursor goes, tabs too.
fn neutral(cell: &str) -> String {
    let cell = printable(cell);
    let parts = cell.split(';').map(|part| {
        let is_formula = part.trim_start().starts_with(|first| {
            matches!(
                first,
                '=' | '+'
                    | '-'
                    | '@'
                    | '|'
                    | '%'
                    | '＝'
                    | '＋'
                    | '－'
                    | '＠'
                    | '−'
                    | char::REPLACEMENT_CHARACTER
            )
        });
        if is_formula { format!("'{part}") } else { part.to_owned() }
    });
    parts.collect::<Vec<String>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::neutral;

    #[test]
    fn formulas_are_texts() {
        let check = |cell: &str, want: &str| assert_eq!(neutral(cell), want, "{cell:?}");
        check("=1+1", "'=1+1");
        check("+1", "'+1");
        check("-1", "'-1");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\t=1", "'\u{fffd}=1");
        check("\r=1", "'\u{fffd}=1");
        check("  =1", "'  =1");
        check("＝1", "'＝1");
        check("ec2", "ec2");
        check("", "");
        check("a;=1", "a;'=1");
        check("a; b;  @c;", "a; b;'  @c;");
        check("a\t=1", "a\u{fffd}=1");
        check("role/a=b", "role/a=b");
    }
}
