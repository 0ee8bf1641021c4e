//! An explained minute -> a text for a person.
use std::fmt::Write as _;
use std::io::{self, Write};

use crate::attribution::{Contributing, Contributor};
use crate::detect::Direction;
use crate::detect::look::{Judged, Levels, LineLook, WindowLook};
use crate::explanation::Usual;
use crate::pipeline::explain::{Explained, HALF_HOUR, Span};
use crate::time::{MINUTES_PER_DAY, Minute};
use crate::words::{chance, clock, duration, figure, fitted, printable, sparkline};

/// Columns of a name.
const NAME_COLUMNS: usize = 80;
/// Contributors of each kind that are shown.
const SHOWN: usize = 5;
/// Titles of the table of windows.
const TITLES: [&str; 8] =
    ["WINDOW", "SEEN", "EXPECTED", "+/-", "CHANCE", "MOST BEFORE", "SAME TIME, DAYS", "WEEKS BEFORE"];
/// What they mean.
const LEGEND: &str = "\
  EXPECTED: from the lowest (falls are judged by it) to the highest (rises are) of the forecasts for this time and near it;
  +/-: its standard deviation; CHANCE: of so many calls or more, or, with \u{2193}, of so few or fewer; MOST BEFORE: largest
  total of the remembered days; SAME TIME: median of the same minutes of 7 days, and of 4 weeks; LINES: the total that
  crosses each, and how far it is";

/// Writes it.
pub(super) fn write(out: &mut dyn Write, explained: &Explained) -> io::Result<()> {
    let Explained { series, look, model, .. } = explained;
    writeln!(out, "{}", printable(&series.to_string()))?;
    if let Some(kind) = explained.roll_up {
        writeln!(out, "The sum of {}", kind.meaning())?;
    }
    writeln!(
        out,
        "{} UTC, {} after its first call; model {}, sensitivity {}",
        clock(look.minute),
        duration((look.age_days * f64::from(MINUTES_PER_DAY)).round() as i32),
        printable(&model.name),
        model.sensitivity
    )?;
    writeln!(out, "{}\n", verdict(explained))?;
    windows(out, explained)?;
    writeln!(out, "\n{}", levels(look.levels))?;
    who(out, explained)?;
    let at = look.minute;
    let minutes = i32::try_from(explained.minutes.len()).unwrap_or(i32::MAX);
    chart(
        out,
        &explained.minutes,
        &Chart { title: "Last two hours, a minute a column", step: 1, from: at.plus(1 - minutes) },
        &explained.episodes,
    )?;
    let columns = i32::try_from(explained.half_hours.len()).unwrap_or(i32::MAX);
    let from = at.plus(1 - columns * HALF_HOUR);
    chart(
        out,
        &explained.half_hours,
        &Chart { title: "Last day, half an hour a column", step: HALF_HOUR, from },
        &explained.episodes,
    )
}

fn verdict(explained: &Explained) -> String {
    let look = &explained.look;
    if let Some(span) = &explained.inside {
        return inside(span, look.minute);
    }
    let crossed = look.windows.iter().flat_map(|window| &window.lines).any(|line| line.crossed);
    match (look.open, look.judged) {
        (Some((start, _)), _) => format!(
            "Calm again: the insight that began {} ended before this minute, but is not closed yet, since it could go on",
            clock(start)
        ),
        (None, Judged::AccountTooYoung) => {
            "Not judged: the account has not been watched for long enough".into()
        }
        (None, Judged::SeriesTooYoung) => "Not judged: the series is too young".into(),
        (None, Judged::Yes | Judged::EpisodeOpen) if crossed => "A line is crossed".into(),
        (None, Judged::Yes | Judged::EpisodeOpen) => "Usual: no line is crossed".into(),
    }
}

/// Of a minute that lies in an insight, whether it was noticed by then or only later.
fn inside(span: &Span, minute: Minute) -> String {
    let Span { start, detected_at, end, rule } = span;
    let until = end
        .map_or_else(|| "is open at the end of the logs".to_owned(), |end| format!("ended {}", clock(end)));
    let noticed = if minute.plus(1) < *detected_at { "not noticed before" } else { "noticed" };
    format!(
        "UNUSUAL: inside the insight that began {} and {until}; {noticed} {}, line {}",
        clock(*start),
        clock(*detected_at),
        rule.name()
    )
}

fn windows(out: &mut dyn Write, explained: &Explained) -> io::Result<()> {
    let rows: Vec<[String; 8]> = explained
        .look
        .windows
        .iter()
        .zip(&explained.usual)
        .map(|(window, usual)| row(window, usual))
        .collect();
    let widths: Vec<usize> = (0..TITLES.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or_default().max(TITLES[column].len())
        })
        .collect();
    let line = |cells: &[String; 8]| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(&widths) {
            write!(line, "{cell:>width$}  ").expect("a text can be written to");
        }
        line
    };
    writeln!(out, "{}LINES", line(&TITLES.map(str::to_owned)))?;
    for (cells, window) in rows.iter().zip(&explained.look.windows) {
        let lines: Vec<String> = window.lines.iter().map(|line| line_text(line, window.observed)).collect();
        writeln!(out, "{}{}", line(cells), lines.join(", "))?;
    }
    writeln!(out, "{LEGEND}")
}

fn row(window: &WindowLook, usual: &Usual) -> [String; 8] {
    let or_dash = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), figure);
    let most = figure(window.expected);
    let expected = window
        .fall
        .map_or_else(|| format!("to {most}"), |fall| format!("{} to {most}", figure(fall.expected)));
    let (log10, direction) = window.extreme();
    let (arrow, deviation) = match (direction, window.fall) {
        (Direction::Down, Some(fall)) => ("\u{2193} ", fall.deviation),
        _ => ("", window.deviation),
    };
    [
        duration(i32::try_from(window.minutes).unwrap_or(i32::MAX)),
        figure(window.observed),
        expected,
        figure(deviation),
        chance(log10).map_or_else(|| "-".to_owned(), |chance| format!("{arrow}{chance}")),
        or_dash(window.largest),
        or_dash(usual.time_of_day),
        or_dash(usual.time_of_week),
    ]
}

/// `contextual 14 (5 more)`, `record 17 crossed`, `drop none`.
fn line_text(line: &LineLook, observed: f64) -> String {
    let name = line.rule.name();
    let Some(bound) = line.bound else { return format!("{name} none") };
    let word = match line.rule.direction() {
        Direction::Up => "more",
        Direction::Down => "fewer",
    };
    if line.crossed {
        format!("{name} {} CROSSED", figure(bound))
    } else {
        format!("{name} {} ({} {word})", figure(bound), figure((bound - observed).abs()))
    }
}

fn levels(levels: Levels) -> String {
    match levels {
        Levels::Rate { recent, level, time_of_day, time_of_week } => {
            let parts = [
                ("lately", recent),
                ("in the last week", level),
                ("at this time of the day", time_of_day),
                ("at this time of the week", time_of_week),
            ];
            let part = |(name, (rate, weight)): (&str, (f64, f64))| {
                format!("{} {name} (weight {:.0} %)", figure(rate), 100.0 * weight)
            };
            format!("Usual a minute: {}", parts.map(part).join(", "))
        }
        Levels::Share(share) => format!("Usually {} % of the calls fail so", figure(100.0 * share)),
    }
}

fn who(out: &mut dyn Write, explained: &Explained) -> io::Result<()> {
    if explained.contributors.is_empty() {
        return Ok(());
    }
    let window = duration(explained.window_minutes);
    writeln!(out, "\nIn the last {window}, against the week before:")?;
    for (attribute, name) in [
        (Contributing::Identity, "identity"),
        (Contributing::Account, "account"),
        (Contributing::Region, "region"),
        (Contributing::Api, "API"),
        (Contributing::UserAgent, "user agent"),
        (Contributing::ErrorCode, "error code"),
    ] {
        let of_kind: Vec<&Contributor> =
            explained.contributors.iter().filter(|it| it.attribute == attribute).collect();
        // Of a fall those who do not call now are what matters.
        let told = |it: &&&Contributor| it.calls > 0 || explained.direction == Direction::Down;
        for Contributor { value, calls, usual, .. } in of_kind.iter().filter(told).take(SHOWN) {
            let value = fitted(value, NAME_COLUMNS);
            writeln!(out, "  {name:<10}  {value}: {calls}, usually {}", figure(*usual))?;
        }
        let more = of_kind.iter().filter(told).count().saturating_sub(SHOWN);
        let silent = of_kind.iter().filter(|it| !told(it)).count();
        if more > 0 {
            writeln!(out, "  {name:<10}  {} more", more + silent)?;
        } else if silent > 0 {
            writeln!(out, "  {name:<10}  {silent} more that called in the week before, but not now")?;
        }
    }
    Ok(())
}

/// A row of bars.
struct Chart<'a> {
    title: &'a str,
    /// Minutes a column.
    step: i32,
    /// First minute of the first column.
    from: Minute,
}

fn chart(out: &mut dyn Write, calls: &[u64], chart: &Chart<'_>, episodes: &[Span]) -> io::Result<()> {
    let Chart { title, step, from } = *chart;
    let most = calls.iter().copied().max().unwrap_or_default();
    writeln!(out, "\n{title}, from {}; highest {}", clock(from), figure(most as f64))?;
    writeln!(out, "  {}", sparkline(calls))?;
    let marks: String = (0..i32::try_from(calls.len()).unwrap_or(i32::MAX))
        .map(|column| {
            let (first, end) = (from.plus(column * step), from.plus((column + 1) * step));
            let flagged = |span: &Span| span.start < end && span.end.is_none_or(|end| end > first);
            if episodes.iter().any(flagged) { '^' } else { ' ' }
        })
        .collect();
    if !marks.trim().is_empty() {
        writeln!(out, "  {}  unusual", marks.trim_end())?;
    }
    Ok(())
}
