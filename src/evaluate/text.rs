//! Figures -> a headline, a table by kind and a table by family, for people.
use std::io::{self, Write};

use super::Figures;
use crate::words::{count, counted, duration, figure, printable};

/// Writes the figures of each of `figures`, under its name; of several, a table of all comes first.
///
/// # Errors
/// `out` cannot be written to.
pub fn write(out: &mut dyn Write, figures: &[(String, Figures)]) -> io::Result<()> {
    if figures.len() > 1 {
        overview(out, figures)?;
    }
    for (number, (name, figures)) in figures.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        headline(out, name, figures)?;
        by_kind(out, figures)?;
        by_family(out, figures)?;
        causes(out, figures)?;
    }
    Ok(())
}

fn overview(out: &mut dyn Write, figures: &[(String, Figures)]) -> io::Result<()> {
    let mut rows = vec![
        ["MODEL", "F1", "PRECISION", "RECALL", "FALSE/1,000 DAYS", "REPEATED", "DELAY", "90 %"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for (name, figures) in figures {
        rows.push(vec![
            printable(name).into_owned(),
            ratio(figures.f1),
            ratio(figures.precision),
            ratio(figures.recall),
            known(figures.fa_per_1000_series_days, |rate| format!("{rate:.2}")),
            count(figures.repeats),
            known(figures.delay_median, minutes),
            known(figures.delay_p90, minutes),
        ]);
    }
    table(out, &rows)?;
    writeln!(out)
}

fn headline(out: &mut dyn Write, name: &str, figures: &Figures) -> io::Result<()> {
    writeln!(
        out,
        "{}: {} of {} found, {}: F1 {}, precision {}, recall {}",
        printable(name),
        count(figures.found),
        counted_anomalies(figures.required),
        counted(figures.false_alarms, "false alarm"),
        ratio(figures.f1),
        ratio(figures.precision),
        ratio(figures.recall)
    )?;
    if let (Some(all), Some(rate), Some(error), Some(days)) =
        (figures.fa_per_1000_series_days, figures.fa_rate, figures.fa_error, figures.series_days)
    {
        writeln!(
            out,
            "False alarms by 1,000 series-days: {all:.2} (call rates {rate:.2}, error rates {error:.2}) in {} \
             series-days",
            figure(days)
        )?;
    }
    if let (Some(median), Some(p90)) = (figures.delay_median, figures.delay_p90) {
        writeln!(out, "Told after {} in the median, nine of ten after {}", minutes(median), minutes(p90))?;
    }
    if let (Some(start), Some(end)) = (figures.start_error, figures.end_error) {
        writeln!(
            out,
            "Off by {} at the start and {} at the end in the median",
            minutes(start),
            minutes(end)
        )?;
    }
    let unknown = match figures.unknown {
        0 => String::new(),
        unknown => format!("; {} on APIs that the labels do not know", count(unknown)),
    };
    writeln!(
        out,
        "{} ({} precision if they were false), {} neither right nor wrong{unknown}",
        counted(figures.repeats, "repeated alarm"),
        ratio(figures.precision_strict),
        count(figures.ignored)
    )
}

fn by_kind(out: &mut dyn Write, figures: &Figures) -> io::Result<()> {
    let mut rows = vec![["KIND", "ANOMALIES", "RECALL", "DELAY"].map(str::to_owned).to_vec()];
    for (kind, row) in &figures.by_kind.0 {
        rows.push(vec![
            printable(kind).into_owned(),
            count(row.required),
            ratio(row.recall),
            known(row.delay_median, minutes),
        ]);
    }
    section(out, &rows)
}

fn by_family(out: &mut dyn Write, figures: &Figures) -> io::Result<()> {
    let titles = ["FAMILY", "ANOMALIES", "RECALL", "FALSE ALARMS", "BY 1,000 DAYS"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for (family, row) in &figures.by_family.0 {
        rows.push(vec![
            printable(family).into_owned(),
            count(row.required),
            known(row.recall, ratio),
            count(row.false_alarms),
            known(row.fa_per_1000_series_days, |rate| format!("{rate:.2}")),
        ]);
    }
    section(out, &rows)
}

fn causes(out: &mut dyn Write, figures: &Figures) -> io::Result<()> {
    let mut rows = vec![["FALSE ALARMS AT", "NUMBER"].map(str::to_owned).to_vec()];
    rows.extend(
        figures.causes.0.iter().map(|(cause, number)| vec![printable(cause).into_owned(), count(*number)]),
    );
    section(out, &rows)
}

fn counted_anomalies(number: u64) -> String {
    if number == 1 { "1 anomaly".into() } else { format!("{} anomalies", count(number)) }
}

fn ratio(share: f64) -> String {
    format!("{share:.3}")
}

fn minutes(minutes: f64) -> String {
    if minutes < 60.0 { format!("{} min", figure(minutes)) } else { duration(minutes.round() as i32) }
}

fn known(value: Option<f64>, say: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), say)
}

/// A table below an empty line; nothing where there are no rows below the titles.
fn section(out: &mut dyn Write, rows: &[Vec<String>]) -> io::Result<()> {
    if rows.len() < 2 {
        return Ok(());
    }
    writeln!(out)?;
    table(out, rows)
}

/// Names to the left, numbers to the right.
fn table(out: &mut dyn Write, rows: &[Vec<String>]) -> io::Result<()> {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default())
        .collect();
    for row in rows {
        write!(out, "{:<width$}", row[0], width = widths[0])?;
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            write!(out, "  {cell:>width$}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}
