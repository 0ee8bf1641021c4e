//! `trailpulse alert`: a feed and nothing, or a time and what was published -> messages, sent or only shown.
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::alerting::{now, open};
use super::output;
use crate::alert::plan::{Again, Planned};
use crate::alert::replay::found_in;
use crate::alert::send::Only;
use crate::alert::{Alerts, ledger_of};
use crate::config::Config;
use crate::emit::published_lines;
use crate::exit::Exit;
use crate::pipeline::Cancel;
use crate::s3::Buckets;
use crate::state::State;
use crate::summary::{FeedTold, write_alerts};
use crate::time::Minute;

/// Arguments of `alert`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["test", "replay"]))]
pub(super) struct Args {
    /// Send a message that says it is a test to this feed of the configuration; nothing remembers it.
    #[arg(long, value_name = "FEED")]
    test: Option<String>,
    /// Tell the feeds what was published of the time from --from to --to and was not delivered to them.
    #[arg(long, requires = "from", requires = "to")]
    replay: bool,
    /// With --replay: insights that began or ended from this time on (UTC).
    #[arg(long, value_name = "TIME", requires = "replay", value_parser = super::time_arg::parse)]
    from: Option<Minute>,
    /// With --replay: only those before this time (UTC).
    #[arg(long, value_name = "TIME", requires = "replay", value_parser = super::time_arg::parse)]
    to: Option<Minute>,
    /// With --replay: only this feed.
    #[arg(long, value_name = "FEED", requires = "replay")]
    feed: Option<String>,
    /// With --replay: print what would be sent, one JSON object a line, secrets hidden; send nothing.
    #[arg(long, requires = "replay")]
    dry_run: bool,
    /// With --replay: also what was delivered already, with the same keys as far as the messages are the same.
    #[arg(long, requires = "replay")]
    again: bool,
    /// With --replay: where scan has published. Where not given, the configuration's.
    #[arg(short, long, value_name = "DEST", env = "TRAILPULSE_OUT")]
    out: Option<PathBuf>,
    /// With --replay: the state that remembers what was told. Where not given, the configuration's.
    #[arg(long, value_name = "DIR", env = "TRAILPULSE_STATE")]
    state: Option<PathBuf>,
    /// What is taken for the time of now; for tests.
    #[arg(long, value_name = "TIME", value_parser = super::time_arg::parse, hide = true)]
    now: Option<Minute>,
}

/// Sends, or shows what would be sent.
pub(super) async fn run(args: Args, mut config: Config, cancel: &Cancel) -> anyhow::Result<Exit> {
    let buckets = Buckets::new(config.s3.clone());
    if config.feeds.is_empty() {
        bail!("the configuration has no feeds: name each in a [[feed]]");
    }
    if let Some(wanted) = args.test.as_deref().or(args.feed.as_deref()) {
        let names: Vec<String> = config.feeds.iter().map(|feed| feed.name.to_string()).collect();
        // What another feed lacks is no matter here, and nobody else is told.
        config.feeds.retain(|feed| *feed.name == *wanted);
        if config.feeds.is_empty() {
            bail!("the configuration has no feed {wanted}; it has {}", names.join(", "));
        }
    }
    let alerts = open(&config, &buckets)?;
    match &args.test {
        Some(feed) => test(&args, feed, &alerts, cancel).await,
        None => replay(&args, &config, &alerts, (&buckets, cancel)).await,
    }
}

async fn test(args: &Args, feed: &str, alerts: &Alerts, cancel: &Cancel) -> anyhow::Result<Exit> {
    let told = alerts.test(feed, now(args.now), &cancel.stop()).await;
    match told.context("the configuration has no such feed")? {
        Ok(()) => output::write(|out| writeln!(out, "A test was delivered to {feed}")),
        Err(why) => {
            super::report(&anyhow::anyhow!("a test was not delivered to {feed}: {why}"));
            Ok(Exit::Incomplete)
        }
    }
}

async fn replay(
    args: &Args,
    config: &Config,
    alerts: &Alerts,
    (buckets, cancel): (&Buckets, &Cancel),
) -> anyhow::Result<Exit> {
    let settings = &config.scan;
    let of = |argument: &Option<PathBuf>, setting: &Option<String>| {
        argument.clone().or_else(|| setting.clone().map(PathBuf::from))
    };
    let out = of(&args.out, &settings.out).context("--replay needs --out DEST: where scan has published")?;
    let (from, to) = (args.from.context("--replay needs --from")?, args.to.context("--replay needs --to")?);
    if from > to {
        bail!("--from {from} is after --to {to}: nothing lies between");
    }
    let found = found_in(&published_lines(&out, buckets)?, from, to);
    let again = if args.again { Again::Yes } else { Again::No };
    let now = now(args.now);
    let only = Only::These(Arc::new(found.iter().map(|found| found.event.record.event_id.clone()).collect()));
    let state = of(&args.state, &settings.state);
    if args.dry_run {
        let state = state.map(|state| State::read_only(&state, buckets)).transpose()?;
        let mut ledger = state.as_ref().map(ledger_of).transpose()?.unwrap_or_default();
        let judged_until = state.as_ref().and_then(|state| state.checkpoint().judged_until);
        alerts.plan_again(&mut ledger, &found, (now, judged_until), again);
        return output::write(|out| {
            for preview in alerts.preview(&ledger, &only, now) {
                serde_json::to_writer(&mut *out, &preview)?;
                writeln!(out)?;
            }
            Ok(())
        });
    }
    let state = state.context("--replay needs --state DIR, which remembers what was told, or --dry-run")?;
    let mut state = State::open(&state, buckets)?;
    if state.is_new() {
        bail!("there is no state in {}; scan --state makes one", state.path().display());
    }
    alerts.note_again(&mut state, &found, now, again)?;
    let (_, told) = alerts.send(state, (now, &only), &Planned::new(), &cancel.stop()).await?;
    let printed = output::write(|out| write_alerts(out, &told))?;
    Ok(if told.values().all(FeedTold::is_complete) { printed } else { Exit::Incomplete })
}
