//! `trailpulse demo`: a seed -> a generated organization's logs, a scan of them, and how it compares with the truth.
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

use super::generate as generate_command;
use super::output::{self, Terminal};
use super::progress::Bar;
use super::scan;
use crate::aggregate::Attribution;
use crate::evaluate::{self, Figures, Outcome, Score};
use crate::exit::Exit;
use crate::generate::Options;
use crate::model::Model;
use crate::pipeline::Cancel;
use crate::pipeline::count::Reading;
use crate::pipeline::scan::Drawing;
use crate::s3::Buckets;
use crate::source::read::TimeRange;
use crate::words::{counted, duration, printable};

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder for the generated logs and for what is found in them.
    #[arg(short, long, value_name = "DIR", default_value = "./trailpulse-demo")]
    out: PathBuf,
    /// The same seed gives the same organization.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Generates, scans, and compares.
pub(super) async fn run(args: Args, terminal: &Terminal, cancel: &Cancel) -> anyhow::Result<Exit> {
    let (logs, out) = (args.out.join("logs"), args.out.join("insights"));
    let options =
        Options { out: logs.clone(), days: 35, seed: args.seed, accounts: 4, records: 200_000, wait: 10 };
    let generated = generate_command::write(&options, cancel)?;
    output::write(|stdout| {
        generate_command::print(stdout, &options, &generated).and_then(|()| writeln!(stdout))
    })?;
    cancel.check()?;
    let reading = Reading {
        sources: vec![logs],
        range: TimeRange::default(),
        attribution: Attribution::Kept,
        jobs: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        buckets: Buckets::default(),
    };
    let model = Model::builtin("default").context("the default model is built in")?;
    let scanned = scan::scan_into(
        &out,
        reading,
        model.into(),
        (None, None),
        (cancel, Arc::new(Bar::new(terminal.quiet))),
    )
    .await?;
    let truth = evaluate::read_truth(&generated.labels)?;
    let score = evaluate::score(&truth, &evaluate::alarms(&scanned.insights), None);
    output::write(|stdout| {
        scan::print_text(stdout, &scanned, terminal, (&out, Drawing::Graphs))?;
        compare(stdout, &score)?;
        // As it was called, so that the line can be copied: cargo runs it from the target folder.
        let program = std::env::args().next().unwrap_or_else(|| "trailpulse".to_owned());
        writeln!(stdout, "\nTry it on your own logs: {} scan FOLDER", printable(&program))
    })
}

/// Says of each planted incident when it was found, and how many insights belong to none.
fn compare(out: &mut dyn Write, score: &Score) -> io::Result<()> {
    let figures = Figures::of(std::slice::from_ref(score));
    writeln!(out, "\nOf {}, {} found:", counted(figures.required, "planted incident"), figures.found)?;
    for Outcome { anomaly, hit } in &score.outcomes {
        let when = match hit {
            Some(hit) => format!("found after {}", duration(hit.delay.max(0))),
            None => "missed".to_owned(),
        };
        writeln!(out, "  {}  {:<24} {when}", anomaly.start, anomaly.kind)?;
    }
    writeln!(out, "Insights that belong to no planted incident: {}", figures.false_alarms)
}
