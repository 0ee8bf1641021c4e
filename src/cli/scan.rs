//! `trailpulse scan`: sources -> Insights events, explanations and a summary below DEST.
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context;
use serde::Serialize;

use super::alerting::{AlertArgs, Alerting, open};
use super::follow::FollowArgs;
use super::model_arg::ModelArgs;
use super::output::{self, Terminal};
use super::pending::Pending;
use super::places::Places;
use super::progress::Bar;
use super::reading::ReadingArgs;
use super::state_arg::StateArgs;
use crate::aggregate::Attribution;
use crate::alert::Publishing;
use crate::alert::plan::Planned;
use crate::config::{Config, Format, Models};
use crate::emit::{Earlier, KEPT_FILE, LINES_FILE, Line, PAGE_FILE, Target, outputs};
use crate::exit::Exit;
use crate::metrics;
use crate::pipeline::count::Reading;
use crate::pipeline::night::GoingOn;
use crate::pipeline::report;
use crate::pipeline::scan::{Drawing, Looking, Scanned, scan};
use crate::pipeline::{Cancel, Progress, note, stage};
use crate::roll_up::RollUp;
use crate::s3::Buckets;
use crate::source::walk::shown;
use crate::summary::{self, Colour, FeedTold, Look, Summary};
use crate::words::printable;

/// Arguments of `scan`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    reading: ReadingArgs,
    /// Folder or `s3://BUCKET/PREFIX` for the Insight tree, insights.jsonl, summary.json and the report; what an earlier scan wrote there is
    /// replaced [default: ./trailpulse-out].
    #[arg(short, long, value_name = "DEST", env = "TRAILPULSE_OUT")]
    out: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    pub(super) alerts: AlertArgs,
    /// Judge sums as well; may be given several times. Their insights are in insights.jsonl only.
    #[arg(long, value_enum, value_name = "KIND")]
    roll_up: Vec<RollUp>,
    /// Form of the results on standard output [default: text].
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// File for metrics of the run in Prometheus' text format, as a node exporter reads them; written last.
    #[arg(long, value_name = "FILE", env = "TRAILPULSE_METRICS")]
    metrics: Option<PathBuf>,
    /// Write no report, and compute no graphs.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_report: Option<bool>,
    /// Exit with status 1 where insights were found that no rule mutes.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    fail_on_insight: Option<bool>,
    #[command(flatten)]
    pub(super) follow: FollowArgs,
}

impl Args {
    /// Whether the scan goes on from a state.
    pub(super) fn has_state(&self, config: &Config) -> bool {
        self.state.is_given(&config.scan)
    }

    /// Whether the model and the feeds of a configuration can be used.
    pub(super) fn check(&self, config: &Config) -> anyhow::Result<()> {
        self.model.load(&config.scan)?;
        open(config, &Buckets::new(config.s3.clone())).map(drop)
    }

    /// What the arguments say of what is read, kept and written.
    fn places(&self) -> Places {
        Places {
            sources: self.reading.sources.clone(),
            range: self.reading.range(),
            out: self.out.clone(),
            state: self.state.state.clone(),
            metrics: self.metrics.clone(),
        }
    }
}

/// Scans, publishes, tells the feeds, and prints what was found. What `args` do not give is as `config` says, or else as built
/// in. Gives the number of files that were read, too.
pub(super) async fn run(
    args: &Args,
    config: &Config,
    terminal: &Terminal,
    cancel: &Cancel,
) -> anyhow::Result<(Exit, u64)> {
    let places = args.places().or(&config.scan);
    if let Some(problem) = places.problems().into_iter().next() {
        return Err(problem);
    }
    let out = places.out();
    let mut reading = args.reading.reading(Attribution::Kept, config)?;
    // All is learned from; the range only says what is reported.
    let report_from = reading.range.from.take();
    let Config { scan: settings, overrides, mutes, .. } = config;
    let model = args.model.load(settings)?;
    let roll_ups = if args.roll_up.is_empty() { settings.roll_up.clone() } else { args.roll_up.clone() };
    let roll_ups = roll_ups.into_iter().collect();
    let models = Models::new(model, overrides.clone());
    let reports = args.no_report.map_or(settings.report.unwrap_or(true), |no| !no);
    let drawing = if reports { Drawing::Graphs } else { Drawing::Nothing };
    let looking = Looking { models, mutes: mutes.clone(), roll_ups, report_from, drawing };
    let mut going_on = args.state.going_on(settings, &looking, &reading)?;
    if let Some(going_on) = &mut going_on {
        going_on.clock = args.alerts.clock();
    }
    let format = args.format.or(settings.format).unwrap_or(Format::Text);
    let alerting =
        args.alerts.alerting(config, going_on.as_ref(), (&reading.buckets, format, cancel.stop()))?;
    // Like DEST: what cannot be written should fail before the work.
    let pending = places.metrics.map(|path| Pending::new(&path)).transpose()?;
    let watched = (cancel, Arc::new(Bar::new(terminal.quiet)) as Arc<dyn Progress>);
    let scanned = scan_into(&out, reading, looking, (going_on, alerting.as_ref()), watched).await?;
    let files = scanned.summary.coverage.input.files;
    let measured = pending.map_or(Ok(()), |pending| write_metrics(pending, &scanned));
    let printed = if alerting.is_some_and(|alerting| alerting.uses_stdout()) {
        // What a feed writes there is read by a program.
        output::write_aside(|stderr| summary::write_alerts(stderr, &scanned.summary.alerts))
    } else {
        output::write(|stdout| match format {
            Format::Text => print_text(stdout, &scanned, terminal, (&out, drawing)),
            Format::Json => print_json(stdout, &scanned),
        })
    };
    if let Err(error) = measured.and(printed) {
        // The results are published; that they could not be told too must not look like a failed scan.
        super::report(&error);
        return Ok((Exit::Incomplete, files));
    }
    let fails = args.fail_on_insight.or(settings.fail_on_insight).unwrap_or(false);
    Ok((exit(&scanned.summary, fails), files))
}

/// Scans and publishes to `out`; then what is new is told, where there is somebody to tell.
pub(super) async fn scan_into(
    out: &Path,
    reading: Reading,
    looking: Looking,
    (mut going_on, alerting): (Option<GoingOn>, Option<&Alerting>),
    (cancel, progress): (&Cancel, Arc<dyn Progress>),
) -> anyhow::Result<Scanned> {
    let published = if going_on.is_some() { Earlier::Kept } else { Earlier::Replaced };
    // Before anything is read: what cannot be written should fail in the first second.
    let mut destination = Target::open(out, published, &reading.buckets)?;
    let is_rescore = going_on.as_ref().is_some_and(|going_on| going_on.told.is_some());
    if let Some(told) = going_on.as_mut().and_then(|going_on| going_on.told.as_mut()) {
        *told = destination.told()?;
    }
    let asks = alerting.is_some_and(Alerting::asks_what_was_told);
    let told = asks.then(|| destination.told()).transpose()?;
    let drawing = looking.drawing;
    let has_report = drawing == Drawing::Graphs && destination.report_before()?;
    let goes_on = going_on.is_some();
    let mut scanned = scan(reading, looking, going_on, cancel, progress).await?;
    let mut stages = std::mem::take(&mut scanned.stages);
    let mut planned = Planned::new();
    let judged_until = scanned.summary.coverage.went_on.as_ref().map(|went_on| went_on.judged_until);
    // What was published is left out when all is judged again: it has to be known here before.
    if let (true, Some(alerting), Some(hand_on)) = (is_rescore, alerting, &mut scanned.hand_on) {
        let how = (Publishing::ToCome, told.as_ref());
        planned = alerting.note(hand_on.state(), &scanned.insights, judged_until, how)?;
    }
    stage("publish", &mut stages, || {
        let mut all = outputs(&scanned.insights, &scanned.organizations);
        let stays = !is_rescore && report::stays(&scanned.summary, has_report);
        if drawing == Drawing::Graphs && !stays {
            // Only now: a run without news needs neither.
            let before = |name| if goes_on { destination.published(name) } else { Ok(None) };
            let lines = before(LINES_FILE)?.unwrap_or_default();
            let before = report::Before { lines, kept: before(KEPT_FILE)? };
            all.extend(report::outputs(&scanned, &before));
        }
        all.push(scanned.summary.output());
        note("what", shown(out));
        note("files", all.len());
        note("bytes", all.iter().map(|output| output.bytes.len()).sum::<usize>());
        for output in all {
            cancel.check()?;
            destination.stage(output)?;
        }
        cancel.commit()?;
        destination.publish().with_context(|| format!("cannot publish to {}", out.display()))
    })?;
    if let Some(mut hand_on) = scanned.hand_on.take() {
        // The next run does not find again what this one's checkpoint has: by then it is noted what is to be told.
        match alerting {
            Some(alerting) if is_rescore => alerting.note_published(hand_on.state())?,
            Some(alerting) => {
                let how = (Publishing::Done, told.as_ref());
                planned = alerting.note(hand_on.state(), &scanned.insights, judged_until, how)?;
            }
            None => {}
        }
        // Where this was not reached, the next run does the same again.
        let state = stage("save", &mut stages, || hand_on.save())?;
        if let Some(alerting) = alerting {
            alerting.send(state, &planned, &mut scanned.summary, out).await;
        }
    }
    scanned.stages = stages;
    Ok(scanned)
}

fn write_metrics(pending: Pending, scanned: &Scanned) -> anyhow::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "when a run was successful is a fact about the run, not about the logs"
    )]
    let ended = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let text = metrics::text(&scanned.summary, ended, &scanned.stages);
    pending.file().write_all(&text).with_context(|| format!("cannot write {}", pending.path().display()))?;
    pending.publish()
}

/// What is incomplete goes over what was found: an alert on status 3 must not be lost behind one on status 1.
fn exit(summary: &Summary, fail_on_insight: bool) -> Exit {
    let is_told = summary.alerts.values().all(FeedTold::is_complete);
    if !summary.coverage.skipped.is_empty() || !is_told {
        Exit::Incomplete
    } else if fail_on_insight && summary.insights > 0 {
        Exit::InsightsFound
    } else {
        Exit::Done
    }
}

/// The summary and the table of insights.
pub(super) fn print_text(
    stdout: &mut dyn Write,
    scanned: &Scanned,
    terminal: &Terminal,
    (out, reports): (&Path, Drawing),
) -> io::Result<()> {
    let colour = if terminal.colored { Colour::On } else { Colour::Off };
    let look = Look { columns: terminal.width, colour };
    summary::write(stdout, &scanned.summary, &scanned.insights, look)?;
    summary::write_alerts(stdout, &scanned.summary.alerts)?;
    writeln!(stdout, "\nWritten to {}", printable(&out.display().to_string()))?;
    if reports == Drawing::Graphs {
        let page = out.join(PAGE_FILE);
        writeln!(stdout, "Report: {}", printable(&page.display().to_string()))?;
    }
    Ok(())
}

/// The summary and every line of insights.jsonl, as one JSON object.
fn print_json(stdout: &mut dyn Write, scanned: &Scanned) -> io::Result<()> {
    #[derive(Serialize)]
    struct Json<'a> {
        summary: &'a Summary,
        insights: Vec<Line<'a>>,
    }
    let insights = scanned.insights.iter().map(Line::of).collect();
    serde_json::to_writer(&mut *stdout, &Json { summary: &scanned.summary, insights })?;
    writeln!(stdout)
}
