//! `trailpulse generate`: arguments -> a log tree with planted incidents, and a summary on the given writer.
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::output;
use crate::exit::Exit;
use crate::generate::{self, Generated, Options};
use crate::pipeline::Cancel;

/// Write a realistic organization's CloudTrail log tree, with planted incidents and the labels that tell them.
#[derive(Debug, Args)]
pub(super) struct GenerateArgs {
    /// Folder for the tree and labels.json; must be empty, or made by an earlier `generate`
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Days of activity, from 2026-01-05
    #[arg(long, value_name = "N", default_value_t = 35)]
    days: u32,
    /// The same seed gives the same bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// AWS accounts in the organization
    #[arg(long, value_name = "N", default_value_t = 4)]
    accounts: usize,
    /// About how many records; jobs with a fixed rhythm make theirs (some 2,000 a day) in any case
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    records: u64,
    /// Minutes that quiet accounts and regions wait for their next log file at most, 5 to 60: AWS delivers every five
    /// minutes, which makes very many small files
    #[arg(long, value_name = "MINUTES", default_value_t = 10)]
    wait: u32,
}

/// Writes the tree, and says what it holds.
pub(super) fn run(args: &GenerateArgs, cancel: &Cancel) -> anyhow::Result<Exit> {
    let &GenerateArgs { days, seed, accounts, records, wait, .. } = args;
    let options = Options { out: args.out.clone(), days, seed, accounts, records, wait };
    let generated = write(&options, cancel)?;
    output::write(|out| print(out, &options, &generated))
}

/// Writes the tree, unless it is interrupted.
pub(super) fn write(options: &Options, cancel: &Cancel) -> anyhow::Result<Generated> {
    let written = generate::write(options, &|| cancel.is_cancelled());
    cancel.check()?;
    written.context("cannot generate a log tree")
}

/// What was written, and the incidents in it.
pub(super) fn print(out: &mut dyn Write, options: &Options, generated: &Generated) -> io::Result<()> {
    let totals = generated.totals;
    writeln!(
        out,
        "Generated {} records ({} of them twice) in {} log files under {}, {} bytes each on average",
        totals.records,
        totals.duplicates,
        totals.files,
        options.out.display(),
        totals.mean_record_bytes
    )?;
    let asked = options.records;
    if totals.records > asked + asked / 20 {
        writeln!(
            out,
            "More than the {asked} records asked for: the jobs with a fixed rhythm make that many"
        )?;
    }
    writeln!(
        out,
        "{} incidents planted, as told in {}:",
        generated.incidents.len(),
        generated.labels.display()
    )?;
    for incident in &generated.incidents {
        writeln!(out, "  {}  {:<20} {}", incident.start, incident.kind, incident.text)?;
    }
    Ok(())
}
