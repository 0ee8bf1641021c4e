//! Insights -> a table of a row each, as wide as a terminal.
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::text::{Colour, Look};
use crate::cloudtrail::insight::State;
use crate::detect::Direction;
use crate::insight::Insight;
use crate::roll_up::{ACCOUNTS, RollUp};
use crate::severity::Severity;
use crate::words::{
    clock, columns_of, counted, duration, figure, fitted, printable, short_identity, short_service,
};

/// Columns below which a name says too little.
const NARROWEST: usize = 16;

/// A column of the table.
struct Column {
    title: &'static str,
    side: Side,
    fits: Fits,
    cell: fn(&Insight) -> String,
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
}

/// How a column becomes narrower.
#[derive(Clone, Copy, PartialEq)]
enum Fits {
    Always,
    ByCutting,
}

impl Column {
    const fn text(title: &'static str, fits: Fits, cell: fn(&Insight) -> String) -> Self {
        Self { title, side: Side::Left, fits, cell }
    }

    const fn number(title: &'static str, cell: fn(&Insight) -> String) -> Self {
        Self { title, side: Side::Right, fits: Fits::Always, cell }
    }
}

/// What matters first. On a narrow terminal, the last two stand below the others.
const COLUMNS: [Column; 8] = [
    Column::text("WHEN (UTC)", Fits::Always, |insight| clock(insight.start)),
    Column::text("SEVERITY", Fits::Always, |insight| insight.explanation.severity.to_string()),
    Column::text("WHAT", Fits::ByCutting, what),
    Column::number("PER MIN", per_minute),
    Column::number("USUAL", |insight| figure(insight.statistics.baseline_average)),
    Column::number("LASTED", lasted),
    Column::text("WHERE", Fits::ByCutting, place),
    Column::text("WHO", Fits::ByCutting, who),
];
/// The column that is coloured.
const SEVERITY: usize = 1;
/// Columns of the first line on a narrow terminal.
const FIRST_LINE: usize = 6;
/// What stands between columns.
const GAP: &str = "  ";

pub(super) fn place(insight: &Insight) -> String {
    if let Some(accounts) = insight.explanation.accounts {
        return counted(accounts, "account");
    }
    format!("{}/{}", insight.series.api.account, insight.series.api.region)
}

fn what(insight: &Insight) -> String {
    let api = &insight.series.api;
    let call = match insight.explanation.roll_up {
        Some(RollUp::Principal) if &*api.event_name == ACCOUNTS => format!("accounts of {}", api.account),
        Some(RollUp::Principal) => format!("everything by {}", api.account),
        Some(RollUp::Organization | RollUp::Account) | None => {
            format!("{} {}", short_service(&api.event_source), api.event_name)
        }
    };
    match insight.series.kind.error_code() {
        None => call,
        Some(error_code) => format!("{call} [{error_code}]"),
    }
}

/// With an arrow where it is a fall.
fn per_minute(insight: &Insight) -> String {
    let arrow = match insight.explanation.direction {
        Direction::Up => "",
        Direction::Down => "\u{2193} ",
    };
    format!("{arrow}{}", figure(insight.statistics.insight_average))
}

fn lasted(insight: &Insight) -> String {
    match insight.state {
        State::Start => "open".into(),
        State::End => duration(insight.statistics.insight_duration),
    }
}

/// Who called most; of a fall to nothing, who used to.
fn who(insight: &Insight) -> String {
    let identities = insight.attributions.first();
    let leader = identities.and_then(|sides| sides.insight.first().or_else(|| sides.baseline.first()));
    leader.map_or_else(String::new, |share| short_identity(&share.value).into_owned())
}

pub(super) fn table(out: &mut dyn Write, insights: &[&Insight], look: Look) -> io::Result<()> {
    let rows: Vec<Vec<String>> = insights
        .iter()
        .map(|insight| COLUMNS.iter().map(|column| printable(&(column.cell)(insight)).into_owned()).collect())
        .collect();
    let layout = Layout { widths: widths(&rows, look.columns), columns: look.columns };
    let titles: Vec<String> = COLUMNS.iter().map(|column| column.title.into()).collect();
    write_row(out, &titles, &layout, None)?;
    for (row, insight) in rows.iter().zip(insights) {
        let style = match look.colour {
            Colour::Off => None,
            Colour::On => Some(style(insight.explanation.severity)),
        };
        write_row(out, row, &layout, style)?;
    }
    Ok(())
}

/// Widths of the columns of the first line: of all, or, where the terminal is too narrow for that, of the first six.
fn widths(rows: &[Vec<String>], columns: usize) -> Vec<usize> {
    let natural = |(index, column): (usize, &Column)| {
        let cells = rows.iter().map(|row| columns_of(&row[index])).max().unwrap_or_default();
        cells.max(columns_of(column.title))
    };
    let mut widths: Vec<usize> = COLUMNS.iter().enumerate().map(natural).collect();
    let mut narrow = widths[..FIRST_LINE].to_vec();
    if cut(&mut widths, columns) == Cut::Fits {
        return widths;
    }
    cut(&mut narrow, columns);
    narrow
}

#[derive(PartialEq)]
enum Cut {
    Fits,
    StillTooWide,
}

/// Takes from the widest of the columns that can be cut, until all fit.
fn cut(widths: &mut [usize], columns: usize) -> Cut {
    let all = |widths: &[usize]| widths.iter().sum::<usize>() + GAP.len() * (widths.len() - 1);
    while all(widths) > columns {
        let cuttable = (0..widths.len()).filter(|index| COLUMNS[*index].fits == Fits::ByCutting);
        match cuttable.max_by_key(|index| widths[*index]) {
            Some(index) if widths[index] > NARROWEST => widths[index] -= 1,
            _ => return Cut::StillTooWide,
        }
    }
    Cut::Fits
}

/// Where the cells of a row go.
struct Layout {
    /// Of the columns of the first line.
    widths: Vec<usize>,
    /// Of the terminal.
    columns: usize,
}

fn write_row(
    out: &mut dyn Write,
    cells: &[String],
    layout: &Layout,
    severity: Option<Style>,
) -> io::Result<()> {
    let Layout { widths, columns } = layout;
    let mut line = Vec::new();
    for (index, (cell, &width)) in cells.iter().zip(widths).enumerate() {
        let cell = fitted(cell, width);
        let padding = " ".repeat(width - columns_of(&cell));
        let cell = match severity {
            Some(style) if index == SEVERITY => format!("{style}{cell}{style:#}"),
            _ => cell,
        };
        line.push(match COLUMNS[index].side {
            Side::Left => cell + &padding,
            Side::Right => padding + &cell,
        });
    }
    writeln!(out, "{}", line.join(GAP).trim_end())?;
    let below = cells[widths.len()..].join(GAP);
    if below.is_empty() {
        return Ok(());
    }
    let indent = widths[0] + GAP.len();
    writeln!(out, "{}{}", " ".repeat(indent), fitted(below.trim_end(), columns.saturating_sub(indent)))
}

const fn style(severity: Severity) -> Style {
    match severity {
        Severity::Critical => AnsiColor::Red.on_default().bold(),
        Severity::High => AnsiColor::Red.on_default(),
        Severity::Medium => AnsiColor::Yellow.on_default(),
        Severity::Low => Style::new().dimmed(),
    }
}
