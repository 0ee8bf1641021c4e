//! `trailpulse check`: a configuration, SOURCEs and DEST -> what it means, or everything that is wrong with it.
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::alerting::not_both;
use super::config_arg::{DEFAULT_FILE, find};
use super::pending::Pending;
use super::places::Places;
use super::{model_arg, output};
use crate::alert::{Alerts, ledger_of};
use crate::config::{Config, ConfigError, Format, Problem, S3, Scan};
use crate::emit::{Earlier, Target};
use crate::exit::Exit;
use crate::s3::{Buckets, is_s3};
use crate::source::walk::reach;
use crate::state::State;
use crate::time::Minute;
use crate::words::{counted, printable};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What scan will read: each is looked at, whether it is there.
    #[arg(value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// Where scan will publish: tried by writing a probe there. Where not given, the configuration's.
    #[arg(short, long, value_name = "DEST", env = "TRAILPULSE_OUT")]
    out: Option<PathBuf>,
    /// The state of nightly scans: opened, and left as it is. Where not given, the configuration's.
    #[arg(long, value_name = "DIR", env = "TRAILPULSE_STATE")]
    state: Option<PathBuf>,
    /// Where scan will write metrics. Where not given, the configuration's.
    #[arg(long, value_name = "FILE", env = "TRAILPULSE_METRICS")]
    metrics: Option<PathBuf>,
    /// List the rules that have expired by this time (UTC).
    #[arg(long, value_name = "TIME", value_parser = super::time_arg::parse)]
    at: Option<Minute>,
}

/// Prints what the configuration means, and what of it can be reached; and everything that is wrong.
///
/// # Errors
/// When there is no such file, or nothing can be printed.
pub(super) fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let (found, mut wrong) = match find(file) {
        Ok(found) => (found, None),
        Err(error) => (None, Some(error.downcast::<ConfigError>()?)),
    };
    let config = found.as_ref().map(|(_, config)| config.clone()).unwrap_or_default();
    if let Some(problem) = problem_of_model(wrong.as_ref().map_or(&config.scan, |wrong| &wrong.scan)) {
        let of_file = || ConfigError {
            file: found.as_ref().map(|(file, _)| file.clone()).unwrap_or_default(),
            scan: Box::new(config.scan.clone()),
            problems: Vec::new(),
        };
        let problems = &mut wrong.get_or_insert_with(of_file).problems;
        problems.push(problem);
        problems.sort_by_key(|problem| problem.line);
    }
    let places = args.places().or(wrong.as_ref().map_or(&config.scan, |wrong| &wrong.scan));
    let at_odds = places.problems();
    let (reached, problems) = match &wrong {
        None => reach_all(&places, &config),
        Some(_) => reach_on_disk(places),
    };
    let is_valid = wrong.is_none() && at_odds.is_empty();
    let printed = output::write(|out| {
        match &found {
            _ if !is_valid => {}
            Some((file, config)) => print(out, file, config, args.at)?,
            None => writeln!(out, "No {DEFAULT_FILE} here: everything is as built in")?,
        }
        reached.iter().try_for_each(|what| writeln!(out, "  {}", printable(what)))
    })?;
    let is_well = is_valid && problems.is_empty();
    for problem in wrong.map(anyhow::Error::from).iter().chain(&at_odds).chain(&problems) {
        super::report(problem);
    }
    Ok(if is_well { printed } else { Exit::Failed })
}

impl Args {
    fn places(&self) -> Places {
        Places {
            sources: self.sources.clone(),
            out: self.out.clone(),
            state: self.state.clone(),
            metrics: self.metrics.clone(),
            ..Places::default()
        }
    }
}

/// What is wrong with the model that the file names.
fn problem_of_model(scan: &Scan) -> Option<Problem> {
    let error = model_arg::load(scan.model.as_deref()?).err()?;
    Some(Problem { line: scan.model_line, text: format!("scan.model: {error:#}") })
}

/// The same as [`reach_all`], but for buckets: what is wrong in the file may be how to reach them.
fn reach_on_disk(mut places: Places) -> (Vec<String>, Vec<anyhow::Error>) {
    let Places { sources, out, state, .. } = &mut places;
    let all = sources.len();
    sources.retain(|source| !is_s3(source));
    let is_asked = sources.len() == all;
    for path in [out, state] {
        *path = path.take().filter(|path| !is_s3(path));
    }
    let (reached, mut problems) = reach_all(&places, &Config::default());
    if !is_asked {
        problems.push(anyhow!("no bucket was asked: how to reach it may be what is wrong in the file"));
    }
    (reached, problems)
}

/// What can be reached of all that a scan would need, and why not of the rest.
fn reach_all(places: &Places, config: &Config) -> (Vec<String>, Vec<anyhow::Error>) {
    let Places { sources, out, state, metrics, .. } = places;
    let buckets = Buckets::new(config.s3.clone());
    let earlier = if state.is_some() { Earlier::Kept } else { Earlier::Replaced };
    let mut outcomes: Vec<(String, anyhow::Result<()>)> = Vec::new();
    for source in sources {
        outcomes.push((
            format!("can read {}", source.display()),
            reach(source, &buckets).map_err(anyhow::Error::from),
        ));
    }
    if let Some(out) = out {
        let opened = Target::open(out, earlier, &buckets).and_then(|target| {
            if config.scan.report == Some(false) { Ok(()) } else { target.report_before().map(drop) }
        });
        outcomes.push((format!("can write to {}", out.display()), opened.map_err(anyhow::Error::from)));
    }
    if let Some(state) = state {
        let opened = State::open(state, &buckets).map_err(anyhow::Error::from);
        let opened = opened.and_then(|state| Ok(ledger_of(&state).map(drop)?));
        outcomes.push((format!("can use the state {}", state.display()), opened));
    }
    if let Some(metrics) = metrics {
        outcomes
            .push((format!("can write metrics to {}", metrics.display()), Pending::new(metrics).map(drop)));
    }
    let (mut reached, mut problems) = (Vec::new(), Vec::new());
    for feed in &config.feeds {
        let opened = Alerts::open(std::slice::from_ref(feed), &buckets);
        let opened = opened.map_err(|errors| errors.into_iter().map(anyhow::Error::from).collect::<Vec<_>>());
        let format = config.scan.format.filter(|_| state.is_some()).unwrap_or(Format::Text);
        match opened.and_then(|alerts| not_both(&alerts, format).map_err(|error| vec![error])) {
            Ok(()) => reached.push(format!(
                "can tell the feed {}, as far as its settings go: alert --test {0} tries it",
                feed.name
            )),
            Err(errors) => problems.extend(errors),
        }
    }
    for (what, outcome) in outcomes {
        match outcome {
            Ok(()) => reached.push(what),
            Err(error) => problems.push(error),
        }
    }
    (reached, problems)
}

fn print(out: &mut dyn Write, file: &str, config: &Config, at: Option<Minute>) -> io::Result<()> {
    let mut rules = vec![("override", config.overrides.len()), ("mute", config.mutes.len())];
    rules.extend((!config.feeds.is_empty()).then_some(("feed", config.feeds.len())));
    let rules =
        rules.into_iter().map(|(thing, number)| counted(number as u64, thing)).collect::<Vec<_>>().join(", ");
    writeln!(out, "{} is valid: {rules}", printable(file))?;
    let scan = &config.scan;
    let settings = [
        ("out", scan.out.clone()),
        ("metrics", scan.metrics.clone()),
        ("state", scan.state.clone()),
        ("settle", scan.settle.map(|minutes| minutes.to_string())),
        ("keep_days", scan.keep_days.map(|days| days.to_string())),
        ("model", scan.model.clone()),
        ("sensitivity", scan.sensitivity.map(|number| number.to_string())),
        ("jobs", scan.jobs.map(|number| number.to_string())),
        (
            "format",
            scan.format.map(|format| match format {
                Format::Text => "text".to_owned(),
                Format::Json => "json".to_owned(),
            }),
        ),
        ("fail_on_insight", scan.fail_on_insight.map(|flag| flag.to_string())),
        ("report", scan.report.map(|flag| flag.to_string())),
        (
            "roll_up",
            (!scan.roll_up.is_empty())
                .then(|| scan.roll_up.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")),
        ),
        ("from", scan.from.map(|minute| minute.to_string())),
        ("to", scan.to.map(|minute| minute.to_string())),
    ];
    for (key, value) in settings {
        if let Some(value) = value {
            writeln!(out, "  scan.{key} = {}", printable(&value))?;
        }
    }
    print_s3(out, &config.s3)?;
    for (index, rule) in config.overrides.iter().enumerate() {
        writeln!(out, "  override[{}] {}", index + 1, printable(&rule.to_string()))?;
    }
    for rule in &config.mutes {
        let expired = rule.expires.zip(at).is_some_and(|(expires, at)| expires <= at);
        let expired = if expired { "  EXPIRED" } else { "" };
        writeln!(out, "  {} {}{expired}", printable(&rule.id), printable(&rule.to_string()))?;
    }
    for feed in &config.feeds {
        writeln!(
            out,
            "  feed {} ({}): {}",
            feed.name,
            feed.kind.name(),
            printable(&feed.matching.to_string())
        )?;
    }
    Ok(())
}

fn print_s3(out: &mut dyn Write, s3: &S3) -> io::Result<()> {
    let encryption = s3.encryption.as_ref();
    let tags: Vec<String> = s3.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let settings = [
        ("endpoint", s3.endpoint.clone()),
        ("region", s3.region.clone()),
        ("profile", s3.profile.clone()),
        ("path_style", s3.path_style.map(|flag| flag.to_string())),
        ("anonymous", s3.anonymous.map(|flag| flag.to_string())),
        ("sse", encryption.map(|encryption| encryption.with.to_owned())),
        ("kms_key_id", encryption.and_then(|encryption| encryption.kms_key_id.clone())),
        ("bucket_key", encryption.and_then(|encryption| encryption.bucket_key).map(|flag| flag.to_string())),
        ("tags", (!tags.is_empty()).then(|| tags.join(", "))),
        ("retries", s3.retries.map(|number| number.to_string())),
        ("timeout", s3.timeout.map(|seconds| seconds.to_string())),
    ];
    for (key, value) in settings.into_iter().filter_map(|(key, value)| Some((key, value?))) {
        writeln!(out, "  s3.{key} = {}", printable(&value))?;
    }
    Ok(())
}
