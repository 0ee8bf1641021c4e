//! `trailpulse evaluate`: labels, and insights or the counts to find them in -> how good they are.
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use clap::ArgGroup;
use serde::Serialize;

use super::output::{self, Terminal};
use super::progress::Bar;
use super::{Format, model_arg, reading};
use crate::aggregate::Attribution;
use crate::evaluate::{self, Figures, Score, Truth};
use crate::exit::Exit;
use crate::model::Model;
use crate::pipeline::Cancel;
use crate::pipeline::count::Reading;
use crate::pipeline::trial::trial;
use crate::s3::Buckets;
use crate::source::read::TimeRange;

/// Arguments of `evaluate`.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("found").required(true).args(["counts", "insights"]))]
pub(super) struct Args {
    /// A counts table or a log tree to find insights in; may be repeated, with as many --labels: the figures of all
    /// are pooled.
    #[arg(long, value_name = "SOURCE")]
    counts: Vec<PathBuf>,
    /// A folder that `scan` wrote, or its insights.jsonl; may be repeated like --counts.
    #[arg(long, value_name = "DEST", conflicts_with = "counts")]
    insights: Vec<PathBuf>,
    /// The truth: labels.json of `generate` or of a benchmark.
    #[arg(long, value_name = "FILE", required = true)]
    labels: Vec<PathBuf>,
    /// Detection model, as for `scan`; may be repeated, to compare several.
    #[arg(
        short,
        long,
        value_name = "NAME|FILE",
        default_value = "default",
        conflicts_with = "insights",
        env = "TRAILPULSE_MODEL"
    )]
    model: Vec<String>,
    /// Form of the results on standard output.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Threads; all cores where not given.
    #[arg(short, long, value_name = "N", env = "TRAILPULSE_JOBS")]
    jobs: Option<NonZeroUsize>,
}

/// One model, or the insights that were given, on all sets of labels.
struct Subject {
    name: String,
    digest: Option<String>,
    scores: Vec<Score>,
}

/// Compares, and prints the figures.
pub(super) async fn run(args: Args, terminal: &Terminal, cancel: &Cancel) -> anyhow::Result<Exit> {
    let sets = args.counts.len().max(args.insights.len());
    if sets != args.labels.len() {
        bail!("cannot pair {sets} --counts or --insights with {} --labels", args.labels.len());
    }
    // Before anything long: what cannot be used should fail in the first second.
    let truths = args.labels.iter().map(|path| evaluate::read_truth(path)).collect::<Result<Vec<_>, _>>()?;
    let (subjects, exit) = if args.insights.is_empty() {
        judged(&args, truths, terminal, cancel).await?
    } else {
        (vec![published(&args, &truths)?], Exit::Done)
    };
    output::write(|stdout| match args.format {
        Format::Text => print_text(stdout, &subjects),
        Format::Json => print_json(stdout, &subjects),
    })?;
    Ok(exit)
}

/// The insights that a scan wrote.
fn published(args: &Args, truths: &[Truth]) -> anyhow::Result<Subject> {
    let mut scores = Vec::new();
    for (path, truth) in args.insights.iter().zip(truths) {
        let alarms = evaluate::read_alarms(path)?;
        scores.push(evaluate::score(truth, &alarms, evaluate::read_series(path)));
    }
    Ok(Subject { name: "insights".into(), digest: None, scores })
}

/// What the models find.
async fn judged(
    args: &Args,
    truths: Vec<Truth>,
    terminal: &Terminal,
    cancel: &Cancel,
) -> anyhow::Result<(Vec<Subject>, Exit)> {
    let models =
        args.model.iter().map(|model| model_arg::load(model)).collect::<Result<Arc<[Model]>, _>>()?;
    let subject = |model: &Model| Subject {
        name: model.name().to_owned(),
        digest: Some(model.digest().to_owned()),
        scores: Vec::new(),
    };
    let mut subjects: Vec<Subject> = models.iter().map(subject).collect();
    let mut exit = Exit::Done;
    for (source, truth) in args.counts.iter().zip(truths) {
        let reading = Reading {
            sources: vec![source.clone()],
            range: TimeRange::default(),
            attribution: Attribution::Dropped,
            jobs: reading::jobs(args.jobs),
            buckets: Buckets::default(),
        };
        let bar = Arc::new(Bar::new(terminal.quiet));
        let (scores, coverage) = trial(reading, truth, Arc::clone(&models), cancel, bar).await?;
        if !coverage.skipped.is_empty() {
            exit = Exit::Incomplete;
        }
        for (subject, score) in subjects.iter_mut().zip(scores) {
            subject.scores.push(score);
        }
    }
    Ok((subjects, exit))
}

fn print_text(stdout: &mut dyn Write, subjects: &[Subject]) -> io::Result<()> {
    let figures: Vec<(String, Figures)> =
        subjects.iter().map(|subject| (subject.name.clone(), Figures::of(&subject.scores))).collect();
    evaluate::write(stdout, &figures)
}

/// Every subject with its figures: pooled, and by set.
fn print_json(stdout: &mut dyn Write, subjects: &[Subject]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Json<'a> {
        model: &'a str,
        model_digest: Option<&'a str>,
        #[serde(flatten)]
        figures: Figures,
        sets: Vec<Set<'a>>,
    }
    #[derive(Serialize)]
    struct Set<'a> {
        #[serde(flatten)]
        figures: Figures,
        missed: Vec<&'a str>,
    }
    fn set(score: &Score) -> Set<'_> {
        let missed = score.outcomes.iter().filter(|outcome| outcome.hit.is_none());
        Set {
            figures: Figures::of(std::slice::from_ref(score)),
            missed: missed.map(|outcome| outcome.anomaly.id.as_str()).collect(),
        }
    }
    let json: Vec<Json<'_>> = subjects
        .iter()
        .map(|subject| Json {
            model: &subject.name,
            model_digest: subject.digest.as_deref(),
            figures: Figures::of(&subject.scores),
            sets: subject.scores.iter().map(set).collect(),
        })
        .collect();
    serde_json::to_writer(&mut *stdout, &json)?;
    writeln!(stdout)
}
