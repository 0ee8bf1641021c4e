//! The feeds of the configuration, and the arguments that say from when on to alert -> what a scan tells.
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::bail;
use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::ledger::LATELY;
use crate::alert::plan::{Moment, Planned};
use crate::alert::send::Only;
use crate::alert::{AlertError, Alerts, Publishing, ledger_of};
use crate::config::{Config, Format};
use crate::emit::{Earlier, Target, Told};
use crate::insight::Insight;
use crate::pipeline::Stop;
use crate::pipeline::night::{ARRIVAL, GoingOn};
use crate::s3::Buckets;
use crate::state::State;
use crate::summary::{FeedTold, Summary};
use crate::time::Minute;

/// From when on to alert.
#[derive(Debug, clap::Args)]
pub(super) struct AlertArgs {
    /// With --state: tell the feeds only of what was noticed from this time on (UTC). Where not given, a first run and
    /// --rescore tell of the last day, other runs of what was noticed since a day before the last one.
    #[arg(long, value_name = "TIME", value_parser = super::time_arg::parse)]
    alert_since: Option<Minute>,
    /// What alerts take for the time of now; for tests.
    #[arg(long, value_name = "TIME", value_parser = super::time_arg::parse, hide = true)]
    pub(super) now: Option<Minute>,
    /// Whether another round waits for this one.
    #[arg(skip)]
    pub(super) is_round: bool,
    /// In such rounds, when one last read something, or the first one ended.
    #[arg(skip)]
    pub(super) quiet_since: Option<Minute>,
}

/// Time for a feed in a round of `--follow`: the next one is to find what is new within a minute, whoever is slow to answer.
const ROUND: Duration = Duration::from_secs(20);

/// What a scan tells, and when.
#[derive(Debug)]
pub(super) struct Alerting {
    alerts: Alerts,
    moment: Moment,
    /// Whether an earlier run did not come to say what it has published.
    asks_what_was_told: bool,
    /// When that moment was.
    begun: Instant,
    buckets: Buckets,
    stop: Stop,
}

impl AlertArgs {
    /// What time it is.
    pub(super) fn minute(&self) -> Minute {
        Minute::from_epoch((now(self.now).timestamp() / 60) as i32)
    }

    /// The same where nothing new has come for so long that nothing of what was delivered is still on its way: an archive that is
    /// being copied is not judged by the clock.
    pub(super) fn clock(&self) -> Option<Minute> {
        let now = self.minute();
        self.quiet_since.is_some_and(|since| now.since(since) >= ARRIVAL).then_some(now)
    }

    /// The feeds; `None` where there are none, or nothing that could remember what they were told.
    ///
    /// # Errors
    /// When a feed cannot be used: that should fail in the first second, not when something is found.
    pub(super) fn alerting(
        &self,
        config: &Config,
        going_on: Option<&GoingOn>,
        (buckets, format, stop): (&Buckets, Format, Stop),
    ) -> anyhow::Result<Option<Alerting>> {
        let Some(going_on) = going_on else {
            if self.alert_since.is_some() {
                bail!("--alert-since needs --state DIR: only a state remembers what was told");
            }
            if !config.feeds.is_empty() {
                tracing::warn!("Nobody is alerted: told once needs a state, and there is no --state.");
            }
            return Ok(None);
        };
        if config.feeds.is_empty() {
            return Ok(None);
        }
        let alerts = open(config, buckets)?;
        let alerts = if self.is_round { alerts.within(ROUND) } else { alerts };
        not_both(&alerts, format)?;
        // What is damaged should be told before the work, and before anything is published.
        let ledger = ledger_of(&going_on.state)?;
        let now = now(self.now);
        let is_backfill = going_on.state.is_new() || going_on.told.is_some();
        let lately = if is_backfill { now - LATELY } else { ledger.since(now) };
        let settled = TimeDelta::minutes(going_on.settle.into());
        let since = self.alert_since.map_or(lately - settled, time);
        let moment = Moment { now, since, judged_until: None };
        let asks_what_was_told = ledger.has_unpublished();
        let (begun, buckets) = (instant(), buckets.clone());
        Ok(Some(Alerting { alerts, moment, asks_what_was_told, begun, buckets, stop }))
    }
}

impl Alerting {
    /// Whether results must leave standard output to a feed.
    pub(super) fn uses_stdout(&self) -> bool {
        self.alerts.use_stdout()
    }

    /// Notes in the ledger what was found in minutes before `judged_until`, where what was told before this run is as `told` says.
    pub(super) fn note(
        &self,
        state: &mut State,
        insights: &[Insight],
        judged_until: Option<Minute>,
        (publishing, told): (Publishing, Option<&Told>),
    ) -> Result<Planned, AlertError> {
        self.alerts.note(state, insights, Moment { judged_until, ..self.moment }, (publishing, told))
    }

    /// Notes that what was to be published is.
    pub(super) fn note_published(&self, state: &mut State) -> Result<(), AlertError> {
        self.alerts.note_published(state)
    }

    /// Whether an earlier run did not come to say what it has published.
    pub(super) const fn asks_what_was_told(&self) -> bool {
        self.asks_what_was_told
    }

    /// Sends what is pending, and puts what became of it into the summary, below `out` too. The results are published: what
    /// goes wrong here is told, and no failure of the scan.
    pub(super) async fn send(&self, state: State, planned: &Planned, summary: &mut Summary, out: &Path) {
        // Held until the summary is written: no other run can write one meanwhile.
        // A scan takes its time, and receivers are told when they are told.
        let now = self.moment.now + TimeDelta::from_std(self.begun.elapsed()).unwrap_or_default();
        let (_held, told) = match self.alerts.send(state, (now, &Only::All), planned, &self.stop).await {
            Ok((state, told)) => (Some(state), told),
            Err(error) => (None, self.failed(error)),
        };
        summary.alerts = told;
        let target = Target::open(out, Earlier::Kept, &self.buckets);
        let published = target.and_then(|mut target| {
            target.stage(summary.output())?;
            target.publish()
        });
        if let Err(error) = published {
            super::report(
                &anyhow::Error::new(error).context("cannot write what became of alerts into the summary"),
            );
        }
    }

    /// The error names the state's place, of which the summary says nothing.
    fn failed(&self, error: AlertError) -> BTreeMap<String, FeedTold> {
        super::report(&anyhow::Error::new(error).context("cannot keep what was told"));
        let problem = Some("what was told could not be kept in the state".to_owned());
        let told = FeedTold { problem, ..FeedTold::default() };
        self.alerts.names().map(|name| (name.to_owned(), told.clone())).collect()
    }
}

/// All feeds of a configuration.
///
/// # Errors
/// With all that cannot be used; each is reported.
pub(super) fn open(config: &Config, buckets: &Buckets) -> anyhow::Result<Alerts> {
    let opened = Alerts::open(&config.feeds, buckets).map(|alerts| alerts.muting(config.mutes.clone()));
    opened.map_err(|errors| {
        let all: Vec<String> =
            errors.into_iter().map(|error| format!("{:#}", anyhow::Error::new(error))).collect();
        anyhow::anyhow!(all.join("; "))
    })
}

/// Makes sure that standard output is for results or for a feed, not for both.
pub(super) fn not_both(alerts: &Alerts, format: Format) -> anyhow::Result<()> {
    if alerts.use_stdout() && format == Format::Json {
        bail!(
            "--format json and a feed with path = \"-\" both want standard output: name a file for one of them"
        );
    }
    Ok(())
}

/// Now, or what a test takes for it.
#[expect(
    clippy::disallowed_methods,
    reason = "when something is told is a fact about the run, not about the logs"
)]
pub(super) fn now(given: Option<Minute>) -> DateTime<Utc> {
    given.map_or_else(|| SystemTime::now().into(), time)
}

#[expect(clippy::disallowed_methods, reason = "only what passes until something is told is taken from it")]
fn instant() -> Instant {
    Instant::now()
}

/// The beginning of a minute.
pub(super) fn time(minute: Minute) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute.epoch().into())
}
