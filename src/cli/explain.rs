//! `trailpulse explain`: sources, a series and a minute -> what was seen, what is usual, and how far every line is.
mod text;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use serde_json::{Value, json};

use super::model_arg::ModelArgs;
use super::output::{self, Terminal};
use super::progress::Bar;
use super::reading::ReadingArgs;
use crate::aggregate::Attribution;
use crate::attribution::{rounded, significant};
use crate::config::{Config, Format, Models};
use crate::detect::look::{Levels, Look};
use crate::exit::Exit;
use crate::explanation::LOWEST_LOG10;
use crate::pipeline::Cancel;
use crate::pipeline::count::{count, whole};
use crate::pipeline::explain::{Explained, Question, Span, explain};
use crate::pipeline::night::kept;
use crate::roll_up::{RollUp, roll_up};
use crate::source::coverage::Coverage;
use crate::state::State;
use crate::time::Minute;
use crate::words::printable;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "trailpulse explain [OPTIONS] <SOURCE>... <ACCOUNT/REGION/SOURCE/NAME>\n       \
                      trailpulse explain [OPTIONS] --state <DIR> <ACCOUNT/REGION/SOURCE/NAME>",
    mut_arg("sources", |names| names.value_names(["SOURCE", "SERIES"]).help(
        "Folders, log files, s3://BUCKET/PREFIX, - for standard input, or counts tables; then the series, ACCOUNT/REGION/SOURCE/NAME, its \
         source with or without .amazonaws.com"
    ))
)]
pub(super) struct Args {
    #[command(flatten)]
    reading: ReadingArgs,
    /// Look at the history that the state of nightly scans keeps, instead of a SOURCE.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Explain the failures with this code, instead of the calls.
    #[arg(long, value_name = "CODE")]
    error_code: Option<String>,
    /// Explain this minute (UTC); where not given, the last episode, or else the most surprising minute.
    #[arg(long, value_name = "TIME", value_parser = super::time_arg::parse)]
    at: Option<Minute>,
    /// Explain a sum, with * in the place of what it goes over: ACCOUNT/*/SOURCE/NAME of an account, */*/SOURCE/NAME of
    /// the organization, PRINCIPAL/*/*/* of a principal such as role/deployer.
    #[arg(long, value_enum, value_name = "KIND")]
    roll_up: Option<RollUp>,
    #[command(flatten)]
    model: ModelArgs,
    /// Form of the explanation.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// Reads, judges the one API, and prints how it stood.
pub(super) async fn run(
    args: Args,
    config: Config,
    terminal: &Terminal,
    cancel: &Cancel,
) -> anyhow::Result<Exit> {
    let mut reading = args.reading.reading(Attribution::Kept, &config)?;
    let buckets = reading.buckets.clone();
    let Config { scan: settings, overrides, .. } = config;
    let models = Models::new(args.model.load(&settings)?, overrides);
    // All is learned from, as in a scan.
    let from = reading.range.from.take();
    let series = reading.sources.pop().unwrap_or_default().to_string_lossy().into_owned();
    if args.state.is_some() && !reading.sources.is_empty() {
        bail!("name either a SOURCE or --state DIR, and after it one series");
    }
    let state = args.state.or_else(|| settings.state.map(PathBuf::from));
    let (counts, coverage) = match state.filter(|_| reading.sources.is_empty()) {
        Some(state) => (kept(&State::read_only(&state, &buckets)?)?, Coverage::default()),
        None if reading.sources.is_empty() => {
            bail!("name a SOURCE before {}, or --state DIR", printable(&series))
        }
        None => {
            let counted = count(reading, cancel, Arc::new(Bar::new(terminal.quiet))).await?;
            (counted.counts, counted.coverage)
        }
    };
    cancel.check()?;
    let question = Question { series, error_code: args.error_code, at: args.at, from };
    let sums = args.roll_up.map(|kind| roll_up(&counts, kind));
    let explained = explain(&counts, sums.as_ref(), &models, &question);
    whole(&counts)?;
    let explained = explained?;
    output::write(|out| match args.format.or(settings.format).unwrap_or(Format::Text) {
        Format::Text => text::write(out, &explained),
        Format::Json => {
            serde_json::to_writer(&mut *out, &json(&explained))?;
            writeln!(out)
        }
    })?;
    Ok(if coverage.skipped.is_empty() { Exit::Done } else { Exit::Incomplete })
}

/// The same as the text, for programs.
fn json(explained: &Explained) -> Value {
    let Explained { series, model, look, roll_up, .. } = explained;
    let time = |minute: Minute| minute.to_string();
    let span = |Span { start, detected_at, end, rule }: &Span| {
        json!({
            "start": time(*start), "detected_at": time(*detected_at), "end": end.map(time), "rule": rule.name(),
        })
    };
    json!({
        "series": {
            "account": &*series.api.account,
            "region": &*series.api.region,
            "event_source": &*series.api.event_source,
            "event_name": &*series.api.event_name,
            "category": series.api.category.name(),
            "error_code": series.kind.error_code(),
        },
        "minute": time(look.minute),
        "roll_up": roll_up.map(RollUp::name),
        "model": model,
        "series_age_days": rounded::<4>(look.age_days),
        "judged": look.judged,
        "open": look.open.map(|(start, rule)| json!({"start": time(start), "rule": rule.name()})),
        "inside": explained.inside.as_ref().map(span),
        "levels": levels(look),
        "windows": windows(explained),
        "contributors_window_minutes": explained.window_minutes,
        "contributors_direction": explained.direction.name(),
        "contributors": explained.contributors,
        "episodes": explained.episodes.iter().map(span).collect::<Vec<_>>(),
        "last_minutes": explained.minutes,
        "last_half_hours": explained.half_hours,
    })
}

fn levels(look: &Look) -> Value {
    let level = |(rate, weight): (f64, f64)| json!({"per_minute": rounded::<6>(rate), "weight": rounded::<4>(weight)});
    match look.levels {
        Levels::Rate { recent, level: slow, time_of_day, time_of_week } => json!({
            "recent": level(recent),
            "level": level(slow),
            "time_of_day": level(time_of_day),
            "time_of_week": level(time_of_week),
        }),
        Levels::Share(share) => json!({"share_of_calls": rounded::<6>(share)}),
    }
}

fn windows(explained: &Explained) -> Vec<Value> {
    let windows = explained.look.windows.iter().zip(&explained.usual);
    windows
        .map(|(window, usual)| {
            json!({
                "window_minutes": window.minutes,
                "observed": window.observed,
                "expected": significant(window.expected),
                "deviation": significant(window.deviation),
                "log10_probability": rounded::<4>(window.log10_probability.max(LOWEST_LOG10)),
                "fall": window.fall.map(|fall| json!({
                    "expected": significant(fall.expected),
                    "deviation": significant(fall.deviation),
                    "log10_probability": rounded::<4>(fall.log10_probability.max(LOWEST_LOG10)),
                })),
                "largest_before": window.largest.map(rounded::<4>),
                "usual_time_of_day": usual.time_of_day,
                "usual_time_of_week": usual.time_of_week,
                "lines": window.lines.iter().map(|line| json!({
                    "rule": line.rule.name(),
                    "bound": line.bound.map(rounded::<4>),
                    "crossed": line.crossed,
                })).collect::<Vec<_>>(),
            })
        })
        .collect()
}
