//! The arguments that say which state to go on from -> how to go on.
use std::path::PathBuf;

use anyhow::bail;

use crate::config::Scan;
use crate::emit::Told;
use crate::pipeline::count::Reading;
use crate::pipeline::night::GoingOn;
use crate::pipeline::scan::Looking;
use crate::state::{Model, State};

/// Minutes of delivery after which a minute has settled. AWS delivers 99 of 100 records within 9 minutes.
const SETTLE: u16 = 15;
/// Days of history: four weeks of the same minutes, and the week before them.
const KEEP_DAYS: u16 = 35;

/// Where to go on from, and how far.
#[derive(Debug, clap::Args)]
pub(super) struct StateArgs {
    /// Folder or `s3://BUCKET/PREFIX` in which each run leaves what the next one needs: only new files are read, and insights are added to DEST
    /// as minutes settle.
    #[arg(long, value_name = "DIR", env = "TRAILPULSE_STATE")]
    pub(super) state: Option<PathBuf>,
    /// With --state: minutes after which nothing more is expected for a minute, so that it is judged [default: 15].
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u16).range(0..=1440))]
    settle: Option<u16>,
    /// With --state: judge to the end, as if nothing more would come for any minute.
    #[arg(long = "final")]
    to_the_end: bool,
    /// With --state: judge all kept history again, after a change of the model; what was published stays.
    #[arg(long)]
    rescore: bool,
    /// With --state and a bucket: look through the last 35 days of it, not only for what is newer than the last run.
    #[arg(long)]
    relist: bool,
    /// With --state: days of history to keep, at least 35 [default: 35].
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(i64::from(KEEP_DAYS)..=3650))]
    keep_days: Option<u16>,
}

impl StateArgs {
    /// Whether there is a state to go on from.
    pub(super) const fn is_given(&self, settings: &Scan) -> bool {
        self.state.is_some() || settings.state.is_some()
    }

    /// How to go on; `None` where no state is wanted.
    ///
    /// # Errors
    /// When the state cannot be used, or other arguments do not go with it.
    pub(super) fn going_on(
        &self,
        settings: &Scan,
        looking: &Looking,
        reading: &Reading,
    ) -> anyhow::Result<Option<GoingOn>> {
        let Some(path) = self.state.clone().or_else(|| settings.state.clone().map(PathBuf::from)) else {
            let is_flagged = self.to_the_end || self.rescore || self.relist;
            if self.settle.is_some() || is_flagged || self.keep_days.is_some() {
                bail!("--settle, --final, --rescore, --relist and --keep-days need --state DIR");
            }
            return Ok(None);
        };
        let going_on = GoingOn {
            state: State::open(&path, &reading.buckets)?,
            settle: i32::from(self.settle.or(settings.settle).unwrap_or(SETTLE)),
            to_the_end: self.to_the_end,
            relist: self.relist,
            told: self.rescore.then(Told::default),
            keep_days: i32::from(self.keep_days.or(settings.keep_days).unwrap_or(KEEP_DAYS)),
            clock: None,
            model: Model { name: looking.models.base().name().to_owned(), digest: looking.models.digest() },
        };
        let known = &going_on.state.checkpoint().model;
        if !going_on.state.is_new() && *known != going_on.model && !self.rescore {
            tracing::warn!(
                before = known.name,
                now = going_on.model.name,
                "The model has changed since the last run, or its sensitivity or overrides have: what was learned goes on \
                 under the new one. --rescore judges the kept history again."
            );
        }
        Ok(Some(going_on))
    }
}
