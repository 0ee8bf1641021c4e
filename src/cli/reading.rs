//! The arguments that say what to read, shared by every command that reads -> a `Reading`.
use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::bail;

use crate::aggregate::Attribution;
use crate::config::Config;
use crate::pipeline::count::Reading;
use crate::s3::Buckets;
use crate::source::read::TimeRange;
use crate::time::Minute;

/// More threads than any machine has use for; many more, and the system refuses to make them.
const MOST_JOBS: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

/// What to read.
#[derive(Debug, clap::Args)]
pub(super) struct ReadingArgs {
    /// Folders, log files, `s3://BUCKET/PREFIX`, - for standard input, or counts tables (.parquet, .csv, .csv.gz).
    #[arg(required = true, value_name = "SOURCE")]
    pub(super) sources: Vec<PathBuf>,
    /// From this time on (UTC): counts only rows from then on; scan learns from all, and reports insights noticed
    /// from then on. A time is such as 2026-01-31, 2026-01-31T18:00 or 2026-01-31T18:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = super::time_arg::parse)]
    from: Option<Minute>,
    /// Only events before this time (UTC).
    #[arg(long, value_name = "TIME", value_parser = super::time_arg::parse)]
    to: Option<Minute>,
    /// Threads, at most 256; all cores where not given.
    #[arg(short, long, value_name = "N", env = "TRAILPULSE_JOBS")]
    jobs: Option<NonZeroUsize>,
}

impl ReadingArgs {
    /// Which event times count, where an argument says.
    pub(super) const fn range(&self) -> TimeRange {
        TimeRange { from: self.from, to: self.to }
    }

    /// The same, as the pipeline wants it; what was not given is as `config` says.
    ///
    /// # Errors
    /// When the time range is empty.
    pub(super) fn reading(&self, attribution: Attribution, config: &Config) -> anyhow::Result<Reading> {
        let settings = &config.scan;
        let range = TimeRange { from: self.from.or(settings.from), to: self.to.or(settings.to) };
        not_empty(range)?;
        let (sources, jobs) = (self.sources.clone(), jobs(self.jobs.or(settings.jobs)));
        Ok(Reading { sources, range, attribution, jobs, buckets: Buckets::new(config.s3.clone()) })
    }
}

/// Makes sure that there is time in a range.
pub(super) fn not_empty(range: TimeRange) -> anyhow::Result<()> {
    if let TimeRange { from: Some(from), to: Some(to) } = range
        && from >= to
    {
        bail!("the time range is empty: --from {from} is not before --to {to}");
    }
    Ok(())
}

/// Threads to use, where the user asked for `wanted`.
pub(super) fn jobs(wanted: Option<NonZeroUsize>) -> NonZeroUsize {
    let jobs = wanted.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    jobs.min(MOST_JOBS)
}
