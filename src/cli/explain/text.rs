//! An explained minute -> a text for a person.
use std::fmt::Write as _;
use std::io::{self, Write};

use crate::attribution::{Contributing, Contributor};
use crate::detect::Direction;
use crate::detect::look::{Judged, Levels, LineLook, WindowLook};
use crate::explanation::Usual;
use crate::pipeline::explain::{Explained, HALF_HOUR, Span};
use crate::time::Minute;
use crate::words::{chance, clock, duration, figure, fitted, printable, sparkline};

/// Columns of a name.
const NAME_COLUMNS: usize = 80;
/// Contributors of each kind that are shown.
const SHOWN: usize = 5;
/// Titles of the table of windows.
const TITLES: [&str; 8] =
    ["WINDOW", "SEEN", "EXPECTED", "+/-", "CHANCE", "LARGEST", "SAME TIME, DAYS", "WEEKS BEFORE"];

/// Writes it.
pub(super) fn write(out: &mut dyn Write, explained: &Explained) -> io::Result<()> {
    let Explained { series, look, model, .. } = explained;
    writeln!(out, "{}", printable(&series.to_string()))?;
    writeln!(
        out,
        "{} UTC, {} after its first call; model {}",
        clock(look.minute),
        duration((look.age_days * 1440.0).round() as i32),
        printable(&model.name)
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
    let crossed = look.windows.iter().flat_map(|window| &window.lines).any(|line| line.crossed);
    match (look.open, look.judged) {
        (Some((start, rule)), _) => {
            format!("UNUSUAL: an episode is open since {}, line {}", clock(start), rule.name())
        }
        (None, Judged::AccountTooYoung) => {
            "Not judged: the account has not been watched for long enough".into()
        }
        (None, Judged::SeriesTooYoung) => "Not judged: the series is too young".into(),
        (None, Judged::Yes | Judged::EpisodeOpen) if crossed => "A line is crossed".into(),
        (None, Judged::Yes | Judged::EpisodeOpen) => "Usual: no line is crossed".into(),
    }
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
    Ok(())
}

fn row(window: &WindowLook, usual: &Usual) -> [String; 8] {
    let or_dash = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), figure);
    [
        duration(i32::try_from(window.minutes).unwrap_or(i32::MAX)),
        figure(window.observed),
        figure(window.expected),
        figure(window.deviation),
        chance(window.log10_probability).unwrap_or_else(|| "-".to_owned()),
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
        (Contributing::UserAgent, "user agent"),
        (Contributing::ErrorCode, "error code"),
    ] {
        let of_kind = explained.contributors.iter().filter(|it| it.attribute == attribute);
        let seen = of_kind.clone().filter(|it| it.calls > 0);
        for Contributor { value, calls, usual, .. } in seen.take(SHOWN) {
            let value = fitted(value, NAME_COLUMNS);
            writeln!(out, "  {name:<10}  {value}: {calls}, usually {}", figure(*usual))?;
        }
        let silent = of_kind.filter(|it| it.calls == 0).count();
        if silent > 0 {
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
