//! `trailpulse check`: a configuration -> what it means, or everything that is wrong with it.
use std::io::{self, Write};
use std::path::Path;

use super::config_arg::{DEFAULT_FILE, find};
use super::{model_arg, output};
use crate::config::{Config, ConfigError, Format, Problem};
use crate::exit::Exit;
use crate::time::Minute;
use crate::words::{counted, printable};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// List the rules that have expired by this time (UTC).
    #[arg(long, value_name = "TIME", value_parser = super::time_arg::parse)]
    at: Option<Minute>,
}

/// Prints what the configuration means.
///
/// # Errors
/// With all that is wrong, the model that it names included.
pub(super) fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let Some((file, config)) = find(file)? else {
        return output::write(|out| writeln!(out, "No {DEFAULT_FILE} here: everything is as built in"));
    };
    if let Some(Err(error)) = config.scan.model.as_deref().map(model_arg::load) {
        let problems = vec![Problem { line: config.scan.model_line, text: format!("scan.model: {error:#}") }];
        return Err(ConfigError { file, problems }.into());
    }
    output::write(|out| print(out, &file, &config, args.at))
}

fn print(out: &mut dyn Write, file: &str, config: &Config, at: Option<Minute>) -> io::Result<()> {
    let rules = [("override", config.overrides.len()), ("mute", config.mutes.len())];
    let rules = rules.map(|(thing, number)| counted(number as u64, thing)).join(", ");
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
    for (index, rule) in config.overrides.iter().enumerate() {
        writeln!(out, "  override[{}] {}", index + 1, printable(&rule.to_string()))?;
    }
    for rule in &config.mutes {
        let expired = rule.expires.zip(at).is_some_and(|(expires, at)| expires <= at);
        let expired = if expired { "  EXPIRED" } else { "" };
        writeln!(out, "  {} {}{expired}", printable(&rule.id), printable(&rule.to_string()))?;
    }
    Ok(())
}
