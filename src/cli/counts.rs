//! `trailpulse counts`: sources -> the per-minute counts table, as Parquet or CSV.
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};

use super::output::{self, Terminal};
use super::pending::Pending;
use super::progress::Bar;
use super::reading::ReadingArgs;
use crate::aggregate::{Attribution, Counts};
use crate::config::Config;
use crate::exit::Exit;
use crate::pipeline::scan::covered;
use crate::pipeline::{Cancel, count};
use crate::store::{csv_table, parquet_table};
use crate::summary::{self, Colour, Look};
use crate::words::printable;

/// Arguments of `counts`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    reading: ReadingArgs,
    /// Where the table goes: a .parquet or .csv file, or - for CSV on standard output.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Count by caller and user agent as well.
    #[arg(long)]
    attributions: bool,
}

/// Where a table goes.
enum Destination {
    Stdout,
    Csv(Pending),
    Parquet(Pending),
}

impl Destination {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let extension =
            path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        match extension.as_deref() {
            _ if path.as_os_str() == "-" => Ok(Self::Stdout),
            Some("csv") => Ok(Self::Csv(Pending::new(path)?)),
            Some("parquet") => Ok(Self::Parquet(Pending::new(path)?)),
            _ => bail!(
                "cannot tell the format of {}: name it .parquet or .csv, or - for CSV on standard output",
                path.display()
            ),
        }
    }

    fn write(self, counts: &Counts, attribution: Attribution, jobs: NonZeroUsize) -> anyhow::Result<()> {
        match self {
            Self::Stdout => {
                output::write(|out| csv_table::write(counts, attribution, out))?;
                count::whole(counts)
            }
            Self::Csv(pending) => {
                let mut out = std::io::BufWriter::new(pending.file());
                csv_table::write(counts, attribution, &mut out)
                    .and_then(|()| out.flush())
                    .with_context(|| format!("cannot write {}", pending.path().display()))?;
                drop(out);
                count::whole(counts)?;
                pending.publish()
            }
            Self::Parquet(pending) => {
                // The writer of headers gives a byte at a time.
                let mut out = std::io::BufWriter::new(pending.file());
                let cannot = || format!("cannot write {}", pending.path().display());
                parquet_table::write(counts, attribution, jobs, &mut out).with_context(cannot)?;
                out.flush().with_context(cannot)?;
                drop(out);
                count::whole(counts)?;
                pending.publish()
            }
        }
    }
}

/// Counts, writes the table, and says on standard error what was read.
pub(super) async fn run(
    args: Args,
    config: &Config,
    terminal: &Terminal,
    cancel: &Cancel,
) -> anyhow::Result<Exit> {
    let destination = Destination::open(&args.out)?;
    let attribution = if args.attributions { Attribution::Kept } else { Attribution::Dropped };
    let reading = args.reading.reading(attribution, config)?;
    let jobs = reading.jobs;
    let progress = Arc::new(Bar::new(terminal.quiet));
    let counted = count::count(reading, cancel, progress).await?;
    cancel.check()?;
    destination.write(&counted.counts, attribution, jobs)?;
    if !terminal.quiet {
        let coverage = covered(&counted.counts, counted.coverage.clone());
        let look = Look { columns: terminal.width, colour: Colour::Off };
        // Standard output may be the table's.
        let _ = summary::write_coverage(&mut std::io::stderr(), &coverage, look);
        if args.out.as_os_str() != "-" {
            let _ = writeln!(std::io::stderr(), "Written to {}", printable(&args.out.display().to_string()));
        }
    }
    Ok(if counted.coverage.skipped.is_empty() { Exit::Done } else { Exit::Incomplete })
}
