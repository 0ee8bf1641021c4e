//! `trailpulse report`: results of earlier runs, a state, or AWS's own Insight files -> a report of any time, in any form.
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::bail;
use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::model_arg::ModelArgs;
use super::output;
use super::pending::Pending;
use crate::config::{Config, Models};
use crate::exit::Exit;
use crate::pipeline::again::{Again, Range, again};
use crate::pipeline::night::kept as counts_of;
use crate::pipeline::published::{Published, read};
use crate::pipeline::{Cancel, blocking};
use crate::report::model::Skipped;
use crate::report::redact::redacted;
use crate::report::{Form, Report};
use crate::s3::Buckets;
use crate::state::State;
use crate::time::Minute;
use crate::words::printable;

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folders or `s3://BUCKET/PREFIX` that scan wrote, insights.jsonl files, or folders and files of AWS's own CloudTrail-Insight
    /// records.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// A folder that scan wrote: the same as a PATH. Where there is neither, nor --state, that of `TRAILPULSE_OUT`.
    #[arg(short, long, value_name = "DEST")]
    out: Option<PathBuf>,
    /// What the environment names is used only where nothing else is.
    #[arg(long, hide = true, value_name = "DEST", env = "TRAILPULSE_OUT")]
    default_out: Option<PathBuf>,
    /// The state of nightly runs: calls for graphs come from the history that it keeps. Without any other input, that history
    /// is judged again.
    #[arg(long, value_name = "DIR", env = "TRAILPULSE_STATE")]
    state: Option<PathBuf>,
    /// Only insights that were noticed from this time on (UTC).
    #[arg(long, value_name = "TIME", value_parser = super::time_arg::parse)]
    from: Option<Minute>,
    /// Only insights that were noticed before this time (UTC).
    #[arg(long, value_name = "TIME", value_parser = super::time_arg::parse)]
    to: Option<Minute>,
    #[command(flatten)]
    model: ModelArgs,
    /// Form of the report.
    #[arg(long, value_enum, default_value = "html")]
    format: Form,
    /// File to write it to; - for standard output [default: ./trailpulse-report.html, standard output for other forms].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Mask all account ids.
    #[arg(long)]
    redact: bool,
}

/// Where a page goes that no file is named for: nobody reads it in a terminal.
const DEFAULT_PAGE: &str = "./trailpulse-report.html";

impl ValueEnum for Form {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Html => "One page with graphs, in one file",
            Self::Markdown => "For a ticket or a wiki",
            Self::Csv => "A row an insight",
            Self::Json => "All of it, for programs",
            Self::Text => "For a terminal or a mail",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

/// Reads, makes the report, and writes it. What could not be read is in the report, and told on standard error.
pub(super) async fn run(args: Args, config: Config, cancel: &Cancel) -> anyhow::Result<Exit> {
    let cancel = cancel.clone();
    blocking(move || run_blocking(args, config, &cancel)).await
}

fn run_blocking(args: Args, config: Config, cancel: &Cancel) -> anyhow::Result<Exit> {
    let Config { scan: settings, overrides, s3, .. } = config;
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from >= to
    {
        bail!("--from {from} is not before --to {to}");
    }
    let buckets = Buckets::new(s3);
    let mut paths = args.paths;
    paths.extend(args.out);
    if paths.is_empty() && args.state.is_none() {
        let out = args.default_out.or_else(|| settings.out.as_ref().map(PathBuf::from));
        paths.push(out.unwrap_or_else(|| super::places::DEFAULT_OUT.into()));
    }
    // What cannot be written should fail before the work.
    let pending = match (args.output, args.format) {
        (Some(path), _) if path.as_os_str() == "-" => None,
        (Some(path), _) => Some(Pending::new(&path)?),
        (None, Form::Html) => Some(Pending::new(DEFAULT_PAGE.as_ref())?),
        (None, _) => None,
    };
    let mut published = Published::default();
    for path in &paths {
        read(path, &buckets, &mut published)?;
    }
    let counts = args.state.map(|state| counts_of(&State::read_only(&state, &buckets)?)).transpose()?;
    let models = Models::new(args.model.load(&settings)?, overrides);
    let jobs =
        settings.jobs.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let skipped = std::mem::take(&mut published.skipped);
    let anew = paths.is_empty();
    let again =
        Again { published, counts, models, range: Range { from: args.from, to: args.to }, anew, jobs };
    let report = self::again(again, &skipped, cancel)?;
    let report = if args.redact { redacted(&report) } else { report };
    write(&report, args.format, pending)?;
    Ok(told(&skipped))
}

fn write(report: &Report, form: Form, pending: Option<Pending>) -> anyhow::Result<()> {
    let bytes = form.of(report);
    match pending {
        Some(pending) => {
            pending.file().write_all(&bytes)?;
            let path = pending.path().to_owned();
            pending.publish()?;
            output::write(|out| writeln!(out, "Written to {}", printable(&path.display().to_string())))?;
        }
        None => {
            output::write(|out| out.write_all(&bytes))?;
        }
    }
    Ok(())
}

fn told(skipped: &[Skipped]) -> Exit {
    for Skipped { what, why, .. } in skipped {
        tracing::warn!("skipped {what}: {why}");
    }
    if skipped.is_empty() { Exit::Done } else { Exit::Incomplete }
}
